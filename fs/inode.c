/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inode.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "fs/spill.h"

enum {
	/** Content held in memory altogether; what comes beyond is spilled. */
	MEMORY_BUDGET = 16 << 20,
	FIRST_SLOTS = 1024,
	PAGE = 4096,
};

struct inode;

/** One name; in the list of its node and in the hash of all names. */
struct name {
	struct name *next_of_node, *next_in_slot;
	struct inode *node;
	uint64_t parent;
	uint32_t hash;
	char text[];
};

/** The bytes of a file, in memory or spilled. */
struct content {
	char *data;
	struct place place;
	/** Places it had before it grew, which may be being read. */
	VEC(struct place) former;
	uint64_t size;
	/** What the kernel is told of the size: less than it for the moment in which a file grows. */
	uint64_t told;
	/** Since it grew last; or the kernel may have its last page for another reason. */
	bool is_read;
};

/** Half a million links are listed at once: what few nodes have is not in here. */
struct inode {
	struct inode *next_in_slot;
	uint64_t id, lookups;
	struct name *names;
	/** NULL but for a file. */
	struct content *content;
	int64_t at;
	/** Of a link: the bytes of its target. */
	uint32_t target;
};

static struct {
	pthread_mutex_t lock;
	/* protected by lock: */
	struct inode **node_slot;
	size_t node_slots, nodes;
	struct name **name_slot;
	size_t name_slots, names;
	size_t memory;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- hashes --- */

static size_t mix(uint64_t v)
{
	v ^= v >> 32;
	v *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(v >> 20);
}

static uint32_t hash_name(uint64_t parent, const char *name)
{
	uint64_t h = parent * 31 + 7;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(1099511628211);
	return (uint32_t)mix(h);
}

static struct inode *find_node(uint64_t id)
{
	if (!all.node_slots)
		return NULL;
	struct inode *n = all.node_slot[mix(id) & (all.node_slots - 1)];
	while (n && n->id != id)
		n = n->next_in_slot;
	return n;
}

static struct name *find_name(uint32_t hash, uint64_t parent, const char *text)
{
	struct name *n = all.name_slots ? all.name_slot[hash & (all.name_slots - 1)] : NULL;
	while (n && (n->hash != hash || n->parent != parent || strcmp(n->text, text) != 0))
		n = n->next_in_slot;
	return n;
}

static int grow_nodes(void)
{
	if (all.nodes < all.node_slots)
		return 0;
	size_t slots = all.node_slots ? all.node_slots * 2 : FIRST_SLOTS;
	struct inode **grown = calloc(slots, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < all.node_slots; i++)
		for (struct inode *n = all.node_slot[i], *next; n; n = next) {
			next = n->next_in_slot;
			n->next_in_slot = grown[mix(n->id) & (slots - 1)];
			grown[mix(n->id) & (slots - 1)] = n;
		}
	free(all.node_slot);
	all.node_slot = grown;
	all.node_slots = slots;
	return 0;
}

static int grow_names(void)
{
	if (all.names < all.name_slots)
		return 0;
	size_t slots = all.name_slots ? all.name_slots * 2 : FIRST_SLOTS;
	struct name **grown = calloc(slots, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < all.name_slots; i++)
		for (struct name *n = all.name_slot[i], *next; n; n = next) {
			next = n->next_in_slot;
			n->next_in_slot = grown[n->hash & (slots - 1)];
			grown[n->hash & (slots - 1)] = n;
		}
	free(all.name_slot);
	all.name_slot = grown;
	all.name_slots = slots;
	return 0;
}

/* --- content --- */

static bool fits_memory(size_t n)
{
	LOCKED(&all.lock);
	return all.memory + n <= MEMORY_BUDGET;
}

/** Takes the bytes from where they are: *place, or memory. */
static int set_content(struct inode *n, struct buf *content, struct place *place)
{
	struct content *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	n->content = c;
	c->size = c->told = content->len;
	c->place = *place;
	place->file = NULL;
	if (c->place.file)
		return 0;
	all.memory += content->len;
	/* what growing left over is given back */
	c->data = buf_take(content);
	char *tight = c->data ? realloc(c->data, c->size + 1) : NULL;
	c->data = tight ? tight : c->data;
	return 0;
}

static void drop_content(struct content *c)
{
	if (!c)
		return;
	if (c->data)
		all.memory -= c->size;
	free(c->data);
	spill_drop(&c->place);
	for (size_t i = 0; i < c->former.len; i++)
		spill_drop(&c->former.data[i]);
	vec_clear(&c->former);
	free(c);
}

/* --- knowing and forgetting --- */

static void unlink_name(struct name *n)
{
	struct name **at = &all.name_slot[n->hash & (all.name_slots - 1)];
	while (*at != n)
		at = &(*at)->next_in_slot;
	*at = n->next_in_slot;
	for (at = &n->node->names; *at != n;)
		at = &(*at)->next_of_node;
	*at = n->next_of_node;
	all.names--;
	free(n);
}

static struct inode *add_node(uint64_t id)
{
	struct inode *n = grow_nodes() == 0 ? calloc(1, sizeof *n) : NULL;
	if (!n)
		return NULL;
	n->id = id;
	struct inode **slot = &all.node_slot[mix(id) & (all.node_slots - 1)];
	n->next_in_slot = *slot;
	*slot = n;
	all.nodes++;
	return n;
}

/** Makes (@parent, @name) lead to @node and to no other. */
static int add_name(struct inode *node, uint64_t parent, const char *name)
{
	uint32_t hash = hash_name(parent, name);
	struct name *n = find_name(hash, parent, name);
	if (n && n->node == node)
		return 0;
	size_t len = strlen(name);
	struct name *former = n;
	n = grow_names() == 0 ? malloc(sizeof *n + len + 1) : NULL;
	if (!n)
		return -ENOMEM;
	if (former)
		unlink_name(former);
	struct name **slot = &all.name_slot[hash & (all.name_slots - 1)];
	*n = (struct name){node->names, *slot, node, parent, hash};
	memcpy(n->text, name, len + 1);
	*slot = n;
	node->names = n;
	all.names++;
	return 0;
}

static void remove_node(struct inode *n)
{
	struct inode **at = &all.node_slot[mix(n->id) & (all.node_slots - 1)];
	while (*at != n)
		at = &(*at)->next_in_slot;
	*at = n->next_in_slot;
	while (n->names)
		unlink_name(n->names);
	drop_content(n->content);
	all.nodes--;
	free(n);
}

/** Under the lock. */
static int know(const struct sight *sight, struct buf *content, struct place *place)
{
	struct inode *n = find_node(sight->id);
	if (!n && !sight->must_exist)
		n = add_node(sight->id);
	if (!n)
		return sight->must_exist ? -ENOENT : -ENOMEM;
	int r = add_name(n, sight->parent, sight->name);
	/* a file's time is that of its content, which stays */
	if (r == 0 && !n->content) {
		n->at = sight->at;
		n->target = sight->target;
		r = content ? set_content(n, content, place) : 0;
	}
	if (r == 0)
		n->lookups++;
	else if (!n->lookups)
		remove_node(n);
	return r;
}

int inode_know(const struct sight *sight, struct buf *content)
{
	struct place place = {0};
	int r;
	/* the disk is used before the lock is taken; the budget may be missed by a file or two */
	if (content && !fits_memory(content->len))
		spill_put(&place, content->data, content->len);
	{
		LOCKED(&all.lock);
		r = know(sight, content, &place);
	}
	spill_drop(&place);
	if (content)
		buf_clear(content);
	return r;
}

void inode_forget(uint64_t id, uint64_t n)
{
	LOCKED(&all.lock);
	struct inode *node = find_node(id);
	if (!node)
		return;
	node->lookups -= n < node->lookups ? n : node->lookups;
	if (!node->lookups)
		remove_node(node);
}

/* --- reading --- */

bool inode_stat(uint64_t id, uint64_t *size, int64_t *at)
{
	LOCKED(&all.lock);
	const struct inode *n = find_node(id);
	if (!n)
		return false;
	*size = n->content ? n->content->told : n->target;
	*at = n->at;
	return true;
}

/** NULL for what is not known, and for what is no file. */
static struct content *content_of(uint64_t id)
{
	struct inode *node = find_node(id);
	return node ? node->content : NULL;
}

/** Reads what is in memory; for what is not tells where it is. */
static ssize_t read_memory(uint64_t id, void *out, size_t n, off_t offset, struct place *place)
{
	LOCKED(&all.lock);
	struct content *c = content_of(id);
	if (!c)
		return -ESTALE;
	c->is_read = true;
	if (offset < 0 || (uint64_t)offset >= c->size)
		return 0;
	if (n > c->size - (uint64_t)offset)
		n = (size_t)(c->size - (uint64_t)offset);
	*place = c->place;
	if (!place->file)
		memcpy(out, c->data + offset, n);
	return (ssize_t)n;
}

ssize_t inode_read(uint64_t id, void *out, size_t n, off_t offset)
{
	struct place place = {0};
	ssize_t k = read_memory(id, out, n, offset, &place);
	/* no lock: the kernel does not forget a node while it reads it */
	return place.file ? spill_read(&place, out, (size_t)k, (uint64_t)offset) : k;
}

static bool append_place(struct content *c, const char *data, size_t n)
{
	struct place former, *slot = vec_add(&c->former);
	bool is_done = slot && spill_append(&c->place, &former, c->size, data, n) == 0;
	if (is_done && former.file)
		*slot = former;
	else if (slot)
		c->former.len--;
	return is_done;
}

bool inode_append(uint64_t id, uint64_t from, const char *data, size_t n, bool *was_read)
{
	LOCKED(&all.lock);
	struct content *c = content_of(id);
	if (!c || c->size != from)
		return false;
	if (c->place.file) {
		if (!append_place(c, data, n))
			return false;
	} else {
		char *grown = realloc(c->data, from + n + 1);
		if (!grown)
			return false;
		memcpy(grown + from, data, n);
		c->data = grown;
		all.memory += n;
	}
	c->size = from + n;
	*was_read = c->is_read;
	/* telling it makes pages of its own where one begins */
	c->is_read = from % PAGE == 0 || from / PAGE != c->size / PAGE;
	return true;
}

void inode_tell(uint64_t id, int64_t at)
{
	LOCKED(&all.lock);
	struct inode *node = find_node(id);
	if (!node || !node->content)
		return;
	node->content->told = node->content->size;
	node->at = at;
}

/* --- invalidation --- */

void inodes_names(inode_test *test, inode_test *in_dir, void *arg, inode_name *fn)
{
	LOCKED(&all.lock);
	for (size_t i = 0; i < all.name_slots; i++)
		for (const struct name *n = all.name_slot[i]; n; n = n->next_in_slot)
			if ((test && test(arg, n->node->id)) || (in_dir && in_dir(arg, n->parent)))
				fn(arg, n->parent, n->text);
}

bool inode_is_known(uint64_t id)
{
	LOCKED(&all.lock);
	return find_node(id) != NULL;
}

void inodes_count(size_t *nodes, size_t *names, size_t *bytes)
{
	LOCKED(&all.lock);
	*nodes = all.nodes;
	*names = all.names;
	*bytes = all.memory;
}

void inodes_init(void)
{
	inodes_clear();
}

void inodes_clear(void)
{
	LOCKED(&all.lock);
	for (size_t i = 0; i < all.node_slots; i++)
		while (all.node_slot[i])
			remove_node(all.node_slot[i]);
	free(take(all.node_slot));
	free(take(all.name_slot));
	all.node_slots = all.name_slots = 0;
}
