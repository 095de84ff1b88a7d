/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Owned is what common/volumes.h says of each file.  Expected are all volumes from the lowest (1
 * unless configured, whatever the lowest owned is; 0 when a volume 0 is owned) to the highest known.
 * A gap below the highest owned is "interior": what is owned proves that it exists.  Above that
 * one voice counts, the first that speaks:
 *
 *   the user              gaps up to his total are "tail"
 *   an authority          gaps up to what is out in the library's language are "announced".  What
 *                         is out elsewhere, or planned, cannot be had: it is not missing
 *   ComicInfo's Count     gaps up to the greatest are "tail".  It often is that of the original
 *                         edition, so that an authority overrules it even downwards
 *
 * A complete edition holds all of them.  A series without any regular volume (chapters, a one-shot,
 * specials) has no gaps, whatever anybody says.
 */
#include "indexer/monitor/monitor_missing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

/** Of several files of one volume the best counts: one that is being copied is soon whole. */
enum owned {
	NOT_OWNED = 0,
	IS_CORRUPT = 1,
	IS_INCOMPLETE = 2,
	IS_OWNED = 3,
	/** Not owned, and the user does not want it. */
	IS_IGNORED = 4,
};

/** Of a volume that is missing, by enum owned. */
static const char *const STATES[] = {"wanted", "corrupt", "incomplete"};

/** The files of a series, added up. */
struct shelf {
	unsigned char owned[VOLUMES_MAX + 1];
	/** Greatest number that a file bears, -1 for none. */
	int highest;
	/** Greatest Count of a file that is a volume. */
	int64_t count;
	/** The best complete edition. */
	enum owned complete;
};

static struct volume_facts facts_of(const struct store_number *n, bool in_mixed)
{
	return (struct volume_facts){
		.volume = n->volume, .volume_end = n->volume_end, .chapter = n->chapter,
		.count = n->count, .kind = n->kind, .rule = n->rule, .is_corrupt = n->is_corrupt,
		.is_incomplete = n->is_incomplete, .is_mixed = in_mixed,
	};
}

static bool is_mixed(const struct store_number *numbers, size_t n)
{
	struct volumes_mix mix = {0};
	for (size_t i = 0; i < n; i++) {
		const struct volume_facts f = facts_of(&numbers[i], false);
		volumes_add(&mix, &f);
	}
	return volumes_is_mixed(&mix);
}

static void put_on(struct shelf *s, const struct volume_facts *f)
{
	enum owned state = f->is_corrupt ? IS_CORRUPT : f->is_incomplete ? IS_INCOMPLETE : IS_OWNED;
	bool is_complete = volumes_is_complete(f);
	int first = 0, last = -1;
	if (is_complete && s->complete < state)
		s->complete = state;
	if (!is_complete && !volumes_of(f, &first, &last))
		return;
	for (int v = first; v <= last; v++)
		if (s->owned[v] < state)
			s->owned[v] = (unsigned char)state;
	if (last > s->highest)
		s->highest = last;
	if (f->count > s->count && f->count <= VOLUMES_MAX)
		s->count = f->count;
}

static void fill_shelf(struct shelf *s, const struct store_number *numbers, size_t n)
{
	bool in_mixed = is_mixed(numbers, n);
	*s = (struct shelf){.highest = -1};
	for (size_t i = 0; i < n; i++) {
		const struct volume_facts f = facts_of(&numbers[i], in_mixed);
		put_on(s, &f);
	}
}

static bool is_total(int64_t total, int64_t least)
{
	return total >= least && total <= VOLUMES_MAX;
}

/** Sets the total and who says so; returns the kind of the gaps above the highest owned. */
static const char *weigh(const struct store_expected *expected, int64_t count, struct store_gaps *out)
{
	const char *kind = "tail";
	if (is_total(expected->user_total, 1)) {
		out->total = expected->user_total;
		out->total_source = "user";
	} else if (expected->authority && is_total(expected->released, 0)) {
		out->total = expected->released;
		out->total_source = expected->authority;
		kind = "announced";
	} else if (count) {
		out->total = count;
		out->total_source = "comicinfo";
	}
	return kind;
}

/** A complete edition is as if each volume up to @top were there. */
static void spread_complete(struct shelf *s, int top)
{
	for (int v = 1; v <= top && s->complete; v++)
		if (s->owned[v] < s->complete)
			s->owned[v] = (unsigned char)s->complete;
}

static void mark_ignored(struct shelf *s, const struct store_expected *expected)
{
	for (size_t i = 0; i < expected->ignored_count; i++) {
		int64_t v = expected->ignored[i];
		if (v >= 0 && v <= VOLUMES_MAX && s->owned[v] != IS_OWNED)
			s->owned[v] = IS_IGNORED;
	}
}

static char *list_owned(const struct shelf *s, int top)
{
	struct buf out = BUF_INIT(1 << 16);
	buf_addc(&out, '[');
	for (int v = 0; v <= top; v++) {
		if (s->owned[v] != IS_OWNED)
			continue;
		if (out.len > 1)
			buf_add(&out, ", ", 2);
		buf_add_u64(&out, (uint64_t)v);
	}
	buf_addc(&out, ']');
	return buf_take(&out);
}

int monitor_missing(const struct store_number *numbers, size_t n,
		    const struct store_expected *expected, struct store_gaps *out)
{
	struct shelf s;
	fill_shelf(&s, numbers, n);
	*out = (struct store_gaps){.total_source = ""};
	const char *above = weigh(expected, s.count, out);
	if (s.highest < 0 && !s.complete)
		return 0;
	int top = out->total > s.highest ? (int)out->total : s.highest;
	int64_t first = s.owned[0] || expected->first < 0 ? 0 : expected->first;
	spread_complete(&s, top);
	mark_ignored(&s, expected);
	out->gap = calloc((size_t)top + 1, sizeof *out->gap);
	out->owned = list_owned(&s, top);
	if (!out->gap || !out->owned)
		return -ENOMEM;
	for (int64_t v = first; v <= top; v++) {
		if (s.owned[v] >= COUNT_OF(STATES))
			continue;
		out->gap[out->count++] = (struct store_gap){
			.volume = v,
			.kind = v <= s.highest ? "interior" : above,
			.state = STATES[s.owned[v]],
		};
	}
	return 0;
}
