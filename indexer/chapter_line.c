/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/chapter_line.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/text.h"

enum {
	/** jansson goes one call deeper for each; a line is flat. */
	DEPTH_MOST = 8,
	SHOWN = 60,
	/** Of a chapter's name. */
	NAME_MOST = 64,
};

#define CHAPTER_MOST 1e6

enum type { TEXT, WHOLE, SECONDS, TIME, CHAPTER, TRUTH, EVENT };

#define ON(kind) (1u << CHAPTER_EVENT_##kind)
#define ON_SUMS (ON(start) | ON(update) | ON(end))
#define ON_CHAPTER (ON_SUMS | ON(download))
#define ON_ALL (ON_CHAPTER | ON(reset))
#define AT(field) offsetof(struct chapter_event, field)

/** least, most: of a number its bounds, of a text those of its bytes. */
static const struct key {
	const char *name;
	enum type type;
	unsigned on;
	size_t at;
	double least, most;
} keys[] = {
	{"event", EVENT, ON_ALL, 0, 0, 0},
	{"run", TEXT, ON_ALL, AT(run), 0, 128},
	{"series", TEXT, ON_CHAPTER, AT(series), 0, 512},
	{"chapter", CHAPTER, ON_CHAPTER, AT(chapter), 0, 0},
	{"attempt", WHOLE, ON_CHAPTER, AT(attempt), 1, 1e6},
	{"seq", WHOLE, ON_ALL, AT(seq), 1, 9007199254740992.0},
	/* of the years 2000 to 2100 */
	{"at", TIME, ON_ALL, AT(at), 946684800, 4102444800},
	{"url", TEXT, ON_SUMS, AT(url), 0, 2000},
	{"images_found", WHOLE, ON_SUMS, AT(found), 0, 1e9},
	{"images_downloaded", WHOLE, ON_SUMS, AT(downloaded), 0, 1e9},
	{"images_processed", WHOLE, ON_SUMS, AT(processed), 0, 1e9},
	{"download_errors", WHOLE, ON_SUMS, AT(errors), 0, 1e9},
	{"total_bytes", WHOLE, ON_SUMS, AT(said_bytes), 0, 1e15},
	{"bytes", WHOLE, ON(download), AT(bytes), 0, 1e15},
	{"count", WHOLE, ON(download), AT(count), 1, 1e6},
	{"success", TRUTH, ON(download) | ON(end), AT(success), 0, 0},
	{"error_message", TEXT, ON(end), AT(error), 0, 1000},
	{"duration_seconds", SECONDS, ON(end), AT(seconds), 0, 1e8},
};

static const char *const events[CHAPTER_EVENT_COUNT] = {
#define E(name, help) #name,
	CHAPTER_EVENTS(E)
#undef E
};

/** The key, and what is wrong with it. */
static int refuse(struct buf *why, const char *key, const char *what)
{
	size_t n = strlen(key);
	buf_addc(why, '"');
	buf_add(why, key, text_cut(key, n, SHOWN));
	buf_addf(why, "%s\" %s", n > SHOWN ? "…" : "", what);
	return EINVAL;
}

/* --- values --- */

static int read_text(const struct key *k, const json_t *v, struct chapter_event *e, struct buf *why)
{
	if (!json_is_string(v))
		return refuse(why, k->name, "must be a text");
	if (json_string_length(v) > (size_t)k->most)
		return refuse(why, k->name, "is too long");
	*(const char **)((char *)e + k->at) = json_string_value(v);
	return 0;
}

/** Whether it is a number within the bounds of the key. */
static bool is_number(const struct key *k, const json_t *v, double *number)
{
	*number = json_number_value(v);
	return json_is_number(v) && *number >= k->least && *number <= k->most;
}

static int read_whole(const struct key *k, const json_t *v, struct chapter_event *e, struct buf *why)
{
	double number;
	if (!is_number(k, v, &number) || number != floor(number)) {
		refuse(why, k->name, "must be a whole number");
		buf_addf(why, " from %.0f to %.0f", k->least, k->most);
		return EINVAL;
	}
	if (k->at == AT(attempt))
		e->attempt = (int)number;
	else
		*(int64_t *)((char *)e + k->at) = json_is_integer(v) ? json_integer_value(v) : (int64_t)number;
	return 0;
}

static int read_real(const struct key *k, const json_t *v, struct chapter_event *e, struct buf *why)
{
	double number;
	if (!is_number(k, v, &number))
		return refuse(why, k->name, k->type == TIME ? "must be seconds since 1970" : "must be seconds");
	if (k->type == TIME)
		e->at = (int64_t)(number * (double)NS_PER_S);
	else
		e->seconds = number;
	return 0;
}

static int read_truth(const struct key *k, const json_t *v, struct chapter_event *e, struct buf *why)
{
	if (!json_is_boolean(v))
		return refuse(why, k->name, "must be true or false");
	e->success = json_is_true(v);
	return 0;
}

/** "010.50" is the chapter 10.5; what is no number is a name. */
static bool is_plain_number(const char *text, double *number)
{
	char *end;
	if (!isdigit((unsigned char)*text) || strspn(text, "0123456789.") != strlen(text))
		return false;
	*number = strtod(text, &end);
	return !*end && *number <= CHAPTER_MOST;
}

static int read_chapter(const struct key *k, const json_t *v, struct chapter_line *line, struct buf *why)
{
	double number = json_number_value(v);
	const char *text = json_string_value(v);
	if (text && (!*text || strlen(text) > NAME_MOST))
		return refuse(why, k->name, "must have 1 to 64 bytes");
	if (text && !is_plain_number(text, &number)) {
		line->event.chapter = text;
		return 0;
	}
	if ((!text && !json_is_number(v)) || !(number >= 0 && number <= CHAPTER_MOST))
		return refuse(why, k->name, "must be a number from 0 to 1000000, or a name");
	snprintf(line->number, sizeof line->number, "%.10g", number + 0.0);
	line->event.chapter = line->number;
	return 0;
}

static int read_value(const struct key *k, const json_t *v, struct chapter_line *line, struct buf *why)
{
	switch (k->type) {
	case TEXT:
		return read_text(k, v, &line->event, why);
	case WHOLE:
		return read_whole(k, v, &line->event, why);
	case SECONDS:
	case TIME:
		return read_real(k, v, &line->event, why);
	case TRUTH:
		return read_truth(k, v, &line->event, why);
	case CHAPTER:
		return read_chapter(k, v, line, why);
	case EVENT:
		break;
	}
	return 0;
}

/* --- the line --- */

static int read_event(const json_t *object, struct chapter_event *e, struct buf *why)
{
	const json_t *v = json_object_get(object, "event");
	for (int i = 0; v && i < CHAPTER_EVENT_COUNT; i++)
		if (json_is_string(v) && strcmp(json_string_value(v), events[i]) == 0) {
			e->kind = (enum chapter_event_kind)i;
			return 0;
		}
	return refuse(why, "event", v ? "is none of start, update, download, end, reset" : "is missing");
}

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static int read_object(json_t *object, struct chapter_line *line, struct buf *why)
{
	const char *name;
	json_t *v;
	int r = read_event(object, &line->event, why);
	if (r)
		return r;
	json_object_foreach(object, name, v) {
		const struct key *k = find_key(name);
		if (!k)
			return refuse(why, name, "is no key that is known here");
		if (!(k->on & 1u << line->event.kind)) {
			refuse(why, name, "has no meaning in ");
			return buf_adds(why, events[line->event.kind]), EINVAL;
		}
		r = read_value(k, v, line, why);
		if (r)
			return r;
	}
	if (!*line->event.chapter && line->event.kind != CHAPTER_EVENT_reset)
		return refuse(why, "chapter", "is missing");
	if (line->event.seq && !*line->event.run)
		return refuse(why, "seq", "counts the lines of a \"run\", which is missing");
	return 0;
}

/** Brackets outside of texts. */
static bool is_deep(const char *s, size_t n)
{
	int depth = 0;
	bool in_text = false;
	for (size_t i = 0; i < n && depth <= DEPTH_MOST; i++) {
		if (in_text && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			in_text = !in_text;
		else if (!in_text)
			depth += (s[i] == '{' || s[i] == '[') - (s[i] == '}' || s[i] == ']');
	}
	return depth > DEPTH_MOST;
}

int chapter_line_read(const char *text, size_t n, struct chapter_line *line, struct buf *why)
{
	json_error_t error;
	*line = (struct chapter_line){.event = {
		.run = "", .series = "", .chapter = "", .url = "", .error = "", .seconds = -1, .found = -1,
		.downloaded = -1, .processed = -1, .errors = -1, .said_bytes = -1, .count = 1, .success = true,
	}};
	if (is_deep(text, n)) {
		buf_adds(why, "it is nested too deeply");
		return EINVAL;
	}
	line->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	if (!line->json) {
		buf_adds(why, "it is no JSON object: ");
		buf_adds(why, error.text);
		return EINVAL;
	}
	if (!json_is_object((json_t *)line->json)) {
		buf_adds(why, "it is no JSON object");
		return EINVAL;
	}
	return read_object(line->json, line, why);
}

void chapter_line_clear(struct chapter_line *line)
{
	json_decref(line->json);
	line->json = NULL;
}
