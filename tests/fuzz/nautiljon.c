/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nautiljon's pages: numbers are numbers of volumes, and never 0 from a page that is none. */
#include "tests/fuzz/fuzz.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/search/authority_nautiljon_page.h"

static void check_row(void *arg, const char *title, const char *others, const char *href)
{
	(void)arg;
	HOLDS(*title && text_is_utf8(title, strlen(title)) && text_is_utf8(others, strlen(others)) && href);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *html = fuzz_text(data, size);
	struct authority_answer a = AUTHORITY_ANSWER_INIT;
	nautiljon_is_block(html, size);
	HOLDS(nautiljon_read_search(html, size, check_row, NULL) <= 200);
	if (nautiljon_read_page(html, size, &a) == 0) {
		HOLDS(*a.title && text_is_utf8(a.title, strlen(a.title)));
		HOLDS(a.released >= -1 && a.released <= 2000 && a.original >= -1 && a.original <= 2000);
		HOLDS(a.planned == -1 || a.planned > a.released);
		HOLDS(a.planned_at >= 0 && text_is_utf8(buf_str(&a.aliases), a.aliases.len));
	}
	buf_clear(&a.aliases);
	buf_clear(&a.choices);
	return 0;
}
