# SPDX-License-Identifier: GPL-3.0-or-later
"""Chapters that scrapers tell of: PANELia's examples as they are, series, retries and runs apart, nothing lost or counted
twice, and a scraper that never waits for its numbers."""
import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness import until
from test_integrity import volume

HERE = Path(__file__).resolve()
MODULE = HERE.parents[2] / "contrib" / "python"
SHARED = Path(os.environ.get("MEDIAMON_SHARED", HERE.parents[3] / "shared"))
HEADER = ("chapter_num,url,duration,images_found,images_downloaded,images_processed,download_errors,total_bytes,"
          "download_speed_mbps,success_rate,success")


@pytest.fixture
def lab(make_lab):
    return make_lab().start()


last_line = {}


def tell(lab, *events, run="r"):
    """0 or the errno of one write.  Its lines have numbers: a slow machine may make the order be given again."""
    lines = []
    for e in events:
        last_line[run] = last_line.get(run, 0) + 1
        lines.append(json.dumps({**e, "run": run, "seq": last_line[run]}))
    return lab.order("chapter", "\n".join(lines))


def accept(lab, *events):
    assert tell(lab, *events) == 0, lab.last()


def chapters(lab, producer="scraper"):
    return [c for c in lab.newest("metrics/chapters.json")["items"] if c["producer"] == producer]


def session(lab):
    return lab.newest("metrics/session.json")


def script(lab, text, tmp_path, *args, **env):
    """A program that uses the module; mount: the lab's unless the environment says otherwise."""
    env = {"MEDIAMON_MOUNT": str(lab.mnt if lab else tmp_path / "nowhere"), "PYTHONPATH": str(MODULE), **env}
    return subprocess.Popen([sys.executable, "-c", text, *args], cwd=tmp_path, env={**os.environ, **env},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(lab, text, tmp_path, *args, **env):
    p = script(lab, text, tmp_path, *args, **env)
    out, err = p.communicate(timeout=120)
    assert p.returncode == 0, err
    assert "Traceback" not in err, err
    return out


def examples():
    """[(language, code)] of PANELia's document."""
    document = SHARED / "origins" / "001-chapter-metrics.md"
    if not document.exists():
        pytest.skip(f"no {document}")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", document.read_text(), re.M | re.S)
    return [(language, code.replace("from metrics import", "from mediamon_metrics import")) for language, code in blocks]


def test_panelias_examples_run_as_they_are(lab, tmp_path):
    blocks = examples()
    python = [code for language, code in blocks if language == "python"]
    whole = next(code for code in python if "for chap_num in" in code)
    told = "\nassert get_collector().flush(60)\n"
    out = run(lab, whole + told, tmp_path)
    assert "Chapitres réussis: 3/3\n" in out and "Taux de succès: 100.0%\n" in out
    assert "Données téléchargées: 29.3 MB\n" in out
    rows = list(csv.DictReader(open(tmp_path / "chapters_metrics.csv", newline="")))
    assert [r["chapter_num"] for r in rows] == ["1.0", "2.0", "3.0"]
    assert all(r["success"] == "True" and r["images_downloaded"] == "10" for r in rows)
    assert (tmp_path / "chapters_metrics.csv").read_text().startswith(HEADER)
    mine = json.loads((tmp_path / "session_metrics.json").read_text())
    seen = session(lab)
    for part in ("chapters", "images"):
        same = {k: v for k, v in mine[part].items() if k != "avg_duration_seconds"}
        assert {k: seen[part][k] for k in same} == same
    assert seen["performance"]["total_bytes_downloaded"] == mine["performance"]["total_bytes_downloaded"] == 30 * 1024000
    # all others, one behind the other; the integration speaks of names of its surroundings
    given = ("chap_num, chap_url, chapter_num = 7.0, 'https://example.com/chapter/7', 7.0\n"
             "image_urls, image_bytes_list, saved, img_bytes = [1, 2, 3], [b'', b''], 2, b'1234'\n"
             "e = ValueError('no page')\n")
    shapes = [eval(code, {"true": True}) for code in python if code.startswith("{")]
    others = [code for code in python if code != whole and not code.startswith("{")]
    assert len(shapes) == 2 and len(others) >= 7, "examples are not found any more"
    assert set(shapes[0]) <= set(mine["chapter_details"][0]) and set(shapes[0]) <= set(chapters(lab)[0])
    for part, keys in shapes[1].items():
        assert set(keys) <= set(mine[part]) and set(keys) <= set(seen[part])
    run(lab, given + "\n".join(others) + told, tmp_path)
    seven = [c for c in chapters(lab) if c["chapter"] == "7"]
    # two pages were told, one was counted; one error; the first end holds
    assert [(c["state"], c["images_found"], c["images_downloaded"], c["images_processed"], c["download_errors"])
            for c in seven] == [("ok", 3, 2, 2, 1)]
    assert (tmp_path / "metrics.json").exists() and (tmp_path / "metrics.csv").exists()


def test_panelias_basic_test_says_what_it_should(tmp_path):
    code = next(c for language, c in examples() if language == "bash" and "time.sleep" in c)
    out = run(None, code.split('"', 1)[1].rsplit('"', 1)[0], tmp_path)
    duration, speed = (float(line.split()[1]) for line in out.splitlines())
    assert duration >= 0.1 and 0 < speed <= 9.77


def test_series_retries_and_parallel_downloads_are_right(lab, tmp_path):
    code = """
import threading
from mediamon_metrics import MetricsCollector
one, two = MetricsCollector(series="One"), MetricsCollector(series="Two")
for c in (one, two):
    c.start_chapter(1.0, "https://example.com/1")
    c.update_chapter(1, images_found=200)
def fetch(c, n):
    for _ in range(n):
        c.add_download(1.0, 1000)
threads = [threading.Thread(target=fetch, args=(c, 20)) for c in (one, two) for _ in range(10)]
[t.start() for t in threads]; [t.join() for t in threads]
one.update_chapter(1.0, images_downloaded=200)
one.end_chapter(1.0, success=False, error_message="the last page \\x1b[31m is gone")
one.start_chapter(1.0)
one.add_download(1.0, 5)
one.end_chapter(1.0)
two.start_chapter(1.0, series="Three")
two.end_chapter(1.0, series="Three")
assert one.flush(60)
print(one.get_stats()["chapters"], two.get_stats()["chapters"])
assert one.get_stats()["chapters"]["failed"] == 1 and two.get_stats()["chapters"]["failed"] == 0
assert two.get_stats()["chapters"]["running"] == 1 and two.get_stats()["chapters"]["success_rate"] == 100
"""
    run(lab, code, tmp_path)
    rows = {(c["series"], c["attempt"]): c for c in chapters(lab)}
    assert {k: (c["state"], c["images_downloaded"], c["total_bytes"]) for k, c in rows.items()} == {
        ("One", 1): ("failed", 200, 200000), ("One", 2): ("ok", 1, 5), ("Two", 1): ("running", 200, 200000),
        ("Three", 1): ("ok", 0, 0)}
    assert rows["One", 1]["error_message"] == "the last page \x1b[31m is gone"
    now = session(lab)["chapters"]
    assert (now["attempted"], now["succeeded"], now["failed"], now["running"], now["abandoned"]) == (4, 2, 1, 1, 0)
    text = lab.read("metrics/chapters.csv").decode()
    assert text.startswith(HEADER + ",") and "\x1b" not in text
    parsed = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(parsed) == 4 and all(None not in r and None not in r.values() for r in parsed)
    assert {r["success"] for r in parsed} == {"True", "False", ""}


def test_the_clock_on_the_wall_counts_what_went_side_by_side_once(lab):
    start = 1700000000
    for n in (1, 2):
        accept(lab, {"event": "start", "series": "S", "chapter": n, "at": start})
        accept(lab, {"event": "download", "series": "S", "chapter": n, "bytes": 10 << 20},
               {"event": "end", "series": "S", "chapter": n, "at": start + 10})
    # an hour later, still open: it counts in no average
    accept(lab, {"event": "start", "series": "S", "chapter": 3, "at": start + 3600},
           {"event": "update", "series": "S", "chapter": 3, "at": start + 3700, "total_bytes": 10 << 20})
    s = until(lambda: session(lab) if session(lab)["chapters"]["running"] else None, 30, "three chapters")
    assert s["chapters"]["avg_duration_seconds"] == 10 and s["performance"]["total_scraping_time"] == 20
    assert s["performance"]["avg_speed_mbps"] == 2 and s["performance"]["wall_seconds"] == 110
    assert s["performance"]["wall_bytes_per_second"] == pytest.approx((30 << 20) / 110, abs=0.1)
    assert s["session"]["start_time"] == "2023-11-14T22:13:20Z" and s["session"]["duration_human"] == "1h 1m 40s"


def test_a_write_is_taken_whole_or_refused_with_a_sentence(lab):
    good = {"event": "start", "series": "S", "chapter": 1}
    refused = (
        ([good, {"event": "download", "chapter": 1, "byts": 3}], errno.EINVAL, "line 2: \"byts\" is no key"),
        ([good, {"event": "end", "series": "S", "chapter": 2}], errno.ENOENT, "line 2: chapter 2 of S was not begun"),
        ([{"event": "start", "chapter": -1}], errno.EINVAL, "\"chapter\" must be"),
        ([{"event": "start", "chapter": 1, "url": "\x1b[2J" * 500}], errno.E2BIG, "at most 3000 bytes"),
        ([{"event": "stop\x1b[2J"}], errno.EINVAL, "none of start"),
    )
    for events, error, words in refused:
        assert tell(lab, *events) == error and words in lab.last(), lab.last()
        assert "\x1b" not in lab.last()
    for text in ("{\"event\":\"start\",\"chapter\":1,\"chapter\":2}", "[" * 2000, "nonsense", "{}"):
        assert lab.order("chapter", text) == errno.EINVAL and "line 1: " in lab.last()
    assert chapters(lab) == []
    accept(lab, good, {"event": "end", "series": "S", "chapter": 1})
    assert tell(lab, {"event": "end", "series": "S", "chapter": 1, "success": False}) == errno.EBUSY
    # two that are alike are two; what is wrong beside others costs them nothing
    answers, page = [], {"event": "download", "series": "S", "chapter": 2, "bytes": 2}

    def fetch(n):
        answers.append((0, tell(lab, {**good, "chapter": 2}, run=f"w{n}")))
        for _ in range(10):
            answers.append((0, tell(lab, page, page, run=f"w{n}")))
            answers.append((1, tell(lab, page, {**page, "byts": 2}, run=f"w{n}")))
    threads = [threading.Thread(target=fetch, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(answers) == {(0, 0), (1, errno.EINVAL)} and len(answers) == 6 * 21
    rows = [c for c in chapters(lab) if c["chapter"] == "2"]
    assert [(c["images_downloaded"], c["total_bytes"]) for c in rows] == [(20, 40)] * 6


def test_a_killed_scraper_and_a_killed_indexer(lab, tmp_path):
    lab.stop()
    lab.configure(extra='chapters { silence = "1s" }')
    lab.start()
    code = """
import time
from mediamon_metrics import get_collector
c = get_collector()
c.start_chapter(1.0, series="S")
c.add_download(1.0, 500, series="S")
assert c.flush(60)
print("told", flush=True)
time.sleep(600)
"""
    accept(lab, {"event": "start", "series": "done", "chapter": 1}, {"event": "end", "series": "done", "chapter": 1})
    p = script(lab, code, tmp_path)
    assert p.stdout.readline() == "told\n", p.stderr.read()
    lab.kill_indexer()
    p.send_signal(signal.SIGKILL)
    p.communicate()
    lab.start_indexer()
    row = until(lambda: next((c for c in chapters(lab) if c["state"] == "abandoned"), None), 60, "an abandoned chapter")
    assert (row["series"], row["images_downloaded"], row["total_bytes"]) == ("S", 1, 500)
    assert "nothing was heard" in row["error_message"]
    now = session(lab)["totals"]["scraper"]
    assert (now["running"], now["succeeded"], now["failed"], now["abandoned"]) == (0, 1, 0, 1)


def test_the_module_waits_for_nobody(lab, tmp_path):
    code = """
import sys, threading
from mediamon_metrics import MetricsCollector
def look(event, args):
    # whoever calls touches no mount
    if event == "open" and str(args[0]).endswith("control/chapter"):
        assert threading.current_thread() is not threading.main_thread()
sys.addaudithook(look)
c = MetricsCollector(series="M")
for n in range(50):
    c.start_chapter(n)
    for _ in range(100):
        c.add_download(n, 10)
    c.end_chapter(n)
print(c.get_stats()["performance"]["total_bytes_downloaded"])
assert not c.flush(0.01)
print("flushed")
"""
    # no mount: in memory
    assert run(None, code, tmp_path) == "50000\nflushed\n"
    # a mount that hangs: nobody ever reads from the other end, so that opening it never ends
    hung = tmp_path / "hung"
    (hung / "control").mkdir(parents=True)
    os.mkfifo(hung / "control" / "chapter")
    assert run(None, code, tmp_path, MEDIAMON_MOUNT=str(hung)) == "50000\nflushed\n"
    # an indexer that is away for a while: told when it is back, once
    later = code.replace("assert not c.flush(0.01)", "print('waiting', flush=True); assert c.flush(90)")
    lab.stop()
    lab.start("-o", "noindexer", wait=False)
    p = script(lab, later, tmp_path)
    assert p.stdout.readline() == "50000\n" and p.stdout.readline() == "waiting\n"
    lab.start_indexer()
    out, err = p.communicate(timeout=120)
    assert p.returncode == 0 and out == "flushed\n", err
    rows = chapters(lab)
    assert len(rows) == 50 and all(c["state"] == "ok" and c["total_bytes"] == 1000 for c in rows)


# the module, and a control/chapter that answers as mediamon does: all lines or none
ANSWERS = """
import errno, json, os
import mediamon_metrics as m
from mediamon_metrics import MetricsCollector
told, known, most = [], {}, 100
def write(data):
    global known
    lines, then = [json.loads(line) for line in data.splitlines()], dict(known)
    for e in lines:
        chapter = e["run"], e["chapter"]
        if e["event"] == "start" and chapter in then:
            return errno.EBUSY
        if e["event"] == "start" and list(then.values()).count("open") >= most:
            return errno.EMFILE
        if e["event"] != "start" and chapter not in then:
            return errno.ENOENT
        if e["event"] == "end" and then[chapter] == "ended":
            return errno.EBUSY
        then[chapter] = "ended" if e["event"] == "end" else then.get(chapter, "open")
    known = then
    told.extend(lines)
    return 0
m._write = write
m.RETRY_S = (0.01, 0.01)
"""


def test_the_module_tells_again_what_was_not_kept(tmp_path):
    code = ANSWERS + """
c = MetricsCollector(series="M")
# another store has taken the place of the one that knew the chapter
c.start_chapter(1)
assert c.flush(60)
told.clear()
known.clear()
c.add_download(1, 5)
c.end_chapter(1)
assert c.flush(60)
assert [e["event"] for e in told] == ["start", "end"], told
assert told[-1]["images_downloaded"] == 1
# too many are open: later, and what is open may end meanwhile
told.clear()
c.start_chapter(2)
assert c.flush(60)
most = 1
c.start_chapter(3)
assert not c.flush(0.2)
c.end_chapter(2)
assert c.flush(60)
assert [(e["event"], e["chapter"]) for e in told] == [("start", 2), ("end", 2), ("start", 3)], told
assert m._writer.refused == 0
"""
    run(None, code, tmp_path)


def test_a_success_of_which_nothing_was_saved_is_none(lab, tmp_path):
    code = """
from mediamon_metrics import MetricsCollector
c = MetricsCollector(series="S")
for n, sums in enumerate(({"images_processed": 0}, {"images_processed": 10}, {}), 1):
    c.start_chapter(n)
    c.update_chapter(n, images_found=10, **sums)
    for _ in range(10):
        c.add_download(n, 100)
    c.end_chapter(n)
print([d["state"] for d in c.get_stats()["chapter_details"]])
assert c.flush(60)
"""
    assert run(lab, code, tmp_path) == "['failed', 'ok', 'ok']\n"
    accept(lab, {"event": "start", "chapter": 4}, {"event": "download", "chapter": 4, "count": 10},
           {"event": "end", "chapter": 4, "images_found": 10, "images_processed": 0}, {"event": "start", "chapter": "1e999"})
    rows = {c["chapter"]: c for c in chapters(lab)}
    assert {k: c["state"] for k, c in rows.items()} == {"1": "failed", "2": "ok", "3": "ok", "4": "failed", "1e999": "running"}
    assert "not one image was saved" in rows["1"]["error_message"] == rows["4"]["error_message"]
    # a name that no number holds
    assert rows["1e999"]["chapter_num"] is None and ",inf," not in lab.read("metrics/chapters.csv").decode()


def test_a_child_tells_only_of_its_own(tmp_path):
    code = ANSWERS + """
c = MetricsCollector(series="M")
c.start_chapter(1)
c.add_download(1, 100)
c.start_chapter(2)
c.end_chapter(2)
assert c.flush(60)
pid = os.fork()
if not pid:
    told.clear()
    c.add_download(1, 7)
    c.end_chapter(1)
    assert c.flush(60)
    mine = [(e["event"], e["chapter"], e.get("total_bytes")) for e in told]
    print(mine[0], mine[-1], {e["chapter"] for e in told}, c.get_stats()["performance"]["total_bytes_downloaded"],
          flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    assert run(None, code, tmp_path) == "('start', 1.0, None) ('end', 1.0, 7) {1.0} 7\n"


def test_the_module_goes_on_without_a_thread(tmp_path):
    code = ANSWERS + """
import threading
real = threading.Thread.start
def none(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = none
c = MetricsCollector(series="=1+1")
c.start_chapter("=cmd", "@url")
threading.Thread.start = real
c.end_chapter("=cmd")
assert c.flush(60) and told[-1]["event"] == "end"
c.export_csv("out.csv")
print(open("out.csv").read().splitlines()[1].startswith("'=cmd,'@url,"), ",'=1+1," in open("out.csv").read())
"""
    assert run(None, code, tmp_path) == "True True\n"


def test_checked_volumes_are_chapters_of_another_producer(lab):
    lab.stop()
    volume(lab.manga / "Naruto" / "Naruto T03.cbz", pages=4)
    lab.configure(extra='verify_archives = "new"\nverify_delay = "0s"')
    lab.start()
    row = until(lambda: next(iter(chapters(lab, "archives")), None), 60, "a checked volume")
    assert (row["series"], row["chapter"], row["state"], row["images_processed"]) == ("Naruto", "3", "ok", 4)
    assert row["images_found"] == 4 and row["total_bytes"] > 0 and row["duration_seconds"] > 0
    assert session(lab)["chapters"]["attempted"] == 0 and session(lab)["totals"]["archives"]["succeeded"] == 1
