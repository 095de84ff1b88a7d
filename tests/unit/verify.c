/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading files to their end: what is whole is intact, each sort of damage is found and named. */
#include "indexer/extract/verify.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>

#include "indexer/extract/verify_image.h"
#include "tests/unit/verify_files.h"

static const unsigned char jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 'J', 'F', 0xff, 0xda, 0, 4, 1, 2, 'a', 0xff, 0, 'b',
				     0xff, 0xd0, 'c', 0xff, 0xd9};

static void put_png_chunk(struct buf *b, const char *kind, const void *body, size_t n)
{
	put_be32(b, (uint32_t)n);
	buf_adds(b, kind);
	buf_add(b, body, n);
	put_be32(b, 0);
}

static void put_png(struct buf *b)
{
	buf_add(b, "\x89PNG\r\n\x1a\n", 8);
	put_png_chunk(b, "IHDR", "1234567890123", 13);
	put_png_chunk(b, "IDAT", "pixels and no end of them", 25);
	put_png_chunk(b, "IEND", "", 0);
}

/* --- archives --- */

static void build_volume(struct buf *b, unsigned method)
{
	_buf_ struct buf png = BUF_INIT(FILE_MAX);
	put_png(&png);
	const struct zip_file files[] = {
		{.name = "001.jpg", .data = jpeg, .n = sizeof jpeg, .method = method},
		{.name = "a/002.PNG", .data = png.data, .n = png.len, .method = method},
		{.name = "credits.txt", .data = "x", .n = 1},
		{.name = "empty.txt", .data = "", .n = 0},
		{0},
	};
	build_zip(b, files);
}

static void archives_are_unpacked_and_compared(void **state)
{
	(void)state;
	for (unsigned method = 0; method <= 8; method += 8) {
		_buf_ struct buf b = BUF_INIT(FILE_MAX);
		build_volume(&b, method);
		is_intact(&b, "2 pages of 4 files");
		/* the bytes behind the first local header, and then its checksum in the index */
		is_corrupt_with_flip(&b, 30 + 7 + 5, "001.jpg");
		is_corrupt_with_flip(&b, find(&b, "PK\1\2") + 17, "001.jpg has another checksum");
		is_corrupt_with_flip(&b, find(&b, "PK\1\2") + 24, "001.jpg has another size");
		is_corrupt_with_flip(&b, 1, "001.jpg is not where the archive's index says");
		is_corrupt_with_flip(&b, b.len - 12, "damaged");
		for (size_t n = 1; n < b.len; n++) {
			struct verify_result r;
			look(&r, buf_str(&b), n);
			assert_true(r.error == -EBADMSG || (n < 4 && r.error == -ENOTSUP));
		}
	}
}

static void with_page(const char *name, const void *data, size_t n, unsigned flags, int error, const char *word)
{
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	const struct zip_file files[] = {
		{.name = "000.jpg", .data = jpeg, .n = sizeof jpeg},
		{.name = name, .data = data, .n = n, .flags = flags, .method = n > 1000 ? 8 : 0},
		{0},
	};
	build_zip(&b, files);
	if (error)
		is_bad(&b, error, word);
	else
		is_intact(&b, word);
}

static void pages_must_be_images_with_an_end(void **state)
{
	(void)state;
	_buf_ struct buf png = BUF_INIT(FILE_MAX), webp = BUF_INIT(FILE_MAX);
	put_png(&png);
	buf_add(&webp, "RIFF\x10\0\0\0WEBPVP8 12345678", 24);
	with_page("1.jpg", jpeg, sizeof jpeg, 0, 0, "2 pages of 2 files");
	with_page("1.jpg", png.data, png.len, 0, 0, "2 pages of 2 files");
	with_page("1.webp", webp.data, webp.len, 0, 0, "2 pages of 2 files");
	with_page("1.gif", "GIF89a...........;", 18, 0, 0, "2 pages of 2 files");
	with_page("1.avif", "\0\0\0\x20" "ftypavif........", 20, 0, 0, "2 pages of 2 files");
	with_page("__MACOSX/._1.jpg", "x", 1, 0, 0, "1 page of 2 files");
	with_page("1.jpg", "", 0, 0, -EBADMSG, "1.jpg is empty");
	with_page("1.jpg", "<html>not found</html>", 22, 0, -EBADMSG, "1.jpg is no image");
	with_page("1.jpg", jpeg, sizeof jpeg - 2, 0, -EBADMSG, "1.jpg is a JPEG without its end");
	with_page("1.png", png.data, png.len - 12, 0, -EBADMSG, "1.png is a PNG without its end");
	with_page("1.png", png.data, png.len - 1, 0, -EBADMSG, "1.png is a PNG without its end");
	with_page("1.webp", webp.data, webp.len - 1, 0, -EBADMSG, "1.webp is a WebP without its end");
	with_page("000.jpg", jpeg, sizeof jpeg, 0, -EBADMSG, "000.jpg is there twice");
	with_page("1.jpg", jpeg, sizeof jpeg, 1, -ENOTSUP, "1.jpg is encrypted");
}

static void images_are_the_same_in_any_pieces(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	put_png(&b);
	for (size_t piece = 1; piece < 40; piece++) {
		struct image_check p, j;
		image_begin(&p);
		image_begin(&j);
		for (size_t at = 0; at < b.len; at += piece)
			image_feed(&p, (const uint8_t *)b.data + at, at + piece < b.len ? piece : b.len - at);
		for (size_t at = 0; at < sizeof jpeg; at += piece)
			image_feed(&j, jpeg + at, at + piece < sizeof jpeg ? piece : sizeof jpeg - at);
		assert_null(image_end(&p));
		assert_null(image_end(&j));
		assert_true(p.size == b.len && j.size == sizeof jpeg);
	}
}

/** An end in the picture that a camera puts in front of the real one does not count. */
static void the_end_of_a_thumbnail_is_not_that_of_the_page(void **state)
{
	(void)state;
	static const unsigned char page[] = {0xff, 0xd8, 0xff, 0xe1, 0, 8, 'E', 'x', 0xff, 0xd9, 'i', 'f', 0xff, 0xda, 0, 3, 1,
					     'a', 'b', 'c', 'd', 'e', 'f', 'g'};
	with_page("1.jpg", page, sizeof page, 0, -EBADMSG, "without its end");
}

static void bombs_are_given_up(void **state)
{
	(void)state;
	enum { MOST = 80 << 20 };
	_free_ char *zeros = calloc(1, MOST);
	assert_non_null(zeros);
	with_page("1.png", zeros, MOST, 0, -ENOTSUP, "1.png unpacks to more");
}

/** Written by libarchive: 7z, tar. */
static void build_archive(struct buf *b, int (*format)(struct archive *a))
{
	_free_ char *space = malloc(FILE_MAX);
	size_t used = 0;
	struct archive *a = archive_write_new();
	assert_int_equal(format(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, space, FILE_MAX, &used), ARCHIVE_OK);
	for (int i = 0; i < 3; i++) {
		char name[16];
		struct archive_entry *e = archive_entry_new();
		snprintf(name, sizeof name, "%03d.jpg", i);
		archive_entry_set_pathname(e, name);
		archive_entry_set_size(e, sizeof jpeg);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		assert_int_equal(archive_write_data(a, jpeg, sizeof jpeg), sizeof jpeg);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	buf_add(b, space, used);
}

static void other_archives_are_read_by_a_library(void **state)
{
	(void)state;
	_buf_ struct buf seven = BUF_INIT(FILE_MAX), tar = BUF_INIT(FILE_MAX);
	build_archive(&seven, archive_write_set_format_7zip);
	is_intact(&seven, "3 pages of 3 files");
	is_corrupt_with_flip(&seven, 40, "");
	is_bad_bytes(seven.data, seven.len - 20, -EBADMSG, "");
	build_archive(&tar, archive_write_set_format_ustar);
	is_intact(&tar, "3 pages of 3 files");
	/* the checksum of the second header; a page that is cut off */
	is_corrupt_with_flip(&tar, 1024 + 10, "");
	is_bad_bytes(tar.data, 1024 + 512 + 10, -EBADMSG, "");
}

static void what_is_switched_off_is_not_opened(void **state)
{
	(void)state;
	_buf_ struct buf zip = BUF_INIT(FILE_MAX), seven = BUF_INIT(FILE_MAX), tar = BUF_INIT(FILE_MAX);
	build_volume(&zip, 8);
	build_archive(&seven, archive_write_set_format_7zip);
	build_archive(&tar, archive_write_set_format_ustar);
	extract_allow(ARCHIVE_ZIP);
	is_intact(&zip, "2 pages of 4 files");
	is_bad(&seven, -ENOTSUP, "7z are not opened");
	is_bad(&tar, -ENOTSUP, "tar are not opened");
	is_bad_bytes("Rar!\x1a\7\1\0..........", 18, -ENOTSUP, "RAR are not opened");
	extract_allow(ARCHIVE_ZIP | ARCHIVE_SEVEN);
	is_intact(&seven, "3 pages of 3 files");
	extract_allow(~0U);
	is_intact(&tar, "3 pages of 3 files");
}

static void rar_archives_are_known(void **state)
{
	(void)state;
	const char *shared = getenv("MEDIAMON_SHARED");
	static const struct {
		const char *name, *word;
	} rows[] = {
		{"test_read_format_rar5_solid.rar", "no images"}, {"test_read_format_rar.rar", "no images"},
		{"test_read_format_rar_encryption_data.rar", "encrypted"},
		{"test_read_format_rar5_multiarchive.part01.rar", "one part of several"},
		{"test_read_format_rar5_multiarchive.part02.rar", "one part of several"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char path[4096];
		struct verify_result r;
		snprintf(path, sizeof path, "%s/corpus/rar/%s", shared ? shared : "", rows[i].name);
		_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (!shared || fd < 0) {
			print_message("skipped: %s is not there (MEDIAMON_SHARED)\n", path);
			continue;
		}
		verify_whole(fd, NULL, NULL, &r);
		assert_int_equal(r.error, -ENOTSUP);
		assert_non_null(strstr(r.reason, rows[i].word));
	}
}

/* --- FLAC --- */

static void flac_is_decoded(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	encode_flac(&b);
	is_intact(&b, "20000 samples and their MD5");
	is_corrupt_with_flip(&b, b.len / 2, "frame");
	is_corrupt_with_flip(&b, 8 + 20, "another MD5");
	is_bad_bytes(b.data, b.len - 100, -EBADMSG, "the sound ends after 16384 of 20000 samples");
	is_bad_bytes(b.data, 42, -EBADMSG, "the sound ends after 0 of 20000 samples");
	/* without an MD5 */
	memset(b.data + 8 + 18, 0, 16);
	is_intact(&b, "20000 samples, checksums of frames only");
	/* tags around it */
	_buf_ struct buf tagged = BUF_INIT(FILE_MAX);
	buf_add(&tagged, "ID3\3\0\0\0\0\0\x0a" "0123456789", 20);
	put_buf(&tagged, &b);
	buf_adds(&tagged, "TAG");
	put_fill(&tagged, ' ', 125);
	is_intact(&tagged, "20000 samples, checksums of frames only");
	/* of another format, behind all of the sound */
	put_fill(&b, 0, 500);
	buf_adds(&b, "APETAGEX");
	is_bad(&b, 0, "stands behind the sound");
	is_corrupt_with_flip(&b, b.len / 2, "frame");
}

/* --- Ogg --- */

static void every_page_of_ogg_is_checked(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX), gap = BUF_INIT(FILE_MAX), cut = BUF_INIT(FILE_MAX);
	build_pages(&b, -1, 4);
	is_intact(&b, "10 pages");
	is_corrupt_with_flip(&b, b.len / 2 + 100, "another checksum");
	is_corrupt_with_flip(&b, b.len - 1, "another checksum");
	is_bad_bytes(b.data, b.len - 1, -EBADMSG, "is cut off");
	build_pages(&gap, 2, 4);
	is_corrupt(&gap, "pages before it are missing");
	build_pages(&cut, -1, 3);
	is_corrupt(&cut, "the file ends after page 4");
	/* streams behind each other, with the same serials */
	_buf_ struct buf chain = BUF_INIT(FILE_MAX);
	for (int i = 0; i < 20; i++)
		put_buf(&chain, &b);
	is_intact(&chain, "200 pages");
	is_corrupt_with_flip(&chain, chain.len - 1, "another checksum");
	/* the first page of another stream, which is damaged; then what is none */
	size_t end = b.len;
	build_pages(&b, -1, 4);
	is_corrupt_with_flip(&b, end, "no page where one should begin");
	b.len = end;
	buf_adds(&b, "junk");
	is_bad(&b, 0, "4 bytes stand behind its end");
}

/* --- MPEG --- */

static void frames_follow_each_other(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX), x = BUF_INIT(FILE_MAX), s = BUF_INIT(FILE_MAX);
	put_mpeg(&b, 40);
	is_intact(&b, "40 frames");
	is_bad_bytes(b.data, b.len - 200, -EBADMSG, "the file ends in the middle of a frame");
	put_fill(&b, 0, 5000);
	is_intact(&b, "40 frames");
	buf_adds(&b, "TAG");
	put_fill(&b, ' ', 125);
	is_intact(&b, "40 frames");
	/* its head tells how many there are */
	put_xing(&x, "Xing", 60);
	put_mpeg(&x, 60);
	is_intact(&x, "61 frames");
	is_bad_bytes(x.data, x.len / 2, -EBADMSG, "of the 60 frames that its head tells");
	is_bad_bytes(x.data, x.len - 200, 0, "");
	/* stray bytes are passed and told, where they are few */
	put_mpeg(&s, 10);
	put_fill(&s, 'x', 100);
	put_mpeg(&s, 10);
	is_bad(&s, 0, "100 stray bytes between frames, the first at byte 4170");
	put_fill(&s, 'x', 20000);
	put_mpeg(&s, 10);
	is_corrupt(&s, "no frame follows");
	/* a tag at the wrong end; anything behind the last frame that the head tells of */
	b.len = 40 * 417;
	buf_add(&b, "ID3\4\0\0\0\0\0\x0a" "0123456789", 20);
	is_bad(&b, 0, "20 bytes stand behind its end");
	put_fill(&x, 'x', 3000);
	is_bad(&x, 0, "3000 bytes stand behind its end");
}

/** Taggers of other formats write ID3 in front of anything, larger than what is read of a head. */
static void what_stands_behind_an_id3_tag_is_what_it_is(void **state)
{
	(void)state;
	enum { FLAC, OGG, AAC, WAVPACK, MPEG, NONE, KINDS };
	static const int errors[KINDS] = {0, 0, -ENOTSUP, -ENOTSUP, 0, -EBADMSG};
	for (int kind = 0; kind < KINDS; kind++) {
		_buf_ struct buf b = BUF_INIT(FILE_MAX), padding = BUF_INIT(FILE_MAX), sound = BUF_INIT(FILE_MAX);
		put_fill(&padding, 0, 5000);
		put_id3(&b, 4, 0, &padding);
		if (kind == FLAC)
			encode_flac(&sound);
		else if (kind == OGG)
			build_pages(&sound, -1, 4);
		else if (kind == AAC)
			put_adts(&sound, 20);
		else if (kind == WAVPACK)
			buf_adds(&sound, "wvpk 0123456789");
		else if (kind == MPEG)
			put_mpeg(&sound, 20);
		else
			put_fill(&sound, 1, 9000);
		put_buf(&b, &sound);
		is_bad(&b, errors[kind], "");
		if (kind == FLAC || kind == OGG)
			is_corrupt_with_flip(&b, b.len - sound.len / 2, "");
		/* without the tag it is the same */
		is_bad(&sound, kind == NONE ? -ENOTSUP : errors[kind], "");
	}
}

/* --- boxes --- */

static void build_boxes(struct buf *b, uint32_t offset)
{
	static const char *const nest[] = {"moov", "trak", "mdia", "minf", "stbl"};
	size_t open[COUNT_OF(nest)], at = open_atom(b, "ftyp");
	buf_adds(b, "M4A 1234");
	close_atom(b, at);
	for (size_t i = 0; i < COUNT_OF(nest); i++)
		open[i] = open_atom(b, nest[i]);
	at = open_atom(b, "stco");
	put_be32(b, 0);
	put_be32(b, 1);
	put_be32(b, offset);
	close_atom(b, at);
	for (size_t i = COUNT_OF(nest); i > 0; i--)
		close_atom(b, open[i - 1]);
	at = open_atom(b, "mdat");
	put_fill(b, 'a', 1000);
	close_atom(b, at);
}

static void boxes_fill_the_file(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX), far = BUF_INIT(FILE_MAX);
	build_boxes(&b, 20);
	is_intact(&b, "8 boxes; the sound itself has no checksum");
	is_bad_bytes(b.data, b.len - 1, -EBADMSG, "mdat has 1008 bytes, and only 1007 are there");
	is_bad_bytes(b.data, b.len - 1008, -EBADMSG, "no sound");
	is_bad_bytes(b.data, 16, -EBADMSG, "no index");
	build_boxes(&far, 1 << 20);
	is_corrupt(&far, "behind the file's end");
	size_t end = b.len;
	put_be32(&b, 1000000);
	buf_adds(&b, "free");
	is_corrupt(&b, "free has 1000000 bytes");
	b.len = end;
	buf_adds(&b, "TAG");
	put_fill(&b, ' ', 125);
	is_bad(&b, 0, "128 bytes stand behind its end");
	b.len = end + 4;
	is_bad(&b, 0, "4 bytes stand behind its end");
}

static void chunks_fill_the_file(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX), a = BUF_INIT(FILE_MAX);
	buf_adds(&b, "RIFF");
	put_le32(&b, 4 + 8 + 16 + 8 + 100);
	buf_adds(&b, "WAVEfmt ");
	put_le32(&b, 16);
	put_fill(&b, 1, 16);
	buf_adds(&b, "data");
	put_le32(&b, 100);
	put_fill(&b, 1, 100);
	is_intact(&b, "2 chunks; the sound itself has no checksum");
	is_bad_bytes(b.data, b.len - 2, -EBADMSG, "only 142 are there");
	/* the head counts a byte that fills up, which is not there */
	b.data[40] = 99;
	b.len--;
	is_intact(&b, "2 chunks; the sound itself has no checksum");
	b.data[40] = 100;
	is_corrupt(&b, "the chunk at byte 36 has 100 bytes, and only 99 are there");
	put8(&b, 1);
	is_corrupt_with_flip(&b, 40, "the chunk at byte 36 has 116 bytes");
	is_corrupt_with_flip(&b, 36, "no data chunk");
	/* it counts less than its own head, or a chunk is cut in its head */
	is_bad_bytes("RIFF\3\0\0\0WAVEf", 13, -EBADMSG, "no fmt  chunk");
	is_bad_bytes("RIFF\12\0\0\0WAVEfmt \20\0\0\0", 20, -EBADMSG, "no fmt  chunk");
	buf_adds(&a, "FORM");
	put_be32(&a, 4 + 8 + 18 + 8 + 50);
	buf_adds(&a, "AIFFCOMM");
	put_be32(&a, 18);
	put_fill(&a, 1, 18);
	buf_adds(&a, "SSND");
	put_be32(&a, 50);
	put_fill(&a, 1, 50);
	is_intact(&a, "2 chunks; the sound itself has no checksum");
	is_bad_bytes(a.data, a.len - 10, -EBADMSG, "are there");
}

/* --- others --- */

static void what_cannot_be_told_is_not_corrupt(void **state)
{
	(void)state;
	static const char pdf[] = "%PDF-1.7\n1 0 obj\nstartxref\n0\n%%EOF\n";
	is_bad_bytes("", 0, -EBADMSG, "empty");
	is_bad_bytes("MAC \x96\x0f 0123456789", 18, -ENOTSUP, "nothing in a file of this kind");
	is_bad_bytes(pdf, sizeof pdf - 1, -ENOTSUP, "only the end is looked at");
	is_bad_bytes(pdf, 20, -EBADMSG, "has no end");
}

static void what_the_disk_does_not_give_is_not_corrupt(void **state)
{
	(void)state;
	struct verify_result r;
	_close_ int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	verify_whole(fd, NULL, NULL, &r);
	assert_int_equal(r.error, -EISDIR);
	verify_whole(-1, NULL, NULL, &r);
	assert_int_equal(r.error, -EBADF);
	assert_non_null(strstr(r.reason, "cannot be read"));
}

/** Puts a byte right once it was read; by a mapping, which leaves the file's times alone, as bad memory does. */
struct mender {
	char *map;
	int reads;
};

static void mend(void *arg)
{
	struct mender *m = arg;
	if (++m->reads == 2)
		m->map[37] = (char)jpeg[0];
}

static void what_is_damaged_only_once_is_not_corrupt(void **state)
{
	(void)state;
	struct verify_result r;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	build_volume(&b, 0);
	_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	assert_true(b.data[37] == (char)jpeg[0]);
	b.data[37] = 'x';
	assert_int_equal(write(fd, b.data, b.len), b.len);
	struct mender m = {.map = mmap(NULL, b.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)};
	assert_true(m.map != MAP_FAILED);
	/* the first write through a mapping moves the times, later ones do not */
	m.map[37] = 'x';
	verify_whole(fd, NULL, NULL, &r);
	assert_int_equal(r.error, -EBADMSG);
	verify_whole(fd, mend, &m, &r);
	assert_int_equal(r.error, -EIO);
	assert_non_null(strstr(r.reason, "damaged only once"));
	verify_whole(fd, NULL, NULL, &r);
	assert_int_equal(r.error, 0);
	munmap(m.map, b.len);
}

static void shorten(void *arg)
{
	assert_int_equal(ftruncate(*(int *)arg, 100), 0);
}

static void what_changes_meanwhile_is_not_judged(void **state)
{
	(void)state;
	struct verify_result r;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	build_volume(&b, 0);
	_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	assert_int_equal(write(fd, b.data, b.len), b.len);
	verify_whole(fd, shorten, &fd, &r);
	assert_int_equal(r.error, -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archives_are_unpacked_and_compared),
		cmocka_unit_test(pages_must_be_images_with_an_end),
		cmocka_unit_test(images_are_the_same_in_any_pieces),
		cmocka_unit_test(the_end_of_a_thumbnail_is_not_that_of_the_page),
		cmocka_unit_test(bombs_are_given_up),
		cmocka_unit_test(other_archives_are_read_by_a_library),
		cmocka_unit_test(what_is_switched_off_is_not_opened),
		cmocka_unit_test(rar_archives_are_known),
		cmocka_unit_test(flac_is_decoded),
		cmocka_unit_test(every_page_of_ogg_is_checked),
		cmocka_unit_test(frames_follow_each_other),
		cmocka_unit_test(what_stands_behind_an_id3_tag_is_what_it_is),
		cmocka_unit_test(boxes_fill_the_file),
		cmocka_unit_test(chunks_fill_the_file),
		cmocka_unit_test(what_cannot_be_told_is_not_corrupt),
		cmocka_unit_test(what_the_disk_does_not_give_is_not_corrupt),
		cmocka_unit_test(what_is_damaged_only_once_is_not_corrupt),
		cmocka_unit_test(what_changes_meanwhile_is_not_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
