# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disk a path leads to: copies, links, disks below a root, the same disk again, another one at its place."""
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness import MEDIAMOND, quoted, until
from test_guard import FRESH, fill, rows, states
from test_watch import ids, titles, watching

CAP = 20
# a loop without a pause takes 500, an idle indexer with its children about one
TICKS_IN_5_S = 25
HERE = ("present",)


def start(lab):
    """Starts it, waits for the first scan; the rows."""
    lab.start()
    lab.wait_idle()
    return rows(lab)


def wait_state(lab, name, wanted, seconds=10):
    """Until status/roots shows the item in one of the states; the item."""
    def item():
        now = states(lab).get(name)
        return now if now and now["state"] in wanted else None
    try:
        return until(item, seconds, f"{name} to be {' or '.join(wanted)}", pause=0.1)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{lab.read('status/roots').decode()}") from None


def wait_rows(lab, wanted, seconds=10):
    until(lambda: len(rows(lab)) == wanted, seconds, f"{wanted} rows", pause=0.1)


def add(lab, pieces, path):
    """A new file, and waits until it alone is new in the index."""
    wanted = rows(lab).keys() | {str(path)}
    path.write_bytes(pieces.mp3(path.stem))
    until(lambda: rows(lab).keys() == wanted, 10, f"{path.name} in the index", pause=0.1)


def check_kept(lab, before):
    """Also by a scan of everything."""
    lab.rescan("all")
    now = rows(lab)
    assert before.items() <= now.items(), f"forgotten: {sorted(before.keys() - now.keys())[:10]}"


def make_below(lab, name="disk"):
    """A folder for a disk below the root."""
    folder = lab.music / name
    folder.mkdir(parents=True)
    return folder


def ticks(lab):
    """What the indexer and its children have used of the processors, {process: ticks}."""
    used = {}
    for pid in (lab.indexer(), *lab.children("--scout"), *lab.children("--worker")):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used[pid] = int(fields[11]) + int(fields[12])
    return used


def ticks_within(lab, seconds):
    before = ticks(lab)
    time.sleep(seconds)
    return sum(n - before.get(pid, 0) for pid, n in ticks(lab).items())


# --- the brake ---

def test_copies_in_another_root_do_not_switch_the_brake_off(lab, pieces, faults):
    """What vanishes is no move to where an equal file has been all the time."""
    source, copies = lab.dir / "source", lab.dir / "copies"
    fill(source, pieces, 20, 10)
    shutil.copytree(source, copies)
    disk = faults.faultfs(source, lab.music)
    lab.conf.write_text(f"music = {{ {quoted([lab.music, copies])} }}\nstate_dir = \"{lab.state}\"\n{FRESH}\n")
    before = start(lab)
    assert len(before) == 400
    disk.set("hide 50%")
    assert wait_state(lab, "music", ["frozen"])["held"] > CAP
    check_kept(lab, before)
    assert states(lab)["music"]["state"] == "frozen" and states(lab)["music-2"]["state"] == "present"


def test_a_loss_that_is_found_bit_by_bit_is_held(lab, pieces, faults):
    """Every folder loses less than the brake lets pass, and each is looked at in its own time."""
    source = lab.dir / "source"
    fill(source, pieces, 40, 10)
    disk = faults.faultfs(source, lab.music)
    lab.configure(extra='scan { watch = "inotify" quiet = "100ms" poll = "10m" verify = "6s" }')
    before = start(lab)
    assert len(before) == 400
    disk.set("hide 60%")
    lost = 400 - sum(1 for _ in lab.music.rglob("*.mp3"))
    assert lost > 2 * CAP

    def is_all_found():
        assert len(rows(lab)) >= 400 - CAP
        return states(lab)["music"]["held"] >= lost - CAP
    until(is_all_found, 20, f"{lost} to be missed", pause=0.2)
    assert states(lab)["music"]["state"] == "frozen"


def test_what_is_said_of_a_root_is_not_said_of_a_disk_below_it(lab, pieces, faults):
    watching(lab, quiet="500ms")
    fill(lab.music, pieces, 10, 10)
    disk = make_below(lab)
    faults.tmpfs(disk)
    fill(disk, pieces, 1, 10, "On a disk")
    before = start(lab)
    away = lab.dir / "away"
    away.mkdir()
    for n in (1, 2, 3):
        shutil.move(lab.music / f"album {n}", away)
    wait_state(lab, "music", ["frozen"])
    faults.umount(disk)
    wait_state(lab, "music:disk", ["absent"])
    # ten are back before they are said to be lost, as many as the disk has
    shutil.move(away / "album 1", lab.music)
    assert lab.order("accept-loss", "music 30") == 0, lab.last()
    gone = {path for path in before if "/album 2/" in path or "/album 3/" in path}
    until(lambda: rows(lab).keys() == before.keys() - gone, 10, "20 to be forgotten", pause=0.1)
    wait_state(lab, "music", HERE)
    lab.rescan("all")
    assert rows(lab).keys() == before.keys() - gone and states(lab)["music:disk"]["held"] == 10


# --- disks below a root ---

def test_a_root_behind_a_link_has_disks_below_it_too(lab, pieces, faults):
    real = lab.dir / "real"
    real.mkdir()
    lab.music.rmdir()
    os.symlink(real, lab.music)
    fill(lab.music, pieces, 3, 10)
    disk = make_below(lab)
    faults.tmpfs(disk)
    fill(disk, pieces, 1, 10, "On a disk")
    lab.configure(extra=FRESH)
    before = start(lab)
    assert len(before) == 40
    wait_state(lab, "music:disk", HERE)
    faults.umount(disk)
    wait_state(lab, "music:disk", ["absent"])
    check_kept(lab, before)
    assert states(lab)["music"]["state"] == "present"


def test_disks_below_a_root_that_comes_behind_a_link(lab, pieces, faults):
    """The link leads nowhere when the indexer starts."""
    source, real = lab.dir / "source", lab.dir / "disks/music"
    fill(source, pieces, 3, 10)
    (source / "disk").mkdir()
    real.parent.mkdir()
    lab.music.rmdir()
    os.symlink(real, lab.music)
    lab.configure(extra=FRESH)
    assert start(lab) == {}
    real.mkdir()
    faults.bind(source, real)
    faults.tmpfs(real / "disk")
    fill(real / "disk", pieces, 1, 10, "On a disk")
    wait_rows(lab, 40, 15)
    before = rows(lab)
    wait_state(lab, "music:disk", HERE)
    faults.umount(real / "disk")
    wait_state(lab, "music:disk", ["absent"])
    check_kept(lab, before)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_remote_disk_below_a_local_root_is_polled(lab, pieces, faults, when):
    """Mounted before the start or after it; nobody tells what changes on it."""
    source, disk = lab.dir / "source", make_below(lab)
    fill(source, pieces, 2, 5)
    fill(lab.music / "local", pieces, 2, 5)
    lab.configure(extra=FRESH)
    if when == "before":
        faults.faultfs(source, disk)
    start(lab)
    if when == "after":
        faults.faultfs(source, disk)
    wait_rows(lab, 20)
    wait_state(lab, "music:disk", HERE)
    for n in (1, 2):
        (source / f"album 0/new {n}.mp3").write_bytes(pieces.mp3(f"New {n}"))
        wait_rows(lab, 20 + n)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_root_is_free_when_what_hung_below_it_is_unmounted(lab, pieces, faults, when):
    source, disk = lab.dir / "source", make_below(lab)
    fill(source, pieces, 2, 5)
    fill(lab.music / "local", pieces, 2, 5)
    lab.configure(extra=FRESH)
    if when == "before":
        mounted = faults.bindfs(source, disk)
    start(lab)
    if when == "after":
        mounted = faults.bindfs(source, disk)
    wait_rows(lab, 20)
    before = rows(lab)
    mounted.stop()
    lab.order("rescan", "all")
    until(lambda: any(i["state"] == "stuck" for i in states(lab).values()), 15, "the disk to be seen hanging", pause=0.1)
    faults.umount(disk)
    wait_state(lab, "music", HERE)
    add(lab, pieces, lab.music / "local/new.mp3")
    assert before.items() <= rows(lab).items() and states(lab)["music:disk"]["state"] == "absent"
    mounted.go_on()


# --- another folder of the same disk ---

@pytest.mark.parametrize("how", ["lost", "replaced"])
@pytest.mark.parametrize("where", ["root", "below"])
def test_another_folder_of_the_same_disk_is_another_disk(lab, pieces, faults, where, how):
    """So few files that the brake alone would let them go."""
    source, other = lab.dir / "source", lab.dir / "other"
    fill(source, pieces, 3, 5)
    fill(other / "more", pieces, 1, 2, "Other")
    fill(other, pieces, 1, 5, "Same name")
    at, name = (lab.music, "music") if where == "root" else (make_below(lab), "music:disk")
    if where == "below":
        fill(lab.music / "local", pieces, 1, 5)
    (at / "left.mp3").write_bytes(pieces.mp3("Left"))
    faults.bind(source, at)
    lab.configure(extra=FRESH)
    before = start(lab)
    assert len(before) == (15 if where == "root" else 20)
    shown = titles(lab)
    if how == "lost":
        faults.umount(at)
    else:
        faults.bind(other, at)
    # below a root it is seen that nothing is mounted
    lost = ("foreign", "frozen", "absent") if (where, how) == ("below", "lost") else ("foreign", "frozen")
    wait_state(lab, name, lost)
    lab.rescan("full all")
    check_kept(lab, before)
    assert states(lab)[name]["state"] in lost
    if where == "below":
        assert titles(lab) == shown, "the other disk was looked at"
    faults.umount(at) if how == "replaced" else faults.bind(source, at)
    wait_state(lab, name, HERE)
    check_kept(lab, before)


@pytest.mark.parametrize("mode", ["inotify", "fanotify"])
def test_a_folder_that_is_in_a_root_twice_is_watched_at_both_places(lab, pieces, faults, mode):
    watching(lab, mode)
    fill(lab.music / "a", pieces, 2, 5)
    (lab.music / "b").mkdir()
    faults.bind(lab.music / "a", lab.music / "b")
    assert len(start(lab)) == 20
    (lab.music / "a/album 0/00.mp3").unlink()
    (lab.music / "a/album 0/new.mp3").write_bytes(pieces.mp3("New"))
    wanted = {str(path) for path in lab.music.rglob("*.mp3")}
    until(lambda: rows(lab).keys() == wanted, 10, "the index to be as the tree", pause=0.1)


# --- the same disk again ---

@pytest.mark.parametrize("mode", ["inotify", "fanotify"])
@pytest.mark.parametrize("where", ["root", "below"])
def test_events_come_from_a_disk_that_was_mounted_again(lab, pieces, faults, mode, where):
    watching(lab, mode)
    at, name = (lab.music, "music") if where == "root" else (make_below(lab), "music:disk")
    if where == "below":
        fill(lab.music / "local", pieces, 1, 5)
    faults.ext4(at)
    fill(at, pieces, 2, 5)
    device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", str(at)], check=True, capture_output=True,
                            text=True).stdout.strip()
    before = start(lab)
    wait_state(lab, name, HERE)
    until(lambda: subprocess.run(["umount", str(at)], capture_output=True).returncode == 0, 5, "nobody to use the disk")
    wait_state(lab, name, ["absent", "empty", "foreign"])
    assert rows(lab) == before
    faults.mount(at, device)
    wait_state(lab, name, HERE)
    # the first might be found by the scan that follows the mount
    for n in (1, 2, 3):
        add(lab, pieces, at / f"album 0/new {n}.mp3")
    assert before.items() <= rows(lab).items()


@pytest.mark.parametrize("where", ["root", "below"])
def test_a_disk_without_a_number_of_its_own_is_the_same_under_another(lab, pieces, faults, where):
    """The kernel gives FUSE the next number that is free."""
    source = lab.dir / "source"
    fill(source, pieces, 2, 5)
    at, name = (lab.music, "music") if where == "root" else (make_below(lab), "music:disk")
    if where == "below":
        fill(lab.music / "local", pieces, 1, 5)
    disk = faults.faultfs(source, at)
    number = os.stat(at).st_dev
    lab.configure(extra=FRESH)
    start(lab)
    before = ids(lab)
    faults.umount(at)
    disk.kill()
    wait_state(lab, name, ["absent", "empty", "foreign"])
    # somebody takes the number, unless another test was quicker
    for n in range(8):
        other = lab.dir / f"other {n}"
        other.mkdir()
        faults.tmpfs(other)
        if os.stat(other).st_dev == number:
            break
    disk.restart()
    wait_state(lab, name, HERE)
    lab.rescan("all")
    assert ids(lab) == before and states(lab)[name]["state"] == "present"


# --- no work for nothing ---

def test_a_file_from_the_future_is_indexed_and_then_left_alone(lab, pieces):
    """A file is believed to be complete when it has not changed for a while: this one seems to change for years."""
    watching(lab, quiet="200ms")
    fill(lab.music, pieces, 2, 3)
    start(lab)
    new = lab.music / "album 0/new.mp3"
    new.write_bytes(pieces.mp3("New"))
    os.utime(new, (4e9, 4e9))
    wait_rows(lab, 7)
    add(lab, pieces, lab.music / "album 0/neighbour.mp3")
    seen = [lab.generation(), time.monotonic()]

    def is_still():
        if lab.generation() != seen[0]:
            seen[:] = lab.generation(), time.monotonic()
        return time.monotonic() - seen[1] > 2
    until(is_still, 10, "the index to be left alone", pause=0.1)
    # a sign of life every few seconds is a commit, too: two steps
    assert ticks_within(lab, 3) < TICKS_IN_5_S and lab.generation() <= seen[0] + 2
    assert len(rows(lab)) == 8


def test_waiting_for_a_disk_that_hangs_costs_nothing(lab, pieces, faults):
    source = lab.dir / "source"
    fill(source, pieces, 2, 5)
    disk = faults.bindfs(source, lab.music)
    lab.configure(extra=FRESH)
    start(lab)
    disk.stop()
    wait_state(lab, "music", ["stuck"], 15)
    used = ticks_within(lab, 5)
    disk.go_on()
    assert used < TICKS_IN_5_S
    wait_state(lab, "music", HERE)


# --- roots within roots ---

@pytest.mark.parametrize("kind", ["music", "manga"])
@pytest.mark.parametrize("how", ["nested", "doubled"])
def test_a_root_in_a_root_is_refused(lab, kind, how):
    outer = getattr(lab, kind)
    inner = outer / "inner"
    inner.mkdir()
    second = inner if how == "nested" else outer
    for roots in ([outer, second], [second, outer]):
        lab.conf.write_text(f"{kind} = {{ {quoted(roots)} }}\nstate_dir = \"{lab.state}\"\n")
        r = subprocess.run([MEDIAMOND, "--check-config", str(lab.conf)], capture_output=True, text=True)
        assert r.returncode != 0
        assert all(f'"{path}"' in r.stderr for path in roots), r.stderr
    other = lab.dir / f"{outer.name} of another"
    lab.conf.write_text(f"{kind} = {{ {quoted([outer, other])} }}\nstate_dir = \"{lab.state}\"\n")
    r = subprocess.run([MEDIAMOND, "--check-config", str(lab.conf)], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
