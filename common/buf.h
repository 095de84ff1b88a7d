/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A growing byte buffer with a mandatory limit.
 *
 * The first failure (-ENOMEM, or -E2BIG over the limit) is remembered: later additions do
 * nothing, so that a renderer checks once, at its end, with buf_error().
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	/** The bytes; NUL-terminated after every addition; NULL while empty. Owned. */
	char *data;
	/** Bytes in use, the final NUL not counted. */
	size_t len;
	size_t cap;
	/** Most bytes it may ever hold. */
	size_t max;
	/** 0, or the -errno of the first failure. */
	int error;
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})

/** Frees the bytes; the buffer may be used again with the same limit. */
void buf_clear(struct buf *b);

/** Empties it and forgets an error, keeping the memory. */
void buf_reset(struct buf *b);

/** What buf_reserve() does when the room there is does not do. */
int buf_grow(struct buf *b, size_t n);

/** Makes room for @n more bytes (and a NUL).  Returns 0 or -errno. */
static inline int buf_reserve(struct buf *b, size_t n)
{
	bool fits = !b->error && n < b->cap - b->len && b->len + n <= b->max;
	return fits ? 0 : buf_grow(b, n);
}

/** Makes it @n bytes longer: the caller fills them in, they begin where it says; NULL after a failure. */
static inline char *buf_extend(struct buf *b, size_t n)
{
	if (buf_reserve(b, n) < 0)
		return NULL;
	char *at = b->data + b->len;
	b->len += n;
	at[n] = '\0';
	return at;
}

static inline int buf_add(struct buf *b, const void *data, size_t n)
{
	char *at = buf_extend(b, n);
	if (!at)
		return b->error;
	if (n)
		memcpy(at, data, n);
	return 0;
}
int buf_adds(struct buf *b, const char *text);
static inline int buf_addc(struct buf *b, char c)
{
	char *at = buf_extend(b, 1);
	if (!at)
		return b->error;
	*at = c;
	return 0;
}
int buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_addv(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/** Decimal digits of @v, faster than buf_addf(). */
int buf_add_u64(struct buf *b, uint64_t v);
int buf_add_i64(struct buf *b, int64_t v);

/** 0, or the first failure. */
static inline int buf_error(const struct buf *b)
{
	return b->error;
}

/** The bytes as a C string, "" while empty.  Borrowed. */
static inline const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

/** Hands the bytes out (the caller frees them) and empties the buffer; NULL after a failure. */
char *buf_take(struct buf *b);

static inline void cleanup_buf(struct buf *b)
{
	buf_clear(b);
}

#define _buf_ __attribute__((cleanup(cleanup_buf), unused))

#endif
