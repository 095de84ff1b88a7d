/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Debrid providers: services that hold torrents for their user and show them as a mount.  A new one: one file
 * and one word in PROVIDERS.  A provider is used by one thread at a time; politeness (its rates) is
 * its own, through net/limit.
 */
#ifndef INDEXER_REPAIR_PROVIDER_H
#define INDEXER_REPAIR_PROVIDER_H

#include "common/buf.h"
#include "common/vec.h"
#include "indexer/release.h"

enum { PROVIDER_ID = 64, PROVIDER_HASH = 41 };

/** What a failed call means for whoever made it. */
enum provider_class {
	PROVIDER_OK,
	/** No budget now, or the provider asked for a pause: nothing was said about the item; *at says when. */
	PROVIDER_WAIT,
	/** The account: everything stops until a person acts. */
	PROVIDER_STOP,
	/** This item, later. */
	PROVIDER_LATER,
	/** This item, never again. */
	PROVIDER_PERMANENT,
	/** It is not there (a positive 404 of a torrent's id). */
	PROVIDER_GONE,
	/** It is not known whether the call was carried out: only asking tells. */
	PROVIDER_UNKNOWN,
};

struct provider_error {
	enum provider_class class;
	/** HTTP status and the provider's own code; 0 none. */
	int http, code;
	/** When to try again (PROVIDER_WAIT); 0. */
	int64_t at;
	/** A sentence without secrets. */
	char why[WHY];
};

struct provider_account {
	char user[64];
	bool is_premium;
	/** Nanoseconds since 1970; 0 unknown. */
	int64_t expires_at;
};

/** How the provider's statuses are treated: one for all providers. */
enum torrent_state {
	TORRENT_OK,
	/** On its way: magnet conversion, queued, downloading, compressing, uploading. */
	TORRENT_BUSY,
	/** Files were never chosen. */
	TORRENT_UNSELECTED,
	/** error, magnet_error, dead. */
	TORRENT_FAILED,
	/** virus: permanent. */
	TORRENT_VIRUS,
};

struct provider_file {
	int64_t id, bytes;
	/** Begins with '/'; no part of it is "." or "..". */
	char *path;
	bool selected;
};

/** Owned: provider_torrent_clear(). */
struct provider_torrent {
	char id[PROVIDER_ID], hash[PROVIDER_HASH];
	/** Its folder on the mount; "" when it is no name that a folder can have.  Never NULL. */
	char *name;
	/** The provider's word, and what it means. */
	char status[32];
	enum torrent_state state;
	int64_t bytes, links, added_at, ended_at;
	double progress;
	/** Only of info(). */
	VEC(struct provider_file) files;
};

void provider_torrent_clear(struct provider_torrent *t);

typedef int provider_torrent_fn(void *arg, const struct provider_torrent *t);

/** One page of the list. */
struct provider_page {
	/** In: items received so far.  Out: items of this page, and all that there are (-1 not said). */
	int64_t offset, received, total;
	/** Only what is being worked on. */
	bool active_only;
	/** Out: nothing follows. */
	bool is_last;
};

/** What a call that ended so returns. */
int provider_result(enum provider_class class);
/** Fills @e and returns that. */
int provider_fail(struct provider_error *e, enum provider_class class, const char *why);

/** What shows in metrics/realdebrid.json. */
struct provider_rate {
	/** Present distance between calls, and the least and most that it adapts between; ns. */
	int64_t distance, least, most;
	int64_t calls, refused, errors, not_modified;
};

/**
 * Every call: 0, or -errno with @e filled (-EAGAIN for PROVIDER_WAIT, -EACCES STOP, -EBUSY LATER, -EPERM
 * PERMANENT, -ENOENT GONE, -ETIMEDOUT UNKNOWN, -ECANCELED when the program ends).
 */
struct provider {
	const char *name;
	/** As of sources (search/source.h): 0 with *state NULL when the configuration does not use it. */
	int (*open)(const struct outside *o, void **state, char *why);
	void (*close)(void *state);
	int (*account)(void *state, struct provider_account *a, struct provider_error *e);
	/** Calls @fn for each torrent of a page.  An answer like the last one of that page (ETag) is told again from memory or
	 * not at all: then received is what it was. */
	int (*list)(void *state, struct provider_page *page, provider_torrent_fn *fn, void *arg,
		    struct provider_error *e);
	/** With its files. */
	int (*info)(void *state, const char *id, struct provider_torrent *out, struct provider_error *e);
	/** Adds by hash: @id (PROVIDER_ID) is the new torrent's. */
	int (*add)(void *state, const char *hash, char *id, struct provider_error *e);
	/** 0 also when they were chosen before. */
	int (*select)(void *state, const char *id, const int64_t *files, size_t n, struct provider_error *e);
	/** 0 also when it is gone already. */
	int (*remove)(void *state, const char *id, struct provider_error *e);
	/** Torrents that are being worked on, and how many may be. */
	int (*active)(void *state, int64_t *n, int64_t *limit, struct provider_error *e);
	void (*rate)(void *state, struct provider_rate *out);
	/** Calls that one insertion costs at most, the waiting included. */
	int insertion_calls;
};

#define PROVIDERS(X) \
	X(realdebrid)

#define X(name) extern const struct provider provider_##name;
PROVIDERS(X)
#undef X

#endif
