# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the mount: small files, big folders, the start, and what is behind each view."""
import os
import shutil
import subprocess
import time
import zipfile

from lab import CannotMeasure, end, median, run, seconds_of, unmount, until, is_mounted
from scans import library

CPU = max(os.sched_getaffinity(0))
QUERY_S = 0.1
START_S = 0.3
GAPS_S = 0.05
MISSING_S = 0.02
SERIES, QUICK_SERIES = 10_000, 500
QUIET_FILE, CHANGED_FILE = "status/errors", "control/last"


def pin(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {CPU})


def loop(lab, count, path, *how):
    """Median microseconds of open, read, close."""
    return int(run(lab.tool("loop"), CPU, count, path, *how)) / 1000


def small_files(lab, table):
    # as deep in the tree as the mount
    copy = lab.fast / "mnt" / QUIET_FILE
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes((lab.mnt / QUIET_FILE).read_bytes())
    ours, theirs = [], []
    for _ in range(3):
        ours.append(loop(lab, 20000, lab.mnt / QUIET_FILE))
        theirs.append(loop(lab, 20000, copy))
    table.at_most(f"read {QUIET_FILE}, unchanged, against tmpfs", f"{median(ours):.2f} µs",
                  f"{median(theirs):.2f} µs", median(ours) / median(theirs), 2)


def smallest_filesystem(lab, count):
    """Microseconds to read a file that changed, in minfs."""
    mnt = lab.work / "mnt-min"
    unmount(mnt)
    mnt.mkdir(exist_ok=True)
    process = subprocess.Popen([lab.tool("minfs"), mnt], stdin=subprocess.DEVNULL)
    try:
        until(lambda: is_mounted(mnt), "the smallest filesystem", 10)
        pin(process.pid)
        return loop(lab, count, mnt / "f", "signal", process.pid)
    finally:
        unmount(mnt, process)


def changed_file(lab, table):
    count = 100 if lab.quick else 400
    order = ("order", lab.mnt / "control/log-level", "warning", "error")
    pin(lab.fs.pid)
    ours, theirs = [], []
    for _ in range(3):
        ours.append(loop(lab, count, lab.mnt / CHANGED_FILE, *order))
        theirs.append(smallest_filesystem(lab, count))
    table.at_most(f"read {CHANGED_FILE}, changed, against the smallest filesystem", f"{median(ours):.1f} µs",
                  f"{median(theirs):.1f} µs", median(ours) / median(theirs), 3)


def same_names(folder, names):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        os.mkdir(folder / name)
    return folder


def big_folder(lab, table):
    rounds = 3 if lab.quick else 5
    names = os.listdir(lab.mnt / "manga")
    disk, fast = same_names(lab.work / "names", names), same_names(lab.fast / "names", names)
    first, again, on_disk, on_tmpfs = [], [], [], []
    for _ in range(rounds):
        lab.unmount()
        lab.mount()
        first.append(seconds_of("ls", "-l", lab.mnt / "manga"))
        again.append(seconds_of("ls", "-l", lab.mnt / "manga"))
        on_disk.append(seconds_of("ls", "-l", disk))
        on_tmpfs.append(seconds_of("ls", "-l", fast))
    shutil.rmtree(disk)
    for name, ours, theirs, peer, bound in (("first time", first, on_disk, lab.kind, 4),
                                            ("again", again, on_tmpfs, "tmpfs", 2)):
        table.at_most(f"ls -l of {len(names)} series, {name}, against {peer}", f"{median(ours) * 1e3:.1f} ms",
                      f"{median(theirs) * 1e3:.1f} ms", median(ours) / median(theirs), bound)


def start(lab, table):
    taken = []
    for _ in range(3 if lab.quick else 5):
        lab.unmount()
        lab.stop_indexer()
        begin = seconds_of(lab.mediamon, lab.conf, lab.mnt)
        taken.append(begin + seconds_of("cat", lab.mnt / "status/summary"))
        until(lab.indexer_pid, "the indexer that the mount starts", 10)
        unmount(lab.mnt)
        lab.stop_indexer()
    table.at_most("start to the first answered read", f"{median(taken) * 1e3:.0f} ms", "", median(taken) * 1e3,
                  START_S * 1e3, "ms")


# --- queries ---

def spread(names, n=5):
    """Some of them, from the first to the last."""
    names = sorted(names)
    return [names[i * (len(names) - 1) // max(n - 1, 1)] for i in range(min(n, len(names)))]


def album_files(lab):
    for artist in spread(os.listdir(lab.mnt / "music/artists")):
        for album in spread(os.listdir(lab.mnt / "music/artists" / artist), 1):
            yield f"music/artists/{artist}/{album}/album.json"


def groups(lab):
    """What is behind each kind of view."""
    for folder in ("status", "metrics"):
        yield f"{folder}/*", [f"{folder}/{name}" for name in sorted(os.listdir(lab.mnt / folder))]
    yield "album.json", list(album_files(lab))
    yield "info.json", [f"manga/{name}/info.json" for name in spread(os.listdir(lab.mnt / "manga"))]
    lists = [f"music/{name}" for name in os.listdir(lab.mnt / "music")]
    yield "a listing", ["manga", *lists, *(f"{path}/{spread(os.listdir(lab.mnt / path), 1)[0]}" for path in lists)]


def queries(lab, table):
    rounds = 3 if lab.quick else 7
    for name, paths in groups(lab):
        if not paths:
            raise CannotMeasure(f"there is no {name}")
        taken = {}
        for path in paths:
            times = [seconds_of(lab.mediamon, "dump", path, "--config", lab.conf) for _ in range(rounds)]
            taken[path] = median(times) * 1e3
        slowest = sorted(taken, key=taken.get, reverse=True)
        late = [path for path in slowest if taken[path] >= QUERY_S * 1e3]
        for path in late or slowest[:1]:
            table.at_most(f"dump {name}: slowest of {len(paths)}: {path[:40]}", f"{taken[path]:.1f} ms", "",
                          taken[path], QUERY_S * 1e3, "ms")


def gaps(lab, table):
    """What is missing of all series, worked out anew; the store is not in it."""
    series, volumes, rounds = 10000, 30, 3 if lab.quick else 7
    lines = run(lab.tool("gaps"), series, volumes, rounds).splitlines()
    taken = median([int(line.split()[0]) for line in lines]) / 1e6
    table.at_most(f"{lines[0].split()[1]} gaps of {series} series with {volumes} volumes", f"{taken:.1f} ms", "", taken,
                  GAPS_S * 1e3, "ms")


def gapped_library(lab, series, missing):
    """Of each series the first volume and, behind as many as are @missing, the last."""
    syllables = "ka mi to re no su ha ji yo wa".split()

    def make(new):
        for i in range(series):
            name = "".join(syllables[i // 10 ** k % 10] for k in range(3)).title() + " no Monogatari"
            (new / name).mkdir(parents=True)
            for volume in (1, missing + 2):
                with zipfile.ZipFile(new / name / f"{name} T{volume:02}.cbz", "w") as comic:
                    comic.writestr("001.jpg", b"\xff\xd8\xff\xe0 a page")

    return lab.made(f"gapped-{series}-{missing}", make, series * 16384)


def rendered_anew(lab, path, switch, words):
    """Seconds of cat once what it shows has changed, because @words, in turn, were written to @switch."""
    shown, before, end = lab.fast / "shown", None, time.monotonic() + 60
    while time.monotonic() < end:
        taken = seconds_of("cat", lab.mnt / path, to=shown)
        text = shown.read_bytes()
        if before not in (None, text):
            yield taken
        if text != before:
            before, words = text, words[::-1]
            switch.write_text(words[0])
        time.sleep(0.05)
    raise CannotMeasure(f"{path} did not change")


def missing_volumes(lab, table):
    rounds = 15 if lab.quick else 41
    switch = lab.mnt / "manga" / os.listdir(lab.mnt / "manga")[0] / "monitor"
    taken = {}
    for path in ("status/missing", "status/missing.json"):
        again = rendered_anew(lab, path, switch, ("on", "off"))
        taken[path] = median([next(again) for _ in range(rounds)]) * 1e3
    text, json = taken.values()
    rows = f"{lab.read_json('status/missing.json')['count']} rows, rendered anew"
    table.at_most(f"cat status/missing, {rows}", f"{text:.1f} ms", "", text, MISSING_S * 1e3, "ms")
    table.info(f"cat status/missing.json, {rows}", f"{json:.1f} ms", "", None)


def measure_missing(lab, table):
    """With a library of its own, of which most is missing."""
    lab.forget()
    lab.configure(same_names(lab.work / "no-music", []), gapped_library(lab, 1000, 10))
    lab.mount()
    lab.start_indexer()
    lab.wait_run(max((r["id"] for r in lab.read_json("metrics/scan.json")["runs"]), default=0))
    missing_volumes(lab, table)
    lab.close()
    lab.forget()


def measure(lab, table):
    """With music and manga indexed."""
    manga = lab.library("manga", QUICK_SERIES if lab.quick else SERIES)
    lab.forget()
    lab.configure(library(lab), manga)
    lab.mount()
    lab.start_indexer()
    row = lab.wait_run()
    table.info(f"first index of {row['files']} files, music and comics", f"{row['wall_seconds']:.2f} s")
    gaps(lab, table)
    small_files(lab, table)
    queries(lab, table)
    changed_file(lab, table)
    big_folder(lab, table)
    start(lab, table)
