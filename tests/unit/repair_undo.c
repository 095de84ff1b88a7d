/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What repairs did to links is taken back, to the bit; what others did since is left alone. */
#include "tests/unit/undo_world.h"

static int begin(void **state)
{
	(void)state;
	world_begin(&world, "");
	links_begin();
	undo_is_dry = false;
	return 0;
}

static int end(void **state)
{
	(void)state;
	undo_forget_hand();
	links_end();
	world_end(&world);
	return 0;
}

static char said[1 << 14];

static int undoing(const char *words)
{
	_buf_ struct buf answer = BUF_INIT(sizeof said);
	struct repair r = undo_repair();
	int error = undo_run(&r, words, &answer);
	assert_int_equal(buf_error(&answer), 0);
	snprintf(said, sizeof said, "%s", buf_str(&answer));
	return error;
}

static int checking(const char *words)
{
	_buf_ struct buf answer = BUF_INIT(4096);
	struct repair r = undo_repair();
	int error = undo_check(&r, words, &answer);
	snprintf(said, sizeof said, "%s", buf_str(&answer));
	return error;
}

static const char *word(int64_t id)
{
	static char text[32];
	snprintf(text, sizeof text, "%lld", (long long)id);
	return text;
}

static void a_change_is_taken_back_once(void **state)
{
	int64_t relinked, unlinked;
	(void)state;
	links_dir("a");
	links_put("a/one", "/mnt/x/one", 11, 12, LINK_TIME);
	links_put("a/two", "../two\xff", 13, 14, LINK_TIME + 1);
	struct hand_facts one = links_facts("a/one"), two = links_facts("a/two");
	assert_int_equal(undo_change("a/one", "/mnt/y/one", &relinked), 0);
	assert_int_equal(undo_change("a/two", "", &unlinked), 0);
	assert_false(links_is_there("a/two"));
	assert_int_equal(checking(word(relinked)), 0);
	assert_int_equal(undoing(word(relinked)), 0);
	links_assert("a/one", "/mnt/x/one", &one);
	assert_false(links_is_there("a/two"));
	assert_int_equal(checking(word(relinked)), EALREADY);
	assert_int_equal(undoing(word(relinked)), EALREADY);
	assert_non_null(strstr(said, "undone already"));
	/* the rest of the plan */
	assert_int_equal(undoing(PLAN), 0);
	assert_non_null(strstr(said, "1 of 1"));
	links_assert("a/two", "../two\xff", &two);
	assert_int_equal(undoing(PLAN), EALREADY);
	ASSERT_STEP(unlinked, "undone");
	assert_true(undo_seen_row(unlinked).undone_at > 0);
}

static void changes_of_one_link_go_backwards(void **state)
{
	int64_t id[3];
	(void)state;
	links_put("l", "/a", 11, 12, LINK_TIME);
	struct hand_facts was = links_facts("l");
	assert_int_equal(undo_change("l", "/b", &id[0]), 0);
	assert_int_equal(undo_change("l", "/c", &id[1]), 0);
	assert_int_equal(undo_change("l", "", &id[2]), 0);
	/* out of turn: it is not what the row says */
	assert_int_equal(undoing(word(id[0])), ESTALE);
	ASSERT_STEP(id[0], "done");
	assert_int_equal(undoing(PLAN), 0);
	links_assert("l", "/a", &was);
	for (int i = 0; i < 3; i++)
		ASSERT_STEP(id[i], "undone");
}

static void what_others_did_since_is_left_alone(void **state)
{
	int64_t id[5];
	(void)state;
	static const char *const paths[] = {"a/1", "a/2", "a/3", "b/4", "a/5"};
	static const char *const after[] = {"/b", "", "/b", "", "/b"};
	links_dir("a");
	links_dir("b");
	for (int i = 0; i < 5; i++) {
		links_put(paths[i], "/a", 11, 12, LINK_TIME + i);
		assert_int_equal(undo_change(paths[i], after[i], &id[i]), 0);
	}
	assert_int_equal(unlink(links_path("a/1")), 0);
	links_put("a/1", "/others", 1, 2, 3);
	links_put("a/2", "/a", 1, 2, 3);
	assert_int_equal(unlink(links_path("a/3")), 0);
	assert_int_equal(rmdir(links_path("b")), 0);
	assert_int_equal(undoing(PLAN), ESTALE);
	assert_non_null(strstr(said, "1 of 5 links are what they were; 4 were left alone\n"));
	assert_non_null(strstr(said, "a/2: something else is in its place now\n"));
	assert_non_null(strstr(said, ", b: its folder is not there any more\n"));
	assert_string_equal(links_facts("a/1").target, "/others");
	assert_int_equal(links_facts("a/2").mtime, 3);
	assert_false(links_is_there("a/3"));
	assert_false(links_is_there("b"));
	assert_string_equal(links_facts("a/5").target, "/a");
	for (int i = 0; i < 4; i++) {
		ASSERT_STEP(id[i], "done");
		assert_true(strlen(undo_seen_row(id[i]).error) > 0);
	}
	/* when what stands in the way is gone, it can be tried again */
	links_dir("b");
	assert_int_equal(undoing(word(id[3])), 0);
	assert_string_equal(links_facts("b/4").target, "/a");
	assert_string_equal(undo_seen_row(id[3]).error, "");
}

static void words_that_name_nothing_are_refused(void **state)
{
	static const struct {
		const char *words;
		int error;
	} cases[] = {
		{"", EINVAL}, {" \n", EINVAL}, {"x", EINVAL}, {"-1", EINVAL}, {"1;2", EINVAL}, {"99", ENOENT},
		{"fedcba9876543210", ENOENT}, {"FEDCBA9876543210", EINVAL}, {"fedcba987654321", EINVAL},
		{"99999999999999999999999", EINVAL}, {"../../etc", EINVAL}, {"1 \xff", ENOENT},
	};
	int64_t id;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(checking(cases[i].words), cases[i].error);
		assert_true(strlen(said) > 0);
		assert_int_equal(undoing(cases[i].words), cases[i].error);
	}
	links_put("l", "/a", 11, 12, LINK_TIME);
	assert_int_equal(undo_change("l", "/b", &id), 0);
	/* one wrong word: nothing happens */
	char words[64];
	snprintf(words, sizeof words, "%lld 99", (long long)id);
	assert_int_equal(undoing(words), ENOENT);
	assert_string_equal(links_facts("l").target, "/b");
	/* the same twice is once */
	snprintf(words, sizeof words, "%lld  %lld " PLAN "\n", (long long)id, (long long)id);
	assert_int_equal(undoing(words), 0);
	assert_non_null(strstr(said, "1 of 1"));
}

static void a_dry_run_changes_nothing(void **state)
{
	int64_t id;
	(void)state;
	links_put("l", "/a", 11, 12, LINK_TIME);
	assert_int_equal(undo_change("l", "/b", &id), 0);
	undo_is_dry = true;
	assert_int_equal(undoing(PLAN), EROFS);
	assert_string_equal(links_facts("l").target, "/b");
	ASSERT_STEP(id, "done");
}

/* --- open rows --- */

static void open_rows_end_as_their_links_tell(void **state)
{
	static const struct {
		const char *step, *after, *now, *expected;
	} cases[] = {
		{"planned", "/b", "/a", "failed"},  {"planned", "/b", "/b", "done"},
		{"planned", "/b", "/c", "failed"},  {"planned", "/b", "", "failed"},
		{"planned", "", "/a", "failed"},    {"planned", "", "", "done"},
		{"planned", "", "/c", "failed"},    {"undoing", "/b", "/a", "undone"},
		{"undoing", "/b", "/b", "done"},    {"undoing", "/b", "/c", "done"},
		{"undoing", "/b", "", "done"},	    {"undoing", "", "/a", "undone"},
		{"undoing", "", "", "done"},	    {"undoing", "", "/c", "done"},
	};
	int64_t ids[COUNT_OF(cases)], gone;
	struct repair r = undo_repair();
	char path[32];
	(void)state;
	links_dir("d");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(path, sizeof path, "d/%zu", i);
		links_put(path, "/a", 11, 12, LINK_TIME);
		struct store_journal row = undo_row(path, cases[i].after);
		assert_int_equal(undo_write(&row, cases[i].step), 0);
		ids[i] = row.id;
		assert_int_equal(unlink(links_path(path)), 0);
		if (*cases[i].now)
			links_put(path, cases[i].now, 11, 12, LINK_TIME);
	}
	/* its folder is no folder any more */
	links_dir("e");
	links_put("e/l", "/a", 11, 12, LINK_TIME);
	struct store_journal row = undo_row("e/l", "");
	assert_int_equal(undo_write(&row, "planned"), 0);
	gone = row.id;
	assert_int_equal(unlink(links_path("e/l")), 0);
	assert_int_equal(rmdir(links_path("e")), 0);
	assert_int_equal(undo_recover(&r), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (strcmp(undo_seen_row(ids[i]).step, cases[i].expected) != 0)
			fail_msg("case %zu: %s", i, undo_seen_row(ids[i]).step);
	ASSERT_STEP(gone, "done");
	assert_int_equal(world_count(&world, "SELECT count(*) FROM journal WHERE step IN ('planned', 'undoing')"),
			 0);
	assert_int_equal(undo_recover(&r), 0);
}

static void a_root_that_is_away_keeps_its_rows_open(void **state)
{
	struct repair r = undo_repair();
	char away[300];
	(void)state;
	links_put("l", "/a", 11, 12, LINK_TIME);
	struct store_journal row = undo_row("l", "");
	assert_int_equal(undo_write(&row, "planned"), 0);
	snprintf(away, sizeof away, "%s.away", links_root);
	assert_int_equal(rename(links_root, away), 0);
	assert_int_equal(undo_recover(&r), 0);
	ASSERT_STEP(row.id, "planned");
	assert_int_equal(checking(word(row.id)), EBUSY);
	assert_int_equal(rename(away, links_root), 0);
	assert_int_equal(undo_recover(&r), 0);
	ASSERT_STEP(row.id, "failed");
	assert_int_equal(checking(word(row.id)), EINVAL);
}

/* --- many --- */

static void ten_thousand_are_taken_back(void **state)
{
	enum { MANY = 10000, SOME = 500, IN_ONE = 10 };
	static char paths[MANY][48];
	static int results[MANY];
	static struct hand_order orders[MANY];
	static struct store_journal rows[MANY];
	int64_t ids[SOME];
	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(paths[i], sizeof paths[i], "show %d", i / IN_ONE);
		if (i % IN_ONE == 0)
			links_dir(paths[i]);
		snprintf(paths[i], sizeof paths[i], "show %d/episode %d", i / IN_ONE, i);
		links_put(paths[i], "/mnt/old/file", 1000 + i % 7, 2000 + i % 5, LINK_TIME + i);
		struct hand_facts f = links_facts(paths[i]);
		bool unlinks = i % 2;
		rows[i] = (struct store_journal){
			.at = WORLD_START, .plan = PLAN, .action = unlinks ? "unlink" : "relink", .step = "done",
			.error = "", .root = BYTES(links_root), .path = BYTES(paths[i]),
			.before = BYTES("/mnt/old/file"), .after = BYTES(unlinks ? "" : "/mnt/new/file"),
			.uid = f.uid, .gid = f.gid, .mtime = f.mtime, .inode = f.inode,
		};
		orders[i] = (struct hand_order){.act = unlinks ? HAND_UNLINK : HAND_RELINK, .path = rows[i].path,
						.before = rows[i].before, .after = rows[i].after};
	}
	for (int i = 0; i < MANY; i += SOME)
		assert_int_equal(repairs_journal(world.writer, rows + i, SOME, ids), 0);
	assert_int_equal(hand_do_all(repair_hand(NULL, links_root), orders, MANY, results), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(results[i], 0);
	int64_t since = mono_ns();
	assert_int_equal(undoing(PLAN), 0);
	print_message("    %d links in %d folders undone: %.0f a second\n", MANY, MANY / IN_ONE,
		      MANY / ((double)(mono_ns() - since) / 1e9));
	assert_non_null(strstr(said, "10000 of 10000"));
	for (int i = 0; i < MANY; i++) {
		struct hand_facts f = {.uid = rows[i].uid, .gid = rows[i].gid, .mtime = LINK_TIME + i};
		links_assert(paths[i], "/mnt/old/file", &f);
	}
	assert_int_equal(links_count("show 0", ""), IN_ONE);
	assert_int_equal(world_count(&world, "SELECT count(*) FROM journal WHERE step = 'undone'"), MANY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_is_taken_back_once),
		TEST(changes_of_one_link_go_backwards),
		TEST(what_others_did_since_is_left_alone),
		TEST(words_that_name_nothing_are_refused),
		TEST(a_dry_run_changes_nothing),
		TEST(open_rows_end_as_their_links_tell),
		TEST(a_root_that_is_away_keeps_its_rows_open),
		TEST(ten_thousand_are_taken_back),
	};
	log_init("undo");
	if (argc > 1 && strcmp(argv[1], "--hand") == 0)
		return hand_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
