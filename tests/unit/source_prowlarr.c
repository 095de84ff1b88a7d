/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/standin_prowlarr.h"

#include "common/clock.h"

/* --- searching --- */

static void one_search_gives_every_volume_and_no_secret(void **state)
{
	struct asking *k = *state;
	char target[1024];
	lab_set(k->lab, "{'releases':[" RELEASE(1, "1", "One Piece T01", "") ","
			RELEASE(1, "2", "One Piece T02 FR", ",'infoHash':'9FB267CFF5AE5603F07A347676EC3BF3E35F75E1'") "]}");
	assert_int_equal(search(k, "One Piece & Co?"), 0);
	assert_int_equal(k->lab->count, 0);
	assert_int_equal(search(k, "One Piece"), 0);
	assert_int_equal(k->lab->count, 2);
	assert_string_equal(k->lab->title, "One Piece T01");
	assert_string_equal(k->lab->guid, "https://t.example/1");
	assert_string_equal(k->lab->indexer, "Alpha");
	assert_int_equal(k->lab->indexer_id, 1);
	assert_int_equal(k->lab->size, 52428800);
	assert_int_equal(k->lab->seeders, 7);
	assert_int_equal(k->lab->leechers, 2);
	assert_int_equal(k->lab->protocol, PROTOCOL_TORRENT);
	assert_int_equal(k->lab->published_at, 1675166400 * NS_PER_S);
	assert_non_null(strstr(k->lab->link, "/1/download?link="));
	assert_int_equal(lab_asked(k->lab, "/api/v1/search", target, sizeof target), 2);
	assert_string_equal(target, "/api/v1/search?query=One%20Piece&type=search&limit=200&categories=7030");
}

static void the_key_is_in_a_header_only(void **state)
{
	struct asking *k = *state;
	struct http_answer a = HTTP_ANSWER_INIT;
	lab_set(k->lab, "{'releases':[" RELEASE(1, "1", "A T01", "") "]}");
	assert_int_equal(search(k, "A"), 0);
	lab_control(k->lab, "GET", "requests", NULL, &a);
	struct js *all;
	assert_int_equal(js_parse(buf_str(&a.body), a.body.len, &all, k->why), 0);
	for (size_t i = 0; i < js_count(all); i++) {
		assert_null(strstr(js_text(js_at(all, i), "target"), KEY));
		assert_string_equal(js_text(js_get(js_at(all, i), "headers"), "X-Api-Key"), KEY);
	}
	js_free(all);
	http_answer_clear(&a);
}

static void chosen_indexers_and_categories_are_asked(void **state)
{
	struct asking *k = *state;
	char target[1024];
	k->source->close(k->state);
	configure(k, "categories = {7020, 7030}\n indexers = {2, 5}");
	lab_set(k->lab, "{" TWO_INDEXERS ",'releases':[" RELEASE(1, "1", "A T01", "") "," RELEASE(2, "2", "A T02", "") "]}");
	assert_int_equal(search(k, "A"), 0);
	assert_int_equal(k->lab->count, 1);
	assert_string_equal(k->lab->indexer, "Beta");
	lab_asked(k->lab, "/api/v1/search", target, sizeof target);
	assert_non_null(strstr(target, "&categories=7020&categories=7030&indexerIds=2&indexerIds=5"));
}

static void an_odd_answer_is_an_error_and_never_nothing(void **state)
{
	struct asking *k = *state;
	static const struct odd rows[] = {
		{"{'kind':'html'}", -EPROTO, "page for people"},
		{"{'kind':'html','status':403,'challenge':true}", -EPROTO, "keeps programs out"},
		{"{'kind':'raw','body':''}", -EPROTO, "no list"},
		{"{'kind':'raw','body':'{}'}", -EPROTO, "no list"},
		{"{'kind':'raw','body':'null'}", -EPROTO, "no list"},
		{"{'kind':'raw','body':'[1, null, {}, [], true]'}", -EPROTO, "none of which"},
		{"{'kind':'status','status':401}", -EACCES, "key"},
		{"{'kind':'status','status':400}", -EBUSY, "none of the indexers"},
		{"{'kind':'status','status':404}", -EPROTO, "404"},
		{"{'kind':'redirect','to':'/login'}", -EPROTO, "not followed"},
		{"{'kind':'cut'}", -EPROTO, "Prowlarr"},
		{"{'kind':'big','size':20000000}", -EFBIG, "Prowlarr"},
		{"{'kind':'bomb'}", -EFBIG, "Prowlarr"},
		{"{'kind':'status','status':204,'body':''}", -EPROTO, "204"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[512];
		snprintf(json, sizeof json, "{'modes':{'search':%s}}", rows[i].mode);
		lab_set(k->lab, json);
		int r = search(k, "A");
		if (r != rows[i].result || !strstr(k->why, rows[i].word) || k->lab->count)
			fail_msg("%s: %d (%s), %zu told", rows[i].mode, r, k->why, k->lab->count);
	}
}

static void a_redirect_takes_the_key_nowhere(void **state)
{
	struct asking *k = *state;
	struct lab *other = lab_new();
	char json[256];
	snprintf(json, sizeof json,
		 "{'modes':{'search':{'kind':'redirect','status':307,'to':'http://127.0.0.1:%d/api/v1/search'}}}",
		 other->port);
	lab_set(k->lab, json);
	assert_int_equal(search(k, "A"), -EPROTO);
	assert_int_equal(lab_asked(other, "/", NULL, 0), 0);
	lab_free(other);
}

static void too_many_requests_are_obeyed(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'modes':{'search':{'kind':'status','status':429,'retry_after':120,'times':1}}}");
	assert_int_equal(search(k, "A"), -EBUSY);
	assert_int_equal(search(k, "A"), -EAGAIN);
	assert_true(k->at > now_ns() + 100 * NS_PER_S && k->at < now_ns() + 130 * NS_PER_S);
	assert_int_equal(lab_asked(k->lab, "/", NULL, 0), 1);
}

static void too_many_requests_with_a_date_are_obeyed(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'modes':{'search':{'kind':'status','status':429,'retry_after':120,'as_date':true}}}");
	assert_int_equal(search(k, "A"), -EBUSY);
	assert_int_equal(search(k, "A"), -EAGAIN);
	assert_true(k->at > now_ns() + 100 * NS_PER_S && k->at < now_ns() + 130 * NS_PER_S);
}

static void nothing_is_believed_when_all_indexers_are_there(void **state)
{
	struct asking *k = *state;
	assert_int_equal(search(k, "Nobody has it"), 0);
	assert_int_equal(k->lab->count, 0);
	assert_int_equal(lab_asked(k->lab, "/api/v1/indexerstatus", NULL, 0), 1);
	assert_int_equal(search(k, "Nor this"), 0);
	/* the list is kept, who is away is asked anew */
	assert_int_equal(lab_asked(k->lab, "/api/v1/indexerstatus", NULL, 0), 2);
	assert_int_equal(lab_asked(k->lab, "/api/v1/indexer", NULL, 0), 3);
}

static void nothing_is_not_believed_while_an_indexer_is_away(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{" TWO_INDEXERS ",'away':{'2':600}}");
	assert_int_equal(search(k, "A"), -EBUSY);
	assert_non_null(strstr(k->why, "1 of 2 indexers are away: Beta"));
	lab_set(k->lab, "{'releases':[" RELEASE(1, "1", "A T01", "") "]}");
	assert_int_equal(search(k, "A"), 0);
	assert_int_equal(k->lab->count, 1);
	lab_set(k->lab, "{'away':{'1':600,'2':600}}");
	assert_int_equal(search(k, "A"), -EBUSY);
	assert_non_null(strstr(k->why, "none of the indexers is available"));
	lab_set(k->lab, "{'away':{},'releases':[],'modes':{'indexerstatus':{'kind':'html'}}}");
	assert_int_equal(search(k, "A"), -EPROTO);
	/* a date that cannot be read is no reason to believe */
	lab_set(k->lab, "{'modes':{'indexerstatus':{'kind':'raw','body':"
			"'[{\\\"indexerId\\\": 1, \\\"disabledTill\\\": \\\"soon\\\"}]'}}}");
	assert_int_equal(search(k, "A"), -EBUSY);
	assert_non_null(strstr(k->why, "Alpha"));
	lab_set(k->lab, "{'modes':{'indexerstatus':{'kind':'raw','body':"
			"'[{\\\"indexerId\\\": 1, \\\"disabledTill\\\": \\\"2020-01-01T00:00:00Z\\\"}]'}}}");
	assert_int_equal(search(k, "A"), 0);
}

static void what_is_away_but_not_wanted_does_not_matter(void **state)
{
	struct asking *k = *state;
	k->source->close(k->state);
	configure(k, "indexers = {1}");
	lab_set(k->lab, "{" TWO_INDEXERS ",'away':{'2':600}}");
	assert_int_equal(search(k, "A"), 0);
	k->source->close(k->state);
	configure(k, "indexers = {9}");
	assert_int_equal(search(k, "A"), -EBUSY);
	assert_non_null(strstr(k->why, "none of the indexers that are wanted is on"));
}

static void wrong_types_and_missing_fields_are_passed_over(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'releases':["
		RELEASE(1, "1", "A T01", ",'raw':{'size':'big','seeders':-5,'leechers':[],'publishDate':12,"
			"'infoUrl':{},'downloadUrl':7,'indexer':null,'indexerId':'x','infoHash':'zz'}") ","
		RELEASE(1, "2", "A T02", ",'raw':{'title':null}") ","
		RELEASE(1, "3", "A T03", ",'raw':{'guid':''}") ","
		RELEASE(1, "4", "A T04", ",'raw':{'protocol':'unknown','seeders':null}") ","
		RELEASE(1, "5", "A T05", ",'raw':{'publishDate':'0001-01-01T00:00:00Z','protocol':'usenet'}") "]}");
	assert_int_equal(search(k, "A"), 0);
	assert_int_equal(k->lab->count, 2);
	assert_string_equal(k->lab->title, "A T01");
	assert_string_equal(k->lab->link, "");
	assert_string_equal(k->lab->hash, "");
	assert_string_equal(k->lab->indexer, "");
	assert_int_equal(k->lab->size, -1);
	assert_int_equal(k->lab->seeders, -1);
	assert_int_equal(k->lab->leechers, -1);
	assert_int_equal(k->lab->published_at, 0);
	assert_non_null(strstr(buf_str(&k->lab->heard), "A T05"));
}

/** lab_hear() fails when one of these comes through. */
static void the_key_in_odd_places_is_kept_back(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'releases':["
		RELEASE(1, "1", "A T01 " KEY, ",'raw':{'guid':'x-" KEY "','infoUrl':'http://u:" KEY "@h/" KEY "/p'}") ","
		RELEASE(1, "2", "A T02", ",'raw':{'magnetUrl':'magnet:?xt=urn:btih:9fb267cff5ae5603f07a347676ec3bf3e35f75e1"
			"&tr=http%3A%2F%2Ft.example%2F" PASSKEY "%2Fannounce','downloadUrl':null}") ","
		RELEASE(1, "3", "A T03", ",'raw':{'guid':'magnet:?xt=urn:btih:9fb267cff5ae5603f07a347676ec3bf3e35f75e1"
			"&tr=udp%3A%2F%2Ft.example%3A80%2F" PASSKEY "%2Fannounce','downloadUrl':"
			"'http://elsewhere/x?ApiKey=" KEY "&token=" KEY "'}") "]}");
	assert_int_equal(search(k, "A"), 0);
	assert_int_equal(k->lab->count, 3);
	assert_string_equal(k->lab->title, "A T01 ***");
}

/* --- feeds --- */

static void set_posts(struct lab *lab, int indexer, int from, int to)
{
	struct buf json = BUF_INIT(1 << 20);
	buf_adds(&json, "{" TWO_INDEXERS ",'releases':[");
	for (int i = from; i <= to; i++)
		buf_addf(&json, "%s{'indexerId':%d,'guid':'g%d','title':'P T%d','size':1,'publishDate':"
			 "'2023-01-%02dT%02d:%02d:00Z','link':'https://t.example/%d','magnet':null,'infoUrl':null,"
			 "'infoHash':null,'seeders':1,'leechers':1,'protocol':'torrent','categories':[7030]}",
			 i == from ? "" : ",", indexer, i, i, 1 + i / 1440, i / 60 % 24, i % 60, i);
	buf_adds(&json, "]}");
	lab_set(lab, buf_str(&json));
	buf_clear(&json);
}

static void feeds_are_read_until_the_mark(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	set_posts(k->lab, 1, 1, 250);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(k->lab->count, 250);
	assert_string_equal(k->lab->title, "P T250");
	assert_string_equal(k->lab->indexer, "Alpha");
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 4);
	lab_forget(k->lab);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 1);
	lab_forget(k->lab);
	set_posts(k->lab, 1, 100, 380);
	assert_int_equal(recent(k, &mark), 0);
	assert_string_equal(k->lab->title, "P T380");
	/* 130 new ones: two pages */
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 2);
	assert_int_equal(k->lab->count, 200);
	assert_int_equal(lab_asked(k->lab, "/api/v1/indexer", NULL, 0), 0);
	buf_clear(&mark);
}

static void a_feed_has_an_end(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	set_posts(k->lab, 1, 1, 900);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 5);
	assert_int_equal(k->lab->count, 500);
	lab_forget(k->lab);
	/* one that knows no pages is asked once */
	set_posts(k->lab, 2, 1, 300);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(lab_asked(k->lab, "/2/api", NULL, 0), 1);
	buf_clear(&mark);
}

static void a_mark_that_is_gone_or_damaged_does_no_harm(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	buf_adds(&mark, "{\"1\": [1, {\"id\": ");
	set_posts(k->lab, 1, 1, 20);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(k->lab->count, 20);
	lab_forget(k->lab);
	/* what was marked has been deleted: its time is enough */
	set_posts(k->lab, 1, 1, 19);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 1);
	buf_clear(&mark);
}

static void the_failure_of_one_feed_stops_no_other(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	set_posts(k->lab, 2, 1, 5);
	static const char *const modes[] = {
		"{'kind':'error','code':900,'text':'" KEY "'}",
		"{'kind':'html'}",
		"{'kind':'cut','body':'<rss><channel>'}",
		"{'kind':'raw','body':'<!DOCTYPE x [<!ENTITY a \\\"b\\\">]><rss/>'}",
		"{'kind':'status','status':500}",
		"{'kind':'status','status':429,'retry_after':900}",
	};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		char json[512];
		snprintf(json, sizeof json, "{'modes':{'feed/1':%s}}", modes[i]);
		lab_set(k->lab, json);
		int r = recent(k, &mark);
		if (r || k->lab->count != 5)
			fail_msg("%s: %d (%s), %zu told", modes[i], r, k->why, k->lab->count);
		assert_null(strstr(buf_str(&mark), "\"1\""));
	}
	/* the one that asked to wait is left alone, Prowlarr itself is not */
	lab_set(k->lab, "{'modes':{}}");
	lab_forget(k->lab);
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 0);
	assert_int_equal(lab_asked(k->lab, "/2/api", NULL, 0), 1);
	buf_clear(&mark);
}

static void all_feeds_failing_is_an_error(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	set_posts(k->lab, 1, 1, 5);
	assert_int_equal(recent(k, &mark), 0);
	char *before = strdup(buf_str(&mark));
	lab_set(k->lab, "{'modes':{'feed':{'kind':'html'}}}");
	assert_int_equal(recent(k, &mark), -EPROTO);
	assert_string_equal(buf_str(&mark), before);
	lab_set(k->lab, "{'modes':{},'away':{'1':600,'2':600}}");
	assert_int_equal(recent(k, &mark), -EBUSY);
	assert_string_equal(buf_str(&mark), before);
	free(before);
	buf_clear(&mark);
}

static void a_round_that_the_budget_cut_short_goes_on(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	k->source->close(k->state);
	configure(k, "requests_per_day = 2");
	set_posts(k->lab, 2, 1, 5);
	/* the list, one page of the first, and no more today */
	assert_int_equal(recent(k, &mark), -EAGAIN);
	assert_true(k->at > now_ns());
	assert_int_equal(lab_asked(k->lab, "/", NULL, 0), 2);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 1);
	lab_forget(k->lab);
	limit_declare(k->lab->limit, "prowlarr", &(struct limit_rule){.per_day = 1000});
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(k->lab->count, 5);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 0);
	/* the next round is of all */
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(lab_asked(k->lab, "/1/api", NULL, 0), 1);
	buf_clear(&mark);
}

/* --- opening --- */

static void a_wrong_configuration_says_why(void **state)
{
	struct asking *k = *state;
	static const struct {
		const char *text, *word;
	} rows[] = {
		{"url = \"httpx://x\"\n api_key_file = \"%s\"", "url"},
		{"url = \"http://h\"", "api_key_file"},
		{"url = \"http://h\"\n api_key_file = \"/does/not/exist\"", "/does/not/exist"},
		{"url = \"http://h\"\n api_key_file = \"%s\"\n categories = {\"7030x\"}", "7030x"},
		{"url = \"http://h\"\n api_key_file = \"%s\"\n indexers = {\"one\"}", "one"},
	};
	k->source->close(k->state);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char section[1024], text[1100];
		snprintf(section, sizeof section, rows[i].text, k->lab->key_file);
		snprintf(text, sizeof text, "prowlarr {\n %s\n}\n", section);
		lab_configure(k->lab, text);
		int r = k->source->open(&k->lab->outside, &k->state, k->why);
		assert_true(r < 0);
		assert_null(k->state);
		if (!strstr(k->why, rows[i].word))
			fail_msg("%s", k->why);
	}
	lab_configure(k->lab, "");
	k->state = k;
	assert_int_equal(k->source->open(&k->lab->outside, &k->state, k->why), 0);
	assert_null(k->state);
}

static void nobody_there_is_an_error(void **state)
{
	struct asking *k = *state;
	http_cancel(k->lab->http);
	assert_int_equal(search(k, "A"), -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_search_gives_every_volume_and_no_secret),
		T(the_key_is_in_a_header_only),
		T(chosen_indexers_and_categories_are_asked),
		T(an_odd_answer_is_an_error_and_never_nothing),
		T(a_redirect_takes_the_key_nowhere),
		T(too_many_requests_are_obeyed),
		T(too_many_requests_with_a_date_are_obeyed),
		T(nothing_is_believed_when_all_indexers_are_there),
		T(nothing_is_not_believed_while_an_indexer_is_away),
		T(what_is_away_but_not_wanted_does_not_matter),
		T(wrong_types_and_missing_fields_are_passed_over),
		T(the_key_in_odd_places_is_kept_back),
		T(feeds_are_read_until_the_mark),
		T(a_feed_has_an_end),
		T(a_mark_that_is_gone_or_damaged_does_no_harm),
		T(the_failure_of_one_feed_stops_no_other),
		T(all_feeds_failing_is_an_error),
		T(a_round_that_the_budget_cut_short_goes_on),
		T(a_wrong_configuration_says_why),
		T(nobody_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
