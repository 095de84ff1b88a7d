/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name as an array of characters.  Each keeps its code point for output and has a key for
 * comparison, so that "É", "E" + combining acute and "ｅ" match the same table entries while the
 * series is shown as it was written.
 */
#include "indexer/extract/guess_tokens.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

/* Base letters of U+00C0 to U+017F. */
static const char latin_base[] = "aaaaaaaceeeeiiiidnoooooxouuuuyts"
				 "aaaaaaaceeeeiiiidnooooo/ouuuuyty"
				 "aaaaaaccccccccddddeeeeeeeeeegggg"
				 "gggghhhhiiiiiiiiiiiijjkkklllllll"
				 "lllnnnnnnnnnoooooooorrrrrrssssss"
				 "ssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* Names written on a Mac are decomposed; @composed has one character for each of @base. */
static const struct composition {
	uint32_t mark;
	const char *base, *composed;
} compositions[] = {
	{0x300, "AEIOUaeiou", "ÀÈÌÒÙàèìòù"},
	{0x301, "AEIOUYaeiouyCcNnSsZzLlRr", "ÁÉÍÓÚÝáéíóúýĆćŃńŚśŹźĹĺŔŕ"},
	{0x302, "AEIOUaeiouCcGgHhJjSsWwYy", "ÂÊÎÔÛâêîôûĈĉĜĝĤĥĴĵŜŝŴŵŶŷ"},
	{0x303, "ANOanoIiUu", "ÃÑÕãñõĨĩŨũ"},
	{0x304, "AEIOUaeiou", "ĀĒĪŌŪāēīōū"},
	{0x306, "AaGgUuИи", "ĂăĞğŬŭЙй"},
	{0x307, "IZzCcEeGg", "İŻżĊċĖėĠġ"},
	{0x308, "AEIOUaeiouyYЕе", "ÄËÏÖÜäëïöüÿŸЁё"},
	{0x30A, "AaUu", "ÅåŮů"},
	{0x30B, "OoUu", "ŐőŰű"},
	{0x30C, "CcDEeNnRrSsTZz", "ČčĎĚěŇňŘřŠšŤŽž"},
	{0x327, "CcSsTt", "ÇçŞşŢţ"},
	{0x328, "AaEe", "ĄąĘę"},
	{0x3099,
	 "かきくけこさしすせそたちつてとはひふへほうカキクケコサシスセソタチツテトハヒフヘホウ",
	 "がぎぐげござじずぜぞだぢづでどばびぶべぼゔガギグゲゴザジズゼゾダヂヅデドバビブベボヴ"},
	{0x309A, "はひふへほハヒフヘホ", "ぱぴぷぺぽパピプペポ"},
};

/* Characters that stand for another in a comparison. */
static const struct {
	uint32_t cp, key;
} key_pairs[] = {
	{'_', ' '},     {0xA0, ' '},    {0xBA, 0xB0},   {0x1A1, 'o'},   {0x1B0, 'u'},
	{0x2018, '\''}, {0x2019, '\''}, {0x2212, '-'},  {0x3000, ' '},  {0x3010, '['},
	{0x3011, ']'},  {0x3014, '['},  {0x3015, ']'},  {0x3016, '['},  {0x3017, ']'},
	{0x301C, '~'},  {0x1EAD, 'a'},  {0x401, 0x435}, {0x451, 0x435},
};

static uint32_t key_of_latin(uint32_t cp)
{
	if (cp >= 'A' && cp <= 'Z')
		return cp + 32;
	if (cp >= 0xC0 && cp <= 0x17F)
		return (unsigned char)latin_base[cp - 0xC0];
	return cp;
}

static uint32_t key_of_digit(uint32_t cp)
{
	static const uint32_t zeros[] = {0x660, 0x6F0, 0x966, 0xE50};
	for (size_t i = 0; i < COUNT_OF(zeros); i++) {
		if (cp >= zeros[i] && cp < zeros[i] + 10)
			return '0' + (cp - zeros[i]);
	}
	return cp;
}

static uint32_t key_of(uint32_t cp)
{
	if (cp >= 0xFF01 && cp <= 0xFF5E)
		cp -= 0xFF01 - '!';
	for (size_t i = 0; i < COUNT_OF(key_pairs); i++) {
		if (key_pairs[i].cp == cp)
			return key_pairs[i].key;
	}
	if (cp < 0x180)
		return key_of_latin(cp);
	if (cp >= 0x410 && cp <= 0x42F)
		return cp + 32;
	if (cp >= 0x2000 && cp <= 0x200A)
		return ' ';
	if (cp >= 0x2010 && cp <= 0x2015)
		return '-';
	return key_of_digit(cp);
}

bool key_is_digit(uint32_t key)
{
	return key >= '0' && key <= '9';
}

bool key_is_letter(uint32_t key)
{
	static const uint32_t symbols[][2] = {
		{0x80, 0xBF},     {0x2000, 0x2BFF}, {0x3000, 0x3004},
		{0x3007, 0x3020}, {0x3030, 0x3030}, {0x30FB, 0x30FB},
		{0xFE30, 0xFE4F}, {0xFF00, 0xFF65}, {0xFFF0, 0xFFFF},
	};
	if (key < 0x80)
		return key >= 'a' && key <= 'z';
	for (size_t i = 0; i < COUNT_OF(symbols); i++) {
		if (key >= symbols[i][0] && key <= symbols[i][1])
			return false;
	}
	return true;
}

bool key_is_spaced(uint32_t key)
{
	return key < 0xE00 && key_is_letter(key);
}

static uint32_t compose(uint32_t base, uint32_t mark)
{
	for (size_t i = 0; i < COUNT_OF(compositions); i++) {
		const struct composition *c = &compositions[i];
		if (c->mark != mark)
			continue;
		const char *b = c->base, *to = c->composed;
		while (*b && *to) {
			uint32_t from_cp = 0, to_cp = 0;
			b += text_decode(b, strlen(b), &from_cp);
			to += text_decode(to, strlen(to), &to_cp);
			if (from_cp == base)
				return to_cp;
		}
	}
	return 0;
}

/* Unicode's own arithmetic: leading, vowel, trailing. */
static uint32_t compose_hangul(uint32_t base, uint32_t next)
{
	if (base >= 0x1100 && base <= 0x1112 && next >= 0x1161 && next <= 0x1175)
		return 0xAC00 + ((base - 0x1100) * 21 + (next - 0x1161)) * 28;
	bool has_no_tail = base >= 0xAC00 && base <= 0xD7A3 && (base - 0xAC00) % 28 == 0;
	if (has_no_tail && next > 0x11A7 && next <= 0x11C2)
		return base + (next - 0x11A7);
	return 0;
}

static bool is_mark(uint32_t cp)
{
	return (cp >= 0x300 && cp <= 0x36F) || cp == 0x3099 || cp == 0x309A;
}

/* Joins @cp to the character before it; false when it stands alone. */
static bool join(struct glyph *last, uint32_t cp)
{
	uint32_t whole = is_mark(cp) ? compose(last->cp, cp) : compose_hangul(last->cp, cp);
	if (whole) {
		last->cp = whole;
		last->key = key_of(whole);
		return true;
	}
	if (!is_mark(cp))
		return false;
	for (size_t i = 0; i < GLYPH_MARKS; i++) {
		if (!last->marks[i]) {
			last->marks[i] = cp;
			break;
		}
	}
	return true;
}

/* Names from old programs are in Latin-1; a name with any valid character beyond ASCII is not. */
static bool is_latin1(const char *s, size_t n)
{
	bool is_ascii = true;
	for (size_t i = 0; i < n; i++) {
		uint32_t cp = 0;
		if ((unsigned char)s[i] < 0x80)
			continue;
		if (text_decode(s + i, n - i, &cp))
			return false;
		is_ascii = false;
	}
	return !is_ascii;
}

static uint32_t cp_of_latin1(unsigned char byte)
{
	/* Windows' apostrophes and dashes */
	static const struct {
		unsigned char byte;
		uint32_t cp;
	} pairs[] = {{0x91, 0x2018}, {0x92, 0x2019}, {0x96, 0x2013}, {0x97, 0x2014}};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		if (pairs[i].byte == byte)
			return pairs[i].cp;
	}
	return byte >= 0xA0 ? byte : 0xFFFD;
}

static void decode(struct line *line, const char *s, size_t n)
{
	bool has_latin1 = is_latin1(s, n);
	line->n = 0;
	for (size_t i = 0; i < n && line->n < LINE_MAX_GLYPHS;) {
		uint32_t cp = 0xFFFD;
		size_t len = text_decode(s + i, n - i, &cp);
		if (!len)
			cp = has_latin1 ? cp_of_latin1((unsigned char)s[i]) : 0xFFFD;
		i += len ? len : 1;
		if (text_is_control(cp))
			cp = ' ';
		if (line->n > 0 && join(&line->g[line->n - 1], cp))
			continue;
		line->g[line->n++] = (struct glyph){.cp = cp, .key = key_of(cp)};
	}
}

uint32_t line_key(const struct line *line, size_t i)
{
	return i < line->n ? line->g[i].key : ' ';
}

/* A full stop inside a number; with full stops for spaces only ".5" counts: "Zom.100.03". */
static bool is_decimal_point(const struct line *line, size_t i)
{
	return i > 0 && key_is_digit(line_key(line, i - 1)) &&
	       key_is_digit(line_key(line, i + 1)) && !key_is_digit(line_key(line, i + 2));
}

/* "Chainsaw.Man.T20.FR" and "Kimi-no-Na-wa-T03" have no spaces: give them some. */
static void split_words(struct line *line)
{
	size_t stops = 0, hyphens = 0, digits = 0;
	for (size_t i = 0; i < line->n; i++) {
		uint32_t key = line->g[i].key;
		if (key == ' ')
			return;
		stops += key == '.' && !is_decimal_point(line, i);
		hyphens += key == '-' && i > 0 && !key_is_digit(line->g[i - 1].key);
		digits += key_is_digit(key);
	}
	bool is_dotted = stops >= 2 || (stops == 1 && digits > 0);
	bool is_hyphenated = !is_dotted && hyphens >= 3;
	for (size_t i = 0; i < line->n; i++) {
		uint32_t key = line->g[i].key;
		bool is_stop = is_dotted && key == '.' && !is_decimal_point(line, i);
		/* After a digit it may be a range. */
		bool is_hyphen =
			is_hyphenated && key == '-' && i > 0 && !key_is_digit(line->g[i - 1].key);
		if (is_stop || is_hyphen)
			line->g[i].key = ' ';
	}
}

static size_t find_close(const struct line *line, size_t i, uint32_t open, uint32_t close)
{
	size_t depth = 0;
	for (; i < line->n; i++) {
		if (line->g[i].key == open)
			depth++;
		if (line->g[i].key == close && --depth == 0)
			return i + 1;
	}
	return 0;
}

static uint32_t closing(uint32_t open)
{
	return open == '(' ? ')' : open == '[' ? ']' : open == '{' ? '}' : 0;
}

/* Outermost brackets only.  One that is never closed runs to the end, unless it is the first. */
static void find_groups(struct line *line)
{
	line->group_count = 0;
	for (size_t i = 0; i < line->n && line->group_count < LINE_MAX_GROUPS; i++) {
		uint32_t close = closing(line->g[i].key);
		if (!close)
			continue;
		size_t end = find_close(line, i, line->g[i].key, close);
		if (!end && i == 0)
			continue;
		if (!end)
			end = line->n;
		line->groups[line->group_count++] = (struct span){i, end};
		for (size_t k = i; k < end; k++)
			line->g[k].group = (uint8_t)line->group_count;
		i = end - 1;
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "One%20Piece%20T05": an address that was saved under its own name.  Returns the length. */
static size_t unescape(const char *s, size_t n, char *out)
{
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		int high = s[i] == '%' && i + 2 < n ? hex_value(s[i + 1]) : -1;
		int low = high >= 0 ? hex_value(s[i + 2]) : -1;
		out[used++] = low >= 0 ? (char)(high << 4 | low) : s[i];
		i += low >= 0 ? 2 : 0;
	}
	return used;
}

void line_read(struct line *line, const char *s, size_t n)
{
	char plain[1024];
	bool is_escaped = n <= sizeof plain && !memchr(s, ' ', n) && memmem(s, n, "%20", 3);
	if (is_escaped)
		decode(line, plain, unescape(s, n, plain));
	else
		decode(line, s, n);
	split_words(line);
	find_groups(line);
}

size_t line_skip_spaces(const struct line *line, size_t i)
{
	while (i < line->n && line->g[i].key == ' ')
		i++;
	return i;
}

static bool is_joiner(uint32_t key)
{
	return key == ' ' || key == '-' || key == '\'';
}

size_t line_match(const struct line *line, size_t i, const char *text)
{
	/* Most words of a table differ in their first letter already. */
	unsigned char first = (unsigned char)*text;
	uint32_t key = line_key(line, i);
	if (first != ' ' && (first < 0x80 ? key != first : key < 0x80))
		return 0;
	size_t left = strlen(text);
	while (left) {
		uint32_t cp = 0;
		size_t len = text_decode(text, left, &cp);
		if (!len)
			return 0;
		text += len;
		left -= len;
		if (cp == ' ') {
			while (i < line->n && is_joiner(line->g[i].key))
				i++;
			continue;
		}
		if (i >= line->n || line->g[i].key != cp)
			return 0;
		i++;
	}
	return i;
}

size_t line_match_word(const struct line *line, size_t i, const char *text)
{
	size_t end = line_match(line, i, text);
	if (!end)
		return 0;
	bool is_spaced = key_is_spaced(line_key(line, end - 1));
	return is_spaced && key_is_spaced(line_key(line, end)) ? 0 : end;
}

bool line_is_boundary(const struct line *line, size_t i)
{
	if (i == 0)
		return true;
	uint32_t before = line_key(line, i - 1);
	return !key_is_spaced(before) && !key_is_digit(before);
}

static size_t encode(uint32_t cp, char out[static 4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (cp & 0x3F));
		cp >>= 6;
	}
	out[0] = (char)(lead[n] | cp);
	return n;
}

/* Appends a whole character, or nothing. */
static size_t append(char *out, size_t used, size_t max, const struct glyph *g)
{
	char bytes[4 * (1 + GLYPH_MARKS)];
	size_t n = encode(g->key == ' ' ? ' ' : g->cp, bytes);
	for (size_t i = 0; i < GLYPH_MARKS && g->marks[i]; i++)
		n += encode(g->marks[i], bytes + n);
	if (used + n >= max)
		return used;
	memcpy(out + used, bytes, n);
	return used + n;
}

void line_text(const struct line *line, struct span span, bool with_groups, char *out, size_t max)
{
	static const struct glyph space = {.cp = ' ', .key = ' '};
	size_t used = 0;
	bool is_pending = false;
	for (size_t i = span.start; i < span.end && i < line->n; i++) {
		const struct glyph *g = &line->g[i];
		if (g->key == ' ' || (g->group && !with_groups)) {
			is_pending = used > 0;
			continue;
		}
		if (is_pending)
			used = append(out, used, max, &space);
		is_pending = false;
		used = append(out, used, max, g);
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

static bool is_one_of(uint32_t key, const char *set)
{
	return key < 0x80 && key && strchr(set, (int)key);
}

/* "NARUTO -ナルト-": the hyphens are brackets. */
static bool closes_hyphens(const struct line *line, size_t i)
{
	if (line_key(line, i - 1) == ' ' || line_key(line, i - 1) == '-')
		return false;
	for (size_t k = i; k > 0; k--) {
		if (line_key(line, k - 1) == '-')
			return line_key(line, k - 2) == ' ' && line_key(line, k) != ' ';
	}
	return false;
}

/* "Title ~Subtitle~" keeps its tilde, "Title ~" has it from the number. */
static bool is_loose_end(const struct line *line, size_t i)
{
	uint32_t key = line_key(line, i);
	if (key == '~' || key == '+')
		return line_key(line, i - 1) == ' ';
	if (key == '-' && closes_hyphens(line, i))
		return false;
	return is_one_of(key, " -,:;#|/=") || key == 0x30FB || key == 0x2022 || key == 0xB7 ||
	       key == 0x300C || key == 0x300E;
}

struct span line_trim(const struct line *line, struct span span)
{
	while (span.start < span.end && is_one_of(line_key(line, span.start), " -,:;.|/"))
		span.start++;
	while (span.end > span.start && is_loose_end(line, span.end - 1))
		span.end--;
	return span;
}
