/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser of names and the judge: lines of the input are a series, a title, a context, a file. */
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/extract/guess.h"
#include "indexer/search/judge.h"

static void check_guess(const char *name, size_t n)
{
	struct guess g;
	char series[GUESS_SERIES_MAX];
	guess_name(name, n, &g);
	HOLDS(text_is_utf8(g.series, strlen(g.series)) && text_is_utf8(g.title, strlen(g.title)));
	HOLDS(!g.has_volume || (isfinite(g.volume) && g.volume >= 0));
	HOLDS(!g.has_volume_end || (g.has_volume && isfinite(g.volume_end) && g.volume_end >= g.volume));
	HOLDS(*guess_kind_name(g.kind) && strlen(g.language) < sizeof g.language);
	guess_folder(name, n, series);
	HOLDS(text_is_utf8(series, strlen(series)));
}

/** The next line, copied; "" when there is none.  To be freed. */
static char *next_line(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
	size_t n = (size_t)((stop ? stop : end) - *at);
	char *line = fuzz_text(*at, n);
	*at = stop ? stop + 1 : end;
	return line;
}

static void check_verdict(const struct judge_series *s, const struct release *r)
{
	struct verdict v;
	judge(s, r, INT64_C(1780000000) * 1000000000, &v);
	HOLDS(v.kind <= VERDICT_REJECTED && text_is_utf8(v.reason, strlen(v.reason)));
	HOLDS((v.kind == VERDICT_CONFIRMED) == !*v.reason);
	HOLDS(v.covers >= 0 && (size_t)v.covers <= s->wanted_count);
	HOLDS(v.kind != VERDICT_CONFIRMED || (v.covers > 0 && (v.is_complete || v.first <= v.last)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int wanted[] = {0, 1, 2, 3, 5, 8, 13, 21, 100};
	static const char *const blocked[] = {"epub", NULL};
	const uint8_t *at = data, *end = data + size;
	_free_ char *series = next_line(&at, end), *title = next_line(&at, end), *context = next_line(&at, end);
	const struct judge_series s = {.title = series, .wanted = wanted, .wanted_count = COUNT_OF(wanted),
				       .usual_bytes = 50000000, .language = "fr", .source_language = "",
				       .blocked = blocked};
	const struct release r = {.title = title, .guid = "g", .link = "", .page = "", .indexer = "i",
				  .protocol = PROTOCOL_TORRENT, .size = 60000000, .seeders = -1, .leechers = -1,
				  .context = context};
	_buf_ struct buf by_title = BUF_INIT(64 << 10);
	_buf_ struct buf by_context = BUF_INIT(64 << 10);
	/* sources tell text, files do not have to */
	if (text_is_utf8(series, strlen(series)) && text_is_utf8(title, strlen(title)) &&
	    text_is_utf8(context, strlen(context))) {
		check_verdict(&s, &r);
		judge_keys(&r, &by_title, &by_context);
	}
	_free_ char *file = fuzz_text(at, (size_t)(end - at));
	check_guess(file, (size_t)(end - at));
	check_guess(title, strlen(title));
	return 0;
}
