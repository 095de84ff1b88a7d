# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexing: against MPD and against the floor, and what memory it takes."""
import time

from lab import CannotMeasure, Memory, median, run, seconds_of
from peer import Mpd

HEADER_BYTES = 8192
WARM_BYTES = 1 << 18
MEMORY_MB = 150


def floor(lab, music, *words):
    """Seconds that the least of programs takes."""
    mode, *size = words
    return float(run(lab.tool("floor"), mode, music, *size).split()[1])


def scan(lab, start):
    """(own seconds, seconds seen from outside, row of metrics/scan.json) of the scan that start() causes."""
    known = max((r["id"] for r in lab.read_json("metrics/scan.json")["runs"]), default=0)
    begin = time.perf_counter()
    start()
    row = lab.wait_run(known)
    return row["wall_seconds"], time.perf_counter() - begin, row


def index_once(lab, music, rescans, found):
    """One index from nothing, then rescans of what did not change; once, all names of the mount."""
    lab.forget()
    lab.configure(music)
    lab.mount()
    try:
        begin = time.perf_counter()
        lab.start_indexer()
        with Memory(lab.indexer.pid, lab.fs.pid) as memory, Memory(lab.indexer.pid, lab.fs.pid) as listed:
            row = lab.wait_run()
            found["outside"].append(time.perf_counter() - begin)
            found["first"].append(row["wall_seconds"])
            if row["errors"] or row["added"] != row["files"]:
                raise CannotMeasure(f"the first index was not one: {row}")
            for _ in range(rescans):
                seconds, _, row = scan(lab, lambda: lab.order("rescan", "all"))
                if row["unchanged"] != row["files"]:
                    raise CannotMeasure(f"a rescan found changes: {row}")
                found["again"].append(seconds)
            memory.stop()
            # every name there is, three times: by artist, by genre, by year
            if not found["names"]:
                found["names"].append(seconds_of("find", lab.mnt, "-ls"))
                found["memory listed"].append(listed)
        found["memory"].append(memory)
        found["files"] = row["files"]
    finally:
        lab.unmount()
        lab.stop_indexer()


def mpd_once(lab, music, rescans, found):
    with Mpd(lab.work) as mpd:
        mpd.serve(music)
        found["mpd first"].append(mpd.update())
        if mpd.songs() != found["files"]:
            raise CannotMeasure(f"MPD knows {mpd.songs()} songs, mediamon {found['files']}")
        found["mpd again"] += [mpd.update() for _ in range(rescans)]


def add_rows(table, found):
    n = found["files"]
    first, again = median(found["first"]), median(found["again"])
    rate = n / first
    table.at_least(f"first index of {n} files against MPD", f"{first:.2f} s ({rate:.0f}/s)",
                   f"{median(found['mpd first']):.2f} s", median(found["mpd first"]) / first, 6)
    table.info("the same, seen from outside", f"{median(found['outside']):.2f} s", f"{first:.2f} s",
               median(found["outside"]) / first)
    table.info(f"the same against the floor (open, read {HEADER_BYTES >> 10} KiB)", f"{first:.2f} s",
               f"{median(found['floor read']):.2f} s", first / median(found["floor read"]))
    table.at_least("unchanged rescan against MPD", f"{again:.3f} s", f"{median(found['mpd again']):.3f} s",
                   median(found["mpd again"]) / again, 3)
    table.info("unchanged rescan against the floor (statx)", f"{again:.3f} s",
               f"{median(found['floor stat']):.3f} s", again / median(found["floor stat"]))
    table.info("find -ls of the whole mount", f"{median(found['names']):.2f} s", "", None)
    for key, name in (("memory", "peak memory, indexed and scanned again"),
                      ("memory listed", "peak memory after the whole mount was listed")):
        memory = sorted(found[key], key=Memory.total)[len(found[key]) // 2]
        table.at_most(f"{name}, {len(memory.peaks)} processes", f"{memory.total() / 1e6:.1f} MB", "",
                      memory.total() / 1e6, MEMORY_MB, "MB")
        for size, words in sorted(memory.peaks.values(), reverse=True):
            table.info(f"    {words}", f"{size / 1e6:.1f} MB", "", None)


def measure(lab, table, music):
    rounds, rescans = (1, 3) if lab.quick else (3, 5)
    found = {key: [] for key in ("first", "outside", "again", "names", "memory", "memory listed", "mpd first",
                                 "mpd again", "floor read", "floor stat")}
    # everything that anybody reads is in memory from here on
    floor(lab, music, "read", WARM_BYTES)
    for _ in range(rounds):
        index_once(lab, music, rescans, found)
        mpd_once(lab, music, rescans, found)
        for _ in range(3):
            found["floor read"].append(floor(lab, music, "read", HEADER_BYTES))
            found["floor stat"].append(floor(lab, music, "stat"))
    add_rows(table, found)
