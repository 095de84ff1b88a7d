/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Whether a root may be believed: nothing is forgotten without asking here. */
#ifndef INDEXER_GUARD_H
#define INDEXER_GUARD_H

#include <stdbool.h>

struct guard_evidence {
	/** 0, or -errno of opening the root. */
	int error;
	/** It lists no entry. */
	bool is_empty;
	/** The index knows files of it. */
	bool has_files;
	/** It did not answer in time. */
	bool is_silent;
};

struct guard_verdict {
	/** "present", "absent", "empty", "stuck" or "unknown". */
	const char *state;
	/** A sentence; "" when present. */
	const char *reason;
	/** What is not seen below it may be forgotten. */
	bool may_forget;
	/** It may be walked. */
	bool may_scan;
};

struct guard_verdict guard_judge(const struct guard_evidence *e);

#endif
