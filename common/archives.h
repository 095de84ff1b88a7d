/* SPDX-License-Identifier: GPL-3.0-or-later */
/** THE table of archives: the words of the option `archives`, each of which lets one reader open files. */
#ifndef COMMON_ARCHIVES_H
#define COMMON_ARCHIVES_H

/*   id, word */
#define ARCHIVES(A) \
	A(ZIP, "zip") \
	A(RAR, "rar") \
	A(SEVEN, "7z") \
	A(TAR, "tar") \
	A(EPUB, "epub") \
	A(PDF, "pdf")

enum {
#define A(id, word) ARCHIVE_BIT_##id,
	ARCHIVES(A)
#undef A
	ARCHIVE_KINDS,
};

/** A set of them is an unsigned. */
enum {
#define A(id, word) ARCHIVE_##id = 1 << ARCHIVE_BIT_##id,
	ARCHIVES(A)
#undef A
	ARCHIVE_ALL = (1 << ARCHIVE_KINDS) - 1,
};

/** By ARCHIVE_BIT_…. */
static const char *const ARCHIVE_WORDS[] = {
#define A(id, word) word,
	ARCHIVES(A)
#undef A
};

#endif
