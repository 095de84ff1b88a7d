# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the store, recovery from damage, a state disk that is full or read-only."""
import errno
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import zipfile

import pytest

from harness import MEDIAMOND, Meanwhile, until
from reaper import is_mounted

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a disk for the state")
COPIES = 'backup { interval = "1s" keep = 2 }'
PAGE = 4096


def health(lab):
    return lab.json("status/health.json")


def says(lab, *words):
    """The reason in status/health that has all the words; the summary has it as well."""
    end = time.monotonic() + 60
    found = None
    while not found:
        seen = health(lab)
        found = [r for r in seen["reasons"] if all(w in r for w in words)]
        assert found or time.monotonic() < end, f"{words} are not in {seen}\n{lab.indexer_log()}"
        time.sleep(0.02)
    assert seen["state"] == "degraded"
    assert found[0] in lab.read("status/health").decode()
    assert any(all(w in r for w in words) for r in lab.json("status/summary.json")["attention"])
    return found[0]


def copies(lab):
    return sorted((lab.state / "backups").glob("mediamon-*.db"))


def check_file(path):
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return store.execute("SELECT count(*) FROM track").fetchone()[0]
    finally:
        store.close()


def check_library(lab):
    counts = lab.newest("status/summary.json")
    assert counts["music"]["tracks"] == len(lab.tracks)
    assert counts["manga"]["series"] == len(lab.series)


def overwrite(lab, first=3):
    """The middle of the store becomes noise, and nothing in its WAL can repair it."""
    path = lab.state / "mediamon.db"
    store = sqlite3.connect(path, isolation_level=None)
    until(lambda: store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, 5, "the checkpoint")
    store.close()
    assert path.stat().st_size > 10 * PAGE
    with open(path, "r+b") as f:
        f.seek(first * PAGE)
        f.write(b"\xa5" * (path.stat().st_size - first * PAGE))


def lose_wal(lab):
    """All commits since the last checkpoint are gone, and no page is wrong."""
    os.truncate(lab.state / "mediamon.db-wal", 0)


def first_copy(lab):
    """Has copies made until there is one with everything, then no more."""
    lab.configure(extra=COPIES)
    assert lab.order("reload", "config") == 0, lab.last()
    path = until(lambda: [p for p in copies(lab) if check_file(p) == len(lab.tracks)], 15, "a copy")[-1]
    lab.configure(extra='backup { interval = "0s" }')
    assert lab.order("reload", "config") == 0, lab.last()
    lab.wait_idle()
    return path


def add_series(lab, name):
    folder = lab.manga / name
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{name} v01.cbz", "w") as volume:
        volume.writestr("1.jpg", b"no picture")
    return folder


# --- copies ---

def test_copies_are_made_checked_pruned_and_told(small):
    small.configure(extra=COPIES)
    assert health(small)["last_backup_at"] is None
    assert small.order("reload", "config") == 0
    first = until(lambda: copies(small), 15, "the first copy")[0]
    until(lambda: not first.exists(), 15, "the first copy to be pruned")
    time.sleep(1)
    assert 1 <= len(copies(small)) <= 2
    assert not [p for p in (small.state / "backups").iterdir() if p not in copies(small)
                and not p.name.startswith(".tmp")]
    at = until(lambda: health(small)["last_backup_at"], 5, "last_backup_at")
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", at)
    assert health(small)["state"] == "ok", health(small)
    assert b"\nbackup    2" in small.read("status/health")
    small.configure(extra='backup { interval = "0s" }')
    assert small.order("reload", "config") == 0
    time.sleep(0.5)
    assert all(check_file(p) == len(small.tracks) for p in copies(small))


def test_a_copy_that_fails_is_told_and_the_old_ones_stay(small):
    kept = first_copy(small)
    # a folder where the unfinished copy would be
    (small.state / "backups" / ".tmp-backup.db").mkdir()
    small.configure(extra=COPIES)
    assert small.order("reload", "config") == 0
    says(small, "cannot be copied")
    assert kept.exists()
    assert small.order("rescan", "all") == 0
    (small.state / "backups" / ".tmp-backup.db").rmdir()


# --- damage ---

def test_a_damaged_store_is_replaced_by_its_copy(small):
    kept = first_copy(small)
    # known to the copy with other content, and unknown to it
    gone = next(p for p in small.music.rglob("*") if p.is_file() and p.suffix in (".mp3", ".flac"))
    shutil.copy(gone, gone.with_name("copied " + gone.name))
    small.rescan("all")
    before, generation = small.newest("status/summary.json"), small.generation()
    artists, years = small.listing("music/artists"), small.listing("music/years")
    small.end_indexer(signal.SIGTERM)
    overwrite(small)
    small.start_indexer()
    small.wait_idle()
    reason = says(small, "damaged", "took its place", "scanned again")
    assert kept.name[9:13] in reason and "mediamon.db.damaged-" in reason
    after = small.newest("status/summary.json")
    assert after["music"] == before["music"] and after["manga"] == before["manga"]
    assert (small.listing("music/artists"), small.listing("music/years")) == (artists, years)
    assert small.generation() > generation + 1000
    assert [p for p in small.state.iterdir() if re.fullmatch(r"mediamon\.db\.damaged-\d{8}T\d{6}Z", p.name)]
    assert small.order("rescan", "all") == 0
    small.wait_idle()
    assert any('"kind": "recovered"' in line for line in small.read("events.jsonl").decode().splitlines())
    small.end_indexer(signal.SIGTERM)
    assert check_file(small.state / "mediamon.db") == len(small.tracks) + 1


def test_what_was_read_before_the_recovery_is_not_shown_after_it(small):
    """The kernel remembers names and bytes; the copy has other ones."""
    first_copy(small)
    extra = add_series(small, "Added Later")
    small.rescan("manga")
    assert "Added Later" in small.listing("manga")
    old = os.stat(small.mnt / "manga" / "Added Later").st_ino
    shutil.rmtree(extra)
    small.end_indexer(signal.SIGTERM)
    overwrite(small)
    small.start_indexer()
    small.wait_idle()
    says(small, "took its place")
    assert "Added Later" not in small.listing("manga")
    with pytest.raises(FileNotFoundError):
        os.stat(small.mnt / "manga" / "Added Later")
    add_series(small, "Another")
    small.rescan("manga")
    assert os.stat(small.mnt / "manga" / "Another").st_ino != old, "a number was given twice"


def test_without_a_good_copy_everything_is_scanned_again(small):
    bad = small.state / "backups"
    bad.mkdir(exist_ok=True)
    (bad / "mediamon-20261121T100000Z.db").write_bytes(b"no store" * 1000)
    generation = small.generation()
    small.end_indexer(signal.SIGTERM)
    overwrite(small, first=0)
    small.start_indexer()
    small.wait_idle()
    says(small, "damaged", "new one was begun")
    check_library(small)
    assert small.generation() > generation + 1000


def test_damage_found_while_it_runs_is_repaired_too(small):
    first_copy(small)
    pid = small.indexer()
    overwrite(small)
    for p in small.music.rglob("*"):
        if p.is_file():
            os.utime(p, (1, 1))
    small.order("rescan", "full all")
    says(small, "damaged", "took its place")
    assert small.indexer() == pid
    until(lambda: small.order("rescan", "full all") == 0, 15, "orders to be taken again")
    small.wait_idle()
    check_library(small)


def test_commits_that_are_lost_are_told(small):
    """Nothing looks damaged then; only the live page knows that there was more."""
    generation = small.generation()
    small.unmount()
    small.kill_indexer()
    lose_wal(small)
    small.start()
    small.wait_idle()
    says(small, "lost", "scanned again")
    check_library(small)
    assert small.generation() > generation + 1000


def test_a_newer_store_is_refused_with_the_reason(small):
    small.end_indexer(signal.SIGTERM)
    store = sqlite3.connect(small.state / "mediamon.db")
    store.execute("PRAGMA user_version = 99")
    store.close()
    r = subprocess.run([MEDIAMOND, str(small.conf)], capture_output=True, text=True, timeout=20)
    assert r.returncode == 69 and "newer mediamon (version 99" in r.stderr
    assert not list(small.state.glob("*.damaged-*"))


def test_a_state_directory_on_fuse_is_refused_with_the_reason(small, make_lab):
    other = make_lab("other")
    other.state = small.mnt
    other.configure()
    r = subprocess.run([MEDIAMOND, str(other.conf)], capture_output=True, text=True, timeout=20)
    assert r.returncode == 69 and "is on FUSE" in r.stderr and "local disk" in r.stderr
    other.state = other.dir / "state"


# --- a disk that refuses ---

@pytest.fixture
def small_disk(lab, corpus):
    """A lab whose state is on a small disk of its own, indexed."""
    lab.tracks, lab.series = corpus.music(lab.music, 200, seed=7), corpus.manga(lab.manga, 20, seed=7)
    lab.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "mediamon-test", lab.state], check=True)
    try:
        lab.configure(extra='backup { interval = "0s" }')
        lab.start()
        lab.wait_idle()
        yield lab
    finally:
        lab.stop()
        if is_mounted(lab.state):
            subprocess.run(["umount", lab.state]).returncode and subprocess.run(["umount", "-l", lab.state])


def fill(folder):
    """Not a byte is left; returns the file to remove."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while f.write(b"\0" * size):
                    pass
            except OSError as e:
                assert e.errno == errno.ENOSPC
    return path


def until_stuck(lab, reason):
    """Gives work until the store cannot be written; nothing waits long for that."""
    def stuck():
        error = lab.order("rescan", "full all")
        assert error in (0, errno.ENOSPC, errno.EROFS, errno.EPERM, errno.EIO), errno.errorcode[error]
        return any(reason in r for r in health(lab)["reasons"])
    until(stuck, 40, f"{reason}: {health(lab)}", pause=0.2)


def jobs_of(lab):
    return {number: job["order"] for number, job in lab.jobs().items()}


@ROOT_ONLY
def test_a_full_state_disk_stops_writing_and_nothing_else(small_disk):
    lab = small_disk
    accepted = lab.accept("rescan", "music")
    lab.wait_idle()
    pid, filler = lab.indexer(), fill(lab.state)
    with Meanwhile(lambda: (lab.read("status/summary"), lab.listing("music/years"))):
        until_stuck(lab, "No space left on device")
        for words in ("all", "music"):
            start = time.monotonic()
            assert lab.order("rescan", words) == errno.ENOSPC
            assert time.monotonic() - start < 5
            assert "ENOSPC: the store cannot be written (No space left on device)" in lab.last()
        says(lab, "cannot be written", "No space left on device")
        # it is not taken for dead, and what needs no store is taken
        time.sleep(6)
        assert health(lab)["indexer"]["state"] == "running"
        assert lab.order("log-level", "warning") == 0, lab.last()
        assert lab.order("reload", "config") == errno.ENOSPC
        assert lab.order("rescan", "nonsense") in (errno.EINVAL, errno.ENOSPC)
        check_library(lab)
        known = jobs_of(lab)
        filler.unlink()
        start = time.monotonic()
        until(lambda: lab.order("rescan", "music") == 0, 10, "orders to be taken again")
        assert time.monotonic() - start < 30
    lab.wait_idle()
    assert lab.indexer() == pid, "it was started again"
    until(lambda: health(lab)["state"] == "ok", 12, "health to be well again")
    assert accepted in jobs_of(lab) and set(known) <= set(jobs_of(lab))
    assert {job["state"] for job in lab.jobs().values()} == {"done"}
    check_library(lab)
    lab.end_indexer(signal.SIGTERM)
    assert check_file(lab.state / "mediamon.db") == len(lab.tracks)


@ROOT_ONLY
def test_an_indexer_ends_and_starts_on_a_full_disk(small_disk):
    lab = small_disk
    filler = fill(lab.state)
    until_stuck(lab, "No space left on device")
    assert lab.end_indexer(signal.SIGTERM) < 5
    until(lambda: health(lab)["state"] == "failed", 5, "away")
    check_library(lab)
    lab.start_indexer(wait=False)
    until(lab.indexer, 10, "the indexer: " + lab.indexer_log())
    time.sleep(2)
    check_library(lab)
    filler.unlink()
    until(lambda: lab.order("rescan", "all") == 0, 60, "orders to be taken: " + lab.indexer_log())
    lab.wait_idle()
    until(lambda: health(lab)["state"] == "ok", 12, "health to be well again")


@ROOT_ONLY
def test_a_copy_does_not_fill_the_disk(small_disk):
    lab = small_disk
    store = sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True)
    size = PAGE * store.execute("PRAGMA page_count").fetchone()[0]
    store.close()
    filler = fill(lab.state)
    os.truncate(filler, filler.stat().st_size - size * 2 // 3)
    lab.configure(extra=COPIES)
    assert lab.order("reload", "config") == 0, lab.last()
    says(lab, "cannot be copied", "no room")
    assert lab.order("rescan", "all") == 0
    assert not copies(lab)


@ROOT_ONLY
def test_a_disk_that_becomes_read_only_is_waited_for(small):
    """Like a disk remounted after an error: files that are open cannot be written any more."""
    files = [p for p in small.state.iterdir() if p.name in ("mediamon.db", "mediamon.db-wal")]
    try:
        if subprocess.run(["chattr", "+i", *files], stderr=subprocess.DEVNULL).returncode:
            pytest.skip("no immutable files here")
        until_stuck(small, "cannot be written")
        start = time.monotonic()
        assert small.order("rescan", "all") in (errno.EROFS, errno.EPERM, errno.EIO)
        assert time.monotonic() - start < 5
        assert "the store cannot be written" in small.last()
        check_library(small)
    finally:
        subprocess.run(["chattr", "-i", *files], stderr=subprocess.DEVNULL)
    until(lambda: small.order("rescan", "all") == 0, 10, "orders to be taken again")
    small.wait_idle()
    check_library(small)


@ROOT_ONLY
def test_a_read_only_state_disk_can_be_read(small_disk):
    lab = small_disk
    lab.stop()
    subprocess.run(["mount", "-o", "remount,ro", lab.state], check=True)
    r = subprocess.run([MEDIAMOND, str(lab.conf)], capture_output=True, text=True, timeout=20)
    assert r.returncode == 69 and "Read-only file system" in r.stderr
    lab.start("-o", "noindexer")
    check_library(lab)
    assert health(lab)["state"] == "failed"
    assert lab.order("rescan", "all") == errno.EAGAIN
    lab.unmount()
    subprocess.run(["mount", "-o", "remount,rw", lab.state], check=True)
    lab.start()
    lab.rescan("full all")
    check_library(lab)
