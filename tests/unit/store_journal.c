/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is kept of plans, the journal, insertions, managers and numbers. */
#include "tests/unit/repair_rows.h"

/* --- plans --- */

static struct store_plan_item item(int64_t n, const char *name)
{
	return (struct store_plan_item){
		.plan = "", .item = n, .action = "reinsert", .provider = "p", .torrent = "1", .hash = HASH_A,
		.name = name, .link_ids = "1 2", .links = 2, .why = "why", .evidence = "e", .calls = 6,
		.state = "planned", .reason = "",
	};
}

static int put_plan(const char *hash, int64_t at, int n)
{
	struct store_plan plan = {.hash = hash, .state = "planned", .made_at = at, .items = n, .calls = 6 * n,
				  .held = 1, .automatic = true};
	struct store_plan_item items[8];
	for (int i = 0; i < n; i++)
		items[i] = item(i + 1, HOSTILE);
	return repairs_plan(world.writer, &plan, items, (size_t)n);
}

static int is_plan(void *arg, const struct store_plan *row)
{
	assert_true(row->automatic);
	assert_int_equal(row->held, 1);
	assert_int_equal(row->calls, 6 * row->items);
	add_text(arg, row->hash);
	add_text(arg, row->state);
	return 0;
}

static const char *plan_state(const char *hash)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(*hash ? store_plan(world.reader, hash, is_plan, &rows)
			       : store_plan_last(world.reader, is_plan, &rows), 0);
	return rows.text;
}

static int is_item(void *arg, const struct store_plan_item *row)
{
	char text[200];
	assert_string_equal(row->name, HOSTILE);
	assert_string_equal(row->link_ids, "1 2");
	assert_string_equal(row->evidence, "e");
	snprintf(text, sizeof text, "%s/%d:%s:%s:%d", row->plan, (int)row->item, row->state, row->reason,
		 (int)row->changed_at);
	add_text(arg, text);
	return 0;
}

static const char *items_of(const char *hash)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(store_plan_items(world.reader, hash, is_item, &rows), 0);
	return rows.text;
}

static void a_plan_supersedes_the_planned_one_but_never_one_that_is_applying(void **state)
{
	struct rows rows = {0};
	(void)state;
	assert_int_equal(store_plan_last(world.reader, is_plan, &rows), -ENOENT);
	MOVES(REPAIRS, put_plan("one", 1, 2));
	assert_string_equal(items_of("one"), "one/1:planned::0 one/2:planned::0 ");
	MOVES(REPAIRS, put_plan("two", 2, 1));
	assert_string_equal(plan_state("one"), "one superseded ");
	assert_string_equal(items_of("one"), "");
	assert_string_equal(plan_state(""), "two planned ");
	MOVES(REPAIRS, repairs_plan_state(world.writer, "two", "applying"));
	MOVES(0, repairs_plan_state(world.writer, "two", "applying"));
	assert_int_equal(put_plan("three", 3, 1), 0);
	assert_string_equal(plan_state("two"), "two applying ");
	assert_string_equal(items_of("two"), "two/1:planned::0 ");
	assert_string_equal(plan_state(""), "three planned ");
	/* not even by itself */
	moved();
	assert_int_equal(put_plan("two", 4, 2), -EBUSY);
	assert_int_equal(moved(), 0);
	reopen();
	assert_string_equal(plan_state("two"), "two applying ");
	assert_string_equal(items_of("two"), "two/1:planned::0 ");
	/* the same plan again, once it is over: it is planned anew */
	assert_int_equal(repairs_plan_state(world.writer, "two", "applied"), 0);
	assert_int_equal(put_plan("two", 5, 2), 0);
	assert_string_equal(plan_state(""), "two planned ");
	assert_string_equal(items_of("two"), "two/1:planned::0 two/2:planned::0 ");
	assert_string_equal(plan_state("three"), "three superseded ");
	assert_int_equal(repairs_plan_state(world.writer, "none", "stale"), -ENOENT);
}

static void the_state_of_an_item_moves_its_topic_once(void **state)
{
	(void)state;
	assert_int_equal(put_plan("one", 1, 2), 0);
	MOVES(REPAIRS, repairs_plan_item(world.writer, "one", 2, "refused", HOSTILE, 9));
	MOVES(0, repairs_plan_item(world.writer, "one", 2, "refused", HOSTILE, 10));
	assert_string_equal(items_of("one"), "one/1:planned::0 one/2:refused:" HOSTILE ":9 ");
	assert_int_equal(repairs_plan_item(world.writer, "one", 3, "done", "", 9), -ENOENT);
}

/* --- the journal --- */

static struct store_journal link_change(const char *plan, int64_t at)
{
	return (struct store_journal){
		.at = at, .plan = plan, .item = 4, .action = "relink", .step = "planned", .error = "",
		.root = {"/links", 6}, .path = {"a\0\xff\n", 4}, .before = {HOSTILE, sizeof HOSTILE - 1},
		.after = {"new", 3}, .uid = 1000, .gid = -1, .mtime = INT64_MAX, .inode = INT64_MIN,
	};
}

static int is_journal(void *arg, const struct store_journal *row)
{
	struct store_journal want = link_change("", 0);
	char text[100];
	assert_int_equal(row->path.len, 4);
	assert_memory_equal(row->path.data, want.path.data, 4);
	assert_int_equal(row->root.len, 6);
	assert_int_equal(row->before.len, want.before.len);
	assert_memory_equal(row->before.data, want.before.data, want.before.len);
	const int64_t numbers[] = {row->uid, row->gid, row->mtime, row->inode, row->item};
	assert_memory_equal(numbers, ((int64_t[]){1000, -1, INT64_MAX, INT64_MIN, 4}), sizeof numbers);
	snprintf(text, sizeof text, "%d:%s:%s:%.*s:%d:%d", (int)row->id, row->plan, row->step,
		 (int)row->after.len, row->after.data, (int)row->ended_at, (int)row->undone_at);
	add_text(arg, text);
	return 0;
}

static const char *journal(const char *plan, int64_t most)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(store_journal(world.reader, plan, most, is_journal, &rows), 0);
	return rows.text;
}

static void the_journal_is_durable_bit_for_bit(void **state)
{
	struct rows rows = {0};
	int64_t ids[3] = {0}, n;
	(void)state;
	struct store_journal row[] = {link_change("x", 1), link_change("x", 2), link_change("y", 3)};
	MOVES(REPAIRS, repairs_journal(world.writer, row, 3, ids));
	assert_memory_equal(ids, ((int64_t[]){1, 2, 3}), sizeof ids);
	reopen();
	assert_string_equal(journal("", 0), "3:y:planned:new:0:0 2:x:planned:new:0:0 1:x:planned:new:0:0 ");
	assert_string_equal(journal("x", 1), "2:x:planned:new:0:0 ");
	row[1].id = 2;
	row[1].step = "done";
	row[1].ended_at = 5;
	row[1].after = (struct bytes){NULL, 0};
	/* an end and a new intent together */
	row[2].id = 0;
	row[2].plan = "z";
	MOVES(REPAIRS, repairs_journal(world.writer, &row[1], 2, ids));
	assert_memory_equal(ids, ((int64_t[]){2, 4}), 2 * sizeof *ids);
	MOVES(0, repairs_journal(world.writer, &row[1], 1, ids));
	assert_int_equal(store_journal_row(world.reader, 2, is_journal, &rows), 0);
	assert_string_equal(rows.text, "2:x:done::5:0 ");
	assert_int_equal(store_journal_row(world.reader, 9, is_journal, &rows), -ENOENT);
	rows = (struct rows){0};
	assert_int_equal(store_journal_open(world.reader, is_journal, &rows), 0);
	assert_string_equal(rows.text, "4:z:planned:new:0:0 3:y:planned:new:0:0 1:x:planned:new:0:0 ");
	assert_int_equal(store_journal_count(world.reader, "relink", 2, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_journal_count(world.reader, "unlink", 0, &n), 0);
	assert_int_equal(n, 0);
	/* one that is not there takes all of them back */
	struct store_journal bad[] = {link_change("bad", 1), link_change("bad", 1)};
	bad[1].id = 77;
	assert_true(repairs_journal(world.writer, bad, 2, ids) < 0);
	assert_string_equal(journal("bad", 0), "");
	assert_int_equal(repairs_journal(world.writer, bad, 0, ids), 0);
}

/* --- insertions --- */

static struct store_insertion insertion(const char *hash)
{
	return (struct store_insertion){
		.provider = "p", .hash = hash, .name = HOSTILE, .plan = "x", .item = 1, .old_id = "o",
		.new_id = "", .step = "planned", .error = "", .paths = "[\"/a\"]", .started_at = 1,
		.changed_at = 1, .next_at = 5, .deadline = 9,
	};
}

static int is_insertion(void *arg, const struct store_insertion *row)
{
	char text[100];
	assert_string_equal(row->name, HOSTILE);
	assert_string_equal(row->paths, "[\"/a\"]");
	snprintf(text, sizeof text, "%d:%.1s:%s:%s", (int)row->id, row->hash, row->step, row->new_id);
	add_text(arg, text);
	return 0;
}

static const char *insertions(void)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(store_insertions(world.reader, is_insertion, &rows), 0);
	return rows.text;
}

static void a_hash_has_one_open_insertion(void **state)
{
	struct rows rows = {0};
	int64_t id = 0, other = 0;
	(void)state;
	struct store_insertion a = insertion(HASH_A), b = insertion(HASH_B);
	MOVES(REPAIRS, repairs_insertion(world.writer, &a, &id));
	moved();
	assert_int_equal(repairs_insertion(world.writer, &a, &other), -EEXIST);
	assert_int_equal(moved(), 0);
	assert_int_equal(other, id);
	/* under another spelling, and after a restart */
	reopen();
	a.hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	assert_int_equal(repairs_insertion(world.writer, &a, &other), -EEXIST);
	assert_int_equal(repairs_insertion(world.writer, &a, &other), -EEXIST);
	b.next_at = 2;
	assert_int_equal(repairs_insertion(world.writer, &b, &other), 0);
	assert_string_equal(insertions(), "2:b:planned: 1:a:planned: ");
	/* what is unknown is open */
	a.id = id;
	a.step = "unknown";
	a.new_id = "n";
	MOVES(REPAIRS, repairs_insertion(world.writer, &a, &other));
	MOVES(0, repairs_insertion(world.writer, &a, &other));
	a.id = 0;
	assert_int_equal(repairs_insertion(world.writer, &a, &other), -EEXIST);
	a.id = id;
	a.step = "failed";
	assert_int_equal(repairs_insertion(world.writer, &a, NULL), 0);
	assert_int_equal(store_insertion(world.reader, "p", HASH_A, is_insertion, &rows), -ENOENT);
	/* the next one; and the ended one does not come back beside it, but its new torrent is undone */
	a.id = 0;
	a.step = "planned";
	assert_int_equal(repairs_insertion(world.writer, &a, &other), 0);
	assert_int_equal(other, 3);
	a.id = id;
	assert_int_equal(repairs_insertion(world.writer, &a, &other), -EEXIST);
	a.step = "undone";
	assert_int_equal(repairs_insertion(world.writer, &a, &other), 0);
	assert_int_equal(store_insertion(world.reader, "p", HASH_A, is_insertion, &rows), 0);
	assert_string_equal(rows.text, "3:a:planned:n ");
	a.id = 99;
	assert_int_equal(repairs_insertion(world.writer, &a, &other), -ENOENT);
}

/* --- managers, numbers, retention --- */

static int is_told(void *arg, const struct store_told_item *row)
{
	char text[100];
	assert_string_equal(row->path, HOSTILE);
	snprintf(text, sizeof text, "%d:%s:%d:%d", (int)row->id, row->state, (int)row->command_id, (int)row->item);
	add_text(arg, text);
	return 0;
}

static void what_managers_were_told_is_followed_to_its_end(void **state)
{
	struct rows rows = {0};
	int64_t id = 0, n = 0;
	(void)state;
	struct store_told_item told = {.at = 10, .item = 3, .instance = "tv", .action = "rescan", .path = HOSTILE,
				       .title = "t", .state = "waiting", .text = ""};
	MOVES(REPAIRS, repairs_told_item(world.writer, &told, &id));
	assert_int_equal(id, 1);
	told.id = id;
	told.command_id = 8;
	told.state = "queued";
	MOVES(REPAIRS, repairs_told_item(world.writer, &told, &id));
	MOVES(0, repairs_told_item(world.writer, &told, &id));
	reopen();
	assert_int_equal(store_told_open(world.reader, is_told, &rows), 0);
	told.state = "completed";
	assert_int_equal(repairs_told_item(world.writer, &told, &id), 0);
	assert_int_equal(store_told_open(world.reader, is_told, &rows), 0);
	assert_int_equal(store_told_items(world.reader, 5, is_told, &rows), 0);
	assert_string_equal(rows.text, "1:queued:8:3 1:completed:8:3 ");
	assert_int_equal(store_told_count(world.reader, "tv", 10, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_told_count(world.reader, "tv", 11, &n), 0);
	assert_int_equal(n, 0);
	told.id = 50;
	assert_int_equal(repairs_told_item(world.writer, &told, &id), -ENOENT);
}

static int is_sample(void *arg, const struct store_repair_sample *row)
{
	char text[200];
	snprintf(text, sizeof text, "%d:%s:%s:%s:%g", (int)row->at, row->type, row->name, row->tags, row->value);
	add_text(arg, text);
	return 0;
}

static void samples_come_by_time(void **state)
{
	struct rows rows = {0};
	(void)state;
	struct store_repair_sample samples[] = {{.at = 20, .type = "scan", .name = "b", .tags = "{}", .value = 0.5},
					 {.at = 10, .type = "scan", .name = "a", .tags = "{}", .value = -1}};
	MOVES(TORRENTS, repairs_samples(world.writer, samples, 2));
	MOVES(0, repairs_samples(world.writer, samples, 0));
	assert_int_equal(store_repair_samples(world.reader, 0, is_sample, &rows), 0);
	assert_int_equal(store_repair_samples(world.reader, 11, is_sample, &rows), 0);
	assert_string_equal(rows.text, "10:scan:a:{}:-1 20:scan:b:{}:0.5 20:scan:b:{}:0.5 ");
}

static void fill_for_purge(void)
{
	int64_t ids[3], id;
	struct store_attempt a = {.provider = "p", .torrent = "1", .hash = HASH_A, .name = "n", .outcome = "x", .at = 10};
	struct store_repair_sample sample = {.at = 10, .type = "t", .name = "n", .tags = "{}"};
	struct store_journal row[] = {link_change("x", 10), link_change("x", 10), link_change("y", 10)};
	struct store_insertion ended = insertion(HASH_A), open = insertion(HASH_B);
	struct store_told_item told = {.at = 10, .instance = "tv", .action = "rescan", .path = HOSTILE, .state = "done"};
	assert_int_equal(repairs_attempt(world.writer, &a, NULL, NULL), 0);
	assert_int_equal(repairs_samples(world.writer, &sample, 1), 0);
	row[0].step = "done";
	row[0].ended_at = 10;
	row[1].step = "undone";
	row[1].undone_at = 20;
	assert_int_equal(repairs_journal(world.writer, row, 3, ids), 0);
	ended.step = "done";
	ended.changed_at = 10;
	assert_int_equal(repairs_insertion(world.writer, &ended, &id), 0);
	assert_int_equal(repairs_insertion(world.writer, &open, &id), 0);
	assert_int_equal(repairs_told_item(world.writer, &told, &id), 0);
	assert_int_equal(put_plan("x", 10, 1), 0);
	assert_int_equal(repairs_plan_state(world.writer, "x", "applied"), 0);
	assert_int_equal(put_plan("old", 11, 2), 0);
	assert_int_equal(put_plan("new", 12, 2), 0);
}

static void purging_keeps_what_is_young_or_open(void **state)
{
	(void)state;
	fill_for_purge();
	MOVES(0, repairs_purge(world.writer, 1, 1, 1));
	MOVES(0, repairs_purge(world.writer, 10, 10, 10));
	assert_int_equal(count("SELECT count(*) FROM plan"), 3);
	/* undo is kept longer: the journal stays, and the plan that its rows tell of */
	MOVES(TORRENTS | REPAIRS, repairs_purge(world.writer, 100, 100, 10));
	assert_int_equal(count("SELECT count(*) FROM attempt"), 0);
	assert_int_equal(count("SELECT count(*) FROM sample"), 0);
	assert_int_equal(count("SELECT count(*) FROM told_item"), 0);
	assert_string_equal(insertions(), "2:b:planned: ");
	assert_int_equal(count("SELECT count(*) FROM insertion"), 1);
	assert_int_equal(count("SELECT count(*) FROM journal"), 3);
	assert_int_equal(count("SELECT count(*) FROM plan WHERE hash IN ('x', 'new')"), 2);
	assert_int_equal(count("SELECT count(*) FROM plan"), 2);
	assert_int_equal(count("SELECT count(*) FROM plan_item"), 3);
	/* an end that is younger than the change counts */
	assert_int_equal(repairs_purge(world.writer, 0, 0, 15), 0);
	assert_string_equal(journal("", 0), "3:y:planned:new:0:0 2:x:undone:new:0:20 ");
	/* and an open row stays for ever */
	assert_int_equal(repairs_purge(world.writer, 0, 0, INT64_MAX), 0);
	assert_string_equal(journal("", 0), "3:y:planned:new:0:0 ");
	reopen();
	assert_string_equal(journal("", 0), "3:y:planned:new:0:0 ");
	assert_string_equal(plan_state("x"), "x applied ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_plan_supersedes_the_planned_one_but_never_one_that_is_applying),
		T(the_state_of_an_item_moves_its_topic_once),
		T(the_journal_is_durable_bit_for_bit),
		T(a_hash_has_one_open_insertion),
		T(what_managers_were_told_is_followed_to_its_end),
		T(samples_come_by_time),
		T(purging_keeps_what_is_young_or_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
