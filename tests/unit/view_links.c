/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the mount shows of links and repairs: read from a store that was filled by hand. */
#include "tests/unit/fill_links.h"

#include "common/text.h"
#include "fs/document.h"
#include "fs/links.h"
#include "fs/tree.h"

/** Line ends, escapes, quotes, a formula, bytes that are no UTF-8. */
#define HOSTILE "a'b\"c\\\n\t\x01\x1b[31m\x7f%s;--\xff\xfe\xc3\x28\xed\xa0\x80\xe2\x80\xae\xf0\x9f\x98\x80"

struct world {
	char *dir;
	struct filler f;
	struct config *config;
	struct view v;
	struct buf out;
};

static void begin(struct world *w, const char *options)
{
	char path[4096];
	_buf_ struct buf why = BUF_INIT(1 << 16);
	*w = (struct world){.dir = unit_folder(), .out = BUF_INIT(64 << 20)};
	fill_begin(&w->f, w->dir);
	fill_commit(&w->f);
	snprintf(path, sizeof path, "%s/conf", w->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "state_dir = \"%s\"\n%s\n", w->dir, options);
	fclose(f);
	if (config_load(path, &w->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(views_open(w->config), 0);
	tree_init();
}

static void end(struct world *w)
{
	views_close();
	config_free(w->config);
	store_close(w->f.s);
	buf_clear(&w->out);
	unit_remove(w->dir);
}

static const char ON[] = "links = {\"/srv/tv\"}\nrealdebrid { token_file = \"/nonexistent/token\" }\n";

/** The content of a file of the mount as of now. */
static const char *show(struct world *w, const char *path)
{
	struct node n;
	int64_t at;
	view_begin(&w->v);
	buf_reset(&w->out);
	if (tree_resolve(&w->v, path, &n, &at) < 0)
		fail_msg("there is no %s", path);
	assert_int_equal(tree_render(&w->v, &n, &w->out), 0);
	view_end(&w->v);
	assert_true(text_is_utf8(w->out.data, w->out.len) || S_ISLNK(n.entry->mode));
	return buf_str(&w->out);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

/** A document: that it can be read at all, and one of its numbers. */
static int64_t number(struct world *w, const char *path, const char *object, const char *key)
{
	struct document d = {0};
	int64_t v = -1;
	const char *text = show(w, path);
	assert_int_equal(document_read((struct bytes){text, w->out.len}, DOCUMENT_PLAIN, &d), 0);
	if (!document_number(&d, object, key, &v))
		v = -1;
	document_clear(&d);
	return v;
}

static void fill(struct world *w)
{
	fill_links(&w->f);
}

static void links_are_told_with_what_confirms_a_loss(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ON);
	fill(&w);
	const char *text = show(&w, "status/symlinks");
	has(text, "# 9 links: 2 ok, 1 suspect, 3 broken, 1 unknown, 1 held, 1 foreign\n");
	has(text, "# the mount /mnt/rd is empty since 2026-11-21 10:00:00: nothing is listed there\n");
	has(text, "echo 'tv 1' > control/accept-loss\n");
	has(text, "/srv/tv/Show/Season 1/e01.mkv");
	has(text, "ENOENT");
	/* foreign ones are counted, those that are well too */
	has_not(text, "far.mkv");
	has_not(text, "ok1.mkv");
	assert_int_equal(number(&w, "status/symlinks.json", "links", "broken"), 3);
	assert_int_equal(number(&w, "status/symlinks.json", NULL, "total"), 6);
	assert_int_equal(number(&w, "status/symlinks.json", NULL, "count"), 6);
	has(show(&w, "status/symlinks.json"), "\"confirm\": \"echo 'tv 1' > control/accept-loss\"");
	has(buf_str(&w.out), "\"target\": \"/mnt/rd/__all__/Dead.S01/e01.mkv\"");
	has(buf_str(&w.out), "\"path\": \"/srv/tv/Well/far.mkv\"");
	assert_int_equal(number(&w, "status/summary.json", "links", "total"), 9);
	assert_int_equal(number(&w, "status/summary.json", "links", "foreign"), 1);
	end(&w);
}

static void what_needs_a_person_is_said(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ON);
	fill(&w);
	const char *text = show(&w, "status/summary");
	has(text, "links    9: 2 ok");
	has(text, "the mount /mnt/rd is empty: nothing is listed there");
	has(text, "1 link of tv is held");
	has(text, "3 links are broken");
	has(text, "Real-Debrid is not asked any more: bad token");
	has(text, "a plan of 1 repair waits for you");
	has(text, "1 change of links failed");
	has(show(&w, "status/health"), "Real-Debrid is not asked any more: bad token");
	has(show(&w, "status/health.json"), "the mount /mnt/rd is empty");
	has(show(&w, "status/roots"), "tv");
	has(show(&w, "status/roots.json"), "\"files\": 9");
	has(buf_str(&w.out), "\"held\": 1");
	end(&w);
}

static void torrents_and_what_is_tried_again(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ON);
	fill(&w);
	const char *text = show(&w, "status/torrents");
	has(text, "2 in all");
	has(text, "the account is STOPPED since 2026-11-21 10:00:00: bad token");
	has(text, "echo 'scan quick' > control/repair");
	has(text, "2500/5012");
	has(text, "2026-11-21 13:00:00");
	has(text, "infringing_file");
	has_not(text, "account  stopped");
	assert_int_equal(number(&w, "status/torrents.json", NULL, "torrents"), 2);
	assert_int_equal(number(&w, "status/torrents.json", NULL, "total"), 1);
	assert_int_equal(number(&w, "status/torrents.json", NULL, "retries_total"), 1);
	assert_int_equal(number(&w, "status/torrents.json", NULL, "permanent_total"), 1);
	has(show(&w, "status/torrents.json"), "\"next_attempt_at\": \"2026-11-21T13:00:00Z\"");
	has(buf_str(&w.out), "\"state\": \"stopped\"");
	end(&w);
}

static void a_plan_has_the_line_that_carries_it_out(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ON);
	has(show(&w, "status/repairs"), "there is no plan: echo plan > control/repair");
	has(show(&w, "status/repairs.json"), "\"plan\": null");
	fill(&w);
	const char *text = show(&w, "status/repairs");
	has(text, "# plan " FILL_PLAN " is planned, made at 2026-11-21 10:00:00: 3 steps, at most 6 calls, 2 held\n");
	has(text, "echo " FILL_PLAN " > control/apply");
	has(text, "# item 2: it is left out unless you name it: echo '" FILL_PLAN " 2' > control/apply\n");
	has(text, "# item 3: see to it yourself: the provider has several torrents of that name\n");
	has(text, "dry run is on");
	has(text, "/srv/tv/Show/Season 1/e01.mkv");
	has(text, "/mnt/rd/__all__/Old/x → /mnt/rd/__all__/New/x");
	has(text, "/mnt/rd/__all__/Old/x → removed");
	has(text, "sonarr");
	assert_int_equal(number(&w, "status/repairs.json", "plan", "steps"), 3);
	assert_int_equal(number(&w, "status/repairs.json", NULL, "count"), 3);
	assert_int_equal(number(&w, "status/repairs.json", NULL, "journal_total"), 2);
	text = show(&w, "status/repairs.json");
	has(text, "\"undo\": \"echo 1 > control/undo\"");
	has(text, "\"apply\": \"echo '" FILL_PLAN " 2' > control/apply\"");
	/* what failed cannot be undone, what is for a person cannot be applied */
	has_not(text, "echo 2 > control/undo");
	has_not(text, FILL_PLAN " 3' >");
	end(&w);
}

static void numbers_of_repairs(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ON);
	fill(&w);
	assert_int_equal(store_begin_write(w.f.s), 0);
	int64_t recent[2] = {FILL_TIME - NS_PER_S, FILL_TIME - 2 * NS_PER_S};
	struct store_host h = {.name = "realdebrid", .reason = "", .calls = 77, .refusals = 5, .failures = 2,
			       .recent = {(const char *)recent, sizeof recent}};
	assert_int_equal(store_put_host(w.f.s, &h), 0);
	h.name = "realdebrid-repairs";
	assert_int_equal(store_put_host(w.f.s, &h), 0);
	fill_commit(&w.f);
	assert_int_equal(number(&w, "metrics/realdebrid.json", NULL, "calls_total"), 77);
	assert_int_equal(number(&w, "metrics/realdebrid.json", NULL, "refused_total"), 5);
	assert_int_equal(number(&w, "metrics/realdebrid.json", "repairs", "attempts"), 1);
	assert_int_equal(number(&w, "metrics/realdebrid.json", "repairs", "success_rate"), 0);
	assert_int_equal(number(&w, "metrics/realdebrid.json", "links", "broken"), 3);
	const char *text = show(&w, "metrics/realdebrid.json");
	has(text, "\"requests_per_minute\": 200");
	has(text, "\"requests_per_minute\": 60");
	end(&w);
}

static void switched_off_is_said_in_one_line(void **state)
{
	static const char *const files[] = {"status/symlinks", "status/torrents", "status/repairs"};
	struct world w;
	struct node n;
	int64_t at;
	(void)state;
	begin(&w, "");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *text = show(&w, files[i]);
		assert_int_equal(strncmp(text, "# ", 2), 0);
		has(text, "configuration");
		/* and that there is no indexer */
		assert_ptr_equal(strstr(text, "\n# the indexer"), strchr(text, '\n'));
	}
	has(show(&w, "status/symlinks.json"), "\"enabled\": false");
	has(show(&w, "metrics/realdebrid.json"), "\"enabled\": false");
	has_not(show(&w, "status/summary"), "links  ");
	view_begin(&w.v);
	assert_int_equal(tree_resolve(&w.v, "links/broken", &n, &at), 0);
	assert_int_equal(tree_resolve(&w.v, "links/broken/tv", &n, &at), -ENOENT);
	view_end(&w.v);
	end(&w);
}

static void no_control_character_reaches_a_terminal(void **state)
{
	static const char *const files[] = {"status/symlinks", "status/torrents", "status/repairs",
					    "status/summary", "status/roots"};
	static const char *const documents[] = {"status/symlinks.json", "status/torrents.json",
						"status/repairs.json", "metrics/realdebrid.json"};
	struct world w;
	int64_t root;
	(void)state;
	begin(&w, ON);
	assert_int_equal(store_begin_write(w.f.s), 0);
	assert_int_equal(store_put_root(w.f.s, "tv", "links", "/srv/tv", &root), 0);
	int64_t top = fill_link_dir(&w.f, root, ""), dir = fill_link_dir(&w.f, root, HOSTILE);
	int64_t to = fill_target_dir(&w.f, "/mnt/" HOSTILE "/", HOSTILE);
	(void)top;
	fill_link(&w.f, dir, HOSTILE, to, "/mnt/" HOSTILE "/" HOSTILE, LINK_BROKEN);
	const struct store_mount_health health = {.path = "/mnt/" HOSTILE, .state = "empty", .reason = HOSTILE,
						  .fstype = "x", .since = FILL_TIME};
	assert_int_equal(store_put_mount_health(w.f.s, &health), 0);
	const struct store_link_hold hold = {.root = root, .count = 1, .since = FILL_TIME, .reason = HOSTILE};
	assert_int_equal(store_put_link_hold(w.f.s, &hold), 0);
	fill_torrents(&w.f, HOSTILE);
	fill_plan(&w.f, HOSTILE);
	fill_journal(&w.f, HOSTILE);
	fill_commit(&w.f);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *text = show(&w, files[i]);
		for (const char *p = text; *p; p++)
			if (((unsigned char)*p < 32 && *p != '\n') || *p == 127)
				fail_msg("%s has byte %d", files[i], *p);
		has_not(text, "\xe2\x80\xae");
	}
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
		number(&w, documents[i], NULL, "count");
	has(show(&w, "status/symlinks.json"), "\"target_bytes\"");
	has(show(&w, "status/repairs.json"), "\"path_bytes\"");
	/* the link itself has every byte that it has in the library */
	assert_string_equal(show(&w, "links/broken/tv/" HOSTILE "/" HOSTILE), "/mnt/" HOSTILE "/" HOSTILE);
	end(&w);
}

static int take_name(void *arg, const struct tree_item *item)
{
	struct buf *out = arg;
	return buf_addf(out, "%s%s ", item->name, S_ISDIR(item->node.entry->mode) ? "/" : "");
}

static const char *list(struct world *w, const char *path)
{
	struct node n;
	int64_t at;
	view_begin(&w->v);
	buf_reset(&w->out);
	assert_int_equal(tree_resolve(&w->v, path, &n, &at), 0);
	assert_int_equal(tree_list(&w->v, &n, 0, take_name, &w->out), 0);
	view_end(&w->v);
	return buf_str(&w->out);
}

static int resolve(struct world *w, const char *path)
{
	struct node n;
	int64_t at;
	view_begin(&w->v);
	int r = tree_resolve(&w->v, path, &n, &at);
	view_end(&w->v);
	return r;
}

static void broken_links_stand_where_they_are_in_the_library(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ON);
	fill(&w);
	assert_string_equal(list(&w, "links/broken"), "tv/ ");
	/* Well has none that is broken */
	assert_string_equal(list(&w, "links/broken/tv"), "Show/ film.mkv ");
	assert_string_equal(list(&w, "links/broken/tv/Show"), "Season 1/ ");
	assert_string_equal(list(&w, "links/broken/tv/Show/Season 1"), "e01.mkv e02.mkv ");
	assert_int_equal(resolve(&w, "links/broken/tv/Well"), -ENOENT);
	assert_int_equal(resolve(&w, "links/broken/tv/Show/Season 1/e03.mkv"), -ENOENT);
	assert_int_equal(resolve(&w, "links/broken/tv/film.mkv/x"), -ENOTDIR);
	assert_string_equal(show(&w, "links/broken/tv/Show/Season 1/e01.mkv"),
			    "/mnt/rd/__all__/Dead.S01/e01.mkv");
	assert_int_equal(number(&w, "status/summary.json", "links", "broken"), 3);
	/* mended: it leaves, and the counts follow */
	assert_int_equal(store_begin_write(w.f.s), 0);
	struct store_symlink well = {.id = 2, .state = LINK_OK, .size = 1, .reason = "", .since = FILL_TIME};
	assert_int_equal(store_judge_symlink(w.f.s, &well), 0);
	fill_commit(&w.f);
	assert_string_equal(list(&w, "links/broken/tv/Show/Season 1"), "e02.mkv ");
	assert_int_equal(number(&w, "status/summary.json", "links", "broken"), 2);
	assert_int_equal(number(&w, "status/summary.json", "links", "ok"), 3);
	end(&w);
}

static void a_long_list_is_cut_and_says_so(void **state)
{
	enum { MANY = 10500 };
	struct world w;
	int64_t root;
	char name[32], text[64];
	(void)state;
	begin(&w, ON);
	assert_int_equal(store_begin_write(w.f.s), 0);
	assert_int_equal(store_put_root(w.f.s, "tv", "links", "/srv/tv", &root), 0);
	int64_t dir = fill_link_dir(&w.f, root, ""), to = fill_target_dir(&w.f, "/mnt/t/", "t");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "n%d", i);
		snprintf(text, sizeof text, "/mnt/t/n%d", i);
		/* the broken one is shown, though it came last */
		fill_link(&w.f, dir, name, to, text, i == MANY - 1 ? LINK_BROKEN : LINK_HELD);
	}
	fill_commit(&w.f);
	has(show(&w, "status/symlinks"), "# 10000 of 10500; `mediamon export links` shows all\n");
	has(buf_str(&w.out), "/srv/tv/n10499");
	assert_int_equal(number(&w, "status/symlinks.json", NULL, "count"), 10000);
	assert_int_equal(number(&w, "status/symlinks.json", NULL, "total"), MANY);
	end(&w);
}

static void each_tree_has_its_own_number(void **state)
{
	struct world w;
	int64_t root;
	(void)state;
	begin(&w, "links = {\"/srv/tv\", \"/srv/films\"}\n");
	fill(&w);
	assert_int_equal(store_begin_write(w.f.s), 0);
	assert_int_equal(store_put_root(w.f.s, "films", "links", "/srv/films", &root), 0);
	int64_t dir = fill_link_dir(&w.f, root, ""), to = fill_target_dir(&w.f, "/mnt/t/", "t");
	fill_link(&w.f, dir, "film", to, "/mnt/t/film", LINK_BROKEN);
	fill_commit(&w.f);
	for (int i = 0; i < 2; i++) {
		has(show(&w, "status/roots.json"), "\"files\": 9");
		has(buf_str(&w.out), "\"files\": 1,");
	}
	assert_string_equal(list(&w, "links/broken"), "tv/ films/ ");
	assert_string_equal(show(&w, "links/broken/films/film"), "/mnt/t/film");
	assert_int_equal(resolve(&w, "links/broken/tv/film"), -ENOENT);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_told_with_what_confirms_a_loss),
		cmocka_unit_test(what_needs_a_person_is_said),
		cmocka_unit_test(torrents_and_what_is_tried_again),
		cmocka_unit_test(a_plan_has_the_line_that_carries_it_out),
		cmocka_unit_test(numbers_of_repairs),
		cmocka_unit_test(switched_off_is_said_in_one_line),
		cmocka_unit_test(no_control_character_reaches_a_terminal),
		cmocka_unit_test(broken_links_stand_where_they_are_in_the_library),
		cmocka_unit_test(each_tree_has_its_own_number),
		cmocka_unit_test(a_long_list_is_cut_and_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
