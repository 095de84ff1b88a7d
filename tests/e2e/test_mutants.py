# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged files of all formats beside good ones: each is read or listed with a reason, and the good ones are as
they are without them.  MUTANTS_ROUNDS: how many files; MUTANTS_SEED: others than usual."""
import os
import random
import struct

from harness import LONG

ROUNDS = int(os.environ.get("MUTANTS_ROUNDS", 100000 if LONG else 2000))
SEED = int(os.environ.get("MUTANTS_SEED", 20261122))
CHUNK = 5000
MUSIC = ("flac", "mp3", "ogg", "opus", "m4a")
ODD = (0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def flip(r, data, _):
    for _ in range(r.choice((1, 1, 2, 8, 64))):
        data[spot(r, data)] ^= 1 << r.randrange(8)
    return data


def truncate(r, data, _):
    return data[:r.choice((spot(r, data), r.randrange(len(data))))]


def length(r, data, _):
    """A number where one may stand, most of them at the start or (archives) at the end."""
    form = r.choice((">I", "<I", ">H", "<H", ">Q", "<Q", ">B"))
    number = struct.pack(form, r.choice(ODD) & (1 << 8 * struct.calcsize(form)) - 1)
    at = min(spot(r, data), len(data) - len(number))
    data[at:at + len(number)] = number
    return data


def splice(r, data, other):
    a, b = spot(r, data), spot(r, other)
    return data[:a] + other[b:b + r.choice((16, 400, 20000))] + data[a if r.random() < 0.5 else a + 400:]


def repeat(r, data, _):
    a = spot(r, data)
    return data[:a] + data[a:a + r.choice((4, 30, 1000))] * r.choice((2, 20, 200)) + data[a:]


def erase(r, data, _):
    a = spot(r, data)
    n = r.choice((1, 4, 100, 3000))
    data[a:a + n] = bytes(len(data[a:a + n])) if r.random() < 0.5 else b""
    return data


WAYS = (flip, truncate, length, splice, repeat, erase)


def spot(r, data):
    """Where structure stands: near the start or the end."""
    near = min(len(data), r.choice((64, 600, 6000, len(data))))
    at = r.randrange(near)
    return at if r.random() < 0.75 else len(data) - 1 - at


def mutant(r, seeds):
    kind = r.choice(sorted(seeds))
    data, other = (bytearray(r.choice(seeds[k])) for k in (kind, r.choice(sorted(seeds))))
    for _ in range(r.choice((1, 1, 2, 4))):
        data = r.choice(WAYS)(r, data, other) or bytearray(b"\0")
    # content wins over suffix: some bear another's name
    name = r.choice(sorted(seeds)) if r.random() < 0.05 else kind
    return name, bytes(data[:400000])


def smallest(paths, most=3):
    return [open(p, "rb").read() for p in sorted(paths, key=os.path.getsize)[:most]]


def errors(lab):
    return {item["path"]: item for item in lab.newest("status/errors.json")["items"]}


def good_rows(lab, good):
    rows = {**lab.export("tracks"), **lab.export("volumes")}
    return {path: rows[path] for path in good}


def test_mutants_are_read_or_listed_and_change_nothing_else(lab, corpus):
    tracks = [t.path for t in corpus.music(lab.music, 150, seed=5)]
    corpus.manga(lab.manga, 3, seed=5)
    volumes = [str(p) for p in lab.manga.rglob("*.cbz")]
    good = [*tracks, *volumes]
    seeds = {kind: smallest(p for p in tracks if p.lower().endswith("." + kind)) for kind in MUSIC}
    seeds = {kind: files for kind, files in {**seeds, "cbz": smallest(volumes)}.items() if files}
    assert seeds.keys() >= {"flac", "mp3", "cbz"}, "seeds of the most usual formats"
    lab.start()
    lab.wait_idle()
    pid, before, r = lab.indexer(), good_rows(lab, good), random.Random(SEED)
    for first in range(0, ROUNDS, CHUNK):
        paths = []
        for n in range(first, min(first + CHUNK, ROUNDS)):
            kind, data = mutant(r, seeds)
            folder = (lab.manga / f"Mutants {n % 7}") if kind == "cbz" else (lab.music / f"mutants {n % 7}")
            folder.mkdir(exist_ok=True)
            paths.append(folder / f"mutant {n}.{kind}")
            paths[-1].write_bytes(data)
        check(lab, {str(p) for p in paths}, pid)
        assert good_rows(lab, good) == before
        for path in paths:
            path.unlink()


def check(lab, paths, pid):
    def rows():
        lab.rescan("all")
        found = errors(lab)
        # a volume whose file is damaged is a row, too: its name tells what it is
        return found, lab.export("tracks").keys() | lab.export("volumes").keys() | found.keys()
    found, known = rows()
    while not paths <= known:
        # folders that were being written to come a little later
        more, now = rows()
        assert now > known or lab.newest("status/jobs.json")["running"] or paths <= now, f"neither read nor listed: {paths - now}"
        found, known = more, now
    assert lab.indexer() == pid
    assert all(item["reason"] and item["kind"] for item in found.values())
    ended = {p: item for p, item in found.items() if item["kind"] in ("crashed", "timeout", "memory")}
    assert not ended, f"these end their reader (MUTANTS_SEED={SEED}): {ended}"
    assert paths & found.keys(), "no mutant is damaged: the test tests nothing"
