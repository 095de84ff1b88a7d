/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What Real-Debrid's answers mean: numeric codes and statuses, for the item and for the whole API. */
#ifndef INDEXER_REPAIR_PROVIDER_REALDEBRID_CODES_H
#define INDEXER_REPAIR_PROVIDER_REALDEBRID_CODES_H

#include "indexer/net/net.h"
#include "indexer/repair/provider.h"

enum rd_call { RD_USER, RD_LIST, RD_INFO, RD_ADD, RD_SELECT, RD_REMOVE, RD_ACTIVE, RD_CALLS };

struct rd_meaning {
	enum provider_class class;
	/** The provider's own code; 0 none. */
	int code;
	const char *why;
	/** For the budget of the whole API. */
	struct net_verdict verdict;
};

/** One of @call's answers, whatever it holds.  PROVIDER_OK: its body is to be read. */
struct rd_meaning rd_meaning(enum rd_call call, const struct http_answer *a);
/** Whether it changes something there: then nobody knows what became of it when its answer is lost. */
bool rd_is_changing(enum rd_call call);
/** Whether it is about one torrent. */
bool rd_has_item(enum rd_call call);

#endif
