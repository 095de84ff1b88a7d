# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on bad days: nothing leaks, nothing is believed, nobody is pressed, the rest goes on."""
import base64
import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest

from finding import Finds, ed2k, offer, own, secret, settle
from harness import until

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from prowlarr import KEY, PASSKEY, Prowlarr, indexer  # noqa: E402

HOUR = timedelta(hours=1)
#: how Prowlarr behaves, what explain says, whether the host itself is counted as failing
BAD_DAYS = {
    "429": ({"kind": "status", "status": 429, "retry_after": 3600}, "asks to wait (HTTP 429)", True),
    "429-date": ({"kind": "status", "status": 429, "retry_after": 3600, "as_date": True}, "HTTP 429", True),
    "503": ({"kind": "status", "status": 503, "retry_after": 3600}, "HTTP 503", True),
    "page": ({"kind": "html"}, "a page for people", False),
    "challenge": ({"kind": "html", "challenge": True}, "keeps programs out", False),
    "bomb": ({"kind": "bomb"}, "the answer is too large", False),
    "big": ({"kind": "big", "size": 40 << 20}, "the answer is too large", False),
    "cut": ({"kind": "cut"}, "the answer was cut off", False),
    "not-json": ({"kind": "raw", "body": "[{"}, "no list of results", False),
    "deep": ({"kind": "raw", "body": "[" * 100_000}, "no list of results", False),
    "odd": ({"kind": "raw", "body": '[{"x": 1}, 2, null]'}, "none of which can be read", False),
    "401": ({"kind": "status", "status": 401}, "does not accept the key (HTTP 401)", False),
}


def now():
    return datetime.now(timezone.utc)


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture
def prowlarr():
    with Prowlarr() as p:
        yield p


@pytest.fixture
def finds(lab, prowlarr):
    """Naruto 3 is at Prowlarr, Gantz 2 in the table."""
    own(lab, "Naruto", 1, 2, 4)
    own(lab, "Gantz", 1, 3)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    return Finds(lab).use_prowlarr(prowlarr).use_ebdz([(ed2k("Gantz T02.cbz")[0], "Gantz")])


def source(finds, name):
    rows = finds.lab.newest("metrics/search.json")["sources"]
    return next((s for s in rows if s["source"] == name), None)


def ask_in_vain(finds, prowlarr, says):
    """Searches; the other source goes on, and this one is left alone from then on."""
    finds.search("Naruto 3")
    text = finds.wait_explained("Naruto", 3, "prowlarr: did not answer on", says, "again not before")
    assert "prowlarr: answered" not in text
    assert all(r["source"] != "prowlarr" for r in finds.results("Naruto", 3))
    finds.search("Gantz 2")
    row, = finds.wait_results("Gantz", 2)
    assert row["source"] == "ebdz" and row["verdict"] == "confirmed"
    finds.search("Naruto 3")
    settle(lambda: len(prowlarr.requests), 1.5)


@pytest.mark.parametrize("day", BAD_DAYS)
def test_a_bad_answer_is_told_not_believed_and_not_asked_for_again(finds, prowlarr, day):
    mode, says, is_closed = BAD_DAYS[day]
    lab = finds.start().lab
    prowlarr.state["modes"]["search"] = mode
    ask_in_vain(finds, prowlarr, says)
    asked = len(prowlarr.requests)
    assert asked == 1
    failed = source(finds, "prowlarr")
    assert failed["state"] == "failed" and says in failed["error"] and source(finds, "ebdz")["state"] == "answers"
    # two answers of the table, one of them that it has nothing; an error is no answer to keep
    cache = lab.newest("metrics/search.json")["cache"]
    assert (cache["total_entries"], cache["negative"]) == (2, 1)
    if is_closed:
        host = finds.host("prowlarr")
        assert host["breaker"] == "open" and host["failures_total"] == host["refused_total"] == 1, host
        assert host["reason"] and now() + 0.9 * HOUR < moment(host["next_at"]) < now() + 1.1 * HOUR
        lab.kill_indexer()
        lab.start_indexer()
        finds.search("Naruto 3")
        settle(lambda: len(prowlarr.requests), 1)
        assert len(prowlarr.requests) == asked, "a restart made it forget"
        assert finds.host("prowlarr")["next_at"] == host["next_at"]


def test_a_short_pause_is_the_least_that_is_kept(finds, prowlarr):
    finds.start()
    prowlarr.state["modes"]["search"] = {"kind": "status", "status": 429, "retry_after": 3, "times": 1}
    finds.search("Naruto 3")
    finds.wait_explained("Naruto", 3, "prowlarr: did not answer on")
    first = prowlarr.requests[0]["time"]
    open_at = moment(finds.host("prowlarr")["next_at"]).timestamp()
    assert open_at - first > 1.9
    assert len(settle(lambda: list(prowlarr.requests), 1)) == 1


def test_nothing_came_is_not_nothing_there_while_indexers_are_away(finds, prowlarr):
    prowlarr.state["indexers"].append(indexer(2, "Bêta"))
    prowlarr.state["releases"].clear()
    prowlarr.state["away"] = {"2": 3600}
    finds.start()
    finds.search("Naruto 3")
    finds.wait_explained("Naruto", 3, "prowlarr: did not answer on", "1 of 2 indexers are away: Bêta")
    assert finds.lab.newest("metrics/search.json")["cache"]["negative"] == 1, "of the table, which has nothing"


def test_all_indexers_away_is_a_failure(finds, prowlarr):
    prowlarr.state["away"] = {"1": 3600}
    finds.start()
    finds.search("Naruto 3")
    finds.wait_explained("Naruto", 3, "prowlarr: did not answer on", "none of the indexers is available")


def test_a_redirect_is_not_followed_and_takes_no_key_along(finds, prowlarr):
    with Prowlarr() as other:
        prowlarr.state["modes"]["search"] = {"kind": "redirect", "to": f"{other.url}/api/v1/search?query=x"}
        finds.start()
        ask_in_vain(finds, prowlarr, "sends us to another address")
        assert not other.requests


def test_a_drip_holds_nobody_up(finds, prowlarr):
    lab = finds.start().lab
    prowlarr.state["modes"]["search"] = {"kind": "drip", "seconds": 60}
    finds.search("Naruto 3")
    until(lambda: prowlarr.requests, 5, "the call")
    finds.found("Gantz", 2)
    start = time.monotonic()
    lab.accept("monitor", "Naruto ignore 9")
    lab.read("status/requests")
    assert "ordered, not asked yet" in finds.explain("Naruto", 3)
    assert time.monotonic() - start < 20
    assert lab.end_indexer(15) < 5, "it waited for the drip"


def test_a_dead_host_is_told(finds):
    finds.set("prowlarr", url="http://127.0.0.1:9")
    finds.start()
    finds.search("Naruto 3")
    finds.wait_explained("Naruto", 3, "prowlarr: did not answer on")
    assert finds.host("prowlarr")["failures_total"] == 1


def test_the_budget_of_the_minute_is_kept_whatever_is_ordered(lab, prowlarr):
    names = [f"Serie {chr(65 + i)}" for i in range(8)]
    for name in names:
        own(lab, name, 1, 3)
    finds = Finds(lab).use_prowlarr(prowlarr, requests_per_minute=3).start()
    for name in names:
        finds.search(name)
    until(lambda: len(prowlarr.requests) == 3, 10, "three calls")
    assert settle(lambda: len(prowlarr.requests), 3) == 3
    host = finds.host("prowlarr")
    assert host["used_minute"] == 3 and host["left_minute"] == 0 and host["used_day"] == 3 and host["left_day"] == 97
    last = prowlarr.requests[0]["time"] + 60
    assert abs(moment(host["next_at"]).timestamp() - last) < 2
    throttler = lab.newest("metrics/search.json")["throttler"]
    assert throttler == {"requests_per_minute": 3, "min_interval_seconds": 20}


def test_the_budget_of_the_day_is_kept(lab, prowlarr):
    for i in range(5):
        own(lab, f"Serie {chr(65 + i)}", 1, 3)
    finds = Finds(lab).use_prowlarr(prowlarr, requests_per_day=4).start()
    # an empty answer costs as many calls as it takes to believe it
    finds.lab.accept("search", "due")
    until(lambda: len(prowlarr.requests) == 4, 10, "four calls")
    assert settle(lambda: len(prowlarr.requests), 1.5) == 4
    assert finds.host("prowlarr")["left_day"] == 0
    assert moment(finds.host("prowlarr")["next_at"]).strftime("%H:%M:%S") == "00:00:00"


def files_below(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place, name)


def disguises(text):
    data = text.encode()
    return {data, base64.b64encode(data).rstrip(b"="), data.upper(), data.hex().encode(),
            quote(text, safe="").encode(), data[::-1]}


def check_clean(where, data, words):
    for word in words:
        assert word not in data, f"a secret is in {where}"


def test_no_secret_is_seen_anywhere(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4, 6)
    own(lab, "Bleach", 1, 3)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    offer(prowlarr, 2, f"Naruto T05 FR CBZ apikey={KEY}", infoUrl=f"https://t.example/5?apikey={KEY}",
          guid=f"https://t.example/5?apikey={KEY}")
    finds = Finds(lab).use_prowlarr(prowlarr).set("monitor", auto_check_enabled="true")
    finds.set("torznab", feeds=[f"jackett {prowlarr.url}/torznab/jackett/api {lab.dir / 'prowlarr.key'}"])
    finds.set("prowlarr", requests_per_minute=60)
    finds.set("qbittorrent", url="http://127.0.0.1:9", username="me",
              password_file=secret(lab.dir / "qbittorrent", "canary" + KEY[::-1]))
    finds.log_level = "trace"
    lab = finds.start().lab
    finds.wait_results("Naruto", 3)
    until(lambda: finds.feed("prowlarr")["state"] == "read", 10, "the feed")
    finds.grab("Naruto", 3)
    until(lambda: any(r["text"] for r in finds.requests()), 10, "a failure of the client")
    prowlarr.state["modes"]["any"] = {"kind": "raw", "status": 500, "body": f"bad key {KEY} at /x?apikey={KEY}"}
    prowlarr.state["modes"]["search"] = prowlarr.state["modes"]["any"]
    finds.search("Bleach 2")
    settle(lambda: lab.read("status/requests"), 1)
    words = disguises(KEY)
    walked = 0
    for path in files_below(lab.mnt):
        if path.is_symlink():
            continue
        walked += 1
        check_clean(path, path.read_bytes(), words | disguises(PASSKEY))
        check_clean("a name", os.fsencode(path), words)
    assert walked > 50
    for path in files_below(lab.state):
        if path.is_file():
            check_clean(path, path.read_bytes(), words)
    check_clean("the log of the mount", lab.log.read_bytes(), words)
    assert (lab.state / "mediamond.log").stat().st_size > 0
    for pid in (lab.indexer(), lab.fs.pid, *lab.children("--worker"), *lab.children("--scout")):
        for name in ("cmdline", "environ"):
            check_clean(f"{pid} {name}", Path(f"/proc/{pid}/{name}").read_bytes(), words)
    for command in (["export", "volumes"], ["dump", "status/requests"], ["doctor"]):
        check_clean(command, "".join(map(str, lab.command(*command))).encode(), words)


def test_a_key_in_the_path_of_an_address_is_kept_nowhere(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    hidden = "".join(f"%{ord(c):02x}" for c in KEY)
    items = "".join(
        f"<item><title>Naruto T03 FR CBZ {n}</title><guid>{address}</guid><link>{address}</link>"
        f"<comments>{address}</comments><size>52428800</size></item>"
        for n, address in enumerate((
            f"https://t.example/dl/{KEY}/1.torrent", f"https://t.example/dl/{PASSKEY}/2.torrent",
            f"https://t.example/dl/{hidden}/3.torrent", f"https://t.example/{PASSKEY.upper()}.torrent",
            f"https://t.example/dl/a%2F{KEY.upper()}%2F5.torrent")))
    prowlarr.state["modes"]["torznab/jackett"] = {
        "kind": "raw", "body": f"<rss><channel>{items}</channel></rss>"}
    finds = Finds(lab).set("torznab", feeds=[f"jackett {prowlarr.url}/torznab/jackett/api {lab.dir / 'prowlarr.key'}"])
    secret(lab.dir / "prowlarr.key", KEY)
    finds.set("qbittorrent", url="http://127.0.0.1:9", username="me", password_file=secret(lab.dir / "q", "x"))
    lab = finds.start().lab
    finds.search("Naruto")
    rows = finds.wait_results("Naruto", 3, lambda rows: len(rows) == 5)
    assert len({r["title"] for r in rows}) == 5
    finds.grab("Naruto", 3)
    until(lambda: any(r["text"] for r in finds.requests()), 10, "a failure of the client")
    words = disguises(KEY) | {hidden.encode()} | disguises(PASSKEY)
    for path in files_below(lab.state):
        if path.is_file():
            check_clean(path, path.read_bytes(), words)
    for path in files_below(lab.mnt):
        if not path.is_symlink():
            check_clean(path, path.read_bytes(), words)


# --- downloads that nobody asked for ---

@pytest.fixture
def three(lab, prowlarr):
    """Three missing volumes that Prowlarr has, and one of which it has something doubtful."""
    own(lab, "Naruto", 1, 2, 4, 6, 8)
    own(lab, "Bleach", 1, 3)
    for n in (3, 5, 7):
        offer(prowlarr, n, f"Naruto T{n:02} FR CBZ")
    offer(prowlarr, 9, "Kubo - Bleach T02 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr).set("monitor", auto_check_enabled="true")
    finds.folder = finds.use_blackhole()
    return finds


def dropped(finds):
    return sorted(p.name for p in finds.folder.iterdir())


def wait_dropped(finds, count=0):
    """All was looked for, and so many files are there, and stay so."""
    finds.wait_results("Naruto", 3)
    finds.wait_results("Bleach", 2)
    until(lambda: len(dropped(finds)) >= count, 10, f"{count} files: {dropped(finds)}")
    assert len(settle(lambda: dropped(finds), 1)) == count


def test_nothing_is_downloaded_by_itself_unless_that_is_on(three):
    wait_dropped(three.start(), 0)
    assert {r["state"] for r in three.requests()} == {"found"}


def test_nothing_is_downloaded_by_itself_in_dry_run_and_what_waits_goes_on_after(three):
    three.set("monitor_missing_volumes", auto_download_enabled="true")
    wait_dropped(three.start(dry=True), 0)
    three.lab.accept("dry-run", "off")
    until(lambda: len(dropped(three)) == 3, 10, f"three files: {dropped(three)}")


def test_only_what_is_confirmed_is_downloaded_by_itself(three):
    three.set("monitor_missing_volumes", auto_download_enabled="true").start()
    wait_dropped(three, 3)
    assert three.results("Bleach", 2)[0]["verdict"] == "unconfirmed" and three.results("Bleach", 2)[0]["reason"]
    assert not any("Bleach" in name for name in dropped(three))
    # a person may
    assert three.grab("Bleach", 2) == 0
    until(lambda: len(dropped(three)) == 4, 10, "the fourth file")


def test_downloads_of_a_day_are_capped_over_restarts_and_people_are_not(three):
    three.set("monitor_missing_volumes", auto_download_enabled="true").set("requests", per_day=2).start()
    wait_dropped(three, 2)
    three.lab.kill_indexer()
    three.lab.start_indexer()
    wait_dropped(three, 2)
    left, = [r for r in three.requests() if r["state"] == "found" and r["series"] == "Naruto"]
    assert three.lab.order("grab", str(left["id"])) == 0
    until(lambda: len(dropped(three)) == 3, 10, "the third file")


def test_a_series_can_be_left_out_of_it(three):
    three.set("monitor_missing_volumes", auto_download_enabled="true").start(dry=True)
    three.lab.accept("monitor", "Naruto auto off")
    three.lab.accept("dry-run", "off")
    wait_dropped(three, 0)
    three.lab.accept("monitor", "Naruto auto on")
    until(lambda: len(dropped(three)) == 3, 10, "three files")
