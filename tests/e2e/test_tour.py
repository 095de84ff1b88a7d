# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md's tour of missing volumes, line by line: what it says is what happens."""
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from finding import Finds, cbz, own, release
from harness import ROOT

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
import nautiljon  # noqa: E402
import qbittorrent_fake  # noqa: E402
from prowlarr import Prowlarr  # noqa: E402

SECTION = "## Missing volumes: a tour"
PATIENCE_S = 15
MAGNET = "magnet:?xt=urn:btih:9fb267cff5ae5603f07a347676ec3bf3e35f75e1&dn=Naruto"


def steps():
    """[(command, [mark])] of the fenced block."""
    section = (ROOT / "README.md").read_text().split(SECTION)[1].split("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```$", section, re.M | re.S)
    assert len(blocks) == 1
    found = []
    for line in blocks[0].splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def is_said(mark, output):
    """Whether a line has all that is between the dots, in order; blanks are as many as there are."""
    pieces = [r"\s+".join(map(re.escape, piece.split())) for piece in mark.split("…")]
    return re.search(".*?".join(pieces), output) is not None


def run(command, where, marks):
    """Runs it; one that only reads is run until its marks are there."""
    end = time.monotonic() + PATIENCE_S
    while True:
        done = subprocess.run(["bash", "-c", command], cwd=where, capture_output=True, text=True, timeout=20)
        output = done.stdout + done.stderr
        if all(is_said(m, output) for m in marks) or ">" in command or time.monotonic() > end:
            break
        time.sleep(0.1)
    fails = any("write error" in m for m in marks)
    assert (done.returncode != 0) == fails, f"$ {command}\n{output}"
    for m in marks:
        assert is_said(m, output), f"$ {command}\n{output}\nhas no: {m}"
    return output


@pytest.fixture
def world(lab):
    """What the tour takes for granted."""
    own(lab, "Naruto", 1, 2, 3, 4, 6)
    own(lab, "Bleach", 1, 2)
    cbz(lab.manga / "Vinland Saga" / "Vinland Saga T01-T27.cbz")
    cbz(lab.dir / "downloads" / "Naruto T05.cbz")
    client, site = qbittorrent_fake.Server(), nautiljon.Site()
    client.modes = {"seeding"}
    threading.Thread(target=client.serve_forever, args=(0.05,), daemon=True).start()
    with Prowlarr(releases=[release(1, "Naruto T05 FR CBZ", size=1_000_000, link=None, magnet=MAGNET)]) as prowlarr:
        finds = Finds(lab).use_prowlarr(prowlarr).set("qbittorrent", url=client.origin)
        finds.set("nautiljon", enabled="true", url=site.url, distance="0s").set("monitor", auto_check_enabled="true")
        finds.start(dry=True)
        yield lab
        lab.stop()
    client.shutdown()
    client.server_close()
    site.close()


def test_the_tour_of_missing_volumes_is_true(world):
    places = {"/srv/downloads": world.dir / "downloads", "/srv/manga": world.manga}
    tour = steps()
    assert len(tour) > 20
    for command, marks in tour:
        assert command.split()[0] in ("ls", "cat", "echo"), command
        for name, place in places.items():
            command = command.replace(name, str(place))
        output = run(command, world.mnt, marks)
        if command.startswith("ls ") and not marks:
            assert not output, f"$ {command}\n{output}"


def test_a_tour_that_is_not_true_fails(world):
    with pytest.raises(AssertionError, match="has no"):
        run("echo x; echo y >/dev/null", world.mnt, ["Naruto … 5"])
    with pytest.raises(AssertionError):
        run("echo nobody > control/search", world.mnt, [])
    with pytest.raises(AssertionError):
        run("echo on > control/dry-run", world.mnt, ["write error: Read-only file system"])
