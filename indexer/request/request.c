/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/request/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/request/request_private.h"

enum {
	LOOK_S = 300,
	DAY_S = 86400,
	KEPT_DAYS = 90,
	/** A find that could not be handed over by itself is tried again then. */
	AUTO_RETRY_S = 3600,
	/** What became of a call could not be kept: it is not made again before that can have changed. */
	UNKEPT_S = 60,
};

static const struct client *const all_clients[] = {
#define X(name) &client_##name,
	CLIENTS(X)
#undef X
	NULL,
};

/* --- clients --- */

static bool takes(const struct open_client *c, enum protocol protocol, const char *source)
{
	return (c->client->takes & protocol) &&
	       (!c->client->source || strcmp(c->client->source, source) == 0);
}

struct open_client *client_named(const struct requests *q, const char *name)
{
	for (size_t i = 0; i < q->clients.len; i++)
		if (strcmp(q->clients.data[i].client->name, name) == 0)
			return &q->clients.data[i];
	return NULL;
}

struct open_client *client_for(const struct requests *q, enum protocol protocol, const char *source)
{
	struct open_client *c = client_named(q, config_text(q->o.config, OPT_requests_client));
	if (c && takes(c, protocol, source))
		return c;
	for (size_t i = 0; i < q->clients.len; i++)
		if (takes(&q->clients.data[i], protocol, source))
			return &q->clients.data[i];
	return NULL;
}

bool requests_can_take(const struct requests *q, enum protocol protocol, const char *source)
{
	return client_for(q, protocol, source) != NULL;
}

static int open_client(struct requests *q, const struct client *client)
{
	struct outside outside = {q->o.config, q->o.net};
	void *state = NULL;
	char why[WHY] = "";
	int r = client->open(&outside, &state, why);
	if (r < 0)
		log_error("%s cannot be used: %s", client->name, *why ? why : strerror(-r));
	if (r < 0 || !state)
		return 0;
	struct open_client *c = vec_add(&q->clients);
	if (!c) {
		client->close(state);
		return -ENOMEM;
	}
	*c = (struct open_client){client, state};
	return 0;
}

/* --- telling people --- */

struct news {
	struct requests *q;
	VEC(struct store_told) told;
	/** The notice that is being made: of one hand-over, state and series. */
	int64_t handed;
	char state[16];
	struct buf series, text, volumes;
};

static const struct {
	const char *state, *kind, *verb;
} notices[] = {
	{"found", "found", "was found"},
	{"sent", "sent", "was handed over"},
	{"arrived", "arrived", "has arrived"},
	{"failed", "failed", "failed"},
	{"gone", "gone", "is gone from the client"},
};

static void put_notice(struct news *n, int64_t now)
{
	for (size_t i = 0; i < COUNT_OF(notices) && n->volumes.len; i++) {
		if (strcmp(notices[i].state, n->state) != 0)
			continue;
		_buf_ struct buf text = BUF_INIT(1 << 16);
		buf_addf(&text, "%s %s %s%s%s", buf_str(&n->series), buf_str(&n->volumes),
			 notices[i].verb, n->text.len ? ": " : "", buf_str(&n->text));
		struct notice notice = {.kind = notices[i].kind, .series = buf_str(&n->series),
					.text = buf_str(&text), .at = now};
		notify_put(n->q->o.notify, &notice);
		n->q->has_news = true;
	}
	buf_reset(&n->volumes);
}

static bool is_same_notice(const struct news *n, const struct store_untold *u)
{
	return n->volumes.len && u->handed_id && n->handed == u->handed_id &&
	       strcmp(n->state, u->state) == 0 && strcmp(buf_str(&n->series), u->series) == 0;
}

static int take_untold(void *arg, const struct store_untold *u)
{
	struct news *n = arg;
	struct store_told *told = vec_add(&n->told);
	if (told) {
		told->request = u->id;
		snprintf(told->state, sizeof told->state, "%s", u->state);
	}
	if (!is_same_notice(n, u)) {
		put_notice(n, net_now(n->q->o.net));
		n->handed = u->handed_id;
		snprintf(n->state, sizeof n->state, "%s", u->state);
		buf_reset(&n->series);
		buf_adds(&n->series, u->series);
		buf_reset(&n->text);
		buf_adds(&n->text, *u->reason ? u->reason : u->title);
	}
	buf_addf(&n->volumes, "%s%lld", n->volumes.len ? ", " : "", (long long)u->volume);
	return 0;
}

/** At least once: who is told twice after a crash is not told a wrong thing. */
static bool tell(struct requests *q)
{
	struct news n = {.q = q, .series = BUF_INIT(1 << 14), .text = BUF_INIT(1 << 14),
			 .volumes = BUF_INIT(1 << 14)};
	store_untold(q->store, take_untold, &n);
	put_notice(&n, net_now(q->o.net));
	int r = n.told.len ? finds_told(q->o.writer, n.told.data, n.told.len) : -ENOENT;
	if (n.told.len && r < 0)
		q->unkept_at = net_now(q->o.net);
	vec_clear(&n.told);
	buf_clear(&n.series);
	buf_clear(&n.text);
	buf_clear(&n.volumes);
	return r == 0;
}

/* --- finds that nobody need ask for --- */

struct automatic {
	struct requests *q;
	int64_t now, result;
	/** When one is missing for long enough; 0: none is waited for. */
	int64_t later;
	bool can;
};

/** What no client takes would only wait, and count as one of the day. */
static int take_result(void *arg, const struct store_result *x)
{
	struct automatic *a = arg;
	a->can = requests_can_take(a->q, protocol_of(x->protocol), x->source);
	return 0;
}

/** A folder that is being copied has gaps, and a scan has not seen all: that is waited for. */
static bool is_young(struct automatic *a, int64_t since)
{
	const struct requests *q = a->q;
	int64_t at = since + config_int(q->o.config, OPT_requests_delay);
	if (q->o.is_scanning && q->o.is_scanning(q->o.arg) && at < a->now + NS_PER_S)
		at = a->now + NS_PER_S;
	/* a clock that was set back makes nothing young for ever */
	bool young = at > a->now && since <= a->now;
	if (young && (!a->later || at < a->later))
		a->later = at;
	return young;
}

static int take_found(void *arg, int64_t result, const char *flow, int automatic, int64_t since)
{
	struct automatic *a = arg;
	bool fresh = strcmp(flow, "new") == 0;
	if (!config_int(a->q->o.config, fresh ? OPT_new_download : OPT_missing_download) || automatic == 0)
		return 0;
	if (is_young(a, since))
		return 0;
	/* one that is gone meanwhile is refused by the store, and put off */
	a->can = true;
	store_result(a->q->store, result, take_result, a);
	if (!a->can)
		return 0;
	a->result = result;
	return 1;
}

static bool is_automatic(const struct requests *q)
{
	return config_int(q->o.config, OPT_missing_download) || config_int(q->o.config, OPT_new_download);
}

/** One confirmed find, when flow, series, the day's cap and dry run allow it.  *later: when the next one
 * may be old enough. */
static bool grab_one(struct requests *q, int64_t now, int64_t *later)
{
	const struct config *c = q->o.config;
	int64_t today = 0, handed;
	if (!is_automatic(q) || !q->clients.len || q->o.is_dry(q->o.arg))
		return false;
	store_handed_today(q->store, now - DAY_S * NS_PER_S, &today);
	if (today >= config_int(c, OPT_requests_day))
		return false;
	struct automatic a = {.q = q, .now = now};
	store_found(q->store, now, config_int(c, OPT_monitor_default) != 0, take_found, &a);
	*later = a.later;
	if (!a.result)
		return false;
	struct store_grab grab = {.result = a.result, .volume = -1, .automatic = true, .now = now,
				  .retry_at = now + AUTO_RETRY_S * NS_PER_S};
	int r = finds_grab(q->o.writer, &grab, &handed);
	if (r < 0)
		log_debug("a find was not handed over by itself: %s", strerror(-r));
	/* refused: the next one may not be */
	return r == 0 || r == -EEXIST || r == -ENOENT || r == -ESRCH;
}

/* --- hand-overs --- */

int handed_copy(void *arg, const struct store_handed *h)
{
	struct handed *copy = arg;
	const char **texts[] = {&copy->row.ident, &copy->row.hash, &copy->row.protocol,
				&copy->row.source, &copy->row.guid, &copy->row.title,
				&copy->row.indexer, &copy->row.link, &copy->row.client,
				&copy->row.step, &copy->row.text};
	copy->row = *h;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *text = strdup(*texts[i]);
		*texts[i] = text ? text : "";
		copy->texts[copy->text_count++] = text;
	}
	return 0;
}

void handed_clear(struct handed *h)
{
	for (int i = 0; i < h->text_count; i++)
		free(h->texts[i]);
}

static bool hand_one(struct requests *q, int64_t now)
{
	struct handed h = {0};
	if (store_handed_due(q->store, now, handed_copy, &h) < 0)
		return false;
	hand_step(q, &h, now);
	handed_clear(&h);
	return true;
}

/** After a hand-over that failed, or was removed from the client, the next best one is found: whether it is handed
 * over by itself is another question. */
static bool choose_again(struct requests *q, int64_t now)
{
	int64_t series;
	if (store_request_due_again(q->store, now, &series) < 0)
		return false;
	int r = finds_choose_again(q->o.writer, series, now);
	if (r < 0)
		q->unkept_at = now;
	return r == 0;
}

static void purge(struct requests *q, int64_t now)
{
	if (now < q->purge_at && q->purge_at < now + 2 * DAY_S * NS_PER_S)
		return;
	q->purge_at = now + DAY_S * NS_PER_S;
	finds_purge(q->o.writer, now - KEPT_DAYS * DAY_S * NS_PER_S);
}

/** A store that takes nothing is left alone for a while, and so is everybody else; a clock that was set back
 * does not make it longer. */
static bool is_unkept(struct requests *q, int64_t now)
{
	if (q->unkept_at && now >= q->unkept_at && now < q->unkept_at + UNKEPT_S * NS_PER_S)
		return true;
	q->unkept_at = 0;
	return writer_error(q->o.writer) != 0;
}

int requests_step(struct requests *q, int64_t *next_at)
{
	int64_t now = net_now(q->o.net), due = 0, later = 0;
	*next_at = now + LOOK_S * NS_PER_S;
	if (!q->store && store_open_reader(q->o.state_dir, &q->store) < 0)
		return 0;
	if (is_unkept(q, now)) {
		*next_at = now + UNKEPT_S * NS_PER_S;
		return 0;
	}
	bool told = tell(q);
	if (grab_one(q, now, &later) || hand_one(q, now) || choose_again(q, now) || told)
		return 1;
	if (q->has_news)
		notify_flush(q->o.notify);
	q->has_news = false;
	purge(q, now);
	if (store_handed_next(q->store, &due) == 0 && due > 0 && due < *next_at)
		*next_at = due;
	if (later && later < *next_at)
		*next_at = later;
	return 0;
}

/* --- the thread --- */

static bool rest(struct requests *q, unsigned *seen, int64_t ns)
{
	int64_t end = mono_ns() + (ns > 0 ? ns : 0);
	struct timespec until = {end / NS_PER_S, end % NS_PER_S};
	LOCKED(&q->lock);
	int r = 0;
	while (!q->is_ending && r == 0 && *seen == q->pokes)
		r = pthread_cond_timedwait(&q->changed, &q->lock, &until);
	*seen = q->pokes;
	return !q->is_ending;
}

static void *run(void *arg)
{
	struct requests *q = arg;
	unsigned seen = 0;
	int64_t next_at, wait = 0;
	while (rest(q, &seen, wait)) {
		int did = requests_step(q, &next_at);
		wait = did ? 0 : next_at - net_now(q->o.net);
	}
	return NULL;
}

int requests_new(const struct requests_options *options, struct requests **out)
{
	struct requests *q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->o = *options;
	pthread_mutex_init(&q->lock, NULL);
	thread_cond_init(&q->changed);
	const struct client *const *client = options->clients ? options->clients : all_clients;
	int r = 0;
	for (; *client && r == 0; client++)
		r = open_client(q, *client);
	if (r < 0) {
		requests_free(q);
		return r;
	}
	*out = q;
	return 0;
}

int requests_start(struct requests *q)
{
	return thread_start(&q->thread, "requests", run, q);
}

void requests_poke(struct requests *q)
{
	LOCKED(&q->lock);
	q->pokes++;
	pthread_cond_signal(&q->changed);
}

void requests_free(struct requests *q)
{
	if (!q)
		return;
	{
		LOCKED(&q->lock);
		q->is_ending = true;
		pthread_cond_signal(&q->changed);
	}
	thread_join(&q->thread);
	for (size_t i = 0; i < q->clients.len; i++)
		q->clients.data[i].client->close(q->clients.data[i].state);
	vec_clear(&q->clients);
	store_close(q->store);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}
