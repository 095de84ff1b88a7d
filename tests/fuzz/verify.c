/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files read to their end: whatever their bytes are, there is an answer, and one that a person can read. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "indexer/extract/verify.h"
#include "indexer/extract/verify_image.h"

/** In two pieces an image is what it is in one. */
static void check_image(const uint8_t *data, size_t size)
{
	struct image_check whole, pieces;
	size_t half = size / 2;
	image_begin(&whole);
	image_begin(&pieces);
	image_feed(&whole, data, size);
	image_feed(&pieces, data, half);
	image_feed(&pieces, data + half, size - half);
	HOLDS(image_end(&whole) == image_end(&pieces));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verify_result r;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	verify_whole(fd, NULL, NULL, &r);
	close(fd);
	HOLDS(r.error == 0 || r.error == -EBADMSG || r.error == -ENOTSUP || r.error == -ENOMEM);
	HOLDS(r.error == 0 || r.reason[0]);
	HOLDS(memchr(r.reason, '\0', sizeof r.reason) && memchr(r.how, '\0', sizeof r.how));
	HOLDS(r.size == size);
	check_image(data, size);
	return 0;
}
