/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The program ends at every moment of a hand-over: nothing is sent twice, nothing is forgotten. */
#include "tests/unit/request_world.h"

#include <sys/wait.h>

/* --- killed at every moment --- */

/** A way in which the client answers add(). */
static const struct answer {
	int result;
	bool has_effect;
} answers[] = {
	{0, true}, {-ETIMEDOUT, true}, {-ETIMEDOUT, false}, {-EIO, true}, {-ECONNREFUSED, false},
};

/** Lives in a process of its own until @ns passed or it is killed; whether it was killed. */
static bool live(struct world *w, const struct client *const *clients, int64_t ns)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		world_open(w);
		work_for(w, clients, ns);
		fake->clock = world_now();
		world_close(w);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	assert_true(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	atomic_store(&world_clock, fake->clock);
	return killed;
}

static bool kill_at(long kill_at, const struct client *const *clients, const struct answer *answer)
{
	struct world w;
	char step[32] = "";
	begin(&w, "requests { check_interval = 30m }");
	fake->add_result = answer->result;
	fake->has_effect = answer->has_effect;
	/* the hash becomes known by fetching */
	snprintf(fake->fetched, sizeof fake->fetched, "%s", hash_number(0));
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", "", 3, 3, 10)), 0);
	fake->clock = world_now();
	world_close(&w);
	fake->kill_at = kill_at;
	bool killed = live(&w, clients, 10 * MINUTE_NS);
	fake->kill_at = -1;
	/* the client is well again */
	fake->add_result = 0;
	live(&w, clients, 4 * HOUR_NS);
	world_open(&w);
	snprintf(step, sizeof step, "%s", state_of(&w, "alpha", 3));
	if (fake->adds[0] > 1)
		fail_msg("moment %ld, %s: added %d times", kill_at, strerror(-answer->result), fake->adds[0]);
	/* whoever can be asked is asked, and gets it; whoever cannot is not sent it again */
	bool is_well = strcmp(step, "downloading") == 0 || strcmp(step, "sent") == 0;
	if (clients == seeing_only && (!is_well || fake->adds[0] != 1))
		fail_msg("moment %ld, %s: ended as %s", kill_at, strerror(-answer->result), step);
	if (!is_well && (strcmp(step, "failed") != 0 || told("it is not known whether") != 1))
		fail_msg("moment %ld, %s: is %s, told %d", kill_at, strerror(-answer->result), step,
			 fake->notices);
	end(&w);
	return killed;
}

static void kill_everywhere(const struct client *const *clients, long least)
{
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		long n = 0;
		while (n < 40 && kill_at(n, clients, &answers[i]))
			n++;
		assert_true(n >= least);
	}
}

static void who_can_be_asked_gets_it_once_wherever_we_are_killed(void **state)
{
	(void)state;
	kill_everywhere(seeing_only, 6);
}

static void who_cannot_be_asked_gets_it_at_most_once(void **state)
{
	(void)state;
	kill_everywhere(blind_only, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_can_be_asked_gets_it_once_wherever_we_are_killed),
		cmocka_unit_test(who_cannot_be_asked_gets_it_at_most_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
