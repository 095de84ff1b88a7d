# SPDX-License-Identifier: GPL-3.0-or-later
"""dashboard.html in a real browser, from the mount by file://."""
import fcntl
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import chromium
import paging
from chromium import Chromium

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mediamon-check"
LOOKS = [(360, False, True), (360, True, False), (1600, True, True), (1600, False, False)]


@pytest.fixture
def browser(tmp_path):
    if not chromium.PROGRAM:
        pytest.skip("chromium is not installed (contrib/deps.sh check)")
    with Chromium(tmp_path) as b:
        yield b


@pytest.fixture
def axe():
    found = sorted(CACHE.glob("axe-core-*.js"))
    if not found:
        pytest.skip(f"no axe-core in {CACHE} (contrib/deps.sh check)")
    return found[-1].read_text()


@pytest.fixture
def full(lab):
    """A mount that shows much, some of it hostile, without an indexer."""
    return paging.filled(lab).start("-o", "noindexer")


def address(lab):
    return f"file://{lab.mnt}/dashboard.html"


class Reader(HTMLParser):
    """The texts of elements by their name, as any parser of HTML sees them."""

    def __init__(self, page):
        super().__init__()
        self.open, self.texts, self.attributes = [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append((tag, []))
        self.attributes.append((tag, dict(attrs)))

    def handle_data(self, data):
        for _, texts in self.open:
            texts.append(data)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f"</{tag}> ends {self.open[-1:]}"
        self.texts.setdefault(tag, []).append("".join(self.open.pop()[1]))


def seen_title(title):
    """As people see it: what no terminal takes is shown by its bytes."""
    return re.sub(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", lambda m: "".join(f"\\x{b:02x}" for b in m.group().encode()), title)


def test_any_parser_reads_it_and_hostile_titles_stay_text(full):
    page = full.read("dashboard.html").decode()
    reader = Reader(page)
    assert not reader.open
    shown = set(reader.texts["bdi"])
    for title in paging.HOSTILE:
        assert seen_title(title) in shown, title
    # the file that is told at the end of a sentence is the program's word, not the text's
    alerts = re.findall(r"<li><bdi>alert root_absent (.*?)</bdi>(.*?)</li>", page)
    assert len(alerts) == 12 and {link for _, link in alerts} == {' <a href="#roots">See below</a>'}
    # as many as there are, although more of our own calls are newer
    assert len(re.findall(r'data-name="Chapter"', page)) == 12
    names = {name for _, attributes in reader.attributes for name in attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}, names
    assert len(reader.texts["script"]) == len(reader.texts["h1"]) == 1
    links = [a["href"] for tag, a in reader.attributes if tag == "a"]
    assert all(not re.match(r"[a-z]+:|//", link) for link in links), links
    # what it leads to is there
    for link in set(links) - {""}:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
        elif not link.startswith("manga/"):
            assert os.path.exists(full.mnt / unquote(link)), link


def test_people_copy_the_line_that_grabs_a_find(full, browser):
    page = browser.page().open(address(full))
    lines = page.value("[...document.querySelectorAll('#finds .finds code')].map(c => c.textContent)")
    assert lines and all(re.fullmatch(rf"echo \d+ > {re.escape(str(full.mnt))}/control/grab", line) for line in lines)
    requests = {r["id"]: r for r in full.json("status/requests.json")["items"] if r["state"] == "found"}
    assert {int(line.split()[1]) for line in lines} <= requests.keys()
    # without a mount it is the line that works without one
    status, out, _ = full.command("dump", "dashboard.html")
    assert status == 0 and f"mediamon order grab {lines[0].split()[1]} --config {full.conf}" in out
    page.value("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    page.value("document.querySelector('#finds .finds button').click()")
    assert page.value("window.copied") == lines[0]
    assert page.value("document.getElementById('said').textContent") == "Copied"


def test_everybody_can_use_it_and_nothing_is_fetched(full, browser, axe):
    for width, dark, script in LOOKS:
        look(full, browser, axe, width, dark, script)


def look(full, browser, axe, width, dark, script):
    page = browser.page(width=width, dark=dark, script=script).open(address(full))
    assert page.value("document.title") == "mediamon"
    assert page.value("document.documentElement.scrollWidth") <= width
    # cut by no box of its own either
    assert page.value("[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 "
                      "&& !e.closest('svg, thead')).map(e => e.outerHTML.slice(0, 200))") == []
    background = page.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == dark
    assert bool(page.value("document.querySelectorAll('button').length")) == script
    assert page.value("document.images.length + document.querySelectorAll('iframe, object, base').length") == \
        page.value("document.querySelectorAll('img[src^=\"data:image/jpeg\"]').length")
    asked = [r for r in page.requests if not r.startswith("data:")]
    assert asked == [address(full)] and page.complaints == []
    # what judges needs timers; the page's own script did not run
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    page.value(axe + "; 0")
    result = page.value("axe.run({resultTypes: ['violations']}).then(r => [r.passes.length, r.violations.map(v => "
                        "[v.id, v.nodes.length, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary])])")
    assert result[0] > 20 and result[1] == []


def test_the_browser_would_tell_of_a_request_and_axe_of_a_fault(tmp_path, browser, axe):
    """What the test above believes can fail."""
    (tmp_path / "bad.html").write_text("<img src='http://127.0.0.1:9/x'><button></button><p style='width:5000px'>x")
    page = browser.page(width=360).open(f"file://{tmp_path}/bad.html")
    assert "http://127.0.0.1:9/x" in page.requests
    assert page.value("document.documentElement.scrollWidth") > 360
    page.value(axe + "; 0")
    found = page.value("axe.run().then(r => r.violations.map(v => v.id))")
    assert {"image-alt", "button-name", "html-has-lang"} <= set(found)


def test_the_script_sorts_filters_and_tells_the_age(full, browser):
    page = browser.page().open(address(full))
    # Tokyo: nine hours ahead
    at = page.value("document.querySelector('#roots time').dateTime")
    text = page.value("document.querySelector('#roots time').textContent")
    hour = (int(at[11:13]) + 9) % 24
    assert re.search(rf"\b{hour % 12 or 12}:{at[14:16]}", text), (at, text)
    files = "[...document.querySelectorAll('#errors tbody tr:not([hidden]) th')].map(e => e.textContent)"
    before = page.value(files)
    page.value("document.querySelector('#errors thead button').click()")
    page.value("document.querySelector('#errors thead button').click()")
    after = page.value(files)
    assert sorted(after) == sorted(before) and after != before
    assert page.value("document.querySelector('#errors th[aria-sort]').getAttribute('aria-sort')") == "descending"
    page.value("{ let i = document.querySelector('#errors input'); i.value = 'BERSERK'; i.dispatchEvent(new Event('input')); }")
    assert len(page.value(files)) == 1 and "Berserk" in page.value(files)[0]
    assert page.value("document.querySelector('#errors .tools [role=status]').textContent") == f"1 of {len(before)}"
    assert page.value("document.getElementById('stale').hidden")
    page.value("{ let now = Date.now; Date.now = () => now() + 4 * 60000; document.dispatchEvent(new Event('visibilitychange')); }")
    assert not page.value("document.getElementById('stale').hidden")
    assert "4 minutes ago" in page.value("document.getElementById('stale').textContent")
    assert page.value("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_the_keyboard_reaches_the_content_first(full, browser):
    page = browser.page().open(address(full))
    page.press("Tab", 9)
    assert page.value("document.activeElement.className") == "skip"
    assert page.value("document.activeElement.getBoundingClientRect().width") > 50
    page.press("Enter", 13)
    assert page.value("location.hash") == "#main"


def test_small_screens_hide_no_keyboard_stop_and_no_plot(full, browser):
    page = browser.page(width=360).open(address(full))
    box = "document.querySelector('#errors thead button').getBoundingClientRect()"
    head = "getComputedStyle(document.querySelector('#errors thead'))"
    assert page.value(head + ".position") == "absolute"
    page.value("document.querySelector('#errors thead button').focus()")
    assert page.value(head + ".clipPath") == "none" and page.value(box + ".width") > 20
    assert page.value(f"document.elementFromPoint({box}.x + 5, {box}.y + 5).tagName") == "BUTTON"
    assert page.value("document.documentElement.scrollWidth") <= 360
    figures = page.value("[...document.querySelectorAll('#plots figure')].map(f => [f.clientWidth, f.scrollWidth, f.tabIndex, "
                         "f.getAttribute('aria-label'), f.querySelector('svg').clientWidth])")
    assert len(figures) == 8
    for seen, all_of_it, tab, label, width in figures:
        assert seen < all_of_it and tab == 0 and label.startswith("Plot: ") and width == 400


def test_it_says_that_the_indexer_is_away_and_back(lab, browser):
    lab.start()
    lab.wait_idle()
    page = browser.page(script=False)
    heading, asof = "document.querySelector('#now h2').textContent", "document.querySelector('.asof').textContent"
    page.open(address(lab))
    assert page.value(heading) == "All is well" and page.value(asof).startswith("As of 20")
    lab.kill_indexer()
    paging.until(lambda: lab.newest("status/health.json")["state"] == "failed", 15, "the indexer's end")
    page.open(address(lab))
    assert page.value(heading) == "Nothing is updated" and "The indexer is away" in page.value(asof)


def test_an_indexer_that_starts_is_nothing_wrong(lab):
    lab.state.mkdir()
    with open(lab.state / "mediamond.pid", "w") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        lab.start("-o", "noindexer")
        page = lab.read("dashboard.html").decode()
    assert '<h2 id="h-now">Starting</h2>' in page and "Something is wrong" not in page


def test_a_shell_runs_the_lines_whatever_the_mount_is_called(make_lab, browser, tmp_path):
    lab = paging.filled(make_lab(folder=tmp_path / "it's  mine & yours")).start()
    page = browser.page().open(address(lab))
    lines = page.value("[...document.querySelectorAll('.command code')].map(c => [c.textContent, c.innerText, "
                       "(getSelection().selectAllChildren(c), getSelection().toString())])")
    assert all(line == shown == selected for line, shown, selected in lines), lines[0]
    line, = {line for line, _, _ in lines if line.startswith("echo off ")}
    assert "The dry run is on" in lab.read("dashboard.html").decode()
    assert subprocess.run(["sh", "-c", line], cwd="/").returncode == 0, line
    paging.until(lambda: "The dry run is on" not in lab.newest_text("dashboard.html"), 15, "the end of the dry run")


def test_what_many_texts_hide(lab):
    """The job that runs behind those that wait, a find between the volumes of another."""
    lab.start()
    lab.wait_idle()
    lab.stop()
    f = paging.Filler(lab.state)
    f.much(hostile=False)
    f.put("job", words="rescan at-last", state="running", submitted_at=paging.NOW, started_at=paging.NOW)
    key = f.series("A Find Between", [1, 2, 3])
    f.find(key, "A Find Between", [1, 3])
    f.find(key, "A Find Between", [2])
    f.end()
    lab.start("-o", "noindexer")
    page = lab.read("dashboard.html").decode()
    assert "<bdi>rescan at-last</bdi>" in page
    found = re.findall("<strong><bdi>A Find Between</bdi></strong> <span class=\"volumes\">volume ([^<]*)<", page)
    assert found == ["1, 3", "2"]


@pytest.mark.parametrize("texts", [None, paging.LONG_HOSTILE], ids=["usual", "hostile"])
def test_ten_thousand_missing_volumes_are_less_than_a_megabyte(lab, texts):
    lab.start()
    lab.wait_idle()
    lab.stop()
    f = paging.Filler(lab.state)
    f.much(texts=texts)
    f.wide(400, 10000)
    f.end()
    lab.start("-o", "noindexer")
    page = lab.read("dashboard.html")
    assert 300000 < len(page) <= 1000000
    # all that there is to tell is told, and what is left is for pictures
    assert b"too much" not in page and page.count(b"<figure") == 8
    assert page.count(b"src=\"data:image/jpeg") >= (25 if texts is None else 5) and len(page) > 940000
    missing = lab.json("status/missing.json")["count"]
    assert missing > 10000 and f"{missing:,}".encode() in page
    rest = re.search(rb"And ([\d,]+) more series with ([\d,]+) missing volumes: all are in <a href=\"status/missing\"", page)
    shown = [int(n.replace(b",", b"")) for n in re.findall(rb"<b>([\d,]+)</b> missing", page)]
    assert len(shown) == 60 and sum(shown) + int(rest[2].replace(b",", b"")) == missing
