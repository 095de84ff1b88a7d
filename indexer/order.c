/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/ctl.h"
#include "common/log.h"
#include "common/orders.h"
#include "common/path.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/chapters.h"

enum {
	LINES_MAX = 64,
	/** A full queue is waited for at most this long, to note an answer. */
	REMEMBER_MS = 200,
};

/** One order line. */
struct line {
	struct orders *o;
	enum order_id id;
	/** Without the newline; NUL-terminated. */
	char *words;
	const char *token;
	int number;
	struct buf *answer;
};

/** Appends a word of the user as it may be shown, in quotes. */
static void quote(struct buf *out, const char *word, size_t n)
{
	enum { SHOWN = 120 };
	size_t cut = text_cut(word, n, SHOWN);
	buf_addc(out, '"');
	text_escape(word, cut, out);
	buf_adds(out, cut < n ? "…\"" : "\"");
}

static int refuse(const struct line *l, int error, const char *word, const char *why)
{
	quote(l->answer, word, strlen(word));
	buf_addf(l->answer, " %s; control/%s takes: %s", why, ORDERS_TABLE[l->id].name,
		 ORDERS_TABLE[l->id].grammar);
	return error;
}

/* --- rescan --- */

/** Appends the clean path to the order as it is stored. */
static int check_path(const struct line *l, const char *target, struct buf *out)
{
	const char *kind, *below;
	size_t start = out->len;
	if (path_has_dotdot(target))
		return refuse(l, EINVAL, target, "has \"..\" in it");
	path_clean(target, out);
	if (pipeline_find_root(l->o->pipeline, buf_str(out) + start, &kind, &below) < 0) {
		quote(l->answer, target, strlen(target));
		buf_adds(l->answer, " is in none of the folders that are watched (see status/roots)");
		return ENOENT;
	}
	return 0;
}

/** The order as it is stored: single spaces, a clean path. */
static int canonical_rescan(const struct line *l, struct buf *out)
{
	static const char *const names[] = {"all", "music", "manga", "links"};
	const char *target = l->words;
	const char *how = l->id == ORDER_rescan ? "full" : "files";
	size_t n = strlen(how);
	buf_addf(out, "%s ", ORDERS_TABLE[l->id].name);
	if (strncmp(target, how, n) == 0 && (target[n] == ' ' || target[n] == '\t')) {
		buf_addf(out, "%s ", how);
		target += n + strspn(target + n, " \t");
	}
	if (*target == '/')
		return check_path(l, target, out);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(target, names[i]) == 0)
			return buf_adds(out, target) < 0 ? ENOMEM : 0;
	return refuse(l, EINVAL, target, "is no scan that I know");
}

static int check_rescan(struct line *l)
{
	_buf_ struct buf words = BUF_INIT(8192);
	return canonical_rescan(l, &words);
}

/** Makes the job durable and gives it to the pipeline. */
static int add_job(const struct line *l, const struct buf *words)
{
	int64_t id = 0;
	char token[CTL_TOKEN + 8];
	/* each line of one write is an order of its own */
	snprintf(token, sizeof token, "%s-%d", l->token, l->number);
	struct change *c = change_new(CHANGE_ADD_JOB, words->len + sizeof token + 2);
	if (!c)
		return ENOMEM;
	c->name = change_copy(c, buf_str(words), words->len);
	c->error_kind = change_copy(c, token, strlen(token));
	int r = writer_call(l->o->writer, c, &id);
	if (r < 0) {
		buf_addf(l->answer, "the order could not be stored: %s", strerror(-r));
		return -r;
	}
	pipeline_add_job(l->o->pipeline, id, buf_str(words));
	buf_addf(l->answer, "accepted as job %lld: ", (long long)id);
	text_escape(buf_str(words), words->len, l->answer);
	return 0;
}

static int do_rescan(struct line *l)
{
	_buf_ struct buf words = BUF_INIT(8192);
	int r = canonical_rescan(l, &words);
	return r ? r : add_job(l, &words);
}

/* --- accept-loss --- */

/** "music 30" → the name's length and the number; EINVAL. */
static int split_loss(const struct line *l, size_t *n, int64_t *count)
{
	const char *space = strrchr(l->words, ' ');
	char *end = NULL;
	*count = space ? strtoll(space + 1, &end, 10) : 0;
	if (!space || !end || *end || *count <= 0)
		return refuse(l, EINVAL, l->words, "is not a name and a number");
	*n = (size_t)(space - l->words);
	while (*n && l->words[*n - 1] == ' ')
		--*n;
	return 0;
}

/** Links are held by those who look at them. */
static bool is_loss_of_links(const struct line *l, size_t n)
{
	return mender_accept_loss(l->o->mender, l->words, n, 0, false) != -ENOENT;
}

static int accept_links(struct line *l, size_t n, int64_t count, bool act)
{
	int r = mender_accept_loss(l->o->mender, l->words, n, count, act);
	if (r == -EINVAL)
		buf_addf(l->answer, "%.*s does not hold %lld links: look at status/symlinks again", (int)n,
			 l->words, (long long)count);
	else if (r < 0)
		buf_addf(l->answer, "the order could not be stored: %s", strerror(-r));
	else if (act)
		buf_addf(l->answer, "%lld links of %.*s are believed to have lost their target", (long long)count,
			 (int)n, l->words);
	return -r;
}

static int check_loss(struct line *l)
{
	size_t n;
	int64_t count, held = 0;
	int r = split_loss(l, &n, &count);
	if (r)
		return r;
	if (is_loss_of_links(l, n))
		return accept_links(l, n, count, false);
	r = pipeline_check_loss(l->o->pipeline, l->words, n, count, &held);
	if (r == -ENOENT)
		return refuse(l, ENOENT, l->words, "names no folder of status/roots");
	if (r == -EBUSY)
		buf_addf(l->answer, "no loss of %.*s is held", (int)n, l->words);
	if (r == -EINVAL)
		buf_addf(l->answer, "%.*s holds %lld files, not %lld: look at status/roots again", (int)n,
			 l->words, (long long)held, (long long)count);
	return -r;
}

static int do_loss(struct line *l)
{
	_buf_ struct buf words = BUF_INIT(8192);
	size_t n;
	int64_t count;
	int r = check_loss(l);
	if (r)
		return r;
	split_loss(l, &n, &count);
	if (is_loss_of_links(l, n))
		return accept_links(l, n, count, true);
	buf_addf(&words, "accept-loss %.*s %lld", (int)n, l->words, (long long)count);
	return add_job(l, &words);
}

/* --- pause, resume, cancel --- */

static int job_number(const char *word, int64_t *id)
{
	char *end;
	errno = 0;
	long long v = strtoll(word, &end, 10);
	if (end == word || *end || errno || v <= 0)
		return -EINVAL;
	*id = v;
	return 0;
}

static int act_on_search(const struct line *l)
{
	if (!l->o->finder)
		return -EBUSY;
	return l->id == ORDER_cancel ? finder_cancel(l->o->finder)
				     : finder_pause(l->o->finder, l->id == ORDER_pause);
}

static int act_on_repair(const struct line *l)
{
	return l->id == ORDER_cancel ? mender_cancel(l->o->mender)
				     : mender_pause(l->o->mender, l->id == ORDER_pause);
}

static int act_on_checks(const struct line *l)
{
	return l->id == ORDER_cancel ? pipeline_cancel_checks(l->o->pipeline)
				     : pipeline_pause_checks(l->o->pipeline, l->id == ORDER_pause);
}

/** What is no scan and has no job number. */
static const struct {
	const char *word;
	int (*act)(const struct line *l);
} actors[] = {
	{"search", act_on_search},
	{"repair", act_on_repair},
	{"verify", act_on_checks},
};

static int find_actor(const struct line *l)
{
	for (size_t i = 0; i < COUNT_OF(actors); i++)
		if (strcmp(actors[i].word, l->words) == 0)
			return (int)i;
	return -1;
}

static int check_job(struct line *l)
{
	int64_t id;
	if (strcmp(l->words, "scan") == 0 || strcmp(l->words, "all") == 0 || find_actor(l) >= 0)
		return 0;
	if (job_number(l->words, &id) < 0)
		return refuse(l, EINVAL, l->words, "is neither");
	return pipeline_has_job(l->o->pipeline, id)
		       ? 0
		       : refuse(l, ENOENT, l->words, "is no job that waits or runs");
}

static const struct {
	enum order_id id;
	enum pipeline_act act;
} acts[] = {
	{ORDER_pause, PIPELINE_PAUSE},
	{ORDER_resume, PIPELINE_RESUME},
	{ORDER_cancel, PIPELINE_CANCEL},
};

static enum pipeline_act act_of(enum order_id id)
{
	for (size_t i = 0; i < COUNT_OF(acts); i++)
		if (acts[i].id == id)
			return acts[i].act;
	return PIPELINE_CANCEL;
}

/** "all" is done when there was anything to do. */
static int act_on(const struct line *l)
{
	int64_t id = 0;
	job_number(l->words, &id);
	if (find_actor(l) >= 0)
		return actors[find_actor(l)].act(l);
	int r = pipeline_act(l->o->pipeline, act_of(l->id), id);
	if (strcmp(l->words, "all") != 0 || (r < 0 && r != -EBUSY))
		return r;
	for (size_t i = 0; i < COUNT_OF(actors); i++) {
		int other = actors[i].act(l);
		if (other < 0 && other != -EBUSY)
			return other;
		if (other == 0 && l->id != ORDER_cancel)
			r = 0;
	}
	return r;
}

static int do_job(struct line *l)
{
	int r = act_on(l);
	if (r == -ENOENT)
		return refuse(l, ENOENT, l->words, "is no job that waits or runs");
	if (r == -EBUSY) {
		buf_addf(l->answer, "there is nothing to %s", ORDERS_TABLE[l->id].name);
		return EBUSY;
	}
	if (r < 0) {
		buf_addf(l->answer, "the order could not be stored: %s", strerror(-r));
		return -r;
	}
	r = writer_flush(l->o->writer);
	buf_addf(l->answer, "%s: done", ORDERS_TABLE[l->id].name);
	if (r < 0)
		buf_addf(l->answer, ", but it is not stored yet: %s", strerror(-r));
	return -r;
}

/* --- search, grab, monitor, refresh, dry-run --- */

static int find_order(struct line *l, bool act)
{
	static const struct {
		enum order_id id;
		int (*run)(struct finder *f, const char *words, bool act, struct buf *answer);
	} rows[] = {
		{ORDER_search, finder_search},	 {ORDER_grab, finder_grab},
		{ORDER_monitor, finder_monitor}, {ORDER_refresh, finder_refresh},
		{ORDER_dry_run, finder_dry_run},
	};
	if (!l->o->finder) {
		buf_adds(l->answer, "searching could not be started: see the log");
		return EAGAIN;
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].id == l->id)
			return rows[i].run(l->o->finder, l->words, act, l->answer);
	return EINVAL;
}

/** What a check would say of an order that is good is said when it is done. */
static int check_find(struct line *l)
{
	size_t before = l->answer->len;
	int r = find_order(l, false);
	if (r == 0 && l->answer->data)
		l->answer->data[l->answer->len = before] = '\0';
	return r;
}

static int do_find(struct line *l)
{
	int r = find_order(l, true);
	if (r == 0 && l->id == ORDER_dry_run)
		mender_poke(l->o->mender);
	return r;
}

/* --- repair, apply, undo --- */

static int mend_order(struct line *l, bool act)
{
	static const struct {
		enum order_id id;
		int (*run)(struct mender *m, const char *words, bool act, struct buf *answer);
	} rows[] = {{ORDER_repair, mender_repair}, {ORDER_apply, mender_apply}, {ORDER_undo, mender_undo}};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].id == l->id)
			return rows[i].run(l->o->mender, l->words, act, l->answer);
	return EINVAL;
}

static int check_mend(struct line *l)
{
	size_t before = l->answer->len;
	int r = mend_order(l, false);
	if (r == 0 && l->answer->data)
		l->answer->data[l->answer->len = before] = '\0';
	return r;
}

static int do_mend(struct line *l)
{
	return mend_order(l, true);
}

/* --- reload, log-level, quit --- */

static int check_word(const struct line *l, const char *word)
{
	return strcmp(l->words, word) == 0 ? 0 : refuse(l, EINVAL, l->words, "is not understood");
}

static int check_reload(struct line *l)
{
	return check_word(l, "config");
}

static int do_reload(struct line *l)
{
	_buf_ struct buf why = BUF_INIT(8192);
	int r = l->o->reload(l->o->arg, &why);
	if (r < 0) {
		buf_adds(l->answer, "the configuration is refused, the old one stays: ");
		text_escape(buf_str(&why), why.len, l->answer);
		return EINVAL;
	}
	buf_adds(l->answer, "the configuration was read again");
	if (why.len)
		buf_addf(l->answer, "; %s", buf_str(&why));
	return 0;
}

static int check_level(struct line *l)
{
	return log_level_of(l->words) >= 0 ? 0 : refuse(l, EINVAL, l->words, "is no level");
}

static int do_level(struct line *l)
{
	log_set_level((enum log_level)log_level_of(l->words));
	buf_addf(l->answer, "the indexer logs at level %s", l->words);
	return 0;
}

static int check_quit(struct line *l)
{
	return check_word(l, "now");
}

static int do_quit(struct line *l)
{
	l->o->quit(l->o->arg);
	buf_adds(l->answer, "the indexer ends");
	return 0;
}

/** What each order of the table means here. */
static const struct {
	int (*check)(struct line *l);
	int (*act)(struct line *l);
	/** Needs neither the store nor the folders. */
	bool is_always_taken;
	/** Instead of the two above: all lines are one change. */
	int (*all)(struct writer *w, char *const *lines, size_t n, struct buf *answer);
} handlers[ORDER_COUNT] = {
	[ORDER_rescan] = {check_rescan, do_rescan, false},
	[ORDER_pause] = {check_job, do_job, false},
	[ORDER_resume] = {check_job, do_job, false},
	[ORDER_cancel] = {check_job, do_job, false},
	[ORDER_verify] = {check_rescan, do_rescan, false},
	[ORDER_accept_loss] = {check_loss, do_loss, false},
	[ORDER_search] = {check_find, do_find, false},
	[ORDER_grab] = {check_find, do_find, false},
	[ORDER_monitor] = {check_find, do_find, false},
	[ORDER_refresh] = {check_find, do_find, false},
	[ORDER_dry_run] = {check_find, do_find, false},
	[ORDER_repair] = {check_mend, do_mend, false},
	[ORDER_apply] = {check_mend, do_mend, false},
	[ORDER_undo] = {check_mend, do_mend, false},
	[ORDER_chapter] = {.all = chapters_order},
	[ORDER_reload] = {check_reload, do_reload, false},
	[ORDER_log_level] = {check_level, do_level, true},
	[ORDER_quit] = {check_quit, do_quit, true},
};

/** An order that cannot be kept is not taken, and nobody waits for the disk. */
static int check_store(const struct orders *o, enum order_id id, struct buf *answer)
{
	int error = writer_error(o->writer);
	if (handlers[id].is_always_taken)
		return 0;
	if (error) {
		buf_addf(answer, "the store cannot be written (%s): the order was not taken",
			 strerror(error));
		return error;
	}
	if (!o->pipeline) {
		buf_adds(answer, "the indexer is starting: the order was not taken");
		return EAGAIN;
	}
	return 0;
}

/* --- lines --- */

/** Cuts @text (changed) into lines without blanks at their ends; blank lines are dropped. */
static size_t split(char *text, char **lines)
{
	size_t n = 0;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line && n <= LINES_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t\r");
		size_t len = strlen(line);
		while (len && strchr(" \t\r", line[len - 1]))
			line[--len] = '\0';
		if (len)
			lines[n++] = line;
	}
	return n;
}

static int handle_lines(struct orders *o, enum order_id id, const char *token, char **lines,
			size_t n, struct buf *answer)
{
	struct line l = {.o = o, .id = id, .token = token, .answer = answer};
	int error = check_store(o, id, answer);
	if (error)
		return error;
	if (handlers[id].all)
		return handlers[id].all(o->writer, lines, n, answer);
	for (size_t i = 0; i < n; i++) {
		l.words = lines[i];
		int r = handlers[id].check(&l);
		if (r)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		l.words = lines[i];
		l.number = (int)i;
		if (i)
			buf_adds(answer, "; ");
		int r = handlers[id].act(&l);
		if (r)
			return r;
	}
	return 0;
}

static int handle(struct orders *o, const char *token, const char *file, const char *text, size_t n,
		  struct buf *answer)
{
	char *lines[LINES_MAX + 1];
	enum order_id id = order_find(file, strlen(file));
	if (id == ORDER_COUNT) {
		buf_addf(answer, "there is no control/%s", file);
		return ENOENT;
	}
	if (n > ORDER_MAX) {
		buf_addf(answer, "an order has at most %d bytes, this one has %zu", ORDER_MAX, n);
		return E2BIG;
	}
	if (memchr(text, '\0', n)) {
		buf_adds(answer, "an order is text: this one has a NUL byte");
		return EINVAL;
	}
	_free_ char *copy = strndup(text, n);
	if (!copy)
		return ENOMEM;
	size_t count = split(copy, lines);
	if (count > LINES_MAX) {
		buf_addf(answer, "at most %d orders can be given at once", LINES_MAX);
		return E2BIG;
	}
	if (!count) {
		buf_addf(answer, "the order is blank; control/%s takes: %s", file,
			 ORDERS_TABLE[id].grammar);
		return EINVAL;
	}
	return handle_lines(o, id, token, lines, count, answer);
}

/** Keeps the answer for control/last; what this mount was told is in the mount anyway. */
static void remember(struct orders *o, const char *file, int verdict, const struct buf *answer)
{
	_buf_ struct buf text = BUF_INIT(1 << 16);
	time_rfc3339(now_ns(), &text);
	buf_addf(&text, " %s: %s: %s\n", file, verdict ? strerrorname_np(verdict) : "ok",
		 buf_str(answer));
	struct change *c = change_new(CHANGE_META, text.len + 1);
	if (!c)
		return;
	c->name = "last_order";
	c->dir = change_copy(c, buf_str(&text), text.len);
	c->of = TOPIC_BIT(orders);
	writer_offer(o->writer, c, REMEMBER_MS);
}

int orders_handle(struct orders *o, const char *token, const char *file, const char *text, size_t n,
		  struct buf *answer)
{
	int verdict = handle(o, token, file, text, n, answer);
	remember(o, file, verdict, answer);
	return verdict;
}
