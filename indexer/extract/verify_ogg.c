/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ogg: RFC 3533, section 6. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "indexer/extract/verify.h"
#include "indexer/extract/window.h"

enum {
	PAGE_HEADER = 27,
	SERIALS = 16,
	FLAG_FIRST = 2,
	FLAG_LAST = 4,
	CRC_AT = 22,
};

/** Polynomial 0x04c11db7, the high bit first, nothing in front and nothing behind. */
struct ogg_crc {
	uint32_t table[256];
	uint32_t value;
};

struct ogg {
	struct verify *v;
	struct ogg_crc crc;
	/** Streams that have begun: the number of the next page, and whether the last one was there. */
	struct {
		uint32_t serial, next;
		bool has_end;
	} stream[SERIALS];
	unsigned streams;
	uint64_t pages;
};

static void make_table(struct ogg_crc *c)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t r = i << 24;
		for (int k = 0; k < 8; k++)
			r = r << 1 ^ (r & 0x80000000U ? 0x04c11db7U : 0);
		c->table[i] = r;
	}
}

static void add_crc(struct ogg_crc *c, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->value = c->value << 8 ^ c->table[(c->value >> 24 ^ p[i]) & 0xff];
}

static int fail_at(struct ogg *o, uint64_t at, const char *what)
{
	return extract_fail(o->v->reason, -EBADMSG, "the page at byte %llu %s", (unsigned long long)at, what);
}

/** Its place in its stream. */
static int check_number(struct ogg *o, uint64_t at, const uint8_t *p)
{
	uint32_t serial = get_le32(p + 14), number = get_le32(p + 18);
	unsigned i = 0;
	while (i < o->streams && o->stream[i].serial != serial)
		i++;
	/* of streams behind each other each begins in the place of one that has ended, with its serial or another */
	bool is_first = p[5] & FLAG_FIRST && (i == o->streams || o->stream[i].has_end);
	for (unsigned k = 0; is_first && k < o->streams && i == o->streams; k++)
		i = o->stream[k].has_end ? k : i;
	if (i == o->streams && !is_first)
		return fail_at(o, at, "is of a stream that never began");
	if (i == SERIALS)
		return extract_fail(o->v->reason, -ENOTSUP, "it holds more than %d streams", SERIALS);
	if (is_first) {
		o->streams += i == o->streams;
		o->stream[i].serial = serial;
		o->stream[i].next = number;
		o->stream[i].has_end = false;
	}
	if (number != o->stream[i].next)
		return fail_at(o, at, number > o->stream[i].next ? "comes too early: pages before it are missing"
								  : "is there twice");
	o->stream[i].next = number + 1;
	o->stream[i].has_end = (p[5] & FLAG_LAST) != 0;
	return 0;
}

/** The checksum counts as zero in itself. */
static int check_crc(struct ogg *o, uint64_t at, uint8_t *head, size_t head_size, uint64_t body)
{
	uint32_t told = get_le32(head + CRC_AT);
	memset(head + CRC_AT, 0, 4);
	o->crc.value = 0;
	add_crc(&o->crc, head, head_size);
	for (uint64_t from = at + head_size; body;) {
		size_t n;
		const uint8_t *p = verify_some(o->v, from, body, &n);
		if (!p)
			return o->v->error ? o->v->error : fail_at(o, at, "is cut off: the file ends before it does");
		add_crc(&o->crc, p, n);
		from += n;
		body -= n;
	}
	return o->crc.value == told ? 0 : fail_at(o, at, "has another checksum than it says");
}

/** *at: the page, then the one behind it. */
static int check_page(struct ogg *o, uint64_t *at)
{
	uint8_t head[PAGE_HEADER + 255];
	const uint8_t *p = verify_get(o->v, *at, PAGE_HEADER);
	if (!p)
		return o->v->error ? o->v->error : fail_at(o, *at, "is cut off: the file ends in it");
	if (memcmp(p, "OggS\0", 5) != 0)
		return extract_fail(o->v->reason, -EBADMSG, "at byte %llu there is no page where one should begin",
				    (unsigned long long)*at);
	size_t size = PAGE_HEADER + (size_t)p[26];
	p = verify_get(o->v, *at, size);
	if (!p)
		return o->v->error ? o->v->error : fail_at(o, *at, "is cut off: the file ends in it");
	uint64_t body = 0;
	memcpy(head, p, size);
	for (size_t i = PAGE_HEADER; i < size; i++)
		body += head[i];
	/* first the checksum: it covers the number */
	uint8_t plain[PAGE_HEADER];
	memcpy(plain, head, PAGE_HEADER);
	int r = check_crc(o, *at, head, size, body);
	if (r == 0)
		r = check_number(o, *at, plain);
	*at += size + body;
	o->pages++;
	return r;
}

/** What others put behind streams that have all ended: no part of them. */
static bool is_behind(struct ogg *o, uint64_t at)
{
	for (unsigned i = 0; i < o->streams; i++)
		if (!o->stream[i].has_end)
			return false;
	for (uint64_t i = at; o->streams && i + 4 <= o->v->in->size; i++) {
		const uint8_t *p = verify_get(o->v, i, 4);
		if (!p || memcmp(p, "OggS", 4) == 0)
			return false;
	}
	if (!o->streams)
		return false;
	extract_fail(o->v->reason, 0, "%llu bytes stand behind its end", (unsigned long long)(o->v->in->size - at));
	return true;
}

int verify_ogg(struct verify *v)
{
	struct ogg o = {.v = v};
	int r = 0;
	make_table(&o.crc);
	for (uint64_t at = v->start; at < v->in->size && r == 0 && !is_behind(&o, at);)
		r = check_page(&o, &at);
	snprintf(v->how, sizeof v->how, "%llu pages", (unsigned long long)o.pages);
	for (unsigned i = 0; i < o.streams && r == 0; i++)
		if (!o.stream[i].has_end)
			r = extract_fail(v->reason, -EBADMSG, "the file ends after page %u, which is not the last of its stream",
					 o.stream[i].next);
	return r;
}
