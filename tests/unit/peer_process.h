/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Real programs and stand-ins of tests/lib, started from a unit test. */
#ifndef TESTS_UNIT_PEER_PROCESS_H
#define TESTS_UNIT_PEER_PROCESS_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/cleanup.h"

extern char **environ;

/** What runs at the other end of two pipes (tests/lib/peer.py); it ends with our end of them. */
struct peer {
	pid_t pid;
	FILE *to, *from;
	int port;
	char settings[4096];
};

/** Lines up to "." or "ready" are appended; false at the end of its output. */
static inline bool peer_read(struct peer *p, struct buf *out)
{
	char line[4096];
	while (fgets(line, sizeof line, p->from)) {
		if (strcmp(line, ".\n") == 0 || strcmp(line, "ready\n") == 0)
			return true;
		buf_adds(out, line);
	}
	return false;
}

/** False when the program that it starts is not installed. */
static inline bool peer_start(struct peer *p, const char *script, const char *argument)
{
	char here[] = __FILE__, path[4096];
	int to[2], from[2];
	_buf_ struct buf said = BUF_INIT(sizeof p->settings - 1);
	snprintf(path, sizeof path, "%s/../lib/%s", dirname(here), script);
	char *arguments[] = {(char *)"python3", (char *)"-B", path, (char *)argument, NULL};
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], 0);
	posix_spawn_file_actions_adddup2(&actions, from[1], 1);
	assert_int_equal(posix_spawn(&p->pid, "/usr/bin/python3", &actions, NULL, arguments, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(to[0]);
	close(from[1]);
	p->to = fdopen(to[1], "w");
	p->from = fdopen(from[0], "r");
	bool is_there = peer_read(p, &said);
	snprintf(p->settings, sizeof p->settings, "%s", buf_str(&said));
	const char *port = strstr(p->settings, "port ");
	p->port = port ? (int)strtol(port + 5, NULL, 10) : 0;
	if (!is_there && strncmp(p->settings, "absent", 6) != 0)
		fail_msg("%s does not start: %s", script, p->settings);
	return is_there;
}

/** What it answers, appended. */
static inline void peer_order(struct peer *p, const char *order, struct buf *answer)
{
	_buf_ struct buf unused = BUF_INIT(1 << 20);
	fprintf(p->to, "%s\n", order);
	fflush(p->to);
	if (!peer_read(p, answer ? answer : &unused))
		fail_msg("the peer ended at \"%s\"", order);
}

/** A setting as it was told. */
static inline void peer_setting(const struct peer *p, const char *name, char *out, size_t n)
{
	const char *at = strstr(p->settings, name);
	out[0] = '\0';
	if (at)
		snprintf(out, n, "%.*s", (int)strcspn(at + strlen(name) + 1, "\n"), at + strlen(name) + 1);
}

static inline void peer_end(struct peer *p)
{
	int status;
	if (p->to)
		fclose(p->to);
	if (p->from)
		fclose(p->from);
	if (p->pid > 0)
		waitpid(p->pid, &status, 0);
	*p = (struct peer){0};
}

#endif
