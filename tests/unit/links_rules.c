/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The pure parts of what is known of links: health, place, verdict. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/monitor/monitor_links.h"
#include "indexer/symlinks/health.h"
#include "indexer/symlinks/place.h"

#define HOUR (3600 * NS_PER_S)

/* --- health --- */

static void only_the_mount_that_it_was_is_believed(void **state)
{
	const struct health_known none = {"", 0}, rclone = {"fuse.rclone", 7};
	const struct {
		int error;
		struct mount_facts facts;
		const struct health_known *known;
		const char *state;
		bool is_loss;
	} rows[] = {
		{0, {0, 1, 7, "fuse.rclone", 9, true, 4, 4, 0}, &rclone, "healthy", false},
		{0, {0, 1, 7, "fuse.rclone", 9, true, 0, 0, 0}, &none, "healthy", false},
		{0, {0, 1, 7, "", 9, true, 0, 0, 0}, &none, "healthy", false},
		{0, {0, 1, 7, "fuse.rclone", 9, true, 4, 2, 0}, &rclone, "healthy", false},
		{-ETIMEDOUT, {0}, &rclone, "stuck", false},
		{-ECONNRESET, {0}, &rclone, "unknown", false},
		{0, {-ENOENT, 0, 0, "", 0, false, 0, 0, 0}, &rclone, "absent", false},
		{0, {-ENOTCONN, 0, 0, "", 0, false, 0, 0, 0}, &rclone, "absent", false},
		{0, {-EIO, 0, 0, "", 0, false, 0, 0, 0}, &rclone, "unknown", false},
		{0, {-EACCES, 0, 0, "", 0, false, 0, 0, 0}, &none, "unknown", false},
		{0, {0, 1, 7, "", 9, true, 4, 4, 0}, &rclone, "absent", false},
		{0, {0, 1, 7, "nfs", 9, true, 4, 4, 0}, &rclone, "foreign", false},
		{0, {0, 1, 8, "fuse.rclone", 9, true, 4, 4, 0}, &rclone, "flapping", false},
		{0, {0, 1, 7, "fuse.rclone", 0, false, 4, 0, 0}, &rclone, "empty", false},
		{0, {0, 1, 7, "fuse.rclone", 3, false, 4, 4, 0}, &rclone, "empty", false},
		{0, {-ELOOP, 1, 7, "fuse.mediamon", 0, false, 0, 0, 0}, &none, "foreign", false},
		{0, {0, 1, 7, "fuse.rclone", 9, true, 4, 0, 0}, &rclone, "foreign", true},
		{0, {0, 1, 7, "fuse.rclone", 9, true, 4, 1, 0}, &rclone, "unknown", true},
		{0, {0, 1, 7, "fuse.rclone", 9, true, 4, 2, 2}, &rclone, "unknown", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct health_verdict v = health_judge(rows[i].error, &rows[i].facts, rows[i].known);
		assert_string_equal(v.state, rows[i].state);
		assert_int_equal(v.is_healthy, strcmp(v.state, "healthy") == 0);
		assert_int_equal(v.is_loss, rows[i].is_loss);
		assert_int_equal(v.is_healthy, !*v.reason);
	}
}

/* --- verdict --- */

static const struct link_rules RULES = {3, 24 * HOUR, HOUR, 0};

static bool see(struct store_symlink *l, int64_t at, bool is_healthy, int error)
{
	const struct link_sight s = {.at = at, .is_ours = true, .is_healthy = is_healthy, .error = error, .size = -1};
	return monitor_link(l, &s, &RULES);
}

static void broken_needs_sightings_and_time(void **state)
{
	struct store_symlink l = {.state = LINK_OK, .size = 5, .ok_at = 1};
	(void)state;
	assert_true(see(&l, 100 * HOUR, true, -ENOENT));
	assert_int_equal(l.state, LINK_SUSPECT);
	assert_int_equal(l.since, 100 * HOUR);
	/* too soon after */
	assert_false(see(&l, 100 * HOUR + HOUR - 1, true, -ENOENT));
	assert_int_equal(l.sightings, 1);
	assert_true(see(&l, 101 * HOUR, true, -ENOENT));
	assert_true(see(&l, 102 * HOUR, true, -ENOENT));
	assert_int_equal(l.sightings, 3);
	assert_int_equal(l.state, LINK_SUSPECT);
	assert_true(see(&l, 124 * HOUR, true, -ENOENT));
	assert_int_equal(l.state, LINK_BROKEN);
	assert_int_equal(l.since, 124 * HOUR);
	assert_int_equal(l.size, 5);
	assert_int_equal(l.error, ENOENT);
	/* long but not often */
	l = (struct store_symlink){.state = LINK_OK};
	see(&l, 100 * HOUR, true, -ENOENT);
	see(&l, 200 * HOUR, true, -ENOENT);
	assert_int_equal(l.state, LINK_SUSPECT);
}

static void nothing_is_believed_of_a_mount_that_is_not_healthy(void **state)
{
	static const int errors[] = {0, -ENOENT, -EIO, -ENOTCONN, -ETIMEDOUT};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct store_symlink l = {.state = LINK_BROKEN, .sightings = 3, .first_at = 1, .last_at = 30 * HOUR,
					  .size = 9, .ok_at = 1, .reason = ""};
		assert_true(see(&l, 99 * HOUR, false, errors[i]));
		assert_int_equal(l.state, LINK_UNKNOWN);
		assert_int_equal(l.sightings, 3);
		assert_int_equal(l.first_at, 1);
		assert_int_equal(l.last_at, 30 * HOUR);
		assert_int_equal(l.ok_at, 1);
		assert_false(see(&l, 100 * HOUR, false, errors[i]));
		assert_int_equal(l.since, 99 * HOUR);
	}
	/* nor does another error count */
	struct store_symlink l = {.state = LINK_SUSPECT, .sightings = 2, .first_at = 1, .last_at = 2 * HOUR};
	see(&l, 50 * HOUR, true, -EIO);
	assert_int_equal(l.state, LINK_UNKNOWN);
	assert_int_equal(l.error, EIO);
	assert_int_equal(l.sightings, 2);
	/* and then it goes on where it was */
	see(&l, 60 * HOUR, true, -ENOENT);
	assert_int_equal(l.state, LINK_BROKEN);
	see(&l, 61 * HOUR, true, 0);
	assert_int_equal(l.state, LINK_OK);
	assert_int_equal(l.sightings + l.first_at + l.last_at + l.error, 0);
	assert_false(see(&l, 62 * HOUR, true, 0));
	assert_int_equal(l.ok_at, 62 * HOUR);
}

static void what_is_held_stays_held_until_it_is_there(void **state)
{
	struct store_symlink l = {.state = LINK_OK};
	struct link_sight s = {.at = HOUR, .is_ours = true, .is_healthy = true, .is_held = true, .error = -ENOENT,
			       .size = -1};
	(void)state;
	assert_true(monitor_link(&l, &s, &RULES));
	assert_int_equal(l.state, LINK_HELD);
	for (int i = 2; i < 90; i += 7) {
		see(&l, i * HOUR, i % 2, -ENOENT);
		assert_int_equal(l.state, LINK_HELD);
	}
	see(&l, 99 * HOUR, true, -EIO);
	assert_int_equal(l.state, LINK_HELD);
	see(&l, 100 * HOUR, true, 0);
	assert_int_equal(l.state, LINK_OK);
}

static void foreign_is_foreign_and_a_clock_set_back_begins_anew(void **state)
{
	struct store_symlink l = {.state = LINK_BROKEN, .sightings = 3, .first_at = 1, .last_at = 2, .error = ENOENT};
	const struct link_sight s = {.at = HOUR, .is_ours = false, .is_healthy = false, .error = -ENOENT, .size = -1};
	(void)state;
	assert_true(monitor_link(&l, &s, &RULES));
	assert_int_equal(l.state, LINK_FOREIGN);
	assert_int_equal(l.sightings + l.error, 0);
	l = (struct store_symlink){.state = LINK_SUSPECT, .sightings = 2, .first_at = 900 * HOUR, .last_at = 950 * HOUR};
	see(&l, 100 * HOUR, true, -ENOENT);
	assert_int_equal(l.sightings, 1);
	assert_int_equal(l.first_at, 100 * HOUR);
}

static void the_brake_needs_number_and_share(void **state)
{
	(void)state;
	assert_false(links_brake(20, 100, 20, 2));
	assert_true(links_brake(21, 100, 20, 2));
	assert_false(links_brake(2000, 100000, 20, 2));
	assert_true(links_brake(2001, 100000, 20, 2));
	assert_true(links_brake(147160, 147166, 20, 2));
	assert_false(links_brake(0, 0, 0, 0));
}

/* --- place --- */

static struct config *config_of(const char *text)
{
	char *dir = unit_folder(), path[4096];
	struct config *config = NULL;
	_buf_ struct buf why = BUF_INIT(1 << 16);
	snprintf(path, sizeof path, "%s/conf", dir);
	FILE *f = fopen(path, "w");
	fprintf(f, "%s", text);
	fclose(f);
	int r = config_load(path, &config, &why);
	if (r < 0)
		print_error("%s", buf_str(&why));
	assert_int_equal(r, 0);
	unit_remove(dir);
	return config;
}

static void a_text_is_placed(void **state)
{
	struct config *config = config_of("realdebrid {\n mount = \"/mnt//rd/\"\n"
		" folders = {\"__all__\", \"shows/\", \"./deep/er\", \".\", \"/mnt/rd/zurg\"}\n"
		" path_map = {\"/data=/mnt\", \"/data/x=/mnt/rd/__all__\", \"/back=/a/../mnt/rd\"}\n}\n");
	struct places *p = NULL;
	char why[256];
	const struct {
		const char *dir, *name, *torrent, *here;
	} rows[] = {
		{"/mnt/rd/__all__/T/", "f", "T", "/mnt/rd/__all__/T/"},
		{"/mnt/rd/__all__/T/a/b/", "f", "T", "/mnt/rd/__all__/T/a/b/"},
		{"//mnt/./rd/x/..//__all__/T/", "f", "T", "/mnt/rd/__all__/T/"},
		{"/mnt/rd/__all__/", "file.mkv", "file.mkv", "/mnt/rd/__all__/"},
		{"/mnt/rd/__all__/../../../etc/", "passwd", "", "/etc/"},
		{"/../../mnt/rd/shows/T\xff\n/", "f", "T\xff\n", "/mnt/rd/shows/T\xff\n/"},
		{"/mnt/rd/", "__all__", "", "/mnt/rd/"},
		{"/mnt/rd/__all__/", "", "", "/mnt/rd/__all__/"},
		{"/mnt/rd/__all__/T/", "", "T", "/mnt/rd/__all__/T/"},
		{"/mnt/rd/__all__/T/", "..", "", "/mnt/rd/__all__/T/"},
		{"/mnt/", "rd", "", "/mnt/"},
		{"/", "mnt", "", "/"},
		{"/mnt/rd/T/", "f", "T", "/mnt/rd/T/"},
		{"/mnt/rd/", "T.mkv", "T.mkv", "/mnt/rd/"},
		{"/mnt/rd/__all__2/", "f", "__all__2", "/mnt/rd/__all__2/"},
		{"/mnt/rd2/__all__/T/", "f", "", "/mnt/rd2/__all__/T/"},
		{"/mnt/rd/deep/", "f", "", "/mnt/rd/deep/"},
		{"/mnt/rd/deep/er/T/", "f", "T", "/mnt/rd/deep/er/T/"},
		{"/mnt/rd/zurg/T/", "f", "T", "/mnt/rd/zurg/T/"},
		{"/data/rd/shows/T/", "f", "T", "/mnt/rd/shows/T/"},
		{"/data/x/T/", "f", "T", "/mnt/rd/__all__/T/"},
		{"/data/xy/T/", "f", "", "/mnt/xy/T/"},
		{"/back/shows/T/", "f", "T", "/mnt/rd/shows/T/"},
		{"relative/", "f", "", NULL},
		{"", "f", "", NULL},
	};
	(void)state;
	assert_int_equal(places_new(config, &p, why), 0);
	assert_string_equal(places_mount(p), "/mnt/rd");
	_buf_ struct buf here = BUF_INIT(1 << 16);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes t = places_torrent(p, (struct bytes){rows[i].dir, strlen(rows[i].dir)},
						(struct bytes){rows[i].name, strlen(rows[i].name)}, &here);
		if (rows[i].here)
			assert_string_equal(buf_str(&here), rows[i].here);
		assert_int_equal(t.len, strlen(rows[i].torrent));
		assert_memory_equal(t.data, rows[i].torrent, t.len);
	}
	places_free(p);
	config_free(config);
}

static int join(void *arg, const char *path)
{
	buf_addf(arg, "%s;", path);
	return 0;
}

static void a_torrent_is_seen_in_each_folder(void **state)
{
	struct config *config = config_of("realdebrid {\n mount = \"/rd\"\n folders = {\"b\", \"long\", \".\"}\n}\n");
	struct places *p = NULL;
	char why[256];
	_buf_ struct buf all = BUF_INIT(1 << 16);
	(void)state;
	assert_int_equal(places_new(config, &p, why), 0);
	assert_int_equal(places_of_torrent(p, (struct bytes){"T x", 3}, join, &all), 0);
	assert_string_equal(all.data, "/rd/b/T x;/rd/long/T x;/rd/T x;");
	static const char *const wrong[] = {"", ".", "..", "a/b"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(places_of_torrent(p, (struct bytes){wrong[i], strlen(wrong[i])}, join, &all), -EINVAL);
	places_free(p);
	config_free(config);
	/* its health would be taken for the mount's */
	config = config_of("realdebrid {\n mount = \"/rd\"\n folders = {\"/other/zurg\"}\n}\n");
	assert_int_equal(places_new(config, &p, why), -EXDEV);
	assert_non_null(strstr(why, "not below realdebrid.mount"));
	config_free(config);
}

static void without_a_mount_all_is_foreign(void **state)
{
	struct config *config = config_of("realdebrid {\n mount = \"\"\n}\n");
	struct places *p = NULL;
	char why[256];
	_buf_ struct buf here = BUF_INIT(1 << 16);
	(void)state;
	assert_int_equal(places_new(config, &p, why), 0);
	assert_string_equal(places_mount(p), "");
	assert_int_equal(places_torrent(p, (struct bytes){"/__all__/T/", 11}, (struct bytes){"f", 1}, &here).len, 0);
	places_free(p);
	config_free(config);
	config = config_of("realdebrid {\n path_map = {\"nonsense\"}\n}\n");
	assert_int_equal(places_new(config, &p, why), -EINVAL);
	assert_non_null(strstr(why, "path_map"));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_mount_that_it_was_is_believed),
		cmocka_unit_test(broken_needs_sightings_and_time),
		cmocka_unit_test(nothing_is_believed_of_a_mount_that_is_not_healthy),
		cmocka_unit_test(what_is_held_stays_held_until_it_is_there),
		cmocka_unit_test(foreign_is_foreign_and_a_clock_set_back_begins_anew),
		cmocka_unit_test(the_brake_needs_number_and_share),
		cmocka_unit_test(a_text_is_placed),
		cmocka_unit_test(a_torrent_is_seen_in_each_folder),
		cmocka_unit_test(without_a_mount_all_is_foreign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
