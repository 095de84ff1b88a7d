# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make bench` measures with: that it counts what there is, says what is missed and never makes up a figure."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ROOT, until

BENCH = ROOT / "tests/bench"
sys.path.insert(0, str(BENCH))

import bench  # noqa: E402
import costs  # noqa: E402
import lab as labs  # noqa: E402
import table as tables  # noqa: E402


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A bench of this build in a folder of its own."""
    monkeypatch.setenv("BENCH_DIR", str(tmp_path))
    monkeypatch.setenv("O", os.environ.get("MEDIAMON_BUILD", str(ROOT / "build")))
    return tmp_path


@pytest.fixture
def tree(tmp_path):
    """37 files in 8 folders."""
    for i in range(37):
        folder = tmp_path / "tree" / str(i % 7)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.flac").write_bytes(b"x" * (i * 1000))
    return tmp_path / "tree"


@pytest.mark.parametrize("words", [("stat",), ("read", 8192), ("read", 8192, 1), ("read", 8192, 32)])
def test_floor_visits_every_file(work, tree, words):
    bench_lab = labs.Lab(True)
    files, seconds = labs.run(bench_lab.tool("floor"), words[0], tree, *words[1:]).split()
    assert int(files) == 37 and float(seconds) > 0


def test_floor_says_what_it_cannot_read(work, tree):
    done = subprocess.run([labs.Lab(True).tool("floor"), "stat", tree / "absent"], capture_output=True, text=True)
    assert done.returncode == 1 and "absent" in done.stderr


def test_reads_of_a_file_are_counted():
    text = ('7 pread64(12</m/a b.flac>, ""..., 16384, 0) = 16384\n'
            '7 pread64(12</m/a b.flac>, ""..., 4096, 90000) = 100\n'
            '8 read(4</m/c.mp3>, ""..., 4096) = 4096\n'
            '8 read(4</other/c.mp3>, ""..., 4096) = 4096\n'
            '8 pread64(4</m/c.mp3>, 0x7f, 4096, 0) = -1 EIO (Input/output error)\n')
    assert costs.traced(text, "/m") == {"/m/a b.flac": [2, 16484], "/m/c.mp3": [1, 4096]}


@pytest.mark.parametrize("line", ['7 io_uring_setup(64, {flags=0}) = 5',
                                  '7 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</m/a.flac>, 0) = 0x7f0000000000'])
def test_reads_that_cannot_be_seen_are_no_figure(line):
    assert costs.traced(line + "\n", "/m") is None


def test_options_of_this_version_are_found(work):
    bench_lab = labs.Lab(True)
    assert bench_lab.option("log_level", '"info"') == 'log_level = "info"\n'
    assert bench_lab.option("workers", "2") == "scan { workers = 2 }\n"
    assert bench_lab.option("no_such_option", "2") is None


class Seen(labs.Memory):
    """Remembers whom it looked at."""

    def __init__(self, *pids):
        super().__init__(*pids)
        self.seen = set()

    def look_at(self, pid):
        self.seen.add(pid)
        return super().look_at(pid)


def test_memory_is_of_processes_that_live_together():
    """Those that follow one another have no more than one has."""
    with subprocess.Popen(["sh", "-c", "while :; do sh -c 'sleep 0.1; :'; done"]) as process:
        try:
            with Seen(process.pid) as memory:
                until(lambda: len(memory.seen) >= 8, 60, "children that are seen")
        finally:
            process.kill()
        # it, its child and the child of that
        assert 1 <= len(memory.peaks) <= 3 and memory.total() == sum(size for size, _ in memory.peaks.values()) > 0


def test_what_is_made_is_kept(work):
    bench_lab, made = labs.Lab(True), []

    def make(new):
        new.mkdir()
        made.append(new)

    assert bench_lab.made("library", make, 1) == bench_lab.made("library", make, 1) == work / "library"
    assert len(made) == 1
    with pytest.raises(labs.Skipped, match="free"):
        bench_lab.made("too large", make, 1 << 60)


def test_a_missed_bound_is_said_and_kept(work, capsys):
    table = tables.Table(work / "rows.json")
    table.begin("part", "a machine", "today, load 1")
    table.at_least("fast", "1 s", "10 s", 10, 20)
    table.at_most("small", "1 MB", "", 1, 2, "MB")
    table.skip("other", "no such thing")
    table.keep()
    shown = capsys.readouterr().out.splitlines()
    assert "≥ 20  MISSED" in shown[0] and "≤ 2 MB  ok" in shown[1] and "not measured: no such thing" in shown[2]
    assert table.missed == 1
    assert [row[0] for row in tables.Table(work / "rows.json").kept["parts"]["part"]["rows"]] == ["fast", "small", "other"]


def test_readme_shows_the_rows_between_its_markers(work):
    readme, table = work / "README.md", tables.Table()
    table.begin("part", "a machine", "today, load 1")
    table.at_most("a | b", "1", "", 1, 2)
    table.info("    a detail", "1")
    readme.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    for _ in range(2):
        assert tables.write_readme(readme, table.kept, "make bench")
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text and "detail" not in text
    assert text.count("| a \\| b | 1 |  | 1.00 | ≤ 2 | ok |") == 1 and "`make bench` on a machine: part (today, load 1)." in text
    readme.write_text("no place")
    assert not tables.write_readme(readme, table.kept, "make bench")


def test_readme_has_its_place():
    text = (ROOT / "README.md").read_text()
    assert text.count(tables.BEGIN) == text.count(tables.END) == 1


def test_every_part_is_explained(capfd):
    """In the head of tests/bench/run, which refuses others."""
    head = (BENCH / "run").read_text()
    assert [part.name for part in bench.PARTS if part.name not in head] == []
    assert subprocess.run([BENCH / "run", "quick", "nonsense"]).returncode == 2
    assert "usage" in capfd.readouterr().err


def test_memory_is_no_disk(work, monkeypatch):
    """A library in memory would show what no disk can."""
    folder = Path(f"/dev/shm/mediamon-test-{os.getpid()}")
    monkeypatch.setenv("BENCH_DIR", str(folder))
    try:
        with pytest.raises(labs.CannotMeasure, match="in memory"), labs.Lab(True):
            pass
    finally:
        folder.rmdir()
