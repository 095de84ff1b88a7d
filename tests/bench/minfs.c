/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The smallest filesystem that shows what changes: one file, "f".
 *
 *   minfs MOUNTPOINT     in the foreground, until it is unmounted
 *
 * SIGUSR1 makes a new version: a new node under the old name, and the kernel is told to forget the name.
 * The next open, read and close costs one lookup and one read, as it does in mediamon.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 34
#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Every node but the root is this and its version. */
	FIRST_NODE = 10,
	SIZE = 128,
};

#define FOR_EVER 86400.0

static atomic_ulong version;
static struct fuse_session *server;

static void attributes(fuse_ino_t node, struct stat *st)
{
	int is_root = node == FUSE_ROOT_ID;
	*st = (struct stat){
		.st_ino = is_root ? 1 : 2,
		.st_mode = is_root ? S_IFDIR | 0555 : S_IFREG | 0444,
		.st_nlink = is_root ? 2 : 1,
		.st_size = is_root ? 0 : SIZE,
		.st_mtime = (time_t)node,
	};
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {
		.ino = FIRST_NODE + version, .attr_timeout = FOR_EVER, .entry_timeout = FOR_EVER};
	if (parent != FUSE_ROOT_ID || strcmp(name, "f") != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attributes(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct stat st;
	(void)fi;
	attributes(node, &st);
	fuse_reply_attr(req, &st, FOR_EVER);
}

static void on_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	(void)node;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void on_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *fi)
{
	char text[SIZE + 1];
	(void)fi;
	snprintf(text, sizeof text, "%*lu\n", SIZE - 1, (unsigned long)node);
	if (offset >= SIZE)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, text + offset, SIZE - (size_t)offset < size ? SIZE - (size_t)offset : size);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
};

static void *change(void *set)
{
	int number;
	while (sigwait(set, &number) == 0) {
		version++;
		fuse_lowlevel_notify_inval_entry(server, FUSE_ROOT_ID, "f", 1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	sigset_t set;
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (argc != 2)
		return 2;
	server = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (!server || fuse_set_signal_handlers(server) < 0 || fuse_session_mount(server, argv[1]) < 0)
		return 1;
	if (pthread_create(&thread, NULL, change, &set) == 0)
		pthread_detach(thread);
	int r = fuse_session_loop(server);
	fuse_session_unmount(server);
	return r != 0;
}
