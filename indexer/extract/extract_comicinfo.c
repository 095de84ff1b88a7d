/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ComicInfo.xml (ComicRack's format, v2.1).  A document with a type declaration is refused: only
 * there can entities come from, and no program that writes the format makes one.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/text.h"

enum {
	XML_MAX = 1 << 20,
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

/** What the elements said, one behind the other, in the order of ELEMENTS. */
struct comic {
	struct {
		size_t offset, length;
		bool is_set;
	} values[COUNT_OF(ELEMENTS)];
	struct buf texts;
};

static void cleanup_doc(xmlDocPtr *doc)
{
	xmlFreeDoc(*doc);
}

static void cleanup_context(xmlParserCtxtPtr *context)
{
	xmlFreeParserCtxt(*context);
}

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

/* --- the document --- */

static xmlDocPtr parse(const char *xml, size_t n)
{
	__attribute__((cleanup(cleanup_context))) xmlParserCtxtPtr context = xmlNewParserCtxt();
	if (!context)
		return NULL;
	return xmlCtxtReadMemory(context, xml, (int)n, NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
					 XML_PARSE_NOCDATA);
}

/** Whether there is a type declaration, looked for before a parser sees it. */
static bool has_doctype(const char *xml, size_t n)
{
	static const char word[] = "<!DOCTYPE";
	size_t matched = 0;
	/* Passing over NULs finds it in UTF-16, too. */
	for (size_t i = 0; i < n; i++) {
		if (xml[i] == '\0')
			continue;
		matched = xml[i] == word[matched] ? matched + 1 : xml[i] == word[0];
		if (word[matched] == '\0')
			return true;
	}
	return false;
}

static void take_element(struct comic *c, const xmlNode *node)
{
	size_t i = element_of((const char *)node->name);
	if (i == COUNT_OF(ELEMENTS) || c->values[i].is_set)
		return;
	size_t before = c->texts.len;
	for (const xmlNode *t = node->children; t; t = t->next) {
		if (t->type != XML_TEXT_NODE && t->type != XML_CDATA_SECTION_NODE)
			continue;
		if (t->content)
			buf_adds(&c->texts, (const char *)t->content);
	}
	if (c->texts.error)
		return;
	/* Cleaned behind the raw text, which it then replaces. */
	size_t raw = c->texts.len - before;
	_buf_ struct buf clean = BUF_INIT(MEDIA_TEXT_MAX + 8);
	text_clean(buf_str(&c->texts) + before, raw, MEDIA_TEXT_MAX, &clean);
	c->texts.len = before;
	buf_add(&c->texts, buf_str(&clean), clean.len);
	c->values[i].offset = before;
	c->values[i].length = clean.len;
	c->values[i].is_set = !c->texts.error && clean.len > 0;
}

static int take_document(struct comic *c, xmlDocPtr doc)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	if (!root || doc->intSubset || strcmp((const char *)root->name, "ComicInfo") != 0)
		return -EBADMSG;
	for (const xmlNode *node = root->children; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE)
			take_element(c, node);
	}
	return c->texts.error;
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

int extract_comicinfo(const char *xml, size_t n, struct media *out)
{
	if (n == 0 || n > XML_MAX || has_doctype(xml, n))
		return -EBADMSG;
	__attribute__((cleanup(cleanup_doc))) xmlDocPtr doc = parse(xml, n);
	if (!doc)
		return -EBADMSG;
	struct comic c = {.texts = BUF_INIT(XML_MAX * 2)};
	int r = take_document(&c, doc);
	if (r == 0) {
		write_json(&c, out);
		set_fields(&c, out);
	}
	buf_clear(&c.texts);
	return r;
}
