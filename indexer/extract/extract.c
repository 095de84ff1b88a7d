/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "indexer/extract/fingerprint.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/inside.h"

enum {
	/** Thirty years of sound; kbit/s. */
	SECONDS_MOST = 1000000000,
	BITRATE_MOST = 1000000,
	/** Bytes of one read: one of more could take as long as a file. */
	READ_MOST = 1 << 20,
};

const struct extractor *const EXTRACTORS_TABLE[] = {
#define X(name) &extract_##name,
	EXTRACTORS(X)
#undef X
	NULL,
};

static unsigned allowed = ARCHIVE_ALL;

void extract_allow(unsigned archives)
{
	allowed = archives;
}

bool extract_allows(unsigned archive)
{
	return (allowed & archive) == archive;
}

int extract_fail(char *reason, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(reason, EXTRACT_REASON, format, args);
	va_end(args);
	return error;
}

/** The -errno of a read that failed. */
static int read_error(void)
{
	return errno == ENODATA ? -EIO : -errno;
}

/** The same from pieces that follow each other. */
static int copy_pieces(const struct extract_input *in, uint64_t at, uint8_t *to, size_t n)
{
	for (unsigned i = 0; i < in->pieces && n > 0; i++) {
		const struct extract_piece *p = &in->piece[i];
		if (at < p->at || at - p->at >= p->n)
			continue;
		size_t part = p->n - (size_t)(at - p->at);
		part = part < n ? part : n;
		memcpy(to, p->data + (at - p->at), part);
		to += part;
		at += part;
		n -= part;
	}
	*in->lacks |= n > 0;
	return n > 0 ? -EBADMSG : 0;
}

int extract_pread(const struct extract_input *in, uint64_t at, void *buffer, size_t n)
{
	if (n > in->size || at > in->size - n)
		return -EBADMSG;
	if (in->piece)
		return copy_pieces(in, at, buffer, n);
	for (size_t done = 0; done < n;) {
		size_t part = n - done < READ_MOST ? n - done : READ_MOST;
		if (in->beat)
			in->beat(in->arg);
		ssize_t got = pread(in->fd, (char *)buffer + done, part, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_error();
		if (got == 0)
			return -EBADMSG;
		done += (size_t)got;
	}
	return 0;
}

/** How much longer a suffix is that begins in front of its last dot, which is at @dot: "tar.gz". */
static size_t front_of(const char *name, size_t dot)
{
	static const char *const fronts[] = {".tar", ".7z", ".zip", ".rar"};
	/* nearly no name has one, and each name comes by here several times */
	char last = dot ? name[dot - 1] | 0x20 : 0;
	if (last != 'r' && last != 'z' && last != 'p')
		return 0;
	for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
		size_t n = strlen(fronts[i]);
		if (dot > n && name[dot - n - 1] != '/' && strncasecmp(name + dot - n, fronts[i], n) == 0)
			return n;
	}
	return 0;
}

/** The name's suffix without dot, NULL when there is none; a leading dot starts no suffix. */
static const char *suffix_of(const char *name, size_t n, size_t *length)
{
	for (size_t i = n; i > 1; i--) {
		if (name[i - 1] == '/' || name[i - 2] == '/')
			return NULL;
		if (name[i - 1] == '.') {
			size_t front = front_of(name, i - 1);
			*length = n - i + front;
			return name + i - front;
		}
	}
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool matches(const char *pattern, const char *suffix, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool is_same = pattern[i] == '#' ? is_digit(suffix[i]) : (pattern[i] | 0x20) == (suffix[i] | 0x20);
		if (!pattern[i] || !is_same)
			return false;
	}
	return pattern[length] == '\0';
}

static bool is_suffix_of(const struct extractor *e, const char *suffix, size_t length)
{
	for (const char *const *s = e->suffixes; *s; s++) {
		if (matches(*s, suffix, length))
			return true;
	}
	return false;
}

/** The format whose suffix it is; NULL when there is none. */
static const struct extractor *of_suffix(enum media_kind kind, const char *suffix, size_t length)
{
	for (const struct extractor *const *e = EXTRACTORS_TABLE; *e; e++)
		if ((*e)->kind == kind && is_suffix_of(*e, suffix, length))
			return *e;
	return NULL;
}

/** The same of a name.  The files of a folder mostly have one suffix: what it was the last time is kept. */
static const struct extractor *of_name(enum media_kind kind, const char *name, size_t n)
{
	static _Thread_local struct {
		const struct extractor *is;
		enum media_kind kind;
		size_t length;
		char suffix[8];
	} last;
	size_t length = 0;
	const char *suffix = suffix_of(name, n, &length);
	if (!suffix || !length || length > sizeof last.suffix)
		return suffix && length ? of_suffix(kind, suffix, length) : NULL;
	if (last.length != length || last.kind != kind || memcmp(last.suffix, suffix, length) != 0) {
		last.is = of_suffix(kind, suffix, length);
		last.kind = kind;
		last.length = length;
		memcpy(last.suffix, suffix, length);
	}
	return last.is;
}

bool extract_wants(enum media_kind kind, const char *name, size_t n)
{
	return of_name(kind, name, n) != NULL;
}

bool extract_is_page(const char *name, size_t n)
{
	return name[0] != '.' && inside_is_picture(name, n);
}

/** The C library makes newfstatat() of fstat(), which a worker may not call: that would cost a signal. */
static int stat_of(int fd, struct stat *st)
{
#if defined(__x86_64__) || defined(__aarch64__)
	return (int)syscall(SYS_fstat, fd, st);
#else
	return fstat(fd, st);
#endif
}

const struct reach *extract_reach(enum media_kind kind, const char *name, size_t n)
{
	const struct extractor *e = of_name(kind, name, n);
	return e ? e->reach : NULL;
}

static int read_size(struct extract_input *in, char *reason)
{
	struct stat st;
	if (stat_of(in->fd, &st) < 0)
		return extract_fail(reason, -errno, "its size cannot be read: %s", strerror(errno));
	in->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	in->is_fresh = incomplete_is_fresh(time(NULL), st.st_mtim.tv_sec, st.st_ctim.tv_sec);
	return 0;
}

/** Size and head.  A file that shrank since fstat() is as long as what came. */
static int read_head(struct extract_input *in, uint8_t *head, size_t most, char *reason)
{
	in->head = head;
	in->head_len = 0;
	in->size = in->hash = 0;
	int r = read_size(in, reason);
	if (r < 0)
		return r;
	size_t want = in->size < most ? (size_t)in->size : most;
	while (in->head_len < want) {
		ssize_t got = pread(in->fd, head + in->head_len, want - in->head_len,
				    (off_t)in->head_len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return extract_fail(reason, read_error(), "it cannot be read: %s",
					    strerror(errno));
		if (got == 0)
			break;
		in->head_len += (size_t)got;
	}
	if (in->head_len < want)
		in->size = in->head_len;
	return 0;
}

/** How well a format fits: content and name, content alone, name alone, not at all. */
static int fitness(const struct extractor *e, const struct extract_input *in, const struct extractor *named)
{
	return (e->probe(in->head, in->head_len) ? 2 : 0) + (e == named ? 1 : 0);
}

/** Damaged lengths give numbers that nothing should be sorted by. */
static void drop_absurd(struct media *out)
{
	double seconds = media_real(out, FIELD_duration_seconds, 0);
	if (!(seconds >= 0 && seconds < SECONDS_MOST))
		media_unset(out, FIELD_duration_seconds);
	int64_t bitrate = media_int(out, FIELD_bitrate, 0);
	if (bitrate < 0 || bitrate > BITRATE_MOST)
		media_unset(out, FIELD_bitrate);
}

static int read_as(const struct extractor *e, const struct extract_input *in, struct media *out,
		   char *reason)
{
	int r = extract_allows(e->archive) ? e->read(in, out, reason) : 0;
	drop_absurd(out);
	if (r < 0 && !*reason)
		extract_fail(reason, r, r == -EBADMSG ? "the file ends too early" : "%s",
			     strerror(-r));
	/* A name alone does not make damaged bytes a file of that format. */
	bool is_known = r == 0 || e->probe(in->head, in->head_len);
	if (is_known && !media_has(out, FIELD_format))
		media_set_text(out, FIELD_format, e->name, strlen(e->name));
	return r;
}

/** The best fitting format except @not; NULL when none fits at least @least. */
static const struct extractor *best_of(enum media_kind kind, const struct extract_input *in,
				       int least, const struct extractor *not)
{
	const struct extractor *best = NULL, *named = of_name(kind, in->path, in->path_len);
	for (const struct extractor *const *e = EXTRACTORS_TABLE; *e; e++) {
		int fit = (*e)->kind == kind && *e != not ? fitness(*e, in, named) : 0;
		if (fit < least)
			continue;
		best = *e;
		least = fit + 1;
	}
	return best;
}

/**
 * Content cannot always tell (a large ID3 tag may stand before FLAC as before MP3): when the
 * best format finds damage, another one whose bytes are there too is tried.  That one's word
 * counts when it reads the file, or knows that it ends too early where the first knows nothing.
 */
static int read_best(enum media_kind kind, const struct extract_input *in, struct media *out,
		     char *reason)
{
	const struct extractor *best = best_of(kind, in, 1, NULL);
	if (!best)
		return extract_fail(reason, -EBADMSG,
				    "neither its bytes nor its name tell a known format");
	int r = read_as(best, in, out, reason);
	const struct extractor *second = r == -EBADMSG ? best_of(kind, in, 2, best) : NULL;
	if (!second)
		return r;
	struct media other;
	char why[EXTRACT_REASON] = "";
	media_init(&other);
	int q = read_as(second, in, &other, why);
	if (q == 0 || q == -ENODATA) {
		struct media damaged = *out;
		*out = other;
		other = damaged;
		memcpy(reason, why, sizeof why);
		r = q;
	}
	media_clear(&other);
	return r;
}

/**
 * Opus's own gain (RFC 7845, any format may carry it) where ReplayGain is silent: dB in 1/256,
 * towards -23 LUFS, where ReplayGain aims at -18.
 */
static void derive_gain(struct media *out)
{
	static const struct {
		enum field_id r128, gain;
	} gains[] = {
		{FIELD_r128_track_gain, FIELD_replaygain_track_gain},
		{FIELD_r128_album_gain, FIELD_replaygain_album_gain},
	};
	for (size_t i = 0; i < COUNT_OF(gains); i++) {
		int64_t r128 = media_int(out, gains[i].r128, 0);
		bool is_gain = r128 >= INT16_MIN && r128 <= INT16_MAX;
		if (media_has(out, gains[i].r128) && is_gain && !media_has(out, gains[i].gain))
			media_set_real(out, gains[i].gain, (double)r128 / 256 + 5);
	}
}

static int read_any(enum media_kind kind, struct extract_input *in, struct media *out, char *reason)
{
	if (in->head_len == 0)
		return incomplete(reason, "the file is empty (0 bytes)");
	in->hash = fingerprint(in->head, in->head_len, in->size);
	return read_best(kind, in, out, reason);
}

static void leave(enum media_kind kind, struct extract_input *in, struct media *out)
{
	if (kind == MEDIA_VOLUME)
		extract_name(in, out);
	else
		derive_gain(out);
	in->head = NULL;
	in->head_len = 0;
}

int extract_file(enum media_kind kind, struct extract_input *in, struct media *out, char *reason)
{
	uint8_t head[EXTRACT_HEAD];

	media_reset(out);
	*reason = '\0';
	int r = read_head(in, head, kind == MEDIA_TRACK ? EXTRACT_HEAD_TRACK : EXTRACT_HEAD, reason);
	if (r == 0)
		r = read_any(kind, in, out, reason);
	leave(kind, in, out);
	return r;
}

int extract_given(enum media_kind kind, struct extract_input *in, struct media *out, char *reason)
{
	bool lacks = false;

	media_reset(out);
	*reason = '\0';
	in->fd = -1;
	in->lacks = &lacks;
	in->head = in->piece->data;
	in->head_len = in->piece->n;
	int r = read_any(kind, in, out, reason);
	leave(kind, in, out);
	in->lacks = NULL;
	return lacks ? EXTRACT_LACKS : r;
}

int extract_picture_hash(struct extract_input *in, char hash[17], char *reason)
{
	struct media m;
	media_init(&m);
	in->hashes_pictures = true;
	int r = extract_file(MEDIA_TRACK, in, &m, reason);
	in->hashes_pictures = false;
	size_t n;
	const char *text = media_text(&m, FIELD_picture_hash, &n);
	bool has_hash = n == 16;
	hash[0] = hash[16] = '\0';
	if (has_hash)
		memcpy(hash, text, n);
	if (r == 0 && !has_hash && !media_int(&m, FIELD_has_picture, 0))
		r = extract_fail(reason, -ENOENT, "the file holds no picture");
	else if (r == 0 && !has_hash)
		r = extract_fail(reason, -EBADMSG, "the picture cannot be read");
	media_clear(&m);
	return r;
}
