# SPDX-License-Identifier: GPL-3.0-or-later
"""metrics/mediamon.prom: clean, the same numbers as status/, read by a real node_exporter and a real Prometheus."""
import json
import os
import re
import sqlite3
import time
import zipfile
from collections import Counter

import pytest

from harness import ROOT, until
from prometheus import Prometheus, lint, node_exporter, parse, promtool, value

FILE = "metrics/mediamon.prom"
CONTRIB = ROOT / "contrib"
ALERTS = CONTRIB / "prometheus/alerts.yml"
DASHBOARD = CONTRIB / "grafana/mediamon.json"
NAME = re.compile(r"\bmediamon_[a-z_]+")
HOSTILE = ['a"b\\c', "a\\x22b", "new\nline", "esc\x1b[31m", "rtl\u202e", "{x=\"1\"} 1\n# TYPE mediamon_up counter", "é漫画", ""]


def dumped(lab, path=FILE):
    status, text, errors = lab.command("dump", path)
    assert status == 0, errors
    return text


def documents(lab):
    """document(path): as it is now, without an indexer."""
    return lambda path: json.loads(dumped(lab, path))


def names_in_sources():
    """Every name that the file may have: those of its two tables."""
    found = set()
    for file in ("common/gauges.h", "fs/view_prom.c"):
        found |= set(re.findall(r'"(mediamon_[a-z_]+)"', (ROOT / file).read_text()))
    return found


def still(lab):
    """The lab's store, when nobody writes it any more."""
    lab.stop()
    return sqlite3.connect(lab.state / "mediamon.db")


def put(db, table, **values):
    """A row; columns that must have a value and are not named get 0, texts and bytes a new one."""
    row = {}
    for _, name, kind, must, _, key in db.execute(f"PRAGMA table_info({table})"):
        if name in values or ((must or key) and not (key and kind == "INTEGER")):
            plain = f"x{db.total_changes}" if kind == "TEXT" else b"" if kind == "BLOB" else 0
            row[name] = values.get(name, plain)
    db.execute(f"INSERT INTO {table}({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


# --- the text ---


def test_the_file_is_clean_with_and_without_an_indexer(lab, corpus):
    corpus.music(lab.music, 30, seed=7)
    corpus.manga(lab.manga, 5, seed=7)
    families = parse(dumped(lab))
    assert value(families, "mediamon_up") == value(families, "mediamon_index_readable") == 0
    assert "mediamon_tracks" not in families and "mediamon_root_ok" not in families, "nobody knows that yet"
    lab.start()
    lab.wait_idle()
    text = lab.newest_text(FILE)
    families = parse(text)
    assert lint(text) == "" and families.keys() <= names_in_sources()
    assert value(families, "mediamon_build_info", version="0.1.0") == value(families, "mediamon_up") == 1
    assert value(families, "mediamon_tracks") == 30 and value(families, "mediamon_resident_bytes", process="indexer") > 0
    assert value(families, "mediamon_root_ok", root="music", kind="music") == 1
    lab.kill_indexer()
    until(lambda: value(parse(lab.read(FILE).decode()), "mediamon_up") == 0, 10, "the indexer away")
    text = lab.read(FILE).decode()
    families = parse(text)
    assert lint(text) == "" and value(families, "mediamon_tracks") == 30
    assert "mediamon_resident_bytes" not in families and value(families, "mediamon_heartbeat_timestamp_seconds") > 1e9


def test_hostile_names_stay_names(lab):
    lab.start()
    lab.wait_idle()
    with still(lab) as db:
        for i, name in enumerate(HOSTILE):
            put(db, "root", name=name, kind="music", path=f"/{i}".encode(), state=name or "x", active=1)
            put(db, "host", name=name, calls=i)
        put(db, "root", name=b"\xff\xc3(", kind="music", path=b"/bytes", active=1)
    text = dumped(lab)
    families = parse(text)
    assert lint(text) == "" and value(families, "mediamon_up") == 0
    # two that look alike once they are escaped stay two
    assert len({dict(k)["root"] for k in families["mediamon_root_ok"]}) == len(HOSTILE) + 3
    assert value(families, "mediamon_host_requests_total", host="é漫画") == HOSTILE.index("é漫画")


def test_there_are_never_many_series(lab):
    lab.start()
    lab.wait_idle()
    few = dumped(lab).count("\n")
    with still(lab) as db:
        for i in range(200):
            put(db, "root", name=f"music-{i + 2}", kind="music", path=f"/{i}".encode(), active=1)
            put(db, "host", name=f"torznab:{i}", calls=1)
    text = dumped(lab)
    families = parse(text)
    assert lint(text) == "" and text.count("\n") < few + 600
    assert value(families, "mediamon_roots_left_out") == 200 + 2 - 32
    assert value(families, "mediamon_hosts_left_out") == 200 - 32
    assert len(families["mediamon_root_ok"]) == len(families["mediamon_host_requests_total"]) == 32


# --- the numbers ---


def broken_tree(lab, tmp_path):
    """Three links, one of which leads nowhere."""
    tree, debrid = tmp_path / "tv", tmp_path / "debrid"
    os.makedirs(debrid / "__all__/T")
    tree.mkdir()
    for name in ("1.mkv", "2.mkv"):
        (debrid / "__all__/T" / name).write_bytes(b"x")
        os.symlink(debrid / "__all__/T" / name, tree / name)
    os.symlink(debrid / "__all__/T/3.mkv", tree / "3.mkv")
    lab.configure(extra=f'links = {{ "{tree}" }}\nrealdebrid {{ mount = "{debrid}" }}\n'
                        'symlinks { interval = "1s" sightings = 2 span = "0s" apart = "0s" }')


def fill_by_hand(db):
    """What only other programs would make: of each state another number."""
    states = {"wanted": 1, "found": 2, "sent": 3, "downloading": 4, "arrived": 5, "failed": 6, "gone": 7}
    for state, n in states.items():
        for i in range(n):
            put(db, "request", series="S", volume=len(states) * 100 + i, state=state)
    for status, n in {"downloaded": 4, "queued": 3, "dead": 2, "virus": 1}.items():
        for _ in range(n):
            put(db, "torrent", status=status, bytes=1000 * n)
    put(db, "torrent", status="downloaded", bytes=7, gone_at=5)
    for outcome, n in {"success": 3, "failed": 2}.items():
        for _ in range(n):
            put(db, "attempt", outcome=outcome)
    for is_spent, n in {0: 4, 1: 1}.items():
        for _ in range(n):
            put(db, "retry", is_spent=is_spent)
    put(db, "permanent")
    put(db, "plan", hash="p", state="planned")
    for i, state in enumerate(["planned", "planned", "done", "failed"]):
        put(db, "plan_item", plan="p", item=i, state=state)
    for step in ("added", "done", "failed"):
        put(db, "insertion", step=step)
    db.execute("UPDATE root SET held = 5 WHERE kind = 'manga'")
    db.execute("INSERT INTO link_hold(root_id, count, since, reason) SELECT id, 3, 1, 'x' FROM root WHERE kind = 'links'")
    # whoever writes tells when: documents are as of then
    for topic in range(32):
        db.execute("INSERT OR REPLACE INTO topic(id, version, at) VALUES (?, ?, ?)", [topic, 1 << 40, time.time_ns()])
    day = int(time.time() // 86400)
    for name, calls in {"prowlarr": 40, "nautiljon": 30, "realdebrid": 20}.items():
        put(db, "host", name=name, day=day, used_day=3, calls=calls, failures=calls // 2, refusals=calls // 4)


def check_library(f, document):
    summary, missing = document("status/summary.json"), document("status/missing.json")["items"]
    music, manga = summary["music"], summary["manga"]
    plain = {"mediamon_tracks": music["tracks"], "mediamon_albums": music["albums"], "mediamon_series": manga["series"],
             "mediamon_volumes": manga["volumes"], "mediamon_chapters": manga["chapters"],
             "mediamon_errors": summary["errors"], "mediamon_artists": music["artists"]}
    assert {name: value(f, name) for name in plain} == plain and all(plain.values())
    assert value(f, "mediamon_music_duration_seconds") == pytest.approx(music["duration_seconds"], abs=1)
    for kind, of in (("music", music), ("manga", manga)):
        assert value(f, "mediamon_library_bytes", kind=kind) == of["bytes"] > 0
    kinds = Counter(m["kind"] for m in missing)
    assert {k: value(f, "mediamon_missing_volumes", kind=k) for k in ("interior", "tail", "announced")} == {
        k: kinds[k] for k in ("interior", "tail", "announced")}
    assert len(missing) == manga["missing"] == sum(f["mediamon_missing_volumes"].values()) > 0
    integrity = document("status/integrity.json")
    for name, key in (("corrupt", "corrupt"), ("unreadable", "unreadable"), ("intact", "intact")):
        assert value(f, f"mediamon_{name}_files") == sum(integrity[k][key] for k in ("archives", "audio"))


def check_roots(f, document):
    items = [r for r in document("status/roots.json")["items"] if not r["mount"]]
    assert len(items) == 3
    for r in items:
        who = {"root": r["name"], "kind": r["kind"]}
        assert value(f, "mediamon_root_files", **who) == r["files"]
        assert value(f, "mediamon_root_held_files", **who) == r["held"]
        assert value(f, "mediamon_root_state", **who, state=r["state"]) == 1
        assert r["kind"] == "links" or value(f, "mediamon_root_bytes", **who) == r["bytes"]
    known = Counter(r["state"] if r["state"] in ("present", "frozen", "absent") else "other" for r in items)
    assert {k: value(f, "mediamon_roots", state=k) for k in ("present", "frozen", "absent", "other")} == {
        k: known[k] for k in ("present", "frozen", "absent", "other")}
    # links that are held are not files: they are a state of links
    assert value(f, "mediamon_held_files") == sum(r["held"] for r in items if r["kind"] != "links") == 5
    wrong = any("folder " in reason for reason in document("status/health.json")["reasons"])
    assert wrong == (min(f["mediamon_root_ok"].values()) == 0)


def check_links_and_repairs(f, document):
    links = document("status/symlinks.json")["links"]
    states = ("ok", "suspect", "broken", "unknown", "held", "foreign")
    assert {s: value(f, "mediamon_links", state=s) for s in states} == {s: links[s] for s in states}
    assert (links["ok"], links["broken"]) == (2, 1)
    torrents = {s["status"]: s["count"] for s in document("status/torrents.json")["statuses"]}
    assert value(f, "mediamon_torrents", state="downloaded") == torrents["downloaded"] > 0
    assert value(f, "mediamon_torrents", state="failed") == torrents["dead"] + torrents["virus"] == 3
    assert sum(f["mediamon_torrents"].values()) == document("status/torrents.json")["torrents"]
    repairs = document("metrics/realdebrid.json")["repairs"]
    assert value(f, "mediamon_repairs", outcome="success") == repairs["successes"] == 3
    assert value(f, "mediamon_repairs", outcome="failure") == repairs["failures"] == 2
    assert value(f, "mediamon_repairs_given_up") == repairs["permanent_failures"] == 1
    assert value(f, "mediamon_repairs_waiting") == repairs["retries_waiting"] == 4
    assert value(f, "mediamon_insertions_open") == repairs["insertions_open"] == 1
    planned = [i for i in document("status/repairs.json")["items"] if i["state"] == "planned"]
    assert value(f, "mediamon_plan_items") == len(planned) == 2


def check_requests_and_hosts(f, document):
    states = Counter(r["state"] for r in document("status/requests.json")["items"])
    assert {s: value(f, "mediamon_requests", state=s) for s in states} == states and len(states) >= 6
    hosts = {h["name"]: h for h in document("metrics/search.json")["hosts"]}
    assert len(hosts) >= 3
    for name, h in hosts.items():
        for metric, key in (("requests", "calls"), ("failures", "failures"), ("refused", "refused")):
            assert value(f, f"mediamon_host_{metric}_total", host=name) == h[f"{key}_total"]
        for window in ("minute", "day"):
            left = [v for k, v in f["mediamon_host_budget_left_requests"].items() if {("host", name), ("window", window)} <= k]
            assert left == ([] if h[f"left_{window}"] is None else [h[f"left_{window}"]])
        for metric, key in (("calls", "calls"), ("failures", "failures"), ("refusals", "refused")):
            assert value(f, f"mediamon_api_{metric}_total", api=name) == h[f"{key}_total"]
        assert value(f, "mediamon_api_calls_today", api=name) == h["used_day"]
        assert name != "prowlarr" or value(f, "mediamon_api_calls_left_today", api=name) == h["left_day"] > 0


def check_scans(f, document):
    run = document("metrics/scan.json")["runs"][-1]
    for name, key in (("files", "files"), ("errors", "errors"), ("peak_resident_bytes", "peak_rss_bytes")):
        assert value(f, f"mediamon_last_scan_{name}") == run[key] > 0
    for name, key in (("duration_seconds", "wall_seconds"), ("cached_ratio", "cached_ratio"), ("error_ratio", "error_ratio"),
                      ("cpu_seconds", "cpu_seconds")):
        assert value(f, f"mediamon_last_scan_{name}") == pytest.approx(run[key], abs=0.002)
    for stage in run["stages"]:
        assert value(f, "mediamon_last_scan_stage_busy_ratio", stage=stage["name"]) == pytest.approx(stage["busy_ratio"], abs=0.001)
    jobs = document("status/jobs.json")
    assert value(f, "mediamon_jobs", state="running") == jobs["running"] == 0
    assert value(f, "mediamon_jobs", state="queued") == jobs["queued"]


def scrape(lab):
    """Of each state another number of chapters."""
    events, number = [], 0
    for end, n in (({"success": True}, 3), ({"success": False, "error_message": "e"}, 2), (None, 1)):
        for _ in range(n):
            number += 1
            events.append({"event": "start", "series": "S", "chapter": number})
            events.append({"event": "download", "series": "S", "chapter": number, "bytes": 1000 * number, "success": True})
            if end:
                events.append({"event": "end", "series": "S", "chapter": number, **end})
    lab.accept("chapter", "\n".join(json.dumps({**e, "run": "r"}) for e in events))


def check_chapters_and_alerts(f, document):
    all_of = document("metrics/session.json")["totals"]["scraper"]
    for state, key in (("running", "running"), ("ok", "succeeded"), ("failed", "failed"), ("abandoned", "abandoned")):
        assert value(f, "mediamon_chapter_downloads", state=state) == all_of[key], state
    assert (all_of["succeeded"], all_of["failed"], all_of["running"] + all_of["abandoned"]) == (3, 2, 1)
    assert value(f, "mediamon_chapter_downloaded_bytes") == all_of["bytes"] == 21000
    assert value(f, "mediamon_chapter_busy_seconds") == pytest.approx(all_of["seconds"], abs=0.01)
    alerts = document("status/health.json")["alerts"]
    assert value(f, "mediamon_alerts_firing") == len(alerts)


def test_every_number_is_that_of_the_documents(lab, corpus, tmp_path):
    broken_tree(lab, tmp_path)
    corpus.music(lab.music, 60, seed=7)
    corpus.manga(lab.manga, 20, seed=7)
    (lab.music / "bad.flac").write_bytes(b"bad")
    (lab.manga / "Solo").mkdir()
    for name in ("Solo Chapter 001.cbz", "Solo Chapter 002.cbz"):
        with zipfile.ZipFile(lab.manga / "Solo" / name, "w") as z:
            z.writestr("001.jpg", b"x")
    lab.start()
    lab.wait_idle()
    lab.rescan("all")
    scrape(lab)
    until(lambda: lab.json("status/symlinks.json")["links"]["broken"] == 1, 20, "the broken link")
    lab.wait_idle()
    with still(lab) as db:
        fill_by_hand(db)
    families, document = parse(dumped(lab)), documents(lab)
    for check in (check_library, check_roots, check_links_and_repairs, check_requests_and_hosts, check_scans,
                  check_chapters_and_alerts):
        check(families, document)


# --- the real programs ---


def moving(name):
    """What may have moved between two looks."""
    return re.search("heartbeat|resident|cpu|state_disk|store_bytes|events|due", name)


def test_prometheus_reads_the_mount_and_rings_when_the_indexer_is_killed(lab, corpus, tell, tmp_path):
    corpus.music(lab.music, 30, seed=7)
    lab.start()
    lab.wait_idle()
    rules = tmp_path / "alerts.yml"
    rules.write_text(re.sub(r"\bfor: \S+", "for: 1s", ALERTS.read_text()))
    exporter = node_exporter(tell, tmp_path, lab.mnt / "metrics")
    server = Prometheus(tell, tmp_path, f"127.0.0.1:{exporter.port}", [rules])
    try:
        def same():
            ours, theirs = parse(lab.read(FILE).decode()), server.now('{job="node"}')
            return all(theirs.get(n) == ours[n] for n in ours if not moving(n)) and ours.keys() <= theirs.keys()
        until(same, 30, lambda: exporter.get("/metrics")[:3000], pause=0.3)
        assert server.now("node_textfile_scrape_error") == {"node_textfile_scrape_error": {frozenset(): 0}}
        assert server.now("mediamon_tracks")["mediamon_tracks"] == {frozenset(): 30}
        asked = [plain(e) for e in expressions_of(json.loads(DASHBOARD.read_text()))]

        def panels(has_answer):
            """Those whose metrics there are here, with or without an answer; a rate has one after two looks."""
            known = parse(lab.read(FILE).decode()).keys()
            return [e for e in asked if set(NAME.findall(e)) <= known and bool(server.now(e)) == has_answer]
        until(lambda: not panels(False), 30, lambda: str(panels(False)), pause=0.3)
        assert len(panels(True)) >= 25
        assert server.firing() == set()
        lab.kill_indexer()
        until(lambda: "MediamonIndexerAway" in server.firing(), 60, "the alert", pause=0.3)
        assert server.firing() == {"MediamonIndexerAway"}
        assert server.now("mediamon_tracks")["mediamon_tracks"] == {frozenset(): 30}, "what is known stays"
        lab.start_indexer()
        until(lambda: server.firing() == set(), 60, lambda: str(server.firing()), pause=0.3)
        lab.unmount()
        until(lambda: server.firing() == {"MediamonNotSeen"}, 60, lambda: str(server.firing()), pause=0.3)
    finally:
        server.stop()
        exporter.stop()


# --- what is installed beside it ---


def test_the_rules_are_sound_and_each_fires_in_a_case_of_its_own():
    r = promtool("check", "rules", ALERTS)
    assert r.returncode == 0, r.stdout + r.stderr
    tests = sorted((CONTRIB / "prometheus").glob("*_test.yml"))
    r = promtool("test", "rules", *tests)
    assert r.returncode == 0, r.stdout + r.stderr
    alerts = re.findall(r"- alert: (\S+)", ALERTS.read_text())
    cases = "".join(t.read_text() for t in tests)
    assert len(alerts) == len(set(alerts)) >= 15
    assert [a for a in alerts if f'alertname="{a}"' not in cases] == []
    text = ALERTS.read_text() + cases
    assert set(NAME.findall(text)) - names_in_sources() == set()


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions_of(dashboard):
    return [t["expr"] for p in panels_of(dashboard) for t in p.get("targets", [])]


def plain(expression):
    """As Prometheus gets it from Grafana."""
    return expression.replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$instance", ".+").replace("$job", ".+")


def test_the_dashboard_asks_for_what_there_is(tmp_path):
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = expressions_of(dashboard)
    rules = [{"record": f"a:b:c{i}", "expr": plain(e)} for i, e in enumerate(expressions)]
    assert len(rules) > 30 and not any("$" in r["expr"] for r in rules)
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    r = promtool("check", "rules", file)
    assert r.returncode == 0, r.stdout + r.stderr
    assert set(NAME.findall(" ".join(expressions))) - names_in_sources() == set()
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    assert set(NAME.findall(json.dumps(variables))) <= names_in_sources()
    assert all('instance=~"$instance"' in m for e in expressions for m in re.findall(r"mediamon_[a-z_]+(\{[^}]*\}|)", e))


def test_the_dashboard_is_whole():
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["schemaVersion"] >= 37 and dashboard["uid"] and dashboard["title"] == "mediamon"
    ids = [p["id"] for p in panels_of(dashboard)]
    assert len(ids) == len(set(ids))
    taken = set()
    for p in dashboard["panels"]:
        g = p["gridPos"]
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        assert g["x"] + g["w"] <= 24 and not cells & taken, p["title"]
        taken |= cells
        assert p["title"] and (p["type"] == "row" or p["description"]), p
        for t in p.get("targets", []):
            assert t["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    # nothing is fetched from anywhere
    assert not re.search(r"https?://", DASHBOARD.read_text())
