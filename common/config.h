/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The configuration file: libconfuse, driven by one table of options.  Parser, checks, defaults,
 * `--print-default-config` and the man page derive from the rows.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum option_kind {
	OPTION_TEXT,
	OPTION_LIST,
	OPTION_INT,
	OPTION_BOOL,
	/** "100ms", "90s", "15m", "24h", "7d"; kept in nanoseconds. */
	OPTION_DURATION,
};

/*   id, section (NULL: top level), key, kind, default, least, most, help */
#define OPTIONS(O) \
	O(music, NULL, "music", OPTION_LIST, "", 0, 0, "folders with music") \
	O(manga, NULL, "manga", OPTION_LIST, "", 0, 0, "folders with manga and comics") \
	O(links, NULL, "links", OPTION_LIST, "", 0, 0, \
	  "trees of symbolic links made by Sonarr or Radarr importers") \
	O(state_dir, NULL, "state_dir", OPTION_TEXT, "", 0, 0, \
	  "where the index lives: a local disk; empty: /var/lib/mediamon for root, else " \
	  "$XDG_STATE_HOME/mediamon") \
	O(path_map, NULL, "path_map", OPTION_LIST, "", 0, 0, \
	  "\"/path/there=/path/here\": the links that the mount shows point to /path/there where " \
	  "the file is known here as /path/here (containers)") \
	O(group, NULL, "group", OPTION_TEXT, "mediamon", 0, 0, \
	  "group that may give orders when mounted by root") \
	O(log_level, NULL, "log_level", OPTION_TEXT, "info", 0, 0, \
	  "error, warning, info, debug or trace") \
	O(scan_workers, "scan", "workers", OPTION_INT, "0", 0, 16, \
	  "processes that read files; 0: one a core") \
	O(scan_walkers, "scan", "walkers", OPTION_INT, "0", 0, 16, \
	  "threads that walk each root; 0: one a core, at least two") \
	O(scan_interval, "scan", "interval", OPTION_DURATION, "24h", 0, 0, \
	  "a quick scan of everything this often; 0s: never") \
	O(scan_deadline, "scan", "deadline", OPTION_DURATION, "5s", 1, 0, \
	  "longest time that reading one file may take") \
	O(scan_watch, "scan", "watch", OPTION_TEXT, "auto", 0, 0, \
	  "how changes are noticed: auto, inotify, fanotify (root only: one mark for a whole disk) " \
	  "or poll") \
	O(scan_quiet, "scan", "quiet", OPTION_DURATION, "2s", 0, 0, \
	  "a folder that changed is read when nothing was written in it for so long") \
	O(scan_poll, "scan", "poll", OPTION_DURATION, "10m", 1, 0, \
	  "how often folders are looked at that cannot be watched (network, FUSE)") \
	O(scan_verify, "scan", "verify", OPTION_DURATION, "24h", 0, 0, \
	  "within this time every folder is looked at again, whatever was noticed; 0s: never") \
	O(scan_keep_missing, "scan", "keep_missing", OPTION_DURATION, "30d", 0, 0, \
	  "files that are gone are remembered for so long, should they come back") \
	O(scan_brake_files, "scan", "brake_files", OPTION_INT, "20", 0, 1000000, \
	  "when more files than this and than brake_percent vanish at once, nothing is forgotten " \
	  "until control/accept-loss says so") \
	O(scan_brake_percent, "scan", "brake_percent", OPTION_INT, "2", 0, 100, \
	  "see brake_files") \
	O(scan_marker, "scan", "marker", OPTION_TEXT, "", 0, 0, \
	  "a file that every folder of the library must hold to be believed, such as \".mediamon\"; " \
	  "empty: none") \
	O(scan_exclude, "scan", "exclude", OPTION_LIST, \
	  "*.part\n*.!qB\n.git\n@eaDir\n#recycle\n._*\n.DS_Store", 0, 0, \
	  "names (with * and ?) of files and folders that are not looked at") \
	O(history_interval, "history", "interval", OPTION_DURATION, "1h", 0, 0, \
	  "keep the documents of status/ this often, counted from midnight UTC; 0s: never") \
	O(backup_interval, "backup", "interval", OPTION_DURATION, "24h", 0, 0, \
	  "the index is copied to state_dir/backups this often; 0s: never") \
	O(backup_keep, "backup", "keep", OPTION_INT, "7", 1, 1000, "how many of these copies are kept") \
	O(missing_first, "missing", "first_volume", OPTION_INT, "1", 0, 100, \
	  "lowest volume that counts as missing; a series that owns a volume 0 starts there")

enum option_id {
#define O(id, ...) OPT_##id,
	OPTIONS(O)
#undef O
	OPTION_COUNT
};

struct option_row {
	const char *section, *key;
	enum option_kind kind;
	/** Items of a list are separated by '\n'. */
	const char *fallback;
	/** Bounds of numbers, both inclusive; most 0: none. */
	int64_t least, most;
	const char *help;
};

extern const struct option_row OPTIONS_TABLE[OPTION_COUNT];

struct config;

/**
 * Reads @path.  Returns 0, or -errno with every complaint ("file:line: …", one a line) in @why.
 */
int config_load(const char *path, struct config **out, struct buf *why);
/** All defaults, no file. */
int config_default(struct config **out);
/** Accepts NULL. */
void config_free(struct config *c);

/** Borrowed until config_free(). */
const char *config_text(const struct config *c, enum option_id id);
int64_t config_int(const struct config *c, enum option_id id);
size_t config_count(const struct config *c, enum option_id id);
const char *config_item(const struct config *c, enum option_id id, size_t i);
/** Where the file was read from; absolute when it could be made so. */
const char *config_path(const struct config *c);
/** state_dir with its default filled in. */
const char *config_state_dir(const struct config *c);

/** The file that is used when none is named: /etc/mediamon/… or the XDG one. */
void config_default_path(struct buf *out);

/** A commented file with every option and its default. */
void config_print_default(struct buf *out);

/** "90s" → nanoseconds; -1 when it is no duration. */
int64_t config_duration(const char *text);

#endif
