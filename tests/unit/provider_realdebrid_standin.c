/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provider with the stand-in for Real-Debrid (tests/lib/realdebrid.py): a repair from end to end, and odd answers. */
#include "tests/unit/peer.h"

#include <errno.h>
#include <stdatomic.h>

#include "common/clock.h"
#include "indexer/repair/provider.h"

#define TOKEN "canaryRDTOKEN0123456789abcdefghijklmnopqrstuvwxyz0123"
#define HASH "abababababababababababababababababababab"
#define OTHER "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static const struct provider *const p = &provider_realdebrid;
static _Atomic int64_t clock_now = INT64_C(1780000000) * NS_PER_S;

static int64_t tell_now(void *arg)
{
	(void)arg;
	return atomic_load(&clock_now);
}

struct lab {
	struct peer peer;
	struct world w;
	void *rd;
	struct provider_error e;
};

static int set_up(void **state)
{
	char conf[512], why[WHY];
	struct lab *l = calloc(1, sizeof *l);
	assert_non_null(l);
	assert_true(peer_start(&l->peer, "realdebrid.py", ""));
	snprintf(conf, sizeof conf, "realdebrid { token_file = \"%%s\"\n url = \"http://127.0.0.1:%d/rest/1.0\" }\n",
		 l->peer.port);
	world_open(&l->w, TOKEN, conf);
	l->w.net.now = tell_now;
	assert_int_equal(p->open(&l->w.outside, &l->rd, why), 0);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *l = *state;
	p->close(l->rd);
	world_close(&l->w);
	peer_end(&l->peer);
	free(l);
	return 0;
}

/** Both clocks go on. */
static void pass(struct lab *l, int seconds)
{
	char order[64];
	snprintf(order, sizeof order, "{\"do\": \"pass_time\", \"seconds\": %d}", seconds);
	peer_order(&l->peer, order, NULL);
	atomic_fetch_add(&clock_now, seconds * NS_PER_S);
}

static bool peer_says(struct lab *l, const char *order, const char *answer)
{
	_buf_ struct buf out = BUF_INIT(1 << 20);
	peer_order(&l->peer, order, &out);
	return strstr(buf_str(&out), answer);
}

static void a_torrent_is_put_in_the_place_of_another(void **state)
{
	struct lab *l = *state;
	struct provider_torrent t;
	char id[PROVIDER_ID];
	int64_t file, n, most;
	peer_order(&l->peer, "{\"do\": \"know\", \"hash\": \"" HASH "\", \"name\": \"Show\", "
			     "\"files\": [[\"/a.mkv\", 100], [\"/b.nfo\", 5]], \"cached\": false}", NULL);
	peer_order(&l->peer, "{\"do\": \"set\", \"name\": \"times\", \"value\": {\"downloading\": 30}}", NULL);
	assert_int_equal(p->add(l->rd, HASH, id, &l->e), 0);
	pass(l, 5);
	assert_int_equal(p->info(l->rd, id, &t, &l->e), 0);
	assert_int_equal(t.state, TORRENT_UNSELECTED);
	assert_string_equal(t.hash, HASH);
	assert_string_equal(t.files.data[0].path, "/a.mkv");
	file = t.files.data[0].id;
	provider_torrent_clear(&t);
	pass(l, 5);
	assert_int_equal(p->select(l->rd, id, &file, 1, &l->e), 0);
	pass(l, 5);
	assert_int_equal(p->select(l->rd, id, &file, 1, &l->e), 0);
	pass(l, 5);
	assert_int_equal(p->active(l->rd, &n, &most, &l->e), 0);
	assert_int_equal(n, 1);
	pass(l, 40);
	assert_int_equal(p->info(l->rd, id, &t, &l->e), 0);
	assert_int_equal(t.state, TORRENT_OK);
	assert_int_equal(t.links, 1);
	assert_true(t.files.data[0].selected && !t.files.data[1].selected);
	provider_torrent_clear(&t);
	for (int i = 0; i < 2; i++) {
		pass(l, 5);
		assert_int_equal(p->remove(l->rd, id, &l->e), 0);
	}
	pass(l, 5);
	assert_int_equal(p->info(l->rd, id, &t, &l->e), -ENOENT);
	assert_int_equal(l->e.class, PROVIDER_GONE);
	peer_order(&l->peer, "{\"do\": \"infringe\", \"hash\": \"" OTHER "\"}", NULL);
	pass(l, 5);
	assert_int_equal(p->add(l->rd, OTHER, id, &l->e), -EPERM);
	assert_int_equal(l->e.code, 35);
}

struct seen {
	VEC(char *) ids;
};

static int see(void *arg, const struct provider_torrent *t)
{
	struct seen *s = arg;
	for (size_t i = 0; i < s->ids.len; i++)
		if (strcmp(s->ids.data[i], t->id) == 0)
			return 0;
	*vec_add(&s->ids) = strdup(t->id);
	return 0;
}

static void add_many(struct lab *l, int first, int n)
{
	char order[256];
	for (int i = first; i < first + n; i++) {
		snprintf(order, sizeof order, "{\"do\": \"add\", \"hash\": \"%040x\", \"name\": \"T%d\", \"age\": %d, "
					      "\"files\": [[\"/f\", 1]]}", i, i, 1000000 - i);
		peer_order(&l->peer, order, NULL);
	}
}

static void pages_that_shift_hide_nothing(void **state)
{
	struct lab *l = *state;
	struct provider_page page = {0};
	struct seen seen = {0};
	int pages = 0;
	add_many(l, 0, 2500);
	for (; !page.is_last; pages++) {
		pass(l, 5);
		assert_int_equal(p->list(l->rd, &page, see, &seen, &l->e), 0);
		page.offset += page.received;
		add_many(l, 10000 + pages * 7, 7);
	}
	/* those that are added meanwhile push the others back, and some of those come twice */
	assert_int_equal(pages, 3);
	assert_int_equal(seen.ids.len, 2500);
	/* none of them is being worked on */
	page = (struct provider_page){.active_only = true};
	pass(l, 5);
	assert_int_equal(p->list(l->rd, &page, see, &seen, &l->e), 0);
	assert_true(page.is_last && page.total == 0);
	for (size_t i = 0; i < seen.ids.len; i++)
		free(seen.ids.data[i]);
	vec_clear(&seen.ids);
}

static void an_answer_that_is_lost_leaves_a_question(void **state)
{
	struct lab *l = *state;
	char id[PROVIDER_ID];
	peer_order(&l->peer, "{\"do\": \"fault\", \"kind\": \"cut\", \"where\": \"add\", \"times\": 1}", NULL);
	assert_int_equal(p->add(l->rd, HASH, id, &l->e), -ETIMEDOUT);
	assert_int_equal(l->e.class, PROVIDER_UNKNOWN);
	peer_order(&l->peer, "{\"do\": \"fault\", \"kind\": \"late\", \"where\": \"delete\", \"times\": 1, \"seconds\": 0}", NULL);
	pass(l, 60);
	assert_int_equal(p->remove(l->rd, "NOTTHERE", &l->e), -ETIMEDOUT);
	/* it was added: only asking tells */
	assert_true(peer_says(l, "state", "\"added\": {\"" HASH "\": 1}"));
}

static void the_account_ends_everything(void **state)
{
	struct lab *l = *state;
	struct provider_account a;
	assert_int_equal(p->account(l->rd, &a, &l->e), 0);
	assert_string_equal(a.user, "someone");
	assert_true(a.is_premium && a.expires_at > now_ns());
	peer_order(&l->peer, "{\"do\": \"fault\", \"kind\": \"code\", \"code\": 14, \"times\": 1}", NULL);
	pass(l, 5);
	assert_int_equal(p->account(l->rd, &a, &l->e), -EACCES);
	peer_order(&l->peer, "{\"do\": \"set\", \"name\": \"token\", \"value\": \"another\"}", NULL);
	pass(l, 5);
	assert_int_equal(p->account(l->rd, &a, &l->e), -EACCES);
	assert_int_equal(l->e.code, 8);
	assert_null(strstr(l->e.why, TOKEN));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_torrent_is_put_in_the_place_of_another),
		WITH(pages_that_shift_hide_nothing),
		WITH(an_answer_that_is_lost_leaves_a_question),
		WITH(the_account_ends_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
