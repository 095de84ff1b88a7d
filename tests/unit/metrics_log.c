/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gauges as lines of a file: whole lines, files of bounded size and number, and disks that are full. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "common/append.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/metrics_log.h"

static struct gauges sample_of(double tracks)
{
	struct gauges g = {.at = INT64_C(1795255200) * NS_PER_S};
	for (int i = 0; i < GAUGE_COUNT; i++)
		g.value[i] = NAN;
	g.value[GAUGE_tracks] = tracks;
	g.value[GAUGE_last_seconds] = 1.25;
	return g;
}

static char *content(const char *dir, const char *name)
{
	static char text[1 << 16];
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void drop(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	unlink(path);
}

/** Waits until the thread has taken the line before, so that none is left out. */
static void put_line(struct metrics_log *l, const char *dir, const char *name, double tracks)
{
	char wanted[64];
	struct gauges g = sample_of(tracks);
	snprintf(wanted, sizeof wanted, "\"tracks\": %.0f,", tracks);
	for (int i = 0; i < 60000 && !strstr(content(dir, name), wanted); i++) {
		metrics_log_put(l, &g);
		usleep(1000);
	}
	assert_non_null(strstr(content(dir, name), wanted));
}

static void lines_are_whole_and_without_what_is_not_known(void **state)
{
	char *dir = unit_folder();
	const struct metrics_log_options options = {.path = "m.jsonl", .size = 1 << 20, .keep = 2};
	struct metrics_log *l;
	struct gauges g = sample_of(1);
	(void)state;
	assert_int_equal(metrics_log_new(&options, dir, &l), 0);
	metrics_log_put(l, &g);
	/* the end waits for what was put */
	metrics_log_free(l);
	assert_string_equal(content(dir, "m.jsonl"), "{\"at\": \"2026-11-21T10:00:00Z\", \"tracks\": 1, \"last_seconds\": 1.25}\n");
	assert_int_equal(metrics_log_new(&options, dir, &l), 0);
	put_line(l, dir, "m.jsonl", 2);
	metrics_log_free(l);
	assert_non_null(strstr(content(dir, "m.jsonl"), "1.25}\n{\"at\""));
	drop(dir, "m.jsonl");
	unit_remove(dir);
}

static void without_a_path_there_is_none(void **state)
{
	struct metrics_log *l;
	(void)state;
	assert_int_equal(metrics_log_new(&(struct metrics_log_options){.path = ""}, "/nowhere", &l), 0);
	assert_null(l);
	metrics_log_free(l);
}

static void files_are_bounded_in_size_and_number(void **state)
{
	static const char *const names[] = {"a", "a.1", "a.2", "a.3"};
	char *dir = unit_folder(), path[4096], line[40];
	struct stat st;
	(void)state;
	snprintf(path, sizeof path, "%s/a", dir);
	for (int i = 0; i < 10; i++) {
		snprintf(line, sizeof line, "line %02d\n", i);
		assert_int_equal(append_lines(path, line, strlen(line), 20, 2), 0);
	}
	assert_string_equal(content(dir, "a"), "line 08\nline 09\n");
	assert_string_equal(content(dir, "a.1"), "line 06\nline 07\n");
	assert_string_equal(content(dir, "a.2"), "line 04\nline 05\n");
	assert_int_equal(*content(dir, "a.3"), '\0');
	/* with none to keep it begins anew */
	assert_int_equal(append_lines(path, "x\n", 2, 16, 0), 0);
	assert_string_equal(content(dir, "a"), "x\n");
	/* a line that is too long by itself is written all the same, and empties nothing */
	drop(dir, "a");
	memset(line, 'y', sizeof line);
	assert_int_equal(append_lines(path, line, sizeof line, 16, 2), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof line);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		drop(dir, names[i]);
	unit_remove(dir);
}

static void a_disk_that_is_full_is_told_of_once(void **state)
{
	const struct metrics_log_options options = {.path = "/dev/full", .size = 1 << 20, .keep = 2};
	char *dir = unit_folder(), path[4096];
	struct metrics_log *l;
	(void)state;
	snprintf(path, sizeof path, "%s/errors", dir);
	int saved = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT, 0600);
	dup2(fd, STDERR_FILENO);
	int r = metrics_log_new(&options, dir, &l);
	for (int i = 0; r == 0 && i < 50; i++) {
		struct gauges g = sample_of(i);
		metrics_log_put(l, &g);
		usleep(1000);
	}
	metrics_log_free(r == 0 ? l : NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(r, 0);
	char *first = strstr(content(dir, "errors"), "metrics cannot be written to /dev/full");
	assert_non_null(first);
	assert_null(strstr(first + 1, "metrics cannot be written"));
	drop(dir, "errors");
	unit_remove(dir);
}

static void a_pipe_that_nobody_reads_holds_nobody(void **state)
{
	char *dir = unit_folder(), path[4096];
	(void)state;
	/* it takes a part, then nothing */
	snprintf(path, sizeof path, "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	int end = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(end >= 0);
	static char large[1 << 20];
	memset(large, 'z', sizeof large);
	assert_int_equal(append_lines(path, large, sizeof large, 100, 2), -ENOSPC);
	assert_int_equal(append_lines(path, large, sizeof large, 100, 2), -EAGAIN);
	close(end);
	/* nobody reads it */
	assert_int_equal(append_lines(path, "x\n", 2, 100, 2), -ENXIO);
	unlink(path);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole_and_without_what_is_not_known),
		cmocka_unit_test(without_a_path_there_is_none),
		cmocka_unit_test(files_are_bounded_in_size_and_number),
		cmocka_unit_test(a_disk_that_is_full_is_told_of_once),
		cmocka_unit_test(a_pipe_that_nobody_reads_holds_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
