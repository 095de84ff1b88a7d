/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tells files apart without reading them all. */
#include "tests/unit/media_files.h"

#include <errno.h>
#include <fcntl.h>

#include "indexer/extract/fingerprint.h"

static int result;

static uint64_t hash_fd(int fd)
{
	char reason[EXTRACT_REASON];
	struct extract_input in = {.fd = fd, .path = "a.flac", .path_len = 6, .hash = 77};
	struct media m;
	media_init(&m);
	result = extract_file(MEDIA_TRACK, &in, &m, reason);
	media_clear(&m);
	return in.hash;
}

static uint64_t hash_of(const struct buf *b)
{
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	assert_int_equal(write(fd, b->data, b->len), (ssize_t)b->len);
	return hash_fd(fd);
}

static void make(struct buf *b)
{
	static const char *const lines[] = {"TITLE=t", NULL};
	buf_reset(b);
	build_flac(b, lines, 0, 9000);
	assert_true(b->len > EXTRACT_HEAD_TRACK + 10);
}

static void the_first_bytes_and_the_size_count(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	make(&b);
	uint64_t hash = hash_of(&b);
	assert_int_equal(result, 0);
	assert_true(hash != 0);
	assert_true(hash_of(&b) == hash);
	b.data[EXTRACT_HEAD_TRACK] ^= 1;
	assert_true(hash_of(&b) == hash);
	b.data[EXTRACT_HEAD_TRACK - 1] ^= 1;
	assert_true(hash_of(&b) != hash);
	make(&b);
	b.data[0] ^= 1;
	assert_true(hash_of(&b) != hash);
	make(&b);
	put8(&b, 'a');
	assert_true(hash_of(&b) != hash);
}

static void files_that_cannot_be_used_have_one_too(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	buf_adds(&b, "what");
	assert_true(hash_of(&b) != 0);
	assert_int_equal(result, -EBADMSG);
	make(&b);
	b.len = 100;
	assert_true(hash_of(&b) != 0);
	assert_int_equal(result, -ENODATA);
}

static void empty_and_unreadable_files_have_none(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	assert_true(hash_of(&b) == 0);
	assert_int_equal(result, -ENODATA);
	assert_true(hash_fd(-1) == 0);
	assert_int_equal(result, -EBADF);
	_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(hash_fd(fd) == 0);
	assert_true(result < 0);
}

/** They are stored: another program version or processor must find the same. */
static void fingerprints_stay_what_they_are(void **state)
{
	(void)state;
	uint8_t bytes[EXTRACT_HEAD];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	assert_true(fingerprint(bytes, 0, 0) == 0);
	assert_true(fingerprint(bytes, 3, 3) == UINT64_C(0x510368dfee711749));
	assert_true(fingerprint(bytes, 200, 200) == UINT64_C(0x19f28ed1cf09334e));
	assert_true(fingerprint(bytes, sizeof bytes, 1 << 30) == UINT64_C(0x8732c8af84442d2a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_bytes_and_the_size_count),
		cmocka_unit_test(files_that_cannot_be_used_have_one_too),
		cmocka_unit_test(empty_and_unreadable_files_have_none),
		cmocka_unit_test(fingerprints_stay_what_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
