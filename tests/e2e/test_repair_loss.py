# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount and a provider that show only a share of what there is: what vanished is held, and one line releases it."""
import errno
import subprocess

import pytest

from conftest import tell_reaper
from harness import LONG, until
from mending import is_installed, shared, tree_of

pytestmark = pytest.mark.skipif(not is_installed(), reason="rclone is not installed")

TORRENTS, FILES = 120, 5
#: of the 147,166 of the disaster that this is about, 147,160
LINKS, LOST, EACH = (147166, 147160, 50) if LONG else (2000, 1994, 20)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """120 torrents with five links each; nothing is dry, caps as they come."""
    with shared(tmp_path_factory.mktemp("library"), tell_reaper) as m:
        m.sections["repair"].pop("percent")
        for i in range(TORRENTS):
            m.torrent(f"T{i:03}", *(f"{k}.mkv" for k in range(FILES)))
            for k in range(FILES):
                m.link(f"tv/{i % 20}/T{i:03} {k}.mkv", f"T{i:03}", f"{k}.mkv")
        m.start()
        m.lab.accept("dry-run", "off")
        assert m.look() == {"ok": TORRENTS * FILES}, m.said()["symlinks"][:1000] + m.lab.indexer_log()
        yield m


def show(m, kept):
    """The provider and the mount have only the first so many; what the provider had."""
    wanted = {f"T{i:03}" for i in range(kept)}
    m.mount.keep(lambda where, name: where == "." or name in wanted)
    with m.rd.server.lock:
        had = list(m.rd.model.torrents)
        m.rd.model.torrents[:] = [t for t in had if t["filename"] in wanted]
    return had


@pytest.mark.parametrize("kept", [0, 1, 13, 60, 107, 119] if LONG else [0, 60, 119])
def test_of_what_a_lying_provider_lost_no_more_than_the_cap_is_changed(library, kept):
    m = library
    tree, changed, lost = tree_of(m.links), m.changing(), (TORRENTS - kept) * FILES
    had = show(m, kept)
    try:
        m.look(3)
        states, plan = m.states(), m.plan()
        doable = [i for i in plan["items"] if i["state"] == "planned"]
        assert sum(max(i["links"], 1) for i in doable) <= 20 and all(i["action"] != "remove" for i in plan["items"])
        if lost > 20:
            assert states.get("broken", 0) + states.get("suspect", 0) == 0 and states.get("held", 0) == lost, states
        if doable and lost > 20:
            m.lab.order("apply", plan["plan"]["hash"])
        assert m.changing() == changed and tree_of(m.links) == tree
    finally:
        m.mount.restore()
        with m.rd.server.lock:
            m.rd.model.torrents[:] = had
    assert m.look() == {"ok": TORRENTS * FILES}, "all is well again"
    assert m.changing() == changed and tree_of(m.links) == tree


@pytest.fixture
def disaster(tmp_path_factory):
    with shared(tmp_path_factory.mktemp("disaster"), tell_reaper) as m:
        for i in range(0, LINKS, EACH):
            name, files = f"T{i:06}", [f"{k}.mkv" for k in range(i, min(i + EACH, LINKS))]
            m.mount.add(name, {f: b"x" for f in files})
            for f in files:
                m.link(f"tv/{name}/{f}", name, f)
        m.start()
        assert m.look() == {"ok": LINKS}
        yield m


def test_a_loss_of_nearly_all_is_held_until_a_person_confirms_it(disaster):
    m = disaster
    tree = tree_of(m.links)
    left = sorted(m.mount.served.joinpath("__all__").iterdir())[-1]
    # six are left: of one torrent, which has lost its others
    m.mount.keep(lambda where, name: where == "." or name == left.name)
    for file in sorted(m.mount.served.joinpath("__all__", left.name).iterdir())[:-(LINKS - LOST)]:
        file.unlink()
    assert m.look(3) == {"ok": LINKS - LOST, "held": LOST}
    said = m.lab.read("status/symlinks").decode()
    assert f"{LOST:,} of {LINKS:,} links lost their target at once: that is more likely the mount than the files\n" in said
    assert f"{LOST} links of links are held" in m.lab.read("status/summary").decode()
    [hold] = m.lab.newest("status/symlinks.json")["holds"]
    assert hold["confirm"] == f"echo 'links {LOST}' > control/accept-loss"
    assert m.lab.order("accept-loss", f"links {LOST - 1}") != 0, "another number is about something else"
    assert m.lab.order("accept-loss", f"nothing {LOST}") == errno.ENOENT
    assert m.look() == {"ok": LINKS - LOST, "held": LOST}
    subprocess.run(["sh", "-c", hold["confirm"]], cwd=m.lab.mnt, check=True)
    until(lambda: "held" not in m.states(), 60, lambda: f"nothing is held any more: {m.states()}")
    assert m.look(2) == {"ok": LINKS - LOST, "broken": LOST}
    assert m.lab.newest("status/symlinks.json")["holds"] == [] and tree_of(m.links) == tree
    assert m.rd.asked("add", "select", "delete") == []
