/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/documents.h"

#include <string.h>


static bool is_end_tag(const struct buf *xml, size_t at)
{
	return xml->data[at] == '<' && xml->data[at + 1] == '/';
}

/** Ends behind the last whole element, so that what comes before a giant <Notes> or <Pages> is not lost. */
static void close_flat(struct buf *xml, const char *end_tag)
{
	size_t end = xml->len, close = 0;
	for (; end > 1; end--) {
		if (xml->data[end - 1] == '>')
			close = end;
		if (close && is_end_tag(xml, end - 2))
			break;
	}
	xml->len = close;
	buf_adds(xml, end_tag);
}

/** Ends behind the first element with all that is about the book: pages and pictures follow. */
static void close_acbf(struct buf *xml)
{
	static const char last[] = "</meta-data>";
	const char *found = xml->len ? memmem(xml->data, xml->len, last, sizeof last - 1) : NULL;
	xml->len = found ? (size_t)(found - xml->data) + sizeof last - 1 : 0;
	buf_adds(xml, "</ACBF>");
}

/** A document that was cut at our limit. */
static void close_document(struct buf *xml, enum comic_doc doc)
{
	if (doc == COMIC_ACBF)
		close_acbf(xml);
	else
		close_flat(xml, doc == COMIC_METRON ? "</MetronInfo>" : "</ComicInfo>");
}

void documents_collect(const struct inside *l, documents_unpack *unpack, void *arg, struct comic *c)
{
	_buf_ struct buf xml = BUF_INIT(INSIDE_DOC_MAX);
	for (unsigned doc = 0; doc < COMIC_DOCS; doc++) {
		if (!l->doc[doc].is_found)
			continue;
		buf_reset(&xml);
		int r = unpack(arg, (enum comic_doc)doc, INSIDE_DOC_MAX - 64, &xml);
		if (r > 0)
			close_document(&xml, (enum comic_doc)doc);
		if (r >= 0 && !buf_error(&xml))
			comic_read(c, (enum comic_doc)doc, buf_str(&xml), xml.len);
	}
}

void documents_read(const struct inside *l, documents_unpack *unpack, void *arg, struct media *out)
{
	struct comic c;
	comic_init(&c);
	documents_collect(l, unpack, arg, &c);
	comic_finish(&c, out);
	comic_clear(&c);
}
