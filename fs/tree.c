/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A node's number: entry (8 bits) | row (28 bits) | version (28 bits).  Versions grow with every
 * commit; one that comes again after 2^28 of them meets no old node.
 *
 * The version of a symbolic link is a hash of its target: the kernel keeps the target of a node.
 *
 * A cursor of a listing: place in the table (8 bits) | the row's cursor (56 bits).
 */
#include "fs/tree.h"

#include <errno.h>
#include <limits.h>

#include "common/cleanup.h"
#include "common/orders.h"
#include "common/text.h"

enum {
	ENTRIES_MAX = 250,
	SLOTS = 1024,
	ROW_BITS = 28,
	VERSION_BITS = 28,
	CURSOR_BITS = 56,
};

#define MASK(bits) ((UINT64_C(1) << (bits)) - 1)

static const struct entry *entries[ENTRIES_MAX];
static size_t entry_count;
/** Numbers of entries by their address; 0 is free. */
static uint16_t slot[SLOTS];

static size_t slot_of(const struct entry *e)
{
	size_t at = (size_t)((uintptr_t)e / sizeof *e * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SLOTS;
	while (slot[at] && entries[slot[at] - 1] != e)
		at = (at + 1) % SLOTS;
	return at;
}

static void number(const struct entry *e)
{
	size_t at = slot_of(e);
	if (slot[at] || entry_count == ENTRIES_MAX)
		return;
	entries[entry_count++] = e;
	slot[at] = (uint16_t)entry_count;
	for (const struct entry *c = e->dir; c && c->mode; c++)
		number(c);
}

void tree_init(void)
{
	if (!entry_count)
		number(&ROOT_ENTRY);
}

const struct entry *const *tree_entries(size_t *n)
{
	*n = entry_count;
	return entries;
}

static uint64_t number_of(const struct entry *e)
{
	return slot[slot_of(e)] - 1u;
}

uint64_t tree_id(const struct node *n)
{
	uint64_t e = number_of(n->entry);
	if (e == 0)
		return 1;
	return e << (ROW_BITS + VERSION_BITS) | (n->row & MASK(ROW_BITS)) << VERSION_BITS |
	       (n->version & MASK(VERSION_BITS));
}

int tree_decode(uint64_t id, struct node *n)
{
	uint64_t e = id >> (ROW_BITS + VERSION_BITS);
	if (e >= entry_count)
		return -ESTALE;
	*n = (struct node){
		.entry = entries[e],
		.row = e ? id >> VERSION_BITS & MASK(ROW_BITS) : 0,
		.version = e ? id & MASK(VERSION_BITS) : 0,
	};
	return 0;
}

bool tree_is_older(const struct node *n, uint64_t version)
{
	uint64_t ahead = (version - n->version) & MASK(VERSION_BITS);
	return ahead && ahead < MASK(VERSION_BITS) / 2;
}

uint64_t tree_inode(const struct node *n)
{
	return number_of(n->entry) << 48 | n->row | (n->entry->grows ? (n->version & 0xff) << 40 : 0) |
	       (number_of(n->entry) ? 0 : 1);
}

int tree_stamp(struct view *v, const struct node *n, uint64_t *version, int64_t *at)
{
	const struct entry *e = n->entry;
	*version = 0;
	*at = 0;
	if (e->stamp)
		return e->stamp(v, n->row, version, at);
	*version = view_version(v, e->topics, e->moods);
	*at = view_at(v, e->topics, e->moods);
	return 0;
}

int tree_target(struct view *v, struct node *link, struct buf *out)
{
	int r = tree_render(v, link, out);
	if (r == 0)
		link->version = text_hash(buf_str(out), out->len) >> (64 - VERSION_BITS);
	return r;
}

/** Fills in the version of a node that was found. */
static int stamp(struct view *v, struct node *n, int64_t *at)
{
	uint64_t version;
	int r = tree_stamp(v, n, &version, at);
	n->version = S_ISREG(n->entry->mode) ? version : 0;
	return r;
}

int tree_find(struct view *v, const struct node *parent, const char *name, struct node *child,
	      int64_t *at)
{
	if (!S_ISDIR(parent->entry->mode))
		return -ENOTDIR;
	for (const struct entry *e = parent->entry->dir; e->mode; e++) {
		*child = (struct node){.entry = e, .row = e->of_parent ? parent->row : 0};
		if (e->name && strcmp(e->name, name) == 0)
			return stamp(v, child, at);
		if (e->name)
			continue;
		int r = e->find(v, parent, name, &child->row);
		if (r == 0)
			return stamp(v, child, at);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

int tree_resolve(struct view *v, const char *path, struct node *n, int64_t *at)
{
	char name[256];
	*n = (struct node){.entry = &ROOT_ENTRY};
	*at = 0;
	while (*path) {
		size_t len = strcspn(path, "/");
		if (len >= sizeof name)
			return -ENAMETOOLONG;
		if (len) {
			struct node child;
			memcpy(name, path, len);
			name[len] = '\0';
			int r = tree_find(v, n, name, &child, at);
			if (r < 0)
				return r;
			*n = child;
		}
		path += len;
		path += *path == '/';
	}
	return 0;
}

/* --- listing --- */

struct listing {
	struct emit emit;
	struct view *v;
	const struct entry *entry;
	uint64_t place;
	tree_item_fn *fn;
	void *arg;
	/** The item found last; it waits for the next one, so that the last of all is known as such. */
	struct tree_item item;
	bool has_item;
	char name[NAME_MAX + 1];
};

/** The item that waits; @cursor: where the listing goes on behind it. */
static int give_item(struct listing *l, uint64_t cursor)
{
	if (!l->has_item)
		return 0;
	l->has_item = false;
	l->item.cursor = cursor;
	return l->fn(l->arg, &l->item);
}

static int take_item(struct listing *l, const struct tree_item *item)
{
	int r = give_item(l, l->item.cursor);
	if (r)
		return r;
	l->item = *item;
	l->item.name = l->name;
	snprintf(l->name, sizeof l->name, "%s", item->name);
	l->has_item = true;
	return 0;
}

static int add_row(struct emit *emit, const char *name, uint64_t row, int64_t at, uint64_t cursor)
{
	struct listing *l = (struct listing *)(void *)emit;
	struct tree_item item = {
		.name = name,
		.node = {.entry = l->entry, .row = row},
		.at = at,
		.cursor = l->place << CURSOR_BITS | (cursor & MASK(CURSOR_BITS)),
	};
	return take_item(l, &item);
}

static int add_named(struct listing *l, const struct node *parent)
{
	struct tree_item item = {
		.name = l->entry->name,
		.node = {.entry = l->entry, .row = l->entry->of_parent ? parent->row : 0},
		.cursor = l->place << CURSOR_BITS | 1,
	};
	int r = stamp(l->v, &item.node, &item.at);
	return r < 0 ? 0 : take_item(l, &item);
}

int tree_list(struct view *v, const struct node *parent, uint64_t cursor, tree_item_fn *fn,
	      void *arg)
{
	uint64_t place = cursor >> CURSOR_BITS, after = cursor & MASK(CURSOR_BITS);
	struct listing l = {.emit = {add_row}, .v = v, .fn = fn, .arg = arg, .place = 1};
	if (cursor == TREE_END)
		return 0;
	for (const struct entry *e = parent->entry->dir; e->mode; e++, l.place++) {
		int r = 0;
		if (l.place < place || (e->name && l.place == place))
			continue;
		l.entry = e;
		if (e->name)
			r = add_named(&l, parent);
		else
			r = e->list(v, parent, l.place == place ? after : 0, &l.emit);
		if (r)
			return r;
	}
	return give_item(&l, TREE_END);
}

/* --- content --- */

static void show_order(const struct entry *e, struct view *v, struct buf *out)
{
	const struct order_row *row = &ORDERS_TABLE[order_find(e->order, strlen(e->order))];
	const struct live_values *live = &v->mood.live;
	buf_addf(out, "control/%s: %s\n\n", e->name, row->help);
	const char *quote = strpbrk(row->example, "\"\\$`") ? "'" : "";
	buf_addf(out, "takes    %s\nexample  echo %s%s%s > control/%s\n", row->grammar, quote, row->example, quote, e->name);
	buf_addf(out, "now      the indexer is %s", indexer_state_name(v->mood.state));
	if (v->mood.state == INDEXER_RUNNING && live->job)
		buf_addf(out, ", job %llu is %s", (unsigned long long)live->job,
			 live->job_paused ? "paused" : "running");
	buf_addc(out, '\n');
}

int tree_render(struct view *v, const struct node *n, struct buf *out)
{
	if (n->entry->order && !n->entry->show) {
		show_order(n->entry, v, out);
		return buf_error(out);
	}
	int r = n->entry->show ? n->entry->show(v, n, out) : n->entry->link(v, n, out);
	return r < 0 ? r : buf_error(out);
}
