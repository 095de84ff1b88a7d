/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What media managers are told of one path: that item, by its id, and never anything larger. */
#include "tests/unit/standin_arr.h"

#include "common/cleanup.h"
#include "indexer/repair/manager_servarr.h"
#include "indexer/repair/season.h"

static void fill(struct arr *a)
{
	arr_set(a, SONARR, "{" SERIES "}");
	arr_set(a, RADARR, "{" FILMS "}");
	arr_set(a, PLEX, "{'folders':[{'key':1,'title':'TV','locations':['/tv','/more']},"
			 "{'key':2,'title':'Films','locations':['/films']}]}");
	arr_set(a, JELLYFIN, "{'folders':[{'name':'TV','locations':['/tv']},{'name':'Films','locations':['/films/']}]}");
}

static void nothing_was_wide(struct arr *a)
{
	for (int k = 0; k < KINDS; k++)
		assert_told(a, k, "wide", "[]");
}

static void everyone_who_knows_the_item_is_told(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/tv/Show/Season 01/Show S01E01-E02.mkv", true), 4);
	assert_string_equal(buf_str(&a->heard),
			    "my-sonarr rescan 0 3 Show queued\n"
			    "my-sonarr search 0 3 Show queued\n"
			    "my-plex rescan 0 1 TV \n"
			    "my-jellyfin rescan 0 1 TV \n");
	assert_told(a, SONARR, "orders",
		    "[{\"name\": \"RescanSeries\", \"ids\": [3]}, {\"name\": \"EpisodeSearch\", \"ids\": [301, 302]}]");
	assert_told(a, RADARR, "orders", "[]");
	assert_told(a, PLEX, "orders", "[{\"name\": \"refresh\", \"ids\": [1], \"path\": \"/tv/Show/Season 01\"}]");
	assert_told(a, JELLYFIN, "orders",
		    "[{\"name\": \"Created\", \"path\": \"/tv/Show/Season 01/Show S01E01-E02.mkv\"}]");
	nothing_was_wide(a);
}

static void a_film_is_rescanned_and_searched(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/films/A (2001)/A.mkv", true), 4);
	assert_told(a, RADARR, "orders",
		    "[{\"name\": \"RescanMovie\", \"ids\": [7]}, {\"name\": \"MoviesSearch\", \"ids\": [7]}]");
	assert_told(a, SONARR, "orders", "[]");
	nothing_was_wide(a);
}

static void a_rescan_alone_searches_nothing(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/films/A (2001)/A.mkv", false), 3);
	assert_told(a, RADARR, "orders", "[{\"name\": \"RescanMovie\", \"ids\": [7]}]");
}

static void the_longest_folder_at_a_slash_is_the_item(void **state)
{
	static const struct {
		const char *path, *heard;
	} rows[] = {
		{"/tv/Show 2/x.mkv", "my-sonarr rescan 0 4 Show 2 queued\n"},
		{"/tv/Show/Inner/x.mkv", "my-sonarr rescan 0 5 Inner queued\n"},
		{"/tv/Show/Inner 2/x.mkv", "my-sonarr rescan 0 3 Show queued\n"},
		{"/tv/Show", "my-sonarr rescan 0 3 Show queued\n"},
		{"/tv/Show 3/x.mkv", ""},
		{"/tv/Sho", ""},
		{"/tv", ""},
		{"/", ""},
	};
	struct arr *a = *state;
	char text[1024];
	arr_set(a, SONARR, "{" SERIES "}");
	snprintf(text, sizeof text, "sonarr { instances = { \"my-sonarr http://127.0.0.1:%d %s\" } }", a->port[SONARR], a->key);
	assert_int_equal(arr_open(a, text), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int r = arr_tell(a, rows[i].path, false);
		if (strcmp(buf_str(&a->heard), rows[i].heard) != 0 || r != (*rows[i].heard != '\0'))
			fail_msg("%s: %d, %s", rows[i].path, r, buf_str(&a->heard));
	}
	assert_int_equal(arr_tell(a, "tv/Show/x.mkv", false), -EINVAL);
	assert_int_equal(arr_tell(a, "/tv/Show/../Show 2/x.mkv", false), -EINVAL);
}

static void paths_of_ours_are_called_what_they_call_them(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "arr { path_map = { \"/=/mnt/media\", \"/films/=/mnt/media/movies\", \"/tv=/mnt/media/shows/\" } }");
	assert_int_equal(arr_tell(a, "/mnt/media/shows/Show/Season 01/Show S01E03.mkv", true), 4);
	assert_told(a, SONARR, "orders",
		    "[{\"name\": \"RescanSeries\", \"ids\": [3]}, {\"name\": \"EpisodeSearch\", \"ids\": [303]}]");
	assert_int_equal(arr_tell(a, "/mnt/media/movies/A (2001)/A.mkv", false), 3);
	assert_int_equal(arr_tell(a, "/mnt/media/tv/Show/x.mkv", false), 3);
	assert_int_equal(arr_tell(a, "/mnt/media/movies2/A (2001)/A.mkv", false), 0);
	assert_int_equal(arr_tell(a, "/mnt/mediafilms/A (2001)/A.mkv", false), 0);
	nothing_was_wide(a);
}

/* --- which episodes --- */

static void episodes_of_a_file_that_is_forgotten(void **state)
{
	static const struct {
		const char *path, *orders;
	} rows[] = {
		/* named: whatever else the season lacks */
		{"/tv/Show/Season 02/Show S02E01.mkv", "{\"name\": \"EpisodeSearch\", \"ids\": [311]}"},
		{"/tv/Show/Season 01/Show 1x04 other.mkv", "{\"name\": \"EpisodeSearch\", \"ids\": [304]}"},
		/* only the season: what it lacks and was shown */
		{"/tv/Show/Season 01/Show - the fourth.mkv", "{\"name\": \"EpisodeSearch\", \"ids\": [304]}"},
		/* it has a file, of another name */
		{"/tv/Show/Season 01/Show S01E03 other.mkv", ""},
		/* nothing is said, or two different things */
		{"/tv/Show/Show.mkv", ""},
		{"/tv/Show/Season 02/Show S01E04.mkv", ""},
		{"/tv/Show/Season 09/Show S09E01.mkv", ""},
		{"/tv/Show", ""},
	};
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char expected[256];
		struct http_answer answer = HTTP_ANSWER_INIT;
		arr_control(a, SONARR, "DELETE", "orders", NULL, &answer);
		http_answer_clear(&answer);
		arr_tell(a, rows[i].path, true);
		snprintf(expected, sizeof expected, "[{\"name\": \"RescanSeries\", \"ids\": [3]}%s%s]",
			 *rows[i].orders ? ", " : "", rows[i].orders);
		char *told = arr_get(a, SONARR, "orders");
		if (strcmp(told, expected) != 0)
			fail_msg("%s: %s", rows[i].path, told);
		assert_true(*rows[i].orders || strstr(buf_str(&a->heard), "search -2 3 Show"));
		free(told);
	}
	nothing_was_wide(a);
}

static void what_a_path_says(void **state)
{
	static const struct {
		const char *path;
		bool is_said;
		struct season season;
	} rows[] = {
		{"Season 01/Show S01E02.mkv", true, {1, 2, 2}},
		{"Show.s01e02.1080p.mkv", true, {1, 2, 2}},
		{"S01/Show - S01E02E03-E05.mkv", true, {1, 2, 5}},
		{"Show S01E02-03 x.mkv", true, {1, 2, 3}},
		{"Show S01E02-720p.mkv", true, {1, 2, 2}},
		{"Show S01 E02.mkv", true, {1, 2, 2}},
		{"Show 3x11.mkv", true, {3, 11, 11}},
		{"Show 1920x1080.mkv", false, {0, 0, 0}},
		{"Saison 2/Show.mkv", true, {2, 0, 0}},
		{"Specials/Show.mkv", true, {0, 0, 0}},
		{"Specials/Show S00E07.mkv", true, {0, 7, 7}},
		{"season_10/extras/Show.mkv", true, {10, 0, 0}},
		{"Season/Show.mkv", false, {0, 0, 0}},
		{"Seasons 1-3/Show.mkv", false, {0, 0, 0}},
		{"S2000 cars/Show.mkv", true, {2000, 0, 0}},
		{"Season 99999/Show.mkv", false, {0, 0, 0}},
		{"Season 1/Show S02E01.mkv", false, {0, 0, 0}},
		{"Show S01E99999.mkv", false, {0, 0, 0}},
		{"", false, {0, 0, 0}},
		{"/////", false, {0, 0, 0}},
		{"\xff\xfeS01E01", true, {1, 1, 1}},
		{"bonus01e02.mkv", false, {0, 0, 0}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct season s = {0};
		bool is_said = season_of_path(rows[i].path, &s);
		if (is_said != rows[i].is_said || (is_said && memcmp(&s, &rows[i].season, sizeof s) != 0))
			fail_msg("%s: %d: season %d, %d to %d", rows[i].path, is_said, s.number, s.first, s.last);
	}
}

static void too_many_episodes_are_no_item(void **state)
{
	struct arr *a = *state;
	_buf_ struct buf text = BUF_INIT(1 << 16);
	fill(a);
	buf_adds(&text, "{'files':[],'episodes':[");
	for (int i = 0; i < 101; i++)
		buf_addf(&text, "%s{'id':%d,'seriesId':3,'seasonNumber':1,'episodeNumber':%d,'episodeFileId':0}",
			 i ? "," : "", 400 + i, i + 1);
	buf_adds(&text, "]}");
	arr_set(a, SONARR, buf_str(&text));
	arr_open_all(a, "");
	arr_tell(a, "/tv/Show/Season 01/Show.mkv", true);
	assert_told(a, SONARR, "orders", "[{\"name\": \"RescanSeries\", \"ids\": [3]}]");
}

/* --- when nothing is told --- */

static void a_root_folder_that_is_away_or_empty(void **state)
{
	static const struct {
		const char *roots, *word;
	} rows[] = {
		{"{'roots':[{'id':1,'path':'/tv','accessible':false}]}", "cannot reach"},
		{"{'roots':[{'id':1,'path':'/tv','directories':[]}]}", "empty"},
		{"{'roots':[]}", "no root folder"},
		{"{'roots':[{'id':1,'path':'/t'},{'id':2,'path':'/tv/Show 2'}]}", "no root folder"},
		/* the closer one counts */
		{"{'roots':[{'id':1,'path':'/tv'},{'id':2,'path':'/tv/Show','directories':[]}]}", "empty"},
		{"{'roots':[{'id':2,'path':'/tv/Show','directories':[]},{'id':1,'path':'/tv'}]}", "empty"},
		{"{'roots':[{'id':1,'path':'/tv'}],'mounts':{'/tv':'/proc/self/no such folder'}}", "cannot reach"},
		{"{'roots':[{'id':1,'path':'/tv'}],'mounts':{},'modes':{'filesystem':{'kind':'status','status':404}}}",
		 "does not know"},
	};
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		arr_set(a, SONARR, rows[i].roots);
		arr_tell(a, "/tv/Show/Season 01/Show S01E03.mkv", true);
		const char *end = strchr(buf_str(&a->heard), '\n');
		if (strncmp(buf_str(&a->heard), "my-sonarr rescan -", 18) != 0 || !end || strstr(buf_str(&a->heard), "search") ||
		    !strstr(buf_str(&a->heard), rows[i].word))
			fail_msg("%s: %s", rows[i].roots, buf_str(&a->heard));
	}
	assert_told(a, SONARR, "orders", "[]");
}

static void a_library_without_the_folder(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/tv/x.mkv", false), 1);
	/* Plex: all of it would be refreshed; Jellyfin is told of the file */
	assert_told(a, PLEX, "orders", "[]");
	assert_told(a, JELLYFIN, "orders", "[{\"name\": \"Created\", \"path\": \"/tv/x.mkv\"}]");
	assert_int_equal(arr_tell(a, "/tv", false), 0);
	/* what is no text cannot be told to Jellyfin */
	assert_int_equal(arr_tell(a, "/more/\xff\xfe/x.mkv", false), 1);
	nothing_was_wide(a);
}

static void a_library_that_went_since_it_was_listed(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/films/A (2001)/A.mkv", false), 3);
	arr_set(a, PLEX, "{'folders':[{'key':1,'title':'TV','locations':['/tv']}]}");
	arr_set(a, JELLYFIN, "{'folders':[]}");
	a->ahead -= 600 * NS_PER_S - 120 * NS_PER_S;
	assert_int_equal(arr_tell(a, "/films/A (2001)/A.mkv", false), 1);
	nothing_was_wide(a);
}

static void no_more_than_is_allowed(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_open_all(a, "");
	a->allowance = 1;
	assert_int_equal(arr_tell(a, "/tv/Show/Season 01/Show S01E03.mkv", true), 1);
	assert_non_null(strstr(buf_str(&a->heard), "my-sonarr search -11 3 Show : the orders"));
	assert_told(a, SONARR, "orders", "[{\"name\": \"RescanSeries\", \"ids\": [3]}]");
	assert_told(a, PLEX, "orders", "[]");
	assert_int_equal(arr_tell(a, "/tv/Show/Season 01/Show S01E03.mkv", true), -EAGAIN);
}

/* --- commands --- */

static void a_search_waits_for_the_rescan(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_set(a, SONARR, "{'seconds':0.4,'missing':['/tv/Show/Season 01/Show S01E03.mkv']}");
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/tv/Show/Season 01/Show S01E03.mkv", true), 4);
	/* by then Sonarr has noticed that the file is gone, and still the right episode is searched */
	assert_told(a, SONARR, "orders",
		    "[{\"name\": \"RescanSeries\", \"ids\": [3]}, {\"name\": \"EpisodeSearch\", \"ids\": [303]}]");
	struct manager_command c;
	char why[WHY];
	assert_int_equal(managers_follow(a->m, "my-sonarr", 2, &c, why), 0);
	assert_int_equal(c.id, 2);
	assert_string_equal(c.state, "queued");
	for (int i = 0; i < 500 && strcmp(c.state, "completed") != 0; i++) {
		usleep(20000);
		arr_pass(a);
		assert_int_equal(managers_follow(a->m, "my-sonarr", 2, &c, why), 0);
	}
	assert_string_equal(c.state, "completed");
	assert_int_equal(managers_follow(a->m, "my-sonarr", 99, &c, why), -ENOENT);
	assert_int_equal(managers_follow(a->m, "my-sonarr", 0, &c, why), -EINVAL);
	assert_int_equal(managers_follow(a->m, "my-plex", 1, &c, why), -ENOTSUP);
	assert_int_equal(managers_follow(a->m, "nobody", 1, &c, why), -ENOENT);
}

static void no_search_after_a_rescan_that_failed(void **state)
{
	struct arr *a = *state;
	fill(a);
	arr_set(a, RADARR, "{'ends':{'RescanMovie':'failed'}}");
	arr_open_all(a, "");
	assert_int_equal(arr_tell(a, "/films/A (2001)/A.mkv", true), 3);
	assert_non_null(strstr(buf_str(&a->heard), "my-radarr search -11 7 A : it is not searched: the rescan has failed"));
	assert_told(a, RADARR, "orders", "[{\"name\": \"RescanMovie\", \"ids\": [7]}]");
}

static void no_order_without_an_id(void **state)
{
	static const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX, (int64_t)INT32_MAX + 1};
	struct arr *a = *state;
	struct servarr s;
	struct manager_command c;
	char why[WHY], url[64];
	arr_open_all(a, "");
	snprintf(url, sizeof url, "http://127.0.0.1:%d", a->port[SONARR]);
	assert_int_equal(servarr_open(&s, &a->outside, "Sonarr", "sonarr:x", url, KEY, "/api/v3/series", why), 0);
	for (int command = 0; command < SERVARR_COMMANDS; command++) {
		assert_int_equal(servarr_order(&s, command, NULL, 0, &c, why), -EINVAL);
		for (size_t i = 0; i < COUNT_OF(bad); i++) {
			assert_int_equal(servarr_order(&s, command, &bad[i], 1, &c, why), -EINVAL);
			int64_t mixed[] = {7, bad[i]};
			assert_int_equal(servarr_order(&s, command, mixed, 2, &c, why), -EINVAL);
		}
	}
	assert_int_equal(servarr_order(&s, SERVARR_COMMANDS, (int64_t[]){1}, 1, &c, why), -EINVAL);
	servarr_clear(&s);
	/* and the kinds themselves, for an item that is none */
	struct manager_item nothing = {0};
	static const struct manager_kind *const kinds[] = {&manager_sonarr, &manager_radarr, &manager_plex, &manager_jellyfin};
	for (size_t k = 0; k < KINDS; k++) {
		void *one;
		snprintf(url, sizeof url, "http://127.0.0.1:%d", a->port[k]);
		assert_int_equal(kinds[k]->open(&a->outside, "x:y", url, KEY, &one, why), 0);
		assert_true(kinds[k]->tell(one, MANAGER_RESCAN, &nothing, &c, why) < 0);
		assert_true(kinds[k]->tell(one, MANAGER_SEARCH, &nothing, &c, why) < 0);
		kinds[k]->close(one);
		assert_told(a, k, "orders", "[]");
	}
	char *asked = arr_get(a, SONARR, "requests");
	assert_null(strstr(asked, "POST"));
	free(asked);
	nothing_was_wide(a);
}

/* --- configuration --- */

static void a_wrong_instance_is_left_out(void **state)
{
	static const struct {
		const char *line, *word;
	} rows[] = {
		{"tv", "address"},
		{"tv http://127.0.0.1:1", "key"},
		{"tv ftp://127.0.0.1:1 %s", "address"},
		{"tv http:///x %s", "address"},
		{"tv http://user:secret@127.0.0.1:1 %s", "address"},
		{"tv http://127.0.0.1:1/?apikey=1 %s", "address"},
		{"tv http://127.0.0.1:1 %s.absent", "does not exist"},
		{"t/v http://127.0.0.1:1 %s", "name"},
		{"a-name-that-is-longer-than-32-bytes http://127.0.0.1:1 %s", "name"},
		{"FILMS http://127.0.0.1:1 %s\", \"films http://127.0.0.1:1 %s", "has that name"},
	};
	struct arr *a = *state;
	char line[1024], text[4096];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(line, sizeof line, rows[i].line, a->key, a->key);
		snprintf(text, sizeof text, "sonarr { instances = { \"%s\" } }\nradarr { instances = { \"other http://127.0.0.1:1 %s\" } }",
			 line, a->key);
		int r = arr_open(a, text);
		if (r != -EINVAL || !strstr(a->why, rows[i].word) || strncmp(a->why, "sonarr: instance ", 17) != 0)
			fail_msg("%s: %d: %s", rows[i].line, r, a->why);
		assert_int_equal(managers_count(a->m), 1 + (strstr(line, "FILMS") != NULL));
	}
	arr_put(a->key, "not\"a\"key\n");
	snprintf(text, sizeof text, "plex { instances = { \"x http://127.0.0.1:1 %s\" } }", a->key);
	assert_int_equal(arr_open(a, text), -EINVAL);
	assert_null(strstr(a->why, "not\"a"));
	assert_int_equal(arr_open(a, "arr { path_map = { \"/there\" } }"), -EINVAL);
	assert_int_equal(arr_open(a, "arr { path_map = { \"/there=/\" } }"), -EINVAL);
	assert_int_equal(arr_open(a, "arr { path_map = { \"/there=/a/../b\" } }"), -EINVAL);
	assert_int_equal(arr_open(a, ""), 0);
	assert_int_equal(managers_count(a->m), 0);
	assert_int_equal(arr_tell(a, "/tv/x", true), 0);
	managers_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(everyone_who_knows_the_item_is_told),
		T(a_film_is_rescanned_and_searched),
		T(a_rescan_alone_searches_nothing),
		T(the_longest_folder_at_a_slash_is_the_item),
		T(paths_of_ours_are_called_what_they_call_them),
		T(episodes_of_a_file_that_is_forgotten),
		cmocka_unit_test(what_a_path_says),
		T(too_many_episodes_are_no_item),
		T(a_root_folder_that_is_away_or_empty),
		T(a_library_without_the_folder),
		T(a_library_that_went_since_it_was_listed),
		T(no_more_than_is_allowed),
		T(a_search_waits_for_the_rescan),
		T(no_search_after_a_rescan_that_failed),
		T(no_order_without_an_id),
		T(a_wrong_instance_is_left_out),
	};
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
