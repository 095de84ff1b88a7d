/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Real-Debrid.  One budget for the whole API and, within it, one for the calls of repairs; the distance between calls is part
 * of the former and adapts.
 *
 * An answer that was not understood is never "nothing": reading ends in WAIT or LATER, and whatever may have changed
 * something there ends in UNKNOWN.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/config.h"
#include "indexer/net/json.h"
#include "indexer/net/secret.h"
#include "indexer/net/url.h"
#include "indexer/repair/provider_realdebrid_answer.h"
#include "indexer/repair/provider_realdebrid_codes.h"

#define MINUTE (60 * NS_PER_S)
#define DISTANCE_FIRST NS_PER_S
#define DISTANCE_MOST (30 * NS_PER_S)

enum {
	TIMEOUT_MS = 30000,
	ANSWER_MOST = 8 << 20,
	URL_MOST = 4096,
	/** Successes in a row after which calls come closer. */
	STREAK = 5,
	PAGE_MOST = 1000,
	PAGE_LEAST = 50,
	PAGES_KEPT = 4,
	PAGE_BYTES_KEPT = 2 << 20,
};

static const char WHOLE[] = "realdebrid", REPAIRS[] = "realdebrid-repairs";

/** A page as it came last: what an answer "not modified" means. */
struct kept {
	char etag[128];
	int64_t offset, total;
	bool active_only;
	int limit;
	struct buf body;
};

struct rd {
	struct net *net;
	char *url;
	/** Borrowed. */
	const char *token_file;
	/** Of the token that was used last, to notice another one. */
	uint64_t token_mark;
	struct limit_rule whole;
	struct provider_rate rate;
	int successes;
	/** Items asked for at once. */
	int page_limit;
	struct kept kept[PAGES_KEPT];
	size_t next_kept;
};

/* --- configuration --- */

static void forget_pages(struct rd *s)
{
	for (size_t i = 0; i < PAGES_KEPT; i++) {
		buf_clear(&s->kept[i].body);
		s->kept[i] = (struct kept){.body = BUF_INIT(PAGE_BYTES_KEPT)};
	}
}

static void rd_close(void *state)
{
	struct rd *s = state;
	if (!s)
		return;
	forget_pages(s);
	free(s->url);
	free(s);
}

/** The token goes with every call: in the clear only where nobody can listen. */
static bool is_safe(const char *url)
{
	static const char *const own[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
	if (strpbrk(url, "?#@ "))
		return false;
	if (strncmp(url, "https://", 8) == 0)
		return url[8];
	for (size_t i = 0; i < COUNT_OF(own); i++)
		if (strncmp(url, own[i], strlen(own[i])) == 0 && strchr(":/", url[strlen(own[i])]))
			return true;
	return false;
}

static int declare(struct rd *s, const struct config *c)
{
	int per_minute = (int)config_int(c, OPT_realdebrid_minute), repairs = (int)config_int(c, OPT_realdebrid_repairs);
	struct limit_rule part = {.per_minute = repairs < per_minute ? repairs : per_minute};
	s->rate.least = (MINUTE + per_minute - 1) / per_minute;
	s->rate.most = s->rate.least > DISTANCE_MOST ? s->rate.least : DISTANCE_MOST;
	s->rate.distance = s->rate.least > DISTANCE_FIRST ? s->rate.least : DISTANCE_FIRST;
	s->whole = (struct limit_rule){.per_minute = per_minute, .distance = s->rate.distance};
	memcpy(part.within, WHOLE, sizeof WHOLE);
	int r = limit_declare(s->net->limit, WHOLE, &s->whole);
	return r < 0 ? r : limit_declare(s->net->limit, REPAIRS, &part);
}

static int rd_open(const struct outside *o, void **state, char *why)
{
	const char *file = config_text(o->config, OPT_realdebrid_token), *url = config_text(o->config, OPT_realdebrid_url);
	*state = NULL;
	if (!*file)
		return 0;
	if (!is_safe(url) || strlen(url) > URL_MOST / 2) {
		snprintf(why, WHY, "realdebrid: url is no https address");
		return -EINVAL;
	}
	struct rd *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->net = o->net;
	s->token_file = file;
	s->page_limit = PAGE_MOST;
	s->url = strdup(url);
	forget_pages(s);
	int r = s->url ? declare(s, o->config) : -ENOMEM;
	for (size_t n = s->url ? strlen(s->url) : 0; n && s->url[n - 1] == '/'; n--)
		s->url[n - 1] = '\0';
	if (r < 0) {
		snprintf(why, WHY, "realdebrid: its budget cannot be kept");
		rd_close(s);
		return r;
	}
	*state = s;
	return 0;
}

/* --- the rate --- */

/** @by: thousandths. */
static void set_distance(struct rd *s, int64_t by)
{
	int64_t distance = s->rate.distance / 1000 * by;
	if (distance < s->rate.least)
		distance = s->rate.least;
	if (distance > s->rate.most)
		distance = s->rate.most;
	s->rate.distance = s->whole.distance = distance;
	s->successes = 0;
	limit_declare(s->net->limit, WHOLE, &s->whole);
}

static void adapt(struct rd *s, enum net_end end)
{
	if (end == NET_REFUSED) {
		s->rate.refused++;
		set_distance(s, 3000);
	} else if (end == NET_ERROR) {
		s->rate.errors++;
		set_distance(s, 1500);
	} else if (++s->successes >= STREAK) {
		set_distance(s, 909);
	}
}

/* --- asking --- */

struct ask {
	enum rd_call call;
	const char *path;
	/** Form fields; NULL for none. */
	const struct buf *form;
	/** "" for none. */
	const char *etag;
	struct http_answer a;
	/** After the call: -errno when it got no answer. */
	int error;
	struct rd_meaning meaning;
};

static const struct {
	const char *method, *host;
} calls[RD_CALLS] = {
	[RD_USER] = {"GET", WHOLE},       [RD_LIST] = {"GET", WHOLE},      [RD_INFO] = {"GET", REPAIRS},
	[RD_ADD] = {"POST", REPAIRS},     [RD_SELECT] = {"POST", REPAIRS}, [RD_REMOVE] = {"DELETE", REPAIRS},
	[RD_ACTIVE] = {"GET", REPAIRS},
};

/** When the host may be asked again; where nobody says when, in a minute. */
static int64_t when(struct rd *s, enum rd_call call)
{
	struct limit_status status;
	int64_t now = net_now(s->net), at = now + MINUTE;
	if (limit_status(s->net->limit, calls[call].host, now, &status) == 0 &&
	    (status.state == LIMIT_OPEN || status.next_at > at))
		at = status.next_at;
	return at;
}

static int fail(struct rd *s, enum rd_call call, struct provider_error *e, enum provider_class class, const char *why)
{
	if (class == PROVIDER_WAIT)
		e->at = when(s, call);
	return provider_fail(e, class, why);
}

/** The answer cannot be read, although it came. */
static int refuse(struct rd *s, enum rd_call call, struct provider_error *e, const char *why)
{
	enum provider_class class = rd_is_changing(call)  ? PROVIDER_UNKNOWN
				    : rd_has_item(call) ? PROVIDER_LATER
							: PROVIDER_WAIT;
	adapt(s, NET_ERROR);
	return fail(s, call, e, class, why);
}

/** No answer: @r of net_do(). */
static int no_answer(struct rd *s, const struct ask *k, int r, int64_t at, struct provider_error *e)
{
	char why[WHY];
	bool was_sent = r == -ETIMEDOUT || r == -EPROTO || r == -EFBIG;
	snprintf(why, sizeof why, "Real-Debrid: %s", k->a.why);
	if (r == -EAGAIN) {
		e->at = at;
		return provider_fail(e, PROVIDER_WAIT, why);
	}
	if (was_sent || r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -EKEYREJECTED) {
		s->rate.calls++;
		adapt(s, NET_ERROR);
	}
	bool is_unknown = rd_is_changing(k->call) && (was_sent || r == -ECANCELED);
	int failed = fail(s, k->call, e, is_unknown ? PROVIDER_UNKNOWN : PROVIDER_WAIT, why);
	return r == -ECANCELED ? r : failed;
}

static struct net_verdict judge(void *arg, const struct http_answer *a)
{
	struct ask *k = arg;
	k->meaning = rd_meaning(k->call, a);
	return k->meaning.verdict;
}

static int ask_with(struct rd *s, struct ask *k, const char *token, struct provider_error *e)
{
	_buf_ struct buf url = BUF_INIT(URL_MOST);
	char condition[160];
	int64_t at = 0;
	snprintf(condition, sizeof condition, "If-None-Match: %s", k->etag ? k->etag : "");
	const char *const headers[] = {token, k->etag && *k->etag ? condition : NULL, NULL};
	buf_addf(&url, "%s%s", s->url, k->path);
	struct http_request q = {.method = calls[k->call].method, .url = buf_str(&url), .headers = headers,
				 .most = ANSWER_MOST, .timeout_ms = TIMEOUT_MS};
	if (k->form) {
		q.body = buf_str(k->form);
		q.body_len = k->form->len;
	}
	if (buf_error(&url) || (k->form && buf_error(k->form)))
		return fail(s, k->call, e, PROVIDER_LATER, "the address is too long");
	int r = net_do_judged(s->net, calls[k->call].host, &q, &k->a, judge, k, &at);
	k->error = r;
	if (r < 0)
		return no_answer(s, k, r, at, e);
	s->rate.calls++;
	adapt(s, k->meaning.verdict.end);
	e->http = k->a.status;
	e->code = k->meaning.code;
	return k->meaning.class == PROVIDER_OK ? 0 : fail(s, k->call, e, k->meaning.class, k->meaning.why);
}

/** What was kept is another account's when the token is another one. */
static void mark_token(struct rd *s, const struct buf *token)
{
	uint64_t mark = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < token->len; i++)
		mark = (mark ^ (uint8_t)token->data[i]) * UINT64_C(0x100000001b3);
	if (mark != s->token_mark)
		forget_pages(s);
	s->token_mark = mark;
}

/** 0: @k->a holds an answer whose body is worth reading.  The caller clears it in every case. */
static int ask(struct rd *s, struct ask *k, struct provider_error *e)
{
	struct buf token = BUF_INIT(4096), header = BUF_INIT(8192);
	char why[WHY];
	*e = (struct provider_error){0};
	k->a = HTTP_ANSWER_INIT;
	int r = secret_read(s->token_file, &token, why);
	if (r < 0) {
		bool is_ours = r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EIO;
		r = fail(s, k->call, e, is_ours ? PROVIDER_WAIT : PROVIDER_STOP, why);
	} else {
		mark_token(s, &token);
		/* in one piece: a buffer that grows leaves copies behind */
		buf_reserve(&header, token.len + 32);
		buf_adds(&header, "Authorization: Bearer ");
		buf_add(&header, token.data, token.len);
		r = buf_error(&header) ? fail(s, k->call, e, PROVIDER_WAIT, "no memory")
				       : ask_with(s, k, buf_str(&header), e);
	}
	secret_clear(&token);
	secret_clear(&header);
	return r;
}

/** "/torrents/@what/@id"; an id that is none is not asked for. */
static int item_path(struct rd *s, enum rd_call call, const char *what, const char *id, char path[128],
		     struct provider_error *e)
{
	*e = (struct provider_error){0};
	if (!rd_is_id(id))
		return fail(s, call, e, PROVIDER_PERMANENT, "this is no id of Real-Debrid");
	snprintf(path, 128, "/torrents/%s/%s", what, id);
	return 0;
}

/* --- the list --- */

static struct kept *find_kept(struct rd *s, const struct provider_page *p)
{
	for (size_t i = 0; i < PAGES_KEPT; i++) {
		struct kept *k = &s->kept[i];
		if (*k->etag && k->offset == p->offset && k->active_only == p->active_only && k->limit == s->page_limit)
			return k;
	}
	return NULL;
}

static void keep(struct rd *s, const struct provider_page *p, const struct http_answer *a, int64_t total)
{
	struct kept *k = find_kept(s, p);
	if (!k)
		k = &s->kept[s->next_kept++ % PAGES_KEPT];
	buf_clear(&k->body);
	*k = (struct kept){.offset = p->offset, .total = total, .active_only = p->active_only, .limit = s->page_limit,
			   .body = BUF_INIT(PAGE_BYTES_KEPT)};
	if (*a->etag && a->body.len && buf_add(&k->body, a->body.data, a->body.len) == 0)
		memcpy(k->etag, a->etag, sizeof k->etag);
}

/** Pages that do not come, or not whole, may come when they are shorter. */
static void shorten_pages(struct rd *s)
{
	s->page_limit = s->page_limit / 2 > PAGE_LEAST ? s->page_limit / 2 : PAGE_LEAST;
}

static void lengthen_pages(struct rd *s)
{
	s->page_limit = s->page_limit * 2 < PAGE_MOST ? s->page_limit * 2 : PAGE_MOST;
}

static int tell(struct rd *s, struct provider_page *p, const struct rd_page *all, provider_torrent_fn *fn, void *arg)
{
	int r = 0;
	p->received = all->received;
	/* a full page is never the last one, whatever the total says: it moves while pages are read */
	p->is_last = p->received == 0 ||
		     (p->total >= 0 && p->offset + p->received >= p->total && p->received < s->page_limit);
	for (size_t i = 0; r == 0 && i < all->torrents.len; i++)
		r = fn(arg, &all->torrents.data[i]);
	return r;
}

/** What came, or the same as last time. */
static int read_list(struct rd *s, struct provider_page *p, const struct http_answer *a, struct rd_page *all)
{
	const struct kept *k = find_kept(s, p);
	p->total = a->total;
	if (a->status == 304) {
		s->rate.not_modified++;
		if (k && p->total < 0)
			p->total = k->total;
		return k ? rd_read_page(&k->body, all) : -EPROTO;
	}
	int r = a->status == 204 ? 0 : rd_read_page(&a->body, all);
	/* empty where there is more: it is not to be believed */
	if (r == 0 && all->received == 0 && p->total > p->offset)
		r = -EPROTO;
	if (r == 0)
		keep(s, p, a, p->total);
	return r;
}

static int rd_list(void *state, struct provider_page *p, provider_torrent_fn *fn, void *arg, struct provider_error *e)
{
	struct rd *s = state;
	struct rd_page all = {0};
	char path[128];
	if (p->offset == 0)
		lengthen_pages(s);
	const struct kept *k = find_kept(s, p);
	struct ask q = {.call = RD_LIST, .path = path, .etag = k ? k->etag : ""};
	snprintf(path, sizeof path, "/torrents?offset=%lld&limit=%d%s", (long long)p->offset, s->page_limit,
		 p->active_only ? "&filter=active" : "");
	int r = ask(s, &q, e);
	if (q.error == -EFBIG || q.error == -ETIMEDOUT || q.error == -EPROTO)
		shorten_pages(s);
	if (r == 0 && (r = read_list(s, p, &q.a, &all)) < 0) {
		shorten_pages(s);
		forget_pages(s);
		r = refuse(s, RD_LIST, e, "Real-Debrid's list of torrents cannot be read");
	} else if (r == 0) {
		r = tell(s, p, &all, fn, arg);
	}
	rd_page_clear(&all);
	http_answer_clear(&q.a);
	return r;
}

/* --- one thing --- */

static int rd_account(void *state, struct provider_account *out, struct provider_error *e)
{
	struct rd *s = state;
	struct ask q = {.call = RD_USER, .path = "/user"};
	int r = ask(s, &q, e);
	if (r == 0 && rd_read_account(&q.a.body, out) < 0)
		r = refuse(s, RD_USER, e, "Real-Debrid's word on the account cannot be read");
	http_answer_clear(&q.a);
	return r;
}

static int rd_active(void *state, int64_t *n, int64_t *limit, struct provider_error *e)
{
	struct rd *s = state;
	struct ask q = {.call = RD_ACTIVE, .path = "/torrents/activeCount"};
	int r = ask(s, &q, e);
	if (r == 0 && rd_read_active(&q.a.body, n, limit) < 0)
		r = refuse(s, RD_ACTIVE, e, "Real-Debrid's number of active torrents cannot be read");
	http_answer_clear(&q.a);
	return r;
}

static int rd_info(void *state, const char *id, struct provider_torrent *out, struct provider_error *e)
{
	struct rd *s = state;
	char path[128];
	struct ask q = {.call = RD_INFO, .path = path};
	*out = (struct provider_torrent){0};
	int r = item_path(s, RD_INFO, "info", id, path, e);
	if (r < 0)
		return r;
	r = ask(s, &q, e);
	if (r == 0 && rd_read_torrent(&q.a.body, id, out) < 0)
		r = refuse(s, RD_INFO, e, "Real-Debrid's word on the torrent cannot be read");
	http_answer_clear(&q.a);
	return r;
}

static int rd_add(void *state, const char *hash, char *id, struct provider_error *e)
{
	struct rd *s = state;
	_buf_ struct buf form = BUF_INIT(512);
	struct ask q = {.call = RD_ADD, .path = "/torrents/addMagnet", .form = &form};
	*id = '\0';
	*e = (struct provider_error){0};
	if (!rd_is_hash(hash))
		return fail(s, RD_ADD, e, PROVIDER_PERMANENT, "this is no hash of a torrent");
	buf_adds(&form, "magnet=magnet%3A%3Fxt%3Durn%3Abtih%3A");
	buf_adds(&form, hash);
	int r = ask(s, &q, e);
	if (r == 0 && rd_read_id(&q.a.body, id) < 0)
		r = refuse(s, RD_ADD, e, "Real-Debrid does not tell the new torrent's id");
	http_answer_clear(&q.a);
	return r;
}

static int rd_select(void *state, const char *id, const int64_t *files, size_t n, struct provider_error *e)
{
	struct rd *s = state;
	_buf_ struct buf form = BUF_INIT(1 << 20);
	char path[128];
	struct ask q = {.call = RD_SELECT, .path = path, .form = &form};
	int r = item_path(s, RD_SELECT, "selectFiles", id, path, e);
	if (r < 0)
		return r;
	if (n == 0)
		return fail(s, RD_SELECT, e, PROVIDER_PERMANENT, "no file is chosen");
	for (size_t i = 0; i < n; i++)
		buf_addf(&form, "%s%lld", i ? "%2C" : "files=", (long long)files[i]);
	r = ask(s, &q, e);
	http_answer_clear(&q.a);
	return r;
}

static int rd_remove(void *state, const char *id, struct provider_error *e)
{
	struct rd *s = state;
	char path[128];
	struct ask q = {.call = RD_REMOVE, .path = path};
	int r = item_path(s, RD_REMOVE, "delete", id, path, e);
	if (r < 0)
		return r;
	r = ask(s, &q, e);
	http_answer_clear(&q.a);
	if (r == -ENOENT) {
		e->class = PROVIDER_OK;
		r = 0;
	}
	return r;
}

static void rd_rate(void *state, struct provider_rate *out)
{
	*out = ((struct rd *)state)->rate;
}

const struct provider provider_realdebrid = {
	.name = "realdebrid",
	.open = rd_open,
	.close = rd_close,
	.account = rd_account,
	.list = rd_list,
	.info = rd_info,
	.add = rd_add,
	.select = rd_select,
	.remove = rd_remove,
	.active = rd_active,
	.rate = rd_rate,
	/* info of the old one, active, add, info, select, six looks while it is made, remove */
	.insertion_calls = 12,
};
