/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Vorbis, Opus, FLAC and Speex in Ogg.  A packet is read piecewise over its pages: comments are taken one by
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
#include "indexer/extract/picture.h"
#include "indexer/extract/tag_places.h"
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
	/** Bits of a page's flags. */
	PAGE_IS_START = 2,
	PAGE_IS_END = 4,
	/** Files that may stand behind each other in one. */
	LINKS_MAX = 16,
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
	uint32_t rate;
	unsigned channels, bits;
	unsigned skip;
	/** What the comment packet begins with: so many bytes, these if they are always the same. */
	size_t front;
	const char *magic;
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

enum {
	/** Bytes of the first packet that tell its codec; all that are looked at. */
	ID_SIZE = 19,
	ID_MOST = 52,
	/** Ogg FLAC: the block header in front of the comments, and the type of these. */
	FLAC_BLOCK = 4,
	FLAC_COMMENTS = 4,
	FLAC_PICTURE = 6,
	FLAC_BLOCKS_MAX = 64,
	/** A block tells its length in 24 bits. */
	FLAC_BLOCK_MAX = 1 << 24,
};

static size_t read_vorbis(const uint8_t *id, struct codec *c)
{
	*c = (struct codec){.format = "ogg", .rate = get_le32(id + 12), .channels = id[11], .front = 7,
			    .magic = "\003vorbis"};
	return ID_SIZE;
}

static size_t read_opus(const uint8_t *id, struct codec *c)
{
	*c = (struct codec){.format = "opus", .rate = 48000, .channels = id[9], .skip = get_le16(id + 10), .front = 8,
			    .magic = "OpusTags"};
	return ID_SIZE;
}

/** STREAMINFO stands behind the mapping's header, "fLaC" and its own block header. */
static size_t read_flac(const uint8_t *id, struct codec *c)
{
	const uint8_t *info = id + 17;
	*c = (struct codec){.format = "oggflac", .rate = get_be24(info + 10) >> 4, .channels = (info[12] >> 1 & 7) + 1u,
			    .bits = ((info[12] & 1u) << 4 | info[13] >> 4) + 1, .front = FLAC_BLOCK};
	return 17 + 34;
}

static size_t read_speex(const uint8_t *id, struct codec *c)
{
	*c = (struct codec){.format = "speex", .rate = get_le32(id + 36), .channels = get_le32(id + 48) & 255};
	return ID_MOST;
}

/** Reads a stream's first packet.  True for what we know. */
static bool read_codec(struct packet *p, struct codec *c)
{
	static const struct {
		const char *magic;
		/** Returns how many bytes it needs. */
		size_t (*read)(const uint8_t *, struct codec *);
	} codecs[] = {{"\001vorbis", read_vorbis}, {"OpusHead", read_opus}, {"\177FLAC", read_flac}, {"Speex   ", read_speex}};
	uint8_t id[ID_MOST] = {0};
	if (!packet_take(p, id, ID_SIZE))
		return false;
	for (size_t i = 0; i < COUNT_OF(codecs); i++) {
		if (memcmp(id, codecs[i].magic, strlen(codecs[i].magic)) != 0)
			continue;
		size_t need = codecs[i].read(id, c);
		if (need > ID_SIZE && !packet_take(p, id + ID_SIZE, need - ID_SIZE))
			return false;
		codecs[i].read(id, c);
		return c->rate > 0 && c->channels > 0;
	}
	return false;
}

/** Steps over what stands in front of the comments.  False when it is not theirs. */
static bool take_front(struct packet *p, const struct codec *c)
{
	uint8_t bytes[8];
	if (!next_packet(p) || !packet_take(p, bytes, c->front))
		return false;
	if (c->magic)
		return memcmp(bytes, c->magic, c->front) == 0;
	return c->front == 0 || (bytes[0] & 127) == FLAC_COMMENTS;
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

/**
 * A picture of which @have bytes were taken, the key included: its description, and all of it when
 * its hash is wanted.  False when the packet ends before.  Adds what it took to *have.
 */
static bool take_picture(struct packet *p, const char *entry, size_t *have, uint32_t n,
			 struct media *out)
{
	struct picture_text t;
	char piece[WINDOW_FILL];
	bool has_head, is_whole = true, wants_hash = p->w->in->hashes_pictures;
	size_t key = vorbis_picture(entry, *have, &has_head);
	picture_text_begin(&t, has_head, n - key, wants_hash);
	picture_text_add(&t, entry + key, *have - key);
	do {
		/* A scan stays in the page that is being read. */
		size_t most = wants_hash ? sizeof piece : p->run < PICTURE_HEAD ? p->run : PICTURE_HEAD;
		size_t part = n - *have < most ? n - *have : most;
		is_whole = packet_take(p, (uint8_t *)piece, part);
		if (is_whole)
			picture_text_add(&t, piece, part);
		*have += is_whole ? part : 0;
	} while (wants_hash && is_whole && *have < n);
	picture_text_end(&t, is_whole && *have == n, out);
	return is_whole;
}

/** One comment of @n bytes.  A picture is stepped over unless nothing follows it. */
static bool take_comment(struct packet *p, uint32_t n, bool is_last, size_t *budget,
			 struct media *out)
{
	uint8_t entry[COMMENT_MAX];
	size_t have = n < 32 ? n : 32;
	bool has_head;
	if (!packet_take(p, entry, have))
		return false;
	bool is_picture = vorbis_picture((const char *)entry, have, &has_head);
	if (is_picture) {
		if (!take_picture(p, (const char *)entry, &have, n, out))
			return false;
	} else {
		size_t more = (n < COMMENT_MAX ? n : COMMENT_MAX) - have;
		if (!packet_take(p, entry + have, more))
			return false;
		have += more;
		*budget -= have;
		vorbis_comment((const char *)entry, have, out);
	}
	size_t rest = n - have;
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
	if (!take_front(p, c))
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

/** The picture of @n bytes that the packet goes on with. */
static void take_flac_picture(struct packet *p, uint32_t n, struct media *out)
{
	uint8_t head[PICTURE_HEAD];
	struct picture picture;
	size_t have = n < sizeof head ? n : sizeof head;
	if (!p->w->in->hashes_pictures && have > p->run)
		have = p->run;
	if (!packet_take(p, head, have) || !picture_parse_flac(head, have, n, &picture))
		return;
	bool is_chosen = picture_note(out, picture.kind, picture.bytes);
	if (!is_chosen || !p->w->in->hashes_pictures || picture.bytes == 0)
		return;
	_buf_ struct buf whole = BUF_INIT(FLAC_BLOCK_MAX);
	buf_add(&whole, head, have);
	uint8_t *rest = (uint8_t *)buf_extend(&whole, n - have);
	if (rest && packet_take(p, rest, n - have))
		picture_hash_bytes(out, (const uint8_t *)whole.data + picture.skip, (size_t)picture.bytes);
}

/** FLAC's blocks behind the comments, each a packet; sound begins with a byte that no block begins with. */
static void take_flac_blocks(struct packet *p, struct media *out)
{
	uint8_t block[FLAC_BLOCK];
	for (int i = 0; i < FLAC_BLOCKS_MAX && next_packet(p) && packet_take(p, block, sizeof block); i++) {
		unsigned type = block[0] & 127;
		if (type == 127)
			return;
		if (type == FLAC_PICTURE)
			take_flac_picture(p, get_be24(block + 1), out);
		if (block[0] & 128)
			return;
	}
}

/** What the file's last bytes tell. */
struct ending {
	/** Of the last page of our stream where a packet ends; -1 when none is there. */
	int64_t clock;
	bool has_page;
	/** Of the last page: whether it says that its stream ends, and whether the file ends first. */
	bool is_end, is_cut;
	/** Another stream begins behind that page of ours. */
	bool is_followed;
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
		else
			e.is_followed |= h[5] & PAGE_IS_START;
	}
	return e;
}

/** Of the bytes up to @end: the file's, or a link's. */
static struct ending find_ending(struct window *w, uint64_t end, uint32_t serial)
{
	/* Vorbis has pages of some 4 KiB, Opus of a second: up to 20. */
	static const size_t sizes[] = {WINDOW_SIZE, 24 << 10, TAIL_MAX};
	struct ending e = {.clock = -1};
	_buf_ struct buf scratch = BUF_INIT(TAIL_MAX);
	for (size_t i = 0; i < COUNT_OF(sizes) && e.clock < 0; i++) {
		size_t n = end < sizes[i] ? (size_t)end : sizes[i];
		const uint8_t *tail = window_copy(w, end - n, n, &scratch);
		if (!tail)
			return e;
		e = read_ending(tail, n, serial);
		if (n == end)
			return e;
	}
	return e;
}

/* --- chains: whole Ogg files behind each other --- */

/** The first page that begins at or behind @at, before TAIL_MAX bytes are over. */
struct page {
	uint64_t at;
	uint32_t serial;
	bool is_start;
};

static bool find_page(struct window *w, uint64_t at, struct page *page)
{
	_buf_ struct buf scratch = BUF_INIT(TAIL_MAX + PAGE_HEADER);
	uint64_t rest = w->size - at;
	size_t n = rest < TAIL_MAX + PAGE_HEADER ? (size_t)rest : TAIL_MAX + PAGE_HEADER;
	const uint8_t *data = window_copy(w, at, n, &scratch);
	for (size_t i = 0; data && i + PAGE_HEADER <= n; i++) {
		const uint8_t *h = memchr(data + i, 'O', n - i - PAGE_HEADER + 1);
		if (!h)
			return false;
		i = (size_t)(h - data);
		if (memcmp(h, "OggS", 4) != 0 || h[4] != 0)
			continue;
		*page = (struct page){at + i, get_le32(h + 14), h[5] & PAGE_IS_START};
		return true;
	}
	return false;
}

/** Where the stream's link, which has a page at or behind @low, ends and the next one begins; 0 if none does. */
static uint64_t find_link_end(struct window *w, uint64_t low, uint32_t serial)
{
	struct page page = {0};
	for (uint64_t high = w->size; high - low > TAIL_MAX;) {
		uint64_t middle = low + (high - low) / 2;
		bool is_ours = find_page(w, middle, &page) && page.at < high && page.serial == serial;
		if (is_ours)
			low = page.at + PAGE_HEADER;
		else
			high = middle;
	}
	while (low < w->size && find_page(w, low, &page) && page.serial == serial)
		low = page.at + PAGE_HEADER;
	bool is_next = low < w->size && page.at >= low && page.serial != serial && page.is_start;
	return is_next ? page.at : 0;
}

static double seconds_of(const struct codec *c, int64_t clock)
{
	return clock > c->skip ? (double)(clock - c->skip) / c->rate : 0;
}

/** All links together; 0 when they cannot be told. */
static double chain_seconds(struct window *w, const struct packet *first, struct codec codec)
{
	struct packet p = {.at = first->at, .serial = first->serial};
	double seconds = 0;
	for (int i = 0; i < LINKS_MAX; i++) {
		struct ending e = find_ending(w, w->size, p.serial);
		if (e.clock >= 0 && !e.is_followed)
			return seconds + seconds_of(&codec, e.clock);
		uint64_t end = find_link_end(w, p.at, p.serial);
		if (!end)
			return 0;
		seconds += seconds_of(&codec, find_ending(w, end, p.serial).clock);
		p = (struct packet){.w = w, .page_end = end};
		if (!find_stream(&p, &codec))
			return 0;
	}
	return 0;
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
		return ogg_fail(&p, reason, "the Ogg file holds no Vorbis, Opus, FLAC or Speex stream");
	media_set_text(out, FIELD_format, c.format, strlen(c.format));
	sound_set(out, 0, c.rate, c.channels, c.bits, 0);
	bool is_whole = take_comments(&p, &c, out);
	if (is_whole && c.front == FLAC_BLOCK)
		take_flac_blocks(&p, out);
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	if (!is_whole)
		return ogg_fail(&p, reason, "the Ogg comments are damaged or cut short");
	struct ending e = find_ending(&w, w.size, p.serial);
	bool is_chain = e.is_followed || (e.clock < 0 && e.has_page && !e.is_cut);
	double seconds = is_chain ? chain_seconds(&w, &p, c) : seconds_of(&c, e.clock);
	/* Where the comments end, a picture that was left unread included. */
	sound_set(out, seconds, 0, 0, 0, p.at < w.size ? w.size - p.at : 0);
	return check_end(&p, &e, reason);
}

static bool ogg_probe(const uint8_t *head, size_t n)
{
	return n >= 4 && memcmp(head, "OggS", 4) == 0;
}

const struct extractor extract_ogg = {
	.name = "ogg",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"ogg", "oga", "opus", "spx", NULL},
	.probe = ogg_probe,
	.read = ogg_read,
	.reach = &(const struct reach){WINDOW_SIZE, false, NULL, 0, NULL},
};
