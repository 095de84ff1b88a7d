/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is written into a page: any bytes stay text, lines for a shell stay one word, hashes are right. */
#include "tests/unit/unit.h"

#include "common/render.h"
#include "common/text.h"
#include "fs/html.h"
#include "fs/sha256.h"

static void expect(struct buf *out, const char *text)
{
	assert_int_equal(buf_error(out), 0);
	assert_string_equal(buf_str(out), text);
	buf_clear(out);
}

static void text(const char *s, size_t n, const char *wanted)
{
	struct buf out = BUF_INIT(1 << 16);
	html_text(s, n, &out);
	expect(&out, wanted);
}

static void markup_and_hidden_characters_stay_text(void **state)
{
	(void)state;
	text("", 0, "");
	text("a<b>&\"c\" 'd'", 12, "a&lt;b&gt;&amp;&quot;c&quot; &#39;d&#39;");
	text("caf\xc3\xa9 \xe6\x9d\xb1", 9, "caf\xc3\xa9 \xe6\x9d\xb1");
	text("\xff<\xe9", 3, "\\xff&lt;\\xe9");
	text("a\x1b[31m\0b", 8, "a\\x1b[31m\\x00b");
	text("\xe2\x80\xaegnp", 6, "\\xe2\\x80\\xaegnp");
}

static void every_byte_gives_valid_text_without_markup(void **state)
{
	(void)state;
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			const char s[] = {(char)a, (char)b};
			_buf_ struct buf out = BUF_INIT(256);
			html_text(s, sizeof s, &out);
			assert_true(out.len && text_is_utf8(out.data, out.len));
			assert_null(strpbrk(out.data, "<>\"'"));
		}
}

static void long_texts_are_cut_between_characters(void **state)
{
	static char s[HTML_TEXT_MAX + 9];
	struct buf out = BUF_INIT(1 << 16);
	(void)state;
	memset(s, 'x', sizeof s);
	memcpy(s + HTML_TEXT_MAX - 1, "\xc3\xa9", 2);
	html_foreign(s, sizeof s, &out);
	assert_true(text_is_utf8(out.data, out.len));
	assert_int_equal(out.len, strlen("<bdi></bdi>") + HTML_TEXT_MAX - 1 + strlen("…"));
	buf_clear(&out);
	/* written with references they would be six times as long */
	for (size_t i = 0; i < sizeof s; i++)
		s[i] = "\"<\xff\x1b"[i % 4];
	html_foreign(s, sizeof s, &out);
	assert_true(text_is_utf8(out.data, out.len));
	assert_int_equal(out.len, HTML_WRITTEN_MAX + strlen("<bdi>…</bdi>"));
	assert_string_equal(out.data + out.len - strlen("\\x1b&quot;…</bdi>"), "\\x1b&quot;…</bdi>");
	buf_clear(&out);
	html_foreign("<i>", 3, &out);
	expect(&out, "<bdi>&lt;i&gt;</bdi>");
}

static void word(const char *s, const char *wanted)
{
	struct buf out = BUF_INIT(1 << 16);
	shell_word(s, strlen(s), &out);
	expect(&out, wanted);
}

static void shell_words_are_quoted_when_they_must_be(void **state)
{
	(void)state;
	word("/mnt/mediamon/control/grab", "/mnt/mediamon/control/grab");
	word("7", "7");
	word("", "''");
	word("music 30", "'music 30'");
	word("$(reboot)`id`;", "'$(reboot)`id`;'");
	word("it's", "'it'\\''s'");
	word("東京", "'東京'");
	word("a\\b'", "$'a\\x5cb\\x27'");
	word("caf\xe9\n", "$'caf\\xe9\\x0a'");
}

static void addresses_numbers_times(void **state)
{
	struct buf out = BUF_INIT(1 << 16);
	(void)state;
	html_address("L'été/#1 ?%.cbz", strlen("L'été/#1 ?%.cbz"), &out);
	expect(&out, "L%27%C3%A9t%C3%A9/%231%20%3F%25.cbz");
	html_number(0, &out);
	html_number(999, &out);
	html_number(1000, &out);
	html_number(-1234567, &out);
	expect(&out, "09991,000-1,234,567");
	html_time(0, &out);
	html_time(INT64_C(1704067261500000000), &out);
	expect(&out, "–<time datetime=\"2024-01-01T00:01:01Z\">2024-01-01 00:01 UTC</time>");
}

static void a_table_names_its_columns_in_each_cell(void **state)
{
	static const char *const head[] = {"File", "#Tries"};
	struct buf out = BUF_INIT(1 << 16);
	struct html_table t;
	(void)state;
	html_table_begin(&t, &out, "A & B", head, 2);
	html_cell_foreign(&t, "x", 1);
	html_cell_number(&t, 1000);
	html_table_end(&t);
	assert_non_null(strstr(out.data, "<caption>A &amp; B</caption>"));
	assert_non_null(strstr(out.data, "<th role=\"rowheader\" scope=\"row\" data-name=\"File\"><div><bdi>x</bdi></div></th>"));
	assert_non_null(strstr(out.data, "<td role=\"cell\" data-name=\"Tries\" class=\"number\" data-key=\"1000\"><div>1,000</div></td></tr>"));
	buf_clear(&out);
}

static void hash(const char *s, size_t n, const char *wanted)
{
	uint8_t digest[SHA256_BYTES];
	struct buf out = BUF_INIT(256);
	sha256(s, n, digest);
	text_base64((const char *)digest, sizeof digest, &out);
	expect(&out, wanted);
}

/** FIPS 180-4's examples, and lengths around the end of a block. */
static void hashes_are_sha_256(void **state)
{
	static char a[1000000];
	(void)state;
	memset(a, 'a', sizeof a);
	hash("", 0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	hash("abc", 3, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	hash(a, 55, "n0OQ+NMMLdkuyfCVtl4rmumwqSWlJY4kHJ8ekQ9zQxg=");
	hash(a, 56, "s1Q5pKxvCUi21vnjxq8PX1kM4g8b3nCQ73lwaG7Gc4o=");
	hash(a, 64, "/+BU/nrgy23GXDr5th1SCfQ5hR20PQulmXM33xVGaOs=");
	hash(a, sizeof a, "zcduXJkU+5KBocfihNc+Z/GAmkiklyAOBG05zMcRLNA=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_and_hidden_characters_stay_text),
		cmocka_unit_test(every_byte_gives_valid_text_without_markup),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(shell_words_are_quoted_when_they_must_be),
		cmocka_unit_test(addresses_numbers_times),
		cmocka_unit_test(a_table_names_its_columns_in_each_cell),
		cmocka_unit_test(hashes_are_sha_256),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
