/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a plan says of each kind of candidate, what it costs, and that it changes nothing. */
#include "tests/unit/repair_world.h"

static void begin(const char *options)
{
	repair_begin(options, "");
	put_anchor();
}

static void assert_item(const char *action, const char *state, const char *why, const char *evidence)
{
	ASSERT_ITEM(1, "action", action);
	ASSERT_ITEM(1, "state", state);
	if (!strstr(item_text(1, "why"), why))
		fail_msg("why: %s", item_text(1, "why"));
	if (!strstr(item_text(1, "evidence"), evidence))
		fail_msg("evidence: %s", item_text(1, "evidence"));
	assert_int_equal(rows("SELECT count(*) FROM plan_item"), 1);
	assert_int_equal(changing_calls(), 0);
	assert_int_equal(debrid.logged, 0);
}

static void no_item(void)
{
	assert_int_equal(rows("SELECT count(*) FROM plan_item"), 0);
	assert_int_equal(changing_calls(), 0);
}

static void one_that_failed_is_put_back(void **state)
{
	(void)state;
	static const char *const failed[] = {"dead", "error", "magnet_error"};
	for (size_t i = 0; i < COUNT_OF(failed); i++) {
		begin(WIDE);
		put_dead(1, failed[i]);
		index_all();
		plan();
		assert_item("reinsert", "planned", "the provider cannot give its files, and our links into it are broken", failed[i]);
		assert_non_null(strstr(item_text(1, "evidence"), "1 of 1 links lost their target, seen 3 times over 47 h"));
		ASSERT_ITEM(1, "torrent", "old1");
		ASSERT_ITEM(1, "hash", H(1));
		ASSERT_ITEM(1, "links", "1");
		assert_int_equal(debrid.calls[CALL_INFO], 1);
		repair_end();
	}
}

static void one_that_works_there_but_not_here_is_put_back(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "downloaded");
	index_all();
	plan();
	assert_item("reinsert", "planned", "not seen on the mount", "said \"downloaded\"");
	repair_end();
}

static void one_that_works_without_broken_links_is_left(void **state)
{
	(void)state;
	begin(WIDE);
	/* the index says it failed, the provider that it works */
	struct debrid_torrent *t = debrid_put("old1", H(1), "T1", "dead");
	index_torrent(t);
	snprintf(t->status, sizeof t->status, "downloaded");
	plan();
	no_item();
	assert_string_equal(text_of_row("SELECT status FROM torrent WHERE id = 'old1'"), "downloaded");
	repair_end();
}

static void an_unknown_name_is_for_a_person(void **state)
{
	(void)state;
	begin(WIDE);
	put_link("x.mkv", "Nobody.Knows/file.mkv", LINK_BROKEN);
	plan();
	assert_item("none", "held", "not known to have had it", "1 of 1 links");
	assert_true(strlen(item_text(1, "reason")) > 20);
	assert_int_equal(debrid.calls[CALL_INFO], 0);
	repair_end();
}

static void several_of_a_name_are_for_a_person(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "downloaded");
	debrid_put("other", H(2), "T1", "downloaded");
	index_all();
	plan();
	assert_item("none", "held", "links into it are broken", "");
	assert_non_null(strstr(item_text(1, "reason"), "several"));
	assert_int_equal(debrid.calls[CALL_INFO], 0);
	repair_end();
}

static void one_that_is_gone_is_put_back(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_delete("old1");
	plan();
	assert_item("reinsert", "planned", "the provider has it no more", "said \"gone\"");
	assert_int_equal(rows("SELECT gone_at > 0 FROM torrent WHERE id = 'old1'"), 1);
	repair_end();
}

static void one_that_moved_is_followed(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_delete("old1");
	assert_int_equal(repairs_torrent_gone(world.writer, "memory", "old1", world_now()), 0);
	debrid_put("twin", H(1), "T1 again", "downloaded");
	index_all();
	plan();
	assert_item("relink", "planned", "under another name: T1 again", "said \"downloaded\"");
	ASSERT_ITEM(1, "torrent", "twin");
	ASSERT_ITEM(1, "name", "T1");
	repair_end();
}

static void what_was_refused_for_good_costs_no_call(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	struct store_permanent p = {.provider = "memory", .hash = H(1), .torrent = "old1", .name = "T1", .kind = "infringing_file",
				    .reason = "infringing", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	plan();
	assert_item("remove", "planned", "never will again", "refused it for good: infringing");
	ASSERT_ITEM(1, "calls", "0");
	assert_int_equal(debrid.calls[CALL_INFO], 0);
	assert_int_equal(debrid.all_calls, 0);
	repair_end();
}

static void a_virus_is_to_be_removed(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "virus");
	index_all();
	plan();
	assert_item("remove", "planned", "never will again", "said \"virus\"");
	repair_end();
}

static void put_retry(int64_t due, int64_t tries, bool spent)
{
	struct store_retry r = {.provider = "memory", .hash = H(1), .torrent = "old1", .name = "T1", .kind = "error", .reason = "x",
				.first_at = world_now(), .due_at = due, .tries = tries, .last_at = world_now(), .is_spent = spent};
	struct store_attempt a = {.at = world_now(), .provider = "memory", .torrent = "old1", .hash = H(1), .name = "T1",
				  .outcome = "failed", .error = "x"};
	assert_int_equal(repairs_attempt(world.writer, &a, NULL, &r), 0);
}

static void what_is_not_due_is_held(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	put_retry(world_now() + HOUR_NS, 1, false);
	plan();
	assert_item("reinsert", "held", "", "");
	assert_non_null(strstr(item_text(1, "reason"), "tried again after 2024-01-01T01:00:00"));
	world_pass(HOUR_NS);
	plan();
	assert_item("reinsert", "planned", "", "");
	repair_end();
}

static void what_was_tried_too_often_is_held(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	put_retry(world_now() - HOUR_NS, 4, true);
	plan();
	assert_item("reinsert", "held", "", "");
	assert_non_null(strstr(item_text(1, "reason"), "4 times in vain"));
	repair_end();
}

static void one_on_its_way_is_left(void **state)
{
	(void)state;
	static const char *const busy[] = {"downloading", "queued", "magnet_conversion", "waiting_files_selection"};
	for (size_t i = 0; i < COUNT_OF(busy); i++) {
		begin(WIDE);
		put_dead(1, busy[i]);
		index_all();
		plan();
		no_item();
		repair_end();
	}
}

static void another_torrent_under_that_number_is_for_a_person(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	snprintf(debrid_find("old1")->hash, PROVIDER_HASH, "%s", H(7));
	plan();
	assert_item("none", "held", "another torrent under that number", "");
	repair_end();
}

static void no_answer_about_one_does_not_hinder_the_others(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_dead(2, "dead");
	index_all();
	debrid_fail(CALL_INFO, "old1", 1, PROVIDER_LATER);
	plan();
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'none' AND torrent = 'old1'"), 1);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'reinsert' AND torrent = 'old2'"), 1);
	repair_end();
}

static void a_pause_is_kept_and_the_plan_goes_on(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_dead(2, "dead");
	index_all();
	debrid_fail(CALL_INFO, "", 1, PROVIDER_WAIT)->pause = 10 * MINUTE_NS;
	assert_int_equal(try_order("plan"), 0);
	live(9 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_INFO], 1);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 0);
	live(2 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_INFO], 3);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'reinsert'"), 2);
	repair_end();
}

static void the_same_again_has_the_same_hash(void **state)
{
	char first[32];
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_dead(2, "dead");
	put_link("x.mkv", "Nobody/file.mkv", LINK_BROKEN);
	index_all();
	snprintf(first, sizeof first, "%s", plan());
	assert_int_equal(strlen(first), 16);
	world_pass(DAY_NS);
	assert_string_equal(plan(), first);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 1);
	put_dead(3, "dead");
	index_all();
	assert_string_not_equal(plan(), first);
	assert_string_equal(text_of_row("SELECT state FROM plan WHERE hash = '%s'", first), "superseded");
	repair_end();
}

static void nothing_changes_but_the_plan(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_dead(2, "virus");
	index_all();
	char *before = dump("torrent torrent_scan plan plan_item");
	plan();
	char *after = dump("torrent torrent_scan plan plan_item");
	assert_string_equal(before, after);
	assert_int_equal(rows("SELECT count(*) FROM plan_item"), 2);
	assert_int_equal(changing_calls(), 0);
	assert_int_equal(debrid.logged, 0);
	free(before);
	free(after);
	repair_end();
}

static void thousands_cost_a_call_each(void **state)
{
	enum { DEAD = UNIT_SANITIZED ? 500 : 5000 };
	(void)state;
	begin(WIDE);
	mount_follows = false;
	debrid_fill(DEAD, "dead");
	index_all();
	plan();
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'reinsert' AND state = 'planned'"), DEAD);
	assert_int_equal(debrid.calls[CALL_INFO], DEAD);
	assert_true(debrid.all_calls <= DEAD + 10);
	assert_int_equal(changing_calls(), 0);
	repair_end();
}

static void put_gone_for_good(int n, int links)
{
	char path[64], target[64], name[16];
	snprintf(name, sizeof name, "P%d", n);
	for (int i = 0; i < links; i++) {
		snprintf(path, sizeof path, "p%d/%d.mkv", n, i);
		snprintf(target, sizeof target, "P%d/%d.mkv", n, i);
		put_link(path, target, LINK_BROKEN);
	}
	struct store_permanent p = {.provider = "memory", .hash = H(n), .torrent = name, .name = name, .kind = "infringing_file",
				    .reason = "x", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	debrid_put(name, H(n), name, "dead");
}

static void caps_hold_the_rest(void **state)
{
	(void)state;
	begin("repair {\n\tmost = 5\n\tpercent = 100\n}\n");
	put_gone_for_good(1, 2);
	put_gone_for_good(2, 4);
	put_gone_for_good(3, 2);
	index_all();
	plan();
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'remove'"), 3);
	assert_int_equal(rows("SELECT sum(links) FROM plan_item WHERE state = 'planned'"), 4);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'held' AND links = 4 AND reason LIKE '%%order it again%%'"), 1);
	repair_end();
}

static void the_share_of_all_is_a_cap(void **state)
{
	(void)state;
	begin("repair {\n\tmost = 100\n\tpercent = 50\n}\n");
	/* with the anchor: 5 links, of which 2 may be changed */
	put_gone_for_good(1, 2);
	put_gone_for_good(2, 2);
	index_all();
	plan();
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'planned'"), 1);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'held'"), 1);
	repair_end();
}

/* --- by itself --- */

static void automatic(const char *options)
{
	char all[256];
	snprintf(all, sizeof all, "repair {\n\tauto_repair = true\n\tmost = 100\n\tpercent = 100\n%s}\n", options);
	begin(all);
	repair_sees = true;
	put_dead(1, "dead");
	put_gone_for_good(2, 1);
	put_dead(3, "dead");
	put_link("x.mkv", "Nobody/file.mkv", LINK_BROKEN);
	index_all();
	debrid_delete("old3");
	assert_int_equal(repairs_torrent_gone(world.writer, "memory", "old3", world_now()), 0);
	debrid_put("twin", H(3), "T3 new", "downloaded");
	index_all();
	debrid_offer(H(1), "T1", 0);
}

static void only_what_is_put_back_is_done_by_itself(void **state)
{
	(void)state;
	automatic("");
	assert_int_equal(try_order("scan full"), 0);
	live(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan WHERE automatic"), 1);
	assert_int_equal(rows("SELECT count(*) FROM plan_item"), 1);
	ASSERT_ITEM(1, "action", "reinsert");
	ASSERT_ITEM(1, "state", "done");
	assert_true(link_works("d/1.mkv"));
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	repair_end();
}

static void what_somebody_deleted_is_for_a_person(void **state)
{
	(void)state;
	begin("repair {\n\tauto_repair = true\n\tmost = 100\n\tpercent = 100\n}\n");
	put_dead(1, "dead");
	index_all();
	debrid_delete("old1");
	debrid_offer(H(1), "T1", 0);
	assert_int_equal(repairs_torrent_gone(world.writer, "memory", "old1", world_now()), 0);
	assert_int_equal(try_order("scan quick"), 0);
	live(DAY_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 0);
	assert_int_equal(changing_calls(), 0);
	plan();
	assert_item("reinsert", "planned", "the provider has it no more", "said \"gone\"");
	repair_end();
}

static void removal_by_itself_is_an_option(void **state)
{
	(void)state;
	automatic("\tremove_infringing = true\n");
	assert_int_equal(try_order("scan full"), 0);
	live(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'remove' AND state = 'done'"), 1);
	assert_false(links_is_there("p2/0.mkv"));
	assert_true(links_is_there("d/3.mkv") && links_is_there("x.mkv"));
	repair_end();
}

static void a_dry_run_does_nothing_by_itself(void **state)
{
	(void)state;
	automatic("\tremove_infringing = true\n");
	repair_dry = true;
	assert_int_equal(try_order("scan full"), 0);
	live(DAY_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 0);
	assert_int_equal(changing_calls(), 0);
	assert_true(links_is_there("p2/0.mkv"));
	repair_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_failed_is_put_back),
		cmocka_unit_test(one_that_works_there_but_not_here_is_put_back),
		cmocka_unit_test(one_that_works_without_broken_links_is_left),
		cmocka_unit_test(an_unknown_name_is_for_a_person),
		cmocka_unit_test(several_of_a_name_are_for_a_person),
		cmocka_unit_test(one_that_is_gone_is_put_back),
		cmocka_unit_test(one_that_moved_is_followed),
		cmocka_unit_test(what_was_refused_for_good_costs_no_call),
		cmocka_unit_test(a_virus_is_to_be_removed),
		cmocka_unit_test(what_is_not_due_is_held),
		cmocka_unit_test(what_was_tried_too_often_is_held),
		cmocka_unit_test(one_on_its_way_is_left),
		cmocka_unit_test(another_torrent_under_that_number_is_for_a_person),
		cmocka_unit_test(no_answer_about_one_does_not_hinder_the_others),
		cmocka_unit_test(a_pause_is_kept_and_the_plan_goes_on),
		cmocka_unit_test(the_same_again_has_the_same_hash),
		cmocka_unit_test(nothing_changes_but_the_plan),
		cmocka_unit_test(thousands_cost_a_call_each),
		cmocka_unit_test(caps_hold_the_rest),
		cmocka_unit_test(the_share_of_all_is_a_cap),
		cmocka_unit_test(only_what_is_put_back_is_done_by_itself),
		cmocka_unit_test(what_somebody_deleted_is_for_a_person),
		cmocka_unit_test(removal_by_itself_is_an_option),
		cmocka_unit_test(a_dry_run_does_nothing_by_itself),
	};
	int child = repair_child(argc, argv);
	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
