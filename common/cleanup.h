/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Cleanup by scope: what is acquired here is released at the end of the block, whatever
 * `return` leaves it.  Hand ownership out with take().
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_unlock(pthread_mutex_t **m)
{
	if (*m)
		pthread_mutex_unlock(*m);
}

static inline pthread_mutex_t *cleanup_lock(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	return m;
}

#define _free_ __attribute__((cleanup(cleanup_free), unused))
#define _close_ __attribute__((cleanup(cleanup_close), unused))
#define _fclose_ __attribute__((cleanup(cleanup_fclose), unused))

#define CLEANUP_CAT2(a, b) a##b
#define CLEANUP_CAT(a, b) CLEANUP_CAT2(a, b)

/** Holds @mutex until the end of the enclosing block. */
#define LOCKED(mutex) \
	__attribute__((cleanup(cleanup_unlock), unused)) pthread_mutex_t *CLEANUP_CAT( \
		locked_, __LINE__) = cleanup_lock(mutex)

/** Gives a pointer away: its value, and the variable forgets it. */
#define take(p) \
	({ \
		__auto_type take_ = (p); \
		(p) = NULL; \
		take_; \
	})

/** The same for a file descriptor. */
#define take_fd(fd) \
	({ \
		int take_ = (fd); \
		(fd) = -1; \
		take_; \
	})

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

#endif
