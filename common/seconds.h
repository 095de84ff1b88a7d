/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Samples of the last seconds in which something ran: a file of the state directory with one place for each second
 * of an hour (or what the configuration says), written over and over.  The indexer writes it, anybody reads it; a place
 * that is being written fails its check and is a gap.  Nothing of it is synced: it is worth nothing after a crash.
 */
#ifndef COMMON_SECONDS_H
#define COMMON_SECONDS_H

#include <stddef.h>

#include "common/gauges.h"

#define SECONDS_FILE "seconds"

/** Most seconds that the file keeps: 28 MB. */
enum { SECONDS_MOST = 6 * 3600 };

/**
 * Opens it for writing, for @places seconds; one of another size or other gauges is begun anew.  0: unlinks it, and returns
 * -ENOENT.  The descriptor or -errno.
 */
int seconds_open(const char *state_dir, unsigned places);
/** Writes the place of a second; a clock that was set back writes over what was there.  0 or -errno. */
int seconds_put(int fd, unsigned places, const struct gauges *g);

/** As store_samples(), of whole seconds.  No file: none. */
int seconds_each(const char *state_dir, const enum gauge_id *which, size_t n, int64_t since, int64_t until,
		 int (*fn)(void *arg, int64_t at, const double *value), void *arg);

#endif
