# SPDX-License-Identifier: GPL-3.0-or-later
"""The index against the disk: verify, files that come back, what nobody told."""
import os
import shutil
import sqlite3

from harness import until
from limits import start_with_few_watches

NO_EVENTS = 'scan {{ watch = "poll" poll = "1h" quiet = "100ms" verify = "{}" }}'


def ids(lab, what="tracks"):
    return {path: row["id"] for path, row in lab.export(what).items()}


def last_run(lab):
    return lab.newest("metrics/scan.json")["runs"][-1]


def verify(lab, words="all"):
    job = lab.accept("verify", words)
    lab.wait_idle()
    assert lab.jobs()[job]["state"] == "done"
    found = lab.newest("status/verify.json")
    assert found["job"] == job and lab.jobs()[job]["result"].startswith(f"{found['differences']} differences")
    return found


def change(lab, *statements):
    """Behind the indexer's back, while it does not run."""
    lab.kill_indexer()
    db = sqlite3.connect(lab.state / "mediamon.db")
    for s in statements:
        db.execute(s)
    db.commit()
    db.close()
    lab.start_indexer()
    lab.wait_idle()


def test_verify_says_that_the_index_is_true(small):
    before = small.export("tracks"), small.export("volumes")
    assert b"never compared" in small.read("status/verify")
    found = verify(small)
    assert (found["differences"], found["items"]) == (0, [])
    assert found["files"] == len(before[0]) + len(before[1])
    assert b"# 0 differences in " in small.read("status/verify")
    assert (small.export("tracks"), small.export("volumes")) == before


def test_verify_finds_every_difference_and_changes_nothing(small):
    a, b, c = (t.path for t in small.tracks[:3])
    number = ids(small)
    change(small, f"UPDATE track SET title = 'Another' WHERE file_id = {number[a]}",
           f"DELETE FROM track WHERE file_id = {number[b]}",
           f"UPDATE track SET artist = NULL, year = 1 WHERE file_id = {number[c]}")
    before = small.export("tracks"), small.json("status/summary.json")["music"]
    found = verify(small, "music")
    said = {i["path"]: i["difference"] for i in found["items"]}
    assert said.keys() == {a, b, c} and found["differences"] == found["count"] == 3
    assert said[a] == "other tags than in the index: title" and "not in the index" in said[b]
    assert {"artist", "year"} <= set(said[c].split(": ")[1].split(", "))
    assert (small.export("tracks"), small.json("status/summary.json")["music"]) == before
    assert a in small.read("status/verify").decode()
    small.rescan("full music")
    assert verify(small, "music")["differences"] == 0


def test_verify_sees_what_no_scan_saw(lab, corpus):
    tracks = corpus.music(lab.music, 50, seed=1)
    lab.configure(extra=NO_EVENTS.format("0s"))
    lab.start()
    lab.wait_idle()
    new = os.path.join(os.path.dirname(tracks[0].path), "99 - new.flac")
    shutil.copy(next(t.path for t in tracks if t.format == "flac"), new)
    os.unlink(tracks[7].path)
    found = {i["path"]: i["difference"] for i in verify(lab)["items"]}
    assert found == {new: "it is not in the index", tracks[7].path: "it is in the index, and not on the disk"}
    folder = os.path.dirname(tracks[0].path)
    assert {i["path"] for i in verify(lab, folder)["items"]} <= {new, tracks[7].path}
    lab.rescan("music")
    assert verify(lab)["differences"] == 0


def test_verify_compares_nothing_with_a_folder_that_is_away(small):
    before = small.export("tracks")
    os.rename(small.music, small.dir / "away")
    found = verify(small, "music")
    assert [i["path"] for i in found["items"]] == [str(small.music)] and "absent" in found["items"][0]["difference"]
    assert small.export("tracks") == before
    os.rename(small.dir / "away", small.music)


def test_files_that_come_back_are_shown_again_unread(small):
    before, folder = small.export("tracks"), small.dir / "away"
    lost = [t.path for t in small.tracks[:9]]
    folder.mkdir()
    for n, path in enumerate(lost):
        os.rename(path, folder / str(n))
    small.rescan("music")
    assert small.export("tracks").keys() == before.keys() - set(lost)
    gone = small.export("gone")
    assert gone.keys() == set(lost) and all(gone[p]["id"] == before[p]["id"] for p in lost)
    for n, path in enumerate(lost):
        os.rename(folder / str(n), path)
    small.rescan("music")
    until(lambda: small.export("tracks") == before, 10, "all to be there again as they were")
    assert small.export("gone") == {} and verify(small, "music")["differences"] == 0


def test_a_disk_that_was_said_to_be_gone_comes_back_unread(small):
    before = small.export("tracks")
    os.rename(small.music, small.dir / "away")
    small.music.mkdir()
    small.rescan("music")
    state = next(r for r in small.newest("status/roots.json")["items"] if r["name"] == "music")
    assert (state["state"], state["held"]) == ("empty", len(before))
    small.accept("accept-loss", f"music {len(before)}")
    small.wait_idle()
    assert small.export("tracks") == {} and len(small.export("gone")) == len(before)
    small.music.rmdir()
    os.rename(small.dir / "away", small.music)
    small.rescan("music")
    run = last_run(small)
    assert small.export("tracks") == before and (run["added"], run["changed"]) == (0, 0), run


def test_what_is_lost_is_forgotten_in_the_end(lab, corpus):
    tracks = corpus.music(lab.music, 30, seed=2)
    lab.configure(extra='scan { keep_missing = "0s" }')
    lab.start()
    lab.wait_idle()
    os.unlink(tracks[0].path)
    lab.rescan("music")
    lab.kill_indexer()
    lab.start_indexer()
    until(lambda: lab.export("gone") == {}, 10, "the lost file to be forgotten")
    assert len(lab.export("tracks")) == 29


def test_what_nobody_told_is_found_within_the_time_for_it(lab, corpus):
    tracks = corpus.music(lab.music, 60, seed=3)
    lab.configure(extra=NO_EVENTS.format("6s"))
    lab.start()
    lab.wait_idle()
    jobs = len(lab.jobs())
    for t in tracks[::20]:
        os.unlink(t.path)
    new = lab.music / "Some one/An album/1.flac"
    new.parent.mkdir(parents=True)
    shutil.copy(next(t.path for t in tracks[1:] if t.format == "flac"), new)
    wanted = {t.path for t in tracks} - {t.path for t in tracks[::20]} | {str(new)}
    until(lambda: lab.export("tracks").keys() == wanted, 15, "every slice to be looked at")
    assert len(lab.jobs()) == jobs, "that is no order of anybody"


def test_too_few_watches_are_told_with_what_helps(lab, corpus):
    """Those there are go to the folders that changed last; the rest is looked at now and then."""
    corpus.music(lab.music, 300, seed=4)
    folders = sorted((d for d, _, _ in os.walk(lab.music)), key=len)
    for n, folder in enumerate(folders):
        os.utime(folder, (1000000000 + n, 1000000000 + n))
    lab.configure(extra='scan { poll = "1h" quiet = "100ms" }')
    start_with_few_watches(lab, watches=6)
    lab.wait_idle()
    watch = next(r for r in lab.newest("status/roots.json")["items"] if r["name"] == "music")["watch"]
    assert "sysctl fs.inotify.max_user_watches=" in watch
    reasons = until(lambda: lab.newest("status/health.json")["reasons"], 5, "a reason")
    assert any("sysctl" in reason and "music" in reason for reason in reasons)
    shutil.copy(next(p for p in map(str, lab.music.rglob("*.flac"))), os.path.join(folders[-1], "98 - seen.flac"))
    until(lambda: any(p.endswith("98 - seen.flac") for p in lab.export("tracks")), 10, "the folder that changed last")


def make_tracks(lab, pieces, folder, count):
    to = lab.music / folder
    to.mkdir(parents=True)
    for n in range(count):
        (to / f"{n:04}.mp3").write_bytes(pieces.mp3(f"{folder} {n}"))
    return to


def test_a_small_share_of_what_came_by_itself_may_go(lab, pieces):
    """The brake counts what is there now, not what the last order saw."""
    lab.configure(extra='scan { quiet = "100ms" }')
    lab.start()
    lab.wait_idle()
    folder = make_tracks(lab, pieces, "new", 1500)
    until(lambda: len(lab.export("tracks")) == 1500, 30, "all to be there")
    for n in range(25):
        (folder / f"{n:04}.mp3").unlink()
    until(lambda: len(lab.export("tracks")) == 1475, 10, "25 of 1,500 to be forgotten")
    assert all(r["state"] != "frozen" for r in lab.newest("status/roots.json")["items"])
