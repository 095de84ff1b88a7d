/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comic archives in ZIP.  Only the directory at the file's end is read, and ComicInfo.xml when
 * it names one; no page is ever unpacked.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/window.h"
#include "indexer/extract/zip.h"

enum {
	END_SIZE = 22,
	END64_SIZE = 56,
	LOCATOR64_SIZE = 20,
	/** Room for the name and extra field behind the local header of ComicInfo.xml. */
	LOCAL_NAMES = 2048,
	/** First look at the end: the directory of about two hundred pages. */
	TAIL_SIZE = 16384,
	DIRECTORY_MAX = 16 << 20,
	/** Of ComicInfo.xml, packed and unpacked. */
	INFO_MAX = 1 << 20,
};

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
		return extract_fail(reason, -EBADMSG, "the archive is one part of several");
	}
	if (z->entries > ZIP_ENTRIES_MAX || z->directory_size > DIRECTORY_MAX)
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

static int no_end(char *reason)
{
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

bool zip_probe(const uint8_t *head, size_t n)
{
	return n >= 4 && (zip_is(head, 3, 4) || zip_is(head, 5, 6) ||
			  zip_is(head, 7, 8));
}

int zip_open(struct zip *z, char *reason)
{
	int64_t at = -1;
	int r = read_tail(z, TAIL_SIZE);
	if (r == 0)
		at = find_end(z);
	if (r == 0 && at < 0 && z->in->size > TAIL_SIZE) {
		r = read_tail(z, ZIP_TAIL_MAX);
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
		return is_inner ? no_end(reason) : r;
	}
	/* However short it is cut, "PK" is how it began. */
	if (zip_probe(z->in->head, z->in->head_len) ||
	    incomplete_magic(z->in->head, z->in->head_len, "PK\3\4"))
		return no_end(reason);
	return not_zip(z->in, reason);
}

/* --- the directory --- */

const char *zip_base(const char *name, size_t *n)
{
	for (size_t i = *n; i > 0; i--) {
		if (name[i - 1] == '/' || name[i - 1] == '\\') {
			*n -= i;
			return name + i;
		}
	}
	return name;
}

bool zip_is_page(const char *base, size_t n)
{
	static const char *const suffixes[] = {"jpg", "jpeg", "png", "webp", "gif", "avif",
					       "jxl", "bmp",  "tif", "tiff", "heic"};
	if (n < 5 || base[0] == '.')
		return false;
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		size_t length = strlen(suffixes[i]);
		if (n > length && base[n - length - 1] == '.' &&
		    strncasecmp(base + n - length, suffixes[i], length) == 0)
			return true;
	}
	return false;
}

/** An extra field of zip64 holds what did not fit into 32 bits, in this order. */
static void read_extra64(const uint8_t *p, size_t n, const uint8_t *entry, struct zip_entry *e)
{
	while (n >= 4) {
		size_t length = get_le16(p + 2);
		if (length > n - 4)
			return;
		if (get_le16(p) == 1) {
			size_t at = get_le32(entry + 24) == UINT32_MAX ? 8 : 0;
			if (e->packed == UINT32_MAX && length >= at + 8) {
				e->packed = get_le64(p + 4 + at);
				at += 8;
			}
			if (e->at == UINT32_MAX && length >= at + 8)
				e->at = get_le64(p + 4 + at);
			return;
		}
		p += 4 + length;
		n -= 4 + length;
	}
}

struct zip_entry zip_entry_parse(const uint8_t *entry, const uint8_t *extra, size_t n)
{
	struct zip_entry e = {
		.is_found = true,
		.flags = get_le16(entry + 8),
		.method = get_le16(entry + 10),
		.crc = get_le32(entry + 16),
		.packed = get_le32(entry + 20),
		.at = get_le32(entry + 42),
	};
	read_extra64(extra, n, entry, &e);
	return e;
}

/** Keeps the ComicInfo.xml that is nearest to the archive's root. */
static void note_info(struct zip *z, const uint8_t *entry, const char *name, size_t n)
{
	unsigned depth = 0;
	for (size_t i = 0; i < n; i++)
		depth += name[i] == '/' || name[i] == '\\';
	if (z->info.is_found && z->info.depth <= depth)
		return;
	z->info = zip_entry_parse(entry, (const uint8_t *)name + n, get_le16(entry + 30));
	z->info.depth = depth;
}

static void note_entry(struct zip *z, const uint8_t *entry, const char *name, size_t n)
{
	size_t length = n;
	const char *base = zip_base(name, &length);
	if (n >= 9 && memcmp(name, "__MACOSX/", 9) == 0)
		return;
	if (zip_is_page(base, length)) {
		z->pages++;
		z->is_encrypted = z->is_encrypted || get_le16(entry + 8) & FLAG_ENCRYPTED;
	} else if (length == 13 && strncasecmp(base, "ComicInfo.xml", 13) == 0) {
		note_info(z, entry, name, n);
	}
}

/** Sizes of zip64 are not looked at: so large a file has its directory elsewhere. */
static void note_reach(struct zip *z, const uint8_t *entry)
{
	uint64_t packed = get_le32(entry + 20), at = get_le32(entry + 42);
	uint64_t end = at + ZIP_LOCAL_SIZE + packed;
	if (packed != UINT32_MAX && at != UINT32_MAX && end > z->reach)
		z->reach = end;
}

/** The number of entries is not relied on: it has 16 bits, and there are larger archives. */
static void walk_directory(struct zip *z, const uint8_t *p, size_t n)
{
	unsigned entries = 0;
	while (n >= ZIP_ENTRY_SIZE && zip_is(p, 1, 2) && entries < ZIP_ENTRIES_MAX) {
		size_t name = get_le16(p + 28);
		size_t size = ZIP_ENTRY_SIZE + name + get_le16(p + 30) + get_le16(p + 32);
		if (size > n)
			break;
		note_entry(z, p, (const char *)p + ZIP_ENTRY_SIZE, name);
		note_reach(z, p);
		p += size;
		n -= size;
		entries++;
	}
	/* A signature may follow the entries. */
	bool has_rest = n > 0 && !(n >= 6 && zip_is(p, 5, 5));
	z->is_damaged = has_rest || (entries & 0xffff) != (z->entries & 0xffff);
}

static int read_directory(struct zip *z, char *reason)
{
	uint64_t at = z->end_at - z->directory_size;
	size_t n = (size_t)z->directory_size;
	if (at >= z->tail_at) {
		const char *tail = buf_str(&z->tail) + (at - z->tail_at);
		walk_directory(z, (const uint8_t *)tail, n);
		return 0;
	}
	_buf_ struct buf whole = BUF_INIT(DIRECTORY_MAX);
	int r = buf_reserve(&whole, n);
	if (r == 0)
		r = extract_pread(z->in, at, whole.data, n);
	if (r < 0)
		return extract_fail(reason, r, "it cannot be read: %s", strerror(-r));
	walk_directory(z, (const uint8_t *)whole.data, n);
	return 0;
}

/* --- ComicInfo.xml --- */

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

/** Unpacks at most INFO_MAX bytes.  Returns 1 when there would be more. */
static int unpack(const struct buf *packed, struct buf *out)
{
	z_stream s = {
		.next_in = (Bytef *)packed->data,
		.avail_in = (uInt)packed->len,
	};
	if (inflateInit2(&s, -15) != Z_OK)
		return -ENOMEM;
	int r = Z_OK;
	while (r == Z_OK && out->len < INFO_MAX) {
		size_t room = out->cap > out->len + 1 ? out->cap - out->len - 1 : 0;
		if (room == 0) {
			room = out->len ? out->len : 4096;
			if (room > INFO_MAX - out->len)
				room = INFO_MAX - out->len;
			if (buf_reserve(out, room) < 0)
				break;
		}
		s.next_out = (Bytef *)out->data + out->len;
		s.avail_out = (uInt)room;
		r = inflate(&s, Z_NO_FLUSH);
		out->len += room - s.avail_out;
	}
	inflateEnd(&s);
	if (r == Z_STREAM_END)
		return 0;
	return r == Z_OK && out->len >= INFO_MAX ? 1 : -EBADMSG;
}

/**
 * A document that was cut at our limit ends behind its last whole element, so that what comes
 * before a giant <Notes> or <Pages> is not lost.
 */
static void close_document(struct buf *xml)
{
	size_t end = xml->len, close = 0;
	for (; end > 1; end--) {
		if (xml->data[end - 1] == '>')
			close = end;
		if (close && xml->data[end - 2] == '<' && xml->data[end - 1] == '/')
			break;
	}
	xml->len = close;
	buf_adds(xml, "</ComicInfo>");
}

/** The packed bytes of ComicInfo.xml: one read for them and the local header in front. */
static int read_info_bytes(const struct zip *z, struct buf *packed)
{
	uint64_t at = z->info.at + z->prefix;
	if (z->info.packed == 0 || z->info.packed > INFO_MAX || at < z->prefix || at > z->in->size)
		return -EBADMSG;
	size_t n = (size_t)z->info.packed, room = ZIP_LOCAL_SIZE + LOCAL_NAMES + n;
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

/** A broken ComicInfo.xml is not a broken volume: it is passed over. */
static void read_info(const struct zip *z, struct media *out)
{
	const struct zip_entry *e = &z->info;
	_buf_ struct buf packed = BUF_INIT(ZIP_LOCAL_SIZE + LOCAL_NAMES + INFO_MAX);
	_buf_ struct buf xml = BUF_INIT(INFO_MAX + 64);
	if (!e->is_found || e->flags & FLAG_ENCRYPTED || read_info_bytes(z, &packed) < 0)
		return;
	const struct buf *text = &packed;
	int r = e->method == METHOD_STORED ? 0 : -ENOTSUP;
	if (e->method == METHOD_DEFLATE) {
		r = unpack(&packed, &xml);
		text = &xml;
	}
	if (r < 0)
		return;
	if (r > 0)
		close_document(&xml);
	else if (crc32(0, (const Bytef *)text->data, (uInt)text->len) != e->crc)
		return;
	if (text->len <= INFO_MAX)
		extract_comicinfo(text->data, text->len, out);
}

static int read_zip(struct zip *z, struct media *out, char *reason)
{
	int r = zip_open(z, reason);
	if (r == 0)
		r = read_directory(z, reason);
	if (r < 0)
		return r;
	read_info(z, out);
	if (z->pages)
		media_set_int(out, FIELD_pages, z->pages);
	if (z->is_encrypted)
		return extract_fail(reason, -EBADMSG, "the archive is encrypted");
	if (z->is_damaged)
		return extract_fail(reason, -EBADMSG, "the list of the archive's files is damaged");
	/* Offsets count modulo 4 GiB in archives that need zip64 and have it not. */
	if (z->prefix < UINT32_MAX && z->prefix + z->reach > z->in->size)
		return incomplete_at(reason, z->in->size, "its index", z->prefix + z->reach);
	if (z->pages == 0)
		return extract_fail(reason, -EBADMSG, "the archive holds no images");
	return 0;
}

static int cbz_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct zip z = {.in = in, .tail = BUF_INIT(ZIP_TAIL_MAX)};
	int r = read_zip(&z, out, reason);
	buf_clear(&z.tail);
	return r;
}

const struct extractor extract_cbz = {
	.name = "cbz",
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"cbz", "zip", NULL},
	.probe = zip_probe,
	.read = cbz_read,
};
