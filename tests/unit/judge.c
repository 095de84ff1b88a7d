/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which releases are what is wanted: each row is a result as it is posted. */
#include "indexer/search/judge.h"

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

#define MB (INT64_C(1000000))
#define DAY (INT64_C(86400) * 1000000000)

static const int64_t now = INT64_C(1780000000) * 1000000000;

static struct release release_of(const char *title)
{
	return (struct release){
		.title = title,
		.guid = "g",
		.link = "",
		.page = "",
		.indexer = "i",
		.protocol = PROTOCOL_TORRENT,
		.size = -1,
		.seeders = -1,
		.leechers = -1,
		.context = "",
	};
}

enum { C = VERDICT_CONFIRMED, U = VERDICT_UNCONFIRMED, R = VERDICT_REJECTED };

/* @reason: a part of it.  @volumes: "5", "1-3", "all", "" for not known. */
struct row {
	const char *series, *title;
	int kind;
	const char *volumes, *reason;
};

static const struct row rows[] = {
#include "tests/unit/judge_rows.h"
};

static void format_volumes(const struct verdict *v, char out[static 64])
{
	out[0] = '\0';
	if (v->is_complete)
		snprintf(out, 64, "all");
	else if (v->first == v->last)
		snprintf(out, 64, "%d", v->first);
	else if (v->first < v->last)
		snprintf(out, 64, "%d-%d", v->first, v->last);
}

static bool holds(const struct row *row, const struct verdict *v)
{
	char volumes[64];
	format_volumes(v, volumes);
	bool is_silent = v->kind != VERDICT_CONFIRMED || !*v->reason;
	bool is_right = (int)v->kind == row->kind && strcmp(volumes, row->volumes) == 0 &&
			strstr(v->reason, row->reason) && is_silent;
	bool is_explained = v->kind == VERDICT_CONFIRMED || *v->reason;
	if (!is_right || !is_explained)
		print_error("%s <- %s: %s [%s] %s\n", row->series, row->title,
			    verdict_name(v->kind), volumes, v->reason);
	return is_right && is_explained;
}

/* Volumes 0 to 110 are wanted, in French, no epub. */
static struct judge_series series_of(const char *title)
{
	static int wanted[111];
	static const char *const blocked[] = {"epub", NULL};
	for (int i = 0; i < 111; i++)
		wanted[i] = i;
	return (struct judge_series){
		.title = title,
		.wanted = wanted,
		.wanted_count = COUNT_OF(wanted),
		.language = "fr",
		.source_language = "fr",
		.blocked = blocked,
	};
}

static void test_releases(void **state)
{
	(void)state;
	size_t failed = 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct judge_series s = series_of(rows[i].series);
		struct release r = release_of(rows[i].title);
		struct verdict v;
		judge(&s, &r, now, &v);
		failed += !holds(&rows[i], &v);
	}
	assert_int_equal(failed, 0);
}

static struct verdict verdict_of(const struct judge_series *s, const struct release *r)
{
	struct verdict v;
	judge(s, r, now, &v);
	return v;
}

static void test_a_context_proves_the_series_of_a_bare_name(void **state)
{
	(void)state;
	static const struct {
		const char *title, *context;
		int kind;
		const char *reason;
	} cases[] = {
		{"T05.cbz", "Naruto", C, ""},
		{"T05.cbz", "[Manga FR] Naruto [T01 à T72]", C, ""},
		{"T05.cbz", "Naruto (Kishimoto)", C, ""},
		{"T05.cbz", "Naruto Gaiden", U, "Naruto Gaiden"},
		{"T05.cbz", "", U, "no series"},
		{"05.cbz", "Naruto", C, ""},
		{"Tome 05.cbz", "NARUTO", C, ""},
		{"Gaiden T05.cbz", "Naruto", U, "only where it was posted"},
		{"Gaiden T05.cbz", "Bleach", R, "another series"},
		{"Naruto T05.cbz", "Bleach", C, ""},
		{"Naruto T05.cbz", "Bleach [EN]", R, "it is in en"},
		{"T04.cbz", "Naruto", R, "not missing"},
	};
	int wanted[] = {5};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct judge_series s = series_of("Naruto");
		s.wanted = wanted;
		s.wanted_count = 1;
		struct release r = release_of(cases[i].title);
		r.context = cases[i].context;
		struct verdict v = verdict_of(&s, &r);
		if ((int)v.kind != cases[i].kind || !strstr(v.reason, cases[i].reason))
			fail_msg("%s in %s: %s %s", r.title, r.context, verdict_name(v.kind),
				 v.reason);
	}
}

static void test_other_titles_of_the_series_count(void **state)
{
	(void)state;
	static const char *const aliases[] = {"Shingeki no Kyojin", "進撃の巨人", "Fate/Zero"};
	static const struct {
		const char *title;
		int kind;
	} cases[] = {
		{"Shingeki no Kyojin T05", C},
		{"L'Attaque des Titans T05", C},
		{"Attaque des Titans (L') T05", C},
		{"進撃の巨人 第05巻 [FR]", C},
		{"Shingeki no Kyojin / L'Attaque des Titans T05", C},
		{"L'Attaque des Titans | Shingeki no Kyojin Vol. 5", C},
		{"Shingeki no Kyojin / Attack on Titan T05", U},
		{"Fate/Zero T05", C},
		{"Zero T05", R},
		{"L'Attaque des Titans - Before the Fall T05", R},
		{"Attaque des Titans - Junior High School (L') T05", R},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct judge_series s = series_of("L'Attaque des Titans");
		s.aliases = aliases;
		s.alias_count = COUNT_OF(aliases);
		struct release r = release_of(cases[i].title);
		struct verdict v = verdict_of(&s, &r);
		if ((int)v.kind != cases[i].kind)
			fail_msg("%s: %s %s", r.title, verdict_name(v.kind), v.reason);
	}
}

/* The former monitor took T05 for an answer to T07, as the words of the title were there. */
static void test_another_volume_is_no_answer(void **state)
{
	(void)state;
	static const int wanted[] = {0, 7, 12, 13};
	static const struct {
		const char *title;
		int kind, covers;
	} cases[] = {
		{"Naruto T05", R, 0},
		{"Naruto T07", C, 1},
		{"Naruto T70", R, 0},
		{"Naruto T00", C, 1},
		{"Naruto T0", C, 1},
		{"Naruto T01-T06", R, 0},
		{"Naruto T01-T12", C, 2},
		{"Naruto T12-T13", C, 2},
		{"Naruto T00 à T72", C, 4},
		{"Naruto Chapitre 7", R, 0},
		{"Naruto T07.5", R, 0},
		{"Naruto HS 7", R, 0},
		{"Naruto - Intégrale", U, 4},
		{"Naruto - Coffret 7", U, 0},
		{"Naruto", U, 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct judge_series s = series_of("Naruto");
		s.wanted = wanted;
		s.wanted_count = COUNT_OF(wanted);
		struct release r = release_of(cases[i].title);
		struct verdict v = verdict_of(&s, &r);
		if ((int)v.kind != cases[i].kind || v.covers != cases[i].covers)
			fail_msg("%s: %s %d %s", r.title, verdict_name(v.kind), v.covers, v.reason);
	}
}

static void test_languages(void **state)
{
	(void)state;
	static const struct {
		const char *title, *wanted, *source;
		int kind;
	} cases[] = {
		{"Naruto T05", "fr", "fr", C},      {"Naruto T05", "fr", "", C},
		{"Naruto T05", "fr", NULL, C},      {"Naruto T05", "fr", "en", R},
		{"Naruto T05", "", "en", C},        {"Naruto T05", NULL, "en", C},
		{"Naruto T05 [EN]", "fr", "fr", R}, {"Naruto T05 VF", "fr", "en", C},
		{"Naruto T05 [FR]", "en", "", R},   {"Naruto Tome 05", "fr", "en", C},
		{"Naruto Tome 05", "en", "en", U},  {"Naruto v05 (2004) (Digital)", "en", "en", C},
		{"Naruto 第05巻", "fr", "fr", U},   {"Naruto T05 MULTI", "fr", "en", C},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct judge_series s = series_of("Naruto");
		s.language = cases[i].wanted;
		s.source_language = cases[i].source;
		struct release r = release_of(cases[i].title);
		struct verdict v = verdict_of(&s, &r);
		if ((int)v.kind != cases[i].kind)
			fail_msg("%s: %s %s", r.title, verdict_name(v.kind), v.reason);
	}
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *title;
		int64_t size, usual;
		int kind;
		const char *reason;
	} cases[] = {
		{"Naruto T05", 60 * MB, 60 * MB, C, ""},
		{"Naruto T05", -1, 60 * MB, C, ""},
		{"Naruto T05", 0, 60 * MB, C, ""},
		{"Naruto T05", 300 * MB, 60 * MB, C, ""},
		{"Naruto T05", 2 * MB, 60 * MB, U, "2 MB is too small for 1 volume"},
		{"Naruto T05", 4000 * MB, 60 * MB, U, "4 GB is too large for 1 volume"},
		{"Naruto T01-T72", 4000 * MB, 60 * MB, C, ""},
		{"Naruto T01-T72", 60 * MB, 60 * MB, U, "too small for 72 volumes"},
		/* nobody knows what is usual */
		{"Naruto T05", 100000, 0, C, ""},
		{"Naruto T05", 3000, 1200, C, ""},
		{"Naruto T05", 60 * MB, 1200, C, ""},
		{"Naruto T05", 20 * MB, 0, C, ""},
		{"Naruto T05", INT64_MAX, INT64_MAX, C, ""},
		{"Naruto T05", INT64_MAX, 60 * MB, U, "too large"},
		{"Naruto T05", INT64_MIN, 60 * MB, C, ""},
		{"Naruto T04", 2 * MB, 60 * MB, C, ""},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct judge_series s = series_of("Naruto");
		s.usual_bytes = cases[i].usual;
		struct release r = release_of(cases[i].title);
		r.size = cases[i].size;
		struct verdict v = verdict_of(&s, &r);
		bool is_last = i + 1 == COUNT_OF(cases);
		if ((int)v.kind != (is_last ? U : cases[i].kind) ||
		    !strstr(v.reason, cases[i].reason))
			fail_msg("%s %lld: %s %s", r.title, (long long)r.size, verdict_name(v.kind),
				 v.reason);
	}
}

static void test_formats(void **state)
{
	(void)state;
	static const char *const blocked[] = {".EPUB", "pdf", NULL};
	static const struct {
		const char *title;
		int kind;
	} cases[] = {
		{"Naruto T05.cbz", C},        {"Naruto T05.epub", R}, {"Naruto T05.EPUB", R},
		{"Naruto T05 [PDF]", R},      {"Naruto T05", C},      {"Naruto T05 [CBZ+PDF]", C},
		{"Naruto T05 (epub pdf)", R}, {"Naruto T05.mkv", R},  {"Naruto T05.exe", R},
		{"Naruto T05.pdf.cbz", C},    {"Naruto T05.mp3", R},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct judge_series s = series_of("Naruto");
		s.blocked = blocked;
		struct release r = release_of(cases[i].title);
		struct verdict v = verdict_of(&s, &r);
		if ((int)v.kind != cases[i].kind)
			fail_msg("%s: %s %s", r.title, verdict_name(v.kind), v.reason);
	}
	struct judge_series s = series_of("Naruto");
	s.blocked = NULL;
	struct release r = release_of("Naruto T05.epub");
	assert_int_equal(verdict_of(&s, &r).kind, VERDICT_CONFIRMED);
}

/* Best first.  The former monitor cut the list before it scored, and ranked one source always
 * first; here every result has its score from itself alone. */
static void test_ranking(void **state)
{
	(void)state;
	static const struct {
		const char *title;
		int64_t seeders, size, age;
	} ranked[] = {
		{"Naruto T05-T07 [PDF]", 1, -1, 900},      {"Naruto T05.cbz", 0, 60 * MB, 900},
		{"Naruto T05.cbr", 500, 60 * MB, 1},       {"Naruto T05.pdf", 64, 60 * MB, 1},
		{"Naruto T05.pdf", 1, 60 * MB, 1},         {"Naruto T05.pdf", 0, 60 * MB, 1},
		{"Naruto T05.pdf", 0, 180 * MB, 1},        {"Naruto T05.pdf", 0, 180 * MB, 300},
		{"Naruto T05.pdf", 0, 180 * MB, 0},        {"Naruto T01-T06.cbz", 50, 360 * MB, 1},
		{"Naruto - Coffret.cbz", 900, 60 * MB, 1}, {"Gantz T05.cbz", 900, 60 * MB, 1},
	};
	static const int wanted[] = {5, 7};
	struct judge_series s = series_of("Naruto");
	s.wanted = wanted;
	s.wanted_count = COUNT_OF(wanted);
	s.usual_bytes = 60 * MB;
	int64_t last = INT64_MAX;
	for (size_t i = 0; i < COUNT_OF(ranked); i++) {
		struct release r = release_of(ranked[i].title);
		r.seeders = ranked[i].seeders;
		r.size = ranked[i].size;
		r.published_at = ranked[i].age ? now - ranked[i].age * DAY : 0;
		struct verdict v = verdict_of(&s, &r);
		if (v.score >= last || v.score < 0)
			fail_msg("%zu %s: %lld after %lld", i, r.title, (long long)v.score,
				 (long long)last);
		last = v.score;
	}
}

static void test_no_seeder_is_no_rejection(void **state)
{
	(void)state;
	static const enum protocol protocols[] = {PROTOCOL_TORRENT, PROTOCOL_USENET, PROTOCOL_ED2K};
	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		struct judge_series s = series_of("Naruto");
		struct release r = release_of("Naruto T05");
		r.protocol = protocols[i];
		struct verdict unknown = verdict_of(&s, &r);
		r.seeders = 0;
		struct verdict none = verdict_of(&s, &r);
		assert_int_equal(none.kind, VERDICT_CONFIRMED);
		assert_true(none.score < unknown.score);
	}
}

static void check_key(const char *a, const char *b, bool same)
{
	_buf_ struct buf ka = BUF_INIT(8192), kb = BUF_INIT(8192);
	judge_key(a, strlen(a), &ka);
	judge_key(b, strlen(b), &kb);
	if ((strcmp(buf_str(&ka), buf_str(&kb)) == 0) != same)
		fail_msg("%s [%s], %s [%s]", a, buf_str(&ka), b, buf_str(&kb));
}

static void test_keys(void **state)
{
	(void)state;
	check_key("Les Schtroumpfs", "Schtroumpfs (Les)", true);
	check_key("Les Schtroumpfs", "schtroumpfs, les", true);
	check_key("L'Étrange", "ETRANGE [L']", true);
	check_key("L’Étrange", "Étrange, L'", true);
	check_key("The Promised Neverland", "promised neverland", true);
	check_key("Pokémon", "Poke\xCC\x81mon", true);
	check_key("Tokyo Ghoul:re", "Tokyo Ghoul re", true);
	check_key("Ranma 1/2", "Ranma 1-2", true);
	check_key("D.Gray-man", "D Gray-man", true);
	check_key("Gantz", "Gantz:G", false);
	check_key("Gantz", "Gantz Osaka", false);
	check_key("The", "A", false);
	check_key("!!!", "???", false);
	check_key("86", "86 - Eighty Six", false);
	check_key("Foo (Bar)", "Foo", false);
	_buf_ struct buf empty = BUF_INIT(64);
	judge_key("", 0, &empty);
	assert_int_equal(empty.len, 0);
}

static void test_keys_of_a_release(void **state)
{
	(void)state;
	static const char *const cases[][4] = {
		{"Naruto T05.cbz", "Le thread", "naruto", "thread"},
		{"T05.cbz", "[Manga FR] Naruto T01-T72", "", "naruto"},
		{"T05.cbz", "", "", ""},
		{"Fate/Zero v05", "", "fate zero", ""},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct release r = release_of(cases[i][0]);
		r.context = cases[i][1];
		_buf_ struct buf title = BUF_INIT(8192), context = BUF_INIT(8192);
		judge_keys(&r, &title, &context);
		assert_string_equal(buf_str(&title), cases[i][2]);
		assert_string_equal(buf_str(&context), cases[i][3]);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_CONFIRMED), "confirmed");
	assert_string_equal(verdict_name(VERDICT_UNCONFIRMED), "unconfirmed");
	assert_string_equal(verdict_name(VERDICT_REJECTED), "rejected");
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Texts are UTF-8 by contract; the judge must live with others too. */
static char *random_text(uint32_t *seed)
{
	static const char *const scraps[] = {
		"Naruto", " T05",  "-",         "/",  "\\",        " | ",      "(Les)", ", Le",
		"1",      "99999", "T01-T9999", "巻", "\xff",      "[",        "]",     "(",
		")",      "é",     ".cbz",      ".",  "Tome ",     " ",        "%s%n",  "HS",
		":",      "l'",    "@",         "\n", "Intégrale", "\xe7\xac", "v",     "0",
	};
	size_t count = next_random(seed) % (next_random(seed) % 40 == 0 ? 4000 : 12);
	char *text = malloc(count * 16 + 1);
	assert_non_null(text);
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		const char *scrap = scraps[next_random(seed) % COUNT_OF(scraps)];
		memcpy(text + used, scrap, strlen(scrap));
		used += strlen(scrap);
	}
	text[used] = '\0';
	return text;
}

static void test_hostile_texts(void **state)
{
	(void)state;
	uint32_t seed = 20260101;
	for (size_t i = 0; i < 3000; i++) {
		_free_ char *title = random_text(&seed);
		_free_ char *context = random_text(&seed);
		_free_ char *name = random_text(&seed);
		const char *aliases[] = {name, "Naruto"};
		struct judge_series s = series_of(name);
		s.aliases = aliases;
		s.alias_count = COUNT_OF(aliases);
		struct release r = release_of(title);
		r.context = context;
		r.size = (int64_t)next_random(&seed) * 100000000;
		r.seeders = INT64_MAX - (int64_t)next_random(&seed);
		r.published_at = now + (int64_t)next_random(&seed);
		struct verdict v = verdict_of(&s, &r);
		assert_true(v.kind == VERDICT_CONFIRMED ? !*v.reason : *v.reason != '\0');
		assert_true(text_is_utf8(v.reason, strlen(v.reason)));
		assert_true(v.covers >= 0 && v.covers <= 111);
		assert_true(v.kind != VERDICT_CONFIRMED || v.covers > 0);
		assert_true(v.score >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_releases),
		cmocka_unit_test(test_a_context_proves_the_series_of_a_bare_name),
		cmocka_unit_test(test_other_titles_of_the_series_count),
		cmocka_unit_test(test_another_volume_is_no_answer),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_ranking),
		cmocka_unit_test(test_no_seeder_is_no_rejection),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_of_a_release),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hostile_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
