/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers with decimals, as printf() writes them and mostly without it: documents of metrics are full of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"

/** Numbers with few digits that are clearly nearer to one text than to the next, as printf() has them; false: any other. */
static bool add_decimal(double v, int digits, struct buf *out)
{
	static const uint32_t scales[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
	if (digits < 0 || (size_t)digits >= COUNT_OF(scales))
		return false;
	double scaled = fabs(v) * scales[digits];
	double whole = floor(scaled), rest = scaled - whole;
	/* below 2^40 the product is off by less than 1/8192 */
	if (!(scaled < 1e12) || fabs(rest - 0.5) < 0.001)
		return false;
	uint64_t n = (uint64_t)whole + (rest > 0.5), fraction = n % scales[digits];
	if (n == 0 && v < 0)
		return false;
	if (v < 0)
		buf_addc(out, '-');
	buf_add_u64(out, n / scales[digits]);
	if (!fraction)
		return true;
	buf_addc(out, '.');
	for (uint32_t at = scales[digits] / 10; fraction; at /= 10) {
		buf_addc(out, (char)('0' + fraction / at));
		fraction %= at;
	}
	return true;
}

void real_text(double v, int digits, struct buf *out)
{
	char text[400];
	if (v == floor(v) && fabs(v) < 1e15) {
		buf_add_i64(out, (int64_t)v);
		return;
	}
	if (add_decimal(v, digits, out))
		return;
	int n = snprintf(text, sizeof text, "%.*f", digits, v);
	if (memchr(text, '.', (size_t)n)) {
		while (text[n - 1] == '0')
			n--;
		if (text[n - 1] == '.')
			n--;
	}
	buf_add(out, text, (size_t)n);
}
