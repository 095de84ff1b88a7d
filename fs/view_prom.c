/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * metrics/mediamon.prom: every row of the gauges table, and what there is of each root and of each host that is asked.
 * It answers without an indexer and without a store, too: what is not known then is absent.
 */
#include <ctype.h>
#include <math.h>
#include <pthread.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/gauges.h"
#include "common/render_prom.h"
#include "common/store_find.h"
#include "fs/views.h"

enum {
	/** Series of things that a person names stay few, whatever he configures; the rest is counted. */
	ROOTS_SHOWN = 32,
	HOSTS_SHOWN = 32,
};

/** What is shown of each root, host... : families of the same rows. */
struct thing {
	struct view *v;
	struct prom *p;
	int64_t now;
	/** Of the family at hand, in the table of its kind. */
	int family;
	int count;
};

#define LABELS(...) ((const struct prom_label[]){__VA_ARGS__, {0}})

/* --- what is measured --- */

/** Free space of a disk moves by itself: whoever shows the same version again shows the same numbers. */
static struct {
	pthread_mutex_t lock;
	/* protected by lock: */
	uint64_t version;
	unsigned epoch;
	bool has_store;
	struct gauges gauges;
} measured = {.lock = PTHREAD_MUTEX_INITIALIZER};

int view_gauges(struct view *v, struct gauges *g)
{
	uint64_t version = view_version(v, OF_EVERYTHING, MOODY);
	bool is_up = v->mood.state == INDEXER_RUNNING;
	LOCKED(&measured.lock);
	if (version != measured.version || v->epoch != measured.epoch || measured.has_store != (v->store != NULL)) {
		/* as of the last change, so that one version has one content */
		int r = gauges_read(&measured.gauges, v->store, is_up ? &v->mood.live : NULL,
				    view_at(v, OF_EVERYTHING, MOODY));
		gauges_set_budgets(&measured.gauges, config_int(v->config, OPT_prowlarr_day));
		measured.version = r < 0 ? 0 : version;
		measured.epoch = v->epoch;
		measured.has_store = v->store != NULL;
		if (r < 0)
			return r;
	}
	*g = measured.gauges;
	return 0;
}

/* --- of the program --- */

static void one(struct buf *out, const char *name, const char *help, double value, const struct prom_label *labels)
{
	struct prom p;
	prom_family(&p, out, name, false, help);
	prom_sample(&p, labels, value, 0);
}

static void add_program(const struct view *v, struct buf *out)
{
	double seen = (double)((int64_t)v->mood.live.heartbeat_at / NS_PER_S);
	one(out, "mediamon_build_info", "Always 1; the version that shows this.", 1, LABELS({"version", MEDIAMON_VERSION}));
	one(out, "mediamon_index_readable", "1 while there is an index and it can be read.", v->store != NULL, NULL);
	one(out, "mediamon_heartbeat_timestamp_seconds", "When the indexer was seen alive last, to 10 seconds.",
	    seen > 0 ? seen : NAN, NULL);
}

/** A sentence: the table's help has neither its capital nor its full stop. */
static void help_of(const struct gauge_row *row, struct buf *help)
{
	buf_reset(help);
	buf_addf(help, "%c%s.", toupper((unsigned char)row->help[0]), row->help + 1);
}

/** Rows of one name lie together. */
static void write_gauges(const struct gauges *g, struct buf *out)
{
	_buf_ struct buf help = BUF_INIT(1 << 10);
	struct prom p = {0};
	for (int i = 0; i < GAUGE_COUNT; i++) {
		const struct gauge_row *row = &GAUGES_TABLE[i];
		if (i == 0 || strcmp(row->name, row[-1].name) != 0) {
			help_of(row, &help);
			prom_family(&p, out, row->name, row->kind == GAUGE_TOTAL, buf_str(&help));
		}
		prom_sample(&p, LABELS({row->label, row->value}), g->value[i], row->decimals);
	}
}

static int add_gauges(struct view *v, struct buf *out)
{
	struct gauges g;
	int r = view_gauges(v, &g);
	if (r == 0)
		write_gauges(&g, out);
	return r;
}

/* --- of each root --- */

enum root_family { ROOT_ok, ROOT_state, ROOT_since, ROOT_files, ROOT_bytes, ROOT_held, ROOT_mounts, ROOT_FAMILIES };

static const struct {
	const char *name, *help;
} root_families[ROOT_FAMILIES] = {
	[ROOT_ok] = {"mediamon_root_ok", "1 while nothing about the folder needs a human."},
	[ROOT_state] = {"mediamon_root_state", "Always 1; the folder's state now (as in status/roots)."},
	[ROOT_since] = {"mediamon_root_state_since_timestamp_seconds", "Since when it is in that state."},
	[ROOT_files] = {"mediamon_root_files", "Media files, or links, that the index has of the folder."},
	[ROOT_bytes] = {"mediamon_root_bytes", "Sizes of these files, added up."},
	[ROOT_held] = {"mediamon_root_held_files", "Files that seem to be gone and are not forgotten."},
	[ROOT_mounts] = {"mediamon_root_mounts_not_present",
			 "File systems below the folder that are not as they were, and whose files are kept."},
};

struct mounts {
	int64_t root, count;
};

static int count_mount(void *arg, const struct store_mount *row)
{
	struct mounts *m = arg;
	m->count += row->root == m->root && strcmp(row->state, "present") != 0;
	return 0;
}

static double root_value(struct view *v, enum root_family family, const struct store_root *row)
{
	struct mounts m = {.root = row->id};
	switch (family) {
	case ROOT_ok:
		return root_is_well(row);
	case ROOT_since:
		return row->since ? (double)(row->since / NS_PER_S) : NAN;
	case ROOT_files:
		return (double)root_files(v, row);
	case ROOT_bytes:
		return strcmp(row->kind, "links") == 0 ? NAN : (double)row->bytes;
	case ROOT_held:
		return (double)root_held(v, row);
	case ROOT_mounts:
		return store_mounts(v->store, count_mount, &m) < 0 ? NAN : (double)m.count;
	default:
		return 1;
	}
}

static int add_root(void *arg, const struct store_root *row)
{
	struct thing *t = arg;
	if (t->count++ >= ROOTS_SHOWN)
		return 0;
	const struct prom_label of_state = {t->family == ROOT_state ? "state" : NULL, row->state};
	prom_sample(t->p, LABELS({"root", row->name}, {"kind", row->kind}, of_state),
		    root_value(t->v, (enum root_family)t->family, row), 0);
	return 0;
}

/* --- of each host that is asked --- */

enum host_family { HOST_calls, HOST_failures, HOST_refused, HOST_open, HOST_most, HOST_left, HOST_FAMILIES };

static const struct {
	const char *name, *help;
	bool is_counter, by_window;
} host_families[HOST_FAMILIES] = {
	[HOST_calls] = {.name = "mediamon_host_requests_total", .help = "Requests sent to the host.", .is_counter = true},
	[HOST_failures] = {.name = "mediamon_host_failures_total", .help = "Requests that failed.", .is_counter = true},
	[HOST_refused] = {.name = "mediamon_host_refused_total", .is_counter = true,
			  .help = "Requests that the host refused: it was asked too often."},
	[HOST_open] = {.name = "mediamon_host_suspended",
		       .help = "1 while the host is not asked, because it failed too often in a row."},
	[HOST_most] = {.name = "mediamon_host_budget_requests", .by_window = true,
		       .help = "Requests that the host may get in a minute, in a day; absent where there is no limit."},
	[HOST_left] = {.name = "mediamon_host_budget_left_requests", .help = "Requests left of that now.", .by_window = true},
};

static double left_of(int64_t most, int64_t used)
{
	return most ? (double)(most > used ? most - used : 0) : NAN;
}

static double host_value(enum host_family family, const struct store_host *h, const struct host_use *use, bool of_day)
{
	int64_t most = of_day ? use->day_most : use->minute_most;
	switch (family) {
	case HOST_calls:
		return (double)h->calls;
	case HOST_failures:
		return (double)h->failures;
	case HOST_refused:
		return (double)h->refusals;
	case HOST_open:
		return use->is_open;
	case HOST_most:
		return most ? (double)most : NAN;
	default:
		return left_of(most, of_day ? use->day_used : use->minute_used);
	}
}

static int add_host(void *arg, const struct store_host *row)
{
	struct thing *t = arg;
	enum host_family family = (enum host_family)t->family;
	struct host_use use;
	if (t->count++ >= HOSTS_SHOWN)
		return 0;
	host_use(t->v, row, t->now, &use);
	if (!host_families[family].by_window) {
		prom_sample(t->p, LABELS({"host", row->name}), host_value(family, row, &use, false), 0);
		return 0;
	}
	prom_sample(t->p, LABELS({"host", row->name}, {"window", "day"}), host_value(family, row, &use, true), 0);
	prom_sample(t->p, LABELS({"host", row->name}, {"window", "minute"}), host_value(family, row, &use, false), 0);
	return 0;
}

/* --- all --- */

static int left_out(int count, int most)
{
	return count > most ? count - most : 0;
}

static int add_things(struct view *v, struct buf *out, int64_t now)
{
	struct prom p;
	struct thing t = {.v = v, .p = &p, .now = now};
	int r = 0;
	for (t.family = 0; r >= 0 && t.family < ROOT_FAMILIES; t.family++) {
		prom_family(&p, out, root_families[t.family].name, false, root_families[t.family].help);
		t.count = 0;
		r = store_roots(v->store, add_root, &t);
	}
	one(out, "mediamon_roots_left_out", "Folders that have no lines of their own here, because there are so many.",
	    left_out(t.count, ROOTS_SHOWN), NULL);
	t.count = 0;
	for (t.family = 0; r >= 0 && t.family < HOST_FAMILIES; t.family++) {
		prom_family(&p, out, host_families[t.family].name, host_families[t.family].is_counter,
			    host_families[t.family].help);
		t.count = 0;
		r = store_hosts(v->store, add_host, &t);
	}
	one(out, "mediamon_hosts_left_out", "Hosts that have no lines of their own here, because there are so many.",
	    left_out(t.count, HOSTS_SHOWN), NULL);
	return r < 0 ? r : 0;
}

int show_prom(struct view *v, const struct node *n, struct buf *out)
{
	int64_t now = view_at(v, OF_EVERYTHING, MOODY);
	(void)n;
	add_program(v, out);
	int r = add_gauges(v, out);
	return r < 0 || !v->store ? r : add_things(v, out, now);
}
