/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/duplicates: what is there more than once, and which copy is the best.  A report. */
#include "common/cleanup.h"
#include "fs/views.h"

enum { DUPLICATES_SHOWN = 10000 };

static const char *const kinds[] = {
	[DUPLICATE_VOLUME] = "volume",
	[DUPLICATE_COVERED] = "covered",
	[DUPLICATE_RECORDING] = "recording",
};

struct listing {
	struct json *j;
	struct table *t;
	int64_t count;
};

static void json_copy(struct json *j, const struct copy *c, bool is_track)
{
	json_object(j);
	json_kv_path(j, "path", c->path, c->path_len);
	json_kv_text(j, "format", c->format);
	if (is_track)
		json_kv_int(j, "bitrate", c->bitrate);
	else
		json_kv_int(j, "pages", c->pages);
	json_kv_int(j, "bytes", c->bytes);
	json_kv_bool(j, "is_damaged", c->is_bad);
	json_kv_bool(j, "is_best", c->is_best);
	json_kv_text(j, "reason", c->reason);
	json_end_object(j);
}

static void json_what(struct json *j, const struct store_duplicate *row)
{
	if (row->kind == DUPLICATE_RECORDING) {
		json_kv_text(j, "artist", row->artist);
		json_kv_text(j, "album", row->album);
		json_kv_text(j, "title", row->title);
		json_kv_int(j, "disc", row->disc);
		json_kv_int(j, "track", row->track);
		return;
	}
	json_kv_text(j, "series", row->series);
	json_key(j, "volume");
	if (row->first > row->last)
		json_null(j);
	else
		json_int(j, row->first);
	if (row->first < row->last)
		json_kv_int(j, "volume_end", row->last);
}

static int json_duplicate(void *arg, const struct store_duplicate *row)
{
	struct listing *l = arg;
	struct json *j = l->j;
	l->count++;
	json_object(j);
	json_kv_text(j, "kind", kinds[row->kind]);
	json_what(j, row);
	json_kv_int(j, "copies", (int64_t)row->total);
	json_key(j, "files");
	json_array(j);
	for (size_t i = 0; i < row->count; i++)
		json_copy(j, &row->copies[i], row->kind == DUPLICATE_RECORDING);
	json_end_array(j);
	json_end_object(j);
	return 0;
}

int show_duplicates_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct listing l = {.j = &j};
	struct store_duplicates d = {0};
	(void)n;
	doc_list_begin(&j, out, v, "duplicates", OF_DUPLICATES, VIEW_AWAY);
	int e = v->store ? store_duplicates(v->store, DUPLICATES_SHOWN, json_duplicate, &l, &d) : 0;
	json_end_array(&j);
	json_kv_int(&j, "count", l.count);
	json_kv_int(&j, "total", d.total);
	json_kv_bool(&j, "is_partial", d.is_partial);
	json_end_object(&j);
	return e;
}

static void name_of(const struct store_duplicate *row, struct buf *out)
{
	if (row->kind == DUPLICATE_RECORDING)
		buf_addf(out, "%s - %s - %s", row->artist, row->album, row->title);
	else if (row->first > row->last)
		buf_addf(out, "%s, complete", row->series);
	else if (row->first < row->last)
		buf_addf(out, "%s %d-%d", row->series, row->first, row->last);
	else
		buf_addf(out, "%s %d", row->series, row->first);
}

static int text_duplicate(void *arg, const struct store_duplicate *row)
{
	struct listing *l = arg;
	_buf_ struct buf name = BUF_INIT(1 << 18);
	l->count++;
	name_of(row, &name);
	for (size_t i = 0; i < row->count; i++) {
		const struct copy *c = &row->copies[i];
		_buf_ struct buf size = BUF_INIT(64);
		human_bytes((uint64_t)c->bytes, &size);
		table_cells(l->t, kinds[row->kind]);
		table_cell(l->t, buf_str(&name), name.len);
		table_cells(l->t, c->is_best ? "best" : "-");
		table_cells(l->t, *c->format ? c->format : "-");
		table_cells(l->t, buf_str(&size));
		table_cells(l->t, c->reason);
		table_cell(l->t, c->path, c->path_len);
	}
	return 0;
}

int show_duplicates(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"kind", "what", "copy", "format", "size", "why", "path"};
	struct table t;
	struct listing l = {.t = &t};
	struct store_duplicates d = {0};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_duplicates(v->store, DUPLICATES_SHOWN, text_duplicate, &l, &d) : 0;
	doc_end_table(&t, out);
	if (d.total > l.count)
		buf_addf(out, "# %lld of %lld\n", (long long)l.count, (long long)d.total);
	if (d.is_partial)
		buf_addf(out, "# only the first %d files of each kind were compared\n", STORE_COPIES_COMPARED);
	doc_away(out, v);
	return e;
}
