/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Asking the provider what it has: by pages, and one by one.  A torrent is gone when the provider says so of its id. */
#include "indexer/repair/repair_scan_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"

enum {
	/** A call that failed is tried so often, after so long times the number of failures. */
	TRIES = 5,
	TRY_S = 60,
	/** Torrents that a quick scan asks about: those that wait longest, so that all have their turn. */
	QUICK_MOST = 200,
	QUEUE_MOST = 1000000,
};

#define GIGABYTE INT64_C(1000000000)
#define DAY (INT64_C(86400) * NS_PER_S)

int torrent_priority(const struct store_torrent *t, int64_t now)
{
	bool is_young = t->added_at > 0 && now - t->added_at <= DAY;
	if (strcmp(t->status, "magnet_error") == 0 || t->bytes >= GIGABYTE || is_young)
		return 3;
	return t->bytes <= GIGABYTE / 10 && t->added_at > 0 && now - t->added_at >= 7 * DAY ? 1 : 2;
}

int scan_save(struct repair *r, const struct store_torrent_scan *row)
{
	struct scanner *sc = r->scanner;
	int error = repairs_scan(r->o.writer, row);
	if (error < 0)
		r->unkept_at = repair_now(r);
	else
		sc->row = *row;
	return error;
}

static struct open_provider *provider_of(struct repair *r)
{
	return &r->providers.data[r->scanner->provider];
}

enum scan_end scan_may_ask(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	struct open_provider *p = provider_of(r);
	int64_t now = repair_now(r);
	if (p->is_stopped) {
		snprintf(sc->error, sizeof sc->error, "%s", p->reason);
		return SCAN_ENDS;
	}
	if (!repair_may_ask(r, p, at))
		return SCAN_WAITS;
	/* a clock that was set back does not make it longer */
	if (sc->wait_until <= now || sc->wait_until > now + TRIES * TRY_S * NS_PER_S)
		return SCAN_GOES_ON;
	*at = sc->wait_until;
	return SCAN_WAITS;
}

/** What a failed call means for the scan; it was counted. */
static enum scan_end failed(struct repair *r, int error, const struct provider_error *e, int64_t *at)
{
	struct scanner *sc = r->scanner;
	struct open_provider *p = provider_of(r);
	repair_note_error(r, p, error, e);
	snprintf(sc->error, sizeof sc->error, "%s", *e->why ? e->why : strerror(-error));
	if (error == -ECANCELED) {
		r->unkept_at = repair_now(r);
		return SCAN_UNKEPT;
	}
	if (e->class == PROVIDER_STOP)
		return SCAN_ENDS;
	if (e->class == PROVIDER_WAIT) {
		*at = p->closed_until;
		return SCAN_WAITS;
	}
	if (++sc->failures >= TRIES)
		return SCAN_ENDS;
	sc->wait_until = repair_now(r) + sc->failures * TRY_S * NS_PER_S;
	*at = sc->wait_until;
	return SCAN_WAITS;
}

/* --- what it says of a torrent --- */

static struct store_torrent row_of(struct repair *r, const struct provider_torrent *t)
{
	int64_t now = repair_now(r);
	struct store_torrent row = {
		.provider = provider_of(r)->provider->name, .id = t->id, .hash = t->hash,
		.name = t->name ? t->name : "", .status = t->status, .bytes = t->bytes, .links = t->links,
		.progress = t->progress, .added_at = t->added_at, .ended_at = t->ended_at, .first_seen = now,
		.last_seen = now,
	};
	row.priority = torrent_priority(&row, now);
	return row;
}

static int is_there(void *arg, const struct store_permanent *row)
{
	bool *is = arg;
	(void)row;
	*is = true;
	return 0;
}

static bool is_permanent(struct repair *r, const char *hash)
{
	bool is = false;
	store_permanent(r->store, provider_of(r)->provider->name, hash, is_there, &is);
	return is;
}

/** A virus comes back with every try. */
static int note_virus(struct repair *r, const struct store_torrent *t)
{
	if (repair_is_dry(r) || !*t->hash || is_permanent(r, t->hash))
		return 0;
	struct store_permanent p = {.provider = t->provider, .hash = t->hash, .torrent = t->id, .name = t->name,
				    .kind = "virus", .reason = "the provider found a virus in it",
				    .at = repair_now(r)};
	return repairs_permanent(r->o.writer, &p);
}

/* --- a page --- */

struct paging {
	struct repair *r;
	kept_torrents rows, viruses;
};

static int take_torrent(void *arg, const struct provider_torrent *t)
{
	struct paging *p = arg;
	struct store_torrent row = row_of(p->r, t);
	/* without a number it cannot be asked about, nor told from another one */
	if (!*t->id)
		return 0;
	int error = keep_torrent(&p->rows, &row);
	return error == 0 && t->state == TORRENT_VIRUS ? keep_torrent(&p->viruses, &row) : error;
}

static int take_known(void *arg, const struct store_torrent *row)
{
	bool *is_known = arg;
	*is_known = !row->gone_at;
	return 0;
}

static bool is_known(struct repair *r, const struct store_torrent *t)
{
	bool known = false;
	store_torrent(r->store, t->provider, t->id, take_known, &known);
	return known;
}

static int keep_page(struct paging *p, bool *seen_all)
{
	struct repair *r = p->r;
	struct store_torrent *rows = calloc(p->rows.len + 1, sizeof *rows);
	if (!rows)
		return -ENOMEM;
	*seen_all = true;
	for (size_t i = 0; i < p->rows.len; i++) {
		rows[i] = p->rows.data[i].row;
		*seen_all = *seen_all && is_known(r, &rows[i]);
	}
	int error = p->rows.len ? repairs_torrents(r->o.writer, rows, p->rows.len) : 0;
	for (size_t i = 0; i < p->viruses.len && error == 0; i++)
		error = note_virus(r, &p->viruses.data[i].row);
	free(rows);
	return error;
}

enum scan_end scan_page(struct repair *r, struct provider_page *page, bool *seen_all, int64_t *at)
{
	struct scanner *sc = r->scanner;
	struct open_provider *p = provider_of(r);
	struct paging paging = {.r = r};
	struct provider_error e = {.class = PROVIDER_OK};
	struct store_torrent_scan row = sc->row;
	enum scan_end end = SCAN_GOES_ON;
	*page = (struct provider_page){.offset = row.offset, .total = -1};
	int error = p->provider->list(p->state, page, take_torrent, &paging, &e);
	row.calls++;
	if (error < 0) {
		scan_save(r, &row);
		end = failed(r, error, &e, at);
	} else if (keep_page(&paging, seen_all) < 0) {
		r->unkept_at = repair_now(r);
		end = SCAN_UNKEPT;
	} else {
		sc->failures = 0;
		row.offset += page->received > 0 ? page->received : 0;
		row.items += (int64_t)paging.rows.len;
		row.total = page->total;
		end = scan_save(r, &row) < 0 ? SCAN_UNKEPT : SCAN_GOES_ON;
	}
	kept_torrents_clear(&paging.rows);
	kept_torrents_clear(&paging.viruses);
	return end;
}

/* --- one by one --- */

static int keep_answer(struct repair *r, const struct provider_torrent *t)
{
	struct store_torrent row = row_of(r, t);
	int error = repairs_torrents(r->o.writer, &row, 1);
	return error == 0 && t->state == TORRENT_VIRUS ? note_virus(r, &row) : error;
}

enum scan_end scan_ask(struct repair *r, int64_t *at)
{
	struct scanner *sc = r->scanner;
	struct open_provider *p = provider_of(r);
	const struct scan_id *asked = &sc->queue.data[sc->at];
	struct provider_torrent t = {.id = ""};
	struct provider_error e = {.class = PROVIDER_OK};
	struct store_torrent_scan row = sc->row;
	enum scan_end end = SCAN_GOES_ON;
	int error = p->provider->info(p->state, asked->id, &t, &e), kept = 0;
	row.calls++;
	if (e.class == PROVIDER_GONE)
		kept = repairs_torrent_gone(r->o.writer, p->provider->name, asked->id, repair_now(r));
	else if (error == 0 && strcmp(t.id, asked->id) == 0)
		kept = keep_answer(r, &t);
	else if (error < 0)
		end = failed(r, error, &e, at);
	provider_torrent_clear(&t);
	if (error == 0 || e.class == PROVIDER_GONE) {
		sc->failures = 0;
		row.items++;
	}
	if (kept < 0 || scan_save(r, &row) < 0) {
		r->unkept_at = repair_now(r);
		return SCAN_UNKEPT;
	}
	/* of this one it says nothing now: the next one's turn */
	if (end == SCAN_GOES_ON || (end == SCAN_WAITS && e.class != PROVIDER_WAIT))
		sc->at++;
	return end;
}

/* --- whom to ask --- */

struct filling {
	struct repair *r;
	const char *provider;
	bool unseen;
	int64_t since;
	scan_ids *queue;
};

/** What is said of it may have changed since: neither well nor over. */
static bool is_open(const char *status)
{
	static const char *const settled[] = {"downloaded", "gone", "virus"};
	for (size_t i = 0; i < sizeof settled / sizeof *settled; i++)
		if (strcmp(status, settled[i]) == 0)
			return false;
	return true;
}

static int take_id(void *arg, const struct store_torrent *t)
{
	struct filling *f = arg;
	if (strcmp(t->provider, f->provider) != 0 || t->gone_at || t->last_seen >= f->since ||
	    (!f->unseen && !is_open(t->status)) || f->queue->len >= QUEUE_MOST)
		return 0;
	struct scan_id *id = vec_add(f->queue);
	if (!id)
		return -ENOMEM;
	snprintf(id->id, sizeof id->id, "%s", t->id);
	snprintf(id->hash, sizeof id->hash, "%s", t->hash);
	id->last_seen = t->last_seen;
	return 0;
}

struct due {
	int64_t now;
	bool is;
};

static int take_due(void *arg, const struct store_retry *row)
{
	struct due *d = arg;
	d->is = !row->is_spent && row->due_at <= d->now;
	return 0;
}

static int by_turn(const void *a, const void *b)
{
	const struct scan_id *x = a, *y = b;
	if (x->is_due != y->is_due)
		return y->is_due - x->is_due;
	if (x->last_seen != y->last_seen)
		return x->last_seen < y->last_seen ? -1 : 1;
	return strcmp(x->id, y->id);
}

/** Those that will never come back cost no call; those that are due come first. */
static void sift(struct repair *r, scan_ids *queue)
{
	size_t n = 0;
	for (size_t i = 0; i < queue->len; i++) {
		struct scan_id id = queue->data[i];
		struct due due = {.now = repair_now(r)};
		if (is_permanent(r, id.hash))
			continue;
		store_retry(r->store, provider_of(r)->provider->name, id.hash, take_due, &due);
		id.is_due = due.is;
		queue->data[n++] = id;
	}
	queue->len = n;
}

int scan_fill(struct repair *r, bool unseen)
{
	struct scanner *sc = r->scanner;
	struct filling f = {r, provider_of(r)->provider->name, unseen, sc->row.started_at, &sc->queue};
	vec_clear(&sc->queue);
	sc->at = 0;
	int error = store_torrents(r->store, "", take_id, &f);
	if (error < 0)
		return error;
	if (!unseen)
		sift(r, &sc->queue);
	if (sc->queue.len)
		qsort(sc->queue.data, sc->queue.len, sizeof *sc->queue.data, by_turn);
	if (!unseen && sc->queue.len > QUICK_MOST)
		sc->queue.len = QUICK_MOST;
	return 0;
}

struct comparing {
	const char *provider;
	int64_t since, old_seen, unseen;
};

static int compare(void *arg, const struct store_torrent *t)
{
	struct comparing *c = arg;
	if (strcmp(t->provider, c->provider) != 0 || t->gone_at)
		return 0;
	c->unseen += t->last_seen < c->since;
	c->old_seen += t->last_seen >= c->since && t->first_seen < c->since;
	return 0;
}

int scan_compare(struct repair *r, int64_t *old_seen, int64_t *unseen)
{
	struct comparing c = {provider_of(r)->provider->name, r->scanner->row.started_at, 0, 0};
	int error = store_torrents(r->store, "", compare, &c);
	*old_seen = c.old_seen;
	*unseen = c.unseen;
	return error;
}
