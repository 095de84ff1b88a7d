/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Commands of `mediamon` that work without a mount. Each returns an exit status. */
#ifndef FS_DUMP_H
#define FS_DUMP_H

#include "common/config.h"

/** Prints a virtual file, or lists a virtual directory. */
int dump_command(const struct config *config, const char *path);
/** Prints the documents of status/ as one stream (common/snapshot.h), for the indexer, which names
 * its state directory: that of another store is refused. */
int snapshot_command(const struct config *config, const char *state_dir);
/** Prints everything of one kind, one JSON object a line. */
int export_command(const struct config *config, const char *what);
/** Gives an order: FILE WORDS… */
int order_command(const struct config *config, const char *file, int argc, char **argv);
/** Says what is wrong with this installation. */
int doctor_command(const struct config *config);

#endif
