/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * aMule, by its External Connection.  A connection of its own for each call: nothing of an old
 * one can be mistaken for an answer.
 *
 * aMule 2.3 answers NOOP to a link that it has already: only its lists tell, so they are asked
 * before the link is sent and after.  It also cuts off one connection in a hundred for no reason
 * when several come soon after each other: what only asks is asked again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/text.h"
#include "indexer/hash.h"
#include "indexer/net/secret.h"
#include "indexer/request/amule_link.h"
#include "indexer/request/client.h"

struct amule {
	/** For its sleep, which ends with the program. */
	struct http *http;
	/* borrowed from the configuration: */
	const char *host, *password_file;
	int port;
	uint64_t category;
};

enum {
	TRIES = 4,
};

#define PAUSE (250 * NS_PER_MS)

static void cleanup_link(struct amule_link *l)
{
	amule_link_close(l);
}

static void cleanup_secret(struct buf *b)
{
	secret_clear(b);
}

static void cleanup_ed2k(struct ed2k_link *l)
{
	ed2k_clear(l);
}

#define _link_ __attribute__((cleanup(cleanup_link)))
#define _secret_ __attribute__((cleanup(cleanup_secret)))
#define _ed2k_ __attribute__((cleanup(cleanup_ed2k)))

static int amule_open(const struct outside *o, void **state, char *why)
{
	const char *host = config_text(o->config, OPT_amule_host);
	const char *file = config_text(o->config, OPT_amule_password);
	_secret_ struct buf password = BUF_INIT(4096);
	*state = NULL;
	if (!*host)
		return 0;
	if (!*file) {
		snprintf(why, WHY, "amule: password_file is not set, and aMule takes no one without a password");
		return -EINVAL;
	}
	int r = secret_read(file, &password, why);
	if (r < 0)
		return r;
	struct amule *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	a->http = o->net->http;
	a->host = host;
	a->password_file = file;
	a->port = (int)config_int(o->config, OPT_amule_port);
	a->category = (uint64_t)config_int(o->config, OPT_amule_category);
	*state = a;
	return 0;
}

static void amule_close(void *state)
{
	free(state);
}

/* --- signing in --- */

/** What it says with a refusal, as a clause; "" when nothing. */
static void said(struct amule_tags tags, char *out, size_t n)
{
	_buf_ struct buf raw = BUF_INIT(4096), clean = BUF_INIT(4096);
	struct amule_tag tag;
	out[0] = '\0';
	if (amule_find(tags, AMULE_STRING, &tag) == 0 && amule_text(&tag, &raw) == 0) {
		text_clean(buf_str(&raw), raw.len, n - 1, &clean);
		snprintf(out, n, "%s", buf_str(&clean));
	}
}

static int refusal(enum amule_op op, struct amule_tags tags, char *why)
{
	char text[120];
	if (op != AMULE_AUTH_FAIL) {
		snprintf(why, WHY, "aMule does not greet as its External Connection does");
		return -EPROTO;
	}
	said(tags, text, sizeof text);
	snprintf(why, WHY, "aMule lets us not in: %s", *text ? text : "it does not say why");
	return -EACCES;
}

/** 0 with the salt. */
static int greet(struct amule_link *l, uint64_t *salt, char *why)
{
	enum amule_op op;
	struct amule_tags tags;
	struct amule_tag tag;
	amule_begin(&l->out, AMULE_AUTH_REQ);
	amule_add_text(&l->out, AMULE_CLIENT_NAME, "mediamon");
	amule_add_text(&l->out, AMULE_CLIENT_VERSION, MEDIAMON_VERSION);
	amule_add_number(&l->out, AMULE_PROTOCOL_VERSION, AMULE_PROTOCOL);
	int r = amule_link_ask(l, &op, &tags, why);
	if (r < 0)
		return r;
	if (op != AMULE_AUTH_SALT || amule_find(tags, AMULE_PASSWD_SALT, &tag) < 0 || amule_number(&tag, salt) < 0)
		return refusal(op, tags, why);
	return 0;
}

static int sign_in(const struct amule *a, struct amule_link *l, char *why)
{
	_secret_ struct buf password = BUF_INIT(4096);
	uint8_t digest[AMULE_DIGEST];
	uint64_t salt = 0;
	enum amule_op op;
	struct amule_tags tags;
	int r = secret_read(a->password_file, &password, why);
	if (r < 0)
		return -EACCES;
	r = amule_link_open(l, a->host, a->port, why);
	if (r == 0)
		r = greet(l, &salt, why);
	if (r < 0)
		return r;
	if (amule_answer(buf_str(&password), salt, digest) < 0) {
		snprintf(why, WHY, "the password's MD5 cannot be made here");
		return -EACCES;
	}
	amule_begin(&l->out, AMULE_AUTH_PASSWD);
	amule_add_digest(&l->out, AMULE_PASSWD_HASH, digest);
	explicit_bzero(digest, sizeof digest);
	r = amule_link_ask(l, &op, &tags, why);
	return r < 0 ? r : op == AMULE_AUTH_OK ? 0 : refusal(op, tags, why);
}

/* --- asking --- */

/** The tag of one list that has the hash; -ENOENT. */
static int find_in(struct amule_tags tags, enum amule_name name, const char *hash, struct amule_tag *found)
{
	struct amule_tag inner;
	char text[33];
	int r = amule_next(&tags, found);
	for (; r == 1; r = amule_next(&tags, found))
		if (found->name == name && amule_find(found->children, AMULE_FILE_HASH, &inner) == 0 &&
		    amule_hash(&inner, text) == 0 && strcmp(text, hash) == 0)
			return 0;
	return r == 0 ? -ENOENT : r;
}

/** Asks for a list; -ENOENT when the hash is not in it. */
static int ask_list(struct amule_link *l, enum amule_op question, enum amule_op answer, enum amule_name name,
		    const char *hash, struct amule_tag *found, char *why)
{
	enum amule_op op;
	struct amule_tags tags;
	amule_begin(&l->out, question);
	/* the least that it can tell */
	amule_add_number(&l->out, AMULE_DETAIL_LEVEL, 0);
	int r = amule_link_ask(l, &op, &tags, why);
	if (r < 0)
		return r;
	r = op == answer ? find_in(tags, name, hash, found) : -EPROTO;
	if (r == -EPROTO)
		snprintf(why, WHY, "aMule's list of files cannot be read");
	return r;
}

/** 0: being loaded, or (is_done) a shared file; -ENOENT: it has it not. */
static int look_up(struct amule_link *l, const char *hash, struct amule_tag *found, bool *is_done, char *why)
{
	int r = ask_list(l, AMULE_GET_DLOAD_QUEUE, AMULE_DLOAD_QUEUE, AMULE_PARTFILE, hash, found, why);
	*is_done = r == -ENOENT;
	if (r != -ENOENT)
		return r;
	r = ask_list(l, AMULE_GET_SHARED_FILES, AMULE_SHARED_FILES, AMULE_KNOWNFILE, hash, found, why);
	if (r == -ENOENT)
		snprintf(why, WHY, "aMule neither loads nor shares it");
	return r;
}

/** Connects, signs in, looks up: again when it is cut off. */
static int reach(const struct amule *a, struct amule_link *l, const char *hash, struct amule_tag *found, bool *is_done,
		 char *why)
{
	int r = -EIO;
	l->http = a->http;
	if (!l->end)
		l->end = mono_ns() + AMULE_ERRAND_MS * NS_PER_MS;
	for (int i = 0; i < TRIES && r == -EIO && mono_ns() < l->end; i++) {
		if (i && http_sleep(a->http, i * PAUSE) < 0)
			break;
		amule_link_close(l);
		r = sign_in(a, l, why);
		if (r == 0)
			r = look_up(l, hash, found, is_done, why);
	}
	return r;
}

static uint64_t number_of(const struct amule_tag *file, enum amule_name name)
{
	struct amule_tag tag;
	uint64_t v = 0;
	return amule_find(file->children, name, &tag) == 0 && amule_number(&tag, &v) == 0 ? v : 0;
}

static void name_of(const struct amule_tag *file, struct buf *out)
{
	struct amule_tag tag;
	_buf_ struct buf raw = BUF_INIT(64 << 10);
	if (amule_find(file->children, AMULE_FILE_NAME, &tag) < 0 || amule_text(&tag, &raw) < 0)
		return;
	text_clean(buf_str(&raw), raw.len, 4096, out);
}

/** Of a file that is being loaded. */
static void tell(const struct amule_tag *file, struct client_item *item)
{
	static const struct {
		enum client_state state;
		const char *text;
	} states[] = {
		{CLIENT_WAITS, "waiting for sources"},
		{CLIENT_WAITS, "waiting for sources"},
		{CLIENT_LOADS, "waiting to be hashed"},
		{CLIENT_LOADS, "hashing"},
		{CLIENT_FAILED, "erroneous"},
		/* it goes on by itself when there is room */
		{CLIENT_WAITS, "no room on its disk"},
		{CLIENT_WAITS, "unknown state"},
		{CLIENT_WAITS, "paused"},
		{CLIENT_LOADS, "completing"},
		{CLIENT_DONE, "complete"},
		{CLIENT_LOADS, "allocating"},
	};
	enum { READY = 0, EMPTY = 1, UNKNOWN = 6, PAUSED = 7 };
	uint64_t status = number_of(file, AMULE_STATUS), full = number_of(file, AMULE_SIZE_FULL);
	uint64_t done = number_of(file, AMULE_SIZE_DONE), speed = number_of(file, AMULE_SPEED);
	if (status >= COUNT_OF(states))
		status = UNKNOWN;
	if (status <= EMPTY && number_of(file, AMULE_STOPPED))
		status = PAUSED;
	item->state = states[status].state;
	snprintf(item->text, sizeof item->text, "%s", states[status].text);
	if (status <= EMPTY && number_of(file, AMULE_SOURCES_SENDING)) {
		item->state = CLIENT_LOADS;
		snprintf(item->text, sizeof item->text, "loading");
	}
	if (done > full)
		done = full;
	item->progress = item->state == CLIENT_DONE ? 1 : full ? (double)done / (double)full : 0;
	item->speed = speed > INT64_MAX ? INT64_MAX : (int64_t)speed;
	item->seconds_left = speed ? (int64_t)((full - done) / speed) : -1;
}

static int amule_find_hash(void *state, enum protocol protocol, const char *hash, struct client_item *item, char *why)
{
	_link_ struct amule_link l = AMULE_LINK_INIT;
	struct amule_tag file;
	bool is_done = false;
	if (protocol != PROTOCOL_ED2K || !*hash)
		return -ENOTSUP;
	int r = reach(state, &l, hash, &file, &is_done, why);
	if (r < 0)
		return r;
	name_of(&file, &item->files);
	if (!is_done) {
		tell(&file, item);
		return 0;
	}
	item->state = CLIENT_DONE;
	item->progress = 1;
	snprintf(item->text, sizeof item->text, "shared");
	return 0;
}

/* --- handing over --- */

/** For what went wrong before the link was sent. */
static int surely_not(int r)
{
	return r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -EACCES ? r : -EAGAIN;
}

/** The link was sent; what is to be believed. */
static int confirm(struct amule_link *l, enum amule_op op, struct amule_tags tags, const char *hash, char *why)
{
	struct amule_tag file;
	bool is_done;
	char text[120];
	said(tags, text, sizeof text);
	int r = look_up(l, hash, &file, &is_done, why);
	if (op == AMULE_NOOP && r == -ENOENT) {
		snprintf(why, WHY, "aMule took the link, but does not list it");
		return -EPROTO;
	}
	if (op == AMULE_NOOP || (r < 0 && r != -ENOENT))
		return r;
	if (r == 0)
		return -EEXIST;
	snprintf(why, WHY, "aMule refused the link: %s", *text ? text : "it does not say why");
	return -EINVAL;
}

static int send_link(const struct amule *a, struct amule_link *l, const struct ed2k_link *link, char *why)
{
	_buf_ struct buf text = BUF_INIT(32 << 10);
	enum amule_op op;
	struct amule_tags tags;
	ed2k_format(link, &text);
	/* nothing is sent of a link that did not fit */
	if (buf_error(&text)) {
		snprintf(why, WHY, "the ed2k link is too long");
		return -EINVAL;
	}
	amule_begin(&l->out, AMULE_ADD_LINK);
	if (a->category)
		amule_add_text_with(&l->out, AMULE_STRING, buf_str(&text), AMULE_CATEGORY, a->category);
	else
		amule_add_text(&l->out, AMULE_STRING, buf_str(&text));
	int r = amule_link_ask(l, &op, &tags, why);
	if (r == 0 && op != AMULE_NOOP && op != AMULE_FAILED) {
		snprintf(why, WHY, "aMule's answer to a link cannot be read");
		r = -EPROTO;
	}
	if (r < 0)
		return r == -ETIMEDOUT || r == -EPROTO ? r : -EIO;
	r = confirm(l, op, tags, link->hash, why);
	return r == 0 || r == -EEXIST || r == -EINVAL || r == -ETIMEDOUT || r == -EPROTO ? r : -EIO;
}

static int amule_add(void *state, const struct handover *h, char *why)
{
	_link_ struct amule_link l = AMULE_LINK_INIT;
	_ed2k_ struct ed2k_link link = {.name = BUF_INIT(4096)};
	struct amule_tag file;
	bool is_done = false;
	if (ed2k_parse(buf_str(&h->link), h->link.len, &link) < 0) {
		snprintf(why, WHY, "it is no ed2k link");
		return -EINVAL;
	}
	int r = reach(state, &l, link.hash, &file, &is_done, why);
	if (r == 0)
		return -EEXIST;
	if (r != -ENOENT)
		return surely_not(r);
	r = send_link(state, &l, &link, why);
	/* cut off: its list may tell on a new connection; that it is not there proves nothing */
	if (r == -EIO && reach(state, &l, link.hash, &file, &is_done, why) == 0)
		r = 0;
	return r;
}

const struct client client_amule = {
	.name = "amule",
	.takes = PROTOCOL_ED2K,
	.can_find = true,
	.open = amule_open,
	.close = amule_close,
	.add = amule_add,
	.find = amule_find_hash,
};
