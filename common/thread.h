/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The only way to make a thread: all signals blocked, a name for ps and gdb. */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>

struct thread {
	pthread_t id;
	int is_started;
};

/** Returns 0 or -errno.  @name: at most 15 bytes. */
int thread_start(struct thread *t, const char *name, void *(*run)(void *), void *arg);
/** Waits for its end; nothing when it never started. */
void thread_join(struct thread *t);
/** A condition whose timed waits count by mono_ns(). */
void thread_cond_init(pthread_cond_t *c);

#endif
