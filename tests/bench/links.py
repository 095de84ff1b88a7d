# SPDX-License-Identifier: GPL-3.0-or-later
"""Links into a mount of torrents: a million looked at, ten thousand changes taken back."""
import os
import re
import shutil

from lab import TOP, CannotMeasure, median, run

LINKS, TARGETS, DIRECTORIES = 1_000_000, 150_000, 50_000
QUICK_SHARE = 10
FIRST_S, AGAIN_S = 3, 2
UNDONE_A_SECOND = 1000
ROUNDS = 3


def made(name):
    """A program of this tree, for speed."""
    # what runs this may be make itself, with other words than these
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "O")}
    run("make", "-s", "-C", TOP, "RELEASE=1", f"build-release/{name}", env=clean)
    return TOP / "build-release" / name


def look(lab, program, links):
    """Seconds until all verdicts were durable: of a first look, of those with nothing changed; those of CPU of the first."""
    share = LINKS // links
    folder = lab.fast / f"links-{links}"
    folder.mkdir(parents=True, exist_ok=True)
    text = run(program, folder, links, DIRECTORIES // share, TARGETS // share, ROUNDS)
    shutil.rmtree(folder)
    rows = [line.split(maxsplit=5) for line in text.splitlines()]
    if len(rows) != 1 + ROUNDS or any(row[4] != "0" or not row[5].startswith(f"{links} links") for row in rows):
        raise CannotMeasure(f"not all links were seen: {text.strip()[:300]}")
    return float(rows[0][1]), median(float(row[1]) for row in rows[1:]), float(rows[0][3])


def undo():
    text = run(made("unit/repair_undo"))
    found = re.search(r"(\d+) links in \d+ folders undone: (\d+) a second", text)
    if not found:
        raise CannotMeasure("repair_undo does not tell how fast it was")
    return int(found[1]), int(found[2])


def measure(lab, table):
    links = LINKS // (QUICK_SHARE if lab.quick else 1)
    first, again, cpu = look(lab, made("bench/links"), links)
    table.at_most(f"first look at {links:,} links, verdicts durable ({cpu:.1f} s of CPU)", f"{first:.2f} s", "",
                  first, FIRST_S, "s")
    table.at_most(f"{links:,} links, nothing changed", f"{again:.2f} s", "", again, AGAIN_S, "s")
    n, speed = undo()
    table.at_least(f"{n:,} changes of links taken back", f"{speed:,} a second", "", speed, UNDONE_A_SECOND,
                   "a second")
