/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Music files: a name up to the first line's end, which chooses the reader where the bytes do not, and the file.
 * Whatever it is: an answer, with a sentence when it is an error, and values that survive the way to the indexer.
 */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "indexer/extract/extract.h"

static void check_wire(const struct media *m)
{
	_buf_ struct buf wire = BUF_INIT(1 << 20);
	struct media back;
	size_t used;
	HOLDS(media_encode(m, &wire) == 0);
	media_init(&back);
	HOLDS(media_decode(&back, (const uint8_t *)buf_str(&wire), wire.len, &used) == 0 && used == wire.len);
	for (unsigned f = 0; f < FIELD_COUNT; f++)
		HOLDS(media_is_same(m, &back, f));
	media_clear(&back);
}

/** Seconds that a person could listen to, of something. */
static void check_sound(const struct media *m)
{
	double seconds = media_real(m, FIELD_duration_seconds, 1);
	HOLDS(seconds >= 0 && seconds < 1e9);
	HOLDS(media_int(m, FIELD_sample_rate, 1) > 0);
	HOLDS(media_int(m, FIELD_bitrate, 0) >= 0 && media_int(m, FIELD_bitrate, 0) <= 1000000);
	HOLDS(media_int(m, FIELD_picture_bytes, 0) >= 0);
}

static void read_file(const char *name, size_t name_len, const uint8_t *data, size_t size, bool hashes)
{
	struct extract_input in = {.path = name, .path_len = name_len, .hashes_pictures = hashes};
	char reason[EXTRACT_REASON];
	struct media m;
	_close_ int fd = memfd_create("audio", MFD_CLOEXEC);
	HOLDS(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
	in.fd = fd;
	media_init(&m);
	int r = extract_file(MEDIA_TRACK, &in, &m, reason);
	HOLDS(r <= 0 && (r < 0) == (reason[0] != '\0'));
	check_wire(&m);
	check_sound(&m);
	media_clear(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size < 64 ? size : 64) : NULL;
	size_t n = line ? (size_t)(line - data) : 0, skip = line ? n + 1 : 0;
	read_file((const char *)data, n, data + skip, size - skip, false);
	read_file((const char *)data, n, data + skip, size - skip, true);
	return 0;
}
