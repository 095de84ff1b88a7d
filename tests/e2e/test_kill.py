# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the indexer at random moments loses nothing that was acknowledged."""
import contextlib
import random
import shutil
import signal
import sqlite3
import time

from harness import LONG, Meanwhile, is_alive, until

#: a mount that answers later than this hangs
HUNG_S = 10
#: ended jobs in status/jobs.json
SHOWN = 100
FIRST, FULL = (100, 200) if LONG else (10, 10)
ANSWERS = ("status/summary.json", "status/health", "status/jobs", "metrics/scan.json", "control/rescan")


class Watch(Meanwhile):
    """Reads the mount all the time; remembers the longest wait for an answer."""

    def __init__(self, lab):
        super().__init__(self.look, pause=0.01)
        self.lab, self.longest = lab, (0.0, "")

    def look(self):
        for path in ANSWERS:
            self.time(path, lambda: self.lab.read(path))
        self.time("music/years", lambda: self.lab.listing("music/years"))

    def time(self, what, call):
        start = time.monotonic()
        call()
        self.longest = max(self.longest, (time.monotonic() - start, what))


def check_store(lab, n):
    """SQLite's own check of a copy: a connection to the store itself would recover it."""
    copy = lab.dir / f"copy-{n}"
    copy.mkdir()
    for name in ("mediamon.db", "mediamon.db-wal"):
        if (lab.state / name).exists():
            shutil.copy(lab.state / name, copy)
    store = sqlite3.connect(copy / "mediamon.db")
    try:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        store.close()
        shutil.rmtree(copy)


def says_away(lab):
    health = lab.json("status/health.json")
    return (health["state"] == "failed" and health["indexer"]["state"] == "away"
            and any("away" in reason for reason in health["reasons"])
            and lab.read("status/health").startswith(b"# failed\nthe indexer is away"))


def kill(lab, n):
    children = lab.children("--worker") + lab.children("--scout")
    lab.kill_indexer()
    check_store(lab, n)
    until(lambda: says_away(lab), 5, "status/health to say that the indexer is away")
    until(lambda: not any(is_alive(pid) for pid in children), 5, "its processes to end with it")
    until(lambda: lab.generation() % 2 == 0, 5, "status/generation to be even: it ended within a commit")


def check_counts(lab, library):
    summary = lab.newest("status/summary.json")
    assert summary["music"]["tracks"] == len(library.tracks)
    assert summary["manga"]["series"] == len(library.series)
    assert summary["manga"]["volumes"] + summary["manga"]["chapters"] == sum(len(s.owned) for s in library.series)
    assert summary["manga"]["missing"] == sum(len(s.missing) for s in library.series if not s.is_chapters)
    assert summary["errors"] == 0


def test_the_first_index_is_finished_though_it_is_killed_again_and_again(big, library):
    order = random.Random(11)
    big.start("-o", "noindexer")
    with Watch(big) as watch:
        for n in range(FIRST):
            big.start_indexer(wait=False)
            until(big.indexer, 5, "the indexer", pause=0.001)
            time.sleep(order.uniform(0, 0.25))
            committed = big.json("status/summary.json")["music"]["tracks"]
            kill(big, n)
            assert big.json("status/summary.json")["music"]["tracks"] >= committed, "rows were lost"
        big.start_indexer()
        big.wait_idle()
    assert watch.longest[0] < HUNG_S, watch.longest
    check_counts(big, library)
    assert {job["state"] for job in big.jobs().values()} == {"done"}


def stored_jobs(lab):
    """{number: (order, state, when it ended)}"""
    with contextlib.closing(sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True)) as store:
        return {number: row for number, *row in store.execute("SELECT id, words, state, ended_at FROM job")}


def ended_before(jobs, n):
    """All but those @n that ended last."""
    ended = [number for number, (_, _, at) in jobs.items() if at]
    return set(sorted(ended, key=lambda number: jobs[number][2])[:-n])


def test_accepted_orders_survive_kills_of_a_full_scan(big, library):
    order, given = random.Random(12), {}
    big.start()
    big.wait_idle()
    with Watch(big) as watch:
        for n in range(FULL):
            for words in ("full all", f"{library.manga}"):
                given[big.accept("rescan", words)] = f"rescan {words}"
            time.sleep(order.uniform(0, 0.8))
            kill(big, n)
            stored, jobs = stored_jobs(big), big.jobs()
            assert {number: stored[number][0] for number in given} == given
            # not shown are only those that ended long ago
            assert {number for number in stored if number not in jobs} == ended_before(stored, SHOWN)
            assert not any(job["state"] == "running" for job in jobs.values())
            big.start_indexer()
        big.wait_idle()
    assert watch.longest[0] < HUNG_S, watch.longest
    check_counts(big, library)
    stored = stored_jobs(big)
    assert {stored[number][1] for number in given} == {"done"}


def committed(lab, job):
    with contextlib.closing(sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True)) as store:
        return store.execute("SELECT count(*) FROM file WHERE job = ?", (job,)).fetchone()[0]


def running_job(lab, words):
    job = lab.accept("rescan", words)
    lab.wait_in_scan(job)
    return job


def test_a_killed_scan_does_not_start_over(lab, library, held):
    files = len(library.tracks)
    with held.held():
        job = running_job(lab, "full music")
        until(lambda: committed(lab, job), 60, "some of it to be committed")
        lab.kill_indexer()
        assert 0 < committed(lab, job) < files
        check_store(lab, 0)
        until(lambda: says_away(lab), 5, "away")
    lab.start_indexer()
    lab.wait_idle()
    run = next(r for r in lab.json("metrics/scan.json")["runs"] if r["id"] == job)
    assert (run["order"], run["files"], run["mode"]) == ("rescan full music", files, "full")
    assert run["unchanged"] > 0 and run["changed"] + run["unchanged"] == files
    check_counts(lab, library)


def test_a_paused_job_stays_paused_over_a_kill(lab, library, held):
    with held.held():
        job = running_job(lab, "full all")
        assert lab.order("pause", str(job)) == 0, lab.last()
        until(lambda: lab.jobs()[job]["state"] == "paused", 1, "the pause")
        kill(lab, 0)
    lab.start_indexer()
    until(lambda: all(j["state"] in ("paused", "done") for j in lab.jobs().values()), 10, "the other jobs")
    assert lab.jobs()[job]["state"] == "paused"
    assert lab.order("resume", str(job)) == 0
    lab.wait_idle()
    assert lab.jobs()[job]["state"] == "done"
    check_counts(lab, library)


def test_a_signal_to_end_is_obeyed_in_the_middle_of_a_scan(lab, library, held):
    with held.held():
        job = running_job(lab, "full all")
        seconds = lab.end_indexer(signal.SIGTERM)
        assert seconds is not None and seconds < 20
        check_store(lab, 0)
        until(lambda: lab.jobs()[job]["state"] == "queued", 3, "the interrupted job to wait")
    lab.start_indexer()
    lab.wait_idle()
    assert lab.jobs()[job]["state"] == "done"
    check_counts(lab, library)
