/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/standin_prowlarr.h"

static void a_magnet_behind_an_address_is_found(void **state)
{
	struct asking *k = *state;
	char target[2048];
	lab_set(k->lab, "{'releases':[{'indexerId':1,'guid':'g','title':'A = T01 & more','size':1,'publishDate':"
			"'2023-01-31T12:00:00Z','link':null,'magnet':'" MAGNET "','infoUrl':null,'infoHash':null,"
			"'seeders':1,'leechers':1,'protocol':'torrent','categories':[7030]}]}");
	assert_int_equal(search(k, "A"), 0);
	struct handover h = lab_handover(k->lab);
	assert_string_equal(h.release.hash, "");
	if (fetch(k, &h) < 0)
		fail_msg("%s: %s", k->why, k->lab->link);
	assert_string_equal(buf_str(&h.link), MAGNET);
	assert_string_equal(h.release.hash, "9fb267cff5ae5603f07a347676ec3bf3e35f75e1");
	lab_asked(k->lab, "/1/download", target, sizeof target);
	assert_null(strstr(target, KEY));
	handover_clear(&h);
}

static void a_torrent_is_checked(void **state)
{
	struct asking *k = *state;
	static const struct {
		const char *data;
		int result;
		const char *hash;
	} rows[] = {
		/* d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:01234567890123456789ee */
		{"ZDQ6aW5mb2Q2Omxlbmd0aGkxZTQ6bmFtZTE6YTEyOnBpZWNlIGxlbmd0aGkxNjM4NGU2OnBpZWNlczIwOjAxMjM0NTY3ODkwMTIz"
		 "NDU2Nzg5ZWU=", 0, "171757e4e595f4761a0941f1c1ac4ee144e94dcb"},
		{"PGh0bWw+", -EPROTO, ""},
		{"ZDQ6aW5m", -EPROTO, ""},
		{"", -EPROTO, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[2048];
		snprintf(json, sizeof json, "{'releases':[" RELEASE(1, "1", "A T01", "")
			 "],'files':{'https://t.example/dl/1?passkey=" PASSKEY "':'%s'}}", rows[i].data);
		lab_set(k->lab, json);
		assert_int_equal(search(k, "A"), 0);
		struct handover h = lab_handover(k->lab);
		assert_int_equal(fetch(k, &h), rows[i].result);
		assert_int_equal(h.torrent.len > 0, rows[i].result == 0);
		assert_string_equal(h.release.hash, rows[i].hash);
		handover_clear(&h);
	}
}

static void what_cannot_be_fetched_says_why(void **state)
{
	struct asking *k = *state;
	static const struct odd rows[] = {
		{"{'kind':'status','status':410}", -ENOENT, "no longer"},
		{"{'kind':'status','status':401}", -EACCES, "key"},
		{"{'kind':'status','status':500}", -EBUSY, "error of its own"},
		{"{'kind':'redirect','to':'/login'}", -EPROTO, "no download"},
		{"{'kind':'redirect','to':'http://other.example/x?apikey=" KEY "'}", -EPROTO, "no download"},
		{"{'kind':'html'}", -EPROTO, "no torrent"},
		{"{'kind':'big'}", -EFBIG, "Prowlarr"},
		{"{'kind':'bomb'}", -EFBIG, "Prowlarr"},
		{"{'kind':'cut','body':'d4:info'}", -EPROTO, "Prowlarr"},
	};
	lab_set(k->lab, "{'releases':[" RELEASE(1, "1", "A T01", "") "]}");
	assert_int_equal(search(k, "A"), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[512];
		snprintf(json, sizeof json, "{'modes':{'download':%s}}", rows[i].mode);
		lab_set(k->lab, json);
		struct handover h = lab_handover(k->lab);
		int r = fetch(k, &h);
		if (r != rows[i].result || !strstr(k->why, rows[i].word) || h.link.len || h.torrent.len)
			fail_msg("%s: %d (%s)", rows[i].mode, r, k->why);
		handover_clear(&h);
	}
}

static void the_key_goes_to_no_other_host(void **state)
{
	struct asking *k = *state;
	struct lab *other = lab_new();
	snprintf(k->lab->link, sizeof k->lab->link, "http://127.0.0.1:%d/1/download?link=a&file=b", other->port);
	k->lab->protocol = PROTOCOL_USENET;
	for (int i = 0; i < 2; i++) {
		struct handover h = lab_handover(k->lab);
		assert_int_equal(fetch(k, &h), -EPERM);
		assert_int_equal(h.link.len, 0);
		handover_clear(&h);
		k->lab->protocol = PROTOCOL_TORRENT;
	}
	assert_int_equal(lab_asked(other, "/", NULL, 0), 0);
	lab_free(other);
}

static void usenet_is_an_address_with_its_key(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'releases':[" RELEASE(1, "1", "A T01", ",'raw':{'protocol':'usenet'}") "]}");
	assert_int_equal(search(k, "A"), 0);
	struct handover h = lab_handover(k->lab);
	assert_int_equal(fetch(k, &h), 0);
	assert_non_null(strstr(buf_str(&h.link), "apikey=" KEY));
	assert_int_equal(lab_asked(k->lab, "/1/download", NULL, 0), 0);
	handover_clear(&h);
}

/** As when a tracker is down: only it is left alone, not Prowlarr with all others. */
static void a_failing_indexer_closes_only_itself(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'releases':[" RELEASE(1, "1", "A T01", "") "],'modes':{'download':{'kind':'status','status':500}}}");
	assert_int_equal(search(k, "A"), 0);
	for (int i = 0; i < 8; i++) {
		struct handover h = lab_handover(k->lab);
		assert_int_equal(fetch(k, &h), -EBUSY);
		handover_clear(&h);
	}
	assert_int_equal(lab_asked(k->lab, "/1/download", NULL, 0), 5);
	assert_int_equal(search(k, "A"), 0);
	assert_int_equal(k->lab->count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_magnet_behind_an_address_is_found),
		T(a_torrent_is_checked),
		T(what_cannot_be_fetched_says_why),
		T(the_key_goes_to_no_other_host),
		T(usenet_is_an_address_with_its_key),
		T(a_failing_indexer_closes_only_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
