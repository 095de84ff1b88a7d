/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/provider_realdebrid_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/net/json.h"

enum { NAME_MOST = 1024, PATH_MOST = 4096 };

/* 1 EiB: sums of sizes cannot overflow */
#define BYTES_MOST (INT64_C(1) << 60)
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

static const struct {
	const char *word;
	enum torrent_state state;
} states[] = {
	{"downloaded", TORRENT_OK},
	{"magnet_conversion", TORRENT_BUSY},
	{"queued", TORRENT_BUSY},
	{"downloading", TORRENT_BUSY},
	{"compressing", TORRENT_BUSY},
	{"uploading", TORRENT_BUSY},
	{"waiting_files_selection", TORRENT_UNSELECTED},
	{"magnet_error", TORRENT_FAILED},
	{"error", TORRENT_FAILED},
	{"dead", TORRENT_FAILED},
	{"virus", TORRENT_VIRUS},
};

/** Consists of @set alone and has @least to @most bytes. */
static bool is_made_of(const char *s, const char *set, size_t least, size_t most)
{
	size_t n = strnlen(s, most + 1);
	return n >= least && n <= most && strspn(s, set) == n;
}

bool rd_is_id(const char *s)
{
	return is_made_of(s, LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS, 1, PROVIDER_ID - 1);
}

bool rd_is_hash(const char *s)
{
	return is_made_of(s, "abcdefABCDEF" DIGITS, PROVIDER_HASH - 1, PROVIDER_HASH - 1);
}

static int parse(const struct buf *body, struct js **out)
{
	char why[160];
	return js_parse(body->data, body->len, out, why) < 0 ? -EPROTO : 0;
}

static void free_js(struct js **v)
{
	js_free(*v);
}

#define _js_ __attribute__((cleanup(free_js), unused))

/* --- values --- */

/** As toJSON() writes it; ns since 1970, 0 when there is none. */
static int64_t date(const char *s)
{
	struct tm tm = {0};
	int end = 0;
	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec, &end) < 6 || !end)
		return 0;
	if (tm.tm_year < 1970 || tm.tm_year > 2200 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	int64_t seconds = (int64_t)timegm(&tm);
	return seconds > 0 ? seconds * NS_PER_S : 0;
}

/** -1 when it is no size. */
static int64_t size(const struct js *v, const char *name)
{
	int64_t n = js_int(v, name, -1);
	return n < 0 || n > BYTES_MOST ? -1 : n;
}

/** A name that one folder can have. */
static bool is_folder(const char *s)
{
	size_t n = strnlen(s, NAME_MOST + 1);
	return n && n <= NAME_MOST && !memchr(s, '/', n) && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static bool is_path(const char *s)
{
	if (*s != '/' || strnlen(s, PATH_MOST + 1) > PATH_MOST)
		return false;
	for (const char *part = s; part; part = strchr(part, '/')) {
		size_t n = strcspn(++part, "/");
		if (n == 0 || (n <= 2 && strspn(part, ".") >= n))
			return false;
	}
	return true;
}

/** 1 or 0, or true or false; -1: neither. */
static int flag(const struct js *v, const char *name)
{
	int64_t n = js_int(v, name, -1);
	if (n == 0 || n == 1)
		return (int)n;
	bool yes = js_bool(v, name, false), no = !js_bool(v, name, true);
	return yes == no ? -1 : yes;
}

/* --- torrents --- */

static int read_status(const struct js *v, struct provider_torrent *t)
{
	const char *word = js_text(v, "status");
	if (!is_made_of(word, LETTERS "_", 1, sizeof t->status - 1))
		return -EPROTO;
	memcpy(t->status, word, strlen(word) + 1);
	/* a word that is not known yet: nothing is done about it */
	t->state = TORRENT_BUSY;
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(states[i].word, word) == 0)
			t->state = states[i].state;
	return 0;
}

static int read_names(const struct js *v, struct provider_torrent *t)
{
	const char *id = js_text(v, "id"), *hash = js_text(v, "hash"), *name = js_text(v, "filename");
	if (!rd_is_id(id) || !rd_is_hash(hash))
		return -EPROTO;
	memcpy(t->id, id, strlen(id) + 1);
	for (size_t i = 0; i < PROVIDER_HASH; i++)
		t->hash[i] = (char)(hash[i] >= 'A' && hash[i] <= 'F' ? hash[i] + 32 : hash[i]);
	/* never left out for its name: who looks for a hash must find it */
	t->name = strdup(is_folder(name) ? name : "");
	return t->name ? 0 : -ENOMEM;
}

/** What list and info have in common.  @t: to be cleared by the caller in every case. */
static int read_torrent(const struct js *v, struct provider_torrent *t)
{
	const struct js *links = js_get(v, "links");
	int r = read_names(v, t);
	if (r == 0)
		r = read_status(v, t);
	if (r < 0)
		return r;
	t->bytes = size(v, "bytes");
	t->progress = js_real(v, "progress", 0);
	if (t->bytes < 0 || !js_is_array(links) || !(t->progress >= 0 && t->progress <= 100))
		return -EPROTO;
	t->links = (int64_t)js_count(links);
	t->added_at = date(js_text(v, "added"));
	t->ended_at = date(js_text(v, "ended"));
	return 0;
}

static int read_file(const struct js *v, struct provider_torrent *t)
{
	const char *path = js_text(v, "path");
	int64_t id = js_int(v, "id", -1), bytes = size(v, "bytes");
	int selected = flag(v, "selected");
	if (id < 0 || bytes < 0 || selected < 0 || !is_path(path))
		return -EPROTO;
	struct provider_file *f = vec_add(&t->files);
	if (!f)
		return -ENOMEM;
	*f = (struct provider_file){.id = id, .bytes = bytes, .selected = selected, .path = strdup(path)};
	return f->path ? 0 : -ENOMEM;
}

int rd_read_torrent(const struct buf *body, const char *id, struct provider_torrent *out)
{
	_js_ struct js *v = NULL;
	int r = parse(body, &v);
	if (r == 0)
		r = read_torrent(v, out);
	if (r == 0 && (strcmp(out->id, id) != 0 || !js_is_array(js_get(v, "files"))))
		r = -EPROTO;
	const struct js *files = js_get(v, "files");
	/* all or none: half of its files would be taken for all that it has */
	for (size_t i = 0; r == 0 && i < js_count(files); i++)
		r = read_file(js_at(files, i), out);
	if (r < 0)
		provider_torrent_clear(out);
	return r;
}

void rd_page_clear(struct rd_page *p)
{
	for (size_t i = 0; i < p->torrents.len; i++)
		provider_torrent_clear(&p->torrents.data[i]);
	vec_clear(&p->torrents);
	p->received = 0;
}

static int read_item(const struct js *v, struct rd_page *out)
{
	struct provider_torrent *t = vec_add(&out->torrents);
	if (!t)
		return -ENOMEM;
	int r = read_torrent(v, t);
	if (r < 0) {
		provider_torrent_clear(t);
		out->torrents.len--;
	}
	return r == -EPROTO ? 0 : r;
}

int rd_read_page(const struct buf *body, struct rd_page *out)
{
	_js_ struct js *v = NULL;
	int r = parse(body, &v);
	if (r < 0 || !js_is_array(v))
		return -EPROTO;
	out->received = (int64_t)js_count(v);
	for (size_t i = 0; r == 0 && i < js_count(v); i++)
		r = read_item(js_at(v, i), out);
	if (r == 0 && (int64_t)out->torrents.len * 2 < out->received)
		r = -EPROTO;
	return r;
}

/* --- the rest --- */

int rd_read_account(const struct buf *body, struct provider_account *out)
{
	_js_ struct js *v = NULL;
	int r = parse(body, &v);
	const char *name = js_text(v, "username"), *type = js_text(v, "type");
	if (r < 0 || !*name || !*type)
		return -EPROTO;
	*out = (struct provider_account){.is_premium = strcmp(type, "premium") == 0,
					 .expires_at = date(js_text(v, "expiration"))};
	if (strlen(name) < sizeof out->user)
		memcpy(out->user, name, strlen(name) + 1);
	return 0;
}

int rd_read_id(const struct buf *body, char *id)
{
	_js_ struct js *v = NULL;
	int r = parse(body, &v);
	const char *text = js_text(v, "id");
	if (r < 0 || !rd_is_id(text))
		return -EPROTO;
	memcpy(id, text, strlen(text) + 1);
	return 0;
}

int rd_read_active(const struct buf *body, int64_t *n, int64_t *limit)
{
	_js_ struct js *v = NULL;
	int r = parse(body, &v);
	*n = js_int(v, "nb", -1);
	*limit = js_int(v, "limit", -1);
	return r < 0 || *n < 0 || *limit < 0 || *n > INT32_MAX || *limit > INT32_MAX ? -EPROTO : 0;
}
