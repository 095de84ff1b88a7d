/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What media managers answer, valid or not: nothing of it harms, is followed, or shows the key. */
#include <errno.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/text.h"
#include "indexer/repair/arr.h"
#include "tests/unit/http_server.h"

#define KEY "canary0123456789abcdef0123456789"
#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define ROOTS OK "[{\"id\":1,\"path\":\"/tv\",\"accessible\":true}]"
#define FILLED OK "{\"directories\":[{\"name\":\"Show\"}],\"files\":[]}"
#define SHOW "{\"id\":3,\"title\":\"Show\",\"path\":\"/tv/Show\"}"

struct desk {
	struct server *server;
	struct route routes[8];
	struct net net;
	struct outside outside;
	struct config *config;
	const struct manager_kind *kind;
	void *state;
	char why[WHY];
	struct manager_item item;
	struct manager_command command;
};

static int set_up(void **state)
{
	struct desk *d = calloc(1, sizeof *d);
	assert_non_null(d);
	assert_int_equal(http_new(&d->net.http), 0);
	assert_int_equal(limit_new(NULL, NULL, &d->net.limit), 0);
	assert_int_equal(config_default(&d->config), 0);
	d->net.patience_ms = 100;
	d->outside = (struct outside){d->config, &d->net};
	d->server = server_new(d->routes);
	*state = d;
	return 0;
}

static void close_kind(struct desk *d)
{
	if (d->kind)
		d->kind->close(d->state);
	vec_clear(&d->item.parts);
	d->item = (struct manager_item){0};
	d->kind = NULL;
}

static int tear_down(void **state)
{
	struct desk *d = *state;
	close_kind(d);
	http_free(d->net.http);
	limit_free(d->net.limit);
	config_free(d->config);
	server_free(d->server);
	free(d);
	return 0;
}

/** A new one each time: nothing is remembered, and its budget is its own. */
static void use(struct desk *d, const struct manager_kind *kind)
{
	static int number;
	char url[64], host[LIMIT_NAME];
	close_kind(d);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", d->server->port);
	snprintf(host, sizeof host, "x:%d", ++number);
	assert_int_equal(kind->open(&d->outside, host, url, KEY, &d->state, d->why), 0);
	d->kind = kind;
	d->why[0] = '\0';
}

/** The nth route, "" for the rest of the path when there is one. */
static void route(struct desk *d, size_t n, const char *path, const char *bytes)
{
	LOCKED(&d->server->lock);
	d->routes[n] = (struct route){.path = path, .bytes = bytes};
}

static int checked(struct desk *d, int r)
{
	/* what was answered may be written over from now on */
	pthread_mutex_lock(&d->server->lock);
	pthread_mutex_unlock(&d->server->lock);
	assert_null(strcasestr(d->why, KEY));
	assert_null(strcasestr(d->item.title, KEY));
	assert_null(strcasestr(d->item.path, KEY));
	assert_null(strcasestr(d->command.state, KEY));
	assert_null(strcasestr(d->command.text, KEY));
	assert_true(text_is_utf8(d->item.title, strlen(d->item.title)));
	assert_true(r == 0 || d->why[0]);
	return r;
}

static int find(struct desk *d, const char *path)
{
	return checked(d, d->kind->find(d->state, path, &d->item, d->why));
}

static int tell(struct desk *d)
{
	return checked(d, d->kind->tell(d->state, MANAGER_RESCAN, &d->item, &d->command, d->why));
}

/* --- each answer has a meaning --- */

static const struct {
	const char *bytes;
	int meaning;
} ODD[] = {
	{"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n" KEY, -EACCES},
	{"HTTP/1.1 403 " KEY "\r\nConnection: close\r\n\r\n", -EACCES},
	{"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", -EPROTO},
	{"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" KEY, -EINVAL},
	{"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nConnection: close\r\n\r\n", -EBUSY},
	{"HTTP/1.1 500 Error\r\nConnection: close\r\n\r\n{\"message\":\"" KEY "\"}", -EBUSY},
	{"HTTP/1.1 502 Error\r\nConnection: close\r\n\r\n", -EBUSY},
	{"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n", -EPROTO},
	{"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n", -EPROTO},
	{"HTTP/1.1 307 Other\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n", -EPROTO},
	{"HTTP/1.1 308 Other\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n", -EPROTO},
	{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>log in</html>", -EPROTO},
	{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{", -EPROTO},
	{OK, -EPROTO},
	{OK "null", -EPROTO},
	{OK "\"" KEY "\"", -EPROTO},
	{OK "{\"id\":\"" KEY "\"}", -EPROTO},
	{OK "[1,2]", -EPROTO},
	{OK "[", -EPROTO},
	{OK "[{}", -EPROTO},
	{OK "[{},", -EPROTO},
	{OK "[,]", -EPROTO},
	{OK "[}]", -EPROTO},
	{OK "[{\"path\":\"\\", -EPROTO},
	{OK "[{\"path\":\"\xff\xfe\"}]", -EPROTO},
	{"220 smtp.example ESMTP\r\n", -EPROTO},
	{"", -EPROTO},
};

static void odd_lists(void **state)
{
	static const struct {
		const struct manager_kind *kind;
		const char *path;
	} kinds[] = {{&manager_sonarr, "/api/v3/series"}, {&manager_radarr, "/api/v3/movie"},
		     {&manager_plex, "/library/sections"}, {&manager_jellyfin, "/Library/VirtualFolders"}};
	struct desk *d = *state;
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		for (size_t i = 0; i < COUNT_OF(ODD); i++) {
			use(d, kinds[k].kind);
			route(d, 0, kinds[k].path, ODD[i].bytes);
			int r = find(d, "/tv/Show/Season 01/x.mkv");
			if (r != ODD[i].meaning)
				fail_msg("%s: %d (%s) after %s", kinds[k].path, r, d->why, ODD[i].bytes);
		}
	assert_false(server_saw(d->server, "/elsewhere"));
}

static void odd_answers_to_a_command(void **state)
{
	struct desk *d = *state;
	route(d, 0, "/api/v3/movie", OK "[{\"id\":3,\"title\":\"F\",\"path\":\"/tv/Show\"}]");
	for (size_t i = 0; i < COUNT_OF(ODD); i++) {
		use(d, &manager_radarr);
		route(d, 1, "/api/v3/command", ODD[i].bytes);
		assert_int_equal(find(d, "/tv/Show/x.mkv"), 0);
		int r = tell(d);
		if (r != ODD[i].meaning)
			fail_msg("%d (%s) after %s", r, d->why, ODD[i].bytes);
		assert_int_equal(d->command.id, 0);
	}
	assert_true(server_saw(d->server, "{\"name\": \"RescanMovie\", \"movieId\": 3}"));
	assert_false(server_saw(d->server, "/elsewhere"));
}

static void a_command_that_is_no_command(void **state)
{
	static const struct {
		const char *bytes;
		int meaning;
	} rows[] = {
		{OK "{\"id\":8,\"status\":\"queued\"}", 0},
		{"HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"id\":8,\"status\":\"queued\",\"message\":\"" KEY "\"}", 0},
		{OK "{\"id\":8,\"status\":\"" KEY "\"}", -EPROTO},
		{OK "{\"id\":8}", -EPROTO},
		{OK "{\"id\":0,\"status\":\"queued\"}", -EPROTO},
		{OK "{\"id\":-1,\"status\":\"queued\"}", -EPROTO},
		{OK "{\"id\":99999999999,\"status\":\"queued\"}", -EPROTO},
		{OK "{\"id\":[8],\"status\":\"queued\"}", -EPROTO},
		{OK "{\"status\":\"queued\"}", -EPROTO},
	};
	struct desk *d = *state;
	route(d, 0, "/api/v3/movie", OK "[{\"id\":3,\"title\":\"F\",\"path\":\"/tv/Show\"}]");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		use(d, &manager_radarr);
		route(d, 1, "/api/v3/command", rows[i].bytes);
		route(d, 2, "/api/v3/command/8", rows[i].bytes);
		route(d, 3, "/api/v3/command/9", OK "{\"id\":8,\"status\":\"completed\"}");
		assert_int_equal(find(d, "/tv/Show/x.mkv"), 0);
		int r = tell(d);
		if (r != rows[i].meaning)
			fail_msg("%d (%s) after %s", r, d->why, rows[i].bytes);
		r = checked(d, d->kind->follow(d->state, 8, &d->command, d->why));
		assert_int_equal(r, rows[i].meaning);
		/* of another order */
		assert_int_equal(d->kind->follow(d->state, 9, &d->command, d->why), -EPROTO);
	}
}

static void the_key_goes_in_a_header_only(void **state)
{
	static const struct {
		const struct manager_kind *kind;
		const char *header;
	} rows[] = {
		{&manager_sonarr, "\r\nX-Api-Key: " KEY "\r\n"},
		{&manager_radarr, "\r\nX-Api-Key: " KEY "\r\n"},
		{&manager_plex, "\r\nX-Plex-Token: " KEY "\r\n"},
		{&manager_jellyfin, "\r\nAuthorization: MediaBrowser Token=\"" KEY "\"\r\n"},
	};
	struct desk *d = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		{
			LOCKED(&d->server->lock);
			buf_reset(&d->server->log);
		}
		use(d, rows[i].kind);
		find(d, "/tv/Show/x.mkv");
		assert_true(server_saw(d->server, rows[i].header));
		assert_false(server_saw(d->server, "=" KEY));
	}
}

/* --- hostile lists --- */

static void items_that_are_none(void **state)
{
	static const char *const bad[] = {
		"{\"id\":0,\"path\":\"/tv/Show\"}",
		"{\"id\":-3,\"path\":\"/tv/Show\"}",
		"{\"path\":\"/tv/Show\"}",
		"{\"id\":null,\"path\":\"/tv/Show\"}",
		"{\"id\":2147483648,\"path\":\"/tv/Show\"}",
		"{\"id\":1e300,\"path\":\"/tv/Show\"}",
		"{\"id\":3,\"path\":\"/\"}",
		"{\"id\":3,\"path\":\"///\"}",
		"{\"id\":3,\"path\":\"\"}",
		"{\"id\":3,\"path\":\"tv/Show\"}",
		"{\"id\":3,\"path\":[\"/tv/Show\"]}",
		"{\"id\":3,\"path\":\"/tv/Show\",\"path\":\"/elsewhere\"}",
		"{\"id\":3}",
		"{\"id\":3,\"path\":\"C:\\\\tv\\\\Show\"}",
		"{}",
	};
	struct desk *d = *state;
	/* each of its own: the last one may still be going out */
	static char text[COUNT_OF(bad)][512];
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		use(d, &manager_radarr);
		snprintf(text[i], sizeof text[i], OK "[ %s , {\"id\":9,\"title\":\"Other\",\"path\":\"/other\"} ]", bad[i]);
		route(d, 0, "/api/v3/movie", text[i]);
		int r = find(d, "/tv/Show/x.mkv");
		if (r != -ENOENT)
			fail_msg("%d after %s", r, bad[i]);
		assert_int_equal(find(d, "/other/x"), 0);
		assert_int_equal(d->item.id, 9);
	}
}

static void hostile_titles(void **state)
{
	struct desk *d = *state;
	_buf_ struct buf text = BUF_INIT(1 << 20);
	buf_adds(&text, OK "[{\"id\":3,\"path\":\"/tv/Show\",\"title\":\"\\u001b[31m\\n\\u0000x\\u0007");
	for (int i = 0; i < 1000; i++)
		buf_adds(&text, "\xc3\xa9");
	buf_adds(&text, "\"},{\"id\":4,\"path\":\"/tv/Keys\",\"title\":\"my " KEY "\"},{\"id\":5,\"path\":\"/tv/" KEY "\"}]");
	route(d, 0, "/api/v3/movie", buf_str(&text));
	use(d, &manager_radarr);
	/* jansson takes no NUL: the whole element is no JSON for us */
	assert_int_equal(find(d, "/tv/Show/x.mkv"), -EPROTO);
	char *nul = strstr(text.data, "\\u0000");
	memcpy(nul, "\\u0001", 6);
	use(d, &manager_radarr);
	assert_int_equal(find(d, "/tv/Show/x.mkv"), 0);
	assert_true(strlen(d->item.title) < sizeof d->item.title && strlen(d->item.title) > 200);
	for (const char *c = d->item.title; *c; c++)
		assert_false((unsigned char)*c < ' ');
	assert_int_equal(find(d, "/tv/Keys/x.mkv"), 0);
	assert_string_equal(d->item.title, "");
	assert_int_equal(find(d, "/tv/" KEY "/x.mkv"), -ENOENT);
}

static void nested_too_deeply(void **state)
{
	struct desk *d = *state;
	_buf_ struct buf text = BUF_INIT(1 << 20);
	buf_adds(&text, OK "[");
	for (int i = 0; i < 100000; i++)
		buf_addc(&text, '[');
	route(d, 0, "/api/v3/movie", buf_str(&text));
	use(d, &manager_radarr);
	assert_int_equal(find(d, "/tv/Show/x.mkv"), -EPROTO);
	buf_reset(&text);
	buf_adds(&text, OK "[{\"id\":3,\"path\":\"/tv/Show\",\"x\":");
	for (int i = 0; i < 70; i++)
		buf_addc(&text, '[');
	for (int i = 0; i < 70; i++)
		buf_addc(&text, ']');
	buf_adds(&text, "}]");
	route(d, 0, "/api/v3/movie", buf_str(&text));
	use(d, &manager_radarr);
	assert_int_equal(find(d, "/tv/Show/x.mkv"), -EPROTO);
}

/** An array of @size bytes that never ends well. */
static void flood(struct server *s, int fd, const char *path)
{
	static char block[1 << 16];
	(void)path;
	memset(block, ' ', sizeof block);
	server_says(fd, OK "[");
	for (size_t i = 0; i < s->arg_len / sizeof block; i++)
		if (!server_send(fd, block, sizeof block))
			return;
}

static void an_answer_without_an_end(void **state)
{
	struct desk *d = *state;
	d->server->arg_len = 80 << 20;
	d->routes[0] = (struct route){.path = "/api/v3/movie", .answer = flood};
	use(d, &manager_radarr);
	assert_int_equal(find(d, "/tv/Show/x.mkv"), -EFBIG);
}

static void a_library_of_thousands(void **state)
{
	struct desk *d = *state;
	_buf_ struct buf text = BUF_INIT(64 << 20);
	buf_adds(&text, OK "[");
	for (int i = 1; i <= 10000; i++) {
		buf_addf(&text, "%s{\"id\":%d,\"title\":\"Film %d \\\"]},[{\\\\\",\"path\":\"/films/Film %d\",\"overview\":\"",
			 i > 1 ? ",\n" : "", i, i, i);
		for (int j = 0; j < 60; j++)
			buf_adds(&text, "Some fifty bytes of a text that people have written. ");
		buf_adds(&text, "\",\"images\":[{\"a\":[1,2,3]},{\"b\":{}}],\"ratings\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}");
	}
	buf_adds(&text, "]");
	assert_int_equal(buf_error(&text), 0);
	assert_true(text.len > 32000000);
	route(d, 0, "/api/v3/movie", buf_str(&text));
	use(d, &manager_radarr);
	assert_int_equal(find(d, "/films/Film 9999/x.mkv"), 0);
	assert_int_equal(d->item.id, 9999);
	assert_string_equal(d->item.title, "Film 9999 \"]},[{\\");
	/* it is not asked again at once */
	assert_int_equal(find(d, "/films/Film 1/x.mkv"), 0);
	assert_int_equal(d->item.id, 1);
	assert_int_equal(server_requests(d->server), 1);
}

/* --- Sonarr's further lists --- */

static void episodes_that_are_none(void **state)
{
	struct desk *d = *state;
	route(d, 0, "/api/v3/series", OK "[" SHOW "]");
	route(d, 1, "/api/v3/episodefile", OK "[{\"id\":0,\"path\":\"/tv/Show/x.mkv\"},{\"id\":-1,\"path\":\"/tv/Show/x.mkv\"},"
					     "{\"id\":8,\"path\":\"/tv/Show/x.mkv\"}]");
	route(d, 2, "/api/v3/episode", OK "[{\"id\":0,\"episodeFileId\":8},{\"id\":-5,\"episodeFileId\":8},"
					 "{\"id\":4294967296,\"episodeFileId\":8},{\"id\":\"x\",\"episodeFileId\":8},"
					 "{\"id\":6,\"episodeFileId\":9},{\"id\":7,\"episodeFileId\":8}]");
	use(d, &manager_sonarr);
	assert_int_equal(find(d, "/tv/Show/x.mkv"), 0);
	assert_int_equal(d->item.parts.len, 1);
	assert_int_equal(d->item.parts.data[0], 7);
	use(d, &manager_sonarr);
	route(d, 2, "/api/v3/episode", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
	assert_int_equal(find(d, "/tv/Show/x.mkv"), -EPROTO);
	assert_int_equal(d->item.parts.len, 0);
}

static void odd_root_folders(void **state)
{
	static const struct {
		const char *roots, *listing;
		int result;
	} rows[] = {
		{ROOTS, FILLED, 0},
		{OK "[{\"id\":1,\"path\":\"/tv\",\"accessible\":true}]", OK "{\"directories\":[]}", -ENODEV},
		{ROOTS, OK "{\"directories\":7}", -ENODEV},
		{ROOTS, OK "{\"files\":[{}]}", -ENODEV},
		{ROOTS, OK "[]", -EPROTO},
		{ROOTS, "HTTP/1.1 500 Error\r\nConnection: close\r\n\r\n", -EBUSY},
		{OK "[{\"id\":1,\"path\":\"/tv\"}]", FILLED, -ENODEV},
		{OK "[{\"id\":1,\"path\":\"/tv\",\"accessible\":\"yes\"}]", FILLED, -ENODEV},
		{OK "[]", FILLED, -ENODEV},
		{OK "{}", FILLED, -EPROTO},
		{"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", FILLED, -EPROTO},
	};
	struct desk *d = *state;
	route(d, 0, "/api/v3/movie", OK "[" SHOW "]");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		use(d, &manager_radarr);
		route(d, 1, "/api/v3/rootfolder", rows[i].roots);
		route(d, 2, "/api/v3/filesystem", rows[i].listing);
		assert_int_equal(find(d, "/tv/Show/x.mkv"), 0);
		int r = checked(d, d->kind->ready(d->state, &d->item, d->why));
		if (r != rows[i].result)
			fail_msg("%d (%s) after %s and %s", r, d->why, rows[i].roots, rows[i].listing);
	}
	/* the folder itself, not what is beside it */
	assert_true(server_saw(d->server, "/api/v3/filesystem?path=%2Ftv%2F&includeFiles=false"));
}

static void paths_are_escaped(void **state)
{
	struct desk *d = *state;
	route(d, 0, "/library/sections",
	      OK "{\"MediaContainer\":{\"Directory\":[{\"key\":\"4\",\"title\":\"TV\",\"Location\":[{\"path\":\"/tv\"}]},"
		 "{\"key\":\"all\",\"Location\":[{\"path\":\"/all\"}]},{\"key\":\"5/refresh?force=1\",\"Location\":[{\"path\":\"/all\"}]}]}}");
	route(d, 1, "/library/sections/4/refresh", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	use(d, &manager_plex);
	assert_int_equal(find(d, "/tv/A & B?x=#1%2F/\xff.mkv"), 0);
	assert_int_equal(tell(d), 0);
	assert_true(server_saw(d->server, "GET /library/sections/4/refresh?path=%2Ftv%2FA%20%26%20B%3Fx%3D%231%252F HTTP"));
	assert_int_equal(find(d, "/all/A/x.mkv"), -ENOENT);
	route(d, 2, "/Library/VirtualFolders", OK "[{\"Name\":\"TV\",\"Locations\":[\"/tv\",7,null]}]");
	route(d, 3, "/Library/Media/Updated", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
	use(d, &manager_jellyfin);
	assert_int_equal(find(d, "/tv/A \"B\"\\\n.mkv"), 0);
	assert_int_equal(tell(d), 0);
	assert_true(server_saw(d->server, "{\"Updates\": [{\"Path\": \"/tv/A \\\"B\\\"\\\\\\n.mkv\", \"UpdateType\": \"Created\"}]}"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(odd_lists),
		T(odd_answers_to_a_command),
		T(a_command_that_is_no_command),
		T(the_key_goes_in_a_header_only),
		T(items_that_are_none),
		T(hostile_titles),
		T(nested_too_deeply),
		T(an_answer_without_an_end),
		T(a_library_of_thousands),
		T(episodes_that_are_none),
		T(odd_root_folders),
		T(paths_are_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
