/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/extract/nursery.h"
#include "indexer/pass.h"
#include "indexer/profile.h"

enum {
	/** A killed process that has not ended by then waits for a disk that does not answer. */
	HUNG_MS = 1000,
	/** Files that one process reads at most, and how much memory it may have used to go on. */
	WORKER_FILES = 100000,
	WORKER_MEMORY = 96 << 20,
	/** However large a file is. */
	DEADLINE_MOST_S = 900,
	/** After so many that end before they are ready, one after the other, the next has time. */
	STILLBORN = 3,
	/** One that was ready, one of the nursery, and one that is started by itself. */
	START_TRIES = 3,
	/** A worker says within this time what holds it. */
	READY_S = 5,
};

/* --- processes --- */

/** One that will be loaded and in its sandbox, and waits for a place then. */
static int order_spare(struct pool *p)
{
	int end[2];
	int r = child_socket(SOCK_STREAM, end);
	if (r < 0)
		return r;
	r = nursery_order(&p->nursery, end[1]);
	close(end[1]);
	if (r < 0) {
		close(end[0]);
		return r;
	}
	p->spare = (struct pool_process){0, end[0]};
	fcntl(p->spare.results, F_SETFL, O_NONBLOCK);
	return 0;
}

/** Who it is.  @waits: until that is known; else -EAGAIN. */
static int know_spare(struct pool *p, bool waits)
{
	struct pool_process *spare = &p->spare;
	if (spare->results < 0)
		return -ESRCH;
	int r = spare->pid ? spare->pid : nursery_made(&p->nursery, waits);
	spare->pid = r > 0 ? r : 0;
	if (r > 0 || r == -EAGAIN)
		return r > 0 ? 0 : r;
	close(take_fd(spare->results));
	return r;
}

static void end_spare(struct pool *p)
{
	if (know_spare(p, true) < 0)
		return;
	close(take_fd(p->spare.results));
	child_end(p->spare.pid, 200);
	p->spare.pid = 0;
}

/** Its job socket, its slot and the regions of heads. */
static int send_place(const struct pool *p, int i, int results)
{
	struct worker_place place = {reading_slot_at(i)};
	int fds[2 + HEADS_REGIONS] = {p->job_receive[i], p->reading.fd};
	memcpy(fds + 2, p->heads_read, (size_t)p->regions * sizeof *fds);
	return pass_send(results, &place, sizeof place, fds, 2 + p->regions);
}

static void take_process(struct pool *p, int i)
{
	struct pool_worker *w = &p->worker[i];
	w->pid = p->spare.pid;
	w->results = p->spare.results;
	p->spare = (struct pool_process){0, -1};
	frame_reader_init(&w->reader, w->results);
	profile_place(w->pid, p->is_background);
}

/** The one that waits may have ended meanwhile, and the nursery too: then one is started now. */
static int start_worker(struct pool *p, int i, uint64_t first_batch)
{
	struct pool_worker *w = &p->worker[i];
	memset(w->slot, 0, sizeof *w->slot);
	atomic_store(&w->slot->first_batch, first_batch);
	atomic_store(&w->slot->archives, p->o.archives);
	/* where one file ends its reader others do, too */
	atomic_store(&w->slot->tells_each, w->has_died);
	w->is_late = w->is_idle = w->is_asked = false;
	w->stalled_at = 0;
	w->files = w->peak_rss = 0;
	w->first_batch = first_batch;
	int r = -EPIPE;
	for (int tries = 0; tries < START_TRIES && r < 0; tries++) {
		r = p->spare.results < 0 ? order_spare(p) : 0;
		if (r == 0)
			r = know_spare(p, true);
		if (r == 0)
			r = send_place(p, i, p->spare.results);
		if (r < 0)
			end_spare(p);
	}
	if (r == 0)
		take_process(p, i);
	return r;
}

static int refill(struct pool *p)
{
	int r = 0;
	nursery_start(&p->nursery);
	for (int i = 0; i < p->count && r == 0 && !p->is_refused; i++)
		r = p->worker[i].results < 0 ? start_worker(p, i, p->worker[i].first_batch) : 0;
	return r == 0 && p->spare.results < 0 ? order_spare(p) : r;
}

void pool_refill(struct pool *p)
{
	if (!p->count || !p->has_spare || mono_ns() < p->retry_at)
		return;
	if (refill(p) < 0)
		p->retry_at = mono_ns() + NS_PER_S;
}

static int make_worker(struct pool *p, int i)
{
	int end[2];
	p->worker[i] = (struct pool_worker){.results = -1, .slot = reading_slot(&p->reading, i)};
	p->job_send[i] = p->job_receive[i] = -1;
	p->count = i + 1;
	int r = child_socket(SOCK_SEQPACKET, end);
	if (r < 0)
		return r;
	p->job_send[i] = end[0];
	p->job_receive[i] = end[1];
	return 0;
}

/** Waits for what the first one says. */
static void ask_sandbox(struct pool *p)
{
	const _Atomic uint64_t *said = &p->worker[0].slot->sandbox;
	for (int64_t end = mono_ns() + READY_S * NS_PER_S; !atomic_load(said) && mono_ns() < end;)
		nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
	p->sandbox = (atomic_load(said) ? atomic_load(said) : sandbox_offered()) | LIVE_SANDBOX_KNOWN;
	p->is_refused = p->o.sandbox == SANDBOX_REQUIRED && !sandbox_is_whole(p->sandbox);
	if (p->is_refused)
		p->sandbox |= LIVE_SANDBOX_REFUSED;
}

/** Without them files are read through descriptors: it is no error. */
static void make_regions(struct pool *p, int n)
{
	for (int i = 0; i < n && i < HEADS_REGIONS; i++) {
		_close_ int fd = heads_create();
		int again = fd < 0 ? fd : heads_reopen(fd);
		if (again < 0) {
			log_warning("no memory is shared with those that list files: %s", strerror(-again));
			return;
		}
		p->heads[i] = take_fd(fd);
		p->heads_read[i] = again;
		p->regions = i + 1;
	}
}

int pool_open(struct pool *p, const struct pool_options *options)
{
	*p = (struct pool){.is_open = true, .o = *options, .spare = {0, -1}, .reading = {.fd = -1}};
	nursery_init(&p->nursery, options->sandbox);
	make_regions(p, options->regions);
	int r = reading_open(options->state_dir, &p->reading);
	for (int i = 0; i < options->count && i < POOL_MAX && r == 0; i++)
		r = make_worker(p, i);
	if (r < 0)
		pool_stop(p);
	return r;
}

int pool_wake(struct pool *p, int i, uint64_t first)
{
	return p->worker[i].results >= 0 ? 0 : start_worker(p, i, first);
}

/** An open file that nobody reads would keep its disk from being unmounted. */
static void drop_jobs(const struct pool *p, int i)
{
	char data[64];
	int count;
	while (pass_receive(p->job_receive[i], false, data, sizeof data, NULL, 0, &count))
		continue;
}

void pool_rest(struct pool *p, int i)
{
	struct pool_worker *w = &p->worker[i];
	if (w->results < 0)
		return;
	close(take_fd(w->results));
	child_end(w->pid, 200);
	frame_reader_clear(&w->reader);
	drop_jobs(p, i);
}

void pool_start(struct pool *p)
{
	p->has_spare = true;
	nursery_start(&p->nursery);
	nursery_wait(&p->nursery);
	pool_refill(p);
	ask_sandbox(p);
}

static void stop_worker(struct pool *p, int i)
{
	pool_rest(p, i);
	if (p->job_send[i] >= 0)
		close(p->job_send[i]);
	if (p->job_receive[i] >= 0)
		close(p->job_receive[i]);
}

void pool_stop(struct pool *p)
{
	if (!p->is_open)
		return;
	nursery_end(&p->nursery);
	for (int i = 0; i < p->count; i++)
		stop_worker(p, i);
	end_spare(p);
	reading_close(&p->reading);
	for (int i = 0; i < p->regions; i++) {
		close(p->heads[i]);
		close(p->heads_read[i]);
	}
	p->count = p->regions = 0;
	p->is_open = false;
}

void pool_set_background(struct pool *p, bool is_background)
{
	if (p->is_background == is_background)
		return;
	p->is_background = is_background;
	for (int i = 0; i < p->count; i++)
		if (p->worker[i].results >= 0)
			profile_place(p->worker[i].pid, is_background);
}

/* --- what they do --- */

int pool_choose(const struct pool *p)
{
	int best = -1;
	for (int i = 0; i < p->count; i++) {
		const struct pool_worker *w = &p->worker[i];
		if (w->results >= 0 && w->ahead < POOL_AHEAD && reading_has_room(&p->reading, i) &&
		    !reading_is_at_dropped(&p->reading, i) && (best < 0 || w->ahead < p->worker[best].ahead))
			best = i;
	}
	return best;
}

void pool_kill(struct pool_worker *w)
{
	w->is_late = true;
	w->late_at = mono_ns();
	kill(w->pid, SIGKILL);
}

bool pool_is_hung(const struct pool_worker *w)
{
	return w->results >= 0 && w->is_late && mono_ns() - w->late_at > HUNG_MS * NS_PER_MS;
}

int64_t pool_deadline(const struct pool *p, int64_t size)
{
	const int64_t most = DEADLINE_MOST_S * NS_PER_S;
	int64_t mib = size > 0 ? size >> 20 : 0;
	if (p->o.deadline_ns >= most || !p->o.deadline_mib_ns)
		return p->o.deadline_ns;
	if (mib > (most - p->o.deadline_ns) / p->o.deadline_mib_ns)
		return most;
	return p->o.deadline_ns + mib * p->o.deadline_mib_ns;
}

void pool_pass_over(struct pool *p, int i, uint64_t first)
{
	struct pool_worker *w = &p->worker[i];
	w->first_batch = first;
	atomic_store(&w->slot->first_batch, first);
}

/** It neither reads nor answers, and nobody asks what of: it waits for a disk, or was stopped. */
static bool is_stalled(struct pool *p, int i, int64_t now)
{
	struct pool_worker *w = &p->worker[i];
	bool is_between = reading_is_at_dropped(&p->reading, i) && !atomic_load(&w->slot->since);
	w->stalled_at = !is_between ? 0 : w->stalled_at ? w->stalled_at : now;
	return w->stalled_at && now - w->stalled_at > POOL_STALLED_S * NS_PER_S;
}

void pool_check_deadlines(struct pool *p)
{
	int64_t now = mono_ns();
	reading_beat(&p->reading, now);
	for (int i = 0; i < p->count; i++) {
		struct pool_worker *w = &p->worker[i];
		int64_t since = atomic_load(&w->slot->since);
		if (w->results >= 0 && !w->is_late && is_stalled(p, i, now)) {
			w->is_idle = true;
			pool_kill(w);
		}
		if (w->results < 0 || !since || now - since < p->o.deadline_ns || w->is_late)
			continue;
		const struct read_mark *file = reading_now(&p->reading, i);
		if (!file || now - since >= pool_deadline(p, file->size))
			pool_kill(w);
	}
}

uint64_t pool_measure(struct pool *p)
{
	uint64_t total = 0;
	nursery_look(&p->nursery);
	/* nobody waits for that here */
	if (know_spare(p, false) == 0)
		total += child_memory(p->spare.pid);
	if (p->nursery.pid)
		total += child_memory(p->nursery.pid);
	for (int i = 0; i < p->count; i++) {
		struct pool_worker *w = &p->worker[i];
		uint64_t peak, cpu;
		if (w->results < 0)
			continue;
		total += child_memory(w->pid);
		child_usage(w->pid, &peak, &cpu);
		w->peak_rss = peak > w->peak_rss ? peak : w->peak_rss;
	}
	return total;
}

void pool_usage(const struct pool *p, int i, uint64_t *peak_rss, uint64_t *cpu_ns)
{
	*peak_rss = p->worker[i].peak_rss;
	*cpu_ns = atomic_load(&p->worker[i].slot->cpu_ns);
}

void pool_count(struct pool *p, int i, uint64_t n)
{
	struct pool_worker *w = &p->worker[i];
	uint64_t rss, cpu;
	pool_usage(p, i, &rss, &cpu);
	/* what one lacks that the first one had is told of all */
	uint64_t said = atomic_load(&w->slot->sandbox), holds = LIVE_SANDBOX_SECCOMP | LIVE_SANDBOX_LANDLOCK | LIVE_SANDBOX_LIMITS;
	if (said)
		p->sandbox &= said | ~holds;
	w->heard_at = mono_ns();
	w->stalled_at = 0;
	w->files += n;
	w->is_asked |= w->files >= WORKER_FILES || rss > WORKER_MEMORY;
	if (w->is_asked)
		atomic_store(&w->slot->must_leave, 1);
}

/** Not at once, when something is wrong with all of them. */
static int replace(struct pool *p, int i)
{
	struct pool_worker *w = &p->worker[i];
	/* one that may read nothing has ended by itself */
	if (p->is_refused)
		return 0;
	if (w->stillborn < STILLBORN)
		return start_worker(p, i, w->first_batch);
	if (w->stillborn == STILLBORN)
		log_error("readers end before they are ready; no file is read until they do not");
	p->retry_at = mono_ns() + NS_PER_S;
	return 0;
}

int pool_replace(struct pool *p, int i, uint64_t next, struct pool_loss *loss)
{
	struct pool_worker *w = &p->worker[i];
	uint64_t rss = 0, cpu = 0;
	pool_usage(p, i, &rss, &cpu);
	w->past_cpu_ns += cpu;
	if (rss > w->past_rss)
		w->past_rss = rss;
	int status = child_end(w->pid, 500);
	*loss = (struct pool_loss){
		.batch = atomic_load(&w->slot->batch),
		.index = atomic_load(&w->slot->index),
		.was_late = w->is_late, .abandoned = status == -1 ? w->pid : 0,
		.is_stillborn = cpu == 0,
		.signal = status != -1 && WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		.has_left = w->is_asked && atomic_load(&w->slot->has_left) && !reading_now(&p->reading, i),
	};
	/* the file is not to blame for a disk that does not answer; nor is one that was begun at the last moment */
	loss->was_reading = loss->abandoned ? reading_now(&p->reading, i) != NULL
					    : !w->is_idle && reading_blame(&p->reading, i) != NULL;
	close(take_fd(w->results));
	frame_reader_clear(&w->reader);
	p->restarts += !loss->has_left;
	w->stillborn = loss->is_stillborn ? w->stillborn + 1 : 0;
	w->first_batch = loss->has_left ? w->first_batch : next;
	w->has_died = !loss->has_left;
	return replace(p, i);
}
