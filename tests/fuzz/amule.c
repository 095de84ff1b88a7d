/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of aMule's External Connection: the input is one, header and all. */
#include "tests/fuzz/fuzz.h"

#include "common/cleanup.h"
#include "indexer/request/amule_wire.h"

static void read_tags(struct amule_tags tags, int depth)
{
	struct amule_tag tag;
	while (amule_next(&tags, &tag) == 1) {
		_buf_ struct buf text = BUF_INIT(64 << 10);
		struct amule_tag found;
		uint64_t number;
		char hash[33];
		amule_number(&tag, &number);
		amule_text(&tag, &text);
		if (amule_hash(&tag, hash) == 0)
			HOLDS(strlen(hash) == 32);
		amule_find(tag.children, AMULE_FILE_HASH, &found);
		if (depth < 8)
			read_tags(tag.children, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum amule_op op;
	struct amule_tags tags;
	size_t n = 0;
	if (size < AMULE_HEADER)
		return 0;
	int r = amule_header(data, &n);
	HOLDS(r < 0 || n <= AMULE_MOST);
	/* the length may lie about what comes: the payload is read as far as it goes, too */
	_free_ uint8_t *payload = malloc(size);
	HOLDS(payload);
	n = size - AMULE_HEADER;
	memcpy(payload, data + AMULE_HEADER, n);
	payload = realloc(payload, n ? n : 1);
	HOLDS(payload);
	if (amule_payload(payload, n, &op, &tags) == 0)
		read_tags(tags, 0);
	return 0;
}
