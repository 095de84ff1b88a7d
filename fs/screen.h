/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Text for a terminal or a pipe: rows of a label and phrases, broken between phrases where the terminal ends, with
 * colours where they are wanted.  Every text is escaped here; no line is longer than the terminal is wide.
 * One thread; in struct screen only @out may fail (buf_error).
 */
#ifndef FS_SCREEN_H
#define FS_SCREEN_H

#include "common/buf.h"

/*   name, what a terminal is told (SGR) */
#define INKS(I) \
	I(plain, "") \
	I(title, "1") \
	I(label, "2") \
	I(good, "32") \
	I(busy, "36") \
	I(warn, "33") \
	I(bad, "1;31")

enum ink {
#define I(name, code) INK_##name,
	INKS(I)
#undef I
	INK_COUNT
};

enum {
	/** Narrower terminals are written to as if they had so many columns. */
	SCREEN_NARROWEST = 20,
};

/** What is written to, and how. */
struct screen_look {
	/** Cells of a line; 0: as many as there are. */
	unsigned columns;
	bool has_colour;
	/** Bars of block elements; else of ASCII. */
	bool has_blocks;
};

struct screen {
	struct screen_look look;
	struct buf out;
	/** Cells of the line at hand that are taken. */
	unsigned column;
	/** A line is open. */
	bool is_open;
	/** How many belong in front of the next phrase, unless a line begins there. */
	unsigned spaces;
};

void screen_init(struct screen *s, struct screen_look look);
void screen_clear(struct screen *s);

/** Begins a row: "  LABEL   ", always as wide. */
void screen_row(struct screen *s, const char *label);
/** Goes on in a new line of the same row. */
void screen_break(struct screen *s);
/** Ends the row at hand, and leaves a line empty unless it is the first. */
void screen_gap(struct screen *s);
/** Ends the row at hand. */
void screen_end(struct screen *s);

/** One phrase: broken only where it alone is longer than a line. */
void screen_phrase(struct screen *s, enum ink ink, const char *text, size_t n);
void screen_phrasef(struct screen *s, enum ink ink, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** A sentence: each of its words is a phrase; between two of a line are as many spaces as in @text. */
void screen_words(struct screen *s, enum ink ink, const char *text, size_t n);
/** How far something is, with the percentage; @ratio 0 to 1. */
void screen_bar(struct screen *s, enum ink ink, double ratio);

#endif
