/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * All that a scan compares of a directory's files, as one number: who has the same number need not compare them one by
 * one.  The sum of a hash of each file, so that their order does not matter.  Pure.
 */
#ifndef COMMON_DIRSUM_H
#define COMMON_DIRSUM_H

#include <stddef.h>
#include <stdint.h>

enum {
	/** Not made yet, or something in the directory has changed since. */
	DIRSUM_NONE = 0,
	/** The directory has files that each scan has a look at, as those that could not be read. */
	DIRSUM_NEVER = 1,
	/** A directory with so many is never compared by it: its list comes in parts. */
	DIRSUM_FILES = 512,
};

struct dirsum_file {
	const char *name;
	/** Bytes of @name. */
	size_t n;
	/** Bytes; nanoseconds since 1970, btime 0: the file system tells none. */
	int64_t size, mtime, ctime, inode, btime;
};

/** To be added to the sum. */
uint64_t dirsum_of_file(const struct dirsum_file *f);
/** The same of the picture that stands for the directory. */
uint64_t dirsum_of_cover(const char *name, size_t n);
/** The number of a sum: none of DIRSUM_*, never negative. */
int64_t dirsum_end(uint64_t sum);

#endif
