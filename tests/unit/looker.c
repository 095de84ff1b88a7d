/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/vec.h"
#include "indexer/symlinks/looker.h"

/* --- what a walk told --- */

struct told {
	char *path;
	int64_t mtime;
	int error;
	size_t links;
};

struct seen {
	VEC(struct told) dirs;
	VEC(char *) gone;
	/** Of all links: "path/name>target;" is looked up in it. */
	struct buf text;
	int fail_after;
};

static int on_dir(void *arg, const struct looked_dir *d)
{
	struct seen *s = arg;
	struct told *t = vec_add(&s->dirs);
	*t = (struct told){strndup(d->path.data, d->path.len), d->mtime, d->error, d->count};
	for (size_t i = 0; i < d->count; i++) {
		buf_add(&s->text, d->path.data, d->path.len);
		buf_addc(&s->text, '/');
		buf_add(&s->text, d->links[i].name.data, d->links[i].name.len);
		buf_addc(&s->text, '>');
		buf_add(&s->text, d->links[i].target.data, d->links[i].target.len);
		buf_addc(&s->text, ';');
	}
	return s->fail_after && s->dirs.len >= (size_t)s->fail_after ? -EDOM : 0;
}

static int on_gone(void *arg, const char *path)
{
	struct seen *s = arg;
	char **slot = vec_add(&s->gone);
	*slot = strdup(path);
	return 0;
}

static void clear(struct seen *s)
{
	for (size_t i = 0; i < s->dirs.len; i++)
		free(s->dirs.data[i].path);
	for (size_t i = 0; i < s->gone.len; i++)
		free(s->gone.data[i]);
	vec_clear(&s->dirs);
	vec_clear(&s->gone);
	buf_clear(&s->text);
	*s = (struct seen){.text = BUF_INIT(1 << 26)};
}

static const struct told *told(const struct seen *s, const char *path)
{
	for (size_t i = 0; i < s->dirs.len; i++)
		if (strcmp(s->dirs.data[i].path, path) == 0)
			return &s->dirs.data[i];
	return NULL;
}

static int walk(struct looker *l, const char *root, const struct known_dir *known, size_t n, struct seen *s,
		struct looked_tree *tree)
{
	clear(s);
	return looker_walk(l, root, known, n, on_dir, on_gone, s, tree);
}

static void make_dir(const char *root, const char *name)
{
	char path[8192];
	snprintf(path, sizeof path, "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const char *root, const char *name, const char *target)
{
	char path[8192];
	snprintf(path, sizeof path, "%s/%s", root, name);
	assert_int_equal(symlink(target, path), 0);
}

/** Long ago, so that its time may be believed. */
static void age(const char *root, const char *name)
{
	char path[8192];
	const struct timespec times[] = {{1000000, 5}, {1000000, 7}};
	snprintf(path, sizeof path, "%s/%s", root, name);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct looker *looker_of(int threads)
{
	struct looker *l = NULL;
	assert_int_equal(looker_new(threads, &l), 0);
	return l;
}

static void links_are_told_byte_for_byte(void **state)
{
	char *root = unit_folder(), name[256], target[4096];
	struct seen s = {.text = BUF_INIT(1 << 26)};
	struct looked_tree tree;
	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	memset(target, 't', 4095);
	target[4095] = '\0';
	make_dir(root, "a\nb");
	make_dir(root, "\xff\xfe dir");
	make_link(root, "a\nb/new\nline", "/x/\xc3\x28");
	make_link(root, "\xff\xfe dir/loop", "loop");
	make_link(root, name, target);
	make_link(root, "up", "..");
	close(open(root, O_RDONLY | O_DIRECTORY));
	for (int threads = 1; threads <= 3; threads++) {
		struct looker *l = looker_of(threads);
		assert_int_equal(walk(l, root, NULL, 0, &s, &tree), 0);
		assert_int_equal(tree.error, 0);
		assert_int_equal(tree.dirs, 3);
		assert_int_equal(tree.links, 4);
		assert_int_equal(s.dirs.len, 3);
		assert_non_null(strstr(s.text.data, "a\nb/new\nline>/x/\xc3\x28;"));
		assert_non_null(strstr(s.text.data, "\xff\xfe dir/loop>loop;"));
		assert_non_null(strstr(s.text.data, "/up>..;"));
		assert_non_null(strstr(s.text.data, target));
		assert_non_null(strstr(s.text.data, name));
		/* just made */
		assert_int_equal(told(&s, "")->mtime, 0);
		looker_free(l);
	}
	clear(&s);
	unit_remove_tree(root);
}

static void a_directory_with_its_time_is_not_read(void **state)
{
	char *root = unit_folder();
	struct seen s = {.text = BUF_INIT(1 << 26)};
	struct looked_tree tree;
	struct looker *l = looker_of(2);
	(void)state;
	make_dir(root, "a");
	make_dir(root, "a/b");
	make_dir(root, "c");
	make_link(root, "a/b/x", "/t/1");
	make_link(root, "c/y", "/t/2");
	age(root, "a/b");
	age(root, "a");
	age(root, "c");
	age(root, "");
	assert_int_equal(walk(l, root, NULL, 0, &s, &tree), 0);
	assert_int_equal(tree.dirs, 4);
	const int64_t mtime = 1000000 * NS_PER_S + 7;
	assert_int_equal(told(&s, "a/b")->mtime, mtime);
	const struct known_dir known[] = {{"", mtime}, {"a", mtime}, {"a/b", mtime}, {"c", mtime}};
	assert_int_equal(walk(l, root, known, 4, &s, &tree), 0);
	assert_int_equal(tree.dirs, 4);
	assert_int_equal(tree.unchanged, 4);
	assert_int_equal(s.dirs.len, 0);
	/* one is new deep down, one is gone, one is another by its time */
	make_dir(root, "a/b/new");
	make_link(root, "a/b/new/z", "/t/3");
	char path[4096];
	snprintf(path, sizeof path, "%s/c/y", root);
	unlink(path);
	snprintf(path, sizeof path, "%s/c", root);
	rmdir(path);
	assert_int_equal(walk(l, root, known, 4, &s, &tree), 0);
	assert_int_equal(s.gone.len, 1);
	assert_string_equal(s.gone.data[0], "c");
	assert_int_equal(tree.unchanged, 1);
	assert_int_equal(s.dirs.len, 3);
	assert_non_null(told(&s, ""));
	assert_int_equal(told(&s, "a/b")->links, 1);
	assert_int_equal(told(&s, "a/b/new")->links, 1);
	/* time 0 is read always */
	const struct known_dir zero[] = {{"", 0}, {"a", mtime}};
	assert_int_equal(walk(l, root, zero, 2, &s, &tree), 0);
	assert_non_null(told(&s, ""));
	assert_null(told(&s, "a"));
	looker_free(l);
	clear(&s);
	unit_remove_tree(root);
}

static void what_was_moved_and_linked_back_is_gone(void **state)
{
	char *root = unit_folder(), from[4096], to[4096];
	struct seen s = {.text = BUF_INIT(1 << 26)};
	struct looked_tree tree;
	struct looker *l = looker_of(1);
	(void)state;
	make_dir(root, "tree");
	make_dir(root, "tree/a");
	make_link(root, "tree/a/x", "/t/1");
	age(root, "tree/a");
	snprintf(from, sizeof from, "%s/tree/a", root);
	snprintf(to, sizeof to, "%s/elsewhere", root);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink(to, from), 0);
	snprintf(from, sizeof from, "%s/tree", root);
	const struct known_dir known[] = {{"", 1}, {"a", 1000000 * NS_PER_S + 7}};
	assert_int_equal(walk(l, from, known, 2, &s, &tree), 0);
	assert_int_equal(s.gone.len, 1);
	assert_int_equal(s.dirs.len, 1);
	assert_int_equal(told(&s, "")->links, 1);
	/* also what lies deeper, when the link leads to a place in the tree */
	make_dir(root, "tree/moved");
	make_dir(root, "tree/moved/in");
	make_link(root, "tree/b", "moved");
	age(root, "tree/moved/in");
	const struct known_dir deep[] = {{"", 1}, {"b", 1}, {"b/in", 1000000 * NS_PER_S + 7}};
	assert_int_equal(walk(l, from, deep, 3, &s, &tree), 0);
	assert_int_equal(tree.unchanged, 0);
	assert_int_equal(s.gone.len, 2);
	assert_non_null(told(&s, "moved/in"));
	looker_free(l);
	clear(&s);
	unit_remove_tree(root);
}

static void a_root_that_is_away_or_empty_is_an_error(void **state)
{
	char *root = unit_folder(), path[4096];
	struct seen s = {.text = BUF_INIT(1 << 26)};
	struct looked_tree tree;
	struct looker *l = looker_of(2);
	const struct known_dir known[] = {{"", 5}, {"a", 5}};
	(void)state;
	assert_int_equal(walk(l, root, known, 2, &s, &tree), 0);
	assert_int_equal(tree.error, -ENODATA);
	snprintf(path, sizeof path, "%s/none", root);
	assert_int_equal(walk(l, path, known, 2, &s, &tree), 0);
	assert_int_equal(tree.error, -ENOENT);
	assert_int_equal(s.gone.len + s.dirs.len, 0);
	looker_free(l);
	clear(&s);
	unit_remove_tree(root);
}

static void thousands_of_links_and_directories(void **state)
{
	enum { LINKS = 9000, DIRS = 3000 };
	char *root = unit_quick_folder(), name[64], target[1000];
	struct seen s = {.text = BUF_INIT(1 << 26)};
	struct looked_tree tree;
	(void)state;
	memset(target, 't', 999);
	target[999] = '\0';
	make_dir(root, "many");
	/* more than one frame of them */
	for (int i = 0; i < LINKS; i++) {
		snprintf(name, sizeof name, "many/%d", i);
		make_link(root, name, target);
	}
	for (int i = 0; i < DIRS; i++) {
		snprintf(name, sizeof name, "d%d", i);
		make_dir(root, name);
	}
	for (int threads = 1; threads <= 2; threads++) {
		struct looker *l = looker_of(threads);
		assert_int_equal(walk(l, root, NULL, 0, &s, &tree), 0);
		assert_int_equal(tree.error, 0);
		assert_int_equal(told(&s, "many")->links, LINKS);
		assert_int_equal(s.dirs.len, DIRS + 2);
		/* what the one who asks says ends the walk, and the next one is whole again */
		clear(&s);
		s.fail_after = 10;
		assert_int_equal(looker_walk(l, root, NULL, 0, on_dir, on_gone, &s, &tree), -EDOM);
		assert_int_equal(walk(l, root, NULL, 0, &s, &tree), 0);
		assert_int_equal(s.dirs.len, DIRS + 2);
		looker_free(l);
	}
	clear(&s);
	unit_remove_tree(root);
}

/** In a process of its own, as nobody: root may read everything.  77: that process may not run this program. */
static int as_nobody(const char *root)
{
	struct seen s = {.text = BUF_INIT(1 << 26)};
	struct looked_tree tree;
	const struct known_dir known[] = {{"", 1}, {"shut", 1}, {"shut/in", 1}};
	struct looker *l = NULL;
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
		return 77;
	/* or it could not start itself by /proc/self/exe */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (access("/proc/self/exe", X_OK) < 0 || looker_new(2, &l) < 0)
		return 77;
	if (looker_walk(l, root, known, 3, on_dir, on_gone, &s, &tree) < 0)
		return 1;
	const struct told *shut = told(&s, "shut"), *in = told(&s, "shut/in");
	bool is_right = shut && shut->error == -EACCES && in && in->error == -EACCES && !s.gone.len &&
			told(&s, "")->error == 0 && tree.error == 0;
	looker_free(l);
	clear(&s);
	return is_right ? 0 : 2;
}

static void an_unreadable_directory_is_told_with_its_error(void **state)
{
	char *root = unit_folder(), path[4096];
	int status = 0;
	(void)state;
	make_dir(root, "shut");
	make_dir(root, "shut/in");
	snprintf(path, sizeof path, "%s/shut", root);
	chmod(path, 0);
	chmod(root, 0755);
	pid_t pid = fork();
	if (pid == 0)
		_exit(as_nobody(root));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 77)
		assert_int_equal(WEXITSTATUS(status), 0);
	chmod(path, 0755);
	unit_remove_tree(root);
}

/* --- targets --- */

struct asked {
	const struct target_query *q;
	size_t n, next, answers;
	int error[64];
	int errors[64][64];
	int64_t sizes[64][64];
	bool is_all[64];
	int fail;
};

static int next_query(void *arg, struct target_query *q)
{
	struct asked *a = arg;
	if (a->next == a->n)
		return 0;
	*q = a->q[a->next++];
	return 1;
}

static int on_answer(void *arg, const struct target_answer *t)
{
	struct asked *a = arg;
	a->answers++;
	a->error[t->number] = t->error;
	a->is_all[t->number] = !t->errors && !t->error;
	for (size_t i = 0; i < t->count && i < 64; i++) {
		a->errors[t->number][i] = t->errors ? t->errors[i] : 0;
		a->sizes[t->number][i] = t->sizes ? t->sizes[i] : -2;
	}
	return a->fail;
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static void names_are_told_from_their_directory(void **state)
{
	char *root = unit_folder(), none[4096], longer[300], file[4096];
	struct looker *l = looker_of(2);
	(void)state;
	memset(longer, 'x', sizeof longer);
	make_link(root, "dangling", "nowhere");
	make_link(root, "\xff\n", "/");
	make_link(root, "twice", ".");
	snprintf(file, sizeof file, "%s/file", root);
	FILE *f = fopen(file, "w");
	fputs("12345", f);
	fclose(f);
	snprintf(none, sizeof none, "%s/none/", root);
	const struct bytes names[] = {
		bytes_of("file"), bytes_of("absent"), bytes_of("\xff\n"), bytes_of("twice"), bytes_of("twice"),
		bytes_of("a/b"), bytes_of(""), bytes_of("."), bytes_of(".."), {"a\0b", 3}, {longer, 300},
		bytes_of("dangling"), bytes_of("fil"), bytes_of("file2"),
	};
	const struct target_query q[] = {
		{0, root, names, COUNT_OF(names), false}, {1, none, names, 3, false},
		{2, root, names, COUNT_OF(names), true},  {3, file, names, 1, false},
		{4, root, names, 1, false},               {5, root, names, 8, false},
	};
	static struct asked a;
	a = (struct asked){.q = q, .n = COUNT_OF(q)};
	assert_int_equal(looker_targets(l, next_query, on_answer, &a), 0);
	assert_int_equal(a.answers, COUNT_OF(q));
	const int errors[] = {0, -ENOENT, 0, 0, 0, -EINVAL, 0, 0, 0, -EINVAL, -ENAMETOOLONG, 0, -ENOENT, -ENOENT};
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		assert_int_equal(a.errors[0][i], errors[i]);
		if (i < 8)
			assert_int_equal(a.errors[5][i], errors[i]);
		assert_int_equal(a.errors[2][i], i == 11 ? -ESTALE : errors[i]);
	}
	assert_int_equal(a.sizes[2][0], 5);
	assert_int_equal(a.sizes[2][1], -1);
	assert_int_equal(a.error[1], -ENOENT);
	assert_int_equal(a.error[3], -ENOTDIR);
	assert_true(a.is_all[4]);
	a = (struct asked){.q = q, .n = COUNT_OF(q), .fail = -EDOM};
	assert_int_equal(looker_targets(l, next_query, on_answer, &a), -EDOM);
	a = (struct asked){.q = q, .n = 0};
	assert_int_equal(looker_targets(l, next_query, on_answer, &a), 0);
	looker_free(l);
	unit_remove_tree(root);
}

enum { MANY = 30000, HUGE_COUNT = 20000 };

struct flood {
	const char *root;
	int next, answers, wrong;
	struct bytes names[HUGE_COUNT];
	char text[HUGE_COUNT][260];
};

static int next_of_flood(void *arg, struct target_query *q)
{
	struct flood *f = arg;
	if (f->next > MANY)
		return 0;
	*q = (struct target_query){(uint64_t)f->next, f->root, f->names, 5, f->next % 2};
	if (f->next == MANY / 2)
		q->count = HUGE_COUNT;
	f->next++;
	return 1;
}

static int on_flood(void *arg, const struct target_answer *a)
{
	struct flood *f = arg;
	f->answers++;
	/* the first two are there */
	f->wrong += a->error != 0 || !a->errors || a->count != (a->number == MANY / 2 ? HUGE_COUNT : 5);
	for (size_t i = 0; i < a->count && a->errors; i++)
		f->wrong += a->errors[i] != (i < 2 ? 0 : -ENOENT);
	return 0;
}

static void a_flood_of_questions_comes_to_its_end(void **state)
{
	char *root = unit_folder(), name[300];
	struct flood *f = calloc(1, sizeof *f);
	struct looker *l = looker_of(2);
	(void)state;
	f->root = root;
	for (int i = 0; i < HUGE_COUNT; i++) {
		memset(f->text[i], 'f', 250);
		snprintf(f->text[i] + 240, 20, "%d", i);
		f->names[i] = bytes_of(f->text[i]);
	}
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%s", f->text[i]);
		make_link(root, name, "/");
	}
	assert_int_equal(looker_targets(l, next_of_flood, on_flood, f), 0);
	assert_int_equal(f->answers, MANY + 1);
	assert_int_equal(f->wrong, 0);
	looker_free(l);
	free(f);
	unit_remove_tree(root);
}

/* --- the mount --- */

static void facts_of_a_folder(void **state)
{
	char *root = unit_folder(), file[4096], none[4096];
	struct mount_facts facts;
	struct looker *l = looker_of(1);
	int64_t size;
	(void)state;
	make_dir(root, "d");
	make_link(root, "x", "/");
	snprintf(file, sizeof file, "%s/d", root);
	snprintf(none, sizeof none, "%s/none", root);
	const char *const anchors[] = {file, none, "/dev/null/x"};
	assert_int_equal(looker_mount(l, root, anchors, 3, &facts), 0);
	assert_int_equal(facts.error, 0);
	assert_string_equal(facts.fstype, "");
	assert_int_equal(facts.entries, 2);
	assert_true(facts.has_dir && facts.mount_id && facts.device);
	assert_int_equal(facts.anchors, 3);
	assert_int_equal(facts.answered, 1);
	assert_int_equal(facts.failed, 1);
	assert_int_equal(looker_mount(l, none, NULL, 0, &facts), 0);
	assert_int_equal(facts.error, -ENOENT);
	assert_int_equal(looker_mount(l, "/proc", NULL, 0, &facts), 0);
	assert_string_equal(facts.fstype, "proc");
	assert_int_equal(facts.entries, 100);
	assert_int_equal(looker_stat(l, none, &size), -ENOENT);
	assert_int_equal(looker_stat(l, root, &size), 0);
	looker_free(l);
	unit_remove_tree(root);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_told_byte_for_byte),
		cmocka_unit_test(a_directory_with_its_time_is_not_read),
		cmocka_unit_test(what_was_moved_and_linked_back_is_gone),
		cmocka_unit_test(a_root_that_is_away_or_empty_is_an_error),
		cmocka_unit_test(thousands_of_links_and_directories),
		cmocka_unit_test(an_unreadable_directory_is_told_with_its_error),
		cmocka_unit_test(names_are_told_from_their_directory),
		cmocka_unit_test(a_flood_of_questions_comes_to_its_end),
		cmocka_unit_test(facts_of_a_folder),
	};
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
