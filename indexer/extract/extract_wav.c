/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WAV, RF64 and BW64.  Names come from an ID3 tag in a chunk of its own, and what that lacks from LIST INFO.
 * After Microsoft's "Multimedia Programming Interface and Data Specifications 1.0", EBU Tech 3306 (RF64) and ITU-R
 * BS.2088 (BW64).
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/chunks.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	RIFF_HEADER = 12,
	FORMAT_PCM = 1,
	FORMAT_FLOAT = 3,
	FORMAT_EXTENSIBLE = 0xfffe,
	FMT_SIZE = 16,
	FMT_EXTENSIBLE = 26,
	DS64_SIZE = 24,
	/** Bytes by which a header may be wrong. */
	SLACK = 8,
};

struct wav {
	unsigned format, channels, align, bits;
	uint32_t rate, byte_rate;
	/** The sound's bytes, there and as told; samples of one channel as told; RF64's sizes. */
	uint64_t there, told, samples, riff64, data64, samples64;
	bool has_format, has_data;
	/** Where the file ends by the chunk that is cut, 0 when none is. */
	uint64_t least;
	struct media *out;
	/** From LIST INFO. */
	struct media info;
};

static void take_format(struct wav *v, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, FMT_SIZE);
	if (!p)
		return;
	v->format = get_le16(p);
	v->channels = get_le16(p + 2);
	v->rate = get_le32(p + 4);
	v->byte_rate = get_le32(p + 8);
	v->align = get_le16(p + 12);
	v->bits = get_le16(p + 14);
	v->has_format = v->rate != 0 && v->channels != 0;
	if (v->format != FORMAT_EXTENSIBLE)
		return;
	p = chunk_get(c, FMT_EXTENSIBLE);
	if (!p)
		return;
	if (get_le16(p + 18))
		v->bits = get_le16(p + 18);
	v->format = get_le16(p + 24);
}

static void take_data(struct wav *v, struct chunk *c)
{
	bool is_unknown = c->size == UINT32_MAX;
	if (is_unknown && v->data64)
		c->size = v->data64;
	else if (is_unknown || c->size == 0)
		c->size = c->end - c->at;
	v->has_data = true;
	v->told = c->size;
	v->there = chunk_there(c);
}

static void take_sizes(struct wav *v, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, DS64_SIZE);
	if (!p)
		return;
	v->riff64 = get_le64(p);
	v->data64 = get_le64(p + 8);
	v->samples64 = get_le64(p + 16);
}

static void take_fact(struct wav *v, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, 4);
	if (p)
		v->samples = get_le32(p) == UINT32_MAX ? v->samples64 : get_le32(p);
}

static void take_list(struct wav *v, const struct chunk *list)
{
	static const struct {
		char id[5];
		uint8_t field, rank;
	} texts[] = {
		{"INAM", FIELD_title, 0},    {"IART", FIELD_artist, 0},	      {"IPRD", FIELD_album, 0},
		{"ICRD", FIELD_date, 0},     {"IGNR", FIELD_genre, 0},	      {"IPRT", FIELD_track, 0},
		{"ITRK", FIELD_track, 1},    {"itrk", FIELD_track, 2},	      {"ICMT", FIELD_comment, 0},
		{"IMUS", FIELD_composer, 0}, {"IAAR", FIELD_album_artist, 0}, {"IBPM", FIELD_bpm, 0},
	};
	const uint8_t *p = chunk_get(list, 4);
	struct chunk c;
	if (!p || memcmp(p, "INFO", 4) != 0)
		return;
	chunk_start(&c, list->w, list->at + 4, list->at + chunk_there(list), CHUNK_LE32);
	while (chunk_next(&c)) {
		for (size_t i = 0; i < COUNT_OF(texts); i++) {
			if (memcmp(c.id, texts[i].id, 4) == 0)
				chunk_take_text(&c, texts[i].field, texts[i].rank, &v->info);
		}
	}
}

static void take_chunk(struct wav *v, struct chunk *c)
{
	if (strcmp(c->id, "fmt ") == 0)
		take_format(v, c);
	else if (strcmp(c->id, "ds64") == 0)
		take_sizes(v, c);
	else if (strcmp(c->id, "fact") == 0)
		take_fact(v, c);
	else if (strcmp(c->id, "data") == 0 && !v->has_data)
		take_data(v, c);
	else if (strcmp(c->id, "LIST") == 0)
		take_list(v, c);
	else if (strcasecmp(c->id, "id3 ") == 0)
		tag_id3_more(c->w, c->at, v->out);
	if (c->size > c->end - c->at)
		v->least = c->at + c->size;
}

static void set_sound(const struct wav *v)
{
	bool is_plain = v->format == FORMAT_PCM || v->format == FORMAT_FLOAT;
	double seconds = 0;
	if (is_plain && v->align)
		seconds = (double)(v->told / v->align) / v->rate;
	else if (v->samples)
		seconds = (double)v->samples / v->rate;
	else if (v->byte_rate)
		seconds = (double)v->told / v->byte_rate;
	sound_set(v->out, seconds, v->rate, v->channels, v->bits, v->told);
}

/** What is wrong with it, if anything. */
static int judge(const struct wav *v, const struct window *w, uint64_t riff, char *reason)
{
	if (v->least)
		return window_short(w, reason, "its WAV header", v->least);
	if (!v->has_format)
		return window_short(w, reason, "its WAV header", riff < w->size ? w->size : riff);
	if (riff > w->size + SLACK)
		return incomplete_at(reason, w->size, "its WAV header", riff);
	if (!v->has_data)
		return extract_fail(reason, -EBADMSG, "the WAV file holds no sound");
	return 0;
}

static bool wav_probe(const uint8_t *head, size_t n)
{
	bool is_riff = n >= RIFF_HEADER && (memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RF64", 4) == 0 ||
					    memcmp(head, "BW64", 4) == 0);
	return is_riff && memcmp(head + 8, "WAVE", 4) == 0;
}

static int wav_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct wav v = {.out = out};
	struct chunk c;
	window_init(&w, in);
	int r = sound_magic(&w, 0, "RIFF|RF64|BW64", "a WAV file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, 0, RIFF_HEADER);
	if (!p)
		return window_short(&w, reason, "its WAV header", RIFF_HEADER);
	if (!wav_probe(p, RIFF_HEADER))
		return extract_fail(reason, -EBADMSG, "it is not a WAV file");
	uint32_t size = get_le32(p + 4);
	media_init(&v.info);
	chunk_start(&c, &w, RIFF_HEADER, in->size, CHUNK_LE32);
	while (chunk_next(&c))
		take_chunk(&v, &c);
	if (v.has_format)
		set_sound(&v);
	tag_settle(out, &v.info, "info");
	uint64_t riff = size == UINT32_MAX ? v.riff64 : size;
	return judge(&v, &w, riff + 8, reason);
}

const struct extractor extract_wav = {
	.name = "wav",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"wav", "wave", "bwf", "rf64", NULL},
	.probe = wav_probe,
	.read = wav_read,
};
