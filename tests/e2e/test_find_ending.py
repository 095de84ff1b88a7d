# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexer ends soon, whoever it waits for."""
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from finding import Finds, ed2k, offer, own, secret

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from prowlarr import Prowlarr  # noqa: E402

SOON_S = 20


@pytest.fixture
def prowlarr():
    with Prowlarr() as p:
        yield p


@pytest.fixture
def silent():
    """The port of somebody who takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as s:
        s.settimeout(10)
        yield s


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def ends(lab):
    pid, begin = int((lab.state / "mediamond.pid").read_text()), time.monotonic()
    os.kill(pid, signal.SIGTERM)
    while is_alive(pid):
        assert time.monotonic() - begin < SOON_S, "it still waits"
        time.sleep(0.02)


def heard(silent):
    """Somebody called; the connection stays open."""
    return silent.accept()[0]


def port_of(silent):
    return silent.getsockname()[1]


def test_a_source_that_says_nothing(lab, silent):
    own(lab, "Naruto", 1, 2, 4)
    key = secret(lab.dir / "key", "a" * 32)
    finds = Finds(lab).set("prowlarr", url=f"http://127.0.0.1:{port_of(silent)}", api_key_file=key)
    finds.start().search("Naruto")
    with heard(silent):
        ends(lab)


def test_a_client_that_says_nothing(lab, silent, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    finds = Finds(lab).use_prowlarr(prowlarr).set("qbittorrent", url=f"http://127.0.0.1:{port_of(silent)}").start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0, lab.last()
    with heard(silent):
        ends(lab)


def test_an_amule_that_says_nothing(lab, silent):
    own(lab, "Naruto", 1, 2, 4)
    password = secret(lab.dir / "password", "x")
    finds = Finds(lab).use_ebdz([(ed2k("Naruto T03.cbz")[0], "Naruto")])
    finds.set("amule", host="127.0.0.1", port=port_of(silent), password_file=password).start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0, lab.last()
    with heard(silent):
        # what restarts it does not wait either
        begin = time.monotonic()
        lab.accept("reload", "config")
        assert time.monotonic() - begin < SOON_S
        with heard(silent):
            ends(lab)


def test_a_hook_that_does_not_end(lab, prowlarr):
    own(lab, "Naruto", 1, 2, 4)
    offer(prowlarr, 1, "Naruto T03 FR CBZ")
    hook, begun = lab.dir / "hook", lab.dir / "begun"
    hook.write_text(f"#!/bin/sh\ncat > /dev/null\ntouch {begun}\nsleep 60\n")
    hook.chmod(0o755)
    finds = Finds(lab).use_prowlarr(prowlarr)
    finds.use_blackhole()
    finds.set("hook", exec=hook).start()
    finds.found("Naruto", 3)
    assert finds.grab("Naruto", 3) == 0, lab.last()
    end = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < end, lab.indexer_log()
        time.sleep(0.05)
    ends(lab)
