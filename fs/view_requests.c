/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/requests and status/new. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/store_find.h"
#include "common/text.h"
#include "fs/views.h"

/* --- requests: those of one hand-over are one item --- */

/** The item that is being put together; texts copied from its first row. */
struct item {
	struct store_request row;
	char *texts[24];
	int text_count;
	struct buf volumes;
	int64_t first_id;
};

struct requests {
	struct json *j;
	struct table *t;
	struct item item;
	bool has_item;
	int64_t count;
	void (*put)(struct requests *r);
};

static const char *keep(struct item *i, const char *text)
{
	char *copy = strdup(text);
	i->texts[i->text_count++] = copy;
	return copy ? copy : "";
}

static void keep_row(struct item *i, const struct store_request *q)
{
	*i = (struct item){.row = *q, .volumes = BUF_INIT(1 << 16), .first_id = q->id};
	const char **texts[] = {&i->row.key, &i->row.series, &i->row.flow, &i->row.state, &i->row.reason,
				&i->row.title, &i->row.source, &i->row.indexer, &i->row.handed.hash,
				&i->row.handed.protocol, &i->row.handed.title, &i->row.handed.client,
				&i->row.handed.step, &i->row.handed.text, &i->row.handed.source,
				&i->row.handed.indexer};
	for (size_t n = 0; n < COUNT_OF(texts); n++)
		*texts[n] = keep(i, *texts[n]);
}

static void end_item(struct requests *r)
{
	if (!r->has_item)
		return;
	r->count++;
	r->put(r);
	for (int n = 0; n < r->item.text_count; n++)
		free(r->item.texts[n]);
	buf_clear(&r->item.volumes);
	r->has_item = false;
}

static bool is_same_item(const struct requests *r, const struct store_request *q)
{
	const struct store_request *a = &r->item.row;
	return r->has_item && q->handed_id && a->handed_id == q->handed_id &&
	       strcmp(a->series, q->series) == 0 && strcmp(a->state, q->state) == 0;
}

static int take_request(void *arg, const struct store_request *q)
{
	struct requests *r = arg;
	if (!is_same_item(r, q)) {
		end_item(r);
		keep_row(&r->item, q);
		r->has_item = true;
	}
	buf_addf(&r->item.volumes, "%s%lld", r->item.volumes.len ? ", " : "", (long long)q->volume);
	return 0;
}

static int each_request(struct view *v, struct requests *r)
{
	int e = v->store ? store_requests(v->store, take_request, r) : 0;
	end_item(r);
	return e;
}

/** What is known of where it stands. */
static const char *text_of(const struct store_request *q)
{
	return *q->reason ? q->reason : q->handed_id ? q->handed.text : "";
}

static const char *title_of(const struct store_request *q)
{
	return q->handed_id && *q->handed.title ? q->handed.title : q->title;
}

static void put_json(struct requests *r)
{
	const struct store_request *q = &r->item.row;
	const struct store_handed *h = &q->handed;
	struct json *j = r->j;
	json_object(j);
	json_kv_int(j, "id", r->item.first_id);
	json_kv_text(j, "series", q->series);
	json_key(j, "volumes");
	_buf_ struct buf list = BUF_INIT(1 << 16);
	buf_addf(&list, "[%s]", buf_str(&r->item.volumes));
	json_raw(j, buf_str(&list), list.len);
	json_kv_text(j, "state", q->state);
	json_kv_text(j, "flow", q->flow);
	json_kv_text(j, "text", text_of(q));
	json_kv_text(j, "title", title_of(q));
	json_kv_text(j, "source", q->handed_id ? h->source : q->source);
	json_kv_text(j, "indexer", q->handed_id ? h->indexer : q->indexer);
	json_kv_time(j, "created_at", q->created_at);
	json_kv_time(j, "changed_at", q->changed_at);
	if (q->handed_id) {
		json_kv_text(j, "hash", h->hash);
		json_kv_text(j, "protocol", h->protocol);
		json_kv_text(j, "client", h->client);
		json_kv_text(j, "step", h->step);
		json_kv_bool(j, "automatic", h->automatic);
		json_kv_real(j, "progress", h->progress, 4);
		if (h->speed >= 0)
			json_kv_int(j, "bytes_per_second", h->speed);
		if (h->seconds_left >= 0)
			json_kv_int(j, "seconds_left", h->seconds_left);
		if (h->sent_at)
			json_kv_time(j, "sent_at", h->sent_at);
		json_kv_int(j, "tries", h->tries);
	}
	json_end_object(j);
}

int show_requests_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct requests r = {.j = &j, .put = put_json};
	(void)n;
	doc_list_begin(&j, out, v, "requests", OF_REQUESTS, VIEW_AWAY);
	int e = each_request(v, &r);
	return e < 0 ? e : doc_list_end(&j, r.count);
}

static void put_text(struct requests *r)
{
	const struct store_request *q = &r->item.row;
	table_cellf(r->t, "%lld", (long long)r->item.first_id);
	table_cells(r->t, q->state);
	table_cells(r->t, q->series);
	table_cell(r->t, buf_str(&r->item.volumes), r->item.volumes.len);
	table_cells(r->t, q->handed_id && *q->handed.client ? q->handed.client : "-");
	if (q->handed_id)
		table_cellf(r->t, "%.0f %%", q->handed.progress * 100);
	else
		table_cells(r->t, "-");
	doc_time_cell(r->t, q->changed_at);
	table_cells(r->t, title_of(q));
	table_cells(r->t, text_of(q));
}

int show_requests(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"id", "state", "series", "volumes", "client",
					   "done", "since", "title", "what"};
	struct table t;
	struct requests r = {.t = &t, .put = put_text};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = each_request(v, &r);
	doc_end_table(&t, out);
	if (!r.count)
		buf_adds(out, "nothing was found or asked for yet\n");
	doc_away(out, v);
	return e;
}

/* --- new --- */

struct news {
	struct view *v;
	struct json *j;
	struct table *t;
	int64_t count;
	const struct store_news *row;
};

static const char *state_word(int known)
{
	static const char *const words[] = {"known", "ambiguous", "not known"};
	return known >= 0 && known < 3 ? words[known] : "not asked";
}

static void choices_json(struct json *j, const char *lines)
{
	json_key(j, "choices");
	json_array(j);
	for (const char *p = lines; *p;) {
		size_t n = strcspn(p, "\n"), tab = strcspn(p, "\t\n");
		json_object(j);
		json_key(j, "title");
		json_text(j, p, tab);
		json_key(j, "url");
		json_text(j, tab < n ? p + tab + 1 : "", tab < n ? n - tab - 1 : 0);
		json_end_object(j);
		p += n + (p[n] == '\n');
	}
	json_end_array(j);
}

static void json_said(struct news *w, int64_t volume, const char *state, int64_t at)
{
	const struct store_news *n = w->row;
	struct json *j = w->j;
	w->count++;
	json_object(j);
	json_kv_text(j, "series", n->series);
	json_key(j, "volume");
	if (volume >= 0)
		json_int(j, volume);
	else
		json_null(j);
	json_kv_text(j, "state", state);
	json_kv_text(j, "source", n->said.source);
	if (at)
		json_kv_time(j, "planned_at", at);
	if (n->said.released >= 0)
		json_kv_int(j, "released", n->said.released);
	if (n->said.original >= 0)
		json_kv_int(j, "original", n->said.original);
	json_kv_text(j, "status", n->said.status);
	json_kv_text(j, "url", n->said.url);
	json_kv_text(j, "error", n->said.error);
	if (n->said.known == 1)
		choices_json(j, n->said.choices);
	if (n->said.asked_at)
		json_kv_time(j, "asked_at", n->said.asked_at);
	json_end_object(j);
}

static void text_said(struct news *w, int64_t volume, const char *state, int64_t at)
{
	const struct store_news *n = w->row;
	w->count++;
	table_cells(w->t, n->series);
	if (volume >= 0)
		table_cellf(w->t, "%lld", (long long)volume);
	else
		table_cells(w->t, "-");
	table_cells(w->t, state);
	if (at)
		doc_time_cell(w->t, at);
	else
		table_cells(w->t, "-");
	table_cells(w->t, n->said.source);
	doc_time_cell(w->t, n->said.asked_at);
	table_cells(w->t, *n->said.error ? n->said.error : n->said.url);
}

static void say(struct news *w, int64_t volume, const char *state, int64_t at)
{
	if (w->j)
		json_said(w, volume, state, at);
	else
		text_said(w, volume, state, at);
}

static int take_announced(void *arg, int64_t volume)
{
	say(arg, volume, "out", 0);
	return 0;
}

/** The last number of a JSON list of ascending numbers; -1 without. */
static int64_t last_of(const char *list)
{
	const char *p = list + strlen(list);
	while (p > list && (p[-1] < '0' || p[-1] > '9'))
		p--;
	while (p > list && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return *p >= '0' && *p <= '9' ? strtoll(p, NULL, 10) : -1;
}

static int take_news(void *arg, const struct store_news *n)
{
	struct news *w = arg;
	w->row = n;
	if (n->said.known != 0 || *n->said.error) {
		say(w, -1, *n->said.error ? "no answer" : state_word(n->said.known), 0);
		if (n->said.known != 0)
			return 0;
	}
	int r = store_announced(w->v->store, n->id, take_announced, w);
	if (n->said.planned > last_of(n->owned) && n->said.planned > n->said.released)
		say(w, n->said.planned, "announced", n->said.planned_at);
	return r;
}

int show_new_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct news w = {.v = v, .j = &j};
	(void)n;
	doc_list_begin(&j, out, v, "new", OF_NEW, VIEW_AWAY);
	int e = v->store ? store_news(v->store, take_news, &w) : 0;
	return e < 0 ? e : doc_list_end(&j, w.count);
}

int show_new(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"series", "volume", "state", "date",
					   "source", "asked",  "where"};
	struct table t;
	struct news w = {.v = v, .t = &t};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_news(v->store, take_news, &w) : 0;
	doc_end_table(&t, out);
	if (!config_int(v->config, OPT_nautiljon_enabled))
		buf_adds(out, "no authority is asked: nautiljon.enabled is false in the configuration\n");
	doc_away(out, v);
	return e;
}
