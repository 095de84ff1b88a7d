/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/tag_places.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "indexer/extract/incomplete.h"

enum {
	/** Read at once: an ordinary APE tag is in it. */
	TAIL_SIZE = 4096,
	/** "LYRICS200" and six digits in front of it. */
	LYRICS_END = 15,
	TAGS_MAX = 4,
	BITRATE_MAX = 1000000,
};

/** What is told of one picture is never taken from two. */
static bool is_of_picture(enum field_id f)
{
	return f == FIELD_has_picture || f == FIELD_picture_kind || f == FIELD_picture_bytes ||
	       f == FIELD_picture_hash;
}

void tag_fill(struct media *out, const struct media *more)
{
	bool has_picture = media_int(out, FIELD_has_picture, 0);
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		size_t n;
		bool is_there = is_of_picture(f) ? has_picture : media_has(out, f);
		if (!media_has(more, f) || is_there)
			continue;
		const char *text = media_text(more, f, &n);
		if (field_is_text(f))
			media_set_stored(out, f, text, n);
		else if (field_is_real(f))
			media_set_real(out, f, media_real(more, f, 0));
		else
			media_set_int(out, f, media_int(more, f, 0));
	}
}

/** Bytes of the Lyrics3v2 block that ends at @end; 0 when none does. */
static uint64_t lyrics_size(struct window *w, uint64_t end)
{
	const uint8_t *p = end >= LYRICS_END ? window_get(w, end - LYRICS_END, LYRICS_END) : NULL;
	if (!p || memcmp(p + 6, "LYRICS200", 9) != 0)
		return 0;
	uint64_t size = LYRICS_END;
	for (uint64_t i = 0, digit = 100000; i < 6; i++, digit /= 10) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		size += digit * (uint64_t)(p[i] - '0');
	}
	return size <= end ? size : 0;
}

/** The 128 bytes of ID3v1 at the end.  Those of an APE footer's "APETAGEX" are none. */
static bool find_v1(struct window *w, uint8_t *v1)
{
	const uint8_t *p = w->size >= ID3V1_SIZE ? window_get(w, w->size - ID3V1_SIZE, ID3V1_SIZE) : NULL;
	if (!p || memcmp(p, "TAG", 3) != 0)
		return false;
	memcpy(v1, p, ID3V1_SIZE);
	p = w->size >= ID3V1_SIZE + 3 ? window_get(w, w->size - ID3V1_SIZE - 3, 8) : NULL;
	return !p || memcmp(p, "APETAGEX", 8) != 0;
}

/** The ID3v2.4 tag whose footer ends at end->at.  Such a tag may stand behind the sound. */
static void find_appended(struct window *w, struct tag_end *end)
{
	const uint8_t *p = end->at >= 20 ? window_get(w, end->at - 10, 10) : NULL;
	uint8_t header[10];
	if (end->id3_size || !p || memcmp(p, "3DI", 3) != 0)
		return;
	memcpy(header, p, sizeof header);
	memcpy(header, "ID3", 3);
	uint64_t size = id3_tag_size(header);
	if (!size || !(header[5] & 0x10) || size > end->at)
		return;
	end->id3_size = size;
	end->at -= size;
}

void tag_end_find(struct window *w, struct tag_end *end)
{
	size_t n = w->size < TAIL_SIZE ? (size_t)w->size : TAIL_SIZE;
	end->at = w->size;
	end->has_ape = end->has_v1 = false;
	end->id3_size = 0;
	if (!window_get(w, w->size - n, n))
		return;
	end->has_v1 = find_v1(w, end->v1);
	if (end->has_v1)
		end->at -= ID3V1_SIZE;
	end->at -= lyrics_size(w, end->at);
	find_appended(w, end);
	end->id3_at = end->at;
	end->has_ape = ape_tag_find(w, end->at, &end->ape);
	if (end->has_ape)
		end->at = end->ape.start;
	if (end->id3_size)
		return;
	find_appended(w, end);
	end->id3_at = end->at;
}

/** Whether @more has anything that @out lacks; takes it over. */
static bool fill_from(struct media *out, const struct media *more)
{
	uint64_t before = out->set;
	tag_fill(out, more);
	return out->set != before;
}

static bool take_ape(struct window *w, const struct tag_end *end, struct media *out)
{
	struct media ape;
	if (!end->has_ape)
		return false;
	media_init(&ape);
	ape_tag_read(w, &end->ape, &ape);
	bool has_ape = fill_from(out, &ape);
	media_clear(&ape);
	return has_ape;
}

static bool take_appended(struct window *w, const struct tag_end *end, struct media *out)
{
	uint64_t before = out->set;
	if (end->id3_size)
		tag_id3_more(w, end->id3_at, out);
	return out->set != before;
}

const char *tag_end_take(struct window *w, const struct tag_end *end, struct media *out)
{
	bool has_id3 = take_appended(w, end, out);
	bool has_ape = take_ape(w, end, out);
	bool has_v1 = end->has_v1 && id3_read_v1(end->v1, out);
	/* an APE tag beside it that tells no album artist leaves as much open */
	bool is_v1 = has_v1 && !media_has(out, FIELD_album_artist);
	return has_id3 ? "id3v2" : has_ape && !is_v1 ? "apev2" : has_v1 ? "id3v1" : "";
}

uint64_t tag_id3_at(struct window *w, uint64_t at, struct media *out)
{
	const uint8_t *p = window_get(w, at, 10);
	uint64_t size = p ? id3_tag_size(p) : 0;
	if (!size)
		return 0;
	if (at == 0) {
		/* What it read last may be what is asked for next. */
		id3_read_v2(w, size, out);
		return size;
	}
	struct window part;
	window_init_part(&part, w, at, size);
	id3_read_v2(&part, size, out);
	w->reads = part.reads;
	if (part.error && part.error != -EBADMSG)
		w->error = part.error;
	return size;
}

uint64_t tag_id3_more(struct window *w, uint64_t at, struct media *out)
{
	struct media more;
	media_init(&more);
	uint64_t size = tag_id3_at(w, at, &more);
	tag_fill(out, &more);
	media_clear(&more);
	return size;
}

bool tag_skip_id3(const uint8_t **head, size_t *n)
{
	uint64_t size = *n >= 10 ? id3_tag_size(*head) : 0;
	if (size >= *n)
		return false;
	*head += size;
	*n -= (size_t)size;
	return true;
}

/** Bytes of the one of @magics that @p begins with, or is the beginning of; 0 when none is. */
static size_t find_magic(const uint8_t *p, size_t n, const char *magics)
{
	while (n && *magics) {
		size_t length = strcspn(magics, "|");
		if (memcmp(p, magics, n < length ? n : length) == 0)
			return length;
		magics += length + (magics[length] == '|');
	}
	return 0;
}

bool tag_magic(const uint8_t *head, size_t n, const char *magics)
{
	if (!tag_skip_id3(&head, &n))
		return true;
	size_t length = find_magic(head, n, magics);
	return length && length <= n;
}

int sound_magic(struct window *w, uint64_t at, const char *magics, const char *name, char *reason)
{
	uint64_t rest = at < w->size ? w->size - at : 0;
	size_t n = rest < 4 ? (size_t)rest : 4;
	const uint8_t *p = window_get(w, at, n);
	size_t length = p ? find_magic(p, n, magics) : 0;
	char sentence[EXTRACT_REASON];
	if (length > n)
		return incomplete_at(reason, w->size, "its first word", at + length);
	if (length)
		return 0;
	snprintf(sentence, sizeof sentence, "it is not %s", name);
	return window_fail(w, reason, sentence);
}

uint64_t tag_id3_all(struct window *w, struct media *out)
{
	uint64_t start = tag_id3_at(w, 0, out), size = start;
	for (int i = 1; size && start < w->size && i < TAGS_MAX; i++) {
		size = tag_id3_more(w, start, out);
		start += size;
	}
	return start;
}

int tag_places_read(struct window *w, struct sound *sound, enum tag_first first, struct media *out, char *reason)
{
	struct tag_end end;
	struct media id3;
	media_init(&id3);
	sound->start = tag_id3_all(w, &id3);
	tag_end_find(w, &end);
	take_appended(w, &end, &id3);
	sound->end = end.at;
	bool has_v2 = first == TAG_ID3_FIRST && fill_from(out, &id3);
	bool has_ape = take_ape(w, &end, out);
	has_v2 |= fill_from(out, &id3);
	media_clear(&id3);
	bool has_v1 = end.has_v1 && id3_read_v1(end.v1, out);
	bool is_ape = has_ape && !(has_v2 && first == TAG_ID3_FIRST);
	const char *source = is_ape ? "apev2" : has_v2 ? "id3v2" : has_v1 ? "id3v1" : "";
	media_set_text(out, FIELD_tag_source, source, strlen(source));
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	if (sound->start >= w->size)
		return incomplete_at(reason, w->size, "its ID3 tag", sound->start + 1);
	if (sound->end < sound->start)
		sound->end = sound->start;
	return 0;
}

void tag_settle(struct media *out, struct media *texts, const char *name)
{
	bool has_id3 = media_has(out, FIELD_title) || media_has(out, FIELD_artist);
	bool has_texts = fill_from(out, texts);
	const char *source = has_id3 ? "id3v2" : has_texts ? name : "";
	media_clear(texts);
	media_set_text(out, FIELD_tag_source, source, strlen(source));
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
}

void sound_set(struct media *out, double seconds, uint32_t rate, unsigned channels, unsigned bits, uint64_t bytes)
{
	if (rate)
		media_set_int(out, FIELD_sample_rate, rate);
	if (channels)
		media_set_int(out, FIELD_channels, channels);
	if (bits)
		media_set_int(out, FIELD_bits_per_sample, bits);
	if (!(seconds > 0))
		return;
	media_set_real(out, FIELD_duration_seconds, seconds);
	double bitrate = (double)bytes * 8 / seconds / 1000;
	if (bitrate >= 1 && bitrate < BITRATE_MAX)
		media_set_int(out, FIELD_bitrate, (int64_t)bitrate);
}
