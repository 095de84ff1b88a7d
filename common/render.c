/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/render.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "common/cleanup.h"
#include "common/text.h"

/* --- plain text, which is most of all text, is looked at eight bytes at a time --- */

#define EACH(byte) ((byte) * UINT64_C(0x0101010101010101))

static bool has_byte(uint64_t eight, uint8_t byte)
{
	uint64_t x = eight ^ EACH(byte);
	return (x - EACH(1)) & ~x & EACH(0x80);
}

/** Any that is no printable ASCII: 0x20 to 0x7e. */
static bool has_other(uint64_t eight)
{
	return (eight | ~(eight + EACH(0x60)) | (eight + EACH(1))) & EACH(0x80);
}

static inline size_t plain_run(const char *s, size_t n, bool json)
{
	size_t i = 0;
	for (uint64_t eight; n - i >= sizeof eight; i += sizeof eight) {
		memcpy(&eight, s + i, sizeof eight);
		if (has_other(eight) || (json && (has_byte(eight, '"') || has_byte(eight, '\\'))))
			break;
	}
	while (i < n && s[i] >= ' ' && s[i] <= '~' && !(json && (s[i] == '"' || s[i] == '\\')))
		i++;
	return i;
}

/** Bytes from the start that are printable ASCII. */
static size_t ascii_run(const char *s, size_t n)
{
	return plain_run(s, n, false);
}

/** Bytes from the start that stand for themselves in JSON. */
static size_t json_plain_run(const char *s, size_t n)
{
	return plain_run(s, n, true);
}

void json_init(struct json *j, struct buf *out, int pretty)
{
	*j = (struct json){.out = out, .pretty = pretty};
}

static void newline(struct json *j)
{
	size_t spaces = 2 * (size_t)j->depth;
	char *at = buf_extend(j->out, 1 + spaces);
	if (!at)
		return;
	*at = '\n';
	memset(at + 1, ' ', spaces);
}

/** Comma and line break before an item or key. */
static void before_item(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->depth == 0)
		return;
	bool is_line = j->depth <= j->pretty;
	if (j->has_item[j->depth - 1])
		buf_add(j->out, ", ", is_line ? 1 : 2);
	if (is_line)
		newline(j);
	j->has_item[j->depth - 1] = true;
}

static void open_scope(struct json *j, char c)
{
	before_item(j);
	buf_addc(j->out, c);
	if (j->depth == JSON_DEPTH) {
		j->out->error = j->out->error ? j->out->error : -7 /* E2BIG */;
		return;
	}
	j->has_item[j->depth++] = false;
}

static void close_scope(struct json *j, char c)
{
	if (j->depth == 0)
		return;
	bool any = j->has_item[--j->depth];
	if (any && j->depth < j->pretty)
		newline(j);
	buf_addc(j->out, c);
	if (j->depth == 0 && j->pretty)
		buf_addc(j->out, '\n');
}

void json_object(struct json *j)
{
	open_scope(j, '{');
}

void json_end_object(struct json *j)
{
	close_scope(j, '}');
}

void json_array(struct json *j)
{
	open_scope(j, '[');
}

void json_end_array(struct json *j)
{
	close_scope(j, ']');
}

void json_key(struct json *j, const char *key)
{
	size_t n = strlen(key);
	before_item(j);
	char *at = buf_extend(j->out, n + 4);
	if (at) {
		*at = '"';
		memcpy(at + 1, key, n);
		memcpy(at + 1 + n, "\": ", 3);
	}
	j->after_key = true;
}

static void json_escape(struct buf *out, uint32_t cp)
{
	if (cp == '"' || cp == '\\') {
		buf_addc(out, '\\');
		buf_addc(out, (char)cp);
	} else if (cp == '\n') {
		buf_adds(out, "\\n");
	} else if (cp == '\t') {
		buf_adds(out, "\\t");
	} else if (text_is_control(cp) && cp < 0x10000) {
		buf_addf(out, "\\u%04x", cp);
	} else if (text_is_control(cp)) {
		uint32_t v = cp - 0x10000;
		buf_addf(out, "\\u%04x\\u%04x", 0xd800 + (v >> 10), 0xdc00 + (v & 0x3ff));
	} else {
		text_append(out, cp);
	}
}

void json_text(struct json *j, const char *s, size_t n)
{
	before_item(j);
	if (json_plain_run(s, n) == n) {
		/* most are: in one go */
		char *at = buf_extend(j->out, n + 2);
		if (at) {
			at[0] = at[n + 1] = '"';
			if (n)
				memcpy(at + 1, s, n);
		}
		return;
	}
	buf_addc(j->out, '"');
	for (size_t i = 0; i < n;) {
		size_t run = json_plain_run(s + i, n - i);
		buf_add(j->out, s + i, run);
		i += run;
		if (i == n)
			break;
		uint32_t cp = 0xfffd;
		size_t length = text_decode(s + i, n - i, &cp);
		json_escape(j->out, cp);
		i += length ? length : 1;
	}
	buf_addc(j->out, '"');
}

void json_int(struct json *j, int64_t v)
{
	before_item(j);
	buf_add_i64(j->out, v);
}

void json_real(struct json *j, double v, int digits)
{
	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	before_item(j);
	real_text(v, digits, j->out);
}

void json_bool(struct json *j, bool v)
{
	before_item(j);
	buf_adds(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
	before_item(j);
	buf_adds(j->out, "null");
}

void json_raw(struct json *j, const char *s, size_t n)
{
	before_item(j);
	buf_add(j->out, s, n);
}

void json_kv_text(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_text(j, s, strlen(s));
}

void json_kv_int(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_int(j, v);
}

void json_kv_real(struct json *j, const char *key, double v, int digits)
{
	json_key(j, key);
	json_real(j, v, digits);
}

void json_kv_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void json_kv_time(struct json *j, const char *key, int64_t ns)
{
	json_key(j, key);
	if (ns == 0) {
		json_null(j);
		return;
	}
	before_item(j);
	/* rows of one commit have one time */
	if (ns == j->last.ns) {
		buf_add(j->out, j->last.text, j->last.n);
		return;
	}
	size_t start = j->out->len;
	buf_addc(j->out, '"');
	time_rfc3339(ns, j->out);
	buf_addc(j->out, '"');
	size_t n = j->out->len - start;
	if (buf_error(j->out) || n > sizeof j->last.text)
		return;
	memcpy(j->last.text, j->out->data + start, n);
	j->last.n = n;
	j->last.ns = ns;
}

void text_base64(const char *s, size_t n, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)s[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)(uint8_t)s[i + 1] << 8;
		if (i + 2 < n)
			v |= (uint8_t)s[i + 2];
		buf_addc(out, digits[v >> 18]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digits[v & 63] : '=');
	}
}

void json_kv_path(struct json *j, const char *key, const char *s, size_t n)
{
	json_key(j, key);
	json_text(j, s, n);
	if (text_is_utf8(s, n))
		return;
	_buf_ struct buf name = BUF_INIT(64);
	buf_addf(&name, "%s_bytes", key);
	_buf_ struct buf encoded = BUF_INIT(n * 2 + 8);
	text_base64(s, n, &encoded);
	json_key(j, buf_str(&name));
	json_text(j, buf_str(&encoded), encoded.len);
}

void text_escape(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		size_t run = ascii_run(s + i, n - i);
		buf_add(out, s + i, run);
		i += run;
		if (i == n)
			break;
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		size_t bytes = length ? length : 1;
		if (length && !text_is_control(cp)) {
			buf_add(out, s + i, bytes);
		} else {
			for (size_t k = 0; k < bytes; k++)
				buf_addf(out, "\\x%02x", (uint8_t)s[i + k]);
		}
		i += bytes;
	}
}

static bool is_formula(const char *s, size_t n)
{
	return n && memchr("=+-@\t\r", s[0], 6) != NULL;
}

void csv_text(struct buf *out, const char *s, size_t n)
{
	bool quote = is_formula(s, n) || (n && (memchr(s, ',', n) || memchr(s, '"', n) ||
						memchr(s, '\n', n) || memchr(s, '\r', n)));
	if (quote)
		buf_addc(out, '"');
	if (is_formula(s, n))
		buf_addc(out, '\'');
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0xfffd;
		size_t length = text_decode(s + i, n - i, &cp);
		i += length ? length : 1;
		if (text_is_control(cp) && cp != '\n' && cp != '\t')
			cp = 0xfffd;
		if (cp == '"')
			buf_addc(out, '"');
		text_append(out, cp);
	}
	if (quote)
		buf_addc(out, '"');
}

/** The Gregorian date of a day since 1970, as year × 10000 + month × 100 + day.  From March on a year has its
 * months in a row, the leap day last; 400 years are always 146097 days. */
static unsigned date_of(int64_t day)
{
	unsigned n = (unsigned)(day + 719468), cycle = n / 146097, rest = n % 146097;
	unsigned year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	unsigned since_march = rest - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * since_march + 2) / 153;
	unsigned of_month = since_march - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	return (cycle * 400 + year + (month <= 2)) * 10000 + month * 100 + of_month;
}

/** @v < 100; behind them. */
static char *two_digits(char *at, unsigned v)
{
	at[0] = (char)('0' + v / 10);
	at[1] = (char)('0' + v % 10);
	return at + 2;
}

/* Tables have thousands: gmtime_r() and printf take longer than all else of a row.  64 bits of nanoseconds are
 * the years 1677 to 2262. */
void time_text(int64_t ns, char between, char text[TIME_CHARS])
{
	enum { DAY_S = 86400 };
	int64_t seconds = ns / 1000000000 - (ns % 1000000000 < 0);
	int64_t day = seconds / DAY_S - (seconds % DAY_S < 0);
	unsigned date = date_of(day), second = (unsigned)(seconds - day * DAY_S);
	const unsigned rest[] = {date / 100 % 100, date % 100, second / 3600, second / 60 % 60, second % 60};
	const char before[] = {'-', '-', between, ':', ':'};
	char *at = two_digits(two_digits(text, date / 1000000), date / 10000 % 100);
	for (int i = 0; i < 5; i++) {
		*at = before[i];
		at = two_digits(at + 1, rest[i]);
	}
}

void time_rfc3339(int64_t ns, struct buf *out)
{
	char text[TIME_CHARS], ms[] = ".000";
	int64_t rest = ns % 1000000000;
	unsigned v = (unsigned)((rest < 0 ? rest + 1000000000 : rest) / 1000000);
	time_text(ns, 'T', text);
	buf_add(out, text, sizeof text);
	ms[1] = (char)('0' + v / 100);
	two_digits(ms + 2, v % 100);
	if (v)
		buf_add(out, ms, sizeof ms - 1);
	buf_addc(out, 'Z');
}

void human_bytes(uint64_t bytes, struct buf *out)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double v = (double)bytes;
	size_t u = 0;
	while (v >= 1024 && u < 5) {
		v /= 1024;
		u++;
	}
	if (u == 0)
		buf_addf(out, "%" PRIu64 " B", bytes);
	else
		buf_addf(out, "%.1f %s", v, units[u]);
}

void human_duration(double seconds, struct buf *out)
{
	if (!(seconds >= 0) || seconds > 1e9) {
		buf_adds(out, "?");
		return;
	}
	long s = (long)(seconds + 0.5);
	if (seconds < 10)
		buf_addf(out, "%.1f s", seconds);
	else if (s < 60)
		buf_addf(out, "%ld s", s);
	else if (s < 3600)
		buf_addf(out, "%ld m %ld s", s / 60, s % 60);
	else if (s < 86400)
		buf_addf(out, "%ld h %ld m", s / 3600, s % 3600 / 60);
	else
		buf_addf(out, "%ld d %ld h", s / 86400, s % 86400 / 3600);
}

/* --- columns: a cell is kept as struct cell and its text --- */

struct cell {
	uint32_t len, width;
};

void table_init(struct table *t, int columns)
{
	*t = (struct table){.columns = columns, .cells = BUF_INIT((size_t)256 << 20)};
}

void table_open(struct table *t, const char *const *head, int columns)
{
	table_init(t, columns);
	for (int i = 0; i < columns; i++)
		table_cell(t, head[i], strlen(head[i]));
}

void table_clear(struct table *t)
{
	buf_clear(&t->cells);
}

unsigned text_width(const char *s, size_t n)
{
	unsigned width = 0;
	for (size_t i = 0; i < n;) {
		size_t run = ascii_run(s + i, n - i);
		width += (unsigned)run;
		i += run;
		if (i == n)
			break;
		uint32_t cp = 0;
		size_t length = text_decode(s + i, n - i, &cp);
		int w = cp < 0x7f ? 1 : utf8proc_charwidth((utf8proc_int32_t)cp);
		width += w > 0 ? (unsigned)w : 0;
		i += length ? length : 1;
	}
	return width;
}

/** @text: of the cell, the last of t->cells. */
static void end_cell(struct table *t, char *text, size_t n, size_t width)
{
	struct cell cell = {.len = (uint32_t)n, .width = (uint32_t)width};
	memcpy(text - sizeof cell, &cell, sizeof cell);
	if (cell.width > t->width[t->column])
		t->width[t->column] = cell.width;
	t->column = t->column + 1 < t->columns ? t->column + 1 : 0;
	t->filled++;
}

static void escaped_cell(struct table *t, const char *s, size_t n)
{
	size_t start = t->cells.len + sizeof(struct cell);
	buf_extend(&t->cells, sizeof(struct cell));
	text_escape(s, n, &t->cells);
	if (t->cells.error)
		return;
	char *text = t->cells.data + start;
	n = t->cells.len - start;
	end_cell(t, text, n, text_width(text, n));
}

void table_cell(struct table *t, const char *s, size_t n)
{
	if (ascii_run(s, n) < n) {
		escaped_cell(t, s, n);
		return;
	}
	char *at = buf_extend(&t->cells, sizeof(struct cell) + n);
	if (!at)
		return;
	if (n)
		memcpy(at + sizeof(struct cell), s, n);
	end_cell(t, at + sizeof(struct cell), n, n);
}

void table_cell_int(struct table *t, int64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	for (; rest || at == sizeof digits; rest /= 10)
		digits[--at] = (char)('0' + rest % 10);
	if (v < 0)
		digits[--at] = '-';
	table_cell(t, digits + at, sizeof digits - at);
}

void table_cells(struct table *t, const char *s)
{
	table_cell(t, s, strlen(s));
}

void table_cellf(struct table *t, const char *format, ...)
{
	_buf_ struct buf text = BUF_INIT(4096);
	va_list args;
	va_start(args, format);
	buf_addv(&text, format, args);
	va_end(args);
	table_cell(t, buf_str(&text), text.len);
}

/** A cell as wide as its column wants it, and two spaces more unless it is the @last. */
static void write_cell(struct buf *out, const char *text, struct cell cell, unsigned want, bool last)
{
	size_t spaces = last ? 0 : (cell.width < want ? want - cell.width : 0) + 2;
	char *at = buf_extend(out, cell.len + spaces);
	if (!at)
		return;
	memcpy(at, text, cell.len);
	memset(at + cell.len, ' ', spaces);
}

void table_write(struct table *t, struct buf *out)
{
	enum { WIDEST = 60 };
	const char *at = t->cells.data;
	/* behind the last cell of the row that is not empty */
	size_t end = out->len;
	if (t->cells.error)
		out->error = t->cells.error;
	for (int i = 0, column = 0; i < t->filled && !out->error; i++) {
		bool last = column == t->columns - 1;
		struct cell cell;
		memcpy(&cell, at, sizeof cell);
		at += sizeof cell;
		if (column == 0)
			buf_add(out, i ? "  " : "# ", 2);
		if (cell.len || column == 0)
			end = out->len + cell.len;
		write_cell(out, at, cell, t->width[column] < WIDEST ? t->width[column] : WIDEST, last);
		at += cell.len;
		column = last ? 0 : column + 1;
		if (last && !out->error) {
			out->len = end;
			buf_addc(out, '\n');
		}
	}
}
