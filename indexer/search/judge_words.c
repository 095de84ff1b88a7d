/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words of a name that tell what it holds.  Those of the series' own titles are not held against
 * it: "Novel" in a title makes no novel.
 */
#include "indexer/search/judge_private.h"

#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"

/* @phrase is folded as text_fold_title() does.  A faint one may also be of a volume's title. */
static const struct {
	const char *phrase, *what;
	bool is_faint;
} kinds[] = {
	{"light novel", "a light novel", false},
	{"light novels", "light novels", false},
	{"web novel", "a novel", false},
	{"visual novel", "a game", false},
	{"ranobe", "a light novel", false},
	{"小説", "a novel", false},
	{"小说", "a novel", false},
	{"ln", "a light novel", false},
	{"artbook", "an art book", false},
	{"artbooks", "art books", false},
	{"art book", "an art book", false},
	{"art of", "an art book", true},
	{"画集", "an art book", false},
	{"illustrations", "an art book", true},
	{"illustration", "an art book", true},
	{"artworks", "an art book", true},
	{"fanbook", "a fan book", false},
	{"fan book", "a fan book", false},
	{"guidebook", "a guide", false},
	{"guide book", "a guide", false},
	{"guide officiel", "a guide", false},
	{"official guide", "a guide", false},
	{"databook", "a guide", false},
	{"data book", "a guide", false},
	{"character book", "a guide", false},
	{"ガイド", "a guide", false},
	{"soundtrack", "music", false},
	{"soundtracks", "music", false},
	{"ost", "music", false},
	{"drama cd", "sound", false},
	{"character song", "music", false},
	{"flac", "music", false},
	{"mp3", "sound", false},
	{"320kbps", "sound", false},
	{"audiobook", "an audio book", false},
	{"audio book", "an audio book", false},
	{"livre audio", "an audio book", false},
	{"m4b", "an audio book", false},
	{"bluray", "a video", false},
	{"blu ray", "a video", false},
	{"bdrip", "a video", false},
	{"bdremux", "a video", false},
	{"brrip", "a video", false},
	{"dvdrip", "a video", false},
	{"hdtv", "a video", false},
	{"web dl", "a video", false},
	{"webdl", "a video", false},
	{"x264", "a video", false},
	{"x265", "a video", false},
	{"h264", "a video", false},
	{"h265", "a video", false},
	{"h 264", "a video", false},
	{"h 265", "a video", false},
	{"hevc", "a video", false},
	{"10bit", "a video", false},
	{"480p", "a video", false},
	{"576p", "a video", false},
	{"720p", "a video", false},
	{"1080p", "a video", false},
	{"1080i", "a video", false},
	{"2160p", "a video", false},
	{"vostfr", "a video", false},
	{"ova", "a video", false},
	{"oav", "a video", false},
	{"mkv", "a video", false},
	{"mp4", "a video", false},
	{"avi", "a video", false},
	{"live action", "a video", false},
	{"novel", "a novel", true},
	{"novels", "a novel", true},
	{"novella", "a novel", true},
	{"novelisation", "a novel", true},
	{"novelization", "a novel", true},
	{"roman", "a novel", true},
	{"romans", "a novel", true},
	{"anime", "a video", true},
	{"dvd", "a video", true},
	{"film", "a video", true},
	{"movie", "a video", true},
	{"cd", "sound", true},
	{"game", "a game", true},
	{"jeu", "a game", true},
	{"doujin", "a work of fans", true},
	{"doujinshi", "a work of fans", true},
	{"fanfiction", "a work of fans", true},
	{"coloriage", "a colouring book", true},
	{"extrait", "a part of a volume", true},
	{"preview", "a part of a volume", true},
	{"sample", "a part of a volume", true},
	{"making of", "a guide", true},
	{"magazine", "a magazine", true},
	{"calendar", "a calendar", true},
	{"wallpaper", "pictures", true},
	{"wallpapers", "pictures", true},
};

static const char *const editions[] = {
	"deluxe",          "de luxe",        "perfect edition",
	"edition perfect", "ultimate",       "kanzenban",
	"bunkoban",        "bunko",          "aizoban",
	"double edition",  "edition double", "volume double",
	"tome double",     "2 in 1",         "3 in 1",
	"4 in 1",          "2in1",           "3in1",
	"2 en 1",          "3 en 1",         "omnibus",
	"compendium",      "big edition",    "master edition",
	"black edition",   "prestige",       "anniversary",
	"anniversaire",    "full color",     "full colour",
	"colored",         "coloured",       "couleur",
	"couleurs",        "color edition",  "colorise",
	"library edition",
};

static const struct {
	const char *word;
	enum format format;
} formats[] = {
	{"cbz", FORMAT_CBZ},      {"zip", FORMAT_CBZ},      {"cbr", FORMAT_CBR},
	{"rar", FORMAT_CBR},      {"cb7", FORMAT_CB7},      {"7z", FORMAT_CB7},
	{"cbt", FORMAT_CB7},      {"tar", FORMAT_CB7},      {"pdf", FORMAT_PDF},
	{"epub", FORMAT_EPUB},    {"mobi", FORMAT_BOOK},    {"azw3", FORMAT_BOOK},
	{"azw", FORMAT_BOOK},     {"kfx", FORMAT_BOOK},     {"fb2", FORMAT_BOOK},
	{"djvu", FORMAT_BOOK},    {"docx", FORMAT_FOREIGN}, {"doc", FORMAT_FOREIGN},
	{"txt", FORMAT_FOREIGN},  {"rtf", FORMAT_FOREIGN},  {"mkv", FORMAT_FOREIGN},
	{"mp4", FORMAT_FOREIGN},  {"avi", FORMAT_FOREIGN},  {"m4v", FORMAT_FOREIGN},
	{"ogm", FORMAT_FOREIGN},  {"wmv", FORMAT_FOREIGN},  {"mov", FORMAT_FOREIGN},
	{"mp3", FORMAT_FOREIGN},  {"flac", FORMAT_FOREIGN}, {"ogg", FORMAT_FOREIGN},
	{"m4a", FORMAT_FOREIGN},  {"m4b", FORMAT_FOREIGN},  {"wav", FORMAT_FOREIGN},
	{"exe", FORMAT_FOREIGN},  {"msi", FORMAT_FOREIGN},  {"scr", FORMAT_FOREIGN},
	{"bat", FORMAT_FOREIGN},  {"com", FORMAT_FOREIGN},  {"lnk", FORMAT_FOREIGN},
	{"apk", FORMAT_FOREIGN},  {"iso", FORMAT_FOREIGN},  {"nsp", FORMAT_FOREIGN},
	{"html", FORMAT_FOREIGN}, {"nfo", FORMAT_FOREIGN},  {"srt", FORMAT_FOREIGN},
};

/* Scripts without spaces are looked for anywhere. */
static bool holds(const struct buf *words, const char *phrase)
{
	if ((unsigned char)*phrase >= 0xE0)
		return strstr(buf_str(words), phrase);
	_buf_ struct buf padded = BUF_INIT(128);
	buf_addf(&padded, " %s ", phrase);
	return strstr(buf_str(words), buf_str(&padded));
}

bool words_told(const struct look *l, const char *phrase)
{
	return holds(&l->words, phrase) && !holds(&l->known, phrase);
}

void check_kind(struct look *l)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (!words_told(l, kinds[i].phrase))
			continue;
		if (kinds[i].is_faint)
			look_doubt(l, "\"%s\" in its name: it may be %s", kinds[i].phrase,
				   kinds[i].what);
		else
			look_reject(l, "\"%s\" in its name: it is %s", kinds[i].phrase,
				    kinds[i].what);
	}
}

void check_edition(struct look *l)
{
	/* "Omnibus 2 (Vol. 4-6)" tells the volumes as everybody numbers them. */
	bool is_told = l->name.kind == GUESS_RANGE;
	for (size_t i = 0; i < COUNT_OF(editions); i++) {
		if (words_told(l, editions[i]) && !(is_told && strcmp(editions[i], "omnibus") == 0))
			look_doubt(
				l,
				"\"%s\" in its name: that edition may number its volumes otherwise",
				editions[i]);
	}
	if (l->name.kind == GUESS_VOLUME && words_told(l, "integrale"))
		look_doubt(l, "a volume of an intégrale is not the volume of that number");
}

static const char *suffix_of(const char *title)
{
	const char *dot = strrchr(title, '.');
	return dot && strlen(dot) <= 5 ? dot + 1 : "";
}

static bool is_blocked(const struct look *l, const char *suffix)
{
	for (const char *const *b = l->series->blocked; b && *b; b++) {
		if (strcasecmp(**b == '.' ? *b + 1 : *b, suffix) == 0)
			return true;
	}
	return false;
}

/* The suffix tells it; else the words do, and one that is not blocked is enough. */
void check_format(struct look *l)
{
	const char *suffix = suffix_of(l->release->title), *blocked = NULL;
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		bool is_suffix = strcasecmp(suffix, formats[i].word) == 0;
		if (!is_suffix || !*suffix)
			continue;
		l->format = formats[i].format;
		if (l->format == FORMAT_FOREIGN)
			look_reject(l, "a .%s file is no comic", formats[i].word);
		if (is_blocked(l, formats[i].word))
			look_reject(l, "%s files are not wanted", formats[i].word);
		return;
	}
	if (*suffix && is_blocked(l, suffix))
		look_reject(l, "%s files are not wanted", suffix);
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (formats[i].format == FORMAT_FOREIGN || !words_told(l, formats[i].word))
			continue;
		if (is_blocked(l, formats[i].word))
			blocked = formats[i].word;
		else if (!l->format)
			l->format = formats[i].format;
	}
	if (blocked && !l->format)
		look_reject(l, "%s files are not wanted", blocked);
}
