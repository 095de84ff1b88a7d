/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Readers of file formats.
 *
 * A format is one file extract_NAME.c with one `const struct extractor extract_NAME`, and one
 * word in EXTRACTORS.  Readers run in a worker process, one file at a time; they see bytes and
 * nothing else of the program, so that each can be fuzzed alone.
 *
 * Input is hostile: every length is checked against the file's size, nothing is allocated by a
 * length that the file merely claims, every loop is bounded by the bytes present.
 */
#ifndef INDEXER_EXTRACT_EXTRACT_H
#define INDEXER_EXTRACT_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/archives.h"
#include "common/media.h"
#include "indexer/extract/wants.h"

enum {
	/** Bytes at the file's start that extract_file() reads for all: of music, and of all else. */
	EXTRACT_HEAD_TRACK = 4096,
	EXTRACT_HEAD = 16384,
	EXTRACT_REASON = 200,
};

/** Some bytes of a file that are in memory. */
struct extract_piece {
	uint64_t at;
	const uint8_t *data;
	size_t n;
};

struct extract_input {
	/** Open for reading; never closed by a reader; read with pread.  -1: all there is are the pieces. */
	int fd;
	/** For extract_given(): in the order of the file, without overlap; the first begins at 0. */
	const struct extract_piece *piece;
	unsigned pieces;
	/** Called with @arg before each read of the file, so that who waits knows that it goes on; may be NULL. */
	void (*beat)(void *arg);
	void *arg;
	/** With pieces: set when a reader asked for bytes that are in none; what it says is worth nothing then. */
	bool *lacks;
	/** Size in bytes by fstat. */
	uint64_t size;
	/** The first bytes of the file, min(size, EXTRACT_HEAD or EXTRACT_HEAD_TRACK) of them. */
	const uint8_t *head;
	size_t head_len;
	/** Set by extract_file(), as head and size: see fingerprint.h. */
	uint64_t hash;
	/** Changed less than an hour ago: it may still be being copied. */
	bool is_fresh;
	/** Set by who asks: the chosen picture is read to its end, for picture_hash. */
	bool hashes_pictures;
	/** Path below the root, '/' between parts; bytes, not text; NUL at path_len. */
	const char *path;
	size_t path_len;
};

struct extractor {
	/** As stored in `format`: "flac", "mp3", "cbz". */
	const char *name;
	enum media_kind kind;
	/** ARCHIVE_… whose switch turns it off; 0 when nothing does. */
	unsigned archive;
	/**
	 * Lower case, no dot in front, '#' for a digit, NULL at the end.  One with a dot inside
	 * ("tar.gz") begins with "tar", "7z", "zip" or "rar".
	 */
	const char *const *suffixes;
	/** True when the bytes look like this format.  Content wins over suffix. */
	bool (*probe)(const uint8_t *head, size_t n);
	/**
	 * Fills @out with what the file says.  Returns 0, or -errno with a sentence that a person
	 * understands in @reason (EXTRACT_REASON bytes): -EBADMSG for a damaged or unknown file,
	 * -ENODATA for one that ends before its own structure says (see incomplete.h), else what
	 * the read answered.  Values read before the damage stay in @out.
	 */
	int (*read)(const struct extract_input *in, struct media *out, char *reason);
	/** What it reads of an ordinary file; NULL: it may be anything. */
	const struct reach *reach;
};

#define EXTRACTORS(X) \
	X(flac) \
	X(ogg) \
	X(mp4) \
	X(mp3) \
	X(asf) \
	X(wavpack) \
	X(ape) \
	X(musepack) \
	X(wav) \
	X(aiff) \
	X(dsf) \
	X(dff) \
	X(aac) \
	X(cbz) \
	X(cbr) \
	X(cb7) \
	X(cbt) \
	X(epub) \
	X(pdf) \
	X(folder)

#define X(name) extern const struct extractor extract_##name;
EXTRACTORS(X)
#undef X

/** All formats, in order of preference; NULL at the end. */
extern const struct extractor *const EXTRACTORS_TABLE[];

/**
 * Reads one file: the format by content, else by suffix.  Same answers as extractor.read.
 * @in->head, head_len, size, hash and is_fresh are filled here; the last three stay.
 */
int extract_file(enum media_kind kind, struct extract_input *in, struct media *out, char *reason);

enum {
	/** Of extract_given(): only the file itself can tell. */
	EXTRACT_LACKS = 1,
};

/**
 * The same for bytes in memory: @in->piece, pieces, size and is_fresh are given; the first piece is all
 * that extract_file() would have read.  EXTRACT_LACKS when other bytes are needed: then nothing was told.
 */
int extract_given(enum media_kind kind, struct extract_input *in, struct media *out, char *reason);

/**
 * The hash of the picture that picture_kind and picture_bytes tell of (see picture.h), as 16
 * hexadecimal digits and NUL.  Reads the whole picture, which a scan never does: for checks of
 * files.  Returns 0, -ENOENT when there is no picture, else as extract_file(); -EBADMSG also for
 * one that is compressed or unsynchronised beyond what a reader unpacks.
 */
int extract_picture_hash(struct extract_input *in, char hash[17], char *reason);

/**
 * Which archives (ARCHIVE_… bits) may be opened: all until it is called, once, before files are read.
 * A volume of another kind is known by its name alone.
 */
void extract_allow(unsigned archives);
bool extract_allows(unsigned archive);

/**
 * pread() of exactly @n bytes at @at.  Returns 0, -EBADMSG when the file ends before, -errno; never
 * -ENODATA, which some disks answer for a bad sector: that is -EIO here.
 */
int extract_pread(const struct extract_input *in, uint64_t at, void *buffer, size_t n);

/** printf into @reason, returns @error: `return extract_fail(reason, -EBADMSG, "…")`. */
int extract_fail(char *reason, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- shared by several formats --- */

/**
 * Vorbis comments (FLAC, Ogg): vendor and `KEY=value` list, little endian lengths.
 * @data: the block without any packet header; may be cut short: what is whole is read.
 * Pictures (METADATA_BLOCK_PICTURE, COVERART) are told of as picture.h says, hashed if
 * @wants_hash.  Returns 0 or -EBADMSG.
 */
int extract_vorbis_comments(const uint8_t *data, size_t n, bool wants_hash, struct media *out);

/** A volume's names and numbers: ComicInfo against the file's and folder's name (see guess.h). */
void extract_name(const struct extract_input *in, struct media *out);

/** ComicInfo.xml, @n bytes: fields and the comicinfo JSON.  Returns 0 or -EBADMSG. */
int extract_comicinfo(const char *xml, size_t n, struct media *out);

#endif
