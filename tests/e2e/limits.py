# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's limits of inotify and fanotify, made tiny."""
import contextlib
import fcntl
import subprocess
from pathlib import Path

import pytest

from harness import MEDIAMOND, until

LOCK = "/tmp/mediamon-limits.lock"


@contextlib.contextmanager
def tiny_queue(tell, mode, events=4):
    """Queues made meanwhile hold so few events.  It is a number of the whole machine: one test at a time, and briefly."""
    file = Path(f"/proc/sys/fs/{mode}/max_queued_events")
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        former = file.read_text().strip()
        tell({"sysctl": str(file), "ours": str(events), "former": former})
        try:
            file.write_text(str(events))
        except OSError as e:
            pytest.skip(f"{file} cannot be written: {e.strerror}")
        try:
            yield
        finally:
            file.write_text(former)


def start_with_few_watches(lab, watches=6):
    """The indexer in a user namespace of its own, where no more can be had; root there is root here."""
    inside = ["unshare", "--user", "--map-root-user"]
    limits = " ".join(f"&& echo {watches} > /proc/sys/user/{name}"
                      for name in ("max_inotify_watches", "max_fanotify_marks"))
    r = subprocess.run([*inside, "sh", "-c", f"true {limits}"], capture_output=True, text=True)
    if r.returncode:
        pytest.skip(f"no user namespace with limits of its own here: {r.stderr.strip()}")
    subprocess.run([*inside, "sh", "-c", f"true {limits} && exec {MEDIAMOND} -d '{lab.conf}'"], check=True)
    until(lab.indexer, 5, f"the indexer: {lab.indexer_log()}")
    lab.start("-o", "noindexer")
    lab.wait_indexer()
