/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The live page: one small file of the state directory, memory-mapped by both programs.  The
 * indexer writes counters, the filesystem reads them: no call, no lock, nothing that can block.
 */
#ifndef COMMON_LIVE_H
#define COMMON_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* name; all are plain numbers, times in ns since 1970 */
#define LIVE_COUNTERS(L) \
	L(pid) \
	L(started_at) \
	L(heartbeat_at) \
	/* the last commit that readers may see, and the one that is being written; they survive a
	 * start, and every version of mediamon has them at this place */ \
	L(generation) \
	L(generation_next) \
	/* the job that runs, 0 for none; 1 while it is paused */ \
	L(job) \
	L(job_paused) \
	L(job_full) \
	L(job_started_at) \
	/* when its present pause began, 0: none; and how long its ended pauses were, in ns */ \
	L(job_paused_at) \
	L(job_paused_ns) \
	/* files seen, and how many there will be (by the last count; 0 unknown) */ \
	L(done) \
	L(total) \
	L(files) \
	L(bytes) \
	L(unchanged) \
	L(added) \
	L(changed) \
	L(removed) \
	L(errors) \
	/* of the job; busy: processor time of scouts, of workers (divided by their number), time of the writer */ \
	L(discover_items) \
	L(discover_depth) \
	L(discover_limit) \
	L(discover_busy_ns) \
	L(extract_items) \
	L(extract_depth) \
	L(extract_limit) \
	L(extract_busy_ns) \
	L(insert_items) \
	L(insert_depth) \
	L(insert_limit) \
	L(insert_busy_ns) \
	/* memory that is used now: of this process, of all scouts, of all workers, and all of these */ \
	L(rss_indexer) \
	L(rss_scout) \
	L(rss_worker) \
	L(rss_sum) \
	L(cpu_ns) \
	L(workers) \
	L(worker_restarts) \
	/* errno while the store cannot be written; it is tried again all the time */ \
	L(write_error) \
	/* folders that changed and are not read yet */ \
	L(due) \
	/* files read to their end since the start: all, their bytes, those found corrupt */ \
	L(verified_files) \
	L(verified_bytes) \
	L(verified_corrupt) \
	/* the order to read files to their end that runs, beside the job above; how many of its files were read before
	 * it began (again) */ \
	L(check_job) \
	L(check_before) \
	/* bits of enum live_sandbox: what holds the processes that read files */ \
	L(sandbox)

enum live_sandbox {
	LIVE_SANDBOX_SECCOMP = 1,
	LIVE_SANDBOX_LANDLOCK = 2,
	LIVE_SANDBOX_LIMITS = 4,
	/** The configuration says so. */
	LIVE_SANDBOX_OFF = 8,
	/** So does the build: sanitizers need what the sandbox forbids. */
	LIVE_SANDBOX_SANITIZED = 16,
	/** It is not whole, must be, and no file is read. */
	LIVE_SANDBOX_REFUSED = 32,
	/** The other bits are true.  Not set: no worker has reported yet. */
	LIVE_SANDBOX_KNOWN = 64,
};

struct live_page {
	_Atomic uint64_t magic;
#define L(name) _Atomic uint64_t name;
	LIVE_COUNTERS(L)
#undef L
	/** Futex: moves with every commit; readers sleep on it. */
	_Atomic uint32_t wake;
};

/** The same numbers, copied at one moment. */
struct live_values {
#define L(name) uint64_t name;
	LIVE_COUNTERS(L)
#undef L
};

/** For the indexer: makes the page; only the generations of the last one stay.  NULL with errno. */
struct live_page *live_create(const char *state_dir);
/** The greatest generation that readers may have seen, also of an indexer that is gone; 0 when
 * there is no page. */
uint64_t live_given_out(const char *state_dir);
/** For readers: maps it; NULL with errno when there is none or it is of another version. */
const struct live_page *live_open(const char *state_dir);
void live_close(const struct live_page *page);

void live_read(const struct live_page *page, struct live_values *out);

/** How long the job has run at @now (since 1970) without its pauses; all in ns. */
int64_t live_job_worked(const struct live_values *v, int64_t now);

/** Wakes everybody in live_wait(). */
void live_wake(struct live_page *page);
/** Ends every live_wait() without a change. */
void live_poke(const struct live_page *page);
/** Sleeps until live_wake() or @timeout_ms.  @seen: the value of wake known to the caller. */
void live_wait(const struct live_page *page, uint32_t seen, int timeout_ms);

/**
 * Whether an indexer of this state directory lives: its lock is held.  *pid is set when so.
 * Costs one fcntl; touches nothing else.
 */
bool live_indexer(const char *state_dir, int64_t *pid);

/** Takes the lock of the state directory for this process; the descriptor holds it.  -EAGAIN with
 * *pid when another process has it. */
int live_lock(const char *state_dir, int64_t *pid);

#endif
