/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Magnets, .torrent files and ed2k links: what is taken is written anew and is then the same. */
#include "tests/fuzz/fuzz.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/hash.h"

static void check_hex(const char *hash, size_t n)
{
	HOLDS(strlen(hash) == n && strspn(hash, "0123456789abcdef") == n);
}

/** The link written anew; it is the same file. */
static void rewrite(const char *text, size_t n, struct buf *out)
{
	struct ed2k_link link, again;
	HOLDS(ed2k_parse(text, n, &link) == 0);
	check_hex(link.hash, 32);
	HOLDS(link.size > 0 && link.name.len && text_is_utf8(buf_str(&link.name), link.name.len));
	ed2k_format(&link, out);
	HOLDS(!buf_error(out) && ed2k_parse(buf_str(out), out->len, &again) == 0);
	HOLDS(again.size == link.size && strcmp(again.hash, link.hash) == 0);
	ed2k_clear(&again);
	ed2k_clear(&link);
}

static void check_link(const char *text, size_t n)
{
	struct ed2k_link link;
	_buf_ struct buf first = BUF_INIT(64 << 10);
	_buf_ struct buf second = BUF_INIT(64 << 10);
	_buf_ struct buf third = BUF_INIT(64 << 10);
	if (ed2k_parse(text, n, &link) < 0)
		return;
	ed2k_clear(&link);
	rewrite(text, n, &first);
	/* blanks that came of control characters at its ends go at the second time */
	rewrite(buf_str(&first), first.len, &second);
	rewrite(buf_str(&second), second.len, &third);
	HOLDS(third.len == second.len && memcmp(third.data, second.data, second.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = fuzz_text(data, size);
	_free_ uint8_t *bytes = malloc(size ? size : 1);
	char hash[41];
	HOLDS(bytes);
	if (size)
		memcpy(bytes, data, size);
	if (hash_of_magnet(text, hash) == 0)
		check_hex(hash, 40);
	if (hash_of_torrent(bytes, size, hash) == 0)
		check_hex(hash, 40);
	check_link((const char *)bytes, size);
	return 0;
}
