# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleans up after a test process that was killed: a process of its own, told of every lab.

Each line on standard input is one JSON object, {"mount", "config", "state"} or {"remove"}.  When the
writer is gone, however it ended, what is left of the labs is unmounted, ended and removed.
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


def is_mounted(path):
    """Asks the kernel's list: a stat of a dead mount would fail."""
    wanted = os.fsencode(path)
    with open("/proc/self/mountinfo", "rb") as f:
        return any(line.split()[4].decode("unicode_escape").encode("latin-1") == wanted for line in f)


def clean(lab):
    if is_mounted(lab["mount"]):
        subprocess.run(["fusermount3", "-uz", lab["mount"]], stderr=subprocess.DEVNULL)
    pid = indexer_of(lab["state"], lab["config"])
    if pid:
        os.kill(pid, signal.SIGKILL)


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    labs = [json.loads(line) for line in sys.stdin]
    for lab in labs:
        if "mount" in lab:
            clean(lab)
    for lab in labs:
        if "remove" in lab:
            shutil.rmtree(lab["remove"], ignore_errors=True)


if __name__ == "__main__":
    main()
