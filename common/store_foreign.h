/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reading an SQLite file that belongs to another program.  It is never written, and nothing is
 * left beside it where that can be avoided.  It is opened for one errand and closed again: who
 * kept it open would keep its owner from tidying up its WAL.
 *
 * A file in WAL mode without a WAL, or with an empty one, is whole: it is read as if it could not
 * change (else SQLite would make -wal and -shm), and whether it did change is asked afterwards.
 *
 * Errors: -ENOENT, -EACCES, -EISDIR; -EBUSY: locked, being changed, or its program left it
 * unfinished; -EBADMSG: damaged or no SQLite; -EPROTO: it has not that table; -EFBIG, -EIO,
 * -ENOMEM.
 */
#ifndef COMMON_STORE_FOREIGN_H
#define COMMON_STORE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;

/** When two looks at a file are equal, it was not changed in between; but see is_settled. */
struct foreign_look {
	uint64_t device, inode, wal_inode;
	int64_t size, mtime, wal_size, wal_mtime;
};

struct foreign {
	const char *path;
	struct sqlite3 *db;
	struct foreign_look look;
	/** The last change is so long ago that another one would have another time. */
	bool is_settled;
	/** Read as if it could not change. */
	bool is_frozen;
	/** Given to every function: 256 bytes, a sentence about the file. */
	char *why;
};

/** @path and @why are borrowed until foreign_close().  0 or -errno with @why. */
int foreign_open(const char *path, struct foreign *f, char *why);
/** Of a zeroed or opened one. */
void foreign_close(struct foreign *f);

/** Turns what SQLite answered into -errno and @why; 0 for success. */
int foreign_errno(struct foreign *f, int rc);

/** True when it was read as if it could not change, and it did: nothing that was read counts. */
bool foreign_is_disturbed(const struct foreign *f);

/** Which of @names the table has: a bit each.  -EPROTO: it has no such table, or not the first. */
int foreign_columns(struct foreign *f, const char *table, const char *const *names, size_t n,
		    unsigned *has);

#endif
