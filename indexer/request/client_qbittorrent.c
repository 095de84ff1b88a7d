/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * qBittorrent, by its Web API v2, both generations ("paused" and "stopped", "Ok." and counts).
 *
 * Its word for an addition means little: "Ok." may add nothing, "Fails." may mean that it was
 * there.  So its list is asked before and after, wherever the info-hash is known.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/text.h"
#include "indexer/hash.h"
#include "indexer/net/json.h"
#include "indexer/net/url.h"
#include "indexer/request/client.h"
#include "indexer/request/qbittorrent_web.h"

struct qbittorrent {
	struct qbittorrent_web web;
	/* borrowed: */
	const char *category, *folder;
	bool is_paused;
};

enum {
	/** Its "no end in sight". */
	ETA_NEVER = 8640000,
	LINK_MOST = 64 << 10,
	NAME_MOST = 4096,
	/** An addition shows in its list a moment later. */
	LOOKS = 5,
};

#define FIRST_PAUSE (200 * NS_PER_MS)

static const char TAG[] = "mediamon";

static void cleanup_answer(struct http_answer *a)
{
	http_answer_clear(a);
}

static void cleanup_js(struct js **v)
{
	js_free(*v);
}

#define _answer_ __attribute__((cleanup(cleanup_answer)))
#define _js_ __attribute__((cleanup(cleanup_js)))

static void qbittorrent_close(void *state)
{
	struct qbittorrent *q = state;
	if (!q)
		return;
	qbittorrent_web_clear(&q->web);
	free(q);
}

static int qbittorrent_open(const struct outside *o, void **state, char *why)
{
	*state = NULL;
	if (!*config_text(o->config, OPT_qbittorrent_url))
		return 0;
	struct qbittorrent *q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->category = config_text(o->config, OPT_qbittorrent_category);
	q->folder = config_text(o->config, OPT_qbittorrent_folder);
	q->is_paused = config_int(o->config, OPT_qbittorrent_paused);
	int r = qbittorrent_web_init(&q->web, o, why);
	if (r < 0) {
		qbittorrent_close(q);
		return r;
	}
	*state = q;
	return 0;
}

/* --- asking --- */

/** GET of a list; -EPROTO when it is none. */
static int get_list(struct qbittorrent *q, const char *path, struct js **list, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	struct http_request request = {0};
	char error[160];
	*list = NULL;
	int r = qbittorrent_web_ask(&q->web, path, &request, &a, why);
	if (r < 0)
		return r;
	if (a.status == 200)
		r = js_parse(buf_str(&a.body), a.body.len, list, error);
	if (a.status == 200 && r == 0 && js_is_array(*list))
		return 0;
	js_free(*list);
	*list = NULL;
	snprintf(why, WHY, "qBittorrent's list (status %d) cannot be read", a.status);
	return -EPROTO;
}

static const struct js *with_hash(const struct js *list, const char *hash)
{
	for (size_t i = 0; i < js_count(list); i++) {
		const struct js *t = js_at(list, i);
		if (strcasecmp(js_text(t, "hash"), hash) == 0 || strcasecmp(js_text(t, "infohash_v1"), hash) == 0)
			return t;
	}
	return NULL;
}

static void tell(const struct js *t, struct client_item *item)
{
	static const struct {
		const char *name;
		enum client_state state;
	} states[] = {
		{"error", CLIENT_FAILED},     {"missingFiles", CLIENT_FAILED}, {"uploading", CLIENT_DONE},
		{"stalledUP", CLIENT_DONE},   {"pausedUP", CLIENT_DONE},       {"stoppedUP", CLIENT_DONE},
		{"forcedUP", CLIENT_DONE},    {"queuedUP", CLIENT_DONE},       {"checkingUP", CLIENT_DONE},
		{"metaDL", CLIENT_LOADS},     {"forcedMetaDL", CLIENT_LOADS},  {"downloading", CLIENT_LOADS},
		{"forcedDL", CLIENT_LOADS},   {"stalledDL", CLIENT_LOADS},     {"checkingDL", CLIENT_LOADS},
		{"allocating", CLIENT_LOADS}, {"moving", CLIENT_LOADS},        {"checkingResumeData", CLIENT_LOADS},
		{"queuedDL", CLIENT_WAITS},   {"pausedDL", CLIENT_WAITS},      {"stoppedDL", CLIENT_WAITS},
	};
	const char *state = js_text(t, "state");
	double progress = js_real(t, "progress", 0);
	int64_t eta = js_int(t, "eta", -1);
	_buf_ struct buf text = BUF_INIT(NAME_MOST);
	item->progress = progress > 0 ? progress < 1 ? progress : 1 : 0;
	item->speed = js_int(t, "dlspeed", -1);
	item->seconds_left = eta >= 0 && eta < ETA_NEVER ? eta : -1;
	item->state = CLIENT_LOADS;
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(state, states[i].name) == 0)
			item->state = states[i].state;
	text_clean(state, strlen(state), sizeof item->text - 1, &text);
	snprintf(item->text, sizeof item->text, "%s", buf_str(&text));
}

/** Asks one of its lists; 0 with @item and its own name for the torrent (may be NULL), -ENOENT. */
static int look_in(struct qbittorrent *q, const char *path, const char *hash, struct client_item *item, char id[65], char *why)
{
	_js_ struct js *list = NULL;
	int r = get_list(q, path, &list, why);
	const struct js *t = r == 0 ? with_hash(list, hash) : NULL;
	if (!t)
		return r < 0 ? r : -ENOENT;
	if (item)
		tell(t, item);
	if (id)
		snprintf(id, 65, "%s", js_text(t, "hash"));
	return 0;
}

static int look_up(struct qbittorrent *q, const char *hash, struct client_item *item, char id[65], char *why)
{
	char path[128];
	snprintf(path, sizeof path, "torrents/info?hashes=%.40s", hash);
	int r = look_in(q, path, hash, item, id, why);
	if (r != -ENOENT)
		return r;
	/* it names hybrid torrents by their other hash: ours are found by their tag */
	snprintf(path, sizeof path, "torrents/info?tag=%s", TAG);
	r = look_in(q, path, hash, item, id, why);
	if (r == -ENOENT)
		snprintf(why, WHY, "qBittorrent does not list it");
	return r;
}

/** What cannot be had stays empty. */
static void list_files(struct qbittorrent *q, const char *id, struct buf *out)
{
	_buf_ struct buf path = BUF_INIT(512);
	_js_ struct js *list = NULL;
	char why[WHY];
	buf_adds(&path, "torrents/files");
	url_query(&path, "hash", id);
	if (buf_error(&path) || get_list(q, buf_str(&path), &list, why) < 0)
		return;
	for (size_t i = 0; i < js_count(list); i++) {
		const char *name = js_text(js_at(list, i), "name");
		if (*name && out->len)
			buf_addc(out, '\n');
		text_clean(name, strlen(name), NAME_MOST, out);
	}
	if (buf_error(out))
		buf_reset(out);
}

static int qbittorrent_find(void *state, enum protocol protocol, const char *hash, struct client_item *item, char *why)
{
	char id[65];
	if (protocol != PROTOCOL_TORRENT || !*hash)
		return -ENOTSUP;
	int r = look_up(state, hash, item, id, why);
	/* only now: each call counts */
	if (r == 0 && item->state == CLIENT_DONE)
		list_files(state, id, &item->files);
	return r;
}

/* --- handing over --- */

/** What went wrong before the torrent was sent. */
static int surely_not(int r)
{
	return r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -EACCES ? r : -EAGAIN;
}

/** The call that sent it got no answer. */
static int perhaps(int r)
{
	switch (r) {
	case -EAGAIN:
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -EACCES:
	case -ETIMEDOUT:
	case -EPROTO:
		return r;
	/* the address, or its certificate: nothing was sent */
	case -EINVAL:
	case -EKEYREJECTED:
		return -EAGAIN;
	case -EFBIG:
		return -EPROTO;
	default:
		return -EIO;
	}
}

enum verdict {
	SAID_YES,
	SAID_NO,
	/** Nothing that can be understood. */
	SAID_NOTHING,
};

/** API 2.14 and later: counts. */
static enum verdict read_counts(const struct http_answer *a)
{
	_js_ struct js *v = NULL;
	char error[160];
	if (js_parse(buf_str(&a->body), a->body.len, &v, error) < 0 || !js_is_object(v))
		return SAID_NOTHING;
	int64_t good = js_int(v, "success_count", js_int(v, "success", 0)) +
		       js_int(v, "pending_count", js_int(v, "pending", 0));
	int64_t bad = js_int(v, "failure_count", js_int(v, "failure", 0));
	return good > 0 ? SAID_YES : bad > 0 ? SAID_NO : SAID_NOTHING;
}

/** 0 with what it said, or the end of it. */
static int judge(const struct http_answer *a, enum verdict *verdict, char *why)
{
	const char *body = buf_str(&a->body);
	*verdict = SAID_NOTHING;
	switch (a->status) {
	case 200:
	case 202:
		*verdict = strcmp(body, "Ok.") == 0	 ? SAID_YES
			   : strcmp(body, "Fails.") == 0 ? SAID_NO
							 : read_counts(a);
		return 0;
	case 409:
		*verdict = SAID_NO;
		return 0;
	case 400:
	case 415:
		snprintf(why, WHY, "qBittorrent does not take it for a torrent (status %d)", a->status);
		return -EINVAL;
	default:
		snprintf(why, WHY, "qBittorrent answered with status %d", a->status);
		/* after an error of its own, it may have it */
		return a->status >= 500 ? -EIO : -EAGAIN;
	}
}

/** What its list says, after its word. */
static int confirm(struct qbittorrent *q, const char *hash, enum verdict verdict, char *why)
{
	static const struct {
		int unlisted;
		const char *text;
	} meanings[] = {
		[SAID_YES] = {-EIO, "qBittorrent said yes, but does not list it"},
		[SAID_NO] = {-EINVAL, "qBittorrent refused it"},
		[SAID_NOTHING] = {-EPROTO, "qBittorrent's answer cannot be read"},
	};
	int64_t pause = FIRST_PAUSE;
	int r = *hash ? look_up(q, hash, NULL, NULL, why) : -ENOENT;
	for (int i = 1; i < LOOKS && r == -ENOENT && *hash && verdict != SAID_NO; i++, pause *= 2) {
		if (http_sleep(q->web.net->http, pause) < 0)
			break;
		r = look_up(q, hash, NULL, NULL, why);
	}
	if (r == 0)
		return verdict == SAID_NO ? -EEXIST : 0;
	/* it took it, and its hash is not known: there is nothing to ask for */
	if (!*hash && verdict == SAID_YES)
		return 0;
	if (r == -ENOENT) {
		snprintf(why, WHY, "%s", meanings[verdict].text);
		return meanings[verdict].unlisted;
	}
	return r == -ETIMEDOUT || r == -EPROTO ? r : -EIO;
}

/** An unknown category would be ignored: it is made first.  409: it is there. */
static int make_category(struct qbittorrent *q, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	_buf_ struct buf form = BUF_INIT(64 << 10);
	if (!*q->category)
		return 0;
	qbittorrent_web_field(&form, "category", q->category);
	qbittorrent_web_field(&form, "savePath", q->folder);
	struct http_request request = {.body = form.data, .body_len = form.len};
	int r = buf_error(&form) ? -EAGAIN : qbittorrent_web_ask(&q->web, "torrents/createCategory", &request, &a, why);
	if (r < 0 || a.status == 200 || a.status == 409)
		return r;
	snprintf(why, WHY, "qBittorrent does not make the category (status %d)", a.status);
	return -EAGAIN;
}

static struct http_part plain(const char *name, const char *value)
{
	return (struct http_part){.name = name, .data = value, .len = strlen(value)};
}

static int post(struct qbittorrent *q, const struct handover *h, enum verdict *verdict, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	const char *paused = q->is_paused ? "true" : "false";
	struct http_part parts[8];
	size_t n = 0;
	if (h->torrent.len)
		parts[n++] = (struct http_part){.name = "torrents", .file = "find.torrent", .type = "application/x-bittorrent",
						.data = h->torrent.data, .len = h->torrent.len};
	else
		parts[n++] = plain("urls", buf_str(&h->link));
	parts[n++] = plain("tags", TAG);
	parts[n++] = plain("paused", paused);
	parts[n++] = plain("stopped", paused);
	if (*q->category)
		parts[n++] = plain("category", q->category);
	if (*q->folder) {
		parts[n++] = plain("savepath", q->folder);
		/* else it puts it where the category says */
		parts[n++] = plain("autoTMM", "false");
	}
	struct http_request request = {.parts = parts, .part_count = n};
	int r = qbittorrent_web_ask(&q->web, "torrents/add", &request, &a, why);
	return r < 0 ? perhaps(r) : judge(&a, verdict, why);
}

static bool begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

/** One magnet or address: a line break would be a second one. */
static bool is_link(const struct buf *link)
{
	const char *s = buf_str(link);
	for (size_t i = 0; i < link->len; i++)
		if ((uint8_t)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return link->len <= LINK_MOST && (begins(s, "magnet:?") || begins(s, "http://") || begins(s, "https://"));
}

/** "" when it cannot be known before qBittorrent has loaded it; -EINVAL when there is no torrent. */
static int hash_of(const struct handover *h, char hash[41])
{
	hash[0] = '\0';
	if (h->torrent.len)
		return hash_of_torrent(h->torrent.data, h->torrent.len, hash);
	if (!is_link(&h->link))
		return -EINVAL;
	if (begins(buf_str(&h->link), "magnet:") && hash_of_magnet(buf_str(&h->link), hash) < 0)
		hash[0] = '\0';
	if (!begins(buf_str(&h->link), "magnet:"))
		snprintf(hash, 41, "%s", h->release.hash);
	return 0;
}

static int qbittorrent_add(void *state, const struct handover *h, char *why)
{
	struct qbittorrent *q = state;
	enum verdict verdict;
	char hash[41];
	if (h->release.protocol != PROTOCOL_TORRENT || hash_of(h, hash) < 0) {
		snprintf(why, WHY, "it is neither a magnet, nor an address, nor a torrent");
		return -EINVAL;
	}
	int r = *hash ? look_up(q, hash, NULL, NULL, why) : -ENOENT;
	if (r == 0)
		return -EEXIST;
	if (r == -ENOENT)
		r = make_category(q, why);
	if (r < 0)
		return surely_not(r);
	r = post(q, h, &verdict, why);
	return r < 0 ? r : confirm(q, hash, verdict, why);
}

const struct client client_qbittorrent = {
	.name = "qbittorrent",
	.takes = PROTOCOL_TORRENT,
	.can_find = true,
	.open = qbittorrent_open,
	.close = qbittorrent_close,
	.add = qbittorrent_add,
	.find = qbittorrent_find,
};
