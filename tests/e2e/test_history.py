# SPDX-License-Identifier: GPL-3.0-or-later
"""history/: status/ as it was, and what changed since, in words."""
import json
import os
import re
import signal
import sqlite3
import time
import zipfile
import zlib
from calendar import timegm
from contextlib import closing

import pytest

from harness import is_alive, until

# what a document tells of the moment at which it was shown, not of the library
MOMENT = re.compile(rb'"(generation|generated_at|heartbeat_at)": [^\n}]*?(?=,?[\n}])|^heartbeat .*$', re.M)
EVERY_SECOND = 'history { interval = "1s" } backup { interval = "0s" }'


def volume(folder, name):
    folder.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(folder / name, "w") as z:
        z.writestr("001.jpg", b"a picture")


def volumes(lab, series, numbers):
    for n in numbers:
        volume(lab.manga / series, f"{series} v{n:02}.cbz")


def seconds(name):
    return timegm(time.strptime(name, "%Y-%m-%dT%H:%M:%SZ"))


def wait_new(lab, after=""):
    """The next snapshot that shows what status/ shows now."""
    def shown():
        names = [n for n in lab.listing("history") if n > after]
        now = lab.newest("status/jobs.json")["items"]
        return next((n for n in names if lab.json(f"history/{n}/jobs.json")["items"] == now), None)
    return until(shown, 15, "a snapshot")


def diff(lab, name):
    """Its lines without the heading, of the newest state."""
    def settled():
        before = lab.generation()
        text = lab.read(f"history/{name}/diff")
        return text if before % 2 == 0 and lab.generation() == before else None
    lines = until(settled, 10, "a settled diff", pause=0).decode().splitlines()
    assert lines[0] == "# what changed since " + name.replace("T", " ").replace("Z", "")
    return lines[1:]


@pytest.fixture
def lab(make_lab):
    lab = make_lab()
    volumes(lab, "One Piece", (1, 2, 5))
    volumes(lab, "Naruto", (1, 3))
    lab.configure(extra=EVERY_SECOND)
    return lab


def test_a_snapshot_has_the_documents_with_their_bytes_and_times(lab):
    lab.start()
    lab.wait_idle()
    name = wait_new(lab)
    wanted = {n for n in lab.listing("status") if n != "generation"}
    assert set(lab.listing(f"history/{name}")) == wanted | {"diff"}
    for document in wanted:
        then, now = lab.read(f"history/{name}/{document}"), lab.read(f"status/{document}")
        assert MOMENT.sub(b"", then) == MOMENT.sub(b"", now), document
        info = os.stat(lab.mnt / "history" / name / document)
        assert (info.st_size, info.st_mtime, info.st_mode & 0o777) == (len(then), seconds(name), 0o444)
        if document.endswith(".json"):
            assert json.loads(then)["generation"] <= json.loads(now)["generation"]
    assert os.stat(lab.mnt / "history" / name).st_mtime == seconds(name)
    assert abs(seconds(name) - time.time()) < 60
    assert diff(lab, name) == ["nothing changed"]
    status, text, _ = lab.command("dump", f"history/{name}/missing")
    assert status == 0 and text == lab.read(f"history/{name}/missing").decode()


def test_a_state_that_stays_is_kept_once_and_an_old_one_keeps_its_bytes(lab):
    lab.start()
    lab.wait_idle()
    first = wait_new(lab)
    names = lab.listing("history")
    before = {n: lab.read(f"history/{first}/{n}") for n in lab.listing(f"history/{first}") if n != "diff"}
    time.sleep(3.5)
    assert lab.listing("history") == names, "nothing moved, and more was kept"
    volumes(lab, "Bleach", (1, 4))
    lab.rescan("manga")
    second = wait_new(lab, first)
    assert {n: lab.read(f"history/{first}/{n}") for n in before} == before
    assert b"Bleach" in lab.read(f"history/{second}/missing")
    # a document that stays is stored once for all its snapshots
    lab.rescan("manga")
    wait_new(lab, second)
    with closing(sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT name, body_id FROM history ORDER BY id DESC").fetchall()
    bodies = {n: [body for name, body in rows if name == n][:2] for n in before}
    assert all(len(set(bodies[n])) == 1 for n in ("missing", "missing.json", "roots", "errors")), bodies
    assert len(set(bodies["jobs.json"])) == 2
    with pytest.raises(FileNotFoundError):
        os.stat(lab.mnt / "history" / "2020-01-01T00:00:00Z")
    with pytest.raises(OSError):
        (lab.mnt / "history" / first / "missing").write_bytes(b"other")


def test_the_diff_says_what_came_what_went_and_what_cannot_be_read(lab, corpus):
    corpus.music(lab.music, 20, seed=3)
    volumes(lab, "Tail", (1, 4))
    lab.start()
    lab.wait_idle()
    name = wait_new(lab)
    volumes(lab, "One Piece", (3, 4))
    (lab.manga / "Naruto" / "Naruto v01.cbz").unlink()
    (lab.manga / "Bad").mkdir()
    (lab.manga / "Bad" / "Bad v01.cbz").write_bytes(b"no archive")
    corpus.music(lab.music / "more", 5, seed=4)
    lab.rescan("all")
    lines = until(lambda: len(found := diff(lab, name)) > 4 and found, 10, "the diff")
    assert "2 volumes that were missing are here now: One Piece 3, 4" in lines
    assert "2 volumes are missing that were not: Bad 1; Naruto 1" in lines
    assert f"1 more file cannot be read: {lab.manga}/Bad/Bad v01.cbz" in lines
    s = lab.json("status/summary.json")["music"]["tracks"]
    t = lab.json(f"history/{name}/summary.json")["music"]["tracks"]
    assert s > t and f"{s - t} tracks more ({t} then, {s} now)" in lines
    # and back
    second = wait_new(lab, name)
    volumes(lab, "Bad", (1,))
    volumes(lab, "Naruto", (1, 2))
    for n in (3, 4):
        (lab.manga / "One Piece" / f"One Piece v{n:02}.cbz").unlink()
    lab.rescan("all")
    lines = diff(lab, second)
    assert f"1 file that could not be read is well again: {lab.manga}/Bad/Bad v01.cbz" in lines
    assert "3 volumes that were missing are here now: Bad 1; Naruto 1, 2" in lines
    assert "2 volumes are missing that were not: One Piece 3, 4" in lines
    # what nobody asks for any more is not here, and a file that is no more is not well
    third = wait_new(lab, second)
    (lab.manga / "Bad" / "Bad v01.cbz").write_bytes(b"no archive")
    lab.rescan("all")
    fourth = wait_new(lab, third)
    for path in [*(lab.manga / "One Piece").iterdir(), *(lab.manga / "Bad").iterdir()]:
        path.unlink()
    (lab.manga / "Tail" / "Tail v04.cbz").unlink()
    lab.rescan("all")
    assert "4 volumes that were missing are not asked for any more: One Piece 3, 4; Tail 2, 3" in diff(lab, third)
    assert f"1 file that could not be read is gone: {lab.manga}/Bad/Bad v01.cbz" in diff(lab, fourth)


def test_the_diff_says_why_a_folder_is_away_and_that_the_indexer_is(lab):
    lab.start()
    lab.wait_idle()
    name = wait_new(lab)
    os.rename(lab.manga, lab.dir / "away")
    lab.rescan("manga")
    root = next(r for r in lab.newest("status/roots.json")["items"] if r["name"] == "manga")
    assert root["state"] == "absent"
    assert diff(lab, name) == [f"the folder manga ({lab.manga}) was present, is absent: {root['reason']}"]
    os.rename(lab.dir / "away", lab.manga)
    lab.rescan("manga")
    assert diff(lab, name) == ["nothing changed"]
    lab.kill_indexer()
    until(lambda: "the indexer was running, is away" in diff(lab, name), 10, "the word of it")


def test_hostile_names_stay_text(lab):
    lab.start()
    lab.wait_idle()
    name = wait_new(lab)
    series = "Evil\x07\u202eName\x1b"
    for n in (1, 3):
        volume(lab.manga / series, f"{series} v{n:02}.cbz")
    bad = os.fsencode(lab.manga) + b"/bad\xff\x1b]0;x\x07 v01.cbz"
    with open(bad, "wb") as f:
        f.write(b"no archive")
    lab.rescan("manga")
    second = wait_new(lab, name)
    for path in (f"history/{name}/diff", f"history/{second}/missing", f"history/{second}/errors"):
        text = lab.read(path).decode()
        assert not [c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c == "\u202e")], path
    assert any("Evil" in line and " missing that were not: " in line for line in diff(lab, name))
    os.unlink(bad)
    with zipfile.ZipFile(bad.decode(errors="surrogateescape"), "w") as z:
        z.writestr("001.jpg", b"a picture")
    lab.rescan("manga")
    assert any(line.startswith("1 file that could not be read is well again: ") for line in diff(lab, second))


def test_what_the_rules_let_go_leaves_the_mount(lab):
    lab.start()
    lab.wait_idle()
    name = wait_new(lab)
    lab.kill_indexer()
    day = time.gmtime(time.time() - 5 * 86400)
    early, late = (time.strftime(f"%Y-%m-%dT{hour}:00:00Z", day) for hour in ("07", "19"))
    with closing(sqlite3.connect(lab.state / "mediamon.db")) as store:
        for n, old in enumerate((early, late), 10000):
            store.execute("INSERT INTO history_at VALUES(?, ?, 0)", (n, seconds(old) * 10**9))
            store.execute("INSERT INTO history_body VALUES(?, 3, ?)", (n, zlib.compress(b"old")))
            store.execute("INSERT INTO history VALUES(?, ?, 'roots', ?)", (n, n, n))
        store.commit()
    assert [lab.read(f"history/{n}/roots") for n in (early, late)] == [b"old", b"old"]
    held = os.open(lab.mnt / "history" / early / "roots", os.O_RDONLY)
    volumes(lab, "Bleach", (1, 3))
    lab.start_indexer()
    lab.wait_idle()
    wait_new(lab, name)
    assert early not in lab.listing("history") and late in lab.listing("history")
    for path in ("", "/roots", "/diff"):
        with pytest.raises(FileNotFoundError):
            os.stat(f"{lab.mnt}/history/{early}{path}")
    assert os.pread(held, 10, 0) == b"old"
    os.close(held)
    assert "status/missing.json did not exist then" in diff(lab, late)


def test_a_killed_indexer_loses_no_snapshot_and_leaves_no_torn_one(lab):
    lab.start()
    lab.wait_idle()
    kept, wanted = {}, len(lab.listing("status"))
    for i in range(6):
        volumes(lab, f"Series {i}", (1, 3))
        lab.accept("rescan", "manga")
        end = time.monotonic() + 0.3 + i * 0.25
        while time.monotonic() < end:
            for name in lab.listing("history"):
                if name not in kept:
                    kept[name] = lab.read(f"history/{name}/missing.json")
        lab.kill_indexer()
        for name, text in kept.items():
            assert lab.read(f"history/{name}/missing.json") == text
        lab.start_indexer()
    lab.wait_idle()
    wait_new(lab, max(kept))
    assert len(kept) > 1
    for name in lab.listing("history"):
        assert len(lab.listing(f"history/{name}")) == wanted, name
    for name, text in kept.items():
        assert lab.read(f"history/{name}/missing.json") == text
    # the next mount shows the same
    lab.unmount()
    lab.start()
    assert set(kept) <= set(lab.listing("history"))


def test_a_renderer_that_fails_costs_nothing_else(lab):
    """It cannot read the configuration: one warning, scans go on, and so does history afterwards."""
    lab.start()
    lab.wait_idle()
    name = wait_new(lab)
    good = lab.conf.read_text()
    lab.conf.write_text("nonsense = 1\n")
    volumes(lab, "Bleach", (1, 3))
    lab.rescan("manga")
    until(lambda: "could not be kept in history" in lab.indexer_log(), 10, "the warning")
    time.sleep(2.5)
    assert lab.indexer_log().count("could not be kept in history") == 1
    assert lab.listing("history")[-1] == name
    lab.conf.write_text(good)
    wait_new(lab, name)


def test_an_order_to_end_waits_for_no_renderer(lab):
    """The child is stopped as soon as it starts: the indexer ends all the same."""
    lab.start()
    lab.wait_idle()
    pid, child = lab.indexer(), None

    def stopped():
        found = lab.children("snapshot")
        for p in found:
            os.kill(p, signal.SIGSTOP)
        return found
    volumes(lab, "Bleach", (1, 3))
    try:
        child = until(stopped, 30, "a child", pause=0)[0]
        lab.rescan("manga")
        assert lab.end_indexer(signal.SIGTERM) < 3
        assert not is_alive(pid)
        until(lambda: not is_alive(child), 3, "the child's end")
    finally:
        if child and is_alive(child):
            os.kill(child, signal.SIGKILL)


def test_history_can_be_switched_off_and_on_again(lab):
    lab.configure(extra='history { interval = "0s" }')
    lab.start()
    lab.wait_idle()
    time.sleep(2.5)
    assert lab.listing("history") == []
    lab.configure(extra=EVERY_SECOND)
    lab.accept("reload", "config")
    wait_new(lab)
