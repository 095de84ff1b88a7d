/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Mounting: what happens between the command line and the loop that answers the kernel. */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/config.h"

struct mount_options {
	const char *config_path, *mountpoint;
	/** What the user gave with -o, comma separated, without what only we understand. */
	struct buf fuse;
	bool foreground, no_indexer, debug;
};

/** Takes "-o" words: ours are noted, mount's own are dropped, the rest is for libfuse. */
void mount_add_options(struct mount_options *m, const char *words);

/** Mounts and serves until unmounted.  Takes @config.  Exit status. */
int mount_run(struct mount_options *m, struct config *config);

/** The session with the kernel (main.c).  @group: of control files, -1 for none.  Exit status. */
int mount_session(struct mount_options *m, struct config *config, int64_t group);

#endif
