/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What is mounted where, from /proc/self/mountinfo: read without touching any of the mounts, and
 * told by poll() when it changed.  Used by one thread.
 */
#ifndef INDEXER_MOUNTS_H
#define INDEXER_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/vec.h"

struct mount {
	/** @parent: of the mount that it was mounted on. */
	uint64_t id, parent, device;
	/** That one is none of the list. */
	bool is_top;
	/** Type, source and which of its folders, with blanks between: "ext4 /dev/sdb1 /". */
	char *point, *type;
};

struct mounts {
	VEC(struct mount) list;
	/** Polls with POLLPRI when something was mounted or unmounted; -1 when there is none. */
	int fd;
};

int mounts_open(struct mounts *m);
/** Reads the list anew.  0 or -errno (the old list stays). */
int mounts_read(struct mounts *m);
void mounts_close(struct mounts *m);

/** The mount that @path is on; NULL when unknown.  The last one mounted there counts. */
const struct mount *mounts_cover(const struct mounts *m, const char *path);
/** Calls @fn for each mount strictly below @path that can be seen, with its path below it. */
void mounts_below(const struct mounts *m, const char *path,
		  void (*fn)(void *arg, const struct mount *mount, const char *below), void *arg);

/** The path that @path, which lies on @m, has in the file system of @m. */
void mount_inner(const struct mount *m, const char *path, struct buf *out);

/** Our own filesystem. */
bool mount_is_own(const struct mount *m);
/** A file system the changes of which this kernel does not see. */
bool mount_is_remote(const struct mount *m);
/** The same disk as the one called @device, @type: anonymous device numbers change with each
 * mount and do not count. */
bool mount_is_same(const struct mount *m, uint64_t device, const char *type);

#endif
