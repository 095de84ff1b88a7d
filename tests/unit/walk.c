/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/dirsum.h"
#include "common/text.h"
#include "common/thread.h"
#include "indexer/discover/walk.h"
#include "indexer/frame.h"
#include "indexer/queue.h"

/** What came out of a walk. */
struct seen_all {
	pthread_mutex_t lock;
	struct walk *walk;
	int entries, odd, chunks, covers, errors, directories;
	/** The picture that was told last; how many were. */
	char cover[64];
	int pictures;
	/** Answers are given by another thread, as in the real thing. */
	struct queue *answers;
	int stop_after;
	/** Calls of receive(). */
	int sent;
	/** Of directories that are as they were known. */
	int same, same_files;
	uint64_t same_rows, same_bytes;
};

static bool wants(void *arg, const char *name, size_t n)
{
	(void)arg;
	return n > 5 && strcmp(name + n - 5, ".flac") == 0;
}

/** What the walks of run() are told. */
static bool (*wanting)(void *, const char *, size_t) = wants;
static int walkers_most;
static const struct known_dirs *knowing;
/** A descriptor that is for the walkers, too. */
static int kept = -1;
static int (*entering)(void *, int, int, const char *, const struct stat *);

static void read_list(struct seen_all *s, struct frame *f)
{
	size_t n;
	frame_get_u64(f);
	uint64_t *dir = malloc(sizeof *dir);
	*dir = frame_get_u64(f);
	uint32_t flags = frame_get_u32(f);
	s->errors += frame_get_u32(f) != 0;
	frame_get_bytes(f, &n);
	uint32_t count = frame_get_u32(f);
	assert_true(count <= WALK_CHUNK);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t type = frame_get_u32(f);
		s->odd += type != ENTRY_FILE && type != ENTRY_COVER;
		for (int k = 0; k < 5; k++)
			frame_get_u64(f);
		frame_get_u32(f);
		assert_int_equal(frame_get_u64(f), 0);
		const char *name = frame_get_bytes(f, &n);
		s->entries += type != ENTRY_COVER;
		if (type != ENTRY_COVER)
			continue;
		/* in the last chunk, which says all that is known of the directory */
		assert_true(flags & LIST_LAST);
		snprintf(s->cover, sizeof s->cover, "%.*s", (int)n, name);
		s->pictures++;
	}
	assert_false(f->is_bad);
	s->chunks++;
	s->directories += (flags & LIST_LAST) != 0;
	s->covers += (flags & LIST_COVER) && (flags & LIST_LAST);
	queue_put(s->answers, dir);
}

static void read_same(struct seen_all *s, struct frame *f)
{
	size_t n;
	frame_get_u64(f);
	s->same++;
	s->same_rows += frame_get_u64(f);
	s->same_files += (int)frame_get_u32(f);
	s->same_bytes += frame_get_u64(f);
	frame_get_bytes(f, &n);
	assert_false(f->is_bad);
}

static int receive(void *arg, const struct buf *frames)
{
	struct seen_all *s = arg;
	const uint8_t *at = (const uint8_t *)frames->data, *end = at + frames->len;
	struct frame f;
	long n;
	pthread_mutex_lock(&s->lock);
	s->sent++;
	while ((n = frame_parse(at, (size_t)(end - at), &f)) > 0) {
		assert_true(f.type == FRAME_LIST || (f.type == FRAME_SAME && knowing));
		if (f.type == FRAME_SAME)
			read_same(s, &f);
		else
			read_list(s, &f);
		at += n;
	}
	bool stop = s->stop_after && s->chunks >= s->stop_after;
	pthread_mutex_unlock(&s->lock);
	if (stop)
		walk_stop(s->walk);
	return 0;
}

static void *answer(void *arg)
{
	struct seen_all *s = arg;
	void *dir;
	while (queue_take(s->answers, &dir, -1) == 0) {
		walk_answer(s->walk, *(uint64_t *)dir);
		free(dir);
	}
	return NULL;
}

static int run(const char *path, int threads, struct seen_all *s, int stop_after)
{
	struct ignore ignore = {0};
	struct thread t = {0};
	*s = (struct seen_all){.lock = PTHREAD_MUTEX_INITIALIZER, .stop_after = stop_after,
			       .answers = queue_new(100000)};
	ignore_add(&ignore, "*.part", 6);
	ignore_add(&ignore, "@eaDir", 6);
	struct walk_options o = {.root = open(path, O_RDONLY | O_DIRECTORY), .threads = threads, .keeps = {kept, -1},
				 .threads_most = walkers_most, .ignore = &ignore, .wants = wanting, .send = receive, .enter = entering, .arg = s};
	assert_true(o.root >= 0);
	assert_int_equal(walk_new(&o, &s->walk), 0);
	assert_int_equal(thread_start(&t, "answer", answer, s), 0);
	const struct walk_scope all = {"", true};
	const struct walk_order order = {.scan = 1, .scope = &all, .scopes = 1, .known = knowing};
	int r = walk_run(s->walk, &order);
	queue_finish(s->answers);
	thread_join(&t);
	walk_free(s->walk);
	queue_free(s->answers, free);
	ignore_clear(&ignore);
	close(o.root);
	return r;
}

static void make(const char *format, const char *dir, int i, bool folder)
{
	char path[4096];
	char name[128];
	snprintf(name, sizeof name, format, i);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (folder)
		assert_int_equal(mkdir(path, 0755), 0);
	else
		close(open(path, O_WRONLY | O_CREAT, 0644));
}

static void a_large_directory_goes_out_in_chunks(void **state)
{
	struct seen_all s;
	char *dir = unit_folder();
	(void)state;
	for (int i = 0; i < 3 * WALK_CHUNK + 7; i++)
		make("%d.flac", dir, i, false);
	make("cover.jpg", dir, 0, false);
	make("x.flac.part", dir, 0, false);
	for (int threads = 1; threads <= 4; threads++) {
		assert_int_equal(run(dir, threads, &s, 0), 0);
		assert_int_equal(s.entries, 3 * WALK_CHUNK + 7);
		assert_int_equal(s.chunks, 4);
		assert_int_equal(s.directories, 1);
		assert_int_equal(s.covers, 1);
		assert_int_equal(s.pictures, 1);
		assert_string_equal(s.cover, "cover.jpg");
	}
	unit_remove_tree(dir);
}

/** Beside media files, one picture of those that may stand for the folder, whatever order they are listed in. */
static void the_best_picture_is_told(void **state)
{
	static const char *const names[] = {"albumart.jpg", "Front.png", "folder.webp", "Folder.jpg", "COVER.png", "cover.jpg"};
	struct seen_all s;
	char *dir = unit_folder();
	(void)state;
	make("x.jpg", dir, 0, false);
	make("%d.flac", dir, 0, false);
	assert_int_equal(run(dir, 1, &s, 0), 0);
	assert_int_equal(s.pictures, 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		make(names[i], dir, 0, false);
		assert_int_equal(run(dir, 1, &s, 0), 0);
		assert_int_equal(s.pictures, 1);
		assert_string_equal(s.cover, names[i]);
	}
	unit_remove_tree(dir);
	dir = unit_folder();
	make("cover.jpg", dir, 0, false);
	assert_int_equal(run(dir, 1, &s, 0), 0);
	assert_int_equal(s.covers, 1);
	assert_int_equal(s.pictures, 0);
	unit_remove_tree(dir);
}

static uint64_t sum_of(const char *dir, const char *name)
{
	char path[4096];
	struct statx st;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &st), 0);
	const struct dirsum_file f = {
		name, strlen(name), (int64_t)st.stx_size, st.stx_mtime.tv_sec * NS_PER_S + st.stx_mtime.tv_nsec,
		st.stx_ctime.tv_sec * NS_PER_S + st.stx_ctime.tv_nsec, (int64_t)st.stx_ino,
		st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * NS_PER_S + st.stx_btime.tv_nsec : 0,
	};
	return dirsum_of_file(&f);
}

static void know(struct known_dirs *k, const char *path, uint64_t sum, int64_t row)
{
	const struct known_dir d = {text_hash(path, strlen(path)), dirsum_end(sum), row};
	known_dirs_add(k, &d);
}

/* a: files and a picture; b: without; c: a pipe beside a file; d: no files of ours; e: nothing; f: more than a chunk; g: as d; h: a pipe */
static char *known_tree(struct known_dirs *k)
{
	static const char *const folders[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	char below[8][4096], *dir = unit_folder();
	for (int i = 0; i < 8; i++) {
		make(folders[i], dir, 0, true);
		snprintf(below[i], sizeof below[i], "%s/%s", dir, folders[i]);
	}
	uint64_t sum[8] = {0};
	for (int i = 0; i < 3; i++)
		make("%d.flac", below[0], i, false);
	make("cover.jpg", below[0], 0, false);
	sum[0] = sum_of(below[0], "0.flac") + sum_of(below[0], "1.flac") + sum_of(below[0], "2.flac") + dirsum_of_cover("cover.jpg", 9);
	make("0.flac", below[1], 0, false);
	sum[1] = sum_of(below[1], "0.flac");
	make("0.flac", below[2], 0, false);
	sum[2] = sum_of(below[2], "0.flac");
	char odd[4200];
	snprintf(odd, sizeof odd, "%s/odd.flac", below[2]);
	assert_int_equal(mkfifo(odd, 0600), 0);
	make("notes.txt", below[3], 0, false);
	for (int i = 0; i < WALK_CHUNK + 1; i++) {
		char name[32];
		snprintf(name, sizeof name, "%d.flac", i);
		make("%d.flac", below[5], i, false);
		sum[5] += sum_of(below[5], name);
	}
	make("notes.txt", below[6], 0, false);
	snprintf(odd, sizeof odd, "%s/odd.flac", below[7]);
	assert_int_equal(mkfifo(odd, 0600), 0);
	for (int i = 0; i < 7; i++)
		if (i != 3 && i != 4)
			know(k, folders[i], sum[i], 1 << i);
	return dir;
}

static void a_directory_that_is_as_it_was_sends_no_list(void **state)
{
	struct known_dirs k = {0};
	struct seen_all s;
	char path[4096], *dir = known_tree(&k);
	(void)state;
	knowing = &k;
	for (int threads = 1; threads <= 3; threads++) {
		assert_int_equal(run(dir, threads, &s, 0), 0);
		/* a, b, d and the root, of which nothing is known and nothing is to be */
		assert_int_equal(s.same, 4);
		assert_int_equal(s.same_rows, 1 + 2);
		assert_int_equal(s.same_files, 4);
		/* c, e, f, h, and g, of which files are known */
		assert_int_equal(s.directories, 5);
		assert_int_equal(s.entries, 3 + WALK_CHUNK + 1);
	}
	snprintf(path, sizeof path, "%s/b/0.flac", dir);
	assert_int_equal(truncate(path, 5), 0);
	snprintf(path, sizeof path, "%s/a/cover.jpg", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run(dir, 1, &s, 0), 0);
	assert_int_equal(s.same_rows, 0);
	assert_int_equal(s.directories, 7);
	knowing = NULL;
	known_dirs_clear(&k);
	unit_remove_tree(dir);
}

static void very_many_directories_are_known(void **state)
{
	enum { MANY = 100000 };
	struct known_dirs k = {0};
	char path[32];
	(void)state;
	assert_null(known_dirs_find(&k, "1"));
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof path, "%d", i);
		know(&k, path, (uint64_t)i * 1000, i);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof path, "%d", i);
		const struct known_dir *d = known_dirs_find(&k, path);
		assert_non_null(d);
		assert_int_equal(d->row, i);
	}
	assert_null(known_dirs_find(&k, "100000"));
	assert_true(k.places < 4 * MANY);
	known_dirs_clear(&k);
}

static void many_directories_need_no_more_credit_than_there_is(void **state)
{
	struct seen_all s;
	char *dir = unit_folder(), sub[4096];
	(void)state;
	make("@eaDir", dir, 0, true);
	for (int i = 0; i < 5 * WALK_CREDIT; i++) {
		make("d%d", dir, i, true);
		snprintf(sub, sizeof sub, "%s/d%d", dir, i);
		make("a%d.flac", sub, i, false);
		if (i % 100 == 0)
			make("folder.flac", sub, 0, true);
	}
	for (int threads = 1; threads <= 4; threads++) {
		assert_int_equal(run(dir, threads, &s, 0), 0);
		assert_int_equal(s.entries - s.odd, 5 * WALK_CREDIT);
		assert_int_equal(s.odd, 7);
		assert_int_equal(s.directories, 1 + 5 * WALK_CREDIT + 7);
	}
	unit_remove_tree(dir);
}

static void links_and_loops_are_not_followed(void **state)
{
	struct seen_all s;
	char *dir = unit_folder(), path[4096];
	(void)state;
	make("a.flac", dir, 0, false);
	snprintf(path, sizeof path, "%s/loop", dir);
	assert_int_equal(symlink(".", path), 0);
	snprintf(path, sizeof path, "%s/out.flac", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(run(dir, 2, &s, 0), 0);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.directories, 1);
	unit_remove_tree(dir);
}

static void a_walk_can_be_stopped(void **state)
{
	struct seen_all s;
	char *dir = unit_folder();
	(void)state;
	for (int i = 0; i < 3000; i++)
		make("d%d", dir, i, true);
	assert_int_equal(run(dir, 2, &s, 1), -ECANCELED);
	assert_true(s.directories < 3000);
	unit_remove_tree(dir);
}

/** Who asks whether a name is wanted waits for the disk, as it were. */
struct slow {
	struct seen_all *s;
	pthread_mutex_t lock;
	pthread_t walker[64];
	int walkers;
};

static struct slow *slow;

static bool wants_slowly(void *arg, const char *name, size_t n)
{
	nanosleep(&(struct timespec){0, 500000}, NULL);
	pthread_mutex_lock(&slow->lock);
	int i = 0;
	while (i < slow->walkers && !pthread_equal(slow->walker[i], pthread_self()))
		i++;
	if (i == slow->walkers && i < 64)
		slow->walker[slow->walkers++] = pthread_self();
	pthread_mutex_unlock(&slow->lock);
	return wants(arg, name, n);
}

/** Twelve folders of twenty files. */
static char *folder_of_twelve(void)
{
	char *dir = unit_folder();
	for (int i = 0; i < 12; i++) {
		char path[4096];
		make("%d", dir, i, true);
		snprintf(path, sizeof path, "%s/%d", dir, i);
		for (int k = 0; k < 20; k++)
			make("%d.flac", path, k, false);
	}
	return dir;
}

static int walkers_of(const char *dir, int threads, int most)
{
	struct seen_all s;
	struct slow mine = {.s = &s, .lock = PTHREAD_MUTEX_INITIALIZER};
	slow = &mine;
	wanting = wants_slowly;
	walkers_most = most;
	assert_int_equal(run(dir, threads, &s, 0), 0);
	assert_int_equal(s.entries, 12 * 20);
	wanting = wants;
	walkers_most = 0;
	return mine.walkers;
}

static void more_threads_come_while_the_disk_makes_them_wait(void **state)
{
	(void)state;
	char *dir = folder_of_twelve();
	int n = walkers_of(dir, 1, 6);
	assert_in_range(n, 2, 6);
	assert_in_range(walkers_of(dir, 1, 1), 1, 1);
	assert_in_range(walkers_of(dir, 2, 2), 1, 2);
	unit_remove_tree(dir);
}

/** How many descriptors a thread's table has. */
static int descriptors(const char *table)
{
	int n = 0;
	DIR *dir = opendir(table);
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static _Atomic int least_seen, most_seen, seen_outside, passing_seen;
/** Open in another thread. */
static int passing = -1;

static bool has_descriptor(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/** Each thread looks when it has nothing open but the directory that it came into, which nobody else has. */
static int enter_counted(void *arg, int fd, int parent, const char *path, const struct stat *st)
{
	char mine[64], here[64] = "", there[4096] = "", name[4096] = "";
	(void)arg, (void)parent, (void)path, (void)st;
	int n = descriptors("/proc/thread-self/fd");
	if (!least_seen || n < least_seen)
		least_seen = n;
	if (n > most_seen)
		most_seen = n;
	snprintf(mine, sizeof mine, "/proc/thread-self/fd/%d", fd);
	snprintf(here, sizeof here, "/proc/self/fd/%d", fd);
	assert_true(readlink(mine, name, sizeof name - 1) > 0);
	ssize_t r = readlink(here, there, sizeof there - 1);
	seen_outside += r > 0 && strcmp(name, there) == 0;
	passing_seen += has_descriptor(passing);
	assert_true(has_descriptor(kept));
	return 0;
}

static void each_thread_has_its_own_descriptors(void **state)
{
	(void)state;
	if (UNIT_SANITIZED)
		skip();
	char *dir = folder_of_twelve();
	int before = descriptors("/proc/self/fd");
	entering = enter_counted;
	/* numbers that nothing else gets */
	passing = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 200);
	kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 300);
	assert_in_range(walkers_of(dir, 1, 6), 2, 6);
	entering = NULL;
	assert_int_equal(seen_outside, 0);
	assert_int_equal(passing_seen, 0);
	assert_true(has_descriptor(passing));
	close(passing);
	close(kept);
	passing = kept = -1;
	/* whoever came later was not given what others had open */
	assert_int_equal(most_seen, least_seen);
	assert_int_equal(descriptors("/proc/self/fd"), before);
	unit_remove_tree(dir);
}

/** What says nothing new goes out many at a time, from each thread. */
static void unchanged_directories_share_a_write(void **state)
{
	enum { FOLDERS = 1500 };
	struct known_dirs k = {0};
	struct seen_all s;
	char *dir = unit_folder();
	(void)state;
	for (int i = 0; i < FOLDERS; i++) {
		char path[4096];
		make("%d", dir, i, true);
		snprintf(path, sizeof path, "%s/%d", dir, i);
		make("%d.txt", path, 1, false);
	}
	knowing = &k;
	assert_int_equal(run(dir, 4, &s, 0), 0);
	knowing = NULL;
	assert_int_equal(s.same, FOLDERS + 1);
	assert_in_range(s.sent, 1, FOLDERS / 10);
	known_dirs_clear(&k);
	unit_remove_tree(dir);
}

/** Those with a name of their own are slow. */
static int enter_slowly(void *arg, int fd, int parent, const char *path, const struct stat *st)
{
	(void)arg, (void)fd, (void)parent, (void)st;
	size_t n = strlen(path);
	if (n && path[n - 1] == 'c')
		usleep(3000);
	return 0;
}

/** With a stack that is full each thread goes down by itself, and holds all that it came through. */
static void deep_trees_do_not_stop_those_that_hold_them(void **state)
{
	enum { CHAINS = 8, DEPTH = 190, BESIDE = 16 };
	struct seen_all s;
	char *dir = unit_quick_folder();
	(void)state;
	for (int i = 0; i < CHAINS; i++) {
		char path[8192];
		int n = snprintf(path, sizeof path, "%s/%dc", dir, i);
		assert_int_equal(mkdir(path, 0755), 0);
		for (int depth = 0; depth < DEPTH; depth++) {
			/* the oldest one is told last, and listed first */
			int deeper = snprintf(path + n, sizeof path - (size_t)n, "/c");
			assert_int_equal(mkdir(path, 0755), 0);
			path[n] = '\0';
			for (int k = 0; k < BESIDE; k++)
				make("%d", path, k, true);
			path[n] = '/';
			n += deeper;
		}
	}
	entering = enter_slowly;
	alarm(120);
	assert_int_equal(run(dir, CHAINS, &s, 0), 0);
	alarm(0);
	entering = NULL;
	assert_int_equal(s.chunks, 1 + CHAINS * (1 + DEPTH * (BESIDE + 1)));
	unit_remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_directory_goes_out_in_chunks),
		cmocka_unit_test(the_best_picture_is_told),
		cmocka_unit_test(a_directory_that_is_as_it_was_sends_no_list),
		cmocka_unit_test(very_many_directories_are_known),
		cmocka_unit_test(many_directories_need_no_more_credit_than_there_is),
		cmocka_unit_test(links_and_loops_are_not_followed),
		cmocka_unit_test(a_walk_can_be_stopped),
		cmocka_unit_test(unchanged_directories_share_a_write),
		cmocka_unit_test(deep_trees_do_not_stop_those_that_hold_them),
		cmocka_unit_test(more_threads_come_while_the_disk_makes_them_wait),
		cmocka_unit_test(each_thread_has_its_own_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
