# SPDX-License-Identifier: GPL-3.0-or-later
"""A real program of others, started for a test: private folder, loopback, gone when its owner is.

As a program (how the unit tests use it): prints "key value" lines and "ready", then obeys lines on its standard input
and ends with it.  Each order is answered by lines and "."; "kill" is SIGKILL, "stop" a polite end, "start" a new start.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """Even when that is killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    """True when something listens on the port."""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Peer:
    """One process.  A subclass has program, prepare(), command(), settings() and perhaps is_up() and orders."""

    program = ""
    #: seconds to come up
    patience = 60

    def __init__(self, folder=None):
        self.folder = Path(folder or tempfile.mkdtemp(prefix=f"mediamon-{self.program}-"))
        self.owns_folder = folder is None
        self.folder.mkdir(exist_ok=True)
        self.port = free_port()
        self.process = None

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.program) is not None

    def prepare(self):
        pass

    def popen_options(self):
        return {}

    def is_up(self):
        return answers(self.port)

    def start(self):
        self.prepare()
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        cwd=self.folder, preexec_fn=die_with_parent, **self.popen_options())
        log.close()
        end = time.monotonic() + self.patience
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"{self.program} does not come up: {tail}")
            time.sleep(0.1)
        return self

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None

    def stop(self):
        self._end(signal.SIGTERM)

    def close(self):
        self.kill()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def settings(self):
        return {"port": self.port}


def say(*lines):
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def serve(peer, orders=None):
    """Runs a peer for a program at the other end of standard input and output."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not peer.is_installed():
        say(f"absent {peer.program}")
        return 0
    orders = {"kill": peer.kill, "stop": peer.stop, "start": peer.start, **(orders or {})}
    try:
        peer.start()
        say(*(f"{k} {v}" for k, v in peer.settings().items()), "ready")
        for line in sys.stdin:
            word, *rest = line.split()
            answer = orders[word](*rest)
            say(*(answer if isinstance(answer, (list, tuple)) else []), ".")
    finally:
        peer.close()
    return 0


def is_root():
    return os.geteuid() == 0
