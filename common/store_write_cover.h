/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Covers, written as in store_write.h, by indexer/load/covers.c. */
#ifndef COMMON_STORE_WRITE_COVER_H
#define COMMON_STORE_WRITE_COVER_H

#include "common/store_cover.h"
#include "common/store_write.h"

struct store_put_cover {
	int64_t series;
	/** The file that it was made of, as it was then; 0: there is none. */
	int64_t file, size, mtime, ctime, inode;
	int tries;
	/** A reason that may pass. */
	bool is_again;
	/** Why there is no picture; "". */
	const char *reason;
	/** NULL: there is none. */
	const void *jpeg;
	size_t n;
};

/** The version moves when the picture is another one.  Of a series that is gone nothing is kept. */
int store_put_cover(struct store *s, const struct store_put_cover *put);
/** A series ends. */
int store_drop_cover(struct store *s, int64_t series);
/** No more than @most are kept. */
int store_trim_covers(struct store *s, int64_t most);

#endif
