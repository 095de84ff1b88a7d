/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The summary of a day: what it tells, and when. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/alert/summary.h"

#define HOUR (3600 * NS_PER_S)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1795255200) * NS_PER_S)

static void a_summary_tells_what_changed(void **state)
{
	static struct gauges before, now;
	struct summary_base base;
	_buf_ struct buf kept = BUF_INIT(4096), text = BUF_INIT(4096), again = BUF_INIT(4096);
	(void)state;
	for (int i = 0; i < GAUGE_COUNT; i++)
		before.value[i] = now.value[i] = NAN;
	before.at = NOW;
	before.value[GAUGE_tracks] = 5000;
	before.value[GAUGE_missing_tail] = 3;
	before.value[GAUGE_errors] = 7;
	summary_write(&before, &kept);
	summary_parse(buf_str(&kept), &base);
	assert_true(base.at == NOW && base.value[GAUGE_tracks] == 5000 && isnan(base.value[GAUGE_links_broken]));
	now.value[GAUGE_tracks] = 5012;
	now.value[GAUGE_missing_tail] = 2;
	now.value[GAUGE_errors] = 7;
	now.value[GAUGE_links_broken] = 4;
	summary_say(&base, &now, 2, 1, &text);
	assert_string_equal(buf_str(&text), "12 tracks more (5012), 1 missing volume at a series' end less (2); 2 alerts fired; "
					    "1 fires now (status/health)");
	summary_say(&base, &before, 0, 0, &again);
	assert_string_equal(buf_str(&again), "nothing changed; all is well");
	summary_parse("nonsense", &base);
	assert_true(base.at == 0);
}

static void a_summary_comes_once_a_day(void **state)
{
	int64_t last = summary_moment(NOW, 8 * 60);
	int days = 0;
	(void)state;
	assert_true(last <= NOW && NOW - last <= DAY + HOUR);
	assert_true(summary_moment(last, 8 * 60) == last);
	assert_true(summary_moment(last - 1, 8 * 60) < last);
	/* a year, with both changes to and from summer time */
	for (int64_t now = NOW; now < NOW + 365 * DAY; now += HOUR / 4) {
		int64_t moment = summary_moment(now, 8 * 60);
		assert_true(moment <= now && moment >= last);
		days += moment > last;
		last = moment;
	}
	assert_in_range(days, 365, 365);
}

int main(void)
{
	setenv("TZ", "Europe/Paris", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_summary_tells_what_changed),
		cmocka_unit_test(a_summary_comes_once_a_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
