/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is there twice, and which copy is the best. */
#include "tests/unit/store_fill.h"

#include "common/cleanup.h"
#include "common/copies.h"

/* --- the best of copies --- */

static struct copy copy_of(int64_t file, const char *format, int64_t pages, int64_t bytes)
{
	struct copy c = {.file = file, .pages = pages, .bytes = bytes, .volumes = 1};
	snprintf(c.format, sizeof c.format, "%s", format);
	return c;
}

/** The copies' files, best first, and their reasons: @wanted is "2 why, 1 why". */
static void check_rank(struct copy *c, size_t n, const char *wanted)
{
	_buf_ struct buf got = BUF_INIT(4096);
	copies_rank(c, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(c[i].is_best, i == 0);
		buf_addf(&got, "%s%lld %s", i ? ", " : "", (long long)c[i].file, c[i].reason);
	}
	assert_string_equal(buf_str(&got), wanted);
}

#define RANK(wanted, ...) \
	do { \
		struct copy c_[] = {__VA_ARGS__}; \
		check_rank(c_, COUNT_OF(c_), wanted); \
	} while (0)

static void formats_come_first(void **state)
{
	(void)state;
	RANK("3 the better format, 2 a lesser format, 4 a lesser format, 1 a lesser format, 5 a lesser format",
	     copy_of(1, "epub", 900, 9000), copy_of(2, "cbr", 10, 100), copy_of(3, "cbz", 1, 10),
	     copy_of(4, "PDF", 20, 200), copy_of(5, "", 999, 9999));
}

static void then_pages_then_bytes(void **state)
{
	(void)state;
	RANK("2 the most pages, 1 fewer pages", copy_of(1, "cbz", 180, 900), copy_of(2, "cbz", 200, 100));
	RANK("2 the most bytes, 1 fewer bytes", copy_of(1, "cbz", 200, 100), copy_of(2, "cbz", 200, 101));
	RANK("1 as good as the next, and known for longer, 2 as good as the best",
	     copy_of(2, "cbz", 1, 1), copy_of(1, "cbz", 1, 1));
	/* each is told from the best */
	RANK("2 the most pages, 1 fewer pages, 3 a lesser format", copy_of(1, "cbz", 180, 1),
	     copy_of(2, "cbz", 200, 1), copy_of(3, "cbr", 200, 1));
}

static void a_damaged_copy_is_never_the_best_of_a_whole_one(void **state)
{
	struct copy damaged = copy_of(1, "cbz", 500, 5000);
	(void)state;
	damaged.is_bad = true;
	RANK("2 the others are damaged, 1 damaged", damaged, copy_of(2, "epub", 0, 1));
	struct copy wide = copy_of(3, "pdf", 1, 1);
	wide.volumes = 5;
	RANK("3 holds more volumes, 4 the best one holds it as well", copy_of(4, "cbz", 9, 9), wide);
	wide.is_bad = true;
	RANK("4 the others are damaged, 3 damaged", copy_of(4, "cbz", 9, 9), wide);
}

static void sound_without_loss_comes_first_then_the_bit_rate(void **state)
{
	struct copy mp3 = copy_of(1, "mp3", 0, 9000), flac = copy_of(2, "flac", 0, 100);
	struct copy alac = copy_of(3, "m4a", 0, 50), aac = copy_of(4, "m4a", 0, 99999);
	(void)state;
	mp3.bitrate = 320000;
	flac.bitrate = 300000;
	alac.bitrate = 290000;
	alac.is_lossless = true;
	aac.bitrate = 256000;
	RANK("2 the highest bit rate, 3 a lower bit rate, 1 a lesser format, 4 a lesser format", mp3, aac, alac,
	     flac);
}

/* --- what the store tells --- */

struct told {
	struct buf text;
	struct store_duplicates d;
};

static int tell(void *arg, const struct store_duplicate *row)
{
	struct told *t = arg;
	if (row->kind == DUPLICATE_RECORDING)
		buf_addf(&t->text, "%s/%s/%s:", row->artist, row->album, row->title);
	else
		buf_addf(&t->text, "%s%s %d-%d:", row->kind == DUPLICATE_COVERED ? "in " : "",
			 row->series, row->first, row->last);
	assert_int_equal(row->count, row->total);
	for (size_t i = 0; i < row->count; i++) {
		const char *slash = memrchr(row->copies[i].path, '/', row->copies[i].path_len);
		size_t at = (size_t)(slash + 1 - row->copies[i].path);
		assert_memory_equal(row->copies[i].path, "/srv/", 5);
		buf_addf(&t->text, " %.*s", (int)(row->copies[i].path_len - at), slash + 1);
	}
	buf_addc(&t->text, '\n');
	return 0;
}

static void check_told(struct filler *f, char *dir, int64_t limit, int64_t total, const char *wanted)
{
	struct told t = {.text = BUF_INIT(1 << 20)};
	fill_commit(f);
	assert_int_equal(store_duplicates(f->s, limit, tell, &t, &t.d), 0);
	assert_string_equal(buf_str(&t.text), wanted);
	assert_int_equal(t.d.total, total);
	assert_false(t.d.is_partial);
	buf_clear(&t.text);
	store_close(f->s);
	unit_remove(dir);
}

#define VOLUME(name, ...) fill_media(&f, OF_VOLUME, "S", name, FIELDS_OF("series=S", __VA_ARGS__))
#define TRACK(name, ...) fill_media(&f, OF_TRACK, "A", name, FIELDS_OF("artist=A", __VA_ARGS__))

static void a_volume_twice_is_told_once(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	VOLUME("3", "kind=volume", "volume=3", "format=cbz", "pages=10");
	fill_media(&f, OF_VOLUME, "T", "t3", FIELDS_OF("series=T", "kind=volume", "volume=3"));
	VOLUME("3b", "kind=volume", "volume=3", "format=cbz", "pages=20");
	VOLUME("4", "kind=volume", "volume=4");
	VOLUME("0", "kind=volume", "volume=0");
	VOLUME("00", "kind=volume", "volume=0");
	/* none of these is a regular volume */
	VOLUME("h", "kind=volume", "volume=3.5");
	VOLUME("h2", "kind=volume", "volume=3.5");
	VOLUME("c", "kind=chapter", "chapter=3", "volume=3");
	VOLUME("c2", "kind=chapter", "chapter=3", "volume=3");
	VOLUME("p", "kind=range", "rule=pack");
	VOLUME("p2", "kind=range", "rule=pack");
	check_told(&f, dir, 100, 2, "S 0-0: 0 00\nS 3-3: 3b 3\n");
}

static void a_damaged_file_is_a_copy_of_its_volume(void **state)
{
	struct filler f;
	struct media m;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	media_init(&m);
	media_set_text(&m, FIELD_series, "S", 1);
	media_set_text(&m, FIELD_kind, "volume", 6);
	media_set_text(&m, FIELD_format, "cbz", 3);
	media_set_real(&m, FIELD_volume, 3);
	fill_put(&f, f.manga, OF_VOLUME, "S", "bad", &m, "corrupt");
	media_clear(&m);
	VOLUME("good", "kind=volume", "volume=3", "format=epub");
	check_told(&f, dir, 100, 1, "S 3-3: good bad\n");
}

static void a_volume_in_a_range_is_covered(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	VOLUME("2", "kind=volume", "volume=2");
	VOLUME("r", "kind=range", "volume=1", "volume_end=3");
	VOLUME("rr", "kind=range", "volume=1", "volume_end=3");
	VOLUME("4", "kind=volume", "volume=4");
	VOLUME("r0", "kind=range", "volume=0", "volume_end=2");
	VOLUME("3", "kind=volume", "volume=3");
	check_told(&f, dir, 100, 3, "S 1-3: r rr\nin S 2-2: r 2\nin S 3-3: r 3\n");
}

static void a_complete_edition_covers_all(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	VOLUME("2", "kind=volume", "volume=2");
	VOLUME("all", "kind=range", "rule=complete");
	VOLUME("all2", "kind=range", "rule=complete");
	check_told(&f, dir, 100, 2, "S 1-0: all all2\nin S 2-2: all 2\n");
}

static void languages_are_different_volumes(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	VOLUME("fr", "kind=volume", "volume=3", "language=fr");
	VOLUME("en", "kind=volume", "volume=3", "language=en");
	VOLUME("no", "kind=volume", "volume=3");
	VOLUME("en2", "kind=volume", "volume=3", "language=en");
	/* an unknown one may be the known one */
	VOLUME("4fr", "kind=volume", "volume=4", "language=fr");
	VOLUME("4", "kind=volume", "volume=4");
	VOLUME("r", "kind=range", "volume=4", "volume_end=5", "language=en");
	check_told(&f, dir, 100, 3, "S 3-3: en en2\nS 4-4: 4fr 4\nin S 4-4: r 4\n");
}

static void the_widest_range_of_the_language_is_told(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	VOLUME("r", "kind=range", "volume=1", "volume_end=9");
	VOLUME("fr", "kind=range", "volume=1", "volume_end=5", "language=fr");
	VOLUME("en", "kind=range", "volume=1", "volume_end=20", "language=en");
	VOLUME("2", "kind=volume", "volume=2", "language=fr");
	check_told(&f, dir, 100, 3, "in S 1-9: en r\nin S 1-5: r fr\nin S 2-2: r 2\n");
}

static void an_omnibus_is_not_the_volume_of_its_number(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	VOLUME("2", "kind=volume", "volume=2", "rule=t");
	VOLUME("o2", "kind=volume", "volume=2", "rule=omnibus");
	VOLUME("o1", "kind=volume", "volume=1", "rule=omnibus");
	VOLUME("2b", "kind=volume", "volume=2", "rule=t");
	fill_media(&f, OF_VOLUME, "T", "x", FIELDS_OF("series=T", "kind=volume", "volume=2", "rule=omnibus"));
	fill_media(&f, OF_VOLUME, "T", "y", FIELDS_OF("series=T", "kind=volume", "volume=2", "rule=omnibus"));
	check_told(&f, dir, 100, 2, "S 2-2: 2 2b\nT 2-2: x y\n");
}

static void a_recording_is_known_by_its_id(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	TRACK("a", "title=One", "album=X", "musicbrainz_recording_id=id-1", "format=mp3");
	TRACK("b", "title=Uno", "album=Best of", "musicbrainz_recording_id=ID-1", "format=flac");
	TRACK("c", "title=One", "album=Live", "musicbrainz_recording_id=id-2");
	TRACK("c1", "title=One", "album=Live", "musicbrainz_recording_id=id-1", "format=mp3", "bitrate=9");
	TRACK("c2", "title=One", "album=Live", "musicbrainz_recording_id=id-1", "format=m4a",
	      "bits_per_sample=16");
	/* the same tags, and ids that say otherwise */
	TRACK("d", "title=Two", "album=X", "track=2", "duration_seconds=9", "musicbrainz_recording_id=id-3");
	TRACK("e", "title=Two", "album=X", "track=2", "duration_seconds=9", "musicbrainz_recording_id=id-4");
	/* told by their ids, and not again by their tags */
	TRACK("f", "title=Three", "album=X", "track=3", "duration_seconds=9", "musicbrainz_recording_id=id-5");
	TRACK("g", "title=Three", "album=X", "track=3", "duration_seconds=9", "musicbrainz_recording_id=id-5");
	check_told(&f, dir, 100, 2, "A/X/One: b c2 c1 a\nA/X/Three: f g\n");
}

static void or_by_its_tags_and_length(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	TRACK("a", "title=One", "album=X", "track=1", "duration_seconds=100");
	TRACK("b", "title=ONE", "album=x", "track=1", "disc=1", "duration_seconds=101.9");
	TRACK("c", "title=One", "album=X", "track=1", "duration_seconds=102.5");
	TRACK("d", "title=One", "album=X", "track=2", "duration_seconds=100");
	TRACK("e", "title=One", "album=X", "track=1", "disc=2", "duration_seconds=100");
	TRACK("f", "title=One", "album=Y", "track=1", "duration_seconds=100");
	TRACK("g", "title=Other", "album=X", "track=1", "duration_seconds=100");
	/* no length, no title: nothing is known */
	TRACK("h", "title=None", "album=X", "track=9");
	TRACK("i", "title=None", "album=X", "track=9");
	TRACK("j", "album=X", "track=8", "duration_seconds=100");
	TRACK("k", "album=X", "track=8", "duration_seconds=100");
	/* one has an id, the other does not */
	TRACK("l", "title=L", "album=X", "track=3", "duration_seconds=5", "musicbrainz_recording_id=id-1");
	TRACK("m", "title=L", "album=X", "track=3", "duration_seconds=5");
	TRACK("n", "title=L", "album=X", "track=3", "duration_seconds=5", "musicbrainz_recording_id=id-2");
	/* the nearest in length, whatever was found first */
	TRACK("o", "title=O", "album=X", "track=4", "duration_seconds=100");
	TRACK("p", "title=O", "album=X", "track=4", "duration_seconds=103");
	TRACK("q", "title=O", "album=X", "track=4", "duration_seconds=101");
	check_told(&f, dir, 100, 3, "A/X/One: a b\nA/X/L: l m\nA/X/O: o q\n");
}

static void the_list_is_capped_and_the_total_is_told(void **state)
{
	struct filler f;
	char *dir = unit_folder(), name[16], volume[32];
	(void)state;
	fill_begin(&f, dir);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "%d", i);
		snprintf(volume, sizeof volume, "volume=%d", i / 2);
		VOLUME(name, "kind=volume", volume);
	}
	TRACK("a", "title=One", "album=X", "track=1", "duration_seconds=100");
	TRACK("b", "title=One", "album=X", "track=1", "duration_seconds=100");
	check_told(&f, dir, 2, 6, "S 0-0: 0 1\nS 1-1: 2 3\n");
}

static int count_copies(void *arg, const struct store_duplicate *row)
{
	int *seen = arg;
	(*seen)++;
	assert_int_equal(row->total, STORE_COPIES_SHOWN + 50);
	assert_int_equal(row->count, STORE_COPIES_SHOWN);
	return 0;
}

static void very_many_copies_are_not_all_shown(void **state)
{
	struct filler f;
	struct store_duplicates d;
	char *dir = unit_folder(), name[16];
	int seen = 0;
	(void)state;
	fill_begin(&f, dir);
	for (int i = 0; i < STORE_COPIES_SHOWN + 50; i++) {
		snprintf(name, sizeof name, "v%d", i);
		VOLUME(name, "kind=volume", "volume=1");
		snprintf(name, sizeof name, "t%d", i);
		TRACK(name, "title=One", "album=X", "track=1", "duration_seconds=100");
		fill_settle(&f);
	}
	fill_commit(&f);
	assert_int_equal(store_duplicates(f.s, 100, count_copies, &seen, &d), 0);
	assert_int_equal(seen, 2);
	store_close(f.s);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_come_first),
		cmocka_unit_test(then_pages_then_bytes),
		cmocka_unit_test(a_damaged_copy_is_never_the_best_of_a_whole_one),
		cmocka_unit_test(sound_without_loss_comes_first_then_the_bit_rate),
		cmocka_unit_test(a_volume_twice_is_told_once),
		cmocka_unit_test(a_damaged_file_is_a_copy_of_its_volume),
		cmocka_unit_test(a_volume_in_a_range_is_covered),
		cmocka_unit_test(a_complete_edition_covers_all),
		cmocka_unit_test(languages_are_different_volumes),
		cmocka_unit_test(the_widest_range_of_the_language_is_told),
		cmocka_unit_test(an_omnibus_is_not_the_volume_of_its_number),
		cmocka_unit_test(a_recording_is_known_by_its_id),
		cmocka_unit_test(or_by_its_tags_and_length),
		cmocka_unit_test(the_list_is_capped_and_the_total_is_told),
		cmocka_unit_test(very_many_copies_are_not_all_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
