/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The stand-ins of tests/lib/arr.py as children, and all instances that are configured for them. */
#ifndef TESTS_UNIT_STANDIN_ARR_H
#define TESTS_UNIT_STANDIN_ARR_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/config.h"
#include "indexer/net/json.h"
#include "indexer/repair/arr.h"

#define KEY "canary0123456789abcdef0123456789"

enum kind { SONARR, RADARR, PLEX, JELLYFIN, KINDS };

static const char *const KIND[KINDS] = {"sonarr", "radarr", "plex", "jellyfin"};

/** They take longer to start than a test does to end: one of each for all tests, as new for each. */
static struct {
	pid_t pid[KINDS];
	int to[KINDS], port[KINDS];
} arr_children;

struct arr {
	int port[KINDS];
	char *folder, key[512], conf[512];
	struct http *http;
	struct limit *limit;
	struct net net;
	struct config *config;
	struct outside outside;
	struct managers *m;
	/** Of the clock that net has. */
	int64_t ahead;
	/** Orders that may still be given. */
	int allowance;
	/** One line an order: "instance rescan|search result id title state: why". */
	struct buf heard;
	/** The last one that was accepted. */
	int64_t command;
	char why[WHY];
};

static inline int64_t arr_now(void *arg)
{
	const struct arr *a = arg;
	return now_ns() + a->ahead;
}

/** Time goes on: budgets are full, and lists are old. */
static inline void arr_pass(struct arr *a)
{
	a->ahead += 600 * NS_PER_S;
}

static inline void arr_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void arr_start(enum kind k)
{
	int in[2], out[2];
	char script[512], line[32] = "";
	snprintf(script, sizeof script, "%s", __FILE__);
	char *end = strstr(script, "unit/standin_arr.h");
	assert_non_null(end);
	memcpy(end, "lib/arr.py", sizeof "lib/arr.py");
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	arr_children.pid[k] = fork();
	assert_true(arr_children.pid[k] >= 0);
	if (arr_children.pid[k] == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/usr/bin/python3", "python3", "-B", script, KIND[k], NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	arr_children.to[k] = in[1];
	assert_true(read(out[0], line, sizeof line - 1) > 0);
	close(out[0]);
	arr_children.port[k] = (int)strtol(line, NULL, 10);
	assert_true(arr_children.port[k] > 0);
}

static inline void arr_control(struct arr *a, enum kind k, const char *method, const char *what, const char *body,
			       struct http_answer *answer)
{
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/stand-in/%s", a->port[k], what);
	struct http_request q = {.url = url, .method = method, .body = body, .body_len = body ? strlen(body) : 0,
				 .body_type = "application/json"};
	assert_int_equal(http_do(a->http, &q, answer), 0);
	assert_int_equal(answer->status, 200);
}

/** Members of its state, as JSON with ' for ". */
static inline void arr_set(struct arr *a, enum kind k, const char *json)
{
	struct http_answer answer = HTTP_ANSWER_INIT;
	char *body = strdup(json);
	for (char *c = body; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	arr_control(a, k, "PUT", "state", body, &answer);
	http_answer_clear(&answer);
	free(body);
}

/** What it has of "orders", "wide", "requests" or "state", as JSON; the caller frees it. */
static inline char *arr_get(struct arr *a, enum kind k, const char *what)
{
	struct http_answer answer = HTTP_ANSWER_INIT;
	arr_control(a, k, "GET", what, NULL, &answer);
	char *text = strdup(buf_str(&answer.body));
	http_answer_clear(&answer);
	return text;
}

#define assert_told(a, k, what, expected) \
	do { \
		char *told_ = arr_get(a, k, what); \
		assert_string_equal(told_, expected); \
		free(told_); \
	} while (0)

/** @text: the configuration. */
static inline int arr_open(struct arr *a, const char *text)
{
	struct buf why = BUF_INIT(4096);
	managers_free(a->m);
	a->m = NULL;
	config_free(a->config);
	a->config = NULL;
	arr_put(a->conf, text);
	if (config_load(a->conf, &a->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	buf_clear(&why);
	a->outside = (struct outside){a->config, &a->net};
	memset(a->why, 0, sizeof a->why);
	return managers_new(&a->outside, &a->m, a->why);
}

static inline void arr_open_all(struct arr *a, const char *more)
{
	char text[8192];
	int n = 0;
	for (int k = 0; k < KINDS; k++)
		n += snprintf(text + n, sizeof text - (size_t)n,
			      "%s { instances = { \"my-%s http://127.0.0.1:%d/ %s\" } }\n", KIND[k], KIND[k], a->port[k],
			      a->key);
	snprintf(text + n, sizeof text - (size_t)n, "%s\n", more);
	if (arr_open(a, text) < 0)
		fail_msg("%s", a->why);
	assert_int_equal(managers_count(a->m), KINDS);
}

static inline int group_set_up(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++)
		arr_start(k);
	return 0;
}

static inline int group_tear_down(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		close(arr_children.to[k]);
		waitpid(arr_children.pid[k], NULL, 0);
	}
	return 0;
}

static inline int set_up(void **state)
{
	struct arr *a = calloc(1, sizeof *a);
	assert_non_null(a);
	a->folder = unit_folder();
	snprintf(a->key, sizeof a->key, "%s/the key", a->folder);
	snprintf(a->conf, sizeof a->conf, "%s/conf", a->folder);
	arr_put(a->key, KEY "\n");
	a->heard = BUF_INIT(1 << 20);
	a->allowance = 100;
	assert_int_equal(http_new(&a->http), 0);
	assert_int_equal(limit_new(NULL, NULL, &a->limit), 0);
	a->net = (struct net){.http = a->http, .limit = a->limit, .now = arr_now, .arg = a, .patience_ms = 100};
	for (int k = 0; k < KINDS; k++) {
		struct http_answer answer = HTTP_ANSWER_INIT;
		a->port[k] = arr_children.port[k];
		arr_control(a, k, "DELETE", "state", NULL, &answer);
		http_answer_clear(&answer);
	}
	*state = a;
	return 0;
}

static inline int tear_down(void **state)
{
	struct arr *a = *state;
	managers_free(a->m);
	http_free(a->http);
	limit_free(a->limit);
	config_free(a->config);
	unlink(a->key);
	unlink(a->conf);
	rmdir(a->folder);
	free(a->folder);
	buf_clear(&a->heard);
	free(a);
	return 0;
}

static inline bool arr_allowed(void *arg, const char *instance)
{
	struct arr *a = arg;
	assert_int_equal(strncmp(instance, "my-", 3), 0);
	return a->allowance-- > 0;
}

static inline void arr_done(void *arg, const struct manager_step *step, int r, const char *why)
{
	struct arr *a = arg;
	/* no secret, whatever the other side says */
	assert_null(strcasestr(why, KEY));
	assert_null(strcasestr(step->item.title, KEY));
	assert_null(strcasestr(step->command.state, KEY));
	assert_null(strcasestr(step->command.text, KEY));
	assert_true(r == 0 || *why);
	if (r == 0)
		a->command = step->command.id;
	buf_addf(&a->heard, "%s %s %d %lld %s %s%s%s\n", step->instance,
		 step->act == MANAGER_RESCAN ? "rescan" : "search", r, (long long)step->item.id, step->item.title,
		 step->command.state, *why ? ": " : "", why);
}

/** What is heard of it is in a->heard. */
static inline int arr_tell(struct arr *a, const char *path, bool search)
{
	buf_reset(&a->heard);
	arr_pass(a);
	return managers_tell(a->m, path, search, arr_allowed, arr_done, a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/** Two series of which one's name begins like the other's; a film. */
#define SERIES \
	"'roots':[{'id':1,'path':'/tv','accessible':true,'directories':['Show','Show 2']}]," \
	"'items':[{'id':5,'title':'Inner','path':'/tv/Show/Inner'},{'id':3,'title':'Show','path':'/tv/Show'}," \
	"{'id':4,'title':'Show 2','path':'/tv/Show 2/'}]," \
	"'files':[{'id':31,'seriesId':3,'seasonNumber':1,'path':'/tv/Show/Season 01/Show S01E01-E02.mkv'}," \
	"{'id':32,'seriesId':3,'seasonNumber':1,'path':'/tv/Show/Season 01/Show S01E03.mkv'}]," \
	"'episodes':[{'id':301,'seriesId':3,'seasonNumber':1,'episodeNumber':1,'episodeFileId':31}," \
	"{'id':302,'seriesId':3,'seasonNumber':1,'episodeNumber':2,'episodeFileId':31}," \
	"{'id':303,'seriesId':3,'seasonNumber':1,'episodeNumber':3,'episodeFileId':32}," \
	"{'id':304,'seriesId':3,'seasonNumber':1,'episodeNumber':4,'episodeFileId':0}," \
	"{'id':305,'seriesId':3,'seasonNumber':1,'episodeNumber':5,'episodeFileId':0,'airDateUtc':'2199-01-01T00:00:00Z'}," \
	"{'id':311,'seriesId':3,'seasonNumber':2,'episodeNumber':1,'episodeFileId':0}]"
#define FILMS \
	"'roots':[{'id':1,'path':'/films','accessible':true,'directories':['A (2001)']}]," \
	"'items':[{'id':7,'title':'A','path':'/films/A (2001)','file':'/films/A (2001)/A.mkv'}]"

#endif
