/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The history of status/: a thread that asks the filesystem program, the one renderer there is, for
 * the documents as they are (`mediamon snapshot`, a child process with a deadline) and gives them to
 * the writer, at whole multiples of the interval since midnight UTC.  Nobody waits for it.
 */
#ifndef INDEXER_HISTORY_H
#define INDEXER_HISTORY_H

#include <stdint.h>

struct history;
struct writer;

struct history_options {
	/** Copied.  An empty config_path: no history. */
	const char *config_path, *state_dir;
	/** In ns; 0: never. */
	int64_t interval;
	/** Borrowed until history_free(). */
	struct writer *writer;
};

/** Starts the thread.  0, also when there is nothing to do (*out NULL), or -errno. */
int history_new(const struct history_options *options, struct history **out);
/** Ends it, and a child that runs.  Accepts NULL. */
void history_free(struct history *h);

#endif
