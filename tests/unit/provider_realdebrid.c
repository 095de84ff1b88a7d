/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Real-Debrid is asked, and what each of its answers means. */
#include "tests/unit/realdebrid_world.h"

enum call { USER, LIST, INFO, ADD, SELECT, REMOVE, ACTIVE, CALLS };

struct heard {
	size_t n;
	char last[PROVIDER_ID];
	int64_t bytes;
};

static int hear(void *arg, const struct provider_torrent *t)
{
	struct heard *h = arg;
	assert_non_null(t->name);
	assert_int_equal(strlen(t->hash), 40);
	snprintf(h->last, sizeof h->last, "%s", t->id);
	h->bytes += t->bytes;
	h->n++;
	return 0;
}

/** After a pause that ends every other; each error is checked for what holds of all. */
static int call(struct lab *l, enum call what)
{
	static const int64_t files[] = {3, 17};
	const struct provider *p = &provider_realdebrid;
	struct provider_account account;
	struct provider_torrent t = {0};
	struct provider_page page = {0};
	struct heard heard = {0};
	char id[PROVIDER_ID];
	int64_t n, most;
	int r = 0;
	lab_pass(25 * 3600 * NS_PER_S);
	switch (what) {
	case USER:
		r = p->account(l->rd, &account, &l->e);
		break;
	case LIST:
		r = p->list(l->rd, &page, hear, &heard, &l->e);
		break;
	case INFO:
		r = p->info(l->rd, ID, &t, &l->e);
		break;
	case ADD:
		r = p->add(l->rd, HASH, id, &l->e);
		assert_true(r == 0 || l->e.class != PROVIDER_OK);
		break;
	case SELECT:
		r = p->select(l->rd, ID, files, 2, &l->e);
		break;
	case REMOVE:
		r = p->remove(l->rd, ID, &l->e);
		break;
	default:
		r = p->active(l->rd, &n, &most, &l->e);
	}
	provider_torrent_clear(&t);
	assert_int_equal(r, provider_result(l->e.class));
	assert_null(strstr(l->e.why, TOKEN));
	if (r < 0)
		assert_string_not_equal(l->e.why, "");
	assert_true((l->e.class == PROVIDER_WAIT) == (l->e.at > tell_now(NULL)));
	return r;
}

/* --- classes --- */

static void check_class(struct lab *l, enum call what, enum provider_class expected, const char *told)
{
	call(l, what);
	if (l->e.class != expected)
		fail_msg("call %d: class %d instead of %d (%s) after %s", (int)what, (int)l->e.class, (int)expected,
			 l->e.why, told);
}

static void each_code_has_its_class(void **state)
{
	static const struct {
		int code, status;
		/* of the account; of an item that is read; of one that is added */
		enum provider_class whole, info, add;
	} rows[] = {
		{-1, 500, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_UNKNOWN},
		{1, 400, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{2, 400, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{3, 404, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{4, 405, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{5, 403, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{6, 503, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{7, 404, PROVIDER_WAIT, PROVIDER_GONE, PROVIDER_LATER},
		{7, 403, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{8, 401, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{9, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{10, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{11, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{12, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{13, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{14, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{15, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{16, 403, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{17, 503, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{18, 503, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{19, 503, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{20, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{21, 509, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{22, 403, PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{23, 503, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{24, 503, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{25, 503, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{26, 400, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{27, 400, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
		{28, 400, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{29, 400, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{30, 400, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{31, 403, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_UNKNOWN},
		{33, 403, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_UNKNOWN},
		{34, 429, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{35, 451, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{35, 403, PROVIDER_WAIT, PROVIDER_PERMANENT, PROVIDER_PERMANENT},
		{36, 403, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{37, 403, PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		/* a code that is not known weighs as its status */
		{999, 418, PROVIDER_WAIT, PROVIDER_LATER, PROVIDER_LATER},
	};
	struct lab l;
	char body[256];
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(body, sizeof body, "{\"error\": \"%s\", \"error_code\": %d, \"more\": [1]}", TOKEN, rows[i].code);
		answer(&l, rows[i].status, body);
		for (size_t times = 0; times < 2; times++) {
			check_class(&l, times ? LIST : USER, rows[i].whole, body);
			assert_int_equal(l.e.http, rows[i].status);
			assert_int_equal(l.e.code, rows[i].code);
			check_class(&l, INFO, rows[i].info, body);
			check_class(&l, ADD, rows[i].add, body);
		}
	}
	lab_close(&l);
}

static void a_status_alone_proves_less(void **state)
{
	static const struct {
		int status;
		const char *headers, *body;
		enum provider_class info, add, remove;
	} rows[] = {
		{404, HTML_TYPE, "<html>gone</html>", PROVIDER_LATER, PROVIDER_LATER, PROVIDER_LATER},
		{404, JSON_TYPE, "", PROVIDER_LATER, PROVIDER_LATER, PROVIDER_LATER},
		{404, JSON_TYPE, "[7]", PROVIDER_LATER, PROVIDER_LATER, PROVIDER_LATER},
		{404, JSON_TYPE, "{\"error_code\": {\"a\": 7}}", PROVIDER_LATER, PROVIDER_LATER, PROVIDER_LATER},
		{404, JSON_TYPE, CODE(7), PROVIDER_GONE, PROVIDER_LATER, PROVIDER_OK},
		{200, JSON_TYPE, CODE(7), PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_OK},
		{451, HTML_TYPE, "<html>law</html>", PROVIDER_LATER, PROVIDER_LATER, PROVIDER_LATER},
		{401, JSON_TYPE, "", PROVIDER_STOP, PROVIDER_STOP, PROVIDER_STOP},
		{401, HTML_TYPE, "<html>log in</html>", PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{403, HTML_TYPE, "<html>moment</html>", PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{403, "cf-mitigated: challenge\r\n", "", PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{403, JSON_TYPE, "{}", PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{429, HTML_TYPE, "<html>slow</html>", PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{302, "Location: https://elsewhere.example/\r\n", "", PROVIDER_WAIT, PROVIDER_WAIT, PROVIDER_WAIT},
		{500, HTML_TYPE, "<html>oops</html>", PROVIDER_WAIT, PROVIDER_UNKNOWN, PROVIDER_UNKNOWN},
		{502, "", "", PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_UNKNOWN},
		{503, JSON_TYPE, "{}", PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_UNKNOWN},
		{509, "", "", PROVIDER_LATER, PROVIDER_LATER, PROVIDER_LATER},
		{200, HTML_TYPE, "<html>moment</html>", PROVIDER_WAIT, PROVIDER_UNKNOWN, PROVIDER_UNKNOWN},
		{200, JSON_TYPE, "", PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_OK},
		{201, JSON_TYPE, "{\"id\": \"../user\"}", PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_OK},
		{201, JSON_TYPE, "{\"id\": 5}", PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_OK},
		{700, JSON_TYPE, "{}", PROVIDER_WAIT, PROVIDER_UNKNOWN, PROVIDER_UNKNOWN},
	};
	struct lab l;
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		answer_with(&l, rows[i].status, rows[i].headers, rows[i].body);
		check_class(&l, INFO, rows[i].info, rows[i].body);
		check_class(&l, ADD, rows[i].add, rows[i].body);
		check_class(&l, REMOVE, rows[i].remove, rows[i].body);
		/* nothing of this tells anything of the account's torrents */
		if (rows[i].info != PROVIDER_STOP)
			check_class(&l, LIST, PROVIDER_WAIT, rows[i].body);
	}
	lab_close(&l);
}

static void without_an_answer_nothing_is_known(void **state)
{
	static const char *const broken[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "220 smtp.example ESMTP\r\n",
		"HTTP/1.1 201 Created\r\nContent-Length: 9",
	};
	struct lab l;
	(void)state;
	lab_open(&l);
	atomic_store(&is_closing, true);
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		answer_raw(&l, broken[i]);
		for (int what = USER; what < CALLS; what++) {
			bool changes = what == ADD || what == SELECT || what == REMOVE;
			check_class(&l, (enum call)what, changes ? PROVIDER_UNKNOWN : PROVIDER_WAIT, broken[i]);
		}
	}
	atomic_store(&is_closing, false);
	lab_close(&l);
}

static void nobody_there_a_token_that_is_none_and_the_end(void **state)
{
	struct lab l;
	(void)state;
	lab_open(&l);
	answer(&l, 201, "{\"id\": \"" ID "\"}");
	assert_int_equal(chmod(l.w.password, 0644), 0);
	check_class(&l, ADD, PROVIDER_STOP, "a token that others can read");
	world_password(&l.w, "\n");
	check_class(&l, USER, PROVIDER_STOP, "an empty token");
	unlink(l.w.password);
	check_class(&l, LIST, PROVIDER_STOP, "no token");
	assert_int_equal(server_requests(l.server), 0);
	world_password(&l.w, TOKEN);
	check_class(&l, ADD, PROVIDER_OK, "a token");
	http_cancel(l.w.net.http);
	lab_pass(25 * 3600 * NS_PER_S);
	char id[PROVIDER_ID];
	assert_int_equal(provider_realdebrid.add(l.rd, HASH, id, &l.e), -ECANCELED);
	assert_int_equal(l.e.class, PROVIDER_UNKNOWN);
	lab_close(&l);
	/* a port that nobody listens on */
	world_open(&l.w, TOKEN, "realdebrid { token_file = \"%s\"\n url = \"http://127.0.0.1:1\" }\n");
	l.w.net.now = tell_now;
	assert_int_equal(provider_realdebrid.open(&l.w.outside, &l.rd, l.e.why), 0);
	check_class(&l, ADD, PROVIDER_WAIT, "nobody listens");
	check_class(&l, LIST, PROVIDER_WAIT, "nobody listens");
	provider_realdebrid.close(l.rd);
	world_close(&l.w);
}

/* --- what is asked --- */

static void each_call_is_what_the_api_wants(void **state)
{
	static const struct {
		enum call what;
		int status;
		const char *body, *line, *form;
	} rows[] = {
		{USER, 200, "{\"username\": \"me\", \"type\": \"premium\"}", "GET /rest/1.0/user HTTP/1.1\r\n", NULL},
		{LIST, 200, "[]", "GET /rest/1.0/torrents?offset=0&limit=1000 HTTP/1.1\r\n", NULL},
		{ADD, 201, "{\"id\": \"" ID "\"}", "POST /rest/1.0/torrents/addMagnet HTTP/1.1\r\n",
		 "\r\n\r\nmagnet=magnet%3A%3Fxt%3Durn%3Abtih%3A" HASH},
		{SELECT, 204, "", "POST /rest/1.0/torrents/selectFiles/" ID " HTTP/1.1\r\n", "\r\n\r\nfiles=3%2C17"},
		{SELECT, 202, "", "POST /rest/1.0/torrents/selectFiles/" ID " HTTP/1.1\r\n", NULL},
		{SELECT, 403, CODE(31), "POST /rest/1.0/torrents/selectFiles/" ID " HTTP/1.1\r\n", NULL},
		{REMOVE, 204, "", "DELETE /rest/1.0/torrents/delete/" ID " HTTP/1.1\r\n", NULL},
		{ACTIVE, 200, "{\"nb\": 3, \"limit\": 20}", "GET /rest/1.0/torrents/activeCount HTTP/1.1\r\n", NULL},
	};
	struct lab l;
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		answer(&l, rows[i].status, rows[i].body);
		lab_forget(&l);
		check_class(&l, rows[i].what, PROVIDER_OK, rows[i].line);
		if (!server_saw(l.server, rows[i].line) || (rows[i].form && !server_saw(l.server, rows[i].form)))
			fail_msg("asked otherwise: %s", buf_str(&l.server->log));
		assert_true(server_saw(l.server, "\r\nAuthorization: Bearer " TOKEN "\r\n"));
		assert_true(!rows[i].form || server_saw(l.server, "application/x-www-form-urlencoded"));
	}
	answer(&l, 404, CODE(7));
	check_class(&l, SELECT, PROVIDER_GONE, CODE(7));
	lab_close(&l);
}

static void what_is_no_id_is_not_asked_for(void **state)
{
	static const char *const wrong[] = {
		"", "../user", "A/B", "A?x=1", "A%2f", "A B", "\xc3\xa9",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	const struct provider *p = &provider_realdebrid;
	struct provider_torrent t;
	int64_t file = 1;
	char id[PROVIDER_ID];
	struct lab l;
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(p->info(l.rd, wrong[i], &t, &l.e), -EPERM);
		assert_int_equal(p->select(l.rd, wrong[i], &file, 1, &l.e), -EPERM);
		assert_int_equal(p->remove(l.rd, wrong[i], &l.e), -EPERM);
		assert_int_equal(p->add(l.rd, wrong[i], id, &l.e), -EPERM);
	}
	assert_int_equal(p->add(l.rd, HASH "0", id, &l.e), -EPERM);
	assert_int_equal(p->select(l.rd, ID, NULL, 0, &l.e), -EPERM);
	assert_int_equal(server_requests(l.server), 0);
	lab_close(&l);
}

static void the_token_goes_nowhere_else(void **state)
{
	static const struct {
		const char *url;
		int expected;
	} rows[] = {
		{"https://api.real-debrid.com/rest/1.0", 0}, {"http://localhost:8080", 0}, {"http://[::1]/", 0},
		{"http://127.0.0.1", 0}, {"http://api.real-debrid.com/rest/1.0", -EINVAL}, {"ftp://x", -EINVAL},
		{"http://127.0.0.1.evil.example/", -EINVAL}, {"http://127.0.0.1:1@evil.example/", -EINVAL},
		{"https://", -EINVAL}, {"https://a/?b", -EINVAL}, {"", -EINVAL},
	};
	char conf[512], why[WHY];
	struct world w;
	void *rd = &w;
	(void)state;
	world_open(&w, TOKEN, "# %s\n");
	assert_int_equal(provider_realdebrid.open(&w.outside, &rd, why), 0);
	assert_null(rd);
	world_close(&w);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(conf, sizeof conf, "realdebrid { token_file = \"%%s\"\n url = \"%s\" }\n", rows[i].url);
		world_open(&w, TOKEN, conf);
		if (provider_realdebrid.open(&w.outside, &rd, why) != rows[i].expected)
			fail_msg("%s", rows[i].url);
		provider_realdebrid.close(rd);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_has_its_class),
		cmocka_unit_test(a_status_alone_proves_less),
		cmocka_unit_test(without_an_answer_nothing_is_known),
		cmocka_unit_test(nobody_there_a_token_that_is_none_and_the_end),
		cmocka_unit_test(each_call_is_what_the_api_wants),
		cmocka_unit_test(what_is_no_id_is_not_asked_for),
		cmocka_unit_test(the_token_goes_nowhere_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
