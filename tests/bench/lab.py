# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are measured: the libraries, one mediamon of our own, and its end whatever happens."""
import fcntl
import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("MEDIAMON_SHARED", HERE.parents[2] / "shared"))
PATIENCE_S = 300
# of the program: what tests/bench/gaps.c measures
GAPS = "indexer/monitor/monitor_missing.c", "common/volumes.c", "common/buf.c"


class CannotMeasure(Exception):
    pass


def median(values):
    return statistics.median(values)


def run(*words, **options):
    """Standard output of a program that must succeed."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **options)
    if done.returncode:
        raise CannotMeasure(f"{' '.join(map(str, words[:3]))}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def seconds_of(*words, to="/dev/null"):
    """Wall time of a program that must succeed, its output thrown away or in a file."""
    output = [(os.POSIX_SPAWN_OPEN, 1, to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    words, start = [str(w) for w in words], time.perf_counter()
    pid = os.posix_spawnp(words[0], words, {**os.environ, "LC_ALL": "C"}, file_actions=output)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    taken = time.perf_counter() - start
    if status:
        raise CannotMeasure(f"{' '.join(words)}: status {status}")
    return taken


def until(check, what, seconds=PATIENCE_S, pause=0.005):
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise CannotMeasure(f"not within {seconds} s: {what}")
        time.sleep(pause)


def is_mounted(path):
    with open("/proc/self/mountinfo") as f:
        return any(line.split()[4] == str(path) for line in f)


def unmount(path, process=None):
    if is_mounted(path) and subprocess.run(["fusermount3", "-u", path], stderr=subprocess.DEVNULL).returncode:
        subprocess.run(["fusermount3", "-uz", path], stderr=subprocess.DEVNULL)
    if process:
        end(process)


def end(process, patience=10):
    """A process that was asked to end; one that does not is killed."""
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Memory:
    """Peak resident bytes of processes and their children, sampled while they live."""

    def __init__(self, *pids):
        self.pids, self.peaks, self.ended = pids, {}, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """What comes after does not count."""
        if not self.ended.is_set():
            self.ended.set()
            self.thread.join()
            self.sample()

    def watch(self):
        while not self.ended.wait(0.05):
            self.sample()

    def children(self, pid):
        for f in Path(f"/proc/{pid}/task").glob("*/children"):
            yield from map(int, f.read_text().split())

    def sample(self):
        for parent in self.pids:
            try:
                for pid in [parent, *self.children(parent)]:
                    self.look_at(pid)
            except OSError:
                continue

    def look_at(self, pid):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return
        words = [os.path.basename(words[0]), *(w for w in words[1:] if w.startswith(b"--"))]
        peak = [line for line in status.splitlines() if line.startswith("VmHWM")]
        if peak:
            # a process changes its peak when it becomes another program: the last one counts
            self.peaks[pid] = (int(peak[0].split()[1]) * 1024, b" ".join(words[:2]).decode())

    def total(self):
        return sum(size for size, _ in self.peaks.values())


class Lab:
    def __init__(self, quick):
        self.quick = quick
        self.work = Path(os.environ.get("TMPDIR") or "/tmp", "mediamon-bench").resolve()
        self.fast = Path("/dev/shm/mediamon-bench")
        self.state, self.conf, self.mnt = self.work / "state", self.work / "bench.conf", self.work / "mnt"
        build = Path(os.environ.get("O") or "build-release").resolve()
        self.mediamon, self.mediamond = str(build / "mediamon"), str(build / "mediamond")
        self.fs = self.indexer = self.lock = None

    def __enter__(self):
        for program in (self.mediamon, self.mediamond):
            if not os.access(program, os.X_OK):
                raise CannotMeasure(f"{program} is not there: make RELEASE=1, or set O=")
        for folder in (self.work, self.fast, self.mnt):
            if not is_mounted(folder):
                folder.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.work / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotMeasure(f"another run measures in {self.work}") from None
        self.close()
        return self

    def __exit__(self, *_):
        self.close()
        shutil.rmtree(self.fast, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def close(self):
        """Also what a run before left behind when it was killed."""
        unmount(self.mnt, self.fs)
        self.fs = None
        self.stop_indexer()

    # --- programs and libraries ---

    def tool(self, name):
        source, program = HERE / f"{name}.c", self.work / name
        if name == "gaps" or not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            more = run("pkg-config", "--cflags", "--libs", "fuse3").split() if name == "minfs" else []
            if name == "gaps":
                top = HERE.parents[1]
                more = [f"-I{top}", *(top / f for f in GAPS), "-lm"]
            run("cc", "-O2", "-D_GNU_SOURCE" if name in ("floor", "gaps") else "-g0", "-pthread", "-o", program, source, *more)
        return program

    def library(self, kind, n, *options):
        """A tree of @n files (music) or series (manga), made once."""
        given = os.environ.get(f"BENCH_{kind.upper()}")
        if given:
            return Path(given).resolve()
        folder = self.work / f"{kind}-{n}"
        if not folder.exists():
            source = SHARED / "corpus/gencorpus.c"
            print(f"making {folder}", flush=True)
            run("cc", "-O2", "-w", "-o", self.work / "gencorpus", source, "-lz")
            new = folder.with_name(folder.name + ".new")
            shutil.rmtree(new, ignore_errors=True)
            run(self.work / "gencorpus", kind, "-o", new, "-n", n, "-s", SHARED / "corpus/seeds", *options)
            new.rename(folder)
        return folder

    # --- mediamon ---

    def configure(self, music, manga=None, more=""):
        roots = f'music = {{ "{music}" }}\n' + (f'manga = {{ "{manga}" }}\n' if manga else "")
        self.conf.write_text(f'{roots}state_dir = "{self.state}"\nlog_level = "warning"\n{more}')

    def forget(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def start_indexer(self):
        with open(self.work / "mediamond.log", "ab") as log:
            self.indexer = subprocess.Popen([self.mediamond, self.conf], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)

    def indexer_pid(self):
        """Whoever started it."""
        try:
            pid = int((self.state / "mediamond.pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.conf) in words and is_alive(pid) else None

    def stop_indexer(self):
        """One that has just started does not take orders yet: it is asked again."""
        def is_gone():
            asked = subprocess.run([self.mediamon, "order", "quit", "now", "--config", self.conf], capture_output=True)
            return not self.indexer_pid() or not asked.returncode and until(
                lambda: not self.indexer_pid(), "the end of the indexer", 30)

        if self.indexer_pid():
            until(is_gone, "an indexer that takes the order to end", 30, pause=0.05)
        if self.indexer:
            self.indexer.terminate()
            end(self.indexer)
            self.indexer = None

    def mount(self):
        with open(self.work / "mediamon.log", "ab") as log:
            self.fs = subprocess.Popen([self.mediamon, "-f", self.conf, self.mnt, "-o", "noindexer"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: is_mounted(self.mnt) or self.fs.poll() is not None, "the mount", 10, pause=0.001)
        if self.fs.poll() is not None:
            raise CannotMeasure(f"mediamon does not mount, see {self.work}/mediamon.log")

    def unmount(self):
        unmount(self.mnt, self.fs)
        self.fs = None

    def read_json(self, path):
        return json.loads((self.mnt / path).read_bytes())

    def order(self, *words):
        run(self.mediamon, "order", *words, "--config", self.conf)

    def wait_run(self, known=0):
        """The run that ended last, once there are more than @known and none is left to do."""
        def ended():
            jobs = self.read_json("status/jobs.json")
            if jobs["running"] or jobs["queued"] or not jobs["items"]:
                return None
            scans = self.read_json("metrics/scan.json")
            runs = [r for r in scans["runs"] if r["ended_at"]]
            return runs[-1] if not scans["current"] and runs and runs[-1]["id"] > known else None

        return until(ended, "the end of the scan", pause=0.02)
