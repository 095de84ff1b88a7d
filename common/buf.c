/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void buf_clear(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

static int fail(struct buf *b, int error)
{
	b->error = error;
	return error;
}

int buf_grow(struct buf *b, size_t n)
{
	if (b->error)
		return b->error;
	if (n > b->max || b->len > b->max - n)
		return fail(b, -E2BIG);
	size_t need = b->len + n + 1;
	if (need <= b->cap)
		return 0;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	char *data = realloc(b->data, cap);
	if (!data)
		return fail(b, -ENOMEM);
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_adds(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

int buf_addv(struct buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return fail(b, -EINVAL);
	int r = buf_reserve(b, (size_t)n);
	if (r < 0)
		return r;
	vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
	b->len += (size_t)n;
	return 0;
}

int buf_addf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = buf_addv(b, format, args);
	va_end(args);
	return r;
}

int buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof digits;
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return buf_add(b, digits + i, sizeof digits - i);
}

int buf_add_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_addc(b, '-');
	return buf_add_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

char *buf_take(struct buf *b)
{
	char *data = b->data;
	if (b->error) {
		buf_clear(b);
		return NULL;
	}
	*b = BUF_INIT(b->max);
	return data;
}
