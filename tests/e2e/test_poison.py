# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that end their reader: two tries each, ever, whoever is killed meanwhile; and their neighbours are indexed."""
import os
import signal
import struct
import time

import pytest

from harness import BUILD, LONG, until

WAYS = ("segv", "abort", "exit", "hang", "socket", "memory", "once", "slow", "shut", "count")
LIBRARY = BUILD / "lib/poison.so"
# what status/errors says of each
SAID = {"segv": ("crashed", "Segmentation fault"), "abort": ("crashed", "Aborted"), "exit": ("crashed", "it exited"),
        "hang": ("timeout", "took longer than"), "socket": ("crashed", "no reader may do"), "memory": ("crashed", "Aborted")}


class Poison:
    def __init__(self, counts):
        self.counts = counts
        counts.write_bytes(bytes(8 * len(WAYS)))

    def read(self):
        """{way: how often such a file was begun}"""
        return dict(zip(WAYS, struct.unpack(f"={len(WAYS)}Q", self.counts.read_bytes())))

    @staticmethod
    def put(path, way):
        path.write_bytes(f"POISON {way}\n".encode() + bytes(1000))


@pytest.fixture
def poison(tmp_path, monkeypatch):
    assert LIBRARY.exists(), f"build it first: {LIBRARY}"
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARY))
    monkeypatch.setenv("POISON_COUNTS", str(tmp_path / "counts"))
    return Poison(tmp_path / "counts")


@pytest.fixture
def good(corpus, lab, request):
    """Good files around the place of the bad ones, more than a batch; with the parameter each in a folder of its own."""
    folder = lab.music / "folder"
    folder.mkdir()
    apart = getattr(request, "param", False)
    tracks = corpus.music(lab.dir / "source", 60, seed=2)
    paths = [folder / (f"{n:02}" if apart else "") / f"{n:02} good{os.path.splitext(t.path)[1]}" for n, t in enumerate(tracks)]
    for path, t in zip(paths, tracks):
        path.parent.mkdir(exist_ok=True)
        os.link(t.path, path)
    return {str(p) for p in paths}


def errors(lab):
    return {os.path.basename(item["path"]): item for item in lab.newest("status/errors.json")["items"]}


def restart(lab, wait=True):
    lab.kill_indexer()
    lab.start_indexer(wait=wait)


def settle(lab, poison, reads):
    """Scans until so many reads were made, and then some: there are no more."""
    def enough():
        lab.rescan("all")
        return sum(poison.read().values()) >= reads
    until(enough, 60 + reads / 4, lambda: f"{reads} reads: {poison.read()}")
    for words in ("all", "full all"):
        lab.rescan(words)
    assert sum(poison.read().values()) == reads, poison.read()


@pytest.mark.parametrize("good", [False, True], indirect=True, ids=["one folder", "many folders"])
def test_each_costs_two_tries_and_its_neighbours_none(lab, good, poison, request):
    folder = lab.music / "folder"
    for n, way in enumerate(SAID):
        where = folder / f"{30 + n}" if "many" in request.node.name else folder
        poison.put(where / f"30 {way}.flac", way)
    lab.configure(extra='scan { deadline = "1s" }')
    lab.start()
    lab.wait_idle()
    # a batch in which one ends the reader: the others are not lost, and none of them is suspected
    assert lab.export("tracks").keys() == good
    assert poison.read() == {**dict.fromkeys(WAYS, 0), **dict.fromkeys(SAID, 1)}
    assert {name: item["tries"] for name, item in errors(lab).items()} == {f"30 {way}.flac": 1 for way in SAID}
    settle(lab, poison, 2 * len(SAID))
    restart(lab)
    lab.wait_idle()
    lab.rescan("full music")
    assert poison.read() == {**dict.fromkeys(WAYS, 0), **dict.fromkeys(SAID, 2)}
    found = errors(lab)
    assert found.keys() == {f"30 {way}.flac" for way in SAID}
    for way, (kind, word) in SAID.items():
        item = found[f"30 {way}.flac"]
        assert item["kind"] == kind and word in item["reason"] and item["tries"] == 2, item
    assert lab.export("tracks").keys() == good
    assert len(lab.children("--worker")) >= 2


def test_a_file_that_ends_its_reader_once_is_indexed_at_the_next_look(lab, good, poison, corpus):
    path = lab.music / "folder/30 once.m4a"
    poison.put(path, "once")
    lab.start()
    lab.wait_idle()
    assert errors(lab)[path.name]["kind"] == "crashed"
    lab.rescan("all")
    # read to its end, it is found to be no music: that is another error, and no suspicion
    assert errors(lab)[path.name]["kind"] == "corrupt"
    assert poison.read()["once"] == 2
    lab.rescan("full all")
    assert poison.read()["once"] == 3


def test_a_change_or_an_order_that_names_it_has_it_read_again(lab, good, poison):
    path = lab.music / "folder/30 segv.flac"
    poison.put(path, "segv")
    lab.start()
    lab.wait_idle()
    settle(lab, poison, 2)
    os.utime(path, (1, 1))
    settle(lab, poison, 4)
    assert errors(lab)[path.name]["tries"] == 2
    lab.rescan(f"full {path}")
    assert errors(lab)[path.name]["tries"] == 3
    lab.rescan(f"{path}")
    settle(lab, poison, 5)
    path.unlink()
    lab.rescan("all")
    assert errors(lab) == {} and lab.export("tracks").keys() == good


@pytest.mark.parametrize("when", ["first", "second"])
def test_kill_9_of_the_indexer_while_it_is_read_is_a_try(lab, good, poison, when):
    """The moment in which nothing of it can be in the store yet, and the one in which it is."""
    path = lab.music / "folder/30 hang.flac"
    poison.put(path, "hang")
    lab.configure(extra='scan { deadline = "%s" }' % ("600s" if when == "first" else "1s"))
    lab.start()
    tries = 1
    if when == "second":
        lab.wait_idle()
        lab.configure(extra='scan { deadline = "600s" }')
        restart(lab)
        tries = 2
        lab.accept("rescan", "all")
    while tries <= 2:
        until(lambda: poison.read()["hang"] == tries, 30, lambda: f"a read: {poison.read()}, {lab.indexer_log()}")
        workers = lab.children("--worker")
        # it is at it for longer than any sound file takes
        time.sleep(0.7)
        restart(lab)
        until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), 30, "the end of its workers")
        lab.accept("rescan", "all")
        tries += 1
    lab.wait_idle()
    settle(lab, poison, 2)
    restart(lab)
    settle(lab, poison, 2)
    assert errors(lab)[path.name]["tries"] == 2 and errors(lab).keys() == {path.name}
    assert lab.export("tracks").keys() == good


def test_kill_9_right_after_a_reader_died_costs_no_third_try(lab, good, poison):
    """Before the writer has committed what the death told."""
    path = lab.music / "folder/30 segv.flac"
    poison.put(path, "segv")
    lab.start(wait=False)
    for tries in (1, 2):
        until(lambda: poison.read()["segv"] >= tries, 30, "a read", pause=0)
        restart(lab)
        lab.accept("rescan", "all")
    lab.wait_idle()
    settle(lab, poison, 2)
    assert errors(lab)[path.name]["tries"] == 2
    assert lab.export("tracks").keys() == good


def test_the_end_is_the_same_with_many_bad_files(lab, good, poison):
    lab.start()
    lab.wait_idle()
    before = lab.export("tracks")
    # so many that what is known of them does not fit the table of marks
    bad = 1000 if LONG else 250
    ways = ("segv", "abort", "exit", "socket")
    for n in range(bad):
        poison.put(lab.music / "folder" / f"{n % 60:02} bad {n}.flac", ways[n % len(ways)])
    settle(lab, poison, 2 * bad)
    found = errors(lab)
    assert len(found) == bad and all(item["tries"] == 2 and item["reason"] for item in found.values())
    assert lab.export("tracks").keys() == before.keys()
    for path, row in lab.export("tracks").items():
        assert row == before[path]


def test_what_is_read_beside_many_that_end_their_reader_is_not_read_again(lab, poison):
    """But for what the first reader of all had read and not told when it died."""
    read, deadly, batch = 90, 60, 32
    for n in range(read + deadly):
        # those are opened, and not read from heads
        poison.put(lab.music / f"{n:03}.wav", "exit" if n % 5 in (1, 3) else "count")
    lab.configure(extra="scan { workers = 1 }")
    lab.start()
    lab.wait_idle()
    assert poison.read()["exit"] == deadly and read <= poison.read()["count"] < read + batch
    assert len(errors(lab)) == read + deadly


def test_readers_that_end_before_they_are_ready_blame_no_file(lab, good, poison, tmp_path, monkeypatch):
    """As when a library is replaced by one that does not fit: nothing can be read, and no file is to blame."""
    birth = tmp_path / "birth"
    monkeypatch.setenv("POISON_BIRTH", str(birth))
    lab.start()
    lab.wait_idle()
    birth.touch()
    # who makes others first; and while they read nothing: that would be a try
    for pid in lab.children("--nursery") + lab.children("--worker"):
        os.kill(pid, signal.SIGKILL)
    lab.accept("rescan", "full all")
    until(lambda: "before they are ready" in lab.indexer_log(), 30, "a word of it")
    job = lab.accept("rescan", "full music")
    birth.unlink()
    lab.wait_idle()
    assert lab.jobs()[job]["state"] == "done"
    assert errors(lab) == {} and lab.export("tracks").keys() == good
    assert lab.children("--worker") and "crashed the reader" not in lab.indexer_log()


def test_a_scan_that_is_cancelled_while_it_is_read_makes_no_more_tries(lab, good, poison):
    path = lab.music / "folder/30 hang.flac"
    lab.configure(extra='scan { deadline = "2s" watch = "poll" }')
    lab.start()
    lab.wait_idle()
    poison.put(path, "hang")
    for tries in (1, 2):
        workers = set(lab.children("--worker"))
        job = lab.accept("rescan", "all")
        until(lambda: poison.read()["hang"] == tries, 30, lambda: f"a read: {poison.read()}")
        lab.order("cancel", str(job))
        lab.wait_idle()
        until(lambda: not workers <= set(lab.children("--worker")), 30, "the end of its reader")
    settle(lab, poison, 2)
    assert errors(lab)[path.name]["tries"] == 2 and lab.export("tracks").keys() == good


def test_it_is_not_read_while_it_is_being_read_for_a_scan_that_was_cancelled(lab, good, poison):
    path = lab.music / "folder/30 hang.flac"
    lab.configure(extra='scan { deadline = "3s" watch = "poll" workers = 3 }')
    lab.start()
    lab.wait_idle()
    poison.put(path, "hang")
    job = lab.accept("rescan", "all")
    until(lambda: poison.read()["hang"] == 1, 30, lambda: f"a read: {poison.read()}")
    first = lab.children("--worker")
    # the others have nothing to do
    for _ in range(2):
        lab.order("cancel", str(job))
        job = lab.accept("rescan", "all")

    def is_over():
        reads, over = poison.read()["hang"], first != lab.children("--worker")
        assert over or reads == 1
        return over
    until(is_over, 30, "the end of its reader")
    lab.wait_idle()
    settle(lab, poison, 2)
    assert errors(lab)[path.name]["tries"] == 2 and lab.export("tracks").keys() == good


def cancelled(lab, poison, way):
    """A scan that is cancelled when it has begun to read such a file."""
    lab.configure(extra='scan { watch = "poll" workers = 1 }')
    lab.start()
    lab.wait_idle()
    yield
    job = lab.accept("rescan", "all")
    until(lambda: poison.read()[way], 30, lambda: f"a read: {poison.read()}")
    lab.order("cancel", str(job))
    lab.wait_idle()
    yield


def test_what_a_cancelled_scan_has_given_out_is_not_read(lab, good, poison):
    steps = cancelled(lab, poison, "slow")
    next(steps)
    for n in range(120):
        poison.put(lab.music / "folder" / f"slow {n}.flac", "slow")
    next(steps)
    # the reader may end the batch that it is at, of 32 files
    time.sleep(5)
    assert poison.read()["slow"] <= 32
    lab.rescan("all")
    assert poison.read()["slow"] <= 32 + 120 and len(errors(lab)) == 120


def test_a_scan_that_is_cancelled_behind_a_dead_reader_costs_no_try_more(lab, good, poison):
    """Whoever takes the place of a dead one tells of each file, also of those that nobody waits for any more."""
    steps = cancelled(lab, poison, "slow")
    next(steps)
    for pid in lab.children("--worker"):
        os.kill(pid, signal.SIGKILL)
    for n in range(29):
        poison.put(lab.music / "folder" / f"slow {n:02}.wav", "slow")
    poison.put(lab.music / "folder/slow 99.wav", "exit")
    next(steps)
    for _ in range(3):
        lab.rescan("all")
    lab.rescan("full all")
    assert poison.read()["exit"] == 2 and errors(lab)["slow 99.wav"]["tries"] == 2


def test_an_indexer_that_ends_after_a_reload_blames_no_file(lab, poison):
    """Readers end with the thread that started them: that must not be one which ends before what reads their results."""
    lab.configure(extra="scan { workers = 1 }")
    lab.start()
    lab.wait_idle()
    assert lab.order("reload", "config") == 0, lab.last()
    for pid in lab.children("--worker"):
        os.kill(pid, signal.SIGKILL)
    for n in range(40):
        poison.put(lab.music / f"{n:02}.wav", "slow")
    lab.accept("rescan", "all")
    until(lambda: poison.read()["slow"] >= 5, 30, "reads")
    lab.end_indexer(signal.SIGTERM)
    assert "crashed the reader" not in lab.indexer_log()
    lab.start_indexer()
    lab.wait_idle()
    assert {item["kind"] for item in errors(lab).values()} == {"corrupt"} and len(errors(lab)) == 40


def test_a_reader_that_hangs_behind_a_file_of_a_cancelled_scan_is_replaced(lab, good, poison):
    steps = cancelled(lab, poison, "shut")
    next(steps)
    poison.put(lab.music / "folder/30 shut.flac", "shut")
    next(steps)
    lab.rescan("all")
    assert lab.export("tracks").keys() == good
    # the file is not to blame
    assert poison.read()["shut"] == 2 and errors(lab)["30 shut.flac"]["kind"] == "corrupt"


@pytest.mark.skipif(not LONG, reason="it waits for longer than a scout may be silent; LONG=1 has it run")
def test_a_reader_that_takes_its_time_is_no_disk_that_hangs(lab, good, poison):
    """Longer than a scout may be silent: the file is to blame, and not the folder that it lies in."""
    path = lab.music / "folder/30 hang.flac"
    poison.put(path, "hang")
    lab.configure(extra='scan { deadline = "17s" }')
    lab.start()
    lab.wait_idle()
    assert errors(lab)[path.name]["kind"] == "timeout" and poison.read()["hang"] == 1
    assert lab.export("tracks").keys() == good
    assert "does not answer" not in lab.indexer_log()
