# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleans up after a test process that was killed: a process of its own, told of every lab.

Each line on standard input is one JSON object.  When the writer is gone, however it ended, what is left is
undone, the newest first:

    {"mount", "config", "state"}    a lab: its mount and its indexer
    {"process", "since"}            ended; since is what started_at() told of it
    {"unmount"}                     a folder on which something may be mounted
    {"loop"}                        a loop device, {"file"} the image behind it
    {"sysctl", "ours", "former"}    a file below /proc/sys: set back if it still holds what the test wrote
    {"remove"}                      a folder
"""
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def indexer_of(state, config):
    """The indexer's process, if one runs there with that configuration; else None."""
    try:
        pid = int((Path(state) / "mediamond.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(config) in words else None


def started_at(pid):
    """Tells a process from a later one with its number; None when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def mounts_at(path):
    """How many mounts are on that folder: a stat of a dead one would fail, so the kernel's list is asked."""
    wanted = os.fsencode(path)
    with open("/proc/self/mountinfo", "rb") as f:
        return sum(line.split()[4].decode("unicode_escape").encode("latin-1") == wanted for line in f)


def is_mounted(path):
    return mounts_at(path) > 0


def unmount(path):
    """All of them; at once, also when something waits there."""
    for _ in range(mounts_at(path)):
        subprocess.run(["umount", "-l", str(path)], stderr=subprocess.DEVNULL)


def end(pid, since):
    if started_at(pid) == since is not None:
        os.kill(pid, signal.SIGKILL)


def set_back(sysctl, ours, former):
    if Path(sysctl).read_text().strip() == ours:
        Path(sysctl).write_text(former)


def detach(device, file):
    """The device, if that image is still behind it."""
    try:
        behind = Path("/sys/block", Path(device).name, "loop/backing_file").read_text().strip()
    except OSError:
        return
    if behind == file:
        subprocess.run(["losetup", "-d", device], stderr=subprocess.DEVNULL)


def clean(lab):
    if is_mounted(lab["mount"]):
        subprocess.run(["fusermount3", "-uz", lab["mount"]], stderr=subprocess.DEVNULL)
    pid = indexer_of(lab["state"], lab["config"])
    if pid:
        os.kill(pid, signal.SIGKILL)


UNDO = {
    "mount": clean,
    "process": lambda what: end(what["process"], what["since"]),
    "unmount": lambda what: unmount(what["unmount"]),
    "loop": lambda what: detach(what["loop"], what["file"]),
    "sysctl": lambda what: set_back(what["sysctl"], what["ours"], what["former"]),
}


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told = [json.loads(line) for line in sys.stdin]
    for what in reversed(told):
        for key, undo in UNDO.items():
            if key in what:
                try:
                    undo(what)
                except OSError as e:
                    print(f"cannot undo {what}: {e}", file=sys.stderr)
    for what in told:
        if "remove" in what:
            shutil.rmtree(what["remove"], ignore_errors=True)


if __name__ == "__main__":
    main()
