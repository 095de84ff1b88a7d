# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab with a debrid mount, its provider, and a tree of links into it."""
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from finding import secret
from harness import Lab, until
from reaper import unmount

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from debrid_mount import DebridMount, is_installed  # noqa: E402,F401
from realdebrid import TOKEN, RealDebrid  # noqa: E402

WAIT_S = 20
#: calls that change something at the provider
CHANGING = ("add", "select", "delete")


def hash_of(name):
    return hashlib.sha1(name.encode()).hexdigest()


def state_of(path):
    """A link bit for bit: text, owner, group, time."""
    st = os.lstat(path)
    return os.readlink(path), st.st_uid, st.st_gid, st.st_mtime_ns


def tree_of(folder):
    """Every link below it, bit for bit, and its directories; what they lead to is not asked.  Not what a hand makes beside
    a link for a moment."""
    found = {}
    with os.scandir(folder) as entries:
        for e in (e for e in entries if not e.name.startswith(".mediamon-")):
            if e.is_symlink():
                found[e.path] = state_of(e.path)
            else:
                found[e.path] = None
                if e.is_dir(follow_symlinks=False):
                    found.update(tree_of(e.path))
    return found


# --- what befalls a mount: how it comes, and how it goes ---


def other_disk(m):
    m.mount.stop()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(m.mount.mountpoint)], check=True)
    (m.mount.mountpoint / "__all__" / "Another").mkdir(parents=True)


def come_back(m):
    unmount(m.mount.mountpoint)
    m.mount.restart()


def replace(m):
    m.mount.replace({f"Another.{i:02}": {"a.mkv": b"x"} for i in range(40)})


def flap(m):
    """Something else every moment; @m.flapping ends it."""
    end, steps = time.monotonic() + 1.5, [m.mount.empty, m.mount.restore, m.mount.half, m.mount.restore,
                                          lambda: m.mount.empty("__all__"), m.mount.restore]
    while time.monotonic() < end:
        for step in steps:
            step()
            time.sleep(0.1)


FAULTS = {
    "stopped": (lambda m: m.mount.stop(), come_back, "nothing is mounted there"),
    "killed": (lambda m: m.mount.mount.kill(), come_back, "the mount cannot be opened"),
    "frozen": (lambda m: m.mount.mount.freeze(), lambda m: m.mount.mount.thaw(), "the mount does not answer"),
    "unserved": (lambda m: m.mount.server.kill(), lambda m: m.mount.server.start(), "mount"),
    "emptied": (lambda m: m.mount.empty(), lambda m: m.mount.restore(), "the mount lists n"),
    "emptied below": (lambda m: m.mount.empty("__all__"), lambda m: m.mount.restore(), "it lost everything"),
    "half": (lambda m: m.mount.half(), lambda m: m.mount.restore(), " held: so"),
    "replaced": (replace, lambda m: m.mount.restore(), "it is another one"),
    "another disk": (other_disk, come_back, "a file system of type tmpfs is mounted there"),
    "flapping": (flap, lambda m: m.mount.restore(), ""),
}


class Mending:
    """Sections of the configuration may be changed before configure()."""

    def __init__(self, lab, tell):
        self.lab = lab
        self.links = lab.dir / "links"
        self.links.mkdir()
        self.mount = DebridMount(lab.dir / "debrid", tell)
        (self.mount.served / "__all__").mkdir()
        self.rd = RealDebrid(files_root=self.mount.served / "__all__")
        self.sections = {
            "scan": {"watch": '"inotify"', "quiet": '"100ms"'},
            "symlinks": {"sightings": "2", "span": '"0s"', "apart": '"0s"', "interval": '"0s"'},
            "realdebrid": {"token_file": f'"{secret(lab.dir / "token", TOKEN)}"', "url": f'"{self.rd.url}"',
                           "mount": f'"{self.mount.mountpoint}"', "scan_interval": '"0s"'},
            "repair": {"percent": "100", "wait": '"30s"', "visible": '"30s"'},
        }

    def __enter__(self):
        self.rd.__enter__()
        self.mount.start()
        return self

    def __exit__(self, *_):
        self.mount.close()
        self.rd.__exit__()

    def configure(self, extra=""):
        text = "\n".join(f"{name} {{ {'  '.join(f'{k} = {v}' for k, v in rows.items())} }}"
                         for name, rows in self.sections.items())
        self.lab.configure(extra=f'links = {{ "{self.links}" }}\n{text}\n{extra}')
        return self

    def start(self):
        self.configure()
        self.lab.start()
        self.lab.wait_idle()
        return self

    # --- what there is ---

    def torrent(self, name, *files, **more):
        """A torrent that the provider has; its id."""
        number = self.rd.add(hash_of(name), name, [[f"/{f}", f"content of {f}"] for f in files], **more)
        return number

    def link(self, library, name, file):
        """A link of the library into a torrent, as an importer makes it."""
        path = self.links / library
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(self.mount.mountpoint / "__all__" / name / file)
        os.utime(path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789), follow_symlinks=False)
        os.chown(path, 1234, 4321, follow_symlinks=False)
        return path

    # --- what is done ---

    def look(self, times=1):
        self.mount.settle()
        for _ in range(times):
            self.lab.rescan("links")
        return self.states()

    def states(self):
        counts = self.lab.newest("status/symlinks.json")["links"]
        return {k: v for k, v in counts.items() if k != "total" and v}

    def scan(self, kind="full"):
        before = len(self.rd.asked("list"))
        self.lab.accept("repair", f"scan {kind}")
        until(lambda: len(self.rd.asked("list")) > before and self.is_quiet(), WAIT_S, f"a {kind} scan")

    def changing(self):
        return len(self.rd.asked(*CHANGING))

    def mount_state(self):
        [mount] = self.lab.newest("status/symlinks.json")["mounts"]
        return mount

    def said(self):
        """What a person reads first."""
        return {n: self.lab.read(f"status/{n}").decode() for n in ("symlinks", "summary")}

    def is_quiet(self):
        scans = self.lab.newest("status/torrents.json")["scans"]
        return all(s["state"] not in ("running", "ordered") for s in scans if s["kind"] != "symlinks")

    def plan(self, state="completed"):
        """Makes a plan and returns it; state: how that ends."""
        def made():
            at = [s for s in self.lab.newest("status/torrents.json")["scans"] if s["kind"] == "plan"]
            return at and at[0]["state"] == state and (at[0]["completed_at"] != before or state == "failed")
        scans = [s for s in self.lab.newest("status/torrents.json")["scans"] if s["kind"] == "plan"]
        before = scans[0]["completed_at"] if scans else None
        self.lab.accept("repair", "plan")
        until(made, WAIT_S, f"a plan: {self.lab.indexer_log()[-2000:]}")
        return self.repairs()

    def repairs(self):
        return self.lab.newest("status/repairs.json")

    def apply(self, words, seconds=60):
        """Carries out and waits for the end; returns the items' states by number."""
        self.lab.accept("dry-run", "off")
        self.lab.accept("apply", words)
        return self.wait_applied(words.split()[0], seconds)

    def wait_applied(self, plan, seconds=60):
        def ended():
            doc = self.repairs()["plan"]
            return doc if doc["hash"] == plan and doc["state"] == "applied" else None
        until(ended, seconds, f"the plan is carried out: {self.lab.read('status/repairs').decode()}")
        return {i["item"]: i["state"] for i in self.repairs()["items"]}


@contextmanager
def shared(folder, tell):
    """One for several tests of a file."""
    folder.chmod(0o755)
    lab = Lab(folder, tell)
    try:
        with Mending(lab, tell) as m:
            yield m
    finally:
        lab.stop()
        shutil.rmtree(lab.state, ignore_errors=True)
