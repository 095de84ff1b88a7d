# SPDX-License-Identifier: GPL-3.0-or-later
"""faultfs does what tests/lib/faults.h says: the other tests build on it."""
import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from faults import state_of_process, wait_gone
from harness import until

FOLDERS, FILES = 20, 10


@pytest.fixture
def disk(tmp_path, faults):
    """A small tree of 20 folders and 200 files, shown by faultfs at .mountpoint."""
    source, mountpoint = tmp_path / "source", tmp_path / "shown"
    mountpoint.mkdir()
    for d in range(FOLDERS):
        (source / f"folder {d}").mkdir(parents=True)
        for f in range(FILES):
            (source / f"folder {d}" / f"file {f}").write_text(f"{d} {f}\n")
    return faults.faultfs(source, mountpoint)


def shown(disk):
    """{path: bytes} of all that can be found from the top."""
    found = {}
    for folder, _, names in os.walk(disk.mountpoint, onerror=raise_it):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, disk.mountpoint)] = open(path, "rb").read()
    return found


def raise_it(error):
    raise error


def caller(path, how="os.stat"):
    """A process that asks for @path."""
    return subprocess.Popen([sys.executable, "-c", f"import os, sys; {how}(sys.argv[1])", str(path)])


def error_of(call, *words):
    try:
        call(*words)
    except OSError as e:
        return errno.errorcode[e.errno]
    return None


def test_it_shows_the_source(disk):
    files = shown(disk)
    assert len(files) == FOLDERS * FILES and files["folder 3/file 4"] == b"3 4\n"
    for path in ("folder 1", "folder 1/file 1"):
        a, b = os.stat(disk.source / path), os.stat(disk.mountpoint / path)
        for key in ("st_ino", "st_mode", "st_size", "st_nlink", "st_mtime_ns", "st_ctime_ns"):
            assert getattr(a, key) == getattr(b, key)
    assert os.stat(disk.source).st_dev != os.stat(disk.mountpoint).st_dev
    (disk.source / "folder 1/late").write_text("now")
    assert (disk.mountpoint / "folder 1/late").read_text() == "now"


def test_it_changes_the_source(disk):
    at, of = disk.mountpoint / "folder 0", disk.source / "folder 0"
    inode = (of / "file 0").stat().st_ino
    (at / "new").mkdir()
    (at / "file 0").rename(at / "new/moved")
    os.link(at / "new/moved", at / "linked")
    os.symlink("linked", at / "link")
    assert (of / "new/moved").stat().st_ino == (of / "linked").stat().st_ino == inode == (at / "linked").stat().st_ino
    assert (at / "linked").stat().st_nlink == 2 and os.readlink(of / "link") == "linked"
    with open(at / "file 1", "a") as f:
        f.write("more\n")
    (at / "file 2").write_text("all new")
    os.utime(at / "file 2", (5, 7))
    os.chmod(at / "file 2", 0o600)
    assert (of / "file 1").read_text() == "0 1\nmore\n" and (of / "file 2").read_text() == "all new"
    assert ((of / "file 2").stat().st_mtime, (of / "file 2").stat().st_mode & 0o777) == (7, 0o600)
    (at / "file 3").unlink()
    (at / "file 4").replace(at / "file 5")
    (at / "new/moved").unlink()
    (at / "new").rmdir()
    os.truncate(at / "file 6", 1)
    assert sorted(os.listdir(of)) == sorted(os.listdir(at)) == sorted(
        ["link", "linked", *(f"file {n}" for n in (1, 2, 5, 6, 7, 8, 9))])
    assert (at / "file 5").read_text() == "0 4\n" and (of / "file 6").read_text() == "0"


def test_a_hung_request_waits_and_cannot_be_killed(disk):
    disk.set("hang on")
    asking = [caller(disk.mountpoint / f"folder {n}") for n in range(FOLDERS)]
    killed = asking[0]
    until(lambda: disk.set("count"), 10, "a request")
    time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    until(lambda: state_of_process(killed.pid) == "D", 10, "state D")
    time.sleep(0.2)
    assert state_of_process(killed.pid) == "D" and all(p.poll() is None for p in asking)
    assert disk.set("hang off") > 0
    assert [p.wait(10) for p in asking] == [-signal.SIGKILL, *[0] * (FOLDERS - 1)]
    assert disk.set("count") == 0


def test_what_hangs_does_not_stop_the_rest(disk):
    disk.set("hang folder 1")
    asking = [caller(disk.mountpoint / "folder 1"), caller(disk.mountpoint / "folder 1/file 1", "open")]
    until(lambda: disk.set("count"), 10, "a request")
    assert len(os.listdir(disk.mountpoint / "folder 10")) == FILES
    assert (disk.mountpoint / "folder 2/file 2").read_text() == "2 2\n"
    assert all(p.poll() is None for p in asking)
    disk.set("none")
    assert [p.wait(10) for p in asking] == [0, 0]


def test_a_hung_disk_that_is_killed_lets_go(disk):
    disk.set("hang on")
    asking = caller(disk.mountpoint / "folder 1")
    until(lambda: disk.set("count"), 10, "a request")
    asking.kill()
    disk.kill()
    wait_gone(asking.pid)
    asking.wait()
    assert error_of(os.listdir, disk.mountpoint) == "ENOTCONN"
    disk.restart()
    assert len(shown(disk)) == FOLDERS * FILES


@pytest.mark.parametrize("share,least,most", [("1%", 0, 12), ("11%", 5, 50), ("2", 70, 130), ("50%", 70, 130),
                                              ("89%", 160, 195), ("100%", 200, 200), ("0%", 0, 0)])
def test_halves_are_listed_but_only_hidden_ones_cannot_be_looked_up(disk, share, least, most):
    def listed():
        return [f"folder {d}/{name}" for d in range(FOLDERS) for name in os.listdir(disk.mountpoint / f"folder {d}")]

    disk.set(f"half {share}")
    names = listed()
    assert least <= len(names) <= most and names == listed()
    for d in range(FOLDERS):
        assert (disk.mountpoint / f"folder {d}/file 1").read_text() == f"{d} 1\n"
    folders = set(os.listdir(disk.mountpoint))
    disk.set(f"hide {share}")
    assert set(os.listdir(disk.mountpoint)) == folders
    for d in range(FOLDERS):
        gone = error_of(os.stat, disk.mountpoint / f"folder {d}")
        assert gone == (None if f"folder {d}" in folders else "ENOENT")
    found = shown(disk)
    assert found.keys() == {n for n in names if n.partition("/")[0] in folders}
    disk.set("none")
    assert len(shown(disk)) == FOLDERS * FILES


@pytest.mark.parametrize("name", ["EIO", "ESTALE", "EACCES", "ENOTCONN"])
def test_errors_are_those_that_were_ordered(disk, name):
    folder, file = disk.mountpoint / "folder 1", disk.mountpoint / "folder 1/file 1"
    calls = {"lookup": (os.stat, file), "getattr": (os.stat, disk.mountpoint), "opendir": (os.listdir, folder),
             "readdir": (os.listdir, folder), "open": (open, file), "read": (lambda p: open(p, "rb").read(), file),
             "statfs": (os.statvfs, folder), "write": (os.unlink, file)}
    for op, (call, path) in calls.items():
        disk.set(f"error {op} {name}")
        # the kernel itself asks again once when a handle is stale
        assert error_of(call, path) == name, op
        disk.set("none")
    assert len(shown(disk)) == FOLDERS * FILES


def test_empty_slow_and_nonsense(disk):
    disk.set("empty")
    assert os.listdir(disk.mountpoint) == [] and error_of(os.stat, disk.mountpoint / "folder 1") == "ENOENT"
    disk.set("none")
    disk.set("slow 100")
    start = time.monotonic()
    os.stat(disk.mountpoint / "folder 1")
    assert time.monotonic() - start > 0.1
    disk.set("none")
    for line in ("", "hangs on", "half", "half 0", "hide 101%", "hide x", "error", "error sleep EIO", "error read EOK"):
        with pytest.raises(AssertionError, match="no"):
            disk.set(line)
    assert len(shown(disk)) == FOLDERS * FILES
