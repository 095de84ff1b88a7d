/* SPDX-License-Identifier: GPL-3.0-or-later */
/** control/: files that take orders. */
#include "common/orders.h"
#include "fs/views.h"

static int show_last(struct view *v, const struct node *n, struct buf *out)
{
	char stored[4096] = "";
	(void)n;
	if (v->store)
		store_meta(v->store, "last_order", stored, sizeof stored);
	/* what this mount was answered last, unless another way of ordering was later */
	const char *mine = v->mood.last_order;
	const char *last = strncmp(mine, stored, 20) >= 0 && *mine ? mine : stored;
	return buf_adds(out, *last ? last : "no order was given yet\n");
}

/* every order of the table is a file; reading it explains it */
const struct entry control_dir[] = {
#define O(id, name_, grammar, example, help_) \
	{ \
		.name = name_, .mode = S_IFREG | 0600, .order = name_, \
		.moods = VIEW_ORDERS | VIEW_AWAY | VIEW_LIVE, .topics = TOPIC_BIT(jobs), \
		.help = "takes " grammar, \
	},
	ORDERS(O)
#undef O
	FILE_OF("last", show_last, .topics = TOPIC_BIT(orders), .moods = VIEW_ORDERS,
		.help = "what became of the last order, in one sentence"),
	{0},
};
