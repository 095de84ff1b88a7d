/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A view: one consistent state of everything a virtual file may show — a snapshot of the store,
 * the live page as it was last announced, and what the filesystem itself knows.
 */
#ifndef FS_VIEW_H
#define FS_VIEW_H

#include "common/buf.h"
#include "common/config.h"
#include "common/live.h"
#include "common/render.h"
#include "common/store_read.h"

/** What content depends on besides the store's topics. */
enum {
	/** Whether the indexer is there. */
	VIEW_AWAY = 1,
	/** Counters of the live page. */
	VIEW_LIVE = 2,
	/** Orders given through this mount. */
	VIEW_ORDERS = 4,
	VIEW_MOODS = 3,
	/** No content depends on it: the store is another file, so everything may be different. */
	VIEW_STORE = 8,
};

enum indexer_state {
	INDEXER_STARTING,
	INDEXER_RUNNING,
	INDEXER_AWAY,
	/** Its process is there and does not move. */
	INDEXER_SILENT,
};

/** What the filesystem knows by itself; changes are announced like commits. */
struct mood {
	enum indexer_state state;
	struct live_values live;
	/** How often each of VIEW_AWAY, VIEW_LIVE, VIEW_ORDERS changed, and when. */
	uint64_t version[VIEW_MOODS];
	int64_t at[VIEW_MOODS];
	/** The answer to the last order given through this mount; "" before the first. */
	char last_order[4096];
};

struct view {
	/** NULL while there is no store, or it cannot be read. */
	struct store *store;
	/** Then 0 or -errno. */
	int error;
	const struct config *config;
	uint64_t version[TOPIC_COUNT];
	int64_t at[TOPIC_COUNT];
	/** The last commit in this view. */
	uint64_t generation;
	struct mood mood;
	/** Which store: it grows when the file is replaced. */
	unsigned epoch;
	/** Where this is mounted, absolute; NULL without a mount. */
	const char *mount;
};

/** Opens what views need: once, at start.  @config is borrowed for ever. */
int views_open(const struct config *config);
void views_close(void);
/** Where the views are shown; before the first view.  @path is borrowed for ever. */
void views_set_mount(const char *path);
const struct config *views_config(void);

/** A view of now; always works (without a store the view is empty).  End it soon. */
void view_begin(struct view *v);
void view_end(struct view *v);

/** The version and time of content that depends on @topics and @moods. */
uint64_t view_version(const struct view *v, unsigned topics, unsigned moods);
int64_t view_at(const struct view *v, unsigned topics, unsigned moods);

/**
 * Looks at the live page and the indexer's lock again and makes what changed the mood of views
 * to come.  Returns the moods that changed (VIEW_*).  @check_lock: also views_check_store().
 * One thread.
 */
unsigned views_refresh(bool check_lock);
/** VIEW_STORE when the store is another file than at the last look, which views to come open;
 * else 0.  The same thread. */
unsigned views_check_store(void);
/** Notes the answer to an order. */
void views_set_order(const char *text);
/**
 * True when a commit is under way or @announced is not the last one that the indexer made
 * visible.  A dead indexer commits nothing, whatever the live page says of its last moment.
 */
bool views_is_behind(uint64_t announced);
/** The last commit that the indexer made visible; 0 without a live page. */
uint64_t views_commit(void);
/** Sleeps until the indexer commits or @timeout_ms pass.  *seen: kept by the caller. */
void views_wait(uint32_t *seen, int timeout_ms);
/** Ends views_wait() of this process early. */
void views_poke(void);

const char *indexer_state_name(enum indexer_state s);

/* --- shared by documents --- */

/** Opens a JSON document: schema, generation, generated_at (and "indexer" when it is away). */
void doc_begin(struct json *j, struct buf *out, const struct view *v, const char *schema,
	       unsigned topics, unsigned moods);
/** The same for a document about one row. */
void doc_begin_row(struct json *j, struct buf *out, const char *schema, uint64_t version,
		   int64_t at);
/** A line for people when the indexer is away. */
void doc_away(struct buf *out, const struct view *v);
/** The times of a text: "2026-11-21 10:00" UTC, or "-". */
void doc_time(int64_t ns, struct buf *out);

#endif
