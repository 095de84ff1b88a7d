/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A line of control/chapter: one flat JSON object that tells of a chapter.  Each key of the table is checked by type and
 * range, and others are refused: a misspelt key would be lost in silence.
 */
#ifndef INDEXER_CHAPTER_LINE_H
#define INDEXER_CHAPTER_LINE_H

#include "common/buf.h"
#include "common/chapter_event.h"

struct chapter_line {
	/** Its texts live as long as the line. */
	struct chapter_event event;
	void *json;
	char number[72];
};

/** 0, or EINVAL with a clause in @why (to be escaped) that says what is wrong with which key.  Cleared in both cases by
 * chapter_line_clear(). */
int chapter_line_read(const char *text, size_t n, struct chapter_line *line, struct buf *why);
void chapter_line_clear(struct chapter_line *line);

#endif
