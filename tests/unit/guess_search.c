/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names as sources of releases post them, and those that former parsers read wrongly. */
#include "indexer/extract/guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

struct row {
	const char *name, *series, *volume, *chapter, *kind;
};

static const struct row posted[] = {
#include "tests/unit/guess_search_rows.h"
};

/* What Manga_Organizer's rules take for something else. */
static const struct row misread[] = {
	{"Heart 2 Heart T03", "Heart 2 Heart", "3", "", "volume"},
	{"Cat Street 4 T2", "Cat Street 4", "2", "", "volume"},
	{"Jojo Bizarre Adventure Part 05 - Vento Aureo - T03",
	 "Jojo Bizarre Adventure Part 05 - Vento Aureo", "3", "", "volume"},
	{"Jojo - Part 5 - Golden Wind T01", "Jojo - Part 5 - Golden Wind", "1", "", "volume"},
	{"Naruto T01-T05", "Naruto", "1-5", "", "range"},
	{"Berserk T41.5", "Berserk", "41.5", "", "volume"},
	{"One Piece T1000", "One Piece", "1000", "", "volume"},
	{"Golden kamui 08 Noda (2017)", "Golden kamui", "8", "", "volume"},
	{"Gantz_12", "Gantz", "12", "", "volume"},
	{"tough11", "tough", "11", "", "volume"},
	{"tough11.cbz", "tough", "11", "", "volume"},
	{"X (Perfect Edition) T02", "X", "2", "", "volume"},
	{"One Piece - Tome 101 (Glénat) [Digital-1920]", "One Piece", "101", "", "volume"},
	{"GTO - Shonan 14 Days T03", "GTO - Shonan 14 Days", "3", "", "volume"},
	{"20th Century Boys T03", "20th Century Boys", "3", "", "volume"},
	{"Tintin - T22 Vol 714 pour Sydney", "Tintin", "22", "", "volume"},
	{"18+1", "", "18", "", "volume"},
	{"14.5", "", "14.5", "", "volume"},
	{"Zom 100 T03", "Zom 100", "3", "", "volume"},
	{"T-Rex", "T-Rex", "", "", "unknown"},
	{"Team Phoenix", "Team Phoenix", "", "", "unknown"},
	{"L'homme qui valait 500 yens T03", "L'homme qui valait 500 yens", "3", "", "volume"},
	{"L'homme qui valait 500 yens", "L'homme qui valait 500 yens", "", "", "unknown"},
	{"Dr. Stone", "Dr. Stone", "", "", "unknown"},
	{"Sword Art Online 2", "Sword Art Online", "2", "", "volume"},
	{"86 - Eighty Six", "86 - Eighty Six", "", "", "unknown"},
	{"Area 51", "Area 51", "", "", "unknown"},
	{"Hunter x Hunter", "Hunter x Hunter", "", "", "unknown"},
	{"19th", "19th", "", "", "unknown"},
	{"7 Seeds", "7 Seeds", "", "", "unknown"},
	{"Level 1", "Level 1", "", "", "unknown"},
	{"No. 6", "No. 6", "", "", "unknown"},
	{"Zetman", "Zetman", "", "", "unknown"},
	{"X-1999", "X-1999", "", "", "unknown"},
};

/* bullarr's rules, each with its names. */
static const struct row ruled[] = {
	/* a marker needs a boundary before it; the last one wins over bare numbers */
	{"Chat5 T03", "Chat5", "3", "", "volume"},
	{"Nov5 Vol 03", "Nov5", "3", "", "volume"},
	{"12 Rois 7 Tome 03", "12 Rois 7", "3", "", "volume"},
	{"Tome 1 Histoire - T03", "Tome 1 Histoire", "3", "", "volume"},
	/* 0 is a volume; decimals, HS and episodes are no regular ones */
	{"Naruto T00", "Naruto", "0", "", "volume"},
	{"Naruto 41.5", "Naruto", "41.5", "", "volume"},
	{"Naruto HS 3", "Naruto", "", "", "special"},
	{"Naruto - Épisode 3", "Naruto", "", "3", "chapter"},
	/* sets, never one volume */
	{"Naruto - Intégrale", "Naruto", "", "", "range"},
	{"Naruto INT 3", "Naruto", "3", "", "range"},
	{"Naruto PACK T01-T12", "Naruto", "1-12", "", "range"},
	{"Naruto - Coffret 3", "Naruto", "3", "", "range"},
	{"Naruto T01 à T06", "Naruto", "1-6", "", "range"},
	{"Naruto T01-T12", "Naruto", "1-12", "", "range"},
	{"Naruto Tomes 1 à 3", "Naruto", "1-3", "", "range"},
	{"Naruto intégrale en 3 tomes", "Naruto", "1-3", "", "range"},
	/* articles */
	{"Schtroumpfs (Les) T03", "Les Schtroumpfs", "3", "", "volume"},
	{"Étrange [L'] T03", "L'Étrange", "3", "", "volume"},
	{"Chat, Le T03", "Le Chat", "3", "", "volume"},
	/* brackets: team, author, year, resolution */
	{"[Team] Naruto T03 (Kishimoto) (2003) [1920]", "Naruto", "3", "", "volume"},
	{"Naruto (1920) T03 [2048]", "Naruto", "3", "", "volume"},
	{"Naruto 03 [300]", "Naruto", "3", "", "volume"},
	/* a number in front, and between */
	{"05 Titre", "Titre", "5", "", "volume"},
	{"Titre_05_x", "Titre", "5", "", "volume"},
	{"Titre -5- x", "Titre", "5", "", "volume"},
};

/* Bytes that are no UTF-8, decomposed, escaped. */
static const struct row encoded[] = {
	{"D\xe9tective Conan T05.cbz", "Détective Conan", "5", "", "volume"},
	{"Bleach - Int\xe9grale", "Bleach", "", "", "range"},
	{"L\x92\xcele T05", "L’Île", "5", "", "volume"},
	{"Étoile \xe9 T05", "Étoile \xEF\xBF\xBD", "5", "", "volume"},
	{"\xff\xfe T05", "ÿþ", "5", "", "volume"},
	{"E\xcc\x81toile T05", "Étoile", "5", "", "volume"},
	{"One%20Piece%20Tome%2012.cbz", "One Piece", "12", "", "volume"},
	{"Pok%C3%A9mon%20T05.cbz", "Pokémon", "5", "", "volume"},
	{"Dai%2018.cbz", "Dai", "18", "", "volume"},
	{"Title%20Vol%2003.cbr", "Title", "3", "", "volume"},
	{"Gantz%20-%2012.cbz", "Gantz", "12", "", "volume"},
	{"100% Perfect%20Girl T05", "100% Perfect%20Girl", "5", "", "volume"},
	{"%20%2", "%", "2", "", "volume"},
};

static void format_number(bool has, double value, bool has_end, double end, char out[static 64])
{
	out[0] = '\0';
	if (has && has_end)
		snprintf(out, 64, "%g-%g", value, end);
	else if (has)
		snprintf(out, 64, "%g", value);
}

static bool holds(const struct row *row)
{
	struct guess g;
	char volume[64], chapter[64];
	guess_name(row->name, strlen(row->name), &g);
	format_number(g.has_volume, g.volume, g.has_volume_end, g.volume_end, volume);
	format_number(g.has_chapter, g.chapter, g.has_chapter_end, g.chapter_end, chapter);
	bool is_right = strcmp(g.series, row->series) == 0 && strcmp(volume, row->volume) == 0 &&
			strcmp(chapter, row->chapter) == 0 &&
			strcmp(guess_kind_name(g.kind), row->kind) == 0;
	if (!is_right)
		print_error("%s: [%s] v=%s c=%s %s (%s)\n", row->name, g.series, volume, chapter,
			    guess_kind_name(g.kind), g.rule);
	return is_right;
}

static void check(const struct row *rows, size_t count)
{
	size_t failed = 0;
	for (size_t i = 0; i < count; i++)
		failed += !holds(&rows[i]);
	assert_int_equal(failed, 0);
}

static void test_names_as_they_are_posted(void **state)
{
	(void)state;
	check(posted, COUNT_OF(posted));
}

static void test_names_that_were_misread(void **state)
{
	(void)state;
	check(misread, COUNT_OF(misread));
	struct guess g;
	const char *name = "One Piece - Tome 101 (Glénat) [Digital-1920]";
	guess_name(name, strlen(name), &g);
	assert_int_equal(g.year, 0);
}

static void test_rules_of_others(void **state)
{
	(void)state;
	check(ruled, COUNT_OF(ruled));
}

static void test_encodings(void **state)
{
	(void)state;
	check(encoded, COUNT_OF(encoded));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_as_they_are_posted),
		cmocka_unit_test(test_names_that_were_misread),
		cmocka_unit_test(test_rules_of_others),
		cmocka_unit_test(test_encodings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
