/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources: ComicInfo v2.1 (ComicPageInfo); EPUB 3.3 (cover-image); OPF 2.0.1 with <meta name="cover">. */
#include "indexer/extract/comic_front.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_xml.h"

enum { PAGES_MOST = 100000 };

int comic_front_page(const char *xml, size_t n)
{
	_xml_doc_ xmlDocPtr doc = comic_xml_parse(xml, n);
	const xmlNode *pages = doc ? comic_xml_find(xmlDocGetRootElement(doc), "Pages") : NULL, *page = NULL;
	while ((page = comic_xml_child(pages, "Page", page))) {
		_xml_text_ char *type = comic_xml_attribute(page, "Type"), *image = comic_xml_attribute(page, "Image");
		if (!type || strcmp(type, "FrontCover") != 0 || !image)
			continue;
		char *end;
		long number = strtol(image, &end, 10);
		return end != image && *end == '\0' && number >= 0 && number < PAGES_MOST ? (int)number : -1;
	}
	return -1;
}

static bool is_cover(const xmlNode *item, const char *id)
{
	_xml_text_ char *properties = comic_xml_attribute(item, "properties"), *own = comic_xml_attribute(item, "id");
	return (properties && strstr(properties, "cover-image")) || (id && own && strcmp(own, id) == 0);
}

static char *cover_id(const xmlNode *package)
{
	const xmlNode *metadata = comic_xml_child(package, "metadata", NULL), *meta = NULL;
	while ((meta = comic_xml_child(metadata, "meta", meta))) {
		_xml_text_ char *name = comic_xml_attribute(meta, "name");
		if (name && strcmp(name, "cover") == 0)
			return comic_xml_attribute(meta, "content");
	}
	return NULL;
}

/** "%20" is a space. */
static void decode(char *text)
{
	char *to = text;
	for (const char *p = text; *p; p++) {
		char hex[3] = {0}, *end = hex;
		if (*p == '%' && p[1] && p[2])
			memcpy(hex, p + 1, 2);
		long value = *hex ? strtol(hex, &end, 16) : 0;
		bool is_code = end == hex + 2 && value > 0;
		*to++ = is_code ? (char)value : *p;
		p += is_code ? 2 : 0;
	}
	*to = '\0';
}

char *comic_front_href(const char *xml, size_t n)
{
	_xml_doc_ xmlDocPtr doc = comic_xml_parse(xml, n);
	const xmlNode *package = doc ? xmlDocGetRootElement(doc) : NULL;
	const xmlNode *manifest = comic_xml_child(package, "manifest", NULL), *item = NULL;
	_xml_text_ char *id = cover_id(package);
	while ((item = comic_xml_child(manifest, "item", item))) {
		_xml_text_ char *href = comic_xml_attribute(item, "href"), *type = comic_xml_attribute(item, "media-type");
		if (!href || !type || strncmp(type, "image/", 6) != 0 || !is_cover(item, id))
			continue;
		decode(href);
		return strdup(href);
	}
	return NULL;
}
