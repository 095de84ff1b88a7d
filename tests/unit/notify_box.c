/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What waits is bounded, in order, and nothing is lost without being counted. */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/notify/box.h"

static void put(struct box *b, const char *kind, const char *text, int64_t at)
{
	struct notice n = {.kind = kind, .series = "s", .text = text, .at = at};
	struct note *note = note_new(&n, at);
	assert_non_null(note);
	box_put(b, note);
}

static void the_oldest_of_a_kind_makes_room(void **state)
{
	struct box b = {0};
	char text[32];
	(void)state;
	put(&b, "rare", "the only one", 1);
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "%d", i);
		put(&b, "common", text, 2 + i);
	}
	assert_int_equal(b.len, BOX_NOTES);
	assert_string_equal(b.note[0]->notice.text, "the only one");
	assert_string_equal(b.note[1]->notice.text, "4001");
	assert_string_equal(b.note[BOX_NOTES - 1]->notice.text, "4999");
	assert_int_equal(b.tally_count, 1);
	assert_int_equal(b.tally[0].notice.more, 4001);
	assert_int_equal(box_count(&b), 5001);
	/* the first of its kind has room too */
	put(&b, "new", "hello", 9000);
	assert_string_equal(b.note[BOX_NOTES - 1]->notice.text, "hello");
	assert_int_equal(box_count(&b), 5002);
	box_clear(&b);
	assert_true(box_is_empty(&b));
}

static void what_comes_back_is_before_what_came(void **state)
{
	struct box older = {0}, b = {0};
	(void)state;
	for (int i = 0; i < 1500; i++)
		put(&older, "a", "old", i);
	for (int i = 0; i < 700; i++)
		put(&b, "a", "new", 5000 + i);
	box_return(&b, &older);
	assert_true(box_is_empty(&older));
	assert_int_equal(b.len, BOX_NOTES);
	assert_int_equal(box_count(&b), 2200);
	assert_string_equal(b.note[0]->notice.text, "old");
	assert_string_equal(b.note[299]->notice.text, "old");
	assert_string_equal(b.note[300]->notice.text, "new");
	box_clear(&b);
}

static void kinds_without_number_are_counted_together(void **state)
{
	struct box b = {0};
	char kind[32];
	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(kind, sizeof kind, "kind %d", i);
		put(&b, kind, "x", i);
	}
	assert_int_equal(b.len, BOX_NOTES);
	assert_int_equal(b.tally_count, BOX_KINDS);
	assert_string_equal(b.tally[BOX_KINDS - 1].kind, "other");
	assert_int_equal(box_count(&b), 5000);
	box_clear(&b);
}

static void what_is_too_old_goes(void **state)
{
	struct box b = {0};
	(void)state;
	assert_true(box_oldest(&b) == INT64_MAX);
	for (int i = 0; i < BOX_NOTES + 10; i++)
		put(&b, "a", "x", i);
	assert_int_equal(box_oldest(&b), 9);
	assert_int_equal(box_expire(&b, 110), 110);
	assert_int_equal(b.tally_count, 0);
	assert_int_equal(box_count(&b), BOX_NOTES - 100);
	assert_int_equal(box_oldest(&b), 110);
	assert_int_equal(box_expire(&b, 1 << 20), BOX_NOTES - 100);
	assert_true(box_is_empty(&b));
	box_clear(&b);
}

static void any_bytes_become_text_of_a_bounded_length(void **state)
{
	static const char *const pieces[] = {
		"a", "\x80", "\xe3\x83\xaf", "\xf0\x9f\x98\x80", "\xff\xfe", "\xe3\x83", "\x01"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		for (size_t n = 1000; n < 1040; n++) {
			_buf_ struct buf text = BUF_INIT(8192);
			while (text.len < n)
				buf_adds(&text, pieces[i]);
			struct notice in = {.kind = buf_str(&text),
					    .series = buf_str(&text),
					    .text = buf_str(&text)};
			_free_ struct note *note = note_new(&in, 1);
			assert_non_null(note);
			const struct notice *out = &note->notice;
			assert_in_range(strlen(out->kind), NOTICE_KIND - 3, NOTICE_KIND);
			assert_in_range(strlen(out->series), NOTICE_SERIES - 3, NOTICE_SERIES);
			assert_in_range(strlen(out->text), 990, NOTICE_TEXT);
			assert_true(text_is_utf8(out->kind, strlen(out->kind)));
			assert_true(text_is_utf8(out->series, strlen(out->series)));
			assert_true(text_is_utf8(out->text, strlen(out->text)));
		}
	struct notice nothing = {0};
	_free_ struct note *note = note_new(&nothing, 1);
	assert_string_equal(note->notice.kind, "");
	assert_string_equal(note->notice.series, "");
	assert_string_equal(note->notice.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_of_a_kind_makes_room),
		cmocka_unit_test(what_comes_back_is_before_what_came),
		cmocka_unit_test(kinds_without_number_are_counted_together),
		cmocka_unit_test(what_is_too_old_goes),
		cmocka_unit_test(any_bytes_become_text_of_a_bounded_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
