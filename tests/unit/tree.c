/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Walks every table of the mount: a new row is tested without being named here. */
#include "tests/unit/fill_links.h"

#include <errno.h>
#include <sys/stat.h>

#include "common/orders.h"
#include "common/text.h"
#include "fs/tree.h"

static struct config *config;

static void open_views(const char *dir)
{
	char path[4096];
	_buf_ struct buf why = BUF_INIT(1 << 16);
	snprintf(path, sizeof path, "%s/conf", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "state_dir = \"%s\"\npath_map = {\"/data=/srv\"}\n", dir);
	fclose(f);
	assert_int_equal(config_load(path, &config, &why), 0);
	assert_int_equal(views_open(config), 0);
	tree_init();
}

static void close_views(char *dir)
{
	views_close();
	config_free(config);
	config = NULL;
	unit_remove(dir);
}

static void every_entry_is_exactly_one_thing(void **state)
{
	size_t n;
	(void)state;
	tree_init();
	const struct entry *const *e = tree_entries(&n);
	assert_true(n > 40);
	for (size_t i = 0; i < n; i++) {
		const char *name = e[i]->name ? e[i]->name : "<rows>";
		int things = (e[i]->dir != NULL) + (e[i]->show != NULL) + (e[i]->link != NULL) +
			     (e[i]->order != NULL && !e[i]->show);
		if (things != 1)
			fail_msg("%s is %d things", name, things);
		assert_int_equal(S_ISDIR(e[i]->mode), e[i]->dir != NULL);
		assert_int_equal(S_ISLNK(e[i]->mode), e[i]->link != NULL);
		if (!e[i]->name)
			assert_true(e[i]->list && e[i]->find && e[i]->stamp);
		if (!e[i]->help)
			fail_msg("%s says nothing of itself in README.txt", name);
		if (S_ISREG(e[i]->mode) && !e[i]->order)
			assert_int_equal(e[i]->mode & 0777, 0444);
		if (e[i]->order)
			assert_int_not_equal(order_find(e[i]->order, strlen(e[i]->order)), ORDER_COUNT);
	}
}

struct walk {
	struct view *v;
	const struct node *dir;
	int depth, files, dirs, links;
	char names[64][256];
	int count;
};

static void walk(struct view *v, const struct node *dir, int depth, struct walk *total);

static void check_content(struct view *v, const struct node *n, const char *name)
{
	_buf_ struct buf a = BUF_INIT(64 << 20), b = BUF_INIT(64 << 20);
	assert_int_equal(tree_render(v, n, &a), 0);
	assert_int_equal(tree_render(v, n, &b), 0);
	if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		fail_msg("%s: the same version shows two contents", name);
	assert_true(text_is_utf8(a.data, a.len));
	if (a.len == 0)
		fail_msg("%s is empty", name);
	if (n->entry->order)
		assert_true(a.len <= 1024);
}

static int check_item(void *arg, const struct tree_item *item)
{
	struct walk *w = arg;
	struct node found, decoded;
	int64_t at;
	assert_true(w->count < 64);
	for (int i = 0; i < w->count; i++)
		assert_string_not_equal(w->names[i], item->name);
	snprintf(w->names[w->count++], sizeof w->names[0], "%s", item->name);
	/* what is listed is found, as the same node */
	if (tree_find(w->v, w->dir, item->name, &found, &at) < 0)
		fail_msg("%s is listed and not found", item->name);
	assert_int_equal(tree_inode(&found), tree_inode(&item->node));
	assert_true(strlen(item->name) <= 255 && item->name[0] != '.');
	assert_null(strchr(item->name, '/'));
	/* a number tells its node without any table in memory */
	assert_int_equal(tree_decode(tree_id(&found), &decoded), 0);
	assert_ptr_equal(decoded.entry, found.entry);
	assert_int_equal(decoded.row, found.row);
	if (S_ISDIR(found.entry->mode)) {
		w->dirs++;
		walk(w->v, &found, w->depth + 1, w);
		return 0;
	}
	w->files += S_ISREG(found.entry->mode);
	w->links += S_ISLNK(found.entry->mode);
	/* what a listing told of a link is what its attributes say later */
	if (S_ISLNK(found.entry->mode))
		assert_int_equal(at, item->at);
	check_content(w->v, &found, item->name);
	return 0;
}

static void walk(struct view *v, const struct node *dir, int depth, struct walk *total)
{
	struct walk w = {.v = v, .dir = dir, .depth = depth};
	struct node child;
	int64_t at;
	assert_true(depth < 10);
	assert_int_equal(tree_list(v, dir, 0, check_item, &w), 0);
	assert_int_equal(tree_find(v, dir, "no such name", &child, &at), -ENOENT);
	total->files += w.files;
	total->dirs += w.dirs;
	total->links += w.links;
}

static void what_is_listed_is_found_and_renders(void **state)
{
	struct filler f;
	struct view v;
	struct walk total = {0};
	struct node root = {.entry = &ROOT_ENTRY};
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	fill_links(&f);
	store_close(f.s);
	open_views(dir);
	view_begin(&v);
	assert_non_null(v.store);
	walk(&v, &root, 0, &total);
	view_end(&v);
	close_views(dir);
	assert_true(total.files > 30);
	/* A, B and Various Artists; Rock; 1999 and 2001; an album each time, B's twice */
	assert_true(total.dirs > 15);
	/* album One at A, B, Rock, 1999: two tracks each; Two at B, Various, 2001; three volumes */
	assert_int_equal(total.links, 4 * 2 + 3 + 3 + FILLED_BROKEN);
}

static int stop_after(void *arg, const struct tree_item *item)
{
	uint64_t *cursor = arg;
	*cursor = item->cursor;
	return 1;
}

static int count_item(void *arg, const struct tree_item *item)
{
	(void)item;
	++*(int *)arg;
	return 0;
}

static void a_listing_goes_on_where_it_stopped(void **state)
{
	struct filler f;
	struct view v;
	struct node dir;
	int64_t at;
	static const char *const dirs[] = {"", "status", "music/artists", "music/artists/A/One",
					   "manga", "manga/S/volumes", "history",
					   "history/2026-11-21T10:00:00Z", "links/broken",
					   "links/broken/tv", "links/broken/tv/Show/Season 1"};
	char *folder = unit_folder();
	(void)state;
	fill_all(&f, folder);
	fill_links(&f);
	store_close(f.s);
	open_views(folder);
	view_begin(&v);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		int whole = 0, parts = 0;
		uint64_t cursor = 0;
		assert_int_equal(tree_resolve(&v, dirs[i], &dir, &at), 0);
		assert_int_equal(tree_list(&v, &dir, 0, count_item, &whole), 0);
		while (tree_list(&v, &dir, cursor, stop_after, &cursor) == 1)
			parts++;
		assert_int_equal(parts, whole);
		/* the last one says that it is the last: nobody has to look whether more follows */
		assert_true(cursor == TREE_END);
	}
	view_end(&v);
	close_views(folder);
}

static void without_a_store_every_file_still_answers(void **state)
{
	struct view v;
	struct node n;
	int64_t at;
	_buf_ struct buf out = BUF_INIT(1 << 20);
	char *dir = unit_folder();
	(void)state;
	open_views(dir);
	view_begin(&v);
	assert_null(v.store);
	assert_int_equal(tree_resolve(&v, "status/summary", &n, &at), 0);
	assert_int_equal(tree_render(&v, &n, &out), 0);
	assert_non_null(strstr(buf_str(&out), "the indexer is away"));
	view_end(&v);
	close_views(dir);
}

static void begin_filled(struct view *v, char *dir)
{
	struct filler f;
	fill_all(&f, dir);
	store_close(f.s);
	open_views(dir);
	view_begin(v);
}

static void links_are_mapped_for_containers(void **state)
{
	struct view v;
	struct node n;
	int64_t at;
	_buf_ struct buf out = BUF_INIT(1 << 16);
	char *dir = unit_folder();
	(void)state;
	begin_filled(&v, dir);
	assert_int_equal(tree_resolve(&v, "music/artists/A/One/01 - First _ Song.flac", &n, &at), 0);
	assert_int_equal(tree_render(&v, &n, &out), 0);
	assert_string_equal(buf_str(&out), "/data/music/A/One/01.flac");
	view_end(&v);
	close_views(dir);
}

static void another_target_is_another_node(void **state)
{
	struct view v;
	struct node one, same, other;
	int64_t at;
	_buf_ struct buf out = BUF_INIT(1 << 16);
	char *dir = unit_folder();
	(void)state;
	begin_filled(&v, dir);
	assert_int_equal(tree_resolve(&v, "music/artists/A/One/01 - First _ Song.flac", &one, &at), 0);
	assert_int_equal(tree_resolve(&v, "music/years/1999/A - One/01 - First _ Song.flac", &same, &at), 0);
	other = one;
	other.row++;
	assert_int_equal(tree_target(&v, &one, &out), 0);
	assert_string_equal(buf_str(&out), "/data/music/A/One/01.flac");
	buf_reset(&out);
	assert_int_equal(tree_target(&v, &same, &out), 0);
	assert_int_equal(tree_id(&same), tree_id(&one));
	buf_reset(&out);
	assert_int_equal(tree_target(&v, &other, &out), 0);
	assert_int_not_equal(other.version, one.version);
	/* st_ino stays */
	other.row = one.row;
	assert_int_equal(tree_inode(&other), tree_inode(&one));
	view_end(&v);
	close_views(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_exactly_one_thing),
		cmocka_unit_test(what_is_listed_is_found_and_renders),
		cmocka_unit_test(a_listing_goes_on_where_it_stopped),
		cmocka_unit_test(without_a_store_every_file_still_answers),
		cmocka_unit_test(links_are_mapped_for_containers),
		cmocka_unit_test(another_target_is_another_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
