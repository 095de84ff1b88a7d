# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures everything and prints the table."""
import os
import platform
import signal
import sys
import time

import links
import month
import reads
import scans
import watch
from lab import SHARED, CannotMeasure, Lab

MUSIC_FILES, MANGA_SERIES = 100_000, 10_000
QUICK_SHARE = 5
PARTS = ["index", "missing", "watch", "links", "month"]


class Table:
    """A row is printed as soon as it is known."""

    def __init__(self):
        self.missed = 0

    def row(self, figure, measured, against, ratio, bound, verdict):
        print(f"{figure:<72.72} {measured:>20} {against:>12} {ratio:>8} {bound:>10}  {verdict}", flush=True)

    def head(self):
        self.row("figure", "measured", "against", "ratio", "bound", "")

    def judge(self, figure, measured, against, value, is_ok, sign, bound, unit):
        self.missed += not is_ok
        ratio = f"{value:.2f}" if not unit else ""
        self.row(figure, measured, against, ratio, f"{sign} {bound:g} {unit}".strip(), "ok" if is_ok else "MISSED")

    def at_least(self, figure, measured, against, value, bound, unit=""):
        self.judge(figure, measured, against, value, value >= bound, "≥", bound, unit)

    def at_most(self, figure, measured, against, value, bound, unit=""):
        self.judge(figure, measured, against, value, value <= bound, "≤", bound, unit)

    def info(self, figure, measured, against, ratio):
        self.row(figure, measured, against, "" if ratio is None else f"{ratio:.2f}", "", "")


def machine():
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    return (f"machine: {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, "
            f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, load {os.getloadavg()[0]:.1f}")


def measure(quick, parts):
    share = QUICK_SHARE if quick else 1
    with Lab(quick) as lab:
        if "index" in parts:
            music = lab.library("music", MUSIC_FILES // share)
            manga = lab.library("manga", MANGA_SERIES // share, "-p", "1")
        table = Table()
        print(machine())
        table.head()
        if "index" in parts:
            scans.measure(lab, table, music)
            reads.measure(lab, table, music, manga)
        if "missing" in parts:
            reads.measure_missing(lab, table)
        if "watch" in parts:
            watch.measure(lab, table)
        if "links" in parts:
            links.measure(lab, table)
        if "month" in parts and not quick:
            month.measure(table)
        print(machine())
        print(f"{table.missed} bounds missed")


def on_signal(number, frame):
    raise SystemExit(128 + number)


def main(words):
    quick = words[:1] == ["quick"]
    parts = words[quick:] or PARTS
    if not set(parts) <= set(PARTS):
        print(f"usage: tests/bench/run [quick] [{' | '.join(PARTS)}]", file=sys.stderr)
        return 2
    given = "index" not in parts or all(os.environ.get(f"BENCH_{kind}") for kind in ("MUSIC", "MANGA"))
    if not given and not (SHARED / "corpus/gencorpus.c").exists():
        print(f"nothing is measured: {SHARED}/corpus/gencorpus.c is not there (set MEDIAMON_SHARED)")
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    start = time.monotonic()
    try:
        measure(quick, parts)
    except CannotMeasure as why:
        print(f"cannot measure: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
