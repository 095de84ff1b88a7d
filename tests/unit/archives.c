/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RAR, EPUB, PDF, parts, passwords, and readers that are switched off; files made byte by byte. */
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
	extract_allow(ARCHIVE_ALL);
	return 0;
}

#define BUFFER(name) _buf_ struct buf name = BUF_INIT(FILE_MAX)

static const char info[] = "<ComicInfo><Series>Inside</Series><Number>4</Number></ComicInfo>";

/* --- RAR --- */

/** Bits that any version has. */
enum { SOLID = 1, PART = 2, LOCKED = 4 };

static void block4(struct buf *b, unsigned type, unsigned flags, const struct buf *body)
{
	BUFFER(header);
	put8(&header, type);
	put_le16(&header, flags);
	put_le16(&header, (unsigned)body->len + 7);
	put_buf(&header, body);
	put_le16(b, crc32(0, (const Bytef *)header.data, (uInt)header.len) & 0xffff);
	put_buf(b, &header);
}

static void file4(struct buf *b, const char *name, const char *data, unsigned flags)
{
	BUFFER(body);
	put_le32(&body, (uint32_t)strlen(data));
	put_le32(&body, (uint32_t)strlen(data));
	put8(&body, 3);
	put_le32(&body, (uint32_t)crc32(0, (const Bytef *)data, (uInt)strlen(data)));
	put_le32(&body, 0);
	put8(&body, 20);
	put8(&body, 0x30);
	put_le16(&body, (unsigned)strlen(name));
	put_le32(&body, 0100644);
	buf_adds(&body, name);
	block4(b, 0x74, 0x8000 | flags, &body);
	buf_adds(b, data);
}

static void rar4(struct buf *b, unsigned bits, unsigned page_flags)
{
	BUFFER(body);
	buf_add(b, "Rar!\x1a\7", 7);
	put_fill(&body, 0, 6);
	block4(b, 0x73, (bits & SOLID ? 8 : 0) | (bits & PART ? 1 : 0) | (bits & LOCKED ? 0x80 : 0), &body);
	file4(b, "S\\001.jpg", "page one", page_flags);
	file4(b, "S\\ComicInfo.xml", info, 0);
	file4(b, "S\\Thumbs.db", "x", 0);
	buf_reset(&body);
	block4(b, 0x7b, 0x4000, &body);
}

/** @body: what follows the header's size. */
static void block5(struct buf *b, const struct buf *body)
{
	BUFFER(header);
	assert_true(body->len < 128);
	put8(&header, (unsigned)body->len);
	put_buf(&header, body);
	put_le32(b, (uint32_t)crc32(0, (const Bytef *)header.data, (uInt)header.len));
	put_buf(b, &header);
}

static void file5(struct buf *b, const char *name, const char *data, bool is_encrypted)
{
	BUFFER(body);
	size_t n = strlen(data);
	put8(&body, 2);
	put8(&body, is_encrypted ? 3 : 2);
	if (is_encrypted)
		put8(&body, 3);
	put8(&body, (unsigned)n);
	put8(&body, 4);
	put8(&body, (unsigned)n);
	put8(&body, 0);
	put_le32(&body, (uint32_t)crc32(0, (const Bytef *)data, (uInt)n));
	put8(&body, 0);
	put8(&body, 1);
	put8(&body, (unsigned)strlen(name));
	buf_adds(&body, name);
	/* a record of encryption, without what it would tell */
	if (is_encrypted)
		buf_add(&body, "\2\1\0", 3);
	block5(b, &body);
	buf_adds(b, data);
}

static void rar5(struct buf *b, unsigned bits, bool is_encrypted)
{
	BUFFER(body);
	buf_add(b, "Rar!\x1a\7\1", 8);
	if (bits & LOCKED)
		buf_add(&body, "\4\0\0\0\17", 5);
	else
		buf_add(&body, (const char[]){1, 0, (char)((bits & SOLID ? 4 : 0) | (bits & PART ? 1 : 0))}, 3);
	block5(b, &body);
	file5(b, "S/001.jpg", "page one", is_encrypted);
	file5(b, "S/ComicInfo.xml", info, false);
	file5(b, "__MACOSX/._001.jpg", "x", false);
	buf_reset(&body);
	buf_add(&body, "\5\0\0", 3);
	block5(b, &body);
}

static void rar(struct buf *b, int version, unsigned bits, bool is_encrypted)
{
	buf_reset(b);
	if (version == 4)
		rar4(b, bits, is_encrypted ? 4 : 0);
	else
		rar5(b, bits, is_encrypted);
}

static void rar_archives_are_read_whatever_they_are_called(void **state)
{
	(void)state;
	BUFFER(b);
	for (int version = 4; version <= 5; version++) {
		for (unsigned bits = 0; bits <= SOLID; bits++) {
			rar(&b, version, bits, false);
			assert_int_equal(try_buf(&t, MEDIA_VOLUME, bits ? "x.cbz" : "x.rar", &b), 0);
			ASSERT_TEXT(&t, format, "cbr");
			ASSERT_INT(&t, pages, 1);
			ASSERT_TEXT(&t, series, "Inside");
			ASSERT_REAL(&t, volume, 4);
		}
	}
}

static void assert_says(int r, const char *sentence)
{
	assert_int_equal(t.r, r);
	if (!strstr(t.reason, sentence))
		fail_msg("\"%s\" does not say \"%s\"", t.reason, sentence);
}

static void rar_archives_that_are_closed_or_cut_say_so(void **state)
{
	(void)state;
	BUFFER(b);
	for (int version = 4; version <= 5; version++) {
		rar(&b, version, 0, true);
		try_buf(&t, MEDIA_VOLUME, "x.cbr", &b);
		assert_says(-EBADMSG, "the archive is encrypted");
		ASSERT_INT(&t, pages, 1);
		rar(&b, version, LOCKED, false);
		try_buf(&t, MEDIA_VOLUME, "x.cbr", &b);
		assert_says(-EBADMSG, "encrypted, with the names");
		rar(&b, version, PART, false);
		try_buf(&t, MEDIA_VOLUME, "x.cbr", &b);
		assert_says(-EBADMSG, "one part of several");
		ASSERT_INT(&t, pages, 1);
		rar(&b, version, 0, false);
		size_t whole = b.len;
		unsigned whole_ones = 0;
		for (size_t n = 1; n < b.len; n++)
			whole_ones += try_bytes(&t, MEDIA_VOLUME, "x.cbr", b.data, n) == 0;
		/* behind each of its files: older programs write no end */
		assert_int_equal(whole_ones, version == 4 ? 3 : 0);
		b.len = whole - 60;
		try_buf(&t, MEDIA_VOLUME, "x.cbr", &b);
		ASSERT_INT(&t, pages, 1);
	}
}

/* --- names of parts --- */

static void parts_are_told_by_their_names(void **state)
{
	(void)state;
	static const char *const names[] = {"S 1.z01", "S 1.7z.002", "S 1.zip.003", "S 1.part2.rar", "S 1.r00"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_true(extract_wants(MEDIA_VOLUME, names[i], strlen(names[i])));
		try_bytes(&t, MEDIA_VOLUME, names[i], "\1\2\3\4 the middle of something", 20);
		assert_says(-EBADMSG, "the archive is one part of several");
	}
	static const char *const others[] = {"a.rar", "7z.cbr", "x.tar.gz", "x.TGZ", "x.epub", "x.PDF", "x.tar.xz"};
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_true(extract_wants(MEDIA_VOLUME, others[i], strlen(others[i])));
	static const char *const none[] = {"x.gz", "x.001", "x.r0", "x.txt.gz", ".tar.gz", "x.rxx", "x.z1", "x.7z.01"};
	for (size_t i = 0; i < COUNT_OF(none); i++)
		assert_false(extract_wants(MEDIA_VOLUME, none[i], strlen(none[i])));
}

static void names_that_are_there_twice_are_one_page(void **state)
{
	(void)state;
	const struct zip_file files[] = {
		{.name = "1.jpg", .data = "a", .n = 1}, {.name = "2.jpg", .data = "b", .n = 1},
		{.name = "1.jpg", .data = "c", .n = 1}, {.name = "../../1.jpg", .data = "d", .n = 1},
		{.name = "a/__MACOSX/3.jpg", .data = "e", .n = 1}, {0},
	};
	BUFFER(b);
	build_zip(&b, files);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.cbz", &b), 0);
	ASSERT_INT(&t, pages, 3);
}

/* --- EPUB --- */

static const char container[] = "<container><rootfiles><rootfile full-path=\"c.opf\"/></rootfiles></container>";

static void build_epub(struct buf *b, const char *package, const char *extra, const char *text)
{
	const struct zip_file files[] = {
		{.name = "mimetype", .data = "application/epub+zip", .n = 20},
		{.name = "META-INF/container.xml", .data = container, .n = sizeof container - 1, .method = 8},
		{.name = "c.opf", .data = package, .n = strlen(package), .method = 8},
		{.name = "1.jpg", .data = "x", .n = 1},
		{.name = extra, .data = text, .n = text ? strlen(text) : 0},
		{0},
	};
	buf_reset(b);
	build_zip(b, files);
}

#define PACKAGE(metas) \
	"<package xmlns:dc=\"d\"><metadata><dc:title>T</dc:title>" metas "</metadata><manifest>" \
	"<item media-type=\"image/jpeg\"/><item media-type=\"image/png\"/></manifest>" \
	"<spine><itemref/><itemref/><itemref/></spine></package>"

static void books_have_pages_or_documents(void **state)
{
	(void)state;
	BUFFER(b);
	build_epub(&b, PACKAGE("<meta name=\"calibre:series\" content=\"Cal\"/>"
			       "<meta name=\"calibre:series_index\" content=\"2.0\"/>"), NULL, NULL);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.cbz", &b), 0);
	ASSERT_TEXT(&t, format, "epub");
	ASSERT_INT(&t, pages, 3);
	ASSERT_TEXT(&t, series, "Cal");
	ASSERT_REAL(&t, volume, 2);
	build_epub(&b, PACKAGE("<meta property=\"rendition:layout\">pre-paginated</meta>"
			       "<meta property=\"belongs-to-collection\" id=\"a\">Set</meta>"
			       "<meta refines=\"#a\" property=\"collection-type\">set</meta>"
			       "<meta property=\"belongs-to-collection\" id=\"b\">Ser</meta>"
			       "<meta refines=\"#b\" property=\"group-position\">7</meta>"), NULL, NULL);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.epub", &b), 0);
	ASSERT_INT(&t, pages, 2);
	ASSERT_TEXT(&t, series, "Ser");
	ASSERT_REAL(&t, volume, 7);
	ASSERT_TEXT(&t, title, "T");
}

static void books_that_are_closed_or_broken_say_so(void **state)
{
	(void)state;
	BUFFER(b);
	static const char locked[] = "<encryption><EncryptedData><EncryptionMethod Algorithm=\"%s\"/></EncryptedData></encryption>";
	static const char *const methods[][2] = {
		{"http://www.w3.org/2001/04/xmlenc#aes128-cbc", "the book is encrypted"},
		{"http://www.idpf.org/2008/embedding", NULL},
	};
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		char text[256];
		snprintf(text, sizeof text, locked, methods[i][0]);
		build_epub(&b, PACKAGE(""), "META-INF/encryption.xml", text);
		assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.epub", &b), methods[i][1] ? -EBADMSG : 0);
		assert_string_equal(t.reason, methods[i][1] ? methods[i][1] : "");
		ASSERT_INT(&t, pages, 3);
	}
	build_epub(&b, "<package", NULL, NULL);
	try_buf(&t, MEDIA_VOLUME, "x.epub", &b);
	assert_says(-EBADMSG, "package document cannot be read");
	build_epub(&b, PACKAGE(""), "META-INF/rights.xml", "x");
	try_buf(&t, MEDIA_VOLUME, "x.epub", &b);
	assert_says(-EBADMSG, "the book is encrypted");
}

/* --- PDF --- */

/** @bodies: the objects from 1 on, NULL at the end; 1 is the catalog, 2 the document's Info. */
static void build_pdf(struct buf *b, const char *const *bodies)
{
	size_t at[16], n = 0;
	buf_reset(b);
	buf_adds(b, "%PDF-1.4\n");
	for (; bodies[n]; n++) {
		at[n] = b->len;
		buf_addf(b, "%zu 0 obj\n%s\nendobj\n", n + 1, bodies[n]);
	}
	size_t table = b->len;
	buf_addf(b, "xref\n0 %zu\n0000000000 65535 f \n", n + 1);
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%010zu 00000 n \n", at[i]);
	buf_addf(b, "trailer\n<< /Root 1 0 R /Info 2 0 R /Size %zu >>\nstartxref\n%zu\n%%%%EOF\n", n + 1, table);
}

static void documents_tell_their_pages_and_title(void **state)
{
	(void)state;
	static const char xmp[] =
		"<x:xmpmeta xmlns:x=\"x\"><r:RDF xmlns:r=\"r\"><r:Description xmlns:c=\"c\" xmlns:d=\"d\">"
		"<d:title><r:Alt><r:li>In XMP</r:li></r:Alt></d:title>"
		"<c:series><r:value>Ser</r:value><c:series_index>3.00</c:series_index></c:series>"
		"</r:Description></r:RDF></x:xmpmeta>";
	BUFFER(b);
	BUFFER(metadata);
	buf_addf(&metadata, "<< /Type /Metadata /Subtype /XML /Length %zu >>\nstream\n%s\nendstream", strlen(xmp), xmp);
	const char *bodies[] = {"<< /Type /Catalog /Pages 3 0 R >>", "<< /Title (Caf\\351) >>",
				"<< /Type /Pages /Kids [4 0 R 4 0 R] /Count 2 >>",
				"<< /Type /Page /Parent 3 0 R >>", buf_str(&metadata), NULL};
	build_pdf(&b, bodies);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "S/S 05.cbz", &b), 0);
	ASSERT_TEXT(&t, format, "pdf");
	ASSERT_INT(&t, pages, 2);
	ASSERT_TEXT(&t, title, "Café");
	ASSERT_REAL(&t, volume, 5);
	bodies[0] = "<< /Type /Catalog /Pages 3 0 R /Metadata 5 0 R >>";
	build_pdf(&b, bodies);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.pdf", &b), 0);
	ASSERT_TEXT(&t, title, "In XMP");
	ASSERT_TEXT(&t, series, "Ser");
	ASSERT_REAL(&t, volume, 3);
	size_t whole = b.len;
	b.len = whole - 8;
	try_buf(&t, MEDIA_VOLUME, "x.pdf", &b);
	assert_says(-ENODATA, "incomplete: the document has no end");
	b.len = whole;
	b.data[b.len - 9] = '0';
	/* a list of objects that is not where it should be is made anew */
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "x.pdf", &b), 0);
	ASSERT_INT(&t, pages, 2);
}

static void documents_without_pages_or_sense_say_so(void **state)
{
	(void)state;
	BUFFER(b);
	const char *const bodies[] = {"<< /Type /Catalog >>", "<< >>", NULL};
	build_pdf(&b, bodies);
	try_buf(&t, MEDIA_VOLUME, "x.pdf", &b);
	assert_int_equal(t.r, -EBADMSG);
	buf_reset(&b);
	buf_adds(&b, "%PDF-1.4\nnothing at all\n%%EOF\n");
	try_buf(&t, MEDIA_VOLUME, "x.pdf", &b);
	assert_says(-EBADMSG, "damaged");
}

/* --- switches --- */

static void what_is_switched_off_is_not_opened(void **state)
{
	(void)state;
	BUFFER(b);
	rar(&b, 5, LOCKED, false);
	extract_allow(ARCHIVE_ZIP);
	/* by its bytes, not by its name */
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "S/S T07.cbz", &b), 0);
	ASSERT_TEXT(&t, format, "cbr");
	ASSERT_TEXT(&t, series, "S");
	ASSERT_REAL(&t, volume, 7);
	ASSERT_UNSET(&t, pages);
	buf_reset(&b);
	build_cbz(&b, "<Series>x</Series>", 8);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "S/S T07.cbr", &b), 0);
	ASSERT_INT(&t, pages, 3);
	extract_allow(ARCHIVE_RAR);
	assert_int_equal(try_buf(&t, MEDIA_VOLUME, "S/S T07.cbr", &b), 0);
	ASSERT_UNSET(&t, pages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rar_archives_are_read_whatever_they_are_called),
		TEST(rar_archives_that_are_closed_or_cut_say_so),
		TEST(parts_are_told_by_their_names),
		TEST(names_that_are_there_twice_are_one_page),
		TEST(books_have_pages_or_documents),
		TEST(books_that_are_closed_or_broken_say_so),
		TEST(documents_tell_their_pages_and_title),
		TEST(documents_without_pages_or_sense_say_so),
		TEST(what_is_switched_off_is_not_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
