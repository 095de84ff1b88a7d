/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <math.h>

#include "indexer/monitor/monitor_missing.h"

/**
 * A file: "v3" volume, "r1-5" range, "c7" chapter, "h3.5" half, "s" special, "p" pack, "x4" corrupt,
 * "i4" incomplete.
 */
static struct store_number file_of(const char *text)
{
	struct store_number n = {.volume = NAN, .volume_end = NAN, .chapter = NAN};
	double a = NAN, b = NAN;
	sscanf(text + 1, "%lf-%lf", &a, &b);
	const char *kind = strchr("vhxi", text[0]) ? "volume" : strchr("rp", text[0]) ? "range"
			   : text[0] == 'c' ? "chapter"
					    : "special";
	snprintf(n.kind, sizeof n.kind, "%s", kind);
	if (text[0] == 'c')
		n.chapter = a;
	else if (text[0] != 'p')
		n.volume = a;
	n.volume_end = b;
	n.is_corrupt = text[0] == 'x';
	n.is_incomplete = text[0] == 'i';
	return n;
}

static void check(const char *const *files, int64_t count, struct store_expected expected,
		  const char *want)
{
	struct store_number numbers[32];
	struct store_gaps gaps;
	char got[512] = "";
	size_t n = 0;
	for (; files[n]; n++) {
		numbers[n] = file_of(files[n]);
		numbers[n].count = count;
	}
	assert_int_equal(monitor_missing(numbers, n, &expected, &gaps), 0);
	for (size_t i = 0; i < gaps.count; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld%c%s", i ? " " : "",
			 (long long)gaps.gap[i].volume, gaps.gap[i].kind[0],
			 strcmp(gaps.gap[i].state, "corrupt") == 0	? "!"
			 : strcmp(gaps.gap[i].state, "incomplete") == 0 ? "~"
			 : strcmp(gaps.gap[i].state, "wanted") == 0	? ""
									: "?");
	assert_string_equal(got, want);
	free(gaps.gap);
	free(gaps.owned);
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NORMAL ((struct store_expected){.first = 1})

static void gaps_are_interior_or_at_the_tail(void **state)
{
	(void)state;
	check(FILES("v1", "v2", "v4"), 0, NORMAL, "3i");
	check(FILES("v3"), 0, NORMAL, "1i 2i");
	check(FILES("v1", "v2"), 4, NORMAL, "3t 4t");
	check(FILES("v1"), 0, ((struct store_expected){1, 3}), "2t 3t");
	/* the user's word is above ComicInfo's */
	check(FILES("v1"), 9, ((struct store_expected){1, 2}), "2t");
}

static void ranges_cover_what_they_contain(void **state)
{
	(void)state;
	check(FILES("r1-5", "v7"), 0, NORMAL, "6i");
	check(FILES("r2-3"), 0, NORMAL, "1i");
}

static void only_regular_volumes_count(void **state)
{
	(void)state;
	check(FILES("v1", "h2.5", "v3"), 0, NORMAL, "2i");
	check(FILES("v1", "s", "p", "c9"), 0, NORMAL, "");
	/* chapters only: no gaps whatever Count says */
	check(FILES("c1", "c3"), 30, NORMAL, "");
	check(FILES("p"), 30, NORMAL, "");
}

static void a_volume_zero_begins_the_series(void **state)
{
	(void)state;
	check(FILES("v0", "v2"), 0, NORMAL, "1i");
	check(FILES("v5", "v7"), 0, ((struct store_expected){5, 0}), "6i");
}

static void a_damaged_volume_is_missing_and_says_why(void **state)
{
	(void)state;
	check(FILES("v1", "x2", "v3"), 0, NORMAL, "2i!");
	check(FILES("v1", "x2", "v2", "v3"), 0, NORMAL, "");
	check(FILES("v1", "x2"), 0, NORMAL, "2i!");
}

static void a_volume_that_is_being_copied_is_incomplete(void **state)
{
	(void)state;
	check(FILES("v1", "i2", "v3"), 0, NORMAL, "2i~");
	check(FILES("v1", "i2", "v2", "v3"), 0, NORMAL, "");
	check(FILES("v1", "i2", "x3", "v4"), 5, NORMAL, "2i~ 3i! 5t");
	/* the damaged file is being replaced */
	check(FILES("v1", "x2", "i2"), 0, NORMAL, "2i~");
	check(FILES("v1", "i2", "x2"), 0, NORMAL, "2i~");
	check(FILES("i0", "v1"), 0, NORMAL, "0i~");
}

static void numbers_that_cannot_be_are_not_believed(void **state)
{
	(void)state;
	check(FILES("v1", "v99999"), 0, NORMAL, "");
	check(FILES("v1"), 1000000, NORMAL, "");
}

static void owned_volumes_are_listed_once(void **state)
{
	struct store_number n[] = {file_of("v2"), file_of("r1-3"), file_of("x5")};
	struct store_gaps gaps;
	(void)state;
	assert_int_equal(monitor_missing(n, 3, &NORMAL, &gaps), 0);
	assert_string_equal(gaps.owned, "[1, 2, 3]");
	free(gaps.gap);
	free(gaps.owned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_interior_or_at_the_tail),
		cmocka_unit_test(ranges_cover_what_they_contain),
		cmocka_unit_test(only_regular_volumes_count),
		cmocka_unit_test(a_volume_zero_begins_the_series),
		cmocka_unit_test(a_damaged_volume_is_missing_and_says_why),
		cmocka_unit_test(a_volume_that_is_being_copied_is_incomplete),
		cmocka_unit_test(numbers_that_cannot_be_are_not_believed),
		cmocka_unit_test(owned_volumes_are_listed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
