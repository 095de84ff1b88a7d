/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which directories a watch calls dirty, with the kernel's real events; and the map behind it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "indexer/discover/watch.h"
#include "indexer/discover/watch_map.h"
#include "indexer/frame.h"

/* --- the map --- */

static void assert_path(struct watch_map *m, int wd, const char *path)
{
	struct buf text = BUF_INIT(4096);
	const struct watch_node *n = map_find(m, wd);
	assert_non_null(n);
	assert_int_equal(map_path(m, n, &text), 0);
	assert_string_equal(buf_str(&text), path);
	buf_clear(&text);
}

static int path_error(struct watch_map *m, int wd)
{
	struct buf text = BUF_INIT(1 << 20);
	int r = map_path(m, map_find(m, wd), &text);
	buf_clear(&text);
	return r;
}

static void a_directory_that_moves_takes_its_children_along(void **state)
{
	struct watch_map m = {0};
	(void)state;
	assert_int_equal(map_put(&m, 1, 0, "", 7, 0), 0);
	assert_int_equal(map_put(&m, 2, 1, "a", 7, 0), 0);
	assert_int_equal(map_put(&m, 3, 2, "b", 7, 0), 0);
	assert_int_equal(map_put(&m, 4, 3, "c", 7, 0), 0);
	assert_int_equal(map_put(&m, 5, 1, "other", 7, 0), 0);
	assert_path(&m, 1, "");
	assert_path(&m, 4, "a/b/c");
	assert_int_equal(map_put(&m, 3, 5, "new name", 7, 0), 0);
	assert_path(&m, 4, "other/new name/c");
	assert_path(&m, 2, "a");
	assert_int_equal(m.count, 5);
	/* a name without a parent is the whole path */
	assert_int_equal(map_put(&m, 3, 0, "x/y", 7, 0), 0);
	assert_path(&m, 4, "x/y/c");
	map_remove(&m, 3);
	map_remove(&m, 3);
	assert_int_equal(m.count, 4);
	assert_null(map_find(&m, 3));
	assert_int_equal(path_error(&m, 4), -ENOENT);
	map_clear(&m);
	assert_null(map_find(&m, 1));
	assert_null(map_oldest(&m));
}

static void a_ring_of_parents_is_no_path(void **state)
{
	struct watch_map m = {0};
	(void)state;
	assert_int_equal(map_put(&m, 1, 2, "a", 7, 0), 0);
	assert_int_equal(map_put(&m, 2, 1, "b", 7, 0), 0);
	assert_int_equal(path_error(&m, 1), -ELOOP);
	/* its own parent: the top */
	assert_int_equal(map_put(&m, 3, 3, "c", 7, 0), 0);
	assert_path(&m, 3, "c");
	map_clear(&m);
}

static void count_node(void *arg, const struct watch_node *n)
{
	*(size_t *)arg += n->wd > 0;
}

static void the_oldest_is_at_hand_while_watches_are_short(void **state)
{
	enum { N = 3000 };
	struct watch_map m = {0};
	uint32_t mtime[N + 1] = {0}, seed = 1;
	size_t nodes = 0;
	(void)state;
	for (int wd = 1; wd <= N; wd++) {
		seed = seed * 1664525u + 1013904223u;
		mtime[wd] = seed >> 8;
		assert_int_equal(map_put(&m, wd, 0, "n", 7, mtime[wd]), 0);
		/* built when half of them is there, joined by the others */
		assert_true((map_oldest(&m) != NULL) == (wd > N / 2));
		if (wd == N / 2)
			assert_int_equal(map_limit(&m), 0);
	}
	assert_int_equal(m.heap_len, N);
	/* some change: the same name keeps its node, another one gets a new one */
	for (int wd = 1; wd <= N; wd += 3) {
		seed = seed * 1664525u + 1013904223u;
		mtime[wd] = seed >> 8;
		assert_int_equal(map_put(&m, wd, 0, wd % 2 ? "n" : "moved", 7, mtime[wd]), 0);
	}
	assert_int_equal(map_limit(&m), 0);
	assert_int_equal(m.heap_len, N);
	map_each(&m, count_node, &nodes);
	assert_int_equal(nodes, N);
	for (int wd = 5; wd <= N; wd += 7) {
		map_remove(&m, wd);
		mtime[wd] = 0;
	}
	uint32_t last = 0;
	while (map_oldest(&m)) {
		const struct watch_node *n = map_oldest(&m);
		assert_true(n->mtime >= last);
		assert_int_equal(n->mtime, mtime[n->wd]);
		last = n->mtime;
		map_remove(&m, n->wd);
	}
	assert_int_equal(m.count, 0);
	map_clear(&m);
}

static void a_directory_costs_at_most_200_bytes(void **state)
{
	enum { N = 100000 };
	struct watch_map m = {0};
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	(void)state;
	for (int i = 1; i <= N; i++) {
		char name[64];
		snprintf(name, sizeof name, "Some Artist - An Album of %d (Remaster)", 1950 + i % 80);
		assert_int_equal(map_put(&m, i, i > 1 ? 1 : 0, name, 7, i), 0);
	}
	assert_int_equal(map_limit(&m), 0);
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	/* a sanitizer's malloc does not count */
	assert_true(after == before || (after - before > (size_t)N * 40 && after - before <= (size_t)N * 200));
	map_clear(&m);
}

/* --- real events --- */

struct told {
	unsigned flags;
	char path[256];
};

struct room {
	pthread_mutex_t lock;
	char *dir;
	struct watch *w;
	struct ignore ignore;
	struct told *told;
	size_t n, size;
	/** The thread that tells waits in the first call. */
	bool is_stopped, is_waiting;
	int top;
};

static bool wants(void *arg, const char *name, size_t n)
{
	(void)arg;
	return n > 5 && strcmp(name + n - 5, ".flac") == 0;
}

static void ms(int n)
{
	usleep((useconds_t)n * 1000);
}

static void on_dirty(void *arg, unsigned flags, const char *path, size_t n)
{
	struct room *r = arg;
	pthread_mutex_lock(&r->lock);
	while (r->is_stopped) {
		r->is_waiting = true;
		pthread_mutex_unlock(&r->lock);
		ms(2);
		pthread_mutex_lock(&r->lock);
	}
	if (r->n < r->size) {
		r->told[r->n].flags = flags;
		snprintf(r->told[r->n++].path, sizeof r->told[0].path, "%.*s", (int)n, path);
	}
	pthread_mutex_unlock(&r->lock);
}

static void on_flush(void *arg)
{
	(void)arg;
}

static int enter(struct room *r, int parent, const char *path)
{
	char full[4096];
	struct stat st;
	snprintf(full, sizeof full, "%s/%s", r->dir, path);
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	int wd = watch_directory(r->w, fd, parent, path, &st);
	close(fd);
	assert_int_not_equal(wd, WATCH_NONE);
	return wd;
}

static void open_room(struct room *r)
{
	*r = (struct room){.lock = PTHREAD_MUTEX_INITIALIZER, .dir = unit_folder(), .size = 10000};
	r->told = calloc(r->size, sizeof *r->told);
	assert_non_null(r->told);
	ignore_add(&r->ignore, "*.part", 6);
	ignore_add(&r->ignore, "@eaDir", 6);
	ignore_add(&r->ignore, "part*", 5);
	struct watch_options o = {.root = r->dir, .mode = WATCH_INOTIFY, .ignore = &r->ignore, .wants = wants,
				  .dirty = on_dirty, .flush = on_flush, .arg = r};
	assert_int_equal(watch_new(&o, 0xef53, &r->w), 0);
	r->top = enter(r, WATCH_NONE, "");
}

static void close_room(struct room *r)
{
	watch_free(r->w);
	unit_remove_tree(r->dir);
	ignore_clear(&r->ignore);
	free(r->told);
}

/** Whether that was told lately, with exactly these flags; waits for it. */
static void assert_told(struct room *r, const char *path, unsigned flags)
{
	for (int64_t end = mono_ns() + 10 * NS_PER_S; mono_ns() < end; ms(5)) {
		bool is_told = false;
		pthread_mutex_lock(&r->lock);
		for (size_t i = 0; i < r->n; i++)
			is_told |= r->told[i].flags == flags && strcmp(r->told[i].path, path) == 0;
		pthread_mutex_unlock(&r->lock);
		if (is_told)
			return;
	}
	for (size_t i = 0; i < r->n; i++)
		print_error("told %u \"%s\"\n", r->told[i].flags, r->told[i].path);
	fail_msg("%u \"%s\" was not told", flags, path);
}

static size_t forget_told(struct room *r)
{
	/* what is on its way arrives before */
	ms(100);
	pthread_mutex_lock(&r->lock);
	size_t n = r->n;
	r->n = 0;
	pthread_mutex_unlock(&r->lock);
	return n;
}

static const char *in(const struct room *r, const char *name)
{
	static char path[4][4096];
	static int at;
	char *p = path[at++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", r->dir, name);
	return p;
}

static int create(const struct room *r, const char *name)
{
	int fd = open(in(r, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	return fd;
}

static void each_change_of_a_file_makes_its_folder_dirty(void **state)
{
	struct room r;
	(void)state;
	open_room(&r);
	int fd = create(&r, "a.flac");
	assert_told(&r, "", 0);
	forget_told(&r);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_told(&r, "", DIRTY_WRITING);
	forget_told(&r);
	close(fd);
	assert_told(&r, "", 0);
	forget_told(&r);
	assert_int_equal(rename(in(&r, "a.flac"), in(&r, "b.flac")), 0);
	assert_told(&r, "", 0);
	forget_told(&r);
	assert_int_equal(chmod(in(&r, "b.flac"), 0600), 0);
	assert_told(&r, "", 0);
	forget_told(&r);
	assert_int_equal(unlink(in(&r, "b.flac")), 0);
	assert_told(&r, "", 0);
	/* reading is no change */
	close(create(&r, "c.flac"));
	forget_told(&r);
	close(open(in(&r, "c.flac"), O_RDONLY));
	assert_int_equal(forget_told(&r), 0);
	close_room(&r);
}

/** A burst is told as few times as there are directories, more or less. */
static void a_burst_is_told_together(void **state)
{
	struct room r;
	(void)state;
	open_room(&r);
	for (int i = 0; i < 500; i++) {
		char name[32];
		snprintf(name, sizeof name, "%d.flac", i);
		close(create(&r, name));
	}
	assert_told(&r, "", 0);
	assert_true(forget_told(&r) < 100);
	close_room(&r);
}

static void stop(struct room *r, bool is_stopped)
{
	pthread_mutex_lock(&r->lock);
	r->is_stopped = is_stopped;
	pthread_mutex_unlock(&r->lock);
}

static bool is_waiting(struct room *r)
{
	pthread_mutex_lock(&r->lock);
	bool is = r->is_waiting;
	pthread_mutex_unlock(&r->lock);
	return is;
}

/** Of what happens to a folder before it is told: that it is deep stays, writing ends. */
static void what_happens_before_it_is_told_is_one_word(void **state)
{
	struct room r;
	(void)state;
	open_room(&r);
	assert_int_equal(mkdir(in(&r, "first"), 0755), 0);
	assert_told(&r, "first", DIRTY_DEEP);
	forget_told(&r);
	stop(&r, true);
	assert_int_equal(rmdir(in(&r, "first")), 0);
	for (int i = 0; i < 1000 && !is_waiting(&r); i++)
		ms(5);
	assert_int_equal(mkdir(in(&r, "sub"), 0755), 0);
	enter(&r, r.top, "sub");
	close(create(&r, "sub/1.flac"));
	int fd = create(&r, "1.flac");
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	ms(100);
	stop(&r, false);
	assert_told(&r, "sub", DIRTY_DEEP);
	assert_told(&r, "", 0);
	assert_int_equal(forget_told(&r), 3);
	close_room(&r);
}

static void folders_that_come_move_and_go_are_dirty_with_all_below(void **state)
{
	struct room r;
	(void)state;
	open_room(&r);
	assert_int_equal(mkdir(in(&r, "sub"), 0755), 0);
	assert_told(&r, "sub", DIRTY_DEEP);
	int sub = enter(&r, r.top, "sub");
	assert_int_equal(mkdir(in(&r, "sub/in"), 0755), 0);
	assert_told(&r, "sub/in", DIRTY_DEEP);
	enter(&r, sub, "sub/in");
	close(create(&r, "sub/in/1.flac"));
	assert_told(&r, "sub/in", 0);
	forget_told(&r);
	assert_int_equal(rename(in(&r, "sub"), in(&r, "new")), 0);
	assert_told(&r, "sub", DIRTY_DEEP);
	assert_told(&r, "new", DIRTY_DEEP);
	/* the walk comes by at the new place; what is below follows */
	assert_int_equal(enter(&r, r.top, "new"), sub);
	forget_told(&r);
	close(create(&r, "new/in/2.flac"));
	assert_told(&r, "new/in", 0);
	forget_told(&r);
	unlink(in(&r, "new/in/1.flac"));
	unlink(in(&r, "new/in/2.flac"));
	assert_int_equal(rmdir(in(&r, "new/in")), 0);
	assert_told(&r, "new/in", DIRTY_DEEP);
	struct watch_counts c;
	forget_told(&r);
	watch_count(r.w, &c);
	assert_int_equal(c.watched, 2);
	assert_int_equal(c.overflows, 0);
	close_room(&r);
}

static void names_that_do_not_matter_are_not_told(void **state)
{
	struct room r;
	(void)state;
	open_room(&r);
	close(create(&r, "notes.txt"));
	close(create(&r, "a.flac.part"));
	close(create(&r, "part.flac"));
	assert_int_equal(mkdir(in(&r, "@eaDir"), 0755), 0);
	assert_int_equal(rmdir(in(&r, "@eaDir")), 0);
	assert_int_equal(forget_told(&r), 0);
	/* the end of a download */
	assert_int_equal(rename(in(&r, "a.flac.part"), in(&r, "a.flac")), 0);
	assert_told(&r, "", 0);
	forget_told(&r);
	close(create(&r, "cover.jpg"));
	assert_told(&r, "", 0);
	forget_told(&r);
	close(create(&r, "photo.jpg"));
	assert_int_equal(forget_told(&r), 0);
	close_room(&r);
}

static void the_end_of_the_root_is_told(void **state)
{
	struct room r;
	char moved[4100];
	(void)state;
	open_room(&r);
	snprintf(moved, sizeof moved, "%s-moved", r.dir);
	assert_int_equal(rename(r.dir, moved), 0);
	assert_told(&r, "", DIRTY_DEEP);
	forget_told(&r);
	assert_int_equal(rmdir(moved), 0);
	assert_told(&r, "", DIRTY_DEEP);
	close_room(&r);
}

static void what_is_forgotten_gives_its_watches_back(void **state)
{
	struct room r;
	struct watch_counts c;
	char *gone[] = {(char *)(uintptr_t)"a", (char *)(uintptr_t)"b/in"};
	(void)state;
	open_room(&r);
	static const char *const dirs[] = {"a", "a/x", "a/x/y", "a-b", "b", "b/in", "b/in/z", "b/inn"};
	int wd[8];
	for (int i = 0; i < 8; i++)
		assert_int_equal(mkdir(in(&r, dirs[i]), 0755), 0);
	static const int parent[] = {-1, 0, 1, -1, -1, 4, 5, 4};
	for (int i = 0; i < 8; i++)
		wd[i] = enter(&r, parent[i] < 0 ? r.top : wd[parent[i]], dirs[i]);
	watch_count(r.w, &c);
	assert_int_equal(c.watched, 9);
	watch_forget(r.w, gone, 2);
	watch_count(r.w, &c);
	assert_int_equal(c.watched, 4);
	forget_told(&r);
	close(create(&r, "a/x/1.flac"));
	close(create(&r, "b/in/1.flac"));
	assert_int_equal(forget_told(&r), 0);
	close(create(&r, "a-b/1.flac"));
	close(create(&r, "b/inn/1.flac"));
	assert_told(&r, "a-b", 0);
	assert_told(&r, "b/inn", 0);
	/* all of it */
	gone[0] = (char *)(uintptr_t)"";
	watch_forget(r.w, gone, 1);
	watch_count(r.w, &c);
	assert_int_equal(c.watched, 0);
	close_room(&r);
}

static void too_many_folders_are_one_word(void **state)
{
	enum { MANY = 4200 };
	struct room r;
	struct watch_counts c;
	char name[64];
	(void)state;
	open_room(&r);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "d%d", i);
		assert_int_equal(mkdir(in(&r, name), 0755), 0);
		enter(&r, r.top, name);
	}
	ms(300);
	forget_told(&r);
	watch_count(r.w, &c);
	assert_int_equal(c.watched, MANY + 1);
	assert_int_equal(c.overflows, 0);
	stop(&r, true);
	close(create(&r, "first.flac"));
	for (int i = 0; i < 1000 && !is_waiting(&r); i++)
		ms(5);
	assert_true(is_waiting(&r));
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "d%d/1.flac", i);
		close(create(&r, name));
	}
	for (int i = 0; i < 1000 && !c.overflows; i++, ms(5))
		watch_count(r.w, &c);
	assert_int_equal(c.overflows, 1);
	stop(&r, false);
	assert_told(&r, "", DIRTY_DEEP | DIRTY_LOST);
	assert_true(forget_told(&r) < 64);
	/* and it goes on */
	close(create(&r, "d7/2.flac"));
	assert_told(&r, "d7", 0);
	watch_count(r.w, &c);
	assert_int_equal(c.overflows, 1);
	close_room(&r);
}

static void a_server_is_not_watched(void **state)
{
	struct watch_options o = {.root = "/", .mode = WATCH_AUTO};
	struct watch_counts c;
	struct stat st = {0};
	struct watch *w;
	(void)state;
	assert_true(watch_is_remote(0x6969));
	assert_true(watch_is_remote(0xff534d42));
	assert_true(watch_is_remote(0x65735546));
	assert_false(watch_is_remote(0xef53));
	assert_int_equal(watch_new(&o, 0x6969, &w), 0);
	watch_count(w, &c);
	assert_int_equal(c.mode, WATCH_POLL);
	assert_string_not_equal(c.reason, "");
	assert_int_equal(watch_directory(w, 0, WATCH_NONE, "", &st), WATCH_NONE);
	watch_free(w);
	watch_free(NULL);
	watch_count(NULL, &c);
	assert_int_equal(c.mode, WATCH_POLL);
	assert_int_equal(c.watched, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_that_moves_takes_its_children_along),
		cmocka_unit_test(a_ring_of_parents_is_no_path),
		cmocka_unit_test(the_oldest_is_at_hand_while_watches_are_short),
		cmocka_unit_test(a_directory_costs_at_most_200_bytes),
		cmocka_unit_test(each_change_of_a_file_makes_its_folder_dirty),
		cmocka_unit_test(a_burst_is_told_together),
		cmocka_unit_test(what_happens_before_it_is_told_is_one_word),
		cmocka_unit_test(folders_that_come_move_and_go_are_dirty_with_all_below),
		cmocka_unit_test(names_that_do_not_matter_are_not_told),
		cmocka_unit_test(the_end_of_the_root_is_told),
		cmocka_unit_test(what_is_forgotten_gives_its_watches_back),
		cmocka_unit_test(too_many_folders_are_one_word),
		cmocka_unit_test(a_server_is_not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
