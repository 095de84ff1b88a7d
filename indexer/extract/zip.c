/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/zip.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/unpack.h"
#include "indexer/extract/window.h"

enum {
	END_SIZE = 22,
	END64_SIZE = 56,
	LOCATOR64_SIZE = 20,
	ENTRY_SIZE = 46,
	/** Room for the name and extra field behind a file's local header. */
	LOCAL_NAMES = 2048,
	COMMENT_MAX = 65535,
	/** First look at the end: the directory of about two hundred pages. */
	TAIL_SIZE = 16384,
	DIRECTORY_MAX = 16 << 20,
};

bool zip_probe(const uint8_t *head, size_t n)
{
	return n >= 4 && (zip_is(head, 3, 4) || zip_is(head, 5, 6) ||
			  zip_is(head, 7, 8));
}

/* --- the end record --- */

/** Reads the file's last @n bytes into z->tail. */
static int read_tail(struct zip *z, size_t n)
{
	if (n > z->in->size)
		n = (size_t)z->in->size;
	buf_reset(&z->tail);
	int r = buf_reserve(&z->tail, n);
	if (r < 0)
		return r;
	z->tail_at = z->in->size - n;
	if (n <= z->in->head_len && z->tail_at == 0)
		memcpy(z->tail.data, z->in->head, n);
	else
		r = extract_pread(z->in, z->tail_at, z->tail.data, n);
	z->tail.len = r < 0 ? 0 : n;
	return r;
}

/**
 * The end record in the tail, -1 when there is none.  The last one whose comment ends with the
 * file; else the last that fits, for bytes may have been added behind.
 */
static int64_t find_end(const struct zip *z)
{
	const uint8_t *p = (const uint8_t *)buf_str(&z->tail);
	size_t n = z->tail.len;
	int64_t fits = -1;
	for (size_t i = n < END_SIZE ? 0 : n - END_SIZE + 1; i > 0; i--) {
		const uint8_t *end = p + i - 1;
		if (*end != 'P' || !zip_is(end, 5, 6))
			continue;
		size_t comment = get_le16(end + 20), rest = n - (i - 1) - END_SIZE;
		if (comment == rest)
			return (int64_t)(i - 1);
		if (comment < rest && fits < 0)
			fits = (int64_t)(i - 1);
	}
	return fits;
}

/** Zip64: the record that the locator in front of the end record points to. */
static int read_end64(struct zip *z, char *reason)
{
	uint8_t p[END64_SIZE];
	if (z->end_at < LOCATOR64_SIZE)
		return 0;
	int r = extract_pread(z->in, z->end_at - LOCATOR64_SIZE, p, LOCATOR64_SIZE);
	if (r < 0 || !zip_is(p, 6, 7))
		return r;
	uint64_t at = get_le64(p + 8);
	r = extract_pread(z->in, at, p, END64_SIZE);
	bool is_here = r == 0 && zip_is(p, 6, 6);
	if (!is_here && z->end_at >= LOCATOR64_SIZE + END64_SIZE) {
		/* With bytes in front of the archive it still stands next to its locator. */
		at = z->end_at - LOCATOR64_SIZE - END64_SIZE;
		r = extract_pread(z->in, at, p, END64_SIZE);
		is_here = r == 0 && zip_is(p, 6, 6);
	}
	if (!is_here)
		return extract_fail(reason, r < 0 ? r : -EBADMSG,
				    "the archive's zip64 record is not where it should be");
	z->entries = get_le64(p + 32);
	z->directory_size = get_le64(p + 40);
	z->directory_at = get_le64(p + 48);
	z->end_at = at;
	return 0;
}

static int read_end(struct zip *z, const uint8_t *end, char *reason)
{
	z->entries = get_le16(end + 10);
	z->directory_size = get_le32(end + 12);
	z->directory_at = get_le32(end + 16);
	bool is_split = get_le16(end + 4) != 0;
	if (z->entries == 0xffff || z->directory_size == UINT32_MAX ||
	    z->directory_at == UINT32_MAX) {
		int r = read_end64(z, reason);
		if (r < 0)
			return r;
	} else if (is_split) {
		return inside_fail_part(reason);
	}
	if (z->entries > INSIDE_MAX || z->directory_size > DIRECTORY_MAX)
		return extract_fail(reason, -EBADMSG, "the archive claims %llu files",
				    (unsigned long long)z->entries);
	if (z->directory_at > INT64_MAX)
		return extract_fail(reason, -EBADMSG,
				    "the archive's directory lies outside of the file");
	/* The directory ends where the end record begins, whatever stands before the archive. */
	if (z->directory_size > z->end_at || z->directory_at > z->end_at - z->directory_size)
		return incomplete_at(reason, z->in->size, "its index",
				     z->directory_at + z->directory_size + END_SIZE);
	z->prefix = z->end_at - z->directory_size - z->directory_at;
	return 0;
}

/** The first of several parts begins with a signature of its own. */
static int no_end(const struct extract_input *in, char *reason)
{
	if (in->head_len >= 4 && zip_is(in->head, 7, 8))
		return inside_fail_part(reason);
	return incomplete(reason, "the archive has no end (still being copied?)");
}

/** Says what a file is that is no zip archive. */
static int not_zip(const struct extract_input *in, char *reason)
{
	static const struct {
		const char *magic, *name;
	} others[] = {
		{"Rar!", "a RAR archive"}, {"7z\xbc\xaf", "a 7z archive"}, {"\x1f\x8b", "gzip"},
		{"%PDF", "a PDF document"}, {"\xff\xd8\xff", "a JPEG image"},
		{"\x89PNG", "a PNG image"}, {"<!", "a web page"}, {"<html", "a web page"},
		{"<HTML", "a web page"}, {"<?xml", "an XML document"},
	};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		size_t n = strlen(others[i].magic);
		if (in->head_len >= n && memcmp(in->head, others[i].magic, n) == 0)
			return extract_fail(reason, -EBADMSG,
					    "not a zip archive: it looks like %s", others[i].name);
	}
	if (in->head_len >= 262 && memcmp(in->head + 257, "ustar", 5) == 0)
		return extract_fail(reason, -EBADMSG,
				    "not a zip archive: it looks like a tar archive");
	bool is_text = true, is_zero = true;
	for (size_t i = 0; i < in->head_len; i++) {
		uint8_t c = in->head[i];
		is_text = is_text && (c >= ' ' || c == '\n' || c == '\r' || c == '\t');
		is_zero = is_zero && c == 0;
	}
	return extract_fail(reason, -EBADMSG, "not a zip archive%s",
			    is_text   ? ": it looks like text"
			    : is_zero ? ": it begins with zeros"
				      : "");
}

/** Finds the end record. */
static int find_directory(struct zip *z, char *reason)
{
	int64_t at = -1;
	int r = read_tail(z, TAIL_SIZE);
	if (r == 0)
		at = find_end(z);
	if (r == 0 && at < 0 && z->in->size > TAIL_SIZE) {
		r = read_tail(z, COMMENT_MAX + END_SIZE);
		at = r == 0 ? find_end(z) : -1;
	}
	if (r < 0)
		return extract_fail(reason, r, "it cannot be read: %s", strerror(-r));
	if (at >= 0) {
		const uint8_t *end = (const uint8_t *)z->tail.data + at;
		z->end_at = z->tail_at + (uint64_t)at;
		bool is_last = z->end_at + END_SIZE + get_le16(end + 20) == z->in->size;
		r = read_end(z, end, reason);
		/* With more behind it and more in front: an archive stored inside of this one. */
		bool is_inner = r == 0 && !is_last && z->prefix && zip_is(z->in->head, 3, 4);
		return is_inner ? no_end(z->in, reason) : r;
	}
	/* However short it is cut, "PK" is how it began. */
	if (zip_probe(z->in->head, z->in->head_len) ||
	    incomplete_magic(z->in->head, z->in->head_len, "PK\3\4"))
		return no_end(z->in, reason);
	return not_zip(z->in, reason);
}

/* --- the directory --- */

static int load_directory(struct zip *z, char *reason)
{
	uint64_t at = z->end_at - z->directory_size;
	size_t n = (size_t)z->directory_size;
	if (at >= z->tail_at) {
		z->directory = (const uint8_t *)buf_str(&z->tail) + (at - z->tail_at);
		return 0;
	}
	int r = buf_reserve(&z->whole, n);
	if (r == 0)
		r = extract_pread(z->in, at, z->whole.data, n);
	if (r < 0)
		return extract_fail(reason, r, "it cannot be read: %s", strerror(-r));
	z->directory = (const uint8_t *)z->whole.data;
	return 0;
}

int zip_open(struct zip *z, const struct extract_input *in, char *reason)
{
	*z = (struct zip){.in = in, .tail = BUF_INIT(COMMENT_MAX + END_SIZE),
			  .whole = BUF_INIT(DIRECTORY_MAX)};
	int r = find_directory(z, reason);
	if (r < 0 && inside_is_part_name(in->path, in->path_len))
		return inside_fail_part(reason);
	return r < 0 ? r : load_directory(z, reason);
}

void zip_close(struct zip *z)
{
	buf_clear(&z->tail);
	buf_clear(&z->whole);
}

/** An extra field of zip64 holds what did not fit into 32 bits, in this order. */
static void read_extra64(const uint8_t *p, size_t n, struct zip_entry *e)
{
	uint64_t *const values[] = {&e->size, &e->packed, &e->at};
	while (n >= 4) {
		size_t length = get_le16(p + 2), at = 4;
		if (length > n - 4)
			return;
		for (size_t i = 0; i < COUNT_OF(values) && get_le16(p) == 1; i++) {
			if (*values[i] != UINT32_MAX || at + 8 > length + 4)
				continue;
			*values[i] = get_le64(p + at);
			at += 8;
		}
		p += 4 + length;
		n -= 4 + length;
	}
}

/** One entry of @size bytes. */
static void read_entry(struct zip *z, const uint8_t *p, struct zip_entry *e)
{
	*e = (struct zip_entry){
		.name = (const char *)p + ENTRY_SIZE, .name_len = get_le16(p + 28),
		.flags = get_le16(p + 8), .method = get_le16(p + 10), .crc = get_le32(p + 16),
		.packed = get_le32(p + 20), .size = get_le32(p + 24), .at = get_le32(p + 42),
	};
	/* Sizes of zip64 are not looked at: so large a file has its directory elsewhere. */
	bool is_small = e->packed != UINT32_MAX && e->at != UINT32_MAX;
	uint64_t end = e->at + ZIP_LOCAL_SIZE + e->packed;
	if (is_small && end > z->reach)
		z->reach = end;
	read_extra64(p + ENTRY_SIZE + e->name_len, get_le16(p + 30), e);
}

/** The number of entries is not relied on: it has 16 bits, and there are larger archives. */
void zip_walk(struct zip *z, void (*each)(void *arg, const struct zip_entry *e), void *arg)
{
	unsigned entries = 0;
	const uint8_t *p = z->directory;
	size_t n = (size_t)z->directory_size;
	while (n >= ENTRY_SIZE && zip_is(p, 1, 2) && entries < INSIDE_MAX) {
		size_t size = (size_t)ENTRY_SIZE + get_le16(p + 28) + get_le16(p + 30) + get_le16(p + 32);
		if (size > n)
			break;
		struct zip_entry e;
		read_entry(z, p, &e);
		each(arg, &e);
		p += size;
		n -= size;
		entries++;
	}
	/* A signature may follow the entries. */
	bool has_rest = n > 0 && !(n >= 6 && zip_is(p, 5, 5));
	z->is_damaged = has_rest || (entries & 0xffff) != (z->entries & 0xffff);
}

struct wanted {
	const char *name;
	size_t n;
	bool is_found;
	struct zip_entry *out;
};

static void note_wanted(void *arg, const struct zip_entry *e)
{
	struct wanted *w = arg;
	if (w->is_found || e->name_len != w->n || memcmp(e->name, w->name, w->n) != 0)
		return;
	w->is_found = true;
	*w->out = *e;
}

bool zip_find(struct zip *z, const char *name, size_t n, struct zip_entry *out)
{
	struct wanted w = {name, n, false, out};
	zip_walk(z, note_wanted, &w);
	return w.is_found;
}

int zip_check(const struct zip *z, char *reason)
{
	if (z->is_damaged)
		return extract_fail(reason, -EBADMSG, "the list of the archive's files is damaged");
	/* Offsets count modulo 4 GiB in archives that need zip64 and have it not. */
	if (z->prefix < UINT32_MAX && z->prefix + z->reach > z->in->size)
		return incomplete_at(reason, z->in->size, "its index", z->prefix + z->reach);
	return 0;
}

/* --- one file --- */

/** Bytes of the archive, from the head or tail where they are there. */
static int read_bytes(const struct zip *z, uint64_t at, void *to, size_t n)
{
	if (n > z->in->size || at > z->in->size - n)
		return -EBADMSG;
	if (at + n <= z->in->head_len)
		memcpy(to, z->in->head + at, n);
	else if (at >= z->tail_at && at + n <= z->tail_at + z->tail.len)
		memcpy(to, z->tail.data + (at - z->tail_at), n);
	else
		return extract_pread(z->in, at, to, n);
	return 0;
}

/** Unpacks at most @most bytes.  Returns 1 when there would be more. */
static int unpack_deflate(const struct buf *packed, size_t most, struct buf *out)
{
	z_stream s = {
		.next_in = (Bytef *)packed->data,
		.avail_in = (uInt)packed->len,
	};
	if (inflateInit2(&s, -15) != Z_OK)
		return -ENOMEM;
	int r = Z_OK;
	while (r == Z_OK && out->len < most) {
		size_t room = out->cap > out->len + 1 ? out->cap - out->len - 1 : 0;
		if (room == 0) {
			room = out->len ? out->len : 4096;
			if (buf_reserve(out, room > most - out->len ? most - out->len : room) < 0)
				break;
			room = out->cap - out->len - 1;
		}
		if (room > most - out->len)
			room = most - out->len;
		s.next_out = (Bytef *)out->data + out->len;
		s.avail_out = (uInt)room;
		r = inflate(&s, Z_NO_FLUSH);
		out->len += room - s.avail_out;
	}
	inflateEnd(&s);
	if (r == Z_STREAM_END)
		return 0;
	return r == Z_OK && out->len >= most ? 1 : -EBADMSG;
}

/** A file's packed bytes: one read for them and the local header in front. */
static int read_packed(const struct zip *z, const struct zip_entry *e, struct buf *packed)
{
	uint64_t at = e->at + z->prefix;
	if (e->packed == 0 || e->packed > INSIDE_DOC_MAX || at < z->prefix || at > z->in->size)
		return -EBADMSG;
	size_t n = (size_t)e->packed, room = ZIP_LOCAL_SIZE + LOCAL_NAMES + n;
	if (room > z->in->size - at)
		room = (size_t)(z->in->size - at);
	int r = room < ZIP_LOCAL_SIZE ? -EBADMSG : buf_reserve(packed, room);
	if (r == 0)
		r = read_bytes(z, at, packed->data, room);
	const uint8_t *local = (const uint8_t *)packed->data;
	if (r < 0 || !zip_is(local, 3, 4))
		return r < 0 ? r : -EBADMSG;
	size_t skip = ZIP_LOCAL_SIZE + (size_t)get_le16(local + 26) + get_le16(local + 28);
	if (skip > room || n > room - skip)
		return -EBADMSG;
	memmove(packed->data, packed->data + skip, n);
	packed->len = n;
	return 0;
}

int zip_unpack(const struct zip *z, const struct zip_entry *e, size_t most, struct buf *out)
{
	_buf_ struct buf packed = BUF_INIT(ZIP_LOCAL_SIZE + LOCAL_NAMES + INSIDE_DOC_MAX);
	if (e->flags & ZIP_FLAG_ENCRYPTED)
		return -ENOTSUP;
	int r = read_packed(z, e, &packed);
	if (r < 0)
		return r;
	buf_reset(out);
	if (e->method == ZIP_STORED)
		r = buf_add(out, packed.data, packed.len < most ? packed.len : most);
	else if (e->method == ZIP_DEFLATE)
		r = unpack_deflate(&packed, most, out);
	else
		r = unpack_zip_file(e->method, &packed, e->crc, e->size, most, out);
	if (r == 0 && e->method == ZIP_STORED && packed.len > most)
		r = 1;
	if (r == 0 && crc32(0, (const Bytef *)buf_str(out), (uInt)out->len) != e->crc)
		r = -EBADMSG;
	return r;
}
