/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/comic_opf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_xml.h"

static bool has_attribute(const xmlNode *node, const char *name, const char *value)
{
	_xml_text_ char *text = comic_xml_attribute(node, name);
	return text && strcmp(text, value) == 0;
}

static bool has_text(const xmlNode *node, const char *value)
{
	_buf_ struct buf text = BUF_INIT(256);
	comic_xml_text(node, 64, &text);
	return strcmp(buf_str(&text), value) == 0;
}

static void take_content(struct comic *c, const char *element, const xmlNode *meta)
{
	_xml_text_ char *text = comic_xml_attribute(meta, "content");
	if (text)
		comic_set(c, element, text, strlen(text));
}

/** EPUB 3: what is told of the element with that id. */
static const xmlNode *refinement(const xmlNode *metadata, const xmlNode *node, const char *property)
{
	_xml_text_ char *id = comic_xml_attribute(node, "id");
	const xmlNode *meta = NULL;
	while (id && (meta = comic_xml_child(metadata, "meta", meta))) {
		_xml_text_ char *refines = comic_xml_attribute(meta, "refines");
		if (refines && refines[0] == '#' && strcmp(refines + 1, id) == 0 &&
		    has_attribute(meta, "property", property))
			return meta;
	}
	return NULL;
}

/** A collection that is a set ("Complete Works") is no series. */
static void take_collection(struct comic *c, const xmlNode *metadata, const xmlNode *meta)
{
	const xmlNode *type = refinement(metadata, meta, "collection-type");
	if (comic_has(c, "Series") || (type && !has_text(type, "series")))
		return;
	comic_take(c, "Series", meta);
	comic_take(c, "Number", refinement(metadata, meta, "group-position"));
}

static void take_metas(struct comic *c, const xmlNode *metadata, struct comic_opf *opf)
{
	const xmlNode *meta = NULL;
	while ((meta = comic_xml_child(metadata, "meta", meta))) {
		if (has_attribute(meta, "name", "calibre:series"))
			take_content(c, "Series", meta);
		else if (has_attribute(meta, "name", "calibre:series_index"))
			take_content(c, "Number", meta);
		else if (has_attribute(meta, "property", "belongs-to-collection"))
			take_collection(c, metadata, meta);
		else if (has_attribute(meta, "property", "rendition:layout"))
			opf->is_fixed = opf->is_fixed || has_text(meta, "pre-paginated");
		else if (has_attribute(meta, "name", "fixed-layout") || has_attribute(meta, "name", "book-type"))
			opf->is_fixed = opf->is_fixed || has_attribute(meta, "content", "true") ||
					has_attribute(meta, "content", "comic");
	}
}

static void take_creators(struct comic *c, const xmlNode *metadata, const char *element, const char *otherwise)
{
	struct comic_credits credits;
	const xmlNode *creator = NULL;
	comic_credits_init(&credits);
	while ((creator = comic_xml_child(metadata, element, creator))) {
		_buf_ struct buf name = BUF_INIT(COMIC_XML_MAX);
		_buf_ struct buf word = BUF_INIT(256);
		const xmlNode *refined = refinement(metadata, creator, "role");
		_xml_text_ char *role = comic_xml_attribute(creator, "role");
		comic_xml_text(creator, MEDIA_TEXT_MAX, &name);
		if (refined)
			comic_xml_text(refined, 64, &word);
		comic_credits_add(&credits, word.len ? buf_str(&word) : role ? role : otherwise, buf_str(&name),
				  name.len);
	}
	comic_credits_finish(&credits, c);
}

/** Of several identifiers the one that is an ISBN. */
static void take_isbn(struct comic *c, const xmlNode *metadata)
{
	const xmlNode *node = NULL;
	while ((node = comic_xml_child(metadata, "identifier", node))) {
		_buf_ struct buf text = BUF_INIT(COMIC_XML_MAX);
		comic_xml_text(node, MEDIA_TEXT_MAX, &text);
		const char *s = buf_str(&text);
		if (strncasecmp(s, "urn:isbn:", 9) == 0)
			comic_set(c, "GTIN", s + 9, text.len - 9);
		else if (has_attribute(node, "scheme", "ISBN"))
			comic_set(c, "GTIN", s, text.len);
	}
}

static void take_day(struct comic *c, const xmlNode *date)
{
	_buf_ struct buf text = BUF_INIT(256);
	if (date)
		comic_xml_text(date, 64, &text);
	/* calibre's "no date" */
	if (strncmp(buf_str(&text), "0101-", 5) != 0)
		comic_set_date(c, buf_str(&text), text.len);
}

static void count_pages(const xmlNode *package, struct comic_opf *opf)
{
	const xmlNode *manifest = comic_xml_child(package, "manifest", NULL), *item = NULL;
	const xmlNode *spine = comic_xml_child(package, "spine", NULL);
	while ((item = comic_xml_child(manifest, "item", item))) {
		_xml_text_ char *type = comic_xml_attribute(item, "media-type");
		opf->images += type && strncmp(type, "image/", 6) == 0;
	}
	for (item = NULL; (item = comic_xml_child(spine, "itemref", item));)
		opf->spine++;
}

int comic_opf_read(struct comic *c, const char *xml, size_t n, struct comic_opf *opf)
{
	static const struct {
		const char *element, *name;
	} texts[] = {
		{"Title", "title"}, {"LanguageISO", "language"}, {"Publisher", "publisher"},
		{"Summary", "description"},
	};
	*opf = (struct comic_opf){0};
	_xml_doc_ xmlDocPtr doc = comic_xml_parse(xml, n);
	const xmlNode *package = doc ? xmlDocGetRootElement(doc) : NULL;
	if (!package || strcmp((const char *)package->name, "package") != 0)
		return -EBADMSG;
	const xmlNode *metadata = comic_xml_child(package, "metadata", NULL);
	/* OEBPS 1.x has them one deeper */
	const xmlNode *dc = comic_xml_child(metadata, "dc-metadata", NULL);
	dc = dc ? dc : metadata;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		comic_take(c, texts[i].element, comic_xml_child(dc, texts[i].name, NULL));
	comic_take_list(c, "Genre", dc, "subject");
	take_metas(c, metadata, opf);
	take_creators(c, dc, "creator", "author");
	take_creators(c, dc, "contributor", "");
	take_isbn(c, dc);
	take_day(c, comic_xml_child(dc, "date", NULL));
	count_pages(package, opf);
	return buf_error(&c->texts);
}

char *comic_opf_path(const char *xml, size_t n)
{
	_xml_doc_ xmlDocPtr doc = comic_xml_parse(xml, n);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	_xml_text_ char *path = comic_xml_attribute(comic_xml_find(root, "rootfiles/rootfile"), "full-path");
	return path && *path ? strdup(path) : NULL;
}

bool comic_opf_is_locked(const char *xml, size_t n)
{
	static const char *const fonts[] = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"};
	_xml_doc_ xmlDocPtr doc = comic_xml_parse(xml, n);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *data = NULL;
	while ((data = comic_xml_child(root, "EncryptedData", data))) {
		_xml_text_ char *method =
			comic_xml_attribute(comic_xml_child(data, "EncryptionMethod", NULL), "Algorithm");
		bool is_font = false;
		for (size_t i = 0; method && i < COUNT_OF(fonts); i++)
			is_font = is_font || strcmp(method, fonts[i]) == 0;
		if (!is_font)
			return true;
	}
	return false;
}
