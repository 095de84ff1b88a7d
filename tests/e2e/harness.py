# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab: one private mediamon (roots, state directory, mount) and what a test does with it."""
import contextlib
import errno
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from reaper import indexer_of, is_mounted

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MEDIAMON_BUILD", ROOT / "build")).resolve()
MEDIAMON, MEDIAMOND = str(BUILD / "mediamon"), str(BUILD / "mediamond")
LONG = bool(os.environ.get("LONG"))
IDLE_S = 60


#: no limit is shorter: it tells what hangs from what is slow, on a machine that others use too
PATIENCE_S = 60


def until(check, seconds, what, pause=0.02):
    """Calls check() until it answers something true, and returns that; what: a text, or what makes it then."""
    end = time.monotonic() + max(seconds, PATIENCE_S)
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(pause)


def kib_of(pid, key):
    """What /proc/PID/status says of its memory: "VmRSS", "RssShmem", …"""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))


def is_alive(pid):
    """A zombie is dead: whoever must wait for it may be slow."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    if stat.rpartition(")")[2].split()[0] not in "ZX":
        return True
    # its other threads may still be ending, and hold what it held
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except OSError:
        return False


def quoted(paths):
    return ", ".join('"%s"' % str(p).replace("\\", "\\\\").replace('"', '\\"') for p in paths)


class Meanwhile:
    """Calls step() again and again beside the test; what it raises fails the test."""

    def __init__(self, step, pause=0.1):
        self.step, self.pause, self.error = step, pause, None
        self.ended, self.rounds = threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.ended.wait(self.pause):
                self.step()
                self.rounds += 1
        except BaseException as e:
            self.error = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        if self.error:
            raise self.error


class Lab:
    def __init__(self, folder, reaper):
        self.dir = Path(folder)
        self.state, self.conf = self.dir / "state", self.dir / "mediamon.conf"
        self.mnt = self.dir / "mnt"
        self.music, self.manga = self.dir / "music", self.dir / "manga"
        self.reaper, self.fs = reaper, None
        self.log = self.dir / "mediamon.log"
        for d in (self.mnt, self.music, self.manga):
            d.mkdir()
        self.configure()

    def configure(self, music=None, manga=None, extra=""):
        """Writes the configuration: the lab's own roots unless others are named.  Covers come some time after a scan, and move
        the generation then: only tests that are about them have them, by a section covers of their own."""
        if music is not None:
            self.music = Path(music)
        if manga is not None:
            self.manga = Path(manga)
        self.conf.write_text(f"music = {{ {quoted([self.music])} }}\nmanga = {{ {quoted([self.manga])} }}\n"
                             f"state_dir = \"{self.state}\"\nlog_level = \"warning\"\n{extra}\n"
                             + ("" if "covers {" in extra else "covers { keep = 0 }\n"))

    # --- the filesystem ---

    def start(self, *options, wait=True, preload=None):
        """Mounts, and starts the indexer if none runs; preload: a library below build/lib."""
        self.reaper({"mount": str(self.mnt), "config": str(self.conf), "state": str(self.state)})
        with open(self.log, "ab") as log:
            self.fs = subprocess.Popen([MEDIAMON, "-f", *options, str(self.conf), str(self.mnt)],
                                       env={**os.environ, "LD_PRELOAD": str(BUILD / "lib" / preload)} if preload else None,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.has_mount, 10, "the mount: " + self.log.read_text())
        if wait and "noindexer" not in ",".join(options):
            self.wait_indexer()
        return self

    def has_mount(self):
        """Whether it answers: the kernel remembers names of a dead mount, but not this file's."""
        assert self.fs.poll() is None, "mediamon ended: " + self.log.read_text()
        try:
            return is_mounted(self.mnt) and self.generation() >= 0
        except OSError:
            return False

    def unmount(self):
        """Returns what fusermount3 returned; tries harder when it fails."""
        r = 0
        if is_mounted(self.mnt):
            r = subprocess.run(["fusermount3", "-u", str(self.mnt)], stderr=subprocess.DEVNULL).returncode
            if r:
                subprocess.run(["fusermount3", "-uz", str(self.mnt)], stderr=subprocess.DEVNULL)
        if self.fs:
            try:
                self.fs.wait(5)
            except subprocess.TimeoutExpired:
                self.fs.kill()
                self.fs.wait()
            self.fs = None
        return r

    def stop(self):
        self.unmount()
        pid = self.indexer()
        if pid:
            self.end_indexer(signal.SIGTERM)
        if pid and is_alive(pid):
            os.kill(pid, signal.SIGKILL)

    # --- the indexer ---

    def indexer(self):
        """Its process number, None when none runs."""
        pid = indexer_of(self.state, self.conf)
        return pid if pid and is_alive(pid) else None

    def end_indexer(self, number):
        """Sends the signal; seconds until it was gone, None when it was not within PATIENCE_S."""
        pid, start = self.indexer(), time.monotonic()
        assert pid, "no indexer runs"
        os.kill(pid, number)
        while is_alive(pid) and time.monotonic() < start + PATIENCE_S:
            time.sleep(0.002)
        return None if is_alive(pid) else time.monotonic() - start

    def kill_indexer(self):
        assert self.end_indexer(signal.SIGKILL) is not None

    def start_indexer(self, wait=True):
        subprocess.run([MEDIAMOND, "-d", str(self.conf)], check=True)
        if wait:
            self.wait_indexer()

    def wait_indexer(self):
        """Until the mount shows the indexer that runs now."""
        def shown():
            pid, seen = self.indexer(), self.newest("status/health.json")["indexer"]
            return pid and seen["pid"] == pid and seen["state"] == "running"
        until(shown, 15, f"the indexer: {self.indexer_log()}")

    def indexer_log(self):
        log = self.state / "mediamond.log"
        return log.read_text(errors="replace") if log.exists() else "no log"

    def children(self, role):
        """Processes of the indexer: role is "--worker" or "--scout"."""
        pid, found = self.indexer(), []
        for p in Path("/proc").iterdir():
            try:
                if p.name.isdigit() and role.encode() in (p / "cmdline").read_bytes().split(b"\0"):
                    if int((p / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                        found.append(int(p.name))
            except OSError:
                continue
        return found

    # --- reading ---

    def read(self, path):
        return (self.mnt / path).read_bytes()

    def newest_text(self, path):
        """As of the newest commit: TREE.md, status/generation."""
        def settled():
            before = self.generation()
            text = self.read(path)
            return text if before % 2 == 0 and self.generation() == before else None
        return until(settled, 10, f"a settled {path}", pause=0).decode()

    def json(self, path):
        return json.loads(self.read(path))

    def generation(self):
        return int(self.read("status/generation"))

    def newest(self, path):
        """The document as of the newest commit: TREE.md, status/generation."""
        return json.loads(self.newest_text(path))

    def jobs(self):
        return {job["id"]: job for job in self.newest("status/jobs.json")["items"]}

    def listing(self, path):
        return sorted(os.listdir(self.mnt / path))

    def export(self, what):
        """{path: row}; the path as bytes where the text had to replace some."""
        r = subprocess.run([MEDIAMON, "export", what, "--config", str(self.conf)], check=True,
                           stdout=subprocess.PIPE)
        rows = [json.loads(line) for line in r.stdout.decode().splitlines()]
        assert len({row.get("path_bytes", row["path"]) for row in rows}) == len(rows)
        return {row["path"]: row for row in rows}

    # --- orders ---

    def order(self, file, words):
        """0 or the errno of write(); given again while a slow disk keeps the indexer from answering."""
        for _ in range(PATIENCE_S // 2):
            error = self.write_order(file, words)
            if error != errno.EAGAIN or "too busy" not in self.last():
                break
        return error

    def write_order(self, file, words):
        data = words if isinstance(words, bytes) else (words + "\n").encode()
        fd = os.open(self.mnt / "control" / file, os.O_WRONLY | os.O_TRUNC)
        try:
            return 0 if os.write(fd, data) == len(data) else errno.EIO
        except OSError as e:
            return e.errno
        finally:
            os.close(fd)

    def last(self):
        return self.read("control/last").decode()

    def accept(self, file, words):
        """The order must be taken; the number of its job if it made one."""
        error = self.order(file, words)
        assert error == 0, f"{words!r} to control/{file}: {errno.errorcode[error]}: {self.last()}"
        word = "accepted as job "
        text = until(lambda: self.last() if ": ok: " in self.last() else None, 5, "control/last")
        return int(text.split(word)[1].split(":")[0]) if word in text else None

    def wait_idle(self, seconds=IDLE_S):
        """Until no job runs, waits or is on the live page, and at least one has ended."""
        def is_idle():
            jobs = self.newest("status/jobs.json")
            return (jobs["items"] and jobs["running"] == jobs["queued"] == 0
                    and self.newest("metrics/scan.json")["current"] is None)
        until(is_idle, seconds, "all jobs ended", pause=0.05)

    def wait_in_scan(self, job=None):
        """Until a scan has files and has not ended; something must hold it there."""
        def files():
            current = self.json("metrics/scan.json")["current"]
            return current and current["files"] and (job is None or current["id"] == job)
        until(files, 20, lambda: f"a scan that runs: {self.read('status/jobs').decode()}")

    @contextlib.contextmanager
    def held_workers(self):
        """Whoever reads files stands still meanwhile, and with them a scan that needs them.  The deadline of a file must be long."""
        workers = self.children("--worker")
        assert workers, "no worker runs"
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield workers
        finally:
            for pid in workers:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)

    def rescan(self, words):
        """Gives the order, waits for its end, returns the job."""
        job = self.accept("rescan", words)
        self.wait_idle()
        return self.jobs()[job]

    def command(self, *words):
        """`mediamon WORDS… --config …`: (status, standard output, standard error)."""
        r = subprocess.run([MEDIAMON, *words, "--config", str(self.conf)], capture_output=True, text=True)
        return r.returncode, r.stdout, r.stderr
