/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Everything that a call was given lies, copied, in one block that the change owns: a caller that gave up
 * waiting may be gone when it is written.  The lists of columns say which texts that are.
 */
#include "indexer/load/repairs.h"

#include <errno.h>
#include <stdlib.h>

#include "common/store_repair_columns.h"

/* --- copies --- */

enum { WORDS = 4, NUMBERS = 3, PARTS = 3 };

/** Records of one kind. */
struct part {
	const struct store_columns *of;
	const void *rows;
	size_t count;
};

struct order {
	const char *word[WORDS];
	int64_t number[NUMBERS];
	struct part part[PARTS];
};

/** Rows begin where any record may. */
static size_t aligned(size_t n)
{
	return (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t column_bytes_of(const struct store_column *column, const char *record)
{
	if (column->type == COLUMN_TEXT || column->type == COLUMN_HASH)
		return text_bytes(*(const char *const *)(record + column->at));
	return column->type == COLUMN_BYTES ? ((const struct bytes *)(record + column->at))->len : 0;
}

static size_t part_bytes(const struct part *part)
{
	size_t n = 0;
	for (size_t i = 0; i < part->count; i++)
		for (size_t k = 0; k < part->of->count; k++)
			n += column_bytes_of(&part->of->data[k],
					     (const char *)part->rows + i * part->of->size);
	return n;
}

static char *move_bytes(const char **at, size_t n, char *space)
{
	if (n)
		memcpy(space, *at, n);
	*at = space;
	return space + n;
}

static char *move_text(const char **text, char *space)
{
	return *text ? move_bytes(text, strlen(*text) + 1, space) : space;
}

/** Makes what the record points to lie at @space; returns its end. */
static char *move_record(const struct store_columns *of, char *record, char *space)
{
	for (size_t k = 0; k < of->count; k++) {
		char *at = record + of->data[k].at;
		struct bytes *bytes = (struct bytes *)at;
		if (of->data[k].type == COLUMN_TEXT || of->data[k].type == COLUMN_HASH)
			space = move_text((const char **)at, space);
		else if (of->data[k].type == COLUMN_BYTES)
			space = move_bytes(&bytes->data, bytes->len, space);
	}
	return space;
}

/** The order with all its rows and texts in one block; NULL without memory. */
static struct order *copy_order(const struct order *o)
{
	size_t rows = aligned(sizeof *o), texts = 0;
	for (int i = 0; i < PARTS; i++) {
		rows += o->part[i].count ? aligned(o->part[i].count * o->part[i].of->size) : 0;
		texts += o->part[i].count ? part_bytes(&o->part[i]) : 0;
	}
	for (int i = 0; i < WORDS; i++)
		texts += text_bytes(o->word[i]);
	char *block = malloc(rows + texts);
	if (!block)
		return NULL;
	struct order *copy = (struct order *)block;
	char *row = block + aligned(sizeof *o), *space = block + rows;
	*copy = *o;
	for (int i = 0; i < WORDS; i++)
		space = move_text(&copy->word[i], space);
	for (int i = 0; i < PARTS; i++) {
		struct part *part = &copy->part[i];
		if (!part->count)
			continue;
		memcpy(row, part->rows, part->count * part->of->size);
		part->rows = row;
		for (size_t k = 0; k < part->count; k++, row += part->of->size)
			space = move_record(part->of, row, space);
		row = block + aligned((size_t)(row - block));
	}
	return copy;
}

/* --- orders --- */

static int call(struct writer *w, change_act *act, const struct order *o, int64_t *answer)
{
	struct order *copy = copy_order(o);
	struct change *c = copy ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(copy);
		return -ENOMEM;
	}
	c->act = act;
	c->record = copy;
	return writer_call(w, c, answer);
}

/** A refusal is an answer, not a change that failed: the answer is then below 0. */
static int refusal(int r, int64_t *answer)
{
	*answer = 0;
	if (r != -EEXIST && r != -ENOENT && r != -EBUSY)
		return r;
	*answer = r;
	return 0;
}

static int call_or_refused(struct writer *w, change_act *act, const struct order *o)
{
	int64_t answer = 0;
	int r = call(w, act, o, &answer);
	return r == 0 && answer < 0 ? (int)answer : r;
}

#define PART(name, list, n) {&store_##name##_columns, list, n}
#define ONE(name, row) PART(name, row, (row) ? 1 : 0)
/** Row @i of part @p. */
#define ROW(o, p, name, i) (&((const struct store_##name *)(o)->part[p].rows)[i])

/* --- torrents --- */

static int act_torrents(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	int r = 0;
	for (size_t i = 0; i < o->part[0].count && r == 0; i++)
		r = store_put_torrent(s, ROW(o, 0, torrent, i));
	return r;
}

int repairs_torrents(struct writer *w, const struct store_torrent *t, size_t n)
{
	return call(w, act_torrents, &(struct order){.part = {PART(torrent, t, n)}}, NULL);
}

static int act_torrent_gone(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	return store_torrent_gone(s, o->word[0], o->word[1], o->number[0]);
}

int repairs_torrent_gone(struct writer *w, const char *provider, const char *id, int64_t at)
{
	return call(w, act_torrent_gone, &(struct order){.word = {provider, id}, .number = {at}}, NULL);
}

static int act_count_broken(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	(void)record, (void)answer, (void)touched;
	return store_count_broken(s);
}

int repairs_count_broken(struct writer *w)
{
	return call(w, act_count_broken, &(struct order){0}, NULL);
}

static int act_scan(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	return store_put_torrent_scan(s, ROW(o, 0, torrent_scan, 0));
}

int repairs_scan(struct writer *w, const struct store_torrent_scan *scan)
{
	return call(w, act_scan, &(struct order){.part = {ONE(torrent_scan, scan)}}, NULL);
}

/* --- what was tried --- */

static int act_attempt(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	int r = o->part[0].count ? store_add_attempt(s, ROW(o, 0, attempt, 0)) : 0;
	if (r == 0 && o->part[1].count)
		r = store_put_permanent(s, ROW(o, 1, permanent, 0));
	if (r == 0 && o->part[2].count)
		r = store_put_retry(s, ROW(o, 2, retry, 0));
	return r;
}

int repairs_attempt(struct writer *w, const struct store_attempt *a, const struct store_permanent *permanent,
		    const struct store_retry *retry)
{
	const struct order o = {.part = {ONE(attempt, a), ONE(permanent, permanent), ONE(retry, retry)}};
	return call(w, act_attempt, &o, NULL);
}

int repairs_permanent(struct writer *w, const struct store_permanent *p)
{
	return repairs_attempt(w, NULL, p, NULL);
}

static int act_delete_retry(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	return store_delete_retry(s, o->word[0], o->word[1]);
}

int repairs_delete_retry(struct writer *w, const char *provider, const char *hash)
{
	return call(w, act_delete_retry, &(struct order){.word = {provider, hash}}, NULL);
}

/* --- plans --- */

static int act_plan(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)touched;
	return refusal(store_put_plan(s, ROW(o, 0, plan, 0), o->part[1].rows, o->part[1].count), answer);
}

int repairs_plan(struct writer *w, const struct store_plan *plan, const struct store_plan_item *items, size_t n)
{
	return call_or_refused(w, act_plan, &(struct order){.part = {ONE(plan, plan), PART(plan_item, items, n)}});
}

static int act_plan_state(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)touched;
	return refusal(store_set_plan(s, o->word[0], o->word[1]), answer);
}

int repairs_plan_state(struct writer *w, const char *hash, const char *state)
{
	return call_or_refused(w, act_plan_state, &(struct order){.word = {hash, state}});
}

static int act_plan_item(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)touched;
	return refusal(store_set_plan_item(s, o->word[0], o->number[0], o->word[1], o->word[2], o->number[1]),
		       answer);
}

int repairs_plan_item(struct writer *w, const char *plan, int64_t item, const char *state, const char *reason,
		      int64_t at)
{
	return call_or_refused(w, act_plan_item,
			       &(struct order){.word = {plan, state, reason}, .number = {item, at}});
}

/** All of it, or nothing. */
static int act_apply(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	int r = store_set_plan(s, o->word[0], "applying");
	for (const char *p = o->word[1]; *p && r == 0;) {
		char *end;
		int64_t item = strtoll(p, &end, 10);
		r = end == p ? -EINVAL : store_set_plan_item(s, o->word[0], item, "queued", "", o->number[0]);
		p = end + strspn(end, " ");
	}
	return r;
}

int repairs_apply(struct writer *w, const char *plan, const char *items, int64_t at)
{
	return call_or_refused(w, act_apply, &(struct order){.word = {plan, items}, .number = {at}});
}

/* --- the journal, insertions, managers, numbers --- */

/** Answers the number of the first new row; the others follow it one by one. */
static int act_journal(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)touched;
	int64_t first = 0, added = 0, id = 0;
	int r = 0;
	for (size_t i = 0; i < o->part[0].count && r == 0; i++) {
		const struct store_journal *row = ROW(o, 0, journal, i);
		r = store_put_journal(s, row, &id);
		if (r < 0 || row->id)
			continue;
		first = first ? first : id;
		if (id != first + added++)
			r = -EIO;
	}
	*answer = first;
	return r;
}

int repairs_journal(struct writer *w, const struct store_journal *rows, size_t n, int64_t *ids)
{
	int64_t next = 0;
	int r = call(w, act_journal, &(struct order){.part = {PART(journal, rows, n)}}, &next);
	for (size_t i = 0; i < n && ids && r == 0; i++)
		ids[i] = rows[i].id ? rows[i].id : next++;
	return r;
}

/** The row that stands in the way is answered as a number below 0. */
static int act_insertion(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)touched;
	int64_t id = 0;
	int r = store_put_insertion(s, ROW(o, 0, insertion, 0), &id);
	*answer = r == -EEXIST ? -id : r == -ENOENT ? 0 : id;
	return r == -EEXIST || r == -ENOENT ? 0 : r;
}

int repairs_insertion(struct writer *w, const struct store_insertion *row, int64_t *id)
{
	int64_t answer = 0;
	int r = call(w, act_insertion, &(struct order){.part = {ONE(insertion, row)}}, &answer);
	if (r < 0)
		return r;
	if (id)
		*id = answer < 0 ? -answer : answer;
	return answer < 0 ? -EEXIST : answer ? 0 : -ENOENT;
}

static int act_told_item(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)touched;
	int64_t id = 0;
	int r = refusal(store_put_told_item(s, ROW(o, 0, told_item, 0), &id), answer);
	*answer = *answer ? *answer : id;
	return r;
}

int repairs_told_item(struct writer *w, const struct store_told_item *row, int64_t *id)
{
	int64_t answer = 0;
	int r = call(w, act_told_item, &(struct order){.part = {ONE(told_item, row)}}, &answer);
	if (r == 0 && answer > 0 && id)
		*id = answer;
	return r < 0 ? r : answer < 0 ? (int)answer : 0;
}

static int act_samples(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	int r = 0;
	for (size_t i = 0; i < o->part[0].count && r == 0; i++)
		r = store_add_sample(s, ROW(o, 0, repair_sample, i));
	return r;
}

int repairs_samples(struct writer *w, const struct store_repair_sample *rows, size_t n)
{
	return call(w, act_samples, &(struct order){.part = {PART(repair_sample, rows, n)}}, NULL);
}

static int act_purge(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct order *o = record;
	(void)answer, (void)touched;
	return store_purge_repairs(s, o->number[0], o->number[1], o->number[2]);
}

int repairs_purge(struct writer *w, int64_t history, int64_t samples, int64_t undo)
{
	return call(w, act_purge, &(struct order){.number = {history, samples, undo}}, NULL);
}
