/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/comic_xmp.h"

#include <errno.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_xml.h"

/** Where an element of ComicInfo.xml comes from, below rdf:Description. */
static const struct {
	const char *element, *path;
} TEXTS[] = {
	{"Title", "title/Alt/li"},	   {"Title", "title/Seq/li"},
	{"Series", "series/value"},	   {"Number", "series/series_index"},
	{"LanguageISO", "language/Bag/li"}, {"Publisher", "publisher/Bag/li"},
	{"Summary", "description/Alt/li"},
};

int comic_xmp_read(const char *xml, size_t n, struct media *out)
{
	_xml_doc_ xmlDocPtr doc = comic_xml_parse(xml, n);
	const xmlNode *rdf = doc ? xmlDocGetRootElement(doc) : NULL, *part = NULL;
	struct comic c;
	if (!rdf)
		return -EBADMSG;
	if (comic_xml_child(rdf, "RDF", NULL))
		rdf = comic_xml_child(rdf, "RDF", NULL);
	comic_init(&c);
	while ((part = comic_xml_child(rdf, "Description", part))) {
		for (size_t i = 0; i < COUNT_OF(TEXTS); i++)
			comic_take(&c, TEXTS[i].element, comic_xml_find(part, TEXTS[i].path));
		const xmlNode *creators = comic_xml_find(part, "creator/Seq");
		if (creators)
			comic_take_list(&c, "Writer", creators, "li");
	}
	comic_finish(&c, out);
	comic_clear(&c);
	return 0;
}
