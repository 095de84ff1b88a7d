# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that scripts rely on: TREE.md, "Shapes"."""
import csv
import io
import json
import re

import pytest

from harness import until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
TWINS = ("summary", "health", "roots", "jobs", "missing", "errors", "audit", "duplicates", "verify",
         "requests", "new", "symlinks", "torrents", "repairs", "integrity")
ITEM = {
    "roots": {"name", "kind", "path", "state", "reason", "since", "files", "bytes"},
    "jobs": {"id", "order", "state", "submitted_at", "started_at", "ended_at", "done", "total", "rate_per_second",
             "seconds_left", "result"},
    "missing": {"series", "volume", "kind", "state", "monitored", "since", "last_searched_at"},
    "errors": {"path", "kind", "reason", "since", "tries"},
}
RUN = {"id", "order", "mode", "started_at", "ended_at", "wall_seconds", "files", "bytes", "unchanged", "added", "changed",
       "removed", "errors", "peak_rss_bytes", "cpu_seconds", "stages"}
STAGE = {"name", "items", "items_per_second", "queue_depth", "queue_limit", "busy_ratio"}
TRACK = {"path", "format", "title", "artist", "artists", "album", "album_artist", "track", "track_total", "date", "year",
         "genre", "genres", "duration_seconds", "sample_rate", "channels", "bitrate", "has_picture", "bytes", "modified_at"}
TRACK_SOMETIMES = {"disc", "disc_total", "composer", "bits_per_sample", "replaygain_track_gain", "replaygain_album_gain",
                   "musicbrainz_recording_id", "musicbrainz_album_id", "musicbrainz_artist_id", "comment"}


def test_every_document_has_its_schema_generation_and_time(small):
    names = {f"status/{n}.json": n for n in TWINS}
    names |= {f"metrics/{n}.json": n for n in ("scan", "search", "realdebrid")}
    names[f"manga/{small.listing('manga')[0]}/info.json"] = "series"
    artist = small.listing("music/artists")[0]
    names[f"music/artists/{artist}/{small.listing('music/artists/' + artist)[0]}/album.json"] = "album"
    for path, name in names.items():
        document = small.json(path)
        assert list(document)[:3] == ["schema", "generation", "generated_at"]
        assert document["schema"] == f"mediamon/{name}/1"
        assert document["generation"] > 0 and TIME.fullmatch(document["generated_at"])


def test_every_text_has_a_twin_and_begins_with_a_header(small):
    names = set(small.listing("status"))
    assert names == {"generation", "integrity.csv"} | set(TWINS) | {f"{n}.json" for n in TWINS}
    for name in TWINS:
        text = small.read(f"status/{name}").decode()
        assert text.startswith("# ") and text.endswith("\n"), name
        assert not any(line != line.rstrip() for line in text.splitlines()), name
    assert set(small.listing(".")) == {"README.txt", "dashboard.html", "events.jsonl", "status", "metrics", "control", "music", "manga",
                                       "links", "history"}
    assert {"integrity.json", "mediamon.prom", "realdebrid.json", "scan.csv", "scan.json", "search.json"} <= set(small.listing("metrics"))
    assert small.listing("links") == ["broken"] and small.listing("links/broken") == []
    assert small.listing("music") == ["artists", "genres", "years"]
    readme = small.read("README.txt").decode()
    assert all(name in readme for name in names | set(small.listing("control")) | {"scan.csv", "album.json"})


@pytest.mark.parametrize("name", sorted(ITEM))
def test_the_items_of_a_list_have_their_fields(small, name):
    (small.music / "bad.flac").write_bytes(b"bad")
    small.rescan("music")
    document = small.newest(f"status/{name}.json")
    assert document["count"] == len(document["items"]) > 0
    for item in document["items"]:
        assert ITEM[name] <= item.keys(), ITEM[name] - item.keys()
        for key, value in item.items():
            assert not key.endswith("_at") and key != "since" or value is None or TIME.fullmatch(value)


def test_the_summary_has_its_fields(small):
    s = small.json("status/summary.json")
    assert {"tracks", "albums", "artists", "bytes", "duration_seconds"} <= s["music"].keys()
    assert {"series", "volumes", "chapters", "missing", "bytes"} <= s["manga"].keys()
    assert {"total", "ok", "suspect", "broken", "held", "unknown", "foreign"} <= s["links"].keys()
    assert s["jobs"].keys() == {"running", "queued"} and isinstance(s["errors"], int)
    assert s["indexer"]["state"] == "running" and TIME.fullmatch(s["indexer"]["heartbeat_at"])
    assert s["attention"] and all(isinstance(sentence, str) for sentence in s["attention"])
    rows = small.export("tracks").values()
    assert s["music"]["bytes"] == sum(row["bytes"] for row in rows)
    assert abs(s["music"]["duration_seconds"] - sum(row["duration_seconds"] for row in rows)) < 0.5


def test_every_metric_of_a_scan_is_told_in_json_and_csv(small):
    small.rescan("full music")
    document = small.newest("metrics/scan.json")
    assert document["current"] is None and len(document["runs"]) == 2
    for run in document["runs"]:
        assert RUN <= run.keys(), RUN - run.keys()
        assert [s["name"] for s in run["stages"]] == ["discover", "extract", "insert"]
        assert all(STAGE <= s.keys() for s in run["stages"])
        assert TIME.fullmatch(run["started_at"]) and run["started_at"] < run["ended_at"] and run["wall_seconds"] > 0
        for measure in ("peak_rss_bytes", "cpu_seconds", "files", "bytes"):
            assert run[measure] > 0, measure
    first, second = document["runs"]
    files = len(small.export("tracks")) + len(small.export("volumes"))
    assert (first["order"], first["mode"], first["files"], first["added"]) == ("rescan all", "quick", files, files)
    assert (second["order"], second["mode"], second["files"], second["changed"]) == ("rescan full music", "full", 200, 200)
    rows = list(csv.DictReader(io.StringIO(small.read("metrics/scan.csv").decode(), newline="")))
    for row, run in zip(rows, document["runs"], strict=True):
        for key, value in run.items():
            if key != "stages":
                assert row[key] == (value if isinstance(value, str) else f"{value:.10g}"), key
        for stage in run["stages"]:
            for key in STAGE - {"name"}:
                assert float(row[f"{stage['name']}_{key}"]) == stage[key]


def test_a_running_scan_is_measured(lab, library):
    lab.configure(music=library.music, manga=library.manga, extra='scan { workers = 1 walkers = 1 deadline = "10m" }')
    lab.start()
    lab.wait_idle()
    seen = []
    with lab.held_workers():
        job = lab.accept("rescan", "full all")
        lab.wait_in_scan(job)
        for _ in range(5):
            current = lab.json("metrics/scan.json")["current"]
            assert RUN - {"ended_at"} <= current.keys() and (current["id"], current["mode"]) == (job, "full")
            seen.append((current["wall_seconds"], current["files"], current["added"]))
            assert lab.json("status/jobs.json")["running"] == 1
            until(lambda: lab.json("metrics/scan.json")["current"]["wall_seconds"] > seen[-1][0], 5, "its clock to move")
    assert seen == sorted(seen) and seen[0][1] > 0
    lab.wait_idle()
    ended = lab.jobs()[job]
    assert (ended["state"], ended["done"], ended["total"]) == ("done", library.files, library.files)
    assert ended["rate_per_second"] > 0 and ended["result"].startswith(f"{library.files} files in ")


def test_the_fields_of_tracks_and_volumes(small):
    rows = small.export("tracks").values()
    assert all(TRACK <= row.keys() | {"album_artist", "track_total", "date"} for row in rows)
    tagged = [row for row in rows if row["format"] == "flac"]
    assert all(TRACK <= row.keys() for row in tagged)
    assert set().union(*rows) >= TRACK | TRACK_SOMETIMES
    for row in rows:
        assert row["artist"] == "; ".join(row["artists"]) and row["genre"] == "; ".join(row["genres"])
        assert TIME.fullmatch(row["modified_at"])
    volumes = small.export("volumes").values()
    assert all({"path", "format", "series", "pages", "bytes", "modified_at"} <= v.keys() for v in volumes)
    informed = [v for v in volumes if "comicinfo" in v]
    assert informed and all(v["comicinfo"] and v["title"] and v["year"] and v["language"] == "fr" for v in informed)


def test_albums_and_series_tell_their_files(small):
    t = next(t for t in small.tracks if t.format == "flac")
    album = small.json(f"music/artists/{t.album_artist}/{t.album}/album.json")
    assert (album["album"], album["album_artist"]) == (t.album, t.album_artist) and album["date"].startswith(str(t.year))
    assert {row["path"] for row in album["tracks"]} == {
        u.path for u in small.tracks if (u.album, u.album_artist) == (t.album, t.album_artist)}
    exported = small.export("tracks")
    assert all(exported[row["path"]] == row for row in album["tracks"])
    series = next(s for s in small.series if s.comicinfo and s.missing and not s.is_chapters)
    info = small.json(f"manga/{series.name}/info.json")
    assert {"series", "total", "total_source", "owned", "missing", "volumes"} <= info.keys()
    assert (info["total"], info["missing"]) == (max(int(v) for v in series.owned), series.missing)
    assert info["total_source"] and all({"file", "path", "volume", "pages", "bytes"} <= v.keys() for v in info["volumes"])


def test_events_tell_jobs_and_roots(small):
    events = [json.loads(line) for line in small.read("events.jsonl").splitlines()]
    assert all({"seq", "time", "kind"} <= event.keys() and TIME.fullmatch(event["time"]) for event in events)
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    states = [event["state"] for event in events if event["kind"] == "job" and event["job"] == 1]
    assert states == ["running", "done"]
    assert {(e["name"], e["state"]) for e in events if e["kind"] == "root"} == {("music", "present"), ("manga", "present")}
