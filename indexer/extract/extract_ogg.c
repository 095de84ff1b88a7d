/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Vorbis and Opus in Ogg.  A packet is read piecewise over its pages: comments are taken one by
 * one, so that a picture of megabytes is stepped over page by page, and not at all when it is
 * the last comment.  The duration comes from the last page's clock; checksums are not verified,
 * that is the integrity check's work.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/extract_vorbis.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/window.h"

enum {
	PAGE_HEADER = 27,
	/** Pages that may be looked at: 16 MiB of pictures. */
	PAGES_MAX = 256,
	/** Streams that may begin before ours does. */
	STREAMS_MAX = 16,
	/** Bytes of comments that are taken; pictures do not count. */
	COMMENTS_MAX = 256 << 10,
	/** One comment is cut here: the longest key and text that are kept, with room. */
	COMMENT_MAX = MEDIA_TEXT_MAX + 256,
	/** A page is at most this long, so the last one's header is not further from the end. */
	TAIL_MAX = 65536,
	/** Bit of a page's flags. */
	PAGE_IS_END = 4,
};

/** A place in the packets of one stream. */
struct packet {
	struct window *w;
	uint32_t serial;
	/** Where the current page ends. */
	uint64_t page_end;
	/** The next byte, and how many follow it without a page's header between. */
	uint64_t at;
	size_t run;
	/** Whether the packet ends with this run. */
	bool is_last_run;
	/** Lengths of the pieces of the page that are not reached yet. */
	uint8_t lacing[255];
	unsigned piece, pieces;
	unsigned pages;
	/** Bytes that the file has at least by the page or packet where it ends; 0 when it does not. */
	uint64_t least;
};

struct codec {
	const char *format;
	bool is_opus;
	uint32_t rate;
	unsigned channels;
	unsigned skip;
};

/** Joins the pieces of the packet that lie in this page. */
static void next_run(struct packet *p)
{
	p->run = 0;
	p->is_last_run = false;
	while (p->piece < p->pieces) {
		uint8_t n = p->lacing[p->piece++];
		p->run += n;
		if (n < 255) {
			p->is_last_run = true;
			return;
		}
	}
}

/** Enters the page at @at.  Returns its serial number, -1 when there is none. */
static int64_t enter_page(struct packet *p, uint64_t at)
{
	if (p->pages++ >= PAGES_MAX)
		return -1;
	const uint8_t *h = window_get(p->w, at, PAGE_HEADER);
	if (!h && at < p->w->size)
		p->least = at + PAGE_HEADER;
	if (!h || memcmp(h, "OggS", 4) != 0 || h[4] != 0)
		return -1;
	unsigned pieces = h[26];
	h = window_get(p->w, at, PAGE_HEADER + pieces);
	p->least = h ? 0 : at + PAGE_HEADER + pieces;
	if (!h)
		return -1;
	size_t length = 0;
	memcpy(p->lacing, h + PAGE_HEADER, pieces);
	for (unsigned i = 0; i < pieces; i++)
		length += p->lacing[i];
	p->piece = 0;
	p->pieces = pieces;
	p->at = at + PAGE_HEADER + pieces;
	p->page_end = p->at + length;
	if (p->page_end > p->w->size)
		p->least = p->page_end;
	next_run(p);
	return get_le32(h + 14);
}

/** Goes to the next page of our stream, in the middle of a packet or in front of one. */
static bool next_page(struct packet *p)
{
	for (;;) {
		if (p->page_end == p->w->size)
			p->least = p->page_end + PAGE_HEADER;
		int64_t serial = enter_page(p, p->page_end);
		if (serial < 0)
			return false;
		if (serial == p->serial)
			return true;
	}
}

/** Steps over @n bytes of the packet; with @to copies them.  False when it ends before. */
static bool packet_take(struct packet *p, uint8_t *to, size_t n)
{
	while (n) {
		if (p->run == 0) {
			if (p->is_last_run || !next_page(p))
				return false;
			continue;
		}
		size_t part = n < p->run ? n : p->run;
		if (to && part > WINDOW_FILL)
			part = WINDOW_FILL;
		if (to) {
			const uint8_t *bytes = window_get(p->w, p->at, part);
			if (!bytes)
				return false;
			memcpy(to, bytes, part);
			to += part;
		} else if (p->at + part > p->w->size) {
			return false;
		}
		p->at += part;
		p->run -= part;
		n -= part;
	}
	return true;
}

/** Goes to the start of the stream's next packet. */
static bool next_packet(struct packet *p)
{
	while (!p->is_last_run) {
		if (!next_page(p))
			return false;
	}
	p->at += p->run;
	next_run(p);
	while (p->run == 0 && !p->is_last_run) {
		if (!next_page(p))
			return false;
	}
	return true;
}

/** Reads a stream's first packet.  True for Vorbis and Opus. */
static bool read_codec(struct packet *p, struct codec *c)
{
	uint8_t id[19];
	if (!packet_take(p, id, sizeof id))
		return false;
	if (memcmp(id, "OpusHead", 8) == 0) {
		*c = (struct codec){.format = "opus",
				    .is_opus = true,
				    .rate = 48000,
				    .channels = id[9],
				    .skip = get_le16(id + 10)};
		return true;
	}
	if (memcmp(id, "\001vorbis", 7) != 0)
		return false;
	*c = (struct codec){.format = "ogg", .rate = get_le32(id + 12), .channels = id[11]};
	return c->rate > 0 && c->channels > 0;
}

/** Finds our stream among those that begin the file, each with a page of its own. */
static bool find_stream(struct packet *p, struct codec *c)
{
	for (int i = 0; i < STREAMS_MAX; i++) {
		int64_t serial = enter_page(p, p->page_end);
		if (serial < 0)
			return false;
		p->serial = (uint32_t)serial;
		uint64_t end = p->page_end;
		if (read_codec(p, c))
			return true;
		p->page_end = end;
	}
	return false;
}

/** One comment of @n bytes.  A picture is stepped over unless nothing follows it. */
static bool take_comment(struct packet *p, uint32_t n, bool is_last, size_t *budget,
			 struct media *out)
{
	uint8_t entry[COMMENT_MAX];
	size_t start = n < 32 ? n : 32, more = 0;
	if (!packet_take(p, entry, start))
		return false;
	bool is_picture = vorbis_is_picture((const char *)entry, start);
	if (!is_picture) {
		more = (n < COMMENT_MAX ? n : COMMENT_MAX) - start;
		if (!packet_take(p, entry + start, more))
			return false;
		*budget -= start + more;
	}
	vorbis_comment((const char *)entry, start + more, out);
	size_t rest = n - start - more;
	if (!is_last || !is_picture)
		return packet_take(p, NULL, rest);
	/* Only to tell roughly where the audio begins. */
	p->at += rest;
	if (p->at > p->w->size)
		p->least = p->at;
	return p->at <= p->w->size;
}

/** The second packet.  What is whole before damage is taken. */
static bool take_comments(struct packet *p, const struct codec *c, struct media *out)
{
	uint8_t bytes[8];
	size_t magic = c->is_opus ? 8 : 7;
	if (!next_packet(p) || !packet_take(p, bytes, magic) ||
	    memcmp(bytes, c->is_opus ? "OpusTags" : "\003vorbis", magic) != 0)
		return false;
	if (!packet_take(p, bytes, 4) || !packet_take(p, NULL, get_le32(bytes)) ||
	    !packet_take(p, bytes, 4))
		return false;
	size_t budget = COMMENTS_MAX;
	for (uint32_t left = get_le32(bytes); left && budget >= COMMENT_MAX; left--) {
		if (!packet_take(p, bytes, 4) ||
		    !take_comment(p, get_le32(bytes), left == 1, &budget, out))
			return false;
	}
	return true;
}

/** What the file's last bytes tell. */
struct ending {
	/** Of the last page of our stream where a packet ends; -1 when none is there. */
	int64_t clock;
	bool has_page;
	/** Of the last page: whether it says that its stream ends, and whether the file ends first. */
	bool is_end, is_cut;
};

/** Whether the page at @h is there to its end, and no other begins behind it. */
static bool is_whole_page(const uint8_t *h, size_t n)
{
	size_t length = PAGE_HEADER + h[26];
	if (length > n)
		return false;
	for (unsigned i = 0; i < h[26]; i++)
		length += h[PAGE_HEADER + i];
	if (length > n)
		return false;
	size_t rest = n - length;
	return rest == 0 || rest >= PAGE_HEADER ||
	       memcmp(h + length, "OggS", rest < 4 ? rest : 4) != 0;
}

static struct ending read_ending(const uint8_t *data, size_t n, uint32_t serial)
{
	struct ending e = {.clock = -1};
	for (size_t i = n < PAGE_HEADER ? 0 : n - PAGE_HEADER + 1; i > 0 && e.clock < 0; i--) {
		const uint8_t *h = data + i - 1;
		if (*h != 'O' || memcmp(h, "OggS", 4) != 0 || h[4] != 0)
			continue;
		if (!e.has_page) {
			e.has_page = true;
			e.is_end = h[5] & PAGE_IS_END;
			e.is_cut = !is_whole_page(h, n - (i - 1));
		}
		/* -1 says that no packet ends in the page. */
		if (get_le32(h + 14) == serial)
			e.clock = (int64_t)get_le64(h + 6);
	}
	return e;
}

static struct ending find_ending(struct window *w, uint32_t serial)
{
	size_t n = w->size < WINDOW_SIZE ? (size_t)w->size : WINDOW_SIZE;
	const uint8_t *tail = window_get(w, w->size - n, n);
	struct ending e = {.clock = -1};
	if (tail)
		e = read_ending(tail, n, serial);
	if (e.clock >= 0 || !tail || w->size <= WINDOW_SIZE)
		return e;
	_buf_ struct buf scratch = BUF_INIT(TAIL_MAX);
	n = w->size < TAIL_MAX ? (size_t)w->size : TAIL_MAX;
	tail = window_copy(w, w->size - n, n, &scratch);
	return tail ? read_ending(tail, n, serial) : e;
}

static void take_duration(const struct window *w, const struct codec *c, int64_t clock,
			  uint64_t audio_at, struct media *out)
{
	if (clock <= c->skip)
		return;
	double duration = (double)(clock - c->skip) / c->rate;
	media_set_real(out, FIELD_duration_seconds, duration);
	uint64_t audio = audio_at < w->size ? w->size - audio_at : 0;
	double bitrate = (double)audio * 8 / duration / 1000;
	/* A damaged clock gives numbers that nothing should be sorted by. */
	if (bitrate < 1e6)
		media_set_int(out, FIELD_bitrate, (int64_t)bitrate);
}

/** For a reader that found no more: because the file ends there, or because of damage. */
static int ogg_fail(const struct packet *p, char *reason, const char *sentence)
{
	if (p->least > p->w->size && !p->w->error)
		return incomplete_at(reason, p->w->size, "its last page", p->least);
	return window_fail(p->w, reason, sentence);
}

/** A page that is missing as a whole is not missed: many a good file does not say that it ends. */
static int check_end(const struct packet *p, const struct ending *e, char *reason)
{
	char size[GROUPED_MAX];
	if (e->is_cut)
		return incomplete(reason, "the file ends at %s bytes, inside a page",
				  incomplete_number(p->w->size, size));
	if (e->has_page && !e->is_end && (e->clock == 0 || p->at >= p->w->size))
		return incomplete(reason, "the file ends at %s bytes, in front of its sound",
				  incomplete_number(p->w->size, size));
	return 0;
}

static int ogg_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct packet p = {.w = &w};
	struct codec c;
	window_init(&w, in);
	const uint8_t *head = window_get(&w, 0, 4);
	if (incomplete_magic(in->head, in->head_len, "OggS"))
		return incomplete_at(reason, in->size, "Ogg", PAGE_HEADER);
	if (!head || memcmp(head, "OggS", 4) != 0)
		return window_fail(&w, reason, "it is not an Ogg file");
	if (!find_stream(&p, &c))
		return ogg_fail(&p, reason, "the Ogg file holds no Vorbis or Opus stream");
	media_set_text(out, FIELD_format, c.format, strlen(c.format));
	media_set_int(out, FIELD_sample_rate, c.rate);
	media_set_int(out, FIELD_channels, c.channels);
	bool is_whole = take_comments(&p, &c, out);
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	if (!is_whole)
		return ogg_fail(&p, reason, "the Ogg comments are damaged or cut short");
	struct ending e = find_ending(&w, p.serial);
	/* Where the comments end, a picture that was left unread included. */
	take_duration(&w, &c, e.clock, p.at, out);
	return check_end(&p, &e, reason);
}

static bool ogg_probe(const uint8_t *head, size_t n)
{
	return n >= 4 && memcmp(head, "OggS", 4) == 0;
}

const struct extractor extract_ogg = {
	.name = "ogg",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"ogg", "oga", "opus", NULL},
	.probe = ogg_probe,
	.read = ogg_read,
	.reach = &(const struct reach){WINDOW_SIZE, false, NULL, 0},
};
