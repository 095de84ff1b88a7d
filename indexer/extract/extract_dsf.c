/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DSF: sound of one bit a sample, an ID3 tag at the end of the file.  After Sony's "DSF File Format Specification 1.01".
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	DSF_HEADER = 28,
	/** With the format chunk behind the header. */
	DSF_HEADERS = DSF_HEADER + 52,
	CHANNELS_MAX = 8,
};

static int dsf_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	window_init(&w, in);
	int r = sound_magic(&w, 0, "DSD ", "a DSF file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, 0, DSF_HEADERS);
	if (!p)
		return window_short(&w, reason, "its DSF header", DSF_HEADERS);
	uint64_t size = get_le64(p + 12), tag = get_le64(p + 20);
	uint32_t rate = get_le32(p + 56);
	unsigned channels = get_le32(p + 52), bits = get_le32(p + 60);
	uint64_t samples = get_le64(p + 64);
	if (memcmp(p + DSF_HEADER, "fmt ", 4) != 0 || rate == 0)
		return extract_fail(reason, -EBADMSG, "its DSF header is damaged");
	if (channels <= CHANNELS_MAX)
		sound_set(out, (double)samples / rate, rate, channels, bits <= 8 ? 1 : 0, samples / 8 * channels);
	if (tag >= DSF_HEADERS && tag < in->size)
		tag_id3_at(&w, tag, out);
	struct media none;
	media_init(&none);
	tag_settle(out, &none, "");
	if (size > in->size)
		return incomplete_at(reason, in->size, "its DSF header", size);
	return 0;
}

static bool dsf_probe(const uint8_t *head, size_t n)
{
	return n >= 12 && memcmp(head, "DSD ", 4) == 0 && get_le64(head + 4) == DSF_HEADER;
}

const struct extractor extract_dsf = {
	.name = "dsf",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"dsf", NULL},
	.probe = dsf_probe,
	.read = dsf_read,
};
