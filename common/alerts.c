/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/alerts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/render.h"

const struct alert_row ALERTS_TABLE[ALERT_COUNT_OF_ROWS] = {
#define A(O, id, ...) {#id, __VA_ARGS__},
	ALERTS(A, )
#undef A
};

const char *const ALERT_UNIT_NAMES[] = {
	[ALERT_FLAG] = "flag", [ALERT_COUNT] = "count", [ALERT_PERCENT] = "percent",
	[ALERT_AGE] = "seconds", [ALERT_BYTES] = "bytes",
};

/* --- rules --- */

static int complain(struct buf *why, const char *word, const char *what)
{
	if (why)
		buf_addf(why, "\"%s\": %s", word, what);
	return -EINVAL;
}

static bool read_number(const char *word, const char *unit, double *out)
{
	char *end;
	*out = strtod(word, &end);
	return end != word && isfinite(*out) && *out >= 0 && (strcmp(end, unit) == 0 || !*end);
}

static int read_limit(enum alert_unit unit, const char *word, double *out, struct buf *why)
{
	int64_t n;
	switch (unit) {
	case ALERT_FLAG:
		return complain(why, word, "this condition has no limit");
	case ALERT_COUNT:
		return read_number(word, "", out) ? 0 : complain(why, word, "write a number");
	case ALERT_PERCENT:
		return read_number(word, "%", out) && *out <= 100 ? 0 : complain(why, word, "write a share such as 20%");
	case ALERT_AGE:
		n = config_duration(word);
		*out = (double)n / NS_PER_S;
		return n >= 0 ? 0 : complain(why, word, "write a number and s, m, h or d, such as 24h");
	case ALERT_BYTES:
		n = config_size(word);
		*out = (double)n;
		return n >= 0 ? 0 : complain(why, word, "write a number and KiB, MiB or GiB, such as 2GiB");
	}
	return -EINVAL;
}

static int read_time(const char *word, int64_t *out, struct buf *why)
{
	*out = config_duration(word);
	return *out >= 0 ? 0 : complain(why, word, "write a number and s, m, h or d, such as 10m");
}

/** Which of the parts of a rule were told. */
struct told {
	bool limit, clear, hold, after;
};

static int read_part(const struct alert_row *row, const char *key, const char *word, struct alert_rule *rule,
		     struct told *told, struct buf *why)
{
	bool *seen = !*key ? &told->limit
		     : strcmp(key, "clear") == 0 ? &told->clear
		     : strcmp(key, "for") == 0   ? &told->hold
						 : &told->after;
	if (*seen)
		return complain(why, *key ? key : word, "told twice");
	*seen = true;
	if (seen == &told->limit)
		return read_limit(row->unit, word, &rule->limit, why);
	if (seen == &told->clear)
		return read_limit(row->unit, word, &rule->clear, why);
	return read_time(word, seen == &told->hold ? &rule->hold : &rule->after, why);
}

static bool is_key(const char *word)
{
	return strcmp(word, "for") == 0 || strcmp(word, "clear") == 0 || strcmp(word, "after") == 0;
}

/** Over what @rule holds already. */
static int read_words(const struct alert_row *row, char *text, struct alert_rule *rule, struct told *told,
		      struct buf *why)
{
	char *rest = NULL;
	int r = 0;
	for (char *word = strtok_r(text, " \t,", &rest); word && r == 0; word = strtok_r(NULL, " \t,", &rest)) {
		const char *key = is_key(word) ? word : "";
		const char *value = *key ? strtok_r(NULL, " \t,", &rest) : word;
		r = value ? read_part(row, key, value, rule, told, why) : complain(why, key, "nothing follows");
	}
	return r;
}

static int read_rule(const struct alert_row *row, const char *text, struct alert_rule *rule, struct told *told,
		     struct buf *why)
{
	char copy[128];
	if (strlen(text) >= sizeof copy)
		return complain(why, text, "too long");
	memcpy(copy, text, strlen(text) + 1);
	return read_words(row, copy, rule, told, why);
}

/** A clear limit beyond the limit would let it clear and fire at once. */
static int check_sides(const struct alert_row *row, const struct told *told, struct alert_rule *rule, struct buf *why)
{
	bool is_beyond = row->side == ALERT_ABOVE ? rule->clear > rule->limit : rule->clear < rule->limit;
	if (is_beyond && told->clear)
		return complain(why, "clear", row->side == ALERT_ABOVE ? "must not be above the limit"
								       : "must not be below the limit");
	if (is_beyond)
		rule->clear = rule->limit;
	return 0;
}

int alert_rule_read(enum alert_id id, const char *text, struct alert_rule *out, struct buf *why)
{
	const struct alert_row *row = &ALERTS_TABLE[id];
	struct told first = {0}, told = {0};
	*out = (struct alert_rule){0};
	int r = read_rule(row, row->rule, out, &first, why);
	if (strcmp(text, "off") == 0)
		return r;
	out->is_on = true;
	if (r == 0)
		r = read_rule(row, text, out, &told, why);
	return r < 0 ? r : check_sides(row, &told, out, why);
}

/* --- values --- */

void alert_value(enum alert_unit unit, double value, struct buf *out)
{
	if (isnan(value)) {
		buf_adds(out, "unknown");
		return;
	}
	switch (unit) {
	case ALERT_FLAG:
		buf_adds(out, value > 0 ? "yes" : "no");
		return;
	case ALERT_COUNT:
		buf_addf(out, "%.0f", value);
		return;
	case ALERT_PERCENT:
		buf_addf(out, "%.3g %%", value);
		return;
	case ALERT_AGE:
		human_duration(value, out);
		return;
	case ALERT_BYTES:
		human_bytes(value > 0 ? (uint64_t)value : 0, out);
		return;
	}
}
