/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What is being read, written down before it is read: a file of the state directory that is mapped
 * by the indexer, so that it costs a few stores a file and outlives kill -9 of everybody.  (A power cut
 * loses it; whatever killed a worker is in the store too.)
 *
 * Each worker has a slot there (worker.h), and beside it, out of the worker's reach, the batches that it
 * was given.  Of files whose reading ended a worker, or during whose reading the indexer ended, a mark
 * is kept until they are read well or the store knows it.  Used by one thread.
 *
 * Where the indexer and its workers end together, some file is always being read: the first time that is a try like any
 * other, so that the file is read alone the next time; after that it is one only when the worker died by itself, or had
 * been at that file for long.
 */
#ifndef INDEXER_EXTRACT_POOL_READING_H
#define INDEXER_EXTRACT_POOL_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "indexer/extract/worker.h"
#include "indexer/frame.h"

enum {
	READING_WORKERS = 16,
	/** Batches that one worker has to do at most. */
	READING_AHEAD = 3,
	READING_MARKS = 256,
};

/** This very file: another size or time is another one. */
struct read_mark {
	int64_t root;
	/** Of its path below the root: reading_hash(). */
	uint64_t path;
	int64_t size, mtime;
	/** Reads of it that began and did not end. */
	int64_t tries;
	/** Of a mark: the store will know of that, at the latest with its next flush. */
	bool is_told;
};

struct reading_file;

struct reading {
	struct reading_file *file;
	int fd;
	/** It is whole: what it does not say since the store was last told by reading_made_whole() has not happened. */
	bool is_whole;
	/** Of the machine's start now; "" when it is not known. */
	char boot[40];
};

/**
 * Opens state_dir/reading, and marks what it says was being read; with NULL it is in memory.  Where that cannot be written it is in
 * memory, with a word in the log, and dies with us.  0 or -errno.
 */
int reading_open(const char *state_dir, struct reading *r);
/** The store says of no file any more that it is being read: until the machine stops, it is all written down here. */
void reading_made_whole(struct reading *r);
/** Nothing is being read.  It is no try when somebody else than the file ended its reader. */
void reading_close(struct reading *r);

uint64_t reading_hash(const char *dir, size_t dir_len, const char *name, size_t name_len);

struct worker_slot *reading_slot(struct reading *r, int worker);
/** Where that slot is in the file. */
int64_t reading_slot_at(int worker);

/** Whether one more batch for that worker can be written down. */
bool reading_has_room(const struct reading *r, int worker);
/** A batch that a worker is about to be given, by whom: its files by their index, @n of them at most BATCH_MAX. */
void reading_give(struct reading *r, int worker, uint64_t batch, int owner, const struct read_mark *files, size_t n);
/** It is @now (CLOCK_MONOTONIC, ns), and the indexer lives. */
void reading_beat(struct reading *r, int64_t now);
/** It is done with. */
void reading_take(struct reading *r, int worker, uint64_t batch);
/** Nobody waits for it any more, but its worker may be at it, or come to it: it stays until the room is needed. */
void reading_drop(struct reading *r, int worker, uint64_t batch);
/** Whether it is at what was dropped: what it were given now would wait for that. */
bool reading_is_at_dropped(const struct reading *r, int worker);
/** That worker comes to none of what was dropped. */
void reading_take_dropped(struct reading *r, int worker);
/** Whether anything was given by another than @owner. */
bool reading_has_others(const struct reading *r, int owner);
/** Whether that file is about to be read, or being read, for another than @owner, or for nobody any more. */
bool reading_is_given(const struct reading *r, int owner, const struct read_mark *file);
/** The file that the slot names, NULL when it names none that the worker was given. */
const struct read_mark *reading_now(const struct reading *r, int worker);

/** The file that the worker is reading has ended its reader: its mark, with one try more.  NULL: none. */
const struct read_mark *reading_blame(struct reading *r, int worker);
/** Tries of that file, 0 when it has no mark. */
int reading_tries(const struct reading *r, const struct read_mark *file);
/** It was read to its end: no mark. */
void reading_acquit(struct reading *r, const struct read_mark *file);
/** The store is told of its tries. */
void reading_tell(struct reading *r, const struct read_mark *file);
bool reading_is_empty(const struct reading *r);
bool reading_is_full(const struct reading *r);
/** The store knows all that it was told. */
void reading_forget(struct reading *r);

#endif
