/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Every statement of the store, in one table, so that a test can ask SQLite for the plan of each.
 *
 * SQL(id, reads-all, text): reads-all marks the statements that are meant to read a whole large
 * table (exports, the diff, counts); every other one must find its rows by an index.
 * {track}, {volume}, {run}, {stage}: the column lists of fields.h and metrics.h; {t.track}: the
 * same with a prefix; {?track}: as many parameters; {=track}: "a=?, b=?".
 */
#ifndef COMMON_STORE_SQL_H
#define COMMON_STORE_SQL_H

#include "common/store_sql_alerts.h"
#include "common/store_sql_chapters.h"
#include "common/store_sql_cover.h"
#include "common/store_sql_find.h"
#include "common/store_sql_integrity.h"
#include "common/store_sql_metrics.h"
#include "common/store_sql_pack.h"
#include "common/store_sql_repair.h"
#include "common/store_sql_symlinks.h"

#define FILE_ADD \
	"INSERT INTO file(id, dir_id, name, size, mtime, since_birth, inode, state, job, added_at, btime, hash, pending, " \
	"name_hash) "
#define TRACK_ADD "INSERT INTO track(file_id, album_id, audit, {track}) "

#define STATEMENTS(SQL) \
	STATEMENTS_ALERTS(SQL) \
	STATEMENTS_CHAPTERS(SQL) \
	STATEMENTS_COVER(SQL) \
	STATEMENTS_FIND(SQL) \
	STATEMENTS_INTEGRITY(SQL) \
	STATEMENTS_METRICS(SQL) \
	STATEMENTS_REPAIR(SQL) \
	STATEMENTS_SYMLINKS(SQL) \
	/* --- readers --- */ \
	SQL(read_begin, 0, "BEGIN") \
	SQL(read_end, 0, "COMMIT") \
	/* --- numbers of fields: store_pack_more.c --- */ \
	SQL(fields, 1, "SELECT id, name FROM field") \
	SQL(field_add, 0, "INSERT INTO field(name) VALUES(?)") \
	/* --- topics and generations --- */ \
	SQL(topics, 0, "SELECT id, version, at FROM topic") \
	SQL(topic_move, 0, \
	    "INSERT INTO topic(id, version, at) VALUES(?, ?, ?) " \
	    "ON CONFLICT(id) DO UPDATE SET version = excluded.version, at = excluded.at") \
	SQL(tomb_add, 0, "INSERT INTO tomb(version, kind, id) VALUES(?, ?, ?)") \
	SQL(tomb_purge, 0, "DELETE FROM tomb WHERE version < ?") \
	SQL(changed_series, 0, \
	    "SELECT id FROM series WHERE version > ?1 UNION ALL SELECT series_id FROM cover WHERE version > ?1") \
	SQL(changed_albums, 0, "SELECT id FROM album WHERE version > ?") \
	SQL(changed_shelves, 0, "SELECT id FROM shelf WHERE version > ?") \
	SQL(tombs, 0, "SELECT kind, id FROM tomb WHERE version > ?") \
	SQL(meta_get, 0, "SELECT value FROM meta WHERE name = ?") \
	SQL(meta_set, 0, \
	    "INSERT INTO meta(name, value) VALUES(?, ?) " \
	    "ON CONFLICT(name) DO UPDATE SET value = excluded.value") \
	/* --- roots --- */ \
	SQL(roots, 0, \
	    "SELECT id, name, kind, path, state, reason, since, device, files, bytes, fstype, held, watch, " \
	    "real_path FROM root WHERE active = 1 ORDER BY id") \
	SQL(root_upsert, 0, \
	    "INSERT INTO root(name, kind, path, state, reason, since, active) " \
	    "VALUES(?, ?, ?, 'unknown', 'not looked at yet', ?, 1) " \
	    "ON CONFLICT(path) DO UPDATE SET name = excluded.name, active = 1 RETURNING id") \
	SQL(roots_former, 0, "SELECT id FROM root WHERE active = 0") \
	SQL(root_delete, 0, "DELETE FROM root WHERE id = ?") \
	SQL(roots_deactivate, 0, "UPDATE root SET active = 0, name = 'former-' || id") \
	SQL(root_state, 0, \
	    "UPDATE root SET since = CASE WHEN state = ?1 THEN since ELSE ?3 END, state = ?1, " \
	    "reason = ?2, held = ?4 WHERE id = ?5") \
	SQL(root_identity, 0, "UPDATE root SET device = ?, fstype = ?, real_path = ? WHERE id = ?") \
	SQL(root_watch, 0, "UPDATE root SET watch = ? WHERE id = ?") \
	SQL(mounts, 0, \
	    "SELECT root_id, path, device, fstype, state, reason, since, held FROM mount " \
	    "ORDER BY root_id, path") \
	SQL(mount_put, 0, \
	    "INSERT INTO mount(root_id, path, device, fstype, state, reason, since, held) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(root_id, path) DO UPDATE SET " \
	    "device = excluded.device, fstype = excluded.fstype, reason = excluded.reason, " \
	    "since = CASE WHEN state = excluded.state THEN since ELSE excluded.since END, " \
	    "state = excluded.state, held = excluded.held") \
	SQL(mount_delete, 0, "DELETE FROM mount WHERE root_id = ? AND path = ?") \
	SQL(mounts_of_root, 0, "DELETE FROM mount WHERE root_id = ?") \
	SQL(root_recount, 0, \
	    "UPDATE root SET (files, bytes) = (SELECT ifnull(sum(n), 0), ifnull(sum(sum), 0) FROM tally " \
	    "WHERE name = 'file' AND key = CAST(root.id AS TEXT)) WHERE id = ?") \
	/* --- directories and files --- */ \
	SQL(last_ids, 0, \
	    "SELECT (SELECT ifnull(max(id), 0) FROM dir), (SELECT ifnull(max(id), 0) FROM file)") \
	SQL(dir_find, 0, "SELECT id, cover, dirsum FROM dir WHERE root_id = ? AND path = ?") \
	SQL(dirsum_set, 0, "UPDATE dir SET dirsum = ?2 WHERE id = ?1") \
	/* an index that has nothing but these */ \
	SQL(dirs_unsummed, 1, \
	    "SELECT d.id, c.name FROM dir d LEFT JOIN dir_cover c ON c.root_id = d.root_id AND c.path = d.path " \
	    "WHERE d.dirsum = 0 LIMIT ?") \
	/* nearly all directories are of one root or of few: in the order they lie in */ \
	SQL(dirsums, 1, "SELECT id, path, dirsum FROM dir NOT INDEXED WHERE root_id = ? AND dirsum > 1") \
	SQL(dir_add, 0, "INSERT INTO dir(root_id, path, cover, id) VALUES(?, ?, ?, ?)") \
	SQL(dir_delete, 0, "DELETE FROM dir WHERE id = ?") \
	SQL(dirs_below, 0, \
	    "SELECT id, path FROM dir WHERE root_id = ?1 AND (?2 = x'' OR path = ?2 OR " \
	    "(path > ?3 AND path < ?4))") \
	SQL(dir_is_empty, 0, "SELECT NOT EXISTS(SELECT 1 FROM file WHERE dir_id = ?)") \
	SQL(dir_files, 0, \
	    "SELECT id, name, size, mtime, " PACK_CTIME("") ", inode, state, job, btime FROM file " \
	    "WHERE dir_id = ? ORDER BY name") \
	/* the same in any order: to sort takes longer than to read */ \
	SQL(dir_known, 0, \
	    "SELECT id, name, size, mtime, " PACK_CTIME("") ", inode, state, job, btime FROM file WHERE dir_id = ?") \
	SQL(file_find, 0, \
	    "SELECT id, name, size, mtime, " PACK_CTIME("") ", inode, state, job, btime FROM file " \
	    "WHERE dir_id = ? AND name_hash = ? AND name = ?") \
	SQL(file_add, 0, FILE_ADD "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	SQL(file_bulk, 0, FILE_ADD "SELECT * FROM bulk_file") \
	/* another inode under a known name: whose it is is told at the end of the scan */ \
	SQL(file_update, 0, \
	    "UPDATE file SET " \
	    "pending = CASE WHEN inode <> ?6 OR (btime <> 0 AND btime <> ?10) THEN ?13 ELSE pending END, " \
	    "old_btime = CASE WHEN pending = 0 AND (inode <> ?6 OR (btime <> 0 AND btime <> ?10)) THEN btime " \
	    "ELSE old_btime END, " \
	    "old_inode = CASE WHEN pending = 0 AND (inode <> ?6 OR (btime <> 0 AND btime <> ?10)) THEN inode " \
	    "ELSE old_inode END, " \
	    "size = ?3, mtime = ?4, since_birth = ?5 - ?10, inode = ?6, btime = ?10, hash = ?11, " \
	    "state = ?7, job = ?8 " \
	    "WHERE id = ?12 AND dir_id = ?1 AND name = ?2 AND ?9 <> 0") \
	SQL(file_by_name, 0, "SELECT id FROM file WHERE dir_id = ? AND name_hash = ? AND name = ?") \
	/* --- identity --- */ \
	SQL(identity_known, 0, \
	    "SELECT EXISTS(SELECT 1 FROM file WHERE " PACK_IS("inode", "?1") " AND btime = ?2) OR " \
	    "EXISTS(SELECT 1 FROM file WHERE old_inode > 0 AND old_inode = ?1 AND old_btime = ?2) OR " \
	    "EXISTS(SELECT 1 FROM gone WHERE inode = ?1 AND btime = ?2) OR " \
	    "EXISTS(SELECT 1 FROM gone WHERE hash = ?3 AND size = ?4 AND ?3 <> 0)") \
	/* a row that has what another one had */ \
	SQL(moved_to, 0, \
	    "SELECT p.id FROM file k JOIN file p ON " PACK_IS("p.inode", "CASE WHEN k.pending > 0 AND " \
	    "k.old_inode > 0 THEN k.old_inode ELSE k.inode END") " AND p.btime = CASE WHEN k.pending > 0 " \
	    "AND k.old_inode > 0 THEN k.old_btime ELSE k.btime END WHERE k.id = ?1 AND p.id <> ?1 " \
	    "AND p.pending > 0 LIMIT 1") \
	/* or the same content, and is new */ \
	SQL(copied_to, 0, \
	    "SELECT p.id FROM file k JOIN file p ON " PACK_IS("p.hash", "k.hash") " AND p.size = k.size " \
	    "WHERE k.id = ?1 AND p.id <> ?1 AND k.hash <> 0 AND p.added_at > k.added_at AND " \
	    "p.added_at > ?2 AND NOT (p.inode = k.inode AND p.btime = k.btime) AND p.job <> k.job") \
	SQL(count_below, 0, \
	    "SELECT count(*) FROM dir d JOIN file f ON f.dir_id = d.id WHERE d.root_id = ?1 AND " \
	    "(?2 = x'' OR d.path = ?2 OR (d.path > ?3 AND d.path < ?4))") \
	SQL(anchor_bounds, 0, "SELECT min(id), max(id) FROM dir WHERE root_id = ?") \
	SQL(anchor_dir, 0, \
	    "SELECT d.id, d.path FROM dir d WHERE d.id >= ?2 AND +d.root_id = ?1 AND " \
	    "EXISTS(SELECT 1 FROM file WHERE dir_id = d.id) ORDER BY d.id LIMIT 1") \
	SQL(anchor_file, 0, \
	    "SELECT name, size, mtime FROM file WHERE dir_id = ?1 ORDER BY name LIMIT 1 " \
	    "OFFSET (SELECT count(*) * ?2 / ?3 FROM file WHERE dir_id = ?1)") \
	SQL(has_files, 0, "SELECT ifnull((SELECT max(id) FROM file), 0)") \
	SQL(has_history, 0, "SELECT (SELECT max(id) FROM file) > 0 OR (SELECT max(id) FROM gone) > 0") \
	/* the newest first: it is more likely the one that moved than one that stood there before */ \
	SQL(pending, 0, "SELECT id FROM file WHERE pending > 0 ORDER BY +id DESC") \
	SQL(pending_get, 0, \
	    "SELECT inode, btime, size, mtime, hash, old_inode, old_btime, added_at, pending " \
	    "FROM file WHERE id = ?") \
	SQL(pending_clear, 0, "UPDATE file SET pending = 0, old_inode = 0, old_btime = 0 WHERE id = ?") \
	/* what it was before may still turn up elsewhere, in a folder that is looked at later; unless \
	 * it was one of several names of a file */ \
	SQL(pending_done, 0, \
	    "UPDATE file SET pending = 0, old_inode = CASE WHEN old_btime = 0 OR EXISTS(SELECT 1 FROM " \
	    "file k WHERE " PACK_IS("k.inode", "file.old_inode") " AND k.btime = file.old_btime AND k.id <> file.id) " \
	    "THEN 0 ELSE old_inode END WHERE id = ?") \
	SQL(pending_again, 0, "UPDATE file SET pending = pending + 1 WHERE id = ?") \
	SQL(old_purge, 0, \
	    "UPDATE file SET old_inode = 0, old_btime = 0 WHERE old_inode > 0 AND pending = 0") \
	SQL(pending_set, 0, "UPDATE file SET pending = 1 WHERE id = ?") \
	SQL(owner_gone, 0, \
	    "SELECT id, added_at FROM gone WHERE inode = ?1 AND btime = ?2 AND " \
	    "(?2 <> 0 OR (size = ?3 AND mtime = ?4)) ORDER BY gone_at DESC LIMIT 1") \
	SQL(owner_gone_hash, 0, \
	    "SELECT id, added_at FROM gone WHERE hash = ?1 AND size = ?2 ORDER BY gone_at DESC LIMIT 1") \
	SQL(owner_moved, 0, \
	    "SELECT id, added_at FROM file WHERE old_inode > 0 AND old_inode = ?1 AND old_btime = ?2 " \
	    "AND id <> ?3 AND (?4 = 0 OR pending > 0) ORDER BY pending DESC LIMIT 1") \
	SQL(owner_there, 0, \
	    "SELECT id, added_at FROM file WHERE " PACK_IS("inode", "?1") " AND btime = ?2 AND id <> ?3 AND " \
	    "(?2 <> 0 OR (size = ?4 AND mtime = ?5)) LIMIT 1") \
	SQL(copies, 0, \
	    "SELECT id FROM file WHERE " PACK_IS("hash", "?1") " AND size = ?2 AND id <> ?3 AND added_at > ?4 AND " \
	    "added_at > ?5 AND job <> ?6 AND pending = 0 AND NOT (inode = ?7 AND btime = ?8) " \
	    "ORDER BY id DESC LIMIT 1") \
	SQL(twins, 0, \
	    "SELECT p.id, k.id, d.root_id, d.path, p.pending BETWEEN 2 AND 3 FROM file p JOIN file k ON " \
	    PACK_IS("k.inode", "p.inode") " AND k.btime = p.btime AND k.id <> p.id JOIN dir d ON d.id = k.dir_id WHERE p.pending > 0") \
	SQL(names_of_inode, 0, \
	    "SELECT d.root_id, d.path FROM file f JOIN dir d ON d.id = f.dir_id " \
	    "WHERE " PACK_IS("f.inode", "?1") " AND f.btime = ?2") \
	SQL(other_names, 0, \
	    "SELECT d.root_id, d.path FROM file k JOIN file f ON " PACK_IS("f.inode", "k.inode") " AND " \
	    "f.btime = k.btime AND f.id <> k.id JOIN dir d ON d.id = f.dir_id WHERE k.id = ?") \
	/* of a row that is another file by now: who it was, and no hash, which is the other's */ \
	SQL(gone_add, 0, \
	    "INSERT INTO gone(id, root_id, dir, name, size, mtime, ctime, inode, btime, hash, added_at, " \
	    "gone_at, of, cover, media) SELECT f.id, d.root_id, d.path, f.name, f.size, f.mtime, " PACK_CTIME("f.") ", " \
	    "CASE WHEN f.pending > 0 AND f.old_inode > 0 THEN f.old_inode ELSE f.inode END, " \
	    "CASE WHEN f.pending > 0 AND f.old_inode > 0 THEN f.old_btime ELSE f.btime END, " \
	    "CASE WHEN f.pending > 0 AND f.old_inode > 0 THEN 0 ELSE f.hash END, " \
	    "f.added_at, ?2, ?3, d.cover, ?4 FROM file f JOIN dir d ON d.id = f.dir_id " \
	    "WHERE f.id = ?1") \
	SQL(gone_get, 0, \
	    "SELECT root_id, dir, name, size, mtime, ctime, inode, btime, hash, added_at, of, cover, " \
	    "media FROM gone WHERE id = ?") \
	SQL(gone_delete, 0, "DELETE FROM gone WHERE id = ?") \
	SQL(gone_any, 0, "SELECT EXISTS(SELECT 1 FROM gone)") \
	SQL(gone_find, 0, \
	    "SELECT id, name, size, mtime, ctime, inode, 0, 0, btime FROM gone WHERE root_id = ? AND " \
	    "dir = ? AND name = ? AND media IS NOT NULL ORDER BY gone_at DESC LIMIT 1") \
	SQL(gone_purge, 0, "DELETE FROM gone WHERE gone_at < ?") \
	SQL(gone_of_root, 1, "DELETE FROM gone WHERE root_id = ?") \
	SQL(gone_list, 0, \
	    "SELECT r.path, g.dir, g.name, g.id, g.size, g.mtime, g.added_at, g.gone_at FROM gone g " \
	    "JOIN root r ON r.id = g.root_id ORDER BY g.gone_at") \
	SQL(file_restore, 0, \
	    "INSERT INTO file(id, dir_id, name, size, mtime, since_birth, inode, state, job, added_at, btime, " \
	    "hash, pending, name_hash) SELECT ?1, ?2, ?3, ?4, ?5, ?6 - ?10, ?7, 0, ?8, ?9, ?10, ?11, 0, ?12 " \
	    "WHERE NOT EXISTS(SELECT 1 FROM file WHERE dir_id = ?2 AND name_hash = ?12 AND name = ?3)") \
	SQL(file_take, 0, \
	    "UPDATE file SET id = ?2, added_at = ?3, pending = 0, old_inode = 0, old_btime = 0 " \
	    "WHERE id = ?1") \
	SQL(sequence_move, 1, "UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1") \
	SQL(sequences_skip, 1, "UPDATE sqlite_sequence SET seq = seq + CASE WHEN name IN ('job', 'run') THEN ?1 ELSE ?2 END") \
	SQL(sequence_add, 0, "INSERT INTO sqlite_sequence(name, seq) VALUES(?, ?)") \
	SQL(file_leave, 0, \
	    "UPDATE file SET id = ?2, added_at = ?3, pending = 1, old_inode = 0, old_btime = 0 " \
	    "WHERE id = ?1") \
	SQL(track_take, 0, "UPDATE track SET file_id = ?2 WHERE file_id = ?1") \
	SQL(volume_take, 0, "UPDATE volume SET file_id = ?2 WHERE file_id = ?1") \
	SQL(error_take, 0, "UPDATE error SET file_id = ?2 WHERE file_id = ?1") \
	SQL(track_get, 0, \
	    "SELECT {t.track}, " PACK_NAMES " FROM track t JOIN file f ON f.id = t.file_id " \
	    "JOIN album a ON a.id = t.album_id WHERE t.file_id = ?") \
	SQL(volume_get, 0, "SELECT {volume} FROM volume WHERE file_id = ?") \
	SQL(file_of, 0, \
	    "SELECT f.state, f.size, f.hash, f.added_at, f.job, f.inode, f.btime FROM file f WHERE f.id = ? AND dir_id = ? " \
	    "AND name = ?") \
	SQL(file_delete, 0, "DELETE FROM file WHERE id = ?") \
	SQL(error_of_file, 0, "DELETE FROM error WHERE file_id = ?") \
	SQL(file_dir, 0, "SELECT dir_id FROM file WHERE id = ?") \
	SQL(file_times, 0, "SELECT mtime FROM file WHERE id = ?") \
	SQL(file_path, 0, \
	    "SELECT r.path, d.path, f.name FROM file f JOIN dir d ON d.id = f.dir_id " \
	    "JOIN root r ON r.id = d.root_id WHERE f.id = ?") \
	SQL(root_has_files, 0, \
	    "SELECT EXISTS(SELECT 1 FROM dir d JOIN file f ON f.dir_id = d.id WHERE d.root_id = ?)") \
	/* --- tracks, albums, shelves --- */ \
	SQL(track_album, 0, "SELECT album_id FROM track WHERE file_id = ?") \
	SQL(track_delete, 0, "DELETE FROM track WHERE file_id = ?") \
	SQL(track_add, 0, TRACK_ADD "VALUES(?, ?, ?, {?track})") \
	SQL(track_bulk, 0, TRACK_ADD "SELECT * FROM bulk_track") \
	SQL(track_move, 0, "UPDATE track SET album_id = ? WHERE file_id = ?") \
	SQL(album_find, 0, "SELECT id, title, artist FROM album WHERE key = ?") \
	SQL(album_add, 0, \
	    "INSERT INTO album(key, title, artist, version, at, id, year, date, audit) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	SQL(album_get, 0, "SELECT id, title, artist, year, date, version, at FROM album WHERE id = ?") \
	SQL(album_update, 0, \
	    "UPDATE album SET year = ?1, date = ?2, audit = ?3, version = ?5, at = ?6 WHERE id = ?4") \
	SQL(album_complete, 0, "UPDATE album SET year = ?1, date = ?2, audit = ?3 WHERE id = ?4") \
	SQL(album_delete, 0, "DELETE FROM album WHERE id = ?") \
	SQL(album_facts, 0, \
	    "SELECT artist, genre, year, date, has_picture FROM track WHERE album_id = ?") \
	SQL(album_has_cover, 0, \
	    "SELECT EXISTS(SELECT 1 FROM track t JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id " \
	    "WHERE t.album_id = ? AND d.cover)") \
	SQL(album_tracks, 0, \
	    "SELECT f.id, r.path, d.path, f.name, f.size, f.mtime, {t.track}, " PACK_NAMES \
	    " FROM track t JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id " \
	    "JOIN root r ON r.id = d.root_id JOIN album a ON a.id = t.album_id WHERE t.album_id = ? " \
	    "ORDER BY ifnull(t.disc, 1), ifnull(t.track, 0), f.name, f.id") \
	SQL(album_names, 0, \
	    "SELECT f.id, NULL, NULL, f.name, f.size, f.mtime, {t.track}, " PACK_NAMES \
	    " FROM track t JOIN file f ON f.id = t.file_id JOIN album a ON a.id = t.album_id WHERE t.album_id = ? " \
	    "ORDER BY ifnull(t.disc, 1), ifnull(t.track, 0), f.name, f.id") \
	SQL(dir_v1_tracks, 0, \
	    "SELECT t.file_id, t.album, t.album_id, t.artist FROM file f " \
	    "JOIN track t ON t.file_id = f.id " \
	    "WHERE f.dir_id = ? AND t.tag_source = " PACK_ID3V1) \
	SQL(dir_albums, 0, \
	    "SELECT DISTINCT t.album_id, a.title FROM file f JOIN track t ON t.file_id = f.id " \
	    "JOIN album a ON a.id = t.album_id " \
	    "WHERE f.dir_id = ? AND ifnull(t.tag_source, '') <> " PACK_ID3V1) \
	SQL(album_dirs, 0, \
	    "SELECT DISTINCT f.dir_id FROM track t JOIN file f ON f.id = t.file_id " \
	    "WHERE t.album_id = ?") \
	SQL(dir_album_ids, 0, \
	    "SELECT DISTINCT t.album_id FROM dir d JOIN file f ON f.dir_id = d.id JOIN track t ON t.file_id = f.id " \
	    "WHERE d.root_id = ? AND d.path = ?") \
	SQL(dir_cover, 0, "UPDATE dir SET cover = ?3, dirsum = 0 WHERE root_id = ?1 AND path = ?2") \
	SQL(dir_cover_put, 0, "INSERT OR REPLACE INTO dir_cover(root_id, path, name) VALUES(?, ?, ?)") \
	SQL(dir_cover_delete, 0, "DELETE FROM dir_cover WHERE root_id = ? AND path = ?") \
	SQL(dir_cover_name, 0, "SELECT name FROM dir_cover WHERE root_id = ? AND path = ?") \
	SQL(dir_cover_forget, 0, \
	    "DELETE FROM dir_cover WHERE (root_id, path) IN (SELECT root_id, path FROM dir WHERE id = ?)") \
	SQL(dir_covers_of_root, 0, "DELETE FROM dir_cover WHERE root_id = ?") \
	SQL(album_cover_path, 0, \
	    "SELECT r.path, d.path, c.name FROM dir d JOIN root r ON r.id = d.root_id " \
	    "JOIN dir_cover c ON c.root_id = d.root_id AND c.path = d.path WHERE d.id IN " \
	    "(SELECT f.dir_id FROM track t JOIN file f ON f.id = t.file_id WHERE t.album_id = ?) " \
	    "ORDER BY d.root_id, d.path LIMIT 1") \
	SQL(shelf_find, 0, "SELECT id FROM shelf WHERE kind = ? AND key = ?") \
	SQL(shelf_add, 0, \
	    "INSERT INTO shelf(kind, key, name, shown, shown_key, version, at, id) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)") \
	SQL(shelf_shown, 0, "SELECT id, shown FROM shelf WHERE kind = ? AND shown_key = ?") \
	SQL(shelf_touch, 0, "UPDATE shelf SET version = ?1, at = ?2 WHERE id = ?3 AND version <> ?1") \
	SQL(shelf_is_empty, 0, "SELECT NOT EXISTS(SELECT 1 FROM spot WHERE shelf_id = ?)") \
	SQL(shelf_delete, 0, "DELETE FROM shelf WHERE id = ?") \
	SQL(shelf_get, 0, "SELECT id, kind, name, shown, version, at FROM shelf WHERE id = ?") \
	SQL(shelves, 0, "SELECT id, shown, at FROM shelf WHERE kind = ? AND id > ? ORDER BY id") \
	SQL(spots_of_album, 0, \
	    "SELECT p.id, p.shelf_id, p.tracks, s.kind, s.key FROM spot p " \
	    "JOIN shelf s ON s.id = p.shelf_id WHERE p.album_id = ?") \
	SQL(spot_add, 0, \
	    "INSERT INTO spot(shelf_id, album_id, tracks, shown, shown_hash, id) VALUES(?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(shelf_id, shown_hash) DO NOTHING") \
	SQL(shelf_has_tracks, 0, "SELECT EXISTS(SELECT 1 FROM spot WHERE shelf_id = ? AND tracks > 0)") \
	SQL(spot_tracks, 0, "UPDATE spot SET tracks = ? WHERE id = ?") \
	SQL(spot_delete, 0, "DELETE FROM spot WHERE id = ?") \
	SQL(spot_shown, 0, \
	    "SELECT p.id, " PACK_SHOWN " FROM spot p JOIN album a ON a.id = p.album_id " \
	    "WHERE p.shelf_id = ? AND p.shown_hash = ?") \
	SQL(spots, 0, \
	    "SELECT p.id, " PACK_SHOWN ", a.at FROM spot p JOIN album a ON a.id = p.album_id " \
	    "WHERE p.shelf_id = ? AND p.id > ? ORDER BY p.id") \
	SQL(spots_for_album, 0, "SELECT id FROM spot WHERE album_id = ?") \
	SQL(spot_get, 0, \
	    "SELECT p.id, p.shelf_id, p.album_id, " PACK_SHOWN ", a.version, a.at FROM spot p " \
	    "JOIN album a ON a.id = p.album_id WHERE p.id = ?") \
	/* --- series, volumes, missing --- */ \
	SQL(volume_series, 0, "SELECT series_id FROM volume WHERE file_id = ?") \
	SQL(volume_delete, 0, "DELETE FROM volume WHERE file_id = ?") \
	SQL(volume_add, 0, \
	    "INSERT INTO volume(file_id, series_id, audit, {volume}) VALUES(?, ?, ?, {?volume})") \
	SQL(series_find, 0, "SELECT id FROM series WHERE key = ?") \
	SQL(series_add, 0, \
	    "INSERT INTO series(key, title, shown, shown_key, version, at) " \
	    "VALUES(?, ?, ?, ?, ?, ?) RETURNING id") \
	SQL(series_shown, 0, "SELECT id, shown FROM series WHERE shown_key = ?") \
	SQL(series_get, 0, \
	    "SELECT id, title, shown, total, total_source, user_total, version, at, owned FROM series " \
	    "WHERE id = ?") \
	SQL(series_list, 0, "SELECT id, shown, at FROM series WHERE id > ? ORDER BY id") \
	SQL(series_ids, 1, "SELECT id FROM series") \
	SQL(series_update, 0, \
	    "UPDATE series SET total = ?, total_source = ?, version = ?, at = ?, owned = ? " \
	    "WHERE id = ?") \
	SQL(series_delete, 0, "DELETE FROM series WHERE id = ?") \
	SQL(series_volumes, 0, \
	    "SELECT f.id, r.path, d.path, f.name, f.size, f.mtime, f.state, {t.volume} " \
	    "FROM volume t JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id " \
	    "JOIN root r ON r.id = d.root_id WHERE t.series_id = ? " \
	    "ORDER BY ifnull(t.volume, 1e9), ifnull(t.chapter, 1e9), f.name, f.id") \
	SQL(series_numbers, 0, \
	    "SELECT t.volume, t.volume_end, t.chapter, t.count, t.kind, f.state, e.kind, t.rule " \
	    "FROM volume t JOIN file f ON f.id = t.file_id LEFT JOIN error e ON e.file_id = f.id " \
	    "WHERE t.series_id = ?") \
	SQL(missing_of, 0, "SELECT volume, kind, state FROM missing WHERE series_id = ? ORDER BY volume") \
	SQL(missing_add, 0, \
	    "INSERT INTO missing(series_id, volume, kind, state, since) VALUES(?, ?, ?, ?, ?) " \
	    "ON CONFLICT(series_id, volume) DO UPDATE SET kind = excluded.kind, " \
	    "state = excluded.state") \
	SQL(missing_names, 0, \
	    "SELECT rowid, volume, since FROM missing WHERE series_id = ? AND rowid > ? ORDER BY rowid") \
	SQL(missing_find, 0, "SELECT rowid FROM missing WHERE series_id = ? AND volume = ?") \
	SQL(missing_row, 0, \
	    "SELECT s.id, m.volume, s.version, s.at FROM missing m JOIN series s ON s.id = m.series_id " \
	    "WHERE m.rowid = ?") \
	SQL(changed_missing, 0, \
	    "SELECT m.rowid FROM series s JOIN missing m ON m.series_id = s.id WHERE s.version > ?") \
	SQL(missing_delete, 0, "DELETE FROM missing WHERE series_id = ? AND volume = ?") \
	SQL(missing_clear, 0, "DELETE FROM missing WHERE series_id = ?") \
	/* searched: whether anybody looked, and when last */ \
	SQL(missing_series_all, 1, \
	    "SELECT s.id, s.key, s.title, s.shown, w.monitored, (SELECT max(x.at) FROM searched x WHERE " \
	    "x.key = s.key) FROM series s LEFT JOIN wish w ON w.key = s.key WHERE EXISTS(SELECT 1 FROM " \
	    "missing m WHERE m.series_id = s.id) ORDER BY s.shown_key") \
	SQL(missing_series_one, 0, \
	    "SELECT s.id, s.key, s.title, s.shown, w.monitored, (SELECT max(x.at) FROM searched x WHERE " \
	    "x.key = s.key) FROM series s LEFT JOIN wish w ON w.key = s.key WHERE s.id = ?") \
	SQL(missing_counts, 1, \
	    "SELECT s.id, s.title, s.shown, m.n, m.since, s.owned, coalesce(s.user_total, s.total, 0), w.monitored FROM (SELECT " \
	    "series_id, count(*) AS n, max(since) AS since FROM missing GROUP BY series_id ORDER BY n DESC, series_id " \
	    "LIMIT ?1) m JOIN series s ON s.id = m.series_id LEFT JOIN wish w ON w.key = s.key ORDER BY m.n DESC, s.shown_key") \
	SQL(missing_series_count, 1, "SELECT count(DISTINCT series_id) FROM missing") \
	SQL(missing_volumes, 0, \
	    "SELECT volume, kind, state, since FROM missing WHERE series_id = ? AND volume BETWEEN ? AND ? " \
	    "ORDER BY volume") \
	SQL(missing_requests, 0, \
	    "SELECT q.volume, q.id, q.state, q.handed_id, r.title FROM request q LEFT JOIN result r ON " \
	    "r.id = q.result_id WHERE q.key = ? AND q.volume BETWEEN ? AND ? ORDER BY q.volume") \
	/* --- errors, audit --- */ \
	SQL(error_add, 0, \
	    "INSERT INTO error(root_id, path, file_id, kind, reason, since, tries, job) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(root_id, path) DO UPDATE SET " \
	    "file_id = excluded.file_id, kind = excluded.kind, reason = excluded.reason, " \
	    "tries = excluded.tries, job = excluded.job") \
	SQL(error_clear, 0, "DELETE FROM error WHERE root_id = ? AND path = ?") \
	SQL(error_find, 0, "SELECT kind, reason, tries, file_id FROM error WHERE root_id = ? AND path = ?") \
	SQL(error_end_suspects, 1, \
	    "UPDATE error SET kind = 'crashed', reason = ?1 WHERE kind = 'suspect'") \
	SQL(error_expire, 0, \
	    "DELETE FROM error WHERE root_id = ?1 AND file_id IS NULL AND job <> ?5 AND " \
	    "(?2 = x'' OR path = ?2 OR (path > ?3 AND path < ?4)) AND (?6 = 0 OR path = ?2 OR " \
	    "instr(substr(path, CASE WHEN ?2 = x'' THEN 1 ELSE length(?2) + 2 END), x'2f') = 0)") \
	SQL(errors, 0, \
	    "SELECT r.path, e.path, e.kind, e.reason, e.since, e.tries FROM error e " \
	    "JOIN root r ON r.id = e.root_id ORDER BY e.root_id, e.path") \
	SQL(audit_tracks, 0, \
	    "SELECT r.path, d.path, f.name, t.audit FROM track t JOIN file f ON f.id = t.file_id " \
	    "JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "WHERE t.audit > 0 LIMIT ?") \
	SQL(audit_volumes, 0, \
	    "SELECT r.path, d.path, f.name, t.audit FROM volume t JOIN file f ON f.id = t.file_id " \
	    "JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "WHERE t.audit > 0 LIMIT ?") \
	SQL(audit_albums, 0, \
	    "SELECT r.path, d.path, x'', a.audit FROM album a JOIN track t ON t.file_id = " \
	    "(SELECT min(file_id) FROM track WHERE album_id = a.id) " \
	    "JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id " \
	    "JOIN root r ON r.id = d.root_id WHERE a.audit > 0 LIMIT ?") \
	SQL(audit_count, 0, \
	    "SELECT (SELECT count(*) FROM track WHERE audit > 0) + " \
	    "(SELECT count(*) FROM volume WHERE audit > 0) + " \
	    "(SELECT count(*) FROM album WHERE audit > 0)") \
	/* --- jobs, runs, events --- */ \
	SQL(job_add, 0, \
	    "INSERT INTO job(words, state, submitted_at, token, started_at, ended_at, done, total, " \
	    "result) VALUES(?, 'queued', ?, ?, 0, 0, 0, 0, '') RETURNING id") \
	SQL(jobs_requeue, 0, "UPDATE job SET state = 'queued', started_at = 0 WHERE state = 'running'") \
	SQL(job_by_token, 0, "SELECT id FROM job WHERE token = ?") \
	SQL(job_waiting, 0, "SELECT id FROM job WHERE state IN ('queued', 'paused') AND started_at = 0 AND words = ?") \
	SQL(job_update, 0, \
	    "UPDATE job SET state = ?, started_at = ?, ended_at = ?, done = ?, total = ?, " \
	    "result = ? WHERE id = ?") \
	SQL(jobs_live, 0, \
	    "SELECT id, words, state, submitted_at, started_at, ended_at, done, total, result " \
	    "FROM job WHERE state IN ('queued', 'running', 'paused') ORDER BY started_at = 0, id") \
	SQL(jobs_ended, 0, \
	    "SELECT id, words, state, submitted_at, started_at, ended_at, done, total, result " \
	    "FROM job WHERE ended_at > 0 ORDER BY ended_at DESC LIMIT ?") \
	SQL(jobs_purge, 0, \
	    "DELETE FROM job WHERE ended_at > 0 AND ended_at < (SELECT ended_at FROM job " \
	    "WHERE ended_at > 0 ORDER BY ended_at DESC LIMIT 1 OFFSET ?)") \
	SQL(verify_clear, 1, "DELETE FROM verify") \
	SQL(verify_add, 0, "INSERT INTO verify(path, what) VALUES(?, ?)") \
	SQL(verify_list, 1, "SELECT path, what FROM verify ORDER BY id") \
	SQL(run_add, 0, \
	    "INSERT INTO run(job, words, mode, started_at, ended_at, {run}, {stage}) " \
	    "VALUES(?, ?, ?, ?, ?, {?run}, {?stage})") \
	SQL(runs, 0, \
	    "SELECT job, words, mode, started_at, ended_at, {run}, {stage} FROM run " \
	    "WHERE seq > (SELECT ifnull(max(seq), 0) FROM run) - ? ORDER BY seq") \
	/* a scan that was cancelled, or that only looked at links, says nothing of the next */ \
	SQL(runs_whole, 0, \
	    "SELECT job, words, mode, started_at, ended_at, {run}, {stage} FROM run WHERE seq IN (SELECT r.seq FROM run r " \
	    "WHERE r.seq > (SELECT ifnull(max(seq), 0) FROM run) - ?2 AND r.files > 0 AND NOT EXISTS(SELECT 1 FROM job j " \
	    "WHERE j.id = r.job AND j.state NOT IN ('done', 'failed')) ORDER BY r.seq DESC LIMIT ?1) ORDER BY seq") \
	SQL(event_add, 0, "INSERT INTO event(time, kind, body) VALUES(?, ?, ?)") \
	SQL(events, 0, "SELECT seq, time, kind, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?") \
	SQL(event_last, 0, "SELECT ifnull(max(seq), 0) FROM event") \
	SQL(events_purge, 0, "DELETE FROM event WHERE seq < ?") \
	/* --- history --- */ \
	SQL(history_list, 0, "SELECT id, time FROM history_at WHERE id > ? ORDER BY id") \
	SQL(history_times, 1, "SELECT id, time FROM history_at ORDER BY time DESC") \
	SQL(history_at, 0, "SELECT id FROM history_at WHERE time = ?") \
	SQL(history_time, 0, "SELECT time FROM history_at WHERE id = ?") \
	SQL(history_last, 0, \
	    "SELECT id, time, version FROM history_at WHERE id = (SELECT max(id) FROM history_at)") \
	SQL(history_add, 0, "INSERT INTO history_at(time, version) VALUES(?, ?) RETURNING id") \
	SQL(history_delete, 0, "DELETE FROM history_at WHERE id = ?") \
	SQL(history_docs, 0, \
	    "SELECT h.id, h.name, a.time FROM history h JOIN history_at a ON a.id = h.at_id " \
	    "WHERE h.at_id = ? AND h.id > ? ORDER BY h.id") \
	SQL(history_find, 0, "SELECT id FROM history WHERE at_id = ? AND name = ?") \
	SQL(history_doc, 0, \
	    "SELECT a.time FROM history h JOIN history_at a ON a.id = h.at_id WHERE h.id = ?") \
	SQL(history_read, 0, \
	    "SELECT b.size, b.body FROM history h JOIN history_body b ON b.id = h.body_id " \
	    "WHERE h.id = ?") \
	SQL(history_same, 0, \
	    "SELECT b.id FROM history h JOIN history_body b ON b.id = h.body_id " \
	    "WHERE h.at_id = ? AND h.name = ? AND b.size = ? AND b.body = ?") \
	SQL(history_body_add, 0, "INSERT INTO history_body(size, body) VALUES(?, ?) RETURNING id") \
	SQL(history_doc_add, 0, "INSERT INTO history(at_id, name, body_id) VALUES(?, ?, ?)") \
	SQL(history_docs_delete, 0, "DELETE FROM history WHERE at_id = ?") \
	SQL(history_bodies_purge, 1, \
	    "DELETE FROM history_body WHERE NOT EXISTS " \
	    "(SELECT 1 FROM history h WHERE h.body_id = history_body.id)") \
	/* --- counts --- */ \
	SQL(count_kind_bytes, 0, \
	    "SELECT ifnull(sum(bytes), 0) FROM root WHERE kind = ? AND active = 1") \
	/* --- duplicates: one pass each, then one row for each copy that is shown --- */ \
	SQL(copies_tracks, 1, \
	    "SELECT t.file_id, t.album_id, t.disc, t.track, t.duration_seconds, t.title, " \
	    "t.musicbrainz_recording_id, f.name FROM track t JOIN file f ON f.id = t.file_id") \
	SQL(copies_volumes, 1, \
	    "SELECT series_id, file_id, volume, volume_end, chapter, kind, rule, language FROM volume " \
	    "WHERE kind IN ('volume', 'range')") \
	SQL(copy_track, 0, \
	    "SELECT r.path, d.path, f.name, f.size, f.state, t.format, t.bitrate, t.bits_per_sample, " \
	    "a.artist, a.title, t.title, t.disc, t.track, f.name FROM track t JOIN file f ON f.id = t.file_id " \
	    "JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "JOIN album a ON a.id = t.album_id WHERE t.file_id = ?") \
	SQL(copy_volume, 0, \
	    "SELECT r.path, d.path, f.name, f.size, f.state, t.format, t.pages, s.title FROM volume t " \
	    "JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "JOIN series s ON s.id = t.series_id WHERE t.file_id = ?") \
	/* --- exports --- */ \
	SQL(coverage_tracks, 1, "SELECT {t.track} FROM track t") \
	SQL(coverage_volumes, 1, "SELECT {volume} FROM volume") \
	SQL(export_tracks, 1, \
	    "SELECT f.id, r.path, d.path, f.name, f.size, f.mtime, {t.track}, " PACK_NAMES \
	    " FROM track t JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id " \
	    "JOIN root r ON r.id = d.root_id JOIN album a ON a.id = t.album_id ORDER BY t.file_id") \
	SQL(export_volumes, 1, \
	    "SELECT f.id, r.path, d.path, f.name, f.size, f.mtime, f.state, {t.volume} " \
	    "FROM volume t JOIN file f ON f.id = t.file_id JOIN dir d ON d.id = f.dir_id " \
	    "JOIN root r ON r.id = d.root_id ORDER BY t.file_id")

enum sql_id {
#define SQL(id, all, text) SQL_##id,
	STATEMENTS(SQL)
#undef SQL
	SQL_COUNT
};

struct sql {
	const char *name;
	/** Meant to read a whole large table. */
	int reads_all;
	const char *text;
};

extern const struct sql SQL_TABLE[SQL_COUNT];

#endif
