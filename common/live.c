/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/live.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

/* "mediamon", and a number that moves with the layout */
static const uint64_t MAGIC = UINT64_C(0x6d656469616d0000) + sizeof(struct live_page);

static int open_in(const char *dir, const char *name, int flags)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/** Of this or another version. */
static bool is_page(uint64_t magic)
{
	return magic >> 16 == MAGIC >> 16;
}

uint64_t live_given_out(const char *state_dir)
{
	struct live_page page;
	size_t known = offsetof(struct live_page, generation_next) + sizeof page.generation_next;
	_close_ int fd = open_in(state_dir, "live", O_RDONLY);
	if (fd < 0 || pread(fd, &page, known, 0) != (ssize_t)known || !is_page(page.magic))
		return 0;
	uint64_t last = page.generation, next = page.generation_next;
	return last > next ? last : next;
}

struct live_page *live_create(const char *state_dir)
{
	_close_ int fd = open_in(state_dir, "live", O_RDWR | O_CREAT);
	if (fd < 0 || ftruncate(fd, sizeof(struct live_page)) < 0)
		return NULL;
	/* a full disk is told here; a page with a hole would kill us later */
	int r = posix_fallocate(fd, 0, sizeof(struct live_page));
	if (r) {
		errno = r;
		return NULL;
	}
	struct live_page *page =
		mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return NULL;
	bool is_ours = is_page(atomic_load(&page->magic));
	uint64_t last = is_ours ? atomic_load(&page->generation) : 0;
	uint64_t next = is_ours ? atomic_load(&page->generation_next) : 0;
#define L(name) atomic_store(&page->name, 0);
	LIVE_COUNTERS(L)
#undef L
	atomic_store(&page->generation, last);
	atomic_store(&page->generation_next, next);
	atomic_store(&page->magic, MAGIC);
	return page;
}

const struct live_page *live_open(const char *state_dir)
{
	_close_ int fd = open_in(state_dir, "live", O_RDONLY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (st.st_size < (off_t)sizeof(struct live_page)) {
		errno = EPROTO;
		return NULL;
	}
	const struct live_page *page = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (atomic_load(&page->magic) != MAGIC) {
		live_close(page);
		errno = EPROTO;
		return NULL;
	}
	return page;
}

void live_close(const struct live_page *page)
{
	if (page)
		munmap((void *)(uintptr_t)page, sizeof *page);
}

void live_read(const struct live_page *page, struct live_values *out)
{
#define L(name) out->name = atomic_load_explicit(&page->name, memory_order_relaxed);
	LIVE_COUNTERS(L)
#undef L
}

int64_t live_job_worked(const struct live_values *v, int64_t now)
{
	int64_t end = v->job_paused_at ? (int64_t)v->job_paused_at : now;
	int64_t worked = end - (int64_t)v->job_started_at - (int64_t)v->job_paused_ns;
	return worked > 0 ? worked : 0;
}

void live_wake(struct live_page *page)
{
	atomic_fetch_add(&page->wake, 1);
	syscall(SYS_futex, &page->wake, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void live_poke(const struct live_page *page)
{
	syscall(SYS_futex, &page->wake, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void live_wait(const struct live_page *page, uint32_t seen, int timeout_ms)
{
	struct timespec ts = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	syscall(SYS_futex, &page->wake, FUTEX_WAIT, seen, &ts, NULL, 0);
}

bool live_indexer(const char *state_dir, int64_t *pid)
{
	_close_ int fd = open_in(state_dir, "mediamond.pid", O_RDONLY);
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return false;
	*pid = lock.l_pid;
	return true;
}

int live_lock(const char *state_dir, int64_t *pid)
{
	_close_ int fd = open_in(state_dir, "mediamond.pid", O_RDWR | O_CREAT);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		*pid = 0;
		fcntl(fd, F_GETLK, &lock);
		if (lock.l_type != F_UNLCK)
			*pid = lock.l_pid;
		return -EAGAIN;
	}
	char text[32];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	/* the text is for people: on a full disk the lock alone must do */
	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) < 0)
		log_warning("the process number cannot be written to %s/mediamond.pid: %s", state_dir,
			    strerror(errno));
	return take_fd(fd);
}
