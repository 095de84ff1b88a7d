/* SPDX-License-Identifier: GPL-3.0-or-later */
/** history/: the stream, what is kept how long, and what changed, in words. */
#include "tests/unit/store_fill.h"

#include <errno.h>
#include <sqlite3.h>

#include "common/clock.h"
#include "common/store_private.h"
#include "fs/diff.h"

#define HOUR (3600 * NS_PER_S)
#define DAY (24 * HOUR)

/* 2026-11-21T00:00:00Z */
#define MIDNIGHT (1795219200 * NS_PER_S)

/* --- the stream --- */

static int read_text(const char *text, struct snapshot **s)
{
	*s = NULL;
	return snapshot_read(text, strlen(text), s);
}

static void a_stream_is_read_as_it_was_written(void **state)
{
	static const char odd[] = "a\0b\nend 2\n";
	struct snapshot *s = NULL;
	_buf_ struct buf out = BUF_INIT(1 << 16), bytes = BUF_INIT(1 << 16);
	(void)state;
	snapshot_begin(&out, 17);
	snapshot_add(&out, "odd", odd, sizeof odd);
	snapshot_add(&out, "nothing", "", 0);
	snapshot_end(&out, 2);
	assert_int_equal(snapshot_read(out.data, out.len, &s), 0);
	assert_int_equal(s->version, 17);
	assert_int_equal(s->docs.len, 2);
	assert_string_equal(s->docs.data[1].name, "nothing");
	for (int i = 0; i < 2; i++) {
		const struct snapshot_doc *doc = &s->docs.data[i];
		assert_int_equal(snapshot_unpack(doc->packed, doc->packed_len, doc->size, &bytes), 0);
	}
	assert_int_equal(bytes.len, sizeof odd);
	assert_memory_equal(bytes.data, odd, sizeof odd);
	snapshot_free(s);
	/* whatever is cut off, it is no snapshot */
	for (size_t n = 0; n < out.len; n++)
		assert_int_equal(snapshot_read(out.data, n, &s), -EPROTO);
}

static void what_is_no_stream_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"end 0\n",
		"mediamon-snapshot 2 17\nend 0\n",
		"mediamon-snapshot 1 17\nend 1\n",
		"mediamon-snapshot 1 17\nend 0\nmore",
		"mediamon-snapshot 1 17\na/b 1\nx\nend 1\n",
		"mediamon-snapshot 1 17\n.. 1\nx\nend 1\n",
		"mediamon-snapshot 1 17\n\033[2J 1\nx\nend 1\n",
		"mediamon-snapshot 1 17\n\xff 1\nx\nend 1\n",
		"mediamon-snapshot 1 17\na -1\nx\nend 1\n",
		"mediamon-snapshot 1 17\na 99999999999999999999\nx\nend 1\n",
		"mediamon-snapshot 1 17\na 18446744073709551615\nx\nend 1\n",
		"mediamon-snapshot 1 17\na 2\nx\nend 1\n",
	};
	struct snapshot *s;
	(void)state;
	assert_int_equal(read_text("mediamon-snapshot 1 17\na 1\nx\nend 1\n", &s), 0);
	snapshot_free(s);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (read_text(bad[i], &s) != -EPROTO)
			fail_msg("%zu was taken: %s", i, bad[i]);
}

/* --- what is kept --- */

struct times {
	int64_t at[2000];
	int n;
};

static int add_time(void *arg, const struct store_item *row)
{
	struct times *t = arg;
	assert_true(t->n < 2000);
	t->at[t->n++] = row->at;
	return 0;
}

static void check_kept(struct store *s, const int64_t *wanted, int n)
{
	struct times t = {0};
	assert_int_equal(store_history(s, 0, add_time, &t), 0);
	for (int i = 0; i < t.n && i < n; i++)
		if (t.at[i] != wanted[i])
			fail_msg("place %d holds %lld h, wanted %lld h", i,
				 (long long)((t.at[i] - MIDNIGHT) / HOUR),
				 (long long)((wanted[i] - MIDNIGHT) / HOUR));
	assert_int_equal(t.n, n);
}

static int64_t count_of(struct store *s, const char *sql)
{
	sqlite3_stmt *q = NULL;
	assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

static void hourly_for_a_day_and_daily_for_a_month_are_kept(void **state)
{
	enum { HOURS = 40 * 24 + 11 };
	struct filler f;
	char *dir = unit_folder(), text[32];
	int64_t wanted[100], now = MIDNIGHT + (HOURS - 1) * HOUR;
	int n = 0;
	(void)state;
	fill_begin(&f, dir);
	for (int h = 0; h < HOURS; h++) {
		snprintf(text, sizeof text, "hour %d", h);
		assert_int_not_equal(fill_history(&f, MIDNIGHT + h * HOUR, (uint64_t)h + 1, text, "{}"), 0);
	}
	fill_commit(&f);
	/* days 10 … 38 by their last hour, day 39 from where 24 hours reach back to, today whole */
	for (int day = 10; day <= 38; day++)
		wanted[n++] = MIDNIGHT + day * DAY + 23 * HOUR;
	for (int64_t at = now - 23 * HOUR; at <= now; at += HOUR)
		wanted[n++] = at;
	assert_int_equal(now, MIDNIGHT + 40 * DAY + 10 * HOUR);
	check_kept(f.s, wanted, n);
	/* nothing of what went is left, and readers that hold names are told */
	assert_int_equal(count_of(f.s, "SELECT count(*) FROM history"), 2 * n);
	assert_int_equal(count_of(f.s, "SELECT count(*) FROM history_body"), n + 1);
	assert_int_equal(count_of(f.s, "SELECT count(*) FROM tomb WHERE kind = 7"), HOURS - n);
	store_close(f.s);
	unit_remove(dir);
}

static void many_of_one_day_are_bounded(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	struct times t = {0};
	(void)state;
	fill_begin(&f, dir);
	for (int i = 0; i < STORE_HISTORY_DAY + 50; i++)
		fill_history(&f, MIDNIGHT + i * NS_PER_S, (uint64_t)i + 1, "x", "{}");
	fill_commit(&f);
	assert_int_equal(store_history(f.s, 0, add_time, &t), 0);
	assert_int_equal(t.n, STORE_HISTORY_DAY);
	assert_int_equal(t.at[0], MIDNIGHT + 50 * NS_PER_S);
	store_close(f.s);
	unit_remove(dir);
}

static void a_clock_that_was_wrong_empties_nothing(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	int64_t wanted[] = {MIDNIGHT + 23 * HOUR, MIDNIGHT + DAY + 23 * HOUR, MIDNIGHT + 25000 * DAY,
			    MIDNIGHT + 2 * DAY + HOUR};
	(void)state;
	fill_begin(&f, dir);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(fill_history(&f, wanted[i], (uint64_t)i + 1, "x", "{}"), 0);
	fill_commit(&f);
	check_kept(f.s, wanted, 4);
	store_close(f.s);
	unit_remove(dir);
}

static void the_same_state_is_kept_once_a_day(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	uint64_t before[TOPIC_COUNT], after[TOPIC_COUNT], generation;
	int64_t at[TOPIC_COUNT], wanted[] = {MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR, MIDNIGHT + DAY};
	(void)state;
	fill_begin(&f, dir);
	assert_int_not_equal(fill_history(&f, MIDNIGHT + HOUR, 5, "same", "{}"), 0);
	fill_commit(&f);
	store_topics(f.s, before, at, &generation);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(fill_history(&f, MIDNIGHT + 2 * HOUR, 5, "same", "{}"), 0);
	fill_commit(&f);
	store_topics(f.s, after, at, &generation);
	assert_int_equal(after[TOPIC_history], before[TOPIC_history]);
	assert_int_equal(store_begin_write(f.s), 0);
	/* another state, of which one document is as before; a second one of the same moment */
	assert_int_not_equal(fill_history(&f, MIDNIGHT + 3 * HOUR, 6, "same", "{\"a\": 1}"), 0);
	assert_int_equal(fill_history(&f, MIDNIGHT + 3 * HOUR, 7, "other", "{}"), 0);
	assert_int_not_equal(fill_history(&f, MIDNIGHT + DAY, 6, "same", "{\"a\": 1}"), 0);
	fill_commit(&f);
	store_topics(f.s, after, at, &generation);
	assert_true(after[TOPIC_history] > before[TOPIC_history]);
	check_kept(f.s, wanted, 3);
	assert_int_equal(count_of(f.s, "SELECT count(*) FROM history_body"), 3);
	store_close(f.s);
	unit_remove(dir);
}

static void a_document_is_found_with_its_bytes(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	int64_t at, doc, time;
	_buf_ struct buf out = BUF_INIT(1 << 16);
	(void)state;
	fill_begin(&f, dir);
	int64_t id = fill_history(&f, MIDNIGHT, 5, "# text\n", "{\"x\": 1}\n");
	fill_commit(&f);
	assert_int_equal(store_history_at(f.s, MIDNIGHT, &at), 0);
	assert_int_equal(at, id);
	assert_int_equal(store_history_at(f.s, MIDNIGHT + 1, &at), -ENOENT);
	assert_int_equal(store_history_find(f.s, id, "missing.json", &doc), 0);
	assert_int_equal(store_history_doc(f.s, doc, &time), 0);
	assert_int_equal(time, MIDNIGHT);
	assert_int_equal(store_history_read(f.s, doc, &out), 0);
	assert_string_equal(buf_str(&out), "{\"x\": 1}\n");
	assert_int_equal(store_history_find(f.s, id, "roots", &doc), -ENOENT);
	assert_int_equal(store_history_read(f.s, 999, &out), -ENOENT);
	store_close(f.s);
	unit_remove(dir);
}

static void a_store_made_before_gets_the_tables(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	fill_commit(&f);
	assert_int_equal(store_exec(f.s, "DROP TABLE history; DROP TABLE history_at; "
					 "DROP TABLE history_body"), 0);
	store_close(f.s);
	fill_begin(&f, dir);
	assert_int_not_equal(fill_history(&f, MIDNIGHT, 1, "x", "{}"), 0);
	fill_commit(&f);
	store_close(f.s);
	unit_remove(dir);
}

/* --- words --- */

#define ITEMS(text) "{\n  \"schema\": \"x\",\n  \"items\": [" text "],\n  \"count\": 0\n}\n"

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){text, text ? strlen(text) : 0};
}

static void check_words(const struct diff *d, const char *wanted)
{
	_buf_ struct buf out = BUF_INIT(1 << 20);
	assert_int_equal(diff_words(d, &out), 0);
	assert_string_equal(buf_str(&out), wanted);
}

static void check_pair(enum diff_doc doc, const char *then, const char *now, const char *wanted)
{
	struct diff d = {0};
	d.then[doc] = bytes_of(then);
	d.now[doc] = bytes_of(now);
	check_words(&d, wanted);
}

#define VOLUME(series, n, state) \
	"\n    {\"series\": \"" series "\", \"volume\": " #n ", \"state\": \"" state "\"}"

static bool owns(void *arg, const char *series, double volume)
{
	(void)arg;
	return strcmp(series, "Gone") != 0 && volume < 100;
}

static void volumes_that_came_and_went_are_told(void **state)
{
	static const char then[] = ITEMS(
		VOLUME("One Piece", 12, "wanted") "," VOLUME("Naruto", 12, "wanted") ","
		VOLUME("One Piece", 3, "wanted") "," VOLUME("Gone", 1, "wanted") ","
		VOLUME("Stays", 1, "wanted") "," VOLUME("Bad", 2, "wanted") ","
		VOLUME("Half", 1.5, "wanted"));
	static const char now[] = ITEMS(
		VOLUME("Stays", 1, "wanted") "," VOLUME("New", 9, "wanted") ","
		VOLUME("Bad", 2, "corrupt") "," VOLUME("New", 10, "corrupt"));
	struct diff d = {.has_volume = owns};
	(void)state;
	d.then[DIFF_missing] = bytes_of(then);
	d.now[DIFF_missing] = bytes_of(now);
	check_words(&d,
		    "4 volumes that were missing are here now: Half 1.5; Naruto 12; One Piece 3, 12\n"
		    "1 volume that was missing is not asked for any more: Gone 1\n"
		    "2 volumes are missing that were not: New 9, 10\n"
		    "1 volume that was wanted is corrupt now: Bad 2\n");
	check_pair(DIFF_missing, now, now, "nothing changed\n");
}

static void a_long_list_is_cut(void **state)
{
	_buf_ struct buf now = BUF_INIT(1 << 16);
	(void)state;
	buf_adds(&now, "{\n  \"items\": [");
	for (int i = 1; i <= 1025; i++)
		buf_addf(&now, "%s\n    {\"series\": \"S\", \"volume\": %d, \"state\": \"wanted\"}",
			 i > 1 ? "," : "", i);
	buf_adds(&now, "\n  ]\n}\n");
	check_pair(DIFF_missing, ITEMS(""), buf_str(&now),
		   "1,025 volumes are missing that were not: S 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, "
		   "14, 15, 16, 17, 18, 19, 20 and 1,005 more\n");
}

static void names_cannot_steer_a_terminal(void **state)
{
	(void)state;
	check_pair(DIFF_missing, ITEMS(""),
		   ITEMS(VOLUME("a\\u001b[2J\\nb\\u202e", 1, "wa\\u0007") ","
			 VOLUME("x\\n  \\\"items\\\": [", 1, "wanted")),
		   "2 volumes are missing that were not: a\\x1b[2J\\x0ab\\xe2\\x80\\xae 1; "
		   "x\\x0a  \"items\": [ 1\n");
}

static bool has(void *arg, const char *path)
{
	(void)arg;
	/* "/m/\xff" came as base64 */
	return strcmp(path, "/m/well") == 0 || strcmp(path, "/m/\xff") == 0;
}

static void files_that_fail_and_recover_are_told(void **state)
{
	struct diff d = {.has_path = has};
	(void)state;
	d.then[DIFF_errors] = bytes_of(ITEMS(
		"{\"path\": \"/m/well\", \"kind\": \"corrupt\"}, {\"path\": \"/m/gone\", \"kind\": \"corrupt\"}, "
		"{\"path\": \"/m/both\", \"kind\": \"unreadable\"}, "
		"{\"path\": \"/m/\xef\xbf\xbd\", \"path_bytes\": \"L20v/w==\", \"kind\": \"corrupt\"}"));
	d.now[DIFF_errors] = bytes_of(ITEMS(
		"{\"path\": \"/m/both\", \"kind\": \"corrupt\"}, {\"path\": \"/m/new\", \"kind\": \"timeout\"}"));
	check_words(&d, "2 files that could not be read are well again: /m/well, /m/\xef\xbf\xbd\n"
			"1 file that could not be read is gone: /m/gone\n"
			"1 more file cannot be read: /m/new\n"
			"1 file that was unreadable is corrupt now: /m/both\n");
}

#define ROOT(name, state, reason) \
	"{\"name\": \"" name "\", \"path\": \"/srv/" name "\", \"state\": \"" state \
	"\", \"reason\": \"" reason "\"}"

static void folders_are_told_with_their_reason(void **state)
{
	(void)state;
	check_pair(DIFF_roots,
		   ITEMS(ROOT("music", "present", "") ", " ROOT("old", "present", "") ", " ROOT(
			   "stuck", "stuck", "no answer")),
		   ITEMS(ROOT("music", "absent", "it is not there") ", " ROOT("new", "present", "") ", "
			 ROOT("stuck", "stuck", "no answer since noon")),
		   "the folder music (/srv/music) was present, is absent: it is not there\n"
		   "the folder new (/srv/new) is watched now, and is present\n"
		   "the folder old (/srv/old) is not watched any more\n"
		   "the folder stuck (/srv/stuck) is still stuck: no answer since noon\n");
}

static void numbers_are_told_with_both_sides(void **state)
{
	(void)state;
	check_pair(DIFF_summary,
		   "{\"music\": {\"tracks\": 10000, \"albums\": 5}, \"manga\": {\"volumes\": 7, \"bytes\": 0}, "
		   "\"indexer\": {\"state\": \"running\"}}",
		   "{\"music\": {\"tracks\": 10120, \"albums\": 5}, \"manga\": {\"volumes\": 6, \"bytes\": 2048}, "
		   "\"indexer\": {\"state\": \"away\"}}",
		   "the indexer was running, is away\n"
		   "120 tracks more (10,000 then, 10,120 now)\n"
		   "1 volume fewer (7 then, 6 now)\n"
		   "2.0 KiB of manga more (0 B then, 2.0 KiB now)\n");
	check_pair(DIFF_audit, "{\n  \"items\": [\n    {}, {}\n  ],\n  \"total\": 2\n}\n",
		   "{\n  \"items\": [],\n  \"total\": 1000\n}\n",
		   "998 findings of the audit more (2 then, 1,000 now)\n");
}

static void what_is_not_understood_is_said(void **state)
{
	static const char *const bad[] = {
		"x", "{", "[1, 2", "{\n  \"items\": [", "{\n  \"items\": [{]\n}\n", "{\n  \"items\": [1]\n}\n",
		"{\n  \"items\": []\n", "{\"a\": \"\xff\"}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		check_pair(DIFF_missing, bad[i], ITEMS(""),
			   "status/missing.json cannot be compared: it is not understood\n");
		check_pair(DIFF_missing, ITEMS(""), bad[i],
			   "status/missing.json cannot be compared: it is not understood\n");
	}
	check_pair(DIFF_missing, NULL, ITEMS(""), "status/missing.json did not exist then\n");
	check_pair(DIFF_missing, ITEMS(""), NULL, "status/missing.json does not exist any more\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_stream_is_refused),
		cmocka_unit_test(hourly_for_a_day_and_daily_for_a_month_are_kept),
		cmocka_unit_test(many_of_one_day_are_bounded),
		cmocka_unit_test(a_clock_that_was_wrong_empties_nothing),
		cmocka_unit_test(the_same_state_is_kept_once_a_day),
		cmocka_unit_test(a_document_is_found_with_its_bytes),
		cmocka_unit_test(a_store_made_before_gets_the_tables),
		cmocka_unit_test(volumes_that_came_and_went_are_told),
		cmocka_unit_test(a_long_list_is_cut),
		cmocka_unit_test(names_cannot_steer_a_terminal),
		cmocka_unit_test(files_that_fail_and_recover_are_told),
		cmocka_unit_test(folders_are_told_with_their_reason),
		cmocka_unit_test(numbers_are_told_with_both_sides),
		cmocka_unit_test(what_is_not_understood_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
