# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a person may decide, who is told of it, what is done without anybody, and that no secret is ever shown."""
import os
import sys
from pathlib import Path

import pytest

from harness import until
from mending import TOKEN, Mending, hash_of, is_installed, state_of

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from arr import Arr  # noqa: E402
from webhook import TOKEN as HOOK_TOKEN, Webhook  # noqa: E402

pytestmark = pytest.mark.skipif(not is_installed(), reason="rclone is not installed")

EPISODES = 12
KEYS = {"sonarr": "canaryS0narrKey0123456789abcdef", "radarr": "canaryRadarrKey0123456789abcdef"}


@pytest.fixture
def mending(make_lab, tell):
    with Mending(make_lab(), tell) as m:
        yield m


def episode(n):
    return f"Show S01E{n:02}.mkv"


@pytest.fixture
def world(mending):
    """A torrent that was taken down, with a link for each episode; a film beside it; everybody who is told."""
    m = mending
    m.torrent("Show.S01", *(episode(n) for n in range(1, EPISODES + 1)))
    m.torrent("Film.2020", "Film.mkv")
    m.episodes = [m.link(f"tv/Show/Season 01/{episode(n)}", "Show.S01", episode(n)) for n in range(1, EPISODES + 1)]
    m.film = m.link("films/Film (2020)/Film.mkv", "Film.2020", "Film.mkv")
    tv, films = m.links / "tv", m.links / "films"
    sonarr = Arr("sonarr", key=KEYS["sonarr"], roots=[{"id": 1, "path": str(tv)}], mounts={str(tv): str(tv)},
                 items=[{"id": 3, "title": "Show", "path": f"{tv}/Show"}, {"id": 4, "title": "Other", "path": f"{tv}/Other"}],
                 files=[{"id": 100 + n, "seriesId": 3, "seasonNumber": 1, "path": str(p)}
                        for n, p in enumerate(m.episodes, 1)],
                 episodes=[{"id": 300 + n, "seriesId": 3, "seasonNumber": 1, "episodeNumber": n, "episodeFileId": 100 + n}
                           for n in range(1, EPISODES + 1)])
    radarr = Arr("radarr", key=KEYS["radarr"], roots=[{"id": 1, "path": str(films)}], mounts={str(films): str(films)},
                 items=[{"id": 7, "title": "Film", "path": f"{films}/Film (2020)", "file": str(m.film)}])
    with sonarr, radarr, Webhook() as hook:
        m.sonarr, m.radarr, m.hook = sonarr, radarr, hook
        for arr in (sonarr, radarr):
            section, line = arr.write_key(m.lab.dir)
            m.sections[section] = {"instances": f'{{ "{line}" }}'}
        m.sections["webhook"] = {"url_file": f'"{hook.secret_file(m.lab.dir / "webhook")}"'}
        yield m


def start(m, level="info"):
    m.configure()
    m.lab.conf.write_text(m.lab.conf.read_text().replace('log_level = "warning"', f'log_level = "{level}"'))
    m.lab.start()
    m.lab.wait_idle()
    assert m.look() == {"ok": EPISODES + 1}


def take_down(m):
    """The torrent is gone for good; a first plan tries to put it back and is told so."""
    m.rd.fail(hash_of("Show.S01"))
    m.rd.infringe(hash_of("Show.S01"))
    m.scan()
    assert m.look(2) == {"ok": 1, "broken": EPISODES}
    doc = m.plan()
    assert [(i["action"], i["name"]) for i in doc["items"]] == [("reinsert", "Show.S01")]
    assert m.apply(doc["plan"]["hash"]) == {1: "failed"}


def calls_about(m, name):
    ids = {t["id"] for t in m.rd.torrents if t["hash"] == hash_of(name)}
    return [c for c in m.rd.model.calls if any(i in c["path"] for i in ids) or hash_of(name) in str(c["form"])]


def test_links_to_what_was_taken_down_are_removed_by_a_person_only_and_come_back_by_undo(world):
    m = world
    start(m)
    before = [state_of(p) for p in m.episodes]
    take_down(m)
    assert len(m.rd.asked("add")) == 1
    asked = calls_about(m, "Show.S01")
    doc = m.plan()
    [item] = doc["items"]
    assert (item["action"], item["state"], item["links"], item["calls"]) == ("remove", "planned", EPISODES, 0)
    m.look(2)
    assert [state_of(p) for p in m.episodes] == before, "nothing is removed without a person"
    assert m.apply(f"{doc['plan']['hash']} 1") == {1: "done"}
    assert calls_about(m, "Show.S01") == asked, "nobody was asked of it again"
    assert not any(os.path.lexists(p) for p in m.episodes) and m.film.is_symlink()
    # two for each episode, as far as its calls in a minute reach
    tell = until(lambda: len(m.sonarr.orders) >= 8 and m.sonarr.orders, 30,
                 lambda: f"it is told: {m.sonarr.orders} {m.repairs()['told']} {m.lab.indexer_log()[-1000:]}")
    assert m.sonarr.wide == [] and m.radarr.orders == [] and m.radarr.wide == []
    assert {o["name"] for o in tell} == {"RescanSeries", "EpisodeSearch"}
    assert {i for o in tell if o["name"] == "RescanSeries" for i in o["ids"]} == {3}
    assert {i for o in tell if o["name"] == "EpisodeSearch" for i in o["ids"]} <= {300 + n for n in range(1, EPISODES + 1)}

    def is_waiting():
        rest = [t for t in m.repairs()["told"] if not t["instance"] and t["state"] == "queued" and t["text"]]
        return len(rest) >= EPISODES - 5 and rest
    rest = until(is_waiting, 20, lambda: f"the rest waits: {m.repairs()['told']}")
    assert all("budget is used up" in t["text"] or "arr.per_hour" in t["text"] for t in rest)
    assert len(m.sonarr.orders) <= 10 and [t for t in m.repairs()["told"] if t["state"] == "failed"] == []
    runs = [n for n in m.hook.notices if n["kind"] == "repaired"]
    assert len(runs) == 2, f"one for each run: {m.hook.notices}"
    m.lab.accept("undo", doc["plan"]["hash"])
    until(lambda: all(os.path.lexists(p) for p in m.episodes), 20, "the links are there again")
    assert [state_of(p) for p in m.episodes] == before


def read_all(folder):
    """Every text of the mount."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            if path.is_symlink() or path.parent.name == "control" or not path.is_file():
                continue
            try:
                yield str(path), path.read_bytes()
            except OSError:
                continue


def processes(lab):
    """The indexer, its children, and the mount."""
    pid = lab.indexer()
    for p in Path("/proc").iterdir():
        if not p.name.isdigit():
            continue
        try:
            parent = int((p / "stat").read_text().rpartition(")")[2].split()[1])
            if int(p.name) in (pid, lab.fs.pid) or parent == pid:
                yield f"cmdline of {p.name}", (p / "cmdline").read_bytes()
                yield f"environ of {p.name}", (p / "environ").read_bytes()
        except OSError:
            continue


def test_no_secret_is_shown_anywhere(world):
    m = world
    start(m, "trace")
    take_down(m)
    doc = m.plan()
    seen = list(processes(m.lab))
    m.apply(f"{doc['plan']['hash']} 1")
    until(lambda: m.sonarr.orders, 20, "Sonarr is told")
    for fault in ({"kind": "code", "code": 8}, {"kind": "raw", "status": 400, "body": f'{{"error": "{TOKEN}"}}'}):
        m.rd.fault(times=1, **fault)
        m.lab.accept("repair", "scan full")
        until(lambda: m.rd.faults[-1]["times"] == 0, 20, "it was answered so")
        m.rd.clear()
    seen += processes(m.lab)
    seen += read_all(m.lab.mnt)
    seen += [(str(p), p.read_bytes()) for p in m.lab.state.rglob("*") if p.is_file()]
    seen.append(("log", m.lab.log.read_bytes()))
    assert len(seen) > 50 and any(name.endswith("mediamond.log") and data for name, data in seen)
    for word in (TOKEN, HOOK_TOKEN, *KEYS.values()):
        assert [name for name, data in seen if word.encode() in data] == [], f"{word[:8]}… is shown"


def test_a_dead_torrent_comes_back_without_anybody_and_one_taken_down_stays_for_a_person(mending):
    m = mending
    m.sections["repair"].update(auto_repair="true")
    m.sections["symlinks"].update(interval='"1s"')
    m.sections["realdebrid"].update(scan_interval='"1s"')
    for name in ("Dead", "Infringing", "Fine"):
        m.torrent(name, "a.mkv")
        m.link(f"films/{name}/a.mkv", name, "a.mkv")
    m.start()
    assert m.look() == {"ok": 3}
    m.lab.accept("dry-run", "off")
    m.rd.infringe(hash_of("Infringing"))
    m.rd.fail(hash_of("Dead"))
    m.rd.fail(hash_of("Infringing"))
    m.scan()
    dead, gone = (m.links / f"films/{n}/a.mkv" for n in ("Dead", "Infringing"))
    until(dead.exists, 60, lambda: f"it works again: {m.lab.read('status/repairs').decode()}")
    until(lambda: m.rd.duplicates() == [], 30, "the dead one is removed")
    until(lambda: m.states() == {"ok": 2, "broken": 1}, 30, lambda: f"{m.states()}")
    for _ in range(3):
        m.scan("quick")
    assert m.rd.added[hash_of("Infringing")] == 0 and len([c for c in m.rd.asked("add")
                                                            if hash_of("Infringing") in str(c["form"])]) == 1
    assert os.path.lexists(gone), "removing needs a person"
