/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Links of a torrent that has another name on the mount now: what their new text must be. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "indexer/net/json.h"
#include "indexer/repair/repair_private.h"

/** Whether @path (n bytes) holds @name as a whole component that begins at @at. */
static bool is_component(const char *path, size_t n, size_t at, struct bytes name)
{
	return at + name.len <= n && memcmp(path + at, name.data, name.len) == 0 &&
	       (at == 0 || path[at - 1] == '/') && (at + name.len == n || path[at + name.len] == '/');
}

/** @old with the component @name, @tail bytes before its end, replaced. */
static int replace(struct bytes old, size_t tail, struct bytes name, const char *with, struct buf *out)
{
	buf_reset(out);
	if (tail > old.len || !is_component(old.data, old.len, old.len - tail, name))
		return -EINVAL;
	buf_add(out, old.data, old.len - tail);
	buf_adds(out, with);
	return buf_add(out, old.data + old.len - tail + name.len, tail - name.len);
}

/** The target as it is here: a directory and a name. */
static int whole_here(const struct kept_link *k, struct buf *out)
{
	buf_reset(out);
	buf_add(out, k->row.here.data, k->row.here.len);
	if (!out->len || out->data[out->len - 1] != '/')
		buf_addc(out, '/');
	return buf_add(out, k->row.target_name.data, k->row.target_name.len);
}

/** A name that leads nowhere else. */
static bool is_component_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/** How far before the end of its path here the torrent's component begins. */
static int tail_of(struct repair *r, const struct kept_link *k, const struct buf *here, size_t *tail)
{
	_buf_ struct buf dir = BUF_INIT(1 << 16);
	struct bytes torrent = places_torrent(r->places, k->row.here, k->row.target_name, &dir);
	if (!torrent.len || torrent.data < buf_str(&dir) || torrent.data >= buf_str(&dir) + dir.len)
		return -EINVAL;
	size_t at = (size_t)(torrent.data - buf_str(&dir));
	if (at > here->len || !is_component(here->data, here->len, at, k->row.torrent))
		return -EINVAL;
	*tail = here->len - at;
	return 0;
}

/** Length of the first component. */
static size_t component(const char *path, size_t n)
{
	const char *slash = memchr(path, '/', n);
	return slash ? (size_t)(slash - path) : n;
}

/** Whether both lead the same way, but for "//" and "/./". */
static bool is_same_way(const char *a, size_t a_len, const char *b, size_t b_len)
{
	for (;;) {
		while (a_len && (*a == '/' || (*a == '.' && (a_len == 1 || a[1] == '/')))) {
			a++;
			a_len--;
		}
		while (b_len && *b == '/') {
			b++;
			b_len--;
		}
		size_t n = component(a, a_len), m = component(b, b_len);
		if (n != m || memcmp(a, b, n) != 0)
			return false;
		if (!n)
			return true;
		a += n, a_len -= n;
		b += m, b_len -= m;
	}
}

/** How far before the end of @text the component @name begins that @rest follows; 0: nowhere. */
static size_t find_name(struct bytes text, struct bytes name, const char *rest, size_t rest_len)
{
	for (size_t at = text.len; at-- > 0;)
		if (is_component(text.data, text.len, at, name) &&
		    is_same_way(text.data + at + name.len, text.len - at - name.len, rest, rest_len))
			return text.len - at;
	return 0;
}

int link_moved(struct repair *r, const struct kept_link *k, const char *name, struct buf *text, struct buf *here)
{
	_buf_ struct buf whole = BUF_INIT(1 << 16);
	size_t tail;
	int error = is_component_name(name) ? whole_here(k, &whole) : -EINVAL;
	if (error == 0)
		error = tail_of(r, k, &whole, &tail);
	if (error == 0)
		error = replace((struct bytes){whole.data, whole.len}, tail, k->row.torrent, name, here);
	if (error)
		return error;
	/* the text ends as the path does, or it cannot be rewritten without guessing */
	size_t n = k->row.torrent.len;
	tail = find_name(k->row.target, k->row.torrent, whole.data + whole.len - tail + n, tail - n);
	return tail ? replace(k->row.target, tail, k->row.torrent, name, text) : -EINVAL;
}

/* --- whether they work --- */

static int is_seen(struct repair *r, const char *path)
{
	int64_t size;
	return looker_stat(r->looker, path, &size);
}

struct moves {
	struct repair *repair;
	bool is_seen;
	kept_links links;
	VEC(struct bytes) after;
};

static void clear_moves(struct moves *m)
{
	for (size_t i = 0; i < m->after.len; i++)
		free((char *)m->after.data[i].data);
	vec_clear(&m->after);
	/* the links are those of another list */
	vec_clear(&m->links);
}

static int add_move(struct moves *m, const struct kept_link *k, struct buf *text)
{
	size_t n = text->len;
	char *copy = buf_take(text);
	struct kept_link *link = copy ? vec_add(&m->links) : NULL;
	struct bytes *after = link ? vec_add(&m->after) : NULL;
	if (!after) {
		m->links.len -= link != NULL;
		free(copy);
		return -ENOMEM;
	}
	*link = *k;
	*after = (struct bytes){copy, n};
	return 0;
}

/** 0: it leads to a file, or its file is there for whoever will lead it there; 1: it will, when it is moved; -EAGAIN: not
 * yet. */
static int look_at(struct repair *r, const struct kept_link *k, const char *name, struct moves *m)
{
	_buf_ struct buf here = BUF_INIT(1 << 16), text = BUF_INIT(1 << 16);
	int error = whole_here(k, &here);
	if (error == 0)
		error = is_seen(r, buf_str(&here));
	if (error != -ENOENT)
		return error == 0 ? 0 : -EAGAIN;
	bool is_same = strlen(name) == k->row.torrent.len &&
		       memcmp(name, k->row.torrent.data, k->row.torrent.len) == 0;
	if (is_same || link_moved(r, k, name, &text, &here) < 0 || is_seen(r, buf_str(&here)) < 0)
		return -EAGAIN;
	/* one that is not surely broken is not changed: it is judged as every link is */
	if (k->row.state != LINK_BROKEN)
		return 0;
	return add_move(m, k, &text) < 0 ? -ENOMEM : 1;
}

static bool is_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/** Whether the torrent shall hold the link's file: the last component of one of @paths; NULL: all.  One that is a file itself is
 * called as that. */
static bool is_of(const struct js *paths, const struct kept_link *k)
{
	struct bytes file = k->row.target_name;
	if (is_equal(file, k->row.torrent))
		return true;
	for (size_t i = 0; i < js_count(paths); i++) {
		const char *path = js_own_text(js_at(paths, i)), *last = strrchr(path, '/');
		last = last ? last + 1 : path;
		if (is_equal((struct bytes){last, strlen(last)}, file))
			return true;
	}
	return !paths;
}

static int note_folder(void *arg, const char *path)
{
	struct moves *m = arg;
	m->is_seen = is_seen(m->repair, path) == 0;
	return m->is_seen;
}

/** Nobody of ours leads there: its folder is looked for. */
static int look_for_folder(struct repair *r, const char *name, char *why)
{
	struct moves m = {.repair = r};
	places_of_torrent(r->places, (struct bytes){name, strlen(name)}, note_folder, &m);
	if (!m.is_seen)
		snprintf(why, WHY, "its folder is not seen on the mount yet");
	return m.is_seen ? 0 : -EAGAIN;
}

static int restore(struct repair *r, const struct moving *move, const kept_links *links, const struct js *paths, char *why)
{
	struct moves m = {0};
	int64_t done = 0;
	size_t waiting = 0, ours = 0;
	int error = 0;
	for (size_t i = 0; i < links->len && error >= 0; i++) {
		if (!is_of(paths, &links->data[i]))
			continue;
		ours++;
		error = look_at(r, &links->data[i], move->name, &m);
		waiting += error == -EAGAIN;
		error = error == -EAGAIN ? 0 : error;
	}
	if (error >= 0 && !ours)
		error = look_for_folder(r, move->name, why);
	if (error >= 0 && waiting) {
		snprintf(why, WHY, "%zu of %zu files are not seen on the mount yet", waiting, ours);
		error = -EAGAIN;
	} else if (error >= 0) {
		error = links_change(r, move->plan, move->item, &m.links, m.after.data, &done, why);
	}
	clear_moves(&m);
	return error;
}

int links_restore(struct repair *r, const struct moving *move, char *why)
{
	kept_links links = {0};
	struct js *paths = NULL;
	char fault[160];
	int error = store_symlinks_of(r->store, (struct bytes){move->torrent, strlen(move->torrent)}, keep_link, &links);
	if (error == 0 && move->paths)
		error = js_parse(move->paths, strlen(move->paths), &paths, fault);
	if (error == 0)
		error = keep_links_roots(r, &links);
	if (error == 0 && !repair_is_healthy(r, true)) {
		snprintf(why, WHY, "the mount is not healthy: %.200s", r->health.reason);
		error = -ENODEV;
	}
	if (error == 0)
		error = restore(r, move, &links, paths, why);
	js_free(paths);
	kept_links_clear(&links);
	return error;
}
