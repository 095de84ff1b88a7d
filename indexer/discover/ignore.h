/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which names a scan does not look at: patterns of the configuration. */
#ifndef INDEXER_DISCOVER_IGNORE_H
#define INDEXER_DISCOVER_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

struct ignore_pattern;

struct ignore {
	struct ignore_pattern *pattern;
	size_t count;
};

/** Copies a pattern ('*' and '?', whole name).  0 or -ENOMEM. */
int ignore_add(struct ignore *ig, const char *pattern, size_t n);
void ignore_clear(struct ignore *ig);
/** @name: NUL-terminated, @n bytes. */
bool ignore_matches(const struct ignore *ig, const char *name, size_t n);

/** cover.jpg, folder.png, front.webp…: a picture that stands for the folder. */
bool ignore_is_cover(const char *name);
/** Whether the picture @a rather stands for the folder than @b, when both may: in the order of the names above. */
bool ignore_is_better_cover(const char *a, const char *b);

#endif
