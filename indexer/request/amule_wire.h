/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * aMule's External Connection, as bytes: frames are written and read here, no socket is known.
 * Pure.
 *
 * A frame: flags u32, payload length u32, then opcode u8, tag count u16, tags.  A tag: u16 (name
 * << 1 | has children), type u8, length u32 (own data and children with all of their headers; not
 * its own child count), [child count u16, children], data.  Big-endian.  We announce no
 * capability, so that the server uses neither compression nor compact numbers: a frame with
 * either is refused.
 *
 * The extent of a tag is in its header: nothing recurses, and depth costs nothing.
 */
#ifndef INDEXER_REQUEST_AMULE_WIRE_H
#define INDEXER_REQUEST_AMULE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum amule_op {
	AMULE_NOOP = 0x01,
	AMULE_AUTH_REQ = 0x02,
	AMULE_AUTH_FAIL = 0x03,
	AMULE_AUTH_OK = 0x04,
	AMULE_FAILED = 0x05,
	AMULE_ADD_LINK = 0x09,
	AMULE_GET_DLOAD_QUEUE = 0x0d,
	AMULE_GET_SHARED_FILES = 0x10,
	AMULE_DLOAD_QUEUE = 0x1f,
	AMULE_SHARED_FILES = 0x22,
	AMULE_AUTH_SALT = 0x4f,
	AMULE_AUTH_PASSWD = 0x50,
};

enum amule_name {
	AMULE_STRING = 0x0000,
	AMULE_PASSWD_HASH = 0x0001,
	AMULE_PROTOCOL_VERSION = 0x0002,
	AMULE_DETAIL_LEVEL = 0x0004,
	AMULE_PASSWD_SALT = 0x000b,
	AMULE_CLIENT_NAME = 0x0100,
	AMULE_CLIENT_VERSION = 0x0101,
	/** A download; its value is a number of the server, its hash is inside. */
	AMULE_PARTFILE = 0x0300,
	AMULE_FILE_NAME = 0x0301,
	AMULE_SIZE_FULL = 0x0303,
	AMULE_SIZE_DONE = 0x0306,
	AMULE_SPEED = 0x0307,
	AMULE_STATUS = 0x0308,
	AMULE_SOURCES_SENDING = 0x030d,
	AMULE_CATEGORY = 0x030f,
	AMULE_STOPPED = 0x0317,
	AMULE_FILE_HASH = 0x031e,
	/** A shared file. */
	AMULE_KNOWNFILE = 0x0400,
};

enum {
	AMULE_HEADER = 8,
	/** Most bytes of an answer: some 40,000 files. */
	AMULE_MOST = 24 << 20,
	AMULE_PROTOCOL = 0x0204,
	AMULE_DIGEST = 16,
};

/* --- writing --- */

/** Starts a frame in an empty buffer. */
void amule_begin(struct buf *out, enum amule_op op);
void amule_add_text(struct buf *out, enum amule_name name, const char *text);
/** In the smallest type that holds it, as aMule does. */
void amule_add_number(struct buf *out, enum amule_name name, uint64_t value);
void amule_add_digest(struct buf *out, enum amule_name name, const uint8_t digest[AMULE_DIGEST]);
/** A text with one number inside it. */
void amule_add_text_with(struct buf *out, enum amule_name name, const char *text, enum amule_name inner, uint64_t value);
/** Fills in the length.  0, or the buffer's error. */
int amule_end(struct buf *out);

/** The answer to a salt: md5(hex md5(password), hex md5(salt in upper-case hex)).  -EIO: no MD5 here. */
int amule_answer(const char *password, uint64_t salt, uint8_t out[AMULE_DIGEST]);

/* --- reading --- */

struct amule_tags {
	const uint8_t *at, *end;
	unsigned left;
};

struct amule_tag {
	uint16_t name;
	uint8_t type;
	struct amule_tags children;
	const uint8_t *data;
	size_t len;
};

/** The payload's length; -EPROTO for flags that we did not ask for, -EFBIG over AMULE_MOST. */
int amule_header(const uint8_t header[AMULE_HEADER], size_t *payload);
/** -EPROTO when the payload ends too early, or goes on after the last tag. */
int amule_payload(const void *payload, size_t n, enum amule_op *op, struct amule_tags *tags);
/** 1 with the next tag, 0 at the end, -EPROTO.  Borrows the payload. */
int amule_next(struct amule_tags *tags, struct amule_tag *tag);
/** The first of that name: 0, -ENOENT, -EPROTO. */
int amule_find(struct amule_tags tags, enum amule_name name, struct amule_tag *tag);
/** -EPROTO when it is no number. */
int amule_number(const struct amule_tag *tag, uint64_t *value);
/** Appends it, whatever bytes it holds, without its NUL; -EPROTO when it is no text. */
int amule_text(const struct amule_tag *tag, struct buf *out);
/** -EPROTO when it is no hash.  Lower-case hex. */
int amule_hash(const struct amule_tag *tag, char out[33]);

#endif
