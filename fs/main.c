/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * mediamon: the filesystem.
 *
 * A map of the program:
 *
 *   main.c       options and commands; the session with the kernel
 *   mount.c      what is done before: a dead mount, the group, the indexer
 *   ops.c        the FUSE callbacks
 *   tree.c       the generic walk of entry tables: names, listings, versions
 *   inode.c      what the kernel knows: nodes, their bytes, their names
 *   notify.c     the thread that follows the indexer and invalidates what changed
 *   pollers.c    who waits in poll(), and what a poll is answered
 *   spill.c      bytes held for readers that are too many for memory
 *   orders.c     the thread that sends orders to the indexer
 *   html.c       what is written into a page: the only place that escapes for it
 *   dashboard.c dashboard_*.c dashboard.css dashboard.js
 *                the page for people
 *   view.c       one consistent state: a snapshot of the store, the live page
 *   root.c view_status.c view_summary.c view_metrics.c view_control.c view_music.c view_manga.c
 *   view_history.c
 *                the tables: one row is one file, with the function that shows it
 *   diff.c       what changed between two states of the documents, in words; document.c reads them
 *   progress.c   how far a job is
 *   dump.c       the same files without a mount; export; order; the snapshot that the indexer keeps
 *   status_command.c status_screen.c status_watch.c screen.c
 *                `mediamon status`: the command, what it tells, what wakes it, how it is written
 *   doctor.c     checks
 *
 * The store, the live page, the control socket and the configuration are in common/.
 */
#include <errno.h>
#include <fuse_lowlevel.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/shed.h"
#include "common/store.h"
#include "fs/dump.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/ops.h"
#include "fs/orders.h"
#include "fs/pollers.h"
#include "fs/spill.h"
#include "fs/status_command.h"
#include "fs/tree.h"

enum {
	EXIT_USAGE = 2,
	EXIT_UNAVAILABLE = 69,
	EXIT_CONFIG = 78,
	/** The wake-ups of more threads cost more than they gain. */
	THREADS = 2,
};

static void print_usage(FILE *out)
{
	fputs("usage: mediamon [-f] CONFIG MOUNTPOINT [-o OPTIONS]   mount, start the indexer\n"
	      "       mediamon dump PATH [--config CONFIG]           print a virtual file\n"
	      "       mediamon order FILE WORDS… [--config CONFIG]   give an order\n"
	      "       mediamon export tracks|volumes|links|errors|gone [--config CONFIG]\n"
	      "       mediamon status [--watch | --wait | --json] [--color auto|always|never] [--config CONFIG]\n"
	      "       mediamon doctor [--config CONFIG]              what is wrong here\n"
	      "       mediamon --check-config CONFIG | --print-default-config\n"
	      "       mediamon --version | --help\n"
	      "options: noindexer (start no indexer), allow_other (default for root), and FUSE's own\n",
	      out);
}

static int print_version(void)
{
	printf("mediamon %s (libfuse %s, SQLite %s)\n", MEDIAMON_VERSION, fuse_pkgversion(),
	       store_library());
	return 0;
}

static int load(const char *path, struct config **config)
{
	_buf_ struct buf why = BUF_INIT(1 << 16);
	int r = config_load(path, config, &why);
	if (r < 0)
		fputs(buf_str(&why), stderr);
	return r < 0 ? EXIT_CONFIG : 0;
}

/* --- the session --- */

static void explain_failure(const struct mount_options *m)
{
	if (geteuid() != 0 && strstr(buf_str(&m->fuse), "allow_other"))
		log_error("mounting failed; without root, allow_other needs the line "
			  "\"user_allow_other\" in /etc/fuse.conf");
	else
		log_error("mounting failed; `mediamon doctor --config %s` says what is wrong",
			  m->config_path);
}

static int serve(struct fuse_session *session, const struct config *config)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	fuse_loop_cfg_set_clone_fd(loop, 0);
	fuse_loop_cfg_set_max_threads(loop, THREADS);
	fuse_loop_cfg_set_idle_threads(loop, THREADS);
	views_open(config);
	spill_start(config_state_dir(config));
	int r = notify_start(session);
	if (r == 0)
		r = orders_start();
	shed_code();
	if (r == 0)
		r = fuse_session_loop_mt(session, loop);
	notify_stop();
	orders_stop();
	pollers_stop();
	views_close();
	fuse_loop_cfg_destroy(loop);
	return r;
}

/** The source of the mount is the configuration as it was given: fstab's first field, by which `mount -a` knows what is mounted. */
static void add_source(const char *config_path, struct buf *out)
{
	char *escaped = NULL;
	if (fuse_opt_add_opt_escaped(&escaped, config_path) == 0)
		buf_addf(out, ",fsname=%s", escaped);
	free(escaped);
}

static void make_arguments(const struct mount_options *m, struct fuse_args *args)
{
	_buf_ struct buf o = BUF_INIT(1 << 16);
	buf_addf(&o, "subtype=mediamon,default_permissions");
	add_source(m->config_path, &o);
	if (geteuid() == 0)
		buf_adds(&o, ",allow_other");
	if (m->fuse.len)
		buf_addf(&o, ",%s", buf_str(&m->fuse));
	fuse_opt_add_arg(args, "mediamon");
	fuse_opt_add_arg(args, "-o");
	fuse_opt_add_arg(args, buf_str(&o));
	if (m->debug)
		fuse_opt_add_arg(args, "-d");
}

int mount_session(struct mount_options *m, struct config *config, int64_t group)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	make_arguments(m, &args);
	tree_init();
	ops_set_group(group);
	struct fuse_session *session = ops_session(&args);
	fuse_opt_free_args(&args);
	if (!session)
		return EXIT_USAGE;
	int status = EXIT_UNAVAILABLE;
	_free_ char *mountpoint = realpath(m->mountpoint, NULL);
	views_set_mount(mountpoint);
	if (fuse_set_signal_handlers(session) == 0 && fuse_session_mount(session, m->mountpoint) == 0) {
		if (fuse_daemonize(m->foreground) == 0)
			status = serve(session, config) == 0 ? 0 : 1;
		fuse_session_unmount(session);
	} else {
		explain_failure(m);
	}
	fuse_remove_signal_handlers(session);
	fuse_session_destroy(session);
	inodes_clear();
	return status;
}

/* --- commands --- */

static int with_config(const char *path, int (*run)(const struct config *, int, char **), int argc,
		       char **argv)
{
	struct config *config = NULL;
	_buf_ struct buf fallback = BUF_INIT(4096);
	if (!path) {
		config_default_path(&fallback);
		path = buf_str(&fallback);
	}
	int r = load(path, &config);
	if (r == 0)
		r = run(config, argc, argv);
	config_free(config);
	return r;
}

/** `status` tells by 2 that something failed. */
static int usage_status = EXIT_USAGE;

static int usage_error(void)
{
	print_usage(stderr);
	return usage_status;
}

static int do_dump(const struct config *c, int argc, char **argv)
{
	return argc == 1 ? dump_command(c, argv[0]) : usage_error();
}

static int do_export(const struct config *c, int argc, char **argv)
{
	return argc == 1 ? export_command(c, argv[0]) : usage_error();
}

static int do_order(const struct config *c, int argc, char **argv)
{
	return argc >= 1 ? order_command(c, argv[0], argc - 1, argv + 1) : usage_error();
}

static struct status_options status_options;

static bool is_for_status(int c)
{
	switch (c) {
	case 'w':
		return status_options.watch = true;
	case 'W':
		return status_options.wait = true;
	case 'j':
		return status_options.json = true;
	case 'k':
		status_options.colour = optarg;
		return true;
	default:
		return false;
	}
}

static int do_status(const struct config *c, int argc, char **argv)
{
	(void)argv;
	return argc == 0 ? status_command(c, &status_options) : usage_error();
}

static int do_doctor(const struct config *c, int argc, char **argv)
{
	(void)argv;
	return argc == 0 ? doctor_command(c) : usage_error();
}

static int do_snapshot(const struct config *c, int argc, char **argv)
{
	(void)argc;
	return snapshot_command(c, argv[0]);
}

static int do_check(const struct config *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("%s: ok\n", config_path(c));
	return 0;
}

static int print_default_config(void)
{
	_buf_ struct buf text = BUF_INIT(1 << 20);
	config_print_default(&text);
	fputs(buf_str(&text), stdout);
	return 0;
}

static int do_mount(struct mount_options *m, int argc, char **argv)
{
	struct config *config = NULL;
	if (argc != 2)
		return usage_error();
	m->config_path = argv[0];
	m->mountpoint = argv[1];
	int r = load(m->config_path, &config);
	return r ? r : mount_run(m, config);
}

static const struct {
	const char *name;
	int (*run)(const struct config *, int, char **);
} commands[] = {
	{"dump", do_dump}, {"export", do_export}, {"order", do_order}, {"doctor", do_doctor}, {"status", do_status},
};

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'C'},
		{"check-config", required_argument, NULL, 'c'},
		{"print-default-config", no_argument, NULL, 'p'},
		{"watch", no_argument, NULL, 'w'},
		{"wait", no_argument, NULL, 'W'},
		{"json", no_argument, NULL, 'j'},
		{"color", required_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct mount_options m = {.fuse = BUF_INIT(1 << 16)};
	const char *config = NULL;
	int c;
	log_init("mediamon");
	if (argc > 1 && strcmp(argv[1], "status") == 0)
		usage_status = STATUS_USAGE;
	while ((c = getopt_long(argc, argv, "fdho:V", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			m.foreground = true;
			break;
		case 'd':
			m.debug = m.foreground = true;
			break;
		case 'o':
			mount_add_options(&m, optarg);
			break;
		case 'C':
			config = optarg;
			break;
		case 'c':
			return with_config(optarg, do_check, 0, NULL);
		case 'p':
			return print_default_config();
		case 'V':
			return print_version();
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			if (!is_for_status(c))
				return usage_error();
		}
	}
	argc -= optind;
	argv += optind;
	if (status_options_given(&status_options) && (argc == 0 || strcmp(argv[0], "status") != 0))
		return usage_error();
	for (size_t i = 0; i < COUNT_OF(commands) && argc > 0; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return with_config(config, commands[i].run, argc - 1, argv + 1);
	/* the indexer calls this, nobody else */
	if (argc == 3 && strcmp(argv[0], "snapshot") == 0)
		return with_config(argv[1], do_snapshot, 1, argv + 2);
	return do_mount(&m, argc, argv);
}
