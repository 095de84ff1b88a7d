/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A page is believed when it has a title and at least one fact of volumes; what a fact does not
 * say in so many words stays unknown.
 *
 * Volumes that are out: the number under "Dernier paru".  A page without, of an edition that is
 * finished, has all that "Nb volumes VF" counts.  Where several editions share a page, the newest
 * volume may be one of another edition: then only the count of a finished edition is believed, or
 * a number within the count.
 */
#include "indexer/search/authority_nautiljon_page.h"

#include <errno.h>
#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/text.h"
#include "indexer/net/xml.h"

enum {
	ROWS_MOST = 200,
	TEXT_MOST = 2000,
	/** No series has more; a greater number is a misread one. */
	VOLUMES_MOST = 2000,
	/** Bytes of one tag: each of its attributes is compared with each. */
	TAG_MOST = 8 << 10,
	/** Steps of all searches in one page; the largest pages take a hundredth. */
	STEPS_MOST = 20000000,
};

#define HAS(class) "contains(concat(' ', normalize-space(@class), ' '), ' " class " ')"

struct page {
	htmlDocPtr doc;
	xmlXPathContextPtr paths;
};

static void close_page(struct page *p)
{
	xmlXPathFreeContext(p->paths);
	xmlFreeDoc(p->doc);
}

/** Whether a tag is so long that to parse it takes longer than the page is worth. */
static bool has_endless_tag(const char *html, size_t n)
{
	size_t start = n;
	char quote = '\0', before = '\0';
	for (size_t i = 0; i < n; i++) {
		char c = html[i];
		if (start == n) {
			start = before == '<' && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ? i : n;
			quote = '\0';
		} else if (i - start > TAG_MOST) {
			return true;
		} else if (quote) {
			quote = c == quote ? '\0' : quote;
		} else if ((c == '"' || c == '\'') && before == '=') {
			quote = c;
		} else if (c == '>') {
			start = n;
		}
		if (!strchr(" \t\r\n", c) || !c)
			before = c;
		else if (before != '=')
			before = ' ';
	}
	return start != n && n - start > TAG_MOST;
}

static int open_page(const char *html, size_t n, struct page *p)
{
	*p = (struct page){0};
	if (has_endless_tag(html, n))
		return -EPROTO;
	xml_be_silent();
	htmlParserCtxtPtr parser = htmlNewParserCtxt();
	if (!parser)
		return -ENOMEM;
	/* a page that does not tell is in the encoding that its bytes are */
	p->doc = htmlCtxtReadMemory(parser, html, (int)n, NULL, text_is_utf8(html, n) ? "UTF-8" : NULL,
				    HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_NOERROR |
					    HTML_PARSE_NOWARNING);
	htmlFreeParserCtxt(parser);
	p->paths = p->doc ? xmlXPathNewContext(p->doc) : NULL;
	if (p->paths) {
		p->paths->opLimit = STEPS_MOST;
		return 0;
	}
	close_page(p);
	return -EPROTO;
}

#define _page_ __attribute__((cleanup(close_page)))

static void free_result(xmlXPathObjectPtr *result)
{
	xmlXPathFreeObject(*result);
}

#define _result_ __attribute__((cleanup(free_result)))

/**
 * The nodes of @path from @from (NULL: the whole page).  Of paths with two "//" the sets of nodes are merged by comparing
 * each with each, which no count of steps knows of: what is above is asked of what is below.
 */
static xmlXPathObjectPtr select_nodes(struct page *p, xmlNodePtr from, const char *path)
{
	p->paths->node = from ? from : xmlDocGetRootElement(p->doc);
	if (!p->paths->node)
		return NULL;
	return xmlXPathEvalExpression((const xmlChar *)path, p->paths);
}

static size_t count_of(xmlXPathObjectPtr result)
{
	return result && result->nodesetval ? (size_t)result->nodesetval->nodeNr : 0;
}

static xmlNodePtr node_at(xmlXPathObjectPtr result, size_t i)
{
	return result->nodesetval->nodeTab[i];
}

/** A node's text, clean and with single spaces. */
static void text_of(xmlNodePtr node, struct buf *out)
{
	xmlChar *raw = xmlNodeGetContent(node);
	_buf_ struct buf clean = BUF_INIT(TEXT_MOST + 1);
	const char *s = raw ? (const char *)raw : "";
	text_clean(s, strnlen(s, (size_t)TEXT_MOST * 4), TEXT_MOST, &clean);
	buf_reset(out);
	for (size_t i = 0; i < clean.len; i++) {
		/* a no-break space is one, too */
		bool is_hard = clean.data[i] == '\xc2' && clean.data[i + 1] == '\xa0';
		i += is_hard;
		if (!is_hard && clean.data[i] != ' ')
			buf_addc(out, clean.data[i]);
		else if (out->len && out->data[out->len - 1] != ' ')
			buf_addc(out, ' ');
	}
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	xmlFree(raw);
}

/** The text of the first node of @path; false when there is none, or nothing in it. */
static bool text_at(struct page *p, xmlNodePtr from, const char *path, struct buf *out)
{
	_result_ xmlXPathObjectPtr found = select_nodes(p, from, path);
	buf_reset(out);
	if (count_of(found))
		text_of(node_at(found, 0), out);
	return out->len > 0;
}

static bool folds_to(const char *text, const char *want)
{
	_buf_ struct buf folded = BUF_INIT(8192);
	return text_fold_title(text, strlen(text), &folded) == 0 && strcmp(buf_str(&folded), want) == 0;
}

static bool fold_begins(const char *text, const char *want)
{
	_buf_ struct buf folded = BUF_INIT(8192);
	return text_fold_title(text, strlen(text), &folded) == 0 &&
	       strncmp(buf_str(&folded), want, strlen(want)) == 0;
}

/* --- a search --- */

static void read_row(struct page *p, xmlNodePtr link, nautiljon_row_fn *fn, void *arg)
{
	_buf_ struct buf title = BUF_INIT(8192), others = BUF_INIT(8192);
	xmlChar *href = xmlGetProp(link, (const xmlChar *)"href");
	text_of(link, &title);
	if (!text_at(p, link, "ancestor::td[1]//span[" HAS("infos_small") "]", &others))
		text_at(p, link, "following-sibling::span[" HAS("infos_small") "][1]", &others);
	if (href && title.len)
		fn(arg, buf_str(&title), buf_str(&others), (const char *)href);
	xmlFree(href);
}

/**
 * Whether the page says, where its list would be, that there is nothing in it.  The whole sentence counts: "Aucun" is
 * a word of errors and of menus, too, and a page that is misread as "nothing" would be believed for a week.
 */
static bool says_nothing(struct page *p)
{
	static const char *const sentences[] = {
		"aucun resultat", "aucun resultat trouve", "aucun manga", "aucun manga trouve",
		"aucun resultat pour cette recherche", "aucun resultat pour votre recherche",
		"aucun resultat ne correspond a votre recherche", "aucun manga ne correspond a votre recherche",
	};
	static const char path[] =
		"//*[self::p or self::div or self::td or self::span][not(*)]"
		"[contains(., 'ucun') or contains(., 'UCUN')][not(ancestor::*[self::nav or self::header or "
		"self::footer or self::aside or self::form or @id='menu'])]";
	_result_ xmlXPathObjectPtr found = select_nodes(p, NULL, path);
	_buf_ struct buf text = BUF_INIT(8192);
	for (size_t i = 0; i < count_of(found) && i < ROWS_MOST; i++) {
		text_of(node_at(found, i), &text);
		for (size_t k = 0; k < COUNT_OF(sentences); k++)
			if (folds_to(buf_str(&text), sentences[k]))
				return true;
	}
	return false;
}

int nautiljon_read_search(const char *html, size_t n, nautiljon_row_fn *fn, void *arg)
{
	_page_ struct page p;
	int r = open_page(html, n, &p);
	if (r < 0)
		return r;
	_result_ xmlXPathObjectPtr rows = select_nodes(&p, NULL, "//a[" HAS("eTitre") "][@href]");
	size_t count = count_of(rows) < ROWS_MOST ? count_of(rows) : ROWS_MOST;
	for (size_t i = 0; i < count; i++)
		read_row(&p, node_at(rows, i), fn, arg);
	return count || says_nothing(&p) ? (int)count : -EPROTO;
}

/* --- numbers, dates, words --- */

/** A number of volumes that @s begins with; -1 for anything else. */
static int64_t number_of(const char *s)
{
	char *end;
	if (*s < '0' || *s > '9')
		return -1;
	long v = strtol(s, &end, 10);
	/* "12.5" and "1998-2004" are no numbers of volumes */
	bool is_whole = *end == '\0' || !strchr(".,-/", *end);
	return is_whole && v <= VOLUMES_MOST ? v : -1;
}

static const char *status_of(const char *value)
{
	static const struct {
		const char *begin, *status;
	} words[] = {
		{"termine", "finished"}, {"en cours", "ongoing"}, {"abandon", "abandoned"},
		{"en attente", "paused"}, {"en pause", "paused"}, {"pause", "paused"},
		{"stoppe", "abandoned"}, {"suspendu", "paused"},
	};
	const char *open = strchr(value, '(');
	for (size_t i = 0; open && i < COUNT_OF(words); i++)
		if (fold_begins(open, words[i].begin))
			return words[i].status;
	return "";
}

static int month_of(const char *word)
{
	static const char *const months[] = {"janv", "fev", "mars", "avr", "mai", "juin", "juil", "aout",
					     "sept", "oct", "nov", "dec"};
	for (size_t i = 0; i < COUNT_OF(months); i++)
		if (fold_begins(word, months[i]))
			return (int)i + 1;
	return 0;
}

/** "12/03/2024" or "12 mars 2024", anywhere in @s; ns since 1970, 0 for none. */
static int64_t date_of(const char *s)
{
	int day, month, year;
	char word[32];
	s += strcspn(s, "0123456789");
	if (sscanf(s, "%2d/%2d/%4d", &day, &month, &year) != 3) {
		if (sscanf(s, "%2d%*[er] %31[^0-9 ] %4d", &day, word, &year) != 3 &&
		    sscanf(s, "%2d %31[^0-9 ] %4d", &day, word, &year) != 3)
			return 0;
		month = month_of(word);
	}
	if (day < 1 || day > 31 || month < 1 || month > 12 || year < 1970 || year > 2200)
		return 0;
	struct tm tm = {.tm_mday = day, .tm_mon = month - 1, .tm_year = year - 1900};
	return (int64_t)timegm(&tm) * NS_PER_S;
}

/* --- a page --- */

struct facts {
	struct authority_answer *a;
	/** What "Nb volumes VF" counts. */
	int64_t counted;
	/** Of the newest and the next one, with their dates. */
	int64_t last, next, next_at;
	/** Lists of volumes of editions. */
	size_t editions;
	size_t count;
};

static void take_original(struct facts *f, const char *value)
{
	if (f->a->original < 0)
		f->a->original = number_of(value);
	f->count += number_of(value) >= 0;
}

static void take_counted(struct facts *f, const char *value)
{
	if (f->counted < 0) {
		f->counted = number_of(value);
		snprintf(f->a->status, sizeof f->a->status, "%s", status_of(value));
	}
	f->count += number_of(value) >= 0;
}

/** Names are separated by " / ". */
static void take_names(struct facts *f, const char *value)
{
	while (*value) {
		const char *end = strstr(value, " / ");
		size_t n = end ? (size_t)(end - value) : strlen(value);
		if (n) {
			buf_add(&f->a->aliases, value, n);
			buf_addc(&f->a->aliases, '\n');
		}
		value += n + (end ? 3 : 0);
	}
}

static const struct {
	const char *label;
	void (*read)(struct facts *f, const char *value);
} LABELS[] = {
	{"nb volumes vo", take_original}, {"nb volumes vf", take_counted},
	{"titre original", take_names},   {"titre alternatif", take_names},
	{"titres alternatifs", take_names},
};

/** "Label : value", the label in a span of its own. */
static void read_fact(struct page *p, xmlNodePtr item, struct facts *f)
{
	_buf_ struct buf label = BUF_INIT(8192), all = BUF_INIT(8192);
	if (!text_at(p, item, "span[" HAS("bold") "][1]", &label))
		return;
	text_of(item, &all);
	if (strncmp(buf_str(&all), buf_str(&label), label.len) != 0)
		return;
	const char *value = buf_str(&all) + label.len;
	value += strspn(value, " :");
	for (size_t i = 0; i < COUNT_OF(LABELS); i++)
		if (folds_to(buf_str(&label), LABELS[i].label))
			LABELS[i].read(f, value);
}

/** "/mangas/slug/volume-7,1021408.html"; -1. */
static int64_t volume_in(const char *href)
{
	const char *p = strstr(href, "/volume-");
	if (!p)
		return -1;
	p += strlen("/volume-");
	return p[strspn(p, "0123456789")] == ',' && strspn(p, "0123456789") < 5 ? strtol(p, NULL, 10) : -1;
}

/** "Dernier paru" or "À paraître", with a link to the volume and its date. */
static void read_neighbour(struct page *p, xmlNodePtr box, struct facts *f)
{
	_buf_ struct buf head = BUF_INIT(8192), date = BUF_INIT(8192);
	_result_ xmlXPathObjectPtr links = select_nodes(p, box, ".//a[contains(@href, '/volume-')]");
	if (!text_at(p, box, ".//strong", &head) || !count_of(links))
		return;
	xmlChar *href = xmlGetProp(node_at(links, 0), (const xmlChar *)"href");
	int64_t number = volume_in(href ? (const char *)href : "");
	xmlFree(href);
	if (number < 0 || number > VOLUMES_MOST)
		return;
	text_at(p, box, ".//span[" HAS("infos_small") "]", &date);
	if (folds_to(buf_str(&head), "dernier paru") && f->last < 0) {
		f->last = number;
		f->count++;
	}
	if (folds_to(buf_str(&head), "a paraitre") && f->next < 0) {
		f->next = number;
		f->next_at = date_of(buf_str(&date));
		f->count++;
	}
}

static void conclude(struct facts *f)
{
	struct authority_answer *a = f->a;
	bool is_finished = strcmp(a->status, "finished") == 0;
	/* the newest may be one of an edition in other volumes */
	bool is_other = f->editions > 1 && f->counted >= 0 && (is_finished || f->last > f->counted);
	a->released = is_other ? -1 : f->last;
	if (a->released < 0 && is_finished)
		a->released = f->counted;
	if (is_other || f->next <= a->released)
		return;
	a->planned = f->next;
	a->planned_at = f->next_at;
}

static void each_node(struct page *p, const char *path, struct facts *f,
		      void (*fn)(struct page *, xmlNodePtr, struct facts *))
{
	_result_ xmlXPathObjectPtr found = select_nodes(p, NULL, path);
	for (size_t i = 0; i < count_of(found) && i < ROWS_MOST; i++)
		fn(p, node_at(found, i), f);
}

static void count_edition(struct page *p, xmlNodePtr node, struct facts *f)
{
	(void)p;
	(void)node;
	f->editions++;
}

static bool read_title(struct page *p, struct authority_answer *a)
{
	static const char path[] = "//*[@itemprop='name'][ancestor::*[" HAS("h1titre") "] or "
				   "(self::span and ancestor::h1)]";
	static const char button[] = " Modifier";
	_buf_ struct buf title = BUF_INIT(8192);
	if (!text_at(p, NULL, path, &title))
		return false;
	size_t n = title.len, b = strlen(button);
	if (n > b && strcmp(title.data + n - b, button) == 0)
		n -= b;
	n = text_cut(title.data, n, sizeof a->title - 1);
	memcpy(a->title, title.data, n);
	a->title[n] = '\0';
	return true;
}

int nautiljon_read_page(const char *html, size_t n, struct authority_answer *a)
{
	_page_ struct page p;
	struct facts f = {.a = a, .counted = -1, .last = -1, .next = -1};
	int r = open_page(html, n, &p);
	if (r < 0)
		return r;
	a->released = a->original = a->planned = -1;
	a->planned_at = 0;
	a->status[0] = '\0';
	buf_reset(&a->aliases);
	if (!read_title(&p, a))
		return -EPROTO;
	each_node(&p, "//li[parent::ul[" HAS("mb10") "]][ancestor::*[" HAS("liste_infos") "]]", &f, read_fact);
	each_node(&p, "//div[ancestor::li[" HAS("nav_vols") "]][.//strong][not(.//div)]", &f, read_neighbour);
	each_node(&p, "//a[ancestor::h2][" HAS("infos_edition") "][.//img[@alt='France'] or ..//img[@alt='France']]",
		  &f, count_edition);
	if (f.count == 0)
		return -EPROTO;
	conclude(&f);
	return buf_error(&a->aliases);
}

bool nautiljon_is_block(const char *html, size_t n)
{
	static const char *const signs[] = {
		"ip interdite", "sorry, you have been blocked", "just a moment", "cf-chl-",
		"de recherche a expir", "attention required! | cloudflare",
	};
	for (size_t i = 0; i < COUNT_OF(signs); i++) {
		size_t length = strlen(signs[i]);
		for (size_t at = 0; at + length <= n; at++)
			if ((html[at] | 0x20) == signs[i][0] && strncasecmp(html + at, signs[i], length) == 0)
				return true;
	}
	return false;
}
