/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which volumes a file stands for, as a collector would say, and why it stands for none. */
#include "tests/unit/unit.h"

#include <math.h>

#include "common/cleanup.h"
#include "common/volumes.h"
#include "indexer/extract/guess.h"

static struct volume_facts facts(const char *kind, const char *rule, double volume, double end)
{
	return (struct volume_facts){.volume = volume, .volume_end = end, .chapter = NAN, .kind = kind, .rule = rule};
}

/** What the scan stores of a file of that name. */
static struct volume_facts facts_of(const char *name)
{
	struct guess g;
	guess_name(name, strlen(name), &g);
	struct volume_facts f = facts(guess_kind_name(g.kind), g.rule, NAN, NAN);
	if (g.has_volume && g.kind != GUESS_PACK)
		f.volume = g.volume;
	if (g.has_volume_end && g.kind != GUESS_PACK)
		f.volume_end = g.volume_end;
	if (g.has_chapter)
		f.chapter = g.chapter;
	return f;
}

/** @wanted: "5", "1-3", "all", or the reason. */
static void check(const struct volume_facts *f, const char *what, const char *wanted)
{
	_buf_ struct buf got = BUF_INIT(1024), why = BUF_INIT(1024);
	int first = -7, last = -7;
	if (volumes_is_complete(f))
		buf_adds(&got, "all");
	else if (!volumes_of(f, &first, &last))
		volumes_why_not(f, &got);
	else if (first == last)
		buf_addf(&got, "%d", first);
	else
		buf_addf(&got, "%d-%d", first, last);
	if (strcmp(buf_str(&got), wanted) != 0)
		fail_msg("%s: %s, wanted %s", what, buf_str(&got), wanted);
	/* one answer: a reason if and only if it stands for none */
	bool counts = volumes_is_complete(f) || volumes_of(f, &first, &last);
	assert_int_equal(!volumes_why_not(f, &why), counts);
	assert_int_equal(why.len == 0, counts);
}

static const struct {
	const char *name, *wanted;
} names[] = {
	{"Naruto T05.cbz", "5"},
	{"Naruto T00.cbz", "0"},
	{"Naruto 0.cbz", "0"},
	{"Naruto T01-T05.cbz", "1-5"},
	{"Naruto Tomes 1 à 3.cbz", "1-3"},
	{"Naruto T007-T007.cbz", "7"},
	{"Naruto 01-72.cbz", "1-72"},
	{"Naruto Omnibus 2 (Vol. 4-6).cbz", "4-6"},
	{"Naruto Intégrale T01-T12.cbz", "1-12"},
	{"Naruto - Intégrale en 3 tomes.cbz", "1-3"},
	{"Naruto T1000.cbz", "1000"},
	{"Naruto v05 Bonus.cbz", "5"},
	{"Naruto - L'intégrale.cbz", "all"},
	{"Naruto (Complete).cbz", "all"},
	{"Naruto Complete Collection.cbz", "all"},
	{"Naruto - Collection complète.cbz", "all"},
	{"Naruto Intégrale 2.cbz", "A pack that does not say which volumes it holds."},
	{"Naruto Intégrale Cycle 1.cbz", "A pack that does not say which volumes it holds."},
	{"Naruto Complete Collection 2.cbz", "A pack that does not say which volumes it holds."},
	{"Naruto Coffret 1.cbz", "A pack that does not say which volumes it holds."},
	{"Naruto [Pack].cbz", "A pack that does not say which volumes it holds."},
	{"Berserk T41.5.cbz", "41.5 is a half volume: it stands beside the regular ones."},
	{"Berserk T0.5.cbz", "0.5 is a half volume: it stands beside the regular ones."},
	{"Naruto T5000.cbz", "5000 is more than any series has: a mistake in the name or in ComicInfo."},
	{"Naruto HS 1.cbz", "A special (hors-série, artbook, bonus): it stands beside the regular volumes."},
	{"Naruto SP02.cbz", "A special (hors-série, artbook, bonus): it stands beside the regular volumes."},
	{"Naruto ch 700.cbz", "Chapters: they do not tell which volume they make up."},
	{"Naruto c001-100.cbz", "Chapters: they do not tell which volume they make up."},
	{"Naruto v03 c12.cbz", "A chapter of volume 3: the volume is owned when all of it is there as one file."},
	{"Solanin One Shot.cbz", "A one-shot: it is whole by itself, nothing comes before or after it."},
	{"Naruto.cbz", "Its name and ComicInfo tell no volume number."},
};

static void names_stand_for_what_a_collector_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct volume_facts f = facts_of(names[i].name);
		check(&f, names[i].name, names[i].wanted);
	}
}

static void check_numbers(const char *kind, const char *rule, double volume, double end, const char *wanted)
{
	const struct volume_facts f = facts(kind, rule, volume, end);
	check(&f, kind ? kind : "no kind", wanted);
}

static void ranges_hold_the_whole_numbers_between(void **state)
{
	(void)state;
	check_numbers("range", NULL, 1, 5.5,
		      "1-5");
	check_numbers("range", NULL, 0.5, 3,
		      "1-3");
	check_numbers("range", NULL, 2.5, 3.5,
		      "3");
	check_numbers("volume", NULL, 1, 2,
		      "1-2");
	check_numbers("range", NULL, 0, 2000,
		      "0-2000");
	check_numbers("range", NULL, 3.2, 3.8,
		      "3.2 is a half volume: it stands beside the regular ones.");
}

static void numbers_that_cannot_be_are_told(void **state)
{
	const char *above = "2001 is more than any series has: a mistake in the name or in ComicInfo.";
	(void)state;
	check_numbers("volume", NULL, 2001, NAN,
		      above);
	check_numbers("range", NULL, 1995, 2001,
		      above);
	check_numbers("volume", NULL, 2000, NAN,
		      "2000");
	check_numbers("volume", NULL, INFINITY, NAN,
		      "inf is more than any series has: a mistake in the name or in ComicInfo.");
	check_numbers("range", NULL, 1, 1e300,
		      "1e+300 is more than any series has: a mistake in the name or in ComicInfo.");
	check_numbers("volume", NULL, -1, NAN,
		      "-1 is no number of a volume.");
	check_numbers("range", NULL, -INFINITY, 3,
		      "-inf is no number of a volume.");
	check_numbers("range", NULL, 5, 2,
		      "Its range begins with 5 and ends below that: a mistake.");
	check_numbers("volume", NULL, NAN, NAN,
		      "Its name and ComicInfo tell no volume number.");
	check_numbers("unknown", NULL, 3, NAN,
		      "Its name and ComicInfo tell no volume number.");
	check_numbers(NULL, NULL, NAN, NAN,
		      "Its name and ComicInfo tell no volume number.");
	check_numbers("", NULL, NAN, 4,
		      "Its name and ComicInfo tell no volume number.");
}

static void a_pack_is_never_taken_for_the_volume_of_its_number(void **state)
{
	(void)state;
	check_numbers("range", "integrale", 2, NAN,
		      "Number 2 is the pack's own: it does not say which volumes it holds.");
	check_numbers("range", "complete", 2, NAN,
		      "Number 2 is the pack's own: it does not say which volumes it holds.");
	/* a store of an older version: the rule does not tell whether it had a number */
	check_numbers("range", "integrale", NAN, NAN,
		      "A pack that does not say which volumes it holds.");
	check_numbers("range", NULL, NAN, NAN,
		      "A pack that does not say which volumes it holds.");
	struct volume_facts chapters = facts("range", "complete", NAN, NAN);
	chapters.chapter = 1;
	check(&chapters, "chapters", "Chapters: they do not tell which volume they make up.");
	/* the rule alone is no pack */
	check_numbers("volume", "complete", 3, NAN,
		      "3");
	check_numbers("range", "complete", 1, 2,
		      "1-2");
}

static void an_omnibus_counts_as_the_series_is_counted(void **state)
{
	struct volumes_mix mix = {0};
	struct volume_facts omnibus = facts_of("Air Gear Omnibus 3.cbz");
	const struct volume_facts volume = facts_of("Air Gear T03.cbz");
	const struct volume_facts chapter = facts_of("Air Gear ch 3.cbz");
	const struct volume_facts told = facts_of("Air Gear Omnibus 2 (Vol. 4-6).cbz");
	(void)state;
	assert_true(volumes_is_omnibus(&omnibus));
	assert_false(volumes_is_omnibus(&told));
	const struct volume_facts range = facts("volume", "omnibus", 1, 3);
	assert_false(volumes_is_omnibus(&range));
	volumes_add(&mix, &omnibus);
	volumes_add(&mix, &chapter);
	assert_false(volumes_is_mixed(&mix));
	check(&omnibus, "omnibuses only", "3");
	volumes_add(&mix, &volume);
	assert_true(volumes_is_mixed(&mix));
	omnibus.is_mixed = true;
	check(&omnibus, "beside volumes", "Omnibus 3 does not say which volumes it holds, and the series is "
	      "counted in single volumes.");
	mix = (struct volumes_mix){0};
	volumes_add(&mix, &volume);
	assert_false(volumes_is_mixed(&mix));
}

static void check_why(const struct volume_facts *f, const char *wanted)
{
	_buf_ struct buf why = BUF_INIT(1024);
	assert_int_equal(volumes_why_not(f, &why), *wanted != '\0');
	assert_string_equal(buf_str(&why), wanted);
}

static void a_damaged_file_stands_for_its_volume_and_owns_nothing(void **state)
{
	const char *damaged = "The file is damaged.";
	const char *early = "The file ends too early: it is being copied, or the copy was cut off.";
	int first, last;
	struct volume_facts f = facts("volume", NULL, 3, NAN);
	(void)state;
	check_why(&f, "");
	f.is_incomplete = true;
	check_why(&f, early);
	f.is_corrupt = true;
	check_why(&f, damaged);
	assert_true(volumes_of(&f, &first, &last));
	f = facts("range", "complete", NAN, NAN);
	f.is_corrupt = true;
	check_why(&f, damaged);
	/* what it is comes first */
	f = facts("volume", NULL, 2.5, NAN);
	f.is_corrupt = true;
	check_why(&f, "2.5 is a half volume: it stands beside the regular ones.");
}

static void check_name(const char *name, const char *wanted)
{
	_buf_ struct buf got = BUF_INIT(1024);
	const struct volume_facts f = facts_of(name);
	volumes_name(&f, &got);
	assert_string_equal(buf_str(&got), wanted);
}

static void files_are_named_in_words(void **state)
{
	(void)state;
	check_name("X T03.cbz", "volume 3");
	check_name("X T01-T05.cbz", "volumes 1 to 5");
	check_name("X T41.5.cbz", "volume 41.5");
	check_name("X ch 12.cbz", "chapter 12");
	check_name("X Omnibus 2.cbz", "omnibus 2");
	check_name("X - Intégrale.cbz", "all volumes");
	check_name("X Coffret 1.cbz", "a pack");
	check_name("X HS 1.cbz", "a special");
	check_name("X One Shot.cbz", "a one-shot");
	check_name("X.cbz", "a file without a number");
}

static void numbers_have_no_needless_digits(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {{3, "3"}, {100, "100"}, {0, "0"}, {41.5, "41.5"}, {1.25, "1.25"}, {-0.5, "-0.5"},
		    {1e308, "1e+308"}, {NAN, "nan"}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		_buf_ struct buf got = BUF_INIT(64);
		volumes_number(rows[i].v, &got);
		assert_string_equal(buf_str(&got), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_for_what_a_collector_says),
		cmocka_unit_test(ranges_hold_the_whole_numbers_between),
		cmocka_unit_test(numbers_that_cannot_be_are_told),
		cmocka_unit_test(a_pack_is_never_taken_for_the_volume_of_its_number),
		cmocka_unit_test(an_omnibus_counts_as_the_series_is_counted),
		cmocka_unit_test(a_damaged_file_stands_for_its_volume_and_owns_nothing),
		cmocka_unit_test(files_are_named_in_words),
		cmocka_unit_test(numbers_have_no_needless_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
