/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Who is who: a file that moved keeps its row.
 *
 * While a scan runs, rows belong to places: what is seen at a place is written to the row of that
 * place.  A row whose inode is another one than before, or that is new and may be a file that was
 * known elsewhere, is `pending`; what a place held before is kept in old_inode and old_btime.
 * What is not at its place any more is lost (table gone), with all that is known of it.
 *
 * At the end of the scan, in whatever order its folders were listed, each pending row takes the
 * id of the file that it is: of one whose place has another inode now, of a lost one with the same
 * inode and birth time, of a lost one with the same hash and size.  What shares its inode with a
 * row that is still there is a hard link, once the other place was looked at again; a file that
 * has one name only is believed to be two after three looks (the same tree mounted twice).
 */
#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/store_facts.h"
#include "common/store_fresh.h"
#include "common/store_ids.h"
#include "common/store_pack.h"
#include "common/store_settle.h"
#include "common/store_tally.h"
#include "common/store_write_integrity.h"
#include "common/vec.h"

/* --- what a row is --- */

struct pending {
	int64_t id, inode, btime, size, mtime, hash, old_inode, old_btime, added_at, pending;
};

/** -ENOENT when there is no such row. */
static int pending_load(struct store *s, int64_t id, struct pending *p)
{
	int64_t *const number[] = {&p->inode, &p->btime, &p->size, &p->mtime, &p->hash,
				   &p->old_inode, &p->old_btime, &p->added_at, &p->pending};
	*p = (struct pending){.id = id};
	sqlite3_stmt *q = store_stmt(s, SQL_pending_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	for (int i = 0; i < (int)(sizeof number / sizeof *number); i++)
		*number[i] = sqlite3_column_int64(q, i);
	sqlite3_reset(q);
	return 0;
}

int store_is_known(struct store *s, const struct store_put *put)
{
	if (!s->has_history)
		return 0;
	int r = store_index_late(s);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_identity_known);
	int64_t v = 0;
	sqlite3_bind_int64(q, 1, put->inode);
	sqlite3_bind_int64(q, 2, put->btime);
	sqlite3_bind_int64(q, 3, (int64_t)put->hash);
	sqlite3_bind_int64(q, 4, put->size);
	r = store_returning(s, q, &v);
	return r < 0 ? r : v != 0;
}

/* --- losing and coming back --- */

/** What is known of a file, packed; 0 bytes when it cannot be shown without a read. */
static int encode_media(struct store *s, int64_t file, unsigned *of, struct buf *out)
{
	static const unsigned kinds[] = {OF_TRACK, OF_VOLUME};
	struct media m;
	int r = 0;
	media_init(&m);
	*of = 0;
	for (size_t i = 0; i < 2 && r >= 0 && !*of; i++) {
		r = store_file_media(s, file, kinds[i], &m);
		if (r == 0) {
			*of = kinds[i];
			r = store_pack_all(s, &m, out);
		} else if (r == -ENOENT) {
			r = 0;
		}
	}
	media_clear(&m);
	return r;
}

static int add_gone(struct store *s, int64_t file, unsigned of, const struct buf *media)
{
	sqlite3_stmt *q = store_stmt(s, SQL_gone_add);
	sqlite3_bind_int64(q, 1, file);
	sqlite3_bind_int64(q, 2, s->started_at);
	sqlite3_bind_int64(q, 3, of);
	if (media && media->len)
		bind_bytes(q, 4, media->data, media->len);
	else
		sqlite3_bind_null(q, 4);
	return store_run(s, q);
}

struct lost {
	int state;
	int64_t size, hash, added_at, job, inode, btime;
};

/** A copy made since, of which nobody knew that it was to be a move. */
static int mark_copy(struct store *s, int64_t file, const struct lost *l)
{
	sqlite3_stmt *q = store_stmt(s, SQL_copies);
	int64_t copy;
	if (!l->hash)
		return 0;
	sqlite3_bind_int64(q, 1, l->hash);
	sqlite3_bind_int64(q, 2, l->size);
	sqlite3_bind_int64(q, 3, file);
	sqlite3_bind_int64(q, 4, l->added_at);
	sqlite3_bind_int64(q, 5, s->started_at - MOVE_NS);
	sqlite3_bind_int64(q, 6, l->job);
	/* another name of it is no copy */
	sqlite3_bind_int64(q, 7, l->inode);
	sqlite3_bind_int64(q, 8, l->btime);
	int r = store_returning(s, q, &copy);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return store_run_id(s, SQL_pending_set, copy);
}

/** Whether the row is still at the place where it was missed. */
static int find_lost(struct store *s, int64_t file, int64_t dir, struct bytes name, struct lost *l)
{
	sqlite3_stmt *q = store_stmt(s, SQL_file_of);
	sqlite3_bind_int64(q, 1, file);
	sqlite3_bind_int64(q, 2, dir);
	bind_bytes(q, 3, name.data, name.len);
	int r = store_step(s, q);
	if (r <= 0)
		return r;
	*l = (struct lost){sqlite3_column_int(q, 0), sqlite3_column_int64(q, 1),
			   sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3),
			   sqlite3_column_int64(q, 4), sqlite3_column_int64(q, 5),
			   sqlite3_column_int64(q, 6)};
	sqlite3_reset(q);
	return 1;
}

int store_lose_file(struct store *s, int64_t file, int64_t dir, struct bytes name,
		    struct store_touched *touched)
{
	_buf_ struct buf media = BUF_INIT(1 << 22);
	struct lost l;
	unsigned of = 0;
	*touched = (struct store_touched){0};
	int r = find_lost(s, file, dir, name, &l);
	if (r <= 0)
		return r;
	r = store_index_late(s);
	if (r == 0)
		r = encode_media(s, file, &of, &media);
	if (r == 0)
		r = add_gone(s, file, of, l.state != FILE_FAILED ? &media : NULL);
	if (r == 0)
		r = mark_copy(s, file, &l);
	store_touch(s, TOPIC_BIT(roots));
	return r < 0 ? r : store_forget_file(s, file, touched);
}

/** The row of table gone as it would come from a scan; @media: filled. */
static void read_gone(struct store *s, sqlite3_stmt *q, struct store_put *put, struct media *media)
{
	*put = (struct store_put){
		.root = sqlite3_column_int64(q, 0), .dir = column_bytes(q, 1),
		.name = column_bytes(q, 2), .size = sqlite3_column_int64(q, 3),
		.mtime = sqlite3_column_int64(q, 4), .ctime = sqlite3_column_int64(q, 5),
		.inode = sqlite3_column_int64(q, 6), .btime = sqlite3_column_int64(q, 7),
		.hash = (uint64_t)sqlite3_column_int64(q, 8),
		.of = (unsigned)sqlite3_column_int(q, 10), .cover = sqlite3_column_int(q, 11) != 0,
		.media = media,
	};
	if (store_unpack_all(s, column_bytes(q, 12), media) < 0)
		media_reset(media);
}

static int insert_again(struct store *s, int64_t file, const struct store_put *put, int64_t dir,
			int64_t added_at)
{
	store_fresh_end(s);
	sqlite3_stmt *q = store_stmt(s, SQL_file_restore);
	sqlite3_bind_int64(q, 1, file);
	sqlite3_bind_int64(q, 2, dir);
	bind_bytes(q, 3, put->name.data, put->name.len);
	sqlite3_bind_int64(q, 4, put->size);
	sqlite3_bind_int64(q, 5, put->mtime);
	sqlite3_bind_int64(q, 6, put->ctime);
	sqlite3_bind_int64(q, 7, put->inode);
	sqlite3_bind_int64(q, 8, put->job);
	sqlite3_bind_int64(q, 9, added_at);
	sqlite3_bind_int64(q, 10, put->btime);
	sqlite3_bind_int64(q, 11, (int64_t)put->hash);
	sqlite3_bind_int64(q, 12, store_pack_name(put->name));
	int r = store_run(s, q), added = r < 0 ? 0 : sqlite3_changes(s->db);
	if (added)
		r = store_tally_add_to(s, TALLY_file, put->root, (double)put->size);
	return r < 0 ? r : added;
}

int store_restore_file(struct store *s, int64_t file, int64_t job, struct store_touched *touched)
{
	struct media media;
	struct store_put put;
	*touched = (struct store_touched){0};
	sqlite3_stmt *q = store_stmt(s, SQL_gone_get);
	sqlite3_bind_int64(q, 1, file);
	int r = store_step(s, q);
	if (r <= 0)
		return r;
	media_init(&media);
	read_gone(s, q, &put, &media);
	put.job = job;
	touched->file = file;
	r = store_put_dir(s, &put, &touched->dir);
	if (r == 0)
		r = insert_again(s, file, &put, touched->dir, sqlite3_column_int64(q, 9));
	bool is_back = r > 0;
	if (is_back)
		r = put.of == OF_VOLUME ? store_add_volume(s, &put, touched)
					: store_add_track(s, &put, touched);
	sqlite3_reset(q);
	media_clear(&media);
	if (r == 0 && is_back)
		r = store_keep_verdict(s, file);
	return r == 0 && is_back ? store_run_id(s, SQL_gone_delete, file) : r;
}

int store_purge_gone(struct store *s, int64_t time)
{
	int r = store_run(s, store_stmt(s, SQL_old_purge));
	if (r == 0)
		r = store_run_id(s, SQL_gone_purge, time);
	return r < 0 ? r : store_run(s, store_stmt(s, SQL_integrity_purge));
}

/* --- ids change their places --- */

static int run_two(struct store *s, enum sql_id sql, int64_t a, int64_t b)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	sqlite3_bind_int64(q, 1, a);
	sqlite3_bind_int64(q, 2, b);
	return store_run(s, q);
}

/** All that hangs on a file's number hangs on another one. */
static int renumber(struct store *s, int64_t from, int64_t to)
{
	static const enum sql_id tables[] = {SQL_track_take, SQL_volume_take, SQL_error_take};
	/* another track of it may be the first one now */
	store_forget_album(s, store_owner_of(s, SQL_track_album, from));
	int r = 0;
	for (size_t i = 0; i < sizeof tables / sizeof *tables && r == 0; i++)
		r = run_two(s, tables[i], from, to);
	return r;
}

static void touch_owner(struct store *s, int64_t file, store_touched_fn *fn, void *arg)
{
	struct store_touched t = {
		.file = file,
		.album = {store_owner_of(s, SQL_track_album, file), 0},
		.series = {store_owner_of(s, SQL_volume_series, file), 0},
	};
	fn(arg, &t);
}

/** The row becomes the file @id, which is nowhere else; what it was before is lost. */
static int become(struct store *s, const struct pending *p, int64_t id, int64_t added_at)
{
	int r = p->old_inode && p->pending ? add_gone(s, p->id, 0, NULL) : 0;
	sqlite3_stmt *q = store_stmt(s, SQL_file_take);
	sqlite3_bind_int64(q, 1, p->id);
	sqlite3_bind_int64(q, 2, id);
	sqlite3_bind_int64(q, 3, added_at);
	if (r == 0)
		r = store_run(s, q);
	if (r == 0)
		r = renumber(s, p->id, id);
	return r < 0 ? r : store_keep_verdict(s, id);
}

static int adopt(struct store *s, const struct pending *p, int64_t lost, int64_t added_at)
{
	int r = store_run_id(s, SQL_gone_delete, lost);
	return r < 0 ? r : become(s, p, lost, added_at);
}

/** The row @p is the file @k, at whose place another one is now.  That one has a new number, *fresh,
 * and is pending. */
static int change_places(struct store *s, const struct pending *p, const struct pending *k,
			 int64_t *fresh)
{
	int r = store_new_id(s, NUMBERED_file, fresh);
	sqlite3_stmt *q = store_stmt(s, SQL_file_leave);
	sqlite3_bind_int64(q, 1, k->id);
	sqlite3_bind_int64(q, 2, *fresh);
	sqlite3_bind_int64(q, 3, s->started_at);
	if (r == 0)
		r = store_run(s, q);
	if (r == 0)
		r = renumber(s, k->id, *fresh);
	return r < 0 ? r : become(s, p, k->id, k->added_at);
}

/* --- the end of a scan --- */

/** When a place got another inode: at any time; by a scan that nobody has resolved yet. */
enum moved {
	MOVED_ONCE,
	MOVED_NOW,
};

/** *id, *added_at of what a bound statement finds: 1, 0 when it finds nothing, -errno. */
static int found(struct store *s, sqlite3_stmt *q, int64_t *id, int64_t *added_at)
{
	int r = store_step(s, q);
	if (r > 0) {
		*id = sqlite3_column_int64(q, 0);
		*added_at = sqlite3_column_int64(q, 1);
		sqlite3_reset(q);
	}
	return r;
}

static int lost_inode(struct store *s, const struct pending *p, int64_t *id, int64_t *added_at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_owner_gone);
	sqlite3_bind_int64(q, 1, p->inode);
	sqlite3_bind_int64(q, 2, p->btime);
	sqlite3_bind_int64(q, 3, p->size);
	sqlite3_bind_int64(q, 4, p->mtime);
	return found(s, q, id, added_at);
}

static int lost_otherwise(struct store *s, const struct pending *p, int64_t *id, int64_t *added_at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_owner_gone_hash);
	/* a known place with new content stays what it is */
	if (p->old_inode)
		return 0;
	sqlite3_bind_int64(q, 1, p->hash);
	sqlite3_bind_int64(q, 2, p->size);
	return p->hash ? found(s, q, id, added_at) : 0;
}

/** *id of the row the place of which has another inode now; @since: since when at the earliest. */
static int moved_inode(struct store *s, const struct pending *p, enum moved since, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_owner_moved);
	int64_t added_at;
	sqlite3_bind_int64(q, 1, p->inode);
	sqlite3_bind_int64(q, 2, p->btime);
	sqlite3_bind_int64(q, 3, p->id);
	sqlite3_bind_int(q, 4, since);
	return found(s, q, id, &added_at);
}

/** Whether another row has the same inode: a hard link, or the place that it moved from. */
static int has_twin(struct store *s, const struct pending *p)
{
	sqlite3_stmt *q = store_stmt(s, SQL_owner_there);
	int64_t id, added_at;
	sqlite3_bind_int64(q, 1, p->inode);
	sqlite3_bind_int64(q, 2, p->btime);
	sqlite3_bind_int64(q, 3, p->id);
	sqlite3_bind_int64(q, 4, p->size);
	sqlite3_bind_int64(q, 5, p->mtime);
	return found(s, q, &id, &added_at);
}

struct resolver {
	struct store *s;
	/** Rows to look at; and those that nobody was, open until all were looked at. */
	VEC(int64_t) todo, done;
	store_touched_fn *fn;
	void *arg;
};

static int move_here(struct resolver *r, const struct pending *p, int64_t owner)
{
	struct pending k;
	int64_t fresh = 0;
	int e = pending_load(r->s, owner, &k);
	if (e == 0)
		e = change_places(r->s, p, &k, &fresh);
	int64_t *again = e == 0 ? vec_add(&r->todo) : NULL;
	if (!again)
		return e < 0 ? e : -ENOMEM;
	*again = fresh;
	touch_owner(r->s, owner, r->fn, r->arg);
	touch_owner(r->s, fresh, r->fn, r->arg);
	return 1;
}

static int resolve_moved(struct resolver *r, const struct pending *p, enum moved since)
{
	int64_t owner;
	int e = moved_inode(r->s, p, since, &owner);
	return e <= 0 ? e : move_here(r, p, owner);
}

static int resolve_nobody(struct resolver *r, const struct pending *p)
{
	int64_t *slot = vec_add(&r->done);
	if (!slot)
		return -ENOMEM;
	*slot = p->id;
	return 0;
}

static int resolve_row(struct resolver *r, const struct pending *p)
{
	int64_t owner, added_at;
	/* it came back to what it was */
	if (p->old_inode == p->inode && p->old_btime == p->btime)
		return store_run_id(r->s, SQL_pending_clear, p->id);
	/* before those that are lost: among them may be other names that it once had */
	int e = resolve_moved(r, p, MOVED_NOW);
	if (e == 0 && p->pending >= PENDING_ONLY)
		e = has_twin(r->s, p);
	if (e != 0)
		return e < 0 ? e : 0;
	e = lost_inode(r->s, p, &owner, &added_at);
	if (e == 0) {
		e = resolve_moved(r, p, MOVED_ONCE);
		/* one that may be it is still there */
		if (e == 0)
			e = has_twin(r->s, p);
		if (e != 0)
			return e < 0 ? e : 0;
		e = lost_otherwise(r->s, p, &owner, &added_at);
	}
	if (e == 0)
		return resolve_nobody(r, p);
	if (e > 0)
		e = adopt(r->s, p, owner, added_at);
	if (e == 0)
		touch_owner(r->s, owner, r->fn, r->arg);
	return e;
}

static int load_todo(struct resolver *r)
{
	sqlite3_stmt *q = store_stmt(r->s, SQL_pending);
	int e;
	while ((e = store_step(r->s, q)) > 0) {
		int64_t *slot = vec_add(&r->todo);
		if (!slot) {
			sqlite3_reset(q);
			return -ENOMEM;
		}
		*slot = sqlite3_column_int64(q, 0);
	}
	return e;
}

int store_resolve(struct store *s, store_touched_fn *fn, void *arg)
{
	struct resolver r = {.s = s, .fn = fn, .arg = arg};
	int e = load_todo(&r);
	/* a first scan has nothing to resolve: its indexes are made when nobody writes, or when somebody asks */
	if (e == 0 && r.todo.len)
		e = store_index_late(s);
	for (size_t i = 0; i < r.todo.len && e == 0; i++) {
		struct pending p;
		e = pending_load(s, r.todo.data[i], &p);
		if (e == 0 && p.pending)
			e = resolve_row(&r, &p);
		if (e == -ENOENT)
			e = 0;
	}
	for (size_t i = 0; i < r.done.len && e == 0; i++)
		e = store_run_id(s, SQL_pending_done, r.done.data[i]);
	vec_clear(&r.todo);
	vec_clear(&r.done);
	s->has_history = true;
	return e;
}

int store_settle_twin(struct store *s, int64_t file, bool again)
{
	return store_run_id(s, again ? SQL_pending_again : SQL_pending_done, file);
}
