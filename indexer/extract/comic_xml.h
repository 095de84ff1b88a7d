/* SPDX-License-Identifier: GPL-3.0-or-later */
/** XML of documents in a volume: bounded, without entities; and how their elements are found. */
#ifndef INDEXER_EXTRACT_COMIC_XML_H
#define INDEXER_EXTRACT_COMIC_XML_H

#include <libxml/tree.h>

#include "indexer/extract/comic.h"

/** The document, NULL when it is none or is refused.  To be freed with xmlFreeDoc(). */
xmlDocPtr comic_xml_parse(const char *xml, size_t n);

/** The next element child of that name behind @after (NULL: the first), prefixes not looked at. */
const xmlNode *comic_xml_child(const xmlNode *parent, const char *name, const xmlNode *after);

/** The first element at a path such as "Series/Name"; NULL when there is none. */
const xmlNode *comic_xml_find(const xmlNode *from, const char *path);

/** The text in an element and below it, @most bytes of it; appended. */
void comic_xml_text(const xmlNode *node, size_t most, struct buf *out);

/** An attribute's text, prefixes not looked at.  To be freed with xmlFree(), NULL when there is none. */
char *comic_xml_attribute(const xmlNode *node, const char *name);

static inline void cleanup_xml_doc(xmlDocPtr *doc)
{
	xmlFreeDoc(*doc);
}

static inline void cleanup_xml_text(char **text)
{
	xmlFree(*text);
}

#define _xml_doc_ __attribute__((cleanup(cleanup_xml_doc)))
#define _xml_text_ __attribute__((cleanup(cleanup_xml_text)))

/** Sets an element of ComicInfo.xml to the text of @node, which may be NULL. */
void comic_take(struct comic *c, const char *name, const xmlNode *node);

/** The same with the texts of all children of that name, ", " between. */
void comic_take_list(struct comic *c, const char *name, const xmlNode *parent, const char *child);

/** Adds a text to a list of texts, ", " between. */
void comic_list_add(struct buf *list, const char *text, size_t n);

/** A person's name for a role of ComicInfo.xml ("Writer"), collected in @lists by role. */
struct comic_credits {
	struct buf lists[8];
};

void comic_credits_init(struct comic_credits *credits);
/** @role: a word of any of the formats, in any case; one that is not known is passed over. */
void comic_credits_add(struct comic_credits *credits, const char *role, const char *name, size_t n);
/** Sets the elements and frees the lists. */
void comic_credits_finish(struct comic_credits *credits, struct comic *c);

/** "2020-01-31", also cut: Year, Month, Day. */
void comic_set_date(struct comic *c, const char *text, size_t n);

/** The documents' readers: @root is what they begin with. */
int comic_metron_read(struct comic *c, const xmlNode *root);
int comic_acbf_read(struct comic *c, const xmlNode *root);

#endif
