# SPDX-License-Identifier: GPL-3.0-or-later
"""Real mounts with real faults.  All of them end with the test, whatever becomes of it."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from harness import BUILD, is_alive, until
from reaper import detach, end, is_mounted, started_at, unmount

FAULTFS = BUILD / "lib" / "faultfs"


def state_of_process(pid):
    """The letter that ps shows: D waits for a disk and cannot be killed."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: state_of_process(pid) == "T", 20, "it to stop")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Disk:
    """A FUSE mount and the process behind it."""

    def __init__(self, faults, command, source, mountpoint, cwd=None):
        self.faults, self.command, self.cwd = faults, command, cwd
        self.source, self.mountpoint = Path(source), Path(mountpoint)
        self.start()

    def start(self):
        # undone after the process has ended: umount itself would wait for a disk that hangs
        self.faults.tell({"unmount": str(self.mountpoint)})
        self.faults.undo.append(lambda: unmount(self.mountpoint))
        self.process = self.faults.start(self.command, self.cwd)
        until(lambda: self.process.poll() is not None or is_mounted(self.mountpoint), 10, f"the mount: {self.command}")
        assert self.process.poll() is None, f"{self.command} ended"

    def stop(self):
        """It takes requests and answers none, as a hung server."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """The mount stays, and answers ENOTCONN."""
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        unmount(self.mountpoint)
        self.start()


class FaultFs(Disk):
    """faultfs: set(LINE) switches a fault, see tests/lib/faults.h."""

    def __init__(self, faults, source, mountpoint):
        self.control = f"{Path(mountpoint).name}.faults"
        folder = Path(mountpoint).parent
        # a socket's path is short: the program works in its folder
        super().__init__(faults, [str(FAULTFS), str(source), str(mountpoint), self.control], source, mountpoint, folder)

    def set(self, line):
        """Returns how many requests hang at this moment."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.bind("")
            folder = os.open(self.cwd, os.O_PATH)
            try:
                s.sendto(line.encode(), f"/proc/self/fd/{folder}/{self.control}")
            finally:
                os.close(folder)
            answer = s.recv(100).decode()
        assert answer.startswith("ok "), f"{line!r}: {answer}"
        return int(answer.split()[1])

    def restart(self):
        (self.cwd / self.control).unlink(missing_ok=True)
        super().restart()


class HeldLibrary:
    """A library behind a disk that answers slowly while a test says so: what runs then goes on running until release().

    For whatever must be seen or done in the middle of a scan.  With one walker, so that a scan of the smallest library
    takes minutes; nothing waits so long, because the test releases it."""

    HELD = "slow 10"

    def __init__(self, faults, lab, library, scan):
        folder = lab.dir / "disk"
        folder.mkdir()
        self.disk = faults.faultfs(library.music.parent, folder)
        lab.configure(music=folder / library.music.name, manga=folder / library.manga.name,
                      extra=f"scan {{ {scan} }}")

    def hold(self):
        self.disk.set(self.HELD)

    def release(self):
        self.disk.set("none")

    @contextlib.contextmanager
    def held(self):
        self.hold()
        try:
            yield
        finally:
            self.release()


class Faults:
    """Makes mounts and undoes them."""

    def __init__(self, tell):
        self.tell, self.undo = tell, []

    def run(self, *words):
        subprocess.run([str(w) for w in words], check=True, stdout=subprocess.DEVNULL)

    def start(self, command, cwd=None):
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL)
        since = started_at(process.pid)
        self.tell({"process": process.pid, "since": since})

        def finish():
            end(process.pid, since)
            process.wait()
        self.undo.append(finish)
        return process

    def mount(self, mountpoint, *words):
        self.tell({"unmount": str(mountpoint)})
        self.undo.append(lambda: unmount(mountpoint))
        self.run("mount", *words, mountpoint)

    def tmpfs(self, mountpoint):
        self.mount(mountpoint, "-t", "tmpfs", "none")

    def bind(self, source, mountpoint):
        self.mount(mountpoint, "--bind", source)

    def ext4(self, mountpoint, megabytes=16):
        """A disk of its own behind a loop device."""
        image = Path(mountpoint).with_name(Path(mountpoint).name + ".image")
        if not image.exists():
            with open(image, "wb") as f:
                f.truncate(megabytes << 20)
            self.run("mkfs.ext4", "-q", "-m", "0", image)
        device = subprocess.run(["losetup", "-f", "--show", str(image)], check=True, capture_output=True,
                                text=True).stdout.strip()
        self.tell({"loop": device, "file": str(image)})
        self.undo.append(lambda: detach(device, str(image)))
        self.mount(mountpoint, device)

    def umount(self, mountpoint):
        """As `umount -l`: at once, whoever looks."""
        self.run("umount", "-l", mountpoint)

    def bindfs(self, source, mountpoint):
        # a private name: nothing that ends "bindfs" ends this one
        program = Path(mountpoint).with_name("bindfs-of-a-test")
        if not program.exists():
            shutil.copy(shutil.which("bindfs"), program)
        return Disk(self, [str(program), "-f", str(source), str(mountpoint)], source, mountpoint)

    def faultfs(self, source, mountpoint):
        return FaultFs(self, source, mountpoint)

    def clean(self):
        for undo in reversed(self.undo):
            undo()
        self.undo.clear()


def wait_gone(pid, seconds=10):
    until(lambda: not is_alive(pid), seconds, f"process {pid} to end")
