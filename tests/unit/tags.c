/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The odd but legal shapes of ID3 tags, and what libid3tag makes of the same bytes. */
#include "tests/unit/media_files.h"

#include <id3tag.h>

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
#define TEXT(b, version, id, encoding, text) \
	put_text_frame(b, version, id, encoding, text, sizeof text - 1)

/** Reads a tag of these frames with a little sound behind it. */
static void read_tag(unsigned version, unsigned flags, const struct buf *frames)
{
	BUFFER(b);
	put_id3(&b, version, flags, frames);
	put_mpeg(&b, 5);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
}

/** A frame with flags, of @n bytes that follow what the flags put in front. */
static void put_flagged(struct buf *b, unsigned version, const char *id, unsigned flags,
			const void *front, size_t front_len, const void *p, size_t n)
{
	BUFFER(body);
	buf_add(&body, front, front_len);
	buf_add(&body, p, n);
	size_t at = b->len;
	put_frame(b, version, id, body.data, body.len);
	b->data[at + 9] = (char)flags;
}

static void several_values_are_kept_apart(void **state)
{
	(void)state;
	for (unsigned v = 3; v <= 4; v++) {
		BUFFER(f);
		TEXT(&f, v, "TPE1", 3, "A\0B\0\0C");
		TEXT(&f, v, "TCON", 1, "\xff\xfe" "1\0" "7\0\0\0\xff\xfeP\0o\0p\0");
		TEXT(&f, v, "TCOM", 0, "AC/DC");
		TEXT(&f, v, "TXXX", 3, "MusicBrainz Artist Id\0one\0two");
		TEXT(&f, v, v == 3 ? "XSOP" : "TSOP", 0, "sorted");
		TEXT(&f, v, "TIT2", 3, "first\0second");
		read_tag(v, 0, &f);
		ASSERT_TEXT(&t, artist, "A\x1f" "B\x1f" "C");
		ASSERT_TEXT(&t, genre, "Rock\x1fPop");
		ASSERT_TEXT(&t, composer, "AC/DC");
		ASSERT_TEXT(&t, musicbrainz_artist_id, "one\x1ftwo");
		ASSERT_TEXT(&t, title, "first");
		ASSERT_TEXT(&t, artist_sort, "sorted");
	}
}

static void genres_have_names(void **state)
{
	(void)state;
	static const struct {
		const char *written, *read;
	} cases[] = {
		{"(17)", "Rock"}, {"17", "Rock"}, {"(4)Eurodisco", "Disco\x1f" "Eurodisco"},
		{"(51)(39)", "Techno-Industrial\x1fNoise"}, {"(RX)", "Remix"},
		{"((odd) thing", "(odd) thing"}, {"(255)", "(255)"}, {"Rock", "Rock"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		BUFFER(f);
		put_text_frame(&f, 3, "TCON", 0, cases[i].written, strlen(cases[i].written));
		read_tag(3, 0, &f);
		ASSERT_TEXT(&t, genre, cases[i].read);
	}
}

static void old_names_are_known(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{"TT2", "title"}, {"TP1", "artist"}, {"TAL", "album"}, {"TP2", "album_artist"},
		{"TCM", "composer"}, {"TCO", "genre"}, {"TSP", "artist_sort"},
		{"TS2", "album_artist_sort"}, {"TOR", "original_date"},
	};
	BUFFER(f);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		put_text_frame(&f, 2, names[i][0], 0, names[i][1], strlen(names[i][1]));
	TEXT(&f, 2, "TRK", 0, "3/9");
	TEXT(&f, 2, "TPA", 0, "1/2");
	TEXT(&f, 2, "TYE", 0, "1999");
	TEXT(&f, 2, "TDA", 0, "3112");
	TEXT(&f, 2, "TXX", 0, "replaygain_track_peak\0" "0.5");
	TEXT(&f, 2, "COM", 0, "eng\0note");
	put_frame(&f, 2, "UFI", "http://musicbrainz.org\0m1", 25);
	read_tag(2, 0, &f);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		enum field_id id = 0;
		while (strcmp(FIELDS_TABLE[id].name, names[i][1]) != 0)
			id++;
		assert_string_equal(text_of(&t, id), names[i][1]);
	}
	ASSERT_INT(&t, track, 3);
	ASSERT_INT(&t, track_total, 9);
	ASSERT_INT(&t, disc_total, 2);
	ASSERT_TEXT(&t, date, "1999-12-31");
	ASSERT_REAL(&t, replaygain_track_peak, 0.5);
	ASSERT_TEXT(&t, comment, "note");
	ASSERT_TEXT(&t, musicbrainz_recording_id, "m1");
}

static void packed_frames_are_unpacked(void **state)
{
	(void)state;
	char text[5000];
	memset(text, 'x', sizeof text);
	text[0] = 3;
	uint8_t packed[200], big[] = {0x7f, 0x7f, 0x7f, 0x7f};
	uLongf n = sizeof packed;
	assert_int_equal(compress2(packed, &n, (Bytef *)text, sizeof text, 9), Z_OK);
	BUFFER(f3);
	put_flagged(&f3, 3, "TIT2", 0x80, "\0\0\x13\x88", 4, packed, n);
	put_flagged(&f3, 3, "TALB", 0xa0, "\0\0\x13\x88g", 5, packed, n);
	put_flagged(&f3, 3, "TPE2", 0x20, "g", 1, "\0group", 6);
	put_flagged(&f3, 3, "TCOM", 0x40, "e", 1, "\0secret", 7);
	/* It says less than it holds: none of it is believed. */
	put_flagged(&f3, 3, "TPE1", 0x80, "\0\0\0\x88", 4, packed, n);
	read_tag(3, 0, &f3);
	assert_int_equal(strlen(text_of(&t, FIELD_title)), 4096);
	assert_int_equal(strlen(text_of(&t, FIELD_album)), 4096);
	ASSERT_TEXT(&t, album_artist, "group");
	ASSERT_UNSET(&t, composer);
	ASSERT_UNSET(&t, artist);
	BUFFER(f4);
	put_flagged(&f4, 4, "TIT2", 0x09, "\0\0\x27\x08", 4, packed, n);
	put_flagged(&f4, 4, "TALB", 0x49, "g\0\0\x27\x08", 5, packed, n);
	put_flagged(&f4, 4, "TPE2", 0x01, "\0\0\0\6", 4, "\0plain", 6);
	put_flagged(&f4, 4, "TPE1", 0x03, "\0\0\0\4", 4, "\0\xff\0\xffy", 5);
	put_flagged(&f4, 4, "TCOM", 0x09, big, 4, packed, n);
	read_tag(4, 0, &f4);
	assert_int_equal(strlen(text_of(&t, FIELD_title)), 4096);
	assert_int_equal(strlen(text_of(&t, FIELD_album)), 4096);
	ASSERT_TEXT(&t, album_artist, "plain");
	ASSERT_TEXT(&t, artist, "ÿÿy");
	ASSERT_UNSET(&t, composer);
}

static void extended_headers_and_footers_are_passed(void **state)
{
	(void)state;
	BUFFER(f3);
	put_be32(&f3, 6);
	put_fill(&f3, 0, 6);
	TEXT(&f3, 3, "TIT2", 0, "three");
	read_tag(3, 0x40, &f3);
	ASSERT_TEXT(&t, title, "three");
	BUFFER(f4);
	put_syncsafe(&f4, 6);
	put_be16(&f4, 0x0100);
	TEXT(&f4, 4, "TIT2", 0, "four");
	read_tag(4, 0x40, &f4);
	ASSERT_TEXT(&t, title, "four");
	/* The flag alone makes no extended header. */
	BUFFER(lie);
	TEXT(&lie, 3, "TIT2", 0, "lie");
	read_tag(3, 0x40, &lie);
	ASSERT_TEXT(&t, title, "lie");
	BUFFER(frames);
	BUFFER(b);
	TEXT(&frames, 4, "TIT2", 0, "foot");
	put_id3(&b, 4, 0x10, &frames);
	buf_add(&b, "3DI\4\0\x10", 6);
	put_syncsafe(&b, (uint32_t)frames.len);
	put_mpeg(&b, 5);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, title, "foot");
	ASSERT_REAL(&t, duration_seconds, 5 * 1152 / 44100.0 * 417 / 417.9592);
}

static void utf16_without_a_mark_is_understood(void **state)
{
	(void)state;
	BUFFER(f);
	TEXT(&f, 3, "TIT2", 1, "a\0\xe9\0");
	TEXT(&f, 3, "TPE1", 1, "\0a\0\xe9");
	TEXT(&f, 3, "TALB", 1, "\xe5\x65\x2c\x67");
	TEXT(&f, 3, "TPE2", 2, "\x65\xe5\x67\x2c");
	read_tag(3, 0, &f);
	ASSERT_TEXT(&t, title, "aé");
	ASSERT_TEXT(&t, artist, "aé");
	ASSERT_TEXT(&t, album, "日本");
	ASSERT_TEXT(&t, album_artist, "日本");
}

static void comments_of_programs_are_none(void **state)
{
	(void)state;
	BUFFER(f);
	TEXT(&f, 3, "COMM", 0, "engiTunNORM\0 0000");
	TEXT(&f, 3, "COMM", 1, "eng\xff\xfei\0T\0u\0n\0S\0\0\0\xff\xfe" "1\0");
	TEXT(&f, 3, "COMM", 0, "engdescribed\0second best");
	read_tag(3, 0, &f);
	ASSERT_TEXT(&t, comment, "second best");
	TEXT(&f, 3, "COMM", 1, "fra\xff\xfe\0\0\xff\xfe" "b\0o\0n\0");
	TEXT(&f, 3, "COMM", 0, "und\0last");
	read_tag(3, 0, &f);
	ASSERT_TEXT(&t, comment, "bon");
}

static void volumes_are_gains(void **state)
{
	(void)state;
	BUFFER(f);
	put_frame(&f, 4, "RVA2", "track\0\1\xf9\xfb\x10\x40\x00\2\0\0\0", 15);
	put_frame(&f, 4, "RVA2", "album\0\5\0\1\x08\1\1\2\0\0", 15);
	read_tag(4, 0, &f);
	ASSERT_REAL(&t, replaygain_track_gain, -1541 / 512.0);
	ASSERT_REAL(&t, replaygain_track_peak, 0.5);
	ASSERT_REAL(&t, replaygain_album_gain, 1);
	ASSERT_UNSET(&t, replaygain_album_peak);
	TEXT(&f, 4, "TXXX", 0, "REPLAYGAIN_TRACK_GAIN\0-2.5 dB");
	read_tag(4, 0, &f);
	ASSERT_REAL(&t, replaygain_track_gain, -2.5);
}

static void several_tags_fill_each_other_up(void **state)
{
	(void)state;
	BUFFER(first);
	BUFFER(second);
	BUFFER(b);
	TEXT(&first, 3, "TPE1", 0, "one");
	TEXT(&second, 4, "TPE1", 0, "two");
	TEXT(&second, 4, "TALB", 0, "second");
	put_id3(&b, 3, 0, &first);
	put_id3(&b, 4, 0, &second);
	put_mpeg(&b, 100);
	size_t sound = b.len;
	buf_reset(&second);
	TEXT(&second, 4, "TIT2", 0, "behind");
	TEXT(&second, 4, "TALB", 0, "third");
	put_id3(&b, 4, 0x10, &second);
	buf_add(&b, "3DI\4\0\x10", 6);
	put_syncsafe(&b, (uint32_t)second.len);
	buf_adds(&b, "TAGold title");
	put_fill(&b, 0, 128 - 12);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, artist, "one");
	ASSERT_TEXT(&t, album, "second");
	ASSERT_TEXT(&t, title, "behind");
	ASSERT_TEXT(&t, tag_source, "id3v2");
	assert_true(sound > 41700);
	ASSERT_REAL(&t, duration_seconds, 100 * 1152 / 44100.0 * 417 / 417.9592);
}

static void flac_is_filled_up_by_a_tag_in_front(void **state)
{
	(void)state;
	static const char *const lines[] = {"TITLE=right", NULL};
	BUFFER(frames);
	BUFFER(b);
	TEXT(&frames, 4, "TIT2", 0, "wrong");
	TEXT(&frames, 4, "TCOM", 0, "composer");
	put_id3(&b, 4, 0, &frames);
	build_flac(&b, lines, 441000, 0);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.flac", &b), 0);
	ASSERT_TEXT(&t, title, "right");
	ASSERT_TEXT(&t, composer, "composer");
}

/* --- libid3tag reads the same --- */

static uint64_t random_state = 20261122;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 11) % n;
}

/** One to 20 letters of one of the encodings; such as libid3tag reads rightly. */
static void put_letters(struct buf *b, int encoding)
{
	uint32_t n = 1 + random_below(20);
	if (encoding == 1)
		buf_add(b, "\xff\xfe", 2);
	while (n--) {
		uint32_t letter = 'a' + random_below(26);
		if (encoding == 0 || encoding == 3)
			put8(b, letter);
		else if (encoding == 1)
			put_le16(b, random_below(3) ? letter : 0x3042 + letter);
		else
			put_be16(b, random_below(3) ? letter : 0xe0 + letter % 26);
	}
	if (encoding == 0)
		put8(b, 0xe9);
	if (encoding == 3)
		buf_adds(b, "é");
}

static void assert_as_library(const struct id3_tag *tag, const char *id, enum field_id f)
{
	struct id3_frame *frame = id3_tag_findframe(tag, id, 0);
	assert_non_null(frame);
	_free_ char *text = (char *)id3_ucs4_utf8duplicate(
		id3_field_getstrings(id3_frame_field(frame, 1), 0));
	assert_string_equal(text_of(&t, f), text);
}

static void the_library_reads_the_same(void **state)
{
	(void)state;
	static const struct {
		const char *old, *new;
		enum field_id field;
	} names[] = {
		{"TT2", "TIT2", FIELD_title}, {"TP1", "TPE1", FIELD_artist},
		{"TAL", "TALB", FIELD_album}, {"TP2", "TPE2", FIELD_album_artist},
		{"TSP", "TSOP", FIELD_artist_sort},
	};
	for (int round = 0; round < 3000; round++) {
		unsigned version = 2 + random_below(3);
		BUFFER(frames);
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			int encoding = (int)random_below(version == 4 ? 4 : 2);
			BUFFER(text);
			put_letters(&text, encoding);
			put_text_frame(&frames, version, version == 2 ? names[i].old : names[i].new,
				       (char)encoding, text.data, text.len);
		}
		put_fill(&frames, 0, random_below(100));
		read_tag(version, 0, &frames);
		BUFFER(b);
		put_id3(&b, version, 0, &frames);
		struct id3_tag *tag = id3_tag_parse((const id3_byte_t *)b.data, b.len);
		assert_non_null(tag);
		/* It does not know v2.2's sort names. */
		for (size_t i = 0; i < COUNT_OF(names) - (version == 2); i++)
			assert_as_library(tag, names[i].new, names[i].field);
		id3_tag_delete(tag);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(several_values_are_kept_apart),
		TEST(genres_have_names),
		TEST(old_names_are_known),
		TEST(packed_frames_are_unpacked),
		TEST(extended_headers_and_footers_are_passed),
		TEST(utf16_without_a_mark_is_understood),
		TEST(comments_of_programs_are_none),
		TEST(volumes_are_gains),
		TEST(several_tags_fill_each_other_up),
		TEST(flac_is_filled_up_by_a_tag_in_front),
		TEST(the_library_reads_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
