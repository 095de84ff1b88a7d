/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Looks at links while the store's disk is full. */
#include "tests/unit/links_world.h"

#include "indexer/symlinks/looker.h"
#include "tests/unit/faulty_disk.h"

enum { PAIRS = 3000 };

static void fill_disk(struct world *w)
{
	(void)w;
	faulty_set(SQLITE_FULL, 0, false);
}

static void empty_disk(struct world *w)
{
	faulty_set(SQLITE_OK, 0, false);
	for (int i = 0; writer_error(w->writer) && i < 400; i++)
		nanosleep(&(struct timespec){0, 50 * NS_PER_MS}, NULL);
	assert_int_equal(writer_error(w->writer), 0);
}

static void a_link_that_waited_for_the_disk_is_there_once(void **state)
{
	struct world w;
	(void)state;
	faulty_begin();
	world_begin(&w, "");
	for (int i = 0; i < PAIRS; i++)
		put_pair(&w, i);
	w.step = "targets";
	w.act = fill_disk;
	assert_true(symlinks_look(w.links, false) < 0);
	assert_int_equal(total(&w), 0);
	/* what was told is still on its way: a look that began with a store that lacks it would tell it again */
	w.step = "forget";
	w.act = empty_disk;
	assert_int_equal(symlinks_look(w.links, false), -ENOSPC);
	w.act = NULL;
	empty_disk(&w);
	assert_int_equal(symlinks_look(w.links, false), 0);
	assert_int_equal(total(&w), PAIRS);
	assert_int_equal(count(&w, LINK_OK), PAIRS);
	/* all of the trees once more, against the rows */
	assert_int_equal(symlinks_look(w.links, true), 0);
	assert_int_equal(total(&w), PAIRS);
	world_end(&w);
	faulty_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_link_that_waited_for_the_disk_is_there_once)};
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
