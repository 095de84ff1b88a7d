/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/frame.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 8 };

size_t frame_begin(struct buf *out, enum frame_type type)
{
	size_t start = out->len;
	frame_u32(out, 0);
	frame_u32(out, type);
	return start;
}

void frame_end(struct buf *out, size_t start)
{
	if (out->error)
		return;
	uint32_t n = (uint32_t)(out->len - start);
	memcpy(out->data + start, &n, sizeof n);
}

void frame_u32(struct buf *out, uint32_t v)
{
	buf_add(out, &v, sizeof v);
}

void frame_u64(struct buf *out, uint64_t v)
{
	buf_add(out, &v, sizeof v);
}

void frame_bytes(struct buf *out, const void *data, size_t n)
{
	frame_u32(out, (uint32_t)n);
	buf_add(out, data, n);
}

long frame_parse(const uint8_t *data, size_t n, struct frame *out)
{
	uint32_t head[2];
	if (n < HEADER)
		return 0;
	memcpy(head, data, sizeof head);
	if (head[0] < HEADER || head[0] > FRAME_MAX)
		return -EBADMSG;
	if (n < head[0])
		return 0;
	*out = (struct frame){(enum frame_type)head[1], data + HEADER, data + head[0], false};
	return head[0];
}

static void get(struct frame *f, void *v, size_t n)
{
	if ((size_t)(f->end - f->at) < n) {
		f->is_bad = true;
		f->at = f->end;
		memset(v, 0, n);
		return;
	}
	memcpy(v, f->at, n);
	f->at += n;
}

uint32_t frame_get_u32(struct frame *f)
{
	uint32_t v;
	get(f, &v, sizeof v);
	return v;
}

uint64_t frame_get_u64(struct frame *f)
{
	uint64_t v;
	get(f, &v, sizeof v);
	return v;
}

const char *frame_get_bytes(struct frame *f, size_t *n)
{
	*n = frame_get_u32(f);
	if ((size_t)(f->end - f->at) < *n) {
		f->is_bad = true;
		*n = 0;
	}
	const char *data = (const char *)f->at;
	f->at += *n;
	return data;
}

int frame_send(int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

void frame_reader_init(struct frame_reader *r, int fd)
{
	*r = (struct frame_reader){.fd = fd, .bytes = BUF_INIT(2 * FRAME_MAX)};
}

void frame_reader_clear(struct frame_reader *r)
{
	buf_clear(&r->bytes);
}

long frame_reader_fill(struct frame_reader *r)
{
	enum { CHUNK = 1 << 16 };
	if (r->used) {
		memmove(r->bytes.data, r->bytes.data + r->used, r->bytes.len - r->used);
		r->bytes.len -= r->used;
		r->used = 0;
	}
	int e = buf_reserve(&r->bytes, CHUNK);
	if (e < 0)
		return e;
	ssize_t n;
	do
		n = read(r->fd, r->bytes.data + r->bytes.len, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->bytes.len += (size_t)n;
	return n;
}

int frame_reader_next(struct frame_reader *r, struct frame *out)
{
	long n = frame_parse((const uint8_t *)r->bytes.data + r->used, r->bytes.len - r->used, out);
	if (n <= 0)
		return (int)n;
	r->used += (size_t)n;
	return 1;
}
