/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/media.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"

static struct media m;

static int setup(void **state)
{
	(void)state;
	media_init(&m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_clear(&m);
	return 0;
}

static void tag(enum field_id f, int rank, const char *text)
{
	media_set_tag(&m, f, rank, text, strlen(text));
}

static void assert_text(enum field_id f, const char *expected)
{
	size_t n;
	const char *s = media_text(&m, f, &n);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(s, expected, n);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/** The function of a kind of tag, by its column of the table. */
static const struct {
	enum field_id (*find)(const char *, size_t);
	size_t offset;
	enum tag_kind kind;
} SOURCES[] = {
	{field_of_vorbis, offsetof(struct field, vorbis), TAG_VORBIS},
	{field_of_id3, offsetof(struct field, id3), TAG_ID3},
	{field_of_mp4, offsetof(struct field, mp4), TAG_MP4},
	{field_of_ape, offsetof(struct field, ape), TAG_APE},
	{field_of_asf, offsetof(struct field, asf), TAG_ASF},
};

/** Each alternative finds its row, in any case, with its place as rank. */
static void check_keys(enum field_id f, size_t source)
{
	const char *all = NULL;
	memcpy(&all, (const char *)&FIELDS_TABLE[f] + SOURCES[source].offset, sizeof all);
	int rank = 0;
	for (const char *key = all; key && *key; rank++) {
		size_t n = strcspn(key, "|");
		assert_true(n > 0 && n < 64);
		assert_int_equal(SOURCES[source].find(key, n), f);
		char changed[64];
		for (size_t i = 0; i < n; i++) {
			bool is_letter = (key[i] >= 'A' && key[i] <= 'Z') ||
					 (key[i] >= 'a' && key[i] <= 'z');
			changed[i] = (char)(is_letter ? key[i] ^ 0x20 : key[i]);
		}
		assert_int_equal(SOURCES[source].find(changed, n), f);
		int found = -1;
		assert_int_equal(field_find(SOURCES[source].kind, changed, n, &found), f);
		assert_int_equal(found, rank);
		assert_int_equal(field_rank(all, changed, n), rank);
		key += n + (key[n] == '|');
	}
	assert_int_equal(field_rank(all, "no such key", 11), -1);
}

static void every_row_is_found_by_its_keys(void **state)
{
	(void)state;
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		assert_non_null(FIELDS_TABLE[f].name);
		assert_true(FIELDS_TABLE[f].of != 0);
		for (size_t s = 0; s < COUNT_OF(SOURCES); s++)
			check_keys(f, s);
		if (FIELDS_TABLE[f].kind == KIND_PAIR)
			assert_int_equal(FIELDS_TABLE[f + 1].kind, KIND_INT);
	}
	assert_int_equal(field_of_vorbis("", 0), FIELD_COUNT);
	assert_int_equal(field_of_vorbis("TITL", 4), FIELD_COUNT);
	assert_string_equal(field_genre_name(17), "Rock");
	assert_string_equal(field_genre_name(191), "Psybient");
	assert_null(field_genre_name(192));
}

static void fill_all(void)
{
	static const char json[] =
		"{\"Title\": \"a \\\"b\\\"\", \"Count\": -1.5, \"l\": [1, null]}";
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		if (FIELDS_TABLE[f].kind == KIND_JSON)
			media_set_json(&m, f, json, sizeof json - 1);
		else if (FIELDS_TABLE[f].kind == KIND_LIST || FIELDS_TABLE[f].kind == KIND_GENRE)
			(media_add_text(&m, f, "één", 6), media_add_text(&m, f, "two", 3));
		else if (field_is_text(f))
			media_set_text(&m, f, FIELDS_TABLE[f].name, strlen(FIELDS_TABLE[f].name));
		else if (field_is_real(f))
			media_set_real(&m, f, f + 0.25);
		else
			media_set_int(&m, f, FIELDS_TABLE[f].kind == KIND_BOOL ? 1 : (int64_t)f);
	}
}

static void every_field_survives_the_wire(void **state)
{
	(void)state;
	fill_all();
	_buf_ struct buf wire = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct media back;
	media_init(&back);
	assert_int_equal(media_encode(&m, &wire), 0);
	buf_adds(&wire, "the next one");
	size_t used = 0;
	assert_int_equal(media_decode(&back, (const uint8_t *)wire.data, wire.len, &used), 0);
	assert_int_equal(used, wire.len - 12);
	assert_true(back.set == m.set && back.set == (UINT64_C(1) << FIELD_COUNT) - 1);
	assert_int_equal(media_encode(&back, &again), 0);
	assert_int_equal(again.len, used);
	assert_memory_equal(again.data, wire.data, used);
	media_clear(&back);
}

static void nothing_survives_the_wire(void **state)
{
	(void)state;
	_buf_ struct buf wire = BUF_INIT(64);
	size_t used;
	assert_int_equal(media_encode(&m, &wire), 0);
	assert_int_equal(media_decode(&m, (const uint8_t *)wire.data, wire.len, &used), 0);
	assert_int_equal(used, wire.len);
	assert_true(m.set == 0);
	for (size_t n = 0; n < wire.len; n++)
		assert_int_equal(media_decode(&m, (const uint8_t *)wire.data, n, &used), -EBADMSG);
}

static void check_promises(void)
{
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		size_t n;
		const char *s = media_text(&m, f, &n);
		if (media_has(&m, f) && field_is_text(f) && FIELDS_TABLE[f].kind != KIND_JSON)
			assert_in_range(n, 1, MEDIA_TEXT_MAX);
		for (size_t i = 0; i < n; i++)
			assert_true((uint8_t)s[i] >= 0x20 || s[i] == FIELD_SEPARATOR);
	}
}

static void random_bytes_on_the_wire_do_no_harm(void **state)
{
	(void)state;
	fill_all();
	_buf_ struct buf wire = BUF_INIT(1 << 20);
	assert_int_equal(media_encode(&m, &wire), 0);
	uint64_t random = 42;
	int bad = 0;
	for (int i = 0; i < 10000; i++) {
		/* Exactly as long as given, so that reading past its end is noticed. */
		size_t n = i % 3 ? wire.len : next_random(&random) % wire.len;
		_free_ uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, wire.data, n);
		for (int k = i % 8; n && k >= 0; k--)
			copy[next_random(&random) % n] = (uint8_t)next_random(&random);
		size_t used = 1;
		int r = media_decode(&m, copy, n, &used);
		assert_true(r == 0 || r == -EBADMSG);
		assert_true(used <= n && (r == 0 || (used == 0 && m.set == 0)));
		bad += r < 0;
		check_promises();
	}
	assert_in_range(bad, 5000, 9999);
}

static void json_is_checked_on_the_wire(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		int answer;
	} cases[] = {
		{"{}", 0},
		{"{\"a\": \"b\\u00e9\", \"c\": [1, 2.5, true, null]}", 0},
		{"{\"a\": \"b\"", -EBADMSG},
		{"{\"a\": \"b\"}, \"c\"", -EBADMSG},
		{"{\"a\": \"b\\x\"}", -EBADMSG},
		{"{\"a\": \"b\\u00g0\"}", -EBADMSG},
		{"{\"a\": 01}", -EBADMSG},
		{"{\"a\"}", -EBADMSG},
		{"[[[[[[[[[[[1]]]]]]]]]]]", -EBADMSG},
		{"\xff", -EBADMSG},
		{"{\"a\": \"\n\"}", -EBADMSG},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_buf_ struct buf wire = BUF_INIT(1 << 12);
		size_t used;
		media_reset(&m);
		media_set_json(&m, FIELD_comicinfo, cases[i].json, strlen(cases[i].json));
		assert_int_equal(media_encode(&m, &wire), 0);
		assert_int_equal(media_decode(&m, (uint8_t *)wire.data, wire.len, &used),
				 cases[i].answer);
	}
}

static void texts_are_cleaned_and_cut(void **state)
{
	(void)state;
	media_set_text(&m, FIELD_title, " a\x01\xff" "b \n", 7);
	assert_text(FIELD_title, "a \xef\xbf\xbd" "b");
	media_set_text(&m, FIELD_title, " \t ", 3);
	assert_text(FIELD_title, "a \xef\xbf\xbd" "b");
	media_set_text(&m, FIELD_album, " \n", 2);
	assert_false(media_has(&m, FIELD_album));
	static char big[MEDIA_TEXT_MAX * 4];
	memset(big, 0xff, sizeof big);
	media_set_text(&m, FIELD_album, big, sizeof big);
	size_t n;
	media_text(&m, FIELD_album, &n);
	assert_in_range(n, MEDIA_TEXT_MAX - 3, MEDIA_TEXT_MAX);
	assert_int_equal(n % 3, 0);
}

static void a_better_key_wins_whatever_the_order(void **state)
{
	(void)state;
	tag(FIELD_title, 1, "second best");
	tag(FIELD_title, 0, "best");
	tag(FIELD_title, 2, "worst");
	tag(FIELD_title, 0, "best again");
	assert_text(FIELD_title, "best");
	tag(FIELD_artist, 1, "Z");
	tag(FIELD_artist, 0, "A");
	tag(FIELD_artist, 0, "B\x1f" "C");
	tag(FIELD_artist, 0, "A");
	tag(FIELD_artist, 1, "Y");
	assert_text(FIELD_artist, "A\x1f" "B C");
}

static void lists_stay_within_their_limit(void **state)
{
	(void)state;
	char item[64];
	for (int i = 0; i < 100000; i++) {
		int n = snprintf(item, sizeof item, "value number %d", i);
		media_set_tag(&m, i & 1 ? FIELD_artist : FIELD_composer, 0, item, (size_t)n);
	}
	size_t n;
	media_text(&m, FIELD_artist, &n);
	assert_in_range(n, MEDIA_TEXT_MAX - 64, MEDIA_TEXT_MAX);
	/* All that came and went left room for the others. */
	tag(FIELD_title, 0, "last");
	assert_text(FIELD_title, "last");
	assert_int_equal(m.pool.error, 0);
}

static void numbers_are_read_as_tags_write_them(void **state)
{
	(void)state;
	tag(FIELD_track, 0, " 03/12 ");
	assert_int_equal(media_int(&m, FIELD_track, -1), 3);
	assert_int_equal(media_int(&m, FIELD_track_total, -1), 12);
	tag(FIELD_track_total, 0, "14");
	assert_int_equal(media_int(&m, FIELD_track_total, -1), 14);
	tag(FIELD_disc, 0, "A1");
	assert_false(media_has(&m, FIELD_disc));
	tag(FIELD_disc, 0, "99999999999999999999");
	assert_false(media_has(&m, FIELD_disc));
	tag(FIELD_disc, 0, "2/0");
	assert_false(media_has(&m, FIELD_disc_total));
	tag(FIELD_replaygain_track_gain, 0, "-6.02 dB");
	assert_true(media_real(&m, FIELD_replaygain_track_gain, 0) == -6.02);
	tag(FIELD_replaygain_album_gain, 0, "+3,5");
	assert_true(media_real(&m, FIELD_replaygain_album_gain, 0) == 3.5);
	tag(FIELD_bpm, 0, "inf");
	tag(FIELD_bpm, 0, "1000000000000000000000");
	tag(FIELD_bpm, 0, "-");
	assert_false(media_has(&m, FIELD_bpm));
	tag(FIELD_bpm, 0, "128.00000000000000000000001");
	assert_true(media_real(&m, FIELD_bpm, 0) == 128);
	tag(FIELD_compilation, 0, "0");
	assert_int_equal(media_int(&m, FIELD_compilation, -1), 0);
	media_unset(&m, FIELD_compilation);
	tag(FIELD_compilation, 0, "True");
	assert_int_equal(media_int(&m, FIELD_compilation, -1), 1);
	media_set_real(&m, FIELD_bpm, 0.0 / 1 * -1);
	media_set_real(&m, FIELD_volume, 1e308 * 10);
	assert_false(media_has(&m, FIELD_volume));
}

static void dates_tell_the_year(void **state)
{
	(void)state;
	static const struct {
		const char *date;
		int year;
	} cases[] = {
		{"2004", 2004},       {"2004-05-06", 2004}, {"20040506", 2004},
		{"06/05/2004", 2004}, {"May 1998", 1998},   {"98", 0},
		{"0000", 0},          {"12:30", 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		media_reset(&m);
		tag(FIELD_date, 0, cases[i].date);
		assert_text(FIELD_date, cases[i].date);
		assert_int_equal(media_int(&m, FIELD_year, 0), cases[i].year);
	}
	media_reset(&m);
	tag(FIELD_date, 1, "1990");
	tag(FIELD_date, 0, "1985-01-01");
	assert_int_equal(media_int(&m, FIELD_year, 0), 1985);
	media_set_int(&m, FIELD_year, 1970);
	tag(FIELD_date, 0, "1986");
	assert_int_equal(media_int(&m, FIELD_year, 0), 1970);
}

static void genres_by_number_get_names(void **state)
{
	(void)state;
	static const struct {
		const char *tag, *genres;
	} cases[] = {
		{"Rock", "Rock"},
		{"17", "Rock"},
		{"(17)", "Rock"},
		{"(17)Rock", "Rock"},
		{"(4)Eurodisco", "Disco\x1f" "Eurodisco"},
		{"(51)(39)", "Techno-Industrial\x1fNoise"},
		{"(RX)(CR)", "Remix\x1f" "Cover"},
		{"((Foot) Work", "(Foot) Work"},
		{"(1999) Hits", "(1999) Hits"},
		{"(255)", "(255)"},
		{"255", "255"},
		{"2-Step", "2-Step"},
		{"(", "("},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		media_reset(&m);
		tag(FIELD_genre, 0, cases[i].tag);
		assert_text(FIELD_genre, cases[i].genres);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_row_is_found_by_its_keys),
		TEST(every_field_survives_the_wire),
		TEST(nothing_survives_the_wire),
		TEST(random_bytes_on_the_wire_do_no_harm),
		TEST(json_is_checked_on_the_wire),
		TEST(texts_are_cleaned_and_cut),
		TEST(a_better_key_wins_whatever_the_order),
		TEST(lists_stay_within_their_limit),
		TEST(numbers_are_read_as_tags_write_them),
		TEST(dates_tell_the_year),
		TEST(genres_by_number_get_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
