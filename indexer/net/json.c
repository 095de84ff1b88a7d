/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The text is looked through once before jansson sees it: depth and number of values are limited
 * there, because a value of two bytes becomes one of forty in memory.
 */
#include "indexer/net/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Some 5,000 results of an aggregator; in memory at most 32 MiB. */
enum { WHY = 160, VALUES_MOST = 200000, BYTES_MOST = 8 << 20 };

static const json_t *own(const struct js *v)
{
	return (const json_t *)v;
}

static const struct js *given(const json_t *v)
{
	return (const struct js *)v;
}

/** The offset behind a string whose first quote is before @i. */
static size_t skip_string(const char *s, size_t n, size_t i)
{
	while (i < n && s[i] != '"')
		i += s[i] == '\\' ? 2 : 1;
	return i + 1;
}

/** What is no JSON at all is left to the parser. */
static const char *look_through(const char *s, size_t n)
{
	size_t depth = 0, values = 0;
	for (size_t i = 0; i < n; i++) {
		switch (s[i]) {
		case '"':
			i = skip_string(s, n, i + 1) - 1;
			break;
		case '[':
		case '{':
			values++;
			if (++depth > JSON_DEPTH_MAX)
				return "nested too deeply";
			break;
		case ']':
		case '}':
			depth -= depth > 0;
			break;
		case ',':
			values++;
		}
		if (values > VALUES_MOST)
			return "too many values";
	}
	return NULL;
}

int js_parse(const char *text, size_t n, struct js **out, char *why)
{
	json_error_t error;
	const char *fault = n > BYTES_MOST ? "too long" : look_through(text ? text : "", n);
	if (fault) {
		snprintf(why, WHY, "%s", fault);
		return -EBADMSG;
	}
	json_t *v = json_loadb(text ? text : "", n, 0, &error);
	if (!v) {
		/* error.text quotes what it stumbles over, which may be anything */
		snprintf(why, WHY, "no valid JSON at byte %d of %zu", error.position, n);
		return -EBADMSG;
	}
	*out = (struct js *)v;
	return 0;
}

void js_free(struct js *v)
{
	json_decref((json_t *)v);
}

bool js_is_array(const struct js *v)
{
	return json_is_array(own(v));
}

bool js_is_object(const struct js *v)
{
	return json_is_object(own(v));
}

size_t js_count(const struct js *array)
{
	return json_array_size(own(array));
}

const struct js *js_at(const struct js *array, size_t i)
{
	return given(json_array_get(own(array), i));
}

const struct js *js_get(const struct js *v, const char *name)
{
	return given(json_object_get(own(v), name));
}

const char *js_own_text(const struct js *v)
{
	const char *text = json_string_value(own(v));
	return text ? text : "";
}

const char *js_text(const struct js *v, const char *name)
{
	return js_own_text(js_get(v, name));
}

static int64_t cut(double real, int64_t otherwise)
{
	return real > -9.2e18 && real < 9.2e18 ? (int64_t)real : otherwise;
}

/** A number written as text, whole; false when it is none. */
static bool text_number(const char *s, int64_t *whole, double *real)
{
	char *end;
	if (!*s || strspn(s, "0123456789+-.eE") != strlen(s))
		return false;
	*real = strtod(s, &end);
	if (*end || end == s)
		return false;
	errno = 0;
	*whole = strtoll(s, &end, 10);
	if (*end || errno)
		*whole = cut(*real, INT64_MIN);
	return true;
}

int64_t js_own_int(const struct js *v, int64_t otherwise)
{
	int64_t whole;
	double real;
	if (json_is_integer(own(v)))
		return json_integer_value(own(v));
	if (json_is_real(own(v)))
		return cut(json_real_value(own(v)), otherwise);
	if (text_number(js_own_text(v), &whole, &real) && whole != INT64_MIN)
		return whole;
	return otherwise;
}

int64_t js_int(const struct js *v, const char *name, int64_t otherwise)
{
	return js_own_int(js_get(v, name), otherwise);
}

double js_real(const struct js *v, const char *name, double otherwise)
{
	int64_t whole;
	double real;
	const struct js *member = js_get(v, name);
	if (json_is_number(own(member)))
		return json_number_value(own(member));
	if (text_number(js_own_text(member), &whole, &real))
		return real;
	return otherwise;
}

bool js_bool(const struct js *v, const char *name, bool otherwise)
{
	const json_t *member = own(js_get(v, name));
	return json_is_boolean(member) ? json_is_true(member) : otherwise;
}
