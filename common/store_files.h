/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by common/store*.c only: the files that lie around the store. */
#ifndef COMMON_STORE_FILES_H
#define COMMON_STORE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/vec.h"

enum { STAMP_LEN = 16 };

/** "20261121T100000Z" */
void stamp_of(int64_t ns, char stamp[static STAMP_LEN + 1]);
/** The time of a stamp, 0 when @text does not begin with one. */
int64_t stamp_read(const char *text);

struct dated_file {
	int64_t at;
	char name[64];
};
typedef VEC(struct dated_file) dated_files;

/** What lies between a name's beginning and its end: both fixed, a stamp between. */
struct name_shape {
	/** With digits at '#', of which there may be several. */
	const char *before, *after;
};

/** Files of @dir whose name is exactly of the shape, newest first.  Returns 0 or -errno. */
int files_list(const char *dir, const struct name_shape *shape, dated_files *out);
/** Unlinks all but the newest @keep of them, with what is named like them and ends in -wal, -shm. */
void files_prune(const char *dir, const struct name_shape *shape, unsigned keep);

/** fsync of a file or folder by its path.  0 or -errno. */
int file_sync(const char *path);
/** The folder that @path lies in. */
int folder_sync_of(const char *path);
/** A new durable file with the bytes of another. */
int file_copy(const char *from, const char *to);

#endif
