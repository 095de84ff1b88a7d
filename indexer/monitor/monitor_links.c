/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Only "not there" below a healthy mount is evidence, often enough and for long enough.  Whatever else
 * is seen neither adds to it nor takes it away; being there takes it away. */
#include "indexer/monitor/monitor_links.h"

#include <errno.h>
#include <string.h>

/** What is kept of a link besides times of sight. */
struct kept {
	enum link_state state;
	int error;
	int64_t sightings, first_at, size;
	const char *reason;
};

static struct kept kept_of(const struct store_symlink *l)
{
	return (struct kept){l->state, l->error, l->sightings, l->first_at, l->size, l->reason ? l->reason : ""};
}

static bool is_same(const struct kept *a, const struct kept *b)
{
	return a->state == b->state && a->error == b->error && a->sightings == b->sightings &&
	       a->first_at == b->first_at && a->size == b->size && strcmp(a->reason, b->reason) == 0;
}

static void forget_sightings(struct store_symlink *l)
{
	l->sightings = l->first_at = l->last_at = 0;
}

static void see_foreign(struct store_symlink *l)
{
	l->state = LINK_FOREIGN;
	l->error = 0;
	l->reason = "";
	forget_sightings(l);
}

static void see_there(struct store_symlink *l, const struct link_sight *s)
{
	l->state = LINK_OK;
	l->error = 0;
	l->reason = "";
	l->ok_at = s->at;
	l->size = s->size >= 0 ? s->size : l->size;
	forget_sightings(l);
}

/** Nobody can tell.  What is held stays held: a person has to decide, and has not. */
static void see_nothing(struct store_symlink *l, const struct link_sight *s)
{
	if (s->is_healthy)
		l->error = -s->error;
	if (l->state == LINK_HELD)
		return;
	l->state = LINK_UNKNOWN;
	if (strcmp(l->reason, LINK_ACCEPTED) == 0)
		return;
	l->reason = s->is_healthy ? "its target answers with an error" : "the mount is not healthy";
}

static void count_sighting(struct store_symlink *l, int64_t at, const struct link_rules *rules)
{
	int64_t gap = at - l->last_at;
	if (!l->sightings || at < l->last_at) {
		/* also when the clock was set back: what it counted before measures nothing now */
		l->sightings = 1;
		l->first_at = l->last_at = at;
	} else if (gap >= rules->apart) {
		l->sightings++;
		l->first_at += rules->credit && gap > rules->credit ? gap - rules->credit : 0;
		l->last_at = at;
	}
}

static void see_missing(struct store_symlink *l, const struct link_sight *s, const struct link_rules *rules)
{
	l->error = ENOENT;
	count_sighting(l, s->at, rules);
	if (l->state == LINK_HELD)
		return;
	bool is_broken = l->sightings >= rules->sightings && l->last_at - l->first_at >= rules->span;
	l->state = s->is_held ? LINK_HELD : is_broken ? LINK_BROKEN : LINK_SUSPECT;
	if (s->is_held)
		l->reason = "too many targets vanished at once";
	else if (strcmp(l->reason, LINK_ACCEPTED) != 0)
		l->reason = "";
}

bool monitor_link(struct store_symlink *link, const struct link_sight *sight, const struct link_rules *rules)
{
	const struct kept before = kept_of(link);
	link->reason = before.reason;
	if (!sight->is_ours)
		see_foreign(link);
	else if (!sight->is_healthy || (sight->error && sight->error != -ENOENT))
		see_nothing(link, sight);
	else if (sight->error)
		see_missing(link, sight, rules);
	else
		see_there(link, sight);
	if (link->state != before.state)
		link->since = sight->at;
	const struct kept after = kept_of(link);
	return !is_same(&before, &after);
}

bool links_brake(int64_t vanished, int64_t total, int64_t count, int64_t percent)
{
	return vanished > count && vanished * 100 > percent * total;
}
