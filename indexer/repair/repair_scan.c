/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Which scan is next, step by step, and how each ends.  Progress is in the rows of torrent_scan: a scan that was running when the
 * program ended goes on where its row says, and what was listed in a round has been seen since the round began.
 *
 * A list proves what is there, never what is not: pages shift, listings come back empty or cut off.  What a round did not
 * list is asked about one by one, and a round that lists nothing of what was known is not believed at all.
 */
#include "indexer/repair/repair_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_scan_private.h"

enum {
	/** Pages that a quick scan reads at most, while they tell of new torrents. */
	QUICK_PAGES = 5,
	/** A listing without any of the torrents that we knew, when we knew so many. */
	MANY = 10,
	/** Items beyond which a list without an end is not read on. */
	ENDLESS = 1000000,
};

#define WEEK (INT64_C(7) * 86400 * NS_PER_S)

/* --- rows --- */

/** The row of a kind at the present provider: the first one's has no name. */
static void name_kind(struct repair *r, const char *kind, size_t provider, char *out, size_t size)
{
	if (provider && provider < r->providers.len)
		snprintf(out, size, "%s %s", kind, r->providers.data[provider].provider->name);
	else
		snprintf(out, size, "%s", kind);
}

struct last {
	struct store_torrent_scan row;
	char state[16];
};

static int take_last(void *arg, const struct store_torrent_scan *row)
{
	struct last *l = arg;
	l->row = *row;
	snprintf(l->state, sizeof l->state, "%s", row->state);
	return 0;
}

/** The scan of that kind as it was last; all zero when there was none. */
static struct last last_of(struct repair *r, const char *kind, size_t provider)
{
	struct last l = {.state = ""};
	char name[64];
	name_kind(r, kind, provider, name, sizeof name);
	store_torrent_scan(r->store, name, take_last, &l);
	l.row.kind = l.row.error = "";
	return l;
}

static bool is_state(const struct last *l, const char *state)
{
	return strcmp(l->state, state) == 0;
}

/* --- beginning --- */

static void begin(struct repair *r, enum scan_stage stage, const char *kind, size_t provider)
{
	struct scanner *sc = r->scanner;
	struct last l = last_of(r, kind, provider);
	int64_t now = repair_now(r);
	bool goes_on = stage == SCAN_FULL && l.row.offset > 0 && (is_state(&l, "running") || is_state(&l, "paused"));
	/* the same round as the list that it follows */
	int64_t round = stage == SCAN_UNSEEN ? last_of(r, "full", provider).row.started_at : now;
	sc->provider = provider;
	sc->failures = 0;
	sc->wait_until = 0;
	sc->begun_at = now;
	*sc->error = '\0';
	name_kind(r, kind, provider, sc->kind, sizeof sc->kind);
	struct store_torrent_scan row = {.total = -1, .started_at = round};
	if (goes_on)
		row = l.row;
	row.kind = sc->kind;
	row.state = "running";
	row.error = "";
	row.completed_at = l.row.completed_at;
	sc->row = row;
	if (scan_save(r, &row) == 0)
		sc->stage = stage;
}

static void begin_full(struct repair *r, size_t provider)
{
	begin(r, SCAN_FULL, "full", provider);
}

static void begin_quick(struct repair *r, size_t provider)
{
	begin(r, SCAN_QUICK, "quick", provider);
}

/** An order that is not begun at once is not forgotten by a crash: its row says that it runs. */
static void keep_want(struct repair *r, const char *kind)
{
	struct last l = last_of(r, kind, 0);
	if (is_state(&l, "running"))
		return;
	l.row.kind = kind;
	l.row.state = "running";
	if (repairs_scan(r->o.writer, &l.row) < 0)
		r->unkept_at = repair_now(r);
}

/** What a crash left running. */
static void restore(struct repair *r)
{
	struct scanner *sc = r->scanner;
	sc->is_restored = true;
	for (size_t i = 0; i < r->providers.len; i++) {
		struct last full = last_of(r, "full", i), unseen = last_of(r, "unseen", i), quick = last_of(r, "quick", i);
		sc->wanted.full |= is_state(&full, "running");
		sc->wanted.quick |= is_state(&quick, "running");
		if (is_state(&unseen, "running") && sc->stage == SCAN_IDLE) {
			begin(r, SCAN_UNSEEN, "unseen", i);
			if (sc->stage == SCAN_UNSEEN && scan_fill(r, true) < 0)
				sc->stage = SCAN_IDLE;
		}
	}
	struct last links = last_of(r, "symlinks", 0);
	sc->wanted.links |= is_state(&links, "running");
}

/* --- ending --- */

/** The row's last word; then the next provider's turn is up to the caller. */
static int end(struct repair *r, const char *state)
{
	struct scanner *sc = r->scanner;
	struct store_torrent_scan row = sc->row;
	bool is_completed = strcmp(state, "completed") == 0;
	row.state = state;
	row.error = is_completed ? "" : sc->error;
	row.ended_at = repair_now(r);
	if (is_completed)
		row.completed_at = row.ended_at;
	if (strcmp(state, "paused") != 0)
		row.offset = 0;
	if (scan_save(r, &row) < 0)
		return -EIO;
	if (*row.error)
		log_warning("%s scan %s: %s", sc->kind, state, row.error);
	scan_samples(r, &sc->row, sc->begun_at);
	vec_clear(&sc->queue);
	sc->stage = SCAN_IDLE;
	r->has_scanned = true;
	return 0;
}

static int next_usable(struct repair *r, size_t from)
{
	for (size_t i = from; i < r->providers.len; i++)
		if (!r->providers.data[i].is_stopped)
			return (int)i;
	return -1;
}

static void end_quick(struct repair *r, const char *state)
{
	if (end(r, state) < 0)
		return;
	int next = next_usable(r, r->scanner->provider + 1);
	if (next >= 0)
		begin_quick(r, (size_t)next);
}

/** After a portion of a round, however it ended: the next provider; after the last one, our links. */
static void after_full(struct repair *r, bool is_completed)
{
	int next = next_usable(r, r->scanner->provider + 1);
	if (next >= 0)
		begin_full(r, (size_t)next);
	else if (is_completed)
		r->scanner->wanted.links = true;
}

static void end_full(struct repair *r, const char *state)
{
	if (end(r, state) == 0)
		after_full(r, false);
}

static void end_unseen(struct repair *r, const char *state)
{
	if (end(r, state) == 0)
		after_full(r, true);
}

/** Whether what the round listed can be all: else a sentence. */
static bool is_believed(struct repair *r)
{
	struct scanner *sc = r->scanner;
	const struct store_torrent_scan *row = &sc->row;
	int64_t old_seen = 0, unseen = 0, slack = row->total / 10 > MANY ? row->total / 10 : MANY;
	if (scan_compare(r, &old_seen, &unseen) < 0)
		snprintf(sc->error, sizeof sc->error, "the index cannot be read");
	else if (!old_seen && unseen >= MANY)
		snprintf(sc->error, sizeof sc->error,
			 "the list had none of the %lld torrents that were there before: it is not believed",
			 (long long)unseen);
	else if (row->total >= 0 && row->offset + slack < row->total)
		snprintf(sc->error, sizeof sc->error, "the list ended after %lld of %lld torrents: it is not believed",
			 (long long)row->offset, (long long)row->total);
	return !*sc->error;
}

static void end_round(struct repair *r)
{
	struct scanner *sc = r->scanner;
	size_t provider = sc->provider;
	*sc->error = '\0';
	if (!is_believed(r)) {
		end_full(r, "failed");
		return;
	}
	if (end(r, "completed") < 0)
		return;
	begin(r, SCAN_UNSEEN, "unseen", provider);
	if (sc->stage == SCAN_UNSEEN && scan_fill(r, true) < 0)
		r->unkept_at = repair_now(r);
}

/* --- steps --- */

/** A wait is no progress: others may use the time. */
static int did(enum scan_end end)
{
	return end != SCAN_WAITS && end != SCAN_UNKEPT;
}

static int step_quick(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	struct provider_page page;
	bool seen_all = true;
	enum scan_end e = scan_may_ask(r, at);
	if (e == SCAN_GOES_ON)
		e = scan_page(r, &page, &seen_all, at);
	if (e == SCAN_ENDS)
		end_quick(r, "failed");
	if (e != SCAN_GOES_ON)
		return did(e);
	bool is_over = page.received <= 0 || page.is_last || seen_all || sc->row.calls >= QUICK_PAGES;
	if (is_over && scan_fill(r, false) < 0)
		r->unkept_at = repair_now(r);
	else if (is_over)
		sc->stage = SCAN_ASK;
	return 1;
}

static int step_queue(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	void (*ended)(struct repair *, const char *) = sc->stage == SCAN_ASK ? end_quick : end_unseen;
	if (sc->at >= sc->queue.len) {
		ended(r, "completed");
		return 1;
	}
	enum scan_end e = scan_may_ask(r, at);
	if (e == SCAN_GOES_ON)
		e = scan_ask(r, at);
	if (e == SCAN_ENDS)
		ended(r, "failed");
	return did(e);
}

static bool is_endless(const struct store_torrent_scan *row)
{
	return row->offset > (row->total >= 0 && row->total < ENDLESS / 2 ? 2 * row->total + 1000 : ENDLESS);
}

static int step_full(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	struct provider_page page;
	int64_t portion = config_int(r->o.config, OPT_realdebrid_session), before = sc->row.offset;
	bool seen_all;
	enum scan_end e = scan_may_ask(r, at);
	if (e == SCAN_GOES_ON)
		e = scan_page(r, &page, &seen_all, at);
	if (e == SCAN_ENDS)
		end_full(r, "paused");
	if (e != SCAN_GOES_ON)
		return did(e);
	if (page.received <= 0 || page.is_last) {
		end_round(r);
	} else if (is_endless(&sc->row)) {
		snprintf(sc->error, sizeof sc->error, "the list does not end: %lld torrents came, %lld were said",
			 (long long)sc->row.offset, (long long)sc->row.total);
		end_full(r, "failed");
	} else if (before / portion != sc->row.offset / portion) {
		*sc->error = '\0';
		end_full(r, "paused");
	}
	return 1;
}

/* --- links --- */

static uint64_t links_version(struct repair *r)
{
	uint64_t version[TOPIC_COUNT] = {0}, generation;
	int64_t at[TOPIC_COUNT];
	return store_topics(r->store, version, at, &generation) < 0 ? 0 : version[TOPIC_symlinks];
}

/** Broken links are counted at their torrents whenever something became of links. */
static void recount(struct repair *r)
{
	struct scanner *sc = r->scanner;
	uint64_t version = links_version(r);
	if (version == sc->counted)
		return;
	if (repairs_count_broken(r->o.writer) < 0)
		r->unkept_at = repair_now(r);
	else
		sc->counted = version;
}

static int add_broken(void *arg, const struct store_torrent *row)
{
	int64_t *n = arg;
	*n += row->broken;
	return 0;
}

static void begin_links(struct repair *r)
{
	struct scanner *sc = r->scanner;
	struct last l = last_of(r, "symlinks", 0);
	int64_t now = repair_now(r);
	struct store_torrent_scan row = {.kind = "symlinks", .state = "running", .error = "", .total = -1, .started_at = now,
					 .completed_at = l.row.completed_at};
	if (repairs_scan(r->o.writer, &row) < 0) {
		r->unkept_at = now;
		return;
	}
	sc->wanted.links = false;
	sc->links_at = now;
	sc->look = r->o.look_at_links ? r->o.look_at_links(r->o.arg) : 0;
}

/** The look is another thread's.  *at: when it is asked again whether it has ended. */
static void step_links(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	int64_t broken = 0, now = repair_now(r), begun = sc->links_at;
	if (sc->wanted.links && !begun)
		begin_links(r);
	if (!sc->links_at)
		return;
	begun = sc->links_at;
	if (sc->look && !r->o.has_looked(r->o.arg, sc->look)) {
		*at = now + NS_PER_S;
		return;
	}
	struct last l = last_of(r, "symlinks", 0);
	struct store_torrent_scan row = l.row;
	row.kind = "symlinks";
	row.state = "completed";
	row.ended_at = row.completed_at = now;
	if (repairs_count_broken(r->o.writer) < 0 || store_torrents(r->store, "symlink_broken", add_broken, &broken) < 0) {
		r->unkept_at = now;
		return;
	}
	row.items = broken;
	if (repairs_scan(r->o.writer, &row) < 0) {
		r->unkept_at = now;
		return;
	}
	sc->links_at = 0;
	scan_samples(r, &row, begun);
	r->has_scanned = true;
}

/* --- what is next --- */

/** The clock's turn: which, or nothing before *at. */
static enum scan_stage due(struct repair *r, size_t provider, int64_t *at)
{
	struct last quick = last_of(r, "quick", provider), full = last_of(r, "full", provider);
	int64_t now = repair_now(r), every = config_int(r->o.config, OPT_realdebrid_scan);
	int64_t last = quick.row.ended_at > full.row.ended_at ? quick.row.ended_at : full.row.ended_at;
	if (!every)
		return SCAN_IDLE;
	if (last && last <= now && now - last < every) {
		*at = last + every;
		return SCAN_IDLE;
	}
	int64_t age = now - full.row.completed_at;
	bool never = !full.row.completed_at || age > WEEK || age < 0;
	/* a round that is not over, or was not believed, goes on in turns with quick scans */
	if ((is_state(&full, "paused") || is_state(&full, "failed")) && full.row.ended_at >= quick.row.ended_at)
		return SCAN_QUICK;
	if (never || is_state(&full, "paused") || is_state(&full, "failed") ||
	    age > config_int(r->o.config, OPT_realdebrid_full))
		return SCAN_FULL;
	return SCAN_QUICK;
}

static int begin_next(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	int provider = next_usable(r, 0);
	struct scan_wants *w = &sc->wanted;
	bool *wanted = w->full ? &w->full : w->quick ? &w->quick : NULL;
	if (provider < 0)
		return 0;
	enum scan_stage stage = !wanted		     ? due(r, (size_t)provider, at)
				: wanted == &w->full ? SCAN_FULL
						     : SCAN_QUICK;
	if (stage == SCAN_FULL)
		begin_full(r, (size_t)provider);
	else if (stage == SCAN_QUICK)
		begin_quick(r, (size_t)provider);
	/* an order that could not be kept waits on */
	if (wanted && sc->stage != SCAN_IDLE)
		*wanted = false;
	return stage != SCAN_IDLE;
}

/** A person ended it: a round can be gone on with, anything else begins anew. */
static int cancel(struct repair *r)
{
	struct scanner *sc = r->scanner;
	snprintf(sc->error, sizeof sc->error, "cancelled");
	return end(r, sc->stage == SCAN_FULL ? "paused" : "failed") == 0;
}

static int run(struct repair *r, int64_t *at)
{
	static int (*const steps[])(struct repair *, int64_t *) = {
		[SCAN_IDLE] = begin_next, [SCAN_QUICK] = step_quick,   [SCAN_ASK] = step_queue,
		[SCAN_FULL] = step_full,  [SCAN_UNSEEN] = step_queue,
	};
	struct scanner *sc = r->scanner;
	if (sc->stage != SCAN_IDLE && atomic_exchange(&r->is_cancelled, false))
		return cancel(r);
	return steps[sc->stage](r, at);
}

static void take_wants(struct repair *r, const struct scan_wants *wanted)
{
	struct scanner *sc = r->scanner;
	const struct {
		bool is;
		bool *to;
		const char *kind;
	} wants[] = {{wanted->quick, &sc->wanted.quick, "quick"},
		     {wanted->full, &sc->wanted.full, "full"},
		     {wanted->links, &sc->wanted.links, "symlinks"}};
	for (size_t i = 0; i < COUNT_OF(wants); i++)
		if (wants[i].is) {
			*wants[i].to = true;
			keep_want(r, wants[i].kind);
		}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return !a ? b : !b ? a : a < b ? a : b;
}

int torrents_step(struct repair *r, const struct scan_wants *wanted, int64_t *at)
{
	int64_t purge_at = 0, links_at = 0;
	*at = 0;
	if (!r->scanner)
		r->scanner = calloc(1, sizeof *r->scanner);
	if (!r->scanner)
		return 0;
	if (!r->scanner->is_restored)
		restore(r);
	take_wants(r, wanted);
	recount(r);
	step_links(r, &links_at);
	if (scan_purge(r, &purge_at))
		return 1;
	int done = run(r, at);
	*at = earlier(*at, earlier(purge_at, links_at));
	return done;
}

void scan_drop(struct repair *r)
{
	if (!r->scanner)
		return;
	vec_clear(&r->scanner->queue);
	free(r->scanner);
	r->scanner = NULL;
}
