/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the members of any archive are held to.  Private to verify_zip and verify_archive. */
#ifndef INDEXER_EXTRACT_VERIFY_PAGE_H
#define INDEXER_EXTRACT_VERIFY_PAGE_H

#include "indexer/extract/verify.h"
#include "indexer/extract/verify_image.h"

enum {
	PAGE_NAME = 80,
	/** Names that are compared with each other: those of an ordinary volume, with room. */
	PAGE_NAMES = 2048,
};

/** An archive, member by member. */
struct pages {
	struct verify *v;
	/** Of the member at hand. */
	struct image_check image;
	bool is_page;
	char name[PAGE_NAME];
	uint64_t size;
	/** Of all so far. */
	unsigned pages, members;
	uint64_t total;
	/** Of names, to find one twice; 0: free. */
	uint64_t seen[PAGE_NAMES];
};

void pages_init(struct pages *p, struct verify *v);
/** The next member.  0, or -EBADMSG when another one has its name.  @name: bytes. */
int pages_begin(struct pages *p, const char *name, size_t n);
/** Its next bytes.  0; -ENOTSUP when it is larger than any page: a bomb. */
int pages_feed(struct pages *p, const uint8_t *data, size_t n);
/** It ends there.  0 or -EBADMSG. */
int pages_end(struct pages *p);
/** A reason about the member at hand: "003.jpg …". */
int pages_fail(struct pages *p, int error, const char *what);
/** All are through: says how many. */
int pages_finish(struct pages *p);

#endif
