/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What is there more than once.
 *
 * One pass over all rows keeps a few numbers of each; what repeats is found among those in memory,
 * and only then are the rows that are shown asked for.  Nothing of this is stored: an index over
 * recordings would cost every scan more than a read of the document costs now and then.
 *
 * For the texts of a recording stands a hash of 64 bits: that two differ and are shown as one takes
 * files made for it, and this is a report.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/copies.h"
#include "common/store_pack.h"
#include "common/store_read.h"
#include "common/vec.h"
#include "common/volumes.h"

/** What is told to the caller, one group at a time. */
struct finder {
	struct store *s;
	int64_t limit;
	store_duplicate_fn *fn;
	void *arg;
	struct store_duplicates *d;
	/* the group at hand */
	struct copy copies[STORE_COPIES_SHOWN];
	size_t path_at[STORE_COPIES_SHOWN];
	size_t count;
	/** -errno of a row that could not be read. */
	int error;
	struct buf paths, title, artist, album;
	int64_t disc, track;
};

/* --- the rows that are shown --- */

static void add_path(sqlite3_stmt *q, struct buf *out)
{
	size_t start = out->len;
	for (int i = 0; i < 3; i++) {
		struct bytes part = column_bytes(q, i);
		if (part.len && out->len > start && out->data[out->len - 1] != '/')
			buf_addc(out, '/');
		buf_add(out, part.data, part.len);
	}
}

static void set_bytes(struct buf *to, struct bytes text)
{
	buf_reset(to);
	buf_add(to, text.data, text.len);
}

static void set_text(struct buf *to, sqlite3_stmt *q, int i)
{
	set_bytes(to, column_bytes(q, i));
}

/** Notes what tells one copy; the rest is of the kind.  NULL when the row is not there. */
static struct copy *add_copy(struct finder *f, sqlite3_stmt *q, int64_t file)
{
	sqlite3_bind_int64(q, 1, file);
	int r = f->count < STORE_COPIES_SHOWN ? store_step(f->s, q) : 0;
	if (r < 0)
		f->error = r;
	if (r <= 0)
		return NULL;
	struct copy *c = &f->copies[f->count];
	*c = (struct copy){.file = file, .bytes = sqlite3_column_int64(q, 3), .volumes = 1,
			   .is_bad = sqlite3_column_int(q, 4) != 0};
	f->path_at[f->count++] = f->paths.len;
	add_path(q, &f->paths);
	c->path_len = f->paths.len - f->path_at[f->count - 1];
	return c;
}

static void add_volume_copy(struct finder *f, int64_t file, int volumes)
{
	sqlite3_stmt *q = store_stmt(f->s, SQL_copy_volume);
	struct copy *c = add_copy(f, q, file);
	if (c) {
		snprintf(c->format, sizeof c->format, "%s", column_str(q, 5));
		c->pages = sqlite3_column_int64(q, 6);
		c->volumes = volumes;
		set_text(&f->title, q, 7);
	}
	sqlite3_reset(q);
}

static void add_track_copy(struct finder *f, int64_t file)
{
	sqlite3_stmt *q = store_stmt(f->s, SQL_copy_track);
	struct copy *c = add_copy(f, q, file);
	if (c) {
		char room[PACK_TEXT];
		struct bytes name = column_bytes(q, 13), format = store_pack_text(q, 5, FIELD_format, name, room);
		snprintf(c->format, sizeof c->format, "%.*s", (int)format.len, format.data);
		c->bitrate = sqlite3_column_int64(q, 6);
		/* only a coding without loss has a depth */
		c->is_lossless = sqlite3_column_int(q, 7) > 0;
		set_text(&f->artist, q, 8);
		set_text(&f->album, q, 9);
		set_bytes(&f->title, store_pack_text(q, 10, FIELD_title, name, room));
		f->disc = sqlite3_column_int64(q, 11);
		f->track = sqlite3_column_int64(q, 12);
	}
	sqlite3_reset(q);
}

static bool begin_group(struct finder *f)
{
	f->count = 0;
	buf_reset(&f->paths);
	return f->d->total++ < f->limit;
}

static int end_group(struct finder *f, struct store_duplicate *row)
{
	if (f->error || f->paths.error)
		return f->error ? f->error : f->paths.error;
	for (size_t i = 0; i < f->count; i++)
		f->copies[i].path = buf_str(&f->paths) + f->path_at[i];
	copies_rank(f->copies, f->count);
	row->copies = f->copies;
	row->count = f->count;
	return f->fn(f->arg, row);
}

/* --- volumes --- */

/** The volumes that a file stands for. */
struct held {
	int64_t series, file;
	/** -1 and VOLUMES_MAX + 1 for a complete edition: around all others. */
	int first, last;
	/** 0 when not known. */
	uint32_t language;
	bool is_omnibus;
};

typedef VEC(struct held) holding;

static bool is_same_range(const struct held *a, const struct held *b)
{
	return a->first == b->first && a->last == b->last;
}

/** By series; then what holds more comes before what it holds. */
static int compare_held(const void *pa, const void *pb)
{
	const struct held *a = pa, *b = pb;
	if (a->series != b->series)
		return a->series < b->series ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last > b->last ? -1 : 1;
	if (a->language != b->language)
		return a->language < b->language ? -1 : 1;
	return a->file < b->file ? -1 : a->file > b->file;
}

static double number_of(sqlite3_stmt *q, int i)
{
	return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

static uint32_t language_of(struct bytes text)
{
	uint32_t language = 0;
	for (size_t i = 0; i < text.len && i < sizeof language; i++)
		language = language << 8 | (unsigned char)text.data[i];
	return language;
}

static int add_held(holding *list, sqlite3_stmt *q)
{
	const struct volume_facts f = {
		.volume = number_of(q, 2), .volume_end = number_of(q, 3), .chapter = number_of(q, 4),
		.kind = column_str(q, 5), .rule = column_str(q, 6),
	};
	int first = -1, last = VOLUMES_MAX + 1;
	if (!volumes_is_complete(&f) && !volumes_of(&f, &first, &last))
		return 0;
	struct held *h = vec_add(list);
	if (!h)
		return -ENOMEM;
	*h = (struct held){
		.series = sqlite3_column_int64(q, 0), .file = sqlite3_column_int64(q, 1),
		.first = first, .last = last, .language = language_of(column_bytes(q, 7)),
		.is_omnibus = volumes_is_omnibus(&f),
	};
	return 0;
}

static int load_holding(struct finder *f, holding *list)
{
	sqlite3_stmt *q = store_stmt(f->s, SQL_copies_volumes);
	int r;
	while ((r = store_step(f->s, q)) > 0) {
		f->d->is_partial = list->len >= STORE_COPIES_COMPARED;
		r = f->d->is_partial ? 0 : add_held(list, q);
		if (r < 0 || f->d->is_partial)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** @around: what holds all of them, or NULL. */
static int tell_volumes(struct finder *f, const struct held *h, size_t n, const struct held *around)
{
	struct store_duplicate row = {
		.kind = around ? DUPLICATE_COVERED : DUPLICATE_VOLUME, .artist = "", .album = "",
		.title = "", .first = h->first < 0 ? 1 : h->first, .last = h->first < 0 ? 0 : h->last,
		.total = n + (around != NULL),
	};
	if (!begin_group(f))
		return 0;
	if (around)
		add_volume_copy(f, around->file, around->last - around->first + 1);
	for (size_t i = 0; i < n && i < STORE_COPIES_SHOWN; i++)
		add_volume_copy(f, h[i].file, h->last - h->first + 1);
	row.series = buf_str(&f->title);
	return end_group(f, &row);
}

enum {
	/** A series in more languages is not told apart in the others. */
	LANGUAGES_MAX = 8,
};

/** Of the files before, in each language the one that reaches furthest. */
struct reach {
	const struct held *h[LANGUAGES_MAX];
	size_t n;
};

static void note_reach(struct reach *reach, const struct held *h)
{
	size_t i = 0;
	while (i < reach->n && reach->h[i]->language != h->language)
		i++;
	if (i == reach->n && i < LANGUAGES_MAX)
		reach->h[reach->n++] = h;
	else if (i < reach->n && reach->h[i]->last < h->last)
		reach->h[i] = h;
}

/** What begins no later than @h (as all before it do) and ends no earlier, in its language. */
static const struct held *find_around(const struct reach *reach, const struct held *h)
{
	const struct held *around = NULL;
	for (size_t i = 0; i < reach->n; i++) {
		const struct held *k = reach->h[i];
		bool is_other = k->language && h->language && k->language != h->language;
		if (!is_other && k->last >= h->last && (!around || k->last > around->last))
			around = k;
	}
	return around;
}

/** Files of one language that others hold as well. */
static int tell_covered(struct finder *f, const struct held *h, size_t n, const struct reach *reach)
{
	int r = 0;
	for (size_t i = 0, end; i < n && r == 0; i = end) {
		for (end = i + 1; end < n && h[end].language == h[i].language;)
			end++;
		const struct held *around = find_around(reach, &h[i]);
		if (around)
			r = tell_volumes(f, h + i, end - i, around);
	}
	return r;
}

/** Files of one range: those of different languages are different volumes. */
static int tell_same(struct finder *f, const struct held *h, size_t n)
{
	size_t known = 0;
	for (size_t i = 0; i < n; i++)
		known += h[i].language && (!i || h[i].language != h[i - 1].language);
	int r = 0;
	for (size_t i = 0, end; i < n && r == 0; i = end) {
		for (end = i + 1; end < n && (known < 2 || h[end].language == h[i].language);)
			end++;
		if (end - i > 1)
			r = tell_volumes(f, h + i, end - i, NULL);
	}
	return r;
}

/** An omnibus beside single volumes has a number of its own: it goes.  Returns how many stay. */
static size_t drop_omnibuses(struct held *h, size_t n)
{
	size_t omnibuses = 0, kept = 0;
	for (size_t i = 0; i < n; i++)
		omnibuses += h[i].is_omnibus;
	if (omnibuses == 0 || omnibuses == n)
		return n;
	for (size_t i = 0; i < n; i++)
		if (!h[i].is_omnibus)
			h[kept++] = h[i];
	return kept;
}

static int tell_series(struct finder *f, struct held *h, size_t n)
{
	struct reach reach = {.n = 0};
	int r = 0;
	n = drop_omnibuses(h, n);
	for (size_t i = 0, end; i < n && r == 0; i = end) {
		for (end = i + 1; end < n && is_same_range(&h[i], &h[end]);)
			end++;
		r = tell_same(f, h + i, end - i);
		if (r == 0)
			r = tell_covered(f, h + i, end - i, &reach);
		for (size_t k = i; k < end; k++)
			note_reach(&reach, &h[k]);
	}
	return r;
}

static int find_volumes(struct finder *f)
{
	holding list = {0};
	int r = load_holding(f, &list);
	if (list.len)
		qsort(list.data, list.len, sizeof *list.data, compare_held);
	for (size_t i = 0, end; i < list.len && r == 0; i = end) {
		for (end = i + 1; end < list.len && list.data[end].series == list.data[i].series;)
			end++;
		r = tell_series(f, list.data + i, end - i);
	}
	vec_clear(&list);
	return r;
}

/* --- recordings --- */

/** A track, by one of its keys: its recording's id, or its place, title and album. */
struct take {
	uint64_t key;
	int64_t file;
	/** Of the recording's id; 0 without. */
	uint32_t id;
	/** -1: the key is that of the id. */
	float seconds;
};

typedef VEC(struct take) takes;

static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

/** Without regard to the case of ASCII. */
static uint64_t hash_text(struct bytes text, uint64_t h)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * UINT64_C(0x100000001b3);
	}
	return mix(h);
}

static int add_take(takes *list, struct take take)
{
	struct take *t = vec_add(list);
	if (!t)
		return -ENOMEM;
	*t = take;
	return 0;
}

static int add_takes(takes *list, sqlite3_stmt *q)
{
	const uint64_t start = UINT64_C(0xcbf29ce484222325);
	char room[2][PACK_TEXT];
	struct bytes name = column_bytes(q, 7), title = store_pack_text(q, 5, FIELD_title, name, room[0]);
	struct bytes id = store_pack_text(q, 6, FIELD_musicbrainz_recording_id, name, room[1]);
	struct take take = {.file = sqlite3_column_int64(q, 0), .seconds = -1};
	int r = 0;
	if (id.len) {
		take.key = hash_text(id, start);
		take.id = (uint32_t)take.key | 1;
		r = add_take(list, take);
	}
	/* what tells too little is not compared */
	if (r < 0 || !title.len || sqlite3_column_type(q, 4) == SQLITE_NULL)
		return r;
	int64_t disc = sqlite3_column_int64(q, 2);
	take.key = mix(start + (uint64_t)sqlite3_column_int64(q, 1));
	take.key = mix(take.key + (uint64_t)(disc ? disc : 1));
	take.key = mix(take.key + (uint64_t)sqlite3_column_int64(q, 3));
	take.key = hash_text(title, take.key);
	take.seconds = fabsf((float)sqlite3_column_double(q, 4));
	return add_take(list, take);
}

static int load_takes(struct finder *f, takes *list)
{
	sqlite3_stmt *q = store_stmt(f->s, SQL_copies_tracks);
	int64_t n = 0;
	int r;
	while ((r = store_step(f->s, q)) > 0) {
		if (n++ == STORE_COPIES_COMPARED) {
			f->d->is_partial = true;
			r = 0;
			break;
		}
		r = add_takes(list, q);
		if (r < 0)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** Lets go of nearly all whose key is there only once, without sorting them: a bit for each key. */
static int keep_repeated(takes *list)
{
	size_t bits = 1024;
	while (bits < list->len * 16)
		bits *= 2;
	uint8_t *once = calloc(2, bits / 8), *twice = once + bits / 8;
	if (!once)
		return -ENOMEM;
	for (size_t i = 0; i < list->len; i++) {
		size_t bit = list->data[i].key & (bits - 1);
		uint8_t mask = (uint8_t)(1 << bit % 8);
		twice[bit / 8] |= once[bit / 8] & mask;
		once[bit / 8] |= mask;
	}
	size_t kept = 0;
	for (size_t i = 0; i < list->len; i++) {
		size_t bit = list->data[i].key & (bits - 1);
		if (twice[bit / 8] >> bit % 8 & 1)
			list->data[kept++] = list->data[i];
	}
	list->len = kept;
	free(once);
	return 0;
}

static int compare_take(const void *pa, const void *pb)
{
	const struct take *a = pa, *b = pb;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return a->file < b->file ? -1 : a->file > b->file;
}

/** Tracks of one key and about one length. */
struct cluster {
	size_t at, n;
	/** The first one's, for an order that people know. */
	int64_t file;
};

typedef VEC(struct cluster) clusters;

static int compare_cluster(const void *pa, const void *pb)
{
	const struct cluster *a = pa, *b = pb;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/**
 * Of tracks that agree in their tags, those that may be one recording, moved to the front: with the
 * first id and without any.  0 when all have one: their ids tell it.
 */
static size_t keep_possible(struct take *t, size_t n)
{
	uint32_t id = 0;
	size_t kept = 0, without = 0;
	for (size_t i = 0; i < n; i++) {
		id = id ? id : t[i].id;
		without += !t[i].id;
	}
	for (size_t i = 0; i < n && without; i++)
		if (!t[i].id || t[i].id == id)
			t[kept++] = t[i];
	return kept;
}

static int add_cluster(clusters *list, takes *all, size_t at, size_t n)
{
	if (all->data[at].seconds >= 0)
		n = keep_possible(all->data + at, n);
	if (n < 2)
		return 0;
	struct cluster *c = vec_add(list);
	if (!c)
		return -ENOMEM;
	*c = (struct cluster){at, n, all->data[at].file};
	for (size_t i = at; i < at + n; i++)
		c->file = all->data[i].file < c->file ? all->data[i].file : c->file;
	return 0;
}

static int find_clusters(takes *all, clusters *list)
{
	const float apart = 2;
	int r = 0;
	for (size_t i = 0, end; i < all->len && r == 0; i = end) {
		const struct take *t = &all->data[i];
		for (end = i + 1; end < all->len && all->data[end].key == t->key &&
				  all->data[end].seconds - t->seconds <= apart;)
			end++;
		r = add_cluster(list, all, i, end - i);
	}
	return r;
}

static int tell_recording(struct finder *f, const struct take *t, size_t n)
{
	if (!begin_group(f))
		return 0;
	/* from the last to the first, so that the texts are those of the first */
	for (size_t i = n < STORE_COPIES_SHOWN ? n : STORE_COPIES_SHOWN; i > 0; i--)
		add_track_copy(f, t[i - 1].file);
	struct store_duplicate row = {
		.kind = DUPLICATE_RECORDING, .series = "", .artist = buf_str(&f->artist),
		.album = buf_str(&f->album), .title = buf_str(&f->title), .disc = f->disc,
		.track = f->track, .total = n,
	};
	return end_group(f, &row);
}

static int find_recordings(struct finder *f)
{
	takes all = {0};
	clusters list = {0};
	int r = load_takes(f, &all);
	if (r == 0)
		r = keep_repeated(&all);
	if (r == 0 && all.len) {
		qsort(all.data, all.len, sizeof *all.data, compare_take);
		r = find_clusters(&all, &list);
	}
	if (list.len)
		qsort(list.data, list.len, sizeof *list.data, compare_cluster);
	for (size_t i = 0; i < list.len && r == 0; i++)
		r = tell_recording(f, all.data + list.data[i].at, list.data[i].n);
	vec_clear(&all);
	vec_clear(&list);
	return r;
}

int store_duplicates(struct store *s, int64_t limit, store_duplicate_fn *fn, void *arg,
		     struct store_duplicates *d)
{
	*d = (struct store_duplicates){0};
	struct finder *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->s = s;
	f->limit = limit;
	f->fn = fn;
	f->arg = arg;
	f->d = d;
	f->paths = BUF_INIT(1 << 22);
	f->title = f->artist = f->album = BUF_INIT(1 << 16);
	int r = find_volumes(f);
	if (r == 0)
		r = find_recordings(f);
	buf_clear(&f->paths);
	buf_clear(&f->title);
	buf_clear(&f->artist);
	buf_clear(&f->album);
	free(f);
	return r;
}
