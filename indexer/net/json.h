/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reading JSON from outside: jansson behind a few questions.  Strict, depth ≤ 64, valid UTF-8.  A value of another type than
 * asked for is as if it were not there.
 */
#ifndef INDEXER_NET_JSON_H
#define INDEXER_NET_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct js;

enum { JSON_DEPTH_MAX = 64 };

/** -EBADMSG: no JSON, too deep, or not UTF-8; why: 160 bytes. */
int js_parse(const char *text, size_t n, struct js **out, char *why);
/** Accepts NULL.  Only of what js_parse() gave; members live as long as it does. */
void js_free(struct js *v);
bool js_is_array(const struct js *v);
bool js_is_object(const struct js *v);
size_t js_count(const struct js *array);
const struct js *js_at(const struct js *array, size_t i);
/** A member; NULL.  @v may be NULL. */
const struct js *js_get(const struct js *v, const char *name);
/** A member's text, "" when there is none. */
const char *js_text(const struct js *v, const char *name);
/** A member's number, cut to an integer; numbers in a text count. */
int64_t js_int(const struct js *v, const char *name, int64_t otherwise);
double js_real(const struct js *v, const char *name, double otherwise);
bool js_bool(const struct js *v, const char *name, bool otherwise);
/** The text of an element itself, "" when it is none. */
const char *js_own_text(const struct js *v);
int64_t js_own_int(const struct js *v, int64_t otherwise);

#endif
