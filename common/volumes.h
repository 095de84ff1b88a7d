/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Which regular volumes a file stands for: the one place that says so, and why a file stands for
 * none.  Pure; any thread.
 *
 * Regular are whole numbers, one by one or as a range (omnibus, "T01-T05"); a range with halves
 * at its ends holds the whole numbers between.  A complete edition holds all that there are.  Half
 * volumes, specials, chapters, one-shots and packs that do not say what they hold stand for none.
 */
#ifndef COMMON_VOLUMES_H
#define COMMON_VOLUMES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

enum {
	/** No series has more volumes; a greater number in a name or tag is a mistake. */
	VOLUMES_MAX = 2000,
};

/** What is known of one file; texts are borrowed. */
struct volume_facts {
	/** NAN where there is none. */
	double volume, volume_end, chapter;
	/** ComicInfo's Count, 0 when none. */
	int64_t count;
	/** As FIELD_kind; NULL and "" are "unknown". */
	const char *kind;
	/** As FIELD_rule: by which rule the name was read; NULL when that is not known. */
	const char *rule;
	/** The file is there but damaged; or it ends too early, as during a copy. */
	bool is_corrupt, is_incomplete;
	/** volumes_is_mixed() of the series: an omnibus' own number is not that of a volume. */
	bool is_mixed;
};

/** True when the file stands for regular volumes, damaged or not: sets *first and *last. */
bool volumes_of(const struct volume_facts *f, int *first, int *last);

/** A complete edition ("Intégrale", "Complete Collection") that names no volumes: all of them. */
bool volumes_is_complete(const struct volume_facts *f);

/**
 * An omnibus that tells its own number and not those of the volumes inside.  Where a series is
 * collected in omnibuses only, that is the number of the volume.
 */
bool volumes_is_omnibus(const struct volume_facts *f);

/** What a series is collected in; zero at first, then told of each file. */
struct volumes_mix {
	bool has_omnibus, has_other;
};
void volumes_add(struct volumes_mix *m, const struct volume_facts *f);
/** True when it has such omnibuses and other volumes: then their numbers are two countings. */
bool volumes_is_mixed(const struct volumes_mix *m);

/**
 * True when nothing is owned by this file: a sentence that says why is appended.  False when it
 * counts; nothing is appended.
 */
bool volumes_why_not(const struct volume_facts *f, struct buf *out);

/** Appends what the file is: "volume 3", "volumes 1 to 5", "all volumes", "chapter 12", … */
void volumes_name(const struct volume_facts *f, struct buf *out);

/** Appends "3", "41.5": at most two decimals, none that are zero. */
void volumes_number(double v, struct buf *out);

#endif
