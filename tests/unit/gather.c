/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Files of many directories in one batch: each keeps its own place and name. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "indexer/pipeline_private.h"

struct lab {
	struct scan scan;
	struct scan_root root;
	struct scout scout;
	struct pipeline p;
};

static struct lab *begin(void)
{
	struct lab *lab = calloc(1, sizeof *lab);
	assert_non_null(lab);
	lab->scan.last = &lab->scan.first;
	lab->root.scan = &lab->scan;
	lab->scout.fd = -1;
	lab->p.scout = &lab->scout;
	return lab;
}

static void end(struct lab *lab)
{
	while (lab->scan.first) {
		struct batch *b = lab->scan.first;
		lab->scan.first = b->next;
		batch_free(&lab->p, b);
	}
	free(lab);
}

static void gather(struct lab *lab, const char *dir, const char *name, bool cover, uint64_t ticket)
{
	struct seen seen = {.name = {name, strlen(name)}, .ticket = ticket, .size = (int64_t)ticket};
	batch_gather(&lab->root, (struct bytes){dir, strlen(dir)}, cover, &seen);
	/* who gathers it has its head */
	assert_int_equal(seen.ticket, 0);
}

static void assert_path(const struct batch *b, int i, const char *path)
{
	struct buf out = BUF_INIT(1 << 16);
	batch_path(b, i, &out);
	assert_string_equal(buf_str(&out), path);
	buf_clear(&out);
}

static void files_of_many_directories_come_together(void **state)
{
	struct lab *lab = begin();
	(void)state;
	gather(lab, "", "root.flac", false, 1);
	gather(lab, "a", "1.flac", true, 2);
	gather(lab, "a", "2.flac", true, 3);
	gather(lab, "a/b", "1.flac", false, 4);
	gather(lab, "a", "3.flac", true, 5);
	struct batch *b = lab->scan.first;
	assert_non_null(b);
	assert_null(b->next);
	assert_true(b->is_given);
	assert_int_equal(b->count, 5);
	assert_int_equal(b->left, 5);
	assert_int_equal(lab->scan.waiting_files, 5);
	assert_int_equal(lab->root.batches, 1);
	static const char *const paths[] = {"root.flac", "a/1.flac", "a/2.flac", "a/b/1.flac", "a/3.flac"};
	for (int i = 0; i < 5; i++) {
		assert_path(b, i, paths[i]);
		assert_int_equal(b->file[i].seen.ticket, i + 1);
		assert_int_equal(b->file[i].cover, i != 0 && i != 3);
	}
	assert_true(batch_is_in(b, (struct bytes){"a", 1}));
	assert_false(batch_is_in(b, (struct bytes){"a/b", 3}));
	assert_false(batch_is_in(b, (struct bytes){"", 0}));
	end(lab);
}

static void a_full_one_is_followed_by_another(void **state)
{
	struct lab *lab = begin();
	char dir[32];
	(void)state;
	for (int i = 0; i < 2 * BATCH_MAX + 1; i++) {
		snprintf(dir, sizeof dir, "dir %d", i / 3);
		gather(lab, dir, "x.mp3", false, (uint64_t)i + 1);
	}
	int n = 0, files = 0;
	for (const struct batch *b = lab->scan.first; b; b = b->next, n++)
		for (int i = 0; i < b->count; i++, files++) {
			char path[48];
			snprintf(path, sizeof path, "dir %d/x.mp3", files / 3);
			assert_path(b, i, path);
		}
	assert_int_equal(n, 3);
	assert_int_equal(files, 2 * BATCH_MAX + 1);
	assert_int_equal(lab->scan.waiting_files, files);
	assert_int_equal(lab->root.batches, 3);
	end(lab);
}

/** A batch is one message, which has its limit. */
static void long_paths_are_fewer_in_one(void **state)
{
	enum { LENGTH = 4000, MESSAGE = 1 << 17 };
	struct lab *lab = begin();
	char dir[LENGTH + 1];
	(void)state;
	memset(dir, 'd', LENGTH);
	dir[LENGTH] = '\0';
	for (int i = 0; i < BATCH_MAX; i++)
		gather(lab, dir, "x.mp3", false, (uint64_t)i + 1);
	int files = 0;
	for (const struct batch *b = lab->scan.first; b; b = b->next) {
		assert_in_range(b->count, 1, MESSAGE / LENGTH);
		files += b->count;
	}
	assert_int_equal(files, BATCH_MAX);
	end(lab);
}

/** One that was taken by a worker is not added to. */
static void one_that_is_on_its_way_takes_no_more(void **state)
{
	struct lab *lab = begin();
	(void)state;
	gather(lab, "a", "1.flac", false, 1);
	lab->p.pool.is_refused = true;
	batch_dispatch(&lab->p, &lab->scan);
	assert_null(lab->scan.first);
	assert_null(lab->root.filling);
	assert_int_equal(lab->root.batches, 0);
	assert_int_equal(lab->scan.waiting_files, 0);
	gather(lab, "b", "2.flac", false, 2);
	struct batch *b = lab->scan.first;
	assert_non_null(b);
	assert_int_equal(b->count, 1);
	assert_path(b, 0, "b/2.flac");
	end(lab);
}

static void a_copy_has_the_place_and_leaves_the_rest(void **state)
{
	struct lab *lab = begin();
	(void)state;
	gather(lab, "a", "1.flac", false, 1);
	gather(lab, "b", "2.flac", true, 2);
	struct batch *one = batch_new(&lab->root), *b = lab->scan.first;
	assert_non_null(one);
	batch_copy(one, b, 1);
	assert_int_equal(one->count, 1);
	assert_path(one, 0, "b/2.flac");
	assert_true(one->file[0].cover);
	assert_int_equal(one->file[0].seen.ticket, 2);
	assert_int_equal(b->file[1].seen.ticket, 2);
	batch_free(&lab->p, one);
	end(lab);
}

/** A scout could not open the first file of @b. */
static void fail_first(struct lab *lab, const struct batch *b, int error)
{
	_buf_ struct buf out = BUF_INIT(256);
	struct frame f;
	size_t start = frame_begin(&out, FRAME_FAILED);
	frame_u64(&out, b->id);
	frame_u32(&out, 0);
	frame_u32(&out, (uint32_t)error);
	frame_end(&out, start);
	assert_true(frame_parse((const uint8_t *)out.data, out.len, &f) > 0);
	batch_on_failed(&lab->p, &f);
}

/** What is not there any more, or is another file by now, is for the next scan: nothing is written, not even an error. */
static void what_changed_its_path_is_left_to_the_next_scan(void **state)
{
	const int gone[] = {-ENOENT, -ENOTDIR, -ELOOP, -FAILED_OTHER};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(gone); i++) {
		struct lab *lab = begin();
		gather(lab, "a", "1.m4a", false, 1);
		struct batch *b = lab->scan.first;
		lab->scan.first = NULL;
		lab->p.job_scan.given = b;
		b->id = 7;
		/* there is no writer that could be told */
		assert_null(lab->p.o.writer);
		fail_first(lab, b, gone[i]);
		assert_null(lab->p.job_scan.given);
		assert_int_equal(lab->scan.extracted, 1);
		assert_int_equal(lab->scan.errors, 0);
		assert_int_equal(lab->scan.added, 0);
		end(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_many_directories_come_together),
		cmocka_unit_test(a_full_one_is_followed_by_another),
		cmocka_unit_test(long_paths_are_fewer_in_one),
		cmocka_unit_test(one_that_is_on_its_way_takes_no_more),
		cmocka_unit_test(a_copy_has_the_place_and_leaves_the_rest),
		cmocka_unit_test(what_changed_its_path_is_left_to_the_next_scan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
