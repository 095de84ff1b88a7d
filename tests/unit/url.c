/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "indexer/net/url.h"

/** Whatever must not be left of an address. */
#define SECRET "s3cr3tcanary"
#define HEX32 "0123456789abcdef0123456789ABCDEF"

static void check_strip(const char *url, const char *bare)
{
	_buf_ struct buf out = BUF_INIT(1 << 20);
	url_strip(url, &out);
	if (strcmp(buf_str(&out), bare) != 0)
		fail_msg("%s\n  became %s\n  not    %s", url, buf_str(&out), bare);
}

static void escaping_and_back(void **state)
{
	char all[256];
	_buf_ struct buf out = BUF_INIT(1024);
	_buf_ struct buf back = BUF_INIT(1024);
	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	url_escape(all, sizeof all, &out);
	for (size_t i = 0; i < out.len; i++)
		assert_true(strchr("%-._~", out.data[i]) || (out.data[i] | 32) >= '0');
	assert_int_equal(url_unescape(out.data, out.len, &back), 0);
	assert_int_equal(back.len, 256);
	assert_memory_equal(back.data, all, 256);
	buf_reset(&out);
	url_escape("L'été & +", 11, &out);
	assert_string_equal(buf_str(&out), "L%27%C3%A9t%C3%A9%20%26%20%2B");
	buf_reset(&back);
	assert_int_equal(url_unescape("a+b%2Bc%41", 10, &back), 0);
	assert_string_equal(buf_str(&back), "a+b+cA");
}

static void bad_escapes_are_refused(void **state)
{
	static const char *const rows[] = {"%", "a%", "%4", "%zz", "%4g", "%g4", "%%41", "% 41"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		_buf_ struct buf out = BUF_INIT(64);
		assert_int_equal(url_unescape(rows[i], strlen(rows[i]), &out), -EINVAL);
	}
}

static void queries_are_built_and_read(void **state)
{
	_buf_ struct buf url = BUF_INIT(256);
	_buf_ struct buf value = BUF_INIT(256);
	(void)state;
	buf_adds(&url, "http://h/api");
	url_query(&url, "q", "One & Two");
	url_query(&url, "a=b", "é");
	assert_string_equal(buf_str(&url), "http://h/api?q=One%20%26%20Two&a%3Db=%C3%A9");
	assert_int_equal(url_get(buf_str(&url), "q", &value), 0);
	assert_string_equal(buf_str(&value), "One & Two");
	buf_reset(&value);
	assert_int_equal(url_get(buf_str(&url), "a=b", &value), 0);
	assert_string_equal(buf_str(&value), "é");
	buf_reset(&value);
	assert_int_equal(url_get("magnet:?xt=urn:btih:ab&tr=http%3A%2F%2Ft%2F", "tr", &value), 0);
	assert_string_equal(buf_str(&value), "http://t/");
	assert_int_equal(url_get(buf_str(&url), "Q", &value), -ENOENT);
	assert_int_equal(url_get("http://h/#?q=1", "q", &value), -ENOENT);
	assert_int_equal(url_get("http://h/?q", "q", &value), -ENOENT);
	assert_int_equal(url_get("http://h/?q=%z", "q", &value), -EINVAL);
	assert_int_equal(url_get("", "q", &value), -ENOENT);
	buf_reset(&value);
	assert_int_equal(url_get("http://h/?q=", "q", &value), 0);
	assert_string_equal(buf_str(&value), "");
	buf_reset(&url);
	buf_adds(&url, "http://h/?");
	url_query(&url, "a", "");
	assert_string_equal(buf_str(&url), "http://h/?a=");
}

static void addresses_without_secrets_stay(void **state)
{
	static const char *const rows[] = {
		"http://h/", "https://h:8443/a/b?c=d&e", "HTTP://Host/x", "http://[::1]:9696/1/download?link=YWJj%2B&file=One+Piece",
		"magnet:?xt=urn:btih:" HEX32 "01234567&dn=One+Piece%20T01", "udp://tracker.example:6969/announce",
		"magnet:?xt=urn:btih:" HEX32 "&tr=udp%3A%2F%2Ft.example%3A1337%2Fannounce",
		"ed2k://|file|One Piece T01.cbz|123|" HEX32 "|/", "http://h/a%20b", "http://h/?q=100%25%20b", "http://h/100%25?q=50%25",
		"http://h/torrent/" HEX32 "01234567", "http://h/é", "http://h?q=1", "http://h",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_strip(rows[i], rows[i]);
}

static void keys_are_taken_out(void **state)
{
	static const char *const names[] = {
		"apikey", "api_key", "API-Key", "ApiKey", "passkey", "authkey", "auth_token", "token", "rsskey",
		"torrent_pass", "key", "secret", "uid", "jackett_apikey", "access_token", "pass", "password",
		"api%6bey", "apikey%5B%5D", "X-Plex-Token", "sig", "signature", "user", "PID", "ap%69%5Fkey",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char url[256];
		snprintf(url, sizeof url, "http://h/a?b=1&%s=" SECRET "&c=2", names[i]);
		check_strip(url, "http://h/a?b=1&c=2");
		snprintf(url, sizeof url, "http://h/a?%s=" SECRET, names[i]);
		check_strip(url, "http://h/a");
		snprintf(url, sizeof url, "http://h/a?%s=" SECRET "&c=2", names[i]);
		check_strip(url, "http://h/a?c=2");
		snprintf(url, sizeof url, "http://h/a?c=2;%s=" SECRET, names[i]);
		check_strip(url, "http://h/a?c=2");
		snprintf(url, sizeof url, "http://h/a?c=2&amp;%s=" SECRET, names[i]);
		check_strip(url, "http://h/a?c=2&amp");
		snprintf(url, sizeof url, "http://h/getnzb/12.nzb&%s=" SECRET "&i=3", names[i]);
		check_strip(url, "http://h/getnzb/12.nzb&i=3");
	}
	check_strip("http://h/a?i=3&r=" HEX32, "http://h/a?i=3");
	check_strip("http://h/a?r=1", "http://h/a?r=1");
	check_strip("http://h/a#access_token=" SECRET, "http://h/a");
	check_strip("http://h/a?x%zz=" SECRET "&b=1", "http://h/a?b=1");
}

static void users_and_passwords_are_taken_out(void **state)
{
	(void)state;
	check_strip("http://user:" SECRET "@h:80/a", "http://h:80/a");
	check_strip("http://" SECRET "@h", "http://h");
	check_strip("http://a@" SECRET "@h/", "http://h/");
	check_strip("http://user:p%40" SECRET "@[::1]:8/", "http://[::1]:8/");
	/* a password that was not escaped makes no address */
	check_strip("http://user:" SECRET "/x@h/", "");
	check_strip("http://user:" SECRET "?x@h/", "");
	check_strip("http://user:" SECRET "#x@h/", "");
	check_strip("http://h\\@" SECRET "/", "");
}

static void keys_of_trackers_are_taken_out(void **state)
{
	(void)state;
	check_strip("http://t.example/" HEX32 "/announce", "http://t.example//announce");
	check_strip("http://t.example/announce/" HEX32, "http://t.example/announce/");
	check_strip("http://t.example:80/announce.php?passkey=" SECRET, "http://t.example:80/announce.php");
	check_strip("http://t.example/a1b2c3d4e5f6g7h8i9/announce", "http://t.example//announce");
	check_strip("http://t.example/%30123456789abcdef0123456789ABCDEF/announce", "http://t.example//announce");
	check_strip("http://t.example/a1b2c3d4e5f6g7h8&r=magnet:x/announce", "http://t.example//announce");
	check_strip("udp://t.example:1/" HEX32, "udp://t.example:1/");
	check_strip("magnet:?xt=urn:btih:" HEX32 "&tr=http%3A%2F%2Ft.example%2F" HEX32 "%2Fannounce&dn=a",
		    "magnet:?xt=urn:btih:" HEX32 "&tr=http%3A%2F%2Ft.example%2F%2Fannounce&dn=a");
	check_strip("magnet:?xt=urn:btih:" HEX32 "&tr=http%3A%2F%2Fu%3A" SECRET "%40t.example%2Fannounce",
		    "magnet:?xt=urn:btih:" HEX32 "&tr=http%3A%2F%2Ft.example%2Fannounce");
	check_strip("magnet:?dn=a&tr=notanaddress://" SECRET, "magnet:?dn=a");
}

static void keys_in_addresses_in_addresses_are_taken_out(void **state)
{
	_buf_ struct buf url = BUF_INIT(1 << 20);
	(void)state;
	check_strip("http://h/?url=http%3A%2F%2Fi%2F%3Fapikey%3D" SECRET "%26b%3D1",
		    "http://h/?url=http%3A%2F%2Fi%2F%3Fb%3D1");
	check_strip("http://h/?url=http://i/?apikey=" SECRET, "http://h/?url=http%3A%2F%2Fi%2F");
	/* no address, but something that looks like a query */
	check_strip("http://h/?x=apikey%3D" SECRET, "http://h/");
	/* escaped once more */
	check_strip("http://h/?url=http%253A%252F%252Fi%252F%253Fapikey%253D" SECRET,
		    "http://h/?url=http%253A%252F%252Fi%252F");
	check_strip("http://h/?a=%00apikey%3D" SECRET "&b=1", "http://h/?b=1");
	/* however deep */
	buf_adds(&url, "http://h/?apikey=" SECRET);
	for (int i = 0; i < 8; i++) {
		_buf_ struct buf next = BUF_INIT(1 << 20);
		_buf_ struct buf out = BUF_INIT(1 << 20);
		buf_adds(&next, "http://h/");
		url_query(&next, "u", buf_str(&url));
		url_strip(buf_str(&next), &out);
		assert_null(strstr(buf_str(&out), SECRET));
		buf_reset(&url);
		buf_adds(&url, buf_str(&next));
	}
}

static void what_is_no_address_is_dropped(void **state)
{
	static const char *const rows[] = {
		"", "a", ":", "//h/", "http", "http:", "http:/h", "http://", "http:///a", "http://h:99999/",
		"http://h:1a/", "http://[::1/", "http://h/\n", "http://h/\x7f", "http://h/a b", "http://h/\xff",
		"javascript:alert(1)", "data:text/plain,a", "file:///etc/passwd", "ed2k://a:" SECRET "@h/",
		"magnet:", "magnet://h/?xt=1", "magnet:x?xt=1", "http://h/\xe2\x80\xae", " http://h/", "1http://h",
		"bc://bt/QUF", "http://a%40b/", "http://h\t/",
		"http://proxy/http://u:" SECRET "@h/", "http://proxy/http%3A%2F%2Fu:" SECRET "@h/",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_strip(rows[i], "");
}

static void a_secret_is_put_back(void **state)
{
	_buf_ struct buf bare = BUF_INIT(256);
	_buf_ struct buf whole = BUF_INIT(256);
	(void)state;
	url_strip("http://h/1/download?apikey=a%2Bb&link=x", &bare);
	url_restore(buf_str(&bare), "apikey", "a+b", &whole);
	assert_string_equal(buf_str(&whole), "http://h/1/download?link=x&apikey=a%2Bb");
	buf_reset(&whole);
	url_restore("http://h/", "apikey", "k", &whole);
	assert_string_equal(buf_str(&whole), "http://h/?apikey=k");
}

static void hosts_are_compared(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"http://h/", "http://H:80/x?y", true},	    {"https://h", "https://h:443/", true},
		{"http://h/", "https://h/", false},	    {"http://h/", "http://h:81/", false},
		{"http://h/", "http://h.evil/", false},	    {"http://h/", "http://h@evil/", false},
		{"http://h/", "http://evil\\@h/", false},   {"http://h/", "http://u:p@h/", true},
		{"http://[::1]:80/", "http://[::1]", true}, {"magnet:?a", "magnet:?a", false},
		{"", "", false},			    {"http://h/", "http://h", true},
		{"http://h:080/", "http://h/", true},	    {"udp://h:1", "udp://h:1", false},
		{"http://h/", "http:h/", false},	    {"http://h/", "//h/", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (url_same_host(rows[i].a, rows[i].b) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		assert_int_equal(url_same_host(rows[i].b, rows[i].a), rows[i].same);
	}
}

/** Pieces put together at random: nothing crashes, nothing secret is left, twice is once. */
static void random_addresses_leak_nothing(void **state)
{
	static const char *const pieces[] = {
		"http://", "https:", "magnet:?", "ed2k://|", "//", "/", "?", "&", ";", "=", "#", "@", ":", "[", "]",
		"%", "%25", "%3D", "%26", "%3F", "%3A%2F%2F", "h", "apikey=" SECRET, "token%3D" SECRET,
		"u:" SECRET "@", "tr=", "announce/", HEX32, "|", "\\", "\xc3\xa9", "\xff", "1", "..", "&amp;", "http%3A%2F%2F",
	};
	uint64_t random = 1;
	(void)state;
	for (int i = 0; i < 200000; i++) {
		_buf_ struct buf url = BUF_INIT(4096);
		_buf_ struct buf out = BUF_INIT(1 << 16);
		_buf_ struct buf again = BUF_INIT(1 << 16);
		buf_adds(&url, "http://h/");
		url.len = i % 2 ? url.len : 0;
		for (int n = 0; n < 1 + i % 9; n++) {
			random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			buf_adds(&url, pieces[(random >> 33) % COUNT_OF(pieces)]);
		}
		url_strip(buf_str(&url), &out);
		assert_int_equal(buf_error(&out), 0);
		if (strstr(buf_str(&out), "apikey=" SECRET) || strstr(buf_str(&out), "token=" SECRET) ||
		    strstr(buf_str(&out), "://u:" SECRET "@"))
			if (strncmp(buf_str(&out), "ed2k:", 5) != 0)
				fail_msg("%s\n  became %s", buf_str(&url), buf_str(&out));
		url_strip(buf_str(&out), &again);
		if (strcmp(buf_str(&out), buf_str(&again)) != 0)
			fail_msg("%s\n  became %s\n  then %s", buf_str(&url), buf_str(&out), buf_str(&again));
	}
}

static void long_addresses_take_no_long_time(void **state)
{
	_buf_ struct buf url = BUF_INIT(1 << 20);
	_buf_ struct buf out = BUF_INIT(1 << 20);
	(void)state;
	buf_adds(&url, "http://h/?a=1");
	while (url.len < 60000)
		buf_adds(&url, "&apikey=x&b=%25");
	url_strip(buf_str(&url), &out);
	assert_true(out.len > 10 && out.len < url.len);
	assert_null(strstr(buf_str(&out), "apikey"));
	/* escaped again and again */
	_buf_ struct buf deep = BUF_INIT(1 << 20);
	buf_adds(&deep, "http://h/?a=%");
	while (deep.len < 60000)
		buf_adds(&deep, "25");
	check_strip(buf_str(&deep), "http://h/");
	while (url.len < 1000000)
		buf_adds(&url, "&apikey=x");
	buf_reset(&out);
	url_strip(buf_str(&url), &out);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escaping_and_back),
		cmocka_unit_test(bad_escapes_are_refused),
		cmocka_unit_test(queries_are_built_and_read),
		cmocka_unit_test(addresses_without_secrets_stay),
		cmocka_unit_test(keys_are_taken_out),
		cmocka_unit_test(users_and_passwords_are_taken_out),
		cmocka_unit_test(keys_of_trackers_are_taken_out),
		cmocka_unit_test(keys_in_addresses_in_addresses_are_taken_out),
		cmocka_unit_test(what_is_no_address_is_dropped),
		cmocka_unit_test(a_secret_is_put_back),
		cmocka_unit_test(hosts_are_compared),
		cmocka_unit_test(random_addresses_leak_nothing),
		cmocka_unit_test(long_addresses_take_no_long_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
