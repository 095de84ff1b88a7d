/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a volume is called and which one it is: ComicInfo.xml's word against the name's.
 *
 *  - Texts (series, title, language) and the year: ComicInfo's, else the name's.
 *  - Numbers that the name marks ("T03", "Ch. 12") beat ComicInfo's, which programs often fill
 *    by guessing from a worse name than the one at hand.
 *  - ComicInfo's Number beats a bare number of the name.  It counts chapters where the name
 *    tells of a chapter, else volumes: this is a manga root.
 */
#include "indexer/extract/extract.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/guess.h"

/** The numbers that ComicInfo.xml gave, as far as they can be volumes or chapters. */
struct comic {
	bool has_number, has_volume;
	double number, volume;
};

/**
 * A value in the JSON that extract_comicinfo() wrote: what follows `"key":`.  Inside of a text a
 * quote has a backslash in front, so no text can look like a key.
 */
static const char *json_value(const struct media *m, const char *key, size_t *n)
{
	const char *json = media_text(m, FIELD_comicinfo, n);
	size_t length = strlen(key);
	for (const char *p = json, *end = json + *n; p < end; p++) {
		p = memchr(p, '"', (size_t)(end - p));
		if (!p)
			return NULL;
		bool is_key = (size_t)(end - p) > length + 3 && memcmp(p + 1, key, length) == 0 &&
			      p[length + 1] == '"' && p[length + 2] == ':' && p > json &&
			      p[-1] != '\\';
		if (!is_key)
			continue;
		p += length + 3;
		while (p < end && (*p == ' ' || *p == '"'))
			p++;
		*n = (size_t)(end - p);
		return p;
	}
	return NULL;
}

/** A whole value that is a number of volumes or chapters; "1a" is none. */
static bool json_number(const struct media *m, const char *key, double *v)
{
	size_t n;
	const char *s = json_value(m, key, &n);
	double scale = 1;
	bool any = false, fraction = false;
	*v = 0;
	for (; s && n; s++, n--) {
		if (*s == '.' && any && !fraction) {
			fraction = true;
			continue;
		}
		if (*s < '0' || *s > '9')
			return any && (*s == '"' || *s == ',' || *s == '}') && *v < 1e6;
		any = true;
		*v += fraction ? (*s - '0') * (scale /= 10) : *v * 9 + (*s - '0');
		if (*v > 1e6)
			return false;
	}
	return false;
}

/** "special" and "oneshot" by ComicInfo's Format, else GUESS_UNKNOWN. */
static enum guess_kind kind_by_format(const struct media *m)
{
	static const struct {
		const char *format;
		enum guess_kind kind;
	} formats[] = {
		{"Special", GUESS_SPECIAL},    {"Annual", GUESS_SPECIAL},
		{"Artbook", GUESS_SPECIAL},    {"Art Book", GUESS_SPECIAL},
		{"Fanbook", GUESS_SPECIAL},    {"Guidebook", GUESS_SPECIAL},
		{"Preview", GUESS_SPECIAL},    {"Omake", GUESS_SPECIAL},
		{"One-Shot", GUESS_ONESHOT},   {"One Shot", GUESS_ONESHOT},
		{"OneShot", GUESS_ONESHOT},    {"1-Shot", GUESS_ONESHOT},
		{"Graphic Novel", GUESS_UNKNOWN},
	};
	size_t n;
	const char *s = json_value(m, "Format", &n);
	for (size_t i = 0; s && i < COUNT_OF(formats); i++) {
		size_t length = strlen(formats[i].format);
		if (n > length && s[length] == '"' &&
		    strncasecmp(s, formats[i].format, length) == 0)
			return formats[i].kind;
	}
	return GUESS_UNKNOWN;
}

static void read_comic(const struct media *m, struct comic *c)
{
	double v;
	*c = (struct comic){0};
	if (json_number(m, "Number", &v)) {
		c->has_number = true;
		c->number = v;
	}
	/* 1900 and more is the year in which a series began; 0 is "none". */
	if (json_number(m, "Volume", &v) && v > 0 && v < 1900) {
		c->has_volume = true;
		c->volume = v;
	}
}

static void set_number(struct media *m, enum field_id f, bool has, double v)
{
	if (has)
		media_set_real(m, f, v);
	else
		media_unset(m, f);
}

/** Takes ComicInfo's numbers over where the name does not know better. */
static void merge_numbers(struct guess *g, const struct comic *c)
{
	bool is_chapter = g->kind == GUESS_CHAPTER || g->has_chapter;
	bool is_apart = g->kind == GUESS_SPECIAL || g->kind == GUESS_PACK;
	/* A range is more than ComicInfo can tell. */
	bool is_range = g->has_volume_end || g->has_chapter_end;
	if (is_apart)
		return;
	if (is_chapter) {
		if (c->has_number && !g->explicit_chapter && !is_range) {
			g->has_chapter = true;
			g->chapter = c->number;
			g->rule = "comicinfo-number";
		}
		if (!g->has_volume && c->has_volume) {
			g->has_volume = true;
			g->volume = c->volume;
		}
		return;
	}
	if (g->explicit_volume || is_range || !(c->has_number || c->has_volume))
		return;
	g->has_volume = true;
	g->volume = c->has_number ? c->number : c->volume;
	g->rule = c->has_number ? "comicinfo-number" : "comicinfo-volume";
	if (g->kind == GUESS_UNKNOWN)
		g->kind = GUESS_VOLUME;
}

static void set_text(struct media *m, enum field_id f, const char *text)
{
	if (!media_has(m, f))
		media_set_text(m, f, text, strlen(text));
}

void extract_name(const struct extract_input *in, struct media *out)
{
	struct guess g;
	struct comic c;
	guess_name(in->path, in->path_len, &g);
	read_comic(out, &c);
	enum guess_kind format = kind_by_format(out);
	bool is_marked = g.explicit_volume || g.explicit_chapter || g.has_volume_end;
	bool may_be = g.kind == GUESS_UNKNOWN || g.kind == GUESS_VOLUME;
	if (format != GUESS_UNKNOWN && !is_marked && may_be)
		g.kind = format;
	merge_numbers(&g, &c);
	bool is_pack = g.kind == GUESS_PACK;
	set_number(out, FIELD_volume, g.has_volume && !is_pack, g.volume);
	set_number(out, FIELD_volume_end, g.has_volume_end && !is_pack, g.volume_end);
	set_number(out, FIELD_chapter, g.has_chapter, g.chapter);
	set_number(out, FIELD_chapter_end, g.has_chapter_end, g.chapter_end);
	set_text(out, FIELD_series, g.series);
	set_text(out, FIELD_title, g.title);
	set_text(out, FIELD_language, g.language);
	if (g.year && !media_has(out, FIELD_year))
		media_set_int(out, FIELD_year, g.year);
	const char *kind = guess_kind_name(g.kind);
	media_set_text(out, FIELD_kind, kind, strlen(kind));
	if (g.rule)
		media_set_text(out, FIELD_rule, g.rule, strlen(g.rule));
}
