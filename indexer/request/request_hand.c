/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One hand-over, from the intent to the end.  At most once: see request.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/render.h"
#include "indexer/extract/guess.h"
#include "indexer/hash.h"
#include "indexer/request/request_private.h"

enum {
	/** Before a client that answered "I have it not" is believed: the call may still be on its way. */
	GRACE_S = 120,
	/** A client that does not know a torrent any more is asked again, so many times. */
	MISSES = 2,
	TRIES = 12,
	IDLE_S = 3600,
	/** No step waits longer: what is due much later was written before the clock was set back. */
	WAIT_MOST_S = 86400,
};

/** How a step ends: what becomes of the hand-over and its requests. */
struct outcome {
	const char *step;
	/** NULL: the requests stay as they are. */
	const char *state;
	char text[WHY];
	int64_t next_at;
	/** Failed, and nothing else shall be tried instead by itself. */
	bool is_final;
};

static int save(struct requests *q, struct handed *h, const struct outcome *o, int64_t now)
{
	struct store_handed row = h->row;
	bool is_over = strcmp(o->step, "failed") == 0 || strcmp(o->step, "gone") == 0;
	row.step = o->step;
	row.text = o->text;
	row.next_at = o->next_at < now + WAIT_MOST_S * NS_PER_S ? o->next_at : now + WAIT_MOST_S * NS_PER_S;
	int64_t retry = o->is_final ? INT64_MAX : is_over ? now + IDLE_S * NS_PER_S : 0;
	int r = finds_handed(q->o.writer, &row, o->state, is_over ? o->text : "", retry);
	/* the row is due as before: without a pause the same calls would be made again at once */
	if (r < 0)
		q->unkept_at = now;
	return r;
}

/** We end, and so did the call: nobody failed, and whoever comes after us asks at once. */
static bool is_cancelled(struct requests *q, int r, int64_t now)
{
	if (r == -ECANCELED)
		q->unkept_at = now;
	return r == -ECANCELED;
}

static int64_t later(const struct handed *h, int64_t now)
{
	static const int64_t seconds[] = {60, 300, 900, 1800, 3600, 10800, 21600};
	size_t i = h->row.tries > 0 ? (size_t)h->row.tries - 1 : 0;
	return now + seconds[i < COUNT_OF(seconds) ? i : COUNT_OF(seconds) - 1] * NS_PER_S;
}

static void fail_with(struct requests *q, struct handed *h, int64_t now, const char *why, bool is_final)
{
	struct outcome o = {.step = "failed", .state = "failed", .is_final = is_final};
	snprintf(o.text, sizeof o.text, "%s", why);
	log_warning("%s does not arrive: %s", h->row.title, why);
	save(q, h, &o, now);
}

static void fail(struct requests *q, struct handed *h, int64_t now, const char *why)
{
	fail_with(q, h, now, why, false);
}

/** Nothing was sent; again later, but not for ever. */
static void put_off(struct requests *q, struct handed *h, int64_t now, const char *why)
{
	struct outcome o = {.step = "planned"};
	h->row.tries++;
	if (h->row.tries > TRIES) {
		fail(q, h, now, why);
		return;
	}
	o.next_at = later(h, now);
	snprintf(o.text, sizeof o.text, "%s", why);
	save(q, h, &o, now);
}

static void confirm(struct requests *q, struct handed *h, int64_t now, const char *text)
{
	struct outcome o = {.step = "confirmed", .state = "sent",
			    .next_at = now + NS_PER_S};
	snprintf(o.text, sizeof o.text, "%s", text);
	h->row.missed = 0;
	save(q, h, &o, now);
}

/* --- planned --- */

static int hash_of(const struct handover *h, char hash[41])
{
	if (h->torrent.len)
		return hash_of_torrent(h->torrent.data, h->torrent.len, hash);
	if (strncmp(buf_str(&h->link), "magnet:", 7) == 0)
		return hash_of_magnet(buf_str(&h->link), hash);
	return -ENOENT;
}

/** Whoever has the same hash was handed over already. */
static int64_t twin_of(struct requests *q, const struct handed *h, const char *hash)
{
	int64_t id;
	return *hash && store_handed_find(q->store, hash, &id) == 0 && id != h->row.id ? id : 0;
}

static void fill_handover(const struct handed *h, struct handover *out)
{
	*out = (struct handover){
		.release = {.title = h->row.title, .guid = h->row.guid, .link = h->row.link, .page = "",
			    .indexer = h->row.indexer, .indexer_id = h->row.indexer_id,
			    .protocol = protocol_of(h->row.protocol), .size = h->row.size, .context = ""},
		.source = h->row.source, .link = BUF_INIT(1 << 16), .torrent = BUF_INIT(16 << 20),
	};
	snprintf(out->release.hash, sizeof out->release.hash, "%s", h->row.hash);
}

/** The intent is durable; then the client is called. */
static void send(struct requests *q, struct handed *h, struct open_client *c,
		 const struct handover *over, int64_t now)
{
	struct outcome sent = {.step = "sent", .next_at = now + GRACE_S * NS_PER_S};
	char why[WHY] = "";
	h->row.client = c->client->name;
	h->row.sent_at = now;
	if (save(q, h, &sent, now) < 0)
		return;
	int r = c->client->add(c->state, over, why);
	if (r == 0 || r == -EEXIST) {
		confirm(q, h, now, r ? "the client had it already" : "");
	} else if (r == -EINVAL) {
		fail(q, h, now, *why ? why : "the client refused it");
	} else if (r == -EAGAIN || r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -EACCES) {
		put_off(q, h, now, *why ? why : strerror(-r));
	} else {
		struct outcome o = {.step = "unknown", .next_at = now + GRACE_S / 4 * NS_PER_S};
		snprintf(o.text, sizeof o.text, "it is not known whether %s has it: %.150s",
			 c->client->name, *why ? why : strerror(-r));
		save(q, h, &o, now);
	}
}

/** Asks the client first, whenever it can be asked. */
static void offer(struct requests *q, struct handed *h, struct open_client *c,
		  const struct handover *over, int64_t now)
{
	struct client_item item = CLIENT_ITEM_INIT;
	char why[WHY] = "";
	int r = -ENOENT;
	if (c->client->can_find && *h->row.hash)
		r = c->client->find(c->state, over->release.protocol, h->row.hash, &item, why);
	buf_clear(&item.files);
	h->row.client = c->client->name;
	if (is_cancelled(q, r, now))
		return;
	if (r == 0)
		confirm(q, h, now, "the client had it already");
	else if (r == -ENOENT || r == -ENOTSUP)
		send(q, h, c, over, now);
	else
		put_off(q, h, now, *why ? why : strerror(-r));
}

static void fetch_and_offer(struct requests *q, struct handed *h, struct open_client *c, int64_t now)
{
	struct handover over;
	char why[WHY] = "", hash[41] = "";
	fill_handover(h, &over);
	int r = q->o.fetch(q->o.arg, &over, why);
	if (r == 0 && hash_of(&over, hash) < 0)
		snprintf(hash, sizeof hash, "%s", over.release.hash);
	if (is_cancelled(q, r, now)) {
		/* as it was */
	} else if (r == -ENOENT) {
		fail(q, h, now, *why ? why : "its source has it not any more");
	} else if (r < 0) {
		put_off(q, h, now, *why ? why : strerror(-r));
	} else if (twin_of(q, h, hash)) {
		fail(q, h, now, "the same file was handed over before, under another name");
	} else {
		if (*hash) {
			h->row.hash = h->row.ident = hash;
			snprintf(over.release.hash, sizeof over.release.hash, "%s", hash);
		}
		offer(q, h, c, &over, now);
	}
	buf_clear(&over.link);
	buf_clear(&over.torrent);
}

static void step_planned(struct requests *q, struct handed *h, int64_t now)
{
	struct outcome wait = {.step = "planned", .next_at = now + 60 * NS_PER_S};
	struct open_client *c = client_for(q, protocol_of(h->row.protocol), h->row.source);
	if (q->o.is_dry(q->o.arg)) {
		snprintf(wait.text, sizeof wait.text, "waits: dry run is on");
		save(q, h, &wait, now);
	} else if (!c) {
		snprintf(wait.text, sizeof wait.text, "waits: no download client is set up for %s",
			 h->row.protocol);
		save(q, h, &wait, now);
	} else {
		fetch_and_offer(q, h, c, now);
	}
}

/* --- sent, unknown --- */

/** The indexer ended, or the call did, before the answer: only asking tells. */
static void step_unknown(struct requests *q, struct handed *h, int64_t now)
{
	struct open_client *c = client_named(q, h->row.client);
	struct client_item item = CLIENT_ITEM_INIT;
	struct outcome wait = {.step = "unknown", .next_at = later(h, now)};
	char why[WHY] = "";
	int r = -ENOTSUP;
	if (c && *h->row.hash)
		r = c->client->find(c->state, protocol_of(h->row.protocol), h->row.hash, &item, why);
	buf_clear(&item.files);
	if (is_cancelled(q, r, now))
		return;
	if (r == 0) {
		confirm(q, h, now, "");
	} else if (r == -ENOENT && now - h->row.sent_at >= GRACE_S * NS_PER_S) {
		put_off(q, h, now, "the client did not receive it");
	} else if (r == -ENOTSUP) {
		/* it may be on its way: another release would be the volume twice */
		fail_with(q, h, now, "it is not known whether the client received it, and it cannot be asked: "
				     "it is not sent again by itself", true);
	} else {
		wait.next_at = r == -ENOENT ? h->row.sent_at + GRACE_S * NS_PER_S : later(h, now);
		snprintf(wait.text, sizeof wait.text, "it is not known whether %s has it%s%.150s",
			 h->row.client, *why ? ": " : "", why);
		h->row.tries++;
		save(q, h, &wait, now);
	}
}

/* --- confirmed --- */

struct volumes {
	VEC(int64_t) of;
};

static int take_volume(void *arg, int64_t id, const char *key, const char *series, int64_t volume,
		       const char *state)
{
	struct volumes *v = arg;
	int64_t *slot = vec_add(&v->of);
	(void)id, (void)key, (void)series, (void)state;
	if (slot)
		*slot = volume;
	return 0;
}

static bool holds_any(const struct guess *g, const struct volumes *v)
{
	double last = g->has_volume_end ? g->volume_end : g->volume;
	for (size_t i = 0; i < v->of.len; i++)
		if (g->volume <= (double)v->of.data[i] && (double)v->of.data[i] <= last)
			return true;
	return false;
}

/** Pages of a folder are numbered too, and a list of contents may name any volume. */
static bool is_book(const char *name, size_t n)
{
	static const char *const endings[] = {".cbz", ".cbr", ".cb7", ".cbt", ".zip",
					      ".rar", ".7z",  ".pdf", ".epub"};
	for (size_t i = 0; i < COUNT_OF(endings); i++) {
		size_t length = strlen(endings[i]);
		if (n > length && strncasecmp(name + n - length, endings[i], length) == 0)
			return true;
	}
	return false;
}

/** The names of its files tell regular volumes, and none that was asked for: fills @why. */
static bool is_wrong_volume(struct requests *q, const struct handed *h, const struct buf *files,
			    char why[WHY])
{
	struct volumes v = {0};
	bool tells = false, right = false;
	store_requests_of(q->store, h->row.id, take_volume, &v);
	for (const char *p = buf_str(files); *p;) {
		struct guess g;
		size_t n = strcspn(p, "\n");
		guess_name(p, n, &g);
		if (is_book(p, n) && g.has_volume && (g.kind == GUESS_VOLUME || g.kind == GUESS_RANGE)) {
			right = right || holds_any(&g, &v);
			if (!tells)
				snprintf(why, WHY, "wrong volume: it holds %.200s", p);
			why[strcspn(why, "\n")] = '\0';
			tells = true;
		}
		p += n + (p[n] == '\n');
	}
	bool wrong = v.of.len && tells && !right;
	vec_clear(&v.of);
	return wrong;
}

/**
 * All bytes are there, and for long, but no file of the volume is: true, and the hand-over has failed.  It is where
 * only people know, so that nothing else is downloaded instead; when it appears it arrives all the same.
 */
static bool is_lost(struct requests *q, struct handed *h, int64_t now)
{
	_buf_ struct buf since = BUF_INIT(64);
	char why[WHY];
	if (now - h->row.changed_at < config_int(q->o.config, OPT_requests_arrival))
		return false;
	time_rfc3339(h->row.changed_at, &since);
	snprintf(why, sizeof why, "complete in %.40s since %s, but no file of this volume has appeared below "
		 "the manga roots: was it moved or imported elsewhere?", h->row.client, buf_str(&since));
	fail_with(q, h, now, why, true);
	return true;
}

static void follow(struct requests *q, struct handed *h, const struct client_item *item, int64_t now)
{
	const struct config *c = q->o.config;
	struct outcome o = {.step = "confirmed", .next_at = now + config_int(c, OPT_requests_check)};
	char wrong[WHY] = "";
	bool moved = item->progress > h->row.progress;
	bool was_done = h->row.progress >= 1;
	h->row.missed = 0;
	h->row.progress = item->state == CLIENT_DONE ? 1 : item->progress;
	h->row.speed = item->speed;
	h->row.seconds_left = item->seconds_left;
	if (is_wrong_volume(q, h, &item->files, wrong)) {
		fail(q, h, now, wrong);
		return;
	}
	if (item->state == CLIENT_FAILED) {
		fail(q, h, now, *item->text ? item->text : "the client gave it up");
		return;
	}
	if (item->state == CLIENT_DONE && was_done && is_lost(q, h, now))
		return;
	if (item->state != CLIENT_DONE && !moved &&
	    now - h->row.changed_at > config_int(c, OPT_requests_patience)) {
		fail(q, h, now, "the download stands still");
		return;
	}
	o.state = item->state == CLIENT_WAITS ? "sent" : "downloading";
	snprintf(o.text, sizeof o.text, "%s",
		 item->state == CLIENT_DONE ? "complete; it is waited for in the library" : item->text);
	save(q, h, &o, now);
}

/** The client knows it no more: it is done and was cleared, or somebody removed it. */
static void miss(struct requests *q, struct handed *h, int64_t now)
{
	struct outcome o = {.step = "confirmed",
			    .next_at = now + config_int(q->o.config, OPT_requests_check)};
	if (h->row.progress >= 1) {
		if (is_lost(q, h, now))
			return;
		o.next_at = now + IDLE_S * NS_PER_S;
		snprintf(o.text, sizeof o.text, "complete; it is waited for in the library");
	} else if (++h->row.missed >= MISSES) {
		o = (struct outcome){.step = "gone", .state = "gone"};
		snprintf(o.text, sizeof o.text, "it was removed from %s: it is not asked for again by itself",
			 h->row.client);
	}
	save(q, h, &o, now);
}

static void step_confirmed(struct requests *q, struct handed *h, int64_t now)
{
	struct open_client *c = client_named(q, h->row.client);
	struct client_item item = CLIENT_ITEM_INIT;
	struct outcome wait = {.step = "confirmed", .next_at = now + IDLE_S * NS_PER_S};
	char why[WHY] = "";
	int r = c && *h->row.hash ? c->client->find(c->state, protocol_of(h->row.protocol), h->row.hash,
						    &item, why)
				  : -ENOTSUP;
	if (is_cancelled(q, r, now)) {
		/* as it was */
	} else if (r == 0) {
		follow(q, h, &item, now);
	} else if (r == -ENOENT) {
		miss(q, h, now);
	} else {
		if (r == -ENOTSUP)
			snprintf(wait.text, sizeof wait.text, "handed over; the client does not tell how far it is");
		else
			wait.next_at = now + 5 * config_int(q->o.config, OPT_requests_check);
		if (r != -ENOTSUP)
			snprintf(wait.text, sizeof wait.text, "%s does not answer: %.150s", h->row.client,
				 *why ? why : strerror(-r));
		save(q, h, &wait, now);
	}
	buf_clear(&item.files);
}

void hand_step(struct requests *q, struct handed *h, int64_t now)
{
	static const struct {
		const char *step;
		void (*run)(struct requests *q, struct handed *h, int64_t now);
	} steps[] = {
		{"planned", step_planned},
		{"sent", step_unknown},
		{"unknown", step_unknown},
		{"confirmed", step_confirmed},
	};
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		if (strcmp(steps[i].step, h->row.step) == 0)
			steps[i].run(q, h, now);
}
