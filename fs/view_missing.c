/* SPDX-License-Identifier: GPL-3.0-or-later */
/** manga/<Series>/missing/<volume>/: why it is missing, what was found, and how to get it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/store_find.h"
#include "common/text.h"
#include "fs/names.h"
#include "fs/view_explain.h"
#include "fs/views.h"

/* --- the directory --- */

static int list_missing(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	return v->store ? store_missing_names(v->store, (int64_t)parent->row, (int64_t)after,
					      names_emit_item, out)
			: 0;
}

static int find_missing(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	char *end, again[24];
	int64_t id, volume = strtoll(name, &end, 10);
	/* "07" is no name of volume 7 */
	snprintf(again, sizeof again, "%lld", (long long)volume);
	if (!v->store || *end || strcmp(again, name) != 0)
		return -ENOENT;
	int r = store_missing_find(v->store, (int64_t)parent->row, volume, &id);
	*row = r == 0 ? (uint64_t)id : 0;
	return r;
}

static int stamp_missing(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	int64_t series, volume;
	return v->store ? store_missing_row(v->store, (int64_t)row, &series, &volume, version, at)
			: -ENOENT;
}

/** What a row is about. */
struct subject {
	int64_t series, volume, at;
	uint64_t version;
	char *key, *title;
};

static void clear_subject(struct subject *s)
{
	free(s->key);
	free(s->title);
}

#define _subject_ __attribute__((cleanup(clear_subject)))

static int load_subject(struct view *v, uint64_t row, struct subject *s)
{
	int r = v->store ? store_missing_row(v->store, (int64_t)row, &s->series, &s->volume, &s->version,
					     &s->at)
			 : -ENOENT;
	return r < 0 ? r : store_series_names(v->store, s->series, &s->key, &s->title);
}

static int show_explain(struct view *v, const struct node *n, struct buf *out)
{
	_subject_ struct subject s = {0};
	int r = load_subject(v, n->row, &s);
	return r < 0 ? r : explain_missing(v, s.series, s.key, s.volume, out);
}

/* --- results --- */

static const char *verdict_word(int verdict)
{
	static const char *const words[] = {"confirmed", "unconfirmed", "rejected"};
	return words[verdict >= 0 && verdict < 3 ? verdict : 2];
}

static void volumes_text(const struct store_result *x, struct buf *out)
{
	if (x->is_complete)
		buf_adds(out, "all");
	else if (x->first > x->last)
		buf_addc(out, '?');
	else if (x->first == x->last)
		buf_addf(out, "%lld", (long long)x->first);
	else
		buf_addf(out, "%lld-%lld", (long long)x->first, (long long)x->last);
}

struct results {
	struct table *t;
	struct json *j;
	int64_t line;
};

static int text_result(void *arg, const struct store_result *x)
{
	struct results *r = arg;
	_buf_ struct buf volumes = BUF_INIT(64), size = BUF_INIT(64), from = BUF_INIT(1 << 12);
	volumes_text(x, &volumes);
	if (x->size > 0)
		human_bytes(x->size, &size);
	buf_addf(&from, "%s%s%s", x->source, *x->indexer ? ": " : "", x->indexer);
	table_cellf(r->t, "%lld", (long long)++r->line);
	table_cells(r->t, verdict_word(x->verdict));
	table_cell(r->t, buf_str(&volumes), volumes.len);
	table_cells(r->t, size.len ? buf_str(&size) : "-");
	if (x->seeders >= 0)
		table_cellf(r->t, "%lld", (long long)x->seeders);
	else
		table_cells(r->t, "-");
	table_cell(r->t, buf_str(&from), from.len);
	table_cells(r->t, x->title);
	table_cells(r->t, x->reason);
	return 0;
}

static int show_results(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"line", "verdict", "volumes", "size",
					   "seeders", "from", "title", "reason"};
	struct table t;
	struct results r = {.t = &t};
	_subject_ struct subject s = {0};
	int e = load_subject(v, n->row, &s);
	if (e < 0)
		return e;
	table_open(&t, head, COUNT_OF(head));
	e = store_results(v->store, s.key, s.volume, text_result, &r);
	doc_end_table(&t, out);
	if (!r.line)
		buf_adds(out, "nothing was found yet: see explain, or echo a search to control/search\n");
	return e;
}

static int json_result(void *arg, const struct store_result *x)
{
	struct results *r = arg;
	struct json *j = r->j;
	json_object(j);
	json_kv_int(j, "line", ++r->line);
	json_kv_int(j, "id", x->id);
	json_kv_text(j, "title", x->title);
	json_kv_text(j, "verdict", verdict_word(x->verdict));
	json_kv_text(j, "reason", x->reason);
	json_key(j, "volumes");
	if (x->first <= x->last) {
		json_array(j);
		json_int(j, x->first);
		json_int(j, x->last);
		json_end_array(j);
	} else {
		json_null(j);
	}
	json_kv_bool(j, "is_complete", x->is_complete);
	json_kv_int(j, "covers", x->covers);
	json_kv_text(j, "source", x->source);
	json_kv_text(j, "indexer", x->indexer);
	json_kv_text(j, "protocol", x->protocol);
	json_kv_text(j, "hash", x->hash);
	if (x->size >= 0)
		json_kv_int(j, "bytes", x->size);
	if (x->seeders >= 0)
		json_kv_int(j, "seeders", x->seeders);
	if (x->published_at)
		json_kv_time(j, "published_at", x->published_at);
	json_kv_text(j, "page", x->page);
	json_kv_time(j, "seen_at", x->seen_at);
	json_end_object(j);
	return 0;
}

static int show_results_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct results r = {.j = &j};
	_subject_ struct subject s = {0};
	int e = load_subject(v, n->row, &s);
	if (e < 0)
		return e;
	doc_begin_row(&j, out, "results", s.version, s.at);
	json_kv_text(&j, "series", s.title);
	json_kv_int(&j, "volume", s.volume);
	json_key(&j, "items");
	json_array(&j);
	e = store_results(v->store, s.key, s.volume, json_result, &r);
	return e < 0 ? e : doc_list_end(&j, r.line);
}

/* --- grab --- */

static int show_grab(struct view *v, const struct node *n, struct buf *out)
{
	_subject_ struct subject s = {0};
	int e = load_subject(v, n->row, &s);
	if (e < 0)
		return e;
	buf_adds(out, "grab: hands one result to a download client, once\n\n"
		      "takes    the number of a line of results, or id and the id of results.json\n"
		      "example  echo 1 > grab\n");
	return 0;
}

struct nth {
	int64_t left, id;
};

static int take_nth(void *arg, const struct store_result *x)
{
	struct nth *n = arg;
	n->id = x->id;
	return --n->left == 0;
}

/** "2" → the words of control/grab for the second line of results; "id 12": that of results.json, which
 * stays the same when others come before it. */
static int grab_words(struct view *v, uint64_t row, const char *line, struct buf *out)
{
	char *end;
	bool is_id = strncmp(line, "id ", 3) == 0;
	const char *number = is_id ? line + 3 : line;
	struct nth nth = {.left = strtoll(number, &end, 10)};
	_subject_ struct subject s = {0};
	end += strspn(end, " \t\r");
	if (end == number || *end || nth.left <= 0) {
		buf_adds(out, "grab takes the number of a line of results, or id and the id of results.json");
		return -EINVAL;
	}
	int r = load_subject(v, row, &s);
	if (r == 0 && is_id)
		return buf_addf(out, "result %lld %lld", (long long)nth.left, (long long)s.volume);
	if (r == 0)
		r = store_results(v->store, s.key, s.volume, take_nth, &nth);
	if (r <= 0) {
		buf_adds(out, "results has no such line");
		return -ENOENT;
	}
	return buf_addf(out, "result %lld %lld", (long long)nth.id, (long long)s.volume);
}

static const struct entry volume_dir[] = {
	FILE_OF("explain", show_explain, .of_parent = true, .stamp = stamp_missing, .rows = ROW_MISSING,
		.help = "why it is missing, in sentences"),
	TWINS("results", show_results, show_results_json, .of_parent = true, .stamp = stamp_missing,
	      .rows = ROW_MISSING, .help = "what was found, best first"),
	{
		.name = "grab", .mode = S_IFREG | 0600, .order = "grab", .show = show_grab,
		.words = grab_words, .of_parent = true, .stamp = stamp_missing, .rows = ROW_MISSING,
		.help = "takes the number of a line of results, and hands it to a download client",
	},
	{0},
};

const struct entry missing_dir[] = {
	DIRECTORY(NULL, volume_dir, .list = list_missing, .find = find_missing, .stamp = stamp_missing,
		  .rows = ROW_MISSING, .help = "a missing volume"),
	{0},
};
