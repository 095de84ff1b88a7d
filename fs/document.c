/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Lists are read item by item (read_items), so that a long one costs no tree of all its values.
 *
 * jansson and common/render.h have functions of the same names: no file includes both, and the
 * programs export none of theirs (-fvisibility=hidden), or a library could call ours.
 */
#include "fs/document.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

enum { FLAGS = JSON_REJECT_DUPLICATES };

typedef void item_fn(const json_t *json, struct document_item *item);

static char *copy(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return strdup(text ? text : "");
}

static int value_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/** The bytes of a path: of KEY_bytes (base64) where the text had to replace some. */
static char *copy_path(const json_t *json)
{
	const char *code = json_string_value(json_object_get(json, "path_bytes"));
	if (!code)
		return copy(json, "path");
	char *out = malloc(strlen(code) + 1), *to = out;
	unsigned bits = 0, have = 0;
	for (; out && value_of(*code) >= 0; code++) {
		bits = bits << 6 | (unsigned)value_of(*code);
		have += 6;
		if (have >= 8)
			*to++ = (char)(bits >> (have -= 8));
	}
	if (out)
		*to = '\0';
	return out;
}

static void read_volume(const json_t *json, struct document_item *item)
{
	item->group = copy(json, "series");
	item->number = json_number_value(json_object_get(json, "volume"));
	item->state = copy(json, "state");
	if (asprintf(&item->key, "%s\x1f%016.3f", item->group ? item->group : "", item->number) < 0)
		item->key = NULL;
	if (asprintf(&item->label, "%.10g", item->number) < 0)
		item->label = NULL;
}

static void read_error(const json_t *json, struct document_item *item)
{
	item->key = copy_path(json);
	item->label = copy(json, "path");
	item->state = copy(json, "kind");
}

static void read_root(const json_t *json, struct document_item *item)
{
	item->key = copy_path(json);
	item->label = copy(json, "name");
	item->group = copy(json, "path");
	item->state = copy(json, "state");
	item->reason = copy(json, "reason");
}

static item_fn *const readers[] = {
	[DOCUMENT_PLAIN] = NULL,
	[DOCUMENT_VOLUMES] = read_volume,
	[DOCUMENT_ERRORS] = read_error,
	[DOCUMENT_ROOTS] = read_root,
};

static int add_item(const json_t *json, item_fn *fn, struct document *doc)
{
	struct document_item *item = json_is_object(json) ? vec_add(&doc->items) : NULL;
	if (!item)
		return json_is_object(json) ? -ENOMEM : -EBADMSG;
	fn(json, item);
	return item->key && item->label && item->state ? 0 : -ENOMEM;
}

/** Reads a list from behind its '['; *end: its ']'. */
static int read_items(const char *at, const char *stop, item_fn *fn, struct document *doc,
		      const char **end)
{
	for (;;) {
		json_error_t error;
		while (at < stop && (*at == ' ' || *at == '\n' || *at == ','))
			at++;
		if (at == stop)
			return -EBADMSG;
		if (*at == ']')
			break;
		json_t *json = json_loadb(at, (size_t)(stop - at), FLAGS | JSON_DISABLE_EOF_CHECK, &error);
		int r = !json ? -EBADMSG : fn ? add_item(json, fn, doc) : 0;
		json_decref(json);
		if (r < 0)
			return r;
		at += error.position;
	}
	*end = at;
	return 0;
}

/** Documents are ours: a list begins on a line of its own, which no text of theirs can look like. */
static int read_all(struct bytes json, item_fn *fn, struct document *doc)
{
	static const char mark[] = "\n  \"items\": [";
	_buf_ struct buf rest = BUF_INIT(1 << 20);
	const char *stop = json.data + json.len, *end = NULL;
	const char *found = memmem(json.data, json.len, mark, sizeof mark - 1);
	if (found) {
		int r = read_items(found + sizeof mark - 1, stop, fn, doc, &end);
		if (r < 0)
			return r;
		buf_add(&rest, json.data, (size_t)(found + sizeof mark - 1 - json.data));
		json = (struct bytes){end, (size_t)(stop - end)};
	}
	buf_add(&rest, json.data, json.len);
	doc->rest = buf_error(&rest) ? NULL : json_loadb(buf_str(&rest), rest.len, FLAGS, NULL);
	return doc->rest ? 0 : -EBADMSG;
}

int document_by_key(const void *a, const void *b)
{
	const struct document_item *x = a, *y = b;
	return strcmp(x->key, y->key);
}

int document_read(struct bytes json, enum document_kind kind, struct document *doc)
{
	int r = read_all(json, readers[kind], doc);
	if (r < 0)
		document_clear(doc);
	else if (doc->items.len)
		qsort(doc->items.data, doc->items.len, sizeof *doc->items.data, document_by_key);
	return r;
}

void document_clear(struct document *doc)
{
	for (size_t i = 0; i < doc->items.len; i++) {
		struct document_item *item = &doc->items.data[i];
		free(item->key);
		free(item->group);
		free(item->label);
		free(item->state);
		free(item->reason);
	}
	vec_clear(&doc->items);
	json_decref(doc->rest);
	doc->rest = NULL;
}

static const json_t *value_at(const struct document *doc, const char *object, const char *key)
{
	return json_object_get(object ? json_object_get(doc->rest, object) : doc->rest, key);
}

bool document_number(const struct document *doc, const char *object, const char *key, int64_t *v)
{
	const json_t *value = value_at(doc, object, key);
	*v = json_integer_value(value);
	return json_is_integer(value);
}

const char *document_text(const struct document *doc, const char *object, const char *key)
{
	return json_string_value(value_at(doc, object, key));
}

bool document_list_has(const char *json, double v)
{
	size_t i;
	json_t *value, *list = json_loads(json, FLAGS, NULL);
	bool has = false;
	json_array_foreach(list, i, value)
		has |= json_is_number(value) && json_number_value(value) == v;
	json_decref(list);
	return has;
}
