/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Tags that stand around the sound, of whatever format that is, and what counts when there are several: the better
 * tag's values stay, the next one fills up what it lacks, field by field.
 *
 *     MP3, AAC                        ID3v2 in front, one behind, APE tag, ID3v1
 *     FLAC                            Vorbis comments, ID3v2 in front
 *     Monkey's Audio, WavPack,
 *     Musepack                        APE tag, ID3v2 in front, ID3v1
 *     WAV, AIFF, DSF, DSDIFF          ID3v2 inside, the format's own texts (see there)
 *
 * The APE tag stands behind the sound, ID3v1 behind that; a Lyrics3 block between them is passed over.
 */
#ifndef INDEXER_EXTRACT_TAG_PLACES_H
#define INDEXER_EXTRACT_TAG_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/media.h"
#include "indexer/extract/ape_tag.h"
#include "indexer/extract/extract_id3.h"
#include "indexer/extract/window.h"

/** The tags behind the sound. */
struct tag_end {
	/** Where the sound ends. */
	uint64_t at;
	bool has_ape, has_v1;
	/** The ID3v2.4 tag with a footer, if its size is not 0. */
	uint64_t id3_at, id3_size;
	struct ape_tag ape;
	uint8_t v1[ID3V1_SIZE];
};

/** Looks for them, with one read of the file's end. */
void tag_end_find(struct window *w, struct tag_end *end);

/** Fills up @out from them.  Returns the name of the best that gave something: "id3v2", "apev2", "id3v1" or "". */
const char *tag_end_take(struct window *w, const struct tag_end *end, struct media *out);

/** The ID3v2 tag at @at, if one is there.  Its bytes, as it says (perhaps more than there are); 0 when none is. */
uint64_t tag_id3_at(struct window *w, uint64_t at, struct media *out);

/**
 * The ID3v2 tags at the file's start: some programs put a second one in front of, or behind, the first instead of
 * changing it.  The first counts, the others fill it up.  Returns where they end, perhaps behind the file's end.
 */
uint64_t tag_id3_all(struct window *w, struct media *out);

/** Steps over the ID3v2 tag that a file's first bytes begin with.  False when it goes on behind them. */
bool tag_skip_id3(const uint8_t **head, size_t *n);

/** For a probe: whether one of @magics ("MPCK|MP+") stands behind the ID3v2 tag, if there is one, or may stand there. */
bool tag_magic(const uint8_t *head, size_t n, const char *magics);

/** Where the sound lies. */
struct sound {
	uint64_t start, end;
};

/** Which tag counts most. */
enum tag_first {
	TAG_APE_FIRST,
	TAG_ID3_FIRST,
};

/**
 * The tags around sound: sets all fields of tags in @out, tag_source too.  Returns 0, or -errno with @reason.
 */
int tag_places_read(struct window *w, struct sound *sound, enum tag_first first, struct media *out, char *reason);

/** As tag_id3_at() for one that may not be the first: it fills @out up. */
uint64_t tag_id3_more(struct window *w, uint64_t at, struct media *out);

/** Copies the fields that are set in @more and not in @out. */
void tag_fill(struct media *out, const struct media *more);

/**
 * Ends the reading of tags inside a format: ID3v2's values are in @out, the format's own texts in @texts (cleared).
 * Sets tag_source ("id3v2", or @name when only the texts gave something) and has_picture.
 */
void tag_settle(struct media *out, struct media *texts, const char *name);

/**
 * Whether one of @magics stands at @at: 0; -ENODATA when the file ends inside it; else -EBADMSG, "it is not @name".
 */
int sound_magic(struct window *w, uint64_t at, const char *magics, const char *name, char *reason);

/** Sets duration, rate, channels, bits and bitrate (of @bytes); 0 for what is not known. */
void sound_set(struct media *out, double seconds, uint32_t rate, unsigned channels, unsigned bits, uint64_t bytes);

#endif
