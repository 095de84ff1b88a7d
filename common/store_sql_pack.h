/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What questions say of columns that are packed; how they are: store_pack.h. */
#ifndef COMMON_STORE_SQL_PACK_H
#define COMMON_STORE_SQL_PACK_H

/** Behind {t.track} in every question for tracks: file f, album a. */
#define PACK_NAMES "f.name, a.title, a.artist"
/** The word "id3v1" of tag_source. */
#define PACK_ID3V1 "0"

/** Numbers are indexed by their last 23 bits, which nearly always tell them apart.  (The plus keeps SQLite
 * from putting the number into the first comparison, which then finds no index.) */
#define PACK_LOW(number) "(" number ") & 8388607"
#define PACK_IS(column, number) PACK_LOW(column) " = " PACK_LOW(number) " AND +" column " = " number

/** The time of the last change is kept as that since the birth of the file. */
#define PACK_CTIME(prefix) prefix "since_birth + " prefix "btime"

/** How an album is called on a shelf: spot p, album a. */
#define PACK_SHOWN \
	"CASE p.shown WHEN 0 THEN a.title WHEN 1 THEN a.artist || ' - ' || a.title ELSE p.shown END"

#endif
