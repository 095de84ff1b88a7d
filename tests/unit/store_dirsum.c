/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A directory has the sum of its rows, or none: whatever is done to the rows. */
#include "tests/unit/store_fill.h"

#include "common/cleanup.h"
#include "common/dirsum.h"
#include "common/store_private.h"
#include "common/store_read.h"

enum { DIRS = 5, NAMES = 4, STEPS = 3000 };

struct total {
	uint64_t sum;
	bool has_failed, has_files;
};

static int add_row(void *arg, const struct store_file *row)
{
	struct total *t = arg;
	const struct dirsum_file f = {row->name.data, row->name.len, row->size, row->mtime, row->ctime, row->inode, row->btime};
	t->sum += dirsum_of_file(&f);
	t->has_failed |= row->state != 0;
	t->has_files = true;
	return 0;
}

/** How many have one. */
static int check_sums(struct store *s)
{
	sqlite3_stmt *q = NULL;
	int n = 0;
	assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT d.id, d.dirsum, c.name FROM dir d LEFT JOIN dir_cover c "
					    "ON c.root_id = d.root_id AND c.path = d.path", -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW) {
		struct total t = {0};
		int64_t sum = sqlite3_column_int64(q, 1);
		struct bytes cover = column_bytes(q, 2);
		if (cover.len)
			t.sum += dirsum_of_cover(cover.data, cover.len);
		assert_int_equal(store_dir_files(s, sqlite3_column_int64(q, 0), add_row, &t), 0);
		if (sum == DIRSUM_NEVER)
			assert_true(t.has_failed || !t.has_files);
		else if (sum != DIRSUM_NONE)
			assert_int_equal(sum, dirsum_end(t.sum));
		assert_false(sum > DIRSUM_NEVER && t.has_failed);
		n += sum > DIRSUM_NEVER;
	}
	sqlite3_finalize(q);
	return n;
}

struct world {
	struct filler f;
	struct media media;
	int64_t file[DIRS][NAMES], dir[DIRS], lost;
};

static unsigned pick(unsigned n)
{
	static uint64_t state = 7;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % n;
}

static void put(struct world *w, unsigned d, unsigned n)
{
	char dir[16], name[16];
	struct store_touched t;
	bool has_failed = pick(8) == 0;
	snprintf(dir, sizeof dir, "d%u", d);
	snprintf(name, sizeof name, "%u.flac", n);
	struct store_put p = {
		.root = w->f.music, .job = 1, .dir = {dir, strlen(dir)}, .name = {name, strlen(name)}, .of = OF_TRACK,
		.size = 1 + (int)pick(3), .mtime = 1 + (int)pick(3), .ctime = 1 + (int)pick(3), .inode = 1 + (int)pick(30),
		.btime = (int)pick(2), .links = 1, .media = &w->media, .error_kind = has_failed ? "corrupt" : NULL,
		.error_reason = "it is damaged", .tries = has_failed, .file = pick(2) ? w->file[d][n] : 0,
	};
	assert_int_equal(store_put_file(w->f.s, &p, &t), 0);
	fill_touched(&w->f, &t);
	w->file[d][n] = t.file;
	w->dir[d] = t.dir;
}

static void lose(struct world *w, unsigned d, unsigned n)
{
	char name[16];
	struct store_touched t;
	snprintf(name, sizeof name, "%u.flac", n);
	assert_int_equal(store_lose_file(w->f.s, w->file[d][n], w->dir[d], (struct bytes){name, strlen(name)}, &t), 0);
	fill_touched(&w->f, &t);
	w->lost = w->file[d][n];
	w->file[d][n] = 0;
}

static void forget_no_touched(void *arg, const struct store_touched *t)
{
	fill_touched(arg, t);
}

/** One change of those that scans, watches and checks make. */
static void change(struct world *w)
{
	unsigned d = pick(DIRS), n = pick(NAMES);
	struct store_touched t = {0};
	char dir[16];
	snprintf(dir, sizeof dir, "d%u", d);
	switch (pick(8)) {
	case 0:
		if (w->file[d][n])
			lose(w, d, n);
		break;
	case 1:
		if (w->lost)
			assert_int_equal(store_restore_file(w->f.s, w->lost, 1, &t), 0);
		w->lost = 0;
		fill_touched(&w->f, &t);
		break;
	case 2:
		if (w->file[d][n])
			assert_int_equal(store_forget_file(w->f.s, w->file[d][n], &t), 0);
		w->file[d][n] = 0;
		fill_touched(&w->f, &t);
		break;
	case 3:
		assert_int_equal(store_set_cover(w->f.s, w->f.music, (struct bytes){dir, strlen(dir)}, true,
						 (struct bytes){"cover.jpg", pick(2) ? 9 : 0}, fill_ignore, &w->f), 0);
		break;
	case 4:
		assert_int_equal(store_resolve(w->f.s, forget_no_touched, &w->f), 0);
		break;
	default:
		put(w, d, n);
	}
}

/* rows come and go under names and numbers that this test knows nothing of: it takes those that the store has */
static void look(struct world *w)
{
	for (unsigned d = 0; d < DIRS; d++)
		for (unsigned n = 0; n < NAMES; n++) {
			char name[16];
			struct store_file row;
			snprintf(name, sizeof name, "%u.flac", n);
			bool is_there = w->dir[d] && store_file_find(w->f.s, w->dir[d], name, strlen(name), &row) == 0;
			w->file[d][n] = is_there ? row.id : 0;
		}
}

static void a_sum_is_that_of_the_rows_or_there_is_none(void **state)
{
	struct world w = {0};
	char *dir = unit_folder();
	int summed = 0;
	(void)state;
	media_init(&w.media);
	fill_begin(&w.f, dir);
	fill_commit(&w.f);
	for (int i = 0; i < STEPS; i++) {
		assert_int_equal(store_begin_write(w.f.s), 0);
		for (unsigned k = 1 + pick(3); k > 0; k--) {
			change(&w);
			fill_settle(&w.f);
		}
		if (pick(10) == 0)
			store_rollback(w.f.s);
		else
			fill_commit(&w.f);
		look(&w);
		check_sums(w.f.s);
		if (pick(3) == 0) {
			assert_int_equal(store_tidy(w.f.s), 0);
			assert_int_equal(fill_number(w.f.s, "SELECT count(*) FROM dir WHERE dirsum = 0"), 0);
			summed += check_sums(w.f.s);
		}
	}
	/* it would say nothing if there were none */
	assert_true(summed > STEPS / 3);
	media_clear(&w.media);
	store_close(w.f.s);
	unit_remove(dir);
}

static void what_could_not_be_read_is_looked_at_each_time(void **state)
{
	struct filler f;
	struct media none;
	char *dir = unit_folder();
	(void)state;
	media_init(&none);
	fill_begin(&f, dir);
	fill_put(&f, f.music, OF_TRACK, "good", "1.flac", &none, NULL);
	fill_put(&f, f.music, OF_TRACK, "bad", "1.flac", &none, NULL);
	fill_put(&f, f.music, OF_TRACK, "bad", "2.flac", &none, "unreadable");
	fill_commit(&f);
	assert_int_equal(store_tidy(f.s), 0);
	assert_int_equal(fill_number(f.s, "SELECT dirsum > 1 FROM dir WHERE path = CAST('good' AS BLOB)"), 1);
	assert_int_equal(fill_number(f.s, "SELECT dirsum FROM dir WHERE path = CAST('bad' AS BLOB)"), DIRSUM_NEVER);
	store_close(f.s);
	unit_remove(dir);
}

static void a_file_more_ends_the_sum_of_the_directory_that_was_written_to_last(void **state)
{
	struct filler f;
	struct media none;
	char *dir = unit_folder();
	(void)state;
	media_init(&none);
	fill_begin(&f, dir);
	fill_put(&f, f.music, OF_TRACK, "d", "1.flac", &none, NULL);
	fill_commit(&f);
	assert_int_equal(store_tidy(f.s), 0);
	assert_int_equal(check_sums(f.s), 1);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_put(&f, f.music, OF_TRACK, "d", "2.flac", &none, NULL);
	fill_commit(&f);
	assert_int_equal(check_sums(f.s), 0);
	store_close(f.s);
	unit_remove(dir);
}

static int note(void *arg, int64_t id, struct bytes path, int64_t sum)
{
	int *n = arg;
	assert_true(id > 0 && sum > DIRSUM_NEVER && path.len > 0);
	return ++*n, 0;
}

static void a_directory_that_is_listed_in_parts_has_none(void **state)
{
	struct filler f;
	struct media none;
	char name[32], *dir = unit_folder();
	(void)state;
	media_init(&none);
	fill_begin(&f, dir);
	for (int i = 0; i < DIRSUM_FILES; i++) {
		snprintf(name, sizeof name, "%d.flac", i);
		fill_put(&f, f.music, OF_TRACK, "many", name, &none, NULL);
		if (i > 0)
			fill_put(&f, f.music, OF_TRACK, "fewer", name, &none, NULL);
		fill_settle(&f);
	}
	fill_commit(&f);
	assert_int_equal(store_tidy(f.s), 0);
	assert_int_equal(fill_number(f.s, "SELECT dirsum FROM dir WHERE path = CAST('many' AS BLOB)"), DIRSUM_NEVER);
	assert_int_equal(fill_number(f.s, "SELECT dirsum > 1 FROM dir WHERE path = CAST('fewer' AS BLOB)"), 1);
	store_close(f.s);
	unit_remove(dir);
}

static void there_are_more_than_fit_one_transaction(void **state)
{
	struct filler f;
	struct media none;
	char name[32], *dir = unit_folder();
	int rounds = 0, told = 0;
	(void)state;
	media_init(&none);
	fill_begin(&f, dir);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "d%d", i);
		fill_put(&f, f.music, OF_TRACK, name, "1.flac", &none, NULL);
		fill_settle(&f);
	}
	fill_commit(&f);
	uint64_t next = store_next_generation(f.s);
	while (store_tidy(f.s) > 0)
		rounds++;
	assert_true(rounds >= 2);
	/* nobody has to look at anything because of it */
	assert_int_equal(store_next_generation(f.s), next);
	assert_int_equal(store_dirsums(f.s, f.music, note, &told), 0);
	assert_int_equal(told, 600);
	assert_int_equal(store_dirsums(f.s, f.manga, note, &told), 0);
	assert_int_equal(told, 600);
	store_close(f.s);
	unit_remove(dir);
}

static void each_thing_that_a_scan_compares_is_in_the_number(void **state)
{
	static const struct dirsum_file a = {"name", 4, 1, 2, 3, 4, 5}, others[] = {
		{"nam", 3, 1, 2, 3, 4, 5}, {"name", 4, 9, 2, 3, 4, 5}, {"name", 4, 1, 9, 3, 4, 5},
		{"name", 4, 1, 2, 9, 4, 5}, {"name", 4, 1, 2, 3, 9, 5}, {"name", 4, 1, 2, 3, 4, 9}, {"name", 4, 2, 1, 3, 4, 5},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_int_not_equal(dirsum_of_file(&a), dirsum_of_file(&others[i]));
	assert_int_not_equal(dirsum_of_cover("name", 4), dirsum_of_cover("nam", 3));
	assert_int_not_equal(dirsum_of_cover("name", 4), dirsum_of_file(&a));
	assert_true(dirsum_end(0) > DIRSUM_NEVER);
	assert_true(dirsum_end(2) > DIRSUM_NEVER);
	assert_true(dirsum_end(UINT64_MAX) > DIRSUM_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sum_is_that_of_the_rows_or_there_is_none),
		cmocka_unit_test(what_could_not_be_read_is_looked_at_each_time),
		cmocka_unit_test(a_file_more_ends_the_sum_of_the_directory_that_was_written_to_last),
		cmocka_unit_test(a_directory_that_is_listed_in_parts_has_none),
		cmocka_unit_test(there_are_more_than_fit_one_transaction),
		cmocka_unit_test(each_thing_that_a_scan_compares_is_in_the_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
