/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/thread.h"

#include <signal.h>

int thread_start(struct thread *t, const char *name, void *(*run)(void *), void *arg)
{
	enum { STACK = 512 * 1024 };
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&t->id, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (r)
		return -r;
	t->is_started = 1;
	pthread_setname_np(t->id, name);
	return 0;
}

void thread_join(struct thread *t)
{
	if (t->is_started)
		pthread_join(t->id, NULL);
	t->is_started = 0;
}

void thread_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}
