/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A record is copied, with its texts, into one block that the change owns: a caller that gave up
 * waiting may be gone when it is written. */
#include "indexer/load/finds.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define TEXTS(...) ((const size_t[]){__VA_ARGS__}), (sizeof(size_t[]){__VA_ARGS__} / sizeof(size_t))

/* --- copies --- */

static size_t text_bytes(const void *record, const size_t *at, size_t n)
{
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		const char *text = *(const char *const *)((const char *)record + at[i]);
		bytes += text ? strlen(text) + 1 : 0;
	}
	return bytes;
}

/** Makes the record's texts copies that lie at @space; returns the end of them. */
static char *move_texts(void *record, const size_t *at, size_t n, char *space)
{
	for (size_t i = 0; i < n; i++) {
		const char **text = (const char **)((char *)record + at[i]);
		if (!*text)
			continue;
		size_t len = strlen(*text) + 1;
		memcpy(space, *text, len);
		*text = space;
		space += len;
	}
	return space;
}

/** The record and its texts in one block; NULL without memory. */
static void *copy_record(const void *record, size_t size, const size_t *at, size_t n)
{
	char *copy = malloc(size + text_bytes(record, at, n));
	if (!copy)
		return NULL;
	memcpy(copy, record, size);
	move_texts(copy, at, n, copy + size);
	return copy;
}

static int call(struct writer *w, change_act *act, void *record, int64_t *row)
{
	struct change *c = record ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(record);
		return -ENOMEM;
	}
	c->act = act;
	c->record = record;
	return writer_call(w, c, row);
}

#define T(type, field) offsetof(struct type, field)

/* --- one function a kind of change --- */

static int act_wish(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row;
	return store_set_wish(s, record, touched);
}

int finds_wish(struct writer *w, const struct store_wish *wish)
{
	void *copy = copy_record(wish, sizeof *wish,
				 TEXTS(T(store_wish, key), T(store_wish, title), T(store_wish, language),
				       T(store_wish, ignored), T(store_wish, url), T(store_wish, aliases)));
	return call(w, act_wish, copy, NULL);
}

static int act_authority(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row;
	return store_set_authority(s, record, touched);
}

int finds_authority(struct writer *w, const struct store_authority *a)
{
	void *copy = copy_record(
		a, sizeof *a,
		TEXTS(T(store_authority, key), T(store_authority, source), T(store_authority, url),
		      T(store_authority, title), T(store_authority, aliases), T(store_authority, status),
		      T(store_authority, choices), T(store_authority, error)));
	return call(w, act_authority, copy, NULL);
}

static int act_answer(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row, (void)touched;
	return store_put_answer(s, record);
}

#define ANSWER_TEXTS \
	TEXTS(T(store_answer, said.key), T(store_answer, said.source), T(store_answer, said.outcome), \
	      T(store_answer, said.error))
#define RESULT_TEXTS \
	TEXTS(T(store_result, key), T(store_result, source), T(store_result, guid), \
	      T(store_result, title), T(store_result, link), T(store_result, page), \
	      T(store_result, indexer), T(store_result, protocol), T(store_result, hash), \
	      T(store_result, context), T(store_result, reason))

int finds_answer(struct writer *w, const struct store_answer *a)
{
	size_t list = a->count * sizeof *a->results;
	size_t bytes = sizeof *a + list + text_bytes(a, ANSWER_TEXTS);
	for (size_t i = 0; i < a->count; i++)
		bytes += text_bytes(&a->results[i], RESULT_TEXTS);
	struct store_answer *copy = malloc(bytes);
	if (!copy)
		return -ENOMEM;
	struct store_result *results = (struct store_result *)(copy + 1);
	*copy = *a;
	copy->results = results;
	if (list)
		memcpy(results, a->results, list);
	char *space = move_texts(copy, ANSWER_TEXTS, (char *)results + list);
	for (size_t i = 0; i < a->count; i++)
		space = move_texts(&results[i], RESULT_TEXTS, space);
	return call(w, act_answer, copy, NULL);
}

/** @key NULL: all that is due. */
struct search_order {
	const char *key, *source;
	bool monitored;
	int64_t at;
};

static int act_order(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct search_order *o = record;
	(void)row, (void)touched;
	return o->key ? store_order_search(s, o->key, o->source, o->at)
		      : store_order_due(s, o->source, o->monitored, o->at);
}

int finds_order(struct writer *w, const char *key, const char *source, int64_t at)
{
	struct search_order o = {key, source, false, at};
	return call(w, act_order,
		    copy_record(&o, sizeof o, TEXTS(T(search_order, key), T(search_order, source))), NULL);
}

int finds_order_due(struct writer *w, const char *source, bool monitored, int64_t at)
{
	struct search_order o = {NULL, source, monitored, at};
	return call(w, act_order, copy_record(&o, sizeof o, TEXTS(T(search_order, source))), NULL);
}

static int act_unorder(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)record, (void)row, (void)touched;
	return store_unorder_searches(s);
}

int finds_unorder(struct writer *w)
{
	return call(w, act_unorder, malloc(1), NULL);
}

/** A refusal is an answer, not a change that failed. */
static int act_grab(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)touched;
	int r = store_grab(s, record, row);
	if (r != -EEXIST && r != -ENOENT && r != -ESRCH)
		return r;
	*row = r;
	return 0;
}

int finds_grab(struct writer *w, const struct store_grab *grab, int64_t *handed)
{
	*handed = 0;
	int r = call(w, act_grab, copy_record(grab, sizeof *grab, NULL, 0), handed);
	return r == 0 && *handed < 0 ? (int)*handed : r;
}

struct handed_set {
	struct store_handed handed;
	const char *state, *reason;
	int64_t retry_at;
};

static int act_handed(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct handed_set *h = record;
	(void)row, (void)touched;
	return store_set_handed(s, &h->handed, h->state, h->reason, h->retry_at);
}

int finds_handed(struct writer *w, const struct store_handed *h, const char *request_state,
		 const char *reason, int64_t retry_at)
{
	struct handed_set set = {*h, request_state, reason, retry_at};
	void *copy = copy_record(
		&set, sizeof set,
		TEXTS(T(handed_set, handed.ident), T(handed_set, handed.hash), T(handed_set, handed.protocol),
		      T(handed_set, handed.source), T(handed_set, handed.guid), T(handed_set, handed.title),
		      T(handed_set, handed.indexer), T(handed_set, handed.link), T(handed_set, handed.client),
		      T(handed_set, handed.step), T(handed_set, handed.text), T(handed_set, state),
		      T(handed_set, reason)));
	return call(w, act_handed, copy, NULL);
}

struct again {
	int64_t series, now;
};

static int act_again(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct again *a = record;
	(void)row, (void)touched;
	return store_choose_again(s, a->series, a->now);
}

int finds_choose_again(struct writer *w, int64_t series, int64_t now)
{
	struct again again = {series, now};
	return call(w, act_again, copy_record(&again, sizeof again, NULL, 0), NULL);
}

struct told_list {
	size_t n;
	struct store_told request[];
};

static int act_told(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct told_list *told = record;
	int r = 0;
	(void)row, (void)touched;
	for (size_t i = 0; i < told->n && r == 0; i++)
		r = store_set_told(s, &told->request[i]);
	return r;
}

int finds_told(struct writer *w, const struct store_told *told, size_t n)
{
	struct told_list *copy = malloc(sizeof *copy + n * sizeof *told);
	if (!copy)
		return -ENOMEM;
	copy->n = n;
	memcpy(copy->request, told, n * sizeof *told);
	return call(w, act_told, copy, NULL);
}

static int act_purge(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row, (void)touched;
	return store_purge_requests(s, *(const int64_t *)record);
}

int finds_purge(struct writer *w, int64_t time)
{
	return call(w, act_purge, copy_record(&time, sizeof time, NULL, 0), NULL);
}

struct host_set {
	struct store_host host;
	char recent[];
};

static int act_host(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row, (void)touched;
	return store_put_host(s, record);
}

int finds_host(struct writer *w, const struct store_host *h)
{
	size_t texts = text_bytes(h, TEXTS(T(store_host, name), T(store_host, reason)));
	struct host_set *copy = malloc(sizeof *copy + texts + h->recent.len);
	if (!copy)
		return -ENOMEM;
	copy->host = *h;
	memcpy(copy->recent, h->recent.data, h->recent.len);
	copy->host.recent.data = copy->recent;
	move_texts(&copy->host, TEXTS(T(store_host, name), T(store_host, reason)),
		   copy->recent + h->recent.len);
	return call(w, act_host, copy, NULL);
}

struct feed_set {
	const char *source;
	struct store_feed feed;
};

static int act_feed(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct feed_set *f = record;
	(void)row, (void)touched;
	return store_put_feed(s, f->source, &f->feed);
}

int finds_feed(struct writer *w, const char *source, const struct store_feed *f)
{
	struct feed_set set = {source, *f};
	void *copy = copy_record(&set, sizeof set,
				 TEXTS(T(feed_set, source), T(feed_set, feed.mark), T(feed_set, feed.outcome),
				       T(feed_set, feed.error)));
	return call(w, act_feed, copy, NULL);
}
