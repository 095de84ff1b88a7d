/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a name that are not its title: tags, languages, editions, generic folders. */
#include "indexer/extract/guess_tokens.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

/* @is_plain: also outside brackets, in capitals; the others are everyday words there. */
static const struct {
	const char *word;
	const char *code;
	bool is_plain;
} languages[] = {
	{"fr", "fr", true},       {"vf", "fr", true},       {"vff", "fr", true},
	{"fra", "fr", true},      {"fre", "fr", true},      {"french", "fr", true},
	{"francais", "fr", true}, {"vostfr", "fr", true},   {"truefrench", "fr", true},
	{"en", "en", true},       {"eng", "en", true},      {"english", "en", true},
	{"va", "en", true},       {"gb", "en", false},      {"us", "en", false},
	{"uk", "en", false},      {"anglais", "en", true},  {"jp", "ja", true},
	{"ja", "ja", false},      {"jpn", "ja", true},      {"jap", "ja", true},
	{"japanese", "ja", true}, {"raw", "ja", false},     {"raws", "ja", false},
	{"kr", "ko", true},       {"ko", "ko", false},      {"kor", "ko", true},
	{"korean", "ko", true},   {"cn", "zh", true},       {"zh", "zh", false},
	{"chinese", "zh", true},  {"汉化", "zh", false},    {"漢化", "zh", false},
	{"中文", "zh", false},    {"es", "es", false},      {"esp", "es", true},
	{"spa", "es", false},     {"spanish", "es", true},  {"castellano", "es", true},
	{"espanol", "es", true},  {"it", "it", false},      {"ita", "it", true},
	{"italian", "it", true},  {"italiano", "it", true}, {"de", "de", false},
	{"ger", "de", true},      {"deu", "de", false},     {"german", "de", true},
	{"deutsch", "de", true},  {"pt", "pt", false},      {"br", "pt", false},
	{"por", "pt", false},     {"pt-br", "pt", true},    {"portuguese", "pt", true},
	{"ru", "ru", false},      {"rus", "ru", true},      {"russian", "ru", true},
	{"pl", "pl", false},      {"polish", "pl", true},   {"nl", "nl", false},
	{"dutch", "nl", true},    {"tr", "tr", false},      {"th", "th", false},
	{"vi", "vi", false},      {"vn", "vi", false},      {"id", "id", false},
};

/* Said of the file, not of the work; after the number only. */
static const char *const tags[] = {
	"vo",     "vostfr",   "digital", "digitale", "numerique", "hd",    "hq",     "lq",
	"webrip", "scan",     "scans",   "cbz",      "cbr",       "pdf",   "epub",   "fixed",
	"fix",    "repack",   "final",   "end",      "fin",       "manga", "proper", "ebook",
	"bd",     "complete", "complet", "raw",      "raws",      "完",    "완결",
};

/* At the end of a series they tell the edition.  "Full Color" is missing on purpose: coloured
 * volumes are numbered like the others but are another series to their readers. */
static const char *const editions[] = {
	"deluxe edition",
	"deluxe",
	"edition deluxe",
	"edition de luxe",
	"perfect edition",
	"edition perfect",
	"ultimate edition",
	"edition ultimate",
	"edition originale",
	"original edition",
	"edition collector",
	"collector edition",
	"collectors edition",
	"collector's edition",
	"collector",
	"edition limitee",
	"limited edition",
	"special edition",
	"edition speciale",
	"edition simple",
	"edition double",
	"double edition",
	"edition prestige",
	"prestige edition",
	"edition standard",
	"master edition",
	"kanzenban",
	"bunkoban",
	"omnibus edition",
	"omnibus",
	"nouvelle edition",
	"new edition",
	"reedition",
	"2-in-1 edition",
	"3-in-1 edition",
	"2-in-1",
	"3-in-1",
	"2-in-1 omnibus",
	"3-in-1 omnibus",
	"edition couleur",
	"anniversary edition",
	"integrale",
	"l integrale",
	"edition integrale",
	"kanzenban edition",
	/* Not an edition, but how far the series is. */
	"serie terminee",
	"serie en cours",
	"en cours",
	"terminee",
	"termine",
	"completed",
};

static const char *const articles[] = {
	"le", "la",  "les", "l'", "un", "une", "des", "the", "a",   "an",
	"el", "los", "las", "il", "lo", "gli", "der", "die", "das",
};

static const struct {
	const char *name;
	enum folder_class class;
} folders[] = {
	{"volumes", FOLDER_GENERIC},
	{"volume", FOLDER_GENERIC},
	{"vols", FOLDER_GENERIC},
	{"vol", FOLDER_GENERIC},
	{"tomes", FOLDER_GENERIC},
	{"tome", FOLDER_GENERIC},
	{"chapters", FOLDER_GENERIC},
	{"chapter", FOLDER_GENERIC},
	{"chapitres", FOLDER_GENERIC},
	{"chapitre", FOLDER_GENERIC},
	{"scans", FOLDER_GENERIC},
	{"scan", FOLDER_GENERIC},
	{"scantrad", FOLDER_GENERIC},
	{"manga", FOLDER_GENERIC},
	{"mangas", FOLDER_GENERIC},
	{"manhwa", FOLDER_GENERIC},
	{"manhua", FOLDER_GENERIC},
	{"webtoon", FOLDER_GENERIC},
	{"webtoons", FOLDER_GENERIC},
	{"book", FOLDER_GENERIC},
	{"books", FOLDER_GENERIC},
	{"livres", FOLDER_GENERIC},
	{"ebooks", FOLDER_GENERIC},
	{"comic", FOLDER_GENERIC},
	{"comics", FOLDER_GENERIC},
	{"bd", FOLDER_GENERIC},
	{"bds", FOLDER_GENERIC},
	{"bande dessinee", FOLDER_GENERIC},
	{"bandes dessinees", FOLDER_GENERIC},
	{"light novel", FOLDER_GENERIC},
	{"light novels", FOLDER_GENERIC},
	{"novels", FOLDER_GENERIC},
	{"romans", FOLDER_GENERIC},
	{"series", FOLDER_GENERIC},
	{"library", FOLDER_GENERIC},
	{"bibliotheque", FOLDER_GENERIC},
	{"media", FOLDER_GENERIC},
	{"data", FOLDER_GENERIC},
	{"mnt", FOLDER_GENERIC},
	{"srv", FOLDER_GENERIC},
	{"home", FOLDER_GENERIC},
	{"downloads", FOLDER_GENERIC},
	{"telechargements", FOLDER_GENERIC},
	{"incoming", FOLDER_GENERIC},
	{"complete", FOLDER_GENERIC},
	{"termine", FOLDER_GENERIC},
	{"termines", FOLDER_GENERIC},
	{"en cours", FOLDER_GENERIC},
	{"ongoing", FOLDER_GENERIC},
	{"digital", FOLDER_GENERIC},
	{"raw", FOLDER_GENERIC},
	{"raws", FOLDER_GENERIC},
	{"vo", FOLDER_GENERIC},
	{"cbz", FOLDER_GENERIC},
	{"cbr", FOLDER_GENERIC},
	{"pdf", FOLDER_GENERIC},
	{"epub", FOLDER_GENERIC},
	{"shonen", FOLDER_GENERIC},
	{"shounen", FOLDER_GENERIC},
	{"shojo", FOLDER_GENERIC},
	{"shoujo", FOLDER_GENERIC},
	{"seinen", FOLDER_GENERIC},
	{"josei", FOLDER_GENERIC},
	{"omnibus", FOLDER_GENERIC},
	{"integrale", FOLDER_GENERIC},
	{"special", FOLDER_SPECIAL},
	{"specials", FOLDER_SPECIAL},
	{"speciaux", FOLDER_SPECIAL},
	{"extra", FOLDER_SPECIAL},
	{"extras", FOLDER_SPECIAL},
	{"bonus", FOLDER_SPECIAL},
	{"omake", FOLDER_SPECIAL},
	{"omakes", FOLDER_SPECIAL},
	{"hs", FOLDER_SPECIAL},
	{"hors serie", FOLDER_SPECIAL},
	{"hors series", FOLDER_SPECIAL},
	{"artbook", FOLDER_SPECIAL},
	{"artbooks", FOLDER_SPECIAL},
	{"one shot", FOLDER_ONESHOT},
	{"one shots", FOLDER_ONESHOT},
};

static bool is_word_char(uint32_t key)
{
	return key_is_letter(key) || key_is_digit(key);
}

static size_t word_end(const struct line *line, size_t i)
{
	while (i < line->n && is_word_char(line->g[i].key))
		i++;
	return i;
}

static bool has_capital(const struct line *line, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		if (line->g[i].cp != line->g[i].key)
			return true;
	}
	return false;
}

static bool is_capitals(const struct line *line, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		if (key_is_letter(line->g[i].key) && line->g[i].cp == line->g[i].key)
			return false;
	}
	return true;
}

/* The language of the word at @i, NULL when it is none. */
static const char *match_language(const struct line *line, size_t i, bool plain_only, size_t *end)
{
	for (size_t k = 0; k < COUNT_OF(languages); k++) {
		if (plain_only && !languages[k].is_plain)
			continue;
		*end = line_match_word(line, i, languages[k].word);
		if (*end && !key_is_digit(line_key(line, *end)))
			return languages[k].code;
	}
	return NULL;
}

/* "[Manga FR]" or "(de)": a short code counts only when it is all there is. */
static const char *group_language(const struct line *line, struct span span)
{
	struct span in = {span.start + 1, span.end > span.start + 1 ? span.end - 1 : span.end};
	for (size_t i = in.start; i < in.end; i++) {
		bool is_start = !is_word_char(line_key(line, i - 1)) || line_key(line, i) >= 0x3000;
		size_t end = 0;
		const char *code = is_start ? match_language(line, i, false, &end) : NULL;
		if (!code || end > in.end)
			continue;
		size_t ignored = 0;
		bool is_whole = i == in.start && end == in.end;
		bool is_known = match_language(line, i, true, &ignored) ||
				line_key(line, i) >= 0x3000 || line_match(line, i, "raw");
		if (is_whole || (is_known && has_capital(line, i, end)) ||
		    line_key(line, i) >= 0x3000)
			return code;
	}
	return NULL;
}

const char *words_language(const struct line *line, size_t tail)
{
	for (size_t k = 0; k < line->group_count; k++) {
		const char *code = group_language(line, line->groups[k]);
		if (code)
			return code;
	}
	for (size_t i = tail; i < line->n; i++) {
		size_t end = 0;
		if (line->g[i].group || line->g[i].is_used || is_word_char(line_key(line, i - 1)) ||
		    !is_word_char(line_key(line, i)))
			continue;
		const char *code = match_language(line, i, true, &end);
		bool is_tag = line_key(line, i - 1) == '@' || line_match(line, i, "fr");
		if (code && (has_capital(line, i, end) || (is_tag && words_is_tail(line, end))))
			return code;
	}
	return "";
}

/* Exactly four digits, not the end of "Digital-1920". */
int words_year(const struct line *line)
{
	for (size_t k = 0; k < line->group_count; k++) {
		struct span span = line->groups[k];
		for (size_t i = span.start + 1; i < span.end; i++) {
			struct number num;
			uint32_t before = line_key(line, i - 1);
			bool is_start = before == ' ' || before == ',' || i == span.start + 1;
			if (!is_start || !number_read(line, i, &num) || !number_is_year(&num) ||
			    num.end != i + 4)
				continue;
			if (!is_word_char(line_key(line, num.end)))
				return (int)num.value;
		}
	}
	return 0;
}

/* The first number of @list whose phrase ends exactly at the span's end, as its start. */
static size_t phrase_start(const struct line *line, struct span span, const char *const *list,
			   size_t count)
{
	for (size_t i = span.start; i < span.end; i++) {
		if (line->g[i].group || (i > span.start && is_word_char(line_key(line, i - 1))))
			continue;
		for (size_t k = 0; k < count; k++) {
			if (line_match_word(line, i, list[k]) == span.end)
				return i;
		}
	}
	return span.end;
}

static size_t last_word(const struct line *line, struct span span)
{
	size_t i = span.end;
	while (i > span.start && is_word_char(line_key(line, i - 1)) && !line->g[i - 1].group)
		i--;
	return i;
}

/* Groups at the end, which the text leaves out anyway. */
static struct span trim_groups(const struct line *line, struct span span)
{
	span = line_trim(line, span);
	while (span.end > span.start && line->g[span.end - 1].group) {
		span.end--;
		span = line_trim(line, span);
	}
	return span;
}

struct span words_trim_tail(const struct line *line, struct span span)
{
	for (;;) {
		span = trim_groups(line, span);
		size_t word = last_word(line, span);
		size_t end = 0;
		size_t start = span.end;
		if (word > span.start && word < span.end && line_key(line, word - 1) != '\'' &&
		    is_capitals(line, word, span.end))
			start = match_language(line, word, true, &end) && end == span.end
					? word
					: span.end;
		if (start == span.end)
			start = phrase_start(line, span, editions, COUNT_OF(editions));
		if (start == span.end || start <= span.start)
			return span;
		span.end = start;
	}
}

size_t words_match_tag(const struct line *line, size_t i)
{
	size_t end = 0;
	if (match_language(line, i, true, &end))
		return end;
	for (size_t k = 0; k < COUNT_OF(tags); k++) {
		end = line_match_word(line, i, tags[k]);
		if (end && !key_is_digit(line_key(line, end)))
			return end;
	}
	return 0;
}

/* "-NoTag", "@BD_fr": who made it.  Runs to the end of the name. */
static bool is_signature(const struct line *line, size_t i)
{
	if (line_key(line, i) == '@')
		return true;
	bool is_dash = line_key(line, i) == '-' && key_is_letter(line_key(line, i + 1));
	if (!is_dash || i == 0 || key_is_letter(line_key(line, i - 1)))
		return false;
	bool is_apart = line_key(line, i - 1) == ' ' || line->g[i - 1].group;
	return is_apart && word_end(line, i + 1) >= line->n;
}

/* "of 6", "sur 5": the total behind a number. */
static size_t match_total(const struct line *line, size_t i)
{
	static const char *const words[] = {"of", "sur", "von", "/"};
	for (size_t k = 0; k < COUNT_OF(words); k++) {
		size_t end = line_match_word(line, i, words[k]);
		struct number num;
		if (end && number_read(line, line_skip_spaces(line, end), &num))
			return num.end;
	}
	return 0;
}

bool words_is_tail(const struct line *line, size_t i)
{
	while (i < line->n) {
		if (is_signature(line, i))
			return true;
		struct number num;
		size_t end = 0;
		if (line->g[i].group || line->g[i].is_used || !is_word_char(line->g[i].key)) {
			i++;
			continue;
		}
		if (number_read(line, i, &num))
			end = number_is_year(&num) ? num.end : 0;
		else
			end = words_match_tag(line, i);
		if (!end)
			end = match_total(line, i);
		if (!end || key_is_spaced(line_key(line, end)))
			return false;
		/* "CBZ-NoTag" */
		if (line_key(line, end) == '-' && word_end(line, end + 1) >= line->n)
			return true;
		i = end;
	}
	return true;
}

size_t words_skip_shelf(const struct line *line, size_t i)
{
	static const char *const words[] = {"manga",  "mangas", "manhwa", "manhua", "webtoon",
					    "comics", "bd",     "scan",   "scans",  "ebook"};
	for (size_t k = 0; k < COUNT_OF(words); k++) {
		size_t end = line_match_word(line, i, words[k]);
		if (!end || line_key(line, end) != ' ')
			continue;
		end = line_skip_spaces(line, end);
		if (line_key(line, end) == '-' && line_key(line, end + 1) == ' ')
			return line_skip_spaces(line, end + 1);
	}
	return i;
}

bool words_is_article(const struct line *line, struct span span)
{
	for (size_t k = 0; k < COUNT_OF(articles); k++) {
		if (line_match(line, span.start, articles[k]) == span.end)
			return true;
	}
	return false;
}

void words_unscramble(char *text, size_t max)
{
	char *comma = strrchr(text, ',');
	if (!comma || comma == text || comma[1] != ' ')
		return;
	struct line line;
	const char *word = comma + 2;
	line_read(&line, word, strlen(word));
	if (!words_is_article(&line, (struct span){0, line.n}))
		return;
	char whole[512];
	const char *gap = line.n > 0 && line.g[line.n - 1].key == '\'' ? "" : " ";
	int n = snprintf(whole, sizeof whole, "%s%s%.*s", word, gap, (int)(comma - text), text);
	if (n > 0 && (size_t)n < max && (size_t)n < sizeof whole)
		memcpy(text, whole, (size_t)n + 1);
}

bool words_takes_number(const struct line *line, size_t i, bool is_padded)
{
	static const char *const words[] = {
		"no",      "level", "area",  "zone", "room", "district", "stage", "unit",
		"type",    "agent", "route", "code", "plan", "apollo",   "class", "rank",
		"version", "lv",    "lvl",   "vs",   "age",  "of",       "sur",   "von",
	};
	static const char *const always[] = {"part", "partie", "season", "saison", "cycle", "arc"};
	size_t end = i;
	while (end > 0 && (line_key(line, end - 1) == ' ' || line_key(line, end - 1) == '.'))
		end--;
	size_t start = end;
	while (start > 0 && is_word_char(line_key(line, start - 1)))
		start--;
	for (size_t k = 0; start < end && k < COUNT_OF(always); k++) {
		if (line_match_word(line, start, always[k]) == end)
			return true;
	}
	for (size_t k = 0; start < end && !is_padded && k < COUNT_OF(words); k++) {
		if (line_match_word(line, start, words[k]) == end)
			return true;
	}
	return false;
}

static bool is_only_number(const struct line *line, struct span span)
{
	for (size_t i = span.start; i < span.end; i++) {
		if (key_is_letter(line_key(line, i)))
			return false;
	}
	return true;
}

enum folder_class words_folder_class(const struct line *line, struct span span)
{
	span = line_trim(line, span);
	if (is_only_number(line, span))
		return FOLDER_GENERIC;
	size_t end = 0;
	if (match_language(line, span.start, false, &end) && end == span.end)
		return FOLDER_GENERIC;
	for (size_t k = 0; k < COUNT_OF(folders); k++) {
		if (line_match_word(line, span.start, folders[k].name) == span.end)
			return folders[k].class;
	}
	return FOLDER_NAMED;
}
