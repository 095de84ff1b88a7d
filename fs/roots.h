/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The watched folders, and what is mounted below them: for status/roots and the page. */
#ifndef FS_ROOTS_H
#define FS_ROOTS_H

#include "fs/view.h"

/** A root, or a mount below one.  Texts are borrowed for the time of the call. */
struct place {
	const char *name, *kind, *state, *reason, *watch;
	struct bytes path;
	/** since: ns since 1970; held: files or links whose loss is not believed. */
	int64_t since, files, bytes, held;
	bool is_mount;
};
typedef int place_fn(void *arg, const struct place *place);

/** Each root with its mounts behind it; stops when @fn returns non-zero, and returns that.  0 without a store. */
int places_each(struct view *v, place_fn *fn, void *arg);

#endif
