/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Exactly the plan, on evidence that is asked for anew. */
#include "tests/unit/repair_world.h"

static void begin(const char *options)
{
	repair_begin(options, "");
	put_anchor();
}

static int item_of(const char *action)
{
	return (int)rows("SELECT item FROM plan_item WHERE action = '%s'", action);
}

static const char *state_of_action(const char *action)
{
	return text_of_row("SELECT state FROM plan_item WHERE action = '%s'", action);
}

/* --- what is ordered --- */

static void all_of_a_plan_is_carried_out(void **state)
{
	(void)state;
	begin(WIDE);
	put_all_kinds();
	plan_it();
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'planned'"), 3);
	assert_int_equal(apply_items(""), 0);
	live(20 * MINUTE_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'done'"), 3);
	assert_true(link_works("d/1.mkv"));
	assert_false(links_is_there("d/2.mkv"));
	assert_true(link_works("d/3.mkv"));
	assert_string_equal(text_of_link("d/3.mkv"), mount_path("__all__/T3 new/file.mkv"));
	assert_int_equal(rows("SELECT count(*) FROM journal WHERE step = 'done'"), 2);
	assert_int_equal(rows("SELECT handled_at > 0 FROM permanent"), 1);
	assert_int_equal(repair_looks, 1);
	repair_end();
}

static void what_is_not_named_stays(void **state)
{
	(void)state;
	begin(WIDE);
	put_all_kinds();
	plan_it();
	char words[16];
	snprintf(words, sizeof words, " %d", item_of("remove"));
	assert_int_equal(apply_items(words), 0);
	live(20 * MINUTE_NS);
	assert_string_equal(state_of_action("remove"), "done");
	assert_string_equal(state_of_action("reinsert"), "planned");
	assert_string_equal(state_of_action("relink"), "planned");
	assert_int_equal(changing_calls(), 0);
	assert_false(link_works("d/3.mkv"));
	/* the rest may be ordered later */
	assert_int_equal(apply_items(""), 0);
	live(20 * MINUTE_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'done'"), 3);
	repair_end();
}

static void orders_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	char old[32];
	snprintf(old, sizeof old, "%s", plan());
	put_dead(2, "dead");
	index_all();
	plan_it();
	assert_string_not_equal(old, planned);
	assert_int_equal(try_apply(old), EBUSY);
	assert_int_equal(try_apply("0123456789abcdef"), ENOENT);
	assert_int_equal(apply_items(" 9"), ENOENT);
	static const char *const bad[] = {"", " ", "x", "0123", "0123456789abcdeF", "0123456789abcdef0", "0123456789abcdef x",
					  "0123456789abcdef 1x", "0123456789abcdef -1", "0123456789abcdef 0",
					  "0123456789abcdef 99999999999999999999999", "0123456789abcdef\n1", "../../etc/passwd"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int error = try_apply(bad[i]);
		if (error != EINVAL && error != ENOENT)
			fail_msg("\"%s\": %d", bad[i], error);
	}
	assert_int_equal(try_apply("x"), EINVAL);
	live(HOUR_NS);
	assert_int_equal(changing_calls(), 0);
	repair_end();
}

static void held_ones_are_named_one_by_one(void **state)
{
	(void)state;
	begin(WIDE);
	put_link("x.mkv", "Nobody/file.mkv", LINK_BROKEN);
	plan_it();
	assert_int_equal(apply_items(""), EBUSY);
	/* nothing can be done about one whose action is none */
	assert_int_equal(apply_items(" 1"), EBUSY);
	repair_end();
}

static void a_dry_run_counts_nothing(void **state)
{
	(void)state;
	begin(WIDE);
	put_all_kinds();
	plan_it();
	repair_dry = true;
	char *before = dump("");
	assert_int_equal(apply_items(""), EROFS);
	live(DAY_NS);
	char *after = dump("");
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* it was ordered before the dry run began: it waits, and nothing is counted either */
	repair_dry = false;
	assert_int_equal(apply_items(""), 0);
	repair_dry = true;
	before = dump("");
	int64_t calls = debrid.all_calls;
	live(DAY_NS);
	after = dump("");
	assert_string_equal(before, after);
	assert_int_equal(changing_calls(), 0);
	assert_int_equal(debrid.all_calls, calls);
	assert_true(links_is_there("d/2.mkv"));
	free(before);
	free(after);
	repair_end();
}

/* --- evidence that changed --- */

static void one_that_works_again_is_left(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	plan_it();
	snprintf(debrid_find("old1")->status, 32, "downloaded");
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	ASSERT_ITEM(1, "state", "refused");
	ASSERT_ITEM(1, "reason", "it works again");
	assert_int_equal(changing_calls(), 0);
	repair_end();
}

static void another_hash_under_that_number_is_refused(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	plan_it();
	snprintf(debrid_find("old1")->hash, PROVIDER_HASH, "%s", H(5));
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	ASSERT_ITEM(1, "state", "refused");
	assert_non_null(strstr(item_text(1, "reason"), "another torrent"));
	assert_int_equal(changing_calls(), 0);
	repair_end();
}

static void a_link_that_was_replaced_is_left(void **state)
{
	(void)state;
	begin(WIDE);
	plan_removal();
	assert_int_equal(unlink(links_path("d/1.mkv")), 0);
	assert_int_equal(symlink("/his/own", links_path("d/1.mkv")), 0);
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	assert_string_equal(text_of_link("d/1.mkv"), "/his/own");
	ASSERT_ITEM(1, "state", "refused");
	assert_true(strlen(item_text(1, "reason")) > 20);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	repair_end();
}

static void a_link_whose_file_is_back_is_left(void **state)
{
	(void)state;
	begin(WIDE);
	plan_removal();
	mount_follows = false;
	mount_put("__all__/T1/file.mkv");
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	assert_true(links_is_there("d/1.mkv"));
	ASSERT_ITEM(1, "state", "refused");
	assert_non_null(strstr(item_text(1, "reason"), "its target is there again"));
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	repair_end();
}

static void a_link_that_is_in_doubt_again_is_held(void **state)
{
	(void)state;
	begin(WIDE);
	plan_removal();
	store_link("d/1.mkv", LINK_SUSPECT);
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	assert_true(links_is_there("d/1.mkv"));
	ASSERT_ITEM(1, "state", "held");
	assert_non_null(strstr(item_text(1, "reason"), "not surely broken"));
	assert_int_equal(rows("SELECT handled_at FROM permanent"), 0);
	repair_end();
}

static void a_link_that_the_index_knows_to_work_is_left(void **state)
{
	(void)state;
	begin(WIDE);
	plan_removal();
	store_link("d/1.mkv", LINK_OK);
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	assert_true(links_is_there("d/1.mkv"));
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	assert_int_equal(rows("SELECT handled_at FROM permanent"), 0);
	repair_end();
}

static void a_virus_is_asked_about_anew_and_its_links_removed(void **state)
{
	(void)state;
	for (int still = 0; still < 2; still++) {
		begin(WIDE);
		put_dead(1, "virus");
		index_all();
		plan_it();
		ASSERT_ITEM(1, "action", "remove");
		if (!still)
			snprintf(debrid_find("old1")->status, 32, "dead");
		assert_int_equal(apply_items(""), 0);
		live(HOUR_NS);
		ASSERT_ITEM(1, "state", still ? "done" : "refused");
		assert_int_equal(links_is_there("d/1.mkv"), !still);
		assert_int_equal(rows("SELECT count(*) FROM permanent WHERE kind = 'virus' AND handled_at > 0"), still);
		repair_end();
	}
}

static void a_user_who_removed_the_new_one_is_heard(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_offer(H(1), "T1", HOUR_NS / 4);
	plan_it();
	assert_int_equal(apply_items(""), 0);
	live(5 * MINUTE_NS);
	debrid_delete("new1");
	live(HOUR_NS);
	ASSERT_ITEM(1, "state", "waiting");
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	assert_non_null(debrid_find("old1"));
	repair_end();
}

/* --- the mount --- */

static int moment, moments, ill;

static void mount_ill(void)
{
	switch (ill) {
	case 0:
		mount_away();
		break;
	case 1:
		mount_away();
		assert_int_equal(mkdir(mount_path(""), 0755), 0);
		break;
	case 2:
		/* another one: it has folders, but none of ours */
		mount_away();
		assert_int_equal(mkdir(mount_path(""), 0755), 0);
		assert_int_equal(mkdir(mount_path("__all__"), 0755), 0);
		break;
	}
	mount_follows = false;
}

static void mount_well(void)
{
	if (ill > 0)
		mount_take("");
	mount_back();
	mount_follows = true;
}

static int64_t changes_before;

static int64_t changes(void)
{
	return changing_calls() + rows("SELECT count(*) FROM journal") + !links_is_there("d/2.mkv") +
	       (strcmp(text_of_link("d/3.mkv"), mount_path("__all__/T3/file.mkv")) != 0);
}

static void fall_ill(void)
{
	if (moments++ == moment) {
		changes_before = changes();
		mount_ill();
	}
}

/** It falls ill before the n-th step: from then on nothing is changed; when it is well, all is done. */
static bool ill_at(int n)
{
	begin(WIDE);
	put_all_kinds();
	debrid_offered(H(1))->takes = 2 * MINUTE_NS;
	plan_it();
	moment = n;
	moments = 0;
	repair_before_step = fall_ill;
	assert_int_equal(apply_items(""), 0);
	live(20 * MINUTE_NS);
	bool fell = moments > moment;
	if (fell) {
		if (changes() != changes_before)
			fail_msg("illness %d, step %d: something was changed", ill, n);
		repair_before_step = NULL;
		live(6 * HOUR_NS);
		if (changes() != changes_before)
			fail_msg("illness %d, step %d: something was changed later", ill, n);
		bool open = rows("SELECT count(*) FROM plan_item WHERE state IN ('queued', 'running')");
		bool said = rows("SELECT count(*) FROM plan_item WHERE reason LIKE '%%mount%%'") ||
			    rows("SELECT count(*) FROM insertion WHERE error LIKE '%%mount%%'");
		if (open && !said)
			fail_msg("illness %d, step %d: nobody says why it waits", ill, n);
		mount_well();
	}
	repair_before_step = NULL;
	live(HOUR_NS);
	if (rows("SELECT count(*) FROM plan_item WHERE state = 'done'") != 3)
		fail_msg("illness %d, step %d: it did not go on: %s", ill, n, state_of_action("reinsert"));
	assert_int_equal(debrid.calls[CALL_ADD], 1);
	repair_end();
	return fell;
}

static void nothing_is_changed_while_the_mount_is_not_healthy(void **state)
{
	(void)state;
	for (ill = 0; ill < 3; ill++) {
		int n = 0;
		while (n < 200 && ill_at(n))
			n += UNIT_SANITIZED ? 5 : 1;
		print_message("    ill at %d steps\n", n);
		assert_true(n > 5 && n < 200);
	}
}

/** While the run waits, the mount is mounted anew: another id, the same files. */
static void a_mount_that_was_mounted_anew_is_believed_again(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_offer(H(1), "T1", 10 * MINUTE_NS);
	plan_it();
	assert_int_equal(apply_items(""), 0);
	live(MINUTE_NS);
	assert_true(repair->known.mount_id != 0);
	repair->known.mount_id += 1;
	live(HOUR_NS);
	ASSERT_ITEM(1, "state", "done");
	repair_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_plan_is_carried_out),
		cmocka_unit_test(what_is_not_named_stays),
		cmocka_unit_test(orders_that_make_no_sense_are_refused),
		cmocka_unit_test(held_ones_are_named_one_by_one),
		cmocka_unit_test(a_dry_run_counts_nothing),
		cmocka_unit_test(one_that_works_again_is_left),
		cmocka_unit_test(another_hash_under_that_number_is_refused),
		cmocka_unit_test(a_link_that_was_replaced_is_left),
		cmocka_unit_test(a_link_whose_file_is_back_is_left),
		cmocka_unit_test(a_link_that_is_in_doubt_again_is_held),
		cmocka_unit_test(a_link_that_the_index_knows_to_work_is_left),
		cmocka_unit_test(a_virus_is_asked_about_anew_and_its_links_removed),
		cmocka_unit_test(a_user_who_removed_the_new_one_is_heard),
		cmocka_unit_test(nothing_is_changed_while_the_mount_is_not_healthy),
		cmocka_unit_test(a_mount_that_was_mounted_anew_is_believed_again),
	};
	int child = repair_child(argc, argv);
	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
