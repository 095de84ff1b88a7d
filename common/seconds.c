/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/seconds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

/** The file: this, then the places. */
struct head {
	uint64_t magic, gauges, places;
};

struct place {
	int64_t at;
	double value[GAUGE_COUNT];
	uint64_t check;
};

static const uint64_t MAGIC = UINT64_C(0x7365636f6e647301);

/** FNV-1a, of words. */
static uint64_t mix(uint64_t h, uint64_t word)
{
	return (h ^ word) * UINT64_C(0x100000001b3);
}

/** Moves with every key: a column must never be read as another one. */
static uint64_t gauges_hash(void)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (int g = 0; g < GAUGE_COUNT; g++)
		for (const char *c = GAUGES_TABLE[g].key; *c; c++)
			h = mix(h, (unsigned char)*c);
	return h;
}

static uint64_t check_of(const struct place *p)
{
	uint64_t h = mix(MAGIC, (uint64_t)p->at), word;
	for (int g = 0; g < GAUGE_COUNT; g++) {
		memcpy(&word, &p->value[g], sizeof word);
		h = mix(h, word);
	}
	return h;
}

static int open_file(const char *state_dir, int flags)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/" SECONDS_FILE, state_dir) >= (int)sizeof path)
		return -ENAMETOOLONG;
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : fd;
}

static off_t offset_of(uint64_t places, int64_t second)
{
	return (off_t)(sizeof(struct head) + (uint64_t)second % places * sizeof(struct place));
}

int seconds_open(const char *state_dir, unsigned places)
{
	const struct head wanted = {MAGIC, gauges_hash(), places};
	struct head found;
	char path[4096];
	if (!places) {
		if (snprintf(path, sizeof path, "%s/" SECONDS_FILE, state_dir) < (int)sizeof path)
			unlink(path);
		return -ENOENT;
	}
	_close_ int fd = open_file(state_dir, O_RDWR | O_CREAT);
	if (fd < 0)
		return fd;
	if (pread(fd, &found, sizeof found, 0) == sizeof found && memcmp(&found, &wanted, sizeof found) == 0)
		return take_fd(fd);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, &wanted, sizeof wanted, 0) != sizeof wanted)
		return errno ? -errno : -ENOSPC;
	return take_fd(fd);
}

int seconds_put(int fd, unsigned places, const struct gauges *g)
{
	int64_t second = g->at / NS_PER_S;
	struct place p = {.at = second * NS_PER_S};
	if (second < 0)
		return 0;
	memcpy(p.value, g->value, sizeof p.value);
	p.check = check_of(&p);
	ssize_t n = pwrite(fd, &p, sizeof p, offset_of(places, second));
	return n < 0 ? -errno : n == sizeof p ? 0 : -ENOSPC;
}

struct pass {
	const enum gauge_id *which;
	size_t n;
	int (*fn)(void *arg, int64_t at, const double *value);
	void *arg;
};

static int give(const struct pass *p, const struct place *place)
{
	double value[GAUGE_COUNT];
	for (size_t i = 0; i < p->n; i++)
		value[i] = place->value[p->which[i]];
	return p->fn(p->arg, place->at, value);
}

static int walk(int fd, uint64_t places, int64_t first, int64_t end, const struct pass *p)
{
	int r = 0;
	for (int64_t second = first; second < end && r == 0; second++) {
		struct place place;
		/* a hole, or the end of a file that is not full yet */
		if (pread(fd, &place, sizeof place, offset_of(places, second)) != sizeof place)
			continue;
		if (place.at == second * NS_PER_S && place.check == check_of(&place))
			r = give(p, &place);
	}
	return r;
}

int seconds_each(const char *state_dir, const enum gauge_id *which, size_t n, int64_t since, int64_t until,
		 int (*fn)(void *arg, int64_t at, const double *value), void *arg)
{
	const struct pass pass = {which, n, fn, arg};
	struct head head;
	_close_ int fd = open_file(state_dir, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (pread(fd, &head, sizeof head, 0) != sizeof head || head.magic != MAGIC || head.gauges != gauges_hash() ||
	    !head.places || head.places > SECONDS_MOST || n > GAUGE_COUNT)
		return 0;
	/* rounded up; whatever is asked, there is no more than one round */
	int64_t end = until <= 0 ? 0 : (until - 1) / NS_PER_S + 1;
	int64_t first = since <= 0 ? 0 : (since - 1) / NS_PER_S + 1;
	if (end - first > (int64_t)head.places)
		first = end - (int64_t)head.places;
	return walk(fd, head.places, first, end, &pass);
}
