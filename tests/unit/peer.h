/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Real programs and stand-ins of tests/lib, started from a unit test; and a configuration to reach them. */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "indexer/net/net.h"
#include "indexer/release.h"

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

/** Everything that is outside of a client, and its files. */
struct world {
	char *folder, password[512];
	struct config *config;
	struct net net;
	struct outside outside;
};

static inline void world_password(struct world *w, const char *password)
{
	FILE *f = fopen(w->password, "w");
	assert_non_null(f);
	fputs(password, f);
	fclose(f);
	assert_int_equal(chmod(w->password, 0600), 0);
}

/** @conf: a format with one %s, the password's file. */
static inline void world_open(struct world *w, const char *password, const char *conf)
{
	char path[512];
	_buf_ struct buf why = BUF_INIT(1 << 16);
	*w = (struct world){.folder = unit_folder()};
	snprintf(path, sizeof path, "%s/conf", w->folder);
	snprintf(w->password, sizeof w->password, "%s/password", w->folder);
	world_password(w, password);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, conf, w->password);
	fclose(f);
	if (config_load(path, &w->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(http_new(&w->net.http), 0);
	assert_int_equal(limit_new(NULL, NULL, &w->net.limit), 0);
	w->outside = (struct outside){.config = w->config, .net = &w->net};
}

static inline void world_close(struct world *w)
{
	http_free(w->net.http);
	limit_free(w->net.limit);
	config_free(w->config);
	unlink(w->password);
	unit_remove(w->folder);
}

/** Calls of a host since ever. */
static inline int64_t world_calls(const struct world *w, const char *host)
{
	struct limit_status s = {0};
	limit_status(w->net.limit, host, net_now(&w->net), &s);
	return s.row.calls;
}

static inline struct handover handover_of(const char *link, enum protocol protocol)
{
	struct handover h = {
		.release = {.title = "A title", .guid = "guid", .link = "", .page = "", .indexer = "", .context = "",
			    .protocol = protocol},
		.source = "test",
		.link = BUF_INIT(1 << 20),
		.torrent = BUF_INIT(1 << 20),
	};
	buf_adds(&h.link, link);
	return h;
}

#endif
