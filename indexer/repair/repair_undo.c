/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The journal, backwards.  Rows are undone newest first, in batches: "undoing" is durable, then the links are changed, then it is
 * said how each ended.  Whatever ends the program in between, the row is open, and the link itself tells what happened:
 * it has the text of before or that of after.
 */
#include "indexer/repair/repair_undo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"
#include "indexer/load/repairs.h"

enum {
	BATCH = 500,
	/** Refusals that are told one by one; all are in the journal. */
	TOLD = 8,
	PATH_SHOWN = 160,
	ID_DIGITS = 15,
	PLAN_DIGITS = 16,
};

/** A copy. */
struct kept_row {
	struct store_journal row;
	/** All that the row points to; owned. */
	char *bytes;
	/** As of hand_do(). */
	int result;
};

typedef VEC(struct kept_row) kept_rows;

struct tally {
	size_t undone, refused, unknown;
	/** Somebody stopped it in the middle. */
	bool is_stopped;
};

/* --- copies --- */

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){text ? text : "", text ? strlen(text) : 0};
}

static void rows_clear(kept_rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		free(rows->data[i].bytes);
	vec_clear(rows);
}

static void cleanup_rows(kept_rows *rows)
{
	rows_clear(rows);
}

#define _rows_ __attribute__((cleanup(cleanup_rows)))

/** A store_journal_fn: @arg is a kept_rows. */
static int keep_row(void *arg, const struct store_journal *row)
{
	kept_rows *rows = arg;
	const struct bytes parts[] = {text_bytes(row->plan), text_bytes(row->action), text_bytes(row->step),
				      text_bytes(row->error), row->root, row->path, row->before, row->after};
	const char *copy[COUNT_OF(parts)];
	size_t size = COUNT_OF(parts), at = 0;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		size += parts[i].len;
	_free_ char *bytes = calloc(1, size);
	struct kept_row *k = bytes ? vec_add(rows) : NULL;
	if (!k)
		return -ENOMEM;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		copy[i] = bytes + at;
		if (parts[i].len)
			memcpy(bytes + at, parts[i].data, parts[i].len);
		at += parts[i].len + 1;
	}
	k->row = *row;
	k->row.plan = copy[0];
	k->row.action = copy[1];
	k->row.step = copy[2];
	k->row.error = copy[3];
	k->row.root.data = copy[4];
	k->row.path.data = copy[5];
	k->row.before.data = copy[6];
	k->row.after.data = copy[7];
	k->bytes = take(bytes);
	return 0;
}

static bool is_step(const struct store_journal *row, const char *step)
{
	return strcmp(row->step, step) == 0;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = ((const struct kept_row *)a)->row.id, y = ((const struct kept_row *)b)->row.id;
	return (x < y) - (x > y);
}

/** Newest first, each once. */
static void sort_rows(kept_rows *rows)
{
	size_t kept = 0;
	if (rows->len)
		qsort(rows->data, rows->len, sizeof *rows->data, newest_first);
	for (size_t i = 0; i < rows->len; i++) {
		if (kept && rows->data[kept - 1].row.id == rows->data[i].row.id)
			free(rows->data[i].bytes);
		else
			rows->data[kept++] = rows->data[i];
	}
	rows->len = kept;
}

/* --- what was asked for --- */

/** @goes_on: an order that was accepted, and perhaps interrupted: what it undid before is done. */
static int add_row(struct store *s, const char *word, bool goes_on, kept_rows *rows, struct buf *answer)
{
	int64_t id = strtoll(word, NULL, 10);
	int r = store_journal_row(s, id, keep_row, rows);
	if (r == -ENOENT) {
		buf_addf(answer, "the journal has no row %" PRId64, id);
		return ENOENT;
	}
	if (r < 0) {
		buf_addf(answer, "the journal cannot be read: %s", strerror(-r));
		return -r;
	}
	const struct store_journal *row = &rows->data[rows->len - 1].row;
	if (is_step(row, "done"))
		return 0;
	if (goes_on && is_step(row, "undone")) {
		free(rows->data[--rows->len].bytes);
		return 0;
	}
	buf_addf(answer, "row %" PRId64 " %s", id,
		 is_step(row, "undone")	  ? "is undone already"
		 : is_step(row, "failed") ? "failed: there is nothing to undo"
					  : "is still open: look again in a moment");
	return is_step(row, "undone") ? EALREADY : is_step(row, "failed") ? EINVAL : EBUSY;
}

static int add_plan(struct store *s, const char *hash, kept_rows *rows, struct buf *answer)
{
	size_t first = rows->len, kept = rows->len, undone = 0;
	int r = store_journal(s, hash, 0, keep_row, rows);
	if (r < 0) {
		buf_addf(answer, "the journal cannot be read: %s", strerror(-r));
		return -r;
	}
	size_t all = rows->len - first;
	for (size_t i = first; i < rows->len; i++) {
		undone += is_step(&rows->data[i].row, "undone");
		if (is_step(&rows->data[i].row, "done"))
			rows->data[kept++] = rows->data[i];
		else
			free(rows->data[i].bytes);
	}
	rows->len = kept;
	if (kept > first)
		return 0;
	if (!all)
		buf_addf(answer, "the journal has no change of a plan %s", hash);
	else
		buf_addf(answer, "nothing of plan %s can be undone%s", hash,
			 undone == all ? ": it is undone already" : "");
	return all ? EALREADY : ENOENT;
}

/** The rows that @words name, all "done"; else an errno with a sentence. */
static int collect(struct store *s, const char *words, bool goes_on, kept_rows *rows, struct buf *answer)
{
	_free_ char *copy = strdup(words);
	int r = copy ? 0 : ENOMEM;
	char *next = copy;
	for (char *word = r ? NULL : strsep(&next, " \t\n"); word && r == 0; word = strsep(&next, " \t\n")) {
		size_t n = strlen(word);
		if (n == 0)
			continue;
		if (n == PLAN_DIGITS && strspn(word, "0123456789abcdef") == n) {
			r = add_plan(s, word, rows, answer);
		} else if (n <= ID_DIGITS && strspn(word, "0123456789") == n) {
			r = add_row(s, word, goes_on, rows, answer);
		} else {
			buf_adds(answer, "undo takes numbers of the journal, or the hash of a plan");
			return EINVAL;
		}
	}
	sort_rows(rows);
	if (r == 0 && !rows->len && words[strspn(words, " \t\n")] && goes_on) {
		buf_adds(answer, "it is undone already");
		return EALREADY;
	}
	if (r == 0 && !rows->len) {
		buf_adds(answer, "undo takes numbers of the journal, or the hash of a plan");
		return EINVAL;
	}
	return r;
}

int undo_check(struct repair *r, const char *words, struct buf *answer)
{
	_rows_ kept_rows rows = {0};
	struct store *s = NULL;
	int error = -store_open_reader(r->o.state_dir, &s);
	if (error) {
		buf_addf(answer, "the journal cannot be read: %s", strerror(error));
		return error;
	}
	error = collect(s, words, false, &rows, answer);
	store_close(s);
	return error;
}

/* --- links --- */

static struct hand_order order_of(const struct store_journal *row)
{
	bool was_unlinked = row->after.len == 0;
	return (struct hand_order){
		.act = was_unlinked ? HAND_MAKE : HAND_RELINK,
		.path = row->path, .before = row->after, .after = row->before,
		.uid = row->uid, .gid = row->gid, .mtime = row->mtime, .has_facts = 1,
	};
}

static bool same_root(const struct kept_row *a, const struct kept_row *b)
{
	return a->row.root.len == b->row.root.len &&
	       memcmp(a->row.root.data, b->row.root.data, a->row.root.len) == 0;
}

/** Rows of one root. */
static void put_back(struct repair *r, struct kept_row *rows, size_t n)
{
	struct hand_order orders[BATCH];
	int results[BATCH];
	struct hand *hand = repair_hand(r, rows->row.root.data);
	for (size_t i = 0; i < n; i++) {
		orders[i] = order_of(&rows[i].row);
		results[i] = -ENOMEM;
	}
	if (hand)
		hand_do_all(hand, orders, n, results);
	for (size_t i = 0; i < n; i++)
		rows[i].result = results[i];
}

static void put_all_back(struct repair *r, struct kept_row *rows, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && same_root(&rows[i], &rows[end]);)
			end++;
		put_back(r, rows + i, end - i);
	}
}

/* --- saying how it ended --- */

static const char *reason_of(int result)
{
	static const struct {
		int result;
		const char *text;
	} reasons[] = {
		{-ESTALE, "it is not the link any more that was made then"},
		{-EEXIST, "something else is in its place now"},
		{-ENOTDIR, "its folder is not there any more"},
		{-EXDEV, "the way to it leads through a link now"},
		{-ENODEV, "its root is not there"},
		{-ECANCELED, "the disk did not answer before"},
		{-EBUSY, "the disk does not answer"},
	};
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (reasons[i].result == result)
			return reasons[i].text;
	return strerror(-result);
}

static void tell_refusal(const struct kept_row *k, const char *reason, struct buf *answer)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	size_t n = k->row.path.len;
	if (k->result == -ENOTDIR) {
		const char *slash = memrchr(k->row.path.data, '/', n);
		n = slash ? (size_t)(slash - k->row.path.data) : 0;
	}
	text_clean(k->row.path.data, n, PATH_SHOWN, &path);
	buf_addf(answer, "row %" PRId64 ", %s: %s\n", k->row.id, buf_str(&path), reason);
}

static int write_rows(struct repair *r, const struct store_journal *rows, size_t n)
{
	int64_t ids[BATCH];
	return n ? repairs_journal(r->o.writer, rows, n, ids) : 0;
}

static int begin_batch(struct repair *r, const struct kept_row *rows, size_t n)
{
	struct store_journal intents[BATCH];
	for (size_t i = 0; i < n; i++) {
		intents[i] = rows[i].row;
		intents[i].step = "undoing";
	}
	return write_rows(r, intents, n);
}

/** Rows of which nobody knows how they ended stay open. */
static int end_batch(struct repair *r, const struct kept_row *rows, size_t n, struct tally *t,
		     struct buf *answer)
{
	struct store_journal ends[BATCH];
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct kept_row *k = &rows[i];
		if (k->result == -ETIMEDOUT) {
			t->unknown++;
			continue;
		}
		struct store_journal *end = &ends[count++];
		*end = k->row;
		if (k->result == 0) {
			end->step = "undone";
			end->error = "";
			end->undone_at = repair_now(r);
			t->undone++;
			continue;
		}
		end->step = "done";
		end->error = reason_of(k->result);
		if (t->refused++ < TOLD)
			tell_refusal(k, end->error, answer);
	}
	return write_rows(r, ends, count);
}

static int undo_rows(struct repair *r, kept_rows *rows, struct tally *t, struct buf *refusals)
{
	int error = 0;
	for (size_t i = 0; i < rows->len && error == 0 && !t->unknown && !t->is_stopped; i += BATCH) {
		t->is_stopped = repair_must_stop(r);
		if (t->is_stopped)
			break;
		struct kept_row *batch = &rows->data[i];
		size_t n = rows->len - i < BATCH ? rows->len - i : BATCH;
		error = begin_batch(r, batch, n);
		if (error < 0)
			break;
		put_all_back(r, batch, n);
		error = end_batch(r, batch, n, t, refusals);
	}
	return error;
}

int undo_run(struct repair *r, const char *words, struct buf *answer)
{
	_rows_ kept_rows rows = {0};
	_buf_ struct buf refusals = BUF_INIT(1 << 14);
	struct tally t = {0};
	if (repair_is_dry(r)) {
		buf_adds(answer, "dry-run is on: nothing is changed");
		return EROFS;
	}
	int error = collect(r->store, words, true, &rows, answer);
	if (error)
		return error;
	error = -undo_rows(r, &rows, &t, &refusals);
	buf_addf(answer, "%zu of %zu links are what they were", t.undone, rows.len);
	if (t.refused)
		buf_addf(answer, "; %zu were left alone", t.refused);
	if (t.unknown)
		buf_addf(answer, "; of %zu nobody knows, the disk did not answer: they are looked at again", t.unknown);
	if (error)
		buf_addf(answer, "; the store cannot be written: %s", strerror(error));
	buf_addf(answer, "%s%s", refusals.len ? "\n" : "", buf_str(&refusals));
	log_info("undo: %zu of %zu links are what they were, %zu left alone, %zu unknown", t.undone, rows.len,
		 t.refused, t.unknown);
	if (error)
		return error;
	if (t.is_stopped)
		return EINTR;
	return t.unknown ? EAGAIN : t.refused ? ESTALE : 0;
}

/* --- after a crash --- */

static bool is_text(const struct hand_facts *facts, bool is_there, struct bytes text)
{
	if (!is_there || !text.len)
		return !is_there && !text.len;
	return facts->target_len == text.len && memcmp(facts->target, text.data, text.len) == 0;
}

/**
 * What became of an open row, from what is there now.  @read: as of HAND_READ; a folder that is gone has no link in
 * it.  Where the link is neither what it was nor what it should become, somebody else had his say: the row ends as what can
 * do least harm, "failed" (never undone) or "done" (undone only if the link is what the row says).
 */
static void judge_row(struct store_journal *row, int read, const struct hand_facts *facts, int64_t now)
{
	bool is_known = read == 0 || read == -ENOENT || read == -ENOTDIR;
	bool is_after = is_known && is_text(facts, read == 0, row->after);
	bool is_before = is_known && is_text(facts, read == 0, row->before);
	if (is_step(row, "planned")) {
		row->step = is_after ? "done" : "failed";
		row->error = is_after ? "" : is_before ? "interrupted before it was done"
						       : "interrupted, and the link is another now";
		row->ended_at = now;
		return;
	}
	row->step = is_before ? "undone" : "done";
	row->error = is_before ? "" : is_after ? "the undo was interrupted before it was done"
					       : "the undo was interrupted, and the link is another now";
	row->undone_at = is_before ? now : 0;
}

/** Whether the answer says something of the link: of another kind, behind a link, there or not. */
static bool is_answer(int read)
{
	return read == 0 || read == -ENOENT || read == -ENOTDIR || read == -ESTALE || read == -EXDEV ||
	       read == -EINVAL;
}

/** Nobody answers: not the time to change anything. */
static bool is_silence(int read)
{
	return read == -ETIMEDOUT || read == -EBUSY || read == -ENOMEM;
}

/** Of the @n open rows; how many could be cleared up, or -errno. */
static int recover_batch(struct repair *r, struct kept_row *rows, size_t n)
{
	struct store_journal ends[BATCH];
	const struct kept_row *away = NULL;
	size_t count = 0;
	int silence = 0;
	for (size_t i = 0; i < n && !silence; i++) {
		struct hand_facts facts = {0};
		struct hand_order order = {.act = HAND_READ, .path = rows[i].row.path};
		/* a root that cannot be looked at has its other rows wait as well */
		if (away && same_root(away, &rows[i]))
			continue;
		struct hand *hand = repair_hand(r, rows[i].row.root.data);
		int read = hand ? hand_do(hand, &order, &facts) : -ENOMEM;
		if (is_silence(read))
			silence = read;
		else if (!is_answer(read))
			away = &rows[i];
		else {
			ends[count] = rows[i].row;
			judge_row(&ends[count++], read, &facts, repair_now(r));
		}
	}
	int error = write_rows(r, ends, count);
	return error < 0 ? error : silence < 0 ? silence : (int)count;
}

int undo_recover(struct repair *r)
{
	_rows_ kept_rows rows = {0};
	size_t ended = 0;
	int n = store_journal_open(r->store, keep_row, &rows);
	for (size_t i = 0; i < rows.len && n >= 0; i += BATCH) {
		n = recover_batch(r, &rows.data[i], rows.len - i < BATCH ? rows.len - i : BATCH);
		ended += n > 0 ? (size_t)n : 0;
	}
	if (ended)
		log_info("journal: %zu of %zu open rows are cleared up", ended, rows.len);
	return n < 0 ? n : 0;
}
