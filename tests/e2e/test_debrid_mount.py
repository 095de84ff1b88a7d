# SPDX-License-Identifier: GPL-3.0-or-later
"""The debrid mount of these tests behaves as a real one: it is a real one, whose faults can be switched."""
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness import is_alive, until
from reaper import is_mounted

LIB = Path(__file__).parent.parent / "lib"
sys.path.insert(0, str(LIB))
import debrid_mount  # noqa: E402

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount here"),
              pytest.mark.skipif(not debrid_mount.is_installed(), reason="rclone is not installed")]


@pytest.fixture
def mount(tmp_path, tell):
    made = debrid_mount.DebridMount(tmp_path, tell)
    for n in range(10):
        made.add(f"Show.S{n:02}", {"a.mkv": b"video %d" % n, "sub/b.srt": b"text"})
    with made:
        yield made


def names(mount, group="__all__"):
    return sorted(os.listdir(mount.mountpoint / group))


def test_files_are_read_through_it(mount):
    assert len(names(mount)) == 10
    assert (mount.mountpoint / "__all__/Show.S03/a.mkv").read_bytes() == b"video 3"
    assert (mount.mountpoint / "__all__/Show.S03/sub/b.srt").read_bytes() == b"text"
    with pytest.raises(OSError) as e:
        (mount.mountpoint / "__all__/new").mkdir()
    assert e.value.errno == errno.EROFS
    assert "fuse.rclone" in Path("/proc/self/mountinfo").read_text()


def test_torrents_come_and_go(mount):
    assert len(names(mount)) == 10
    mount.add("Late", {"x.mkv": b"x"})
    mount.remove("Show.S00")
    until(lambda: "Late" in names(mount) and "Show.S00" not in names(mount), 5, "the change")


def test_it_is_emptied_halved_replaced_and_restored(mount):
    whole = names(mount)
    mount.half()
    until(lambda: names(mount) == whole[::2], 5, "one half")
    mount.empty("__all__")
    until(lambda: names(mount) == [], 5, "an empty folder")
    mount.empty()
    until(lambda: os.listdir(mount.mountpoint) == [], 5, "an empty mount")
    mount.replace({"Other": {"y.mkv": b"y"}})
    until(lambda: os.listdir(mount.mountpoint) and names(mount) == ["Other"], 5, "another account")
    mount.add("Meanwhile", {"z.mkv": b"z"})
    mount.restore()
    until(lambda: names(mount) == sorted([*whole, "Meanwhile"]), 5, "what was there before")
    mount.settle()
    assert (mount.mountpoint / "__all__/Show.S03/a.mkv").read_bytes() == b"video 3"


def test_it_is_stopped_and_started(mount):
    mount.stop()
    assert not is_mounted(mount.mountpoint) and os.listdir(mount.mountpoint) == []
    mount.start()
    assert len(names(mount)) == 10


def test_it_is_killed(mount):
    mount.mount.kill()
    with pytest.raises(OSError) as e:
        os.listdir(mount.mountpoint)
    assert e.value.errno == errno.ENOTCONN
    mount.restart()
    assert len(names(mount)) == 10


def test_it_hangs_and_goes_on(mount):
    seen = []
    mount.mount.freeze()
    reader = threading.Thread(target=lambda: seen.append(names(mount)))
    reader.start()
    reader.join(1)
    assert reader.is_alive() and not seen
    mount.mount.thaw()
    reader.join(20)
    assert len(seen[0]) == 10


def test_its_server_goes_away_and_comes_back(mount):
    assert len(names(mount)) == 10
    mount.server.kill()
    mount.settle()
    with pytest.raises(OSError):
        names(mount)
    mount.server.start()
    until(lambda: len(names(mount)) == 10, 20, "the server")


KILLED = """
import json, os, signal, sys, time
sys.path[:0] = [{lib!r}, {e2e!r}]
import conftest, debrid_mount
m = debrid_mount.DebridMount({folder!r}, conftest.tell_reaper)
m.add("A", {{"a.mkv": b"a"}})
m.start()
m.mount.freeze()
print(json.dumps([m.mount.process.pid, m.server.process.pid]), flush=True)
time.sleep(600)
"""


def test_nothing_is_left_of_it_when_the_test_is_killed(tmp_path):
    script = KILLED.format(lib=str(LIB), e2e=str(Path(__file__).parent), folder=str(tmp_path / "m"))
    with subprocess.Popen([sys.executable, "-B", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        pids = json.loads(process.stdout.readline())
        assert is_mounted(tmp_path / "m/mnt")
        process.send_signal(signal.SIGKILL)
    until(lambda: not any(map(is_alive, pids)), 10, "rclone")
    until(lambda: not is_mounted(tmp_path / "m/mnt"), 10, "the mount")
