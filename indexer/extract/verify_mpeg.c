/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MPEG audio: each frame tells its length, so that frames follow each other from the first to the last. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "indexer/extract/mpeg_frame.h"
#include "indexer/extract/verify.h"
#include "indexer/extract/window.h"

enum {
	ID3V1_SIZE = 128,
	APE_FOOTER = 32,
	TAGS_MAX = 8,
	/** Bytes between frames that are passed by: players do so too. */
	STRAY_GAPS = 4,
	STRAY_MAX = 16 << 10,
};

struct mpeg {
	struct verify *v;
	struct mpeg_stream stream;
	uint64_t at, end;
	uint64_t frames;
	/** Stray bytes, and in how many places. */
	uint64_t stray;
	unsigned gaps;
	uint64_t first_stray;
};

static bool is_of_stream(const struct mpeg *m, const uint8_t *p, struct mpeg_frame *f)
{
	const struct mpeg_frame *first = &m->stream.first;
	return mpeg_frame_parse(p, f) && f->version == first->version && f->layer == first->layer && f->rate == first->rate;
}

/** The tag that ends at @end, of which nothing is sound: its bytes. */
static uint64_t tag_before(struct verify *v, uint64_t end)
{
	const uint8_t *p = end >= ID3V1_SIZE ? verify_get(v, end - ID3V1_SIZE, 3) : NULL;
	if (p && memcmp(p, "TAG", 3) == 0)
		return ID3V1_SIZE;
	p = end >= APE_FOOTER ? verify_get(v, end - APE_FOOTER, APE_FOOTER) : NULL;
	if (p && memcmp(p, "APETAGEX", 8) == 0) {
		uint64_t size = (uint64_t)get_le32(p + 12) + (get_le32(p + 20) & 0x80000000U ? APE_FOOTER : 0);
		return size >= APE_FOOTER && size <= end ? size : 0;
	}
	p = end >= 9 ? verify_get(v, end - 9, 9) : NULL;
	if (p && memcmp(p, "LYRICS200", 9) == 0 && end >= 15) {
		uint64_t size = 0;
		p = verify_get(v, end - 15, 6);
		for (int i = 0; p && i < 6; i++)
			size = size * 10 + (p[i] >= '0' && p[i] <= '9' ? (uint64_t)(p[i] - '0') : 0);
		return p && size + 15 <= end ? size + 15 : 0;
	}
	return 0;
}

static void find_bounds(struct mpeg *m)
{
	struct verify *v = m->v;
	m->end = v->in->size;
	for (int i = 0; i < TAGS_MAX; i++)
		m->end -= tag_before(v, m->end);
	for (int i = 0; i < TAGS_MAX; i++) {
		const uint8_t *p = verify_get(v, m->at, 10);
		uint64_t size = p ? id3_tag_size(p) : 0;
		if (!size || size > m->end - m->at)
			return;
		m->at += size;
	}
}

/** Zeros up to the end are padding. */
static bool is_padding(struct mpeg *m)
{
	for (uint64_t at = m->at; at < m->end;) {
		size_t n;
		const uint8_t *p = verify_some(m->v, at, m->end - at, &n);
		for (size_t i = 0; i < n; i++)
			if (p[i])
				return false;
		if (!p)
			return false;
		at += n;
	}
	return true;
}

/** The next frame behind stray bytes that is followed by another one, or by the end. */
static bool resync(struct mpeg *m)
{
	struct mpeg_frame f, next;
	uint64_t start = m->at;
	if (!m->gaps++)
		m->first_stray = start;
	for (uint64_t at = start + 1; at + 4 <= m->end && at - start <= STRAY_MAX; at++) {
		const uint8_t *p = verify_get(m->v, at, 4);
		if (!p || !is_of_stream(m, p, &f) || f.size > m->end - at)
			continue;
		p = m->end - at - f.size >= 4 ? verify_get(m->v, at + f.size, 4) : NULL;
		if (p ? !is_of_stream(m, p, &next) : at + f.size != m->end)
			continue;
		m->stray += at - start;
		m->at = at;
		return true;
	}
	return false;
}

/** An ID3 tag at the end, or anything behind the last of the frames that the head tells of: no sound is lost. */
static bool is_behind(struct mpeg *m)
{
	const uint8_t *p = verify_get(m->v, m->at, 10);
	bool is_tag = p && id3_tag_size(p) >= m->end - m->at;
	bool is_all = m->stream.samples && m->frames >= m->stream.samples / m->stream.first.samples;
	if (!m->v->error && (is_tag || is_all))
		extract_fail(m->v->reason, 0, "%llu bytes stand behind its end", (unsigned long long)(m->end - m->at));
	return !m->v->error && (is_tag || is_all);
}

static int lost(const struct mpeg *m)
{
	return extract_fail(m->v->reason, -EBADMSG, "no frame follows the one that ends at byte %llu",
			    (unsigned long long)m->at);
}

static int walk(struct mpeg *m)
{
	struct mpeg_frame f;
	while (m->end - m->at >= 4) {
		const uint8_t *p = verify_get(m->v, m->at, 4);
		if (!p)
			return m->v->error ? m->v->error : lost(m);
		if (is_of_stream(m, p, &f)) {
			if (f.size > m->end - m->at)
				break;
			m->at += f.size;
			m->frames++;
			continue;
		}
		if (is_padding(m) || is_behind(m))
			m->at = m->end;
		else if (m->gaps >= STRAY_GAPS || m->stray > STRAY_MAX || !resync(m))
			return m->v->error ? m->v->error : lost(m);
	}
	return 0;
}

/** The head that says how many frames there are is one itself. */
static int judge(struct mpeg *m)
{
	struct verify *v = m->v;
	uint64_t told = m->stream.samples / m->stream.first.samples, rest = m->end - m->at;
	snprintf(v->how, sizeof v->how, "%llu frames", (unsigned long long)m->frames);
	/* encoders count the head, or forget the last frame: one is no loss */
	if (told && m->frames + 1 < told)
		return extract_fail(v->reason, -EBADMSG, "it has %llu of the %llu frames that its head tells",
				    (unsigned long long)m->frames, (unsigned long long)told);
	if (!told && rest >= 4)
		return extract_fail(v->reason, -EBADMSG, "the file ends in the middle of a frame, at byte %llu",
				    (unsigned long long)m->end);
	if (m->gaps)
		extract_fail(v->reason, 0, "%llu stray byte%s between frames, the first at byte %llu",
			     (unsigned long long)m->stray, m->stray == 1 ? "" : "s", (unsigned long long)m->first_stray);
	return 0;
}

int verify_mpeg(struct verify *v)
{
	struct mpeg m = {.v = v};
	struct window w;
	find_bounds(&m);
	if (v->error)
		return v->error;
	window_init(&w, v->in);
	if (!mpeg_find(&w, m.at, &m.stream)) {
		v->error = w.error == -EBADMSG ? 0 : w.error;
		return v->error ? v->error : extract_fail(v->reason, -EBADMSG, "there is no sound in it");
	}
	if (m.stream.at >= m.end)
		return extract_fail(v->reason, -EBADMSG, "there is no sound in it");
	m.at = m.stream.at;
	int r = walk(&m);
	return r < 0 ? r : judge(&m);
}
