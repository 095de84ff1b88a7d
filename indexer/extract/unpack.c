/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/window.h"

enum {
	PARTS_MAX = 2,
	ZIP_LOCAL_SIZE = 30,
	METHOD_LZMA = 14,
	METHOD_PPMD = 98,
	/** A packed tar may announce so many times its size, and so much besides. */
	TAR_RATIO_MAX = 100,
	TAR_MORE = 64 << 20,
};

/** What libarchive reads from. */
struct source {
	const struct extract_input *in;
	struct unpack_part parts[PARTS_MAX];
	int count;
	/** Bytes of all parts, and how far it is. */
	uint64_t size, at;
	int error;
	uint8_t buffer[16384];
};

static void cleanup_archive(struct archive **a)
{
	archive_read_free(*a);
}

#define _archive_ __attribute__((cleanup(cleanup_archive)))

/** Where in the file the source is, and how many bytes follow there. */
static uint64_t place_of(const struct source *s, uint64_t *n)
{
	uint64_t at = s->at;
	int i = 0;
	while (i < s->count - 1 && at >= s->parts[i].n)
		at -= s->parts[i++].n;
	*n = s->parts[i].n - at;
	return s->parts[i].at + at;
}

static la_ssize_t on_read(struct archive *a, void *arg, const void **bytes)
{
	struct source *s = arg;
	uint64_t n, at;
	*bytes = s->buffer;
	if (s->at >= s->size)
		return 0;
	at = place_of(s, &n);
	if (n > sizeof s->buffer)
		n = sizeof s->buffer;
	s->error = extract_pread(s->in, at, s->buffer, (size_t)n);
	if (s->error < 0) {
		archive_set_error(a, -s->error, "%s", strerror(-s->error));
		return -1;
	}
	s->at += n;
	return (la_ssize_t)n;
}

static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t n)
{
	struct source *s = arg;
	(void)a;
	uint64_t left = s->size - s->at;
	uint64_t step = n < 0 ? 0 : (uint64_t)n < left ? (uint64_t)n : left;
	s->at += step;
	return (la_int64_t)step;
}

static la_int64_t on_seek(struct archive *a, void *arg, la_int64_t offset, int whence)
{
	struct source *s = arg;
	(void)a;
	la_int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (la_int64_t)s->at : (la_int64_t)s->size;
	if (offset < -from || offset > (la_int64_t)s->size - from)
		return ARCHIVE_FATAL;
	s->at = (uint64_t)(from + offset);
	return (la_int64_t)s->at;
}

static int open_source(struct archive *a, struct source *s)
{
	archive_read_set_callback_data(a, s);
	archive_read_set_read_callback(a, on_read);
	archive_read_set_skip_callback(a, on_skip);
	archive_read_set_seek_callback(a, on_seek);
	return archive_read_open1(a) == ARCHIVE_OK ? 0 : -EBADMSG;
}

/** The file's bytes behind its header.  As unpack_nth(). */
static int read_data(struct archive *a, size_t most, struct buf *out)
{
	char buffer[4096];
	buf_reset(out);
	for (;;) {
		la_ssize_t n = archive_read_data(a, buffer, sizeof buffer);
		if (n == 0)
			return 0;
		if (n < 0)
			return -EBADMSG;
		size_t room = most - out->len;
		if (buf_add(out, buffer, (size_t)n < room ? (size_t)n : room) < 0)
			return buf_error(out);
		if ((size_t)n > room)
			return 1;
	}
}

int unpack_nth(enum unpack_format format, const struct extract_input *in, const struct unpack_part *parts,
	       int count, unsigned index, size_t most, struct buf *out)
{
	_archive_ struct archive *a = archive_read_new();
	_free_ struct source *s = calloc(1, sizeof *s);
	struct archive_entry *entry;
	if (!a || !s)
		return -ENOMEM;
	s->in = in;
	s->count = count;
	for (int i = 0; i < count; i++) {
		s->parts[i] = parts[i];
		s->size += parts[i].n;
	}
	if (format == UNPACK_7Z) {
		archive_read_support_format_7zip(a);
	} else {
		archive_read_support_format_rar(a);
		archive_read_support_format_rar5(a);
	}
	int r = open_source(a, s);
	for (unsigned i = 0; i <= index && r == 0; i++)
		r = archive_read_next_header(a, &entry) < ARCHIVE_WARN ? -EBADMSG : 0;
	return r < 0 ? r : read_data(a, most, out);
}

/* --- ZIP --- */

/** Whether a method's own header asks for too much memory. */
static bool is_greedy(unsigned method, const struct buf *packed)
{
	const uint8_t *p = (const uint8_t *)packed->data;
	if (method == METHOD_LZMA)
		return packed->len < 9 || get_le32(p + 5) > UNPACK_WINDOW_MAX;
	if (method == METHOD_PPMD)
		return packed->len < 2 || ((get_le16(p) >> 4 & 0xff) + 1) << 20 > UNPACK_WINDOW_MAX;
	return false;
}

int unpack_zip_file(unsigned method, const struct buf *packed, uint32_t crc, uint64_t size, size_t most,
		    struct buf *out)
{
	uint8_t local[ZIP_LOCAL_SIZE + 1] = {'P', 'K', 3, 4, 63};
	_archive_ struct archive *a = archive_read_new();
	_buf_ struct buf whole = BUF_INIT(packed->len + sizeof local);
	struct archive_entry *entry;
	if (!a)
		return -ENOMEM;
	if (is_greedy(method, packed) || size > UINT32_MAX)
		return -ENOTSUP;
	for (unsigned i = 0; i < 4; i++) {
		local[14 + i] = (uint8_t)(crc >> 8 * i);
		local[18 + i] = (uint8_t)(packed->len >> 8 * i);
		local[22 + i] = (uint8_t)(size >> 8 * i);
	}
	local[8] = (uint8_t)method;
	local[9] = (uint8_t)(method >> 8);
	local[26] = 1;
	local[ZIP_LOCAL_SIZE] = 'x';
	buf_add(&whole, local, sizeof local);
	if (buf_add(&whole, packed->data, packed->len) < 0)
		return buf_error(&whole);
	archive_read_support_format_zip_streamable(a);
	if (archive_read_open_memory(a, whole.data, whole.len) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) < ARCHIVE_WARN)
		return -EBADMSG;
	return read_data(a, most, out);
}

/* --- tar --- */

int unpack_file(const struct unpack_file *file, size_t most, struct buf *out)
{
	return read_data(file->handle, most, out);
}

static int tar_failure(struct archive *a, const struct source *s, char *reason)
{
	const char *why = archive_error_string(a);
	if (s->error < 0 && s->error != -EBADMSG)
		return extract_fail(reason, s->error, "it cannot be read: %s", strerror(-s->error));
	if (why && strstr(why, "runcated"))
		return incomplete(reason, "the archive ends before its last file does");
	if (why && strstr(why, "nrecognized"))
		return extract_fail(reason, -EBADMSG, "no archive of a known kind");
	return extract_fail(reason, -EBADMSG, "the archive is damaged: %s", why ? why : "no reason is known");
}

static void support_tar(struct archive *a)
{
	archive_read_support_format_tar(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_compress(a);
}

/** Shows each regular file until all were, or one was enough. */
static int walk(struct archive *a, const struct source *s, unpack_file_fn *each, void *arg, char *reason)
{
	struct archive_entry *entry;
	uint64_t claimed = 0, most = s->in->size * TAR_RATIO_MAX + TAR_MORE;
	for (unsigned i = 0; i < INSIDE_MAX; i++) {
		int r = archive_read_next_header(a, &entry);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r < ARCHIVE_WARN)
			return tar_failure(a, s, reason);
		int64_t size = archive_entry_size(entry);
		claimed += size > 0 ? (uint64_t)size : 0;
		if (claimed > most)
			return extract_fail(reason, -EBADMSG, "the archive claims %llu bytes",
					    (unsigned long long)claimed);
		const char *name = archive_entry_pathname(entry);
		if (!name)
			name = archive_entry_pathname_utf8(entry);
		struct unpack_file file = {name, name ? strlen(name) : 0, a};
		if (name && archive_entry_filetype(entry) == AE_IFREG && !each(arg, &file))
			return 0;
	}
	return extract_fail(reason, -EBADMSG, "the archive holds more than %d files", INSIDE_MAX);
}

static int open_and_walk(struct archive *a, const struct extract_input *in, unpack_file_fn *each, void *arg, char *reason)
{
	_free_ struct source *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	*s = (struct source){.in = in, .parts = {{0, in->size}}, .count = 1, .size = in->size};
	int r = open_source(a, s) < 0 ? tar_failure(a, s, reason) : walk(a, s, each, arg, reason);
	/* it reads from s */
	archive_read_close(a);
	return r;
}

int unpack_tar_walk(const struct extract_input *in, unpack_file_fn *each, void *arg, char *reason)
{
	_archive_ struct archive *a = archive_read_new();
	if (!a)
		return -ENOMEM;
	support_tar(a);
	return open_and_walk(a, in, each, arg, reason);
}

int unpack_walk(const struct extract_input *in, unpack_file_fn *each, void *arg, char *reason)
{
	_archive_ struct archive *a = archive_read_new();
	if (!a)
		return -ENOMEM;
	if (extract_allows(ARCHIVE_ZIP) || extract_allows(ARCHIVE_EPUB))
		archive_read_support_format_zip_seekable(a);
	if (extract_allows(ARCHIVE_RAR)) {
		archive_read_support_format_rar(a);
		archive_read_support_format_rar5(a);
	}
	if (extract_allows(ARCHIVE_SEVEN))
		archive_read_support_format_7zip(a);
	if (extract_allows(ARCHIVE_TAR))
		support_tar(a);
	return open_and_walk(a, in, each, arg, reason);
}
