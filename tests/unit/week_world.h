/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A library of links into a debrid mount (a folder), the provider that serves it (tests/lib/realdebrid.py), and everything of
 * ours that looks and repairs, under one clock that only the test moves: the stand-in reads it from a file.  Our own clock may
 * be wrong; the stand-in's never is.  Included by one file of a program.
 */
#ifndef TESTS_UNIT_WEEK_WORLD_H
#define TESTS_UNIT_WEEK_WORLD_H

#include "tests/unit/find_world.h"
#include "tests/unit/peer_process.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/vec.h"
#include "indexer/net/json.h"
#include "indexer/repair/repair_private.h"
#include "indexer/symlinks/symlinks.h"

#define WEEK_TOKEN "canaryRDTOKEN0123456789abcdefghijklmnopqrstuvwxyz0123"

enum { WEEK_FILES = 3, WEEK_LINKS = 2, WEEK_PATH = 512 };

/** What becomes of a torrent that is put back. */
enum fate {
	/** It is there at once. */
	FATE_PLAIN,
	/** It is downloaded for a while. */
	FATE_SLOW,
	/** It has another name. */
	FATE_MOVED,
	/** Nobody has it for some hours. */
	FATE_STUBBORN,
	/** Nobody has it, ever. */
	FATE_NEVER,
	/** It holds other files. */
	FATE_OTHER,
	FATE_INFRINGING,
	FATE_VIRUS,
	FATES,
};

struct torrent {
	char hash[41], name[64], later[64];
	enum fate fate;
	/** By the true clock; 0 alive, or alive again as far as anybody knows. */
	int64_t died_at;
	/** Its owner deleted it: it is in no list. */
	bool is_deleted;
	/** Nobody has it until then; 0. */
	int64_t back_at;
};

/** A link as it was seen last. */
struct seen_link {
	char path[WEEK_PATH], text[WEEK_PATH];
	int64_t uid, gid, mtime, inode;
	int torrent;
	bool is_gone;
};

struct week {
	struct world w;
	/** Mount, links, clock, token. */
	char *dir;
	struct peer peer;
	struct repair *repair;
	struct symlinks *links;
	int64_t links_root;
	/** Shared with the stand-in; our clock is that and @skew. */
	int64_t *truth;
	int64_t skew;
	struct torrent *torrents;
	int count;
	VEC(struct seen_link) seen;
	/** Somebody wants the links to be looked at. */
	bool wants_look;
	/** Where the mount's content is while it is away; else "". */
	char away[16];
	int64_t changes, restarts;
};

static uint64_t week_seed = 1;

static inline uint64_t week_random(void)
{
	uint64_t z = week_seed += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline int week_below(int n)
{
	return (int)(week_random() % (uint64_t)n);
}

static inline const char *week_path(const struct week *k, const char *format, ...)
{
	static char path[8][4096];
	static int next;
	char *out = path[next++ % 8];
	va_list args;
	int n = snprintf(out, sizeof *path, "%s/", k->dir);
	va_start(args, format);
	vsnprintf(out + n, sizeof *path - (size_t)n, format, args);
	va_end(args);
	return out;
}

/* --- the clocks --- */

static inline void week_pass(struct week *k, int64_t ns)
{
	*k->truth += ns;
	world_pass(ns);
}

/** Our clock steps; the world's does not. */
static inline void week_step_clock(struct week *k, int64_t ns)
{
	k->skew += ns;
	world_pass(ns);
}

/* --- the stand-in --- */

/** @format: an order as JSON with ' for ". */
static inline void week_order(struct week *k, const char *format, ...)
{
	char order[2048];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(order, sizeof order, format, args);
	va_end(args);
	assert_true(n > 0 && n < (int)sizeof order);
	for (char *c = order; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	peer_order(&k->peer, order, NULL);
}

/** What a magnet with its hash is from now on. */
static inline void week_know(struct week *k, int i, const char *name, const char *file, bool cached)
{
	struct torrent *t = &k->torrents[i];
	week_order(k, "{'do': 'know', 'hash': '%s', 'name': '%s', 'cached': %s, 'files': [['/%s1.mkv', %d], ['/s/%s2.mkv', 7], "
		      "['/sample.txt', 3]]}", t->hash, name, cached ? "true" : "false", file, 1000 + i, file);
}

static inline void week_nobody_has(struct week *k, int i)
{
	week_order(k, "{'do': 'know', 'hash': '%s', 'name': '%s', 'cached': false, 'files': []}", k->torrents[i].hash,
		   k->torrents[i].name);
}

/* --- torrents and links --- */

static inline void week_remember(struct week *k, const char *path, int torrent)
{
	struct seen_link *l = vec_add(&k->seen);
	struct stat st;
	assert_non_null(l);
	*l = (struct seen_link){.torrent = torrent};
	snprintf(l->path, sizeof l->path, "%s", path);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(readlink(path, l->text, sizeof l->text - 1) > 0);
	l->uid = st.st_uid;
	l->gid = st.st_gid;
	l->mtime = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
	l->inode = (int64_t)st.st_ino;
}

static inline void week_link(struct week *k, int i, int n)
{
	static const char *const files[WEEK_LINKS] = {"f1.mkv", "s/f2.mkv"};
	const struct timespec times[2] = {{1600000000, 123456789}, {1600000000, 123456789}};
	char text[WEEK_PATH];
	const char *path = week_path(k, "links/D%03d/L%04d-%d.mkv", i / 10, i, n);
	mkdir(week_path(k, "links/D%03d", i / 10), 0755);
	snprintf(text, sizeof text, "%s/mnt/__all__/%s/%s", k->dir, k->torrents[i].name, files[n]);
	assert_int_equal(symlink(text, path), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
	week_remember(k, path, i);
}

static inline void week_torrent(struct week *k, int i, enum fate fate)
{
	struct torrent *t = &k->torrents[i];
	*t = (struct torrent){.fate = fate};
	for (int n = 0; n < 5; n++)
		snprintf(t->hash + n * 8, 9, "%08x", (unsigned)i * 2654435761U + (unsigned)n * 97U);
	snprintf(t->name, sizeof t->name, "T%04d", i);
	snprintf(t->later, sizeof t->later, fate == FATE_MOVED ? "T%04d (2026)" : "T%04d", i);
	week_know(k, i, t->name, "f", fate != FATE_SLOW);
	week_order(k, "{'do': 'add', 'hash': '%s', 'selected': ['/f1.mkv', '/s/f2.mkv'], 'age': %d}", t->hash,
		   86400 + i * 3600);
	for (int n = 0; n < WEEK_LINKS; n++)
		week_link(k, i, n);
}

/* --- ours --- */

static inline bool week_is_dry(void *arg)
{
	(void)arg;
	return false;
}

static inline uint64_t week_wants_look(void *arg)
{
	((struct week *)arg)->wants_look = true;
	return 1;
}

static inline bool week_has_looked(void *arg, uint64_t look)
{
	(void)look;
	return !((struct week *)arg)->wants_look;
}

static inline int64_t week_now(void *arg)
{
	(void)arg;
	return world_now();
}

static inline void week_start(struct week *k)
{
	struct symlinks_options links = {.config = k->w.config, .state_dir = k->w.dir, .writer = k->w.writer,
					 .arg = k, .now = week_now};
	struct repair_options repair = {.config = k->w.config, .state_dir = k->w.dir, .writer = k->w.writer,
					.net = &k->w.net, .is_dry = week_is_dry,
					.look_at_links = week_wants_look, .has_looked = week_has_looked,
					.arg = k};
	assert_int_equal(http_new(&k->w.net.http), 0);
	struct change *c = change_new(CHANGE_ADD_ROOT, 8192);
	const char *path = week_path(k, "links");
	assert_non_null(c);
	c->name = change_copy(c, "links", 5);
	c->state = change_copy(c, "links", 5);
	c->dir = change_copy(c, path, strlen(path));
	assert_int_equal(writer_call(k->w.writer, c, &k->links_root), 0);
	assert_int_equal(symlinks_new(&links, &k->links), 0);
	assert_int_equal(repair_new(&repair, &k->repair), 0);
}

static inline void week_stop(struct week *k)
{
	repair_free(k->repair);
	symlinks_free(k->links);
	http_free(k->w.net.http);
	k->w.net.http = NULL;
}

/** The program ends, wherever it is, and starts again. */
static inline void week_restart(struct week *k)
{
	k->restarts++;
	week_stop(k);
	world_close(&k->w);
	world_open(&k->w);
	week_start(k);
}

/* --- the mount --- */

enum away { AWAY_ABSENT, AWAY_EMPTY, AWAY_HALF };

static inline int week_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void week_remove(const char *path)
{
	nftw(path, week_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/** One torrent's folder that is listed, with its files. */
static inline void week_show(struct week *k, int i)
{
	struct stat st;
	if (stat(week_path(k, "aside/__all__/%s/f1.mkv", k->torrents[i].name), &st) < 0)
		return;
	mkdir(week_path(k, "mnt/__all__/%s", k->torrents[i].name), 0755);
	mkdir(week_path(k, "mnt/__all__/%s/s", k->torrents[i].name), 0755);
	close(open(week_path(k, "mnt/__all__/%s/f1.mkv", k->torrents[i].name), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(open(week_path(k, "mnt/__all__/%s/s/f2.mkv", k->torrents[i].name), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

static inline void week_mount_away(struct week *k, enum away how)
{
	if (*k->away)
		return;
	assert_int_equal(rename(week_path(k, "mnt"), week_path(k, "aside")), 0);
	snprintf(k->away, sizeof k->away, "aside");
	week_order(k, "{'do': 'serve', 'folder': '%s/aside/__all__'}", k->dir);
	if (how == AWAY_ABSENT)
		return;
	mkdir(week_path(k, "mnt"), 0755);
	if (how == AWAY_EMPTY)
		return;
	mkdir(week_path(k, "mnt/__all__"), 0755);
	for (int i = 0; i < k->count; i += 3)
		week_show(k, i);
}

static inline void week_mount_back(struct week *k)
{
	if (!*k->away)
		return;
	week_remove(week_path(k, "mnt"));
	assert_int_equal(rename(week_path(k, "aside"), week_path(k, "mnt")), 0);
	*k->away = '\0';
	week_order(k, "{'do': 'serve', 'folder': '%s/mnt/__all__'}", k->dir);
}

/* --- from start to end --- */

static inline void week_fill(struct week *k, int count)
{
	k->count = count;
	k->torrents = calloc((size_t)count, sizeof *k->torrents);
	assert_non_null(k->torrents);
	for (int i = 0; i < count; i++) {
		/* of twenty: how many of which fate */
		static const enum fate fates[20] = {
			FATE_PLAIN, FATE_MOVED, FATE_SLOW,  FATE_STUBBORN, FATE_PLAIN,	    FATE_NEVER, FATE_PLAIN,
			FATE_SLOW,  FATE_PLAIN, FATE_OTHER, FATE_PLAIN,	   FATE_INFRINGING, FATE_PLAIN, FATE_MOVED,
			FATE_VIRUS, FATE_PLAIN, FATE_SLOW,  FATE_PLAIN,	   FATE_MOVED,	    FATE_PLAIN,
		};
		week_torrent(k, i, fates[i % 20]);
	}
}

static inline void week_make_clock(struct week *k)
{
	int fd = open(week_path(k, "clock"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8), 0);
	k->truth = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	assert_true(k->truth != MAP_FAILED);
	*k->truth = WORLD_START;
}

static inline void week_make_token(struct week *k)
{
	int fd = open(week_path(k, "token"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, WEEK_TOKEN, strlen(WEEK_TOKEN)), strlen(WEEK_TOKEN));
	close(fd);
}

/** @realdebrid, @more: more options of that section, more sections. */
static inline void week_begin(struct week *k, const char *realdebrid, const char *more, int count)
{
	char options[8192];
	*k = (struct week){.dir = unit_folder()};
	week_make_clock(k);
	week_make_token(k);
	mkdir(week_path(k, "mnt"), 0755);
	mkdir(week_path(k, "mnt/__all__"), 0755);
	mkdir(week_path(k, "links"), 0755);
	/* its clock lies beside the folder that it is given */
	assert_true(peer_start(&k->peer, "realdebrid.py", week_path(k, "served")));
	week_order(k, "{'do': 'serve', 'folder': '%s/mnt/__all__'}", k->dir);
	week_order(k, "{'do': 'set', 'name': 'times', 'value': {'magnet_conversion': 5, 'queued': 10, 'downloading': 200}}");
	snprintf(options, sizeof options,
		 "links = {\"%s/links\"}\nrealdebrid { token_file = \"%s/token\"\n mount = \"%s/mnt\"\n"
		 " url = \"http://127.0.0.1:%d/rest/1.0\"\n %s }\n%s\n", k->dir, k->dir, k->dir, k->peer.port, realdebrid,
		 more);
	world_begin(&k->w, options);
	week_fill(k, count);
	week_start(k);
}

static inline void week_end(struct week *k)
{
	week_stop(k);
	world_end(&k->w);
	peer_end(&k->peer);
	munmap(k->truth, 8);
	week_remove(k->dir);
	free(k->dir);
	free(k->torrents);
	vec_clear(&k->seen);
}

#endif
