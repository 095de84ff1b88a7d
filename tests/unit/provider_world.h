/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A debrid provider in memory, under the test's clock: the second one, which proves that a provider is one table.
 * Torrents advance with time, pages shift, calls fail as scripted, every call is counted.  Included after
 * find_world.h by one file of a program.
 */
#ifndef TESTS_UNIT_PROVIDER_WORLD_H
#define TESTS_UNIT_PROVIDER_WORLD_H

#include "tests/unit/find_world.h"

#include "indexer/repair/provider.h"

enum debrid_call {
	CALL_ACCOUNT,
	CALL_LIST,
	CALL_INFO,
	CALL_ADD,
	CALL_SELECT,
	CALL_REMOVE,
	CALL_ACTIVE,
	CALL_KINDS,
};

enum { DEBRID_FILES = 8, DEBRID_LOG = 64 };

struct debrid_torrent {
	char id[PROVIDER_ID], hash[PROVIDER_HASH], name[256], status[32];
	int64_t bytes, added_at, ended_at;
	int files;
	/** Paths, with '/'; which are selected; the file numbers begin at first_id. */
	char path[DEBRID_FILES][128];
	bool selected[DEBRID_FILES];
	int64_t first_id;
	/** Becomes @next_status at that time; 0 never. */
	int64_t next_at;
	char next_status[32];
	/** Ids that never answer but 404, though the list has it. */
	bool is_lost;
};

/** What an add of a hash becomes. */
struct debrid_offer {
	char hash[PROVIDER_HASH], name[256];
	int files;
	char path[DEBRID_FILES][128];
	int64_t bytes;
	/** ns from being chosen to being downloaded; 0: at once.  Its last status. */
	int64_t takes;
	char becomes[32];
};

/** The next @times calls of a kind that match @of (an id or hash; "" any) fail so. */
struct debrid_fault {
	enum debrid_call call;
	char of[PROVIDER_ID];
	int times;
	enum provider_class class;
	int code;
	/** ns until the provider may be asked again (PROVIDER_WAIT). */
	int64_t pause;
	/** What was asked is done all the same (PROVIDER_UNKNOWN: a time-out after it). */
	bool is_carried_out;
};

struct debrid {
	/** Newest first, as it is listed. */
	VEC(struct debrid_torrent) torrents;
	VEC(struct debrid_offer) offers;
	VEC(struct debrid_fault) faults;
	int64_t page;
	bool says_total, is_premium;
	/** Listings are empty, or end after so many items (-1: no). */
	bool lists_nothing;
	/** Every page is the first one. */
	bool ignores_offset;
	int64_t lists_most;
	/** Called before the answer of each list call: pages shift. */
	void (*before_page)(int64_t offset);
	int64_t calls[CALL_KINDS], all_calls;
	int next_id;
	/** Most torrents of one hash that were there at once. */
	int64_t most_of_a_hash;
	/** What changed something, in order: "add HASH", "select ID", "remove ID". */
	char log[DEBRID_LOG][160];
	int logged;
};

static struct debrid debrid;

/* --- what tests set up --- */

static inline struct debrid_torrent *debrid_find(const char *id)
{
	for (size_t i = 0; i < debrid.torrents.len; i++)
		if (strcmp(debrid.torrents.data[i].id, id) == 0)
			return &debrid.torrents.data[i];
	return NULL;
}

static inline struct debrid_offer *debrid_offered(const char *hash)
{
	for (size_t i = 0; i < debrid.offers.len; i++)
		if (strcmp(debrid.offers.data[i].hash, hash) == 0)
			return &debrid.offers.data[i];
	return NULL;
}

static inline void debrid_count_hash(const char *hash)
{
	int64_t n = 0;
	for (size_t i = 0; i < debrid.torrents.len; i++)
		n += strcmp(debrid.torrents.data[i].hash, hash) == 0;
	if (n > debrid.most_of_a_hash)
		debrid.most_of_a_hash = n;
}

/** A new one at the head of the list; valid until the next change. */
static inline struct debrid_torrent *debrid_put(const char *id, const char *hash, const char *name, const char *status)
{
	assert_non_null(vec_add(&debrid.torrents));
	memmove(&debrid.torrents.data[1], &debrid.torrents.data[0],
		(debrid.torrents.len - 1) * sizeof *debrid.torrents.data);
	struct debrid_torrent *t = &debrid.torrents.data[0];
	*t = (struct debrid_torrent){.bytes = 500000000, .added_at = world_now() - 3 * DAY_NS, .files = 1,
				     .first_id = 1, .selected = {true}};
	snprintf(t->id, sizeof t->id, "%s", id);
	snprintf(t->hash, sizeof t->hash, "%s", hash);
	snprintf(t->name, sizeof t->name, "%s", name);
	snprintf(t->status, sizeof t->status, "%s", status);
	snprintf(t->path[0], sizeof t->path[0], "/file.mkv");
	debrid_count_hash(hash);
	return t;
}

/** N torrents t0 … (t0 the oldest), each of a hash of its own. */
static inline void debrid_fill(int n, const char *status)
{
	for (int i = 0; i < n; i++) {
		char id[32], hash[PROVIDER_HASH], name[32];
		snprintf(id, sizeof id, "t%d", i);
		snprintf(hash, sizeof hash, "%040d", i);
		snprintf(name, sizeof name, "torrent %d", i);
		debrid_put(id, hash, name, status);
	}
}

static inline void debrid_delete(const char *id)
{
	struct debrid_torrent *t = debrid_find(id);
	assert_non_null(t);
	size_t i = (size_t)(t - debrid.torrents.data);
	memmove(t, t + 1, (debrid.torrents.len - i - 1) * sizeof *t);
	debrid.torrents.len--;
}

static inline struct debrid_offer *debrid_offer(const char *hash, const char *name, int64_t takes)
{
	struct debrid_offer *o = vec_add(&debrid.offers);
	assert_non_null(o);
	o->files = 1;
	o->bytes = 500000000;
	o->takes = takes;
	snprintf(o->hash, sizeof o->hash, "%s", hash);
	snprintf(o->name, sizeof o->name, "%s", name);
	snprintf(o->path[0], sizeof o->path[0], "/file.mkv");
	snprintf(o->becomes, sizeof o->becomes, "downloaded");
	return o;
}

static inline struct debrid_fault *debrid_fail(enum debrid_call call, const char *of, int times, enum provider_class class)
{
	struct debrid_fault *f = vec_add(&debrid.faults);
	assert_non_null(f);
	*f = (struct debrid_fault){.call = call, .times = times, .class = class, .pause = MINUTE_NS};
	snprintf(f->of, sizeof f->of, "%s", of);
	return f;
}

static inline void debrid_begin(void)
{
	debrid = (struct debrid){.page = 100, .says_total = true, .is_premium = true, .lists_most = -1};
}

static inline void debrid_end(void)
{
	vec_clear(&debrid.torrents);
	vec_clear(&debrid.offers);
	vec_clear(&debrid.faults);
}

/* --- the calls --- */

static inline void debrid_log(const char *what, const char *of)
{
	snprintf(debrid.log[debrid.logged % DEBRID_LOG], sizeof debrid.log[0], "%s %s", what, of);
	debrid.logged++;
}

/** Time passes for the torrents. */
static inline void debrid_advance(void)
{
	for (size_t i = 0; i < debrid.torrents.len; i++) {
		struct debrid_torrent *t = &debrid.torrents.data[i];
		if (!t->next_at || t->next_at > world_now())
			continue;
		snprintf(t->status, sizeof t->status, "%s", t->next_status);
		t->ended_at = t->next_at;
		t->next_at = 0;
	}
}

/** Counts a call; 0, or its scripted failure.  *is_done: carried out all the same. */
static inline int debrid_called(enum debrid_call call, const char *of, struct provider_error *e, bool *is_done)
{
	static const int results[] = {0, -EAGAIN, -EACCES, -EBUSY, -EPERM, -ENOENT, -ETIMEDOUT};
	debrid.calls[call]++;
	debrid.all_calls++;
	debrid_advance();
	*e = (struct provider_error){.class = PROVIDER_OK};
	*is_done = false;
	for (size_t i = 0; i < debrid.faults.len; i++) {
		struct debrid_fault *f = &debrid.faults.data[i];
		if (f->call != call || !f->times || (*f->of && strcmp(f->of, of) != 0))
			continue;
		f->times--;
		*is_done = f->is_carried_out;
		*e = (struct provider_error){.class = f->class, .code = f->code,
					     .at = f->class == PROVIDER_WAIT ? world_now() + f->pause : 0};
		snprintf(e->why, sizeof e->why, "scripted failure %d", (int)f->class);
		return results[f->class];
	}
	return 0;
}

static inline int debrid_gone(struct provider_error *e)
{
	*e = (struct provider_error){.class = PROVIDER_GONE, .http = 404, .code = 7, .why = "unknown torrent"};
	return -ENOENT;
}

static inline int debrid_open(const struct outside *o, void **state, char *why)
{
	(void)o, (void)why;
	*state = &debrid;
	return 0;
}

static inline void debrid_close(void *state)
{
	(void)state;
}

static inline int debrid_account(void *state, struct provider_account *a, struct provider_error *e)
{
	bool done;
	(void)state;
	*a = (struct provider_account){.user = "somebody", .is_premium = debrid.is_premium};
	return debrid_called(CALL_ACCOUNT, "", e, &done);
}

static inline enum torrent_state debrid_state(const char *status)
{
	static const struct {
		const char *status;
		enum torrent_state state;
	} states[] = {
		{"downloaded", TORRENT_OK},	{"waiting_files_selection", TORRENT_UNSELECTED},
		{"error", TORRENT_FAILED},	{"magnet_error", TORRENT_FAILED},
		{"dead", TORRENT_FAILED},	{"virus", TORRENT_VIRUS},
	};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(status, states[i].status) == 0)
			return states[i].state;
	return TORRENT_BUSY;
}

/** What is said of it; with its files when @files. */
static inline void debrid_describe(const struct debrid_torrent *from, struct provider_torrent *t, bool files)
{
	*t = (struct provider_torrent){.bytes = from->bytes, .added_at = from->added_at, .ended_at = from->ended_at,
				       .state = debrid_state(from->status), .name = strdup(from->name)};
	assert_non_null(t->name);
	snprintf(t->id, sizeof t->id, "%s", from->id);
	snprintf(t->hash, sizeof t->hash, "%s", from->hash);
	snprintf(t->status, sizeof t->status, "%s", from->status);
	for (int i = 0; i < from->files; i++)
		t->links += t->state == TORRENT_OK && from->selected[i];
	t->progress = t->state == TORRENT_OK ? 100 : 0;
	for (int i = 0; i < from->files && files; i++) {
		struct provider_file *f = vec_add(&t->files);
		assert_non_null(f);
		*f = (struct provider_file){.id = from->first_id + i, .bytes = from->bytes / from->files,
					    .path = strdup(from->path[i]), .selected = from->selected[i]};
	}
}

static inline int debrid_list(void *state, struct provider_page *page, provider_torrent_fn *fn, void *arg,
			      struct provider_error *e)
{
	bool done;
	int r = debrid_called(CALL_LIST, "", e, &done);
	(void)state;
	if (r < 0)
		return r;
	if (debrid.before_page)
		debrid.before_page(page->offset);
	int64_t end = (int64_t)debrid.torrents.len;
	page->total = debrid.says_total ? end : -1;
	page->received = 0;
	if (debrid.lists_nothing)
		end = page->total = 0;
	if (debrid.lists_most >= 0 && end > debrid.lists_most)
		end = debrid.lists_most;
	for (int64_t i = debrid.ignores_offset ? 0 : page->offset; i < end && page->received < debrid.page && r == 0; i++) {
		struct provider_torrent t;
		page->received++;
		if (page->active_only && debrid_state(debrid.torrents.data[i].status) != TORRENT_BUSY)
			continue;
		debrid_describe(&debrid.torrents.data[i], &t, false);
		r = fn(arg, &t);
		provider_torrent_clear(&t);
	}
	page->is_last = false;
	return r;
}

static inline int debrid_info(void *state, const char *id, struct provider_torrent *out, struct provider_error *e)
{
	bool done;
	int r = debrid_called(CALL_INFO, id, e, &done);
	struct debrid_torrent *t = debrid_find(id);
	(void)state;
	if (r < 0)
		return r;
	if (!t || t->is_lost)
		return debrid_gone(e);
	debrid_describe(t, out, true);
	return 0;
}

static inline void debrid_add_now(const char *hash, char *id)
{
	char name[PROVIDER_ID];
	const struct debrid_offer *o = debrid_offered(hash);
	snprintf(name, sizeof name, "new%d", ++debrid.next_id);
	struct debrid_torrent *t = debrid_put(name, hash, o ? o->name : hash, o ? "waiting_files_selection" : "magnet_conversion");
	t->added_at = world_now();
	/* numbers of files differ from torrent to torrent */
	t->first_id = 100 * debrid.next_id;
	t->files = o ? o->files : 0;
	t->selected[0] = false;
	for (int i = 0; o && i < o->files; i++)
		snprintf(t->path[i], sizeof t->path[i], "%s", o->path[i]);
	t->bytes = o ? o->bytes : 0;
	debrid_log("add", hash);
	if (id)
		snprintf(id, PROVIDER_ID, "%s", name);
}

static inline int debrid_add(void *state, const char *hash, char *id, struct provider_error *e)
{
	bool done;
	int r = debrid_called(CALL_ADD, hash, e, &done);
	(void)state;
	if (r == 0 || done)
		debrid_add_now(hash, r == 0 ? id : NULL);
	return r;
}

static inline int debrid_select(void *state, const char *id, const int64_t *files, size_t n, struct provider_error *e)
{
	bool done;
	int r = debrid_called(CALL_SELECT, id, e, &done);
	struct debrid_torrent *t = debrid_find(id);
	(void)state;
	if (r < 0 && !done)
		return r;
	if (!t)
		return debrid_gone(e);
	debrid_log("select", id);
	if (strcmp(t->status, "waiting_files_selection") != 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (files[i] >= t->first_id && files[i] < t->first_id + t->files)
			t->selected[files[i] - t->first_id] = true;
	const struct debrid_offer *o = debrid_offered(t->hash);
	snprintf(t->status, sizeof t->status, "downloading");
	snprintf(t->next_status, sizeof t->next_status, "%s", o ? o->becomes : "downloaded");
	t->next_at = world_now() + (o ? o->takes : 0);
	debrid_advance();
	return r;
}

static inline int debrid_remove(void *state, const char *id, struct provider_error *e)
{
	bool done;
	int r = debrid_called(CALL_REMOVE, id, e, &done);
	(void)state;
	if (r < 0 && !done)
		return r;
	if (debrid_find(id))
		debrid_delete(id);
	debrid_log("remove", id);
	return r;
}

static inline int debrid_active(void *state, int64_t *n, int64_t *limit, struct provider_error *e)
{
	bool done;
	int r = debrid_called(CALL_ACTIVE, "", e, &done);
	(void)state;
	*n = 0;
	*limit = 20;
	for (size_t i = 0; i < debrid.torrents.len; i++)
		*n += debrid_state(debrid.torrents.data[i].status) == TORRENT_BUSY;
	return r;
}

static inline void debrid_rate(void *state, struct provider_rate *out)
{
	(void)state;
	*out = (struct provider_rate){.calls = debrid.all_calls};
}

static const struct provider provider_memory = {
	.name = "memory", .open = debrid_open, .close = debrid_close, .account = debrid_account, .list = debrid_list,
	.info = debrid_info, .add = debrid_add, .select = debrid_select, .remove = debrid_remove,
	.active = debrid_active, .rate = debrid_rate, .insertion_calls = 8,
};
static const struct provider *const debrid_providers[] = {&provider_memory, NULL};

#endif
