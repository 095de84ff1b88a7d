/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents about a volume: each version of each, and which of them counts. */
#include "tests/unit/media_files.h"

#include <errno.h>

#include "indexer/extract/comic.h"

static struct comic c;
static struct tried t;

static int setup(void **state)
{
	(void)state;
	comic_init(&c);
	media_init(&t.m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	comic_clear(&c);
	media_clear(&t.m);
	return 0;
}

static int read_doc(enum comic_doc doc, const char *xml)
{
	return comic_read(&c, doc, xml, strlen(xml));
}

/** What becomes of the documents that were read. */
static void assert_json(const char *expected)
{
	media_reset(&t.m);
	comic_finish(&c, &t.m);
	ASSERT_TEXT(&t, comicinfo, expected);
}

/** Every element of each schema. */
static void all_elements_of_comicinfo_are_kept(void **state)
{
	(void)state;
	static const char *const texts[] = {
		/* v1.0 */
		"Title", "Series", "Number", "AlternateSeries", "AlternateNumber", "Summary", "Notes", "Writer", "Penciller",
		"Inker", "Colorist", "Letterer", "CoverArtist", "Editor", "Publisher", "Imprint", "Genre", "Web",
		"LanguageISO", "Format", "BlackAndWhite", "Manga",
		/* v2.0 */
		"Characters", "Teams", "Locations", "ScanInformation", "StoryArc", "SeriesGroup", "AgeRating",
		"MainCharacterOrTeam", "Review",
		/* v2.1 */
		"Translator", "Tags", "StoryArcNumber", "GTIN",
	};
	static const char *const numbers[] = {"Count", "Volume", "AlternateCount", "Year", "Month", "Day", "PageCount"};
	_buf_ struct buf xml = BUF_INIT(1 << 16);
	buf_adds(&xml, "<ComicInfo>");
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		buf_addf(&xml, "<%s>of %s</%s>", texts[i], texts[i], texts[i]);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		buf_addf(&xml, "<%s>%zu</%s>", numbers[i], i + 1, numbers[i]);
	buf_adds(&xml, "<CommunityRating>4.5</CommunityRating><Pages><Page Image=\"0\"/></Pages></ComicInfo>");
	assert_int_equal(read_doc(COMIC_INFO, buf_str(&xml)), 0);
	comic_finish(&c, &t.m);
	const char *json = text_of(&t, FIELD_comicinfo);
	char row[128];
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		snprintf(row, sizeof row, "\"%s\": \"of %s\"", texts[i], texts[i]);
		if (!strstr(json, row))
			fail_msg("%s is not in %s", row, json);
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		snprintf(row, sizeof row, "\"%s\": %zu", numbers[i], i + 1);
		if (!strstr(json, row))
			fail_msg("%s is not in %s", row, json);
	}
	assert_non_null(strstr(json, "\"CommunityRating\": 4.5"));
}

static const char metron[] =
	"<MetronInfo><IDS><ID source=\"Metron\">1</ID></IDS><Publisher id=\"1\"><Name>Pub</Name><Imprint>Imp</Imprint>"
	"</Publisher><Series lang=\"en\" id=\"2\"><Name>Metron Series</Name><Volume>2</Volume>"
	"<Format>Single Issue</Format><VolumeCount>12</VolumeCount></Series><Number>7</Number>"
	"<Stories><Story>One</Story><Story>Two</Story></Stories><CoverDate>2020-03-04</CoverDate>"
	"<Arcs><Arc id=\"1\"><Name>Arc</Name><Number>5</Number></Arc></Arcs><Genres><Genre>Drama</Genre></Genres>"
	"<Credits><Credit><Creator>A B</Creator><Roles><Role>Writer</Role><Role>Artist</Role></Roles></Credit>"
	"<Credit><Creator>C D</Creator><Roles><Role>Writer</Role><Role>Janitor</Role></Roles></Credit></Credits>"
	"<GTIN><ISBN>978</ISBN><UPC>1</UPC></GTIN></MetronInfo>";

static void metroninfo_becomes_the_same_elements(void **state)
{
	(void)state;
	assert_int_equal(read_doc(COMIC_METRON, metron), 0);
	assert_json("{\"Title\": \"One, Two\", \"Series\": \"Metron Series\", \"Number\": \"7\", \"Count\": 12, \"Volume\": 2, "
		    "\"Year\": 2020, \"Month\": 3, \"Day\": 4, \"Writer\": \"A B, C D\", \"Penciller\": \"A B\", "
		    "\"Publisher\": \"Pub\", \"Imprint\": \"Imp\", \"Genre\": \"Drama\", \"LanguageISO\": \"en\", "
		    "\"Format\": \"Single Issue\", \"StoryArc\": \"Arc\", \"StoryArcNumber\": \"5\", \"GTIN\": \"978\"}");
	ASSERT_INT(&t, count, 12);
	ASSERT_INT(&t, year, 2020);
}

static void a_chapters_volume_is_what_counts(void **state)
{
	(void)state;
	assert_int_equal(read_doc(COMIC_METRON, "<MetronInfo><Series><Name>S</Name></Series>"
						"<MangaVolume>3</MangaVolume><Number>21</Number></MetronInfo>"), 0);
	comic_finish(&c, &t.m);
	ASSERT_REAL(&t, volume, 3);
}

static const char acbf[] =
	"<ACBF xmlns=\"http://www.fictionbook-lib.org/xml/acbf/1.1\"><meta-data><book-info>"
	"<author activity=\"Writer\"><first-name>Jo</first-name><last-name>Do</last-name></author>"
	"<author activity=\"Translator\"><nickname>nick</nickname></author>"
	"<book-title lang=\"fr\">Titre</book-title><book-title lang=\"en\">Title</book-title><genre>comedy</genre>"
	"<annotation lang=\"fr\"><p>Bon</p><p>jour</p></annotation><sequence title=\"Suite\" volume=\"1\">5</sequence>"
	"</book-info><publish-info><publisher>P</publisher><publish-date value=\"2011-02-03\">2011</publish-date>"
	"<isbn>979</isbn></publish-info></meta-data><body/></ACBF>";

static void acbf_becomes_the_same_elements(void **state)
{
	(void)state;
	assert_int_equal(read_doc(COMIC_ACBF, acbf), 0);
	assert_json("{\"Title\": \"Titre\", \"Series\": \"Suite\", \"Number\": \"5\", \"Volume\": 1, \"Summary\": \"Bonjour\", "
		    "\"Year\": 2011, \"Month\": 2, \"Day\": 3, \"Writer\": \"Jo Do\", \"Translator\": \"nick\", "
		    "\"Publisher\": \"P\", \"Genre\": \"comedy\", \"LanguageISO\": \"fr\", \"GTIN\": \"979\"}");
	ASSERT_REAL(&t, volume, 5);
}

static void the_better_document_counts_and_others_fill_in(void **state)
{
	(void)state;
	static const char info[] = "<ComicInfo><Series>Info</Series><Manga>Yes</Manga><Year>1999</Year></ComicInfo>";
	const struct zip_file files[] = {
		{.name = "a.acbf", .data = acbf, .n = sizeof acbf - 1},
		{.name = "ComicInfo.xml", .data = info, .n = sizeof info - 1},
		{.name = "sub/MetronInfo.xml", .data = metron, .n = sizeof metron - 1, .method = 8},
		{.name = "1.jpg", .data = "", .n = 0},
		{0},
	};
	static const char *const series[] = {"Metron Series", "Info", "Suite", "N"};
	struct zip_file rest[COUNT_OF(files)];
	/* all, then without the best of those that are left */
	static const int without[] = {-1, 2, 1, 0};
	memcpy(rest, files, sizeof files);
	for (size_t i = 0; i < COUNT_OF(series); i++) {
		_buf_ struct buf b = BUF_INIT(FILE_MAX);
		if (without[i] >= 0)
			rest[without[i]].name = "passed over";
		build_zip(&b, rest);
		assert_int_equal(try_buf(&t, MEDIA_VOLUME, "N/N 3.cbz", &b), 0);
		ASSERT_TEXT(&t, series, series[i]);
		assert_int_equal(i < 2, strstr(text_of(&t, FIELD_comicinfo), "\"Manga\": \"Yes\"") != NULL);
		assert_int_equal(i < 1, strstr(text_of(&t, FIELD_comicinfo), "\"Year\": 2020") != NULL);
	}
}

static void hostile_documents_are_refused(void **state)
{
	(void)state;
	static const char *const roots[COMIC_DOCS] = {"MetronInfo", "ComicInfo", "ACBF"};
	for (unsigned doc = 0; doc < COMIC_DOCS; doc++) {
		_buf_ struct buf xml = BUF_INIT(FILE_MAX);
		buf_addf(&xml, "<!DOCTYPE x [<!ENTITY e \"y\">]><%s><Series>&e;</Series></%s>", roots[doc], roots[doc]);
		assert_int_equal(read_doc((enum comic_doc)doc, buf_str(&xml)), -EBADMSG);
		assert_int_equal(read_doc((enum comic_doc)doc, "<Other/>"), -EBADMSG);
		assert_int_equal(read_doc((enum comic_doc)doc, ""), -EBADMSG);
		buf_reset(&xml);
		buf_addf(&xml, "<%s>", roots[doc]);
		for (int i = 0; i < 100000; i++)
			buf_adds(&xml, "<a>");
		assert_int_equal(read_doc((enum comic_doc)doc, buf_str(&xml)), -EBADMSG);
		buf_reset(&xml);
		buf_addf(&xml, "<%s>", roots[doc]);
		put_fill(&xml, ' ', COMIC_XML_MAX);
		buf_addf(&xml, "</%s>", roots[doc]);
		assert_int_equal(read_doc((enum comic_doc)doc, buf_str(&xml)), -EBADMSG);
	}
	comic_finish(&c, &t.m);
	assert_true(t.m.set == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_elements_of_comicinfo_are_kept),
		TEST(metroninfo_becomes_the_same_elements),
		TEST(a_chapters_volume_is_what_counts),
		TEST(acbf_becomes_the_same_elements),
		TEST(the_better_document_counts_and_others_fill_in),
		TEST(hostile_documents_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
