/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long music is, where the file's header does not simply say. */
#include "tests/unit/media_files.h"

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

/** Of MPEG 1 layer III at 44,100 Hz, by the bitrate's index: 1 is 32 kbit/s, 9 is 128, 14 is 320. */
static void put_frames(struct buf *b, unsigned index, int frames)
{
	static const unsigned sizes[15] = {[1] = 104, [9] = 417, [14] = 1044};
	while (frames--) {
		put_be32(b, 0xfffb0000 | index << 12);
		put_fill(b, 'a', sizes[index] - 4);
	}
}

static double read_seconds(const char *name, const struct buf *b)
{
	assert_int_equal(try_buf(&t, MEDIA_TRACK, name, b), 0);
	return media_real(&t.m, FIELD_duration_seconds, -1);
}

static double of_frames(int frames)
{
	return frames * 1152 / 44100.0;
}

static void varying_bitrate_without_a_header_is_counted(void **state)
{
	(void)state;
	BUFFER(b);
	for (int i = 0; i < 900; i++)
		put_frames(&b, i % 3 ? 14 : 1, 1 + i % 5);
	buf_adds(&b, "TAG");
	put_fill(&b, 0, 125);
	assert_float_equal(read_seconds("a.mp3", &b), of_frames(900 * 3), 0.02);
}

static void silence_at_both_ends_is_not_the_bitrate(void **state)
{
	(void)state;
	for (unsigned middle = 1; middle <= 14; middle += 13) {
		BUFFER(b);
		put_frames(&b, 1, 200);
		put_frames(&b, middle, 2000);
		put_frames(&b, 1, 200);
		assert_float_equal(read_seconds("a.mp3", &b), of_frames(2400),
				   middle == 1 ? 0.3 : 0.02);
		ASSERT_INT(&t, bitrate, middle == 1 ? 32 : 271);
	}
}

/** Sound at the start only: what is at the end tells. */
static void silence_at_the_end_tells_too(void **state)
{
	(void)state;
	BUFFER(b);
	put_frames(&b, 9, 300);
	put_frames(&b, 1, 3000);
	assert_float_equal(read_seconds("a.mp3", &b), of_frames(3300), 0.02);
}

static void a_large_stream_is_sampled(void **state)
{
	(void)state;
	BUFFER(b);
	int frames = 0;
	for (int i = 0; b.len < 12 << 20; i++, frames += 60)
		put_frames(&b, i % 2 ? 14 : 9, 60);
	put_frames(&b, 14, 60);
	frames += 60;
	double seconds = read_seconds("a.mp3", &b);
	assert_true(seconds > of_frames(frames) * 0.97 && seconds < of_frames(frames) * 1.03);
}

static void constant_bitrate_needs_no_header(void **state)
{
	(void)state;
	BUFFER(b);
	put_frames(&b, 14, 9000);
	assert_float_equal(read_seconds("a.mp3", &b), of_frames(9000), 0.25);
	ASSERT_INT(&t, bitrate, 320);
}

static void put_lame(struct buf *b, unsigned gain)
{
	size_t start = b->len;
	put_xing(b, "Xing", 100);
	char *lame = b->data + start + 4 + 32 + 4 + 4 + 4;
	memcpy(lame + 11, "\0\x40\0\0", 4);
	lame[15] = (char)(gain >> 8);
	lame[16] = (char)gain;
}

static void lame_tells_a_gain(void **state)
{
	(void)state;
	static const struct {
		unsigned bits;
		double gain;
	} cases[] = {
		{1u << 13 | 3u << 10 | 1u << 9 | 65, -6.5}, {1u << 13 | 3u << 10 | 12, 1.2},
		{1u << 13 | 65, -999}, {2u << 13 | 3u << 10 | 65, -999}, {0, -999},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		BUFFER(b);
		put_lame(&b, cases[i].bits);
		put_mpeg(&b, 100);
		assert_float_equal(read_seconds("a.mp3", &b), (115200 - 1576) / 44100.0, 0.001);
		ASSERT_REAL(&t, replaygain_track_gain, cases[i].gain);
		ASSERT_REAL(&t, replaygain_track_peak, cases[i].gain > -999 ? 0.5 : -999);
	}
	BUFFER(frames);
	BUFFER(b);
	put_text_frame(&frames, 3, "TXXX", 0, "replaygain_track_gain\0-1 dB", 27);
	put_id3(&b, 3, 0, &frames);
	put_lame(&b, cases[0].bits);
	put_mpeg(&b, 100);
	read_seconds("a.mp3", &b);
	ASSERT_REAL(&t, replaygain_track_gain, -1);
}

static void fraunhofer_tells_too(void **state)
{
	(void)state;
	BUFFER(b);
	put_be32(&b, 0xfffb9000);
	put_fill(&b, 0, 32);
	buf_adds(&b, "VBRI");
	put_fill(&b, 0, 6);
	put_be32(&b, 417 * 101);
	put_be32(&b, 500);
	put_fill(&b, 0, 417 - 36 - 18);
	put_mpeg(&b, 100);
	assert_float_equal(read_seconds("a.mp3", &b), of_frames(500), 0.001);
}

/* --- Ogg --- */

/** A whole Ogg file of some pages, 44,100 Hz. */
static void put_link(struct buf *b, uint32_t serial, int pages, int64_t clock)
{
	static const char *const lines[] = {"TITLE=t", NULL};
	BUFFER(packet);
	size_t start = b->len;
	buf_adds(&packet, "\x01vorbis");
	put_le32(&packet, 0);
	put8(&packet, 2);
	put_le32(&packet, 44100);
	put_fill(&packet, 0, 14);
	put_packet(b, serial, 0, &packet);
	b->data[start + 5] = 2;
	buf_reset(&packet);
	buf_adds(&packet, "\x03vorbis");
	put_comments(&packet, lines);
	put_packet(b, serial, 0, &packet);
	buf_reset(&packet);
	put_fill(&packet, 'a', 4000);
	for (int i = 1; i <= pages; i++)
		put_packet(b, serial, clock * i / pages, &packet);
}

static void links_of_a_chain_are_added_up(void **state)
{
	(void)state;
	static const int pages[] = {1, 3, 10, 40, 200};
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		for (size_t k = 0; k < COUNT_OF(pages); k++) {
			BUFFER(b);
			put_link(&b, 1, pages[i], 441000);
			put_link(&b, 2, pages[k], 882000);
			assert_float_equal(read_seconds("a.ogg", &b), 30, 0.001);
			put_link(&b, 3, pages[i], 44100);
			assert_float_equal(read_seconds("a.ogg", &b), 31, 0.001);
		}
	}
}

/* --- MP4 --- */

/** The place behind the header of the first atom of the type. */
static size_t inside(const struct buf *b, const char *type)
{
	const char *p = memmem(b->data, b->len, type, 4);
	assert_non_null(p);
	return (size_t)(p - b->data) + 4;
}

/** put_track() with an edit list in front, and mdhd's length. */
static void build_edited(struct buf *b, const struct buf *items, uint32_t edit, uint32_t length)
{
	BUFFER(plain);
	BUFFER(edits);
	build_mp4(&plain, items, false, false);
	size_t mdhd = inside(&plain, "mdhd");
	set_be32(&plain, mdhd + 16, length);
	size_t edts = open_atom(&edits, "edts"), elst = open_atom(&edits, "elst");
	put_be32(&edits, 0);
	put_be32(&edits, 2);
	put_be32(&edits, 5000);
	put_be32(&edits, UINT32_MAX);
	put_be32(&edits, 1 << 16);
	put_be32(&edits, edit);
	put_be32(&edits, 1024);
	put_be32(&edits, 1 << 16);
	close_atom(&edits, elst);
	close_atom(&edits, edts);
	size_t at = inside(&plain, "trak");
	for (const char *const *type = (const char *const[]){"moov", "trak", NULL}; *type; type++) {
		size_t size = inside(&plain, *type) - 8;
		uint32_t n = (uint32_t)((uint8_t)plain.data[size] << 24 | (uint8_t)plain.data[size + 1] << 16 |
					(uint8_t)plain.data[size + 2] << 8 | (uint8_t)plain.data[size + 3]);
		set_be32(&plain, size, n + (uint32_t)edits.len);
	}
	buf_add(b, plain.data, at);
	put_buf(b, &edits);
	buf_add(b, plain.data + at, plain.len - at);
}

static void what_is_heard_counts(void **state)
{
	(void)state;
	BUFFER(none);
	BUFFER(edited);
	/* The movie has 1,000 units a second, the track 44,100. */
	build_edited(&edited, &none, 9900, 441000);
	assert_float_equal(read_seconds("a.m4a", &edited), 9.9, 0.0001);
	BUFFER(too_long);
	build_edited(&too_long, &none, 99000, 441000);
	assert_float_equal(read_seconds("a.m4a", &too_long), 10, 0.0001);
	BUFFER(items);
	BUFFER(gapless);
	put_freeform(&items, "iTunSMPB",
		     " 00000000 00000840 000001CA 000000000006A888 00000000 00000000");
	build_edited(&gapless, &items, 9900, 441000);
	assert_float_equal(read_seconds("a.m4a", &gapless), 0x6a888 / 44100.0, 0.0001);
	BUFFER(nonsense);
	BUFFER(lies);
	put_freeform(&nonsense, "iTunSMPB", " 00000000 0000zz40 000001CA 000000000006A888");
	build_edited(&lies, &nonsense, 9900, 441000);
	assert_float_equal(read_seconds("a.m4a", &lies), 9.9, 0.0001);
}

static void fragments_are_added_up(void **state)
{
	(void)state;
	BUFFER(none);
	BUFFER(b);
	build_mp4(&b, &none, false, false);
	set_be32(&b, inside(&b, "mdhd") + 16, 0);
	set_be32(&b, inside(&b, "mvhd") + 16, 0);
	size_t sidx = open_atom(&b, "sidx");
	put_be32(&b, 0);
	put_be32(&b, 1);
	put_be32(&b, 1000);
	put_fill(&b, 0, 8);
	put_be16(&b, 0);
	put_be16(&b, 2);
	for (uint32_t i = 0; i < 2; i++) {
		put_be32(&b, 100);
		put_be32(&b, 2500 + i);
		put_be32(&b, 0);
	}
	close_atom(&b, sidx);
	assert_float_equal(read_seconds("a.m4a", &b), 5.001, 0.0001);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(varying_bitrate_without_a_header_is_counted),
		TEST(silence_at_both_ends_is_not_the_bitrate),
		TEST(silence_at_the_end_tells_too),
		TEST(a_large_stream_is_sampled),
		TEST(constant_bitrate_needs_no_header),
		TEST(lame_tells_a_gain),
		TEST(fraunhofer_tells_too),
		TEST(links_of_a_chain_are_added_up),
		TEST(what_is_heard_counts),
		TEST(fragments_are_added_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
