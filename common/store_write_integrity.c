/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_write_integrity.h"

#include <errno.h>

#include "common/buf.h"
#include "common/store_settle.h"

enum {
	/** More than a scan tries: one that only looks at what changed does not read it again. */
	ERROR_TRIES = 1000,
};

/** Where a file is, and how the index knows it. */
struct place {
	int64_t root, size, mtime;
	int state;
	struct buf path;
};

static int find_place(struct store *s, int64_t file, struct place *p)
{
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_place);
	sqlite3_bind_int64(q, 1, file);
	int r = store_step(s, q);
	if (r > 0) {
		struct bytes dir = column_bytes(q, 1), name = column_bytes(q, 2);
		p->root = sqlite3_column_int64(q, 0);
		p->size = sqlite3_column_int64(q, 3);
		p->mtime = sqlite3_column_int64(q, 4);
		p->state = sqlite3_column_int(q, 5);
		buf_add(&p->path, dir.data, dir.len);
		if (dir.len)
			buf_addc(&p->path, '/');
		buf_add(&p->path, name.data, name.len);
	}
	sqlite3_reset(q);
	return r > 0 ? buf_error(&p->path) : r < 0 ? r : -ENOENT;
}

static int set_state(struct store *s, int64_t file, enum file_state state)
{
	sqlite3_stmt *q = store_stmt(s, SQL_file_state);
	sqlite3_bind_int64(q, 1, file);
	sqlite3_bind_int(q, 2, state);
	return store_run(s, q);
}

static int put_error(struct store *s, const struct place *p, int64_t file, const char *kind, const char *reason)
{
	const struct bytes path = {buf_str(&p->path), p->path.len};
	return store_put_file_error(s, p->root, path, file, kind, reason, ERROR_TRIES);
}

/** The state of the file's row and its row among the errors say what the verdict is. */
static int show(struct store *s, const struct place *p, const struct store_verdict *v)
{
	const struct bytes path = {buf_str(&p->path), p->path.len};
	if (v->verdict == VERDICT_corrupt) {
		int r = put_error(s, p, v->file, "corrupt", v->reason);
		return r < 0 ? r : set_state(s, v->file, FILE_CORRUPT);
	}
	/* what the disk did not give may be as damaged as it was */
	if (v->verdict == VERDICT_unreadable)
		return p->state == FILE_CORRUPT ? 0 : put_error(s, p, v->file, "unreadable", v->reason);
	int r = store_clear_error(s, p->root, path);
	return r < 0 || p->state != FILE_CORRUPT ? r : set_state(s, v->file, FILE_READ);
}

static int put_row(struct store *s, const struct store_verdict *v)
{
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_put);
	const int64_t numbers[] = {v->file, v->size, v->mtime, v->ctime, v->inode, s->started_at, v->verdict, v->tries};
	for (int i = 0; i < 8; i++)
		sqlite3_bind_int64(q, i + 1, numbers[i]);
	bind_str(q, 9, v->how);
	bind_str(q, 10, v->reason);
	return store_run(s, q);
}

int store_put_verdict(struct store *s, const struct store_verdict *v, struct store_touched *touched)
{
	struct place p = {.path = BUF_INIT(1 << 16)};
	*touched = (struct store_touched){.file = v->file};
	int r = find_place(s, v->file, &p);
	bool is_same = r == 0 && p.size == v->size && p.mtime == v->mtime && p.state != FILE_FAILED;
	if (is_same)
		r = put_row(s, v);
	if (is_same && r == 0)
		r = show(s, &p, v);
	if (is_same && r == 0 && (v->verdict == VERDICT_corrupt || p.state == FILE_CORRUPT)) {
		/* the reason may be another one */
		store_touch(s, TOPIC_BIT(missing));
		touched->album[0] = store_owner_of(s, SQL_track_album, v->file);
		touched->series[0] = store_owner_of(s, SQL_volume_series, v->file);
	}
	if (is_same)
		store_touch(s, TOPIC_BIT(integrity));
	buf_clear(&p.path);
	return r == -ENOENT ? 0 : r;
}

int store_keep_verdict(struct store *s, int64_t file)
{
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_of);
	struct place p = {.path = BUF_INIT(1 << 16)};
	_buf_ struct buf reason = BUF_INIT(1 << 12);
	sqlite3_bind_int64(q, 1, file);
	int r = store_step(s, q);
	if (r <= 0)
		return r;
	struct store_verdict v = {.file = file, .verdict = (enum verdict)sqlite3_column_int(q, 0)};
	buf_adds(&reason, column_str(q, 1));
	v.reason = buf_str(&reason);
	bool is_failed = sqlite3_column_int(q, 2) == FILE_FAILED, is_same = sqlite3_column_int(q, 3) != 0;
	sqlite3_reset(q);
	store_touch(s, TOPIC_BIT(integrity));
	if (!is_same || is_failed)
		return store_run_id(s, SQL_integrity_forget, file);
	if (v.verdict != VERDICT_corrupt)
		return 0;
	r = find_place(s, file, &p);
	if (r == 0)
		r = show(s, &p, &v);
	buf_clear(&p.path);
	return r;
}
