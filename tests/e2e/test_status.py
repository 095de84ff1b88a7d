# SPDX-License-Identifier: GPL-3.0-or-later
"""`mediamon status`: how all is, in a terminal."""
import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import threading
import unicodedata

import pytest

from faults import state_of_process, stopped
from harness import MEDIAMON, PATIENCE_S, until

OK, DEGRADED, FAILED, USAGE = 0, 1, 2, 64
COLOUR = re.compile(r"\033\[[0-9;]*m")


def cells(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def environment(**more):
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "COLUMNS", "LC_ALL")}
    return {**plain, "TERM": "xterm", "LC_ALL": "C.UTF-8", **more}


class Terminal:
    """A program on a terminal of its own, and what a person sees there."""

    def __init__(self, lab, *words, columns=80, rows=50, before=(), **more):
        self.master, slave = pty.openpty()
        self.wrapped = 0
        self.resize(columns, rows, None)
        self.raw, self.lock = b"", threading.Lock()
        self.process = subprocess.Popen([*before, MEDIAMON, "status", *words, "--config", str(lab.conf)],
                                        stdin=slave, stdout=slave, stderr=slave, env=environment(**more))
        os.close(slave)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def resize(self, columns, rows, process):
        self.columns = columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if process:
            process.send_signal(signal.SIGWINCH)

    def read(self):
        with contextlib.suppress(OSError):
            while True:
                data = os.read(self.master, 1 << 16)
                if not data:
                    return
                with self.lock:
                    self.raw += data

    def output(self):
        with self.lock:
            return self.raw.decode()

    def lines(self):
        """The screen: what the sequences that the program writes make of it, in a terminal like xterm: behind the last cell of
        a line the cursor stays in that cell until more text comes, and \\033[K takes that cell too.  self.wrapped: how often
        a line was too long for it since the screen was empty."""
        screen, row, column, self.wrapped = [[]], 0, 0, 0
        for part in re.findall(r"\033\[\??[0-9;]*[A-Za-z]|[^\033]|\033", COLOUR.sub("", self.output())):
            number = int(re.search(r"\d+", part)[0]) if re.search(r"\033\[\d", part) else 0
            at = min(column, self.columns - 1)
            if part == "\r":
                column = 0
            elif part == "\n":
                row, column = row + 1, at
                screen += [[] for _ in range(row + 1 - len(screen))]
            elif part[0] != "\033" and not cells(part):
                screen[row][column - 1] += part
            elif part[0] != "\033":
                if column + cells(part) > self.columns:
                    row, column, self.wrapped = row + 1, 0, self.wrapped + 1
                    screen += [[] for _ in range(row + 1 - len(screen))]
                line = screen[row]
                line += [" "] * (column + cells(part) - len(line))
                line[column:column + cells(part)] = [part] + [""] * (cells(part) - 1)
                column += cells(part)
            elif part[-1] == "A":
                assert number <= row, "above the screen"
                row -= number
            elif part == "\033[H":
                row = column = 0
            elif part == "\033[K":
                screen[row] = screen[row][:at]
            elif part in ("\033[J", "\033[2J"):
                screen = screen[:row + 1] if part == "\033[J" else [[]]
                self.wrapped = self.wrapped if part == "\033[J" else 0
                screen[row] = screen[row][:at]
            else:
                assert part in ("\033[?25l", "\033[?25h"), repr(part)
        return ["".join(line) for line in screen]

    def text(self):
        return "\n".join(self.lines())

    def wait(self):
        self.process.wait(PATIENCE_S)
        return self.end()

    def end(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        os.close(self.master)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.reader.join(PATIENCE_S)
            os.close(self.master)


def on_terminal(lab, *words, **more):
    with Terminal(lab, *words, **more) as t:
        status = t.wait()
    return status, t


def words_of(text):
    return " ".join(text.split())


def test_a_pipe_gets_everything_and_no_escape_sequence(small):
    shutil.rmtree(small.manga / small.series[0].name)
    small.rescan("all")
    status, text, errors = small.command("status")
    assert status == {"ok": OK, "degraded": DEGRADED}[small.json("status/health.json")["state"]] and not errors
    assert "\033" not in text and not any(line != line.rstrip() for line in text.splitlines())
    summary, roots = small.json("status/summary.json"), small.json("status/roots.json")["items"]
    plain = words_of(text)
    for sentence in summary["attention"]:
        assert words_of(sentence) in plain
    for root in roots:
        assert f"{root['path']} {root['state']} {root['files']} files" in plain
    music, manga = summary["music"], summary["manga"]
    assert f"{music['tracks']} tracks, {music['albums']} albums, {music['artists']} artists," in plain
    assert f"{manga['series']} series, {manga['volumes']} volumes," in plain
    assert f"missing {manga['missing']} volumes" in plain and manga["missing"]
    assert "last scan" in plain and "indexer running" in plain


def test_one_json_document_says_the_same(small):
    status, text, _ = small.command("status", "--json")
    document = json.loads(text)
    assert document["schema"] == "mediamon/status/1" and status == OK and document["state"] == "ok"
    for part in ("health", "summary", "jobs", "roots"):
        mounted = small.newest(f"status/{part}.json")
        for moving in ("generation", "generated_at", "indexer", "sandbox"):
            document[part].pop(moving, None), mounted.pop(moving, None)
        assert document[part] == mounted
    assert document["last_scan"] == small.newest("metrics/scan.json")["runs"][-1]


@pytest.mark.parametrize("columns", [40, 57, 80, 200])
def test_it_fits_the_terminal(small, columns):
    """Down to 40 columns, and nothing is lost by it."""
    status, t = on_terminal(small, columns=columns)
    assert status == OK
    assert all(cells(line) <= columns for line in t.lines()) and not t.wrapped, t.text()
    wide = "".join(small.command("status")[1].split())
    assert "".join(t.text().split()) == wide


def test_colours_only_where_they_are_wanted(small):
    def coloured(*words, **more):
        return bool(COLOUR.search(on_terminal(small, *words, **more)[1].output()))
    assert coloured() and coloured(NO_COLOR="") and coloured("--color", "always", NO_COLOR="1")
    assert not coloured(NO_COLOR="1") and not coloured(TERM="dumb") and not coloured("--color=never")
    assert "\033" not in on_terminal(small, TERM="dumb")[1].output()
    assert COLOUR.search(small.command("status", "--color=always")[1])


def test_wrong_words(small):
    for words in (["--color", "pink"], ["--json", "--watch"], ["--wacth"], ["extra"]):
        status, text, errors = small.command("status", *words)
        assert status == USAGE and not text and errors, words
    assert small.command("doctor", "--watch")[0] == 2


def test_nothing_was_ever_indexed(lab):
    status, text, _ = lab.command("status")
    plain = words_of(text)
    assert status == FAILED and "there is no index yet" in plain and "the indexer is away" in plain
    assert f"mediamond -d {lab.conf} starts it" in plain
    status, text, _ = lab.command("status", "--json")
    assert status == FAILED and json.loads(text)["last_scan"] is None
    assert not lab.state.exists()


def test_the_exit_status_is_that_of_health(small):
    (small.music / "bad.flac").write_bytes(b"fLaC")
    small.rescan("music")
    status, text, _ = small.command("status")
    assert status == DEGRADED and "degraded" in text and "errors 1" in words_of(text)
    small.kill_indexer()
    status, text, _ = small.command("status")
    assert status == FAILED and "the indexer is away" in text and "last seen" in words_of(text)
    assert "200 tracks" in words_of(text), "what it knew is still told"


def test_names_are_only_text(lab):
    evil = lab.dir / "e\033]0;title\007v\033[2Jil\u202e\n\x9b31m"
    evil.mkdir()
    lab.configure(manga=evil)
    lab.start()
    lab.wait_idle()
    for words in ([], ["--color=always"], ["--json"]):
        text = lab.command("status", *words)[1]
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", COLOUR.sub("", text)), words
    assert r"e\x1b]0;title\x07v\x1b[2Jil" in lab.command("status")[1]


@contextlib.contextmanager
def stuck_scan(lab, fill=lambda: None):
    """A scan that stands still in its middle; fill() adds files before."""
    with lab.held_workers():
        fill()
        lab.accept("rescan", "full all")
        lab.wait_in_scan()
        yield


def test_a_running_job_has_a_bar(lab, corpus):
    corpus.music(lab.music, 100)
    # workers that stand still are not taken for hung ones here
    lab.configure(extra='scan { deadline = "10m" }')
    lab.start()
    lab.wait_idle()
    with stuck_scan(lab):
        _, t = on_terminal(lab, columns=60)
        job = next(j for j in lab.json("status/jobs.json")["items"] if j["state"] == "running")
        bar = re.search(r"\[([█▉▊▋▌▍▎▏]*░*)\] +(\d+) %\n +(\d+) of (\d+) ", t.text())
        assert bar and len(bar[1]) > 20, t.text()
        assert int(bar[2]) == int(bar[3]) * 100 // int(bar[4]) and int(bar[4]) == job["total"]
        _, plain = on_terminal(lab, columns=60, LC_ALL="C")
        assert re.search(r"\[#*-+\] +\d+ %", plain.text())
        assert f"job {job['id']} {job['order']} running" in words_of(lab.command("status")[1])
        with Terminal(lab, "--wait") as waiting:
            until(lambda: "running" in waiting.text(), 20, waiting.text)
            assert waiting.process.poll() is None
            for pid in lab.children("--worker"):
                os.kill(pid, signal.SIGCONT)
            assert waiting.wait() == OK and " %" not in waiting.text()
            assert waiting.output().endswith("\033[?25h")


def test_the_first_scan_has_a_bar(lab, corpus):
    """Of what was found so far: nobody knows yet how much there is."""
    lab.configure(extra='scan { deadline = "10m" }')
    lab.start()
    lab.wait_idle()
    with stuck_scan(lab, lambda: corpus.music(lab.music, 100)):
        _, t = on_terminal(lab, columns=60)
        assert re.search(r"\] +\d+ %\n +\d+ of [1-9]\d* found so far ", t.text()), t.text()
        assert " left" not in t.text()


def test_waiting_into_a_pipe_tells_the_end_only(small):
    small.accept("rescan", "full all")
    status, text, _ = small.command("status", "--wait")
    assert status == OK and text.count("indexer") == 1 and " %" not in text and "\033" not in text


def test_chapters_that_scrapers_tell_of(small):
    assert "\n  chapters" not in small.command("status")[1]
    lines = [{"event": "start", "chapter": str(n), "series": "S", "run": "r", "seq": n} for n in (1, 2, 3)]
    lines += [{"event": "end", "chapter": "1", "series": "S", "run": "r", "seq": 4, "success": True},
              {"event": "end", "chapter": "2", "series": "S", "run": "r", "seq": 5, "success": False, "error_message": "gone"}]
    with Terminal(small, "--watch") as t:
        until(lambda: "indexer" in t.text(), 20, t.text)
        small.accept("chapter", "\n".join(map(json.dumps, lines)))
        until(lambda: re.search(r"\n  chapters +1 running 1 ok 1 failed *\n", t.text()), 20, t.text)


def test_alerts_that_fire_are_told(small):
    away = small.dir / "away"
    small.configure(extra='alerts { interval = "100ms" root_absent = "for 0s after 0s" }\n')
    small.accept("reload", "config")
    small.music.rename(away)
    sentence = until(lambda: [a["text"] for a in small.json("status/health.json")["alerts"]], 20, "the alert")[0]
    status, text, _ = small.command("status")
    assert status == DEGRADED and f"alert root_absent (music): {sentence}" in words_of(text)
    away.rename(small.music)


def test_waiting_for_no_indexer_has_an_end(small):
    """With a mount too, which tells nothing then."""
    small.kill_indexer()
    with Terminal(small, "--wait") as t:
        assert t.wait() == FAILED and "the indexer is away" in words_of(t.text())


# --- watching ---

def last_call(trace):
    return trace.read_text().rpartition("\n")[2] if trace.exists() else ""


def test_watching_sleeps_until_something_changes(small, tmp_path):
    """It hangs in poll() without a time limit, and a change is drawn over what was there."""
    trace = tmp_path / "trace"
    with Terminal(small, "--watch", before=["strace", "-D", "-f", "-o", trace]) as t:
        until(lambda: "200 tracks" in t.text(), 20, t.text)
        until(lambda: re.search(r"\bp?poll\(.*, (-1|NULL\b.*)$", last_call(trace)), 20, lambda: last_call(trace))
        shutil.copy(next(small.music.rglob("*.flac")), small.music / "one more.flac")
        small.rescan("music")
        until(lambda: "201 tracks" in t.text(), 20, t.text)
        assert t.text().count("tracks,") == 1, "drawn over"
        small.kill_indexer()
        until(lambda: "the indexer is away" in words_of(t.text()), 20, t.text)
        t.end()
    calls = trace.read_text()
    timeouts = {int(n) for n in re.findall(r"\bpoll\(.*, (-?\d+)(?:\) | <unfinished)", calls)}
    assert -1 in timeouts and not re.search(r"nanosleep|timerfd|alarm\(|setitimer", calls)
    assert timeouts <= {-1, 100}, "a pause after a drawing, and nothing else by the clock"


def test_watching_without_a_mount(small):
    """Commits wake it, and the end of the indexer does."""
    small.unmount()
    with Terminal(small, "--watch") as t:
        until(lambda: "200 tracks" in t.text(), 20, t.text)
        shutil.copy(next(small.music.rglob("*.flac")), small.music / "one more.flac")
        assert small.command("order", "rescan", "music")[0] == 0
        until(lambda: "201 tracks" in t.text(), 20, t.text)
        small.kill_indexer()
        until(lambda: "the indexer is away" in words_of(t.text()), 20, t.text)
        small.start_indexer(wait=False)
        until(lambda: "indexer running" in words_of(t.text()), 20, t.text)
        # nobody tells of one that stands still
        with stopped(small.indexer()):
            until(lambda: "the indexer does not answer" in words_of(t.text()), 20, t.text)
        until(lambda: "indexer running" in words_of(t.text()), 20, t.text)
        assert t.end() == -signal.SIGINT


def test_the_terminal_is_as_it_was_afterwards(small):
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        with Terminal(small, "--watch", before=["prlimit", "--core=0"]) as t:
            until(lambda: "indexer" in t.text(), 20, t.text)
            assert "\033[?25l" in t.output() and "\033[?25h" not in t.output()
            assert t.end(number) == -number
            assert t.output().endswith("\033[?25h")


def test_a_window_that_changes_and_a_shell_that_takes_over(small):
    with Terminal(small, "--watch", columns=100) as t:
        until(lambda: "indexer" in t.text(), 20, t.text)
        t.resize(40, 50, t.process)
        until(lambda: "\033[2J" in t.output() and "indexer" in t.text(), 20, t.text)
        assert all(cells(line) <= 40 for line in t.lines()) and not t.wrapped
        t.resize(40, 6, t.process)
        until(lambda: re.search(r"\(\d+ more lines\)", t.text()), 20, t.text)
        assert len([line for line in t.lines() if line]) <= 5
        t.process.send_signal(signal.SIGTSTP)
        until(lambda: state_of_process(t.process.pid) == "T", 20, "it to stop")
        until(lambda: t.output().endswith("\033[?25h"), 20, "the cursor")
        t.process.send_signal(signal.SIGCONT)
        until(lambda: t.output().rpartition("\033[?25h")[2].count("more lines") == 1, 20, t.text)
        assert "\033[?25l" in t.output().rpartition("\033[?25h")[2]
        assert t.end() == -signal.SIGINT


def test_a_stop_from_outside(small):
    """What the shell wrote meanwhile is not drawn over line by line, and its cursor is hidden again."""
    with Terminal(small, "--watch") as t:
        until(lambda: "indexer" in t.text(), 20, t.text)
        t.process.send_signal(signal.SIGSTOP)
        until(lambda: state_of_process(t.process.pid) == "T", 20, "it to stop")
        before = len(t.output())
        t.process.send_signal(signal.SIGCONT)
        until(lambda: re.search(r"\033\[\?25l\033\[H\033\[2J.*indexer", t.output()[before:], re.S), 20, t.text)
        assert t.end() == -signal.SIGINT


def test_a_line_that_is_full(small):
    """Exactly as wide as the terminal: its last character stays."""
    widest = max(on_terminal(small, columns=200)[1].lines(), key=cells)
    with Terminal(small, "--watch", columns=cells(widest)) as t:
        until(lambda: "indexer" in t.text(), 20, t.text)
        until(lambda: widest in t.lines(), 20, t.text)
        assert not t.wrapped


def test_a_mount_that_hangs_holds_nobody(small):
    """Neither one that hangs before the first look nor one that begins to while it is watched."""
    with stopped(small.fs.pid), Terminal(small, "--watch") as t:
        until(lambda: "200 tracks" in t.text(), 20, t.text)
        assert t.end() == -signal.SIGINT and t.output().endswith("\033[?25h")
    with Terminal(small, "--watch") as t:
        until(lambda: "200 tracks" in t.text() and files_of(t.process.pid, "summary.json"), 20, t.text)
        with stopped(small.fs.pid):
            assert t.end() == -signal.SIGINT and t.output().endswith("\033[?25h")


def files_of(pid, name):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return [path for path in found if path.endswith(name)]


def test_watching_into_a_pipe(small):
    """Each state once, an empty line between."""
    with subprocess.Popen([MEDIAMON, "status", "--watch", "--config", str(small.conf)], stdout=subprocess.PIPE,
                          text=True) as p:
        try:
            lines = []
            thread = threading.Thread(target=lambda: lines.extend(p.stdout))
            thread.start()
            until(lambda: any("indexer" in line for line in lines), 20, "the first state")
            small.kill_indexer()
            until(lambda: any("the indexer is away" in line for line in lines), 20, lambda: lines)
        finally:
            p.terminate()
            thread.join()
    assert "\033" not in "".join(lines)
