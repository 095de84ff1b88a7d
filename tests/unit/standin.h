/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The stand-in for Prowlarr (tests/lib/prowlarr.py) as a child, and everything a source needs to ask it. */
#ifndef TESTS_UNIT_STANDIN_H
#define TESTS_UNIT_STANDIN_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/config.h"
#include "indexer/net/json.h"
#include "indexer/net/net.h"
#include "indexer/search/source.h"

#define KEY "canary0123456789abcdef0123456789"
#define PASSKEY "feedfacefeedfacefeedfacefeedface"

struct lab {
	pid_t pid;
	int to, port;
	char *folder, key_file[512], conf_file[512];
	struct http *http;
	struct limit *limit;
	struct net net;
	struct config *config;
	struct outside outside;
	/** What was told, a line each. */
	struct buf heard;
	size_t count;
	/** Of the first. */
	char guid[256], link[2048], title[256], indexer[64], hash[41];
	int64_t indexer_id, size, published_at, seeders, leechers;
	enum protocol protocol;
};

static inline void lab_put(struct lab *lab, const char *name, const char *text, int mode)
{
	char *path = strcmp(name, "key") == 0 ? lab->key_file : lab->conf_file;
	snprintf(path, sizeof lab->key_file, "%s/%s", lab->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
	close(fd);
}

/** One call to the stand-in's own switches. */
static inline void lab_control(struct lab *lab, const char *method, const char *what, const char *body,
			       struct http_answer *a)
{
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/stand-in/%s", lab->port, what);
	struct http_request q = {.url = url, .method = method, .body = body, .body_len = body ? strlen(body) : 0,
				 .body_type = "application/json"};
	assert_int_equal(http_do(lab->http, &q, a), 0);
	assert_int_equal(a->status, 200);
}

/** Members of the stand-in's state, as JSON with ' for ". */
static inline void lab_set(struct lab *lab, const char *json)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	char *body = strdup(json);
	for (char *c = body; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	lab_control(lab, "PUT", "state", body, &a);
	http_answer_clear(&a);
	free(body);
}

/** How many requests there were to paths that begin so; the last one's target in @target (may be NULL). */
static inline int lab_asked(struct lab *lab, const char *path, char *target, size_t size)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	struct js *all;
	char why[160];
	int n = 0;
	lab_control(lab, "GET", "requests", NULL, &a);
	assert_int_equal(js_parse(buf_str(&a.body), a.body.len, &all, why), 0);
	for (size_t i = 0; i < js_count(all); i++) {
		if (strncmp(js_text(js_at(all, i), "path"), path, strlen(path)) != 0)
			continue;
		n++;
		if (target)
			snprintf(target, size, "%s", js_text(js_at(all, i), "target"));
	}
	js_free(all);
	http_answer_clear(&a);
	return n;
}

static inline void lab_forget(struct lab *lab)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	lab_control(lab, "DELETE", "requests", NULL, &a);
	http_answer_clear(&a);
}

/** @format: the configuration, with %d for the port and %s for the file with the key. */
static inline int lab_configure(struct lab *lab, const char *text)
{
	struct buf why = BUF_INIT(4096);
	lab_put(lab, "conf", text, 0600);
	config_free(lab->config);
	lab->config = NULL;
	int r = config_load(lab->conf_file, &lab->config, &why);
	if (r < 0)
		fail_msg("%s", buf_str(&why));
	buf_clear(&why);
	lab->outside = (struct outside){lab->config, &lab->net};
	return r;
}

static inline struct lab *lab_new(void)
{
	struct lab *lab = calloc(1, sizeof *lab);
	int in[2], out[2];
	char script[512], line[32] = "";
	snprintf(script, sizeof script, "%s", __FILE__);
	char *end = strstr(script, "unit/standin.h");
	assert_non_null(end);
	memcpy(end, "lib/prowlarr.py", sizeof "lib/prowlarr.py");
	lab->heard = BUF_INIT(64 << 20);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	lab->pid = fork();
	assert_true(lab->pid >= 0);
	if (lab->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/usr/bin/python3", "python3", "-B", script, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	lab->to = in[1];
	/* its first and only line is shorter than what a pipe gives at once */
	assert_true(read(out[0], line, sizeof line - 1) > 0);
	close(out[0]);
	lab->port = (int)strtol(line, NULL, 10);
	assert_true(lab->port > 0);
	lab->folder = unit_folder();
	lab_put(lab, "key", KEY "\n", 0600);
	assert_int_equal(http_new(&lab->http), 0);
	assert_int_equal(limit_new(NULL, NULL, &lab->limit), 0);
	lab->net = (struct net){.http = lab->http, .limit = lab->limit, .patience_ms = 100};
	return lab;
}

static inline void lab_free(struct lab *lab)
{
	http_free(lab->http);
	limit_free(lab->limit);
	config_free(lab->config);
	close(lab->to);
	waitpid(lab->pid, NULL, 0);
	unlink(lab->key_file);
	unlink(lab->conf_file);
	rmdir(lab->folder);
	free(lab->folder);
	buf_clear(&lab->heard);
	free(lab);
}

/** release_fn: remembers, and fails when there is a secret in any text. */
static inline int lab_hear(void *arg, const struct release *r)
{
	struct lab *lab = arg;
	const char *const texts[] = {r->title, r->guid, r->link, r->page, r->indexer, r->hash, r->context};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_non_null(texts[i]);
		if (strcasestr(texts[i], KEY) || strcasestr(texts[i], PASSKEY))
			fail_msg("a secret in text %zu: %s", i, texts[i]);
	}
	buf_addf(&lab->heard, "%s|%s|%s|%s|%s\n", r->title, r->guid, r->link, r->page, r->indexer);
	if (lab->count++)
		return 0;
	snprintf(lab->title, sizeof lab->title, "%s", r->title);
	snprintf(lab->guid, sizeof lab->guid, "%s", r->guid);
	snprintf(lab->link, sizeof lab->link, "%s", r->link);
	snprintf(lab->indexer, sizeof lab->indexer, "%s", r->indexer);
	memcpy(lab->hash, r->hash, sizeof lab->hash);
	lab->indexer_id = r->indexer_id;
	lab->size = r->size;
	lab->published_at = r->published_at;
	lab->seeders = r->seeders;
	lab->leechers = r->leechers;
	lab->protocol = r->protocol;
	return 0;
}

static inline void lab_deaf(struct lab *lab)
{
	buf_reset(&lab->heard);
	lab->count = 0;
}

/** The first that was heard, as what is to be fetched. */
static inline struct handover lab_handover(const struct lab *lab)
{
	struct handover h = {
		.release = {.title = lab->title, .guid = lab->guid, .link = lab->link, .page = "",
			    .indexer = lab->indexer, .indexer_id = lab->indexer_id, .protocol = lab->protocol,
			    .context = ""},
		.link = BUF_INIT(16384),
		.torrent = BUF_INIT(16 << 20),
	};
	memcpy(h.release.hash, lab->hash, sizeof lab->hash);
	return h;
}

/* --- a source that is asked --- */

struct asking {
	const struct source *source;
	struct lab *lab;
	void *state;
	int64_t at;
	char why[WHY];
};

static inline void asking_open(struct asking *k, const char *configuration)
{
	lab_configure(k->lab, configuration);
	if (k->source->open(&k->lab->outside, &k->state, k->why) < 0)
		fail_msg("%s", k->why);
	assert_non_null(k->state);
}

static inline int tear_down(void **state)
{
	struct asking *k = *state;
	k->source->close(k->state);
	lab_free(k->lab);
	free(k);
	return 0;
}

static inline void asking_forget(struct asking *k)
{
	lab_deaf(k->lab);
	k->at = 0;
	memset(k->why, 0, sizeof k->why);
}

/** A reason that is a sentence and holds no secret. */
static inline int asking_result(struct asking *k, int r)
{
	assert_null(strcasestr(k->why, KEY));
	assert_null(strcasestr(k->why, PASSKEY));
	assert_true(r == 0 || *k->why);
	return r;
}

static inline int search(struct asking *k, const char *series)
{
	struct source_query q = {.series = series};
	asking_forget(k);
	return asking_result(k, k->source->search(k->state, &q, lab_hear, k->lab, &k->at, k->why));
}

static inline int recent(struct asking *k, struct buf *mark)
{
	asking_forget(k);
	int r = k->source->recent(k->state, mark, lab_hear, k->lab, &k->at, k->why);
	assert_null(strcasestr(buf_str(mark), KEY));
	assert_null(strcasestr(buf_str(mark), PASSKEY));
	return r < 0 ? asking_result(k, r) : r;
}

static inline int fetch(struct asking *k, struct handover *h)
{
	memset(k->why, 0, sizeof k->why);
	return asking_result(k, k->source->fetch(k->state, h, k->why));
}

static inline void handover_clear(struct handover *h)
{
	buf_clear(&h->link);
	buf_clear(&h->torrent);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/** A row of odd answers: the mode, what comes of it, and a word of the reason. */
struct odd {
	const char *mode;
	int result;
	const char *word;
};

#define MAGNET "magnet:?xt=urn:btih:9fb267cff5ae5603f07a347676ec3bf3e35f75e1&dn=A"

#endif
