# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a file cost the same in a library of any size?  Time and memory from a thousand to a million tracks."""
from lab import median
from scans import MEMORY_MB, RESCAN, add_database, add_memory, database_bytes, first_index, unchanged

#: files: (rounds, MB that all processes may have)
SIZES = {1000: (5, None), 10_000: (5, None), 100_000: (3, MEMORY_MB), 1_000_000: (1, 256)}
QUICK_SIZES = {1000: (3, None), 10_000: (1, None)}
FLAT = 1.2


class Size:
    def __init__(self, lab, files, rounds):
        self.files, self.firsts, self.again, self.walk, self.database = files, [], [], [], 0
        music = lab.tracks(files)
        lab.warm(music)
        for _ in range(rounds):
            with first_index(lab, music, sampled=True) as first:
                self.again += [unchanged(lab) for _ in range(3)]
                self.firsts.append(first)
            self.walk += [lab.floor(music, "stat") for _ in range(3)]
        self.database = database_bytes(lab) / files

    def first(self):
        return median([f.seconds for f in self.firsts]) / self.files

    def rescan(self):
        return median(self.again) / self.files

    def memory(self):
        return median([f.memory.total() for f in self.firsts]) / self.files


#: what must stay flat, its unit, digits behind the point, how many of the unit are one
COSTS = [("first index", Size.first, "µs", 2, 1e6), ("unchanged rescan", Size.rescan, "µs", 2, 1e6),
         ("peak memory", Size.memory, "B", 0, 1)]


def add_costs(table, before, size):
    for what, cost, unit, digits, share in COSTS:
        now = cost(size) * share
        words = f"growth: {what}, a file of {size.files}", f"{now:.{digits}f} {unit}"
        if before:
            then = cost(before) * share
            table.at_most(f"{words[0]}, against {before.files}", words[1], f"{then:.{digits}f} {unit}", now / then, FLAT)
        else:
            table.info(*words)


def add_size(table, before, size, most_mb):
    add_costs(table, before, size)
    if before:
        more = (size.memory() * size.files - before.memory() * before.files) / (size.files - before.files)
        table.info(f"    memory for each file more than {before.files}", f"{more:.0f} B")
    add_database(table, size.database, size.files)
    if most_mb:
        again, walk = median(size.again), median(size.walk)
        add_memory(table, [f.memory for f in size.firsts], f"peak memory at {size.files} files", most_mb)
        table.at_most(f"unchanged rescan of {size.files} files against a walk with statx", f"{again:.3f} s",
                      f"{walk:.3f} s", again / walk, RESCAN)


def measure(lab, table):
    before = None
    for files, (rounds, most_mb) in (QUICK_SIZES if lab.quick else SIZES).items():
        size = Size(lab, files, rounds)
        add_size(table, before, size, most_mb)
        before = size
