/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/verify: what the last control/verify found. */
#include <stdlib.h>

#include "common/cleanup.h"
#include "fs/views.h"

struct verify_rows {
	struct json *j;
	struct table *t;
	int64_t count;
};

static int64_t number(struct view *v, const char *name)
{
	char text[24] = "";
	if (v->store)
		store_meta(v->store, name, text, sizeof text);
	return strtoll(text, NULL, 10);
}

static int json_row(void *arg, struct bytes path, const char *what)
{
	struct verify_rows *r = arg;
	r->count++;
	json_object(r->j);
	json_kv_path(r->j, "path", path.data, path.len);
	json_kv_text(r->j, "difference", what);
	json_end_object(r->j);
	return 0;
}

int show_verify_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct verify_rows r = {.j = &j};
	(void)n;
	doc_begin(&j, out, v, "verify", OF_VERIFY, VIEW_AWAY);
	json_kv_time(&j, "verified_at", number(v, "verify_at"));
	json_kv_int(&j, "job", number(v, "verify_job"));
	json_kv_int(&j, "files", number(v, "verify_files"));
	json_kv_int(&j, "differences", number(v, "verify_different"));
	json_key(&j, "items");
	json_array(&j);
	int e = v->store ? store_verify(v->store, json_row, &r) : 0;
	json_end_array(&j);
	json_kv_int(&j, "count", r.count);
	json_kv_int(&j, "total", number(v, "verify_different"));
	json_end_object(&j);
	return e;
}

static int text_row(void *arg, struct bytes path, const char *what)
{
	struct verify_rows *r = arg;
	table_cells(r->t, what);
	table_cell(r->t, path.data, path.len);
	return 0;
}

int show_verify(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"difference", "path"};
	struct table t;
	struct verify_rows r = {.t = &t};
	int64_t at = number(v, "verify_at");
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_verify(v->store, text_row, &r) : 0;
	doc_end_table(&t, out);
	if (at) {
		buf_addf(out, "# %lld differences in %lld files, ", (long long)number(v, "verify_different"),
			 (long long)number(v, "verify_files"));
		doc_time(at, out);
		buf_addc(out, '\n');
	} else {
		buf_adds(out, "# never compared: echo all > control/verify\n");
	}
	doc_away(out, v);
	return e;
}
