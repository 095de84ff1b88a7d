# SPDX-License-Identifier: GPL-3.0-or-later
"""Files read to their end: what is damaged is missing again, what the disk does not give says nothing, nothing is lost
between two lives of the indexer, and no more is read than the budget has room for."""
import csv
import io
import os
import re
import zlib
import zipfile

import pytest

from harness import until

# a file is read as soon as it is seen: nothing of these tests is being copied
AT_ONCE = 'verify_archives = "new"\nverify_audio = "new"\nverify_delay = "0s"\nscan { quiet = "100ms" }\n'
LONG_S = 60


def png(color):
    """A whole image of one pixel."""
    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    head = (1).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" + bytes([color] * 3)))
            + chunk(b"IEND", b""))


def volume(path, pages=4, fill=0):
    """A whole volume; @fill: bytes that do not shrink."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as z:
        for n in range(pages):
            z.writestr(f"{n:03}.png", png(n) + os.urandom(fill))
    return path


def flip(path, at):
    """One bit of a page is another one; the file's size and time stay."""
    stat = path.stat()
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 16]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def integrity(lab):
    return lab.newest("status/integrity.json")


def wait_verified(lab, archives, audio=0, seconds=LONG_S):
    """Until so many were read to their end and none waits; the document."""
    def done():
        now = integrity(lab)
        kinds = ((now["archives"], archives), (now["audio"], audio))
        return now if all(k["verified"] == n and k["waiting"] == 0 for k, n in kinds) else None
    try:
        return until(done, seconds, "all files to be verified", pause=0.1)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{integrity(lab)}\n{lab.indexer_log()}") from None


def missing(lab):
    return {item["volume"]: item for item in lab.newest("status/missing.json")["items"]}


def bad(lab):
    return {os.path.basename(item["path"]): item for item in integrity(lab)["items"]}


@pytest.fixture
def series(lab):
    """A lab with three volumes, not started."""
    lab.music.mkdir(exist_ok=True)
    lab.configure(extra=AT_ONCE)
    return [volume(lab.manga / "Akira" / f"Akira v{n:02}.cbz") for n in (1, 2, 3)]


def start(lab):
    lab.start()
    lab.wait_idle()


def test_a_flipped_bit_makes_a_volume_missing_and_its_replacement_brings_it_back(lab, series):
    good = series[1].read_bytes()
    flip(series[1], 60)
    start(lab)
    found = wait_verified(lab, 3)
    assert found["archives"]["corrupt"] == 1 and found["archives"]["intact"] == 2 and found["archives"]["mode"] == "new"
    item = found["items"][0]
    assert item["path"] == str(series[1]) and item["verdict"] == "corrupt" and "000.png" in item["reason"]
    gap = until(lambda: missing(lab).get(2), LONG_S, "volume 2 to be missing")
    assert gap["state"] == "corrupt" and gap["reason"] == item["reason"] and set(missing(lab)) == {2}
    assert f"corrupt: {item['reason']}" in lab.read("manga/Akira/missing/2/explain").decode()
    error = lab.newest("status/errors.json")["items"]
    assert [(e["path"], e["kind"], e["reason"]) for e in error] == [(str(series[1]), "corrupt", item["reason"])]
    rows = list(csv.DictReader(io.StringIO(lab.read("status/integrity.csv").decode())))
    assert [(r["path"], r["verdict"]) for r in rows] == [(str(series[1]), "corrupt")]
    text = lab.read("status/integrity").decode()
    assert "000.png" in text and "# archives (new): 2 intact" in text
    # a scan of all tags changes nothing of that
    lab.rescan("full all")
    assert missing(lab)[2]["state"] == "corrupt" and lab.newest("status/errors.json")["count"] == 1
    assert series[1].exists()
    # the same size and time as the damaged one had
    times = series[1].stat()
    series[1].write_bytes(good)
    os.utime(series[1], ns=(times.st_atime_ns, times.st_mtime_ns))
    until(lambda: not missing(lab), LONG_S, "volume 2 to be back", pause=0.1)
    assert not bad(lab) and lab.newest("status/errors.json")["count"] == 0
    assert wait_verified(lab, 3)["archives"]["intact"] == 3


def test_a_damaged_volume_that_is_deleted_is_counted_no_more(lab, series):
    def counted():
        return re.search(r"^mediamon_corrupt_files (\d+)$", lab.newest_text("metrics/mediamon.prom"), re.M)[1]
    flip(series[1], 60)
    start(lab)
    wait_verified(lab, 3)
    until(lambda: counted() == "1", LONG_S, "a damaged volume", pause=0.1)
    series[1].unlink()
    lab.rescan("all")
    until(lambda: not bad(lab), LONG_S, "no damaged volume", pause=0.1)
    until(lambda: counted() == "0", LONG_S, "none to be counted", pause=0.1)


def test_a_disk_that_gives_garbage_does_not_make_all_volumes_missing(lab, series):
    for path in series + [volume(lab.manga / "Akira" / f"Akira v{n:02}.cbz", pages=1) for n in range(4, 21)]:
        flip(path, 60)
    start(lab)
    found = wait_verified(lab, 20)
    assert (found["archives"]["intact"], found["archives"]["corrupt"], found["archives"]["unreadable"]) == (0, 16, 4), found
    doubted = [item for item in found["items"] if item["verdict"] == "unreadable"]
    assert all("rather the disk" in item["reason"] and "000.png" in item["reason"] for item in doubted)
    # what is doubted is no failure of a chapter, and what was read twice has its bytes once
    rows = until(lambda: len(found := lab.newest("metrics/chapters.json")["items"]) >= 16 and found, LONG_S, "16 rows")
    assert [(c["state"], c["producer"]) for c in rows] == [("failed", "archives")] * 16
    most = max(path.stat().st_size for path in (lab.manga / "Akira").iterdir())
    assert all(0 < c["total_bytes"] <= most for c in rows)
    until(lambda: len(missing(lab)) == 16, LONG_S, "16 to be missing", pause=0.1)


def test_music_is_read_to_its_end(lab, corpus):
    lab.manga.mkdir(exist_ok=True)
    lab.configure(extra=AT_ONCE)
    tracks = corpus.music(lab.music, 30, seed=5)
    start(lab)
    found = wait_verified(lab, 0, len(tracks))
    assert found["audio"]["corrupt"] == found["audio"]["unreadable"] == 0, found["items"]
    # in the midst of its sound, where no scan looks
    flac = min((lab.music / t.path for t in tracks if t.path.endswith(".flac")), key=os.path.getsize)
    flip(flac, flac.stat().st_size * 3 // 4)
    lab.accept("rescan", str(lab.music))
    item = until(lambda: bad(lab).get(flac.name), LONG_S,
                 lambda: f"the track to be corrupt: {integrity(lab)}", pause=0.1)
    assert item["verdict"] == "corrupt" and item["reason"]
    # its tags are as good as they were
    assert len(lab.export("tracks")) == len(tracks)


def test_what_is_off_is_not_read_unless_it_is_ordered(lab, series):
    flip(series[0], 60)
    lab.configure(extra=AT_ONCE.replace('"new"', '"off"'))
    start(lab)
    # nor does anything wait for it
    assert integrity(lab)["archives"]["waiting"] == 0 and not missing(lab)
    job = lab.accept("verify", f"files {series[1]}")
    lab.wait_idle()
    assert lab.jobs()[job]["done"] == lab.jobs()[job]["total"] == 1
    assert integrity(lab)["archives"]["intact"] == 1 and not bad(lab)
    job = lab.accept("verify", "files manga")
    lab.wait_idle()
    ended = lab.jobs()[job]
    assert (ended["state"], ended["done"], ended["total"]) == ("done", 3, 3)
    assert "2 intact" in ended["result"] and "1 corrupt" in ended["result"]
    assert list(bad(lab)) == ["Akira v01.cbz"]
    assert lab.order("verify", "files /nowhere") == 2  # ENOENT


def test_no_more_is_read_than_the_budget_has_room_for(lab, series):
    for n in range(4, 14):
        volume(lab.manga / "Akira" / f"Akira v{n:02}.cbz", pages=2, fill=100_000)
    lab.configure(extra=AT_ONCE + 'verify_budget = "500KB"\n')
    start(lab)

    def is_spent():
        now = integrity(lab)
        return now if now["archives"]["verified"] >= 2 and now["budget"]["used_bytes"] > 300_000 else None
    until(is_spent, LONG_S, "the budget to be spent", pause=0.1)
    # an order is not held up by it
    lab.accept("verify", f"files {series[2]}")
    lab.wait_idle()
    now = integrity(lab)
    assert now["budget"]["bytes_per_hour"] == 500_000
    # unless the hour ended meanwhile
    assert now["archives"]["waiting"] >= 3 and now["budget"]["used_bytes"] <= 520_000
    # nor is it forgotten with the indexer
    lab.kill_indexer()
    lab.start_indexer()
    lab.wait_idle()
    again = integrity(lab)
    if again["budget"]["hour"] == now["budget"]["hour"]:
        assert again["budget"]["used_bytes"] >= now["budget"]["used_bytes"]
        assert again["archives"]["waiting"] == now["archives"]["waiting"]


def test_an_indexer_that_is_killed_goes_on_where_it_was(lab, series):
    for n in range(4, 40):
        volume(lab.manga / "Akira" / f"Akira v{n:02}.cbz", pages=1)
    flip(lab.manga / "Akira" / "Akira v30.cbz", 60)
    lab.start()
    until(lambda: integrity(lab)["archives"]["verified"] >= 3, LONG_S, "some to be verified", pause=0.02)
    lab.kill_indexer()
    first = integrity(lab)["archives"]["verified"]
    lab.start_indexer()
    assert integrity(lab)["archives"]["verified"] >= first
    assert wait_verified(lab, 39)["archives"]["corrupt"] == 1


def test_a_paused_one_reads_nothing(lab, series):
    lab.configure(extra=AT_ONCE.replace('verify_delay = "0s"', 'verify_delay = "1h"'))
    start(lab)
    assert integrity(lab)["archives"]["waiting"] == 3
    lab.accept("pause", "verify")
    assert lab.order("pause", "verify") == 16  # EBUSY
    until(lambda: integrity(lab)["is_paused"], LONG_S, "status/integrity to say so")
    lab.end_indexer(15)
    lab.configure(extra=AT_ONCE)
    lab.start_indexer()
    lab.wait_idle()
    assert integrity(lab)["is_paused"] and integrity(lab)["archives"]["verified"] == 0
    lab.accept("resume", "verify")
    assert wait_verified(lab, 3)["archives"]["intact"] == 3


def test_rolling_reads_all_again(lab, series):
    lab.configure(extra=AT_ONCE.replace('"new"', '"rolling"') + 'verify_interval = "100ms"\n')
    start(lab)
    first = wait_verified(lab, 3)["archives"]["oldest_verified_at"]
    until(lambda: integrity(lab)["archives"]["oldest_verified_at"] > first, LONG_S, "the oldest to be read again", pause=0.1)
    assert lab.json("metrics/integrity.json")["corrupt_found"] == 0
    until(lambda: lab.json("metrics/integrity.json")["files_verified"] >= 4, LONG_S, "it to be counted", pause=0.1)


def test_a_disk_that_fails_says_nothing_of_the_file(lab, faults, tmp_path):
    under = tmp_path / "under"
    for n in (1, 2, 3):
        volume(under / "Akira" / f"Akira v{n:02}.cbz", fill=50_000)
    lab.music.mkdir(exist_ok=True)
    lab.manga.mkdir(exist_ok=True)
    disk = faults.faultfs(under, lab.manga)
    lab.configure(extra=AT_ONCE.replace('"new"', '"off"'))
    start(lab)
    disk.set("error read EIO")
    lab.accept("verify", "files manga")
    lab.wait_idle()
    found = integrity(lab)
    assert found["archives"]["unreadable"] == 3 and found["archives"]["corrupt"] == 0, found
    assert all("cannot be read" in item["reason"] for item in found["items"]) and not missing(lab)
    disk.set("none")
    lab.accept("verify", "files manga")
    lab.wait_idle()
    found = integrity(lab)
    assert found["archives"]["intact"] == 3 and found["items"] == []
    assert lab.newest("status/errors.json")["count"] == 0
