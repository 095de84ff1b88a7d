/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Whether a root may be believed: a disk that is not there is not an empty disk.
 *
 * Nothing is forgotten unless its root was healthy before and after the scan that missed it.
 */
#ifndef INDEXER_GUARD_H
#define INDEXER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct guard_evidence {
	/** 0, or -errno of opening the root; of the marker file that the user names. */
	int error, marker_error;
	/** It lists no entry. */
	bool is_empty;
	/** The index knows files of it. */
	bool has_files;
	/** It did not answer in time. */
	bool is_silent;
	/** It is mediamon's own mount. */
	bool is_own;
	/** Its device or type is another one than the one recorded. */
	bool is_other_device;
	/** Something was mounted there since it was found healthy, or nobody knows. */
	bool is_other_mount;
	/** Files asked for that must be there, and those that were. */
	uint32_t anchors, answered;
};

struct guard_verdict {
	/** "present", "absent", "empty", "foreign", "stuck" or "unknown"; "frozen" is guard_brake()'s. */
	const char *state;
	/** A sentence; "" when present. */
	const char *reason;
	/** What is not seen below it may be forgotten. */
	bool may_forget;
	/** It may be walked. */
	bool may_scan;
};

struct guard_verdict guard_judge(const struct guard_evidence *e);

/** Whether so many of @total files vanishing at once must be held.  @percent of them or @count are
 * always believed; both 0: nothing is held. */
bool guard_brake(int64_t vanished, int64_t total, int64_t count, int64_t percent);

/** Whether the room on a disk (bytes) moved by more than nothing much: a thousandth of a small disk, 64 MiB of a large
 * one, whose last GiB would else be used up unseen. */
bool guard_room_moved(uint64_t was, uint64_t room, uint64_t size);

#endif
