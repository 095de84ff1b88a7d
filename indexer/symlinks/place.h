/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the text of a link means: where it leads here, and of which torrent it is.  Pure. */
#ifndef INDEXER_SYMLINKS_PLACE_H
#define INDEXER_SYMLINKS_PLACE_H

#include "common/buf.h"
#include "common/config.h"
#include "common/store_symlinks.h"

struct places;

/** @why: a sentence, on -EINVAL.  From realdebrid.mount, realdebrid.folders and realdebrid.path_map. */
int places_new(const struct config *config, struct places **out, char why[static 256]);
void places_free(struct places *p);

/**
 * @dir: the target's directory as the link's text says it, absolute, with the last '/'; @name: the last
 * component ("" and ".": the directory itself).  Fills @here (with the last '/'; mapped, normalised: no "//", "." or "..", which only the text keeps).  Returns the torrent's
 * name (a component of @here, or @name of a file that lies in a folder itself; borrowed from @here or @name); n 0 when it leads
 * elsewhere: foreign.  The longest configured folder counts.
 */
struct bytes places_torrent(const struct places *p, struct bytes dir, struct bytes name, struct buf *here);

/** The mount, "" when none is configured. */
const char *places_mount(const struct places *p);
/** Where torrent @name would be seen: each configured folder that shows it, in order; fn returns 0 to go on.
 * -EINVAL: it is no name of one entry. */
int places_of_torrent(const struct places *p, struct bytes name, int (*fn)(void *arg, const char *path), void *arg);

#endif
