/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/status_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/live.h"
#include "fs/document.h"
#include "fs/view.h"

enum {
	PAUSE_MS = 100,
	/** Without a mount. */
	JOB_MS = 500,
	NO_INDEXER_MS = 2000,
	DOCUMENT_MAX = 1 << 20,
};

/* --- the mount of this index --- */

static int read_all(int fd, struct buf *out)
{
	for (;;) {
		char part[4096];
		ssize_t n = read(fd, part, sizeof part);
		if (n <= 0)
			return n < 0 ? -errno : buf_error(out);
		buf_add(out, part, (size_t)n);
	}
}

/** Whether the mount at @dir tells of the indexer that this live page is of. */
static bool is_of(const char *dir, int64_t pid)
{
	_buf_ struct buf path = BUF_INIT(1 << 16), json = BUF_INIT(DOCUMENT_MAX);
	struct document doc = {0};
	int64_t its = 0;
	buf_addf(&path, "%s/status/health.json", dir);
	_close_ int fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read_all(fd, &json) < 0)
		return false;
	if (document_read((struct bytes){buf_str(&json), json.len}, DOCUMENT_PLAIN, &doc) < 0)
		return false;
	bool is = document_number(&doc, "indexer", "pid", &its) && its == pid;
	document_clear(&doc);
	return is;
}

static int64_t pid_of(const char *state_dir)
{
	struct live_values live = {0};
	const struct live_page *page = live_open(state_dir);
	if (!page)
		return 0;
	live_read(page, &live);
	live_close(page);
	return (int64_t)live.pid;
}

static void find_mount(struct watch *w)
{
	int64_t pid = pid_of(w->state_dir);
	FILE *mounts = pid ? setmntent("/proc/self/mounts", "re") : NULL;
	struct mntent m;
	char text[3 * 4096];
	*w->dir = '\0';
	while (mounts && !*w->dir && getmntent_r(mounts, &m, text, sizeof text))
		if (strcmp(m.mnt_type, "fuse.mediamon") == 0 && is_of(m.mnt_dir, pid))
			snprintf(w->dir, sizeof w->dir, "%s", m.mnt_dir);
	if (mounts)
		endmntent(mounts);
}

/** What poll() wakes; -1 without a mount. */
static int open_summary(const char *dir)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	buf_addf(&path, "%s/status/summary.json", dir);
	return *dir ? open(buf_str(&path), O_RDONLY | O_CLOEXEC) : -1;
}

static int open_mount(struct watch *w)
{
	int fd = open_summary(w->dir);
	if (fd < 0) {
		find_mount(w);
		fd = open_summary(w->dir);
	}
	return fd;
}

/* --- without one --- */

static void *wait_for_commits(void *arg)
{
	enum { LONG_MS = 3600 * 1000 };
	struct watch *w = arg;
	uint32_t seen = 0;
	while (!atomic_load(&w->is_ending)) {
		uint64_t one = 1;
		views_wait(&seen, LONG_MS);
		if (write(w->changed, &one, sizeof one) < 0)
			break;
	}
	atomic_store(&w->has_ended, true);
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void watch_arm(struct watch *w)
{
	int64_t pid;
	uint64_t counted;
	close_fd(&w->mount);
	close_fd(&w->indexer);
	w->mount = open_mount(w);
	if (w->mount >= 0)
		return;
	if (live_indexer(w->state_dir, &pid))
		w->indexer = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (w->indexer >= 0 && !w->thread.is_started)
		thread_start(&w->thread, "status", wait_for_commits, w);
	/* nothing is there to be read when nothing happened */
	if (read(w->changed, &counted, sizeof counted) < 0)
		return;
}

static int patience(const struct watch *w, bool has_job)
{
	if (w->mount >= 0)
		return -1;
	return w->indexer < 0 ? NO_INDEXER_MS : has_job ? JOB_MS : -1;
}

/* --- both --- */

int status_watch_open(struct watch *w, const char *state_dir)
{
	static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
	sigset_t set;
	*w = (struct watch){.state_dir = state_dir, .mount = -1, .indexer = -1};
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->signals < 0 || w->changed < 0 ? -errno : 0;
}

void status_watch_close(struct watch *w)
{
	atomic_store(&w->is_ending, true);
	/* an awakening just before its sleep is lost */
	while (w->thread.is_started && !atomic_load(&w->has_ended)) {
		views_poke();
		poll(NULL, 0, 1);
	}
	thread_join(&w->thread);
	close_fd(&w->mount);
	close_fd(&w->indexer);
	close_fd(&w->changed);
	close_fd(&w->signals);
}

static enum watch_event take_signal(const struct watch *w, int *number)
{
	struct signalfd_siginfo info;
	if (read(w->signals, &info, sizeof info) != sizeof info)
		return WATCH_CHANGED;
	*number = (int)info.ssi_signo;
	switch (*number) {
	case SIGWINCH:
		return WATCH_RESIZED;
	case SIGTSTP:
		return WATCH_STOP;
	case SIGCONT:
		return WATCH_GOES_ON;
	default:
		return WATCH_END;
	}
}

enum watch_event watch_sleep(struct watch *w, bool has_job, int *number)
{
	struct pollfd fds[] = {
		{.fd = w->signals, .events = POLLIN},
		{.fd = w->mount, .events = POLLPRI},
		{.fd = w->mount < 0 ? w->changed : -1, .events = POLLIN},
		{.fd = w->indexer, .events = POLLIN},
	};
	int n = poll(fds, COUNT_OF(fds), patience(w, has_job));
	return n > 0 && fds[0].revents ? take_signal(w, number) : WATCH_CHANGED;
}

bool watch_pause(const struct watch *w)
{
	struct pollfd fd = {.fd = w->signals, .events = POLLIN};
	return poll(&fd, 1, PAUSE_MS) > 0;
}
