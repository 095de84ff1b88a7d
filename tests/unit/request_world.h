/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Requests with a client and a clock that are ours.  What the client has lies in memory that outlives the
 * program that asked.  Included by one file of a program.
 */
#ifndef TESTS_UNIT_REQUEST_WORLD_H
#define TESTS_UNIT_REQUEST_WORLD_H

#include "tests/unit/find_world.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "indexer/request/request.h"

enum { HASHES = 6, NOTICES = 64 };

/** The client, its wires, and what was told to people. */
struct fake {
	int adds[HASHES], finds;
	bool has[HASHES];
	/** Answers of add() and find(); has_effect: a failing add() still adds. */
	int add_result, find_result, fetch_result;
	bool has_effect, is_dry;
	enum client_state state;
	double progress;
	char files[256], fetched[41];
	/** Moments so far, and the one at which the program is killed; -1 never. */
	long moment, kill_at;
	int64_t clock;
	int notices;
	char notice[NOTICES][200];
};

static struct fake *fake;

static inline void moment(void)
{
	if (fake->moment++ != fake->kill_at)
		return;
	fake->clock = world_now();
	raise(SIGKILL);
}

static inline int number_of(const char *hash)
{
	assert_in_range(*hash, 'a', 'a' + HASHES - 1);
	return *hash - 'a';
}

static inline const char *hash_number(int i)
{
	static char text[HASHES][41];
	memset(text[i], 'a' + i, 40);
	return text[i];
}

/* --- the client --- */

static inline int fake_open(const struct outside *o, void **state, char *why)
{
	(void)o, (void)why;
	*state = fake;
	return 0;
}

static inline void fake_close(void *state)
{
	(void)state;
}

static inline int fake_add(void *state, const struct handover *h, char *why)
{
	(void)state;
	moment();
	snprintf(why, WHY, "said the client");
	if (fake->add_result == 0 || fake->has_effect) {
		fake->adds[number_of(h->release.hash)]++;
		fake->has[number_of(h->release.hash)] = true;
	}
	moment();
	return fake->add_result;
}

static inline int fake_find(void *state, enum protocol protocol, const char *hash, struct client_item *item,
		     char *why)
{
	(void)state, (void)protocol;
	fake->finds++;
	moment();
	snprintf(why, WHY, "said the client");
	if (fake->find_result)
		return fake->find_result;
	item->state = fake->state;
	item->progress = fake->progress;
	buf_adds(&item->files, fake->files);
	return fake->has[number_of(hash)] ? 0 : -ENOENT;
}

static inline int blind_find(void *state, enum protocol protocol, const char *hash, struct client_item *item,
		      char *why)
{
	(void)state, (void)protocol, (void)hash, (void)item, (void)why;
	return -ENOTSUP;
}

static const struct client seeing = {
	.name = "seeing", .takes = PROTOCOL_TORRENT, .can_find = true, .open = fake_open,
	.close = fake_close, .add = fake_add, .find = fake_find,
};
static const struct client blind = {
	.name = "blind", .takes = PROTOCOL_TORRENT, .open = fake_open, .close = fake_close,
	.add = fake_add, .find = blind_find,
};
static const struct client *const seeing_only[] = {&seeing, NULL};
static const struct client *const blind_only[] = {&blind, NULL};
static const struct client *const nobody[] = {NULL};

/* --- the rest of the program --- */

void notify_put(struct notify *n, const struct notice *notice)
{
	(void)n;
	if (fake->notices < NOTICES)
		snprintf(fake->notice[fake->notices], sizeof *fake->notice, "%s: %s", notice->kind, notice->text);
	fake->notices++;
}

void notify_flush(struct notify *n)
{
	(void)n;
}

static inline int fetch(void *arg, struct handover *h, char *why)
{
	(void)arg;
	moment();
	snprintf(why, WHY, "said the source");
	if (*fake->fetched)
		snprintf(h->release.hash, sizeof h->release.hash, "%s", fake->fetched);
	buf_adds(&h->link, "http://example.invalid/");
	return fake->fetch_result;
}

static inline bool is_dry(void *arg)
{
	(void)arg;
	return fake->is_dry;
}

static inline struct requests *requests_of(struct world *w, const struct client *const *clients)
{
	struct requests *q = NULL;
	struct requests_options options = {
		.config = w->config, .state_dir = w->dir, .writer = w->writer, .net = &w->net,
		.fetch = fetch, .is_dry = is_dry, .clients = clients,
	};
	assert_int_equal(requests_new(&options, &q), 0);
	return q;
}

/** Works until @ns have passed. */
static inline void work(struct requests *q, int64_t ns)
{
	int64_t end = world_now() + ns, next_at;
	for (int steps = 0; world_now() < end; steps++) {
		int did = requests_step(q, &next_at);
		moment();
		assert_true(steps < 20000);
		if (did)
			continue;
		int64_t at = next_at < end ? next_at : end;
		world_pass(at > world_now() ? at - world_now() : NS_PER_S);
	}
}

static inline void work_for(struct world *w, const struct client *const *clients, int64_t ns)
{
	struct requests *q = requests_of(w, clients);
	work(q, ns);
	requests_free(q);
}

/* --- what is known --- */

static inline void begin(struct world *w, const char *options)
{
	fake = mmap(NULL, sizeof *fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fake != MAP_FAILED);
	fake->kill_at = -1;
	fake->state = CLIENT_LOADS;
	world_begin(w, options);
	world_series(w, "Alpha", 8, 3, 5);
	world_series(w, "Beta", 4, 3, 3);
}

static inline void end(struct world *w)
{
	world_end(w);
	munmap(fake, sizeof *fake);
}

/** A confirmed result of volumes; its id. */
static inline int64_t put_result(struct world *w, const char *key, const char *guid, const char *hash, int first,
			  int last, int score)
{
	char sql[120];
	struct store_result x = {
		.key = key, .source = "prowlarr", .guid = guid, .title = guid, .link = "", .page = "",
		.indexer = "i", .protocol = "torrent", .hash = hash, .context = "", .reason = "",
		.size = 50000000, .first = first, .last = last, .covers = last - first + 1, .score = score,
		.seen_at = world_now(),
	};
	struct store_answer a = {
		.said = {.key = key, .source = "prowlarr", .outcome = "found", .error = "", .at = world_now(),
			 .tried_at = world_now(), .next_at = world_now() + DAY_NS},
		.results = &x, .count = 1, .now = world_now(),
	};
	assert_int_equal(finds_answer(w->writer, &a), 0);
	snprintf(sql, sizeof sql, "SELECT id FROM result WHERE guid = '%s' AND key = '%s'", guid, key);
	return world_count(w, sql);
}

static inline int grab(struct world *w, int64_t result)
{
	struct store_grab g = {.result = result, .volume = -1, .now = world_now()};
	int64_t handed;
	return finds_grab(w->writer, &g, &handed);
}

static inline const char *state_of(struct world *w, const char *key, int volume)
{
	static char text[32];
	sqlite3_stmt *q = NULL;
	snprintf(text, sizeof text, "none");
	sqlite3_prepare_v2(w->reader->db, "SELECT state FROM request WHERE key = ?1 AND volume = ?2", -1, &q, NULL);
	sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 2, volume);
	if (sqlite3_step(q) == SQLITE_ROW)
		snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return text;
}

static inline int told(const char *words)
{
	int n = 0;
	for (int i = 0; i < fake->notices && i < NOTICES; i++)
		n += strstr(fake->notice[i], words) != NULL;
	return n;
}

#endif
