/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The orders that people can give: one row each.  control/ in the mount, `mediamon order`, the
 * indexer's checks and the README of the tree derive from it.
 */
#ifndef COMMON_ORDERS_H
#define COMMON_ORDERS_H

#include <stddef.h>

/*   id, name of the file, grammar, example, what it does */
#define ORDERS(O) \
	O(rescan, "rescan", "[full] all | music | manga | links | /absolute/path", "manga", \
	  "looks at the disks and updates the index; files that did not change are not read.\n" \
	  "\"full\" reads every tag again. The same scan twice while it waits is one.") \
	O(pause, "pause", "scan | search | repair | verify | all | JOB-NUMBER", "scan", \
	  "holds a job within a second; what is done stays done") \
	O(resume, "resume", "scan | search | repair | verify | all | JOB-NUMBER", "scan", "lets a held job go on") \
	O(cancel, "cancel", "scan | search | repair | verify | all | JOB-NUMBER", "12", \
	  "ends a job within a second; what is done stays done") \
	O(verify, "verify", "[files] all | music | manga | /absolute/path", "manga", \
	  "reads the tags of every file anew and compares them with the index; changes nothing.\n" \
	  "status/verify lists the differences. \"files\" reads files to their end, while no scan\n" \
	  "runs, and checks every page and frame: status/integrity lists what is damaged.") \
	O(accept_loss, "accept-loss", "NAME COUNT (as in status/roots)", "music 30", \
	  "the files that status/roots says are held are really gone: forgets them.\n" \
	  "What is there again by then stays.") \
	O(search, "search", "SERIES | SERIES VOLUME | due", "Naruto 5", \
	  "looks for what is missing now, inside the budgets; an answer of the last hour counts.\n" \
	  "\"due\": all that is monitored and due.") \
	O(grab, "grab", "REQUEST-ID | result RESULT-ID", "7", \
	  "hands a find to a download client, once. status/requests has the numbers; in\n" \
	  "manga/SERIES/missing/VOLUME/grab, it is the number of a line of results.") \
	O(monitor, "monitor", \
	  "SERIES on | off | total N | ignore N | unignore N | language xx | auto on | auto off | alias NAME " \
	  "| unalias NAME | url ADDRESS", "Naruto ignore 3", \
	  "what counts as missing of a series, and whether it is looked for. total: volumes it has (none: as\n" \
	  "others say); ignore: a volume nobody misses; language: of the edition (any); auto: whether finds\n" \
	  "are handed over by themselves, where the configuration lets them; alias: another name it is\n" \
	  "posted under (unalias: no longer, and what was found is judged again); url: its page at the authority.") \
	O(refresh, "refresh", "SERIES", "Naruto", \
	  "asks the authority (nautiljon) which volumes are out, inside its budget") \
	O(repair, "repair", "scan quick | scan full | scan symlinks | plan", "plan", \
	  "scan: asks Real-Debrid for torrents that failed, for all, or looks at the links.\n" \
	  "plan: writes what would be done, and why, to status/repairs; changes nothing.") \
	O(apply, "apply", "PLAN-HASH | PLAN-HASH ITEM...", "0123456789abcdef 1 3", \
	  "carries out exactly that plan of status/repairs, or some of its items; what changed\n" \
	  "since is left out. Each change of a link can be undone.") \
	O(undo, "undo", "JOURNAL-ID... | PLAN-HASH", "17", \
	  "puts links back as they were, bit for bit; status/repairs has the numbers") \
	O(dry_run, "dry-run", "on | off", "off", \
	  "on: nothing outside the index is changed and nothing is handed to a download client") \
	O(chapter, "chapter", \
	  "{\"event\": \"start | update | download | end | reset\", \"run\", \"series\", \"chapter\", \"attempt\", \"url\", ...}", \
	  "{\"event\": \"start\", \"series\": \"Naruto\", \"chapter\": 1.0}", \
	  "a scraper tells how a chapter goes on, one JSON object a line; metrics/chapters.json shows it.\n" \
	  "update, end: images_found, images_downloaded, images_processed, download_errors, total_bytes;\n" \
	  "download: bytes, success, count; end: success, error_message, duration_seconds; any: at, run, seq.") \
	O(reload, "reload", "config", "config", \
	  "reads the configuration again; an invalid one is refused whole and the old one stays") \
	O(log_level, "log-level", "error | warning | info | debug | trace", "debug", \
	  "how much the indexer logs, until it ends") \
	O(quit, "quit", "now", "now", "ends the indexer; the mount stays and says so")

enum order_id {
#define O(id, ...) ORDER_##id,
	ORDERS(O)
#undef O
	ORDER_COUNT
};

enum {
	/** Longest order that is accepted, in bytes. */
	ORDER_MAX = 3000,
};

struct order_row {
	/** As the file in control/ is called. */
	const char *name;
	const char *grammar, *example, *help;
};

extern const struct order_row ORDERS_TABLE[ORDER_COUNT];

/** The row called @name; ORDER_COUNT when there is none. */
enum order_id order_find(const char *name, size_t n);

#endif
