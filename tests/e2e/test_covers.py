# SPDX-License-Identifier: GPL-3.0-or-later
"""Covers: a small picture of each series' lowest volume, which comes after a scan and follows what becomes of its file."""
import io
import os
import struct
import subprocess
import tarfile
import zipfile
import zlib

import pytest

from harness import until

LONG_S = 60
QUICK = 'scan { quiet = "100ms" }\n'


def png(colour, width=300, height=400, depth=8):
    """A picture of one colour, (r, g, b)."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    sample = bytes(colour) if depth == 8 else b"".join(bytes([c, c]) for c in colour)
    rows = (b"\0" + sample * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


RED, GREEN, BLUE, GREY = (220, 20, 20), (20, 200, 20), (20, 20, 220), (128, 128, 128)


def cbz(path, pages):
    """A volume of {name: bytes}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as z:
        for name, data in pages.items():
            z.writestr(name, data)
    part.rename(path)
    return path


def pixels(jpeg):
    """(width, height, the colour in the middle), by another program."""
    r = subprocess.run(["ffmpeg", "-v", "error", "-f", "jpeg_pipe", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                       input=jpeg, stdout=subprocess.PIPE, check=True)
    probe = subprocess.run(["ffprobe", "-v", "error", "-f", "jpeg_pipe", "-show_entries", "stream=width,height", "-of",
                            "csv=p=0", "-"], input=jpeg, stdout=subprocess.PIPE, check=True)
    width, height = map(int, probe.stdout.decode().strip().split(",")[:2])
    at = (height // 2 * width + width // 2) * 3
    return width, height, tuple(r.stdout[at:at + 3])


def is_colour(jpeg, colour):
    width, height, seen = pixels(jpeg)
    assert width <= 240 and height <= 340 and len(jpeg) <= 16 << 10
    return all(abs(a - b) < 24 for a, b in zip(seen, colour))


def cover(lab, series):
    try:
        return lab.read(f"manga/{series}/cover.jpg")
    except FileNotFoundError:
        return None


def wait_cover(lab, series, colour):
    """Until there is one of that colour; its bytes."""
    def shown():
        jpeg = cover(lab, series)
        return jpeg if jpeg and is_colour(jpeg, colour) else None
    return until(shown, LONG_S, lambda: f"a cover of {series}: {lab.indexer_log()}", pause=0.1)


def start(lab):
    lab.start()
    lab.wait_idle()


def test_follows_the_lowest_volume(lab):
    """A cover comes after the scan; a lower volume, another file, a file that goes: the cover follows, and nothing else of
    the series, and of other series, becomes another file."""
    lab.configure(extra=QUICK)
    cbz(lab.manga / "Akira" / "Akira v02.cbz", {"001.png": png(RED), "002.png": png(BLUE)})
    cbz(lab.manga / "Dune" / "Dune v01.cbz", {"01.png": png(GREY, 200, 300)})
    cbz(lab.manga / "Empty" / "Empty v01.cbz", {"01.jpg": b"no picture"})
    start(lab)
    wait_cover(lab, "Akira", RED)
    jpeg = wait_cover(lab, "Dune", GREY)
    assert pixels(jpeg)[:2] == (200, 300)
    assert "cover.jpg" in lab.listing("manga/Akira") and "cover.jpg" not in lab.listing("manga/Empty")
    assert cover(lab, "Empty") is None
    info = os.stat(lab.mnt / "manga/Dune/info.json"), lab.read("manga/Dune/info.json")
    other = os.stat(lab.mnt / "manga/Dune/cover.jpg")
    cbz(lab.manga / "Akira" / "Akira v01.cbz", {"1.png": png(GREEN)})
    wait_cover(lab, "Akira", GREEN)
    cbz(lab.manga / "Akira" / "Akira v01.cbz", {"1.png": png(BLUE), "2.png": png(RED)})
    wait_cover(lab, "Akira", BLUE)
    (lab.manga / "Akira" / "Akira v01.cbz").unlink()
    wait_cover(lab, "Akira", RED)
    assert (os.stat(lab.mnt / "manga/Dune/info.json"), lab.read("manga/Dune/info.json")) == info
    assert os.stat(lab.mnt / "manga/Dune/cover.jpg").st_mtime_ns == other.st_mtime_ns
