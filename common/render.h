/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Writers of JSON, CSV and aligned columns, straight into a buffer; the only place that escapes.
 *
 * A document is written as one stream of calls; commas, quotes and indentation are seen to here.
 * Any byte may be given as text: JSON and CSV come out as valid UTF-8, no control character ever
 * reaches a terminal.
 */
#ifndef COMMON_RENDER_H
#define COMMON_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum {
	/** Deepest nesting that we ever write. */
	JSON_DEPTH = 16,
};

struct json {
	struct buf *out;
	/** Newlines and indentation down to this depth; deeper objects stay on one line. */
	int pretty;
	int depth;
	bool has_item[JSON_DEPTH];
	bool after_key;
	/** The time written last, as it was written; 0: none. */
	struct {
		int64_t ns;
		size_t n;
		char text[32];
	} last;
};

/** @pretty: 0 for one line (JSON lines); 2 puts each item of a list on a line of its own. */
void json_init(struct json *j, struct buf *out, int pretty);

void json_object(struct json *j);
void json_end_object(struct json *j);
void json_array(struct json *j);
void json_end_array(struct json *j);
/** @key: ASCII that needs no escape. */
void json_key(struct json *j, const char *key);

void json_text(struct json *j, const char *s, size_t n);
void json_int(struct json *j, int64_t v);
/** An integer when whole, else at most @digits decimals; null for NaN and infinity. */
void json_real(struct json *j, double v, int digits);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/** A value that is JSON already. */
void json_raw(struct json *j, const char *s, size_t n);

/* key and value in one */
void json_kv_text(struct json *j, const char *key, const char *s);
void json_kv_int(struct json *j, const char *key, int64_t v);
void json_kv_real(struct json *j, const char *key, double v, int digits);
void json_kv_bool(struct json *j, const char *key, bool v);
/** RFC 3339 UTC, or null for 0.  @ns: since 1970. */
void json_kv_time(struct json *j, const char *key, int64_t ns);
/** The path as text; where that replaced bytes, also KEY_bytes with base64 of the truth. */
void json_kv_path(struct json *j, const char *key, const char *s, size_t n);

/** Text for people: C0, C1, DEL, ESC, bidirectional controls and invalid bytes as \xNN. */
void text_escape(const char *s, size_t n, struct buf *out);

void text_base64(const char *s, size_t n, struct buf *out);
/** A finite number: an integer when whole, else at most @digits decimals. */
void real_text(double v, int digits, struct buf *out);
/** Terminal cells of valid UTF-8 (East Asian wide characters take two). */
unsigned text_width(const char *s, size_t n);

/** One RFC 4180 cell, neutralised against formulas; the caller puts commas and CRLF. */
void csv_text(struct buf *out, const char *s, size_t n);

enum {
	/** "2026-11-21 10:00:00" */
	TIME_CHARS = 19,
};

/** Day and time (UTC) with @between between them, no NUL behind.  @ns: since 1970. */
void time_text(int64_t ns, char between, char text[TIME_CHARS]);

/** "2026-11-21T10:00:00Z"; with @ns % 1 s != 0 three decimals. */
void time_rfc3339(int64_t ns, struct buf *out);

/** "1.2 GiB", "3 files"… for people. */
void human_bytes(uint64_t bytes, struct buf *out);
/** "4 s", "3 m 20 s", "2 h 5 m". */
void human_duration(double seconds, struct buf *out);

/**
 * Aligned columns: cells are collected, then written with the width each column needs (counted
 * in terminal cells).  The first row is the header and gets "# ".
 */
struct table {
	struct buf cells;
	int columns;
	int filled;
	/** Of the next cell. */
	int column;
	/** Widest cell of each column. */
	unsigned width[16];
};

void table_init(struct table *t, int columns);
/** The same with a first row, which names the columns. */
void table_open(struct table *t, const char *const *head, int columns);
void table_clear(struct table *t);
/** Escaped.  Cells come row by row. */
void table_cell(struct table *t, const char *s, size_t n);
void table_cells(struct table *t, const char *s);
void table_cell_int(struct table *t, int64_t v);
void table_cellf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Two spaces between columns, none at the end of a line. */
void table_write(struct table *t, struct buf *out);

#endif
