/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Covers: pictures, and volumes that hold them: a cover within its bounds, which can be read again, or a sentence. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_front.h"
#include "indexer/extract/cover.h"
#include "indexer/extract/image.h"

static const struct cover_size size_of_covers = {240, 340, 16 << 10};

static int read_once(const uint8_t *data, size_t n, struct buf *out)
{
	char reason[EXTRACT_REASON] = "";
	_close_ int fd = memfd_create("covers", MFD_CLOEXEC);
	HOLDS(fd >= 0 && (n == 0 || write(fd, data, n) == (ssize_t)n));
	struct extract_input in = {.fd = fd, .path = "", .size = n};
	int r = cover_read(&in, &size_of_covers, out, reason);
	HOLDS(r == 0 ? !reason[0] : r == -EBADMSG ? reason[0] != '\0' : r == -ENOMEM);
	return r;
}

static void check_cover(const struct buf *jpeg)
{
	char reason[EXTRACT_REASON] = "";
	struct image image;
	const struct image_box all = {IMAGE_SIDE, IMAGE_SIDE};
	HOLDS(jpeg->len && jpeg->len <= size_of_covers.bytes);
	HOLDS(image_read_jpeg((const uint8_t *)jpeg->data, jpeg->len, all, &image, reason) == 0);
	HOLDS(image.width && image.width <= size_of_covers.width && image.height && image.height <= size_of_covers.height);
	image_clear(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_buf_ struct buf jpeg = BUF_INIT(1 << 20);
	_free_ char *text = fuzz_text(data, size);
	if (size && data[0] == '<') {
		_free_ char *href = comic_front_href(text, size);
		HOLDS(comic_front_page(text, size) >= -1);
		return 0;
	}
	/* libarchive's readers of RAR, 7z and tar are not ours */
	extract_allow(ARCHIVE_ZIP | ARCHIVE_EPUB | ARCHIVE_PDF);
	if (read_once((const uint8_t *)text, size, &jpeg) == 0)
		check_cover(&jpeg);
	return 0;
}
