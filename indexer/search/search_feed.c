/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What was posted lately, against all that is wanted: one reading serves every series. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/search/search_private.h"

/** A title that is wanted. */
struct title {
	char *key;
	int64_t series;
};

typedef VEC(struct title) titles;

static int add_title(titles *list, const char *text, size_t n, int64_t series)
{
	struct buf key = BUF_INIT(1 << 14);
	judge_key(text, n, &key);
	struct title *t = key.len ? vec_add(list) : NULL;
	if (!t) {
		buf_clear(&key);
		return 0;
	}
	t->series = series;
	t->key = buf_take(&key);
	if (!t->key)
		list->len--;
	return 0;
}

static void add_lines(titles *list, const char *lines, int64_t series)
{
	for (const char *p = lines; *p;) {
		size_t n = strcspn(p, "\n");
		add_title(list, p, n, series);
		p += n + (p[n] == '\n');
	}
}

static int take_series(void *arg, int64_t series, const char *title, const char *mine,
		       const char *theirs)
{
	add_title(arg, title, strlen(title), series);
	add_lines(arg, mine, series);
	add_lines(arg, theirs, series);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct title *)a)->key, ((const struct title *)b)->key);
}

static void clear_titles(titles *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->data[i].key);
	vec_clear(list);
}

/** A post and the series that it may be of. */
struct post {
	int64_t series;
	size_t found;
	bool is_guess;
};

static int by_series(const void *a, const void *b)
{
	const struct post *x = a, *y = b;
	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	if (x->found != y->found)
		return x->found < y->found ? -1 : 1;
	return x->is_guess - y->is_guess;
}

typedef VEC(struct post) post_list;

/** Every series of that title: there may be several.  Whether there is one. */
static bool add_posts(const titles *list, const char *key, struct post post, post_list *posts)
{
	struct title wanted = {.key = (char *)key};
	const struct title *t = *key && list->len
		? bsearch(&wanted, list->data, list->len, sizeof wanted, by_key) : NULL;
	if (!t)
		return false;
	while (t > list->data && strcmp(t[-1].key, key) == 0)
		t--;
	for (; t < list->data + list->len && strcmp(t->key, key) == 0; t++) {
		struct post *p = vec_add(posts);
		post.series = t->series;
		if (p)
			*p = post;
	}
	return true;
}

/**
 * The parser takes "100" of "Mob Psycho 100 T03" for a volume and "Perfect Edition" for an edition, and of
 * several titles it tells them all: the judge knows better when it knows the series.  It is asked about every one whose
 * title the name begins with.
 */
static void add_guesses(const titles *wanted, const struct release *r, size_t i, post_list *posts)
{
	struct buf key = BUF_INIT(1 << 14);
	const char *title = r->title;
	while (*title == '[' && strchr(title, ']'))
		title = strchr(title, ']') + 1;
	judge_key(title, strlen(title), &key);
	char *words = key.len ? key.data : NULL;
	for (size_t n = key.len; words && n > 0; n--) {
		if (words[n] != '\0' && words[n] != ' ')
			continue;
		words[n] = '\0';
		add_posts(wanted, words, (struct post){.found = i, .is_guess = true}, posts);
	}
	buf_clear(&key);
}

/** A post is told of a series once, and as one that is surely of it when it is. */
static void sort_posts(post_list *posts)
{
	size_t n = 0;
	if (posts->len)
		qsort(posts->data, posts->len, sizeof *posts->data, by_series);
	for (size_t i = 0; i < posts->len; i++)
		if (!n || posts->data[n - 1].series != posts->data[i].series ||
		    posts->data[n - 1].found != posts->data[i].found)
			posts->data[n++] = posts->data[i];
	posts->len = n;
}

static void match(const found_list *list, const titles *wanted, post_list *posts)
{
	struct buf by_title = BUF_INIT(1 << 14), by_context = BUF_INIT(1 << 14);
	for (size_t i = 0; i < list->len; i++) {
		const struct release *r = &list->data[i].release;
		buf_reset(&by_title);
		buf_reset(&by_context);
		judge_keys(r, &by_title, &by_context);
		if (!add_posts(wanted, buf_str(&by_title), (struct post){.found = i}, posts))
			add_posts(wanted, buf_str(&by_context), (struct post){.found = i}, posts);
		add_guesses(wanted, r, i, posts);
	}
	buf_clear(&by_title);
	buf_clear(&by_context);
	sort_posts(posts);
}

/** The posts of one series, judged and kept. */
static int answer(struct seeker *k, const found_list *list, const struct post *post, size_t n,
		  int64_t now)
{
	struct series_facts f;
	found_list some = {0};
	int r = facts_load(k, post->series, &f);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = found_add(&some, &list->data[post[i].found].release);
		if (r == 0)
			some.data[some.len - 1].is_guess = post[i].is_guess;
	}
	r = r > 0 ? 0 : r;
	if (r == 0)
		r = series_answer(k, &f, &some, NULL, now);
	found_clear(&some);
	facts_clear(&f);
	return r;
}

static int keep_posts(struct seeker *k, const found_list *list, int64_t now)
{
	titles wanted = {0};
	post_list posts = {0};
	bool monitored = config_int(k->search->o.config, OPT_monitor_default) != 0;
	int r = store_wanted_series(k->store, monitored, take_series, &wanted);
	if (wanted.len)
		qsort(wanted.data, wanted.len, sizeof *wanted.data, by_key);
	if (r == 0)
		match(list, &wanted, &posts);
	for (size_t i = 0, end; i < posts.len && r == 0; i = end) {
		for (end = i + 1; end < posts.len && posts.data[end].series == posts.data[i].series;)
			end++;
		r = answer(k, list, &posts.data[i], end - i, now);
		/* the series may be gone by now */
		r = r == -ENOENT ? 0 : r;
	}
	clear_titles(&wanted);
	vec_clear(&posts);
	return r;
}

/* --- when --- */

struct feed_row {
	struct buf mark;
	int64_t at, tried_at, next_at;
};

static int take_feed(void *arg, const struct store_feed *f)
{
	struct feed_row *row = arg;
	row->at = f->at;
	row->tried_at = f->tried_at;
	row->next_at = f->next_at;
	return buf_adds(&row->mark, f->mark);
}

/** What a reading takes when nothing special is: the least of the last ones; a first reading, and one
 * after a flood, take more.  1 until that is known. */
static int usual_calls(const struct seeker *k)
{
	int least = k->read[0];
	for (size_t i = 1; i < COUNT_OF(k->read); i++)
		least = k->read[i] < least ? k->read[i] : least;
	return least > 0 ? least : 1;
}

static void note_calls(struct seeker *k, int calls)
{
	memmove(&k->read[1], &k->read[0], sizeof k->read - sizeof k->read[0]);
	k->read[0] = calls;
	k->feed_calls = usual_calls(k);
}

int64_t feed_interval(const struct seeker *k)
{
	struct limit_status s;
	int64_t interval =
		k->source->recent ? config_int(k->search->o.config, k->source->feed_interval) : 0;
	if (!interval || !k->source->host ||
	    limit_status(k->search->o.net->limit, k->source->host, net_now(k->search->o.net), &s) < 0)
		return interval;
	return plan_feed(interval, usual_calls(k), s.rule.per_day);
}

static int64_t calls_of(const struct seeker *k, int64_t now)
{
	struct limit_status s;
	if (!k->source->host || limit_status(k->search->o.net->limit, k->source->host, now, &s) < 0)
		return 0;
	return s.row.calls;
}

static int read_feed(struct seeker *k, struct feed_row *row, int64_t now)
{
	found_list list = {0};
	char why[WHY] = "";
	int64_t at = 0, before = calls_of(k, now);
	struct store_feed f = {.outcome = "read", .error = "", .at = now, .tried_at = now,
			       .next_at = now + feed_interval(k)};
	int r = k->source->recent(k->state, &row->mark, found_add, &list, &at, why);
	r = r > 0 ? 0 : r;
	if (r == -EAGAIN || r == -ECANCELED) {
		seeker_close(k, now, at > now ? at : now + NS_PER_S);
	} else if (r == 0) {
		atomic_store(&k->failures, 0);
		note_calls(k, (int)(calls_of(k, now) - before));
		f.next_at = now + feed_interval(k);
		/* the mark moves when its posts are kept */
		r = keep_posts(k, &list, now);
		f.mark = buf_str(&row->mark);
		f.posts = (int64_t)list.len;
		if (r == 0)
			r = finds_feed(k->search->o.writer, k->source->name, &f);
	} else {
		seeker_failed(k, now, at);
		log_warning("the feed of %s cannot be read: %s", k->source->name, why);
		f = (struct store_feed){.mark = buf_str(&row->mark), .outcome = "failed", .error = why,
					.at = row->at, .tried_at = now, .next_at = k->closed_until};
		finds_feed(k->search->o.writer, k->source->name, &f);
	}
	found_clear(&list);
	return r;
}

int feed_step(struct seeker *k, int64_t now, int64_t *next_at)
{
	struct store_flows flows = series_flows(k);
	int64_t interval = feed_interval(k);
	if (!interval || (!flows.missing && !flows.fresh))
		return 0;
	struct feed_row row = {.mark = BUF_INIT(1 << 16)};
	store_feed(k->store, k->source->name, take_feed, &row);
	/* a clock that was set back does not silence it */
	bool due = row.next_at <= now || row.tried_at > now || k->is_set_back;
	int r = due ? read_feed(k, &row, now) : 0;
	if (due && r != -EAGAIN && r != -ECANCELED)
		k->is_set_back = false;
	if (!due && row.next_at < *next_at)
		*next_at = row.next_at;
	buf_clear(&row.mark);
	return due ? (r < 0 ? r : 1) : 0;
}
