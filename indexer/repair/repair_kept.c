/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Copies of rows: a question to the store is not left open while the world is asked. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "indexer/repair/repair_private.h"

static struct bytes copy_bytes(char **at, struct bytes b)
{
	struct bytes copy = {*at, b.len};
	if (b.len)
		memcpy(*at, b.data, b.len);
	(*at)[b.len] = '\0';
	*at += b.len + 1;
	return copy;
}

static const char *copy_text(char **at, const char *text)
{
	return copy_bytes(at, (struct bytes){text, strlen(text)}).data;
}

/* --- links --- */

struct root_wanted {
	int64_t id;
	char *path;
};

static int take_root(void *arg, const struct store_root *root)
{
	struct root_wanted *w = arg;
	if (root->id != w->id)
		return 0;
	w->path = strndup(root->path.data, root->path.len);
	return 1;
}

static char *path_of_root(struct repair *r, int64_t root)
{
	struct root_wanted w = {.id = root};
	store_roots(r->store, take_root, &w);
	return w.path;
}

int keep_link(void *arg, const struct store_symlink *row)
{
	kept_links *list = arg;
	size_t n = row->dir_path.len + row->name.len + row->target.len + row->target_name.len + row->torrent.len +
		   row->here.len + strlen(row->reason) + 7;
	struct kept_link *k = vec_add(list);
	if (!k)
		return -ENOMEM;
	*k = (struct kept_link){.row = *row, .bytes = malloc(n)};
	char *at = k->bytes;
	if (!at) {
		list->len--;
		return -ENOMEM;
	}
	k->row.dir_path = copy_bytes(&at, row->dir_path);
	k->row.name = copy_bytes(&at, row->name);
	k->row.target = copy_bytes(&at, row->target);
	k->row.target_name = copy_bytes(&at, row->target_name);
	k->row.torrent = copy_bytes(&at, row->torrent);
	k->row.here = copy_bytes(&at, row->here);
	k->row.reason = copy_text(&at, row->reason);
	return 0;
}

int keep_links_roots(struct repair *r, kept_links *list)
{
	for (size_t i = 0; i < list->len; i++) {
		struct kept_link *k = &list->data[i];
		const struct kept_link *last = i ? &list->data[i - 1] : NULL;
		k->root = last && last->row.root == k->row.root && last->root ? strdup(last->root)
									     : path_of_root(r, k->row.root);
		if (!k->root)
			return -ENOENT;
	}
	return 0;
}

void kept_links_clear(kept_links *list)
{
	for (size_t i = 0; i < list->len; i++) {
		free(list->data[i].bytes);
		free(list->data[i].root);
	}
	vec_clear(list);
}

int kept_link_path(const struct kept_link *k, struct buf *out)
{
	buf_reset(out);
	if (k->row.dir_path.len) {
		buf_add(out, k->row.dir_path.data, k->row.dir_path.len);
		buf_addc(out, '/');
	}
	return buf_add(out, k->row.name.data, k->row.name.len);
}

/* --- torrents --- */

int keep_torrent(void *arg, const struct store_torrent *row)
{
	kept_torrents *list = arg;
	size_t n = strlen(row->provider) + strlen(row->id) + strlen(row->hash) + strlen(row->name) +
		   strlen(row->status) + 5;
	struct kept_torrent *k = vec_add(list);
	if (!k)
		return -ENOMEM;
	*k = (struct kept_torrent){.row = *row, .texts = malloc(n)};
	char *at = k->texts;
	if (!at) {
		list->len--;
		return -ENOMEM;
	}
	k->row.provider = copy_text(&at, row->provider);
	k->row.id = copy_text(&at, row->id);
	k->row.hash = copy_text(&at, row->hash);
	k->row.name = copy_text(&at, row->name);
	k->row.status = copy_text(&at, row->status);
	return 0;
}

void kept_torrents_clear(kept_torrents *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->data[i].texts);
	vec_clear(list);
}

/* --- items, insertions --- */

int keep_item(void *arg, const struct store_plan_item *row)
{
	struct kept_item *k = arg;
	const char *const texts[] = {row->plan, row->action, row->provider, row->torrent, row->hash, row->name,
				     row->link_ids, row->why, row->evidence, row->state, row->reason};
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		n += strlen(texts[i]) + 1;
	free(k->texts);
	*k = (struct kept_item){.row = *row, .texts = malloc(n)};
	char *at = k->texts;
	if (!at)
		return -ENOMEM;
	const char **to[] = {&k->row.plan, &k->row.action, &k->row.provider, &k->row.torrent, &k->row.hash,
			     &k->row.name, &k->row.link_ids, &k->row.why, &k->row.evidence, &k->row.state,
			     &k->row.reason};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*to[i] = copy_text(&at, texts[i]);
	return 1;
}

void kept_item_clear(struct kept_item *k)
{
	free(k->texts);
	k->texts = NULL;
}

int keep_insertion(void *arg, const struct store_insertion *row)
{
	struct kept_insertion *k = arg;
	const char *const texts[] = {row->provider, row->hash, row->name, row->plan, row->old_id,
				     row->new_id, row->step, row->error, row->paths};
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		n += strlen(texts[i]) + 1;
	free(k->texts);
	*k = (struct kept_insertion){.row = *row, .texts = malloc(n)};
	char *at = k->texts;
	if (!at)
		return -ENOMEM;
	const char **to[] = {&k->row.provider, &k->row.hash, &k->row.name, &k->row.plan, &k->row.old_id,
			     &k->row.new_id, &k->row.step, &k->row.error, &k->row.paths};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*to[i] = copy_text(&at, texts[i]);
	return 1;
}

void kept_insertion_clear(struct kept_insertion *k)
{
	free(k->texts);
	k->texts = NULL;
}
