/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Archives of comics by our own readers (ZIP, RAR, 7z, EPUB), and the documents in them: reading twice is reading once. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_opf.h"
#include "indexer/extract/comic_xmp.h"
#include "indexer/extract/extract.h"
#include "indexer/extract/inside.h"

static int read_once(int fd, struct media *m)
{
	static const char path[] = "S/S 1.cbz";
	char reason[EXTRACT_REASON];
	struct extract_input in = {.fd = fd, .path = path, .path_len = sizeof path - 1};
	int r = extract_file(MEDIA_VOLUME, &in, m, reason);
	HOLDS((r < 0) == (reason[0] != '\0'));
	HOLDS(media_int(m, FIELD_pages, 0) >= 0 && media_int(m, FIELD_pages, 0) <= INSIDE_MAX);
	return r;
}

static void check_archive(const uint8_t *data, size_t size)
{
	struct media first, second;
	_close_ int fd = memfd_create("comics", MFD_CLOEXEC);
	HOLDS(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
	/* libqpdf and libarchive's tar are not ours */
	extract_allow(ARCHIVE_ALL & ~(ARCHIVE_PDF | ARCHIVE_TAR));
	media_init(&first);
	media_init(&second);
	int r = read_once(fd, &first);
	HOLDS(read_once(fd, &second) == r);
	for (int f = 0; f < FIELD_COUNT; f++)
		HOLDS(media_is_same(&first, &second, (enum field_id)f));
	media_clear(&first);
	media_clear(&second);
}

static void check_documents(const char *xml, size_t n)
{
	struct comic c;
	struct comic_opf opf;
	struct media m;
	comic_init(&c);
	media_init(&m);
	for (unsigned doc = 0; doc < COMIC_DOCS; doc++)
		comic_read(&c, (enum comic_doc)doc, xml, n);
	comic_opf_read(&c, xml, n, &opf);
	comic_opf_is_locked(xml, n);
	_free_ char *path = comic_opf_path(xml, n);
	HOLDS(!path || *path);
	comic_finish(&c, &m);
	comic_clear(&c);
	comic_xmp_read(xml, n, &m);
	media_clear(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = fuzz_text(data, size);
	if (size && data[0] == '<')
		check_documents(text, size);
	else
		check_archive(data, size);
	return 0;
}
