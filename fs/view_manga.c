/* SPDX-License-Identifier: GPL-3.0-or-later */
/** manga/: a folder for each series. */
#include <errno.h>
#include <stdlib.h>

#include "common/store_cover.h"
#include "common/store_find.h"
#include "common/text.h"
#include "fs/names.h"
#include "fs/views.h"

static int list_series(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	(void)parent;
	return v->store ? store_series_list(v->store, (int64_t)after, names_emit_item, out) : 0;
}

static int find_series(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	int64_t id;
	(void)parent;
	int r = v->store ? store_series_find(v->store, name, &id) : -ENOENT;
	*row = r == 0 ? (uint64_t)id : 0;
	return r;
}

struct stamp {
	uint64_t version;
	int64_t at;
};

static int take_stamp(void *arg, const struct store_series *row)
{
	*(struct stamp *)arg = (struct stamp){row->version, row->at};
	return 0;
}

static int stamp_series(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	struct stamp s = {0};
	int r = v->store ? store_series(v->store, (int64_t)row, take_stamp, &s) : -ENOENT;
	*version = s.version;
	*at = s.at;
	return r;
}

/* --- volumes/ --- */

/** The file's own name, made safe; files of several folders may share one. */
static int add_volume_name(void *arg, const struct store_media *m)
{
	size_t dot = m->name.len;
	_buf_ struct buf stem = BUF_INIT(1024), suffix = BUF_INIT(1024);
	while (dot > 0 && m->name.data[dot - 1] != '.')
		dot--;
	dot = dot ? dot - 1 : m->name.len;
	if (dot < m->name.len)
		text_safe_name(m->name.data + dot + 1, m->name.len - dot - 1, 200, &suffix);
	text_safe_name(m->name.data, dot, suffix.len + NAMES_RESERVE, &stem);
	return names_add(arg, buf_str(&stem), buf_str(&suffix), (uint64_t)m->id, m->mtime);
}

static int load_names(struct view *v, uint64_t series, struct names *t)
{
	return v->store ? store_series_volumes(v->store, (int64_t)series, add_volume_name, t) : 0;
}

static int list_volumes(struct view *v, const struct node *parent, uint64_t after,
			struct emit *out)
{
	struct names t = {0};
	int r = load_names(v, parent->row, &t);
	if (r == 0)
		r = names_emit(&t, after, out);
	names_clear(&t);
	return r;
}

static int find_volume(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	struct names t = {0};
	int r = load_names(v, parent->row, &t);
	if (r == 0)
		r = names_find(&t, name, row);
	names_clear(&t);
	return r;
}

/* --- monitor --- */

struct monitor {
	struct view *v;
	struct buf *out;
	char *key;
};

static int monitor_key(void *arg, const char *key, const char *title, const char *shown)
{
	struct monitor *m = arg;
	(void)shown;
	m->key = strdup(key);
	buf_adds(m->out, "series     ");
	text_escape(title, strlen(title), m->out);
	buf_addc(m->out, '\n');
	return m->key ? 0 : -ENOMEM;
}

static const char *on_off(int said, bool otherwise)
{
	return said < 0 ? (otherwise ? "on (as configured)" : "off (as configured)") : said ? "on" : "off";
}

static int monitor_wish(void *arg, const struct store_wish *w)
{
	struct monitor *m = arg;
	const struct config *c = m->v->config;
	const char *language = *w->language ? w->language : config_text(c, OPT_monitor_language);
	buf_addf(m->out, "monitored  %s\n", on_off(w->monitored, config_int(c, OPT_monitor_default) != 0));
	buf_addf(m->out, "auto       %s\n", on_off(w->automatic, true));
	if (w->total)
		buf_addf(m->out, "total      %lld\n", (long long)w->total);
	else
		buf_adds(m->out, "total      as others say\n");
	buf_addf(m->out, "ignored    %s\nlanguage   %s\n", *w->ignored ? w->ignored : "none",
		 *language ? language : "any");
	buf_adds(m->out, "aliases    ");
	for (const char *p = *w->aliases ? w->aliases : "none"; *p;) {
		size_t n = strcspn(p, "\n");
		text_escape(p, n, m->out);
		p += n + (p[n] == '\n');
		buf_adds(m->out, *p ? " | " : "");
	}
	buf_adds(m->out, "\nurl        ");
	text_escape(*w->url ? w->url : "none", *w->url ? strlen(w->url) : 4, m->out);
	return buf_addc(m->out, '\n');
}

/** What is wished now, and how to wish something else. */
static int show_monitor(struct view *v, const struct node *n, struct buf *out)
{
	struct monitor m = {.v = v, .out = out};
	static const struct store_wish none = {.monitored = -1, .automatic = -1, .language = "",
					       .ignored = "", .url = "", .aliases = ""};
	int r = v->store ? store_series_key(v->store, (int64_t)n->row, monitor_key, &m) : -ENOENT;
	if (r == 0)
		r = store_wish(v->store, m.key, monitor_wish, &m);
	if (r == -ENOENT && m.key)
		r = monitor_wish(&m, &none);
	free(m.key);
	buf_adds(out, "\ntakes      on | off | total N | ignore N | unignore N | language xx | auto on | "
		      "auto off | alias NAME | unalias NAME | url ADDRESS\nexample    echo ignore 3 > monitor\n");
	return r;
}

static int add_shown(void *arg, const struct store_series *row)
{
	return buf_adds(arg, row->shown);
}

static int monitor_words(struct view *v, uint64_t row, const char *line, struct buf *out)
{
	int r = v->store ? store_series(v->store, (int64_t)row, add_shown, out) : -ENOENT;
	return r < 0 ? r : buf_addf(out, " %s", line);
}

/* --- info.json --- */

static int json_volume(void *arg, const struct store_media *m)
{
	struct json *j = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	media_path(m, &path);
	json_object(j);
	json_kv_path(j, "file", m->name.data, m->name.len);
	json_kv_path(j, "path", buf_str(&path), path.len);
	if (!media_has(m->media, FIELD_volume)) {
		json_key(j, "volume");
		json_null(j);
	}
	if (media_has(m->media, FIELD_volume_end)) {
		json_key(j, "range");
		json_array(j);
		json_real(j, media_real(m->media, FIELD_volume, 0), 3);
		json_real(j, media_real(m->media, FIELD_volume_end, 0), 3);
		json_end_array(j);
	}
	media_json(j, m->media, OF_VOLUME);
	if (!media_has(m->media, FIELD_comicinfo)) {
		json_key(j, "comicinfo");
		json_raw(j, "{}", 2);
	}
	if (!media_has(m->media, FIELD_pages))
		json_kv_int(j, "pages", 0);
	json_kv_int(j, "bytes", m->size);
	json_kv_time(j, "modified_at", m->mtime);
	json_kv_bool(j, "is_damaged", m->is_bad);
	json_end_object(j);
	return 0;
}

static int json_series(void *arg, const struct store_series *s)
{
	struct json *j = arg;
	json_kv_text(j, "series", s->title);
	json_key(j, "total");
	if (s->total)
		json_int(j, s->total);
	else
		json_null(j);
	json_key(j, "total_source");
	if (*s->total_source)
		json_text(j, s->total_source, strlen(s->total_source));
	else
		json_null(j);
	json_key(j, "owned");
	json_raw(j, *s->owned ? s->owned : "[]", *s->owned ? strlen(s->owned) : 2);
	return 0;
}

static int json_missing(void *arg, const struct store_missing *m)
{
	json_int(arg, m->volume);
	return 0;
}

static int show_info(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	uint64_t version;
	int64_t at, id = (int64_t)n->row;
	int r = stamp_series(v, n->row, &version, &at);
	if (r < 0)
		return r;
	doc_begin_row(&j, out, "series", version, at);
	r = store_series(v->store, id, json_series, &j);
	json_key(&j, "missing");
	json_array(&j);
	if (r == 0)
		r = store_missing(v->store, id, json_missing, &j);
	json_end_array(&j);
	json_key(&j, "volumes");
	json_array(&j);
	if (r == 0)
		r = store_series_volumes(v->store, id, json_volume, &j);
	json_end_array(&j);
	json_end_object(&j);
	return r;
}

/* --- cover.jpg --- */

static int stamp_cover(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	return v->store ? store_cover_stamp(v->store, (int64_t)row, version, at) : -ENOENT;
}

static int add_cover(void *arg, const void *jpeg, size_t n)
{
	return buf_add(arg, jpeg, n);
}

static int show_cover(struct view *v, const struct node *n, struct buf *out)
{
	return v->store ? store_cover(v->store, (int64_t)n->row, add_cover, out) : -ENOENT;
}

static const struct entry volumes_dir[] = {
	{
		.mode = S_IFLNK | 0777,
		.list = list_volumes,
		.find = find_volume,
		.stamp = stamp_file,
		.link = link_to_file,
		.help = "a link to the real file",
	},
	{0},
};

static const struct entry series_dir[] = {
	DIRECTORY("volumes", volumes_dir, .of_parent = true, .stamp = stamp_series,
		  .rows = ROW_SERIES, .help = "the files of the series"),
	DIRECTORY("missing", missing_dir, .of_parent = true, .stamp = stamp_series,
		  .rows = ROW_SERIES, .help = "the volumes that are missing of it"),
	{
		.name = "monitor", .mode = S_IFREG | 0600, .order = "monitor", .show = show_monitor,
		.words = monitor_words, .of_parent = true, .stamp = stamp_series, .rows = ROW_SERIES,
		.help = "what is wished of the series; takes on, off, total N, ignore N, …",
	},
	FILE_OF("info.json", show_info, .of_parent = true, .stamp = stamp_series,
		.help = "owned, missing, and every field of its files"),
	FILE_OF("cover.jpg", show_cover, .of_parent = true, .stamp = stamp_cover,
		.help = "the first page of the lowest volume, small; there when it could be made"),
	{0},
};

const struct entry manga_dir[] = {
	DIRECTORY(NULL, series_dir, .list = list_series, .find = find_series, .stamp = stamp_series,
		  .rows = ROW_SERIES, .help = "a series"),
	{0},
};
