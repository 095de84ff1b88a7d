/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the diff asks to be read, and what it calls lost: over a small index of six files. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/store_private.h"
#include "common/store_write.h"
#include "indexer/discover/diff.h"
#include "indexer/frame.h"

struct shelf {
	char *folder;
	struct store *s;
	struct diff *d;
	int64_t root;
	/** What was asked for: "+name" read, "?dir" unsettled, "-path" lost, "r" restored, "f" folder
	 * forgotten, "c" cover, "e" error, "x" errors expired; each with a blank behind. */
	char said[1024];
};

static const char *const paths[] = {"a/1", "a/2", "a/in/3", "b/4", "bb/5", "6"};

static void split(const char *path, struct bytes *dir, struct bytes *name)
{
	const char *slash = strrchr(path, '/');
	*dir = (struct bytes){path, slash ? (size_t)(slash - path) : 0};
	name->data = slash ? slash + 1 : path;
	name->len = strlen(name->data);
}

static struct seen as_was(const char *path)
{
	struct seen e = {.type = ENTRY_FILE, .size = 100, .mtime = 200, .ctime = 300, .inode = 400, .btime = 500,
			 .links = 1};
	struct bytes dir;
	split(path, &dir, &e.name);
	return e;
}

static void put(struct shelf *x, const char *path, const char *error)
{
	struct media m;
	struct store_touched t;
	struct seen e = as_was(path);
	struct store_put p = {
		.root = x->root, .job = 1, .name = e.name, .size = e.size, .mtime = e.mtime, .ctime = e.ctime,
		.inode = e.inode, .btime = e.btime, .of = OF_TRACK, .media = &m, .error_kind = error,
		.error_reason = error ? "because" : "", .tries = error != NULL,
	};
	media_init(&m);
	split(path, &p.dir, &p.name);
	media_set_text(&m, FIELD_title, "t", 1);
	assert_int_equal(store_put_file(x->s, &p, &t), 0);
	media_clear(&m);
}

static void say(struct shelf *x, const char *what, const char *text, size_t n)
{
	size_t at = strlen(x->said);
	snprintf(x->said + at, sizeof x->said - at, "%s%.*s ", what, (int)n, text);
}

static void on_wanted(void *arg, struct seen *e)
{
	say(arg, "+", e->name.data, e->name.len);
}

static void on_unsettled(void *arg, struct bytes dir)
{
	say(arg, "?", dir.data, dir.len);
}

static void on_change(void *arg, struct change *c)
{
	struct shelf *x = arg;
	switch (c->kind) {
	case CHANGE_RESTORE_FILE:
		say(x, "r", "", 0);
		break;
	case CHANGE_FORGET_DIR:
		say(x, "f", "", 0);
		break;
	case CHANGE_COVER:
		say(x, c->flag ? "c+" : "c-", "", 0);
		break;
	case CHANGE_ERROR:
		say(x, "e:", c->dir, c->dir_len);
		break;
	default:
		assert_int_equal(c->kind, CHANGE_EXPIRE_ERRORS);
		say(x, "x", "", 0);
	}
	change_free(c);
}

static int on_lost(void *arg, const struct lost_file *f)
{
	char path[64];
	int n = snprintf(path, sizeof path, "%.*s%s%.*s", (int)f->path.len, f->path.data,
			 f->path.len ? "/" : "", (int)f->name.len, f->name.data);
	say(arg, "-", path, (size_t)n);
	return 0;
}

static void open_shelf(struct shelf *x)
{
	char why[256];
	*x = (struct shelf){.folder = unit_folder()};
	assert_int_equal(store_open_writer(x->folder, &x->s, why), 0);
	assert_int_equal(store_begin_write(x->s), 0);
	assert_int_equal(store_put_root(x->s, "music", "music", "/srv/music", &x->root), 0);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		put(x, paths[i], NULL);
}

static void close_shelf(struct shelf *x)
{
	store_rollback(x->s);
	store_close(x->s);
	unit_remove(x->folder);
}

static struct diff_options options(struct shelf *x, const struct walk_scope *scope, size_t n)
{
	return (struct diff_options){
		.store = x->s, .root = x->root, .job = 2, .scope = scope, .scopes = n,
		.sink = {.wanted = on_wanted, .unsettled = on_unsettled, .put = on_change, .arg = x},
	};
}

static void begin(struct shelf *x, const struct diff_options *o)
{
	x->said[0] = '\0';
	assert_int_equal(diff_new(o, &x->d), 0);
}

/** Lists @dir with entries "1 2"; a name with '!' behind has changed. */
static void list(struct shelf *x, const char *dir, const char *names, uint32_t flags, int error)
{
	struct seen e[16];
	char text[256], *save = NULL;
	size_t n = 0;
	snprintf(text, sizeof text, "%s", names);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save), n++) {
		size_t len = strcspn(w, "!");
		e[n] = as_was(w);
		e[n].size += w[len] == '!';
		e[n].name.len = len;
	}
	assert_int_equal(diff_chunk(x->d, (struct bytes){dir, strlen(dir)}, flags, error, e, n), 0);
}

static void list_all(struct shelf *x, const char *dir, const char *names)
{
	list(x, dir, names, LIST_FIRST | LIST_LAST, 0);
}

static void expect(struct shelf *x, int lost, const char *said)
{
	assert_int_equal(diff_lost(x->d, on_lost, x), lost);
	assert_int_equal(diff_finish(x->d), lost);
	diff_free(x->d);
	assert_string_equal(x->said, said);
}

static const struct walk_scope all = {"", true};

/* --- what is read, what is lost --- */

static void nothing_changed_nothing_said(void **state)
{
	struct shelf x;
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	begin(&x, &o);
	list_all(&x, "", "6");
	list_all(&x, "a", "1 2");
	list_all(&x, "a/in", "3");
	list_all(&x, "b", "4");
	list_all(&x, "bb", "5");
	assert_int_equal(diff_counts(x.d)->unchanged, 6);
	assert_int_equal(diff_counts(x.d)->bytes, 600);
	expect(&x, 0, "x ");
	close_shelf(&x);
}

static void each_part_of_a_stat_tells_a_change(void **state)
{
	struct shelf x;
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	for (int i = 0; i < 7; i++) {
		struct seen e = as_was("a/1");
		e.size += i == 1;
		e.mtime += i == 2;
		e.ctime += i == 3;
		e.inode += i == 4;
		e.btime += i == 5;
		e.inode += i == 6;
		o.has_loose_inodes = i == 6;
		begin(&x, &o);
		assert_int_equal(diff_chunk(x.d, (struct bytes){"a", 1}, LIST_FIRST | LIST_LAST, 0, &e, 1), 0);
		assert_string_equal(x.said, i == 0 || i == 6 ? "" : "+1 ");
		assert_int_equal(e.file != 0, 1);
		diff_free(x.d);
	}
	/* all of it is asked for */
	o = options(&x, &all, 1);
	o.is_full = true;
	begin(&x, &o);
	list_all(&x, "a", "1 2");
	assert_string_equal(x.said, "+1 +2 ");
	diff_free(x.d);
	close_shelf(&x);
}

static void what_is_not_seen_is_lost_with_all_below(void **state)
{
	struct shelf x;
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	begin(&x, &o);
	list_all(&x, "", "new");
	list_all(&x, "b", "4!");
	list_all(&x, "bb", "5");
	expect(&x, 0, "+new +4 -6 -a/1 -a/2 -a/in/3 f f x ");
	close_shelf(&x);
}

static void a_list_in_pieces_is_one_list(void **state)
{
	struct shelf x;
	const struct walk_scope a = {"a", false};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &a, 1);
	begin(&x, &o);
	list(&x, "a", "1 new", LIST_FIRST, 0);
	list(&x, "a", "9", 0, 0);
	list(&x, "a", "2!", LIST_LAST, 0);
	expect(&x, 0, "+new +9 +2 x ");
	begin(&x, &o);
	list(&x, "a", "9", LIST_FIRST, 0);
	list(&x, "a", "2", LIST_LAST, 0);
	expect(&x, 0, "+9 -a/1 x ");
	close_shelf(&x);
}

/* --- parts of a root --- */

static void a_scope_tells_nothing_of_the_rest(void **state)
{
	struct shelf x;
	const struct walk_scope deep = {"a", true}, shallow = {"a", false}, none = {"zz", false};
	const struct walk_scope two[] = {{"b", true}, {"", false}};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &deep, 1);
	begin(&x, &o);
	expect(&x, 0, "-a/1 -a/2 -a/in/3 f f x ");
	begin(&x, &o);
	list_all(&x, "a", "1 2");
	expect(&x, 0, "-a/in/3 f x ");
	o = options(&x, &shallow, 1);
	begin(&x, &o);
	list_all(&x, "a", "2");
	expect(&x, 0, "-a/1 x ");
	o = options(&x, &none, 1);
	begin(&x, &o);
	expect(&x, 0, "x ");
	/* not of "bb" */
	o = options(&x, two, 2);
	begin(&x, &o);
	list_all(&x, "", "");
	expect(&x, 0, "-b/4 -6 f x x ");
	close_shelf(&x);
}

static void the_slices_of_a_root_are_all_of_it_once(void **state)
{
	enum { SLICES = 3 };
	struct shelf x;
	int lost = 0, top = 0;
	(void)state;
	open_shelf(&x);
	for (uint32_t slice = 0; slice < SLICES; slice++) {
		struct diff_options o = options(&x, &all, 1);
		o.slice = slice;
		o.slices = SLICES;
		begin(&x, &o);
		/* the root is part of each */
		list_all(&x, "", "6");
		assert_int_equal(diff_lost(x.d, on_lost, &x), 0);
		assert_null(strstr(x.said, "-6"));
		bool has_a = strstr(x.said, "-a/1 -a/2 ") != NULL;
		/* a folder and what is below it are in the same one */
		assert_int_equal(has_a, strstr(x.said, "-a/in/3 ") != NULL);
		assert_int_equal(has_a, walk_slice("a", 1, SLICES) == slice);
		for (const char *c = x.said; *c; c++)
			lost += *c == '-';
		x.said[0] = '\0';
		assert_int_equal(diff_finish(x.d), 0);
		/* errors have no slice */
		assert_null(strchr(x.said, 'x'));
		for (const char *c = x.said; *c; c++)
			top += *c == 'f';
		diff_free(x.d);
	}
	assert_int_equal(lost, 5);
	assert_int_equal(top, 4);
	close_shelf(&x);
}

/* --- what is not known --- */

static void nothing_is_lost_where_nothing_could_be_seen(void **state)
{
	struct shelf x;
	char *blind[] = {(char *)(uintptr_t)"a/in", (char *)(uintptr_t)"bb"};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	/* known before */
	o.blind = blind;
	o.blinds = 2;
	begin(&x, &o);
	list_all(&x, "", "");
	expect(&x, 0, "-6 -a/1 -a/2 -b/4 f f x ");
	/* found out: the folder cannot be listed; its name is not a prefix of another's */
	o.blinds = 0;
	begin(&x, &o);
	list_all(&x, "", "6");
	list(&x, "b", "", LIST_FIRST | LIST_LAST, -EACCES);
	expect(&x, 0, "e:b -a/1 -a/2 -a/in/3 -bb/5 f f f x ");
	/* half of it */
	begin(&x, &o);
	list(&x, "a", "1", LIST_FIRST, 0);
	list(&x, "a", "", LIST_LAST, -EIO);
	expect(&x, 0, "e:a -6 -b/4 -bb/5 f f f x ");
	/* told by somebody else */
	begin(&x, &o);
	diff_blind(x.d, "a");
	expect(&x, 0, "-6 -b/4 -bb/5 f f f x ");
	begin(&x, &o);
	diff_blind(x.d, "");
	expect(&x, 0, "x ");
	close_shelf(&x);
}

static void a_folder_that_vanished_is_gone(void **state)
{
	struct shelf x;
	const struct walk_scope b = {"b", true};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &b, 1);
	begin(&x, &o);
	list(&x, "b", "", LIST_FIRST | LIST_LAST, -ENOENT);
	expect(&x, 0, "-b/4 f x ");
	close_shelf(&x);
}

static void what_cannot_be_looked_at_is_kept(void **state)
{
	struct shelf x;
	const struct walk_scope a = {"a", true};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &a, 1);
	begin(&x, &o);
	struct seen e[] = {as_was("1"), as_was("in")};
	e[0].type = e[1].type = ENTRY_UNKNOWN;
	assert_int_equal(diff_chunk(x.d, (struct bytes){"a", 1}, LIST_FIRST | LIST_LAST, 0, e, 2), 0);
	expect(&x, 0, "e:a/1 e:a/in -a/2 x ");
	close_shelf(&x);
}

static void after_a_failure_nothing_is_lost(void **state)
{
	struct shelf x;
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	begin(&x, &o);
	diff_fail(x.d);
	expect(&x, -EIO, "");
	close_shelf(&x);
}

/** Rows that are made while the scan runs are not those that it missed. */
static void what_came_during_the_scan_is_not_lost(void **state)
{
	struct shelf x;
	const struct walk_scope b = {"b", false};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &b, 1);
	begin(&x, &o);
	list_all(&x, "b", "4 new");
	put(&x, "b/new", NULL);
	put(&x, "b/later", NULL);
	expect(&x, 0, "+new x ");
	begin(&x, &o);
	list_all(&x, "b", "more new later");
	put(&x, "b/more", NULL);
	expect(&x, 0, "+more -b/4 x ");
	close_shelf(&x);
}

/* --- lost and back, quiet, errors --- */

static void a_lost_file_that_is_back_as_it_was_is_not_read(void **state)
{
	struct shelf x;
	struct store_file row;
	struct store_touched t;
	int64_t dir;
	bool cover;
	const struct walk_scope b = {"b", false};
	(void)state;
	open_shelf(&x);
	assert_int_equal(store_dir(x.s, x.root, "b", 1, &dir, &cover), 0);
	assert_int_equal(store_file_find(x.s, dir, "4", 1, &row), 0);
	assert_int_equal(store_lose_file(x.s, row.id, dir, (struct bytes){"4", 1}, &t), 0);
	struct diff_options o = options(&x, &b, 1);
	begin(&x, &o);
	list_all(&x, "b", "4!");
	expect(&x, 0, "+4 x ");
	begin(&x, &o);
	list_all(&x, "b", "4");
	assert_int_equal(diff_counts(x.d)->unchanged, 1);
	assert_true(diff_has_seen(x.d, row.id));
	expect(&x, 0, "r x ");
	/* elsewhere it is another place */
	begin(&x, &o);
	list_all(&x, "bb", "4");
	assert_string_equal(x.said, "+4 ");
	diff_free(x.d);
	close_shelf(&x);
}

static void a_folder_in_which_something_is_written_waits(void **state)
{
	struct shelf x;
	const struct walk_scope a = {"a", false};
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &a, 1);
	o.quiet_ns = 60 * NS_PER_S;
	begin(&x, &o);
	struct seen e[] = {as_was("1"), as_was("2"), as_was("new")};
	e[0].size++;
	assert_int_equal(diff_chunk(x.d, (struct bytes){"a", 1}, LIST_FIRST | LIST_LAST, 0, e, 3), 0);
	assert_string_equal(x.said, "+1 +new ");
	diff_free(x.d);
	for (int i = 0; i < 2; i++) {
		int64_t *time = i ? &e[2].mtime : &e[2].ctime;
		int64_t was = *time;
		*time = now_ns() - 30 * NS_PER_S;
		begin(&x, &o);
		assert_int_equal(diff_chunk(x.d, (struct bytes){"a", 1}, LIST_FIRST | LIST_LAST, 0, e, 3), 0);
		/* that one waits, what is as it was is seen */
		assert_string_equal(x.said, "+1 ?a ");
		assert_int_equal(diff_counts(x.d)->unchanged, 1);
		/* none of them is lost; of a folder that is new all wait, and the next one does not */
		assert_int_equal(diff_chunk(x.d, (struct bytes){"n", 1}, LIST_FIRST | LIST_LAST, 0, e, 3), 0);
		list_all(&x, "b", "4!");
		expect(&x, 0, "+1 ?a ?n ?n ?n +4 x ");
		/* a time to come is no sign of writing */
		*time = now_ns() + 3600 * NS_PER_S;
		begin(&x, &o);
		assert_int_equal(diff_chunk(x.d, (struct bytes){"n", 1}, LIST_FIRST | LIST_LAST, 0, e, 3), 0);
		assert_string_equal(x.said, "+1 +2 +new ");
		diff_free(x.d);
		*time = was;
	}
	o.quiet_ns = 0;
	e[2].mtime = now_ns();
	begin(&x, &o);
	assert_int_equal(diff_chunk(x.d, (struct bytes){"a", 1}, LIST_FIRST | LIST_LAST, 0, e, 3), 0);
	assert_string_equal(x.said, "+1 +new ");
	diff_free(x.d);
	close_shelf(&x);
}

static void failed_files_are_tried_again_where_it_helps(void **state)
{
	struct shelf x;
	(void)state;
	open_shelf(&x);
	put(&x, "e/corrupt", "corrupt");
	put(&x, "e/crashed", "crashed");
	put(&x, "e/unreadable", "unreadable");
	struct diff_options o = options(&x, &all, 1);
	begin(&x, &o);
	list_all(&x, "e", "corrupt crashed unreadable");
	assert_string_equal(x.said, "+crashed +unreadable ");
	assert_int_equal(diff_counts(x.d)->errors, 1);
	diff_free(x.d);
	begin(&x, &o);
	list_all(&x, "e", "corrupt!");
	assert_string_equal(x.said, "+corrupt ");
	diff_free(x.d);
	close_shelf(&x);
}

static void covers_and_odd_things_are_told(void **state)
{
	struct shelf x;
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	begin(&x, &o);
	list(&x, "a", "1 2", LIST_FIRST | LIST_LAST | LIST_COVER, 0);
	list(&x, "b", "4", LIST_FIRST | LIST_LAST, 0);
	struct seen e = as_was("folder.flac");
	e.type = 4;
	assert_int_equal(diff_chunk(x.d, (struct bytes){"c", 1}, LIST_FIRST | LIST_LAST, 0, &e, 1), 0);
	assert_string_equal(x.said, "c+ e:c/folder.flac ");
	diff_free(x.d);
	close_shelf(&x);
}

static void no_album(void *arg, int64_t id)
{
	(void)arg;
	(void)id;
}

/** Tells a picture beside the files of @dir, and that the directory holds it. */
static void list_picture(struct shelf *x, const char *dir, const char *file, const char *picture)
{
	struct seen e[] = {as_was(file), {.type = ENTRY_COVER, .name = {picture, strlen(picture)}}};
	assert_int_equal(diff_chunk(x->d, (struct bytes){dir, strlen(dir)}, LIST_FIRST | LIST_LAST | LIST_COVER, 0, e, 2), 0);
}

/** Once, also for a directory without a row yet; again when it is another one, or gone. */
static void the_picture_that_stands_for_a_directory_is_told(void **state)
{
	struct shelf x;
	_buf_ struct buf name = BUF_INIT(256);
	(void)state;
	open_shelf(&x);
	struct diff_options o = options(&x, &all, 1);
	begin(&x, &o);
	list_picture(&x, "a", "1", "cover.jpg");
	list_picture(&x, "new", "1", "cover.jpg");
	assert_string_equal(x.said, "c+ +1 c+ ");
	diff_free(x.d);
	const struct bytes a = {"a", 1}, cover = {"cover.jpg", 9};
	assert_int_equal(store_set_cover(x.s, x.root, a, true, cover, no_album, NULL), 0);
	begin(&x, &o);
	list_picture(&x, "a", "1", "cover.jpg");
	assert_string_equal(x.said, "");
	list_picture(&x, "a", "1", "folder.jpg");
	assert_string_equal(x.said, "c+ ");
	list_all(&x, "a", "1");
	assert_string_equal(x.said, "c+ c- ");
	diff_free(x.d);
	assert_int_equal(store_set_cover(x.s, x.root, a, false, (struct bytes){"", 0}, no_album, NULL), 0);
	assert_int_equal(store_dir_cover(x.s, x.root, "a", 1, &name), 0);
	assert_int_equal(name.len, 0);
	/* one that was told first is there for the row that comes */
	bool is_there = false;
	int64_t dir;
	assert_int_equal(store_set_cover(x.s, x.root, (struct bytes){"late", 4}, true, cover, no_album, NULL), 0);
	put(&x, "late/1", NULL);
	assert_int_equal(store_dir(x.s, x.root, "late", 4, &dir, &is_there), 0);
	assert_true(is_there);
	close_shelf(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changed_nothing_said),
		cmocka_unit_test(each_part_of_a_stat_tells_a_change),
		cmocka_unit_test(what_is_not_seen_is_lost_with_all_below),
		cmocka_unit_test(a_list_in_pieces_is_one_list),
		cmocka_unit_test(a_scope_tells_nothing_of_the_rest),
		cmocka_unit_test(the_slices_of_a_root_are_all_of_it_once),
		cmocka_unit_test(nothing_is_lost_where_nothing_could_be_seen),
		cmocka_unit_test(a_folder_that_vanished_is_gone),
		cmocka_unit_test(what_cannot_be_looked_at_is_kept),
		cmocka_unit_test(after_a_failure_nothing_is_lost),
		cmocka_unit_test(what_came_during_the_scan_is_not_lost),
		cmocka_unit_test(a_lost_file_that_is_back_as_it_was_is_not_read),
		cmocka_unit_test(a_folder_in_which_something_is_written_waits),
		cmocka_unit_test(failed_files_are_tried_again_where_it_helps),
		cmocka_unit_test(covers_and_odd_things_are_told),
		cmocka_unit_test(the_picture_that_stands_for_a_directory_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
