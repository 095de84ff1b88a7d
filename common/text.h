/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Text: UTF-8, folding for comparison, names that are safe to show.
 * Paths are bytes, titles are text (DESIGN.md, rule 4).
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/**
 * Decodes one character.  Returns its length in bytes (1–4) with the code point in *cp; 0 when
 * the bytes at @s are not valid UTF-8 (overlong forms, surrogates and > U+10FFFF included).
 */
size_t text_decode(const char *s, size_t n, uint32_t *cp);

/** Appends a code point as UTF-8. */
void text_append(struct buf *b, uint32_t cp);

/** True when all @n bytes are valid UTF-8. */
bool text_is_utf8(const char *s, size_t n);

/** Appends @s with each invalid byte replaced by U+FFFD. */
void text_to_utf8(const char *s, size_t n, struct buf *out);

/** Appends Latin-1 bytes as UTF-8. */
void text_from_latin1(const char *s, size_t n, struct buf *out);

/** Bytes of the longest prefix of @s with at most @max bytes that ends between characters. */
size_t text_cut(const char *s, size_t n, size_t max);

/** True for control characters and for those that change direction or hide (bidi, zero width
 * no-break, line and paragraph separators): never shown raw. */
bool text_is_control(uint32_t cp);

/**
 * A tag's text made clean: valid UTF-8, control characters become spaces, ends trimmed, at most
 * @max bytes.
 */
void text_clean(const char *s, size_t n, size_t max, struct buf *out);

/**
 * For equality of names: NFC, case folded, white space collapsed and trimmed.  Accents and
 * punctuation count.
 */
int text_fold_case(const char *s, size_t n, struct buf *out);

/**
 * For equality of titles: as above, and accents dropped, punctuation and symbols a space.  When
 * nothing would be left ("!!!"), the same as text_fold_case().
 */
int text_fold_title(const char *s, size_t n, struct buf *out);

/**
 * A name for the mount: no '/', NUL, control or Samba-unsafe character (each becomes '_'), no
 * leading dot, no trailing space, at most 255 bytes cut at a character; "_" when nothing is left.
 * @reserve: bytes kept free below 255 for a suffix such as " (2)" or ".flac".
 */
void text_safe_name(const char *s, size_t n, size_t reserve, struct buf *out);

/** FNV-1a, mixed once more: the upper bits are the better ones.  In stores: it never changes. */
uint64_t text_hash(const char *s, size_t n);

/** Levenshtein distance of two short words, for "did you mean"; at most 64 bytes are looked at. */
unsigned text_distance(const char *a, const char *b);

#endif
