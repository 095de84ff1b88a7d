/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RAR, 7z and tar: libarchive unpacks every member to nowhere and compares the checksums that the format has. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/verify_page.h"

/** What libarchive reads from. */
struct source {
	struct verify *v;
	uint64_t at;
	struct pages pages;
};

static la_ssize_t on_read(struct archive *a, void *arg, const void **out)
{
	struct source *s = arg;
	size_t n;
	const uint8_t *p = verify_some(s->v, s->at, VERIFY_BUFFER, &n);
	if (s->v->error) {
		archive_set_error(a, EIO, "it cannot be read");
		return -1;
	}
	*out = p;
	s->at += n;
	return (la_ssize_t)n;
}

static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t wanted)
{
	struct source *s = arg;
	(void)a;
	uint64_t left = s->v->in->size - s->at;
	uint64_t n = wanted < 0 ? 0 : (uint64_t)wanted < left ? (uint64_t)wanted : left;
	s->at += n;
	return (la_int64_t)n;
}

static la_int64_t on_seek(struct archive *a, void *arg, la_int64_t to, int whence)
{
	struct source *s = arg;
	(void)a;
	la_int64_t size = (la_int64_t)s->v->in->size;
	la_int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (la_int64_t)s->at : size;
	if (to < -from || to > size - from)
		return ARCHIVE_FATAL;
	s->at = (uint64_t)(from + to);
	return from + to;
}

/** What libarchive does not know, in its words. */
static bool is_foreign(const char *why)
{
	static const char *const words[] = {"unsupported", "not supported", "encrypt", "unknown codec"};
	for (size_t i = 0; why && i < COUNT_OF(words); i++)
		if (strcasestr(why, words[i]))
			return true;
	return false;
}

/** What libarchive says, as a sentence of ours. */
static int fail(struct source *s, struct archive *a, const char *what)
{
	const char *why = archive_error_string(a);
	if (archive_errno(a) == ENOMEM)
		return s->v->error = -ENOMEM;
	/* what it cannot read is not damaged for that; some of its readers tell encrypted members so */
	if (is_foreign(why))
		return extract_fail(s->v->reason, -ENOTSUP, "%s: %s", what, why);
	/* libarchive 3.6 unpacks some sound files of RAR 4 wrongly (its own test_read_format_rar_multi_lzss_blocks.rar): */
	/* what it says of a checksum there proves nothing */
	if (archive_format(a) == ARCHIVE_FORMAT_RAR && why && strcasestr(why, "crc"))
		return extract_fail(s->v->reason, -ENOTSUP, "%s: its checksum does not fit, or this RAR 4 is not known well enough",
				    what);
	return extract_fail(s->v->reason, -EBADMSG, "%s: %s", what, why ? why : "it is damaged");
}

static int read_member(struct source *s, struct archive *a)
{
	const void *data;
	size_t n;
	la_int64_t at;
	int code = archive_read_data_block(a, &data, &n, &at);
	for (; code == ARCHIVE_OK; code = archive_read_data_block(a, &data, &n, &at)) {
		int r = pages_feed(&s->pages, data, n);
		if (r < 0)
			return r;
	}
	return code == ARCHIVE_EOF ? pages_end(&s->pages) : fail(s, a, s->pages.name);
}

/** The next member's head: a warning is about its name; what asks to be read again is damaged. */
static bool next_member(struct archive *a, struct archive_entry **e, int *code)
{
	*code = archive_read_next_header(a, e);
	return *code == ARCHIVE_OK || *code == ARCHIVE_WARN;
}

static int walk(struct source *s, struct archive *a)
{
	struct archive_entry *e;
	unsigned members = 0;
	int code = ARCHIVE_OK, r = 0;
	while (r == 0 && next_member(a, &e, &code)) {
		const char *name = archive_entry_pathname(e);
		if (members++ >= INSIDE_MAX)
			return extract_fail(s->v->reason, -ENOTSUP, "the archive holds too many files");
		/* one without a name that can be told is one of its own */
		char number[24];
		snprintf(number, sizeof number, "file %u", members);
		r = pages_begin(&s->pages, name ? name : number, strlen(name ? name : number));
		if (r == 0 && (archive_entry_is_encrypted(e) || archive_read_has_encrypted_entries(a) > 0))
			r = pages_fail(&s->pages, -ENOTSUP, "is encrypted");
		if (r == 0 && archive_entry_filetype(e) == AE_IFREG)
			r = read_member(s, a);
	}
	if (r == 0 && code != ARCHIVE_EOF)
		r = archive_read_has_encrypted_entries(a) > 0
			    ? extract_fail(s->v->reason, -ENOTSUP, "the archive is encrypted")
			    : fail(s, a, "the archive cannot be read on");
	return r < 0 ? r : pages_finish(&s->pages);
}

/** Whether a RAR archive is one part of several, by the flags of its main header: version 4, then 5. */
static bool is_part(struct verify *v)
{
	const uint8_t *p = verify_get(v, 0, 32);
	if (!p || memcmp(p, "Rar!", 4) != 0)
		return false;
	if (p[6] == 0)
		return p[9] == 0x73 && p[10] & 1;
	/* behind the checksum: size, type 1, flags (1: an extra area, with its size), then the archive's own */
	size_t i = 12;
	for (int field = 0; field < 3 && i < 28; field++, i++) {
		uint8_t value = p[i];
		while (p[i] & 0x80 && i < 28)
			i++;
		if (field == 2 && value & 1)
			while (p[++i] & 0x80 && i < 28)
				continue;
	}
	return p[i] & 1;
}

/** Readers of formats that may be opened (see extract_allow()), by what archives of them begin with. */
static const struct format {
	unsigned archive;
	size_t at;
	const char *magic, *name;
	int (*support)(struct archive *a);
} formats[] = {
	{ARCHIVE_ZIP, 0, "PK", "ZIP", archive_read_support_format_zip_seekable},
	{ARCHIVE_RAR, 0, "Rar!", "RAR", archive_read_support_format_rar},
	{ARCHIVE_RAR, 0, "Rar!", "RAR", archive_read_support_format_rar5},
	{ARCHIVE_SEVEN, 0, "7z\xbc\xaf", "7z", archive_read_support_format_7zip},
	{ARCHIVE_TAR, 257, "ustar", "tar", archive_read_support_format_tar},
};

/** The name of the format of an archive that is not to be opened; NULL when it may be. */
static const char *refused(struct verify *v)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		const uint8_t *p = verify_get(v, formats[i].at, strlen(formats[i].magic));
		if (p && memcmp(p, formats[i].magic, strlen(formats[i].magic)) == 0 && !extract_allows(formats[i].archive))
			return formats[i].name;
	}
	return NULL;
}

static int open_and_walk(struct source *s, struct archive *a)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (extract_allows(formats[i].archive))
			formats[i].support(a);
	archive_read_set_read_callback(a, on_read);
	archive_read_set_skip_callback(a, on_skip);
	archive_read_set_seek_callback(a, on_seek);
	archive_read_set_callback_data(a, s);
	return archive_read_open1(a) == ARCHIVE_OK ? walk(s, a) : fail(s, a, "the archive cannot be read");
}

int verify_archive(struct verify *v)
{
	const char *name = refused(v);
	if (name)
		return extract_fail(v->reason, -ENOTSUP, "archives of %s are not opened: switched off (archives)", name);
	_free_ struct source *s = calloc(1, sizeof *s);
	struct archive *a = s ? archive_read_new() : NULL;
	if (!a)
		return v->error = -ENOMEM;
	s->v = v;
	*v->reason = '\0';
	if (is_part(v)) {
		archive_read_free(a);
		return extract_fail(v->reason, -ENOTSUP, "the archive is one part of several");
	}
	pages_init(&s->pages, v);
	int r = open_and_walk(s, a);
	archive_read_free(a);
	return v->error ? v->error : r;
}
