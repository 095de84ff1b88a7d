/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/comic_xml.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

enum {
	/** Elements below each other in which text is looked for. */
	DEPTH_MAX = 16,
	LIST_MAX = 64,
};

static void cleanup_context(xmlParserCtxtPtr *context)
{
	xmlFreeParserCtxt(*context);
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

/** A document that cannot be read is passed over: nobody is told about its letters. */
static void be_silent(void *arg, xmlErrorPtr error)
{
	(void)arg;
	(void)error;
}

xmlDocPtr comic_xml_parse(const char *xml, size_t n)
{
	if (n == 0 || n > COMIC_XML_MAX || has_doctype(xml, n))
		return NULL;
	__attribute__((cleanup(cleanup_context))) xmlParserCtxtPtr context = xmlNewParserCtxt();
	if (!context)
		return NULL;
	xmlSetStructuredErrorFunc(NULL, be_silent);
	xmlDocPtr doc = xmlCtxtReadMemory(context, xml, (int)n, NULL, NULL,
					  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
						  XML_PARSE_NOCDATA);
	if (doc && doc->intSubset) {
		xmlFreeDoc(doc);
		return NULL;
	}
	return doc;
}

const xmlNode *comic_xml_child(const xmlNode *parent, const char *name, const xmlNode *after)
{
	const xmlNode *node = after ? after->next : parent ? parent->children : NULL;
	while (node && (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name) != 0))
		node = node->next;
	return node;
}

const xmlNode *comic_xml_find(const xmlNode *from, const char *path)
{
	char name[64];
	while (from && *path) {
		size_t n = strcspn(path, "/");
		if (n >= sizeof name)
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		from = comic_xml_child(from, name, NULL);
		path += n + (path[n] == '/');
	}
	return from;
}

static void add_text(const xmlNode *node, unsigned depth, size_t most, struct buf *out)
{
	for (const xmlNode *t = node->children; t && out->len < most; t = t->next) {
		bool is_text = t->type == XML_TEXT_NODE || t->type == XML_CDATA_SECTION_NODE;
		size_t n = is_text && t->content ? strlen((const char *)t->content) : 0;
		if (n)
			buf_add(out, t->content, n < most - out->len ? n : most - out->len);
		else if (t->type == XML_ELEMENT_NODE && depth < DEPTH_MAX)
			add_text(t, depth + 1, most, out);
	}
}

void comic_xml_text(const xmlNode *node, size_t most, struct buf *out)
{
	add_text(node, 0, most, out);
}

char *comic_xml_attribute(const xmlNode *node, const char *name)
{
	for (const xmlAttr *a = node ? node->properties : NULL; a; a = a->next) {
		if (strcmp((const char *)a->name, name) == 0)
			return (char *)xmlNodeGetContent((const xmlNode *)a);
	}
	return NULL;
}

/* --- into the elements of ComicInfo.xml --- */

void comic_take(struct comic *c, const char *name, const xmlNode *node)
{
	_buf_ struct buf text = BUF_INIT(COMIC_XML_MAX);
	if (!node || comic_has(c, name))
		return;
	comic_xml_text(node, COMIC_XML_MAX, &text);
	comic_set(c, name, buf_str(&text), text.len);
}

void comic_list_add(struct buf *list, const char *text, size_t n)
{
	if (n == 0)
		return;
	if (list->len)
		buf_adds(list, ", ");
	buf_add(list, text, n);
}

void comic_take_list(struct comic *c, const char *name, const xmlNode *parent, const char *child)
{
	_buf_ struct buf list = BUF_INIT(COMIC_XML_MAX);
	const xmlNode *node = NULL;
	while ((node = comic_xml_child(parent, child, node)) && list.len < MEDIA_TEXT_MAX) {
		/* one with parts has its name in one of them */
		const xmlNode *part = comic_xml_child(node, "Name", NULL);
		_buf_ struct buf text = BUF_INIT(COMIC_XML_MAX);
		comic_xml_text(part ? part : node, MEDIA_TEXT_MAX, &text);
		comic_list_add(&list, buf_str(&text), text.len);
	}
	if (!buf_error(&list))
		comic_set(c, name, buf_str(&list), list.len);
}

/** Roles in the words of ComicInfo, MetronInfo, ACBF and MARC (EPUB). */
static const struct {
	const char *element;
	/** '|' between. */
	const char *words;
} ROLES[] = {
	{"Writer", "writer|author|story|script|plot|aut|artist and writer"},
	{"Penciller", "penciller|artist|illustrator|pencils|ill|adapter"},
	{"Inker", "inker|embellisher|finishes"},
	{"Colorist", "colorist|color|colorer|clr"},
	{"Letterer", "letterer|letters"},
	{"CoverArtist", "cover|coverartist|cover artist|cov"},
	{"Editor", "editor|consulting editor|assistant editor|associate editor|senior editor|edt"},
	{"Translator", "translator|trl"},
};

_Static_assert(COUNT_OF(ROLES) == COUNT_OF(((struct comic_credits *)0)->lists), "a list for each role");

void comic_credits_init(struct comic_credits *credits)
{
	for (size_t i = 0; i < COUNT_OF(ROLES); i++)
		credits->lists[i] = BUF_INIT(LIST_MAX << 10);
}

static bool is_word(const char *words, const char *word, size_t n)
{
	while (*words) {
		size_t length = strcspn(words, "|");
		if (length == n && strncasecmp(words, word, n) == 0)
			return true;
		words += length + (words[length] == '|');
	}
	return false;
}

void comic_credits_add(struct comic_credits *credits, const char *role, const char *name, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(ROLES); i++) {
		if (is_word(ROLES[i].words, role, strlen(role)))
			comic_list_add(&credits->lists[i], name, n);
	}
}

void comic_credits_finish(struct comic_credits *credits, struct comic *c)
{
	for (size_t i = 0; i < COUNT_OF(ROLES); i++) {
		struct buf *list = &credits->lists[i];
		if (!buf_error(list))
			comic_set(c, ROLES[i].element, buf_str(list), list->len);
		buf_clear(list);
	}
}

void comic_set_date(struct comic *c, const char *text, size_t n)
{
	static const char *const names[] = {"Year", "Month", "Day"};
	/* a date's parts are of one source */
	if (comic_has(c, "Year"))
		return;
	for (size_t i = 0; i < COUNT_OF(names) && n; i++) {
		size_t digits = 0;
		while (digits < n && text[digits] >= '0' && text[digits] <= '9')
			digits++;
		if (digits != (i ? 2 : 4))
			return;
		comic_set(c, names[i], text, digits);
		text += digits;
		n -= digits;
		if (n == 0 || *text != '-')
			return;
		text++;
		n--;
	}
}
