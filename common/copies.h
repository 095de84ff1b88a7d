/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Which of several copies of one thing is the best, and why: the one place that says so.  Pure.
 *
 * Whole before damaged; what holds more volumes; the better format (cbz, cbr, pdf, epub; sound without
 * loss before sound with loss); a higher bit rate; more pages; more bytes; else the one indexed first.
 * The resolution of pages is not known to the index.
 */
#ifndef COMMON_COPIES_H
#define COMMON_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct copy {
	int64_t file;
	/** Bytes; owned by whoever made the copy. */
	const char *path;
	size_t path_len;
	char format[16];
	/** 0 when not known, or when it has none. */
	int64_t pages, bitrate, bytes;
	/** How many volumes it holds; 1 for all else. */
	int64_t volumes;
	/** Its samples are kept without loss, as in ALAC within m4a. */
	bool is_lossless;
	bool is_bad;
	/* set by copies_rank(): */
	bool is_best;
	/** Why it is, or is not, the best: a clause. */
	const char *reason;
};

/** Sorts the copies, the best first; sets is_best and reason. */
void copies_rank(struct copy *c, size_t n);

#endif
