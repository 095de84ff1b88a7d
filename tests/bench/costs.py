# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan costs: with one core, in the sandbox, when readers die, beside readers; and what it reads of a file."""
import os
import re
import shutil
import threading
import time
from pathlib import Path

from lab import TOP, CannotMeasure, Skipped, median, run
from scans import first_index, library, rate_of

ROUNDS, QUICK_ROUNDS = 5, 2
ONE_CORE, SANDBOX = 0.55, 1.10
DEATH_FILES, DEATHS_A_FOLDER, DEATH_MS = 2000, 2, 1.0
READERS, A_SECOND, LATE_MS = 10, 10, 50
READING_S = 1
READS, READ_KIB, ORDINARY = 2, 12, 90
TRACED = 2000, 500


def rounds(lab):
    return QUICK_ROUNDS if lab.quick else ROUNDS


def measure_one_core(lab, table):
    if len(os.sched_getaffinity(0)) < 2:
        raise Skipped("there is but one core")
    music, one, two = library(lab), [], []
    cores = sorted(os.sched_getaffinity(0))[:2]
    lab.warm(music)
    for _ in range(rounds(lab)):
        two.append(rate_of(lab, music, before=("taskset", "-c", f"{cores[0]},{cores[1]}")))
        one.append(rate_of(lab, music, before=("taskset", "-c", f"{cores[0]}")))
    table.at_least("first index on one core, files a second, against two cores", f"{median(one):.0f}",
                   f"{median(two):.0f}", median(one) / median(two), ONE_CORE)


def measure_sandbox(lab, table):
    off = lab.option("sandbox", '"off"')
    if not off:
        raise Skipped("this version has no option sandbox")
    music, inside, outside = library(lab), [], []
    lab.warm(music)
    for _ in range(rounds(lab)):
        outside.append(1 / rate_of(lab, music, off))
        inside.append(1 / rate_of(lab, music))
    table.at_most("first index with the sandbox, a file, against without", f"{median(inside) * 1e6:.1f} µs",
                  f"{median(outside) * 1e6:.1f} µs", median(inside) / median(outside), SANDBOX)


# --- files that end their reader ---

def put_deaths(music, folder):
    """A copy of a library with files that end who reads them (tests/lib/poison.c) among the others."""
    shutil.copytree(music, folder, copy_function=os.link)
    for where, folders, _ in os.walk(folder):
        for i in range(0 if folders else DEATHS_A_FOLDER):
            (Path(where) / f"0 deadly {i}.flac").write_bytes(b"POISON exit\n".ljust(4096, b"\0"))


def measure_deaths(lab, table):
    """What a reader's death costs the scan: its end is noticed, it is told, and another takes its place."""
    music = lab.library("music", DEATH_FILES)
    deadly = lab.made("deadly", lambda folder: put_deaths(music, folder), DEATH_FILES * 4096)
    count = sum(1 for _ in deadly.rglob("0 deadly *"))
    library, counts = lab.work / "tools/poison.so", lab.work / "deaths"
    run("cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, TOP / "tests/lib/poison.c")
    counts.write_bytes(bytes(4096))
    before = ("env", f"LD_PRELOAD={library}", f"POISON_COUNTS={counts}")
    alive, dying = [], []
    lab.warm(deadly)
    for _ in range(rounds(lab)):
        with first_index(lab, music, before=before) as first:
            alive.append(first.seconds)
        with first_index(lab, deadly, before=before, errors=count) as first:
            dying.append(first.seconds)
    each = (median(dying) - median(alive)) / count * 1e3
    table.at_most(f"first index in which {count} of {count + DEATH_FILES} files end their reader, each", f"{each:.2f} ms", "",
                  each, DEATH_MS, "ms")


# --- readers of the mount beside a scan ---

class Readers:
    """READERS that each read a file of metrics A_SECOND times a second, until they are stopped."""

    def __init__(self, lab):
        self.paths = [lab.mnt / "metrics" / name for name in sorted(os.listdir(lab.mnt / "metrics"))]
        self.taken, self.failed, self.ended = [], [], threading.Event()
        self.threads = [threading.Thread(target=self.read, args=(i,), daemon=True) for i in range(READERS)]
        for thread in self.threads:
            thread.start()

    def read(self, i):
        while not self.ended.wait(1 / A_SECOND):
            i += 1
            start = time.perf_counter()
            try:
                self.paths[i % len(self.paths)].read_bytes()
            except OSError as why:
                self.failed.append(why)
                return
            self.taken.append(time.perf_counter() - start)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def beside_readers(lab, music):
    """(files a second, seconds of each read)."""
    readers = []
    try:
        with first_index(lab, music, prepare=lambda: readers.append(Readers(lab))) as first:
            # a short scan has seen few of them
            time.sleep(READING_S)
            readers[0].stop()
    finally:
        for r in readers:
            r.stop()
    if readers[0].failed:
        raise CannotMeasure(f"metrics cannot be read beside a scan: {readers[0].failed[0]}")
    return first.rate, readers[0].taken


def measure_readers(lab, table):
    music, alone, beside, taken = library(lab), [], [], []
    lab.warm(music)
    for _ in range(rounds(lab)):
        alone.append(rate_of(lab, music))
        rate, times = beside_readers(lab, music)
        beside.append(rate)
        taken += times
    late = sorted(taken)[len(taken) * 99 // 100] * 1e3
    table.info(f"first index, files a second, beside {READERS} readers of metrics at {A_SECOND} Hz",
               f"{median(beside):.0f}", f"{median(alone):.0f}", median(beside) / median(alone))
    table.at_most(f"99 of 100 of their {len(taken)} reads are answered within", f"{late:.1f} ms", "", late, LATE_MS, "ms")


# --- what is read of a file ---

READ_CALL = re.compile(r"(pread64|preadv2?|read|readv|mmap)\((?:[^<]*?, )??(\d+)<([^>]+)>.*? = (\d+|0x)")


def traced(text, music):
    """{path: [reads, bytes]} of the files below @music; None when they are read in a way that strace does not see."""
    found = {}
    for line in text.splitlines():
        if "io_uring_setup(" in line:
            return None
        m = READ_CALL.search(line)
        if m and m[3].startswith(music):
            if m[1] == "mmap":
                return None
            count = found.setdefault(m[3], [0, 0])
            count[0] += 1
            count[1] += int(m[4])
    return found


def measure_reads(lab, table):
    music, trace = lab.library("music", TRACED[lab.quick]), lab.work / "strace"
    # a file for each thread: in one, calls of two threads cut each other in pieces
    before = ("strace", "-ff", "-qq", "-y", "--seccomp-bpf", "-s", "0", "-o", trace,
              "-e", "trace=read,pread64,readv,preadv,preadv2,mmap,io_uring_setup")
    with first_index(lab, music, before=before) as first:
        files = first.files
    text = ""
    for part in lab.work.glob(f"{trace.name}.*"):
        text += part.read_text(errors="surrogateescape")
        part.unlink()
    found = traced(text, str(music))
    if found is None:
        raise Skipped("files are mapped or read through io_uring, which strace does not show")
    sound = [count for path, count in found.items() if not path.endswith(".jpg")]
    within = sum(n <= READS and size <= READ_KIB << 10 for n, size in sound) * 100 / max(files, 1)
    table.at_least(f"of {files} files, read with at most {READS} preads and {READ_KIB} KiB", f"{within:.1f} %", "", within,
                   ORDINARY, "%")
    for what, i, unit in (("preads", 0, 1), ("KiB", 1, 1024)):
        values = sorted(count[i] / unit for count in sound)
        table.info(f"    {what} a file: mean; and of 100 files the middle one, the 90th, the last",
                   f"{sum(values) / len(values):.2f}",
                   " ".join(f"{values[min(len(values) * p // 100, len(values) - 1)]:.0f}" for p in (50, 90, 100)))
