# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that makes readers: held itself, needed by nobody, and replaced."""
import os
import signal
import time
from pathlib import Path

import pytest

from harness import until
from test_poison import LIBRARY, Poison, errors
from test_sandbox import descriptors, status_of, workers_inside


def base_of(pid):
    """Where it has its program: who was made from another has it at the same place."""
    return Path(f"/proc/{pid}/maps").read_text().partition("-")[0]


def nursery_of(lab):
    return until(lambda: lab.children("--nursery"), 30, "a nursery")[0]


def end_worker(lab, pid):
    """And waits for who takes its place."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{pid}"), 30, "its end")
    return workers_inside(lab)


def zombies_of(lab):
    """Children that nobody waited for: these have no command line any more."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) == lab.indexer():
            found.append(stat.parent.name)
    return found


def end_two_workers(lab):
    for worker in workers_inside(lab)[:2]:
        end_worker(lab, worker)


@pytest.fixture
def known(lab, corpus):
    tracks = corpus.music(lab.music, 60, seed=4)
    lab.configure(extra="scan { workers = 2 }")
    lab.start()
    lab.wait_idle()
    return {t.path for t in tracks}


def read_all(lab, known):
    lab.rescan("full all")
    assert lab.export("tracks").keys() == known and errors(lab) == {}


def test_it_is_held_and_makes_readers_that_are_the_indexers(lab, known):
    pid = nursery_of(lab)
    status = status_of(pid)
    assert status["NoNewPrivs"].strip() == "1" and len(os.listdir(f"/proc/{pid}/task")) == 1
    assert descriptors(pid).keys() == {0, 1, 2, 3}
    assert not Path(f"/proc/{pid}/environ").read_bytes().strip(b"\0")
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    # lab.children() has only those whose parent the indexer is
    assert {base_of(worker) for worker in workers_inside(lab)} == {base_of(pid)}
    assert all(len(os.listdir(f"/proc/{worker}/task")) == 1 for worker in workers_inside(lab))


def test_killed_while_nobody_wants_anything_of_it_it_is_waited_for(lab, known):
    os.kill(nursery_of(lab), signal.SIGKILL)
    until(lambda: zombies_of(lab) or not lab.children("--nursery"), 10, "its end")
    until(lambda: not zombies_of(lab), 10, "somebody who waits for it")
    until(lambda: lab.children("--nursery"), 30, "another nursery")


def test_killed_it_is_replaced_and_no_file_is_lost(lab, known):
    pid = nursery_of(lab)
    os.kill(pid, signal.SIGKILL)
    end_two_workers(lab)
    read_all(lab, known)
    until(lambda: lab.children("--nursery") not in ([], [pid]), 30, "another nursery")
    until(lambda: not zombies_of(lab), 10, "the end of all that were killed")


def test_stopped_it_holds_nobody_up(lab, known):
    pid = nursery_of(lab)
    os.kill(pid, signal.SIGSTOP)
    end_two_workers(lab)
    read_all(lab, known)
    assert "readers are started one by one" in lab.indexer_log()
    until(lambda: not os.path.exists(f"/proc/{pid}"), 30, "its end")
    read_all(lab, known)


def test_one_that_loads_slowly_holds_nobody_up(lab, corpus, tmp_path, monkeypatch):
    """As from a disk that sleeps: what needs readers has them, and what is asked is answered."""
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARY))
    monkeypatch.setenv("POISON_COUNTS", str(tmp_path / "counts"))
    monkeypatch.setenv("POISON_SLOW_NURSERY", "60")
    Poison(tmp_path / "counts")
    tracks = corpus.music(lab.music, 60, seed=4)
    lab.configure(extra="scan { workers = 2 }")
    lab.start()
    lab.wait_idle()
    for _ in range(3):
        end_two_workers(lab)
        begun = time.monotonic()
        read_all(lab, {t.path for t in tracks})
        # it waited for that once before, 5 s, and for nothing since
        assert time.monotonic() - begun < 4
    assert len(lab.children("--nursery")) == 1 and "readers are started one by one" not in lab.indexer_log()


def test_it_ends_with_the_indexer(lab, known):
    pids = [nursery_of(lab), *lab.children("--worker")]
    lab.kill_indexer()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 30, "the end of all")


def test_after_many_readers_comes_another(lab, tmp_path, monkeypatch):
    """Who ends one after the other learns of those of one nursery only."""
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARY))
    monkeypatch.setenv("POISON_COUNTS", str(tmp_path / "counts"))
    poison, deadly = Poison(tmp_path / "counts"), 130
    lab.configure(extra="scan { workers = 1 }")
    lab.start()
    lab.wait_idle()
    first = nursery_of(lab)
    base = base_of(first)
    for n in range(deadly):
        poison.put(lab.music / f"{n:03}.flac", "exit")
    until(lambda: len(errors(lab)) == deadly, 60, "all of them")
    until(lambda: lab.children("--nursery") not in ([], [first]), 30, "another nursery")
    assert base_of(nursery_of(lab)) != base
