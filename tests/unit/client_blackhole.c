/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is dropped into a watched folder: whole, once, under a safe name; and what is not. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "indexer/request/client.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"
#define ED2K "0123456789abcdef0123456789abcdef"

struct folder {
	char *base, path[512];
	struct config *config;
	void *state;
};

static int set_up(void **state)
{
	struct folder *f = calloc(1, sizeof *f);
	char conf[600];
	_buf_ struct buf why = BUF_INIT(4096);
	f->base = unit_folder();
	snprintf(f->path, sizeof f->path, "%s/drop", f->base);
	assert_int_equal(mkdir(f->path, 0700), 0);
	snprintf(conf, sizeof conf, "%s/conf", f->base);
	FILE *file = fopen(conf, "w");
	assert_non_null(file);
	fprintf(file, "blackhole { folder = \"%s\" }\n", f->path);
	fclose(file);
	if (config_load(conf, &f->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	struct outside o = {.config = f->config};
	char text[WHY] = "";
	assert_int_equal(client_blackhole.open(&o, &f->state, text), 0);
	assert_non_null(f->state);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	DIR *d = opendir(f->path);
	for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(f->path);
	client_blackhole.close(f->state);
	config_free(f->config);
	unit_remove(f->base);
	free(f);
	return 0;
}

static struct handover handover(const char *title, const char *link, enum protocol protocol)
{
	struct handover h = {
		.release = {.title = title, .guid = "", .link = "", .page = "", .indexer = "", .context = "",
			    .protocol = protocol},
		.source = "test",
		.link = BUF_INIT(1 << 20),
		.torrent = BUF_INIT(1 << 20),
	};
	buf_adds(&h.link, link);
	return h;
}

static int drop(const struct folder *f, const char *title, const char *link, enum protocol protocol)
{
	struct handover h = handover(title, link, protocol);
	char why[WHY] = "";
	int r = client_blackhole.add(f->state, &h, why);
	if (r < 0 && r != -EEXIST)
		assert_string_not_equal(why, "");
	buf_clear(&h.link);
	return r;
}

/** All names but those of the folder itself; each once. */
static size_t names(const struct folder *f, char last[256])
{
	DIR *d = opendir(f->path);
	size_t n = 0;
	assert_non_null(d);
	for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(last, 256, "%s", e->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static void assert_content(const struct folder *f, const char *name, const char *content, mode_t mode)
{
	char path[1024], text[1024] = "";
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", f->path, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof text - 1), strlen(content));
	assert_string_equal(text, content);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	close(fd);
}

static void links_are_dropped_once_under_names_that_are_safe(void **state)
{
	struct folder *f = *state;
	char name[256];
	umask(022);
	assert_int_equal(drop(f, "../../etc/Naruto T05 \033[31m", "magnet:?xt=urn:btih:" HASH "&dn=x", PROTOCOL_TORRENT), 0);
	assert_int_equal(names(f, name), 1);
	assert_null(strchr(name, '/'));
	assert_null(strchr(name, '\033'));
	assert_true(name[0] != '.');
	assert_non_null(strstr(name, " [" HASH "].magnet"));
	assert_content(f, name, "magnet:?xt=urn:btih:" HASH "&dn=x", 0644);
	assert_int_equal(drop(f, "../../etc/Naruto T05 \033[31m", "magnet:?xt=urn:btih:" HASH, PROTOCOL_TORRENT), -EEXIST);
	assert_content(f, name, "magnet:?xt=urn:btih:" HASH "&dn=x", 0644);
	assert_int_equal(names(f, name), 1);
	assert_int_equal(drop(f, "b", "ed2k://|file|A%20T01.cbz|123|" ED2K "|/", PROTOCOL_ED2K), 0);
	assert_int_equal(names(f, name), 2);
	/* an address may hold a key: not for everybody */
	assert_int_equal(drop(f, "n", "https://host/get?apikey=k", PROTOCOL_USENET), 0);
	assert_int_equal(names(f, name), 3);
	assert_int_equal(drop(f, "n", "https://host/get?apikey=k", PROTOCOL_USENET), -EEXIST);
}

static void an_address_is_not_for_everybody(void **state)
{
	struct folder *f = *state;
	char name[256];
	umask(022);
	assert_int_equal(drop(f, "n", "https://host/get?apikey=k", PROTOCOL_USENET), 0);
	assert_int_equal(names(f, name), 1);
	assert_non_null(strstr(name, ".nzb"));
	assert_content(f, name, "https://host/get?apikey=k", 0640);
}

static void a_torrents_bytes_are_dropped_as_they_are(void **state)
{
	static const char bytes[] = "d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
	struct folder *f = *state;
	char name[256], why[WHY];
	struct handover h = handover("A very long title indeed", "", PROTOCOL_TORRENT);
	umask(022);
	buf_add(&h.torrent, bytes, sizeof bytes - 1);
	assert_int_equal(client_blackhole.add(f->state, &h, why), 0);
	assert_int_equal(client_blackhole.add(f->state, &h, why), -EEXIST);
	assert_int_equal(names(f, name), 1);
	assert_non_null(strstr(name, "].torrent"));
	assert_content(f, name, bytes, 0644);
	buf_reset(&h.torrent);
	buf_adds(&h.torrent, "<html>no torrent</html>");
	assert_int_equal(client_blackhole.add(f->state, &h, why), -EINVAL);
	assert_int_equal(names(f, name), 1);
	buf_clear(&h.torrent);
	buf_clear(&h.link);
}

static void rubbish_is_refused_for_good(void **state)
{
	static const struct {
		const char *link;
		enum protocol protocol;
	} bad[] = {
		{"", PROTOCOL_TORRENT},
		{"magnet:?xt=urn:btih:123", PROTOCOL_TORRENT},
		{"magnet:?xt=urn:btih:" HASH "\nhttp://evil", PROTOCOL_TORRENT},
		{"ed2k://|file|a|0|" ED2K "|/", PROTOCOL_ED2K},
		{"ed2k://|server|1.2.3.4|4661|/", PROTOCOL_ED2K},
		{"file:///etc/passwd", PROTOCOL_USENET},
		{"https://host/torrent", PROTOCOL_TORRENT},
	};
	struct folder *f = *state;
	char name[256];
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(drop(f, "t", bad[i].link, bad[i].protocol), -EINVAL);
	assert_int_equal(names(f, name), 0);
	char *title = calloc(1, 100001);
	memset(title, 'x', 100000);
	assert_int_equal(drop(f, title, "magnet:?xt=urn:btih:" HASH, PROTOCOL_TORRENT), 0);
	free(title);
	assert_int_equal(names(f, name), 1);
	assert_non_null(strstr(name, HASH "].magnet"));
}

static void what_a_dead_run_left_is_replaced(void **state)
{
	struct folder *f = *state;
	char name[256], left[600];
	snprintf(left, sizeof left, "%s/.mediamon-" HASH ".part", f->path);
	FILE *file = fopen(left, "w");
	assert_non_null(file);
	fputs("half", file);
	fclose(file);
	assert_int_equal(drop(f, "t", "magnet:?xt=urn:btih:" HASH, PROTOCOL_TORRENT), 0);
	assert_int_equal(names(f, name), 1);
	assert_string_equal(name, "t [" HASH "].magnet");
}

static int find(const struct folder *f, const char *hash)
{
	struct client_item item = CLIENT_ITEM_INIT;
	char why[WHY] = "";
	int r = client_blackhole.find(f->state, PROTOCOL_TORRENT, hash, &item, why);
	if (r == 0)
		assert_int_equal(item.state, CLIENT_WAITS);
	buf_clear(&item.files);
	return r;
}

static void a_file_that_is_gone_tells_nothing(void **state)
{
	struct folder *f = *state;
	char path[1024];
	assert_int_equal(find(f, HASH), -ENOTSUP);
	assert_int_equal(drop(f, "Title [x]", "magnet:?xt=urn:btih:" HASH, PROTOCOL_TORRENT), 0);
	assert_int_equal(find(f, HASH), 0);
	assert_int_equal(find(f, "1123456789abcdef0123456789abcdef01234567"), -ENOTSUP);
	assert_int_equal(find(f, ""), -ENOTSUP);
	snprintf(path, sizeof path, "%s/Title [x] [" HASH "].magnet", f->path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(find(f, HASH), -ENOTSUP);
}

static void a_folder_that_is_away_is_never_made(void **state)
{
	struct folder *f = *state;
	struct stat st;
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(drop(f, "t", "magnet:?xt=urn:btih:" HASH, PROTOCOL_TORRENT), -EAGAIN);
	assert_int_equal(find(f, HASH), -EAGAIN);
	assert_int_equal(stat(f->path, &st), -1);
}

static void what_is_not_set_up_is_not_used(void **state)
{
	struct config *c = NULL;
	void *s = &c;
	char why[WHY] = "";
	(void)state;
	assert_int_equal(config_default(&c), 0);
	struct outside o = {.config = c};
	assert_int_equal(client_blackhole.open(&o, &s, why), 0);
	assert_null(s);
	config_free(c);
	assert_int_equal(protocol_of("torrent"), PROTOCOL_TORRENT);
	assert_int_equal(protocol_of(protocol_name(PROTOCOL_USENET)), PROTOCOL_USENET);
	assert_int_equal(protocol_of(protocol_name(PROTOCOL_ED2K)), PROTOCOL_ED2K);
	assert_int_equal(protocol_of("smoke"), 0);
	assert_string_equal(protocol_name(8), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(links_are_dropped_once_under_names_that_are_safe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_address_is_not_for_everybody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_torrents_bytes_are_dropped_as_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rubbish_is_refused_for_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_dead_run_left_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_tells_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_is_away_is_never_made, set_up, tear_down),
		cmocka_unit_test(what_is_not_set_up_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
