/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which file is read to its end next: what is new or changed, then the one read longest ago; or those of a job. */
#include "indexer/pipeline_integrity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"

enum {
	/** What could not be read is tried again after this time. */
	AGAIN_S = 3600,
	/** File numbers that one question to the store looks at; files that are given up in one go. */
	RANGE = 10000,
	AT_ONCE = 200,
	/** Between two looks at all of the index: at least, and in times of what the last one cost. */
	REST_S = 2,
	REST_TIMES = 200,
	TELL_S = 2,
};

static const char CHECK[] = "verify files ";

bool integrity_is_job(const char *words)
{
	return strncmp(words, CHECK, sizeof CHECK - 1) == 0;
}

/* --- what is due by itself --- */

static bool is_word(const struct pipeline *p, enum option_id id, const char *word)
{
	return strcmp(config_text(p->o.config, id), word) == 0;
}

static struct store_check_rule rule_of(const struct pipeline *p)
{
	int64_t now = now_ns();
	return (struct store_check_rule){
		.music = !is_word(p, OPT_verify_audio, "off"), .manga = !is_word(p, OPT_verify_archives, "off"),
		.settled = now - config_int(p->o.config, OPT_verify_delay), .again = now - AGAIN_S * NS_PER_S, .now = now,
	};
}

/** The file that a question found is begun, when the budget has room for it. */
struct found {
	struct pipeline *p;
	int64_t file;
	bool is_begun, is_over;
};

static int take_found(void *arg, const struct store_check *check)
{
	struct found *f = arg;
	f->file = check->file;
	f->is_over = !integrity_may_read(f->p, check->size);
	f->is_begun = !f->is_over && integrity_begin_file(f->p, check, false) > 0;
	return 0;
}

static void rest(struct checker *c, int64_t ns)
{
	c->rest_until = mono_ns() + ns;
}

/** All of the index was looked at, and nothing is new: then what was read longest ago. */
static bool take_oldest(struct pipeline *p, struct found *f)
{
	struct store_check_rule rule = rule_of(p);
	rule.music = is_word(p, OPT_verify_audio, "rolling");
	rule.manga = is_word(p, OPT_verify_archives, "rolling");
	if (!rule.music && !rule.manga)
		return false;
	int64_t before = rule.now - config_int(p->o.config, OPT_verify_interval);
	return store_check_oldest(p->store, &rule, before, take_found, f) == 0;
}

static void end_pass(struct pipeline *p, struct found *f)
{
	struct checker *c = &p->checker;
	int64_t pause = REST_TIMES * c->spent;
	c->cursor = c->spent = 0;
	if (take_oldest(p, f) && f->is_begun)
		return;
	if (!f->is_over)
		rest(c, pause > REST_S * NS_PER_S ? pause : REST_S * NS_PER_S);
}

void integrity_begin_due(struct pipeline *p)
{
	struct checker *c = &p->checker;
	struct store_check_rule rule = rule_of(p);
	struct found f = {.p = p};
	int64_t dir, last, start = mono_ns();
	if ((!rule.music && !rule.manga) || start < c->rest_until || store_last_ids(p->store, &dir, &last) < 0)
		return;
	int r = 0;
	/* files whose root is away are passed by */
	for (int i = 0; i < AT_ONCE && r == 0 && !f.is_begun && !f.is_over; i++) {
		r = store_check_due(p->store, &rule, c->cursor, c->cursor + RANGE, take_found, &f);
		if (r == 0 && !f.is_over)
			c->cursor = f.file;
	}
	c->spent += mono_ns() - start;
	if (r == -ENOENT)
		c->cursor += RANGE;
	if (r == -ENOENT && c->cursor >= last)
		end_pass(p, &f);
	if (f.is_over)
		rest(c, INTEGRITY_HOUR_NS - now_ns() % INTEGRITY_HOUR_NS);
}

/* --- what is ordered --- */

static int add_file(void *arg, int64_t file)
{
	struct checker *c = arg;
	int64_t *slot = vec_add(&c->files);
	if (!slot)
		return -ENOMEM;
	*slot = file;
	return 0;
}

static int count_file(void *arg, int64_t file)
{
	(void)file;
	++*(uint64_t *)arg;
	return 0;
}

/** One file by its path, unless it was read since @since. */
static void add_one(struct pipeline *p, int scout, const char *below)
{
	int64_t dir;
	bool cover;
	struct store_file row;
	const char *slash = strrchr(below, '/'), *name = slash ? slash + 1 : below;
	if (store_dir(p->store, p->row[scout].id, below, slash ? (size_t)(slash - below) : 0, &dir, &cover) == 0 &&
	    store_file_find(p->store, dir, name, strlen(name), &row) == 0)
		add_file(&p->checker, row.id);
}

static void add_below(struct pipeline *p, int scout, const char *below, int64_t since)
{
	struct checker *c = &p->checker;
	uint64_t all = 0;
	size_t start = c->files.len;
	store_check_below(p->store, p->row[scout].id, below, strlen(below), INT64_MAX, count_file, &all);
	store_check_below(p->store, p->row[scout].id, below, strlen(below), since, add_file, c);
	c->before += all - (c->files.len - start);
	if (*below)
		add_one(p, scout, below);
}

static void tell_job(struct pipeline *p, const char *state, const char *result, int64_t ended_at)
{
	struct checker *c = &p->checker;
	c->told_at = mono_ns();
	job_put(p, &(struct job_state){.id = c->job, .started_at = c->job_started_at, .ended_at = ended_at,
				       .done = c->before + c->next, .total = c->before + c->files.len, .state = state,
				       .result = result});
}

static void begin_job(struct pipeline *p, int64_t id, const char *words, int64_t since)
{
	struct checker *c = &p->checker;
	const char *target = words + sizeof CHECK - 1, *kind, *below;
	c->job = id;
	c->job_started_at = now_ns();
	c->files.len = c->next = 0;
	c->before = c->skipped = 0;
	memset(c->verdicts, 0, sizeof c->verdicts);
	int scout = *target == '/' ? pipeline_find_root(p, target, &kind, &below) : -1;
	if (scout >= 0)
		add_below(p, scout, below, since);
	for (size_t i = 0; i < p->scouts && *target != '/'; i++)
		if (strcmp(target, "all") == 0 || strcmp(target, pipeline_kind(p->scout[i].kind)) == 0)
			add_below(p, (int)i, "", since);
	LIVE_SET(p, check_before, c->before);
	LIVE_SET(p, check_job, (uint64_t)id);
	tell_job(p, "running", "", 0);
	job_put_event(p, id, words, "running", "");
}

static void end_job(struct pipeline *p)
{
	struct checker *c = &p->checker;
	_buf_ struct buf result = BUF_INIT(1024), words = BUF_INIT(1 << 13);
	buf_addf(&result, "%llu files", (unsigned long long)(c->before + c->files.len));
	for (int v = 0; v < VERDICT_COUNT; v++)
		buf_addf(&result, "%s%llu %s", v ? ", " : ": ", (unsigned long long)c->verdicts[v], VERDICT_NAMES[v]);
	if (c->skipped)
		buf_addf(&result, ", %llu not there", (unsigned long long)c->skipped);
	tell_job(p, "done", buf_str(&result), now_ns());
	{
		LOCKED(&p->lock);
		struct job *job = job_find(p, c->job);
		if (job) {
			buf_adds(&words, job->words);
			free(job->words);
			size_t i = (size_t)(job - p->jobs.data);
			memmove(job, job + 1, (p->jobs.len - i - 1) * sizeof *job);
			p->jobs.len--;
		}
	}
	job_put_event(p, c->job, buf_str(&words), "done", buf_str(&result));
	c->job = 0;
}

/** Whether the job that runs is still to be done; else a new one is begun when there is one. */
bool integrity_follow_job(struct pipeline *p)
{
	struct checker *c = &p->checker;
	struct job next = {0};
	_free_ char *words = NULL;
	{
		LOCKED(&p->lock);
		const struct job *job = c->job ? job_find(p, c->job) : NULL;
		if (job && !job->is_paused)
			return true;
		c->job = 0;
		for (size_t i = 0; i < p->jobs.len && !next.id; i++)
			if (p->jobs.data[i].is_check && !p->jobs.data[i].is_paused)
				next = p->jobs.data[i];
		words = next.id ? strdup(next.words) : NULL;
	}
	if (words)
		begin_job(p, next.id, words, next.submitted_at);
	return false;
}

static int begin_ordered(void *arg, const struct store_check *check)
{
	return integrity_begin_file(arg, check, true);
}

void integrity_step_job(struct pipeline *p)
{
	struct checker *c = &p->checker;
	for (int i = 0; i < AT_ONCE && c->job && !c->id && c->next < c->files.len; i++) {
		int r = store_check_file(p->store, c->files.data[c->next++], begin_ordered, p);
		c->skipped += r <= 0;
	}
	if (c->job && mono_ns() - c->told_at > TELL_S * NS_PER_S)
		tell_job(p, "running", "", 0);
	if (c->job && !c->id && c->next >= c->files.len)
		end_job(p);
}
