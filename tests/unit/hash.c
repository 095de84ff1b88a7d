/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/cleanup.h"
#include "indexer/hash.h"

#define HEX "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
#define BASE32 "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"
#define E "0123456789abcdef0123456789ABCDEF"
#define S(text) text, sizeof(text) - 1

static int magnet(const char *text)
{
	char out[41] = "";
	int r = hash_of_magnet(text, out);
	if (r == 0)
		assert_string_equal(out, HEX);
	else
		assert_string_equal(out, "");
	return r;
}

static void magnets_give_their_hash(void **state)
{
	(void)state;
	assert_int_equal(magnet("magnet:?xt=urn:btih:" HEX "&dn=a&tr=http%3A%2F%2Ft"), 0);
	assert_int_equal(magnet("MAGNET:?dn=x&xt=URN:BTIH:C12FE1C06BBA254A9DC9F519B335AA7C1367A88A"), 0);
	assert_int_equal(magnet("magnet:?xt=urn:btih:" BASE32), 0);
	assert_int_equal(magnet("magnet:?xt=urn%3Abtih%3A" HEX), 0);
	assert_int_equal(magnet("magnet:?dn=a&amp;xt.1=urn:btih:" HEX), 0);
	assert_int_equal(magnet("magnet:?xt=urn:btmh:1220caf1&xt=urn:btih:" HEX), 0);
	assert_int_equal(magnet("magnet:?xt=urn:btih:" HEX "&xt=urn:btih:" BASE32), 0);
}

static void what_is_no_magnet_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "magnet:", "magnet:?", "magnet:?xt=", "http://a/?xt=urn:btih:" HEX,
		"magnet:?xt=urn:btih:" HEX "0", "magnet:?xt=urn:btih:c12fe1", "magnet:?xtx=urn:btih:" HEX,
		"magnet:?xt=urn:btih:g12fe1c06bba254a9dc9f519b335aa7c1367a88a",
		"magnet:?xt=urn:btih:1EX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK", "magnet:?xt=urn:btmh:1220caf1",
		/* which one would a client take? */
		"magnet:?xt=urn:btih:" HEX "&xt=urn:btih:0000000000000000000000000000000000000000",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(magnet(bad[i]), -EINVAL);
	_free_ char *huge = malloc(1 << 20);
	assert_non_null(huge);
	memset(huge, '&', (1 << 20) - 1);
	huge[(1 << 20) - 1] = '\0';
	memcpy(huge, "magnet:?", 8);
	assert_int_equal(magnet(huge), -EINVAL);
}

/* sha1 of it: python3 -c 'import hashlib; print(hashlib.sha1(b"…").hexdigest())' */
#define INFO "d6:lengthi3e4:name5:a.cbz12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"

static int torrent(const char *data, size_t n)
{
	/* a copy of exactly that size: reading beyond it is seen */
	_free_ char *copy = malloc(n ? n : 1);
	char out[41] = "";
	memcpy(copy, data, n);
	int r = hash_of_torrent(copy, n, out);
	if (r == 0)
		assert_string_equal(out, "c79f57910554723c70b67cf8e1d626ad072da16e");
	return r;
}

static void torrents_give_the_hash_of_their_info(void **state)
{
	(void)state;
	assert_int_equal(torrent(S("d4:info" INFO "e")), 0);
	assert_int_equal(torrent(S("d8:announce3:a:b4:infol4:infoe4:listli1ei-20ei0eee")), -EINVAL);
	assert_int_equal(torrent(S("d8:announce3:a:b4:info" INFO "4:listli1ei-20ei0eld1:alleeeeee")), 0);
	/* keys out of order do not change what is hashed */
	assert_int_equal(torrent(S("d4:zzzzi1e4:info" INFO "1:a0:e")), 0);
	/* a text that looks like one */
	assert_int_equal(torrent(S("d7:comment6:4:info4:info" INFO "e")), 0);
}

static void what_is_no_torrent_is_refused(void **state)
{
	static const struct {
		const char *data;
		size_t n;
	} bad[] = {
		{S("")}, {S("d")}, {S("de")}, {S("le")}, {S("4:info")}, {S("<html>not found</html>")},
		{S("d4:info" INFO)}, {S("d4:info" INFO "ee")}, {S("d4:info" INFO "e\n")},
		{S("d4:info" INFO "4:info" INFO "e")}, {S("d04:info" INFO "e")}, {S("d4:info" INFO "1:ai01ee")},
		{S("d4:info" INFO "1:ai-0ee")}, {S("d4:info" INFO "1:aiee")}, {S("d4:info" INFO "1:ai-ee")},
		{S("d4:info" INFO "1:ai1 ee")}, {S("d4:info" INFO "1:ai99999999999999999999ee")},
		{S("d4:info" INFO "99999999999999999999:ae")}, {S("d4:info" INFO "18446744073709551615:ae")},
		{S("d4:info" INFO "1:a-1:ae")}, {S("d4:info" INFO "i1ei2ee")}, {S("d4:info" INFO "1:ae")},
		/* no version 1 */
		{S("d4:infod12:meta versioni2e4:name1:aee")}, {S("d4:infod6:pieces0:ee")},
		{S("d4:infod6:pieces19:aaaaaaaaaaaaaaaaaaaee")}, {S("d4:infod6:piecesi20eee")},
		{S("d4:infoi1ee")}, {S("d4:info3:abce")},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(torrent(bad[i].data, bad[i].n), -EINVAL);
	static const char whole[] = "d4:info" INFO "e";
	for (size_t n = 0; n + 1 < sizeof whole; n++)
		assert_int_equal(torrent(whole, n), -EINVAL);
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	_buf_ struct buf b = BUF_INIT(1 << 24);
	static const int depth[] = {50, 100000, 4000000};
	for (size_t i = 0; i < COUNT_OF(depth); i++) {
		buf_reset(&b);
		buf_adds(&b, "d4:info" INFO "1:z");
		for (int k = 0; k < depth[i]; k++)
			buf_addc(&b, 'l');
		for (int k = 0; k < depth[i]; k++)
			buf_addc(&b, 'e');
		buf_addc(&b, 'e');
		assert_int_equal(torrent(buf_str(&b), b.len), i == 0 ? 0 : -EINVAL);
	}
}

static void check_link(const char *link, const char *name, int64_t size)
{
	struct ed2k_link l;
	assert_int_equal(ed2k_parse(link, strlen(link), &l), 0);
	assert_string_equal(buf_str(&l.name), name);
	assert_int_equal(l.size, size);
	assert_string_equal(l.hash, "0123456789abcdef0123456789abcdef");
	ed2k_clear(&l);
}

static void links_are_read_and_their_names_decoded(void **state)
{
	(void)state;
	check_link("ed2k://|file|Dai%2018.cbz|123|" E "|/", "Dai 18.cbz", 123);
	check_link("ED2K://|FILE|a b.cbz|123|" E "|h=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567|/\r\n", "a b.cbz", 123);
	check_link("ed2k://|file|a|1|" E "|h=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567|sources,1.2.3.4:4662|/", "a", 1);
	check_link("ed2k://|file|a|1|" E "|/|sources,1.2.3.4:4662|/", "a", 1);
	check_link("ed2k://|file|a|274877906944|" E "|p=00:11|/", "a", 274877906944);
	check_link("ed2k://|file|Tom &amp; Jerry%27s &#39;T01&#x27;.cbz|1|" E "|/", "Tom & Jerry's 'T01'.cbz", 1);
	check_link("ed2k://|file|%C3%89t%C3%A9%20T00.cbz|1|" E "|/", "Été T00.cbz", 1);
	check_link("ed2k://|file|%C9t%E9.cbz|1|" E "|/", "Été.cbz", 1);
	check_link("ed2k://|file|\xc9t\xe9.cbz|1|" E "|/", "Été.cbz", 1);
	check_link("ed2k://|file|&Eacute;t&eacute; &unknown; R&B; 100%.cbz|1|" E "|/",
		   "Été &unknown; R&B; 100%.cbz", 1);
	check_link("ed2k://|file|a%00b%0Ac%7Cd.cbz|1|" E "|/", "a b c|d.cbz", 1);
	check_link("ed2k://|file|a%2|1|" E "|/", "a%2", 1);
	check_link("ed2k://|file|&#x110000;&#xd800;&#0;x|1|" E "|/", "&#x110000;&#xd800;&#0;x", 1);
}

static void what_is_no_link_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "ed2k://", "ed2k://|file|", "ed2k://|file|a|1|" E, "ed2k://|file|a|1|" E "|",
		"ed2k://|file|One", "ed2k://|server|1.2.3.4|4661|/", "http://a/", "ed2k://|file|a|1|" E "0|/",
		"ed2k://|file|a|1|g123456789abcdef0123456789abcdef|/", "ed2k://|file|a|0|" E "|/",
		"ed2k://|file|a|-1|" E "|/", "ed2k://|file|a||" E "|/", "ed2k://|file||1|" E "|/",
		"ed2k://|file|a|274877906945|" E "|/", "ed2k://|file|a|99999999999999999999999|" E "|/",
		"ed2k://|file|a|1.5|" E "|/", "ed2k://|file|a|1|" E "|/x", "ed2k://|file|a|1|" E "|x|/",
		"ed2k://|file|a|1|" E "|/|/|/", "ed2k://|file|a|1|" E "|h=short|/", "ed2k://|file|%20|1|" E "|/",
		"ed2k://|file|a|1|" E "|h=ABCDEFGHIJKLMNOPQRSTUVWXYZ234501|/", "ed2k://|file|a|1|" E "/",
	};
	struct ed2k_link l;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(ed2k_parse(bad[i], strlen(bad[i]), &l), -EINVAL);
		assert_string_equal(buf_str(&l.name), "");
	}
	_buf_ struct buf b = BUF_INIT(1 << 20);
	buf_adds(&b, "ed2k://|file|");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, 'a');
	buf_adds(&b, "|1|" E "|/");
	assert_int_equal(ed2k_parse(buf_str(&b), b.len, &l), -EINVAL);
	/* every link that ends too early */
	static const char whole[] = "ed2k://|file|a%20b|12|" E "|h=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567|/";
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		_free_ char *part = malloc(n ? n : 1);
		memcpy(part, whole, n);
		assert_int_equal(ed2k_parse(part, n, &l), -EINVAL);
	}
}

static void links_are_written_anew(void **state)
{
	static const char link[] =
		"ed2k://|file|..%2F..%2Fb&amp;c%7C %C9 [T01].cbz|123|" E "|sources,1.2.3.4:4662|/";
	struct ed2k_link l, again;
	_buf_ struct buf out = BUF_INIT(8192), twice = BUF_INIT(8192);
	(void)state;
	assert_int_equal(ed2k_parse(S(link), &l), 0);
	assert_string_equal(buf_str(&l.name), "../../b&c| É [T01].cbz");
	ed2k_format(&l, &out);
	assert_string_equal(buf_str(&out), "ed2k://|file|.._.._b%26c%7C%20%C3%89%20%5BT01%5D.cbz|123|"
					   "0123456789abcdef0123456789abcdef|/");
	assert_int_equal(ed2k_parse(buf_str(&out), out.len, &again), 0);
	ed2k_format(&again, &twice);
	assert_string_equal(buf_str(&out), buf_str(&twice));
	ed2k_clear(&l);
	ed2k_clear(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(magnets_give_their_hash),
		cmocka_unit_test(what_is_no_magnet_is_refused),
		cmocka_unit_test(torrents_give_the_hash_of_their_info),
		cmocka_unit_test(what_is_no_torrent_is_refused),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(links_are_read_and_their_names_decoded),
		cmocka_unit_test(what_is_no_link_is_refused),
		cmocka_unit_test(links_are_written_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
