/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/sample_pack.h"
#include "common/seconds.h"
#include "common/store_rows.h"
#include "common/store_write.h"

const char *const SAMPLE_STEP_NAMES[SAMPLE_STEPS] = {"second", "minute", "hour"};
const int64_t SAMPLE_STEP_NS[SAMPLE_STEPS] = {NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S};

/** Samples in a row. */
static const int places[SAMPLE_STEPS] = {0, 10, 24};

static int64_t row_ns(enum sample_step step)
{
	return SAMPLE_STEP_NS[step] * places[step];
}

/** The first place of the row that has a time's place. */
static int64_t row_of(enum sample_step step, int64_t at)
{
	return at - at % row_ns(step);
}

static int place_of(enum sample_step step, int64_t at)
{
	return (int)(at % row_ns(step) / SAMPLE_STEP_NS[step]);
}

/* --- numbers of gauges --- */

static void know_number(struct sample_numbers *numbers, int64_t number, const char *key)
{
	if (number <= 0 || number >= SAMPLE_NUMBERS)
		return;
	for (int g = 0; g < GAUGE_COUNT; g++)
		if (strcmp(GAUGES_TABLE[g].key, key) == 0) {
			numbers->number[g] = (int)number;
			numbers->gauge[number] = g + 1;
		}
}

static int read_numbers(struct store *s, struct sample_numbers *numbers)
{
	sqlite3_stmt *q = store_stmt(s, SQL_gauge_numbers);
	int r;
	*numbers = (struct sample_numbers){0};
	while ((r = store_step(s, q)) > 0)
		know_number(numbers, sqlite3_column_int64(q, 0), column_str(q, 1));
	return r;
}

/** The same, and gauges that have none get one. */
static int give_numbers(struct store *s, struct sample_numbers *numbers)
{
	int r = read_numbers(s, numbers);
	for (int g = 0; g < GAUGE_COUNT && r == 0; g++) {
		if (numbers->number[g])
			continue;
		sqlite3_stmt *q = store_stmt(s, SQL_gauge_add);
		bind_str(q, 1, GAUGES_TABLE[g].key);
		int64_t number;
		r = store_one_number(s, q, &number);
		if (r == 0)
			know_number(numbers, number, GAUGES_TABLE[g].key);
		/* one that has a number too large for us is not kept */
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

/* --- reading --- */

struct question {
	enum sample_step step;
	const enum gauge_id *which;
	size_t n;
	int64_t since, until;
	store_sample_fn *fn;
	void *arg;
};

/** What a question or a change works with; too large for a thread's stack. */
struct work {
	struct sample_numbers numbers;
	struct sample_block block;
	bool wanted[GAUGE_COUNT];
	double value[GAUGE_COUNT];
};

static int give_places(struct work *w, const struct question *ask, int64_t row)
{
	int r = 0;
	for (int i = 0; i < places[ask->step] && r == 0; i++) {
		int64_t at = row + i * SAMPLE_STEP_NS[ask->step];
		if (!(w->block.filled >> i & 1) || at < ask->since || at >= ask->until)
			continue;
		for (size_t k = 0; k < ask->n; k++)
			w->value[k] = w->block.value[ask->which[k]][i];
		r = ask->fn(ask->arg, at, w->value);
	}
	return r;
}

static int walk_rows(struct store *s, struct work *w, const struct question *ask)
{
	sqlite3_stmt *q = store_stmt(s, SQL_measured_between);
	int r;
	sqlite3_bind_int(q, 1, ask->step);
	sqlite3_bind_int64(q, 2, ask->since > row_ns(ask->step) ? ask->since - row_ns(ask->step) : -1);
	sqlite3_bind_int64(q, 3, ask->until);
	while ((r = store_step(s, q)) > 0) {
		struct bytes body = column_bytes(q, 1);
		if (sample_unpack(body.data, body.len, &w->numbers, w->wanted, &w->block) < 0)
			continue;
		r = give_places(w, ask, sqlite3_column_int64(q, 0));
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** They lie beside the store. */
static int samples_of_seconds(struct store *s, const struct question *ask)
{
	const char *path = sqlite3_db_filename(s->db, "main");
	const char *slash = path ? strrchr(path, '/') : NULL;
	_buf_ struct buf folder = BUF_INIT(8192);
	if (!slash)
		return 0;
	buf_add(&folder, path, (size_t)(slash - path));
	return seconds_each(buf_str(&folder), ask->which, ask->n, ask->since, ask->until, ask->fn, ask->arg);
}

int store_samples(struct store *s, enum sample_step step, const enum gauge_id *which, size_t n, int64_t since,
		  int64_t until, store_sample_fn *fn, void *arg)
{
	const struct question ask = {step, which, n, since, until, fn, arg};
	if (n > GAUGE_COUNT || step >= SAMPLE_STEPS)
		return -EINVAL;
	if (step == SAMPLE_SECOND)
		return samples_of_seconds(s, &ask);
	_free_ struct work *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		w->wanted[which[i]] = true;
	int r = read_numbers(s, &w->numbers);
	return r < 0 ? r : walk_rows(s, w, &ask);
}

static int see_time(void *arg, int64_t at, const double *value)
{
	int64_t *last = arg;
	(void)value;
	*last = at;
	return 0;
}

/** The last one of a row that begins before @before. */
static int last_before(struct store *s, enum sample_step step, int64_t before, int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_measured_last);
	int64_t row;
	*at = 0;
	sqlite3_bind_int(q, 1, step);
	sqlite3_bind_int64(q, 2, before);
	int r = store_one_number(s, q, &row);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return store_samples(s, step, NULL, 0, row, row + row_ns(step), see_time, at);
}

int store_sample_last(struct store *s, enum sample_step step, int64_t *at)
{
	return last_before(s, step, INT64_MAX, at);
}

/* --- writing --- */

/** What the row holds so far; one that is damaged is begun anew. */
static int read_row(struct store *s, struct work *w, enum sample_step step, int64_t row)
{
	sqlite3_stmt *q = store_stmt(s, SQL_measured_get);
	sqlite3_bind_int(q, 1, step);
	sqlite3_bind_int64(q, 2, row);
	int r = store_step(s, q);
	struct bytes body = r > 0 ? column_bytes(q, 0) : (struct bytes){"", 0};
	if (r <= 0 || sample_unpack(body.data, body.len, &w->numbers, NULL, &w->block) < 0)
		sample_block_init(&w->block);
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

static int write_row(struct store *s, struct work *w, enum sample_step step, int64_t row)
{
	_buf_ struct buf body = BUF_INIT(1 << 20);
	sample_pack(&w->block, &w->numbers, &body);
	int r = buf_error(&body);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_measured_put);
	sqlite3_bind_int(q, 1, step);
	sqlite3_bind_int64(q, 2, row);
	sqlite3_bind_int(q, 3, __builtin_popcount(w->block.filled));
	bind_bytes(q, 4, buf_str(&body), body.len);
	store_touch(s, TOPIC_BIT(metrics));
	return store_run(s, q);
}

static int put_row(struct store *s, struct work *w, enum sample_step step, int64_t row, const struct gauges *rows,
		   size_t n)
{
	int r = read_row(s, w, step, row);
	uint32_t before = w->block.filled;
	for (size_t i = 0; i < n && r == 0; i++) {
		int place = place_of(step, rows[i].at);
		if (row_of(step, rows[i].at) != row || w->block.filled >> place & 1)
			continue;
		w->block.filled |= UINT32_C(1) << place;
		for (int g = 0; g < GAUGE_COUNT; g++)
			w->block.value[g][place] = rows[i].value[g];
	}
	return r < 0 || w->block.filled == before ? r : write_row(s, w, step, row);
}

int store_put_samples(struct store *s, enum sample_step step, const struct gauges *rows, size_t n)
{
	if (step == SAMPLE_SECOND || step >= SAMPLE_STEPS)
		return -EINVAL;
	_free_ struct work *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	int r = give_numbers(s, &w->numbers);
	for (size_t i = 0; i < n && r == 0; i++) {
		int64_t row = row_of(step, rows[i].at);
		/* samples of one row usually come together */
		if (rows[i].at > 0 && (i == 0 || row_of(step, rows[i - 1].at) != row))
			r = put_row(s, w, step, row, rows, n);
	}
	return r;
}

/* --- hours out of minutes --- */

enum { HOURS_BACK = 24, AWAY_DAYS = 60 };

static int add_minute(void *arg, int64_t at, const double *value)
{
	struct gauge_mean *mean = arg;
	(void)at;
	gauge_mean_add(mean, value);
	return 0;
}

static int roll_hour(struct store *s, int64_t hour)
{
	enum gauge_id all[GAUGE_COUNT];
	_free_ struct gauge_mean *mean = calloc(1, sizeof *mean);
	if (!mean)
		return -ENOMEM;
	for (int g = 0; g < GAUGE_COUNT; g++)
		all[g] = (enum gauge_id)g;
	int r = store_samples(s, SAMPLE_MINUTE, all, GAUGE_COUNT, hour, hour + SAMPLE_STEP_NS[SAMPLE_HOUR], add_minute,
			      mean);
	if (r < 0 || !mean->count)
		return r;
	struct gauges g;
	gauge_mean_end(mean, hour, &g);
	return store_put_samples(s, SAMPLE_HOUR, &g, 1);
}

/** Notes an hour that is there. */
struct hours {
	int64_t first;
	bool is_there[HOURS_BACK];
};

static int see_hour(void *arg, int64_t at, const double *value)
{
	struct hours *h = arg;
	(void)value;
	h->is_there[(at - h->first) / SAMPLE_STEP_NS[SAMPLE_HOUR]] = true;
	return 0;
}

/** Who was away for longer than a day left an hour that was not over.  What seems to be years ago is a wrong clock's doing. */
static int roll_hour_left(struct store *s, int64_t before)
{
	const int64_t hour = SAMPLE_STEP_NS[SAMPLE_HOUR];
	int64_t minute, there = 0;
	int r = last_before(s, SAMPLE_MINUTE, before, &minute);
	if (r < 0 || minute < before - AWAY_DAYS * 24 * hour)
		return r;
	minute -= minute % hour;
	r = store_samples(s, SAMPLE_HOUR, NULL, 0, minute, minute + hour, see_time, &there);
	return r < 0 || there ? r : roll_hour(s, minute);
}

int store_roll_samples(struct store *s, int64_t now)
{
	const int64_t hour = SAMPLE_STEP_NS[SAMPLE_HOUR], end = now - now % hour;
	struct hours h = {.first = end - HOURS_BACK * hour};
	if (h.first < 0)
		return 0;
	int r = store_samples(s, SAMPLE_HOUR, NULL, 0, h.first, end, see_hour, &h);
	for (int i = 0; i < HOURS_BACK && r == 0; i++)
		if (!h.is_there[i])
			r = roll_hour(s, h.first + i * hour);
	return r < 0 ? r : roll_hour_left(s, h.first);
}

/* --- thinning --- */

/** Rows after @after, up to @until. */
static int thin(struct store *s, enum sample_step step, int64_t after, int64_t until, int64_t keep)
{
	sqlite3_stmt *q = store_stmt(s, SQL_measured_sizes);
	int64_t kept = 0, last = -1;
	int r;
	sqlite3_bind_int(q, 1, step);
	sqlite3_bind_int64(q, 2, after);
	sqlite3_bind_int64(q, 3, until);
	while ((r = store_step(s, q)) > 0) {
		if (kept >= keep) {
			last = sqlite3_column_int64(q, 0);
			break;
		}
		kept += sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	if (r < 0 || last < 0)
		return r < 0 ? r : 0;
	q = store_stmt(s, SQL_measured_thin);
	sqlite3_bind_int(q, 1, step);
	sqlite3_bind_int64(q, 2, after);
	sqlite3_bind_int64(q, 3, last);
	store_touch(s, TOPIC_BIT(metrics));
	return store_run(s, q);
}

int store_thin_samples(struct store *s, enum sample_step step, int64_t keep, int64_t now)
{
	int64_t last = now + 24 * SAMPLE_STEP_NS[SAMPLE_HOUR];
	int r = thin(s, step, -1, last, keep);
	return r < 0 ? r : thin(s, step, last, INT64_MAX, keep);
}
