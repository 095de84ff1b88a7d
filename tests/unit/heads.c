/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heads: what is sealed is what is taken, whatever labels say; and what readers make of them is what they
 * make of the file. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/thread.h"
#include "indexer/discover/walk_private.h"
#include "indexer/extract/worker.h"
#include "indexer/frame.h"
#include "tests/unit/media_files.h"

/** A region as a scout and as a worker see it. */
struct region {
	struct heads *scout, *worker;
	int fd, read;
};

static struct region region_new(void)
{
	struct region r = {.fd = heads_create()};
	assert_true(r.fd >= 0);
	r.read = heads_reopen(r.fd);
	assert_true(r.read >= 0);
	r.scout = heads_map(r.fd, true);
	r.worker = heads_map(r.read, false);
	assert_non_null(r.scout);
	assert_non_null(r.worker);
	return r;
}

static void region_free(struct region *r)
{
	heads_unmap(r->scout);
	heads_unmap(r->worker);
	close(r->fd);
	close(r->read);
}

static uint64_t seal_text(struct region *r, uint32_t slot, const char *text)
{
	size_t n = strlen(text);
	const struct head head = {.size = n, .piece = {{0, (uint32_t)n}}, .pieces = 1};
	memcpy(heads_begin(r->scout, slot), text, n);
	return heads_seal(r->scout, slot, &head);
}

static void a_ticket_gives_what_was_sealed_with_it_or_nothing(void **state)
{
	(void)state;
	struct region r = region_new();
	struct head head;
	uint8_t bytes[HEAD_SIZE];
	for (uint32_t slot = 0; slot < HEADS_SLOTS; slot++) {
		uint64_t first = seal_text(&r, slot, "first");
		assert_true(first != 0 && heads_slot(first) == slot);
		assert_int_equal(heads_take(r.worker, first, &head, bytes), 0);
		assert_memory_equal(bytes, "first", 5);
		heads_begin(r.scout, slot);
		assert_int_equal(heads_take(r.worker, first, &head, bytes), -ESTALE);
		uint64_t second = seal_text(&r, slot, "second");
		assert_int_equal(heads_take(r.worker, first, &head, bytes), -ESTALE);
		assert_int_equal(heads_take(r.worker, second, &head, bytes), 0);
		assert_int_equal(head.size, 6);
	}
	assert_int_equal(heads_take(r.worker, 0, &head, bytes), -ESTALE);
	assert_int_equal(heads_take(r.worker, UINT64_MAX, &head, bytes), -ESTALE);
	region_free(&r);
}

static void what_is_dropped_takes_no_memory(void **state)
{
	(void)state;
	struct region r = region_new();
	struct head head;
	struct stat st;
	uint8_t bytes[HEAD_SIZE];
	uint64_t ticket[HEADS_SLOTS];
	for (uint32_t slot = 0; slot < HEADS_SLOTS; slot++)
		ticket[slot] = seal_text(&r, slot, "text");
	assert_int_equal(fstat(r.fd, &st), 0);
	int64_t filled = st.st_blocks * 512;
	heads_drop(r.scout);
	assert_int_equal(fstat(r.fd, &st), 0);
	assert_true(filled >= HEADS_SLOTS * 4096 && st.st_blocks * 512 < filled / 4);
	for (uint32_t slot = 0; slot < HEADS_SLOTS; slot++)
		assert_int_equal(heads_take(r.worker, ticket[slot], &head, bytes), -ESTALE);
	/* and it is used again, under tickets that nobody had */
	uint64_t again = seal_text(&r, 0, "again");
	assert_true(again > ticket[HEADS_SLOTS - 1]);
	assert_int_equal(heads_take(r.worker, again, &head, bytes), 0);
	assert_memory_equal(bytes, "again", 5);
	region_free(&r);
}

static void tickets_go_on_when_a_scout_is_started_again(void **state)
{
	(void)state;
	struct region r = region_new();
	struct head head;
	uint8_t bytes[HEAD_SIZE];
	uint64_t before = seal_text(&r, 3, "of the old scout");
	heads_unmap(r.scout);
	r.scout = heads_map(r.fd, true);
	uint64_t after = seal_text(&r, 3, "of the new one");
	assert_true(after > before);
	assert_int_equal(heads_take(r.worker, before, &head, bytes), -ESTALE);
	region_free(&r);
}

static void workers_cannot_write_and_nobody_can_cut_it(void **state)
{
	(void)state;
	struct region r = region_new();
	assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r.read, 0) == MAP_FAILED);
	assert_int_equal(errno, EACCES);
	assert_int_equal(mprotect(r.worker, 4096, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(ftruncate(r.fd, 4096), -1);
	assert_int_equal(ftruncate(r.fd, 1 << 30), -1);
	region_free(&r);
}

static void impossible_labels_are_refused(void **state)
{
	(void)state;
	static const struct head heads[] = {
		{.size = 10, .pieces = 0},
		{.size = 10, .piece = {{0, 10}}, .pieces = HEAD_PIECES + 1},
		{.size = 10, .piece = {{0, 10}}, .pieces = UINT32_MAX},
		{.size = 10, .piece = {{1, 9}}, .pieces = 1},
		{.size = 10, .piece = {{0, 11}}, .pieces = 1},
		{.size = 10, .piece = {{0, 4}, {11, 1}}, .pieces = 2},
		{.size = 10, .piece = {{0, 4}, {3, 4}}, .pieces = 2},
		{.size = 10, .piece = {{0, 4}, {UINT64_MAX, 2}}, .pieces = 2},
		{.size = UINT64_MAX, .piece = {{0, 4}, {UINT64_MAX - 1, UINT32_MAX}}, .pieces = 2},
		{.size = 1 << 20, .piece = {{0, HEAD_SIZE + 1}}, .pieces = 1},
		{.size = 1 << 20, .piece = {{0, 4096}, {4096, HEAD_SIZE - 4096 + 1}}, .pieces = 2},
		{.size = 1 << 20, .piece = {{0, 4096}, {8192, UINT32_MAX}}, .pieces = 2},
	};
	struct region r = region_new();
	struct media media;
	char reason[EXTRACT_REASON];
	media_init(&media);
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		struct head head;
		uint8_t bytes[HEAD_SIZE];
		uint64_t ticket = heads_seal(r.scout, 0, &heads[i]);
		assert_int_equal(heads_take(r.worker, ticket, &head, bytes), -EBADMSG);
		struct extract_input in = {.path = "a.flac", .path_len = 6};
		assert_int_equal(worker_read_head(r.worker, ticket, MEDIA_TRACK, &in, &media, reason), RESULT_LACKS);
	}
	media_clear(&media);
	region_free(&r);
}

/* --- the same as the file --- */

static void encode(const struct media *m, struct buf *out)
{
	buf_reset(out);
	media_encode(m, out);
}

/**
 * Reads the bytes both ways; returns whether the head was enough.  @is_old: to whom reads the head; others
 * look closer at what may still be being copied.
 */
static bool is_same(struct region *r, const char *name, const struct buf *b, bool is_old)
{
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	struct statx st;
	struct media given, whole;
	char why_given[EXTRACT_REASON], why_whole[EXTRACT_REASON];
	_buf_ struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
	assert_int_equal(buf_error(b), 0);
	assert_int_equal(write(fd, buf_str(b), b->len), (ssize_t)b->len);
	assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st), 0);
	if (is_old)
		st.stx_mtime.tv_sec = st.stx_ctime.tv_sec = 1;
	media_init(&given);
	media_init(&whole);
	struct extract_input a = {.path = name, .path_len = strlen(name)}, c = a;
	uint64_t ticket =
		walk_seal_head(r->scout, 1, fd, extract_reach(MEDIA_TRACK, name, strlen(name)), &st);
	assert_true(ticket != 0);
	int by_head = worker_read_head(r->worker, ticket, MEDIA_TRACK, &a, &given, why_given);
	c.fd = fd;
	int by_file = extract_file(MEDIA_TRACK, &c, &whole, why_whole);
	if (by_head != RESULT_LACKS) {
		assert_int_equal(by_head, by_file);
		assert_string_equal(why_given, why_whole);
		assert_true(a.hash == c.hash);
		encode(&given, &first);
		encode(&whole, &second);
		assert_int_equal(first.len, second.len);
		assert_memory_equal(buf_str(&first), buf_str(&second), first.len);
	}
	media_clear(&given);
	media_clear(&whole);
	return by_head != RESULT_LACKS;
}

/** The file, and each of its beginnings. */
static void check_cuts(struct region *r, const char *name, struct buf *b, bool is_enough)
{
	size_t whole = b->len;
	assert_true(is_same(r, name, b, true) == is_enough);
	for (size_t n = 0; n < whole; n += n < 200 || whole - n < 200 ? 1 : 97) {
		b->len = n;
		is_same(r, name, b, false);
	}
	b->len = whole;
}

static const char *const lines[] = {"TITLE=t", "ARTIST=a", "ALBUM=b", NULL};

static void flac_is_read_as_from_the_file(void **state)
{
	(void)state;
	static const size_t pictures[] = {0, 100, 3000, 3950, 4096, 5000, 60000, 200000};
	struct region r = region_new();
	for (size_t i = 0; i < COUNT_OF(pictures); i++) {
		_buf_ struct buf b = BUF_INIT(FILE_MAX);
		build_flac(&b, lines, 44100, pictures[i]);
		check_cuts(&r, "a.flac", &b, true);
	}
	char *line = malloc(9000);
	assert_non_null(line);
	memset(line, 'x', 8999);
	memcpy(line, "TITLE=", 6);
	line[8999] = '\0';
	const char *const large[] = {"ARTIST=a", line, NULL};
	_buf_ struct buf b = BUF_INIT(FILE_MAX);
	build_flac(&b, large, 44100, 0);
	check_cuts(&r, "a.flac", &b, false);
	/* a little longer than the start: what follows is had too */
	line[5000] = '\0';
	_buf_ struct buf longer = BUF_INIT(FILE_MAX);
	build_flac(&longer, large, 44100, 0);
	assert_true(is_same(&r, "a.flac", &longer, true));
	free(line);
	region_free(&r);
}

/** @xing: the word of a header, NULL for none. */
static void build_mp3(struct buf *b, unsigned version, size_t before, size_t picture, size_t padding, const char *xing)
{
	_buf_ struct buf frames = BUF_INIT(FILE_MAX), body = BUF_INIT(FILE_MAX);
	put_text_frame(&frames, version, version == 2 ? "TAL" : "TALB", 0, "album", before ? 5 : 4);
	if (picture) {
		put_fill(&body, 'P', picture);
		put_frame(&frames, version, version == 2 ? "PIC" : "APIC", body.data, body.len);
	}
	put_text_frame(&frames, version, version == 2 ? "TT2" : "TIT2", 0, "title", 5);
	put_text_frame(&frames, version, version == 2 ? "TP1" : "TPE1", 0, "artist", 6);
	put_fill(&frames, 0, padding);
	buf_reset(b);
	put_id3(b, version, 0, &frames);
	if (xing)
		put_xing(b, xing, 50);
	put_mpeg(b, 49);
}

static void mp3_is_read_as_from_the_file(void **state)
{
	(void)state;
	static const struct {
		size_t picture, padding;
		const char *xing;
		bool is_enough;
	} rows[] = {
		{0, 0, "Xing", true},	    {0, 2000, "Info", true},	{0, 2000, NULL, true},
		{0, 3400, "Info", true},    {0, 3990, "Xing", true},	{0, 4090, NULL, true},
		{0, 9000, "Xing", true},    {0, 9000, NULL, true},	{70000, 0, "Xing", true},
		{70000, 2000, "Info", true}, {70000, 0, NULL, true},	{3000, 1000, "Info", true},
		{70000, 30000, "Info", false},
	};
	struct region r = region_new();
	for (unsigned version = 2; version <= 4; version++)
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			_buf_ struct buf b = BUF_INIT(FILE_MAX);
			build_mp3(&b, version, 1, rows[i].picture, rows[i].padding, rows[i].xing);
			check_cuts(&r, "a.mp3", &b, rows[i].is_enough);
			/* a tag at the end, of a name that has no other */
			buf_adds(&b, "TAG");
			put_fill(&b, 'v', 125);
			assert_true(is_same(&r, "a.mp3", &b, true) == rows[i].is_enough);
		}
	region_free(&r);
}

/** How many pieces are read of it. */
static uint32_t pieces_of(struct region *r, const struct buf *b)
{
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	struct statx st;
	struct head head;
	uint8_t bytes[HEAD_SIZE];
	assert_int_equal(write(fd, buf_str(b), b->len), (ssize_t)b->len);
	assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st), 0);
	uint64_t ticket = walk_seal_head(r->scout, 1, fd, extract_reach(MEDIA_TRACK, "a.mp3", 5), &st);
	assert_int_equal(heads_take(r->worker, ticket, &head, bytes), 0);
	return head.pieces;
}

static void mp3_is_read_at_its_end_when_a_tag_may_be_there(void **state)
{
	(void)state;
	static const struct {
		const char *encoder;
		/** Bytes counted besides those of the frames, and bytes behind these. */
		int more, behind;
		bool reads_end;
	} rows[] = {
		{"LAME3.100", 0, 0, false},   {"LAME3.101", 0, 0, false},  {"LAME3.99r", 0, 0, false},
		{"LAME3.98.", 0, 0, false},   {"Lavc59.37", 0, 0, true},   {"LAME3.10 ", 0, 0, true},
		{"LAME3.97 ", 0, 0, true},    {"LAME3.90.", 0, 0, true},   {"GOGO3.100", 0, 0, true},
		{"LAME3.100", 0, 1, true},    {"LAME3.100", 0, 128, true}, {"Lavc59.37", 0, 300, true},
		{"LAME3.100", -417, 0, true}, {"LAME3.100", 1, 0, true},
	};
	struct region r = region_new();
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const size_t row = i / 2, sound = 417 * 50;
		bool has_picture = i % 2;
		_buf_ struct buf b = BUF_INIT(FILE_MAX), frames = BUF_INIT(FILE_MAX), body = BUF_INIT(FILE_MAX);
		put_text_frame(&frames, 3, "TIT2", 0, "title", 5);
		put_fill(&body, 'P', 70000);
		if (has_picture)
			put_frame(&frames, 3, "APIC", body.data, body.len);
		put_id3(&b, 3, 0, &frames);
		put_xing_by(&b, "Info", 49, rows[row].encoder, (size_t)((int)sound + rows[row].more));
		put_mpeg(&b, 49);
		put_fill(&b, 'x', (size_t)rows[row].behind);
		assert_int_equal(pieces_of(&r, &b), 1 + has_picture + rows[row].reads_end);
		assert_true(is_same(&r, "a.mp3", &b, true));
	}
	region_free(&r);
}

static void ogg_is_read_as_from_the_file(void **state)
{
	(void)state;
	struct region r = region_new();
	for (int opus = 0; opus < 2; opus++) {
		_buf_ struct buf b = BUF_INIT(FILE_MAX);
		build_ogg(&b, opus, lines, 48000);
		/* its last page is further from the end than is read for all */
		check_cuts(&r, opus ? "a.opus" : "a.ogg", &b, false);
		_buf_ struct buf packet = BUF_INIT(1024);
		put_fill(&packet, 'a', 500);
		put_packet(&b, 77, 96000, &packet);
		check_cuts(&r, opus ? "a.opus" : "a.ogg", &b, true);
	}
	region_free(&r);
}

static void other_formats_are_opened(void **state)
{
	(void)state;
	assert_null(extract_reach(MEDIA_TRACK, "a.m4a", 5));
	assert_null(extract_reach(MEDIA_VOLUME, "a.cbz", 5));
	assert_null(extract_reach(MEDIA_VOLUME, "a.flac", 6));
	assert_null(extract_reach(MEDIA_TRACK, "flac", 4));
	assert_non_null(extract_reach(MEDIA_TRACK, "a.FLAC", 6));
	for (const struct extractor *const *e = EXTRACTORS_TABLE; *e; e++)
		if ((*e)->reach)
			assert_true((*e)->kind == MEDIA_TRACK &&
				    HEAD_START + (*e)->reach->tail + (*e)->reach->middle <= HEAD_SIZE);
	/* what is compared is had by both */
	assert_int_equal(HEAD_START, EXTRACT_HEAD_TRACK);
}

/* --- a walk --- */

enum { FILES = 3 * HEADS_SLOTS };

/** Who takes lists, and gives back what it read. */
struct taker {
	struct walk *walk;
	struct region r;
	pthread_mutex_t lock;
	int given, wrong, lists;
	/** Nothing is given back. */
	bool keeps;
};

static void take_entry(struct taker *t, struct frame *f)
{
	size_t n;
	struct media media;
	char reason[EXTRACT_REASON], want[32];
	frame_get_u32(f);
	for (int k = 0; k < 5; k++)
		frame_get_u64(f);
	frame_get_u32(f);
	uint64_t ticket = frame_get_u64(f);
	const char *name = frame_get_bytes(f, &n);
	media_init(&media);
	struct extract_input in = {.path = name, .path_len = n};
	int r = worker_read_head(t->r.worker, ticket, MEDIA_TRACK, &in, &media, reason);
	size_t len;
	const char *title = media_text(&media, FIELD_title, &len);
	snprintf(want, sizeof want, "%.*s.", (int)len, title ? title : "");
	t->given += r == 0;
	t->wrong += r == 0 && (strlen(want) >= n || memcmp(want, name, strlen(want)) != 0);
	media_clear(&media);
	if (!t->keeps)
		walk_give_back(t->walk, &ticket, 1);
	/* twice is as good as once */
	if (!t->keeps)
		walk_give_back(t->walk, &ticket, 1);
}

static int take_lists(void *arg, const struct buf *frames)
{
	struct taker *t = arg;
	const uint8_t *at = (const uint8_t *)frames->data, *end = at + frames->len;
	struct frame f;
	long n;
	LOCKED(&t->lock);
	for (; (n = frame_parse(at, (size_t)(end - at), &f)) > 0; at += n) {
		size_t len;
		frame_get_u64(&f);
		uint64_t dir = frame_get_u64(&f);
		frame_get_u32(&f);
		frame_get_u32(&f);
		frame_get_bytes(&f, &len);
		for (uint32_t left = frame_get_u32(&f); left; left--)
			take_entry(t, &f);
		assert_false(f.is_bad);
		t->lists++;
		walk_answer(t->walk, dir);
	}
	if (t->keeps && t->given >= HEADS_SLOTS)
		walk_stop(t->walk);
	return 0;
}

static bool wants(void *arg, const char *name, size_t n)
{
	(void)arg;
	return extract_wants(MEDIA_TRACK, name, n);
}

static const struct reach *reach(void *arg, const char *name, size_t n)
{
	(void)arg;
	return extract_reach(MEDIA_TRACK, name, n);
}

/** One that is read at its start, behind its tag and at its end. */
static void build_titled_mp3(struct buf *b, const char *title)
{
	_buf_ struct buf frames = BUF_INIT(FILE_MAX);
	put_text_frame(&frames, 4, "TIT2", 3, title, strlen(title));
	put_fill(&frames, 0, 9000);
	put_id3(b, 4, 0, &frames);
	put_mpeg(b, 49);
}

static void fill_folder(const char *dir)
{
	for (int i = 0; i < FILES; i++) {
		char path[4096], title[64];
		snprintf(title, sizeof title, "TITLE=%d", i);
		const char *const one[] = {title, NULL};
		_buf_ struct buf b = BUF_INIT(FILE_MAX);
		if (i % 3)
			build_flac(&b, one, 4410, i % 2 ? 5000 : 0);
		else
			build_titled_mp3(&b, title + strlen("TITLE="));
		snprintf(path, sizeof path, "%s/%d", dir, i % 5);
		mkdir(path, 0755);
		snprintf(path, sizeof path, "%s/%d/%d.%s", dir, i % 5, i, i % 3 ? "flac" : "mp3");
		_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, b.data, b.len), (ssize_t)b.len);
	}
}

/** Nothing of it is in memory, where the disk is one. */
static void cool_folder(const char *dir)
{
	for (int i = 0; i < FILES; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%d/%d.%s", dir, i % 5, i, i % 3 ? "flac" : "mp3");
		_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0 && fsync(fd) == 0);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
}

static int walk_folder(struct taker *t, const char *dir, int threads, int ahead)
{
	struct ignore ignore = {0};
	_close_ int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct walk_options o = {
		.root = root, .threads = threads, .threads_most = 8, .ahead = ahead, .ignore = &ignore, .wants = wants,
		.heads = t->r.scout, .reach = reach, .send = take_lists, .arg = t,
	};
	const struct walk_scope all = {"", true};
	const struct walk_order order = {.scan = 1, .scope = &all, .scopes = 1};
	t->given = t->wrong = t->lists = 0;
	assert_int_equal(walk_new(&o, &t->walk), 0);
	int r = walk_run(t->walk, &order);
	walk_free(t->walk);
	return r;
}

static void a_walk_goes_round_with_few_slots(void **state)
{
	(void)state;
	char *dir = unit_folder();
	struct taker t = {.r = region_new(), .lock = PTHREAD_MUTEX_INITIALIZER};
	fill_folder(dir);
	for (int threads = 1; threads <= 4; threads++)
		for (int ahead = 0; ahead <= 16; ahead += 4) {
			assert_int_equal(walk_folder(&t, dir, threads, ahead), 0);
			assert_int_equal(t.given, FILES);
			assert_int_equal(t.wrong, 0);
		}
	/* who gives nothing back stops the walk, and it can be ended */
	t.keeps = true;
	assert_int_equal(walk_folder(&t, dir, 2, 16), -ECANCELED);
	assert_true(t.given >= HEADS_SLOTS && t.given < FILES);
	assert_int_equal(t.wrong, 0);
	t.keeps = false;
	cool_folder(dir);
	assert_int_equal(walk_folder(&t, dir, 2, 16), 0);
	assert_int_equal(t.given, FILES);
	assert_int_equal(t.wrong, 0);
	region_free(&t.r);
	unit_remove(dir);
}

static void a_file_that_is_shorter_than_it_says_has_no_head(void **state)
{
	(void)state;
	struct region r = region_new();
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	struct statx st;
	const struct reach *flac = extract_reach(MEDIA_TRACK, "a.flac", 6);
	assert_int_equal(ftruncate(fd, 100000), 0);
	assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st), 0);
	assert_true(walk_seal_head(r.scout, 0, fd, flac, &st) != 0);
	for (off_t n = 0; n < 100000; n += n < 5000 ? 1000 : 30000) {
		assert_int_equal(ftruncate(fd, n), 0);
		assert_int_equal(walk_seal_head(r.scout, 0, fd, flac, &st), 0);
	}
	region_free(&r);
}

static void what_was_opened_together_is_closed_and_nothing_else(void **state)
{
	enum { FIRST = 200, NUMBERS = 6 };
	struct source s[NUMBERS];
	(void)state;
	for (int i = 0; i < NUMBERS; i++) {
		s[i] = (struct source){.fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, FIRST + i)};
		assert_int_equal(s[i].fd, FIRST + i);
	}
	const struct source near[] = {s[2], s[0], s[1]}, apart[] = {s[3], s[5]};
	walk_close_all(near, 3);
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(fcntl(FIRST + i, F_GETFD) >= 0, i >= 3);
	walk_close_all(apart, 2);
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(fcntl(FIRST + i, F_GETFD) >= 0, i == 4);
	walk_close_all(&s[4], 1);
	assert_true(fcntl(s[4].fd, F_GETFD) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_gives_what_was_sealed_with_it_or_nothing),
		cmocka_unit_test(what_is_dropped_takes_no_memory),
		cmocka_unit_test(tickets_go_on_when_a_scout_is_started_again),
		cmocka_unit_test(workers_cannot_write_and_nobody_can_cut_it),
		cmocka_unit_test(impossible_labels_are_refused),
		cmocka_unit_test(flac_is_read_as_from_the_file),
		cmocka_unit_test(mp3_is_read_as_from_the_file),
		cmocka_unit_test(mp3_is_read_at_its_end_when_a_tag_may_be_there),
		cmocka_unit_test(ogg_is_read_as_from_the_file),
		cmocka_unit_test(other_formats_are_opened),
		cmocka_unit_test(a_walk_goes_round_with_few_slots),
		cmocka_unit_test(a_file_that_is_shorter_than_it_says_has_no_head),
		cmocka_unit_test(what_was_opened_together_is_closed_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
