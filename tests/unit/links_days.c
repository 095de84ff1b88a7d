/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A million link-days in a moment: a mount that is away, that lies about a few of its entries for up to a day, that lies about
 * many, and a clock that steps.  A link whose file is there is never called broken; one whose file is gone is, soon.
 */
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/clock.h"
#include "indexer/monitor/monitor_links.h"

enum { LINKS = 2000, HOUR = 3600, DAY = 24 * HOUR, LOOK = 6 * HOUR, BRAKE = 20, PERCENT = 2 };

#define S NS_PER_S
#define START (INT64_C(1700000000) * S)

struct life {
	struct store_symlink row;
	/** Seconds since the start: when its file ends, and until when the mount hides it. */
	int64_t dies, hidden_until;
	bool is_done;
};

struct days {
	struct life link[LINKS];
	uint64_t random;
	int64_t now, away_until, clock;
	long judged_wrongly, died, late, handled;
};

static uint64_t pick(struct days *d, uint64_t n)
{
	d->random = d->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (d->random >> 33) % n;
}

static bool is_there(const struct days *d, const struct life *l)
{
	return d->now < l->dies;
}

static bool is_seen(const struct days *d, const struct life *l)
{
	return is_there(d, l) && d->now >= l->hidden_until;
}

/** Not again before it was seen: a file that is hidden whenever somebody looks is as good as gone, and then only the provider's
 * word keeps its link. */
static void hide(struct days *d)
{
	struct life *l = &d->link[pick(d, LINKS)];
	int64_t until = d->now + (int64_t)pick(d, 20 * HOUR);
	if (l->row.state == LINK_OK)
		l->hidden_until = until;
}

/** Between two looks something may begin. */
static void befall(struct days *d)
{
	if (pick(d, 20) == 0)
		d->away_until = d->now + (int64_t)pick(d, DAY);
	/* too few for the brake, and too short for the span */
	for (uint64_t n = pick(d, 8) == 0 ? pick(d, BRAKE) : 0; n; n--)
		hide(d);
	if (pick(d, 60) == 0)
		for (uint64_t n = pick(d, LINKS); n; n--)
			hide(d);
	if (pick(d, 400) == 0)
		d->clock += (int64_t)pick(d, 60 * DAY) - 30 * DAY;
}

static void note(struct days *d, struct life *l)
{
	if (l->row.state == LINK_BROKEN && is_there(d, l))
		d->judged_wrongly++;
	if (l->row.state != LINK_BROKEN || l->is_done || is_there(d, l))
		return;
	l->is_done = true;
	d->handled++;
	d->late += d->now - l->dies > 3 * DAY;
}

static long vanished(const struct days *d, bool is_healthy)
{
	long n = 0;
	for (int i = 0; i < LINKS; i++)
		n += is_healthy && d->link[i].row.state == LINK_OK && !is_seen(d, &d->link[i]);
	return n;
}

/** What symlinks does once most are back: so few would not have been held. */
static void let_go(struct days *d)
{
	long held = 0;
	for (int i = 0; i < LINKS; i++)
		held += d->link[i].row.state == LINK_HELD;
	for (int i = 0; i < LINKS && held && !links_brake(held, LINKS, BRAKE, PERCENT); i++)
		if (d->link[i].row.state == LINK_HELD) {
			d->link[i].row.state = LINK_SUSPECT;
			d->link[i].row.sightings = 0;
		}
}

static void look(struct days *d)
{
	static const struct link_rules rules = {.sightings = 3, .span = DAY * S, .apart = HOUR * S, .credit = (LOOK + HOUR) * S};
	bool is_healthy = d->now >= d->away_until;
	bool is_held = links_brake(vanished(d, is_healthy), LINKS, BRAKE, PERCENT);
	for (int i = 0; i < LINKS; i++) {
		struct life *l = &d->link[i];
		bool was_there = l->row.state == LINK_OK;
		struct link_sight sight = {
			.at = START + (d->now + d->clock) * S, .is_ours = true, .is_healthy = is_healthy,
			.is_held = is_held && was_there, .error = is_seen(d, l) ? 0 : -ENOENT, .size = -1,
		};
		monitor_link(&l->row, &sight, &rules);
		note(d, l);
	}
	if (is_healthy)
		let_go(d);
}

static void a_million_link_days(void **state)
{
	static struct days d;
	int64_t end = 500 * (int64_t)DAY;
	(void)state;
	d = (struct days){.random = 1};
	for (int i = 0; i < LINKS; i++) {
		d.link[i].row.reason = "";
		d.link[i].dies = pick(&d, 3) == 0 ? (int64_t)pick(&d, (uint64_t)end) : INT64_MAX;
		d.died += d.link[i].dies < end - 3 * DAY;
	}
	for (; d.now < end; d.now += LOOK - HOUR + (int64_t)pick(&d, 2 * HOUR)) {
		befall(&d);
		look(&d);
	}
	printf("%d links, %lld days: %ld died, %ld called broken, %ld of them after more than 72 h; wrongly %ld\n", LINKS,
	       (long long)(end / DAY), d.died, d.handled, d.late, d.judged_wrongly);
	assert_int_equal(d.judged_wrongly, 0);
	assert_true(d.died > 500);
	assert_true(d.handled * 100 >= d.died * 99);
	assert_true(d.late * 100 <= d.died);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_million_link_days)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
