/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The process.  It opens the root anew for each batch, so that no disk is kept from being unmounted and what is mounted
 * there now is seen, and holds a lock on it while it works: one that was abandoned or has lost its
 * parent never works beside its successor, and nothing that a successor finds left over is still in use.
 */
#include "indexer/repair/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/beneath.h"
#include "indexer/frame.h"
#include "indexer/repair/hand_private.h"

enum {
	BEAT_NS = NS_PER_S,
	/** A power of two. */
	SWEPT = 1 << 15,
	SYNCERS = 8,
};

/** A directory of the batch. */
struct place {
	int fd;
	/** Borrowed from the batch's frame. */
	struct bytes path;
	bool is_changed;
	/** What its sync said. */
	int error;
};

struct child {
	char root[HAND_TEXT];
	/** What the process is restricted to. */
	dev_t device;
	ino_t inode;
	int root_fd;
	VEC(struct place) places;
	/** The next of them to be synced. */
	_Atomic size_t next;
	/** Directories that were swept: by hash of device and inode; another in its slot is swept again. */
	struct swept {
		dev_t device;
		ino_t inode;
	} swept[SWEPT];
	int64_t beat_at;
	struct buf out;
};

struct task {
	struct hand_order order;
	int result;
	/** Index of its directory, -1 before it was opened. */
	int place;
};

/* --- restrictions --- */

/** Links below the root may be made, renamed and removed, directories listed; nothing else, nowhere else. */
static void restrict_files(int root)
{
	const uint64_t mine = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			      LANDLOCK_ACCESS_FS_MAKE_SYM;
	/* all of the first version: it is the least that any kernel with Landlock knows */
	struct landlock_ruleset_attr rules = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	struct landlock_path_beneath_attr below = {.allowed_access = mine, .parent_fd = root};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return;
	if (version >= 2) {
		rules.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
		below.allowed_access |= LANDLOCK_ACCESS_FS_REFER;
	}
	_close_ int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
	if (fd < 0 || syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		log_debug("hand: no Landlock: %s", strerror(errno));
}

static void restrict_self(int root)
{
	/* not RLIMIT_FSIZE: a log that is a file would kill it */
	struct rlimit none = {0, 0}, files;
	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < 2 * HAND_BATCH ? files.rlim_max : 2 * HAND_BATCH;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	restrict_files(root);
}

/* --- the root --- */

/** What is at the root's path now, without reading it. */
static int look_at_root(const struct child *c, struct stat *st)
{
	_close_ int fd = open(c->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fstat(fd, st) < 0 ? -errno : 0;
}

/** -ERESTART: another directory than the one to which this process is restricted. */
static int open_root(struct child *c)
{
	struct stat st;
	int r = look_at_root(c, &st);
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? -ENODEV : r;
	bool is_first = c->inode == 0 && c->device == 0;
	if (!is_first && (st.st_dev != c->device || st.st_ino != c->inode))
		return -ERESTART;
	c->root_fd = open(c->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0 || fstat(c->root_fd, &st) < 0)
		return -errno;
	if (is_first) {
		c->device = st.st_dev;
		c->inode = st.st_ino;
		restrict_self(c->root_fd);
	}
	/* waits for one before us, whose parent knows no more of it; file systems without locks have none */
	while (flock(c->root_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			break;
	return 0;
}

/* --- paths --- */

static bool is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(p, word, n) == 0;
}

/** Below the root, one name after the other. */
static int check_path(struct bytes path)
{
	if (path.len == 0 || path.len >= HAND_TEXT || memchr(path.data, 0, path.len))
		return -EINVAL;
	const char *end = path.data + path.len;
	for (const char *p = path.data; p <= end;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t n = (size_t)((slash ? slash : end) - p);
		if (is_word(p, n, ".."))
			return -EXDEV;
		if (n == 0 || is_word(p, n, "."))
			return -EINVAL;
		p += n + 1;
	}
	return 0;
}

static int check_text(struct bytes text, bool is_needed)
{
	if (text.len >= HAND_TEXT || memchr(text.data, 0, text.len))
		return -EINVAL;
	return is_needed && text.len == 0 ? -EINVAL : 0;
}

static int check_order(const struct hand_order *o)
{
	bool has_before = o->act == HAND_RELINK || o->act == HAND_UNLINK;
	bool has_after = o->act == HAND_RELINK || o->act == HAND_MAKE;
	bool has_owner = o->act == HAND_MAKE || (o->act == HAND_RELINK && o->has_facts);
	int r = check_path(o->path);
	r = r ? r : check_text(o->before, has_before);
	r = r ? r : check_text(o->after, has_after);
	/* the last value means "as it is" to the kernel */
	if (r == 0 && has_owner && (o->uid < 0 || o->uid >= UINT32_MAX || o->gid < 0 || o->gid >= UINT32_MAX))
		r = -EINVAL;
	return r;
}

/** No link is followed on the way, and nothing leads out. */
static int open_below(const struct child *c, struct bytes path)
{
	char text[HAND_TEXT] = "";
	if (path.len) {
		memcpy(text, path.data, path.len);
		text[path.len] = '\0';
	}
	/* not O_NOFOLLOW: a link at the end would look like a missing directory */
	int fd = beneath_open(c->root_fd, text, O_RDONLY | O_DIRECTORY);
	if (fd >= 0)
		return fd;
	return errno == ELOOP ? -EXDEV : errno == ENOENT ? -ENOTDIR : -errno;
}

static void sweep_once(struct child *c, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return;
	uint64_t hash = ((uint64_t)st.st_ino ^ (uint64_t)st.st_dev << 32) * UINT64_C(0x9E3779B97F4A7C15);
	struct swept *s = &c->swept[hash >> 49];
	if (s->device == st.st_dev && s->inode == st.st_ino)
		return;
	*s = (struct swept){st.st_dev, st.st_ino};
	hand_sweep(fd);
}

/** Index of the directory, or -errno. */
static int find_place(struct child *c, struct bytes path)
{
	for (size_t i = c->places.len; i-- > 0;) {
		const struct place *p = &c->places.data[i];
		if (p->path.len == path.len && memcmp(p->path.data, path.data, path.len) == 0)
			return (int)i;
	}
	_close_ int fd = open_below(c, path);
	if (fd < 0)
		return fd;
	struct place *p = vec_add(&c->places);
	if (!p)
		return -ENOMEM;
	sweep_once(c, fd);
	*p = (struct place){.fd = take_fd(fd), .path = path};
	return (int)c->places.len - 1;
}

/* --- a batch --- */

static bool is_vanished(const struct hand_order *o, int r)
{
	return r == -ENOTDIR && (o->act == HAND_RELINK || o->act == HAND_UNLINK);
}

static void do_task(struct child *c, struct task *t, struct hand_facts *facts)
{
	const struct hand_order *o = &t->order;
	char name[HAND_TEXT];
	t->result = check_order(o);
	if (t->result < 0)
		return;
	const char *slash = memrchr(o->path.data, '/', o->path.len);
	size_t dir = slash ? (size_t)(slash - o->path.data) : 0;
	size_t start = slash ? dir + 1 : 0;
	t->place = find_place(c, (struct bytes){o->path.data, dir});
	if (t->place < 0) {
		t->result = is_vanished(o, t->place) ? -ESTALE : t->place;
		return;
	}
	memcpy(name, o->path.data + start, o->path.len - start);
	name[o->path.len - start] = '\0';
	struct place *p = &c->places.data[t->place];
	t->result = hand_link(p->fd, name, o, facts);
	/* one that was given back has changed its directory, too */
	p->is_changed |= o->act != HAND_READ;
}

static void send_beat(struct child *c)
{
	int64_t now = mono_ns();
	if (now - c->beat_at < BEAT_NS)
		return;
	c->beat_at = now;
	_buf_ struct buf out = BUF_INIT(64);
	frame_end(&out, frame_begin(&out, FRAME_BEAT));
	if (frame_send(HAND_CONTROL, out.data, out.len) < 0)
		_exit(0);
}

/** Nobody is there to be told: nothing more is begun. */
static void end_if_alone(void)
{
	struct pollfd p = {.fd = HAND_CONTROL, .events = POLLRDHUP};
	if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLRDHUP | POLLERR)))
		_exit(0);
}

/** Syncs directories until none is left. */
static void *sync_some(void *arg)
{
	struct child *c = arg;
	for (;;) {
		size_t i = atomic_fetch_add(&c->next, 1);
		if (i >= c->places.len)
			return NULL;
		struct place *p = &c->places.data[i];
		/* some file systems cannot sync a directory, and say so; else nobody knows what will be there */
		if (p->is_changed && fsync(p->fd) < 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
			p->error = -ETIMEDOUT;
		close(p->fd);
	}
}

/** Several at a time: the disk's own waiting, which is most of it, is then shared (16 times faster beside other writers). */
static void sync_places(struct child *c)
{
	struct thread threads[SYNCERS] = {0};
	size_t n = c->places.len / 4;
	atomic_store(&c->next, 0);
	send_beat(c);
	for (size_t i = 0; i < n && i < SYNCERS; i++)
		thread_start(&threads[i], "sync", sync_some, c);
	sync_some(c);
	for (size_t i = 0; i < SYNCERS; i++)
		thread_join(&threads[i]);
}

static void add_facts(struct buf *out, const struct hand_facts *f)
{
	frame_bytes(out, f->target, f->target_len);
	frame_u64(out, (uint64_t)f->uid);
	frame_u64(out, (uint64_t)f->gid);
	frame_u64(out, (uint64_t)f->mtime);
	frame_u64(out, (uint64_t)f->inode);
}

static int answer(struct child *c, int error, const struct task *tasks, uint32_t n,
		  const struct hand_facts *facts)
{
	buf_reset(&c->out);
	size_t start = frame_begin(&c->out, FRAME_HANDED);
	frame_u32(&c->out, (uint32_t)error);
	frame_u32(&c->out, n);
	for (uint32_t i = 0; i < n; i++) {
		int r = error ? error : tasks[i].result;
		if (r == 0 && tasks[i].place >= 0)
			r = c->places.data[tasks[i].place].error;
		frame_u32(&c->out, (uint32_t)r);
		if (n == 1 && r == 0)
			add_facts(&c->out, facts);
	}
	frame_end(&c->out, start);
	return c->out.error ? c->out.error : frame_send(HAND_CONTROL, c->out.data, c->out.len);
}

static struct bytes get_bytes(struct frame *f)
{
	struct bytes b;
	b.data = frame_get_bytes(f, &b.len);
	return b;
}

static void get_task(struct frame *f, struct task *t)
{
	t->place = -1;
	t->order.act = (enum hand_act)frame_get_u32(f);
	t->order.path = get_bytes(f);
	t->order.before = get_bytes(f);
	t->order.after = get_bytes(f);
	t->order.uid = (int64_t)frame_get_u64(f);
	t->order.gid = (int64_t)frame_get_u64(f);
	t->order.mtime = (int64_t)frame_get_u64(f);
	t->order.has_facts = (int)frame_get_u32(f);
}

static int do_batch(struct child *c, struct frame *f)
{
	static struct task tasks[HAND_BATCH];
	struct hand_facts facts = {0};
	uint32_t n = frame_get_u32(f);
	if (n > HAND_BATCH)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++)
		get_task(f, &tasks[i]);
	if (f->is_bad)
		return -EBADMSG;
	c->beat_at = mono_ns();
	c->places.len = 0;
	c->root_fd = -1;
	int error = open_root(c);
	for (uint32_t i = 0; i < n && !error; i++) {
		end_if_alone();
		send_beat(c);
		do_task(c, &tasks[i], &facts);
	}
	sync_places(c);
	if (c->root_fd >= 0)
		close(take_fd(c->root_fd));
	return answer(c, error, tasks, n, &facts);
}

static int handle(struct child *c, struct frame *f)
{
	if (f->type == FRAME_HAND)
		return do_batch(c, f);
	if (f->type != FRAME_ROOT_OF_LINKS)
		return -EBADMSG;
	size_t n;
	const char *root = frame_get_bytes(f, &n);
	if (f->is_bad || n >= sizeof c->root)
		return -EBADMSG;
	memcpy(c->root, root, n);
	c->root[n] = '\0';
	return 0;
}

int hand_main(void)
{
	static struct child c;
	struct frame_reader reader;
	struct frame f;
	int r = 0;
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
	c.out = BUF_INIT(1 << 16);
	frame_reader_init(&reader, HAND_CONTROL);
	while (r == 0 && frame_reader_fill(&reader) > 0)
		while (r == 0 && frame_reader_next(&reader, &f) > 0)
			r = handle(&c, &f);
	_exit(r != 0);
}
