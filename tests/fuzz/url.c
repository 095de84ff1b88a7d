/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses: what was stripped once has nothing left to strip, and is one line of text. */
#include "tests/fuzz/fuzz.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/net/url.h"

static void check_bare(const struct buf *bare)
{
	static const char *const keys[] = {"apikey=", "passkey=", "torrent_pass=", "token="};
	_buf_ struct buf again = BUF_INIT(256 << 10);
	for (size_t i = 0; i < bare->len; i++)
		HOLDS((uint8_t)bare->data[i] >= ' ' && bare->data[i] != 0x7f);
	HOLDS(text_is_utf8(buf_str(bare), bare->len));
	if (strncasecmp(buf_str(bare), "ed2k", 4) == 0)
		return;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		HOLDS(!strcasestr(buf_str(bare), keys[i]));
	url_strip(buf_str(bare), &again);
	HOLDS(again.len == bare->len && memcmp(buf_str(&again), buf_str(bare), bare->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = fuzz_text(data, size);
	_buf_ struct buf bare = BUF_INIT(256 << 10);
	_buf_ struct buf value = BUF_INIT(256 << 10);
	_buf_ struct buf whole = BUF_INIT(256 << 10);
	url_strip(text, &bare);
	if (bare.len)
		check_bare(&bare);
	url_get(text, "link", &value);
	buf_reset(&value);
	url_escape(text, strlen(text), &value);
	HOLDS(!buf_error(&value) || size > 64 << 10);
	if (!buf_error(&value) && url_unescape(buf_str(&value), value.len, &whole) == 0)
		HOLDS(whole.len == strlen(text) && memcmp(buf_str(&whole), text, whole.len) == 0);
	HOLDS(!url_same_host(text, "http://127.0.0.1:9696/") || strncasecmp(text, "http:", 5) == 0);
	return 0;
}
