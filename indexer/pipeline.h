/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The pipeline: one thread that runs scan jobs, one after the other.
 *
 *   scouts list → diff → scouts open → workers read → writer
 *
 * It is the only place that knows this order; the stages do not know each other.
 */
#ifndef INDEXER_PIPELINE_H
#define INDEXER_PIPELINE_H

#include "common/config.h"
#include "common/live.h"
#include "indexer/load/writer.h"

struct pipeline;
struct mender;

struct pipeline_options {
	const struct config *config;
	const char *state_dir;
	struct live_page *live;
	struct writer *writer;
	/** Looks at links in scan jobs; may be NULL. */
	struct mender *mender;
};

/** Starts the writer, with what it asks of other stages.  @config: only until it returns; @why: 256 bytes, on failure. */
int pipeline_open_writer(const struct config *config, const char *state_dir, struct live_page *live,
			 struct writer **out, char *why);

/** Declares the roots of the configuration, takes up interrupted jobs, starts the thread. */
int pipeline_new(const struct pipeline_options *options, struct pipeline **out);
/** Ends the running job (it is taken up at the next start), the processes, the thread. */
void pipeline_free(struct pipeline *p);

/** A job that was made durable: to be run when its turn comes. */
void pipeline_add_job(struct pipeline *p, int64_t id, const char *words);

enum pipeline_act {
	PIPELINE_PAUSE,
	PIPELINE_RESUME,
	PIPELINE_CANCEL,
};

/**
 * Pauses, resumes or cancels job @id (0: all that run or wait).  Takes effect before the call
 * returns or within a second.  -ENOENT: no such job; -EBUSY: none is in a state for that;
 * another -errno: the store cannot take it.
 */
int pipeline_act(struct pipeline *p, enum pipeline_act act, int64_t id);

/** Holds or lets go on what is read to its end by itself; -EBUSY when it is so already.  Survives a restart. */
int pipeline_pause_checks(struct pipeline *p, bool paused);
/** Cancels the jobs that read files to their end; -EBUSY: there is none. */
int pipeline_cancel_checks(struct pipeline *p);

/** Whether a job waits or runs. */
bool pipeline_has_job(struct pipeline *p, int64_t id);

/**
 * Whether root or mount @name holds back the loss of exactly @count files: 0; -ENOENT: there is no
 * such name; -EBUSY: it holds nothing; -EINVAL: another number, *held.
 */
int pipeline_check_loss(struct pipeline *p, const char *name, size_t n, int64_t count, int64_t *held);

/** The configured root that @path lies in: its kind and path below; -ENOENT. */
int pipeline_find_root(struct pipeline *p, const char *path, const char **kind, const char **below);

#endif
