/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Owned are the regular volumes: whole numbers, one by one or as a range (omnibus, "T01-T05").
 * Half volumes, specials, chapters and packs that do not say what they hold count for nothing.
 * Expected are all from the lowest (1 unless configured, 0 when a volume 0 is owned) to the highest known: owned,
 * or what the user says, or what ComicInfo's Count says.  A gap below the highest owned is
 * "interior", one above "tail".  A series without any regular volume (chapters only) has no gaps.
 */
#include "indexer/monitor/monitor_missing.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/** Of several files of one volume the best counts: one that is being copied is soon whole. */
enum owned {
	NOT_OWNED = 0,
	IS_CORRUPT = 1,
	IS_INCOMPLETE = 2,
	IS_OWNED = 3,
};

/** Of a volume that is missing, by enum owned. */
static const char *const STATES[] = {"wanted", "corrupt", "incomplete"};

static bool is_whole(double v)
{
	return !isnan(v) && v >= 0 && v <= VOLUMES_MAX && v == floor(v);
}

/** A file that stands for whole volumes: sets *first and *last. */
static bool is_regular(const struct store_number *n, int *first, int *last)
{
	if (strcmp(n->kind, "volume") != 0 && strcmp(n->kind, "range") != 0)
		return false;
	double end = isnan(n->volume_end) ? n->volume : n->volume_end;
	if (!is_whole(n->volume) || !is_whole(end) || end < n->volume)
		return false;
	*first = (int)n->volume;
	*last = (int)end;
	return true;
}

static int64_t count_of(const struct store_number *numbers, size_t n)
{
	int64_t most = 0;
	for (size_t i = 0; i < n; i++) {
		int first, last;
		if (numbers[i].count > most && numbers[i].count <= VOLUMES_MAX &&
		    is_regular(&numbers[i], &first, &last))
			most = numbers[i].count;
	}
	return most;
}

/** Fills @owned (VOLUMES_MAX + 1) and returns the highest number that a file bears, -1 for none. */
static int mark_owned(const struct store_number *numbers, size_t n, unsigned char *owned)
{
	int highest = -1;
	for (size_t i = 0; i < n; i++) {
		int first, last;
		if (!is_regular(&numbers[i], &first, &last))
			continue;
		unsigned char state = numbers[i].is_corrupt	 ? IS_CORRUPT
				      : numbers[i].is_incomplete ? IS_INCOMPLETE
								 : IS_OWNED;
		for (int v = first; v <= last; v++)
			if (owned[v] < state)
				owned[v] = state;
		if (last > highest)
			highest = last;
	}
	return highest;
}

static char *list_owned(const unsigned char *owned, int highest)
{
	struct buf out = BUF_INIT(1 << 16);
	buf_addc(&out, '[');
	for (int v = 0; v <= highest; v++)
		if (owned[v] == IS_OWNED)
			buf_addf(&out, "%s%d", out.len > 1 ? ", " : "", v);
	buf_addc(&out, ']');
	return buf_take(&out);
}

int monitor_missing(const struct store_number *numbers, size_t n,
		    const struct store_expected *expected, struct store_gaps *out)
{
	unsigned char owned[VOLUMES_MAX + 1] = {0};
	int highest = mark_owned(numbers, n, owned);
	int64_t count = count_of(numbers, n);
	*out = (struct store_gaps){.total_source = ""};
	if (expected->user_total > 0 && expected->user_total <= VOLUMES_MAX) {
		out->total = expected->user_total;
		out->total_source = "user";
	} else if (count) {
		out->total = count;
		out->total_source = "comicinfo";
	}
	if (highest < 0)
		return 0;
	int top = out->total > highest ? (int)out->total : highest;
	out->gap = calloc((size_t)top + 1, sizeof *out->gap);
	out->owned = list_owned(owned, highest);
	if (!out->gap || !out->owned)
		return -ENOMEM;
	for (int64_t v = owned[0] ? 0 : expected->first; v <= top; v++) {
		if (owned[v] == IS_OWNED)
			continue;
		out->gap[out->count++] = (struct store_gap){
			.volume = v,
			.kind = v <= highest ? "interior" : "tail",
			.state = STATES[owned[v]],
		};
	}
	return 0;
}
