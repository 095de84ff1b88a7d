/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Links, torrents, a plan and a journal in a store, made through the writer's own functions. */
#ifndef TESTS_UNIT_FILL_LINKS_H
#define TESTS_UNIT_FILL_LINKS_H

#include "tests/unit/store_fill.h"

#include <errno.h>

#include "common/clock.h"
#include "common/store_write_find.h"
#include "common/store_write_repair.h"
#include "common/store_write_symlinks.h"

enum {
	/** Broken links that fill_links() makes. */
	FILLED_BROKEN = 3,
};

#define FILL_HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILL_PLAN "0123456789abcdef"
/** 2026-11-21T10:00:00Z */
#define FILL_TIME (INT64_C(1795255200) * NS_PER_S)

static inline struct bytes fill_bytes(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static inline int64_t fill_link_dir(struct filler *f, int64_t root, const char *path)
{
	int64_t id = 0;
	assert_int_equal(store_put_link_dir(f->s, root, fill_bytes(path), 1, 1, &id), 0);
	return id;
}

static inline int64_t fill_target_dir(struct filler *f, const char *path, const char *torrent)
{
	int64_t id = 0;
	const struct store_target_dir t = {.path = fill_bytes(path), .here = fill_bytes(path),
					   .torrent = fill_bytes(torrent)};
	assert_int_equal(store_put_target_dir(f->s, &t, &id), 0);
	return id;
}

static inline void fill_link(struct filler *f, int64_t dir, const char *name, int64_t target_dir,
			     const char *text, enum link_state state)
{
	const char *slash = strrchr(text, '/');
	const struct store_symlink row = {
		.dir = dir, .target_dir = target_dir, .name = fill_bytes(name), .target = fill_bytes(text),
		.target_name = fill_bytes(slash ? slash + 1 : text), .state = state,
		.error = state == LINK_OK || state == LINK_FOREIGN ? 0 : -ENOENT,
		.sightings = state == LINK_BROKEN ? 3 : 0, .first_at = FILL_TIME, .last_at = FILL_TIME,
		.since = FILL_TIME, .ok_at = FILL_TIME - 86400 * NS_PER_S, .size = 4000, .reason = "",
	};
	assert_int_equal(store_put_symlink(f->s, &row), 0);
}

/** The tree of links: a broken one in the root, two in a season; one of each other state. */
static inline void fill_link_tree(struct filler *f)
{
	int64_t root;
	assert_int_equal(store_put_root(f->s, "tv", "links", "/srv/tv", &root), 0);
	int64_t top = fill_link_dir(f, root, "");
	fill_link_dir(f, root, "Show");
	int64_t season = fill_link_dir(f, root, "Show/Season 1"), well = fill_link_dir(f, root, "Well");
	int64_t dead = fill_target_dir(f, "/mnt/rd/__all__/Dead.S01/", "Dead.S01");
	int64_t live = fill_target_dir(f, "/mnt/rd/__all__/Live.S01/", "Live.S01");
	int64_t other = fill_target_dir(f, "/elsewhere/", "");
	fill_link(f, top, "film.mkv", dead, "/mnt/rd/__all__/Dead.S01/film.mkv", LINK_BROKEN);
	fill_link(f, season, "e01.mkv", dead, "/mnt/rd/__all__/Dead.S01/e01.mkv", LINK_BROKEN);
	fill_link(f, season, "e02.mkv", dead, "/mnt/rd/__all__/Dead.S01/e02.mkv", LINK_BROKEN);
	fill_link(f, season, "e03.mkv", dead, "/mnt/rd/__all__/Dead.S01/e03.mkv", LINK_SUSPECT);
	fill_link(f, season, "e04.mkv", dead, "/mnt/rd/__all__/Dead.S01/e04.mkv", LINK_HELD);
	fill_link(f, season, "e05.mkv", dead, "/mnt/rd/__all__/Dead.S01/e05.mkv", LINK_UNKNOWN);
	fill_link(f, well, "ok1.mkv", live, "/mnt/rd/__all__/Live.S01/ok1.mkv", LINK_OK);
	fill_link(f, well, "ok2.mkv", live, "/mnt/rd/__all__/Live.S01/ok2.mkv", LINK_OK);
	fill_link(f, well, "far.mkv", other, "/elsewhere/far.mkv", LINK_FOREIGN);
	const struct store_link_hold hold = {.root = root, .count = 1, .since = FILL_TIME, .name = "tv",
					     .reason = "1 of 9 links lost their target at once"};
	assert_int_equal(store_put_link_hold(f->s, &hold), 0);
	const struct store_mount_health health = {.path = "/mnt/rd", .state = "empty", .fstype = "fuse.rclone",
						  .reason = "nothing is listed there", .since = FILL_TIME,
						  .looked_at = FILL_TIME};
	assert_int_equal(store_put_mount_health(f->s, &health), 0);
}

static inline void fill_torrents(struct filler *f, const char *name)
{
	const struct store_torrent dead = {
		.provider = "realdebrid", .id = "AAA", .hash = FILL_HASH, .name = name, .status = "dead",
		.bytes = 5000, .links = 3, .progress = 100, .added_at = FILL_TIME, .ended_at = FILL_TIME,
		.first_seen = FILL_TIME, .last_seen = FILL_TIME, .priority = 3,
	};
	struct store_torrent well = dead;
	well.id = "BBB";
	well.hash = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	well.status = "downloaded";
	assert_int_equal(store_put_torrent(f->s, &dead), 0);
	assert_int_equal(store_put_torrent(f->s, &well), 0);
	const struct store_attempt attempt = {.at = FILL_TIME, .provider = "realdebrid", .torrent = "AAA",
					      .hash = FILL_HASH, .name = name, .outcome = "too_many_requests",
					      .error = name, .code = 34};
	assert_int_equal(store_add_attempt(f->s, &attempt), 0);
	const struct store_retry retry = {.provider = "realdebrid", .hash = FILL_HASH, .torrent = "AAA",
					  .name = name, .kind = "too_many_requests", .reason = name,
					  .first_at = FILL_TIME, .due_at = FILL_TIME + 3 * 3600 * NS_PER_S,
					  .tries = 1, .last_at = FILL_TIME};
	assert_int_equal(store_put_retry(f->s, &retry), 0);
	const struct store_permanent never = {.provider = "realdebrid", .torrent = "CCC", .name = name,
					      .hash = "cccccccccccccccccccccccccccccccccccccccc",
					      .kind = "infringing_file", .reason = name, .at = FILL_TIME};
	assert_int_equal(store_put_permanent(f->s, &never), 0);
	const struct store_torrent_scan full = {.kind = "full", .state = "paused", .error = "", .offset = 2500,
						.total = 5012, .started_at = FILL_TIME, .items = 2500, .calls = 26};
	const struct store_torrent_scan account = {.kind = "account", .state = "stopped", .error = "bad token",
						   .total = -1, .ended_at = FILL_TIME};
	assert_int_equal(store_put_torrent_scan(f->s, &full), 0);
	assert_int_equal(store_put_torrent_scan(f->s, &account), 0);
}

static inline void fill_plan(struct filler *f, const char *name)
{
	const struct store_plan plan = {.hash = FILL_PLAN, .state = "planned", .made_at = FILL_TIME, .items = 3,
					.calls = 6, .held = 2};
	const struct store_plan_item base = {.plan = FILL_PLAN, .item = 1, .action = "reinsert",
					     .provider = "realdebrid", .torrent = "AAA", .hash = FILL_HASH,
					     .name = name, .link_ids = "1 2 3", .links = 3, .why = "it is dead",
					     .evidence = "realdebrid said \"dead\"", .calls = 6,
					     .state = "planned", .reason = "", .changed_at = FILL_TIME};
	struct store_plan_item items[3] = {base, base, base};
	items[1].item = 2;
	items[1].action = "remove";
	items[1].state = "held";
	items[1].reason = "more links than may be changed at once";
	items[2].item = 3;
	items[2].action = "none";
	items[2].state = "held";
	items[2].reason = "the provider has several torrents of that name";
	assert_int_equal(store_put_plan(f->s, &plan, items, 3), 0);
}

static inline void fill_journal(struct filler *f, const char *name)
{
	int64_t id;
	struct store_journal row = {
		.at = FILL_TIME, .plan = "fedcba9876543210", .item = 1, .action = "relink", .step = "done",
		.error = "", .root = fill_bytes("/srv/tv"), .path = fill_bytes(name),
		.before = fill_bytes("/mnt/rd/__all__/Old/x"), .after = fill_bytes("/mnt/rd/__all__/New/x"),
		.uid = 1, .gid = 1, .mtime = 1, .inode = 1, .ended_at = FILL_TIME,
	};
	assert_int_equal(store_put_journal(f->s, &row, &id), 0);
	row.action = "unlink";
	row.step = "failed";
	row.error = "the link is not the one that was recorded";
	row.after = (struct bytes){0};
	assert_int_equal(store_put_journal(f->s, &row, &id), 0);
	const struct store_insertion insertion = {
		.provider = "realdebrid", .hash = FILL_HASH, .name = name, .plan = FILL_PLAN, .item = 1,
		.old_id = "AAA", .new_id = "", .step = "sent", .error = "", .paths = "[]",
		.started_at = FILL_TIME, .changed_at = FILL_TIME, .next_at = FILL_TIME, .deadline = FILL_TIME,
	};
	assert_int_equal(store_put_insertion(f->s, &insertion, &id), 0);
	const struct store_told_item told = {.at = FILL_TIME, .changed_at = FILL_TIME, .instance = "sonarr",
					     .action = "rescan", .path = name, .title = name,
					     .state = "completed", .text = ""};
	assert_int_equal(store_put_told_item(f->s, &told, &id), 0);
	const struct store_repair_sample sample = {.at = FILL_TIME, .type = "counter", .name = "repairs",
					    .tags = "{}", .value = 2};
	assert_int_equal(store_add_sample(f->s, &sample), 0);
}

/** All of it, named plainly. */
static inline void fill_links(struct filler *f)
{
	assert_int_equal(store_begin_write(f->s), 0);
	fill_link_tree(f);
	fill_torrents(f, "Dead.S01");
	fill_plan(f, "Dead.S01");
	fill_journal(f, "Show/Season 1/e01.mkv");
	fill_commit(f);
}

#endif
