/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Questions about alerts: which conditions fire.  As in store_read.h; topic alerts. */
#ifndef COMMON_STORE_ALERTS_H
#define COMMON_STORE_ALERTS_H

#include "common/alerts.h"
#include "common/store_read.h"

enum store_alert_state {
	/** It cleared, which is remembered for as long as that may matter to the next time. */
	STORE_ALERT_QUIET,
	/** Beyond its limit, not for long enough yet. */
	STORE_ALERT_PENDING,
	STORE_ALERT_FIRING,
};

struct store_alert {
	/** The condition's (ALERTS_TABLE), and what it is about: a folder, a service; "" none. */
	const char *name, *subject;
	/** One sentence, without a period. */
	const char *text;
	enum store_alert_state state;
	bool firing;
	/** Since when the condition holds; when it fired, when it cleared last; 0 never. */
	int64_t since, fired_at, cleared_at;
	/** When the row was written, and how often it fired again soon after it had cleared. */
	int64_t changed_at, streak;
	/** In the unit of its row; the value is NAN when it is not known. */
	double value, limit;
	/** People were told of its last move, or need not be. */
	bool told;
};
typedef int store_alert_fn(void *arg, const struct store_alert *row);

/** Those that fire, the one that holds longest first.  Rows of conditions that this program does not know are left out. */
int store_alerts(struct store *s, store_alert_fn *fn, void *arg);
/** Every row. */
int store_alerts_all(struct store *s, store_alert_fn *fn, void *arg);
/** How many fire, as store_alerts() tells of. */
int store_alerts_firing(struct store *s, int64_t *n);

/** Room on the disk of a root, as its scout saw it when the root was looked at last. */
struct store_disk {
	int64_t root;
	/** Of the root. */
	const char *name;
	int64_t free_bytes, size_bytes, at;
};
typedef int store_disk_fn(void *arg, const struct store_disk *row);
/** Of each root of the configuration that was looked at. */
int store_disks(struct store *s, store_disk_fn *fn, void *arg);

#endif
