/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The whole list of a directory usually comes in one chunk: its rows are read with one question
 * and matched through a small hash.  Of a directory in several chunks each entry is asked for by
 * name, so that memory does not grow with it; what was seen is remembered as one bit a row.
 */
#include "indexer/discover/diff.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/vec.h"
#include "indexer/bits.h"
#include "indexer/frame.h"

/** A row of the directory at hand. */
struct known {
	struct store_file row;
	uint32_t name_at;
	uint32_t hash;
};

struct diff {
	struct diff_options o;
	struct diff_counts counts;
	/** Seen; clean: directories all rows of which were seen; same: those whose files are not in `files`. */
	struct bits files, dirs, clean, same;
	/** Rows with greater ids were made during this scan. */
	int64_t last_dir, last_file;
	/** Directories that could not be listed. */
	VEC(char *) blind;
	/** A question to the store failed: nothing may be forgotten. */
	bool has_failed;
	/** Files are lost and kept for their return. */
	bool has_gone;
	/** Since when files are too new to be read. */
	int64_t quiet_since;
	/** Some file of the directory at hand, which is new, is being written: all wait for it. */
	bool is_busy;
	diff_lost_fn *lost;
	void *lost_arg;
	int64_t dir_id;
	/* the directory at hand */
	struct bytes dir_at_hand;
	VEC(struct known) known;
	struct buf names;
	uint32_t *slot;
	/** How many there are, and how many of them this directory uses: a power of two. */
	size_t slots, used;
};

/* --- rows of one directory --- */

static uint32_t hash_of(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

static int add_known(void *arg, const struct store_file *row)
{
	struct diff *d = arg;
	struct known *k = vec_add(&d->known);
	if (!k)
		return -ENOMEM;
	k->row = *row;
	k->name_at = (uint32_t)d->names.len;
	k->hash = hash_of(row->name.data, row->name.len);
	return buf_add(&d->names, row->name.data, row->name.len);
}

static int build_slots(struct diff *d)
{
	size_t want = 16;
	while (want < d->known.len * 2)
		want *= 2;
	if (want > d->slots) {
		uint32_t *grown = realloc(d->slot, want * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		d->slot = grown;
		d->slots = want;
	}
	d->used = want;
	memset(d->slot, 0xff, want * sizeof *d->slot);
	for (size_t i = 0; i < d->known.len; i++) {
		size_t at = d->known.data[i].hash & (want - 1);
		while (d->slot[at] != UINT32_MAX)
			at = (at + 1) & (want - 1);
		d->slot[at] = (uint32_t)i;
	}
	return 0;
}

static int load_known(struct diff *d, int64_t dir)
{
	d->known.len = 0;
	buf_reset(&d->names);
	int r = dir ? store_dir_known(d->o.store, dir, add_known, d) : 0;
	return r < 0 ? r : build_slots(d);
}

static const struct store_file *find_known(const struct diff *d, struct bytes name)
{
	uint32_t hash = hash_of(name.data, name.len);
	size_t at = hash & (d->used - 1);
	for (; d->slot[at] != UINT32_MAX; at = (at + 1) & (d->used - 1)) {
		const struct known *k = &d->known.data[d->slot[at]];
		if (k->hash == hash && k->row.name.len == name.len &&
		    memcmp(d->names.data + k->name_at, name.data, name.len) == 0)
			return &k->row;
	}
	return NULL;
}

/* --- one entry --- */

static void path_of(struct bytes dir, struct bytes name, struct buf *out)
{
	buf_add(out, dir.data, dir.len);
	if (dir.len)
		buf_addc(out, '/');
	buf_add(out, name.data, name.len);
}

static void put_error(struct diff *d, struct bytes path, const char *kind, const char *reason)
{
	struct change *c = change_new(CHANGE_ERROR, path.len + strlen(reason) + 2);
	d->counts.errors++;
	if (!c)
		return;
	c->root = d->o.root;
	c->job = d->o.job;
	c->dir = change_copy(c, path.data, path.len);
	c->dir_len = path.len;
	c->error_kind = kind;
	c->error_reason = change_copy(c, reason, strlen(reason));
	d->o.sink.put(d->o.sink.arg, c);
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/** Whether a file that failed before is tried again though it did not change.  @all: others would be. */
static bool tries_again(struct diff *d, struct bytes dir, struct seen *e, bool all)
{
	static const char *const of_content[] = {"corrupt", "incomplete", NULL};
	static const char *const of_reader[] = {"crashed", "timeout", "memory", NULL};
	struct store_error error;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	path_of(dir, e->name, &path);
	if (store_error_find(d->o.store, d->o.root, buf_str(&path), path.len, &error) < 0)
		return true;
	e->tries = error.tries;
	e->has_killed = is_one_of(error.kind, of_reader);
	e->is_pending = strcmp(error.kind, "suspect") == 0;
	if (e->is_pending)
		return e->has_killed = true;
	if (e->has_killed)
		return d->o.is_ordered || error.tries < DIFF_TRIES;
	return all || !is_one_of(error.kind, of_content);
}

static bool is_same(const struct diff *d, const struct store_file *row, const struct seen *e)
{
	return row->size == e->size && row->mtime == e->mtime && row->ctime == e->ctime &&
	       (d->o.has_loose_inodes ||
		(row->inode == e->inode && (!row->btime || row->btime == e->btime)));
}

/** A lost file that is back as it was needs no reading. */
static bool restore(struct diff *d, struct bytes dir, const struct seen *e)
{
	struct store_file row;
	if (!d->has_gone || store_gone_find(d->o.store, d->o.root, dir, e->name, &row) < 0 ||
	    !is_same(d, &row, e))
		return false;
	struct change *c = change_new(CHANGE_RESTORE_FILE, 0);
	if (!c)
		return false;
	c->row = row.id;
	c->job = d->o.job;
	bits_add(&d->files, row.id);
	d->o.sink.put(d->o.sink.arg, c);
	return true;
}

/** A time to come is no sign of writing. */
static bool is_recent(const struct diff *d, int64_t time)
{
	return time >= d->quiet_since && time <= now_ns();
}

static bool is_settled(const struct diff *d, const struct seen *e)
{
	return !d->o.quiet_ns || (!is_recent(d, e->mtime) && !is_recent(d, e->ctime));
}

static void check_file(struct diff *d, struct bytes dir, const struct store_file *row,
		       struct seen *e)
{
	d->counts.files++;
	d->counts.bytes += (uint64_t)e->size;
	if (row) {
		e->file = row->id;
		e->old_inode = row->inode != e->inode ? row->inode : 0;
		e->old_btime = row->btime;
		bits_add(&d->files, row->id);
		bool again = d->o.is_full && row->job != d->o.job;
		if (is_same(d, row, e) && (row->state == 0 ? !again : !tries_again(d, dir, e, again))) {
			d->counts.unchanged++;
			d->counts.errors += row->state != 0;
			return;
		}
	} else if (restore(d, dir, e)) {
		d->counts.unchanged++;
		return;
	}
	if (d->is_busy || !is_settled(d, e))
		d->o.sink.unsettled(d->o.sink.arg, dir);
	else
		d->o.sink.wanted(d->o.sink.arg, e);
}

static void check_odd(struct diff *d, struct bytes dir, const struct seen *e)
{
	static const char *const what[] = {
		[DT_FIFO] = "a pipe (FIFO)",  [DT_CHR] = "a device",    [DT_DIR] = "a folder",
		[DT_BLK] = "a device",        [DT_SOCK] = "a socket",
	};
	const char *word = e->type < sizeof what / sizeof *what ? what[e->type] : NULL;
	_buf_ struct buf path = BUF_INIT(1 << 16), reason = BUF_INIT(256);
	path_of(dir, e->name, &path);
	if (word)
		buf_addf(&reason, "not a regular file: %s with the name of a media file", word);
	else
		buf_adds(&reason, "it cannot be looked at");
	put_error(d, (struct bytes){buf_str(&path), path.len}, word ? "odd" : "unreadable",
		  buf_str(&reason));
}

/** What could not be looked at is unknown, not gone: neither a file of that name is forgotten nor
 * anything below a folder of that name. */
static void keep_unknown(struct diff *d, struct bytes dir, const struct seen *e)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	path_of(dir, e->name, &path);
	char **slot = vec_add(&d->blind);
	if (slot)
		*slot = strndup(buf_str(&path), path.len);
}

void diff_blind(struct diff *d, const char *path)
{
	char **slot = vec_add(&d->blind);
	if (slot)
		*slot = strdup(path);
	else
		d->has_failed = true;
}

/* --- chunks --- */

static bool is_blind(const struct diff *d, struct bytes path)
{
	for (size_t i = 0; i < d->blind.len; i++) {
		const char *blind = d->blind.data[i];
		size_t n = strlen(blind);
		if (n == 0 || (path.len >= n && memcmp(path.data, blind, n) == 0 &&
			       (path.len == n || path.data[n] == '/')))
			return true;
	}
	return false;
}

static int tell_unseen(void *arg, const struct store_file *row)
{
	struct diff *d = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	if (row->id > d->last_file || bits_has(&d->files, row->id))
		return 0;
	path_of(d->dir_at_hand, row->name, &path);
	if (is_blind(d, (struct bytes){buf_str(&path), path.len}))
		return 0;
	const struct lost_file f = {row->id, d->dir_id, d->dir_at_hand, row->name};
	return d->lost(d->lost_arg, &f);
}

static void note_blind(struct diff *d, struct bytes path, int error)
{
	char **slot = vec_add(&d->blind);
	if (slot)
		*slot = strndup(path.data, path.len);
	_buf_ struct buf reason = BUF_INIT(512);
	buf_addf(&reason, "the folder cannot be listed: %s", strerror(-error));
	put_error(d, path, "unreadable", buf_str(&reason));
}

static void set_cover(struct diff *d, struct bytes path, bool cover, struct bytes name)
{
	struct change *c = change_new(CHANGE_COVER, path.len + name.len + 2);
	if (!c)
		return;
	c->root = d->o.root;
	c->flag = cover;
	c->dir = change_copy(c, path.data, path.len);
	c->dir_len = path.len;
	c->name = change_copy(c, name.data, name.len);
	c->name_len = name.len;
	d->o.sink.put(d->o.sink.arg, c);
}

/** A whole list: what is known of the picture that stands for the folder; @was: there was one, as far as the store knows. */
static int check_cover(struct diff *d, struct bytes path, bool is_known, bool was, bool is, const struct seen *entry, size_t n)
{
	struct bytes name = {"", 0};
	for (size_t i = 0; i < n; i++)
		if (entry[i].type == ENTRY_COVER)
			name = entry[i].name;
	bool is_new = is_known ? was != is : name.len != 0;
	if (!is_new && is && is_known) {
		_buf_ struct buf before = BUF_INIT(NAME_MAX + 1);
		int r = store_dir_cover(d->o.store, d->o.root, path.data, path.len, &before);
		if (r < 0)
			return r;
		is_new = before.len != name.len || memcmp(buf_str(&before), name.data, name.len) != 0;
	}
	if (is_new)
		set_cover(d, path, is, name);
	return 0;
}

static bool find_row(struct diff *d, int64_t dir, struct bytes name, struct store_file *row)
{
	int r = store_file_find(d->o.store, dir, name.data, name.len, row);
	if (r < 0 && r != -ENOENT)
		d->has_failed = true;
	return r == 0;
}

/** Returns how many have a row. */
static size_t check_entries(struct diff *d, struct bytes path, int64_t dir, bool is_whole,
			    struct seen *entry, size_t n)
{
	size_t matched = 0;
	d->is_busy = false;
	for (size_t i = 0; i < n && !dir; i++)
		d->is_busy |= entry[i].type == ENTRY_FILE && !is_settled(d, &entry[i]);
	for (size_t i = 0; i < n; i++) {
		struct store_file row;
		const struct store_file *found = NULL;
		struct seen *e = &entry[i];
		if (e->type == ENTRY_UNKNOWN)
			keep_unknown(d, path, e);
		if (e->type == ENTRY_COVER)
			continue;
		if (e->type != ENTRY_FILE) {
			check_odd(d, path, e);
			continue;
		}
		if (is_whole)
			found = find_known(d, e->name);
		else if (dir && find_row(d, dir, e->name, &row))
			found = &row;
		check_file(d, path, found, e);
		matched += found != NULL;
	}
	return matched;
}

static int check_chunk(struct diff *d, struct bytes path, uint32_t flags, int error,
		       struct seen *entry, size_t n)
{
	int64_t dir = 0;
	bool cover = false;
	bool is_whole = (flags & LIST_FIRST) && (flags & LIST_LAST);
	/* a folder that vanished during the walk is as gone as if it never had been seen */
	if (error == -ENOENT)
		return 0;
	int r = store_dir(d->o.store, d->o.root, path.data, path.len, &dir, &cover);
	if (r < 0 && r != -ENOENT)
		return r;
	if (dir)
		bits_add(&d->dirs, dir);
	if (is_whole) {
		r = load_known(d, dir);
		if (r < 0)
			return r;
	}
	size_t matched = check_entries(d, path, dir, is_whole, entry, n);
	if (is_whole && dir && matched == d->known.len)
		bits_add(&d->clean, dir);
	if (!(flags & LIST_LAST))
		return 0;
	if (error) {
		note_blind(d, path, error);
		return 0;
	}
	return check_cover(d, path, dir != 0, cover, (flags & LIST_COVER) != 0, entry, n);
}

int diff_chunk(struct diff *d, struct bytes path, uint32_t flags, int error, struct seen *entry,
	       size_t n)
{
	int r = check_chunk(d, path, flags, error, entry, n);
	d->has_failed |= r < 0;
	return r;
}

void diff_same(struct diff *d, int64_t dir, uint64_t files, uint64_t bytes)
{
	d->counts.files += files;
	d->counts.unchanged += files;
	d->counts.bytes += bytes;
	if (!dir)
		return;
	bits_add(&d->dirs, dir);
	bits_add(&d->clean, dir);
	bits_add(&d->same, dir);
}

void diff_fail(struct diff *d)
{
	d->has_failed = true;
}

/* --- the end of a scan --- */

static bool is_of_slice(const struct diff *d, struct bytes path)
{
	const char *slash = memchr(path.data, '/', path.len);
	size_t n = slash ? (size_t)(slash - path.data) : path.len;
	return !d->o.slices || !path.len || walk_slice(path.data, n, d->o.slices) == d->o.slice;
}

static int lost_of_dir(void *arg, int64_t id, struct bytes path)
{
	struct diff *d = arg;
	if (id > d->last_dir || bits_has(&d->clean, id) || is_blind(d, path) || !is_of_slice(d, path))
		return 0;
	/* files that were not seen: of this directory if it was listed, else all of it */
	d->dir_at_hand = path;
	d->dir_id = id;
	return store_dir_files(d->o.store, id, tell_unseen, d);
}

static int forget_dir(void *arg, int64_t id, struct bytes path)
{
	struct diff *d = arg;
	if (id > d->last_dir || bits_has(&d->dirs, id) || is_blind(d, path) || !is_of_slice(d, path))
		return 0;
	struct change *c = change_new(CHANGE_FORGET_DIR, 0);
	if (!c)
		return -ENOMEM;
	c->row = id;
	d->o.sink.put(d->o.sink.arg, c);
	return 0;
}

static int dirs_of_scope(struct diff *d, const struct walk_scope *scope, store_dir_fn *fn)
{
	size_t n = strlen(scope->path);
	bool cover;
	int64_t id;
	if (scope->is_deep)
		return store_dirs_below(d->o.store, d->o.root, scope->path, n, fn, d);
	int r = store_dir(d->o.store, d->o.root, scope->path, n, &id, &cover);
	return r == -ENOENT ? 0 : r < 0 ? r : fn(d, id, (struct bytes){scope->path, n});
}

int diff_lost(struct diff *d, diff_lost_fn *fn, void *arg)
{
	int r = d->has_failed ? -EIO : 0;
	d->lost = fn;
	d->lost_arg = arg;
	for (size_t i = 0; i < d->o.scopes && r == 0; i++)
		r = dirs_of_scope(d, &d->o.scope[i], lost_of_dir);
	return r;
}

static void expire_errors(struct diff *d, const struct walk_scope *scope)
{
	size_t n = strlen(scope->path);
	struct change *c = change_new(CHANGE_EXPIRE_ERRORS, n + 1);
	if (!c)
		return;
	c->root = d->o.root;
	c->job = d->o.job;
	c->dir = change_copy(c, scope->path, n);
	c->dir_len = n;
	c->flag = !scope->is_deep;
	d->o.sink.put(d->o.sink.arg, c);
}

int diff_finish(struct diff *d)
{
	int r = d->has_failed ? -EIO : 0;
	for (size_t i = 0; i < d->o.scopes && r == 0; i++) {
		r = dirs_of_scope(d, &d->o.scope[i], forget_dir);
		if (r == 0 && !d->o.slices)
			expire_errors(d, &d->o.scope[i]);
	}
	return r;
}

const struct diff_counts *diff_counts(const struct diff *d)
{
	return &d->counts;
}

int diff_new(const struct diff_options *options, struct diff **out)
{
	struct diff *d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	d->o = *options;
	d->names = BUF_INIT((size_t)64 << 20);
	d->quiet_since = now_ns() - options->quiet_ns;
	for (size_t i = 0; i < d->o.blinds; i++)
		diff_blind(d, d->o.blind[i]);
	int r = store_last_ids(d->o.store, &d->last_dir, &d->last_file);
	if (r == 0)
		r = store_has_gone(d->o.store);
	if (r < 0) {
		diff_free(d);
		return r;
	}
	d->has_gone = r > 0;
	*out = d;
	return 0;
}

bool diff_has_seen(const struct diff *d, int64_t file)
{
	return file > d->last_file || bits_has(&d->files, file) ||
	       (d->same.words && bits_has(&d->same, store_dir_of_file(d->o.store, file)));
}

void diff_free(struct diff *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->blind.len; i++)
		free(d->blind.data[i]);
	vec_clear(&d->blind);
	vec_clear(&d->known);
	buf_clear(&d->names);
	bits_clear(&d->files);
	bits_clear(&d->dirs);
	bits_clear(&d->clean);
	bits_clear(&d->same);
	free(d->slot);
	free(d);
}
