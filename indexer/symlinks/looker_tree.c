/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The indexer's side of a walk: what is known goes there in pieces, directories come back. */
#include <errno.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "indexer/symlinks/looker_private.h"

enum {
	PIECE = 256 << 10,
	/** Of one directory's links, as they are sent; a larger one counts as not read. */
	DIR_MOST = 1 << 30,
};

/** Links of a directory that came in several frames. */
struct pieces {
	struct buf bytes;
	size_t count;
};

struct tree_question {
	const char *root;
	const struct known_dir *known;
	/** Of them @sent are on their way. */
	size_t n, sent;
	bool is_asked;
	looked_dir_fn *fn;
	int (*gone_fn)(void *arg, const char *path);
	void *arg;
	struct looked_tree *tree;
	VEC(struct looked_link) links;
	/** By the thread that reads the directory. */
	struct pieces pieces[LOOKER_THREADS + 1];
};

static int fill(void *arg, struct looker *l)
{
	struct tree_question *q = arg;
	if (q->is_asked)
		return 0;
	if (q->sent < q->n) {
		size_t start = frame_begin(&l->out, FRAME_LOOK_KNOWN);
		while (q->sent < q->n && l->out.len - start < PIECE) {
			const struct known_dir *d = &q->known[q->sent++];
			frame_u64(&l->out, (uint64_t)d->mtime);
			frame_bytes(&l->out, d->path, strlen(d->path));
		}
		frame_end(&l->out, start);
		return 0;
	}
	q->is_asked = true;
	size_t start = frame_begin(&l->out, FRAME_LOOK_WALK);
	frame_bytes(&l->out, q->root, strlen(q->root));
	frame_end(&l->out, start);
	return 0;
}

static int read_links(struct tree_question *q, struct frame *f, size_t n)
{
	q->links.len = 0;
	for (size_t i = 0; i < n; i++) {
		struct looked_link *link = vec_add(&q->links);
		if (!link)
			return -ENOMEM;
		link->name.data = frame_get_bytes(f, &link->name.len);
		link->target.data = frame_get_bytes(f, &link->target.len);
		if (f->is_bad)
			return -EBADMSG;
	}
	return f->at == f->end ? 0 : -EBADMSG;
}

static int add_piece(struct pieces *p, const struct frame *f, size_t n)
{
	if (!p->bytes.max)
		p->bytes = BUF_INIT(DIR_MOST);
	p->count += n;
	buf_add(&p->bytes, f->at, (size_t)(f->end - f->at));
	return 0;
}

static int on_dir(struct tree_question *q, struct frame *f)
{
	struct looked_dir d = {0};
	uint32_t thread = frame_get_u32(f), has_more = frame_get_u32(f);
	d.error = (int)frame_get_u32(f);
	d.mtime = (int64_t)frame_get_u64(f);
	d.path.data = frame_get_bytes(f, &d.path.len);
	size_t n = frame_get_u32(f);
	if (f->is_bad || thread > LOOKER_THREADS)
		return -EBADMSG;
	struct pieces *p = &q->pieces[thread];
	if (has_more)
		return add_piece(p, f, n);
	int r = 0;
	if (p->count) {
		add_piece(p, f, n);
		d.error = d.error ? d.error : buf_error(&p->bytes);
		struct frame all = {f->type, (const uint8_t *)buf_str(&p->bytes),
				    (const uint8_t *)buf_str(&p->bytes) + p->bytes.len, false};
		r = d.error ? 0 : read_links(q, &all, p->count);
	} else {
		r = d.error ? 0 : read_links(q, f, n);
	}
	d.links = d.error ? NULL : q->links.data;
	d.count = d.error ? 0 : q->links.len;
	d.mtime = d.error ? 0 : d.mtime;
	r = r < 0 ? r : q->fn(q->arg, &d);
	buf_clear(&p->bytes);
	p->count = 0;
	return r < 0 ? r : 0;
}

static int on_gone(struct tree_question *q, struct frame *f)
{
	while (f->at < f->end) {
		uint32_t i = frame_get_u32(f);
		if (f->is_bad || i >= q->n)
			return -EBADMSG;
		int r = q->gone_fn ? q->gone_fn(q->arg, q->known[i].path) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int on_tree(struct tree_question *q, struct frame *f)
{
	struct looked_tree *t = q->tree;
	t->error = (int)frame_get_u32(f);
	t->device = frame_get_u64(f);
	t->mount_id = frame_get_u64(f);
	t->fstype = frame_get_u64(f);
	t->dirs = (int64_t)frame_get_u64(f);
	t->unchanged = (int64_t)frame_get_u64(f);
	t->links = (int64_t)frame_get_u64(f);
	return f->is_bad ? -EBADMSG : 1;
}

static int on_frame(void *arg, struct frame *f)
{
	struct tree_question *q = arg;
	switch (f->type) {
	case FRAME_LOOKED_DIR:
		return on_dir(q, f);
	case FRAME_LOOKED_GONE:
		return on_gone(q, f);
	case FRAME_LOOKED_TREE:
		return on_tree(q, f);
	default:
		return -EBADMSG;
	}
}

int looker_walk(struct looker *l, const char *root, const struct known_dir *known, size_t n,
		looked_dir_fn *fn, int (*gone_fn)(void *arg, const char *path), void *arg,
		struct looked_tree *tree)
{
	struct tree_question q = {.root = root, .known = known, .n = n, .fn = fn, .gone_fn = gone_fn,
				  .arg = arg, .tree = tree};
	*tree = (struct looked_tree){0};
	int r = looker_ask(l, &(struct look){fill, on_frame, &q});
	vec_clear(&q.links);
	for (size_t i = 0; i < COUNT_OF(q.pieces); i++)
		buf_clear(&q.pieces[i].bytes);
	return r;
}
