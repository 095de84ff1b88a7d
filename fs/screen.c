/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/screen.h"

#include <stdarg.h>

#include "common/render.h"
#include "common/text.h"

enum {
	/** Where the phrases of a row begin. */
	INDENT = 12,
	PHRASE_MAX = 1 << 18,
	BAR_WIDEST = 40,
	BAR_NARROWEST = 4,
};

static const char *const codes[INK_COUNT] = {
#define I(name, code) [INK_##name] = code,
	INKS(I)
#undef I
};

void screen_init(struct screen *s, struct screen_look look)
{
	*s = (struct screen){.look = look, .out = BUF_INIT(1 << 24)};
	if (look.columns && look.columns < SCREEN_NARROWEST)
		s->look.columns = SCREEN_NARROWEST;
}

void screen_clear(struct screen *s)
{
	buf_clear(&s->out);
}

/** What is written already is as wide as it is: @n bytes without any escape sequence of ours. */
static void put(struct screen *s, enum ink ink, const char *text, size_t n)
{
	bool has_ink = s->look.has_colour && *codes[ink];
	if (has_ink)
		buf_addf(&s->out, "\033[%sm", codes[ink]);
	buf_add(&s->out, text, n);
	if (has_ink)
		buf_adds(&s->out, "\033[0m");
	s->column += text_width(text, n);
}

static void put_spaces(struct screen *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_addc(&s->out, ' ');
	s->column += n;
}

static unsigned indent(const struct screen *s)
{
	/* half of a narrow screen is not given away */
	return s->look.columns && s->look.columns < 3 * INDENT ? INDENT / 2 : INDENT;
}

void screen_end(struct screen *s)
{
	if (s->is_open)
		buf_addc(&s->out, '\n');
	s->is_open = false;
	s->spaces = 0;
	s->column = 0;
}

void screen_gap(struct screen *s)
{
	screen_end(s);
	if (s->out.len)
		buf_addc(&s->out, '\n');
}

void screen_break(struct screen *s)
{
	screen_end(s);
	put_spaces(s, indent(s));
	s->is_open = true;
}

static unsigned room(const struct screen *s)
{
	if (!s->look.columns)
		return PHRASE_MAX;
	return s->look.columns > s->column ? s->look.columns - s->column : 0;
}

/** Bytes of @text that fit into the line: at least one character where the line is still empty. */
static size_t fitting(const struct screen *s, const char *text, size_t n)
{
	unsigned left = room(s);
	size_t at = 0;
	while (at < n) {
		uint32_t cp;
		size_t length = text_decode(text + at, n - at, &cp);
		unsigned width = text_width(text + at, length ? length : 1);
		if (width > left && (at || s->column > indent(s)))
			break;
		left -= width < left ? width : left;
		at += length ? length : 1;
	}
	return at;
}

void screen_row(struct screen *s, const char *label)
{
	screen_end(s);
	s->is_open = true;
	if (!*label) {
		put_spaces(s, indent(s));
		return;
	}
	put_spaces(s, 2);
	put(s, INK_label, label, fitting(s, label, strlen(label)));
	if (s->column < indent(s))
		put_spaces(s, indent(s) - s->column);
	else
		s->spaces = 1;
}

/** @text is escaped. */
static void place(struct screen *s, enum ink ink, const char *text, size_t n)
{
	unsigned width = text_width(text, n);
	if (width + s->spaces > room(s) && s->column > indent(s))
		screen_break(s);
	put_spaces(s, s->spaces);
	while (n) {
		size_t part = fitting(s, text, n);
		put(s, ink, text, part);
		text += part;
		n -= part;
		if (n)
			screen_break(s);
	}
	s->spaces = 1;
}

void screen_phrase(struct screen *s, enum ink ink, const char *text, size_t n)
{
	_buf_ struct buf shown = BUF_INIT(PHRASE_MAX);
	text_escape(text, n, &shown);
	if (shown.len)
		place(s, ink, buf_str(&shown), shown.len);
}

void screen_phrasef(struct screen *s, enum ink ink, const char *format, ...)
{
	_buf_ struct buf text = BUF_INIT(PHRASE_MAX);
	va_list args;
	va_start(args, format);
	buf_addv(&text, format, args);
	va_end(args);
	screen_phrase(s, ink, buf_str(&text), text.len);
}

void screen_words(struct screen *s, enum ink ink, const char *text, size_t n)
{
	while (n) {
		const char *end = memchr(text, ' ', n);
		size_t word = end ? (size_t)(end - text) : n;
		if (word)
			screen_phrase(s, ink, text, word);
		else if (s->column > indent(s))
			s->spaces++;
		text += word + (end != NULL);
		n -= word + (end != NULL);
	}
}

/** @cells of a bar, in eighths where there are such characters. */
static void draw(const struct screen *s, double ratio, unsigned cells, struct buf *done, struct buf *left)
{
	unsigned steps = s->look.has_blocks ? 8 : 1;
	unsigned full = (unsigned)(ratio * cells * steps);
	for (unsigned i = 0; i < full / steps; i++)
		buf_adds(done, s->look.has_blocks ? "\u2588" : "#");
	if (full % steps)
		text_append(done, 0x2590 - full % steps);
	for (unsigned i = (full + steps - 1) / steps; i < cells; i++)
		buf_adds(left, s->look.has_blocks ? "\u2591" : "-");
}

void screen_bar(struct screen *s, enum ink ink, double ratio)
{
	/* " 100 %" follows in the same line, and brackets are around it */
	unsigned take = 2 + 6;
	if (room(s) < take + BAR_NARROWEST + s->spaces && s->column > indent(s))
		screen_break(s);
	put_spaces(s, s->spaces);
	unsigned cells = room(s) > take ? room(s) - take : 0;
	_buf_ struct buf done = BUF_INIT(1024), left = BUF_INIT(1024);
	cells = cells > BAR_WIDEST ? BAR_WIDEST : cells < BAR_NARROWEST ? BAR_NARROWEST : cells;
	ratio = ratio > 1 ? 1 : ratio > 0 ? ratio : 0;
	draw(s, ratio, cells, &done, &left);
	put(s, INK_label, "[", 1);
	put(s, ink, buf_str(&done), done.len);
	put(s, INK_label, buf_str(&left), left.len);
	put(s, INK_label, "]", 1);
	s->spaces = 1;
	/* not rounded: what is not done yet is never 100 % */
	screen_phrasef(s, INK_title, "%3d %%", (int)(ratio * 100));
}
