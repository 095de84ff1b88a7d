# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that a service manager or a container runtime refuses: all is indexed as where they work."""
import os
import subprocess
import sys

import pytest

from harness import MEDIAMOND, ROOT, until


def start_without(lab, call, error):
    subprocess.run([sys.executable, ROOT / "tests/lib/without_call.py", call, error, MEDIAMOND, "-d", lab.conf], check=True)
    until(lab.indexer, 30, "the indexer")
    lab.start("-o", "noindexer")
    lab.wait_indexer()
    lab.wait_idle()


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_without_openat2_all_is_indexed_watched_and_judged(lab, corpus, pieces, error):
    """ENOSYS: systemd's RestrictSUIDSGID=yes; EPERM: container runtimes of before 2020."""
    tracks, series = corpus.music(lab.music, 100, seed=3), corpus.manga(lab.manga, 5, seed=3)
    links, disk, outside = lab.dir / "links", lab.dir / "disk", lab.dir / "outside"
    for folder in links / "tv", disk / "__all__" / "Show", outside:
        folder.mkdir(parents=True)
    (disk / "__all__" / "Show" / "e1.mkv").write_bytes(b"x")
    for name in ("e1.mkv", "e2.mkv"):
        (links / "tv" / name).symlink_to(disk / "__all__" / "Show" / name)
    # nothing is followed out of a root there either
    (outside / "secret.flac").write_bytes(pieces.flac("Secret"))
    os.symlink(outside, lab.music / "out")
    lab.configure(extra=f'links = {{ "{links}" }}\nrealdebrid {{ mount = "{disk}" }}\nsymlinks {{ sightings = 1 span = "0s" apart = "0s" }}')
    start_without(lab, "openat2", error)
    assert lab.export("tracks").keys() == {t.path for t in tracks}
    assert lab.newest("status/summary.json")["manga"]["series"] == len(series)
    assert lab.newest("status/errors.json")["items"] == []
    assert {r["state"] for r in lab.newest("status/roots.json")["items"]} == {"present"}
    seen = until(lambda: (found := lab.newest("status/summary.json")["links"])["ok"] and found, 30,
                 lambda: lab.read("status/symlinks").decode())
    assert (seen["total"], seen["ok"], seen["suspect"] + seen["broken"]) == (2, 1, 1)
    new = lab.music / "new" / "one.flac"
    new.parent.mkdir()
    new.write_bytes(pieces.flac("One"))
    until(lambda: str(new) in lab.export("tracks"), 30, "the new file")
    # the canary files of a root are asked for, and a file that is gone is asked for once more
    new.unlink()
    until(lambda: str(new) not in lab.export("tracks"), 30, "its end")
    lab.rescan("full all")
    assert lab.export("tracks").keys() == {t.path for t in tracks}
