/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Torrents handed to a real qbittorrent-nox, and to a stand-in with answers that a real one gives seldom. */
#include "tests/unit/peer.h"

#include <errno.h>

#include "indexer/request/client.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"
#define MAGNET "magnet:?xt=urn:btih:" HASH "&dn=Naruto+T05"
/* "hello 0\n" as a file, and its info-hash */
#define HELLO "d4:infod6:lengthi8e4:name9:hello.cbz12:piece lengthi16384e6:pieces20:" \
	      "\x6b\x30\x90\x43\xdb\xcc\xb2\xc5\x43\x5b\xe3\xc4\x90\xb4\xa2\x44\x54\xe0\x89\x82" \
	      "ee"
#define HELLO_HASH "09ebc461fb2c89b3fbb0e9bc5daba17db770d53e"

static struct peer real, guarded, fake;

static int start_peers(void **state)
{
	(void)state;
	peer_start(&real, "qbittorrent.py", NULL);
	peer_start(&guarded, "qbittorrent.py", "login");
	return !peer_start(&fake, "qbittorrent_fake.py", NULL);
}

static int end_peers(void **state)
{
	(void)state;
	peer_end(&real);
	peer_end(&guarded);
	peer_end(&fake);
	return 0;
}

static void need_qbittorrent(void)
{
	if (real.port)
		return;
	print_message("qbittorrent-nox is not installed: not tried\n");
	skip();
}

struct client_and_world {
	struct world world;
	void *state;
	char why[WHY];
};

static void open_at(struct client_and_world *c, int port, const char *password, const char *more)
{
	char conf[1024];
	snprintf(conf, sizeof conf, "qbittorrent { url = \"http://127.0.0.1:%d/\"\n password_file = \"%%s\"\n %s }\n", port, more);
	world_open(&c->world, password, conf);
	c->world.net.patience_ms = 1000;
	int r = client_qbittorrent.open(&c->world.outside, &c->state, c->why);
	if (r < 0)
		fail_msg("%s", c->why);
	assert_non_null(c->state);
}

static void close_client(struct client_and_world *c)
{
	client_qbittorrent.close(c->state);
	world_close(&c->world);
}

static int add_bytes(struct client_and_world *c, const char *link, const char *torrent)
{
	struct handover h = handover_of(link, PROTOCOL_TORRENT);
	buf_adds(&h.torrent, torrent);
	c->why[0] = '\0';
	int r = client_qbittorrent.add(c->state, &h, c->why);
	if (r < 0 && r != -EEXIST)
		assert_string_not_equal(c->why, "");
	buf_clear(&h.link);
	buf_clear(&h.torrent);
	return r;
}

static int add(struct client_and_world *c, const char *link)
{
	return add_bytes(c, link, "");
}

static int find(struct client_and_world *c, const char *hash, struct client_item *item)
{
	struct client_item own = CLIENT_ITEM_INIT;
	int r = client_qbittorrent.find(c->state, PROTOCOL_TORRENT, hash, item ? item : &own, c->why);
	buf_clear(&own.files);
	return r;
}

static bool peer_says(struct peer *p, const char *order, const char *part)
{
	_buf_ struct buf answer = BUF_INIT(1 << 20);
	peer_order(p, order, &answer);
	return strstr(buf_str(&answer), part) != NULL;
}

/* --- the real one --- */

static void a_magnet_is_handed_over_once(void **state)
{
	struct client_and_world c;
	struct client_item item = CLIENT_ITEM_INIT;
	(void)state;
	need_qbittorrent();
	open_at(&c, real.port, "", "paused = true\n category = \"my manga\"");
	assert_int_equal(find(&c, HASH, NULL), -ENOENT);
	assert_int_equal(add(&c, MAGNET), 0);
	assert_true(peer_says(&real, "torrents", "hash=" HASH " state=pausedDL category=my manga tags=mediamon"));
	assert_true(peer_says(&real, "categories", "my manga"));
	assert_int_equal(find(&c, HASH, &item), 0);
	assert_int_equal(item.state, CLIENT_WAITS);
	assert_string_equal(item.text, "pausedDL");
	assert_true(item.progress == 0);
	assert_int_equal(item.seconds_left, -1);
	assert_int_equal(add(&c, MAGNET), -EEXIST);
	/* in base32, with another name */
	assert_int_equal(add(&c, "magnet:?dn=x&xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH"), -EEXIST);
	buf_clear(&item.files);
	close_client(&c);
}

static void a_torrent_whose_bytes_are_there_is_done(void **state)
{
	struct client_and_world c;
	struct client_item item = CLIENT_ITEM_INIT;
	char downloads[512], path[600], more[700];
	(void)state;
	need_qbittorrent();
	peer_setting(&real, "downloads", downloads, sizeof downloads);
	snprintf(path, sizeof path, "%s/own", downloads);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(more, sizeof more, "save_path = \"%s\"", path);
	snprintf(path, sizeof path, "%s/own/hello.cbz", downloads);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("hello 0\n", f);
	fclose(f);
	open_at(&c, real.port, "", more);
	assert_int_equal(add_bytes(&c, "", HELLO), 0);
	int r = find(&c, HELLO_HASH, &item);
	for (int i = 0; i < 100 && r == 0 && item.state != CLIENT_DONE; i++) {
		usleep(100000);
		r = find(&c, HELLO_HASH, &item);
	}
	assert_int_equal(r, 0);
	assert_int_equal(item.state, CLIENT_DONE);
	assert_string_equal(buf_str(&item.files), "hello.cbz");
	assert_true(item.progress == 1);
	assert_int_equal(add_bytes(&c, "", HELLO), -EEXIST);
	buf_clear(&item.files);
	close_client(&c);
}

static void rubbish_is_refused_for_good(void **state)
{
	static const char *const bad[] = {
		"", "rubbish", "ed2k://|file|a|1|0123456789abcdef0123456789abcdef|/", "file:///etc/passwd", "magnet:",
		MAGNET "\nhttp://127.0.0.1/x", "http://127.0.0.1/a b",
	};
	struct client_and_world c;
	(void)state;
	open_at(&c, 1, "", "");
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(add(&c, bad[i]), -EINVAL);
	assert_int_equal(add_bytes(&c, "", "<html>no torrent</html>"), -EINVAL);
	assert_int_equal(world_calls(&c.world, "qbittorrent"), 0);
	assert_int_equal(client_qbittorrent.find(c.state, PROTOCOL_ED2K, HASH, NULL, c.why), -ENOTSUP);
	assert_int_equal(add(&c, MAGNET), -ECONNREFUSED);
	assert_int_equal(find(&c, HASH, NULL), -ECONNREFUSED);
	close_client(&c);
	need_qbittorrent();
	open_at(&c, real.port, "", "");
	/* a magnet of no hash that we know, nor it */
	assert_int_equal(add(&c, "magnet:?xt=urn:btih:zz"), -EINVAL);
	close_client(&c);
}

static void one_that_was_killed_surely_has_nothing(void **state)
{
	struct client_and_world c;
	(void)state;
	need_qbittorrent();
	open_at(&c, real.port, "", "paused = true");
	assert_int_equal(find(&c, "1" HASH, NULL), -ENOENT);
	peer_order(&real, "kill", NULL);
	assert_int_equal(add(&c, "magnet:?xt=urn:btih:3333333333333333333333333333333333333333"), -ECONNREFUSED);
	assert_int_equal(find(&c, HASH, NULL), -ECONNREFUSED);
	peer_order(&real, "start", NULL);
	assert_int_equal(add(&c, "magnet:?xt=urn:btih:3333333333333333333333333333333333333333"), 0);
	close_client(&c);
}

static void a_refused_password_is_not_sent_twice(void **state)
{
	struct client_and_world c;
	(void)state;
	need_qbittorrent();
	open_at(&c, guarded.port, "wrong pass", "username = \"admin\"");
	assert_int_equal(add(&c, MAGNET), -EACCES);
	assert_null(strstr(c.why, "wrong pass"));
	int64_t calls = world_calls(&c.world, "qbittorrent");
	for (int i = 0; i < 20; i++)
		assert_int_equal(find(&c, HASH, NULL), -EACCES);
	assert_int_equal(world_calls(&c.world, "qbittorrent"), calls);
	world_password(&c.world, "secret pass");
	assert_int_equal(find(&c, HASH, NULL), -ENOENT);
	assert_int_equal(add(&c, MAGNET), 0);
	assert_int_equal(find(&c, HASH, NULL), 0);
	/* one login was enough; it knows it no more after a start */
	peer_order(&guarded, "stop", NULL);
	peer_order(&guarded, "start", NULL);
	assert_int_equal(find(&c, HASH, NULL), 0);
	close_client(&c);
	open_at(&c, guarded.port, "", "");
	assert_int_equal(find(&c, HASH, NULL), -EACCES);
	assert_non_null(strstr(c.why, "wants a login"));
	assert_int_equal(add(&c, MAGNET), -EACCES);
	close_client(&c);
}

static void a_real_ban_is_waited_out(void **state)
{
	static const char *const wrong[] = {"one", "two", "three", "four"};
	struct client_and_world c;
	int r = 0;
	(void)state;
	need_qbittorrent();
	open_at(&c, guarded.port, "zero", "username = \"admin\"");
	for (size_t i = 0; i < COUNT_OF(wrong) && r != -EAGAIN; i++) {
		world_password(&c.world, wrong[i]);
		r = add(&c, MAGNET);
	}
	assert_int_equal(r, -EAGAIN);
	int64_t calls = world_calls(&c.world, "qbittorrent");
	assert_int_equal(add(&c, MAGNET), -EAGAIN);
	assert_int_equal(find(&c, HASH, NULL), -EAGAIN);
	assert_int_equal(world_calls(&c.world, "qbittorrent"), calls);
	close_client(&c);
}

/* --- the stand-in --- */

static void with_modes(struct client_and_world *c, const char *modes, const char *more)
{
	char order[256];
	open_at(c, fake.port, "secret pass", more);
	peer_order(&fake, "forget", NULL);
	peer_order(&fake, "calls", NULL);
	snprintf(order, sizeof order, "mode %s", modes);
	peer_order(&fake, order, NULL);
}

static void its_word_is_weighed_against_its_list(void **state)
{
	static const struct {
		const char *modes;
		int expected;
	} rows[] = {
		{"", 0},		 {"late", 0},	       {"json", 0},		{"json fails", -EINVAL},
		{"fails", -EINVAL},	 {"failsbut", -EEXIST}, {"conflict", -EINVAL},	{"unsupported", -EINVAL},
		{"okbut", -EIO},	 {"error", -EIO},      {"cut", -EPROTO},	{"hybrid", 0},
		{"html", -EAGAIN},	 {"junk", -EAGAIN},    {"redirect", -EAGAIN},	{"refuse", -EACCES},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct client_and_world c;
		with_modes(&c, rows[i].modes, "");
		int r = add(&c, MAGNET);
		if (r != rows[i].expected)
			fail_msg("%s: %d instead of %d: %s", rows[i].modes, r, rows[i].expected, c.why);
		/* whatever it was: asking tells, and nothing is sent that is there */
		peer_order(&fake, "mode", NULL);
		r = peer_says(&fake, "torrents", HASH);
		assert_int_equal(find(&c, HASH, NULL), r ? 0 : -ENOENT);
		if (r)
			assert_int_equal(add(&c, MAGNET), -EEXIST);
		close_client(&c);
	}
}

static void a_category_is_made_before_it_is_used(void **state)
{
	struct client_and_world c;
	_buf_ struct buf calls = BUF_INIT(4096);
	(void)state;
	with_modes(&c, "", "");
	assert_int_equal(add(&c, MAGNET), 0);
	peer_order(&fake, "calls", &calls);
	/* its list by hash and by tag, before; by hash, after */
	assert_string_equal(buf_str(&calls), "torrents/info\ntorrents/info\ntorrents/createCategory\n"
					     "torrents/add\ntorrents/info\n");
	close_client(&c);
	with_modes(&c, "", "category = \"\"");
	assert_int_equal(add(&c, MAGNET), 0);
	assert_false(peer_says(&fake, "calls", "createCategory"));
	close_client(&c);
	/* another answer than made or there already */
	with_modes(&c, "", "category = \"other\"");
	assert_int_equal(add(&c, MAGNET), -EAGAIN);
	assert_false(peer_says(&fake, "torrents", HASH));
	close_client(&c);
}

static void logins_of_both_generations(void **state)
{
	static const struct {
		const char *modes, *more;
		int expected;
		bool is_blocked;
	} rows[] = {
		{"login", "username = \"admin\"", 0, false},
		{"login nocontent", "username = \"admin\"", 0, false},
		{"login", "username = \"somebody\"", -EACCES, false},
		{"login unauthorized", "username = \"admin\"", -EACCES, false},
		{"login ban", "username = \"admin\"", -EAGAIN, true},
		{"login html", "username = \"admin\"", -EAGAIN, false},
		{"login refuse", "username = \"admin\"", -EACCES, false},
		{"login", "", -EACCES, false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct client_and_world c;
		struct limit_status s;
		with_modes(&c, rows[i].modes, rows[i].more);
		int r = add(&c, MAGNET);
		if (r != rows[i].expected)
			fail_msg("%s, %s: %d: %s", rows[i].modes, rows[i].more, r, c.why);
		int64_t now = net_now(&c.world.net);
		assert_int_equal(limit_status(c.world.net.limit, "qbittorrent", now, &s), 0);
		assert_int_equal(s.next_at - now > INT64_C(299000000000), rows[i].is_blocked);
		close_client(&c);
	}
}

static void a_login_that_has_ended_is_made_once_more(void **state)
{
	struct client_and_world c;
	_buf_ struct buf calls = BUF_INIT(4096);
	(void)state;
	with_modes(&c, "login", "username = \"admin\"");
	assert_int_equal(find(&c, HASH, NULL), -ENOENT);
	peer_order(&fake, "forget", NULL);
	peer_order(&fake, "calls", NULL);
	assert_int_equal(find(&c, HASH, NULL), -ENOENT);
	peer_order(&fake, "calls", &calls);
	assert_string_equal(buf_str(&calls), "torrents/info\nauth/login\ntorrents/info\ntorrents/info\n");
	peer_order(&fake, "mode login refuse", NULL);
	assert_int_equal(find(&c, HASH, NULL), -EACCES);
	buf_reset(&calls);
	peer_order(&fake, "calls", &calls);
	assert_string_equal(buf_str(&calls), "torrents/info\nauth/login\ntorrents/info\n");
	close_client(&c);
}

static void what_it_tells_is_shown_clean(void **state)
{
	struct client_and_world c;
	struct client_item item = CLIENT_ITEM_INIT;
	(void)state;
	with_modes(&c, "", "");
	assert_int_equal(add(&c, MAGNET), 0);
	assert_int_equal(find(&c, HASH, &item), 0);
	assert_int_equal(item.state, CLIENT_LOADS);
	assert_null(strchr(item.text, '\033'));
	assert_true(item.progress == 1);
	assert_int_equal(item.speed, 77);
	assert_int_equal(item.seconds_left, 12);
	peer_order(&fake, "mode seeding", NULL);
	assert_int_equal(find(&c, HASH, &item), 0);
	assert_int_equal(item.state, CLIENT_DONE);
	assert_int_equal(item.seconds_left, -1);
	assert_string_equal(buf_str(&item.files), "Naruto/T05 .cbz\nNaruto/T06.cbz");
	buf_clear(&item.files);
	close_client(&c);
}

static void an_address_is_passed_on_when_no_hash_is_known(void **state)
{
	struct client_and_world c;
	(void)state;
	with_modes(&c, "", "");
	assert_int_equal(add(&c, "http://127.0.0.1:9/file.torrent?passkey=k"), 0);
	peer_order(&fake, "mode fails", NULL);
	assert_int_equal(add(&c, "http://127.0.0.1:9/file.torrent?passkey=k"), -EINVAL);
	assert_null(strstr(c.why, "passkey"));
	close_client(&c);
}

static void a_slow_answer_leaves_it_unknown(void **state)
{
	struct client_and_world c;
	(void)state;
	if (!getenv("LONG"))
		skip();
	with_modes(&c, "slow", "");
	assert_int_equal(add(&c, MAGNET), -ETIMEDOUT);
	assert_int_equal(add(&c, MAGNET), -EEXIST);
	close_client(&c);
}

static void a_setting_that_cannot_work_is_told_at_start(void **state)
{
	static const char *const bad[] = {
		"qbittorrent { url = \"httpx://127.0.0.1:8080\" } # %s\n",
		"qbittorrent { url = \"http://me:pass@127.0.0.1:8080\" } # %s\n",
		"qbittorrent { url = \"http://127.0.0.1:8080/?a=b\" } # %s\n",
		"qbittorrent { url = \"http:///\" } # %s\n",
		"qbittorrent { url = \"http://127.0.0.1:1\"\n username = \"me\" } # %s\n",
	};
	struct world w;
	char why[WHY] = "";
	void *s = &w;
	(void)state;
	world_open(&w, "", "# %s\n");
	assert_int_equal(client_qbittorrent.open(&w.outside, &s, why), 0);
	assert_null(s);
	world_close(&w);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		world_open(&w, "", bad[i]);
		assert_int_equal(client_qbittorrent.open(&w.outside, &s, why), -EINVAL);
		assert_null(s);
		assert_null(strstr(why, "pass@"));
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_magnet_is_handed_over_once),
		cmocka_unit_test(a_torrent_whose_bytes_are_there_is_done),
		cmocka_unit_test(rubbish_is_refused_for_good),
		cmocka_unit_test(one_that_was_killed_surely_has_nothing),
		cmocka_unit_test(a_refused_password_is_not_sent_twice),
		cmocka_unit_test(a_real_ban_is_waited_out),
		cmocka_unit_test(its_word_is_weighed_against_its_list),
		cmocka_unit_test(a_category_is_made_before_it_is_used),
		cmocka_unit_test(logins_of_both_generations),
		cmocka_unit_test(a_login_that_has_ended_is_made_once_more),
		cmocka_unit_test(what_it_tells_is_shown_clean),
		cmocka_unit_test(an_address_is_passed_on_when_no_hash_is_known),
		cmocka_unit_test(a_slow_answer_leaves_it_unknown),
		cmocka_unit_test(a_setting_that_cannot_work_is_told_at_start),
	};
	return cmocka_run_group_tests(tests, start_peers, end_peers);
}
