/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/html.h"

#include <ctype.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/text.h"

static const char *reference(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : "&#39;";
}

static size_t plain_run(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && s[i] != '&' && s[i] != '<' && s[i] != '>' && s[i] != '"' && s[i] != '\'')
		i++;
	return i;
}

void html_text(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		size_t run = plain_run(s + i, n - i);
		text_escape(s + i, run, out);
		i += run;
		if (i < n)
			buf_adds(out, reference(s[i++]));
	}
}

/** As many characters as @most bytes hold when they are written, instead of what is in @out; returns their bytes. */
static size_t write_some(const char *s, size_t n, size_t most, struct buf *out)
{
	size_t i = 0, fits = 0;
	buf_reset(out);
	while (i < n) {
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		length = length ? length : 1;
		html_text(s + i, length, out);
		if (out->len > most)
			break;
		fits = out->len;
		i += length;
	}
	out->len = fits;
	out->data[fits] = '\0';
	return i;
}

void html_foreign(const char *s, size_t n, struct buf *out)
{
	size_t shown = text_cut(s, n, HTML_TEXT_MAX);
	_buf_ struct buf text = BUF_INIT(HTML_TEXT_MAX * 8);
	html_text(s, shown, &text);
	if (text.len > HTML_WRITTEN_MAX)
		shown = write_some(s, shown, HTML_WRITTEN_MAX, &text);
	buf_adds(out, "<bdi>");
	buf_add(out, text.data, text.len);
	buf_adds(out, shown < n ? "…</bdi>" : "</bdi>");
}

void html_address(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];
		if (c < 0x80 && (isalnum(c) || memchr("-._~/", c, 5)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

void html_number(int64_t v, struct buf *out)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0 && digits[i - 1] != '-')
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
}

void html_time(int64_t ns, struct buf *out)
{
	char text[TIME_CHARS];
	if (!ns) {
		buf_adds(out, "–");
		return;
	}
	ns = ns / 1000000000 * 1000000000;
	time_text(ns, ' ', text);
	buf_adds(out, "<time datetime=\"");
	time_rfc3339(ns, out);
	/* without the seconds */
	buf_addf(out, "\">%.16s UTC</time>", text);
}

void html_tag(const char *tone, const char *word, struct buf *out)
{
	buf_addf(out, "<span class=\"tag %s\">", tone);
	html_text(word, strlen(word), out);
	buf_adds(out, "</span>");
}

void html_command(const char *line, struct buf *out)
{
	buf_adds(out, "<span class=\"command\"><code dir=\"ltr\">");
	html_text(line, strlen(line), out);
	buf_adds(out, "</code></span>");
}

static bool needs_no_quotes(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-._/+:@%,", s[i]))
			return false;
	return n > 0;
}

static bool can_be_shown(const char *s, size_t n)
{
	_buf_ struct buf shown = BUF_INIT(n * 4 + 1);
	text_escape(s, n, &shown);
	return shown.len == n && !memchr(s, '\\', n);
}

void shell_word(const char *word, size_t n, struct buf *out)
{
	if (needs_no_quotes(word, n)) {
		buf_add(out, word, n);
		return;
	}
	bool is_plain = can_be_shown(word, n);
	buf_adds(out, is_plain ? "'" : "$'");
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)word[i];
		if (is_plain && c == '\'')
			buf_adds(out, "'\\''");
		else if (is_plain || (c >= ' ' && c < 0x7f && c != '\'' && c != '\\'))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "\\x%02x", c);
	}
	buf_addc(out, '\'');
}

/* --- tables: with roles, because cells that are laid out otherwise are no cells to some readers --- */

void html_table_begin(struct html_table *t, struct buf *out, const char *caption, const char *const *head, int columns)
{
	*t = (struct html_table){.out = out, .head = head, .columns = columns};
	buf_adds(out, "<table role=\"table\"><caption>");
	html_text(caption, strlen(caption), out);
	buf_adds(out, "</caption><thead role=\"rowgroup\"><tr role=\"row\">");
	for (int i = 0; i < columns; i++) {
		bool is_number = head[i][0] == '#';
		buf_addf(out, "<th role=\"columnheader\" scope=\"col\"%s>%s</th>", is_number ? " class=\"number\"" : "",
			 head[i] + is_number);
	}
	buf_adds(out, "</tr></thead><tbody role=\"rowgroup\">\n");
}

void html_cell(struct html_table *t, int64_t key)
{
	const char *name = t->head[t->column];
	bool is_number = name[0] == '#';
	buf_adds(t->out, t->column ? "<td role=\"cell\"" : "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"");
	buf_addf(t->out, " data-name=\"%s\"", name + is_number);
	if (is_number)
		buf_adds(t->out, " class=\"number\"");
	if (key >= 0)
		buf_addf(t->out, " data-key=\"%lld\"", (long long)key);
	/* one box for the cell's content beside its column's name */
	buf_adds(t->out, "><div>");
}

void html_cell_end(struct html_table *t)
{
	buf_adds(t->out, t->column ? "</div></td>" : "</div></th>");
	t->column = (t->column + 1) % t->columns;
	if (!t->column)
		buf_adds(t->out, "</tr>\n");
}

void html_cell_foreign(struct html_table *t, const char *s, size_t n)
{
	html_cell(t, -1);
	html_foreign(s, n, t->out);
	html_cell_end(t);
}

void html_cell_number(struct html_table *t, int64_t v)
{
	html_cell(t, v < 0 ? 0 : v);
	html_number(v, t->out);
	html_cell_end(t);
}

void html_cell_time(struct html_table *t, int64_t ns)
{
	html_cell(t, ns / 1000000000);
	html_time(ns, t->out);
	html_cell_end(t);
}

void html_table_end(struct html_table *t)
{
	buf_adds(t->out, "</tbody></table>\n");
}
