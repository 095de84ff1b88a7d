# SPDX-License-Identifier: GPL-3.0-or-later
"""A root that is gone, empty, foreign, hung, failing or lying costs no row; when it is back, it is as if nothing was.

One lab has several roots, each with a fault of its own, so that all of them are watched failing at once.
"""
import errno
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness import Meanwhile, quoted, until
from test_watch import ids

SLOWEST = 5
FRESH = 'scan { watch = "auto" quiet = "100ms" poll = "1s" verify = "24h" }'


def fill(folder, pieces, folders, files, word="Title"):
    """Small MP3 files: folder/album N/NN.mp3."""
    for d in range(folders):
        album = folder / f"album {d}"
        album.mkdir(parents=True)
        for n in range(files):
            (album / f"{n:02}.mp3").write_bytes(pieces.mp3(f"{word} {d} {n}", album=f"{folder.name} {d}", track=n + 1))


# --- faults: mount() before the first scan, on(), off(); states that status/roots may show meanwhile ---

class Fault:
    words, folders, files = None, 6, 10

    def __init__(self, faults, folder, source):
        self.faults, self.folder, self.source = faults, folder, source

    def mount(self):
        self.faults.bind(self.source, self.folder)


class Unmounted(Fault):
    states = "absent", "empty", "foreign"

    def on(self):
        self.faults.umount(self.folder)

    def off(self):
        self.mount()


class EmptyTmpfs(Fault):
    states = "empty", "foreign"

    def on(self):
        self.faults.tmpfs(self.folder)

    def off(self):
        self.faults.umount(self.folder)


class OtherTmpfs(EmptyTmpfs):
    states = ("foreign",)
    put = EmptyTmpfs.on

    def on(self):
        self.put()
        for n in range(5):
            shutil.copy(self.source / f"album {n}/00.mp3", self.folder / f"other {n}.mp3")


class OtherDisk(OtherTmpfs):
    def put(self):
        self.faults.ext4(self.folder)


class BindfsStopped(Fault):
    states = ("stuck",)

    def mount(self):
        self.disk = self.faults.bindfs(self.source, self.folder)

    def on(self):
        self.disk.stop()

    def off(self):
        self.disk.go_on()


class BindfsKilled(BindfsStopped):
    states = "unknown", "absent"

    def on(self):
        self.disk.kill()

    def off(self):
        self.disk.restart()


class FaultFsFault(Fault):
    """words: the line for faultfs."""

    def mount(self):
        self.disk = self.faults.faultfs(self.source, self.folder)

    def on(self):
        self.disk.set(self.words)

    def off(self):
        self.disk.set("none")


def faultfs(line, *allowed, **more):
    return type(line, (FaultFsFault,), {"words": line, "states": allowed, **more})


LIES = {"folders": 20, "files": 15}
ANY = "frozen", "unknown", "empty", "foreign", "absent"
FAMILIES = {
    "gone": [Unmounted, EmptyTmpfs, OtherTmpfs],
    "another disk": [OtherDisk],
    "hung": [BindfsStopped, BindfsKilled, faultfs("hang on", "stuck")],
    "failing": [
        *(faultfs(f"error {op} {error}", "unknown", "absent")
          for op in ("readdir", "getattr") for error in ("EIO", "ESTALE", "EACCES")),
        # only those that are read again would show it
        *(faultfs(f"error open {error}", "unknown", "present") for error in ("EIO", "ESTALE", "EACCES")),
    ],
    "lying": [faultfs("half 50%", *ANY, **LIES), faultfs("empty", *ANY, **LIES),
              *(faultfs(f"hide {n}%", *ANY, **LIES) for n in (1, 11, 50, 89))],
}


class Roots:
    """A lab with a root for each fault of a family, indexed."""

    def __init__(self, lab, faults, pieces, family):
        self.lab, self.roots = lab, {}
        for n, fault in enumerate(FAMILIES[family], 1):
            name = f"music-{n}" if n > 1 else "music"
            folder, source = lab.dir / f"root {n}", lab.dir / f"source {n}"
            folder.mkdir()
            fill(source, pieces, fault.folders, fault.files)
            self.roots[name] = fault(faults, folder, source)
            self.roots[name].mount()
        lab.conf.write_text(f"music = {{ {quoted(r.folder for r in self.roots.values())} }}\n"
                            f"state_dir = \"{lab.state}\"\nlog_level = \"warning\"\n{FRESH}\n")
        lab.start()
        lab.wait_idle()
        self.before = rows(lab)
        assert len(self.before) == sum(f.folders * f.files for f in FAMILIES[family])
        self.wait_present()
        self.runs = len(self.lab.newest("metrics/scan.json")["runs"])

    def on(self):
        for root in self.roots.values():
            root.on()

    def off(self):
        for root in self.roots.values():
            root.off()

    def wait_shown(self):
        """Until status/roots says what is wrong, each with a reason."""
        def wrong():
            now = states(self.lab)
            return {f"{name}: {r.words or type(r).__name__}": now[name]["state"] for name, r in self.roots.items()
                    if now[name]["state"] not in r.states}
        wait_none(wrong, 15, "status/roots to say what is wrong")
        for item in states(self.lab).values():
            assert item["state"] == "present" or len(item["reason"].split()) > 5, item

    def wait_present(self):
        wait_none(lambda: {n: i for n, i in states(self.lab).items() if i["state"] != "present"}, 10,
                  "all roots to be present")

    def check_kept(self):
        now = rows(self.lab)
        assert self.before.keys() == now.keys(), f"forgotten: {sorted(self.before.keys() - now.keys())[:10]}"
        assert self.before == now

    def check_not_read_again(self):
        runs = self.lab.newest("metrics/scan.json")["runs"][self.runs:]
        assert sum(run["changed"] + run["added"] + run["removed"] for run in runs) == 0, runs


def wait_none(wrong, seconds, what):
    """Like until(), and tells what was still wrong."""
    seen = [None]

    def is_right():
        seen[0] = wrong()
        return not seen[0]
    try:
        until(is_right, seconds, what, pause=0.1)
    except AssertionError as e:
        raise AssertionError(f"{e}: {seen[0]}") from None


def states(lab):
    return {item["name"]: item for item in lab.newest("status/roots.json")["items"]}


def rows(lab):
    return {**lab.export("tracks"), **lab.export("volumes")}


class Answering(Meanwhile):
    """The mount answers at once all the time, and counts every row."""

    def __init__(self, lab):
        super().__init__(self.look, pause=0.02)
        self.lab, self.tracks = lab, lab.newest("status/summary.json")["music"]["tracks"]

    def look(self):
        for path in ("status/summary.json", "status/roots"):
            start = time.monotonic()
            data = self.lab.read(path)
            seconds = time.monotonic() - start
            assert data and seconds < SLOWEST, f"{path} took {seconds:.2f} s"
        now = self.lab.json("status/summary.json")["music"]["tracks"]
        assert now == self.tracks, f"{self.tracks - now} tracks were forgotten"


@pytest.fixture(params=FAMILIES)
def roots(lab, faults, pieces, request):
    return Roots(lab, faults, pieces, request.param)


def test_a_root_that_fails_after_a_scan_costs_nothing(roots):
    with Answering(roots.lab):
        roots.on()
        roots.wait_shown()
        roots.check_kept()
        roots.off()
        roots.wait_present()
    roots.check_kept()
    roots.check_not_read_again()


def test_a_root_that_fails_before_a_scan_costs_nothing(roots):
    with Answering(roots.lab):
        roots.on()
        roots.lab.rescan("all")
        roots.wait_shown()
        roots.check_kept()
        roots.off()
        roots.wait_present()
    roots.check_kept()
    roots.check_not_read_again()


def test_a_root_that_fails_during_a_scan_costs_nothing(roots):
    with Answering(roots.lab):
        for words, wait in (("all", 0), ("full all", 0.03), ("full all", 0.15)):
            roots.lab.accept("rescan", words)
            time.sleep(wait)
            roots.on()
            roots.lab.wait_idle()
            roots.check_kept()
            roots.off()
            roots.wait_present()
        roots.lab.rescan("all")
    roots.check_kept()
    assert roots.lab.newest("status/errors.json")["items"] == []


def test_what_hangs_is_asked_no_more_and_comes_back(lab, faults, pieces):
    """As many processes as roots may wait, not one more with every second."""
    roots = Roots(lab, faults, pieces, "hung")
    roots.on()
    roots.wait_shown()
    scouts = len(lab.children("--scout"))
    with Answering(lab):
        for _ in range(3):
            assert lab.order("rescan", "all") == 0
            time.sleep(2)
    assert len(lab.children("--scout")) <= scouts + len(roots.roots)
    lab.unmount()
    seconds = lab.end_indexer(signal.SIGTERM)
    assert seconds is not None and seconds < 20, "a hung disk keeps the indexer from ending"
    lab.start()
    roots.wait_shown()
    roots.check_kept()
    roots.off()
    roots.wait_present()
    roots.check_kept()


# --- a disk below a root ---

@pytest.fixture
def watched(lab, pieces):
    """100 tracks, watched closely."""
    lab.configure(extra=FRESH)
    fill(lab.music, pieces, 10, 10)
    lab.start()
    lab.wait_idle()
    return lab


def test_a_disk_below_a_root_is_an_item_of_its_own(watched, faults, pieces):
    lab, sub, source = watched, watched.music / "more/disk", watched.dir / "disk"
    for folder in (source, sub):
        folder.mkdir(parents=True)
    faults.tmpfs(source)
    fill(source, pieces, 3, 10, "On a disk")
    faults.bind(source, sub)
    until(lambda: len(rows(lab)) == 130, 10, "the files of the disk")
    name = "music:more/disk"
    until(lambda: name in states(lab) and states(lab)[name]["state"] == "present", 10, f"{name} in status/roots")
    before, runs = rows(lab), len(lab.newest("metrics/scan.json")["runs"])
    with Answering(lab):
        faults.umount(sub)
        until(lambda: states(lab)[name]["state"] in ("absent", "empty", "foreign"), 10, f"{name} to be away")
        assert len(states(lab)[name]["reason"].split()) > 5 and states(lab)["music"]["state"] == "present"
        lab.rescan("all")
        assert rows(lab) == before
        faults.bind(source, sub)
        until(lambda: states(lab)[name]["state"] == "present", 10, f"{name} to be back")
    assert rows(lab) == before
    assert sum(run["changed"] for run in lab.newest("metrics/scan.json")["runs"][runs:]) == 0
    # the disk is lost, the rest of the root is not
    faults.umount(sub)
    until(lambda: states(lab)[name]["state"] != "present", 10, f"{name} to be away")
    (lab.music / "album 0/00.mp3").unlink()
    until(lambda: rows(lab).keys() == before.keys() - {str(lab.music / "album 0/00.mp3")}, 10, "one to be forgotten")


# --- the brake ---

def lose(lab, folders, to=None):
    """Ten files each."""
    for n in folders:
        shutil.move(lab.music / f"album {n}", to) if to else shutil.rmtree(lab.music / f"album {n}")


def wait_frozen(lab, held):
    def item():
        now = states(lab)["music"]
        return now if now["state"] == "frozen" and now["held"] == held else None
    now = until(item, 10, f"the root to be frozen with {held} held", pause=0.1)
    assert len(now["reason"].split()) > 5
    line = next(line for line in lab.read("status/roots").decode().splitlines() if line.split()[0] == "music")
    assert "frozen" in line and str(held) in line


def test_a_mass_loss_is_held_until_a_person_says_yes(watched):
    lab, before = watched, rows(watched)
    lose(lab, (1, 2, 3))
    wait_frozen(lab, 30)
    lab.rescan("full all")
    wait_frozen(lab, 30)
    assert rows(lab) == before
    assert any("music" in sentence and "30" in sentence for sentence in lab.newest("status/summary.json")["attention"])
    for words, error, why in (("music 29", "EINVAL", "29"), ("music", "EINVAL", "music"), ("", "EINVAL", "blank"),
                              ("music many", "EINVAL", "many"), ("nothing 30", "ENOENT", "nothing")):
        assert errno.errorcode.get(lab.order("accept-loss", words)) == error, f"{words!r}: {lab.last()}"
        last = until(lambda: lab.last() if why in lab.last() and error in lab.last() else None, 2,
                     f"{why} in control/last after {words!r}")
        assert len(last.split()) > 5
    assert rows(lab) == before
    assert lab.order("accept-loss", "music 30") == 0, lab.last()
    gone = {path for path in before if any(f"/album {n}/" in path for n in (1, 2, 3))}
    until(lambda: rows(lab).keys() == before.keys() - gone, 10, "the 30 to be forgotten", pause=0.1)
    until(lambda: states(lab)["music"]["state"] == "present", 10, "the root to be present")
    assert lab.order("accept-loss", "music 30") != 0, "there is nothing to accept any more"


def test_what_is_held_outlives_a_restart_and_comes_back_as_it_was(watched):
    lab, before = watched, ids(watched)
    (lab.dir / "away").mkdir()
    lose(lab, range(5), lab.dir / "away")
    wait_frozen(lab, 50)
    lab.kill_indexer()
    lab.start_indexer()
    wait_frozen(lab, 50)
    assert ids(lab) == before
    for folder in (lab.dir / "away").iterdir():
        shutil.move(folder, lab.music)
    until(lambda: states(lab)["music"]["state"] == "present", 10, "the root to be present")
    assert ids(lab) == before


def test_what_is_new_is_indexed_though_the_root_is_frozen(watched, pieces):
    lab, before = watched, rows(watched)
    lose(lab, (7, 8, 9))
    wait_frozen(lab, 30)
    (lab.music / "new.mp3").write_bytes(pieces.mp3("New"))
    until(lambda: rows(lab).keys() == before.keys() | {str(lab.music / "new.mp3")}, 10, "the new file")


def test_a_small_loss_is_no_alarm(watched):
    lab, before = watched, rows(watched)
    lose(lab, (1, 2))
    until(lambda: len(rows(lab)) == len(before) - 20, 10, "20 to be forgotten")
    assert states(lab)["music"]["state"] == "present"


def test_a_small_share_is_no_alarm(lab, corpus):
    lab.configure(extra=FRESH)
    tracks = corpus.music(lab.music, 1300, seed=9)
    lab.start()
    lab.wait_idle()
    for t in tracks[:24]:
        os.unlink(t.path)
    until(lambda: len(rows(lab)) == 1300 - 24, 10, "24 of 1,300 to be forgotten")
    assert states(lab)["music"]["state"] == "present"


def test_a_small_lie_costs_at_most_the_cap(lab, faults, pieces):
    source = lab.dir / "source"
    fill(source, pieces, 20, 15)
    disk = faults.faultfs(source, lab.music)
    lab.configure(extra=FRESH)
    lab.start()
    lab.wait_idle()
    for share in ("99%", "96%", "90%"):
        before = len(rows(lab))
        disk.set(f"hide {share}")
        lab.rescan("all")
        time.sleep(2)
        assert before - len(rows(lab)) <= 20, share
        disk.set("none")
        until(lambda: len(rows(lab)) == 300 and states(lab)["music"]["state"] == "present", 10, "all of them")


# --- the mount itself ---

@pytest.mark.parametrize("how", ["mounted there", "bound there"])
def test_the_mount_in_a_root_is_not_indexed(lab, faults, pieces, how):
    lab.configure(extra=FRESH)
    fill(lab.music, pieces, 5, 10)
    inside = lab.music / "album 0" / "mediamon"
    inside.mkdir()
    if how == "mounted there":
        lab.mnt = inside
    lab.start()
    if how == "bound there":
        faults.bind(lab.mnt, inside)
    os.symlink(lab.mnt, lab.music / "link to it")
    lab.wait_idle()
    before = rows(lab)
    assert len(before) == 50 and not any("mediamon/" in os.path.relpath(path, lab.music) for path in before)
    assert (inside / "status/summary.json").exists(), "the mount is not there"
    for words in ("all", "full all", str(inside)):
        # the last may be refused: it is no part of the root
        if lab.order("rescan", words) == 0:
            lab.wait_idle()
    commits = lab.generation()
    time.sleep(3)
    assert rows(lab) == before and lab.newest("status/errors.json")["items"] == []
    assert lab.generation() - commits < 10, "it looks at itself for ever"
    assert lab.newest("status/summary.json")["music"]["tracks"] == 50
    (lab.music / "album 1/new.mp3").write_bytes(pieces.mp3("New"))
    until(lambda: len(rows(lab)) == 51, 10, "a new file beside it")


# --- an indexer that is dead or stopped ---

@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_without_an_indexer_the_mount_answers_and_says_how_old_it_is(watched, pieces, number):
    lab, before, pid = watched, rows(watched), watched.indexer()
    with Answering(lab):
        stopped = time.time()
        os.kill(pid, number)
        try:
            health = until(lambda: says_away(lab), 10, "status/health to say that the indexer is away")
            (lab.music / "album 1/new.mp3").write_bytes(pieces.mp3("New"))
            assert abs(seconds_of(health["indexer"]["heartbeat_at"]) - stopped) < 10, health
            assert rows(lab) == before
            start = time.monotonic()
        finally:
            if number == signal.SIGSTOP:
                os.kill(pid, signal.SIGCONT)
    if number == signal.SIGKILL:
        until(lambda: lab.indexer() != pid, 5, "the process to be gone")
        lab.start_indexer(wait=False)
    until(lambda: len(rows(lab)) == len(before) + 1, 5 + start - time.monotonic() + 0.5, "the work to go on")
    until(lambda: lab.newest("status/health.json")["state"] == "ok", 5, "good health")


def says_away(lab):
    health = lab.json("status/health.json")
    away = health["state"] == "failed" and health["indexer"]["state"] == "away"
    return health if away and any("the indexer" in reason for reason in health["reasons"]) else None


def seconds_of(text):
    r = subprocess.run(["date", "-d", text, "+%s"], check=True, capture_output=True, text=True)
    return int(r.stdout)
