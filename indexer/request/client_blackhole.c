/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A folder that another program watches.  A file appears in it whole or not at all, and never
 * takes another's place; the folder itself is never made: one that is not there is a disk that is
 * away.  Who takes a file leaves no trace: once it is gone, nobody can be asked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/text.h"
#include "indexer/hash.h"
#include "indexer/request/client.h"

struct blackhole {
	/** Borrowed from the configuration. */
	const char *folder;
};

enum {
	/** " [", the identity, "]" and the longest suffix. */
	NAME_RESERVE = 2 + 40 + 1 + 8,
	LINK_MOST = 64 << 10,
};

/** What is dropped of a handover. */
struct drop {
	const char *suffix;
	const void *data;
	size_t len;
	/** Of the file, before the umask: an address may hold a key. */
	mode_t mode;
	/** Info-hash, ed2k hash, or a number made of the address. */
	char identity[41];
};

static int blackhole_open(const struct outside *o, void **state, char *why)
{
	const char *folder = config_text(o->config, OPT_blackhole_folder);
	*state = NULL;
	if (!*folder)
		return 0;
	if (*folder != '/') {
		snprintf(why, WHY, "blackhole: folder is not an absolute path");
		return -EINVAL;
	}
	struct blackhole *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	b->folder = folder;
	*state = b;
	return 0;
}

static void blackhole_close(void *state)
{
	free(state);
}

/* --- what and under which name --- */

/** FNV-1a: the same address has the same name, so that it is dropped once. */
static void identity_of_address(const char *s, char out[41])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	snprintf(out, 41, "%016" PRIx64, h);
}

static bool begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

static bool is_one_line(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if ((uint8_t)b->data[i] < 0x20 || b->data[i] == 0x7f)
			return false;
	return b->len > 0 && b->len <= LINK_MOST;
}

static int choose_link(const struct handover *h, struct drop *d)
{
	const char *link = buf_str(&h->link);
	struct ed2k_link ed2k;
	if (!is_one_line(&h->link))
		return -EINVAL;
	d->data = link;
	d->len = h->link.len;
	if (begins(link, "magnet:")) {
		d->suffix = "magnet";
		return hash_of_magnet(link, d->identity);
	}
	if (begins(link, "ed2k:")) {
		int r = ed2k_parse(link, h->link.len, &ed2k);
		d->suffix = "ed2k";
		snprintf(d->identity, sizeof d->identity, "%s", r == 0 ? ed2k.hash : "");
		ed2k_clear(&ed2k);
		return r;
	}
	if (h->release.protocol != PROTOCOL_USENET || !(begins(link, "http://") || begins(link, "https://")))
		return -EINVAL;
	d->suffix = "nzb";
	d->mode = 0660;
	/* of what is stored, not of the address: a new key makes no new file */
	identity_of_address(*h->release.guid ? h->release.guid : link, d->identity);
	return 0;
}

static int choose(const struct handover *h, struct drop *d)
{
	*d = (struct drop){.suffix = "torrent", .data = h->torrent.data, .len = h->torrent.len, .mode = 0664};
	return h->torrent.len ? hash_of_torrent(h->torrent.data, h->torrent.len, d->identity) : choose_link(h, d);
}

static int name_of(const struct handover *h, const struct drop *d, struct buf *out)
{
	text_safe_name(h->release.title, strlen(h->release.title), NAME_RESERVE, out);
	buf_addf(out, " [%s].%s", d->identity, d->suffix);
	return buf_error(out);
}

/* --- dropping --- */

/**
 * Hidden, and of no suffix that a watcher looks for.  Not O_TMPFILE: a link is no event that every
 * watcher waits for, a rename is.
 */
static int new_file(int folder, const struct drop *d, const char *hidden)
{
	/* left by a run that ended in the middle */
	unlinkat(folder, hidden, 0);
	int fd = openat(folder, hidden, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, d->mode);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t written = write(fd, data, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		data += written;
		n -= (size_t)written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/** Gives the written file its name; -EEXIST when that is taken. */
static int publish(int folder, const char *hidden, const char *name)
{
	if (renameat2(folder, hidden, folder, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* a filesystem that cannot promise not to replace can still link */
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return linkat(folder, hidden, folder, name, 0) < 0 ? -errno : 0;
}

static int drop_file(int folder, const struct drop *d, const char *name)
{
	char hidden[64];
	snprintf(hidden, sizeof hidden, ".mediamon-%s.part", d->identity);
	_close_ int fd = new_file(folder, d, hidden);
	if (fd < 0)
		return fd;
	int r = write_all(fd, d->data, d->len);
	if (r == 0)
		r = publish(folder, hidden, name);
	/* gone already when it was renamed */
	unlinkat(folder, hidden, 0);
	return r;
}

static int open_folder(const struct blackhole *b, char *why)
{
	int fd = open(b->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int r = errno == EACCES ? -EACCES : -EAGAIN;
	snprintf(why, WHY, "the folder %.160s cannot be used: %s", b->folder, strerror(errno));
	return r;
}

static int blackhole_add(void *state, const struct handover *h, char *why)
{
	_buf_ struct buf name = BUF_INIT(512);
	struct drop d;
	if (choose(h, &d) < 0 || name_of(h, &d, &name) < 0) {
		snprintf(why, WHY, "there is neither a torrent, nor a magnet, ed2k or usenet link to drop");
		return -EINVAL;
	}
	_close_ int folder = open_folder(state, why);
	if (folder < 0)
		return folder;
	int r = drop_file(folder, &d, buf_str(&name));
	if (r == 0 && fsync(folder) < 0) {
		snprintf(why, WHY, "the file was dropped, but its name may not last: %s", strerror(errno));
		return -EIO;
	}
	if (r == 0 || r == -EEXIST)
		return r;
	snprintf(why, WHY, "the file cannot be dropped: %s", strerror(-r));
	return r == -EACCES || r == -EPERM ? -EACCES : -EAGAIN;
}

/* --- finding --- */

/** True for names that we made for the hash. */
static bool is_of(const char *name, const char *hash)
{
	size_t n = strlen(hash);
	for (const char *p = strstr(name, " ["); p; p = strstr(p + 1, " ["))
		if (strncmp(p + 2, hash, n) == 0 && p[2 + n] == ']' && p[3 + n] == '.')
			return name[0] != '.';
	return false;
}

static int blackhole_find(void *state, enum protocol protocol, const char *hash, struct client_item *item, char *why)
{
	(void)protocol;
	if (!*hash)
		return -ENOTSUP;
	_close_ int folder = open_folder(state, why);
	DIR *d = folder < 0 ? NULL : fdopendir(folder);
	if (!d)
		return folder < 0 ? folder : -EAGAIN;
	take_fd(folder);
	errno = 0;
	const struct dirent *e = readdir(d);
	while (e && !is_of(e->d_name, hash))
		e = readdir(d);
	int r = e ? 0 : errno ? -EAGAIN : -ENOTSUP;
	closedir(d);
	if (r == 0) {
		item->state = CLIENT_WAITS;
		snprintf(item->text, sizeof item->text, "nobody has taken the file yet");
	} else {
		snprintf(why, WHY, "the folder %.100s does not tell what became of a file", ((struct blackhole *)state)->folder);
	}
	return r;
}

const struct client client_blackhole = {
	.name = "blackhole",
	.takes = PROTOCOL_TORRENT | PROTOCOL_USENET | PROTOCOL_ED2K,
	.open = blackhole_open,
	.close = blackhole_close,
	.add = blackhole_add,
	.find = blackhole_find,
};
