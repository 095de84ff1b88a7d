/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/incomplete.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "indexer/extract/extract.h"

char *incomplete_number(uint64_t v, char text[GROUPED_MAX])
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
	char *to = text;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

int incomplete(char *reason, const char *format, ...)
{
	static const char word[] = "incomplete: ";
	enum { WORD = sizeof word - 1 };
	va_list args;
	memcpy(reason, word, WORD);
	va_start(args, format);
	vsnprintf(reason + WORD, EXTRACT_REASON - WORD, format, args);
	va_end(args);
	return -ENODATA;
}

int incomplete_at(char *reason, uint64_t size, const char *who, uint64_t least)
{
	char there[GROUPED_MAX], wanted[GROUPED_MAX];
	return incomplete(reason, "the file ends at %s bytes, %s says at least %s",
			  incomplete_number(size, there), who, incomplete_number(least, wanted));
}

bool incomplete_magic(const uint8_t *head, size_t n, const char *magic)
{
	return n > 0 && n < strlen(magic) && memcmp(head, magic, n) == 0;
}

bool incomplete_is_fresh(int64_t now, int64_t mtime, int64_t ctime)
{
	int64_t last = mtime < TIMES_S ? ctime : mtime;
	/* any number may stand in a file system */
	return last > now - FRESH_S;
}
