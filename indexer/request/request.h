/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Requests: what was found is handed to a download client once and followed until its file is in the library.
 * One thread.  A grab (store_grab) only makes an intent; the thread carries it out:
 *
 *   planned    nothing was sent; the link is got from its source, the client is asked whether it has it
 *   sent       durable before the client is called: whether it was received is found out by asking
 *   confirmed  the client has it, or had it before
 *   unknown    the call did not end well; only asking tells, it is never sent again blindly
 *   arrived, failed, gone (removed from the client by somebody)
 */
#ifndef INDEXER_REQUEST_REQUEST_H
#define INDEXER_REQUEST_REQUEST_H

#include "indexer/load/finds.h"
#include "indexer/notify/notify.h"
#include "indexer/request/client.h"

struct requests;

/** Borrowed until requests_free(). */
struct requests_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
	struct net *net;
	/** May be NULL. */
	struct notify *notify;
	/** Gets the link of a release from its source; as source->fetch. */
	int (*fetch)(void *arg, struct handover *h, char *why);
	/** Nothing is handed over while that is true. */
	bool (*is_dry)(void *arg);
	/** A scan runs: what seems to be missing may be read in a moment.  NULL: none ever does. */
	bool (*is_scanning)(void *arg);
	void *arg;
	/** NULL-ended; NULL: all of CLIENTS. */
	const struct client *const *clients;
};

int requests_new(const struct requests_options *options, struct requests **out);
int requests_start(struct requests *q);
void requests_free(struct requests *q);
void requests_poke(struct requests *q);

/** Whether a client is set up that takes it; @source: where it was found. */
bool requests_can_take(const struct requests *q, enum protocol protocol, const char *source);

/** One action (telling, handing over, following, choosing the next best after a failure): 1 when something was done, 0 when nothing is due before *next_at. */
int requests_step(struct requests *q, int64_t *next_at);

#endif
