/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * All instances together.  Used by one thread.
 *
 * A search waits for the end of the rescan before it: until then the manager believes that the file is
 * there, and finds nothing better.
 */
#include "indexer/repair/arr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/net/secret.h"
#include "indexer/repair/manager_web.h"

/** For a rescan: a series of 1,000 links takes some seconds. */
#define RESCAN_PATIENCE (60 * NS_PER_S)
#define FIRST_PAUSE (250 * NS_PER_MS)
#define LONGEST_PAUSE (8 * NS_PER_S)

enum {
	NAME_MAX_ = 32,
	PATH_MOST = 4096,
};

struct instance {
	const struct manager_kind *kind;
	char name[NAME_MAX_ + 1];
	void *state;
};

/** "/path/there=/path/here", without slashes at the ends. */
struct mapping {
	/** Both owned by one allocation. */
	char *there, *here;
};

struct managers {
	struct net *net;
	VEC(struct instance) instances;
	VEC(struct mapping) map;
};

void managers_free(struct managers *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->instances.len; i++)
		m->instances.data[i].kind->close(m->instances.data[i].state);
	for (size_t i = 0; i < m->map.len; i++)
		free(m->map.data[i].there);
	vec_clear(&m->instances);
	vec_clear(&m->map);
	free(m);
}

size_t managers_count(const struct managers *m)
{
	return m->instances.len;
}

/* --- opening --- */

/** Absolute, and without parts that lead elsewhere than they read. */
static bool is_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *s = path; *s;) {
		size_t n = strcspn(++s, "/");
		if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s += n;
	}
	return true;
}

static void cut_slashes(char *path)
{
	for (size_t n = strlen(path); n && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
}

static int add_mapping(struct managers *m, const char *line, char *why)
{
	const char *middle = strstr(line, "=/");
	if (!middle || !is_path(middle + 1) || !middle[2] || line[0] != '/') {
		snprintf(why, WHY, "arr: \"%.100s\" in path_map is not /path/there=/path/here", line);
		return -EINVAL;
	}
	char *text = strdup(line);
	struct mapping *map = text ? vec_add(&m->map) : NULL;
	if (!map) {
		free(text);
		return -ENOMEM;
	}
	text[middle - line] = '\0';
	*map = (struct mapping){text, text + (middle - line) + 1};
	cut_slashes(map->there);
	cut_slashes(map->here);
	return 0;
}

static int complain(const struct manager_kind *kind, const char *name, const char *what, char *why)
{
	char reason[WHY];
	snprintf(reason, sizeof reason, "%s", what);
	snprintf(why, WHY, "%s: instance %.32s: %.200s", kind->name, *name ? name : "(unnamed)", reason);
	return -EINVAL;
}

static bool is_name(const char *name, size_t n)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	return n > 0 && n <= NAME_MAX_ && strspn(name, word) >= n;
}

static const struct instance *by_name(const struct managers *m, const char *name)
{
	for (size_t i = 0; i < m->instances.len; i++)
		if (strcasecmp(m->instances.data[i].name, name) == 0)
			return &m->instances.data[i];
	return NULL;
}

/** Opens it; @file is the rest of its line. */
static int open_instance(const struct outside *o, struct instance *i, const char *address, const char *file, char *why)
{
	char host[LIMIT_NAME], reason[WHY] = "";
	struct buf key = BUF_INIT(4096);
	if (!*file)
		return complain(i->kind, i->name, "after its address comes the file that holds its key", why);
	snprintf(host, sizeof host, "%s:%s", i->kind->name, i->name);
	int r = secret_read(file, &key, reason);
	if (r == 0)
		r = i->kind->open(o, host, address, buf_str(&key), &i->state, reason);
	secret_clear(&key);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? complain(i->kind, i->name, reason, why) : 0;
}

/** @line: "NAME ADDRESS KEY-FILE"; a file's name may hold blanks. */
static int add_instance(struct managers *m, const struct outside *o, const struct manager_kind *kind, const char *line,
			char *why)
{
	struct instance i = {.kind = kind};
	size_t n = strcspn(line, " \t");
	if (!is_name(line, n))
		return complain(kind, "", "its name is letters, digits, dots and dashes, at most 32", why);
	snprintf(i.name, sizeof i.name, "%.*s", (int)n, line);
	if (by_name(m, i.name))
		return complain(kind, i.name, "another instance has that name", why);
	line += n + strspn(line + n, " \t");
	n = strcspn(line, " \t");
	_free_ char *address = strndup(line, n);
	if (!address)
		return -ENOMEM;
	int r = open_instance(o, &i, address, line + n + strspn(line + n, " \t"), why);
	if (r < 0)
		return r;
	struct instance *kept = vec_add(&m->instances);
	if (!kept) {
		kind->close(i.state);
		return -ENOMEM;
	}
	*kept = i;
	return 0;
}

#define X(name) &manager_##name,
static const struct manager_kind *const KINDS[] = {MANAGERS(X)};
#undef X

/** Goes through everything; the first complaint stays in @why. */
static int configure(struct managers *m, const struct outside *o, char *why)
{
	char reason[WHY] = "";
	int first = 0;
	for (size_t i = 0; first != -ENOMEM && i < config_count(o->config, OPT_arr_map); i++) {
		int r = add_mapping(m, config_item(o->config, OPT_arr_map, i), first ? reason : why);
		first = first && r != -ENOMEM ? first : r;
	}
	for (size_t k = 0; k < COUNT_OF(KINDS); k++)
		for (size_t i = 0; first != -ENOMEM && i < config_count(o->config, KINDS[k]->instances); i++) {
			const char *line = config_item(o->config, KINDS[k]->instances, i);
			int r = add_instance(m, o, KINDS[k], line, first ? reason : why);
			first = first && r != -ENOMEM ? first : r;
		}
	return first;
}

int managers_new(const struct outside *o, struct managers **out, char *why)
{
	*out = NULL;
	struct managers *m = calloc(1, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->net = o->net;
	int r = configure(m, o, why);
	if (r == -ENOMEM) {
		managers_free(m);
		return r;
	}
	*out = m;
	return r;
}

/* --- telling --- */

/** A path of ours as they call it: the longest of ours that it is below of is replaced. */
static int map_path(const struct managers *m, const char *path, struct buf *out)
{
	const struct mapping *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < m->map.len; i++) {
		size_t n = manager_below(m->map.data[i].here, path);
		if (n > longest) {
			longest = n;
			best = &m->map.data[i];
		}
	}
	if (best)
		buf_adds(out, best->there);
	buf_adds(out, path + longest);
	return buf_error(out);
}

struct telling {
	struct managers *m;
	const struct instance *i;
	bool search;
	bool (*allowed)(void *arg, const char *instance);
	void (*done)(void *arg, const struct manager_step *step, int r, const char *why);
	void *arg;
	struct manager_step step;
	char why[WHY];
	/** Orders that were accepted. */
	int accepted;
};

/** Tells the caller how it came out. */
static int say(struct telling *t, int r)
{
	t->done(t->arg, &t->step, r, r < 0 ? t->why : "");
	return r;
}

static int order(struct telling *t, enum manager_act act)
{
	t->step.act = act;
	t->step.command = (struct manager_command){0};
	/* a kind may use the number otherwise, but none has items without one */
	if (!manager_is_id(t->step.item.id)) {
		snprintf(t->why, sizeof t->why, "no order is given without a valid id");
		return say(t, -EINVAL);
	}
	if (!t->allowed(t->arg, t->i->name)) {
		snprintf(t->why, sizeof t->why, "the orders that it may be given in an hour are used up");
		return say(t, -EAGAIN);
	}
	int r = t->i->kind->tell(t->i->state, act, &t->step.item, &t->step.command, t->why);
	t->accepted += r == 0;
	return say(t, r);
}

static bool has_ended(const struct manager_command *c)
{
	static const char *const on_the_way[] = {"queued", "started"};
	for (size_t i = 0; i < COUNT_OF(on_the_way); i++)
		if (strcasecmp(c->state, on_the_way[i]) == 0)
			return false;
	return true;
}

/** 0 when it was carried out. */
static int wait_for_rescan(struct telling *t)
{
	struct manager_command c = t->step.command;
	int64_t pause = FIRST_PAUSE, waited = 0;
	while (!has_ended(&c)) {
		if (waited >= RESCAN_PATIENCE) {
			snprintf(t->why, sizeof t->why, "it is not searched: the rescan has not ended within %d s",
				 (int)(RESCAN_PATIENCE / NS_PER_S));
			return -EAGAIN;
		}
		int r = http_sleep(t->m->net->http, pause);
		if (r < 0) {
			snprintf(t->why, sizeof t->why, "the program is ending");
			return r;
		}
		waited += pause;
		pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
		r = t->i->kind->follow(t->i->state, t->step.command.id, &c, t->why);
		if (r < 0)
			return r;
	}
	if (strcasecmp(c.state, "completed") == 0)
		return 0;
	snprintf(t->why, sizeof t->why, "it is not searched: the rescan has %s", c.state);
	return -EAGAIN;
}

static int rescan_and_search(struct telling *t)
{
	int r = t->i->kind->ready(t->i->state, &t->step.item, t->why);
	if (r < 0)
		return say(t, r);
	r = order(t, MANAGER_RESCAN);
	if (r < 0 || !t->search || !t->i->kind->can_search)
		return r;
	r = wait_for_rescan(t);
	if (r < 0) {
		t->step.act = MANAGER_SEARCH;
		t->step.command = (struct manager_command){0};
		return say(t, r);
	}
	return order(t, MANAGER_SEARCH);
}

/** -ENOENT: it does not know the path, which nobody needs to be told of. */
static int tell_instance(struct telling *t, const char *path)
{
	snprintf(t->step.instance, sizeof t->step.instance, "%s", t->i->name);
	t->step.act = MANAGER_RESCAN;
	int r = t->i->kind->find(t->i->state, path, &t->step.item, t->why);
	if (r == 0)
		r = rescan_and_search(t);
	else if (r != -ENOENT)
		say(t, r);
	vec_clear(&t->step.item.parts);
	return r;
}

int managers_tell(struct managers *m, const char *path, bool search, bool (*allowed)(void *arg, const char *instance),
		  void (*done)(void *arg, const struct manager_step *step, int r, const char *why), void *arg)
{
	_buf_ struct buf mapped = BUF_INIT(PATH_MOST);
	int accepted = 0, failure = 0;
	if (!is_path(path))
		return -EINVAL;
	int r = map_path(m, path, &mapped);
	if (r < 0)
		return r;
	for (size_t i = 0; i < m->instances.len; i++) {
		struct telling t = {.m = m, .i = &m->instances.data[i], .search = search, .allowed = allowed,
				    .done = done, .arg = arg};
		r = tell_instance(&t, buf_str(&mapped));
		accepted += t.accepted;
		if (r < 0 && r != -ENOENT && !failure)
			failure = r;
	}
	return accepted ? accepted : failure;
}

int managers_follow(struct managers *m, const char *instance, int64_t command, struct manager_command *c, char *why)
{
	const struct instance *i = by_name(m, instance);
	*c = (struct manager_command){0};
	if (!i) {
		snprintf(why, WHY, "there is no instance of that name");
		return -ENOENT;
	}
	if (!i->kind->follow) {
		snprintf(why, WHY, "%s does not tell how an order ends", i->kind->name);
		return -ENOTSUP;
	}
	return i->kind->follow(i->state, command, c, why);
}
