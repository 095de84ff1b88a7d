/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * One link changed in its directory.
 *
 * Somebody else may replace the link between our look and our change.  So what is there is never
 * overwritten nor removed by its name: it is first exchanged with a link of ours (or moved aside) under a name that
 * only we use, looked at there, and put back if it is not what was recorded.  File systems without
 * renameat2() get a second look immediately before the change; the moment in between is accepted.
 *
 * A link is what it points to, owner, group and mtime: two that agree in these are the same to everybody, so
 * these are compared, and not inodes, which some file systems make up.
 *
 * The name, ".mediamon-" and 40 hex digits, holds hashes of the link's texts before and after: what a killed
 * hand left is removed only if its text is one of these, so that a stranger's link that was exchanged out in that
 * very moment stays.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/repair/hand_private.h"

#define PREFIX ".mediamon-"

enum {
	NAME = 64,
	RANDOM_DIGITS = 8,
	HASH_DIGITS = 16,
	DIGITS = RANDOM_DIGITS + 2 * HASH_DIGITS,
	/** Names tried. */
	TRIES = 64,
	/** Exchanges with somebody who replaces the link all the time. */
	EXCHANGES = 10000,
};

struct found {
	bool is_link;
	uint64_t device;
	struct hand_facts facts;
};

/* --- looking --- */

static int look_fd(int fd, struct found *f)
{
	struct stat st;
	*f = (struct found){0};
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	f->is_link = S_ISLNK(st.st_mode);
	f->device = st.st_dev;
	f->facts.inode = (int64_t)st.st_ino;
	f->facts.uid = st.st_uid;
	f->facts.gid = st.st_gid;
	if (__builtin_mul_overflow((int64_t)st.st_mtim.tv_sec, NS_PER_S, &f->facts.mtime) ||
	    __builtin_add_overflow(f->facts.mtime, (int64_t)st.st_mtim.tv_nsec, &f->facts.mtime))
		return -EOVERFLOW;
	if (!f->is_link)
		return 0;
	ssize_t n = readlinkat(fd, "", f->facts.target, sizeof f->facts.target);
	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof f->facts.target)
		return -ENAMETOOLONG;
	f->facts.target_len = (size_t)n;
	return 0;
}

static int look(int dir, const char *name, struct found *f)
{
	_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return look_fd(fd, f);
}

static bool has_text(const struct found *f, struct bytes text)
{
	return f->is_link && f->facts.target_len == text.len &&
	       memcmp(f->facts.target, text.data, text.len) == 0;
}

static bool has_facts(const struct found *f, const struct hand_facts *as)
{
	return f->facts.uid == as->uid && f->facts.gid == as->gid && f->facts.mtime == as->mtime;
}

static bool same(const struct found *a, const struct found *b)
{
	if (a->is_link && b->is_link)
		return has_facts(a, &b->facts) &&
		       has_text(a, (struct bytes){b->facts.target, b->facts.target_len});
	return a->is_link == b->is_link && a->device == b->device && a->facts.inode == b->facts.inode;
}

/** The link as it was recorded, or -ESTALE. */
static int look_expected(int dir, const char *name, struct bytes text, struct found *f)
{
	int r = look(dir, name, f);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	return has_text(f, text) ? 0 : -ESTALE;
}

/** Whether it is still what it was a moment ago. */
static int look_again(int dir, const char *name, const struct found *was)
{
	struct found now;
	int r = look(dir, name, &now);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	return same(&now, was) ? 0 : -ESTALE;
}

/* --- names of ours --- */

/** FNV-1a: only to recognise. */
static uint64_t hash_of(struct bytes text)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (uint8_t)text.data[i]) * UINT64_C(1099511628211);
	return h;
}

static int new_name(const struct hand_order *o, char name[NAME])
{
	uint32_t number;
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return -EAGAIN;
	snprintf(name, NAME, PREFIX "%08" PRIx32 "%016" PRIx64 "%016" PRIx64, number, hash_of(o->before),
		 hash_of(o->after));
	return 0;
}

static bool is_ours(const char *name)
{
	const char *digits = name + strlen(PREFIX);
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strlen(digits) == DIGITS &&
	       strspn(digits, "0123456789abcdef") == DIGITS;
}

/** A link whose text is one of the two that its name tells. */
static bool is_left(int dir, const char *name)
{
	struct found f;
	char hash[HASH_DIGITS + 1];
	if (!is_ours(name) || look(dir, name, &f) < 0 || !f.is_link)
		return false;
	snprintf(hash, sizeof hash, "%016" PRIx64,
		 hash_of((struct bytes){f.facts.target, f.facts.target_len}));
	const char *before = name + strlen(PREFIX) + RANDOM_DIGITS;
	return memcmp(before, hash, HASH_DIGITS) == 0 || memcmp(before + HASH_DIGITS, hash, HASH_DIGITS) == 0;
}

void hand_sweep(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	if (!list) {
		if (copy >= 0)
			close(copy);
		return;
	}
	for (struct dirent *d = readdir(list); d; d = readdir(list)) {
		if (!is_ours(d->d_name))
			continue;
		if (is_left(dir, d->d_name))
			unlinkat(dir, d->d_name, 0);
		else
			log_warning("hand: %s is not what its name tells, and stays", d->d_name);
	}
	closedir(list);
}

/* --- a new link beside the old one --- */

static struct timespec time_of(int64_t ns)
{
	struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
	if (t.tv_nsec < 0) {
		t.tv_nsec += NS_PER_S;
		t.tv_sec--;
	}
	return t;
}

/**
 * By a descriptor of what was looked at: by its name, somebody could make us give away a file that he
 * has put there.
 */
static int set_facts(int dir, const char *name, struct bytes text, const struct hand_facts *want,
		     struct found *made)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, time_of(want->mtime)};
	_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int r = look_fd(fd, made);
	if (r < 0)
		return r;
	if (!has_text(made, text))
		return -ESTALE;
	if ((made->facts.uid != want->uid || made->facts.gid != want->gid) &&
	    fchownat(fd, "", (uid_t)want->uid, (gid_t)want->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
		return -errno;
	r = look_fd(fd, made);
	if (r < 0)
		return r;
	/* a file system that keeps less than it is given */
	return has_facts(made, want) ? 0 : -ENOTSUP;
}

static void drop(int dir, const char *name, struct bytes text)
{
	struct found f;
	if (look(dir, name, &f) == 0 && has_text(&f, text))
		unlinkat(dir, name, 0);
}

/** A link beside the old one, ready to take its place. */
static int make_beside(int dir, const struct hand_order *o, const struct hand_facts *want, char name[NAME],
		       struct found *made)
{
	char text[HAND_TEXT];
	int r = -EEXIST;
	memcpy(text, o->after.data, o->after.len);
	text[o->after.len] = '\0';
	for (int i = 0; i < TRIES && r == -EEXIST; i++) {
		r = new_name(o, name);
		if (r == 0 && symlinkat(text, dir, name) < 0)
			r = -errno;
	}
	if (r < 0)
		return r;
	r = set_facts(dir, name, o->after, want, made);
	if (r < 0)
		drop(dir, name, o->after);
	return r;
}

/* --- changing --- */

static int rename_with(int dir, const char *from, const char *to, unsigned flags)
{
	return renameat2(dir, from, dir, to, flags) < 0 ? -errno : 0;
}

/** The file system or the kernel cannot do it that way. */
static bool is_unable(int r)
{
	return r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP;
}

/** What was moved aside goes back where nothing is. */
static void put_back(int dir, const char *aside, const char *name)
{
	int r = rename_with(dir, aside, name, RENAME_NOREPLACE);
	if (r < 0)
		log_warning("hand: a link that somebody else made is kept as %s: %s", aside, strerror(-r));
}

/**
 * A stranger's link is at @aside, @ours in its place.  They are exchanged until what comes out is what we put in: then
 * nobody has replaced it meanwhile, and the newest of others' is in its place.
 */
static int give_back(int dir, const char *name, const char *aside, const struct found *ours)
{
	struct found put = *ours, theirs, out;
	int r = look(dir, aside, &theirs);
	for (int i = 0; i < EXCHANGES; i++) {
		if (r == -ENOENT)
			return -ETIMEDOUT;
		r = rename_with(dir, aside, name, RENAME_EXCHANGE);
		if (r < 0 && r != -ENOENT)
			break;
		if (r == -ENOENT) {
			put_back(dir, aside, name);
			return -ESTALE;
		}
		r = look(dir, aside, &out);
		if (r == 0 && same(&out, &put)) {
			if (out.is_link)
				unlinkat(dir, aside, 0);
			return -ESTALE;
		}
		put = theirs;
		theirs = out;
	}
	log_warning("hand: somebody replaces a link all the time; one of his is kept as %s", aside);
	return -ESTALE;
}

/** Without RENAME_EXCHANGE. */
static int relink_plainly(int dir, const char *name, const char *aside, const struct found *was)
{
	int r = look_again(dir, name, was);
	if (r == 0 && renameat(dir, aside, dir, name) < 0)
		r = -errno;
	return r;
}

static int relink(int dir, const char *name, const struct hand_order *o, struct hand_facts *facts)
{
	char aside[NAME];
	struct found was, made, out;
	int r = look_expected(dir, name, o->before, &was);
	if (r < 0)
		return r;
	struct hand_facts given = {.uid = o->uid, .gid = o->gid, .mtime = o->mtime};
	r = make_beside(dir, o, o->has_facts ? &given : &was.facts, aside, &made);
	if (r < 0)
		return r;
	*facts = made.facts;
	r = rename_with(dir, aside, name, RENAME_EXCHANGE);
	if (is_unable(r)) {
		r = relink_plainly(dir, name, aside, &was);
		if (r < 0)
			drop(dir, aside, o->after);
		return r;
	}
	if (r < 0) {
		int stale = look_again(dir, name, &was);
		drop(dir, aside, o->after);
		return stale < 0 ? stale : r;
	}
	r = look(dir, aside, &out);
	if (r < 0 || !same(&out, &was))
		return give_back(dir, name, aside, &made);
	/* it has happened: what cannot be removed now is swept later */
	unlinkat(dir, aside, 0);
	return 0;
}

static int move_aside(int dir, const char *name, const struct hand_order *o, char aside[NAME])
{
	int r = -EEXIST;
	for (int i = 0; i < TRIES && r == -EEXIST; i++) {
		r = new_name(o, aside);
		if (r == 0)
			r = rename_with(dir, name, aside, RENAME_NOREPLACE);
	}
	return r == -ENOENT ? -ESTALE : r;
}

static int unlink_link(int dir, const char *name, const struct hand_order *o)
{
	char aside[NAME];
	struct found was;
	int r = look_expected(dir, name, o->before, &was);
	if (r < 0)
		return r;
	r = move_aside(dir, name, o, aside);
	if (is_unable(r)) {
		r = look_again(dir, name, &was);
		return r == 0 && unlinkat(dir, name, 0) < 0 ? -errno : r;
	}
	if (r < 0) {
		int stale = look_again(dir, name, &was);
		return stale < 0 ? stale : r;
	}
	r = look_again(dir, aside, &was);
	if (r == 0 && unlinkat(dir, aside, 0) < 0)
		r = -errno;
	if (r < 0)
		put_back(dir, aside, name);
	return r;
}

/** Without RENAME_NOREPLACE: its facts come a moment after it. */
static int make_plainly(int dir, const char *name, const struct hand_order *o, const struct hand_facts *want,
			struct found *made)
{
	char text[HAND_TEXT];
	memcpy(text, o->after.data, o->after.len);
	text[o->after.len] = '\0';
	if (symlinkat(text, dir, name) < 0)
		return -errno;
	int r = set_facts(dir, name, o->after, want, made);
	if (r < 0)
		drop(dir, name, o->after);
	return r;
}

static int make(int dir, const char *name, const struct hand_order *o, struct hand_facts *facts)
{
	char aside[NAME];
	struct found there, made;
	struct hand_facts want = {.uid = o->uid, .gid = o->gid, .mtime = o->mtime};
	int r = look(dir, name, &there);
	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	r = make_beside(dir, o, &want, aside, &made);
	if (r < 0)
		return r;
	r = rename_with(dir, aside, name, RENAME_NOREPLACE);
	if (r < 0)
		drop(dir, aside, o->after);
	if (is_unable(r))
		r = make_plainly(dir, name, o, &want, &made);
	*facts = made.facts;
	return r;
}

static int read_link(int dir, const char *name, struct hand_facts *facts)
{
	struct found f;
	int r = look(dir, name, &f);
	if (r < 0)
		return r;
	*facts = f.facts;
	return f.is_link ? 0 : -ESTALE;
}

int hand_link(int dir, const char *name, const struct hand_order *o, struct hand_facts *facts)
{
	*facts = (struct hand_facts){0};
	switch (o->act) {
	case HAND_READ:
		return read_link(dir, name, facts);
	case HAND_RELINK:
		return relink(dir, name, o, facts);
	case HAND_UNLINK:
		return unlink_link(dir, name, o);
	case HAND_MAKE:
		return make(dir, name, o, facts);
	}
	return -EINVAL;
}
