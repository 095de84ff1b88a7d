/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A store with a journal, and the links that it tells of.  The hand is real; nothing of repair runs but undo. */
#ifndef TESTS_UNIT_UNDO_WORLD_H
#define TESTS_UNIT_UNDO_WORLD_H

#include "tests/unit/find_world.h"
#include "tests/unit/hand_world.h"

#include "common/store_repair.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_undo.h"

#define PLAN "0123456789abcdef"
#define LINK_TIME INT64_C(1234567890123456789)

static struct world world;
static struct hand *undo_hand;
static bool undo_is_dry;

/** The real one belongs to the rest of repair. */
struct hand *repair_hand(struct repair *r, const char *root)
{
	(void)r;
	if (!undo_hand)
		assert_int_equal(hand_new(root, &undo_hand), 0);
	return undo_hand;
}

static inline bool undo_dry(void *arg)
{
	(void)arg;
	return undo_is_dry;
}

static inline struct repair undo_repair(void)
{
	return (struct repair){
		.o = {.writer = world.writer, .state_dir = world.dir, .net = &world.net, .is_dry = undo_dry},
		.store = world.reader,
	};
}

static inline void undo_forget_hand(void)
{
	hand_free(undo_hand);
	undo_hand = NULL;
}

/** The intent to change a link as it is now; @after "": unlink. */
static inline struct store_journal undo_row(const char *path, const char *after)
{
	static struct hand_facts facts[16];
	static int next;
	struct hand_facts *f = &facts[next++ % 16];
	*f = links_facts(path);
	return (struct store_journal){
		.at = WORLD_START, .plan = PLAN, .action = *after ? "relink" : "unlink", .step = "planned",
		.error = "", .root = BYTES(links_root), .path = BYTES(path),
		.before = {f->target, f->target_len}, .after = BYTES(after), .uid = f->uid, .gid = f->gid,
		.mtime = f->mtime, .inode = f->inode,
	};
}

static inline int undo_write(struct store_journal *row, const char *step)
{
	row->step = step;
	return repairs_journal(world.writer, row, 1, &row->id);
}

/** Changes a link as repairs do: intent, change, end.  -errno of what failed. */
static inline int undo_change(const char *path, const char *after, int64_t *id)
{
	struct store_journal row = undo_row(path, after);
	struct hand_order o = {.act = *after ? HAND_RELINK : HAND_UNLINK, .path = row.path, .before = row.before,
			       .after = row.after};
	int r = undo_write(&row, "planned");
	if (r < 0)
		return r;
	*id = row.id;
	r = hand_do(repair_hand(NULL, links_root), &o, NULL);
	if (r == -ETIMEDOUT)
		return r;
	row.ended_at = WORLD_START + 1;
	int w = undo_write(&row, r < 0 ? "failed" : "done");
	return r < 0 ? r : w;
}

struct undo_seen {
	int64_t id;
	char step[16], error[128], path[256];
	int64_t undone_at;
};

static inline int undo_see(void *arg, const struct store_journal *row)
{
	struct undo_seen *s = arg;
	s->id = row->id;
	s->undone_at = row->undone_at;
	snprintf(s->step, sizeof s->step, "%s", row->step);
	snprintf(s->error, sizeof s->error, "%s", row->error);
	snprintf(s->path, sizeof s->path, "%.*s", (int)row->path.len, row->path.data);
	return 0;
}

static inline struct undo_seen undo_seen_row(int64_t id)
{
	struct undo_seen s = {0};
	assert_int_equal(store_journal_row(world.reader, id, undo_see, &s), 0);
	return s;
}

#define ASSERT_STEP(id, expected) assert_string_equal(undo_seen_row(id).step, expected)

#endif
