/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EPUB (www.w3.org/TR/epub-33, OPF 2.0.1): container.xml names the package document, which tells all. */
#include "indexer/extract/extract_epub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_opf.h"

/** Unpacks a file by its name.  Returns 0, -ENOENT, or as zip_unpack(). */
static int unpack_file(struct zip *z, const char *name, struct buf *out)
{
	struct zip_entry e;
	if (!zip_find(z, name, strlen(name), &e))
		return -ENOENT;
	int r = zip_unpack(z, &e, COMIC_XML_MAX, out);
	return r > 0 ? -EBADMSG : r;
}

static bool is_locked(struct zip *z)
{
	struct zip_entry e;
	_buf_ struct buf xml = BUF_INIT(COMIC_XML_MAX);
	/* the rights that Adobe and Apple sell */
	if (zip_find(z, "META-INF/rights.xml", 19, &e) || zip_find(z, "META-INF/sinf.xml", 17, &e))
		return true;
	return unpack_file(z, "META-INF/encryption.xml", &xml) == 0 && comic_opf_is_locked(buf_str(&xml), xml.len);
}

static int read_package(struct zip *z, struct comic *c, struct comic_opf *opf, char *reason)
{
	_buf_ struct buf xml = BUF_INIT(COMIC_XML_MAX);
	int r = unpack_file(z, "META-INF/container.xml", &xml);
	if (r == -ENOTSUP)
		return extract_fail(reason, -EBADMSG, "the book is encrypted");
	_free_ char *path = r < 0 ? NULL : comic_opf_path(buf_str(&xml), xml.len);
	if (!path)
		return extract_fail(reason, -EBADMSG, "the book does not say where its package document is");
	r = unpack_file(z, path, &xml);
	if (r == 0)
		r = comic_opf_read(c, buf_str(&xml), xml.len, opf);
	if (r == -ENOENT)
		return extract_fail(reason, -EBADMSG, "the book's package document is not there");
	return r < 0 ? extract_fail(reason, -EBADMSG, "the book's package document cannot be read") : 0;
}

static int read_book(struct zip *z, struct comic *c, struct media *out, char *reason)
{
	struct comic_opf opf = {0};
	int r = read_package(z, c, &opf, reason);
	unsigned pages = opf.is_fixed && opf.images ? opf.images : opf.spine;
	if (pages)
		media_set_int(out, FIELD_pages, pages);
	int damage = zip_check(z, reason);
	if (damage < 0 || r < 0)
		return damage < 0 ? damage : r;
	if (is_locked(z))
		return extract_fail(reason, -EBADMSG, "the book is encrypted");
	return pages ? 0 : extract_fail(reason, -EBADMSG, "the book holds no pages");
}

int epub_read_zip(struct zip *z, struct media *out, char *reason)
{
	struct comic c;
	comic_init(&c);
	int r = read_book(z, &c, out, reason);
	comic_finish(&c, out);
	comic_clear(&c);
	media_set_text(out, FIELD_format, "epub", 4);
	return r;
}

bool epub_probe(const uint8_t *head, size_t n)
{
	static const char type[] = "mimetypeapplication/epub+zip";
	enum { AT = 30 };
	return zip_probe(head, n) && n >= AT + sizeof type - 1 && memcmp(head + AT, type, sizeof type - 1) == 0;
}

static int epub_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct zip z;
	int r = zip_open(&z, in, reason);
	if (r == 0)
		r = epub_read_zip(&z, out, reason);
	zip_close(&z);
	return r;
}

const struct extractor extract_epub = {
	.name = "epub",
	.archive = ARCHIVE_EPUB,
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"epub", NULL},
	.probe = epub_probe,
	.read = epub_read,
};
