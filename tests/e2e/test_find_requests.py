# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests when clients, hosts or we ourselves do the unexpected: at most once, and always told."""
import errno
import json
import sqlite3
import sys
import threading
import unicodedata
from pathlib import Path

import pytest

from finding import Finds, cbz, dropped_in, ebdz, ed2k, offer, own, refused, release, secret, settle
from harness import until

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
import qbittorrent_fake  # noqa: E402
from prowlarr import Prowlarr, indexer, torrent  # noqa: E402
from qbittorrent import Qbittorrent  # noqa: E402
from webhook import Webhook  # noqa: E402


@pytest.fixture
def prowlarr():
    with Prowlarr() as p:
        yield p


@pytest.fixture
def fake():
    server = qbittorrent_fake.Server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def magnet(name):
    _, info_hash = torrent(name)
    return f"magnet:?xt=urn:btih:{info_hash}&dn=x"


def offer_magnet(prowlarr, number, title, **more):
    prowlarr.state["releases"].append(release(number, title, link=None, size=1_000_000, magnet=magnet(title), **more))


@pytest.fixture
def finds(lab, prowlarr, fake):
    """Naruto 3 is missing and at Prowlarr; a qBittorrent that does what a test says."""
    own(lab, "Naruto", 1, 2, 4)
    offer_magnet(prowlarr, 1, "Naruto T03 FR CBZ")
    return Finds(lab).use_prowlarr(prowlarr).set("qbittorrent", url=fake.origin)


def adds(fake):
    return fake.calls.count("torrents/add")


def pass_time(lab, minutes):
    """As if hand-overs had been made so much earlier; while no indexer runs."""
    db = sqlite3.connect(lab.state / "mediamon.db")
    db.execute("UPDATE handed SET next_at = 0, sent_at = sent_at - ?, changed_at = changed_at - ?",
               (minutes * 60 * 10**9,) * 2)
    db.commit()
    db.close()


@pytest.mark.parametrize("has_it", [True, False])
def test_what_became_of_a_call_that_was_cut_short_is_asked_before_it_is_made_again(finds, fake, has_it):
    fake.modes = {"slow"}
    lab = finds.start().lab
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    until(lambda: adds(fake), 10, "the call")
    lab.kill_indexer()
    fake.modes = set()
    if not has_it:
        fake.torrents.clear()
    looks = fake.calls.count("torrents/info")
    pass_time(lab, 5)
    lab.start_indexer()
    if has_it:
        finds.wait_request("downloading", "Naruto", 3)
    else:
        until(lambda: "did not receive it" in finds.requests()[0]["text"], 10, lambda: finds.requests())
    assert fake.calls.count("torrents/info") > looks and adds(fake) == 1
    if not has_it:
        # and then it may be made
        lab.kill_indexer()
        pass_time(lab, 5)
        lab.start_indexer()
        finds.wait_request("downloading", "Naruto", 3)
        assert adds(fake) == 2
    assert len(fake.torrents) == 1


def test_a_kill_while_it_is_handed_over_hands_it_over_once(finds, fake):
    fake.modes = {"slow"}
    lab = finds.start().lab
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    until(lambda: adds(fake), 10, "the call")
    lab.kill_indexer()
    fake.modes = set()
    lab.start_indexer()
    lab.wait_idle()
    refused(lab, finds.grab("Naruto", 3), errno.EBUSY, "handed over already")
    assert settle(lambda: adds(fake), 2) == 1 and len(fake.torrents) == 1
    assert finds.missing("Naruto")[3]["state"] == "requested"


def test_a_kill_before_it_is_handed_over_loses_no_order(finds, fake, prowlarr):
    fake.modes = {"refuse"}
    lab = finds.start().lab
    finds.found("Naruto", 3)
    lab.accept("dry-run", "on")
    lab.accept("dry-run", "off")
    assert finds.grab("Naruto", 3) == 0
    lab.kill_indexer()
    fake.modes = set()
    lab.start_indexer()
    until(lambda: len(fake.torrents) == 1 or finds.requests()[0]["text"], 10, "sent, or why not yet")
    assert finds.requests()[0]["step"] in ("planned", "sent", "confirmed") and adds(fake) <= 1


def test_an_answer_that_was_lost_is_asked_for_and_not_sent_again(finds, fake):
    fake.modes = {"cut"}
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    until(lambda: adds(fake), 10, "the call")
    assert settle(lambda: adds(fake), 1.5) == 1 and len(fake.torrents) == 1
    assert finds.missing("Naruto")[3]["state"] == "requested"


def test_a_download_that_holds_another_volume_is_flagged(finds, fake):
    # whatever it is called, the client says that it holds volumes 5 and 6
    fake.modes = {"seeding"}
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    request = finds.wait_request("failed", "Naruto", 3)
    assert "wrong volume: it holds" in request["text"] and "T05" in request["text"]
    assert finds.missing("Naruto")[3]["state"] == "failed"


@pytest.mark.skipif(not Qbittorrent.is_installed(), reason="qbittorrent-nox is not installed")
def test_what_a_person_removes_from_the_client_is_not_asked_for_again_by_itself(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    info_hash = offer(prowlarr, 1, "Naruto T03 FR CBZ")
    with Qbittorrent() as q, Webhook() as hook:
        finds = Finds(lab).use_prowlarr(prowlarr).use_webhook(hook).set("qbittorrent", url=q.url, paused="true")
        finds.set("monitor", auto_check_enabled="true").set("monitor_missing_volumes", auto_download_enabled="true")
        finds.start()
        until(q.torrents, 15, "the torrent")
        finds.wait_request("sent", "Naruto", 3)
        q.remove(info_hash)
        request = finds.wait_request("gone", "Naruto", 3)
        assert "removed from qbittorrent" in request["text"]
        assert settle(q.torrents, 1.5) == []
        until(lambda: any(n["kind"] == "gone" for n in hook.notices), 10, "a notice")
        assert finds.missing("Naruto")[3]["state"] == "gone"
        # a person may want it all the same
        assert lab.order("grab", str(request["id"])) == 0, lab.last()
        until(q.torrents, 15, f"the torrent again: {finds.requests()}")


def test_what_arrived_and_was_lost_again_can_be_asked_for_again(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr)
    folder = finds.use_blackhole()
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    finds.wait_request("sent", "Naruto", 3)
    file = cbz(lab.manga / "Naruto" / "Naruto T03.cbz")
    finds.wait_request("arrived", "Naruto", 3)
    for f in (file, *dropped_in(folder)):
        f.unlink()
    finds.wait_missing("Naruto", 3)
    assert not settle(lambda: dropped_in(folder)), "asked for again by itself"
    assert finds.grab("Naruto", 3) == 0, lab.last()
    until(lambda: dropped_in(folder), 10, lambda: f"the file: {finds.requests()}")


def test_a_release_that_is_gone_is_a_failure_with_its_reason(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    prowlarr.state["files"].clear()
    finds = Finds(lab).use_prowlarr(prowlarr)
    folder = finds.use_blackhole()
    finds.start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    assert finds.wait_request("failed", "Naruto", 3)["text"]
    assert not dropped_in(folder)


def test_a_grab_by_prowlarr_itself(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr).set("requests", preferred_client="prowlarr").start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0
    assert finds.wait_request("sent", "Naruto", 3)["client"] == "prowlarr"
    assert prowlarr.grabbed == ["https://tracker.example/torrent/1"]


def test_a_torznab_feed_is_a_source_too(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    info_hash = offer(prowlarr, 1, "Naruto T03 FR CBZ")
    key = secret(lab.dir / "jackett.key", prowlarr.state["key"])
    finds = Finds(lab).set("torznab", feeds=[f"jackett {prowlarr.url}/torznab/jackett/api {key}"])
    folder = finds.use_blackhole()
    finds.start()
    row, = finds.found("Naruto", 3)
    assert row["source"] == "torznab" and row["verdict"] == "confirmed"
    assert finds.grab("Naruto", 3) == 0
    dropped, = until(lambda: dropped_in(folder), 10, f"the file: {finds.requests()}")
    assert info_hash in dropped.name


def test_what_is_posted_is_found_in_the_feed_without_a_search(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    finds = Finds(lab).use_prowlarr(prowlarr, feed_interval="3s", requests_per_minute=60, requests_per_day=100000)
    lab = finds.set("monitor", auto_check_enabled="true").start().lab
    finds.wait_explained("Naruto", 3, "prowlarr: answered on")
    searched = len(prowlarr.asked("/api/v1/search"))
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds.wait_results("Naruto", 3)
    assert len(prowlarr.asked("/api/v1/search")) == searched
    assert finds.feed("prowlarr")["state"] == "read"


def test_a_table_that_comes_grows_and_goes(lab):
    own(lab, "Gantz", 1, 3)
    path = lab.dir / "ebdz.db"
    finds = Finds(lab).set("ebdz", database=path).set("search", cache="0s")
    finds.use_blackhole()
    finds.start()
    finds.search("Gantz 2")
    finds.wait_explained("Gantz", 2, "ebdz: did not answer")
    ebdz(path, [(ed2k("Gantz T02.cbz")[0], "Gantz")])
    lab.accept("reload", "config")
    row, = finds.found("Gantz", 2)
    assert row["source"] == "ebdz"
    own(lab, "Gantz", 5)
    finds.wait_missing("Gantz", 2, 4)
    ebdz(path, [(ed2k("Gantz T04.cbz")[0], "Gantz")])
    finds.found("Gantz", 4)
    for f in lab.dir.glob("ebdz.db*"):
        f.unlink()
    assert finds.results("Gantz", 2), "what is known is still told"


def test_searching_that_is_held_stays_so_over_reload_and_restart(finds, prowlarr):
    lab = finds.start().lab
    lab.accept("pause", "search")
    lab.accept("reload", "config")
    finds.search("Naruto 3")
    assert not settle(lambda: len(prowlarr.requests), 1)
    lab.kill_indexer()
    lab.start_indexer()
    assert not settle(lambda: len(prowlarr.requests), 1)
    assert lab.newest("metrics/search.json")["paused"] is True
    lab.accept("resume", "search")
    finds.wait_results("Naruto", 3)
    assert lab.newest("metrics/search.json")["paused"] is False


def test_a_series_is_known_however_its_accents_are_written(lab, prowlarr):
    name = "Été à Kyōto"
    own(lab, unicodedata.normalize("NFD", name), 1, 3)
    offer(prowlarr, 1, f"{name} T02 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr).start()
    lab.accept("search", name)
    shown, = lab.listing("manga")
    row, = finds.wait_results(shown, 2)
    assert row["verdict"] == "confirmed"
    lab.accept("monitor", f"{name} ignore 2")
    finds.wait_missing(shown)


def test_names_of_any_bytes_do_no_harm(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR \x1b[31m\x07 CBZ \u202e", indexerId=1)
    offer(prowlarr, 2, "Naruto T03 " + "é" * 3000)
    offer(prowlarr, 3, "Naruto T03 '; DROP TABLE request; -- @everyone %s%n FR CBZ")
    prowlarr.state["releases"][2]["raw"] = {"seeders": -5, "size": 2**62, "indexer": None, "categories": "x",
                                            "publishDate": "yesterday"}
    prowlarr.state["indexers"].append(indexer(2, "B\x1b[2Jad"))
    with Webhook() as hook:
        finds = Finds(lab).use_prowlarr(prowlarr).use_webhook(hook).set("monitor", auto_check_enabled="true").start()
        rows = finds.wait_results("Naruto", 3)
        assert len(rows) >= 1
        for path in ("manga/Naruto/missing/3/results", "manga/Naruto/missing/3/explain", "status/requests",
                     "status/missing", "events.jsonl", "metrics/search.json"):
            data = lab.read(path)
            assert b"\x1b" not in data and b"\x07" not in data, path
            data.decode()
        for line in lab.read("events.jsonl").decode().splitlines():
            json.loads(line)
        until(lambda: hook.notices, 20, "a notice")
        assert all("\x1b" not in n["text"] for n in hook.notices)
        assert b"\x1b" not in lab.log.read_bytes() and "\x1b" not in lab.indexer_log()
