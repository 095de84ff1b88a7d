/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inode.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"

enum {
	/** Content held in memory altogether; what comes beyond lies in files without a name. */
	MEMORY_BUDGET = 16 << 20,
	FIRST_SLOTS = 1024,
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

struct inode {
	struct inode *next_in_slot;
	uint64_t id, lookups;
	struct name *names;
	/** Content, in memory or in fd. */
	char *data;
	int fd;
	uint64_t size;
	int64_t at;
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

static int to_file(const struct buf *b)
{
	_close_ int fd = memfd_create("content", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	for (size_t at = 0; at < b->len;) {
		ssize_t n = pwrite(fd, b->data + at, b->len - at, (off_t)at);
		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return take_fd(fd);
}

static void set_content(struct inode *n, struct buf *content, int64_t at)
{
	n->size = content->len;
	n->at = at;
	if (all.memory + content->len > MEMORY_BUDGET)
		n->fd = to_file(content);
	if (n->fd >= 0)
		return;
	all.memory += content->len;
	/* what growing left over is given back */
	n->data = buf_take(content);
	char *tight = n->data ? realloc(n->data, n->size + 1) : NULL;
	n->data = tight ? tight : n->data;
}

static void drop_content(struct inode *n)
{
	if (n->data)
		all.memory -= n->size;
	free(n->data);
	if (n->fd >= 0)
		close(n->fd);
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
	n->fd = -1;
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
	if (n)
		unlink_name(n);
	size_t len = strlen(name);
	n = grow_names() == 0 ? malloc(sizeof *n + len + 1) : NULL;
	if (!n)
		return -ENOMEM;
	struct name **slot = &all.name_slot[hash & (all.name_slots - 1)];
	*n = (struct name){node->names, *slot, node, parent, hash};
	memcpy(n->text, name, len + 1);
	*slot = n;
	node->names = n;
	all.names++;
	return 0;
}

int inode_know(uint64_t id, uint64_t parent, const char *name, struct buf *content, int64_t at,
	       bool must_exist)
{
	int r = 0;
	{
		LOCKED(&all.lock);
		struct inode *n = find_node(id);
		if (!n && !must_exist)
			n = add_node(id);
		if (!n)
			r = must_exist ? -ENOENT : -ENOMEM;
		if (r == 0)
			r = add_name(n, parent, name);
		if (r == 0)
			n->lookups++;
		if (r == 0 && content && !n->data && n->fd < 0)
			set_content(n, content, at);
	}
	if (content)
		buf_clear(content);
	return r;
}

static void remove_node(struct inode *n)
{
	struct inode **at = &all.node_slot[mix(n->id) & (all.node_slots - 1)];
	while (*at != n)
		at = &(*at)->next_in_slot;
	*at = n->next_in_slot;
	while (n->names)
		unlink_name(n->names);
	drop_content(n);
	all.nodes--;
	free(n);
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
	*size = n->size;
	*at = n->at;
	return true;
}

ssize_t inode_read(uint64_t id, void *out, size_t n, off_t offset)
{
	LOCKED(&all.lock);
	const struct inode *node = find_node(id);
	if (!node)
		return -ESTALE;
	if (offset < 0 || (uint64_t)offset >= node->size)
		return 0;
	if (n > node->size - (uint64_t)offset)
		n = (size_t)(node->size - (uint64_t)offset);
	if (node->fd >= 0) {
		ssize_t k = pread(node->fd, out, n, offset);
		return k < 0 ? -errno : k;
	}
	memcpy(out, node->data + offset, n);
	return (ssize_t)n;
}

bool inode_append(uint64_t id, uint64_t from, const char *data, size_t n, int64_t at)
{
	LOCKED(&all.lock);
	struct inode *node = find_node(id);
	if (!node || node->size != from)
		return false;
	if (node->fd >= 0) {
		if (pwrite(node->fd, data, n, (off_t)from) != (ssize_t)n)
			return false;
	} else {
		char *grown = realloc(node->data, from + n + 1);
		if (!grown)
			return false;
		memcpy(grown + from, data, n);
		node->data = grown;
		all.memory += n;
	}
	node->size = from + n;
	node->at = at;
	return true;
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
