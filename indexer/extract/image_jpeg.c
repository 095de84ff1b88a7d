/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JPEG by libjpeg-turbo.  Sources: ITU T.81; EXIF 2.32 (orientation); Adobe's Technical Note 5116 (CMYK). */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "common/cleanup.h"
#include "indexer/extract/extract.h"
#include "indexer/extract/image.h"

enum {
	/** Passes over the same picture: each costs as much as a picture, and a small file can ask for thousands. */
	SCANS_MOST = 64,
	EXIF = JPEG_APP0 + 1,
	/** "Exif", two NULs, and a TIFF file. */
	EXIF_HEAD = 6,
	ORIENTATION = 0x0112,
	/** More entries than a camera writes. */
	ENTRIES_MOST = 512,
};

/** What libjpeg ends with: it must not return. */
struct failure {
	struct jpeg_error_mgr manager;
	jmp_buf to;
	int error;
	char *reason;
};

static void on_error(j_common_ptr info)
{
	struct failure *f = (struct failure *)(void *)info->err;
	char text[JMSG_LENGTH_MAX];
	f->manager.format_message(info, text);
	f->error = f->manager.msg_code == JERR_OUT_OF_MEMORY ? -ENOMEM : -EBADMSG;
	if (f->reason)
		extract_fail(f->reason, f->error, "the picture cannot be read: %s", text);
	longjmp(f->to, 1);
}

static void be_silent(j_common_ptr info, int level)
{
	(void)info;
	(void)level;
}

static struct jpeg_error_mgr *failure_begin(struct failure *f, char *reason)
{
	f->reason = reason;
	jpeg_std_error(&f->manager);
	f->manager.error_exit = on_error;
	f->manager.emit_message = be_silent;
	return &f->manager;
}

/* --- reading --- */

struct reader {
	struct jpeg_decompress_struct info;
	struct failure failure;
	struct jpeg_progress_mgr progress;
	struct image_rows rows;
	unsigned orientation;
	uint8_t *line, *rgb;
};

static void count_scans(j_common_ptr common)
{
	const struct jpeg_decompress_struct *info = (const struct jpeg_decompress_struct *)(const void *)common;
	struct failure *f = (struct failure *)(void *)common->err;
	if (info->input_scan_number <= SCANS_MOST)
		return;
	f->error = extract_fail(f->reason, -EBADMSG, "the picture has more than %d scans", SCANS_MOST);
	longjmp(f->to, 1);
}

static unsigned number(const uint8_t *p, unsigned n, bool is_big)
{
	unsigned v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (unsigned)p[is_big ? n - 1 - i : i] << 8 * i;
	return v;
}

/** The orientation that a TIFF file tells; 1: as it is. */
static unsigned orientation_in(const uint8_t *tiff, size_t n)
{
	if (n < 8 || (memcmp(tiff, "II*", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
		return 1;
	bool is_big = tiff[0] == 'M';
	size_t at = number(tiff + 4, 4, is_big);
	if (at > n || n - at < 2)
		return 1;
	unsigned entries = number(tiff + at, 2, is_big);
	at += 2;
	for (unsigned i = 0; i < entries && i < ENTRIES_MOST && n - at >= 12; i++, at += 12) {
		unsigned value = number(tiff + at + 8, 2, is_big);
		if (number(tiff + at, 2, is_big) == ORIENTATION && number(tiff + at + 2, 2, is_big) == 3)
			return value >= 1 && value <= 8 ? value : 1;
	}
	return 1;
}

static unsigned orientation_of(const struct jpeg_decompress_struct *info)
{
	for (jpeg_saved_marker_ptr m = info->marker_list; m; m = m->next)
		if (m->marker == EXIF && m->data_length > EXIF_HEAD && memcmp(m->data, "Exif\0", EXIF_HEAD) == 0)
			return orientation_in(m->data + EXIF_HEAD, m->data_length - EXIF_HEAD);
	return 1;
}

/** Bytes that libjpeg keeps of a picture that comes in several scans: two for each sample. */
static uint64_t kept_whole(struct jpeg_decompress_struct *info)
{
	uint64_t blocks = 0;
	if (!jpeg_has_multiple_scans(info))
		return 0;
	for (int i = 0; i < info->num_components; i++) {
		const jpeg_component_info *c = &info->comp_info[i];
		uint64_t w = (uint64_t)info->image_width * (unsigned)c->h_samp_factor / (unsigned)info->max_h_samp_factor;
		uint64_t h = (uint64_t)info->image_height * (unsigned)c->v_samp_factor / (unsigned)info->max_v_samp_factor;
		blocks += (w / DCTSIZE + 2) * (h / DCTSIZE + 2);
	}
	return blocks * DCTSIZE2 * sizeof(JCOEF);
}

/** How it is to be read: smaller by what the format gives for nothing. */
static int choose(struct reader *r, struct image_box box)
{
	struct jpeg_decompress_struct *info = &r->info;
	if ((uint64_t)info->image_width * info->image_height > IMAGE_PIXELS || kept_whole(info) > 2 * (uint64_t)IMAGE_MEMORY)
		return extract_fail(r->failure.reason, -EBADMSG, "a picture of %u x %u pixels is not read", info->image_width,
				    info->image_height);
	r->orientation = orientation_of(info);
	if (r->orientation >= 5)
		box = (struct image_box){box.height, box.width};
	unsigned factor = image_factor(info->image_width, info->image_height, box);
	info->scale_num = 1;
	info->scale_denom = factor >= 8 ? 8 : factor >= 4 ? 4 : factor >= 2 ? 2 : 1;
	bool is_ink = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
	info->out_color_space = is_ink ? JCS_CMYK : JCS_RGB;
	info->dct_method = JDCT_IFAST;
	jpeg_calc_output_dimensions(info);
	return image_rows_begin(&r->rows, info->output_width, info->output_height, box, r->failure.reason);
}

/** Ink on white paper; Adobe's programs write how much of it is not there. */
static void ink_to_light(const struct jpeg_decompress_struct *info, const uint8_t *from, uint8_t *to)
{
	uint8_t flip = info->saw_Adobe_marker ? 0 : 255;
	for (unsigned x = 0; x < info->output_width; x++, from += 4, to += 3)
		for (unsigned c = 0; c < 3; c++)
			to[c] = (uint8_t)((from[c] ^ flip) * (from[3] ^ flip) / 255);
}

static int read_rows(struct reader *r)
{
	struct jpeg_decompress_struct *info = &r->info;
	bool is_ink = info->out_color_space == JCS_CMYK;
	r->line = malloc((size_t)info->output_width * 4);
	r->rgb = malloc((size_t)info->output_width * 3);
	if (!r->line || !r->rgb)
		return -ENOMEM;
	while (info->output_scanline < info->output_height) {
		JSAMPROW row = r->line;
		if (jpeg_read_scanlines(info, &row, 1) != 1)
			break;
		if (is_ink)
			ink_to_light(info, r->line, r->rgb);
		image_rows_add(&r->rows, is_ink ? r->rgb : r->line);
	}
	return 0;
}

static int read_all(struct reader *r, const uint8_t *data, size_t n, struct image_box box)
{
	if (setjmp(r->failure.to))
		return r->failure.error;
	jpeg_create_decompress(&r->info);
	r->progress.progress_monitor = count_scans;
	r->info.progress = &r->progress;
	jpeg_mem_src(&r->info, data, n);
	jpeg_save_markers(&r->info, EXIF, 0xffff);
	jpeg_read_header(&r->info, TRUE);
	int error = choose(r, box);
	if (error == 0) {
		jpeg_start_decompress(&r->info);
		error = read_rows(r);
	}
	return error;
}

int image_read_jpeg(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason)
{
	_free_ struct reader *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->info.err = failure_begin(&r->failure, reason);
	int error = read_all(r, data, n, box);
	jpeg_destroy_decompress(&r->info);
	if (error == 0) {
		image_rows_end(&r->rows, out);
		error = image_turn(out, r->orientation);
	}
	image_rows_clear(&r->rows);
	free(r->line);
	free(r->rgb);
	return error;
}

static bool has_sides(struct reader *r, const uint8_t *data, size_t n, unsigned side)
{
	if (setjmp(r->failure.to))
		return false;
	jpeg_create_decompress(&r->info);
	jpeg_mem_src(&r->info, data, n);
	jpeg_read_header(&r->info, TRUE);
	return r->info.image_width >= side && r->info.image_height >= side;
}

bool image_is_large(const uint8_t *data, size_t n, unsigned side)
{
	_free_ struct reader *r = calloc(1, sizeof *r);
	if (!r)
		return false;
	r->info.err = failure_begin(&r->failure, NULL);
	bool is_large = has_sides(r, data, n, side);
	jpeg_destroy_decompress(&r->info);
	return is_large;
}

/* --- writing --- */

struct writer {
	struct jpeg_compress_struct info;
	struct failure failure;
	unsigned char *bytes;
	unsigned long n;
	uint8_t *grey;
};

static bool is_grey(const struct image *image)
{
	/** What a scanner or a former JPEG left of colours. */
	enum { NEARLY = 10 };
	size_t n = (size_t)image->width * image->height * 3;
	for (const uint8_t *p = image->rgb; p < image->rgb + n; p += 3)
		if (abs(p[0] - p[1]) > NEARLY || abs(p[1] - p[2]) > NEARLY || abs(p[0] - p[2]) > NEARLY)
			return false;
	return true;
}

static void write_row(struct writer *w, const uint8_t *rgb)
{
	JSAMPROW row = (JSAMPROW)(uintptr_t)rgb;
	for (unsigned x = 0; w->grey && x < w->info.image_width; x++)
		w->grey[x] = (uint8_t)((rgb[x * 3] * 77 + rgb[x * 3 + 1] * 150 + rgb[x * 3 + 2] * 29) >> 8);
	if (w->grey)
		row = w->grey;
	jpeg_write_scanlines(&w->info, &row, 1);
}

static int write_all(struct writer *w, const struct image *image, int quality)
{
	if (setjmp(w->failure.to))
		return w->failure.error == -ENOMEM ? -ENOMEM : -EIO;
	jpeg_create_compress(&w->info);
	jpeg_mem_dest(&w->info, &w->bytes, &w->n);
	w->info.image_width = image->width;
	w->info.image_height = image->height;
	w->info.input_components = w->grey ? 1 : 3;
	w->info.in_color_space = w->grey ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&w->info);
	jpeg_set_quality(&w->info, quality, TRUE);
	w->info.optimize_coding = TRUE;
	jpeg_start_compress(&w->info, TRUE);
	while (w->info.next_scanline < w->info.image_height)
		write_row(w, image->rgb + (size_t)w->info.next_scanline * image->width * 3);
	jpeg_finish_compress(&w->info);
	return 0;
}

int image_write(const struct image *image, int quality, struct buf *out)
{
	_free_ struct writer *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	if (is_grey(image))
		w->grey = malloc(image->width);
	w->info.err = failure_begin(&w->failure, NULL);
	int error = write_all(w, image, quality);
	jpeg_destroy_compress(&w->info);
	if (error == 0)
		error = buf_add(out, w->bytes, w->n);
	free(w->bytes);
	free(w->grey);
	return error;
}
