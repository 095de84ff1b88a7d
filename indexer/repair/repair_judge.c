/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is to be done about one torrent, why, and on whose word. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_plan.h"
#include "indexer/repair/repair_scan.h"

enum { LINK_IDS_MAX = 1 << 20 };

/* --- an item --- */

struct verdict {
	const char *action, *state, *reason;
	/** Of what is permanent: infringing_file, virus, refused. */
	char kind[64];
	int64_t calls;
	char why[WHY], evidence[WHY];
};

/** Broken links into a torrent: their numbers, and what was seen of them. */
struct broken {
	struct buf ids;
	int64_t count, total, sightings, first_at, last_at;
};

static int take_link(void *arg, const struct store_symlink *row)
{
	struct broken *b = arg;
	b->total++;
	if (row->state != LINK_BROKEN)
		return 0;
	if (!b->count || row->sightings < b->sightings)
		b->sightings = row->sightings;
	if (!b->count || row->first_at > b->first_at)
		b->first_at = row->first_at;
	if (!b->count || row->last_at < b->last_at)
		b->last_at = row->last_at;
	return buf_addf(&b->ids, "%s%lld", b->count++ ? " " : "", (long long)row->id);
}

static int count_broken(struct planner *p, const struct candidate *c, struct broken *b)
{
	*b = (struct broken){.ids = BUF_INIT(LINK_IDS_MAX)};
	return store_symlinks_of(p->r->store, (struct bytes){c->name, strlen(c->name)}, take_link, b);
}

static void say_sightings(const struct broken *b, struct verdict *v)
{
	size_t n = strlen(v->evidence);
	if (b->count)
		snprintf(v->evidence + n, sizeof v->evidence - n,
			 "%s%lld of %lld links lost their target, seen %lld times over %lld h below a healthy mount",
			 n ? "; " : "", (long long)b->count, (long long)b->total, (long long)b->sightings,
			 (long long)((b->last_at - b->first_at) / (3600 * NS_PER_S)));
}

static int add_item(struct planner *p, const struct candidate *c, const struct broken *b, struct verdict *v)
{
	struct planned_item *item = vec_add(&p->items);
	if (!item)
		return -ENOMEM;
	say_sightings(b, v);
	*item = (struct planned_item){.row = {
		.action = v->action, .provider = c->provider, .state = v->state, .calls = v->calls,
		.links = b->count,
	}};
	const char *const texts[PLAN_TEXTS] = {c->id, c->hash, c->name, buf_str(&b->ids), v->why, v->evidence,
					       v->reason ? v->reason : ""};
	const char **to[PLAN_TEXTS] = {&item->row.torrent, &item->row.hash, &item->row.name, &item->row.link_ids,
				       &item->row.why, &item->row.evidence, &item->row.reason};
	for (int i = 0; i < PLAN_TEXTS && to[i]; i++) {
		item->texts[i] = strdup(texts[i]);
		*to[i] = item->texts[i] ? item->texts[i] : "";
		if (!item->texts[i])
			return -ENOMEM;
	}
	return 0;
}

/* --- verdicts that need no call --- */

static int take_permanent(void *arg, const struct store_permanent *row)
{
	struct verdict *v = arg;
	snprintf(v->kind, sizeof v->kind, "%s", row->kind);
	snprintf(v->evidence, sizeof v->evidence, "the provider refused it for good: %.180s", row->reason);
	return 1;
}

static bool is_permanent(struct planner *p, const struct candidate *c, struct verdict *v)
{
	return *c->hash && store_permanent(p->r->store, c->provider, c->hash, take_permanent, v) >= 0 && *v->evidence;
}

static bool may_remove(const struct planner *p)
{
	return !p->automatic || config_int(p->r->o.config, OPT_repair_remove);
}

struct retry_facts {
	int64_t due_at, tries;
	bool is_spent;
};

static int take_retry(void *arg, const struct store_retry *row)
{
	struct retry_facts *f = arg;
	*f = (struct retry_facts){row->due_at, row->tries, row->is_spent};
	return 1;
}

/** It was tried before: not yet again, or never. */
static bool is_held_back(struct planner *p, const struct candidate *c, char *reason)
{
	struct retry_facts f = {0};
	_buf_ struct buf at = BUF_INIT(64);
	store_retry(p->r->store, c->provider, c->hash, take_retry, &f);
	if (f.is_spent)
		snprintf(reason, WHY, "it was tried %lld times in vain", (long long)f.tries);
	else if (f.due_at > repair_now(p->r)) {
		time_rfc3339(f.due_at, &at);
		snprintf(reason, WHY, "it failed and is tried again after %s", buf_str(&at));
	}
	return *reason;
}

static int hold(struct planner *p, const struct candidate *c, const struct broken *b, const char *why,
		const char *reason)
{
	struct verdict v = {.action = "none", .state = "held", .reason = reason};
	snprintf(v.why, sizeof v.why, "%s", why);
	return p->automatic ? 0 : add_item(p, c, b, &v);
}

/* --- what leads nowhere for good --- */

struct live {
	const char *hash;
	bool works, is_shared;
};

static int take_live(void *arg, const struct store_torrent *t)
{
	struct live *l = arg;
	if (t->gone_at)
		return 0;
	if (strcmp(t->hash, l->hash) != 0)
		l->is_shared = true;
	else if (strcmp(t->status, "downloaded") == 0)
		l->works = true;
	return 0;
}

const char *removal_doubt(struct repair *r, const char *provider, const char *hash, const char *name, const char *kind)
{
	struct live l = {.hash = hash};
	if (strcmp(kind, "infringing_file") != 0 && strcmp(kind, "virus") != 0)
		return "the provider refused it, but it did not say that it took it down: see to it yourself";
	if (store_torrents_hashed(r->store, provider, hash, take_live, &l) < 0 ||
	    store_torrents_named(r->store, provider, (struct bytes){name, strlen(name)}, take_live, &l) < 0)
		return "the index does not answer";
	if (l.works)
		return "the provider lists it as downloaded";
	return l.is_shared ? "another torrent of that name is there: whose files the links meant is not known" : NULL;
}

static int plan_removal(struct planner *p, const struct candidate *c, const struct broken *b, struct verdict *v)
{
	const char *doubt = removal_doubt(p->r, c->provider, c->hash, c->name, v->kind);
	if (doubt)
		return b->count ? hold(p, c, b, "its links are broken", doubt) : 0;
	v->action = "remove";
	v->state = "planned";
	snprintf(v->why, sizeof v->why, "its links lead nowhere and never will again");
	return b->count && may_remove(p) ? add_item(p, c, b, v) : 0;
}

/* --- the provider's word --- */

static void say_asked(const struct planner *p, const struct candidate *c, const char *status, struct verdict *v)
{
	_buf_ struct buf at = BUF_INIT(64);
	time_rfc3339(repair_now(p->r), &at);
	snprintf(v->evidence, sizeof v->evidence, "%s said \"%s\" of it at %s", c->provider, status, buf_str(&at));
}

static int plan_insertion(struct planner *p, const struct candidate *c, const struct broken *b, const char *status)
{
	struct verdict v = {.action = "reinsert", .state = "planned",
			    .calls = repair_provider(p->r, c->provider)->provider->insertion_calls};
	char reason[WHY] = "";
	/* somebody may have deleted it on purpose: that is for a person to say */
	if (p->automatic && strcmp(status, "gone") == 0)
		return 0;
	if (is_held_back(p, c, reason)) {
		v.state = "held";
		v.reason = reason;
		if (p->automatic)
			return 0;
	}
	snprintf(v.why, sizeof v.why, "%s%s", strcmp(status, "gone") == 0 ? "the provider has it no more" :
		 strcmp(status, "downloaded") == 0 ? "its files are not seen on the mount"
						   : "the provider cannot give its files", b->count ? ", and our links into it are broken" : "");
	say_asked(p, c, status, &v);
	return add_item(p, c, b, &v);
}

static int plan_move(struct planner *p, const struct candidate *c, const struct broken *b,
		     const struct provider_torrent *t)
{
	struct verdict v = {.action = "relink", .state = "planned"};
	if (t->state != TORRENT_OK || p->automatic)
		return 0;
	snprintf(v.why, sizeof v.why, "the same torrent is there under another name: %.150s", t->name ? t->name : "");
	say_asked(p, c, t->status, &v);
	return b->count ? add_item(p, c, b, &v) : 0;
}

int repair_remember(struct repair *r, const char *provider, const struct provider_torrent *t, int64_t first_seen)
{
	struct store_torrent row = {
		.provider = provider, .id = t->id, .hash = t->hash, .name = t->name ? t->name : "",
		.status = t->status, .bytes = t->bytes, .links = t->links, .progress = t->progress,
		.added_at = t->added_at, .ended_at = t->ended_at, .first_seen = first_seen,
		.last_seen = repair_now(r),
	};
	row.priority = torrent_priority(&row, repair_now(r));
	return repairs_torrents(r->o.writer, &row, 1);
}

static int judge_torrent(struct planner *p, const struct candidate *c, const struct broken *b,
			 const struct provider_torrent *t)
{
	if (strcmp(t->hash, c->hash) != 0)
		return hold(p, c, b, "the provider has another torrent under that number", "");
	int error = repair_remember(p->r, c->provider, t, repair_now(p->r));
	if (error < 0)
		return error;
	if (c->kind == CANDIDATE_MOVED)
		return plan_move(p, c, b, t);
	if (t->state == TORRENT_BUSY || t->state == TORRENT_UNSELECTED)
		return 0;
	if (t->state == TORRENT_VIRUS) {
		struct verdict v = {.reason = "", .kind = "virus"};
		say_asked(p, c, t->status, &v);
		return plan_removal(p, c, b, &v);
	}
	if (t->state == TORRENT_OK && !b->count)
		return 0;
	return plan_insertion(p, c, b, t->status);
}

static int ask(struct planner *p, struct candidate *c, const struct broken *b, int64_t *at);

static int take_twin(void *arg, const struct store_torrent *t)
{
	struct candidate *c = arg;
	if (t->gone_at)
		return 0;
	snprintf(c->id, sizeof c->id, "%s", t->id);
	c->kind = CANDIDATE_MOVED;
	return 1;
}

/** One with its hash that is there makes good for it: its links lead there, or will. */
static int judge_gone(struct planner *p, struct candidate *c, const struct broken *b, int64_t *at)
{
	bool was_twin = c->kind == CANDIDATE_MOVED;
	int error = repairs_torrent_gone(p->r->o.writer, c->provider, c->id, repair_now(p->r));
	if (error < 0 || was_twin)
		return error;
	store_torrents_hashed(p->r->store, c->provider, c->hash, take_twin, c);
	return c->kind == CANDIDATE_MOVED ? ask(p, c, b, at) : plan_insertion(p, c, b, "gone");
}

static int ask(struct planner *p, struct candidate *c, const struct broken *b, int64_t *at)
{
	struct repair *r = p->r;
	struct open_provider *provider = repair_provider(r, c->provider);
	struct provider_torrent t = {.id = ""};
	struct provider_error e = {.class = PROVIDER_OK};
	if (!provider || !repair_may_ask(r, provider, at) || repair_account(r, provider) < 0)
		return -EAGAIN;
	int error = provider->provider->info(provider->state, c->id, &t, &e);
	p->calls++;
	if (error < 0)
		repair_note_error(r, provider, error, &e);
	if (e.class == PROVIDER_GONE)
		return judge_gone(p, c, b, at);
	/* of this one nothing is known: the others are asked */
	if (e.class == PROVIDER_LATER || e.class == PROVIDER_PERMANENT || e.class == PROVIDER_UNKNOWN)
		return hold(p, c, b, "the provider did not answer about it", e.why);
	if (error == 0)
		error = judge_torrent(p, c, b, &t);
	provider_torrent_clear(&t);
	return error < 0 && e.class != PROVIDER_OK ? -EAGAIN : error;
}

int plan_candidate(struct planner *p, struct candidate *c, int64_t *at)
{
	struct verdict v = {.reason = ""};
	struct broken b;
	int error = count_broken(p, c, &b);
	*at = 0;
	if (error < 0)
		;
	else if (c->kind == CANDIDATE_UNKNOWN)
		error = hold(p, c, &b, "links into it are broken, and the provider is not known to have had it",
			     "nothing proves that it is gone for good: see whether a full scan finds it "
			     "(echo 'scan full' > control/repair)");
	else if (c->kind == CANDIDATE_AMBIGUOUS)
		error = hold(p, c, &b, "links into it are broken", "the provider has several torrents of that name");
	else if (is_permanent(p, c, &v))
		error = plan_removal(p, c, &b, &v);
	else
		error = ask(p, c, &b, at);
	buf_clear(&b.ids);
	return error;
}

void plan_cap(struct planner *p)
{
	int64_t left = links_allowed(p->r);
	for (size_t i = 0; i < p->items.len; i++) {
		struct store_plan_item *row = &p->items.data[i].row;
		if (strcmp(row->action, "remove") != 0 && strcmp(row->action, "relink") != 0)
			continue;
		if (row->links <= left) {
			left -= row->links;
			continue;
		}
		row->state = "held";
		row->reason = "more links than may be changed at once (repair.most, percent, day): order it again later";
	}
}
