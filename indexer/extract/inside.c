/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/extract.h"

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ends_with(const char *name, size_t n, const char *end)
{
	size_t length = strlen(end);
	return n > length && strncasecmp(name + n - length, end, length) == 0;
}

static const char *base_of(const char *name, size_t *n)
{
	for (size_t i = *n; i > 0; i--) {
		if (is_slash(name[i - 1])) {
			*n -= i;
			return name + i;
		}
	}
	return name;
}

/** What macOS keeps beside the files, and hidden folders as of a NAS. */
static bool is_apart(const char *name, size_t n)
{
	static const char mac[] = "__MACOSX";
	enum { MAC = sizeof mac - 1 };
	for (size_t i = 0; i + MAC < n; i++) {
		bool is_start = i == 0 || is_slash(name[i - 1]);
		if (is_start && memcmp(name + i, mac, MAC) == 0 && is_slash(name[i + MAC]))
			return true;
	}
	return false;
}

bool inside_is_picture(const char *name, size_t n)
{
	static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif",
					       ".jxl", ".bmp",	".tif", ".tiff", ".heic"};
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		if (ends_with(name, n, suffixes[i]))
			return true;
	}
	return false;
}

bool inside_is_page(const char *name, size_t n)
{
	size_t length = n;
	const char *base = base_of(name, &length);
	return length && base[0] != '.' && !is_apart(name, n) && inside_is_picture(base, length);
}

/** The document that a file's name says it is, else -1. */
static int doc_of(const char *base, size_t n)
{
	if (n == 14 && strncasecmp(base, "MetronInfo.xml", n) == 0)
		return COMIC_METRON;
	if (n == 13 && strncasecmp(base, "ComicInfo.xml", n) == 0)
		return COMIC_INFO;
	return ends_with(base, n, ".acbf") ? COMIC_ACBF : -1;
}

static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * UINT64_C(0x100000001b3);
	return h;
}

void inside_clear(struct inside *l)
{
	vec_clear(&l->names);
}

int inside_note(struct inside *l, const char *name, size_t n, bool is_encrypted)
{
	size_t length = n;
	const char *base = base_of(name, &length);
	if (length == 0 || base[0] == '.' || is_apart(name, n))
		return -1;
	l->has_encrypted = l->has_encrypted || is_encrypted;
	if (inside_is_picture(base, length)) {
		uint64_t *slot = vec_add(&l->names);
		if (slot)
			*slot = hash_of(name, n);
		l->is_encrypted = l->is_encrypted || is_encrypted;
		return -1;
	}
	int doc = doc_of(base, length);
	unsigned depth = 0;
	for (size_t i = 0; i < n && doc >= 0; i++)
		depth += is_slash(name[i]);
	if (doc < 0 || (l->doc[doc].is_found && l->doc[doc].depth <= depth))
		return -1;
	l->doc[doc].is_found = true;
	l->doc[doc].depth = depth;
	return doc;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

unsigned inside_pages(struct inside *l)
{
	size_t n = 0;
	if (l->names.len > 1)
		qsort(l->names.data, l->names.len, sizeof *l->names.data, compare);
	for (size_t i = 0; i < l->names.len; i++) {
		if (i == 0 || l->names.data[i] != l->names.data[n - 1])
			l->names.data[n++] = l->names.data[i];
	}
	l->names.len = n;
	return (unsigned)n;
}

int inside_finish(struct inside *l, struct media *out, char *reason)
{
	unsigned pages = inside_pages(l);
	if (pages)
		media_set_int(out, FIELD_pages, pages);
	if (l->is_encrypted || (pages == 0 && l->has_encrypted))
		return extract_fail(reason, -EBADMSG, "the archive is encrypted");
	if (pages == 0)
		return extract_fail(reason, -EBADMSG, "the archive holds no images");
	return 0;
}

int inside_fail_part(char *reason)
{
	return extract_fail(reason, -EBADMSG, "the archive is one part of several");
}

bool inside_is_part_name(const char *path, size_t n)
{
	size_t digits = 0;
	const char *name = base_of(path, &n);
	while (digits < n && is_digit(name[n - 1 - digits]))
		digits++;
	/* "x.r00", "x.z01" */
	if (digits == 2 && n > 4 && name[n - 4] == '.' && strchr("rRzZ", name[n - 3]))
		return true;
	/* "x.7z.001" */
	if (digits == 3 && n > 4 && name[n - 4] == '.')
		return ends_with(name, n - 4, ".7z") || ends_with(name, n - 4, ".zip") ||
		       ends_with(name, n - 4, ".rar");
	/* "x.part2.rar" */
	if (digits || !ends_with(name, n, ".rar"))
		return false;
	for (n -= 4; n > 0 && is_digit(name[n - 1]); digits++)
		n--;
	return digits && ends_with(name, n, ".part");
}
