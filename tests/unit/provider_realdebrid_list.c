/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Real-Debrid tells of torrents, and at which rate it is asked. */
#include "tests/unit/realdebrid_world.h"

#define PASS (25 * 3600 * NS_PER_S)
#define MINUTE (60 * NS_PER_S)

struct heard {
	VEC(struct provider_torrent) torrents;
};

static int hear(void *arg, const struct provider_torrent *t)
{
	struct heard *h = arg;
	struct provider_torrent *copy = vec_add(&h->torrents);
	*copy = *t;
	copy->name = strdup(t->name);
	copy->files = (__typeof__(copy->files)){0};
	return 0;
}

static void forget(struct heard *h)
{
	for (size_t i = 0; i < h->torrents.len; i++)
		provider_torrent_clear(&h->torrents.data[i]);
	vec_clear(&h->torrents);
}

static int list_at(struct lab *l, struct provider_page *p, struct heard *h)
{
	lab_pass(PASS);
	forget(h);
	return provider_realdebrid.list(l->rd, p, hear, h, &l->e);
}

/** One item; @more replaces or adds members. */
#define ITEM(id, more) \
	"{\"id\": \"" id "\", \"filename\": \"Show.S01\", \"hash\": \"0123456789ABCDEF0123456789abcdef01234567\", " \
	"\"bytes\": 5000000000, \"host\": \"real-debrid.com\", \"split\": 2000, \"progress\": 100, " \
	"\"status\": \"downloaded\", \"added\": \"2024-02-29T12:00:01.000Z\", " \
	"\"links\": [\"https://x/1\", \"https://x/2\"], \"unknown\": {\"deep\": [[1]]}" more "}"

static void a_page_is_read(void **state)
{
	struct provider_page p = {.offset = 7};
	struct heard h = {0};
	struct lab l;
	(void)state;
	lab_open(&l);
	answer_with(&l, 200, JSON_TYPE "X-Total-Count: 9\r\n",
		    "[" ITEM("A1", ", \"ended\": \"2024-03-01T00:00:00.000Z\"") "," ITEM("B2", "") "]");
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_int_equal(p.received, 2);
	assert_int_equal(p.total, 9);
	assert_true(p.is_last);
	assert_true(server_saw(l.server, "GET /rest/1.0/torrents?offset=7&limit=1000 "));
	const struct provider_torrent *t = h.torrents.data;
	assert_string_equal(t->id, "A1");
	assert_string_equal(t->hash, HASH);
	assert_string_equal(t->name, "Show.S01");
	assert_string_equal(t->status, "downloaded");
	assert_int_equal(t->state, TORRENT_OK);
	assert_int_equal(t->bytes, 5000000000);
	assert_int_equal(t->links, 2);
	assert_int_equal(t->added_at, INT64_C(1709208001) * NS_PER_S);
	assert_int_equal(t->ended_at, INT64_C(1709251200) * NS_PER_S);
	assert_int_equal(h.torrents.data[1].ended_at, 0);
	p = (struct provider_page){.offset = 0, .active_only = true};
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_true(server_saw(l.server, "&filter=active "));
	/* there is more than what came */
	assert_false(p.is_last);
	forget(&h);
	lab_close(&l);
}

static void the_end_is_an_empty_page(void **state)
{
	static const struct {
		int status;
		const char *headers, *body;
		int64_t offset;
		int expected;
	} rows[] = {
		{200, JSON_TYPE, "[]", 5, 0},
		{204, "", "", 5, 0},
		{204, "X-Total-Count: 5\r\n", "", 5, 0},
		{200, JSON_TYPE "X-Total-Count: 0\r\n", "[]", 0, 0},
		/* not to be believed */
		{200, JSON_TYPE "X-Total-Count: 6\r\n", "[]", 5, -EAGAIN},
		{204, "X-Total-Count: 90\r\n", "", 0, -EAGAIN},
		{200, JSON_TYPE, "", 0, -EAGAIN},
		{200, JSON_TYPE, "{}", 0, -EAGAIN},
		{200, JSON_TYPE, "null", 0, -EAGAIN},
		{200, HTML_TYPE, "[]", 0, -EAGAIN},
		{200, JSON_TYPE, "[{}, {}, " ITEM("A1", "") "]", 0, -EAGAIN},
		{200, JSON_TYPE, "[[[[", 0, -EAGAIN},
		{304, "ETag: \"x\"\r\n", "", 0, -EAGAIN},
		{200, JSON_TYPE "X-Total-Count: many\r\n", "[]", 0, 0},
	};
	struct heard h = {0};
	struct lab l;
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct provider_page p = {.offset = rows[i].offset};
		answer_with(&l, rows[i].status, rows[i].headers, rows[i].body);
		int r = list_at(&l, &p, &h);
		if (r != rows[i].expected)
			fail_msg("%d: %d %s", r, rows[i].status, rows[i].body);
		assert_int_equal(h.torrents.len, 0);
		assert_true(r < 0 || p.is_last);
	}
	lab_close(&l);
}

static void items_that_make_no_sense_are_left_out(void **state)
{
	static const struct {
		const char *more;
		bool is_told;
	} rows[] = {
		{"", true},
		{", \"id\": 5", false},
		{", \"id\": \"../x\"", false},
		{", \"hash\": \"0123\"", false},
		{", \"hash\": \"g123456789abcdef0123456789abcdef01234567\"", false},
		{", \"bytes\": -1", false},
		{", \"bytes\": 9223372036854775807", false},
		{", \"bytes\": []", false},
		{", \"links\": \"x\"", false},
		{", \"links\": null", false},
		{", \"progress\": 101", false},
		{", \"progress\": -1", false},
		{", \"status\": \"\"", false},
		{", \"status\": null", false},
		{", \"status\": \"a\\nb\"", false},
		{", \"status\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", false},
		/* its hash must be found whatever else there is */
		{", \"filename\": \"a/../b\"", true},
		{", \"filename\": \"..\"", true},
		{", \"filename\": 5", true},
		{", \"status\": \"brand_new\"", true},
		{", \"added\": \"yesterday\"", true},
		{", \"added\": \"2024-13-01T00:00:00\"", true},
	};
	_buf_ struct buf body = BUF_INIT(65536);
	struct heard h = {0};
	struct lab l;
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct provider_page p = {0};
		buf_reset(&body);
		buf_addf(&body, "[" ITEM("GOOD", "") ", " ITEM("ODD", "%s") "]", rows[i].more);
		answer(&l, 200, buf_str(&body));
		assert_int_equal(list_at(&l, &p, &h), 0);
		/* it was received, although it is not told */
		assert_int_equal(p.received, 2);
		if (h.torrents.len != (rows[i].is_told ? 2 : 1))
			fail_msg("%zu of 2 told with %s", h.torrents.len, rows[i].more);
		if (rows[i].is_told && strstr(rows[i].more, "filename"))
			assert_string_equal(h.torrents.data[1].name, "");
		if (rows[i].is_told && strstr(rows[i].more, "brand_new"))
			assert_int_equal(h.torrents.data[1].state, TORRENT_BUSY);
	}
	forget(&h);
	lab_close(&l);
}

static void what_did_not_change_is_told_from_memory(void **state)
{
	struct provider_page p = {0};
	struct heard h = {0};
	struct lab l;
	(void)state;
	lab_open(&l);
	answer_with(&l, 200, JSON_TYPE "ETag: \"one\"\r\nX-Total-Count: 3\r\n", "[" ITEM("A1", "") "," ITEM("B2", "") "]");
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_false(server_saw(l.server, "If-None-Match"));
	answer_with(&l, 304, "ETag: \"one\"\r\n", "");
	p = (struct provider_page){0};
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_true(server_saw(l.server, "\r\nIf-None-Match: \"one\"\r\n"));
	assert_int_equal(h.torrents.len, 2);
	assert_int_equal(p.received, 2);
	assert_int_equal(p.total, 3);
	assert_int_equal(lab_rate(&l).not_modified, 1);
	/* another page, and another account: nothing is remembered of those */
	lab_forget(&l);
	p = (struct provider_page){.offset = 2};
	assert_int_equal(list_at(&l, &p, &h), -EAGAIN);
	assert_false(server_saw(l.server, "If-None-Match"));
	answer_with(&l, 200, JSON_TYPE "ETag: \"two\"\r\n", "[" ITEM("A1", "") "]");
	p = (struct provider_page){0};
	assert_int_equal(list_at(&l, &p, &h), 0);
	world_password(&l.w, "another token");
	lab_forget(&l);
	p = (struct provider_page){0};
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_true(server_saw(l.server, "another token"));
	assert_false(server_saw(l.server, "If-None-Match: \"one\""));
	forget(&h);
	lab_close(&l);
}

static void pages_that_are_too_much_become_shorter(void **state)
{
	_buf_ struct buf body = BUF_INIT(16 << 20);
	struct provider_page p = {.offset = 3};
	struct heard h = {0};
	struct lab l;
	(void)state;
	lab_open(&l);
	buf_adds(&body, "[");
	for (int i = 0; i < 300000; i++)
		buf_adds(&body, "1,");
	buf_adds(&body, "1]");
	answer(&l, 200, buf_str(&body));
	assert_int_equal(list_at(&l, &p, &h), -EAGAIN);
	assert_int_equal(list_at(&l, &p, &h), -EAGAIN);
	assert_true(server_saw(l.server, "offset=3&limit=500 "));
	answer(&l, 200, "[" ITEM("A1", "") "]");
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_true(server_saw(l.server, "offset=3&limit=250 "));
	p = (struct provider_page){0};
	assert_int_equal(list_at(&l, &p, &h), 0);
	assert_true(server_saw(l.server, "offset=0&limit=500 "));
	forget(&h);
	lab_close(&l);
}

/* --- one torrent --- */

#define WITH_FILES(files) ITEM(ID, ", \"files\": " files)
#define FILE_OF(id, path, bytes, selected) \
	"{\"id\": " id ", \"path\": " path ", \"bytes\": " bytes ", \"selected\": " selected "}"

static void a_torrent_is_read_with_its_files_or_not_at_all(void **state)
{
	static const struct {
		const char *body;
		size_t files;
	} rows[] = {
		{WITH_FILES("[" FILE_OF("3", "\"/a/b.mkv\"", "10", "1") ", " FILE_OF("4", "\"/c\"", "0", "0") "]"), 2},
		{WITH_FILES("[" FILE_OF("3", "\"/...\"", "10", "true") "]"), 1},
		{WITH_FILES("[" FILE_OF("3", "\"a\"", "10", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/a/../b\"", "10", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/..\"", "10", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/./a\"", "10", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/\"", "10", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"//a\"", "10", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/a\"", "-1", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("-3", "\"/a\"", "1", "1") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/a\"", "1", "2") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/a\"", "1", "null") "]"), 0},
		{WITH_FILES("[" FILE_OF("3", "\"/a\"", "1", "1") ", 7]"), 0},
		{WITH_FILES("{}"), 0},
		{ITEM(ID, ""), 0},
		/* of another one */
		{ITEM("OTHER", ", \"files\": []"), 0},
		{"[]", 0},
		{"{\"id\": \"" ID "\"}", 0},
	};
	struct provider_torrent t;
	struct lab l;
	(void)state;
	lab_open(&l);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		answer(&l, 200, rows[i].body);
		lab_pass(PASS);
		int r = provider_realdebrid.info(l.rd, ID, &t, &l.e);
		if (r != (rows[i].files ? 0 : -EBUSY) || t.files.len != rows[i].files)
			fail_msg("%d with %zu files after %s", r, t.files.len, rows[i].body);
		if (i == 0) {
			assert_string_equal(t.files.data[0].path, "/a/b.mkv");
			assert_true(t.files.data[0].selected && !t.files.data[1].selected);
			assert_int_equal(t.files.data[0].id, 3);
		}
		provider_torrent_clear(&t);
	}
	lab_close(&l);
}

static void the_account_and_what_is_active(void **state)
{
	static const char *const wrong[] = {"[]", "{}", "{\"username\": 1, \"type\": \"premium\"}", "{\"username\": \"a\"}",
					    "{\"nb\": -1, \"limit\": 5}", "{\"nb\": 1}", "{\"nb\": 1e30, \"limit\": 5}"};
	const struct provider *p = &provider_realdebrid;
	struct provider_account a;
	int64_t n, most;
	struct lab l;
	(void)state;
	lab_open(&l);
	answer(&l, 200, "{\"username\": \"me\", \"type\": \"premium\", \"expiration\": \"2024-02-29T12:00:01.000Z\", "
			"\"nb\": 3, \"limit\": 25}");
	lab_pass(PASS);
	assert_int_equal(p->account(l.rd, &a, &l.e), 0);
	assert_string_equal(a.user, "me");
	assert_true(a.is_premium);
	assert_int_equal(a.expires_at, INT64_C(1709208001) * NS_PER_S);
	lab_pass(PASS);
	assert_int_equal(p->active(l.rd, &n, &most, &l.e), 0);
	assert_true(n == 3 && most == 25);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		answer(&l, 200, wrong[i]);
		lab_pass(PASS);
		assert_int_equal(p->account(l.rd, &a, &l.e), -EAGAIN);
		lab_pass(PASS);
		assert_int_equal(p->active(l.rd, &n, &most, &l.e), -EAGAIN);
	}
	lab_close(&l);
}

/* --- the rate --- */

static void pauses_are_kept_by_all(void **state)
{
	static const struct {
		int status;
		const char *headers, *body;
		int64_t seconds;
	} rows[] = {
		{429, "", "", 120},
		{429, "Retry-After: 7\r\n", CODE(34), 7},
		{403, "", CODE(5), 120},
		{429, "Retry-After: 5000\r\n", "", 5000},
		{403, "", CODE(36), 3600},
		{503, "Retry-After: 90\r\n", CODE(23), 90},
		{403, HTML_TYPE, "<html>", 600},
	};
	struct provider_account a;
	char id[PROVIDER_ID];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct lab l;
		lab_open(&l);
		answer_with(&l, rows[i].status, rows[i].headers, rows[i].body);
		lab_pass(PASS);
		int64_t now = tell_now(NULL);
		/* a repair's call closes the rest, too */
		assert_int_equal(provider_realdebrid.add(l.rd, HASH, id, &l.e), -EAGAIN);
		assert_int_equal(l.e.at, now + rows[i].seconds * NS_PER_S);
		assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), -EAGAIN);
		assert_int_equal(l.e.at, now + rows[i].seconds * NS_PER_S);
		lab_pass(rows[i].seconds * NS_PER_S - 1);
		assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), -EAGAIN);
		assert_int_equal(server_requests(l.server), 1);
		lab_pass(1);
		provider_realdebrid.account(l.rd, &a, &l.e);
		assert_int_equal(server_requests(l.server), 2);
		lab_close(&l);
	}
}

static void the_distance_adapts(void **state)
{
	struct provider_account a;
	struct lab l;
	(void)state;
	lab_open(&l);
	assert_int_equal(lab_rate(&l).distance, NS_PER_S);
	answer(&l, 200, "{\"username\": \"me\", \"type\": \"premium\"}");
	for (int i = 0; i < 4; i++) {
		assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), 0);
		assert_int_equal(lab_rate(&l).distance, NS_PER_S);
		/* not sooner */
		lab_pass(NS_PER_S - 1);
		assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), -EAGAIN);
		lab_pass(1);
	}
	assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), 0);
	assert_int_equal(lab_rate(&l).distance, NS_PER_S / 1000 * 909);
	for (int i = 0; i < 200; i++) {
		lab_pass(NS_PER_S);
		assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), 0);
	}
	assert_int_equal(lab_rate(&l).distance, 300 * NS_PER_MS);
	answer(&l, 500, "");
	lab_pass(PASS);
	assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), -EAGAIN);
	assert_int_equal(lab_rate(&l).distance, 450 * NS_PER_MS);
	answer(&l, 429, "");
	lab_pass(PASS);
	assert_int_equal(provider_realdebrid.account(l.rd, &a, &l.e), -EAGAIN);
	assert_int_equal(lab_rate(&l).distance, 1350 * NS_PER_MS);
	for (int i = 0; i < 5; i++) {
		lab_pass(PASS);
		provider_realdebrid.account(l.rd, &a, &l.e);
	}
	assert_int_equal(lab_rate(&l).distance, 30 * NS_PER_S);
	assert_int_equal(lab_rate(&l).refused, 6);
	assert_int_equal(lab_rate(&l).errors, 1);
	assert_int_equal(lab_rate(&l).calls, 212);
	lab_close(&l);
}

/** Asks for whatever may be asked during @minutes; starts of calls, and of those of repairs. */
static void rush(struct lab *l, int minutes, size_t *all, size_t *repairs)
{
	VEC(int64_t) at = {0};
	VEC(int64_t) at_repairs = {0};
	struct provider_torrent t;
	struct provider_account a;
	for (int i = 0; i < minutes * 600; i++) {
		lab_pass(100 * NS_PER_MS);
		if (provider_realdebrid.info(l->rd, ID, &t, &l->e) == 0) {
			provider_torrent_clear(&t);
			*vec_add(&at) = *vec_add(&at_repairs) = tell_now(NULL);
		} else {
			assert_int_equal(l->e.class, PROVIDER_WAIT);
			assert_true(l->e.at > tell_now(NULL));
		}
		if (provider_realdebrid.account(l->rd, &a, &l->e) == 0)
			*vec_add(&at) = tell_now(NULL);
	}
	*all = at.len;
	*repairs = at_repairs.len;
	for (size_t i = 200; i < at.len; i++)
		assert_true(at.data[i] - at.data[i - 200] > MINUTE);
	for (size_t i = 60; i < at_repairs.len; i++)
		assert_true(at_repairs.data[i] - at_repairs.data[i - 60] > MINUTE);
	vec_clear(&at);
	vec_clear(&at_repairs);
}

static void no_minute_has_more_than_its_calls(void **state)
{
	size_t all, repairs;
	struct lab l;
	(void)state;
	lab_open(&l);
	answer(&l, 200, ITEM(ID, ", \"files\": [], \"username\": \"me\", \"type\": \"premium\""));
	rush(&l, 10, &all, &repairs);
	assert_in_range(all, 1700, 2000);
	assert_in_range(repairs, 560, 600);
	assert_int_equal(server_requests(l.server), all);
	lab_close(&l);
	lab_open_with(&l, "requests_per_minute = 5\n repairs_per_minute = 60");
	answer(&l, 200, ITEM(ID, ", \"files\": [], \"username\": \"me\", \"type\": \"premium\""));
	rush(&l, 10, &all, &repairs);
	assert_in_range(all, 45, 50);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_read),
		cmocka_unit_test(the_end_is_an_empty_page),
		cmocka_unit_test(items_that_make_no_sense_are_left_out),
		cmocka_unit_test(what_did_not_change_is_told_from_memory),
		cmocka_unit_test(pages_that_are_too_much_become_shorter),
		cmocka_unit_test(a_torrent_is_read_with_its_files_or_not_at_all),
		cmocka_unit_test(the_account_and_what_is_active),
		cmocka_unit_test(pauses_are_kept_by_all),
		cmocka_unit_test(the_distance_adapts),
		cmocka_unit_test(no_minute_has_more_than_its_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
