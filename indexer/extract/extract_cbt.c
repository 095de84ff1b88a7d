/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comic archives in tar.  In a plain one what is not a header is passed over; a packed one has to be
 * unpacked to its end, which is bounded by what it announces and by the deadline of one file.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/documents.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/unpack.h"

struct cbt {
	struct inside inside;
	/** They come by once: they are kept until all are known. */
	struct buf doc[COMIC_DOCS];
	bool is_cut[COMIC_DOCS];
};

static bool note_file(void *arg, const struct unpack_file *file)
{
	struct cbt *c = arg;
	int doc = inside_note(&c->inside, file->name, file->name_len, false);
	if (doc < 0)
		return true;
	int r = unpack_file(file, INSIDE_DOC_MAX - 64, &c->doc[doc]);
	c->is_cut[doc] = r > 0;
	if (r < 0)
		buf_reset(&c->doc[doc]);
	return true;
}

static int unpack_doc(void *arg, enum comic_doc doc, size_t most, struct buf *out)
{
	struct cbt *c = arg;
	(void)most;
	buf_add(out, buf_str(&c->doc[doc]), c->doc[doc].len);
	return c->is_cut[doc] ? 1 : buf_error(out);
}

static int cbt_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct cbt c = {0};
	char why[EXTRACT_REASON];
	for (size_t i = 0; i < COUNT_OF(c.doc); i++)
		c.doc[i] = BUF_INIT(INSIDE_DOC_MAX);
	int r = unpack_tar_walk(in, note_file, &c, reason);
	documents_read(&c.inside, unpack_doc, &c, out);
	int q = inside_finish(&c.inside, out, r < 0 ? why : reason);
	for (size_t i = 0; i < COUNT_OF(c.doc); i++)
		buf_clear(&c.doc[i]);
	inside_clear(&c.inside);
	return r < 0 ? r : q;
}

static bool cbt_probe(const uint8_t *head, size_t n)
{
	static const struct {
		const char *magic;
		size_t at, n;
	} magics[] = {
		{"ustar", 257, 5}, {"\x1f\x8b\x08", 0, 3}, {"BZh", 0, 3},
		{"\xfd" "7zXZ", 0, 5}, {"\x28\xb5\x2f\xfd", 0, 4},
	};
	for (size_t i = 0; i < COUNT_OF(magics); i++) {
		if (n >= magics[i].at + magics[i].n &&
		    memcmp(head + magics[i].at, magics[i].magic, magics[i].n) == 0)
			return true;
	}
	return false;
}

const struct extractor extract_cbt = {
	.name = "cbt",
	.archive = ARCHIVE_TAR,
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"cbt", "tar", "tar.gz", "tgz", "tar.bz2", "tbz2", "tar.xz", "txz",
					  "tar.zst", "tar.lz4", "tar.lzma", NULL},
	.probe = cbt_probe,
	.read = cbt_read,
};
