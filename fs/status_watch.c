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
#include "common/clock.h"
#include "common/live.h"
#include "fs/document.h"
#include "fs/view.h"

enum {
	PAUSE_MS = 100,
	/** Without a mount.  Nobody tells of an indexer that stands still. */
	JOB_MS = 500,
	NO_INDEXER_MS = 2000,
	SILENCE_MS = 5000,
	/** A mount that has not answered after this time is as good as none. */
	HANGS_S = 10,
	/** Pauses at the end; then a thread that hangs in a mount is left to the end of the process. */
	LEAVE_PAUSES = 10,
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

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/** Wakes who polls the eventfd. */
static void tell(int fd)
{
	uint64_t one = 1;
	if (write(fd, &one, sizeof one) < 0)
		return;
}

static void forget_told(int fd)
{
	uint64_t counted;
	/* nothing is there to be read when nobody told */
	if (read(fd, &counted, sizeof counted) < 0)
		return;
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
static int open_file(const char *dir, const char *name)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	buf_addf(&path, "%s/%s", dir, name);
	return *dir ? open(buf_str(&path), O_RDONLY | O_CLOEXEC) : -1;
}

static const char *const FILES[] = {"status/summary.json", "metrics/chapters.json"};

/** False, and none is open, without a mount. */
static bool open_mount(struct watch *w, int fd[COUNT_OF(FILES)])
{
	fd[0] = open_file(w->dir, FILES[0]);
	if (fd[0] < 0) {
		find_mount(w);
		fd[0] = open_file(w->dir, FILES[0]);
	}
	for (size_t i = 1; i < COUNT_OF(FILES); i++)
		fd[i] = fd[0] < 0 ? -1 : open_file(w->dir, FILES[i]);
	return fd[0] >= 0;
}

/** Only this thread touches the mount: one that hangs holds nobody else.  It tells after it opened the files anew, so
 * that whoever looks then misses nothing. */
static void *follow_mount(void *arg)
{
	struct watch *w = arg;
	while (!atomic_load(&w->is_ending)) {
		struct pollfd asked = {.fd = w->asked, .events = POLLIN};
		forget_told(w->asked);
		int fd[COUNT_OF(FILES)];
		enum watch_mount found = open_mount(w, fd) ? WATCH_MOUNT : WATCH_NO_MOUNT;
		if (atomic_exchange(&w->mount, found) != found || found == WATCH_MOUNT)
			tell(w->changed);
		struct pollfd fds[1 + COUNT_OF(FILES)] = {asked};
		for (size_t i = 0; i < COUNT_OF(FILES); i++)
			fds[1 + i] = (struct pollfd){.fd = fd[i], .events = POLLPRI};
		if (found == WATCH_NO_MOUNT || poll(&asked, 1, PAUSE_MS) == 0)
			poll(fds, COUNT_OF(fds), -1);
		for (size_t i = 0; i < COUNT_OF(FILES); i++)
			close_fd(&fd[i]);
	}
	atomic_store(&w->mount_ended, true);
	tell(w->changed);
	return NULL;
}

/* --- without one --- */

static void *wait_for_commits(void *arg)
{
	enum { LONG_MS = 3600 * 1000 };
	struct watch *w = arg;
	uint32_t seen = 0;
	while (!atomic_load(&w->is_ending)) {
		views_wait(&seen, LONG_MS);
		tell(w->changed);
	}
	atomic_store(&w->commits_ended, true);
	return NULL;
}

/** All mounts are being asked, and none hangs as far as one can tell yet: it looks again after each pause. */
static bool is_asking(const struct watch *w)
{
	return atomic_load(&w->mount) == WATCH_ASKED && mono_ns() - w->asked_at < HANGS_S * NS_PER_S;
}

void watch_arm(struct watch *w)
{
	int64_t pid;
	forget_told(w->changed);
	close_fd(&w->indexer);
	if (atomic_load(&w->mount) == WATCH_MOUNT || is_asking(w))
		return;
	tell(w->asked);
	if (live_indexer(w->state_dir, &pid))
		w->indexer = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (w->indexer >= 0 && !w->commits.is_started)
		thread_start(&w->commits, "status", wait_for_commits, w);
}

static int patience(const struct watch *w, enum watch_hurry hurry)
{
	if (is_asking(w))
		return PAUSE_MS;
	if (hurry == WATCH_LIMITED)
		return NO_INDEXER_MS;
	if (atomic_load(&w->mount) == WATCH_MOUNT)
		return -1;
	return w->indexer < 0 ? NO_INDEXER_MS : hurry == WATCH_JOB ? JOB_MS : SILENCE_MS;
}

/* --- both --- */

int status_watch_open(struct watch *w, const char *state_dir)
{
	static const int wanted[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
	sigset_t set;
	*w = (struct watch){.state_dir = state_dir, .indexer = -1, .asked_at = mono_ns()};
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->asked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->signals < 0 || w->changed < 0 || w->asked < 0)
		return -errno;
	return thread_start(&w->follower, "mount", follow_mount, w);
}

void status_watch_close(struct watch *w)
{
	atomic_store(&w->is_ending, true);
	/* an awakening just before its sleep is lost */
	while (w->commits.is_started && !atomic_load(&w->commits_ended)) {
		views_poke();
		poll(NULL, 0, 1);
	}
	thread_join(&w->commits);
	tell(w->asked);
	for (int i = 0; i < LEAVE_PAUSES && !atomic_load(&w->mount_ended); i++) {
		struct pollfd told = {.fd = w->changed, .events = POLLIN};
		forget_told(w->changed);
		if (!atomic_load(&w->mount_ended))
			poll(&told, 1, PAUSE_MS);
	}
	close_fd(&w->indexer);
	close_fd(&w->signals);
	if (!atomic_load(&w->mount_ended))
		return;
	thread_join(&w->follower);
	close_fd(&w->changed);
	close_fd(&w->asked);
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

enum watch_event watch_sleep(struct watch *w, enum watch_hurry hurry, int *number)
{
	struct pollfd fds[] = {
		{.fd = w->signals, .events = POLLIN},
		{.fd = w->changed, .events = POLLIN},
		{.fd = w->indexer, .events = POLLIN},
	};
	int n = poll(fds, COUNT_OF(fds), patience(w, hurry));
	return n > 0 && fds[0].revents ? take_signal(w, number) : WATCH_CHANGED;
}

bool watch_pause(const struct watch *w)
{
	struct pollfd fd = {.fd = w->signals, .events = POLLIN};
	return poll(&fd, 1, PAUSE_MS) > 0;
}
