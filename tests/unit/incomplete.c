/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that end too early: told from damaged ones, and never taken for whole. */
#include "tests/unit/media_files.h"

#include <errno.h>

#include "indexer/extract/incomplete.h"

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

static const char *const LINES[] = {"TITLE=t", "ARTIST=a", NULL};

/* --- whole files, small ones, of all formats --- */

static uint64_t random_state;

static uint8_t random_byte(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint8_t)(random_state >> 24);
}

/** Bit by bit, unlike in the program. */
static unsigned crc_of(const char *p, size_t n, unsigned polynomial, unsigned bits)
{
	unsigned crc = 0, top = 1U << (bits - 1);
	for (size_t i = 0; i < n * 8; i++) {
		bool bit = (uint8_t)p[i / 8] >> (7 - i % 8) & 1;
		bool is_odd = ((crc & top) != 0) != bit;
		crc = (crc << 1 ^ (is_odd ? polynomial : 0)) & (top * 2 - 1);
	}
	return crc;
}

enum {
	BLOCK = 4096,
	LAST_BLOCK = 1000,
	FRAMES = 20,
	SAMPLES = FRAMES * BLOCK + LAST_BLOCK,
};

/** A frame of noise; the last one is shorter and says so. */
static void put_flac_frame(struct buf *b, unsigned number, size_t bytes)
{
	size_t start = b->len;
	bool is_last = number == FRAMES;
	put_be16(b, 0xfff8);
	put8(b, is_last ? 0x70 : 0xc0);
	put8(b, 0x18);
	put8(b, number);
	if (is_last)
		put_be16(b, LAST_BLOCK - 1);
	put8(b, crc_of(b->data + start, b->len - start, 0x07, 8));
	while (bytes--)
		put8(b, random_byte());
	put_be16(b, crc_of(b->data + start, b->len - start, 0x8005, 16));
}

static void build_flac_frames(struct buf *b, size_t bytes)
{
	random_state = 20261121;
	put_flac_head(b, LINES, SAMPLES, 0);
	for (unsigned i = 0; i <= FRAMES; i++)
		put_flac_frame(b, i, bytes);
}

static void make_flac(struct buf *b)
{
	build_flac_frames(b, 500);
}

static void make_flac_behind_id3(struct buf *b)
{
	BUFFER(frames);
	put_text_frame(&frames, 4, "TIT2", 3, "WRONG", 5);
	put_fill(&frames, 0, 20000);
	put_id3(b, 4, 0, &frames);
	make_flac(b);
}

static void make_ogg(struct buf *b)
{
	build_ogg(b, false, LINES, 441000);
}

static void make_opus(struct buf *b)
{
	static const char *const lines[] = {"TITLE=t", "@3000", NULL};
	build_ogg(b, true, lines, 441000);
}

static void make_m4a(struct buf *b, bool is_fast)
{
	BUFFER(items);
	put_text_item(&items, "\251nam", "title");
	build_mp4(b, &items, true, is_fast);
}

static void make_fast_m4a(struct buf *b)
{
	make_m4a(b, true);
}

static void make_slow_m4a(struct buf *b)
{
	make_m4a(b, false);
}

/** As put_xing(), with a count of bytes: of the frames, this one included, and @more. */
static void put_counted(struct buf *b, uint32_t frames, uint32_t more)
{
	size_t start = b->len;
	put_be32(b, 0xfffb9000);
	put_fill(b, 0, 32);
	buf_adds(b, "Xing");
	put_be32(b, 3);
	put_be32(b, frames);
	put_be32(b, (frames + 1) * 417 + more);
	put_fill(b, 0, start + 417 - b->len);
}

static void put_tag(struct buf *b, size_t padding)
{
	BUFFER(frames);
	put_text_frame(&frames, 4, "TIT2", 3, "title", 5);
	put_fill(&frames, 0, padding);
	put_id3(b, 4, 0, &frames);
}

static void make_mp3(struct buf *b)
{
	put_tag(b, 1000);
	put_counted(b, 40, 0);
	put_mpeg(b, 40);
}

static void make_vbri(struct buf *b)
{
	size_t start = b->len;
	put_be32(b, 0xfffb9000);
	put_fill(b, 0, 32);
	buf_adds(b, "VBRI");
	put_fill(b, 0, 6);
	put_be32(b, 41 * 417);
	put_be32(b, 40);
	put_fill(b, 0, start + 417 - b->len);
	put_mpeg(b, 40);
}

static void make_cbz(struct buf *b)
{
	build_cbz(b, "<Series>S</Series><Number>3</Number>", 8);
}

enum { SLACK = 2048 };

static const struct {
	const char *name;
	void (*make)(struct buf *b);
	/** Bytes that may be missing at the end without anybody knowing. */
	size_t slack;
	/** From how many bytes on it is known what the file was to be. */
	size_t known;
} FILES[] = {
	{"a.flac", make_flac, 0, 1},
	{"b.flac", make_flac_behind_id3, 0, 10},
	{"a.ogg", make_ogg, 0, 1},
	{"a.opus", make_opus, 0, 1},
	{"fast.m4a", make_fast_m4a, 0, 5},
	{"slow.m4a", make_slow_m4a, 0, 5},
	{"a.mp3", make_mp3, SLACK, 1},
	{"vbri.mp3", make_vbri, SLACK, 1},
	{"S/S 03.cbz", make_cbz, 0, 1},
	{"S/S 03.zip", make_cbz, 0, 1},
};

static enum media_kind kind_of(const char *name)
{
	return extract_wants(MEDIA_VOLUME, name, strlen(name)) ? MEDIA_VOLUME : MEDIA_TRACK;
}

static int try_fd(int fd, const char *name)
{
	struct extract_input in = {.fd = fd, .path = name, .path_len = strlen(name)};
	t.r = extract_file(kind_of(name), &in, &t.m, t.reason);
	return t.r;
}

static void assert_incomplete(void)
{
	assert_int_equal(t.r, -ENODATA);
	assert_memory_equal(t.reason, "incomplete: ", 12);
	assert_true(strlen(t.reason) > 20);
}

static void files_cut_in_half_are_incomplete(void **state)
{
	(void)state;
	for (size_t f = 0; f < COUNT_OF(FILES); f++) {
		BUFFER(b);
		FILES[f].make(&b);
		assert_int_equal(try_buf(&t, kind_of(FILES[f].name), FILES[f].name, &b), 0);
		try_bytes(&t, kind_of(FILES[f].name), FILES[f].name, b.data, b.len / 2);
		assert_incomplete();
	}
}

/** Between two pages, behind the comments: nobody can tell. */
static bool ends_with_a_page(const struct buf *b, size_t n, const char *name)
{
	bool is_ogg = strstr(name, ".ogg") || strstr(name, ".opus");
	return is_ogg && n > b->len / 4 && memcmp(b->data + n, "OggS", 4) == 0;
}

static void files_cut_anywhere_are_never_whole(void **state)
{
	(void)state;
	for (size_t f = 0; f < COUNT_OF(FILES); f++) {
		BUFFER(b);
		FILES[f].make(&b);
		_close_ int fd = memfd_create("media", MFD_CLOEXEC);
		assert_int_equal(write(fd, b.data, b.len), (ssize_t)b.len);
		for (size_t n = b.len; n-- > 0;) {
			assert_int_equal(ftruncate(fd, (off_t)n), 0);
			try_fd(fd, FILES[f].name);
			bool is_hidden = n + FILES[f].slack >= b.len ||
					 ends_with_a_page(&b, n, FILES[f].name);
			bool is_unknown = n > 0 && n < FILES[f].known;
			if (t.r == -ENODATA || (is_hidden && t.r == 0) ||
			    (is_unknown && t.r == -EBADMSG))
				continue;
			fail_msg("%s cut to %zu of %zu: %d %s", FILES[f].name, n, b.len, t.r,
				 t.reason);
		}
	}
}

static void what_was_read_before_the_end_is_kept(void **state)
{
	(void)state;
	BUFFER(b);
	make_flac(&b);
	try_bytes(&t, MEDIA_TRACK, "a.flac", b.data, b.len / 2);
	ASSERT_TEXT(&t, title, "t");
	ASSERT_TEXT(&t, format, "flac");
	buf_reset(&b);
	make_mp3(&b);
	try_bytes(&t, MEDIA_TRACK, "a.mp3", b.data, b.len / 2);
	ASSERT_TEXT(&t, title, "title");
	buf_reset(&b);
	make_cbz(&b);
	try_bytes(&t, MEDIA_VOLUME, "Name/Name T04.cbz", b.data, b.len / 2);
	assert_string_equal(t.reason,
			    "incomplete: the archive has no end (still being copied?)");
	ASSERT_TEXT(&t, series, "Name");
	ASSERT_REAL(&t, volume, 4);
}

static void the_format_that_knows_the_end_has_the_word(void **state)
{
	(void)state;
	BUFFER(b);
	/* Behind so large a tag may be FLAC, which is asked first. */
	put_tag(&b, 20000);
	put_counted(&b, 100, 0);
	put_mpeg(&b, 50);
	try_buf(&t, MEDIA_TRACK, "noname", &b);
	assert_incomplete();
	ASSERT_TEXT(&t, format, "mp3");
	ASSERT_TEXT(&t, title, "title");
}

static void numbers_are_written_for_people(void **state)
{
	(void)state;
	char text[GROUPED_MAX], reason[EXTRACT_REASON];
	assert_string_equal(incomplete_number(0, text), "0");
	assert_string_equal(incomplete_number(999, text), "999");
	assert_string_equal(incomplete_number(1000, text), "1,000");
	assert_string_equal(incomplete_number(UINT64_MAX, text), "18,446,744,073,709,551,615");
	assert_int_equal(incomplete_at(reason, 1048576, "its index", 34100222), -ENODATA);
	assert_string_equal(reason, "incomplete: the file ends at 1,048,576 bytes, its index says "
				    "at least 34,100,222");
}

/* --- archives --- */

static void archives_beyond_the_end_are_incomplete(void **state)
{
	(void)state;
	BUFFER(b);
	make_cbz(&b);
	size_t whole = b.len;
	/* Where the directory is, in the end record. */
	set_le32(&b, b.len - 6, 0x7fffffff);
	try_buf(&t, MEDIA_VOLUME, "a.cbz", &b);
	assert_incomplete();
	assert_non_null(strstr(t.reason, "its index says at least 2,147,48"));
	/* The first entry's packed size. */
	buf_reset(&b);
	make_cbz(&b);
	char *entry = memmem(b.data, b.len, "PK\1\2", 4);
	set_le32(&b, (size_t)(entry - b.data) + 20, (uint32_t)whole);
	try_buf(&t, MEDIA_VOLUME, "a.cbz", &b);
	assert_incomplete();
	ASSERT_INT(&t, pages, 3);
	/* Of zip64: looked up elsewhere. */
	set_le32(&b, (size_t)(entry - b.data) + 20, UINT32_MAX);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
}

static void an_archive_inside_is_not_taken_for_the_one_that_is_cut(void **state)
{
	(void)state;
	BUFFER(inner);
	BUFFER(b);
	make_cbz(&inner);
	const struct zip_file files[] = {
		{.name = "first.jpg", .data = "x", .n = 1},
		{.name = "inner.cbz", .data = inner.data, .n = inner.len},
		{.name = "last.jpg", .data = inner.data, .n = 300},
		{0},
	};
	build_zip(&b, files);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
	ASSERT_INT(&t, pages, 2);
	const char *last = memmem(b.data, b.len, "last.jpg", 8);
	try_bytes(&t, MEDIA_VOLUME, "a.cbz", b.data, (size_t)(last - b.data) + 100);
	assert_incomplete();
	ASSERT_UNSET(&t, pages);
	/* Bytes behind the end, or in front of the start, are no reason. */
	put_fill(&inner, 0, 500);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &inner), 0);
	buf_reset(&b);
	put_fill(&b, 'x', 500);
	put_buf(&b, &inner);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
}

/* --- sound --- */

static void junk_behind_mp4_is_no_loss(void **state)
{
	(void)state;
	for (int is_fast = 0; is_fast < 2; is_fast++) {
		BUFFER(b);
		make_m4a(&b, is_fast);
		buf_adds(&b, "junk");
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.m4a", &b), 0);
		put_fill(&b, 'T', 128);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.m4a", &b), 0);
		/* An atom that everybody knows, and that is not there. */
		b.len -= 132;
		put_be32(&b, 5000);
		buf_adds(&b, "free");
		try_buf(&t, MEDIA_TRACK, "a.m4a", &b);
		assert_incomplete();
	}
}

static void mp4_without_index_is_damaged_when_noise_is_there(void **state)
{
	(void)state;
	BUFFER(b);
	size_t a = open_atom(&b, "ftyp");
	buf_adds(&b, "M4A ");
	close_atom(&b, a);
	put_fill(&b, 'x', 500);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.m4a", &b), -EBADMSG);
}

static void mp3_counts_that_differ_a_little_are_no_loss(void **state)
{
	(void)state;
	BUFFER(b);
	/* A count with the tag in front. */
	put_tag(&b, 30000);
	size_t tag = b.len;
	put_counted(&b, 100, (uint32_t)tag);
	put_mpeg(&b, 100);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	b.len -= 20000;
	try_buf(&t, MEDIA_TRACK, "a.mp3", &b);
	assert_incomplete();
	buf_reset(&b);
	put_counted(&b, 40, SLACK);
	put_mpeg(&b, 40);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	buf_reset(&b);
	put_counted(&b, 40, SLACK + 1);
	put_mpeg(&b, 40);
	try_buf(&t, MEDIA_TRACK, "a.mp3", &b);
	assert_incomplete();
}

static void ogg_pages_are_damaged_or_incomplete(void **state)
{
	(void)state;
	BUFFER(b);
	make_ogg(&b);
	/* No page says that it is the last: nothing is missing all the same. */
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), 0);
	/* Bytes behind the last page. */
	put_fill(&b, 0, 100);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), 0);
	/* Noise where the comments' page should be. */
	memset(b.data + 27 + 1 + 30, 'x', 20);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), -EBADMSG);
}

/* --- FLAC's last frame --- */

static int read_flac(const struct buf *b, bool is_fresh)
{
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	assert_int_equal(write(fd, b->data, b->len), (ssize_t)b->len);
	struct extract_input in = {.fd = fd,
				   .size = b->len,
				   .head = (const uint8_t *)b->data,
				   .head_len = b->len < EXTRACT_HEAD ? b->len : EXTRACT_HEAD,
				   .path = "a.flac",
				   .path_len = 6,
				   .is_fresh = is_fresh};
	media_reset(&t.m);
	t.reason[0] = '\0';
	t.r = extract_flac.read(&in, &t.m, t.reason);
	return t.r;
}

static void flac_that_ends_early_is_seen_while_it_is_fresh(void **state)
{
	(void)state;
	/* The last frame stands in the last 8 KiB, 32 KiB, or in neither. */
	static const size_t sizes[] = {1000, 20000, 70000};
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		BUFFER(b);
		build_flac_frames(&b, sizes[i]);
		assert_int_equal(read_flac(&b, true), 0);
		assert_int_equal(read_flac(&b, false), 0);
		b.len = b.len / 2;
		assert_int_equal(read_flac(&b, false), 0);
		assert_int_equal(read_flac(&b, true), i < 2 ? -ENODATA : 0);
		assert_string_equal(t.reason, i < 2 ? "incomplete: the sound ends after 45,056 of "
						      "82,920 samples"
						    : "");
	}
}

static void flac_whose_last_frame_is_cut_is_incomplete(void **state)
{
	(void)state;
	BUFFER(b);
	build_flac_frames(&b, 3000);
	BUFFER(tagged);
	put_buf(&tagged, &b);
	buf_adds(&tagged, "TAG");
	put_fill(&tagged, 0, 125);
	assert_int_equal(read_flac(&tagged, true), 0);
	b.len--;
	read_flac(&b, true);
	assert_incomplete();
	assert_non_null(strstr(t.reason, "inside its last frame"));
}

static void flac_that_is_far_too_short_is_seen_without_a_read(void **state)
{
	(void)state;
	BUFFER(b);
	build_flac_frames(&b, 3000);
	/* Bytes of the smallest frame, in STREAMINFO. */
	memcpy(b.data + 8 + 4, "\0\x0b\xb8", 3);
	assert_int_equal(read_flac(&b, false), 0);
	b.len /= 2;
	read_flac(&b, false);
	assert_incomplete();
	buf_reset(&b);
	put_flac_head(&b, LINES, SAMPLES, 0);
	read_flac(&b, false);
	assert_incomplete();
}

/** The last frame tells, but only a whole one. */
static void flac_without_length_is_measured(void **state)
{
	(void)state;
	BUFFER(b);
	build_flac_frames(&b, 1000);
	memset(b.data + 22, 0, 4);
	b.data[21] = (char)(b.data[21] & 0xf0);
	assert_int_equal(read_flac(&b, false), 0);
	ASSERT_REAL(&t, duration_seconds, SAMPLES / 44100.0);
	b.data[b.len - 1] ^= 1;
	assert_int_equal(read_flac(&b, false), 0);
	ASSERT_UNSET(&t, duration_seconds);
}

static void frames_of_another_stream_condemn_nothing(void **state)
{
	(void)state;
	BUFFER(b);
	build_flac_frames(&b, 1000);
	/* More bytes than the sound so far could take uncompressed. */
	BUFFER(sparse);
	buf_add(&sparse, b.data, 5000);
	put_fill(&sparse, 0, 8 << 20);
	put_flac_frame(&sparse, 3, 1000);
	assert_int_equal(read_flac(&sparse, true), 0);
	/* A checksum that does not fit: no header. */
	BUFFER(bad);
	put_flac_head(&bad, LINES, SAMPLES, 0);
	put_flac_frame(&bad, 3, 1000);
	bad.data[bad.len - 1000 - 3] ^= 1;
	assert_int_equal(read_flac(&bad, true), 0);
}

static void a_file_is_fresh_for_an_hour(void **state)
{
	(void)state;
	const int64_t now = INT64_C(1700000000);
	assert_true(incomplete_is_fresh(now, now - FRESH_S + 1, 0));
	assert_false(incomplete_is_fresh(now, now - FRESH_S, 0));
	/* Copied a moment ago, by a program that keeps times. */
	assert_false(incomplete_is_fresh(now, now - FRESH_S, now - 1));
	/* What robocopy still copies: 1980. */
	assert_true(incomplete_is_fresh(now, 315532800, now - 1));
	assert_true(incomplete_is_fresh(now, now + 10000, 0));
	assert_true(incomplete_is_fresh(now, INT64_MAX, 0) && !incomplete_is_fresh(now, INT64_MIN, INT64_MIN));
}

/* --- real files, and disks --- */

static void real_files_cut_in_half_are_incomplete(void **state)
{
	(void)state;
	static const char *const seeds[] = {"flac_a_1.flac", "flac_b_3.flac", "flac_c_1.flac",
					    "m4a_1.m4a",     "m4a_3.m4a",     "mp3_v2_1.mp3",
					    "mp3_cbr320_3.mp3", "ogg_1.ogg",  "opus_3.opus"};
	const char *shared = getenv("MEDIAMON_SHARED");
	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/corpus/seeds/%s", shared ? shared : "../shared", seeds[i]);
		FILE *f = fopen(path, "rbe");
		if (!f) {
			print_message("%s is not there\n", path);
			skip();
		}
		BUFFER(b);
		assert_int_equal(buf_reserve(&b, 1 << 20), 0);
		b.len = fread(b.data, 1, 1 << 20, f);
		fclose(f);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, seeds[i], &b), 0);
		try_bytes(&t, MEDIA_TRACK, seeds[i], b.data, b.len / 2);
		assert_incomplete();
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_cut_in_half_are_incomplete),
		TEST(files_cut_anywhere_are_never_whole),
		TEST(what_was_read_before_the_end_is_kept),
		TEST(the_format_that_knows_the_end_has_the_word),
		TEST(numbers_are_written_for_people),
		TEST(archives_beyond_the_end_are_incomplete),
		TEST(an_archive_inside_is_not_taken_for_the_one_that_is_cut),
		TEST(junk_behind_mp4_is_no_loss),
		TEST(mp4_without_index_is_damaged_when_noise_is_there),
		TEST(mp3_counts_that_differ_a_little_are_no_loss),
		TEST(ogg_pages_are_damaged_or_incomplete),
		TEST(flac_that_ends_early_is_seen_while_it_is_fresh),
		TEST(flac_whose_last_frame_is_cut_is_incomplete),
		TEST(flac_that_is_far_too_short_is_seen_without_a_read),
		TEST(flac_without_length_is_measured),
		TEST(frames_of_another_stream_condemn_nothing),
		TEST(a_file_is_fresh_for_an_hour),
		TEST(real_files_cut_in_half_are_incomplete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
