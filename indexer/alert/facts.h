/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the engine is told: every condition as it is now, out of the store, the live page and the budgets.  Only kept
 * counts and small tables are asked, and no file of a root is touched: a disk that hangs or sleeps does not matter.
 * One thread.
 */
#ifndef INDEXER_ALERT_FACTS_H
#define INDEXER_ALERT_FACTS_H

#include "common/config.h"
#include "common/gauges.h"
#include "common/live.h"
#include "indexer/alert/engine.h"
#include "indexer/net/limit.h"

enum {
	/** Looks of the last hour are kept, one a minute. */
	FACTS_MINUTES = 61,
	/** Starts of the indexer that are remembered. */
	FACTS_STARTS = 32,
};

/** What is asked, and what is remembered from look to look.  Begins zeroed but for what is borrowed. */
struct facts {
	const struct config *config;
	/** A connection of its own. */
	struct store *store;
	/** NULL: no services are asked about. */
	struct limit *limit;

	/** Starts of the indexer, oldest first; of its own memory. */
	int64_t start[FACTS_STARTS];
	size_t starts;

	/** Worker restarts since the start, a look a minute; and which start that was. */
	struct {
		int64_t at;
		uint64_t count;
	} restarts[FACTS_MINUTES];
	size_t restarts_len;
	uint64_t started_at;

	/** Errors a day before `day_at`, NAN: not known. */
	double errors_before;
	int64_t day_at;

	/** The last answer: its texts lie here. */
	struct alert_facts told;
	VEC(char *) texts;
	struct gauges gauges;
	/** False: they could not be read in this look. */
	bool has_gauges;
	int64_t now;
};

/** Starts that were kept ("TIME TIME …"), and this one; true when that is new. */
bool facts_add_start(struct facts *f, const char *kept, int64_t started_at);
/** As they are to be kept. */
void facts_starts(const struct facts *f, struct buf *out);

/** Looks at everything; what it returns lives until the next look.  @live: of now. */
const struct alert_facts *facts_look(struct facts *f, const struct live_values *live, int64_t now);
/** Frees what it holds; not what is borrowed. */
void facts_free(struct facts *f);

/* --- between facts.c and facts_scan.c --- */

/** Adds a fact with its texts copied. */
void facts_add(struct facts *f, enum alert_id id, const char *subject, double value, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/** The question about @id was answered (r >= 0). */
void facts_answered(struct facts *f, enum alert_id id, int r);
/** Scans: when, how fast, how well. */
void facts_of_scans(struct facts *f);

#endif
