/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comic archives, ComicInfo.xml, and its word against the name's. */
#include "tests/unit/media_files.h"

#include <errno.h>

static struct tried t;

static int setup(void **state)
{
	(void)state;
	media_init(&t.m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_clear(&t.m);
	return 0;
}

#define BUFFER(name) _buf_ struct buf name = BUF_INIT(FILE_MAX)

static int try_info(const char *name, const char *inside)
{
	BUFFER(b);
	build_cbz(&b, inside, 8);
	return try_buf(&t, MEDIA_VOLUME, name, &b);
}

static void an_archive_gives_pages_and_comicinfo(void **state)
{
	(void)state;
	for (unsigned method = 0; method <= 8; method += 8) {
		BUFFER(b);
		build_cbz(&b,
			  "<Title>A &amp; \"B\"</Title><Series>Série</Series>"
			  "<Number> 007 </Number>"
			  "<Count>12</Count><Volume>2019</Volume><LanguageISO>FR-fr</LanguageISO>"
			  "<Unknown>x</Unknown><Month>-1</Month>"
			  "<CommunityRating>4.5</CommunityRating>",
			  method);
		assert_int_equal(try_buf(&t, MEDIA_VOLUME, "Other/x.cbz", &b), 0);
		ASSERT_TEXT(&t, format, "cbz");
		ASSERT_INT(&t, pages, 3);
		ASSERT_TEXT(&t, title, "A & \"B\"");
		ASSERT_TEXT(&t, series, "Série");
		ASSERT_REAL(&t, volume, 7);
		ASSERT_INT(&t, year, 2019);
		ASSERT_INT(&t, count, 12);
		ASSERT_TEXT(&t, language, "fr");
		ASSERT_TEXT(&t, kind, "volume");
		ASSERT_TEXT(&t, comicinfo,
			    "{\"Title\": \"A & \\\"B\\\"\", \"Series\": \"Série\", "
			    "\"Number\": \"007\", \"Count\": 12, \"Volume\": 2019, "
			    "\"LanguageISO\": \"FR-fr\", "
			    "\"CommunityRating\": 4.5}");
		ASSERT_UNSET(&t, artist);
	}
}

static void the_comicinfo_nearest_to_the_root_counts(void **state)
{
	(void)state;
	static const char deep[] = "<ComicInfo><Series>deep</Series></ComicInfo>";
	static const char root[] = "<ComicInfo><Series>root</Series></ComicInfo>";
	const struct zip_file files[] = {
		{.name = "a/b/ComicInfo.xml", .data = deep, .n = sizeof deep - 1},
		{.name = "comicinfo.XML", .data = root, .n = sizeof root - 1, .method = 8},
		{.name = "c/ComicInfo.xml", .data = deep, .n = sizeof deep - 1},
		{.name = "1.jpg", .data = "", .n = 0},
		{0},
	};
	BUFFER(b);
	/* Bytes in front, as of a program that unpacks itself, move all offsets. */
	put_fill(&b, 'x', 5000);
	BUFFER(zip);
	build_zip(&zip, files);
	put_buf(&b, &zip);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.cbz", &b), 0);
	ASSERT_TEXT(&t, series, "root");
	ASSERT_INT(&t, pages, 1);
}

static void broken_comicinfo_is_passed_over(void **state)
{
	(void)state;
	static const char *const inside[] = {
		"<Series>x",
		"<Series>x</Serie>",
		"<Series>\xff\xfe</Series>",
		"<Series>&undefined;</Series>",
		"\1",
	};
	for (size_t i = 0; i < COUNT_OF(inside); i++) {
		assert_int_equal(try_info("Name/Name T04.cbz", inside[i]), 0);
		ASSERT_UNSET(&t, comicinfo);
		ASSERT_TEXT(&t, series, "Name");
		ASSERT_REAL(&t, volume, 4);
		ASSERT_INT(&t, pages, 3);
	}
	BUFFER(b);
	build_cbz(&b, "<Series>x</Series>", 0);
	char *series = memmem(b.data, b.len, "<Series>", 8);
	assert_non_null(series);
	series[8] = 'y';
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
	ASSERT_UNSET(&t, comicinfo);
}

static void bombs_do_not_go_off(void **state)
{
	(void)state;
	BUFFER(xml);
	buf_adds(&xml, "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\">");
	for (char c = 'b'; c < 'k'; c++) {
		buf_addf(&xml, "<!ENTITY %c \"", c);
		for (int i = 0; i < 10; i++)
			buf_addf(&xml, "&%c;", c - 1);
		buf_adds(&xml, "\">");
	}
	buf_adds(&xml, "]><ComicInfo><Series>&j;</Series></ComicInfo>");
	assert_int_equal(extract_comicinfo(xml.data, xml.len, &t.m), -EBADMSG);
	static const char outside[] = "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
				      "<ComicInfo><Series>&x;</Series></ComicInfo>";
	assert_int_equal(extract_comicinfo(outside, sizeof outside - 1, &t.m), -EBADMSG);
	assert_true(t.m.set == 0);
	/* Forty megabytes in forty kilobytes: what comes before is read, the rest is not. */
	buf_reset(&xml);
	buf_adds(&xml, "<ComicInfo><Series>Before</Series><Number>3</Number><Notes>");
	put_fill(&xml, 'x', 20 << 20);
	buf_adds(&xml, "</Notes></ComicInfo>");
	const struct zip_file files[] = {
		{.name = "ComicInfo.xml", .data = xml.data, .n = xml.len, .method = 8},
		{.name = "1.jpg", .data = "", .n = 0},
		{0},
	};
	BUFFER(b);
	build_zip(&b, files);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
	ASSERT_TEXT(&t, series, "Before");
	ASSERT_REAL(&t, volume, 3);
}

static void comicinfo_and_name_agree_on_one_volume(void **state)
{
	(void)state;
	static const struct {
		const char *path, *inside, *kind;
		double volume, chapter;
	} rows[] = {
		{"S/S T03.cbz", "<Number>9</Number>", "volume", 3, -1},
		{"S/S 03.cbz", "<Number>9</Number>", "volume", 9, -1},
		{"S/S.cbz", "<Number>9</Number>", "volume", 9, -1},
		{"S/S.cbz", "<Number>1.5</Number>", "volume", 1.5, -1},
		{"S/S.cbz", "<Volume>4</Volume>", "volume", 4, -1},
		{"S/S.cbz", "<Volume>2004</Volume>", "unknown", -1, -1},
		{"S/S.cbz", "<Number>-1</Number>", "unknown", -1, -1},
		{"S/S.cbz", "<Number>1a</Number>", "unknown", -1, -1},
		{"S/S.cbz", "<Title>,\"Number\": \"5\"</Title>", "unknown", -1, -1},
		{"S/S 04.cbz", "", "volume", 4, -1},
		{"S/S - Ch. 012.cbz", "<Number>9</Number>", "chapter", -1, 12},
		{"S/S - Ch. 012.cbz", "<Number>12</Number><Volume>2</Volume>", "chapter", 2, 12},
		{"S/S - Ch. 012.cbz", "<Number>9</Number><Volume>1999</Volume>", "chapter", -1, 12},
		{"S/S v02 c011.cbz", "<Number>7</Number><Volume>1</Volume>", NULL, 2, 11},
		{"S/S 05.cbz", "<Format>Special</Format>", "special", -2, -1},
		{"S/S T05.cbz", "<Format>Special</Format>", "volume", 5, -1},
		{"S/S.cbz", "<Format>one-shot</Format>", "oneshot", -1, -1},
		{"S/S.cbz", "<Format>One-Shot</Format><Number>1</Number>", "oneshot", 1, -1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(try_info(rows[i].path, rows[i].inside), 0);
		if (rows[i].kind)
			ASSERT_TEXT(&t, kind, rows[i].kind);
		if (rows[i].volume > -2)
			assert_true(media_real(&t.m, FIELD_volume, -1) == rows[i].volume);
		assert_true(media_real(&t.m, FIELD_chapter, -1) == rows[i].chapter);
		ASSERT_TEXT(&t, series, "S");
	}
	assert_int_equal(try_info("S/S T01-T05.cbz", "<Number>1</Number>"), 0);
	ASSERT_TEXT(&t, kind, "range");
	ASSERT_REAL(&t, volume, 1);
	ASSERT_REAL(&t, volume_end, 5);
	ASSERT_TEXT(&t, title, text_of(&t, FIELD_title));
}

static void the_name_counts_when_the_archive_is_damaged(void **state)
{
	(void)state;
	static const char junk[] = "no archive at all";
	assert_int_equal(try_bytes(&t, MEDIA_VOLUME, "S/S T07.cbz", junk, sizeof junk), -EBADMSG);
	ASSERT_TEXT(&t, series, "S");
	ASSERT_REAL(&t, volume, 7);
	assert_int_equal(try_bytes(&t, MEDIA_VOLUME, "S/S T08.cbz", "", 0), -ENODATA);
	assert_string_equal(t.reason, "incomplete: the file is empty (0 bytes)");
	ASSERT_REAL(&t, volume, 8);
	assert_int_equal(try_bytes(&t, MEDIA_VOLUME, "S/S T09.cbz", "PK\3\4", 4), -ENODATA);
	ASSERT_TEXT(&t, series, "S");
	ASSERT_REAL(&t, volume, 9);
}

static void assert_answer(int error, const void *data, size_t n, const char *part)
{
	assert_int_equal(try_bytes(&t, MEDIA_VOLUME, "a.cbz", data, n), error);
	if (!strstr(t.reason, part))
		fail_msg("\"%s\" does not say \"%s\"", t.reason, part);
}

static void assert_reason(const void *data, size_t n, const char *part)
{
	assert_answer(-EBADMSG, data, n, part);
}

static void damage_has_a_reason_that_people_understand(void **state)
{
	(void)state;
	static const char *const others[][2] = {
		{"<html><body>", "web page"},  {"<!DOCTYPE html>", "web page"},
		{"hello\n", "text"},           {"<?xml?>", "XML"},
		{"\x89PNG\r\n", "PNG"},        {"\1\2\3", "not a zip archive"},
	};
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_reason(others[i][0], strlen(others[i][0]), others[i][1]);
	/* the starts of other archives are known by what they are */
	static const char *const cut[] = {"Rar!\x1a\7\1", "7z\xbc\xaf\x27\x1c", "%PDF-1.4"};
	for (size_t i = 0; i < COUNT_OF(cut); i++)
		assert_answer(-ENODATA, cut[i], strlen(cut[i]), "incomplete: ");
	BUFFER(b);
	build_cbz(&b, "", 0);
	const struct zip_file none[] = {{.name = "a.txt", .data = "", .n = 0}, {0}};
	buf_reset(&b);
	build_zip(&b, none);
	assert_reason(b.data, b.len, "holds no images");
	assert_reason("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, "holds no images");
	const struct zip_file locked[] = {{.name = "1.jpg", .data = "x", .n = 1, .flags = 1}, {0}};
	buf_reset(&b);
	build_zip(&b, locked);
	assert_reason(b.data, b.len, "encrypted");
	ASSERT_INT(&t, pages, 1);
	/* The second entry's signature. */
	buf_reset(&b);
	build_cbz(&b, "", 0);
	char *entry = memmem(b.data, b.len, "PK\1\2", 4);
	entry = memmem(entry + 4, 200, "PK\1\2", 4);
	entry[2] = 9;
	assert_reason(b.data, b.len, "damaged");
}

static void large_directories_and_comments_are_read(void **state)
{
	(void)state;
	enum { PAGES = 70000 };
	_free_ struct zip_file *files = calloc(PAGES + 1, sizeof *files);
	_free_ char(*names)[16] = calloc(PAGES, sizeof *names);
	for (int i = 0; i < PAGES; i++) {
		snprintf(names[i], sizeof names[i], "%05d.jpg", i);
		files[i] = (struct zip_file){.name = names[i], .data = ""};
	}
	BUFFER(b);
	build_zip(&b, files);
	/* Without zip64 the number of entries has wrapped. */
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
	ASSERT_INT(&t, pages, PAGES);
	buf_reset(&b);
	build_cbz(&b, "<Series>x</Series>", 8);
	b.data[b.len - 2] = (char)(60000 & 255);
	b.data[b.len - 1] = (char)(60000 >> 8);
	put_fill(&b, 'c', 60000);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
	ASSERT_TEXT(&t, series, "x");
}

static void zip64_is_read(void **state)
{
	(void)state;
	BUFFER(b);
	build_cbz(&b, "<Series>x</Series>", 8);
	size_t end = b.len - 22;
	_buf_ struct buf record = BUF_INIT(64);
	buf_add(&record, b.data + end, 22);
	uint32_t size = 0, at = 0;
	memcpy(&size, record.data + 12, 4);
	memcpy(&at, record.data + 16, 4);
	b.len = end;
	buf_adds(&b, "PK\6\6");
	put_le64(&b, 44);
	put_fill(&b, 0, 12);
	put_le64(&b, 7);
	put_le64(&b, 7);
	put_le64(&b, size);
	put_le64(&b, at);
	buf_adds(&b, "PK\6\7");
	put_le32(&b, 0);
	put_le64(&b, end);
	put_le32(&b, 1);
	buf_adds(&b, "PK\5\6");
	put_le32(&b, 0);
	put_fill(&b, (char)0xff, 12);
	put_le16(&b, 0);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "a.cbz", &b), 0);
	ASSERT_TEXT(&t, series, "x");
	ASSERT_INT(&t, pages, 3);
	assert_string_equal(t.reason, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_archive_gives_pages_and_comicinfo),
		TEST(the_comicinfo_nearest_to_the_root_counts),
		TEST(broken_comicinfo_is_passed_over),
		TEST(bombs_do_not_go_off),
		TEST(comicinfo_and_name_agree_on_one_volume),
		TEST(the_name_counts_when_the_archive_is_damaged),
		TEST(damage_has_a_reason_that_people_understand),
		TEST(large_directories_and_comments_are_read),
		TEST(zip64_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
