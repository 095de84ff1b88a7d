/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/extract/extract.h"
#include "indexer/frame.h"
#include "indexer/heads.h"
#include "indexer/profile.h"

enum { MESSAGE_MAX = 1 << 18 };

struct job {
	uint64_t batch;
	enum media_kind kind;
	/** Where its heads are; NULL when it came with descriptors, or a region is not there. */
	const struct heads *heads;
	bool has_files;
	int fd[BATCH_MAX];
	int count;
	struct frame fields;
	uint8_t message[MESSAGE_MAX];
};

/** Mapped before anything is read; NULL where there is none. */
static const struct heads *regions[HEADS_REGIONS];

static void close_all(struct job *job)
{
	for (int i = 0; i < job->count; i++)
		close(job->fd[i]);
	job->count = 0;
}

static void take_descriptors(struct msghdr *msg, struct job *job)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && job->count < BATCH_MAX; i++)
			memcpy(&job->fd[job->count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

/** 1 with a batch, 0 at the end. */
static int receive(struct job *job)
{
	struct iovec iov = {job->message, sizeof job->message};
	union {
		char bytes[CMSG_SPACE(sizeof job->fd)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	ssize_t n;
	job->count = 0;
	do
		n = recvmsg(WORKER_JOBS, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	take_descriptors(&msg, job);
	job->fields = (struct frame){.at = job->message, .end = job->message + n};
	job->batch = frame_get_u64(&job->fields);
	job->kind = (enum media_kind)frame_get_u32(&job->fields);
	uint32_t region = frame_get_u32(&job->fields);
	job->has_files = region == JOB_OF_FILES;
	job->heads = region < HEADS_REGIONS ? regions[region] : NULL;
	return 1;
}

static void add_result(struct buf *out, uint32_t index, int error, uint64_t hash,
		       const char *reason, const struct media *media)
{
	frame_u32(out, index);
	frame_u32(out, (uint32_t)error);
	frame_u64(out, hash);
	frame_bytes(out, reason, strlen(reason));
	size_t at = out->len;
	frame_u32(out, 0);
	media_encode(media, out);
	if (out->error)
		return;
	uint32_t n = (uint32_t)(out->len - at - sizeof n);
	memcpy(out->data + at, &n, sizeof n);
}

static void read_one(struct worker_slot *slot, struct job *job, int i, struct media *media,
		     struct buf *out)
{
	char reason[EXTRACT_REASON] = "";
	struct extract_input in = {.fd = job->has_files ? job->fd[i] : -1};
	uint32_t index = frame_get_u32(&job->fields);
	uint64_t ticket = job->has_files ? 0 : frame_get_u64(&job->fields);
	size_t n;
	const char *path = frame_get_bytes(&job->fields, &n);
	_buf_ struct buf copy = BUF_INIT(1 << 16);
	buf_add(&copy, path, n);
	in.path = buf_str(&copy);
	in.path_len = copy.len;
	atomic_store(&slot->index, index);
	atomic_store(&slot->since, mono_ns());
	media_reset(media);
	int error = job->has_files ? extract_file(job->kind, &in, media, reason)
				   : worker_read_head(job->heads, ticket, job->kind, &in, media, reason);
	add_result(out, index, error, in.hash, reason, media);
}

static int read_batch(struct worker_slot *slot, struct job *job, struct media *media,
		      struct buf *out)
{
	atomic_store(&slot->batch, job->batch);
	buf_reset(out);
	size_t start = frame_begin(out, FRAME_RESULTS);
	frame_u64(out, job->batch);
	size_t count_at = out->len;
	uint32_t count = 0;
	frame_u32(out, 0);
	while (job->fields.at < job->fields.end && !job->fields.is_bad &&
	       (!job->has_files || count < (uint32_t)job->count))
		read_one(slot, job, (int)count++, media, out);
	if (!out->error)
		memcpy(out->data + count_at, &count, sizeof count);
	frame_end(out, start);
	atomic_store(&slot->since, 0);
	close_all(job);
	int r = out->error ? out->error : frame_send(WORKER_RESULTS, out->data, out->len);
	atomic_store(&slot->batch, 0);
	return r;
}

/** What a worker may use; the full sandbox is built on this. */
static void limit_self(void)
{
	const struct {
		int what;
		rlim_t most;
	} limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_FSIZE, 0},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
		{RLIMIT_AS, (rlim_t)512 << 20},
#endif
	};
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct rlimit l = {limits[i].most, limits[i].most};
		setrlimit((__rlimit_resource_t)limits[i].what, &l);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int worker_main(void)
{
	static struct job job;
	struct media media;
	struct worker_slot *slot =
		mmap(NULL, sizeof *slot, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_SLOT, 0);
	if (slot == MAP_FAILED) {
		log_error("worker: no shared memory: %s", strerror(errno));
		return 1;
	}
	for (int i = 0; i < HEADS_REGIONS; i++) {
		regions[i] = heads_map(WORKER_HEADS + i, false);
		close(WORKER_HEADS + i);
	}
	profile_shed();
	limit_self();
	/* a working directory would keep its disk from being unmounted */
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
	media_init(&media);
	_buf_ struct buf out = BUF_INIT(FRAME_MAX);
	while (receive(&job) > 0 && read_batch(slot, &job, &media, &out) == 0)
		continue;
	media_clear(&media);
	return 0;
}
