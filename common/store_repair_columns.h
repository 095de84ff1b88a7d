/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The columns of the records of store_repair.h, each list once: the statements, how rows are read and bound, and
 * which texts a copy has to take along derive from it.  X(record, TYPE, name).
 */
#ifndef COMMON_STORE_REPAIR_COLUMNS_H
#define COMMON_STORE_REPAIR_COLUMNS_H

#include <stddef.h>

enum store_column_type {
	/** const char *; NULL is "". */
	COLUMN_TEXT,
	/** The same, kept in lower case: a hash. */
	COLUMN_HASH,
	/** struct bytes. */
	COLUMN_BYTES,
	COLUMN_INT,
	/** double, int, bool. */
	COLUMN_REAL,
	COLUMN_SHORT,
	COLUMN_FLAG,
};

struct store_column {
	enum store_column_type type;
	/** Where it is in the record. */
	size_t at;
};

struct store_columns {
	const struct store_column *data;
	size_t count;
	/** Of the record. */
	size_t size;
};

/* --- torrents: the key, what the provider says, what is known of it besides --- */

#define TORRENT_KEY(X) X(store_torrent, TEXT, provider) X(store_torrent, TEXT, id)
#define TORRENT_SAID(X) \
	X(store_torrent, HASH, hash) \
	X(store_torrent, TEXT, name) \
	X(store_torrent, TEXT, status) \
	X(store_torrent, INT, bytes) \
	X(store_torrent, INT, links) \
	X(store_torrent, REAL, progress) \
	X(store_torrent, INT, added_at) \
	X(store_torrent, INT, ended_at) \
	X(store_torrent, INT, last_seen) \
	X(store_torrent, INT, gone_at) \
	X(store_torrent, SHORT, priority)
#define TORRENT_KEPT(X) \
	X(store_torrent, INT, first_seen) \
	X(store_torrent, INT, attempts) \
	X(store_torrent, INT, last_attempt_at) \
	X(store_torrent, INT, last_success_at) \
	X(store_torrent, INT, broken)
#define TORRENT_COLUMNS(X) TORRENT_KEY(X) TORRENT_SAID(X) TORRENT_KEPT(X)

#define ATTEMPT_COLUMNS(X) \
	X(store_attempt, INT, at) \
	X(store_attempt, INT, response_ms) \
	X(store_attempt, TEXT, provider) \
	X(store_attempt, TEXT, torrent) \
	X(store_attempt, HASH, hash) \
	X(store_attempt, TEXT, name) \
	X(store_attempt, TEXT, outcome) \
	X(store_attempt, TEXT, error) \
	X(store_attempt, INT, code)

#define PERMANENT_KEY(X) X(store_permanent, TEXT, provider) X(store_permanent, HASH, hash)
#define PERMANENT_SAID(X) \
	X(store_permanent, TEXT, torrent) \
	X(store_permanent, TEXT, name) \
	X(store_permanent, TEXT, kind) \
	X(store_permanent, TEXT, reason)
#define PERMANENT_COLUMNS(X) \
	PERMANENT_KEY(X) PERMANENT_SAID(X) X(store_permanent, INT, at) X(store_permanent, INT, handled_at)

#define RETRY_KEY(X) X(store_retry, TEXT, provider) X(store_retry, HASH, hash)
#define RETRY_SAID(X) \
	X(store_retry, TEXT, torrent) \
	X(store_retry, TEXT, name) \
	X(store_retry, TEXT, kind) \
	X(store_retry, TEXT, reason) \
	X(store_retry, INT, due_at) \
	X(store_retry, INT, last_at)
#define RETRY_COLUMNS(X) \
	RETRY_KEY(X) RETRY_SAID(X) X(store_retry, INT, first_at) X(store_retry, INT, tries) \
		X(store_retry, FLAG, is_spent)

#define SCAN_SAID(X) \
	X(store_torrent_scan, TEXT, state) \
	X(store_torrent_scan, TEXT, error) \
	X(store_torrent_scan, INT, offset) \
	X(store_torrent_scan, INT, total) \
	X(store_torrent_scan, INT, started_at) \
	X(store_torrent_scan, INT, ended_at) \
	X(store_torrent_scan, INT, completed_at) \
	X(store_torrent_scan, INT, items) \
	X(store_torrent_scan, INT, calls)
#define SCAN_COLUMNS(X) X(store_torrent_scan, TEXT, kind) SCAN_SAID(X)

#define PLAN_COLUMNS(X) \
	X(store_plan, TEXT, hash) \
	X(store_plan, TEXT, state) \
	X(store_plan, INT, made_at) \
	X(store_plan, INT, items) \
	X(store_plan, INT, calls) \
	X(store_plan, INT, held) \
	X(store_plan, FLAG, automatic)

/** The first is the plan's hash, whatever the row says. */
#define ITEM_COLUMNS(X) \
	X(store_plan_item, TEXT, plan) \
	X(store_plan_item, INT, item) \
	X(store_plan_item, TEXT, action) \
	X(store_plan_item, TEXT, provider) \
	X(store_plan_item, TEXT, torrent) \
	X(store_plan_item, HASH, hash) \
	X(store_plan_item, TEXT, name) \
	X(store_plan_item, TEXT, link_ids) \
	X(store_plan_item, INT, links) \
	X(store_plan_item, TEXT, why) \
	X(store_plan_item, TEXT, evidence) \
	X(store_plan_item, INT, calls) \
	X(store_plan_item, TEXT, state) \
	X(store_plan_item, TEXT, reason) \
	X(store_plan_item, INT, changed_at)

#define JOURNAL_INTENT(X) \
	X(store_journal, INT, at) \
	X(store_journal, TEXT, plan) \
	X(store_journal, INT, item) \
	X(store_journal, TEXT, action) \
	X(store_journal, BYTES, root) \
	X(store_journal, BYTES, path) \
	X(store_journal, BYTES, before) \
	X(store_journal, INT, uid) \
	X(store_journal, INT, gid) \
	X(store_journal, INT, mtime) \
	X(store_journal, INT, inode)
/** What changes after the intent. */
#define JOURNAL_STEP(X) \
	X(store_journal, TEXT, step) \
	X(store_journal, TEXT, error) \
	X(store_journal, BYTES, after) \
	X(store_journal, INT, ended_at) \
	X(store_journal, INT, undone_at)
#define JOURNAL_COLUMNS(X) JOURNAL_INTENT(X) JOURNAL_STEP(X)

#define INSERTION_KEY(X) \
	X(store_insertion, TEXT, provider) \
	X(store_insertion, HASH, hash) \
	X(store_insertion, INT, started_at)
#define INSERTION_STEP(X) \
	X(store_insertion, TEXT, name) \
	X(store_insertion, TEXT, plan) \
	X(store_insertion, INT, item) \
	X(store_insertion, TEXT, old_id) \
	X(store_insertion, TEXT, new_id) \
	X(store_insertion, INT, is_ours) \
	X(store_insertion, TEXT, step) \
	X(store_insertion, TEXT, error) \
	X(store_insertion, TEXT, paths) \
	X(store_insertion, INT, changed_at) \
	X(store_insertion, INT, next_at) \
	X(store_insertion, INT, deadline) \
	X(store_insertion, INT, tries)
#define INSERTION_COLUMNS(X) INSERTION_KEY(X) INSERTION_STEP(X)

#define TOLD_GIVEN(X) \
	X(store_told_item, INT, at) \
	X(store_told_item, INT, item) \
	X(store_told_item, TEXT, instance) \
	X(store_told_item, TEXT, action) \
	X(store_told_item, TEXT, path)
#define TOLD_STEP(X) \
	X(store_told_item, TEXT, title) \
	X(store_told_item, INT, command_id) \
	X(store_told_item, INT, changed_at) \
	X(store_told_item, TEXT, state) \
	X(store_told_item, TEXT, text)
#define TOLD_COLUMNS(X) TOLD_GIVEN(X) TOLD_STEP(X)

#define SAMPLE_COLUMNS(X) \
	X(store_repair_sample, INT, at) \
	X(store_repair_sample, TEXT, type) \
	X(store_repair_sample, TEXT, name) \
	X(store_repair_sample, TEXT, tags) \
	X(store_repair_sample, REAL, value)

/** Lists under the name of their record: store_NAME_columns. */
#define REPAIR_RECORDS(R) \
	R(torrent, TORRENT_COLUMNS) \
	R(attempt, ATTEMPT_COLUMNS) \
	R(permanent, PERMANENT_COLUMNS) \
	R(retry, RETRY_COLUMNS) \
	R(torrent_scan, SCAN_COLUMNS) \
	R(plan, PLAN_COLUMNS) \
	R(plan_item, ITEM_COLUMNS) \
	R(journal, JOURNAL_COLUMNS) \
	R(insertion, INSERTION_COLUMNS) \
	R(told_item, TOLD_COLUMNS) \
	R(repair_sample, SAMPLE_COLUMNS)

#define R(name, list) extern const struct store_columns store_##name##_columns;
REPAIR_RECORDS(R)
#undef R

/** The parts of rows that are written later on. */
#define REPAIR_PARTS(R) \
	R(journal, step, JOURNAL_STEP) \
	R(insertion, step, INSERTION_STEP) \
	R(told_item, step, TOLD_STEP)

#define R(name, part, list) extern const struct store_columns store_##name##_##part##_columns;
REPAIR_PARTS(R)
#undef R

#endif
