/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Against tests/lib/nautiljon.py, through the real HTTP and the real budget. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/search/authority.h"
#include "indexer/search/authority_nautiljon_page.h"

static struct {
	pid_t pid;
	int input;
	char url[64];
} site;

/** This file lies beside tests/lib/. */
static char *script(void)
{
	_free_ char *here = strdup(__FILE__);
	char *path = NULL;
	if (asprintf(&path, "%s/../lib/nautiljon.py", dirname(here)) < 0)
		fail();
	return path;
}

static int start_site(void **state)
{
	int to[2], from[2];
	char line[16] = "";
	_free_ char *path = script();
	(void)state;
	if (pipe(to) < 0 || pipe(from) < 0)
		return -1;
	site.pid = fork();
	if (site.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		execl("/usr/bin/python3", "python3", "-B", path, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	site.input = to[1];
	ssize_t n = read(from[0], line, sizeof line - 1);
	close(from[0]);
	snprintf(site.url, sizeof site.url, "http://127.0.0.1:%d", (int)strtol(line, NULL, 10));
	return n > 0 ? 0 : -1;
}

static int stop_site(void **state)
{
	(void)state;
	close(site.input);
	return waitpid(site.pid, NULL, 0) == site.pid ? 0 : -1;
}

struct fixture {
	char *folder;
	struct config *config;
	struct net net;
	struct outside outside;
	void *nautiljon;
	struct authority_answer a;
	char why[WHY];
	int64_t at, later;
};

/** The time that budgets see: @later ns ahead. */
static int64_t clock_of(void *arg)
{
	const struct fixture *f = arg;
	return now_ns() + f->later;
}

static void begin(struct fixture *f, const char *options)
{
	_buf_ struct buf why = BUF_INIT(4096);
	char path[256];
	*f = (struct fixture){.a = AUTHORITY_ANSWER_INIT};
	f->folder = unit_folder();
	snprintf(path, sizeof path, "%s/conf", f->folder);
	FILE *conf = fopen(path, "w");
	assert_non_null(conf);
	fprintf(conf, "nautiljon { enabled = true\n url = \"%s/\"\n %s }\n", site.url, options);
	fclose(conf);
	if (config_load(path, &f->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	f->net = (struct net){.now = clock_of, .arg = f};
	assert_int_equal(http_new(&f->net.http), 0);
	assert_int_equal(limit_new(NULL, NULL, &f->net.limit), 0);
	f->outside = (struct outside){f->config, &f->net};
	assert_int_equal(authority_nautiljon.open(&f->outside, &f->nautiljon, f->why), 0);
	assert_non_null(f->nautiljon);
}

static void end(struct fixture *f)
{
	authority_nautiljon.close(f->nautiljon);
	http_free(f->net.http);
	limit_free(f->net.limit);
	config_free(f->config);
	buf_clear(&f->a.aliases);
	buf_clear(&f->a.choices);
	unit_remove(f->folder);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	begin(f, "distance = \"0s\"");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	end(*state);
	free(*state);
	return 0;
}

static int ask(struct fixture *f, const char *series, const char *url)
{
	f->why[0] = '\0';
	int r = authority_nautiljon.ask(f->nautiljon, series, url, &f->a, &f->at, f->why);
	assert_int_equal(r < 0, f->why[0] != '\0');
	return r;
}

static const char *page(const char *slug)
{
	static char url[256];
	snprintf(url, sizeof url, "%s/mangas/%s.html", site.url, slug);
	return url;
}

static int64_t day(int y, int m, int d)
{
	struct tm tm = {.tm_year = y - 1900, .tm_mon = m - 1, .tm_mday = d};
	return (int64_t)timegm(&tm) * NS_PER_S;
}

static int requests(struct fixture *f)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	char url[256];
	snprintf(url, sizeof url, "%s/_requests", site.url);
	struct http_request q = {.url = url};
	assert_int_equal(http_do(f->net.http, &q, &a), 0);
	int n = (int)strtol(buf_str(&a.body), NULL, 10);
	http_answer_clear(&a);
	return n;
}

static void a_series_is_found_by_its_title(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "one  PIECE", ""), 0);
	assert_int_equal(f->a.known, KNOWN_YES);
	assert_string_equal(f->a.url, page("one+piece"));
	assert_string_equal(f->a.title, "One Piece");
	assert_int_equal(f->a.original, 113);
	assert_int_equal(f->a.released, 111);
	assert_int_equal(f->a.planned, 112);
	assert_int_equal(f->a.planned_at, day(2025, 10, 1));
	assert_string_equal(f->a.status, "ongoing");
	assert_string_equal(buf_str(&f->a.aliases), "ONE PIECE\n原題\n");
	assert_string_equal(buf_str(&f->a.choices), "");
}

static void other_titles_and_articles_count(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"attack on titan", "Shingeki no Kyojin", "L’attaque des titans",
					    "Attaque des Titans"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(ask(f, names[i], ""), 0);
		assert_int_equal(f->a.known, KNOWN_YES);
		assert_string_equal(f->a.title, "L'Attaque des Titans");
		assert_int_equal(f->a.released, 34);
		assert_string_equal(f->a.status, "finished");
	}
}

static void the_first_hit_is_never_taken(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "Piece", ""), 0);
	assert_int_equal(f->a.known, KNOWN_AMBIGUOUS);
	assert_int_equal(f->a.released, -1);
	assert_string_equal(f->a.url, "");
	char want[512];
	int n = snprintf(want, sizeof want, "One Piece\t%s\n", page("one+piece"));
	snprintf(want + n, sizeof want - (size_t)n, "One Piece Party\t%s\n", page("one+piece+party"));
	assert_string_equal(buf_str(&f->a.choices), want);
	/* two that are called so */
	assert_int_equal(ask(f, "Twin", ""), 0);
	assert_int_equal(f->a.known, KNOWN_AMBIGUOUS);
	assert_int_equal(ask(f, "Twin", page("twin+(roman)")), 0);
	assert_int_equal(f->a.known, KNOWN_YES);
	assert_int_equal(f->a.released, 5);
	assert_int_equal(ask(f, "No such thing", ""), 0);
	assert_int_equal(f->a.known, KNOWN_NO);
}

static void an_only_hit_is_compared_too(void **state)
{
	struct fixture *f = *state;
	/* sent to the page at once */
	assert_int_equal(ask(f, "Alone", ""), 0);
	assert_int_equal(f->a.known, KNOWN_YES);
	assert_int_equal(f->a.released, 1);
	assert_int_equal(f->a.planned, 2);
	assert_int_equal(f->a.planned_at, 0);
	assert_string_equal(f->a.url, page("seul"));
	assert_int_equal(ask(f, "Seul", ""), 0);
	assert_int_equal(f->a.known, KNOWN_AMBIGUOUS);
	assert_int_equal(f->a.released, -1);
	assert_string_equal(f->a.url, "");
	assert_non_null(strstr(buf_str(&f->a.choices), "Seul au monde\t"));
}

static void pages_say_what_is_out(void **state)
{
	static const struct {
		const char *slug;
		int original, released, planned;
		const char *status;
	} rows[] = {
		{"one+piece+party", 7, 7, -1, "finished"},
		/* the newest volume is one of another edition */
		{"dragon+ball", 42, 42, -1, "finished"},
		{"vinland+saga", 29, 28, 29, "ongoing"},
		/* not out in French */
		{"mono", 3, -1, -1, ""},
		/* nothing says which is the newest, but it is finished */
		{"finie", 12, 12, -1, "finished"},
		/* six are listed, but are they out? */
		{"jeune", 9, -1, 7, "ongoing"},
		{"pause", 9, 8, -1, "abandoned"},
		{"old", 113, 111, 112, "ongoing"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(ask(f, "whatever", page(rows[i].slug)), 0);
		assert_int_equal(f->a.known, KNOWN_YES);
		assert_int_equal(f->a.original, rows[i].original);
		assert_int_equal(f->a.released, rows[i].released);
		assert_int_equal(f->a.planned, rows[i].planned);
		assert_string_equal(f->a.status, rows[i].status);
	}
	assert_string_equal(f->a.url, page("one+piece"));
	ask(f, "", page("vinland+saga"));
	assert_int_equal(f->a.planned_at, day(2026, 3, 12));
}

static void each_sign_of_a_block_closes_it_for_hours(void **state)
{
	static const char *const signs[] = {"403", "429", "503", "challenge", "interdite", "sorry", "moment", "cf", "expired"};
	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(signs); i++) {
		struct fixture f;
		char name[64];
		snprintf(name, sizeof name, "bad-%s", signs[i / 2]);
		begin(&f, "distance = \"0s\"\n cooldown = \"12h\"");
		/* in a search, and in a page */
		int r = ask(&f, name, i % 2 ? page(name) : "");
		if (r != -EPERM)
			fail_msg("%s: %d %s", name, r, f.why);
		assert_int_equal(f.a.released, -1);
		int before = requests(&f);
		assert_int_equal(ask(&f, "One Piece", ""), -EAGAIN);
		assert_int_equal(requests(&f), before);
		assert_true(f.at > now_ns() + 11 * 3600 * NS_PER_S);
		f.later = 11 * 3600 * NS_PER_S;
		assert_int_equal(ask(&f, "One Piece", ""), -EAGAIN);
		/* longer when it asked for longer */
		f.later = 13 * 3600 * NS_PER_S;
		assert_int_equal(ask(&f, "One Piece", ""), strcmp(signs[i / 2], "429") == 0 ? -EAGAIN : 0);
		end(&f);
	}
}

static void what_says_nothing_is_no_answer(void **state)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {
		{"bad-empty", -EPROTO}, {"bad-500", -EPROTO}, {"bad-404", -ENOENT}, {"bad-deep", -EPROTO},
		{"bad-binary", -EPROTO}, {"bad-home", -EPROTO}, {"bad-huge", -EFBIG}, {"bad-away", -EPROTO},
		{"bad-loop", -EPROTO}, {"bad-hollow", -EPROTO},
	};
	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		struct fixture f;
		begin(&f, "distance = \"0s\"");
		const char *name = rows[i / 2].name;
		int before = requests(&f);
		int r = ask(&f, name, i % 2 ? page(name) : "");
		if (r != rows[i / 2].error)
			fail_msg("%s: %d %s", name, r, f.why);
		assert_int_equal(f.a.released, -1);
		assert_true(requests(&f) - before <= 2);
		end(&f);
	}
}

static void ignore_row(void *arg, const char *title, const char *others, const char *href)
{
	size_t *n = arg;
	*n += strlen(title) + strlen(others) + strlen(href);
}

static void only_the_list_says_that_there_is_nothing(void **state)
{
	static const struct {
		const char *html;
		int rows;
	} pages[] = {
		{"<div id=content><div class=infos>Aucun résultat trouvé.</div></div>", 0},
		{"<table><tr><td> Aucun&nbsp;résultat </td></tr></table>", 0},
		{"<p>AUCUN MANGA TROUVÉ !</p>", 0},
		/* the word alone proves nothing */
		{"<p>Aucun accès : revenez plus tard.</p>", -EPROTO},
		{"<p>Aucun résultat, le serveur est surchargé.</p>", -EPROTO},
		{"<p>Aucun</p>", -EPROTO},
		{"<div>Vous n'avez aucun message.</div>", -EPROTO},
		{"<span>Si vous n'avez aucun résultat trouvé, videz le cache</span>", -EPROTO},
		{"<title>Aucun résultat trouvé</title><p>Erreur</p>", -EPROTO},
		/* nor does the sentence elsewhere */
		{"<footer><p>Aucun résultat trouvé.</p></footer>", -EPROTO},
		{"<nav><span>Aucun résultat</span></nav>", -EPROTO},
		{"<form><div>Aucun résultat</div></form>", -EPROTO},
		{"<ul id=menu><li><span>Aucun résultat</span></li></ul>", -EPROTO},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		size_t n = 0;
		int r = nautiljon_read_search(pages[i].html, strlen(pages[i].html), ignore_row, &n);
		if (r != pages[i].rows)
			fail_msg("%s: %d", pages[i].html, r);
	}
}

static void pages_are_far_apart(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f, "distance = \"10s\"");
	int before = requests(&f);
	/* the list, but no slot for the page now: its address is kept */
	assert_int_equal(ask(&f, "One Piece", ""), -EAGAIN);
	assert_string_equal(f.a.url, page("one+piece"));
	assert_true(f.at > now_ns() + 8 * NS_PER_S && f.at <= now_ns() + 10 * NS_PER_S);
	assert_int_equal(requests(&f), before + 1);
	char found[512];
	memcpy(found, f.a.url, sizeof found);
	assert_int_equal(ask(&f, "One Piece", found), -EAGAIN);
	assert_string_equal(f.a.url, found);
	f.later = 10 * NS_PER_S;
	assert_int_equal(ask(&f, "One Piece", found), 0);
	assert_int_equal(f.a.released, 111);
	assert_int_equal(requests(&f), before + 2);
	end(&f);
}

static void only_its_own_pages_are_asked_for(void **state)
{
	static const char *const bad[] = {
		"http://127.0.0.1:9/mangas/x.html", "file:///etc/passwd", "/mangas/x.html", "x",
		"https://www.nautiljon.com.evil/mangas/x.html", "http://127.0.0.1/mangas/x.html",
	};
	struct fixture *f = *state;
	char url[256];
	int before = requests(f);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(ask(f, "x", bad[i]), -EINVAL);
	snprintf(url, sizeof url, "%s/membre/x.html", site.url);
	assert_int_equal(ask(f, "x", url), -EINVAL);
	snprintf(url, sizeof url, "%s/mangas/?q=x", site.url);
	assert_int_equal(ask(f, "x", url), -EINVAL);
	assert_int_equal(ask(f, "", ""), -EINVAL);
	assert_int_equal(requests(f), before);
}

static void a_page_that_drips_ends(void **state)
{
	struct fixture *f = *state;
	if (!getenv("LONG"))
		skip();
	int64_t start = mono_ns();
	assert_int_equal(ask(f, "bad-drip", ""), -ETIMEDOUT);
	assert_true(mono_ns() - start < 62 * NS_PER_S);
}

/** What a page may be when a line breaks, or somebody makes fun of us. */
static void cut_off_pages_are_survived(void **state)
{
	struct fixture *f = *state;
	struct http_answer answer = HTTP_ANSWER_INIT;
	struct http_request q = {.url = page("one+piece")};
	size_t n = 0;
	assert_int_equal(http_do(f->net.http, &q, &answer), 0);
	for (size_t length = 0; length < answer.body.len; length += 7) {
		_free_ char *copy = malloc(length + 1);
		memcpy(copy, answer.body.data, length);
		int r = nautiljon_read_page(copy, length, &f->a);
		assert_true(r == 0 || r == -EPROTO);
		/* never a smaller number than there is */
		assert_true(f->a.released == -1 || f->a.released == 111);
		nautiljon_read_search(copy, length, ignore_row, &n);
		if (length)
			copy[length * 7919 % length] ^= 0x15;
		nautiljon_read_page(copy, length, &f->a);
		nautiljon_is_block(copy, length);
	}
	http_answer_clear(&answer);
}

/* pages on which a search in the tree, or the parser, would be busy for minutes to hours */
static void heavy_pages_take_no_long_time(void **state)
{
	static const struct {
		const char *begin, *again;
	} rows[] = {
		{"", "<p class=h1titre><b itemprop=name></b>"},
		{"<table><tr><td>", "<a class=eTitre href=/x>t</a><span></span>"},
		{"<h1><span itemprop=name>a</span></h1>", "<div class='liste_infos h1titre nav_vols'><ul class=mb10><li>"},
		{"<h1><span itemprop=name>a</span></h1><li class=nav_vols>", "<div><strong>Dernier paru</strong></div>"},
		{"<a ", "a%x "},
		{"<!-- <a b=\" -->", "<a a%x=1 b%x c%x=' '>"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct authority_answer a = AUTHORITY_ANSWER_INIT;
		_buf_ struct buf html = BUF_INIT(2 << 20);
		int64_t start = mono_ns();
		buf_adds(&html, rows[i].begin);
		for (unsigned k = 0; html.len < 1 << 20; k++)
			buf_addf(&html, rows[i].again, k, k, k);
		size_t count = 0;
		nautiljon_read_search(buf_str(&html), html.len, ignore_row, &count);
		nautiljon_read_page(buf_str(&html), html.len, &a);
		if (mono_ns() - start > 20 * NS_PER_S)
			fail_msg("row %zu: %lld ms", i, (long long)((mono_ns() - start) / NS_PER_MS));
		buf_clear(&a.aliases);
	}
}

static void it_is_off_unless_it_is_switched_on(void **state)
{
	struct config *config;
	void *nautiljon = &config;
	char why[WHY];
	(void)state;
	assert_int_equal(config_default(&config), 0);
	struct outside o = {.config = config};
	assert_int_equal(authority_nautiljon.open(&o, &nautiljon, why), 0);
	assert_null(nautiljon);
	config_free(config);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_series_is_found_by_its_title),
		T(other_titles_and_articles_count),
		T(the_first_hit_is_never_taken),
		T(an_only_hit_is_compared_too),
		T(pages_say_what_is_out),
		cmocka_unit_test(each_sign_of_a_block_closes_it_for_hours),
		cmocka_unit_test(what_says_nothing_is_no_answer),
		cmocka_unit_test(only_the_list_says_that_there_is_nothing),
		cmocka_unit_test(pages_are_far_apart),
		T(only_its_own_pages_are_asked_for),
		T(a_page_that_drips_ends),
		T(cut_off_pages_are_survived),
		cmocka_unit_test(heavy_pages_take_no_long_time),
		cmocka_unit_test(it_is_off_unless_it_is_switched_on),
	};
	return cmocka_run_group_tests(tests, start_site, stop_site);
}
