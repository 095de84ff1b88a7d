/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/standin.h"

#include "common/clock.h"
#include "indexer/search/source_torznab_xml.h"

#define OPEN "<?xml version=\"1.0\"?><rss xmlns:torznab=\"http://torznab.com/schemas/2015/feed\"><channel>"
#define BOMB \
	"<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>"
#define CLOSE "</channel></rss>"

/* --- pages --- */

static int parse(const char *text, size_t n, struct posts *all, struct torznab_error *error)
{
	struct buf page = BUF_INIT(32 << 20);
	char why[WHY] = "";
	assert_int_equal(buf_add(&page, text, n), 0);
	int r = torznab_parse(&page, all, error, why);
	assert_true(r == 0 || all->len == 0);
	buf_clear(&page);
	return r;
}

static void an_item_is_read(void **state)
{
	(void)state;
	static const char text[] =
		"\xef\xbb\xbf \n" OPEN "<title>Feed</title><item><title> A &amp; B T01 </title>"
		"<guid isPermaLink=\"true\">https://h/1</guid><guid>second</guid><atom:link>https://h/atom</atom:link>"
		"<link>https://h/dl/1</link><pubDate>Sat, 14 Mar 2015 17:10:42 -0400</pubDate><size>5</size>"
		"<enclosure url=\"https://h/e/1\" length=\"103641\" type=\"application/x-bittorrent\"/>"
		"<enclosure url=\"https://h/n/1\" length=\"1\" type=\"application/x-nzb\"/>"
		"<torznab:attr name=\"size\" value=\"7340032\"/><torznab:attr name=\"Seeders\" value=\"3\"/>"
		"<torznab:attr name=\"peers\" value=\"5\"/><torznab:attr name=\"infohash\" value=\"AB\"/>"
		"<undeclared:attr name=\"magneturl\" value=\"magnet:?xt=urn:btih:AB&amp;dn=A\"/></item>"
		"<item><title>no guid</title></item><item><guid>no title</guid></item><item/>"
		"<item><title><![CDATA[C <b>]]></title><guid>3</guid><pubDate>soon</pubDate>"
		"<size>99999999999999999999</size><torznab:attr name=\"seeders\" value=\"-1\"/>"
		"<enclosure url=\"https://h/n/3\" length=\"9000000\" type=\"application/x-nzb\"/></item>" CLOSE;
	struct posts all = {0};
	struct torznab_error error;
	assert_int_equal(parse(text, sizeof text - 1, &all, &error), 0);
	assert_int_equal(all.len, 2);
	const struct post *p = &all.data[0];
	assert_string_equal(p->title, "A & B T01");
	assert_string_equal(p->guid, "https://h/1");
	assert_string_equal(p->link, "https://h/e/1");
	assert_string_equal(p->page, "https://h/1");
	assert_int_equal(p->size, 7340032);
	assert_int_equal(p->seeders, 3);
	assert_int_equal(p->leechers, 2);
	assert_int_equal(p->protocol, PROTOCOL_TORRENT);
	assert_int_equal(p->published_at, 1426367442 * NS_PER_S);
	assert_string_equal(p->magnet, "magnet:?xt=urn:btih:AB&dn=A");
	p = &all.data[1];
	assert_string_equal(p->title, "C <b>");
	assert_int_equal(p->published_at, 0);
	assert_int_equal(p->protocol, PROTOCOL_USENET);
	assert_int_equal(p->seeders, -1);
	assert_int_equal(p->size, 9000000);
	posts_clear(&all);
}

static void what_is_no_whole_feed_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",
		" ",
		"not xml",
		"{\"a\": 1}",
		"<!DOCTYPE html><html><body>Just a moment</body></html>",
		"<html><body/></html>",
		OPEN "<item><title>a</title><guid>b</guid></item>",
		OPEN "<item><title>a</title><guid>b</item>" CLOSE,
		OPEN "<item><title>&undefined;</title></item>" CLOSE,
		BOMB "<rss><channel><item><title>&b;</title><guid>1</guid></item></channel></rss>",
		"<!doctype x SYSTEM \"file:///etc/passwd\"><rss/>",
		/* what is in it cannot be seen before it is parsed */
		"<?xml version=\"1.0\" encoding=\"UTF-7\"?><rss><channel/></rss>",
		"<?xml version=\"1.0\" encoding='ISO-2022-JP'?><rss><channel/></rss>",
		"<rss><channel><!-- ",
		"<rss a='",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct posts all = {0};
		struct torznab_error error;
		int r = parse(rows[i], strlen(rows[i]), &all, &error);
		if (r != -EPROTO)
			fail_msg("row %zu: %d", i, r);
	}
}

/* the parser compares each attribute with each: with 500,000 it would be busy for hours */
static void attributes_do_not_take_minutes(void **state)
{
	static const char *const forms[] = {" a%d=\"\"", " xmlns:a%d='b>'", "\n a%d\t=  '\"'"};
	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct posts all = {0};
		struct torznab_error error;
		int64_t start = mono_ns();
		_buf_ struct buf text = BUF_INIT(16 << 20);
		buf_adds(&text, OPEN "<!-- ' --><item><title><![CDATA[ \" <a]]></title><a");
		for (int k = 0; text.len < TORZNAB_MOST - 1000; k++)
			buf_addf(&text, forms[i], k);
		buf_adds(&text, "/><guid>1</guid></item>" CLOSE);
		assert_int_equal(parse(buf_str(&text), text.len, &all, &error), -EPROTO);
		assert_true(mono_ns() - start < 5 * NS_PER_S);
	}
}

static int check_one_line(void *arg, const struct release *r)
{
	(void)arg;
	assert_string_equal(r->link, "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=a%0Ab%E2%80%AE%20c");
	return 0;
}

/* a second line in a link is a second link for who reads lines */
static void a_magnet_is_told_as_one_line(void **state)
{
	static const char text[] =
		OPEN "<item><title>a</title><guid>1</guid><torznab:attr name=\"magneturl\" "
		     "value=\"magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&amp;dn=a&#10;b&#x202e; c\"/></item>" CLOSE;
	struct posts all = {0};
	struct torznab_error error;
	size_t told;
	(void)state;
	assert_int_equal(parse(text, sizeof text - 1, &all, &error), 0);
	assert_int_equal(posts_tell(&all, "key", check_one_line, NULL, &told), 0);
	assert_int_equal(told, 1);
	posts_clear(&all);
}

static void hostile_pages_are_bounded(void **state)
{
	(void)state;
	struct posts all = {0};
	struct torznab_error error;
	struct buf text = BUF_INIT(16 << 20);
	for (int i = 0; i < 100000; i++)
		buf_adds(&text, "<rss>");
	assert_int_equal(parse(buf_str(&text), text.len, &all, &error), -EPROTO);
	buf_reset(&text);
	buf_adds(&text, OPEN);
	for (int i = 0; i < 50000; i++)
		buf_addf(&text, "<item><title>a</title><guid>%d</guid></item>", i);
	buf_adds(&text, CLOSE);
	assert_int_equal(parse(buf_str(&text), text.len, &all, &error), 0);
	assert_int_equal(all.len, TORZNAB_ITEMS);
	posts_clear(&all);
	buf_reset(&text);
	buf_adds(&text, OPEN "<item><title>");
	for (int i = 0; i < 200000; i++)
		buf_adds(&text, "long ");
	buf_adds(&text, "</title><guid>1</guid></item><item><title>b</title><guid>2</guid></item>" CLOSE);
	assert_int_equal(parse(buf_str(&text), text.len, &all, &error), 0);
	assert_int_equal(all.len, 1);
	assert_string_equal(all.data[0].title, "b");
	posts_clear(&all);
	buf_reset(&text);
	for (int i = 0; i < (9 << 20) / 8; i++)
		buf_adds(&text, "        ");
	assert_int_equal(parse(buf_str(&text), text.len, &all, &error), -EPROTO);
	buf_clear(&text);
}

static void one_bad_byte_does_not_cost_the_feed(void **state)
{
	(void)state;
	static const char text[] = OPEN "<item><title>a\x0b\x01 \xff\xc3\xa9</title><guid>1</guid></item>" CLOSE;
	struct posts all = {0};
	struct torznab_error error;
	assert_int_equal(parse(text, sizeof text - 1, &all, &error), 0);
	assert_int_equal(all.len, 1);
	assert_string_equal(all.data[0].title, "a   \xef\xbf\xbd\xc3\xa9");
	posts_clear(&all);
	static const char latin[] = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss><channel><item>"
				    "<title>B\xeat\xe9</title><guid>1</guid></item></channel></rss>";
	assert_int_equal(parse(latin, sizeof latin - 1, &all, &error), 0);
	assert_string_equal(all.data[0].title, "B\xc3\xaat\xc3\xa9");
	posts_clear(&all);
}

static void every_cut_of_a_page_is_refused(void **state)
{
	(void)state;
	static const char text[] = OPEN "<item><title>a</title><guid>1</guid><enclosure url='x'/></item>" CLOSE;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		struct posts all = {0};
		struct torznab_error error;
		assert_int_equal(parse(text, n, &all, &error), -EPROTO);
	}
}

static void an_error_document_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code, meaning;
	} rows[] = {
		{"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<error code=\"100\" description=\"Incorrect\"/>", 100, -EACCES},
		{"<error code=\"201\" description=\"x\"/>", 201, -EPROTO},
		{"<error code=\"429\"/>", 429, -EBUSY},
		{"<error code=\"-7\"/>", 900, -EBUSY},
		{"<error/>", 900, -EBUSY},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct posts all = {0};
		struct torznab_error error;
		assert_int_equal(parse(rows[i].text, strlen(rows[i].text), &all, &error), -EREMOTEIO);
		assert_int_equal(error.code, rows[i].code);
		assert_int_equal(torznab_meaning(error.code), rows[i].meaning);
	}
}

static void dates_of_both_kinds_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t at;
	} rows[] = {
		{"2023-01-31T12:00:00Z", 1675166400},
		{"2023-01-31T12:00:00.1234567Z", 1675166400},
		{"2023-01-31T14:00:00+02:00", 1675166400},
		{"2024-02-29", 1709164800},
		{"Tue, 31 Jan 2023 12:00:00 GMT", 1675166400},
		{"Tue, 31 Jan 2023 07:00:00 EST", 1675166400},
		{"31 Jan 2023 13:00 +0100", 1675166400},
		{"31 January 2023 12:00:00", 1675166400},
		{"Mon, 1 Jan 24 00:00:00 +0000", 1704067200},
		{"0001-01-01T00:00:00Z", 0},
		{"9999-99-99T99:99:99Z", 0},
		{"", 0},
		{"soon", 0},
		{"31 Foo 2023 12:00:00", 0},
		{"31 anF 2023 12:00:00", 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (post_date(rows[i].text) != rows[i].at * NS_PER_S)
			fail_msg("%s: %lld", rows[i].text, (long long)(post_date(rows[i].text) / NS_PER_S));
	assert_int_equal(post_date(NULL), 0);
}

/** Upstream's own examples, where they are at hand. */
static void real_feeds_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int result;
		size_t items;
	} rows[] = {
		{"torznab_morethantv.xml", 0, 2},   {"torznab_animetosho.xml", 0, 2},
		{"torznab_hdaccess_net.xml", 0, 5}, {"torznab_tpb.xml", 0, 5},
		{"newznab_nzb_su.xml", 0, 100},	    {"unauthorized.xml", -EREMOTEIO, 0},
		{"newznab_caps.xml", -EPROTO, 0},
	};
	const char *shared = getenv("MEDIAMON_SHARED");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[4096], text[200000];
		snprintf(path, sizeof path, "%s/openapi/torznab/%s", shared ? shared : "../shared", rows[i].name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			skip();
		ssize_t n = read(fd, text, sizeof text);
		close(fd);
		assert_true(n > 0);
		struct posts all = {0};
		struct torznab_error error;
		int r = parse(text, (size_t)n, &all, &error);
		if (r != rows[i].result || all.len != rows[i].items)
			fail_msg("%s: %d, %zu items", rows[i].name, r, all.len);
		for (size_t k = 0; k < all.len; k++) {
			assert_true(all.data[k].size > 0);
			assert_true(all.data[k].published_at > 0);
			assert_non_null(all.data[k].link);
			assert_int_equal(all.data[k].protocol,
					 strncmp(rows[i].name, "newznab", 7) == 0 ? PROTOCOL_USENET : PROTOCOL_TORRENT);
		}
		posts_clear(&all);
	}
}

/* --- services --- */

static void configure(struct asking *k, const char *feeds)
{
	char text[4096];
	snprintf(text, sizeof text, "torznab {\n feeds = {%s}\n requests_per_minute = 60\n}\n", feeds);
	asking_open(k, text);
}

static int set_up(void **state)
{
	struct asking *k = calloc(1, sizeof *k);
	char feeds[2048];
	k->source = &source_torznab;
	k->lab = lab_new();
	snprintf(feeds, sizeof feeds,
		 "\"one http://127.0.0.1:%d/torznab/one/api %s\", \"two  http://127.0.0.1:%d/torznab/two/api?x=1 %s\"",
		 k->lab->port, k->lab->key_file, k->lab->port, k->lab->key_file);
	configure(k, feeds);
	*state = k;
	return 0;
}

#define POST(number, title, more) \
	"{'indexerId':1,'guid':'https://t.example/" number "?torrent_pass=" PASSKEY "','title':'" title \
	"','size':52428800,'publishDate':'2023-01-31T12:00:0" number "Z','link':'t" number \
	"','magnet':null,'infoUrl':'https://t.example/" number "','infoHash':null,'seeders':7,'leechers':2," \
	"'protocol':'torrent','categories':[7030]" more "}"

static void every_service_is_asked_once(void **state)
{
	struct asking *k = *state;
	char target[1024];
	lab_set(k->lab, "{'releases':[" POST("1", "A T01", "") "," POST("2", "A T02", ",'infoHash':'5QK77JL7LZVIMEGKJ5VVAMMR5EEQMMSN'") "]}");
	assert_int_equal(search(k, "A"), 0);
	assert_int_equal(k->lab->count, 4);
	assert_string_equal(k->lab->indexer, "one");
	assert_string_equal(k->lab->title, "A T02");
	assert_string_equal(k->lab->hash, "ec15ffa57f5e6a8610ca4f6b503191e90906324d");
	assert_string_equal(k->lab->guid, "https://t.example/2");
	assert_int_equal(k->lab->indexer_id, 0);
	assert_int_equal(lab_asked(k->lab, "/torznab", target, sizeof target), 2);
	assert_string_equal(target, "/torznab/two/api?x=1&t=search&q=A&cat=7030&extended=1&limit=100&offset=0&apikey=" KEY);
	assert_int_equal(search(k, "B"), 0);
	assert_int_equal(k->lab->count, 0);
}

static void one_that_fails_does_not_hide_the_other(void **state)
{
	struct asking *k = *state;
	static const struct odd rows[] = {
		{"{'kind':'html'}", -EPROTO, "no feed"},
		{"{'kind':'html','status':503,'challenge':true}", -EPROTO, "keeps programs out"},
		{"{'kind':'status','status':403}", -EACCES, "key"},
		{"{'kind':'error','code':100,'status':401,'text':'bad key " KEY "'}", -EACCES, "bad key ***"},
		{"{'kind':'error','code':203}", -EPROTO, "error 203"},
		{"{'kind':'cut','body':'<rss><channel>'}", -EPROTO, "one"},
		{"{'kind':'bomb'}", -EFBIG, "one"},
		{"{'kind':'redirect','to':'http://127.0.0.1:1/'}", -EPROTO, "not followed"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[512];
		snprintf(json, sizeof json, "{'modes':{'torznab/one':%s},'releases':[]}", rows[i].mode);
		lab_set(k->lab, json);
		int r = search(k, "A");
		if (r != rows[i].result || !strstr(k->why, rows[i].word))
			fail_msg("%s: %d (%s)", rows[i].mode, r, k->why);
		lab_set(k->lab, "{'releases':[" POST("1", "A T01", "") "]}");
		assert_int_equal(search(k, "A"), 0);
		assert_int_equal(k->lab->count, 1);
		assert_string_equal(k->lab->indexer, "two");
	}
}

static void each_has_a_budget_of_its_own(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'modes':{'torznab/one':{'kind':'error','code':500,'text':'Request limit reached'}}}");
	assert_int_equal(search(k, "A"), -EBUSY);
	lab_forget(k->lab);
	assert_int_equal(search(k, "A"), -EAGAIN);
	assert_true(k->at > now_ns() + 3000 * NS_PER_S);
	assert_int_equal(lab_asked(k->lab, "/torznab/one", NULL, 0), 0);
	assert_int_equal(lab_asked(k->lab, "/torznab/two", NULL, 0), 1);
}

static void feeds_have_marks_of_their_own(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	lab_set(k->lab, "{'modes':{'torznab/one':{'kind':'html'}},'releases':[" POST("1", "A T01", "") "]}");
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(k->lab->count, 1);
	assert_null(strstr(buf_str(&mark), "one"));
	assert_non_null(strstr(buf_str(&mark), "two"));
	lab_set(k->lab, "{'modes':{},'releases':[" POST("2", "A T02", "") "," POST("1", "A T01", "") "]}");
	lab_forget(k->lab);
	assert_int_equal(recent(k, &mark), 0);
	assert_non_null(strstr(buf_str(&mark), "one"));
	assert_string_equal(k->lab->title, "A T02");
	/* the one without a mark looks whether there is a second page */
	assert_int_equal(lab_asked(k->lab, "/torznab/one", NULL, 0), 2);
	assert_int_equal(lab_asked(k->lab, "/torznab/two", NULL, 0), 1);
	lab_set(k->lab, "{'modes':{'torznab':{'kind':'html'}}}");
	assert_int_equal(recent(k, &mark), -EPROTO);
	assert_non_null(strstr(buf_str(&mark), "two"));
	buf_clear(&mark);
}

static void a_feed_that_knows_no_offset_is_not_read_five_times(void **state)
{
	struct asking *k = *state;
	struct buf mark = BUF_INIT(8192);
	lab_set(k->lab, "{'modes':{'torznab':{'kind':'raw','body':'<rss><channel><item><title>A T01</title>"
			"<guid>1</guid></item></channel></rss>'}}}");
	assert_int_equal(recent(k, &mark), 0);
	assert_int_equal(k->lab->count, 2);
	assert_int_equal(lab_asked(k->lab, "/torznab/one", NULL, 0), 2);
	buf_clear(&mark);
}

static void a_link_with_a_key_is_asked_for_again(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'releases':[" POST("1", "A T01", "") "],'files':{'t1':"
		"'ZDQ6aW5mb2Q2Omxlbmd0aGkxZTQ6bmFtZTE6YTEyOnBpZWNlIGxlbmd0aGkxNjM4NGU2OnBpZWNlczIwOjAxMjM0NTY3ODkwMTIz"
		"NDU2Nzg5ZWU='}}");
	assert_int_equal(search(k, "A"), 0);
	struct handover h = lab_handover(k->lab);
	if (fetch(k, &h) < 0)
		fail_msg("%s", k->why);
	assert_true(h.torrent.len > 0 && h.link.len == 0);
	assert_int_equal(strlen(h.release.hash), 40);
	buf_clear(&h.torrent);
	lab_set(k->lab, "{'releases':[]}");
	assert_int_equal(fetch(k, &h), -ENOENT);
	h.release.indexer = "three";
	assert_int_equal(fetch(k, &h), -ENOENT);
	assert_int_equal(h.link.len, 0);
}

/** A tracker's links have the key of the account as a part of their path, and some say no other identity. */
static void a_key_in_the_path_is_told_to_nobody(void **state)
{
	struct asking *k = *state;
	static const char *const paths[] = {"/dl/1/" PASSKEY "/a.torrent", "/dl/1/" PASSKEY ".torrent",
					    "/dl/" KEY "/a.torrent", ("/%66" "eedfacefeedfacefeedfacefeedface")};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char json[2048];
		lab_set(k->lab, "{'releases':[]}");
		/* two releases of one account: their identities differ as they did */
		snprintf(json, sizeof json, "{'modes':{'torznab/one':{'kind':'raw','body':'<rss><channel>"
			 "<item><title>A T01</title><guid>http://h.example%s</guid><link>http://h.example%s</link></item>"
			 "<item><title>A T02</title><guid>http://h.example/b%s</guid><link>http://h.example/b%s</link></item>"
			 "</channel></rss>'}}}", paths[i], paths[i], paths[i], paths[i]);
		lab_set(k->lab, json);
		assert_int_equal(search(k, "A"), 0);
		assert_int_equal(k->lab->count, 2);
		assert_null(strcasestr(buf_str(&k->lab->heard), "eedfacefeedfacefeedface"));
		assert_null(strcasestr(buf_str(&k->lab->heard), KEY));
		assert_null(strcasestr(k->lab->guid, "eedfacefeedfacefeedface"));
		assert_null(strcasestr(k->lab->link, "eedfacefeedfacefeedface"));
		/* what is handed over is the address as it is */
		struct handover h = lab_handover(k->lab);
		assert_int_equal(fetch(k, &h), 0);
		assert_string_equal(buf_str(&h.link) + strlen("http://h.example"), paths[i]);
		handover_clear(&h);
	}
}

/** The client may call it, this program calls only what its configuration names. */
static void a_link_to_another_host_is_handed_over_uncalled(void **state)
{
	struct asking *k = *state;
	struct lab *other = lab_new();
	char json[1024], link[256];
	snprintf(link, sizeof link, "http://127.0.0.1:%d/1.torrent?passkey=" PASSKEY, other->port);
	snprintf(json, sizeof json, "{'modes':{'torznab/one':{'kind':'raw','body':'<rss><channel><item><title>A T01"
		 "</title><guid>1</guid><link>%s</link></item></channel></rss>'}}}", link);
	lab_set(k->lab, json);
	assert_int_equal(search(k, "A"), 0);
	struct handover h = lab_handover(k->lab);
	assert_int_equal(fetch(k, &h), 0);
	assert_string_equal(buf_str(&h.link), link);
	assert_int_equal(lab_asked(other, "/", NULL, 0), 0);
	handover_clear(&h);
	lab_free(other);
}

static void a_magnet_needs_nobody(void **state)
{
	struct asking *k = *state;
	lab_set(k->lab, "{'releases':[" POST("1", "A T01", "") "]}");
	assert_int_equal(search(k, "A"), 0);
	lab_forget(k->lab);
	snprintf(k->lab->link, sizeof k->lab->link, "%s", MAGNET);
	struct handover h = lab_handover(k->lab);
	assert_int_equal(fetch(k, &h), 0);
	assert_string_equal(buf_str(&h.link), MAGNET);
	assert_string_equal(h.release.hash, "9fb267cff5ae5603f07a347676ec3bf3e35f75e1");
	assert_int_equal(lab_asked(k->lab, "/", NULL, 0), 0);
	buf_clear(&h.link);
}

/** What its posts say of magnets is told without the trackers' keys, and given with them. */
static void a_private_magnet_is_kept_back_until_it_is_fetched(void **state)
{
	struct asking *k = *state;
	static const char tracker[] = "&tr=http%3A%2F%2Ft.example%2F" PASSKEY "%2Fannounce";
	char json[2048];
	snprintf(json, sizeof json, "{'releases':[{'indexerId':1,'guid':'1','title':'A T01','size':1,'publishDate':"
		 "'2023-01-31T12:00:00Z','link':null,'magnet':'" MAGNET "%s','infoUrl':null,'infoHash':null,"
		 "'seeders':1,'leechers':1,'protocol':'torrent','categories':[7030]}]}", tracker);
	lab_set(k->lab, json);
	assert_int_equal(search(k, "A"), 0);
	assert_string_equal(k->lab->link, "");
	assert_string_equal(k->lab->hash, "9fb267cff5ae5603f07a347676ec3bf3e35f75e1");
	struct handover h = lab_handover(k->lab);
	assert_int_equal(fetch(k, &h), 0);
	assert_non_null(strstr(buf_str(&h.link), PASSKEY));
	buf_clear(&h.link);
}

static void a_wrong_configuration_says_why(void **state)
{
	struct asking *k = *state;
	static const struct {
		const char *feed, *word;
	} rows[] = {
		{"alone", "address"},
		{"x ftp://h/api", "address"},
		{"x http://h/api?apikey=" KEY, "file of its own"},
		{"x http://u:" KEY "@h/api", "file of its own"},
		{"a/b http://h/api", "letters"},
		{"x http://h/api /does/not/exist", "/does/not/exist"},
		{"x http://h/api\", \"X http://h/api", "another feed"},
	};
	k->source->close(k->state);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[1024];
		snprintf(text, sizeof text, "torznab {\n feeds = {\"%s\"}\n}\n", rows[i].feed);
		lab_configure(k->lab, text);
		int r = k->source->open(&k->lab->outside, &k->state, k->why);
		if (r >= 0 || k->state || !strstr(k->why, rows[i].word) || strstr(k->why, KEY))
			fail_msg("%s: %d %s", rows[i].feed, r, k->why);
	}
	lab_configure(k->lab, "");
	k->state = k;
	assert_int_equal(k->source->open(&k->lab->outside, &k->state, k->why), 0);
	assert_null(k->state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_is_read),
		cmocka_unit_test(what_is_no_whole_feed_is_refused),
		cmocka_unit_test(hostile_pages_are_bounded),
		cmocka_unit_test(attributes_do_not_take_minutes),
		cmocka_unit_test(a_magnet_is_told_as_one_line),
		cmocka_unit_test(one_bad_byte_does_not_cost_the_feed),
		cmocka_unit_test(every_cut_of_a_page_is_refused),
		cmocka_unit_test(an_error_document_is_known),
		cmocka_unit_test(dates_of_both_kinds_are_read),
		cmocka_unit_test(real_feeds_are_read),
		T(every_service_is_asked_once),
		T(one_that_fails_does_not_hide_the_other),
		T(each_has_a_budget_of_its_own),
		T(feeds_have_marks_of_their_own),
		T(a_feed_that_knows_no_offset_is_not_read_five_times),
		T(a_link_with_a_key_is_asked_for_again),
		T(a_key_in_the_path_is_told_to_nobody),
		T(a_link_to_another_host_is_handed_over_uncalled),
		T(a_magnet_needs_nobody),
		T(a_private_magnet_is_kept_back_until_it_is_fetched),
		T(a_wrong_configuration_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
