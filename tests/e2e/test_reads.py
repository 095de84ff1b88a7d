# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan reads of files: little, seldom, and no pictures."""
import re
import shutil
import signal
import subprocess

import pytest

from harness import MEDIAMOND
from test_heads import with_picture

READ = re.compile(r'(?:pread64|preadv2?|read)\(\d+<([^>]*)>.*?(?:, (\d+)(?:, (\d+))?)?\)\s+= (\d+)$')
MOST_READS, MOST_BYTES, HEAD = 2, 12 << 10, 4096
PICTURE = 300000


@pytest.fixture
def traced(lab):
    """traced(): runs the indexer under strace until its scan is over; {path: [(place, bytes)]}."""
    if not shutil.which("strace"):
        pytest.skip("no strace")
    log = lab.dir / "trace"

    def run():
        # a file for each thread: no line is cut by another
        log.mkdir(exist_ok=True)
        for old in log.iterdir():
            old.unlink()
        command = ["strace", "-ff", "-y", "-s", "0", "-o", str(log / "t"), "-e", "trace=read,pread64,readv,preadv,mmap"]
        tracer = subprocess.Popen([*command, MEDIAMOND, str(lab.conf)], stderr=subprocess.DEVNULL)
        try:
            lab.wait_indexer()
            lab.wait_idle(120)
        finally:
            lab.end_indexer(signal.SIGTERM)
            tracer.wait(60)
        reads = {}
        for line in (line for part in log.iterdir() for line in part.read_text(errors="replace").splitlines()):
            assert not ("mmap(" in line and str(lab.music) in line), line
            found = READ.search(line)
            if found and found[1].startswith(str(lab.music)):
                reads.setdefault(found[1], []).append((int(found[3] or 0), int(found[4])))
        return reads
    return run


def check(lab, reads, pictures):
    files = [p for p in lab.music.rglob("*") if p.suffix in (".flac", ".mp3", ".ogg", ".opus")]
    assert len(files) > 40 and reads
    for path in files:
        mine = reads[str(path)]
        extra = 1 if path in pictures else 0
        assert len(mine) <= MOST_READS + extra, (path, mine)
        assert sum(n for _, n in mine) <= MOST_BYTES + extra * HEAD, (path, mine)
    for path, (start, end) in pictures.items():
        for at, n in reads[str(path)]:
            assert at + n <= max(start, HEAD) or at >= end, (path, at, n)


def test_files_cost_two_reads_and_pictures_none(lab, pieces, traced):
    pictures = {}
    for i in range(20):
        (lab.music / f"{i}.flac").write_bytes(pieces.flac(f"Title {i}", fill=i * 100))
        (lab.music / f"{i}.mp3").write_bytes(pieces.mp3(f"Title {i}"))
        if i < 5:
            path = lab.music / f"picture {i}.flac"
            data = with_picture(pieces.flac(f"Picture {i}", fill=100), PICTURE, False)
            path.write_bytes(data)
            start = data.index(b"P" * 1000)
            pictures[path] = start, start + PICTURE
    lab.start("-o", "noindexer", wait=False)
    check(lab, traced(), pictures)
    assert len(lab.export("tracks")) == 45
    for path in lab.music.iterdir():
        path.touch()
    check(lab, traced(), pictures)
