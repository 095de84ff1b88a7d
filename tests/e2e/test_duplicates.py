# SPDX-License-Identifier: GPL-3.0-or-later
"""status/duplicates: the same volume or recording twice, and which copy is the best.  A report: nothing is touched."""
import base64
import os
import zipfile

import pytest

from corpus import SHARED, Pieces, block
from harness import until

ID = "0f0a7c3e-1111-4222-8333-444455556666"


def volume(path, pages, size=2000):
    """A real archive of so many pages."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f, zipfile.ZipFile(f, "w") as z:
        for n in range(pages):
            z.writestr(f"{n:03}.jpg", b"\xff\xd8\xff\xe0" + bytes(size))


@pytest.fixture
def pieces():
    if not (SHARED / "corpus/seeds").exists():
        pytest.skip("the seeds of the corpus are not there (set MEDIAMON_SHARED)")
    return Pieces()


def flac_with_id(pieces, title, album):
    lines = [f"{key}={value}".encode() for key, value in (
        ("TITLE", title), ("ARTIST", "Nina"), ("ALBUM", album), ("MUSICBRAINZ_TRACKID", ID))]
    tags = bytes(4) + len(lines).to_bytes(4, "little") + b"".join(
        len(line).to_bytes(4, "little") + line for line in lines)
    return b"fLaC" + block(0, pieces.head) + block(4, tags, True) + pieces.sound


def duplicates(lab):
    document = lab.newest("status/duplicates.json")
    assert document["schema"] == "mediamon/duplicates/1" and document["is_partial"] is False
    assert document["count"] == document["total"] == len(document["items"])
    for item in document["items"]:
        assert [file["is_best"] for file in item["files"]] == [True] + [False] * (len(item["files"]) - 1)
        assert item["copies"] == len(item["files"]) >= 2 and all(file["reason"] for file in item["files"])
    return document["items"]


def names(item):
    return [os.path.basename(file["path"]) for file in item["files"]]


def test_a_library_without_duplicates_says_so(lab):
    volume(lab.manga / "Naruto/Naruto T01.cbz", 3)
    volume(lab.manga / "Naruto/Naruto T01.5.cbz", 3)
    volume(lab.manga / "Naruto/Naruto T02.cbz", 3)
    lab.start()
    lab.wait_idle()
    assert duplicates(lab) == []
    assert lab.read("status/duplicates").decode().splitlines() == ["# kind  what  copy  format  size  why  path"]


def test_the_same_volume_twice_is_told_with_the_best_copy(lab):
    series = lab.manga / "Naruto"
    volume(series / "Naruto T01.cbz", 3)
    volume(series / "Naruto v01 (other).cbz", 5)
    volume(series / "Naruto T02.cbz", 3)
    volume(series / "Naruto T03.cbz", 4)
    # no page of it is lost, but it ends too early
    volume(series / "Naruto v03 (digital).cbz", 9)
    whole = (series / "Naruto v03 (digital).cbz").read_bytes()
    (series / "Naruto v03 (digital).cbz").write_bytes(whole[:len(whole) // 2])
    # a special and a half volume of that number are other things
    volume(series / "Naruto HS 02.cbz", 3)
    volume(series / "Naruto T02.5.cbz", 3)
    lab.start()
    lab.wait_idle()
    first, third = duplicates(lab)
    assert (first["kind"], first["series"], first["volume"]) == ("volume", "Naruto", 1)
    assert names(first) == ["Naruto v01 (other).cbz", "Naruto T01.cbz"]
    assert [f["pages"] for f in first["files"]] == [5, 3] and first["files"][0]["format"] == "cbz"
    assert [f["reason"] for f in first["files"]] == ["the most pages", "fewer pages"]
    assert [f["bytes"] for f in first["files"]] == [(series / n).stat().st_size for n in names(first)]
    assert third["volume"] == 3 and names(third) == ["Naruto T03.cbz", "Naruto v03 (digital).cbz"]
    assert [f["is_damaged"] for f in third["files"]] == [False, True]
    lines = lab.read("status/duplicates").decode().splitlines()
    assert len(lines) == 5 and lines[1].split()[:4] == ["volume", "Naruto", "1", "best"]
    assert lines[1].endswith(first["files"][0]["path"])

    # the other copy goes: so does the row, and no file was touched by us
    (series / "Naruto T01.cbz").unlink()
    lab.rescan("manga")
    until(lambda: [item["volume"] for item in duplicates(lab)] == [3], 20, "one duplicate left")
    assert len(os.listdir(series)) == 6


def test_what_a_range_or_a_complete_edition_holds_is_covered(lab):
    volume(lab.manga / "Bleach/Bleach T02.cbz", 9)
    volume(lab.manga / "Bleach/Bleach T01-T03.cbz", 5)
    volume(lab.manga / "Bleach/Bleach T04.cbz", 5)
    volume(lab.manga / "Solo/Solo T01.cbz", 9)
    volume(lab.manga / "Solo/Solo - Intégrale.cbz", 5)
    # a pack that does not say what it holds covers nothing
    volume(lab.manga / "Pack/Pack T01.cbz", 9)
    volume(lab.manga / "Pack/Pack - Coffret 1.cbz", 9)
    lab.start()
    lab.wait_idle()
    found = {item["series"]: item for item in duplicates(lab)}
    assert found.keys() == {"Bleach", "Solo"}
    assert {item["kind"] for item in found.values()} == {"covered"}
    assert found["Bleach"]["volume"] == 2 and names(found["Bleach"]) == ["Bleach T01-T03.cbz", "Bleach T02.cbz"]
    assert found["Bleach"]["files"][0]["reason"] == "holds more volumes"
    assert found["Solo"]["volume"] == 1 and names(found["Solo"])[0] == "Solo - Intégrale.cbz"


def test_the_same_recording_twice_is_told(lab, pieces):
    files = {
        "X/01.flac": pieces.flac("Alone", "Bo", "X"),
        "X copy/01.flac": pieces.flac("Alone", "Bo", "X", fill=5000),
        "X/02.flac": pieces.flac("Alone", "Bo", "X", track=2),
        "Y/01.flac": pieces.flac("Alone", "Bo", "Y"),
        "P/a.flac": flac_with_id(pieces, "Song", "Pearls"),
        "Q/b.flac": flac_with_id(pieces, "Song (remastered)", "Quartz"),
    }
    for name, data in files.items():
        (lab.music / name).parent.mkdir(exist_ok=True)
        (lab.music / name).write_bytes(data)
    lab.start()
    lab.wait_idle()
    items = duplicates(lab)
    assert {item["kind"] for item in items} == {"recording"} and len(items) == 2
    by_title = {item["title"].split()[0]: item for item in items}
    alone, song = by_title["Alone"], by_title["Song"]
    assert (alone["artist"], alone["album"], alone["track"]) == ("Bo", "X", 1)
    assert [os.path.relpath(f["path"], lab.music) for f in alone["files"]] == ["X copy/01.flac", "X/01.flac"]
    assert alone["files"][0]["format"] == "flac" and alone["files"][0]["bytes"] == len(files["X copy/01.flac"])
    assert {os.path.relpath(f["path"], lab.music) for f in song["files"]} == {"P/a.flac", "Q/b.flac"}


def test_no_name_reaches_the_terminal_raw(lab):
    folder = os.fsencode(lab.manga) + b"/Bad"
    odd = folder + b"/Bad v01 \xff\x1b[31m.cbz"
    volume(folder + b"/Bad T01.cbz", 3)
    volume(odd, 5)
    lab.start()
    lab.wait_idle()
    item, = duplicates(lab)
    assert base64.b64decode(item["files"][0]["path_bytes"]) == odd
    assert "path_bytes" not in item["files"][1]
    text = lab.read("status/duplicates")
    assert b"\x1b" not in text and b"\\xff\\x1b[31m" in text
