/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heads: where readers go on is behind what is there and in the file; and what they make of a head is what
 * they make of the file. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "indexer/discover/walk_private.h"
#include "indexer/extract/worker.h"
#include "indexer/frame.h"

/** One region for all inputs, and one file that is written anew. */
static struct heads *heads;
static int file = -1;

static void open_all(void)
{
	if (heads)
		return;
	_close_ int fd = heads_create();
	file = memfd_create("media", MFD_CLOEXEC);
	heads = heads_map(fd, true);
	HOLDS(heads && file >= 0);
}

static void check_place(const struct reach *reach, const uint8_t *data, size_t size)
{
	size_t n = size < HEAD_START ? size : HEAD_START;
	/* of exactly its size: reading past it is seen */
	_free_ uint8_t *start = malloc(n ? n : 1);
	HOLDS(start);
	if (n)
		memcpy(start, data, n);
	uint64_t at = reach->behind ? reach->behind(start, n, size) : 0;
	HOLDS(at == 0 || (at >= n && at < size));
	/* also of files that are larger than they can be */
	at = reach->behind ? reach->behind(start, n, UINT64_MAX) : 0;
	HOLDS(at == 0 || at >= n);
	const struct part part = {start, n, 0};
	if (reach->is_all)
		HOLDS(reach->is_all(&part, 1, size) <= (n > 0));
}

static void check_same(const char *name, const struct reach *reach, const struct statx *st)
{
	struct media given, whole;
	char why_given[EXTRACT_REASON], why_whole[EXTRACT_REASON];
	_buf_ struct buf first = BUF_INIT(1 << 20);
	_buf_ struct buf second = BUF_INIT(1 << 20);
	struct extract_input a = {.path = name, .path_len = strlen(name)}, b = a;
	uint64_t ticket = walk_seal_head(heads, 0, file, reach, st);
	HOLDS(ticket != 0);
	media_init(&given);
	media_init(&whole);
	int r = worker_read_head(heads, ticket, MEDIA_TRACK, &a, &given, why_given);
	b.fd = file;
	if (r != RESULT_LACKS) {
		HOLDS(extract_file(MEDIA_TRACK, &b, &whole, why_whole) == r);
		HOLDS(a.hash == b.hash && strcmp(why_given, why_whole) == 0);
		media_encode(&given, &first);
		media_encode(&whole, &second);
		HOLDS(first.len == second.len && memcmp(buf_str(&first), buf_str(&second), first.len) == 0);
	}
	media_clear(&given);
	media_clear(&whole);
}

/** A label made of the input: whatever it says, nothing is read beyond its slot. */
static void check_label(const uint8_t *data, size_t size)
{
	struct head head = {0};
	struct media media;
	char why[EXTRACT_REASON];
	memcpy(&head, data, size < sizeof head ? size : sizeof head);
	struct extract_input in = {.path = "a.mp3", .path_len = 5};
	media_init(&media);
	worker_read_head(heads, heads_seal(heads, HEADS_SLOTS - 1, &head), MEDIA_TRACK, &in, &media, why);
	media_clear(&media);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.flac", "a.mp3", "a.opus"};
	struct statx st;
	open_all();
	HOLDS(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	HOLDS(statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) == 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct reach *reach = extract_reach(MEDIA_TRACK, names[i], strlen(names[i]));
		HOLDS(reach);
		check_place(reach, data, size);
		check_same(names[i], reach, &st);
	}
	check_label(data, size);
	return 0;
}
