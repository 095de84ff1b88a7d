# SPDX-License-Identifier: GPL-3.0-or-later
"""A write is one order, and its errno is its answer."""
import errno
import os
import signal
import subprocess
import time

import pytest

from harness import until

NONE, TOO_LONG = 0, "all" + " " * 3000
# control file, order, errno, what control/last must say
WRONG = [
    ("rescan", "", errno.EINVAL, "blank"),
    ("rescan", "  \t ", errno.EINVAL, "blank"),
    ("rescan", "mangas", errno.EINVAL, '"mangas"'),
    ("rescan", "full", errno.EINVAL, '"full"'),
    ("rescan", "full nothing", errno.EINVAL, '"nothing"'),
    ("rescan", "all music", errno.EINVAL, '"all music"'),
    ("rescan", "/etc", errno.ENOENT, '"/etc"'),
    ("rescan", "full /etc", errno.ENOENT, '"/etc"'),
    ("rescan", "{music}-not", errno.ENOENT, "-not"),
    ("rescan", "{music}/../x", errno.EINVAL, '".."'),
    ("rescan", "relative/path", errno.EINVAL, '"relative/path"'),
    ("rescan", "all\0", errno.EINVAL, "NUL"),
    ("rescan", "\x1b[31mred", errno.EINVAL, "\\x1b[31mred"),
    ("rescan", TOO_LONG, errno.E2BIG, "3000"),
    ("rescan", "x" * 9000, errno.E2BIG, "3000"),
    ("pause", "", errno.EINVAL, "blank"),
    ("pause", "music", errno.EINVAL, '"music"'),
    ("pause", "99999", errno.ENOENT, '"99999"'),
    ("pause", "-1", errno.EINVAL, '"-1"'),
    ("pause", "1x", errno.EINVAL, '"1x"'),
    ("pause", "scan", errno.EBUSY, "nothing to pause"),
    ("resume", "99999", errno.ENOENT, '"99999"'),
    ("resume", "scan", errno.EBUSY, "nothing to resume"),
    ("cancel", "99999", errno.ENOENT, '"99999"'),
    ("cancel", "all", errno.EBUSY, "nothing to cancel"),
    ("reload", "everything", errno.EINVAL, '"everything"'),
    ("log-level", "loud", errno.EINVAL, '"loud"'),
    ("quit", "later", errno.EINVAL, '"later"'),
]


def test_wrong_orders_fail_with_their_errno_and_control_last_says_why(small):
    jobs, indexer = small.jobs(), small.indexer()
    for file, words, error, why in WRONG:
        got = small.order(file, words.format(music=small.music) if "{" in words else words)
        assert errno.errorcode.get(got) == errno.errorcode[error], f"{words[:40]!r} to {file}: {small.last()}"
        last = until(lambda: small.last() if why in small.last() else None, 2,
                     f"{why!r} in control/last after {words[:40]!r} to {file}: {small.last()}")
        assert last.count("\n") == 1 and f" {file}: {errno.errorcode[error]}: " in last
        assert "\x1b" not in last
    assert small.jobs() == jobs, "a wrong order made a job"
    assert small.indexer() == indexer


def test_all_lines_of_a_write_are_checked_before_any_is_accepted(small):
    jobs = small.jobs()
    assert small.order("rescan", "music\nmanga\nmangas\n") == errno.EINVAL
    assert '"mangas"' in small.last()
    assert small.jobs() == jobs
    assert small.order("rescan", b"music\n\nfull manga") == NONE
    small.wait_idle()
    new = [job["order"] for number, job in sorted(small.jobs().items()) if number not in jobs]
    assert new == ["rescan music", "rescan full manga"]


def test_what_a_shell_does_works(small):
    def shell(words):
        return subprocess.run(["bash", "-c", words], cwd=small.mnt, capture_output=True, text=True)

    for words in ("echo manga > control/rescan", "echo manga >> control/rescan", "printf manga > control/rescan",
                  "printf 'music\\nmanga\\n' >> control/rescan", "echo debug | tee control/log-level",
                  "echo warning | tee -a control/log-level", "truncate -s 0 control/rescan"):
        r = shell(words)
        assert (r.returncode, r.stderr) == (0, ""), words
    long = "x" * 2000 + "/" + "y" * 900
    for words in (f"echo {small.music}/{long} >> control/rescan", f"echo full {small.music}/{long} > control/rescan"):
        assert shell(words).returncode == 0, words
    r = shell("echo bogus > control/rescan")
    assert r.returncode == 1 and "Invalid argument" in r.stderr
    r = shell("echo /nowhere >> control/rescan")
    assert r.returncode == 1 and "No such file" in r.stderr
    small.wait_idle()


def test_reading_a_control_file_explains_it(small):
    names = set(small.listing("control"))
    assert names == {"rescan", "pause", "resume", "cancel", "verify", "accept-loss", "reload", "log-level", "quit", "last",
                     "search", "grab", "monitor", "refresh", "dry-run", "repair", "apply", "undo", "chapter"}
    for name in names - {"last"}:
        text = small.read(f"control/{name}").decode()
        assert len(text) <= 1024
        assert f"control/{name}:" in text and "\ntakes " in text and f"> control/{name}\n" in text
        assert "\nnow      the indexer is running" in text
        example = text.split("\nexample  echo ")[1].split(" > ")[0]
        if name not in ("quit", "cancel"):
            assert small.order(name, example) in (NONE, errno.EBUSY, errno.EINVAL, errno.ENOENT, errno.EPERM,
                                                  errno.EROFS), example
    small.order("resume", "all")
    small.order("dry-run", "on")
    small.wait_idle()


# --- jobs ---

def running_job(lab):
    """A full scan that runs, on a disk that holds it: its number."""
    job = lab.accept("rescan", "full all")
    lab.wait_in_scan(job)
    return job


def state_within_a_second(lab, job, state):
    start = time.monotonic()
    until(lambda: next((j for j in lab.json("status/jobs.json")["items"] if j["id"] == job and j["state"] == state),
                       None), 1, f"job {job} to be {state}: {lab.read('status/jobs').decode()}")
    return time.monotonic() - start


def test_a_scan_is_paused_resumed_and_ends(lab, library, held):
    start = time.monotonic()
    with held.held():
        job = running_job(lab)
        assert lab.order("pause", "scan") == NONE, lab.last()
        state_within_a_second(lab, job, "paused")
    # the disk is fast again: what is paused goes on no more
    done = lab.newest("status/jobs.json")["items"][0]["done"]
    time.sleep(0.7)
    paused = lab.jobs()[job]
    assert (paused["state"], paused["ended_at"]) == ("paused", None)
    assert paused["done"] - done <= 512 and paused["done"] < library.files, "it went on"
    assert lab.order("pause", "scan") == errno.EBUSY
    assert "paused" in lab.read("control/resume").decode()
    with held.held():
        assert lab.order("resume", str(job)) == NONE
        state_within_a_second(lab, job, "running")
    lab.wait_idle()
    took = time.monotonic() - start
    ended = lab.jobs()[job]
    assert (ended["state"], ended["done"], ended["total"]) == ("done", library.files, library.files)
    run = next(r for r in lab.newest("metrics/scan.json")["runs"] if r["id"] == job)
    assert 0 < run["wall_seconds"] < took - 0.7, "the pause counts as time of the scan"
    assert lab.json("status/summary.json")["music"]["tracks"] == len(library.tracks)


def test_a_scan_is_cancelled(lab, library, held):
    with held.held():
        job = running_job(lab)
        waiting = lab.accept("rescan", "manga")
        assert lab.order("cancel", str(job)) == NONE, lab.last()
        state_within_a_second(lab, job, "cancelled")
    lab.wait_idle()
    assert lab.jobs()[job]["done"] < library.files
    assert lab.jobs()[waiting]["state"] == "done"
    summary = lab.newest("status/summary.json")
    assert (summary["music"]["tracks"], summary["manga"]["series"], summary["errors"]) == (
        len(library.tracks), len(library.series), 0)


def test_the_same_order_twice_while_it_waits_is_one_job(lab, held):
    with held.held():
        job = running_job(lab)
        assert lab.order("pause", "scan") == NONE, lab.last()
        state_within_a_second(lab, job, "paused")
    first = lab.accept("rescan", "manga")
    assert [lab.accept("rescan", words) for words in ("manga", " manga  ", "manga")] == [first] * 3
    other = lab.accept("rescan", "full manga")
    assert lab.order("rescan", "manga\nmanga\nmusic") == NONE
    jobs = lab.newest("status/jobs.json")
    waiting = [j["order"] for j in jobs["items"] if j["state"] == "queued"]
    assert sorted(waiting) == ["rescan full manga", "rescan manga", "rescan music"] and jobs["queued"] == 3
    assert lab.order("pause", str(first)) == NONE
    assert lab.order("cancel", str(other)) == NONE
    state_within_a_second(lab, first, "paused")
    state_within_a_second(lab, other, "cancelled")
    assert lab.order("resume", str(first)) == NONE == lab.order("resume", str(job))
    lab.wait_idle()
    states = {number: j["state"] for number, j in lab.jobs().items() if number >= job}
    assert states.pop(other) == "cancelled" and set(states.values()) == {"done"}
    assert lab.accept("rescan", "manga") > other, "an ended job is not given twice"
    lab.wait_idle()


# --- what takes no order ---

def errno_of(call, *words):
    with pytest.raises(OSError) as e:
        call(*words)
    return e.value.errno


def write_to(path, flags):
    fd = os.open(path, os.O_WRONLY | flags)
    try:
        os.write(fd, b"x")
    finally:
        os.close(fd)


def test_everything_else_is_read_only(small):
    refused = {errno.EROFS, errno.EPERM}
    artist = small.mnt / "music/artists" / small.listing("music/artists")[0]
    files = [small.mnt / p for p in ("status/summary", "status/jobs.json", "metrics/scan.csv", "README.txt",
                                     "events.jsonl", "control/last")]
    folders = [small.mnt, small.mnt / "status", small.mnt / "control", small.mnt / "manga", artist]
    for path in files:
        before = path.read_bytes() if path.name == "README.txt" else None
        for flags in (0, os.O_TRUNC, os.O_APPEND):
            assert errno_of(write_to, path, flags) in refused, path
        for call, words in ((os.unlink, ()), (os.truncate, (0,)), (os.chmod, (0o777,)), (os.utime, ()),
                            (os.chown, (1, 1)), (os.rename, (path.with_name("fresh"),)),
                            (os.link, (path.with_name("fresh"),))):
            assert errno_of(call, path, *words) in refused, (call, path)
        assert before is None or path.read_bytes() == before
    for path in folders:
        for call, words in ((os.mkdir, (path / "fresh",)), (os.mknod, (path / "fresh",)), (os.symlink, ("x", path / "fresh")),
                            (write_to, (path / "fresh", os.O_CREAT)), (os.mkfifo, (path / "fresh",))):
            assert errno_of(call, *words) in refused, (call, path)
        assert errno_of(os.rmdir, path) in refused | {errno.EBUSY}
        assert not (path / "fresh").exists()
    assert errno_of(os.chmod, small.mnt / "control/rescan", 0o777) in refused
    assert errno_of(os.unlink, small.mnt / "control/rescan") in refused


def test_without_an_indexer_an_order_is_refused_at_once(small):
    small.kill_indexer()
    start = time.monotonic()
    assert small.order("rescan", "all") == errno.EAGAIN
    assert time.monotonic() - start < 20
    until(lambda: "the indexer is away" in small.last(), 1, "control/last")
    assert ": EAGAIN: " in small.last()


def test_an_indexer_that_does_not_answer_in_time_is_not_called_away(small):
    pid = small.indexer()
    os.kill(pid, signal.SIGSTOP)
    try:
        assert small.write_order("rescan", "all") == errno.EAGAIN
        assert "too busy to answer" in small.last() and "away" not in small.last()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "accepted as job" in until(lambda: small.order("rescan", "all") == 0 and small.last(), 10, "the order")


def test_quit_ends_the_indexer_and_the_mount_stays(small):
    pid = small.indexer()
    assert small.order("quit", "now") == NONE
    until(lambda: not small.indexer(), 5, f"the indexer {pid} to end")
    until(lambda: small.json("status/health.json")["state"] == "failed", 3, "health")
    assert small.json("status/summary.json")["music"]["tracks"] == 200


def test_reload_reads_the_configuration_and_refuses_an_invalid_one(small, corpus):
    good = small.conf.read_text()
    small.conf.write_text(good + "musik = 1\n")
    assert small.order("reload", "config") == errno.EINVAL
    assert "musik" in small.last() and str(small.conf) in small.last()
    more = small.dir / "more"
    corpus.music(more, 30, seed=9)
    small.conf.write_text(good.replace(f'"{small.music}"', f'"{small.music}", "{more}"'))
    assert small.order("reload", "config") == NONE, small.last()
    small.wait_idle()
    assert small.newest("status/summary.json")["music"]["tracks"] == 230
    assert {r["path"] for r in small.newest("status/roots.json")["items"]} == {
        str(p) for p in (small.music, more, small.manga)}
