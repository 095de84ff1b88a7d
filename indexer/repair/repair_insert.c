/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * One torrent back into the provider, step by step; each step is durable before the next begins.  At most once: whether a
 * call that did not end well was carried out is found out by asking, never by posting again.
 */
#include "indexer/repair/repair_insert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/render.h"
#include "indexer/load/repairs.h"
#include "indexer/net/json.h"

enum {
	/** A poll of the new torrent: 5 s at first, a minute at most. */
	POLL_S = 5,
	POLL_MOST_S = 60,
	/** A mount that is not healthy is asked again. */
	MOUNT_S = 10,
	/** After a call whose end is not known: asked so often, the first time after so long. */
	ASK_S = 30,
	ASKS = 4,
	/** The provider's clock may be another one. */
	SLACK_S = 3600,
	PAGES = 5,
	WAIT_MOST_S = 86400,
};

int insertion_save(struct insertion *x, const char *step, int64_t wait_s, const char *error)
{
	struct store_insertion row = x->k.row;
	int64_t now = repair_now(x->r), id = row.id;
	if (strcmp(step, row.step) != 0)
		row.tries = 0;
	row.step = step;
	row.error = error;
	row.changed_at = now;
	row.next_at = now + (wait_s < WAIT_MOST_S ? wait_s : WAIT_MOST_S) * NS_PER_S;
	int r = repairs_insertion(x->r->o.writer, &row, &id);
	if (r < 0)
		x->r->unkept_at = now;
	return r;
}

/** Again later in the same step: nothing was found out, so it is no try. */
static int postpone(struct insertion *x, int64_t wait_s, const char *error)
{
	return insertion_save(x, x->k.row.step, wait_s, error);
}

/** Again later in the same step. */
int insertion_wait(struct insertion *x, int64_t wait_s, const char *error)
{
	x->k.row.tries++;
	return insertion_save(x, x->k.row.step, wait_s, error);
}

/** A failed call that says nothing of the torrent: the step is done again when the provider may be asked. */
static bool is_put_off(struct insertion *x, int error, const struct provider_error *e)
{
	int64_t now = repair_now(x->r);
	/* its pause is kept by repair_may_ask(), to the moment: one who comes a second late never finds a slot beside others */
	int64_t at = e->at > now ? 0 : POLL_MOST_S;
	repair_note_error(x->r, x->p, error, e);
	if (error == -ECANCELED)
		x->r->unkept_at = now;
	else if (e->class == PROVIDER_WAIT || e->class == PROVIDER_STOP)
		postpone(x, at, e->why);
	else
		return false;
	return true;
}

/* --- paths --- */

int paths_of(const struct provider_torrent *t, struct buf *out)
{
	struct json j;
	json_init(&j, out, 0);
	json_array(&j);
	for (size_t i = 0; i < t->files.len; i++)
		if (t->files.data[i].selected)
			json_text(&j, t->files.data[i].path, strlen(t->files.data[i].path));
	json_end_array(&j);
	return buf_error(out);
}

/** Without a snapshot: the names that our links point to. */
int paths_of_links(const kept_links *links, struct buf *out)
{
	struct json j;
	json_init(&j, out, 0);
	json_array(&j);
	for (size_t i = 0; i < links->len; i++)
		json_text(&j, links->data[i].row.target_name.data, links->data[i].row.target_name.len);
	json_end_array(&j);
	return buf_error(out);
}

/** A whole path; or, where only a name is known, the last component. */
static bool is_path(const char *path, const char *wanted)
{
	const char *last = strrchr(path, '/');
	return strcmp(*wanted == '/' ? path : last ? last + 1 : path, wanted) == 0;
}

static bool has_number(const int64_t *ids, size_t n, int64_t id)
{
	while (n > 0 && ids[n - 1] != id)
		n--;
	return n > 0;
}

/** The numbers of the files with the paths that were chosen before: -ENOENT when one is not there. */
static int choose(const struct provider_torrent *t, const char *paths, int64_t **ids, size_t *n)
{
	char why[160];
	struct js *list = NULL;
	*ids = calloc(t->files.len + 1, sizeof **ids);
	*n = 0;
	if (!*ids || js_parse(paths, strlen(paths), &list, why) < 0)
		return -ENOMEM;
	int r = js_count(list) ? 0 : -ENOENT;
	for (size_t i = 0; i < js_count(list) && r == 0; i++) {
		size_t f = 0;
		while (f < t->files.len && !is_path(t->files.data[f].path, js_own_text(js_at(list, i))))
			f++;
		if (f == t->files.len)
			r = -ENOENT;
		else if (!has_number(*ids, *n, t->files.data[f].id))
			(*ids)[(*n)++] = t->files.data[f].id;
	}
	js_free(list);
	return r;
}

static bool is_chosen(const struct provider_torrent *t, const int64_t *ids, size_t n)
{
	size_t selected = 0, same = 0;
	for (size_t i = 0; i < t->files.len; i++) {
		selected += t->files.data[i].selected;
		same += t->files.data[i].selected && has_number(ids, n, t->files.data[i].id);
	}
	return selected == n && same == n;
}

/* --- how it ends --- */

static void add_attempt(struct insertion *x, bool good, const struct provider_error *e,
			const struct store_permanent *permanent, const struct store_retry *retry)
{
	const struct store_insertion *i = &x->k.row;
	struct store_attempt a = {
		.at = repair_now(x->r), .response_ms = (repair_now(x->r) - i->started_at) / 1000000,
		.provider = i->provider, .torrent = i->old_id, .hash = i->hash, .name = i->name,
		.outcome = good ? "success" : "failed", .error = good ? "" : e->why, .code = good ? 0 : e->code,
	};
	if (repairs_attempt(x->r->o.writer, &a, permanent, retry) < 0)
		x->r->unkept_at = a.at;
}

static int take_due(void *arg, const struct store_retry *row)
{
	struct store_retry *retry = arg;
	retry->due_at = row->due_at;
	retry->is_spent = row->is_spent;
	return 1;
}

static int take_tries(void *arg, const struct store_retry *row)
{
	struct store_retry *retry = arg;
	retry->tries = row->tries;
	retry->first_at = row->first_at;
	return 1;
}

void insertion_note_failure(struct insertion *x, const struct provider_error *e, int64_t *again)
{
	const struct store_insertion *i = &x->k.row;
	int64_t now = repair_now(x->r);
	*again = 0;
	if (e->class == PROVIDER_PERMANENT) {
		struct store_permanent p = {.provider = i->provider, .hash = i->hash, .torrent = i->old_id,
					    .name = i->name, .reason = e->why, .at = now,
					    .kind = x->kind ? x->kind : e->code == 35 ? "infringing_file" : "refused"};
		add_attempt(x, false, e, &p, NULL);
		return;
	}
	struct store_retry retry = {.provider = i->provider, .hash = i->hash, .torrent = i->old_id,
				    .name = i->name, .reason = e->why, .first_at = now, .last_at = now,
				    .kind = e->code == 21 || e->code == 34 || e->http == 429 || e->http == 509
						    ? "too_many_requests" : "error"};
	store_retry(x->r->store, i->provider, i->hash, take_tries, &retry);
	retry.tries++;
	retry.due_at = now + config_int(x->r->o.config, OPT_repair_delay);
	retry.is_spent = retry.tries > config_int(x->r->o.config, OPT_repair_attempts);
	*again = retry.is_spent ? 0 : retry.due_at;
	add_attempt(x, false, e, NULL, &retry);
}

static int take_any(void *arg, const struct store_torrent *t)
{
	(void)arg, (void)t;
	return 1;
}

/** Whether the index has it: the newest were listed just before our call, so what it lacks came after that. */
static bool is_known(struct insertion *x, const char *id)
{
	return store_torrent(x->r->store, x->k.row.provider, id, take_any, NULL) != -ENOENT;
}

/** The provider does not have it any more, by our own doing. */
static void forget(struct insertion *x, const char *id)
{
	int error = repairs_torrent_gone(x->r->o.writer, x->k.row.provider, id, repair_now(x->r));
	if (error < 0 && error != -ENOENT)
		x->r->unkept_at = repair_now(x->r);
}

/** @removed: the new one was there, and is not any more. */
static int end_failed(struct insertion *x, const char *why, bool removed)
{
	const struct store_insertion *i = &x->k.row;
	char reason[WHY + 64];
	struct store_retry retry = {.due_at = 0};
	bool again = store_retry(x->r->store, i->provider, i->hash, take_due, &retry) >= 0 && retry.due_at &&
		     !retry.is_spent;
	snprintf(reason, sizeof reason, "%s%s", why, again ? "; tried again later" : "");
	repairs_plan_item(x->r->o.writer, i->plan, i->item, again ? "waiting" : "failed", reason,
			  repair_now(x->r));
	x->r->run_failed += !again;
	return insertion_save(x, removed ? "undone" : "failed", 0, why);
}

/** What it came to is kept first: taking the new one away is a call of its own, which may have to wait for its turn. */
static int fail(struct insertion *x, const struct provider_error *e)
{
	const struct store_insertion *i = &x->k.row;
	/* what links were made to lead to stays, however this ends */
	bool removes = *i->new_id && i->is_ours && !links_changed(x->r, i->plan, i->item, "relink", i->started_at);
	int64_t again;
	insertion_note_failure(x, e, &again);
	log_warning("%s was not put back: %s", i->name, e->why);
	return removes ? insertion_save(x, "failing", 0, e->why) : end_failed(x, e->why, false);
}

static int step_failing(struct insertion *x)
{
	struct provider_error e = {.class = PROVIDER_OK};
	int r = x->p->provider->remove(x->p->state, x->k.row.new_id, &e);
	if (r == 0 || e.class == PROVIDER_GONE) {
		forget(x, x->k.row.new_id);
		return end_failed(x, x->k.row.error, true);
	}
	repair_note_error(x->r, x->p, r, &e);
	insertion_save(x, "failing", e.class == PROVIDER_WAIT && e.at > repair_now(x->r) ? 0 : POLL_MOST_S,
		       x->k.row.error);
	return r;
}

static int fail_with(struct insertion *x, enum provider_class class, const char *why)
{
	struct provider_error e = {.class = class};
	snprintf(e.why, sizeof e.why, "%s", why);
	return fail(x, &e);
}

static int fail_for_virus(struct insertion *x)
{
	x->kind = "virus";
	return fail_with(x, PROVIDER_PERMANENT, "the provider says that it holds a virus");
}

/** Not as many links as it needs may be changed now: what was done stays, a person goes on. */
static int hold(struct insertion *x, const char *why)
{
	const struct store_insertion *i = &x->k.row;
	repairs_plan_item(x->r->o.writer, i->plan, i->item, "held", why, repair_now(x->r));
	x->r->run_held++;
	return insertion_save(x, "failed", 0, why);
}

/** Managers look again where its files were missing. */
static void tell_managers(struct insertion *x)
{
	const struct store_insertion *i = &x->k.row;
	kept_links links = {0};
	if (store_symlinks_of(x->r->store, (struct bytes){i->name, strlen(i->name)}, keep_link, &links) == 0 &&
	    keep_links_roots(x->r, &links) == 0)
		tell_folders(x->r, i->item, &links);
	kept_links_clear(&links);
}

static int succeed(struct insertion *x)
{
	const struct store_insertion *i = &x->k.row;
	tell_managers(x);
	add_attempt(x, true, NULL, NULL, NULL);
	repairs_delete_retry(x->r->o.writer, i->provider, i->hash);
	repairs_plan_item(x->r->o.writer, i->plan, i->item, "done", "", repair_now(x->r));
	x->r->run_done++;
	return insertion_save(x, "done", 0, "");
}

/* --- the steps --- */

/** What a failed add means: it was not carried out, or nobody knows. */
static int on_add_failed(struct insertion *x, int error, const struct provider_error *e)
{
	repair_note_error(x->r, x->p, error, e);
	if (error == -ECANCELED || e->class == PROVIDER_UNKNOWN)
		return insertion_save(x, "unknown", ASK_S, e->why);
	if (e->class == PROVIDER_WAIT || e->class == PROVIDER_STOP)
		return insertion_save(x, "planned", POLL_MOST_S, e->why);
	return fail(x, e);
}

/** The index knows it at once, as any other torrent: a plan that was made before, or is made now, must not add it again. */
static int confirm(struct insertion *x, const char *id)
{
	int64_t now = repair_now(x->r);
	struct store_torrent row = {.provider = x->k.row.provider, .id = id, .hash = x->k.row.hash,
				    .name = x->k.row.name, .status = "magnet_conversion", .priority = 2,
				    .added_at = now, .first_seen = now, .last_seen = now};
	if (repairs_torrents(x->r->o.writer, &row, 1) < 0)
		x->r->unkept_at = now;
	x->k.row.new_id = id;
	return insertion_save(x, "confirmed", 0, "");
}

static int step_planned(struct insertion *x)
{
	char id[PROVIDER_ID] = "";
	struct provider_error e = {.class = PROVIDER_OK};
	int r = insertion_save(x, "sent", 0, "");
	if (r < 0)
		return r;
	x->k.row.step = "sent";
	r = x->p->provider->add(x->p->state, x->k.row.hash, id, &e);
	if (r < 0)
		return on_add_failed(x, r, &e);
	x->k.row.is_ours = true;
	return confirm(x, id);
}

struct search_new {
	const struct insertion *x;
	char id[PROVIDER_ID];
	bool is_past;
};

static int take_new(void *arg, const struct provider_torrent *t)
{
	struct search_new *s = arg;
	const struct store_insertion *i = &s->x->k.row;
	/* its clock, or ours, may be wrong: what is on a page that was read is looked at whatever it says */
	if (t->added_at && t->added_at < i->started_at - SLACK_S * NS_PER_S)
		s->is_past = true;
	if (strcmp(t->hash, i->hash) == 0 && strcmp(t->id, i->old_id) != 0 && !*s->id)
		snprintf(s->id, sizeof s->id, "%s", t->id);
	return 0;
}

/** Whether the call was carried out: the list is newest first. */
static int step_unknown(struct insertion *x)
{
	struct search_new s = {.x = x};
	struct provider_error e = {.class = PROVIDER_OK};
	struct provider_page page = {.total = -1};
	/* a page that had to wait for its slot is not the first one again */
	page.offset = x->r->searching == x->k.row.id ? x->r->searched : 0;
	x->r->searching = 0;
	for (int i = 0; i < PAGES && !*s.id && !s.is_past && !page.is_last; i++) {
		int r = x->p->provider->list(x->p->state, &page, take_new, &s, &e);
		if (r < 0) {
			x->r->searching = x->k.row.id;
			x->r->searched = page.offset;
			if (!is_put_off(x, r, &e))
				postpone(x, POLL_MOST_S, e.why);
			return r;
		}
		page.offset += page.received;
	}
	if (*s.id) {
		x->k.row.is_ours = !is_known(x, s.id);
		return confirm(x, s.id);
	}
	if (x->k.row.tries + 1 < ASKS)
		return insertion_wait(x, ASK_S << x->k.row.tries, "whether it was added is asked again");
	return fail_with(x, PROVIDER_LATER, "the provider did not add it");
}

/** Asks for the new one; 0 when @t is filled. */
static int ask_new(struct insertion *x, const struct provider_torrent **t)
{
	struct provider_error e = {.class = PROVIDER_OK};
	int r = repair_ask(x->r, x->p, x->k.row.hash, x->k.row.new_id, t, &e);
	if (r == 0)
		return repair_remember(x->r, x->k.row.provider, *t, repair_now(x->r));
	if (e.class == PROVIDER_GONE)
		fail_with(x, PROVIDER_LATER, "somebody removed it again");
	else if (!is_put_off(x, r, &e))
		insertion_wait(x, POLL_MOST_S, e.why);
	return r;
}

static int wait_or_give_up(struct insertion *x, const char *why)
{
	if (repair_now(x->r) > x->k.row.deadline)
		return fail_with(x, PROVIDER_LATER, why);
	int64_t wait = POLL_S << (x->k.row.tries < 4 ? x->k.row.tries : 4);
	return insertion_wait(x, wait < POLL_MOST_S ? wait : POLL_MOST_S, "");
}

/** Time that nobody could use does not count. */
static int wait_unused(struct insertion *x, const char *why)
{
	x->k.row.deadline += MOUNT_S * NS_PER_S;
	return postpone(x, MOUNT_S, why);
}

static int select_same(struct insertion *x, const struct provider_torrent *t)
{
	_free_ int64_t *ids = NULL;
	size_t n;
	struct provider_error e = {.class = PROVIDER_OK};
	if (choose(t, x->k.row.paths, &ids, &n) < 0)
		return fail_with(x, PROVIDER_LATER, "it does not hold the same files");
	if (t->state != TORRENT_UNSELECTED && is_chosen(t, ids, n))
		return insertion_save(x, "selected", 0, "");
	/* nothing can be chosen before it is known what there is */
	if (t->state == TORRENT_BUSY)
		return wait_or_give_up(x, "the provider does not find out which files it has");
	int r = x->p->provider->select(x->p->state, x->k.row.new_id, ids, n, &e);
	if (r == 0)
		return insertion_save(x, "selected", 0, "");
	/* it may have been done: the next look tells */
	if (is_put_off(x, r, &e))
		/* what was just said of it counts when its turn has come */
		return -EAGAIN;
	return e.class == PROVIDER_UNKNOWN ? wait_or_give_up(x, e.why) : fail(x, &e);
}

static int step_confirmed(struct insertion *x)
{
	const struct provider_torrent *t;
	int r = ask_new(x, &t);
	if (r == 0 && t->state == TORRENT_VIRUS)
		r = fail_for_virus(x);
	else if (r == 0 && t->state == TORRENT_FAILED)
		r = fail_with(x, PROVIDER_LATER, "the provider cannot get it either");
	else if (r == 0 && !t->files.len)
		r = wait_or_give_up(x, "the provider does not find out which files it has");
	else if (r == 0)
		r = select_same(x, t);
	return r;
}

static int step_selected(struct insertion *x)
{
	const struct provider_torrent *t;
	int r = ask_new(x, &t);
	if (r == 0 && t->state == TORRENT_OK && t->links > 0) {
		x->k.row.deadline = repair_now(x->r) + config_int(x->r->o.config, OPT_repair_visible);
		r = insertion_save(x, "downloaded", 0, "");
	} else if (r == 0 && t->state == TORRENT_VIRUS) {
		r = fail_for_virus(x);
	} else if (r == 0 && t->state == TORRENT_FAILED) {
		r = fail_with(x, PROVIDER_LATER, "the provider cannot get it either");
	} else if (r == 0 && t->state == TORRENT_UNSELECTED && repair_now(x->r) <= x->k.row.deadline) {
		r = insertion_save(x, "confirmed", POLL_MOST_S, "");
	} else if (r == 0) {
		r = wait_or_give_up(x, "it was not downloaded in time");
	}
	return r;
}

/** Our links work again, where they lead or where they are made to lead. */
static int step_downloaded(struct insertion *x)
{
	const struct provider_torrent *t;
	char why[WHY] = "";
	int r = ask_new(x, &t);
	if (r < 0)
		return r;
	const struct store_insertion *i = &x->k.row;
	struct moving move = {i->plan, i->item, i->name, t->name ? t->name : "", i->paths};
	r = links_restore(x->r, &move, why);
	/* links that somebody changed or mended meanwhile are theirs */
	if (r == 0 || r == -ESTALE)
		return insertion_save(x, "relinked", 0, "");
	if (r == -EDQUOT)
		return hold(x, why);
	if (r == -ENODEV || r == -ETIMEDOUT || r == -EBUSY)
		return wait_unused(x, why);
	return wait_or_give_up(x, *why ? why : "its files are not seen on the mount");
}

static int step_relinked(struct insertion *x)
{
	struct provider_error e = {.class = PROVIDER_OK};
	int r = *x->k.row.old_id && strcmp(x->k.row.old_id, x->k.row.new_id) != 0
		? x->p->provider->remove(x->p->state, x->k.row.old_id, &e) : 0;
	if (r == 0 || e.class == PROVIDER_GONE) {
		forget(x, x->k.row.old_id);
		return succeed(x);
	}
	if (!is_put_off(x, r, &e))
		insertion_wait(x, POLL_MOST_S, e.why);
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct insertion *x);
} steps[] = {
	{"planned", step_planned},     {"sent", step_unknown},	   {"unknown", step_unknown},
	{"confirmed", step_confirmed}, {"selected", step_selected}, {"downloaded", step_downloaded},
	{"relinked", step_relinked},   {"failing", step_failing},
};

/** Nothing is changed at the provider, not even a failure cleaned up, while the mount tells nothing; that time does not
 * count. */
static void run_step(struct repair *r, struct kept_insertion *k)
{
	struct insertion x = {.r = r, .k = *k, .p = repair_provider(r, k->row.provider)};
	if (x.p && !repair_is_healthy(r, true)) {
		wait_unused(&x, r->health.reason);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(steps) && x.p; i++)
		if (strcmp(steps[i].name, x.k.row.step) == 0) {
			if (steps[i].run(&x) != -EAGAIN)
				repair_forget_asked(r, k->row.hash);
			return;
		}
	/* of a provider that is not set up any more: it may come back */
	insertion_wait(&x, WAIT_MOST_S, "its provider is not configured");
}

int insert_step(struct repair *r, int64_t *at)
{
	struct kept_insertion k = {.texts = NULL};
	int64_t now = repair_now(r);
	*at = 0;
	if (store_insertions(r->store, keep_insertion, &k) < 0 || !k.texts || repair_is_dry(r)) {
		kept_insertion_clear(&k);
		return 0;
	}
	struct open_provider *p = repair_provider(r, k.row.provider);
	bool due = k.row.next_at <= now || k.row.changed_at > now;
	*at = k.row.next_at;
	if (due && p && !repair_may_ask(r, p, at))
		due = false;
	if (due)
		run_step(r, &k);
	kept_insertion_clear(&k);
	return due;
}
