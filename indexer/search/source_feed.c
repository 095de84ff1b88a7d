/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/search/source_feed.h"

#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/render.h"
#include "indexer/net/json.h"

/** Clocks of others differ a little. */
#define FUTURE (3600 * NS_PER_S)

/** Whether what is marked, or all that is older, has been reached. */
static bool is_met(const struct posts *all, const struct feed_mark *mark)
{
	if (!mark->id)
		return false;
	for (size_t i = 0; i < all->len; i++)
		if (post_identity(&all->data[i]) == mark->id)
			return true;
	/* one old date among new ones says nothing: the last of the page does */
	int64_t last = all->data[all->len - 1].published_at;
	return last && mark->at && last < mark->at;
}

static void find_newest(const struct feed *f, const struct posts *all, struct feed_mark *newest)
{
	*newest = (struct feed_mark){.id = post_identity(&all->data[0])};
	for (size_t i = 0; i < all->len; i++) {
		int64_t at = all->data[i].published_at;
		if (at > newest->at && at < f->now + FUTURE)
			*newest = (struct feed_mark){post_identity(&all->data[i]), at};
	}
}

int feed_read(const struct feed *f, struct feed_mark *mark, size_t *read, int64_t *at, char *why)
{
	struct feed_mark newest = *mark;
	int64_t offset = 0, before = 0;
	*read = 0;
	for (int page = 0; page < (f->has_pages ? FEED_PAGES : 1); page++) {
		_posts_ struct posts all = {0};
		int r = f->page(f->arg, offset, &all, at, why);
		if (r < 0)
			return r;
		/* the end, or a feed that gives the same page for every offset */
		if (!all.len || post_identity(&all.data[0]) == before)
			break;
		size_t told;
		r = posts_tell(&all, f->key, f->fn, f->fn_arg, &told);
		if (r < 0)
			return r;
		*read += told;
		if (page == 0)
			find_newest(f, &all, &newest);
		if (is_met(&all, mark))
			break;
		before = post_identity(&all.data[0]);
		offset += (int64_t)all.len;
	}
	*mark = newest;
	return 0;
}

void feed_mark_get(const struct buf *marks, const char *name, struct feed_mark *mark)
{
	char why[160];
	struct js *all = NULL;
	*mark = (struct feed_mark){0};
	if (!marks->len || js_parse(buf_str(marks), marks->len, &all, why) < 0)
		return;
	const struct js *one = js_get(all, name);
	mark->id = js_int(one, "id", 0);
	mark->at = js_int(one, "at", 0);
	js_free(all);
}

void feed_marks_set(struct buf *marks, const struct feed_named_mark *all, size_t n)
{
	struct json j;
	buf_reset(marks);
	json_init(&j, marks, 0);
	json_object(&j);
	for (size_t i = 0; i < n; i++) {
		if (!all[i].mark.id)
			continue;
		json_key(&j, all[i].name);
		json_object(&j);
		json_kv_int(&j, "id", all[i].mark.id);
		json_kv_int(&j, "at", all[i].mark.at);
		json_end_object(&j);
	}
	json_end_object(&j);
}
