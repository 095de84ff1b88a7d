/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/profile.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/store.h"

static const struct profile rows[] = {
#define P(...) {__VA_ARGS__},
	PROFILES(P)
#undef P
};

enum {
	/** So far are those who find and read files behind the one that writes what they found: all wait for that. */
	NICE_AHEAD = 1,
	NICE = 10,
	/* linux/ioprio.h: the last of the ordinary classes; one that is idle may wait for ever */
	IOPRIO_WHO_PROCESS = 1,
	IOPRIO_BEST_EFFORT = 2,
	IOPRIO_SHIFT = 13,
	IOPRIO_LAST = 7,
};

const struct profile *profile_find(const char *name, int64_t memory_mib)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool is_auto = strcmp(name, "auto") == 0 && memory_mib >= rows[i].memory;
		if (is_auto || strcmp(name, rows[i].name) == 0)
			return &rows[i];
	}
	return NULL;
}

const struct profile *profile_here(const char *name)
{
	int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	return profile_find(name, pages > 0 && size > 0 ? pages / 1024 * size / 1024 : 0);
}

int profile_count(int64_t configured, int least, int most)
{
	int64_t n = configured ? configured : sysconf(_SC_NPROCESSORS_ONLN);
	if (configured)
		return (int)n;
	n = n < least ? least : n;
	return (int)(n < most ? n : most);
}

void profile_limit(const struct profile *p)
{
	if (p->arenas)
		mallopt(M_ARENA_MAX, p->arenas);
	if (p->store)
		store_limit_memory((int64_t)p->store << 20);
}

void profile_trim(void)
{
	malloc_trim(0);
}

/** Of the process as it was started: its first thread stays where it is. */
static int nice_for(bool behind)
{
	int own = getpriority(PRIO_PROCESS, (id_t)getpid()), wanted = own + NICE_AHEAD;
	return behind && wanted < NICE ? NICE : wanted;
}

void profile_place(pid_t pid, bool behind)
{
	/* who may not come forward again stays behind: that is what most scans want */
	if (setpriority(PRIO_PROCESS, (id_t)pid, nice_for(behind)) < 0)
		log_debug("nice: %s", strerror(errno));
	/* who wakes up takes the processor from nobody: they wake up thousands of times a second */
	if (sched_getscheduler(pid) == SCHED_OTHER && sched_setscheduler(pid, SCHED_BATCH, &(struct sched_param){0}) < 0)
		log_debug("the scheduler's class: %s", strerror(errno));
}

void profile_place_scan(bool behind)
{
	profile_place(0, behind);
	if (!behind)
		return;
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT << IOPRIO_SHIFT | IOPRIO_LAST) < 0)
		log_debug("ioprio: %s", strerror(errno));
}
