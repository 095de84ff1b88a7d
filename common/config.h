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

#include "common/alerts.h"
#include "common/buf.h"

enum option_kind {
	OPTION_TEXT,
	OPTION_LIST,
	OPTION_INT,
	OPTION_BOOL,
	/** "100ms", "90s", "15m", "24h", "7d"; kept in nanoseconds. */
	OPTION_DURATION,
	/** "512MiB", "2GiB"; kept in bytes. */
	OPTION_SIZE,
	/** A rule of common/alerts.h; "" and what it leaves out: as in ALERTS. */
	OPTION_ALERT,
};

enum {
	/** Pages that nautiljon.com is asked for in a day at most, as prowlarr.requests_per_day; no option: it bans who asks more. */
	NAUTILJON_DAY = 300,
};

#define ALERT_OPTION(O, id, unit, side, rule, see, help) \
	O(alert_##id, "alerts", #id, OPTION_ALERT, rule, 0, 0, help)

/*   id, section (NULL: top level), key, kind, default, least, most, help */
#define OPTIONS(O) \
	O(music, NULL, "music", OPTION_LIST, "", 0, 0, "folders with music") \
	O(manga, NULL, "manga", OPTION_LIST, "", 0, 0, "folders with manga and comics") \
	O(links, NULL, "links", OPTION_LIST, "", 0, 0, \
	  "trees of symbolic links made by Sonarr or Radarr importers") \
	O(state_dir, NULL, "state_dir", OPTION_TEXT, "", 0, 0, \
	  "where the index lives: a local disk; empty: /var/lib/mediamon for root, else " \
	  "$XDG_STATE_HOME/mediamon") \
	O(archives, NULL, "archives", OPTION_LIST, "zip\nrar\n7z\ntar\nepub\npdf", 0, 0, \
	  "kinds of archives that are opened; files of another kind are known by their names alone. " \
	  "{ \"zip\" } is the cautious setting") \
	O(path_map, NULL, "path_map", OPTION_LIST, "", 0, 0, \
	  "\"/path/there=/path/here\": the links that the mount shows point to /path/there where " \
	  "the file is known here as /path/here (containers)") \
	O(group, NULL, "group", OPTION_TEXT, "mediamon", 0, 0, \
	  "group that may give orders when mounted by root") \
	O(log_level, NULL, "log_level", OPTION_TEXT, "info", 0, 0, \
	  "error, warning, info, debug or trace") \
	O(verify_archives, NULL, "verify_archives", OPTION_TEXT, "off", 0, 0, \
	  "reads volumes to their end and checks every page: off, new (each once, when it is new or changed) or " \
	  "rolling (all, again and again, the one that was checked longest ago first)") \
	O(verify_audio, NULL, "verify_audio", OPTION_TEXT, "off", 0, 0, "the same for music") \
	O(verify_budget, NULL, "verify_budget", OPTION_SIZE, "2GiB", 1, 0, \
	  "verify_archives and verify_audio read so much in an hour at most; a larger file has an hour of its own") \
	O(verify_delay, NULL, "verify_delay", OPTION_DURATION, "1h", 0, 0, \
	  "a file that changed less than this ago may still be being copied: it waits") \
	O(verify_interval, NULL, "verify_interval", OPTION_DURATION, "30d", 1, 0, \
	  "rolling: a file is checked again after this time") \
	O(covers_keep, "covers", "keep", OPTION_INT, "10000", 0, 1000000, \
	  "so many series have a picture in the index (manga/SERIES/cover.jpg), up to 16 KiB each; 0: none") \
	O(covers_rate, "covers", "per_minute", OPTION_INT, "1200", 1, 60000, \
	  "so many of them are made in a minute at most, while nothing else is to do") \
	O(profile, NULL, "profile", OPTION_TEXT, "auto", 0, 0, \
	  "how much of the machine is used: auto (by its memory), server, nas, or raspberry: all processes below " \
	  "48 MB with 100,000 files") \
	O(scan_priority, "scan", "priority", OPTION_TEXT, "background", 0, 0, \
	  "background: scans come behind whatever else wants the processor or the disk, but for the first one of a " \
	  "folder; normal: like everything else") \
	O(scan_workers, "scan", "workers", OPTION_INT, "0", 0, 16, \
	  "processes that read files; 0: one a core, within the profile") \
	O(scan_walkers, "scan", "walkers", OPTION_INT, "0", 0, 32, \
	  "threads that walk each root; 0: one a core, at least two, and more while the disk makes them wait") \
	O(scan_interval, "scan", "interval", OPTION_DURATION, "24h", 0, 0, \
	  "a quick scan of everything this often; 0s: never") \
	O(scan_deadline, "scan", "deadline", OPTION_DURATION, "5s", 1, 0, \
	  "longest time that reading one file may take") \
	O(scan_deadline_mib, "scan", "deadline_mib", OPTION_DURATION, "100ms", 0, 0, \
	  "and so much longer for each MiB of it") \
	O(sandbox, NULL, "sandbox", OPTION_TEXT, "auto", 0, 0, \
	  "what holds the processes that read files (seccomp, Landlock, limits): auto (all that the kernel has), " \
	  "required (all of it, or no file is read) or off") \
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
	O(history_seconds, "history", "seconds", OPTION_DURATION, "1h", 0, 0, \
	  "metrics/seconds.json: a sample of every metric a second while something runs, the last of so much time, at most " \
	  "6h; 0s: none") \
	O(history_minutes, "history", "minutes", OPTION_DURATION, "24h", 0, 0, \
	  "metrics/history.json: so much time of one sample a minute; 0s: nothing is measured over time") \
	O(history_hours, "history", "hours", OPTION_DURATION, "90d", 0, 0, \
	  "and so much of one an hour; a year takes 4 MB") \
	O(chapters_silence, "chapters", "silence", OPTION_DURATION, "30m", 1, 0, \
	  "a chapter of which a scraper tells nothing for so long is abandoned") \
	O(chapters_notice, "chapters", "notice", OPTION_DURATION, "1m", 0, 0, \
	  "when no chapter runs for so long people are told what scrapers fetched; 0s: never") \
	O(chapters_keep, "chapters", "keep", OPTION_INT, "10000", 1, 1000000, \
	  "how many chapters of each producer are kept; sums are kept for ever") \
	O(metrics_log, "history", "log", OPTION_TEXT, "", 0, 0, \
	  "file to which every metric is appended as one line of JSON, such as \"metrics.jsonl\"; without a / it lies in " \
	  "state_dir; empty: none") \
	O(metrics_log_interval, "history", "log_interval", OPTION_DURATION, "60s", 1000000000, 0, "and how often") \
	O(metrics_log_size, "history", "log_size", OPTION_SIZE, "10MiB", 4096, 0, \
	  "a file that is larger is renamed to NAME.1, and a new one begun") \
	O(metrics_log_keep, "history", "log_keep", OPTION_INT, "5", 0, 1000, "how many of those are kept") \
	O(backup_interval, "backup", "interval", OPTION_DURATION, "24h", 0, 0, \
	  "the index is copied to state_dir/backups this often; 0s: never") \
	O(backup_keep, "backup", "keep", OPTION_INT, "7", 1, 1000, "how many of these copies are kept") \
	O(missing_first, "missing", "first_volume", OPTION_INT, "1", 0, 100, \
	  "lowest volume that counts as missing; a series that owns a volume 0 starts there") \
	O(dry_run, NULL, "dry_run", OPTION_BOOL, "true", 0, 0, \
	  "nothing outside the index is changed and nothing is handed to a download client, until " \
	  "this is false or control/dry-run says off") \
	O(monitor_enabled, "monitor", "enabled", OPTION_BOOL, "true", 0, 0, \
	  "whether missing and new volumes are looked for at all") \
	O(monitor_auto, "monitor", "auto_check_enabled", OPTION_BOOL, "true", 0, 0, \
	  "look by itself; else only when control/search says so") \
	O(monitor_interval, "monitor", "auto_check_interval", OPTION_DURATION, "60m", 1, 0, \
	  "how often the list of what is due is gone through, and local tables are read for what is new") \
	O(monitor_default, "monitor", "new_series", OPTION_BOOL, "true", 0, 0, \
	  "series are monitored unless control/monitor says off; false: only when it says on") \
	O(monitor_language, "monitor", "language", OPTION_TEXT, "", 0, 0, \
	  "language of the editions that are collected, such as \"fr\"; empty: any") \
	O(monitor_blocked, "monitor", "blocked_formats", OPTION_LIST, "", 0, 0, \
	  "formats that are never taken, such as \"epub\"") \
	O(missing_enabled, "monitor_missing_volumes", "enabled", OPTION_BOOL, "true", 0, 0, \
	  "volumes below the last one owned, and up to the known total") \
	O(missing_search, "monitor_missing_volumes", "search_enabled", OPTION_BOOL, "true", 0, 0, \
	  "whether they are searched for") \
	O(missing_download, "monitor_missing_volumes", "auto_download_enabled", OPTION_BOOL, "false", 0, 0, \
	  "hand confirmed finds to a download client without being asked") \
	O(missing_sources, "monitor_missing_volumes", "search_sources", OPTION_LIST, \
	  "ebdz\nprowlarr\ntorznab", 0, 0, "where to look, in this order") \
	O(missing_check, "monitor_missing_volumes", "check_interval", OPTION_DURATION, "12h", 1, 0, \
	  "a series is searched again after this time, and later and later when nothing is found") \
	O(new_enabled, "monitor_new_volumes", "enabled", OPTION_BOOL, "false", 0, 0, \
	  "volumes after the last one owned that an authority (nautiljon) says are out") \
	O(new_search, "monitor_new_volumes", "search_enabled", OPTION_BOOL, "true", 0, 0, \
	  "whether they are searched for") \
	O(new_download, "monitor_new_volumes", "auto_download_enabled", OPTION_BOOL, "false", 0, 0, \
	  "hand confirmed finds to a download client without being asked") \
	O(new_authority, "monitor_new_volumes", "check_nautiljon_updates", OPTION_BOOL, "true", 0, 0, \
	  "ask the authority by itself; else only when control/refresh says so") \
	O(new_sources, "monitor_new_volumes", "search_sources", OPTION_LIST, "ebdz\nprowlarr\ntorznab", 0, \
	  0, "where to look, in this order") \
	O(new_check, "monitor_new_volumes", "check_interval", OPTION_DURATION, "6h", 1, 0, \
	  "a new volume is searched for again after this time") \
	O(search_cache, "search", "cache", OPTION_DURATION, "60m", 0, 0, \
	  "an answer is used again for so long") \
	O(search_negative, "search", "negative", OPTION_DURATION, "24h", 1, 0, \
	  "where nothing was found is not asked again for so long; it doubles each time") \
	O(search_many, "search", "many", OPTION_INT, "20", 1, 1000000, \
	  "with so many volumes missing, remote sources are asked only for what local ones lack") \
	O(ebdz_database, "ebdz", "database", OPTION_TEXT, "", 0, 0, \
	  "SQLite file with the table ed2k_links, which is only read; empty: not used") \
	O(prowlarr_url, "prowlarr", "url", OPTION_TEXT, "", 0, 0, \
	  "such as \"http://127.0.0.1:9696\"; empty: not used") \
	O(prowlarr_key, "prowlarr", "api_key_file", OPTION_TEXT, "", 0, 0, \
	  "file (mode 0600) that holds its API key") \
	O(prowlarr_minute, "prowlarr", "requests_per_minute", OPTION_INT, "30", 1, 60, \
	  "its budget: calls a minute") \
	O(prowlarr_day, "prowlarr", "requests_per_day", OPTION_INT, "100", 1, 100000, \
	  "its budget, feeds included") \
	O(prowlarr_categories, "prowlarr", "categories", OPTION_LIST, "7030", 0, 0, \
	  "categories that are searched; many French trackers use 7020, or numbers of their own") \
	O(prowlarr_indexers, "prowlarr", "indexers", OPTION_LIST, "", 0, 0, \
	  "numbers of the indexers that are asked; empty: all that are on") \
	O(prowlarr_feed, "prowlarr", "feed_interval", OPTION_DURATION, "50m", 0, 0, \
	  "how often what was posted lately is read; 0s: never") \
	O(torznab_feeds, "torznab", "feeds", OPTION_LIST, "", 0, 0, \
	  "\"NAME ADDRESS [KEY-FILE]\" for each Torznab or Newznab feed, such as " \
	  "\"jackett http://127.0.0.1:9117/api/v2.0/indexers/all/results/torznab/api /etc/mediamon/credentials/jackett\"") \
	O(torznab_minute, "torznab", "requests_per_minute", OPTION_INT, "10", 1, 60, "budget of each feed") \
	O(torznab_day, "torznab", "requests_per_day", OPTION_INT, "60", 1, 100000, "budget of each feed") \
	O(torznab_categories, "torznab", "categories", OPTION_LIST, "7030", 0, 0, \
	  "categories that are searched") \
	O(torznab_feed, "torznab", "feed_interval", OPTION_DURATION, "50m", 0, 0, \
	  "how often what was posted lately is read; 0s: never") \
	O(nautiljon_enabled, "nautiljon", "enabled", OPTION_BOOL, "false", 0, 0, \
	  "ask nautiljon.com which volumes are out in French; it bans those who ask too often") \
	O(nautiljon_url, "nautiljon", "url", OPTION_TEXT, "https://www.nautiljon.com", 0, 0, "its address") \
	O(nautiljon_distance, "nautiljon", "distance", OPTION_DURATION, "10s", 0, 0, \
	  "least time between two pages") \
	O(nautiljon_interval, "nautiljon", "interval", OPTION_DURATION, "7d", 0, 0, \
	  "least time between two pages of one series") \
	O(nautiljon_finished, "nautiljon", "interval_finished", OPTION_DURATION, "90d", 0, 0, \
	  "the same of series that are finished") \
	O(nautiljon_block, "nautiljon", "cooldown", OPTION_DURATION, "12h", 1, 0, \
	  "how long it is left alone after it refused us") \
	O(requests_client, "requests", "preferred_client", OPTION_TEXT, "", 0, 0, \
	  "qbittorrent, amule, prowlarr or blackhole: the first that is asked to take a find; empty: " \
	  "the first that is set up and can") \
	O(requests_day, "requests", "per_day", OPTION_INT, "10", 0, 10000, \
	  "most finds that are handed over by themselves in 24 hours") \
	O(requests_delay, "requests", "delay", OPTION_DURATION, "5s", 0, 0, \
	  "by itself only what is missing for so long: a folder that is being copied has gaps for a while") \
	O(requests_check, "requests", "check_interval", OPTION_DURATION, "60s", 1, 0, \
	  "how often clients are asked how far they are") \
	O(requests_patience, "requests", "patience", OPTION_DURATION, "7d", 1, 0, \
	  "a download that stands still for so long has failed") \
	O(requests_arrival, "requests", "arrival", OPTION_DURATION, "7d", 1, 0, \
	  "so has one that is complete for so long while no file of its volume appears") \
	O(qbittorrent_url, "qbittorrent", "url", OPTION_TEXT, "", 0, 0, \
	  "such as \"http://127.0.0.1:8080\"; empty: not used") \
	O(qbittorrent_user, "qbittorrent", "username", OPTION_TEXT, "", 0, 0, "empty: no login") \
	O(qbittorrent_password, "qbittorrent", "password_file", OPTION_TEXT, "", 0, 0, \
	  "file (mode 0600) that holds its password") \
	O(qbittorrent_category, "qbittorrent", "category", OPTION_TEXT, "mediamon", 0, 0, \
	  "category of what is handed over; made when it is not there") \
	O(qbittorrent_folder, "qbittorrent", "save_path", OPTION_TEXT, "", 0, 0, "empty: its own") \
	O(qbittorrent_paused, "qbittorrent", "paused", OPTION_BOOL, "false", 0, 0, \
	  "add torrents without starting them") \
	O(amule_host, "amule", "host", OPTION_TEXT, "", 0, 0, \
	  "where aMule's External Connection listens; empty: not used") \
	O(amule_port, "amule", "port", OPTION_INT, "4712", 1, 65535, "the port that it listens on") \
	O(amule_password, "amule", "password_file", OPTION_TEXT, "", 0, 0, \
	  "file (mode 0600) that holds its password") \
	O(amule_category, "amule", "category", OPTION_INT, "0", 0, 255, "number of its category") \
	O(blackhole_folder, "blackhole", "folder", OPTION_TEXT, "", 0, 0, \
	  "finds are dropped there as .torrent, .magnet, .nzb or .ed2k files; empty: not used") \
	O(discord_webhook, "discord", "webhook_file", OPTION_TEXT, "", 0, 0, \
	  "file (mode 0600) that holds the webhook's address") \
	O(webhook_url, "webhook", "url_file", OPTION_TEXT, "", 0, 0, \
	  "file (mode 0600) that holds an address to which notices are posted as JSON") \
	O(hook_exec, "hook", "exec", OPTION_TEXT, "", 0, 0, \
	  "program that is run with the notices as JSON on its standard input") \
	O(symlinks_interval, "symlinks", "interval", OPTION_DURATION, "6h", 0, 0, \
	  "how often the trees of links are looked at; 0s: only when control/rescan says so") \
	O(symlinks_sightings, "symlinks", "sightings", OPTION_INT, "3", 1, 1000, \
	  "a link is broken when its target was not there so often, below a healthy mount,") \
	O(symlinks_span, "symlinks", "span", OPTION_DURATION, "24h", 0, 0, "and over so long a time") \
	O(symlinks_apart, "symlinks", "apart", OPTION_DURATION, "1h", 0, 0, \
	  "looks that are closer together than this count as one") \
	O(symlinks_brake_links, "symlinks", "brake_links", OPTION_INT, "20", 0, 1000000, \
	  "when the targets of more links than this and than brake_percent vanish at once, those links are held " \
	  "until control/accept-loss says so") \
	O(symlinks_brake_percent, "symlinks", "brake_percent", OPTION_INT, "2", 0, 100, "see brake_links") \
	O(realdebrid_token, "realdebrid", "token_file", OPTION_TEXT, "", 0, 0, \
	  "file (mode 0600) that holds the API token; empty: Real-Debrid is not asked") \
	O(realdebrid_url, "realdebrid", "url", OPTION_TEXT, "https://api.real-debrid.com/rest/1.0", 0, 0, \
	  "its address") \
	O(realdebrid_mount, "realdebrid", "mount", OPTION_TEXT, "", 0, 0, \
	  "where its files are mounted (rclone, zurg, decypharr), such as \"/mnt/realdebrid\"") \
	O(realdebrid_folders, "realdebrid", "folders", OPTION_LIST, \
	  "__all__\ntorrents\nshows\nmovies\nanime\n.", 0, 0, \
	  "folders of the mount in which every entry is a torrent; \".\" is the mount itself") \
	O(realdebrid_map, "realdebrid", "path_map", OPTION_LIST, "", 0, 0, \
	  "\"/path/there=/path/here\": links whose text begins with /path/there lead to /path/here (importers in " \
	  "containers)") \
	O(realdebrid_minute, "realdebrid", "requests_per_minute", OPTION_INT, "200", 1, 200, \
	  "its budget: calls in any 60 seconds (it allows 250, and counts those that it refuses)") \
	O(realdebrid_repairs, "realdebrid", "repairs_per_minute", OPTION_INT, "60", 1, 60, \
	  "of these, what repairs may use") \
	O(realdebrid_scan, "realdebrid", "scan_interval", OPTION_DURATION, "10m", 0, 0, \
	  "how often torrents that failed are looked at (quick scan); 0s: only when control/repair says so") \
	O(realdebrid_full, "realdebrid", "full_interval", OPTION_DURATION, "24h", 1, 0, \
	  "how often all torrents are listed (full scan)") \
	O(realdebrid_session, "realdebrid", "session", OPTION_INT, "5000", 1, 1000000, \
	  "torrents that one session of a full scan receives; the next one goes on from there") \
	O(repair_auto, "repair", "auto_repair", OPTION_BOOL, "false", 0, 0, \
	  "carry out plans of which every step puts a torrent back, without being asked") \
	O(repair_remove, "repair", "remove_infringing", OPTION_BOOL, "false", 0, 0, \
	  "let auto_repair also remove links to torrents that the provider took down for good, inside the caps") \
	O(repair_delay, "repair", "retry_delay", OPTION_DURATION, "3h", 1, 0, \
	  "a torrent that could not be put back is tried again after this time") \
	O(repair_attempts, "repair", "attempts", OPTION_INT, "3", 1, 100, "and so often") \
	O(repair_wait, "repair", "wait", OPTION_DURATION, "30m", 1, 0, \
	  "how long a torrent that was put back may take until it is downloaded") \
	O(repair_visible, "repair", "visible", OPTION_DURATION, "15m", 1, 0, \
	  "and then until its files are seen on the mount") \
	O(repair_most, "repair", "most", OPTION_INT, "20", 0, 100000, \
	  "links removed or replaced in one run at most, ") \
	O(repair_percent, "repair", "percent", OPTION_INT, "2", 0, 100, "and at most this share of all links; ") \
	O(repair_day, "repair", "day", OPTION_INT, "50", 0, 100000, "and so many in 24 hours; the rest is held") \
	O(repair_undo, "repair", "undo", OPTION_DURATION, "30d", 1, 0, "how long changes of links can be undone") \
	O(repair_history, "repair", "history", OPTION_DURATION, "30d", 1, 0, "how long attempts are remembered") \
	O(repair_samples, "repair", "metrics", OPTION_DURATION, "90d", 1, 0, "how long numbers are kept") \
	O(repair_log, "repair", "metrics_log", OPTION_TEXT, "", 0, 0, \
	  "file to which numbers are appended as JSON lines; it is rotated at 10 MB, 5 old ones are kept; empty: none") \
	O(sonarr_instances, "sonarr", "instances", OPTION_LIST, "", 0, 0, \
	  "\"NAME ADDRESS KEY-FILE\" for each, such as \"sonarr http://127.0.0.1:8989 /etc/mediamon/credentials/sonarr\"") \
	O(radarr_instances, "radarr", "instances", OPTION_LIST, "", 0, 0, "the same for Radarr") \
	O(plex_instances, "plex", "instances", OPTION_LIST, "", 0, 0, "the same for Plex: one path is refreshed") \
	O(jellyfin_instances, "jellyfin", "instances", OPTION_LIST, "", 0, 0, "the same for Jellyfin") \
	O(arr_map, "arr", "path_map", OPTION_LIST, "", 0, 0, \
	  "\"/path/there=/path/here\": what Sonarr, Radarr, Plex and Jellyfin call /path/there is /path/here") \
	O(arr_hour, "arr", "per_hour", OPTION_INT, "10", 0, 60, "orders to each of them in an hour at most") \
	O(alerts_interval, "alerts", "interval", OPTION_DURATION, "30s", 1, 0, \
	  "how often the conditions below are looked at. A rule is \"LIMIT for DURATION clear LIMIT after DURATION\": it " \
	  "fires beyond the first limit for so long, and is over when it was not beyond the second one for so long; what " \
	  "is left out is as written here; \"off\": not looked at") \
	O(alerts_notices, "alerts", "notices", OPTION_BOOL, "true", 0, 0, \
	  "tell people through discord, webhook and hook what fires and what is over; false: only in status/health") \
	O(alerts_silent, "alerts", "silent", OPTION_LIST, "", 0, 0, \
	  "conditions that nobody is told of, such as \"scan_slow\"; status/health names them all the same") \
	O(alerts_summary, "alerts", "summary", OPTION_TEXT, "", 0, 0, \
	  "time of day (local) such as \"08:00\" at which people are told what changed in a day; empty: never") \
	ALERTS(ALERT_OPTION, O)

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
/** The rule of a condition. */
void config_alert(const struct config *c, enum alert_id id, struct alert_rule *out);
/** Minutes since midnight of a text such as "08:00"; -1 when it is none. */
int config_time_of_day(const char *text);
/** The archives that may be opened, as ARCHIVE_… bits. */
unsigned config_archives(const struct config *c);
/** Where the file was read from; absolute when it could be made so. */
const char *config_path(const struct config *c);
/** state_dir with its default filled in. */
const char *config_state_dir(const struct config *c);

/** The file that is used when none is named: /etc/mediamon/… or the XDG one. */
void config_default_path(struct buf *out);

/** A commented file with every option and its default. */
void config_print_default(struct buf *out);

/** Complaints about one rule, and about the rest of section alerts; for config.c. */
int config_check_alert(const struct config *c, int id, struct buf *why);
int config_check_alerts(const struct config *c, struct buf *why);
/** Whether no option before @id has its section; for config_print.c. */
bool config_is_first_of_section(int id);

/** "90s" → nanoseconds; -1 when it is no duration. */
int64_t config_duration(const char *text);
/** "2GiB" → bytes; -1 when it is no size.  A bare number is bytes. */
int64_t config_size(const char *text);

#endif
