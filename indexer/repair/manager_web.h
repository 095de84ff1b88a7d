/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What all media managers share: their address and key, calls inside their budget, and answers that are read
 * piece by piece, because the list of a large library is larger than any document that is kept at once.
 */
#ifndef INDEXER_REPAIR_MANAGER_WEB_H
#define INDEXER_REPAIR_MANAGER_WEB_H

#include "indexer/net/json.h"
#include "indexer/repair/arr.h"

/** A manager's connection; one thread at a time. */
struct manager_web {
	struct net *net;
	/** "Sonarr": how it is called in reasons. */
	const char *who;
	/** Of its budget. */
	char host[LIMIT_NAME];
	/** Without a slash at its end. */
	struct buf url;
	/** A secret, and the header that carries it. */
	struct buf key, header;
};

/** @header: a format with one %s for the key. */
int manager_web_open(struct manager_web *w, const struct outside *o, const char *who, const char *host,
		     const char *address, const char *header, const char *key, char *why);
void manager_web_clear(struct manager_web *w);

/**
 * GET of @path, which begins with '/' and is escaped; or POST of @body (JSON) when there is one.  0 when it was
 * answered with 200 to 204; else -EACCES (the key), -ENOENT, -EINVAL (400), -EBUSY (429, 5xx), -EPROTO (all others,
 * redirects too), or as net_do(); with @why.  @a is cleared by the caller in every case.
 */
int manager_web_ask(struct manager_web *w, const char *path, const struct buf *body, struct http_answer *a,
		    char *why);
/** The same, and the answer is one JSON object, which the caller frees with js_free(). */
int manager_web_object(struct manager_web *w, const char *path, const struct buf *body, struct js **out, char *why);

/** Returns 0 to go on.  What is no object is not told. */
typedef int manager_element_fn(void *arg, const struct js *v);
/** GET of @path, and each element of the array that it answers; one at a time is in memory as values. */
int manager_web_each(struct manager_web *w, const char *path, manager_element_fn *fn, void *arg, char *why);

/** Appends a text of theirs made fit for people; nothing when the key is in it. */
void manager_web_text(const struct manager_web *w, const char *text, char *out, size_t size);
/** A path of theirs without slashes at its end; false: not absolute, too long, or the key is in it. */
bool manager_web_path(const struct manager_web *w, const char *text, char *out, size_t size);

/** A number that can name something: 1 to 2^31 - 1. */
bool manager_is_id(int64_t id);
/** Whether @path is @folder or below it: 0 when not, else the length of @folder without slashes at its end. */
size_t manager_below(const char *folder, const char *path);

static inline void cleanup_js(struct js **v)
{
	js_free(*v);
}

#define _js_ __attribute__((cleanup(cleanup_js), unused))

static inline void cleanup_manager_answer(struct http_answer *a)
{
	http_answer_clear(a);
}

#define _answer_ __attribute__((cleanup(cleanup_manager_answer), unused))

#endif
