/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PDF, by libqpdf: the number of pages as the page tree's root says, and the title of the Info
 * dictionary or the XMP metadata.  libqpdf reads memory: the file is mapped, so that only what it
 * looks at is read.  One that does not fit into a worker's memory is known by its name alone.
 *
 * Sources: ISO 32000-1; calibre's series in XMP.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <qpdf/qpdf-c.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "indexer/extract/comic_xmp.h"
#include "indexer/extract/incomplete.h"

enum {
	/** Of the 512 MiB that a worker may have. */
	MAP_MAX = 320 << 20,
	/** A damaged list of objects is made anew by reading the whole file, when it is not larger. */
	RECOVERY_MAX = 32 << 20,
	PAGES_MAX = 100000,
	TAIL = 4096,
	/** The signature may have so many bytes in front. */
	FRONT = 1024,
};

struct pdf {
	qpdf_data q;
	char *data;
	size_t size;
};

static void free_pdf(struct pdf *pdf)
{
	/* an error that nobody asked for would be printed */
	if (pdf->q && qpdf_has_error(pdf->q))
		qpdf_get_error(pdf->q);
	if (pdf->q)
		qpdf_cleanup(&pdf->q);
	if (pdf->data)
		munmap(pdf->data, pdf->size);
}

/** "%%EOF" near the end. */
static bool has_end(const struct pdf *pdf)
{
	size_t n = pdf->size < TAIL ? pdf->size : TAIL;
	return memmem(pdf->data + pdf->size - n, n, "%%EOF", 5) != NULL;
}

static int say_error(struct pdf *pdf, char *reason)
{
	qpdf_error e = qpdf_get_error(pdf->q);
	if (e && qpdf_get_error_code(pdf->q, e) == qpdf_e_password)
		return extract_fail(reason, -EBADMSG, "the document is encrypted");
	if (e && qpdf_get_error_code(pdf->q, e) == qpdf_e_unsupported)
		return extract_fail(reason, -EBADMSG, "the document is encrypted in an unknown way");
	if (!has_end(pdf))
		return incomplete(reason, "the document has no end (still being copied?)");
	return extract_fail(reason, -EBADMSG, "the document's list of objects is damaged");
}

static void set_pages(struct pdf *pdf, struct media *out)
{
	long long count = 0;
	qpdf_oh pages = qpdf_oh_get_key_if_dict(pdf->q, qpdf_get_root(pdf->q), "/Pages");
	qpdf_oh told = qpdf_oh_get_key_if_dict(pdf->q, pages, "/Count");
	bool is_told = qpdf_oh_get_value_as_longlong(pdf->q, told, &count) && count > 0;
	if (!is_told)
		count = qpdf_get_num_pages(pdf->q);
	if (count > 0 && count <= PAGES_MAX)
		media_set_int(out, FIELD_pages, count);
}

static void set_text(struct pdf *pdf, qpdf_oh dict, const char *key, enum field_id f, struct media *out)
{
	const char *text = NULL;
	size_t n = 0;
	if (!media_has(out, f) &&
	    qpdf_oh_get_value_as_utf8(pdf->q, qpdf_oh_get_key_if_dict(pdf->q, dict, key), &text, &n))
		media_set_text(out, f, text, n);
}

/** Only metadata as it stands in the file: a filter could make much of little. */
static void read_metadata(struct pdf *pdf, qpdf_oh root, struct media *out)
{
	long long length = 0;
	unsigned char *bytes = NULL;
	size_t n = 0;
	QPDF_BOOL is_filtered = QPDF_FALSE;
	qpdf_oh stream = qpdf_oh_get_key_if_dict(pdf->q, root, "/Metadata");
	if (!qpdf_oh_is_stream(pdf->q, stream))
		return;
	qpdf_oh dict = qpdf_oh_get_dict(pdf->q, stream);
	qpdf_oh_get_value_as_longlong(pdf->q, qpdf_oh_get_key_if_dict(pdf->q, dict, "/Length"), &length);
	if (qpdf_oh_has_key(pdf->q, dict, "/Filter") || length <= 0 || length > COMIC_XML_MAX)
		return;
	qpdf_oh_get_stream_data(pdf->q, stream, qpdf_dl_none, &is_filtered, &bytes, &n);
	if (bytes)
		comic_xmp_read((const char *)bytes, n, out);
	free(bytes);
}

static int read_document(struct pdf *pdf, struct media *out, char *reason)
{
	qpdf_set_suppress_warnings(pdf->q, QPDF_TRUE);
	qpdf_silence_errors(pdf->q);
	qpdf_set_attempt_recovery(pdf->q, pdf->size <= RECOVERY_MAX);
	if (qpdf_read_memory(pdf->q, "the document", pdf->data, pdf->size, NULL) & QPDF_ERRORS)
		return say_error(pdf, reason);
	qpdf_oh root = qpdf_get_root(pdf->q), info;
	set_pages(pdf, out);
	info = qpdf_oh_get_key_if_dict(pdf->q, qpdf_get_trailer(pdf->q), "/Info");
	read_metadata(pdf, root, out);
	set_text(pdf, info, "/Title", FIELD_title, out);
	/* what was cut off is made up by libqpdf */
	if (!has_end(pdf))
		return incomplete(reason, "the document has no end (still being copied?)");
	return media_has(out, FIELD_pages) ? 0 : extract_fail(reason, -EBADMSG, "the document holds no pages");
}

static int pdf_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct pdf pdf = {.size = (size_t)in->size};
	if (in->size > MAP_MAX)
		return 0;
	void *data = mmap(NULL, pdf.size, PROT_READ, MAP_PRIVATE, in->fd, 0);
	if (data == MAP_FAILED)
		return extract_fail(reason, -errno, "it cannot be mapped: %s", strerror(errno));
	pdf.data = data;
	madvise(data, pdf.size, MADV_RANDOM);
	pdf.q = qpdf_init();
	int r = pdf.q ? read_document(&pdf, out, reason) : -ENOMEM;
	free_pdf(&pdf);
	return r;
}

static bool pdf_probe(const uint8_t *head, size_t n)
{
	return memmem(head, n < FRONT ? n : FRONT, "%PDF-", 5) != NULL;
}

const struct extractor extract_pdf = {
	.name = "pdf",
	.archive = ARCHIVE_PDF,
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){"pdf", NULL},
	.probe = pdf_probe,
	.read = pdf_read,
};
