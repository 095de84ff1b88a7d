#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a small demo library of real FLAC, MP3 and CBZ files: demo.py DIR

Needs nothing but Python: the audio is silence, written by hand (a FLAC frame of constant
subframes, MP3 frames without a signal), the pages are small PNG pictures.
"""
import os
import struct
import sys
import zipfile
import zlib

ALBUMS = [
    ("Ada Quartet", "First Light", 2019, "Jazz", "flac",
     ["Dawn", "Harbour", "Slow Train", "Evening"]),
    ("Ada Quartet", "Second Wind", 2022, "Jazz", "flac", ["Gale", "Calm", "Leaves"]),
    ("Les Marées", "L’Été à Paris", 2004, "Chanson", "mp3", ["Ça ira", "Le Pont", "Août"]),
    ("東京食堂", "夜の図書館", 2016, "J-Pop", "mp3", ["序", "雨の音", "花火"]),
]
SERIES = [
    ("Lantern Street", "{s} v{v:02d}.cbz", [1, 2, 4, 5]),
    ("Le Jardin d’Acier", "{s} - Tome {v}.cbz", [1, 2, 3]),
    ("銀の海", "{s} 第{v}巻.cbz", [1, 3]),
]


def crc(data, poly, bits):
    """The CRCs of FLAC: of a frame's header (8 bits) and of the frame (16 bits)."""
    top, mask, value = 1 << (bits - 1), (1 << bits) - 1, 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ poly if value & top else value << 1) & mask
    return value


def flac(tags, seconds=2):
    rate, block = 44100, 4096
    frames = seconds * rate // block
    total = frames * block
    info = struct.pack(">HH", block, block) + b"\0" * 6
    info += struct.pack(">Q", rate << 44 | 1 << 41 | 15 << 36 | total) + b"\0" * 16
    vendor = b"mediamon demo"
    comment = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(tags))
    for key, value in tags:
        text = f"{key}={value}".encode()
        comment += struct.pack("<I", len(text)) + text
    out = b"fLaC" + b"\0" + struct.pack(">I", len(info))[1:] + info
    out += b"\x84" + struct.pack(">I", len(comment))[1:] + comment
    for n in range(frames):
        head = b"\xff\xf8\xc9\x18" + bytes([n])
        head += bytes([crc(head, 0x07, 8)])
        body = head + b"\0\0\0" * 2
        out += body + struct.pack(">H", crc(body, 0x8005, 16))
    return out


def mp3(tags, seconds=2):
    frames = b""
    for key, value in tags:
        text = b"\x01" + value.encode("utf-16")
        frames += key.encode() + struct.pack(">IH", len(text), 0) + text
    size = len(frames)
    sync = bytes(size >> s & 127 for s in (21, 14, 7, 0))
    # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, stereo: 417 bytes, 1152 samples
    audio = (b"\xff\xfb\x90\x00" + b"\0" * 413) * (seconds * 44100 // 1152)
    return b"ID3\x03\0\0" + sync + frames + audio


def png(grey):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes([grey]) * 64 for _ in range(96))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 96, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def music(root):
    for artist, album, year, genre, form, titles in ALBUMS:
        for n, title in enumerate(titles, 1):
            path = f"{root}/{artist}/{album} ({year})/{n:02d} {title}.{form}"
            if form == "flac":
                data = flac([("ARTIST", artist), ("ALBUMARTIST", artist), ("ALBUM", album),
                             ("TITLE", title), ("TRACKNUMBER", f"{n}/{len(titles)}"),
                             ("DATE", str(year)), ("GENRE", genre)])
            else:
                data = mp3([("TPE1", artist), ("TPE2", artist), ("TALB", album), ("TIT2", title),
                            ("TRCK", f"{n}/{len(titles)}"), ("TYER", str(year)), ("TCON", genre)])
            write(path, data)


def manga(root):
    for series, pattern, volumes in SERIES:
        for v in volumes:
            path = f"{root}/{series}/" + pattern.format(s=series, v=v)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with zipfile.ZipFile(path, "w") as z:
                for page in range(1, 5):
                    z.writestr(f"{page:03d}.png", png(40 * page))
                z.writestr("ComicInfo.xml",
                           f"<?xml version='1.0' encoding='utf-8'?><ComicInfo><Series>{series}"
                           f"</Series><Number>{v}</Number><PageCount>4</PageCount></ComicInfo>")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: demo.py DIR")
    music(os.path.join(sys.argv[1], "music"))
    manga(os.path.join(sys.argv[1], "manga"))
