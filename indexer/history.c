/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/history.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/snapshot.h"
#include "common/store_read.h"
#include "common/thread.h"
#include "indexer/load/writer.h"

extern char **environ;

enum {
	DEADLINE_S = 30,
	/** After a start the first one waits so long, for the scan that begins to show something. */
	FIRST_S = 60,
	/** Longest sleep: the clock may be set meanwhile. */
	NAP_S = 20,
};

struct history {
	char *config_path, *state_dir;
	int64_t interval;
	struct writer *writer;
	struct thread thread;
	/** Readable when the end has come. */
	int end;
	/* only the thread: */
	bool has_complained;
};

/* --- the child --- */

/** mediamon beside this program, or where `make install` puts it. */
static int find_program(struct buf *path)
{
	static const char *const places[] = {"", "/../bin"};
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return -errno;
	self[n] = '\0';
	const char *slash = strrchr(self, '/');
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		buf_reset(path);
		buf_addf(path, "%.*s%s/mediamon", slash ? (int)(slash - self) : 0, self, places[i]);
		if (access(buf_str(path), X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/** Starts argv with standard output at @out; errors go where ours go. */
static int spawn(char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, pipe_only;
	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &pipe_only);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	int r = posix_spawn(pid, argv[0], &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/** Everything the child says, until it ends.  -ETIME, -E2BIG, -ECANCELED when we end first. */
static int read_all(const struct history *h, int fd, struct buf *out)
{
	enum { PIECE = 1 << 16 };
	int64_t deadline = mono_ns() + DEADLINE_S * NS_PER_S;
	for (;;) {
		struct pollfd fds[] = {{fd, POLLIN, 0}, {h->end, POLLIN, 0}};
		int64_t left = (deadline - mono_ns()) / NS_PER_MS;
		if (left <= 0)
			return -ETIME;
		if (poll(fds, COUNT_OF(fds), (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return -ECANCELED;
		if (!fds[0].revents)
			continue;
		int r = buf_reserve(out, PIECE);
		if (r < 0)
			return r;
		ssize_t n = read(fd, out->data + out->len, PIECE);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		out->len += (size_t)n;
	}
}

/** Waits for a child that has closed its output and is about to end; one that does not is killed,
 * as is one that failed us (@r). */
static int reap(pid_t pid, int r)
{
	enum { TRIES = 200 };
	int status = 0;
	pid_t gone = 0;
	for (int i = 0; r == 0 && gone == 0 && i < TRIES; i++) {
		gone = waitpid(pid, &status, WNOHANG);
		if (gone == 0)
			nanosleep(&(struct timespec){0, 10 * NS_PER_MS}, NULL);
	}
	if (gone == 0) {
		kill(pid, SIGKILL);
		gone = waitpid(pid, &status, 0);
	}
	if (r < 0)
		return r;
	return gone == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int run_child(const struct history *h, struct buf *out)
{
	int ends[2];
	pid_t pid;
	_buf_ struct buf program = BUF_INIT(8192);
	int r = find_program(&program);
	if (r < 0)
		return r;
	char *argv[] = {program.data, (char *)(uintptr_t)"snapshot", h->config_path, h->state_dir, NULL};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	_close_ int from = ends[0];
	r = spawn(argv, ends[1], &pid);
	close(ends[1]);
	return r < 0 ? r : reap(pid, read_all(h, from, out));
}

/* --- one snapshot --- */

static int take_snapshot(struct history *h)
{
	/* one piece more than a stream may have, so that a longer one is seen to be */
	_buf_ struct buf stream = BUF_INIT(SNAPSHOT_MAX + (1 << 17));
	struct snapshot *s = NULL;
	int64_t time = now_ns() / NS_PER_S * NS_PER_S, row;
	int r = run_child(h, &stream);
	if (r == 0)
		r = snapshot_read(buf_str(&stream), stream.len, &s);
	if (r < 0)
		return r;
	struct change *c = change_new(CHANGE_HISTORY, 0);
	if (!c) {
		snapshot_free(s);
		return -ENOMEM;
	}
	s->time = time;
	c->snapshot = s;
	return writer_call(h->writer, c, &row);
}

static const char *reason_of(int r)
{
	switch (-r) {
	case ENOENT:
		return "the program mediamon is neither beside mediamond nor in ../bin";
	case ECHILD:
		return "`mediamon snapshot` failed";
	case ETIME:
		return "`mediamon snapshot` did not end in time";
	case EPROTO:
		return "`mediamon snapshot` is of another version";
	default:
		return strerror(-r);
	}
}

static void try_snapshot(struct history *h)
{
	int r = take_snapshot(h);
	if (r == -ECANCELED)
		return;
	if (r < 0 && !h->has_complained)
		log_warning("the documents of status/ could not be kept in history/: %s; it is tried "
			    "again at the next time",
			    reason_of(r));
	h->has_complained = r < 0;
}

/* --- when --- */

static int64_t next_after(const struct history *h, int64_t now)
{
	return now - now % h->interval + h->interval;
}

/** A while after the start when the last one is older than the interval, else at the next time. */
static int64_t first_due(const struct history *h, int64_t now)
{
	struct store *s = NULL;
	int64_t last = 0, wait = FIRST_S * NS_PER_S, next = next_after(h, now);
	if (store_open_reader(h->state_dir, &s) == 0)
		store_history_last(s, &last);
	store_close(s);
	if (last <= now && now - last < h->interval)
		return next;
	return now + wait < next ? now + wait : next;
}

/** Sleeps until @due.  False when the end has come; true early when the clock was set back. */
static bool wait_until(const struct history *h, int64_t due)
{
	for (;;) {
		int64_t left = due - now_ns();
		if (left <= 0 || left > h->interval)
			return true;
		if (left > NAP_S * NS_PER_S)
			left = NAP_S * NS_PER_S;
		struct pollfd fd = {h->end, POLLIN, 0};
		if (poll(&fd, 1, (int)(left / NS_PER_MS) + 1) > 0)
			return false;
	}
}

static void *run(void *arg)
{
	struct history *h = arg;
	int64_t due = first_due(h, now_ns());
	while (wait_until(h, due)) {
		if (now_ns() >= due)
			try_snapshot(h);
		due = next_after(h, now_ns());
	}
	return NULL;
}

/* --- public --- */

int history_new(const struct history_options *options, struct history **out)
{
	*out = NULL;
	if (!options->interval || !*options->config_path)
		return 0;
	struct history *h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	h->config_path = strdup(options->config_path);
	h->state_dir = strdup(options->state_dir);
	h->interval = options->interval;
	h->writer = options->writer;
	h->end = eventfd(0, EFD_CLOEXEC);
	int r = h->end < 0 ? -errno : h->config_path && h->state_dir ? 0 : -ENOMEM;
	if (r == 0)
		r = thread_start(&h->thread, "history", run, h);
	if (r < 0) {
		history_free(h);
		return r;
	}
	*out = h;
	return 0;
}

void history_free(struct history *h)
{
	uint64_t one = 1;
	if (!h)
		return;
	if (h->end >= 0 && write(h->end, &one, sizeof one) < 0)
		log_debug("the history's thread is awake already");
	thread_join(&h->thread);
	if (h->end >= 0)
		close(h->end);
	free(h->config_path);
	free(h->state_dir);
	free(h);
}
