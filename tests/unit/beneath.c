/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The same is opened and refused whether there is openat2(2) or a filter of system calls refuses it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "indexer/beneath.h"

enum { TO_DIRECTORY = O_RDONLY | O_DIRECTORY, TO_LOOK = O_PATH | O_NOFOLLOW };

static const struct {
	const char *path;
	int flags;
	/** 0: what is opened has the file's own inode @is, a path below the tree that leads there. */
	int error;
	const char *is;
} rows[] = {
	{"", TO_DIRECTORY, 0, "."},
	{"", O_PATH | O_DIRECTORY, 0, "."},
	{"file", O_RDONLY | O_NOFOLLOW, 0, "file"},
	{"file", TO_DIRECTORY, ENOTDIR, NULL},
	{"file/", O_RDONLY, ENOTDIR, NULL},
	{"file/x", O_RDONLY, ENOTDIR, NULL},
	{"sub", TO_DIRECTORY | O_NOFOLLOW, 0, "sub"},
	{"sub/", TO_DIRECTORY | O_NOFOLLOW, 0, "sub"},
	{"sub//deep/file", O_RDONLY, 0, "sub/deep/file"},
	{"sub/deep/file", TO_LOOK, 0, "sub/deep/file"},
	{"sub/deep/pipe", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, "sub/deep/pipe"},
	{"nothing", O_RDONLY, ENOENT, NULL},
	{"sub/nothing/file", O_RDONLY, ENOENT, NULL},
	/* what leads out */
	{"../outside/file", O_RDONLY, EXDEV, NULL},
	{"sub/../../outside/file", O_RDONLY, EXDEV, NULL},
	{"/etc/passwd", O_RDONLY, EXDEV, NULL},
	{"out/file", O_RDONLY, ELOOP, NULL},
	{"out-relative/file", O_RDONLY, ELOOP, NULL},
	{"root/etc/passwd", O_RDONLY, ELOOP, NULL},
	/* what leads astray below the root is not followed either */
	{"inner/file", O_RDONLY, ELOOP, NULL},
	{"sub/loop/file", O_RDONLY, ELOOP, NULL},
	/* a link at the end */
	{"inner", TO_DIRECTORY, ELOOP, NULL},
	{"inner", TO_DIRECTORY | O_NOFOLLOW, ENOTDIR, NULL},
	{"link", O_RDONLY, ELOOP, NULL},
	{"link", O_RDONLY | O_NOFOLLOW, ELOOP, NULL},
	{"link", O_PATH, ELOOP, NULL},
	{"link", TO_LOOK, 0, "link"},
	{"out", TO_LOOK, 0, "out"},
};

struct world {
	char *folder;
	int root;
};

static void make_link(const struct world *w, const char *target, const char *name)
{
	assert_return_code(symlinkat(target, w->root, name), errno);
}

static void begin(struct world *w)
{
	char path[4096];
	w->folder = unit_folder();
	snprintf(path, sizeof path, "%s/outside", w->folder);
	assert_return_code(mkdir(path, 0755), errno);
	snprintf(path, sizeof path, "%s/outside/file", w->folder);
	assert_return_code(close(open(path, O_CREAT | O_WRONLY, 0644)), errno);
	snprintf(path, sizeof path, "%s/tree", w->folder);
	assert_return_code(mkdir(path, 0755), errno);
	w->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_return_code(w->root, errno);
	assert_return_code(mkdirat(w->root, "sub", 0755), errno);
	assert_return_code(mkdirat(w->root, "sub/deep", 0755), errno);
	assert_return_code(close(openat(w->root, "file", O_CREAT | O_WRONLY, 0644)), errno);
	assert_return_code(close(openat(w->root, "sub/deep/file", O_CREAT | O_WRONLY, 0644)), errno);
	assert_return_code(mkfifoat(w->root, "sub/deep/pipe", 0644), errno);
	snprintf(path, sizeof path, "%s/outside", w->folder);
	make_link(w, path, "out");
	make_link(w, "../outside", "out-relative");
	make_link(w, "/", "root");
	make_link(w, "sub/deep", "inner");
	make_link(w, "file", "link");
	make_link(w, "loop", "sub/loop");
}

static void end(struct world *w)
{
	close(w->root);
	unit_remove_tree(w->folder);
}

static bool check_row(const struct world *w, size_t i)
{
	struct stat wanted, found;
	_close_ int fd = beneath_open(w->root, rows[i].path, rows[i].flags);
	int error = fd < 0 ? errno : 0;
	bool ok = error == rows[i].error;
	if (ok && !error)
		ok = fstatat(w->root, rows[i].is, &wanted, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &found) == 0 &&
		     wanted.st_ino == found.st_ino && fcntl(fd, F_GETFD) == FD_CLOEXEC;
	if (!ok)
		fprintf(stderr, "\"%s\", flags %#x: %s\n", rows[i].path, (unsigned)rows[i].flags, strerror(error));
	return ok;
}

/** Another file system is refused by beneath_open_here() alone; /proc is always one. */
static bool check_mounts(void)
{
	_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_close_ int there = beneath_open(root, "proc", TO_DIRECTORY);
	_close_ int end = beneath_open_here(root, "proc", TO_DIRECTORY);
	bool is_refused = end < 0 && errno == EXDEV;
	_close_ int below = beneath_open_here(root, "proc/sys", TO_DIRECTORY);
	is_refused &= below < 0 && errno == EXDEV;
	_close_ int here = beneath_open_here(root, "etc", TO_DIRECTORY);
	return there >= 0 && is_refused && here >= 0;
}

/** What service managers and container runtimes do. */
static bool refuse_openat2(int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)error), SCMP_SYS(openat2), 0) == 0 &&
		  seccomp_load(filter) == 0;
	seccomp_release(filter);
	return ok;
}

/** A process for each: what the kernel has is asked once. */
static void check(int refusal)
{
	struct world w;
	int status;
	begin(&w);
	pid_t pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		bool ok = (!refusal || refuse_openat2(refusal)) && beneath_refusal() == refusal;
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			ok &= check_row(&w, i);
		ok &= check_mounts();
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	end(&w);
	assert_int_equal(status, 0);
}

static void with_openat2(void **state)
{
	(void)state;
	check(0);
}

static void as_under_restrict_suid_sgid(void **state)
{
	(void)state;
	check(ENOSYS);
}

static void as_under_an_old_container_runtime(void **state)
{
	(void)state;
	check(EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_openat2),
		cmocka_unit_test(as_under_restrict_suid_sgid),
		cmocka_unit_test(as_under_an_old_container_runtime),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
