# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of a scraper: PANELia's API, and mediamon sees the numbers.

    from mediamon_metrics import get_collector

    collector = get_collector()
    collector.start_chapter(1.0, "https://example.com/chapter/1")
    collector.update_chapter(1.0, images_found=10)
    collector.add_download(1.0, 1024000, success=True)
    collector.end_chapter(1.0, success=True)

All calls also take series="..."; a collector may have one of its own: MetricsCollector(series="Naruto"), or
$MEDIAMON_SERIES for all.

What is known is told to control/chapter below $MEDIAMON_MOUNT (default: /mnt/mediamon) by a thread, as it is when the
thread gets to it: sums, so that nothing counts twice, however often it is told.  Without a mount, or while it hangs, all
of it stays in memory and is told later; a call never waits for anything but a lock.  Any thread; no dependencies.
"""
import atexit
import csv
import errno
import json
import logging
import numbers
import os
import socket
import threading
import time
import weakref

__all__ = ["ChapterMetrics", "MetricsCollector", "get_collector", "reset_collector"]

DEFAULT_MOUNT = "/mnt/mediamon"
MIB = 1024 * 1024
# as mediamon takes them
LINE_MOST, LINES_MOST, WRITE_MOST = 2900, 60, 2990
COUNT_MOST, BYTES_MOST = 10 ** 9, 10 ** 15
SUMS = ("images_found", "images_downloaded", "images_processed", "download_errors", "total_bytes")
# of a write: these lines are not taken
REFUSALS = (errno.EINVAL, errno.ENOENT, errno.EBUSY, errno.E2BIG, errno.EMFILE)
# between two tries of a mount that is not there, and what a program waits at its end
RETRY_S, LAST_S = (0.1, 5.0), 2.0
# so long a thread waits for more to tell at once
GATHER_S = 0.05

# a text that begins so is computed by spreadsheets
FORMULA = ("=", "+", "-", "@", "\t", "\r")

log = logging.getLogger(__name__)


def _text(value, most):
    """Without NUL, in at most so many bytes of UTF-8."""
    text = "" if value is None else str(value).replace("\0", "")
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _number(value, most=COUNT_MOST):
    try:
        return min(max(int(value), 0), most)
    except (TypeError, ValueError, OverflowError):
        return 0


def _chapter(value):
    """A number where it is one that mediamon takes, else a name."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 <= value <= 10 ** 6:
        return float(value)
    return _text(value, 64) or "?"


def _human(seconds):
    s = int(seconds)
    if s >= 3600:
        return f"{s // 3600}h {s // 60 % 60}m {s % 60}s"
    return f"{s // 60}m {s % 60}s" if s >= 60 else f"{s}s"


def _cell(value):
    """Of CSV, as mediamon writes it: no spreadsheet takes a text for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in FORMULA else value


def _ratio(a, b):
    return a / b if b > 0 else 0.0


class ChapterMetrics:
    """One attempt at a chapter.  state: running, ok, failed or abandoned."""

    def __init__(self, chapter_num, url="", series="", attempt=1):
        self.chapter_num, self.url, self.series, self.attempt = chapter_num, url, series, attempt
        self.start_time, self.end_time = time.time(), None
        self.state, self.error_message = "running", None
        # what was spoken of: sums as they were told, and as single downloads add up
        self.said = {}
        self.counted = {"images_downloaded": 0, "download_errors": 0, "total_bytes": 0}
        self.heard_at = self.start_time
        self._began = self._heard = time.monotonic()
        # of this attempt: has its start been told, has its end
        self.is_begun = self.is_told = False

    def _sum(self, name):
        # one by one or as a sum: the same pages
        return max(self.said.get(name, 0), self.counted.get(name, 0))

    images_found = property(lambda self: self._sum("images_found"))
    images_downloaded = property(lambda self: self._sum("images_downloaded"))
    images_processed = property(lambda self: self._sum("images_processed"))
    download_errors = property(lambda self: self._sum("download_errors"))
    total_bytes = property(lambda self: self._sum("total_bytes"))

    @property
    def has_ended(self):
        return self.state in ("ok", "failed")

    @property
    def success(self):
        return self.state == "ok"

    @property
    def duration(self):
        """Seconds; of one that is open: until now."""
        return (time.monotonic() if self.state == "running" else self._heard) - self._began

    @property
    def download_speed_mbps(self):
        """MiB/s: the name is PANELia's."""
        return _ratio(self.total_bytes / MIB, self.duration)

    @property
    def success_rate(self):
        return 100 * _ratio(self.images_downloaded, self.images_found)

    def _has_nothing(self):
        """None was saved, or of those that were found none came."""
        if "images_processed" in self.said:
            return not self.images_processed
        return "images_found" in self.said and not self.images_downloaded

    def hear(self):
        self.heard_at, self._heard = time.time(), time.monotonic()

    def end(self, success, error_message):
        self.error_message = error_message
        if success and self._has_nothing():
            success, self.error_message = False, "success was told, but not one image was saved"
        self.state = "ok" if success else "failed"
        self.hear()
        self.end_time = self.heard_at

    def abandon(self, why):
        self.state, self.error_message, self.end_time = "abandoned", why, self.heard_at

    def span(self):
        return self._began, self._heard if self.state != "running" else time.monotonic()

    def to_dict(self):
        return {
            "chapter_num": self.chapter_num, "url": self.url, "duration": round(self.duration, 2),
            **{name: self._sum(name) for name in SUMS},
            "download_speed_mbps": round(self.download_speed_mbps, 2), "success_rate": round(self.success_rate, 2),
            "success": self.success, "series": self.series, "attempt": self.attempt, "state": self.state,
            "error_message": self.error_message or "",
        }

    # --- as lines of control/chapter ---

    def lines(self, run):
        """What mediamon does not know yet."""
        about = {"run": run, "series": _text(self.series, 512), "chapter": _chapter(self.chapter_num),
                 "attempt": self.attempt}
        sums = {name: _number(self._sum(name), BYTES_MOST if name == "total_bytes" else COUNT_MOST)
                for name in SUMS if self._sum(name) or name in self.said}
        if not self.is_begun:
            yield {"event": "start", **about, "url": _text(self.url, 1200), "at": self.start_time}
        if sums and not self.has_ended:
            yield {"event": "update", **about, **sums, "at": self.heard_at}
        if self.has_ended:
            # what mediamon would make of an empty success, it is told
            yield {"event": "end", **about, **sums, "at": self.heard_at, "success": self.success,
                   "error_message": _text(self.error_message, 1000), "duration_seconds": self.duration}


def _line(event):
    data = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
    while len(data) > LINE_MOST:
        # characters that had to be escaped
        longest = max((k for k in event if isinstance(event[k], str)), key=lambda k: len(event[k]))
        event[longest] = event[longest][:len(event[longest]) // 2]
        data = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
    return data + b"\n"


class _Writer:
    """The thread that tells.  What waits is a set of attempts, so that it cannot outgrow what is in memory anyway."""

    def __init__(self):
        self.changed = threading.Condition()
        # protected by changed: [(collector, attempt or None for a reset)] in the order in which they are told
        self.waiting = {}
        self.thread, self.is_busy, self.pause = None, False, RETRY_S[0]
        self.is_hurried = self.is_absent = False
        # of the thread alone: what mediamon cannot take now, and whether it took anything
        self.later, self.has_told = {}, False
        self.refused = 0

    def add(self, collector, attempt):
        with self.changed:
            self.waiting[(collector, attempt)] = None
            if self.thread is None:
                thread = threading.Thread(target=self._run, name="mediamon-metrics", daemon=True)
                try:
                    thread.start()
                    self.thread = thread
                except RuntimeError as e:
                    # no more threads, or the program ends: the next call tries again
                    log.warning("metrics wait in memory: %s", e)
            self.changed.notify_all()

    def flush(self, timeout, is_last=False):
        """Whether all is told.  The last time, nobody waits for a mount that is not there."""
        end = time.monotonic() + timeout
        with self.changed:
            self.is_hurried = True
            self.changed.notify_all()
            while (self.waiting or self.is_busy) and time.monotonic() < end and not (is_last and self.is_absent):
                self.changed.wait(max(0.0, end - time.monotonic()))
            self.is_hurried = False
            return not self.waiting and not self.is_busy

    def _run(self):
        while True:
            with self.changed:
                while not self.waiting:
                    self.changed.wait()
                end = time.monotonic() + GATHER_S
                while not self.is_hurried and time.monotonic() < end:
                    self.changed.wait(max(0.0, end - time.monotonic()))
                items = list(self.waiting)[:LINES_MOST // 2]
                for item in items:
                    del self.waiting[item]
                self.is_busy = True
            told = self.has_told = False
            try:
                told = self._tell(items)
            except Exception:  # a scraper must not end because of its numbers
                log.exception("metrics could not be told")
                told = True
            with self.changed:
                if not told:
                    # before what came meanwhile
                    self.waiting = {**{item: None for item in items}, **self.waiting}
                elif self.later:
                    # behind all others, which may be what it waits for
                    told = self.has_told
                    self.waiting = {**self.waiting, **self.later}
                self.later = {}
                self.is_busy = False
                self.changed.notify_all()
                if not told:
                    self.changed.wait(RETRY_S[0] if self.is_hurried else self.pause)
                self.pause = RETRY_S[0] if told else min(self.pause * 2, RETRY_S[1])

    def _tell(self, items):
        """False: nobody is there, later again."""
        batch, size = [], 0
        for collector, attempt in items:
            for event in collector._events(attempt):
                line = _line(event)
                if batch and (size + len(line) > WRITE_MOST or len(batch) == LINES_MOST):
                    if not self._send(batch):
                        return False
                    batch, size = [], 0
                batch.append((collector, attempt, event["event"], line))
                size += len(line)
        return not batch or self._send(batch)

    def _send(self, batch):
        """As one write; one by one when a line is refused."""
        error = _write(b"".join(line for _, _, _, line in batch))
        self.is_absent = error is _Absent
        if error in REFUSALS and len(batch) > 1:
            return all(self._send([entry]) for entry in batch)
        collector, attempt, event, _ = batch[0]
        if error == errno.EBUSY and event in ("start", "end"):
            # it was told already, and the answer was lost
            error = 0
        if attempt is not None and error == (errno.EMFILE if event == "start" else errno.ENOENT):
            # too many are open, or another store has taken the place of the one that knew it: from its start, later
            collector._is_unknown(attempt)
            self.later[(collector, attempt)] = None
            return True
        if error in REFUSALS:
            self.refused += 1
            log.warning("mediamon refused %r: %s", batch[0][3], errno.errorcode[error])
            error = 0
        if error == 0:
            self.has_told = True
            for collector, attempt, event, _ in batch:
                collector._was_told(attempt, event)
        return error == 0


class _Absent:
    """There is no mount."""


class _Away:
    """Nobody takes lines there now."""


def _write(data):
    """0, an errno that refuses the lines, _Absent or _Away."""
    path = os.path.join(os.environ.get("MEDIAMON_MOUNT") or DEFAULT_MOUNT, "control", "chapter")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return _Absent
    try:
        return 0 if os.write(fd, data) == len(data) else _Away
    except OSError as e:
        return e.errno if e.errno in REFUSALS else _Away
    finally:
        try:
            os.close(fd)
        except OSError:
            pass


class MetricsCollector:
    """What one session of a scraper did."""

    def __init__(self, series=None):
        self.series = os.environ.get("MEDIAMON_SERIES", "") if series is None else series
        self._lock = threading.RLock()
        self.start_time, self._began = time.time(), time.monotonic()
        # all attempts, and the newest of each (series, chapter)
        self._attempts, self._newest = [], {}
        self._new_run()
        _collectors.add(self)

    def _new_run(self):
        self.run = _text(f"{socket.gethostname()[:40]}-{os.getpid()}-{time.time_ns()}", 128)

    @property
    def chapters(self):
        """The newest attempt of each chapter: by number, or (series, number) of another series than the collector's."""
        with self._lock:
            return {num if series == self.series else (series, num): c for (series, num), c in self._newest.items()}

    # --- PANELia's calls ---

    def start_chapter(self, chapter_num, url="", series=None):
        with self._lock:
            key = (self.series if series is None else series, chapter_num)
            old = self._newest.get(key)
            if old and old.state == "running":
                old.abandon("it was begun again")
                self._changed(old)
            chapter = ChapterMetrics(chapter_num, url, key[0], old.attempt + 1 if old else 1)
            self._attempts.append(chapter)
            self._newest[key] = chapter
            self._changed(chapter)

    def update_chapter(self, chapter_num, series=None, **sums):
        with self._lock:
            chapter = self._find(chapter_num, series)
            for name, value in sums.items():
                if name not in SUMS:
                    log.warning("update_chapter: %s is no sum of a chapter", name)
                elif chapter:
                    chapter.said[name] = _number(value, BYTES_MOST)
            self._heard(chapter)

    def add_download(self, chapter_num, bytes_downloaded=0, success=True, series=None):
        with self._lock:
            chapter = self._find(chapter_num, series)
            if chapter:
                chapter.counted["images_downloaded" if success else "download_errors"] += 1
                chapter.counted["total_bytes"] += _number(bytes_downloaded, BYTES_MOST)
            self._heard(chapter)

    def end_chapter(self, chapter_num, success=True, error_message=None, series=None):
        with self._lock:
            chapter = self._find(chapter_num, series)
            if chapter and chapter.state == "running":
                chapter.end(success, error_message)
                self._changed(chapter)

    def get_stats(self):
        with self._lock:
            return self._stats()

    def export_json(self, path):
        stats = self.get_stats()
        _replace(path, lambda f: json.dump(stats, f, indent=2, ensure_ascii=False))

    def export_csv(self, path):
        rows = self.get_stats()["chapter_details"]
        head = list(ChapterMetrics(0).to_dict())

        def write(f):
            writer = csv.DictWriter(f, head)
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
        _replace(path, write)

    def flush(self, timeout=5.0):
        """Waits until mediamon knows all; False when it does not within the time."""
        return _writer.flush(timeout)

    # --- inside ---

    def _find(self, chapter_num, series):
        chapter = self._newest.get((self.series if series is None else series, chapter_num))
        if chapter is None:
            log.warning("chapter %r was not started", chapter_num)
        return chapter

    def _heard(self, chapter):
        if chapter and chapter.state == "running":
            chapter.hear()
        if chapter:
            self._changed(chapter)

    def _changed(self, chapter):
        _writer.add(self, chapter)

    def _events(self, attempt):
        if attempt is None:
            # numbered: told twice, it is one
            return [{"event": "reset", "run": self.run, "seq": 1}]
        with self._lock:
            # pages that come after the end change sums alone
            events = list(attempt.lines(self.run))
            if attempt.is_told:
                events = [{**{k: v for k, v in e.items() if k not in ("success", "error_message", "duration_seconds")},
                           "event": "update"} for e in events if e["event"] == "end"]
            return events

    def _is_unknown(self, attempt):
        with self._lock:
            attempt.is_begun = attempt.is_told = False

    def _begin_anew(self):
        """In a process of its own: what is open is open there too, but what was told of it is the other's."""
        self._lock = threading.RLock()
        self.start_time, self._began = time.time(), time.monotonic()
        self._new_run()
        self._newest = {key: ChapterMetrics(c.chapter_num, c.url, c.series)
                        for key, c in self._newest.items() if c.state == "running"}
        self._attempts = list(self._newest.values())

    def _was_told(self, attempt, event):
        if attempt is not None:
            with self._lock:
                attempt.is_begun = attempt.is_begun or event == "start"
                attempt.is_told = attempt.is_told or event == "end"

    def _stats(self):
        all_of = {state: [c for c in self._attempts if c.state == state]
                  for state in ("running", "ok", "failed", "abandoned")}
        ended = all_of["ok"] + all_of["failed"]
        closed = len(ended) + len(all_of["abandoned"])
        seconds = time.monotonic() - self._began
        spent = sum(c.duration for c in ended)
        total, wall = sum(c.total_bytes for c in self._attempts), _union([c.span() for c in self._attempts])
        return {
            "session": {
                "start_time": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.start_time)),
                "duration_seconds": round(seconds, 2), "duration_human": _human(seconds),
            },
            "chapters": {
                "attempted": len(self._attempts), "succeeded": len(all_of["ok"]), "failed": len(all_of["failed"]),
                "running": len(all_of["running"]), "abandoned": len(all_of["abandoned"]),
                "success_rate": round(100 * _ratio(len(all_of["ok"]), closed), 2),
                "avg_duration_seconds": round(_ratio(spent, len(ended)), 2),
            },
            "images": {
                "found": sum(c.images_found for c in self._attempts),
                "downloaded": sum(c.images_downloaded for c in self._attempts),
                "processed": sum(c.images_processed for c in self._attempts),
                "errors": sum(c.download_errors for c in self._attempts),
            },
            "performance": {
                "total_bytes_downloaded": total, "total_mb_downloaded": round(total / MIB, 2),
                "avg_speed_mbps": round(_ratio(sum(c.total_bytes for c in ended) / MIB,
                                               _union([c.span() for c in ended])), 2),
                "total_scraping_time": round(spent, 2), "wall_seconds": round(wall, 3),
                "wall_bytes_per_second": round(_ratio(total, wall), 1),
            },
            "chapter_details": [c.to_dict() for c in self._attempts],
        }


def _union(spans):
    """The time in which anything went on: what went side by side counts once."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        if stop > end:
            total += stop - max(start, end)
            end = stop
    return total


def _replace(path, write):
    """A reader sees the file that was, or the whole new one."""
    part = f"{os.fspath(path)}.{os.getpid()}.{threading.get_ident()}.part"
    try:
        with open(part, "w", encoding="utf-8", errors="replace", newline="") as f:
            write(f)
            f.flush()
            os.fsync(f.fileno())
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise


_collectors = weakref.WeakSet()
_writer = _Writer()
_global_lock = threading.Lock()
_collector = None


def get_collector():
    """The one of this process."""
    global _collector
    with _global_lock:
        if _collector is None:
            _collector = MetricsCollector()
        return _collector


def reset_collector():
    """A new session: what was open is abandoned."""
    global _collector
    with _global_lock:
        old, _collector = _collector, None
    if old is not None and old._attempts:
        _writer.add(old, None)


def _after_fork():
    """A child tells of its own, in a run of its own; threads and what they held did not come along."""
    global _writer, _global_lock
    _writer, _global_lock = _Writer(), threading.Lock()
    for collector in list(_collectors):
        collector._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(lambda: _writer.flush(LAST_S, True) if _writer.waiting or _writer.is_busy else None)
