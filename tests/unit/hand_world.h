/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A root of links in a folder of its own, changed by a real hand: this program started again with --hand. */
#ifndef TESTS_UNIT_HAND_WORLD_H
#define TESTS_UNIT_HAND_WORLD_H

#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/repair/hand.h"

#define BYTES(text) ((struct bytes){(text), strlen(text)})

static char links_root[256];

static inline int links_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void links_begin(void)
{
	snprintf(links_root, sizeof links_root, "%s/mediamon-links.XXXXXX", unit_quick_tmp());
	assert_non_null(mkdtemp(links_root));
}

static inline void links_end(void)
{
	nftw(links_root, links_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static inline const char *links_path(const char *path)
{
	static char full[8][8192];
	static int next;
	char *p = full[next++ % 8];
	int n = snprintf(p, sizeof full[0], "%s/%s", links_root, path);
	assert_true(n > 0 && n < (int)sizeof full[0]);
	return p;
}

static inline void links_dir(const char *path)
{
	assert_int_equal(mkdir(links_path(path), 0755), 0);
}

static inline struct timespec links_time(int64_t ns)
{
	int64_t s = (ns < 0 ? ns - NS_PER_S + 1 : ns) / NS_PER_S;
	return (struct timespec){s, ns - s * NS_PER_S};
}

/** @uid, @gid: ours where we may not give away. */
static inline void links_put(const char *path, const char *target, int64_t uid, int64_t gid, int64_t mtime)
{
	struct timespec times[2] = {links_time(mtime), links_time(mtime)};
	const char *full = links_path(path);
	assert_int_equal(symlink(target, full), 0);
	if (geteuid() == 0)
		assert_int_equal(fchownat(AT_FDCWD, full, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(utimensat(AT_FDCWD, full, times, AT_SYMLINK_NOFOLLOW), 0);
}

static inline struct hand_facts links_facts(const char *path)
{
	struct hand_facts f = {0};
	struct stat st;
	if (lstat(links_path(path), &st) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(S_ISLNK(st.st_mode));
	ssize_t n = readlink(links_path(path), f.target, sizeof f.target - 1);
	assert_true(n > 0);
	f.target_len = (size_t)n;
	f.uid = st.st_uid;
	f.gid = st.st_gid;
	f.mtime = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
	f.inode = (int64_t)st.st_ino;
	return f;
}

static inline void links_assert(const char *path, const char *target, const struct hand_facts *as)
{
	struct hand_facts f = links_facts(path);
	assert_string_equal(f.target, target);
	assert_int_equal(f.uid, as->uid);
	assert_int_equal(f.gid, as->gid);
	assert_int_equal(f.mtime, as->mtime);
}

static inline bool links_is_there(const char *path)
{
	struct stat st;
	return lstat(links_path(path), &st) == 0;
}

/** Entries of a directory whose names begin with @prefix. */
static inline int links_count(const char *path, const char *prefix)
{
	DIR *dir = opendir(links_path(path));
	int n = 0;
	assert_non_null(dir);
	for (struct dirent *d = readdir(dir); d; d = readdir(dir))
		n += strncmp(d->d_name, prefix, strlen(prefix)) == 0 && d->d_name[0] &&
		     strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	closedir(dir);
	return n;
}

#endif
