# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus and a real node_exporter, private to one test; and a strict reader of the text format."""
import json
import re
import socket
import subprocess
import urllib.parse
import urllib.request
from collections import defaultdict

from harness import PATIENCE_S, until
from reaper import started_at

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf'([a-zA-Z_][a-zA-Z0-9_]*)(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?)')
ONE_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
# asked directly, whatever proxy the machine has
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def parse(text):
    """{name: {labels: value}} of a text that is exactly as we promise it; labels: a frozenset of pairs."""
    assert text.endswith("\n") and "\r" not in text
    families, types, name = {}, {}, None
    lines = text.removesuffix("\n").split("\n")
    for i, line in enumerate(lines):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in families and len(line.split(" ")) > 3, line
            families[name] = {}
        elif line.startswith("# TYPE "):
            word, kind = line.split(" ")[2:]
            assert lines[i - 1].startswith(f"# HELP {name} ") and word == name and name not in types, line
            assert kind == ("counter" if name.endswith("_total") else "gauge"), line
            types[name] = kind
        else:
            m = SAMPLE.fullmatch(line)
            assert m and m[1] == name in types, line
            labels = frozenset((k, unescape(v)) for k, v in ONE_LABEL.findall(m[2] or ""))
            assert labels not in families[name], f"twice: {line}"
            families[name][labels] = float(m[3])
    assert families.keys() == types.keys() and all(families.values())
    return families


def value(families, name, **labels):
    """The one sample that has (at least) these labels."""
    found = [v for k, v in families[name].items() if labels.items() <= dict(k).items()]
    assert len(found) == 1, (name, labels, families[name])
    return found[0]


def promtool(*words, text=None):
    return subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True, text=True, timeout=PATIENCE_S)


def lint(text):
    """What promtool has to say: nothing."""
    r = promtool("check", "metrics", text=text)
    return r.stdout + r.stderr + (f"exit {r.returncode}" if r.returncode else "")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A program that listens on a loopback port of its own; ended by its number."""

    def __init__(self, tell, log, ready, words):
        for _ in range(5):
            # somebody else may take the port between the look and the start
            self.port = free_port()
            with open(log, "ab") as out:
                self.process = subprocess.Popen(words(f"127.0.0.1:{self.port}"), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            tell({"process": self.process.pid, "since": started_at(self.process.pid)})
            until(lambda: self.process.poll() is not None or self.answers(ready), PATIENCE_S, log.read_text)
            if self.process.poll() is None:
                return
        raise AssertionError(log.read_text())

    def get(self, path):
        with DIRECT.open(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S) as answer:
            return answer.read().decode()

    def answers(self, path):
        try:
            return bool(self.get(path))
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def node_exporter(tell, folder, metrics):
    return Server(tell, folder / "node_exporter.log", "/metrics", lambda address: [
        "prometheus-node-exporter", "--collector.disable-defaults", "--web.disable-exporter-metrics",
        "--collector.textfile", f"--collector.textfile.directory={metrics}", f"--web.listen-address={address}"])


class Prometheus(Server):
    def __init__(self, tell, folder, target, rules):
        config = {
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"},
            "rule_files": [str(r) for r in rules],
            "scrape_configs": [{"job_name": "node", "scrape_timeout": "250ms", "static_configs": [{"targets": [target]}]}],
        }
        file = folder / "prometheus.json"
        file.write_text(json.dumps(config))
        super().__init__(tell, folder / "prometheus.log", "/-/ready", lambda address: [
            "prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={address}", "--log.level=warn"])

    def ask(self, path, **words):
        answer = json.loads(self.get(f"/api/v1/{path}?{urllib.parse.urlencode(words)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def now(self, expression):
        """{name: {labels: value}}; labels without those that Prometheus adds."""
        found = defaultdict(dict)
        for row in self.ask("query", query=expression)["result"]:
            labels = {k: v for k, v in row["metric"].items() if k not in ("__name__", "instance", "job")}
            found[row["metric"].get("__name__", "")][frozenset(labels.items())] = float(row["value"][1])
        return dict(found)

    def firing(self):
        return {a["labels"]["alertname"] for a in self.ask("alerts")["alerts"] if a["state"] == "firing"}
