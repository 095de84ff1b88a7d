# SPDX-License-Identifier: GPL-3.0-or-later
"""A month of searching, simulated: tests/unit/search_sim.c with its large numbers, which needs no library."""
import os
import re

from lab import TOP, CannotMeasure, run

QUERIES_A_DAY = 100


def number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise CannotMeasure(f"the month does not tell {pattern!r}")
    return float(found.group(1))


def measure(table):
    run("make", "-s", "-C", TOP, "RELEASE=1", "build-release/unit/search_sim")
    text = run(TOP / "build-release/unit/search_sim", env=dict(os.environ, LONG="1"))
    names = "a quiet month", "outages, restarts, clock steps", "15 times the posts"
    for name, part in zip(names, text.split(" missing volumes in ")[1:]):
        wanted = number(r"(\d+) provable", part)
        share = number(r"within an hour (\d+)", part) * 100 / wanted
        theirs = number(r"in a day: (\d+) queries", part), number(r"within an hour ([0-9.]+) %", part)
        most = number(r"most (\d+)", part)
        table.at_most(f"{name}: most queries in a day", f"{most:.0f}", f"{theirs[0]:.0f}", most, QUERIES_A_DAY, "a day")
        table.at_least(f"{name}: of {wanted:.0f} finds known within the hour", f"{share:.2f} %", f"{theirs[1]:.1f} %",
                       share, 100, "%")
        refused, theirs_refused = number(r"refused (\d+)", part), number(r"(\d+) of them refused", part)
        table.at_most(f"{name}: refused queries", f"{refused:.0f}", f"{theirs_refused:.0f}",
                      refused, 0, "refused")
