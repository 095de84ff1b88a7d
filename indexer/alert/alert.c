/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/alert/alert.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/render.h"
#include "common/thread.h"
#include "indexer/alert/chapters_done.h"
#include "indexer/alert/facts.h"
#include "indexer/alert/summary.h"
#include "indexer/load/alerts.h"

/** Names in the meta table. */
#define META_STARTS "alert_starts"
#define META_SUMMARY "alert_summary"

enum {
	/** The scan that begins at a start is to tell how folders are. */
	FIRST_MS = 2000,
};

struct alerts {
	struct alerts_options o;
	struct store *store;
	struct facts facts;
	struct alert_engine engine;
	bool is_silent[ALERT_COUNT_OF_ROWS];
	/** Minutes since midnight, -1: there is none. */
	int summary_at;
	struct summary_base base;
	struct chapters_done chapters;
	/** In this look: something was told; the store refused, and is not asked again before the next. */
	bool has_told;
	int refused;
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	bool is_ending;
};

/* --- telling --- */

static void put_notice(struct alerts *a, const char *kind, const char *subject, const char *text)
{
	struct notice notice = {.kind = kind, .series = subject, .text = text, .at = a->facts.now};
	notify_put(a->o.notify, &notice);
	a->has_told = true;
}

/** "disk has room for 90 MiB (limit 500 MiB; state_disk, see status/health)" */
static void say(const struct alert_state *s, struct buf *out)
{
	const struct alert_row *row = &ALERTS_TABLE[s->id];
	buf_addf(out, "%s (", s->text);
	if (!isnan(s->limit)) {
		buf_adds(out, "limit ");
		alert_value(row->unit, s->limit, out);
		buf_adds(out, "; ");
	}
	buf_addf(out, "%s, see %s)", row->name, row->see);
}

static void tell(struct alerts *a, const struct alert_state *s, bool is_over)
{
	_buf_ struct buf text = BUF_INIT(1 << 12);
	if (is_over)
		buf_adds(&text, "over: ");
	say(s, &text);
	log_write(is_over ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "alert: %s", buf_str(&text));
	if (!a->is_silent[s->id])
		put_notice(a, is_over ? "alert over" : "alert", s->subject, buf_str(&text));
}

/** There is nobody who could miss it. */
static bool is_for_nobody(const struct alerts *a, const struct alert_state *s)
{
	return !a->o.notify || a->is_silent[s->id];
}

/** People are told first: of a store that cannot be written, too. */
static int on_move(void *arg, struct alert_state *s, enum alert_move move)
{
	static const char *const events[] = {[ALERT_FIRED] = "alert-fired", [ALERT_CLEARED] = "alert-cleared"};
	struct alerts *a = arg;
	if (!s->is_late && (move == ALERT_FIRED || move == ALERT_CLEARED)) {
		tell(a, s, move == ALERT_CLEARED);
		s->was_put = true;
		s->is_told = is_for_nobody(a, s);
	}
	const struct store_alert row = engine_row(s);
	if (a->refused == 0)
		a->refused = move == ALERT_ENDED ? alerts_delete(a->o.writer, row.name, row.subject)
						 : alerts_put(a->o.writer, &row, move < COUNT_OF(events) ? events[move] : NULL);
	return a->refused;
}

static void mark_told(struct alerts *a)
{
	bool is_told = notify_is_told(a->o.notify);
	for (size_t i = 0; is_told && i < a->engine.state.len && a->refused == 0; i++) {
		struct alert_state *s = &a->engine.state.data[i];
		if (s->is_told || !s->was_put || s->owes)
			continue;
		s->is_told = true;
		const struct store_alert row = engine_row(s);
		a->refused = alerts_put(a->o.writer, &row, NULL);
		s->is_told = a->refused == 0;
	}
}

/** What an indexer before this one could not send. */
static void tell_again(struct alerts *a)
{
	for (size_t i = 0; i < a->engine.state.len; i++) {
		struct alert_state *s = &a->engine.state.data[i];
		if (s->is_told || s->was_put || !a->engine.rule[s->id].is_on)
			continue;
		tell(a, s, s->state != STORE_ALERT_FIRING);
		s->was_put = true;
	}
}

/* --- the summary of a day --- */

static int64_t fired_since(const struct alerts *a, int64_t since)
{
	int64_t n = 0;
	for (size_t i = 0; i < a->engine.state.len; i++)
		n += a->engine.state.data[i].fired_at > since;
	return n;
}

static void keep_base(struct alerts *a)
{
	_buf_ struct buf text = BUF_INIT(1 << 12);
	summary_write(&a->facts.gauges, &text);
	summary_parse(buf_str(&text), &a->base);
	alerts_note(a->o.writer, META_SUMMARY, buf_str(&text));
}

static void look_at_summary(struct alerts *a)
{
	/* without numbers nothing can be said of them: at the next look */
	if (a->summary_at < 0 || !a->facts.has_gauges)
		return;
	int64_t moment = summary_moment(a->facts.now, a->summary_at);
	/* the first one is counted from here; so is the one after a clock that was set back */
	if (!a->base.at || a->base.at > a->facts.now) {
		keep_base(a);
		return;
	}
	if (a->base.at >= moment)
		return;
	_buf_ struct buf text = BUF_INIT(1 << 12);
	summary_say(&a->base, &a->facts.gauges, fired_since(a, a->base.at), engine_firing(&a->engine), &text);
	put_notice(a, "summary", "", buf_str(&text));
	keep_base(a);
}

static void look_at_chapters(struct alerts *a)
{
	_buf_ struct buf text = BUF_INIT(1 << 12);
	int64_t quiet = config_int(a->o.config, OPT_chapters_notice);
	if (quiet && chapters_done(&a->chapters, &a->facts.gauges, quiet, &text))
		put_notice(a, "chapters", "", buf_str(&text));
}

/* --- looks --- */

void alerts_look(struct alerts *a)
{
	struct live_values live;
	int64_t now = a->o.now ? a->o.now(a->o.arg) : now_ns();
	live_read(a->o.live, &live);
	a->has_told = false;
	a->refused = 0;
	mark_told(a);
	const struct alert_facts *facts = facts_look(&a->facts, &live, now);
	tell_again(a);
	if (engine_step(&a->engine, facts, now, on_move, a) < 0)
		log_warning("alerts: no memory");
	look_at_summary(a);
	look_at_chapters(a);
	if (a->has_told)
		notify_flush(a->o.notify);
}

static void *run(void *arg)
{
	struct alerts *a = arg;
	int64_t interval = config_int(a->o.config, OPT_alerts_interval);
	int64_t next = mono_ns() + (interval < FIRST_MS * NS_PER_MS ? interval : FIRST_MS * NS_PER_MS);
	pthread_mutex_lock(&a->lock);
	while (!a->is_ending) {
		struct timespec ts = {next / NS_PER_S, next % NS_PER_S};
		if (mono_ns() < next) {
			pthread_cond_timedwait(&a->changed, &a->lock, &ts);
			continue;
		}
		pthread_mutex_unlock(&a->lock);
		alerts_look(a);
		next = mono_ns() + interval;
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* --- start and end --- */

static int take_up(void *arg, const struct store_alert *row)
{
	return engine_restore(arg, row);
}

static void read_rules(struct alerts *a)
{
	const struct config *c = a->o.config;
	for (int i = 0; i < ALERT_COUNT_OF_ROWS; i++) {
		config_alert(c, (enum alert_id)i, &a->engine.rule[i]);
		a->is_silent[i] = !config_int(c, OPT_alerts_notices);
		for (size_t k = 0; k < config_count(c, OPT_alerts_silent); k++)
			a->is_silent[i] |= strcmp(config_item(c, OPT_alerts_silent, k), ALERTS_TABLE[i].name) == 0;
	}
	a->summary_at = config_time_of_day(config_text(c, OPT_alerts_summary));
}

static int read_kept(struct alerts *a)
{
	char text[2048] = "";
	struct live_values live;
	int r = store_alerts_all(a->store, take_up, &a->engine);
	live_read(a->o.live, &live);
	store_meta(a->store, META_STARTS, text, sizeof text);
	if (facts_add_start(&a->facts, text, (int64_t)live.started_at)) {
		_buf_ struct buf starts = BUF_INIT(sizeof text);
		facts_starts(&a->facts, &starts);
		alerts_note(a->o.writer, META_STARTS, buf_str(&starts));
	}
	store_meta(a->store, META_SUMMARY, text, sizeof text);
	summary_parse(text, &a->base);
	return r;
}

int alerts_new(const struct alerts_options *options, struct alerts **out)
{
	struct alerts *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	a->o = *options;
	pthread_mutex_init(&a->lock, NULL);
	thread_cond_init(&a->changed);
	int r = store_open_reader(a->o.state_dir, &a->store);
	a->facts.config = a->o.config;
	a->facts.store = a->store;
	a->facts.limit = a->o.limit;
	if (r == 0) {
		read_rules(a);
		r = read_kept(a);
	}
	if (r < 0) {
		alerts_free(a);
		return r;
	}
	*out = a;
	return 0;
}

int alerts_start(struct alerts *a)
{
	return thread_start(&a->thread, "alerts", run, a);
}

void alerts_free(struct alerts *a)
{
	if (!a)
		return;
	{
		LOCKED(&a->lock);
		a->is_ending = true;
		pthread_cond_broadcast(&a->changed);
	}
	thread_join(&a->thread);
	/* what arrived meanwhile is not to be told again by the next indexer */
	a->refused = 0;
	mark_told(a);
	facts_free(&a->facts);
	engine_clear(&a->engine);
	store_close(a->store);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
