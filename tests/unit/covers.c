/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Covers: every format of pages in every shape it comes in, which page it is, and what hostile files are let do. */
#include "tests/unit/media_files.h"
#include "tests/unit/picture_files.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common/store_cover.h"
#include "indexer/extract/cover.h"
#include "indexer/extract/image.h"

#define PICTURE(name) _buf_ struct buf name = BUF_INIT(PICTURE_MAX)

static const struct cover_size SIZE = {COVER_WIDTH, COVER_HEIGHT, COVER_BYTES};
static const struct canvas PAGE = {.width = 600, .height = 800};
/** The same sides in the end. */
static const struct canvas SMALL = {.width = 300, .height = 400};
static char reason[EXTRACT_REASON];

static int make(const struct buf *b, struct buf *out)
{
	assert_int_equal(buf_error(b), 0);
	reason[0] = '\0';
	buf_reset(out);
	int r = cover_make((const uint8_t *)buf_str(b), b->len, &SIZE, out, reason);
	assert_true(r == 0 || (r == -EBADMSG && reason[0] && !out->len));
	return r;
}

/** As a reader of another kind sees the cover: its sides, and a pixel at so many hundredths of them. */
static void look(const struct buf *jpeg, unsigned *width, unsigned *height, unsigned x, unsigned y, uint8_t rgb[3])
{
	const struct image_box all = {IMAGE_SIDE, IMAGE_SIDE};
	struct image image;
	assert_true(jpeg->len > 0 && jpeg->len <= COVER_BYTES);
	assert_int_equal(image_read_jpeg((const uint8_t *)jpeg->data, jpeg->len, all, &image, reason), 0);
	*width = image.width;
	*height = image.height;
	memcpy(rgb, image.rgb + ((size_t)(image.height * y / 100) * image.width + image.width * x / 100) * 3, 3);
	image_clear(&image);
}

static char letter_at(const struct buf *jpeg, unsigned x, unsigned y)
{
	static const struct {
		char letter;
		uint8_t rgb[3];
	} colours[] = {{'r', {220, 20, 20}}, {'g', {20, 200, 20}}, {'b', {20, 20, 220}}, {'w', {255, 255, 255}}, {'k', {0, 0, 0}}};
	unsigned width, height;
	uint8_t seen[3];
	look(jpeg, &width, &height, x, y, seen);
	for (size_t i = 0; i < COUNT_OF(colours); i++) {
		int far = 0;
		for (int c = 0; c < 3; c++)
			far += abs(colours[i].rgb[c] - seen[c]);
		if (far < 75)
			return colours[i].letter;
	}
	return '?';
}

/** The four quarters, as they are read; and its sides. */
static void assert_quarters(const struct buf *b, const char *expected, unsigned width, unsigned height)
{
	PICTURE(jpeg);
	unsigned w, h;
	uint8_t rgb[3];
	assert_int_equal(make(b, &jpeg), 0);
	const char seen[] = {letter_at(&jpeg, 25, 25), letter_at(&jpeg, 75, 25), letter_at(&jpeg, 25, 75),
			     letter_at(&jpeg, 75, 75), '\0'};
	assert_string_equal(seen, expected);
	look(&jpeg, &w, &h, 0, 0, rgb);
	assert_int_equal(w, width);
	assert_int_equal(h, height);
}

static void test_jpeg(void **state)
{
	(void)state;
	static const struct jpeg_as shapes[] = {{0}, {.is_progressive = true}, {.is_cmyk = true}};
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		PICTURE(b);
		put_jpeg(&b, &PAGE, &shapes[i]);
		assert_quarters(&b, "rgbw", 240, 320);
	}
	PICTURE(grey);
	put_jpeg(&grey, &(struct canvas){.width = 600, .height = 800, .is_grey = true}, &(struct jpeg_as){.is_grey = true});
	PICTURE(out);
	assert_int_equal(make(&grey, &out), 0);
	assert_int_equal(letter_at(&out, 2, 50), 'k');
	assert_int_equal(letter_at(&out, 97, 50), 'w');
}

static void test_orientation(void **state)
{
	(void)state;
	static const char *const quarters[] = {"rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"};
	for (unsigned o = 1; o <= 8; o++) {
		PICTURE(little);
		PICTURE(big);
		put_jpeg(&little, &SMALL, &(struct jpeg_as){.orientation = o});
		put_jpeg(&big, &SMALL, &(struct jpeg_as){.orientation = o, .is_big = true});
		unsigned height = o < 5 ? 320 : 180;
		assert_quarters(&little, quarters[o - 1], 240, height);
		assert_quarters(&big, quarters[o - 1], 240, height);
	}
	PICTURE(none);
	put_jpeg(&none, &SMALL, &(struct jpeg_as){.orientation = 77});
	assert_quarters(&none, "rgbw", 240, 320);
}

static void test_png(void **state)
{
	(void)state;
	static const struct png_as shapes[] = {
		{8, PNG_COLOR_TYPE_RGB, false},	       {16, PNG_COLOR_TYPE_RGB, false},
		{8, PNG_COLOR_TYPE_PALETTE, false},    {8, PNG_COLOR_TYPE_RGB_ALPHA, false},
		{16, PNG_COLOR_TYPE_RGB_ALPHA, false}, {8, PNG_COLOR_TYPE_RGB, true},
		{8, PNG_COLOR_TYPE_PALETTE, true},
	};
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		PICTURE(b);
		put_png(&b, &SMALL, &shapes[i]);
		assert_quarters(&b, "rgbw", 240, 320);
	}
	static const struct png_as greys[] = {{1, PNG_COLOR_TYPE_GRAY, false}, {8, PNG_COLOR_TYPE_GRAY, false},
					      {16, PNG_COLOR_TYPE_GRAY, true}, {8, PNG_COLOR_TYPE_GRAY_ALPHA, false}};
	const struct canvas canvas = {.width = 300, .height = 400, .is_grey = true};
	for (size_t i = 0; i < COUNT_OF(greys); i++) {
		PICTURE(b);
		PICTURE(out);
		put_png(&b, &canvas, &greys[i]);
		assert_int_equal(make(&b, &out), 0);
		assert_int_equal(letter_at(&out, 2, 50), 'k');
		assert_int_equal(letter_at(&out, 97, 50), 'w');
	}
}

/** What is clear is white, as a page is. */
static void test_clear(void **state)
{
	(void)state;
	const struct canvas canvas = {.width = 600, .height = 800, .is_clear = true};
	PICTURE(png);
	PICTURE(webp);
	PICTURE(lossless);
	put_png(&png, &canvas, &(struct png_as){8, PNG_COLOR_TYPE_RGB_ALPHA, false});
	put_webp(&webp, &canvas, false);
	put_webp(&lossless, &canvas, true);
	assert_quarters(&png, "rwbw", 240, 320);
	assert_quarters(&webp, "rwbw", 240, 320);
	assert_quarters(&lossless, "rwbw", 240, 320);
}

static void test_webp(void **state)
{
	(void)state;
	for (int lossless = 0; lossless < 2; lossless++) {
		PICTURE(b);
		put_webp(&b, &PAGE, lossless);
		assert_quarters(&b, "rgbw", 240, 320);
	}
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		unsigned width, height, to_width, to_height;
	} sizes[] = {
		{100, 80, 100, 80}, {240, 340, 240, 340}, {241, 340, 240, 339}, {2000, 200, 240, 24}, {1500, 2250, 227, 340},
		{6000, 8, 240, 1},  {1, 9000, 1, 340},
	};
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		PICTURE(jpeg);
		PICTURE(png);
		PICTURE(out);
		uint8_t rgb[3];
		unsigned w, h;
		const struct canvas c = {.width = sizes[i].width, .height = sizes[i].height};
		put_jpeg(&jpeg, &c, &(struct jpeg_as){0});
		put_png(&png, &c, &(struct png_as){8, PNG_COLOR_TYPE_RGB, false});
		for (int kind = 0; kind < 2; kind++) {
			assert_int_equal(make(kind ? &png : &jpeg, &out), 0);
			look(&out, &w, &h, 0, 0, rgb);
			assert_int_equal(w, sizes[i].to_width);
			assert_int_equal(h, sizes[i].to_height);
		}
	}
}

/** Noise hardly shrinks: the cover keeps to its bytes all the same. */
static void test_noise(void **state)
{
	(void)state;
	enum { W = 500, H = 700 };
	_free_ uint8_t *rgb = malloc((size_t)W * H * 3);
	uint32_t x = 1;
	for (size_t i = 0; i < (size_t)W * H * 3; i++)
		rgb[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	const struct image image = {W, H, rgb};
	PICTURE(b);
	PICTURE(out);
	assert_int_equal(image_write(&image, 95, &b), 0);
	assert_int_equal(make(&b, &out), 0);
	assert_true(out.len <= COVER_BYTES);
}

static uint64_t peak(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (uint64_t)used.ru_maxrss * 1024;
}

/** Many scans: each is small, and asks for the whole picture once more. */
static void put_scans(struct buf *b, unsigned scans)
{
	PICTURE(jpeg);
	put_jpeg(&jpeg, &(struct canvas){.width = 1600, .height = 1600}, &(struct jpeg_as){.is_progressive = true});
	const uint8_t *p = (const uint8_t *)jpeg.data, *end = p + jpeg.len, *from = NULL, *to = NULL;
	for (const uint8_t *q = p; q < end - 1; q++) {
		if (q[0] != 0xff || q[1] != 0xda)
			continue;
		if (from && !to)
			to = q;
		from = from ? from : q;
	}
	assert_true(from && to);
	/* the first one, which no other needs to differ from, again and again */
	buf_add(b, p, (size_t)(from - p));
	for (unsigned i = 0; i < scans; i++)
		buf_add(b, from, (size_t)(to - from));
	buf_add(b, to, (size_t)(end - to));
}

static void test_bombs(void **state)
{
	(void)state;
	PICTURE(out);
	uint64_t before = peak();
	static const struct {
		unsigned width, height;
		bool is_interlaced;
	} heads[] = {{50000, 50000, false}, {0x7fffffff, 1, false}, {1, 0x7fffffff, false}, {20000, 5001, false},
		     {9000, 9000, true},    {0, 5, false}};
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		PICTURE(b);
		put_png_head(&b, heads[i].width, heads[i].height, heads[i].is_interlaced);
		assert_int_equal(make(&b, &out), -EBADMSG);
	}
	/* a head of 65,000 x 65,000; nothing is made of its claim */
	PICTURE(jpeg);
	put_jpeg(&jpeg, &(struct canvas){.width = 64, .height = 64}, &(struct jpeg_as){0});
	uint8_t *frame = memmem(jpeg.data, jpeg.len, "\xff\xc0", 2);
	assert_non_null(frame);
	memcpy(frame + 5, "\xfd\xe8\xfd\xe8", 4);
	assert_int_equal(make(&jpeg, &out), -EBADMSG);
	PICTURE(scans);
	put_scans(&scans, 3000);
	assert_int_equal(make(&scans, &out), -EBADMSG);
	assert_non_null(strstr(reason, "scans"));
	/* without loss, of the largest sides that there are: VP8L's head */
	PICTURE(webp);
	put_webp(&webp, &(struct canvas){.width = 16, .height = 16}, true);
	uint8_t *mark = memmem(webp.data, webp.len, "VP8L", 4);
	assert_non_null(mark);
	memset(mark + 9, 0xff, 3);
	mark[12] = (uint8_t)(mark[12] | 0x0f);
	assert_int_equal(make(&webp, &out), -EBADMSG);
	/* with loss, but with alpha, which is without: 8,000 x 8,000 by both its heads */
	PICTURE(alpha);
	put_webp(&alpha, &(struct canvas){.width = 64, .height = 64, .is_clear = true}, false);
	uint8_t *canvas = memmem(alpha.data, alpha.len, "VP8X", 4), *frame_at = memmem(alpha.data, alpha.len, "VP8 ", 4);
	assert_non_null(canvas);
	assert_non_null(frame_at);
	assert_non_null(memmem(alpha.data, alpha.len, "ALPH", 4));
	assert_int_equal(make(&alpha, &out), 0);
	memcpy(canvas + 12, "\x3f\x1f\0\x3f\x1f\0", 6);
	memcpy(frame_at + 14, "\x40\x1f\x40\x1f", 4);
	assert_int_equal(make(&alpha, &out), -EBADMSG);
	assert_string_equal(reason, "a picture of 8000 x 8000 pixels is not read");
	if (!UNIT_SANITIZED)
		assert_true(peak() - before < 160 << 20);
}

/** 64 million pixels in 300 KB are read row by row. */
static void test_large(void **state)
{
	(void)state;
	if (UNIT_SANITIZED && !getenv("LONG"))
		skip();
	enum { SIDE = 8000 };
	PICTURE(b);
	PICTURE(out);
	uint64_t before = peak();
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	uint8_t *row = calloc(1, SIDE);
	png_set_write_fn(png, &b, png_into, png_flushed);
	png_set_IHDR(png, info, SIDE, SIDE, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, 0, 0);
	png_set_compression_level(png, 1);
	png_set_filter(png, 0, PNG_FILTER_NONE);
	png_write_info(png, info);
	for (int y = 0; y < SIDE; y++)
		png_write_row(png, row);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	free(row);
	assert_int_equal(make(&b, &out), 0);
	assert_int_equal(letter_at(&out, 50, 50), 'k');
	if (!UNIT_SANITIZED)
		assert_true(peak() - before < 64 << 20);
}

/** Cut anywhere, and with bits that are others: an answer, never more. */
static void test_damaged(void **state)
{
	(void)state;
	const struct canvas small = {.width = 90, .height = 70, .is_clear = true};
	struct buf files[6];
	for (size_t i = 0; i < COUNT_OF(files); i++)
		files[i] = BUF_INIT(PICTURE_MAX);
	put_jpeg(&files[0], &small, &(struct jpeg_as){.orientation = 6});
	put_jpeg(&files[1], &small, &(struct jpeg_as){.is_progressive = true});
	put_png(&files[2], &small, &(struct png_as){16, PNG_COLOR_TYPE_RGB_ALPHA, true});
	put_png(&files[3], &small, &(struct png_as){8, PNG_COLOR_TYPE_PALETTE, false});
	put_webp(&files[4], &small, false);
	put_webp(&files[5], &small, true);
	size_t step = (size_t)unit_stride(7);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		PICTURE(out);
		for (size_t n = 0; n < files[i].len; n += step) {
			PICTURE(cut);
			buf_add(&cut, files[i].data, n);
			make(&cut, &out);
			uint8_t *byte = (uint8_t *)files[i].data + n;
			*byte ^= 0x55;
			make(&files[i], &out);
			*byte ^= 0x55;
		}
		assert_int_equal(make(&files[i], &out), 0);
		buf_clear(&files[i]);
	}
}

static void test_other_kinds(void **state)
{
	(void)state;
	static const char *const kinds[] = {"GIF89a....", "\0\0\0 ftypavif", "BM123456", "", "\xff\xd8", "RIFF1234WAVE"};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		PICTURE(b);
		PICTURE(out);
		buf_add(&b, kinds[i], i == 1 ? 12 : strlen(kinds[i]));
		assert_int_equal(make(&b, &out), -EBADMSG);
	}
}

/* --- volumes --- */

/** How often the last one that was read was said to go on. */
static unsigned beats;

static void count_beat(void *arg)
{
	++*(unsigned *)arg;
}

static int read_volume(const struct buf *b, struct buf *out)
{
	_close_ int fd = memfd_create("volume", MFD_CLOEXEC);
	assert_true(fd >= 0 && buf_error(b) == 0);
	assert_true(b->len == 0 || write(fd, b->data, b->len) == (ssize_t)b->len);
	struct extract_input in = {.fd = fd, .path = "", .size = b->len, .beat = count_beat, .arg = &beats};
	beats = 0;
	reason[0] = '\0';
	buf_reset(out);
	int r = cover_read(&in, &SIZE, out, reason);
	assert_int_equal(r < 0, reason[0] != '\0');
	return r;
}

/** A page of one colour: 'r', 'g', 'b' or 'w'. */
static void put_plain(struct buf *b, char colour)
{
	uint8_t rgb[3 * 40 * 60];
	for (size_t i = 0; i < sizeof rgb; i++)
		rgb[i] = colour == 'w' || "rgb"[i % 3] == colour ? (colour == 'g' ? 200 : colour == 'w' ? 255 : 220)
								: (colour == 'w' ? 255 : 20);
	const struct image image = {40, 60, rgb};
	image_write(&image, 90, b);
}

/** Which page was taken of an archive of files, "name=colour", NULL at the end; 'x' is no picture. */
static char chosen(const char *const *names, const char *xml_name, const char *xml)
{
	struct zip_file files[16] = {0};
	struct buf pages[16];
	size_t n = 0;
	PICTURE(b);
	PICTURE(out);
	for (; names[n]; n++) {
		pages[n] = BUF_INIT(PICTURE_MAX);
		const char *equals = strrchr(names[n], '=');
		if (equals[1] == 'x')
			buf_adds(&pages[n], "no picture");
		else
			put_plain(&pages[n], equals[1]);
		files[n] = (struct zip_file){.name = strndup(names[n], (size_t)(equals - names[n])), .data = buf_str(&pages[n]),
					     .n = pages[n].len, .method = n % 2 ? 8 : 0};
	}
	if (xml)
		files[n] = (struct zip_file){.name = xml_name, .data = xml, .n = strlen(xml), .method = 8};
	build_zip(&b, files);
	int r = read_volume(&b, &out);
	for (size_t i = 0; i < n; i++) {
		free((char *)(uintptr_t)files[i].name);
		buf_clear(&pages[i]);
	}
	return r < 0 ? '-' : letter_at(&out, 50, 50);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_which_page(void **state)
{
	(void)state;
	static const char front[] = "<ComicInfo><Pages><Page Image=\"0\"/><Page Image=\"1\" Type=\"FrontCover\"/></Pages></ComicInfo>";
	assert_int_equal(chosen(NAMES("10.jpg=r", "2.jpg=g", "3.jpg=b"), NULL, NULL), 'g');
	assert_int_equal(chosen(NAMES("b/1.jpg=r", "a/2.jpg=b", "a/1.jpg=g"), NULL, NULL), 'g');
	assert_int_equal(chosen(NAMES("001.jpg=r", "000.jpg=g"), NULL, NULL), 'g');
	assert_int_equal(chosen(NAMES("001.jpg=r", "x/Cover.JPG=g", "folder.jpg=b"), NULL, NULL), 'g');
	assert_int_equal(chosen(NAMES("001.jpg=r", "002.jpg=g", "cover.jpg=b"), "ComicInfo.xml", front), 'g');
	/* a number that no page has, and words that are none */
	assert_int_equal(chosen(NAMES("001.jpg=r"), "ComicInfo.xml", front), 'r');
	assert_int_equal(chosen(NAMES("001.jpg=r", "002.jpg=g"), "ComicInfo.xml", "<ComicInfo><Pages><Page Type="), 'r');
	/* what is no picture is passed by */
	assert_int_equal(chosen(NAMES("001.jpg=x", "002.gif=x", "003.jpg=g"), NULL, NULL), 'g');
	assert_int_equal(chosen(NAMES("1.jpg=x", "2.jpg=x", "3.jpg=x", "4.jpg=x", "5.jpg=g"), NULL, NULL), '-');
	assert_int_equal(chosen(NAMES("__MACOSX/001.jpg=r", ".x.jpg=r", "2.jpg=g"), NULL, NULL), 'g');
	assert_int_equal(chosen(NAMES("text.txt=r"), NULL, NULL), '-');
}

static void test_epub(void **state)
{
	(void)state;
	static const char epub3[] = "<package><manifest><item id=\"p\" href=\"cover.xhtml\" media-type=\"application/xhtml+xml\"/>"
				    "<item id=\"c\" href=\"images/a%20b.jpg\" media-type=\"image/jpeg\" properties=\"cover-image\"/>"
				    "</manifest></package>";
	static const char epub2[] = "<package><metadata><meta name=\"cover\" content=\"c\"/></metadata><manifest>"
				    "<item id=\"d\" href=\"images/1.jpg\" media-type=\"image/jpeg\"/>"
				    "<item id=\"c\" href=\"../OEBPS/images/a b.jpg\" media-type=\"image/jpeg\"/></manifest></package>";
	const char *const *names = NAMES("OEBPS/images/1.jpg=r", "OEBPS/images/a b.jpg=g");
	assert_int_equal(chosen(names, "OEBPS/content.opf", epub3), 'g');
	assert_int_equal(chosen(names, "OEBPS/content.opf", epub2), 'g');
	assert_int_equal(chosen(NAMES("images/1.jpg=r", "images/a b.jpg=g"), "x.opf", epub3), 'g');
}

static void test_pdf(void **state)
{
	(void)state;
	PICTURE(b);
	PICTURE(out);
	buf_adds(&b, "%PDF-1.4\n1 0 obj\n<</Subtype/Image/Filter/DCTDecode>>\nstream\r\n");
	put_jpeg(&b, &(struct canvas){.width = 40, .height = 40, .is_grey = true}, &(struct jpeg_as){0});
	buf_adds(&b, "\nendstream\nendobj\n2 0 obj\n<</Subtype/Image/Filter/DCTDecode>>\nstream\n");
	put_jpeg(&b, &PAGE, &(struct jpeg_as){0});
	buf_adds(&b, "\nendstream\nendobj\n");
	assert_int_equal(read_volume(&b, &out), 0);
	assert_int_equal(letter_at(&out, 25, 25), 'r');
	buf_reset(&b);
	buf_adds(&b, "%PDF-1.4\nstream\nno picture endstream stream stream\n");
	assert_int_equal(read_volume(&b, &out), -EBADMSG);
}

static void test_odd_files(void **state)
{
	(void)state;
	PICTURE(b);
	PICTURE(out);
	assert_int_equal(read_volume(&b, &out), -EBADMSG);
	buf_adds(&b, "neither an archive nor a picture");
	assert_int_equal(read_volume(&b, &out), -EBADMSG);
	buf_reset(&b);
	put_jpeg(&b, &PAGE, &(struct jpeg_as){0});
	assert_int_equal(read_volume(&b, &out), 0);
	assert_int_equal(letter_at(&out, 25, 25), 'r');
}

/** A page that unpacks to gigabytes is let go at its bound. */
static void test_zip_bomb(void **state)
{
	(void)state;
	enum { HUGE = 66 << 20 };
	uint8_t *zeros = mmap(NULL, HUGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(zeros != MAP_FAILED);
	const struct zip_file files[] = {{.name = "1.png", .data = zeros, .n = HUGE, .method = 8}, {0}};
	PICTURE(b);
	PICTURE(out);
	build_zip(&b, files);
	munmap(zeros, HUGE);
	assert_int_equal(read_volume(&b, &out), -EBADMSG);
	assert_string_equal(reason, "its cover is too large");
}

static void test_order(void **state)
{
	(void)state;
	static const char *const sorted[] = {"COVER.png", "front.jpg", "folder.jpg", "000.jpg", "1.jpg",
					     "02.jpg",	  "10.jpg",    "a1.jpg",     "A2.jpg",	"a10.jpg"};
	for (size_t i = 0; i < COUNT_OF(sorted); i++) {
		for (size_t j = 0; j < COUNT_OF(sorted); j++) {
			int order = extract_cover_order(sorted[i], sorted[j]);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

/** Who waits hears of every read, of whatever file, and none is long. */
static void test_beats(void **state)
{
	(void)state;
	enum { MORE = 3 << 20 };
	_free_ char *more = calloc(1, MORE);
	PICTURE(page);
	PICTURE(b);
	PICTURE(out);
	put_jpeg(&page, &PAGE, &(struct jpeg_as){0});
	buf_add(&page, more, MORE);
	assert_int_equal(read_volume(&page, &out), 0);
	assert_true(beats >= 4);
	const struct zip_file files[] = {{.name = "1.jpg", .data = page.data, .n = page.len},
					 {.name = "2.jpg", .data = page.data, .n = page.len}, {0}};
	build_zip(&b, files);
	assert_int_equal(read_volume(&b, &out), 0);
	assert_true(beats >= 4);
}

/** Last: what is switched off once stays so. */
static void test_switched_off(void **state)
{
	(void)state;
	extract_allow(ARCHIVE_ALL & ~(unsigned)(ARCHIVE_ZIP | ARCHIVE_PDF));
	assert_int_equal(chosen(NAMES("1.jpg=r"), NULL, NULL), '-');
	assert_non_null(strstr(reason, "switched off"));
	PICTURE(b);
	PICTURE(out);
	buf_adds(&b, "%PDF-1.4\n");
	assert_int_equal(read_volume(&b, &out), -EBADMSG);
	assert_non_null(strstr(reason, "switched off"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jpeg),	    cmocka_unit_test(test_orientation), cmocka_unit_test(test_png),
		cmocka_unit_test(test_clear),	    cmocka_unit_test(test_webp),	cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_noise),	    cmocka_unit_test(test_bombs),	cmocka_unit_test(test_large),
		cmocka_unit_test(test_damaged),	    cmocka_unit_test(test_other_kinds), cmocka_unit_test(test_which_page),
		cmocka_unit_test(test_epub),	    cmocka_unit_test(test_pdf),		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_zip_bomb),    cmocka_unit_test(test_order),	cmocka_unit_test(test_beats),
		cmocka_unit_test(test_switched_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
