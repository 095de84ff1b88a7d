/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures in all formats: the same image has the same kind, size and hash, and is not read in a scan. */
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

/** An image with zeros, 0xff and all else. */
static void put_image(struct buf *b, size_t n)
{
	buf_add(b, "\xff\xd8\xff\xe0\0\0", 6);
	for (size_t i = 6; i < n; i++)
		put8(b, (unsigned)(i * i / 7) & 255);
}

static void put_apic(struct buf *b, unsigned version, unsigned kind, const char *text,
		     size_t text_len, const struct buf *image)
{
	BUFFER(body);
	put8(&body, text_len > 1 ? 1 : 0);
	buf_add(&body, version == 2 ? "JPG" : "image/jpeg", version == 2 ? 3 : 11);
	put8(&body, kind);
	buf_add(&body, text, text_len);
	put_buf(&body, image);
	put_frame(b, version, version == 2 ? "PIC" : "APIC", body.data, body.len);
}

static void put_flac_picture(struct buf *b, unsigned kind, const struct buf *image)
{
	put_be32(b, kind);
	put_be32(b, 10);
	buf_adds(b, "image/jpeg");
	put_be32(b, 5);
	buf_adds(b, "cover");
	put_fill(b, 0, 16);
	put_be32(b, (uint32_t)image->len);
	put_buf(b, image);
}

static void put_base64(struct buf *b, const struct buf *bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = (const uint8_t *)bytes->data;
	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t n = bytes->len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (n > 2 ? p[i + 2] : 0);
		put8(b, (unsigned char)digits[v >> 18]);
		put8(b, (unsigned char)digits[v >> 12 & 63]);
		put8(b, n > 1 ? (unsigned char)digits[v >> 6 & 63] : '=');
		put8(b, n > 2 ? (unsigned char)digits[v & 63] : '=');
	}
}

/* --- the same image in all formats --- */

static void make_id3(struct buf *b, unsigned version, unsigned flags, const struct buf *image)
{
	BUFFER(frames);
	BUFFER(other);
	buf_adds(&other, "other");
	put_apic(&frames, version, 4, "", 1, &other);
	put_apic(&frames, version, 3, "\xff\xfex\0\0\0", 6, image);
	put_apic(&frames, version, 3, "", 1, &other);
	if (!(flags & 0x80)) {
		put_id3(b, version, flags, &frames);
	} else {
		BUFFER(unsync);
		for (size_t i = 0; i < frames.len; i++) {
			uint8_t c = (uint8_t)frames.data[i], next = 0;
			put8(&unsync, c);
			if (i + 1 < frames.len)
				next = (uint8_t)frames.data[i + 1];
			if (c == 0xff && (next == 0 || next >= 0xe0))
				put8(&unsync, 0);
		}
		put_id3(b, version, flags, &unsync);
	}
	put_mpeg(b, 5);
}

static void make_v22(struct buf *b, const struct buf *image)
{
	make_id3(b, 2, 0, image);
}

static void make_v23(struct buf *b, const struct buf *image)
{
	make_id3(b, 3, 0, image);
}

static void make_v23_unsync(struct buf *b, const struct buf *image)
{
	make_id3(b, 3, 0x80, image);
}

static void make_v24(struct buf *b, const struct buf *image)
{
	make_id3(b, 4, 0, image);
}

static void make_flac(struct buf *b, const struct buf *image)
{
	static const char *const none[] = {NULL};
	BUFFER(block);
	BUFFER(flac);
	put_flac_picture(&block, 3, image);
	build_flac(&flac, none, 441000, 0);
	/* Between STREAMINFO and the comments. */
	buf_add(b, flac.data, 4 + 4 + 34);
	put_block(b, 6, &block);
	buf_add(b, flac.data + 42, flac.len - 42);
}

static void make_ogg(struct buf *b, const struct buf *image)
{
	BUFFER(picture);
	BUFFER(line);
	put_flac_picture(&picture, 3, image);
	buf_adds(&line, "metadata_block_picture=");
	put_base64(&line, &picture);
	const char *const lines[] = {"TITLE=before", line.data, "ARTIST=after", NULL};
	build_ogg(b, true, lines, 480312);
	put_page(b, 77, 480312, image, 0, image->len < 300 ? image->len : 300, false);
}

static void make_mp4(struct buf *b, const struct buf *image)
{
	BUFFER(items);
	size_t item = open_atom(&items, "covr");
	put_data(&items, 13, image->data, image->len);
	put_data(&items, 14, "other", 5);
	close_atom(&items, item);
	build_mp4(b, &items, false, true);
}

static const struct {
	const char *name;
	void (*make)(struct buf *b, const struct buf *image);
} FORMATS[] = {
	{"v22.mp3", make_v22}, {"v23.mp3", make_v23}, {"v24.mp3", make_v24},
	{"unsync.mp3", make_v23_unsync}, {"a.flac", make_flac}, {"a.opus", make_ogg},
	{"a.m4a", make_mp4},
};

static int hash_of(const struct buf *b, const char *name, char hash[17])
{
	char reason[EXTRACT_REASON];
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	assert_true(write(fd, b->data, b->len) == (ssize_t)b->len);
	struct extract_input in = {.fd = fd, .path = name, .path_len = strlen(name)};
	return extract_picture_hash(&in, hash, reason);
}

static void all_formats_tell_the_same(void **state)
{
	(void)state;
	static const struct {
		size_t bytes;
		const char *hash;
	} images[] = {
		/* By XXH3_64bits() over all the bytes at once. */
		{1000, "44e7ddac07f12522"}, {70001, "16a9eea8f59016c9"}, {300002, "9f4acd13713806db"},
	};
	for (size_t i = 0; i < COUNT_OF(images); i++) {
		BUFFER(image);
		put_image(&image, images[i].bytes);
		for (size_t f = 0; f < COUNT_OF(FORMATS); f++) {
			BUFFER(b);
			char hash[17];
			FORMATS[f].make(&b, &image);
			assert_int_equal(try_buf(&t, MEDIA_TRACK, FORMATS[f].name, &b), 0);
			ASSERT_INT(&t, has_picture, 1);
			ASSERT_INT(&t, picture_kind, 3);
			ASSERT_INT(&t, picture_bytes, (int64_t)images[i].bytes);
			ASSERT_UNSET(&t, picture_hash);
			assert_int_equal(hash_of(&b, FORMATS[f].name, hash), 0);
			assert_string_equal(hash, images[i].hash);
		}
	}
}

static void without_a_picture_there_is_no_hash(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	char hash[17];
	BUFFER(b);
	build_flac(&b, none, 441000, 0);
	assert_int_equal(hash_of(&b, "a.flac", hash), -ENOENT);
	assert_string_equal(hash, "");
	buf_reset(&b);
	buf_adds(&b, "no audio at all");
	assert_int_equal(hash_of(&b, "a.flac", hash), -EBADMSG);
}

static void the_first_counts_when_none_is_the_front(void **state)
{
	(void)state;
	BUFFER(first);
	BUFFER(second);
	BUFFER(frames);
	BUFFER(b);
	put_image(&first, 100);
	put_image(&second, 200);
	put_apic(&frames, 4, 8, "", 1, &first);
	put_apic(&frames, 4, 4, "", 1, &second);
	put_id3(&b, 4, 0, &frames);
	put_mpeg(&b, 5);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
	ASSERT_INT(&t, picture_kind, 8);
	ASSERT_INT(&t, picture_bytes, 100);
}

/** Frame-wise unsynchronisation hides the size, unless the frame tells it. */
static void v24_unsynchronised_pictures_are_measured_if_they_tell(void **state)
{
	(void)state;
	for (unsigned told = 0; told < 2; told++) {
		BUFFER(image);
		BUFFER(body);
		BUFFER(frames);
		BUFFER(b);
		char hash[17];
		put_image(&image, 9000);
		if (told)
			put_syncsafe(&body, 9014);
		buf_add(&body, "\0image/png\0\3\0", 13);
		for (size_t i = 0; i < image.len; i++) {
			put8(&body, (uint8_t)image.data[i]);
			if ((uint8_t)image.data[i] == 0xff)
				put8(&body, 0);
		}
		put_frame(&frames, 4, "APIC", body.data, body.len);
		frames.data[9] = told ? 3 : 2;
		put_id3(&b, 4, 0, &frames);
		put_mpeg(&b, 5);
		assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), 0);
		ASSERT_INT(&t, has_picture, 1);
		ASSERT_INT(&t, picture_kind, 3);
		ASSERT_INT(&t, picture_bytes, told ? 9001 : -999);
		assert_int_equal(hash_of(&b, "a.mp3", hash), 0);
		assert_string_equal(hash, "37d60fd795f70dea");
	}
}

/* --- what a scan reads --- */

/** Of this process: calls that read, and bytes of them.  Adds what asking itself costs. */
static void count_reads(uint64_t *calls, uint64_t *bytes)
{
	char text[512] = "";
	FILE *f = fopen("/proc/self/io", "r");
	if (!f)
		skip();
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	const char *chars = strstr(text, "rchar: "), *count = strstr(text, "syscr: ");
	assert_true(n > 0 && chars && count);
	*bytes = strtoull(chars + 7, NULL, 10);
	*calls = strtoull(count + 7, NULL, 10);
}

/** As extract_file() reads a file that changed long ago: what is made here is new. */
static int read_old(const char *name, struct extract_input *in)
{
	static uint8_t head[EXTRACT_HEAD_TRACK];
	const char *suffix = strrchr(name, '.') + 1;
	const struct extractor *const *e = EXTRACTORS_TABLE;
	in->head = head;
	in->head_len = in->size < sizeof head ? (size_t)in->size : sizeof head;
	assert_int_equal(extract_pread(in, 0, head, in->head_len), 0);
	for (; *e; e++) {
		for (const char *const *s = (*e)->suffixes; *s; s++) {
			if (strcmp(*s, suffix) == 0)
				return (*e)->read(in, &t.m, t.reason);
		}
	}
	fail();
	return 0;
}

static void read_costs(const char *name, const struct buf *b, uint64_t *calls, uint64_t *bytes)
{
	uint64_t before[2], between[2], after[2];
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	assert_true(write(fd, b->data, b->len) == (ssize_t)b->len);
	struct extract_input in = {
		.fd = fd, .path = name, .path_len = strlen(name), .size = b->len};
	count_reads(&before[0], &before[1]);
	count_reads(&between[0], &between[1]);
	t.r = read_old(name, &in);
	count_reads(&after[0], &after[1]);
	assert_int_equal(t.r, 0);
	uint64_t asking = between[1] - before[1];
	*calls = after[0] - between[0] - (between[0] - before[0]);
	*bytes = after[1] - between[1] - asking;
}

/** An ordinary file: two reads, 12 KiB.  Behind a large picture is one place more to look at. */
static void a_scan_reads_little(void **state)
{
	(void)state;
	BUFFER(image);
	BUFFER(small);
	put_image(&image, 3000000);
	buf_adds(&small, "P");
	for (size_t f = 0; f < COUNT_OF(FORMATS); f++) {
		bool is_unsync = strcmp(FORMATS[f].name, "unsync.mp3") == 0;
		uint64_t calls, bytes;
		BUFFER(plain);
		BUFFER(large);
		FORMATS[f].make(&plain, &small);
		read_costs(FORMATS[f].name, &plain, &calls, &bytes);
		/* Asking changes by a digit now and then. */
		assert_in_range(calls, 1, 2);
		assert_in_range(bytes, 1, 12288 + 64);
		FORMATS[f].make(&large, &image);
		read_costs(FORMATS[f].name, &large, &calls, &bytes);
		bool is_ogg = strcmp(FORMATS[f].name, "a.opus") == 0;
		/* Ogg has a header every 64 KiB; such a tag must be rewritten as a whole. */
		if (!is_ogg && !is_unsync)
			assert_in_range(calls, 1, 4);
		assert_in_range(bytes, 1, is_ogg ? 400000 : is_unsync ? 1200000 : 20480 + 64);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_formats_tell_the_same),
		TEST(without_a_picture_there_is_no_hash),
		TEST(the_first_counts_when_none_is_the_front),
		TEST(v24_unsynchronised_pictures_are_measured_if_they_tell),
		TEST(a_scan_reads_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
