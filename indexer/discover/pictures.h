/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Folders of pictures that are volumes: below a series, nothing but pictures inside (what programs
 * leave beside them, and ComicInfo.xml, aside), no archive beside.
 */
#ifndef INDEXER_DISCOVER_PICTURES_H
#define INDEXER_DISCOVER_PICTURES_H

#include <stdbool.h>

#include "common/buf.h"

/** Whether the folder @name in @dir is one.  False also when it cannot be listed. */
bool pictures_are_all(int dir, const char *name);

/**
 * What a worker reads in place of an open folder: a file in memory with the names of the pictures
 * (extract_folder.c).  Returns its descriptor or -errno; -ENOTSUP when it is no such folder.
 */
int pictures_list(int folder);

/** The descriptor of the picture that is rather the folder's cover than others, and its name; else -errno. */
int pictures_open_front(int folder, struct buf *name);

/** Whether a folder that is no volume any more can be listed to its end: 0 or -errno. */
int pictures_can_list(int root, const char *path);

#endif
