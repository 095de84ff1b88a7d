/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Handlers answer from memory and the local store, never wait, and never invalidate: that is
 * notify.c's thread.  There are no handlers for extended attributes: the kernel asks once, and
 * never again.
 *
 * open and opendir are answered ENOSYS once: the kernel then opens without asking and keeps pages
 * and listings, so that an unchanged file costs no trip here at all.  That is right because a
 * regular file's node never changes, and listings are invalidated.  Targets of links are kept for
 * the same reason; without that each question for one would also make its attributes old.
 */
#include "fs/ops.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/orders.h"
#include "fs/grow.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "fs/orders.h"
#include "fs/pollers.h"
#include "fs/tree.h"

enum {
	CONTENT_MAX = 1 << 30,
	BLOCK = 4096,
};

/** The kernel may keep names and attributes until it is told otherwise. */
static const double KEPT_S = 86400;

static int64_t group = -1;

void ops_set_group(int64_t gid)
{
	group = gid;
}

/* --- attributes --- */

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
}

static nlink_t links_of(const struct entry *e)
{
	nlink_t n = 2;
	if (!S_ISDIR(e->mode))
		return 1;
	/* 1 is what file systems say that do not count sub-directories: find(1) knows it */
	for (const struct entry *c = e->dir; c->mode; c++) {
		if (!c->name)
			return 1;
		n += S_ISDIR(c->mode);
	}
	return n;
}

static void fill_attr(const struct node *n, uint64_t size, int64_t at, struct stat *st)
{
	const struct entry *e = n->entry;
	*st = (struct stat){
		.st_ino = tree_inode(n),
		.st_mode = e->mode,
		.st_nlink = links_of(e),
		.st_uid = geteuid(),
		.st_gid = getegid(),
		.st_size = (off_t)size,
		.st_blksize = BLOCK,
		.st_blocks = (blkcnt_t)((size + 511) / 512),
	};
	if (!at)
		at = notify_started_at();
	st->st_mtim = st->st_ctim = st->st_atim = timespec_of(at);
	if (e->order) {
		st->st_mode = S_IFREG | (group >= 0 ? 0660 : 0600);
		st->st_gid = group >= 0 ? (gid_t)group : getegid();
	}
}

/* --- lookup --- */

/** Counts a lookup of a file; its bytes are made unless the kernel knows the node. */
static int know_file(struct view *v, const struct node *child, const struct sight *sight)
{
	struct buf content = BUF_INIT(CONTENT_MAX);
	struct sight known = *sight;
	known.must_exist = true;
	if (inode_know(&known, NULL) == 0)
		return 0;
	int r = tree_render(v, child, &content);
	if (r == 0)
		return inode_know(sight, &content);
	buf_clear(&content);
	return r;
}

/** What the kernel is told of one child, and one more lookup of it. */
static int know_child(struct view *v, uint64_t parent, const char *name, struct node *child,
		      int64_t at, struct fuse_entry_param *e)
{
	_buf_ struct buf target = BUF_INIT(1 << 16);
	uint64_t size = 0;
	int r = S_ISLNK(child->entry->mode) ? tree_target(v, child, &target) : 0;
	struct sight sight = {
		.id = tree_id(child), .parent = parent, .name = name, .at = at, .target = (uint32_t)target.len};
	if (r == 0)
		r = S_ISREG(child->entry->mode) ? know_file(v, child, &sight) : inode_know(&sight, NULL);
	if (r < 0)
		return r;
	if (!S_ISDIR(child->entry->mode) && inode_stat(sight.id, &size, &at) && child->entry->grows)
		grow_size(sight.id, &size);
	*e = (struct fuse_entry_param){.ino = sight.id};
	if (!child->entry->uncached)
		e->attr_timeout = e->entry_timeout = KEPT_S;
	fill_attr(child, size, at, &e->attr);
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node dir, child;
	struct fuse_entry_param e;
	struct view v;
	int64_t at;
	int r = tree_decode(parent, &dir);
	struct look look = notify_begin();
	view_begin(&v);
	if (r == 0)
		r = tree_find(&v, &dir, name, &child, &at);
	if (r == 0)
		r = know_child(&v, parent, name, &child, at, &e);
	if (r == 0)
		notify_again(&look, parent, name);
	notify_end(&look);
	view_end(&v);
	if (r < 0)
		fuse_reply_err(req, -r);
	else if (fuse_reply_entry(req, &e) < 0)
		inode_forget(e.ino, 1);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	inode_forget(ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *f)
{
	for (size_t i = 0; i < count; i++)
		inode_forget(f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, const struct node *n, uint64_t size, int64_t at)
{
	struct stat st;
	fill_attr(n, size, at, &st);
	fuse_reply_attr(req, &st, n->entry->uncached ? 0 : KEPT_S);
}

void ops_answer_attr(void *request, uint64_t id)
{
	struct node n;
	uint64_t size;
	int64_t at;
	if (tree_decode(id, &n) < 0 || !inode_stat(id, &size, &at))
		fuse_reply_err(request, ESTALE);
	else
		reply_attr(request, &n, size, at);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node n;
	struct view v;
	uint64_t version;
	int64_t at = 0;
	(void)fi;
	int r = tree_decode(ino, &n);
	if (r == 0 && !S_ISDIR(n.entry->mode)) {
		if (!n.entry->grows || !grow_keeps(ino, req))
			ops_answer_attr(req, ino);
		return;
	}
	if (r == 0) {
		view_begin(&v);
		r = tree_stamp(&v, &n, &version, &at);
		view_end(&v);
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_attr(req, &n, 0, at);
}

/** The target of the link that a node stands for; -ESTALE when it is another by now or gone: the kernel looks the name up again. */
static int target_of(struct view *v, const struct node *n, struct buf *out)
{
	struct node now = *n;
	if (!S_ISLNK(n->entry->mode))
		return -EINVAL;
	int r = tree_target(v, &now, out);
	bool is_another = r == 0 && now.version != n->version;
	return r == -ENOENT || is_another ? -ESTALE : r;
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct node n;
	struct view v;
	_buf_ struct buf target = BUF_INIT(1 << 16);
	int r = tree_decode(ino, &n);
	if (r == 0) {
		view_begin(&v);
		r = target_of(&v, &n, &target);
		view_end(&v);
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_readlink(req, buf_str(&target));
}

/* --- reading --- */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	(void)fi;
	_free_ char *data = malloc(size ? size : 1);
	ssize_t n = data ? inode_read(ino, data, size, offset) : -ENOMEM;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, data, (size_t)n);
}

/* --- directories --- */

struct page {
	fuse_req_t req;
	struct view *v;
	fuse_ino_t dir;
	bool plus;
	char *data;
	size_t size, used;
	struct look look;
};

/** What a name in a listing tells by itself. */
static struct stat attr_of(const struct tree_item *item)
{
	return (struct stat){.st_ino = tree_inode(&item->node), .st_mode = item->node.entry->mode};
}

/** Returns 1 when the page is full. */
static int add_plain(struct page *p, const struct tree_item *item)
{
	struct stat st = attr_of(item);
	size_t n = fuse_add_direntry(p->req, p->data + p->used, p->size - p->used, item->name, &st,
				     (off_t)item->cursor);
	if (n > p->size - p->used)
		return 1;
	p->used += n;
	return 0;
}

/** A file whose bytes nobody asked for yet: it is only named, and its bytes are made when its size is asked for. */
static bool is_unmade(const struct node *child)
{
	return S_ISREG(child->entry->mode) && !inode_is_known(tree_id(child));
}

static int add_plus(struct page *p, const struct tree_item *item)
{
	struct fuse_entry_param e = {.attr = attr_of(item)};
	struct node child = item->node;
	bool is_told = !is_unmade(&child);
	size_t left = p->size - p->used;
	/* room is asked for first, so that no lookup has to be taken back */
	if (fuse_add_direntry_plus(p->req, NULL, 0, item->name, &e, 0) > left)
		return 1;
	if (is_told && know_child(p->v, p->dir, item->name, &child, item->at, &e) < 0)
		return 0;
	p->used += fuse_add_direntry_plus(p->req, p->data + p->used, left, item->name, &e,
					  (off_t)item->cursor);
	if (is_told)
		notify_again(&p->look, p->dir, item->name);
	return 0;
}

static int add_item(void *arg, const struct tree_item *item)
{
	struct page *p = arg;
	return p->plus ? add_plus(p, item) : add_plain(p, item);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool plus)
{
	struct node dir;
	struct view v;
	_free_ char *data = malloc(size ? size : 1);
	struct page p = {.req = req, .v = &v, .dir = ino, .plus = plus, .data = data, .size = size,
			 .look = notify_begin()};
	int r = data ? tree_decode(ino, &dir) : -ENOMEM;
	if (r == 0 && !S_ISDIR(dir.entry->mode))
		r = -ENOTDIR;
	if (r == 0) {
		view_begin(&v);
		r = tree_list(&v, &dir, (uint64_t)offset, add_item, &p);
		view_end(&v);
	}
	notify_end(&p.look);
	/* what was told of them is counted: names are given as far as they are known */
	if (r < 0 && !p.used)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, data, p.used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	(void)fi;
	read_directory(req, ino, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *fi)
{
	(void)fi;
	read_directory(req, ino, size, offset, true);
}

/* --- writing: only control files take it --- */

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int set,
		       struct fuse_file_info *fi)
{
	struct node n;
	int r = tree_decode(ino, &n);
	int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
		    FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME;
	(void)attr;
	/* shells truncate before they write; that means nothing here */
	if (r == 0 && n.entry->order && !(set & ~(FUSE_SET_ATTR_SIZE | times)))
		op_getattr(req, ino, fi);
	else
		fuse_reply_err(req, r < 0 ? -r : n.entry->order ? EPERM : EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	struct node n;
	(void)offset;
	(void)fi;
	int r = tree_decode(ino, &n);
	if (r == 0 && !n.entry->order)
		r = -EROFS;
	if (r == 0)
		r = orders_submit(&n, data, size, req);
	if (r < 0)
		fuse_reply_err(req, -r);
}

void ops_answer_write(void *request, int error, uint64_t size)
{
	if (error)
		fuse_reply_err(request, error);
	else
		fuse_reply_write(request, size);
}

/* --- waiting --- */

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		    struct fuse_pollhandle *ph)
{
	struct poll_question q = {
		.id = ino, .caller = fuse_req_ctx(req)->pid, .events = fi->poll_events};
	int r = tree_decode(ino, &q.node);
	if (r == 0) {
		fuse_reply_poll(req, pollers_ask(&q, ph));
		return;
	}
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_err(req, -r);
}

/* takes no lock of the kernel's files, unlike an invalidation: a handler may call it */
static void wake_poller(void *handle)
{
	fuse_lowlevel_notify_poll(handle);
	fuse_pollhandle_destroy(handle);
}

static void drop_poller(void *handle)
{
	fuse_pollhandle_destroy(handle);
}

/** As procfs, no blocks and no files: a size would be full, or have no room, for whoever watches disks. */
static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs st = {
		.f_bsize = BLOCK, .f_frsize = BLOCK, .f_flag = ST_NOSUID | ST_NODEV, .f_namemax = 255,
	};
	(void)ino;
	fuse_reply_statfs(req, &st);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)dev;
	fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_err(req, EROFS);
}

static void op_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	(void)parent;
	(void)name;
	(void)new_parent;
	(void)new_name;
	(void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_init(void *arg, struct fuse_conn_info *conn)
{
	(void)arg;
	conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_EXPLICIT_INVAL_DATA |
				       FUSE_CAP_CACHE_SYMLINKS);
	/* readdirplus always: a first "ls -l" of a large folder is ten times faster with it */
	conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ATOMIC_O_TRUNC |
				  FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE);
	notify_ready();
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.poll = op_poll,
	.opendir = op_open,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_remove,
	.rmdir = op_remove,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
};

struct fuse_session *ops_session(struct fuse_args *args)
{
	pollers_start(wake_poller, drop_poller);
	return fuse_session_new(args, &ops, sizeof ops, NULL);
}
