/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What is missing of many series, as the indexer finds it out.
 *
 *   gaps SERIES VOLUMES ROUNDS
 *
 * Each series has VOLUMES volumes by ComicInfo, of which every seventh is not there; every tenth
 * series has an authority that knows less, every hundredth is collected in ranges.  Prints, for each
 * round, its nanoseconds and the number of gaps.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "indexer/monitor/monitor_missing.h"

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static struct store_number volume(long series, long number, long volumes)
{
	struct store_number n = {.volume = (double)number, .volume_end = NAN, .chapter = NAN,
				 .count = volumes, .kind = "volume", .rule = "t"};
	if (series % 100 == 0) {
		n.volume_end = (double)number;
		snprintf(n.kind, sizeof n.kind, "range");
	}
	return n;
}

/** Files of a series, in @files; how many. */
static size_t fill(long series, long volumes, struct store_number *files)
{
	size_t n = 0;
	for (long v = 1; v <= volumes; v++)
		if ((v + series) % 7)
			files[n++] = volume(series, v, volumes);
	return n;
}

static size_t gaps_of(long series, long volumes, const struct store_number *files, size_t n)
{
	const struct store_expected expected = {
		.first = 1, .authority = series % 10 ? NULL : "nautiljon", .released = volumes - 1,
		.planned = -1,
	};
	struct store_gaps gaps;
	if (monitor_missing(files, n, &expected, &gaps) < 0)
		exit(1);
	size_t count = gaps.count;
	free(gaps.gap);
	free(gaps.owned);
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	long series = strtol(argv[1], NULL, 10), volumes = strtol(argv[2], NULL, 10);
	long rounds = strtol(argv[3], NULL, 10);
	if (series < 1 || volumes < 1 || volumes > VOLUMES_MAX || rounds < 1)
		return 2;
	struct store_number *files = calloc((size_t)(series * volumes), sizeof *files);
	size_t *n = calloc((size_t)series, sizeof *n);
	if (!files || !n)
		return 1;
	for (long i = 0; i < series; i++)
		n[i] = fill(i, volumes, files + i * volumes);
	while (rounds--) {
		size_t gaps = 0;
		long start = now();
		for (long i = 0; i < series; i++)
			gaps += gaps_of(i, volumes, files + i * volumes, n[i]);
		printf("%ld %zu\n", now() - start, gaps);
	}
	free(files);
	free(n);
	return 0;
}
