/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "indexer/search/source.h"

#define TABLE \
	"CREATE TABLE ed2k_links(id INTEGER PRIMARY KEY AUTOINCREMENT, link TEXT UNIQUE, " \
	"filename TEXT, filesize TEXT, volume INTEGER, thread_title TEXT, thread_url TEXT, " \
	"thread_id TEXT, forum_category TEXT, cover_image TEXT, description TEXT, date_scraped TEXT);"

struct fixture {
	char *folder, db[256];
	struct config *config;
	struct outside outside;
	void *source;
	char why[WHY];
	/** Of the last search: names, one a line; how many. */
	struct buf names;
	size_t count;
	struct release last;
	char last_text[4][600];
	int hash_number;
};

static sqlite3 *database(const struct fixture *f)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static void write_once(const struct fixture *f, const char *sql)
{
	sqlite3 *db = database(f);
	run(db, sql);
	sqlite3_close(db);
}

/** A row with what the columns of such a table wrongly say. */
static void add(struct fixture *f, sqlite3 *db, const char *name, const char *thread)
{
	sqlite3_stmt *q;
	_buf_ struct buf link = BUF_INIT(1 << 16);
	assert_int_equal(sqlite3_prepare_v2(db,
		"INSERT INTO ed2k_links(link, filename, filesize, volume, thread_title, thread_url, "
		"thread_id, forum_category, date_scraped) VALUES(?, ?, '12x', 999, ?, "
		"'https://forum.example/showthread.php?tid=7', '7', 'Manga', '2024-03-01 12:34:56')",
		-1, &q, NULL), SQLITE_OK);
	buf_addf(&link, "ed2k://|file|%s|%d|%032X|/", name, 1000 + f->hash_number, f->hash_number);
	f->hash_number++;
	sqlite3_bind_text(q, 1, buf_str(&link), (int)link.len, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 3, thread, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	sqlite3_finalize(q);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	_buf_ struct buf why = BUF_INIT(4096);
	char path[256];
	*state = f;
	f->folder = unit_folder();
	f->names = BUF_INIT(1 << 22);
	f->hash_number = 0xabc;
	snprintf(f->db, sizeof f->db, "%s/e?%%20#.db", f->folder);
	snprintf(path, sizeof path, "%s/conf", f->folder);
	FILE *conf = fopen(path, "w");
	assert_non_null(conf);
	fprintf(conf, "ebdz { database = \"%s\" }\n", f->db);
	fclose(conf);
	assert_int_equal(config_load(path, &f->config, &why), 0);
	f->outside.config = f->config;
	assert_int_equal(source_ebdz.open(&f->outside, &f->source, f->why), 0);
	assert_non_null(f->source);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	source_ebdz.close(f->source);
	config_free(f->config);
	buf_clear(&f->names);
	chmod(f->folder, 0700);
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		char path[300];
		snprintf(path, sizeof path, "%s%s", f->db, ends[i]);
		unlink(path);
	}
	unit_remove(f->folder);
	free(f);
	return 0;
}

static int note(void *arg, const struct release *r)
{
	struct fixture *f = arg;
	const char *texts[] = {r->link, r->page, r->indexer, r->context};
	f->count++;
	buf_addf(&f->names, "%s\n", r->title);
	f->last = *r;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		snprintf(f->last_text[i], sizeof f->last_text[i], "%s", texts[i]);
	return 0;
}

static int search(struct fixture *f, const char *series)
{
	struct source_query q = {.series = series};
	int64_t at = 0;
	f->count = 0;
	f->why[0] = '\0';
	buf_reset(&f->names);
	int r = source_ebdz.search(f->source, &q, note, f, &at, f->why);
	assert_int_equal(r < 0, f->why[0] != '\0');
	return r;
}

static void finds(struct fixture *f, const char *series, const char *names)
{
	int r = search(f, series);
	if (r < 0)
		fail_msg("%s: %s", series, f->why);
	assert_string_equal(buf_str(&f->names), names);
}

static void rows_become_releases(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "One%20Piece%20Tome%2012.cbz", "[MANGA] One Piece & Co");
	sqlite3_close(db);
	finds(f, "one piece", "One Piece Tome 12.cbz\n");
	assert_string_equal(f->last.hash, "00000000000000000000000000000abc");
	assert_int_equal(f->last.size, 1000 + 0xabc);
	assert_int_equal(f->last.protocol, PROTOCOL_ED2K);
	assert_int_equal(f->last.published_at, INT64_C(1709296496) * 1000000000);
	assert_int_equal(f->last.seeders, -1);
	assert_string_equal(f->last_text[0], "ed2k://|file|One%20Piece%20Tome%2012.cbz|3748|"
					     "00000000000000000000000000000abc|/");
	assert_string_equal(f->last_text[1], "https://forum.example/showthread.php?tid=7");
	assert_string_equal(f->last_text[2], "Manga");
	assert_string_equal(f->last_text[3], "[MANGA] One Piece & Co");
	struct handover h = {.release = {.link = f->last_text[0]}, .link = BUF_INIT(8192)};
	assert_int_equal(source_ebdz.fetch(f->source, &h, f->why), 0);
	assert_string_equal(buf_str(&h.link), f->last_text[0]);
	assert_string_equal(h.release.hash, "00000000000000000000000000000abc");
	h.release.link = "http://elsewhere/";
	assert_int_equal(source_ebdz.fetch(f->source, &h, f->why), -ENOENT);
	buf_clear(&h.link);
}

static void names_are_those_of_the_links(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "Dai%2018.cbz", "A");
	add(f, db, "Pack.Dai.T01-T05.zip", "A");
	add(f, db, "Dai%20T00.cbz", "A");
	add(f, db, "Dai%20T07.5.cbz", "A");
	add(f, db, "L&#39;%C9t%E9%20&amp;%20Moi%20T01.cbr", "B");
	add(f, db, "unnamed.cbz", "[MANGA] Dr. Stone T01-T26");
	run(db, "INSERT INTO ed2k_links(link, thread_title) VALUES"
		"('ed2k://|file|Dai', 'Dai'), ('', 'Dai'), (NULL, 'Dai'), (x'00ff', 'Dai'), (12, 'Dai'),"
		"('ed2k://|file|Dai T01.cbz|0|00000000000000000000000000000001|/', 'Dai')");
	sqlite3_close(db);
	finds(f, "Dai", "Dai T07.5.cbz\nDai T00.cbz\nPack.Dai.T01-T05.zip\nDai 18.cbz\n");
	finds(f, "L'Été & moi", "L'Été & Moi T01.cbr\n");
	finds(f, "DR STONE", "unnamed.cbz\n");
	assert_string_equal(f->last_text[3], "[MANGA] Dr. Stone T01-T26");
}

static void titles_are_plain_text(void **state)
{
	struct fixture *f = *state;
	static const char *const odd[] = {"%", "_", "a%b", "\"", "' OR 1=1 --", "\"a\" OR \"b\"", "NEAR(a b)",
					  "*", "a*", "", " ", "\"\"\"", "\" OR \"", "\xff\xfe", "zzz\x01"};
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "Gantz%20T01.cbz", "x");
	add(f, db, "Gantz_G%20T01.cbz", "x");
	add(f, db, "Fairy%20T01.cbz", "x");
	add(f, db, "Air.Gear.T01.cbz", "x");
	add(f, db, "X%2001.cbz", "y");
	add(f, db, "%E9%E0%20!!!%20T01.cbz", "y");
	add(f, db, "%E9%80%B2%E6%92%83%E3%81%AE%E5%B7%A8%E4%BA%BA01.cbz", "y");
	add(f, db, "86%20T01.cbz", "y");
	add(f, db, "20th%20Century%20Boys%20T01.cbz", "y");
	add(f, db, "7th%20Century%20Boys%20T20.cbz", "y");
	sqlite3_close(db);
	finds(f, "Gantz", "Gantz_G T01.cbz\nGantz T01.cbz\n");
	finds(f, "Gantz:G", "Gantz_G T01.cbz\n");
	/* a short title counts as a word only */
	finds(f, "Air", "Air.Gear.T01.cbz\n");
	finds(f, "Les Airs", "");
	finds(f, "The Air Gear", "Air.Gear.T01.cbz\n");
	search(f, "X");
	assert_non_null(strstr(buf_str(&f->names), "X 01.cbz"));
	finds(f, "巨人", "進撃の巨人01.cbz\n");
	finds(f, "86", "86 T01.cbz\n");
	finds(f, "20th Century Boys", "20th Century Boys T01.cbz\n");
	for (size_t i = 0; i < COUNT_OF(odd); i++)
		finds(f, odd[i], "");
}

static void other_names_are_looked_for_too(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"Shingeki no Kyojin", "L'Attaque des Titans"};
	struct source_query q = {"Attack on Titan", names, 2};
	int64_t at;
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "Attaque%20des%20Titans%20T01.cbz", "L'attaque des titans");
	add(f, db, "Shingeki.no.Kyojin.T02.cbz", "L'attaque des titans");
	sqlite3_close(db);
	assert_int_equal(source_ebdz.search(f->source, &q, note, f, &at, f->why), 0);
	/* each row once, though found in two ways */
	assert_int_equal(f->count, 2);
}

static void answers_are_bounded(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = database(f);
	run(db, TABLE "BEGIN");
	for (int i = 0; i < 2500; i++)
		add(f, db, i ? "Berserk%20T01.cbz" : "XBerserk%20T01.cbz", "y");
	run(db, "COMMIT");
	sqlite3_close(db);
	assert_int_equal(search(f, "Berserk"), 0);
	assert_int_equal(f->count, 2000);
}

static void what_changes_is_noticed(void **state)
{
	struct fixture *f = *state;
	char other[300];
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "Dai%20T01.cbz", "x");
	finds(f, "Dai", "Dai T01.cbz\n");
	add(f, db, "Dai%20T02.cbz", "x");
	finds(f, "Dai", "Dai T02.cbz\nDai T01.cbz\n");
	run(db, "DELETE FROM ed2k_links WHERE id = 1");
	finds(f, "Dai", "Dai T02.cbz\n");
	add(f, db, "Dai%20T03.cbz", "x");
	run(db, "DELETE FROM ed2k_links WHERE id = 2");
	finds(f, "Dai", "Dai T03.cbz\n");
	/* a number that was free before the last one */
	add(f, db, "Ken%20T04.cbz", "x");
	run(db, "UPDATE ed2k_links SET id = 1 WHERE id = 4");
	finds(f, "Ken", "Ken T04.cbz\n");
	/* so soon after the last change that the file's time may be the same */
	struct stat st;
	assert_int_equal(stat(f->db, &st), 0);
	add(f, db, "Dai%20T05.cbz", "x");
	assert_int_equal(utimensat(AT_FDCWD, f->db, (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
	finds(f, "Dai", "Dai T05.cbz\nDai T03.cbz\n");
	sqlite3_close(db);
	/* another file takes its place */
	snprintf(other, sizeof other, "%s.old", f->db);
	assert_int_equal(rename(f->db, other), 0);
	assert_int_equal(search(f, "Dai"), -ENOENT);
	db = database(f);
	run(db, TABLE);
	add(f, db, "Ken%20T01.cbz", "x");
	sqlite3_close(db);
	finds(f, "Dai", "");
	finds(f, "Ken", "Ken T01.cbz\n");
	unlink(other);
}

static void a_writer_is_not_in_the_way(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = database(f);
	run(db, "PRAGMA journal_mode = WAL;" TABLE);
	add(f, db, "Dai%20T01.cbz", "x");
	run(db, "BEGIN IMMEDIATE");
	add(f, db, "Dai%20T02.cbz", "x");
	finds(f, "Dai", "Dai T01.cbz\n");
	run(db, "COMMIT");
	finds(f, "Dai", "Dai T02.cbz\nDai T01.cbz\n");
	sqlite3_close(db);
	finds(f, "Dai", "Dai T02.cbz\nDai T01.cbz\n");
}

static void nothing_is_left_beside_the_file(void **state)
{
	struct fixture *f = *state;
	char wal[300], shm[300];
	snprintf(wal, sizeof wal, "%s-wal", f->db);
	snprintf(shm, sizeof shm, "%s-shm", f->db);
	sqlite3 *db = database(f);
	run(db, "PRAGMA journal_mode = WAL;" TABLE);
	add(f, db, "Dai%20T01.cbz", "x");
	sqlite3_close(db);
	assert_int_equal(access(wal, F_OK), -1);
	struct stat before, after;
	stat(f->db, &before);
	finds(f, "Dai", "Dai T01.cbz\n");
	assert_int_equal(access(wal, F_OK), -1);
	assert_int_equal(access(shm, F_OK), -1);
	chmod(f->folder, 0500);
	finds(f, "Dai", "Dai T01.cbz\n");
	chmod(f->folder, 0700);
	stat(f->db, &after);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	/* written again: the reader follows */
	db = database(f);
	add(f, db, "Dai%20T02.cbz", "x");
	finds(f, "Dai", "Dai T02.cbz\nDai T01.cbz\n");
	sqlite3_close(db);
}

/** Opens, adds a row and closes, again and again: WAL and shared memory come and go. */
static void write_on(struct fixture *f, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		sqlite3 *db = database(f);
		sqlite3_busy_timeout(db, 5000);
		add(f, db, "Dai%20T01.cbz", "x");
		sqlite3_close(db);
	}
}

static void a_file_that_changes_all_the_time_is_read(void **state)
{
	struct fixture *f = *state;
	enum { ROUNDS = 150 };
	int status = -1, answers = 0;
	sqlite3 *db = database(f);
	run(db, "PRAGMA journal_mode = WAL;" TABLE);
	sqlite3_close(db);
	pid_t child = fork();
	if (child == 0) {
		write_on(f, ROUNDS);
		_exit(0);
	}
	size_t seen = 0;
	while (waitpid(child, &status, WNOHANG) == 0) {
		int r = search(f, "Dai");
		if (r < 0 && r != -EBUSY)
			fail_msg("%d %s", r, f->why);
		if (r < 0)
			continue;
		/* rows never become fewer */
		assert_true(f->count >= seen);
		seen = f->count;
		answers++;
	}
	assert_int_equal(status, 0);
	assert_true(answers > 0);
	assert_int_equal(search(f, "Dai"), 0);
	assert_int_equal(f->count, ROUNDS);
}

static void a_file_that_cannot_be_read_is_told_from_one_that_has_nothing(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(search(f, "Dai"), -ENOENT);
	assert_non_null(strstr(f->why, f->db));
	assert_int_equal(access(f->db, F_OK), -1);
	mkdir(f->db, 0700);
	assert_int_equal(search(f, "Dai"), -EISDIR);
	rmdir(f->db);
	mkfifo(f->db, 0600);
	assert_int_equal(search(f, "Dai"), -EINVAL);
	unlink(f->db);
	close(open(f->db, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(search(f, "Dai"), -EPROTO);
	assert_non_null(strstr(f->why, "no table ed2k_links"));
	write_once(f, "CREATE VIEW ed2k_links AS SELECT 1 AS link");
	assert_int_equal(search(f, "Dai"), -EPROTO);
	write_once(f, "DROP VIEW ed2k_links; CREATE TABLE ed2k_links(id INTEGER, url TEXT)");
	assert_int_equal(search(f, "Dai"), -EPROTO);
	assert_non_null(strstr(f->why, "no column link"));
	write_once(f, "DROP TABLE ed2k_links; CREATE TABLE ed2k_links(link TEXT PRIMARY KEY) WITHOUT ROWID");
	assert_int_equal(search(f, "Dai"), -EPROTO);
}

static void columns_may_be_missing(void **state)
{
	struct fixture *f = *state;
	write_once(f, "CREATE TABLE ED2K_LINKS(Link TEXT);"
		      "INSERT INTO ed2k_links VALUES"
		      "('ed2k://|file|Dai T01.cbz|12|000000000000000000000000000000Ab|/')");
	finds(f, "Dai", "Dai T01.cbz\n");
	assert_string_equal(f->last_text[1], "");
	assert_int_equal(f->last.published_at, 0);
}

static void a_locked_file_is_not_an_empty_one(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "Dai%20T01.cbz", "x");
	finds(f, "Dai", "Dai T01.cbz\n");
	run(db, "BEGIN EXCLUSIVE");
	assert_int_equal(search(f, "Dai"), -EBUSY);
	assert_non_null(strstr(f->why, "locked"));
	run(db, "COMMIT");
	finds(f, "Dai", "Dai T01.cbz\n");
	sqlite3_close(db);
}

static void overwrite(const struct fixture *f, off_t at, size_t n)
{
	_free_ char *junk = malloc(n);
	memset(junk, 0xa5, n);
	_close_ int fd = open(f->db, O_WRONLY);
	assert_int_equal(pwrite(fd, junk, n, at), (ssize_t)n);
}

static void damage_is_told(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	sqlite3 *db = database(f);
	run(db, TABLE "BEGIN");
	for (int i = 0; i < 1000; i++)
		add(f, db, "Dai%20T01.cbz", "x");
	run(db, "COMMIT");
	sqlite3_close(db);
	stat(f->db, &st);
	overwrite(f, 8192, (size_t)st.st_size - 8192);
	assert_int_equal(search(f, "Dai"), -EBADMSG);
	assert_int_equal(f->count, 0);
	assert_int_equal(truncate(f->db, 5000), 0);
	assert_int_equal(search(f, "Dai"), -EBADMSG);
	overwrite(f, 0, 100);
	assert_int_equal(search(f, "Dai"), -EBADMSG);
	assert_non_null(strstr(f->why, "no SQLite file"));
}

static void what_is_new_is_told_once(void **state)
{
	struct fixture *f = *state;
	_buf_ struct buf mark = BUF_INIT(64);
	int64_t at;
	sqlite3 *db = database(f);
	run(db, TABLE);
	add(f, db, "Dai%20T01.cbz", "x");
	add(f, db, "Dai%20T02.cbz", "x");
	assert_int_equal(source_ebdz.recent(f->source, &mark, note, f, &at, f->why), 0);
	assert_string_equal(buf_str(&f->names), "Dai T02.cbz\nDai T01.cbz\n");
	buf_reset(&f->names);
	assert_int_equal(source_ebdz.recent(f->source, &mark, note, f, &at, f->why), 0);
	assert_string_equal(buf_str(&f->names), "");
	add(f, db, "Ken%20T03.cbz", "x");
	assert_int_equal(source_ebdz.recent(f->source, &mark, note, f, &at, f->why), 0);
	assert_string_equal(buf_str(&f->names), "Ken T03.cbz\n");
	assert_string_equal(buf_str(&mark), "3");
	/* not lost when the file cannot be read */
	sqlite3_close(db);
	overwrite(f, 0, 100);
	assert_int_equal(source_ebdz.recent(f->source, &mark, note, f, &at, f->why), -EBADMSG);
	assert_string_equal(buf_str(&mark), "3");
}

static void without_a_database_it_is_not_used(void **state)
{
	struct config *none;
	void *source = &none;
	char why[WHY];
	(void)state;
	assert_int_equal(config_default(&none), 0);
	struct outside o = {.config = none};
	assert_int_equal(source_ebdz.open(&o, &source, why), 0);
	assert_null(source);
	config_free(none);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rows_become_releases),
		T(names_are_those_of_the_links),
		T(titles_are_plain_text),
		T(other_names_are_looked_for_too),
		T(answers_are_bounded),
		T(what_changes_is_noticed),
		T(a_writer_is_not_in_the_way),
		T(nothing_is_left_beside_the_file),
		T(a_file_that_changes_all_the_time_is_read),
		T(a_file_that_cannot_be_read_is_told_from_one_that_has_nothing),
		T(columns_may_be_missing),
		T(a_locked_file_is_not_an_empty_one),
		T(damage_is_told),
		T(what_is_new_is_told_once),
		cmocka_unit_test(without_a_database_it_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
