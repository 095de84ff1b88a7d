/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The store: one SQLite file (WAL) in the state directory.  One thread of one process writes it
 * (store_write.h, only in indexer/load/writer.c); everybody else asks questions with plain names
 * (store_read.h).  A connection belongs to one thread at a time.
 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/**
 * What moves together.  Every commit that changes data of a topic gives the topic the number of
 * that commit (its generation), in the same transaction: a document made from some topics has
 * the greatest of their numbers as its version.
 */
#define TOPICS(T) \
	T(music) \
	T(manga) \
	T(missing) \
	T(errors) \
	T(audit) \
	T(roots) \
	T(jobs) \
	T(scan) \
	T(events) \
	T(orders) \
	T(history) \
	T(verify) \
	/* where was looked, what was found, what is wished, budgets */ \
	T(search) \
	T(requests) \
	/* links and their targets; torrents at the provider; plans, the journal, insertions */ \
	T(symlinks) \
	T(torrents) \
	T(repairs) \
	/* its own state: backups, recovery */ \
	T(store) \
	/* which files were read to their end, and what that told */ \
	T(integrity) \
	/* samples of the gauges */ \
	T(metrics) \
	/* chapters and downloads, whoever told of them */ \
	T(chapters) \
	/* conditions that somebody should be told of */ \
	T(alerts)

enum topic {
#define T(name) TOPIC_##name,
	TOPICS(T)
#undef T
	TOPIC_COUNT
};

#define TOPIC_BIT(name) (1u << TOPIC_##name)

/** The name of the store's file in the state directory. */
#define STORE_FILE "mediamon.db"

/**
 * Opens the store of @state_dir for reading.  Returns 0; -ENOENT when there is none yet;
 * -EPROTO when another version of mediamon made it; -EIO and others.
 */
int store_open_reader(const char *state_dir, struct store **out);

/**
 * Opens it for writing, makes it when absent, checks it (quick_check) and migrates it.  A damaged
 * one is moved aside and replaced by the newest good copy in backups/, else by a new one; meta
 * `recovered` and `recovered_at` then say so.  A disk that refuses is no damage.
 * @why gets a sentence on failure.
 */
int store_open_writer(const char *state_dir, struct store **out, char why[static 256]);

/**
 * Whether any connection of this process, a copy included, found damage since the store was last
 * opened for writing; opening it again looks closer, and replaces it if need be.  Any thread.
 */
bool store_is_damaged(void);

/** The library's version, for --version. */
const char *store_library(void);

/** From now on SQLite keeps about so many bytes in this process at most. */
void store_limit_memory(int64_t bytes);

/** Accepts NULL. */
void store_close(struct store *s);

/** One consistent snapshot for all questions until store_end().  Nests are not allowed. */
int store_begin_read(struct store *s);
void store_end(struct store *s);

#endif
