/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/links.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/cleanup.h"

enum {
	/** Trees whose counts are kept. */
	ROOTS_KEPT = 16,
};

/* --- roots --- */

static int take_root(void *arg, const struct store_root *row)
{
	struct link_roots *roots = arg;
	if (strcmp(row->kind, "links") != 0)
		return 0;
	struct link_root *r = vec_add(&roots->list);
	if (!r)
		return -ENOMEM;
	*r = (struct link_root){.id = row->id, .name = strdup(row->name),
				.path = strndup(row->path.data ? row->path.data : "", row->path.len)};
	return r->name && r->path ? 0 : -ENOMEM;
}

int link_roots_load(struct store *s, struct link_roots *roots)
{
	*roots = (struct link_roots){0};
	return store_roots(s, take_root, roots);
}

void link_roots_clear(struct link_roots *roots)
{
	for (size_t i = 0; i < roots->list.len; i++) {
		free(roots->list.data[i].name);
		free(roots->list.data[i].path);
	}
	vec_clear(&roots->list);
}

const struct link_root *link_roots_find(const struct link_roots *roots, int64_t id)
{
	for (size_t i = 0; i < roots->list.len; i++)
		if (roots->list.data[i].id == id)
			return &roots->list.data[i];
	return NULL;
}

bool links_are_on(const struct view *v, struct buf *out)
{
	bool is_on = config_count(v->config, OPT_links) > 0;
	if (!is_on && out)
		buf_adds(out, "# links are not looked at: no folder of links is named in the configuration "
			      "(links = {\"/path\"})\n");
	return is_on;
}

/* --- counts --- */

/** A million links are counted in 20 ms (and below one root in 200): once for each state of them. */
static struct {
	pthread_mutex_t lock;
	/* protected by lock: */
	bool is_known;
	unsigned epoch;
	uint64_t version;
	struct store_symlink_counts counts;
	struct {
		int64_t root, links;
	} root[ROOTS_KEPT];
	size_t roots;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

/** Under the lock: whether what is kept is of the state that the view shows. */
static bool is_of(const struct view *v)
{
	return kept.is_known && kept.epoch == v->epoch && kept.version == v->version[TOPIC_symlinks];
}

int links_count(struct view *v, struct store_symlink_counts *counts)
{
	*counts = (struct store_symlink_counts){0};
	if (!v->store)
		return 0;
	{
		LOCKED(&kept.lock);
		if (is_of(v)) {
			*counts = kept.counts;
			return 0;
		}
	}
	int r = store_symlink_states(v->store, counts);
	if (r < 0)
		return r;
	LOCKED(&kept.lock);
	kept.is_known = true;
	kept.epoch = v->epoch;
	kept.version = v->version[TOPIC_symlinks];
	kept.counts = *counts;
	kept.roots = 0;
	return 0;
}

static bool find_kept(const struct view *v, int64_t root, int64_t *links)
{
	LOCKED(&kept.lock);
	for (size_t i = 0; is_of(v) && i < kept.roots; i++)
		if (kept.root[i].root == root) {
			*links = kept.root[i].links;
			return true;
		}
	return false;
}

int64_t links_count_root(struct view *v, int64_t root)
{
	struct store_symlink_counts all;
	int64_t links = 0;
	if (links_count(v, &all) < 0 || !v->store)
		return 0;
	/* the only tree has all of them */
	if (config_count(v->config, OPT_links) == 1 || !all.total)
		return all.total;
	if (find_kept(v, root, &links))
		return links;
	store_symlink_total(v->store, root, &links);
	LOCKED(&kept.lock);
	if (is_of(v) && kept.roots < ROOTS_KEPT) {
		kept.root[kept.roots].root = root;
		kept.root[kept.roots++].links = links;
	}
	return links;
}

void links_json(struct json *j, const struct store_symlink_counts *counts)
{
	json_key(j, "links");
	json_object(j);
	json_kv_int(j, "total", counts->total);
	for (int s = 0; s < LINK_STATE_COUNT; s++)
		json_kv_int(j, LINK_STATE_WORDS[s], counts->state[s]);
	json_end_object(j);
}

/* --- one link --- */

void link_path(const struct link_roots *roots, const struct store_symlink *row, struct buf *out)
{
	const struct link_root *root = link_roots_find(roots, row->root);
	buf_adds(out, root ? root->path : "");
	if (row->dir_path.len) {
		buf_addc(out, '/');
		buf_add(out, row->dir_path.data, row->dir_path.len);
	}
	buf_addc(out, '/');
	buf_add(out, row->name.data, row->name.len);
}

const char *link_error(const struct store_symlink *row)
{
	const char *name = row->error ? strerrorname_np(abs(row->error)) : "";
	return name ? name : "unknown";
}

void link_json(struct json *j, const struct link_roots *roots, const struct store_symlink *row)
{
	const struct link_root *root = link_roots_find(roots, row->root);
	_buf_ struct buf path = BUF_INIT(1 << 17);
	link_path(roots, row, &path);
	json_kv_text(j, "root", root ? root->name : "");
	json_kv_path(j, "path", buf_str(&path), path.len);
	json_kv_path(j, "target", row->target.data, row->target.len);
	json_kv_path(j, "torrent", row->torrent.data, row->torrent.len);
	json_kv_text(j, "state", LINK_STATE_WORDS[row->state]);
	json_kv_text(j, "error", link_error(row));
	json_kv_int(j, "sightings", row->sightings);
	json_kv_time(j, "since", row->since);
	json_kv_time(j, "last_ok_at", row->ok_at);
	json_key(j, "size");
	if (row->size >= 0)
		json_int(j, row->size);
	else
		json_null(j);
	json_kv_text(j, "reason", row->reason);
}
