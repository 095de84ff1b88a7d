/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Telling others: media managers about one item, people about a run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_private.h"

enum {
	HOUR_S = 3600,
	/** Nobody may be told yet, or the mount is not healthy. */
	LATER_S = 600,
	FOLLOW_S = 10,
	/** A command that has not ended by then is followed no more. */
	FOLLOW_MOST_S = 6 * 3600,
};

int tell_item(struct repair *r, int64_t item, const char *path, bool search)
{
	int64_t id = 0, now = repair_now(r);
	struct store_told_item row = {.at = now, .changed_at = now, .item = item, .instance = "", .path = path,
				      .action = search ? "search" : "rescan", .title = "", .state = "queued",
				      .text = ""};
	if (!r->managers || !managers_count(r->managers) || !config_int(r->o.config, OPT_arr_hour))
		return 0;
	return repairs_told_item(r->o.writer, &row, &id);
}

static bool is_same_folder(const struct kept_link *a, const struct kept_link *b)
{
	return a->row.dir == b->row.dir;
}

void tell_folders(struct repair *r, int64_t item, const kept_links *links)
{
	const struct kept_link *last = NULL;
	for (size_t i = 0; i < links->len; i++) {
		const struct kept_link *k = &links->data[i];
		_buf_ struct buf path = BUF_INIT(1 << 16);
		if (k->row.state != LINK_BROKEN || (last && is_same_folder(last, k)))
			continue;
		last = k;
		buf_addf(&path, "%s/", k->root);
		if (buf_add(&path, k->row.dir_path.data, k->row.dir_path.len) == 0)
			tell_item(r, item, buf_str(&path), false);
	}
}

/* --- one row --- */

struct told {
	struct store_told_item row;
	char *texts[6];
	int64_t now, due;
};

static void clear(struct told *t)
{
	for (size_t i = 0; i < COUNT_OF(t->texts); i++)
		free(t->texts[i]);
}

static int64_t due_of(const struct store_told_item *row)
{
	bool waits = !*row->instance;
	int64_t due = row->changed_at + (waits ? 0 : FOLLOW_S) * NS_PER_S;
	/* what waits was put off by its text */
	return waits && *row->text ? row->changed_at + LATER_S * NS_PER_S : due;
}

static int take_row(void *arg, const struct store_told_item *row)
{
	struct told *t = arg;
	int64_t due = due_of(row);
	if (due > t->now && row->changed_at <= t->now) {
		t->due = !t->due || due < t->due ? due : t->due;
		return 0;
	}
	const char *const texts[] = {row->instance, row->action, row->path, row->title, row->state, row->text};
	t->row = *row;
	const char **to[] = {&t->row.instance, &t->row.action, &t->row.path, &t->row.title, &t->row.state, &t->row.text};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		t->texts[i] = strdup(texts[i]);
		*to[i] = t->texts[i] ? t->texts[i] : "";
	}
	return 1;
}

static int keep(struct repair *r, struct store_told_item row, const char *state, const char *text)
{
	int64_t id = row.id;
	row.state = state;
	row.text = text;
	row.changed_at = repair_now(r);
	int error = repairs_told_item(r->o.writer, &row, &id);
	if (error < 0)
		r->unkept_at = repair_now(r);
	return error;
}

/* --- telling --- */

struct telling {
	struct repair *r;
	const struct told *t;
	bool is_denied, is_put_off;
	int failed;
	char why[WHY];
};

static bool is_allowed(void *arg, const char *instance)
{
	struct telling *x = arg;
	int64_t n = 0;
	store_told_count(x->r->store, instance, repair_now(x->r) - HOUR_S * NS_PER_S, &n);
	bool allowed = n < config_int(x->r->o.config, OPT_arr_hour);
	x->is_denied |= !allowed;
	return allowed;
}

static void on_told(void *arg, const struct manager_step *step, int error, const char *why)
{
	struct telling *x = arg;
	int64_t id = 0, now = repair_now(x->r);
	/* what was not given does not count for the hour: it would never be over; it is told again later */
	if (error == -EAGAIN) {
		x->is_put_off = true;
		snprintf(x->why, sizeof x->why, "%s", why);
		return;
	}
	struct store_told_item row = {
		.at = now, .changed_at = now, .item = x->t->row.item, .command_id = step->command.id,
		.instance = step->instance, .path = x->t->row.path, .title = step->item.title,
		.action = step->act == MANAGER_SEARCH ? "search" : "rescan",
		.state = error < 0 ? "failed" : step->command.id ? step->command.state : "completed",
		.text = error < 0 ? why : step->command.text,
	};
	repairs_told_item(x->r->o.writer, &row, &id);
	if (error < 0) {
		x->failed++;
		snprintf(x->why, sizeof x->why, "%s", why);
	}
}

static void tell(struct repair *r, struct told *t)
{
	struct telling x = {.r = r, .t = t};
	if (!repair_is_healthy(r, true)) {
		keep(r, t->row, "queued", r->health.reason);
		return;
	}
	int n = managers_tell(r->managers, t->row.path, strcmp(t->row.action, "search") == 0, is_allowed, on_told, &x);
	if (x.is_denied)
		keep(r, t->row, "queued", "as many were told in this hour as may be (arr.per_hour)");
	else if (x.is_put_off && t->now - t->row.at < FOLLOW_MOST_S * NS_PER_S)
		keep(r, t->row, "queued", x.why);
	else if (n < 0 && n != -ENOENT)
		keep(r, t->row, "failed", *x.why ? x.why : strerror(-n));
	else
		keep(r, t->row, "done", n > 0 ? "" : "nobody knows an item with that path");
}

static void follow(struct repair *r, struct told *t)
{
	struct manager_command c = {.state = ""};
	char why[WHY] = "";
	int error = managers_follow(r->managers, t->row.instance, t->row.command_id, &c, why);
	bool late = repair_now(r) - t->row.at > FOLLOW_MOST_S * NS_PER_S;
	if (error == 0)
		keep(r, t->row, late ? "failed" : c.state, c.text);
	else
		keep(r, t->row, late || error == -ENOENT || error == -ENOTSUP ? "failed" : t->row.state, why);
}

int tell_step(struct repair *r, int64_t *at)
{
	struct told t = {.now = repair_now(r)};
	*at = 0;
	if (!r->managers || repair_is_dry(r))
		return 0;
	store_told_open(r->store, take_row, &t);
	bool did = t.row.id != 0;
	if (did && *t.row.instance)
		follow(r, &t);
	else if (did)
		tell(r, &t);
	*at = t.due;
	clear(&t);
	return did;
}

/* --- people --- */

void tell_summary(struct repair *r)
{
	char text[256];
	snprintf(text, sizeof text, "%lld put back or mended, %lld failed, %lld left as they were or held; %lld links changed",
		 (long long)r->run_done, (long long)r->run_failed, (long long)r->run_held, (long long)r->run_links);
	struct notice notice = {.kind = "repaired", .series = "Real-Debrid", .text = text, .at = repair_now(r)};
	log_info("repairs: %s", text);
	notify_put(r->o.notify, &notice);
	notify_flush(r->o.notify);
	bool changed = r->run_done || r->run_links;
	r->run_done = r->run_failed = r->run_held = r->run_links = 0;
	r->is_running = false;
	if (changed && r->o.look_at_links)
		r->o.look_at_links(r->o.arg);
}
