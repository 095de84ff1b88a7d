# SPDX-License-Identifier: GPL-3.0-or-later
"""A debrid mount: a folder served by `rclone serve webdav` on the loopback and mounted by `rclone mount`, as zurg's is.

    with DebridMount(folder, tell) as m:
        m.add("Show.S01", {"a.mkv": b"…"})          # m.mountpoint/__all__/Show.S01/a.mkv, some time later
        m.empty(); m.half("__all__"); m.replace(tree); m.restore()
        m.server.freeze(); m.server.thaw(); m.server.kill(); m.server.start()
        m.mount.freeze(); m.mount.thaw(); m.mount.kill(); m.stop(); m.start()

What is shown is exchanged as a whole, at one moment.  `tell` is the fixture of that name (conftest.py): processes and
mount end also when the test is killed, or stopped in the middle of a request.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from peer import answers, die_with_parent, free_port  # noqa: E402
from reaper import is_mounted, started_at, unmount  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
#: what was in a folder is not shown again after this time, by any of the caches
SETTLED_S = 1.5


def is_installed():
    return shutil.which("rclone") is not None


def exchange(a, b):
    if LIBC.renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(a))


def wait(check, seconds, what):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what()}")
        time.sleep(0.02)


class Process:
    """One rclone.  `command` is asked for at each start, `is_up` says when it can be used."""

    def __init__(self, folder, name, tell, command, is_up):
        self.log, self.tell, self.command, self.is_up = Path(folder) / f"{name}.log", tell, command, is_up
        self.folder, self.process = folder, None

    def start(self):
        with open(self.log, "ab") as log:
            # no configuration, proxy or cache of whoever runs the test
            environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "RCLONE_CONFIG": "/dev/null"}
            self.process = subprocess.Popen(["rclone", *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env=environment, preexec_fn=die_with_parent)
        self.tell({"process": self.process.pid, "since": started_at(self.process.pid)})
        wait(lambda: self.process.poll() is not None or self.is_up(), 20, self.said)
        if self.process.poll() is not None:
            raise RuntimeError(f"rclone ended: {self.said()}")

    def said(self):
        return self.log.read_text(errors="replace")[-2000:]

    def freeze(self):
        """It takes requests and answers none."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.thaw()
        self.end(signal.SIGTERM)

    def end(self, how):
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def is_running(self):
        return self.process is not None and self.process.poll() is None


class DebridMount:
    def __init__(self, folder, tell, port=None):
        self.folder, self.port, self.tell = Path(folder), port or free_port(), tell
        self.served, self.hidden, self.mountpoint = (self.folder / n for n in ("served", "hidden", "mnt"))
        for path in (self.served, self.mountpoint):
            path.mkdir(parents=True, exist_ok=True)
        self.server = Process(self.folder, "serve", tell, self.serve_command, lambda: answers(self.port))
        self.mount = Process(self.folder, "mount", tell, self.mount_command, lambda: is_mounted(self.mountpoint))

    def serve_command(self):
        return ["serve", "webdav", str(self.served), "--addr", f"127.0.0.1:{self.port}", "--read-only",
                "--dir-cache-time", "0s", "--poll-interval", "0"]

    def mount_command(self):
        return ["mount", ":webdav:", str(self.mountpoint), "--webdav-url", f"http://127.0.0.1:{self.port}",
                "--webdav-vendor", "other", "--read-only", "--vfs-cache-mode", "off", "--dir-cache-time", "500ms",
                "--attr-timeout", "200ms", "--poll-interval", "0", "--no-checksum", "--timeout", "5s", "--contimeout", "2s",
                "--low-level-retries", "1", "--retries", "1", "--cache-dir", str(self.folder / "cache")]

    # --- the mount ---

    def start(self):
        # told before the process: undone after it, because umount would wait for one that hangs
        self.tell({"unmount": str(self.mountpoint)})
        if not self.server.is_running():
            self.server.start()
        self.mount.start()
        return self

    def stop(self):
        """Unmounted, as by `systemctl stop`: the bare folder is left, the server goes on."""
        if self.mount.is_running():
            self.mount.stop()
        unmount(self.mountpoint)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        for process in (self.mount, self.server):
            if process.is_running():
                process.kill()
        unmount(self.mountpoint)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # --- what it shows ---

    def truth(self):
        """Where the torrents are at this moment: hidden or not."""
        return self.hidden if self.hidden.exists() else self.served

    def add(self, name, files, group="__all__"):
        """A torrent's folder with its files."""
        for path, data in files.items():
            file = self.truth() / group / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return self.mountpoint / group / name

    def remove(self, name, group="__all__"):
        shutil.rmtree(self.truth() / group / name)

    def show(self, tree):
        """The folder @tree in place of what is served; restore() takes it back."""
        if self.hidden.exists():
            self.restore()
        exchange(self.served, tree)
        os.rename(tree, self.hidden)

    def new_tree(self):
        tree = self.folder / "next"
        shutil.rmtree(tree, ignore_errors=True)
        return tree

    def empty(self, group=None):
        """Nothing at all, or nothing in one of its folders: a provider that answers with an empty list."""
        self.keep(lambda where, name: where != (group or "."))

    def half(self, group="__all__"):
        """Every second torrent of a folder: a list that was cut off."""
        names = sorted(os.listdir(self.truth() / group))[::2]
        self.keep(lambda where, name: where != group or name in names)

    def keep(self, is_kept):
        """Shows only torrents and folders for which is_kept(folder, name) is true; folders stay."""
        source, tree = self.truth(), self.new_tree()
        tree.mkdir()
        for group in os.listdir(source):
            if not is_kept(".", group):
                continue
            (tree / group).mkdir()
            for name in os.listdir(source / group):
                if is_kept(group, name):
                    shutil.copytree(source / group / name, tree / group / name, copy_function=os.link)
        self.show(tree)

    def replace(self, names, group="__all__"):
        """Another account's torrents: {name: {file: bytes}}."""
        tree = self.new_tree()
        (tree / group).mkdir(parents=True)
        for name, files in names.items():
            for path, data in files.items():
                (tree / group / name / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / group / name / path).write_bytes(data)
        self.show(tree)

    def restore(self):
        """What was there before empty(), half(), keep() or replace()."""
        if self.hidden.exists():
            exchange(self.served, self.hidden)
            shutil.rmtree(self.hidden)

    def settle(self):
        """Until all caches have forgotten what was shown before."""
        time.sleep(SETTLED_S)
