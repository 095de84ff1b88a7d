/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A store for the tests of what repairs keep.  Included by one file of a program. */
#ifndef TESTS_UNIT_REPAIR_ROWS_H
#define TESTS_UNIT_REPAIR_ROWS_H

#include "tests/unit/find_world.h"

#include "common/store_repair.h"
#include "indexer/load/repairs.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/** Line ends, escapes, bytes that are no UTF-8, an endless sequence. */
#define HOSTILE "a'b\"c\\\n\t\x01\x7f%s;--\xff\xfe\xc3\x28\xed\xa0\x80\xf0\x9f\x98\x80"

static struct world world;

static inline int begin(void **state)
{
	(void)state;
	world_begin(&world, "");
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static inline int64_t count(const char *sql)
{
	return world_count(&world, sql);
}

static inline void reopen(void)
{
	world_close(&world);
	world_open(&world);
}

/** Which topics (bits) moved since the last time that this was asked. */
static inline unsigned moved(void)
{
	static uint64_t before[TOPIC_COUNT];
	uint64_t version[TOPIC_COUNT], generation;
	int64_t at[TOPIC_COUNT];
	unsigned bits = 0;
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_topics(world.reader, version, at, &generation), 0);
	for (int t = 0; t < TOPIC_COUNT; t++)
		bits |= version[t] != before[t] ? 1u << t : 0;
	memcpy(before, version, sizeof before);
	return bits;
}

#define TORRENTS TOPIC_BIT(torrents)
#define REPAIRS TOPIC_BIT(repairs)

/** Runs a change: it is taken, and exactly these topics move. */
#define MOVES(bits, change) \
	do { \
		moved(); \
		assert_int_equal(change, 0); \
		assert_int_equal(moved(), bits); \
	} while (0)

struct rows {
	int n;
	char text[2048];
};

static inline void add_text(struct rows *rows, const char *text)
{
	size_t len = strlen(rows->text);
	snprintf(rows->text + len, sizeof rows->text - len, "%s ", text);
	rows->n++;
}

#endif
