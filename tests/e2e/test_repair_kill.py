# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexer is killed while torrents are put back, and answered with rubbish: each hash is added at most once, nothing
that is not so is believed, and the mount answers meanwhile."""
import random
import time

import pytest

from harness import LONG, Meanwhile, until
from mending import TOKEN, Mending, hash_of, is_installed, tree_of

pytestmark = pytest.mark.skipif(not is_installed(), reason="rclone is not installed")

KILLS = 40 if LONG else 8
TORRENTS = 10
ENDED = ("done", "failed", "refused")


@pytest.fixture
def mending(make_lab, tell):
    with Mending(make_lab(), tell) as m:
        yield m


def fill(m, n):
    for i in range(n):
        m.torrent(f"Show.{i:02}", "a.mkv")
        m.link(f"tv/{i:02}.mkv", f"Show.{i:02}", "a.mkv")


def test_killed_again_and_again_each_torrent_is_added_at_most_once(mending):
    m, dice = mending, random.Random(5)
    fill(m, TORRENTS)
    # all that there is dies at once, and that is so
    m.sections["symlinks"]["brake_percent"] = "100"
    m.start()
    assert m.look() == {"ok": TORRENTS}
    tree = tree_of(m.links)
    m.lab.accept("dry-run", "off")
    m.rd.set("times", {"magnet_conversion": 0.5, "queued": 0.5, "downloading": 1.0})
    for i in range(TORRENTS):
        m.rd.fail(hash_of(f"Show.{i:02}"))
        m.rd.model.cached.discard(hash_of(f"Show.{i:02}"))
    m.scan()
    until(lambda: m.look() == {"broken": TORRENTS}, 20, lambda: f"all are broken: {m.said()['symlinks'][:1000]}")
    plan = m.plan()["plan"]["hash"]
    # half of the kills come while nobody knows whether the torrent was added
    m.rd.fault("late", where="add", times=KILLS // 4, seconds=1)
    m.lab.accept("apply", plan)
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.05, 1.0))
        m.lab.kill_indexer()
        assert m.rd.duplicates() == [] or max(m.rd.added.values(), default=0) <= 1, m.rd.added
        m.lab.start_indexer()
    m.rd.clear()

    def is_later(item):
        """Its files were not found out in time: that is tried again after hours."""
        return "tried again later" in item.get("reason", "")

    def ended():
        rows = m.repairs()
        waiting = [i for i in rows["insertions"] if i["step"] in ("sent", "unknown") and i["tries"]]
        still = [i for i in rows["items"] if i["state"] not in ENDED and not is_later(i)]
        return not still or len(waiting) == len(still)
    until(ended, 150, lambda: f"all is carried out: {m.lab.read('status/repairs').decode()}")
    assert max(m.rd.added.values()) == 1, m.rd.added
    items = m.repairs()["items"]
    back = {i["name"] for i in items if i["state"] == "done"}
    # one that was killed before its call went out is asked for again for minutes
    assert back and len(back) + sum(map(is_later, items)) >= TORRENTS - 2, items
    m.mount.settle()
    for i in range(TORRENTS):
        name = f"Show.{i:02}"
        if name in back:
            assert [t["status"] for t in m.rd.torrents if t["hash"] == hash_of(name)] == ["downloaded"]
            assert (m.links / f"tv/{i:02}.mkv").read_text() == "content of a.mkv"
    assert tree_of(m.links) == tree


HOSTILE = {
    "page": {"kind": "html", "status": 200},
    "cut": {"kind": "cut"},
    "drip": {"kind": "drip", "seconds": 8},
    "redirect": {"kind": "redirect", "to": "/"},
    "types": {"kind": "raw", "body": '{"id": [], "hash": {"a": 1}, "files": "x", "status": 7, "premium": "no"}'},
    "list of types": {"kind": "raw", "body": '[1, "x", null, {"id": -1, "hash": [], "filename": {}, "bytes": "1e99"}]'},
    "deep": {"kind": "raw", "body": "[" * 100000},
    "bomb": {"kind": "bomb"},
    "empty": {"kind": "empty"},
    "nothing": {"kind": "raw", "body": ""},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_not_believed_and_the_mount_answers_meanwhile(mending, name):
    m, how = mending, dict(HOSTILE[name])
    fill(m, 30)
    m.start()
    m.lab.accept("dry-run", "off")
    assert m.look() == {"ok": 30}
    m.scan()
    tree, pid = tree_of(m.links), m.lab.indexer()
    known = m.lab.newest("status/torrents.json")["torrents"]
    slowest = [0.0]

    def read():
        start = time.monotonic()
        m.lab.read("status/summary")
        slowest[0] = max(slowest[0], time.monotonic() - start)

    if name == "redirect":
        how["to"] = f"{m.rd.url}/user?auth_token={TOKEN}&followed=1"
    calls = len(m.rd.model.calls)
    with Meanwhile(read):
        m.rd.fault(**how)
        m.lab.accept("repair", "scan full")
        m.lab.accept("repair", "plan")
        until(lambda: len(m.rd.model.calls) > calls, 20, lambda: f"it is asked: {m.lab.indexer_log()[-800:]}")
        time.sleep(2)
    assert m.rd.asked("add", "select", "delete") == [] and tree_of(m.links) == tree
    assert m.lab.newest("status/torrents.json")["torrents"] == known
    assert m.lab.indexer() == pid, "it lives"
    assert slowest[0] < 20
    peak = next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))
    assert peak < 256 * 1024, f"{peak} KiB"
    after = m.rd.model.calls[calls:]
    assert name != "redirect" or all(c["where"] != "user" for c in after[1:]), "it was not followed"
