/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What Prowlarr is asked for a grab, and what each of its answers means. */
#include "tests/unit/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "indexer/request/client.h"

#define GUID "https://tracker/\"1\"\n?id=\xc3\xa9"

/** Reads a whole request and gives one answer to it; the request is left in a file. */
static void serve(int listener, const char *answer, const char *seen)
{
	char text[16384];
	size_t n = 0;
	int fd = accept(listener, NULL, NULL);
	for (;;) {
		ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		text[n] = '\0';
		const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
		if (body && length && strlen(body + 4) >= (size_t)strtol(length + 15, NULL, 10))
			break;
	}
	FILE *f = fopen(seen, "w");
	if (f) {
		fwrite(text, 1, n, f);
		fclose(f);
	}
	(void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	_exit(0);
}

static pid_t start_fake(const char *answer, const char *seen, int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		serve(fd, answer, seen);
	}
	return pid;
}

static int grab(const char *answer, char request[16384], char why[WHY])
{
	struct world w;
	char conf[512], seen[] = "/tmp/mediamon-unit-request.XXXXXX";
	void *s = NULL;
	int port, status, fd = mkstemp(seen);
	assert_true(fd >= 0);
	pid_t pid = start_fake(answer, seen, &port);
	snprintf(conf, sizeof conf, "prowlarr { url = \"http://127.0.0.1:%d/base/\"\n api_key_file = \"%%s\" }\n", port);
	world_open(&w, "the key", conf);
	assert_int_equal(client_prowlarr.open(&w.outside, &s, why), 0);
	struct handover h = handover_of("", PROTOCOL_TORRENT);
	h.release.guid = GUID;
	h.release.indexer_id = 7;
	why[0] = '\0';
	int r = client_prowlarr.add(s, &h, why);
	waitpid(pid, &status, 0);
	ssize_t n = read(fd, request, 16383);
	request[n > 0 ? n : 0] = '\0';
	close(fd);
	unlink(seen);
	buf_clear(&h.link);
	client_prowlarr.close(s);
	world_close(&w);
	return r;
}

#define EMPTY "Content-Length: 0\r\nConnection: close\r\n\r\n"

static void the_find_is_named_by_guid_and_indexer(void **state)
{
	char request[16384], why[WHY];
	(void)state;
	assert_int_equal(grab("HTTP/1.1 200 OK\r\n" EMPTY, request, why), 0);
	assert_memory_equal(request, "POST /base/api/v1/search HTTP/1.1\r\n", 35);
	assert_non_null(strstr(request, "X-Api-Key: the key\r\n"));
	assert_non_null(strcasestr(request, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(request, "\"guid\":"));
	assert_non_null(strstr(request, "\"https://tracker/\\\"1\\\"\\n?id=\xc3\xa9\""));
	assert_non_null(strstr(request, "\"indexerId\":"));
	assert_null(strstr(request, "?apikey"));
}

static void each_answer_has_a_meaning(void **state)
{
	static const struct {
		const char *answer;
		int expected;
	} rows[] = {
		{"HTTP/1.1 201 Created\r\n" EMPTY, 0},
		{"HTTP/1.1 400 Bad Request\r\n" EMPTY, -EINVAL},
		{"HTTP/1.1 401 Unauthorized\r\n" EMPTY, -EACCES},
		{"HTTP/1.1 404 Not Found\r\n" EMPTY, -EAGAIN},
		{"HTTP/1.1 409 Conflict\r\n" EMPTY, -EAGAIN},
		{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\n" EMPTY, -EAGAIN},
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\n" EMPTY, -EAGAIN},
		{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" EMPTY, -EAGAIN},
		{"HTTP/1.1 500 Internal Server Error\r\n" EMPTY, -EIO},
		/* cut off: it may have been grabbed */
		{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", -EPROTO},
		{"", -EPROTO},
		{"220 smtp.example ESMTP\r\n", -EPROTO},
	};
	char request[16384], why[WHY];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int r = grab(rows[i].answer, request, why);
		if (r != rows[i].expected)
			fail_msg("%d instead of %d (%s) after: %s", r, rows[i].expected, why, rows[i].answer);
		if (r < 0)
			assert_string_not_equal(why, "");
		assert_null(strstr(why, "the key"));
	}
}

static void nobody_there_and_nothing_set_up(void **state)
{
	struct world w;
	void *s = &w;
	char why[WHY] = "";
	(void)state;
	world_open(&w, "the key", "# %s\n");
	assert_int_equal(client_prowlarr.open(&w.outside, &s, why), 0);
	assert_null(s);
	world_close(&w);
	world_open(&w, "the key", "prowlarr { url = \"http://127.0.0.1:1\" } # %s\n");
	assert_int_equal(client_prowlarr.open(&w.outside, &s, why), -EINVAL);
	world_close(&w);
	world_open(&w, "the key", "prowlarr { url = \"http://127.0.0.1:1\"\n api_key_file = \"%s\" }\n");
	assert_int_equal(client_prowlarr.open(&w.outside, &s, why), 0);
	struct handover h = handover_of("", PROTOCOL_TORRENT);
	assert_int_equal(client_prowlarr.add(s, &h, why), -ECONNREFUSED);
	assert_int_equal(client_prowlarr.find(s, PROTOCOL_TORRENT, "x", NULL, why), -ENOTSUP);
	unlink(w.password);
	assert_int_equal(client_prowlarr.add(s, &h, why), -EACCES);
	buf_clear(&h.link);
	client_prowlarr.close(s);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_find_is_named_by_guid_and_indexer),
		cmocka_unit_test(each_answer_has_a_meaning),
		cmocka_unit_test(nobody_there_and_nothing_set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
