/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/fields.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

const struct field FIELDS_TABLE[FIELD_COUNT] = {
#define F(id, of_kind, of_what, plural_name, vorbis_keys, id3_keys, mp4_keys, ape_keys, \
	  asf_keys) \
	[FIELD_##id] = { \
		.name = #id, \
		.kind = of_kind, \
		.of = of_what, \
		.plural = plural_name, \
		.vorbis = vorbis_keys, \
		.id3 = id3_keys, \
		.mp4 = mp4_keys, \
		.ape = ape_keys, \
		.asf = asf_keys, \
	},
	FIELDS(F)
#undef F
};

enum {
	/** Keys of one kind of tag, all alternatives counted; more are not found, as a test sees. */
	KEYS_MAX = 127,
	/** A power of two, twice as large. */
	SLOTS = 256,
};

/** A key of FIELDS_TABLE, taken apart. */
struct key {
	const char *text;
	uint8_t length, field, rank;
};

/**
 * The keys of one kind of tag by their hash, made once: a lookup for every tag of every file
 * should not walk sixty strings.
 */
struct key_index {
	size_t count;
	struct key keys[KEYS_MAX];
	/** Place in keys plus one, 0 for none; a taken slot sends on to the next. */
	uint8_t slots[SLOTS];
};

static struct key_index indexes[TAG_KINDS];
static pthread_once_t indexed = PTHREAD_ONCE_INIT;

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* ASCII only: MP4 keys hold the byte 0xA9, which no locale may fold. */
static bool same_key(const char *a, const char *b, size_t n)
{
	/* mostly written as in the table */
	if (memcmp(a, b, n) == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

/** Eight bytes at a time, in which the bit that makes letters small is set. */
static size_t slot_of(const char *key, size_t n)
{
	const uint64_t small = 0x2020202020202020, multiplier = 0x9e3779b97f4a7c15;
	uint64_t h = n, word = 0;
	for (; n >= sizeof word; key += sizeof word, n -= sizeof word) {
		memcpy(&word, key, sizeof word);
		h = (h ^ (word | small)) * multiplier;
		h ^= h >> 32;
	}
	for (word = 0; n > 0; n--)
		word = word << 8 | (uint8_t)key[n - 1];
	h = (h ^ (word | small)) * multiplier;
	return (h >> 32 ^ h >> 48) & (SLOTS - 1);
}

static void index_key(struct key_index *index, const char *key, size_t n, size_t field, int rank)
{
	if (index->count == KEYS_MAX)
		return;
	size_t slot = slot_of(key, n);
	while (index->slots[slot])
		slot = (slot + 1) & (SLOTS - 1);
	index->keys[index->count++] =
		(struct key){key, (uint8_t)n, (uint8_t)field, (uint8_t)rank};
	index->slots[slot] = (uint8_t)index->count;
}

static void index_row(struct key_index *index, const char *alternatives, size_t field)
{
	for (int rank = 0; alternatives && *alternatives; rank++) {
		size_t n = strcspn(alternatives, "|");
		index_key(index, alternatives, n, field, rank);
		alternatives += n;
		if (*alternatives == '|')
			alternatives++;
	}
}

static void index_all(void)
{
	for (size_t f = 0; f < FIELD_COUNT; f++) {
		index_row(&indexes[TAG_VORBIS], FIELDS_TABLE[f].vorbis, f);
		index_row(&indexes[TAG_ID3], FIELDS_TABLE[f].id3, f);
		index_row(&indexes[TAG_MP4], FIELDS_TABLE[f].mp4, f);
		index_row(&indexes[TAG_APE], FIELDS_TABLE[f].ape, f);
		index_row(&indexes[TAG_ASF], FIELDS_TABLE[f].asf, f);
	}
}

enum field_id field_find(enum tag_kind kind, const char *key, size_t n, int *rank)
{
	pthread_once(&indexed, index_all);
	const struct key_index *index = &indexes[kind];
	size_t slot = slot_of(key, n);
	for (; index->slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
		const struct key *k = &index->keys[index->slots[slot] - 1];
		if (k->length == n && same_key(k->text, key, n)) {
			*rank = k->rank;
			return (enum field_id)k->field;
		}
	}
	return FIELD_COUNT;
}

enum field_id field_of_vorbis(const char *key, size_t n)
{
	int rank;
	return field_find(TAG_VORBIS, key, n, &rank);
}

enum field_id field_of_id3(const char *key, size_t n)
{
	int rank;
	return field_find(TAG_ID3, key, n, &rank);
}

enum field_id field_of_mp4(const char *key, size_t n)
{
	int rank;
	return field_find(TAG_MP4, key, n, &rank);
}

enum field_id field_of_ape(const char *key, size_t n)
{
	int rank;
	return field_find(TAG_APE, key, n, &rank);
}

enum field_id field_of_asf(const char *key, size_t n)
{
	int rank;
	return field_find(TAG_ASF, key, n, &rank);
}

int field_rank(const char *alternatives, const char *key, size_t n)
{
	for (int rank = 0; alternatives && *alternatives; rank++) {
		size_t length = strcspn(alternatives, "|");
		if (length == n && same_key(alternatives, key, n))
			return rank;
		alternatives += length;
		if (*alternatives == '|')
			alternatives++;
	}
	return -1;
}

/* 0–79 are ID3v1's own, the rest Winamp's. */
static const char *const GENRES[] = {
	"Blues", "Classic Rock", "Country", "Dance", "Disco", "Funk", "Grunge", "Hip-Hop", "Jazz",
	"Metal", "New Age", "Oldies", "Other", "Pop", "R&B", "Rap", "Reggae", "Rock", "Techno",
	"Industrial", "Alternative", "Ska", "Death Metal", "Pranks", "Soundtrack", "Euro-Techno",
	"Ambient", "Trip-Hop", "Vocal", "Jazz+Funk", "Fusion", "Trance", "Classical",
	"Instrumental", "Acid", "House", "Game", "Sound Clip", "Gospel", "Noise", "Alt. Rock",
	"Bass", "Soul", "Punk", "Space", "Meditative", "Instrumental Pop", "Instrumental Rock",
	"Ethnic", "Gothic", "Darkwave", "Techno-Industrial", "Electronic", "Pop-Folk", "Eurodance",
	"Dream", "Southern Rock", "Comedy", "Cult", "Gangsta Rap", "Top 40", "Christian Rap",
	"Pop/Funk", "Jungle", "Native American", "Cabaret", "New Wave", "Psychedelic", "Rave",
	"Showtunes", "Trailer", "Lo-Fi", "Tribal", "Acid Punk", "Acid Jazz", "Polka", "Retro",
	"Musical", "Rock & Roll", "Hard Rock", "Folk", "Folk-Rock", "National Folk", "Swing",
	"Fast-Fusion", "Bebop", "Latin", "Revival", "Celtic", "Bluegrass", "Avantgarde",
	"Gothic Rock", "Progressive Rock", "Psychedelic Rock", "Symphonic Rock", "Slow Rock",
	"Big Band", "Chorus", "Easy Listening", "Acoustic", "Humour", "Speech", "Chanson", "Opera",
	"Chamber Music", "Sonata", "Symphony", "Booty Bass", "Primus", "Porn Groove", "Satire",
	"Slow Jam", "Club", "Tango", "Samba", "Folklore", "Ballad", "Power Ballad", "Rhythmic Soul",
	"Freestyle", "Duet", "Punk Rock", "Drum Solo", "A Cappella", "Euro-House", "Dance Hall",
	"Goa", "Drum & Bass", "Club-House", "Hardcore", "Terror", "Indie", "BritPop", "Afro-Punk",
	"Polsk Punk", "Beat", "Christian Gangsta Rap", "Heavy Metal", "Black Metal", "Crossover",
	"Contemporary Christian", "Christian Rock", "Merengue", "Salsa", "Thrash Metal", "Anime",
	"JPop", "Synthpop", "Abstract", "Art Rock", "Baroque", "Bhangra", "Big Beat", "Breakbeat",
	"Chillout", "Downtempo", "Dub", "EBM", "Eclectic", "Electro", "Electroclash", "Emo",
	"Experimental", "Garage", "Global", "IDM", "Illbient", "Industro-Goth", "Jam Band",
	"Krautrock", "Leftfield", "Lounge", "Math Rock", "New Romantic", "Nu-Breakz", "Post-Punk",
	"Post-Rock", "Psytrance", "Shoegaze", "Space Rock", "Trop Rock", "World Music",
	"Neoclassical", "Audiobook", "Audio Theatre", "Neue Deutsche Welle", "Podcast",
	"Indie Rock", "G-Funk", "Dubstep", "Garage Rock", "Psybient",
};

const char *field_genre_name(unsigned number)
{
	return number < COUNT_OF(GENRES) ? GENRES[number] : NULL;
}
