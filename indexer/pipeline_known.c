/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What is known of directories is told to a scout before a whole root is scanned, so that it sends lists only of those
 * that are not as they were.
 *
 * What the store says may change between the two.  Then another scan has looked at the directory since, or a file was
 * read to its end; neither has to be undone by this one.
 */
#include "common/log.h"
#include "common/text.h"
#include "indexer/pipeline_private.h"

enum {
	FRAME_BYTES = 1 << 20,
	/** The rest, of more than a million directories, is listed. */
	ALL_BYTES = 32 << 20,
};

/** The frame that is being made. */
struct telling {
	struct buf *out;
	size_t start;
};

static int tell(void *arg, int64_t id, struct bytes path, int64_t sum)
{
	struct telling *t = arg;
	if (t->out->len - t->start >= FRAME_BYTES) {
		frame_end(t->out, t->start);
		t->start = frame_begin(t->out, FRAME_KNOWN);
	}
	frame_u64(t->out, text_hash(path.data, path.len));
	frame_u64(t->out, (uint64_t)sum);
	frame_u64(t->out, (uint64_t)id);
	return t->out->len >= ALL_BYTES;
}

static bool is_whole(const struct scan_root *r)
{
	return r->scopes.len == 1 && r->scopes.data[0].is_deep && !*r->scopes.data[0].path && !r->slices;
}

/** What is read again is listed, and nothing is as it was where inode numbers change or nothing is there. */
static bool is_of_use(const struct root_row *row, const struct scan_root *r)
{
	return is_whole(r) && !scan_reads_heads(r, row) && !row->is_remote && strcmp(row->state, "absent") != 0;
}

void known_send(struct pipeline *p, const struct scan_root *r)
{
	struct telling t = {.out = &p->scout[r->scout].out};
	if (!is_of_use(&p->row[r->scout], r))
		return;
	t.start = frame_begin(t.out, FRAME_KNOWN);
	int e = store_dirsums(p->store, p->row[r->scout].id, tell, &t);
	frame_end(t.out, t.start);
	if (e < 0)
		log_warning("what is known of %s is not told to its scout: %s", p->scout[r->scout].path, strerror(-e));
}

void known_on_same(struct pipeline *p, struct scan_root *r, struct frame *f)
{
	int64_t dir = (int64_t)frame_get_u64(f);
	uint64_t files = frame_get_u32(f), bytes = frame_get_u64(f);
	struct bytes path;
	path.data = frame_get_bytes(f, &path.len);
	if (f->is_bad || !r->may_scan) {
		if (f->is_bad)
			diff_fail(r->diff);
		return;
	}
	guard_on_list(p, r, path, false);
	diff_same(r->diff, dir, files, bytes);
}
