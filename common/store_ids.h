/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Numbers of rows that are never given again, of the tables that a first scan fills: readers keep them as inodes and look
 * for rows that came and went by them.  AUTOINCREMENT promises the same, but reads and writes sqlite_sequence for each
 * row, which costs as much as half the row; here that table's rows are written once a transaction.
 *
 * Between common/store*.c only; one thread, that of the writer.
 */
#ifndef COMMON_STORE_IDS_H
#define COMMON_STORE_IDS_H

#include "common/store_private.h"

/** The next number of a row of that table, greater than all that were ever committed.  0 or -errno. */
int store_new_id(struct store *s, enum numbered table, int64_t *id);
/** Writes down what was given, in the transaction that uses it. */
int store_keep_ids(struct store *s);
/** The next @n numbers are given to nobody. */
int store_skip_ids(struct store *s, int64_t n);
/** After a transaction that was taken back: asks again. */
void store_forget_ids(struct store *s);
/** Tables of version 5, which SQLite numbered, become such tables. */
int store_to_version_6(struct store *s);

#endif
