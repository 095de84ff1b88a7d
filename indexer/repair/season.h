/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which season and episodes a path says that it is. */
#ifndef INDEXER_REPAIR_SEASON_H
#define INDEXER_REPAIR_SEASON_H

#include <stdbool.h>

struct season {
	int number;
	/** Both 0 when the name says no episode. */
	int first, last;
};

/**
 * @path: below the series' folder ("Season 01/Show - S01E02.mkv").  False when it says no season, or two
 * different ones.
 */
bool season_of_path(const char *path, struct season *out);

#endif
