/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/orders.h"

#include <string.h>

const struct order_row ORDERS_TABLE[ORDER_COUNT] = {
#define O(id, ...) {__VA_ARGS__},
	ORDERS(O)
#undef O
};

enum order_id order_find(const char *name, size_t n)
{
	for (int i = 0; i < ORDER_COUNT; i++)
		if (strlen(ORDERS_TABLE[i].name) == n && memcmp(ORDERS_TABLE[i].name, name, n) == 0)
			return (enum order_id)i;
	return ORDER_COUNT;
}
