/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Fields one behind the other, in few bytes; between store_pack.c and store_pack_more.c only.
 *
 * A field is a key (its number of table `field`, eight times, plus the form) and a value:
 * numbers have seven bits a byte, lowest first.
 */
#ifndef COMMON_STORE_PACK_MORE_H
#define COMMON_STORE_PACK_MORE_H

#include "common/store_private.h"

enum {
	UUID_BYTES = 16,
	UUID_TEXT = 36,
};

/** Whether @text (UUID_TEXT bytes) is one in small letters, which it then is again. */
bool uuid_pack(const char *text, uint8_t *bytes);
void uuid_unpack(const uint8_t *bytes, char *text);

/** Adds the fields of @set. */
int more_pack(struct store *s, const struct media *m, uint64_t set, struct buf *out);
/** What has a number that nobody knows, or is no field any more, is left out.  0 or -EBADMSG. */
int more_unpack(struct store *s, struct bytes packed, struct media *m);
/** Adds to *set which fields there are.  The same. */
int more_fields(struct store *s, struct bytes packed, uint64_t *set);

#endif
