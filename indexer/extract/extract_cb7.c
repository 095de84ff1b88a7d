/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comic archives in 7z.  The header at the end is all that is read of most; a document about the
 * volume is unpacked when little stands in front of it in its folder.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/documents.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/seven.h"
#include "indexer/extract/unpack.h"

static const char magic[] = "7z\xbc\xaf\x27\x1c";

enum { MAGIC = sizeof magic - 1 };

struct cb7 {
	const struct extract_input *in;
	struct seven seven;
	struct inside inside;
	/** The files' places in the list. */
	unsigned doc[COMIC_DOCS];
};

static void note_files(struct cb7 *c)
{
	const char *name = buf_str(&c->seven.names);
	for (size_t i = 0; i < c->seven.places.len; i++) {
		size_t n = strlen(name), folder = c->seven.places.data[i].folder;
		bool has_folder = folder < c->seven.folders.len;
		bool is_encrypted = has_folder && c->seven.folders.data[folder].is_encrypted;
		int doc = inside_note(&c->inside, name, n, is_encrypted);
		if (doc >= 0)
			c->doc[doc] = (unsigned)i;
		name += n + 1;
	}
}

static int unpack_doc(void *arg, enum comic_doc doc, size_t most, struct buf *out)
{
	struct cb7 *c = arg;
	const struct seven_place *p = &c->seven.places.data[c->doc[doc]];
	uint64_t front = 0, window = 0;
	if (p->folder >= c->seven.folders.len)
		return -EBADMSG;
	const struct seven_folder *f = &c->seven.folders.data[p->folder];
	size_t n = p->size < most ? (size_t)p->size : most;
	if (f->is_encrypted || p->offset > UNPACK_FRONT_MAX)
		return -ENOTSUP;
	int r = seven_unpack(&c->seven, f, p->offset, n, out);
	if (r != -ENOTSUP)
		return r < 0 ? r : n < p->size;
	/* a library comes to it through all that is before */
	for (size_t i = 0; i <= p->folder; i++) {
		front += c->seven.folders.data[i].size;
		window = c->seven.folders.data[i].window > window ? c->seven.folders.data[i].window : window;
	}
	const struct unpack_part whole = {0, c->in->size};
	if (front > UNPACK_FRONT_MAX || window > UNPACK_WINDOW_MAX)
		return -ENOTSUP;
	return unpack_nth(UNPACK_7Z, c->in, &whole, 1, c->doc[doc], most, out);
}

static bool cb7_probe(const uint8_t *head, size_t n)
{
	return n >= MAGIC && memcmp(head, magic, MAGIC) == 0;
}

static int not_seven(const struct extract_input *in, char *reason)
{
	if (inside_is_part_name(in->path, in->path_len))
		return inside_fail_part(reason);
	if (incomplete_magic(in->head, in->head_len, magic))
		return incomplete(reason, "the archive ends in its first bytes");
	return extract_fail(reason, -EBADMSG, "not a 7z archive");
}

static int cb7_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct cb7 c = {.in = in};
	if (!cb7_probe(in->head, in->head_len))
		return not_seven(in, reason);
	int r = seven_open(&c.seven, in, reason);
	if (r == 0) {
		note_files(&c);
		documents_read(&c.inside, unpack_doc, &c, out);
		r = inside_finish(&c.inside, out, reason);
	}
	seven_close(&c.seven);
	inside_clear(&c.inside);
	return r;
}

const struct extractor extract_cb7 = {
	.name = "cb7",
	.archive = ARCHIVE_SEVEN,
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"cb7", "7z", "7z.###", NULL},
	.probe = cb7_probe,
	.read = cb7_read,
};
