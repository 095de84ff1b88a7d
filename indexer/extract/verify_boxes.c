/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MP4 (ISO/IEC 14496-12), WAV and AIFF: boxes and chunks that tell their length.  The sound in them has no checksum. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/verify.h"
#include "indexer/extract/window.h"

enum {
	BOX_HEADER = 8,
	DEPTH_MAX = 8,
	BOXES_MAX = 100000,
	RIFF_HEADER = 12,
	/** What is tolerated behind the last chunk. */
	TAIL_MAX = 128,
};

struct boxes {
	struct verify *v;
	unsigned count;
	bool has_moov, has_mdat;
};

struct box {
	char type[5];
	uint64_t at, end;
};

/* --- MP4 --- */

static int no_box(struct boxes *b, uint64_t at)
{
	if (b->v->error)
		return b->v->error;
	return extract_fail(b->v->reason, -EBADMSG, "at byte %llu there is no box where one should begin",
			    (unsigned long long)at);
}

static int read_box(struct boxes *b, uint64_t at, uint64_t end, struct box *out)
{
	const uint8_t *p = end - at >= BOX_HEADER ? verify_get(b->v, at, BOX_HEADER) : NULL;
	if (!p || b->count++ >= BOXES_MAX)
		return no_box(b, at);
	uint64_t size = get_be32(p), header = BOX_HEADER;
	memcpy(out->type, p + 4, 4);
	out->type[4] = '\0';
	if (size == 1) {
		p = end - at >= 16 ? verify_get(b->v, at, 16) : NULL;
		if (!p)
			return no_box(b, at);
		size = get_be64(p + 8);
		header = 16;
	} else if (size == 0) {
		size = end - at;
	}
	if (size < header)
		return no_box(b, at);
	out->at = at + header;
	out->end = at + size;
	if (size > end - at)
		return extract_fail(b->v->reason, -EBADMSG, "%.4s has %llu bytes, and only %llu are there", out->type,
				    (unsigned long long)size, (unsigned long long)(end - at));
	return 0;
}

/** stco, co64: where pieces of the sound begin. */
static int check_offsets(struct boxes *b, const struct box *box, unsigned width)
{
	const uint8_t *p = box->end - box->at >= 8 ? verify_get(b->v, box->at, 8) : NULL;
	if (!p)
		return no_box(b, box->at);
	uint64_t n = get_be32(p + 4);
	if (n > (box->end - box->at - 8) / width)
		return extract_fail(b->v->reason, -EBADMSG, "%.4s ends before its list does", box->type);
	for (uint64_t i = 0; i < n; i++) {
		p = verify_get(b->v, box->at + 8 + i * width, width);
		if (!p)
			return no_box(b, box->at);
		uint64_t at = width == 8 ? get_be64(p) : get_be32(p);
		if (at >= b->v->in->size)
			return extract_fail(b->v->reason, -EBADMSG, "sound should begin at byte %llu, behind the file's end",
					    (unsigned long long)at);
	}
	return 0;
}

static bool is_one_of(const struct box *box, const char *types)
{
	for (; *types; types += 4)
		if (memcmp(box->type, types, 4) == 0)
			return true;
	return false;
}

/** Tags of other formats, and what is no box: behind the sound and its index it is no part of them. */
static bool is_behind(struct boxes *b, uint64_t at)
{
	static const char *const tags[] = {"TAG", "ID3", "APETAGEX"};
	uint64_t left = b->v->in->size - at;
	if (!b->has_moov || !b->has_mdat)
		return false;
	const uint8_t *p = verify_get(b->v, at, BOX_HEADER);
	bool is_tag = left < BOX_HEADER && !b->v->error;
	for (size_t i = 0; p && i < COUNT_OF(tags); i++)
		is_tag |= memcmp(p, tags[i], strlen(tags[i])) == 0;
	if (is_tag)
		extract_fail(b->v->reason, 0, "%llu bytes stand behind its end", (unsigned long long)left);
	return is_tag;
}

static int check_boxes(struct boxes *b, uint64_t at, uint64_t end, int depth)
{
	struct box box;
	int r = 0;
	while (at < end && r == 0) {
		/* four zeros end a list */
		if ((depth && end - at < BOX_HEADER) || (!depth && is_behind(b, at)))
			return 0;
		r = read_box(b, at, end, &box);
		if (r < 0)
			return r;
		b->has_moov |= !depth && is_one_of(&box, "moov");
		b->has_mdat |= is_one_of(&box, "mdat");
		if (is_one_of(&box, "moovtrakmdiaminfstbl") && depth < DEPTH_MAX)
			r = check_boxes(b, box.at, box.end, depth + 1);
		else if (depth && is_one_of(&box, "stcoco64"))
			r = check_offsets(b, &box, box.type[0] == 'c' ? 8 : 4);
		at = box.end;
	}
	return r;
}

int verify_mp4(struct verify *v)
{
	struct boxes b = {.v = v};
	int r = check_boxes(&b, 0, v->in->size, 0);
	if (r < 0)
		return r;
	snprintf(v->how, sizeof v->how, "%u boxes; the sound itself has no checksum", b.count);
	if (!b.has_moov)
		return extract_fail(v->reason, -EBADMSG, "it has no index (moov)");
	return b.has_mdat ? 0 : extract_fail(v->reason, -EBADMSG, "it has no sound (mdat)");
}

/* --- WAV, AIFF --- */

static int check_chunks(struct verify *v, uint64_t end, bool is_wav, unsigned *count)
{
	const char *format = is_wav ? "fmt " : "COMM", *sound = is_wav ? "data" : "SSND";
	bool has_format = false, has_sound = false;
	for (uint64_t at = RIFF_HEADER; at + BOX_HEADER <= end && *count < BOXES_MAX;) {
		const uint8_t *p = verify_get(v, at, BOX_HEADER);
		if (!p)
			return v->error ? v->error : extract_fail(v->reason, -EBADMSG, "the file ends in a chunk");
		uint64_t size = is_wav ? get_le32(p + 4) : get_be32(p + 4);
		has_format |= memcmp(p, format, 4) == 0;
		has_sound |= memcmp(p, sound, 4) == 0;
		if (size > end - at - BOX_HEADER)
			return extract_fail(v->reason, -EBADMSG, "the chunk at byte %llu has %llu bytes, and only %llu are there",
					    (unsigned long long)at, (unsigned long long)size,
					    (unsigned long long)(end - at - BOX_HEADER));
		at += BOX_HEADER + size + (size & 1);
		++*count;
	}
	if (!has_format || !has_sound)
		return extract_fail(v->reason, -EBADMSG, "it has no %s chunk", has_format ? sound : format);
	return 0;
}

int verify_riff(struct verify *v)
{
	const uint8_t *p = verify_get(v, 0, RIFF_HEADER);
	unsigned count = 0;
	if (!p)
		return v->error ? v->error : extract_fail(v->reason, -EBADMSG, "the file ends in its head");
	bool is_wav = p[0] == 'R';
	uint64_t told = is_wav ? get_le32(p + 4) : get_be32(p + 4), size = v->in->size;
	/* written to a pipe: nobody came back to fill it in */
	if (told == 0 || told == UINT32_MAX)
		return extract_fail(v->reason, -ENOTSUP, "it does not tell its length");
	/* many writers count the byte that fills up an odd length, and leave it out */
	if (told + BOX_HEADER == size + 1)
		told--;
	if (told + BOX_HEADER > size)
		return extract_fail(v->reason, -EBADMSG, "it has %llu bytes by its head, and only %llu are there",
				    (unsigned long long)told + BOX_HEADER, (unsigned long long)size);
	int r = check_chunks(v, told + BOX_HEADER, is_wav, &count);
	snprintf(v->how, sizeof v->how, "%u chunks; the sound itself has no checksum", count);
	if (r == 0 && size - told - BOX_HEADER > TAIL_MAX)
		extract_fail(v->reason, 0, "%llu bytes stand behind its end",
			     (unsigned long long)(size - told - BOX_HEADER));
	return r;
}

/* --- PDF --- */

int verify_pdf(struct verify *v)
{
	enum { TAIL = 4096 };
	size_t n = v->in->size < TAIL ? (size_t)v->in->size : TAIL;
	const uint8_t *p = verify_get(v, v->in->size - n, n);
	if (!p)
		return v->error ? v->error : -EBADMSG;
	snprintf(v->how, sizeof v->how, "its end only");
	if (!memmem(p, n, "%%EOF", 5))
		return extract_fail(v->reason, -EBADMSG, "the document has no end (%%%%EOF)");
	return extract_fail(v->reason, -ENOTSUP, "of PDF only the end is looked at, which is there");
}
