/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "common/text.h"

static const char MAGIC[] = "mediamon-snapshot 1";

/* --- packing --- */

int snapshot_pack(struct snapshot *s, const char *name, size_t name_len, const char *data, size_t n)
{
	uLongf len = compressBound((uLong)n);
	if (s->docs.len == SNAPSHOT_DOCS || name_len >= SNAPSHOT_NAME)
		return -E2BIG;
	_free_ char *packed = malloc(len);
	if (!packed || compress2((Bytef *)packed, &len, (const Bytef *)data, (uLong)n, Z_BEST_SPEED) != Z_OK)
		return -ENOMEM;
	struct snapshot_doc *doc = vec_add(&s->docs);
	if (!doc)
		return -ENOMEM;
	memcpy(doc->name, name, name_len);
	doc->size = n;
	doc->packed_len = len;
	doc->packed = take(packed);
	return 0;
}

int snapshot_unpack(const void *packed, size_t n, size_t size, struct buf *out)
{
	uLongf len = (uLongf)size;
	if (size > SNAPSHOT_MAX)
		return -EUCLEAN;
	int r = buf_reserve(out, size);
	if (r < 0)
		return r;
	int z = uncompress((Bytef *)out->data + out->len, &len, packed, (uLong)n);
	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	if (z != Z_OK || len != size)
		return -EUCLEAN;
	out->len += size;
	out->data[out->len] = '\0';
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->docs.len; i++)
		free(s->docs.data[i].packed);
	vec_clear(&s->docs);
	free(s);
}

/* --- the stream --- */

void snapshot_begin(struct buf *out, uint64_t version)
{
	buf_addf(out, "%s %llu\n", MAGIC, (unsigned long long)version);
}

void snapshot_add(struct buf *out, const char *name, const char *data, size_t n)
{
	buf_addf(out, "%s %zu\n", name, n);
	buf_add(out, data, n);
	buf_addc(out, '\n');
}

void snapshot_end(struct buf *out, size_t count)
{
	buf_addf(out, "end %zu\n", count);
}

struct reader {
	const char *at, *end;
};

/** The next line "WORD NUMBER": both or false. */
static bool next_line(struct reader *in, const char **word, size_t *word_len, uint64_t *number)
{
	const char *stop = memchr(in->at, '\n', (size_t)(in->end - in->at));
	const char *space = stop ? memrchr(in->at, ' ', (size_t)(stop - in->at)) : NULL;
	if (!space || space == in->at || stop - space < 2 || stop - space > 20)
		return false;
	*number = 0;
	for (const char *p = space + 1; p < stop; p++) {
		if (*p < '0' || *p > '9')
			return false;
		*number = *number * 10 + (uint64_t)(*p - '0');
	}
	*word = in->at;
	*word_len = (size_t)(space - in->at);
	in->at = stop + 1;
	return true;
}

/** A name that may stand in a directory and on a terminal. */
static bool is_name(const char *s, size_t n)
{
	if (n >= SNAPSHOT_NAME || s[0] == '.' || !text_is_utf8(s, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || s[i] == '/')
			return false;
	return true;
}

static int read_docs(struct reader *in, struct snapshot *s)
{
	const char *word;
	size_t len;
	uint64_t number;
	for (;;) {
		if (!next_line(in, &word, &len, &number))
			return -EPROTO;
		if (len == 3 && memcmp(word, "end", 3) == 0 && in->at == in->end)
			return number == s->docs.len ? 0 : -EPROTO;
		if (!is_name(word, len) || number >= (uint64_t)(in->end - in->at) ||
		    in->at[number] != '\n')
			return -EPROTO;
		int r = snapshot_pack(s, word, len, in->at, number);
		if (r < 0)
			return r;
		in->at += number + 1;
	}
}

int snapshot_read(const char *data, size_t n, struct snapshot **out)
{
	struct reader in = {data, data + n};
	const char *word;
	size_t len;
	uint64_t version;
	if (n > SNAPSHOT_MAX || !next_line(&in, &word, &len, &version) || len != sizeof MAGIC - 1 ||
	    memcmp(word, MAGIC, len) != 0)
		return -EPROTO;
	struct snapshot *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->version = version;
	int r = read_docs(&in, s);
	if (r < 0) {
		snapshot_free(s);
		return r;
	}
	*out = s;
	return 0;
}
