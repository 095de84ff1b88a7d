/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * When a condition fires and when it is over.  Pure bookkeeping: the time and the facts are given, so that tests live
 * through days in a moment.  One thread at a time.
 *
 * A condition fires when its value was beyond the limit for the time of its rule, and is over when it was not beyond
 * the clear limit for another one.  One that fires again within a day of its end has to be well for longer each time
 * (at least a minute, doubled up to six hours), so that what flips all day is told of a few times and not all day.
 * What is not known now moves nothing.
 */
#ifndef INDEXER_ALERT_ENGINE_H
#define INDEXER_ALERT_ENGINE_H

#include "common/store_alerts.h"
#include "common/vec.h"

enum {
	ALERT_SUBJECT = 128,
	ALERT_TEXT = 512,
	/** Conditions and subjects that are watched at once; of more, the rest is not. */
	ALERT_STATES = 1024,
};

/** One condition as it is now.  Texts are copied. */
struct alert_fact {
	enum alert_id id;
	/** What it is about; "" for none.  One fact for each.  A long one is cut, and ends in a hash of all of it. */
	const char *subject;
	/** In the unit of its row; NAN: not known now. */
	double value;
	/** One sentence, without a period. */
	const char *text;
};

struct alert_facts {
	VEC(struct alert_fact) fact;
	/** Conditions whose question was answered: what they tell no fact about is not there any more. */
	bool answered[ALERT_COUNT_OF_ROWS];
};

enum alert_move {
	/** To be written; nobody is told. */
	ALERT_NOTED,
	ALERT_FIRED,
	ALERT_CLEARED,
	/** Its row is to be deleted. */
	ALERT_ENDED,
};

struct alert_state {
	enum alert_id id;
	enum store_alert_state state;
	char subject[ALERT_SUBJECT], text[ALERT_TEXT];
	int64_t since, fired_at, cleared_at, changed_at, streak;
	/** Since when it is well again, 0: it is not. */
	int64_t well_since;
	double value, limit;
	/** The value when it was written last. */
	double written;
	bool is_written, is_seen;
	/** People were told of its last move, or need not be; for that, a notice was put since the start. */
	bool is_told, was_put;
	/** A move that could not be written.  is_late: it is told of again, only to be written. */
	bool owes, is_late;
	enum alert_move owed;
};

struct alert_engine {
	struct alert_rule rule[ALERT_COUNT_OF_ROWS];
	VEC(struct alert_state) state;
};

/** It may set is_told and was_put.  0: the move is written; else the same move comes again at the next step, as a late one. */
typedef int alert_move_fn(void *arg, struct alert_state *s, enum alert_move move);

void engine_clear(struct alert_engine *e);
/** Takes up a row of the store, before the first step.  0 or -ENOMEM. */
int engine_restore(struct alert_engine *e, const struct store_alert *row);
/** Moves all states by the facts.  @now: ns since 1970; it may step back.  0 or -ENOMEM. */
int engine_step(struct alert_engine *e, const struct alert_facts *facts, int64_t now, alert_move_fn *fn, void *arg);
/** A state as a row of the store, whose texts it lends. */
struct store_alert engine_row(const struct alert_state *s);
/** How many fire. */
int64_t engine_firing(const struct alert_engine *e);

#endif
