/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `mediamon status`. */
#ifndef FS_STATUS_COMMAND_H
#define FS_STATUS_COMMAND_H

#include <stdbool.h>

#include "common/config.h"

enum {
	/** Exit status after words that were not understood (sysexits.h). */
	STATUS_USAGE = 64,
};

/** As on the command line. */
struct status_options {
	/** Draws again whenever something changes, until a signal; until no job runs or waits. */
	bool watch, wait;
	bool json;
	/** "auto", "always", "never"; NULL: auto. */
	const char *colour;
};

/** Whether any is given. */
bool status_options_given(const struct status_options *o);
/** Exit status: enum status_verdict of what was shown last; more than that when it could not be shown. */
int status_command(const struct config *config, const struct status_options *o);

#endif
