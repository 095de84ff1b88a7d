/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "indexer/extract/window.h"
#include "indexer/extract/zip.h"

/* --- bytes --- */

/** What was read goes out of the page cache again, which is there for others. */
static void drop_cache(struct verify *v, uint64_t up_to)
{
	if (up_to < v->dropped || up_to - v->dropped < VERIFY_DROP)
		return;
	posix_fadvise(v->in->fd, (off_t)v->dropped, (off_t)(up_to - v->dropped), POSIX_FADV_DONTNEED);
	v->dropped = up_to;
}

long verify_read(struct verify *v, uint64_t at, void *to, size_t n)
{
	size_t done = 0;
	if (at >= v->in->size || v->error)
		return v->error ? -1 : 0;
	if (n > v->in->size - at)
		n = (size_t)(v->in->size - at);
	while (done < n) {
		ssize_t got = pread(v->in->fd, (char *)to + done, n - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			v->error = -errno;
			return -1;
		}
		if (got == 0)
			break;
		done += (size_t)got;
	}
	v->read += done;
	drop_cache(v, at + done);
	if (v->beat)
		v->beat(v->arg);
	return (long)done;
}

static bool is_there(const struct verify *v, uint64_t at, size_t n)
{
	return at >= v->at && at - v->at <= v->length && n <= v->length - (at - v->at);
}

const uint8_t *verify_get(struct verify *v, uint64_t at, size_t n)
{
	if (n > VERIFY_BUFFER || n > v->in->size || at > v->in->size - n)
		return NULL;
	if (!is_there(v, at, n)) {
		long got = verify_read(v, at, v->buffer, VERIFY_BUFFER);
		v->at = at;
		v->length = got > 0 ? (size_t)got : 0;
		if (!is_there(v, at, n))
			return NULL;
	}
	return v->buffer + (at - v->at);
}

const uint8_t *verify_some(struct verify *v, uint64_t at, uint64_t most, size_t *n)
{
	const uint8_t *p = verify_get(v, at, 1);
	*n = p ? v->length - (size_t)(at - v->at) : 0;
	if (*n > most)
		*n = (size_t)most;
	return p;
}

/* --- kinds --- */

static bool begins(const uint8_t *head, size_t n, size_t at, const char *magic, size_t length)
{
	return n >= at + length && memcmp(head + at, magic, length) == 0;
}

#define BEGINS(at, magic) begins(head, n, at, magic, sizeof magic - 1)

static bool is_archive(const uint8_t *head, size_t n)
{
	return BEGINS(0, "Rar!\x1a\x07") || BEGINS(0, "7z\xbc\xaf\x27\x1c") || BEGINS(257, "ustar");
}

static bool is_flac(const uint8_t *head, size_t n)
{
	return BEGINS(0, "fLaC");
}

static bool is_ogg(const uint8_t *head, size_t n)
{
	return BEGINS(0, "OggS");
}

static bool is_mp4(const uint8_t *head, size_t n)
{
	return BEGINS(4, "ftyp");
}

static bool is_riff(const uint8_t *head, size_t n)
{
	return (BEGINS(0, "RIFF") && BEGINS(8, "WAVE")) ||
	       (BEGINS(0, "FORM") && (BEGINS(8, "AIFF") || BEGINS(8, "AIFC")));
}

static bool is_pdf(const uint8_t *head, size_t n)
{
	return BEGINS(0, "%PDF-");
}

/** Sound that nobody here reads to its end, which may stand behind an ID3 tag as MPEG audio does. */
static bool is_other_sound(const uint8_t *head, size_t n)
{
	static const char *const magics[] = {"MAC ", "wvpk", "TTA1", "TTA2", "MPCK", "MP+",  "DSD ",
					     "FRM8", "ADIF", "tBaK", "OFR ", "ajkg", "caff", "\x30\x26\xb2\x75"};
	for (size_t i = 0; i < COUNT_OF(magics); i++)
		if (begins(head, n, 0, magics[i], strlen(magics[i])))
			return true;
	/* AAC in ADTS: the mark of a frame of MPEG audio of a layer that does not exist */
	return n >= 2 && head[0] == 0xff && (head[1] & 0xf6) == 0xf0;
}

static bool is_mpeg(const uint8_t *head, size_t n)
{
	return n >= 4 && head[0] == 0xff && (head[1] & 0xe0) == 0xe0;
}

static int verify_other(struct verify *v)
{
	return extract_fail(v->reason, -ENOTSUP, "nothing in a file of this kind tells whether it is whole");
}

/** The loosest comes last. */
static const struct kind {
	bool (*probe)(const uint8_t *head, size_t n);
	int (*run)(struct verify *v);
	/** It is looked for behind an ID3 tag, too. */
	bool is_tagged;
} kinds[] = {
	{is_flac, verify_flac, true},	{is_ogg, verify_ogg, true},	    {is_other_sound, verify_other, true},
	{zip_probe, verify_zip, false}, {is_archive, verify_archive, false}, {is_mp4, verify_mp4, false},
	{is_riff, verify_riff, false},	{is_pdf, verify_pdf, false},	    {is_mpeg, verify_mpeg, true},
};

/** Where what stands behind the ID3 tags in front begins; 0 when there is none, or nothing behind it. */
static uint64_t end_of_tags(struct verify *v)
{
	enum { TAGS_MAX = 8 };
	uint64_t at = 0, size;
	for (int i = 0; i < TAGS_MAX; i++, at += size) {
		const uint8_t *p = verify_get(v, at, 10);
		size = p ? id3_tag_size(p) : 0;
		if (!size)
			break;
	}
	return at < v->in->size ? at : 0;
}

static int run(struct verify *v, struct extract_input *in)
{
	/* copies: the buffer moves on */
	uint8_t first[512], behind[512];
	const uint8_t *head = first;
	long n = verify_read(v, 0, first, sizeof first);
	in->head = first;
	in->head_len = n > 0 ? (size_t)n : 0;
	if (n == 0)
		return extract_fail(v->reason, -EBADMSG, "the file is empty (0 bytes)");
	bool has_tag = n >= 10 && id3_tag_size(first);
	v->start = has_tag ? end_of_tags(v) : 0;
	if (v->start) {
		head = behind;
		n = verify_read(v, v->start, behind, sizeof behind);
	}
	for (size_t i = 0; i < COUNT_OF(kinds) && n > 0; i++)
		if ((kinds[i].is_tagged || !has_tag) && kinds[i].probe(head, (size_t)n))
			return kinds[i].run(v);
	if (n > 0 && has_tag)
		return verify_mpeg(v);
	return n > 0 && verify_is_zip(v) ? verify_zip(v) : verify_other(v);
}

/* --- a file --- */

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int look(int fd, struct verify_result *out)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	out->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	out->mtime = ns_of(st.st_mtim);
	out->ctime = ns_of(st.st_ctim);
	out->inode = (int64_t)st.st_ino;
	return 0;
}

static bool has_changed(int fd, const struct verify_result *before)
{
	struct verify_result now = {0};
	return look(fd, &now) < 0 || now.size != before->size || now.mtime != before->mtime || now.ctime != before->ctime;
}

/** Reads it, and says whether it was another one at the end. */
static void read_whole(struct verify *v, struct extract_input *in, struct verify_result *out)
{
	out->error = run(v, in);
	/* a file that ends before its own structure says is as damaged as another */
	if (out->error == -ENODATA)
		out->error = -EBADMSG;
	if (v->error)
		out->error = extract_fail(out->reason, v->error == -EBADMSG ? -EIO : v->error, "it cannot be read: %s",
					  strerror(-v->error));
	else if (has_changed(in->fd, out))
		out->error = extract_fail(out->reason, -ESTALE, "it changed while it was read");
}

/** A disk or a memory that errs now and then does not err twice in the same way. */
static void read_again(struct verify *v, struct extract_input *in, struct verify_result *out)
{
	v->at = v->length = v->dropped = 0;
	v->reason[0] = v->how[0] = '\0';
	read_whole(v, in, out);
	if (out->error == 0 || out->error == -ENOTSUP)
		out->error = extract_fail(out->reason, -EIO, "it was read twice, and was damaged only once");
	posix_fadvise(in->fd, 0, 0, POSIX_FADV_DONTNEED);
}

void verify_whole(int fd, void (*beat)(void *arg), void *arg, struct verify_result *out)
{
	struct verify v = {.beat = beat, .arg = arg, .reason = out->reason};
	struct extract_input in = {.fd = fd, .path = ""};
	*out = (struct verify_result){0};
	out->error = look(fd, out);
	v.in = &in;
	in.size = out->size;
	if (out->error)
		extract_fail(out->reason, 0, "it cannot be read: %s", strerror(-out->error));
	else
		read_whole(&v, &in, out);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (out->error == -EBADMSG && in.size)
		read_again(&v, &in, out);
	memcpy(out->how, v.how, sizeof out->how);
	out->pages = v.pages;
	out->read = v.read;
}
