/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of control/chapter: what is taken is within its bounds, what is not has a reason. */
#include "tests/fuzz/fuzz.h"

#include "common/text.h"
#include "indexer/chapter_line.h"

static void check(const struct chapter_event *e)
{
	const int64_t sums[] = {e->found, e->downloaded, e->processed, e->errors, e->said_bytes};
	const char *const texts[] = {e->run, e->series, e->chapter, e->url, e->error};
	HOLDS((unsigned)e->kind < CHAPTER_EVENT_COUNT);
	HOLDS(*e->chapter || e->kind == CHAPTER_EVENT_reset);
	HOLDS(e->attempt >= 0 && e->attempt <= 1000000 && e->seq >= 0 && e->at >= 0);
	HOLDS(e->seconds == -1 || (e->seconds >= 0 && e->seconds <= 1e8));
	HOLDS(e->count >= 1 && e->count <= 1000000 && e->bytes >= 0 && e->bytes <= CHAPTER_SUM_MOST);
	for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
		HOLDS(sums[i] >= -1 && sums[i] <= CHAPTER_SUM_MOST);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		HOLDS(strlen(texts[i]) <= 2000 && text_is_utf8(texts[i], strlen(texts[i])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chapter_line line;
	struct buf why = BUF_INIT(4096);
	/* without a NUL behind it */
	char *bytes = malloc(size ? size : 1);
	HOLDS(bytes);
	if (size)
		memcpy(bytes, data, size);
	if (chapter_line_read(bytes, size, &line, &why) == 0)
		check(&line.event);
	else
		HOLDS(why.len > 0);
	chapter_line_clear(&line);
	buf_clear(&why);
	free(bytes);
	return 0;
}
