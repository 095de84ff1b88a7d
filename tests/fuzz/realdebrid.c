/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real-Debrid's answers: what comes out of them may stand in an address and below a folder, or does not come out. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "common/cleanup.h"
#include "indexer/repair/provider_realdebrid_answer.h"
#include "indexer/repair/provider_realdebrid_codes.h"

static void check_torrent(const struct provider_torrent *t)
{
	HOLDS(rd_is_id(t->id) && rd_is_hash(t->hash) && t->name && !strchr(t->name, '/'));
	HOLDS(strcmp(t->name, ".") != 0 && strcmp(t->name, "..") != 0);
	HOLDS(*t->status && t->state <= TORRENT_VIRUS && t->bytes >= 0 && t->links >= 0);
	HOLDS(t->added_at >= 0 && t->ended_at >= 0 && t->progress >= 0 && t->progress <= 100);
	for (size_t i = 0; i < t->files.len; i++) {
		const struct provider_file *f = &t->files.data[i];
		HOLDS(f->id >= 0 && f->bytes >= 0 && f->path[0] == '/' && f->path[1]);
		HOLDS(!strstr(f->path, "/../") && !strstr(f->path, "//") && !strstr(f->path, "/./"));
	}
}

static void check_meanings(const struct buf *body)
{
	static const int statuses[] = {200, 204, 304, 400, 403, 404, 429, 451, 500, 503, 509, 999};
	struct http_answer a = HTTP_ANSWER_INIT;
	a.body = *body;
	for (size_t i = 0; i < COUNT_OF(statuses); i++)
		for (int call = 0; call < RD_CALLS; call++) {
			a.status = statuses[i];
			struct rd_meaning m = rd_meaning((enum rd_call)call, &a);
			HOLDS(m.class <= PROVIDER_UNKNOWN && m.why && (m.class == PROVIDER_OK || *m.why));
			/* the provider's positive word, in full, or nothing */
			HOLDS(m.class != PROVIDER_GONE || (m.code == 7 && a.status == 404 && rd_has_item(call)));
			HOLDS(m.class != PROVIDER_UNKNOWN || rd_is_changing((enum rd_call)call));
			HOLDS(m.class != PROVIDER_PERMANENT || m.code > 0);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_buf_ struct buf body = BUF_INIT(16 << 20);
	struct rd_page page = {0};
	struct provider_torrent t = {0};
	struct provider_account account;
	char id[PROVIDER_ID];
	int64_t n, most;
	HOLDS(buf_add(&body, data, size) == 0);
	if (rd_read_page(&body, &page) == 0)
		HOLDS((int64_t)page.torrents.len <= page.received);
	for (size_t i = 0; i < page.torrents.len; i++)
		check_torrent(&page.torrents.data[i]);
	rd_page_clear(&page);
	if (rd_read_torrent(&body, "ABCDEFGHIJKLM", &t) == 0)
		check_torrent(&t);
	else
		HOLDS(!t.name && !t.files.data);
	provider_torrent_clear(&t);
	if (rd_read_id(&body, id) == 0)
		HOLDS(rd_is_id(id));
	if (rd_read_account(&body, &account) == 0)
		HOLDS(account.expires_at >= 0 && memchr(account.user, '\0', sizeof account.user));
	if (rd_read_active(&body, &n, &most) == 0)
		HOLDS(n >= 0 && most >= 0);
	check_meanings(&body);
	return 0;
}
