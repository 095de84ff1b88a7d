/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/season.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

enum {
	DIGITS_MOST = 4,
	/** Episodes in one file. */
	RUN_MOST = 50,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/** Behind the digits at @s; NULL when there are none, or too many. */
static const char *number(const char *s, int *out)
{
	int n = 0;
	*out = 0;
	for (; is_digit(s[n]); n++) {
		if (n == DIGITS_MOST)
			return NULL;
		*out = *out * 10 + (s[n] - '0');
	}
	return n ? s + n : NULL;
}

static const char *skip_marks(const char *s)
{
	return s + strspn(s, " ._-");
}

/** Further episodes of the same file: "E02", "-E03", "-03". */
static void read_run(const char *s, struct season *out)
{
	for (;;) {
		const char *next = skip_marks(s);
		bool has_letter = *next == 'e' || *next == 'E';
		int last;
		if (!has_letter && !(next == s + 1 && *s == '-'))
			return;
		s = number(next + has_letter, &last);
		if (!s || (is_word(*s) && *s != 'e' && *s != 'E') || last <= out->last || last - out->first > RUN_MOST)
			return;
		out->last = last;
	}
}

/** "S01E02" at @s. */
static bool read_letters(const char *s, struct season *out)
{
	if (*s != 's' && *s != 'S')
		return false;
	s = number(s + 1, &out->number);
	if (!s)
		return false;
	s = skip_marks(s);
	if (*s != 'e' && *s != 'E')
		return false;
	s = number(s + 1, &out->first);
	if (!s)
		return false;
	out->last = out->first;
	read_run(s, out);
	return true;
}

/** "1x02" at @s. */
static bool read_cross(const char *s, struct season *out)
{
	const char *behind = number(s, &out->number);
	if (!behind || behind - s > 2 || (*behind != 'x' && *behind != 'X'))
		return false;
	behind = number(behind + 1, &out->first);
	out->last = out->first;
	return behind && !is_word(*behind);
}

static bool read_name(const char *name, struct season *out)
{
	for (const char *s = name; *s; s++)
		if ((s == name || !is_word(s[-1])) && (read_letters(s, out) || read_cross(s, out)))
			return out->first > 0;
	return false;
}

/** A folder's name of @n bytes: "Season 1", "S01", "Specials". */
static bool read_folder(const char *s, size_t n, int *out)
{
	static const char *const words[] = {"season", "saison", "staffel", "temporada", "stagione", "series", "s"};
	if (n == 8 && strncasecmp(s, "specials", 8) == 0) {
		*out = 0;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t length = strlen(words[i]);
		if (n <= length || strncasecmp(s, words[i], length) != 0)
			continue;
		const char *behind = number(skip_marks(s + length), out);
		if (behind && !is_word(*behind))
			return true;
	}
	return false;
}

bool season_of_path(const char *path, struct season *out)
{
	bool has_folder = false;
	int folder = 0;
	struct season said = {0};
	for (const char *end = strchr(path, '/'); end; end = strchr(path, '/')) {
		has_folder = read_folder(path, (size_t)(end - path), &folder) || has_folder;
		path = end + 1;
	}
	bool has_name = read_name(path, &said);
	if (!has_name)
		said = (struct season){.number = folder};
	if ((!has_name && !has_folder) || (has_name && has_folder && folder != said.number))
		return false;
	*out = said;
	return true;
}
