/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/load/alerts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"

/** The record, and its texts behind it. */
struct record {
	struct store_alert row;
	const char *event;
	char texts[];
};

static const char *move_text(const char *text, char **space)
{
	size_t n = strlen(text) + 1;
	char *copy = memcpy(*space, text, n);
	*space += n;
	return copy;
}

static int call(struct writer *w, change_act *act, const struct store_alert *row, const char *event)
{
	const char *const texts[] = {row->name, row->subject, row->text ? row->text : "", event ? event : ""};
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		n += strlen(texts[i]) + 1;
	struct record *r = malloc(sizeof *r + n);
	struct change *c = r ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(r);
		return -ENOMEM;
	}
	char *space = r->texts;
	r->row = *row;
	const char **to[] = {&r->row.name, &r->row.subject, &r->row.text, &r->event};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*to[i] = move_text(texts[i], &space);
	c->act = act;
	c->record = r;
	return writer_call(w, c, NULL);
}

static void event_body(const struct store_alert *row, struct buf *out)
{
	struct json j;
	json_init(&j, out, 0);
	json_object(&j);
	json_kv_text(&j, "alert", row->name);
	json_kv_text(&j, "subject", row->subject);
	json_kv_text(&j, "text", row->text);
	json_kv_time(&j, "since", row->since);
	json_kv_real(&j, "value", row->value, 3);
	json_kv_real(&j, "limit", row->limit, 3);
	json_end_object(&j);
}

static int act_put(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct record *r = record;
	(void)answer, (void)touched;
	int error = store_put_alert(s, &r->row);
	if (error < 0 || !*r->event)
		return error;
	_buf_ struct buf body = BUF_INIT(1 << 14);
	event_body(&r->row, &body);
	return buf_error(&body) ? -ENOMEM : store_add_event(s, r->event, body.data, body.len);
}

int alerts_put(struct writer *w, const struct store_alert *row, const char *event)
{
	return call(w, act_put, row, event);
}

static int act_delete(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct record *r = record;
	(void)answer, (void)touched;
	return store_delete_alert(s, r->row.name, r->row.subject);
}

int alerts_delete(struct writer *w, const char *name, const char *subject)
{
	return call(w, act_delete, &(struct store_alert){.name = name, .subject = subject}, NULL);
}

int alerts_note(struct writer *w, const char *name, const char *text)
{
	struct change *c = change_new(CHANGE_META, strlen(name) + strlen(text) + 2);
	if (!c)
		return -ENOMEM;
	c->name = change_copy(c, name, strlen(name));
	c->dir = change_copy(c, text, strlen(text));
	return writer_call(w, c, NULL);
}

static int act_disk(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	(void)answer, (void)touched;
	return store_put_disk(s, record);
}

int alerts_disk(struct writer *w, const struct store_disk *disk)
{
	struct store_disk *copy = malloc(sizeof *copy);
	struct change *c = copy ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(copy);
		return -ENOMEM;
	}
	*copy = *disk;
	copy->name = "";
	c->act = act_disk;
	c->record = copy;
	return writer_put(w, c);
}
