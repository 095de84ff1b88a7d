/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many losses at once are more likely the mount than the files. */
#include "tests/unit/links_world.h"

#include "indexer/symlinks/looker.h"

static void a_tree_that_lost_most_forgets_when_a_person_says_so(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 100);
	look(&w);
	for (int i = 0; i < 5; i++)
		remove_all(at(&w, "links/D%03d", i));
	for (int i = 0; i < 3; i++) {
		pass(&w, 24);
		look(&w);
		assert_int_equal(total(&w), 100);
	}
	assert_int_equal(hold_of(&w).count, 50);
	assert_non_null(strstr(hold_of(&w).reason, "50 of 100 links vanished at once"));
	assert_int_equal(symlinks_accept_loss(w.links, "links", 50, true), 0);
	look(&w);
	assert_int_equal(total(&w), 50);
	assert_int_equal(hold_of(&w).count, 0);
	world_end(&w);
}

static void many_losses_at_once_are_held(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 300);
	look(&w);
	for (int i = 6; i < 300; i++)
		lose_target(&w, i);
	for (int i = 0; i < 5; i++) {
		pass(&w, 12);
		look(&w);
		assert_int_equal(count(&w, LINK_HELD), 294);
		assert_int_equal(count(&w, LINK_OK), 6);
	}
	struct hold h = hold_of(&w);
	assert_int_equal(h.count, 294);
	assert_non_null(strstr(h.reason, "294 of 300 links lost their target at once"));
	assert_non_null(strstr(h.reason, "294 of 300 links lost their target at once"));
	/* what is back is no longer held */
	put_file(&w, "mnt/__all__/T0100/file.mkv");
	restart(&w);
	pass(&w, 1);
	look(&w);
	assert_int_equal(pair(&w, 100).row.state, LINK_OK);
	assert_int_equal(hold_of(&w).count, 293);
	assert_int_equal(symlinks_accept_loss(w.links, "links", 294, true), -EINVAL);
	assert_int_equal(symlinks_accept_loss(w.links, "other", 293, true), -ENOENT);
	assert_int_equal(symlinks_accept_loss(w.links, "links", 293, false), 0);
	assert_int_equal(count(&w, LINK_HELD), 293);
	assert_int_equal(symlinks_accept_loss(w.links, "links", 293, true), 0);
	assert_int_equal(count(&w, LINK_SUSPECT), 293);
	assert_int_equal(pair(&w, 200).row.sightings, 1);
	assert_int_equal(hold_of(&w).count, 0);
	pass(&w, 12);
	look(&w);
	assert_int_equal(count(&w, LINK_HELD), 0);
	assert_int_equal(pair(&w, 200).row.sightings, 2);
	world_end(&w);
}

/* A look may see but the beginning of it. */
static void what_vanished_just_before_a_mass_loss_is_held_with_it(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 300);
	look(&w);
	for (int i = 100; i < 103; i++)
		lose_target(&w, i);
	pass(&w, 12);
	look(&w);
	assert_int_equal(count(&w, LINK_SUSPECT), 3);
	for (int i = 103; i < 300; i++)
		lose_target(&w, i);
	for (int i = 0; i < 5; i++) {
		pass(&w, 12);
		look(&w);
		assert_int_equal(count(&w, LINK_HELD), 200);
	}
	for (int i = 100; i < 300; i++)
		put_pair(&w, i);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 300);
	world_end(&w);
}

/* Each look a few: none of them alone would be too many. */
static void a_loss_that_grows_from_look_to_look_is_held(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 300);
	look(&w);
	for (int i = 100; i < 130; i++) {
		lose_target(&w, i);
		if (i % 10 == 9) {
			pass(&w, 1);
			look(&w);
		}
	}
	assert_int_equal(count(&w, LINK_HELD), 30);
	world_end(&w);
}

static void a_hold_ends_when_all_is_back(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, "");
	put_pairs(&w, 60);
	look(&w);
	/* all: none of the anchors is there, and the mount is not believed at all */
	for (int i = 0; i < 60; i++)
		lose_target(&w, i);
	for (int i = 0; i < 5; i++) {
		pass(&w, 12);
		look(&w);
		assert_int_equal(count(&w, LINK_HELD), 60);
	}
	assert_int_equal(hold_of(&w).count, 60);
	for (int i = 0; i < 60; i++)
		put_pair(&w, i);
	look(&w);
	assert_int_equal(count(&w, LINK_OK), 60);
	assert_int_equal(hold_of(&w).count, 0);
	assert_health(&w, "healthy");
	world_end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_that_lost_most_forgets_when_a_person_says_so),
		cmocka_unit_test(many_losses_at_once_are_held),
		cmocka_unit_test(what_vanished_just_before_a_mass_loss_is_held_with_it),
		cmocka_unit_test(a_loss_that_grows_from_look_to_look_is_held),
		cmocka_unit_test(a_hold_ends_when_all_is_back),
	};
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
