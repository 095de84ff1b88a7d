# SPDX-License-Identifier: GPL-3.0-or-later
"""poll() wakes who waits for a change; after a wake-up the name leads to what is new."""
import concurrent.futures
import contextlib
import errno
import hashlib
import json
import os
import resource
import select
import signal
import threading
import time

import pytest

from harness import LONG, Meanwhile, kib_of, until

WAIT, CHANGED, PLAIN = select.POLLPRI, select.POLLPRI | select.POLLIN, select.POLLIN | select.POLLOUT
# milliseconds; there are changes all the time, so nobody waits for as long
LATE = 40000
DOCUMENTS = ("status/summary.json", "status/jobs.json", "status/missing.json", "metrics/scan.json")


@contextlib.contextmanager
def opened(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def polled(fd, milliseconds, events=WAIT):
    """What poll() says of the descriptor, 0 when the time is over."""
    p = select.poll()
    p.register(fd, events)
    return dict(p.poll(milliseconds)).get(fd, 0)


def is_woken(fd):
    """By a change, not by the end of the time, at which the kernel asks once more."""
    start = time.monotonic()
    return polled(fd, LATE) == select.POLLPRI and time.monotonic() < start + LATE / 2000


def whole(fd):
    data, size = b"", os.fstat(fd).st_size
    while len(data) <= size:
        more = os.pread(fd, 1 << 20, len(data))
        if not more:
            return data
        data += more
    return data


class Watcher:
    """A script that waits for changes of one document: open, read, poll, open again."""

    def __init__(self, path):
        self.path, self.seen, self.ended = path, [], threading.Event()

    def run(self):
        while True:
            with opened(self.path) as fd:
                data = whole(fd)
                assert len(data) == os.fstat(fd).st_size == os.stat(self.path).st_size or self.is_old(fd)
                self.take(data)
                if self.ended.is_set():
                    return self
                assert is_woken(fd), f"{self.path.name}: nobody told of a change"

    def is_old(self, fd):
        """The name may lead to a newer one between two of the calls above."""
        return polled(fd, LATE) == select.POLLPRI

    def take(self, data):
        """After a wake-up there is something newer, never the same and never older."""
        generation = json.loads(data)["generation"]
        assert not self.seen or generation > self.seen[-1], (self.path, self.seen[-1], generation)
        self.seen.append(generation)


class LastWatcher(Watcher):
    """control/last tells the numbers of jobs."""

    def take(self, data):
        text = data.decode()
        if "accepted as job " in text:
            job = int(text.split("accepted as job ")[1].split(":")[0])
            assert not self.seen or job >= self.seen[-1], (self.seen[-1], job)
            self.seen.append(job)


class Tail:
    """Follows a file that grows, as tail -f would with poll()."""

    def __init__(self, path):
        self.path, self.lines, self.empty, self.ended = path, [], 0, threading.Event()

    def run(self):
        with opened(self.path) as fd:
            rest = b""
            while True:
                last = self.ended.is_set()
                data = os.read(fd, 1 << 20)
                self.empty += not data
                *lines, rest = (rest + data).split(b"\n")
                self.lines += [json.loads(line) for line in lines]
                if last and not data:
                    assert not rest
                    return self
                if not data:
                    assert is_woken(fd), "nobody told of an event"


@contextlib.contextmanager
def crowd(n, work):
    """Processes that do work() again and again."""
    children = []
    try:
        for _ in range(n):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    while True:
                        work()
                os._exit(1)
            children.append(child)
        yield
        for child in children:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "one of the crowd failed"
    finally:
        for child in children:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


@contextlib.contextmanager
def running(watchers, wake):
    """wake() changes everything, so that those who wait see that it is over."""
    with concurrent.futures.ThreadPoolExecutor(len(watchers)) as pool:
        jobs = [pool.submit(w.run) for w in watchers]
        try:
            yield
        finally:
            for w in watchers:
                w.ended.set()
            wake()
            for job in jobs:
                job.result()


def inner_volume(lab):
    series = next(s for s in lab.series if not s.is_chapters and len(s.owned) > 4)
    return sorted((lab.manga / series.name).iterdir())[1]


def rename_and_rescan(lab, volume):
    away = lab.dir / "away"
    for source, target in ((volume, away), (away, volume)):
        source.rename(target)
        lab.rescan(str(volume.parent))


def test_after_a_wake_up_everything_is_newer(small):
    """Several readers a file: nobody sees an old one again, nobody misses the last one."""
    watchers = [Watcher(small.mnt / name) for name in DOCUMENTS for _ in range(2)]
    last, tails = LastWatcher(small.mnt / "control/last"), [Tail(small.mnt / "events.jsonl") for _ in range(3)]
    jobs, volume = [], inner_volume(small)
    with (crowd(3, lambda: [small.read(name) for name in DOCUMENTS]),
          running([*watchers, last, *tails], lambda: rename_and_rescan(small, volume))):
        for _ in range(100 if LONG else 25):
            rename_and_rescan(small, volume)
            jobs.append(small.accept("rescan", "music"))
        small.wait_idle()
        for w in watchers:
            newest = small.newest(w.path.relative_to(small.mnt))["generation"]
            until(lambda: w.seen[-1] >= newest, 2, f"{w.path.name}: the last change, {w.seen[-1]} of {newest}")
        until(lambda: last.seen[-1] == jobs[-1], 1, f"the last order {jobs[-1]}, {last.seen}")
        written = [json.loads(line)["seq"] for line in small.read("events.jsonl").splitlines()]
    assert all(len(w.seen) > 8 for w in watchers), [len(w.seen) for w in watchers]
    for t in tails:
        seen = [e["seq"] for e in t.lines]
        assert seen[:len(written)] == written, "an event was lost, or came twice"
        assert seen == sorted(set(seen))
        assert t.empty < 3 * len(written) + 200, "it ran in circles"


def test_a_write_is_read_back(small):
    """Whoever gave an order sees its job and its answer at once, on a busy machine as well."""
    with crowd(3, lambda: None):
        for i in range(100):
            fd = os.open(small.mnt / "control/rescan", os.O_WRONLY)
            os.write(fd, b"music" if i % 2 else b"manga")
            jobs, last = small.read("status/jobs.json"), small.last()
            os.close(fd)
            job = int(last.split("accepted as job ")[1].split(":")[0])
            assert job in [j["id"] for j in json.loads(jobs)["items"]], f"round {i}: job {job} is not shown"


def test_a_waiting_reader_is_woken_in_time(small):
    """From the order to the wake-up, with the commit between: 100 ms, ten times as much here."""
    took = []
    for _ in range(20):
        with opened(small.mnt / "status/jobs.json") as fd:
            before, start = json.loads(whole(fd))["generation"], time.monotonic()
            writer = threading.Thread(target=small.order, args=("rescan", "manga"))
            writer.start()
            assert polled(fd, LATE) == select.POLLPRI
            took.append(time.monotonic() - start)
            assert small.json("status/jobs.json")["generation"] > before
            writer.join()
        small.wait_idle()
    took.sort()
    print(f"order to wake-up: median {took[10] * 1000:.1f} ms, slowest {took[-1] * 1000:.1f} ms")
    assert took[-1] < 1, took


def test_what_a_poll_is_answered(small):
    """Who asks for POLLPRI waits; who does not has a file like any other."""
    name = small.mnt / "status/roots.json"
    with opened(name) as fd:
        assert polled(fd, 0) == polled(fd, 0, CHANGED) == polled(fd, 50, CHANGED) == 0
        assert polled(fd, 0, PLAIN) == PLAIN
        assert select.select([fd], [], [], 5)[0] == [fd]
        assert select.select([], [], [fd], 0.05)[2] == []
        volume = inner_volume(small)
        rename_and_rescan(small, volume)
        small.end_indexer(15)
        assert polled(fd, LATE, CHANGED) == CHANGED, "the indexer is away"
        for _ in range(3):
            assert polled(fd, 0) == select.POLLPRI, "an old handle stays old"
        assert select.select([], [], [fd], 0)[2] == [fd]
    for plain in ("README.txt", "control/rescan", "manga"):
        with opened(small.mnt / plain) as fd:
            assert polled(fd, 1000, PLAIN) == PLAIN, plain
    small.start_indexer()


def test_a_generation_number_is_waited_for(small):
    with opened(small.mnt / "status/generation") as fd:
        before = int(whole(fd))
        small.accept("rescan", "music")
        assert polled(fd, LATE) == select.POLLPRI
        assert small.generation() > before


@pytest.mark.parametrize("edge", [0, select.EPOLLET])
def test_epoll(small, edge):
    """Level- and edge-triggered, documents and a growing file in one set."""
    with contextlib.ExitStack() as stack:
        fds = {name: stack.enter_context(opened(small.mnt / name)) for name in ("status/jobs.json", "events.jsonl")}
        poller = stack.enter_context(select.epoll())
        for fd in fds.values():
            whole(fd)
            poller.register(fd, select.EPOLLPRI | edge)
        # of a file that grows the first answer is "look again"
        while poller.poll(0.05):
            pass
        for _ in range(5):
            size, seen = os.fstat(fds["events.jsonl"]).st_size, {}
            small.accept("rescan", "music")
            end = time.monotonic() + 30
            while len(seen) < 2 and time.monotonic() < end:
                seen.update(poller.poll(0.2))
            assert set(seen) == set(fds.values()), seen
            small.wait_idle()
            assert os.fstat(fds["events.jsonl"]).st_size > size
            poller.unregister(fds["status/jobs.json"])
            with opened(small.mnt / "status/jobs.json") as fd:
                os.dup2(fd, fds["status/jobs.json"])
            poller.register(fds["status/jobs.json"], select.EPOLLPRI | edge)
            while poller.poll(0.1):
                pass


def test_an_event_between_add_and_wait_is_not_lost(small):
    """epoll asks when a descriptor is added: what it was told then it must be told again."""
    with opened(small.mnt / "events.jsonl") as fd, select.epoll() as poller:
        whole(fd)
        small.rescan("music")
        poller.register(fd, select.EPOLLPRI | select.EPOLLET)
        assert poller.poll(0.5) == [(fd, select.EPOLLPRI)]
        assert poller.poll(0.05) == []


# --- what it costs ---

def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def poll_many(path, handles, rounds):
    """A process of its own that polls and is killed while it waits."""
    fds = [os.open(path, os.O_RDONLY) for _ in range(handles)]
    p = select.poll()
    for fd in fds:
        p.register(fd, WAIT)
    for _ in range(rounds):
        p.poll(1)
    p.poll()


def test_pollers_that_are_killed_leave_nothing(small):
    handles = min(400, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 50)
    small.json("status/missing.json")
    before = kib_of(small.fs.pid, "VmRSS"), descriptors_of(small.fs.pid)
    for _ in range(5):
        child = os.fork()
        if child == 0:
            poll_many(small.mnt / "status/missing.json", handles, 60)
            os._exit(1)
        time.sleep(2)
        os.kill(child, 9)
        os.waitpid(child, 0)
    small.rescan("music")
    after = kib_of(small.fs.pid, "VmRSS"), descriptors_of(small.fs.pid)
    print(f"5 × {handles} handles × 60 polls: RSS {before[0]} → {after[0]} KiB")
    assert after[0] < before[0] + 6 * 1024, (before, after)
    assert after[1] <= before[1] + 2, (before, after)
    with opened(small.mnt / "status/jobs.json") as fd:
        small.accept("rescan", "music")
        assert polled(fd, LATE) == select.POLLPRI, "others are still woken"


def test_waiting_costs_nothing(small):
    """Neither who reads an unchanged file nor who waits for one keeps the daemon busy."""
    small.wait_idle()
    small.json("status/missing.json")
    before = cpu_of(small.fs.pid)
    for _ in range(20000):
        # not open(): it asks whether that is a terminal, which no kernel remembers
        with opened(small.mnt / "status/missing.json") as fd:
            assert os.pread(fd, 1 << 20, 0)
    with opened(small.mnt / "status/missing.json") as fd:
        assert polled(fd, 1000) == 0
    used = cpu_of(small.fs.pid) - before
    assert used < 0.5, f"{used} s of CPU for 20,000 reads of an unchanged file"


def test_no_extended_attributes(small):
    """The kernel asks once and then answers by itself."""
    def ask():
        for call in (os.listxattr, lambda path: os.getxattr(path, "user.any")):
            try:
                assert not call(small.mnt / "status/summary")
            except OSError as e:
                assert e.errno == errno.EOPNOTSUPP
    ask()
    before = cpu_of(small.fs.pid)
    for _ in range(20000):
        ask()
    assert cpu_of(small.fs.pid) - before < 0.2


# --- SAFETY 15 ---

HANDLES = 1000
# what makes the documents big: one volume under many names
UNTIDY = 9000 if LONG else 3000


def add_untidy(lab):
    folder = lab.manga / "Untidy"
    folder.mkdir()
    series = next(s for s in lab.series if not s.comicinfo and not s.is_chapters)
    volume = sorted((lab.manga / series.name).iterdir())[0]
    for i in range(UNTIDY):
        os.link(volume, folder / f"Untidy T{i + 1:04}{volume.suffix}")


def hold(lab, held, times):
    """Opens the big documents as they are now, reads a little of each; other reads are measured."""
    for name in ("status/audit.json", "status/audit", "status/missing.json", "status/summary.json"):
        fd = os.open(lab.mnt / name, os.O_RDONLY)
        held.append((fd, os.fstat(fd).st_ino, hashlib.sha256(whole(fd)).digest()))
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    for name in ("status/generation", "status/summary", "status/jobs.json"):
        start = time.monotonic()
        lab.read(name)
        times.append(time.monotonic() - start)


def next_version(lab, volume, away):
    """Moves a volume and waits, by poll, for what that changed."""
    with opened(lab.mnt / "status/audit.json") as fd:
        source, target = (volume, away) if volume.exists() else (away, volume)
        source.rename(target)
        lab.accept("rescan", str(volume.parent))
        assert polled(fd, LATE) == select.POLLPRI


def test_a_thousand_slow_handles(lab, corpus):
    """Each holds other bytes; together many times the memory they may take."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    lab.tracks, lab.series = corpus.music(lab.music, 1500), corpus.manga(lab.manga, 60)
    add_untidy(lab)
    lab.start()
    lab.wait_idle()
    held, times, volume, away = [], [], inner_volume(lab), lab.dir / "away"
    hold(lab, held, times)
    before, files = kib_of(lab.fs.pid, "VmRSS"), descriptors_of(lab.fs.pid)
    while len(held) < HANDLES:
        next_version(lab, volume, away)
        hold(lab, held, times)
    with Meanwhile(lambda: rename_and_rescan(lab, inner_volume(lab)), pause=0):
        # slow readers go on while scans run
        for fd, _, digest in held:
            assert hashlib.sha256(whole(fd)).digest() == digest
            start = time.monotonic()
            lab.read("status/summary.json")
            times.append(time.monotonic() - start)
    after = kib_of(lab.fs.pid, "VmRSS")
    times.sort()
    size = sum(os.fstat(fd).st_size for fd, _, _ in held) / 1e6
    print(f"{len(held)} handles of {size:.0f} MB: RSS {before / 1024:.1f} → {after / 1024:.1f} MiB, "
          f"other reads p99 {times[len(times) * 99 // 100] * 1000:.2f} ms, descriptors {files} → "
          f"{descriptors_of(lab.fs.pid)}")
    assert len({digest for _, _, digest in held}) > 0.9 * len(held) / 2, "hardly anything changed"
    assert after < before + 64 * 1024, (before, after)
    assert times[len(times) * 99 // 100] < 0.05
    assert descriptors_of(lab.fs.pid) < files + 16
    for fd, _, _ in held:
        os.close(fd)
