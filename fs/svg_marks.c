/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/svg_marks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/vec.h"

enum {
	/** Places side by side in an even chart. */
	PLACES_MOST = 220,
	/** Points of all lines of a chart: what a file of 60 KB has room for. */
	POINTS_MOST = 2800,
	/** As many points are told apart by markers. */
	MARKED_MOST = 40,
	/** Of more, markers are small and are not joined. */
	JOINED_MOST = 80,
};

struct point {
	double x, y;
	size_t i;
	/** Nothing joins it with the one before. */
	bool starts;
};

typedef VEC(struct point) points;

/* blue, vermilion, green, purple, amber, grey: Okabe and Ito's, darker where they would be pale on white */
const char *const SVG_COLOURS_LIGHT[SVG_COLOURS] = {"#0072b2", "#d55e00", "#008f68", "#b0548c", "#9a7000", "#66707a"};

static const char *const dashes[SVG_COLOURS] = {"", "7 3", "2 3", "9 3 2 3", "4 2", "1 2"};

void svg_number(struct buf *out, double v)
{
	char digits[48];
	int64_t hundredths = (int64_t)llround(fmin(1e12, fmax(-1e12, v)) * 10) * 10;
	int n = snprintf(digits, sizeof digits, "%s%lld", hundredths < 0 ? "-" : "", llabs(hundredths) / 100);
	if (hundredths % 100)
		n += snprintf(digits + n, sizeof digits - (size_t)n, ".%lld", llabs(hundredths) % 100 / 10);
	buf_add(out, digits, (size_t)n);
}

static void pair(struct buf *out, char command, double x, double y)
{
	buf_addc(out, command);
	svg_number(out, x);
	buf_addc(out, ' ');
	svg_number(out, y);
}

/* --- places --- */

size_t svg_even_group(const struct svg_chart *c)
{
	return (c->n + PLACES_MOST - 1) / PLACES_MOST;
}

size_t svg_even_places(const struct svg_chart *c)
{
	size_t group = svg_even_group(c);
	return group ? (c->n + group - 1) / group : 0;
}

double svg_x(const struct svg_frame *f, size_t i)
{
	const struct svg_chart *c = f->chart;
	if (c->is_even)
		return f->left + f->width * ((double)(i / svg_even_group(c)) + 0.5) / (double)svg_even_places(c);
	return f->left + f->width * (double)(c->x[i] - f->from) / (double)(f->to - f->from);
}

static double y_of(const struct svg_frame *f, double v)
{
	return f->top + f->height * (1 - svg_scale_place(f->scale, v));
}

double svg_total(const struct svg_panel *p, size_t i)
{
	double total = NAN;
	for (size_t s = 0; s < p->count; s++)
		if (svg_is_value(p->series[s].y[i]))
			total = (isnan(total) ? 0 : total) + fmax(0, p->series[s].y[i]);
	return total;
}

static bool is_stack(const struct svg_panel *p)
{
	return p->kind == SVG_AREA || p->kind == SVG_BARS;
}

/* --- thinning --- */

struct thinner {
	points *to;
	/** Of a column, in units of the picture. */
	double width;
	double column;
	/** Of the present column. */
	struct point least, greatest;
	bool is_open, starts;
};

static void put_point(struct thinner *t, struct point p)
{
	struct point *to = vec_add(t->to);
	if (!to)
		return;
	*to = p;
	to->starts = t->starts;
	t->starts = false;
}

static void end_column(struct thinner *t)
{
	if (!t->is_open)
		return;
	bool is_falling = t->greatest.i < t->least.i;
	put_point(t, is_falling ? t->greatest : t->least);
	if (t->greatest.i != t->least.i)
		put_point(t, is_falling ? t->least : t->greatest);
	t->is_open = false;
}

static void take_point(struct thinner *t, struct point p)
{
	double column = floor(p.x / t->width);
	if (t->is_open && column != t->column)
		end_column(t);
	if (!t->is_open) {
		t->least = t->greatest = p;
		t->column = column;
		t->is_open = true;
		return;
	}
	/* y grows downwards */
	if (p.y > t->least.y)
		t->least = p;
	if (p.y < t->greatest.y)
		t->greatest = p;
}

static void break_line(struct thinner *t)
{
	end_column(t);
	t->starts = true;
}

/** How many lines a chart is as long as: an area has two edges, and markers are drawn around each point. */
static size_t lines_of(const struct svg_chart *c)
{
	static const size_t weight[] = {[SVG_LINE] = 1, [SVG_DOTS] = 4, [SVG_AREA] = 2, [SVG_BARS] = 2};
	size_t n = 0;
	for (size_t p = 0; p < c->panels; p++)
		n += c->panel[p].count * weight[c->panel[p].kind];
	return n ? n : 1;
}

/** The points to draw for @series; NULL: for the totals of all. */
static void thin(const struct svg_frame *f, const struct svg_series *series, points *to)
{
	const struct svg_chart *c = f->chart;
	bool is_joined = f->panel->kind == SVG_DOTS;
	/* each column has two points */
	double columns = fmin(f->width, (double)POINTS_MOST / 2 / (double)lines_of(c));
	struct thinner t = {.to = to, .width = f->width / columns, .starts = true};
	size_t last = 0;
	for (size_t i = 0; i < c->n; i++) {
		double v = series ? series->y[i] : svg_total(f->panel, i);
		if (!svg_is_value(v)) {
			if (!is_joined)
				break_line(&t);
			continue;
		}
		if (!is_joined && c->gap_ns && i && c->x[i] - c->x[last] > c->gap_ns)
			break_line(&t);
		last = i;
		take_point(&t, (struct point){svg_x(f, i), y_of(f, v), i, false});
	}
	end_column(&t);
}

/* --- lines and markers --- */

static void add_marker(struct buf *out, int shape, double x, double y, double r)
{
	/* corners around the middle: none is a circle; a square, triangles, a diamond, a bar */
	static const struct {
		int corners;
		double at[4][2];
	} shapes[SVG_COLOURS] = {
		[1] = {4, {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}}, [2] = {3, {{0, -1.3}, {1.3, 1}, {-1.3, 1}}},
		[3] = {4, {{0, -1.4}, {1.4, 0}, {0, 1.4}, {-1.4, 0}}}, [4] = {3, {{0, 1.3}, {1.3, -1}, {-1.3, -1}}},
		[5] = {4, {{-1.4, -0.6}, {1.4, -0.6}, {1.4, 0.6}, {-1.4, 0.6}}},
	};
	if (shape == 0) {
		pair(out, 'M', x - r, y);
		buf_addf(out, "a%.1f %.1f 0 1 0 %.0f 0a%.1f %.1f 0 1 0 %.0f 0", r, r, 2 * r, r, r, -2 * r);
		return;
	}
	const double(*at)[2] = shapes[shape].at;
	pair(out, 'M', x + at[0][0] * r, y + at[0][1] * r);
	for (int i = 1; i < shapes[shape].corners; i++)
		pair(out, 'l', (at[i][0] - at[i - 1][0]) * r, (at[i][1] - at[i - 1][1]) * r);
	buf_addc(out, 'z');
}

/** @is_faint: it only joins markers. */
static void draw_line(struct buf *out, int colour, bool is_faint, bool is_dashed, const points *p)
{
	buf_addf(out, "<path class=\"s%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"%d\"%s stroke-linejoin=\"round\"",
		 colour, SVG_COLOURS_LIGHT[colour], is_faint ? 1 : 2, is_faint ? " stroke-opacity=\".45\"" : "");
	if (is_dashed && *dashes[colour])
		buf_addf(out, " stroke-dasharray=\"%s\"", dashes[colour]);
	buf_adds(out, " d=\"");
	for (size_t i = 0; i < p->len; i++)
		pair(out, p->data[i].starts ? 'M' : 'L', p->data[i].x, p->data[i].y);
	buf_adds(out, "\"/>\n");
}

/** Whether no line leads to or from the point. */
static bool is_alone(const points *p, size_t i)
{
	return p->data[i].starts && (i + 1 == p->len || p->data[i + 1].starts);
}

static void draw_markers(struct buf *out, int colour, const points *p, bool all)
{
	bool is_begun = false;
	for (size_t i = 0; i < p->len; i++) {
		if (!all && !is_alone(p, i))
			continue;
		if (!is_begun)
			buf_addf(out, "<path class=\"f%d\" fill=\"%s\" d=\"", colour, SVG_COLOURS_LIGHT[colour]);
		is_begun = true;
		add_marker(out, colour, p->data[i].x, p->data[i].y, p->len > JOINED_MOST ? 2 : 2.5);
	}
	if (is_begun)
		buf_adds(out, "\"/>\n");
}

static void draw_series(struct buf *out, const struct svg_frame *f, const struct svg_series *s)
{
	points p = {0};
	bool is_dots = f->panel->kind == SVG_DOTS;
	thin(f, s, &p);
	/* so many would be a tangle */
	if (p.len > 1 && !(is_dots && p.len > JOINED_MOST))
		draw_line(out, s->colour, is_dots, f->panel->count > 1, &p);
	draw_markers(out, s->colour, &p, is_dots || p.len <= MARKED_MOST);
	vec_clear(&p);
}

/* --- areas and bars --- */

static void open_fill(struct buf *out, const struct svg_chart *c, int colour)
{
	if (colour % 3 == 0)
		buf_addf(out, "<path class=\"f%d\" fill=\"%s\"", colour, SVG_COLOURS_LIGHT[colour]);
	else
		buf_addf(out, "<path fill=\"url(#plot-%s-h%d)\"", c->name, colour);
	buf_adds(out, " d=\"");
}

/** What lies below series @s at @i. */
static double below(const struct svg_panel *p, size_t s, size_t i)
{
	double sum = 0;
	for (size_t k = 0; k < s; k++)
		if (svg_is_value(p->series[k].y[i]))
			sum += fmax(0, p->series[k].y[i]);
	return sum;
}

static void draw_run(struct buf *out, const struct svg_frame *f, size_t s, const struct point *p, size_t n)
{
	/* one value alone is as wide as a line */
	double half = n == 1 ? 1.5 : 0;
	for (size_t i = 0; i < n; i++)
		pair(out, i ? 'L' : 'M', p[i].x - half, y_of(f, below(f->panel, s + 1, p[i].i)));
	if (n == 1)
		pair(out, 'L', p[0].x + half, y_of(f, below(f->panel, s + 1, p[0].i)));
	for (size_t i = n; i-- > 0;)
		pair(out, 'L', p[i].x + half, y_of(f, below(f->panel, s, p[i].i)));
	if (n == 1)
		pair(out, 'L', p[0].x - half, y_of(f, below(f->panel, s, p[0].i)));
	buf_addc(out, 'z');
}

static void draw_areas(struct buf *out, const struct svg_frame *f)
{
	points p = {0};
	thin(f, NULL, &p);
	for (size_t s = 0; s < f->panel->count; s++) {
		open_fill(out, f->chart, f->panel->series[s].colour);
		for (size_t i = 0, end; i < p.len; i = end) {
			for (end = i + 1; end < p.len && !p.data[end].starts;)
				end++;
			draw_run(out, f, s, p.data + i, end - i);
		}
		buf_adds(out, "\"/>\n");
	}
	vec_clear(&p);
}

/** The element of a place that is shown: the one with the most. */
static size_t greatest_of(const struct svg_frame *f, size_t place)
{
	size_t group = svg_even_group(f->chart), best = place * group;
	for (size_t i = best; i < (place + 1) * group && i < f->chart->n; i++)
		if (!(svg_total(f->panel, i) <= svg_total(f->panel, best)))
			best = isnan(svg_total(f->panel, i)) ? best : i;
	return best;
}

static void draw_bars(struct buf *out, const struct svg_frame *f)
{
	size_t places = svg_even_places(f->chart);
	double slot = f->width / (double)places, width = fmin(30, slot * (places > 100 ? 1 : 0.78));
	for (size_t s = 0; s < f->panel->count; s++) {
		open_fill(out, f->chart, f->panel->series[s].colour);
		for (size_t place = 0; place < places; place++) {
			size_t i = greatest_of(f, place);
			double low = y_of(f, below(f->panel, s, i)), high = y_of(f, below(f->panel, s + 1, i));
			if (!(low - high > 0.04))
				continue;
			pair(out, 'M', svg_x(f, i) - width / 2, high);
			buf_addc(out, 'h');
			svg_number(out, width);
			buf_addc(out, 'V');
			svg_number(out, low);
			buf_addc(out, 'h');
			svg_number(out, -width);
			buf_addc(out, 'z');
		}
		buf_adds(out, "\"/>\n");
	}
}

void svg_marks(struct buf *out, const struct svg_frame *f)
{
	if (f->panel->kind == SVG_BARS)
		draw_bars(out, f);
	else if (f->panel->kind == SVG_AREA)
		draw_areas(out, f);
	else
		for (size_t s = 0; s < f->panel->count; s++)
			draw_series(out, f, &f->panel->series[s]);
}

void svg_swatch(struct buf *out, const struct svg_chart *c, const struct svg_panel *p, const struct svg_series *s,
		double x, double y)
{
	if (is_stack(p)) {
		open_fill(out, c, s->colour);
		pair(out, 'M', x + 6, y - 6);
		buf_adds(out, "h14v12h-14z\"/>\n");
		return;
	}
	struct point ends[] = {{x, y, 0, true}, {x + 20, y, 1, false}}, middle = {x + 10, y, 0, true};
	draw_line(out, s->colour, p->kind == SVG_DOTS, true, &(points){ends, 2, 2});
	draw_markers(out, s->colour, &(points){&middle, 1, 1}, true);
}

void svg_hatchings(struct buf *out, const struct svg_chart *c)
{
	unsigned done = 0;
	for (size_t p = 0; p < c->panels; p++)
		for (size_t s = 0; is_stack(&c->panel[p]) && s < c->panel[p].count; s++) {
			int colour = c->panel[p].series[s].colour;
			if (colour % 3 == 0 || done & 1u << colour)
				continue;
			done |= 1u << colour;
			buf_addf(out,
				 "<pattern id=\"plot-%s-h%d\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
				 "patternTransform=\"rotate(%d)\"><path class=\"f%d\" fill=\"%s\" d=\"M0 0h6v6h-6z\"/>"
				 "<path class=\"b\" fill=\"#fff\" fill-opacity=\".3\" d=\"M0 0h1v6h-1z\"/></pattern>\n",
				 c->name, colour, colour % 3 == 1 ? 45 : 135, colour, SVG_COLOURS_LIGHT[colour]);
		}
}
