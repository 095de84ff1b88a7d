/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Discord's webhooks: one embed a kind, a line a notice, as many as its limits leave room for.
 *
 * Lengths are counted as UTF-16 does, which is never less than what Discord counts.  Names come
 * from outside: what Discord would read as markdown, link or emoji is escaped, and mentions are
 * off.
 */
#include "indexer/notify/post.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/net/json.h"

enum {
	EMBEDS = 10,
	TITLE = 256,
	DESCRIPTION = 4096,
	/** Titles and descriptions of all embeds. */
	SUM = 6000,
	/** For ours, of one line. */
	SERIES = 120,
	TEXT = 400,
	KIND = 64,
	/** Kept free for "and N more". */
	TAIL = 40,
	MESSAGE_MOST = 256 << 10,
};

/** The notices of one kind. */
struct group {
	const char *kind;
	uint64_t count;
	int64_t at;
};

static const struct {
	const char *kind;
	int colour;
} colours[] = {
	{"found", 0x3498db},  {"sent", 0x3498db},         {"arrived", 0x2ecc71},
	{"failed", 0xe74c3c}, {"wrong-volume", 0xe74c3c}, {"alert", 0xe74c3c},
	{"alert over", 0x2ecc71},
};

static int colour_of(const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(colours); i++)
		if (strcmp(colours[i].kind, kind) == 0)
			return colours[i].colour;
	return 0xe67e22;
}

static size_t units_of(const char *s, size_t n)
{
	size_t units = 0;
	for (size_t i = 0; i < n; i++)
		units += ((uint8_t)s[i] & 0xc0) == 0x80 ? 0 : (uint8_t)s[i] >= 0xf0 ? 2 : 1;
	return units;
}

/** Appends @s so that people see exactly its characters, in at most @most units. */
static void add_plain(const char *s, size_t most, struct buf *out)
{
	static const char special[] = "\\*_~`|>#[]()<:@";
	_buf_ struct buf seen = BUF_INIT(16384);
	text_escape(s, strlen(s), &seen);
	for (size_t i = 0, used = 0; i < seen.len;) {
		uint32_t cp;
		size_t length = text_decode(seen.data + i, seen.len - i, &cp);
		bool is_special = cp < 0x80 && strchr(special, (int)cp);
		size_t units = units_of(seen.data + i, length) + is_special;
		bool is_last = i + length == seen.len;
		if (!length)
			return;
		if (used + units + !is_last > most) {
			buf_adds(out, "…");
			return;
		}
		if (is_special)
			buf_addc(out, '\\');
		buf_add(out, seen.data + i, length);
		used += units;
		i += length;
	}
}

/** Kinds in the order they came; those beyond the last embed are one: "other". */
static size_t group_all(const struct notice *const *notices, size_t n, struct group *groups,
			uint8_t *of)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		size_t g = 0;
		while (g < count && strcmp(groups[g].kind, notices[i]->kind) != 0)
			g++;
		if (g == EMBEDS)
			groups[--g].kind = "other";
		else if (g == count)
			groups[count++] = (struct group){.kind = notices[i]->kind};
		groups[g].count += notices[i]->more ? notices[i]->more : 1;
		if (notices[i]->at > groups[g].at)
			groups[g].at = notices[i]->at;
		of[i] = (uint8_t)g;
	}
	return count;
}

static void add_line(const struct notice *n, struct buf *out)
{
	buf_adds(out, "• ");
	if (n->series[0]) {
		buf_adds(out, "**");
		add_plain(n->series, SERIES, out);
		buf_adds(out, "** ");
	}
	add_plain(n->text, TEXT, out);
	buf_addc(out, '\n');
}

/** Lines as long as there is room; how many were left out at the end.  Returns the units used. */
static size_t describe(const struct notice *const *notices, size_t n, const uint8_t *of, size_t g,
		       uint64_t count, size_t room, struct buf *out)
{
	size_t used = 0;
	uint64_t shown = 0;
	for (size_t i = 0; i < n; i++) {
		_buf_ struct buf line = BUF_INIT(16384);
		if (of[i] != g || notices[i]->more)
			continue;
		add_line(notices[i], &line);
		size_t units = units_of(buf_str(&line), line.len);
		if (used + units + TAIL > room)
			break;
		buf_add(out, buf_str(&line), line.len);
		used += units;
		shown++;
	}
	if (shown < count) {
		size_t start = out->len;
		buf_addf(out, "… and %" PRIu64 " more", count - shown);
		used += units_of(buf_str(out) + start, out->len - start);
	}
	return used;
}

static void add_embeds(struct json *j, const struct notice *const *notices, size_t n,
		       const struct group *groups, size_t count, const uint8_t *of)
{
	size_t left = SUM;
	json_key(j, "embeds");
	json_array(j);
	for (size_t g = 0; g < count; g++) {
		_buf_ struct buf title = BUF_INIT(4096), text = BUF_INIT(65536);
		size_t room = left / (count - g);
		add_plain(groups[g].kind, KIND, &title);
		buf_addf(&title, " (%" PRIu64 ")", groups[g].count);
		size_t units = units_of(buf_str(&title), title.len);
		room = room - units < DESCRIPTION ? room - units : DESCRIPTION;
		left -= units + describe(notices, n, of, g, groups[g].count, room, &text);
		json_object(j);
		json_kv_text(j, "title", buf_str(&title));
		json_kv_text(j, "description", buf_str(&text));
		json_kv_int(j, "color", colour_of(groups[g].kind));
		if (groups[g].at > 0)
			json_kv_time(j, "timestamp", groups[g].at);
		json_end_object(j);
	}
	json_end_array(j);
}

/** What a telephone shows of it; ten kinds and numbers are far below the limit of 2000. */
static void add_content(struct json *j, const struct group *groups, size_t count)
{
	_buf_ struct buf content = BUF_INIT(16384);
	buf_adds(&content, "mediamon");
	for (size_t g = 0; g < count; g++) {
		buf_adds(&content, g ? ", " : ": ");
		add_plain(groups[g].kind, KIND, &content);
		buf_addf(&content, " %" PRIu64, groups[g].count);
	}
	json_kv_text(j, "content", buf_str(&content));
}

static void write_message(const struct notice *const *notices, size_t n, struct buf *out)
{
	struct group groups[EMBEDS];
	struct json j;
	_free_ uint8_t *of = calloc(n + 1, 1);
	if (!of) {
		out->error = -ENOMEM;
		return;
	}
	size_t count = group_all(notices, n, groups, of);
	json_init(&j, out, 0);
	json_object(&j);
	add_content(&j, groups, count);
	add_embeds(&j, notices, n, groups, count, of);
	json_key(&j, "allowed_mentions");
	json_object(&j);
	json_key(&j, "parse");
	json_array(&j);
	json_end_array(&j);
	json_end_object(&j);
	json_end_object(&j);
}

/** The body tells it finer than the header, and sometimes alone.  The later one counts. */
static void read_retry_after(const struct http_answer *a, int64_t now, int64_t *at)
{
	enum { DAY_S = 24 * 3600 };
	char why[WHY];
	struct js *body = NULL;
	if (js_parse(buf_str(&a->body), a->body.len, &body, why) < 0)
		return;
	double s = js_real(body, "retry_after", 0);
	js_free(body);
	if (!(s > 0))
		return;
	int64_t ns = (int64_t)(ceil((s < DAY_S ? s : DAY_S) * 1e3) * (double)NS_PER_MS);
	if (now + ns > *at)
		*at = now + ns;
}

static int discord_open(const struct outside *o, void **state, char *why)
{
	return post_open(o, OPT_discord_webhook, "discord", state, why);
}

static int discord_send(void *state, const struct notice *const *notices, size_t n, int64_t *at,
			char *why)
{
	struct post *p = state;
	struct http_answer a = HTTP_ANSWER_INIT;
	_buf_ struct buf json = BUF_INIT(MESSAGE_MOST);
	write_message(notices, n, &json);
	int r = post_json(p, &json, &a, at, why);
	if (r == -EAGAIN && a.status == 429)
		read_retry_after(&a, net_now(p->net), at);
	/* a page of somebody between us and them */
	if (r == 0 && a.status != 204 && strcmp(a.type, "application/json") != 0) {
		snprintf(why, WHY, "it answered with something that is not Discord's");
		r = -EPROTO;
	}
	http_answer_clear(&a);
	return r;
}

const struct notifier notifier_discord = {
	.name = "discord",
	.open = discord_open,
	.close = post_close,
	.send = discord_send,
};
