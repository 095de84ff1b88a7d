/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A configuration to reach what runs at the other end (peer_process.h). */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include "tests/unit/peer_process.h"

#include <sys/stat.h>

#include "common/config.h"
#include "indexer/net/net.h"
#include "indexer/release.h"

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
