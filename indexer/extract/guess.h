/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The one parser of names: what series, volume, chapter, year and language a file name tells.
 * Used by the scan, `mediamond guess`, and every search result.  Pure: no I/O, no state.
 */
#ifndef INDEXER_EXTRACT_GUESS_H
#define INDEXER_EXTRACT_GUESS_H

#include <stdbool.h>
#include <stddef.h>

enum guess_kind {
	GUESS_UNKNOWN = 0,
	GUESS_VOLUME,
	/** Several volumes: "T01-T05", an omnibus with a range, "Intégrale" with a range. */
	GUESS_RANGE,
	GUESS_CHAPTER,
	/** Half volumes are volumes; this is SP02, hors-série, artbook, omake… */
	GUESS_SPECIAL,
	GUESS_ONESHOT,
	/** An intégrale, pack or coffret that does not say which volumes. Shown as "range". */
	GUESS_PACK,
};

enum {
	GUESS_SERIES_MAX = 512,
};

struct guess {
	enum guess_kind kind;
	/** UTF-8, "" when the name tells none. */
	char series[GUESS_SERIES_MAX];
	/** What the name says besides (subtitle), "" when none. */
	char title[GUESS_SERIES_MAX];
	bool has_volume, has_volume_end, has_chapter, has_chapter_end;
	double volume, volume_end, chapter, chapter_end;
	/** True when a word or sign of the name marks the number as a volume (T03, v03, #3, 第3巻);
	 * false for a bare number, which ComicInfo may overrule. */
	bool explicit_volume, explicit_chapter;
	/** 0 when none. */
	int year;
	/** ISO 639-1, "" when none. */
	char language[8];
	/** The rule that decided the number, a constant such as "tome", "bare", "cjk-volume". */
	const char *rule;
};

/**
 * @name: bytes of a file name or of a path ('/' between parts; "C:/…" too); need not be UTF-8.
 * With folders: the series is the nearest folder that names one (generic folders such as
 * "Volumes", "Tomes", "Specials", "Season 1" are passed over), unless @out's name is richer as
 * the tests in tests/unit/guess.c say.  A known suffix (.cbz …) is dropped.
 */
void guess_name(const char *name, size_t n, struct guess *out);

/** "volume", "range", "chapter", "special", "oneshot", "unknown". */
const char *guess_kind_name(enum guess_kind kind);

/** The series that a folder's own name tells: tags, years, brackets dropped.  "" when generic. */
void guess_folder(const char *folder, size_t n, char series[static GUESS_SERIES_MAX]);

#endif
