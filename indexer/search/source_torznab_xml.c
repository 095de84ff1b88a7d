/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reads as it goes (no tree is built), without network, entities or document types: nothing can
 * grow beyond what came.  What is not well-formed to its end is not believed at all.
 */
#include "indexer/search/source_torznab_xml.h"

#include <errno.h>
#include <libxml/xmlreader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/net/xml.h"

enum {
	TEXT_MAX = 16384,
	/** Lengths of enclosures below it are those of .torrent files. */
	TORRENT_FILE_MOST = 4 << 20,
	/** Of one element. */
	ATTRIBUTES_MOST = 200,
};

/** An item as it is read: first come, first kept. */
struct item {
	char *title, *guid, *link, *comments, *date, *indexer, *hash, *magnet;
	/** Of its enclosures. */
	char *torrent, *nzb;
	char *size, *exact_size, *seeders, *leechers, *peers, *indexer_id;
	int64_t length;
	bool is_newznab;
};

struct reading {
	xmlTextReaderPtr xml;
	struct posts *all;
	struct item item;
	/** Depth of the open <item>, -1 outside. */
	int item_depth;
	/** Where the text of the open element goes; NULL: nowhere. */
	char **field;
	struct buf text;
};

struct place {
	const char *name;
	size_t at;
};

static const struct place ELEMENTS[] = {
	{"title", offsetof(struct item, title)},
	{"guid", offsetof(struct item, guid)},
	{"link", offsetof(struct item, link)},
	{"comments", offsetof(struct item, comments)},
	{"pubDate", offsetof(struct item, date)},
	{"size", offsetof(struct item, size)},
	{"prowlarrindexer", offsetof(struct item, indexer)},
	{"jackettindexer", offsetof(struct item, indexer)},
};

static const struct place ATTRIBUTES[] = {
	{"size", offsetof(struct item, exact_size)},
	{"seeders", offsetof(struct item, seeders)},
	{"leechers", offsetof(struct item, leechers)},
	{"peers", offsetof(struct item, peers)},
	{"infohash", offsetof(struct item, hash)},
	{"magneturl", offsetof(struct item, magnet)},
};

static char **place_of(struct item *item, const struct place *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(table[i].name, name) == 0)
			return (char **)((char *)item + table[i].at);
	return NULL;
}

static void item_clear(struct item *item)
{
	char **const texts[] = {&item->title,   &item->guid,    &item->link,  &item->comments,
				&item->date,    &item->indexer, &item->hash,  &item->magnet,
				&item->torrent, &item->nzb,     &item->size,  &item->exact_size,
				&item->seeders, &item->leechers, &item->peers, &item->indexer_id};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(*texts[i]);
	*item = (struct item){.length = -1};
}

/** A whole number, -1 when it is none. */
static int64_t number(const char *text)
{
	char *end = NULL;
	if (!text || text[strspn(text, " \n\t")] < '0' || text[strspn(text, " \n\t")] > '9')
		return -1;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	return errno || v < 0 ? -1 : v;
}

/** @value is freed or kept. */
static void keep_first(char **where, char *value)
{
	if (*where || !value || !*value)
		free(value);
	else
		*where = value;
}

/** NULL or a copy that the caller frees; the parser's own memory is xmlFree()'s. */
static char *attribute(xmlTextReaderPtr xml, const char *name)
{
	xmlChar *value = xmlTextReaderGetAttribute(xml, (const xmlChar *)name);
	char *copy = value ? strndup((const char *)value, TEXT_MAX) : NULL;
	xmlFree(value);
	return copy;
}

/** Whether or not the prefix is declared. */
static bool has_prefix(xmlTextReaderPtr xml, const char *prefix)
{
	const char *name = (const char *)xmlTextReaderConstName(xml);
	size_t n = strlen(prefix);
	return name && (n ? strncmp(name, prefix, n) == 0 && name[n] == ':' : strchr(name, ':') != NULL);
}

/** After a prefix, whether that is declared or not. */
static const char *local_name(xmlTextReaderPtr xml)
{
	const char *name = (const char *)xmlTextReaderConstName(xml);
	const char *colon = name ? strrchr(name, ':') : NULL;
	return colon ? colon + 1 : name ? name : "";
}

/* --- an item --- */

static void take_enclosure(struct reading *r)
{
	_free_ char *type = attribute(r->xml, "type");
	_free_ char *length = attribute(r->xml, "length");
	bool is_nzb = type && strstr(type, "nzb");
	int64_t n = number(length);
	if (r->item.length < 0 && (is_nzb || n > TORRENT_FILE_MOST))
		r->item.length = n;
	keep_first(is_nzb ? &r->item.nzb : &r->item.torrent, attribute(r->xml, "url"));
}

static void take_attribute(struct reading *r)
{
	_free_ char *name = attribute(r->xml, "name");
	r->item.is_newznab |= has_prefix(r->xml, "newznab");
	char **where = place_of(&r->item, ATTRIBUTES, sizeof ATTRIBUTES / sizeof *ATTRIBUTES,
				name ? name : "");
	if (where)
		keep_first(where, attribute(r->xml, "value"));
}

static bool is_usenet(const struct item *i)
{
	if (i->torrent || i->magnet || i->hash || post_is_magnet(i->link))
		return false;
	return i->nzb || (i->is_newznab && !i->seeders);
}

static char *move(char **text)
{
	char *value = *text;
	*text = NULL;
	return value;
}

static int finish_item(struct reading *r)
{
	struct item *i = &r->item;
	bool by_usenet = is_usenet(i);
	struct post p = POST_INIT;
	p.protocol = by_usenet ? PROTOCOL_USENET : PROTOCOL_TORRENT;
	int64_t size = number(i->exact_size) > 0 ? number(i->exact_size) : number(i->size);
	p.size = size > 0 ? size : i->length;
	p.seeders = number(i->seeders);
	p.leechers = number(i->leechers);
	if (p.leechers < 0 && p.seeders >= 0 && number(i->peers) >= p.seeders)
		p.leechers = number(i->peers) - p.seeders;
	p.indexer_id = number(i->indexer_id) > 0 ? number(i->indexer_id) : 0;
	p.published_at = post_date(i->date);
	char **enclosure = by_usenet ? &i->nzb : &i->torrent;
	p.title = move(&i->title);
	p.link = *enclosure ? move(enclosure) : move(&i->link);
	p.magnet = move(&i->magnet);
	if (!p.magnet && post_is_magnet(i->link))
		p.magnet = move(&i->link);
	p.hash = move(&i->hash);
	p.indexer = move(&i->indexer);
	p.page = move(&i->comments);
	p.guid = move(&i->guid);
	if (!p.page && post_is_address(p.guid))
		p.page = strdup(p.guid);
	item_clear(i);
	if (p.title && p.guid)
		return posts_put(r->all, &p);
	post_clear(&p);
	return 0;
}

static void begin_item(struct reading *r, int depth)
{
	item_clear(&r->item);
	r->item_depth = depth;
}

/** The text of the open element is complete. */
static void finish_field(struct reading *r)
{
	_buf_ struct buf clean = BUF_INIT(TEXT_MAX + 8);
	text_clean(buf_str(&r->text), r->text.len, TEXT_MAX, &clean);
	if (!r->text.error && clean.len)
		keep_first(r->field, buf_take(&clean));
	r->field = NULL;
	buf_reset(&r->text);
}

/* --- nodes --- */

static void begin_element(struct reading *r, int depth)
{
	const char *name = local_name(r->xml);
	if (r->item_depth < 0) {
		if (strcmp(name, "item") == 0 && !xmlTextReaderIsEmptyElement(r->xml))
			begin_item(r, depth);
		return;
	}
	if (depth != r->item_depth + 1)
		return;
	if (strcmp(name, "enclosure") == 0)
		take_enclosure(r);
	else if (strcmp(name, "attr") == 0)
		take_attribute(r);
	/* atom:link and the like are other things */
	else if (!has_prefix(r->xml, "") && !xmlTextReaderIsEmptyElement(r->xml))
		r->field = place_of(&r->item, ELEMENTS, sizeof ELEMENTS / sizeof *ELEMENTS, name);
	if (r->field == &r->item.indexer)
		keep_first(&r->item.indexer_id, attribute(r->xml, "id"));
}

static int end_element(struct reading *r, int depth)
{
	if (r->field && depth == r->item_depth + 1)
		finish_field(r);
	if (depth != r->item_depth)
		return 0;
	r->item_depth = -1;
	return r->all->len < TORZNAB_ITEMS ? finish_item(r) : 0;
}

static int take_node(struct reading *r)
{
	int depth = xmlTextReaderDepth(r->xml);
	switch (xmlTextReaderNodeType(r->xml)) {
	case XML_READER_TYPE_ELEMENT:
		begin_element(r, depth);
		return 0;
	case XML_READER_TYPE_END_ELEMENT:
		return end_element(r, depth);
	case XML_READER_TYPE_TEXT:
	case XML_READER_TYPE_CDATA:
		if (r->field && depth == r->item_depth + 2)
			buf_adds(&r->text, (const char *)xmlTextReaderConstValue(r->xml));
		return 0;
	case XML_READER_TYPE_DOCUMENT_TYPE:
	case XML_READER_TYPE_ENTITY_REFERENCE:
	case XML_READER_TYPE_ENTITY:
		return -EPROTO;
	default:
		return 0;
	}
}

/** To the first element: an error, or a feed. */
static int read_root(struct reading *r, struct torznab_error *error)
{
	int more;
	while ((more = xmlTextReaderRead(r->xml)) == 1) {
		if (xmlTextReaderNodeType(r->xml) == XML_READER_TYPE_ELEMENT)
			break;
		if (take_node(r) < 0)
			return -EPROTO;
	}
	if (more != 1)
		return -EPROTO;
	const char *name = local_name(r->xml);
	if (strcasecmp(name, "error") != 0)
		return strcmp(name, "rss") == 0 || strcmp(name, "RDF") == 0 ? 0 : -EPROTO;
	_free_ char *code = attribute(r->xml, "code");
	_free_ char *text = attribute(r->xml, "description");
	_buf_ struct buf clean = BUF_INIT(sizeof error->text);
	text_clean(text ? text : "", text ? strlen(text) : 0, sizeof error->text - 8, &clean);
	int64_t n = number(code);
	error->code = n > 0 && n < 100000 ? (int)n : 900;
	snprintf(error->text, sizeof error->text, "%s", buf_str(&clean));
	return -EREMOTEIO;
}

static int read_all(struct reading *r, struct torznab_error *error)
{
	int more, result = read_root(r, error);
	while (result == 0 && (more = xmlTextReaderRead(r->xml)) != 0)
		result = more < 0 ? -EPROTO : take_node(r);
	return result;
}

/* --- the page --- */

/** The first @end from @i on, and past it; 0 when there is none. */
static size_t past(const struct buf *page, size_t i, const char *end)
{
	size_t n = strlen(end);
	const char *found = memmem(page->data + i, page->len - i, end, n);
	return found ? (size_t)(found - page->data) + n : 0;
}

/** Past the tag that begins at @i; 0 when it does not end, or has so many attributes that comparing each with each (as
 * the parser does) would take minutes. */
static size_t past_tag(const struct buf *page, size_t i)
{
	int attributes = 0;
	char quote = '\0';
	for (; i < page->len; i++) {
		char c = page->data[i];
		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '=' && ++attributes > ATTRIBUTES_MOST)
			return 0;
		else if (c == '>')
			return i + 1;
	}
	return 0;
}

/** Of one of these the bytes can be looked through as if they were ASCII. */
static bool is_known_encoding(const char *s, size_t n)
{
	static const char *const known[] = {"utf-8", "utf8", "us-ascii", "iso-8859-", "windows-125"};
	const char *name = memmem(s, n, "encoding", 8), *end = s + n;
	if (!name)
		return true;
	for (name += 8; name < end && strchr(" \t\r\n=\"'", *name);)
		name++;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((size_t)(end - name) >= strlen(known[i]) && strncasecmp(name, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

static bool begins(const struct buf *page, size_t i, const char *with)
{
	return page->len - i >= strlen(with) && memcmp(page->data + i, with, strlen(with)) == 0;
}

/** Past the markup at @i; 0 when it is not for the parser: a type declaration above all. */
static size_t past_markup(const struct buf *page, size_t i)
{
	if (begins(page, i, "<!--"))
		return past(page, i + 4, "-->");
	if (begins(page, i, "<![CDATA["))
		return past(page, i, "]]>");
	if (begins(page, i, "<!"))
		return 0;
	if (!begins(page, i, "<?"))
		return past_tag(page, i);
	size_t end = past(page, i, "?>");
	return end && is_known_encoding(page->data + i, end - i) ? end : 0;
}

/** Whether the page can be given to a parser; looked through before that sees it. */
static bool is_harmless(const struct buf *page)
{
	/* UTF-16, or no text at all */
	if (memchr(page->data, '\0', page->len))
		return false;
	for (size_t i = 0; i < page->len;) {
		const char *next = memchr(page->data + i, '<', page->len - i);
		if (!next)
			break;
		i = past_markup(page, (size_t)(next - page->data));
		if (i == 0)
			return false;
	}
	return true;
}

/** One control character in one title must not cost the whole feed, nor a byte that is no UTF-8. */
static void tidy(struct buf *page)
{
	for (size_t i = 0; i < page->len; i++)
		if ((uint8_t)page->data[i] < 0x20 && !strchr("\t\r\n", page->data[i]))
			page->data[i] = ' ';
	char head[128];
	snprintf(head, sizeof head, "%.*s", (int)sizeof head - 1, page->data);
	bool has_encoding = strstr(head, "encoding=") && !strcasestr(head, "utf-8");
	if (has_encoding || text_is_utf8(page->data, page->len))
		return;
	_buf_ struct buf clean = BUF_INIT(TORZNAB_MOST + TORZNAB_MOST / 2);
	text_to_utf8(page->data, page->len, &clean);
	if (clean.error)
		return;
	struct buf old = *page;
	page->data = clean.data;
	page->len = clean.len;
	page->cap = clean.cap;
	clean.data = old.data;
}

int torznab_parse(struct buf *page, struct posts *all, struct torznab_error *error, char *why)
{
	*error = (struct torznab_error){0};
	int result = -EPROTO;
	if (page->len && page->len <= TORZNAB_MOST && is_harmless(page)) {
		tidy(page);
		xml_be_silent();
		struct reading r = {.all = all, .item_depth = -1, .text = BUF_INIT(TEXT_MAX * 4)};
		item_clear(&r.item);
		size_t skip = page->len >= 3 && memcmp(page->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
		skip += strspn(page->data + skip, " \t\r\n");
		r.xml = xmlReaderForMemory(page->data + skip, (int)(page->len - skip), NULL, NULL,
					   XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
						   XML_PARSE_NOCDATA);
		result = r.xml ? read_all(&r, error) : -ENOMEM;
		xmlFreeTextReader(r.xml);
		item_clear(&r.item);
		buf_clear(&r.text);
	}
	if (result < 0)
		posts_clear(all);
	if (result == -EPROTO)
		snprintf(why, WHY, "what came is no feed, or not a whole one");
	return result;
}

int torznab_meaning(int code)
{
	static const struct {
		int first, last, meaning;
	} table[] = {{100, 199, -EACCES}, {200, 299, -EPROTO}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (code >= table[i].first && code <= table[i].last)
			return table[i].meaning;
	return -EBUSY;
}
