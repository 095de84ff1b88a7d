/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/load/chapters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"

/* --- what scrapers tell --- */

struct telling {
	size_t n;
	struct chapter_event *events;
};

/* the texts of an event, wherever they lie */
#define TEXTS_OF(e) {&(e)->run, &(e)->series, &(e)->chapter, &(e)->url, &(e)->error}

static size_t text_bytes(const struct chapter_event *e)
{
	const char *const *const texts[] = TEXTS_OF(e);
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		n += strlen(*texts[i]) + 1;
	return n;
}

static char *move_texts(struct chapter_event *e, char *space)
{
	const char **const texts[] = TEXTS_OF(e);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		size_t n = strlen(*texts[i]) + 1;
		*texts[i] = memcpy(space, *texts[i], n);
		space += n;
	}
	return space;
}

/** One block: a caller that gave up waiting may be gone when it is written. */
static struct telling *copy_events(const struct chapter_event *events, size_t n)
{
	size_t size = sizeof(struct telling) + n * sizeof *events;
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += text_bytes(&events[i]);
	struct telling *t = malloc(size + bytes);
	if (!t)
		return NULL;
	t->n = n;
	t->events = (struct chapter_event *)(t + 1);
	memcpy(t->events, events, n * sizeof *events);
	char *space = (char *)t + size;
	for (size_t i = 0; i < n; i++)
		space = move_texts(&t->events[i], space);
	return t;
}

static int act_tell(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct telling *t = record;
	enum chapter_refusal refusal;
	size_t index;
	(void)touched;
	int r = store_tell_chapters(s, t->events, t->n, &refusal, &index);
	/* one number is all that the caller is answered */
	*row = (int64_t)((unsigned)refusal * CHAPTER_EVENTS_AT_ONCE + index);
	return r;
}

static struct change *act_on(change_act *act, void *record)
{
	struct change *c = record ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(record);
		return NULL;
	}
	c->act = act;
	c->record = record;
	return c;
}

int chapters_tell(struct writer *w, const struct chapter_event *events, size_t n, enum chapter_refusal *refusal,
		  size_t *index)
{
	int64_t row = 0;
	if (n > CHAPTER_EVENTS_AT_ONCE)
		return -E2BIG;
	int r = writer_call(w, act_on(act_tell, copy_events(events, n)), &row);
	*refusal = (enum chapter_refusal)(row / CHAPTER_EVENTS_AT_ONCE);
	*index = (size_t)(row % CHAPTER_EVENTS_AT_ONCE);
	return r;
}

/* --- bounds --- */

struct bounds {
	int64_t silent, keep;
};

static int act_tidy(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct bounds *b = record;
	(void)row, (void)touched;
	return store_tidy_chapters(s, b->silent, b->keep);
}

int chapters_tidy(struct writer *w, int64_t silent, int64_t keep)
{
	struct bounds *b = malloc(sizeof *b);
	if (b)
		*b = (struct bounds){silent, keep};
	return writer_offer(w, act_on(act_tidy, b), 0);
}

/* --- our own --- */

/** A record of @size bytes with one text behind it, which *text is to point to. */
static void *copy_with(const void *record, size_t size, const char *text, size_t at)
{
	size_t n = strlen(text) + 1;
	char *copy = malloc(size + n);
	if (!copy)
		return NULL;
	memcpy(copy, record, size);
	const char *moved = memcpy(copy + size, text, n);
	memcpy(copy + at, &moved, sizeof moved);
	return copy;
}

static int act_check(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row, (void)touched;
	return store_put_chapter_check(s, record);
}

int chapters_check(struct writer *w, const struct chapter_check *check)
{
	return writer_put(w, act_on(act_check, copy_with(check, sizeof *check, check->reason,
							 offsetof(struct chapter_check, reason))));
}

static int act_call(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row, (void)touched;
	return store_put_chapter_call(s, record);
}

static int add_call(struct chapter_calls *calls, const struct chapter_call *call)
{
	const int64_t day = INT64_C(24) * 3600 * NS_PER_S;
	struct waiting_calls *c = calls->waiting, *end = c + calls->n;
	while (c < end && (strcmp(c->host, call->host) != 0 || c->sum.at / day != call->at / day))
		c++;
	if (c == calls->waiting + COUNT_OF(calls->waiting))
		return -ENOSPC;
	if (c == end) {
		*c = (struct waiting_calls){0};
		snprintf(c->host, sizeof c->host, "%s", call->host);
		calls->n++;
	}
	c->sum.bytes += call->bytes;
	c->sum.seconds += call->seconds;
	c->sum.well += call->well;
	c->sum.failed += call->failed;
	c->sum.at = call->at > c->sum.at ? call->at : c->sum.at;
	return 0;
}

int chapters_call(struct writer *w, struct chapter_calls *calls, const struct chapter_call *call)
{
	LOCKED(&calls->lock);
	int added = call ? add_call(calls, call) : 0, r = 0;
	while (calls->n && r == 0) {
		struct waiting_calls *c = &calls->waiting[calls->n - 1];
		r = writer_offer(w, act_on(act_call, copy_with(&c->sum, sizeof c->sum, c->host,
							       offsetof(struct chapter_call, host))), 0);
		calls->n -= r == 0;
	}
	return added < 0 ? added : r;
}
