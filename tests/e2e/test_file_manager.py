# SPDX-License-Identifier: GPL-3.0-or-later
"""A file manager of people: Thunar with its thumbnailer browses the mount, on a screen that nobody sees."""
import contextlib
import ctypes
import os
import re
import shutil
import struct
import subprocess
import urllib.parse
from hashlib import md5

import pytest

from harness import PATIENCE_S, until

PROGRAMS = ("thunar", "Xvfb", "dbus-daemon", "xdotool")
TUMBLER = "/usr/share/dbus-1/services/org.xfce.Tumbler.Thumbnailer1.service"
WIDTH, HEIGHT = 1000, 700
IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x40000000, 0o4000

pytestmark = pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)) or not os.path.exists(TUMBLER),
                                reason="no Thunar here")


class Opened:
    """Files below a folder that anybody opens from now on."""

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd, self.folders = self.libc.inotify_init1(IN_NONBLOCK), {}
        assert self.fd >= 0
        for path, _, _ in os.walk(folder):
            self.folders[self.libc.inotify_add_watch(self.fd, os.fsencode(path), IN_OPEN)] = path

    def names(self):
        found = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                data = os.read(self.fd, 1 << 20)
                while data:
                    watch, what, _, n = struct.unpack_from("iIII", data)
                    name = data[16:16 + n].rstrip(b"\0").decode()
                    if name and not what & IN_ISDIR:
                        found.add(os.path.join(self.folders[watch], name))
                    data = data[16 + n:]
        return found


class Desktop:
    """A screen, a bus and Thunar, with a home of their own."""

    def __init__(self, folder):
        self.folder, self.programs = folder, []
        self.cache, self.frames = folder / "cache", folder / "frames"
        for name in ("home", "run", "cache", "frames"):
            (folder / name).mkdir(mode=0o700)
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder / "home"),
                            "XDG_CACHE_HOME": str(self.cache), "XDG_CONFIG_HOME": str(folder / "home/.config"),
                            "XDG_DATA_HOME": str(folder / "home/.local"), "XDG_RUNTIME_DIR": str(folder / "run"),
                            "NO_AT_BRIDGE": "1", "GVFS_DISABLE_FUSE": "1", "GIO_USE_VFS": "local"}

        # Debian 12's thumbnailer ends now and then in GStreamer's plugin, over the sound of any file
        rules = folder / "home/.config/tumbler/tumbler.rc"
        rules.parent.mkdir(parents=True)
        rules.write_text("[GstThumbnailer]\nDisabled=true\n")

    def start(self):
        # it begins anew when its last program goes, and refuses others meanwhile
        display = self.tell("Xvfb", "-noreset", "-displayfd", "{fd}", "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
                            "-nolisten", "tcp", "-fbdir", str(self.frames))
        self.environment["DISPLAY"] = f":{display}"
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self.tell("dbus-daemon", "--session", "--nofork",
                                                                 "--print-address={fd}")
        return self

    def tell(self, *words):
        """Starts a program that writes one line to the descriptor {fd} when it is ready."""
        read, write = os.pipe()
        self.run(*[w.format(fd=write) for w in words], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as f:
            line = f.readline().strip()
        assert line, f"{words[0]}: {self.log()}"
        return line

    def run(self, *words, **options):
        with open(self.folder / "log", "ab") as log:
            self.programs.append(subprocess.Popen(words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                                  stderr=log, start_new_session=True, **options))

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def end(self):
        for p in reversed(self.programs):
            p.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                p.wait(PATIENCE_S)

    def windows(self):
        """Titles of what is seen."""
        r = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", ".", "getwindowname", "%@"],
                           env=self.environment, capture_output=True, text=True)
        return [line for line in r.stdout.splitlines() if line]

    def fill(self, title):
        """Windows with that title become as large as the screen."""
        subprocess.run(["xdotool", "search", "--onlyvisible", "--name", re.escape(title), "windowmove", "%@", "0", "0", "windowsize", "%@",
                        str(WIDTH), str(HEIGHT)], env=self.environment, check=False, capture_output=True)

    def thumbnail(self, path):
        """Where the specification of thumbnails says that one of @path is; None when there is none."""
        uri = "file://" + urllib.parse.quote(str(path), safe="/!$&'()*+,;=:@~")
        name = md5(uri.encode()).hexdigest() + ".png"
        return next((f for f in self.cache.glob(f"thumbnails/*/{name}")), None)

    def picture(self):
        """(width, height, rows of RGB) of the screen, from Xvfb's frame buffer (XWD)."""
        data = (self.frames / "Xvfb_screen0").read_bytes()
        head = struct.unpack_from(">25I", data)
        size, width, height, bytes_a_line, colours = head[0], head[4], head[5], head[12], head[19]
        at = size + 12 * colours
        lines = [data[at + y * bytes_a_line:at + y * bytes_a_line + 4 * width] for y in range(height)]
        return width, height, lines

    def colours(self):
        return len({line[x:x + 3] for line in self.picture()[2] for x in range(0, 4 * WIDTH, 4)})


@pytest.fixture
def desktop(tmp_path):
    folder = tmp_path / "desktop"
    folder.mkdir()
    made = Desktop(folder)
    try:
        yield made.start()
    finally:
        made.end()


def browse(desktop, path):
    desktop.run("thunar", str(path))
    until(lambda: any(path.name in title for title in desktop.windows()), 30,
          lambda: f"a window of {path}: {desktop.windows()} {desktop.log()}")


def preview(desktop, folder, picture):
    """Of what is seen: a window may have taken a size of its own after it was made large."""
    desktop.fill(folder.name)
    return desktop.thumbnail(picture)


def pictures_of(folder):
    """What a person expects to see a preview of."""
    return [p for p in folder.iterdir() if p.suffix in (".svg", ".jpg")]


def test_a_file_manager_shows_the_mount(lab, corpus, desktop):
    corpus.music(lab.music, 200, seed=7)
    corpus.manga(lab.manga, 20, seed=7)
    lab.configure(extra="covers { per_minute = 60000 }\n")
    lab.start()
    lab.wait_idle()
    series = lab.mnt / "manga" / lab.listing("manga")[0]
    until((series / "cover.jpg").exists, 30, "the cover of the series")
    opened = Opened(lab.music), Opened(lab.manga)
    artist = lab.mnt / "music/artists" / lab.listing("music/artists")[0]
    album = next(artist.iterdir())
    for folder in (lab.mnt, lab.mnt / "metrics", series, series / "volumes", album, lab.mnt / "status"):
        browse(desktop, folder)
        for picture in pictures_of(folder):
            until(lambda f=folder, p=picture: preview(desktop, f, p), 90,
                  lambda: f"a preview of {picture}: {desktop.log()}", pause=0.2)
    until(lambda: desktop.colours() > 50, 30, "something to be drawn")
    titles = desktop.windows()
    assert not [t for t in titles if "rror" in t or "ailed" in t], titles
    read = opened[0].names() | opened[1].names()
    files = sum(1 for root in (lab.music, lab.manga) for p in root.rglob("*") if p.is_file())
    print(f"windows {titles}; {len(read)} of {files} media files were opened: {sorted(read)[:5]}")
    assert len(read) < files / 4, "browsing reads the library"
    assert not list(desktop.cache.glob("thumbnails/fail/*/*")), "a preview that could not be made"
