/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

static int call(int root, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = resolve};
	return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

int beneath_refusal(void)
{
	/* 0: not asked yet */
	static _Atomic int known;
	int answer = atomic_load(&known);
	if (answer)
		return answer > 0 ? answer : 0;
	_close_ int fd = call(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	answer = fd < 0 && (errno == ENOSYS || errno == EPERM) ? errno : -1;
	atomic_store(&known, answer);
	return answer > 0 ? answer : 0;
}

/* --- component by component --- */

struct mount_id {
	uint64_t id;
	unsigned major, minor;
};

/** Kernels before 5.8 give no number of a mount: there the device stands for it. */
static int mount_of(int fd, struct mount_id *out)
{
	struct statx st;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0)
		return -1;
	*out = (struct mount_id){st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0, st.stx_dev_major, st.stx_dev_minor};
	return 0;
}

/** Whether @fd is on the mount of @root. */
static bool is_here(int root, int fd)
{
	struct mount_id a, b;
	return mount_of(root, &a) == 0 && mount_of(fd, &b) == 0 && a.id == b.id && a.major == b.major && a.minor == b.minor;
}

/** Opens one component; a link fails with ELOOP, as openat2() says it. */
static int open_component(int dir, const char *name, int flags, bool is_last)
{
	struct stat st;
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
	bool may_be_link = fd < 0 && errno == ENOTDIR && !(is_last && flags & O_NOFOLLOW);
	if (may_be_link && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
	return fd;
}

/** O_PATH without O_NOFOLLOW asks for what a link leads to. */
static bool is_refused_link(int fd, int flags)
{
	struct stat st;
	return (flags & (O_PATH | O_NOFOLLOW)) == O_PATH && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

static int check_end(int root, int fd, int flags, bool stays_here)
{
	int error = fd < 0 ? errno : is_refused_link(fd, flags) ? ELOOP : stays_here && !is_here(root, fd) ? EXDEV : 0;
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static int open_by_components(int root, const char *path, int flags, bool stays_here)
{
	enum { ON_THE_WAY = O_PATH | O_DIRECTORY | O_NOFOLLOW };
	char name[256];
	_close_ int dir = -1;
	while (*path) {
		size_t n = strcspn(path, "/");
		const char *rest = path + n + strspn(path + n, "/");
		/* a slash at the end asks for a directory */
		int wanted = *rest ? ON_THE_WAY : flags | (path[n] ? O_DIRECTORY : 0);
		if (n >= sizeof name || n == 0 || (n == 2 && memcmp(path, "..", 2) == 0)) {
			errno = n >= sizeof name ? ENAMETOOLONG : EXDEV;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		int fd = open_component(dir < 0 ? root : dir, name, wanted, !*rest);
		fd = check_end(root, fd, wanted, stays_here);
		if (fd < 0 || !*rest)
			return fd;
		if (dir >= 0)
			close(dir);
		dir = fd;
		path = rest;
	}
	return openat(root, ".", flags | O_CLOEXEC);
}

static int open_it(int root, const char *path, int flags, bool stays_here)
{
	if (beneath_refusal())
		return open_by_components(root, path, flags, stays_here);
	return call(root, *path ? path : ".", flags,
		    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (stays_here ? RESOLVE_NO_XDEV : 0));
}

int beneath_open(int root, const char *path, int flags)
{
	return open_it(root, path, flags, false);
}

int beneath_open_here(int root, const char *path, int flags)
{
	return open_it(root, path, flags, true);
}
