/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/nursery.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/extract/worker.h"
#include "indexer/pass.h"

enum {
	ORDERS = WORKER_RESULTS,
	/** One on a slow disk is ready, and any answers, within this time. */
	ANSWER_S = 5,
	END_MS = 200,
};

/** After the first one that failed, and at most. */
static const int64_t pause_first = NS_PER_S, pause_most = 600 * NS_PER_S;

/* --- the indexer's side --- */

void nursery_init(struct nursery *n, enum sandbox_mode sandbox)
{
	*n = (struct nursery){.sandbox = sandbox, .orders = -1,
			      .is_impossible = (sandbox_offered() & LIVE_SANDBOX_SANITIZED) != 0};
}

static pid_t spawn(const struct nursery *n, const char *role, int socket)
{
	const struct child_fd fds[] = {{socket, WORKER_RESULTS}};
	return child_spawn(role, sandbox_mode_name(n->sandbox), fds, (int)COUNT_OF(fds));
}

/** What it says next: a pid, NURSERY_READY or -errno; -EAGAIN: nothing yet; -EPIPE: it has ended. */
static pid_t receive(const struct nursery *n, int flags)
{
	int32_t answer = 0;
	ssize_t got;
	do
		got = recv(n->orders, &answer, sizeof answer, flags);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return got == sizeof answer ? answer : -EPIPE;
}

void nursery_end(struct nursery *n)
{
	if (!n->pid)
		return;
	child_end(n->pid, END_MS);
	/* those that it made, and that nobody heard of */
	for (pid_t pid; (pid = receive(n, MSG_DONTWAIT)) >= 0;)
		if (pid > 0)
			child_end(pid, END_MS);
	close(take_fd(n->orders));
	n->pid = 0;
	n->is_ready = false;
	/* its order went with it */
	if (!n->made)
		n->made = -ESRCH;
}

/** Another one comes later, each time later than the last. */
static void fail(struct nursery *n, int error)
{
	nursery_end(n);
	n->is_impossible |= error == -EINVAL || error == -EPERM || error == -ENOSYS;
	n->pause = !n->pause ? pause_first : n->pause < pause_most / 2 ? n->pause * 2 : pause_most;
	n->retry_at = mono_ns() + n->pause;
	log_warning("readers are started one by one for now: %s", strerror(-error));
}

void nursery_start(struct nursery *n)
{
	const struct timeval patience = {ANSWER_S, 0};
	int end[2];
	if (n->pid || n->is_impossible || mono_ns() < n->retry_at)
		return;
	int r = child_socket(SOCK_SEQPACKET, end);
	if (r < 0) {
		fail(n, r);
		return;
	}
	pid_t pid = spawn(n, WORKER_NURSERY, end[1]);
	close(end[1]);
	if (pid < 0) {
		close(end[0]);
		fail(n, pid);
		return;
	}
	setsockopt(end[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	n->pid = pid;
	n->orders = end[0];
	n->count = 0;
}

static void hear(struct nursery *n, int flags)
{
	if (!n->pid || n->is_ready)
		return;
	pid_t r = receive(n, flags);
	n->is_ready = r == NURSERY_READY;
	if (!n->is_ready && r != -EAGAIN)
		fail(n, r < 0 ? r : -EPROTO);
}

void nursery_wait(struct nursery *n)
{
	hear(n, 0);
}

void nursery_look(struct nursery *n)
{
	char byte;
	if (n->pid && recv(n->orders, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0)
		fail(n, -EPIPE);
}

int nursery_order(struct nursery *n, int results)
{
	hear(n, MSG_DONTWAIT);
	n->made = 0;
	int r = n->is_ready ? pass_send(n->orders, "w", 1, &results, 1) : -ESRCH;
	if (r == 0)
		return 0;
	if (n->is_ready)
		fail(n, r);
	n->made = spawn(n, WORKER_ROLE, results);
	return n->made > 0 ? 0 : n->made;
}

pid_t nursery_made(struct nursery *n, bool waits)
{
	if (n->made)
		return n->made;
	pid_t pid = receive(n, waits ? 0 : MSG_DONTWAIT);
	if (pid == -EAGAIN && !waits)
		return pid;
	if (pid <= 0) {
		fail(n, pid == -EAGAIN ? -ETIMEDOUT : pid < 0 ? pid : -EPROTO);
		return n->made;
	}
	n->made = pid;
	n->pause = 0;
	/* one that has made enough is replaced */
	if (++n->count >= NURSERY_CHILDREN)
		nursery_end(n);
	return pid;
}

/* --- the process --- */

/** fork() would make a child of this process.  There is one thread, and so no lock that somebody else holds. */
static pid_t make_sibling(void)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid >= 0)
		return (pid_t)pid;
	/* of an answer that would mean that there is none yet */
	return errno == EAGAIN ? -ENOMEM : -errno;
}

/** The indexer may be gone: then nothing ends it but itself. */
static void become_worker(int results, pid_t indexer, char *role)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != indexer)
		_exit(0);
	dup2(results, WORKER_RESULTS);
	close(results);
	snprintf(role, strlen(role) + 1, "%s", WORKER_ROLE);
}

bool nursery_serve(char *role)
{
	const int32_t ready = NURSERY_READY;
	pid_t indexer = getppid();
	char word;
	int results, count;
	if (send(ORDERS, &ready, sizeof ready, MSG_NOSIGNAL) < 0)
		return false;
	while (pass_receive(ORDERS, true, &word, sizeof word, &results, 1, &count)) {
		int32_t pid = count ? make_sibling() : -EBADMSG;
		if (pid == 0) {
			become_worker(results, indexer, role);
			return true;
		}
		if (count)
			close(results);
		if (send(ORDERS, &pid, sizeof pid, MSG_NOSIGNAL) < 0)
			break;
	}
	return false;
}
