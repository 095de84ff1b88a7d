/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/shed.h"
#include "indexer/extract/comic.h"
#include "indexer/extract/cover.h"
#include "indexer/extract/extract.h"
#include "indexer/extract/nursery.h"
#include "indexer/extract/sandbox.h"
#include "indexer/extract/verify.h"
#include "indexer/frame.h"
#include "indexer/heads.h"
#include "indexer/pass.h"

_Static_assert((int)OPENS_MAX <= (int)PASS_MOST, "a message has room for them");

enum {
	MESSAGE_MAX = 1 << 18,
	/** Bytes of results that go out before their batch is read to its end: a frame has its limit. */
	RESULTS_MUCH = FRAME_MAX / 16,
};

struct job {
	uint64_t batch;
	enum media_kind kind;
	/** One file is read to its end; a cover is made of one. */
	bool is_check, is_cover;
	/** Where its heads are; NULL when it came with descriptors, or a region is not there. */
	const struct heads *heads;
	bool has_files;
	int fd[OPENS_MAX];
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

/** False at the end. */
static bool receive_job(int jobs, struct job *job)
{
	size_t n = pass_receive(jobs, true, job->message, sizeof job->message, job->fd, OPENS_MAX, &job->count);
	if (!n)
		return false;
	job->fields = (struct frame){.at = job->message, .end = job->message + n};
	job->batch = frame_get_u64(&job->fields);
	uint32_t kind = frame_get_u32(&job->fields);
	job->is_check = (kind & WORKER_CHECKS) != 0;
	job->is_cover = (kind & WORKER_COVERS) != 0;
	job->kind = (enum media_kind)(kind & ~(uint32_t)(WORKER_CHECKS | WORKER_COVERS));
	uint32_t region = frame_get_u32(&job->fields);
	job->has_files = region == JOB_OF_FILES;
	job->heads = region < HEADS_REGIONS ? regions[region] : NULL;
	return true;
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
	atomic_store(&slot->since, mono_tick_ns());
	media_reset(media);
	int error = job->has_files ? extract_file(job->kind, &in, media, reason)
				   : worker_read_head(job->heads, ticket, job->kind, &in, media, reason);
	add_result(out, index, error, in.hash, reason, media);
}

static int64_t ns_of(struct timeval t)
{
	return t.tv_sec * NS_PER_S + t.tv_usec * 1000;
}

static void tell_usage(struct worker_slot *slot)
{
	struct rusage used;
	if (getrusage(RUSAGE_SELF, &used) < 0)
		return;
	uint64_t ns = (uint64_t)(ns_of(used.ru_utime) + ns_of(used.ru_stime));
	atomic_store(&slot->cpu_ns, ns ? ns : 1);
}

/** Whoever does not take it lets no file be read for longer than it may be. */
static int send_out(struct worker_slot *slot, const struct buf *out)
{
	atomic_store(&slot->since, 0);
	return out->error ? out->error : frame_send(WORKER_RESULTS, out->data, out->len);
}

/** The job's files are done with: says what became of them. */
static int answer(struct worker_slot *slot, struct job *job, struct buf *out)
{
	atomic_store(&slot->since, 0);
	close_all(job);
	tell_usage(slot);
	int r = send_out(slot, out);
	atomic_store(&slot->batch, 0);
	return r;
}

/** Files of which the results are written, @count of them since the frame at the start of @out began. */
struct results {
	struct buf *out;
	size_t count_at;
	uint32_t count;
};

static void begin_results(struct results *r, uint64_t batch)
{
	buf_reset(r->out);
	frame_begin(r->out, FRAME_RESULTS);
	frame_u64(r->out, batch);
	r->count_at = r->out->len;
	r->count = 0;
	frame_u32(r->out, 0);
}

static void end_results(struct results *r)
{
	if (!r->out->error)
		memcpy(r->out->data + r->count_at, &r->count, sizeof r->count);
	frame_end(r->out, 0);
}

/** What is much goes out before the rest of the batch, and what would be read again if it were lost. */
static bool is_due(const struct worker_slot *slot, const struct results *r)
{
	return r->out->len >= RESULTS_MUCH || atomic_load_explicit(&slot->tells_each, memory_order_relaxed);
}

static int send_results(struct worker_slot *slot, struct results *r, uint64_t batch)
{
	end_results(r);
	int e = send_out(slot, r->out);
	begin_results(r, batch);
	return e;
}

static int read_batch(struct worker_slot *slot, struct job *job, struct media *media, struct buf *out)
{
	struct results r = {.out = out};
	int e = 0;
	atomic_store(&slot->batch, job->batch);
	begin_results(&r, job->batch);
	for (int i = 0; job->fields.at < job->fields.end && !job->fields.is_bad && e == 0 &&
			(!job->has_files || i < job->count); i++) {
		read_one(slot, job, i, media, out);
		r.count++;
		if (is_due(slot, &r))
			e = send_results(slot, &r, job->batch);
	}
	end_results(&r);
	return e < 0 ? e : answer(slot, job, out);
}

static void beat(void *arg)
{
	struct worker_slot *slot = arg;
	atomic_store(&slot->since, mono_tick_ns());
}

/** Reads one file to its end.  Its deadline is one for each read: the file may be of any size. */
static int check_file(struct worker_slot *slot, struct job *job, struct buf *out)
{
	struct verify_result v = {.error = -EIO};
	atomic_store(&slot->batch, job->batch);
	atomic_store(&slot->index, 0);
	beat(slot);
	if (job->count)
		verify_whole(job->fd[0], beat, slot, &v);
	buf_reset(out);
	size_t start = frame_begin(out, FRAME_VERDICT);
	frame_u64(out, job->batch);
	frame_u32(out, (uint32_t)v.error);
	frame_u32(out, v.pages);
	frame_u64(out, v.read);
	frame_u64(out, v.size);
	frame_u64(out, (uint64_t)v.mtime);
	frame_u64(out, (uint64_t)v.ctime);
	frame_u64(out, (uint64_t)v.inode);
	frame_bytes(out, v.how, strlen(v.how));
	frame_bytes(out, v.reason, strlen(v.reason));
	frame_end(out, start);
	return answer(slot, job, out);
}

static int read_cover(struct worker_slot *slot, struct job *job, const struct cover_size *size, struct buf *jpeg, char *reason)
{
	struct stat st;
	if (job->count != 1)
		return -EIO;
	if (fstat(job->fd[0], &st) < 0)
		return -errno;
	struct extract_input in = {.fd = job->fd[0], .size = st.st_size > 0 ? (uint64_t)st.st_size : 0, .path = "",
				   .beat = beat, .arg = slot};
	return cover_read(&in, size, jpeg, reason);
}

/** Makes the cover of one volume.  Its deadline is one for each read, as a check's. */
static int make_cover(struct worker_slot *slot, struct job *job, struct buf *out)
{
	char reason[EXTRACT_REASON] = "";
	size_t n;
	struct frame *f = &job->fields;
	frame_get_u32(f);
	frame_get_bytes(f, &n);
	struct cover_size size = {.width = frame_get_u32(f), .height = frame_get_u32(f)};
	size.bytes = frame_get_u32(f);
	_buf_ struct buf jpeg = BUF_INIT(FRAME_MAX / 2);
	atomic_store(&slot->batch, job->batch);
	atomic_store(&slot->index, 0);
	beat(slot);
	int error = size.width && size.height ? read_cover(slot, job, &size, &jpeg, reason) : -EIO;
	buf_reset(out);
	size_t start = frame_begin(out, FRAME_COVERED);
	frame_u64(out, job->batch);
	frame_u32(out, (uint32_t)error);
	for (int i = 0; i < 4; i++)
		frame_u64(out, frame_get_u64(f));
	frame_bytes(out, reason, strlen(reason));
	frame_bytes(out, buf_str(&jpeg), error == 0 ? jpeg.len : 0);
	frame_end(out, start);
	return answer(slot, job, out);
}

/** Does what it says, unless it lay there for the one before. */
static int do_job(struct worker_slot *slot, struct job *job, struct media *media, struct buf *out)
{
	if (job->batch < atomic_load(&slot->first_batch)) {
		close_all(job);
		return 0;
	}
	if (job->is_cover)
		return make_cover(slot, job, out);
	return job->is_check ? check_file(slot, job, out) : read_batch(slot, job, media, out);
}

static struct worker_slot *own_slot;

/** Says that nobody else ended it; the signal comes again, and then ends it. */
static void on_death(int number)
{
	(void)number;
	if (own_slot)
		atomic_store(&own_slot->has_died, 1);
}

static void tell_of_death(void)
{
	static const int deaths[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	const struct sigaction action = {.sa_handler = on_death, .sa_flags = (int)SA_RESETHAND};
	struct sigaction before;
	/* a sanitizer has something to say of it */
	for (size_t i = 0; i < COUNT_OF(deaths); i++)
		if (sigaction(deaths[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(deaths[i], &action, NULL);
}

/** Waits for a place; NULL when there is none any more. */
static struct worker_slot *take_place(int *jobs)
{
	struct worker_place place;
	int fd[2 + HEADS_REGIONS], count;
	size_t n = pass_receive(WORKER_RESULTS, true, &place, sizeof place, fd, (int)COUNT_OF(fd), &count);
	if (n != sizeof place || count < 2)
		return NULL;
	struct worker_slot *slot =
		mmap(NULL, sizeof *slot, PROT_READ | PROT_WRITE, MAP_SHARED, fd[1], place.slot_at);
	close(fd[1]);
	*jobs = fd[0];
	for (int i = 2; i < count; i++) {
		regions[i - 2] = heads_map(fd[i], false);
		close(fd[i]);
	}
	return slot == MAP_FAILED ? NULL : slot;
}

/** Readers load what they load late now: later there is no file to load it from. */
static void warm(void)
{
	struct comic c;
	static const char comic[] = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><ComicInfo><Series>a</Series></ComicInfo>";
	comic_init(&c);
	comic_read(&c, COMIC_INFO, comic, sizeof comic - 1);
	comic_clear(&c);
	sandbox_warm(WORKER_RESULTS);
}

static struct media media;
static struct buf out = {.max = FRAME_MAX};

/** All that needs a file, or time. */
static void prepare(void)
{
	/* in an endless loop it would not see that the indexer is gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	shed_code();
	tell_of_death();
	media_init(&media);
	warm();
	shed_code();
	sandbox_hide(WORKER_RESULTS);
}

static void work(enum sandbox_mode mode)
{
	static struct job job;
	int jobs;
	uint64_t held_by = sandbox_enter(sandbox_wanted(mode));
	struct worker_slot *slot = take_place(&jobs);
	if (!slot)
		return;
	own_slot = slot;
	tell_usage(slot);
	atomic_store(&slot->sandbox, held_by);
	extract_allow(atomic_load(&slot->archives));
	if (mode != SANDBOX_REQUIRED || sandbox_is_whole(held_by))
		while (!atomic_load(&slot->must_leave) && receive_job(jobs, &job) &&
		       do_job(slot, &job, &media, &out) == 0)
			continue;
	if (atomic_load(&slot->must_leave))
		atomic_store(&slot->has_left, 1);
}

int worker_main(char *role, const char *mode)
{
	int word = sandbox_mode_of(mode);
	if (word < 0)
		return 1;
	prepare();
	if (strcmp(role, WORKER_NURSERY) != 0 || (sandbox_is_ready() && nursery_serve(role)))
		work((enum sandbox_mode)word);
	media_clear(&media);
	buf_clear(&out);
	return 0;
}
