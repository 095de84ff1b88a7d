/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Bytes that are too many for memory, in one file without a name on the state directory's disk
 * (in a memfd when that has no room or does not take it): one descriptor for any number of them.
 *
 * A place is owned by whoever put it there.  Thread-safe; the disk is used without any lock.
 */
#ifndef FS_SPILL_H
#define FS_SPILL_H

#include <stdint.h>
#include <sys/types.h>

struct spill_file;

struct place {
	/** NULL: nothing is there. */
	struct spill_file *file;
	uint64_t at, room;
};

/** Where the file is made when it is needed.  @dir is borrowed for ever. */
void spill_start(const char *dir);

/** Puts @n bytes somewhere; *p is untouched on failure.  0 or -errno. */
int spill_put(struct place *p, const char *data, size_t n);
/** Adds @n bytes to the @size that are there.  When the place had to move, the caller owns the
 * *former one too and drops it once nobody reads it; else its file is NULL.  0 or -errno. */
int spill_append(struct place *p, struct place *former, uint64_t size, const char *data, size_t n);
/** Bytes or -errno. */
ssize_t spill_read(const struct place *p, void *out, size_t n, uint64_t offset);
/** Gives the disk's room back. */
void spill_drop(struct place *p);

/** Files open and bytes of room given out, for tests. */
void spill_count(size_t *files, uint64_t *room);

#endif
