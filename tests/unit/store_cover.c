/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Covers in the store: whose is due, and what moves with one. */
#include "tests/unit/store_fill.h"

#include <errno.h>

#include "common/store_write_cover.h"

/** What failed before that is due again: nothing; all. */
static const int64_t LATER = 0, NOW = INT64_MAX;

struct world {
	char *dir;
	struct filler f;
	int64_t file[3];
};

static int64_t put_volume(struct world *w, const char *series, const char *name, const char *volume)
{
	char title[64], number[64];
	snprintf(title, sizeof title, "series=%s", series);
	snprintf(number, sizeof number, "volume=%s", volume);
	return fill_media(&w->f, OF_VOLUME, series, name, (const char *const[]){title, number, NULL});
}

static void begin(struct world *w)
{
	assert_int_equal(store_begin_write(w->f.s), 0);
	w->f.n = 0;
}

/** Whether the generation moved. */
static bool commit(struct world *w)
{
	static uint64_t last;
	uint64_t generation;
	for (size_t i = 0; i < w->f.n; i++)
		if (w->f.series[i])
			assert_int_equal(store_settle_series(w->f.s, w->f.series[i], 1, monitor_missing), 0);
	assert_int_equal(store_commit(w->f.s, &generation), 0);
	bool has_moved = generation != last;
	last = generation;
	return has_moved;
}

static int setup(void **state)
{
	static struct world w;
	char why[256] = "";
	w = (struct world){.dir = unit_folder()};
	if (store_open_writer(w.dir, &w.f.s, why) < 0)
		fail_msg("%s", why);
	begin(&w);
	assert_int_equal(store_put_root(w.f.s, "manga", "manga", "/manga", &w.f.manga), 0);
	w.file[0] = put_volume(&w, "Akira", "2.cbz", "2");
	w.file[1] = put_volume(&w, "Akira", "10.cbz", "10");
	w.file[2] = put_volume(&w, "Dune", "1.cbz", "1");
	commit(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	store_close(w->f.s);
	unit_remove(w->dir);
	return 0;
}

static int copy_due(void *arg, const struct store_cover_due *due)
{
	struct store_cover_due *to = arg;
	*to = *due;
	return 0;
}

/** The file that the first cover above @after is due of, 0: of none; -ENOENT: nothing is due. */
static int64_t due(struct world *w, int64_t after, int64_t again, bool wants_new, struct store_cover_due *row)
{
	int r = store_cover_due(w->f.s, after, 1000, again, wants_new, copy_due, row);
	return r < 0 ? r : row->file;
}

/** What the worker said of the file that is due; whether something moved. */
static bool put(struct world *w, const struct store_cover_due *of, const char *jpeg, int tries, bool is_again)
{
	const struct store_put_cover cover = {
		.series = of->series, .file = of->file, .size = of->size, .mtime = of->mtime, .ctime = of->ctime,
		.inode = of->inode, .tries = tries, .is_again = is_again, .reason = jpeg ? "" : "why",
		.jpeg = jpeg, .n = jpeg ? strlen(jpeg) : 0,
	};
	begin(w);
	assert_int_equal(store_put_cover(w->f.s, &cover), 0);
	return commit(w);
}

static int copy_jpeg(void *arg, const void *jpeg, size_t n)
{
	snprintf(arg, 64, "%.*s", (int)n, (const char *)jpeg);
	return 0;
}

static const char *jpeg_of(struct world *w, int64_t series)
{
	static char text[64];
	int r = store_cover(w->f.s, series, copy_jpeg, text);
	assert_true(r == 0 || r == -ENOENT);
	return r == 0 ? text : NULL;
}

static void test_lowest_first(void **state)
{
	struct world *w = *state;
	struct store_cover_due akira, dune, row;
	assert_int_equal(due(w, 0, LATER, false, &row), -ENOENT);
	assert_int_equal(due(w, 0, LATER, true, &akira), w->file[0]);
	assert_int_equal(due(w, akira.series, LATER, true, &dune), w->file[2]);
	assert_true(put(w, &akira, "one", 0, false));
	assert_true(put(w, &dune, "two", 0, false));
	assert_int_equal(due(w, 0, NOW, true, &row), -ENOENT);
	assert_string_equal(jpeg_of(w, akira.series), "one");
	begin(w);
	int64_t first = put_volume(w, "Akira", "1.cbz", "1");
	commit(w);
	assert_int_equal(due(w, 0, LATER, false, &row), first);
	assert_string_equal(jpeg_of(w, akira.series), "one");
}

static void collect(void *arg, enum row_kind kind, int64_t id, bool is_gone)
{
	int64_t *sum = arg;
	assert_false(is_gone);
	*sum += kind == ROW_SERIES ? id : 1000;
}

/** A cover moves the listing of its series and nothing else; the same one again, nothing. */
static void test_what_moves(void **state)
{
	struct world *w = *state;
	struct store_cover_due akira;
	uint64_t before[TOPIC_COUNT], after[TOPIC_COUNT], generation, version, again;
	int64_t at[TOPIC_COUNT], changed = 0, time;
	due(w, 0, LATER, true, &akira);
	assert_int_equal(store_topics(w->f.s, before, at, &generation), 0);
	assert_int_equal(store_cover_stamp(w->f.s, akira.series, &version, &time), -ENOENT);
	assert_true(put(w, &akira, "one", 0, false));
	store_changed(w->f.s, generation, collect, &changed);
	assert_int_equal(changed, akira.series);
	assert_int_equal(store_topics(w->f.s, after, at, &generation), 0);
	for (int t = 0; t < TOPIC_COUNT; t++)
		assert_int_equal(after[t] != before[t], t == TOPIC_covers);
	assert_int_equal(store_cover_stamp(w->f.s, akira.series, &version, &time), 0);
	assert_int_equal(version, generation);
	akira.ctime++;
	assert_false(put(w, &akira, "one", 0, false));
	assert_int_equal(store_cover_stamp(w->f.s, akira.series, &again, &time), 0);
	assert_int_equal(again, version);
	assert_true(put(w, &akira, "two", 0, false));
}

static void test_failures(void **state)
{
	struct world *w = *state;
	struct store_cover_due akira, row;
	struct store_cover_counts counts;
	due(w, 0, LATER, true, &akira);
	/* one that may pass: again, when it was some time ago */
	put(w, &akira, NULL, 1, true);
	assert_int_not_equal(due(w, 0, LATER, true, &row), akira.file);
	assert_int_equal(due(w, 0, NOW, true, &row), akira.file);
	assert_int_equal(row.tries, 1);
	put(w, &akira, NULL, 2, false);
	assert_int_not_equal(due(w, 0, NOW, true, &row), akira.file);
	assert_null(jpeg_of(w, akira.series));
	assert_int_equal(store_cover_counts(w->f.s, &counts), 0);
	assert_int_equal(counts.kept, 0);
	assert_int_equal(counts.failed, 1);
	assert_int_equal(counts.series, 2);
	/* what fails for now leaves the picture that is there, what fails for good does not */
	put(w, &akira, "one", 0, false);
	assert_false(put(w, &akira, NULL, 1, true));
	assert_string_equal(jpeg_of(w, akira.series), "one");
	assert_true(put(w, &akira, NULL, 0, false));
	assert_null(jpeg_of(w, akira.series));
}

/** Where no more are kept, one without a picture waits, whatever becomes of its file; what crashed was what the file was then. */
static void test_no_room(void **state)
{
	struct world *w = *state;
	struct store_cover_due akira, dune, row;
	due(w, 0, LATER, true, &akira);
	due(w, akira.series, LATER, true, &dune);
	assert_false(akira.is_kept);
	put(w, &dune, "two", 0, false);
	akira.size++;
	put(w, &akira, NULL, 1, true);
	assert_int_equal(due(w, 0, NOW, false, &row), -ENOENT);
	assert_int_equal(due(w, 0, LATER, true, &row), akira.file);
	assert_int_equal(row.tries, 0);
	/* a picture is made anew all the same */
	put(w, &akira, "one", 0, false);
	assert_int_equal(due(w, 0, LATER, false, &row), akira.file);
	assert_true(row.is_kept);
}

static void test_ends(void **state)
{
	struct world *w = *state;
	struct store_cover_due akira, dune, row;
	struct store_cover_counts counts;
	struct store_touched touched;
	due(w, 0, LATER, true, &akira);
	due(w, akira.series, LATER, true, &dune);
	put(w, &akira, "one", 0, false);
	put(w, &dune, "two", 0, false);
	begin(w);
	assert_int_equal(store_forget_file(w->f.s, dune.file, &touched), 0);
	fill_touched(&w->f, &touched);
	commit(w);
	assert_null(jpeg_of(w, dune.series));
	/* of a series that is gone nothing is kept */
	assert_false(put(w, &dune, "two", 0, false));
	assert_null(jpeg_of(w, dune.series));
	begin(w);
	assert_int_equal(store_trim_covers(w->f.s, 1), 0);
	assert_false(commit(w));
	begin(w);
	assert_int_equal(store_trim_covers(w->f.s, 0), 0);
	assert_true(commit(w));
	assert_int_equal(store_cover_counts(w->f.s, &counts), 0);
	assert_int_equal(counts.kept, 0);
	assert_int_equal(due(w, 0, NOW, false, &row), -ENOENT);
	assert_int_equal(due(w, 0, NOW, true, &row), akira.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lowest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
