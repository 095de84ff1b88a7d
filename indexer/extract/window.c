/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "indexer/extract/incomplete.h"

void window_init(struct window *w, const struct extract_input *in)
{
	w->in = in;
	w->base = 0;
	w->size = in->size;
	w->head = in->head;
	w->head_len = in->head_len;
	w->at = 0;
	w->length = 0;
	w->reads = WINDOW_READS;
	w->error = 0;
}

void window_init_memory(struct window *w, const uint8_t *data, size_t n)
{
	w->in = NULL;
	w->base = 0;
	w->size = n;
	w->head = data;
	w->head_len = n;
	w->at = 0;
	w->length = 0;
	w->reads = 0;
	w->error = 0;
}

void window_init_part(struct window *part, const struct window *w, uint64_t at, uint64_t size)
{
	at = at < w->size ? at : w->size;
	part->in = w->in;
	part->base = w->base + at;
	part->size = size < w->size - at ? size : w->size - at;
	size_t head = at < w->head_len ? w->head_len - (size_t)at : 0;
	part->head = head ? w->head + at : w->head;
	part->head_len = head < part->size ? head : (size_t)part->size;
	part->at = 0;
	part->length = 0;
	part->reads = w->reads;
	part->error = 0;
}

static bool has_bytes(uint64_t start, size_t length, uint64_t at, size_t n)
{
	return at >= start && at - start <= length && n <= length - (at - start);
}

/** The bytes, when they lie in one of the input's pieces; *n: at least @least, all that follow there. */
static const uint8_t *in_pieces(const struct window *w, uint64_t at, size_t least, size_t *n)
{
	for (unsigned i = 1; w->in && i < w->in->pieces; i++) {
		const struct extract_piece *p = &w->in->piece[i];
		if (!has_bytes(p->at, p->n, at, least))
			continue;
		*n = p->n - (size_t)(at - p->at);
		return p->data + (at - p->at);
	}
	return NULL;
}

static int fill(struct window *w, uint64_t at, size_t n)
{
	if (!w->in || w->reads == 0)
		return -EBADMSG;
	w->reads--;
	size_t want = n > WINDOW_FILL ? WINDOW_SIZE : WINDOW_FILL;
	/* what is not in memory is not read ahead */
	if (w->in->piece)
		want = n;
	if (want > w->size - at)
		want = (size_t)(w->size - at);
	w->length = 0;
	int r = extract_pread(w->in, w->base + at, w->buffer, want);
	if (r < 0)
		return r;
	w->at = at;
	w->length = want;
	return 0;
}

const uint8_t *window_get(struct window *w, uint64_t at, size_t n)
{
	if (n > w->size || at > w->size - n)
		return NULL;
	if (has_bytes(0, w->head_len, at, n))
		return w->head + at;
	if (n > WINDOW_SIZE)
		return NULL;
	size_t there;
	const uint8_t *given = in_pieces(w, at, n, &there);
	if (given)
		return given;
	if (!has_bytes(w->at, w->length, at, n)) {
		int r = fill(w, at, n);
		if (r < 0) {
			w->error = r;
			return NULL;
		}
	}
	return w->buffer + (at - w->at);
}

const uint8_t *window_some(struct window *w, uint64_t at, size_t *n)
{
	const uint8_t *p = window_get(w, at, 1);
	if (!p)
		return NULL;
	if (has_bytes(0, w->head_len, at, 1))
		*n = (size_t)(w->head_len - at);
	else if (!in_pieces(w, at, 1, n))
		*n = (size_t)(w->length - (at - w->at));
	return p;
}

const uint8_t *window_copy(struct window *w, uint64_t at, size_t n, struct buf *scratch)
{
	if (n <= WINDOW_SIZE || !w->in || n > w->size || at > w->size - n)
		return window_get(w, at, n);
	buf_reset(scratch);
	if (w->reads == 0 || buf_reserve(scratch, n) < 0)
		return NULL;
	w->reads--;
	int r = extract_pread(w->in, w->base + at, scratch->data, n);
	if (r < 0) {
		w->error = r;
		return NULL;
	}
	scratch->len = n;
	scratch->data[n] = '\0';
	return (const uint8_t *)scratch->data;
}

int window_fail(const struct window *w, char *reason, const char *sentence)
{
	if (w->error && w->error != -EBADMSG)
		return extract_fail(reason, w->error, "it cannot be read: %s", strerror(-w->error));
	return extract_fail(reason, -EBADMSG, "%s", sentence);
}

int window_short(const struct window *w, char *reason, const char *who, uint64_t least)
{
	char sentence[EXTRACT_REASON];
	if (least > w->size && !w->error)
		return incomplete_at(reason, w->size, who, least);
	snprintf(sentence, sizeof sentence, "%s is damaged", who);
	return window_fail(w, reason, sentence);
}
