/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/chapters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/orders.h"
#include "common/render.h"
#include "indexer/chapter_line.h"
#include "indexer/load/chapters.h"

enum {
	/** Most looks, and how many of them fit into the silence that is waited for. */
	LOOK_MOST_S = 60,
	LOOKS = 10,
};

/* errno, and what the sentence says */
static const struct {
	int error;
	const char *text;
} refusals[] = {
	[CHAPTER_UNKNOWN] = {ENOENT, "was not begun in this run: tell its start first"},
	[CHAPTER_EXISTS] = {EBUSY, "has that attempt already"},
	[CHAPTER_ENDED] = {EBUSY, "has ended; its start begins another attempt"},
	[CHAPTER_TOO_MANY] = {EMFILE, "cannot be begun: too many chapters are open"},
	[CHAPTER_LATE] = {EINVAL, "comes too late: its seq is 1024 or more below the greatest of its run, so that nobody knows "
				  "whether it was taken"},
};

static int refuse(const struct chapter_event *e, size_t index, enum chapter_refusal refusal, struct buf *answer)
{
	buf_addf(answer, "line %zu: %s ", index + 1, e->kind == CHAPTER_EVENT_reset ? "reset" : "chapter");
	text_escape(e->chapter, strlen(e->chapter), answer);
	if (*e->series) {
		buf_adds(answer, " of ");
		text_escape(e->series, strlen(e->series), answer);
	}
	buf_addf(answer, " %s", refusals[refusal].text);
	return refusals[refusal].error;
}

static int tell(struct writer *w, const struct chapter_event *events, size_t n, struct buf *answer)
{
	enum chapter_refusal refusal;
	size_t index;
	int r = chapters_tell(w, events, n, &refusal, &index);
	if (r < 0) {
		buf_addf(answer, "the order could not be stored: %s", strerror(-r));
		return -r;
	}
	if (refusal)
		return refuse(&events[index], index, refusal, answer);
	buf_addf(answer, "%zu line%s accepted", n, n == 1 ? "" : "s");
	return 0;
}

int chapters_order(struct writer *w, char *const *lines, size_t n, struct buf *answer)
{
	_free_ struct chapter_line *read = calloc(n, sizeof *read);
	_free_ struct chapter_event *events = calloc(n, sizeof *events);
	_buf_ struct buf why = BUF_INIT(4096);
	int error = read && events ? 0 : ENOMEM;
	size_t i;
	for (i = 0; i < n && !error; i++) {
		error = chapter_line_read(lines[i], strlen(lines[i]), &read[i], &why);
		events[i] = read[i].event;
	}
	if (error == EINVAL) {
		buf_addf(answer, "line %zu: ", i);
		text_escape(buf_str(&why), why.len, answer);
		buf_addf(answer, "; control/chapter takes: %s", ORDERS_TABLE[ORDER_chapter].grammar);
	} else if (!error) {
		error = tell(w, events, n, answer);
	}
	for (i = 0; read && i < n; i++)
		chapter_line_clear(&read[i]);
	return error;
}

void chapters_look(struct writer *w, const struct config *config, int64_t *next)
{
	int64_t silence = config_int(config, OPT_chapters_silence), now = mono_ns();
	int64_t wait = silence / LOOKS < LOOK_MOST_S * NS_PER_S ? silence / LOOKS : LOOK_MOST_S * NS_PER_S;
	if (now < *next || writer_error(w))
		return;
	*next = now + wait;
	chapters_tidy(w, now_ns() - silence, config_int(config, OPT_chapters_keep));
}
