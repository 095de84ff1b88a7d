/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ACBF, the Advanced Comic Book Format 1.1: <meta-data> with <book-info> and <publish-info>. */
#include "indexer/extract/comic_xml.h"

#include <string.h>

#include "common/cleanup.h"

static void set_attribute(struct comic *c, const char *element, const xmlNode *node, const char *name)
{
	_xml_text_ char *text = comic_xml_attribute(node, name);
	if (text)
		comic_set(c, element, text, strlen(text));
}

/** "First Middle Last", else the nickname. */
static void author_name(const xmlNode *author, struct buf *name)
{
	static const char *const parts[] = {"first-name", "middle-name", "last-name", "nickname"};
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		const xmlNode *part = comic_xml_child(author, parts[i], NULL);
		_buf_ struct buf text = BUF_INIT(COMIC_XML_MAX);
		if (!part || (i == 3 && name->len))
			continue;
		comic_xml_text(part, MEDIA_TEXT_MAX, &text);
		if (name->len && text.len)
			buf_addc(name, ' ');
		buf_add(name, buf_str(&text), text.len);
	}
}

static void take_authors(struct comic *c, const xmlNode *book)
{
	struct comic_credits credits;
	const xmlNode *author = NULL;
	comic_credits_init(&credits);
	while ((author = comic_xml_child(book, "author", author))) {
		_buf_ struct buf name = BUF_INIT(COMIC_XML_MAX);
		_xml_text_ char *role = comic_xml_attribute(author, "activity");
		author_name(author, &name);
		comic_credits_add(&credits, role ? role : "writer", buf_str(&name), name.len);
	}
	comic_credits_finish(&credits, c);
}

static void take_publishing(struct comic *c, const xmlNode *info)
{
	const xmlNode *date = comic_xml_child(info, "publish-date", NULL);
	_xml_text_ char *value = comic_xml_attribute(date, "value");
	comic_take(c, "Publisher", comic_xml_child(info, "publisher", NULL));
	comic_take(c, "GTIN", comic_xml_child(info, "isbn", NULL));
	if (value)
		comic_set_date(c, value, strlen(value));
}

int comic_acbf_read(struct comic *c, const xmlNode *root)
{
	const xmlNode *book = comic_xml_find(root, "meta-data/book-info");
	const xmlNode *sequence = comic_xml_child(book, "sequence", NULL);
	/* several languages: the first title is that of the book */
	comic_take(c, "Title", comic_xml_child(book, "book-title", NULL));
	comic_take(c, "Summary", comic_xml_child(book, "annotation", NULL));
	set_attribute(c, "Series", sequence, "title");
	set_attribute(c, "Volume", sequence, "volume");
	comic_take(c, "Number", sequence);
	comic_take_list(c, "Genre", book, "genre");
	comic_take_list(c, "Characters", comic_xml_child(book, "characters", NULL), "name");
	set_attribute(c, "LanguageISO", comic_xml_find(book, "languages/text-layer"), "lang");
	set_attribute(c, "LanguageISO", comic_xml_child(book, "book-title", NULL), "lang");
	take_authors(c, book);
	take_publishing(c, comic_xml_find(root, "meta-data/publish-info"));
	return buf_error(&c->texts);
}
