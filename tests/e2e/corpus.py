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
#: libraries are so many times smaller: a machine that is so much faster sees the same
SMALL = int(os.environ.get("MEDIAMON_SMALL", 1))
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
        """10,000 tracks and 300 series, made once and only read; with all files in .files."""
        folder = self.cache / "library"

        def make(new):
            new.mkdir()
            # paths in the manifest are those of the final place
            for kind, n in (("music", 10000 // SMALL), ("manga", 300 // SMALL)):
                self.generate(kind, new / kind, n, 1, new / f"{kind}.tsv")
        self.once(folder, make)
        tracks = [track_of(r) for r in rows(folder / "music.tsv")]
        for t in tracks:
            t.path = t.path.replace(str(folder) + ".new", str(folder), 1)
        series = [series_of(r) for r in rows(folder / "manga.tsv")]
        return SimpleNamespace(music=folder / "music", manga=folder / "manga", tracks=tracks, series=series,
                               files=len(tracks) + sum(len(s.owned) for s in series))


# --- single files, each with its own title ---

def block(number, body, is_last=False):
    return bytes([number | 0x80 * is_last]) + len(body).to_bytes(3, "big") + body


def blocks(data):
    """(number, body) of each block of a FLAC file, and where the sound begins."""
    found, at, is_last = [], 4, False
    while not is_last:
        is_last, size = data[at] & 0x80, int.from_bytes(data[at + 1:at + 4], "big")
        found.append((data[at] & 0x7f, data[at + 4:at + 4 + size]))
        at += 4 + size
    return found, at


class Pieces:
    """Small real files, made in memory: the sound of a seed behind tags of our own."""

    def __init__(self, seeds=SHARED / "corpus/seeds"):
        flac = (seeds / "flac_c_1.flac").read_bytes()
        found, at = blocks(flac)
        self.head, self.sound = next(body for number, body in found if number == 0), flac[at:]
        mp3 = (seeds / "mp3_cbr128_1.mp3").read_bytes()
        start = 10 + sum((b & 0x7f) << 7 * (3 - i) for i, b in enumerate(mp3[6:10])) if mp3[:3] == b"ID3" else 0
        self.frames = mp3[start:]

    def flac(self, title, artist="Artist", album="Album", track=1, fill=0):
        """@fill: bytes of padding in front of the sound."""
        lines = [f"{key}={value}".encode() for key, value in (
            ("TITLE", title), ("ARTIST", artist), ("ALBUM", album), ("TRACKNUMBER", track))]
        tags = bytes(4) + len(lines).to_bytes(4, "little") + b"".join(
            len(line).to_bytes(4, "little") + line for line in lines)
        return b"fLaC" + block(0, self.head) + block(4, tags) + block(1, bytes(fill), True) + self.sound

    def mp3(self, title, artist="Artist", album="Album", track=1):
        body = b"".join(key + (len(text) + 1).to_bytes(4, "big") + b"\0\0\3" + text for key, text in (
            (b"TIT2", title.encode()), (b"TPE1", artist.encode()), (b"TALB", album.encode()),
            (b"TRCK", str(track).encode())))
        size = bytes(len(body) >> shift & 0x7f for shift in (21, 14, 7, 0))
        return b"ID3\4\0\0" + size + body + self.frames

    def make(self, suffix, *words, **more):
        return getattr(self, suffix)(*words, **more)
