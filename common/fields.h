/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * THE table of media fields.
 *
 * One row makes a field: the store's column, the tag keys that fill it, its place in JSON and
 * CSV all derive from here.  Tag keys are separated by '|', best first.  Sources: Xiph's
 * Vorbis comment field names, ID3v2.4 native frames, MusicBrainz Picard's tag mapping.
 */
#ifndef COMMON_FIELDS_H
#define COMMON_FIELDS_H

#include <stddef.h>
#include <stdint.h>

/** Which things have the field. */
enum {
	OF_TRACK = 1,
	OF_VOLUME = 2,
};

/** How the text of a tag becomes the value. */
enum field_kind {
	/** One text; of several values the first. */
	KIND_TEXT,
	/** Several texts, kept apart by FIELD_SEPARATOR. */
	KIND_LIST,
	/** As KIND_LIST, numeric ID3v1 genres named. */
	KIND_GENRE,
	/** A whole number: the leading digits. */
	KIND_INT,
	/** As KIND_INT, with a sign perhaps ("-1536"). */
	KIND_SIGNED,
	/** "3/12": this field and the next row's. */
	KIND_PAIR,
	/** As written; its year also fills `year` when that is unset. */
	KIND_DATE,
	/** A number that may have decimals, a sign and a unit behind ("-6.02 dB"). */
	KIND_REAL,
	/** 0 or 1. */
	KIND_BOOL,
	/** A JSON value made by us, stored as text. */
	KIND_JSON,
};

/** U+001F: never part of a value (control characters are removed from tags). */
#define FIELD_SEPARATOR '\x1f'

/*   name, kind, of, plural, Vorbis comment, ID3v2 frame, MP4 atom, APEv2 item, ASF attribute */
#define FIELDS(F) \
	F(format, KIND_TEXT, OF_TRACK | OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(title, KIND_TEXT, OF_TRACK | OF_VOLUME, NULL, "TITLE", "TIT2", "\251nam", "Title", \
	  "Title|WM/Title") \
	F(artist, KIND_LIST, OF_TRACK, "artists", "ARTIST", "TPE1", "\251ART", "Artist", "Author|WM/Author") \
	F(album, KIND_TEXT, OF_TRACK, NULL, "ALBUM", "TALB", "\251alb", "Album", "WM/AlbumTitle") \
	F(album_artist, KIND_TEXT, OF_TRACK, NULL, "ALBUMARTIST|ALBUM ARTIST|ALBUM_ARTIST", "TPE2", "aART", \
	  "Album Artist|AlbumArtist|Album_Artist", "WM/AlbumArtist") \
	F(artist_sort, KIND_TEXT, OF_TRACK, NULL, "ARTISTSORT", "TSOP|XSOP", "soar", "ArtistSort", \
	  "WM/ArtistSortOrder") \
	F(album_artist_sort, KIND_TEXT, OF_TRACK, NULL, "ALBUMARTISTSORT", "TSO2|TXXX:ALBUMARTISTSORT", \
	  "soaa", "AlbumArtistSort", "WM/AlbumArtistSortOrder") \
	F(track, KIND_PAIR, OF_TRACK, NULL, "TRACKNUMBER|TRACK", "TRCK", "trkn", "Track|TrackNumber", \
	  "WM/TrackNumber|WM/Track") \
	F(track_total, KIND_INT, OF_TRACK, NULL, "TRACKTOTAL|TOTALTRACKS", "TXXX:TRACKTOTAL", NULL, \
	  "TrackTotal|TotalTracks", "TrackTotal|TotalTracks") \
	F(disc, KIND_PAIR, OF_TRACK, NULL, "DISCNUMBER|DISC", "TPOS", "disk", "Disc|DiscNumber", \
	  "WM/PartOfSet") \
	F(disc_total, KIND_INT, OF_TRACK, NULL, "DISCTOTAL|TOTALDISCS", "TXXX:DISCTOTAL", NULL, \
	  "DiscTotal|TotalDiscs", "DiscTotal|TotalDiscs") \
	F(date, KIND_DATE, OF_TRACK, NULL, "DATE|YEAR", "TDRC|TYER", "\251day", "Year|Date|Record Date", \
	  "WM/Year") \
	F(year, KIND_INT, OF_TRACK | OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(original_date, KIND_TEXT, OF_TRACK, NULL, "ORIGINALDATE|ORIGINALYEAR", \
	  "TDOR|TORY|TXXX:originalyear", "----:ORIGINALDATE|----:ORIGINALYEAR", \
	  "ORIGINALDATE|ORIGINALYEAR", "WM/OriginalReleaseTime|WM/OriginalReleaseYear") \
	F(genre, KIND_GENRE, OF_TRACK, "genres", "GENRE", "TCON", "\251gen", "Genre", "WM/Genre") \
	F(composer, KIND_LIST, OF_TRACK, NULL, "COMPOSER", "TCOM", "\251wrt", "Composer", "WM/Composer") \
	F(duration_seconds, KIND_REAL, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(sample_rate, KIND_INT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(channels, KIND_INT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(bits_per_sample, KIND_INT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(bitrate, KIND_INT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(has_picture, KIND_BOOL, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(picture_kind, KIND_INT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(picture_bytes, KIND_INT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(picture_hash, KIND_TEXT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(replaygain_track_gain, KIND_REAL, OF_TRACK, NULL, "REPLAYGAIN_TRACK_GAIN", \
	  "TXXX:REPLAYGAIN_TRACK_GAIN", "----:REPLAYGAIN_TRACK_GAIN", "REPLAYGAIN_TRACK_GAIN", \
	  "REPLAYGAIN_TRACK_GAIN") \
	F(replaygain_album_gain, KIND_REAL, OF_TRACK, NULL, "REPLAYGAIN_ALBUM_GAIN", \
	  "TXXX:REPLAYGAIN_ALBUM_GAIN", "----:REPLAYGAIN_ALBUM_GAIN", "REPLAYGAIN_ALBUM_GAIN", \
	  "REPLAYGAIN_ALBUM_GAIN") \
	F(replaygain_track_peak, KIND_REAL, OF_TRACK, NULL, "REPLAYGAIN_TRACK_PEAK", \
	  "TXXX:REPLAYGAIN_TRACK_PEAK", "----:REPLAYGAIN_TRACK_PEAK", "REPLAYGAIN_TRACK_PEAK", \
	  "REPLAYGAIN_TRACK_PEAK") \
	F(replaygain_album_peak, KIND_REAL, OF_TRACK, NULL, "REPLAYGAIN_ALBUM_PEAK", \
	  "TXXX:REPLAYGAIN_ALBUM_PEAK", "----:REPLAYGAIN_ALBUM_PEAK", "REPLAYGAIN_ALBUM_PEAK", \
	  "REPLAYGAIN_ALBUM_PEAK") \
	F(r128_track_gain, KIND_SIGNED, OF_TRACK, NULL, "R128_TRACK_GAIN", "TXXX:R128_TRACK_GAIN", \
	  "----:R128_TRACK_GAIN", "R128_TRACK_GAIN", NULL) \
	F(r128_album_gain, KIND_SIGNED, OF_TRACK, NULL, "R128_ALBUM_GAIN", "TXXX:R128_ALBUM_GAIN", \
	  "----:R128_ALBUM_GAIN", "R128_ALBUM_GAIN", NULL) \
	F(bpm, KIND_REAL, OF_TRACK, NULL, "BPM|TEMPO", "TBPM", "tmpo|----:BPM", "BPM", "WM/BeatsPerMinute") \
	F(musicbrainz_recording_id, KIND_TEXT, OF_TRACK, NULL, "MUSICBRAINZ_TRACKID", \
	  "UFID:http://musicbrainz.org|TXXX:MUSICBRAINZ_TRACKID|TXXX:MusicBrainz Track Id", \
	  "----:MusicBrainz Track Id|----:MUSICBRAINZ_TRACKID", "MUSICBRAINZ_TRACKID", \
	  "MusicBrainz/Track Id") \
	F(musicbrainz_album_id, KIND_TEXT, OF_TRACK, NULL, "MUSICBRAINZ_ALBUMID", \
	  "TXXX:MusicBrainz Album Id|TXXX:MUSICBRAINZ_ALBUMID", \
	  "----:MusicBrainz Album Id|----:MUSICBRAINZ_ALBUMID", "MUSICBRAINZ_ALBUMID", \
	  "MusicBrainz/Album Id") \
	F(musicbrainz_artist_id, KIND_LIST, OF_TRACK, NULL, "MUSICBRAINZ_ARTISTID", \
	  "TXXX:MusicBrainz Artist Id|TXXX:MUSICBRAINZ_ARTISTID", \
	  "----:MusicBrainz Artist Id|----:MUSICBRAINZ_ARTISTID", "MUSICBRAINZ_ARTISTID", \
	  "MusicBrainz/Artist Id") \
	F(musicbrainz_track_id, KIND_TEXT, OF_TRACK, NULL, "MUSICBRAINZ_RELEASETRACKID", \
	  "TXXX:MusicBrainz Release Track Id", "----:MusicBrainz Release Track Id", \
	  "MUSICBRAINZ_RELEASETRACKID", "MusicBrainz/Release Track Id") \
	F(musicbrainz_album_artist_id, KIND_LIST, OF_TRACK, NULL, "MUSICBRAINZ_ALBUMARTISTID", \
	  "TXXX:MusicBrainz Album Artist Id", "----:MusicBrainz Album Artist Id", \
	  "MUSICBRAINZ_ALBUMARTISTID", "MusicBrainz/Album Artist Id") \
	F(musicbrainz_release_group_id, KIND_TEXT, OF_TRACK, NULL, "MUSICBRAINZ_RELEASEGROUPID", \
	  "TXXX:MusicBrainz Release Group Id", "----:MusicBrainz Release Group Id", \
	  "MUSICBRAINZ_RELEASEGROUPID", "MusicBrainz/Release Group Id") \
	F(acoustid_id, KIND_TEXT, OF_TRACK, NULL, "ACOUSTID_ID", "TXXX:Acoustid Id|TXXX:ACOUSTID_ID", \
	  "----:Acoustid Id|----:ACOUSTID_ID", "ACOUSTID_ID", "Acoustid/Id") \
	F(compilation, KIND_BOOL, OF_TRACK, NULL, "COMPILATION", "TCMP", "cpil", "Compilation", \
	  "WM/IsCompilation") \
	F(comment, KIND_TEXT, OF_TRACK, NULL, "COMMENT|DESCRIPTION", "COMM", "\251cmt", \
	  "Comment|Description", "Description|WM/Description") \
	F(tag_source, KIND_TEXT, OF_TRACK, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(series, KIND_TEXT, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(volume, KIND_REAL, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(volume_end, KIND_REAL, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(chapter, KIND_REAL, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(chapter_end, KIND_REAL, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(language, KIND_TEXT, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(pages, KIND_INT, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(kind, KIND_TEXT, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(rule, KIND_TEXT, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(count, KIND_INT, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL) \
	F(comicinfo, KIND_JSON, OF_VOLUME, NULL, NULL, NULL, NULL, NULL, NULL)

enum field_id {
#define F(name, ...) FIELD_##name,
	FIELDS(F)
#undef F
	FIELD_COUNT
};

struct field {
	const char *name;
	enum field_kind kind;
	/** OF_TRACK, OF_VOLUME or both. */
	unsigned of;
	/** Name of the list form in JSON, or NULL. */
	const char *plural;
	/** Tag keys, '|' between alternatives, or NULL. */
	const char *vorbis, *id3, *mp4, *ape, *asf;
};

/** Indexed by enum field_id. */
extern const struct field FIELDS_TABLE[FIELD_COUNT];

/** Kinds of tags: the columns of FIELDS that hold keys. */
enum tag_kind {
	TAG_VORBIS,
	TAG_ID3,
	TAG_MP4,
	TAG_APE,
	TAG_ASF,
	TAG_KINDS,
};

/**
 * The field that a tag key fills, compared without case.  @n bytes, no NUL needed.  Its place
 * among the field's alternatives (0 is best, for "the best key present wins") in *rank.
 * Returns FIELD_COUNT when no field takes it.
 */
enum field_id field_find(enum tag_kind kind, const char *key, size_t n, int *rank);

/** As field_find(), for those who need no rank. */
enum field_id field_of_vorbis(const char *key, size_t n);
enum field_id field_of_id3(const char *key, size_t n);
enum field_id field_of_mp4(const char *key, size_t n);
enum field_id field_of_ape(const char *key, size_t n);
enum field_id field_of_asf(const char *key, size_t n);

/** Rank of @key among @alternatives, -1 when it is none of them. */
int field_rank(const char *alternatives, const char *key, size_t n);

/** "Rock" for 17; NULL outside ID3v1's and Winamp's list. */
const char *field_genre_name(unsigned number);

#endif
