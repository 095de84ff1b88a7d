/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_repair.c and store_write_repair.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_REPAIR_H
#define COMMON_STORE_SQL_REPAIR_H

#include "common/store_repair_columns.h"

/* each begins with a comma: they stand after a first column that is written out */
#define NAMED(record, type, name) ", " #name
#define ASKED(record, type, name) ", ?"
#define TAKEN(record, type, name) ", " #name " = excluded." #name
#define GIVEN(record, type, name) ", excluded." #name
#define SET_TO(record, type, name) ", " #name " = ?"

/** Insertions that are not ended; the words of the index insertion_open. */
#define SQL_INSERTION_OPEN "step NOT IN ('done', 'failed', 'undone')"
#define SQL_JOURNAL_OPEN "step IN ('planned', 'undoing')"
/** Orders that need nobody's attention any more. */
#define SQL_TOLD_ENDED \
	"state IN ('completed', 'done', 'failed', 'aborted', 'cancelled', 'orphaned', 'refused', 'skipped')"
#define SQL_TORRENTS "SELECT 0" TORRENT_COLUMNS(NAMED) " FROM torrent "
#define SQL_TORRENT_ORDER "ORDER BY priority DESC, last_attempt_at, provider, id"
#define SQL_PERMANENTS "SELECT 0" PERMANENT_COLUMNS(NAMED) " FROM permanent "
#define SQL_RETRIES "SELECT 0" RETRY_COLUMNS(NAMED) " FROM retry "
#define SQL_SCANS "SELECT 0" SCAN_COLUMNS(NAMED) " FROM torrent_scan "
#define SQL_PLANS "SELECT 0" PLAN_COLUMNS(NAMED) " FROM plan "
#define SQL_JOURNAL "SELECT id" JOURNAL_COLUMNS(NAMED) " FROM journal "
#define SQL_INSERTIONS "SELECT id" INSERTION_COLUMNS(NAMED) " FROM insertion "
#define SQL_TOLD "SELECT id" TOLD_COLUMNS(NAMED) " FROM told_item "
/** Names of torrents that links of ours into are broken: bytes there, text here. */
#define SQL_BROKEN \
	"FROM symlink l JOIN target_dir d ON d.id = l.target_dir_id WHERE l.state > 0 AND l.state = ?1 " \
	"AND d.torrent <> x''"

#define STATEMENTS_REPAIR(SQL) \
	/* --- torrents --- */ \
	SQL(torrents, 1, SQL_TORRENTS SQL_TORRENT_ORDER) \
	SQL(torrents_failed, 1, \
	    SQL_TORRENTS "WHERE status IN ('magnet_error', 'error', 'virus', 'dead') OR broken > 0 " \
	    SQL_TORRENT_ORDER) \
	SQL(torrents_broken, 1, SQL_TORRENTS "WHERE broken > 0 " SQL_TORRENT_ORDER) \
	SQL(torrents_in, 0, SQL_TORRENTS "WHERE status = ?1 " SQL_TORRENT_ORDER) \
	SQL(torrent_get, 0, SQL_TORRENTS "WHERE provider = ?1 AND id = ?2") \
	SQL(torrents_named, 0, SQL_TORRENTS "WHERE provider = ?1 AND name = ?2 ORDER BY added_at DESC, id") \
	SQL(torrents_hashed, 0, \
	    SQL_TORRENTS "WHERE provider = ?1 AND hash = lower(?2) ORDER BY added_at DESC, id") \
	SQL(torrent_counts, 1, "SELECT status, count(*), sum(bytes) FROM torrent GROUP BY status") \
	SQL(torrent_put, 0, \
	    "INSERT INTO torrent(rowid" TORRENT_COLUMNS(NAMED) ") VALUES(NULL" TORRENT_COLUMNS(ASKED) ") " \
	    "ON CONFLICT(provider, id) DO UPDATE SET provider = excluded.provider" TORRENT_SAID(TAKEN) \
	    " WHERE (0" TORRENT_SAID(NAMED) ") IS NOT (0" TORRENT_SAID(GIVEN) ")") \
	SQL(torrent_gone, 0, \
	    "UPDATE torrent SET status = 'gone', gone_at = ?3 WHERE provider = ?1 AND id = ?2 AND " \
	    "status <> 'gone'") \
	SQL(torrent_tried, 0, \
	    "UPDATE torrent SET attempts = attempts + 1, last_attempt_at = max(last_attempt_at, ?3), " \
	    "last_success_at = CASE WHEN ?4 THEN max(last_success_at, ?3) ELSE last_success_at END " \
	    "WHERE provider = ?1 AND id = ?2") \
	SQL(torrent_count_broken, 1, \
	    "UPDATE torrent SET broken = b.n FROM (SELECT CAST(d.torrent AS TEXT) AS name, count(*) AS n " \
	    SQL_BROKEN " GROUP BY d.torrent) b WHERE torrent.name = b.name AND torrent.broken <> b.n") \
	SQL(torrent_uncount_broken, 1, \
	    "UPDATE torrent SET broken = 0 WHERE broken <> 0 AND name NOT IN (SELECT CAST(d.torrent AS TEXT) " \
	    SQL_BROKEN ")") \
	/* --- what was tried, and what is tried again --- */ \
	SQL(attempt_put, 0, \
	    "INSERT INTO attempt(id" ATTEMPT_COLUMNS(NAMED) ") VALUES(NULL" ATTEMPT_COLUMNS(ASKED) ")") \
	SQL(attempts, 1, \
	    "SELECT id" ATTEMPT_COLUMNS(NAMED) " FROM attempt ORDER BY attempt.id DESC LIMIT ?1") \
	SQL(permanents, 1, SQL_PERMANENTS "ORDER BY at DESC, provider, hash") \
	SQL(permanent_get, 0, SQL_PERMANENTS "WHERE provider = ?1 AND hash = lower(?2)") \
	SQL(permanent_put, 0, \
	    "INSERT INTO permanent(rowid" PERMANENT_COLUMNS(NAMED) ") VALUES(NULL" PERMANENT_COLUMNS(ASKED) ") " \
	    "ON CONFLICT(provider, hash) DO UPDATE SET " \
	    "handled_at = max(handled_at, excluded.handled_at)" PERMANENT_SAID(TAKEN) \
	    " WHERE handled_at < excluded.handled_at OR (0" PERMANENT_SAID(NAMED) ") IS NOT " \
	    "(0" PERMANENT_SAID(GIVEN) ")") \
	SQL(retries, 1, SQL_RETRIES "ORDER BY is_spent, due_at, provider, hash") \
	SQL(retry_get, 0, SQL_RETRIES "WHERE provider = ?1 AND hash = lower(?2)") \
	SQL(retry_put, 0, \
	    "INSERT INTO retry(rowid" RETRY_COLUMNS(NAMED) ") VALUES(NULL" RETRY_COLUMNS(ASKED) ") " \
	    "ON CONFLICT(provider, hash) DO UPDATE SET tries = max(tries, excluded.tries), " \
	    "is_spent = CASE WHEN excluded.tries < tries THEN max(is_spent, excluded.is_spent) ELSE " \
	    "excluded.is_spent END" RETRY_SAID(TAKEN) " WHERE excluded.tries > tries OR " \
	    "excluded.is_spent <> is_spent OR (0" RETRY_SAID(NAMED) ") IS NOT (0" RETRY_SAID(GIVEN) ")") \
	SQL(retry_delete, 0, "DELETE FROM retry WHERE provider = ?1 AND hash = lower(?2)") \
	/* --- scans --- */ \
	SQL(scans, 1, SQL_SCANS "WHERE kind NOT LIKE 'order %' ORDER BY kind") \
	SQL(scan_get, 0, SQL_SCANS "WHERE kind = ?1") \
	SQL(scan_put, 0, \
	    "INSERT INTO torrent_scan(rowid" SCAN_COLUMNS(NAMED) ") VALUES(NULL" SCAN_COLUMNS(ASKED) ") " \
	    "ON CONFLICT(kind) DO UPDATE SET kind = excluded.kind" SCAN_SAID(TAKEN) \
	    " WHERE (0" SCAN_SAID(NAMED) ") IS NOT (0" SCAN_SAID(GIVEN) ")") \
	/* --- plans --- */ \
	SQL(plan_last, 1, SQL_PLANS "ORDER BY rowid DESC LIMIT 1") \
	SQL(plan_get, 0, SQL_PLANS "WHERE hash = ?1") \
	SQL(plans_in, 1, SQL_PLANS "WHERE state = ?1 ORDER BY made_at") \
	SQL(plan_state, 0, "SELECT state = 'applying' FROM plan WHERE hash = ?1") \
	SQL(plan_put, 0, \
	    "INSERT OR REPLACE INTO plan(rowid" PLAN_COLUMNS(NAMED) ") VALUES(NULL" PLAN_COLUMNS(ASKED) ")") \
	SQL(plan_clear, 1, \
	    "DELETE FROM plan_item WHERE plan = ?1 OR plan IN (SELECT hash FROM plan WHERE state = 'planned')") \
	SQL(plan_supersede, 1, \
	    "UPDATE plan SET state = 'superseded' WHERE state = 'planned' AND hash <> ?1") \
	SQL(plan_set, 0, "UPDATE plan SET state = ?2 WHERE hash = ?1 AND state <> ?2") \
	SQL(plan_purge, 1, \
	    "DELETE FROM plan WHERE state NOT IN ('planned', 'applying') AND made_at < ?1 AND hash NOT IN " \
	    "(SELECT plan FROM journal) AND hash NOT IN (SELECT plan FROM insertion)") \
	SQL(plan_item_purge, 1, "DELETE FROM plan_item WHERE plan NOT IN (SELECT hash FROM plan)") \
	SQL(plan_items, 0, \
	    "SELECT 0" ITEM_COLUMNS(NAMED) " FROM plan_item WHERE plan = ?1 ORDER BY item") \
	SQL(plan_item_put, 0, \
	    "INSERT INTO plan_item(rowid" ITEM_COLUMNS(NAMED) ") VALUES(NULL" ITEM_COLUMNS(ASKED) ")") \
	SQL(plan_item_state, 0, "SELECT 1 FROM plan_item WHERE plan = ?1 AND item = ?2") \
	SQL(plan_item_set, 0, \
	    "UPDATE plan_item SET state = ?3, reason = ?4, changed_at = ?5 WHERE plan = ?1 AND item = ?2 " \
	    "AND (state <> ?3 OR reason <> ?4)") \
	/* --- the journal --- */ \
	SQL(journal_all, 1, SQL_JOURNAL "ORDER BY id DESC LIMIT ?1") \
	SQL(journal_of, 0, SQL_JOURNAL "WHERE plan = ?2 ORDER BY id DESC LIMIT ?1") \
	SQL(journal_get, 0, SQL_JOURNAL "WHERE id = ?1") \
	SQL(journal_open, 0, SQL_JOURNAL "WHERE " SQL_JOURNAL_OPEN " ORDER BY id DESC") \
	SQL(journal_count, 0, \
	    "SELECT count(*) FROM journal WHERE action = ?1 AND at >= ?2 AND step <> 'failed'") \
	SQL(journal_put, 0, \
	    "INSERT INTO journal(id" JOURNAL_COLUMNS(NAMED) ") VALUES(NULL" JOURNAL_COLUMNS(ASKED) ") " \
	    "RETURNING id") \
	SQL(journal_set, 0, \
	    "UPDATE journal SET id = ?1" JOURNAL_STEP(SET_TO) " WHERE id = ?1 AND (0" JOURNAL_STEP(NAMED) \
	    ") IS NOT (0" JOURNAL_STEP(ASKED) ")") \
	SQL(journal_purge, 1, \
	    "DELETE FROM journal WHERE at < ?1 AND ended_at < ?1 AND undone_at < ?1 AND NOT " SQL_JOURNAL_OPEN) \
	/* --- insertions --- */ \
	SQL(insertions, 0, SQL_INSERTIONS "WHERE " SQL_INSERTION_OPEN " ORDER BY next_at, id") \
	SQL(insertion_of, 0, \
	    SQL_INSERTIONS "WHERE provider = ?1 AND hash = lower(?2) AND " SQL_INSERTION_OPEN) \
	SQL(insertion_get, 0, SQL_INSERTIONS "WHERE id = ?1") \
	SQL(insertion_put, 0, \
	    "INSERT INTO insertion(id" INSERTION_COLUMNS(NAMED) ") VALUES(NULL" INSERTION_COLUMNS(ASKED) ") " \
	    "RETURNING id") \
	SQL(insertion_set, 0, \
	    "UPDATE insertion SET id = ?1" INSERTION_STEP(SET_TO) " WHERE id = ?1 AND (0" INSERTION_STEP(NAMED) \
	    ") IS NOT (0" INSERTION_STEP(ASKED) ")") \
	SQL(insertion_purge, 1, "DELETE FROM insertion WHERE changed_at < ?1 AND NOT " SQL_INSERTION_OPEN) \
	/* --- what managers were told --- */ \
	SQL(told, 1, SQL_TOLD "ORDER BY id DESC LIMIT ?1") \
	SQL(told_open, 1, SQL_TOLD "WHERE NOT " SQL_TOLD_ENDED " ORDER BY id") \
	SQL(told_get, 0, SQL_TOLD "WHERE id = ?1") \
	SQL(told_count, 0, "SELECT count(*) FROM told_item WHERE instance = ?1 AND at >= ?2") \
	SQL(told_put, 0, \
	    "INSERT INTO told_item(id" TOLD_COLUMNS(NAMED) ") VALUES(NULL" TOLD_COLUMNS(ASKED) ") RETURNING id") \
	SQL(told_set, 0, \
	    "UPDATE told_item SET id = ?1" TOLD_STEP(SET_TO) " WHERE id = ?1 AND (0" TOLD_STEP(NAMED) \
	    ") IS NOT (0" TOLD_STEP(ASKED) ")") \
	SQL(told_purge, 1, "DELETE FROM told_item WHERE at < ?1 AND changed_at < ?1 AND " SQL_TOLD_ENDED) \
	/* --- numbers --- */ \
	SQL(samples, 0, "SELECT 0" SAMPLE_COLUMNS(NAMED) " FROM sample WHERE at >= ?1 ORDER BY at, id") \
	SQL(sample_put, 0, \
	    "INSERT INTO sample(id" SAMPLE_COLUMNS(NAMED) ") VALUES(NULL" SAMPLE_COLUMNS(ASKED) ")") \
	SQL(sample_purge, 0, "DELETE FROM sample WHERE at < ?1") \
	SQL(attempt_purge, 0, "DELETE FROM attempt WHERE at < ?1") \
	SQL(journal_failed, 1, "SELECT count(*) FROM journal WHERE step = 'failed'") \
	SQL(repair_counts, 1, \
	    "SELECT (SELECT count(*) FROM attempt), (SELECT count(*) FROM attempt WHERE outcome = 'success'), " \
	    "(SELECT count(*) FROM attempt WHERE outcome <> 'success'), (SELECT count(*) FROM permanent), " \
	    "(SELECT count(*) FROM retry WHERE is_spent = 0), (SELECT count(*) FROM retry WHERE is_spent), " \
	    "(SELECT count(*) FROM insertion WHERE " SQL_INSERTION_OPEN "), (SELECT count(*) FROM journal), " \
	    "(SELECT count(*) FROM journal WHERE step = 'undone')")

#endif
