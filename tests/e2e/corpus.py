# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees by the generator of the shared corpus, and what its manifest says of them."""
import fcntl
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import ROOT

SHARED = Path(os.environ.get("MEDIAMON_SHARED", ROOT.parent / "shared"))
CHAPTERS = 11
MUSIC = ("path", "format", "artist", "album_artist", "album", "title", "track", "disc", "year", "genre", "picture")
NUMBERS = ("track", "disc", "year", "picture")


def numbers(text):
    return [float(v) if "." in v else int(v) for v in text.split(",") if v]


def rows(manifest):
    for part in sorted(manifest.parent.glob(manifest.name + ".*")):
        for line in part.read_text().splitlines():
            yield line.split("\t")


def track_of(fields):
    row = dict(zip(MUSIC, fields))
    row.update({key: int(row[key]) for key in NUMBERS})
    return SimpleNamespace(**row)


def series_of(fields):
    name, convention, comicinfo, owned, missing = fields
    return SimpleNamespace(name=name, is_chapters=int(convention) == CHAPTERS, comicinfo=comicinfo == "1",
                           owned=numbers(owned), missing=numbers(missing))


class Corpus:
    """One a session, in @cache; several test processes share it."""

    def __init__(self, cache):
        self.cache = Path(cache)
        self.source, self.seeds = SHARED / "corpus/gencorpus.c", SHARED / "corpus/seeds"
        if not self.source.exists():
            pytest.skip(f"{self.source} is not there (set MEDIAMON_SHARED)")
        self.program = self.cache / "gencorpus"
        self.once(self.program, lambda to: subprocess.run(
            ["cc", "-O2", "-w", "-o", to, self.source, "-lz"], check=True))

    def once(self, path, make):
        """Makes @path if no other process did."""
        with open(self.cache / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                new = path.with_name(path.name + ".new")
                make(new)
                new.rename(path)

    def generate(self, kind, to, n, seed, manifest):
        subprocess.run([self.program, kind, "-o", to, "-n", str(n), "-s", self.seeds, "-S", str(seed),
                        "-m", manifest], check=True)

    def music(self, to, n, seed=1):
        """Fills the folder; returns the rows of the manifest."""
        manifest = self.cache / f"manifest-{os.getpid()}-music"
        self.generate("music", to, n, seed, manifest)
        return [track_of(r) for r in rows(manifest)]

    def manga(self, to, n, seed=1):
        manifest = self.cache / f"manifest-{os.getpid()}-manga"
        self.generate("manga", to, n, seed, manifest)
        return [series_of(r) for r in rows(manifest)]

    def library(self):
        """10,000 tracks and 300 series, made once and only read."""
        folder = self.cache / "library"

        def make(new):
            new.mkdir()
            # paths in the manifest are those of the final place
            for kind, n in (("music", 10000), ("manga", 300)):
                self.generate(kind, new / kind, n, 1, new / f"{kind}.tsv")
        self.once(folder, make)
        tracks = [track_of(r) for r in rows(folder / "music.tsv")]
        for t in tracks:
            t.path = t.path.replace(str(folder) + ".new", str(folder), 1)
        return SimpleNamespace(music=folder / "music", manga=folder / "manga", tracks=tracks,
                               series=[series_of(r) for r in rows(folder / "manga.tsv")])
