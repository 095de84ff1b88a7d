/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/store_write_symlinks.h"

static const int64_t NOW = 1000;

struct fill {
	char *dir;
	struct store *s;
	int64_t root;
};

static struct bytes bytes(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static void put_link(struct fill *f, const char *dir, const char *name, const char *target_dir,
		     const char *torrent, const char *target_name, const char *text, enum link_state state)
{
	int64_t d = 0, t = 0;
	struct store_target_dir target = {.path = bytes(target_dir), .here = bytes(target_dir),
					  .torrent = bytes(torrent)};
	char plain[4096];
	snprintf(plain, sizeof plain, "%s%s", target_dir, target_name);
	assert_int_equal(store_put_link_dir(f->s, f->root, bytes(dir), 7, NOW, &d), 0);
	assert_int_equal(store_put_target_dir(f->s, &target, &t), 0);
	struct store_symlink row = {
		.dir = d, .target_dir = t, .name = bytes(name), .target = bytes(text ? text : plain),
		.target_name = bytes(target_name), .state = state, .since = NOW, .size = 10,
		.ok_at = state == LINK_OK ? NOW : 0, .error = state == LINK_OK ? 0 : ENOENT, .reason = "",
	};
	assert_int_equal(store_put_symlink(f->s, &row), 0);
}

static void fill(struct fill *f)
{
	char why[256] = "";
	uint64_t generation;
	f->dir = unit_folder();
	if (store_open_writer(f->dir, &f->s, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(store_begin_write(f->s), 0);
	assert_int_equal(store_put_root(f->s, "links", "links", "/srv/links", &f->root), 0);
	put_link(f, "", "top", "/m/all/A/", "A", "x", NULL, LINK_BROKEN);
	put_link(f, "a", "one", "/m/all/A/", "A", "one.mkv", NULL, LINK_OK);
	put_link(f, "a/b", "two", "/m/all/B/", "B", "two.mkv", NULL, LINK_BROKEN);
	put_link(f, "a-c", "three", "/m/all/B/sub/", "B", "three.mkv", "../../m/all/B/sub/three.mkv", LINK_BROKEN);
	put_link(f, "\xff", "four", "/m/all/", "/", "B", NULL, LINK_BROKEN);
	put_link(f, "\xff", "five", "/m/all/", "/", "Single.mkv", NULL, LINK_OK);
	put_link(f, "\xff", "six", "/elsewhere/", "", "B", NULL, LINK_FOREIGN);
	assert_int_equal(store_commit(f->s, &generation), 0);
}

static void clear(struct fill *f)
{
	store_close(f->s);
	unit_remove(f->dir);
}

struct list {
	char text[4096];
};

static void add(struct list *l, const char *data, size_t n)
{
	size_t len = strlen(l->text);
	snprintf(l->text + len, sizeof l->text - len, "%s%.*s", len ? "|" : "", (int)n, data);
}

static int take_name(void *arg, const struct store_symlink *row)
{
	add(arg, row->name.data, row->name.len);
	return 0;
}

struct ids {
	int64_t id[200];
	size_t n;
};

static int take_id(void *arg, const struct store_symlink *row)
{
	struct ids *ids = arg;
	ids->id[ids->n++] = row->id;
	return 0;
}

static int take_text(void *arg, const struct store_symlink *row)
{
	add(arg, row->target.data, row->target.len);
	return 0;
}

static int take_entry(void *arg, const struct store_broken_entry *e)
{
	add(arg, e->name.data, e->name.len);
	add(arg, e->is_dir ? "d" : "l", 1);
	assert_true(e->is_dir == (e->id == 0));
	assert_true(e->is_dir == (e->since == 0));
	return 0;
}

static int take_torrent(void *arg, struct bytes torrent, int64_t broken, int64_t links)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%.*s %lld/%lld", (int)torrent.len, torrent.data, (long long)broken,
			 (long long)links);
	add(arg, text, (size_t)n);
	return 0;
}

static int take_path(void *arg, struct bytes path)
{
	add(arg, path.data, path.len);
	return 0;
}

static void links_are_found_by_root_state_torrent_and_place(void **state)
{
	struct fill f;
	struct list l = {0};
	(void)state;
	fill(&f);
	assert_int_equal(store_symlinks(f.s, f.root, take_name, &l), 0);
	assert_string_equal(l.text, "top|one|three|two|five|four|six");
	l = (struct list){0};
	assert_int_equal(store_symlinks(f.s, f.root + 1, take_name, &l), 0);
	assert_string_equal(l.text, "");
	assert_int_equal(store_symlinks_in(f.s, LINK_BROKEN, take_name, &l), 0);
	assert_string_equal(l.text, "top|three|two|four");
	l = (struct list){0};
	assert_int_equal(store_symlinks_in(f.s, LINK_OK, take_name, &l), 0);
	assert_string_equal(l.text, "one|five");
	l = (struct list){0};
	/* directories of it, and the file of that name in a folder of files; never a similar name or a foreign link */
	assert_int_equal(store_symlinks_of(f.s, bytes("B"), take_name, &l), 0);
	assert_string_equal(l.text, "two|three|four");
	l = (struct list){0};
	assert_int_equal(store_symlinks_of(f.s, bytes(""), take_name, &l), 0);
	assert_int_equal(store_symlinks_of(f.s, bytes("/"), take_name, &l), 0);
	assert_string_equal(l.text, "");
	assert_int_equal(store_symlink_at(f.s, f.root, bytes("a-c"), bytes("three"), take_text, &l), 0);
	assert_int_equal(store_symlink_at(f.s, f.root, bytes("a/b"), bytes("two"), take_text, &l), 0);
	assert_string_equal(l.text, "../../m/all/B/sub/three.mkv|/m/all/B/two.mkv");
	assert_int_equal(store_symlink_at(f.s, f.root, bytes("a"), bytes("two"), take_text, &l), -ENOENT);
	clear(&f);
}

static void what_is_broken_is_counted_and_listed(void **state)
{
	struct fill f;
	struct list l = {0};
	struct store_symlink_counts c;
	(void)state;
	fill(&f);
	assert_int_equal(store_broken_torrents(f.s, take_torrent, &l), 0);
	assert_string_equal(l.text, "A 1/2|B 3/3");
	l = (struct list){0};
	assert_int_equal(store_broken_list(f.s, f.root, bytes(""), take_entry, &l), 0);
	assert_string_equal(l.text, "a|d|a-c|d|\xff|d|top|l");
	l = (struct list){0};
	assert_int_equal(store_broken_list(f.s, f.root, bytes("a"), take_entry, &l), 0);
	assert_string_equal(l.text, "b|d");
	l = (struct list){0};
	assert_int_equal(store_broken_list(f.s, f.root, bytes("a/b"), take_entry, &l), 0);
	assert_string_equal(l.text, "two|l");
	for (int64_t root = 0; root <= f.root; root += f.root) {
		assert_int_equal(store_symlink_counts(f.s, root, &c), 0);
		assert_int_equal(c.total, 7);
		assert_int_equal(c.state[LINK_BROKEN], 4);
		assert_int_equal(c.bytes, 70);
		assert_int_equal(c.dirs, 5);
		assert_int_equal(c.target_dirs, 5);
	}
	l = (struct list){0};
	assert_int_equal(store_link_anchors(f.s, 16, take_path, &l), 0);
	assert_string_equal(l.text, "/m/all/A/one.mkv|/m/all/Single.mkv");
	clear(&f);
}

static void what_is_not_configured_any_more_is_purged(void **state)
{
	struct fill f;
	uint64_t generation;
	struct store_symlink_counts c;
	(void)state;
	fill(&f);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_purge_symlinks(f.s), 0);
	assert_int_equal(store_commit(f.s, &generation), 0);
	assert_int_equal(store_symlink_counts(f.s, 0, &c), 0);
	assert_int_equal(c.total, 7);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_retire_roots(f.s), 0);
	assert_int_equal(store_purge_symlinks(f.s), 0);
	assert_int_equal(store_commit(f.s, &generation), 0);
	assert_int_equal(store_symlink_counts(f.s, 0, &c), 0);
	assert_int_equal(c.total + c.dirs + c.target_dirs, 0);
	clear(&f);
}

static void many_links_are_made_at_once_and_keep_their_rows(void **state)
{
	enum { MANY = 100, CHANGED = 17 };
	struct list l = {0};
	struct ids ids = {0};
	struct store_symlink rows[MANY];
	char names[MANY][16];
	uint64_t generation;
	int64_t dir = 0, target = 0;
	struct fill f;
	struct store_symlink_counts c;
	(void)state;
	fill(&f);
	struct store_target_dir t = {.path = bytes("/m/all/Z/"), .here = bytes("/m/all/Z/"), .torrent = bytes("Z")};
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_put_link_dir(f.s, f.root, bytes("z"), 0, NOW, &dir), 0);
	assert_int_equal(store_put_target_dir(f.s, &t, &target), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "%03d", i);
		rows[i] = (struct store_symlink){.dir = dir, .target_dir = target, .name = bytes(names[i]),
						 .target_name = bytes("x"), .state = LINK_OK, .reason = ""};
	}
	assert_int_equal(store_put_symlinks(f.s, rows, MANY / 2), 0);
	assert_int_equal(store_symlinks_in_dir(f.s, dir, take_id, &ids), 0);
	assert_int_equal(ids.n, MANY / 2);
	/* every third row is there already: it is changed among those that are made */
	for (int i = 0; i < MANY / 2; i += 3) {
		rows[MANY / 2 + i] = rows[i];
		rows[MANY / 2 + i].id = ids.id[i];
		rows[MANY / 2 + i].state = LINK_SUSPECT;
		rows[MANY / 2 + i].target = bytes("../x");
	}
	assert_int_equal(store_put_symlinks(f.s, rows + MANY / 2, MANY / 2), 0);
	assert_int_equal(store_commit(f.s, &generation), 0);
	assert_int_equal(store_symlink_counts(f.s, f.root, &c), 0);
	assert_int_equal(c.total, 7 + MANY - CHANGED);
	assert_int_equal(c.state[LINK_SUSPECT], CHANGED);
	assert_int_equal(store_symlink(f.s, ids.id[3], take_text, &l), 0);
	assert_int_equal(store_symlink(f.s, ids.id[4], take_text, &l), 0);
	assert_string_equal(l.text, "../x|/m/all/Z/x");
	clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_found_by_root_state_torrent_and_place),
		cmocka_unit_test(what_is_broken_is_counted_and_listed),
		cmocka_unit_test(what_is_not_configured_any_more_is_purged),
		cmocka_unit_test(many_links_are_made_at_once_and_keep_their_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
