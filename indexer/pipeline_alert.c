/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/pipeline_alert.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "indexer/alert/alert.h"

struct alerts *watcher_new(const struct finder_options *options, struct finder *finder)
{
	struct alerts *a = NULL;
	struct alerts_options o = {
		.config = options->config, .state_dir = options->state_dir, .writer = options->writer,
		.live = options->live, .notify = finder ? finder_notify(finder) : NULL,
		.limit = finder ? finder_net(finder)->limit : NULL,
	};
	int r = alerts_new(&o, &a);
	if (r == 0)
		r = alerts_start(a);
	if (r < 0) {
		log_error("nobody is told of alerts: %s", strerror(-r));
		alerts_free(take(a));
	}
	return a;
}

void watcher_free(struct alerts *a)
{
	alerts_free(a);
}
