/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is in a batch, and which files come into one together. */
#include <stdlib.h>

#include "indexer/pipeline_private.h"

void batch_free(struct pipeline *p, struct batch *b)
{
	for (int i = 0; i < b->count; i++)
		send_back(p, b->root, &b->file[i].seen);
	buf_clear(&b->texts);
	free(b);
}

/** A batch is one message to a worker: bytes of paths from which on it takes no more.  A path has 4 KiB at most. */
enum { PATHS_MAX = 1 << 16 };

struct batch *batch_new(struct scan_root *root)
{
	struct batch *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->root = root;
	b->worker = -1;
	b->texts = BUF_INIT(1 << 20);
	return b;
}

void batch_enqueue(struct batch *b)
{
	struct scan *s = b->root->scan;
	b->next = NULL;
	*s->last = b;
	s->last = &b->next;
	b->left = b->count;
	s->waiting_files += (size_t)b->count;
	b->root->batches++;
}

struct bytes batch_name(const struct batch *b, int i)
{
	return (struct bytes){b->texts.data + b->file[i].name_at, b->file[i].seen.name.len};
}

struct bytes batch_dir(const struct batch *b, int i)
{
	return (struct bytes){b->texts.data + b->file[i].dir_at, b->file[i].dir_len};
}

void batch_path(const struct batch *b, int i, struct buf *out)
{
	struct bytes name = batch_name(b, i), dir = batch_dir(b, i);
	buf_add(out, dir.data, dir.len);
	if (dir.len)
		buf_addc(out, '/');
	buf_add(out, name.data, name.len);
}

void batch_take_out(struct pipeline *p, struct batch *b, int i)
{
	b->file[i].is_done = true;
	b->left--;
	send_back(p, b->root, &b->file[i].seen);
}

bool batch_is_in(const struct batch *b, struct bytes dir)
{
	struct bytes last = batch_dir(b, b->count - 1);
	return last.len == dir.len && memcmp(last.data, dir.data, dir.len) == 0;
}

bool batch_add(struct batch *b, struct bytes dir, bool cover, struct seen *e)
{
	struct batch_file *f = &b->file[b->count];
	bool is_next = b->count && batch_is_in(b, dir);
	*f = (struct batch_file){.seen = *e, .cover = cover, .dir_len = dir.len};
	f->dir_at = is_next ? f[-1].dir_at : b->texts.len;
	if (!is_next)
		buf_add(&b->texts, dir.data, dir.len);
	f->name_at = b->texts.len;
	if (buf_add(&b->texts, e->name.data, e->name.len) < 0)
		return false;
	e->ticket = 0;
	b->path_bytes += dir.len + 1 + e->name.len;
	b->count++;
	return true;
}

bool batch_copy(struct batch *to, const struct batch *b, int i)
{
	struct seen seen = b->file[i].seen;
	seen.name = batch_name(b, i);
	return batch_add(to, batch_dir(b, i), b->file[i].cover, &seen);
}

void batch_gather(struct scan_root *root, struct bytes dir, bool cover, struct seen *e)
{
	struct batch *b = root->filling;
	if (!b || b->count == BATCH_MAX || b->path_bytes >= PATHS_MAX) {
		b = batch_new(root);
		if (!b)
			return;
		b->is_given = true;
		batch_enqueue(b);
		root->filling = b;
	}
	if (!batch_add(b, dir, cover, e))
		return;
	b->left++;
	root->scan->waiting_files++;
}
