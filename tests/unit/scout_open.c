/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Files that a scout opens for workers, in a library that changes meanwhile. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/discover/scout.h"
#include "indexer/discover/scout_private.h"

enum {
	BATCH = 7,
	INDEX = 3,
};

struct room {
	char *dir;
	struct scout s;
	/** What the indexer and the worker read. */
	int control, jobs;
};

/** The other end of a pair whose one end is @at. */
static int pair_at(int at)
{
	int end[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, end),
			 0);
	int other = fcntl(end[1], F_DUPFD_CLOEXEC, 100);
	assert_int_equal(dup2(end[0], at), at);
	for (int i = 0; i < 2; i++)
		if (end[i] != at)
			close(end[i]);
	return other;
}

static int open_room(void **state)
{
	struct room *r = calloc(1, sizeof *r);
	*r = (struct room){.dir = unit_folder(),
			   .s = {.sending = PTHREAD_MUTEX_INITIALIZER, .kind = MEDIA_TRACK}};
	r->control = pair_at(SCOUT_CONTROL);
	r->jobs = pair_at(SCOUT_WORKERS);
	r->s.root_fd = open(r->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r->s.root = r->dir;
	assert_true(r->s.root_fd >= 0);
	assert_int_equal(mkdirat(r->s.root_fd, "a", 0755), 0);
	assert_int_equal(mkdirat(r->s.root_fd, "b", 0755), 0);
	*state = r;
	return 0;
}

static int close_room(void **state)
{
	struct room *r = *state;
	const int fds[] = {r->control, r->jobs, r->s.root_fd, SCOUT_CONTROL, SCOUT_WORKERS};
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	unit_remove_tree(r->dir);
	free(r);
	return 0;
}

/** Both files have as many bytes. */
static void put(struct room *r, const char *path, char text)
{
	_close_ int fd = openat(r->s.root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, &text, 1), 1);
}

static struct stat look(struct room *r, const char *path)
{
	struct stat st;
	assert_int_equal(fstatat(r->s.root_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void put_time(struct buf *b, struct timespec t)
{
	frame_u64(b, (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec);
}

/** As if the walk had told @st of a/@name. */
static void order(struct room *r, const char *name, const struct stat *st)
{
	_buf_ struct buf b = BUF_INIT(4096);
	struct frame f;
	size_t start = frame_begin(&b, FRAME_OPEN);
	frame_u64(&b, BATCH);
	frame_u32(&b, 0);
	frame_bytes(&b, "a", 1);
	frame_u32(&b, INDEX);
	frame_u64(&b, S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size);
	put_time(&b, st->st_mtim);
	put_time(&b, st->st_ctim);
	frame_u64(&b, st->st_ino);
	frame_bytes(&b, name, strlen(name));
	frame_end(&b, start);
	assert_true(frame_parse((const uint8_t *)b.data, b.len, &f) > 0);
	scout_open(&r->s, &f);
}

/** What came of it: the descriptor that the worker got, or -errno as the indexer was told. */
static int answer(struct room *r)
{
	uint8_t bytes[4096];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {bytes, sizeof bytes};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof control};
	ssize_t n = recvmsg(r->jobs, &msg, MSG_CMSG_CLOEXEC);
	if (n > 0) {
		int fd;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
		assert_int_equal(recv(r->control, bytes, sizeof bytes, 0), -1);
		return fd;
	}
	struct frame f;
	n = recv(r->control, bytes, sizeof bytes, 0);
	assert_true(n > 0 && frame_parse(bytes, (size_t)n, &f) == n);
	assert_int_equal(f.type, FRAME_FAILED);
	assert_int_equal(frame_get_u64(&f), BATCH);
	assert_int_equal(frame_get_u32(&f), INDEX);
	int error = (int)frame_get_u32(&f);
	assert_true(error < 0);
	return error;
}

/** The worker got the file that has this byte. */
static void assert_opened(struct room *r, char text)
{
	_close_ int fd = answer(r);
	char c = 0;
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, 0), 1);
	assert_int_equal(c, text);
}

static void replace(struct room *r, const char *from, const char *to)
{
	assert_int_equal(renameat(r->s.root_fd, from, r->s.root_fd, to), 0);
}

static void what_was_listed_is_opened(void **state)
{
	struct room *r = *state;
	put(r, "a/1.m4a", 'x');
	struct stat st = look(r, "a/1.m4a");
	order(r, "1.m4a", &st);
	assert_opened(r, 'x');
	/* its own writer was there: its times tell the next scan */
	put(r, "a/1.m4a", 'y');
	order(r, "1.m4a", &st);
	assert_opened(r, 'y');
	/* a server that numbers files anew */
	st = look(r, "a/1.m4a");
	st.st_ino++;
	order(r, "1.m4a", &st);
	assert_opened(r, 'y');
}

/** Not even where it has the size and the time of the other one. */
static void another_at_that_path_is_not_taken_for_it(void **state)
{
	struct room *r = *state;
	put(r, "a/1.m4a", 'x');
	struct stat st = look(r, "a/1.m4a");
	put(r, "b/1.m4a", 'y');
	const struct timespec times[2] = {st.st_atim, st.st_mtim};
	/* the kernel's clock has ticks of some milliseconds */
	for (struct stat other = st; memcmp(&other.st_ctim, &st.st_ctim, sizeof st.st_ctim) == 0;
	     usleep(1000)) {
		assert_int_equal(utimensat(r->s.root_fd, "b/1.m4a", times, 0), 0);
		other = look(r, "b/1.m4a");
	}
	replace(r, "a", "c");
	replace(r, "b", "a");
	order(r, "1.m4a", &st);
	assert_int_equal(answer(r), -FAILED_OTHER);
	/* and back */
	replace(r, "a", "b");
	replace(r, "c", "a");
	order(r, "1.m4a", &st);
	assert_opened(r, 'x');
	for (int i = 0; i < 3; i++) {
		struct stat other = st;
		other.st_ino++;
		other.st_size += i == 0;
		other.st_mtim.tv_nsec += i == 1 ? 1 : 0;
		other.st_ctim.tv_sec += i == 2 ? 1 : 0;
		order(r, "1.m4a", &other);
		assert_int_equal(answer(r), -FAILED_OTHER);
	}
}

static void folders_of_pictures_are_asked_the_same(void **state)
{
	struct room *r = *state;
	r->s.kind = MEDIA_VOLUME;
	assert_int_equal(mkdirat(r->s.root_fd, "a/v1", 0755), 0);
	assert_int_equal(mkdirat(r->s.root_fd, "a/v2", 0755), 0);
	put(r, "a/v1/1.jpg", 'x');
	put(r, "a/v2/2.jpg", 'y');
	struct stat st = look(r, "a/v1");
	order(r, "v1", &st);
	_close_ int list = answer(r);
	assert_true(list >= 0);
	/* one that is numbered anew has no size either */
	st.st_ino += 100;
	order(r, "v1", &st);
	_close_ int again = answer(r);
	assert_true(again >= 0);
	st.st_ino -= 100;
	const struct timespec times[2] = {{1, 0}, {1, 0}};
	assert_int_equal(utimensat(r->s.root_fd, "a/v2", times, 0), 0);
	replace(r, "a/v1", "a/v3");
	replace(r, "a/v2", "a/v1");
	order(r, "v1", &st);
	assert_int_equal(answer(r), -FAILED_OTHER);
}

static void what_is_no_file_any_more_is_neither_followed_nor_waited_for(void **state)
{
	struct room *r = *state;
	put(r, "a/1.m4a", 'x');
	put(r, "b/1.m4a", 'y');
	struct stat st = look(r, "a/1.m4a");
	assert_int_equal(unlinkat(r->s.root_fd, "a/1.m4a", 0), 0);
	order(r, "1.m4a", &st);
	assert_int_equal(answer(r), -ENOENT);
	assert_int_equal(symlinkat("../b/1.m4a", r->s.root_fd, "a/1.m4a"), 0);
	order(r, "1.m4a", &st);
	assert_int_equal(answer(r), -ELOOP);
	assert_int_equal(unlinkat(r->s.root_fd, "a/1.m4a", 0), 0);
	assert_int_equal(mkfifoat(r->s.root_fd, "a/1.m4a", 0644), 0);
	st = look(r, "a/1.m4a");
	order(r, "1.m4a", &st);
	assert_int_equal(answer(r), -ENOTSUP);
	assert_int_equal(unlinkat(r->s.root_fd, "a/1.m4a", 0), 0);
	/* nor is its folder */
	assert_int_equal(unlinkat(r->s.root_fd, "a", AT_REMOVEDIR), 0);
	order(r, "1.m4a", &st);
	assert_int_equal(answer(r), -ENOENT);
	st = look(r, "b/1.m4a");
	assert_int_equal(symlinkat("b", r->s.root_fd, "a"), 0);
	order(r, "1.m4a", &st);
	assert_true(answer(r) < 0);
	assert_int_equal(unlinkat(r->s.root_fd, "a", 0), 0);
	put(r, "a", 'z');
	order(r, "1.m4a", &st);
	assert_int_equal(answer(r), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_listed_is_opened, open_room, close_room),
		cmocka_unit_test_setup_teardown(another_at_that_path_is_not_taken_for_it, open_room,
						close_room),
		cmocka_unit_test_setup_teardown(folders_of_pictures_are_asked_the_same, open_room,
						close_room),
		cmocka_unit_test_setup_teardown(
			what_is_no_file_any_more_is_neither_followed_nor_waited_for, open_room,
			close_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
