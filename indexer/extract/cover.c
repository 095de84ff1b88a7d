/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/cover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_front.h"
#include "indexer/extract/extract_epub.h"
#include "indexer/extract/image.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/unpack.h"

enum {
	/** Pictures of one archive that are tried. */
	CHOICES = 4,
	/** In a PDF: how far a picture is looked for, and its sides at least: a page's, no emblem's. */
	PDF_MOST = 32 << 20,
	PDF_SIDE = 300,
};

/* --- a picture --- */

/** Better first: what fits. */
static int write_small(struct image *image, const struct cover_size *size, struct buf *out)
{
	static const int qualities[] = {84, 76, 66, 54, 42, 30, 18};
	struct image_box box = {image->width, image->height};
	_buf_ struct buf jpeg = BUF_INIT(1 << 20);
	for (;;) {
		for (size_t i = 0; i < COUNT_OF(qualities); i++) {
			buf_reset(&jpeg);
			int r = image_write(image, qualities[i], &jpeg);
			if (r < 0 || jpeg.len <= size->bytes)
				return r < 0 ? r : buf_add(out, jpeg.data, jpeg.len);
		}
		/* noise: less of it */
		box = (struct image_box){box.width * 3 / 4, box.height * 3 / 4};
		if (!box.width || !box.height)
			return -EIO;
		int r = image_fit(image, box);
		if (r < 0)
			return r;
	}
}

int cover_make(const uint8_t *data, size_t n, const struct cover_size *size, struct buf *out, char *reason)
{
	const struct image_box box = {size->width, size->height};
	struct image image;
	int r = image_read(data, n, box, &image, reason);
	if (r == 0)
		r = image_fit(&image, box);
	if (r == 0)
		r = write_small(&image, size, out);
	image_clear(&image);
	return r;
}

/* --- an archive --- */

struct choice {
	struct cover_names names;
	/** What its documents say: the number of a page, a file. */
	int front;
	char *href;
	struct buf doc;
	/** Of the second way through: what is wanted, and what came of it. */
	const char *wanted;
	struct buf page;
	int found;
};

static bool is_called(const char *name, size_t n, const char *end)
{
	size_t length = strlen(end);
	return n >= length && strncasecmp(name + n - length, end, length) == 0 &&
	       (end[0] == '.' || n == length || name[n - length - 1] == '/' || name[n - length - 1] == '\\');
}

static bool note_file(void *arg, const struct unpack_file *file)
{
	struct choice *c = arg;
	bool is_info = c->front < 0 && is_called(file->name, file->name_len, "ComicInfo.xml");
	bool is_opf = !c->href && is_called(file->name, file->name_len, ".opf");
	cover_names_add(&c->names, file->name, file->name_len);
	if ((!is_info && !is_opf) || unpack_file(file, COMIC_XML_MAX, &c->doc) != 0)
		return true;
	if (is_info)
		c->front = comic_front_page(buf_str(&c->doc), c->doc.len);
	else
		c->href = comic_front_href(buf_str(&c->doc), c->doc.len);
	return true;
}

static bool take_page(void *arg, const struct unpack_file *file)
{
	struct choice *c = arg;
	if (strlen(c->wanted) != file->name_len || memcmp(c->wanted, file->name, file->name_len) != 0)
		return true;
	c->found = unpack_file(file, IMAGE_MEMORY, &c->page);
	return false;
}

static int try_page(struct choice *c, const struct extract_input *in, const struct cover_size *size, struct buf *out,
		    char *reason)
{
	c->found = -ENOENT;
	buf_reset(&c->page);
	int r = unpack_walk(in, take_page, c, reason);
	if (c->found == -ENOENT)
		return r < 0 ? r : extract_fail(reason, -EBADMSG, "its cover is not found again");
	if (c->found < 0 && c->found != -EBADMSG)
		return c->found;
	if (c->found != 0)
		return extract_fail(reason, -EBADMSG, c->found > 0 ? "its cover is too large" : "its cover cannot be unpacked");
	return cover_make((const uint8_t *)buf_str(&c->page), c->page.len, size, out, reason);
}

static int from_archive(struct choice *c, const struct extract_input *in, const struct cover_size *size, struct buf *out,
			char *reason)
{
	const char *before = NULL;
	int walked = unpack_walk(in, note_file, c, reason), r = -ENOENT;
	cover_names_sort(&c->names);
	for (unsigned nth = 0, tried = 0; tried < CHOICES && (r == -ENOENT || r == -EBADMSG); nth++) {
		c->wanted = cover_names_pick(&c->names, c->front, c->href, nth);
		if (!c->wanted)
			break;
		if (c->wanted == before)
			continue;
		before = c->wanted;
		tried++;
		r = try_page(c, in, size, out, reason);
	}
	/* of those that were passed by */
	if (r == 0)
		*reason = '\0';
	if (r == -ENOENT)
		r = walked < 0 ? walked : extract_fail(reason, -EBADMSG, "it holds no pictures");
	/* one that ends too early is damaged here */
	return r == -ENODATA ? -EBADMSG : r;
}

static int read_archive(const struct extract_input *in, const struct cover_size *size, struct buf *out, char *reason)
{
	struct choice c = {.front = -1, .doc = BUF_INIT(COMIC_XML_MAX + 64), .page = BUF_INIT(IMAGE_MEMORY + 64)};
	cover_names_init(&c.names);
	int r = from_archive(&c, in, size, out, reason);
	cover_names_clear(&c.names);
	buf_clear(&c.doc);
	buf_clear(&c.page);
	free(c.href);
	return r;
}

/* --- a file --- */

/** The start of the file, @most bytes. */
static int load(const struct extract_input *in, size_t most, struct buf *out)
{
	size_t n = in->size < most ? (size_t)in->size : most;
	int r = buf_reserve(out, n + 1);
	if (r == 0)
		r = extract_pread(in, 0, out->data, n);
	out->len = r == 0 ? n : 0;
	return r;
}

static int read_picture(const struct extract_input *in, const struct cover_size *size, struct buf *out, char *reason)
{
	_buf_ struct buf data = BUF_INIT(IMAGE_MEMORY + 64);
	if (in->size > IMAGE_MEMORY)
		return extract_fail(reason, -EBADMSG, "a picture of %llu bytes is not read", (unsigned long long)in->size);
	int r = load(in, IMAGE_MEMORY, &data);
	return r < 0 ? r : cover_make((const uint8_t *)buf_str(&data), data.len, size, out, reason);
}

/** The first JPEG of a page's size that lies in a PDF as it is (ISO 32000-1, 7.4.8); nothing is drawn. */
static int read_pdf(const struct extract_input *in, const struct cover_size *size, struct buf *out, char *reason)
{
	static const char word[] = "stream";
	_buf_ struct buf data = BUF_INIT(PDF_MOST + 64);
	int r = load(in, PDF_MOST, &data);
	const uint8_t *p = (const uint8_t *)buf_str(&data), *end = p + data.len;
	for (unsigned tried = 0; r == 0 && tried < CHOICES && (p = memmem(p, (size_t)(end - p), word, sizeof word - 1));) {
		p += sizeof word - 1;
		const uint8_t *q = p;
		while (q < end && q < p + 2 && (*q == '\r' || *q == '\n'))
			q++;
		if (end - q < 4 || q == p || q[0] != 0xff || q[1] != 0xd8 || q[2] != 0xff)
			continue;
		tried++;
		if (!image_is_large(q, (size_t)(end - q), PDF_SIDE) || cover_make(q, (size_t)(end - q), size, out, reason) < 0)
			continue;
		*reason = '\0';
		return 0;
	}
	return r < 0 ? r : extract_fail(reason, -EBADMSG, "the PDF's first page is no picture that lies in it as it is");
}

static bool is_pdf(const struct extract_input *in)
{
	return in->head_len > 5 && memcmp(in->head, "%PDF-", 5) == 0;
}

int cover_read(struct extract_input *in, const struct cover_size *size, struct buf *out, char *reason)
{
	uint8_t head[512];
	in->head = head;
	in->head_len = in->size < sizeof head ? (size_t)in->size : sizeof head;
	int r = extract_pread(in, 0, head, in->head_len);
	if (r < 0)
		return r;
	if (image_is_known(head, in->head_len))
		return read_picture(in, size, out, reason);
	if (is_pdf(in))
		return extract_allows(ARCHIVE_PDF) ? read_pdf(in, size, out, reason)
						   : extract_fail(reason, -EBADMSG, "PDFs are not opened: switched off (archives)");
	if (zip_probe(head, in->head_len) && !extract_allows(epub_probe(head, in->head_len) ? ARCHIVE_EPUB : ARCHIVE_ZIP))
		return extract_fail(reason, -EBADMSG, "archives of its kind are not opened: switched off (archives)");
	return read_archive(in, size, out, reason);
}
