/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reads a file to its end and says whether its bytes are whole.
 *
 * A kind of files is one function and one row in verify.c.  As the readers of tags these see the bytes of one
 * descriptor and nothing else, take input for hostile, and are bounded: a buffer of VERIFY_BUFFER bytes (libraries have
 * their own beside it), each byte read about once, in an ordinary file.
 */
#ifndef INDEXER_EXTRACT_VERIFY_H
#define INDEXER_EXTRACT_VERIFY_H

#include "indexer/extract/extract.h"

enum {
	VERIFY_BUFFER = 32 << 10,
	/** What is read is given back by the page cache in pieces of this size. */
	VERIFY_DROP = 1 << 20,
	VERIFY_HOW = 80,
};

/** A file on its way through a verifier. */
struct verify {
	const struct extract_input *in;
	/** Bytes read so far. */
	uint64_t read;
	/** 0, or the -errno of a read that failed: nothing is said of the file then. */
	int error;
	/** Called after each read: who waits for the file sees that it goes on.  May be NULL. */
	void (*beat)(void *arg);
	void *arg;
	/** Where the buffer's bytes come from, how many they are; up to where the cache was told. */
	uint64_t at, dropped;
	/** Where the sound begins, behind the ID3 tags in front of it. */
	uint64_t start;
	size_t length;
	uint8_t buffer[VERIFY_BUFFER];
	/** What was checked, as a person reads it: "512 pages". */
	char how[VERIFY_HOW];
	/** Pages of an archive that are whole. */
	unsigned pages;
	/** EXTRACT_REASON bytes: why the file is not intact, or what is odd about it. */
	char *reason;
};

/**
 * @n bytes (at most VERIFY_BUFFER) at @at; NULL when the file ends before or cannot be read.  Borrowed until the next
 * call.
 */
const uint8_t *verify_get(struct verify *v, uint64_t at, size_t n);
/** The bytes at @at that are at hand, at least one, at most @most; NULL as above. */
const uint8_t *verify_some(struct verify *v, uint64_t at, uint64_t most, size_t *n);
/** Up to @n bytes into @to: how many, 0 at the end; -1 with v->error. */
long verify_read(struct verify *v, uint64_t at, void *to, size_t n);

/** What reading a file to its end told. */
struct verify_result {
	/**
	 * 0: intact; -EBADMSG: corrupt; -ENOTSUP: nothing in it tells; -ESTALE: it changed meanwhile; else a read failed, which
	 * says nothing of the file.
	 */
	int error;
	char how[VERIFY_HOW];
	char reason[EXTRACT_REASON];
	/** Pages of an archive that are whole, also when the next one is not. */
	unsigned pages;
	/** Bytes read; the file as it was: fstat(), times in ns. */
	uint64_t read, size;
	int64_t mtime, ctime, inode;
};

/** @fd: read with pread() only, never closed; a corrupt file is read twice.  @beat: as in struct verify. */
void verify_whole(int fd, void (*beat)(void *arg), void *arg, struct verify_result *out);

/* --- the kinds: each returns as verify_result.error, with v->how and v->reason --- */

int verify_zip(struct verify *v);
/** Whether a ZIP archive stands somewhere in a file that does not begin with one. */
bool verify_is_zip(struct verify *v);
/** RAR, 7z and tar, and ZIP with unusual methods, by libarchive. */
int verify_archive(struct verify *v);
/** FLAC, by libFLAC: every frame's checksum, and the MD5 of the sound. */
int verify_flac(struct verify *v);
/** Every page of an Ogg file: its checksum and its number. */
int verify_ogg(struct verify *v);
/** MPEG audio: one frame behind the other from the first to the end. */
int verify_mpeg(struct verify *v);
/** MP4: boxes that fill the file, and samples that lie in it. */
int verify_mp4(struct verify *v);
/** WAV and AIFF: chunks that fill the file. */
int verify_riff(struct verify *v);
/** PDF: only that it has an end. */
int verify_pdf(struct verify *v);

#endif
