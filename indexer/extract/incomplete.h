/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Files that end before their own structure says: an interrupted copy, or one that still runs.
 * They are told from damaged ones by -ENODATA (these stay -EBADMSG) and by a sentence that begins
 * with "incomplete: ".  Private to the readers of formats.
 */
#ifndef INDEXER_EXTRACT_INCOMPLETE_H
#define INDEXER_EXTRACT_INCOMPLETE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/extract/wants.h"

enum {
	/** A file that was written less than so many seconds ago may still be being copied (wants.h). */
	FRESH_S = 3600,
	/** 1981: no file is that old.  Robocopy dates what it still copies 1980, and some file systems know no time. */
	TIMES_S = 347155200,
	/** Room for a number of 64 bits with commas. */
	GROUPED_MAX = 28,
};

/** "1,048,576".  Returns @text. */
char *incomplete_number(uint64_t v, char text[GROUPED_MAX]);

/** Puts "incomplete: " and the sentence into @reason (EXTRACT_REASON bytes).  Returns -ENODATA. */
int incomplete(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * "incomplete: the file ends at SIZE bytes, WHO says at least LEAST".  Returns -ENODATA.
 * @who: "its index", "its ID3 tag".
 */
int incomplete_at(char *reason, uint64_t size, const char *who, uint64_t least);

/** Whether @head is the start of @magic, cut anywhere: "fL" of "fLaC". */
bool incomplete_magic(const uint8_t *head, size_t n, const char *magic);

#endif
