/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between request.c (the thread, what is due) and request_hand.c (one hand-over). */
#ifndef INDEXER_REQUEST_REQUEST_PRIVATE_H
#define INDEXER_REQUEST_REQUEST_PRIVATE_H

#include <pthread.h>

#include "common/thread.h"
#include "common/vec.h"
#include "indexer/request/request.h"

struct open_client {
	const struct client *client;
	void *state;
};

struct requests {
	struct requests_options o;
	VEC(struct open_client) clients;
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	bool is_ending;
	unsigned pokes;
	/* only the thread: */
	struct store *store;
	int64_t purge_at;
	/** Since when what became of a call could not be kept; 0: it could. */
	int64_t unkept_at;
	/** Something was put to notify since the last flush. */
	bool has_news;
};

/** A hand-over with its texts. */
struct handed {
	struct store_handed row;
	char *texts[16];
	int text_count;
};

/** A store_handed_fn: @arg is a struct handed. */
int handed_copy(void *arg, const struct store_handed *h);
void handed_clear(struct handed *h);

/** Carries a hand-over one step further. */
void hand_step(struct requests *q, struct handed *h, int64_t now);

/** The client that takes it: the preferred one first; NULL. */
struct open_client *client_for(const struct requests *q, enum protocol protocol, const char *source);
struct open_client *client_named(const struct requests *q, const char *name);

#endif
