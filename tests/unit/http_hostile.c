/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/http_world.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <zlib.h>

#include "common/clock.h"

/* --- what is served --- */

static void has_no_end(struct server *s, int fd, const char *path)
{
	static const char zeros[65536];
	(void)s, (void)path;
	server_says(fd, OK "\r\n");
	while (server_send(fd, zeros, sizeof zeros))
		continue;
}

static void is_a_bomb(struct server *s, int fd, const char *path)
{
	char head[128];
	(void)path;
	snprintf(head, sizeof head, OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", s->arg_len);
	server_says(fd, head);
	server_send(fd, s->arg, s->arg_len);
}

static void drips(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	server_says(fd, OK "\r\n");
	while (server_waits(fd, 50) && server_says(fd, "x"))
		continue;
}

static void stalls(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	server_says(fd, OK "\r\nx");
	while (server_waits(fd, 1000))
		continue;
}

static void drips_headers(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	server_says(fd, OK);
	while (server_waits(fd, 100) && server_says(fd, "X: y\r\n"))
		continue;
}

static void headers_have_no_end(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	server_says(fd, OK);
	while (server_says(fd, "X-Filler: 0123456789012345678901234567890123456789012345678901234567\r\n"))
		continue;
}

static void headers_are_many(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	server_says(fd, OK "Content-Length: 2\r\n");
	for (int i = 0; i < 1200; i++)
		server_says(fd, "X-Filler: 0123456789012345678901234567890123456789012345678901234567\r\n");
	server_says(fd, "\r\nok");
}

static void header_has_no_end(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	server_says(fd, OK "X-Filler: ");
	while (server_says(fd, "0123456789012345678901234567890123456789012345678901234567890123"))
		continue;
}

static void interim_answers_have_no_end(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	while (server_says(fd, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
		continue;
}

static void is_silent(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	while (server_waits(fd, 1000))
		continue;
}

static const struct route routes[] = {
	{"/endless", .answer = has_no_end},
	{"/bomb", .answer = is_a_bomb},
	{"/drip", .answer = drips},
	{"/stall", .answer = stalls},
	{"/drip-headers", .answer = drips_headers},
	{"/headers", .answer = headers_have_no_end},
	{"/many-headers", .answer = headers_are_many},
	{"/header", .answer = header_has_no_end},
	{"/interim", .answer = interim_answers_have_no_end},
	{"/silent", .answer = is_silent},
	{"/long-length", .bytes = OK "Content-Length: 100\r\n\r\nshort"},
	{"/short-length", .bytes = OK "Content-Length: 5\r\n\r\nshort, and more"},
	{"/huge-length", .bytes = OK "Content-Length: 10737418240\r\n\r\nx"},
	{"/bad-length", .bytes = OK "Content-Length: -5\r\n\r\nx"},
	{"/two-lengths", .bytes = OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"},
	{"/closed", .bytes = ""},
	{"/cut-head", .bytes = "HTTP/1.1 200 OK\r\nContent-Le"},
	{"/cut-chunk", .bytes = OK "Transfer-Encoding: chunked\r\n\r\nff\r\nabc"},
	{"/bad-chunk", .bytes = OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc"},
	{"/not-gzip", .bytes = OK "Content-Encoding: gzip\r\n\r\nthis is no gzip"},
	{"/unknown-encoding", .bytes = OK "Content-Encoding: rot13\r\n\r\nabc"},
	{"/encodings", .bytes = OK "Content-Encoding: gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip\r\n\r\nabc"},
	{"/old", .bytes = "just text, as in HTTP/0.9"},
	{"/no-status", .bytes = "HTTP/1.1 abc\r\n\r\n"},
	{"/other-protocol", .bytes = "SSH-2.0-OpenSSH_9.2\r\n"},
	{"/ok", .bytes = OK "Content-Length: 2\r\n\r\nok"},
	{0},
};

static int setup(void **state)
{
	return world_new(state, routes);
}

/* --- hostile answers --- */

static void answers_that_are_none_are_told_so(void **state)
{
	static const struct {
		const char *path;
		int error;
	} rows[] = {
		{"/long-length", -EPROTO}, {"/huge-length", -EFBIG},	   {"/bad-length", -EPROTO},
		{"/closed", -EPROTO},	   {"/cut-head", -EPROTO},	   {"/cut-chunk", -EPROTO},
		{"/bad-chunk", -EPROTO},   {"/not-gzip", -EPROTO},	   {"/unknown-encoding", -EPROTO},
		{"/encodings", -EPROTO},   {"/old", -EPROTO},		   {"/no-status", -EPROTO},
		{"/headers", -EPROTO},	   {"/header", -EPROTO},	   {"/interim", -EPROTO},
		{"/other-protocol", -EPROTO}, {"/many-headers", -EPROTO},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t start = mono_ns();
		int r = ask(w, rows[i].path);
		if (r != rows[i].error)
			fail_msg("%s: %d (%s)", rows[i].path, r, w->a.why);
		assert_string_not_equal(w->a.why, "");
		assert_null(strstr(w->a.why, "127.0.0.1"));
		assert_int_equal(w->a.body.len, 0);
		assert_true(mono_ns() - start < 8 * NS_PER_S);
	}
	/* and what comes after a bad one is not touched by it */
	assert_int_equal(ask(w, "/ok"), 0);
	assert_string_equal(buf_str(&w->a.body), "ok");
}

static void bytes_beyond_the_length_are_not_read(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, "/short-length"), 0);
	assert_string_equal(buf_str(&w->a.body), "short");
	assert_int_equal(ask(w, "/ok"), 0);
	assert_string_equal(buf_str(&w->a.body), "ok");
}

/** Kilobytes of memory at the highest point so far. */
static long peak(void)
{
	long kb = -1;
	char line[256];
	_fclose_ FILE *f = fopen("/proc/self/status", "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			break;
	return kb;
}

static void assert_small(long before)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)before;
#elif defined(__has_feature)
	(void)before;
#else
	assert_in_range(peak() - before, 0, 32 << 10);
#endif
}

static void a_body_over_the_limit_ends_the_call(void **state)
{
	struct world *w = *state;
	long before = peak();
	assert_int_equal(ask_as(w, "/endless", (struct http_request){.most = 1000}), -EFBIG);
	assert_int_equal(ask(w, "/endless"), -EFBIG);
	assert_string_equal(w->a.why, "the answer is too large");
	assert_small(before);
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.most = 2}), 0);
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.most = 1}), -EFBIG);
}

/** @n zero bytes as gzip; to be freed. */
static void *make_bomb(size_t n, size_t *length)
{
	static unsigned char zeros[1 << 20];
	z_stream z = {0};
	size_t room = n / 500 + 4096;
	unsigned char *out = malloc(room);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = out;
	z.avail_out = (unsigned)room;
	for (size_t i = 0; i < n; i += sizeof zeros) {
		z.next_in = zeros;
		z.avail_in = sizeof zeros;
		assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
	}
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*length = z.total_out;
	deflateEnd(&z);
	return out;
}

static void a_bomb_ends_early(void **state)
{
	struct world *w = *state;
	w->server->arg = w->server->owned = make_bomb(256 << 20, &w->server->arg_len);
	assert_true(w->server->arg_len < 1 << 20);
	long before = peak();
	assert_int_equal(ask(w, "/bomb"), -EFBIG);
	assert_small(before);
}

static void gzip_is_decoded(void **state)
{
	struct world *w = *state;
	w->server->arg = w->server->owned = make_bomb(1 << 20, &w->server->arg_len);
	assert_int_equal(ask(w, "/bomb"), 0);
	assert_int_equal(w->a.body.len, 1 << 20);
}

static void a_drip_ends_with_the_time_of_the_call(void **state)
{
	static const char *const paths[] = {"/drip", "/drip-headers", "/silent"};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		int64_t start = mono_ns();
		assert_int_equal(ask_as(w, paths[i], (struct http_request){.timeout_ms = 300}), -ETIMEDOUT);
		assert_in_range(mono_ns() - start, 250 * NS_PER_MS, 5 * NS_PER_S);
	}
}

static void a_drip_ends_by_itself(void **state)
{
	struct world *w = *state;
	/* the limit is 20 s, which is much for each run */
	if (!getenv("LONG"))
		skip();
	static const char *const paths[] = {"/drip", "/drip-headers", "/stall"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		int64_t start = mono_ns();
		assert_int_equal(ask_as(w, paths[i], (struct http_request){0}), -ETIMEDOUT);
		assert_string_equal(w->a.why, "the answer came too slowly");
		assert_in_range(mono_ns() - start, 19 * NS_PER_S, 30 * NS_PER_S);
	}
}

/* --- TLS --- */

static pid_t start_openssl(const char *folder, const char *const argv[], int out)
{
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out, 1);
		dup2(out, 2);
		if (chdir(folder) == 0)
			execvp("openssl", (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = -1;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool make_certificate(const char *folder)
{
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key",
			      "-out", "cert", "-days", "1", "-subj", "/CN=localhost", "-addext",
			      "subjectAltName=IP:127.0.0.1,DNS:localhost", NULL};
	_fclose_ FILE *nowhere = fopen("/dev/null", "we");
	return wait_for(start_openssl(folder, argv, fileno(nowhere))) == 0;
}

/** The port on which it listens, from "ACCEPT 127.0.0.1:1234". */
static int read_port(int fd)
{
	char text[1024];
	size_t n = 0;
	ssize_t got;
	while (n + 1 < sizeof text && (got = read(fd, text + n, sizeof text - 1 - n)) > 0) {
		n += (size_t)got;
		text[n] = '\0';
		char *at = strstr(text, "ACCEPT ");
		char *colon = at && strchr(at, '\n') ? strchr(at, ':') : NULL;
		if (colon)
			return (int)strtol(colon + 1, NULL, 10);
	}
	return -1;
}

static void a_certificate_that_nobody_signed_ends_the_call(void **state)
{
	struct world *w = *state;
	const char *const argv[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "cert", "-key", "key",
			      "-www", NULL};
	int pipes[2];
	char url[64], path[4096];
	char *folder = unit_folder();
	if (!make_certificate(folder))
		skip();
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = start_openssl(folder, argv, pipes[1]);
	close(pipes[1]);
	int port = read_port(pipes[0]);
	snprintf(url, sizeof url, "https://127.0.0.1:%d/" CANARY, port);
	struct http_request q = {.url = url, .timeout_ms = 10000};
	int r = http_do(w->http, &q, &w->a);
	kill(pid, SIGKILL);
	wait_for(pid);
	close(pipes[0]);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, i ? "key" : "cert");
		unlink(path);
	}
	unit_remove(folder);
	assert_true(port > 0);
	assert_int_equal(r, -EKEYREJECTED);
	assert_string_equal(w->a.why, "its certificate is not to be trusted");
	/* a server that speaks no TLS at all */
	snprintf(url, sizeof url, "https://127.0.0.1:%d/ok", w->server->port);
	q.timeout_ms = 500;
	r = http_do(w->http, &q, &w->a);
	assert_true(r == -EKEYREJECTED || r == -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(answers_that_are_none_are_told_so),
		WORLD(bytes_beyond_the_length_are_not_read),
		WORLD(a_body_over_the_limit_ends_the_call),
		WORLD(a_bomb_ends_early),
		WORLD(gzip_is_decoded),
		WORLD(a_drip_ends_with_the_time_of_the_call),
		WORLD(a_drip_ends_by_itself),
		WORLD(a_certificate_that_nobody_signed_ends_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
