/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers are subtracted, sorted lists merged; what happened to things is gathered into lines. */
#include "fs/diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/vec.h"
#include "fs/document.h"

enum {
	/** Names that one line tells. */
	NAMED = 20,
};

const char *const DIFF_NAMES[DIFF_COUNT] = {
#define D(name) #name ".json",
	DIFF_DOCS(D)
#undef D
};

/** What is compared of each, thing by thing. */
static const enum document_kind kinds[DIFF_COUNT] = {
	[DIFF_roots] = DOCUMENT_ROOTS,
	[DIFF_missing] = DOCUMENT_VOLUMES,
	[DIFF_errors] = DOCUMENT_ERRORS,
};

/* --- words --- */

static void put(struct buf *out, const char *text)
{
	text_escape(text, strlen(text), out);
}

/** "10,120" */
static void put_number(struct buf *out, int64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
}

static void put_amount(struct buf *out, int64_t v, bool is_bytes)
{
	if (is_bytes)
		human_bytes((uint64_t)v, out);
	else
		put_number(out, v);
}

/* --- numbers --- */

static const struct count {
	enum diff_doc doc;
	const char *object, *key, *one, *many;
	bool is_bytes;
} counts[] = {
	{DIFF_summary, "music", "tracks", "track", "tracks", false},
	{DIFF_summary, "music", "albums", "album", "albums", false},
	{DIFF_summary, "music", "artists", "artist", "artists", false},
	{DIFF_summary, "music", "bytes", "of music", "of music", true},
	{DIFF_summary, "manga", "series", "series", "series", false},
	{DIFF_summary, "manga", "volumes", "volume", "volumes", false},
	{DIFF_summary, "manga", "chapters", "chapter", "chapters", false},
	{DIFF_summary, "manga", "bytes", "of manga", "of manga", true},
	{DIFF_summary, "links", "total", "link", "links", false},
	{DIFF_summary, "links", "broken", "broken link", "broken links", false},
	{DIFF_summary, "links", "held", "link that is held", "links that are held", false},
	{DIFF_summary, "links", "unknown", "link that nobody can judge", "links that nobody can judge", false},
	{DIFF_audit, NULL, "total", "finding of the audit", "findings of the audit", false},
};

/** "120 tracks more (10,000 then, 10,120 now)" */
static void say_count(const struct count *c, const struct document *then, const struct document *now,
		      struct buf *out)
{
	int64_t a, b;
	if (!document_number(&then[c->doc], c->object, c->key, &a) ||
	    !document_number(&now[c->doc], c->object, c->key, &b) || a == b)
		return;
	int64_t by = b > a ? b - a : a - b;
	put_amount(out, by, c->is_bytes);
	buf_addf(out, " %s %s (", by == 1 ? c->one : c->many, b > a ? "more" : "fewer");
	put_amount(out, a, c->is_bytes);
	buf_adds(out, " then, ");
	put_amount(out, b, c->is_bytes);
	buf_adds(out, " now)\n");
}

/* --- roots, the indexer --- */

/** "the folder music (/srv/music)" */
static void put_root(struct buf *out, const struct document_item *root)
{
	buf_adds(out, "the folder ");
	put(out, root->label);
	buf_adds(out, " (");
	put(out, root->group);
	buf_adds(out, ")");
}

static void put_state(struct buf *out, const char *before, const struct document_item *root)
{
	buf_adds(out, before);
	put(out, root->state);
	if (*root->reason) {
		buf_adds(out, ": ");
		put(out, root->reason);
	}
	buf_addc(out, '\n');
}

static void say_root(const struct document_item *then, const struct document_item *now, struct buf *out)
{
	if (then && now && strcmp(then->state, now->state) == 0 &&
	    strcmp(then->reason, now->reason) == 0)
		return;
	put_root(out, now ? now : then);
	if (!now) {
		buf_adds(out, " is not watched any more\n");
	} else if (!then) {
		put_state(out, " is watched now, and is ", now);
	} else if (strcmp(then->state, now->state) == 0) {
		put_state(out, " is still ", now);
	} else {
		buf_adds(out, " was ");
		put(out, then->state);
		put_state(out, ", is ", now);
	}
}

static void say_indexer(const struct document *then, const struct document *now, struct buf *out)
{
	const char *a = document_text(then, "indexer", "state");
	const char *b = document_text(now, "indexer", "state");
	if (!a || !b || strcmp(a, b) == 0)
		return;
	buf_adds(out, "the indexer was ");
	put(out, a);
	buf_adds(out, ", is ");
	put(out, b);
	buf_addc(out, '\n');
}

/* --- lists --- */

/** What may happen to a thing of a list. */
enum fate {
	/** It left the list: it is here, or it is not. */
	IS_HERE,
	IS_GONE,
	/** It is in the list, and was not. */
	IS_NEW,
	/** Its state is another. */
	IS_OTHER,
};

static const struct subject {
	enum diff_doc doc;
	const char *one, *many;
	/** For one, for many; behind the number. */
	const char *words[IS_OTHER][2];
} subjects[] = {
	{
		DIFF_missing, "volume", "volumes",
		{
			{"volume that was missing is here now", "volumes that were missing are here now"},
			{"volume that was missing is not asked for any more",
			 "volumes that were missing are not asked for any more"},
			{"volume is missing that was not", "volumes are missing that were not"},
		},
	},
	{
		DIFF_errors, "file", "files",
		{
			{"file that could not be read is well again",
			 "files that could not be read are well again"},
			{"file that could not be read is gone", "files that could not be read are gone"},
			{"more file cannot be read", "more files cannot be read"},
		},
	},
};

/** Things with the same fate: one line.  from, to: for IS_OTHER.  All borrowed. */
struct line {
	enum fate fate;
	const char *from, *to;
	VEC(const struct document_item *) items;
};

typedef VEC(struct line) lines;

static void add_to_line(lines *all, enum fate fate, const char *from, const char *to,
			const struct document_item *item)
{
	size_t i = 0;
	while (i < all->len && (all->data[i].fate != fate || strcmp(all->data[i].from, from) != 0 ||
				strcmp(all->data[i].to, to) != 0))
		i++;
	struct line *line = i < all->len ? &all->data[i] : vec_add(all);
	if (!line)
		return;
	line->fate = fate;
	line->from = from;
	line->to = to;
	const struct document_item **slot = vec_add(&line->items);
	if (slot)
		*slot = item;
}

static void put_heading(struct buf *out, const struct subject *s, const struct line *line)
{
	bool is_one = line->items.len == 1;
	put_number(out, (int64_t)line->items.len);
	buf_addc(out, ' ');
	if (line->fate != IS_OTHER) {
		buf_adds(out, s->words[line->fate][!is_one]);
		return;
	}
	buf_addf(out, is_one ? "%s that was " : "%s that were ", is_one ? s->one : s->many);
	put(out, line->from);
	buf_adds(out, is_one ? " is " : " are ");
	put(out, line->to);
	buf_adds(out, " now");
}

/** "4 volumes that were missing are here now: One Piece 3, 7; Naruto 12, 13" */
static void say_line(struct buf *out, const struct subject *s, const struct line *line)
{
	const char *group = NULL;
	put_heading(out, s, line);
	for (size_t i = 0; i < line->items.len && i < NAMED; i++) {
		const struct document_item *item = line->items.data[i];
		bool is_same = item->group && group && strcmp(item->group, group) == 0;
		buf_adds(out, i == 0 ? ": " : item->group && !is_same ? "; " : ", ");
		if (item->group && !is_same) {
			put(out, item->group);
			buf_addc(out, ' ');
		}
		put(out, item->label);
		group = item->group;
	}
	if (line->items.len > NAMED) {
		buf_adds(out, " and ");
		put_number(out, (int64_t)line->items.len - NAMED);
		buf_adds(out, " more");
	}
	buf_addc(out, '\n');
}

static bool is_here(const struct diff *d, const struct subject *s, const struct document_item *item)
{
	if (s->doc == DIFF_missing)
		return !d->has_volume || d->has_volume(d->arg, item->group, item->number);
	return !d->has_path || d->has_path(d->arg, item->key);
}

/** Takes the pairs of two sorted lists, one NULL where there is no other. */
typedef void pair_fn(void *arg, const struct document_item *then, const struct document_item *now);

static void each_pair(const struct document *then, const struct document *now, pair_fn *fn, void *arg)
{
	const struct document_item *a = then->items.data, *b = now->items.data;
	size_t i = 0, k = 0;
	while (i < then->items.len || k < now->items.len) {
		int order = i == then->items.len ? 1 : k == now->items.len ? -1 : document_by_key(&a[i], &b[k]);
		fn(arg, order <= 0 ? &a[i] : NULL, order >= 0 ? &b[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

struct sorter {
	const struct diff *d;
	const struct subject *s;
	lines lines;
};

static void sort_pair(void *arg, const struct document_item *then, const struct document_item *now)
{
	struct sorter *x = arg;
	if (!then)
		add_to_line(&x->lines, IS_NEW, "", "", now);
	else if (!now)
		add_to_line(&x->lines, is_here(x->d, x->s, then) ? IS_HERE : IS_GONE, "", "", then);
	else if (strcmp(then->state, now->state) != 0)
		add_to_line(&x->lines, IS_OTHER, then->state, now->state, now);
}

static void say_list(const struct diff *d, const struct subject *s, const struct document *then,
		     const struct document *now, struct buf *out)
{
	struct sorter x = {.d = d, .s = s};
	each_pair(then, now, sort_pair, &x);
	for (int fate = IS_HERE; fate <= IS_OTHER; fate++)
		for (size_t i = 0; i < x.lines.len; i++)
			if ((int)x.lines.data[i].fate == fate)
				say_line(out, s, &x.lines.data[i]);
	for (size_t i = 0; i < x.lines.len; i++)
		vec_clear(&x.lines.data[i].items);
	vec_clear(&x.lines);
}

static void say_root_pair(void *arg, const struct document_item *then, const struct document_item *now)
{
	say_root(then, now, arg);
}

/* --- all --- */

/** Both sides of a document.  One that is not there or not understood is empty and said so. */
static int read_both(const struct diff *d, int doc, struct document *then, struct document *now,
		     struct buf *out)
{
	bool was = d->then[doc].data != NULL, is = d->now[doc].data != NULL;
	if (was != is)
		buf_addf(out, "status/%s %s\n", DIFF_NAMES[doc],
			 is ? "did not exist then" : "does not exist any more");
	if (!was || !is)
		return 0;
	int r = document_read(d->then[doc], kinds[doc], then);
	if (r == 0)
		r = document_read(d->now[doc], kinds[doc], now);
	if (r != -EBADMSG)
		return r;
	document_clear(then);
	buf_addf(out, "status/%s cannot be compared: it is not understood\n", DIFF_NAMES[doc]);
	return 0;
}

static void say_all(const struct diff *d, const struct document *then, const struct document *now,
		    struct buf *out)
{
	say_indexer(&then[DIFF_summary], &now[DIFF_summary], out);
	each_pair(&then[DIFF_roots], &now[DIFF_roots], say_root_pair, out);
	for (size_t i = 0; i < COUNT_OF(subjects); i++)
		say_list(d, &subjects[i], &then[subjects[i].doc], &now[subjects[i].doc], out);
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		say_count(&counts[i], then, now, out);
}

int diff_words(const struct diff *d, struct buf *out)
{
	struct document then[DIFF_COUNT] = {0}, now[DIFF_COUNT] = {0};
	size_t start = out->len;
	int r = 0;
	for (int i = 0; i < DIFF_COUNT && r == 0; i++)
		r = read_both(d, i, &then[i], &now[i], out);
	if (r == 0)
		say_all(d, then, now, out);
	if (r == 0 && out->len == start)
		buf_adds(out, "nothing changed\n");
	for (int i = 0; i < DIFF_COUNT; i++) {
		document_clear(&then[i]);
		document_clear(&now[i]);
	}
	return r < 0 ? r : buf_error(out);
}
