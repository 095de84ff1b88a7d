/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who is told of what was changed, how often, and when not: managers by item, people by run. */
#include "tests/unit/repair_world.h"

/* --- managers in memory: all of arr.c --- */

enum { ORDERS_MOST = 64 };

struct managers {
	int instances;
};

static struct {
	struct managers all;
	/** Paths that were told, in order. */
	char path[ORDERS_MOST][256];
	int told;
	/** Each find fails so. */
	int error;
	/** What follow says. */
	char state[32];
	int follow_error, followed;
	int64_t command;
} fake;

int managers_new(const struct outside *o, struct managers **out, char *why)
{
	(void)o, (void)why;
	*out = &fake.all;
	return 0;
}

void managers_free(struct managers *m)
{
	(void)m;
}

size_t managers_count(const struct managers *m)
{
	return (size_t)m->instances;
}

int managers_tell(struct managers *m, const char *path, bool search, bool (*allowed)(void *arg, const char *instance),
		  void (*done)(void *arg, const struct manager_step *step, int r, const char *why), void *arg)
{
	int accepted = 0, failure = 0;
	for (int i = 0; i < m->instances; i++) {
		struct manager_step step = {.act = MANAGER_RESCAN, .item = {.id = 1, .title = "Show"}};
		snprintf(step.instance, sizeof step.instance, "sonarr%d", i);
		for (int act = 0; act < 1 + search; act++) {
			step.act = act ? MANAGER_SEARCH : MANAGER_RESCAN;
			step.command = (struct manager_command){0};
			int r = fake.error;
			if (r == 0 && !allowed(arg, step.instance))
				r = -EAGAIN;
			if (r == 0) {
				step.command.id = ++fake.command;
				snprintf(step.command.state, sizeof step.command.state, "queued");
				snprintf(fake.path[fake.told++ % ORDERS_MOST], sizeof fake.path[0], "%s", path);
			}
			done(arg, &step, r, r == -EAGAIN ? "used up" : r ? "it is away" : "");
			accepted += r == 0;
			failure = failure ? failure : r;
			if (r < 0)
				break;
		}
	}
	return accepted ? accepted : failure;
}

int managers_follow(struct managers *m, const char *instance, int64_t command, struct manager_command *c, char *why)
{
	(void)m, (void)instance, (void)command;
	*c = (struct manager_command){.id = command};
	snprintf(c->state, sizeof c->state, "%s", fake.state);
	snprintf(why, WHY, "it is away");
	fake.followed++;
	return fake.follow_error;
}

/* --- notices --- */

static int notices;
static char notice_text[256];

void notify_put(struct notify *n, const struct notice *notice)
{
	(void)n;
	if (strcmp(notice->kind, "repaired") == 0) {
		notices++;
		snprintf(notice_text, sizeof notice_text, "%s", notice->text);
	}
}

void notify_flush(struct notify *n)
{
	(void)n;
}

static void begin(const char *options, int instances)
{
	memset(&fake, 0, sizeof fake);
	snprintf(fake.state, sizeof fake.state, "completed");
	fake.all.instances = instances;
	notices = 0;
	repair_begin(options, "");
	put_anchor();
}

static void put_gone(int n)
{
	put_dead(n, "dead");
	struct store_permanent p = {.provider = "memory", .hash = H(n), .torrent = "x", .name = "x", .kind = "infringing_file",
				    .reason = "infringing", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
}

static void remove_gone(int n)
{
	for (int i = 1; i <= n; i++)
		put_gone(i);
	index_all();
	ASSERT_APPLIED(plan());
}

static void managers_are_told_of_the_item(void **state)
{
	(void)state;
	begin(WIDE, 1);
	remove_gone(1);
	live(MINUTE_NS);
	assert_int_equal(fake.told, 2);
	assert_string_equal(fake.path[0], links_path("d/1.mkv"));
	assert_int_equal(rows("SELECT count(*) FROM told_item WHERE action = 'rescan' AND instance = 'sonarr0'"), 1);
	assert_int_equal(rows("SELECT count(*) FROM told_item WHERE action = 'search' AND instance = 'sonarr0'"), 1);
	/* followed to the end, then not any more */
	assert_int_equal(rows("SELECT count(*) FROM told_item WHERE state = 'completed'"), 2);
	int followed = fake.followed;
	assert_int_equal(followed, 2);
	live(DAY_NS);
	assert_int_equal(fake.followed, followed);
	assert_int_equal(fake.told, 2);
	repair_end();
}

static void at_most_so_many_in_an_hour_and_the_rest_later(void **state)
{
	(void)state;
	begin(WIDE "arr {\n\tper_hour = 4\n}\n", 1);
	remove_gone(6);
	live(55 * MINUTE_NS);
	assert_int_equal(fake.told, 4);
	assert_true(rows("SELECT count(*) FROM told_item WHERE state = 'queued' AND instance = ''") >= 3);
	live(HOUR_NS);
	assert_in_range(fake.told, 5, 8);
	live(5 * HOUR_NS);
	/* each was told of in the end */
	for (int n = 1; n <= 6; n++) {
		char path[32];
		int found = 0;
		snprintf(path, sizeof path, "d/%d.mkv", n);
		for (int i = 0; i < fake.told; i++)
			found += strcmp(fake.path[i], links_path(path)) == 0;
		if (!found)
			fail_msg("%s was never told of", path);
	}
	assert_int_equal(rows("SELECT count(*) FROM told_item WHERE state = 'queued'"), 0);
	repair_end();
}

static void the_hour_outlives_a_restart(void **state)
{
	(void)state;
	begin(WIDE "arr {\n\tper_hour = 4\n}\n", 1);
	remove_gone(6);
	live(5 * MINUTE_NS);
	assert_int_equal(fake.told, 4);
	repair_restart();
	live(45 * MINUTE_NS);
	assert_int_equal(fake.told, 4);
	repair_end();
}

static void nobody_is_told_while_the_mount_is_not_healthy(void **state)
{
	(void)state;
	begin(WIDE, 1);
	remove_gone(1);
	/* until the link is changed, and no further */
	int64_t next_at;
	for (int i = 0; i < 50 && links_is_there("d/1.mkv"); i++)
		repair_step(repair, &next_at);
	assert_false(links_is_there("d/1.mkv"));
	mount_away();
	mount_follows = false;
	live(3 * HOUR_NS);
	assert_int_equal(fake.told, 0);
	assert_true(strlen(text_of_row("SELECT text FROM told_item")) > 10);
	mount_back();
	live(HOUR_NS);
	assert_int_equal(fake.told, 2);
	repair_end();
}

static void what_fails_ends(void **state)
{
	(void)state;
	begin(WIDE, 1);
	fake.error = -EIO;
	remove_gone(1);
	live(DAY_NS);
	assert_int_equal(rows("SELECT count(*) FROM told_item WHERE state NOT IN ('failed', 'done', 'completed')"), 0);
	assert_true(rows("SELECT count(*) FROM told_item WHERE state = 'failed' AND text = 'it is away'") >= 1);
	repair_end();
}

static void a_command_that_never_ends_is_given_up(void **state)
{
	(void)state;
	begin(WIDE, 1);
	snprintf(fake.state, sizeof fake.state, "started");
	remove_gone(1);
	live(DAY_NS);
	assert_int_equal(rows("SELECT count(*) FROM told_item WHERE state = 'started'"), 0);
	int followed = fake.followed;
	live(DAY_NS);
	assert_int_equal(fake.followed, followed);
	repair_end();
}

static void people_are_told_once_a_run(void **state)
{
	(void)state;
	begin(WIDE, 0);
	remove_gone(3);
	live(HOUR_NS);
	assert_int_equal(notices, 1);
	assert_string_equal(notice_text, "3 put back or mended, 0 failed, 0 left as they were or held; 3 links changed");
	repair_restart();
	live(DAY_NS);
	assert_int_equal(notices, 1);
	repair_end();
}

static void without_managers_nothing_waits(void **state)
{
	(void)state;
	begin(WIDE, 0);
	remove_gone(1);
	live(HOUR_NS);
	assert_int_equal(rows("SELECT count(*) FROM told_item"), 0);
	repair_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(managers_are_told_of_the_item),
		cmocka_unit_test(at_most_so_many_in_an_hour_and_the_rest_later),
		cmocka_unit_test(the_hour_outlives_a_restart),
		cmocka_unit_test(nobody_is_told_while_the_mount_is_not_healthy),
		cmocka_unit_test(what_fails_ends),
		cmocka_unit_test(a_command_that_never_ends_is_given_up),
		cmocka_unit_test(people_are_told_once_a_run),
		cmocka_unit_test(without_managers_nothing_waits),
	};
	int child = repair_child(argc, argv);
	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
