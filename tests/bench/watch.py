# SPDX-License-Identifier: GPL-3.0-or-later
"""Noticing: one change, a burst of them, and a library of very many folders."""
import json
import os
import select
import shutil
import struct
import threading
import time
from datetime import datetime
from pathlib import Path

from lab import PER_FOLDER, CannotMeasure, is_alive, median, run, until
from scans import rescan_once, wait_sums

PAUSE_S, ROUND, STEPS = 0.05, 25, 4
LATENCY_MS, BURST_S, RESCAN, READY, BYTES_PER_FOLDER = 50, 5, 2, 2.5, 200
LIBRARY, FIRST = 10_000, 100
# a change that is not seen within this time never will be
LOST_S = 60
MOST_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


def tracks(lab, folder, n):
    """(folders, seconds, when the last file was closed) of a library that was written just now."""
    folder.mkdir(parents=True)
    folders, seconds, end = run(lab.tool("tracks"), folder, n, PER_FOLDER).split()
    return int(folders), float(seconds), int(end) / 1e9


def fresh(lab, n):
    folder = lab.work / "watched"
    shutil.rmtree(folder, ignore_errors=True)
    tracks(lab, folder, n)
    return folder


def begin(lab, folder, options):
    """A mount and an indexer that knows all of @folder and watches it; its run, and how long it took in all."""
    # a copy of a new index is due at once, and would be measured too
    lab.configure(folder, more=f'scan {{ {options} }}\nbackup {{ interval = "0s" }}\n')
    lab.mount()
    known = max((r["id"] for r in lab.read_json("metrics/scan.json")["runs"]), default=0)
    start = time.time()
    lab.start_indexer()
    row = lab.wait_run(known)
    row["start_seconds"] = datetime.fromisoformat(row["ended_at"]).timestamp() - start
    # the mount looks twice a second whether there is an indexer
    until(lambda: lab.read_json("status/health.json")["indexer"]["state"] == "running", "a mount that knows its indexer")
    return row


def finish(lab):
    lab.unmount()
    lab.stop_indexer()


def watch_sentence(lab):
    return lab.read_json("status/roots.json")["items"][0]["watch"]


# --- one change ---

def flac(title, album):
    comments = ["ARTIST=Artist 1", f"ALBUM=Album {album}", f"TITLE={title}", "TRACKNUMBER=11"]
    texts = [text.encode() for text in ("mediamon", *comments)]
    texts = [struct.pack("<I", len(text)) + text for text in texts]
    block = texts[0] + struct.pack("<I", len(comments)) + b"".join(texts[1:])
    info = bytes.fromhex("1000 1000 000000 000000 0ac442f000000000") + bytes(16)
    return b"fLaC" + struct.pack(">I", len(info)) + info + struct.pack(">I", 0x84 << 24 | len(block)) + block


class Changes:
    """Files that are created, retagged, renamed and removed; and what the mount shows of each."""

    def __init__(self, folder, mnt, count):
        self.folder, self.mnt = folder, mnt
        files = (count + STEPS - 1) // STEPS
        rounds = [range(i, min(i + ROUND, files)) for i in range(0, files, ROUND)]
        self.all = [(n, step) for some in rounds for step in range(STEPS) for n in some]
        self.closed, self.shown, self.error = [], {}, None

    def path(self, n, name):
        return self.folder / "Artist 0001" / f"Album {n % ROUND + 1:05}" / f"{name} {n}.flac"

    def do(self, n, step):
        if step < 2:
            self.path(n, "new").write_bytes(flac(("First", "Second")[step] + f" {n}", n % ROUND + 1))
        elif step == 2:
            os.rename(self.path(n, "new"), self.path(n, "moved"))
        else:
            os.unlink(self.path(n, "moved"))

    def write(self):
        try:
            start = time.monotonic()
            for i, change in enumerate(self.all):
                time.sleep(max(0, start + i * PAUSE_S - time.monotonic()))
                self.do(*change)
                self.closed.append(time.monotonic())
        except OSError as e:
            self.error = e

    def target(self, n, title):
        try:
            return os.readlink(self.mnt / f"music/artists/Artist 1/Album {n % ROUND + 1}/11 - {title} {n}.flac")
        except FileNotFoundError:
            return None

    def is_shown(self, n, step):
        """Also what came after it shows it."""
        if self.target(n, "First"):
            return step == 0
        target = self.target(n, "Second")
        if target:
            return step <= (2 if "moved" in target else 1)
        return step == 3 or (n, 3) in self.all[:len(self.closed)]

    def look(self):
        waiting = [(i, change) for i, change in enumerate(self.all[:len(self.closed)]) if i not in self.shown]
        for i, change in waiting:
            if self.is_shown(*change):
                self.shown[i] = time.monotonic()
            elif time.monotonic() > self.closed[i] + LOST_S:
                raise CannotMeasure(f"change {i} {change} is not shown")

    def read(self):
        """A reader that polls, and reads again what it is woken for."""
        while len(self.shown) < len(self.all):
            with open(self.mnt / "status/summary.json", "rb") as f:
                json.loads(f.read())
                self.look()
                waiting = select.poll()
                waiting.register(f, select.POLLPRI)
                waiting.poll(1000)
            if self.error:
                raise CannotMeasure(f"a file could not be changed: {self.error}")

    def milliseconds(self):
        writer = threading.Thread(target=self.write)
        writer.start()
        self.read()
        writer.join()
        return [max(0, self.shown[i] - self.closed[i]) * 1e3 for i in range(len(self.all))]


def durable_ms(lab):
    """The least that a change takes which survives a power cut: one block."""
    times = []
    with open(lab.work / "block", "wb", buffering=0) as f:
        for _ in range(50):
            start = time.perf_counter()
            f.write(bytes(4096))
            os.fdatasync(f.fileno())
            times.append((time.perf_counter() - start) * 1e3)
    os.unlink(lab.work / "block")
    return median(times)


def one_change(lab, table):
    count = 100 if lab.quick else 300
    folder = fresh(lab, LIBRARY)
    lab.forget()
    try:
        begin(lab, folder, 'quiet = "0s"')
        changes = Changes(folder, lab.mnt, count)
        times = sorted(changes.milliseconds())
    finally:
        finish(lab)
    durable = durable_ms(lab)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
        value = times[min(int(len(times) * share), len(times) - 1)]
        figure = f"a change until a poller sees it, {name} of {len(times)}"
        words = (f"{value:.1f} ms", f"{durable:.1f} ms")
        if name == "p99":
            table.at_most(figure, *words, value, LATENCY_MS, "ms")
        else:
            table.info(figure + (", against a durable block" if name == "p50" else ""), *words, value / durable)
    slowest = {}
    for i, change in enumerate(changes.all):
        slowest.setdefault(change[1], []).append((changes.shown[i] - changes.closed[i]) * 1e3)
    for step, name in enumerate(("created", "retagged", "renamed", "removed")):
        table.info(f"    {name}, p50 and slowest", f"{median(slowest[step]):.1f}, {max(slowest[step]):.1f} ms", "", None)


# --- many at once ---

def indexed(lab):
    rows = run(lab.mediamon, "export", "tracks", "--config", lab.conf).splitlines()
    return {json.loads(row)["path"] for row in rows}


def burst(lab, table):
    n = 10_000 if lab.quick else 100_000
    folder = fresh(lab, FIRST)
    lab.forget()
    try:
        begin(lab, folder, 'quiet = "100ms"')
        _, writing, end = tracks(lab, folder / "new", n)
        try:
            until(lambda: lab.read_json("status/summary.json")["music"]["tracks"] == FIRST + n, "", LOST_S, 0.01)
        except CannotMeasure:
            pass
        seconds = time.monotonic() - end
        there = {str(path) for path in folder.rglob("*.flac")}
        lost = len(there ^ indexed(lab))
        sentence = watch_sentence(lab)
        row = rescan_once(lab)
        late = row["files"] - row["unchanged"] + row["removed"] + row["errors"]
    finally:
        finish(lab)
    table.at_most(f"burst of {n} files in {writing:.1f} s: all indexed after the last", f"{seconds:.2f} s",
                  f"{lab.floor(folder, 'stat'):.2f} s", seconds, BURST_S, "s")
    table.at_most("    differences from find, and found by a rescan", f"{lost} and {late}", "", lost + late, 0, "files")
    table.info(f"    {sentence}", "", "", None)
    shutil.rmtree(folder)


# --- very many folders ---

class EnoughWatches:
    """The kernel's limit is raised for as long as this lives."""

    def __init__(self, n):
        self.n, self.before = n, MOST_WATCHES.read_text()

    def __enter__(self):
        if int(self.before) < self.n:
            try:
                MOST_WATCHES.write_text(str(self.n))
            except OSError as e:
                raise CannotMeasure(f"{MOST_WATCHES} is {self.before.strip()}, {self.n} are needed: {e}") from e

    def __exit__(self, *_):
        if MOST_WATCHES.read_text() != self.before:
            MOST_WATCHES.write_text(self.before)


def scout_bytes(lab):
    """Memory of the process that watches, which it shares with nobody."""
    total = 0
    for task in Path(f"/proc/{lab.indexer.pid}/task").glob("*/children"):
        for pid in task.read_text().split():
            if b"--scout" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) * 1024
    return total


def restart(lab, folder, options):
    """(seconds until an indexer that knew all is ready, of these in its scan, memory of its scout)."""
    lab.stop_indexer()
    lab.unmount()
    row = begin(lab, folder, options)
    if row["unchanged"] != row["files"]:
        raise CannotMeasure(f"a start found changes: {row}")
    return row["start_seconds"], row["wall_seconds"], scout_bytes(lab)


def many_folders(lab, table):
    n = 20_000 if lab.quick else 1_000_000
    folders = n // PER_FOLDER + n // PER_FOLDER // 100
    folder = lab.tracks(n)
    lab.floor(folder, "stat")
    lab.forget()
    walks, again, starts, within = [], [], [], []
    try:
        with EnoughWatches(2 * folders):
            first = begin(lab, folder, 'watch = "inotify"')
            if first["errors"] or first["added"] != n:
                raise CannotMeasure(f"the first index was not one: {first}")
            for _ in range(3):
                wait_sums(lab)
                row = rescan_once(lab)
                again.append(row["wall_seconds"])
                walks.append(lab.floor(folder, "stat"))
            for _ in range(3):
                seconds, scanning, watching = restart(lab, folder, 'watch = "inotify"')
                starts.append(seconds)
                within.append(scanning)
                walks.append(lab.floor(folder, "stat"))
            sentence = watch_sentence(lab)
            _, unwatched, polling = restart(lab, folder, 'watch = "poll"')
    finally:
        finish(lab)
    if sentence != "inotify":
        raise CannotMeasure(f"not every folder is watched: {sentence}")
    walk = median(walks)
    what = f"{n} files, {folders} folders"
    table.info(f"{what}: first index", f"{first['wall_seconds']:.2f} s", f"{walk:.2f} s", first["wall_seconds"] / walk)
    table.at_most(f"{what}: rescan against a bare walk", f"{median(again):.2f} s", f"{walk:.2f} s",
                  median(again) / walk, RESCAN)
    table.at_most(f"{what}: start to ready, all watched", f"{median(starts):.2f} s", f"{walk:.2f} s",
                  median(starts) / walk, READY)
    table.info("    of this the scan, and the scan when nothing is watched", f"{median(within):.2f} s",
               f"{unwatched:.2f} s", median(within) / unwatched)
    table.at_most("memory of watching, a folder", f"{(watching - polling) / folders:.0f} B", "",
                  (watching - polling) / folders, BYTES_PER_FOLDER, "B")
    table.info("    process that watches, and one that does not", f"{watching / 1e6:.1f} MB", f"{polling / 1e6:.1f} MB",
               watching / polling)


def measure(lab, table):
    one_change(lab, table)
    burst(lab, table)
    many_folders(lab, table)
