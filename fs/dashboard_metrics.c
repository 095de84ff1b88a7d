/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The page's sections about what is measured: alerts, chapters, plots. */
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/store_alerts.h"
#include "common/store_chapters.h"
#include "fs/dashboard.h"
#include "fs/html.h"
#include "fs/plots.h"
#include "fs/views.h"

enum {
	ALERTS_MOST = 50,
	CHAPTERS_MOST = 15,
	/** Of all plots together. */
	PLOTS_BYTES = 200 << 10,
	/** Enough for links to all of them. */
	LINKS_BYTES = 2 << 10,
};

/* --- alerts --- */

static int put_alert(void *arg, const struct store_alert *row)
{
	struct page *p = arg;
	if (p->count++ >= ALERTS_MOST)
		return 0;
	buf_adds(p->out, "<li><p class=\"line\">");
	html_tag("bad", row->name, p->out);
	buf_adds(p->out, " ");
	html_foreign(row->text, strlen(row->text), p->out);
	buf_adds(p->out, " <span class=\"muted\">since ");
	html_time(row->since, p->out);
	buf_adds(p->out, "</span></p></li>\n");
	return 0;
}

int page_alerts(struct page *p)
{
	if (!p->v->store)
		return 0;
	p->count = 0;
	buf_adds(p->out, "<ul class=\"alerts\">\n");
	int r = store_alerts(p->v->store, put_alert, p);
	buf_adds(p->out, "</ul>\n");
	page_rest(p, p->count - ALERTS_MOST, "alerts", "health");
	if (!p->count)
		buf_reset(p->out);
	return r;
}

/* --- chapters: of scrapers outside and of our own checks; calls are plotted --- */

struct chapters {
	struct page *p;
	/** Each of them as its row; the newest comes last. */
	struct buf row[CHAPTERS_MOST];
	int64_t count;
};

static const char *chapter_tone(const char *state)
{
	return strcmp(state, "ok") == 0 || strcmp(state, "running") == 0 ? "good" : strcmp(state, "failed") == 0 ? "bad" : "warn";
}

static const char *const chapters_head[] = {"Chapter", "By", "State", "#Images", "#Bytes", "#Took", "Begun"};

static int put_chapter(void *arg, const struct store_chapter *row)
{
	struct chapters *c = arg;
	struct buf *out = &c->row[c->count % CHAPTERS_MOST];
	struct html_table t = {.out = out, .head = chapters_head, .columns = COUNT_OF(chapters_head)};
	c->count++;
	out->max = 1 << 16;
	buf_reset(out);
	html_cell(&t, -1);
	html_foreign(row->series, strlen(row->series), out);
	buf_adds(out, " <span class=\"volumes\">");
	html_foreign(row->chapter, strlen(row->chapter), out);
	buf_adds(out, "</span>");
	html_cell_end(&t);
	html_cell(&t, -1);
	html_text(row->producer, strlen(row->producer), out);
	html_cell_end(&t);
	html_cell(&t, -1);
	html_tag(chapter_tone(row->state), row->state, out);
	if (*row->error) {
		buf_adds(out, " <span class=\"muted\">");
		html_foreign(row->error, strlen(row->error), out);
		buf_adds(out, "</span>");
	}
	html_cell_end(&t);
	html_cell(&t, row->images_downloaded);
	html_number(row->images_downloaded, out);
	if (row->images_found) {
		buf_adds(out, " of ");
		html_number(row->images_found, out);
	}
	html_cell_end(&t);
	html_cell(&t, row->bytes);
	human_bytes((uint64_t)row->bytes, out);
	html_cell_end(&t);
	html_cell(&t, (int64_t)row->seconds);
	human_duration(row->seconds, out);
	html_cell_end(&t);
	html_cell_time(&t, row->started_at);
	return 0;
}

static void count_of(struct page *p, const char *tone, int64_t n, const char *word)
{
	_buf_ struct buf text = BUF_INIT(256);
	html_number(n, &text);
	buf_addf(&text, " %s", word);
	if (n)
		html_tag(tone, buf_str(&text), p->out);
}

int page_chapters(struct page *p)
{
	struct chapters c = {.p = p};
	struct store_chapter_counts sums = {0}, checks = {0};
	struct html_table t;
	int r = p->v->store ? store_chapter_counts(p->v->store, &sums) : 0;
	if (r == 0 && p->v->store)
		r = store_chapter_counts_of(p->v->store, PRODUCER_archives, &checks);
	sums.running += checks.running;
	sums.ok += checks.ok;
	sums.failed += checks.failed;
	sums.abandoned += checks.abandoned;
	p->count = sums.running + sums.ok + sums.failed + sums.abandoned;
	if (r < 0 || !p->count)
		return r;
	buf_adds(p->out, "<p class=\"tags\">");
	count_of(p, "good", sums.running, "running");
	count_of(p, "good", sums.ok, "ok");
	count_of(p, "bad", sums.failed, "failed");
	count_of(p, "warn", sums.abandoned, "abandoned");
	buf_adds(p->out, "</p>\n");
	html_table_begin(&t, p->out, "Chapters that scrapers told of and volumes that were checked, the last ones", chapters_head, COUNT_OF(chapters_head));
	r = view_chapters(p->v, CHAPTERS_MOST, put_chapter, &c);
	for (int64_t i = c.count - 1; i >= 0 && i > c.count - 1 - CHAPTERS_MOST; i--)
		buf_adds(p->out, buf_str(&c.row[i % CHAPTERS_MOST]));
	html_table_end(&t);
	for (size_t i = 0; i < CHAPTERS_MOST; i++)
		buf_clear(&c.row[i]);
	buf_adds(p->out, "<p class=\"rest\">All are in <a href=\"metrics/chapters.json\">metrics/chapters.json</a> and "
			 "<a href=\"metrics/chapters.csv\">metrics/chapters.csv</a>.</p>\n");
	return r;
}

/* --- plots --- */

int page_plots(struct page *p)
{
	if (!p->v->store)
		return 0;
	const size_t room = p->room < PLOTS_BYTES ? p->room : PLOTS_BYTES;
	buf_adds(p->out, "<div class=\"plots\">\n");
	for (int i = 0; i < PLOT_COUNT; i++) {
		_buf_ struct buf svg = BUF_INIT(PLOTS_BYTES);
		int r = plot_embed(p->v, (enum plot_id)i, &svg);
		if (r < 0)
			return r;
		/* what does not fit is a file all the same */
		if (!buf_error(&svg) && p->out->len + svg.len + LINKS_BYTES < room)
			buf_addf(p->out, "<figure tabindex=\"0\" aria-label=\"Plot: %s\">%s</figure>\n", PLOTS_TABLE[i].title,
				 buf_str(&svg));
		else
			buf_addf(p->out, "<p><a href=\"metrics/%s.svg\">%s</a></p>\n", PLOTS_TABLE[i].name, PLOTS_TABLE[i].title);
	}
	buf_adds(p->out, "</div>\n");
	return 0;
}
