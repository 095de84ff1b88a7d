/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include "common/config.h"
#include "common/orders.h"

/** Loads @text as a file; the complaints are left in @why. */
static int load(const char *text, struct config **c, struct buf *why)
{
	char *dir = unit_folder(), path[4096];
	snprintf(path, sizeof path, "%s/conf", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	int r = config_load(path, c, why);
	unit_remove(dir);
	return r;
}

static void refused(const char *text, const char *first, const char *second)
{
	struct config *c = NULL;
	_buf_ struct buf why = BUF_INIT(1 << 16);
	int r = load(text, &c, &why);
	config_free(c);
	assert_int_not_equal(r, 0);
	if (!strstr(buf_str(&why), first) || !strstr(buf_str(&why), second))
		fail_msg("\"%s\" and \"%s\" are not in: %s", first, second, buf_str(&why));
}

static void the_default_file_is_read_back_as_it_is(void **state)
{
	struct config *a = NULL, *b = NULL;
	_buf_ struct buf text = BUF_INIT(1 << 20), why = BUF_INIT(1 << 16);
	(void)state;
	config_print_default(&text);
	assert_int_equal(config_default(&a), 0);
	if (load(buf_str(&text), &b, &why) < 0)
		fail_msg("%s", buf_str(&why));
	for (int id = 0; id < OPTION_COUNT; id++) {
		assert_int_equal(config_int(a, (enum option_id)id), config_int(b, (enum option_id)id));
		assert_int_equal(config_count(a, (enum option_id)id), config_count(b, (enum option_id)id));
		for (size_t i = 0; i < config_count(a, (enum option_id)id); i++)
			assert_string_equal(config_item(a, (enum option_id)id, i),
					    config_item(b, (enum option_id)id, i));
		assert_true(strlen(OPTIONS_TABLE[id].help) > 10);
	}
	config_free(a);
	config_free(b);
}

/** Each example of a load profile, without its marks of a comment, is a good configuration. */
static void the_profiles_of_the_default_file_can_be_used(void **state)
{
	_buf_ struct buf text = BUF_INIT(1 << 20), profile = BUF_INIT(1 << 16), why = BUF_INIT(1 << 16);
	int profiles = 0;
	(void)state;
	config_print_default(&text);
	char *save = NULL;
	for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "#   ", 4) == 0) {
			buf_addf(&profile, "%s\n", line + 4);
			continue;
		}
		struct config *c = NULL;
		if (profile.len && load(buf_str(&profile), &c, &why) < 0)
			fail_msg("%s: %s", buf_str(&profile), buf_str(&why));
		profiles += profile.len > 0;
		config_free(c);
		buf_reset(&profile);
	}
	assert_int_equal(profiles, 3);
}

static void values_are_taken(void **state)
{
	struct config *c = NULL;
	_buf_ struct buf why = BUF_INIT(1 << 16);
	(void)state;
	int r = load("music = {\"/a\", \"/b c\"}\nstate_dir = \"/s\"\n"
		     "scan {\n workers = 3\n interval = \"90s\"\n exclude = {}\n}\n",
		     &c, &why);
	if (r < 0)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(config_count(c, OPT_music), 2);
	assert_string_equal(config_item(c, OPT_music, 1), "/b c");
	assert_string_equal(config_state_dir(c), "/s");
	assert_int_equal(config_int(c, OPT_scan_workers), 3);
	assert_true(config_int(c, OPT_scan_interval) == INT64_C(90000000000));
	assert_int_equal(config_count(c, OPT_scan_exclude), 0);
	config_free(c);
}

static void an_unknown_key_is_an_error_with_its_line_and_the_nearest_key(void **state)
{
	(void)state;
	refused("\nmusik = {\"/a\"}\n", "conf:2:", "did you mean \"music\"");
	refused("scan {\n  walker = 2\n}\n", "conf:2:", "did you mean \"walkers\"");
}

static void every_option_refuses_what_it_cannot_be(void **state)
{
	(void)state;
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *o = &OPTIONS_TABLE[id];
		char text[256];
		if (o->kind == OPTION_TEXT || o->kind == OPTION_LIST)
			continue;
		snprintf(text, sizeof text, "%s%s %s = \"banana\"\n%s", o->section ? o->section : "",
			 o->section ? " {\n" : "", o->key, o->section ? "}\n" : "");
		refused(text, o->key, "banana");
	}
	refused("music = {\"relative\"}\n", "music", "no absolute path");
	refused("state_dir = \"state\"\n", "state_dir", "absolute path");
	refused("log_level = \"loud\"\n", "log_level", "loud");
	refused("prowlarr {\n url = \"127.0.0.1\"\n}\n", "prowlarr.url", "http://");
	refused("hook {\n exec = \"notify.sh\"\n}\n", "hook.exec", "absolute path");
	refused("path_map = {\"/a\"}\n", "path_map", "'='");
	refused("scan {\n workers = 99\n}\n", "workers", "from 0 to 16");
	refused("music = {\"/a\"\n", "conf:", "");
}

static void durations_have_units(void **state)
{
	(void)state;
	assert_true(config_duration("2m") == INT64_C(120000000000));
	assert_true(config_duration("1d") == INT64_C(86400000000000));
	assert_true(config_duration("5") < 0);
	assert_true(config_duration("-5s") < 0);
	assert_true(config_duration("x") < 0);
}

static void every_order_explains_itself(void **state)
{
	(void)state;
	for (int i = 0; i < ORDER_COUNT; i++) {
		const struct order_row *o = &ORDERS_TABLE[i];
		assert_int_equal(order_find(o->name, strlen(o->name)), i);
		assert_true(*o->grammar && *o->example && *o->help);
		/* the kernel splits ">>" at a page boundary counted from the end of this text */
		assert_true(strlen(o->grammar) + strlen(o->example) + strlen(o->help) < 800);
	}
	assert_int_equal(order_find("nothing", 7), ORDER_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_file_is_read_back_as_it_is),
		cmocka_unit_test(the_profiles_of_the_default_file_can_be_used),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(an_unknown_key_is_an_error_with_its_line_and_the_nearest_key),
		cmocka_unit_test(every_option_refuses_what_it_cannot_be),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(every_order_explains_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
