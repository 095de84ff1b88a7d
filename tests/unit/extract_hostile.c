/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that are cut short, lie about their sizes, or are noise.  Run it under ASan. */
#include "tests/unit/sound_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct tried t;

static int setup(void **state)
{
	(void)state;
	media_init(&t.m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_clear(&t.m);
	return 0;
}

#define BUFFER(name) _buf_ struct buf name = BUF_INIT(FILE_MAX)

static uint64_t random_state = 20261121;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 11) % n;
}

/* --- whole files of all formats --- */

static const char *const LINES[] = {"TITLE=t",	  "ARTIST=a",  "@30000",
				    "GENRE=(17)", "DATE=2004", NULL};

static void make_flac(struct buf *b)
{
	build_flac(b, LINES, 441000, 500);
}

static void make_ogg(struct buf *b)
{
	build_ogg(b, false, LINES, 441000);
}

static void make_opus(struct buf *b)
{
	build_ogg(b, true, LINES, 441000);
}

static void make_mp4(struct buf *b)
{
	BUFFER(items);
	put_text_item(&items, "\251nam", "title");
	put_item(&items, "trkn", 0, "\0\0\0\3\0\14\0\0", 8);
	put_freeform(&items, "MusicBrainz Album Id", "m2");
	put_item(&items, "covr", 13, "P", 1);
	put_item(&items, "gnre", 0, "\0\22", 2);
	build_mp4(b, &items, true, true);
}

static void make_mp3(struct buf *b, unsigned version, unsigned flags)
{
	BUFFER(frames);
	put_text_frame(&frames, version, version == 2 ? "TT2" : "TIT2", 1, "\xff\xfet\0i\0", 6);
	put_text_frame(&frames, version, version == 2 ? "TP1" : "TPE1", 3, "a\0b", 3);
	put_text_frame(&frames, version, version == 2 ? "TXX" : "TXXX", 0, "Acoustid Id\0a", 13);
	put_text_frame(&frames, version, version == 2 ? "COM" : "COMM", 0, "eng\0hello", 9);
	put_text_frame(&frames, version, version == 2 ? "TYE" : "TYER", 0, "2004", 4);
	put_frame(&frames, version, version == 2 ? "UFI" : "UFID", "http://musicbrainz.org\0m", 24);
	put_frame(&frames, version, version == 2 ? "PIC" : "APIC", "P", 1);
	put_fill(&frames, 0, 50);
	put_id3(b, version, flags, &frames);
	put_xing(b, "Xing", 20);
	put_mpeg(b, 20);
}

static void make_v22(struct buf *b)
{
	make_mp3(b, 2, 0);
}

static void make_v23(struct buf *b)
{
	make_mp3(b, 3, 0x80);
}

static void make_v24(struct buf *b)
{
	make_mp3(b, 4, 0);
}

static void make_cbz(struct buf *b)
{
	build_cbz(b, "<Series>S</Series><Number>3</Number><Volume>1</Volume><Year>2004</Year>", 0);
}

static void make_packed(struct buf *b)
{
	build_cbz(b, "<Series>S</Series><Number>3</Number><Volume>1</Volume><Year>2004</Year>", 8);
}

/** With tags on both sides. */
static void make_tagged(struct buf *b, void (*put)(struct buf *b))
{
	put_id3_names(b, "title", true);
	put(b);
	put_ape_names(b, "title", "artist");
	put_v1(b, "title", "album");
}

static void put_new_ape(struct buf *b)
{
	put_ape(b, 3990, 1000);
}

static void make_ape(struct buf *b)
{
	make_tagged(b, put_new_ape);
}

static void make_old_ape(struct buf *b)
{
	put_ape(b, 3970, 1000);
}

static void put_pieces(struct buf *b)
{
	BUFFER(pieces);
	buf_add(&pieces, "\x0d\1\6\x3f\x67\2\x39\x30\0\0\x4e\1\3", 14);
	put_wavpack(b, UINT32_MAX, 0, 22050, 15u << 23, &pieces);
	put_wavpack(b, UINT32_MAX, 22050, 22050, 15u << 23, &pieces);
}

static void make_wavpack(struct buf *b)
{
	make_tagged(b, put_pieces);
}

static void make_sv7(struct buf *b)
{
	make_tagged(b, put_sv7);
}

static void make_sv8(struct buf *b)
{
	make_tagged(b, put_sv8);
}

static void make_aac(struct buf *b)
{
	put_adts(b, 8);
	put_ape_names(b, "title", "artist");
}

static void make_wav(struct buf *b)
{
	BUFFER(chunks);
	BUFFER(tag);
	put_id3_names(&tag, "title", true);
	put_chunk(&chunks, "id3 ", tag.data, tag.len, false);
	put_chunk(&chunks, "LIST", "INFOINAM\6\0\0\0title", 18, false);
	/* Behind little sound. */
	build_wav(b, NULL);
	b->len = 44 + 1000;
	set_le32(b, 40, 1000);
	set_le32(b, 4, (uint32_t)(36 + 1000 + chunks.len));
	put_buf(b, &chunks);
}

static void make_aiff(struct buf *b)
{
	BUFFER(chunks);
	BUFFER(tag);
	put_id3_names(&tag, "title", true);
	put_chunk(&chunks, "NAME", "name", 4, true);
	put_chunk(&chunks, "ID3 ", tag.data, tag.len, true);
	build_aiff(b, "AIFC", &chunks);
}

static void make_dsf(struct buf *b)
{
	BUFFER(tag);
	put_id3_names(&tag, "title", true);
	build_dsf(b, &tag);
}

static void make_dff(struct buf *b)
{
	BUFFER(tag);
	put_id3_names(&tag, "title", true);
	build_dff(b, true, &tag);
}

static void make_asf(struct buf *b)
{
	BUFFER(body);
	BUFFER(more);
	put_le16(&body, 3);
	put_attribute(&body, "WM/Track", 3, NULL, 2);
	put_attribute(&body, "WM/AlbumTitle", 0, "album", 0);
	put_attribute(&body, "WM/Genre", 0, "(17)", 0);
	put_object(&more, GUID_EXTENDED, &body);
	build_asf(b, &more);
}

static const struct {
	const char *name;
	void (*make)(struct buf *b);
} FILES[] = {
	{"a.flac", make_flac}, {"a.ogg", make_ogg},  {"a.opus", make_opus}, {"a.m4a", make_mp4},
	{"v22.mp3", make_v22}, {"v23.mp3", make_v23}, {"v24.mp3", make_v24}, {"S 01.cbz", make_cbz},
	{"S 02.cbz", make_packed}, {"a.ape", make_ape}, {"old.ape", make_old_ape}, {"a.wv", make_wavpack},
	{"7.mpc", make_sv7}, {"8.mpc", make_sv8}, {"a.aac", make_aac}, {"a.wav", make_wav}, {"a.aiff", make_aiff},
	{"a.dsf", make_dsf}, {"a.dff", make_dff}, {"a.wma", make_asf},
};

static enum media_kind kind_of(const char *name)
{
	return extract_wants(MEDIA_VOLUME, name, strlen(name)) ? MEDIA_VOLUME : MEDIA_TRACK;
}

/** What a reader gave survives the way to the indexer, whatever the file was. */
static void assert_sane(void)
{
	BUFFER(wire);
	assert_int_equal(media_encode(&t.m, &wire), 0);
	struct media back;
	size_t used;
	media_init(&back);
	assert_int_equal(media_decode(&back, (const uint8_t *)wire.data, wire.len, &used), 0);
	media_clear(&back);
}

static void files_cut_anywhere_do_no_harm(void **state)
{
	(void)state;
	for (size_t f = 0; f < COUNT_OF(FILES); f++) {
		BUFFER(b);
		FILES[f].make(&b);
		assert_int_equal(try_buf(&t, kind_of(FILES[f].name), FILES[f].name, &b), 0);
		for (size_t n = 0; n < b.len; n += n < 400 || n + 100 > b.len ? 1 : 97) {
			try_bytes(&t, kind_of(FILES[f].name), FILES[f].name, b.data, n);
			assert_sane();
			if (n < 20)
				assert_true(t.r == -ENODATA || t.r == -EBADMSG);
		}
	}
}

/** Changes some bytes of the open file, reads it, and puts them back. */
static void try_mutation(int fd, const struct buf *b, const char *name)
{
	enum { MOST = 12 };
	size_t places[MOST];
	unsigned count = 1 + random_below(MOST);
	/* What matters stands at the start, and in archives at the end. */
	uint32_t reach = random_below(4) ? 600 : (uint32_t)b->len;
	for (unsigned i = 0; i < count; i++) {
		static const uint8_t favourites[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
		size_t at = random_below(reach < b->len ? reach : (uint32_t)b->len);
		places[i] = random_below(3) ? at : b->len - 1 - at;
		uint8_t byte = (uint8_t)random_below(256);
		if (random_below(2))
			byte = favourites[random_below(COUNT_OF(favourites))];
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)places[i]), 1);
	}
	struct extract_input in = {.fd = fd, .path = name, .path_len = strlen(name)};
	t.r = extract_file(kind_of(name), &in, &t.m, t.reason);
	assert_int_equal(t.r < 0, t.reason[0] != '\0');
	assert_sane();
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pwrite(fd, b->data + places[i], 1, (off_t)places[i]), 1);
}

static void mutate(const struct buf *b, const char *name, int times)
{
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	assert_int_equal(write(fd, b->data, b->len), (ssize_t)b->len);
	for (int i = 0; i < times; i++)
		try_mutation(fd, b, name);
}

static void mutations_do_no_harm(void **state)
{
	(void)state;
	const char *times = getenv("MUTATIONS");
	for (size_t f = 0; f < COUNT_OF(FILES); f++) {
		BUFFER(b);
		FILES[f].make(&b);
		mutate(&b, FILES[f].name, times ? (int)strtol(times, NULL, 10) : 3000);
	}
}

static void mutations_of_real_files_do_no_harm(void **state)
{
	(void)state;
	static const char *const seeds[] = {"flac_a_1.flac",  "flac_b_1.flac",   "m4a_1.m4a",
					    "mp3_cbr128_1.mp3", "mp3_noxing_1.mp3", "mp3_v2_1.mp3",
					    "ogg_1.ogg",      "opus_1.opus"};
	const char *shared = getenv("MEDIAMON_SHARED");
	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/corpus/seeds/%s", shared ? shared : "../shared",
			 seeds[i]);
		_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			print_message("%s is not there: nothing to mutate\n", path);
			skip();
		}
		struct stat st;
		assert_int_equal(fstat(fd, &st), 0);
		BUFFER(b);
		assert_int_equal(buf_reserve(&b, (size_t)st.st_size), 0);
		assert_int_equal(read(fd, b.data, (size_t)st.st_size), st.st_size);
		b.len = (size_t)st.st_size;
		assert_int_equal(try_buf(&t, MEDIA_TRACK, seeds[i], &b), 0);
		assert_true(media_real(&t.m, FIELD_duration_seconds, 0) > 0.9);
		mutate(&b, seeds[i], 3000);
	}
}

static void noise_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"a.flac", "a.ogg", "a.m4a", "a.mp3", "a.cbz", "a.txt", "a.ape", "a.wv",
					    "a.mpc", "a.wav", "a.aiff", "a.dsf", "a.dff", "a.wma", "a.aac"};
	char noise[3000];
	/* Always the same noise: one in thousands does hold two MPEG headers in a row. */
	random_state = 20261121;
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof noise; i++)
			noise[i] = (char)random_below(256);
		size_t n = random_below(sizeof noise);
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			int r = try_bytes(&t, kind_of(names[i]), names[i], noise, n);
			assert_int_equal(r, n ? -EBADMSG : -ENODATA);
		}
	}
	memset(noise, 0, sizeof noise);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		int r = try_bytes(&t, kind_of(names[i]), names[i], noise, sizeof noise);
		assert_int_equal(r, -EBADMSG);
		assert_int_equal(try_bytes(&t, kind_of(names[i]), names[i], "", 0), -ENODATA);
		assert_string_equal(t.reason, "incomplete: the file is empty (0 bytes)");
		static const char text[] = "this is no audio\n";
		r = try_bytes(&t, kind_of(names[i]), names[i], text, sizeof text - 1);
		assert_int_equal(r, -EBADMSG);
	}
}

/* --- sizes that lie --- */

static void a_tag_that_claims_more_than_the_file_is_named(void **state)
{
	(void)state;
	char lie[110] = "ID3\4\0\0\x7f\x7f\x7f\x7f";
	assert_int_equal(try_bytes(&t, MEDIA_TRACK, "a.mp3", lie, sizeof lie), -ENODATA);
	assert_string_equal(t.reason, "incomplete: the file ends at 110 bytes, its ID3 tag says "
				      "at least 268,435,465");
	BUFFER(b);
	make_v24(&b);
	memcpy(b.data + 6, "\x7f\x7f\x7f\x7f", 4);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), -ENODATA);
	/* What is whole is kept. */
	ASSERT_TEXT(&t, title, "ti");
}

static void blocks_that_claim_more_than_the_file_are_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {"TITLE=t", NULL};
	BUFFER(b);
	build_flac(&b, lines, 441000, 0);
	size_t comment = 4 + 4 + 34;
	memcpy(b.data + comment + 1, "\xff\xff\xff", 3);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.flac", &b), -ENODATA);
	ASSERT_INT(&t, sample_rate, 44100);
	/* The number of comments, and the length of one. */
	for (size_t at = 0; at < 3; at++) {
		buf_reset(&b);
		build_flac(&b, lines, 441000, 0);
		static const size_t places[] = {4, 14, 18};
		memset(b.data + comment + places[at], 0xff, 4);
		try_buf(&t, MEDIA_TRACK, "a.flac", &b);
		assert_sane();
	}
}

static void comments_that_claim_more_than_the_file_are_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {"TITLE=t", "ARTIST=a", NULL};
	BUFFER(b);
	build_ogg(&b, false, lines, 441000);
	char *artist = memmem(b.data, b.len, "ARTIST=a", 8);
	memset(artist - 4, 0xff, 4);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), -EBADMSG);
	ASSERT_TEXT(&t, title, "t");
	uint8_t block[64];
	memset(block, 0xff, sizeof block);
	assert_int_equal(extract_vorbis_comments(block, sizeof block, false, &t.m), -EBADMSG);
	assert_int_equal(extract_vorbis_comments(block, 0, false, &t.m), -EBADMSG);
}

static void atoms_that_claim_more_than_the_file_are_refused(void **state)
{
	(void)state;
	BUFFER(b);
	make_mp4(&b);
	static const char *const atoms[] = {"moov", "trak", "stsd", "ilst", "data", "covr"};
	for (size_t i = 0; i < COUNT_OF(atoms); i++) {
		static const char sizes[][5] = {"\xff\xff\xff\xff", "\0\0\0\7", "\0\0\0\1",
						"\0\0\0\0"};
		for (size_t s = 0; s < COUNT_OF(sizes); s++) {
			BUFFER(copy);
			put_buf(&copy, &b);
			char *at = memmem(copy.data, copy.len, atoms[i], 4);
			memcpy(at - 4, sizes[s], 4);
			try_buf(&t, MEDIA_TRACK, "a.m4a", &copy);
			assert_sane();
		}
	}
}

static void deep_and_endless_structures_end(void **state)
{
	(void)state;
	BUFFER(b);
	size_t a = open_atom(&b, "ftyp");
	buf_adds(&b, "M4A ");
	close_atom(&b, a);
	/* Atoms in atoms, each as large as all that follow. */
	for (uint32_t left = 800000; left >= 8; left -= 8) {
		put_be32(&b, left);
		buf_adds(&b, left == 800000 ? "moov" : "trak");
	}
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.m4a", &b), -EBADMSG);
	buf_reset(&b);
	buf_adds(&b, "fLaC");
	put_be32(&b, 34);
	put_fill(&b, 1, 34);
	/* A million empty blocks. */
	put_fill(&b, 1, 4000000);
	for (size_t i = 42; i < b.len; i += 4)
		set_be32(&b, i, 0x01000000);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.flac", &b), -EBADMSG);
	buf_reset(&b);
	put_fill(&b, 'x', 80000);
	put_mpeg(&b, 10);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.mp3", &b), -EBADMSG);
	assert_string_equal(t.reason, "no MPEG audio frame was found");
	/* Pages without end of a packet. */
	buf_reset(&b);
	BUFFER(packet);
	build_ogg(&b, false, LINES, 1);
	b.len = 58;
	put_fill(&packet, 'x', 255 * 255);
	memcpy(packet.data, "\3vorbis\0\0\0\0\1\0\0\0\xff\xff\xff\x7f", 19);
	for (int i = 0; i < 400; i++)
		put_page(&b, 77, -1, &packet, 0, 255 * 255, true);
	assert_int_equal(try_buf(&t, MEDIA_TRACK, "a.ogg", &b), -EBADMSG);
}

static void read_errors_are_told_as_such(void **state)
{
	(void)state;
	/* A directory's bytes cannot be read, whatever its size says. */
	_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct extract_input in = {.fd = fd, .path = "a.mp3", .path_len = 5};
	int r = extract_file(MEDIA_TRACK, &in, &t.m, t.reason);
	assert_true(r == -EISDIR || r == -EBADMSG);
	in.fd = -1;
	assert_int_equal(extract_file(MEDIA_TRACK, &in, &t.m, t.reason), -EBADF);
	assert_true(t.reason[0] != '\0');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_cut_anywhere_do_no_harm),
		TEST(mutations_do_no_harm),
		TEST(mutations_of_real_files_do_no_harm),
		TEST(noise_is_refused),
		TEST(a_tag_that_claims_more_than_the_file_is_named),
		TEST(blocks_that_claim_more_than_the_file_are_refused),
		TEST(comments_that_claim_more_than_the_file_are_refused),
		TEST(atoms_that_claim_more_than_the_file_are_refused),
		TEST(deep_and_endless_structures_end),
		TEST(read_errors_are_told_as_such),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
