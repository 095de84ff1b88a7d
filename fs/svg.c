/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/svg.h"

#include <math.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/text.h"
#include "fs/svg_marks.h"

/* The picture, in its own units: 400 pixels wide the small text is 10 high. */
enum {
	WIDTH = 520,
	LEFT = 68,
	RIGHT = 502,
	MARGIN = 14,
	TITLE_SIZE = 18,
	TEXT_SIZE = 13,
	LINE_HEIGHT = 19,
	/** Of one panel's values, when there are so many panels. */
	PLOT_1 = 196,
	PLOT_2 = 128,
	PLOT_3 = 100,
	/** Between a panel's label and its values. */
	HEAD_GAP = 9,
	/** Between a panel and the next one's label. */
	PANEL_GAP = 18,
	/** Ticks and the label below the last panel. */
	FOOT = 50,
	SWATCH = 26,
};

#define INK "#1f2933"
#define MUTED "#52606d"

/*
 * Dark paper has lighter colours.  All of them stand out from their paper by 3 to 1 at least (WCAG 1.4.11), texts by
 * 4.5 to 1.
 */
static const char style[] =
	"<style>.plot{--bg:#fff;--ink:" INK ";--muted:" MUTED ";--grid:#e4e7eb;--axis:#7b8794;"
	"--c0:#0072b2;--c1:#d55e00;--c2:#008f68;--c3:#b0548c;--c4:#9a7000;--c5:#66707a}"
	"@media (prefers-color-scheme:dark){.plot{--bg:#14181d;--ink:#e8ecf0;--muted:#a9b4c0;--grid:#2a3139;--axis:#76828f;"
	"--c0:#56b4e9;--c1:#f0823c;--c2:#2fc59a;--c3:#df8fbf;--c4:#e6c04a;--c5:#9aa5b1}}"
	".plot .b{fill:var(--bg)}.plot text{fill:var(--ink)}.plot .m{fill:var(--muted)}.plot .g{stroke:var(--grid)}"
	".plot .a{stroke:var(--axis)}"
	".plot .s0{stroke:var(--c0)}.plot .s1{stroke:var(--c1)}.plot .s2{stroke:var(--c2)}"
	".plot .s3{stroke:var(--c3)}.plot .s4{stroke:var(--c4)}.plot .s5{stroke:var(--c5)}"
	".plot .f0{fill:var(--c0)}.plot .f1{fill:var(--c1)}.plot .f2{fill:var(--c2)}"
	".plot .f3{fill:var(--c3)}.plot .f4{fill:var(--c4)}.plot .f5{fill:var(--c5)}</style>\n";

/* --- texts --- */

/** As content of an element or value of an attribute: what XML cannot hold, or what changes direction, is U+FFFD. */
static void add_text(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		i += length ? length : 1;
		if (!length || text_is_control(cp) || (cp & 0xfffe) == 0xfffe)
			cp = 0xfffd;
		if (cp == '&' || cp == '<' || cp == '>' || cp == '"' || cp == '\'')
			buf_addf(out, "&#%u;", cp);
		else
			text_append(out, cp);
	}
}

/** About how wide a text is: there is no font here to ask. */
static double width_of(const char *s, size_t n, double size)
{
	double em = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0xfffd;
		size_t length = text_decode(s + i, n - i, &cp);
		i += length ? length : 1;
		em += cp < 0x80 ? 0.58 : cp < 0x1100 ? 0.65 : 1;
	}
	return em * size;
}

/** Bytes of @s that are not wider than @room. */
static size_t fitting(const char *s, double room, double size)
{
	size_t n = strlen(s);
	while (n && width_of(s, n, size) > room)
		n = text_cut(s, n, n - 1);
	return n;
}

/** @class: "" or one of the style's; @anchor: start, middle, end.  Cut to what fits @room. */
static void put_text(struct buf *out, double x, double y, int size, const char *class, const char *anchor, double room,
		     const char *s)
{
	size_t n = fitting(s, room, size);
	bool is_cut = s[n] != '\0';
	if (is_cut)
		n = fitting(s, room - size, size);
	buf_adds(out, "<text x=\"");
	svg_number(out, x);
	buf_adds(out, "\" y=\"");
	svg_number(out, y);
	buf_addf(out, "\" font-size=\"%d\" text-anchor=\"%s\"%s fill=\"%s\">", size, anchor,
		 *class ? " class=\"m\"" : size == TITLE_SIZE ? " font-weight=\"600\"" : "", *class ? MUTED : INK);
	add_text(out, s, n);
	buf_adds(out, is_cut ? "…</text>\n" : "</text>\n");
}

/** A horizontal or vertical line. */
static void put_line(struct buf *out, const char *class, const char *colour, const char *dash, double x1, double y1,
		     double x2, double y2)
{
	buf_addf(out, "<path class=\"%s\" stroke=\"%s\"%s d=\"M", class, colour, dash);
	svg_number(out, x1);
	buf_addc(out, ' ');
	svg_number(out, y1);
	buf_addc(out, x1 == x2 ? 'V' : 'H');
	svg_number(out, x1 == x2 ? y2 : x2);
	buf_adds(out, "\"/>\n");
}

/* --- scales --- */

/** Least and greatest of what a panel shows, and the least above 0 (0: none is); false when that is nothing. */
static bool range_of(const struct svg_chart *c, const struct svg_panel *p, double *low, double *high, double *positive)
{
	bool is_stack = p->kind == SVG_AREA || p->kind == SVG_BARS, is_any = false;
	*positive = 0;
	for (size_t s = 0; s < p->count; s++)
		for (size_t i = 0; i < c->n; i++) {
			double v = is_stack ? svg_total(p, i) : p->series[s].y[i];
			if (!svg_is_value(v))
				continue;
			*low = is_any ? fmin(*low, v) : v;
			*high = is_any ? fmax(*high, v) : v;
			if (v > 0)
				*positive = *positive > 0 ? fmin(*positive, v) : v;
			is_any = true;
		}
	if (!is_any)
		*low = *high = 0;
	return is_any;
}

static bool scale_panel(const struct svg_chart *c, const struct svg_panel *p, struct svg_scale *scale)
{
	enum { TICKS = 5, FEW_TICKS = 4, FAR_APART = 20 };
	double low, high, positive;
	bool is_any = range_of(c, p, &low, &high, &positive);
	int ticks = c->panels > 1 ? FEW_TICKS : TICKS;
	/* zeros stand at its foot */
	if (p->may_be_log && low >= 0 && positive > 1e-290 && high / positive >= FAR_APART) {
		svg_scale_log(scale, positive, high, p->unit, ticks);
		return is_any;
	}
	if (!p->is_fitted || p->kind != SVG_LINE || high - low > high / 2)
		low = fmin(low, 0);
	svg_scale_linear(scale, low, high, p->unit, ticks);
	return is_any;
}

/** Times at both edges of a chart by time; one sample alone has an hour around it. */
static void span_of(const struct svg_chart *c, int64_t *from, int64_t *to)
{
	*from = c->n ? c->x[0] : 0;
	*to = c->n ? c->x[c->n - 1] : 0;
	if (*to - *from >= NS_PER_S)
		return;
	*from -= 1800 * NS_PER_S;
	*to += 1800 * NS_PER_S;
}

/* --- axes --- */

static void put_values_axis(struct buf *out, const struct svg_frame *f)
{
	for (size_t i = 0; i < f->scale->count; i++) {
		double y = f->top + f->height * (1 - svg_scale_place(f->scale, f->scale->tick[i].value));
		bool is_ground = i == 0;
		put_line(out, is_ground ? "a" : "g", is_ground ? "#7b8794" : "#e4e7eb", "", LEFT, y, RIGHT, y);
		put_text(out, LEFT - 8, y + 4.5, TEXT_SIZE, "m", "end", LEFT - 8, f->scale->tick[i].text);
	}
}

static void put_time_tick(struct buf *out, const struct svg_frame *f, double x, const char *text)
{
	double ground = f->top + f->height, half = width_of(text, strlen(text), TEXT_SIZE) / 2;
	put_line(out, "a", "#7b8794", "", x, ground, x, ground + 5);
	put_text(out, fmin(x, WIDTH - half - 2), ground + 19, TEXT_SIZE, "m", "middle", 200, text);
}

enum { TIMES = 6 };

/** Whether the elements are equally far from each other in time, too. */
static bool is_regular(const struct svg_chart *c)
{
	for (size_t i = 2; i < c->n; i++)
		if (c->x[i] - c->x[i - 1] != c->x[1] - c->x[0])
			return false;
	return c->n > TIMES;
}

/** Labels of elements side by side: as many as fit, and none twice. */
static void put_even_axis(struct buf *out, const struct svg_frame *f)
{
	const struct svg_chart *c = f->chart;
	size_t group = svg_even_group(c), places = svg_even_places(c), every = (places + TIMES - 1) / TIMES;
	/* elements of one minute need no seconds */
	int64_t span = c->x[c->n - 1] - c->x[0] + 600 * NS_PER_S;
	char last[SVG_TICK_CHARS] = "";
	for (size_t place = every / 2; place < places; place += every) {
		char text[SVG_TICK_CHARS];
		svg_time_text(c->x[place * group], span, text);
		if (strcmp(text, last) != 0)
			put_time_tick(out, f, svg_x(f, place * group), text);
		memcpy(last, text, sizeof last);
	}
}

static void put_time_axis(struct buf *out, const struct svg_frame *f)
{
	struct svg_tick tick[SVG_TICKS_MOST];
	const struct svg_chart *c = f->chart;
	if (c->n == 0)
		return;
	if (c->is_even && !is_regular(c)) {
		put_even_axis(out, f);
		return;
	}
	size_t n = svg_time_ticks(f->from, f->to, TIMES, tick);
	for (size_t i = 0, k = 0; i < n; i++) {
		double at = (tick[i].value - (double)f->from) / (double)(f->to - f->from);
		while (c->is_even && k + 1 < c->n && (double)c->x[k] < tick[i].value)
			k++;
		put_time_tick(out, f, c->is_even ? svg_x(f, k) : f->left + f->width * fmin(1, fmax(0, at)), tick[i].text);
	}
}

/** Its label tells the last day, too. */
static void put_time_label(struct buf *out, const struct svg_chart *c, double y)
{
	char text[160], day[SVG_TICK_CHARS];
	if (c->n)
		svg_date_text(c->x[c->n - 1], day);
	snprintf(text, sizeof text, "%s%s%s", c->x_label, c->n ? ", up to " : "", c->n ? day : "");
	put_text(out, (LEFT + RIGHT) / 2., y, TEXT_SIZE, "m", "middle", RIGHT - LEFT, text);
}

/* --- panels --- */

static double legend_width(const struct svg_panel *p)
{
	double width = 0;
	for (size_t s = 0; s < p->count; s++)
		width += SWATCH + 14 + width_of(p->series[s].name, strlen(p->series[s].name), TEXT_SIZE);
	return p->count > 1 ? width : 0;
}

/** Whether the legend has its place behind the label, or lines of its own. */
static bool is_legend_beside(const struct svg_panel *p)
{
	return width_of(p->label, strlen(p->label), TEXT_SIZE) + 16 + legend_width(p) <= WIDTH - 2 * MARGIN;
}

/** Writes it, or only (@out NULL) tells how many lines it has. */
static int put_legend(struct buf *out, const struct svg_chart *c, const struct svg_panel *p, double x, double y)
{
	int lines = 1;
	double at = x;
	for (size_t s = 0; s < p->count; s++) {
		double width = fmin(WIDTH - 2 * MARGIN, SWATCH + width_of(p->series[s].name, strlen(p->series[s].name),
									   TEXT_SIZE));
		if (at > x && at + width > WIDTH - MARGIN + 1) {
			at = x;
			lines++;
		}
		double line = y + (lines - 1) * LINE_HEIGHT;
		if (out) {
			svg_swatch(out, c, p, &p->series[s], at, line - 4.5);
			put_text(out, at + SWATCH, line, TEXT_SIZE, "", "start", width - SWATCH + 1, p->series[s].name);
		}
		at += width + 14;
	}
	return lines;
}

static int head_lines(const struct svg_chart *c, const struct svg_panel *p)
{
	if (p->count < 2 || is_legend_beside(p))
		return 1;
	return 1 + put_legend(NULL, c, p, MARGIN, 0);
}

static void put_panel(struct buf *out, const struct svg_chart *c, const struct svg_panel *p, double top, double height)
{
	struct svg_scale scale;
	bool is_any = scale_panel(c, p, &scale);
	struct svg_frame f = {c, p, &scale, LEFT + 6, 0, RIGHT - LEFT - 6, height, 0, 0};
	span_of(c, &f.from, &f.to);
	double y = top + TEXT_SIZE;
	put_text(out, MARGIN, y, TEXT_SIZE, "m", "start", WIDTH - 2 * MARGIN, p->label);
	if (p->count > 1) {
		bool is_beside = is_legend_beside(p);
		put_legend(out, c, p, is_beside ? WIDTH - MARGIN - legend_width(p) + 14 : MARGIN,
			   is_beside ? y : y + LINE_HEIGHT);
	}
	f.top = top + head_lines(c, p) * LINE_HEIGHT + HEAD_GAP;
	if (!is_any) {
		put_line(out, "a", "#7b8794", "", LEFT, f.top + height, RIGHT, f.top + height);
		put_text(out, (LEFT + RIGHT) / 2., f.top + height / 2, TEXT_SIZE + 2, "m", "middle", RIGHT - LEFT, c->empty);
		return;
	}
	put_values_axis(out, &f);
	svg_marks(out, &f);
	if (p == c->panel + c->panels - 1)
		put_time_axis(out, &f);
}

/* --- the whole --- */

static double plot_height(const struct svg_chart *c)
{
	return c->panels == 1 ? PLOT_1 : c->panels == 2 ? PLOT_2 : PLOT_3;
}

static double panel_height(const struct svg_chart *c, const struct svg_panel *p)
{
	return head_lines(c, p) * LINE_HEIGHT + HEAD_GAP + plot_height(c);
}

static double head_height(const struct svg_chart *c)
{
	return *c->note ? 62 : 42;
}

static double height_of(const struct svg_chart *c)
{
	double height = head_height(c) + FOOT;
	for (size_t p = 0; p < c->panels; p++)
		height += panel_height(c, &c->panel[p]) + (p ? PANEL_GAP : 0);
	return height;
}

static void open_svg(struct buf *out, const struct svg_chart *c, bool embedded, double height)
{
	buf_addf(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"plot-%s\" class=\"plot\" viewBox=\"0 0 %d %.0f\" ",
		 c->name, WIDTH, height);
	if (!embedded)
		buf_addf(out, "width=\"%d\" height=\"%.0f\" ", WIDTH, height);
	buf_addf(out,
		 "role=\"img\" aria-labelledby=\"plot-%s-title plot-%s-desc\" "
		 "font-family=\"system-ui,'Noto Sans','DejaVu Sans',sans-serif\">\n<title id=\"plot-%s-title\">",
		 c->name, c->name, c->name);
	add_text(out, c->title, strlen(c->title));
	buf_addf(out, "</title>\n<desc id=\"plot-%s-desc\">", c->name);
	add_text(out, c->desc, strlen(c->desc));
	buf_adds(out, "</desc>\n");
	buf_adds(out, style);
	buf_adds(out, "<defs>");
	svg_hatchings(out, c);
	buf_addf(out, "</defs>\n<path class=\"b\" fill=\"#fff\" d=\"M0 0h%dv%.0fh-%dz\"/>\n", WIDTH, height, WIDTH);
}

void svg_chart(struct buf *out, const struct svg_chart *c, bool embedded)
{
	double height = height_of(c), top = head_height(c);
	open_svg(out, c, embedded, height);
	put_text(out, MARGIN, 28, TITLE_SIZE, "", "start", WIDTH - 2 * MARGIN, c->title);
	if (*c->note)
		put_text(out, MARGIN, 48, TEXT_SIZE, "", "start", WIDTH - 2 * MARGIN, c->note);
	for (size_t p = 0; p < c->panels; p++) {
		put_panel(out, c, &c->panel[p], top, plot_height(c));
		top += panel_height(c, &c->panel[p]) + PANEL_GAP;
	}
	put_time_label(out, c, height - 12);
	buf_adds(out, "</svg>\n");
}
