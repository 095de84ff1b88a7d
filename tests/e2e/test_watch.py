# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever changes on disk is in the index soon, without an order, and every row follows its file."""
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile

import pytest

from harness import LONG, Meanwhile, until
from limits import start_with_few_watches, tiny_queue
from traces import Losses, Trace

MODES = ("inotify", "fanotify", "poll")
# what polls has neither a queue nor watches
FAULTS = [(mode, fault) for mode in MODES for fault in ("normal", "overflow", "limit", "paused")
          if mode != "poll" or fault in ("normal", "paused")]
AT_ONCE, PHASES, STEPS = 5, 3, 12
TRACES = 100 if LONG else AT_ONCE
SECONDS = 10


def watching(lab, mode="auto", quiet="100ms", poll="10m", more=""):
    lab.configure(extra=f'scan {{ watch = "{mode}" quiet = "{quiet}" poll = "{poll}" verify = "24h" {more} }}')


@pytest.fixture
def watched(lab, request):
    """A lab that watches, quick to believe that a file is complete."""
    watching(lab, getattr(request, "param", "auto"), poll="1s")
    lab.start()
    lab.wait_idle()
    return lab


every_mode = pytest.mark.parametrize("watched", MODES, indirect=True)


def titles(lab):
    return {path: row["title"] for path, row in lab.export("tracks").items()}


def ids(lab, what="tracks"):
    return {path: row["id"] for path, row in lab.export(what).items()}


def wait_titles(lab, wanted, seconds=SECONDS):
    wanted = {str(path): title for path, title in wanted.items()}
    until(lambda: titles(lab) == wanted, seconds, f"the index to have {wanted}", pause=0.1)


# --- random traces ---

def start(lab, mode, fault, tell):
    """Watches a tree; what the kernel would tell is cut short as @fault says."""
    # the brake has tests of its own
    watching(lab, mode, poll="1s" if mode == "poll" or fault == "limit" else "10m", more="brake_files = 1000")
    if fault == "limit":
        start_with_few_watches(lab)
        lab.wait_idle()
        return
    with tiny_queue(tell, mode) if fault == "overflow" else contextlib.nullcontext():
        lab.start()
        lab.wait_idle()


@contextlib.contextmanager
def paused(lab, seconds=1):
    """Whoever reads the events does not for a while."""
    scouts = lab.children("--scout")
    assert scouts, "no scout runs"
    for pid in scouts:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
        time.sleep(seconds)
    finally:
        for pid in scouts:
            os.kill(pid, signal.SIGCONT)


def is_settled(lab):
    """No row waits for a second look to know which file it is."""
    db = sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True)
    try:
        return db.execute("SELECT count(*) FROM file WHERE pending > 0").fetchone()[0] == 0
    finally:
        db.close()


def compare(lab, traces):
    """Waits until the index is what `find` sees, and checks whose row is whose."""
    seen = []

    def is_same():
        settled = is_settled(lab)
        export = lab.export("tracks")
        seen[:] = [export, {t: d for t, d in ((t, t.difference(export)) for t in traces) if d}]
        return settled and is_settled(lab) and not seen[1]
    try:
        until(is_same, SECONDS, "the index to be as the tree", pause=0.1)
    except AssertionError as e:
        told = "\n".join(f"{t}\nand then, after {SECONDS} s:\n{d}" for t, d in seen[1].items())
        roots = lab.read("status/roots").decode() + lab.read("status/errors").decode()
        raise AssertionError(f"{e}\n{told}\n{roots}\n{lab.indexer_log()}") from None
    for t in traces:
        t.check_rows(seen[0])
    return seen[0]


def check_nothing_left(lab, export):
    """Incremental equals full: a scan of everything finds nothing that the events had not told.

    It may read a file again whose ctime alone is new: when another name of it goes, only the folder of that name is
    told.  What the index says is the same.
    """
    lab.rescan("music")
    run = lab.newest("metrics/scan.json")["runs"][-1]
    assert (run["added"], run["removed"]) == (0, 0), run
    assert lab.export("tracks") == export


def run_traces(lab, seeds, fault, pieces, faults, tell, mode):
    losses, outside = Losses(), lab.dir / "outside"
    made = [Trace(seed, lab.music, outside, pieces, losses) for seed in seeds[:2]]
    if not lab.fs:
        start(lab, mode, fault, tell)
    made += [Trace(seed, lab.music, outside, pieces, losses) for seed in seeds[2:]]
    disks = lab.dir / "disks"
    if faults and not disks.exists():
        disks.mkdir()
        faults.tmpfs(disks)
    for phase in range(PHASES):
        losses.__init__()
        with paused(lab) if fault == "paused" and phase else contextlib.nullcontext():
            if faults:
                made[0].lose_disk(faults) if phase == 1 else made[0].put_disk(faults, disks)
            for t in made:
                t.act(STEPS)
        export = compare(lab, made)
    return export


@pytest.mark.parametrize("mode,fault", FAULTS)
def test_the_index_follows_random_changes(lab, pieces, request, tell, mode, fault):
    """With a disk that comes and goes below the root, when root runs the tests."""
    faults = request.getfixturevalue("faults") if os.geteuid() == 0 else None
    first = 1000 * FAULTS.index((mode, fault))
    for seed in range(first, first + TRACES, AT_ONCE):
        export = run_traces(lab, range(seed, seed + AT_ONCE), fault, pieces, faults, tell, mode)
    check_nothing_left(lab, export)


# --- what a person does ---

@every_mode
def test_what_is_new_is_seen_without_an_order(watched, pieces):
    lab, album = watched, watched.music / "Artist/Album"
    album.mkdir(parents=True)
    (album / "1.flac").write_bytes(pieces.flac("One", "Somebody", "Something"))
    wait_titles(lab, {album / "1.flac": "One"})
    assert lab.listing("music/artists/Somebody/Something") == ["01 - One.flac", "album.json"]
    (album / "1.flac").write_bytes(pieces.flac("Two", "Somebody", "Something"))
    wait_titles(lab, {album / "1.flac": "Two"})
    album.parent.rename(lab.music / "Other")
    wait_titles(lab, {lab.music / "Other/Album/1.flac": "Two"})
    shutil.rmtree(lab.music / "Other")
    (lab.music / "last.flac").write_bytes(pieces.flac("Last"))
    wait_titles(lab, {lab.music / "last.flac": "Last"})
    assert lab.newest("status/roots.json")["items"][0]["state"] == "present"


def test_a_volume_keeps_its_row_when_it_is_moved(watched):
    lab, folder = watched, watched.manga / "Series"
    folder.mkdir()
    for n in (1, 2):
        with zipfile.ZipFile(folder / f"Series v{n:02}.cbz", "w") as z:
            z.writestr("001.jpg", b"page" * n)
    until(lambda: len(lab.export("volumes")) == 2, SECONDS, "two volumes")
    before = ids(lab, "volumes")
    (folder / "Series v02.cbz").rename(folder / "Series v03.cbz")
    folder.rename(lab.manga / "Same Series")
    wanted = {str(lab.manga / "Same Series" / f"Series v{new}.cbz"): before[str(folder / f"Series v{old}.cbz")]
              for old, new in (("01", "01"), ("02", "03"))}
    until(lambda: ids(lab, "volumes") == wanted, SECONDS, "the same rows at the new paths")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_changed_while_the_indexer_was_away_is_found_at_its_start(watched, pieces, number):
    lab, files = watched, {name: watched.music / "folder" / f"{name}.flac" for name in "abcdef"}
    (lab.music / "folder").mkdir()
    for name in "abcde":
        files[name].write_bytes(pieces.flac(f"title {name}"))
    wait_titles(lab, {files[name]: f"title {name}" for name in "abcde"})
    before = ids(lab)
    assert lab.end_indexer(number) is not None
    moved = lab.music / "moved.flac"
    files["a"].rename(moved)
    files["b"].write_bytes(pieces.flac("title b, again"))
    files["c"].unlink()
    files["f"].write_bytes(pieces.flac("title f"))
    files["d"].rename(files["e"])
    lab.start_indexer()
    wait_titles(lab, {moved: "title a", files["b"]: "title b, again", files["e"]: "title d", files["f"]: "title f"})
    after = ids(lab)
    assert (after[str(moved)], after[str(files["b"])], after[str(files["e"])]) == (
        before[str(files["a"])], before[str(files["b"])], before[str(files["d"])])
    assert after[str(files["f"])] not in before.values()


# --- copies ---

COPY = """
import sys, time
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb", buffering=0) as to:
    while to.write(source.read(5000)):
        time.sleep(0.05)
"""


def copy_slowly(source, to):
    """A process that copies 100 kB a second."""
    return subprocess.Popen([sys.executable, "-c", COPY, str(source), str(to)])


def test_an_album_that_is_copied_appears_once_and_whole(make_lab, pieces):
    """Three indexers look at one tree, each in its own way."""
    labs = {mode: make_lab(mode) for mode in MODES}
    music, source = labs["inotify"].music, labs["inotify"].dir / "source"
    source.mkdir()
    for mode, lab in labs.items():
        lab.configure(music=music)
        watching(lab, mode, quiet="1s", poll="1s")
        lab.start()
    for lab in labs.values():
        lab.wait_idle()
    names = [f"{n:02}.flac" for n in range(1, 11)]
    for n, name in enumerate(names):
        (source / name).write_bytes(pieces.flac(f"Title {n}", track=n + 1, fill=45000))
    counts = {mode: [] for mode in labs}

    def look():
        for mode, lab in labs.items():
            counts[mode].append(len(lab.export("tracks")))
    with Meanwhile(look, pause=0.15):
        (music / "Album").mkdir()
        start = time.monotonic()
        for name in names:
            assert copy_slowly(source / name, music / "Album" / name).wait() == 0
        assert time.monotonic() - start > 5
        early = {mode: max(seen) for mode, seen in counts.items()}
        until(lambda: all(seen[-1] == len(names) for seen in counts.values()), SECONDS, f"the album: {counts}")
    assert early == dict.fromkeys(MODES, 0), "a track was there before the album was complete"
    assert all(set(seen) == {0, len(names)} for seen in counts.values()), counts


def cbz(path):
    with zipfile.ZipFile(path, "w") as z:
        for n in range(10):
            z.writestr(f"{n:03}.jpg", os.urandom(10000))


@pytest.mark.parametrize("kind", ["the head of a FLAC file", "the sound of a FLAC file", "an archive"])
def test_a_copy_that_was_interrupted_is_incomplete_not_corrupt(watched, pieces, kind):
    lab, source = watched, watched.dir / "source"
    to = lab.manga / "Series/Series v01.cbz" if kind == "an archive" else lab.music / "Album/01.flac"
    to.parent.mkdir()
    if kind == "an archive":
        cbz(source)
    else:
        source.write_bytes(pieces.flac("Title", fill=100000 if "head" in kind else 0) + pieces.sound * 4)
    part = len(pieces.flac("Title")) // 2 if "sound" in kind else source.stat().st_size // 3
    copy = copy_slowly(source, to)
    until(lambda: to.exists() and to.stat().st_size >= part, 10, "a part of the copy")
    copy.kill()
    copy.wait()
    os.truncate(to, part)

    def errors():
        return {item["path"]: item["kind"] for item in lab.newest("status/errors.json")["items"]}
    until(errors, SECONDS, "the error")
    assert errors() == {str(to): "incomplete"}
    shutil.copy(source, to)
    until(lambda: not errors() and str(to) in {**lab.export("tracks"), **lab.export("volumes")}, SECONDS,
          "the whole file")
