# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever other programs read is whole and true while a scan changes it: each export is read again and again and
parsed by somebody else's parser.  Which files there are is asked of the mount, so that a new one is tested unasked."""
import csv
import html.parser
import io
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import LONG, MEDIAMON, Meanwhile, until

FOLDERS = ("", "status", "metrics")
#: rounds of changes while everything is read
ROUNDS = 40 if LONG else 6


class Exports:
    """Reads them all; remembers what must never change, and how often each was another one."""

    def __init__(self, lab):
        self.lab, self.header, self.seen, self.newest = lab, {}, {}, {}
        self.xmllint, self.promtool, self.jq = (shutil.which(p) for p in ("xmllint", "promtool", "jq"))
        self.samples = {}

    def names(self):
        for folder in FOLDERS:
            for name in os.listdir(self.lab.mnt / folder):
                check = CHECKS.get(name.rpartition(".")[2]) if "." in name else None
                if check:
                    yield os.path.join(folder, name), check

    def read_all(self):
        for path, check in self.names():
            with open(self.lab.mnt / path, "rb") as f:
                data = f.read()
                size = os.fstat(f.fileno()).st_size
                # this one grows in its place
                assert len(data) == size or (path == "events.jsonl" and len(data) < size), f"{path} is cut"
            self.seen.setdefault(path, set()).add(data)
            self.samples[path] = data
            try:
                check(self, path, data.decode("utf-8", "strict"))
            except (AssertionError, ValueError, csv.Error) as e:
                raise AssertionError(f"{path}: {e}\n{data[:200]!r} … {data[-200:]!r}") from e

    def document(self, path, text):
        value = strict_json(text)
        name = path.rpartition("/")[2].removesuffix(".json")
        if "schema" not in value:
            # its shape is somebody else's (a drop-in for another program)
            return
        assert list(value)[:3] == ["schema", "generation", "generated_at"]
        assert value["schema"].startswith("mediamon/") and name in value["schema"], value["schema"]
        assert value["generation"] >= self.newest.get(path, 0), "older than what was read before"
        self.newest[path] = value["generation"]
        if "count" in value and "items" in value:
            assert value["count"] == len(value["items"])

    def table(self, path, text):
        assert not text or text.endswith("\n"), "cut"
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert self.header.setdefault(path, rows[0]) == rows[0], "another header"
        assert len(set(rows[0])) == len(rows[0])
        assert all(len(row) == len(rows[0]) for row in rows), "a row with other columns"

    def exposition(self, path, text):
        """Prometheus' text format: promtool has the last word, afterwards."""
        assert text.endswith("\n")
        types = set()
        for line in text.splitlines():
            assert line.startswith("# ") or SAMPLE.fullmatch(line), line
            if line.startswith("# TYPE "):
                assert line.split()[2] not in types, "one TYPE a metric"
                types.add(line.split()[2])

    def picture(self, path, text):
        assert text.rstrip().endswith("</svg>"), "cut"

    def page(self, path, text):
        assert re.match(r"<!doctype html>", text, re.I) and text.rstrip().endswith("</html>"), "cut"
        Balanced(text)

    def lines(self, path, text):
        assert not text or text.endswith("\n"), "cut"
        values = [strict_json(line) for line in text.splitlines()]
        numbers = [v["seq"] for v in values if "seq" in v]
        assert numbers == sorted(set(numbers)), "not in order"

    # --- the slower ones: what was read last, once ---

    def parse_by_programs(self):
        used = set()
        for path, data in self.samples.items():
            for program, suffixes, words in ((self.jq, ("json", "jsonl"), ["-e", "."]),
                                             (self.xmllint, ("svg",), ["--noout", "--nonet", "-"]),
                                             (self.promtool, ("prom",), ["check", "metrics"])):
                if program and path.endswith(tuple("." + s for s in suffixes)) and data:
                    r = subprocess.run([program, *words], input=data, capture_output=True)
                    assert r.returncode == 0 and not (program == self.promtool and r.stderr), (path, r.stderr.decode())
                    used.add(os.path.basename(program))
        return used


#: name{labels} value
SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_]\w*="([^"\\\n]|\\[\\"n])*"(,[a-zA-Z_]\w*="([^"\\\n]|\\[\\"n])*")*,?\})? '
                    r"([-+]?[0-9.eE+-]+|NaN|[+-]Inf)( \d+)?")

CHECKS = {"json": Exports.document, "csv": Exports.table, "prom": Exports.exposition, "svg": Exports.picture,
          "html": Exports.page, "jsonl": Exports.lines}


def strict_json(text):
    def once(pairs):
        assert len({k for k, _ in pairs}) == len(pairs), "a key twice"
        return dict(pairs)

    def never(word):
        raise ValueError(f"{word} is no JSON")
    return json.loads(text, object_pairs_hook=once, parse_constant=never)


class Balanced(html.parser.HTMLParser):
    """Every element that is opened is closed, in that order."""
    VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr", "source", "area", "base"}

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        # these may be left open in HTML
        while self.open and self.open[-1] != tag and self.open[-1] in ("p", "li", "td", "th", "tr", "dt", "dd", "tbody", "thead", "option"):
            self.open.pop()
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open[-5:]}"
        self.open.pop()


class Scraper:
    """Reports chapters, one JSON object a line, as one outside would."""

    def __init__(self, lab):
        self.path, self.lab, self.told = lab.mnt / "control/chapter", lab, 0

    def tell(self):
        if not self.path.exists():
            return
        n = self.told + 1
        for event in ({"event": "start", "url": "https://example.org/,\"'<a>"}, {"event": "update", "images_found": 3},
                      {"event": "download", "bytes": 1000, "success": True}, {"event": "end", "success": n % 3 > 0}):
            event |= {"series": "Séries, \"=1+1\" <b>", "chapter": n / 2}
            # refused while the indexer is too busy, as any order; it was not taken then
            self.lab.write_order("chapter", json.dumps(event))
        self.told = n


def rescan(lab, words):
    """Others give orders meanwhile: control/last may tell of theirs."""
    assert lab.order("rescan", words) == 0
    lab.wait_idle()


def change(lab, n):
    """A scan that adds, changes and loses files, one of them broken."""
    volumes = sorted(p for p in lab.manga.rglob("*") if p.is_file())
    tracks = sorted(lab.music.rglob("*.flac"))
    away = lab.dir / "away"
    volumes[n].rename(away)
    shutil.copy(tracks[n], lab.music / f"new, \"{n}\" =1+1 <i>.flac")
    (lab.music / f"broken {n}.flac").write_bytes(b"fLaC")
    rescan(lab, "all")
    away.rename(volumes[n])
    rescan(lab, "full all" if n % 2 else "all")


def run_command(lab, *words):
    # 1 and 2: how all is, not that it failed
    r = subprocess.run([MEDIAMON, *words, "--config", str(lab.conf)], capture_output=True)
    assert not r.stderr and (r.returncode == 0 or words[0] == "status"), (words, r)
    return r.stdout.decode("utf-8", "strict")


class Commands:
    """What the command exports, in turns."""

    def __init__(self, lab):
        self.lab, self.turn = lab, 0

    def run(self):
        kinds = ("tracks", "volumes", "links", "errors", "gone")
        what = (*kinds, "status")[self.turn % (len(kinds) + 1)]
        self.turn += 1
        if what == "status":
            document = strict_json(run_command(self.lab, "status", "--json"))
            assert document["schema"] == "mediamon/status/1"
            for part in ("roots", "jobs"):
                assert document[part]["count"] == len(document[part]["items"])
            return
        text = run_command(self.lab, "export", what)
        assert not text or text.endswith("\n")
        rows = [strict_json(line) for line in text.splitlines()]
        assert len({row.get("id", row["path"]) for row in rows}) == len(rows), "a row twice"


def test_all_exports_stay_whole_while_everything_changes(small):
    exports, other, commands, scraper = Exports(small), Exports(small), Commands(small), Scraper(small)
    exports.read_all()
    before = set(exports.samples)
    with (Meanwhile(exports.read_all, 0), Meanwhile(other.read_all, 0.01), Meanwhile(commands.run, 0.05),
          Meanwhile(scraper.tell, 0.02)):
        for n in range(ROUNDS):
            change(small, n)
        until(lambda: commands.turn >= 12, 30, "every command to have run")
    exports.read_all()
    assert {"json", "csv", "jsonl"} <= {p.rpartition(".")[2] for p in exports.samples}
    assert before <= set(exports.samples), "a file went away"
    for path in ("status/jobs.json", "status/summary.json", "metrics/scan.csv", "events.jsonl"):
        assert len(exports.seen[path]) > ROUNDS / 2, f"{path} hardly changed: nothing was tried"
    assert scraper.told or not scraper.path.exists()
    used = exports.parse_by_programs()
    print(f"{len(exports.samples)} exports, {sum(map(len, exports.seen.values()))} versions, parsed by {sorted(used)} too")
    assert "jq" in used


@pytest.mark.parametrize("check, text", [
    ("json", '{"schema": "mediamon/x/1", "generation": 1'), ("json", '{"a": 1, "a": 2}'), ("json", '{"a": NaN}'),
    ("json", '{"schema": "mediamon/x/1", "generation": 1, "generated_at": "", "items": [1], "count": 2}'),
    ("csv", 'a,b\r\n1'), ("csv", 'a,b\r\n1,"2\r\n'), ("csv", "a,b\r\n1\r\n"), ("prom", "a 1\nb"), ("prom", "a{ 1\n"), ("svg", "<svg><g>"),
    ("html", "<!doctype html><html><body><div></body></html>"), ("html", "<!doctype html><html>"), ("jsonl", '{"seq": 1}\n{"se'),
    ("jsonl", '{"seq": 2}\n{"seq": 1}\n')])
def test_what_is_not_whole_is_noticed(check, text):
    """These checks can fail."""
    with pytest.raises((AssertionError, ValueError, csv.Error)):
        CHECKS[check](Exports(None), f"metrics/x.{check}", text)
