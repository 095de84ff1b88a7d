/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The process.  Its main thread reads frames and answers them or gives them to its threads; one thread tells
 * twice a second whether any of them waits for the disk for longer than it may.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/thread.h"
#include "indexer/symlinks/looker_private.h"

void looker_tell(struct looker_child *c, struct buf *frames)
{
	LOCKED(&c->sending);
	/* one that is not whole would be taken for something else */
	if (buf_error(frames) || frame_send(LOOKER_CONTROL, frames->data, frames->len) < 0)
		_exit(1);
	buf_reset(frames);
}

/* --- beats --- */

static uint32_t stall_of(struct looker_child *c)
{
	int64_t now = mono_ns(), longest = 0;
	for (size_t i = 0; i < COUNT_OF(c->slot); i++) {
		int64_t deadline = atomic_load_explicit(&c->slot[i].deadline, memory_order_relaxed);
		if (deadline && now - deadline > longest)
			longest = now - deadline;
	}
	return longest ? (uint32_t)(longest / NS_PER_MS) + 1 : 0;
}

static void *beat(void *arg)
{
	struct looker_child *c = arg;
	_buf_ struct buf out = BUF_INIT(256);
	for (;;) {
		nanosleep(&(struct timespec){0, LOOKER_BEAT_MS * NS_PER_MS}, NULL);
		if (!atomic_load(&c->busy))
			continue;
		size_t start = frame_begin(&out, FRAME_BEAT);
		frame_u64(&out, 0);
		frame_u32(&out, stall_of(c));
		frame_end(&out, start);
		looker_tell(c, &out);
	}
	return NULL;
}

/* --- the mount --- */

uint64_t looker_mount_id(int fd)
{
	struct statx st = {0};
	/* from the kernel's memory: the mount itself is not asked */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0 ||
	    !(st.stx_mask & STATX_MNT_ID))
		return 0;
	return st.stx_mnt_id;
}

int looker_check_own(struct looker_child *c, uint64_t mount_id, const struct mount **mount)
{
	*mount = NULL;
	if (c->mounts.fd < 0 || mounts_read(&c->mounts) < 0)
		return 0;
	for (size_t i = 0; i < c->mounts.list.len && !*mount; i++)
		if (c->mounts.list.data[i].id == mount_id)
			*mount = &c->mounts.list.data[i];
	return *mount && mount_is_own(*mount) ? -ELOOP : 0;
}

static bool is_dir(int fd, const struct dirent64 *d)
{
	struct stat st;
	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int looker_count(struct looker_child *c, int fd, int most, int *entries, bool *has_dir)
{
	_Alignas(struct dirent64) char dents[32768];
	*entries = 0;
	*has_dir = false;
	for (;;) {
		looker_enter(&c->slot[0], LOOKER_BATCH_MS);
		long n = syscall(SYS_getdents64, fd, dents, sizeof dents);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(dents + at);
			at += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
				continue;
			*entries += *entries < most;
			*has_dir = *has_dir || is_dir(fd, d);
			if (*entries >= most && *has_dir)
				return 0;
		}
	}
}

/** The first word of "fuse.rclone remote: /", when the path is where it is mounted and not a folder of it. */
static void set_type(struct mount_facts *facts, int fd, const struct mount *mount)
{
	char self[64], path[8192];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	ssize_t n = mount ? readlink(self, path, sizeof path - 1) : -1;
	if (n < 0)
		return;
	path[n] = '\0';
	if (strcmp(path, mount->point) != 0 && !mount_is_own(mount))
		return;
	size_t len = strcspn(mount->type, " ");
	snprintf(facts->fstype, sizeof facts->fstype, "%.*s", (int)len, mount->type);
}

static int look_at_mount(struct looker_child *c, const char *path, struct mount_facts *facts)
{
	const struct mount *mount;
	struct stat st;
	/* a place, before anything is asked of what is mounted there: it may be our own */
	_close_ int place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return -errno;
	facts->mount_id = looker_mount_id(place);
	int r = looker_check_own(c, facts->mount_id, &mount);
	set_type(facts, place, mount);
	if (r < 0)
		return r;
	_close_ int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	facts->device = st.st_dev;
	return looker_count(c, fd, 100, &facts->entries, &facts->has_dir);
}

static void get_path(struct frame *f, char path[static 4096])
{
	size_t n;
	const char *text = frame_get_bytes(f, &n);
	/* one that is too long becomes one that cannot be opened: ENAMETOOLONG */
	n = n < 4096 ? n : 4095;
	memcpy(path, text, n);
	memset(path + n, 0, 4096 - n);
}

static void on_mount(struct looker_child *c, struct frame *f)
{
	struct mount_facts facts = {0};
	struct stat st;
	char path[4096];
	_buf_ struct buf out = BUF_INIT(4096);
	get_path(f, path);
	looker_enter(&c->slot[0], LOOKER_STAT_MS);
	facts.error = look_at_mount(c, path, &facts);
	uint32_t n = frame_get_u32(f);
	for (uint32_t i = 0; i < n && !f->is_bad && !facts.error; i++) {
		get_path(f, path);
		looker_enter(&c->slot[0], LOOKER_STAT_MS);
		int r = stat(path, &st) < 0 ? -errno : 0;
		facts.answered += r == 0;
		facts.failed += r != 0 && r != -ENOENT;
	}
	looker_leave(&c->slot[0]);
	size_t start = frame_begin(&out, FRAME_LOOKED_MOUNT);
	frame_u32(&out, (uint32_t)facts.error);
	frame_u64(&out, facts.device);
	frame_u64(&out, facts.mount_id);
	frame_bytes(&out, facts.fstype, strlen(facts.fstype));
	frame_u32(&out, (uint32_t)facts.entries);
	frame_u32(&out, facts.has_dir);
	frame_u32(&out, (uint32_t)facts.answered);
	frame_u32(&out, (uint32_t)facts.failed);
	frame_end(&out, start);
	looker_tell(c, &out);
}

static void on_stat(struct looker_child *c, struct frame *f)
{
	struct stat st = {0};
	char path[4096];
	_buf_ struct buf out = BUF_INIT(256);
	get_path(f, path);
	looker_enter(&c->slot[0], LOOKER_STAT_MS);
	int r = stat(path, &st) < 0 ? -errno : 0;
	looker_leave(&c->slot[0]);
	size_t start = frame_begin(&out, FRAME_LOOKED_STAT);
	frame_u32(&out, (uint32_t)r);
	frame_u64(&out, (uint64_t)st.st_size);
	frame_end(&out, start);
	looker_tell(c, &out);
}

/* --- frames --- */

static void on_setup(struct looker_child *c, struct frame *f)
{
	uint32_t n = frame_get_u32(f);
	c->threads = n < 1 ? 1 : n > LOOKER_THREADS ? LOOKER_THREADS : (int)n;
}

static void on_known(struct looker_child *c, struct frame *f)
{
	while (f->at < f->end && !f->is_bad) {
		size_t n;
		int64_t mtime = (int64_t)frame_get_u64(f);
		const char *path = frame_get_bytes(f, &n);
		int64_t *slot = vec_add(&c->known_mtimes);
		if (!slot)
			_exit(1);
		*slot = mtime;
		buf_add(&c->known_paths, path, n);
		buf_add(&c->known_paths, "", 1);
	}
	/* an answer that leaves out what is known would be a wrong one */
	if (buf_error(&c->known_paths))
		_exit(1);
}

static void handle(struct looker_child *c, struct frame *f)
{
	static void (*const on[])(struct looker_child *, struct frame *) = {
		[FRAME_LOOK_SETUP] = on_setup,	       [FRAME_LOOK_KNOWN] = on_known,
		[FRAME_LOOK_WALK] = looker_child_walk, [FRAME_LOOK_TARGETS] = looker_child_targets,
		[FRAME_LOOK_MOUNT] = on_mount,	       [FRAME_LOOK_STAT] = on_stat,
	};
	if ((size_t)f->type >= COUNT_OF(on) || !on[f->type])
		return;
	atomic_fetch_add(&c->busy, 1);
	on[f->type](c, f);
	atomic_fetch_sub(&c->busy, 1);
}

/** It needs to read directories of other people, and nothing else: no file is written, no right is gained. */
static void lower_rights(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0}, had[2] = {0};
	const unsigned keep = 1u << CAP_DAC_READ_SEARCH;
	const struct rlimit none = {0, 0};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capget, &head, had) == 0) {
		data[0].permitted = data[0].effective = had[0].permitted & keep;
		if (syscall(SYS_capset, &head, data) < 0)
			log_debug("capset: %s", strerror(errno));
	}
	setrlimit(RLIMIT_FSIZE, &none);
	setrlimit(RLIMIT_CORE, &none);
}

int looker_main(void)
{
	struct looker_child c = {.sending = PTHREAD_MUTEX_INITIALIZER, .threads = 1,
				 .known_paths = BUF_INIT((size_t)1 << 30)};
	struct thread beater = {0};
	struct frame_reader reader;
	struct frame f;
	/* a working directory would keep its disk from being unmounted */
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
	if (mounts_open(&c.mounts) < 0)
		log_debug("no list of mounts: %s", strerror(errno));
	lower_rights();
	frame_reader_init(&reader, LOOKER_CONTROL);
	thread_start(&beater, "beat", beat, &c);
	while (frame_reader_fill(&reader) > 0)
		while (frame_reader_next(&reader, &f) > 0)
			handle(&c, &f);
	/* the indexer is gone: threads that wait for a dead disk are not waited for */
	_exit(0);
}
