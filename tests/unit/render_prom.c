/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The writer of Prometheus' text format. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>

#include "common/render_prom.h"

#define LABELS(...) ((const struct prom_label[]){__VA_ARGS__, {0}})

static void a_family_has_one_head_and_its_samples(void **state)
{
	struct prom p;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	prom_family(&p, &out, "a_total", true, "Say \"a\\b\"\nand more.");
	prom_sample(&p, LABELS({"x", "1"}), 5, 0);
	prom_sample(&p, LABELS({"x", "2"}, {"y", "z"}), 0.1250, 5);
	prom_family(&p, &out, "b", false, "B.");
	prom_sample(&p, NULL, -3, 0);
	assert_string_equal(buf_str(&out),
			    "# HELP a_total Say \"a\\\\b\" and more.\n# TYPE a_total counter\n"
			    "a_total{x=\"1\"} 5\na_total{x=\"2\",y=\"z\"} 0.125\n"
			    "# HELP b B.\n# TYPE b gauge\nb -3\n");
}

static void what_is_not_known_leaves_no_line(void **state)
{
	struct prom p;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	prom_family(&p, &out, "a", false, "A.");
	prom_sample(&p, NULL, NAN, 0);
	prom_sample(&p, NULL, INFINITY, 0);
	assert_int_equal(out.len, 0);
}

static void values_of_labels_are_escaped_and_stay_different(void **state)
{
	static const struct {
		const char *value, *shown;
	} rows[] = {
		{"plain é", "plain é"}, {"a\"b", "a\\\"b"},	 {"a\\b", "a\\\\x5cb"},
		{"a\nb", "a\\\\x0ab"},	 {"a\\x0ab", "a\\\\x5cx0ab"}, {"a\xff" "b", "a\\\\xffb"},
		{"", ""},		 {"\\", "\\\\x5c"},	 {"\xe2\x80\xae", "\\\\xe2\\\\x80\\\\xae"},
		{"x\"} 1\n# TYPE y gauge", "x\\\"} 1\\\\x0a# TYPE y gauge"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct prom p;
		_buf_ struct buf out = BUF_INIT(8192), expected = BUF_INIT(8192);
		prom_family(&p, &out, "a", false, "A.");
		prom_sample(&p, LABELS({"x", rows[i].value}), 1, 0);
		buf_addf(&expected, "# HELP a A.\n# TYPE a gauge\na{x=\"%s\"} 1\n", rows[i].shown);
		assert_string_equal(buf_str(&out), buf_str(&expected));
	}
}

static void a_label_without_a_name_ends_the_labels(void **state)
{
	struct prom p;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	prom_family(&p, &out, "a", false, "A.");
	prom_sample(&p, LABELS({NULL, "never"}), 1, 0);
	assert_string_equal(buf_str(&out), "# HELP a A.\n# TYPE a gauge\na 1\n");
}

static void a_limit_is_told(void **state)
{
	struct prom p;
	_buf_ struct buf out = BUF_INIT(40);
	(void)state;
	prom_family(&p, &out, "a", false, "A.");
	for (int i = 0; i < 10; i++)
		prom_sample(&p, NULL, i, 0);
	assert_int_equal(buf_error(&out), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_has_one_head_and_its_samples),
		cmocka_unit_test(what_is_not_known_leaves_no_line),
		cmocka_unit_test(values_of_labels_are_escaped_and_stay_different),
		cmocka_unit_test(a_label_without_a_name_ends_the_labels),
		cmocka_unit_test(a_limit_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
