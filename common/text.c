/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "common/cleanup.h"

static size_t sequence_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	if (lead >= 0xf0 && lead < 0xf5)
		return 4;
	return 0;
}

size_t text_decode(const char *s, size_t n, uint32_t *cp)
{
	static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if (n == 0)
		return 0;
	const uint8_t *p = (const uint8_t *)s;
	size_t length = sequence_length(p[0]);
	if (length == 0 || length > n)
		return 0;
	uint32_t c = p[0] & lead_mask[length];
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*cp = c;
	return length;
}

void text_append(struct buf *b, uint32_t cp)
{
	utf8proc_uint8_t bytes[4];
	if (cp < 0x80) {
		buf_addc(b, (char)cp);
		return;
	}
	utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)cp, bytes);
	if (n > 0)
		buf_add(b, bytes, (size_t)n);
}

/** Bytes of plain ASCII at the start of @s. */
static size_t ascii_run(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && (uint8_t)s[i] < 0x80)
		i++;
	return i;
}

bool text_is_utf8(const char *s, size_t n)
{
	for (size_t i = ascii_run(s, n); i < n;) {
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

void text_to_utf8(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		size_t run = ascii_run(s + i, n - i);
		buf_add(out, s + i, run);
		i += run;
		if (i == n)
			return;
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		if (length)
			buf_add(out, s + i, length);
		else
			text_append(out, 0xfffd);
		i += length ? length : 1;
	}
}

void text_from_latin1(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		text_append(out, (uint8_t)s[i]);
}

size_t text_cut(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max > 0 && ((uint8_t)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

bool text_is_control(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},
		{0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
		{0xe0001, 0xe007f},
	};
	for (size_t i = 0; i < COUNT_OF(hidden); i++) {
		if (cp < hidden[i].first)
			return false;
		if (cp <= hidden[i].last)
			return true;
	}
	return false;
}

static bool is_blank(uint32_t cp)
{
	return cp == ' ' || cp == 0xa0 || cp == 0x3000 || cp == 0x1680 || cp == 0x202f ||
	       cp == 0x205f || (cp >= 0x2000 && cp <= 0x200a);
}

/** Bytes of printable ASCII at the start of @s, in which nothing is to be cleaned: nearly every tag is such. */
static size_t plain_run(const char *s, size_t n)
{
	const uint64_t ones = 0x0101010101010101, tops = ones << 7;
	size_t i = 0;
	for (; n - i >= sizeof ones; i += sizeof ones) {
		uint64_t w;
		memcpy(&w, s + i, sizeof w);
		/* any byte at or above 0x80, below 0x20, or 0x7f */
		if (((w - 0x20 * ones) | (w + ones)) & tops)
			break;
	}
	while (i < n && (uint8_t)s[i] >= 0x20 && (uint8_t)s[i] < 0x7f)
		i++;
	return i;
}

static void trim(const char **s, size_t *n)
{
	while (*n && (uint8_t)**s <= ' ') {
		++*s;
		--*n;
	}
	while (*n && (uint8_t)(*s)[*n - 1] <= ' ')
		--*n;
}

/** The character that begins there.  Returns its bytes. */
static size_t clean_one(const char *s, size_t n, struct buf *out)
{
	uint32_t cp;
	size_t length = text_decode(s, n, &cp);
	if (!length)
		text_append(out, 0xfffd);
	else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		buf_addc(out, ' ');
	else
		buf_add(out, s, length);
	return length ? length : 1;
}

void text_clean(const char *s, size_t n, size_t max, struct buf *out)
{
	trim(&s, &n);
	size_t start = out->len;
	for (size_t i = 0; i < n && out->len - start <= max;) {
		size_t plain = plain_run(s + i, n - i), room = max - (out->len - start);
		buf_add(out, s + i, plain < room ? plain : room);
		i += plain;
		if (i < n)
			i += clean_one(s + i, n - i, out);
	}
	if (out->error)
		return;
	out->len = start + text_cut(buf_str(out) + start, out->len - start, max);
	while (out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
	if (out->data)
		out->data[out->len] = '\0';
}

/** White space collapsed to one space and trimmed; with @title punctuation counts as space. */
static void collapse(const char *s, size_t n, bool title, struct buf *out)
{
	size_t start = out->len;
	bool gap = false;
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		if (length == 0) {
			cp = 0xfffd;
			length = 1;
		}
		i += length;
		bool drop = is_blank(cp) || text_is_control(cp);
		if (title && !drop) {
			utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
			drop = c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_ZP;
		}
		if (drop) {
			gap = true;
			continue;
		}
		if (gap && out->len > start)
			buf_addc(out, ' ');
		gap = false;
		text_append(out, cp);
	}
}

/** Any text, with all that Unicode asks for. */
static int fold_any(const char *s, size_t n, bool title, struct buf *out)
{
	_buf_ struct buf clean = BUF_INIT(n * 3 + 4);
	text_to_utf8(s, n, &clean);
	utf8proc_uint8_t *mapped = NULL;
	unsigned options = UTF8PROC_STABLE | UTF8PROC_CASEFOLD |
			   (title ? UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK | UTF8PROC_COMPAT
				  : UTF8PROC_COMPOSE);
	utf8proc_ssize_t length = utf8proc_map((const utf8proc_uint8_t *)buf_str(&clean),
					       (utf8proc_ssize_t)clean.len, &mapped,
					       (utf8proc_option_t)options);
	_free_ void *owned = mapped;
	if (length < 0)
		return -ENOMEM;
	collapse((const char *)mapped, (size_t)length, title, out);
	return out->error;
}

/** Letters of Latin-1 and Latin Extended-A: each is folded by itself, whatever stands beside it that is one too, or ASCII. */
enum { LATIN_FIRST = 0xc0, LATIN_END = 0x180, LATIN_ROOM = 7 };

static struct latin {
	/** 0: not in this way. */
	uint8_t n;
	char text[LATIN_ROOM];
} latin[2][LATIN_END - LATIN_FIRST];
static pthread_once_t latin_made = PTHREAD_ONCE_INIT;

static void make_latin(void)
{
	for (size_t i = 0; i < 2 * COUNT_OF(latin[0]); i++) {
		struct latin *to = &latin[i % 2][i / 2];
		_buf_ struct buf word = BUF_INIT(16), folded = BUF_INIT(256);
		buf_addc(&word, 'x');
		text_append(&word, LATIN_FIRST + (uint32_t)(i / 2));
		buf_addc(&word, 'x');
		/* it may be taken for the end of a word, as the dot of Catalan is */
		bool is_one = fold_any(buf_str(&word), word.len, i % 2, &folded) == 0 && !strchr(buf_str(&folded), ' ');
		if (!is_one || folded.len < 2 || folded.len - 2 > LATIN_ROOM)
			continue;
		to->n = (uint8_t)(folded.len - 2);
		memcpy(to->text, buf_str(&folded) + 1, to->n);
	}
}

/** The letter that begins there, of two bytes; NULL when it is none. */
static const struct latin *latin_of(const char *s, size_t n, bool title)
{
	uint8_t lead = (uint8_t)s[0];
	if (lead < 0xc3 || lead > 0xc5 || n < 2 || ((uint8_t)s[1] & 0xc0) != 0x80)
		return NULL;
	const struct latin *l = &latin[title][((lead & 0x1f) << 6 | (s[1] & 0x3f)) - LATIN_FIRST];
	return l->n ? l : NULL;
}

/** False when there is something that is neither ASCII nor such a letter. */
static bool fold_latin(const char *s, size_t n, bool title, struct buf *out)
{
	size_t start = out->len;
	bool gap = false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		const struct latin *l = (uint8_t)c < 0x80 ? NULL : latin_of(s + i, n - i, title);
		if ((uint8_t)c >= 0x80 && !l)
			return false;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		bool word = l || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!word && (title || c <= ' ' || c == 0x7f)) {
			gap = true;
			continue;
		}
		if (gap && out->len > start)
			buf_addc(out, ' ');
		gap = false;
		buf_add(out, l ? l->text : &c, l ? l->n : 1);
		i += l != NULL;
	}
	return true;
}

static int fold(const char *s, size_t n, bool title, struct buf *out)
{
	size_t start = out->len;
	pthread_once(&latin_made, make_latin);
	if (fold_latin(s, n, title, out))
		return out->error;
	out->len = start;
	return fold_any(s, n, title, out);
}

int text_fold_case(const char *s, size_t n, struct buf *out)
{
	return fold(s, n, false, out);
}

int text_fold_title(const char *s, size_t n, struct buf *out)
{
	size_t start = out->len;
	int r = fold(s, n, true, out);
	if (r == 0 && out->len == start)
		return fold(s, n, false, out);
	return r;
}

static bool is_unsafe(uint32_t cp)
{
	return cp == '/' || cp == '\\' || cp == ':' || cp == '*' || cp == '?' || cp == '"' ||
	       cp == '<' || cp == '>' || cp == '|' || text_is_control(cp);
}

void text_safe_name(const char *s, size_t n, size_t reserve, struct buf *out)
{
	size_t start = out->len, max = 255 - reserve;
	for (size_t i = 0; i < n && !out->error;) {
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		if (out->len - start + 4 > max + 4)
			break;
		i += length ? length : 1;
		if (!length || is_unsafe(cp) || (cp == '.' && out->len == start))
			buf_addc(out, '_');
		else
			text_append(out, cp);
	}
	if (out->error)
		return;
	out->len = start + text_cut(buf_str(out) + start, out->len - start, max);
	while (out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
	if (out->data)
		out->data[out->len] = '\0';
	if (out->len == start)
		buf_addc(out, '_');
}

unsigned text_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	unsigned row[MOST + 1];
	size_t na = strnlen(a, MOST), nb = strnlen(b, MOST);
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[nb];
}

uint64_t text_hash(const char *text, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}
