# SPDX-License-Identifier: GPL-3.0-or-later
"""What readers of a large library wait for: status/missing.json, the dashboard, plots of a year."""
import contextlib
import os
import re
import sqlite3
import time

from lab import CannotMeasure, median, run, until
from links import made

SERIES, VOLUMES, QUICK_SHARE, ROUNDS = 2000, 50, 20, 7
JSON_MS, PAGE_MS, PLOT_MS, JSON_MIB = 60, 50, 30, 64


def fill(lab, series):
    """Missing volumes as no small library has them, put in beside the indexer, which has ended."""
    with contextlib.closing(sqlite3.connect(next(lab.state.glob("*.db")))) as db, db:
        now = time.time_ns()
        names = [f"A Series of Some Length {i}" for i in range(series)]
        db.executemany("INSERT INTO series(id, key, title, shown, shown_key, version, at) VALUES(?, ?, ?, ?, ?, 1, ?)",
                       [(i + 1, f"s{i}", n, n, n.lower(), now) for i, n in enumerate(names)])
        db.executemany("INSERT INTO missing(series_id, volume, kind, state, since) VALUES(?, ?, 'interior', 'wanted', ?)",
                       [(i + 1, v + 1, now) for i in range(series) for v in range(VOLUMES)])
        db.execute("UPDATE topic SET version = version + 1")


def dumped(lab, path):
    """(milliseconds, MiB) of a process that renders it, from its start to its end: the middle one of several."""
    taken, most = [], 0
    for _ in range(ROUNDS):
        words = [lab.mediamon, "dump", path, "--config", str(lab.conf)]
        start = time.perf_counter()
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status, used = os.wait4(pid, 0)
        if status:
            raise CannotMeasure(f"dump {path}: status {status}")
        taken.append(time.perf_counter() - start)
        most = max(most, used.ru_maxrss / 1024)
    return median(taken) * 1e3, most


def plots(table, quick):
    text = run(made("unit/plots"), env=os.environ | ({} if quick else {"LONG": "1"}))
    found = re.findall(r"^(\S+) +([0-9.]+) ms +\d+ bytes", text, re.MULTILINE)
    if found:
        name, slowest = max(found, key=lambda row: float(row[1]))
        table.at_most(f"the slowest of {len(found)} plots of a year, {name}", f"{float(slowest):.1f} ms", "", float(slowest),
                      PLOT_MS, "ms")


def measure(lab, table):
    series = SERIES // (QUICK_SHARE if lab.quick else 1)
    music = lab.work / "no-music"
    music.mkdir(exist_ok=True)
    lab.forget()
    lab.configure(music)
    lab.start_indexer()
    until(lambda: list(lab.state.glob("*.db")) and lab.indexer_pid(), "the indexer")
    lab.stop_indexer()
    fill(lab, series)
    start, _ = dumped(lab, "status/generation")
    rows = f"{series * VOLUMES:,} missing volumes"
    json, memory = dumped(lab, "status/missing.json")
    page, _ = dumped(lab, "dashboard.html")
    table.at_most(f"status/missing.json, {rows}, as a process ({start:.1f} ms of it its start)", f"{json:.1f} ms", "", json,
                  JSON_MS, "ms")
    table.at_most("    most memory of it", f"{memory:.1f} MiB", "", memory, JSON_MIB, "MiB")
    table.at_most(f"dashboard.html, {rows}, as a process", f"{page:.1f} ms", "", page, PAGE_MS, "ms")
    plots(table, lab.quick)
    lab.close()
    lab.forget()
