/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/media.h"

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

enum {
	/** Rank of a value that came along with another field's ("3/12", the year of a date). */
	RANK_DERIVED = 100,
	/** Larger numbers in tags are nonsense. */
	NUMBER_MAX = 999999999,
};

void media_init(struct media *m)
{
	memset(m, 0, sizeof *m);
	m->pool = BUF_INIT(MEDIA_POOL_MAX);
}

void media_clear(struct media *m)
{
	buf_clear(&m->pool);
	m->set = 0;
}

void media_reset(struct media *m)
{
	buf_reset(&m->pool);
	m->set = 0;
}

static void mark(struct media *m, enum field_id f, int rank)
{
	m->set |= UINT64_C(1) << f;
	m->rank[f] = (uint8_t)(rank < 0 ? 0 : rank > UINT8_MAX ? UINT8_MAX : rank);
}

void media_set_int(struct media *m, enum field_id f, int64_t v)
{
	if (field_is_text(f))
		return;
	if (field_is_real(f))
		m->value[f].d = (double)v;
	else
		m->value[f].i = v;
	mark(m, f, 0);
}

void media_set_real(struct media *m, enum field_id f, double v)
{
	if (!field_is_real(f) || !isfinite(v))
		return;
	m->value[f].d = v;
	mark(m, f, 0);
}

/* --- the pool of texts --- */

/** Drops the texts that nothing points at any more. */
static void pool_compact(struct media *m)
{
	_buf_ struct buf old = m->pool;
	m->pool = BUF_INIT(old.max);
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		if (!field_is_text(f) || !media_has(m, f))
			continue;
		struct media_text *t = &m->value[f].t;
		uint32_t at = (uint32_t)m->pool.len;
		buf_add(&m->pool, buf_str(&old) + t->offset, t->length);
		t->offset = at;
	}
}

/** Whether @n more bytes fit, after tidying when need be.  Never makes the pool fail for good. */
static bool pool_room(struct media *m, size_t n)
{
	if (m->pool.error || n > m->pool.max)
		return false;
	if (m->pool.len <= m->pool.max - n)
		return true;
	pool_compact(m);
	return !m->pool.error && m->pool.len <= m->pool.max - n;
}

/** Takes back what was added behind @len. */
static void pool_cut(struct media *m, size_t len)
{
	m->pool.len = len;
	if (m->pool.data)
		m->pool.data[len] = '\0';
}

/** Most that text_clean() adds: a bad byte becomes three, and it passes the limit to cut. */
static size_t clean_most(size_t n)
{
	return (n < MEDIA_TEXT_MAX / 3 ? n * 3 : MEDIA_TEXT_MAX) + 8;
}

static bool set_text(struct media *m, enum field_id f, int rank, const char *text, size_t n)
{
	if (!field_is_text(f) || n == 0 || !pool_room(m, clean_most(n)))
		return false;
	size_t at = m->pool.len;
	text_clean(text, n, MEDIA_TEXT_MAX, &m->pool);
	size_t length = m->pool.len - at;
	if (m->pool.error || length == 0)
		return false;
	m->value[f].t = (struct media_text){(uint32_t)at, (uint32_t)length};
	mark(m, f, rank);
	return true;
}

void media_set_text(struct media *m, enum field_id f, const char *text, size_t n)
{
	set_text(m, f, 0, text, n);
}

/** Whether the list @list has the item @s already. */
static bool list_has(const char *list, size_t n, const char *s, size_t length)
{
	for (size_t i = 0; i <= n;) {
		const char *stop = memchr(list + i, FIELD_SEPARATOR, n - i);
		size_t item = stop ? (size_t)(stop - (list + i)) : n - i;
		if (item == length && memcmp(list + i, s, length) == 0)
			return true;
		i += item + 1;
	}
	return false;
}

void media_add_text(struct media *m, enum field_id f, const char *text, size_t n)
{
	if (!media_has(m, f)) {
		set_text(m, f, 0, text, n);
		return;
	}
	size_t room = clean_most(n) + m->value[f].t.length + 1;
	if (!field_is_text(f) || !pool_room(m, room))
		return;
	size_t before = m->pool.len;
	struct media_text list = m->value[f].t;
	if (list.offset + list.length != before) {
		/* Room is reserved first, for buf_add() may move the bytes it copies from. */
		if (buf_reserve(&m->pool, list.length) < 0)
			return;
		buf_add(&m->pool, m->pool.data + list.offset, list.length);
		list.offset = (uint32_t)before;
	}
	size_t end = m->pool.len;
	buf_addc(&m->pool, FIELD_SEPARATOR);
	text_clean(text, n, MEDIA_TEXT_MAX, &m->pool);
	if (m->pool.error)
		return;
	size_t length = m->pool.len - end - 1;
	const char *data = m->pool.data;
	if (length == 0 || list.length + 1 + length > MEDIA_TEXT_MAX ||
	    list_has(data + list.offset, list.length, data + end + 1, length)) {
		pool_cut(m, before);
		return;
	}
	list.length += (uint32_t)length + 1;
	m->value[f].t = list;
}

void media_set_json(struct media *m, enum field_id f, const char *json, size_t n)
{
	if (FIELDS_TABLE[f].kind == KIND_JSON)
		media_set_stored(m, f, json, n);
}

void media_set_stored(struct media *m, enum field_id f, const char *text, size_t n)
{
	if (!field_is_text(f) || n == 0 || !pool_room(m, n))
		return;
	size_t at = m->pool.len;
	if (buf_add(&m->pool, text, n) < 0)
		return;
	m->value[f].t = (struct media_text){(uint32_t)at, (uint32_t)n};
	mark(m, f, 0);
}

void media_set_same(struct media *m, enum field_id f, enum field_id other)
{
	if (!media_has(m, other) || !field_is_text(f) || !field_is_text(other))
		return;
	m->value[f].t = m->value[other].t;
	mark(m, f, 0);
}

const char *media_text(const struct media *m, enum field_id f, size_t *n)
{
	if (!media_has(m, f) || !field_is_text(f)) {
		*n = 0;
		return "";
	}
	*n = m->value[f].t.length;
	return buf_str(&m->pool) + m->value[f].t.offset;
}

int64_t media_int(const struct media *m, enum field_id f, int64_t otherwise)
{
	if (!media_has(m, f) || field_is_text(f) || field_is_real(f))
		return otherwise;
	return m->value[f].i;
}

double media_real(const struct media *m, enum field_id f, double otherwise)
{
	return media_has(m, f) && field_is_real(f) ? m->value[f].d : otherwise;
}

/* --- what tags say --- */

static void skip_blanks(const char **s, size_t *n)
{
	while (*n && (uint8_t)**s <= ' ') {
		++*s;
		--*n;
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Takes leading digits off.  Returns the number, -1 when there is none or it is too large. */
static int64_t take_number(const char **s, size_t *n)
{
	skip_blanks(s, n);
	int64_t v = -1;
	while (*n && is_digit(**s)) {
		v = (v < 0 ? 0 : v) * 10 + (**s - '0');
		++*s;
		--*n;
		if (v > NUMBER_MAX)
			return -1;
	}
	return v;
}

/** Whether a value of this rank should replace what is there. */
static bool is_better(const struct media *m, enum field_id f, int rank)
{
	return !media_has(m, f) || rank < m->rank[f];
}

static void tag_number(struct media *m, enum field_id f, int rank, int64_t v)
{
	if (v < 0 || !is_better(m, f, rank))
		return;
	m->value[f].i = v;
	mark(m, f, rank);
}

static void tag_int(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	tag_number(m, f, rank, take_number(&s, &n));
}

static void tag_signed(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	skip_blanks(&s, &n);
	bool is_negative = n && *s == '-';
	if (n && (*s == '-' || *s == '+')) {
		s++;
		n--;
	}
	int64_t v = n && is_digit(*s) ? take_number(&s, &n) : -1;
	if (v < 0 || !is_better(m, f, rank))
		return;
	m->value[f].i = is_negative ? -v : v;
	mark(m, f, rank);
}

static void tag_pair(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	tag_number(m, f, rank, take_number(&s, &n));
	skip_blanks(&s, &n);
	if (n == 0 || *s != '/')
		return;
	s++;
	n--;
	int64_t total = take_number(&s, &n);
	if (total > 0)
		tag_number(m, f + 1, RANK_DERIVED + rank, total);
}

/** The first four digits in a row that can be a year. */
static int64_t find_year(const char *s, size_t n)
{
	for (size_t i = 0, run = 0; i < n; i++) {
		run = is_digit(s[i]) ? run + 1 : 0;
		if (run != 4)
			continue;
		int64_t year = (s[i - 3] - '0') * 1000 + (s[i - 2] - '0') * 100 +
			       (s[i - 1] - '0') * 10 + (s[i] - '0');
		if (year >= 1000 && year < 3000)
			return year;
	}
	return -1;
}

static void tag_date(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	if (!is_better(m, f, rank) || !set_text(m, f, rank, s, n))
		return;
	/* The year follows the date that won, but never one that was set by itself. */
	tag_number(m, FIELD_year, RANK_DERIVED + rank, find_year(s, n));
}

/* No strtod(): its decimal point depends on the locale, and it takes "inf" and "0x1p9". */
static bool parse_real(const char *s, size_t n, double *v)
{
	skip_blanks(&s, &n);
	bool minus = n && *s == '-';
	if (n && (*s == '-' || *s == '+')) {
		s++;
		n--;
	}
	uint64_t digits = 0, scale = 1;
	bool any = false, fraction = false;
	for (; n; s++, n--) {
		if (!fraction && (*s == '.' || *s == ',')) {
			fraction = true;
			continue;
		}
		if (!is_digit(*s))
			break;
		any = true;
		if (digits >= UINT64_C(100000000000000)) {
			/* Past fifteen digits: decimals are noise, a whole number is nonsense. */
			if (!fraction)
				return false;
			continue;
		}
		digits = digits * 10 + (uint64_t)(*s - '0');
		scale *= fraction ? 10 : 1;
	}
	*v = (double)digits / (double)scale;
	if (minus)
		*v = -*v;
	return any;
}

static void tag_real(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	double v;
	if (!is_better(m, f, rank) || !parse_real(s, n, &v))
		return;
	m->value[f].d = v;
	mark(m, f, rank);
}

static void tag_bool(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	skip_blanks(&s, &n);
	if (n == 0)
		return;
	bool yes = (*s >= '1' && *s <= '9') || *s == 'y' || *s == 'Y' || *s == 't' || *s == 'T';
	tag_number(m, f, rank, yes);
}

static void tag_text(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	if (is_better(m, f, rank))
		set_text(m, f, rank, s, n);
}

static void tag_list(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	if (is_better(m, f, rank))
		set_text(m, f, rank, s, n);
	else if (rank == m->rank[f])
		media_add_text(m, f, s, n);
}

/** The name for what stands in an ID3 genre's parentheses, or as the whole of a genre. */
static const char *genre_of(const char *s, size_t n)
{
	if (n == 2 && memcmp(s, "RX", 2) == 0)
		return "Remix";
	if (n == 2 && memcmp(s, "CR", 2) == 0)
		return "Cover";
	if (n == 0 || n > 3)
		return NULL;
	size_t left = n;
	int64_t number = take_number(&s, &left);
	return left == 0 && number >= 0 ? field_genre_name((unsigned)number) : NULL;
}

/** "Rock", "17", "(17)", "(4)Eurodisco", "(51)(39)", "((not a number) at all". */
static void tag_genre(struct media *m, enum field_id f, int rank, const char *s, size_t n)
{
	skip_blanks(&s, &n);
	while (n > 2 && *s == '(') {
		const char *close = memchr(s, ')', n);
		const char *name = close ? genre_of(s + 1, (size_t)(close - s) - 1) : NULL;
		if (!name)
			break;
		tag_list(m, f, rank, name, strlen(name));
		n -= (size_t)(close + 1 - s);
		s = close + 1;
	}
	if (n > 1 && s[0] == '(' && s[1] == '(') {
		s++;
		n--;
	}
	const char *name = genre_of(s, n);
	if (name)
		tag_list(m, f, rank, name, strlen(name));
	else
		tag_list(m, f, rank, s, n);
}

void media_set_tag(struct media *m, enum field_id f, int rank, const char *text, size_t n)
{
	static void (*const readers[])(struct media *, enum field_id, int, const char *, size_t) = {
		[KIND_TEXT] = tag_text, [KIND_LIST] = tag_list, [KIND_GENRE] = tag_genre,
		[KIND_INT] = tag_int,   [KIND_PAIR] = tag_pair, [KIND_DATE] = tag_date,
		[KIND_REAL] = tag_real, [KIND_BOOL] = tag_bool, [KIND_SIGNED] = tag_signed,
		[KIND_JSON] = NULL,
	};
	if (f >= FIELD_COUNT || !readers[FIELDS_TABLE[f].kind])
		return;
	readers[FIELDS_TABLE[f].kind](m, f, rank, text, n);
}

bool media_is_same(const struct media *a, const struct media *b, enum field_id f)
{
	size_t n, m;
	if (media_has(a, f) != media_has(b, f) || !media_has(a, f))
		return media_has(a, f) == media_has(b, f);
	if (field_is_real(f))
		return a->value[f].d == b->value[f].d;
	if (!field_is_text(f))
		return a->value[f].i == b->value[f].i;
	const char *x = media_text(a, f, &n), *y = media_text(b, f, &m);
	return n == m && memcmp(x, y, n) == 0;
}
