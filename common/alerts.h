/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Conditions that somebody should be told of, one row each: the option of section `alerts` in the configuration, the
 * check of its text, what the indexer watches and what status/health says derive from the rows.
 */
#ifndef COMMON_ALERTS_H
#define COMMON_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

/** What a value and its limits are counted in. */
enum alert_unit {
	/** True or not: there is no limit. */
	ALERT_FLAG,
	ALERT_COUNT,
	/** 0 to 100. */
	ALERT_PERCENT,
	/** Seconds. */
	ALERT_AGE,
	/** Bytes. */
	ALERT_BYTES,
};

/** "flag", "count", "percent", "seconds", "bytes". */
extern const char *const ALERT_UNIT_NAMES[];

enum alert_side { ALERT_ABOVE, ALERT_BELOW };

/*
 * id, which is also the key of its option; unit; on which side of the limit it fires; the rule (see alert_rule_read());
 * the file of the mount that tells more; what it is.  O: of the caller, see config.h.
 */
#define ALERTS(A, O) \
	A(O, root_absent, ALERT_FLAG, ALERT_ABOVE, "for 5m after 1m", "status/roots", "a folder is not present") \
	A(O, root_held, ALERT_COUNT, ALERT_ABOVE, "0 for 1m clear 0 after 1m", "status/roots", \
	  "files or links of a folder are held: so many vanished at once that a person has to say whether they did") \
	A(O, nothing_seen, ALERT_AGE, ALERT_ABOVE, "72h for 5m clear 72h after 0s", "metrics/scan.json", \
	  "time since a scan ended (never before twice scan.interval)") \
	A(O, scan_slow, ALERT_PERCENT, ALERT_BELOW, "50% for 0s clear 70% after 0s", "metrics/scan.json", \
	  "files a second of the last scan against the median of the ten before it") \
	A(O, scan_failures, ALERT_PERCENT, ALERT_ABOVE, "10% for 0s clear 5% after 0s", "status/errors", \
	  "files of the last scan that could not be read") \
	A(O, errors_growing, ALERT_COUNT, ALERT_ABOVE, "100 for 10m clear 50 after 10m", "status/errors", \
	  "files that cannot be read, more than a day before") \
	A(O, volumes_corrupt, ALERT_COUNT, ALERT_ABOVE, "0 for 0s clear 0 after 0s", "status/integrity", \
	  "files that were read to their end and found corrupt") \
	A(O, links_broken, ALERT_COUNT, ALERT_ABOVE, "20 for 1h clear 10 after 10m", "status/symlinks", "broken links") \
	A(O, account_stopped, ALERT_FLAG, ALERT_ABOVE, "for 0s after 1m", "status/torrents", \
	  "Real-Debrid is not asked any more: the account is not premium, or the token is refused") \
	A(O, requests_stuck, ALERT_AGE, ALERT_ABOVE, "3d for 10m clear 3d after 10m", "status/requests", \
	  "the longest time without progress of what was handed to a download client") \
	A(O, api_budget, ALERT_PERCENT, ALERT_ABOVE, "95% for 1m clear 80% after 10m", "metrics/search.json", \
	  "calls of a day that a service's budget allows, used up") \
	A(O, api_refusals, ALERT_COUNT, ALERT_ABOVE, "10 for 1m clear 5 after 10m", "metrics/search.json", \
	  "calls of a day that a service refused") \
	A(O, state_disk, ALERT_BYTES, ALERT_BELOW, "500MiB for 10m clear 1GiB after 10m", "status/health", \
	  "room on the disk of the state directory") \
	A(O, media_disk, ALERT_BYTES, ALERT_BELOW, "1GiB for 10m clear 2GiB after 10m", "status/roots", \
	  "room on the disk of a folder, by the last look at it") \
	A(O, store_unwritable, ALERT_FLAG, ALERT_ABOVE, "for 1m after 1m", "status/health", \
	  "the index cannot be written") \
	A(O, backup_failing, ALERT_FLAG, ALERT_ABOVE, "for 1h after 0s", "status/health", \
	  "the index cannot be copied to backups") \
	A(O, backup_old, ALERT_AGE, ALERT_ABOVE, "3d for 1h clear 3d after 0s", "status/health", \
	  "time since the last copy of the index (never before twice backup.interval)") \
	A(O, restarts, ALERT_COUNT, ALERT_ABOVE, "5 for 0s clear 2 after 10m", "status/health", \
	  "starts of the indexer within an hour") \
	A(O, workers_dying, ALERT_COUNT, ALERT_ABOVE, "20 for 0s clear 5 after 10m", "status/errors", \
	  "processes that read files and were replaced, within an hour") \
	A(O, chapter_failures, ALERT_PERCENT, ALERT_ABOVE, "20% for 10m clear 10% after 10m", "metrics/chapters.json", \
	  "chapters that failed, of the last hundred") \
	A(O, chapters_abandoned, ALERT_COUNT, ALERT_ABOVE, "5 for 10m clear 2 after 10m", "metrics/chapters.json", \
	  "chapters whose producer fell silent, of the last hundred")

enum alert_id {
#define A(O, id, ...) ALERT_##id,
	ALERTS(A, )
#undef A
	ALERT_COUNT_OF_ROWS
};

struct alert_row {
	const char *name;
	enum alert_unit unit;
	enum alert_side side;
	/** The rule without a configuration, whole. */
	const char *rule;
	/** Of the mount. */
	const char *see;
	const char *help;
};

extern const struct alert_row ALERTS_TABLE[ALERT_COUNT_OF_ROWS];

/** When a condition fires and when it clears. */
struct alert_rule {
	bool is_on;
	/** Fires beyond @limit for @hold ns; clears when not beyond @clear for @after ns. */
	double limit, clear;
	int64_t hold, after;
};

/**
 * "LIMIT for DURATION clear LIMIT after DURATION": any part may be absent, and is then as in the row (a limit without
 * clear moves the clear limit too, when it would lie beyond); "off".  A flag has no limits.  0; -EINVAL with a clause
 * in @why, which may be NULL.
 */
int alert_rule_read(enum alert_id id, const char *text, struct alert_rule *out, struct buf *why);

/** A value in the words of its unit: "12", "48.5 %", "3 d 4 h", "1.2 GiB". */
void alert_value(enum alert_unit unit, double value, struct buf *out);

#endif
