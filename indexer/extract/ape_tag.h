/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * APE tags, version 1 and 2: a list of items behind the sound of MP3, Monkey's Audio, WavPack and Musepack.
 * After Hydrogenaudio's "APEv2 specification".  Private to the readers of formats.
 */
#ifndef INDEXER_EXTRACT_APE_TAG_H
#define INDEXER_EXTRACT_APE_TAG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/media.h"
#include "indexer/extract/window.h"

enum {
	/** Bytes of the header, and of the footer. */
	APE_FOOTER = 32,
};

struct ape_tag {
	/** Where the items are. */
	uint64_t at, size;
	/** How many there are said to be. */
	uint32_t count;
	/** Where the whole tag begins, its header included. */
	uint64_t start;
	/** Version 1 knows no encoding. */
	bool is_old;
};

/** The tag whose footer ends at @end.  False when none does. */
bool ape_tag_find(struct window *w, uint64_t end, struct ape_tag *tag);

/** Takes its items over; what is damaged, binary or no field of ours is passed over.  Pictures are not read. */
void ape_tag_read(struct window *w, const struct ape_tag *tag, struct media *out);

#endif
