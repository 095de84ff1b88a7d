/* SPDX-License-Identifier: GPL-3.0-or-later */
/** aMule's frames: as its own programs write them, and as nobody should. */
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/cleanup.h"
#include "indexer/request/amule_wire.h"

#define PAYLOAD(text) text, sizeof(text) - 1

static void assert_bytes(const struct buf *b, const void *expected, size_t n)
{
	assert_int_equal(b->len, n);
	assert_memory_equal(b->data, expected, n);
}

static void frames_are_written_as_amulecmd_writes_them(void **state)
{
	_buf_ struct buf out = BUF_INIT(4096);
	(void)state;
	amule_begin(&out, AMULE_AUTH_REQ);
	amule_add_text(&out, AMULE_CLIENT_NAME, "me");
	amule_add_number(&out, AMULE_PROTOCOL_VERSION, AMULE_PROTOCOL);
	assert_int_equal(amule_end(&out), 0);
	assert_bytes(&out, PAYLOAD("\0\0\0\x20" "\0\0\0\x16" "\x02" "\0\x02" "\x02\0\x06\0\0\0\x03me\0"
				   "\0\x04\x03\0\0\0\x02\x02\x04"));
	amule_begin(&out, AMULE_ADD_LINK);
	amule_add_text_with(&out, AMULE_STRING, "ab", AMULE_CATEGORY, 3);
	assert_int_equal(amule_end(&out), 0);
	/* its own child count is not in the length, the child's header is */
	assert_bytes(&out, PAYLOAD("\0\0\0\x20" "\0\0\0\x17" "\x09" "\0\x01" "\0\x01\x06\0\0\0\x0b" "\0\x01"
				   "\x06\x1e\x02\0\0\0\x01\x03" "ab\0"));
}

static void a_buffer_that_is_full_is_an_error(void **state)
{
	_buf_ struct buf out = BUF_INIT(16);
	(void)state;
	amule_begin(&out, AMULE_ADD_LINK);
	amule_add_text(&out, AMULE_STRING, "a link that is longer than the buffer may grow");
	assert_int_equal(amule_end(&out), -E2BIG);
}

static void numbers_travel_in_the_smallest_type(void **state)
{
	static const uint64_t values[] = {0, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
	static const uint8_t types[] = {2, 2, 3, 3, 4, 4, 5, 5};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		_buf_ struct buf out = BUF_INIT(4096);
		enum amule_op op;
		struct amule_tags tags;
		struct amule_tag tag;
		uint64_t v = 1;
		amule_begin(&out, AMULE_NOOP);
		amule_add_number(&out, AMULE_STATUS, values[i]);
		assert_int_equal(amule_end(&out), 0);
		assert_int_equal(amule_payload(out.data + AMULE_HEADER, out.len - AMULE_HEADER, &op, &tags), 0);
		assert_int_equal(amule_find(tags, AMULE_STATUS, &tag), 0);
		assert_int_equal(tag.type, types[i]);
		assert_int_equal(amule_number(&tag, &v), 0);
		assert_true(v == values[i]);
	}
}

static void the_answer_to_a_salt_has_no_leading_zeros(void **state)
{
	static const struct {
		uint64_t salt;
		uint8_t digest[AMULE_DIGEST];
	} rows[] = {
		{UINT64_C(0xabcdef), {0x41, 0x12, 0x85, 0x9b, 0xfe, 0x65, 0x52, 0x9a, 0xc0, 0xd9, 0x1c, 0x1f, 0xe0, 0x13, 0x23, 0xb8}},
		{UINT64_C(0x0), {0x5c, 0xc9, 0x52, 0x8d, 0x83, 0xa5, 0x77, 0xdf, 0xfa, 0xd2, 0xed, 0x66, 0x98, 0x0c, 0xaf, 0xcc}},
		{UINT64_C(0xc3646e8ea46500), {0x8b, 0x70, 0x8a, 0xe0, 0xcd, 0xd6, 0x56, 0xfb, 0x95, 0xc4, 0xf9, 0xb2, 0xfe, 0x34, 0x4f, 0x06}},
		{UINT64_C(0xffffffffffffffff), {0x0a, 0xd7, 0xd9, 0xbe, 0x5f, 0x09, 0x92, 0xf8, 0x60, 0xd6, 0x64, 0x42, 0x64, 0x97, 0x43, 0xb1}},
	};
	uint8_t digest[AMULE_DIGEST];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(amule_answer("secret pass", rows[i].salt, digest), 0);
		assert_memory_equal(digest, rows[i].digest, sizeof digest);
	}
}

static int header(const char bytes[AMULE_HEADER + 1], size_t *n)
{
	return amule_header((const uint8_t *)bytes, n);
}

static void a_header_that_we_did_not_ask_for_is_refused(void **state)
{
	size_t n = 0;
	(void)state;
	assert_int_equal(header("\0\0\0\x20\0\0\0\x03", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(header("\0\0\0\x20\x01\x80\0\0", &n), 0);
	assert_int_equal(n, AMULE_MOST);
	assert_int_equal(header("\0\0\0\x20\x01\x80\0\x01", &n), -EFBIG);
	assert_int_equal(header("\0\0\0\x20\xff\xff\xff\xff", &n), -EFBIG);
	assert_int_equal(header("\0\0\0\x20\0\0\0\x02", &n), -EPROTO);
	assert_int_equal(header("\0\0\0\x21\0\0\0\x03", &n), -EPROTO);
	assert_int_equal(header("\0\0\0\x22\0\0\0\x03", &n), -EPROTO);
	assert_int_equal(header("\0\0\0\x60\0\0\0\x03", &n), -EPROTO);
	assert_int_equal(header("\0\0\0\0\0\0\0\x03", &n), -EPROTO);
	assert_int_equal(header("HTTP/1.1", &n), -EPROTO);
}

static int read_frame(const void *payload, size_t n, struct amule_tag *tag)
{
	enum amule_op op;
	struct amule_tags tags;
	int r = amule_payload(payload, n, &op, &tags);
	return r < 0 ? r : amule_next(&tags, tag);
}

static void frames_that_lie_about_their_lengths_are_refused(void **state)
{
	struct amule_tag t;
	(void)state;
	assert_int_equal(read_frame(PAYLOAD("\x01\0\0"), &t), 0);
	assert_int_equal(read_frame(PAYLOAD("\x01\0"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD(""), &t), -EPROTO);
	/* a tag that is not there, and bytes after the last */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\xff\xff\0\0\x02\0\0\0\x01\x01"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\0\0"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x02\0\0\0\x01\x01\x01"), &t), -EPROTO);
	/* longer than the frame; so long that it wraps */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x02\0\0\0\x02\x01"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x02\xff\xff\xff\xff\x01"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\x01\x02\xff\xff\xff\xff\0\x01"), &t), -EPROTO);
	/* a tag that is shorter than its children */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\x01\x06\0\0\0\x07\0\x01\x06\x1e\x02\0\0\0\x01"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\x01\x06\0\0\0\x08\xff\xff\x06\x1e\x02\0\0\0\x01\x03"), &t), -EPROTO);
	/* room for children, but their count is cut off */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\x01\x06\0\0\0\0\0"), &t), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\x01\x06\0\0\0\0\0\0"), &t), 1);
	assert_int_equal(t.len, 0);
}

static void values_of_another_type_are_refused(void **state)
{
	struct amule_tag t;
	uint64_t v;
	char hash[33];
	_buf_ struct buf text = BUF_INIT(4096);
	(void)state;
	/* an u16 of one byte, a text as a number */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x03\0\0\0\x01\x01"), &t), 1);
	assert_int_equal(amule_number(&t, &v), -EPROTO);
	assert_int_equal(amule_text(&t, &text), -EPROTO);
	assert_int_equal(amule_hash(&t, hash), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\xff\0\0\0\x01\x01"), &t), 1);
	assert_int_equal(amule_number(&t, &v), -EPROTO);
	/* no NUL at the end, one in the middle, no byte at all */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x06\0\0\0\x01" "a"), &t), 1);
	assert_int_equal(amule_text(&t, &text), -EPROTO);
	assert_int_equal(amule_number(&t, &v), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x06\0\0\0\x03" "\0a\0"), &t), 1);
	assert_int_equal(amule_text(&t, &text), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x06\0\0\0\0"), &t), 1);
	assert_int_equal(amule_text(&t, &text), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x06\0\0\0\x04\xff\xfe" "a\0"), &t), 1);
	assert_int_equal(amule_text(&t, &text), 0);
	assert_int_equal(text.len, 3);
	/* a hash of 15 bytes */
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x09\0\0\0\x0f" "123456789012345"), &t), 1);
	assert_int_equal(amule_hash(&t, hash), -EPROTO);
	assert_int_equal(read_frame(PAYLOAD("\x01\0\x01\0\0\x09\0\0\0\x10" "1234567890123456"), &t), 1);
	assert_int_equal(amule_hash(&t, hash), 0);
	assert_string_equal(hash, "31323334353637383930313233343536");
}

/** Reads everything there is. */
static void walk(struct amule_tags tags, unsigned depth)
{
	struct amule_tag t;
	uint64_t v;
	char hash[33];
	while (depth && amule_next(&tags, &t) == 1) {
		_buf_ struct buf text = BUF_INIT(4096);
		amule_number(&t, &v);
		amule_text(&t, &text);
		amule_hash(&t, hash);
		walk(t.children, depth - 1);
	}
}

static void a_sample(struct buf *out)
{
	static const uint8_t digest[AMULE_DIGEST] = "0123456789abcde";
	amule_begin(out, AMULE_DLOAD_QUEUE);
	for (int i = 0; i < 3; i++) {
		amule_add_text_with(out, AMULE_STRING, "ed2k://|file|a|1|", AMULE_CATEGORY, 70000);
		amule_add_digest(out, AMULE_FILE_HASH, digest);
		amule_add_number(out, AMULE_SPEED, 1234567);
	}
	assert_int_equal(amule_end(out), 0);
}

static void damaged_frames_are_read_within_their_bounds(void **state)
{
	_buf_ struct buf out = BUF_INIT(4096);
	uint64_t seed = 42;
	(void)state;
	a_sample(&out);
	size_t n = out.len - AMULE_HEADER;
	for (int round = 0; round < 200000; round++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		size_t len = round % 2 ? n : (size_t)(seed >> 40) % (n + 1);
		/* of its own size, so that a sanitizer sees a byte too many */
		_free_ char *copy = malloc(len ? len : 1);
		memcpy(copy, out.data + AMULE_HEADER, len);
		for (int i = 0; i < 3 && len; i++)
			copy[(size_t)(seed >> (8 + 9 * i)) % len] = (char)(seed >> (50 - 7 * i));
		enum amule_op op;
		struct amule_tags tags;
		if (amule_payload(copy, len, &op, &tags) == 0)
			walk(tags, 8);
	}
}

static void depth_costs_nothing(void **state)
{
	/* each level: 7 bytes of header and 2 of count */
	enum { LEVELS = 100000, N = 3 + LEVELS * 9 };
	uint8_t *p = calloc(1, N);
	enum amule_op op;
	struct amule_tags tags;
	struct amule_tag t;
	(void)state;
	memcpy(p, "\x01\0\x01", 3);
	for (size_t i = 0; i < LEVELS; i++) {
		uint8_t *q = p + 3 + i * 9;
		size_t inside = (LEVELS - 1 - i) * 9;
		q[1] = 1;
		for (int k = 0; k < 4; k++)
			q[3 + k] = (uint8_t)(inside >> (8 * (3 - k)));
		q[8] = i + 1 < LEVELS;
	}
	assert_int_equal(amule_payload(p, N, &op, &tags), 0);
	size_t depth = 0;
	while (amule_next(&tags, &t) == 1) {
		tags = t.children;
		depth++;
	}
	assert_int_equal(depth, LEVELS);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_written_as_amulecmd_writes_them),
		cmocka_unit_test(a_buffer_that_is_full_is_an_error),
		cmocka_unit_test(numbers_travel_in_the_smallest_type),
		cmocka_unit_test(the_answer_to_a_salt_has_no_leading_zeros),
		cmocka_unit_test(a_header_that_we_did_not_ask_for_is_refused),
		cmocka_unit_test(frames_that_lie_about_their_lengths_are_refused),
		cmocka_unit_test(values_of_another_type_are_refused),
		cmocka_unit_test(damaged_frames_are_read_within_their_bounds),
		cmocka_unit_test(depth_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
