/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formats that few programs write, and several tags in one file. */
#include "tests/unit/sound_files.h"

#include <errno.h>

#include "indexer/extract/window.h"

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

static void assert_sound(const char *format, double seconds, int rate, int channels, int bits)
{
	if (t.r)
		print_message("%s\n", t.reason);
	assert_int_equal(t.r, 0);
	ASSERT_TEXT(&t, format, format);
	ASSERT_REAL(&t, duration_seconds, seconds);
	ASSERT_INT(&t, sample_rate, rate);
	ASSERT_INT(&t, channels, channels);
	ASSERT_INT(&t, bits_per_sample, bits);
}

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
		assert_sound("ape", 10, 44100, 2, 16);
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
	assert_sound("wavpack", 10, 44100, 2, 16);
	ASSERT_TEXT(&t, title, "behind");
	ASSERT_INT(&t, has_picture, 1);
	ASSERT_INT(&t, picture_kind, 3);
	ASSERT_INT(&t, picture_bytes, 300000);
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

/* --- Monkey's Audio, WavPack, Musepack --- */

static void ape_headers_of_all_times_are_read(void **state)
{
	(void)state;
	static const struct {
		unsigned version;
		double seconds;
		int bits;
	} rows[] = {
		{3990, 10, 16},
		{3970, 10, 24},
		/* Their frames were shorter. */
		{3920, (73728 + SOUND_SAMPLES - 73728 * 4) / 44100.0, 24},
		{3700, (9216 + SOUND_SAMPLES - 73728 * 4) / 44100.0, 24},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BUFFER(b);
		put_ape(&b, rows[i].version, 3000);
		try_buf(&t, MEDIA_TRACK, "a.ape", &b);
		assert_sound("ape", rows[i].seconds, 44100, 2, rows[i].bits);
	}
}

static void an_ape_file_that_ends_early_is_incomplete(void **state)
{
	(void)state;
	BUFFER(b);
	put_ape(&b, 3990, 300000);
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.ape", b.data, b.len - 1), -ENODATA);
	assert_non_null(strstr(t.reason, "300,128"));
	ASSERT_REAL(&t, duration_seconds, 10);
}

static void wavpack_of_unknown_length_is_told_by_its_last_block(void **state)
{
	(void)state;
	BUFFER(b);
	for (uint32_t i = 0; i < 20; i++)
		put_wavpack(&b, UINT32_MAX, i * 22050, 22050, 0, NULL);
	put_ape_names(&b, "title", "artist");
	try_buf(&t, MEDIA_TRACK, "a.wv", &b);
	assert_sound("wavpack", 10, 44100, 2, 16);
	ASSERT_TEXT(&t, title, "title");
	/* A block that is not whole. */
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.wv", b.data, 500), -ENODATA);
}

static void wavpack_pieces_tell_channels_rate_and_dsd(void **state)
{
	(void)state;
	BUFFER(b);
	BUFFER(pieces);
	buf_add(&pieces, "\x0d\1\6\x3f", 4);
	/* 12,345 Hz: index 15 says that it is told apart, in an odd number of bytes. */
	buf_add(&pieces, "\x67\2\x39\x30\0\0", 6);
	put_wavpack(&b, 123450, 0, 100, 15u << 23 | 4, &pieces);
	try_buf(&t, MEDIA_TRACK, "a.wv", &b);
	assert_sound("wavpack", 10, 12345, 6, 16);
	buf_reset(&b);
	buf_reset(&pieces);
	buf_add(&pieces, "\x4e\1\3\0", 4);
	put_wavpack(&b, 3528000, 0, 100, UINT32_C(1) << 31, &pieces);
	try_buf(&t, MEDIA_TRACK, "a.wv", &b);
	assert_sound("wavpack", 10, 2822400, 2, 1);
}

static void musepack_of_both_versions_is_read(void **state)
{
	(void)state;
	for (int is_new = 0; is_new < 2; is_new++) {
		BUFFER(b);
		(is_new ? put_sv8 : put_sv7)(&b);
		put_ape_names(&b, "title", "artist");
		try_buf(&t, MEDIA_TRACK, "a.mpc", &b);
		assert_sound("musepack", 10, 44100, 2, -999);
		ASSERT_TEXT(&t, title, "title");
		ASSERT_REAL(&t, replaygain_track_gain, is_new ? 64.82 - 0x46d6 / 256.0 : -6.02);
		ASSERT_REAL(&t, replaygain_track_peak, is_new ? 1258.925 / 32768 : 0.5);
		assert_int_equal(media_has(&t.m, FIELD_replaygain_album_gain), !is_new);
	}
	BUFFER(b);
	buf_adds(&b, "MP+\x15");
	put_fill(&b, 0, 100);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mpc", &b), -EBADMSG);
}

/* --- WAV, AIFF --- */

static void put_info(struct buf *b)
{
	size_t list = open_chunk(b, "LIST");
	buf_adds(b, "INFO");
	put_chunk(b, "INAM", "from INFO", 10, false);
	put_chunk(b, "IART", "\311dith", 5, false);
	put_chunk(b, "IPRD", "Album", 6, false);
	put_chunk(b, "ICRD", "2004-05-06", 10, false);
	put_chunk(b, "IGNR", "Chanson", 7, false);
	put_chunk(b, "ITRK", "3", 1, false);
	close_chunk(b, list, false);
}

static void wav_takes_names_from_id3_then_from_info(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool has_id3 = i & 1, has_info = i & 2;
		BUFFER(b);
		BUFFER(chunks);
		BUFFER(tag);
		put_id3_names(&tag, "from ID3", true);
		if (has_info)
			put_info(&chunks);
		if (has_id3)
			put_chunk(&chunks, i == 1 ? "ID3 " : "id3 ", tag.data, tag.len, false);
		build_wav(&b, &chunks);
		try_buf(&t, MEDIA_TRACK, "a.mp3", &b);
		assert_sound("wav", 10, 8000, 2, 16);
		ASSERT_INT(&t, bitrate, 256);
		ASSERT_TEXT(&t, title, has_id3 ? "from ID3" : has_info ? "from INFO" : "");
		ASSERT_TEXT(&t, artist, has_info ? "Édith" : "");
		ASSERT_TEXT(&t, album, has_info ? "Album" : "");
		ASSERT_INT(&t, year, has_info ? 2004 : -999);
		ASSERT_INT(&t, track, has_info ? 3 : -999);
		ASSERT_TEXT(&t, tag_source, has_id3 ? "id3v2" : has_info ? "info" : "");
		ASSERT_INT(&t, picture_kind, has_id3 ? 3 : -999);
	}
}

/** A chunk of an odd size with and without its padding, in front of the sound. */
static void wav_chunks_may_lack_their_padding(void **state)
{
	(void)state;
	for (int padded = 0; padded < 2; padded++) {
		BUFFER(b);
		size_t riff = open_chunk(&b, "RIFF");
		buf_adds(&b, "WAVE");
		put_chunk(&b, "junk", "odd", 3, false);
		b.len -= padded ? 0 : 1;
		put_wav_format(&b, 1, 16, 8000);
		size_t data = open_chunk(&b, "data");
		put_fill(&b, 'a', 3200);
		close_chunk(&b, data, false);
		close_chunk(&b, riff, false);
		try_buf(&t, MEDIA_TRACK, "a.wav", &b);
		assert_sound("wav", 0.1, 8000, 2, 16);
	}
}

static void wav_sizes_of_pipes_and_of_64_bits_are_understood(void **state)
{
	(void)state;
	BUFFER(b);
	build_wav(&b, NULL);
	/* ffmpeg to a pipe: neither size is known. */
	set_le32(&b, 4, UINT32_MAX);
	set_le32(&b, 40, UINT32_MAX);
	try_buf(&t, MEDIA_TRACK, "a.wav", &b);
	assert_sound("wav", 10, 8000, 2, 16);
	/* RF64: both stand in ds64. */
	BUFFER(large);
	buf_adds(&large, "RF64\xff\xff\xff\xffWAVEds64");
	put_le32(&large, 28);
	put_le64(&large, b.len + 36 - 8);
	put_le64(&large, 320000);
	put_fill(&large, 0, 12);
	buf_add(&large, b.data + 12, b.len - 12);
	try_buf(&t, MEDIA_TRACK, "a.wav", &large);
	assert_sound("wav", 10, 8000, 2, 16);
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.wav", large.data, large.len - 1000), -ENODATA);
	ASSERT_REAL(&t, duration_seconds, 10);
	assert_non_null(strstr(t.reason, "320,080"));
}

static void wav_of_other_codings_is_measured_by_its_fact(void **state)
{
	(void)state;
	BUFFER(b);
	size_t riff = open_chunk(&b, "RIFF");
	buf_adds(&b, "WAVE");
	put_wav_format(&b, 2, 4, 8000);
	put_chunk(&b, "fact", "\x80\x38\1\0", 4, false);
	size_t data = open_chunk(&b, "data");
	put_fill(&b, 'a', 82000);
	close_chunk(&b, data, false);
	close_chunk(&b, riff, false);
	try_buf(&t, MEDIA_TRACK, "a.wav", &b);
	assert_sound("wav", 10, 8000, 2, 4);
}

static void aiff_is_read_with_its_own_texts_and_id3(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool has_id3 = i & 1;
		BUFFER(b);
		BUFFER(chunks);
		BUFFER(tag);
		put_id3_names(&tag, "from ID3", true);
		put_chunk(&chunks, "NAME", "from AIFF", 9, true);
		put_chunk(&chunks, "AUTH", "Ann", 3, true);
		if (has_id3)
			put_chunk(&chunks, "ID3 ", tag.data, tag.len, true);
		build_aiff(&b, i & 2 ? "AIFC" : "AIFF", &chunks);
		try_buf(&t, MEDIA_TRACK, "a.aif", &b);
		assert_sound("aiff", 10, 44100, 2, 24);
		ASSERT_TEXT(&t, title, has_id3 ? "from ID3" : "from AIFF");
		ASSERT_TEXT(&t, artist, "Ann");
		ASSERT_TEXT(&t, tag_source, has_id3 ? "id3v2" : "aiff");
		ASSERT_INT(&t, has_picture, has_id3);
		assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.aif", b.data, b.len - 20), -ENODATA);
		ASSERT_REAL(&t, duration_seconds, 10);
	}
}

static void aiff_rates_that_are_no_number_are_refused(void **state)
{
	(void)state;
	static const char *const rates[] = {"\x7f\xff\x80\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\0\0\0",
					    "\xc0\x0e\xac\x44\0\0\0\0\0\0", "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
	for (size_t i = 0; i < COUNT_OF(rates); i++) {
		BUFFER(b);
		build_aiff(&b, "AIFF", NULL);
		memcpy(b.data + 12 + 8 + 8, rates[i], 10);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.aif", &b), -EBADMSG);
		ASSERT_UNSET(&t, duration_seconds);
	}
}

/* --- DSD --- */

static void dsd_files_are_read(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		BUFFER(b);
		BUFFER(tag);
		put_id3_names(&tag, "from ID3", true);
		if (i == 0)
			build_dsf(&b, &tag);
		else
			build_dff(&b, i == 2, &tag);
		try_buf(&t, MEDIA_TRACK, i ? "a.dff" : "a.dsf", &b);
		assert_sound(i ? "dff" : "dsf", i == 1 ? 0.01 : 10, 2822400, 2, 1);
		ASSERT_TEXT(&t, title, "from ID3");
		ASSERT_TEXT(&t, artist, i ? "Artist" : "");
		ASSERT_TEXT(&t, tag_source, "id3v2");
		ASSERT_INT(&t, picture_bytes, 7);
		assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.dsf", b.data, b.len - 2), -ENODATA);
	}
	BUFFER(b);
	build_dff(&b, false, NULL);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.dff", &b), 0);
	ASSERT_TEXT(&t, tag_source, "dsdiff");
}

/* --- Windows Media --- */

static void asf_gives_its_description_and_its_pictures(void **state)
{
	(void)state;
	BUFFER(b);
	BUFFER(body);
	BUFFER(inner);
	BUFFER(more);
	static const unsigned lengths[] = {12, 8, 0, 6, 0};
	for (size_t i = 0; i < COUNT_OF(lengths); i++)
		put_le16(&body, lengths[i]);
	put_utf16(&body, "Title");
	put_utf16(&body, "Ann");
	put_utf16(&body, "OK");
	put_object(&more, GUID_CONTENT, &body);
	/* A picture in the metadata library, inside the header extension. */
	buf_reset(&body);
	put_le16(&body, 1);
	put_le32(&body, 0);
	put_le16(&body, 22);
	put_le16(&body, 1);
	put_le32(&body, 5 + 20 + 2 + 100000);
	put_utf16(&body, "WM/Picture");
	put8(&body, 4);
	put_le32(&body, 100000);
	put_utf16(&body, "image/png");
	put_utf16(&body, "");
	put_fill(&body, 'P', 100000);
	put_object(&inner, GUID_LIBRARY, &body);
	buf_reset(&body);
	put_fill(&body, 0, 22);
	put_buf(&body, &inner);
	put_object(&more, GUID_EXTENSION, &body);
	build_asf(&b, &more);
	try_buf(&t, MEDIA_TRACK, "a.wma", &b);
	assert_sound("wma", 10, 44100, 2, 16);
	ASSERT_TEXT(&t, title, "Title");
	ASSERT_TEXT(&t, artist, "Ann");
	ASSERT_TEXT(&t, comment, "OK");
	ASSERT_INT(&t, bitrate, 128);
	ASSERT_INT(&t, picture_kind, 4);
	ASSERT_INT(&t, picture_bytes, 100000);
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.wma", b.data, b.len - 1), -ENODATA);
	ASSERT_TEXT(&t, title, "Title");
}

static void asf_objects_in_objects_end(void **state)
{
	(void)state;
	BUFFER(b);
	enum { SIZE = 46000, STEP = 46 };
	put_guid(&b, GUID_HEADER, SIZE + 30);
	put_fill(&b, 0, 6);
	for (size_t left = SIZE; left >= STEP; left -= STEP) {
		put_guid(&b, GUID_EXTENSION, left);
		put_fill(&b, 0, 22);
	}
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.wma", &b), -EBADMSG);
}

/* --- AAC, MPEG layer II --- */

static void aac_frames_are_counted_or_estimated(void **state)
{
	(void)state;
	/* Frames have 300 to 399 bytes: the large file is measured, not counted. */
	static const int frames[] = {3, 300, 5000};
	for (size_t i = 0; i < COUNT_OF(frames); i++) {
		BUFFER(b);
		put_id3_names(&b, "from ID3", false);
		put_adts(&b, frames[i]);
		put_v1(&b, "from v1", "Album");
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.aac", &b), 0);
		ASSERT_TEXT(&t, format, "aac");
		double seconds = frames[i] * 1024 / 44100.0, tolerance = frames[i] > 1000 ? seconds / 100 : 0.001;
		assert_float_equal(media_real(&t.m, FIELD_duration_seconds, 0), seconds, tolerance);
		ASSERT_INT(&t, channels, 2);
		ASSERT_TEXT(&t, title, "from ID3");
		ASSERT_TEXT(&t, album, "Album");
	}
	BUFFER(b);
	put_adts(&b, 10);
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.mp3", b.data, b.len - 1), -ENODATA);
	ASSERT_TEXT(&t, format, "aac");
}

static void mpeg_layers_have_their_own_name(void **state)
{
	(void)state;
	BUFFER(b);
	/* Layer II, 192 kbit/s, 48 kHz: 576 bytes. */
	for (int i = 0; i < 50; i++) {
		put_be32(&b, 0xfffda400);
		put_fill(&b, 'a', 572);
	}
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp2", &b), 0);
	ASSERT_TEXT(&t, format, "mp2");
	ASSERT_REAL(&t, duration_seconds, 50 * 1152 / 48000.0);
	ASSERT_INT(&t, bitrate, 192);
}

/* --- FLAC and Speex in Ogg --- */

static void put_ogg_flac(struct buf *b, size_t picture)
{
	static const char *const lines[] = {"TITLE=title", "ARTIST=A", "ARTIST=B", NULL};
	BUFFER(flac);
	BUFFER(packet);
	put_flac_head(&flac, lines, SOUND_SAMPLES, 0);
	buf_add(&packet, "\177FLAC\1\0\0\2", 9);
	buf_add(&packet, flac.data, 42);
	put_packet(b, 77, 0, &packet);
	buf_reset(&packet);
	buf_add(&packet, flac.data + 42, 4 + get_be24((uint8_t *)flac.data + 43));
	put_packet(b, 77, 0, &packet);
	buf_reset(&packet);
	put_be32(&packet, 0x86000000 | (uint32_t)(32 + picture));
	put_be32(&packet, 4);
	put_fill(&packet, 0, 24);
	put_be32(&packet, (uint32_t)picture);
	put_fill(&packet, 'P', picture);
	if (picture)
		put_packet(b, 77, 0, &packet);
	buf_reset(&packet);
	put_fill(&packet, '\xff', 3000);
	put_packet(b, 77, SOUND_SAMPLES, &packet);
}

static void flac_in_ogg_is_read_with_its_pictures(void **state)
{
	(void)state;
	for (size_t picture = 0; picture <= 200000; picture += 100000) {
		BUFFER(b);
		put_ogg_flac(&b, picture);
		try_buf(&t, MEDIA_TRACK, "a.oga", &b);
		assert_sound("oggflac", 10, 44100, 2, 16);
		ASSERT_TEXT(&t, title, "title");
		ASSERT_TEXT(&t, artist, "A\x1f" "B");
		ASSERT_INT(&t, has_picture, picture != 0);
		ASSERT_INT(&t, picture_bytes, picture ? (int)picture : -999);
	}
}

static void speex_in_ogg_is_read(void **state)
{
	(void)state;
	static const char *const lines[] = {"TITLE=title", NULL};
	BUFFER(b);
	BUFFER(packet);
	buf_adds(&packet, "Speex   1.2.0");
	put_fill(&packet, 0, 36 - packet.len);
	put_le32(&packet, 16000);
	put_fill(&packet, 0, 8);
	put_le32(&packet, 1);
	put_fill(&packet, 0, 28);
	put_packet(&b, 77, 0, &packet);
	buf_reset(&packet);
	put_comments(&packet, lines);
	put_packet(&b, 77, 0, &packet);
	buf_reset(&packet);
	put_fill(&packet, 'a', 3000);
	put_packet(&b, 77, 160000, &packet);
	try_buf(&t, MEDIA_TRACK, "a.spx", &b);
	assert_sound("speex", 10, 16000, 1, -999);
	ASSERT_TEXT(&t, title, "title");
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
		TEST(damaged_ape_tags_keep_what_is_whole),
		TEST(ape_headers_of_all_times_are_read),
		TEST(an_ape_file_that_ends_early_is_incomplete),
		TEST(wavpack_of_unknown_length_is_told_by_its_last_block),
		TEST(wavpack_pieces_tell_channels_rate_and_dsd),
		TEST(musepack_of_both_versions_is_read),
		TEST(wav_takes_names_from_id3_then_from_info),
		TEST(wav_chunks_may_lack_their_padding),
		TEST(wav_sizes_of_pipes_and_of_64_bits_are_understood),
		TEST(wav_of_other_codings_is_measured_by_its_fact),
		TEST(aiff_is_read_with_its_own_texts_and_id3),
		TEST(aiff_rates_that_are_no_number_are_refused),
		TEST(dsd_files_are_read),
		TEST(asf_gives_its_description_and_its_pictures),
		TEST(asf_objects_in_objects_end),
		TEST(aac_frames_are_counted_or_estimated),
		TEST(mpeg_layers_have_their_own_name),
		TEST(flac_in_ogg_is_read_with_its_pictures),
		TEST(speex_in_ogg_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
