/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A media file as JSON: shared by album.json, info.json and `mediamon export`. */
#include <math.h>
#include <string.h>

#include "common/clock.h"
#include "common/path.h"
#include "fs/views.h"

static void add_part(struct buf *out, struct bytes part)
{
	if (!part.len)
		return;
	if (out->len && out->data[out->len - 1] != '/')
		buf_addc(out, '/');
	buf_add(out, part.data, part.len);
}

void media_path(const struct store_media *m, struct buf *out)
{
	add_part(out, m->root);
	add_part(out, m->dir);
	add_part(out, m->name);
}

void show_path(const struct view *v, const struct store_media *m, struct buf *out)
{
	enum { MAPS = 32 };
	const char *map[MAPS];
	size_t n = config_count(v->config, OPT_path_map);
	_buf_ struct buf path = BUF_INIT(1 << 16);
	media_path(m, &path);
	n = n < MAPS ? n : MAPS;
	for (size_t i = 0; i < n; i++)
		map[i] = config_item(v->config, OPT_path_map, i);
	path_map(map, n, buf_str(&path), out);
}

/** "A\x1fB" as a list, and joined. */
static void list_field(struct json *j, const struct field *f, const char *text, size_t n)
{
	_buf_ struct buf joined = BUF_INIT(1 << 16);
	const char *at = text, *end = text + n;
	json_key(j, f->plural);
	json_array(j);
	while (at < end) {
		const char *stop = memchr(at, FIELD_SEPARATOR, (size_t)(end - at));
		size_t len = stop ? (size_t)(stop - at) : (size_t)(end - at);
		json_text(j, at, len);
		buf_adds(&joined, joined.len ? "; " : "");
		buf_add(&joined, at, len);
		at += len + 1;
	}
	json_end_array(j);
	json_key(j, f->name);
	json_text(j, buf_str(&joined), joined.len);
}

static void text_field(struct json *j, const struct media *m, enum field_id id)
{
	const struct field *f = &FIELDS_TABLE[id];
	size_t n;
	const char *text = media_text(m, id, &n);
	if (f->plural) {
		list_field(j, f, text, n);
		return;
	}
	if (f->kind == KIND_LIST || f->kind == KIND_GENRE) {
		_buf_ struct buf joined = BUF_INIT(1 << 16);
		for (size_t i = 0; i < n; i++)
			if (text[i] == FIELD_SEPARATOR)
				buf_adds(&joined, "; ");
			else
				buf_addc(&joined, text[i]);
		json_key(j, f->name);
		json_text(j, buf_str(&joined), joined.len);
		return;
	}
	json_key(j, f->name);
	if (f->kind == KIND_JSON)
		json_raw(j, text, n);
	else
		json_text(j, text, n);
}

void media_json(struct json *j, const struct media *m, unsigned of)
{
	for (int i = 0; i < FIELD_COUNT; i++) {
		enum field_id id = (enum field_id)i;
		const struct field *f = &FIELDS_TABLE[i];
		if (!(f->of & of) || !media_has(m, id))
			continue;
		if (field_is_text(id))
			text_field(j, m, id);
		else if (field_is_real(id))
			json_kv_real(j, f->name, media_real(m, id, 0), 6);
		else if (f->kind == KIND_BOOL)
			json_kv_bool(j, f->name, media_int(m, id, 0) != 0);
		else
			json_kv_int(j, f->name, media_int(m, id, 0));
	}
}

void export_json(struct json *j, const struct store_media *m, unsigned of)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	media_path(m, &path);
	json_object(j);
	json_kv_int(j, "id", m->id);
	json_kv_path(j, "path", buf_str(&path), path.len);
	media_json(j, m->media, of);
	json_kv_int(j, "bytes", m->size);
	json_kv_time(j, "modified_at", m->mtime);
	json_end_object(j);
}
