# SPDX-License-Identifier: GPL-3.0-or-later
"""A library of 10,000 tracks and 300 series: what is shown is what the generator made."""
import contextlib
import os
import random
import re
import unicodedata

import mutagen
import mutagen.apev2


def indexed(lab):
    lab.start()
    lab.wait_idle()
    return lab


def fold(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def safe(text):
    return re.sub(r'[/\\:*?"<>|\x00-\x1f]', "_", text)


def chapters(library):
    return [s for s in library.series if s.is_chapters]


def test_the_summary_counts_what_the_generator_made(big, library):
    summary = indexed(big).newest("status/summary.json")
    music, manga = summary["music"], summary["manga"]
    files = [os.stat(t.path).st_size for t in library.tracks]
    assert music["tracks"] == len(library.tracks) > 0
    assert music["albums"] == len({(fold(t.album_artist), fold(t.album)) for t in library.tracks})
    assert music["bytes"] == sum(files)
    assert manga["series"] == len(library.series) > 0
    assert manga["volumes"] == sum(len(s.owned) for s in library.series if not s.is_chapters)
    assert manga["chapters"] == sum(len(s.owned) for s in chapters(library)) > 0
    assert manga["missing"] == sum(len(s.missing) for s in library.series if not s.is_chapters)
    assert summary["errors"] == 0
    assert (summary["links"]["total"], summary["jobs"]) == (0, {"running": 0, "queued": 0})


def test_artists_are_those_that_mutagen_reads(big, library):
    indexed(big)
    artists = set()
    for t in library.tracks:
        tags = mutagen.File(t.path, easy=True)
        with contextlib.suppress(mutagen.apev2.error):
            # ID3v1 has but 30 letters of it, in one alphabet
            tags = mutagen.apev2.APEv2(t.path) if t.format == "id3v1" else tags
        artists.update(fold(name) for name in tags["artist"])
    assert big.newest("status/summary.json")["music"]["artists"] == len(artists)


def test_missing_is_exactly_the_gaps_of_the_generator(big, library):
    indexed(big)
    gaps = {(s.name, v) for s in library.series if not s.is_chapters for v in s.missing}
    document = big.newest("status/missing.json")
    shown = [(item["series"], item["volume"]) for item in document["items"]]
    assert sorted(shown) == sorted(gaps)
    assert document["count"] == len(gaps) > 100
    assert {(i["kind"], i["state"], i["monitored"]) for i in document["items"]} == {("interior", "wanted", True)}
    lines = big.read("status/missing").decode().splitlines()
    assert lines[0].startswith("#") and len(lines) == 1 + len(gaps)


def test_a_series_knows_what_it_owns_and_lacks(big, library):
    indexed(big)
    for s in random.Random(3).sample(library.series, 30):
        info = big.json(f"manga/{safe(s.name)}/info.json")
        whole = [v for v in s.owned if v == int(v)]
        assert info["series"] == s.name
        assert info["missing"] == ([] if s.is_chapters else s.missing)
        assert info["owned"] == ([] if s.is_chapters else whole)
        assert len(info["volumes"]) == len(s.owned) == len(big.listing(f"manga/{safe(s.name)}/volumes"))


def test_tracks_are_linked_by_artist_and_album(big, library):
    indexed(big)
    tagged = [t for t in library.tracks if t.format != "id3v1"]
    for t in random.Random(5).sample(tagged, 50):
        folder = big.mnt / "music/artists" / safe(t.album_artist) / safe(t.album)
        links = [name for name in os.listdir(folder) if os.path.realpath(folder / name) == t.path]
        assert len(links) == 1, t.path
        stem, _, suffix = links[0].rpartition(".")
        assert re.sub(r" \(\d+\)$", "", stem) == re.sub(r" \(\d+\)$", "", f"{t.track:02} - {safe(t.title)}")
        assert suffix == t.path.rpartition(".")[2]
        assert os.readlink(folder / links[0]) == t.path


def test_the_export_tells_the_tags_of_the_manifest(big, library):
    rows = indexed(big).export("tracks")
    assert len(rows) == len(library.tracks)
    wrong = []
    for t in library.tracks:
        row = rows[t.path]
        want = {"title": t.title, "artist": t.artist, "album": t.album, "album_artist": t.album_artist,
                "track": t.track, "genre": t.genre, "year": t.year, "has_picture": t.picture > 0}
        if t.format != "id3v1":
            wrong += [(t.path, t.format, k, v, row.get(k)) for k, v in want.items() if row.get(k) != v]
        assert row["bytes"] == os.stat(t.path).st_size
        assert row["duration_seconds"] > 0 and row["sample_rate"] > 0 and row["channels"] > 0
    assert not wrong, wrong[:5]


def test_the_export_tells_the_volumes_of_the_manifest(big, library):
    rows = indexed(big).export("volumes")
    found = {}
    for row in rows.values():
        number = row.get("volume", row.get("chapter"))
        found.setdefault((row["series"], "volume" in row), []).append(number)
        assert row["pages"] >= 2
    assert {key: sorted(v) for key, v in found.items()} == {
        (s.name, not s.is_chapters): sorted(s.owned) for s in library.series}


def test_the_analysis_counts_fields_as_the_export_has_them(big, library):
    analysis = indexed(big).newest("metrics/analysis.json")
    rows = {"track": big.export("tracks").values(), "volume": big.export("volumes").values()}
    assert (analysis["tracks"], analysis["volumes"]) == (len(rows["track"]), len(rows["volume"]))
    assert analysis["files_read"] == analysis["tracks"] + analysis["volumes"] and analysis["files_per_second"] > 0
    assert analysis["count"] == len(analysis["items"]) > 50
    wrong = []
    for item in analysis["items"]:
        have = sum(item["field"] in row for row in rows[item["kind"]])
        if (item["have"], item["lack"]) != (have, len(rows[item["kind"]]) - have):
            wrong.append((item, have))
    assert not wrong, wrong[:5]
    assert {i["field"]: i["ratio"] for i in analysis["items"]}["duration_seconds"] == 1
    assert any(0 < i["ratio"] < 1 for i in analysis["items"]) and any(i["ratio"] == 0 for i in analysis["items"])
