/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_find.c and store_write_find.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_FIND_H
#define COMMON_STORE_SQL_FIND_H

/** A volume that is handed over, or is just being, is not looked for: q is its request. */
#define SQL_IS_FREE "(q.id IS NULL OR q.handed_id IS NULL OR q.state IN ('found', 'wanted', 'failed', 'gone'))"

/** Its volume is wanted again: a client failed, or somebody removed it; what waits longer than anything does was told to
 * before the clock was set back. */
#define SQL_IS_DUE_AGAIN "(q.state IN ('failed', 'gone') AND q.next_at > 0 AND q.next_at < 9223372036854775807 AND " \
	"(q.next_at <= ?1 OR q.next_at > ?1 + 1209600000000000))"

#define SQL_RESULT_COLUMNS \
	"id, key, source, guid, title, link, page, indexer, indexer_id, protocol, hash, size, " \
	"published_at, seeders, leechers, context, verdict, reason, first, last, complete, covers, " \
	"score, seen_at"

#define SQL_HANDED_COLUMNS \
	"h.id, h.ident, h.hash, h.protocol, h.source, h.guid, h.title, h.indexer, h.indexer_id, h.link, " \
	"h.size, h.client, h.step, h.text, h.progress, h.speed, h.seconds_left, h.automatic, h.tries, " \
	"h.next_at, h.created_at, h.sent_at, h.changed_at, h.missed"

/** Of a store_request. */
#define SQL_REQUEST_ROWS \
	"SELECT q.id, q.key, q.series, q.volume, q.flow, q.state, q.reason, q.tries, q.next_at, " \
	"q.created_at, q.changed_at, q.handed_id, q.result_id, ifnull(r.title, ''), " \
	"ifnull(r.source, ''), ifnull(r.indexer, ''), ifnull(r.size, -1), ifnull(r.first, 1), " \
	"ifnull(r.last, 0), " SQL_HANDED_COLUMNS \
	" FROM request q LEFT JOIN result r ON r.id = q.result_id LEFT JOIN handed h ON " \
	"h.id = q.handed_id "

#define STATEMENTS_FIND(SQL) \
	/* --- what the user wishes of a series --- */ \
	SQL(wish_get, 0, \
	    "SELECT key, title, monitored, automatic, total, language, ignored, url, aliases FROM wish " \
	    "WHERE key = ?") \
	SQL(wish_put, 0, \
	    "INSERT INTO wish(key, title, monitored, automatic, total, language, ignored, url, aliases, at) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET title = excluded.title, " \
	    "monitored = excluded.monitored, automatic = excluded.automatic, total = excluded.total, " \
	    "language = excluded.language, ignored = excluded.ignored, url = excluded.url, " \
	    "aliases = excluded.aliases, at = excluded.at") \
	SQL(series_key, 0, "SELECT key, title, shown FROM series WHERE id = ?") \
	SQL(series_touch, 0, "UPDATE series SET version = ?, at = ? WHERE key = ?") \
	/* --- authorities --- */ \
	SQL(authority_get, 0, \
	    "SELECT key, source, known, url, title, aliases, released, original, planned, planned_at, " \
	    "status, choices, asked_at, next_at, error, ordered_at FROM authority WHERE key = ? LIMIT 1") \
	SQL(authority_put, 0, \
	    "INSERT INTO authority(key, source, known, url, title, aliases, released, original, planned, " \
	    "planned_at, status, choices, asked_at, next_at, error, ordered_at) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(key, source) DO UPDATE SET " \
	    "known = excluded.known, url = excluded.url, title = excluded.title, " \
	    "aliases = excluded.aliases, released = excluded.released, original = excluded.original, " \
	    "planned = excluded.planned, planned_at = excluded.planned_at, status = excluded.status, " \
	    "choices = excluded.choices, asked_at = excluded.asked_at, next_at = excluded.next_at, " \
	    "error = excluded.error, ordered_at = excluded.ordered_at") \
	SQL(authority_next, 1, \
	    "SELECT s.id FROM series s LEFT JOIN wish w ON w.key = s.key " \
	    "LEFT JOIN authority a ON a.key = s.key AND a.source = ?1 " \
	    "WHERE s.owned <> '' AND s.owned <> '[]' AND (ifnull(a.ordered_at, 0) > 0 OR " \
	    "(?4 AND ifnull(w.monitored, ?3))) AND (ifnull(a.next_at, 0) <= ?2 OR " \
	    "a.asked_at > ?2 + 86400000000000 OR a.next_at > ?2 + CASE WHEN a.status IN ('finished', 'abandoned') " \
	    "THEN max(?5, ?6) ELSE ?5 END) " \
	    "ORDER BY ifnull(a.ordered_at, 0) > 0 DESC, ifnull(a.asked_at, 0), s.id LIMIT 1") \
	SQL(authority_due_at, 1, \
	    "SELECT min(a.next_at) FROM authority a JOIN series s ON s.key = a.key " \
	    "LEFT JOIN wish w ON w.key = a.key WHERE a.source = ?1 AND " \
	    "(a.ordered_at > 0 OR ifnull(w.monitored, ?2))") \
	SQL(news, 1, \
	    "SELECT s.title, s.shown, s.owned, a.source, a.released, a.original, a.planned, a.planned_at, " \
	    "a.status, a.asked_at, a.url, a.known, a.choices, a.error, s.id FROM authority a " \
	    "JOIN series s ON s.key = a.key ORDER BY s.shown_key") \
	SQL(announced, 0, \
	    "SELECT volume FROM missing WHERE series_id = ? AND kind = 'announced' ORDER BY volume") \
	/* --- searching --- */ \
	SQL(searched_get, 0, \
	    "SELECT key, source, at, tried_at, next_at, outcome, error, results, confirmed, streak, " \
	    "ordered_at FROM searched WHERE key = ?1 AND source = ?2") \
	SQL(searched_of, 0, \
	    "SELECT key, source, at, tried_at, next_at, outcome, error, results, confirmed, streak, " \
	    "ordered_at FROM searched WHERE key = ? ORDER BY source") \
	SQL(searched_put, 0, \
	    "INSERT INTO searched(key, source, at, tried_at, next_at, outcome, error, results, confirmed, " \
	    "streak, ordered_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0) " \
	    "ON CONFLICT(key, source) DO " \
	    "UPDATE SET at = excluded.at, tried_at = excluded.tried_at, next_at = excluded.next_at, " \
	    "outcome = excluded.outcome, error = excluded.error, results = excluded.results, " \
	    "confirmed = excluded.confirmed, streak = excluded.streak, ordered_at = CASE WHEN " \
	    "ordered_at > excluded.tried_at AND ordered_at <= ?11 THEN ordered_at ELSE 0 END") \
	SQL(searched_last, 1, \
	    "SELECT '', source, at, max(tried_at), next_at, outcome, error, results, confirmed, streak, " \
	    "ordered_at FROM searched WHERE tried_at > 0 GROUP BY source ORDER BY source") \
	SQL(meta_count, 0, \
	    "INSERT INTO meta(name, value) VALUES(?, '1') ON CONFLICT(name) DO UPDATE SET " \
	    "value = CAST(value AS INTEGER) + 1") \
	SQL(searched_order, 0, \
	    "INSERT INTO searched(key, source, at, tried_at, next_at, outcome, error, results, confirmed, " \
	    "streak, ordered_at) VALUES(?1, ?2, 0, 0, 0, '', '', 0, 0, 0, ?3) " \
	    "ON CONFLICT(key, source) DO UPDATE SET ordered_at = excluded.ordered_at") \
	SQL(searched_order_due, 1, \
	    "INSERT INTO searched(key, source, at, tried_at, next_at, outcome, error, results, confirmed, " \
	    "streak, ordered_at) SELECT s.key, ?1, 0, 0, 0, '', '', 0, 0, 0, ?2 FROM series s LEFT JOIN " \
	    "wish w ON w.key = s.key WHERE ifnull(w.monitored, ?3) AND EXISTS(SELECT 1 FROM missing m " \
	    "WHERE m.series_id = s.id) AND NOT EXISTS(SELECT 1 FROM searched x WHERE x.key = s.key AND " \
	    "x.source = ?1 AND x.next_at > ?2) ON CONFLICT(key, source) DO UPDATE SET " \
	    "ordered_at = excluded.ordered_at") \
	SQL(searched_again, 1, "UPDATE searched SET next_at = 0 WHERE key = ?") \
	SQL(searched_unorder, 1, "UPDATE searched SET ordered_at = 0 WHERE ordered_at > 0") \
	SQL(search_next, 1, \
	    "SELECT n.id, ifnull(x.ordered_at, 0) > 0, x.key IS NULL OR n.since > x.tried_at FROM " \
	    "(SELECT s.id AS id, s.key AS key, max(m.since) AS since FROM missing m " \
	    "JOIN series s ON s.id = m.series_id LEFT JOIN request q ON q.key = s.key AND " \
	    "q.volume = m.volume WHERE ((m.kind <> 'announced' AND ?4) OR (m.kind = 'announced' AND ?5)) " \
	    "AND " SQL_IS_FREE " AND NOT (?6 AND ifnull(q.state, '') = 'found' AND NOT EXISTS(SELECT 1 FROM " \
	    "searched o WHERE o.key = s.key AND o.source = ?1 AND o.ordered_at > 0)) GROUP BY s.id) n " \
	    "LEFT JOIN wish w ON w.key = n.key LEFT JOIN searched x ON x.key = n.key AND x.source = ?1 " \
	    "WHERE (ifnull(x.ordered_at, 0) > 0 OR (?9 AND ifnull(w.monitored, ?3) AND " \
	    "(x.key IS NULL OR x.next_at <= ?2 OR x.tried_at > ?2 OR n.since > x.tried_at))) AND " \
	    "(NOT ?6 OR ifnull(x.ordered_at, 0) > 0 OR (SELECT count(*) FROM searched y WHERE " \
	    "y.key = n.key AND y.tried_at >= n.since AND instr(?7, ' ' || y.source || ' ') > 0) >= ?8) " \
	    "ORDER BY 2 DESC, 3 DESC, ifnull(x.tried_at, 0), n.id LIMIT 1") \
	SQL(search_due_at, 1, \
	    "SELECT min(x.next_at) FROM searched x JOIN series s ON s.key = x.key LEFT JOIN wish w ON " \
	    "w.key = x.key WHERE x.source = ?1 AND ifnull(w.monitored, ?2) AND " \
	    "EXISTS(SELECT 1 FROM missing m WHERE m.series_id = s.id)") \
	SQL(wanted_of, 0, \
	    "SELECT m.volume, m.kind FROM missing m JOIN series s ON s.id = m.series_id " \
	    "LEFT JOIN request q ON q.key = s.key AND q.volume = m.volume WHERE m.series_id = ?1 AND " \
	    "((m.kind <> 'announced' AND ?2) OR (m.kind = 'announced' AND ?3)) AND " SQL_IS_FREE \
	    " ORDER BY m.volume") \
	SQL(wanted_series, 1, \
	    "SELECT s.id, s.title, ifnull(w.aliases, ''), ifnull(a.aliases, '') FROM series s " \
	    "LEFT JOIN wish w ON w.key = s.key LEFT JOIN authority a ON a.key = s.key " \
	    "WHERE ifnull(w.monitored, ?1) AND EXISTS(SELECT 1 FROM missing m WHERE m.series_id = s.id)") \
	SQL(wanted_count, 1, \
	    "SELECT count(*) FROM missing m JOIN series s ON s.id = m.series_id LEFT JOIN wish w ON " \
	    "w.key = s.key WHERE ifnull(w.monitored, ?1)") \
	SQL(usual_bytes, 0, \
	    "SELECT f.size FROM volume t JOIN file f ON f.id = t.file_id WHERE t.series_id = ? AND " \
	    "t.kind = 'volume' AND t.volume_end IS NULL ORDER BY f.size") \
	SQL(searched_counts, 1, \
	    "SELECT count(*), ifnull(sum(outcome = 'nothing'), 0) FROM searched WHERE at > ?1 OR " \
	    "(outcome = 'nothing' AND next_at > ?2)") \
	SQL(result_bytes, 1, \
	    "SELECT count(*), ifnull(sum(length(title) + length(guid) + length(link) + length(page) + " \
	    "length(reason) + length(context) + 120), 0) FROM result") \
	/* --- results --- */ \
	SQL(result_put, 0, \
	    "INSERT INTO result(key, source, guid, title, link, page, indexer, indexer_id, protocol, hash, " \
	    "size, published_at, seeders, leechers, context, verdict, reason, first, last, complete, " \
	    "covers, score, seen_at, ident) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " \
	    "?, ?, ?, ?, ?) ON CONFLICT(key, source, guid) DO UPDATE SET title = excluded.title, " \
	    "link = excluded.link, page = excluded.page, indexer = excluded.indexer, " \
	    "indexer_id = excluded.indexer_id, protocol = excluded.protocol, hash = excluded.hash, " \
	    "size = excluded.size, published_at = excluded.published_at, seeders = excluded.seeders, " \
	    "leechers = excluded.leechers, context = excluded.context, verdict = excluded.verdict, " \
	    "reason = excluded.reason, first = excluded.first, last = excluded.last, " \
	    "complete = excluded.complete, covers = excluded.covers, score = excluded.score, " \
	    "seen_at = excluded.seen_at, ident = excluded.ident") \
	SQL(result_expire, 0, "DELETE FROM result WHERE key = ?1 AND source = ?2 AND seen_at < ?3") \
	SQL(result_trim, 0, \
	    "DELETE FROM result WHERE key = ?1 AND source = ?2 AND id NOT IN (SELECT id FROM result " \
	    "WHERE key = ?1 AND source = ?2 ORDER BY verdict, score DESC LIMIT ?3)") \
	SQL(results_doubt, 1, \
	    "UPDATE result SET verdict = 1, reason = 'found when the series had another name; it is judged again when it " \
	    "is searched' WHERE key = ? AND verdict = 0") \
	SQL(result_any, 0, "SELECT id FROM result WHERE key = ? LIMIT 1") \
	SQL(result_get, 0, "SELECT " SQL_RESULT_COLUMNS " FROM result WHERE id = ?") \
	SQL(results_of, 0, \
	    "SELECT " SQL_RESULT_COLUMNS " FROM result WHERE key = ? ORDER BY verdict, score DESC, id") \
	SQL(results_for, 0, \
	    "SELECT " SQL_RESULT_COLUMNS " FROM result WHERE key = ?1 AND ((first <= ?2 AND last >= ?2) " \
	    "OR complete = 1 OR (verdict = 1 AND first > last)) ORDER BY verdict, score DESC, id") \
	SQL(result_best, 0, \
	    "SELECT r.id FROM result r WHERE r.key = ?1 AND r.verdict = 0 AND ((r.first <= ?2 AND " \
	    "r.last >= ?2) OR r.complete = 1) AND NOT EXISTS(SELECT 1 FROM handed h WHERE " \
	    "h.ident = r.ident) AND NOT EXISTS(SELECT 1 FROM handed h WHERE h.source = r.source AND " \
	    "h.guid = r.guid) ORDER BY r.score DESC, r.id LIMIT 1") \
	/* --- requests --- */ \
	SQL(request_of, 0, \
	    "SELECT id, state, result_id, handed_id, tries, next_at FROM request WHERE key = ? AND " \
	    "volume = ?") \
	SQL(request_put, 0, \
	    "INSERT INTO request(key, series, volume, flow, state, reason, result_id, handed_id, tries, " \
	    "next_at, created_at, changed_at, is_told) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, ?9, ?9, 0) " \
	    "ON CONFLICT(key, volume) DO UPDATE SET series = excluded.series, flow = excluded.flow, " \
	    "state = excluded.state, reason = excluded.reason, result_id = excluded.result_id, " \
	    "handed_id = excluded.handed_id, next_at = CASE WHEN excluded.handed_id IS NULL THEN next_at ELSE 0 END, " \
	    "is_told = CASE WHEN state = excluded.state THEN is_told " \
	    "ELSE 0 END, changed_at = CASE WHEN state = excluded.state " \
	    "THEN changed_at ELSE excluded.changed_at END") \
	SQL(request_due_again, 1, \
	    "SELECT s.id FROM request q JOIN series s ON s.key = q.key WHERE " SQL_IS_DUE_AGAIN " LIMIT 1") \
	SQL(requests_free, 1, \
	    "UPDATE request AS q SET next_at = 0 WHERE " SQL_IS_DUE_AGAIN " AND q.key = (SELECT key FROM series WHERE " \
	    "id = ?2)") \
	SQL(request_defer, 1, \
	    "UPDATE request SET next_at = ?2 WHERE result_id = ?1 AND handed_id IS NULL") \
	SQL(request_end, 0, \
	    "DELETE FROM request WHERE handed_id IS NULL AND key = (SELECT key FROM series WHERE id = ?)") \
	SQL(request_delete, 0, "DELETE FROM request WHERE id = ?") \
	SQL(request_state, 0, \
	    "UPDATE request SET state = ?2, reason = ?3, is_told = CASE WHEN (state = ?2 AND reason = ?3) OR " \
	    "(state = 'downloading' AND ?2 = 'sent') THEN is_told ELSE 0 END, changed_at = CASE WHEN state = ?2 THEN changed_at ELSE ?4 END, " \
	    "tries = tries + ?5, next_at = CASE WHEN ?6 > ?4 AND ?6 < 9223372036854775807 THEN " \
	    "?4 + ((?6 - ?4) << min(tries, 8)) ELSE ?6 END WHERE handed_id = ?1 AND state <> 'arrived'") \
	SQL(request_arrived, 0, \
	    "UPDATE request SET state = 'arrived', reason = '', tries = 0, next_at = 0, is_told = 0, changed_at = ?2 " \
	    "WHERE id = ?1") \
	SQL(requests_of_key, 0, \
	    "SELECT id, volume, handed_id, state FROM request WHERE key = ?") \
	SQL(handed_arrived, 0, \
	    "UPDATE handed SET step = 'arrived', text = '', progress = 1, speed = -1, seconds_left = -1, " \
	    "changed_at = ?2 WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM request q WHERE " \
	    "q.handed_id = ?1 AND q.state <> 'arrived')") \
	SQL(request_told, 0, "UPDATE request SET is_told = 1 WHERE id = ? AND state = ?") \
	SQL(requests_untold, 0, \
	    "SELECT q.id, q.series, q.volume, q.state, q.reason, q.flow, ifnull(r.title, " \
	    "ifnull(h.title, '')), ifnull(h.client, ''), q.handed_id FROM request q LEFT JOIN result r ON r.id = q.result_id " \
	    "LEFT JOIN handed h ON h.id = q.handed_id WHERE q.is_told = 0 ORDER BY q.handed_id, q.id") \
	SQL(requests, 1, SQL_REQUEST_ROWS "ORDER BY ifnull(q.handed_id, 1e15), q.series, q.volume") \
	SQL(requests_waiting, 1, \
	    SQL_REQUEST_ROWS "WHERE q.state = 'found' AND q.handed_id IS NULL ORDER BY q.series, q.volume LIMIT ?1") \
	SQL(requests_handed, 1, \
	    SQL_REQUEST_ROWS "WHERE q.handed_id IS NOT NULL ORDER BY q.state = 'arrived', q.changed_at DESC, " \
	    "q.handed_id, q.volume LIMIT ?1") \
	SQL(requests_handed_count, 1, "SELECT count(*) FROM request WHERE handed_id IS NOT NULL") \
	SQL(request_counts, 1, "SELECT state, count(*) FROM request WHERE handed_id IS NULL GROUP BY state") \
	SQL(request_get, 0, "SELECT id, key, volume, result_id, handed_id, state FROM request WHERE id = ?") \
	SQL(requests_of_handed, 0, \
	    "SELECT id, key, series, volume, state FROM request WHERE handed_id = ? ORDER BY volume") \
	SQL(requests_found, 0, \
	    "SELECT q.id, q.key, q.volume, q.flow, q.result_id, w.automatic, (SELECT m.since FROM series s JOIN " \
	    "missing m ON m.series_id = s.id WHERE s.key = q.key AND m.volume = q.volume) FROM request q " \
	    "LEFT JOIN wish w ON w.key = q.key WHERE q.state = 'found' AND q.handed_id IS NULL AND " \
	    "q.next_at <= ?1 AND ifnull(w.monitored, ?2) ORDER BY q.id") \
	/* --- what was handed to a client --- */ \
	SQL(handed_put, 0, \
	    "INSERT INTO handed(ident, hash, protocol, source, guid, title, indexer, indexer_id, link, " \
	    "size, client, step, text, progress, speed, seconds_left, automatic, tries, next_at, " \
	    "created_at, sent_at, changed_at, missed) SELECT ident, hash, protocol, source, guid, title, " \
	    "indexer, indexer_id, link, size, '', 'planned', '', 0, -1, -1, ?2, 0, 0, ?3, 0, ?3, 0 FROM result " \
	    "WHERE id = ?1 RETURNING id") \
	SQL(handed_find, 0, "SELECT id, step FROM handed WHERE ident = ?") \
	SQL(handed_of, 0, \
	    "SELECT id FROM handed WHERE source = ?1 AND guid = ?2 ORDER BY id DESC LIMIT 1") \
	SQL(handed_again, 0, \
	    "UPDATE handed SET step = 'planned', text = '', progress = 0, next_at = 0, changed_at = ?2, " \
	    "automatic = 0, missed = 0, tries = 0 WHERE id = ?1") \
	SQL(handed_get, 0, "SELECT " SQL_HANDED_COLUMNS " FROM handed h WHERE h.id = ?") \
	SQL(handed_due, 0, \
	    "SELECT " SQL_HANDED_COLUMNS " FROM handed h WHERE h.step IN ('planned', 'sent', 'unknown', " \
	    "'confirmed') AND (h.next_at <= ?1 OR h.next_at > ?1 + 172800000000000) " \
	    "ORDER BY h.next_at, h.id LIMIT 1") \
	SQL(handed_next_at, 0, \
	    "SELECT min(next_at) FROM handed WHERE step IN ('planned', 'sent', 'unknown', 'confirmed')") \
	SQL(handed_set, 0, \
	    "UPDATE handed SET hash = ?2, ident = ?3, client = ?4, step = ?5, text = ?6, progress = ?7, " \
	    "speed = ?8, seconds_left = ?9, tries = ?10, next_at = ?11, sent_at = ?12, " \
	    "changed_at = CASE WHEN step <> ?5 OR progress <> ?7 OR changed_at > ?13 THEN ?13 ELSE changed_at END, " \
	    "missed = ?14 WHERE id = ?1") \
	SQL(handed_stuck, 0, \
	    "SELECT count(*), ifnull(min(changed_at), 0) FROM handed WHERE step IN ('sent', 'unknown', 'confirmed')") \
	SQL(handed_today, 0, \
	    "SELECT count(*) FROM handed WHERE automatic = 1 AND created_at > ?") \
	SQL(handed_purge, 1, \
	    "DELETE FROM handed WHERE changed_at < ? AND step IN ('arrived', 'failed', 'gone') AND " \
	    "NOT EXISTS(SELECT 1 FROM request q WHERE q.handed_id = handed.id AND q.state <> 'arrived') AND " \
	    "(step = 'arrived' OR (ident NOT IN (SELECT ident FROM result) AND guid NOT IN (SELECT guid FROM result)))") \
	SQL(request_purge, 1, "DELETE FROM request WHERE state = 'arrived' AND changed_at < ?") \
	/* --- hosts and feeds --- */ \
	SQL(host_put, 0, \
	    "INSERT INTO host(name, day, used_day, refused_day, calls, failures, refusals, open_at, reason, " \
	    "streak, last_ok_at, last_failure_at, recent) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(name) DO UPDATE SET day = excluded.day, used_day = excluded.used_day, " \
	    "refused_day = excluded.refused_day, calls = excluded.calls, failures = excluded.failures, " \
	    "refusals = excluded.refusals, open_at = excluded.open_at, reason = excluded.reason, " \
	    "streak = excluded.streak, last_ok_at = excluded.last_ok_at, " \
	    "last_failure_at = excluded.last_failure_at, recent = excluded.recent") \
	SQL(hosts, 1, \
	    "SELECT name, day, used_day, refused_day, calls, failures, refusals, open_at, reason, streak, " \
	    "last_ok_at, last_failure_at, recent FROM host ORDER BY name") \
	SQL(host_day_put, 0, \
	    "INSERT INTO host_day(name, day, calls, refused, failures) VALUES(?1, ?2, ?3, ?4, ?5) " \
	    "ON CONFLICT(name, day) DO UPDATE SET calls = max(calls, excluded.calls), " \
	    "refused = max(refused, excluded.refused), failures = failures + excluded.failures") \
	SQL(host_day_purge, 0, "DELETE FROM host_day WHERE name = ? AND day < ?") \
	SQL(host_days, 0, \
	    "SELECT day, calls, refused, failures FROM host_day WHERE name = ? ORDER BY day") \
	SQL(host_failures, 0, "SELECT failures FROM host WHERE name = ?") \
	SQL(feed_get, 0, "SELECT mark, at, tried_at, next_at, outcome, error, posts, source FROM feed WHERE source = ?") \
	SQL(feeds, 1, \
	    "SELECT mark, at, tried_at, next_at, outcome, error, posts, source FROM feed ORDER BY source") \
	SQL(feed_put, 0, \
	    "INSERT INTO feed(source, mark, at, tried_at, next_at, outcome, error, posts) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(source) DO UPDATE SET mark = excluded.mark, " \
	    "at = excluded.at, tried_at = excluded.tried_at, next_at = excluded.next_at, " \
	    "outcome = excluded.outcome, error = excluded.error, posts = excluded.posts")

#endif
