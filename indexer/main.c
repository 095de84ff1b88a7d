/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * mediamond: the background indexer.
 *
 * A map of the program:
 *
 *   main.c            options; the main loop (signals, heartbeat, the daily scan)
 *   daemon.c          starts and ends the parts below, reloads the configuration
 *   order.c           orders from the control socket: checked, made durable, carried out
 *   pipeline*.c       scan jobs, one after the other; the only place that knows the stages' order:
 *     discover/         scout.c, walk.c  one process for each root: lists, stats, opens
 *                       scouts.c         our side of them
 *                       diff.c           what they saw against what the store knows
 *     extract/          worker.c         processes that read one file at a time
 *                       nursery.c        a process that makes them
 *                       pool.c           our side of them
 *                       extract_*.c      one for each format; guess*.c reads names
 *     load/             writer.c         the one thread that writes the store
 *     repair/           hand_child.c     the only process that changes links
 *     monitor/          monitor_missing.c  what is missing of a series
 *                       monitor_links.c    which links are broken
 *   symlinks/         looker*.c          a process that reads trees of links and asks the mount behind them
 *                     health.c, place.c  whether that mount may be believed; what a link's text means
 *   guard.c           whether a root may be believed
 *   beneath.c         opens what lies below a root, and nothing else
 *   history.c         keeps the documents of status/ that `mediamon snapshot` renders
 *   guess_command.c   `mediamond guess`
 *
 * The store, the live page, the control socket and the configuration are in common/.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "common/store.h"
#include "indexer/daemon.h"
#include "indexer/discover/scout.h"
#include "indexer/extract/worker.h"
#include "indexer/guess_command.h"
#include "indexer/repair/hand.h"
#include "indexer/symlinks/looker.h"

/* exit statuses of sysexits.h */
enum {
	EXIT_USAGE = 2,
	EXIT_CONFIG = 78,
};

static void print_usage(FILE *out)
{
	fputs("usage: mediamond [-d] CONFIG          index in the foreground (-d: in the background)\n"
	      "       mediamond guess [NAME…]        how names are read, as JSON; or one a line on\n"
	      "                                      standard input\n"
	      "       mediamond --check-config CONFIG\n"
	      "       mediamond --print-default-config\n"
	      "       mediamond --version | --help\n",
	      out);
}

static int print_version(void)
{
	printf("mediamond %s (SQLite %s)\n", MEDIAMON_VERSION, store_library());
	return 0;
}

static int print_default_config(void)
{
	_buf_ struct buf text = BUF_INIT(1 << 20);
	config_print_default(&text);
	fputs(buf_str(&text), stdout);
	return 0;
}

static int load(const char *path, struct config **config)
{
	_buf_ struct buf why = BUF_INIT(1 << 16);
	int r = config_load(path, config, &why);
	if (r == 0)
		return 0;
	fputs(buf_str(&why), stderr);
	return EXIT_CONFIG;
}

static int check_config(const char *path)
{
	struct config *config = NULL;
	int r = load(path, &config);
	if (r == 0)
		printf("%s: ok\n", path);
	config_free(config);
	return r;
}

static int run(const char *path, int detach)
{
	struct config *config = NULL;
	int r = load(path, &config);
	return r ? r : daemon_run(config, detach);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"check-config", required_argument, NULL, 'c'},
		{"print-default-config", no_argument, NULL, 'p'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int detach = 0, c;
	log_init("mediamond");
	if (argc > 1 && strcmp(argv[1], "--scout") == 0)
		return scout_main();
	if (argc > 2 && (strcmp(argv[1], WORKER_ROLE) == 0 || strcmp(argv[1], WORKER_NURSERY) == 0))
		return worker_main(argv[1], argv[2]);
	if (argc > 1 && strcmp(argv[1], "--hand") == 0)
		return hand_main();
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	while ((c = getopt_long(argc, argv, "+dhV", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			detach = 1;
			break;
		case 'c':
			return check_config(optarg);
		case 'p':
			return print_default_config();
		case 'V':
			return print_version();
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc && strcmp(argv[optind], "guess") == 0)
		return guess_command(argc - optind - 1, argv + optind + 1);
	if (argc - optind != 1) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return run(argv[optind], detach);
}
