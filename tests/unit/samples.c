/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Samples over time: packed, written once, thinned; clocks that jump; the second of a scan, the minute, the hour. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/live.h"
#include "common/log.h"
#include "common/sample_pack.h"
#include "common/seconds.h"
#include "common/store_private.h"
#include "common/store_sample.h"
#include "common/store_write.h"
#include "indexer/load/writer.h"
#include "indexer/sampler.h"

static const int64_t MINUTE = 60 * NS_PER_S, HOUR = 3600 * NS_PER_S;
/* 2026-11-21T10:00:00Z, a whole hour */
static const int64_t TEN = INT64_C(1795255200) * NS_PER_S;

static struct store *open_writer(const char *dir)
{
	struct store *s;
	char why[256];
	if (store_open_writer(dir, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

static void remove_all(char *dir)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/" SECONDS_FILE, dir);
	unlink(path);
	unit_remove(dir);
}

static struct gauges sample_of(int64_t at, double tracks)
{
	struct gauges g = {.at = at};
	for (int i = 0; i < GAUGE_COUNT; i++)
		g.value[i] = NAN;
	g.value[GAUGE_tracks] = tracks;
	return g;
}

/** What was given, one after the other. */
struct seen {
	int n;
	int64_t at[20000];
	double value[20000][3];
};

static struct seen seen;

static int see(void *arg, int64_t at, const double *value)
{
	(void)arg;
	assert_true(seen.n < 20000 && (!seen.n || at > seen.at[seen.n - 1]));
	seen.at[seen.n] = at;
	seen.value[seen.n][0] = value[0];
	seen.value[seen.n][1] = value[1];
	seen.value[seen.n++][2] = value[2];
	return 0;
}

static int ask(struct store *s, enum sample_step step, int64_t since, int64_t until)
{
	static const enum gauge_id which[] = {GAUGE_tracks, GAUGE_last_seconds, GAUGE_stage_insert_busy};
	seen.n = 0;
	assert_int_equal(store_samples(s, step, which, COUNT_OF(which), since, until, see, NULL), 0);
	return seen.n;
}

static void put(struct store *s, enum sample_step step, int64_t at, double tracks)
{
	struct gauges g = sample_of(at, tracks);
	assert_int_equal(store_put_samples(s, step, &g, 1), 0);
}

/* --- packing --- */

static double any_value(unsigned *seed, int gauge)
{
	double scale = pow(10, GAUGES_TABLE[gauge].decimals);
	switch (rand_r(seed) % 6) {
	case 0:
		return NAN;
	case 1:
		return 0;
	case 2:
		return -(double)(rand_r(seed) % 100000) / scale;
	case 3:
		return (double)((int64_t)rand_r(seed) << 21) / scale;
	default:
		return (double)(rand_r(seed) % 3) / scale;
	}
}

static void number_all(struct sample_numbers *numbers)
{
	*numbers = (struct sample_numbers){0};
	for (int g = 0; g < GAUGE_COUNT; g++) {
		numbers->number[g] = GAUGE_COUNT - g + 100;
		numbers->gauge[GAUGE_COUNT - g + 100] = g + 1;
	}
}

static void every_value_comes_back(void **state)
{
	static struct sample_block in, out;
	static struct sample_numbers numbers;
	unsigned seed = 7;
	(void)state;
	number_all(&numbers);
	for (int round = 0; round < unit_many(50, 2000); round++) {
		struct buf packed = BUF_INIT(1 << 20);
		sample_block_init(&in);
		in.filled = (uint32_t)rand_r(&seed) << 1;
		for (int g = 0; g < GAUGE_COUNT; g++)
			for (int i = 0; i < SAMPLE_PLACES; i++)
				if (in.filled >> i & 1)
					in.value[g][i] = any_value(&seed, g);
		sample_pack(&in, &numbers, &packed);
		assert_int_equal(sample_unpack(packed.data, packed.len, &numbers, NULL, &out), 0);
		assert_int_equal(out.filled, in.filled);
		for (int g = 0; g < GAUGE_COUNT; g++)
			for (int i = 0; i < SAMPLE_PLACES; i++)
				if (!(isnan(in.value[g][i]) && isnan(out.value[g][i])) &&
				    !(fabs(in.value[g][i] - out.value[g][i]) < 1e-6 * fmax(1, fabs(in.value[g][i]))))
					fail_msg("%s: %g became %g", GAUGES_TABLE[g].key, in.value[g][i], out.value[g][i]);
		/* every shorter one is refused or gives less, and never reads beyond its end */
		for (size_t n = 0; n < packed.len; n += 1 + packed.len / 40) {
			void *exact = malloc(n ? n : 1);
			memcpy(exact, packed.data, n);
			sample_unpack(exact, n, &numbers, NULL, &out);
			free(exact);
		}
		packed.data[(size_t)rand_r(&seed) % packed.len] ^= (char)(1 << rand_r(&seed) % 8);
		sample_unpack(packed.data, packed.len, &numbers, NULL, &out);
		buf_clear(&packed);
	}
}

static void what_cannot_be_packed_is_unknown(void **state)
{
	static struct sample_block in, out;
	static struct sample_numbers numbers;
	struct buf packed = BUF_INIT(1 << 20);
	(void)state;
	number_all(&numbers);
	numbers.number[GAUGE_albums] = 0;
	sample_block_init(&in);
	in.filled = 15;
	const double values[] = {INFINITY, 1e300, 9007199254740993e3, 12};
	for (int i = 0; i < 4; i++)
		in.value[GAUGE_tracks][i] = in.value[GAUGE_albums][i] = values[i];
	sample_pack(&in, &numbers, &packed);
	assert_int_equal(sample_unpack(packed.data, packed.len, &numbers, NULL, &out), 0);
	for (int i = 0; i < 3; i++)
		assert_true(isnan(out.value[GAUGE_tracks][i]));
	assert_true(out.value[GAUGE_tracks][3] == 12);
	assert_true(isnan(out.value[GAUGE_albums][3]));
	buf_clear(&packed);
}

/* --- the store --- */

static void minutes_are_where_they_belong_and_gaps_are_gaps(void **state)
{
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	/* across two rows, not in their order, with a hole */
	put(s, SAMPLE_MINUTE, TEN + 11 * MINUTE + 59 * NS_PER_S, 3);
	put(s, SAMPLE_MINUTE, TEN + 2 * MINUTE, 1);
	put(s, SAMPLE_MINUTE, TEN + 9 * MINUTE, 2);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 3);
	assert_true(seen.at[0] == TEN + 2 * MINUTE && seen.at[1] == TEN + 9 * MINUTE && seen.at[2] == TEN + 11 * MINUTE);
	assert_true(seen.value[0][0] == 1 && seen.value[2][0] == 3 && isnan(seen.value[2][1]));
	/* from a time on, and up to one */
	assert_int_equal(ask(s, SAMPLE_MINUTE, TEN + 2 * MINUTE + 1, TEN + 11 * MINUTE), 1);
	assert_int_equal(ask(s, SAMPLE_MINUTE, TEN + 2 * MINUTE, TEN + 11 * MINUTE + 1), 3);
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), 0);
	int64_t last;
	assert_int_equal(store_sample_last(s, SAMPLE_MINUTE, &last), 0);
	assert_true(last == TEN + 11 * MINUTE);
	/* a damaged row is a gap, and is written anew */
	assert_int_equal(store_exec(s, "UPDATE measured SET body = x'0103ff' WHERE at = (SELECT min(at) FROM measured)"), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 1);
	put(s, SAMPLE_MINUTE, TEN, 8);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 2);
	store_close(s);
	unit_remove(dir);
}

static void a_clock_that_goes_back_changes_nothing_and_doubles_nothing(void **state)
{
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	for (int i = 0; i < 90; i++)
		put(s, SAMPLE_MINUTE, TEN + i * MINUTE, i);
	assert_int_equal(store_roll_samples(s, TEN + 90 * MINUTE), 0);
	/* an hour back: all of it is there already */
	for (int i = 30; i < 95; i++)
		put(s, SAMPLE_MINUTE, TEN + i * MINUTE, 1000 + i);
	assert_int_equal(store_roll_samples(s, TEN + 95 * MINUTE), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 95);
	for (int i = 0; i < 95; i++)
		assert_true(seen.at[i] == TEN + i * MINUTE && seen.value[i][0] == (i < 90 ? i : 1000 + i));
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), 1);
	assert_true(seen.at[0] == TEN && seen.value[0][0] == 59);
	/* one that is there beside one that is not, in one row */
	const struct gauges two[] = {sample_of(TEN + 93 * MINUTE, 5000), sample_of(TEN + 95 * MINUTE, 5001)};
	assert_int_equal(store_put_samples(s, SAMPLE_MINUTE, two, 2), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, TEN + 93 * MINUTE, INT64_MAX), 3);
	assert_true(seen.value[0][0] == 1093 && seen.value[2][0] == 5001);
	/* ten years ahead and back: hours go on where they were */
	put(s, SAMPLE_MINUTE, TEN + INT64_C(87600) * HOUR, 7);
	assert_int_equal(store_roll_samples(s, TEN + INT64_C(87601) * HOUR), 0);
	for (int i = 95; i < 125; i++)
		put(s, SAMPLE_MINUTE, TEN + i * MINUTE, i);
	assert_int_equal(store_roll_samples(s, TEN + 125 * MINUTE), 0);
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, TEN + 100 * HOUR), 2);
	assert_true(seen.at[1] == TEN + HOUR && seen.value[1][0] == 119);
	/* before 1970, or at it, there is no place */
	put(s, SAMPLE_MINUTE, -5 * MINUTE, 1);
	put(s, SAMPLE_MINUTE, 0, 1);
	assert_int_equal(ask(s, SAMPLE_MINUTE, INT64_MIN / 2, TEN), 0);
	store_close(s);
	unit_remove(dir);
}

static void an_hour_is_made_of_the_minutes_that_there_are(void **state)
{
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	struct gauges g = sample_of(TEN + 3 * MINUTE, 5);
	g.value[GAUGE_last_seconds] = g.value[GAUGE_stage_insert_busy] = 1;
	assert_int_equal(store_put_samples(s, SAMPLE_MINUTE, &g, 1), 0);
	g = sample_of(TEN + 7 * MINUTE, 9);
	g.value[GAUGE_last_seconds] = g.value[GAUGE_stage_insert_busy] = 4;
	assert_int_equal(store_put_samples(s, SAMPLE_MINUTE, &g, 1), 0);
	g = sample_of(TEN + 8 * MINUTE, NAN);
	assert_int_equal(store_put_samples(s, SAMPLE_MINUTE, &g, 1), 0);
	/* not before it is over */
	assert_int_equal(store_roll_samples(s, TEN + HOUR - 1), 0);
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), 0);
	/* also when nobody was there at its end */
	assert_int_equal(store_roll_samples(s, TEN + 20 * HOUR), 0);
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), 1);
	/* a count, a fact of the last scan: the last one known; a rate: the mean */
	assert_true(seen.value[0][0] == 9 && seen.value[0][1] == 4 && seen.value[0][2] == 2.5);
	store_close(s);
	unit_remove(dir);
}

static void an_hour_is_made_also_when_nobody_was_there_for_days(void **state)
{
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	for (int i = 0; i < 90; i++)
		put(s, SAMPLE_MINUTE, TEN + i * MINUTE, i);
	assert_int_equal(store_roll_samples(s, TEN + 90 * MINUTE), 0);
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), 1);
	/* the indexer was stopped in the middle of an hour, a week ago */
	put(s, SAMPLE_MINUTE, TEN + 170 * HOUR, 1000);
	assert_int_equal(store_roll_samples(s, TEN + 170 * HOUR + 10 * MINUTE), 0);
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), 2);
	assert_true(seen.at[1] == TEN + HOUR && seen.value[1][0] == 89);
	store_close(s);
	unit_remove(dir);
}

static void rows_of_a_wrong_clock_are_counted_by_themselves(void **state)
{
	const int64_t ahead = TEN + INT64_C(87600) * HOUR, now = TEN + 3 * HOUR;
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	for (int i = 0; i < 60; i++) {
		put(s, SAMPLE_MINUTE, TEN + i * MINUTE, i);
		put(s, SAMPLE_MINUTE, ahead + i * MINUTE, i);
	}
	/* they take no place of those that are of our time, and there are not more of them */
	assert_int_equal(store_thin_samples(s, SAMPLE_MINUTE, 30, now), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, ahead), 30);
	assert_true(seen.at[0] == TEN + 30 * MINUTE);
	assert_int_equal(ask(s, SAMPLE_MINUTE, ahead, INT64_MAX), 30);
	assert_true(seen.at[0] == ahead + 30 * MINUTE);
	/* the clock goes on: what is a day ahead is of our time */
	for (int i = 0; i < 30; i++)
		put(s, SAMPLE_MINUTE, now + 23 * HOUR + i * MINUTE, i);
	assert_int_equal(store_thin_samples(s, SAMPLE_MINUTE, 30, now), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, ahead), 30);
	assert_true(seen.at[0] == now + 23 * HOUR);
	store_close(s);
	unit_remove(dir);
}

static void what_is_old_goes_but_not_because_of_a_clock(void **state)
{
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	for (int i = 0; i < 100; i++)
		put(s, SAMPLE_MINUTE, TEN + i * MINUTE, i);
	assert_int_equal(store_thin_samples(s, SAMPLE_MINUTE, 25, TEN + 2 * HOUR), 0);
	/* whole rows: at least what is to be kept, less than one row more */
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 30);
	assert_true(seen.at[0] == TEN + 70 * MINUTE);
	/* one that is far ahead does not drive the others out */
	put(s, SAMPLE_MINUTE, TEN + INT64_C(87600) * HOUR, 7);
	assert_int_equal(store_thin_samples(s, SAMPLE_MINUTE, 25, TEN + 2 * HOUR), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, TEN + HOUR * 3), 30);
	assert_int_equal(store_thin_samples(s, SAMPLE_MINUTE, 0, TEN + 2 * HOUR), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 0);
	store_close(s);
	unit_remove(dir);
}

static void a_gauge_that_this_program_does_not_know_does_no_harm(void **state)
{
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	assert_int_equal(store_exec(s, "INSERT INTO gauge(id, key) VALUES(1, 'of_another_version'), (300, 'x')"), 0);
	put(s, SAMPLE_MINUTE, TEN, 4);
	assert_int_equal(store_exec(s, "UPDATE gauge SET key = 'tracks_2' WHERE key = 'tracks'"), 0);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 1);
	assert_true(isnan(seen.value[0][0]));
	/* and one that is new gets a number of its own */
	put(s, SAMPLE_MINUTE, TEN + 10 * MINUTE, 5);
	assert_int_equal(ask(s, SAMPLE_MINUTE, 0, INT64_MAX), 2);
	assert_true(isnan(seen.value[0][0]) && seen.value[1][0] == 5);
	store_close(s);
	unit_remove(dir);
}

/** A library that lives: all gauges known, most of them moving. */
static struct gauges lively(int64_t at, unsigned *seed)
{
	struct gauges g = {.at = at};
	for (int i = 0; i < GAUGE_COUNT; i++)
		g.value[i] = i * 1000 + (double)(rand_r(seed) % 1000) * (i % 3 ? 1 : 0.137);
	return g;
}

static void a_year_of_hours_takes_little_room(void **state)
{
	const int hours = 24 * unit_many(30, 365), most = hours * 2500;
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	unsigned seed = 1;
	(void)state;
	assert_int_equal(store_exec(s, "BEGIN"), 0);
	for (int i = 0; i < hours; i++) {
		struct gauges g = lively(TEN + i * HOUR, &seed);
		assert_int_equal(store_put_samples(s, SAMPLE_HOUR, &g, 1), 0);
	}
	assert_int_equal(store_thin_samples(s, SAMPLE_HOUR, 24 * 365, TEN + hours * HOUR), 0);
	assert_int_equal(store_exec(s, "COMMIT; VACUUM"), 0);
	int64_t began = mono_ns();
	assert_int_equal(ask(s, SAMPLE_HOUR, 0, INT64_MAX), hours);
	int64_t took = mono_ns() - began;
	store_close(s);
	struct stat st;
	char path[4096];
	snprintf(path, sizeof path, "%s/mediamon.db", dir);
	assert_int_equal(stat(path, &st), 0);
	print_message("%d hours of %d gauges that all move: %lld bytes of store; two of them read in %lld us\n", hours,
		      GAUGE_COUNT, (long long)st.st_size, (long long)(took / 1000));
	assert_true(st.st_size < most);
	unit_remove(dir);
}

/* --- seconds --- */

static void seconds_go_round_in_a_file_of_fixed_size(void **state)
{
	enum { PLACES = 60 };
	char *dir = unit_quick_folder(), path[4096];
	struct store *s = open_writer(dir);
	struct stat st;
	(void)state;
	assert_int_equal(ask(s, SAMPLE_SECOND, 0, INT64_MAX), 0);
	int fd = seconds_open(dir, PLACES);
	assert_true(fd >= 0);
	for (int i = 0; i < 100; i++) {
		struct gauges g = sample_of(TEN + i * NS_PER_S + 5, i);
		if (i != 80)
			assert_int_equal(seconds_put(fd, PLACES, &g), 0);
	}
	assert_int_equal(ask(s, SAMPLE_SECOND, TEN + 30 * NS_PER_S, TEN + 100 * NS_PER_S), 59);
	assert_true(seen.at[0] == TEN + 40 * NS_PER_S && seen.value[0][0] == 40 && isnan(seen.value[0][1]));
	assert_int_equal(ask(s, SAMPLE_SECOND, TEN + 90 * NS_PER_S, TEN + 95 * NS_PER_S), 5);
	/* the clock goes back: a second is there once */
	struct gauges again = sample_of(TEN + 50 * NS_PER_S, 1050);
	assert_int_equal(seconds_put(fd, PLACES, &again), 0);
	assert_int_equal(ask(s, SAMPLE_SECOND, TEN, TEN + 100 * NS_PER_S), 59);
	snprintf(path, sizeof path, "%s/" SECONDS_FILE, dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < PLACES * (GAUGE_COUNT + 3) * 8);
	/* a torn one is a gap */
	assert_int_equal(pwrite(fd, "torn", 4, 24 + (off_t)(GAUGE_COUNT + 2) * 8 * ((TEN / NS_PER_S + 95) % PLACES) + 40), 4);
	assert_int_equal(ask(s, SAMPLE_SECOND, TEN, TEN + 100 * NS_PER_S), 58);
	close(fd);
	/* it is taken up again, begun anew with another size, and goes when nobody wants it */
	fd = seconds_open(dir, PLACES);
	assert_int_equal(ask(s, SAMPLE_SECOND, TEN, TEN + 100 * NS_PER_S), 58);
	close(fd);
	fd = seconds_open(dir, PLACES + 1);
	assert_int_equal(ask(s, SAMPLE_SECOND, TEN, TEN + 100 * NS_PER_S), 0);
	close(fd);
	assert_int_equal(seconds_open(dir, 0), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	store_close(s);
	remove_all(dir);
}

/* --- the sampler, on a clock of its own --- */

struct world {
	char *dir;
	struct live_page *live;
	struct writer *writer;
	struct sampler *sampler;
	struct store *reader;
};

static void begin(struct world *w)
{
	char why[256] = "";
	w->dir = unit_quick_folder();
	w->live = live_create(w->dir);
	assert_non_null(w->live);
	struct writer_options o = {.state_dir = w->dir, .live = w->live};
	if (writer_new(&o, &w->writer, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(store_open_reader(w->dir, &w->reader), 0);
	struct sampler_options options = {w->dir, {HOUR, 24 * HOUR, 90 * 24 * HOUR}, {.path = ""}, 100, w->live, w->writer};
	assert_int_equal(sampler_make(&options, &w->sampler), 0);
}

static void end(struct world *w)
{
	store_close(w->reader);
	sampler_free(w->sampler);
	writer_free(w->writer);
	live_close(w->live);
	remove_all(w->dir);
}

/** Every second, as the thread does. */
static void let_pass(struct world *w, int64_t from, int64_t to)
{
	for (int64_t t = from; t < to; t += NS_PER_S) {
		atomic_store(&w->live->worker_restarts, (uint64_t)((t - TEN) / NS_PER_S));
		sampler_tick(w->sampler, t);
	}
}

static int64_t commits(const struct world *w)
{
	return (int64_t)atomic_load(&w->live->generation);
}

static void at_rest_it_writes_every_ten_minutes(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	int64_t before = commits(&w);
	let_pass(&w, TEN + 30 * NS_PER_S, TEN + 60 * MINUTE);
	assert_int_equal(commits(&w) - before, 5);
	assert_int_equal(ask(w.reader, SAMPLE_MINUTE, 0, INT64_MAX), 50);
	assert_int_equal(ask(w.reader, SAMPLE_SECOND, 0, TEN + HOUR), 0);
	assert_int_equal(ask(w.reader, SAMPLE_HOUR, 0, INT64_MAX), 0);
	let_pass(&w, TEN + 60 * MINUTE, TEN + 61 * MINUTE);
	assert_int_equal(ask(w.reader, SAMPLE_MINUTE, 0, INT64_MAX), 60);
	assert_int_equal(ask(w.reader, SAMPLE_HOUR, 0, INT64_MAX), 1);
	/* the end writes what is left, the minute that is not over too */
	sampler_end(w.sampler, TEN + 61 * MINUTE);
	sampler_end(w.sampler, TEN + 61 * MINUTE);
	assert_int_equal(ask(w.reader, SAMPLE_MINUTE, 0, INT64_MAX), 61);
	for (int i = 0; i < 61; i++)
		assert_true(seen.at[i] == TEN + i * MINUTE && seen.value[i][0] == 0);
	end(&w);
}

static void seconds_that_cannot_be_kept_are_tried_again(void **state)
{
	char path[4096];
	struct world w;
	(void)state;
	begin(&w);
	sampler_free(w.sampler);
	snprintf(path, sizeof path, "%s/" SECONDS_FILE, w.dir);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	struct sampler_options options = {w.dir, {HOUR, 24 * HOUR, 90 * 24 * HOUR}, {.path = ""}, 100, w.live, w.writer};
	assert_int_equal(sampler_make(&options, &w.sampler), 0);
	atomic_store(&w.live->job, 3);
	let_pass(&w, TEN, TEN + 5 * NS_PER_S);
	assert_int_equal(rmdir(path), 0);
	let_pass(&w, TEN + 5 * NS_PER_S, TEN + 9 * NS_PER_S);
	assert_int_equal(ask(w.reader, SAMPLE_SECOND, 0, TEN + HOUR), 4);
	end(&w);
}

static void seconds_are_kept_while_a_job_runs(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	let_pass(&w, TEN, TEN + 100 * NS_PER_S);
	atomic_store(&w.live->job, 3);
	let_pass(&w, TEN + 100 * NS_PER_S, TEN + 200 * NS_PER_S);
	atomic_store(&w.live->job_paused, 1);
	let_pass(&w, TEN + 200 * NS_PER_S, TEN + 300 * NS_PER_S);
	assert_int_equal(ask(w.reader, SAMPLE_SECOND, 0, TEN + HOUR), 100);
	assert_true(seen.at[0] == TEN + 100 * NS_PER_S && seen.at[99] == TEN + 199 * NS_PER_S);
	assert_int_equal(ask(w.reader, SAMPLE_MINUTE, 0, INT64_MAX), 0);
	end(&w);
}

static void clocks_that_jump_leave_gaps_and_no_doubles(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	atomic_store(&w.live->job, 3);
	let_pass(&w, TEN, TEN + 15 * MINUTE);
	let_pass(&w, TEN + 5 * MINUTE + NS_PER_S / 2, TEN + 12 * MINUTE);
	let_pass(&w, TEN + 300 * HOUR, TEN + 300 * HOUR + 15 * MINUTE);
	let_pass(&w, TEN + 15 * MINUTE, TEN + 35 * MINUTE);
	sampler_end(w.sampler, TEN + 35 * MINUTE);
	/* minutes in the order of time, each once: see() wants it so */
	int n = ask(w.reader, SAMPLE_MINUTE, 0, TEN + HOUR);
	assert_true(n >= 34 && n <= 36);
	assert_true(ask(w.reader, SAMPLE_MINUTE, TEN + HOUR, INT64_MAX) >= 14);
	assert_true(ask(w.reader, SAMPLE_SECOND, TEN, TEN + HOUR) > 30);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_comes_back),
		cmocka_unit_test(what_cannot_be_packed_is_unknown),
		cmocka_unit_test(minutes_are_where_they_belong_and_gaps_are_gaps),
		cmocka_unit_test(a_clock_that_goes_back_changes_nothing_and_doubles_nothing),
		cmocka_unit_test(an_hour_is_made_of_the_minutes_that_there_are),
		cmocka_unit_test(an_hour_is_made_also_when_nobody_was_there_for_days),
		cmocka_unit_test(rows_of_a_wrong_clock_are_counted_by_themselves),
		cmocka_unit_test(what_is_old_goes_but_not_because_of_a_clock),
		cmocka_unit_test(a_gauge_that_this_program_does_not_know_does_no_harm),
		cmocka_unit_test(a_year_of_hours_takes_little_room),
		cmocka_unit_test(seconds_go_round_in_a_file_of_fixed_size),
		cmocka_unit_test(at_rest_it_writes_every_ten_minutes),
		cmocka_unit_test(seconds_that_cannot_be_kept_are_tried_again),
		cmocka_unit_test(seconds_are_kept_while_a_job_runs),
		cmocka_unit_test(clocks_that_jump_leave_gaps_and_no_doubles),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
