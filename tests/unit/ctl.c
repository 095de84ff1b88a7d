/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The caller's side of the control socket, against indexers that answer, that do not, and that are not there. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/clock.h"
#include "common/ctl.h"

static char *state_dir;
static int listener;

static int make_dir(void **state)
{
	(void)state;
	static char template[] = "/tmp/mediamon-ctl.XXXXXX";
	state_dir = mkdtemp(template);
	return state_dir ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(state_dir);
}

/** A socket that takes connections into its queue and never looks at them. */
static void listen_only(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s/" CTL_SOCKET, state_dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listener, 64), 0);
}

static void listen_no_more(void)
{
	char path[200];
	snprintf(path, sizeof path, "%s/" CTL_SOCKET, state_dir);
	assert_int_equal(close(listener), 0);
	assert_int_equal(unlink(path), 0);
}

static int give(int timeout_ms, int *verdict, struct buf *answer)
{
	char token[CTL_TOKEN];
	ctl_token(token);
	return ctl_order(state_dir, token, "rescan", "all", 3, timeout_ms, verdict, answer);
}

/* a deadline is no whole number of milliseconds away when it is waited for: what wakes before it has not been answered */
static void one_that_does_not_answer_has_timed_out_however_the_clock_falls(void **state)
{
	(void)state;
	listen_only();
	for (int i = 0; i < 40; i++) {
		int verdict = -1, timeout_ms = i % 8;
		_buf_ struct buf answer = BUF_INIT(100);
		int64_t start = mono_ns();
		assert_int_equal(give(timeout_ms, &verdict, &answer), -ETIMEDOUT);
		assert_true(mono_ns() - start >= timeout_ms * NS_PER_MS);
		assert_int_equal(verdict, -1);
	}
	listen_no_more();
}

static void one_that_is_not_there_is_away(void **state)
{
	int verdict = -1;
	_buf_ struct buf answer = BUF_INIT(100);
	(void)state;
	assert_int_equal(give(1000, &verdict, &answer), -EAGAIN);
	/* a socket that an indexer left behind */
	listen_only();
	assert_int_equal(close(listener), 0);
	assert_int_equal(give(1000, &verdict, &answer), -EAGAIN);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	listen_no_more();
}

static int echo(void *arg, const char *token, const char *file, const char *text, size_t n, struct buf *answer)
{
	(void)arg;
	assert_int_equal(strlen(token), CTL_TOKEN - 1);
	buf_addf(answer, "%s %s %zu", file, text, n);
	return EBUSY;
}

static void the_verdict_and_the_sentence_come_back(void **state)
{
	struct ctl_server *server = NULL;
	char path[200];
	int verdict = -1;
	_buf_ struct buf answer = BUF_INIT(100);
	(void)state;
	assert_int_equal(ctl_serve(state_dir, -1, echo, NULL, &server), 0);
	assert_int_equal(give(10000, &verdict, &answer), 0);
	assert_int_equal(verdict, EBUSY);
	assert_string_equal(buf_str(&answer), "rescan all 3");
	ctl_stop(server);
	snprintf(path, sizeof path, "%s/" CTL_SOCKET, state_dir);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_does_not_answer_has_timed_out_however_the_clock_falls),
		cmocka_unit_test(one_that_is_not_there_is_away),
		cmocka_unit_test(the_verdict_and_the_sentence_come_back),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
