/* SPDX-License-Identifier: GPL-3.0-or-later */
/** ed2k links handed to a real amuled, and to servers that are none. */
#include "tests/unit/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "indexer/request/amule_wire.h"
#include "indexer/request/client.h"

#define HASH "0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef"
#define LINK "ed2k://|file|Naruto%20T05.cbz|12345678|" HASH "|/"

static struct peer peer;

/** The frame with the link, as it came: shared with the server. */
static struct link_frame {
	int count;
	ssize_t len;
	char bytes[4096];
} *link_frame;

static int start_amule(void **state)
{
	(void)state;
	link_frame = mmap(NULL, sizeof *link_frame, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(link_frame != MAP_FAILED);
	peer_start(&peer, "amule.py", NULL);
	return 0;
}

static int end_amule(void **state)
{
	(void)state;
	peer_end(&peer);
	return 0;
}

static void need_amule(void)
{
	if (peer.port)
		return;
	print_message("amuled is not installed: not tried\n");
	skip();
}

struct client_and_world {
	struct world world;
	void *state;
	char why[WHY];
};

static void open_at(struct client_and_world *c, int port, const char *password, const char *more)
{
	char conf[512];
	snprintf(conf, sizeof conf, "amule { host = \"127.0.0.1\"\n port = %d\n password_file = \"%%s\"\n %s }\n", port, more);
	world_open(&c->world, password, conf);
	int r = client_amule.open(&c->world.outside, &c->state, c->why);
	if (r < 0)
		fail_msg("%s", c->why);
	assert_non_null(c->state);
}

static void close_client(struct client_and_world *c)
{
	client_amule.close(c->state);
	world_close(&c->world);
}

static int add(struct client_and_world *c, const char *link)
{
	struct handover h = handover_of(link, PROTOCOL_ED2K);
	c->why[0] = '\0';
	int r = client_amule.add(c->state, &h, c->why);
	if (r < 0 && r != -EEXIST)
		assert_string_not_equal(c->why, "");
	buf_clear(&h.link);
	return r;
}

static int find(struct client_and_world *c, const char *hash, struct client_item *item)
{
	struct client_item own = CLIENT_ITEM_INIT;
	c->why[0] = '\0';
	int r = client_amule.find(c->state, PROTOCOL_ED2K, hash, item ? item : &own, c->why);
	buf_clear(&own.files);
	return r;
}

static void a_link_is_handed_over_once(void **state)
{
	struct client_and_world c;
	struct client_item item = CLIENT_ITEM_INIT;
	_buf_ struct buf list = BUF_INIT(1 << 16);
	(void)state;
	need_amule();
	open_at(&c, peer.port, "secret pass", "");
	assert_int_equal(find(&c, HASH, NULL), -ENOENT);
	assert_int_equal(add(&c, LINK), 0);
	peer_order(&peer, "dl", &list);
	assert_string_equal(buf_str(&list), HASH " Naruto T05.cbz\n");
	assert_int_equal(find(&c, HASH, &item), 0);
	assert_int_equal(item.state, CLIENT_WAITS);
	assert_string_equal(buf_str(&item.files), "Naruto T05.cbz");
	assert_string_equal(item.text, "waiting for sources");
	assert_true(item.progress == 0);
	assert_int_equal(add(&c, LINK), -EEXIST);
	assert_int_equal(add(&c, "ed2k://|file|another.cbz|12345678|0123456789ABCDEF0123456789ABCDEF|/"), -EEXIST);
	buf_reset(&list);
	peer_order(&peer, "dl", &list);
	assert_string_equal(buf_str(&list), HASH " Naruto T05.cbz\n");
	assert_int_equal(find(&c, "2" OTHER, NULL), -ENOENT);
	buf_clear(&item.files);
	close_client(&c);
}

static void names_of_any_bytes_and_categories_arrive(void **state)
{
	struct client_and_world c;
	struct client_item item = CLIENT_ITEM_INIT;
	(void)state;
	need_amule();
	open_at(&c, peer.port, "secret pass", "category = 1");
	assert_int_equal(add(&c, "ed2k://|file|%C9t%E9%20%7C%20T01.cbz|1000|" OTHER "|/"), 0);
	assert_int_equal(find(&c, OTHER, &item), 0);
	assert_non_null(strstr(buf_str(&item.files), "T01.cbz"));
	assert_non_null(strstr(buf_str(&item.files), "\xc3\x89t\xc3\xa9"));
	buf_clear(&item.files);
	close_client(&c);
}

static void a_finished_file_is_found_among_the_shared(void **state)
{
	struct client_and_world c;
	struct client_item item = CLIENT_ITEM_INIT;
	char hash[64] = "";
	_buf_ struct buf answer = BUF_INIT(4096);
	(void)state;
	need_amule();
	open_at(&c, peer.port, "secret pass", "");
	peer_order(&peer, "share Done.cbz", &answer);
	snprintf(hash, sizeof hash, "%.32s", buf_str(&answer));
	assert_int_equal(strlen(hash), 32);
	assert_int_equal(find(&c, hash, &item), 0);
	assert_int_equal(item.state, CLIENT_DONE);
	assert_string_equal(buf_str(&item.files), "Done.cbz");
	assert_true(item.progress == 1);
	buf_reset(&answer);
	buf_addf(&answer, "ed2k://|file|Done.cbz|1000|%s|/", hash);
	assert_int_equal(add(&c, buf_str(&answer)), -EEXIST);
	buf_clear(&item.files);
	close_client(&c);
}

static void rubbish_is_refused_for_good(void **state)
{
	static const char *const bad[] = {
		"", "rubbish", "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567",
		"ed2k://|file|a|0|" HASH "|/", "ed2k://|file|a|300000000000|" HASH "|/",
		"ed2k://|server|127.0.0.1|4661|/", "ed2k://|serverlist|http://127.0.0.1/|/",
	};
	struct client_and_world c;
	(void)state;
	/* nobody is asked */
	open_at(&c, 1, "secret pass", "");
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(add(&c, bad[i]), -EINVAL);
	assert_int_equal(client_amule.find(c.state, PROTOCOL_TORRENT, HASH, NULL, c.why), -ENOTSUP);
	assert_int_equal(add(&c, LINK), -ECONNREFUSED);
	assert_int_equal(find(&c, HASH, NULL), -ECONNREFUSED);
	close_client(&c);
}

static void a_wrong_password_is_told(void **state)
{
	struct client_and_world c;
	(void)state;
	need_amule();
	open_at(&c, peer.port, "another pass", "");
	int r = add(&c, LINK);
	if (r != -EACCES || !strstr(c.why, "Authentication failed"))
		fail_msg("%d: %s", r, c.why);
	assert_null(strstr(c.why, "another pass"));
	assert_int_equal(find(&c, HASH, NULL), -EACCES);
	unlink(c.world.password);
	assert_int_equal(add(&c, LINK), -EACCES);
	close_client(&c);
}

static void an_amule_that_was_killed_surely_has_nothing(void **state)
{
	struct client_and_world c;
	(void)state;
	need_amule();
	open_at(&c, peer.port, "secret pass", "");
	peer_order(&peer, "kill", NULL);
	assert_int_equal(add(&c, "ed2k://|file|b.cbz|1000|3123456789abcdef0123456789abcdef|/"), -ECONNREFUSED);
	assert_int_equal(find(&c, HASH, NULL), -ECONNREFUSED);
	peer_order(&peer, "start", NULL);
	assert_int_equal(add(&c, "ed2k://|file|b.cbz|1000|3123456789abcdef0123456789abcdef|/"), 0);
	close_client(&c);
}

/* --- servers that are none --- */

struct reply {
	const char *bytes;
	size_t len;
};

#define BYTES(text) {text, sizeof(text) - 1}
#define SALT BYTES("\0\0\0\x20\0\0\0\x0b\x4f\0\x01\0\x16\x02\0\0\0\x01\x07")
#define AUTH_OK BYTES("\0\0\0\x20\0\0\0\x03\x04\0\0")
#define NO_QUEUE BYTES("\0\0\0\x20\0\0\0\x03\x1f\0\0")
#define NO_SHARED BYTES("\0\0\0\x20\0\0\0\x03\x22\0\0")
#define NOOP BYTES("\0\0\0\x20\0\0\0\x03\x01\0\0")
#define FAILED BYTES("\0\0\0\x20\0\0\0\x15\x05\0\x01\0\0\x06\0\0\0\x0bgo away \033\xff\0")

/** Answers each frame with the next reply, then closes. */
static void serve(int fd, const struct reply *replies, size_t n)
{
	char frame[4096];
	for (size_t i = 0; i < n; i++) {
		ssize_t got = recv(fd, frame, sizeof frame, 0);
		if (got > AMULE_HEADER && frame[AMULE_HEADER] == AMULE_ADD_LINK) {
			link_frame->count++;
			link_frame->len = got;
			memcpy(link_frame->bytes, frame, (size_t)got);
		}
		if (got <= 0 || send(fd, replies[i].bytes, replies[i].len, MSG_NOSIGNAL) < 0)
			return;
	}
	/* what follows is read, and nothing is said */
	if (n > 1 && recv(fd, frame, sizeof frame, 0) > AMULE_HEADER)
		link_frame->count += frame[AMULE_HEADER] == AMULE_ADD_LINK;
}

static pid_t start_fake(const struct reply *replies, size_t n, int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		for (;;) {
			int client = accept(fd, NULL, NULL);
			serve(client, replies, n);
			close(client);
		}
	}
	return pid;
}

static int add_to_fake(const struct reply *replies, size_t n, const char *more, char why[WHY])
{
	struct client_and_world c;
	int port, status;
	pid_t pid = start_fake(replies, n, &port);
	open_at(&c, port, "secret pass", more);
	link_frame->count = 0;
	int r = add(&c, LINK);
	/* never twice */
	assert_true(link_frame->count <= 1);
	snprintf(why, WHY, "%s", c.why);
	close_client(&c);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return r;
}

#define ADD(...) \
	add_to_fake((const struct reply[]){__VA_ARGS__}, COUNT_OF(((const struct reply[]){__VA_ARGS__})), more, why)

static void a_link_is_sent_alone_with_its_category(void **state)
{
	static const char link[] = "ed2k://|file|Naruto%20T05.cbz|12345678|" HASH "|/";
	/* one tag; a child of it: 0x30f, one byte */
	static const char head[] = "\x09\0\x01\0\x01\x06\0\0\0\x52\0\x01\x06\x1e\x02\0\0\0\x01\x07";
	const char *more = "category = 7";
	char why[WHY];
	(void)state;
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED, FAILED, NO_QUEUE, NO_SHARED), -EINVAL);
	assert_int_equal(link_frame->len, AMULE_HEADER + sizeof head - 1 + sizeof link);
	assert_memory_equal(link_frame->bytes + AMULE_HEADER, head, sizeof head - 1);
	assert_memory_equal(link_frame->bytes + AMULE_HEADER + sizeof head - 1, link, sizeof link);
}

static void what_is_known_after_a_fault_depends_on_when_it_came(void **state)
{
	const char *more = "";
	char why[WHY];
	(void)state;
	/* before the link was sent: it surely has it not */
	assert_int_equal(ADD(BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")), -EAGAIN);
	assert_int_equal(ADD(BYTES("")), -EAGAIN);
	assert_int_equal(ADD(BYTES("\0\0\0\x20\xff\xff\xff\xff")), -EAGAIN);
	assert_int_equal(ADD(BYTES("\0\0\0\x20\0\0\0\x10\x4f\0\x01")), -EAGAIN);
	assert_int_equal(ADD(NOOP), -EAGAIN);
	assert_int_equal(ADD(SALT, NOOP), -EAGAIN);
	assert_int_equal(ADD(SALT, AUTH_OK), -EAGAIN);
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE), -EAGAIN);
	assert_int_equal(ADD(SALT, AUTH_OK, NO_SHARED), -EAGAIN);
	/* after it: it is not known */
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED), -EIO);
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED, NO_QUEUE), -EPROTO);
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED, BYTES("\0\0\0\x21\0\0\0\x03\x01\0\0")), -EPROTO);
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED, NOOP), -EIO);
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED, NOOP, NO_QUEUE, NO_SHARED), -EPROTO);
	/* it said no, and lists it not */
	assert_int_equal(ADD(SALT, AUTH_OK, NO_QUEUE, NO_SHARED, FAILED, NO_QUEUE, NO_SHARED), -EINVAL);
	assert_non_null(strstr(why, "go away"));
	assert_null(strchr(why, '\033'));
}

static void a_setting_that_cannot_work_is_told_at_start(void **state)
{
	struct world w;
	void *s = &w;
	char why[WHY] = "";
	(void)state;
	world_open(&w, "secret pass", "# %s\n");
	assert_int_equal(client_amule.open(&w.outside, &s, why), 0);
	assert_null(s);
	world_close(&w);
	world_open(&w, "secret pass", "amule { host = \"127.0.0.1\" } # %s\n");
	assert_int_equal(client_amule.open(&w.outside, &s, why), -EINVAL);
	world_close(&w);
	world_open(&w, "secret pass", "amule { host = \"127.0.0.1\"\n password_file = \"%s\" }\n");
	assert_int_equal(chmod(w.password, 0644), 0);
	assert_int_equal(client_amule.open(&w.outside, &s, why), -EPERM);
	assert_null(s);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_handed_over_once),
		cmocka_unit_test(names_of_any_bytes_and_categories_arrive),
		cmocka_unit_test(a_finished_file_is_found_among_the_shared),
		cmocka_unit_test(rubbish_is_refused_for_good),
		cmocka_unit_test(a_wrong_password_is_told),
		cmocka_unit_test(an_amule_that_was_killed_surely_has_nothing),
		cmocka_unit_test(a_link_is_sent_alone_with_its_category),
		cmocka_unit_test(what_is_known_after_a_fault_depends_on_when_it_came),
		cmocka_unit_test(a_setting_that_cannot_work_is_told_at_start),
	};
	return cmocka_run_group_tests(tests, start_amule, end_amule);
}
