/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/search/source_status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/hash.h"
#include "indexer/search/source_post.h"

int source_status(const struct http_answer *a, const char *who, char *why)
{
	static const struct {
		int first, last, meaning;
		const char *text;
	} table[] = {
		{200, 200, 0, ""},
		{300, 399, -EPROTO, "sends us to another address, which is not followed"},
		{401, 403, -EACCES, "does not accept the key"},
		{404, 404, -ENOENT, "does not know what was asked for"},
		{410, 410, -ENOENT, "no longer has it"},
		{429, 429, -EBUSY, "asks to wait"},
		{500, 599, -EBUSY, "has an error of its own"},
		{0, 999, -EPROTO, "answers what was not expected"},
	};
	if (a->is_challenge) {
		snprintf(why, WHY, "%s shows a page that keeps programs out", who);
		return -EPROTO;
	}
	size_t i = 0;
	while (i < COUNT_OF(table) - 1 && (a->status < table[i].first || a->status > table[i].last))
		i++;
	if (table[i].meaning)
		snprintf(why, WHY, "%s %s (HTTP %d)", who, table[i].text, a->status);
	return table[i].meaning;
}

int source_magnet(struct handover *h, const char *magnet)
{
	char hash[41] = "";
	if (hash_of_magnet(magnet, hash) == 0)
		memcpy(h->release.hash, hash, sizeof hash);
	return buf_adds(&h->link, magnet);
}

int source_torrent(struct handover *h, const struct http_answer *a, const char *who, char *why)
{
	const char *body = buf_str(&a->body);
	if (post_is_magnet(body) && strlen(body) == a->body.len && !strpbrk(body, "\r\n"))
		return source_magnet(h, body);
	char hash[41] = "";
	if (*body != 'd' || hash_of_torrent(body, a->body.len, hash) < 0) {
		snprintf(why, WHY, "what %s gives is no torrent", who);
		return -EPROTO;
	}
	memcpy(h->release.hash, hash, sizeof hash);
	return buf_add(&h->torrent, body, a->body.len);
}
