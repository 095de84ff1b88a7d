/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Everything that is known of a host is its row; the rest (calls under way) is forgotten at a
 * restart, when no call is.
 *
 * Times are absolute, so a clock that is set back would lock a host until it has caught up.  The
 * last moment at which anything happened is remembered: when `now` is before it, every time of the row moves
 * back by the difference, as if none had passed.  A step of up to five seconds is taken for threads that read the clock
 * in one order and got the lock in the other: time then stands still.
 *
 * open_at only ever moves forward while it lies ahead: a success that was under way when the host
 * asked for silence does not end the silence.
 */
#include "indexer/net/limit.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/vec.h"

#define MINUTE (60 * NS_PER_S)
#define DAY (24 * 60 * MINUTE)
/* longer silences are mistakes (or a damaged row) */
#define HOLD_MOST (31 * DAY)
#define READING_ORDER (5 * NS_PER_S)

enum {
	FAILURES = 5,
	RECENT = LIMIT_MINUTE_MOST,
	/** Of the ladder: the longest pause of a host that nobody reaches. */
	ABSENT_STEP = 3,
};

static const int64_t ladder[] = {
	MINUTE,       5 * MINUTE,   15 * MINUTE,  30 * MINUTE,   60 * MINUTE,
	180 * MINUTE, 360 * MINUTE, 720 * MINUTE, 1440 * MINUTE,
};

struct host {
	struct limit_row row;
	struct limit_rule rule;
	bool is_declared;
	/** Taken and not ended yet. */
	int under_way;
	/** The latest moment that is known to have been. */
	int64_t seen;
};

struct limit {
	pthread_mutex_t lock;
	/* protected by lock: */
	VEC(struct host) hosts;
	uint64_t random;
	limit_save_fn *save;
	void *arg;
};

int limit_new(limit_save_fn *save, void *arg, struct limit **out)
{
	struct limit *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	if (getrandom(&l->random, sizeof l->random, GRND_NONBLOCK) != sizeof l->random)
		l->random = (uint64_t)now_ns();
	l->save = save;
	l->arg = arg;
	*out = l;
	return 0;
}

void limit_free(struct limit *l)
{
	if (!l)
		return;
	vec_clear(&l->hosts);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void limit_seed(struct limit *l, uint64_t seed)
{
	LOCKED(&l->lock);
	l->random = seed;
}

/** splitmix64: no secret depends on it. */
static uint64_t next_random(struct limit *l)
{
	uint64_t z = l->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/** Full jitter: anything up to @most, but for the first second. */
static int64_t jitter(struct limit *l, int64_t most)
{
	int64_t t = (int64_t)(next_random(l) % (uint64_t)most) + 1;
	return t < NS_PER_S ? NS_PER_S : t;
}

/* --- hosts --- */

static struct host *find(struct limit *l, const char *name)
{
	for (size_t i = 0; i < l->hosts.len; i++)
		if (strcmp(l->hosts.data[i].row.name, name) == 0)
			return &l->hosts.data[i];
	return NULL;
}

static struct host *find_declared(struct limit *l, const char *name)
{
	struct host *h = find(l, name);
	return h && h->is_declared ? h : NULL;
}

/** Kept in the order of their names. */
static struct host *find_or_add(struct limit *l, const char *name)
{
	struct host *h = find(l, name);
	if (h)
		return h;
	if (!vec_add(&l->hosts))
		return NULL;
	size_t i = l->hosts.len - 1;
	for (; i > 0 && strcmp(l->hosts.data[i - 1].row.name, name) > 0; i--)
		l->hosts.data[i] = l->hosts.data[i - 1];
	h = &l->hosts.data[i];
	memset(h, 0, sizeof *h);
	snprintf(h->row.name, sizeof h->row.name, "%s", name);
	return h;
}

static bool is_name(const char *name)
{
	size_t n = strnlen(name, LIMIT_NAME);
	return n > 0 && n < LIMIT_NAME;
}

/** Whether @name may be a part of @whole. */
static bool may_hold(struct limit *l, const char *whole, const char *name)
{
	struct host *h = is_name(whole) ? find_declared(l, whole) : NULL;
	if (!h || *h->rule.within || strcmp(whole, name) == 0)
		return false;
	for (size_t i = 0; i < l->hosts.len; i++)
		if (strcmp(l->hosts.data[i].rule.within, name) == 0)
			return false;
	return true;
}

int limit_declare(struct limit *l, const char *name, const struct limit_rule *rule)
{
	if (!is_name(name) || rule->per_minute < 0 || rule->per_minute > LIMIT_MINUTE_MOST ||
	    rule->per_day < 0 || rule->distance < 0 || rule->failures < 0)
		return -EINVAL;
	LOCKED(&l->lock);
	if (*rule->within && !may_hold(l, rule->within, name))
		return -EINVAL;
	struct host *h = find_or_add(l, name);
	if (!h)
		return -ENOMEM;
	h->rule = *rule;
	if (h->rule.failures == 0)
		h->rule.failures = FAILURES;
	h->is_declared = true;
	return 0;
}

/** What was stored may be damaged: nothing in it may break a rule of ours. */
static void mend(struct limit_row *row)
{
	int64_t *const none_below_zero[] = {
		&row->day,     &row->used_day, &row->refused_day, &row->calls,           &row->failures,
		&row->refusals, &row->open_at,  &row->last_ok_at,  &row->last_failure_at,
	};
	for (size_t i = 0; i < COUNT_OF(none_below_zero); i++)
		if (*none_below_zero[i] < 0)
			*none_below_zero[i] = 0;
	if (row->streak < 0)
		row->streak = 0;
	row->reason[sizeof row->reason - 1] = '\0';
	size_t n = 0;
	while (n < RECENT && row->recent[n] > 0 && (n == 0 || row->recent[n] <= row->recent[n - 1]))
		n++;
	memset(row->recent + n, 0, (RECENT - n) * sizeof *row->recent);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int limit_restore(struct limit *l, const struct limit_row *row)
{
	if (!is_name(row->name))
		return -EINVAL;
	LOCKED(&l->lock);
	struct host *h = find_or_add(l, row->name);
	if (!h)
		return -ENOMEM;
	h->row = *row;
	mend(&h->row);
	h->seen = later(h->row.recent[0], later(h->row.last_ok_at, h->row.last_failure_at));
	return 0;
}

/* --- time --- */

static void move_back(int64_t *t, int64_t by)
{
	if (*t > 0)
		*t = *t > by ? *t - by : 1;
}

static void step_back(struct host *h, int64_t by)
{
	struct limit_row *row = &h->row;
	move_back(&row->open_at, by);
	move_back(&row->last_ok_at, by);
	move_back(&row->last_failure_at, by);
	for (size_t i = 0; i < RECENT; i++)
		move_back(&row->recent[i], by);
}

/** Brings the row to @now, which is returned: never before what was seen. */
static int64_t bring_to(struct host *h, int64_t now)
{
	struct limit_row *row = &h->row;
	if (now < 1)
		now = 1;
	if (now < h->seen && h->seen - now <= READING_ORDER)
		now = h->seen;
	else if (now < h->seen)
		step_back(h, h->seen - now);
	h->seen = now;
	if (row->open_at - now > HOLD_MOST)
		row->open_at = now + HOLD_MOST;
	int64_t day = now / DAY;
	if (day > row->day)
		row->used_day = row->refused_day = 0;
	/* of a day ahead: the clock went back, and the calls were made all the same */
	row->day = day;
	for (size_t i = 1; i < RECENT && row->recent[i]; i++)
		if (now - row->recent[i] > MINUTE)
			row->recent[i] = 0;
	return now;
}

/** Both to one moment: the later of what each has seen. */
static int64_t bring_both(struct host *h, struct host *whole, int64_t now)
{
	now = bring_to(h, now);
	if (!whole)
		return now;
	now = bring_to(whole, now);
	return bring_to(h, now);
}

/* --- rules --- */

static bool is_tripped(const struct host *h)
{
	return h->row.streak >= h->rule.failures;
}

static enum limit_state state_of(const struct host *h, int64_t now)
{
	if (now < h->row.open_at)
		return LIMIT_OPEN;
	return is_tripped(h) ? LIMIT_HALF_OPEN : LIMIT_CLOSED;
}

static int used_minute(const struct host *h, int64_t now)
{
	int n = 0;
	while (n < RECENT && h->row.recent[n] && now - h->row.recent[n] <= MINUTE)
		n++;
	return n;
}

/** The first moment at which every rule allows a call. */
static int64_t next_at(const struct host *h, int64_t now)
{
	const struct limit_row *row = &h->row;
	const struct limit_rule *rule = &h->rule;
	int64_t at = later(now, row->open_at);
	if (row->recent[0] && rule->distance < INT64_MAX - row->recent[0])
		at = later(at, row->recent[0] + rule->distance);
	if (rule->per_minute && row->recent[rule->per_minute - 1])
		at = later(at, row->recent[rule->per_minute - 1] + MINUTE + 1);
	if (rule->per_day && row->used_day >= rule->per_day)
		at = later(at, (row->day + 1) * DAY);
	/* one probe at a time, and what began before the breaker opened ends first */
	if (is_tripped(h) && h->under_way)
		at = later(at, now + NS_PER_S);
	return at;
}

static int save(struct limit *l, const struct host *h)
{
	return l->save ? l->save(l->arg, &h->row) : 0;
}

/** What @h is a part of; NULL. */
static struct host *whole_of(struct limit *l, const struct host *h)
{
	return *h->rule.within ? find_declared(l, h->rule.within) : NULL;
}

/** Counts a call in the row. */
static void count(struct host *h, int64_t now)
{
	memmove(h->row.recent + 1, h->row.recent, (RECENT - 1) * sizeof *h->row.recent);
	h->row.recent[0] = now;
	h->row.used_day++;
	h->row.calls++;
}

static int take_one(struct limit *l, struct host *h, int64_t now)
{
	struct limit_row before = h->row;
	count(h, now);
	int r = save(l, h);
	if (r < 0)
		h->row = before;
	else
		h->under_way++;
	return r;
}

/** As if the call had never been; where it was kept, it stays until the next change. */
static void untake(struct host *h)
{
	memmove(h->row.recent, h->row.recent + 1, (RECENT - 1) * sizeof *h->row.recent);
	h->row.recent[RECENT - 1] = 0;
	h->row.used_day--;
	h->row.calls--;
	h->under_way--;
}

int limit_take(struct limit *l, const char *name, int64_t now, int64_t *at)
{
	LOCKED(&l->lock);
	struct host *h = find_declared(l, name);
	if (!h)
		return -ENOENT;
	struct host *whole = whole_of(l, h);
	now = bring_both(h, whole, now);
	int64_t next = whole ? later(next_at(h, now), next_at(whole, now)) : next_at(h, now);
	if (at)
		*at = next;
	if (next > now)
		return -EAGAIN;
	int r = whole ? take_one(l, whole, now) : 0;
	if (r == 0) {
		r = take_one(l, h, now);
		if (r < 0 && whole)
			untake(whole);
	}
	return r;
}

/* --- how a call ended --- */

static void silence(struct host *h, int64_t now, int64_t duration, const char *reason)
{
	int64_t until = now + (duration > HOLD_MOST ? HOLD_MOST : duration);
	if (until <= h->row.open_at)
		return;
	h->row.open_at = until;
	snprintf(h->row.reason, sizeof h->row.reason, "%s", reason ? reason : "");
}

/** The host, and what it is a part of (else the same), whose breaker it is. */
struct ended {
	struct host *host, *whole;
};

static bool end_call(struct limit *l, const char *name, int64_t *now, struct ended *e)
{
	e->host = find_declared(l, name);
	if (!e->host)
		return false;
	struct host *whole = whole_of(l, e->host);
	*now = bring_both(e->host, whole, *now);
	e->whole = whole ? whole : e->host;
	if (e->host->under_way > 0)
		e->host->under_way--;
	if (whole && whole->under_way > 0)
		whole->under_way--;
	return true;
}

static void save_both(struct limit *l, const struct ended *e)
{
	if (e->whole != e->host)
		save(l, e->whole);
	save(l, e->host);
}

/** A silence that is over. */
static void forget_silence(struct host *h, int64_t now)
{
	if (now < h->row.open_at)
		return;
	h->row.open_at = 0;
	*h->row.reason = '\0';
}

void limit_ok(struct limit *l, const char *name, int64_t now)
{
	LOCKED(&l->lock);
	struct ended e;
	if (!end_call(l, name, &now, &e))
		return;
	e.host->row.last_ok_at = e.whole->row.last_ok_at = now;
	e.host->row.streak = e.whole->row.streak = 0;
	forget_silence(e.host, now);
	forget_silence(e.whole, now);
	save_both(l, &e);
}

/** Calls that were under way when the breaker opened do not climb its ladder. */
static void climb(struct limit *l, struct host *h, int64_t now, enum limit_failure failure,
		  const char *reason)
{
	if (is_tripped(h) && now < h->row.open_at)
		return;
	/* nor do days without it make one error after its return as long as days of errors */
	int most = failure == LIMIT_ABSENT ? h->rule.failures + ABSENT_STEP : INT32_MAX;
	if (h->row.streak < most)
		h->row.streak++;
	if (!is_tripped(h))
		return;
	size_t step = (size_t)(h->row.streak - h->rule.failures);
	size_t last = failure == LIMIT_ABSENT ? ABSENT_STEP : COUNT_OF(ladder) - 1;
	if (step > last)
		step = last;
	silence(h, now, jitter(l, ladder[step]), reason);
}

/** It never heard of that call: what counts there has not changed. */
static void give_back(struct host *h, int64_t now)
{
	if (h->row.day == now / DAY && h->row.used_day > 0)
		h->row.used_day--;
}

static void count_failure(struct host *h, int64_t now, enum limit_failure failure)
{
	h->row.failures++;
	h->row.last_failure_at = now;
	if (failure == LIMIT_REFUSED) {
		h->row.refusals++;
		h->row.refused_day++;
	} else if (failure == LIMIT_ABSENT) {
		give_back(h, now);
	}
}

void limit_fail(struct limit *l, const char *name, int64_t now, int64_t retry_after,
		enum limit_failure failure, const char *reason)
{
	LOCKED(&l->lock);
	struct ended e;
	if (!end_call(l, name, &now, &e))
		return;
	count_failure(e.host, now, failure);
	if (e.whole != e.host)
		count_failure(e.whole, now, failure);
	climb(l, e.whole, now, failure, reason);
	if (retry_after >= 0)
		silence(e.whole, now, retry_after, reason);
	else if (failure == LIMIT_REFUSED)
		silence(e.whole, now, MINUTE, reason);
	save_both(l, &e);
}

void limit_drop(struct limit *l, const char *name, int64_t now)
{
	LOCKED(&l->lock);
	struct ended e;
	if (end_call(l, name, &now, &e))
		save_both(l, &e);
}

void limit_block(struct limit *l, const char *name, int64_t now, int64_t duration, const char *reason)
{
	LOCKED(&l->lock);
	struct host *h = find_declared(l, name);
	if (!h || duration <= 0)
		return;
	now = bring_to(h, now);
	silence(h, now, duration, reason);
	save(l, h);
}

/* --- told --- */

/** What holds @whole holds its part. */
static void tell_whole(const struct host *whole, int64_t now, struct limit_status *out)
{
	out->next_at = later(out->next_at, next_at(whole, now));
	if (now >= whole->row.open_at || whole->row.open_at <= out->row.open_at) {
		if (out->state == LIMIT_CLOSED)
			out->state = state_of(whole, now);
		return;
	}
	out->state = LIMIT_OPEN;
	out->row.open_at = whole->row.open_at;
	snprintf(out->row.reason, sizeof out->row.reason, "%s", whole->row.reason);
}

static void tell(struct limit *l, struct host *h, int64_t now, struct limit_status *out)
{
	struct host *whole = whole_of(l, h);
	now = bring_both(h, whole, now);
	*out = (struct limit_status){
		.row = h->row, .rule = h->rule, .state = state_of(h, now),
		.used_minute = used_minute(h, now), .left_minute = -1, .left_day = -1,
		.next_at = next_at(h, now),
	};
	if (now >= h->row.open_at) {
		out->row.open_at = 0;
		*out->row.reason = '\0';
	}
	if (whole)
		tell_whole(whole, now, out);
	if (h->rule.per_minute)
		out->left_minute = later(0, h->rule.per_minute - out->used_minute);
	if (h->rule.per_day)
		out->left_day = later(0, h->rule.per_day - h->row.used_day);
}

int limit_status(struct limit *l, const char *name, int64_t now, struct limit_status *out)
{
	LOCKED(&l->lock);
	struct host *h = find_declared(l, name);
	if (!h)
		return -ENOENT;
	tell(l, h, now, out);
	return 0;
}

/** All at one moment; *n of them, to be freed. */
static struct limit_status *tell_all(struct limit *l, int64_t now, size_t *n)
{
	LOCKED(&l->lock);
	struct limit_status *all = calloc(l->hosts.len + 1, sizeof *all);
	*n = 0;
	for (size_t i = 0; all && i < l->hosts.len; i++)
		if (l->hosts.data[i].is_declared)
			tell(l, &l->hosts.data[i], now, &all[(*n)++]);
	return all;
}

int limit_each(struct limit *l, int64_t now, int (*fn)(void *arg, const struct limit_status *s), void *arg)
{
	size_t n;
	int r = 0;
	/* not under the lock: fn may ask us */
	_free_ struct limit_status *all = tell_all(l, now, &n);
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(arg, &all[i]);
	return r;
}
