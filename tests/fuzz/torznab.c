/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feeds: whatever they hold, what is told of them is clean and without our key. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/search/source_torznab_xml.h"

static const char KEY[] = "c4nary";

static void check_text(const char *text)
{
	HOLDS(text_is_utf8(text, strlen(text)));
	HOLDS(!strcasestr(text, KEY));
	for (const char *p = text; *p; p++)
		HOLDS((uint8_t)*p >= ' ' && *p != 0x7f);
}

static int check(void *arg, const struct release *r)
{
	const char *const texts[] = {r->title, r->guid, r->link, r->page, r->indexer, r->context};
	(void)arg;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		check_text(texts[i]);
	HOLDS(*r->title && *r->guid && (!*r->hash || strlen(r->hash) == 40));
	HOLDS(r->size >= -1 && r->seeders >= -1 && r->leechers >= -1 && r->published_at >= 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_buf_ struct buf page = BUF_INIT(32 << 20);
	_posts_ struct posts all = {0};
	struct torznab_error error;
	char why[WHY] = "";
	size_t told;
	HOLDS(buf_add(&page, data, size) == 0);
	int r = torznab_parse(&page, &all, &error, why);
	HOLDS(r == 0 || all.len == 0);
	HOLDS(r != -EREMOTEIO || error.code > 0);
	HOLDS(r != -EPROTO || *why);
	posts_tell(&all, KEY, check, NULL, &told);
	HOLDS(told <= all.len);
	return 0;
}
