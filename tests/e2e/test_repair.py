# SPDX-License-Identifier: GPL-3.0-or-later
"""Links into a real rclone mount: they break, a plan says so, carrying it out mends them, undo takes it back."""
import errno

import pytest

from harness import until
from mending import Mending, hash_of, is_installed, state_of

pytestmark = pytest.mark.skipif(not is_installed(), reason="rclone is not installed")


@pytest.fixture
def mending(make_lab, tell):
    with Mending(make_lab(), tell) as m:
        yield m


def test_a_dead_torrent_comes_back_and_its_links_work_again(mending):
    m = mending
    dead = m.torrent("Show.S01", "Show.S01E01.mkv", "Show.S01E02.mkv", "sample.nfo",
                     selected=["/Show.S01E01.mkv", "/Show.S01E02.mkv"])
    m.torrent("Film.2020", "Film.2020.mkv")
    first = m.link("tv/Show/Season 01/Show - S01E01.mkv", "Show.S01", "Show.S01E01.mkv")
    second = m.link("tv/Show/Season 01/Show - S01E02.mkv", "Show.S01", "Show.S01E02.mkv")
    film = m.link("movies/Film (2020)/Film.mkv", "Film.2020", "Film.2020.mkv")
    m.start()
    assert m.look() == {"ok": 3}
    before = [state_of(p) for p in (first, second, film)]
    m.rd.fail(dead)
    m.scan()
    assert m.look() == {"ok": 1, "suspect": 2}
    assert m.look() == {"ok": 1, "broken": 2}
    shown = m.lab.mnt / "links/broken/links/tv/Show/Season 01"
    assert sorted(p.name for p in shown.iterdir()) == ["Show - S01E01.mkv", "Show - S01E02.mkv"]
    asked = len(m.rd.asked("add", "select", "delete"))
    doc = m.plan()
    plan, items = doc["plan"], doc["items"]
    assert [(i["action"], i["name"], i["links"]) for i in items] == [("reinsert", "Show.S01", 2)]
    assert "dead" in items[0]["evidence"]
    assert m.plan()["plan"]["hash"] == plan["hash"], "the same again is the same plan"
    assert m.lab.order("apply", plan["hash"]) == errno.EROFS, "dry run is on"
    assert len(m.rd.asked("add", "select", "delete")) == asked, "a plan changes nothing"
    assert m.apply(plan["hash"]) == {1: "done"}
    assert m.rd.duplicates() == []
    [now] = [t for t in m.rd.torrents if t["hash"] == hash_of("Show.S01")]
    assert now["id"] != dead and now["status"] == "downloaded"
    assert sorted(f["path"] for f in now["files"] if f["selected"]) == ["/Show.S01E01.mkv", "/Show.S01E02.mkv"]
    m.mount.settle()
    assert first.read_text() == "content of Show.S01E01.mkv" and film.exists()
    assert [state_of(p) for p in (first, second, film)] == before, "no link had to be changed"
    until(lambda: m.states() == {"ok": 3}, 20, "the links are looked at again")
    assert m.plan()["items"] == [], "nothing is left to do"


def test_links_follow_a_torrent_that_has_another_name_and_undo_takes_it_back(mending):
    m = mending
    dead = m.torrent("Old.Name", "a.mkv", "b.mkv")
    links = [m.link(f"tv/{n}.mkv", "Old.Name", f"{n}.mkv") for n in "ab"]
    m.torrent("Film.2020", "Film.2020.mkv")
    m.link("movies/Film.mkv", "Film.2020", "Film.2020.mkv")
    m.start()
    assert m.look() == {"ok": 3}
    before = [state_of(p) for p in links]
    m.rd.fail(dead, "magnet_error")
    m.rd.know(hash_of("Old.Name"), "New Name", [["/a.mkv", "A"], ["/b.mkv", "B"]])
    m.scan()
    assert m.look(2) == {"ok": 1, "broken": 2}
    plan = m.plan()["plan"]
    assert m.apply(plan["hash"]) == {1: "done"}
    assert [p.read_text() for p in links] == ["A", "B"]
    for path, (text, uid, gid, mtime) in zip(links, before):
        assert state_of(path) == (text.replace("Old.Name", "New Name"), uid, gid, mtime)
    journal = m.repairs()["journal"]
    assert [(j["action"], j["step"]) for j in journal] == [("relink", "done")] * 2
    m.lab.accept("undo", str(journal[0]["id"]))
    until(lambda: sum(state_of(p) in before for p in links) == 1, 10, "one is put back")
    m.lab.accept("undo", plan["hash"])
    until(lambda: [state_of(p) for p in links] == before, 10, "all is as it was")
    until(lambda: {j["step"] for j in m.repairs()["journal"]} == {"undone"}, 10, "both are told to be undone")
