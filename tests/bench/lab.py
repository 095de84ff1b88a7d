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
TOP = HERE.parents[1]
#: in path lengths: what a Unix socket below it can still be called
LONGEST = 80
WARM_BYTES = 1 << 18
SETTLED, TRIES = 1.2, 5
PER_FOLDER = 10
#: of a corpus: options of gencorpus that make it small, and what a file (of music) or a series takes of the disk
LEAST_OPTIONS = {"music": ("-L", "1"), "manga": ("-p", "1")}
LEAST_BYTES = {"music": 57_000, "manga": 150_000, "tracks": 5_000}
# of the program: what tests/bench/gaps.c measures
GAPS = "indexer/monitor/monitor_missing.c", "common/volumes.c", "common/buf.c"
#: pkg-config's modules of those that need a library
NEEDS = {"minfs": "fuse3", "taglib": "taglib_c"}


class CannotMeasure(Exception):
    pass


class Skipped(Exception):
    """Something that this machine or this version cannot do: no failure, but told."""


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


PAGE = os.sysconf("SC_PAGE_SIZE")


class Memory:
    """Resident bytes of processes and all below them, together at the moment when that was most: looked at fifty times a
    second, while they live.  Pages that several share count for each.  (The kernel is some dozens of pages late: proc(5).)"""

    #: seconds between two looks, and looks between two searches for new processes
    PAUSE, NEW = 0.02, 10

    def __init__(self, *pids):
        #: {pid: (bytes, name)} of that moment
        self.pids, self.peaks, self.names, self.ended = pids, {}, {}, threading.Event()
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
        looks = 0
        while not self.ended.wait(self.PAUSE):
            if looks % self.NEW == 0:
                self.find()
            self.sample()
            looks += 1

    def family(self, pid):
        yield pid
        for f in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                children = f.read_text().split()
            except OSError:
                continue
            for child in map(int, children):
                yield from self.family(child)

    def find(self):
        self.names = {pid: self.names.get(pid) or self.name_of(pid) for parent in self.pids for pid in self.family(parent)}

    def name_of(self, pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return ""
        words = [os.path.basename(words[0]), *(w for w in words[1:] if w.startswith(b"--"))]
        return b" ".join(words[:2]).decode()

    def look_at(self, pid):
        """Bytes that it has now; None when it has ended."""
        try:
            with open(f"/proc/{pid}/statm") as f:
                return int(f.read().split()[1]) * PAGE
        except OSError:
            return None

    def sample(self):
        now = {pid: (size, name) for pid, name in self.names.items() if (size := self.look_at(pid))}
        if sum(size for size, _ in now.values()) > self.total():
            self.peaks = now

    def total(self):
        return sum(size for size, _ in self.peaks.values())


def age(folder):
    """Its files were written a day ago: nobody takes them for copies that still run."""
    then = time.time() - 24 * 3600
    for where, _, names in os.walk(folder):
        for name in names:
            os.utime(Path(where) / name, (then, then), follow_symlinks=False)


class Lab:
    def __init__(self, quick):
        self.quick = quick
        self.work = Path(os.environ.get("BENCH_DIR") or TOP / "build/bench").resolve()
        # of this folder's own, since two of them may be measured in at a time
        self.fast = Path("/dev/shm", "mediamon-bench" + str(self.work).replace("/", "-"))
        self.state, self.conf, self.mnt = self.work / "state", self.work / "bench.conf", self.work / "mnt"
        build = Path(os.environ.get("O") or "build-release").resolve()
        self.mediamon, self.mediamond = str(build / "mediamon"), str(build / "mediamond")
        self.fs = self.indexer = self.lock = self.kind = None
        #: options of this version, where they stand: {name: [section, …]}
        self.options, self.remarks, self.start = None, [], time.monotonic()

    def __enter__(self):
        for program in (self.mediamon, self.mediamond):
            if not os.access(program, os.X_OK):
                raise CannotMeasure(f"{program} is not there: make RELEASE=1, or set O=")
        if len(str(self.work)) > LONGEST:
            raise CannotMeasure(f"{self.work} is too long a path for sockets: set BENCH_DIR")
        self.work.mkdir(parents=True, exist_ok=True)
        self.kind = run("findmnt", "-n", "-o", "FSTYPE", "-T", self.work).split()[-1]
        if self.kind in ("tmpfs", "ramfs"):
            raise CannotMeasure(f"{self.work} is in memory, not on a disk: set BENCH_DIR")
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
        source, program = HERE / f"{name}.c", self.work / "tools" / name
        if name == "gaps" or not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            program.parent.mkdir(exist_ok=True)
            more = run("pkg-config", "--cflags", "--libs", NEEDS[name]).split() if name in NEEDS else []
            if name == "gaps":
                more = [f"-I{TOP}", *(TOP / f for f in GAPS), "-lm"]
            run("cc", "-O2", "-D_GNU_SOURCE" if name in ("floor", "gaps") else "-g0", "-pthread", "-o", program, source, *more)
        return program

    def made(self, name, make, bytes_needed):
        """A folder that make(folder) fills, kept for the next time."""
        folder = self.work / name
        if not folder.exists():
            free = shutil.disk_usage(self.work).free
            if free < 2 * bytes_needed:
                raise Skipped(f"{folder} takes {bytes_needed >> 20} MiB, {free >> 20} are free, half of which are left alone")
            print(f"making {folder}", flush=True)
            new = folder.with_name(name + ".new")
            shutil.rmtree(new, ignore_errors=True)
            make(new)
            age(new)
            new.rename(folder)
            os.sync()
        return folder

    def library(self, kind, n):
        """A tree of @n tagged files (music) or series (manga)."""
        given = os.environ.get(f"BENCH_{kind.upper()}")
        if given:
            return Path(given).resolve()
        source = SHARED / "corpus/gencorpus.c"
        if not source.exists():
            raise Skipped(f"{source} is not there (set MEDIAMON_SHARED, or BENCH_{kind.upper()}=dir)")

        def make(new):
            run("cc", "-O2", "-w", "-o", self.work / "gencorpus", source, "-lz")
            run(self.work / "gencorpus", kind, "-o", new, "-n", n, "-s", SHARED / "corpus/seeds", *LEAST_OPTIONS[kind])

        return self.made(f"{kind}-{n}", make, n * LEAST_BYTES[kind])

    def tracks(self, n):
        """A tree of @n tracks as small as they can be: for numbers, not for what is in a file."""
        def make(new):
            new.mkdir()
            run(self.tool("tracks"), new, n, PER_FOLDER)

        return self.made(f"tracks-{n}", make, n * LEAST_BYTES["tracks"])

    # --- the machine ---

    def floor(self, music, *words):
        """Seconds that the least of programs takes."""
        mode, *size = words
        return float(run(self.tool("floor"), mode, music, *size).split()[1])

    def warm(self, music):
        """All that anybody reads of @music is in memory from here on, as far as the machine lets it."""
        last = self.floor(music, "read", WARM_BYTES)
        for _ in range(TRIES):
            now = self.floor(music, "read", WARM_BYTES)
            if max(now, last) <= SETTLED * min(now, last):
                return
            last = now
        self.remark(f"the page cache did not settle: reading the heads of {music.name} {TRIES} times took "
                    f"{last:.2f} s and other times")

    def cold(self):
        """Nothing of a disk is in memory, except the programs themselves."""
        try:
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")
        except OSError as why:
            raise Skipped(f"caches cannot be dropped: {why.strerror}") from None
        for program in (self.mediamond, self.mediamon):
            run(program, "--version")
        subprocess.run([self.tool("floor")], check=False)

    def remark(self, text):
        self.remarks.append(text)
        print(f"({text})", flush=True)

    # --- mediamon ---

    def configure(self, music, manga=None, more=""):
        roots = f'music = {{ "{music}" }}\n' + (f'manga = {{ "{manga}" }}\n' if manga else "")
        self.conf.write_text(f'{roots}state_dir = "{self.state}"\nlog_level = "warning"\n{more}')

    def forget(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def option(self, name, value):
        """A line of configuration; None when this version has no such option."""
        if self.options is None:
            self.options, sections = {}, []
            for line in run(self.mediamon, "--print-default-config").splitlines():
                words = line.split()
                if words[1:] == ["{"]:
                    sections.append(words[0])
                elif words == ["}"]:
                    sections.pop()
                elif words[1:2] == ["="]:
                    self.options[words[0]] = list(sections)
        if name not in self.options:
            return None
        line = f"{name} = {value}"
        for section in reversed(self.options[name]):
            line = f"{section} {{ {line} }}"
        return line + "\n"

    def start_indexer(self, *before):
        """@before: words of a program that becomes it."""
        with open(self.work / "mediamond.log", "ab") as log:
            self.indexer = subprocess.Popen([*before, self.mediamond, self.conf], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

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

        return until(ended, "the end of the scan", pause=0.1)
