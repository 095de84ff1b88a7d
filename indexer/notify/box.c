/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/notify/box.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "common/vec.h"

/** Appends a text of any bytes as at most @max bytes of UTF-8, and its end. */
static void add_text(const char *s, size_t max, struct buf *out)
{
	_buf_ struct buf whole = BUF_INIT(16384);
	if (s)
		text_to_utf8(s, strnlen(s, max + 4), &whole);
	buf_add(out, buf_str(&whole), text_cut(buf_str(&whole), whole.len, max));
	buf_add(out, "", 1);
}

struct note *note_new(const struct notice *n, int64_t put_at)
{
	_buf_ struct buf texts = BUF_INIT(NOTICE_KIND + NOTICE_SERIES + NOTICE_TEXT + 3);
	add_text(n->kind, NOTICE_KIND, &texts);
	size_t series = texts.len;
	add_text(n->series, NOTICE_SERIES, &texts);
	size_t text = texts.len;
	add_text(n->text, NOTICE_TEXT, &texts);
	struct note *note = buf_error(&texts) ? NULL : malloc(sizeof *note + texts.len);
	if (!note)
		return NULL;
	memcpy(note->texts, texts.data, texts.len);
	note->put_at = put_at;
	note->notice = (struct notice){
		.kind = note->texts,
		.series = note->texts + series,
		.text = note->texts + text,
		.at = n->at,
	};
	return note;
}

/** The tally of a kind; of "other" when there are too many kinds. */
static struct tally *tally_of(struct box *b, const char *kind)
{
	for (int i = 0; i < b->tally_count; i++)
		if (strcmp(b->tally[i].kind, kind) == 0)
			return &b->tally[i];
	if (b->tally_count == BOX_KINDS)
		return &b->tally[BOX_KINDS - 1];
	struct tally *t = &b->tally[b->tally_count++];
	*t = (struct tally){0};
	snprintf(t->kind, sizeof t->kind, "%s", b->tally_count == BOX_KINDS ? "other" : kind);
	return t;
}

static void count(struct box *b, const struct notice *n, uint64_t more, int64_t put_at)
{
	struct tally *t = tally_of(b, n->kind);
	t->notice.more += more;
	if (n->at > t->notice.at)
		t->notice.at = n->at;
	if (put_at > t->put_at)
		t->put_at = put_at;
}

static void remove_at(struct box *b, size_t i)
{
	free(b->note[i]);
	memmove(&b->note[i], &b->note[i + 1], (--b->len - i) * sizeof *b->note);
}

static void make_room(struct box *b, const char *kind)
{
	size_t i = 0;
	while (i < b->len && strcmp(b->note[i]->notice.kind, kind) != 0)
		i++;
	if (i == b->len)
		i = 0;
	count(b, &b->note[i]->notice, 1, b->note[i]->put_at);
	remove_at(b, i);
}

void box_put(struct box *b, struct note *note)
{
	if (b->len == BOX_NOTES)
		make_room(b, note->notice.kind);
	if (vec_grow((void **)&b->note, &b->cap, b->len, sizeof(struct note *)) < 0) {
		count(b, &note->notice, 1, note->put_at);
		free(note);
		return;
	}
	b->note[b->len++] = note;
}

void box_return(struct box *b, struct box *older)
{
	for (size_t i = 0; i < b->len; i++)
		box_put(older, b->note[i]);
	b->len = 0;
	for (int i = 0; i < b->tally_count; i++) {
		const struct tally *t = &b->tally[i];
		struct notice n = {.kind = t->kind, .at = t->notice.at};
		count(older, &n, t->notice.more, t->put_at);
	}
	box_clear(b);
	*b = *older;
	*older = (struct box){0};
}

uint64_t box_expire(struct box *b, int64_t since)
{
	uint64_t dropped = 0;
	for (size_t i = b->len; i-- > 0;)
		if (b->note[i]->put_at < since) {
			remove_at(b, i);
			dropped++;
		}
	for (int i = b->tally_count; i-- > 0;)
		if (b->tally[i].put_at < since) {
			dropped += b->tally[i].notice.more;
			b->tally[i] = b->tally[--b->tally_count];
		}
	return dropped;
}

bool box_is_empty(const struct box *b)
{
	return !b->len && !b->tally_count;
}

uint64_t box_count(const struct box *b)
{
	uint64_t n = b->len;
	for (int i = 0; i < b->tally_count; i++)
		n += b->tally[i].notice.more;
	return n;
}

int64_t box_oldest(const struct box *b)
{
	int64_t oldest = INT64_MAX;
	for (size_t i = 0; i < b->len; i++)
		if (b->note[i]->put_at < oldest)
			oldest = b->note[i]->put_at;
	for (int i = 0; i < b->tally_count; i++)
		if (b->tally[i].put_at < oldest)
			oldest = b->tally[i].put_at;
	return oldest;
}

void box_clear(struct box *b)
{
	for (size_t i = 0; i < b->len; i++)
		free(b->note[i]);
	free(b->note);
	*b = (struct box){0};
}
