/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The page's sections about what is missing, what was found for it, and what was asked for. */
#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/store_cover.h"
#include "common/store_find.h"
#include "common/text.h"
#include "fs/dashboard.h"
#include "fs/html.h"
#include "fs/views.h"

enum {
	SERIES_MOST = 60,
	/** Ranges of volumes that are named of a series. */
	RANGES_MOST = 12,
	FINDS_MOST = 40,
	/** Volumes that are looked at for them: one find may be for many. */
	FINDS_READ = 2000,
	REQUESTS_MOST = 40,
};

/* --- ranges of volumes: "1–3, 5" --- */

struct ranges {
	struct buf text;
	int64_t first, last, count;
	bool is_open, is_cut;
};

static void ranges_close(struct ranges *r)
{
	if (!r->is_open)
		return;
	r->is_open = false;
	if (r->count++ >= RANGES_MOST) {
		r->is_cut = true;
		return;
	}
	buf_addf(&r->text, "%s%lld", r->text.len ? ", " : "", (long long)r->first);
	if (r->last > r->first)
		buf_addf(&r->text, "–%lld", (long long)r->last);
}

/** In ascending order. */
static void ranges_add(struct ranges *r, int64_t volume)
{
	if (r->is_open && volume == r->last + 1) {
		r->last = volume;
		return;
	}
	ranges_close(r);
	r->first = r->last = volume;
	r->is_open = true;
}

/** Ends them and writes them. */
static void ranges_put(struct ranges *r, struct buf *out)
{
	ranges_close(r);
	buf_adds(out, buf_str(&r->text));
	if (r->is_cut)
		buf_adds(out, " …");
	buf_clear(&r->text);
}

#define RANGES_INIT ((struct ranges){.text = BUF_INIT(1 << 12)})

/* --- missing --- */

struct missing {
	struct page *p;
	int64_t series, volumes;
};

struct volumes {
	struct ranges ranges;
	int64_t found, asked;
};

static int take_volume(void *arg, const struct store_missing *row)
{
	struct volumes *v = arg;
	ranges_add(&v->ranges, row->volume);
	v->asked += row->handed != 0;
	v->found += !row->handed && strcmp(row->request_state, "found") == 0;
	return 0;
}

/** A tile with the first letter, where there is no cover. */
static void put_letter(const char *title, struct buf *out)
{
	uint32_t cp;
	size_t n = text_decode(title, strlen(title), &cp);
	buf_adds(out, "<span class=\"cover letter\" aria-hidden=\"true\">");
	if (n && !text_is_control(cp))
		html_text(title, n, out);
	buf_adds(out, "</span>");
}

/** The first letter, and that the picture may take its place. */
static int put_cover(struct page *p, const struct store_missing_count *row)
{
	struct page_picture *picture = vec_add(&p->pictures);
	if (!picture)
		return -ENOMEM;
	picture->series = row->id;
	picture->from = p->out->len;
	put_letter(row->title, p->out);
	picture->to = p->out->len;
	return 0;
}

struct cover {
	struct buf *out;
	size_t room;
	bool is_put;
};

static int put_jpeg(void *arg, const void *jpeg, size_t n)
{
	/* the title stands beside it */
	static const char open[] = "<img class=\"cover\" alt=\"\" loading=\"lazy\" width=\"64\" height=\"92\" "
				   "src=\"data:image/jpeg;base64,";
	struct cover *c = arg;
	size_t bytes = sizeof open + (n + 2) / 3 * 4 + 1;
	if (bytes > c->room)
		return 0;
	c->room -= bytes;
	c->is_put = true;
	buf_adds(c->out, open);
	text_base64(jpeg, n, c->out);
	buf_adds(c->out, "\">");
	return 0;
}

int page_covers(struct page *p)
{
	_buf_ struct buf text = *p->out;
	struct cover c = {.out = p->out, .room = p->room};
	size_t done = 0;
	*p->out = BUF_INIT(text.max);
	for (size_t i = 0; i < p->pictures.len; i++) {
		const struct page_picture *picture = &p->pictures.data[i];
		c.is_put = false;
		buf_add(p->out, text.data + done, picture->from - done);
		int r = store_cover(p->v->store, picture->series, put_jpeg, &c);
		if (r < 0 && r != -ENOENT)
			return r;
		done = c.is_put ? picture->to : picture->from;
	}
	buf_add(p->out, text.data + done, text.len - done);
	return 0;
}

static int64_t count_owned(const char *list)
{
	int64_t n = *list == '[' && list[1] != ']';
	for (; *list; list++)
		n += *list == ',';
	return n;
}

static void put_number_tag(const char *tone, int64_t n, const char *word, struct buf *out)
{
	_buf_ struct buf text = BUF_INIT(256);
	if (!n)
		return;
	html_number(n, &text);
	buf_addf(&text, " %s", word);
	html_tag(tone, buf_str(&text), out);
}

static int put_series(void *arg, const struct store_missing_count *row)
{
	struct missing *m = arg;
	struct buf *out = m->p->out;
	struct volumes v = {.ranges = RANGES_INIT};
	int64_t owned = count_owned(row->owned);
	int r = store_missing(m->p->v->store, row->id, take_volume, &v);
	m->series++;
	m->volumes += row->count;
	buf_addf(out, "<li data-count=\"%lld\" data-since=\"%lld\">", (long long)row->count, (long long)(row->since / 1000000000));
	if (r == 0)
		r = put_cover(m->p, row);
	buf_adds(out, "<div><p class=\"line\"><a class=\"title\" href=\"manga/");
	html_address(row->shown, strlen(row->shown), out);
	buf_adds(out, "/\">");
	html_foreign(row->title, strlen(row->title), out);
	buf_adds(out, "</a></p><p class=\"volumes\"><b>");
	html_number(row->count, out);
	buf_adds(out, "</b> missing: ");
	ranges_put(&v.ranges, out);
	buf_adds(out, "</p><p class=\"muted\">");
	if (row->total || owned) {
		buf_adds(out, "has ");
		html_number(owned, out);
		if (row->total) {
			buf_adds(out, " of ");
			html_number(row->total, out);
		}
		buf_adds(out, " · ");
	}
	buf_adds(out, "noticed ");
	html_time(row->since, out);
	buf_adds(out, "</p><p class=\"tags\">");
	put_number_tag("good", v.found, "found", out);
	put_number_tag("calm", v.asked, "asked for", out);
	if (row->monitored == 0)
		html_tag("calm", "not monitored", out);
	buf_adds(out, "</p></div></li>\n");
	return r;
}

int page_missing(struct page *p)
{
	struct missing m = {.p = p};
	struct store_counts c = {0};
	int64_t series = 0;
	int r = p->v->store ? store_counts(p->v->store, &c) : 0;
	if (r < 0 || !c.missing)
		return r;
	r = store_missing_series_count(p->v->store, &series);
	p->count = c.missing;
	buf_adds(p->out, "<ul class=\"series\" data-list=\"series\">\n");
	if (r == 0)
		r = store_missing_counts(p->v->store, SERIES_MOST, put_series, &m);
	buf_adds(p->out, "</ul>\n");
	_buf_ struct buf what = BUF_INIT(256);
	buf_addf(&what, "series with ");
	html_number(c.missing - m.volumes, &what);
	buf_adds(&what, " missing volumes");
	page_rest(p, series - m.series, buf_str(&what), "missing");
	return r;
}

/* --- finds --- */

/** One find, for all the volumes of a series that it may bring; texts are copies. */
struct find {
	int64_t result, first_id, size, volumes;
	struct ranges ranges;
	struct buf title, from;
};

struct finds {
	struct page *p;
	/** Of the series at hand, by their first volumes: others may stand between the volumes of one. */
	VEC(struct find) open;
	struct buf series;
	/** Of all: finds and volumes that are told. */
	int64_t count, volumes;
};

static void put_find(struct finds *f, struct find *find)
{
	struct buf *out = f->p->out;
	_buf_ struct buf words = BUF_INIT(64), size = BUF_INIT(64);
	f->volumes += find->volumes;
	buf_addf(&words, "%lld", (long long)find->first_id);
	buf_adds(out, "<li><p class=\"line\"><strong>");
	html_foreign(buf_str(&f->series), f->series.len, out);
	buf_adds(out, "</strong> <span class=\"volumes\">volume ");
	ranges_put(&find->ranges, out);
	buf_adds(out, "</span></p><p class=\"release\">");
	html_foreign(buf_str(&find->title), find->title.len, out);
	buf_adds(out, "</p><p class=\"muted\">");
	if (find->size > 0) {
		human_bytes((uint64_t)find->size, &size);
		buf_addf(out, "%s · ", buf_str(&size));
	}
	html_foreign(buf_str(&find->from), find->from.len, out);
	buf_adds(out, "</p><p>");
	page_command(f->p, "grab", buf_str(&words));
	buf_adds(out, "</p></li>\n");
}

static void end_series(struct finds *f)
{
	for (size_t i = 0; i < f->open.len; i++) {
		struct find *find = &f->open.data[i];
		put_find(f, find);
		buf_clear(&find->title);
		buf_clear(&find->from);
	}
	vec_clear(&f->open);
}

/** The find that brings it; a new one while there is room for more; NULL. */
static struct find *find_of(struct finds *f, const struct store_request *q)
{
	for (size_t i = 0; i < f->open.len; i++)
		if (q->result_id && f->open.data[i].result == q->result_id)
			return &f->open.data[i];
	struct find *find = f->count < FINDS_MOST ? vec_add(&f->open) : NULL;
	if (!find)
		return NULL;
	f->count++;
	*find = (struct find){.result = q->result_id, .first_id = q->id, .size = q->size, .ranges = RANGES_INIT,
			      .title = BUF_INIT(1 << 16), .from = BUF_INIT(1 << 16)};
	buf_adds(&find->title, q->title);
	buf_adds(&find->from, q->source);
	if (*q->indexer)
		buf_addf(&find->from, ": %s", q->indexer);
	return find;
}

static int take_find(void *arg, const struct store_request *q)
{
	struct finds *f = arg;
	if (strcmp(buf_str(&f->series), q->series) != 0) {
		end_series(f);
		buf_reset(&f->series);
		buf_adds(&f->series, q->series);
		if (f->count >= FINDS_MOST)
			return 1;
	}
	struct find *find = find_of(f, q);
	if (find) {
		ranges_add(&find->ranges, q->volume);
		find->volumes++;
	}
	return 0;
}

int page_finds(struct page *p)
{
	struct finds f = {.p = p, .series = BUF_INIT(1 << 16)};
	int64_t total = 0;
	int r = p->v->store ? store_request_count(p->v->store, "found", &total) : 0;
	if (r < 0 || !total)
		return r;
	p->count = total;
	buf_adds(p->out, "<p class=\"lead\">Run a line to hand that find to your download client, once.");
	if (is_dry_run(p->v)) {
		buf_adds(p->out, " The dry run is on: nothing is handed over until you say ");
		page_command(p, "dry-run", "off");
	}
	buf_adds(p->out, "</p>\n<ul class=\"finds\" data-list=\"finds\">\n");
	r = store_requests_waiting(p->v->store, FINDS_READ, take_find, &f);
	end_series(&f);
	buf_adds(p->out, "</ul>\n");
	page_rest(p, total - f.volumes, "volumes", "requests");
	buf_clear(&f.series);
	return r < 0 ? r : 0;
}

/* --- requests: what a client was asked for --- */

struct requests {
	struct page *p;
	struct html_table t;
	int64_t rows;
};

static const char *request_tone(const char *state)
{
	static const struct {
		const char *state, *tone;
	} tones[] = {{"arrived", "good"}, {"downloading", "good"}, {"failed", "bad"}, {"gone", "bad"}};
	for (size_t i = 0; i < COUNT_OF(tones); i++)
		if (strcmp(tones[i].state, state) == 0)
			return tones[i].tone;
	return "calm";
}

static void put_request(struct requests *r, const struct store_request *q)
{
	const struct store_handed *h = &q->handed;
	struct buf *out = r->p->out;
	const char *text = *q->reason ? q->reason : h->text;
	const char *title = *h->title ? h->title : q->title;
	html_cell(&r->t, -1);
	html_tag(request_tone(q->state), q->state, out);
	html_cell_end(&r->t);
	html_cell(&r->t, (int64_t)(h->progress * 1000));
	buf_addf(out, "<progress max=\"1\" value=\"%.4f\" aria-label=\"Downloaded\"></progress> %.0f %%", h->progress,
		 h->progress * 100);
	html_cell_end(&r->t);
	html_cell_foreign(&r->t, h->client, strlen(h->client));
	html_cell(&r->t, -1);
	html_foreign(title, strlen(title), out);
	if (*text) {
		buf_adds(out, "<span class=\"path\">");
		html_foreign(text, strlen(text), out);
		buf_adds(out, "</span>");
	}
	html_cell_end(&r->t);
	html_cell_time(&r->t, q->changed_at);
}

static int take_request(void *arg, const struct store_request *q)
{
	struct requests *r = arg;
	r->rows++;
	html_cell(&r->t, -1);
	html_foreign(q->series, strlen(q->series), r->p->out);
	buf_addf(r->p->out, " <span class=\"volumes\">%lld</span>", (long long)q->volume);
	html_cell_end(&r->t);
	put_request(r, q);
	return 0;
}

int page_requests(struct page *p)
{
	static const char *const head[] = {"Volume", "State", "#Done", "Client", "What", "Changed"};
	struct requests r = {.p = p};
	int64_t total = 0;
	int e = p->v->store ? store_requests_handed_count(p->v->store, &total) : 0;
	if (e < 0 || !total)
		return e;
	p->count = total;
	html_table_begin(&r.t, p->out, "What download clients were asked for", head, COUNT_OF(head));
	e = store_requests_handed(p->v->store, REQUESTS_MOST, take_request, &r);
	html_table_end(&r.t);
	page_rest(p, total - r.rows, "volumes", "requests");
	return e < 0 ? e : 0;
}
