/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_symlinks.h"

#include <errno.h>
#include <stdlib.h>

#include "common/path.h"
#include "common/store_private.h"

#define TEXT(i) column_str(q, i)
#define BYTES(i) column_bytes(q, i)
#define INT(i) sqlite3_column_int64(q, i)

const char *const LINK_STATE_WORDS[LINK_STATE_COUNT] = {
#define S(id, word) [LINK_##id] = (word),
	LINK_STATES(S)
#undef S
};

/** A store that holds another number was not written by this program. */
static enum link_state state_of(sqlite3_stmt *q, int i)
{
	int64_t v = INT(i);
	return v >= 0 && v < LINK_STATE_COUNT ? (enum link_state)v : LINK_UNKNOWN;
}

/* --- links --- */

static struct store_symlink link_row(sqlite3_stmt *q)
{
	return (struct store_symlink){
		.id = INT(0), .root = INT(1), .dir = INT(2), .target_dir = INT(3), .dir_path = BYTES(4),
		.name = BYTES(5), .target = BYTES(6), .target_name = BYTES(7), .torrent = BYTES(8),
		.here = BYTES(9), .state = state_of(q, 10), .error = (int)INT(11), .sightings = INT(12),
		.first_at = INT(13), .last_at = INT(14), .since = INT(15), .ok_at = INT(16),
		.size = INT(17), .reason = TEXT(18),
	};
}

static int each_link(struct store *s, sqlite3_stmt *q, store_symlink_fn *fn, void *arg)
{
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_symlink row = link_row(q);
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** -ENOENT without a row. */
static int one_link(struct store *s, sqlite3_stmt *q, store_symlink_fn *fn, void *arg)
{
	int r = store_step(s, q);
	if (r > 0) {
		struct store_symlink row = link_row(q);
		r = fn(arg, &row);
	} else if (r == 0) {
		r = -ENOENT;
	}
	sqlite3_reset(q);
	return r;
}

/** Parameters 1 and 2 are the first and the last root. */
static void bind_roots(sqlite3_stmt *q, int64_t root)
{
	sqlite3_bind_int64(q, 1, root ? root : 0);
	sqlite3_bind_int64(q, 2, root ? root : INT64_MAX);
}

int store_symlinks(struct store *s, int64_t root, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_links_all);
	bind_roots(q, root);
	return each_link(s, q, fn, arg);
}

int store_symlinks_in(struct store *s, enum link_state state, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, state == LINK_OK ? SQL_links_ok : SQL_links_in);
	if (state != LINK_OK)
		sqlite3_bind_int(q, 1, (int)state);
	return each_link(s, q, fn, arg);
}

int store_symlinks_some(struct store *s, enum link_state state, int64_t most, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_links_some);
	sqlite3_bind_int(q, 1, (int)state);
	sqlite3_bind_int64(q, 2, most);
	return each_link(s, q, fn, arg);
}

int store_symlinks_of(struct store *s, struct bytes torrent, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_links_of);
	/* "" and "/" are no torrents */
	if (!torrent.len || memchr(torrent.data, '/', torrent.len))
		return 0;
	bind_bytes(q, 1, torrent.data, torrent.len);
	return each_link(s, q, fn, arg);
}

int store_symlinks_in_dir(struct store *s, int64_t dir, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_links_in_dir);
	sqlite3_bind_int64(q, 1, dir);
	return each_link(s, q, fn, arg);
}

int store_symlink(struct store *s, int64_t id, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_get);
	sqlite3_bind_int64(q, 1, id);
	return one_link(s, q, fn, arg);
}

int store_symlink_at(struct store *s, int64_t root, struct bytes dir, struct bytes name,
		     store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_at);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	bind_bytes(q, 3, name.data, name.len);
	return one_link(s, q, fn, arg);
}

int store_link_evidence(struct store *s, store_symlink_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_evidence);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_symlink row = {
			.id = INT(0), .dir = INT(1), .target_dir = INT(2), .target_name = BYTES(3),
			.state = state_of(q, 4), .error = (int)INT(5), .sightings = INT(6),
			.first_at = INT(7), .last_at = INT(8), .since = INT(9), .ok_at = INT(10),
			.size = INT(11), .reason = TEXT(12),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_link_last_ids(struct store *s, int64_t *dir, int64_t *target_dir)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_last_ids);
	int r = store_step(s, q);
	*dir = r > 0 ? INT(0) : 0;
	*target_dir = r > 0 ? INT(1) : 0;
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

/* --- counts --- */

static int count_states(struct store *s, int64_t root, struct store_symlink_counts *counts)
{
	sqlite3_stmt *q = store_stmt(s, root ? SQL_link_count_root : SQL_link_count);
	int r;
	if (root)
		sqlite3_bind_int64(q, 1, root);
	while ((r = store_step(s, q)) > 0) {
		counts->state[state_of(q, 0)] += INT(1);
		counts->total += INT(1);
		counts->bytes += INT(2);
	}
	return r;
}

static int count_root(struct store *s, enum sql_id id, int64_t root, int64_t *n)
{
	sqlite3_stmt *q = store_stmt(s, id);
	if (root)
		sqlite3_bind_int64(q, 1, root);
	return store_one_number(s, q, n);
}

int store_symlink_counts(struct store *s, int64_t root, struct store_symlink_counts *counts)
{
	*counts = (struct store_symlink_counts){0};
	int r = count_states(s, root, counts);
	sqlite3_stmt *q = store_stmt(s, SQL_link_dir_count);
	bind_roots(q, root);
	if (r == 0)
		r = store_one_number(s, q, &counts->dirs);
	if (r == 0)
		r = count_root(s, root ? SQL_link_target_count_root : SQL_link_target_count, root,
			       &counts->target_dirs);
	if (r == 0)
		r = count_root(s, root ? SQL_link_torrent_count_root : SQL_link_torrent_count, root,
			       &counts->torrents);
	return r;
}

int store_symlink_states(struct store *s, struct store_symlink_counts *counts)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_states);
	int64_t others = 0;
	int r;
	*counts = (struct store_symlink_counts){0};
	while ((r = store_step(s, q)) > 0) {
		counts->state[state_of(q, 0)] += INT(1);
		others += INT(1);
	}
	if (r == 0)
		r = store_one_number(s, store_stmt(s, SQL_link_total), &counts->total);
	counts->state[LINK_OK] = counts->total - others;
	return r;
}

int store_symlink_total(struct store *s, int64_t root, int64_t *n)
{
	return count_root(s, SQL_link_total_root, root, n);
}

int store_broken_torrents(struct store *s, store_broken_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_broken_torrents);
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, BYTES(0), INT(1), INT(2));
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/* --- directories --- */

int store_link_dirs(struct store *s, int64_t root, store_link_dir_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_dirs);
	int r;
	sqlite3_bind_int64(q, 1, root);
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, INT(0), BYTES(1), INT(2), INT(3));
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_target_dirs(struct store *s, int (*fn)(void *arg, const struct store_target_dir *row), void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_targets);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_target_dir row = {
			.id = INT(0), .path = BYTES(1), .here = BYTES(2), .torrent = BYTES(3)};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** Paths below a directory lie between these two; both empty below the root itself. */
struct below {
	struct buf low, high;
};

static int below_of(struct bytes dir, struct below *b)
{
	*b = (struct below){BUF_INIT(1 << 16), BUF_INIT(1 << 16)};
	if (!dir.len)
		return 0;
	buf_add(&b->low, dir.data, dir.len);
	buf_add(&b->high, dir.data, dir.len);
	buf_addc(&b->low, '/');
	/* what follows '/' */
	buf_addc(&b->high, '0');
	return buf_error(&b->low) || buf_error(&b->high) ? -ENAMETOOLONG : 0;
}

static void below_clear(struct below *b)
{
	buf_clear(&b->low);
	buf_clear(&b->high);
}

static int broken_dirs(struct store *s, int64_t root, struct bytes dir, store_broken_entry_fn *fn, void *arg)
{
	__attribute__((cleanup(below_clear))) struct below b;
	sqlite3_stmt *q = store_stmt(s, SQL_link_broken_dirs);
	int r = below_of(dir, &b);
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, root);
	sqlite3_bind_int64(q, 2, (int64_t)(dir.len ? dir.len + 2 : 1));
	bind_bytes(q, 3, buf_str(&b.low), b.low.len);
	/* below the root there is no end */
	if (dir.len)
		bind_bytes(q, 4, b.high.data, b.high.len);
	else
		sqlite3_bind_null(q, 4);
	while ((r = store_step(s, q)) > 0) {
		struct store_broken_entry e = {.name = BYTES(0), .is_dir = true};
		r = fn(arg, &e);
		if (r)
			break;
	}
	sqlite3_reset(q);
	/* its bindings point to what ends here */
	clear_bindings(q);
	return r;
}

int store_broken_dir(struct store *s, int64_t root, struct bytes dir, int64_t *id)
{
	__attribute__((cleanup(below_clear))) struct below b;
	sqlite3_stmt *q = store_stmt(s, SQL_link_broken_dir);
	int r = below_of(dir, &b);
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	if (dir.len) {
		bind_bytes(q, 3, b.low.data, b.low.len);
		bind_bytes(q, 4, b.high.data, b.high.len);
	}
	r = store_step(s, q);
	*id = r > 0 ? INT(0) : 0;
	sqlite3_reset(q);
	clear_bindings(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_link_dir_at(struct store *s, int64_t root, struct bytes dir, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_dir_find);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	int r = store_step(s, q);
	*id = r > 0 ? INT(0) : 0;
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_link_dir(struct store *s, int64_t id, int64_t *root, struct buf *path)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_dir_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r > 0) {
		struct bytes text = BYTES(1);
		*root = INT(0);
		buf_add(path, text.data, text.len);
	}
	sqlite3_reset(q);
	return r > 0 ? buf_error(path) : r < 0 ? r : -ENOENT;
}

int store_broken_list(struct store *s, int64_t root, struct bytes dir, store_broken_entry_fn *fn, void *arg)
{
	int r = broken_dirs(s, root, dir, fn, arg);
	sqlite3_stmt *q = store_stmt(s, SQL_link_broken_here);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	while (r == 0 && (r = store_step(s, q)) > 0) {
		struct store_broken_entry e = {.name = BYTES(0), .id = INT(1), .since = INT(2)};
		r = fn(arg, &e);
	}
	sqlite3_reset(q);
	return r;
}

/* --- holds, health --- */

int store_link_holds(struct store *s, store_link_hold_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_holds);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_link_hold row = {
			.root = INT(0), .count = INT(1), .since = INT(2), .name = TEXT(3), .reason = TEXT(4)};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_mount_health(struct store *s, store_mount_health_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_health);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_mount_health row = {
			.path = TEXT(0), .state = TEXT(1), .reason = TEXT(2), .fstype = TEXT(3),
			.since = INT(4), .looked_at = INT(5), .entries = INT(6),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** One anchor of the target directories from @low to before @high; 1 when there is one. */
static int anchor_between(struct store *s, int64_t low, int64_t high, struct buf *path)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_anchor);
	sqlite3_bind_int64(q, 1, low);
	sqlite3_bind_int64(q, 2, high);
	int r = store_step(s, q);
	buf_reset(path);
	if (r > 0) {
		struct bytes here = BYTES(0), name = BYTES(1);
		buf_add(path, here.data, here.len);
		if (here.len && here.data[here.len - 1] != '/')
			buf_addc(path, '/');
		buf_add(path, name.data, name.len);
		r = buf_error(path) ? buf_error(path) : 1;
	}
	sqlite3_reset(q);
	return r;
}

/* ids of target directories come in the order in which they were found: torrents are spread over them */
int store_link_anchors(struct store *s, int most, int (*fn)(void *arg, struct bytes path), void *arg)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	int64_t last = 0;
	int r = store_one_number(s, store_stmt(s, SQL_link_target_span), &last);
	for (int64_t i = 0; i < most && r == 0; i++) {
		int64_t low = 1 + last * i / most, high = 1 + last * (i + 1) / most;
		r = high > low ? anchor_between(s, low, high, &path) : 0;
		if (r > 0)
			r = fn(arg, (struct bytes){path.data, path.len});
	}
	return r;
}
