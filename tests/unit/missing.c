/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <math.h>

#include "common/cleanup.h"
#include "indexer/monitor/monitor_missing.h"

/**
 * A file: "v3" volume, "r1-5" range, "o2" omnibus, "c7" chapter, "h3.5" half, "s" special, "p" pack,
 * "a" complete edition, "1" one-shot, "x4" corrupt, "i4" incomplete, "X" a damaged complete edition.
 */
static struct store_number file_of(const char *text)
{
	static const struct {
		char letter;
		const char *kind, *rule;
	} kinds[] = {{'r', "range", "t"},      {'o', "volume", "omnibus"}, {'c', "chapter", "c"},
		     {'s', "special", "special"}, {'p', "range", "pack"},  {'a', "range", "complete"},
		     {'X', "range", "complete"}, {'1', "oneshot", "oneshot"}};
	struct store_number n = {.volume = NAN, .volume_end = NAN, .chapter = NAN,
				 .kind = "volume", .rule = "t"};
	double a = NAN, b = NAN;
	sscanf(text + 1, "%lf-%lf", &a, &b);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (text[0] != kinds[i].letter)
			continue;
		snprintf(n.kind, sizeof n.kind, "%s", kinds[i].kind);
		snprintf(n.rule, sizeof n.rule, "%s", kinds[i].rule);
	}
	if (text[0] == 'c')
		n.chapter = a;
	else
		n.volume = a;
	n.volume_end = b;
	n.is_corrupt = text[0] == 'x' || text[0] == 'X';
	n.is_incomplete = text[0] == 'i';
	return n;
}

static struct store_gaps gaps_of(const char *const *files, int64_t count,
				 struct store_expected expected)
{
	struct store_number numbers[64];
	struct store_gaps gaps;
	size_t n = 0;
	for (; files[n]; n++) {
		assert_true(n < COUNT_OF(numbers));
		numbers[n] = file_of(files[n]);
		numbers[n].count = count;
	}
	assert_int_equal(monitor_missing(numbers, n, &expected, &gaps), 0);
	return gaps;
}

static void forget(struct store_gaps *gaps)
{
	free(gaps->gap);
	free(gaps->owned);
}

/** @want: "3i": volume 3, interior (tail, announced), '!' when damaged, '~' when incomplete. */
static void check(const char *const *files, int64_t count, struct store_expected expected,
		  const char *want)
{
	struct store_gaps gaps = gaps_of(files, count, expected);
	char got[512] = "";
	for (size_t i = 0; i < gaps.count; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld%c%s", i ? " " : "",
			 (long long)gaps.gap[i].volume, gaps.gap[i].kind[0],
			 strcmp(gaps.gap[i].state, "corrupt") == 0	? "!"
			 : strcmp(gaps.gap[i].state, "incomplete") == 0 ? "~"
			 : strcmp(gaps.gap[i].state, "wanted") == 0	? ""
									: "?");
	assert_string_equal(got, want);
	forget(&gaps);
}

static void check_owned(const char *const *files, int64_t count, struct store_expected expected,
			const char *want)
{
	struct store_gaps gaps = gaps_of(files, count, expected);
	assert_string_equal(gaps.owned ? gaps.owned : "", want);
	forget(&gaps);
}

static void check_total(const char *const *files, int64_t count, struct store_expected expected,
			int64_t total, const char *source)
{
	struct store_gaps gaps = gaps_of(files, count, expected);
	assert_int_equal(gaps.total, total);
	assert_string_equal(gaps.total_source, source);
	forget(&gaps);
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NORMAL ((struct store_expected){.first = 1})
/** Out in the library's language, by an authority. */
#define OUT(n) ((struct store_expected){.first = 1, .authority = "nautiljon", .released = (n), .planned = -1})

static void gaps_are_interior_or_at_the_tail(void **state)
{
	(void)state;
	check(FILES("v1", "v2", "v4"), 0, NORMAL, "3i");
	check(FILES("v3"), 0, NORMAL, "1i 2i");
	check(FILES("v1", "v2"), 4, NORMAL, "3t 4t");
	check(FILES("v1"), 0, ((struct store_expected){.first = 1, .user_total = 3}), "2t 3t");
	/* the user's word is above ComicInfo's */
	check(FILES("v1"), 9, ((struct store_expected){.first = 1, .user_total = 2}), "2t");
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
	check(FILES("v5", "v7"), 0, ((struct store_expected){.first = 5}), "6i");
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
	(void)state;
	check_owned(FILES("v2", "r1-3", "x5"), 0, NORMAL, "[1, 2, 3]");
	check_owned(FILES("v0", "v10", "i4", "h5.5"), 0, NORMAL, "[0, 10]");
	check_owned(FILES("c1"), 0, NORMAL, "");
}

/* Count is often that of the original edition, which runs ahead of the translation: no false alarms;
 * and files are not counted, volumes are compared. */
static void an_authority_says_what_is_out_here(void **state)
{
	(void)state;
	check(FILES("v1", "v2"), 0, OUT(4), "3a 4a");
	check(FILES("v1", "v2"), 30, OUT(2), "");
	check(FILES("v1", "v2"), 30, OUT(3), "3a");
	check(FILES("v1", "v2"), 30, OUT(0), "");
	check(FILES("v1", "v3"), 2, OUT(4), "2i 4a");
	/* what is owned exists, whatever the authority has heard of */
	check(FILES("v1", "v5"), 0, OUT(3), "2i 3i 4i");
	/* three files of two volumes do not hide the third; nor do a half volume and a special */
	check(FILES("v1", "v2", "v2"), 0, OUT(3), "3a");
	check(FILES("v1", "v2", "h2.5", "s"), 0, OUT(3), "3a");
	check(FILES("r1-3"), 0, OUT(3), "");
	check(FILES("v1", "i2"), 0, OUT(3), "2i~ 3a");
	/* what is planned is not out */
	check(FILES("v1"), 0, ((struct store_expected){.first = 1, .authority = "nautiljon", .released = 1,
						       .planned = 2}), "");
	/* silence, and nonsense, is not zero */
	check(FILES("v1"), 3, OUT(-1), "2t 3t");
	check(FILES("v1"), 2, OUT(5000), "2t");
	check(FILES("v1"), 3, ((struct store_expected){.first = 1, .released = 1}), "2t 3t");
}

static void the_user_has_the_first_word(void **state)
{
	struct store_expected e = OUT(5);
	(void)state;
	e.user_total = 3;
	check(FILES("v1"), 9, e, "2t 3t");
	check_total(FILES("v1"), 9, e, 3, "user");
	check(FILES("v1", "v4"), 9, e, "2i 3i");
	/* a total that cannot be is none */
	e.user_total = 99999;
	check(FILES("v4"), 9, e, "1i 2i 3i 5a");
	check_total(FILES("v1"), 9, OUT(5), 5, "nautiljon");
	check_total(FILES("v1"), 9, OUT(0), 0, "nautiljon");
	check_total(FILES("v1"), 9, OUT(-1), 9, "comicinfo");
	check_total(FILES("v1"), 0, NORMAL, 0, "");
	check_total(FILES("c1"), 9, NORMAL, 0, "");
}

static void ignored_volumes_are_never_missing(void **state)
{
	static const int64_t some[] = {4, 2, 7, -3, 99999, 4};
	struct store_expected e = {.first = 1, .user_total = 7, .ignored = some, .ignored_count = COUNT_OF(some)};
	(void)state;
	check(FILES("v1", "v5"), 0, e, "3i 6t");
	check(FILES("v1", "x2", "i4", "v5"), 0, e, "3i 6t");
	/* they are owned all the same when they are there */
	check_owned(FILES("v1", "v2", "x4"), 0, e, "[1, 2]");
	check(FILES("v1", "v2"), 0, e, "3t 5t 6t");
}

static void a_complete_edition_is_all_of_it(void **state)
{
	struct store_expected e = {.first = 1, .user_total = 3};
	(void)state;
	check(FILES("a"), 0, NORMAL, "");
	check_owned(FILES("a"), 0, NORMAL, "[]");
	check(FILES("a"), 0, e, "");
	check_owned(FILES("a"), 0, e, "[1, 2, 3]");
	check(FILES("a", "v5"), 3, NORMAL, "");
	check(FILES("a", "v2"), 12, NORMAL, "");
	check(FILES("a"), 0, OUT(6), "");
	check_owned(FILES("a"), 4, NORMAL, "[1, 2, 3, 4]");
	/* a pack that does not say what it holds is not all of it */
	check(FILES("p", "v3"), 0, NORMAL, "1i 2i");
	check(FILES("p"), 0, e, "");
	/* a damaged one is as many damaged volumes, unless they are there besides */
	check(FILES("X", "v2"), 0, e, "1i! 3t!");
	check(FILES("X", "a"), 0, e, "");
	/* a volume 0 beside it */
	check_owned(FILES("a", "v0"), 0, e, "[0, 1, 2, 3]");
}

static void an_omnibus_covers_what_it_names(void **state)
{
	(void)state;
	check(FILES("r1-3", "r7-9"), 0, NORMAL, "4i 5i 6i");
	/* collected in omnibuses: their numbers are the volumes */
	check(FILES("o1", "o3"), 0, NORMAL, "2i");
	/* beside single volumes omnibus 2 is not volume 2 */
	check(FILES("v1", "v3", "o2"), 0, NORMAL, "2i");
	check(FILES("v1", "o9"), 0, NORMAL, "");
	check(FILES("r1-3", "o2", "v5"), 0, NORMAL, "4i");
	/* chapters and specials are no volumes beside them */
	check(FILES("o1", "c5", "s", "o3"), 0, NORMAL, "2i");
}

/* One and the same answer for a series by itself and among all: from the first volume on. */
static void a_series_is_missing_from_its_first_volume_on(void **state)
{
	(void)state;
	check(FILES("v3", "v5"), 0, NORMAL, "1i 2i 4i");
	check(FILES("r9-12"), 0, NORMAL, "1i 2i 3i 4i 5i 6i 7i 8i");
	check(FILES("v3", "v5"), 0, ((struct store_expected){.first = 3}), "4i");
	check(FILES("v3", "v5"), 0, ((struct store_expected){.first = 0}), "0i 1i 2i 4i");
	check(FILES("v3"), 0, ((struct store_expected){.first = 50}), "");
	check(FILES("v1"), 0, ((struct store_expected){.first = -5}), "0i");
}

static void a_volume_zero_is_a_number_like_others(void **state)
{
	(void)state;
	check_owned(FILES("v0"), 0, NORMAL, "[0]");
	check(FILES("v0"), 0, NORMAL, "");
	check(FILES("v0"), 2, NORMAL, "1t 2t");
	check(FILES("v0", "v1"), 0, OUT(2), "2a");
	/* nobody misses what may not exist */
	check(FILES("v1", "v2"), 0, NORMAL, "");
	check(FILES("r0-2", "v4"), 0, NORMAL, "3i");
	check(FILES("x0", "v1"), 0, NORMAL, "0i!");
}

static void the_greatest_count_of_a_volume_counts(void **state)
{
	struct store_number n[] = {file_of("v1"), file_of("v2"), file_of("v3"), file_of("s")};
	struct store_gaps gaps;
	(void)state;
	n[0].count = 4;
	n[1].count = 5;
	n[2].count = 3;
	n[3].count = 9;
	assert_int_equal(monitor_missing(n, COUNT_OF(n), &NORMAL, &gaps), 0);
	assert_int_equal(gaps.total, 5);
	assert_int_equal(gaps.count, 2);
	forget(&gaps);
}

static void what_has_no_volumes_has_no_gaps(void **state)
{
	struct store_expected e = {.first = 1, .user_total = 5};
	(void)state;
	check(FILES("1"), 5, e, "");
	check(FILES("c1", "c2"), 5, e, "");
	check(FILES("c1"), 0, OUT(5), "");
	check(FILES("s"), 5, e, "");
	check(FILES("h1.5"), 5, e, "");
	/* with a volume beside them only that counts */
	check(FILES("1", "s", "c9", "v2"), 0, NORMAL, "1i");
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static struct store_number some_file(uint32_t *seed)
{
	static const char *const shapes[] = {"v%u", "v%u", "v%u", "x%u", "i%u", "r%u-%u", "o%u", "h%u.5",
					     "c%u", "s", "p", "a", "X", "1"};
	char text[64];
	unsigned a = next(seed) % 15, b = a + next(seed) % 4;
	snprintf(text, sizeof text, shapes[next(seed) % COUNT_OF(shapes)], a, b);
	struct store_number n = file_of(text);
	n.count = next(seed) % 3 ? 0 : next(seed) % 20;
	return n;
}

/** Whether volume @v is there, by its definition and no other way. */
static bool holds(const struct store_number *n, size_t count, int v, bool is_complete, bool is_mixed)
{
	for (size_t i = 0; i < count; i++) {
		const struct store_number *k = &n[i];
		bool is_all = strcmp(k->rule, "complete") == 0 && v > 0;
		bool is_omnibus = strcmp(k->rule, "omnibus") == 0;
		double end = isnan(k->volume_end) ? k->volume : k->volume_end;
		bool is_volume = !is_omnibus || !is_mixed;
		is_volume = is_volume && (strcmp(k->kind, "volume") == 0 || strcmp(k->kind, "range") == 0);
		bool is_there = is_volume && k->volume <= v && v <= end;
		if ((is_there || (is_complete && is_all)) && !k->is_corrupt && !k->is_incomplete)
			return true;
	}
	return false;
}

static bool is_ignored(const struct store_expected *e, int64_t v)
{
	for (size_t i = 0; i < e->ignored_count; i++)
		if (e->ignored[i] == v)
			return true;
	return false;
}

/* Whatever the files are: a volume is owned, ignored, missing or beyond what is known; never two. */
static void check_parts(const struct store_number *n, size_t count, const struct store_expected *e)
{
	struct store_gaps gaps;
	bool has_omnibus = false, has_other = false, is_complete = false;
	int highest = -1;
	for (size_t i = 0; i < count; i++) {
		const struct volume_facts f = {.volume = n[i].volume, .volume_end = n[i].volume_end,
					       .chapter = n[i].chapter, .kind = n[i].kind, .rule = n[i].rule};
		int first, last;
		bool is_regular = volumes_of(&f, &first, &last), is_omnibus = strcmp(n[i].rule, "omnibus") == 0;
		has_omnibus |= is_omnibus;
		has_other |= is_regular && !is_omnibus;
		is_complete |= strcmp(n[i].rule, "complete") == 0;
	}
	for (size_t i = 0; i < count; i++) {
		bool is_out = has_omnibus && has_other && strcmp(n[i].rule, "omnibus") == 0;
		double end = isnan(n[i].volume_end) ? n[i].volume : n[i].volume_end;
		bool is_whole = n[i].volume == floor(n[i].volume) && strcmp(n[i].kind, "special") != 0;
		if (!is_out && is_whole && end > highest)
			highest = (int)end;
	}
	assert_int_equal(monitor_missing(n, count, e, &gaps), 0);
	int64_t top = gaps.total > highest ? gaps.total : highest, at = 0;
	for (int v = 0; v <= top && (highest >= 0 || is_complete); v++) {
		bool is_gap = at < (int64_t)gaps.count && gaps.gap[at].volume == v;
		bool is_owned = holds(n, count, v, is_complete, has_omnibus && has_other);
		if (is_gap)
			assert_string_equal(gaps.gap[at].kind, v <= highest ? "interior"
							       : e->authority && !e->user_total ? "announced"
											   : "tail");
		if (is_owned || is_ignored(e, v))
			assert_false(is_gap);
		else if (v >= e->first)
			assert_true(is_gap);
		at += is_gap;
	}
	assert_int_equal(at, gaps.count);
	forget(&gaps);
}

static void every_volume_is_one_thing_only(void **state)
{
	static const int64_t some[] = {3, 9, 12};
	uint32_t seed = 7;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct store_number n[8];
		size_t count = 1 + next(&seed) % COUNT_OF(n);
		for (size_t i = 0; i < count; i++)
			n[i] = some_file(&seed);
		struct store_expected e = {.first = next(&seed) % 3, .ignored = some,
					   .ignored_count = next(&seed) % (COUNT_OF(some) + 1)};
		e.user_total = next(&seed) % 4 ? 0 : 1 + next(&seed) % 20;
		e.authority = next(&seed) % 2 ? "nautiljon" : NULL;
		e.released = next(&seed) % 20;
		check_parts(n, count, &e);
	}
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
		cmocka_unit_test(an_authority_says_what_is_out_here),
		cmocka_unit_test(the_user_has_the_first_word),
		cmocka_unit_test(ignored_volumes_are_never_missing),
		cmocka_unit_test(a_complete_edition_is_all_of_it),
		cmocka_unit_test(an_omnibus_covers_what_it_names),
		cmocka_unit_test(a_series_is_missing_from_its_first_volume_on),
		cmocka_unit_test(a_volume_zero_is_a_number_like_others),
		cmocka_unit_test(every_volume_is_one_thing_only),
		cmocka_unit_test(the_greatest_count_of_a_volume_counts),
		cmocka_unit_test(what_has_no_volumes_has_no_gaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
