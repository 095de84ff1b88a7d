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
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/extract/worker.h"
#include "indexer/pass.h"

enum {
	ORDERS = WORKER_RESULTS,
	/** One that was just started, on a slow disk, answers within this time. */
	ANSWER_S = 5,
	END_MS = 200,
};

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

void nursery_start(struct nursery *n)
{
	const struct timeval patience = {ANSWER_S, 0};
	int end[2];
	if (n->pid || n->is_impossible || child_socket(SOCK_SEQPACKET, end) < 0)
		return;
	pid_t pid = spawn(n, WORKER_NURSERY, end[1]);
	close(end[1]);
	if (pid < 0) {
		close(end[0]);
		return;
	}
	setsockopt(end[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	n->pid = pid;
	n->orders = end[0];
	n->count = 0;
}

void nursery_end(struct nursery *n)
{
	if (!n->pid)
		return;
	close(take_fd(n->orders));
	child_end(n->pid, END_MS);
	n->pid = 0;
}

void nursery_order(struct nursery *n, int results)
{
	n->made = n->pid ? pass_send(n->orders, "w", 1, &results, 1) : -ESRCH;
	if (n->made == 0)
		return;
	nursery_end(n);
	n->made = spawn(n, WORKER_ROLE, results);
}

static pid_t receive_answer(const struct nursery *n)
{
	int32_t answer = 0;
	ssize_t got;
	do
		got = recv(n->orders, &answer, sizeof answer, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return got == sizeof answer && answer ? answer : -EPIPE;
}

pid_t nursery_made(struct nursery *n)
{
	if (n->made)
		return n->made;
	pid_t pid = receive_answer(n);
	if (pid < 0)
		log_warning("readers are started one by one for now: %s", strerror(-pid));
	n->is_impossible |= pid == -EINVAL || pid == -EPERM || pid == -ENOSYS;
	/* one that does not do it is replaced, too */
	if (pid < 0 || ++n->count >= NURSERY_CHILDREN)
		nursery_end(n);
	return pid;
}

/* --- the process --- */

/** fork() would make a child of this process.  There is one thread, and so no lock that somebody else holds. */
static pid_t make_sibling(void)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	return pid < 0 ? -errno : (pid_t)pid;
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
	pid_t indexer = getppid();
	char word;
	int results, count;
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
