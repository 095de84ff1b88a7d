# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexing: warm and cold, the first time and again, against the floor and the peers."""
import contextlib
import sqlite3
import time

from lab import CannotMeasure, Memory, Skipped, median, seconds_of, until
from peers import KNOWN, PEERS, is_here

HEADER_BYTES, OUTSTANDING = 8192, 32
FLOOR_SHARE, COLD, RESCAN, TRACK_BYTES = 1 / 3, 1.3, 1.6, 400
MEMORY_MB, LISTED_MB, RASPBERRY_MB = 80, 150, 48
FILES, QUICK_FILES = 100_000, 5000
#: first indexes in a row of which the time counts
TIMED = 2


def library(lab):
    return lab.library("music", QUICK_FILES if lab.quick else FILES)


def rescan_once(lab):
    """The row of metrics/scan.json of a scan of all that is asked for now."""
    known = max((r["id"] for r in lab.read_json("metrics/scan.json")["runs"]), default=0)
    lab.order("rescan", "all")
    return lab.wait_run(known)


def wait_sums(lab):
    """Until each folder is known by one number: that is made while nothing is written, from three seconds after the last on."""
    def summed():
        with contextlib.closing(sqlite3.connect(f"file:{next(lab.state.glob('*.db'))}?mode=ro", uri=True)) as db:
            return db.execute("SELECT NOT EXISTS(SELECT 1 FROM dir WHERE dirsum = 0)").fetchone()[0]
    until(summed, "the numbers of all folders", pause=0.2)


def unchanged(lab):
    """Seconds of a rescan that finds nothing, when the index is at rest."""
    wait_sums(lab)
    row = rescan_once(lab)
    if row["unchanged"] != row["files"]:
        raise CannotMeasure(f"a rescan found changes: {row}")
    return row["wall_seconds"]


class First:
    """One index from nothing: seconds by its own clock and seen from outside, files; memory, where that was sampled."""

    def __init__(self, lab, row, outside, memory):
        self.lab, self.files, self.seconds, self.outside = lab, row["files"], row["wall_seconds"], outside
        self.memory = memory
        self.rate = self.files / self.seconds


@contextlib.contextmanager
def first_index(lab, music, more="", before=(), prepare=lambda: None, sampled=False, errors=0):
    """@more: lines of configuration; @before: words of a program that becomes the indexer; @prepare: the last thing
    before it starts; @sampled: its memory is looked at all the time, which takes some of its processors; @errors: so
    many files cannot be read."""
    lab.forget()
    lab.configure(music, more=more)
    lab.mount()
    try:
        prepare()
        begin = time.perf_counter()
        lab.start_indexer(*before)
        with Memory(lab.indexer.pid, lab.fs.pid) if sampled else contextlib.nullcontext() as memory:
            row = lab.wait_run()
            outside = time.perf_counter() - begin
            if row["errors"] != errors or row["added"] + errors != row["files"]:
                raise CannotMeasure(f"the first index was not one: {row}")
            yield First(lab, row, outside, memory)
    finally:
        lab.unmount()
        lab.stop_indexer()


def rate_of(lab, music, more="", before=()):
    with first_index(lab, music, more, before) as first:
        return first.rate


def database_bytes(lab):
    """Of the store, without full-text search; the indexer has ended."""
    store = next(lab.state.glob("*.db"))
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return db.execute("SELECT sum(pgsize) FROM dbstat WHERE name NOT LIKE '%fts%'").fetchone()[0]


def whole_once(lab, music, found):
    """First indexes, rescans, every name of the mount (once), what is on the disk then."""
    for _ in range(TIMED):
        with first_index(lab, music) as first:
            found["first"].append(first)
    with first_index(lab, music, sampled=True) as first:
        found["again"] += [unchanged(lab) for _ in range(3 if lab.quick else 5)]
        first.memory.stop()
        found["memory"].append(first.memory)
        if not found["names"]:
            with Memory(lab.indexer.pid, lab.fs.pid) as listed:
                found["names"].append(seconds_of("find", lab.mnt, "-ls"))
            found["listed"].append(listed)
    found["database"].append(database_bytes(lab) / first.files)


def peers_once(lab, music, found, files):
    """Their seconds are in @found by their names; or why there are none."""
    for peer in PEERS:
        if not is_here(peer) or isinstance(found.get(peer.name), str):
            continue
        try:
            known, seconds, again = peer.measure(lab, music, peer.most[lab.quick])
        except CannotMeasure as why:
            found[peer.name] = str(why)
            continue
        if not peer.most[lab.quick] and known is not None and known < files * KNOWN:
            found[peer.name] = f"it knows {known} files of {files}"
            continue
        found.setdefault(peer.name, []).append((known or files, seconds))
        found.setdefault(peer.name + " again", []).append(again)


def add_peers(table, found, files, seconds):
    for peer in PEERS:
        times = found.get(peer.name, f"{' '.join(peer.programs)}: not there (contrib/deps.sh bench)")
        if isinstance(times, str):
            table.skip(f"first index against {peer.name}", times)
            continue
        known, theirs = times[0][0], median([taken for _, taken in times])
        against = f"{theirs:.2f} s" + (f" for {known}" if known != files else "")
        words = f"first index against {peer.name}", f"{seconds:.2f} s", against
        ratio = theirs / known * files / seconds
        if peer.bound:
            table.at_least(*words, ratio, peer.bound)
        else:
            table.info(*words, ratio)


def add_memory(table, memories, name, bound):
    memory = sorted(memories, key=Memory.total)[len(memories) // 2]
    table.at_most(f"{name}, {len(memory.peaks)} processes", f"{memory.total() / 1e6:.1f} MB", "", memory.total() / 1e6,
                  bound, "MB")
    for size, words in sorted(memory.peaks.values(), reverse=True):
        table.info(f"    {words}", f"{size / 1e6:.1f} MB")


def add_database(table, size, files):
    """A small one is mostly what an empty one has too."""
    words = f"database a track, {files} of them, without full-text search", f"{size:.0f} B"
    if files < FILES:
        table.info(*words)
    else:
        table.at_most(*words, "", size, TRACK_BYTES, "B")


def add_whole(table, found):
    first = median([f.seconds for f in found["first"]])
    files = found["first"][0].files
    floor, again, walk = median(found["floor"]), median(found["again"]), median(found["walk"])
    table.at_least(f"first index of {files} files, warm: share of the speed of the floor",
                   f"{first:.3f} s", f"{floor:.3f} s", floor / first, round(FLOOR_SHARE, 2))
    table.info("    slowest and fastest run, of it and of the floor",
               "–".join(f"{edge([f.seconds for f in found['first']]):.3f}" for edge in (max, min)) + " s",
               "–".join(f"{edge(found['floor']):.3f}" for edge in (max, min)) + " s")
    table.info("first index, from the start of the program", f"{median([f.outside for f in found['first']]):.3f} s")
    add_peers(table, found, files, first)
    table.at_most(f"unchanged rescan of {files} files against a walk with statx", f"{again:.3f} s", f"{walk:.3f} s",
                  again / walk, RESCAN)
    if found.get("MPD again"):
        theirs = median(found["MPD again"])
        table.info("unchanged rescan against MPD", f"{again:.3f} s", f"{theirs:.3f} s", theirs / again)
    table.info("find -ls of the whole mount", f"{median(found['names']):.2f} s")
    add_memory(table, found["memory"], f"peak memory, {files} files indexed and scanned again", MEMORY_MB)
    add_memory(table, found["listed"], "peak memory after the whole mount was listed", LISTED_MB)
    add_database(table, median(found["database"]), files)


def measure(lab, table):
    music = library(lab)
    found = {key: [] for key in ("first", "memory", "again", "names", "listed", "database", "floor", "walk")}
    for i in range(3):
        lab.warm(music)
        for _ in range(3):
            found["floor"].append(lab.floor(music, "read", HEADER_BYTES))
            found["walk"].append(lab.floor(music, "stat"))
        whole_once(lab, music, found)
        if i == 0 or not lab.quick:
            peers_once(lab, music, found, found["first"][0].files)
    add_whole(table, found)


def cold_peer(lab, music):
    lab.cold()
    mpd = PEERS[0]
    return mpd.measure(lab, music, None)[1] if is_here(mpd) else None


def measure_cold(lab, table):
    music = library(lab)
    ours, two, deep, theirs = [], [], [], []
    for _ in range(1 if lab.quick else 3):
        lab.cold()
        two.append(lab.floor(music, "read", HEADER_BYTES))
        lab.cold()
        deep.append(lab.floor(music, "read", HEADER_BYTES, OUTSTANDING))
        with first_index(lab, music, prepare=lab.cold) as first:
            ours.append(first.seconds)
        theirs.append(cold_peer(lab, music))
    seconds, floor = median(ours), median(deep)
    table.at_most(f"first index of {first.files} files, cold, against the floor with {OUTSTANDING} reads outstanding",
                  f"{seconds:.2f} s", f"{floor:.2f} s", seconds / floor, COLD)
    table.info("first index, cold, against the floor with two threads", f"{seconds:.2f} s", f"{median(two):.2f} s",
               median(two) / seconds)
    if None not in theirs:
        table.info("first index, cold, against MPD", f"{seconds:.2f} s", f"{median(theirs):.2f} s", median(theirs) / seconds)


def measure_raspberry(lab, table):
    more = lab.option("profile", '"raspberry"')
    if not more:
        raise Skipped("this version has no option profile")
    memories = []
    for _ in range(1 if lab.quick else 3):
        with first_index(lab, library(lab), more, sampled=True) as first:
            unchanged(lab)
        memories.append(first.memory)
    add_memory(table, memories, f"peak memory with profile = raspberry, {first.files} files", RASPBERRY_MB)
