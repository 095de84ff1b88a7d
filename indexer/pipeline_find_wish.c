/* SPDX-License-Identifier: GPL-3.0-or-later */
/** control/monitor: what the user wishes of a series. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/pipeline_find_private.h"

enum { VOLUME_MOST = 2000, ALIASES_MOST = 4096 };

/** A wish whose texts can be changed. */
struct wish {
	struct store_wish row;
	struct buf ignored, aliases;
	char *key, *title;
	char language[16], url[512];
};

static int copy_wish(void *arg, const struct store_wish *w)
{
	struct wish *to = arg;
	to->row.monitored = w->monitored;
	to->row.automatic = w->automatic;
	to->row.total = w->total;
	snprintf(to->language, sizeof to->language, "%s", w->language);
	snprintf(to->url, sizeof to->url, "%s", w->url);
	buf_adds(&to->ignored, w->ignored);
	return buf_adds(&to->aliases, w->aliases);
}

static void clear_wish(struct wish *w)
{
	buf_clear(&w->ignored);
	buf_clear(&w->aliases);
	free(w->key);
	free(w->title);
}

/* --- what can be wished --- */

/** The new list of ignored volumes: ascending, with or without @volume. */
static int set_ignored(struct wish *w, int64_t volume, bool ignored)
{
	_buf_ struct buf list = BUF_INIT(1 << 16);
	bool done = !ignored;
	for (const char *p = buf_str(&w->ignored); *p;) {
		char *end;
		int64_t v = strtoll(p, &end, 10);
		if (end == p)
			break;
		if (!done && volume <= v) {
			buf_addf(&list, "%s%lld", list.len ? " " : "", (long long)volume);
			done = true;
		}
		if (v != volume)
			buf_addf(&list, "%s%lld", list.len ? " " : "", (long long)v);
		p = end + strspn(end, " ");
	}
	if (!done)
		buf_addf(&list, "%s%lld", list.len ? " " : "", (long long)volume);
	buf_reset(&w->ignored);
	return buf_add(&w->ignored, buf_str(&list), list.len);
}

static int parse_volume(const char *word, int64_t *v)
{
	char *end;
	*v = strtoll(word, &end, 10);
	return end == word || *end || *v < 0 || *v > VOLUME_MOST ? EINVAL : 0;
}

static int wish_on(struct wish *w, const char *value)
{
	(void)value;
	w->row.monitored = 1;
	return 0;
}

static int wish_off(struct wish *w, const char *value)
{
	(void)value;
	w->row.monitored = 0;
	return 0;
}

static int wish_total(struct wish *w, const char *value)
{
	return strcmp(value, "none") == 0 ? (w->row.total = 0) : parse_volume(value, &w->row.total);
}

static int wish_ignore(struct wish *w, const char *value)
{
	int64_t v;
	return parse_volume(value, &v) ? EINVAL : -set_ignored(w, v, true);
}

static int wish_unignore(struct wish *w, const char *value)
{
	int64_t v;
	return parse_volume(value, &v) ? EINVAL : -set_ignored(w, v, false);
}

static int wish_language(struct wish *w, const char *value)
{
	bool none = strcmp(value, "any") == 0;
	if (!none && (strlen(value) != 2 || strspn(value, "abcdefghijklmnopqrstuvwxyz") != 2))
		return EINVAL;
	snprintf(w->language, sizeof w->language, "%s", none ? "" : value);
	return 0;
}

static int wish_auto(struct wish *w, const char *value)
{
	bool on = strcmp(value, "on") == 0;
	if (!on && strcmp(value, "off") != 0)
		return EINVAL;
	w->row.automatic = on;
	return 0;
}

/** Two that a search takes for one name are one. */
static bool is_same_name(const char *a, size_t n, const char *b)
{
	_buf_ struct buf x = BUF_INIT(1 << 16), y = BUF_INIT(1 << 16);
	if (strlen(b) == n && memcmp(a, b, n) == 0)
		return true;
	return text_fold_title(a, n, &x) == 0 && text_fold_title(b, strlen(b), &y) == 0 && x.len &&
	       strcmp(buf_str(&x), buf_str(&y)) == 0;
}

/** The aliases without @name; *found: it was one of them. */
static int without_alias(const struct wish *w, const char *name, struct buf *rest, bool *found)
{
	*found = false;
	for (const char *p = buf_str(&w->aliases); *p;) {
		size_t n = strcspn(p, "\n");
		if (is_same_name(p, n, name))
			*found = true;
		else
			buf_addf(rest, "%s%.*s", rest->len ? "\n" : "", (int)n, p);
		p += n + (p[n] == '\n');
	}
	return -buf_error(rest);
}

static int wish_alias(struct wish *w, const char *value)
{
	_buf_ struct buf rest = BUF_INIT(1 << 16);
	bool known;
	if (w->aliases.len + strlen(value) > ALIASES_MOST || strchr(value, '\t'))
		return EINVAL;
	int r = without_alias(w, value, &rest, &known);
	if (r || known)
		return r;
	return buf_addf(&w->aliases, "%s%s", w->aliases.len ? "\n" : "", value) < 0 ? ENOMEM : 0;
}

static int wish_unalias(struct wish *w, const char *value)
{
	_buf_ struct buf rest = BUF_INIT(1 << 16);
	bool known;
	int r = without_alias(w, value, &rest, &known);
	if (r || !known)
		return r ? r : EINVAL;
	buf_reset(&w->aliases);
	return -buf_add(&w->aliases, buf_str(&rest), rest.len);
}

static int wish_url(struct wish *w, const char *value)
{
	bool none = strcmp(value, "none") == 0;
	if (!none && (strncmp(value, "http", 4) != 0 || strlen(value) >= sizeof w->url))
		return EINVAL;
	snprintf(w->url, sizeof w->url, "%s", none ? "" : value);
	return 0;
}

static const struct {
	const char *verb;
	bool has_value;
	int (*set)(struct wish *w, const char *value);
} verbs[] = {
	{"auto", true, wish_auto},
	{"total", true, wish_total},
	{"ignore", true, wish_ignore},
	{"unignore", true, wish_unignore},
	{"language", true, wish_language},
	{"alias", true, wish_alias},
	{"unalias", true, wish_unalias},
	{"url", true, wish_url},
	{"on", false, wish_on},
	{"off", false, wish_off},
};

/* --- the order --- */

struct parsed {
	int64_t series;
	size_t verb;
	const char *value;
};

/** Whether @at is a verb, with a value where it has one. */
static int parse_verb(const char *at, struct parsed *p, bool *is_verb)
{
	for (size_t v = 0; v < COUNT_OF(verbs); v++) {
		size_t n = strlen(verbs[v].verb);
		if (strncmp(at, verbs[v].verb, n) != 0 || (at[n] != ' ' && at[n]))
			continue;
		*is_verb = true;
		p->verb = v;
		p->value = at + n + strspn(at + n, " ");
		return !*p->value == !verbs[v].has_value ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/** A series may have any words in its name: the longest name is meant, and the rest is the wish.
 * -EINVAL: that is none; -ENOENT: it is one, of no series. */
static int parse(struct finder *f, const char *words, struct parsed *p)
{
	bool is_verb = false;
	for (const char *at = words + strlen(words); at-- > words;) {
		if (*at != ' ')
			continue;
		int r = parse_verb(at + 1, p, &is_verb);
		if (finder_series(f, words, (size_t)(at - words), &p->series) == 0)
			return r;
	}
	return is_verb ? -ENOENT : -EINVAL;
}

static int change(struct finder *f, const struct parsed *p, const char *words, bool act,
		  struct buf *answer)
{
	struct wish w = {.row = {.monitored = -1, .automatic = -1},
			 .ignored = BUF_INIT(1 << 16), .aliases = BUF_INIT(1 << 16)};
	int r = -store_series_names(f->store, p->series, &w.key, &w.title);
	if (r == 0)
		store_wish(f->store, w.key, copy_wish, &w);
	if (r == 0)
		r = verbs[p->verb].set(&w, p->value);
	if (r == EINVAL) {
		text_escape(words, text_cut(words, strlen(words), 200), answer);
		buf_addf(answer, ": \"%s\" does not take that", verbs[p->verb].verb);
	}
	if (r == 0 && act) {
		w.row.key = w.key;
		w.row.title = w.title;
		w.row.language = w.language;
		w.row.url = w.url;
		w.row.ignored = buf_str(&w.ignored);
		w.row.aliases = buf_str(&w.aliases);
		r = -finds_wish(f->o.writer, &w.row);
		text_escape(w.title, strlen(w.title), answer);
		buf_addf(answer, r ? ": the order could not be stored" : ": %s%s", verbs[p->verb].verb,
			 *p->value ? " " : "");
		if (r == 0)
			text_escape(p->value, strlen(p->value), answer);
	}
	clear_wish(&w);
	return r;
}

int finder_monitor(struct finder *f, const char *words, bool act, struct buf *answer)
{
	struct parsed p;
	int r = parse(f, words, &p);
	if (r == 0) {
		r = change(f, &p, words, act, answer);
		if (r == 0 && act)
			finder_poke(f);
		return r;
	}
	buf_addc(answer, '"');
	text_escape(words, text_cut(words, strlen(words), 200), answer);
	buf_adds(answer, r == -ENOENT ? "\" names no series of the library"
				      : "\" is not understood; control/monitor explains itself");
	return -r;
}
