/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_pack_more.h"

#include <errno.h>
#include <math.h>

#include "common/store_pack.h"

/** How a value is written; in stores, so that none ever changes its number. */
enum form {
	/** A whole number, its sign in the lowest bit. */
	FORM_INT,
	/** Eight bytes of IEEE 754. */
	FORM_REAL,
	/** A number with two (lowest bit 0) or six decimals, as FORM_INT. */
	FORM_DECIMAL,
	/** Length, bytes. */
	FORM_TEXT,
	/** How many, 16 bytes each; FIELD_SEPARATOR between them. */
	FORM_UUIDS,
	/** Length of the bytes that are shown as small hexadecimal digits. */
	FORM_HEX,
	FORM_BITS = 3,
};

enum {
	/** A UUID's text and what is between two. */
	UUID_STEP = UUID_TEXT + 1,
	/** More in one field are a text. */
	UUIDS_MOST = 8,
};

/* --- numbers --- */

static void add_number(struct buf *out, uint64_t v)
{
	while (v > 127) {
		buf_addc(out, (char)(v | 128));
		v >>= 7;
	}
	buf_addc(out, (char)v);
}

static uint64_t sign_down(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t sign_up(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/** What is left to read; left is 0 and is_bad set when it ends too early. */
struct rest {
	const uint8_t *at;
	size_t left;
	bool is_bad;
};

static const uint8_t *take(struct rest *rest, uint64_t n)
{
	static const uint8_t nothing[8];
	if (n > rest->left) {
		rest->is_bad = true;
		rest->left = 0;
		return nothing;
	}
	const uint8_t *at = rest->at;
	rest->at += n;
	rest->left -= n;
	return at;
}

static uint64_t take_number(struct rest *rest)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = *take(rest, 1);
		v |= (uint64_t)(byte & 127) << shift;
		if (!(byte & 128))
			return v;
	}
	rest->is_bad = true;
	return 0;
}

/* --- hexadecimal digits --- */

/** Of each byte the digit's value and IS_DIGIT; 0: it is none. */
enum { IS_DIGIT = 16 };
#define D(c, v) [c] = IS_DIGIT | (v)
static const uint8_t DIGITS[256] = {
	D('0', 0), D('1', 1), D('2', 2), D('3', 3), D('4', 4), D('5', 5), D('6', 6), D('7', 7),
	D('8', 8), D('9', 9), D('a', 10), D('b', 11), D('c', 12), D('d', 13), D('e', 14), D('f', 15),
};
#undef D

/** @n digits; false when one is none. */
static bool hex_pack(const char *text, size_t n, uint8_t *bytes)
{
	for (size_t i = 0; i + 1 < n; i += 2) {
		unsigned high = DIGITS[(uint8_t)text[i]], low = DIGITS[(uint8_t)text[i + 1]];
		if (!(high & low & IS_DIGIT))
			return false;
		bytes[i / 2] = (uint8_t)((high & 15) << 4 | (low & 15));
	}
	return true;
}

static void hex_unpack(const uint8_t *bytes, size_t n, char *text)
{
	for (size_t i = 0; i < 2 * n; i++)
		text[i] = "0123456789abcdef"[i & 1 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4];
}

/** Digits of each group of a UUID, and where it begins. */
static const struct {
	size_t at, digits;
} UUID_GROUPS[] = {{0, 8}, {9, 4}, {14, 4}, {19, 4}, {24, 12}};

bool uuid_pack(const char *text, uint8_t *bytes)
{
	for (size_t i = 0; i < sizeof UUID_GROUPS / sizeof *UUID_GROUPS; i++) {
		size_t at = UUID_GROUPS[i].at, n = UUID_GROUPS[i].digits;
		if (!hex_pack(text + at, n, bytes) || (at + n < UUID_TEXT && text[at + n] != '-'))
			return false;
		bytes += n / 2;
	}
	return true;
}

void uuid_unpack(const uint8_t *bytes, char *text)
{
	for (size_t i = 0; i < sizeof UUID_GROUPS / sizeof *UUID_GROUPS; i++) {
		size_t at = UUID_GROUPS[i].at, n = UUID_GROUPS[i].digits;
		hex_unpack(bytes, n / 2, text + at);
		if (at + n < UUID_TEXT)
			text[at + n] = '-';
		bytes += n / 2;
	}
}

/* --- numbers of fields --- */

static int load_numbers(struct store *s)
{
	sqlite3_stmt *q = store_stmt(s, SQL_fields);
	int r;
	memset(&s->fields, 0, sizeof s->fields);
	while ((r = store_step(s, q)) > 0) {
		int number = sqlite3_column_int(q, 0);
		for (int f = 0; f < FIELD_COUNT; f++)
			if (number > 0 && number < STORE_FIELD_NUMBERS &&
			    strcmp(FIELDS_TABLE[f].name, column_str(q, 1)) == 0) {
				s->fields.number[f] = (uint8_t)number;
				s->fields.field[number] = (uint8_t)(f + 1);
			}
		if (number > s->fields.last)
			s->fields.last = number;
	}
	s->fields.is_loaded = r == 0;
	return r;
}

int store_pack_number(struct store *s)
{
	int r = load_numbers(s);
	/* those that have a column of their own last: they need no short number */
	for (int pass = 0; pass < 2 && r == 0; pass++)
		for (int f = 0; f < FIELD_COUNT && r == 0; f++) {
			bool has_column = false;
			for (int i = 0; i < store_pack_columns() - 1; i++)
				has_column |= strcmp(store_pack_column(i), FIELDS_TABLE[f].name) == 0;
			if (s->fields.number[f] || has_column != (pass == 1))
				continue;
			sqlite3_stmt *q = store_stmt(s, SQL_field_add);
			bind_str(q, 1, FIELDS_TABLE[f].name);
			r = store_run(s, q);
		}
	return r < 0 ? r : load_numbers(s);
}

/* --- values --- */

static void add_key(struct buf *out, uint8_t number, enum form form)
{
	add_number(out, (uint64_t)number << FORM_BITS | form);
}

static void add_real(struct buf *out, uint8_t number, double v)
{
	static const double scale[] = {100, 1000000};
	for (unsigned i = 0; i < 2; i++) {
		double n = nearbyint(v * scale[i]);
		if (fabs(n) > 1e12 || n / scale[i] != v || (n == 0 && signbit(v)))
			continue;
		add_key(out, number, FORM_DECIMAL);
		add_number(out, sign_down((int64_t)n) << 1 | i);
		return;
	}
	add_key(out, number, FORM_REAL);
	buf_add(out, &v, sizeof v);
}

/** One or several UUIDs: whether they are. */
static bool add_uuids(struct buf *out, uint8_t number, struct bytes text)
{
	uint8_t bytes[UUIDS_MOST][UUID_BYTES];
	size_t n = (text.len + 1) / UUID_STEP;
	if ((text.len + 1) % UUID_STEP || n > UUIDS_MOST)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!uuid_pack(text.data + i * UUID_STEP, bytes[i]) ||
		    (i + 1 < n && text.data[i * UUID_STEP + UUID_TEXT] != FIELD_SEPARATOR))
			return false;
	add_key(out, number, FORM_UUIDS);
	add_number(out, n);
	buf_add(out, bytes, n * UUID_BYTES);
	return true;
}

static bool add_hex(struct buf *out, uint8_t number, struct bytes text)
{
	enum { LEAST = 8, MOST = 128 };
	uint8_t bytes[MOST / 2];
	if (text.len < LEAST || text.len > MOST || text.len % 2 || !hex_pack(text.data, text.len, bytes))
		return false;
	add_key(out, number, FORM_HEX);
	add_number(out, text.len / 2);
	buf_add(out, bytes, text.len / 2);
	return true;
}

static void add_text(struct buf *out, uint8_t number, struct bytes text)
{
	if (add_uuids(out, number, text) || add_hex(out, number, text))
		return;
	add_key(out, number, FORM_TEXT);
	add_number(out, text.len);
	buf_add(out, text.data, text.len);
}

int more_pack(struct store *s, const struct media *m, uint64_t set, struct buf *out)
{
	int r = s->fields.is_loaded ? 0 : load_numbers(s);
	if (r < 0)
		return r;
	for (uint64_t left = set & m->set; left; left &= left - 1) {
		enum field_id f = (enum field_id)__builtin_ctzll(left);
		uint8_t number = s->fields.number[f];
		if (!number)
			return -EINVAL;
		if (field_is_text(f)) {
			struct bytes text;
			text.data = media_text(m, f, &text.len);
			add_text(out, number, text);
		} else if (field_is_real(f)) {
			add_real(out, number, m->value[f].d);
		} else {
			add_key(out, number, FORM_INT);
			add_number(out, sign_down(m->value[f].i));
		}
	}
	return buf_error(out);
}

static void take_uuids(struct rest *rest, enum field_id f, struct media *m)
{
	char text[UUIDS_MOST * UUID_STEP];
	uint64_t n = take_number(rest);
	const uint8_t *bytes = take(rest, n > UUIDS_MOST ? UINT64_MAX : n * UUID_BYTES);
	if (rest->is_bad || f == FIELD_COUNT || !n)
		return;
	for (uint64_t i = 0; i < n; i++) {
		uuid_unpack(bytes + i * UUID_BYTES, text + i * UUID_STEP);
		text[i * UUID_STEP + UUID_TEXT] = FIELD_SEPARATOR;
	}
	media_set_stored(m, f, text, n * UUID_STEP - 1);
}

static void take_hex(struct rest *rest, enum field_id f, struct media *m)
{
	char text[256];
	uint64_t n = take_number(rest);
	const uint8_t *bytes = take(rest, n);
	if (rest->is_bad || f == FIELD_COUNT || 2 * n > sizeof text)
		return;
	hex_unpack(bytes, n, text);
	media_set_stored(m, f, text, 2 * n);
}

static double take_decimal(struct rest *rest)
{
	uint64_t v = take_number(rest);
	return (double)sign_up(v >> 1) / (v & 1 ? 1000000 : 100);
}

/** @f: FIELD_COUNT for what is passed over. */
static void take_value(struct rest *rest, enum form form, enum field_id f, struct media *m)
{
	double real;
	uint64_t n;
	const uint8_t *at;
	switch (form) {
	case FORM_INT:
		n = take_number(rest);
		if (f != FIELD_COUNT)
			media_set_int(m, f, sign_up(n));
		return;
	case FORM_REAL:
		memcpy(&real, take(rest, sizeof real), sizeof real);
		if (f != FIELD_COUNT)
			media_set_real(m, f, real);
		return;
	case FORM_DECIMAL:
		real = take_decimal(rest);
		if (f != FIELD_COUNT)
			media_set_real(m, f, real);
		return;
	case FORM_TEXT:
		n = take_number(rest);
		at = take(rest, n);
		if (f != FIELD_COUNT && !rest->is_bad)
			media_set_stored(m, f, (const char *)at, n);
		return;
	case FORM_UUIDS:
		take_uuids(rest, f, m);
		return;
	case FORM_HEX:
		take_hex(rest, f, m);
		return;
	default:
		rest->is_bad = true;
	}
}

/** The field whose key is next, FIELD_COUNT for none of ours; *form: of its value. */
static enum field_id take_key(struct store *s, struct rest *rest, enum form *form)
{
	uint64_t key = take_number(rest), number = key >> FORM_BITS;
	/* a field that another program began to write since */
	if (!s->fields.is_loaded || number > (uint64_t)s->fields.last)
		load_numbers(s);
	uint8_t f = number < STORE_FIELD_NUMBERS ? s->fields.field[number] : 0;
	*form = (enum form)(key & ((1 << FORM_BITS) - 1));
	return f ? (enum field_id)(f - 1) : FIELD_COUNT;
}

int more_unpack(struct store *s, struct bytes packed, struct media *m)
{
	struct rest rest = {(const uint8_t *)packed.data, packed.len, false};
	while (rest.left) {
		enum form form;
		enum field_id f = take_key(s, &rest, &form);
		take_value(&rest, form, f, m);
	}
	return rest.is_bad ? -EBADMSG : 0;
}

int more_fields(struct store *s, struct bytes packed, uint64_t *set)
{
	struct rest rest = {(const uint8_t *)packed.data, packed.len, false};
	while (rest.left) {
		enum form form;
		enum field_id f = take_key(s, &rest, &form);
		take_value(&rest, form, FIELD_COUNT, NULL);
		if (f != FIELD_COUNT && !rest.is_bad)
			*set |= UINT64_C(1) << f;
	}
	return rest.is_bad ? -EBADMSG : 0;
}
