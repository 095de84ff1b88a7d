/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers of scans, in the store and as lines of a file; and what is too old is forgotten. */
#include "indexer/repair/repair_scan_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/append.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/render.h"
#include "indexer/load/repairs.h"

enum {
	PURGE_S = 6 * 3600,
	/** The file of lines. */
	LOG_BYTES = 10000000,
	LOGS_KEPT = 5,
	SAMPLES_MOST = 32,
	WORD = 40,
};

/* --- the file --- */

static void add_line(struct buf *out, const struct store_repair_sample *s)
{
	struct json j;
	json_init(&j, out, 0);
	json_object(&j);
	json_kv_time(&j, "timestamp", s->at);
	json_kv_text(&j, "type", s->type);
	json_kv_text(&j, "name", s->name);
	json_kv_real(&j, "value", s->value, 3);
	json_key(&j, "tags");
	json_raw(&j, s->tags, strlen(s->tags));
	json_end_object(&j);
	buf_addc(out, '\n');
}

/** Its lines are a copy of what the store keeps: a file that cannot be written costs a warning. */
static void append(const char *path, const struct store_repair_sample *samples, size_t n)
{
	_buf_ struct buf lines = BUF_INIT(1 << 16);
	for (size_t i = 0; i < n; i++)
		add_line(&lines, &samples[i]);
	if (buf_error(&lines))
		return;
	int r = append_lines(path, buf_str(&lines), lines.len, LOG_BYTES, LOGS_KEPT);
	if (r < 0)
		log_warning("%s cannot be written: %s", path, strerror(-r));
}

/* --- numbers --- */

struct sampling {
	struct store_repair_sample samples[SAMPLES_MOST];
	char names[SAMPLES_MOST][WORD];
	size_t count;
	int64_t at;
	const char *tags;
};

static void add_sample(struct sampling *s, const char *type, const char *name, double value)
{
	if (s->count == SAMPLES_MOST)
		return;
	snprintf(s->names[s->count], WORD, "%s", name);
	s->samples[s->count] = (struct store_repair_sample){.at = s->at, .type = type, .name = s->names[s->count],
						     .tags = s->tags, .value = value};
	s->count++;
}

static int add_status(void *arg, const char *status, int64_t n, int64_t bytes)
{
	(void)bytes;
	add_sample(arg, "torrents", status, (double)n);
	return 0;
}

void scan_samples(struct repair *r, const struct store_torrent_scan *row, int64_t begun_at)
{
	_buf_ struct buf tags = BUF_INIT(1024);
	struct json j;
	json_init(&j, &tags, 0);
	json_object(&j);
	json_kv_text(&j, "mode", row->kind);
	json_kv_text(&j, "state", row->state);
	json_kv_int(&j, "torrents", row->items);
	json_end_object(&j);
	if (buf_error(&tags))
		return;
	struct sampling s = {.at = row->ended_at, .tags = buf_str(&tags)};
	add_sample(&s, "scan", "duration", (double)(row->ended_at - begun_at) / (double)NS_PER_S);
	add_sample(&s, "scan", "items", (double)row->items);
	add_sample(&s, "scan", "calls", (double)row->calls);
	store_torrent_counts(r->store, add_status, &s);
	if (repairs_samples(r->o.writer, s.samples, s.count) < 0)
		r->unkept_at = repair_now(r);
	const char *path = config_text(r->o.config, OPT_repair_log);
	if (*path)
		append(path, s.samples, s.count);
}

/* --- retention --- */

int scan_purge(struct repair *r, int64_t *at)
{
	const struct config *c = r->o.config;
	int64_t now = repair_now(r), every = PURGE_S * NS_PER_S;
	*at = r->purge_at;
	/* a clock that was set back does not put it off */
	if (now < r->purge_at && r->purge_at - now <= every)
		return 0;
	if (repairs_purge(r->o.writer, now - config_int(c, OPT_repair_history), now - config_int(c, OPT_repair_samples),
			  now - config_int(c, OPT_repair_undo)) < 0)
		r->unkept_at = now;
	r->purge_at = now + every;
	return 1;
}
