# SPDX-License-Identifier: GPL-3.0-or-later
"""search, grab, monitor, refresh, pause: what people order about missing and new volumes."""
import errno
import sys
from pathlib import Path

import pytest

from finding import Finds, dropped_in, ed2k, offer, own, refused, settle
from harness import until

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
import nautiljon  # noqa: E402
from prowlarr import Prowlarr  # noqa: E402

#: more volumes in Japan than in France, where 5 are out and 6 is to come
NEWS = ("Cible", "", "30 (En cours)", "5 (En cours)", (5, "01/07/2020"), (6, "01/01/2090"), 1)


@pytest.fixture
def prowlarr():
    with Prowlarr() as p:
        yield p


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setitem(nautiljon.SERIES, "cible", NEWS)
    made = nautiljon.Site()
    yield made
    made.close()


@pytest.fixture
def finds(lab, prowlarr):
    """Two series with one missing volume each, and a Prowlarr."""
    own(lab, "Naruto", 1, 2, 4)
    own(lab, "20th Century Boys", 1, 3)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    offer(prowlarr, 2, "20th Century Boys T02 FR CBZ")
    return Finds(lab).use_prowlarr(prowlarr)


def queries(prowlarr):
    return [r["query"]["query"][0] for r in prowlarr.asked("/api/v1/search") if r["method"] == "GET"]


# --- search ---

def test_search_takes_a_series_a_volume_or_what_is_due(finds, prowlarr):
    finds.start()
    settle(lambda: queries(prowlarr))
    assert not queries(prowlarr), "searched by itself"
    finds.search("20th Century Boys 2")
    finds.wait_results("20th Century Boys", 2)
    assert queries(prowlarr) == ["20th Century Boys"]
    finds.search("due")
    finds.wait_results("Naruto", 3)
    assert queries(prowlarr) == ["20th Century Boys", "Naruto"], "what was asked now is not due"
    text = finds.wait_explained("Naruto", 3, "prowlarr: answered on", "1 result, 1 confirmed")
    assert "it is below the last volume that is owned (interior)" in text
    assert finds.missing("Naruto")[3]["best"] == "Naruto T03 FR CBZ"


def test_an_answer_of_the_last_hour_counts(finds, prowlarr):
    lab = finds.start().lab
    for n in range(3):
        finds.search("Naruto")
        until(lambda: sum(lab.newest("metrics/search.json")["cache"][k] for k in ("hits", "misses")) == n + 1, 10,
              f"answer {n}")
    assert queries(prowlarr) == ["Naruto"]
    cache = lab.newest("metrics/search.json")["cache"]
    assert cache["hits"] == 2 and cache["misses"] == 1 and cache["total_entries"] == 1
    assert cache["cache_size_bytes"] > 0


def test_a_search_that_cannot_be_says_why(finds):
    lab = finds.start().lab
    for words, error, *why in (
            ("Nobody", errno.ENOENT, '"Nobody" is no series'), ("Naruto 2", errno.ENOENT, "volume 2 is not missing"),
            ("Nobody 3", errno.ENOENT, "is no series"), ("", errno.EINVAL, "blank"),
            ("Naruto\0", errno.EINVAL, "NUL"), ("Naruto -3", errno.ENOENT, "is no series")):
        refused(lab, lab.order("search", words), error, " search: ", *why)


def test_without_a_source_a_search_is_not_permitted(lab):
    own(lab, "Naruto", 1, 3)
    Finds(lab).start()
    refused(lab, lab.order("search", "Naruto"), errno.EPERM, "no source is set up")
    refused(lab, lab.order("search", "due"), errno.EPERM, "no source is set up")


def test_a_series_that_is_not_monitored_is_searched_only_when_ordered(finds, prowlarr):
    finds.set("monitor", auto_check_enabled="true", new_series="false")
    lab = finds.start().lab
    lab.accept("monitor", "20th Century Boys on")
    until(lambda: queries(prowlarr), 10, "a search by itself")
    finds.wait_explained("Naruto", 3, "The series is not monitored: it is not looked for.")
    lab.accept("search", "due")
    assert settle(lambda: queries(prowlarr), 1.5) == ["20th Century Boys"]
    assert not finds.missing("Naruto")[3]["monitored"] and finds.missing("20th Century Boys")[2]["monitored"]
    finds.found("Naruto", 3)
    assert queries(prowlarr) == ["20th Century Boys", "Naruto"]


def test_searching_can_be_held_let_go_and_given_up(finds, prowlarr):
    lab = finds.start().lab
    refused(lab, lab.order("resume", "search"), errno.EBUSY, "nothing to resume")
    lab.accept("pause", "search")
    refused(lab, lab.order("pause", "search"), errno.EBUSY, "nothing to pause")
    finds.search("Naruto 3")
    finds.wait_explained("Naruto", 3, "ordered, not asked yet")
    assert settle(lambda: queries(prowlarr)) == []
    lab.accept("resume", "search")
    finds.wait_results("Naruto", 3)
    lab.accept("pause", "search")
    finds.search("20th Century Boys 2")
    lab.accept("cancel", "search")
    lab.accept("resume", "search")
    assert settle(lambda: queries(prowlarr)) == ["Naruto"]


# --- grab ---

def test_a_grab_is_done_once(finds):
    folder = finds.use_blackhole()
    lab = finds.start().lab
    row, = finds.found("Naruto", 3)
    request = finds.wait_request("found", "Naruto", 3)
    assert request["title"] == "Naruto T03 FR CBZ" and lab.order("grab", str(request["id"])) == 0
    dropped = until(lambda: list(folder.glob("*.torrent")), 10, f"the file: {finds.requests()}")
    for again in (str(request["id"]), f"result {row['id']}"):
        refused(lab, lab.order("grab", again), errno.EBUSY, "it was handed over already")
    refused(lab, finds.grab("Naruto", 3), errno.EBUSY, "it was handed over already")
    assert settle(lambda: dropped_in(folder)) == dropped
    assert finds.wait_request("sent", "Naruto", 3)["client"] == "blackhole"


def test_a_grab_that_cannot_be_says_why(lab):
    own(lab, "Naruto", 1, 2, 4)
    finds = Finds(lab).use_ebdz([(ed2k("Naruto T03.cbz")[0], "Naruto")]).start()
    row, = finds.found("Naruto", 3)
    refused(lab, finds.grab("Naruto", 3), errno.EPERM, "no download client is set up for ed2k")
    for words, error, *why in (
            ("99999", errno.ENOENT, "no request 99999"), ("result 99999", errno.ENOENT, "no result 99999"),
            ("it", errno.EINVAL, '"it"'), ("-1", errno.EINVAL, '"-1"'), ("result", errno.EINVAL, '"result"'),
            ("result x", errno.EINVAL, "not understood"), (f"result {row['id']} x", errno.EINVAL, "not understood"),
            ("", errno.EINVAL, "blank"), ("9" * 30, errno.EINVAL, "9" * 30)):
        refused(lab, lab.order("grab", words), error, " grab: ", *why)
    # what the line means is told by the mount itself
    for line, error in (("99", errno.ENOENT), ("0", errno.EINVAL), ("-1", errno.EINVAL), ("one", errno.EINVAL),
                        ("1 2", errno.EINVAL)):
        assert finds.grab("Naruto", 3, line) == error, line
    assert "echo 1 > grab" in lab.read("manga/Naruto/missing/3/grab").decode()


# --- monitor ---

NAMES = ("Naruto", "Always on", "Le Roi", "Le Roi total 2", "Le Roi alias X", "Été à Kyōto — l'île", "Auto off", "on")


def wish(finds, series):
    """What its file says: {word: value}."""
    text = finds.lab.read(f"manga/{series}/monitor").decode().split("\n\n")[0]
    return {line.split(None, 1)[0]: line.split(None, 1)[1] for line in text.splitlines()}


@pytest.fixture
def wishes(lab):
    """Series with difficult names, each with volumes 1, 2 and 4; of the last, more."""
    for name in NAMES:
        own(lab, name, 1, 2, 4)
    return Finds(lab).start()


def test_monitor_takes_every_wish_of_every_series(wishes):
    lab = wishes.lab
    for name in NAMES:
        wishes.wait_missing(name, 3)
        for words, word, value in (
                ("off", "monitored", "off"), ("on", "monitored", "on"), ("auto on", "auto", "on"),
                ("auto off", "auto", "off"), ("language fr", "language", "fr"),
                ("alias Un autre", "aliases", "Un autre"),
                ("url http://x.example/mangas/x.html", "url", "http://x.example/mangas/x.html")):
            lab.accept("monitor", f"{name} {words}")
            until(lambda: wish(wishes, name)[word] == value, 5, f"{words} of {name}: {wish(wishes, name)}")
        lab.accept("monitor", f"{name} total 6")
        wishes.wait_missing(name, 3, 5, 6)
        lab.accept("monitor", f"{name} ignore 3")
        wishes.wait_missing(name, 5, 6)
        lab.accept("monitor", f"{name} ignore 5")
        wishes.wait_missing(name, 6)
        lab.accept("monitor", f"{name} unignore 3")
        wishes.wait_missing(name, 3, 6)
        lab.accept("monitor", f"{name} total none")
        wishes.wait_missing(name, 3)
        assert wish(wishes, name)["ignored"] == "5"
    assert "You said" not in wishes.explain("Naruto", 3)


def test_an_alias_is_removed_as_it_was_given(wishes):
    lab = wishes.lab
    for words in ("alias Un autre", "alias L'Été rouge", "alias Un autre"):
        lab.accept("monitor", f"Le Roi {words}")
    until(lambda: wish(wishes, "Le Roi")["aliases"] == "Un autre | L'Été rouge", 5, "twice the same is once")
    refused(lab, lab.order("monitor", "Le Roi unalias Autre"), errno.EINVAL, "unalias")
    refused(lab, lab.order("monitor", "Le Roi unalias"), errno.EINVAL, "unalias")
    assert wish(wishes, "Le Roi")["aliases"] == "Un autre | L'Été rouge"
    assert wishes.write("manga/Le Roi/monitor", "unalias un AUTRE") == 0, lab.last()
    until(lambda: wish(wishes, "Le Roi")["aliases"] == "L'Été rouge", 5, "removed")
    lab.accept("monitor", "Le Roi unalias L'Été rouge")
    until(lambda: wish(wishes, "Le Roi")["aliases"] == "none", 5, "removed")
    assert "unalias NAME" in lab.read("manga/Le Roi/monitor").decode()


def test_a_series_has_its_own_monitor_file(wishes):
    lab = wishes.lab
    for name in NAMES:
        for words, word, value in (("off", "monitored", "off"), ("total 7", "total", "7"),
                                   ("ignore 3", "ignored", "3"), ("auto on", "auto", "on")):
            assert wishes.write(f"manga/{name}/monitor", words) == 0, lab.last()
            until(lambda: wish(wishes, name)[word] == value, 5, f"{words} of {name}: {wish(wishes, name)}")
        wishes.wait_missing(name, 5, 6, 7)
        refused(lab, wishes.write(f"manga/{name}/monitor", "perhaps"), errno.EINVAL, "perhaps")
        assert wishes.explain(name, 7).count("You said that the series has 7 volumes") == 1


def test_a_wish_that_makes_no_sense_is_refused_and_changes_nothing(wishes):
    lab = wishes.lab
    before = {name: lab.read(f"manga/{name}/monitor") for name in NAMES}
    for words, error in (
            ("Naruto total many", errno.EINVAL), ("Naruto total -1", errno.EINVAL),
            ("Naruto total 99999", errno.EINVAL), ("Naruto ignore", errno.EINVAL),
            ("Naruto ignore 1.5", errno.EINVAL), ("Naruto language french", errno.EINVAL),
            ("Naruto auto perhaps", errno.EINVAL), ("Naruto url file:///etc/passwd", errno.EINVAL),
            ("Nobody on", errno.ENOENT), ("Naruto", errno.EINVAL), ("Naruto maybe", errno.EINVAL),
            ("", errno.EINVAL)):
        refused(lab, lab.order("monitor", words), error, " monitor: ")
    # all lines of a write or none
    refused(lab, lab.order("monitor", "Naruto off\nNobody off"), errno.ENOENT, "Nobody")
    assert {name: lab.read(f"manga/{name}/monitor") for name in NAMES} == before


def test_an_alias_and_a_language_decide_what_is_confirmed(lab, prowlarr):
    own(lab, "L'Attaque des Titans", 1, 3)
    offer(prowlarr, 1, "Shingeki no Kyojin T02 FR CBZ")
    offer(prowlarr, 2, "L'Attaque des Titans T02 [ENGLISH] CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr).start()
    lab.accept("monitor", "L'Attaque des Titans alias Shingeki no Kyojin")
    lab.accept("monitor", "L'Attaque des Titans language fr")
    finds.search("L'Attaque des Titans")
    finds.wait_results("L'Attaque des Titans", 2)
    assert queries(prowlarr), "not asked"
    rows = {r["title"]: r for r in finds.results("L'Attaque des Titans", 2)}
    english = rows.get("L'Attaque des Titans T02 [ENGLISH] CBZ")
    assert english is None or english["verdict"] != "confirmed", english


def test_what_an_alias_found_is_no_find_without_it(lab):
    name = "Shingeki no Kyojin T02 FR.cbz"
    own(lab, "L'Attaque des Titans", 1, 3)
    finds = Finds(lab).use_ebdz([(ed2k(name)[0], "Shingeki no Kyojin")]).start()
    lab.accept("monitor", "L'Attaque des Titans alias Shingeki no Kyojin")
    finds.search("L'Attaque des Titans")
    finds.wait_results("L'Attaque des Titans", 2, lambda rows: any(r["verdict"] == "confirmed" for r in rows))
    assert finds.missing("L'Attaque des Titans")[2]["best"] == name
    lab.accept("monitor", "L'Attaque des Titans unalias Shingeki no Kyojin")
    until(lambda: finds.missing("L'Attaque des Titans")[2]["best"] != name, 10, "no find")
    assert all(r["verdict"] != "confirmed" for r in finds.results("L'Attaque des Titans", 2))


# --- refresh ---

@pytest.fixture
def news(lab, site):
    """Series "Cible" with 1 to 4; an authority that is asked only when ordered."""
    own(lab, "Cible", 1, 2, 3, 4)
    finds = Finds(lab).set("nautiljon", enabled="true", url=site.url, distance="0s")
    return finds.set("monitor_new_volumes", enabled="true")


def said(finds, series):
    return [r for r in finds.lab.newest("status/new.json")["items"] if r["series"] == series]


def test_without_an_authority_refresh_is_not_permitted(lab):
    own(lab, "Cible", 1)
    Finds(lab).start()
    refused(lab, lab.order("refresh", "Cible"), errno.EPERM, "no authority is set up")
    assert "no authority is asked" in lab.read("status/new").decode()


def test_refresh_tells_what_is_out_and_what_is_to_come(news, site):
    lab = news.start().lab
    assert settle(lambda: list(site.requests)) == [], "asked by itself"
    refused(lab, lab.order("refresh", "Nobody"), errno.ENOENT, '"Nobody" is no series')
    lab.accept("refresh", "Cible")
    rows = until(lambda: said(news, "Cible") if len(said(news, "Cible")) > 1 else None, 10, "status/new")
    assert [(r["volume"], r["state"]) for r in rows] == [(5, "out"), (6, "announced")]
    assert rows[1]["planned_at"].startswith("2090-01-01") and rows[0]["released"] == 5 and rows[0]["original"] == 30
    news.wait_missing("Cible", 5)
    assert news.missing("Cible")[5]["kind"] == "announced"
    assert "5 volumes are out, volume 6 is announced for 2090-01-01" in news.explain("Cible", 5)
    text = lab.read("status/new").decode()
    assert "Cible" in text and "out" in text and "announced" in text
    pages = len(site.requests)
    refused(lab, lab.order("refresh", "Cible"), errno.EBUSY, "was asked lately: not again before")
    assert settle(lambda: len(site.requests)) == pages == 2


@pytest.mark.parametrize("mode", ["403", "429", "challenge", "interdite", "expired"])
def test_a_block_page_is_a_pause_and_never_no_volumes(news, site, mode):
    lab = news.start().lab
    site.mode = mode
    lab.accept("refresh", "Cible")
    row = until(lambda: next((r for r in said(news, "Cible") if r["error"]), None), 10, "status/new")
    assert row["state"] == "no answer" and "released" not in row
    host = news.host("nautiljon")
    assert host["breaker"] == "open" and host["reason"], host
    assert host["next_at"] > lab.newest("metrics/search.json")["generated_at"]
    asked = len(site.requests)
    lab.accept("refresh", "Cible")
    # neither an order nor a restart opens it
    lab.kill_indexer()
    lab.start_indexer()
    lab.accept("refresh", "Cible")
    assert settle(lambda: len(site.requests)) == asked == 1
    assert news.host("nautiljon")["breaker"] == "open"
    assert not news.missing("Cible")


def test_an_ambiguous_series_lists_the_choices_and_a_pinned_page_decides(lab, site):
    own(lab, "Twin", 1, 2)
    finds = Finds(lab).set("nautiljon", enabled="true", url=site.url, distance="0s").start()
    lab.accept("refresh", "Twin")
    row = until(lambda: next((r for r in said(finds, "Twin") if r["state"] != "not asked"), None), 10, "status/new")
    assert row["state"] == "ambiguous" and {c["url"].rpartition("/")[2] for c in row["choices"]} == {
        "twin.html", "twin+(roman).html"}
    assert not finds.missing("Twin")
    url = next(c["url"] for c in row["choices"] if "roman" in c["url"])
    lab.accept("monitor", f"Twin url {url}")
    lab.accept("refresh", "Twin")
    finds.wait_missing("Twin", 3, 4, 5)
    assert {r["state"] for r in said(finds, "Twin")} == {"out"}
    assert "twin+(roman).html" in site.requests[-1][1]


def test_the_authority_is_asked_by_itself_about_monitored_series_only(lab, site):
    own(lab, "Cible", 1, 2, 3, 4)
    own(lab, "Finie", 1)
    finds = Finds(lab).set("nautiljon", enabled="true", url=site.url, distance="0s")
    finds.set("monitor", auto_check_enabled="true", new_series="false").set("monitor_new_volumes", enabled="true")
    lab = finds.start().lab
    lab.accept("monitor", "Cible on")
    until(lambda: said(finds, "Cible"), 10, "status/new")
    assert not said(finds, "Finie") and not any("inie" in path for _, path in site.requests)
