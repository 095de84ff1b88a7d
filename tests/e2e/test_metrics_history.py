# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics over time: metrics/history, metrics/seconds, metrics/compare, and the file of lines."""
import csv
import io
import json
import os
import select
import signal
import statistics
import time
from calendar import timegm

from harness import until

# what these documents say that stays while nothing is measured anew
MINUTE_S = 60


def rows(lab, name):
    """The document's samples as {key: value}, and the same from its CSV twin."""
    document = lab.json(f"metrics/{name}.json")
    keys = ["at", "step"] + [c["key"] for c in document["columns"]]
    assert document["count"] == len(document["items"])
    assert len(set(keys)) == len(keys)
    assert all(len(row) == len(keys) for row in document["items"])
    return [dict(zip(keys, row)) for row in document["items"]]


def lines(lab, name):
    text = lab.read(f"metrics/{name}.csv").decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def moment(row):
    return timegm(time.strptime(row["at"], "%Y-%m-%dT%H:%M:%SZ"))


def written(lab, least):
    """The history, once it has so many samples: a reload writes the minute that is being collected."""
    os.kill(lab.indexer(), signal.SIGHUP)
    return until(lambda: (h := rows(lab, "history")) and len(h) >= least and h, 30, "minutes in the history")


def test_minutes_are_there_with_every_gauge_and_outlive_a_kill(small):
    lab = small
    first = written(lab, 1)
    assert {r["step"] for r in first} == {"minute"}
    times = [moment(r) for r in first]
    assert times == sorted(set(times)) and all(t % MINUTE_S == 0 for t in times)
    assert abs(times[-1] - time.time()) < 3 * MINUTE_S
    lab.kill_indexer()
    assert [r for r in rows(lab, "history") if r["at"] == first[0]["at"]] == first[:1]
    lab.start_indexer()
    lab.wait_idle()
    # the minute that was written once stays as it is, whatever is measured in its rest
    again = written(lab, 1)
    assert again[:len(first)] == first
    table = lines(lab, "history")
    shown = rows(lab, "history")
    assert [t["at"] for t in table] == [r["at"] for r in shown]
    for cells, row in zip(table, shown):
        assert cells.keys() == row.keys()
        assert all((c == "" and v is None) or c == str(v) or float(c) == v for c, v in zip(cells.values(), row.values()))
    summary = lab.newest("status/summary.json")
    last = lab.newest("metrics/scan.json")["runs"][-1]
    now = shown[-1]
    assert now["series"] == summary["manga"]["series"] and now["up"] == 1
    assert now["last_files"] == last["files"] > 0


def test_a_reader_of_the_history_is_woken_by_new_minutes(small):
    lab = small
    fd = os.open(lab.mnt / "metrics/history.json", os.O_RDONLY)
    try:
        before = os.read(fd, 1 << 24)
        poll = select.poll()
        poll.register(fd, select.POLLPRI)
        os.kill(lab.indexer(), signal.SIGHUP)
        assert poll.poll(60000), "nobody was woken"
    finally:
        os.close(fd)
    assert lab.read("metrics/history.json") != before


def test_seconds_are_there_while_something_runs(small):
    lab = small

    def seen():
        lab.rescan("full all")
        return rows(lab, "seconds")
    found = until(seen, 60, "a second of a scan", pause=0)
    assert {r["step"] for r in found} == {"second"}
    assert all(r["scan_running"] == 1 and r["scan_done"] is not None for r in found)
    assert [moment(r) for r in found] == sorted({moment(r) for r in found})
    assert {r["at"] for r in lines(lab, "seconds")} >= {r["at"] for r in found}
    assert (lab.state / "seconds").stat().st_size <= 3600 * 2048


def test_a_running_scan_tells_how_busy_its_stages_are_and_what_it_uses_now(lab, library):
    # it takes long enough for its seconds to be seen
    lab.configure(music=library.music, manga=library.manga, extra="scan { workers = 1 walkers = 1 }")
    lab.start()
    lab.wait_idle()

    def seen():
        lab.rescan("full all")
        found = [r for r in rows(lab, "seconds") if r["scan_seconds"] >= 0.05]
        return any(r["stage_extract_busy"] > 0 for r in found) and found
    for row in until(seen, 60, "a second of a scan that has begun to read", pause=0):
        # a clock tick of each process is what they may be wrong by
        most = 1 + 0.05 / row["scan_seconds"]
        assert 0 <= row["stage_extract_busy"] <= most and 0 <= row["stage_insert_busy"] <= most
        assert 0 <= row["stage_discover_busy"] <= os.cpu_count() * most
        parts = [row[f"rss_{of}"] for of in ("indexer", "scout", "worker")]
        assert min(parts) > 0 and row["rss_sum"] > sum(parts[1:])


def test_the_last_scan_is_compared_with_those_before_it(small):
    lab = small
    assert lab.json("metrics/compare.json")["verdict"] == "unknown"
    assert "too few runs: 0 scans like it" in lab.read("metrics/compare").decode()
    for _ in range(6):
        lab.rescan("full all")
    found, runs = lab.newest("metrics/compare.json"), lab.newest("metrics/scan.json")["runs"]
    last = runs[-1]
    before = [r for r in runs[:-1] if (r["order"], r["mode"]) == (last["order"], last["mode"])]
    assert found["run"] == last
    assert found["compared_with"] == len(before) == 5
    assert found["verdict"] in ("usual", "better", "worse")
    row = {r["key"]: r for r in found["items"]}["wall_seconds"]
    walls = [r["wall_seconds"] for r in before]
    assert abs(row["median"] - statistics.median(walls)) < 0.002
    assert abs(row["mad"] - statistics.median(abs(w - statistics.median(walls)) for w in walls)) < 0.002
    assert lab.read("metrics/compare").decode().endswith(found["text"])


def test_the_file_of_lines_is_rotated(lab):
    lab.configure(extra='history { log = "metrics.jsonl" log_interval = "1s" log_size = "4KiB" log_keep = 2 }')
    lab.start()
    until((lab.state / "metrics.jsonl.2").exists, 60, "the second rotation")
    found = [lab.state / f"metrics.jsonl{end}" for end in (".2", ".1")]
    columns = {c["key"] for c in lab.json("metrics/history.json")["columns"]}
    read = [json.loads(line) for f in found for line in f.read_text().splitlines()]
    assert all(f.stat().st_size <= 8192 for f in found)
    assert [r["at"] for r in read] == sorted(r["at"] for r in read)
    assert all(r.keys() - {"at"} <= columns and r["up"] == 1 for r in read)
    assert not (lab.state / "metrics.jsonl.3").exists()
