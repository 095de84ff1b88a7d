/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What alerts are told, out of a store that is made to be so: each condition well, then beyond its limit. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_chapters.h"
#include "common/store_private.h"
#include "common/store_sample.h"
#include "common/store_write_alerts.h"
#include "common/store_write_repair.h"
#include "common/store_write_symlinks.h"
#include "indexer/alert/facts.h"
#include "indexer/guard.h"

#define HOUR (3600 * NS_PER_S)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1795255200) * NS_PER_S)

struct world {
	struct store *s;
	struct facts facts;
	struct config *config;
	struct limit *limit;
	struct live_values live;
	int64_t root, now;
	char *dir;
};

static void sql(struct world *w, const char *text)
{
	if (store_exec(w->s, text) < 0)
		fail_msg("%s", text);
}

static struct config *config_of(const struct world *w, const char *options)
{
	_buf_ struct buf path = BUF_INIT(4096), why = BUF_INIT(4096);
	struct config *config = NULL;
	buf_addf(&path, "%s/conf", w->dir);
	FILE *f = fopen(buf_str(&path), "w");
	assert_non_null(f);
	fprintf(f, "%s\n", options);
	fclose(f);
	if (config_load(buf_str(&path), &config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	return config;
}

static void open_world(struct world *w)
{
	char why[256];
	*w = (struct world){.live = {.started_at = 1}, .now = NOW, .dir = unit_quick_folder()};
	assert_int_equal(store_open_writer(w->dir, &w->s, why), 0);
	w->config = config_of(w, "realdebrid { token_file = \"/nowhere\" }");
	assert_int_equal(limit_new(NULL, NULL, &w->limit), 0);
	w->facts.config = w->config;
	w->facts.limit = w->limit;
	assert_int_equal(store_open_reader(w->dir, &w->facts.store), 0);
	assert_int_equal(store_begin_write(w->s), 0);
	assert_int_equal(store_put_root(w->s, "music", "music", "/srv/music", &w->root), 0);
	assert_int_equal(store_set_root(w->s, w->root, "present", "", 0), 0);
}

static void close_world(struct world *w)
{
	facts_free(&w->facts);
	store_rollback(w->s);
	store_close(w->facts.store);
	store_close(w->s);
	limit_free(w->limit);
	config_free(w->config);
	unit_remove(w->dir);
}

/** Commits what was made and looks: the fact about @id; NULL when there is none. */
static const struct alert_fact *fact_of(struct world *w, enum alert_id id, const char *subject)
{
	uint64_t generation;
	assert_int_equal(store_commit(w->s, &generation), 0);
	const struct alert_facts *all = facts_look(&w->facts, &w->live, w->now);
	assert_int_equal(store_begin_write(w->s), 0);
	for (size_t i = 0; i < all->fact.len; i++)
		if (all->fact.data[i].id == id && strcmp(all->fact.data[i].subject, subject) == 0)
			return &all->fact.data[i];
	return NULL;
}

/* --- how each becomes so --- */

static void make_absent(struct world *w)
{
	store_set_root(w->s, w->root, "absent", "there is no such folder", 12);
}

static void put_mount(struct world *w, int64_t root, const char *path, const char *mount_state)
{
	const struct store_mount mount = {.root = root, .path = {path, strlen(path)}, .fstype = "ext4", .state = mount_state,
					  .reason = "nothing is mounted there", .held = strcmp(mount_state, "present") == 0 ? 0 : 7};
	assert_int_equal(store_put_mount(w->s, &mount), 0);
}

/** Two folders, each with a disk of the same name; and one that is called like it. */
static void make_mounts(struct world *w)
{
	int64_t other, like;
	store_put_root(w->s, "disk1", "music", "/srv/disk1", &like);
	store_put_root(w->s, "other", "manga", "/srv/other", &other);
	store_set_root(w->s, like, "present", "", 0);
	store_set_root(w->s, other, "present", "", 0);
	put_mount(w, w->root, "disk1", "present");
	put_mount(w, other, "disk1", "present");
}

static void make_unmounted(struct world *w)
{
	put_mount(w, w->root, "disk1", "absent");
}

static void make_mount_held(struct world *w)
{
	put_mount(w, w->root, "disk1", "frozen");
}

static void make_held(struct world *w)
{
	store_set_root(w->s, w->root, "frozen", "so many", 12);
}

static void make_links_held(struct world *w)
{
	store_put_link_hold(w->s, &(struct store_link_hold){.root = w->root, .count = 30, .since = 1, .reason = "so many"});
}

static void add_run(struct world *w, double files, double seconds, double errors, int64_t ended_at)
{
	struct run run = {.order = "rescan all", .mode = "full", .started_at = ended_at - 1, .ended_at = ended_at};
	run.value[RUN_files] = files;
	run.value[RUN_wall_seconds] = seconds;
	run.value[RUN_errors] = errors;
	run.value[RUN_error_ratio] = errors / files;
	assert_int_equal(store_add_run(w->s, &run), 0);
}

static void make_usual_runs(struct world *w)
{
	for (int i = 0; i < 12; i++)
		add_run(w, 10000, i == 3 ? 90 : 10, 0, NOW - (20 - i) * HOUR);
	/* one that tells nothing */
	add_run(w, 3, 1, 0, NOW - HOUR);
}

static void make_slow_run(struct world *w)
{
	add_run(w, 10000, 25, 0, NOW - HOUR);
}

static void make_bad_run(struct world *w)
{
	add_run(w, 10000, 10, 1500, NOW - HOUR);
}

static void make_old(struct world *w)
{
	w->now = NOW + 4 * DAY;
}

static void make_quiet_day(struct world *w)
{
	static struct gauges g;
	g.at = NOW - DAY - HOUR;
	for (int i = 0; i < GAUGE_COUNT; i++)
		g.value[i] = i == GAUGE_errors ? 0 : NAN;
	assert_int_equal(store_put_samples(w->s, SAMPLE_HOUR, &g, 1), 0);
}

static void make_errors(struct world *w)
{
	sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) INSERT INTO error(root_id, path, "
	       "kind, reason, since, tries, job) SELECT 1, CAST('a' || i AS BLOB), 'corrupt', '', 1, 1, 1 FROM n");
}

static void make_corrupt(struct world *w)
{
	/* one that is there, and one that is gone */
	sql(w, "INSERT INTO root(id, name, kind, path, state, reason, since, active) VALUES(900, 'bad', 'manga', x'2f62', 'present', "
	       "'', 1, 1); INSERT INTO dir VALUES(900, 900, x'', 0, 0); INSERT INTO file(id, dir_id, name_hash, name, size, mtime, "
	       "since_birth, inode, state, job, added_at) VALUES(900, 900, 1, x'41', 1, 1, 1, 1, 1, 1, 1);"
	       "INSERT INTO integrity VALUES(900, 1, 1, 1, 1, 1, 1, 2, 0, '', ''), (901, 1, 1, 1, 1, 1, 1, 2, 0, '', '')");
}

static void make_broken(struct world *w)
{
	sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) INSERT INTO symlink(dir_id, name, "
	       "target_dir_id, target_name, state, since, ok_at, size) SELECT 1, CAST(i AS BLOB), 1, x'61', 2, 1, 1, 1 FROM n");
}

static void set_account(struct world *w, const char *state)
{
	const struct store_torrent_scan row = {.kind = "account", .state = state, .error = "not premium", .total = -1};
	assert_int_equal(store_put_torrent_scan(w->s, &row), 0);
}

static void make_account(struct world *w)
{
	set_account(w, "ok");
}

static void make_stopped(struct world *w)
{
	set_account(w, "stopped");
}

static void add_handed(struct world *w, const char *step, int64_t changed_at)
{
	_buf_ struct buf text = BUF_INIT(4096);
	buf_addf(&text, "INSERT INTO handed VALUES(NULL, '%s%lld', '', '', '', '', '', '', 0, '', 0, '', '%s', '', 0, 0, 0, 0, 0, "
			"0, 0, 0, %lld, 0)",
		 step, (long long)changed_at, step, (long long)changed_at);
	sql(w, buf_str(&text));
}

static void make_busy_requests(struct world *w)
{
	add_handed(w, "confirmed", NOW - 2 * HOUR);
	add_handed(w, "arrived", NOW - 30 * DAY);
}

static void make_stuck_requests(struct world *w)
{
	add_handed(w, "confirmed", NOW - 5 * DAY);
}

static void call(struct world *w, int times, bool ok)
{
	int64_t at, now = w->now;
	for (int i = 0; i < times; i++, now += 10 * NS_PER_S) {
		assert_int_equal(limit_take(w->limit, "prowlarr", now, &at), 0);
		if (ok)
			limit_ok(w->limit, "prowlarr", now);
		else
			limit_fail(w->limit, "prowlarr", now, 0, LIMIT_REFUSED, "too many");
	}
}

static void make_host(struct world *w)
{
	assert_int_equal(limit_declare(w->limit, "prowlarr", &(struct limit_rule){.per_day = 100, .failures = 1000}), 0);
	call(w, 10, true);
}

static void make_used(struct world *w)
{
	call(w, 87, true);
}

static void make_refused(struct world *w)
{
	struct limit_row row = {.name = "prowlarr", .day = NOW / DAY, .refused_day = 12};
	assert_int_equal(limit_restore(w->limit, &row), 0);
}

static void put_room_of(struct world *w, int64_t room, int64_t size)
{
	const struct store_disk disk = {.root = w->root, .free_bytes = room, .size_bytes = size, .at = NOW};
	assert_int_equal(store_put_disk(w->s, &disk), 0);
}

static void put_room(struct world *w, int64_t room)
{
	put_room_of(w, room, INT64_C(1) << 40);
}

static void make_room(struct world *w)
{
	put_room(w, INT64_C(5) << 30);
}

static void make_no_room(struct world *w)
{
	put_room(w, INT64_C(100) << 20);
}

static void make_unwritable(struct world *w)
{
	w->live.write_error = ENOSPC;
}

static void make_failing(struct world *w)
{
	store_set_meta(w->s, "backup_error", "no room");
}

static void make_copied(struct world *w)
{
	char text[32];
	snprintf(text, sizeof text, "%lld", (long long)(NOW - HOUR));
	store_set_meta(w->s, "backup_at", text);
}

static void start_often(struct world *w, int times)
{
	_buf_ struct buf kept = BUF_INIT(4096);
	for (int i = 0; i < times; i++) {
		assert_true(facts_add_start(&w->facts, buf_str(&kept), NOW - (times - i) * 60 * NS_PER_S));
		buf_reset(&kept);
		facts_starts(&w->facts, &kept);
	}
}

static void make_starts(struct world *w)
{
	start_often(w, 2);
}

static void make_many_starts(struct world *w)
{
	start_often(w, 50);
}

static void make_dying(struct world *w)
{
	w->live.worker_restarts = 30;
	w->now = NOW + HOUR / 2;
}

static void add_rows(struct world *w, enum chapter_producer producer, const char *run, int state, int n)
{
	_buf_ struct buf text = BUF_INIT(4096);
	buf_addf(&text, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO chapter(producer, "
			"run, series, chapter, attempt, session, state, started_at, changed_at, ended_at, downloaded, said_downloaded, "
			"errors, said_errors, bytes, said_bytes, seconds, url, error) SELECT %d, '%s', 'A', i, 1, 1, %d, 1, 1, 1, 0, 0, 0, "
			"0, 0, 0, 0, '', '' FROM n",
		 n, (int)producer, run, state);
	sql(w, buf_str(&text));
}

/** Behind them as many volumes that were checked: they are no chapters that somebody fetched. */
static void add_chapters(struct world *w, const char *run, int state, int n)
{
	add_rows(w, PRODUCER_scraper, run, state, n);
	add_rows(w, PRODUCER_archives, run, CHAPTER_failed, 100);
}

static void make_chapters(struct world *w)
{
	add_chapters(w, "a", 1, 30);
	add_chapters(w, "b", 2, 3);
}

static void make_failed_chapters(struct world *w)
{
	add_chapters(w, "c", 2, 20);
}

static void make_abandoned(struct world *w)
{
	add_chapters(w, "c", 3, 10);
}

static void nothing(struct world *w)
{
	(void)w;
}

typedef void make_fn(struct world *w);
static const struct {
	enum alert_id id;
	const char *subject;
	make_fn *well, *beyond;
	/** What a sentence tells. */
	const char *words;
} rows[] = {
	{ALERT_root_absent, "music", nothing, make_absent, "folder music (/srv/music) is absent: there is no such folder"},
	{ALERT_root_absent, "music:disk1", make_mounts, make_unmounted,
	 "the disk mounted at /srv/music/disk1 is absent: nothing is mounted there"},
	{ALERT_root_held, "music:disk1", make_mounts, make_mount_held, "7 files of the disk mounted at /srv/music/disk1 are held"},
	{ALERT_root_held, "music", nothing, make_held, "12 files of folder music are held"},
	{ALERT_root_held, "music (links)", NULL, make_links_held, "30 links of music are held"},
	{ALERT_nothing_seen, "", make_usual_runs, make_old, "no scan has ended for 4 d 1 h"},
	/* none has ended since the first start */
	{ALERT_nothing_seen, "", make_starts, make_old, "no scan has ended for 4 d"},
	{ALERT_scan_slow, "", make_usual_runs, make_slow_run, "400 files a second, where 1000 are usual"},
	{ALERT_scan_failures, "", make_slow_run, make_bad_run, "1500 of the 10000 files"},
	{ALERT_errors_growing, "", make_quiet_day, make_errors, "150 files or folders cannot be read, 150 more"},
	{ALERT_volumes_corrupt, "", nothing, make_corrupt, "1 file is corrupt"},
	{ALERT_links_broken, "", nothing, make_broken, "30 links are broken"},
	{ALERT_account_stopped, "", make_account, make_stopped, "Real-Debrid is not asked any more: not premium"},
	{ALERT_requests_stuck, "", make_busy_requests, make_stuck_requests, "of 2 downloads that were handed over one stands still"},
	{ALERT_api_budget, "prowlarr", make_host, make_used, "prowlarr: 97 of 100 calls"},
	{ALERT_api_refusals, "prowlarr", make_host, make_refused, "prowlarr refused 12 calls today"},
	{ALERT_media_disk, "music", make_room, make_no_room, "the disk of folder music has room for 100"},
	{ALERT_store_unwritable, "", nothing, make_unwritable, "No space left"},
	{ALERT_backup_failing, "", nothing, make_failing, "no room"},
	{ALERT_backup_old, "", make_copied, make_old, "is 4 d"},
	{ALERT_restarts, "", make_starts, make_many_starts, "started 32 times"},
	{ALERT_workers_dying, "", nothing, make_dying, "30 processes"},
	{ALERT_chapter_failures, "", make_chapters, make_failed_chapters, "23 of the last 53 chapters failed"},
	{ALERT_chapters_abandoned, "", make_chapters, make_abandoned, "10 of the last"},
};

static bool is_beyond(enum alert_id id, double value)
{
	struct alert_rule r;
	assert_int_equal(alert_rule_read(id, "", &r, NULL), 0);
	if (ALERTS_TABLE[id].unit == ALERT_FLAG)
		return value > 0;
	return ALERTS_TABLE[id].side == ALERT_ABOVE ? value > r.limit : value < r.limit;
}

static void every_condition_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *name = ALERTS_TABLE[rows[i].id].name;
		struct world w;
		open_world(&w);
		if (rows[i].well) {
			rows[i].well(&w);
			const struct alert_fact *f = fact_of(&w, rows[i].id, rows[i].subject);
			if (!f || isnan(f->value) || is_beyond(rows[i].id, f->value))
				fail_msg("%s: %g though all is well", name, f ? f->value : -1);
			/* what is looked up every ten minutes */
			w.now += 11 * 60 * NS_PER_S;
		}
		rows[i].beyond(&w);
		const struct alert_fact *f = fact_of(&w, rows[i].id, rows[i].subject);
		if (!f || isnan(f->value) || !is_beyond(rows[i].id, f->value))
			fail_msg("%s: %g is not seen", name, f ? f->value : -1);
		if (!strstr(f->text, rows[i].words))
			fail_msg("%s: \"%s\" tells not \"%s\"", name, f->text, rows[i].words);
		close_world(&w);
	}
}

static void no_condition_is_forgotten(void **state)
{
	(void)state;
	for (int id = 0; id < ALERT_COUNT_OF_ROWS; id++) {
		size_t i = 0;
		while (i < COUNT_OF(rows) && (int)rows[i].id != id)
			i++;
		/* the room of the disk that the test runs on is what it is: see tests/e2e/test_alerts.py */
		if (i == COUNT_OF(rows) && id != ALERT_state_disk)
			fail_msg("%s has no row", ALERTS_TABLE[id].name);
	}
}

static void an_empty_store_has_nothing_to_tell(void **state)
{
	struct world w;
	(void)state;
	open_world(&w);
	fact_of(&w, ALERT_root_absent, "music");
	for (size_t i = 0; i < w.facts.told.fact.len; i++) {
		const struct alert_fact *f = &w.facts.told.fact.data[i];
		if (f->id != ALERT_state_disk && !isnan(f->value) && is_beyond(f->id, f->value))
			fail_msg("%s: %g", ALERTS_TABLE[f->id].name, f->value);
	}
	close_world(&w);
}

static void a_store_that_cannot_be_read_ends_nothing(void **state)
{
	struct world w;
	(void)state;
	open_world(&w);
	make_absent(&w);
	assert_non_null(fact_of(&w, ALERT_root_absent, "music"));
	assert_true(w.facts.told.answered[ALERT_root_absent]);
	assert_true(w.facts.has_gauges);
	/* as if its file were gone bad: no question is answered */
	assert_int_equal(store_begin_read(w.facts.store), 0);
	const struct alert_facts *all = facts_look(&w.facts, &w.live, NOW);
	for (int id = 0; id < ALERT_COUNT_OF_ROWS; id++)
		assert_false(all->answered[id]);
	/* and a summary has nothing to compare */
	assert_false(w.facts.has_gauges);
	store_end(w.facts.store);
	close_world(&w);
}

static void each_subject_is_told_of_once(void **state)
{
	struct world w;
	(void)state;
	open_world(&w);
	make_mounts(&w);
	make_unmounted(&w);
	fact_of(&w, ALERT_root_absent, "music");
	for (size_t i = 0; i < w.facts.told.fact.len; i++)
		for (size_t k = 0; k < i; k++) {
			const struct alert_fact *a = &w.facts.told.fact.data[i], *b = &w.facts.told.fact.data[k];
			if (a->id == b->id && strcmp(a->subject, b->subject) == 0)
				fail_msg("%s (%s) is told of twice", ALERTS_TABLE[a->id].name, a->subject);
		}
	close_world(&w);
}

static void an_account_that_is_not_used_is_not_told_of(void **state)
{
	struct world w;
	(void)state;
	open_world(&w);
	make_stopped(&w);
	assert_non_null(fact_of(&w, ALERT_account_stopped, ""));
	config_free(w.config);
	w.facts.config = w.config = config_of(&w, "");
	assert_null(fact_of(&w, ALERT_account_stopped, ""));
	/* so that what fires is over */
	assert_true(w.facts.told.answered[ALERT_account_stopped]);
	close_world(&w);
}

/** As pipeline_guard.c writes it: the last GiB of a large disk are a small share of it. */
static void a_large_disk_that_fills_up_is_seen(void **state)
{
	const int64_t size = INT64_C(20) * 1000 * 1000 * 1000 * 1000, mib = 1 << 20, limit = 1024 * mib;
	int64_t written = INT64_C(100) << 30;
	struct world w;
	(void)state;
	open_world(&w);
	put_room_of(&w, written, size);
	for (int64_t room = 4096 * mib; room >= 0; room -= 16 * mib) {
		if (guard_room_moved((uint64_t)written, (uint64_t)room, (uint64_t)size)) {
			put_room_of(&w, room, size);
			written = room;
		}
		const struct alert_fact *f = fact_of(&w, ALERT_media_disk, "music");
		assert_non_null(f);
		assert_true(is_beyond(ALERT_media_disk, f->value) || room + 64 * mib >= limit);
		assert_true(fabs(f->value - (double)room) <= (double)(64 * mib));
	}
	close_world(&w);
}

static void names_move_no_terminal(void **state)
{
	struct world w;
	(void)state;
	open_world(&w);
	store_set_root(w.s, w.root, "absent", "\033[2Jgone\n", 0);
	const struct alert_fact *f = fact_of(&w, ALERT_root_absent, "music");
	assert_non_null(f);
	assert_null(strpbrk(f->text, "\033\n"));
	close_world(&w);
}

static void restarts_of_workers_are_counted_within_an_hour(void **state)
{
	struct world w;
	(void)state;
	open_world(&w);
	/* five an hour, all day: never more than six within one */
	for (int m = 0; m < 24 * 60; m++) {
		w.now = NOW + m * 60 * NS_PER_S;
		w.live.worker_restarts = (uint64_t)m / 12;
		if (m % 10 == 0)
			assert_in_range(fact_of(&w, ALERT_workers_dying, "")->value, 0, 6);
		else
			facts_look(&w.facts, &w.live, w.now);
	}
	/* with looks every two hours, too, there is something to count from */
	w.now += 2 * HOUR;
	facts_look(&w.facts, &w.live, w.now);
	w.now += 2 * HOUR;
	w.live.worker_restarts += 30;
	assert_true(fact_of(&w, ALERT_workers_dying, "")->value == 30);
	/* another indexer counts from 0 */
	w.live.started_at = 2;
	w.live.worker_restarts = 3;
	assert_true(fact_of(&w, ALERT_workers_dying, "")->value == 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_condition_is_seen),
		cmocka_unit_test(no_condition_is_forgotten),
		cmocka_unit_test(an_empty_store_has_nothing_to_tell),
		cmocka_unit_test(a_store_that_cannot_be_read_ends_nothing),
		cmocka_unit_test(each_subject_is_told_of_once),
		cmocka_unit_test(an_account_that_is_not_used_is_not_told_of),
		cmocka_unit_test(a_large_disk_that_fills_up_is_seen),
		cmocka_unit_test(names_move_no_terminal),
		cmocka_unit_test(restarts_of_workers_are_counted_within_an_hour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
