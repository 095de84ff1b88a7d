/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/render.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <utf8proc.h>

#include "common/text.h"

void json_init(struct json *j, struct buf *out, int pretty)
{
	*j = (struct json){.out = out, .pretty = pretty};
}

static void newline(struct json *j)
{
	buf_addc(j->out, '\n');
	for (int i = 0; i < j->depth; i++)
		buf_adds(j->out, "  ");
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
	if (j->has_item[j->depth - 1])
		buf_addc(j->out, ',');
	if (j->depth <= j->pretty)
		newline(j);
	else if (j->has_item[j->depth - 1])
		buf_addc(j->out, ' ');
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
	before_item(j);
	buf_addc(j->out, '"');
	buf_adds(j->out, key);
	buf_adds(j->out, "\": ");
	j->after_key = true;
}

/** Bytes at the start of @s that stand for themselves in JSON. */
static size_t json_plain_run(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && (uint8_t)s[i] >= 0x20 && (uint8_t)s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
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
	if (v < 0)
		buf_addc(j->out, '-');
	buf_add_u64(j->out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_real(struct json *j, double v, int digits)
{
	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	if (v == floor(v) && fabs(v) < 1e15) {
		json_int(j, (int64_t)v);
		return;
	}
	before_item(j);
	char text[64];
	int n = snprintf(text, sizeof text, "%.*f", digits, v);
	while (n > 0 && text[n - 1] == '0')
		n--;
	if (n > 0 && text[n - 1] == '.')
		n--;
	buf_add(j->out, text, (size_t)n);
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
	_buf_ struct buf text = BUF_INIT(64);
	time_rfc3339(ns, &text);
	json_text(j, buf_str(&text), text.len);
}

static void base64(const char *s, size_t n, struct buf *out)
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
	base64(s, n, &encoded);
	json_key(j, buf_str(&name));
	json_text(j, buf_str(&encoded), encoded.len);
}

/** Bytes from the start that are printable ASCII: most of all text. */
static size_t ascii_run(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && s[i] >= ' ' && s[i] <= '~')
		i++;
	return i;
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

void time_rfc3339(int64_t ns, struct buf *out)
{
	time_t seconds = (time_t)(ns / 1000000000);
	int64_t rest = ns % 1000000000;
	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	struct tm tm;
	if (!gmtime_r(&seconds, &tm))
		return;
	/* tables have thousands: printf takes longer than all else of a row */
	const int parts[] = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
	char text[] = "0000-00-00T00:00:00";
	if (parts[0] < 0 || parts[0] > 9999)
		return;
	for (int i = 0, at = 2; i < 6; i++, at += 3) {
		text[at] = (char)('0' + parts[i] / 10 % 10);
		text[at + 1] = (char)('0' + parts[i] % 10);
	}
	text[0] = (char)('0' + parts[0] / 1000);
	text[1] = (char)('0' + parts[0] / 100 % 10);
	buf_add(out, text, sizeof text - 1);
	if (rest >= 1000000)
		buf_addf(out, ".%03d", (int)(rest / 1000000));
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

/* --- columns: cells are kept as text with a NUL behind each --- */

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

/** Terminal cells of valid UTF-8 (East Asian wide characters take two). */
static unsigned width_of(const char *s, size_t n)
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

void table_cell(struct table *t, const char *s, size_t n)
{
	size_t start = t->cells.len;
	text_escape(s, n, &t->cells);
	int column = t->filled++ % t->columns;
	unsigned width = width_of(buf_str(&t->cells) + start, t->cells.len - start);
	if (width > t->width[column])
		t->width[column] = width;
	buf_addc(&t->cells, '\0');
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

static void pad(struct buf *out, unsigned n)
{
	static const char spaces[] = "                                ";
	while (n > 0) {
		unsigned k = n < sizeof spaces - 1 ? n : (unsigned)sizeof spaces - 1;
		buf_add(out, spaces, k);
		n -= k;
	}
}

void table_write(struct table *t, struct buf *out)
{
	enum { WIDEST = 60 };
	const char *cell = buf_str(&t->cells);
	/* behind the last cell of the row that is not empty */
	size_t end = out->len;
	for (int i = 0; i < t->filled; i++) {
		int column = i % t->columns;
		size_t n = strlen(cell);
		if (column == 0 && i < t->columns)
			buf_adds(out, "# ");
		else if (column == 0)
			buf_adds(out, "  ");
		buf_add(out, cell, n);
		end = n || column == 0 ? out->len : end;
		bool last = column == t->columns - 1;
		unsigned width = width_of(cell, n);
		unsigned want = t->width[column] < WIDEST ? t->width[column] : WIDEST;
		if (!last)
			pad(out, (width < want ? want - width : 0) + 2);
		if (last && !out->error)
			out->len = end;
		if (last)
			buf_addc(out, '\n');
		cell += n + 1;
	}
	if (t->cells.error)
		out->error = t->cells.error;
}
