/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A filesystem that shows another folder, with faults that are switched while it runs.
 *
 *   faultfs SOURCE MOUNTPOINT CONTROL     in the foreground, until it is unmounted or killed
 *
 * CONTROL becomes a datagram socket; faults.h says what it takes.
 *
 * Which entries are hidden is told by a hash of their paths: always the same ones.  Times, sizes and inode
 * numbers are those of SOURCE.  The kernel remembers nothing, so a fault is seen at once.
 */
#include "tests/lib/faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	BUCKETS = 4096,
	/** As many requests may hang at once. */
	THREADS = 1000,
	LINK_PATH = 64,
};

/* --- nodes: one for each file of the source that the kernel knows --- */

struct node {
	struct node *next;
	dev_t dev;
	ino_t ino;
	/** O_PATH. */
	int fd;
	uint64_t lookups;
};

static pthread_mutex_t nodes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct node *nodes[BUCKETS];
static struct node root = {.fd = -1, .lookups = 1};
static size_t source_len;

static struct node *node_of(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)ino;
}

static void link_path(const struct node *n, char path[static LINK_PATH])
{
	snprintf(path, LINK_PATH, "/proc/self/fd/%d", n->fd);
}

/** Takes @fd. */
static struct node *node_get(int fd, const struct stat *st)
{
	struct node **bucket = &nodes[(st->st_ino ^ st->st_dev) % BUCKETS];
	pthread_mutex_lock(&nodes_lock);
	struct node *n = *bucket;
	while (n && (n->ino != st->st_ino || n->dev != st->st_dev))
		n = n->next;
	if (n) {
		close(fd);
	} else {
		n = calloc(1, sizeof *n);
		if (!n)
			abort();
		*n = (struct node){.next = *bucket, .dev = st->st_dev, .ino = st->st_ino, .fd = fd};
		*bucket = n;
	}
	n->lookups++;
	pthread_mutex_unlock(&nodes_lock);
	return n;
}

static void node_put(fuse_ino_t ino, uint64_t lookups)
{
	struct node *n = node_of(ino);
	if (n == &root)
		return;
	pthread_mutex_lock(&nodes_lock);
	n->lookups -= lookups;
	if (n->lookups == 0) {
		struct node **at = &nodes[(n->ino ^ n->dev) % BUCKETS];
		while (*at != n)
			at = &(*at)->next;
		*at = n->next;
		close(n->fd);
		free(n);
	}
	pthread_mutex_unlock(&nodes_lock);
}

/** The path of @name in @n, or of @n itself, relative to the source: "" is the root. */
static void path_of(const struct node *n, const char *name, char path[static LINE])
{
	char proc[LINK_PATH], whole[LINE];
	link_path(n, proc);
	ssize_t len = readlink(proc, whole, sizeof whole - 1);
	size_t above = n == &root ? source_len : source_len + 1;
	whole[len < 0 ? 0 : len] = '\0';
	const char *below = len >= 0 && (size_t)len >= above ? whole + above : "";
	snprintf(path, LINE, "%s%s%s", below, name && *below ? "/" : "", name ? name : "");
}

/* --- what a fault does to a request --- */

/** Waits as long as the faults say; returns the error that is wanted, or 0. */
static int pass(enum op op, fuse_ino_t ino)
{
	char path[LINE];
	path_of(node_of(ino), NULL, path);
	return faults_pass(op, path);
}

static bool is_left_out(fuse_ino_t parent, const char *name, bool is_lookup)
{
	char path[LINE];
	path_of(node_of(parent), name, path);
	return faults_hide(path, is_lookup);
}

/* --- names --- */

static int enter(fuse_ino_t parent, const char *name, struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){0};
	int fd = openat(node_of(parent)->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fstatat(fd, "", &e->attr, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0) {
		int error = errno;
		close(fd);
		return error;
	}
	e->ino = (fuse_ino_t)(uintptr_t)node_get(fd, &e->attr);
	return 0;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	int error = pass(OP_LOOKUP, parent);
	if (!error && is_left_out(parent, name, true))
		error = ENOENT;
	if (!error)
		error = enter(parent, name, &e);
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_entry(req, &e);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	node_put(ino, lookups);
	fuse_reply_none(req);
}

static void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *f)
{
	for (size_t i = 0; i < count; i++)
		node_put(f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

/** Answers with the new name, or with @error, or with errno when @r is negative. */
static void reply_new(fuse_req_t req, fuse_ino_t parent, const char *name, int error, int r)
{
	struct fuse_entry_param e;
	if (!error && r < 0)
		error = errno;
	if (!error)
		error = enter(parent, name, &e);
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_entry(req, &e);
}

static void reply_done(fuse_req_t req, int error, int r)
{
	fuse_reply_err(req, error ? error : r < 0 ? errno : 0);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	int error = pass(OP_WRITE, parent);
	reply_new(req, parent, name, error, error ? 0 : mkdirat(node_of(parent)->fd, name, mode));
}

static void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	int error = pass(OP_WRITE, parent);
	reply_new(req, parent, name, error,
		  error ? 0 : symlinkat(target, node_of(parent)->fd, name));
}

static void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	char from[LINK_PATH];
	int error = pass(OP_WRITE, parent);
	link_path(node_of(ino), from);
	reply_new(req, parent, name, error,
		  error ? 0
			: linkat(AT_FDCWD, from, node_of(parent)->fd, name, AT_SYMLINK_FOLLOW));
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	int error = pass(OP_WRITE, parent);
	reply_done(req, error, error ? 0 : unlinkat(node_of(parent)->fd, name, 0));
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	int error = pass(OP_WRITE, parent);
	reply_done(req, error, error ? 0 : unlinkat(node_of(parent)->fd, name, AT_REMOVEDIR));
}

static void on_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to,
		      const char *new_name, unsigned flags)
{
	int error = pass(OP_WRITE, from);
	reply_done(req, error,
		   error ? 0
			 : renameat2(node_of(from)->fd, name, node_of(to)->fd, new_name, flags));
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[LINE];
	int error = pass(OP_READ, ino);
	ssize_t n = error ? 0 : readlinkat(node_of(ino)->fd, "", target, sizeof target - 1);
	if (error || n < 0) {
		reply_done(req, error, -1);
		return;
	}
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}

/* --- attributes --- */

static void reply_attr(fuse_req_t req, fuse_ino_t ino)
{
	struct stat st;
	if (fstatat(node_of(ino)->fd, "", &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_attr(req, &st, 0);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int error = pass(OP_GETATTR, ino);
	(void)fi;
	if (error)
		fuse_reply_err(req, error);
	else
		reply_attr(req, ino);
}

static struct timespec time_of(int valid, int is_set, int is_now, struct timespec t)
{
	if (valid & is_now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return valid & is_set ? t : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set_attributes(const char *path, const struct stat *st, int valid)
{
	int owners = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
	int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME;
	struct timespec t[2] = {
		time_of(valid, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, st->st_atim),
		time_of(valid, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, st->st_mtim),
	};
	if (valid & FUSE_SET_ATTR_MODE && chmod(path, st->st_mode) < 0)
		return errno;
	if (valid & owners && chown(path, valid & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
				    valid & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1) < 0)
		return errno;
	if (valid & FUSE_SET_ATTR_SIZE && truncate(path, st->st_size) < 0)
		return errno;
	return valid & times && utimensat(AT_FDCWD, path, t, 0) < 0 ? errno : 0;
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int valid,
		       struct fuse_file_info *fi)
{
	char path[LINK_PATH];
	int error = pass(OP_WRITE, ino);
	(void)fi;
	link_path(node_of(ino), path);
	if (!error)
		error = set_attributes(path, st, valid);
	if (error)
		fuse_reply_err(req, error);
	else
		reply_attr(req, ino);
}

static void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int error = pass(OP_STATFS, ino);
	if (!error && fstatvfs(node_of(ino)->fd, &st) < 0)
		error = errno;
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_statfs(req, &st);
}

/* --- files --- */

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	char path[LINK_PATH];
	int error = pass(OP_OPEN, ino), fd = -1;
	link_path(node_of(ino), path);
	if (!error)
		fd = open(path, (fi->flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC);
	if (!error && fd < 0)
		error = errno;
	fi->fh = (uint64_t)fd;
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_open(req, fi);
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	int error = pass(OP_WRITE, parent), fd = -1;
	if (!error)
		fd = openat(node_of(parent)->fd, name,
			    (fi->flags | O_CREAT | O_CLOEXEC) & ~O_NOFOLLOW, mode);
	if (!error && fd < 0)
		error = errno;
	if (!error)
		error = enter(parent, name, &e);
	fi->fh = (uint64_t)fd;
	if (error) {
		if (fd >= 0)
			close(fd);
		fuse_reply_err(req, error);
		return;
	}
	fuse_reply_create(req, &e, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	int error = pass(OP_READ, ino);
	char *data = error ? NULL : malloc(size);
	ssize_t n = data ? pread((int)fi->fh, data, size, offset) : -1;
	if (n < 0)
		fuse_reply_err(req, error ? error : data ? errno : ENOMEM);
	else
		fuse_reply_buf(req, data, (size_t)n);
	free(data);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	int error = pass(OP_WRITE, ino);
	ssize_t n = error ? -1 : pwrite((int)fi->fh, data, size, offset);
	if (n < 0)
		fuse_reply_err(req, error ? error : errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close((int)fi->fh);
	fuse_reply_err(req, 0);
}

/* --- directories --- */

static void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int error = pass(OP_OPENDIR, ino);
	int fd = error ? -1 : openat(node_of(ino)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fuse_reply_err(req, error ? error : errno);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)dir;
	fuse_reply_open(req, fi);
}

/** As many entries as fit, from @offset; returns their bytes, or -errno. */
static ssize_t list(fuse_req_t req, fuse_ino_t ino, DIR *dir, off_t offset, char *data, size_t size)
{
	size_t used = 0;
	seekdir(dir, offset);
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(dir);
		if (!entry)
			return errno ? -errno : (ssize_t)used;
		bool is_dot = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
		if (!is_dot && is_left_out(ino, entry->d_name, false))
			continue;
		struct stat st = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
		size_t need = fuse_add_direntry(req, data + used, size - used, entry->d_name, &st,
						entry->d_off);
		if (need > size - used)
			return (ssize_t)used;
		used += need;
	}
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	int error = pass(OP_READDIR, ino);
	char *data = error ? NULL : malloc(size);
	ssize_t n = data ? list(req, ino, (DIR *)(uintptr_t)fi->fh, offset, data, size) : -ENOMEM;
	if (error || n < 0)
		fuse_reply_err(req, error ? error : (int)-n);
	else
		fuse_reply_buf(req, data, (size_t)n);
	free(data);
}

static void on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	closedir((DIR *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = on_lookup,
	.forget = on_forget,
	.forget_multi = on_forget_multi,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.readlink = on_readlink,
	.mkdir = on_mkdir,
	.unlink = on_unlink,
	.rmdir = on_rmdir,
	.symlink = on_symlink,
	.rename = on_rename,
	.link = on_link,
	.open = on_open,
	.create = on_create,
	.read = on_read,
	.write = on_write,
	.release = on_release,
	.opendir = on_opendir,
	.readdir = on_readdir,
	.releasedir = on_releasedir,
	.statfs = on_statfs,
};

/* --- the program --- */

static int serve(struct fuse_session *fuse, const char *mountpoint)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	if (!loop || fuse_set_signal_handlers(fuse) < 0 || fuse_session_mount(fuse, mountpoint) < 0)
		return -1;
	fuse_loop_cfg_set_clone_fd(loop, 0);
	fuse_loop_cfg_set_max_threads(loop, THREADS);
	fuse_loop_cfg_set_idle_threads(loop, 8);
	int r = fuse_session_loop_mt(fuse, loop);
	fuse_session_unmount(fuse);
	return r;
}

/** Each file that the kernel knows holds a descriptor. */
static void raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	char source[LINE], options[] = "default_permissions,fsname=faultfs,subtype=faultfs,allow_other";
	char dash[] = "-o", *words[] = {argv[0], dash, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	pthread_t thread;
	if (argc != 4) {
		fprintf(stderr, "faultfs SOURCE MOUNTPOINT CONTROL\n");
		return 2;
	}
	/* others than root may not let others in */
	if (geteuid() != 0)
		*strrchr(options, ',') = '\0';
	raise_limit();
	umask(0);
	root.fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root.fd < 0) {
		perror(argv[1]);
		return 1;
	}
	path_of(&root, NULL, source);
	source_len = strlen(source);
	int control = control_open(argv[3]);
	if (control < 0) {
		perror(argv[3]);
		return 1;
	}
	struct fuse_session *fuse = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (!fuse || pthread_create(&thread, NULL, control_serve, (void *)(intptr_t)control) != 0)
		return 1;
	pthread_detach(thread);
	int r = serve(fuse, argv[2]);
	unlink(argv[3]);
	return r != 0;
}
