/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Pieces of an HTML page, straight into a buffer.  Any byte may be given as text: markup comes out as
 * references, control and bidirectional characters and invalid UTF-8 as \xNN, as everywhere.
 */
#ifndef FS_HTML_H
#define FS_HTML_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

enum {
	/** Longer texts are cut, so that no text makes the page large; in bytes. */
	HTML_TEXT_MAX = 400,
	/** What it may become, written with references. */
	HTML_WRITTEN_MAX = 600,
};

/** Between tags and between double quotes. */
void html_text(const char *s, size_t n, struct buf *out);
/** Somebody else's text, cut to HTML_TEXT_MAX and HTML_WRITTEN_MAX; its writing direction ends with it. */
void html_foreign(const char *s, size_t n, struct buf *out);
/** A path as (part of) a relative address in an attribute: percent-encoded, '/' kept. */
void html_address(const char *s, size_t n, struct buf *out);
/** "12,345". */
void html_number(int64_t v, struct buf *out);
/** "2026-11-21 10:00 UTC", which the page's script turns into local time; "–" for 0.  @ns: since 1970. */
void html_time(int64_t ns, struct buf *out);

/** A word in a pill.  @tone: "good", "warn", "bad" or "calm". */
void html_tag(const char *tone, const char *word, struct buf *out);
/** A line for a shell, which people copy: @line is shown as it is. */
void html_command(const char *line, struct buf *out);
/** @word as one word of a shell: as it is, between quotes, or as $'…' when it holds what no page can show. */
void shell_word(const char *word, size_t n, struct buf *out);

/** A table, row by row; below some width each cell shows its column's name beside it. */
struct html_table {
	struct buf *out;
	const char *const *head;
	int columns, column;
};

/** @id: of its caption; @caption: what it is a table of.  A name of @head that begins with '#' is of numbers. */
void html_table_begin(struct html_table *t, struct buf *out, const char *caption, const char *const *head, int columns);
/** Opens the next cell, and the row with its first, which names the row.  @key: to sort by; negative: its text. */
void html_cell(struct html_table *t, int64_t key);
void html_cell_end(struct html_table *t);
/** Cells of one thing. */
void html_cell_foreign(struct html_table *t, const char *s, size_t n);
void html_cell_number(struct html_table *t, int64_t v);
void html_cell_time(struct html_table *t, int64_t ns);
void html_table_end(struct html_table *t);

#endif
