/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One torrent back into the provider: its steps, its ends, and what is never done. */
#include "tests/unit/repair_world.h"

static void begin(const char *options)
{
	repair_begin(options, "");
	put_anchor();
}

static void apply_for(int64_t ns)
{
	ASSERT_APPLIED(planned);
	live(ns);
}

static struct debrid_torrent *with_hash(int n)
{
	for (size_t i = 0; i < debrid.torrents.len; i++)
		if (strcmp(debrid.torrents.data[i].hash, H(n)) == 0)
			return &debrid.torrents.data[i];
	return NULL;
}

static bool was_logged(const char *what)
{
	for (int i = 0; i < debrid.logged && i < DEBRID_LOG; i++)
		if (strcmp(debrid.log[i], what) == 0)
			return true;
	return false;
}

#define ASSERT_LOGGED(n, line) assert_string_equal(debrid.log[n], line)

static void it_goes_step_by_step(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_offer(H(1), "T1", 10 * MINUTE_NS);
	plan_it();
	apply_for(MINUTE_NS);
	ASSERT_ITEM(1, "state", "running");
	assert_string_equal(text_of_row("SELECT step FROM insertion"), "selected");
	/* the old one stays until the very end */
	assert_non_null(debrid_find("old1"));
	assert_false(link_works("d/1.mkv"));
	live(20 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "done");
	assert_true(link_works("d/1.mkv"));
	assert_null(debrid_find("old1"));
	assert_int_equal(debrid.logged, 3);
	assert_string_equal(debrid.log[0], "add 0000000000000000000000000000000000000001");
	ASSERT_LOGGED(1, "select new1");
	ASSERT_LOGGED(2, "remove old1");
	assert_string_equal(text_of_row("SELECT state FROM plan"), "applied");
	assert_string_equal(text_of_row("SELECT step FROM insertion"), "done");
	assert_int_equal(rows("SELECT count(*) FROM attempt WHERE outcome = 'success'"), 1);
	/* nothing was changed that needed no change */
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	repair_end();
}

static void the_same_paths_are_chosen_though_numbers_differ(void **state)
{
	(void)state;
	begin(WIDE);
	struct debrid_torrent *t = debrid_put("old1", H(1), "T1", "dead");
	t->files = 3;
	snprintf(t->path[0], sizeof t->path[0], "/a.mkv");
	snprintf(t->path[1], sizeof t->path[1], "/sub/b.mkv");
	snprintf(t->path[2], sizeof t->path[2], "/sample.nfo");
	t->selected[0] = t->selected[1] = true;
	put_link("a.mkv", "T1/a.mkv", LINK_BROKEN);
	put_link("b.mkv", "T1/sub/b.mkv", LINK_BROKEN);
	index_all();
	struct debrid_offer *o = debrid_offer(H(1), "T1", 0);
	o->files = 4;
	snprintf(o->path[0], sizeof o->path[0], "/extra.mkv");
	snprintf(o->path[1], sizeof o->path[1], "/sample.nfo");
	snprintf(o->path[2], sizeof o->path[2], "/sub/b.mkv");
	snprintf(o->path[3], sizeof o->path[3], "/a.mkv");
	plan_it();
	apply_for(10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "done");
	t = with_hash(1);
	assert_string_equal(t->id, "new1");
	assert_false(t->selected[0] || t->selected[1]);
	assert_true(t->selected[2] && t->selected[3]);
	assert_true(link_works("a.mkv") && link_works("b.mkv"));
	repair_end();
}

static void a_path_that_is_missing_takes_only_the_new_one_away(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	struct debrid_offer *o = debrid_offer(H(1), "T1", 0);
	snprintf(o->path[0], sizeof o->path[0], "/other.mkv");
	plan_it();
	apply_for(10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "waiting");
	assert_non_null(strstr(item_text(1, "reason"), "does not hold the same files"));
	assert_non_null(debrid_find("old1"));
	assert_null(debrid_find("new1"));
	assert_int_equal(debrid.calls[CALL_SELECT], 0);
	assert_int_equal(rows("SELECT tries FROM retry"), 1);
	repair_end();
}

static void several_links_to_the_one_file_of_a_torrent_that_is_gone(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_link("second.mkv", "T1/file.mkv", LINK_BROKEN);
	index_all();
	debrid_delete("old1");
	debrid_offer(H(1), "T1", 0);
	plan_it();
	apply_for(10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "done");
	assert_true(link_works("d/1.mkv") && link_works("second.mkv"));
	repair_end();
}

static void one_that_is_there_is_taken_and_nothing_added(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	debrid_put("mine", H(1), "T1 mine", "downloaded");
	index_all();
	world_pass(HOUR_NS);
	plan_it();
	apply_for(10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "done");
	assert_int_equal(debrid.calls[CALL_ADD], 0);
	assert_non_null(debrid_find("mine"));
	assert_null(debrid_find("old1"));
	assert_string_equal(text_of_link("d/1.mkv"), mount_path("__all__/T1 mine/file.mkv"));
	repair_end();
}

static void one_that_was_there_is_never_removed(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	snprintf(debrid_put("mine", H(1), "Mine", "downloaded")->path[0], 128, "/other.mkv");
	index_all();
	world_pass(HOUR_NS);
	plan_it();
	apply_for(2 * HOUR_NS);
	ASSERT_ITEM(1, "state", "waiting");
	assert_non_null(debrid_find("mine"));
	assert_non_null(debrid_find("old1"));
	assert_int_equal(debrid.calls[CALL_ADD] + debrid.calls[CALL_REMOVE], 0);
	repair_end();
}

/** Somebody added it a minute ago: no scan has told of it. */
static void one_that_no_scan_saw_is_not_added_again(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	plan_it();
	debrid_put("fresh", H(1), "T1", "downloaded")->added_at = world_now();
	apply_for(10 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 0);
	ASSERT_ITEM(1, "state", "done");
	assert_non_null(debrid_find("fresh"));
	repair_end();
}

static void two_dead_ones_of_a_hash_are_added_once(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	debrid_put("twin", H(1), "T1 twin", "dead");
	index_all();
	debrid_offer(H(1), "T1", MINUTE_NS);
	plan_it();
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'reinsert'"), 2);
	apply_for(30 * MINUTE_NS);
	plan_it();
	if (strcmp(text_of_row("SELECT state FROM plan WHERE hash = '%s'", planned), "planned") == 0)
		try_apply(planned);
	live(30 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	assert_string_equal(with_hash(1)->status, "downloaded");
	repair_end();
}

static void an_add_whose_end_is_unknown_is_asked_about(void **state)
{
	(void)state;
	for (int done = 0; done < 2; done++) {
		begin(WIDE);
		put_dead(1, "dead");
		index_all();
		debrid_offer(H(1), "T1", 10 * MINUTE_NS);
		debrid_fail(CALL_ADD, "", 1, PROVIDER_UNKNOWN)->is_carried_out = done;
		plan_it();
		apply_for(5 * MINUTE_NS);
		assert_non_null(debrid_find("old1"));
		live(25 * MINUTE_NS);
		assert_int_equal(debrid.calls[CALL_ADD], 1);
		ASSERT_ITEM(1, "state", done ? "done" : "waiting");
		assert_int_equal(debrid_find("old1") == NULL, done);
		assert_true(debrid.most_of_a_hash <= 2);
		repair_end();
	}
}

static void what_is_refused_for_good_is_never_tried_again(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_fail(CALL_ADD, "", 1, PROVIDER_PERMANENT)->code = 35;
	plan_it();
	apply_for(10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "failed");
	assert_string_equal(text_of_row("SELECT kind FROM permanent"), "infringing_file");
	assert_non_null(debrid_find("old1"));
	world_pass(DAY_NS);
	int64_t calls = debrid.all_calls;
	plan_it();
	ASSERT_ITEM(1, "action", "remove");
	ASSERT_ITEM(1, "calls", "0");
	assert_int_equal(debrid.all_calls, calls);
	repair_end();
}

static void too_many_is_tried_three_times_again_and_never_a_fourth(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_fail(CALL_ADD, "", 100, PROVIDER_LATER)->code = 34;
	plan_it();
	apply_for(10 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	assert_string_equal(text_of_row("SELECT kind FROM retry"), "too_many_requests");
	assert_int_equal(rows("SELECT due_at - last_at FROM retry"), 3 * HOUR_NS);
	live(2 * HOUR_NS + 45 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	live(10 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 2);
	live(3 * DAY_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 4);
	assert_int_equal(rows("SELECT is_spent FROM retry"), 1);
	assert_int_equal(rows("SELECT tries FROM retry"), 4);
	ASSERT_ITEM(1, "state", "failed");
	/* also when a person names it */
	char words[40];
	plan_it();
	ASSERT_ITEM(1, "state", "held");
	snprintf(words, sizeof words, "%s 1", planned);
	try_apply(words);
	live(3 * DAY_NS);
	assert_int_equal(debrid.calls[CALL_ADD], 4);
	repair_end();
}

static void tries_outlive_a_success_of_nothing(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_fail(CALL_ADD, "", 2, PROVIDER_LATER);
	plan_it();
	apply_for(MINUTE_NS);
	assert_int_equal(rows("SELECT tries FROM retry"), 1);
	/* a person who does not wait */
	char words[40];
	plan_it();
	snprintf(words, sizeof words, "%s 1", planned);
	try_apply(words);
	live(MINUTE_NS);
	repair_restart();
	live(4 * HOUR_NS);
	assert_int_equal(rows("SELECT tries FROM retry"), 2);
	repair_end();
}

static void a_magnet_that_never_converts_is_taken_away(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	plan_it();
	apply_for(29 * MINUTE_NS);
	assert_non_null(debrid_find("new1"));
	live(5 * MINUTE_NS);
	assert_null(debrid_find("new1"));
	assert_non_null(debrid_find("old1"));
	ASSERT_ITEM(1, "state", "waiting");
	repair_end();
}

static void one_that_is_never_seen_on_the_mount_is_taken_away(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	mount_follows = false;
	debrid_offer(H(1), "T1", 0);
	plan_it();
	apply_for(13 * MINUTE_NS);
	assert_string_equal(text_of_row("SELECT step FROM insertion"), "downloaded");
	assert_non_null(debrid_find("new1"));
	live(10 * MINUTE_NS);
	assert_null(debrid_find("new1"));
	assert_non_null(debrid_find("old1"));
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	repair_end();
}

static void a_virus_is_permanent(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	snprintf(debrid_offer(H(1), "T1", 0)->becomes, 32, "virus");
	plan_it();
	apply_for(10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "failed");
	assert_string_equal(text_of_row("SELECT kind FROM permanent"), "virus");
	assert_null(debrid_find("new1"));
	repair_end();
}

/* --- another name --- */

static void moved(const char *text, const char *expected)
{
	put_dead(1, "dead");
	put_link_text("x/moved.mkv", text, LINK_BROKEN);
	struct hand_facts before = links_facts("x/moved.mkv");
	index_all();
	debrid_offer(H(1), "New Name", 0);
	plan_it();
	apply_for(20 * MINUTE_NS);
	if (expected) {
		links_assert("x/moved.mkv", expected, &before);
		ASSERT_ITEM(1, "state", "done");
		assert_null(debrid_find("old1"));
		assert_int_equal(rows("SELECT count(*) FROM journal WHERE step = 'done'"), 2);
	} else {
		links_assert("x/moved.mkv", text, &before);
		assert_non_null(debrid_find("old1"));
		assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	}
	repair_end();
}

static void links_follow_another_name(void **state)
{
	(void)state;
	char text[512], expected[512];
	begin(WIDE);
	snprintf(text, sizeof text, "%s", mount_path("__all__//T1///file.mkv"));
	snprintf(expected, sizeof expected, "%s", mount_path("__all__//New Name///file.mkv"));
	moved(text, expected);
	begin(WIDE);
	snprintf(text, sizeof text, "%s", mount_path("__all__/./T1/file.mkv"));
	snprintf(expected, sizeof expected, "%s", mount_path("__all__/./New Name/file.mkv"));
	moved(text, expected);
	begin(WIDE);
	moved("../../mnt/__all__/T1/file.mkv", "../../mnt/__all__/New Name/file.mkv");
}

static void texts_of_a_container_follow_another_name(void **state)
{
	(void)state;
	repair_begin(WIDE, "/in/container");
	put_anchor();
	moved("/in/container/__all__/T1/file.mkv", "/in/container/__all__/New Name/file.mkv");
	/* ".." behind the name: whose part it is cannot be said without guessing */
	begin(WIDE);
	char text[512];
	snprintf(text, sizeof text, "%s", mount_path("__all__/T1/x/../file.mkv"));
	moved(text, NULL);
}

static void a_torrent_of_one_file_in_the_folder_itself(void **state)
{
	(void)state;
	begin(WIDE);
	debrid_put("old1", H(1), "film.mkv", "dead");
	put_link("film.mkv", "film.mkv", LINK_BROKEN);
	index_all();
	debrid_offer(H(1), "new film.mkv", 0);
	plan_it();
	ASSERT_ITEM(1, "links", "1");
	apply_for(2 * HOUR_NS);
	/* its file is not seen where the link leads: right, or left as it was */
	assert_string_equal(text_of_link("film.mkv"), mount_path("__all__/film.mkv"));
	assert_non_null(debrid_find("old1"));
	repair_end();
}

static void a_user_who_replaced_a_link_meanwhile_keeps_it(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_link("his.mkv", "T1/file.mkv", LINK_BROKEN);
	index_all();
	debrid_offer(H(1), "New Name", 5 * MINUTE_NS);
	plan_it();
	apply_for(MINUTE_NS);
	assert_int_equal(unlink(links_path("his.mkv")), 0);
	assert_int_equal(symlink("/somewhere/else", links_path("his.mkv")), 0);
	live(2 * HOUR_NS);
	assert_string_equal(text_of_link("his.mkv"), "/somewhere/else");
	assert_true(link_works("d/1.mkv"));
	ASSERT_ITEM(1, "state", "done");
	assert_non_null(debrid_find("new1"));
	repair_end();
}

/** Links lead to the new one: whatever fails then, it stays. */
static void what_links_lead_to_is_never_removed(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_link("never/2.mkv", "T1/file.mkv", LINK_BROKEN);
	index_all();
	debrid_offer(H(1), "New Name", 5 * MINUTE_NS);
	plan_it();
	apply_for(MINUTE_NS);
	/* the way to the second leads through a link now */
	assert_int_equal(rename(links_path("never"), links_path("real")), 0);
	assert_int_equal(symlink("real", links_path("never")), 0);
	live(6 * HOUR_NS);
	assert_string_equal(text_of_link("d/1.mkv"), mount_path("__all__/New Name/file.mkv"));
	assert_true(link_works("d/1.mkv"));
	assert_non_null(debrid_find("new1"));
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	repair_end();
}

static void put_many(int links)
{
	debrid_put("old1", H(1), "T1", "dead");
	for (int i = 0; i < links; i++) {
		char path[32];
		snprintf(path, sizeof path, "m/%02d.mkv", i);
		put_link(path, "T1/file.mkv", LINK_BROKEN);
	}
	index_all();
	debrid_offer(H(1), "New Name", 0);
}

static void more_links_than_a_run_may_change(void **state)
{
	(void)state;
	begin("repair {\n\tmost = 3\n\tpercent = 100\n}\n");
	put_many(7);
	plan_it();
	apply_for(DAY_NS / 2);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 3);
	ASSERT_ITEM(1, "state", "held");
	assert_non_null(strstr(item_text(1, "reason"), "no more links are changed"));
	/* the run ends, what was begun stays */
	assert_string_equal(text_of_row("SELECT state FROM plan"), "applied");
	assert_non_null(debrid_find("new1"));
	assert_non_null(debrid_find("old1"));
	for (int i = 0; i < 7; i++) {
		char path[32];
		snprintf(path, sizeof path, "m/%02d.mkv", i);
		store_link(path, link_works(path) ? LINK_OK : LINK_BROKEN);
	}
	index_all();
	/* a person goes on: nothing is added again */
	plan_it();
	apply_for(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 6);
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	repair_end();
}

static void a_day_is_a_cap(void **state)
{
	(void)state;
	begin("repair {\n\tmost = 100\n\tpercent = 100\n\tday = 4\n}\n");
	put_many(7);
	plan_it();
	apply_for(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 4);
	repair_restart();
	live(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 4);
	assert_non_null(debrid_find("new1"));
	repair_end();
}

static void a_share_is_a_cap(void **state)
{
	(void)state;
	begin("repair {\n\tmost = 100\n\tpercent = 50\n}\n");
	put_many(7);
	plan_it();
	apply_for(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 4);
	repair_end();
}

static void files_that_are_never_taken_as_chosen_end(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	snprintf(debrid_offer(H(1), "T1", 0)->becomes, 32, "waiting_files_selection");
	plan_it();
	apply_for(3 * HOUR_NS - 10 * MINUTE_NS);
	ASSERT_ITEM(1, "state", "waiting");
	assert_true(debrid.calls[CALL_SELECT] < 100);
	assert_null(debrid_find("new1"));
	assert_false(was_logged("remove old1"));
	repair_end();
}

static void one_that_is_not_answered_for_does_not_hinder_the_others(void **state)
{
	(void)state;
	static const enum provider_class classes[] = {PROVIDER_LATER, PROVIDER_PERMANENT, PROVIDER_UNKNOWN};
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		begin(WIDE);
		put_dead(1, "dead");
		put_dead(2, "dead");
		index_all();
		debrid_offer(H(2), "T2", 0);
		plan_it();
		debrid_fail(CALL_INFO, "old1", 1000, classes[i]);
		apply_for(HOUR_NS);
		assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE torrent = 'old2' AND state = 'done'"), 1);
		assert_true(link_works("d/2.mkv"));
		assert_int_equal(debrid.calls[CALL_ADD], 1);
		repair_end();
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_step_by_step),
		cmocka_unit_test(the_same_paths_are_chosen_though_numbers_differ),
		cmocka_unit_test(a_path_that_is_missing_takes_only_the_new_one_away),
		cmocka_unit_test(several_links_to_the_one_file_of_a_torrent_that_is_gone),
		cmocka_unit_test(one_that_is_there_is_taken_and_nothing_added),
		cmocka_unit_test(one_that_was_there_is_never_removed),
		cmocka_unit_test(one_that_no_scan_saw_is_not_added_again),
		cmocka_unit_test(two_dead_ones_of_a_hash_are_added_once),
		cmocka_unit_test(an_add_whose_end_is_unknown_is_asked_about),
		cmocka_unit_test(what_is_refused_for_good_is_never_tried_again),
		cmocka_unit_test(too_many_is_tried_three_times_again_and_never_a_fourth),
		cmocka_unit_test(tries_outlive_a_success_of_nothing),
		cmocka_unit_test(a_magnet_that_never_converts_is_taken_away),
		cmocka_unit_test(one_that_is_never_seen_on_the_mount_is_taken_away),
		cmocka_unit_test(a_virus_is_permanent),
		cmocka_unit_test(links_follow_another_name),
		cmocka_unit_test(texts_of_a_container_follow_another_name),
		cmocka_unit_test(a_torrent_of_one_file_in_the_folder_itself),
		cmocka_unit_test(a_user_who_replaced_a_link_meanwhile_keeps_it),
		cmocka_unit_test(what_links_lead_to_is_never_removed),
		cmocka_unit_test(more_links_than_a_run_may_change),
		cmocka_unit_test(a_day_is_a_cap),
		cmocka_unit_test(a_share_is_a_cap),
		cmocka_unit_test(files_that_are_never_taken_as_chosen_end),
		cmocka_unit_test(one_that_is_not_answered_for_does_not_hinder_the_others),
	};
	int child = repair_child(argc, argv);
	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
