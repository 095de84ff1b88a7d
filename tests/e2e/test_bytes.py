# SPDX-License-Identifier: GPL-3.0-or-later
"""Every virtual file has the same bytes for every program, also while a scan runs."""
import csv
import filecmp
import hashlib
import io
import json
import mmap
import os
import random
import shutil
import subprocess
import tarfile

import pytest

from harness import Meanwhile

GROWS = "events.jsonl"


def virtual_files(mnt):
    """Every regular file of the mount but those of control/, without following a link."""
    for folder, folders, files in os.walk(mnt, onerror=pytest.fail):
        if folder == str(mnt):
            folders.remove("control")
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield path


def read_in_pieces(fd, size, order):
    pieces, at = {}, 0
    while at < size:
        pieces[at] = order.randint(1, max(1, size // 3))
        at += pieces[at]
    for start in order.sample(sorted(pieces), len(pieces)):
        pieces[start] = os.pread(fd, min(pieces[start], size - start), start)
    return b"".join(pieces[start] for start in sorted(pieces))


def read_to_end(fd):
    parts = []
    while part := os.read(fd, 65536):
        parts.append(part)
    return b"".join(parts)


def read_mapped(fd, size, flags):
    if not size:
        return b""
    with mmap.mmap(fd, size, flags, mmap.PROT_READ) as m:
        return m[:]


def read_by_sendfile(fd, size):
    to = os.memfd_create("copy")
    try:
        at = 0
        while n := os.sendfile(to, fd, at, size + 4096 - at):
            at += n
        return os.pread(to, at + 1, 0)
    finally:
        os.close(to)


def every_way(path, order):
    """The bytes that each way of reading sees of one open file, and its sizes before and after."""
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        ways = {
            "pread": read_in_pieces(fd, size, order),
            "shared mmap": read_mapped(fd, size, mmap.MAP_SHARED),
            "read": read_to_end(fd),
            "private mmap": read_mapped(fd, size, mmap.MAP_PRIVATE),
            "sendfile": read_by_sendfile(fd, size),
        }
        return size, ways, os.fstat(fd).st_size
    finally:
        os.close(fd)


def check_file(path, order):
    size, ways, after = every_way(path, order)
    if path.endswith(GROWS):
        assert after >= size
        ways = {way: data[:size] for way, data in ways.items()}
    else:
        assert after == size, path
    different = {way for way, data in ways.items() if data != ways["read"]}
    assert not different, f"{path}: {different} saw other bytes than read"
    assert len(ways["read"]) == size, f"{path}: st_size {size}, read {len(ways['read'])}"
    assert size > 0, path


def test_every_way_of_reading_sees_the_same_bytes_while_scans_run(big):
    big.start()
    big.wait_idle()
    order, seen = random.Random(1), 0
    with Meanwhile(lambda: big.order("rescan", "full all")) as scans:
        for path in virtual_files(big.mnt):
            check_file(path, order)
            seen += 1
        for _ in range(20):
            for folder in ("status", "metrics"):
                for name in os.listdir(big.mnt / folder):
                    if name != "generation":
                        check_file(str(big.mnt / folder / name), order)
    assert seen > 3000
    assert scans.rounds > 5
    assert len(big.json("metrics/scan.json")["runs"]) > 5, "no scans ran meanwhile"


# --- programs ---

def settled(lab, run):
    """Runs while no generation ends: five tries, since the heartbeat moves one every ten seconds."""
    for _ in range(5):
        before = lab.generation()
        result = run()
        if before % 2 == 0 and lab.generation() == before:
            return result
    pytest.fail("the generation never stood still")


def by_rsync(lab, to):
    command = ["rsync", "-rlc", "--exclude=/control", f"{lab.mnt}/", f"{to}/"]
    subprocess.run(command, check=True)
    again = subprocess.run(command[:1] + ["-ni"] + command[1:], check=True, capture_output=True, text=True)
    return again.stdout


def by_cp(lab, to):
    names = [n for n in os.listdir(lab.mnt) if n != "control"]
    subprocess.run(["cp", "-r", "-P", *names, to], cwd=lab.mnt, check=True)


def by_tar(lab, to):
    r = subprocess.run(["tar", "-c", "--exclude=./control", "-f", to / "all.tar", "."], cwd=lab.mnt,
                       capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    with tarfile.open(to / "all.tar") as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def by_md5sum(lab):
    out = subprocess.run("find . -path ./control -prune -o -type f -print0 | xargs -0 md5sum -z", shell=True,
                         cwd=lab.mnt, check=True, stdout=subprocess.PIPE).stdout
    return {line[34:].decode(): line[:32].decode() for line in out.split(b"\0") if line}


def contents(folder):
    return {"./" + os.path.relpath(path, folder): open(path, "rb").read() for path in virtual_files(folder)}


def test_rsync_cp_tar_and_md5sum_agree(small, tmp_path):
    def run():
        for name in ("rsync", "cp", "tar"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            (tmp_path / name).mkdir()
        again = by_rsync(small, tmp_path / "rsync")
        by_cp(small, tmp_path / "cp")
        return again, by_tar(small, tmp_path / "tar"), by_md5sum(small), contents(small.mnt)

    again, tarred, sums, here = settled(small, run)
    # its number is odd or even as it is read: no other file is like this
    del here["./status/generation"]
    assert len(here) > 100
    assert again in ("", ">fc........ status/generation\n"), "a second rsync found something to do"
    for path, data in here.items():
        assert tarred[path] == data, f"tar: {path}"
        assert sums[path] == hashlib.md5(data).hexdigest(), f"md5sum: {path}"
        for copy in ("rsync", "cp"):
            assert filecmp.cmp(tmp_path / copy / path, small.mnt / path, shallow=False) or \
                (tmp_path / copy / path).read_bytes() == data, f"{copy}: {path}"


def test_tail_reads_the_end_by_the_size(small):
    def run():
        return {path: (data, [subprocess.run(["tail", "-c", str(n), small.mnt / path], check=True,
                                             stdout=subprocess.PIPE).stdout for n in (1, 100)])
                for path, data in contents(small.mnt).items() if path.count("/") == 2}
    for path, (data, ends) in settled(small, run).items():
        if path != "./status/generation":
            assert ends == [data[-1:], data[-100:]], path


def test_every_document_parses_in_jq_python_and_csv(small):
    documents = [path for path in virtual_files(small.mnt) if path.endswith(".json")]
    assert len(documents) > 50
    subprocess.run(["jq", "-e", "-n", "[inputs | select(.schema and .generation and .generated_at)] | length == "
                    + str(len(documents)), *documents], check=True, stdout=subprocess.DEVNULL)
    for path in documents:
        json.loads(open(path, encoding="utf-8").read())
    subprocess.run(["jq", ".seq", small.mnt / GROWS], check=True, stdout=subprocess.DEVNULL)
    table = list(csv.reader(io.StringIO(small.read("metrics/scan.csv").decode(), newline=""), strict=True))
    assert len(table) == 1 + len(small.json("metrics/scan.json")["runs"])
    assert {len(line) for line in table} == {len(table[0])}
