/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Notices to people: Discord, any webhook, a program.  They are collected and sent together: one
 * message a run.  Never blocks: each notifier that is configured has a thread and a bounded queue
 * of its own, so that none waits for another, and what cannot be sent within a day is dropped with
 * a word in the log.  A new way: one file and one word in NOTIFIERS.
 */
#ifndef INDEXER_NOTIFY_NOTIFY_H
#define INDEXER_NOTIFY_NOTIFY_H

#include "indexer/release.h"

/** What happened; texts of any bytes.  Notifiers get valid UTF-8, cut to the lengths below. */
struct notice {
	/** "found", "sent", "arrived", "failed", "wrong-volume", "alert", "alert over", … : what they are grouped by. */
	const char *kind;
	/** "" for none. */
	const char *series;
	/** One sentence. */
	const char *text;
	/** ns since 1970. */
	int64_t at;
	/** For notifiers: 0, or this stands for so many of its kind for which there was no room. */
	uint64_t more;
};

enum { NOTICE_KIND = 32, NOTICE_SERIES = 256, NOTICE_TEXT = 1024 };

struct notifier {
	const char *name;
	/** As of sources (search/source.h).  o->net is notify's own, with an http of its own. */
	int (*open)(const struct outside *o, void **state, char *why);
	void (*close)(void *state);
	/**
	 * Sends one message of @n notices.  0; -EAGAIN with *at (its Retry-After; 0: unknown);
	 * -ENOENT: the address is gone for good, it is not asked again until the next start;
	 * -EBADMSG: this message will never be taken and is dropped; else it failed, or its answer
	 * was lost, and it is sent again later: twice is better than never.
	 */
	int (*send)(void *state, const struct notice *const *notices, size_t n, int64_t *at, char *why);
	/** Makes a running and any later send() end soon; from another thread.  NULL: calls of o->net
	 * are all that it waits for. */
	void (*cancel)(void *state);
};

#define NOTIFIERS(X) \
	X(discord) \
	X(webhook) \
	X(exec)

#define X(name) extern const struct notifier notifier_##name;
NOTIFIERS(X)
#undef X

struct notify;

/**
 * Starts the threads; *out is NULL when no notifier is configured.  One that is configured wrongly
 * is left out with an error in the log.  What @o names is needed until notify_free(), but for the
 * net's http: its calls may be cancelled before.  Without a net, programs still work.
 */
int notify_new(const struct outside *o, struct notify **out);
/** Sends what waits, for at most two seconds.  Accepts NULL. */
void notify_free(struct notify *n);
/** Copies the notice and returns at once.  Any thread.  @n may be NULL. */
void notify_put(struct notify *n, const struct notice *notice);
/** The run is over: what was put is sent now (else after 60 s without another, or 10 min).  Any
 * thread.  @n may be NULL. */
void notify_flush(struct notify *n);
/** Whether all that was put has left by one notifier at least (or was dropped with a word in the log), or none is left.
 * Any thread.  @n may be NULL. */
bool notify_is_told(struct notify *n);
/** Of all notifiers: messages sent, attempts that failed, notices that wait.  @n may be NULL. */
void notify_counts(struct notify *n, uint64_t *sent, uint64_t *failed, uint64_t *waiting);

#endif
