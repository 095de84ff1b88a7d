# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier monitors of missing volumes got wrong, one test each: what is seen from outside."""
import errno
import shutil
import signal
import sys
import threading
from pathlib import Path

import pytest

from finding import Finds, cbz, dropped_in, ed2k, offer, own, refused, secret, settle
from harness import Meanwhile, until

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
import nautiljon  # noqa: E402
import qbittorrent_fake  # noqa: E402
from amule import Amule  # noqa: E402
from prowlarr import Prowlarr, release, torrent  # noqa: E402


@pytest.fixture
def prowlarr():
    with Prowlarr() as p:
        yield p


@pytest.fixture
def fake():
    """A qBittorrent that gives odd answers: .modes, .torrents, .calls."""
    server = qbittorrent_fake.Server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def busy(finds):
    """Searches by itself, again and again, and hands over what is confirmed."""
    finds.set("monitor", auto_check_enabled="true").set("search", cache="0s", negative="1s")
    return finds.set("monitor_missing_volumes", auto_download_enabled="true", check_interval="1s")


def searches(prowlarr):
    return [r for r in prowlarr.asked("/api/v1/search") if r["method"] == "GET"]


# --- 1, 2: what is handed over, and how often ---

def test_01_a_find_is_handed_over_by_itself_where_that_is_on(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds = busy(Finds(lab).use_prowlarr(prowlarr))
    folder = finds.use_blackhole()
    finds.start()
    until(lambda: list(folder.glob("*.torrent")), 15, f"the file: {finds.requests()}")
    request = finds.wait_request("sent", "Naruto", 3)
    assert request["automatic"] and request["flow"] == "missing"


def test_02_one_volume_is_handed_over_once_whoever_has_it_and_however_often_it_is_looked_for(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    for n in range(3):
        offer(prowlarr, n, f"Naruto T03 FR CBZ v{n}")
    finds = busy(Finds(lab).use_prowlarr(prowlarr).use_ebdz([(ed2k("Naruto T03.cbz")[0], "Naruto")]))
    folder = finds.use_blackhole()
    lab = finds.start().lab
    dropped = until(lambda: dropped_in(folder), 15, f"the file: {finds.requests()}")
    finds.wait_request("sent", "Naruto", 3)
    for _ in range(2):
        refused(lab, lab.order("search", "Naruto"), errno.ENOENT, "handed over already")
        lab.accept("search", "due")
        settle(lambda: dropped_in(folder), 1)
        lab.kill_indexer()
        lab.start_indexer()
    assert settle(lambda: dropped_in(folder), 1.5) == dropped and len(dropped) == 1


# --- 3: what a result is ---

def test_03_another_volume_is_no_answer(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 3, 4, 6, 8)
    for n, title in enumerate(("Naruto T05 FR CBZ", "Naruto T17 FR CBZ", "Naruto T70 FR", "Naruto Gaiden T07 FR",
                               "Boruto - Naruto Next Generations T07", "Naruto (2007) FR")):
        offer(prowlarr, n, title)
    finds = busy(Finds(lab).use_prowlarr(prowlarr))
    folder = finds.use_blackhole()
    finds.start()
    finds.wait_request("sent", "Naruto", 5)
    finds.wait_explained("Naruto", 7, "answered on")
    assert [r["title"] for r in finds.results("Naruto", 7) if r["verdict"] == "confirmed"] == []
    assert "Naruto T05 FR CBZ" not in [r["title"] for r in finds.results("Naruto", 7)]
    assert finds.missing("Naruto")[7]["state"] == "wanted"
    assert len(settle(lambda: dropped_in(folder), 1)) == 1


def test_03_a_pack_answers_for_all_that_it_holds_and_is_not_its_first_volume(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 6, 9)
    offer(prowlarr, 1, "Naruto T03-T05 FR CBZ", size=3_000_000)
    finds = Finds(lab).use_prowlarr(prowlarr)
    finds.use_blackhole()
    finds.start()
    row, = finds.found("Naruto", 4)
    assert row["verdict"] == "confirmed" and row["volumes"] == [3, 5] and row["covers"] == 3
    assert [r["title"] for r in finds.results("Naruto", 7)] == []
    assert finds.grab("Naruto", 4) == 0
    assert finds.wait_request("sent", "Naruto", 4)["volumes"] == [3, 4, 5]
    states = {v: r["state"] for v, r in finds.missing("Naruto").items()}
    assert states == {3: "requested", 4: "requested", 5: "requested", 7: "wanted", 8: "wanted"}


# --- 4: what is looked at ---

def test_04_all_results_are_judged_before_any_is_left_out(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    for n in range(40):
        offer(prowlarr, n, f"Naruto T{n + 10} FR CBZ")
    offer(prowlarr, 99, "Naruto T03 FR CBZ", publishDate="2020-01-01T00:00:00Z")
    link, _ = ed2k("Naruto 3.pdf", size=10_000)
    finds = Finds(lab).use_prowlarr(prowlarr).use_ebdz([(link, "Naruto", 3)]).start()
    finds.search("Naruto")
    rows = finds.wait_results("Naruto", 3, lambda rows: {r["source"] for r in rows} >= {"prowlarr"})
    assert rows[0]["title"] == "Naruto T03 FR CBZ" and rows[0]["verdict"] == "confirmed"


def test_04_a_magnet_is_as_good_as_a_file(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    _, info_hash = torrent("a name")
    prowlarr.state["releases"].append(release(1, "Naruto T03 FR CBZ", link=None, size=1_000_000,
                                              magnet=f"magnet:?xt=urn:btih:{info_hash}&dn=a"))
    finds = Finds(lab).use_prowlarr(prowlarr)
    folder = finds.use_blackhole()
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    dropped, = until(lambda: list(folder.glob("*.magnet")), 10, f"the magnet: {finds.requests()}")
    assert f"btih:{info_hash}" in dropped.read_text()
    assert finds.wait_request("sent", "Naruto", 3)["hash"] == info_hash


# --- 5: what is new ---

@pytest.fixture
def site(monkeypatch):
    monkeypatch.setitem(nautiljon.SERIES, "cible", (
        "Cible", "", "30 (En cours)", "5 (En cours)", (5, "01/07/2020"), (6, "01/01/2090"), 1))
    made = nautiljon.Site()
    yield made
    made.close()


@pytest.mark.parametrize("extra", [(), ("Cible T03 (bis).cbz", "Cible T02 v2.cbz")], ids=["plain", "duplicates"])
def test_05_the_volumes_of_japan_alarm_nobody_and_duplicates_hide_nothing(lab, site, extra):
    own(lab, "Cible", 1, 2, 3, 4)
    for name in extra:
        cbz(lab.manga / "Cible" / name)
    finds = Finds(lab).set("nautiljon", enabled="true", url=site.url, distance="0s")
    lab = finds.set("monitor_new_volumes", enabled="true").start().lab
    lab.accept("refresh", "Cible")
    finds.wait_missing("Cible", 5)
    cbz(lab.manga / "Cible" / "Cible T05.cbz")
    finds.wait_missing("Cible")
    news = [r for r in lab.newest("status/new.json")["items"] if r["series"] == "Cible"]
    assert [(r["volume"], r["state"]) for r in news] == [(6, "announced")]


# --- 6: a library that is not there ---

def test_06_an_empty_library_loses_no_wish_no_request_and_no_result(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    own(lab, "Bleach", 1, 3)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr)
    finds.use_blackhole()
    lab = finds.start().lab
    lab.accept("monitor", "Bleach off")
    lab.accept("monitor", "Bleach total 9")
    finds.wait_missing("Bleach", 2, 4, 5, 6, 7, 8, 9)
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    finds.wait_request("sent", "Naruto", 3)

    def known():
        return (lab.read("manga/Bleach/monitor"), [(r["id"], r["state"]) for r in finds.requests()],
                sorted(finds.missing()))
    before = known()
    away = lab.dir / "away"
    lab.manga.rename(away)
    for empty in (False, True):
        if empty:
            lab.manga.mkdir()
        lab.rescan("all")
        lab.kill_indexer()
        lab.start_indexer()
        lab.wait_idle()
        assert known() == before
    lab.manga.rmdir()
    away.rename(lab.manga)
    lab.rescan("all")
    assert known() == before
    # a series that really ends keeps what was wished of it, should it come back
    shutil.move(lab.manga / "Bleach", lab.dir / "Bleach")
    until(lambda: "Bleach" not in lab.listing("manga"), 20, "Bleach is gone")
    shutil.move(lab.dir / "Bleach", lab.manga / "Bleach")
    finds.wait_missing("Bleach", 2, 4, 5, 6, 7, 8, 9)
    assert lab.read("manga/Bleach/monitor") == before[0]


# --- 7: failure and nothing ---

def test_07_a_source_that_fails_is_told_from_one_that_has_nothing(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    own(lab, "Bleach", 1, 3)
    finds = Finds(lab).use_prowlarr(prowlarr).start()
    finds.search("Naruto 3")
    text = finds.wait_explained("Naruto", 3, "prowlarr: answered on", ": 0 results, 0 confirmed; again not before")
    assert "did not answer" not in text
    prowlarr.state["modes"]["search"] = {"kind": "status", "status": 500}
    finds.search("Bleach 2")
    text = finds.wait_explained("Bleach", 2, "prowlarr: did not answer on", "HTTP 500")
    assert "answered on" not in text
    search = finds.lab.newest("metrics/search.json")
    assert search["cache"]["total_entries"] == search["cache"]["negative"] == 1, "an error is no answer to keep"
    assert finds.host("prowlarr")["failures_total"] == 1


# --- 8: what outlives a restart ---

def test_08_intervals_budgets_and_wishes_outlive_reload_restart_and_kill(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    own(lab, "Bleach", 1, 3)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr).set("monitor", auto_check_enabled="true")
    lab = finds.start().lab
    lab.accept("monitor", "Naruto ignore 9")
    finds.wait_explained("Naruto", 3, "answered on")
    finds.wait_explained("Bleach", 2, "answered on")
    until(lambda: finds.feed("prowlarr")["state"] == "read", 10, "the feed")

    def known():
        host = finds.host("prowlarr")
        return (len(prowlarr.requests), host["used_day"], host["calls_total"], finds.feed("prowlarr")["next_at"],
                finds.explain("Naruto", 3), finds.explain("Bleach", 2), lab.read("manga/Naruto/monitor"),
                lab.newest("metrics/search.json")["dry_run"])
    before = settle(known, 1)
    assert before[1] == before[2] == before[0] and before[7] is False
    lab.accept("reload", "config")
    assert settle(known, 1) == before
    lab.kill_indexer()
    lab.start_indexer()
    lab.wait_idle()
    assert settle(known, 1) == before
    lab.end_indexer(signal.SIGTERM)
    assert known()[1:] == before[1:], "without the indexer all is still told"
    lab.start_indexer()
    lab.wait_idle()
    assert settle(known, 1) == before
    # it counts on from there
    offer(prowlarr, 2, "Tough T02 FR CBZ")
    own(lab, "Tough", 1, 3)
    finds.wait_missing("Tough", 2)
    finds.wait_explained("Tough", 2, "answered on")
    host = finds.host("prowlarr")
    assert before[1] < host["used_day"] == host["calls_total"] == len(prowlarr.requests)


# --- 9, 10: what a client says ---

def test_09_fails_is_no_success(lab, prowlarr, fake):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    fake.modes = {"fails"}
    finds = Finds(lab).use_prowlarr(prowlarr).set("qbittorrent", url=fake.origin)
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    request = finds.wait_request("failed", "Naruto", 3)
    assert request["text"] and request["state"] == "failed", request
    assert finds.missing("Naruto")[3]["state"] == "failed" and not fake.torrents


def test_09_a_wrong_password_is_told_and_not_tried_for_ever(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    server = qbittorrent_fake.Server()
    server.modes = {"login"}
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    finds = Finds(lab).use_prowlarr(prowlarr).set("qbittorrent", url=server.origin, username="admin",
                                                  password_file=secret(lab.dir / "qbittorrent", "another"))
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    until(lambda: finds.requests() and finds.requests()[0]["text"], 10, f"{finds.requests()}")
    assert settle(lambda: server.calls.count("auth/login"), 1.5) <= 2
    assert finds.missing("Naruto")[3]["state"] == "requested" and not server.torrents
    assert "another" not in str(finds.requests()) + lab.indexer_log()
    server.shutdown()
    server.server_close()


def command_lines():
    for p in Path("/proc").iterdir():
        if p.name.isdigit():
            try:
                yield (p / "cmdline").read_bytes()
            except OSError:
                continue


@pytest.mark.skipif(not Amule.is_installed(), reason="amuled is not installed")
def test_10_no_password_and_no_link_is_ever_on_a_command_line(lab):
    own(lab, "Gantz", 1, 3)
    link, digest = ed2k("Gantz T02.cbz")
    cut = "ed2k://|file|Gantz"
    with Amule(password="Sesam0effne") as a:
        finds = Finds(lab).use_ebdz([(link, "Gantz"), (cut + " T02.cbz|1000000|", "Gantz"),
                                     ("ed2k://|file|Gantz%20T02.cbz|1000000|XYZ|/", "Gantz")])
        finds.set("amule", host="127.0.0.1", port=a.port, password_file=secret(lab.dir / "amule", a.password))
        finds.start()
        row, = finds.found("Gantz", 2)
        assert row["hash"] == digest, "a link that is none is no result"
        seen = set()
        with Meanwhile(lambda: seen.update(command_lines()), 0):
            assert finds.grab("Gantz", 2) == 0
            finds.wait_request("sent", "Gantz", 2)
        assert seen and not [c for c in seen if b"Sesam0effne" in c or digest.encode() in c.lower()]
        assert [h.lower() for h, _ in a.show_dl()] == [digest]


@pytest.mark.skipif(not Amule.is_installed(), reason="amuled is not installed")
def test_10_a_client_that_refuses_us_is_no_success(lab):
    own(lab, "Gantz", 1, 3)
    with Amule(password="right") as a:
        finds = Finds(lab).use_ebdz([(ed2k("Gantz T02.cbz")[0], "Gantz")])
        finds.set("amule", host="127.0.0.1", port=a.port, password_file=secret(lab.dir / "amule", "wrong"))
        finds.start()
        finds.found("Gantz", 2)
        assert finds.grab("Gantz", 2) == 0
        request = until(lambda: next((r for r in finds.requests() if r["text"]), None), 10, f"{finds.requests()}")
        assert request["state"] == "found" and request["step"] == "planned", request
        assert not a.show_dl()


# --- 11 is test_a_block_page_is_a_pause_and_never_no_volumes ---

# --- 12: volume 0 ---

def test_12_volume_0_is_a_volume(lab, prowlarr):
    own(lab, "Naruto", 1, 2)
    hashes = {offer(prowlarr, 1, "Naruto T00 FR CBZ"), offer(prowlarr, 2, "Naruto T10 FR CBZ")}
    finds = Finds(lab).use_prowlarr(prowlarr).set("missing", first_volume=0)
    finds.use_blackhole()
    lab = finds.start().lab
    assert set(finds.missing("Naruto")) == {0}
    rows = finds.found("Naruto", 0)
    assert [(r["title"], r["verdict"], r["volumes"]) for r in rows] == [("Naruto T00 FR CBZ", "confirmed", [0, 0])]
    assert finds.grab("Naruto", 0) == 0
    assert finds.wait_request("sent", "Naruto", 0)["hash"] in hashes
    cbz(lab.manga / "Naruto" / "Naruto T00.cbz")
    finds.wait_request("arrived", "Naruto", 0)
    finds.wait_missing("Naruto")
