/* SPDX-License-Identifier: GPL-3.0-or-later */
/* APE tags, Windows Media attributes, and several tags in one file. */
#include "tests/unit/sound_files.h"

#include <errno.h>

#include "indexer/extract/tag_places.h"

static struct tried t;

static int setup(void **state)
{
	(void)state;
	media_init(&t.m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_clear(&t.m);
	return 0;
}

#define BUFFER(name) _buf_ struct buf name = BUF_INIT(FILE_MAX)

/* --- all keys of all fields --- */

/** A value that the field's kind takes, and the text that it is then; NUL between several. */
static const char *value_of(enum field_id f, size_t *n, const char **text, double *number)
{
	static const struct {
		const char *value;
		size_t n;
		const char *text;
		double number;
	} values[] = {
		[KIND_TEXT] = {"one", 3, "one", 0},	       [KIND_LIST] = {"one\0two", 7, "one\x1ftwo", 0},
		[KIND_GENRE] = {"(17)\0two", 8, "Rock\x1ftwo", 0}, [KIND_INT] = {"7", 1, NULL, 7},
		[KIND_SIGNED] = {"-1536", 5, NULL, -1536},
		[KIND_PAIR] = {"3/12", 4, NULL, 3},	       [KIND_DATE] = {"2004-05-06", 10, "2004-05-06", 0},
		[KIND_REAL] = {"1.5 dB", 6, NULL, 1.5},	       [KIND_BOOL] = {"1", 1, NULL, 1},
	};
	enum field_kind kind = FIELDS_TABLE[f].kind;
	*n = values[kind].n;
	*text = values[kind].text;
	*number = values[kind].number;
	return values[kind].value;
}

static void assert_value(enum field_id f, const char *text, double number)
{
	if (text)
		assert_string_equal(text_of(&t, f), text);
	else if (field_is_real(f))
		assert_float_equal(media_real(&t.m, f, -1), number, 0.0005);
	else
		assert_int_equal(media_int(&t.m, f, -1), (int)number);
}

/** Calls @check for each key of @keys. */
static void each_key(const char *keys, enum field_id f, void (*check)(enum field_id f, const char *key))
{
	char key[128];
	while (keys && *keys) {
		size_t n = strcspn(keys, "|");
		snprintf(key, sizeof key, "%.*s", (int)n, keys);
		check(f, key);
		keys += n + (keys[n] == '|');
	}
}

static void check_ape_key(enum field_id f, const char *key)
{
	BUFFER(b);
	BUFFER(items);
	size_t n;
	const char *text;
	double number;
	const char *value = value_of(f, &n, &text, &number);
	put_ape_item(&items, "Cuesheet", 0, "not kept", 8);
	put_ape_item(&items, key, 0, value, n);
	put_ape(&b, 3990, 3000);
	put_ape_tag(&b, 2000, &items, 2);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ape", &b), 0);
	assert_value(f, text, number);
	ASSERT_TEXT(&t, tag_source, "apev2");
}

static void check_asf_key(enum field_id f, const char *key)
{
	BUFFER(b);
	BUFFER(body);
	BUFFER(more);
	size_t n;
	const char *text;
	double number;
	const char *value = value_of(f, &n, &text, &number), *second = value + strlen(value) + 1;
	bool is_list = second < value + n, is_number = FIELDS_TABLE[f].kind == KIND_INT;
	put_le16(&body, is_list ? 3 : 2);
	put_attribute(&body, "WM/Other", 0, "not kept", 0);
	put_attribute(&body, key, is_number ? 3 : 0, value, (uint32_t)number);
	if (is_list)
		put_attribute(&body, key, 0, second, 0);
	put_object(&more, GUID_EXTENDED, &body);
	build_asf(&b, &more);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.wma", &b), 0);
	assert_value(f, text, strcmp(key, "WM/Track") == 0 ? number + 1 : number);
}

static void every_field_comes_from_ape_and_windows_media(void **state)
{
	(void)state;
	for (size_t f = 0; f < FIELD_COUNT; f++) {
		each_key(FIELDS_TABLE[f].ape, (enum field_id)f, check_ape_key);
		each_key(FIELDS_TABLE[f].asf, (enum field_id)f, check_asf_key);
	}
}

/* --- several tags --- */

static void ape_tags_fill_up_what_id3_lacks(void **state)
{
	(void)state;
	static const char lyrics[] = "LYRICSBEGININD0000200000021LYRICS200";
	for (int i = 0; i < 2; i++) {
		BUFFER(b);
		BUFFER(items);
		put_ape_item(&items, "title", 0, "from APE", 8);
		put_ape_item(&items, "Artist", 0, "A\0B", 3);
		put_ape_item(&items, "REPLAYGAIN_TRACK_GAIN", 0, "-6.02 dB", 8);
		put_ape_item(&items, "Cover Art (Back)", 2, "back.png\0picture", 16);
		put_id3_names(&b, "from ID3", true);
		put_mpeg(&b, 1000);
		put_ape_tag(&b, 2000, &items, 4);
		if (i)
			buf_adds(&b, lyrics);
		put_v1(&b, "from v1", "Album");
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
		ASSERT_TEXT(&t, title, "from ID3");
		ASSERT_TEXT(&t, artist, "A\x1f" "B");
		ASSERT_TEXT(&t, album, "Album");
		ASSERT_TEXT(&t, album_artist, "All");
		ASSERT_TEXT(&t, genre, "Rock");
		ASSERT_INT(&t, track, 9);
		ASSERT_REAL(&t, replaygain_track_gain, -6.02);
		ASSERT_TEXT(&t, tag_source, "id3v2");
		/* The tags behind are no sound. */
		ASSERT_REAL(&t, duration_seconds, 1000 * 417 * 8 / 128000.0);
		/* What is told of the picture is all of one. */
		ASSERT_INT(&t, picture_kind, 3);
		ASSERT_INT(&t, picture_bytes, 7);
	}
}

static void ape_tags_come_first_around_sound_of_their_own(void **state)
{
	(void)state;
	BUFFER(b);
	put_id3_names(&b, "from ID3", true);
	put_ape(&b, 3990, 3000);
	put_ape_names(&b, "from APE", "Artist");
	put_v1(&b, "from v1", "Album");
	for (int i = 0; i < 2; i++) {
		/* Content wins over the name. */
		try_buf(&t, MEDIA_TRACK, i ? "a.mp3" : "a.ape", &b);
		assert_sound(&t, "ape", 10, 44100, 2, 16);
		ASSERT_TEXT(&t, title, "from APE");
		ASSERT_TEXT(&t, album_artist, "All");
		ASSERT_TEXT(&t, album, "Album");
		ASSERT_INT(&t, has_picture, 1);
		ASSERT_TEXT(&t, tag_source, "apev2");
	}
}

static void old_ape_tags_are_latin1(void **state)
{
	(void)state;
	BUFFER(b);
	BUFFER(items);
	put_ape_item(&items, "Title", 0, "\311t\351", 3);
	put_ape_item(&items, "Artist", 0, "\303\211", 2);
	put_mpeg(&b, 100);
	put_ape_tag(&b, 1000, &items, 2);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, title, "Été");
	ASSERT_TEXT(&t, artist, "É");
	ASSERT_TEXT(&t, tag_source, "apev2");
	ASSERT_INT(&t, has_picture, 0);
	/* A footer whose "TAG" stands where ID3v1 would. */
	buf_reset(&b);
	buf_reset(&items);
	put_ape_item(&items, "Title", 0, "ends late", 9);
	put_mpeg(&b, 100);
	put_ape_tag(&b, 2000, &items, 1);
	put_fill(&b, 'x', 99);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_UNSET(&t, title);
}

static void ape_pictures_have_a_kind(void **state)
{
	(void)state;
	BUFFER(b);
	BUFFER(items);
	BUFFER(picture);
	buf_add(&picture, "cover.jpg", 10);
	put_fill(&picture, 'P', 300000);
	put_ape_item(&items, "COVER ART (back)", 2, "b\0back", 6);
	put_ape_item(&items, "Cover Art (Front)", 2, picture.data, picture.len);
	put_ape_item(&items, "Title", 0, "behind", 6);
	put_wavpack(&b, SOUND_SAMPLES, 0, 22050, 0, NULL);
	put_ape_tag(&b, 2000, &items, 3);
	try_buf(&t, MEDIA_TRACK, "a.wv", &b);
	assert_sound(&t, "wavpack", 10, 44100, 2, 16);
	ASSERT_TEXT(&t, title, "behind");
	ASSERT_INT(&t, has_picture, 1);
	ASSERT_INT(&t, picture_kind, 3);
	ASSERT_INT(&t, picture_bytes, 300000);
}

static void a_picture_is_told_of_by_one_tag(void **state)
{
	(void)state;
	struct media more;
	media_init(&more);
	media_set_int(&more, FIELD_has_picture, 1);
	media_set_int(&more, FIELD_picture_kind, 4);
	media_set_int(&more, FIELD_picture_bytes, 7);
	media_set_int(&t.m, FIELD_has_picture, 0);
	tag_fill(&t.m, &more);
	ASSERT_INT(&t, has_picture, 1);
	ASSERT_INT(&t, picture_kind, 4);
	ASSERT_INT(&t, picture_bytes, 7);
	/* Of one whose size is not known, as in a compressed frame. */
	media_unset(&t.m, FIELD_picture_bytes);
	tag_fill(&t.m, &more);
	ASSERT_UNSET(&t, picture_bytes);
	media_clear(&more);
}

static void damaged_ape_tags_keep_what_is_whole(void **state)
{
	(void)state;
	BUFFER(b);
	BUFFER(items);
	put_ape_item(&items, "Title", 0, "kept", 4);
	size_t second = items.len;
	put_ape_item(&items, "Artist", 0, "lost", 4);
	set_le32(&items, second, 0xfffffff0);
	put_ape(&b, 3990, 3000);
	put_ape_tag(&b, 2000, &items, 2);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ape", &b), 0);
	ASSERT_TEXT(&t, title, "kept");
	ASSERT_UNSET(&t, artist);
	/* A size that reaches in front of the file. */
	set_le32(&b, b.len - 20, 0x7fffffff);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ape", &b), 0);
	ASSERT_UNSET(&t, title);
}

/**
 * Encoders of old counted the tag that they wrote behind the sound, libav those that it copies, and others write one
 * there later.
 */
static void tags_behind_counted_sound_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *encoder;
		bool is_counted, has_ape;
		const char *title;
	} rows[] = {
		{"LAME3.97 ", true, false, "old"}, {"LAME3.97 ", false, true, "ape"}, {"LAME3.100", false, false, "old"},
		{"LAME3.100", false, true, "ape"}, {"Lavc59.37", false, true, "ape"},
		{"Lavf\0\0\0\0", true, false, "old"}, {"LAME3.12 ", true, false, "old"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const size_t sound = 417 * 50;
		BUFFER(b);
		put_xing_by(&b, "Info", 49, rows[i].encoder, sound + (rows[i].is_counted ? 128 : 0));
		put_mpeg(&b, 49);
		if (rows[i].has_ape)
			put_ape_names(&b, "ape", "of it");
		else
			put_v1(&b, "old", "album");
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
		ASSERT_TEXT(&t, title, rows[i].title);
		ASSERT_TEXT(&t, tag_source, rows[i].has_ape ? "apev2" : "id3v1");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_field_comes_from_ape_and_windows_media),
		TEST(ape_tags_fill_up_what_id3_lacks),
		TEST(ape_tags_come_first_around_sound_of_their_own),
		TEST(old_ape_tags_are_latin1),
		TEST(ape_pictures_have_a_kind),
		TEST(a_picture_is_told_of_by_one_tag),
		TEST(damaged_ape_tags_keep_what_is_whole),
		TEST(tags_behind_counted_sound_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
