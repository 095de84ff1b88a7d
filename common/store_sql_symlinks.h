/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_symlinks.c and store_write_symlinks.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_SYMLINKS_H
#define COMMON_STORE_SQL_SYMLINKS_H

#include "common/store_symlinks.h"

/** Torrent of link s into target_dir t: of a folder of single files each file is one. */
#define SQL_LINK_TORRENT "CASE WHEN t.torrent = x'2f' THEN s.target_name ELSE t.torrent END"

#define SQL_LINK_COLUMNS \
	"s.id, d.root_id, s.dir_id, s.target_dir_id, d.path, s.name, " \
	"CAST(ifnull(s.text, t.path || s.target_name) AS BLOB), s.target_name, " SQL_LINK_TORRENT ", ifnull(t.here, t.path), " \
	"s.state, s.error, s.sightings, s.first_at, s.last_at, s.since, s.ok_at, s.size, s.reason"

#define SQL_LINK_TABLES \
	"FROM symlink s JOIN link_dir d ON d.id = s.dir_id JOIN target_dir t ON t.id = s.target_dir_id "

/** Links that are there, as nearly all are: link_put_many makes that many of them at once, which costs half of what each one
 * alone does. */
#define SQL_LINKS_AT_ONCE 32
#define SQL_LINK_VALUES_4 "(?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?)"
#define SQL_LINK_VALUES_16 SQL_LINK_VALUES_4 ", " SQL_LINK_VALUES_4 ", " SQL_LINK_VALUES_4 ", " SQL_LINK_VALUES_4

#define STATEMENTS_SYMLINKS(SQL) \
	SQL(links_all, 1, \
	    "SELECT " SQL_LINK_COLUMNS " FROM link_dir d CROSS JOIN symlink s ON s.dir_id = d.id " \
	    "CROSS JOIN target_dir t ON t.id = s.target_dir_id WHERE d.root_id BETWEEN ? AND ? " \
	    "ORDER BY d.root_id, d.path, s.name") \
	SQL(links_ok, 1, \
	    "SELECT " SQL_LINK_COLUMNS " FROM link_dir d CROSS JOIN symlink s ON s.dir_id = d.id " \
	    "CROSS JOIN target_dir t ON t.id = s.target_dir_id WHERE s.state = 0 " \
	    "ORDER BY d.root_id, d.path, s.name") \
	SQL(links_in, 0, \
	    "SELECT " SQL_LINK_COLUMNS " " SQL_LINK_TABLES "WHERE s.state = ? AND s.state > 0 " \
	    "ORDER BY d.root_id, d.path, s.name") \
	SQL(links_some, 0, \
	    "SELECT " SQL_LINK_COLUMNS " FROM symlink s CROSS JOIN link_dir d ON d.id = s.dir_id " \
	    "CROSS JOIN target_dir t ON t.id = s.target_dir_id WHERE s.state = ? AND s.state > 0 " \
	    "ORDER BY s.id LIMIT ?") \
	SQL(links_of, 0, \
	    "SELECT " SQL_LINK_COLUMNS " FROM target_dir t JOIN symlink s ON s.target_dir_id = t.id " \
	    "JOIN link_dir d ON d.id = s.dir_id WHERE t.torrent = ?1 UNION ALL " \
	    "SELECT " SQL_LINK_COLUMNS " FROM target_dir t JOIN symlink s ON s.target_dir_id = t.id " \
	    "JOIN link_dir d ON d.id = s.dir_id WHERE t.torrent = x'2f' AND s.target_name = ?1") \
	SQL(link_get, 0, "SELECT " SQL_LINK_COLUMNS " " SQL_LINK_TABLES "WHERE s.id = ?") \
	SQL(link_at, 0, \
	    "SELECT " SQL_LINK_COLUMNS " " SQL_LINK_TABLES "WHERE d.root_id = ? AND d.path = ? AND s.name = ?") \
	SQL(links_in_dir, 0, "SELECT " SQL_LINK_COLUMNS " " SQL_LINK_TABLES "WHERE s.dir_id = ? ORDER BY s.name") \
	SQL(link_evidence, 1, \
	    "SELECT id, dir_id, target_dir_id, target_name, state, error, sightings, first_at, last_at, " \
	    "since, ok_at, size, reason FROM symlink ORDER BY id") \
	SQL(link_count, 1, "SELECT state, count(*), sum(max(size, 0)) FROM symlink GROUP BY state") \
	SQL(link_count_root, 1, \
	    "SELECT s.state, count(*), sum(max(s.size, 0)) FROM link_dir d JOIN symlink s ON s.dir_id = d.id " \
	    "WHERE d.root_id = ? GROUP BY s.state") \
	SQL(link_states, 0, "SELECT state, count(*) FROM symlink WHERE state > 0 GROUP BY state") \
	SQL(link_total, 1, "SELECT count(*) FROM symlink") \
	SQL(link_total_root, 0, \
	    "SELECT count(*) FROM link_dir d CROSS JOIN symlink s ON s.dir_id = d.id WHERE d.root_id = ?") \
	SQL(link_dir_count, 1, "SELECT count(*) FROM link_dir WHERE root_id BETWEEN ? AND ?") \
	SQL(link_target_count, 1, "SELECT count(*) FROM target_dir") \
	SQL(link_target_count_root, 1, \
	    "SELECT count(DISTINCT s.target_dir_id) FROM link_dir d JOIN symlink s ON s.dir_id = d.id " \
	    "WHERE d.root_id = ?") \
	SQL(link_torrent_count, 1, \
	    "SELECT (SELECT count(DISTINCT torrent) FROM target_dir WHERE torrent NOT IN (x'', x'2f')) + " \
	    "(SELECT count(DISTINCT s.target_name) FROM target_dir t JOIN symlink s ON s.target_dir_id = t.id " \
	    "WHERE t.torrent = x'2f')") \
	SQL(link_torrent_count_root, 1, \
	    "SELECT count(DISTINCT " SQL_LINK_TORRENT ") FROM link_dir d JOIN symlink s ON s.dir_id = d.id " \
	    "JOIN target_dir t ON t.id = s.target_dir_id WHERE d.root_id = ? AND t.torrent <> x''") \
	SQL(link_broken_torrents, 1, \
	    "SELECT b.torrent, sum(b.broken), sum((SELECT count(*) FROM target_dir t JOIN symlink s ON " \
	    "s.target_dir_id = t.id WHERE t.torrent = b.torrent)) + (SELECT count(*) FROM target_dir t " \
	    "JOIN symlink s ON s.target_dir_id = t.id WHERE t.torrent = x'2f' AND s.target_name = b.torrent) " \
	    "FROM (SELECT " SQL_LINK_TORRENT " AS torrent, count(*) AS broken FROM symlink s " \
	    "JOIN target_dir t ON t.id = s.target_dir_id WHERE s.state = 2 AND s.state > 0 GROUP BY 1) b " \
	    "WHERE b.torrent <> x'' GROUP BY 1 ORDER BY 1") \
	SQL(link_dirs, 1, \
	    "SELECT id, path, mtime, read_at FROM link_dir WHERE root_id = ? ORDER BY path") \
	SQL(link_targets, 1, "SELECT id, path, ifnull(here, path), torrent FROM target_dir ORDER BY id") \
	SQL(link_target_find, 0, "SELECT id FROM target_dir WHERE torrent = ? AND path = ?") \
	SQL(link_dir_get, 0, "SELECT root_id, path FROM link_dir WHERE id = ?") \
	SQL(link_dir_find, 0, "SELECT id FROM link_dir WHERE root_id = ? AND path = ?") \
	/* as link_broken_dirs: of what is broken, which is little, not of what is below */ \
	SQL(link_broken_dir, 0, \
	    "SELECT id FROM link_dir WHERE root_id = ?1 AND path = ?2 AND EXISTS(SELECT 1 FROM symlink s " \
	    "CROSS JOIN link_dir d ON d.id = s.dir_id WHERE s.state = 2 AND s.state > 0 AND d.root_id = ?1 AND " \
	    "(d.path = ?2 OR ?3 IS NULL OR (d.path > ?3 AND d.path < ?4)))") \
	SQL(link_last_ids, 0, \
	    "SELECT (SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'link_dir'), " \
	    "(SELECT ifnull(max(id), 0) FROM target_dir)") \
	/* of the directories below ?2 (?3 to ?4), what follows it up to the next slash */ \
	SQL(link_broken_dirs, 0, \
	    "SELECT DISTINCT CASE WHEN instr(rest, x'2f') > 0 THEN substr(rest, 1, instr(rest, x'2f') - 1) " \
	    "ELSE rest END FROM (SELECT substr(d.path, ?2) AS rest FROM symlink s JOIN link_dir d " \
	    "ON d.id = s.dir_id WHERE s.state = 2 AND s.state > 0 AND d.root_id = ?1 AND d.path > ?3 AND " \
	    "(?4 IS NULL OR d.path < ?4)) " \
	    "ORDER BY 1") \
	SQL(link_broken_here, 0, \
	    "SELECT s.name, s.id, s.since FROM link_dir d JOIN symlink s ON s.dir_id = d.id " \
	    "WHERE d.root_id = ? AND d.path = ? AND s.state = 2 ORDER BY s.name") \
	SQL(link_holds, 1, \
	    "SELECT h.root_id, h.count, h.since, r.name, h.reason FROM link_hold h " \
	    "JOIN root r ON r.id = h.root_id ORDER BY h.root_id") \
	SQL(link_hold_put, 0, \
	    "INSERT INTO link_hold(root_id, count, since, reason) VALUES(?, ?, ?, ?) ON CONFLICT(root_id) " \
	    "DO UPDATE SET count = excluded.count, since = excluded.since, reason = excluded.reason") \
	SQL(link_hold_delete, 0, "DELETE FROM link_hold WHERE root_id = ?") \
	SQL(link_release, 0, \
	    "UPDATE symlink SET state = 1, sightings = 1, first_at = ?2, last_at = ?2, since = ?2, " \
	    "reason = '" LINK_ACCEPTED "' WHERE state = 4 AND abs(error) = ?3 AND dir_id IN " \
	    "(SELECT id FROM link_dir WHERE root_id = ?1)") \
	SQL(link_health, 1, \
	    "SELECT path, state, reason, fstype, since, looked_at, entries FROM mount_health ORDER BY path") \
	SQL(link_health_put, 0, \
	    "INSERT INTO mount_health(path, state, reason, fstype, since, looked_at, entries) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(path) DO UPDATE SET state = excluded.state, " \
	    "reason = excluded.reason, fstype = excluded.fstype, since = excluded.since, " \
	    "looked_at = excluded.looked_at, entries = excluded.entries") \
	SQL(link_health_same, 0, \
	    "SELECT count(*) FROM mount_health WHERE path = ? AND state = ? AND reason = ? AND fstype = ?") \
	SQL(link_health_others, 0, "DELETE FROM mount_health WHERE path <> ?") \
	SQL(link_anchor, 0, \
	    "SELECT ifnull(t.here, t.path), s.target_name FROM target_dir t JOIN symlink s ON s.target_dir_id = t.id " \
	    "WHERE t.id >= ?1 AND t.id < ?2 AND t.torrent <> x'' AND s.state IN (0, 3) AND s.ok_at > 0 LIMIT 1") \
	SQL(link_target_span, 0, "SELECT ifnull(max(id), 0) FROM target_dir") \
	SQL(link_dir_put, 0, \
	    "INSERT INTO link_dir(id, root_id, path, mtime, read_at) VALUES(?, ?, ?, ?, ?) " \
	    "ON CONFLICT(root_id, path) DO UPDATE SET mtime = excluded.mtime, read_at = excluded.read_at " \
	    "RETURNING id") \
	SQL(link_dir_add, 0, \
	    "INSERT INTO link_dir(id, root_id, path, mtime, read_at) VALUES(?, ?, ?, ?, ?) " \
	    "ON CONFLICT(root_id, path) DO UPDATE SET mtime = excluded.mtime, read_at = excluded.read_at") \
	SQL(link_dir_read, 0, "UPDATE link_dir SET mtime = ?2, read_at = ?3 WHERE id = ?1") \
	SQL(link_dir_empty, 0, "DELETE FROM symlink WHERE dir_id = ?") \
	SQL(link_dir_delete, 0, "DELETE FROM link_dir WHERE id = ?") \
	SQL(link_target_put, 0, \
	    "INSERT INTO target_dir(id, path, here, torrent) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE " \
	    "SET path = excluded.path, here = excluded.here, torrent = excluded.torrent") \
	SQL(link_put, 0, \
	    "INSERT INTO symlink(dir_id, name, target_dir_id, target_name, since, ok_at, size, text, state, error, " \
	    "sightings, first_at, last_at, reason) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	SQL(link_put_many, 0, \
	    "INSERT INTO symlink(dir_id, name, target_dir_id, target_name, since, ok_at, size) VALUES" \
	    SQL_LINK_VALUES_16 ", " SQL_LINK_VALUES_16) \
	/* the row keeps its id, which plans and the journal name */ \
	SQL(link_change, 0, \
	    "UPDATE symlink SET dir_id = ?, name = ?, target_dir_id = ?, target_name = ?, since = ?, ok_at = ?, " \
	    "size = ?, text = ?, state = ?, error = ?, sightings = ?, first_at = ?, last_at = ?, reason = ? " \
	    "WHERE id = ?") \
	SQL(link_delete, 0, "DELETE FROM symlink WHERE id = ?") \
	SQL(link_judge, 0, \
	    "UPDATE symlink SET state = ?2, error = ?3, sightings = ?4, first_at = ?5, last_at = ?6, " \
	    "since = ?7, ok_at = ?8, size = ?9, reason = ?10 WHERE id = ?1") \
	SQL(link_purge_links, 1, \
	    "DELETE FROM symlink WHERE dir_id IN (SELECT id FROM link_dir WHERE root_id NOT IN " \
	    "(SELECT id FROM root WHERE active = 1 AND kind = 'links'))") \
	SQL(link_purge_dirs, 1, \
	    "DELETE FROM link_dir WHERE root_id NOT IN (SELECT id FROM root WHERE active = 1 AND kind = 'links')") \
	SQL(link_purge_holds, 1, \
	    "DELETE FROM link_hold WHERE root_id NOT IN (SELECT id FROM root WHERE active = 1 AND kind = 'links')") \
	SQL(link_purge_targets, 1, \
	    "DELETE FROM target_dir WHERE NOT EXISTS(SELECT 1 FROM symlink s WHERE s.target_dir_id = target_dir.id)")

#endif
