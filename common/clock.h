/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Clocks: nanoseconds, always. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/** Since 1970, UTC: what is stored and shown. */
static inline int64_t now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/** Never steps: durations and deadlines. Comparable between processes of one boot. */
static inline int64_t mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/** The same as of the kernel's last tick, up to 10 ms ago: for a quarter of the price. */
static inline int64_t mono_tick_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

#endif
