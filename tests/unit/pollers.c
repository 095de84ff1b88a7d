/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a poll is answered, whom a change wakes; and where bytes lie that are too many. */
#include "tests/unit/unit.h"

#include <poll.h>

#include "common/clock.h"
#include "fs/pollers.h"
#include "fs/spill.h"
#include "fs/tree.h"

static int woken[POLLERS_MAX + 8], dropped;

static void wake(void *handle)
{
	++*(int *)handle;
}

static void drop(void *handle)
{
	(void)handle;
	dropped++;
}

static struct poll_question question(const char *path, uint64_t version, unsigned events)
{
	struct view v = {0};
	struct poll_question q = {.caller = 7, .events = events};
	int64_t at;
	tree_init();
	assert_int_equal(tree_resolve(&v, path, &q.node, &at), 0);
	q.node.version = version;
	q.id = tree_id(&q.node);
	return q;
}

static int start(void **state)
{
	(void)state;
	memset(woken, 0, sizeof woken);
	dropped = 0;
	pollers_start(wake, drop);
	pollers_set(&(struct announced){0});
	return 0;
}

static int stop(void **state)
{
	(void)state;
	pollers_stop();
	assert_int_equal(pollers_count(), 0);
	return 0;
}

static void a_document_is_old_once_a_newer_one_is_announced(void **state)
{
	struct poll_question q = question("status/missing", 5, POLLPRI);
	struct announced a = {.topic[TOPIC_missing] = 5};
	(void)state;
	pollers_set(&a);
	assert_int_equal(pollers_ask(&q, &woken[0]), 0);
	a.topic[TOPIC_music] = 6;
	pollers_set(&a);
	pollers_wake(mono_ns());
	assert_int_equal(woken[0], 0);
	a.topic[TOPIC_missing] = 7;
	pollers_set(&a);
	assert_int_equal(woken[0], 0);
	pollers_wake(mono_ns());
	assert_int_equal(woken[0], 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pollers_ask(&q, &woken[1]), POLLPRI | POLLIN | POLLRDNORM);
	assert_int_equal(dropped, 3);
	/* a reader that is ahead of the announcement is not told to go back */
	q = question("status/missing", 8, POLLPRI);
	assert_int_equal(pollers_ask(&q, NULL), 0);
}

static void a_mood_makes_a_document_old_too(void **state)
{
	struct poll_question q = question("status/missing", 5, POLLPRI);
	struct announced a = {.topic[TOPIC_missing] = 5};
	(void)state;
	pollers_set(&a);
	assert_int_equal(pollers_ask(&q, &woken[0]), 0);
	a.mood[0] = 1;
	pollers_set(&a);
	pollers_wake(mono_ns());
	assert_int_equal(woken[0], 1);
}

static void whoever_does_not_ask_for_a_change_has_a_plain_file(void **state)
{
	const unsigned plain = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
	struct poll_question q = question("status/missing", 5, POLLIN);
	(void)state;
	assert_int_equal(pollers_ask(&q, NULL), plain);
	q.events = POLLIN | POLLPRI;
	assert_int_equal(pollers_ask(&q, NULL), 0);
	/* select() */
	q.events = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND;
	assert_int_equal(pollers_ask(&q, NULL), plain);
	q = question("README.txt", 0, POLLPRI);
	assert_int_equal(pollers_ask(&q, &woken[0]), plain);
	assert_int_equal(dropped, 1);
}

static void one_growth_is_told_to_each_caller(void **state)
{
	struct poll_question q = question("events.jsonl", 1, POLLPRI), other = q;
	struct announced a = {.segment = {q.id}, .growths = 1};
	(void)state;
	other.caller = 8;
	pollers_set(&a);
	for (int growth = 0; growth < 3; growth++) {
		int *w = &woken[10 * growth];
		assert_true(pollers_ask(&q, &w[0]) & POLLPRI);
		assert_true(pollers_ask(&q, &w[1]) & POLLPRI);
		assert_int_equal(pollers_ask(&q, &w[2]), 0);
		assert_true(pollers_ask(&other, NULL) & POLLPRI);
		a.growths++;
		pollers_set(&a);
		pollers_wake(mono_ns());
		/* an edge-triggered epoll does not ask again: it is woken even if it was told before */
		assert_true(w[0] == 1 && w[1] == 1 && w[2] == 1);
	}
}

static void a_former_segment_has_ended(void **state)
{
	struct poll_question q = question("events.jsonl", 3, POLLPRI);
	struct poll_question next = question("events.jsonl", 4, POLLPRI);
	struct announced a = {.segment = {q.id}};
	(void)state;
	pollers_set(&a);
	while (pollers_ask(&q, &woken[0]))
		;
	a.segment[0] = next.id;
	pollers_set(&a);
	pollers_wake(mono_ns());
	assert_true(woken[0] > 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(pollers_ask(&q, NULL), POLLPRI | POLLIN | POLLRDNORM | POLLHUP);
	assert_true(!(pollers_ask(&next, NULL) & POLLHUP));
}

static void handles_are_few_and_not_kept_for_ever(void **state)
{
	struct poll_question q = question("status/missing", 5, POLLPRI);
	(void)state;
	for (int i = 0; i < POLLERS_MAX + 2; i++)
		assert_int_equal(pollers_ask(&q, &woken[i]), 0);
	assert_int_equal(pollers_count(), POLLERS_MAX);
	assert_true(woken[0] == 1 && woken[1] == 1 && woken[2] == 0);
	pollers_wake(mono_ns() + (POLLERS_KEPT_S - 10) * NS_PER_S);
	assert_int_equal(pollers_count(), POLLERS_MAX);
	pollers_wake(mono_ns() + POLLERS_KEPT_S * NS_PER_S);
	assert_int_equal(pollers_count(), 0);
	assert_int_equal(woken[POLLERS_MAX + 1], 1);
}

/* --- spill --- */

static void check_place(const struct place *p, char c, size_t n)
{
	char *data = malloc(n);
	assert_int_equal(spill_read(p, data, n, 0), n);
	for (size_t i = 0; i < n; i++)
		if (data[i] != c)
			fail_msg("byte %zu is %d", i, data[i]);
	free(data);
}

static void put_many(const char *dir)
{
	struct place p[100], former;
	static char data[50000], more[200000];
	size_t files;
	uint64_t room;
	spill_start(dir);
	for (int i = 0; i < 100; i++) {
		memset(data, i, sizeof data);
		assert_int_equal(spill_put(&p[i], data, sizeof data), 0);
	}
	for (int i = 0; i < 100; i += 2)
		spill_drop(&p[i]);
	for (int i = 1; i < 100; i += 2) {
		memset(more, i, sizeof more);
		check_place(&p[i], (char)i, sizeof data);
		assert_int_equal(spill_append(&p[i], &former, sizeof data, more, sizeof more), 0);
		check_place(&p[i], (char)i, sizeof data + sizeof more);
		check_place(&former, (char)i, sizeof data);
		spill_drop(&former);
		/* now there is room */
		assert_int_equal(spill_append(&p[i], &former, sizeof data, more, sizeof more), 0);
		assert_null(former.file);
	}
	spill_count(&files, &room);
	assert_int_equal(files, 1);
	for (int i = 1; i < 100; i += 2)
		spill_drop(&p[i]);
	spill_count(&files, &room);
	assert_true(files == 0 && room == 0);
}

static void what_is_spilled_is_read_back(void **state)
{
	char *dir = unit_folder();
	(void)state;
	put_many(dir);
	unit_remove(dir);
	/* no disk */
	put_many("/nowhere");
	put_many(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_document_is_old_once_a_newer_one_is_announced, start,
						stop),
		cmocka_unit_test_setup_teardown(a_mood_makes_a_document_old_too, start, stop),
		cmocka_unit_test_setup_teardown(whoever_does_not_ask_for_a_change_has_a_plain_file,
						start, stop),
		cmocka_unit_test_setup_teardown(one_growth_is_told_to_each_caller, start, stop),
		cmocka_unit_test_setup_teardown(a_former_segment_has_ended, start, stop),
		cmocka_unit_test_setup_teardown(handles_are_few_and_not_kept_for_ever, start, stop),
		cmocka_unit_test(what_is_spilled_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
