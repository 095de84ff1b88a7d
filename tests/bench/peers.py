# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs that read the same music.  One row of PEERS each."""
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

from lab import HERE, CannotMeasure, end, run, seconds_of, until

MPD_CONFIG = """music_directory "{here}/music"
db_file "{here}/db"
log_file "{here}/log"
bind_to_address "{here}/socket"
auto_update "no"
zeroconf_enabled "no"
audio_output {{
	type "null"
	name "none"
}}
"""
BEETS_CONFIG = """directory: {music}
library: {here}/library.db
plugins: []
import: {{copy: no, write: no, autotag: no, quiet: yes, resume: no, incremental: no, timid: no,
         duplicate_action: keep}}
"""
#: a peer that takes less of the files was not measured with them
KNOWN = 0.95
SOUND = (".flac", ".mp3", ".ogg", ".opus", ".m4a")


class Mpd:
    """Used with `with`: ends when the block does."""

    def __init__(self, work):
        self.here, self.process = work / "mpd", None
        self.environment = {**os.environ, "MPD_HOST": str(self.here / "socket")}

    def __enter__(self):
        """With an empty database, so that the update to come is the first."""
        shutil.rmtree(self.here, ignore_errors=True)
        (self.here / "empty").mkdir(parents=True)
        (self.here / "music").symlink_to("empty")
        (self.here / "conf").write_text(MPD_CONFIG.format(here=self.here))
        with open(self.here / "out", "wb") as out:
            self.process = subprocess.Popen(["mpd", "--no-daemon", self.here / "conf"], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out)
        until(self.answers, "MPD", 15, pause=0.05)
        self.update()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        end(self.process)
        shutil.rmtree(self.here, ignore_errors=True)

    def answers(self):
        if self.process.poll() is not None:
            raise CannotMeasure("MPD ended: " + (self.here / "out").read_text()[-300:])
        return subprocess.run(["mpc", "status"], env=self.environment, capture_output=True).returncode == 0

    def serve(self, music):
        link = self.here / "link"
        link.symlink_to(music)
        link.rename(self.here / "music")

    def update(self):
        start = time.perf_counter()
        run("mpc", "--wait", "update", env=self.environment)
        return time.perf_counter() - start

    def songs(self):
        lines = run("mpc", "stats", env=self.environment).splitlines()
        return int(next(line for line in lines if line.startswith("Songs:")).split()[1])


def sounds(folder):
    """Files of a tree that peers can read, by name."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(here, name) for name in sorted(names) if name.lower().endswith(SOUND))


def some_folders(music, most):
    """(folders right below @music with about as many files as @most, how many there are in them)."""
    chosen, n = [], 0
    for name in sorted(os.listdir(music)):
        if n >= most:
            break
        here = sum(1 for _ in sounds(music / name))
        if not chosen or n + here <= most:
            chosen.append(music / name)
            n += here
    return chosen, n


def mpd(lab, music, most):
    with Mpd(lab.work) as server:
        server.serve(music)
        taken = server.update()
        again = server.update()
        return server.songs(), taken, again


def beets(lab, music, most):
    here = lab.work / "beets"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    (here / "config.yaml").write_text(BEETS_CONFIG.format(here=here, music=music))
    folders, n = some_folders(music, most)
    environment = {**os.environ, "BEETSDIR": str(here)}
    start = time.perf_counter()
    run("beet", "import", "-q", "-A", "-C", "-W", *folders, env=environment)
    taken = time.perf_counter() - start
    known = int(re.search(r"Tracks: (\d+)", run("beet", "stats", env=environment)).group(1))
    shutil.rmtree(here)
    if known < n * KNOWN:
        raise CannotMeasure(f"beets knows {known} tracks of {n}")
    return known, taken, None


def loop(*words):
    """A program that tells how many files it read, and the seconds."""
    n, seconds = run(*words).split()
    return int(n), float(seconds), None


def ffprobe(lab, music, most):
    paths = [path for path, _ in zip(sounds(music), range(most))]
    start = time.perf_counter()
    for path in paths:
        seconds_of("ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path)
    return len(paths), time.perf_counter() - start, None


def find(lab, music, most):
    return None, seconds_of("find", music, "-type", "f", "-printf", "%s %T@ %p\\n"), None


def first_line(*words):
    return run(*words).splitlines()[0].strip()


@dataclass
class Peer:
    """measure(lab, music, most) gives (files known, seconds of the first time, of a rescan or None)."""

    name: str
    #: that must be there
    programs: tuple
    measure: Callable
    version: Callable
    #: files when it takes too long for all of them; (full, quick)
    most: tuple = (None, None)
    #: how many times as fast we must be
    bound: float = 0


PEERS = [
    Peer("MPD", ("mpd", "mpc"), mpd, lambda: first_line("mpd", "--version"), bound=20),
    Peer("beets", ("beet",), beets, lambda: first_line("beet", "version"), (5000, 300), bound=300),
    Peer("a TagLib loop", ("/usr/include/taglib/tag_c.h",), lambda lab, music, most: loop(lab.tool("taglib"), music),
         lambda: "TagLib " + first_line("pkg-config", "--modversion", "taglib_c")),
    Peer("a mutagen loop", (), lambda lab, music, most: loop("/usr/bin/python3", HERE / "mutagen_loop.py", music),
         lambda: "mutagen " + first_line("/usr/bin/python3", "-c", "import mutagen; print(mutagen.version_string)")),
    Peer("ffprobe, a process a file", ("ffprobe",), ffprobe, lambda: " ".join(first_line("ffprobe", "-version").split()[:3]),
         (500, 20)),
    Peer("find -printf (names only)", ("find",), find, lambda: first_line("find", "--version")),
]


def is_here(peer):
    return all(os.path.exists(p) if p.startswith("/") else shutil.which(p) for p in peer.programs)


def versions():
    return ", ".join(peer.version() for peer in PEERS if is_here(peer))
