# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that a scan passes over because they are as they were: nothing that changed is passed over with them."""
import os
import random
import shutil
import sqlite3

import pytest

from harness import until
from test_index import NO_EVENTS, verify

ROUNDS, CHANGES = 4, 5
SETTLED_S = 30
SUFFIXES = ("flac", "mp3", "ogg", "opus", "m4a", "wav")


def numbers(lab, sql):
    db = sqlite3.connect(f"file:{lab.state / 'mediamon.db'}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchone()[0]
    finally:
        db.close()


def wait_sums(lab):
    """Until each directory has its number: they are made while nobody writes."""
    until(lambda: numbers(lab, "SELECT count(*) FROM dir WHERE dirsum = 0") == 0, SETTLED_S, "the sums of all directories")
    assert numbers(lab, "SELECT count(*) FROM dir WHERE dirsum > 1") > 10


def last_run(lab):
    return lab.newest("metrics/scan.json")["runs"][-1]


class Disk:
    """What people do to files while nobody watches."""

    def __init__(self, lab, seed):
        self.random, self.root, self.count = random.Random(seed), lab.music, 0

    def all(self):
        return sorted(os.path.join(d, n) for d, _, names in os.walk(self.root) for n in names
                      if n.rsplit(".", 1)[-1] in SUFFIXES and os.path.isfile(os.path.join(d, n)) and not os.path.islink(os.path.join(d, n)))

    def file(self):
        return self.random.choice(self.all())

    def new(self, path, suffix):
        self.count += 1
        return os.path.join(os.path.dirname(path), f"new {self.count}{suffix}")

    def rewrite(self):
        """The same size and the same times: what tells is the time of the change itself."""
        path = self.file()
        st = os.stat(path)
        with open(path, "r+b") as f:
            f.seek(st.st_size - 1)
            f.write(b"\x01")
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))

    def swap(self):
        a, b = self.random.sample(self.all(), 2)
        if a.rsplit(".", 1)[1] == b.rsplit(".", 1)[1]:
            os.rename(a, a + ".tmp")
            os.rename(b, a)
            os.rename(a + ".tmp", b)

    def unlink(self):
        os.unlink(self.file())

    def rename(self):
        path = self.file()
        os.rename(path, self.new(path, os.path.splitext(path)[1]))

    def move(self):
        a, b = self.file(), self.file()
        os.rename(a, self.new(b, os.path.splitext(a)[1]))

    def link(self):
        path = self.file()
        os.link(path, self.new(path, os.path.splitext(path)[1]))

    def pipe(self):
        os.mkfifo(self.new(self.file(), ".flac"))

    def become_a_link(self):
        path, target = self.file(), self.file()
        os.unlink(path)
        if path != target:
            os.symlink(target, path)

    def cover(self):
        path = os.path.join(os.path.dirname(self.file()), self.random.choice(("cover.jpg", "folder.png")))
        if os.path.exists(path):
            os.unlink(path)
        else:
            open(path, "wb").write(b"\xff\xd8\xff")

    def copy_folder(self):
        folder = os.path.dirname(self.file())
        self.count += 1
        shutil.copytree(folder, self.root / f"copy {self.count}")

    def remove_folder(self):
        """The smallest: the loss of much at once is held, and that is another test's."""
        folders = [os.path.dirname(p) for p in self.all()]
        shutil.rmtree(min(set(folders), key=folders.count))

    def rename_folder(self):
        self.count += 1
        os.rename(os.path.dirname(self.file()), self.root / f"folder {self.count}")

    def change(self):
        what = self.random.choice([self.rewrite, self.swap, self.unlink, self.rename, self.move, self.link, self.pipe,
                                   self.become_a_link, self.cover, self.copy_folder, self.remove_folder, self.rename_folder])
        what()
        return what.__name__


@pytest.mark.parametrize("seed", range(3))
def test_what_changed_is_not_passed_over_with_what_did_not(small, seed):
    small.stop()
    small.configure(extra=NO_EVENTS.format("0s"))
    small.start()
    small.wait_idle()
    disk = Disk(small, seed)
    for _ in range(ROUNDS):
        wait_sums(small)
        done = [disk.change() for _ in range(CHANGES)]
        assert small.rescan("all")["state"] == "done"
        found = verify(small)
        assert found["differences"] == 0, (done, [(i["difference"], i["path"], os.path.islink(i["path"]), os.path.lexists(i["path"])) for i in found["items"]])
        assert [p for p in small.export("tracks") if os.path.islink(p) or not os.path.isfile(p)] == [], done
        shown = {i["path"] for i in small.newest("status/errors.json")["items"]}
        pipes = {p for p in map(str, small.music.rglob("*.flac")) if os.path.exists(p) and not os.path.isfile(p)}
        assert pipes <= shown, done


def test_what_is_passed_over_is_counted(small):
    wait_sums(small)
    assert small.rescan("all")["state"] == "done"
    run = last_run(small)
    assert run["unchanged"] == run["files"] == len(small.export("tracks")) + len(small.export("volumes"))
    on_disk = sum(os.path.getsize(p) for what in ("tracks", "volumes") for p in small.export(what))
    assert run["bytes"] == pytest.approx(on_disk, abs=0)


def test_a_file_that_could_not_be_read_is_tried_at_each_scan(small):
    path = small.music / "broken" / "empty.flac"
    path.parent.mkdir()
    path.write_bytes(b"")
    small.rescan("all")
    wait_sums(small)
    small.rescan("all")
    assert last_run(small)["errors"] >= 1
    assert str(path) in {i["path"] for i in small.newest("status/errors.json")["items"]}
    path.unlink()
    path.parent.joinpath("notes.txt").write_text("no music")
    wait_sums(small)
    small.rescan("all")
    assert str(path) not in {i["path"] for i in small.newest("status/errors.json")["items"]}
    assert numbers(small, "SELECT count(*) FROM dir WHERE path = CAST('broken' AS BLOB)") == 0


def test_heads_that_were_read_ahead_do_not_run_out(lab, pieces):
    """Of a root that was empty when its last job ended, and was filled since: the pipeline believes that all is to be read.
    Eight files a folder: all places for heads are taken when one is done with, however many there are."""
    later, albums, files = lab.dir / "later", 40, 8
    for a in range(albums):
        (later / f"album {a}").mkdir(parents=True)
        for n in range(files):
            (later / f"album {a}" / f"{n}.flac").write_bytes(pieces.flac(f"title {n}", "artist", f"album {a}"))
    lab.music.mkdir(exist_ok=True)
    lab.configure(extra='scan { watch = "inotify" quiet = "100ms" poll = "1h" verify = "0s" walkers = 1 }')
    lab.start()
    lab.wait_idle()
    for folder in sorted(later.iterdir()):
        folder.rename(lab.music / folder.name)
    until(lambda: len(lab.export("tracks")) == albums * files, SETTLED_S, "all tracks", pause=0.2)
    wait_sums(lab)
    assert lab.rescan("all")["state"] == "done"
    assert last_run(lab)["unchanged"] == albums * files
