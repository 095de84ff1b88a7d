/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The markers that say what a number is, in the languages people name their files in, and the
 * scan that finds them.  To teach it a word, add a row; no row may hold a title.
 */
#include "indexer/extract/guess_tokens.h"

#include "common/cleanup.h"

enum marker_flag {
	/** A letter: needs its number close, "v 3" or "v.3" but not "v-3". */
	LETTER = 1 << 0,
	/** Written in capitals only: "HS", "INT". */
	CAPITALS = 1 << 1,
	/** Means something without a number. */
	ALONE = 1 << 2,
	/** The number may come first: "2 Глава". */
	AFTER = 1 << 3,
	/** A plural that counts: "3 tomes". */
	COUNT = 1 << 4,
	/** Alone it counts only at the end. */
	WEAK = 1 << 5,
	/** Needs its full stop, being another word without. */
	STOP = 1 << 6,
	/** Roman numbers and number words are understood too. */
	WORDY = 1 << 7,
	/** Only a number with a leading zero: otherwise it belongs to the title. */
	PADDED = 1 << 8,
};

static const struct marker {
	const char *text;
	enum token_type type;
	unsigned flags;
	const char *rule;
} markers[] = {
	{"tomes", TOKEN_VOLUME, COUNT, "tome"},
	{"tome", TOKEN_VOLUME, WORDY, "tome"},
	{"tom", TOKEN_VOLUME, WORDY, "tome"},
	{"tomos", TOKEN_VOLUME, COUNT, "tome"},
	{"tomo", TOKEN_VOLUME, WORDY, "tome"},
	{"t", TOKEN_VOLUME, LETTER, "t"},
	{"volumes", TOKEN_VOLUME, COUNT, "volume"},
	{"volume", TOKEN_VOLUME, WORDY, "volume"},
	{"volumi", TOKEN_VOLUME, COUNT, "volume"},
	{"volumen", TOKEN_VOLUME, WORDY, "volume"},
	{"vols", TOKEN_VOLUME, COUNT, "vol"},
	{"vol", TOKEN_VOLUME, WORDY, "vol"},
	{"v", TOKEN_VOLUME, LETTER, "v"},
	{"baende", TOKEN_VOLUME, COUNT, "band"},
	{"bande", TOKEN_VOLUME, COUNT, "band"},
	{"band", TOKEN_VOLUME, AFTER, "band"},
	{"bd", TOKEN_VOLUME, STOP, "band"},
	{"bd", TOKEN_VOLUME, PADDED, "band"},
	{"deel", TOKEN_VOLUME, 0, "deel"},
	{"cilt", TOKEN_VOLUME, AFTER, "cilt"},
	{"tap", TOKEN_VOLUME, 0, "tap"},
	{"jilid", TOKEN_VOLUME, 0, "jilid"},
	{"kotet", TOKEN_VOLUME, AFTER, "kotet"},
	{"svazek", TOKEN_VOLUME, AFTER, "svazek"},
	{"dil", TOKEN_VOLUME, 0, "svazek"},
	{"tomul", TOKEN_VOLUME, WORDY, "tome"},
	{"volym", TOKEN_VOLUME, 0, "volume"},
	{"المجلد", TOKEN_VOLUME, 0, "mujallad"},
	{"مجلد", TOKEN_VOLUME, 0, "mujallad"},
	{"כרך", TOKEN_VOLUME, 0, "kerekh"},
	{"livre", TOKEN_VOLUME, WORDY, "book"},
	{"libro", TOKEN_VOLUME, WORDY, "book"},
	{"books", TOKEN_VOLUME, 0, "book"},
	{"book", TOKEN_VOLUME, WORDY, "book"},
	{"light books", TOKEN_VOLUME, 0, "novel"},
	{"light novels", TOKEN_VOLUME, 0, "novel"},
	{"light novel", TOKEN_VOLUME, 0, "novel"},
	{"novels", TOKEN_VOLUME, 0, "novel"},
	{"novel", TOKEN_VOLUME, 0, "novel"},
	{"ln", TOKEN_VOLUME, 0, "novel"},
	{"discs", TOKEN_VOLUME, 0, "disc"},
	{"disc", TOKEN_VOLUME, 0, "disc"},
	{"omnibus", TOKEN_VOLUME, 0, "omnibus"},
	{"тома", TOKEN_VOLUME, AFTER, "tom"},
	{"том", TOKEN_VOLUME, AFTER, "tom"},
	{"т", TOKEN_VOLUME, LETTER, "tom"},
	{"книга", TOKEN_VOLUME, AFTER, "tom"},
	{"เล่มที่", TOKEN_VOLUME, 0, "lem"},
	{"เล่ม", TOKEN_VOLUME, 0, "lem"},
	{"卷", TOKEN_VOLUME, 0, "cjk-volume"},
	{"巻", TOKEN_VOLUME, 0, "cjk-volume"},
	{"#", TOKEN_ISSUE, 0, "issue"},
	{"n°", TOKEN_ISSUE, 0, "issue"},
	{"№", TOKEN_ISSUE, 0, "issue"},
	{"nos", TOKEN_ISSUE, STOP, "issue"},
	{"no", TOKEN_ISSUE, PADDED, "issue"},
	{"n", TOKEN_ISSUE, LETTER | STOP, "issue"},
	{"nr", TOKEN_ISSUE, 0, "issue"},
	{"num", TOKEN_ISSUE, 0, "issue"},
	{"numero", TOKEN_ISSUE, 0, "issue"},
	{"issue", TOKEN_ISSUE, 0, "issue"},
	{"heft", TOKEN_ISSUE, 0, "issue"},
	{"ausgabe", TOKEN_ISSUE, 0, "issue"},
	{"выпуск", TOKEN_ISSUE, AFTER, "issue"},
	{"chapters", TOKEN_CHAPTER, 0, "chapter"},
	{"chapter", TOKEN_CHAPTER, WORDY, "chapter"},
	{"chapitres", TOKEN_CHAPTER, 0, "chapter"},
	{"chapitre", TOKEN_CHAPTER, WORDY, "chapter"},
	{"chaps", TOKEN_CHAPTER, 0, "chapter"},
	{"chap", TOKEN_CHAPTER, 0, "chapter"},
	{"chps", TOKEN_CHAPTER, 0, "chapter"},
	{"chp", TOKEN_CHAPTER, 0, "chapter"},
	{"chs", TOKEN_CHAPTER, 0, "chapter"},
	{"ch", TOKEN_CHAPTER, 0, "chapter"},
	{"c", TOKEN_CHAPTER, LETTER, "c"},
	{"scan", TOKEN_CHAPTER, 0, "scan"},
	{"capitulos", TOKEN_CHAPTER, 0, "chapter"},
	{"capitulo", TOKEN_CHAPTER, 0, "chapter"},
	{"capitoli", TOKEN_CHAPTER, 0, "chapter"},
	{"capitolo", TOKEN_CHAPTER, 0, "chapter"},
	{"cap", TOKEN_CHAPTER, 0, "chapter"},
	{"kapitel", TOKEN_CHAPTER, AFTER, "chapter"},
	{"kap", TOKEN_CHAPTER, 0, "chapter"},
	{"hoofdstuk", TOKEN_CHAPTER, 0, "chapter"},
	{"rozdzial", TOKEN_CHAPTER, 0, "chapter"},
	{"bolum", TOKEN_CHAPTER, AFTER, "chapter"},
	{"chuong", TOKEN_CHAPTER, 0, "chapter"},
	{"глава", TOKEN_CHAPTER, AFTER, "glava"},
	{"главы", TOKEN_CHAPTER, AFTER, "glava"},
	{"гл", TOKEN_CHAPTER, 0, "glava"},
	{"الفصل", TOKEN_CHAPTER, 0, "fasl"},
	{"فصل", TOKEN_CHAPTER, 0, "fasl"},
	{"פרק", TOKEN_CHAPTER, 0, "perek"},
	{"ตอนที่", TOKEN_CHAPTER, 0, "ton"},
	{"ตอน", TOKEN_CHAPTER, 0, "ton"},
	{"บทที่", TOKEN_CHAPTER, 0, "bot"},
	{"บท", TOKEN_CHAPTER, 0, "bot"},
	{"episodes", TOKEN_EPISODE, 0, "episode"},
	{"episode", TOKEN_EPISODE, 0, "episode"},
	{"eps", TOKEN_EPISODE, 0, "episode"},
	{"ep", TOKEN_EPISODE, 0, "episode"},
	{"integrales", TOKEN_PACK, ALONE, "integrale"},
	{"integrale", TOKEN_PACK, ALONE, "integrale"},
	{"integral", TOKEN_PACK, ALONE | WEAK, "integrale"},
	{"int", TOKEN_PACK, CAPITALS | ALONE | WEAK, "integrale"},
	{"coffret", TOKEN_PACK, ALONE, "pack"},
	{"box set", TOKEN_PACK, ALONE, "pack"},
	{"serie complete", TOKEN_PACK, ALONE, "integrale"},
	{"complete series", TOKEN_PACK, ALONE | WEAK, "integrale"},
	{"collection complete", TOKEN_PACK, ALONE, "integrale"},
	{"complete collection", TOKEN_PACK, ALONE, "integrale"},
	{"pack", TOKEN_PACK, ALONE | WEAK, "pack"},
	{"batch", TOKEN_PACK, ALONE | WEAK, "pack"},
	{"complete", TOKEN_PACK, ALONE | WEAK, "integrale"},
	{"complet", TOKEN_PACK, ALONE | WEAK, "integrale"},
	{"sp", TOKEN_SPECIAL, CAPITALS, "special"},
	{"hs", TOKEN_SPECIAL, CAPITALS | ALONE, "special"},
	{"hors serie", TOKEN_SPECIAL, ALONE, "special"},
	{"hors series", TOKEN_SPECIAL, ALONE, "special"},
	{"omake", TOKEN_SPECIAL, ALONE | WEAK, "special"},
	{"special", TOKEN_SPECIAL, ALONE | WEAK, "special"},
	{"specials", TOKEN_SPECIAL, ALONE | WEAK, "special"},
	{"extra", TOKEN_SPECIAL, ALONE | WEAK, "special"},
	{"extras", TOKEN_SPECIAL, ALONE | WEAK, "special"},
	{"bonus", TOKEN_SPECIAL, ALONE | WEAK, "special"},
	{"art book", TOKEN_SPECIAL, ALONE, "special"},
	{"fan book", TOKEN_SPECIAL, ALONE, "special"},
	{"official guidebook", TOKEN_SPECIAL, ALONE, "special"},
	{"guide book", TOKEN_SPECIAL, ALONE, "special"},
	{"data book", TOKEN_SPECIAL, ALONE, "special"},
	{"character book", TOKEN_SPECIAL, ALONE, "special"},
	{"visual book", TOKEN_SPECIAL, ALONE, "special"},
	{"illustration book", TOKEN_SPECIAL, ALONE, "special"},
	{"guide officiel", TOKEN_SPECIAL, ALONE, "special"},
	{"official guide", TOKEN_SPECIAL, ALONE, "special"},
	{"one shot", TOKEN_ONESHOT, ALONE, "oneshot"},
	{"part", TOKEN_OTHER, WORDY, "part"},
	{"partie", TOKEN_OTHER, WORDY, "part"},
	{"parte", TOKEN_OTHER, WORDY, "part"},
	{"teil", TOKEN_OTHER, WORDY, "part"},
	{"часть", TOKEN_OTHER, 0, "part"},
	{"arc", TOKEN_OTHER, WORDY, "part"},
	{"act", TOKEN_OTHER, WORDY, "part"},
	{"season", TOKEN_OTHER, WORDY, "part"},
	{"saison", TOKEN_OTHER, WORDY, "part"},
	{"cycle", TOKEN_OTHER, WORDY, "part"},
	{"phase", TOKEN_OTHER, WORDY, "part"},
	{"pages", TOKEN_OTHER, AFTER, "page"},
	{"page", TOKEN_OTHER, 0, "page"},
	{"pg", TOKEN_OTHER, 0, "page"},
	{"p", TOKEN_OTHER, LETTER, "page"},
};

/* What follows a number without a space. */
static const struct counter {
	const char *text;
	enum token_type type;
	/** Only after 第, being an everyday word otherwise. */
	bool needs_ordinal;
	const char *rule;
} counters[] = {
	{"巻", TOKEN_VOLUME, false, "cjk-volume"},   {"卷", TOKEN_VOLUME, false, "cjk-volume"},
	{"册", TOKEN_VOLUME, false, "cjk-volume"},   {"冊", TOKEN_VOLUME, false, "cjk-volume"},
	{"권", TOKEN_VOLUME, false, "cjk-volume"},   {"장", TOKEN_VOLUME, false, "cjk-volume"},
	{"집", TOKEN_VOLUME, false, "cjk-volume"},   {"話", TOKEN_CHAPTER, false, "cjk-chapter"},
	{"话", TOKEN_CHAPTER, false, "cjk-chapter"}, {"화", TOKEN_CHAPTER, false, "cjk-chapter"},
	{"회", TOKEN_CHAPTER, false, "cjk-chapter"}, {"편", TOKEN_CHAPTER, false, "cjk-chapter"},
	{"集", TOKEN_CHAPTER, true, "cjk-chapter"},  {"回", TOKEN_CHAPTER, true, "cjk-chapter"},
	{"章", TOKEN_CHAPTER, true, "cjk-chapter"},  {"期", TOKEN_VOLUME, true, "cjk-volume"},
	{"月号", TOKEN_OTHER, false, "month"},       {"월호", TOKEN_OTHER, false, "month"},
	{"年", TOKEN_YEAR, false, "year"},           {"년", TOKEN_YEAR, false, "year"},
};

/* Volumes in two or three parts.  The last of two and the last of three look alike: a pair is
 * much more frequent. */
static const struct {
	const char *text;
	double value;
} halves[] = {
	{"上巻", 1}, {"上卷", 1}, {"上册", 1}, {"上冊", 1}, {"中巻", 2},
	{"中卷", 2}, {"下巻", 2}, {"下卷", 2}, {"下册", 2}, {"下冊", 2},
};

static const struct counter *find_counter(const struct line *line, size_t i, bool has_ordinal,
					  size_t *end)
{
	for (size_t k = 0; k < COUNT_OF(counters); k++) {
		if (counters[k].needs_ordinal && !has_ordinal)
			continue;
		*end = line_match(line, i, counters[k].text);
		if (*end)
			return &counters[k];
	}
	return NULL;
}

/* The copy, version or part that clings to a number: "11v2", "006x1", "3b".  0 when the number
 * turns out to be part of a word. */
static size_t skip_cling(const struct line *line, size_t i)
{
	uint32_t key = line_key(line, i);
	if (!key_is_spaced(key))
		return i;
	if (line_match_word(line, i, "bis"))
		return line_match_word(line, i, "bis");
	struct number copy;
	/* "v5c40", "vol05ch040" */
	size_t word = i;
	while (key == 'c' && key_is_spaced(line_key(line, word)))
		word++;
	if (number_read(line, word, &copy) && !key_is_spaced(line_key(line, copy.end)))
		return i;
	if ((key == 'x' || key == 'v') && number_read(line, i + 1, &copy) &&
	    !key_is_spaced(line_key(line, copy.end)))
		return copy.end;
	bool is_part = (key == 'a' || key == 'b') && line->g[i].cp == key;
	bool ends = !key_is_spaced(line_key(line, i + 1)) && !key_is_digit(line_key(line, i + 1));
	return is_part && ends ? i + 1 : 0;
}

static void set_number(struct token *t, const struct number *num)
{
	t->num = *num;
	t->has_number = true;
	if (num->end > t->end)
		t->end = num->end;
}

/* 第N巻, N話, 全N巻, 제N권. */
static bool match_counted(const struct line *line, size_t i, struct token *t)
{
	size_t start = i;
	bool is_total = line_match(line, i, "全") != 0;
	bool has_ordinal = line_match(line, i, "第") || line_match(line, i, "제");
	if (is_total || has_ordinal)
		i = line_skip_spaces(line, i + 1);
	struct number num;
	bool is_kanji = false;
	if (!number_read_range(line, i, &num)) {
		is_kanji = (has_ordinal || is_total) && number_read_kanji(line, i, &num);
		if (!is_kanji)
			return false;
	}
	/* "38-1화": the first part of chapter 38 */
	struct number part;
	if (!num.is_range && line_key(line, num.end) == '-' &&
	    number_read(line, num.end + 1, &part) && part.digits == 1)
		num.end = part.end;
	size_t end = num.end;
	size_t after = line_skip_spaces(line, num.end);
	const struct counter *c =
		find_counter(line, has_ordinal ? after : num.end, has_ordinal, &end);
	if (!c && (!has_ordinal || is_kanji || key_is_letter(line_key(line, num.end))))
		return false;
	enum token_type type = c ? c->type : TOKEN_VOLUME;
	if (is_total)
		type = type == TOKEN_VOLUME ? TOKEN_COUNT : TOKEN_OTHER;
	if (type == TOKEN_YEAR && !number_is_year(&num))
		type = TOKEN_OTHER;
	*t = (struct token){.type = type, .start = start, .end = c ? end : num.end};
	t->rule = c ? c->rule : "cjk-volume";
	set_number(t, &num);
	return true;
}

static bool match_half(const struct line *line, size_t i, struct token *t)
{
	for (size_t k = 0; k < COUNT_OF(halves); k++) {
		size_t end = line_match(line, i, halves[k].text);
		if (!end || key_is_letter(line_key(line, end)))
			continue;
		*t = (struct token){
			.type = TOKEN_VOLUME, .start = i, .end = end, .rule = "cjk-half"};
		struct number num = {i, end, halves[k].value, halves[k].value, false, 1, false};
		set_number(t, &num);
		return true;
	}
	return false;
}

/* From the end of a marker to its number: "Vol. 5", "Volume: 5", "Tome n°5", "Chapter-12". */
static size_t skip_gap(const struct line *line, size_t i, unsigned flags)
{
	static const char *const signs[] = {"n°", "no.", "№", "#", "numero"};
	size_t next = line_skip_spaces(line, i);
	uint32_t key = line_key(line, next);
	bool is_glued = next == i && !(flags & LETTER);
	if (key == '.' || (key == ':' && !(flags & LETTER)) ||
	    (key == '-' && is_glued && key_is_digit(line_key(line, next + 1))))
		next = line_skip_spaces(line, next + 1);
	if (flags & LETTER)
		return next;
	for (size_t k = 0; k < COUNT_OF(signs); k++) {
		size_t end = line_match(line, next, signs[k]);
		if (end)
			return line_skip_spaces(line, end);
	}
	return next;
}

/* "Intégrale du Cycle 1" */
static size_t skip_pack_words(const struct line *line, size_t i)
{
	static const char *const words[] = {"du", "de la", "cycle", "saison", "arc", "n°", "-"};
	for (size_t k = 0; k < COUNT_OF(words); k++) {
		size_t end = line_match_word(line, line_skip_spaces(line, i), words[k]);
		if (end)
			i = line_skip_spaces(line, end);
	}
	return i;
}

static bool is_capitals(const struct line *line, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		if (line->g[i].cp == line->g[i].key && key_is_letter(line->g[i].key))
			return false;
	}
	return true;
}

/* "Vol.TBD": no number, and none will come. */
static size_t match_undecided(const struct line *line, size_t i)
{
	static const char *const words[] = {"tbd", "tba", "none", "null"};
	for (size_t k = 0; k < COUNT_OF(words); k++) {
		size_t end = line_match_word(line, i, words[k]);
		if (end)
			return end;
	}
	return 0;
}

static bool read_marked(const struct line *line, size_t i, const struct marker *m,
			struct number *num)
{
	if (number_read_range(line, i, num))
		return !(m->flags & PADDED) || num->is_padded;
	if (!(m->flags & WORDY) || !line_is_boundary(line, i))
		return false;
	return number_read_roman(line, i, num) || number_read_word(line, i, num);
}

/* A marker with its number behind it, or alone where that means something. */
static bool match_marker(const struct line *line, size_t i, const struct marker *m, struct token *t)
{
	size_t end = line_match_word(line, i, m->text);
	if (!end || ((m->flags & CAPITALS) && !is_capitals(line, i, end)))
		return false;
	/* "L'intégrale", but no "'t 5" */
	if ((m->flags & LETTER) && line_key(line, i - 1) == '\'')
		return false;
	if ((m->flags & STOP) && line_key(line, end) != '.')
		return false;
	*t = (struct token){.type = m->type, .start = i, .end = end, .rule = m->rule};
	t->is_letter = m->flags & LETTER;
	t->is_weak = m->flags & WEAK;
	size_t at = skip_gap(line, end, m->flags);
	if (m->type == TOKEN_PACK)
		at = skip_pack_words(line, at);
	struct number num;
	if (read_marked(line, at, m, &num)) {
		size_t after = key_is_digit(line_key(line, num.start)) ? skip_cling(line, num.end)
								       : num.end;
		if (after) {
			set_number(t, &num);
			t->end = after;
			return true;
		}
	}
	size_t undecided = m->type == TOKEN_VOLUME ? match_undecided(line, at) : 0;
	if (undecided) {
		t->type = TOKEN_CUT;
		t->end = undecided;
		return true;
	}
	bool ends_word = !key_is_digit(line_key(line, end));
	return (m->flags & ALONE) && ends_word;
}

/* "2 Глава", "3 tomes". */
static bool match_leading_number(const struct line *line, size_t i, struct token *t)
{
	struct number num;
	if (!number_read_range(line, i, &num))
		return false;
	size_t at = num.end;
	if (line_key(line, at) == '.')
		at++;
	at = line_skip_spaces(line, at);
	for (size_t k = 0; k < COUNT_OF(markers); k++) {
		const struct marker *m = &markers[k];
		if (!(m->flags & (AFTER | COUNT)))
			continue;
		size_t end = line_match_word(line, at, m->text);
		struct number next;
		if (!end || number_read(line, skip_gap(line, end, 0), &next))
			continue;
		bool counts = (m->flags & COUNT) && !num.is_range;
		*t = (struct token){.start = i, .end = end, .rule = m->rule};
		t->type = counts ? TOKEN_COUNT : m->type;
		set_number(t, &num);
		return true;
	}
	return false;
}

/* "034x1": part 1 of chapter 34. */
static bool match_part(const struct line *line, size_t i, struct token *t)
{
	struct number num, part;
	if (!number_read(line, i, &num) || num.digits < 2 || line_key(line, num.end) != 'x' ||
	    !number_read(line, num.end + 1, &part) || part.digits > 1 ||
	    key_is_letter(line_key(line, part.end)))
		return false;
	*t = (struct token){.type = TOKEN_CHAPTER, .start = i, .end = part.end, .rule = "part"};
	set_number(t, &num);
	t->end = part.end;
	return true;
}

/* No marker begins so. */
static bool is_silent(uint32_t key)
{
	return key < 0x80 && !key_is_letter(key) && key != '#';
}

/* @is_glued: a token ends at @i: "v5c40". */
static bool match_token(const struct line *line, size_t i, bool is_glued, struct token *t)
{
	if (match_counted(line, i, t) || match_half(line, i, t))
		return true;
	if (key_is_digit(line_key(line, i)))
		return line_is_boundary(line, i) &&
		       (match_part(line, i, t) || match_leading_number(line, i, t));
	if (key_is_spaced(line_key(line, i)) && !line_is_boundary(line, i) && !is_glued)
		return false;
	uint32_t key = line_key(line, i);
	for (size_t k = 0; k < COUNT_OF(markers) && !is_silent(key); k++) {
		if (match_marker(line, i, &markers[k], t))
			return true;
	}
	return false;
}

/* "v2016" is the year that a comic started; "(C85)" in front is a fair, not a chapter. */
static void reconsider(const struct line *line, struct token *t)
{
	if (t->is_letter && number_is_year(&t->num) && !t->num.is_range)
		t->type = TOKEN_YEAR;
	if (t->is_letter && t->type == TOKEN_CHAPTER && t->group && line->groups[0].start == 0 &&
	    t->group == 1)
		t->type = TOKEN_OTHER;
}

/* "T05 T06": nothing but a space between. */
static bool is_list(const struct line *line, const struct token *a, const struct token *b)
{
	if (line_skip_spaces(line, a->end) != b->start || a->end == b->start)
		return false;
	bool is_wide = a->num.digits >= 2 && a->num.digits == b->num.digits;
	return b->num.value == a->num.last + 1 || (is_wide && b->num.value > a->num.last);
}

/* "T01-T05", "第1巻～第3巻": two tokens that a joint makes one. */
static bool merge(const struct line *line, struct token *a, const struct token *b)
{
	bool is_kind = a->type == b->type && (a->type == TOKEN_VOLUME || a->type == TOKEN_CHAPTER ||
					      a->type == TOKEN_ISSUE || a->type == TOKEN_EPISODE);
	bool is_alike = is_kind && a->rule == b->rule && a->group == b->group;
	if (!is_alike || !a->has_number || !b->has_number)
		return false;
	struct span between = {a->end, b->start};
	if (!is_list(line, a, b) && !number_is_joint(line, between, a->num.last, b->num.value))
		return false;
	a->num.last = b->num.last;
	a->num.is_range = true;
	a->end = b->end;
	return true;
}

size_t tokens_find(struct line *line, size_t from, struct token *tokens)
{
	size_t count = 0;
	for (size_t i = from; i < line->n && count < LINE_MAX_TOKENS;) {
		struct token t;
		bool is_glued = count > 0 && tokens[count - 1].end == i;
		if (!match_token(line, i, is_glued, &t)) {
			/* A number is taken whole, not from its middle. */
			struct number num;
			i = number_read(line, i, &num) ? num.end : i + 1;
			continue;
		}
		t.group = line->g[i].group;
		reconsider(line, &t);
		for (size_t k = t.start; k < t.end; k++)
			line->g[k].is_used = true;
		i = t.end;
		if (count == 0 || !merge(line, &tokens[count - 1], &t))
			tokens[count++] = t;
	}
	return count;
}
