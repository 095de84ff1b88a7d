/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What names tell: each row of the table is a name as people write them. */
#include "indexer/extract/guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

/* @volume, @chapter: "5", "1-3", "" for none. */
static const struct row {
	const char *name, *series, *volume, *chapter, *kind;
} rows[] = {
#include "tests/unit/guess_rows.h"
};

static void format_number(bool has, double value, bool has_end, double end, char out[static 64])
{
	out[0] = '\0';
	if (has && has_end)
		snprintf(out, 64, "%g-%g", value, end);
	else if (has)
		snprintf(out, 64, "%g", value);
}

static void format_volume(const struct guess *g, char out[static 64])
{
	format_number(g->has_volume, g->volume, g->has_volume_end, g->volume_end, out);
}

static void format_chapter(const struct guess *g, char out[static 64])
{
	format_number(g->has_chapter, g->chapter, g->has_chapter_end, g->chapter_end, out);
}

static struct guess guess_of(const char *name)
{
	struct guess g;
	guess_name(name, strlen(name), &g);
	return g;
}

static bool row_holds(const struct row *row)
{
	struct guess g = guess_of(row->name);
	char volume[64], chapter[64];
	format_volume(&g, volume);
	format_chapter(&g, chapter);
	bool holds = strcmp(g.series, row->series) == 0 && strcmp(volume, row->volume) == 0 &&
		     strcmp(chapter, row->chapter) == 0 &&
		     strcmp(guess_kind_name(g.kind), row->kind) == 0;
	if (!holds)
		print_error("%s: [%s] v=%s c=%s %s (%s)\n", row->name, g.series, volume, chapter,
			    guess_kind_name(g.kind), g.rule);
	return holds;
}

static void test_names(void **state)
{
	(void)state;
	size_t failed = 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		failed += !row_holds(&rows[i]);
	assert_int_equal(failed, 0);
}

/* Every way of writing volume 5 (and 5.5) of series whose names end in numbers. */
static void test_every_convention_with_every_title(void **state)
{
	(void)state;
	static const char *const titles[] = {"Blade Alchemist 100", "Shōnen, Ninja 2",
					     "Titan Hunter 2 100",  "進撃の猫",
					     "東京食堂12",          "Kimi no Café"};
	static const struct {
		const char *before, *after;
		bool is_chapter;
	} forms[] = {
		{" v0", ".cbz", false},
		{" T0", ".cbz", false},
		{" - Tome ", ".cbz", false},
		{" Vol. ", " (1999).cbz", false},
		{" - v0", " [Digital].cbz", false},
		{" 0", ".cbz", false},
		{" Volume 0", " (1999) (Digital) (1r0n).cbz", false},
		{" 第", "巻.cbz", false},
		{"_vol0", ".cbz", false},
		{" v0", " c033-040.cbz", false},
		{" #0", ".cbz", false},
		{" - Ch. 00", ".cbz", true},
	};
	static const char *const fronts[] = {"", "[Team-A] ", "%s/", "Manga/%s (1999)/[Team-A] "};
	static const char *const numbers[] = {"5", "5.5"};
	size_t failed = 0;
	for (size_t i = 0; i < COUNT_OF(titles) * COUNT_OF(forms) * COUNT_OF(fronts) * 2; i++) {
		const char *title = titles[i / 2 % COUNT_OF(titles)];
		size_t f = i / 2 / COUNT_OF(titles) % COUNT_OF(forms);
		const char *front = fronts[i / 2 / COUNT_OF(titles) / COUNT_OF(forms)];
		char name[512], folder[128];
		snprintf(folder, sizeof folder, front, title);
		snprintf(name, sizeof name, "%s%s%s%s%s", folder, title, forms[f].before,
			 numbers[i % 2], forms[f].after);
		const char *range = strstr(name, "c033") ? "33-40" : "";
		struct row row = {name, title, numbers[i % 2], range, "volume"};
		if (forms[f].is_chapter)
			row = (struct row){name, title, "", numbers[i % 2], "chapter"};
		failed += !row_holds(&row);
	}
	assert_int_equal(failed, 0);
}

static void test_years_are_in_brackets(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int year;
	} years[] = {
		{"One Piece - Tome 101 (Glénat) [Digital-1920]", 0},
		{"Golden kamui 08 Noda (2017)", 2017},
		{"Saga v01 (2012) (digital)", 2012},
		{"X-Men v1 #201 (September 2007)", 2007},
		{"Akame ga KILL! ZERO (2016-2019) (Digital)", 2016},
		{"Esquire 6권 2021년 10월호", 2021},
		{"Naruto T03 (Kana, 2002)", 2002},
		{"Naruto T03 [1920px]", 0},
		{"X-1999", 0},
	};
	for (size_t i = 0; i < COUNT_OF(years); i++)
		assert_int_equal(guess_of(years[i].name).year, years[i].year);
}

static void test_languages(void **state)
{
	(void)state;
	static const char *const languages[][2] = {
		{"Berserk T41 VF", "fr"},          {"Berserk (Miura) [Manga FR]/Tome 01.cbz", "fr"},
		{"Berserk - 32@BD_fr.cbz", "fr"},  {"Naruto T03 [EN]", "en"},
		{"Naruto v03 (gb)", "en"},         {"One Piece Tomo 5 [ES]", "es"},
		{"[汉化组] 航海王 第012话", "zh"}, {"Les Schtroumpfs T03", ""},
		{"Naruto/FR/Naruto 03.cbz", "fr"}, {"Golden kamui 08", ""},
		{"Schtroumpfs (Les) T03", ""},     {"One Piece Chapter 1044 FRENCH", "fr"},
	};
	for (size_t i = 0; i < COUNT_OF(languages); i++)
		assert_string_equal(guess_of(languages[i][0]).language, languages[i][1]);
}

static void test_titles(void **state)
{
	(void)state;
	static const char *const titles[][2] = {
		{"Blacksad T03 - Âme rouge", "Âme rouge"},
		{"Lucky Luke - 12 - Les cousins Dalton", "Les cousins Dalton"},
		{"Zettai Karen Children v02 c003 - The Invisible Guardian (2) [JS Scans]",
		 "The Invisible Guardian"},
		{"One Piece HS 2 - Le secret", "HS 2 - Le secret"},
		{"Berserk T41 VF", ""},
		{"Tome 3 - Berserk", ""},
	};
	for (size_t i = 0; i < COUNT_OF(titles); i++)
		assert_string_equal(guess_of(titles[i][0]).title, titles[i][1]);
}

static void test_a_marker_is_told_from_a_bare_number(void **state)
{
	(void)state;
	assert_true(guess_of("Naruto T03").explicit_volume);
	assert_true(guess_of("Naruto #3").explicit_volume);
	assert_true(guess_of("ナルト 第3巻").explicit_volume);
	assert_true(guess_of("Naruto ch 3").explicit_chapter);
	assert_false(guess_of("Naruto 03").explicit_volume);
	assert_false(guess_of("Naruto ch 3").explicit_volume);
	assert_string_equal(guess_of("Naruto 03").rule, "bare");
	assert_string_equal(guess_of("Naruto Tome 3").rule, "tome");
	assert_string_equal(guess_of("ナルト 第3巻").rule, "cjk-volume");
	assert_int_equal(guess_of("Naruto - Coffret").kind, GUESS_PACK);
}

static void test_folders(void **state)
{
	(void)state;
	static const char *const folders[][2] = {
		{"Berserk (Miura) [Manga FR]", "Berserk"},
		{"Naruto T01-T72 [FR]", "Naruto"},
		{"Blade Alchemist 100", "Blade Alchemist 100"},
		{"Zom 100 (2019)", "Zom 100"},
		{"Schtroumpfs (Les)", "Les Schtroumpfs"},
		{"[Oshi no Ko]", "[Oshi no Ko]"},
		{"Naruto - Intégrale", "Naruto"},
		{"Kaiju No. 8", "Kaiju No. 8"},
		{"!!!", "!!!"},
		{"猫", "猫"},
		{"Volumes", ""},
		{"Tome 01", ""},
		{"Season 1", ""},
		{"Saison 2", ""},
		{"Specials", ""},
		{"Hors-Série", ""},
		{"VF", ""},
		{"[FR]", ""},
		{"Mangas", ""},
		{"C:", ""},
		{"2019", ""},
		{"", ""},
	};
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		char series[GUESS_SERIES_MAX];
		guess_folder(folders[i][0], strlen(folders[i][0]), series);
		assert_string_equal(series, folders[i][1]);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Bytes and scraps of names; the copy has no NUL, so that a read past its end is seen. */
static void check_hostile(uint32_t *seed)
{
	static const char *const scraps[] = {
		"T",          "v01",   " - ",  "(",        "[",        "]",  "第",    "巻",
		"1-2",        "Tome ", "#",    "/",        "\\",       ".",  "_",     "9",
		"ch",         "@",     "\xff", "\xe7\xac", "\xcc\x81", "à ", "Глава", ", Le",
		"Intégrale ", "권",    "FR",   "2019",     "&",        "SP", "¼"};
	size_t n = next_random(seed) % (next_random(seed) % 50 == 0 ? 5000 : 90);
	char *name = malloc(n + 1);
	assert_non_null(name);
	size_t used = 0;
	while (used < n) {
		uint32_t r = next_random(seed);
		const char *scrap = scraps[r % COUNT_OF(scraps)];
		size_t len = strlen(scrap);
		if (r % 3 == 0 || used + len > n)
			name[used++] = (char)next_random(seed);
		else {
			memcpy(name + used, scrap, len);
			used += len;
		}
	}
	char *exact = n ? realloc(name, n) : name;
	struct guess g;
	guess_name(exact, n, &g);
	assert_true(text_is_utf8(g.series, strlen(g.series)));
	assert_true(text_is_utf8(g.title, strlen(g.title)));
	assert_non_null(g.rule);
	if (g.has_volume_end)
		assert_true(g.volume_end > g.volume);
	if (g.has_chapter_end)
		assert_true(g.chapter_end > g.chapter);
	free(exact);
}

static void test_hostile_bytes(void **state)
{
	(void)state;
	uint32_t seed = 20260101;
	for (size_t i = 0; i < 10000; i++)
		check_hostile(&seed);
}

static void test_long_names(void **state)
{
	(void)state;
	static const char *const fillers[] = {"a", "1",   "(",   ")",        "v1 ", "01 - ",  "T1-",
					      "/", "FR ", "[1]", "\xcc\x81", "@",   "1 & 2 ", "第"};
	for (size_t i = 0; i < COUNT_OF(fillers); i++) {
		char name[8192] = "";
		size_t len = strlen(fillers[i]), n = 0;
		for (; n + len < sizeof name; n += len)
			memcpy(name + n, fillers[i], len);
		struct guess g;
		guess_name(name, n, &g);
		assert_true(strlen(g.series) < GUESS_SERIES_MAX);
	}
}

/* Rows whose project counts otherwise: there a bare number or "#" is a chapter, and a name
 * without any number tells no series. */
static const char *const other_conventions[] = {
	"Goblin Slayer Side Story - Year One 025.5",
	"Bleach 001-003",
	"Beelzebub_01_[Noodles].zip",
	"C:/Books/Beelzebub/Beelzebub_01_[Noodles].zip",
	"E:/Manga/Beelzebub/Beelzebub_01_[Noodles].zip",
	"Chrno_Crusade_Dragon_Age_All_Stars[AS].zip",
	"Ani-Hina Art Collection.cbz",
};

struct score {
	size_t asserted, right;
};

static void count(struct score *score, const char *want, const char *got)
{
	if (!*want)
		return;
	if (strcmp(want, "<none>") == 0 || strcmp(want, "<empty>") == 0)
		want = "";
	score->asserted++;
	score->right += strcmp(want, got) == 0;
}

static void count_row(char *line, struct score scores[static 3])
{
	char *fields[4] = {NULL};
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		fields[i] = strsep(&line, "\t\n");
		if (!fields[i])
			return;
	}
	for (size_t i = 0; i < COUNT_OF(other_conventions); i++) {
		if (strcmp(fields[0], other_conventions[i]) == 0)
			return;
	}
	struct guess g = guess_of(fields[0]);
	char volume[64], chapter[64];
	format_volume(&g, volume);
	format_chapter(&g, chapter);
	if (g.kind == GUESS_SPECIAL && !g.has_volume)
		snprintf(volume, sizeof volume, "<special>");
	count(&scores[0], fields[1], g.series);
	count(&scores[1], fields[2], volume);
	count(&scores[2], fields[3], chapter);
}

static void test_names_of_other_projects(void **state)
{
	(void)state;
	const char *shared = getenv("MEDIAMON_SHARED");
	char path[1024];
	snprintf(path, sizeof path, "%s/corpus/names_dev.tsv", shared ? shared : "../shared");
	_fclose_ FILE *f = fopen(path, "re");
	if (!f) {
		print_message("no %s: skipped\n", path);
		skip();
	}
	struct score scores[3] = {0};
	_free_ char *line = NULL;
	size_t cap = 0;
	bool is_first = true;
	while (getline(&line, &cap, f) > 0) {
		if (!is_first)
			count_row(line, scores);
		is_first = false;
	}
	print_message("series %zu/%zu, volumes %zu/%zu, chapters %zu/%zu\n", scores[0].right,
		      scores[0].asserted, scores[1].right, scores[1].asserted, scores[2].right,
		      scores[2].asserted);
	assert_true(scores[1].asserted > 0);
	assert_true(scores[0].right * 100 >= scores[0].asserted * 95);
	assert_true(scores[1].right * 100 >= scores[1].asserted * 98);
	assert_true(scores[2].right * 100 >= scores[2].asserted * 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_convention_with_every_title),
		cmocka_unit_test(test_years_are_in_brackets),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_a_marker_is_told_from_a_bare_number),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_names_of_other_projects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
