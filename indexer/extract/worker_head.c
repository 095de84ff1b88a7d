/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "indexer/extract/worker.h"
#include "indexer/frame.h"

int worker_read_head(const struct heads *heads, uint64_t ticket, enum media_kind kind, struct extract_input *in,
		     struct media *out, char *reason)
{
	uint8_t bytes[HEAD_SIZE];
	struct head head;
	struct extract_piece piece[HEAD_PIECES];
	media_reset(out);
	*reason = '\0';
	if (!heads || heads_take(heads, ticket, &head, bytes) < 0)
		return RESULT_LACKS;
	const uint8_t *at = bytes;
	for (uint32_t i = 0; i < head.pieces; i++) {
		piece[i] = (struct extract_piece){head.piece[i].at, at, head.piece[i].n};
		at += head.piece[i].n;
	}
	in->piece = piece;
	in->pieces = head.pieces;
	in->size = head.size;
	in->hash = 0;
	in->is_fresh = incomplete_is_fresh(time(NULL), head.mtime, head.ctime);
	int r = extract_given(kind, in, out, reason);
	in->piece = NULL;
	if (r != EXTRACT_LACKS)
		return r;
	media_reset(out);
	*reason = '\0';
	return RESULT_LACKS;
}
