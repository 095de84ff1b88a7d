/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of formats find in whole files; extract_hostile.c has the others. */
#include "tests/unit/media_files.h"

#include <errno.h>

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

static const char *const COMMENTS[] = {
	"TITLE=Été", "artist=A", "Artist=B", "ALBUM=Album", "ALBUM ARTIST=second",
	"ALBUMARTIST=All", "TRACKNUMBER=03/12", "DISCNUMBER=1", "DISCTOTAL=2", "DATE=2004-05-06",
	"GENRE=Rock", "GENRE=Pop", "COMPOSER=C", "REPLAYGAIN_TRACK_GAIN=-6.02 dB",
	"REPLAYGAIN_ALBUM_GAIN=+1 dB", "BPM=120.5", "MUSICBRAINZ_TRACKID=m1",
	"MUSICBRAINZ_ALBUMID=m2", "MUSICBRAINZ_ARTISTID=m3", "MUSICBRAINZ_ARTISTID=m4",
	"ACOUSTID_ID=a1", "COMPILATION=1", "DESCRIPTION=no", "COMMENT=Hello", "LYRICS=not kept",
	"no equals sign", "=", "", NULL,
};

/** The fields of COMMENTS, which all formats can hold. */
static void assert_all_tags(void)
{
	ASSERT_TEXT(&t, title, "Été");
	ASSERT_TEXT(&t, artist, "A\x1f" "B");
	ASSERT_TEXT(&t, album, "Album");
	ASSERT_TEXT(&t, album_artist, "All");
	ASSERT_INT(&t, track, 3);
	ASSERT_INT(&t, track_total, 12);
	ASSERT_INT(&t, disc, 1);
	ASSERT_INT(&t, disc_total, 2);
	ASSERT_TEXT(&t, date, "2004-05-06");
	ASSERT_INT(&t, year, 2004);
	ASSERT_TEXT(&t, genre, "Rock\x1fPop");
	ASSERT_TEXT(&t, composer, "C");
	ASSERT_REAL(&t, replaygain_track_gain, -6.02);
	ASSERT_REAL(&t, replaygain_album_gain, 1);
	ASSERT_TEXT(&t, musicbrainz_recording_id, "m1");
	ASSERT_TEXT(&t, musicbrainz_album_id, "m2");
	ASSERT_TEXT(&t, musicbrainz_artist_id, "m3\x1fm4");
	ASSERT_TEXT(&t, acoustid_id, "a1");
	ASSERT_INT(&t, compilation, 1);
	ASSERT_TEXT(&t, comment, "Hello");
	ASSERT_UNSET(&t, series);
}

static void flac_gives_all_fields(void **state)
{
	(void)state;
	for (size_t picture = 0; picture <= 300000; picture += 100000) {
		BUFFER(b);
		build_flac(&b, COMMENTS, 441000, picture);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.flac", &b), 0);
		assert_all_tags();
		ASSERT_TEXT(&t, format, "flac");
		ASSERT_REAL(&t, bpm, 120.5);
		ASSERT_REAL(&t, duration_seconds, 10);
		ASSERT_INT(&t, sample_rate, 44100);
		ASSERT_INT(&t, channels, 2);
		ASSERT_INT(&t, bits_per_sample, 16);
		ASSERT_INT(&t, bitrate, 8);
		ASSERT_INT(&t, has_picture, picture != 0);
		ASSERT_UNSET(&t, tag_source);
	}
}

static void flac_without_length_or_comments_is_whole(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	BUFFER(b);
	build_flac(&b, none, 0, 0);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.flac", &b), 0);
	ASSERT_UNSET(&t, duration_seconds);
	ASSERT_UNSET(&t, bitrate);
	ASSERT_UNSET(&t, title);
}

static void flac_behind_an_id3_tag_is_found(void **state)
{
	(void)state;
	for (size_t pad = 10; pad <= 100000; pad *= 100) {
		BUFFER(frames);
		BUFFER(b);
		put_text_frame(&frames, 4, "TIT2", 3, "WRONG", 5);
		put_fill(&frames, 0, pad);
		put_id3(&b, 4, 0, &frames);
		build_flac(&b, COMMENTS, 441000, 0);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.FLAC", &b), 0);
		ASSERT_TEXT(&t, title, "Été");
		/* Content wins over the name, even where only trying can tell. */
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
		ASSERT_TEXT(&t, format, "flac");
	}
}

static void ogg_gives_all_fields(void **state)
{
	(void)state;
	BUFFER(b);
	build_ogg(&b, false, COMMENTS, 441000);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), 0);
	assert_all_tags();
	ASSERT_TEXT(&t, format, "ogg");
	ASSERT_REAL(&t, duration_seconds, 10);
	ASSERT_INT(&t, sample_rate, 44100);
	ASSERT_INT(&t, channels, 2);
	ASSERT_INT(&t, has_picture, 0);
	ASSERT_UNSET(&t, bits_per_sample);
}

static void ogg_pictures_are_stepped_over(void **state)
{
	(void)state;
	static const char *const lines[] = {"TITLE=before", "@1000", "@300000", "ARTIST=after",
					    "@200000", NULL};
	for (int opus = 0; opus < 2; opus++) {
		BUFFER(b);
		build_ogg(&b, opus, lines, 480312);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), 0);
		ASSERT_TEXT(&t, format, opus ? "opus" : "ogg");
		ASSERT_TEXT(&t, title, "before");
		ASSERT_TEXT(&t, artist, "after");
		ASSERT_INT(&t, has_picture, 1);
		ASSERT_REAL(&t, duration_seconds, opus ? 10 : 480312 / 44100.0);
		ASSERT_INT(&t, sample_rate, opus ? 48000 : 44100);
		assert_in_range(media_int(&t.m, FIELD_bitrate, 0), 13, 16);
	}
}

static void opus_gain_counts_when_replaygain_is_silent(void **state)
{
	(void)state;
	static const char *const lines[] = {"R128_TRACK_GAIN=-1536", "REPLAYGAIN_ALBUM_GAIN=2 dB",
					    "R128_ALBUM_GAIN=-256", NULL};
	BUFFER(b);
	build_ogg(&b, true, lines, 48312);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.opus", &b), 0);
	ASSERT_REAL(&t, replaygain_track_gain, -1);
	ASSERT_REAL(&t, replaygain_album_gain, 2);
	ASSERT_INT(&t, r128_track_gain, -1536);
	ASSERT_INT(&t, r128_album_gain, -256);
}

static void put_all_items(struct buf *b)
{
	put_text_item(b, "\251nam", "Été");
	size_t item = open_atom(b, "\251ART");
	put_data(b, 1, "A", 1);
	put_data(b, 1, "B", 1);
	close_atom(b, item);
	put_text_item(b, "\251alb", "Album");
	put_text_item(b, "aART", "All");
	put_item(b, "trkn", 0, "\0\0\0\3\0\14\0\0", 8);
	put_item(b, "disk", 0, "\0\0\0\1\0\2", 6);
	put_text_item(b, "\251day", "2004-05-06");
	item = open_atom(b, "\251gen");
	put_data(b, 1, "Rock", 4);
	put_data(b, 1, "Pop", 3);
	close_atom(b, item);
	put_item(b, "gnre", 0, "\0\1", 2);
	put_text_item(b, "\251wrt", "C");
	put_item(b, "tmpo", 21, "\0\170", 2);
	put_item(b, "cpil", 21, "\1", 1);
	BUFFER(picture);
	put_fill(&picture, 'P', 200000);
	put_item(b, "covr", 13, picture.data, picture.len);
	put_text_item(b, "\251cmt", "Hello");
	put_freeform(b, "replaygain_track_gain", "-6.02 dB");
	put_freeform(b, "REPLAYGAIN_ALBUM_GAIN", "1 dB");
	put_freeform(b, "MusicBrainz Track Id", "m1");
	put_freeform(b, "MusicBrainz Album Id", "m2");
	put_freeform(b, "MusicBrainz Artist Id", "m3");
	put_freeform(b, "MusicBrainz Artist Id", "m4");
	put_freeform(b, "Acoustid Id", "a1");
}

static void mp4_gives_all_fields(void **state)
{
	(void)state;
	BUFFER(items);
	put_all_items(&items);
	for (int i = 0; i < 4; i++) {
		bool is_alac = i & 1;
		BUFFER(b);
		build_mp4(&b, &items, is_alac, i & 2);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.m4b", &b), 0);
		assert_all_tags();
		ASSERT_TEXT(&t, format, "m4a");
		ASSERT_REAL(&t, bpm, 120);
		ASSERT_REAL(&t, duration_seconds, 10);
		ASSERT_INT(&t, sample_rate, is_alac ? 96000 : 44100);
		ASSERT_INT(&t, channels, 2);
		ASSERT_INT(&t, bits_per_sample, is_alac ? 24 : -999);
		ASSERT_INT(&t, bitrate, 24);
		ASSERT_INT(&t, has_picture, 1);
	}
}

static void mp4_genre_numbers_have_names(void **state)
{
	(void)state;
	BUFFER(items);
	BUFFER(b);
	put_item(&items, "gnre", 0, "\0\22", 2);
	put_item(&items, "trkn", 0, "\0\0\0\0\0\0\0\0", 8);
	build_mp4(&b, &items, false, true);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.m4a", &b), 0);
	ASSERT_TEXT(&t, genre, "Rock");
	ASSERT_UNSET(&t, track);
	ASSERT_UNSET(&t, track_total);
	ASSERT_INT(&t, has_picture, 0);
}

#define TEXT(version, id, text) put_text_frame(b, version, id, 3, text, sizeof text - 1)

static void put_all_frames(struct buf *b, unsigned v)
{
	BUFFER(picture);
	put_fill(&picture, 'P', 60000);
	put_frame(b, v, "APIC", picture.data, picture.len);
	TEXT(v, "TIT2", "Été");
	TEXT(v, "TPE1", "A\0B");
	TEXT(v, "TALB", "Album");
	TEXT(v, "TPE2", "All");
	TEXT(v, "TRCK", "3/12");
	TEXT(v, "TPOS", "1/2");
	if (v == 4)
		TEXT(v, "TDRC", "2004-05-06");
	else
		(TEXT(v, "TYER", "2004"), TEXT(v, "TDAT", "0605"));
	TEXT(v, "TCON", "(17)\0Pop");
	TEXT(v, "TCOM", "C");
	TEXT(v, "TBPM", "120");
	TEXT(v, "TCMP", "1");
	TEXT(v, "TSSE", "an encoder");
	TEXT(v, "TXXX", "replaygain_track_gain\0-6.02 dB");
	TEXT(v, "TXXX", "REPLAYGAIN_ALBUM_GAIN\0" "1 dB");
	TEXT(v, "TXXX", "MusicBrainz Album Id\0m2");
	TEXT(v, "TXXX", "MusicBrainz Artist Id\0m3\0m4");
	TEXT(v, "TXXX", "Acoustid Id\0a1");
	TEXT(v, "TXXX", "Other\0thing");
	put_frame(b, v, "UFID", "http://musicbrainz.org\0m1", 25);
	put_text_frame(b, v, "COMM", 3, "engiTunNORM\0 0000", 17);
	put_text_frame(b, v, "COMM", 3, "eng\0Hello", 9);
	put_fill(b, 0, 200);
}

static void mp3_gives_all_fields(void **state)
{
	(void)state;
	for (unsigned v = 3; v <= 4; v++) {
		BUFFER(frames);
		BUFFER(b);
		put_all_frames(&frames, v);
		put_id3(&b, v, 0, &frames);
		put_xing(&b, "Info", 100);
		put_mpeg(&b, 100);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
		assert_all_tags();
		ASSERT_TEXT(&t, format, "mp3");
		ASSERT_TEXT(&t, tag_source, "id3v2");
		ASSERT_REAL(&t, bpm, 120);
		ASSERT_REAL(&t, duration_seconds, (115200 - 1576) / 44100.0);
		ASSERT_INT(&t, sample_rate, 44100);
		ASSERT_INT(&t, channels, 2);
		ASSERT_INT(&t, bitrate, 128);
		ASSERT_INT(&t, has_picture, 1);
		ASSERT_UNSET(&t, bits_per_sample);
	}
}

static void mp3_of_version_2_2_is_read(void **state)
{
	(void)state;
	BUFFER(frames);
	BUFFER(out);
	struct buf *b = &frames;
	put_text_frame(b, 2, "TT2", 1, "\xff\xfe\xc9\0t\0\xc9\0\0\0", 10);
	put_text_frame(b, 2, "TP1", 0, "\xc9" "dith", 5);
	TEXT(2, "TYE", "1999");
	TEXT(2, "TRK", "7");
	TEXT(2, "TCP", "1");
	put_frame(b, 2, "PIC", "P", 1);
	put_id3(&out, 2, 0, b);
	put_mpeg(&out, 20);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &out), 0);
	ASSERT_TEXT(&t, title, "ÉtÉ");
	ASSERT_TEXT(&t, artist, "Édith");
	ASSERT_INT(&t, year, 1999);
	ASSERT_INT(&t, track, 7);
	ASSERT_INT(&t, compilation, 1);
	ASSERT_INT(&t, has_picture, 1);
}

static void mp3_text_comes_in_four_encodings(void **state)
{
	(void)state;
	static const struct {
		char encoding;
		const char *bytes;
		size_t n;
		const char *text;
	} cases[] = {
		{0, "caf\xe9\0", 5, "café"},
		{1, "\xff\xfe" "c\0\xe9\0\0\0", 8, "cé"},
		{1, "\xfe\xff\0c\0\xe9", 6, "cé"},
		{1, "\xff\xfe=\xd8\0\xde", 6, "😀"},
		{1, "\xff\xfe" "c\0\x3d", 5, "c"},
		{1, "\xff\xfe=\xd8" "c\0", 6, "\xef\xbf\xbd" "c"},
		{2, "\0c\0\xe9", 4, "cé"},
		{3, "c\xc3\xa9\xff", 4, "cé\xef\xbf\xbd"},
		{9, "caf\xe9", 4, ""},
		{0, "", 0, ""},
		{0, "  \0 ", 4, ""},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		BUFFER(frames);
		BUFFER(b);
		put_text_frame(&frames, 3, "TIT2", cases[i].encoding, cases[i].bytes, cases[i].n);
		put_id3(&b, 3, 0, &frames);
		put_mpeg(&b, 5);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
		ASSERT_TEXT(&t, title, cases[i].text);
	}
	/* Each of several strings has its own byte order mark, or the one before it. */
	BUFFER(frames);
	BUFFER(b);
	put_text_frame(&frames, 4, "TPE1", 1, "\xff\xfe" "A\0\0\0\xff\xfe" "B\0\0\0C\0", 14);
	put_id3(&b, 4, 0, &frames);
	put_mpeg(&b, 5);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, artist, "A\x1f" "B\x1f" "C");
}

static void mp3_unsynchronised_tags_are_read(void **state)
{
	(void)state;
	BUFFER(frames);
	BUFFER(b);
	/* "ÿÿ" in Latin-1, each with its zero behind. */
	put_text_frame(&frames, 3, "TIT2", 0, "\xff\0\xff\0x", 5);
	frames.data[7] = 4;
	put_text_frame(&frames, 3, "TPE1", 0, "after", 5);
	put_id3(&b, 3, 0x80, &frames);
	put_mpeg(&b, 5);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, title, "ÿÿx");
	ASSERT_TEXT(&t, artist, "after");
	buf_reset(&b);
	buf_reset(&frames);
	put_text_frame(&frames, 4, "TIT2", 0, "\xff\0\xff\0x", 5);
	put_text_frame(&frames, 4, "TPE1", 0, "after", 5);
	put_id3(&b, 4, 0x80, &frames);
	put_mpeg(&b, 5);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, title, "ÿÿx");
	ASSERT_TEXT(&t, artist, "after");
}

static void put_v1(struct buf *b)
{
	size_t start = b->len;
	buf_add(b, "TAGTitre \xe9", 10);
	put_fill(b, ' ', start + 33 - b->len);
	buf_adds(b, "\xc9" "dith");
	put_fill(b, 0, start + 63 - b->len);
	buf_adds(b, "Album");
	put_fill(b, 0, start + 93 - b->len);
	buf_adds(b, "2004note");
	put_fill(b, 0, start + 126 - b->len);
	put8(b, 7);
	put8(b, 17);
}

static void mp3_version_1_fills_what_version_2_left(void **state)
{
	(void)state;
	BUFFER(plain);
	put_mpeg(&plain, 100);
	put_v1(&plain);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &plain), 0);
	ASSERT_TEXT(&t, tag_source, "id3v1");
	ASSERT_TEXT(&t, title, "Titre é");
	ASSERT_TEXT(&t, artist, "Édith");
	ASSERT_TEXT(&t, album, "Album");
	ASSERT_TEXT(&t, comment, "note");
	ASSERT_TEXT(&t, genre, "Rock");
	ASSERT_INT(&t, track, 7);
	ASSERT_INT(&t, year, 2004);
	/* The tag is no audio. */
	ASSERT_REAL(&t, duration_seconds, 100 * 1152 / 44100.0 * 417 / 417.9592);
	BUFFER(frames);
	BUFFER(both);
	put_text_frame(&frames, 3, "TIT2", 0, "better", 6);
	put_id3(&both, 3, 0, &frames);
	put_buf(&both, &plain);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &both), 0);
	ASSERT_TEXT(&t, tag_source, "id3v2");
	ASSERT_TEXT(&t, title, "better");
	ASSERT_TEXT(&t, artist, "Édith");
}

static void mp3_audio_is_found_and_measured(void **state)
{
	(void)state;
	BUFFER(b);
	put_fill(&b, 0, 60000);
	put_xing(&b, "Xing", 1000);
	put_mpeg(&b, 1000);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_REAL(&t, duration_seconds, (1152000 - 1576) / 44100.0);
	ASSERT_UNSET(&t, tag_source);
	/* An APEv2 tag, with pictures perhaps, is no audio. */
	buf_reset(&b);
	put_mpeg(&b, 100);
	put_fill(&b, 'P', 100000);
	buf_adds(&b, "APETAGEX");
	put_le32(&b, 2000);
	put_le32(&b, 100032);
	put_fill(&b, 0, 16);
	put_v1(&b);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_REAL(&t, duration_seconds, 100 * 1152 / 44100.0 * 417 / 417.9592);
	ASSERT_INT(&t, bitrate, 128);
	/* Frames of 32 and 320 kbit/s in turn, and nothing that tells how many. */
	buf_reset(&b);
	for (int i = 0; i < 100; i++) {
		put_be32(&b, i & 1 ? 0xfffb1000 : 0xfffbe000);
		put_fill(&b, 'a', i & 1 ? 100 : 1040);
	}
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	double seconds = media_real(&t.m, FIELD_duration_seconds, 0);
	assert_true(seconds > 2.3 && seconds < 2.9);
}

static void content_wins_over_names(void **state)
{
	(void)state;
	BUFFER(b);
	build_flac(&b, COMMENTS, 441000, 0);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_TEXT(&t, format, "flac");
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "noname", &b), 0);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), -EBADMSG);
	buf_reset(&b);
	build_cbz(&b, "", 0);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbr", &b), 0);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.flac", &b), -EBADMSG);
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.xyz", "what", 4), -EBADMSG);
}

static void names_are_wanted_by_suffix(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool is_track, is_volume;
	} cases[] = {
		{"a.flac", true, false}, {"a.FLAC", true, false}, {"a.mp3", true, false},
		{"a.ogg", true, false},  {"a.opus", true, false}, {"a.m4a", true, false},
		{"a.m4b", true, false},  {"a.cbz", false, true},  {"b.c.Zip", false, true},
		{"a.jpg", false, false}, {"flac", false, false},  {".flac", false, false},
		{"a.", false, false},    {"", false, false},      {"a.flac/b", false, false},
		{"d/.cbz", false, false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t n = strlen(cases[i].name);
		assert_int_equal(extract_wants(MEDIA_TRACK, cases[i].name, n), cases[i].is_track);
		assert_int_equal(extract_wants(MEDIA_VOLUME, cases[i].name, n), cases[i].is_volume);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flac_gives_all_fields),
		TEST(flac_without_length_or_comments_is_whole),
		TEST(flac_behind_an_id3_tag_is_found),
		TEST(ogg_gives_all_fields),
		TEST(ogg_pictures_are_stepped_over),
		TEST(opus_gain_counts_when_replaygain_is_silent),
		TEST(mp4_gives_all_fields),
		TEST(mp4_genre_numbers_have_names),
		TEST(mp3_gives_all_fields),
		TEST(mp3_of_version_2_2_is_read),
		TEST(mp3_text_comes_in_four_encodings),
		TEST(mp3_unsynchronised_tags_are_read),
		TEST(mp3_version_1_fills_what_version_2_left),
		TEST(mp3_audio_is_found_and_measured),
		TEST(content_wins_over_names),
		TEST(names_are_wanted_by_suffix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
