# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags that mutagen writes into real files of every format come out as they went in."""
import base64
import shutil

import pytest

from corpus import SHARED

SEEDS = SHARED / "corpus/seeds"
ID = "0123abcd-0000-4000-8000-00000000000"
# field in the export, Vorbis comment, ID3 frame or TXXX, MP4 atom or free form, values
TEXTS = [
    ("title", "title", "TIT2", "\xa9nam", ["Ça m’est égal ♫ 日本"]),
    ("artists", "artist", "TPE1", "\xa9ART", ["AC/DC", "Édith"]),
    ("album", "album", "TALB", "\xa9alb", ["Album"]),
    ("album_artist", "albumartist", "TPE2", "aART", ["Various"]),
    ("artist_sort", "artistsort", "TSOP", "soar", ["DC, AC"]),
    ("album_artist_sort", "albumartistsort", "TSO2", "soaa", ["Sorted"]),
    ("date", "date", "TDRC", "\xa9day", ["2004-05-06"]),
    ("original_date", "originaldate", "TDOR", "----:com.apple.iTunes:ORIGINALDATE", ["1999-01-02"]),
    ("genres", "genre", "TCON", "\xa9gen", ["Rock", "Chanson"]),
    ("composer", "composer", "TCOM", "\xa9wrt", ["Composer"]),
    ("comment", "comment", "COMM", "\xa9cmt", ["A comment"]),
    ("replaygain_track_gain", "replaygain_track_gain", "REPLAYGAIN_TRACK_GAIN", "----:com.apple.iTunes:replaygain_track_gain", ["-6.02 dB"]),
    ("replaygain_album_peak", "replaygain_album_peak", "REPLAYGAIN_ALBUM_PEAK", "----:com.apple.iTunes:replaygain_album_peak", ["0.98"]),
    ("r128_track_gain", "R128_TRACK_GAIN", "R128_TRACK_GAIN", "----:com.apple.iTunes:R128_TRACK_GAIN", ["-1536"]),
    ("musicbrainz_album_id", "musicbrainz_albumid", "MusicBrainz Album Id", "----:com.apple.iTunes:MusicBrainz Album Id", [ID + "1"]),
    ("musicbrainz_album_artist_id", "musicbrainz_albumartistid", "MusicBrainz Album Artist Id",
     "----:com.apple.iTunes:MusicBrainz Album Artist Id", [ID + "2"]),
    ("musicbrainz_release_group_id", "musicbrainz_releasegroupid", "MusicBrainz Release Group Id",
     "----:com.apple.iTunes:MusicBrainz Release Group Id", [ID + "3"]),
    ("acoustid_id", "acoustid_id", "Acoustid Id", "----:com.apple.iTunes:Acoustid Id", [ID + "4"]),
]
NUMBERS = {"track": 3, "track_total": 12, "disc": 1, "disc_total": 2, "year": 2004}
REAL = {"replaygain_track_gain": -6.02, "replaygain_album_peak": 0.98, "r128_track_gain": -1536}


def write_id3(path, version, encoding):
    from mutagen import id3
    tag = id3.ID3()
    for _, _, key, _, values in TEXTS:
        if key == "COMM":
            tag.add(id3.COMM(encoding=encoding, lang="eng", desc="iTunNORM", text=["0000"]))
            tag.add(id3.COMM(encoding=encoding, lang="fra", desc="", text=values))
        elif len(key) == 4:
            tag.add(getattr(id3, key)(encoding=encoding, text=values))
        else:
            tag.add(id3.TXXX(encoding=encoding, desc=key, text=values))
    tag.add(id3.TRCK(encoding=0, text="3/12"))
    tag.add(id3.TPOS(encoding=0, text="1/2"))
    tag.add(id3.APIC(encoding=encoding, mime="image/jpeg", type=3, desc="ÿ", data=cover()))
    if version == 3:
        tag.update_to_v23()
        # the separator of v2.3 as mutagen and Picard write it would make "AC/DC" two
        tag.save(path, v2_version=3, v23_sep=None)
    else:
        tag.save(path)


# v2.3 has no sorted names, and of the original date the year alone
LESS = {"v23.mp3": {"artist_sort": None, "album_artist_sort": "Sorted", "original_date": "1999"}}


def write_vorbis(path):
    import mutagen
    from mutagen.flac import FLAC, Picture
    audio = mutagen.File(path)
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/jpeg", cover()
    for _, key, _, _, values in TEXTS:
        audio[key] = values
    audio["tracknumber"], audio["tracktotal"], audio["discnumber"] = "03", "12", "1/2"
    if isinstance(audio, FLAC):
        audio.clear_pictures()
        audio.add_picture(picture)
    else:
        audio["metadata_block_picture"] = base64.b64encode(picture.write()).decode()
    audio.save()


def write_mp4(path):
    from mutagen.mp4 import MP4, MP4Cover
    audio = MP4(path)
    for _, _, _, key, values in TEXTS:
        audio[key] = [v.encode() for v in values] if key.startswith("----") else values
    audio["trkn"], audio["disk"], audio["covr"] = [(3, 12)], [(1, 2)], [MP4Cover(cover(), MP4Cover.FORMAT_JPEG)]
    audio.save()


def cover():
    return (SEEDS / "cover0.jpg").read_bytes()


FILES = {
    "v23.mp3": ("mp3_cbr128_3.mp3", lambda p: write_id3(p, 3, 1)),
    "v24.mp3": ("mp3_v2_3.mp3", lambda p: write_id3(p, 4, 3)),
    "utf16.mp3": ("mp3_noxing_3.mp3", lambda p: write_id3(p, 4, 1)),
    "a.flac": ("flac_a_3.flac", write_vorbis),
    "a.ogg": ("ogg_3.ogg", write_vorbis),
    "a.opus": ("opus_3.opus", write_vorbis),
    "a.m4a": ("m4a_3.m4a", write_mp4),
}


@pytest.fixture
def tagged(lab, tmp_path):
    pytest.importorskip("mutagen")
    if not SEEDS.exists():
        pytest.skip(f"{SEEDS} is not there (set MEDIAMON_SHARED)")
    folder = tmp_path / "tagged"
    folder.mkdir()
    for name, (seed, write) in FILES.items():
        shutil.copyfile(SEEDS / seed, folder / name)
        write(folder / name)
    lab.configure(music=folder)
    lab.start()
    lab.wait_idle()
    return folder, {path.rsplit("/", 1)[1]: row for path, row in lab.export("tracks").items()}


def test_every_field_of_every_format_comes_out_as_it_went_in(tagged):
    import mutagen
    folder, tracks = tagged
    assert set(tracks) == set(FILES)
    for name, row in tracks.items():
        for field, *_, values in TEXTS:
            expected = REAL.get(field, values if field in ("artists", "genres") else values[0])
            expected = LESS.get(name, {}).get(field, expected)
            found = row.get(field)
            assert found == (pytest.approx(expected) if field in REAL else expected), (name, field)
        assert {k: row[k] for k in NUMBERS} == NUMBERS, name
        assert (row["has_picture"], row["picture_kind"], row["picture_bytes"]) == (True, 3, len(cover())), name
        assert row.get("picture_hash") is None, name
        length = mutagen.File(folder / name).info.length
        assert row["duration_seconds"] == pytest.approx(length, abs=0.1), name
