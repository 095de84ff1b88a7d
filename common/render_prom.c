/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/render_prom.h"

#include <math.h>
#include <string.h>

#include "common/render.h"

/**
 * A value that every reader takes: they refuse the whole file for one invalid byte.  Invalid and control bytes
 * become \xNN as in texts for people, and so does a backslash, so that no two values become one.
 */
static void add_value(struct buf *out, const char *s)
{
	static const char backslash[] = "\\x5c";
	_buf_ struct buf shown = BUF_INIT(1 << 18);
	for (size_t n; *s; s += n + (s[n] == '\\')) {
		n = strcspn(s, "\\");
		text_escape(s, n, &shown);
		if (s[n])
			buf_adds(&shown, backslash);
	}
	for (const char *c = buf_str(&shown); *c; c++) {
		if (*c == '\\' || *c == '"')
			buf_addc(out, '\\');
		buf_addc(out, *c);
	}
	if (buf_error(&shown))
		out->error = buf_error(&shown);
}

/** HELP has its own rules: a quote stands for itself. */
static void add_help(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\\')
			buf_adds(out, "\\\\");
		else
			buf_addc(out, *s == '\n' ? ' ' : *s);
}

void prom_family(struct prom *p, struct buf *out, const char *name, bool is_counter, const char *help)
{
	*p = (struct prom){.out = out, .name = name, .help = help, .is_counter = is_counter};
}

static void add_head(struct prom *p)
{
	p->has_head = true;
	buf_addf(p->out, "# HELP %s ", p->name);
	add_help(p->out, p->help);
	buf_addf(p->out, "\n# TYPE %s %s\n", p->name, p->is_counter ? "counter" : "gauge");
}

void prom_sample(struct prom *p, const struct prom_label *labels, double value, int digits)
{
	if (!isfinite(value))
		return;
	if (!p->has_head)
		add_head(p);
	buf_adds(p->out, p->name);
	for (const struct prom_label *l = labels; l && l->name; l++) {
		buf_addc(p->out, l == labels ? '{' : ',');
		buf_addf(p->out, "%s=\"", l->name);
		add_value(p->out, l->value);
		buf_addc(p->out, '"');
	}
	buf_adds(p->out, labels && labels->name ? "} " : " ");
	real_text(value, digits, p->out);
	buf_addc(p->out, '\n');
}
