/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Volumes become series; what is missing is asked from the monitor and kept with its date. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/render.h"
#include "common/store_settle.h"
#include "common/store_write_cover.h"
#include "common/store_write_find.h"
#include "common/text.h"
#include "common/vec.h"

static int find_series(struct store *s, const char *title, size_t n, int64_t *id)
{
	_buf_ struct buf key = BUF_INIT(16384);
	int r = text_fold_title(title, n, &key);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_series_find);
	bind_text(q, 1, buf_str(&key), key.len);
	r = store_returning(s, q, id);
	if (r != -ENOENT)
		return r;
	_buf_ struct buf name = BUF_INIT(8192), shown = BUF_INIT(1024), shown_key = BUF_INIT(4096);
	buf_add(&name, title, n);
	r = store_unique_name(s, store_stmt(s, SQL_series_shown), 1, NAME_FOLDED, buf_str(&name),
			      &shown, &shown_key);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_series_add);
	bind_text(q, 1, buf_str(&key), key.len);
	bind_text(q, 2, title, n);
	bind_text(q, 3, buf_str(&shown), shown.len);
	bind_text(q, 4, buf_str(&shown_key), shown_key.len);
	sqlite3_bind_int64(q, 5, s->generation);
	sqlite3_bind_int64(q, 6, s->started_at);
	return store_returning(s, q, id);
}

static int audit_of_volume(const struct media *m, bool is_bad)
{
	bool numbered = media_has(m, FIELD_volume) || media_has(m, FIELD_chapter);
	size_t n;
	const char *kind = media_text(m, FIELD_kind, &n);
	bool told = numbered || (n && strcmp(kind, "unknown") != 0);
	return (is_bad || media_has(m, FIELD_comicinfo) ? 0 : AUDIT_no_comicinfo) |
	       (told ? 0 : AUDIT_no_number);
}

int store_add_volume(struct store *s, const struct store_put *put, struct store_touched *touched)
{
	size_t n;
	const char *title = media_text(put->media, FIELD_series, &n);
	int r = find_series(s, n ? title : "Unknown Series", n ? n : 14, &touched->series[1]);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_volume_add);
	sqlite3_bind_int64(q, 1, touched->file);
	sqlite3_bind_int64(q, 2, touched->series[1]);
	sqlite3_bind_int(q, 3, audit_of_volume(put->media, put->error_kind != NULL));
	store_bind_volume(q, 4, put->media);
	store_touch(s, TOPIC_BIT(manga) | TOPIC_BIT(audit));
	return store_run(s, q);
}

/* --- what is missing --- */

typedef VEC(struct store_number) numbers;

static double column_number(sqlite3_stmt *q, int i)
{
	return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

static int load_numbers(struct store *s, int64_t series, numbers *list)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_numbers);
	int r;
	sqlite3_bind_int64(q, 1, series);
	while ((r = store_step(s, q)) > 0) {
		struct store_number *n = vec_add(list);
		if (!n) {
			sqlite3_reset(q);
			return -ENOMEM;
		}
		n->volume = column_number(q, 0);
		n->volume_end = column_number(q, 1);
		n->chapter = column_number(q, 2);
		n->count = sqlite3_column_int64(q, 3);
		snprintf(n->kind, sizeof n->kind, "%s", column_str(q, 4));
		snprintf(n->rule, sizeof n->rule, "%s", column_str(q, 7));
		/* unreadable is unknown, and unknown is not missing */
		n->is_corrupt = strcmp(column_str(q, 6), "corrupt") == 0;
		n->is_incomplete = strcmp(column_str(q, 6), "incomplete") == 0;
	}
	return r;
}

/** True when the stored rows are exactly @gaps (both ascending). */
static bool same_gaps(struct store *s, int64_t series, const struct store_gaps *gaps)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_of);
	size_t i = 0;
	bool same = true;
	sqlite3_bind_int64(q, 1, series);
	while (same && store_step(s, q) > 0) {
		same = i < gaps->count && sqlite3_column_int64(q, 0) == gaps->gap[i].volume &&
		       strcmp(column_str(q, 1), gaps->gap[i].kind) == 0 &&
		       strcmp(column_str(q, 2), gaps->gap[i].state) == 0;
		i++;
	}
	sqlite3_reset(q);
	return same && i == gaps->count;
}

static int forget_filled(struct store *s, int64_t series, const struct store_gaps *gaps)
{
	VEC(int64_t) filled = {0};
	sqlite3_stmt *q = store_stmt(s, SQL_missing_of);
	size_t i = 0;
	int r;
	sqlite3_bind_int64(q, 1, series);
	while ((r = store_step(s, q)) > 0) {
		int64_t volume = sqlite3_column_int64(q, 0);
		while (i < gaps->count && gaps->gap[i].volume < volume)
			i++;
		if (i < gaps->count && gaps->gap[i].volume == volume)
			continue;
		int64_t *v = vec_add(&filled);
		if (v)
			*v = volume;
	}
	for (i = 0; i < filled.len && r == 0; i++) {
		int64_t row = 0;
		if (store_missing_find(s, series, filled.data[i], &row) == 0)
			r = store_tomb(s, ROW_MISSING, row);
		q = store_stmt(s, SQL_missing_delete);
		sqlite3_bind_int64(q, 1, series);
		sqlite3_bind_int64(q, 2, filled.data[i]);
		r = store_run(s, q);
	}
	vec_clear(&filled);
	return r;
}

static int event_of_gaps(struct store *s, const char *title, const struct store_gaps *gaps)
{
	enum { SHOWN = 1000 };
	_buf_ struct buf body = BUF_INIT(1 << 16);
	struct json j;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_text(&j, "series", title);
	json_kv_int(&j, "missing", (int64_t)gaps->count);
	json_key(&j, "volumes");
	json_array(&j);
	for (size_t i = 0; i < gaps->count && i < SHOWN; i++)
		json_int(&j, gaps->gap[i].volume);
	json_end_array(&j);
	json_end_object(&j);
	return store_add_event(s, "missing", buf_str(&body), body.len);
}

static int store_gaps(struct store *s, int64_t series, const char *title,
		      const struct store_gaps *gaps)
{
	if (same_gaps(s, series, gaps))
		return 0;
	int r = forget_filled(s, series, gaps);
	for (size_t i = 0; i < gaps->count && r == 0; i++) {
		sqlite3_stmt *q = store_stmt(s, SQL_missing_add);
		sqlite3_bind_int64(q, 1, series);
		sqlite3_bind_int64(q, 2, gaps->gap[i].volume);
		bind_text(q, 3, gaps->gap[i].kind, strlen(gaps->gap[i].kind));
		bind_text(q, 4, gaps->gap[i].state, strlen(gaps->gap[i].state));
		sqlite3_bind_int64(q, 5, s->started_at);
		r = store_run(s, q);
	}
	store_touch(s, TOPIC_BIT(missing));
	return r < 0 ? r : event_of_gaps(s, title, gaps);
}

static int update_series(struct store *s, int64_t series, const struct store_gaps *gaps)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_update);
	if (gaps->total)
		sqlite3_bind_int64(q, 1, gaps->total);
	else
		sqlite3_bind_null(q, 1);
	bind_text(q, 2, gaps->total_source, strlen(gaps->total_source));
	sqlite3_bind_int64(q, 3, s->generation);
	sqlite3_bind_int64(q, 4, s->started_at);
	bind_text(q, 5, gaps->owned ? gaps->owned : "", gaps->owned ? strlen(gaps->owned) : 0);
	sqlite3_bind_int64(q, 6, series);
	return store_run(s, q);
}

static int end_series(struct store *s, int64_t series)
{
	int r = store_run_id(s, SQL_request_end, series);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(requests));
	if (r == 0)
		r = store_run_id(s, SQL_missing_clear, series);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(missing));
	if (r == 0)
		r = store_drop_cover(s, series);
	if (r == 0)
		r = store_run_id(s, SQL_series_delete, series);
	return r < 0 ? r : store_tomb(s, ROW_SERIES, series);
}

int store_all_series(struct store *s, void (*series)(void *arg, int64_t id), void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_ids);
	int r;
	while ((r = store_step(s, q)) > 0)
		series(arg, sqlite3_column_int64(q, 0));
	return r;
}

/** What the user and an authority say of a series. */
struct series_facts {
	char *key, *title;
	VEC(int64_t) ignored;
	char authority[32];
	struct store_expected expected;
};

static int copy_wish(void *arg, const struct store_wish *w)
{
	struct series_facts *f = arg;
	char *end;
	f->expected.user_total = w->total;
	for (const char *p = w->ignored; *p; p = end) {
		int64_t v = strtoll(p, &end, 10);
		if (end == p)
			break;
		int64_t *slot = vec_add(&f->ignored);
		if (!slot)
			return -ENOMEM;
		*slot = v;
	}
	return 0;
}

static int copy_authority(void *arg, const struct store_authority *a)
{
	struct series_facts *f = arg;
	if (a->known != 0)
		return 0;
	snprintf(f->authority, sizeof f->authority, "%s", a->source);
	f->expected.authority = f->authority;
	f->expected.released = a->released;
	f->expected.planned = a->planned;
	return 0;
}

static int load_facts(struct store *s, int64_t series, int64_t first, struct series_facts *f)
{
	f->expected.first = first;
	int r = store_series_names(s, series, &f->key, &f->title);
	if (r == 0)
		r = store_wish(s, f->key, copy_wish, f);
	if (r == 0 || (r == -ENOENT && f->key))
		r = store_authority(s, f->key, copy_authority, f);
	f->expected.ignored = f->ignored.data;
	f->expected.ignored_count = f->ignored.len;
	return r == -ENOENT && f->key ? 0 : r;
}

static void clear_facts(struct series_facts *f)
{
	free(f->key);
	free(f->title);
	vec_clear(&f->ignored);
}

int store_settle_series(struct store *s, int64_t series, int64_t first, store_gaps_fn *compute)
{
	struct series_facts facts = {0};
	struct store_gaps gaps = {.total_source = ""};
	numbers list = {0};
	int r = load_facts(s, series, first, &facts);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = load_numbers(s, series, &list);
	if (r == 0 && list.len == 0) {
		r = end_series(s, series);
	} else if (r == 0) {
		r = compute(list.data, list.len, &facts.expected, &gaps);
		if (r == 0)
			r = store_gaps(s, series, facts.title, &gaps);
		if (r == 0)
			r = update_series(s, series, &gaps);
		if (r == 0)
			r = store_settle_requests(s, series, &gaps);
	}
	store_touch(s, TOPIC_BIT(manga) | TOPIC_BIT(audit));
	free(gaps.gap);
	free(gaps.owned);
	clear_facts(&facts);
	vec_clear(&list);
	return r;
}
