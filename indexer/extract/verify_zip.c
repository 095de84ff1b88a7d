/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ZIP: every member that the directory names is unpacked to nowhere, and its checksum and size are compared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "indexer/extract/verify_page.h"
#include "indexer/extract/window.h"
#include "indexer/extract/zip.h"

enum { PIECE = 16 << 10 };

/** One archive being verified. */
struct unzip {
	struct verify *v;
	struct zip zip;
	struct pages pages;
	/** The member at hand, and where its packed bytes are. */
	struct zip_entry entry;
	uint64_t at, left;
	uLong crc;
	/** A member is packed in a way that zlib does not know. */
	bool is_foreign;
	int result;
	uint8_t piece[PIECE];
};

/** What reads gave NULL for: the disk's fault, or the file ends there. */
static int cut_short(struct unzip *u)
{
	return u->v->error ? u->v->error : pages_fail(&u->pages, -EBADMSG, "is cut off: the file ends before it does");
}

static int use(struct unzip *u, const uint8_t *p, size_t n)
{
	u->crc = crc32(u->crc, p, (uInt)n);
	return pages_feed(&u->pages, p, n);
}

static int copy_stored(struct unzip *u)
{
	int r = 0;
	while (u->left && r == 0) {
		size_t n;
		const uint8_t *p = verify_some(u->v, u->at, u->left, &n);
		if (!p)
			return cut_short(u);
		u->at += n;
		u->left -= n;
		r = use(u, p, n);
	}
	return r;
}

/** What inflate makes of the bytes at hand. */
static int drain(struct unzip *u, z_stream *z, int *state)
{
	int r = 0;
	do {
		z->next_out = u->piece;
		z->avail_out = PIECE;
		*state = inflate(z, Z_NO_FLUSH);
		if (*state == Z_MEM_ERROR)
			return -ENOMEM;
		if (*state != Z_OK && *state != Z_STREAM_END && *state != Z_BUF_ERROR)
			return pages_fail(&u->pages, -EBADMSG, "cannot be unpacked");
		r = use(u, u->piece, PIECE - z->avail_out);
	} while (r == 0 && z->avail_out == 0 && *state == Z_OK);
	return r;
}

static int inflate_all(struct unzip *u, z_stream *z)
{
	int r = 0, state = Z_OK;
	while (r == 0 && state != Z_STREAM_END) {
		size_t n = 0;
		const uint8_t *p = u->left ? verify_some(u->v, u->at, u->left, &n) : NULL;
		if (!p && u->left)
			return cut_short(u);
		if (!p)
			return pages_fail(&u->pages, -EBADMSG, "is cut off: its packed bytes end before it does");
		z->next_in = (Bytef *)(uintptr_t)p;
		z->avail_in = (uInt)n;
		r = drain(u, z, &state);
		u->at += n - z->avail_in;
		u->left -= n - z->avail_in;
	}
	return r;
}

static int unpack(struct unzip *u)
{
	z_stream z = {0};
	if (u->entry.method == ZIP_STORED)
		return copy_stored(u);
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return -ENOMEM;
	int r = inflate_all(u, &z);
	inflateEnd(&z);
	return r;
}

/** Finds the packed bytes behind the member's own header. */
static int find_bytes(struct unzip *u)
{
	uint64_t at = u->entry.at + u->zip.prefix;
	const uint8_t *p = at < u->zip.prefix ? NULL : verify_get(u->v, at, ZIP_LOCAL_SIZE);
	if (!p)
		return cut_short(u);
	if (!zip_is(p, 3, 4))
		return pages_fail(&u->pages, -EBADMSG, "is not where the archive's index says");
	u->at = at + ZIP_LOCAL_SIZE + get_le16(p + 26) + get_le16(p + 28);
	u->left = u->entry.packed;
	return u->left > u->v->in->size || u->at > u->v->in->size - u->left ? cut_short(u) : 0;
}

static int verify_member(struct unzip *u)
{
	const struct zip_entry *e = &u->entry;
	int r = pages_begin(&u->pages, e->name, e->name_len);
	if (r < 0)
		return r;
	if (e->flags & ZIP_FLAG_ENCRYPTED)
		return pages_fail(&u->pages, -ENOTSUP, "is encrypted");
	u->is_foreign = e->method != ZIP_STORED && e->method != ZIP_DEFLATE;
	if (u->is_foreign)
		return pages_fail(&u->pages, -ENOTSUP, "is packed in a way that is not known here");
	u->crc = crc32(0, NULL, 0);
	r = find_bytes(u);
	if (r == 0)
		r = unpack(u);
	if (r == 0 && (uint32_t)u->crc != e->crc)
		r = pages_fail(&u->pages, -EBADMSG, "has another checksum than the archive says");
	if (r == 0 && u->pages.size != e->size)
		r = pages_fail(&u->pages, -EBADMSG, "has another size than the archive says");
	return r == 0 ? pages_end(&u->pages) : r;
}

/** zip_walk()'s way: the first that is wrong ends it. */
static void verify_entry(void *arg, const struct zip_entry *e)
{
	struct unzip *u = arg;
	if (u->result)
		return;
	u->entry = *e;
	u->result = verify_member(u);
}

bool verify_is_zip(struct verify *v)
{
	struct zip z;
	bool is_zip = zip_open(&z, v->in, v->reason) == 0;
	zip_close(&z);
	*v->reason = '\0';
	return is_zip;
}

static int verify_all(struct unzip *u)
{
	int r = zip_open(&u->zip, u->v->in, u->v->reason);
	if (r < 0 && r != -EBADMSG && r != -ENODATA)
		u->v->error = r;
	if (r < 0)
		return r;
	zip_walk(&u->zip, verify_entry, u);
	return u->result ? u->result : zip_check(&u->zip, u->v->reason);
}

int verify_zip(struct verify *v)
{
	_free_ struct unzip *u = calloc(1, sizeof *u);
	if (!u)
		return v->error = -ENOMEM;
	u->v = v;
	pages_init(&u->pages, v);
	int r = verify_all(u);
	zip_close(&u->zip);
	if (r == -ENOTSUP && u->is_foreign)
		return verify_archive(v);
	return r < 0 ? r : pages_finish(&u->pages);
}
