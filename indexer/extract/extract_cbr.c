/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comic archives in RAR.  The headers are walked by ourselves, in RAR 4 and 5: a library would
 * unpack every page of a solid archive to come to the next header.  Only a document about the volume
 * is unpacked: it is shown to libarchive as an archive of one file, or, in a solid archive, when
 * little stands in front of it.
 *
 * Sources: www.rarlab.com/technote.htm (5.0), TechNote.txt of RAR 4.x.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/documents.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/unpack.h"
#include "indexer/extract/window.h"

enum {
	SIGNATURE4 = 7,
	SIGNATURE5 = 8,
	BLOCK_MIN = 7,
	/** Bytes of a header that are looked at; a longer one is damage. */
	HEADER_MAX = 1 << 16,
	/** Blocks without a file between those with one. */
	BLOCKS_MAX = INSIDE_MAX + 10000,
	READS_MAX = BLOCKS_MAX,
	TYPE4_MAIN = 0x73,
	TYPE4_FILE = 0x74,
	TYPE4_END = 0x7b,
	TYPE5_MAIN = 1,
	TYPE5_FILE = 2,
	TYPE5_ENCRYPTION = 4,
	TYPE5_END = 5,
};

enum block_type { BLOCK_OTHER, BLOCK_MAIN, BLOCK_FILE, BLOCK_LOCKED, BLOCK_END };

/** One block of either version. */
struct block {
	enum block_type type;
	/** From its header to the next block. */
	uint64_t size;
	/** Main: one of several, solid, its other headers are encrypted.  File: encrypted, a folder. */
	bool is_part, is_solid, is_locked, is_encrypted, is_folder;
	uint64_t unpacked;
	const char *name;
	size_t name_len;
};

/** Where a document is. */
struct place {
	uint64_t at, size, front;
	unsigned index;
};

struct cbr {
	const struct extract_input *in;
	struct window window;
	struct buf scratch;
	struct inside inside;
	struct place doc[COMIC_DOCS];
	/** The end of the main header: what every archive begins with. */
	uint64_t main_end;
	bool is_part, is_solid, is_locked;
	/** Files so far, and their bytes. */
	unsigned files;
	uint64_t unpacked;
};

/* --- RAR 4 --- */

static void file4(const uint8_t *p, size_t n, struct block *b)
{
	unsigned flags = get_le16(p + 3);
	size_t at = 32, length = n >= at ? get_le16(p + 26) : 0;
	if (n < at)
		return;
	b->size += get_le32(p + 7);
	b->unpacked = get_le32(p + 11);
	if (flags & 0x100 && n >= at + 8) {
		b->size += (uint64_t)get_le32(p + 32) << 32;
		b->unpacked += (uint64_t)get_le32(p + 36) << 32;
		at += 8;
	}
	if (length > n - at)
		return;
	b->type = BLOCK_FILE;
	b->is_part = flags & 3;
	b->is_encrypted = flags & 4;
	b->is_folder = (flags & 0xe0) == 0xe0;
	b->name = (const char *)p + at;
	/* the name in an older encoding, and behind a NUL what it is in Unicode */
	b->name_len = strnlen(b->name, length);
}

/** The block at @at.  False when it is none. */
static bool read4(struct cbr *c, uint64_t at, struct block *b)
{
	const uint8_t *p = window_get(&c->window, at, BLOCK_MIN);
	if (!p)
		return false;
	size_t n = get_le16(p + 5);
	unsigned type = p[2], flags = get_le16(p + 3);
	if (n < BLOCK_MIN)
		return false;
	p = window_copy(&c->window, at, n, &c->scratch);
	if (!p)
		return false;
	b->size = n;
	if (type == TYPE4_FILE) {
		file4(p, n, b);
		return b->type == BLOCK_FILE;
	}
	if (flags & 0x8000 && n >= 11)
		b->size += get_le32(p + 7);
	if (type == TYPE4_MAIN) {
		b->type = BLOCK_MAIN;
		b->is_part = flags & 1;
		b->is_solid = flags & 8;
		b->is_locked = flags & 0x80;
	}
	if (type == TYPE4_END)
		b->type = BLOCK_END;
	/* 0x72 to 0x7b are all that there are */
	return type >= 0x72 && type <= TYPE4_END;
}

/* --- RAR 5 --- */

/** A number of at most ten bytes; false at the end. */
static bool get_vint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t byte = *(*p)++;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/** Whether a record of encryption is among the extra ones. */
static bool has_encryption(const uint8_t *p, const uint8_t *end)
{
	uint64_t size, type;
	while (get_vint(&p, end, &size) && size <= (uint64_t)(end - p)) {
		const uint8_t *record = p;
		p += size;
		if (get_vint(&record, p, &type) && type == 1)
			return true;
	}
	return false;
}

static bool file5(const uint8_t *p, const uint8_t *end, uint64_t extra, struct block *b)
{
	uint64_t flags, attributes, method, system, length;
	if (!get_vint(&p, end, &flags) || !get_vint(&p, end, &b->unpacked) || !get_vint(&p, end, &attributes))
		return false;
	size_t skip = (flags & 2 ? 4 : 0) + (flags & 4 ? 4 : 0);
	if (skip > (size_t)(end - p))
		return false;
	p += skip;
	if (!get_vint(&p, end, &method) || !get_vint(&p, end, &system) || !get_vint(&p, end, &length) ||
	    length > (uint64_t)(end - p) || extra > (uint64_t)(end - p) - length)
		return false;
	b->type = BLOCK_FILE;
	b->name = (const char *)p;
	b->name_len = (size_t)length;
	b->is_folder = flags & 1;
	b->is_encrypted = extra && has_encryption(end - extra, end);
	return true;
}

static bool fill5(const uint8_t *p, const uint8_t *end, struct block *b)
{
	uint64_t type, flags, extra = 0, data = 0, archive;
	if (!get_vint(&p, end, &type) || !get_vint(&p, end, &flags) ||
	    (flags & 1 && !get_vint(&p, end, &extra)) || (flags & 2 && !get_vint(&p, end, &data)))
		return false;
	if (data > INT64_MAX)
		return false;
	b->size += data;
	b->is_part = flags & 0x18;
	if (type == TYPE5_FILE)
		return file5(p, end, extra, b);
	b->type = type == TYPE5_MAIN ? BLOCK_MAIN : type == TYPE5_END ? BLOCK_END : BLOCK_OTHER;
	if (type == TYPE5_ENCRYPTION)
		b->type = BLOCK_LOCKED;
	if (type == TYPE5_MAIN && get_vint(&p, end, &archive)) {
		b->is_part = archive & 1;
		b->is_solid = archive & 4;
	}
	return true;
}

static bool read5(struct cbr *c, uint64_t at, struct block *b)
{
	uint64_t length;
	const uint8_t *start = window_get(&c->window, at, BLOCK_MIN), *p = start;
	if (!p)
		return false;
	const uint8_t *end = start + BLOCK_MIN;
	p += 4;
	if (!get_vint(&p, end, &length) || length < 2 || length > HEADER_MAX)
		return false;
	size_t front = (size_t)(p - start);
	b->size = front + length;
	p = window_copy(&c->window, at, (size_t)b->size, &c->scratch);
	return p && fill5(p + front, p + b->size, b);
}

/* --- the list --- */

static void note_file(struct cbr *c, uint64_t at, const struct block *b)
{
	int doc = b->is_folder ? -1 : inside_note(&c->inside, b->name, b->name_len, b->is_encrypted);
	if (doc >= 0)
		c->doc[doc] = (struct place){.at = b->is_encrypted || b->is_part ? 0 : at, .size = b->size,
					     .front = c->unpacked, .index = c->files};
	c->is_part = c->is_part || b->is_part;
	c->unpacked += b->unpacked;
	c->files++;
}

static bool is_rar5(const struct extract_input *in)
{
	return in->head_len >= SIGNATURE5 && memcmp(in->head, "Rar!\x1a\7\1\0", SIGNATURE5) == 0;
}

/** Walks the blocks.  Same answers as extractor.read. */
static int walk(struct cbr *c, char *reason)
{
	bool is_5 = is_rar5(c->in);
	uint64_t at = is_5 ? SIGNATURE5 : SIGNATURE4;
	for (unsigned i = 0; i < BLOCKS_MAX; i++) {
		struct block b = {0};
		/* before RAR 3 no block was the end */
		if (at == c->in->size && c->main_end && !is_5)
			return 0;
		if (at > c->in->size || c->in->size - at < BLOCK_MIN)
			return incomplete_at(reason, c->in->size, "its list of files", at + BLOCK_MIN);
		if (!(is_5 ? read5(c, at, &b) : read4(c, at, &b)))
			return window_fail(&c->window, reason, "the list of the archive's files is damaged");
		if (b.type == BLOCK_MAIN) {
			c->main_end = at + b.size;
			c->is_part = b.is_part;
			c->is_solid = b.is_solid;
		}
		if (b.type == BLOCK_FILE)
			note_file(c, at, &b);
		c->is_locked = b.type == BLOCK_LOCKED || b.is_locked;
		if (c->is_locked || b.type == BLOCK_END)
			return 0;
		if (b.size > INT64_MAX - at)
			break;
		at += b.size;
	}
	return extract_fail(reason, -EBADMSG, "the list of the archive's files is damaged");
}

static int unpack_doc(void *arg, enum comic_doc doc, size_t most, struct buf *out)
{
	struct cbr *c = arg;
	const struct place *p = &c->doc[doc];
	struct unpack_part parts[] = {{0, c->main_end}, {p->at, p->size}};
	if (!p->at || p->size > INSIDE_DOC_MAX || p->at + p->size > c->in->size)
		return -ENOTSUP;
	if (!c->is_solid || p->index == 0)
		return unpack_nth(UNPACK_RAR, c->in, parts, 2, 0, most, out);
	if (p->front > UNPACK_FRONT_MAX)
		return -ENOTSUP;
	parts[0].n = c->in->size;
	return unpack_nth(UNPACK_RAR, c->in, parts, 1, p->index, most, out);
}

static int read_rar(struct cbr *c, struct media *out, char *reason)
{
	char why[EXTRACT_REASON];
	int r = walk(c, reason);
	if (r == 0 && c->is_locked)
		return extract_fail(reason, -EBADMSG, "the archive is encrypted, with the names of its files");
	documents_read(&c->inside, unpack_doc, c, out);
	int q = inside_finish(&c->inside, out, r < 0 ? why : reason);
	if (c->is_part || inside_is_part_name(c->in->path, c->in->path_len))
		return inside_fail_part(reason);
	return r < 0 ? r : q;
}

static bool cbr_probe(const uint8_t *head, size_t n)
{
	return n >= SIGNATURE4 && memcmp(head, "Rar!\x1a\7", 6) == 0 && (head[6] == 0 || head[6] == 1);
}

static int cbr_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct cbr c = {.in = in, .scratch = BUF_INIT(HEADER_MAX + 64)};
	if (!cbr_probe(in->head, in->head_len)) {
		if (inside_is_part_name(in->path, in->path_len))
			return inside_fail_part(reason);
		return incomplete_magic(in->head, in->head_len, "Rar!\x1a\7")
			       ? incomplete(reason, "the archive ends in its first bytes")
			       : extract_fail(reason, -EBADMSG, "not a RAR archive");
	}
	window_init(&c.window, in);
	c.window.reads = READS_MAX;
	int r = read_rar(&c, out, reason);
	buf_clear(&c.scratch);
	inside_clear(&c.inside);
	return r;
}

const struct extractor extract_cbr = {
	.name = "cbr",
	.archive = ARCHIVE_RAR,
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"cbr", "rar", "r##", "rar.###", NULL},
	.probe = cbr_probe,
	.read = cbr_read,
};
