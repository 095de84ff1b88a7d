/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/sample_pack.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "common/cleanup.h"

enum {
	FORM = 1,
	SAME = 0,
	UNKNOWN = 1,
	KNOWN = 2,
};

/** Whole numbers up to here survive the way through a double. */
static const double MOST = 9007199254740992.0;

void sample_block_init(struct sample_block *b)
{
	b->filled = 0;
	for (int g = 0; g < GAUGE_COUNT; g++)
		for (int i = 0; i < SAMPLE_PLACES; i++)
			b->value[g][i] = NAN;
}

static double scale_of(int gauge)
{
	static const double powers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
	return powers[GAUGES_TABLE[gauge].decimals];
}

/* --- packing --- */

static void put_number(struct buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_addc(out, (char)(v | 0x80));
	buf_addc(out, (char)v);
}

/** Equal codes in a row, not written yet. */
struct repeat {
	int code;
	uint64_t times;
};

static void end_repeat(struct buf *out, struct repeat *p)
{
	if (p->times) {
		put_number(out, (uint64_t)p->code);
		put_number(out, p->times);
	}
	p->times = 0;
}

static void put_again(struct buf *out, struct repeat *p, int code)
{
	if (p->code != code)
		end_repeat(out, p);
	p->code = code;
	p->times++;
}

/** Whether anything of the gauge is known. */
static bool pack_gauge(const struct sample_block *b, int gauge, struct buf *out)
{
	struct repeat repeat = {0};
	int64_t last = 0;
	bool is_known = false;
	for (int i = 0; i < SAMPLE_PLACES; i++) {
		double v = b->value[gauge][i] * scale_of(gauge);
		if (!(b->filled >> i & 1))
			continue;
		if (!(fabs(v) < MOST)) {
			put_again(out, &repeat, UNKNOWN);
			continue;
		}
		int64_t step = llround(v) - last;
		last += step;
		if (step == 0 && is_known) {
			put_again(out, &repeat, SAME);
			continue;
		}
		end_repeat(out, &repeat);
		is_known = true;
		put_number(out, KNOWN + (((uint64_t)step << 1) ^ (uint64_t)(step >> 63)));
	}
	end_repeat(out, &repeat);
	return is_known;
}

void sample_pack(const struct sample_block *b, const struct sample_numbers *numbers, struct buf *out)
{
	_buf_ struct buf column = BUF_INIT(1 << 12);
	buf_addc(out, FORM);
	put_number(out, b->filled);
	for (int g = 0; g < GAUGE_COUNT; g++) {
		buf_reset(&column);
		if (!numbers->number[g] || !pack_gauge(b, g, &column))
			continue;
		put_number(out, (uint64_t)numbers->number[g]);
		put_number(out, column.len);
		buf_add(out, column.data, column.len);
	}
}

/* --- unpacking --- */

struct reader {
	const unsigned char *at, *end;
	bool is_bad;
};

static uint64_t get_number(struct reader *r)
{
	uint64_t v = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			break;
		unsigned char c = *r->at++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	r->is_bad = true;
	return 0;
}

static int next_place(uint32_t filled, int place)
{
	while (place < SAMPLE_PLACES && !(filled >> place & 1))
		place++;
	return place;
}

static void unpack_gauge(struct reader *r, int gauge, struct sample_block *b)
{
	double last = NAN;
	int64_t sum = 0;
	int place = next_place(b->filled, 0);
	while (r->at < r->end && !r->is_bad) {
		uint64_t code = get_number(r), times = code < KNOWN ? get_number(r) : 1, zigzag = code - KNOWN;
		if (code >= KNOWN) {
			sum = (int64_t)((uint64_t)sum + ((zigzag >> 1) ^ -(zigzag & 1)));
			last = (double)sum / scale_of(gauge);
		}
		for (; times && place < SAMPLE_PLACES; times--) {
			b->value[gauge][place] = code == UNKNOWN ? NAN : last;
			place = next_place(b->filled, place + 1);
		}
		r->is_bad |= times > 0;
	}
}

int sample_unpack(const void *data, size_t n, const struct sample_numbers *numbers, const bool *wanted,
		  struct sample_block *b)
{
	struct reader r = {.at = data, .end = (const unsigned char *)data + n};
	sample_block_init(b);
	if (!n || *r.at++ != FORM)
		return -EBADMSG;
	b->filled = (uint32_t)get_number(&r);
	while (r.at < r.end && !r.is_bad) {
		uint64_t number = get_number(&r), len = get_number(&r);
		if (r.is_bad || len > (uint64_t)(r.end - r.at))
			return -EBADMSG;
		int gauge = number < SAMPLE_NUMBERS ? numbers->gauge[number] - 1 : -1;
		struct reader column = {.at = r.at, .end = r.at + len};
		if (gauge >= 0 && (!wanted || wanted[gauge]))
			unpack_gauge(&column, gauge, b);
		r.is_bad |= column.is_bad;
		r.at += len;
	}
	return r.is_bad ? -EBADMSG : 0;
}
