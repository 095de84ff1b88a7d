# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers are held as promised, what holds them is told, and bombs stay small."""
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from harness import MEDIAMOND, ROOT, kib_of, until
from test_poison import LIBRARY, Poison

MIB = 1 << 20
WHOLE = "on (seccomp, Landlock, limits)"


def status_of(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def descriptors(pid):
    folder = Path(f"/proc/{pid}/fd")
    return {int(fd): os.readlink(folder / fd) for fd in os.listdir(folder)}


def limits(pid):
    return {line[:26].strip(): line[26:].split()[0] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]}


def workers_inside(lab):
    """Those that have entered."""
    def inside():
        pids = lab.children("--worker")
        return len(pids) >= 2 and all(status_of(pid)["Seccomp"].strip() == "2" for pid in pids) and pids
    return until(inside, 30, "workers in their sandbox")


def test_every_worker_is_held(lab, corpus):
    corpus.music(lab.music, 200, seed=3)
    lab.start()
    lab.wait_idle()
    assert sandbox_known(lab)["sandbox"] == WHOLE
    assert f"sandbox   {WHOLE}" in lab.read("status/health").decode()
    assert "sandbox          ok: " + WHOLE in lab.command("doctor")[1]
    for pid in workers_inside(lab):
        status = status_of(pid)
        assert status["NoNewPrivs"].strip() == "1"
        assert descriptors(pid).keys() <= {0, 1, 2, 3, 4}
        found = descriptors(pid)
        assert found[0] == found[1] == "/dev/null" and found[3].startswith("socket:")
        assert not Path(f"/proc/{pid}/environ").read_bytes().strip(b"\0")
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        held = limits(pid)
        assert {held[k] for k in ("Max file size", "Max core file size", "Max processes", "Max locked memory")} == {"0"}
        assert int(held["Max address space"]) == int(held["Max data size"]) == 512 * MIB
        assert int(held["Max open files"]) == 64


def test_off_is_told_and_is_off(lab, corpus):
    tracks = corpus.music(lab.music, 50, seed=3)
    lab.configure(extra='sandbox = "off"')
    lab.start()
    lab.wait_idle()
    health = sandbox_known(lab)
    assert health["sandbox"] == "off (by the configuration)" and health["state"] == "ok"
    assert {status_of(pid)["Seccomp"].strip() for pid in lab.children("--worker")} <= {"0"}
    assert lab.export("tracks").keys() == {t.path for t in tracks}


def sandbox_known(lab):
    """status/health when the workers have reported what holds them."""
    return until(lambda: (health := lab.newest("status/health.json")) and not health["sandbox"].startswith("not known")
                 and health, 30, "what holds the workers")


def test_what_is_not_known_yet_is_not_called_absent(lab, corpus, tmp_path, monkeypatch):
    """The first worker is awaited for seconds: status/health says so, and finds no fault."""
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARY))
    monkeypatch.setenv("POISON_COUNTS", str(tmp_path / "counts"))
    monkeypatch.setenv("POISON_SLOW_NURSERY", "60")
    Poison(tmp_path / "counts")
    corpus.music(lab.music, 20, seed=3)
    lab.start()
    seen = []

    def is_known():
        seen.append(lab.json("status/health.json"))
        return seen[-1]["indexer"]["state"] == "running" and not seen[-1]["sandbox"].startswith("not known")
    until(is_known, 30, "what holds the workers")
    assert {health["sandbox"] for health in seen} <= {WHOLE, "unknown", "not known yet (no worker has started)"}
    assert not any("Landlock" in reason for health in seen for reason in health["reasons"])


def start_without_landlock(lab):
    subprocess.run([sys.executable, ROOT / "tests/lib/without_call.py", "landlock", "ENOSYS", MEDIAMOND, "-d", lab.conf], check=True)
    until(lab.indexer, 30, "the indexer")
    lab.start("-o", "noindexer")
    lab.wait_indexer()
    lab.wait_idle()


def test_a_system_without_landlock_is_told(lab, corpus):
    tracks = corpus.music(lab.music, 50, seed=3)
    start_without_landlock(lab)
    health = sandbox_known(lab)
    assert health["sandbox"] == "in part (without Landlock)" and health["state"] == "degraded"
    assert any("no Landlock" in reason for reason in health["reasons"])
    assert "no Landlock" in lab.read("status/summary").decode()
    assert "sandbox          PROBLEM" in lab.command("doctor")[1]
    assert lab.export("tracks").keys() == {t.path for t in tracks}


def test_where_all_is_required_no_file_is_read_without_it(lab, corpus):
    tracks = corpus.music(lab.music, 50, seed=3)
    lab.configure(extra='sandbox = "required"')
    start_without_landlock(lab)
    health = sandbox_known(lab)
    assert any(reason.startswith("no file is read") for reason in health["reasons"])
    assert lab.export("tracks") == {} and lab.newest("status/errors.json")["items"] == []
    job = lab.rescan("full all")
    assert job["state"] == "failed" and "50 files were not read" in job["result"]
    # and with it, all are
    lab.kill_indexer()
    lab.start_indexer()
    lab.rescan("all")
    assert sandbox_known(lab)["sandbox"] == WHOLE
    assert lab.export("tracks").keys() == {t.path for t in tracks}


def test_a_word_that_is_none_is_refused(lab):
    lab.configure(extra='sandbox = "maybe"')
    r = subprocess.run([MEDIAMOND, "--check-config", lab.conf], capture_output=True, text=True)
    assert r.returncode == 78 and "use auto, required or off" in r.stderr


# --- bombs ---

def syncsafe(n):
    return bytes(n >> shift & 127 for shift in (21, 14, 7, 0))


def id3(frames):
    return b"ID3\4\0\0" + syncsafe(len(frames)) + frames


def frame(name, data, flags=0, size=None):
    return name + syncsafe(len(data) if size is None else size) + struct.pack(">H", flags) + data


def bomb_mp3(folder):
    packed = zlib.compress(b"\3" + b"A" * (200 * MIB), 9)
    frames = frame(b"TIT2", struct.pack(">I", 200 * MIB) + packed, 0x0009)
    (folder / "compressed frame.mp3").write_bytes(id3(frames))
    (folder / "frame of a GiB.mp3").write_bytes(id3(frame(b"TIT2", b"\3title", size=(1 << 28) - 1)))
    (folder / "a million frames.mp3").write_bytes(id3(frame(b"TIT2", b"\3") * 300000))


def bomb_flac(folder):
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + bytes.fromhex("0ac442f000000000") + bytes(16)
    head = b"fLaC" + b"\0" + len(info).to_bytes(3, "big") + info
    lie = struct.pack("<I", 0) + struct.pack("<I", 1 << 30) + struct.pack("<I", 1610612736) + b"TITLE="
    (folder / "comments of 1.5 GiB.flac").write_bytes(head + b"\x84" + len(lie).to_bytes(3, "big") + lie)
    picture = b"\x86" + (0xFFFFFF).to_bytes(3, "big")
    (folder / "picture that is not there.flac").write_bytes(head + picture)
    with open(folder / "sparse.flac", "wb") as f:
        f.write(head + b"\x84" + (0xFFFFFF).to_bytes(3, "big"))
        f.truncate(1610612736)


def bomb_mp4(folder):
    atoms = struct.pack(">I4s", 20, b"ftyp") + b"M4A \0\0\0\0M4A "
    deep = b""
    for _ in range(20000):
        deep = struct.pack(">I4s", 8 + len(deep), b"moov") + deep if len(deep) < 60000 else deep
    (folder / "deep.m4a").write_bytes(atoms + deep)
    (folder / "atom of 1.5 GiB.m4a").write_bytes(atoms + struct.pack(">I4sQ", 1, b"moov", 1610612736) + b"x" * 100)


def bomb_cbz(folder):
    with zipfile.ZipFile(folder / "Bomb v01.cbz", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("ComicInfo.xml", b"<ComicInfo><Series>" + b"A" * (100 * MIB) + b"</Series></ComicInfo>")
        z.writestr("001.jpg", bytes(100 * MIB))
    with zipfile.ZipFile(folder / "Bomb v02.cbz", "w", zipfile.ZIP_DEFLATED) as z:
        entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
        z.writestr("ComicInfo.xml", f'<!DOCTYPE x [<!ENTITY e0 "lol">{entities}]><ComicInfo><Series>&e11;</Series></ComicInfo>')
    with zipfile.ZipFile(folder / "Bomb v03.cbz", "w") as z:
        z.writestr("ComicInfo.xml", "<a>" * 100000)
        for n in range(20000):
            z.writestr(f"{n}.jpg", b"")
    whole = (folder / "Bomb v03.cbz").read_bytes()
    end = whole.rindex(b"PK\5\6")
    lie = whole[end:end + 12] + struct.pack("<II", 1610612736, 0) + whole[end + 20:]
    (folder / "Bomb v04.cbz").write_bytes(whole[:end] + lie)


def test_bombs_leave_memory_bounded(lab, corpus):
    tracks = corpus.music(lab.music, 20, seed=3)
    music, manga = lab.music / "bombs", lab.manga / "Bomb"
    music.mkdir()
    manga.mkdir()
    for make, folder in (bomb_mp3, music), (bomb_flac, music), (bomb_mp4, music), (bomb_cbz, manga):
        make(folder)
    lab.start()
    lab.wait_idle()
    run = lab.json("metrics/scan.json")["runs"][-1]
    assert run["peak_rss_worker_bytes"] < 96 * MIB
    peak = int(status_of(lab.indexer())["VmHWM"].split()[0]) * 1024
    assert peak < 96 * MIB
    found = lab.newest("status/errors.json")["items"]
    # none of them ends a reader, and none of them holds it up
    assert not [item for item in found if item["kind"] in ("crashed", "timeout", "memory")]
    assert all(item["reason"] for item in found)
    assert {t.path for t in tracks} <= lab.export("tracks").keys()
    for row in [*lab.export("tracks").values(), *lab.export("volumes").values()]:
        assert all(len(text) < 70000 for text in row.values() if isinstance(text, str))


# --- the unit ---

@pytest.mark.skipif(not os.path.exists("/usr/bin/systemd-analyze"), reason="no systemd-analyze")
def test_exposure():
    path, most = ROOT / "contrib/mediamond.service", 1.5
    r = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", path], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", r.stdout)
    if not level:
        pytest.skip(f"systemd-analyze cannot tell here: {r.stderr.strip()[:200]}")
    assert float(level.group(1)) <= most, r.stdout[-3000:]


def test_the_memory_of_a_worker_is_its_own_and_not_that_of_who_started_it(small):
    """The kernel's ru_maxrss begins with what the parent had: an indexer that is large would replace all its workers."""
    def peak(pid):
        return kib_of(pid, "VmHWM") * 1024
    first = small.children("--worker")
    before = [peak(pid) for pid in first]
    for pid in first:
        os.kill(pid, 9)
    until(lambda: len(set(small.children("--worker")) - set(first)) >= 2, 20, "others")
    assert small.rescan("full all")["state"] == "done"
    told = small.newest("metrics/scan.json")["runs"][-1]["peak_rss_worker_bytes"]
    peaks = [peak(pid) for pid in small.children("--worker")]
    assert peak(small.indexer()) > max(peaks) + (2 << 20), "nothing could be told from it"
    # one of those that read may have ended since, and what was seen of those before counts
    assert 0 < told <= max(peaks + before) + (1 << 20)
