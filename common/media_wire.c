/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * struct media on its way between processes of one machine: a version, the set of fields, then
 * the values in the order of the fields; texts as length and bytes.  Host byte order.
 *
 * The sender read hostile files and may be under an attacker's control: what media.h promises
 * of texts is checked here again, and JSON is walked, because it is later printed as it stands.
 */
#include "common/media.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/text.h"

enum {
	WIRE_VERSION = 1,
	JSON_DEEPEST = 8,
};

int media_encode(const struct media *m, struct buf *out)
{
	if (m->pool.error)
		return m->pool.error;
	uint32_t version = WIRE_VERSION;
	buf_add(out, &version, sizeof version);
	buf_add(out, &m->set, sizeof m->set);
	for (uint64_t left = m->set; left; left &= left - 1) {
		enum field_id f = (enum field_id)__builtin_ctzll(left);
		if (field_is_text(f)) {
			const struct media_text *t = &m->value[f].t;
			buf_add(out, &t->length, sizeof t->length);
			buf_add(out, buf_str(&m->pool) + t->offset, t->length);
		} else {
			buf_add(out, &m->value[f], sizeof m->value[f]);
		}
	}
	return buf_error(out);
}

/** What is left to read. */
struct wire {
	const uint8_t *data;
	size_t left;
};

static const uint8_t *wire_take(struct wire *w, size_t n)
{
	if (n > w->left)
		return NULL;
	const uint8_t *at = w->data;
	w->data += n;
	w->left -= n;
	return at;
}

/** Whether eight bytes are all of plain ASCII, and none of them a control character. */
static bool is_plain(const char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t v;
	memcpy(&v, s, sizeof v);
	return !((v | (v + ones) | (v - ones * 0x20)) & tops);
}

/** Valid UTF-8 without control characters; FIELD_SEPARATOR alone and between items of lists. */
static bool text_is_clean(const char *s, size_t n, bool is_list)
{
	bool in_item = false;
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		if (n - i >= sizeof(uint64_t) && is_plain(s + i)) {
			i += sizeof(uint64_t);
			in_item = true;
			continue;
		}
		if ((uint8_t)s[i] >= 0x20 && (uint8_t)s[i] < 0x7f) {
			i++;
			in_item = true;
			continue;
		}
		size_t length = text_decode(s + i, n - i, &cp);
		if (length == 0)
			return false;
		i += length;
		if (cp == FIELD_SEPARATOR) {
			if (!is_list || !in_item)
				return false;
			in_item = false;
			continue;
		}
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return false;
		in_item = true;
	}
	return in_item;
}

/* --- a walk over JSON, nothing kept --- */

static void json_blanks(struct wire *w)
{
	while (w->left && *w->data == ' ')
		wire_take(w, 1);
}

static bool json_char(struct wire *w, char c)
{
	json_blanks(w);
	if (w->left == 0 || *w->data != (uint8_t)c)
		return false;
	wire_take(w, 1);
	return true;
}

static bool json_escape(struct wire *w)
{
	const uint8_t *c = wire_take(w, 1);
	if (!c)
		return false;
	if (*c != 'u')
		return strchr("\"\\/bfnrt", *c) && *c;
	const uint8_t *hex = wire_take(w, 4);
	for (int i = 0; hex && i < 4; i++) {
		if (!strchr("0123456789abcdefABCDEF", hex[i]) || !hex[i])
			return false;
	}
	return hex != NULL;
}

static bool json_string(struct wire *w)
{
	if (!json_char(w, '"'))
		return false;
	for (;;) {
		const uint8_t *c = wire_take(w, 1);
		if (!c)
			return false;
		if (*c == '"')
			return true;
		if (*c == '\\' && !json_escape(w))
			return false;
	}
}

static bool json_digits(struct wire *w)
{
	size_t before = w->left;
	while (w->left && *w->data >= '0' && *w->data <= '9')
		wire_take(w, 1);
	return w->left < before;
}

static bool json_number(struct wire *w)
{
	if (w->left && *w->data == '-')
		wire_take(w, 1);
	bool is_zero = w->left && *w->data == '0';
	size_t before = w->left;
	if (!json_digits(w) || (is_zero && before - w->left > 1))
		return false;
	if (w->left == 0 || *w->data != '.')
		return true;
	wire_take(w, 1);
	return json_digits(w);
}

static bool json_word(struct wire *w, const char *word)
{
	size_t n = strlen(word);
	if (w->left < n || memcmp(w->data, word, n) != 0)
		return false;
	wire_take(w, n);
	return true;
}

static bool json_value(struct wire *w, int depth);

/** Items up to @close; with @keyed each has a name in front. */
static bool json_items(struct wire *w, char close, bool keyed, int depth)
{
	if (json_char(w, close))
		return true;
	do {
		if (keyed && (!json_string(w) || !json_char(w, ':')))
			return false;
		if (!json_value(w, depth + 1))
			return false;
	} while (json_char(w, ','));
	return json_char(w, close);
}

static bool json_value(struct wire *w, int depth)
{
	json_blanks(w);
	if (depth > JSON_DEEPEST || w->left == 0)
		return false;
	switch (*w->data) {
	case '{':
		wire_take(w, 1);
		return json_items(w, '}', true, depth);
	case '[':
		wire_take(w, 1);
		return json_items(w, ']', false, depth);
	case '"':
		return json_string(w);
	case 't':
		return json_word(w, "true");
	case 'f':
		return json_word(w, "false");
	case 'n':
		return json_word(w, "null");
	default:
		return json_number(w);
	}
}

static bool json_is_valid(const char *s, size_t n)
{
	struct wire w = {(const uint8_t *)s, n};
	return json_value(&w, 0) && w.left == 0;
}

/* --- decoding --- */

static int decode_text(struct media *m, enum field_id f, struct wire *w)
{
	enum field_kind kind = FIELDS_TABLE[f].kind;
	uint32_t length;
	const uint8_t *at = wire_take(w, sizeof length);
	if (!at)
		return -EBADMSG;
	memcpy(&length, at, sizeof length);
	if (length > (kind == KIND_JSON ? (uint32_t)MEDIA_POOL_MAX : (uint32_t)MEDIA_TEXT_MAX))
		return -EBADMSG;
	const char *text = (const char *)wire_take(w, length);
	if (!text || !text_is_clean(text, length, kind == KIND_LIST || kind == KIND_GENRE))
		return -EBADMSG;
	if (kind == KIND_JSON && !json_is_valid(text, length))
		return -EBADMSG;
	if (length > m->pool.max - m->pool.len)
		return -EBADMSG;
	uint32_t offset = (uint32_t)m->pool.len;
	int r = buf_add(&m->pool, text, length);
	if (r < 0)
		return r;
	m->value[f].t = (struct media_text){offset, length};
	return 0;
}

static int decode_value(struct media *m, enum field_id f, struct wire *w)
{
	if (field_is_text(f))
		return decode_text(m, f, w);
	const uint8_t *at = wire_take(w, sizeof m->value[f]);
	if (!at)
		return -EBADMSG;
	memcpy(&m->value[f], at, sizeof m->value[f]);
	if (field_is_real(f) && !isfinite(m->value[f].d))
		return -EBADMSG;
	if (FIELDS_TABLE[f].kind == KIND_BOOL && (m->value[f].i < 0 || m->value[f].i > 1))
		return -EBADMSG;
	return 0;
}

static int decode(struct media *m, struct wire *w)
{
	uint32_t version;
	uint64_t set;
	const uint8_t *at = wire_take(w, sizeof version + sizeof set);
	if (!at)
		return -EBADMSG;
	memcpy(&version, at, sizeof version);
	memcpy(&set, at + sizeof version, sizeof set);
	if (version != WIRE_VERSION || (FIELD_COUNT < 64 && set >> FIELD_COUNT))
		return -EBADMSG;
	for (uint64_t left = set; left; left &= left - 1) {
		enum field_id f = (enum field_id)__builtin_ctzll(left);
		int r = decode_value(m, f, w);
		if (r < 0)
			return r;
		m->rank[f] = 0;
		m->set |= UINT64_C(1) << f;
	}
	return 0;
}

int media_decode(struct media *m, const uint8_t *data, size_t n, size_t *used)
{
	struct wire w = {data, n};
	media_reset(m);
	int r = decode(m, &w);
	if (r < 0)
		media_reset(m);
	*used = r < 0 ? 0 : n - w.left;
	return r;
}
