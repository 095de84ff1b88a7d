/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Heads: the few bytes of a music file that its reader needs, read by the scout that lists it, which
 * has its directory open anyway, and handed to a worker in shared memory instead of a descriptor.
 *
 * A region belongs to one scout: a memory file of labels and slots, one slot for one file.  The scout
 * writes, workers map it read-only.  A slot is filled under a ticket, which no other file ever has in
 * that region; whoever asks for a ticket gets the bytes that were sealed with it, or none.
 *
 * A worker copies a slot before it reads it: nobody can change the bytes under a reader.  The labels are
 * believed by nobody: impossible ones are refused.
 */
#ifndef INDEXER_HEADS_H
#define INDEXER_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HEADS_REGIONS = 8,
	HEADS_SLOTS = 256,
	/** Bytes of a file's start, and of all: what stands behind its pictures and its end share the rest. */
	HEAD_START = 4096,
	HEAD_SIZE = 16384,
	HEAD_PIECES = 3,
};

/** Part of a file: where it stands there, and how many bytes; they follow each other in a slot. */
struct head_piece {
	uint64_t at;
	uint32_t n;
};

/** What is known of a file by the very descriptor that its bytes were read from. */
struct head {
	uint64_t size;
	/** Seconds since 1970. */
	int64_t mtime, ctime;
	/** In the order of the file, without overlap; the first begins at 0. */
	struct head_piece piece[HEAD_PIECES];
	uint32_t pieces;
};

struct heads;

/** A new region: its descriptor, or -errno.  It can neither grow nor shrink. */
int heads_create(void);
/** The same region for those that only read: a descriptor of its own, or -errno. */
int heads_reopen(int fd);
/** Maps a region; @fd may be closed then.  NULL with errno. */
struct heads *heads_map(int fd, bool writes);
/** Accepts NULL. */
void heads_unmap(struct heads *h);

/** Which slot a ticket is for. */
static inline uint32_t heads_slot(uint64_t ticket)
{
	return (uint32_t)(ticket % HEADS_SLOTS);
}

/** For the scout: empties a slot.  Returns its HEAD_SIZE bytes, to be written; any thread, one a slot. */
uint8_t *heads_begin(struct heads *h, uint32_t slot);
/** What was written is @head.  Returns the ticket for it, never 0. */
uint64_t heads_seal(struct heads *h, uint32_t slot, const struct head *head);

/** For the scout, while none of its threads fills a slot: empties all, and gives back what they take of memory. */
void heads_drop(struct heads *h);

/**
 * For a worker: copies what was sealed with @ticket.  @bytes: HEAD_SIZE of them.  Returns 0, -ESTALE
 * when the slot holds something else by now, -EBADMSG when its label is impossible.
 */
int heads_take(const struct heads *h, uint64_t ticket, struct head *head, uint8_t *bytes);

#endif
