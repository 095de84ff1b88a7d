/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A mount (a folder), a tree of links into it, a store and a clock.  Included by one file of a program. */
#ifndef TESTS_UNIT_LINKS_WORLD_H
#define TESTS_UNIT_LINKS_WORLD_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/live.h"
#include "indexer/load/sights.h"
#include "indexer/monitor/monitor_missing.h"
#include "indexer/symlinks/symlinks.h"

#define HOUR_NS (3600 * NS_PER_S)

struct world {
	char *dir;
	struct config *config;
	struct live_page *live;
	struct writer *writer;
	struct symlinks *links;
	struct store *reader;
	int64_t root, now;
	/** A step, and what is done before it. */
	const char *step;
	void (*act)(struct world *w);
};

/* --- files --- */

static inline const char *at(const struct world *w, const char *format, ...)
{
	static char path[4][8192];
	static int next;
	char *out = path[next++ % 4];
	va_list args;
	int n = snprintf(out, sizeof *path, "%s/", w->dir);
	va_start(args, format);
	vsnprintf(out + n, sizeof *path - (size_t)n, format, args);
	va_end(args);
	return out;
}

static inline void make_dirs(const char *path)
{
	char part[8192];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

static inline void put_file(const struct world *w, const char *path)
{
	make_dirs(at(w, "%s", path));
	int fd = open(at(w, "%s", path), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "12345", 5), 5);
	close(fd);
}

static inline void put_link(const struct world *w, const char *path, const char *text)
{
	make_dirs(at(w, "%s", path));
	unlink(at(w, "%s", path));
	assert_int_equal(symlink(text, at(w, "%s", path)), 0);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void remove_all(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- from start to end --- */

static inline int64_t world_now(void *arg)
{
	return ((struct world *)arg)->now;
}

static inline void world_step(void *arg, const char *step)
{
	struct world *w = arg;
	if (w->act && w->step && strcmp(step, w->step) == 0)
		w->act(w);
}

static inline void world_open(struct world *w)
{
	char why[256] = "";
	struct writer_options options = {.state_dir = w->dir, .live = w->live, .gaps = monitor_missing};
	if (writer_new(&options, &w->writer, why) < 0)
		fail_msg("%s", why);
	struct change *c = change_new(CHANGE_ADD_ROOT, 8192);
	assert_non_null(c);
	const char *path = at(w, "links");
	c->name = change_copy(c, "links", 5);
	c->state = change_copy(c, "links", 5);
	c->dir = change_copy(c, path, strlen(path));
	assert_int_equal(writer_call(w->writer, c, &w->root), 0);
	assert_int_equal(store_open_reader(w->dir, &w->reader), 0);
	struct symlinks_options links = {.config = w->config, .state_dir = w->dir, .writer = w->writer,
					 .arg = w, .now = world_now, .step = world_step};
	assert_int_equal(symlinks_new(&links, &w->links), 0);
}

static inline void world_close(struct world *w)
{
	symlinks_free(w->links);
	store_close(w->reader);
	writer_free(w->writer);
}

static inline void world_begin(struct world *w, const char *options)
{
	struct buf why = BUF_INIT(4096);
	*w = (struct world){.dir = unit_quick_folder(), .now = INT64_C(1704067200) * NS_PER_S};
	make_dirs(at(w, "links/."));
	make_dirs(at(w, "mnt/__all__/."));
	FILE *f = fopen(at(w, "conf"), "w");
	assert_non_null(f);
	fprintf(f, "links = {\"%s/links\"}\nstate_dir = \"%s\"\nrealdebrid {\n\tmount = \"%s/mnt\"\n}\n%s\n", w->dir,
		w->dir, w->dir, options);
	fclose(f);
	if (config_load(at(w, "conf"), &w->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	buf_clear(&why);
	w->live = live_create(w->dir);
	assert_non_null(w->live);
	world_open(w);
}

static inline void world_end(struct world *w)
{
	world_close(w);
	live_close(w->live);
	config_free(w->config);
	remove_all(w->dir);
	free(w->dir);
}

/** Ends the program and starts it again. */
static inline void restart(struct world *w)
{
	world_close(w);
	world_open(w);
}

/** Link n of a torrent of its own, and its target. */
static inline void put_pair(const struct world *w, int n)
{
	char path[256], text[8192];
	snprintf(path, sizeof path, "mnt/__all__/T%04d/file.mkv", n);
	put_file(w, path);
	snprintf(text, sizeof text, "%s/%s", w->dir, path);
	snprintf(path, sizeof path, "links/D%03d/L%04d.mkv", n / 10, n);
	put_link(w, path, text);
}

static inline void put_pairs(const struct world *w, int n)
{
	for (int i = 0; i < n; i++)
		put_pair(w, i);
}

static inline void lose_target(const struct world *w, int n)
{
	assert_int_equal(unlink(at(w, "mnt/__all__/T%04d/file.mkv", n)), 0);
}

/* --- looking --- */

static inline void look(struct world *w)
{
	assert_int_equal(symlinks_look(w->links, false), 0);
}

static inline void pass(struct world *w, int hours)
{
	w->now += hours * HOUR_NS;
}

struct row {
	struct store_symlink row;
	char target[8192], torrent[512], reason[256];
};

static inline int take_row(void *arg, const struct store_symlink *row)
{
	struct row *r = arg;
	r->row = *row;
	snprintf(r->target, sizeof r->target, "%.*s", (int)row->target.len, row->target.data);
	snprintf(r->torrent, sizeof r->torrent, "%.*s", (int)row->torrent.len, row->torrent.data);
	snprintf(r->reason, sizeof r->reason, "%s", row->reason);
	return 0;
}

/** The row of links/DIR/NAME; -ENOENT. */
static inline int row_of(const struct world *w, const char *dir, const char *name, struct row *r)
{
	*r = (struct row){0};
	return store_symlink_at(w->reader, w->root, (struct bytes){dir, strlen(dir)},
				(struct bytes){name, strlen(name)}, take_row, r);
}

static inline struct row pair(const struct world *w, int n)
{
	char dir[16], name[32];
	struct row r;
	snprintf(dir, sizeof dir, "D%03d", n / 10);
	snprintf(name, sizeof name, "L%04d.mkv", n);
	assert_int_equal(row_of(w, dir, name, &r), 0);
	return r;
}

static inline int64_t count(const struct world *w, enum link_state state)
{
	struct store_symlink_counts c;
	assert_int_equal(store_symlink_counts(w->reader, 0, &c), 0);
	return c.state[state];
}

static inline int64_t total(const struct world *w)
{
	struct store_symlink_counts c;
	assert_int_equal(store_symlink_counts(w->reader, w->root, &c), 0);
	return c.total;
}

struct hold {
	int64_t count;
	char reason[512];
};

static inline int take_hold(void *arg, const struct store_link_hold *row)
{
	struct hold *h = arg;
	h->count = row->count;
	snprintf(h->reason, sizeof h->reason, "%s", row->reason);
	return 0;
}

static inline struct hold hold_of(const struct world *w)
{
	struct hold h = {0};
	assert_int_equal(store_link_holds(w->reader, take_hold, &h), 0);
	return h;
}

static inline int take_state(void *arg, const struct store_mount_health *h)
{
	snprintf(arg, 32, "%s", h->state);
	return 0;
}

static inline void assert_health(const struct world *w, const char *expected)
{
	char state[32] = "";
	assert_int_equal(store_mount_health(w->reader, take_state, state), 0);
	assert_string_equal(state, expected);
}

#endif
