# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of one file are data: the scan ends, each is listed with its reason, its neighbours are indexed."""
import contextlib
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import zipfile

import pytest

from harness import MEDIAMOND, is_alive, until

DEADLINE_S = 2
HELD_SCAN = f'workers = 2 walkers = 1 deadline = "{DEADLINE_S}s"'


@pytest.fixture
def seeds(corpus, tmp_path):
    """One good file of each sort."""
    music, manga = tmp_path / "seed-music", tmp_path / "seed-manga"
    tracks = corpus.music(music, 60, seed=2)
    corpus.manga(manga, 3, seed=2)
    first = {t.path.rpartition(".")[2].lower(): t.path for t in reversed(tracks)}
    return {"flac": open(first["flac"], "rb").read(), "mp3": open(first["mp3"], "rb").read(),
            "cbz": next(manga.rglob("*.cbz")).read_bytes()}


def errors(lab):
    return {item["path"]: item for item in lab.newest("status/errors.json")["items"]}


def good_neighbours(lab, seeds, folder):
    """In every folder with bad files stand good ones, first and last by name."""
    kinds = ("cbz",) if folder.is_relative_to(lab.manga) else ("flac", "mp3")
    paths = [folder / f"{name}.{kind}" for kind in kinds for name in ("00 good", "zz good")]
    for path in paths:
        path.write_bytes(seeds[path.suffix[1:]])
    return {str(path) for path in paths}


def check_listed(lab, bad, good):
    """@bad: {path: (kind, word of the reason)}."""
    found = errors(lab)
    assert found.keys() == {str(path) for path in bad}
    for path, (kind, word) in bad.items():
        item = found[str(path)]
        assert item["kind"] == kind and re.search(word, item["reason"], re.I), item
        # a person reads it: words, not numbers
        assert len(item["reason"].split()) >= 3 and "errno" not in item["reason"] and item["since"]
    assert lab.export("tracks").keys() | lab.export("volumes").keys() == good
    summary = lab.newest("status/summary.json")
    assert summary["errors"] == len(bad)
    text = lab.read("status/errors").decode()
    assert all(os.path.basename(path) in text for path in map(str, bad))
    assert lab.newest("metrics/scan.json")["runs"][-1]["errors"] == len(bad)
    assert lab.newest("status/health.json")["state"] == "degraded"


def test_files_that_are_no_media_are_listed_with_a_reason(lab, seeds):
    folder, bad = lab.music / "bad", {}
    folder.mkdir()
    good = good_neighbours(lab, seeds, folder)

    def put(name, data, kind, word):
        (folder / name).write_bytes(data)
        bad[folder / name] = (kind, word)

    put("empty.flac", b"", "incomplete", "empty")
    put("empty.mp3", b"", "incomplete", "empty")
    put("text.mp3", b"These are words and not music.\n" * 200, "corrupt", ".")
    put("text.flac", b"These are words and not music.\n" * 200, "corrupt", ".")
    put("random.flac", random.Random(1).randbytes(50000), "corrupt", ".")
    put("random.ogg", random.Random(2).randbytes(50000), "corrupt", ".")
    put("random.m4a", random.Random(3).randbytes(50000), "corrupt", ".")
    put("random.opus", random.Random(4).randbytes(10), "corrupt", ".")
    put("cut.flac", seeds["flac"][:30], "incomplete", "ends at 30 bytes")
    put("half.flac", seeds["flac"][:len(seeds["flac"]) // 2], "incomplete", ".")
    put("head.flac", b"fLaC", "incomplete", ".")
    put("lie.mp3", b"ID3\4\0\0\x7f\x7f\x7f\x7f", "incomplete", "268,435,465")
    lab.start()
    lab.wait_idle()
    check_listed(lab, bad, good)


def test_an_id3_size_that_lies_does_not_hide_the_music(lab, seeds):
    """256 MiB are announced in front of a real file: it is read, or listed; nothing is allocated."""
    path = lab.music / "lie.mp3"
    path.write_bytes(b"ID3\4\0\0\x7f\x7f\x7f\x7f" + seeds["mp3"])
    lab.start()
    lab.wait_idle()
    assert (str(path) in errors(lab)) != (str(path) in lab.export("tracks"))
    assert lab.json("metrics/scan.json")["runs"][-1]["peak_rss_worker_bytes"] < 64 << 20


def test_what_is_no_regular_file_is_listed_with_a_reason(lab, seeds):
    folder, bad = lab.music / "odd", {}
    folder.mkdir()
    good = good_neighbours(lab, seeds, folder)
    os.mkfifo(folder / "pipe.flac")
    (folder / "folder.flac").mkdir()
    (folder / "folder.flac" / "inside.flac").write_bytes(seeds["flac"])
    good.add(str(folder / "folder.flac/inside.flac"))
    server = socket.socket(socket.AF_UNIX)
    os.chdir(folder)
    server.bind("socket.mp3")
    os.chdir("/")
    for name in ("pipe.flac", "folder.flac", "socket.mp3"):
        bad[folder / name] = ("odd", name.partition(".")[0])
    lab.start()
    lab.wait_idle()
    server.close()
    check_listed(lab, bad, good)


def test_archives_that_are_none_are_listed_with_a_reason(lab, seeds):
    folder, bad = lab.manga / "Series", {}
    folder.mkdir()
    good = good_neighbours(lab, seeds, folder)
    # names tell volumes of which the content says nothing
    for name, data, kind, word in (
            ("Series v01.cbz", b"", "incomplete", "empty"),
            ("Series v02.cbz", b"PK\3\4 no", "incomplete", "no end"),
            ("Series v03.cbz", seeds["cbz"][:len(seeds["cbz"]) // 2], "incomplete", "being copied"),
            ("Series v04.cbz", random.Random(5).randbytes(5000), "corrupt", "."),
            ("Series v05.cbz", seeds["cbz"][:-10], "incomplete", ".")):
        (folder / name).write_bytes(data)
        bad[folder / name] = (kind, word)
    lab.start()
    lab.wait_idle()
    found = errors(lab)
    assert found.keys() == {str(path) for path in bad}
    for path, (kind, word) in bad.items():
        assert found[str(path)]["kind"] == kind and re.search(word, found[str(path)]["reason"], re.I)
    assert good <= lab.export("volumes").keys()


def test_a_volume_is_incomplete_while_it_is_copied_and_then_is_there(lab, seeds):
    folder, whole = lab.manga / "Series", seeds["cbz"]
    folder.mkdir()
    for n, data in (1, whole), (2, whole[:len(whole) // 2]), (3, b"nonsense"), (4, whole):
        (folder / f"Series v{n:02}.cbz").write_bytes(data)
    (lab.music / "x.flac").write_bytes(seeds["flac"][:-1000])
    lab.start()
    lab.wait_idle()

    def states():
        return {i["volume"]: i["state"] for i in lab.newest("status/missing.json")["items"] if i["series"] == "Series"}
    copied = str(folder / "Series v02.cbz")
    assert errors(lab)[copied]["kind"] == errors(lab)[str(lab.music / "x.flac")]["kind"] == "incomplete"
    assert states() == {2: "incomplete", 3: "corrupt"}
    with open(copied, "ab") as f:
        f.write(whole[len(whole) // 2:])
    (lab.music / "x.flac").write_bytes(seeds["flac"])
    lab.rescan("all")
    assert errors(lab).keys() == {str(folder / "Series v03.cbz")}
    assert states() == {3: "corrupt"}
    assert str(lab.music / "x.flac") in lab.export("tracks")


def test_links_and_loops_are_not_followed(lab, seeds):
    outside = lab.dir / "outside"
    outside.mkdir()
    (outside / "secret.flac").write_bytes(seeds["flac"])
    folder = lab.music / "links"
    folder.mkdir()
    good = good_neighbours(lab, seeds, folder)
    for name, target in (("loop", "."), ("up", ".."), ("self", "self"), ("out", outside), ("a", "b"), ("b", "a"),
                         ("out.flac", outside / "secret.flac"), ("root", "/"), ("dead.flac", "nowhere")):
        os.symlink(target, folder / name)
    os.link(folder / "00 good.flac", folder / "hard link.flac")
    os.link(outside / "secret.flac", folder / "hard outside.flac")
    lab.start()
    lab.wait_idle()
    rows = lab.export("tracks")
    assert rows.keys() == good | {str(folder / "hard link.flac"), str(folder / "hard outside.flac")}
    assert not any(path.startswith(str(outside)) for path in rows)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root can read everything")
def test_unreadable_files_and_folders_are_listed_with_a_reason(open_lab, seeds):
    """As nobody when root runs the tests: root can read everything."""
    lab, folder = open_lab, open_lab.music / "locked"
    folder.mkdir()
    good = good_neighbours(lab, seeds, folder)
    for name in ("no.flac", "no folder"):
        path = folder / name
        path.mkdir() if name == "no folder" else path.write_bytes(seeds["flac"])
        if name == "no folder":
            (path / "x.flac").write_bytes(seeds["flac"])
        path.chmod(0)
    as_nobody(lab)
    found = errors(lab)
    assert found.keys() == {str(folder / "no.flac"), str(folder / "no folder")}
    assert all(item["kind"] == "unreadable" and "Permission denied" in item["reason"] for item in found.values())
    assert lab.export("tracks").keys() == good
    (folder / "no.flac").chmod(0o644)
    (folder / "no folder").chmod(0o755)
    lab.rescan("music")
    assert errors(lab) == {}
    assert lab.export("tracks").keys() == good | {str(folder / "no.flac"), str(folder / "no folder/x.flac")}
    (folder / "no folder").chmod(0)
    lab.rescan("music")
    assert str(folder / "no folder/x.flac") in lab.export("tracks"), "unknown is not gone"


def as_nobody(lab):
    """Starts the indexer as another user, the mount without one."""
    words = []
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        lab.state.mkdir()
        os.chown(lab.state, 65534, 65534)
    subprocess.run([*words, MEDIAMOND, "-d", str(lab.conf)], check=True)
    until(lab.indexer, 5, "the indexer")
    lab.start("-o", "noindexer")
    lab.wait_indexer()
    lab.wait_idle()


def test_files_that_vanish_during_a_scan_are_no_errors(lab, corpus):
    tracks = corpus.music(lab.music, 3000, seed=4)
    gone = random.Random(6).sample(tracks, 1500)
    lab.configure(extra="scan { brake_files = 3000 }")
    lab.start(wait=False)
    for t in gone:
        os.unlink(t.path)
    lab.wait_indexer()
    lab.wait_idle()
    lab.rescan("all")
    assert errors(lab) == {}
    assert lab.export("tracks").keys() == {t.path for t in tracks} - {t.path for t in gone}


def test_an_error_goes_away_with_its_cause(lab, seeds):
    path = lab.music / "x.flac"
    path.write_bytes(b"")
    lab.start()
    lab.wait_idle()
    first = errors(lab)[str(path)]
    lab.rescan("all")
    again = errors(lab)[str(path)]
    assert (again["since"], again["reason"]) == (first["since"], first["reason"])
    path.write_bytes(seeds["flac"])
    lab.rescan("all")
    assert errors(lab) == {} and lab.export("tracks").keys() == {str(path)}
    path.write_bytes(b"broken")
    lab.rescan("all")
    assert errors(lab).keys() == {str(path)}
    path.unlink()
    (lab.music / "y.flac").write_bytes(seeds["flac"])
    lab.rescan("all")
    assert errors(lab) == {} and lab.export("tracks").keys() == {str(lab.music / "y.flac")}
    assert lab.newest("status/health.json")["state"] == "ok"


# --- workers ---

def full_scan(lab):
    job = lab.accept("rescan", "full music")
    lab.wait_in_scan(job)
    return job


def check_all_there(lab, library, job, most_errors):
    jobs = lab.jobs()
    assert jobs[job]["state"] == "done"
    found = errors(lab)
    assert len(found) <= most_errors, found
    assert all(item["kind"] in ("crashed", "timeout") and item["reason"] for item in found.values())
    # a file that was read before keeps its row
    assert lab.newest("status/summary.json")["music"]["tracks"] == len(library.tracks)
    lab.rescan("all")
    assert errors(lab) == {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_workers_that_die_cost_one_file_each_and_no_time(lab, library, held, number):
    killed, order = [], random.Random(8)

    def is_ended(pid):
        # a fault that comes from outside is survived once: nothing faults again
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return not is_alive(pid)

    def kill_one():
        workers = lab.children("--worker")
        if workers:
            killed.append(order.choice(workers))
            until(lambda: is_ended(killed[-1]), 10, "a worker to end")
        return len(killed) == 8
    with held.held():
        job = full_scan(lab)
        until(kill_one, 30, lambda: f"workers to kill: {killed}", pause=0.01)
        assert lab.newest("status/jobs.json")["running"], "the scan was over before the last of them"
    start = time.monotonic()
    lab.wait_idle(90)
    check_all_there(lab, library, job, len(killed))
    assert len(lab.children("--worker")) >= 1
    assert time.monotonic() - start < 4 * DEADLINE_S + 30, "the scan ended, but late"


@pytest.mark.parametrize("attempt", range(2))
def test_a_worker_that_hangs_costs_one_file_and_its_deadline(lab, library, held, attempt):
    with held.held():
        job = full_scan(lab)
        worker = lab.children("--worker")[attempt]
        os.kill(worker, signal.SIGSTOP)
        try:
            until(lambda: not is_alive(worker), 4 * DEADLINE_S, "the worker that hangs to be ended")
        finally:
            if is_alive(worker):
                os.kill(worker, signal.SIGKILL)
        assert lab.newest("status/jobs.json")["running"], "the scan was over before"
    lab.wait_idle()
    check_all_there(lab, library, job, 1)


def test_workers_that_cannot_be_started_are_started_later(big, library):
    """For a while the system has no room for another process."""
    big.configure(extra="scan { workers = 1 }")
    big.start()
    big.wait_idle()
    indexer = big.indexer()
    soft, hard = resource.prlimit(indexer, resource.RLIMIT_NOFILE)
    resource.prlimit(indexer, resource.RLIMIT_NOFILE, (400, hard))
    try:
        def all_gone():
            left = big.children("--worker") + big.children("--nursery")
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return not left
        until(all_gone, 30, "no worker left, nor what makes them")
        job = full_scan(big)
        until(lambda: "no worker can be started" in big.indexer_log(), 30, "a word of it")
        # one a second, and not one for each look at what there is to do
        time.sleep(3)
        assert big.indexer_log().count("cannot start a process") < 30
    finally:
        resource.prlimit(indexer, resource.RLIMIT_NOFILE, (soft, hard))
    big.wait_idle()
    check_all_there(big, library, job, 0)
    assert big.children("--worker") and "does not answer" not in big.indexer_log()


@pytest.mark.parametrize("role", ["--scout", "--worker"])
def test_a_process_that_hangs_does_not_outlive_its_indexer(big, role):
    big.start()
    big.wait_idle()
    pids = big.children(role)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        big.kill_indexer()
        until(lambda: not any(is_alive(pid) for pid in pids), 30, "their end")
    finally:
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGKILL)


def test_a_scout_that_dies_is_replaced_and_nothing_is_forgotten(lab, library, held):
    with held.held():
        job = full_scan(lab)
        scouts = lab.children("--scout")
        for pid in scouts:
            os.kill(pid, signal.SIGKILL)
        until(lambda: set(lab.children("--scout")) - set(scouts), 30, "others")
    lab.wait_idle()
    assert lab.jobs()[job]["state"] in ("done", "failed")
    summary = lab.newest("status/summary.json")
    assert (summary["music"]["tracks"], summary["manga"]["series"]) == (len(library.tracks), len(library.series))
    lab.rescan("all")
    assert errors(lab) == {}
    assert {r["state"] for r in lab.newest("status/roots.json")["items"]} == {"present"}


def test_an_archive_with_a_huge_promise_is_refused_in_bounds(lab, seeds):
    bomb = lab.manga / "Bomb"
    bomb.mkdir()
    with zipfile.ZipFile(bomb / "Bomb v01.cbz", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("ComicInfo.xml", b"<ComicInfo><Series>" + b"A" * (64 << 20) + b"</Series></ComicInfo>")
        z.writestr("001.jpg", b"x")
    with zipfile.ZipFile(bomb / "Bomb v02.cbz", "w", zipfile.ZIP_DEFLATED) as z:
        entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
        z.writestr("ComicInfo.xml", f'<!DOCTYPE x [<!ENTITY e0 "lol">{entities}]><ComicInfo><Series>&e11;</Series>'
                                    "</ComicInfo>")
        z.writestr("001.jpg", b"x")
    lab.start()
    lab.wait_idle(20)
    run = lab.json("metrics/scan.json")["runs"][-1]
    assert run["wall_seconds"] < 5 and run["peak_rss_worker_bytes"] < 128 << 20
    assert len(lab.read("status/errors")) < 10000
    rows = lab.export("volumes")
    assert all(len(row["series"]) < 1000 for row in rows.values())
