/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The indexer's side of questions about targets: thousands are under way at once, each in a slot.  A question with very many
 * names goes in parts, which share its slot.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "indexer/symlinks/looker_private.h"

enum {
	SLOTS = 8192,
	/** Of one frame: small, so that the threads share the work. */
	PIECE = 32 << 10,
	/** Names of one part. */
	PART = 64 << 10,
	/** No name in a directory is longer, so a longer one is sent cut: it is not there either way. */
	NAME_MOST = 2048,
	PATH_MOST = 4096,
};

struct slot {
	uint64_t number;
	/** Parts that are not answered; 0: it is free. */
	size_t parts;
	size_t count;
	int error;
	/** NULL: nothing but "there" was answered yet. */
	int *errors;
	int64_t *sizes;
};

struct names_question {
	target_next_fn *next;
	target_answer_fn *answer;
	void *arg;
	bool is_ended;
	size_t free_count;
	/** Where the frame begins that is being written. */
	size_t start;
	bool is_writing;
	uint32_t free[SLOTS];
	struct slot slot[SLOTS];
};

/* --- asking --- */

static void end_frame(struct names_question *q, struct buf *out)
{
	if (q->is_writing)
		frame_end(out, q->start);
	q->is_writing = false;
}

static size_t add_part(struct buf *out, const struct target_query *t, size_t first)
{
	size_t n = 0, count_at = out->len, begin = out->len;
	frame_u32(out, 0);
	while (first + n < t->count && (n == 0 || out->len - begin < PART)) {
		const struct bytes *name = &t->names[first + n++];
		frame_bytes(out, name->data, name->len < NAME_MOST ? name->len : NAME_MOST);
	}
	const uint32_t count = (uint32_t)n;
	if (!buf_error(out))
		memcpy(out->data + count_at, &count, sizeof count);
	return n;
}

static void add_query(struct names_question *q, struct buf *out, const struct target_query *t)
{
	uint32_t number = q->free[--q->free_count];
	struct slot *s = &q->slot[number];
	*s = (struct slot){.number = t->number, .count = t->count};
	size_t first = 0;
	do {
		if (!q->is_writing) {
			q->start = frame_begin(out, FRAME_LOOK_TARGETS);
			q->is_writing = true;
		}
		frame_u32(out, number);
		frame_u32(out, (uint32_t)first);
		frame_u32(out, t->wants_sizes);
		frame_bytes(out, t->path, strlen(t->path));
		first += add_part(out, t, first);
		s->parts++;
		if (out->len - q->start >= PIECE)
			end_frame(q, out);
	} while (first < t->count && !buf_error(out));
}

static int fill(void *arg, struct looker *l)
{
	enum { ENOUGH = 256 << 10 };
	struct names_question *q = arg;
	int r = 0;
	while (!q->is_ended && q->free_count && looker_waiting(l) < ENOUGH && r >= 0) {
		struct target_query t = {0};
		r = q->next(q->arg, &t);
		if (r <= 0) {
			q->is_ended = r == 0;
		} else if (strlen(t.path) >= PATH_MOST) {
			const struct target_answer a = {.number = t.number, .error = -ENAMETOOLONG,
							.count = t.count};
			r = q->answer(q->arg, &a);
		} else {
			add_query(q, &l->out, &t);
		}
	}
	end_frame(q, &l->out);
	if (r < 0)
		return r;
	/* nothing (more) is under way: the answers that are missing are none */
	return q->is_ended && q->free_count == SLOTS;
}

/* --- being answered --- */

static int finish(struct names_question *q, uint32_t number)
{
	struct slot *s = &q->slot[number];
	const struct target_answer a = {.number = s->number, .error = s->error, .count = s->count,
					.errors = s->error ? NULL : s->errors,
					.sizes = s->error ? NULL : s->sizes};
	int r = q->answer(q->arg, &a);
	free(take(s->errors));
	free(take(s->sizes));
	q->free[q->free_count++] = number;
	return r < 0 ? r : 0;
}

static int make_arrays(struct slot *s, bool with_sizes)
{
	if (!s->errors)
		s->errors = calloc(s->count ? s->count : 1, sizeof *s->errors);
	if (with_sizes && !s->sizes)
		s->sizes = calloc(s->count ? s->count : 1, sizeof *s->sizes);
	return s->errors && (!with_sizes || s->sizes) ? 0 : -ENOMEM;
}

static int read_errors(struct slot *s, struct frame *f, size_t first, bool with_sizes)
{
	size_t n = frame_get_u32(f);
	if (f->is_bad || first > s->count || n > s->count - first)
		return -EBADMSG;
	int r = make_arrays(s, with_sizes);
	for (size_t i = first; i < first + n && r == 0; i++) {
		s->errors[i] = (int)frame_get_u32(f);
		if (with_sizes)
			s->sizes[i] = (int64_t)frame_get_u64(f);
	}
	return r;
}

static int on_answer(struct names_question *q, struct frame *f)
{
	uint32_t number = frame_get_u32(f), first = frame_get_u32(f), kind = frame_get_u32(f);
	if (f->is_bad || number >= SLOTS || !q->slot[number].parts)
		return -EBADMSG;
	struct slot *s = &q->slot[number];
	int r = kind > TARGETS_SIZES ? -EBADMSG : 0;
	if (kind == TARGETS_FAILED)
		s->error = (int)frame_get_u32(f);
	if (kind == TARGETS_SOME || kind == TARGETS_SIZES)
		r = read_errors(s, f, first, kind == TARGETS_SIZES);
	if (f->is_bad || r < 0)
		return r < 0 ? r : -EBADMSG;
	return --s->parts ? 0 : finish(q, number);
}

static int on_frame(void *arg, struct frame *f)
{
	struct names_question *q = arg;
	if (f->type != FRAME_LOOKED_TARGETS)
		return -EBADMSG;
	while (f->at < f->end) {
		int r = on_answer(q, f);
		if (r < 0)
			return r;
	}
	return q->is_ended && q->free_count == SLOTS;
}

int looker_targets(struct looker *l, target_next_fn *next, target_answer_fn *answer, void *arg)
{
	struct names_question *q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->next = next;
	q->answer = answer;
	q->arg = arg;
	for (q->free_count = 0; q->free_count < SLOTS; q->free_count++)
		q->free[q->free_count] = SLOTS - 1 - (uint32_t)q->free_count;
	int r = looker_ask(l, &(struct look){fill, on_frame, q});
	for (size_t i = 0; i < SLOTS; i++) {
		free(q->slot[i].errors);
		free(q->slot[i].sizes);
	}
	free(q);
	return r;
}
