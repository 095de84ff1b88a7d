/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/request/amule_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

enum {
	TYPE_U8 = 2,
	TYPE_U64 = 5,
	TYPE_TEXT = 6,
	TYPE_HASH = 9,

	/** Both must be as they are in every frame… */
	FLAGS_MASK = 0x60,
	FLAGS_ALWAYS = 0x20,
	/** …and these mean that the payload is coded in a way that we did not offer. */
	FLAGS_CODED = ~FLAGS_ALWAYS,

	TAG_HEADER = 7,
	/** Opcode and tag count. */
	PAYLOAD_HEADER = 3,
};

/* --- writing --- */

static void put(struct buf *out, uint64_t value, unsigned bytes)
{
	uint8_t b[8];
	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	buf_add(out, b, bytes);
}

static void put_tag(struct buf *out, enum amule_name name, bool has_children, uint8_t type, size_t length)
{
	put(out, (uint64_t)name << 1 | has_children, 2);
	put(out, type, 1);
	put(out, length, 4);
}

/** The tags of a frame are counted where they are written. */
static void count_tag(struct buf *out)
{
	if (out->error || out->len < AMULE_HEADER + PAYLOAD_HEADER)
		return;
	uint8_t *count = (uint8_t *)out->data + AMULE_HEADER + 1;
	unsigned n = (unsigned)(count[0] << 8 | count[1]) + 1;
	count[0] = (uint8_t)(n >> 8);
	count[1] = (uint8_t)n;
}

void amule_begin(struct buf *out, enum amule_op op)
{
	buf_reset(out);
	put(out, FLAGS_ALWAYS, 4);
	put(out, 0, 4);
	put(out, op, 1);
	put(out, 0, 2);
}

void amule_add_text(struct buf *out, enum amule_name name, const char *text)
{
	size_t n = strlen(text) + 1;
	put_tag(out, name, false, TYPE_TEXT, n);
	buf_add(out, text, n);
	count_tag(out);
}

/** log2 of the bytes that hold @value. */
static unsigned size_of(uint64_t value)
{
	return value > UINT32_MAX ? 3 : value > UINT16_MAX ? 2 : value > UINT8_MAX;
}

static void put_number(struct buf *out, enum amule_name name, uint64_t value)
{
	unsigned size = size_of(value);
	put_tag(out, name, false, (uint8_t)(TYPE_U8 + size), 1U << size);
	put(out, value, 1U << size);
}

void amule_add_number(struct buf *out, enum amule_name name, uint64_t value)
{
	put_number(out, name, value);
	count_tag(out);
}

void amule_add_digest(struct buf *out, enum amule_name name, const uint8_t digest[AMULE_DIGEST])
{
	put_tag(out, name, false, TYPE_HASH, AMULE_DIGEST);
	buf_add(out, digest, AMULE_DIGEST);
	count_tag(out);
}

void amule_add_text_with(struct buf *out, enum amule_name name, const char *text, enum amule_name inner, uint64_t value)
{
	size_t n = strlen(text) + 1;
	put_tag(out, name, true, TYPE_TEXT, n + TAG_HEADER + (1U << size_of(value)));
	put(out, 1, 2);
	put_number(out, inner, value);
	buf_add(out, text, n);
	count_tag(out);
}

int amule_end(struct buf *out)
{
	if (buf_error(out))
		return buf_error(out);
	size_t n = out->len - AMULE_HEADER;
	for (unsigned i = 0; i < 4; i++)
		out->data[4 + i] = (char)(n >> (8 * (3 - i)));
	return 0;
}

/** Lower-case hex of MD5. */
static int md5_hex(const char *text, char hex[2 * AMULE_DIGEST + 1])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (!EVP_Digest(text, strlen(text), digest, &n, EVP_md5(), NULL) || n != AMULE_DIGEST)
		return -EIO;
	for (unsigned i = 0; i < AMULE_DIGEST; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	explicit_bzero(digest, sizeof digest);
	return 0;
}

int amule_answer(const char *password, uint64_t salt, uint8_t out[AMULE_DIGEST])
{
	char both[4 * AMULE_DIGEST + 1], upper[17];
	unsigned n = 0;
	snprintf(upper, sizeof upper, "%" PRIX64, salt);
	int r = md5_hex(password, both);
	if (r == 0)
		r = md5_hex(upper, both + (size_t)2 * AMULE_DIGEST);
	if (r == 0 && (!EVP_Digest(both, strlen(both), out, &n, EVP_md5(), NULL) || n != AMULE_DIGEST))
		r = -EIO;
	explicit_bzero(both, sizeof both);
	return r;
}

/* --- reading --- */

static uint64_t get(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

int amule_header(const uint8_t header[AMULE_HEADER], size_t *payload)
{
	uint32_t flags = (uint32_t)get(header, 4);
	*payload = (size_t)get(header + 4, 4);
	if ((flags & FLAGS_MASK) != FLAGS_ALWAYS || flags & (uint32_t)FLAGS_CODED)
		return -EPROTO;
	if (*payload < PAYLOAD_HEADER)
		return -EPROTO;
	return *payload > AMULE_MOST ? -EFBIG : 0;
}

/** Where the tag that begins at @p ends: NULL when that is not before @end. */
static const uint8_t *tag_end(const uint8_t *p, const uint8_t *end)
{
	if (end - p < TAG_HEADER)
		return NULL;
	uint64_t n = TAG_HEADER + (p[1] & 1 ? 2 : 0) + get(p + 3, 4);
	return n <= (uint64_t)(end - p) ? p + n : NULL;
}

/** Past @count tags; NULL. */
static const uint8_t *skip(const uint8_t *p, const uint8_t *end, unsigned count)
{
	for (; count && p; count--)
		p = tag_end(p, end);
	return p;
}

int amule_payload(const void *payload, size_t n, enum amule_op *op, struct amule_tags *tags)
{
	const uint8_t *p = payload;
	if (n < PAYLOAD_HEADER)
		return -EPROTO;
	*op = p[0];
	*tags = (struct amule_tags){p + PAYLOAD_HEADER, p + n, (unsigned)get(p + 1, 2)};
	return skip(tags->at, tags->end, tags->left) == tags->end ? 0 : -EPROTO;
}

int amule_next(struct amule_tags *tags, struct amule_tag *tag)
{
	if (!tags->left)
		return 0;
	const uint8_t *p = tags->at, *end = tag_end(p, tags->end);
	if (!end)
		return -EPROTO;
	bool has_children = p[1] & 1;
	*tag = (struct amule_tag){.name = (uint16_t)(get(p, 2) >> 1), .type = p[2]};
	unsigned count = has_children ? (unsigned)get(p + TAG_HEADER, 2) : 0;
	p += TAG_HEADER + (has_children ? 2 : 0);
	const uint8_t *data = skip(p, end, count);
	if (!data)
		return -EPROTO;
	tag->children = (struct amule_tags){p, data, count};
	tag->data = data;
	tag->len = (size_t)(end - data);
	tags->at = end;
	tags->left--;
	return 1;
}

int amule_find(struct amule_tags tags, enum amule_name name, struct amule_tag *tag)
{
	int r = amule_next(&tags, tag);
	while (r == 1 && tag->name != name)
		r = amule_next(&tags, tag);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int amule_number(const struct amule_tag *tag, uint64_t *value)
{
	if (tag->type < TYPE_U8 || tag->type > TYPE_U64 || tag->len != (size_t)1 << (tag->type - TYPE_U8))
		return -EPROTO;
	*value = get(tag->data, (unsigned)tag->len);
	return 0;
}

int amule_text(const struct amule_tag *tag, struct buf *out)
{
	if (tag->type != TYPE_TEXT || !tag->len || memchr(tag->data, '\0', tag->len) != tag->data + tag->len - 1)
		return -EPROTO;
	return buf_add(out, tag->data, tag->len - 1);
}

int amule_hash(const struct amule_tag *tag, char out[33])
{
	if (tag->type != TYPE_HASH || tag->len != AMULE_DIGEST)
		return -EPROTO;
	for (unsigned i = 0; i < AMULE_DIGEST; i++)
		snprintf(out + 2 * i, 3, "%02x", tag->data[i]);
	return 0;
}
