/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Repairs as they run, but for the provider, which is in memory: a real store and writer, hands and a looker (this program
 * started again), a folder as the mount, whose torrents' files come and go with the provider's, and a tree of links.
 * Included by one file of a program, whose main() calls repair_child() first.
 */
#ifndef TESTS_UNIT_REPAIR_WORLD_H
#define TESTS_UNIT_REPAIR_WORLD_H

#include "tests/unit/hand_world.h"
#include "tests/unit/provider_world.h"

#include "common/store_repair.h"
#include "indexer/load/repairs.h"
#include "indexer/load/sights.h"
#include "indexer/repair/repair_private.h"

static struct world world;
static struct repair *repair;
static bool repair_dry;
/** Holds "mnt" and, as links_root, "links". */
static char repair_base[128];
static int64_t repair_root;
/** How often the links were to be looked at; and whether what works is seen then. */
static int repair_looks;
static bool repair_sees;
/** The mount shows what the provider has. */
static bool mount_follows;
/** Before each step. */
static void (*repair_before_step)(void);
static const struct provider *const *repair_providers = debrid_providers;

#define H(n) hash_of_number(n)

static inline const char *hash_of_number(int n)
{
	static char hash[8][PROVIDER_HASH];
	static int next;
	char *h = hash[next++ % 8];
	snprintf(h, PROVIDER_HASH, "%040d", n);
	return h;
}

/* --- asking the store --- */

static inline int64_t rows(const char *format, ...)
{
	char sql[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	return world_count(&world, sql);
}

/** The first column of the first row; "" without. */
static inline const char *text_of_row(const char *format, ...)
{
	static char out[8][2048];
	static int next;
	char sql[1024], *o = out[next++ % 8];
	sqlite3_stmt *q = NULL;
	va_list args;
	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	*o = '\0';
	assert_int_equal(sqlite3_prepare_v2(world.reader->db, sql, -1, &q, NULL), SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_text(q, 0))
		snprintf(o, sizeof out[0], "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return o;
}

static inline void dump_table(const char *table, struct buf *out)
{
	char sql[256];
	sqlite3_stmt *q = NULL;
	snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
	assert_int_equal(sqlite3_prepare_v2(world.reader->db, sql, -1, &q, NULL), SQLITE_OK);
	buf_addf(out, "= %s\n", table);
	while (sqlite3_step(q) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(q); i++) {
			const char *text = (const char *)sqlite3_column_text(q, i);
			buf_addf(out, "%s|", text ? text : "");
		}
		buf_addc(out, '\n');
	}
	sqlite3_finalize(q);
}

/** All that repairs and links keep; the caller frees it.  @but: a table that may change, "" none. */
static inline char *dump(const char *but)
{
	static const char *const tables[] = {"torrent", "attempt", "permanent", "retry", "plan", "plan_item", "journal",
					     "insertion", "told_item", "sample", "symlink", "torrent_scan"};
	struct buf out = BUF_INIT(1 << 26);
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		if (!strstr(but, tables[i]))
			dump_table(tables[i], &out);
	assert_int_equal(buf_error(&out), 0);
	return buf_take(&out);
}

/* --- the mount --- */

static inline const char *mount_path(const char *format, ...)
{
	static char path[4][4096];
	static int next;
	char *p = path[next++ % 4];
	va_list args;
	int n = snprintf(p, sizeof path[0], "%s/mnt/", repair_base);
	va_start(args, format);
	vsnprintf(p + n, sizeof path[0] - (size_t)n, format, args);
	va_end(args);
	return p;
}

static inline void mount_put(const char *path)
{
	char part[4096];
	const char *full = mount_path("%s", path);
	for (const char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - full), full);
		mkdir(part, 0755);
	}
	int fd = open(full, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static inline void mount_take(const char *path)
{
	nftw(mount_path("%s", path), links_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/** Folders of torrents that work are there; the others are not. */
static inline void mount_sync(void)
{
	char path[512];
	if (!mount_follows)
		return;
	debrid_advance();
	for (size_t i = 0; i < debrid.torrents.len; i++) {
		snprintf(path, sizeof path, "__all__/%s", debrid.torrents.data[i].name);
		if (strcmp(debrid.torrents.data[i].status, "downloaded") != 0)
			mount_take(path);
	}
	for (size_t i = 0; i < debrid.torrents.len; i++) {
		const struct debrid_torrent *t = &debrid.torrents.data[i];
		for (int f = 0; f < t->files && strcmp(t->status, "downloaded") == 0; f++) {
			snprintf(path, sizeof path, "__all__/%s%s", t->name, t->path[f]);
			if (t->selected[f])
				mount_put(path);
		}
	}
}

static inline void mount_rename(const char *from, const char *to)
{
	char a[256], b[256];
	snprintf(a, sizeof a, "%s/%s", repair_base, from);
	snprintf(b, sizeof b, "%s/%s", repair_base, to);
	assert_int_equal(rename(a, b), 0);
}

static inline void mount_away(void)
{
	mount_rename("mnt", "mnt.away");
}

static inline void mount_back(void)
{
	mount_rename("mnt.away", "mnt");
}

/* --- links --- */

static inline bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

/** Stores a link as a look at it would: what it says now, and @state. */
static inline void store_link(const char *path, enum link_state state)
{
	static int64_t dirs, targets;
	struct places *places = NULL;
	struct sights *s = NULL;
	char why[256], *slash;
	struct hand_facts f = links_facts(path);
	struct buf here = BUF_INIT(1 << 16), text = BUF_INIT(1 << 16);
	assert_int_equal(places_new(world.config, &places, why), 0);
	assert_int_equal(sights_new(world.writer, &s), 0);
	/* a relative text is resolved against the link */
	slash = strrchr(path, '/');
	if (*f.target != '/')
		buf_addf(&text, "%s/%.*s/", links_root, slash ? (int)(slash - path) : 0, path);
	buf_adds(&text, f.target);
	char *name = strrchr(text.data, '/') + 1;
	struct bytes dir = {text.data, (size_t)(name - text.data)};
	struct bytes torrent = places_torrent(places, dir, BYTES(name), &here);
	bool is_own = torrent.len && torrent.data == name;
	/* rows are found by path: a number that is taken is another one's */
	dirs = rows("SELECT coalesce(max(id), 0) FROM link_dir");
	targets = rows("SELECT coalesce(max(id), 0) FROM target_dir");
	struct bytes below = {path, slash ? (size_t)(slash - path) : 0};
	sqlite3_stmt *q = NULL;
	int64_t dir_id = dirs + 1, target_id = targets + 1;
	assert_int_equal(sqlite3_prepare_v2(world.reader->db, "SELECT id FROM link_dir WHERE path = ?1", -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_blob(q, 1, below.len ? below.data : "", (int)below.len, SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		dir_id = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	assert_int_equal(sqlite3_prepare_v2(world.reader->db, "SELECT id FROM target_dir WHERE path = ?1", -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_blob(q, 1, dir.data, (int)dir.len, SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		target_id = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	if (dir_id > dirs)
		assert_int_equal(sights_put_dir(s, dir_id, repair_root, below, world_now()), 0);
	if (target_id > targets) {
		struct store_target_dir t = {.id = target_id, .path = dir, .here = {buf_str(&here), here.len},
					     .torrent = is_own ? BYTES("/") : torrent};
		assert_int_equal(sights_put_target(s, &t), 0);
	}
	struct store_symlink row = {
		.root = repair_root, .dir = dir_id, .target_dir = target_id, .dir_path = below,
		.name = BYTES(slash ? slash + 1 : path), .target = {f.target, f.target_len}, .target_name = BYTES(name),
		.torrent = torrent, .here = {buf_str(&here), here.len}, .state = state,
		.error = state == LINK_BROKEN ? ENOENT : 0, .sightings = state == LINK_BROKEN ? 3 : 0,
		.first_at = state == LINK_BROKEN ? world_now() - 2 * DAY_NS : 0,
		.last_at = state == LINK_BROKEN ? world_now() - HOUR_NS : 0, .since = world_now(),
		.ok_at = state == LINK_OK ? world_now() : 0, .size = -1, .reason = "",
	};
	assert_int_equal(sqlite3_prepare_v2(world.reader->db, "SELECT id, target_dir_id FROM symlink WHERE dir_id = ?1 AND name = ?2", -1, &q,
					    NULL), SQLITE_OK);
	sqlite3_bind_int64(q, 1, dir_id);
	sqlite3_bind_blob(q, 2, row.name.data, (int)row.name.len, SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		row.id = sqlite3_column_int64(q, 0);
	bool leads_elsewhere = row.id && sqlite3_column_int64(q, 1) != target_id;
	sqlite3_finalize(q);
	if (leads_elsewhere)
		assert_int_equal(sights_delete(s, row.id), 0);
	row.id = leads_elsewhere ? 0 : row.id;
	assert_int_equal(row.id ? sights_judge(s, &row) : sights_put(s, &row), 0);
	assert_int_equal(sights_end(s), 0);
	assert_int_equal(repairs_count_broken(world.writer), 0);
	sights_free(s);
	places_free(places);
	buf_clear(&here);
	buf_clear(&text);
}

#define LINK_TIME INT64_C(1234567890123456789)

static inline void make_parents(const char *path)
{
	char part[4096];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		mkdir(links_path(part), 0755);
	}
}

/** A link with that very text. */
static inline void put_link_text(const char *path, const char *text, enum link_state state)
{
	make_parents(path);
	links_put(path, text, 11, 12, LINK_TIME);
	store_link(path, state);
}

/** A link into __all__ on the mount. */
static inline void put_link(const char *path, const char *target, enum link_state state)
{
	put_link_text(path, mount_path("__all__/%s", target), state);
}

static inline const char *text_of_link(const char *path)
{
	static struct hand_facts f;
	f = links_facts(path);
	return f.target;
}

/** Whether it leads to a file. */
static inline bool link_works(const char *path)
{
	return is_file(links_path(path));
}

/* --- the provider --- */

/** One that works with a link that works: what the mount is known by. */
static inline void put_anchor(void)
{
	debrid_put("anchor", H(999999), "Anchor", "downloaded");
	mount_sync();
	put_link("anchor.mkv", "Anchor/file.mkv", LINK_OK);
}

static inline void index_torrent(const struct debrid_torrent *t)
{
	struct store_torrent row = {
		.provider = "memory", .id = t->id, .hash = t->hash, .name = t->name, .status = t->status, .bytes = t->bytes,
		.links = 1, .added_at = t->added_at, .first_seen = world_now(), .last_seen = world_now(), .priority = 2,
	};
	assert_int_equal(repairs_torrents(world.writer, &row, 1), 0);
}

/** A scan learned all of them. */
static inline void index_all(void)
{
	for (size_t i = 0; i < debrid.torrents.len; i++)
		index_torrent(&debrid.torrents.data[i]);
	assert_int_equal(repairs_count_broken(world.writer), 0);
}

/** A dead torrent number @n "T<n>" (id "old<n>") and a broken link "<n>.mkv" into it. */
static inline void put_dead(int n, const char *status)
{
	char id[32], name[32], link[32], target[64];
	snprintf(id, sizeof id, "old%d", n);
	snprintf(name, sizeof name, "T%d", n);
	snprintf(link, sizeof link, "d/%d.mkv", n);
	snprintf(target, sizeof target, "T%d/file.mkv", n);
	debrid_put(id, H(n), name, status);
	put_link(link, target, LINK_BROKEN);
}

/* --- from start to end --- */

static inline bool repair_world_dry(void *arg)
{
	(void)arg;
	return repair_dry;
}

static inline void forget_link(int64_t id)
{
	struct sights *s = NULL;
	assert_int_equal(sights_new(world.writer, &s), 0);
	assert_int_equal(sights_delete(s, id), 0);
	assert_int_equal(sights_end(s), 0);
	sights_free(s);
}

/** Links that work again, or are gone, are seen; nothing else is. */
static inline uint64_t repair_world_look(void *arg)
{
	char path[64][256];
	int64_t id[64];
	int n = 0;
	sqlite3_stmt *q = NULL;
	(void)arg;
	repair_looks++;
	if (!repair_sees)
		return (uint64_t)repair_looks;
	assert_int_equal(sqlite3_prepare_v2(world.reader->db, "SELECT CAST(d.path AS TEXT), CAST(l.name AS TEXT), l.id FROM symlink l "
					    "JOIN link_dir d ON d.id = l.dir_id", -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW && n < 64) {
		const char *dir = (const char *)sqlite3_column_text(q, 0);
		id[n] = sqlite3_column_int64(q, 2);
		snprintf(path[n++], sizeof path[0], "%s%s%s", dir, *dir ? "/" : "", (const char *)sqlite3_column_text(q, 1));
	}
	sqlite3_finalize(q);
	for (int i = 0; i < n; i++)
		if (link_works(path[i]))
			store_link(path[i], LINK_OK);
		else if (!links_is_there(path[i]))
			forget_link(id[i]);
	return (uint64_t)repair_looks;
}

static inline bool repair_world_has_looked(void *arg, uint64_t look)
{
	(void)arg, (void)look;
	return true;
}

static inline void repair_world_start(void)
{
	struct repair_options o = {.config = world.config, .state_dir = world.dir, .writer = world.writer, .net = &world.net,
				   .is_dry = repair_world_dry, .look_at_links = repair_world_look,
				   .has_looked = repair_world_has_looked, .providers = repair_providers};
	assert_int_equal(repair_new(&o, &repair), 0);
}

static inline void repair_add_root(void)
{
	struct change *c = change_new(CHANGE_ADD_ROOT, 4096);
	assert_non_null(c);
	c->name = change_copy(c, "links", 5);
	c->state = change_copy(c, "links", 5);
	c->dir = change_copy(c, links_root, strlen(links_root));
	assert_int_equal(writer_call(world.writer, c, &repair_root), 0);
}

/** @options: more of the configuration; @container: what the mount is called there, "" nowhere. */
static inline void repair_begin(const char *options, const char *container)
{
	char all[4096], map[512] = "";
	const char *tmp = getenv("TMPDIR");
	snprintf(repair_base, sizeof repair_base, "%s/mediamon-repair.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(repair_base));
	snprintf(links_root, sizeof links_root, "%s/links", repair_base);
	assert_int_equal(mkdir(links_root, 0755), 0);
	assert_int_equal(mkdir(mount_path(""), 0755), 0);
	assert_int_equal(mkdir(mount_path("__all__"), 0755), 0);
	if (*container)
		snprintf(map, sizeof map, "\tpath_map = {\"%s=%s/mnt\"}", container, repair_base);
	snprintf(all, sizeof all, "links = {\"%s\"}\nrealdebrid {\n\tmount = \"%s/mnt\"\n\tscan_interval = \"0s\"\n%s\n}\n%s\n",
		 links_root, repair_base, map, options);
	debrid_begin();
	repair_dry = false;
	repair_looks = 0;
	repair_sees = false;
	mount_follows = true;
	repair_before_step = NULL;
	world_begin(&world, all);
	repair_add_root();
	repair_world_start();
}

/** Caps that hinder nothing. */
#define WIDE "repair {\n\tmost = 100000\n\tpercent = 100\n\tday = 100000\n}\n"

static inline void repair_end(void)
{
	repair_free(repair);
	world_end(&world);
	debrid_end();
	nftw(repair_base, links_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/** The program is killed and starts again. */
static inline void repair_restart(void)
{
	repair_free(repair);
	world_close(&world);
	world_open(&world);
	repair_add_root();
	repair_world_start();
}

/** This program as a child of itself: -1 when it is not. */
static inline int repair_child(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--hand") == 0)
		return hand_main();
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	log_init("repair");
	log_set_level(LOG_LEVEL_ERROR);
	return -1;
}

/* --- living --- */

/** Until nothing is due now; the time of what comes next. */
static inline int64_t settle(void)
{
	int64_t next_at = 0;
	for (int most = 200000; most > 0; most--) {
		mount_sync();
		if (repair_before_step)
			repair_before_step();
		if (repair_step(repair, &next_at) <= 0)
			return next_at;
	}
	fail_msg("it never rests");
	return 0;
}

/** Time passes, steps are taken as they fall due. */
static inline void live(int64_t ns)
{
	int64_t until = world_now() + ns;
	while (world_now() < until) {
		int64_t next_at = settle(), wait = next_at > world_now() ? next_at - world_now() : NS_PER_S;
		world_pass(wait < until - world_now() ? wait : until - world_now());
	}
	settle();
}

static inline int try_order(const char *words)
{
	struct buf answer = BUF_INIT(4096);
	int error = repair_order(repair, words, true, &answer);
	buf_clear(&answer);
	return error;
}

/** Makes a plan; its hash. */
static inline const char *plan(void)
{
	assert_int_equal(try_order("plan"), 0);
	live(NS_PER_S);
	return text_of_row("SELECT hash FROM plan WHERE state != 'superseded' ORDER BY made_at DESC, rowid DESC LIMIT 1");
}

static inline int try_apply(const char *words)
{
	struct buf answer = BUF_INIT(4096);
	int error = repair_apply_order(repair, words, true, &answer);
	/* nothing is refused without a sentence */
	assert_true(answer.len > 0);
	buf_clear(&answer);
	return error;
}

#define ASSERT_APPLIED(words) assert_int_equal(try_apply(words), 0)

static inline const char *item_text(int item, const char *column)
{
	return text_of_row("SELECT i.%s FROM plan_item i JOIN plan p ON p.hash = i.plan WHERE item = %d AND p.state != 'superseded' "
			   "ORDER BY p.made_at DESC, p.rowid DESC LIMIT 1", column, item);
}

#define ASSERT_ITEM(item, column, expected) assert_string_equal(item_text(item, column), expected)

static char planned[32];

static inline void plan_it(void)
{
	snprintf(planned, sizeof planned, "%s", plan());
}

static inline int apply_items(const char *items)
{
	char words[128];
	snprintf(words, sizeof words, "%s%s", planned, items);
	return try_apply(words);
}

static inline void put_permanent(int n)
{
	struct store_permanent p = {.provider = "memory", .hash = H(n), .torrent = "x", .name = "x", .kind = "infringing_file",
				    .reason = "infringing", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
}

/** One of each: reinsert 1, remove 2, relink 3 (in any order). */
static inline void put_all_kinds(void)
{
	put_dead(1, "dead");
	put_dead(2, "dead");
	put_permanent(2);
	put_dead(3, "dead");
	index_all();
	debrid_delete("old3");
	assert_int_equal(repairs_torrent_gone(world.writer, "memory", "old3", world_now()), 0);
	debrid_put("twin3", H(3), "T3 new", "downloaded");
	index_all();
	debrid_offer(H(1), "T1", 0);
	mount_sync();
}

static inline void plan_removal(void)
{
	put_dead(1, "dead");
	put_permanent(1);
	index_all();
	plan_it();
	ASSERT_ITEM(1, "action", "remove");
}

static inline int64_t changing_calls(void)
{
	return debrid.calls[CALL_ADD] + debrid.calls[CALL_SELECT] + debrid.calls[CALL_REMOVE];
}

#endif
