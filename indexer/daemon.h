/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The indexer as a whole: its parts, started and ended in order. */
#ifndef INDEXER_DAEMON_H
#define INDEXER_DAEMON_H

#include "common/config.h"

/** Runs until SIGTERM, SIGINT or the order "quit".  Takes @config.  Exit status. */
int daemon_run(struct config *config, int detach);

#endif
