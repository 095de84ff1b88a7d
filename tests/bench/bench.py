# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures everything and prints the table."""
import os
import platform
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import costs
import growth
import links
import month
import mount
import pages
import peers
import scans
import table as tables
import watch
from lab import TOP, CannotMeasure, Lab, Skipped


@dataclass
class Part:
    name: str
    measure: Callable
    is_quick: bool = True


PARTS = [
    Part("scan", scans.measure),
    Part("cold", scans.measure_cold),
    Part("onecore", costs.measure_one_core),
    Part("sandbox", costs.measure_sandbox),
    Part("deaths", costs.measure_deaths),
    Part("raspberry", scans.measure_raspberry),
    Part("readers", costs.measure_readers),
    Part("reads", costs.measure_reads),
    Part("growth", growth.measure),
    Part("mount", mount.measure),
    Part("missing", mount.measure_missing),
    Part("pages", pages.measure),
    Part("watch", watch.measure),
    Part("links", links.measure),
    Part("month", lambda lab, table: month.measure(table), is_quick=False),
]
USAGE = f"usage: tests/bench/run [quick] [PART…] | readme | remove\nparts: {' '.join(p.name for p in PARTS)}"
NOISE_LOOPS = 30
#: nothing more is begun then when it is quick, which is to end within two minutes
QUICK_S = 95


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine(kind):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores ({processor()}), {memory:.0f} GiB, {kind}, Linux {platform.release()}"


def now():
    return f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, load {os.getloadavg()[0]:.1f}"


def stolen():
    """(time that others took of this virtual machine, all time)."""
    times = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return times[7], sum(times)


def noise(before):
    """How far a loop that always does the same is from doing it in the same time; and what was stolen since @before."""
    taken = []
    for _ in range(NOISE_LOOPS):
        start = time.perf_counter()
        sum(range(500_000))
        taken.append((time.perf_counter() - start) * 1e3)
    taken.sort()
    steal, all_time = (now - then for now, then in zip(stolen(), before))
    return (f"noise: the same loop takes {taken[0]:.1f} to {taken[-1]:.1f} ms, half of the time at most "
            f"{taken[len(taken) // 2]:.1f}; {steal * 100 / max(all_time, 1):.1f} % of the processor was taken by others")


def kept_file(lab_work, quick):
    return lab_work / f"rows{'-quick' if quick else ''}.json"


def measure_part(lab, table, part):
    """False when it could not be measured."""
    start = time.monotonic()
    print(f"--- {part.name} ({now()})", flush=True)
    table.begin(part.name, machine(lab.kind), now())
    try:
        if lab.quick and start > lab.start + QUICK_S:
            raise Skipped("two minutes are nearly over: tests/bench/run quick " + part.name)
        part.measure(lab, table)
    except Skipped as why:
        table.skip(part.name, why)
    except CannotMeasure as why:
        print(f"cannot measure {part.name}: {why}", file=sys.stderr, flush=True)
        table.skip(part.name, "failed")
        return False
    finally:
        lab.close()
        lab.forget()
    table.keep()
    print(f"    {part.name} took {time.monotonic() - start:.0f} s", flush=True)
    return True


def measure(quick, parts):
    with Lab(quick) as lab:
        table, before = tables.Table(kept_file(lab.work, quick)), stolen()
        print(f"machine: {machine(lab.kind)}\n{now()}")
        print(f"peers: {peers.versions()}")
        table.head()
        failed = [part.name for part in parts if not measure_part(lab, table, part)]
        last = noise(before)
        table.kept["remarks"] = [last, f"Peers: {peers.versions()}"] + lab.remarks
        table.keep()
        print(f"{now()}\n{last}")
    print(f"{table.missed} bounds missed" + (f", not measured: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def on_signal(number, frame):
    raise SystemExit(128 + number)


def readme():
    table = tables.Table(kept_file(Lab(False).work, False))
    if not table.kept["parts"]:
        print("nothing has been measured: tests/bench/run", file=sys.stderr)
        return 1
    if not tables.write_readme(TOP / "README.md", table.kept, "make bench"):
        print("README.md has no place for the table", file=sys.stderr)
        return 1
    return 0


def main(words):
    quick = words[:1] == ["quick"]
    names = words[quick:]
    if words == ["readme"]:
        return readme()
    if words == ["remove"]:
        shutil.rmtree(Lab(False).work, ignore_errors=True)
        return 0
    if not set(names) <= {part.name for part in PARTS}:
        print(USAGE, file=sys.stderr)
        return 2
    parts = [p for p in PARTS if p.name in names or not names and (p.is_quick or not quick)]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    start = time.monotonic()
    try:
        status = measure(quick, parts)
    except CannotMeasure as why:
        print(f"cannot measure: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{time.monotonic() - start:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
