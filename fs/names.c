/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/names.h"

#include <errno.h>
#include <stdlib.h>

#include "common/text.h"
#include "common/vec.h"

struct name_slot {
	char *name, *key;
	uint64_t row;
	int64_t at;
};

void names_clear(struct names *n)
{
	for (size_t i = 0; i < n->len; i++) {
		free(n->slot[i].name);
		free(n->slot[i].key);
	}
	free(n->slot);
	free(n->index);
	*n = (struct names){0};
}

static size_t hash_of(const char *key)
{
	size_t h = 14695981039346656037u;
	for (; *key; key++)
		h = (h ^ (uint8_t)*key) * 1099511628211u;
	return h ^ h >> 29;
}

static size_t place_of(const struct names *n, const char *key)
{
	size_t at = hash_of(key) & (n->index_size - 1);
	while (n->index[at] && strcmp(n->slot[n->index[at] - 1].key, key) != 0)
		at = (at + 1) & (n->index_size - 1);
	return at;
}

static int grow_index(struct names *n)
{
	if (n->len * 2 < n->index_size)
		return 0;
	size_t size = n->index_size ? n->index_size * 2 : 64;
	uint32_t *index = calloc(size, sizeof *index);
	if (!index)
		return -ENOMEM;
	free(n->index);
	n->index = index;
	n->index_size = size;
	for (size_t i = 0; i < n->len; i++)
		n->index[place_of(n, n->slot[i].key)] = (uint32_t)i + 1;
	return 0;
}

static int add_slot(struct names *n, struct buf *name, struct buf *key, uint64_t row, int64_t at)
{
	if (vec_grow((void **)&n->slot, &n->cap, n->len, sizeof *n->slot) < 0)
		return -ENOMEM;
	n->index[place_of(n, buf_str(key))] = (uint32_t)n->len + 1;
	struct name_slot *s = &n->slot[n->len++];
	*s = (struct name_slot){buf_take(name), buf_take(key), row, at};
	return s->name && s->key ? 0 : -ENOMEM;
}

int names_add(struct names *n, const char *stem, const char *suffix, uint64_t row, int64_t at)
{
	enum { MOST = 10000 };
	_buf_ struct buf name = BUF_INIT(2048), key = BUF_INIT(8192);
	int r = grow_index(n);
	for (int i = 1; i < MOST && r == 0; i++) {
		buf_reset(&name);
		buf_reset(&key);
		buf_adds(&name, stem);
		if (i > 1)
			buf_addf(&name, " (%d)", i);
		if (*suffix)
			buf_addf(&name, ".%s", suffix);
		r = text_fold_case(buf_str(&name), name.len, &key);
		if (r == 0 && !n->index[place_of(n, buf_str(&key))])
			return add_slot(n, &name, &key, row, at);
	}
	return r < 0 ? r : -EEXIST;
}

int names_find(const struct names *n, const char *name, uint64_t *row)
{
	_buf_ struct buf key = BUF_INIT(8192);
	if (!n->index_size || text_fold_case(name, strlen(name), &key) < 0)
		return -ENOENT;
	uint32_t place = n->index[place_of(n, buf_str(&key))];
	if (!place || strcmp(n->slot[place - 1].name, name) != 0)
		return -ENOENT;
	*row = n->slot[place - 1].row;
	return 0;
}

int names_emit(const struct names *n, uint64_t after, struct emit *out)
{
	int r = 0;
	for (size_t i = after; i < n->len && r == 0; i++)
		r = out->add(out, n->slot[i].name, n->slot[i].row, n->slot[i].at, i + 1);
	return r;
}

int names_emit_item(void *arg, const struct store_item *item)
{
	struct emit *e = arg;
	return e->add(e, item->name, (uint64_t)item->id, item->at, (uint64_t)item->id);
}
