/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Tracks in few bytes: what comes back, how many they are, and stores of former versions. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "common/store_private.h"
#include "common/store_sql_pack.h"
#include "tests/unit/store_fill.h"

enum {
	TRACKS = 400,
	TRACKS_LONG = 10000,
	PER_ALBUM = 12,
};

static int tracks(void)
{
	return getenv("LONG") ? TRACKS_LONG : TRACKS;
}

/* --- libraries --- */

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static const char *pick(uint64_t *seed, const char *const *list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return list[next(seed) % n];
}

static const char *const texts[] = {
	"flac", "mp3", "id3v1", "id3v2", "no known format", "0", "1", "-1", "A", "Artist", "Album 7", "01", "é", "東京",
	"f0a8f017-9bcb-4017-aef6-a128783ee897", "F0A8F017-9BCB-4017-AEF6-A128783EE897",
	"f0a8f017-9bcb-4017-aef6-a128783ee897 ", "f0a8f017-9bcb-4017-aef6_a128783ee897",
	"f0a8f017-9bcb-4017-aef6-a128783ee89", "0123456789abcdef", "0123456789abcdeg", "0123456789ABCDEF",
	"0123456789abcde", "1988", "01988", "1988-05-01", "1988-5-1", "0000-00-00", "1988-05-01T10:00", "2000-13-99",
	"-001-01-01", "+988-05-01", "a fairly long comment that is nothing else: Exact Audio Copy", NULL,
};

static const char *const lists[] = {
	"A\x1f" "B", "f0a8f017-9bcb-4017-aef6-a128783ee897\x1f" "c48ab12a-618a-4d0e-a5f2-88a7454b027d",
	"f0a8f017-9bcb-4017-aef6-a128783ee897\x1f" "x", NULL,
};

static const double reals[] = {0, -0.0, 1, -10.23, 0.585235, 1e300, -1e-300, 0.1, 1.0 / 3, 245.3066666666667, 1e15};
static const int64_t ints[] = {0, 1, -1, 2, 63, 64, 127, 1988, 44100, INT64_MAX, INT64_MIN};

static void set_field(struct media *m, enum field_id f, uint64_t *seed)
{
	bool is_list = FIELDS_TABLE[f].kind == KIND_LIST || FIELDS_TABLE[f].kind == KIND_GENRE;
	const char *text = pick(seed, is_list && next(seed) % 2 ? lists : texts);
	if (field_is_text(f))
		media_set_stored(m, f, text, strlen(text));
	else if (field_is_real(f))
		media_set_real(m, f, reals[next(seed) % (sizeof reals / sizeof *reals)]);
	else
		media_set_int(m, f, ints[next(seed) % (sizeof ints / sizeof *ints)]);
}

/** Any values in any fields. */
static void set_any(struct media *m, int i)
{
	uint64_t seed = (uint64_t)i * 7919 + 1;
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS_TABLE[f].of & OF_TRACK && next(&seed) % 3)
			set_field(m, (enum field_id)f, &seed);
	for (int k = 0; k < 20; k++)
		next(&seed);
	/* what the short forms are made for */
	if (next(&seed) % 2)
		media_set_stored(m, FIELD_title, "Same", 4);
	if (next(&seed) % 2) {
		media_set_stored(m, FIELD_date, "1988", 4);
		media_set_int(m, FIELD_year, next(&seed) % 2 ? 1988 : 1989);
	}
}

static void set_text(struct media *m, enum field_id f, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void set_text(struct media *m, enum field_id f, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	media_set_stored(m, f, text, (size_t)n);
}

static void set_uuid(struct media *m, enum field_id f, uint64_t seed)
{
	unsigned v[6];
	for (int i = 0; i < 6; i++)
		v[i] = (unsigned)next(&seed);
	set_text(m, f, "%08x-%04x-%04x-%04x-%08x%04x", v[0], v[1] & 0xffff, v[2] & 0xffff, v[3] & 0xffff, v[4],
		 v[5] & 0xffff);
}

/** As libraries have them: half of them with ids, a third with gains. */
static void set_usual(struct media *m, int i)
{
	int album = i / PER_ALBUM;
	set_text(m, FIELD_format, "flac");
	set_text(m, FIELD_title, "The Title of Track %d", i);
	set_text(m, FIELD_artist, "Artist of Some Name %d", album / 4);
	set_text(m, FIELD_album_artist, "Artist of Some Name %d", album / 4);
	set_text(m, FIELD_album, "An Album of Theirs %d", album);
	set_text(m, FIELD_genre, "Electronic");
	set_text(m, FIELD_date, "1988-05-%02d", 1 + album % 28);
	media_set_int(m, FIELD_year, 1988);
	media_set_int(m, FIELD_track, i % PER_ALBUM + 1);
	media_set_int(m, FIELD_track_total, PER_ALBUM);
	media_set_int(m, FIELD_disc, 1);
	media_set_real(m, FIELD_duration_seconds, 180 + i / 44100.0);
	media_set_int(m, FIELD_sample_rate, 44100);
	media_set_int(m, FIELD_channels, 2);
	media_set_int(m, FIELD_bits_per_sample, 16);
	media_set_int(m, FIELD_bitrate, 700 + i % 300);
	media_set_int(m, FIELD_has_picture, 1);
	if (album % 2)
		for (int f = FIELD_musicbrainz_recording_id; f <= FIELD_musicbrainz_artist_id; f++)
			set_uuid(m, (enum field_id)f, (uint64_t)i * 64 + (uint64_t)f);
	if (album % 3)
		return;
	media_set_real(m, FIELD_replaygain_track_gain, -8.41 - i % 100 / 100.0);
	media_set_real(m, FIELD_replaygain_track_peak, 0.987654);
}

typedef void setter(struct media *m, int i);

static void put_track(struct filler *f, setter *set, int i)
{
	char dir[64], name[64];
	struct media m;
	struct store_touched t;
	media_init(&m);
	set(&m, i);
	snprintf(dir, sizeof dir, "Artist %d/Album %d", i / PER_ALBUM / 4, i / PER_ALBUM);
	snprintf(name, sizeof name, set == set_any && i % 2 ? "%02d - Same.flac" : "%02d The Title of Track %d.flac",
		 i, i);
	struct store_put put = {
		.root = f->music, .job = 1, .dir = {dir, strlen(dir)}, .name = {name, strlen(name)},
		.size = 30000000 + i * 1000, .mtime = 1543434787123456789 + i, .ctime = 1795308410299115151 + i,
		.btime = 1795308410291115151 + i * 1000, .inode = 11141267 + i,
		.hash = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15), .of = OF_TRACK, .media = &m,
	};
	assert_int_equal(store_put_file(f->s, &put, &t), 0);
	if (i % PER_ALBUM == PER_ALBUM - 1)
		assert_int_equal(store_settle_album(f->s, t.album[1]), 0);
	media_clear(&m);
}

static void fill(struct filler *f, const char *dir, setter *set, int n)
{
	uint64_t generation;
	fill_begin(f, dir);
	for (int i = 0; i < n; i++)
		put_track(f, set, i);
	assert_int_equal(store_commit(f->s, &generation), 0);
}

/* --- what comes back --- */

struct expected {
	setter *set;
	int rows;
};

static int compare(void *arg, const struct store_media *row)
{
	struct expected *e = arg;
	struct media m;
	media_init(&m);
	e->set(&m, (int)row->id - 1);
	for (int f = 0; f < FIELD_COUNT; f++)
		if (!media_is_same(&m, row->media, (enum field_id)f))
			fail_msg("track %d: %s is not what was written", (int)row->id, FIELDS_TABLE[f].name);
	assert_true(m.set == row->media->set);
	for (int f = 0; f < FIELD_COUNT; f++)
		/* columns of SQLite know one zero */
		if (media_has(&m, (enum field_id)f) && field_is_real((enum field_id)f) && m.value[f].d < 0)
			assert_memory_equal(&m.value[f].d, &row->media->value[f].d, sizeof(double));
	media_clear(&m);
	e->rows++;
	return 0;
}

static void check_tracks(const char *dir, setter *set, int n)
{
	struct store *s;
	struct expected e = {set, 0};
	assert_int_equal(store_open_reader(dir, &s), 0);
	assert_int_equal(store_export_tracks(s, compare, &e), 0);
	assert_int_equal(e.rows, n);
	store_close(s);
}

static void every_value_comes_back(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_any, tracks());
	store_close(f.s);
	check_tracks(dir, set_any, tracks());
	unit_remove(dir);
}

/** A program that knows another field wrote it. */
static void a_field_that_nobody_knows_is_passed_over(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, PER_ALBUM);
	assert_int_equal(store_exec(f.s, "INSERT INTO field(id, name) VALUES(200, 'unheard_of')"), 0);
	/* text, whole number, real, decimal, UUID, digits: key is 200 * 8 + form */
	assert_int_equal(store_exec(f.s, "UPDATE track SET more = x'c30c03616263' || x'c00c8101' || "
					 "x'c10c0102030405060708' || x'c20c07' || "
					 "x'c40c0100112233445566778899aabbccddeeff' || x'c50c020102' || more"), 0);
	assert_int_equal(store_exec(f.s, "UPDATE track SET more = CAST(more AS BLOB)"), 0);
	store_close(f.s);
	check_tracks(dir, set_usual, PER_ALBUM);
	unit_remove(dir);
}

static int ignore(void *arg, const struct store_media *row)
{
	(void)arg;
	(void)row;
	return 0;
}

static void bytes_that_end_too_early_are_an_error(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, 1);
	int64_t size = fill_number(f.s, "SELECT length(more) FROM track");
	assert_true(size > 8);
	assert_int_equal(store_export_tracks(f.s, ignore, NULL), 0);
	assert_int_equal(store_exec(f.s, "UPDATE track SET more = substr(more, 1, length(more) - 1)"), 0);
	assert_int_equal(store_export_tracks(f.s, ignore, NULL), -EBADMSG);
	store_close(f.s);
	unit_remove(dir);
}

/* --- how many bytes --- */

static void a_track_takes_at_most_400_bytes(void **state)
{
	enum { MANY = 6000, MOST = 400 };
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, 0);
	int64_t empty = fill_number(f.s, "PRAGMA page_count");
	store_close(f.s);
	unit_remove(dir);
	dir = unit_folder();
	fill(&f, dir, set_usual, MANY);
	assert_int_equal(store_index_late(f.s), 0);
	int64_t pages = fill_number(f.s, "PRAGMA page_count") - empty;
	int64_t bytes = pages * fill_number(f.s, "PRAGMA page_size") / MANY;
	if (bytes > MOST)
		fail_msg("%d bytes a track", (int)bytes);
	store_close(f.s);
	unit_remove(dir);
}

/* --- indexes that are made at the end of a first scan --- */

static int64_t late_indexes(struct store *s)
{
	return fill_number(s, "SELECT count(*) FROM sqlite_schema WHERE name IN ('file_inode', 'file_hash')");
}

static void ignore_touched(void *arg, const struct store_touched *t)
{
	(void)arg;
	(void)t;
}

static void end_first_scan(struct store *s)
{
	uint64_t generation;
	assert_int_equal(store_begin_write(s), 0);
	assert_int_equal(store_resolve(s, ignore_touched, NULL), 0);
	assert_int_equal(store_commit(s, &generation), 0);
}

static void the_indexes_are_made_when_it_is_quiet_after_the_first_scan(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, PER_ALBUM);
	assert_false(store_lacks_indexes(f.s));
	end_first_scan(f.s);
	/* its end does not wait for them */
	assert_int_equal(late_indexes(f.s), 0);
	assert_true(store_lacks_indexes(f.s));
	while (store_tidy(f.s) > 0)
		continue;
	assert_int_equal(late_indexes(f.s), 2);
	assert_false(store_lacks_indexes(f.s));
	store_close(f.s);
	unit_remove(dir);
}

static void who_needs_the_indexes_before_makes_them(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, PER_ALBUM);
	end_first_scan(f.s);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "d", "new.flac", FIELDS_OF("title=a", "album=B"));
	assert_int_equal(late_indexes(f.s), 2);
	/* what is taken back is made again */
	store_rollback(f.s);
	f.n = 0;
	assert_int_equal(late_indexes(f.s), 0);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "d", "new.flac", FIELDS_OF("title=a", "album=B"));
	fill_commit(&f);
	assert_int_equal(late_indexes(f.s), 2);
	store_close(f.s);
	unit_remove(dir);
}

static void the_next_start_makes_the_indexes_that_are_lacking(void **state)
{
	struct filler f;
	struct store *s;
	char why[256] = "";
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, PER_ALBUM);
	/* as after a kill: no end of the scan */
	store_close(f.s);
	assert_int_equal(store_open_writer(dir, &s, why), 0);
	assert_int_equal(late_indexes(s), 2);
	store_close(s);
	unit_remove(dir);
}

/* --- while nobody writes --- */

static void what_was_committed_goes_into_the_file_when_it_is_quiet(void **state)
{
	struct filler f;
	char *path;
	struct store alone = {0};
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_usual, PER_ALBUM);
	assert_int_equal(store_set_cache(f.s, 1 << 20), 0);
	assert_int_equal(fill_number(f.s, "PRAGMA cache_size"), -1024);
	assert_int_equal(store_tidy(f.s), 0);
	/* the file alone, without what is written ahead of it */
	assert_true(asprintf(&path, "file:%s/" STORE_FILE "?immutable=1", dir) > 0);
	assert_int_equal(sqlite3_open_v2(path, &alone.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL), SQLITE_OK);
	assert_int_equal(fill_number(&alone, "SELECT count(*) FROM track"), PER_ALBUM);
	sqlite3_close(alone.db);
	free(path);
	store_close(f.s);
	unit_remove(dir);
}

/* --- former versions --- */

/** Table track of version 2, with what is in the present one. */
struct former {
	struct store *s;
	sqlite3_stmt *insert;
};

static int insert_former(void *arg, const struct store_media *row)
{
	struct former *o = arg;
	int i = 2;
	sqlite3_bind_int64(o->insert, 1, row->id);
	for (int k = 0; k < FIELD_COUNT; k++) {
		enum field_id f = (enum field_id)k;
		size_t n;
		const char *text = media_text(row->media, f, &n);
		if (!(FIELDS_TABLE[k].of & OF_TRACK))
			continue;
		if (!media_has(row->media, f))
			sqlite3_bind_null(o->insert, i++);
		else if (field_is_text(f))
			sqlite3_bind_text(o->insert, i++, text, (int)n, SQLITE_TRANSIENT);
		else if (field_is_real(f))
			sqlite3_bind_double(o->insert, i++, row->media->value[f].d);
		else
			sqlite3_bind_int64(o->insert, i++, row->media->value[f].i);
	}
	assert_int_equal(sqlite3_step(o->insert), SQLITE_DONE);
	sqlite3_reset(o->insert);
	return 0;
}

static void add_former_tracks(struct store *s)
{
	struct buf create = BUF_INIT(1 << 14), insert = BUF_INIT(1 << 14);
	struct former o = {.s = s};
	buf_adds(&create, "CREATE TABLE track_1(file_id INTEGER PRIMARY KEY, album_id INTEGER, audit INTEGER");
	buf_adds(&insert, "INSERT INTO track_1 SELECT t.file_id, t.album_id, t.audit");
	int n = 2;
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (!(FIELDS_TABLE[f].of & OF_TRACK))
			continue;
		buf_addf(&create, ", %s %s", FIELDS_TABLE[f].name,
			 field_is_text((enum field_id)f) ? "TEXT" : field_is_real((enum field_id)f) ? "REAL" : "INTEGER");
		buf_addf(&insert, ", ?%d", n++);
	}
	buf_adds(&create, ")");
	buf_adds(&insert, " FROM track t WHERE t.file_id = ?1");
	assert_int_equal(store_exec(s, buf_str(&create)), 0);
	assert_int_equal(sqlite3_prepare_v2(s->db, buf_str(&insert), -1, &o.insert, NULL), SQLITE_OK);
	assert_int_equal(store_export_tracks(s, insert_former, &o), 0);
	sqlite3_finalize(o.insert);
	buf_clear(&create);
	buf_clear(&insert);
}

/** What version 5 has and version 4 had not. */
#define WITHOUT_5 \
	"DROP TRIGGER dirsum_file_update; DROP TRIGGER dirsum_file_delete; DROP INDEX dir_unsummed;" \
	"ALTER TABLE dir DROP COLUMN dirsum;"

static const char version_4[] = WITHOUT_5 "PRAGMA user_version = 4;";

static const char version_2[] =
	WITHOUT_5
	"CREATE TABLE file_1(id INTEGER PRIMARY KEY AUTOINCREMENT, dir_id INTEGER NOT NULL, name BLOB NOT NULL, "
	"size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL, "
	"state INTEGER NOT NULL, job INTEGER NOT NULL, added_at INTEGER NOT NULL, btime INTEGER NOT NULL DEFAULT 0, "
	"hash INTEGER NOT NULL DEFAULT 0, pending INTEGER NOT NULL DEFAULT 0, old_inode INTEGER NOT NULL DEFAULT 0, "
	"old_btime INTEGER NOT NULL DEFAULT 0, UNIQUE(dir_id, name));"
	"INSERT INTO file_1 SELECT id, dir_id, name, size, mtime, since_birth + btime, inode, state, job, added_at, "
	"btime, hash, pending, old_inode, old_btime FROM file;"
	"CREATE TABLE spot_1(id INTEGER PRIMARY KEY AUTOINCREMENT, shelf_id INTEGER NOT NULL, "
	"album_id INTEGER NOT NULL, tracks INTEGER NOT NULL, shown TEXT NOT NULL, shown_key TEXT NOT NULL, "
	"UNIQUE(shelf_id, shown_key));"
	"INSERT INTO spot_1 SELECT p.id, p.shelf_id, p.album_id, p.tracks, " PACK_SHOWN ", lower(" PACK_SHOWN ") "
	"FROM spot p JOIN album a ON a.id = p.album_id;"
	"DROP TABLE file; DROP TABLE track; DROP TABLE spot; DROP TABLE field;"
	"ALTER TABLE file_1 RENAME TO file; ALTER TABLE track_1 RENAME TO track; ALTER TABLE spot_1 RENAME TO spot;"
	"UPDATE sqlite_sequence SET seq = 1234567 WHERE name = 'file';"
	"CREATE INDEX file_inode ON file(inode); CREATE INDEX file_hash ON file(hash);"
	"CREATE INDEX file_pending ON file(pending) WHERE pending > 0;"
	"CREATE INDEX file_old ON file(old_inode) WHERE old_inode > 0;"
	"CREATE INDEX track_album_id ON track(album_id);"
	"CREATE INDEX track_audit ON track(audit) WHERE audit > 0;"
	"CREATE INDEX spot_album ON spot(album_id);"
	"CREATE TABLE kept_file AS SELECT * FROM file; CREATE TABLE kept_spot AS SELECT * FROM spot;"
	"INSERT INTO gone SELECT 99999, 1, x'', x'41', 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, x'0102';"
	"PRAGMA user_version = 2;";

/** What version 2 had and version 1 had not. */
static const char version_1[] =
	"DROP INDEX file_inode; DROP INDEX file_hash; DROP INDEX file_pending; DROP INDEX file_old;"
	"ALTER TABLE root DROP COLUMN fstype; ALTER TABLE root DROP COLUMN held;"
	"ALTER TABLE root DROP COLUMN watch; ALTER TABLE root DROP COLUMN real_path;"
	"ALTER TABLE file DROP COLUMN btime; ALTER TABLE file DROP COLUMN hash; ALTER TABLE file DROP COLUMN pending;"
	"ALTER TABLE file DROP COLUMN old_inode; ALTER TABLE file DROP COLUMN old_btime;"
	/* and a field that is younger */
	"ALTER TABLE track DROP COLUMN replaygain_album_peak;"
	"DROP TABLE gone; DROP TABLE mount; DROP TABLE verify; PRAGMA user_version = 1;";

static void set_without_peak(struct media *m, int i)
{
	set_any(m, i);
	media_unset(m, FIELD_replaygain_album_peak);
}

static void migrate(int from, setter *set)
{
	struct filler f;
	struct store *s;
	char why[256] = "";
	char *dir = unit_folder();
	fill(&f, dir, set_any, tracks());
	add_former_tracks(f.s);
	assert_int_equal(store_exec(f.s, version_2), 0);
	if (from == 1)
		assert_int_equal(store_exec(f.s, version_1), 0);
	store_close(f.s);
	if (store_open_writer(dir, &s, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM file"), tracks());
	assert_int_equal(fill_number(s, "SELECT count(*) FROM kept_file k JOIN file f USING(id, dir_id, name, size, mtime, "
				   "inode, state, job, added_at) WHERE k.ctime = f.since_birth + f.btime + 1"), tracks());
	/* music is read again, and cannot be known by a hash of other bytes meanwhile */
	assert_int_equal(fill_number(s, "SELECT count(*) FROM file WHERE hash <> 0"), 0);
	assert_true(fill_number(s, "SELECT count(*) FROM kept_spot") > 0);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM kept_spot"),
			 fill_number(s, "SELECT count(*) FROM kept_spot k JOIN spot p USING(id, shelf_id, album_id, tracks) "
				   "JOIN album a ON a.id = p.album_id WHERE k.shown = " PACK_SHOWN));
	assert_int_equal(fill_number(s, "SELECT seq FROM sqlite_sequence WHERE name = 'file'"), 1234567);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE '%\\_2' ESCAPE '\\'"), 0);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM gone WHERE media IS NOT NULL"), 0);
	assert_int_equal(late_indexes(s), 2);
	store_close(s);
	check_tracks(dir, set, tracks());
	unit_remove(dir);
}

static void directories_of_version_4_get_sums(void **state)
{
	struct filler f;
	struct store *s;
	char why[256] = "";
	char *dir = unit_folder();
	(void)state;
	fill(&f, dir, set_any, 300);
	assert_int_equal(store_exec(f.s, version_4), 0);
	store_close(f.s);
	if (store_open_writer(dir, &s, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM file"), 300);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM dir WHERE dirsum <> 0"), 0);
	while (store_tidy(s) > 0)
		continue;
	assert_true(fill_number(s, "SELECT count(*) FROM dir") > 0);
	assert_int_equal(fill_number(s, "SELECT count(*) FROM dir WHERE dirsum = 0"), 0);
	store_close(s);
	unit_remove(dir);
}

static void a_store_of_version_2_has_all_it_had(void **state)
{
	(void)state;
	migrate(2, set_any);
}

static void a_store_of_version_1_has_all_it_had(void **state)
{
	(void)state;
	migrate(1, set_without_peak);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_comes_back),
		cmocka_unit_test(a_field_that_nobody_knows_is_passed_over),
		cmocka_unit_test(bytes_that_end_too_early_are_an_error),
		cmocka_unit_test(a_track_takes_at_most_400_bytes),
		cmocka_unit_test(the_indexes_are_made_when_it_is_quiet_after_the_first_scan),
		cmocka_unit_test(who_needs_the_indexes_before_makes_them),
		cmocka_unit_test(the_next_start_makes_the_indexes_that_are_lacking),
		cmocka_unit_test(what_was_committed_goes_into_the_file_when_it_is_quiet),
		cmocka_unit_test(directories_of_version_4_get_sums),
		cmocka_unit_test(a_store_of_version_2_has_all_it_had),
		cmocka_unit_test(a_store_of_version_1_has_all_it_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
