/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MetronInfo.xml v1.0 (metron-project.github.io/docs/metroninfo). */
#include "indexer/extract/comic_xml.h"

#include <string.h>

#include "common/cleanup.h"

/** Elements that are one text. */
static const struct {
	const char *element, *path;
} TEXTS[] = {
	{"Series", "Series/Name"},
	{"Format", "Series/Format"},
	{"Volume", "MangaVolume"},
	{"Volume", "Series/Volume"},
	{"Volume", "Series/StartYear"},
	{"Number", "Number"},
	{"Count", "Series/VolumeCount"},
	{"Count", "Series/IssueCount"},
	{"Title", "CollectionTitle"},
	{"Summary", "Summary"},
	{"Notes", "Notes"},
	{"PageCount", "PageCount"},
	{"Publisher", "Publisher/Name"},
	{"Imprint", "Publisher/Imprint"},
	{"AgeRating", "AgeRating"},
	{"CommunityRating", "CommunityRating"},
	{"GTIN", "GTIN/ISBN"},
	{"GTIN", "GTIN/UPC"},
	{"StoryArcNumber", "Arcs/Arc/Number"},
};

/** Elements that are a list. */
static const struct {
	const char *element, *parent, *child;
} LISTS[] = {
	{"Title", "Stories", "Story"},	       {"Genre", "Genres", "Genre"},
	{"Tags", "Tags", "Tag"},	       {"Characters", "Characters", "Character"},
	{"Teams", "Teams", "Team"},	       {"Locations", "Locations", "Location"},
	{"StoryArc", "Arcs", "Arc"},	       {"AlternateSeries", "Series/AlternativeNames", "AlternativeName"},
	{"AlternateSeries", "Series/AlternativeNames", "Name"}, {"Web", "URLs", "URL"},
};

static void take_credits(struct comic *c, const xmlNode *parent)
{
	struct comic_credits credits;
	const xmlNode *credit = NULL;
	comic_credits_init(&credits);
	while ((credit = comic_xml_child(parent, "Credit", credit))) {
		_buf_ struct buf name = BUF_INIT(COMIC_XML_MAX);
		const xmlNode *creator = comic_xml_child(credit, "Creator", NULL), *role = NULL;
		const xmlNode *roles = comic_xml_child(credit, "Roles", NULL);
		if (creator)
			comic_xml_text(creator, MEDIA_TEXT_MAX, &name);
		while ((role = comic_xml_child(roles, "Role", role))) {
			_buf_ struct buf word = BUF_INIT(256);
			comic_xml_text(role, 64, &word);
			comic_credits_add(&credits, buf_str(&word), buf_str(&name), name.len);
		}
	}
	comic_credits_finish(&credits, c);
}

static void take_date(struct comic *c, const xmlNode *node)
{
	_buf_ struct buf text = BUF_INIT(256);
	if (node)
		comic_xml_text(node, 64, &text);
	comic_set_date(c, buf_str(&text), text.len);
}

/**
 * A chapter of a manga has the volume that it is in as MangaVolume, and its own number as Number; a
 * volume has its number in one of them or in both.
 */
static bool is_chapter(const xmlNode *root)
{
	const xmlNode *volume = comic_xml_child(root, "MangaVolume", NULL);
	const xmlNode *number = comic_xml_child(root, "Number", NULL);
	_buf_ struct buf a = BUF_INIT(256);
	_buf_ struct buf b = BUF_INIT(256);
	if (!volume || !number)
		return false;
	comic_xml_text(volume, 64, &a);
	comic_xml_text(number, 64, &b);
	return a.len && b.len && strcmp(buf_str(&a), buf_str(&b)) != 0;
}

int comic_metron_read(struct comic *c, const xmlNode *root)
{
	bool has_chapter = is_chapter(root);
	for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
		/* told apart, the volume is what a folder of manga is about */
		if (has_chapter && strcmp(TEXTS[i].element, "Number") == 0)
			comic_take(c, "Number", comic_xml_find(root, "MangaVolume"));
		else
			comic_take(c, TEXTS[i].element, comic_xml_find(root, TEXTS[i].path));
	}
	for (size_t i = 0; i < COUNT_OF(LISTS); i++)
		comic_take_list(c, LISTS[i].element, comic_xml_find(root, LISTS[i].parent), LISTS[i].child);
	_xml_text_ char *language = comic_xml_attribute(comic_xml_find(root, "Series"), "lang");
	if (language)
		comic_set(c, "LanguageISO", language, strlen(language));
	take_date(c, comic_xml_find(root, "CoverDate"));
	take_date(c, comic_xml_find(root, "StoreDate"));
	take_credits(c, comic_xml_find(root, "Credits"));
	return buf_error(&c->texts);
}
