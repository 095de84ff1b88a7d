# SPDX-License-Identifier: GPL-3.0-or-later
"""An open file keeps its bytes and its size, whatever comes after it."""
import concurrent.futures
import hashlib
import json
import mmap
import multiprocessing
import os
import random
import subprocess
import time

import pytest

from faults import stopped
from harness import LONG, Meanwhile, until
from test_changes import album_dir, stem

FILES = ("status/jobs.json", "status/summary.json", "metrics/scan.json", "status/missing.json", "events.jsonl")
READERS, HANDLES = 8, 20
SECONDS = 60 if LONG else 6


class Handle:
    """One open file with what was first seen of it."""

    def __init__(self, mnt, name):
        self.name, self.grows = name, name.endswith(".jsonl")
        self.fd = os.open(os.path.join(mnt, name), os.O_RDONLY)
        self.stat = os.fstat(self.fd)
        self.size = self.stat.st_size
        data = os.pread(self.fd, self.size + 1, 0)
        self.first = hashlib.sha256(data[:self.size]).digest()
        self.map = mmap.mmap(self.fd, self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        assert self.grows or len(data) == self.size, f"{name}: {len(data)} bytes of {self.size}"
        documents = [json.loads(line) for line in (data[:self.size].splitlines() if self.grows else [data])]
        self.version = None if self.grows else documents[0]["generation"]
        if not self.grows:
            assert documents[0]["schema"] == f"mediamon/{os.path.basename(name)[:-5]}/1", name

    def close(self):
        self.map.close()
        os.close(self.fd)

    def check_whole(self, data, how):
        assert hashlib.sha256(data).digest() == self.first, f"{self.name}: other bytes by {how}"

    def check(self, order):
        way = order.randrange(4)
        if way == 0:
            self.check_whole(os.pread(self.fd, self.size, 0), "pread")
        elif way == 1:
            self.check_whole(self.map[:], "mmap")
        elif way == 2:
            at = order.randrange(self.size)
            n = order.randint(1, self.size - at)
            assert os.pread(self.fd, n, at) == self.map[at:at + n], f"{self.name}: pread is not mmap at {at}"
        else:
            size = os.fstat(self.fd).st_size
            assert size >= self.size if self.grows else size == self.size, f"{self.name}: size {size}"


def hold_and_read(mnt, seed):
    """How many checks were made, and the hash of each version that was held."""
    order, handles, checks, versions = random.Random(seed), [], 0, {}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if len(handles) < HANDLES or order.random() < 0.05:
            h = Handle(mnt, order.choice(FILES))
            handles.append(h)
            if not h.grows:
                assert versions.setdefault((h.name, h.version), h.first) == h.first, f"two of {h.name}"
        if len(handles) > HANDLES:
            handles.pop(order.randrange(HANDLES)).close()
        order.choice(handles).check(order)
        checks += 1
    inodes = {(h.name, h.stat.st_ino) for h in handles}
    assert len(inodes) == len({h.name for h in handles}), "an inode number moved"
    return checks, versions


def take_away_and_put_back(lab, volume):
    """All documents change by that."""
    away = lab.dir / "away"
    for source, target in ((volume, away), (away, volume)):
        source.rename(target)
        lab.rescan(str(volume.parent))


def inner_volumes(lab):
    """Files of a series, neither its first nor its last."""
    series = next(s for s in lab.series if not s.is_chapters and len(s.owned) > 4)
    return series, sorted((lab.manga / series.name).iterdir())[1:-1]


def test_handles_of_many_generations_never_change(lab, corpus):
    lab.tracks, lab.series = corpus.music(lab.music, 3000), corpus.manga(lab.manga, 100)
    lab.start()
    lab.wait_idle()
    _, volumes = inner_volumes(lab)
    with Meanwhile(lambda: take_away_and_put_back(lab, volumes[0])), concurrent.futures.ProcessPoolExecutor(
            READERS, mp_context=multiprocessing.get_context("fork")) as pool:
        results = list(pool.map(hold_and_read, [str(lab.mnt)] * READERS, range(READERS)))
    all_versions = {}
    for checks, versions in results:
        assert checks > 1000
        for key, digest in versions.items():
            assert all_versions.setdefault(key, digest) == digest, f"two readers saw two of {key}"
    for name in FILES[:-1]:
        assert sum(n == name for n, _ in all_versions) > 10, f"{name} hardly changed"


def test_events_only_grow_by_appending(small):
    before = small.read("events.jsonl")
    for i in range(5):
        small.rescan("music")
        until(lambda: len(small.read("events.jsonl")) > len(before), 2, "new events")
        now = small.read("events.jsonl")
        assert now.startswith(before), "what stood there changed"
        before = now
    numbers = [json.loads(line)["seq"] for line in before.splitlines()]
    assert numbers == sorted(set(numbers))
    fd = os.open(small.mnt / "events.jsonl", os.O_RDONLY)
    size = os.fstat(fd).st_size
    small.rescan("manga")
    until(lambda: os.fstat(fd).st_size > size, 2, "the open file grows too, for tail -f")
    assert os.pread(fd, size, 0) == before
    os.close(fd)


GROWTHS = 2000 if LONG else 200


def read_the_end(mnt, seed):
    """Reads the end of events.jsonl until told to stop; how often, and how often there were zeros."""
    reads = zeros = 0
    order, name = random.Random(seed), os.path.join(mnt, "events.jsonl")
    while not os.path.exists(os.path.join(os.path.dirname(mnt), "enough")):
        fd = os.open(name, os.O_RDONLY)
        for _ in range(order.randint(1, 50)):
            at = max(0, os.fstat(fd).st_size - order.randint(1, 6000))
            zeros += b"\0" in os.pread(fd, 8192, at)
            reads += 1
        os.close(fd)
    return reads, zeros


def test_a_file_that_grows_never_shows_zeros(lab, corpus):
    """An answer to a READ may reach the kernel when the file has grown: what it lacks is not zeros."""
    corpus.music(lab.music, 20, seed=3)
    lab.start(preload="late.so")
    lab.wait_idle()
    with multiprocessing.Pool(4) as pool:
        readers = pool.starmap_async(read_the_end, [(str(lab.mnt), seed) for seed in range(4)])
        size = os.stat(lab.mnt / "events.jsonl").st_size
        for _ in range(GROWTHS):
            lab.accept("rescan", "music")
        lab.wait_idle()
        assert os.stat(lab.mnt / "events.jsonl").st_size > size + GROWTHS * 50
        (lab.dir / "enough").touch()
        results = readers.get(60)
    assert sum(reads for reads, _ in results) > GROWTHS
    assert sum(zeros for _, zeros in results) == 0


def looked_at(path):
    """A program that wants size, time and target: it would wait for the filesystem for ever."""
    return subprocess.Popen(["stat", "-c", "%s %Y %N", str(path)], stdout=subprocess.PIPE, text=True)


def test_what_was_told_once_needs_no_trip(small):
    """A listing tells all of links; of files it tells names alone: none is made for who only lists them."""
    t = next(t for t in small.tracks if t.path.endswith(".flac"))
    folder = small.mnt / album_dir(t)
    document, link = folder / "album.json", folder / (stem(t) + ".flac")
    assert {document.name, link.name} <= set(os.listdir(folder))
    assert os.readlink(link) == t.path
    with stopped(small.fs.pid):
        known, waits = looked_at(link), looked_at(document)
        said = known.communicate(timeout=20)[0]
        assert said.split()[0] == str(len(os.fsencode(t.path))) and t.path in said
        assert said.split()[1] == str(int(os.stat(t.path).st_mtime))
        with pytest.raises(subprocess.TimeoutExpired):
            waits.wait(1)
    size = waits.communicate(timeout=20)[0].split()[0]
    with stopped(small.fs.pid):
        assert looked_at(document).communicate(timeout=20)[0].split()[0] == size
    assert size == str(len(document.read_bytes()))


def test_equal_even_generations_prove_one_state(small):
    """While a volume comes and goes, what is read between two equal even numbers tells one story."""
    series, volumes = inner_volumes(small)
    proven, seen, end = 0, set(), time.monotonic() + 6
    with Meanwhile(lambda: take_away_and_put_back(small, volumes[0]), pause=0):
        while time.monotonic() < end:
            before = small.generation()
            summary, missing = small.json("status/summary.json"), small.json("status/missing.json")
            jobs, info = small.json("status/jobs.json"), small.json(f"manga/{series.name}/info.json")
            if before % 2 or small.generation() != before:
                continue
            proven += 1
            seen.add(missing["count"])
            assert summary["manga"]["missing"] == missing["count"]
            assert summary["jobs"] == {"running": jobs["running"], "queued": jobs["queued"]}
            assert info["missing"] == [i["volume"] for i in missing["items"] if i["series"] == series.name]
    assert proven > 100 and len(seen) == 2, (proven, seen)


def test_a_commit_is_seen_within_its_time(small):
    """100 ms, ten times as much here because machines are shared."""
    slowest = 0
    for i in range(10):
        before = small.generation()
        job = small.accept("rescan", "all")
        start = time.monotonic()
        until(lambda: any(j["id"] == job for j in small.json("status/jobs.json")["items"]), 1, "the new job",
              pause=0.001)
        slowest = max(slowest, time.monotonic() - start)
        small.wait_idle()
        assert small.generation() > before
    assert slowest < 10, slowest
