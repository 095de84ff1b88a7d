/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/view.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

enum {
	CONNECTIONS = 16,
	/** The indexer beats twice a second. */
	SILENT_S = 5,
	/** Shown heartbeats are at most this much behind while nothing else changes. */
	PULSE_S = 10,
};

static struct {
	const struct config *config;
	const char *mount;
	pthread_mutex_t lock;
	/* protected by lock: */
	struct store *free[CONNECTIONS];
	int free_count;
	/** How often the store was another file; connections of a former one are not used again. */
	unsigned epoch;
	const struct live_page *live;
	struct mood mood;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

int views_open(const struct config *config)
{
	all.config = config;
	{
		/* what was kept of another store is not of this one */
		LOCKED(&all.lock);
		all.epoch++;
	}
	views_refresh(true);
	return 0;
}

/** Under the lock. */
static void close_free(void)
{
	while (all.free_count)
		store_close(all.free[--all.free_count]);
}

void views_set_mount(const char *path)
{
	all.mount = path;
}

void views_close(void)
{
	LOCKED(&all.lock);
	close_free();
	live_close(all.live);
	all.live = NULL;
}

const struct config *views_config(void)
{
	return all.config;
}

/* --- one view --- */

static void take_store(struct view *v)
{
	{
		LOCKED(&all.lock);
		v->epoch = all.epoch;
		if (all.free_count) {
			v->store = all.free[--all.free_count];
			return;
		}
	}
	int r = store_open_reader(config_state_dir(all.config), &v->store);
	if (r == 0 || r == -ENOENT)
		return;
	v->store = NULL;
	v->error = r;
	log_debug("the store cannot be opened: %s", strerror(-r));
}

static void put_store(struct store *s, unsigned epoch)
{
	{
		LOCKED(&all.lock);
		if (epoch == all.epoch && all.free_count < CONNECTIONS) {
			all.free[all.free_count++] = s;
			return;
		}
	}
	store_close(s);
}

void view_begin(struct view *v)
{
	*v = (struct view){.config = all.config, .mount = all.mount};
	{
		LOCKED(&all.lock);
		v->mood = all.mood;
	}
	take_store(v);
	if (!v->store)
		return;
	int r = store_begin_read(v->store);
	if (r == 0)
		r = store_topics(v->store, v->version, v->at, &v->generation);
	if (r < 0) {
		/* a store that was replaced under us is opened again next time */
		store_close(take(v->store));
		v->error = r;
	}
}

void view_end(struct view *v)
{
	if (!v->store)
		return;
	store_end(v->store);
	put_store(take(v->store), v->epoch);
}

uint64_t view_version(const struct view *v, unsigned topics, unsigned moods)
{
	uint64_t version = 0;
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (topics & 1u << t && v->version[t] > version)
			version = v->version[t];
	/* each term only grows, so the sum is greater whenever any of them moved */
	for (int m = 0; m < VIEW_MOODS; m++)
		if (moods & 1u << m)
			version += v->mood.version[m];
	return version;
}

int64_t view_at(const struct view *v, unsigned topics, unsigned moods)
{
	int64_t at = 0;
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (topics & 1u << t && v->at[t] > at)
			at = v->at[t];
	for (int m = 0; m < VIEW_MOODS; m++)
		if (moods & 1u << m && v->mood.at[m] > at)
			at = v->mood.at[m];
	return at;
}

/* --- moods --- */

static enum indexer_state judge(const struct live_values *live, bool is_locked)
{
	if (!is_locked)
		return INDEXER_AWAY;
	if (!live->pid)
		return INDEXER_STARTING;
	if (now_ns() - (int64_t)live->heartbeat_at > SILENT_S * NS_PER_S)
		return INDEXER_SILENT;
	return INDEXER_RUNNING;
}

static void move(struct mood *m, unsigned mood)
{
	for (int i = 0; i < VIEW_MOODS; i++)
		if (mood & 1u << i) {
			m->version[i]++;
			m->at[i] = now_ns();
		}
}

/** Counters that move by themselves do not make a new version while no job runs. */
static bool is_news(const struct live_values *old, const struct live_values *fresh)
{
	struct live_values a = *old, b = *fresh;
	a.heartbeat_at = b.heartbeat_at = 0;
	a.cpu_ns = b.cpu_ns = 0;
	a.due = b.due = 0;
	a.generation_next = b.generation_next = a.generation = b.generation = 0;
	if (!b.job) {
		a.rss_indexer = b.rss_indexer = a.rss_sum = b.rss_sum = 0;
		a.rss_scout = b.rss_scout = a.rss_worker = b.rss_worker = 0;
		a.insert_busy_ns = b.insert_busy_ns = 0;
		a.insert_items = b.insert_items = 0;
	}
	return memcmp(&a, &b, sizeof a) != 0 ||
	       (int64_t)(fresh->heartbeat_at - old->heartbeat_at) > PULSE_S * NS_PER_S;
}

/** Whether the store's name leads to another file than at the last look: it was replaced. */
static bool is_other_store(const char *dir)
{
	static struct stat known;
	char path[4096];
	struct stat now;
	snprintf(path, sizeof path, "%s/" STORE_FILE, dir);
	if (stat(path, &now) < 0)
		return false;
	bool is_other = known.st_ino && (now.st_ino != known.st_ino || now.st_dev != known.st_dev);
	known = now;
	return is_other;
}

unsigned views_check_store(void)
{
	if (!is_other_store(config_state_dir(all.config)))
		return 0;
	LOCKED(&all.lock);
	all.epoch++;
	close_free();
	return VIEW_STORE;
}

unsigned views_refresh(bool check_lock)
{
	static bool is_locked;
	const char *dir = config_state_dir(all.config);
	struct live_values fresh = {0};
	unsigned changed = 0;
	int64_t pid;
	unsigned replaced = check_lock ? views_check_store() : 0;
	if (check_lock)
		is_locked = live_indexer(dir, &pid);
	LOCKED(&all.lock);
	if (!all.live)
		all.live = live_open(dir);
	if (all.live)
		live_read(all.live, &fresh);
	enum indexer_state state = judge(&fresh, is_locked);
	if (state != all.mood.state || !all.mood.at[0])
		changed |= VIEW_AWAY | VIEW_LIVE;
	if (is_news(&all.mood.live, &fresh))
		changed |= VIEW_LIVE;
	if (changed) {
		all.mood.state = state;
		all.mood.live = fresh;
		move(&all.mood, changed);
	}
	return changed | replaced;
}

void views_set_order(const char *text)
{
	LOCKED(&all.lock);
	snprintf(all.mood.last_order, sizeof all.mood.last_order, "%s", text);
	move(&all.mood, VIEW_ORDERS);
}

static const struct live_page *page(void)
{
	LOCKED(&all.lock);
	return all.live;
}

bool views_is_behind(uint64_t announced)
{
	LOCKED(&all.lock);
	if (!all.live || all.mood.state == INDEXER_AWAY)
		return false;
	uint64_t next = atomic_load(&all.live->generation_next);
	return next != announced || atomic_load(&all.live->generation) != announced;
}

uint64_t views_commit(void)
{
	LOCKED(&all.lock);
	return all.live ? atomic_load(&all.live->generation) : 0;
}

void views_wait(uint32_t *seen, int timeout_ms)
{
	const struct live_page *live = page();
	if (!live) {
		nanosleep(&(struct timespec){0, timeout_ms * NS_PER_MS}, NULL);
		return;
	}
	live_wait(live, *seen, timeout_ms);
	*seen = atomic_load(&live->wake);
}

void views_poke(void)
{
	const struct live_page *live = page();
	if (live)
		live_poke(live);
}

const char *indexer_state_name(enum indexer_state s)
{
	static const char *const names[] = {
		[INDEXER_STARTING] = "starting",
		[INDEXER_RUNNING] = "running",
		[INDEXER_AWAY] = "away",
		[INDEXER_SILENT] = "away",
	};
	return names[s];
}

/* --- documents --- */

void doc_begin_row(struct json *j, struct buf *out, const char *schema, uint64_t version,
		   int64_t at)
{
	_buf_ struct buf name = BUF_INIT(256);
	buf_addf(&name, "mediamon/%s/1", schema);
	json_init(j, out, 2);
	json_object(j);
	json_kv_text(j, "schema", buf_str(&name));
	json_kv_int(j, "generation", (int64_t)version);
	json_key(j, "generated_at");
	_buf_ struct buf time = BUF_INIT(64);
	time_rfc3339(at / NS_PER_S * NS_PER_S, &time);
	json_text(j, buf_str(&time), time.len);
}

void doc_begin(struct json *j, struct buf *out, const struct view *v, const char *schema,
	       unsigned topics, unsigned moods)
{
	doc_begin_row(j, out, schema, view_version(v, topics, moods), view_at(v, topics, moods));
	if (v->mood.state != INDEXER_RUNNING && moods & VIEW_AWAY)
		json_kv_text(j, "indexer_state", indexer_state_name(v->mood.state));
}

void doc_away(struct buf *out, const struct view *v)
{
	if (v->mood.state == INDEXER_RUNNING)
		return;
	buf_adds(out, v->mood.state == INDEXER_STARTING ? "# the indexer is starting"
		      : v->mood.state == INDEXER_SILENT ? "# the indexer does not answer"
							: "# the indexer is away");
	if (v->mood.live.heartbeat_at) {
		buf_adds(out, "; this is what it knew at ");
		doc_time((int64_t)v->mood.live.heartbeat_at, out);
	}
	buf_addc(out, '\n');
}

void doc_time(int64_t ns, struct buf *out)
{
	char text[TIME_CHARS] = "-";
	if (ns)
		time_text(ns / NS_PER_S * NS_PER_S, ' ', text);
	buf_add(out, text, ns ? sizeof text : 1);
}
