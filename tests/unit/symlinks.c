/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/links_world.h"

#include "indexer/symlinks/looker.h"

/* --- one link --- */

static void a_link_is_broken_when_it_was_missed_often_and_long_enough(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 30);
	look(&w);
	struct row r = pair(&w, 7);
	assert_int_equal(r.row.state, LINK_OK);
	assert_int_equal(r.row.size, 5);
	assert_string_equal(r.torrent, "T0007");
	assert_string_equal(r.target, at(&w, "mnt/__all__/T0007/file.mkv"));
	assert_health(&w, "healthy");
	lose_target(&w, 7);
	pass(&w, 1);
	look(&w);
	assert_int_equal(pair(&w, 7).row.state, LINK_SUSPECT);
	assert_int_equal(pair(&w, 7).row.sightings, 1);
	/* closer together than an hour: one sighting */
	look(&w);
	assert_int_equal(pair(&w, 7).row.sightings, 1);
	pass(&w, 2);
	look(&w);
	restart(&w);
	pass(&w, 2);
	look(&w);
	assert_int_equal(pair(&w, 7).row.sightings, 3);
	assert_int_equal(pair(&w, 7).row.state, LINK_SUSPECT);
	/* a clock that jumps makes no evidence: so long between two looks counts as an interval and an hour */
	pass(&w, 300);
	look(&w);
	assert_int_equal(pair(&w, 7).row.state, LINK_SUSPECT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair(&w, 7).row.state, LINK_SUSPECT);
		pass(&w, 7);
		look(&w);
	}
	r = pair(&w, 7);
	assert_int_equal(r.row.state, LINK_BROKEN);
	assert_int_equal(r.row.error, ENOENT);
	assert_int_equal(r.row.ok_at, w.now - 319 * HOUR_NS);
	assert_int_equal(count(&w, LINK_OK), 29);
	put_file(&w, "mnt/__all__/T0007/file.mkv");
	pass(&w, 1);
	look(&w);
	assert_int_equal(pair(&w, 7).row.state, LINK_OK);
	assert_int_equal(pair(&w, 7).row.sightings, 0);
	world_end(&w);
}

static void another_error_than_not_there_is_no_evidence(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 30);
	look(&w);
	remove_all(at(&w, "mnt/__all__/T0003"));
	assert_int_equal(symlink("T0003", at(&w, "mnt/__all__/T0003")), 0);
	for (int i = 0; i < 5; i++) {
		pass(&w, 12);
		look(&w);
	}
	struct row r = pair(&w, 3);
	assert_int_equal(r.row.state, LINK_UNKNOWN);
	assert_int_equal(r.row.error, ELOOP);
	assert_int_equal(r.row.sightings, 0);
	world_end(&w);
}

static void foreign_links_never_change(void **state)
{
	struct world w;
	struct row r;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 3);
	put_link(&w, "links/away", "/nowhere/at/all");
	put_link(&w, "links/loop", "loop");
	put_link(&w, "links/root", "/");
	for (int i = 0; i < 4; i++) {
		look(&w);
		assert_int_equal(row_of(&w, "", "away", &r), 0);
		assert_int_equal(r.row.state, LINK_FOREIGN);
		assert_int_equal(r.row.sightings, 0);
		pass(&w, 24);
	}
	assert_int_equal(count(&w, LINK_FOREIGN), 3);
	assert_int_equal(row_of(&w, "", "root", &r), 0);
	assert_string_equal(r.target, "/");
	world_end(&w);
}

static void a_replaced_link_begins_anew_and_one_made_again_goes_on(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 30);
	look(&w);
	lose_target(&w, 1);
	lose_target(&w, 2);
	for (int i = 0; i < 2; i++) {
		pass(&w, 2);
		look(&w);
	}
	assert_int_equal(pair(&w, 1).row.sightings, 2);
	int64_t id = pair(&w, 1).row.id, same = pair(&w, 2).row.id;
	put_link(&w, "links/D000/L0001.mkv", at(&w, "mnt/__all__/T0001/other.mkv"));
	put_link(&w, "links/D000/new", at(&w, "mnt/__all__/T0004/file.mkv"));
	put_link(&w, "links/D000/L0002.mkv", at(&w, "mnt/__all__/T0002/file.mkv"));
	pass(&w, 2);
	look(&w);
	assert_int_equal(pair(&w, 1).row.id, id);
	assert_int_equal(pair(&w, 1).row.sightings, 1);
	assert_int_equal(pair(&w, 1).row.ok_at, 0);
	assert_int_equal(pair(&w, 2).row.sightings, 3);
	assert_int_equal(pair(&w, 2).row.id, same);
	assert_int_equal(total(&w), 31);
	world_end(&w);
}

/* --- trees --- */

static void links_that_are_not_there_any_more_are_forgotten(void **state)
{
	struct world w;
	struct row r;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 100);
	look(&w);
	assert_int_equal(unlink(at(&w, "links/D001/L0015.mkv")), 0);
	remove_all(at(&w, "links/D002"));
	pass(&w, 1);
	look(&w);
	assert_int_equal(total(&w), 89);
	assert_int_equal(row_of(&w, "D001", "L0015.mkv", &r), -ENOENT);
	assert_int_equal(row_of(&w, "D002", "L0020.mkv", &r), -ENOENT);
	world_end(&w);
}

static void a_tree_that_is_away_or_empty_forgets_nothing(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 30);
	look(&w);
	assert_int_equal(rename(at(&w, "links"), at(&w, "away")), 0);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 30);
	assert_int_equal(mkdir(at(&w, "links"), 0755), 0);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 30);
	uint64_t n = symlinks_scan(w.links, false);
	struct symlinks_progress p;
	look(&w);
	symlinks_progress(w.links, n, &p);
	assert_true(p.is_done);
	assert_non_null(strstr(p.result, "empty"));
	world_end(&w);
}

/* --- the mount --- */

static void take_mount_away(struct world *w)
{
	rename(at(w, "mnt"), at(w, "mnt.away"));
}

static void bring_mount_back(struct world *w)
{
	remove_all(at(w, "mnt"));
	assert_int_equal(rename(at(w, "mnt.away"), at(w, "mnt")), 0);
}

static void empty_mount(struct world *w)
{
	take_mount_away(w);
	mkdir(at(w, "mnt"), 0755);
}

static void replace_mount(struct world *w)
{
	empty_mount(w);
	put_file(w, "mnt/__all__/Other/file.mkv");
}

static void other_mount(void (*act)(struct world *w), const char *step, bool known)
{
	struct world w;
	world_begin(&w, "");
	put_pairs(&w, 50);
	lose_target(&w, 49);
	if (known)
		look(&w);
	int64_t sightings = known ? pair(&w, 49).row.sightings : 0;
	w.act = act;
	w.step = step;
	pass(&w, 12);
	look(&w);
	w.act = NULL;
	assert_int_equal(total(&w), 50);
	/* also of those that were stored as there before the mount was asked again */
	assert_int_equal(count(&w, LINK_OK) + count(&w, LINK_SUSPECT) + count(&w, LINK_BROKEN), 0);
	assert_int_equal(pair(&w, 49).row.sightings, sightings);
	for (int i = 0; i < 4; i++) {
		pass(&w, 12);
		look(&w);
		assert_int_equal(count(&w, LINK_OK) + count(&w, LINK_SUSPECT) + count(&w, LINK_BROKEN), 0);
	}
	bring_mount_back(&w);
	pass(&w, 12);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 49);
	assert_int_equal(pair(&w, 49).row.sightings, sightings + 1);
	assert_health(&w, "healthy");
	world_end(&w);
}

static void a_mount_that_is_away_at_any_step_proves_nothing(void **state)
{
	static const char *const steps[] = {"begin", "walk", "targets", "mount"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		other_mount(take_mount_away, steps[i], true);
		other_mount(take_mount_away, steps[i], false);
		other_mount(empty_mount, steps[i], true);
	}
}

static void another_mount_in_its_place_proves_nothing(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 50);
	look(&w);
	replace_mount(&w);
	for (int i = 0; i < 5; i++) {
		pass(&w, 12);
		look(&w);
		assert_int_equal(count(&w, LINK_HELD), 50);
	}
	bring_mount_back(&w);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 50);
	world_end(&w);
}

static void a_mount_that_comes_back_without_a_third_holds_it(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 300);
	look(&w);
	take_mount_away(&w);
	pass(&w, 12);
	look(&w);
	assert_int_equal(count(&w, LINK_UNKNOWN), 300);
	assert_health(&w, "absent");
	bring_mount_back(&w);
	for (int i = 200; i < 300; i++)
		lose_target(&w, i);
	pass(&w, 12);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 200);
	assert_int_equal(count(&w, LINK_HELD), 100);
	assert_int_equal(hold_of(&w).count, 100);
	world_end(&w);
}

static void a_mount_that_changes_in_the_middle_proves_nothing(void **state)
{
	static const char *const steps[] = {"walk", "targets", "mount"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct world w;
		world_begin(&w, "");
		put_pairs(&w, 50);
		look(&w);
		w.act = replace_mount;
		w.step = steps[i];
		pass(&w, 12);
		look(&w);
		w.act = NULL;
		assert_int_equal(count(&w, LINK_UNKNOWN), 50);
		assert_int_equal(pair(&w, 7).row.sightings, 0);
		bring_mount_back(&w);
		look(&w);
		assert_int_equal(count(&w, LINK_OK), 50);
		world_end(&w);
	}
}

/* --- nothing changed, restarts, orders --- */

static uint64_t generation(const struct world *w)
{
	return atomic_load(&w->live->generation);
}

static int take_looked_at(void *arg, const struct store_mount_health *h)
{
	*(int64_t *)arg = h->looked_at;
	return 0;
}

static int64_t looked_at(const struct world *w)
{
	int64_t time = 0;
	assert_int_equal(store_mount_health(w->reader, take_looked_at, &time), 0);
	return time;
}

static void a_look_at_what_did_not_change_writes_nothing(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 50);
	lose_target(&w, 3);
	put_link(&w, "links/away", "../../elsewhere");
	look(&w);
	look(&w);
	uint64_t before = generation(&w);
	int64_t kept = looked_at(&w);
	for (int i = 0; i < 3; i++) {
		w.now += 60 * NS_PER_S;
		look(&w);
		assert_int_equal(symlinks_look(w.links, true), 0);
	}
	assert_int_equal(generation(&w), before);
	assert_int_equal(looked_at(&w), kept);
	/* the time of the look at the mount is kept, and is no news */
	pass(&w, 2);
	put_file(&w, "mnt/__all__/T0003/file.mkv");
	look(&w);
	before = generation(&w);
	pass(&w, 2);
	look(&w);
	assert_int_equal(generation(&w), before);
	assert_int_equal(looked_at(&w), w.now);
	world_end(&w);
}

static void hostile_names_are_kept_as_they_are(void **state)
{
	static const char *const names[] = {"new\nline", "\xff\xfe", " ", "'; DROP TABLE symlink; --", "%s%n",
					    "\x1b[31m", "-rf", "a\\b", "\xe2\x80\xae"};
	struct world w;
	struct row r;
	char name[256], text[4096];
	(void)state;
	world_begin(&w, "");
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(name, sizeof name, "mnt/__all__/%s/%s", names[i], names[i]);
		put_file(&w, name);
		snprintf(text, sizeof text, "%s/mnt//__all__/./%s/../%s/%s", w.dir, names[i], names[i], names[i]);
		snprintf(name, sizeof name, "links/%s/%s", names[i], names[i]);
		put_link(&w, name, text);
	}
	put_link(&w, "links/relative", "../mnt/__all__/ / ");
	put_link(&w, "links/slash", at(&w, "mnt/__all__/ /"));
	memset(text, 'x', sizeof text);
	memcpy(text, "/mnt/", 5);
	text[4095] = '\0';
	put_link(&w, "links/long", text);
	look(&w);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(row_of(&w, names[i], names[i], &r), 0);
		assert_int_equal(r.row.state, LINK_OK);
		assert_string_equal(r.torrent, names[i]);
		char real[4096];
		ssize_t n = readlink(at(&w, "links/%s/%s", names[i], names[i]), real, sizeof real - 1);
		assert_true(n > 0);
		real[n] = '\0';
		assert_string_equal(r.target, real);
	}
	assert_int_equal(row_of(&w, "", "relative", &r), 0);
	assert_int_equal(r.row.state, LINK_OK);
	assert_string_equal(r.target, "../mnt/__all__/ / ");
	assert_int_equal(row_of(&w, "", "slash", &r), 0);
	assert_string_equal(r.target, at(&w, "mnt/__all__/ /"));
	assert_int_equal(r.row.state, LINK_OK);
	assert_int_equal(row_of(&w, "", "long", &r), 0);
	assert_string_equal(r.target, text);
	assert_int_equal(r.row.state, LINK_FOREIGN);
	world_end(&w);
}

static void wait_until_done(struct world *w, uint64_t number, struct symlinks_progress *p)
{
	for (int i = 0; i < 2000; i++) {
		symlinks_progress(w->links, number, p);
		if (p->is_done)
			return;
		usleep(5000);
	}
	fail_msg("the look does not end");
}

static _Atomic bool is_slow;

static void be_slow(struct world *w)
{
	(void)w;
	atomic_store(&is_slow, true);
	for (int i = 0; i < 400 && atomic_load(&is_slow); i++)
		usleep(5000);
}

static void the_thread_looks_pauses_and_is_cancelled(void **state)
{
	struct world w;
	struct symlinks_progress p;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 50);
	w.step = "targets";
	w.act = be_slow;
	assert_int_equal(symlinks_start(w.links), 0);
	uint64_t n = symlinks_scan(w.links, false);
	while (!atomic_load(&is_slow))
		usleep(1000);
	symlinks_pause(w.links, true);
	atomic_store(&is_slow, false);
	usleep(100000);
	symlinks_progress(w.links, n, &p);
	assert_false(p.is_done);
	/* what was read of the trees is kept, and nothing is said of it yet */
	assert_int_equal(count(&w, LINK_UNKNOWN), 50);
	symlinks_pause(w.links, false);
	while (!atomic_load(&is_slow))
		usleep(1000);
	symlinks_cancel(w.links);
	atomic_store(&is_slow, false);
	wait_until_done(&w, n, &p);
	assert_string_equal(p.result, "cancelled");
	n = symlinks_scan(w.links, true);
	while (!atomic_load(&is_slow))
		usleep(1000);
	atomic_store(&is_slow, false);
	wait_until_done(&w, n, &p);
	assert_int_equal(count(&w, LINK_OK), 50);
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_broken_when_it_was_missed_often_and_long_enough),
		cmocka_unit_test(another_error_than_not_there_is_no_evidence),
		cmocka_unit_test(foreign_links_never_change),
		cmocka_unit_test(a_replaced_link_begins_anew_and_one_made_again_goes_on),
		cmocka_unit_test(links_that_are_not_there_any_more_are_forgotten),
		cmocka_unit_test(a_tree_that_is_away_or_empty_forgets_nothing),
		cmocka_unit_test(a_mount_that_is_away_at_any_step_proves_nothing),
		cmocka_unit_test(another_mount_in_its_place_proves_nothing),
		cmocka_unit_test(a_mount_that_comes_back_without_a_third_holds_it),
		cmocka_unit_test(a_mount_that_changes_in_the_middle_proves_nothing),
		cmocka_unit_test(a_look_at_what_did_not_change_writes_nothing),
		cmocka_unit_test(hostile_names_are_kept_as_they_are),
		cmocka_unit_test(the_thread_looks_pauses_and_is_cancelled),
	};
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
