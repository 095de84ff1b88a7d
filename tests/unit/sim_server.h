/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * An indexer that posts as they are posted and refuses what is above its limits, by a clock that never
 * steps.  Included by one file of a program, after find_world.h.
 */
#ifndef TESTS_UNIT_SIM_SERVER_H
#define TESTS_UNIT_SIM_SERVER_H

#include "tests/unit/find_world.h"

#include <math.h>
#include <stdbool.h>

#include "common/vec.h"
#include "indexer/search/judge.h"

enum {
	/** What the indexer bears. */
	MOST_MINUTE = 30,
	MOST_DAY = 100,
	PAGE = 100,
	LAST = 14,
	TITLE = 80,
};

/** Missing of each series: 3 to 7 and 9 to 13. */
static inline bool is_gap(int volume)
{
	return volume >= 3 && volume <= 13 && volume != 8;
}

struct post {
	char title[TITLE * 3];
	int64_t at;
	/** -1: of nothing that is wanted. */
	int series, first, last;
	/** It is of a missing volume, said or not. */
	bool is_wanted;
	/** The judge proves it by its name. */
	bool is_provable, is_found;
	/** When the source could first be asked after it was posted. */
	int64_t answers_at;
};

typedef VEC(struct post) posts;

/** The indexer: its own clock, which never steps, and what it counted. */
struct server {
	int64_t now, away_until;
	posts post;
	size_t shown;
	VEC(int64_t) call;
	int refused, refused_away, today, most_today, day;
};

static struct server server;
static uint64_t seed;
static int series_count, days;
/** Share of the posts that are of series of the library. */
static double related;

static inline uint64_t next_random(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline int below(int n)
{
	return (int)(next_random() % (uint64_t)n);
}

static inline double uniform(void)
{
	return ((double)(next_random() >> 11) + 0.5) / 9007199254740992.0;
}

/* --- names --- */

static inline void series_title(int number, char out[static TITLE])
{
	/* all parts, however few series there are */
	int i = number * 7 % 1200;
	static const char *const first[] = {"Dragon", "Silent", "Crimson", "L'Atelier", "Les Gardiens",
					    "Ghost", "Moon", "École", "Black", "Wonder", "Iron", "The Last"};
	static const char *const second[] = {"Hunter", "Garden", "Academy", "des Étoiles", "Note", "Blade",
					     "Requiem", "Alchemist", "Theory", "Kingdom"};
	static const char *const third[] = {"", " no Uta", " Zero", " - Origins", " & Co", " Saga", " 100",
					    " Gaiden", " Perfect Edition", " Rhapsody"};
	snprintf(out, TITLE, "%s %s%s", first[i % 12], second[i / 12 % 10], third[(i / 120 + i) % 10]);
}

/** How volumes are named where releases are posted. */
static inline void name_post(int style, const char *title, int first, int last, char *out, size_t size)
{
	char dots[TITLE];
	snprintf(dots, sizeof dots, "%s", title);
	for (char *p = dots; *p; p++)
		if (*p == ' ')
			*p = '.';
	if (first != last) {
		static const char *const packs[] = {"%s T%02d-T%02d [CBZ]", "%s - Tomes %d à %d",
						    "%s v%02d-%02d (Digital)"};
		snprintf(out, size, packs[style % 3], title, first, last);
		return;
	}
	static const char *const singles[] = {
		"%s T%02d", "%s - Tome %d [CBZ]", "%s v%02d (2021) (Digital) (Group)", "[Team] %s - T%02d",
		"%s - T%02d - FR.cbz", "%s Vol. %d", "%s #%02d", "%s, Tome %02d (epub)",
	};
	if (style % 9 == 8)
		snprintf(out, size, "%s.T%02d.FRENCH.CBZ-TEAM", dots, first);
	else
		snprintf(out, size, singles[style % 9], title, first);
}

static inline bool is_proved(const struct post *p)
{
	static const int wanted[] = {3, 4, 5, 6, 7, 9, 10, 11, 12, 13};
	char title[TITLE];
	struct verdict v;
	series_title(p->series, title);
	struct judge_series s = {.title = title, .wanted = wanted, .wanted_count = 10, .language = "",
				 .source_language = "", .usual_bytes = 60000000};
	struct release r = {.title = p->title, .guid = "", .link = "", .page = "", .indexer = "",
			    .context = "", .protocol = PROTOCOL_TORRENT, .published_at = p->at,
			    .size = INT64_C(60000000) * (p->last - p->first + 1), .seeders = 5};
	judge(&s, &r, p->at, &v);
	return v.kind == VERDICT_CONFIRMED && v.covers > 0;
}

static inline struct post make_post(int64_t at)
{
	struct post p = {.at = at, .series = -1, .first = 1, .last = 1};
	char title[TITLE];
	int kind = below(100);
	if (uniform() > related) {
		snprintf(p.title, sizeof p.title, "Unrelated Thing %d T%02d", below(100000), below(30));
		return p;
	}
	p.series = below(series_count);
	series_title(p.series, title);
	p.first = p.last = 1 + below(LAST);
	if (kind < 12)
		p.last = p.first + 1 + below(5);
	if (kind < 16) {
		/* another work that only begins alike */
		snprintf(p.title, sizeof p.title, "%s Illustrations Deluxe T%02d", title, p.first);
		p.series = -1;
		return p;
	}
	name_post(below(1 << 20), title, p.first, p.last, p.title, sizeof p.title);
	for (int v = p.first; v <= p.last; v++)
		p.is_wanted = p.is_wanted || is_gap(v);
	p.is_provable = is_proved(&p);
	return p;
}

/** A Poisson process, with some posted twice. */
static inline void make_posts(double per_day, int64_t from, int64_t end)
{
	for (int64_t at = from;;) {
		at += (int64_t)(-log(uniform()) / per_day * 86400 * 1e9);
		if (at >= end)
			return;
		struct post p = make_post(at);
		struct post *slot = vec_add(&server.post);
		assert_non_null(slot);
		*slot = p;
		if (below(20) == 0 && (slot = vec_add(&server.post))) {
			*slot = p;
			slot->at = at;
		}
	}
}

/* --- the indexer --- */

static inline void server_pass(int64_t ns)
{
	server.now += ns;
	world_pass(ns);
	while (server.shown < server.post.len && server.post.data[server.shown].at <= server.now)
		server.shown++;
}

/** What it would answer: 200, 429, or nothing. */
static inline int server_call(void)
{
	server_pass(NS_PER_S);
	int day = (int)(server.now / DAY_NS), minute = 0;
	if (server.now < server.away_until)
		return 0;
	if (day != server.day)
		server.today = 0;
	server.day = day;
	for (size_t i = server.call.len; i > 0 && server.now - server.call.data[i - 1] < MINUTE_NS; i--)
		minute++;
	if (server.today >= MOST_DAY || minute >= MOST_MINUTE) {
		server.refused++;
		return 429;
	}
	int64_t *slot = vec_add(&server.call);
	assert_non_null(slot);
	*slot = server.now;
	server.today++;
	if (server.today > server.most_today)
		server.most_today = server.today;
	return 200;
}

#endif
