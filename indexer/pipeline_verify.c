/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * control/verify: reads every file anew and compares what it says with the index.  Nothing of the
 * index changes; the differences are kept for status/verify.
 */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/path.h"

enum { DIFFERENCES_MOST = 10000 };

/** One difference; @dir and @name below the root. */
static void add(struct pipeline *p, const struct scan_root *r, struct bytes dir, struct bytes name,
		const char *what)
{
	struct buf *out = &r->scan->differences;
	r->scan->different++;
	if (r->scan->different > DIFFERENCES_MOST)
		return;
	const char *root = p->scout[r->scout].path;
	_buf_ struct buf below = BUF_INIT(1 << 17), path = BUF_INIT(1 << 17);
	path_join(dir.data, dir.len, name.data, name.len, &below);
	path_join(root, strlen(root), buf_str(&below), below.len, &path);
	/* as the store keeps them: path, NUL, text, NUL */
	buf_add(out, buf_str(&path), path.len + 1);
	buf_add(out, what, strlen(what) + 1);
}

/** The names of the fields that differ. */
static void compare_media(const struct media *a, const struct media *b, unsigned of, struct buf *out)
{
	for (int i = 0; i < FIELD_COUNT; i++) {
		enum field_id f = (enum field_id)i;
		if (FIELDS_TABLE[i].of & of && !media_is_same(a, b, f))
			buf_addf(out, "%s%s", out->len ? ", " : "other tags than in the index: ",
				 FIELDS_TABLE[i].name);
	}
}

static void compare_file(struct pipeline *p, const struct seen *e, unsigned of, const char *kind,
			 const char *media, size_t media_len, struct buf *out)
{
	struct media there, known;
	size_t used;
	media_init(&there);
	media_init(&known);
	int r = store_file_media(p->store, e->file, of, &known);
	if (kind && r == 0 && of == OF_TRACK)
		buf_addf(out, "it is %s, and well in the index", kind);
	else if (!kind && r < 0)
		buf_adds(out, "it is well, and not in the index");
	else if (!kind && media_decode(&there, (const uint8_t *)media, media_len, &used) == 0)
		compare_media(&there, &known, of, out);
	media_clear(&there);
	media_clear(&known);
}

void verify_file(struct pipeline *p, const struct scan_root *r, struct bytes dir, struct bytes name,
		 const struct seen *e, const char *kind, const char *media, size_t media_len)
{
	_buf_ struct buf what = BUF_INIT(1 << 16);
	unsigned of = p->scout[r->scout].kind == MEDIA_TRACK ? OF_TRACK : OF_VOLUME;
	if (!e->file)
		buf_adds(&what, "it is not in the index");
	else
		compare_file(p, e, of, kind, media, media_len, &what);
	if (what.len)
		add(p, r, dir, name, buf_str(&what));
}

static int on_lost(void *arg, const struct lost_file *f)
{
	struct verify_lost *v = arg;
	add(v->p, v->r, f->path, f->name, "it is in the index, and not on the disk");
	return 0;
}

void verify_root(struct pipeline *p, struct scan_root *r)
{
	struct verify_lost v = {p, r};
	const struct root_row *row = &p->row[r->scout];
	if (!r->may_forget_start || !r->may_forget_end) {
		_buf_ struct buf what = BUF_INIT(256);
		buf_addf(&what, "the folder is %s: it was not compared", row->state);
		if (strcmp(row->state, "empty") != 0 || row->held)
			add(p, r, (struct bytes){"", 0}, (struct bytes){"", 0}, buf_str(&what));
		return;
	}
	diff_lost(r->diff, on_lost, &v);
}

void verify_end(struct pipeline *p, struct scan *s)
{
	struct change *c = change_new(CHANGE_VERIFY, s->differences.len + 1);
	if (!c)
		return;
	c->job = s->job;
	c->total = (int64_t)s->different;
	c->done = (int64_t)s->extracted;
	c->dir = change_copy(c, buf_str(&s->differences), s->differences.len);
	c->dir_len = s->differences.len;
	writer_put(p->o.writer, c);
}
