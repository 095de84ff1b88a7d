/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The elements of ComicInfo.xml (ComicRack's format, v1.0 to v2.1), and what becomes of them. */
#include "indexer/extract/comic.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/extract/comic_xml.h"
#include "indexer/extract/extract.h"

enum {
	/** Of the JSON; leaves room for the other texts of a volume. */
	JSON_MAX = 160 << 10,
	NUMBER_MAX = 999999999,
};

enum element_type {
	TEXT = 0,
	NUMBER,
	/** A number with decimals. */
	REAL,
};

/** Elements of the format, in its order. */
static const struct element {
	const char *name;
	enum element_type type;
} ELEMENTS[] = {
	{"Title", TEXT},
	{"Series", TEXT},
	{"Number", TEXT},
	{"Count", NUMBER},
	{"Volume", NUMBER},
	{"AlternateSeries", TEXT},
	{"AlternateNumber", TEXT},
	{"AlternateCount", NUMBER},
	{"Summary", TEXT},
	{"Notes", TEXT},
	{"Year", NUMBER},
	{"Month", NUMBER},
	{"Day", NUMBER},
	{"Writer", TEXT},
	{"Penciller", TEXT},
	{"Inker", TEXT},
	{"Colorist", TEXT},
	{"Letterer", TEXT},
	{"CoverArtist", TEXT},
	{"Editor", TEXT},
	{"Translator", TEXT},
	{"Publisher", TEXT},
	{"Imprint", TEXT},
	{"Genre", TEXT},
	{"Tags", TEXT},
	{"Web", TEXT},
	{"PageCount", NUMBER},
	{"LanguageISO", TEXT},
	{"Format", TEXT},
	{"BlackAndWhite", TEXT},
	{"Manga", TEXT},
	{"Characters", TEXT},
	{"Teams", TEXT},
	{"Locations", TEXT},
	{"ScanInformation", TEXT},
	{"StoryArc", TEXT},
	{"StoryArcNumber", TEXT},
	{"SeriesGroup", TEXT},
	{"AgeRating", TEXT},
	{"CommunityRating", REAL},
	{"MainCharacterOrTeam", TEXT},
	{"Review", TEXT},
	{"GTIN", TEXT},
};

_Static_assert(COUNT_OF(ELEMENTS) <= COMIC_VALUES, "struct comic has room for every element");

/* --- numbers --- */

/** The whole text as a number; false when it is none. */
static bool parse_number(const char *s, size_t n, bool may_have_decimals, double *v)
{
	double scale = 1;
	bool any = false, fraction = false;
	*v = 0;
	for (size_t i = 0; i < n; i++) {
		if (may_have_decimals && !fraction && any && (s[i] == '.' || s[i] == ',')) {
			fraction = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9' || *v > NUMBER_MAX)
			return false;
		any = true;
		*v = *v * 10 + (s[i] - '0');
		scale *= fraction ? 10 : 1;
	}
	*v /= scale;
	return any;
}

static size_t element_of(const char *name)
{
	size_t i = 0;
	while (i < COUNT_OF(ELEMENTS) && strcmp(ELEMENTS[i].name, name) != 0)
		i++;
	return i;
}

static const char *value_of(const struct comic *c, const char *name, size_t *n)
{
	size_t i = element_of(name);
	*n = 0;
	if (i == COUNT_OF(ELEMENTS) || !c->values[i].is_set)
		return "";
	*n = c->values[i].length;
	return buf_str(&c->texts) + c->values[i].offset;
}

/** A number that is at least 0: ComicRack writes -1 for "not set". */
static bool number_of(const struct comic *c, const char *name, double *v)
{
	size_t n;
	const char *s = value_of(c, name, &n);
	return parse_number(s, n, true, v);
}

/* --- the values --- */

void comic_init(struct comic *c)
{
	*c = (struct comic){.texts = BUF_INIT(COMIC_XML_MAX * 2)};
}

void comic_clear(struct comic *c)
{
	buf_clear(&c->texts);
}

bool comic_has(const struct comic *c, const char *name)
{
	size_t i = element_of(name);
	return i < COUNT_OF(ELEMENTS) && c->values[i].is_set;
}

void comic_set(struct comic *c, const char *name, const char *text, size_t n)
{
	size_t i = element_of(name);
	if (i == COUNT_OF(ELEMENTS) || c->values[i].is_set)
		return;
	_buf_ struct buf clean = BUF_INIT(MEDIA_TEXT_MAX + 8);
	text_clean(text, n, MEDIA_TEXT_MAX, &clean);
	if (clean.len == 0 || buf_error(&clean) || buf_error(&c->texts))
		return;
	c->values[i].offset = c->texts.len;
	c->values[i].length = clean.len;
	c->values[i].is_set = buf_add(&c->texts, clean.data, clean.len) == 0;
}

/* --- the documents --- */

static int read_comicinfo(struct comic *c, const xmlNode *root)
{
	for (const xmlNode *node = root->children; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE && !comic_has(c, (const char *)node->name))
			comic_take(c, (const char *)node->name, node);
	}
	return buf_error(&c->texts);
}

int comic_read(struct comic *c, enum comic_doc doc, const char *xml, size_t n)
{
	static const struct {
		const char *root;
		int (*read)(struct comic *c, const xmlNode *root);
	} docs[COMIC_DOCS] = {
		[COMIC_METRON] = {"MetronInfo", comic_metron_read},
		[COMIC_INFO] = {"ComicInfo", read_comicinfo},
		[COMIC_ACBF] = {"ACBF", comic_acbf_read},
	};
	_xml_doc_ xmlDocPtr parsed = comic_xml_parse(xml, n);
	const xmlNode *root = parsed ? xmlDocGetRootElement(parsed) : NULL;
	if (!root || strcmp((const char *)root->name, docs[doc].root) != 0)
		return -EBADMSG;
	return docs[doc].read(c, root);
}

/* --- what becomes of it --- */

static void write_json(const struct comic *c, struct media *out)
{
	_buf_ struct buf text = BUF_INIT(JSON_MAX);
	struct json j;
	json_init(&j, &text, 0);
	json_object(&j);
	for (size_t i = 0; i < COUNT_OF(ELEMENTS); i++) {
		if (!c->values[i].is_set)
			continue;
		const char *s = buf_str(&c->texts) + c->values[i].offset;
		size_t n = c->values[i].length;
		double v;
		if (ELEMENTS[i].type == TEXT) {
			json_key(&j, ELEMENTS[i].name);
			json_text(&j, s, n);
		} else if (parse_number(s, n, ELEMENTS[i].type == REAL, &v)) {
			json_kv_real(&j, ELEMENTS[i].name, v, ELEMENTS[i].type == REAL ? 2 : 0);
		}
	}
	json_end_object(&j);
	/* Nothing but the braces is nothing. */
	if (!buf_error(&text) && text.len > 2)
		media_set_json(out, FIELD_comicinfo, text.data, text.len);
}

/** The two of "fr-FR" and "FR" that are a language. */
static void set_language(const struct comic *c, struct media *out)
{
	char code[8];
	size_t n, length = 0;
	const char *s = value_of(c, "LanguageISO", &n);
	while (length < n && length < sizeof code &&
	       ((s[length] >= 'a' && s[length] <= 'z') || (s[length] >= 'A' && s[length] <= 'Z'))) {
		code[length] = (char)(s[length] | 0x20);
		length++;
	}
	if (length == 2 || length == 3)
		media_set_text(out, FIELD_language, code, length);
}

static void set_fields(const struct comic *c, struct media *out)
{
	size_t n;
	double number, volume, year, count;
	const char *s = value_of(c, "Title", &n);
	media_set_text(out, FIELD_title, s, n);
	s = value_of(c, "Series", &n);
	media_set_text(out, FIELD_series, s, n);
	set_language(c, out);
	bool has_volume = number_of(c, "Volume", &volume);
	/* In comics a series' volume is the year it began. */
	bool is_year = has_volume && volume >= 1900 && volume <= 2100;
	if (number_of(c, "Number", &number))
		media_set_real(out, FIELD_volume, number);
	else if (has_volume && !is_year && volume > 0)
		media_set_real(out, FIELD_volume, volume);
	if (number_of(c, "Year", &year) && year >= 1000 && year < 3000)
		media_set_int(out, FIELD_year, (int64_t)year);
	else if (is_year)
		media_set_int(out, FIELD_year, (int64_t)volume);
	if (number_of(c, "Count", &count) && count > 0)
		media_set_int(out, FIELD_count, (int64_t)count);
}

void comic_finish(const struct comic *c, struct media *out)
{
	write_json(c, out);
	set_fields(c, out);
}

int extract_comicinfo(const char *xml, size_t n, struct media *out)
{
	struct comic c;
	comic_init(&c);
	int r = comic_read(&c, COMIC_INFO, xml, n);
	if (r == 0)
		comic_finish(&c, out);
	comic_clear(&c);
	return r;
}
