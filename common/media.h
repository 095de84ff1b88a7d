/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What was read from one file: the values of the fields that are set.
 *
 * Every text is valid UTF-8 without control characters, NFC is not forced, trimmed, and at most
 * MEDIA_TEXT_MAX bytes: the setters see to it, so that no reader of tags needs to.
 */
#ifndef COMMON_MEDIA_H
#define COMMON_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/fields.h"

enum {
	/** Longest text of one field, in bytes; more is cut at a character. */
	MEDIA_TEXT_MAX = 4096,
	/** Most bytes of all texts of one file. */
	MEDIA_POOL_MAX = 1 << 18,
};

struct media_text {
	uint32_t offset, length;
};

union media_value {
	int64_t i;
	double d;
	struct media_text t;
};

struct media {
	/** Bit n: field n has a value. */
	uint64_t set;
	/** Rank of the tag key that gave the value; a better (lower) one replaces it. */
	uint8_t rank[FIELD_COUNT];
	union media_value value[FIELD_COUNT];
	/** The texts, one behind the other. */
	struct buf pool;
};

_Static_assert(FIELD_COUNT <= 64, "struct media.set has 64 bits");

void media_init(struct media *m);
void media_clear(struct media *m);
/** Forgets all values, keeps the memory. */
void media_reset(struct media *m);

static inline bool media_has(const struct media *m, enum field_id f)
{
	return m->set >> f & 1;
}

/** Forgets one field. */
static inline void media_unset(struct media *m, enum field_id f)
{
	m->set &= ~(UINT64_C(1) << f);
}

void media_set_int(struct media *m, enum field_id f, int64_t v);
void media_set_real(struct media *m, enum field_id f, double v);
/** Replaces the value.  Text that is empty after cleaning sets nothing. */
void media_set_text(struct media *m, enum field_id f, const char *text, size_t n);
/** Adds one more value to a list field. */
void media_add_text(struct media *m, enum field_id f, const char *text, size_t n);
/** Stores JSON made by common/render, unchanged. */
void media_set_json(struct media *m, enum field_id f, const char *json, size_t n);

/** Sets a text that was cleaned before: what the store holds. */
void media_set_stored(struct media *m, enum field_id f, const char *text, size_t n);

/** Gives a text the value of another one that is set. */
void media_set_same(struct media *m, enum field_id f, enum field_id other);

/**
 * One tag's text, read as the field's kind says (numbers, "3/12", dates, genres).
 * @rank: place of the tag key among the field's alternatives; a value of a better rank stays,
 * of a worse one is replaced, of the same one is added to (lists) or stays (others).
 */
void media_set_tag(struct media *m, enum field_id f, int rank, const char *text, size_t n);

/** The text of a field, "" and *n = 0 when unset.  Borrowed until the next setter. */
const char *media_text(const struct media *m, enum field_id f, size_t *n);
int64_t media_int(const struct media *m, enum field_id f, int64_t otherwise);
double media_real(const struct media *m, enum field_id f, double otherwise);

/** True for kinds stored as text. */
static inline bool field_is_text(enum field_id f)
{
	enum field_kind k = FIELDS_TABLE[f].kind;
	return k == KIND_TEXT || k == KIND_LIST || k == KIND_GENRE || k == KIND_DATE || k == KIND_JSON;
}

static inline bool field_is_real(enum field_id f)
{
	return FIELDS_TABLE[f].kind == KIND_REAL;
}

/** Whether a field has the same value, or none, in both. */
bool media_is_same(const struct media *a, const struct media *b, enum field_id f);

/** Bytes for the way from a worker to the indexer. */
int media_encode(const struct media *m, struct buf *out);
/** Bounded; the sender is not trusted.  Returns 0 or -EBADMSG; *used = bytes taken. */
int media_decode(struct media *m, const uint8_t *data, size_t n, size_t *used);

#endif
