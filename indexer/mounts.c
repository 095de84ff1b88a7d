/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/path.h"

static void clear_list(struct mounts *m)
{
	for (size_t i = 0; i < m->list.len; i++) {
		free(m->list.data[i].point);
		free(m->list.data[i].type);
	}
	vec_clear(&m->list);
}

int mounts_open(struct mounts *m)
{
	*m = (struct mounts){.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)};
	return m->fd < 0 ? -errno : mounts_read(m);
}

void mounts_close(struct mounts *m)
{
	clear_list(m);
	if (m->fd >= 0)
		close(take_fd(m->fd));
}

/** "\040" and the like, as the kernel writes blanks in paths; in place. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/** "36 35 98:0 /root /point options [fields] - type source options": man 5 proc. */
static int add_line(struct mounts *m, char *line)
{
	unsigned major_, minor_;
	unsigned long long id, parent;
	char *save = NULL, *word[5] = {0};
	char *dash = strstr(line, " - ");
	if (!dash)
		return 0;
	*dash = '\0';
	for (int i = 0; i < 5; i++)
		word[i] = strtok_r(i ? NULL : line, " ", &save);
	if (!word[4] || sscanf(word[0], "%llu", &id) != 1 || sscanf(word[1], "%llu", &parent) != 1 ||
	    sscanf(word[2], "%u:%u", &major_, &minor_) != 2)
		return 0;
	char *type = strtok_r(dash + 3, " ", &save), *source = strtok_r(NULL, " \n", &save);
	struct mount *mount = vec_add(&m->list);
	if (!mount)
		return -ENOMEM;
	unescape(word[4]);
	*mount = (struct mount){.id = id, .parent = parent, .device = makedev(major_, minor_),
				.point = strdup(word[4])};
	unescape(word[3]);
	if (asprintf(&mount->type, "%s %s %s", type ? type : "", source ? source : "", word[3]) < 0)
		mount->type = NULL;
	return mount->point && mount->type ? 0 : -ENOMEM;
}

static void find_tops(struct mounts *m)
{
	for (size_t i = 0; i < m->list.len; i++) {
		struct mount *mount = &m->list.data[i];
		mount->is_top = true;
		for (size_t k = 0; k < m->list.len && mount->is_top; k++)
			mount->is_top = k == i || m->list.data[k].id != mount->parent;
	}
}

int mounts_read(struct mounts *m)
{
	struct mounts fresh = {.fd = m->fd};
	_buf_ struct buf text = BUF_INIT((size_t)64 << 20);
	char *save = NULL;
	int r = 0;
	/* in one piece from the start: the kernel begins anew only there */
	for (off_t at = 0;;) {
		char part[16384];
		ssize_t n = pread(m->fd, part, sizeof part, at);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		buf_add(&text, part, (size_t)n);
		at += n;
	}
	if (buf_error(&text) || !text.len)
		return -EIO;
	for (char *line = strtok_r(text.data, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save))
		r = add_line(&fresh, line);
	if (r < 0) {
		clear_list(&fresh);
		return r;
	}
	clear_list(m);
	find_tops(&fresh);
	*m = fresh;
	return 0;
}

/** Of the mounts on @on the one that a way to @path meets first; NULL when it meets none. */
static const struct mount *next_on(const struct mounts *m, const struct mount *on, const char *path)
{
	const struct mount *best = NULL;
	for (size_t i = 0; i < m->list.len; i++) {
		const struct mount *mount = &m->list.data[i];
		if (mount->parent == on->id && !mount->is_top && path_below(mount->point, path) &&
		    (!best || strlen(mount->point) <= strlen(best->point)))
			best = mount;
	}
	return best;
}

/* as the kernel goes: what is mounted below a place is hidden by what is mounted on the place */
const struct mount *mounts_cover(const struct mounts *m, const char *path)
{
	const struct mount *best = NULL;
	for (size_t i = 0; i < m->list.len; i++) {
		const struct mount *mount = &m->list.data[i];
		if (mount->is_top && path_below(mount->point, path) &&
		    (!best || strlen(mount->point) >= strlen(best->point)))
			best = mount;
	}
	const struct mount *next = best;
	for (size_t depth = 0; next && depth <= m->list.len; depth++) {
		best = next;
		next = next_on(m, best, path);
	}
	return best;
}

void mounts_below(const struct mounts *m, const char *path,
		  void (*fn)(void *arg, const struct mount *mount, const char *below), void *arg)
{
	for (size_t i = 0; i < m->list.len; i++) {
		const struct mount *mount = &m->list.data[i];
		const char *below = path_below(path, mount->point);
		/* only the last one mounted at a place is seen */
		if (below && *below && mounts_cover(m, mount->point) == mount)
			fn(arg, mount, below);
	}
}

void mount_inner(const struct mount *m, const char *path, struct buf *out)
{
	const char *root = strrchr(m->type, ' '), *below = path_below(m->point, path);
	if (root && strcmp(root + 1, "/") != 0)
		buf_adds(out, root + 1);
	if (below && *below)
		buf_addf(out, "/%s", below);
	if (!out->len)
		buf_addc(out, '/');
}

static bool has_type(const struct mount *m, const char *type)
{
	size_t n = strlen(type);
	return strncmp(m->type, type, n) == 0 && m->type[n] == ' ';
}

bool mount_is_own(const struct mount *m)
{
	return has_type(m, "fuse.mediamon");
}

bool mount_is_remote(const struct mount *m)
{
	static const char *const types[] = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs",
					    "fuse", "fuseblk", "virtiofs", "lustre"};
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (has_type(m, types[i]))
			return true;
	return strncmp(m->type, "fuse.", 5) == 0;
}

bool mount_is_same(const struct mount *m, uint64_t device, const char *type)
{
	const char *root = strrchr(m->type, ' '), *expected = strrchr(type, ' ');
	if (major(device) == 0 || major(m->device) == 0)
		return strcmp(m->type, type) == 0;
	return m->device == device && root && expected && strcmp(root, expected) == 0;
}
