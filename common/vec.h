/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Growing arrays: `VEC(struct thing) things = {0};` */
#ifndef COMMON_VEC_H
#define COMMON_VEC_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VEC(type) \
	struct { \
		type *data; \
		size_t len, cap; \
	}

/** Room for one more element.  Returns 0 or -1 (no memory). */
static inline int vec_grow(void **data, size_t *cap, size_t len, size_t size)
{
	if (len < *cap)
		return 0;
	size_t more = *cap ? *cap * 2 : 8;
	if (more > SIZE_MAX / size)
		return -1;
	void *grown = realloc(*data, more * size);
	if (!grown)
		return -1;
	*data = grown;
	*cap = more;
	return 0;
}

/** Adds one zeroed element; a pointer to it, or NULL without memory. */
#define vec_add(v) \
	(vec_grow((void **)&(v)->data, &(v)->cap, (v)->len, sizeof *(v)->data) < 0 \
		 ? NULL \
		 : (memset(&(v)->data[(v)->len], 0, sizeof *(v)->data), &(v)->data[(v)->len++]))

/** Forgets the elements and frees the array (not what they point to). */
#define vec_clear(v) (free((v)->data), (v)->data = NULL, (v)->len = (v)->cap = 0)

#endif
