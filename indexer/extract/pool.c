/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/profile.h"

enum {
	/** A killed process that has not ended by then waits for a disk that does not answer. */
	HUNG_MS = 1000,
};

static int make_slot(struct pool_worker *w)
{
	w->slot_fd = memfd_create("worker", MFD_CLOEXEC);
	if (w->slot_fd < 0 || ftruncate(w->slot_fd, sizeof *w->slot) < 0)
		return -errno;
	w->slot = mmap(NULL, sizeof *w->slot, PROT_READ | PROT_WRITE, MAP_SHARED, w->slot_fd, 0);
	if (w->slot == MAP_FAILED) {
		w->slot = NULL;
		return -errno;
	}
	return 0;
}

static int start_worker(struct pool *p, int i)
{
	struct pool_worker *w = &p->worker[i];
	int end[2];
	int r = child_socket(SOCK_STREAM, end);
	if (r < 0)
		return r;
	int n = 3;
	struct child_fd fds[3 + HEADS_REGIONS] = {
		{p->job_receive[i], WORKER_JOBS},
		{end[1], WORKER_RESULTS},
		{w->slot_fd, WORKER_SLOT},
	};
	for (int k = 0; k < p->regions; k++)
		fds[n++] = (struct child_fd){p->heads_read[k], WORKER_HEADS + k};
	atomic_store(&w->slot->batch, 0);
	atomic_store(&w->slot->since, 0);
	w->is_late = false;
	w->pid = child_spawn("--worker", "extract", fds, n);
	close(end[1]);
	if (w->pid < 0) {
		close(end[0]);
		return w->pid;
	}
	if (p->is_background)
		profile_place(w->pid, true);
	w->results = end[0];
	fcntl(w->results, F_SETFL, O_NONBLOCK);
	frame_reader_init(&w->reader, w->results);
	return 0;
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

int pool_start(struct pool *p, int count, int regions, int64_t deadline_ns)
{
	*p = (struct pool){.deadline_ns = deadline_ns};
	make_regions(p, regions);
	for (int i = 0; i < count && i < POOL_MAX; i++) {
		int end[2];
		p->worker[i] = (struct pool_worker){.results = -1, .slot_fd = -1};
		p->count = i + 1;
		p->job_send[i] = p->job_receive[i] = -1;
		int r = child_socket(SOCK_SEQPACKET, end);
		if (r == 0) {
			p->job_send[i] = end[0];
			p->job_receive[i] = end[1];
			r = make_slot(&p->worker[i]);
		}
		if (r == 0)
			r = start_worker(p, i);
		if (r < 0) {
			pool_stop(p);
			return r;
		}
	}
	return 0;
}

static void stop_worker(struct pool *p, int i)
{
	struct pool_worker *w = &p->worker[i];
	if (w->results >= 0) {
		close(w->results);
		child_end(w->pid, 200);
		frame_reader_clear(&w->reader);
	}
	if (w->slot)
		munmap(w->slot, sizeof *w->slot);
	if (w->slot_fd >= 0)
		close(w->slot_fd);
	if (p->job_send[i] >= 0)
		close(p->job_send[i]);
	if (p->job_receive[i] >= 0)
		close(p->job_receive[i]);
}

void pool_stop(struct pool *p)
{
	for (int i = 0; i < p->count; i++)
		stop_worker(p, i);
	for (int i = 0; i < p->regions; i++) {
		close(p->heads[i]);
		close(p->heads_read[i]);
	}
	p->count = p->regions = 0;
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

int pool_choose(const struct pool *p)
{
	int best = -1;
	for (int i = 0; i < p->count; i++) {
		const struct pool_worker *w = &p->worker[i];
		if (w->results >= 0 && w->ahead < POOL_AHEAD &&
		    (best < 0 || w->ahead < p->worker[best].ahead))
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

void pool_check_deadlines(struct pool *p)
{
	int64_t now = mono_ns();
	for (int i = 0; i < p->count; i++) {
		struct pool_worker *w = &p->worker[i];
		int64_t since = w->slot ? atomic_load(&w->slot->since) : 0;
		if (w->results < 0 || !since || now - since < p->deadline_ns || w->is_late)
			continue;
		pool_kill(w);
	}
}

int pool_replace(struct pool *p, int i, struct pool_loss *loss)
{
	struct pool_worker *w = &p->worker[i];
	uint64_t rss = 0, cpu = 0;
	child_usage(w->pid, &rss, &cpu);
	w->past_cpu_ns += cpu;
	if (rss > w->past_rss)
		w->past_rss = rss;
	int status = child_end(w->pid, 500);
	*loss = (struct pool_loss){
		.batch = atomic_load(&w->slot->batch),
		.index = atomic_load(&w->slot->index),
		.was_reading = atomic_load(&w->slot->since) != 0,
		.was_late = w->is_late, .abandoned = status == -1 ? w->pid : 0,
		.signal = status != -1 && WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	};
	close(take_fd(w->results));
	frame_reader_clear(&w->reader);
	p->restarts++;
	return start_worker(p, i);
}
