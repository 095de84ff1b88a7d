/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/alert/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"

#define DAY_NS (24 * 3600 * NS_PER_S)

enum {
	/** Of one that fires again: how long it must be well at least, doubled each time, and at most. */
	AGAIN_S = 60,
	AGAIN_MOST_S = 6 * 3600,
	/** One that is on its way to fire is written when it has been so for so long. */
	PENDING_WRITTEN_S = 300,
	/** A value that moved by a tenth is written, so often at most. */
	VALUE_WRITTEN_S = 600,
	/** "~0123456789abcdef" */
	HASH_TEXT = 17,
};

void engine_clear(struct alert_engine *e)
{
	vec_clear(&e->state);
}

/** Cut within a character would be no text any more. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);
	if (n >= size) {
		n = size - 1;
		while (n && ((unsigned char)from[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(to, from, n);
	to[n] = '\0';
}

/** A subject as states have it: two long ones that begin alike stay two. */
static void copy_subject(char to[ALERT_SUBJECT], const char *from)
{
	size_t n = strlen(from);
	copy_text(to, n < ALERT_SUBJECT ? ALERT_SUBJECT : ALERT_SUBJECT - HASH_TEXT, from);
	if (n >= ALERT_SUBJECT)
		snprintf(to + strlen(to), HASH_TEXT + 1, "~%016" PRIx64, text_hash(from, n));
}

static struct alert_state *find(struct alert_engine *e, enum alert_id id, const char *subject)
{
	for (size_t i = 0; i < e->state.len; i++)
		if (e->state.data[i].id == id && strcmp(e->state.data[i].subject, subject) == 0)
			return &e->state.data[i];
	return NULL;
}

/** @subject: of copy_subject(). */
static struct alert_state *add(struct alert_engine *e, enum alert_id id, const char *subject)
{
	struct alert_state *s = e->state.len < ALERT_STATES ? vec_add(&e->state) : NULL;
	if (!s)
		return NULL;
	*s = (struct alert_state){.id = id, .state = STORE_ALERT_QUIET, .value = NAN, .written = NAN, .is_told = true};
	snprintf(s->subject, sizeof s->subject, "%s", subject);
	return s;
}

int engine_restore(struct alert_engine *e, const struct store_alert *row)
{
	for (int id = 0; id < ALERT_COUNT_OF_ROWS; id++) {
		if (strcmp(ALERTS_TABLE[id].name, row->name) != 0)
			continue;
		char subject[ALERT_SUBJECT];
		copy_subject(subject, row->subject);
		struct alert_state *s = add(e, (enum alert_id)id, subject);
		if (!s)
			return -ENOMEM;
		copy_text(s->text, sizeof s->text, row->text);
		s->state = row->state;
		s->since = row->since;
		s->fired_at = row->fired_at;
		s->cleared_at = row->cleared_at;
		s->changed_at = row->changed_at;
		s->streak = row->streak;
		s->value = s->written = row->value;
		s->limit = row->limit;
		s->is_written = true;
		s->is_told = row->told;
	}
	return 0;
}

struct store_alert engine_row(const struct alert_state *s)
{
	return (struct store_alert){
		.name = ALERTS_TABLE[s->id].name, .subject = s->subject, .text = s->text, .state = s->state,
		.firing = s->state == STORE_ALERT_FIRING, .since = s->since, .fired_at = s->fired_at,
		.cleared_at = s->cleared_at, .changed_at = s->changed_at, .streak = s->streak, .value = s->value,
		.limit = s->limit, .told = s->is_told,
	};
}

int64_t engine_firing(const struct alert_engine *e)
{
	int64_t n = 0;
	for (size_t i = 0; i < e->state.len; i++)
		n += e->state.data[i].state == STORE_ALERT_FIRING;
	return n;
}

/* --- one step --- */

struct step {
	struct alert_engine *e;
	int64_t now;
	alert_move_fn *fn;
	void *arg;
};

static bool is_beyond(enum alert_id id, double value, double limit)
{
	if (ALERTS_TABLE[id].unit == ALERT_FLAG)
		return value > 0;
	return ALERTS_TABLE[id].side == ALERT_ABOVE ? value > limit : value < limit;
}

/** Times that are to come tell of a clock that was set back. */
static void check_clock(struct alert_state *s, int64_t now)
{
	int64_t *const times[] = {&s->since, &s->fired_at, &s->cleared_at, &s->changed_at, &s->well_since};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (*times[i] > now)
			*times[i] = now;
}

static void tell(const struct step *x, struct alert_state *s, enum alert_move move)
{
	s->changed_at = x->now;
	s->is_written = x->fn(x->arg, s, move) == 0;
	s->written = s->value;
	if (s->is_written || move != ALERT_NOTED || !s->owes)
		s->owed = move;
	s->owes = !s->is_written;
}

static void tell_late(const struct step *x, struct alert_state *s)
{
	s->is_late = true;
	tell(x, s, s->owed);
	s->is_late = false;
}

static int64_t time_to_clear(const struct alert_state *s, const struct alert_rule *rule)
{
	int64_t after = rule->after, most = AGAIN_MOST_S * NS_PER_S;
	if (s->streak && after < AGAIN_S * NS_PER_S)
		after = AGAIN_S * NS_PER_S;
	for (int64_t i = 0; i < s->streak && after < most; i++)
		after = after * 2 < most ? after * 2 : most;
	return after;
}

static void fire(const struct step *x, struct alert_state *s)
{
	bool again = s->cleared_at && x->now - s->cleared_at < DAY_NS;
	s->streak = again ? s->streak + 1 : 0;
	s->state = STORE_ALERT_FIRING;
	s->fired_at = x->now;
	s->well_since = 0;
	tell(x, s, ALERT_FIRED);
}

static void clear(const struct step *x, struct alert_state *s)
{
	s->state = STORE_ALERT_QUIET;
	s->cleared_at = x->now;
	s->well_since = 0;
	tell(x, s, ALERT_CLEARED);
}

static void step_firing(const struct step *x, struct alert_state *s, const struct alert_rule *rule)
{
	if (is_beyond(s->id, s->value, rule->clear)) {
		s->well_since = 0;
		return;
	}
	if (!s->well_since)
		s->well_since = x->now;
	if (x->now - s->well_since >= time_to_clear(s, rule))
		clear(x, s);
}

static void step_other(const struct step *x, struct alert_state *s, const struct alert_rule *rule)
{
	if (!is_beyond(s->id, s->value, rule->limit)) {
		bool was_written = s->state == STORE_ALERT_PENDING && s->is_written;
		s->state = STORE_ALERT_QUIET;
		if (was_written)
			tell(x, s, ALERT_NOTED);
		return;
	}
	if (s->state == STORE_ALERT_QUIET) {
		s->state = STORE_ALERT_PENDING;
		s->since = s->changed_at = x->now;
		s->is_written = false;
	}
	if (x->now - s->since >= rule->hold)
		fire(x, s);
	else if (!s->is_written && x->now - s->since >= PENDING_WRITTEN_S * NS_PER_S)
		tell(x, s, ALERT_NOTED);
}

/** What is shown of one that fires should be true, and costs a commit each time. */
static void write_value(const struct step *x, struct alert_state *s)
{
	double moved = fabs(s->value - s->written), tenth = fabs(s->written) / 10;
	bool is_news = isnan(s->written) != isnan(s->value) || moved > (tenth > 0 ? tenth : 0);
	if (s->state == STORE_ALERT_FIRING && is_news && x->now - s->changed_at >= VALUE_WRITTEN_S * NS_PER_S)
		tell(x, s, ALERT_NOTED);
}

static void step_fact(const struct step *x, struct alert_state *s, const struct alert_fact *f)
{
	const struct alert_rule *rule = &x->e->rule[s->id];
	s->is_seen = true;
	if (isnan(f->value))
		return;
	s->value = f->value;
	s->limit = ALERTS_TABLE[s->id].unit == ALERT_FLAG ? NAN : rule->limit;
	/* what it says at its end is what it was */
	if (s->state != STORE_ALERT_FIRING || is_beyond(s->id, s->value, rule->clear))
		copy_text(s->text, sizeof s->text, f->text);
	if (s->state == STORE_ALERT_FIRING)
		step_firing(x, s, rule);
	else
		step_other(x, s, rule);
	write_value(x, s);
}

/** One that nobody watches any more, or that has been quiet for so long that it does not matter.  True: it is let go. */
static bool step_unseen(const struct step *x, struct alert_state *s, const struct alert_facts *facts)
{
	bool is_off = !x->e->rule[s->id].is_on, is_gone = !s->is_seen && facts->answered[s->id];
	bool is_old = s->state == STORE_ALERT_QUIET && x->now - s->cleared_at >= DAY_NS;
	if (s->state == STORE_ALERT_FIRING && is_gone && !is_off)
		clear(x, s);
	if (!is_off && !is_old && !(is_gone && s->state == STORE_ALERT_PENDING))
		return false;
	bool has_row = s->is_written || s->fired_at;
	return !has_row || x->fn(x->arg, s, ALERT_ENDED) == 0;
}

static int take_fact(const struct step *x, const struct alert_fact *f)
{
	char subject[ALERT_SUBJECT];
	copy_subject(subject, f->subject);
	struct alert_state *s = find(x->e, f->id, subject);
	if (!x->e->rule[f->id].is_on)
		return 0;
	/* most conditions are well most of the time, and need no state */
	if (!s && (isnan(f->value) || !is_beyond(f->id, f->value, x->e->rule[f->id].limit)))
		return 0;
	if (!s)
		s = add(x->e, f->id, subject);
	if (!s)
		return x->e->state.len >= ALERT_STATES ? 0 : -ENOMEM;
	step_fact(x, s, f);
	return 0;
}

int engine_step(struct alert_engine *e, const struct alert_facts *facts, int64_t now, alert_move_fn *fn, void *arg)
{
	const struct step x = {e, now, fn, arg};
	int r = 0;
	for (size_t i = 0; i < e->state.len; i++) {
		struct alert_state *s = &e->state.data[i];
		s->is_seen = false;
		check_clock(s, now);
		if (s->owes)
			tell_late(&x, s);
	}
	for (size_t i = 0; i < facts->fact.len && r == 0; i++)
		r = take_fact(&x, &facts->fact.data[i]);
	size_t kept = 0;
	for (size_t i = 0; i < e->state.len; i++) {
		struct alert_state *s = &e->state.data[i];
		if (!step_unseen(&x, s, facts))
			e->state.data[kept++] = *s;
	}
	e->state.len = kept;
	return r;
}
