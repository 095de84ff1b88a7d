# SPDX-License-Identifier: GPL-3.0-or-later
"""A real amuled with its External Connection open on loopback: `with Amule() as a: a.port, a.show_dl()`.

It refuses to run as root: root lends it the user nobody.
"""
import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peer import Peer, free_port, is_root, serve  # noqa: E402

CONFIG = """[eMule]
Nick=test
Port={tcp}
UDPPort={udp}
UDPEnable=0
Address=127.0.0.1
Autoconnect=0
Reconnect=0
ConnectToKad=0
ConnectToED2K=0
NewVersionCheck=0
Serverlist=0
AddServerListFromServer=0
AddServerListFromClient=0
UPnPEnabled=0
TempDir={folder}/temp
IncomingDir={folder}/incoming
StartupFile=0
[ExternalConnect]
AcceptExternalConnections=1
ECAddress=127.0.0.1
ECPort={port}
ECPassword={password}
UPnPECEnabled=0
[WebServer]
Enabled=0
"""
REMOTE = "[EC]\nHost=127.0.0.1\nPort={port}\nPassword={password}\n"


class Amule(Peer):
    program = "amuled"

    def __init__(self, folder=None, password="secret pass"):
        super().__init__(folder)
        self.password = password

    def prepare(self):
        home = self.folder / "aMule"
        if not home.exists():
            for name in (home, self.folder / "temp", self.folder / "incoming", self.folder / ".aMule"):
                name.mkdir()
            digest = hashlib.md5(self.password.encode()).hexdigest()
            ports = {"tcp": free_port(), "udp": free_port(), "port": self.port}
            (home / "amule.conf").write_text(CONFIG.format(folder=self.folder, password=digest, **ports))
            (self.folder / ".aMule" / "remote.conf").write_text(REMOTE.format(port=self.port, password=digest))
        (self.folder / "log").touch()
        (home / "muleLock").unlink(missing_ok=True)
        if is_root():
            subprocess.run(["chown", "-R", "nobody:nogroup", str(self.folder)], check=True)

    def command(self):
        return [self.program, f"--config-dir={self.folder}/aMule"]

    def popen_options(self):
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if is_root() else {}
        return {"env": {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}, **who}

    def cmd(self, order):
        """What amulecmd prints.  Its password is in a file of its own."""
        done = subprocess.run(["amulecmd", "-c", order],
                              capture_output=True, text=True, errors="replace", timeout=60, stdin=subprocess.DEVNULL,
                              **self.popen_options())
        return done.stdout

    def show_dl(self):
        """[(hash, name)] of the download queue.  aMule cuts amulecmd off at times: nothing is asked again."""
        for _ in range(5):
            found = re.findall(r"> ([0-9A-F]{32}) (.*)", self.cmd("show dl"))
            if found:
                return found
            time.sleep(0.2)
        return []

    def share(self, name, data=b"x" * 1000):
        """Puts a file where finished ones are; its hash, as soon as aMule shares it."""
        path = self.incoming / name
        path.write_bytes(data)
        path.chmod(0o644)
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            self.cmd("reload shared")
            for line in self.cmd("show shared").splitlines():
                found = re.search(r"([0-9A-F]{32})", line)
                if found and name in line:
                    return found.group(1)
            time.sleep(0.2)
        raise RuntimeError(f"amuled does not share {name}")

    @property
    def incoming(self):
        return self.folder / "incoming"

    def settings(self):
        return {"port": self.port, "incoming": self.incoming}


if __name__ == "__main__":
    peer = Amule()
    orders = {"dl": lambda: [f"{h.lower()} {n}" for h, n in peer.show_dl()],
              "share": lambda name: [peer.share(name).lower()]}
    sys.exit(serve(peer, orders))
