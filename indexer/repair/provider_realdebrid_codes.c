/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Nothing that the answer says is quoted: it may hold our token.  A code is the provider's own word and weighs more than the
 * status; a status alone may come from whatever stands between, so "gone" and "infringing" need the code.
 */
#include "indexer/repair/provider_realdebrid_codes.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/net/json.h"

#define REFUSED_PAUSE (120 * NS_PER_S)
#define LONG_PAUSE (3600 * NS_PER_S)
/* a page for people stands in the way */
#define BLOCKED_PAUSE (600 * NS_PER_S)

enum { NO_CODE = INT32_MIN, ERROR_BYTES_MOST = 64 << 10 };

static const struct code {
	int code;
	enum provider_class class;
	enum net_end end;
	/** When no Retry-After says another. */
	int64_t pause;
	const char *why;
} codes[] = {
	{-1, PROVIDER_LATER, NET_ERROR, -1, "an internal error of Real-Debrid"},
	{1, PROVIDER_LATER, NET_OK, -1, "Real-Debrid misses a parameter"},
	{2, PROVIDER_PERMANENT, NET_OK, -1, "Real-Debrid does not take this value"},
	{3, PROVIDER_WAIT, NET_OK, LONG_PAUSE, "Real-Debrid does not know this call"},
	{4, PROVIDER_WAIT, NET_OK, LONG_PAUSE, "Real-Debrid does not allow this call"},
	{5, PROVIDER_WAIT, NET_REFUSED, REFUSED_PAUSE, "Real-Debrid asks to slow down"},
	{6, PROVIDER_LATER, NET_OK, -1, "what it needs cannot be reached by Real-Debrid"},
	{7, PROVIDER_GONE, NET_OK, -1, "Real-Debrid does not have it"},
	{8, PROVIDER_STOP, NET_OK, -1, "Real-Debrid does not accept the token"},
	{9, PROVIDER_STOP, NET_OK, -1, "Real-Debrid denies permission to this account"},
	{10, PROVIDER_STOP, NET_OK, -1, "Real-Debrid asks for the second factor"},
	{11, PROVIDER_STOP, NET_OK, -1, "Real-Debrid waits for the second factor"},
	{12, PROVIDER_STOP, NET_OK, -1, "Real-Debrid does not accept the login"},
	{13, PROVIDER_STOP, NET_OK, -1, "Real-Debrid does not accept the password"},
	{14, PROVIDER_STOP, NET_OK, -1, "the Real-Debrid account is locked"},
	{15, PROVIDER_STOP, NET_OK, -1, "the Real-Debrid account is not activated"},
	{16, PROVIDER_PERMANENT, NET_OK, -1, "Real-Debrid does not support its hoster"},
	{17, PROVIDER_LATER, NET_OK, -1, "its hoster is in maintenance"},
	{18, PROVIDER_LATER, NET_OK, -1, "the limit of its hoster is reached"},
	{19, PROVIDER_LATER, NET_OK, -1, "its hoster is not available for now"},
	{20, PROVIDER_STOP, NET_OK, -1, "Real-Debrid wants a premium account"},
	{21, PROVIDER_LATER, NET_OK, -1, "too many torrents are active"},
	{22, PROVIDER_STOP, NET_OK, -1, "Real-Debrid does not allow this machine's address"},
	{23, PROVIDER_WAIT, NET_REFUSED, LONG_PAUSE, "the traffic of the account is used up"},
	{24, PROVIDER_PERMANENT, NET_OK, -1, "the file is not available at its hoster any more"},
	{25, PROVIDER_LATER, NET_ERROR, -1, "the service of Real-Debrid is not available"},
	{26, PROVIDER_PERMANENT, NET_OK, -1, "the upload is too big"},
	{27, PROVIDER_LATER, NET_OK, -1, "the upload failed"},
	{28, PROVIDER_PERMANENT, NET_OK, -1, "Real-Debrid does not allow this file"},
	{29, PROVIDER_PERMANENT, NET_OK, -1, "the torrent is too big for Real-Debrid"},
	{30, PROVIDER_PERMANENT, NET_OK, -1, "the torrent file is not valid"},
	{31, PROVIDER_OK, NET_OK, -1, "it was done already"},
	{32, PROVIDER_LATER, NET_OK, -1, "an image's resolution is wrong"},
	{33, PROVIDER_OK, NET_OK, -1, "the torrent is active already"},
	{34, PROVIDER_WAIT, NET_REFUSED, REFUSED_PAUSE, "too many requests for Real-Debrid"},
	{35, PROVIDER_PERMANENT, NET_OK, -1, "Real-Debrid calls it infringing"},
	{36, PROVIDER_WAIT, NET_REFUSED, LONG_PAUSE, "the fair-usage limit of Real-Debrid is reached"},
	{37, PROVIDER_WAIT, NET_OK, LONG_PAUSE, "Real-Debrid has switched this call off"},
};

/** Without a code that is known.  The first that fits. */
static const struct status {
	int from, to;
	struct code is;
} statuses[] = {
	{300, 399, {0, PROVIDER_WAIT, NET_ERROR, BLOCKED_PAUSE, "Real-Debrid's address sends us elsewhere"}},
	{401, 401, {0, PROVIDER_STOP, NET_OK, -1, "Real-Debrid does not accept the token"}},
	{403, 403, {0, PROVIDER_WAIT, NET_ERROR, BLOCKED_PAUSE, "Real-Debrid refuses without saying why"}},
	{404, 404, {0, PROVIDER_LATER, NET_OK, -1, "a 404 that is not in Real-Debrid's own words"}},
	{451, 451, {0, PROVIDER_LATER, NET_OK, -1, "a 451 that is not in Real-Debrid's own words"}},
	{400, 499, {0, PROVIDER_LATER, NET_OK, -1, "Real-Debrid refuses the call"}},
	{509, 509, {0, PROVIDER_LATER, NET_OK, -1, "too many torrents are active"}},
	{500, 599, {0, PROVIDER_LATER, NET_ERROR, -1, "Real-Debrid answered with an error of its own"}},
	{0, 999, {0, PROVIDER_WAIT, NET_ERROR, -1, "Real-Debrid gave an answer that has no meaning"}},
};

static const struct code too_many = {0, PROVIDER_WAIT, NET_REFUSED, REFUSED_PAUSE, "too many requests for Real-Debrid"};
static const struct code web_page = {0, PROVIDER_WAIT, NET_ERROR, BLOCKED_PAUSE,
				     "a web page answered in Real-Debrid's place"};

static const struct {
	bool is_changing, has_item;
} calls[RD_CALLS] = {
	[RD_INFO] = {.has_item = true},
	[RD_ADD] = {.has_item = true, .is_changing = true},
	[RD_SELECT] = {.has_item = true, .is_changing = true},
	[RD_REMOVE] = {.has_item = true, .is_changing = true},
};

bool rd_is_changing(enum rd_call call)
{
	return calls[call].is_changing;
}

bool rd_has_item(enum rd_call call)
{
	return calls[call].has_item;
}

/** NO_CODE when the body is none of its errors. */
static int read_code(const struct http_answer *a)
{
	char why[160];
	struct js *v;
	if (a->body.len > ERROR_BYTES_MOST || js_parse(a->body.data, a->body.len, &v, why) < 0)
		return NO_CODE;
	int64_t code = js_int(v, "error_code", NO_CODE);
	js_free(v);
	return code >= -1 && code <= INT16_MAX ? (int)code : NO_CODE;
}

static const struct code *code_of(int number)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i].code == number)
			return &codes[i];
	return NULL;
}

static const struct code *status_of(int status)
{
	const struct status *s = statuses;
	while (status < s->from || status > s->to)
		s++;
	return &s->is;
}

static bool is_page(const struct http_answer *a)
{
	return a->is_challenge || strcmp(a->type, "text/html") == 0;
}

static const struct code *find(const struct http_answer *a, int *number)
{
	const struct code *code;
	*number = read_code(a);
	code = *number == NO_CODE ? NULL : code_of(*number);
	if (*number == NO_CODE)
		*number = 0;
	if (a->status == 429)
		return &too_many;
	if (code)
		return code;
	if (is_page(a) && a->status != 404 && a->status != 451)
		return &web_page;
	return status_of(a->status);
}

/** What the class is for this call. */
static enum provider_class class_of(enum rd_call call, const struct code *c, int status)
{
	bool has_id = rd_has_item(call) && call != RD_ADD;
	if (c->class == PROVIDER_WAIT || c->class == PROVIDER_STOP)
		/* whatever stands between us may have passed it on */
		return rd_is_changing(call) && c->class == PROVIDER_WAIT && status >= 500 && !c->code
			       ? PROVIDER_UNKNOWN
			       : c->class;
	if (!rd_has_item(call))
		return PROVIDER_WAIT;
	if (c->class == PROVIDER_OK)
		return call == RD_SELECT ? PROVIDER_OK : rd_is_changing(call) ? PROVIDER_UNKNOWN : PROVIDER_LATER;
	if (c->class == PROVIDER_GONE)
		return has_id && status == 404 ? PROVIDER_GONE : PROVIDER_LATER;
	/* an error in the middle of it */
	if (rd_is_changing(call) && c->class == PROVIDER_LATER && c->end == NET_ERROR && c->code != 25)
		return PROVIDER_UNKNOWN;
	return c->class;
}

static struct rd_meaning of_success(enum rd_call call, const struct http_answer *a)
{
	struct rd_meaning m = {.class = PROVIDER_OK, .why = "", .verdict = {NET_OK, -1}};
	if (!is_page(a) || a->body.len == 0)
		return m;
	m.class = rd_is_changing(call) ? PROVIDER_UNKNOWN : PROVIDER_WAIT;
	m.why = web_page.why;
	m.verdict = (struct net_verdict){web_page.end, web_page.pause};
	return m;
}

struct rd_meaning rd_meaning(enum rd_call call, const struct http_answer *a)
{
	struct rd_meaning m = {0};
	if ((a->status >= 200 && a->status < 300) || a->status == 304)
		return of_success(call, a);
	const struct code *c = find(a, &m.code);
	m.class = class_of(call, c, a->status);
	m.why = c->why;
	m.verdict = (struct net_verdict){c->end, a->retry_after_ns >= 0 ? a->retry_after_ns : c->pause};
	return m;
}
