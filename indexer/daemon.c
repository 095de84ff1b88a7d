/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/ctl.h"
#include "common/live.h"
#include "common/log.h"
#include "common/shed.h"
#include "common/store.h"
#include "indexer/backup.h"
#include "indexer/chapters.h"
#include "indexer/child.h"
#include "indexer/history.h"
#include "indexer/load/writer.h"
#include "indexer/order.h"
#include "indexer/pipeline.h"
#include "indexer/pipeline_alert.h"
#include "indexer/profile.h"
#include "indexer/sampler.h"
#include "indexer/pipeline_find.h"
#include "indexer/pipeline_mend.h"

enum {
	EXIT_UNAVAILABLE = 69,
	EXIT_TRY_LATER = 75,
	HEARTBEAT_MS = 500,
	/** Before parts that could not go on are started again, and how many times that at most. */
	AGAIN_MS = 5000,
	AGAIN_MOST = 8,
	/** Parts that worked so long are started again at once. */
	LONG_S = 60,
};

struct daemon {
	struct config *config;
	char *state_dir;
	int lock, signals, wake;
	struct live_page *live;
	struct writer *writer;
	struct pipeline *pipeline;
	struct finder *finder;
	struct alerts *alerts;
	struct mender *mender;
	/** Last commit that the finder was told of. */
	uint64_t told;
	struct history *history;
	struct sampler *sampler;
	struct backups *backups;
	struct orders orders;
	struct ctl_server *ctl;
	_Atomic int is_ending;
	/** Orders, reloads and timers exclude each other: parts may be replaced. */
	pthread_mutex_t busy;
	/** A SIGHUP came while somebody had busy. */
	bool is_reload_due;
	int64_t next_scan, next_chapters;
};

/* --- before anything starts --- */

static int make_folders(const char *path)
{
	_buf_ struct buf part = BUF_INIT(8192);
	buf_adds(&part, path);
	if (buf_error(&part))
		return -ENAMETOOLONG;
	for (char *p = part.data + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(part.data, 0755);
		*p = '/';
	}
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/** SQLite's locks and shared memory do not work there. */
static const char *remote_filesystem(const char *path)
{
	static const struct {
		long magic;
		const char *name;
	} remote[] = {
		{NFS_SUPER_MAGIC, "NFS"}, {SMB_SUPER_MAGIC, "SMB"}, {0xff534d42, "CIFS"},
		{0xfe534d42, "SMB2"},     {0x65735546, "FUSE"},     {AFS_SUPER_MAGIC, "AFS"},
		{0x00c36400, "Ceph"},     {V9FS_MAGIC, "9p"},
	};
	struct statfs st;
	if (statfs(path, &st) < 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(remote); i++)
		if ((uint32_t)st.f_type == (uint32_t)remote[i].magic)
			return remote[i].name;
	return NULL;
}

static int prepare_state(struct daemon *d)
{
	int64_t pid = 0;
	int r = make_folders(d->state_dir);
	if (r < 0) {
		log_error("the state directory %s cannot be made: %s", d->state_dir, strerror(-r));
		return EXIT_UNAVAILABLE;
	}
	const char *remote = remote_filesystem(d->state_dir);
	if (remote) {
		log_error("the state directory %s is on %s: it must be on a local disk, because the "
			  "store's locks do not work there (set state_dir)",
			  d->state_dir, remote);
		return EXIT_UNAVAILABLE;
	}
	/* one that was killed holds its lock until the last of its threads has left the disk */
	for (int i = 0; i < 20; i++) {
		d->lock = live_lock(d->state_dir, &pid);
		if (d->lock != -EAGAIN)
			break;
		nanosleep(&(struct timespec){0, 100 * NS_PER_MS}, NULL);
	}
	if (d->lock == -EAGAIN) {
		log_error("another indexer (process %lld) works in %s", (long long)pid, d->state_dir);
		return EXIT_TRY_LATER;
	}
	if (d->lock < 0) {
		log_error("the lock in %s cannot be taken: %s", d->state_dir, strerror(-d->lock));
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

static void catch_signals(struct daemon *d)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/** -1 when there is no such group or we may not give files to it. */
static int group_id(const struct config *config)
{
	const char *name = config_text(config, OPT_group);
	const struct group *g = geteuid() == 0 && *name ? getgrnam(name) : NULL;
	return g ? (int)g->gr_gid : -1;
}

/* --- orders about the daemon itself --- */

static void wake(struct daemon *d)
{
	uint64_t one = 1;
	if (write(d->wake, &one, sizeof one) < 0)
		log_debug("the main thread is awake already");
}

static void quit(void *arg)
{
	struct daemon *d = arg;
	atomic_store(&d->is_ending, 1);
	wake(d);
}

static bool same_list(const struct config *a, const struct config *b, enum option_id id)
{
	if (config_count(a, id) != config_count(b, id))
		return false;
	for (size_t i = 0; i < config_count(a, id); i++)
		if (strcmp(config_item(a, id, i), config_item(b, id, i)) != 0)
			return false;
	return true;
}

/** What differs takes effect at once where it can; roots and processes need the pipeline anew. */
static int restart_pipeline(struct daemon *d)
{
	d->orders.pipeline = NULL;
	pipeline_free(take(d->pipeline));
	d->orders.mender = NULL;
	mender_free(take(d->mender));
	struct mender_options links = {d->config, d->state_dir, d->writer};
	int r = mender_new(&links, &d->mender);
	struct pipeline_options options = {d->config, d->state_dir, d->live, d->writer, d->mender};
	if (r == 0)
		r = pipeline_new(&options, &d->pipeline);
	d->orders.mender = d->mender;
	d->orders.pipeline = d->pipeline;
	return r;
}

/** A job that we give ourselves. */
static int add_scan_job(struct daemon *d, const char *words)
{
	char token[CTL_TOKEN];
	int64_t id = 0;
	ctl_token(token);
	struct change *c = change_new(CHANGE_ADD_JOB, strlen(words) + sizeof token + 2);
	if (!c)
		return -ENOMEM;
	c->name = change_copy(c, words, strlen(words));
	c->error_kind = change_copy(c, token, strlen(token));
	int r = writer_call(d->writer, c, &id);
	/* a pipeline that starts later finds it in the store */
	if (r == 0 && d->pipeline)
		pipeline_add_job(d->pipeline, id, words);
	return r;
}

/** Without it nothing else is less: a failure is told, no more. */
static void restart_history(struct daemon *d)
{
	history_free(take(d->history));
	struct history_options options = {config_path(d->config), d->state_dir,
					  config_int(d->config, OPT_history_interval), d->writer};
	int r = history_new(&options, &d->history);
	if (r < 0)
		log_warning("the documents of status/ are not kept in history/: %s", strerror(-r));
}

/** The same. */
static void restart_sampler(struct daemon *d)
{
	sampler_free(take(d->sampler));
	struct sampler_options options = {
		d->state_dir,
		{config_int(d->config, OPT_history_seconds), config_int(d->config, OPT_history_minutes),
		 config_int(d->config, OPT_history_hours)},
		{config_text(d->config, OPT_metrics_log), config_int(d->config, OPT_metrics_log_interval),
		 config_int(d->config, OPT_metrics_log_size), (int)config_int(d->config, OPT_metrics_log_keep)},
		config_int(d->config, OPT_prowlarr_day),
		d->live,
		d->writer,
	};
	int r = sampler_new(&options, &d->sampler);
	if (r < 0)
		log_warning("metrics are not measured over time: %s", strerror(-r));
}

/** Nothing else is less without it. */
static void restart_finder(struct daemon *d)
{
	watcher_free(take(d->alerts));
	mender_end_repairs(d->mender);
	finder_free(take(d->finder));
	struct finder_options options = {d->config, d->state_dir, d->writer, d->live};
	int r = finder_new(&options, &d->finder);
	if (r < 0)
		log_error("nothing is searched for: %s", strerror(-r));
	d->orders.finder = d->finder;
	if (r == 0)
		r = mender_start_repairs(d->mender, d->finder);
	if (r < 0)
		log_error("nothing is repaired: %s", strerror(-r));
	d->alerts = watcher_new(&options, d->finder);
}

/** Under d->busy. */
static int reload(void *arg, struct buf *why)
{
	struct daemon *d = arg;
	struct config *fresh = NULL;
	int error = writer_error(d->writer);
	if (error) {
		buf_addf(why, "the store cannot be written: %s", strerror(error));
		return -error;
	}
	if (!*config_path(d->config))
		return 0;
	int r = config_load(config_path(d->config), &fresh, why);
	if (r < 0)
		return r;
	if (strcmp(config_state_dir(fresh), d->state_dir) != 0)
		buf_adds(why, "a new state_dir counts from the next start");
	bool same_roots = same_list(d->config, fresh, OPT_music) &&
			  same_list(d->config, fresh, OPT_manga) &&
			  same_list(d->config, fresh, OPT_links);
	struct config *old = d->config;
	d->config = fresh;
	log_set_level((enum log_level)log_level_of(config_text(fresh, OPT_log_level)));
	r = restart_pipeline(d);
	if (r == 0 && !same_roots)
		r = add_scan_job(d, "rescan all");
	restart_history(d);
	restart_sampler(d);
	restart_finder(d);
	config_free(old);
	if (r < 0) {
		/* the file is good: the main thread starts all parts again with it */
		log_error("the pipeline cannot be started again: %s", strerror(-r));
		pipeline_free(take(d->pipeline));
		d->orders.pipeline = NULL;
		buf_addf(why, "it takes effect when the store can be written (%s)", strerror(-r));
	}
	return 0;
}

static int on_order(void *arg, const char *token, const char *file, const char *text, size_t n,
		    struct buf *answer)
{
	struct daemon *d = arg;
	LOCKED(&d->busy);
	return orders_handle(&d->orders, token, file, text, n, answer);
}

/* --- start and end --- */

static int start_parts(struct daemon *d)
{
	char why[256] = "";
	d->live = live_create(d->state_dir);
	if (!d->live) {
		log_error("the live page cannot be made: %s", strerror(errno));
		return -errno;
	}
	atomic_store(&d->live->started_at, (uint64_t)now_ns());
	int r = pipeline_open_writer(d->config, d->state_dir, d->live, &d->writer, why);
	if (r < 0) {
		log_error("%s", *why ? why : strerror(-r));
		return r;
	}
	/* before the pipeline runs: a scan that was interrupted is the same one */
	r = writer_call(d->writer, change_new(CHANGE_REQUEUE_JOBS, 0), NULL);
	if (r == 0)
		r = add_scan_job(d, "rescan all");
	d->orders = (struct orders){.writer = d->writer, .quit = quit, .reload = reload, .arg = d};
	if (r == 0)
		r = restart_pipeline(d);
	if (r < 0) {
		log_error("the pipeline cannot be started: %s", strerror(-r));
		return r;
	}
	struct backup_options b = {d->state_dir, d->live, d->writer};
	r = backups_new(&b, &d->backups);
	if (r < 0)
		return r;
	restart_finder(d);
	r = ctl_serve(d->state_dir, group_id(d->config), on_order, d, &d->ctl);
	if (r < 0)
		log_error("the control socket cannot be made: %s", strerror(-r));
	if (r < 0)
		return r;
	restart_history(d);
	restart_sampler(d);
	return 0;
}

static void stop_parts(struct daemon *d)
{
	writer_hurry(d->writer);
	ctl_stop(take(d->ctl));
	history_free(take(d->history));
	watcher_free(take(d->alerts));
	sampler_free(take(d->sampler));
	pipeline_free(take(d->pipeline));
	mender_free(take(d->mender));
	finder_free(take(d->finder));
	backups_free(take(d->backups));
	writer_free(take(d->writer));
	if (d->live) {
		atomic_store(&d->live->pid, 0);
		live_wake(d->live);
		live_close(take(d->live));
	}
}

/** Needs no lock and waits for nothing: it goes on whatever the disk does. */
static void beat(struct daemon *d)
{
	uint64_t peak, cpu;
	child_usage(getpid(), &peak, &cpu);
	atomic_store(&d->live->rss_indexer, child_memory(getpid()));
	atomic_store(&d->live->cpu_ns, cpu);
	atomic_store(&d->live->heartbeat_at, (uint64_t)now_ns());
}

/** Under d->busy. */
static void look_at_timers(struct daemon *d)
{
	int64_t interval = config_int(d->config, OPT_scan_interval);
	bool is_idle = !atomic_load(&d->live->job);
	uint64_t generation = atomic_load(&d->live->generation);
	if (generation != d->told)
		finder_poke(d->finder);
	d->told = generation;
	backups_look(d->backups, config_int(d->config, OPT_backup_interval),
		     (unsigned)config_int(d->config, OPT_backup_keep), is_idle);
	chapters_look(d->writer, d->config, &d->next_chapters);
	if (!interval || mono_ns() < d->next_scan || writer_error(d->writer))
		return;
	d->next_scan = mono_ns() + interval;
	add_scan_job(d, "rescan all");
}

/** Under d->busy. */
static void reload_if_due(struct daemon *d)
{
	_buf_ struct buf why = BUF_INIT(1 << 16);
	if (!d->is_reload_due)
		return;
	d->is_reload_due = false;
	if (reload(d, &why) < 0)
		log_error("the configuration is refused, the old one stays: %s", buf_str(&why));
}

static void handle_signal(struct daemon *d)
{
	struct signalfd_siginfo info;
	if (read(d->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGHUP)
		d->is_reload_due = true;
	else
		atomic_store(&d->is_ending, 1);
}

/** Sleeps until a signal, an order to end, or the next heartbeat. */
static void rest(struct daemon *d)
{
	struct pollfd fds[] = {{d->signals, POLLIN, 0}, {d->wake, POLLIN, 0}};
	if (poll(fds, COUNT_OF(fds), HEARTBEAT_MS) > 0 && fds[0].revents)
		handle_signal(d);
}

/** Under d->busy.  A store found damaged is replaced when it is opened; a pipeline that did not come up again
 * after a reload is made with all else. */
static bool must_start_again(struct daemon *d)
{
	return store_is_damaged() || !d->pipeline;
}

/** Ends with the indexer, or when its parts must be started again. */
static void loop(struct daemon *d)
{
	atomic_store(&d->live->pid, (uint64_t)getpid());
	d->next_scan = mono_ns() + config_int(d->config, OPT_scan_interval);
	while (!atomic_load(&d->is_ending)) {
		beat(d);
		/* who has it may wait for the disk; timers can wait as well */
		if (pthread_mutex_trylock(&d->busy) == 0) {
			look_at_timers(d);
			reload_if_due(d);
			bool again = must_start_again(d);
			pthread_mutex_unlock(&d->busy);
			if (again)
				return;
		}
		rest(d);
	}
}

/** The mount says meanwhile what we wait for. */
static void wait_before_again(struct daemon *d, int error, int tries)
{
	int64_t end = mono_ns() + (tries < AGAIN_MOST ? tries : AGAIN_MOST) * AGAIN_MS * NS_PER_MS;
	log_error("the indexer starts again in some seconds: %s", strerror(error));
	while (!atomic_load(&d->is_ending) && mono_ns() < end) {
		if (d->live) {
			atomic_store(&d->live->pid, (uint64_t)getpid());
			atomic_store(&d->live->write_error, (uint64_t)error);
			beat(d);
		}
		rest(d);
	}
}

/** A disk that will perhaps take something later. */
static bool is_disk_error(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EIO || r == -EROFS || r == -EAGAIN ||
	       r == -ETIMEDOUT;
}

/**
 * Starts the parts again as long as that may help: a disk that refuses is asked later, a damaged
 * store is replaced at once, so that no order is taken that it would lose.
 */
static int run_parts(struct daemon *d)
{
	int r, tries = 0;
	do {
		int64_t began = mono_ns();
		r = start_parts(d);
		if (r == 0) {
			log_info("the indexer works in %s", d->state_dir);
			loop(d);
		}
		tries = mono_ns() - began > LONG_S * NS_PER_S ? 1 : tries + 1;
		if (r < 0 && is_disk_error(r))
			wait_before_again(d, -r, tries);
		stop_parts(d);
		if (r == 0 && tries > 1 && !atomic_load(&d->is_ending))
			wait_before_again(d, EUCLEAN, tries);
	} while (!atomic_load(&d->is_ending) && (r == 0 || is_disk_error(r)));
	log_info("the indexer ends");
	return r < 0 ? EXIT_UNAVAILABLE : 0;
}

/** In the background the log goes to a file of the state directory, which is begun anew when it
 * has grown large; the one before is kept. */
static void log_to_file(const char *state_dir)
{
	enum { LOG_MAX = 4 << 20 };
	char path[4096], old[4096 + 8];
	struct stat st;
	snprintf(path, sizeof path, "%s/mediamond.log", state_dir);
	snprintf(old, sizeof old, "%s.1", path);
	if (stat(path, &st) == 0 && st.st_size > LOG_MAX)
		rename(path, old);
	_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(fd >= 0 ? fd : null, STDERR_FILENO);
}

/** Works in "/": the folder from which it was started could not be unmounted. */
static int detach_self(const char *state_dir)
{
	if (daemon(0, 1) < 0) {
		log_error("cannot go into the background: %s", strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	make_folders(state_dir);
	log_to_file(state_dir);
	return 0;
}

int daemon_run(struct config *config, int detach)
{
	struct daemon d = {.config = config, .lock = -1, .signals = -1, .wake = -1,
			   .busy = PTHREAD_MUTEX_INITIALIZER};
	log_set_level((enum log_level)log_level_of(config_text(config, OPT_log_level)));
	d.state_dir = strdup(config_state_dir(config));
	if (!d.state_dir)
		return EXIT_UNAVAILABLE;
	/* no secret of ours ends in a core file */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	profile_limit(profile_here(config_text(config, OPT_profile)));
	int status = detach ? detach_self(d.state_dir) : 0;
	if (status == 0)
		status = prepare_state(&d);
	if (status == 0) {
		catch_signals(&d);
		shed_code();
		status = run_parts(&d);
	}
	if (d.lock >= 0)
		close(d.lock);
	free(d.state_dir);
	config_free(d.config);
	return status;
}
