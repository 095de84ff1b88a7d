# SPDX-License-Identifier: GPL-3.0-or-later
"""A debrid mount that is away, empty, half there, another one, hung or flapping, at every point of a look, a plan and its
carrying out: no link is touched, nothing is changed at the provider, and all goes on by itself afterwards."""
import time

import pytest

from conftest import tell_reaper
from harness import LONG, until
from mending import FAULTS, Mending, hash_of, is_installed, shared, tree_of

from debrid_mount import SETTLED_S

pytestmark = pytest.mark.skipif(not is_installed(), reason="rclone is not installed")

BACK_S = 30
OFTEN = {"interval": '"1s"'}


def names(n):
    return [f"Show.{i:03}" for i in range(n)]


def fill(m, torrents, files):
    """Torrents with links to all their files."""
    for name in names(torrents):
        m.torrent(name, *(f"{k}.mkv" for k in range(files)))
        for k in range(files):
            m.link(f"tv/{name}/{k}.mkv", name, f"{k}.mkv")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """60 torrents with two links each, looked at every second; nothing is dry."""
    with shared(tmp_path_factory.mktemp("small"), tell_reaper) as m:
        m.sections["symlinks"].update(OFTEN)
        fill(m, 60, 2)
        m.start()
        m.lab.accept("dry-run", "off")
        until(lambda: m.states() == {"ok": 120}, 20, "all links are seen")
        yield m


def break_torrent(m, name, **more):
    """Its links are broken, and there is a plan to mend them."""
    m.rd.fail(hash_of(name), **more)
    m.scan()
    until(lambda: m.states() == {"ok": 118, "broken": 2}, 20, lambda: f"two are broken: {m.states()}")
    doc = m.plan()
    assert [(i["action"], i["name"], i["links"]) for i in doc["items"]] == [("reinsert", name, 2)]
    return doc["plan"]["hash"]


def says(m, words):
    """Both pages say so, within a few looks."""
    def is_said():
        said = m.said()
        head = "".join(line for line in said["symlinks"].splitlines() if line.startswith("#"))
        return words in said["summary"] and (words in head or words == " held: so" and "at once" in head)
    until(is_said, 20, lambda: f"{words!r}: {m.said()}")


def check_states(m, broken=0):
    """Of links that were there none is suspect, let alone broken."""
    states = m.states()
    assert set(states) <= {"ok", "unknown", "held", "broken"} and states.get("broken", 0) <= broken, states


#: slow ones
AT_LENGTH = ("unserved", "another disk")


@pytest.mark.parametrize("fault", [f for f in FAULTS if LONG or f not in AT_LENGTH])
def test_a_mount_that_fails_proves_nothing(small, fault):
    m = small
    strike, mend, words = FAULTS[fault]
    name = names(60)[list(FAULTS).index(fault)]
    plan, tree = break_torrent(m, name), tree_of(m.links)
    changed = m.changing()
    strike(m)
    if fault == "flapping":
        m.mount.empty()
    m.mount.settle()
    try:
        says(m, words)
        m.lab.accept("apply", plan)
        check_states(m, 2)
        m.lab.accept("repair", "plan")
        time.sleep(1.2)
        check_states(m, 2)
        assert m.changing() == changed and tree_of(m.links) == tree, "nothing was touched"
    finally:
        mend(m)
    until(lambda: m.states() == {"ok": 120}, BACK_S,
          lambda: f"all is well again by itself: {m.states()} {m.lab.read('status/repairs').decode()}")
    until(lambda: m.rd.duplicates() == [], 20, "the dead one is removed")
    assert tree_of(m.links) == tree


# --- during a look ---

#: what can happen at one moment
SUDDEN = ["killed", "half", *(["frozen", "emptied", "emptied below", "replaced"] if LONG else [])]


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """2,400 links into 40 torrents, looked at by order only."""
    with shared(tmp_path_factory.mktemp("big"), tell_reaper) as m:
        m.sections["symlinks"]["sightings"] = "3"
        fill(m, 40, 60)
        m.start()
        assert m.look() == {"ok": 2400}
        yield m


@pytest.mark.parametrize("fault", SUDDEN)
def test_a_mount_that_fails_during_a_look_proves_nothing(big, fault):
    m = big
    strike, mend, _ = FAULTS[fault]
    tree, changed = tree_of(m.links), m.changing()
    start = time.monotonic()
    assert m.look() == {"ok": 2400}
    lasts = time.monotonic() - start - SETTLED_S
    try:
        m.lab.accept("rescan", "full links")
        time.sleep(min(lasts * 0.4, 2))
        strike(m)
        m.lab.wait_idle()
        states = m.states()
        assert set(states) <= {"ok", "unknown", "held"} or states.get("suspect", 0) <= 48, states
        assert "broken" not in states
        m.lab.rescan("links")
        assert "broken" not in m.states()
        assert tree_of(m.links) == tree and m.changing() == changed
    finally:
        mend(m)
    until(lambda: m.look() == {"ok": 2400}, 30, lambda: f"all is well again: {m.states()}")
    assert tree_of(m.links) == tree


# --- while a plan is carried out ---


@pytest.fixture
def alone(make_lab, tell):
    with Mending(make_lab(), tell) as m:
        m.sections["symlinks"].update(OFTEN)
        yield m


@pytest.mark.parametrize("fault", ["killed", "replaced", *(["frozen", "emptied"] if LONG else [])])
def test_a_mount_that_fails_while_a_torrent_is_on_its_way_waits_with_it(alone, fault):
    m = alone
    strike, mend, _ = FAULTS[fault]
    fill(m, 30, 2)
    m.start()
    m.lab.accept("dry-run", "off")
    until(lambda: m.states() == {"ok": 60}, 20, "all links are seen")
    name, late = "Show.007", hash_of("Show.007")
    m.rd.fail(late)
    # it comes back under another name, so that links must follow
    m.rd.know(late, "Other.007", [["/0.mkv", "A"], ["/1.mkv", "B"]], cached=False)
    m.rd.set("times", {"magnet_conversion": 0.0, "queued": 0.5, "downloading": 2.0})
    m.scan()
    until(lambda: m.states() == {"ok": 58, "broken": 2}, 20, lambda: f"two are broken: {m.states()}")
    tree = tree_of(m.links)
    m.lab.accept("apply", m.plan()["plan"]["hash"])
    until(lambda: any(t["hash"] == late and t["status"] in ("queued", "downloading") for t in m.rd.torrents), 20,
          "it is on its way")
    strike(m)
    m.mount.settle()
    changed = m.changing()
    time.sleep(4)
    try:
        assert m.changing() == changed and tree_of(m.links) == tree, "nothing goes on"
        assert len([t for t in m.rd.torrents if t["hash"] == late]) == 2, "nothing is deleted"
    finally:
        mend(m)
    # what the stand-in made meanwhile went to the folder that was shown then
    with m.rd.server.lock:
        m.rd.model._show("Other.007")
    until(lambda: (m.links / f"tv/{name}/0.mkv").exists() and m.rd.duplicates() == [], 90,
          lambda: f"it goes on: {m.lab.read('status/repairs').decode()}")
    assert (m.links / f"tv/{name}/1.mkv").read_text() == "B" and max(m.rd.added.values()) == 1


@pytest.mark.parametrize("fault", ["frozen", *(["killed", "emptied below"] if LONG else [])])
def test_a_mount_that_fails_between_removals_ends_them(alone, fault):
    m = alone
    strike, mend, _ = FAULTS[fault]
    fill(m, 4, 20)
    m.sections["repair"].update(most="1000", day="1000")
    m.start()
    m.lab.accept("dry-run", "off")
    until(lambda: m.states() == {"ok": 80}, 20, "all links are seen")
    gone = hash_of("Show.002")
    m.rd.fail(gone)
    m.rd.infringe(gone)
    m.scan()
    until(lambda: m.states() == {"ok": 60, "broken": 20}, 20, lambda: f"twenty are broken: {m.states()}")
    before = tree_of(m.links)
    assert m.apply(m.plan()["plan"]["hash"]) == {1: "failed"}
    plan = m.plan()["plan"]["hash"]
    m.lab.accept("apply", plan)
    until(lambda: len(tree_of(m.links)) < len(before), 20, "the first is removed", 0.001)
    strike(m)
    m.mount.settle()
    left = tree_of(m.links)
    time.sleep(1.5)
    try:
        assert tree_of(m.links) == left, "no more is removed"
        rows = m.repairs()["journal"]
        removed = set(before) - set(left)
        assert {r["path"] for r in rows} >= removed, "each with its row"
        assert all("Show.002" in path for path in removed)
    finally:
        mend(m)
    m.wait_applied(plan)
    assert len(before) - len(tree_of(m.links)) == 20
    m.lab.accept("undo", plan)
    until(lambda: tree_of(m.links) == before, 20, "undo restores them bit for bit")
