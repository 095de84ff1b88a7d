/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/path.h"

void path_clean(const char *path, struct buf *out)
{
	size_t start = out->len;
	if (*path == '/')
		buf_addc(out, '/');
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n && !(n == 1 && path[0] == '.')) {
			if (out->len > start && out->data[out->len - 1] != '/')
				buf_addc(out, '/');
			buf_add(out, path, n);
		}
		path += n;
		path += *path == '/';
	}
}

int path_has_dotdot(const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.')
			return 1;
		path += n;
		path += *path == '/';
	}
	return 0;
}

const char *path_below(const char *root, const char *path)
{
	size_t n = strlen(root);
	if (n == 1 && root[0] == '/')
		return path + 1;
	if (strncmp(root, path, n) != 0)
		return NULL;
	if (path[n] == '\0')
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

void path_map(const char *const *map, size_t n, const char *path, struct buf *out)
{
	const char *best = NULL, *rest = path;
	size_t best_len = 0, there_len = 0;
	for (size_t i = 0; i < n; i++) {
		const char *equals = strchr(map[i], '=');
		const char *below = equals ? path_below(equals + 1, path) : NULL;
		if (!below || strlen(equals + 1) < best_len)
			continue;
		best = map[i];
		best_len = strlen(equals + 1);
		there_len = (size_t)(equals - map[i]);
		rest = below;
	}
	if (!best) {
		buf_adds(out, path);
		return;
	}
	buf_add(out, best, there_len);
	if (*rest) {
		buf_addc(out, '/');
		buf_adds(out, rest);
	}
}

void path_join(const char *dir, size_t dir_len, const char *name, size_t name_len, struct buf *out)
{
	buf_add(out, dir, dir_len);
	if (dir_len && name_len && dir[dir_len - 1] != '/')
		buf_addc(out, '/');
	buf_add(out, name, name_len);
}
