/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formats that few programs write; their tags are in tag_places.c. */
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
		assert_sound(&t, "ape", rows[i].seconds, 44100, 2, rows[i].bits);
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
	assert_sound(&t, "wavpack", 10, 44100, 2, 16);
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
	assert_sound(&t, "wavpack", 10, 12345, 6, 16);
	buf_reset(&b);
	buf_reset(&pieces);
	buf_add(&pieces, "\x4e\1\3\0", 4);
	put_wavpack(&b, 3528000, 0, 100, UINT32_C(1) << 31, &pieces);
	try_buf(&t, MEDIA_TRACK, "a.wv", &b);
	assert_sound(&t, "wavpack", 10, 2822400, 2, 1);
}

static void musepack_of_both_versions_is_read(void **state)
{
	(void)state;
	for (int is_new = 0; is_new < 2; is_new++) {
		BUFFER(b);
		(is_new ? put_sv8 : put_sv7)(&b);
		put_ape_names(&b, "title", "artist");
		try_buf(&t, MEDIA_TRACK, "a.mpc", &b);
		assert_sound(&t, "musepack", 10, 44100, 2, -999);
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
		assert_sound(&t, "wav", 10, 8000, 2, 16);
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
		assert_sound(&t, "wav", 0.1, 8000, 2, 16);
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
	assert_sound(&t, "wav", 10, 8000, 2, 16);
	/* RF64: both stand in ds64. */
	BUFFER(large);
	buf_adds(&large, "RF64\xff\xff\xff\xffWAVEds64");
	put_le32(&large, 28);
	put_le64(&large, b.len + 36 - 8);
	put_le64(&large, 320000);
	put_fill(&large, 0, 12);
	buf_add(&large, b.data + 12, b.len - 12);
	try_buf(&t, MEDIA_TRACK, "a.wav", &large);
	assert_sound(&t, "wav", 10, 8000, 2, 16);
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
	assert_sound(&t, "wav", 10, 8000, 2, 4);
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
		assert_sound(&t, "aiff", 10, 44100, 2, 24);
		ASSERT_TEXT(&t, title, has_id3 ? "from ID3" : "from AIFF");
		ASSERT_TEXT(&t, artist, "Ann");
		ASSERT_TEXT(&t, tag_source, has_id3 ? "id3v2" : "aiff");
		ASSERT_INT(&t, has_picture, has_id3);
		assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.aif", b.data, b.len - 20), -ENODATA);
		ASSERT_REAL(&t, duration_seconds, 10);
	}
}

static void of_two_id3_chunks_the_first_counts(void **state)
{
	(void)state;
	BUFFER(b);
	BUFFER(chunks);
	for (int i = 0; i < 2; i++) {
		BUFFER(frames);
		BUFFER(tag);
		put_text_frame(&frames, 4, "TPE1", 3, i ? "Artist2" : "Artist1", 7);
		if (i)
			put_text_frame(&frames, 4, "TALB", 3, "Album2", 6);
		put_id3(&tag, 4, 0, &frames);
		put_chunk(&chunks, "ID3 ", tag.data, tag.len, true);
	}
	build_aiff(&b, "AIFF", &chunks);
	try_buf(&t, MEDIA_TRACK, "a.aif", &b);
	ASSERT_TEXT(&t, artist, "Artist1");
	ASSERT_TEXT(&t, album, "Album2");
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
		assert_sound(&t, i ? "dff" : "dsf", i == 1 ? 0.01 : 10, 2822400, 2, 1);
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
	assert_sound(&t, "wma", 10, 44100, 2, 16);
	ASSERT_TEXT(&t, title, "Title");
	ASSERT_TEXT(&t, artist, "Ann");
	ASSERT_TEXT(&t, comment, "OK");
	ASSERT_INT(&t, bitrate, 128);
	ASSERT_INT(&t, picture_kind, 4);
	ASSERT_INT(&t, picture_bytes, 100000);
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.wma", b.data, b.len - 1), -ENODATA);
	ASSERT_TEXT(&t, title, "Title");
}

/** What a hostile depth holds is not looked for; one level is ordinary. */
static void asf_objects_in_objects_end(void **state)
{
	(void)state;
	for (size_t depth = 1; depth <= 1000; depth *= 10) {
		BUFFER(b);
		BUFFER(inner);
		build_asf(&inner, &(struct buf){0});
		size_t objects = 104 + 24 + 70;
		put_guid(&b, GUID_HEADER, 30 + depth * 46 + objects);
		put_fill(&b, 0, 6);
		for (size_t left = depth; left; left--) {
			put_guid(&b, GUID_EXTENSION, left * 46 + objects);
			put_fill(&b, 0, 22);
		}
		buf_add(&b, inner.data + 30, inner.len - 30);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.wma", &b), depth > 1 ? -EBADMSG : 0);
	}
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
		assert_sound(&t, "oggflac", 10, 44100, 2, 16);
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
	assert_sound(&t, "speex", 10, 16000, 1, -999);
	ASSERT_TEXT(&t, title, "title");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(of_two_id3_chunks_the_first_counts),
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
