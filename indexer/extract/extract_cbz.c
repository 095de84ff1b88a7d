/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comic archives in ZIP.  Only the directory at the file's end is read, and the documents that it
 * names; no page is ever unpacked.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/documents.h"
#include "indexer/extract/extract_epub.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/zip.h"

struct cbz {
	struct zip zip;
	struct inside inside;
	struct zip_entry doc[COMIC_DOCS];
	bool is_epub;
};

static void note_entry(void *arg, const struct zip_entry *e)
{
	static const char container[] = "META-INF/container.xml";
	struct cbz *c = arg;
	int doc = inside_note(&c->inside, e->name, e->name_len, e->flags & ZIP_FLAG_ENCRYPTED);
	if (doc >= 0)
		c->doc[doc] = *e;
	c->is_epub = c->is_epub || (e->name_len == sizeof container - 1 &&
				    memcmp(e->name, container, e->name_len) == 0);
}

/** documents_read()'s way to one. */
static int unpack_doc(void *arg, enum comic_doc doc, size_t most, struct buf *out)
{
	struct cbz *c = arg;
	return zip_unpack(&c->zip, &c->doc[doc], most, out);
}

static int read_zip(struct cbz *c, const struct extract_input *in, struct media *out, char *reason)
{
	int r = zip_open(&c->zip, in, reason);
	if (r < 0)
		return r;
	zip_walk(&c->zip, note_entry, c);
	if (c->is_epub && extract_allows(ARCHIVE_EPUB))
		return epub_read_zip(&c->zip, out, reason);
	documents_read(&c->inside, unpack_doc, c, out);
	char why[EXTRACT_REASON];
	r = inside_finish(&c->inside, out, reason);
	/* a list that is not whole says nothing about what else is there */
	int damage = c->inside.is_encrypted ? 0 : zip_check(&c->zip, why);
	if (damage < 0)
		memcpy(reason, why, sizeof why);
	return damage < 0 ? damage : r;
}

static int cbz_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct cbz c = {0};
	int r = read_zip(&c, in, out, reason);
	zip_close(&c.zip);
	inside_clear(&c.inside);
	return r;
}

static bool cbz_probe(const uint8_t *head, size_t n)
{
	return zip_probe(head, n) && !epub_probe(head, n);
}

const struct extractor extract_cbz = {
	.name = "cbz",
	.archive = ARCHIVE_ZIP,
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"cbz", "zip", "z##", "zip.###", NULL},
	.probe = cbz_probe,
	.read = cbz_read,
};
