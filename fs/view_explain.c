/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/view_explain.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_find.h"
#include "common/store_integrity.h"
#include "common/text.h"
#include "common/volumes.h"

enum {
	/** Files named of each sort. */
	FILES_SHOWN = 30,
};

struct story {
	struct view *v;
	struct buf *out;
	int64_t volume;
	/** Of the files: how many count, and which are next to the volume. */
	int64_t counting, lowest, highest, before, after;
	struct volumes_mix mix;
	bool is_mixed;
	int64_t uncounted, shown;
};

/** Appends text of the user or of the net as it may be shown. */
static void add_text(struct buf *out, const char *text)
{
	text_escape(text, strlen(text), out);
}

static void add_date(struct buf *out, int64_t ns)
{
	doc_time(ns, out);
}

/* --- the files --- */

/** Facts with room for their texts. */
struct file_facts {
	struct volume_facts f;
	char kind[16], rule[32];
};

static void copy_text(const struct store_media *m, enum field_id field, char *out, size_t size)
{
	size_t n;
	const char *text = media_text(m->media, field, &n);
	snprintf(out, size, "%.*s", (int)n, text);
}

static struct volume_facts *facts_of(const struct story *s, const struct store_media *m,
				     struct file_facts *facts)
{
	copy_text(m, FIELD_kind, facts->kind, sizeof facts->kind);
	copy_text(m, FIELD_rule, facts->rule, sizeof facts->rule);
	facts->f = (struct volume_facts){
		.volume = media_real(m->media, FIELD_volume, NAN),
		.volume_end = media_real(m->media, FIELD_volume_end, NAN),
		.chapter = media_real(m->media, FIELD_chapter, NAN),
		.count = media_int(m->media, FIELD_count, 0), .kind = facts->kind,
		.rule = facts->rule, .is_mixed = s->is_mixed, .is_corrupt = m->is_bad,
	};
	return &facts->f;
}

static int mix_file(void *arg, const struct store_media *m)
{
	struct story *s = arg;
	struct file_facts facts;
	volumes_add(&s->mix, facts_of(s, m, &facts));
	return 0;
}

static int count_file(void *arg, const struct store_media *m)
{
	struct story *s = arg;
	struct file_facts facts;
	const struct volume_facts *f = facts_of(s, m, &facts);
	int first, last;
	if (f->is_corrupt || !volumes_of(f, &first, &last))
		return 0;
	s->counting++;
	if (s->lowest < 0 || first < s->lowest)
		s->lowest = first;
	if (last > s->highest)
		s->highest = last;
	if (last < s->volume && last > s->before)
		s->before = last;
	if (first > s->volume && (s->after < 0 || first < s->after))
		s->after = first;
	return 0;
}

/** A range or a damaged file that bears the number is the first thing that one asks about. */
static int tell_file(void *arg, const struct store_media *m)
{
	struct story *s = arg;
	struct file_facts facts;
	const struct volume_facts *f = facts_of(s, m, &facts);
	int first = 0, last = -1;
	bool holds = volumes_of(f, &first, &last) && first <= s->volume && s->volume <= last;
	_buf_ struct buf why = BUF_INIT(1 << 12);
	bool counts = !volumes_why_not(f, &why);
	if (counts && !holds)
		return 0;
	s->uncounted += !counts;
	if (++s->shown > FILES_SHOWN)
		return 0;
	buf_adds(s->out, "  ");
	text_escape(m->name.data, m->name.len, s->out);
	if (counts)
		buf_adds(s->out, ": holds it\n");
	else
		buf_addf(s->out, ": does not count: %s\n", buf_str(&why));
	return 0;
}

static void tell_files(struct story *s, int64_t series)
{
	struct buf files = BUF_INIT(1 << 20), *out = s->out;
	store_series_volumes(s->v->store, series, mix_file, s);
	s->is_mixed = volumes_is_mixed(&s->mix);
	store_series_volumes(s->v->store, series, count_file, s);
	if (s->counting)
		buf_addf(out, "%lld file%s of the series count%s; they hold volumes %lld to %lld.\n",
			 (long long)s->counting, s->counting == 1 ? "" : "s", s->counting == 1 ? "s" : "",
			 (long long)s->lowest, (long long)s->highest);
	if (s->before >= 0 && s->after >= 0)
		buf_addf(out, "The nearest that are here are %lld and %lld.\n", (long long)s->before,
			 (long long)s->after);
	s->out = &files;
	store_series_volumes(s->v->store, series, tell_file, s);
	s->out = out;
	if (files.len)
		buf_addf(out, "Files to know of:\n%s", buf_str(&files));
	else
		buf_adds(out, "No file holds it: neither one of its own nor a range that covers it.\n");
	if (s->shown > FILES_SHOWN)
		buf_addf(out, "  and %lld more\n", (long long)(s->shown - FILES_SHOWN));
	buf_clear(&files);
}

/* --- who says that it exists --- */

static int tell_total(void *arg, const struct store_series *row)
{
	struct story *s = arg;
	if (strcmp(row->total_source, "user") == 0)
		buf_addf(s->out, "You said that the series has %lld volumes (control/monitor).\n",
			 (long long)row->total);
	else if (strcmp(row->total_source, "comicinfo") == 0)
		buf_addf(s->out, "ComicInfo.xml says that the series has %lld volumes (Count).\n",
			 (long long)row->total);
	else if (!*row->total_source)
		buf_adds(s->out, "Nobody says how many volumes the series has: neither you, nor "
				 "ComicInfo.xml, nor an authority.\n");
	return 0;
}

static int tell_authority(void *arg, const struct store_authority *a)
{
	struct story *s = arg;
	struct buf *out = s->out;
	add_text(out, a->source);
	if (a->known == 0) {
		buf_adds(out, " knows it as ");
		add_text(out, a->title);
		if (a->released >= 0)
			buf_addf(out, ": %lld volume%s out", (long long)a->released,
				 a->released == 1 ? " is" : "s are");
		if (a->planned >= 0)
			buf_addf(out, ", volume %lld is announced", (long long)a->planned);
		if (a->planned >= 0 && a->planned_at) {
			buf_adds(out, " for ");
			add_date(out, a->planned_at);
		}
		if (*a->status)
			buf_addf(out, " (%s)", a->status);
	} else if (a->known == 1) {
		buf_adds(out, " cannot tell which series is meant: see status/new");
	} else if (a->known == 2) {
		buf_adds(out, " does not know the series");
	} else {
		buf_adds(out, " has not answered yet");
	}
	if (a->asked_at) {
		buf_adds(out, "; asked on ");
		add_date(out, a->asked_at);
	}
	buf_adds(out, ".\n");
	if (*a->error) {
		buf_adds(out, "The last time it did not answer: ");
		add_text(out, a->error);
		buf_addc(out, '\n');
	}
	return 0;
}

/* --- what was done about it --- */

static int tell_search(void *arg, const struct store_searched *x)
{
	struct story *s = arg;
	struct buf *out = s->out;
	buf_adds(out, "  ");
	add_text(out, x->source);
	if (!x->tried_at) {
		buf_adds(out, ": ordered, not asked yet\n");
		return 0;
	}
	buf_adds(out, ": ");
	if (strcmp(x->outcome, "failed") == 0) {
		buf_adds(out, "did not answer on ");
		add_date(out, x->tried_at);
		buf_adds(out, " (");
		add_text(out, x->error);
		buf_adds(out, ")");
	} else {
		buf_adds(out, "answered on ");
		add_date(out, x->at);
		buf_addf(out, ": %lld result%s, %lld confirmed", (long long)x->results,
			 x->results == 1 ? "" : "s", (long long)x->confirmed);
	}
	if (x->next_at) {
		buf_adds(out, "; again not before ");
		add_date(out, x->next_at);
	}
	buf_addc(out, '\n');
	return 0;
}

static int tell_row(void *arg, const struct store_missing *m)
{
	struct story *s = arg;
	struct buf *out = s->out;
	static const struct {
		const char *kind, *why;
	} kinds[] = {
		{"interior", "it is below the last volume that is owned"},
		{"tail", "the series has that many volumes"},
		{"announced", "it is out, and after the last volume that is owned"},
	};
	bool monitored = m->monitored < 0 ? config_int(s->v->config, OPT_monitor_default) != 0
					  : m->monitored != 0;
	add_text(out, m->series);
	buf_addf(out, " %lld is missing since ", (long long)m->volume);
	add_date(out, m->since);
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].kind, m->kind) == 0)
			buf_addf(out, ": %s (%s)", kinds[i].why, m->kind);
	buf_adds(out, ".\n");
	if (strcmp(m->state, "wanted") != 0) {
		_buf_ struct buf reason = BUF_INIT(1 << 12);
		store_missing_reason(s->v->store, m->series_id, m->volume, m->state, &reason);
		buf_addf(out, "The file that bears its number is %s%s", m->state, reason.len ? ": " : "");
		text_escape(buf_str(&reason), reason.len, out);
		buf_adds(out, ".\n");
	}
	buf_adds(out, monitored ? "The series is monitored: it is looked for.\n"
				: "The series is not monitored: it is not looked for.\n");
	return 0;
}

static int tell_request(void *arg, const struct store_missing *m)
{
	struct story *s = arg;
	if (!m->request)
		return 0;
	buf_adds(s->out, strcmp(m->request_state, "found") == 0 && !m->handed
				 ? "The best find is: "
				 : "A download client was asked for: ");
	add_text(s->out, m->best);
	buf_addf(s->out, " (request %lld, %s).\n", (long long)m->request, m->request_state);
	return 0;
}

int explain_missing(struct view *v, int64_t series, const char *key, int64_t volume, struct buf *out)
{
	struct story s = {.v = v, .out = out, .volume = volume, .lowest = -1, .highest = -1,
			  .before = -1, .after = -1};
	int r = store_missing_one(v->store, series, volume, tell_row, &s);
	if (r < 0)
		return r;
	buf_addc(out, '\n');
	tell_files(&s, series);
	buf_addc(out, '\n');
	store_series(v->store, series, tell_total, &s);
	store_authority(v->store, key, tell_authority, &s);
	buf_adds(out, "\nSearched:\n");
	size_t before = out->len;
	store_searched(v->store, key, NULL, tell_search, &s);
	if (out->len == before)
		buf_adds(out, "  not yet\n");
	store_missing_one(v->store, series, volume, tell_request, &s);
	return buf_error(out);
}
