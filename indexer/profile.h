/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How much of a machine the indexer takes: the ceilings of memory and of what runs at a time, in one table. */
#ifndef INDEXER_PROFILE_H
#define INDEXER_PROFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct profile {
	const char *name;
	/** "auto" takes the first row that this machine reaches: memory in MiB. */
	int64_t memory;
	/** Threads that begin to walk a root, and how many they may become while the disk makes them wait. */
	int walkers, walkers_most;
	/** Processes that read files. */
	int workers;
	/** Roots whose heads are shared (heads.h), and files in each at a time. */
	int regions, slots;
	/** Changes that may wait for the writer. */
	int queue;
	/** What SQLite may keep in memory, in MiB; 0: what it likes. */
	int store;
	/** Arenas of malloc(); 0: what it likes. */
	int arenas;
};

/*   name, memory, walkers, most, workers, regions, slots, queue, store, arenas */
#define PROFILES(P) \
	P("server", 6000, 8, 32, 16, 8, 256, 4096, 0, 2) \
	P("nas", 1500, 2, 32, 4, 4, 128, 2048, 16, 2) \
	P("raspberry", 0, 2, 8, 1, 2, 32, 1024, 4, 1)

/** The row of that name; "auto": that of a machine with so much memory.  NULL: no such name. */
const struct profile *profile_find(const char *name, int64_t memory_mib);
/** The same for this machine. */
const struct profile *profile_here(const char *name);
/** What a number of the configuration means below a ceiling: 0 is one a core, at least @least. */
int profile_count(int64_t configured, int least, int most);
/** Holds the memory of this process below the ceilings; before it has threads. */
void profile_limit(const struct profile *p);
/** Gives memory that is not used back to the system. */
void profile_trim(void);
/**
 * A process that reads, on the processor: behind whatever else wants it, or almost like all others where that is
 * allowed.  It never interrupts what runs.
 */
void profile_place(pid_t pid, bool behind);
/** The same for this thread and those that it starts; and, when it is behind, on the disk. */
void profile_place_scan(bool behind);

#endif
