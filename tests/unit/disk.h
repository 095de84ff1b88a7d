/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A small disk that exists only here, and scans of it as the pipeline makes them: the real diff
 * over lists of its folders, what it wants put into a real store, what it misses lost, twins
 * settled when both were seen, and at the end who is who.
 */
#ifndef TESTS_UNIT_DISK_H
#define TESTS_UNIT_DISK_H

#include "tests/unit/unit.h"

#include <stdbool.h>

#include "common/store_private.h"
#include "common/store_write.h"
#include "common/vec.h"
#include "indexer/discover/diff.h"
#include "indexer/frame.h"

struct inode {
	int64_t number, btime, mtime, ctime;
	/** What it holds: its size, hash and title. */
	int content, links;
};

struct spot {
	char dir[8], name[8];
	/** Its place in disk.inode from 1; 0: nothing is there. */
	int inode;
};

enum {
	DISK_SPOTS = 64,
	DISK_LOSSES = 64,
};

struct loss {
	int64_t file, dir;
	char folder[8], name[8];
};

struct disk {
	char *folder;
	struct store *s;
	int64_t root, job, clock;
	VEC(struct inode) inode;
	struct spot spot[DISK_SPOTS];
	size_t spots;
	/** A folder that lists nothing, as if its disk were away. */
	const char *hidden;
	/** File systems that tell no birth time. */
	bool has_no_btime;
	/** Happens after the first folder of the next scan was listed. */
	void (*between)(struct disk *d);
	/** Files that were read. */
	int reads;
	/* of the scan at hand */
	struct diff *diff;
	const char *dir;
	struct loss loss[DISK_LOSSES];
	size_t losses;
	VEC(int64_t) settled;
	/** Folders that must be looked at again, by their first letter. */
	bool again[256];
};

/* --- what people do --- */

static inline struct spot *disk_spot(struct disk *d, const char *path)
{
	const char *slash = strchr(path, '/');
	int n = (int)(slash - path);
	for (size_t i = 0; i < d->spots; i++)
		if (strncmp(d->spot[i].dir, path, (size_t)n) == 0 && !d->spot[i].dir[n] &&
		    strcmp(d->spot[i].name, slash + 1) == 0)
			return &d->spot[i];
	assert_true(d->spots < DISK_SPOTS);
	struct spot *s = &d->spot[d->spots++];
	snprintf(s->dir, sizeof s->dir, "%.*s", n, path);
	snprintf(s->name, sizeof s->name, "%s", slash + 1);
	return s;
}

static inline struct inode *disk_inode(struct disk *d, const char *path)
{
	int i = disk_spot(d, path)->inode;
	return i ? &d->inode.data[i - 1] : NULL;
}

static inline void disk_rm(struct disk *d, const char *path)
{
	struct inode *i = disk_inode(d, path);
	if (i) {
		i->links--;
		i->ctime = ++d->clock;
	}
	disk_spot(d, path)->inode = 0;
}

/** A new inode at @path; whatever was there loses that name. */
static inline struct inode *disk_make(struct disk *d, const char *path, int content)
{
	disk_rm(d, path);
	struct inode *i = vec_add(&d->inode);
	assert_non_null(i);
	*i = (struct inode){.number = 1000 + (int64_t)d->inode.len, .content = content, .links = 1};
	i->mtime = i->ctime = ++d->clock;
	i->btime = d->has_no_btime ? 0 : i->mtime;
	disk_spot(d, path)->inode = (int)d->inode.len;
	return i;
}

static inline void disk_mv(struct disk *d, const char *from, const char *to)
{
	int inode = disk_spot(d, from)->inode;
	assert_int_not_equal(inode, 0);
	disk_rm(d, to);
	disk_spot(d, to)->inode = inode;
	disk_spot(d, from)->inode = 0;
	disk_inode(d, to)->ctime = ++d->clock;
}

static inline void disk_ln(struct disk *d, const char *from, const char *to)
{
	disk_rm(d, to);
	disk_spot(d, to)->inode = disk_spot(d, from)->inode;
	disk_inode(d, to)->links++;
	disk_inode(d, to)->ctime = ++d->clock;
}

/** As cp -p does: the same content and time, another inode. */
static inline void disk_cp(struct disk *d, const char *from, const char *to)
{
	struct inode was = *disk_inode(d, from);
	disk_make(d, to, was.content)->mtime = was.mtime;
}

/* --- scans --- */

static inline void disk_open(struct disk *d)
{
	char why[256];
	if (store_open_writer(d->folder, &d->s, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(store_exec(d->s, "PRAGMA synchronous = OFF"), 0);
	assert_int_equal(store_begin_write(d->s), 0);
}

static inline void disk_init(struct disk *d)
{
	*d = (struct disk){.folder = unit_folder(), .job = 1, .clock = 1000000};
	disk_open(d);
	assert_int_equal(store_put_root(d->s, "music", "music", "/srv/music", &d->root), 0);
}

static inline void disk_commit(struct disk *d)
{
	uint64_t generation;
	assert_int_equal(store_commit(d->s, &generation), 0);
	assert_int_equal(store_begin_write(d->s), 0);
}

/** Commits, ends the program and starts it again. */
static inline void disk_restart(struct disk *d)
{
	disk_commit(d);
	store_rollback(d->s);
	store_close(d->s);
	disk_open(d);
}

static inline void disk_end(struct disk *d)
{
	store_rollback(d->s);
	store_close(d->s);
	vec_clear(&d->inode);
	vec_clear(&d->settled);
	unit_remove(d->folder);
}

static inline void disk_put(struct disk *d, const struct seen *e, int content)
{
	char title[32];
	struct media m;
	struct store_touched t;
	struct store_put put = {
		.root = d->root, .job = d->job, .file = e->file, .dir = {d->dir, strlen(d->dir)},
		.name = e->name, .size = e->size, .mtime = e->mtime, .ctime = e->ctime,
		.inode = e->inode, .btime = e->btime, .links = e->links,
		.hash = content ? (uint64_t)content * 0x9e3779b97f4a7c15u : 0, .of = OF_TRACK, .media = &m,
	};
	media_init(&m);
	snprintf(title, sizeof title, "%d", content);
	media_set_text(&m, FIELD_title, title, strlen(title));
	assert_int_equal(store_put_file(d->s, &put, &t), 0);
	media_clear(&m);
	d->reads++;
}

static inline void disk_wanted(void *arg, struct seen *e)
{
	struct disk *d = arg;
	char path[32];
	snprintf(path, sizeof path, "%s/%.*s", d->dir, (int)e->name.len, e->name.data);
	disk_put(d, e, disk_inode(d, path)->content);
}

static inline void disk_change(void *arg, struct change *c)
{
	struct disk *d = arg;
	struct store_touched t;
	if (c->kind == CHANGE_RESTORE_FILE)
		assert_int_equal(store_restore_file(d->s, c->row, c->job, &t), 0);
	else
		assert_int_equal(c->kind, CHANGE_EXPIRE_ERRORS);
	change_free(c);
}

static inline void disk_list(struct disk *d, const char *dir)
{
	struct seen seen[DISK_SPOTS];
	size_t n = 0;
	for (size_t i = 0; i < d->spots; i++) {
		const struct spot *s = &d->spot[i];
		if (!s->inode || strcmp(s->dir, dir) != 0 || (d->hidden && strcmp(d->hidden, dir) == 0))
			continue;
		const struct inode *in = &d->inode.data[s->inode - 1];
		seen[n++] = (struct seen){
			.type = ENTRY_FILE, .size = 5000 + in->content, .mtime = in->mtime, .ctime = in->ctime,
			.inode = in->number, .btime = in->btime, .links = in->links,
			.name = {s->name, strlen(s->name)},
		};
	}
	d->dir = dir;
	assert_int_equal(diff_chunk(d->diff, (struct bytes){dir, strlen(dir)}, LIST_FIRST | LIST_LAST, 0,
				    seen, n), 0);
}

static inline int disk_on_lost(void *arg, const struct lost_file *f)
{
	struct disk *d = arg;
	assert_true(d->losses < DISK_LOSSES);
	struct loss *l = &d->loss[d->losses++];
	*l = (struct loss){.file = f->file, .dir = f->dir};
	snprintf(l->folder, sizeof l->folder, "%.*s", (int)f->path.len, f->path.data);
	snprintf(l->name, sizeof l->name, "%.*s", (int)f->name.len, f->name.data);
	return 0;
}

static inline int disk_on_twin(void *arg, int64_t file, int64_t other, int64_t root, struct bytes dir, bool again)
{
	struct disk *d = arg;
	assert_int_equal(root, d->root);
	bool is_seen = diff_has_seen(d->diff, other);
	if (!is_seen || again)
		d->again[(uint8_t)dir.data[0]] = true;
	if (!is_seen)
		return 0;
	int64_t *slot = vec_add(&d->settled);
	assert_non_null(slot);
	*slot = again ? -file : file;
	return 0;
}

static inline void disk_ignore(void *arg, const struct store_touched *t)
{
	(void)arg;
	assert_int_not_equal(t->file, 0);
}

/** Each loss is asked for once more. */
static inline bool disk_is_there(struct disk *d, const struct loss *l)
{
	char path[32];
	snprintf(path, sizeof path, "%s/%s", l->folder, l->name);
	return disk_inode(d, path) && !(d->hidden && strcmp(d->hidden, l->folder) == 0);
}

static inline void disk_settle(struct disk *d)
{
	struct store_touched t;
	d->losses = 0;
	d->settled.len = 0;
	assert_int_equal(diff_lost(d->diff, disk_on_lost, d), 0);
	for (size_t i = 0; i < d->losses; i++)
		if (!disk_is_there(d, &d->loss[i]))
			assert_int_equal(store_lose_file(d->s, d->loss[i].file, d->loss[i].dir,
							 (struct bytes){d->loss[i].name,
									strlen(d->loss[i].name)},
							 &t), 0);
	assert_int_equal(diff_finish(d->diff), 0);
	assert_int_equal(store_resolve(d->s, disk_ignore, d), 0);
	assert_int_equal(store_twins(d->s, disk_on_twin, d), 0);
	for (size_t i = 0; i < d->settled.len; i++)
		assert_int_equal(store_settle_twin(d->s, llabs(d->settled.data[i]), d->settled.data[i] < 0), 0);
}

/** One scan of some folders, one letter each, in that order; @is_cut: it is killed before its end. */
static inline void disk_look(struct disk *d, const char *dirs, bool is_cut)
{
	char text[16][2] = {{0}};
	struct walk_scope scope[16] = {{0}};
	size_t n = strlen(dirs);
	struct diff_options o = {
		.store = d->s, .root = d->root, .job = ++d->job, .scope = scope, .scopes = n,
		.sink = {.wanted = disk_wanted, .put = disk_change, .arg = d},
	};
	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++) {
		text[i][0] = dirs[i];
		scope[i].path = text[i];
	}
	assert_int_equal(diff_new(&o, &d->diff), 0);
	for (size_t i = 0; i < n; i++) {
		d->again[(uint8_t)dirs[i]] = is_cut && d->again[(uint8_t)dirs[i]];
		disk_list(d, text[i]);
		disk_commit(d);
		if (d->between)
			d->between(d);
		d->between = NULL;
	}
	if (!is_cut)
		disk_settle(d);
	diff_free(d->diff);
	disk_commit(d);
	if (is_cut)
		disk_restart(d);
}

static inline void disk_scan(struct disk *d, const char *dirs)
{
	disk_look(d, dirs, false);
}

/** Scans what the last scans asked for, until nothing is asked for. */
static inline void disk_rest(struct disk *d)
{
	for (int tries = 0; tries < 8; tries++) {
		char dirs[2] = "";
		for (int c = 'a'; c <= 'p' && !*dirs; c++)
			if (d->again[c])
				dirs[0] = (char)c;
		if (!*dirs)
			return;
		disk_scan(d, dirs);
	}
	fail_msg("a folder is asked for again and again");
}

/* --- what the store says --- */

static inline int64_t disk_number(struct disk *d, const char *column, const char *path)
{
	char sql[256];
	int64_t v = 0;
	sqlite3_stmt *q = NULL;
	const char *slash = strchr(path, '/');
	snprintf(sql, sizeof sql,
		 "SELECT f.%s FROM file f JOIN dir d ON d.id = f.dir_id WHERE d.path = ? AND f.name = ?",
		 column);
	assert_int_equal(sqlite3_prepare_v2(d->s->db, sql, -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_blob(q, 1, path, (int)(slash - path), SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, slash + 1, (int)strlen(slash + 1), SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

/** 0: there is no row. */
static inline int64_t disk_id(struct disk *d, const char *path)
{
	return disk_number(d, "id", path);
}

static inline int64_t disk_count(struct disk *d, const char *what)
{
	char sql[256];
	int64_t v = 0;
	sqlite3_stmt *q = NULL;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
	assert_int_equal(sqlite3_prepare_v2(d->s->db, sql, -1, &q, NULL), SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

/* --- media --- */

struct disk_check {
	struct disk *d;
	int rows;
};

static inline int disk_check_row(void *arg, const struct store_media *m)
{
	struct disk_check *c = arg;
	char path[32], title[32];
	size_t n;
	snprintf(path, sizeof path, "%.*s/%.*s", (int)m->dir.len, m->dir.data, (int)m->name.len,
		 m->name.data);
	const struct inode *in = disk_inode(c->d, path);
	if (!in)
		fail_msg("%s has a track and no file", path);
	snprintf(title, sizeof title, "%d", in->content);
	assert_string_equal(media_text(m->media, FIELD_title, &n), title);
	assert_int_equal(m->id, disk_id(c->d, path));
	c->rows++;
	return 0;
}

/** Each file of the disk has a row with its own tags, and nothing else has. */
static inline void disk_check(struct disk *d)
{
	struct disk_check c = {d, 0};
	int files = 0;
	for (size_t i = 0; i < d->spots; i++)
		files += d->spot[i].inode && (!d->hidden || strcmp(d->hidden, d->spot[i].dir) != 0);
	assert_int_equal(store_export_tracks(d->s, disk_check_row, &c), 0);
	assert_int_equal(c.rows, files);
	assert_int_equal(disk_count(d, "file"), files);
	assert_int_equal(disk_count(d, "gone WHERE id IN (SELECT id FROM file)"), 0);
}

/* --- every order --- */

/** Scans one after the other: "ab" folder a, then b; "a|b" two scans; "a!b" the one of a is killed. */
static inline void disk_scans(struct disk *d, const char *how)
{
	char dirs[16] = "";
	for (;; how++) {
		size_t n = strlen(dirs);
		if (*how && *how != '|' && *how != '!') {
			dirs[n] = *how;
			dirs[n + 1] = '\0';
			continue;
		}
		disk_look(d, dirs, *how == '!');
		dirs[0] = '\0';
		if (!*how)
			break;
	}
	disk_rest(d);
	disk_check(d);
	assert_int_equal(disk_count(d, "file WHERE pending > 0"), 0);
}

__attribute__((unused)) static const char *const disk_orders[] = {
	"ab", "ba", "a|b", "b|a", "a!ab", "b!ba", "a!b|a", "b!a|b", "ab!ab", "ba!ab", "a|b|a", "b|a|b",
};

#define EACH_ORDER(disk, how) \
	for (size_t i_ = 0; i_ < sizeof disk_orders / sizeof *disk_orders && (disk_init(disk), how = disk_orders[i_], true); \
	     disk_end(disk), i_++)

#endif
