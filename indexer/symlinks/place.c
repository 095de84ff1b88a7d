/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Texts are bytes and are only compared: no link is followed, so ".." takes the name before it away, as
 * a link's writer meant it.  Paths in here are normal and end without '/'; that of the root is "".
 */
#include "indexer/symlinks/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "common/vec.h"

enum { TEXT_MOST = 1 << 16 };

struct rule {
	char *there, *here;
	size_t there_len;
};

struct folder {
	char *path;
	size_t len;
};

struct places {
	char *mount;
	/** As configured; and the longest first. */
	VEC(struct folder) folders;
	VEC(struct folder) by_length;
	/** The longest first. */
	VEC(struct rule) rules;
};

/** Appends @path without "", "." and ".." as components. */
static void normalise(const char *path, size_t n, struct buf *out)
{
	size_t start = out->len;
	for (const char *at = path, *end = path + n; at < end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t len = (size_t)((slash ? slash : end) - at);
		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (out->len > start && out->data[out->len - 1] != '/')
				out->len--;
			out->len -= out->len > start;
		} else if (len && !(len == 1 && at[0] == '.')) {
			buf_addc(out, '/');
			buf_add(out, at, len);
		}
		at += len + (slash != NULL);
	}
	if (out->data && !out->error)
		out->data[out->len] = '\0';
}

static char *normal(const char *path, size_t n)
{
	_buf_ struct buf out = BUF_INIT(TEXT_MOST);
	normalise(path, n, &out);
	return buf_error(&out) ? NULL : strdup(buf_str(&out));
}

/** What follows @dir in @path, from its '/' or empty; NULL when @path is not in it. */
static const char *below(const char *dir, size_t n, const char *path, size_t len)
{
	if (len < n || memcmp(dir, path, n) != 0)
		return NULL;
	return len == n || path[n] == '/' ? path + n : NULL;
}

/* --- from the configuration --- */

static int longest_first(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;
	return x->len < y->len ? 1 : -(x->len > y->len);
}

static int longest_rule_first(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	return x->there_len < y->there_len ? 1 : -(x->there_len > y->there_len);
}

static int add_folder(struct places *p, const char *text)
{
	_buf_ struct buf path = BUF_INIT(TEXT_MOST);
	if (*text != '/') {
		/* without a mount there is nothing that it could be a folder of */
		if (!*p->mount)
			return 0;
		buf_adds(&path, p->mount);
		buf_addc(&path, '/');
	}
	buf_adds(&path, text);
	if (buf_error(&path))
		return buf_error(&path);
	struct folder *f = vec_add(&p->folders);
	if (!f)
		return -ENOMEM;
	f->path = normal(path.data, path.len);
	if (!f->path)
		return -ENOMEM;
	f->len = strlen(f->path);
	/* what is said of the mount's health would be believed of another place */
	if (*p->mount && !path_below(p->mount, f->path))
		return -EXDEV;
	struct folder *copy = vec_add(&p->by_length);
	if (!copy)
		return -ENOMEM;
	*copy = p->folders.data[p->folders.len - 1];
	return 0;
}

static int add_rule(struct places *p, const char *text, char why[static 256])
{
	/* a '=' may be part of either path: the one between them has a '/' after it */
	const char *equals = strstr(text, "=/");
	if (*text != '/' || !equals) {
		snprintf(why, 256, "realdebrid.path_map: \"%.150s\": write \"/path/there=/path/here\"", text);
		return -EINVAL;
	}
	struct rule *r = vec_add(&p->rules);
	if (!r)
		return -ENOMEM;
	r->there = normal(text, (size_t)(equals - text));
	r->here = normal(equals + 1, strlen(equals + 1));
	if (!r->there || !r->here)
		return -ENOMEM;
	r->there_len = strlen(r->there);
	return 0;
}

static int fill(struct places *p, const struct config *config, char why[static 256])
{
	const char *mount = config_text(config, OPT_realdebrid_mount);
	if (*mount && *mount != '/') {
		snprintf(why, 256, "realdebrid.mount must be an absolute path");
		return -EINVAL;
	}
	p->mount = normal(mount, strlen(mount));
	int r = p->mount ? 0 : -ENOMEM;
	if (r == 0 && *mount && !*p->mount) {
		snprintf(why, 256, "realdebrid.mount cannot be the root of all files");
		return -EINVAL;
	}
	for (size_t i = 0; i < config_count(config, OPT_realdebrid_folders) && r == 0; i++)
		r = add_folder(p, config_item(config, OPT_realdebrid_folders, i));
	for (size_t i = 0; i < config_count(config, OPT_realdebrid_map) && r == 0; i++)
		r = add_rule(p, config_item(config, OPT_realdebrid_map, i), why);
	return r;
}

int places_new(const struct config *config, struct places **out, char why[static 256])
{
	struct places *p = calloc(1, sizeof *p);
	*why = '\0';
	int r = p ? fill(p, config, why) : -ENOMEM;
	if (r < 0) {
		if (!*why)
			snprintf(why, 256, "%s", r == -EXDEV ? "realdebrid.folders has one that is not below realdebrid.mount"
							       : "no memory, or a path is too long");
		places_free(p);
		return r;
	}
	if (p->by_length.len)
		qsort(p->by_length.data, p->by_length.len, sizeof *p->by_length.data, longest_first);
	if (p->rules.len)
		qsort(p->rules.data, p->rules.len, sizeof *p->rules.data, longest_rule_first);
	*out = p;
	return 0;
}

void places_free(struct places *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->folders.len; i++)
		free(p->folders.data[i].path);
	for (size_t i = 0; i < p->rules.len; i++) {
		free(p->rules.data[i].there);
		free(p->rules.data[i].here);
	}
	vec_clear(&p->folders);
	vec_clear(&p->by_length);
	vec_clear(&p->rules);
	free(p->mount);
	free(p);
}

/* --- */

/** As it is called here. */
static void map(const struct places *p, const struct buf *text, struct buf *here)
{
	const char *path = buf_str(text);
	for (size_t i = 0; i < p->rules.len; i++) {
		const struct rule *r = &p->rules.data[i];
		const char *rest = below(r->there, r->there_len, path, text->len);
		if (!rest)
			continue;
		buf_adds(here, r->here);
		buf_add(here, rest, text->len - r->there_len);
		return;
	}
	buf_add(here, path, text->len);
}

/** Whether a configured folder, or the mount, is at @path or below it: then it is no torrent. */
static bool is_above_folders(const struct places *p, const char *path, size_t n)
{
	for (size_t i = 0; i < p->folders.len; i++)
		if (below(path, n, p->folders.data[i].path, p->folders.data[i].len))
			return true;
	return below(path, n, p->mount, strlen(p->mount)) != NULL;
}

static bool is_dots(struct bytes name)
{
	return name.len == 0 || (name.len <= 2 && memcmp(name.data, "..", name.len) == 0);
}

/** @path: the directory, without the last '/'. */
static struct bytes find_torrent(const struct places *p, const char *path, size_t n, struct bytes name)
{
	for (size_t i = 0; i < p->by_length.len; i++) {
		const struct folder *f = &p->by_length.data[i];
		const char *rest = below(f->path, f->len, path, n);
		if (!rest)
			continue;
		if (rest == path + n)
			return name;
		const char *start = rest + 1, *end = path + n;
		const char *slash = memchr(start, '/', (size_t)(end - start));
		end = slash ? slash : end;
		if (is_above_folders(p, path, (size_t)(end - path)))
			return (struct bytes){"", 0};
		return (struct bytes){start, (size_t)(end - start)};
	}
	return (struct bytes){"", 0};
}

struct bytes places_torrent(const struct places *p, struct bytes dir, struct bytes name, struct buf *here)
{
	const struct bytes none = {"", 0};
	_buf_ struct buf text = BUF_INIT(TEXT_MOST), whole = BUF_INIT(TEXT_MOST);
	normalise(dir.data, dir.len, &text);
	buf_reset(here);
	map(p, &text, here);
	size_t n = here->len;
	buf_addc(here, '/');
	/* a relative text says nothing without its link; "dir/.." is not in dir */
	if (buf_error(&text) || buf_error(here) || !dir.len || dir.data[0] != '/' ||
	    (name.len == 2 && is_dots(name)))
		return none;
	/* "folder/name" may itself be the mount or a folder of it */
	buf_add(&whole, here->data, n);
	if (!is_dots(name)) {
		buf_addc(&whole, '/');
		buf_add(&whole, name.data, name.len);
	}
	if (buf_error(&whole) || is_above_folders(p, buf_str(&whole), whole.len))
		return none;
	return find_torrent(p, here->data, n, name);
}

const char *places_mount(const struct places *p)
{
	return p->mount;
}

int places_of_torrent(const struct places *p, struct bytes name, int (*fn)(void *arg, const char *path), void *arg)
{
	if (is_dots(name) || memchr(name.data, '/', name.len) || memchr(name.data, '\0', name.len))
		return -EINVAL;
	int r = 0;
	for (size_t i = 0; i < p->folders.len && r == 0; i++) {
		_buf_ struct buf path = BUF_INIT(TEXT_MOST);
		buf_add(&path, p->folders.data[i].path, p->folders.data[i].len);
		buf_addc(&path, '/');
		buf_add(&path, name.data, name.len);
		r = buf_error(&path) ? buf_error(&path) : fn(arg, path.data);
	}
	return r;
}
