# SPDX-License-Identifier: GPL-3.0-or-later
"""Empty is not gone: a folder that is away forgets nothing."""
import os
import subprocess

import pytest

from harness import until


def state_of(lab, name):
    return next(r for r in lab.newest("status/roots.json")["items"] if r["name"] == name)


def rows(lab):
    return {**lab.export("tracks"), **lab.export("volumes")}


def shown(lab):
    """What does not move with time: the counts, what is missing, the names in the tree."""
    summary = lab.newest("status/summary.json")
    return (summary["music"], summary["manga"], lab.newest("status/missing.json")["items"],
            lab.listing("music/artists"), lab.listing("manga"))


def last_run(lab):
    return lab.newest("metrics/scan.json")["runs"][-1]


def check_away(lab, root, state, before):
    assert (rows(lab), shown(lab)) == before, "something was forgotten"
    now = state_of(lab, root)
    assert now["state"] == state and len(now["reason"].split()) > 5, now
    health = lab.newest("status/health.json")
    assert health["state"] == "degraded" and any(state in reason for reason in health["reasons"])
    assert any(state in sentence for sentence in lab.newest("status/summary.json")["attention"])
    text = next(line for line in lab.read("status/roots").decode().splitlines() if line.split()[0] == root)
    assert state in text and now["reason"] in text


def check_back(lab, root, before):
    files = sum(path.startswith(str(getattr(lab, root)) + "/") for path in before[0])
    assert (rows(lab), shown(lab)) == before
    assert (state_of(lab, root)["state"], state_of(lab, root)["reason"]) == ("present", "")
    assert lab.newest("status/health.json")["state"] == "ok"
    run = last_run(lab)
    assert (run["files"], run["unchanged"], run["removed"]) == (files, files, 0), "files were read again"


@pytest.mark.parametrize("root", ["music", "manga"])
def test_an_absent_root_forgets_nothing(small, root):
    before, folder = (rows(small), shown(small)), getattr(small, root)
    os.rename(folder, small.dir / "away")
    for words in (root, str(folder), f"full {root}", str(folder / "some/where")):
        small.rescan(words)
        check_away(small, root, "absent", before)
    small.unmount()
    small.kill_indexer()
    small.start()
    small.wait_idle()
    check_away(small, root, "absent", before)
    os.rename(small.dir / "away", folder)
    small.rescan(root)
    check_back(small, root, before)


def test_a_root_that_lists_nothing_forgets_nothing(small):
    """As the folder below a disk that is not mounted."""
    before = rows(small), shown(small)
    os.rename(small.music, small.dir / "away")
    small.music.mkdir()
    for words in ("music", "full all", str(small.music)):
        small.rescan(words)
        check_away(small, "music", "empty", before)
    small.music.rmdir()
    os.rename(small.dir / "away", small.music)
    small.rescan("music")
    check_back(small, "music", before)


def test_a_root_that_is_no_folder_forgets_nothing(small):
    before = rows(small), shown(small)
    os.rename(small.music, small.dir / "away")
    small.music.write_text("no folder")
    small.rescan("all")
    check_away(small, "music", "absent", before)
    small.music.unlink()
    os.symlink("nowhere", small.music)
    small.rescan("all")
    check_away(small, "music", "absent", before)
    small.music.unlink()
    os.rename(small.dir / "away", small.music)
    small.rescan("music")
    check_back(small, "music", before)


def test_a_new_empty_root_is_no_alarm(lab):
    lab.start()
    lab.wait_idle()
    assert {r["state"] for r in lab.newest("status/roots.json")["items"]} == {"empty"}
    assert lab.newest("status/health.json")["state"] == "ok"


def test_a_root_that_never_was_there_is_shown(lab):
    lab.configure(music=lab.dir / "never")
    lab.start()
    lab.wait_idle()
    assert state_of(lab, "music")["state"] == "absent" and state_of(lab, "music")["reason"]
    assert lab.newest("status/health.json")["state"] == "degraded"
    (lab.dir / "never").mkdir()
    (lab.dir / "never" / "x.flac").write_bytes(b"bad")
    lab.rescan("music")
    until(lambda: state_of(lab, "music")["state"] == "present", 2, "the folder that was made")


def test_a_sub_folder_that_cannot_be_listed_keeps_its_rows(open_lab, corpus):
    """A disk below the root that is away: listed by another user, for whom it is closed."""
    from test_bad_files import as_nobody
    lab = open_lab
    tracks = corpus.music(lab.music, 100, seed=3)
    folder = os.path.dirname(tracks[0].path)
    as_nobody(lab)
    before = rows(lab)
    os.chmod(folder, 0)
    lab.rescan("all")
    assert rows(lab) == before
    assert [i["path"] for i in lab.newest("status/errors.json")["items"]] == [folder]
    os.chmod(folder, 0o755)
    lab.rescan("all")
    assert rows(lab) == before and lab.newest("status/errors.json")["items"] == []
    assert last_run(lab)["changed"] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a folder over another")
def test_a_mount_over_the_root_forgets_nothing(small):
    before = rows(small), shown(small)
    subprocess.run(["mount", "-t", "tmpfs", "none", str(small.music)], check=True)
    try:
        small.rescan("all")
        check_away(small, "music", "empty", before)
    finally:
        subprocess.run(["umount", "-l", str(small.music)], check=True)
    small.rescan("music")
    check_back(small, "music", before)
