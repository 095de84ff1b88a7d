/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rank of a release as one number: each criterion has bits of its own, the first the highest.
 */
#include "indexer/search/judge_private.h"

#include "common/cleanup.h"

#define DAY (INT64_C(86400) * 1000000000)

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

static int64_t volumes_in(const struct verdict *v)
{
	return v->first <= v->last ? (int64_t)v->last - v->first + 1 : 0;
}

/* Among those that bring as much, the one that brings least besides. */
static int64_t rank_coverage(const struct verdict *v)
{
	int64_t waste = clamp(volumes_in(v) - v->covers, 0, 255);
	return clamp(v->covers, 0, 4095) * 256 + 255 - waste;
}

/* Names that tell no format mostly hold cbz or cbr. */
static int64_t rank_format(enum format format)
{
	static const int ranks[] = {
		[FORMAT_CBZ] = 7, [FORMAT_CBR] = 6,  [FORMAT_UNKNOWN] = 5, [FORMAT_CB7] = 4,
		[FORMAT_PDF] = 3, [FORMAT_EPUB] = 2, [FORMAT_BOOK] = 1,    [FORMAT_FOREIGN] = 0,
	};
	return (size_t)format < COUNT_OF(ranks) ? ranks[format] : 0;
}

static int64_t log2_of(int64_t v)
{
	int64_t n = 0;
	for (; v > 1; v >>= 1)
		n++;
	return n;
}

/* No seeder is worse than not knowing; a usenet post needs none. */
static int64_t rank_availability(const struct release *r)
{
	if (r->seeders >= 0)
		return r->seeders == 0 ? 0 : clamp(2 + log2_of(r->seeders), 1, 31);
	return r->protocol == PROTOCOL_USENET ? 5 : 2;
}

/* 15 for the usual size of so many volumes, one less for each factor of two. */
static int64_t rank_size(const struct look *l)
{
	int64_t n = volumes_in(l->out), usual = l->series->usual_bytes, size = l->release->size;
	if (n == 0 || usual <= 0 || size <= 0)
		return 12;
	int64_t each = size / n;
	int64_t ratio = each >= usual ? each / usual : usual / (each ? each : 1);
	return clamp(15 - log2_of(ratio), 0, 15);
}

static int64_t rank_age(const struct look *l)
{
	int64_t at = l->release->published_at;
	if (at <= 0)
		return 0;
	return clamp(65535 - (l->now > at ? (l->now - at) / DAY : 0), 1, 65535);
}

int64_t judge_score(const struct look *l)
{
	static const int64_t kinds[] = {
		[VERDICT_CONFIRMED] = 2, [VERDICT_UNCONFIRMED] = 1, [VERDICT_REJECTED] = 0};
	int64_t score = kinds[l->out->kind];
	score = score << 20 | rank_coverage(l->out);
	score = score << 3 | rank_format(l->format);
	score = score << 5 | rank_availability(l->release);
	score = score << 4 | rank_size(l);
	return score << 16 | rank_age(l);
}
