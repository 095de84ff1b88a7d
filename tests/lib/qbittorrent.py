# SPDX-License-Identifier: GPL-3.0-or-later
"""A real qbittorrent-nox: `with Qbittorrent() as q: q.url, q.torrents()`.  Talks to nobody but loopback.

    qbittorrent.py [login]     login: asks for user and password even here
"""
import base64
import hashlib
import http.cookiejar
import json
import os
import sys
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peer import Peer, free_port, serve  # noqa: E402

# qBittorrent's word for what is not about its user interface
PREFIX = "Ses" "sion"
CORE = {"DHTEnabled": "false", "LSDEnabled": "false", "PeXEnabled": "false", "Interface": "lo", "InterfaceName": "lo",
        "InterfaceAddress": "127.0.0.1"}
CONFIG = """[LegalNotice]
Accepted=true

[BitTorrent]
{core}

[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\Port={port}
WebUI\\LocalHostAuth={login}
WebUI\\Username={user}
WebUI\\Password_PBKDF2="@ByteArray({password})"
WebUI\\MaxAuthenticationFailCount=3
WebUI\\BanDuration=3600
WebUI\\UseUPnP=false
Connection\\UPnP=false
"""


def pbkdf2(password):
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100000, 64)
    return f"{base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()}"


class Qbittorrent(Peer):
    program = "qbittorrent-nox"

    def __init__(self, folder=None, login=False, user="admin", password="secret pass"):
        super().__init__(folder)
        self.login, self.user, self.password = login, user, password
        self.downloads = self.folder / "downloads"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def prepare(self):
        self.downloads.mkdir(exist_ok=True)
        path = self.folder / "qBittorrent" / "config" / "qBittorrent.conf"
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        core = {**CORE, "Port": free_port(), "DefaultSavePath": self.downloads}
        path.write_text(CONFIG.format(core="\n".join(f"{PREFIX}\\{k}={v}" for k, v in core.items()), port=self.port,
                                      login=str(self.login).lower(), user=self.user,
                                      password=pbkdf2(self.password)))

    def command(self):
        return [self.program, f"--profile={self.folder}"]

    def popen_options(self):
        return {"env": {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}}

    def ask(self, path, form=None):
        """The body of an answer; posts when there is a form."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", data, {"Referer": self.url})
        with self.opener.open(request, timeout=10) as answer:
            return answer.read().decode()

    def sign_in(self):
        if self.login:
            self.ask("auth/login", {"username": self.user, "password": self.password})

    def torrents(self):
        """As torrents/info tells them."""
        self.sign_in()
        return json.loads(self.ask("torrents/info"))

    def categories(self):
        self.sign_in()
        return json.loads(self.ask("torrents/categories"))

    def remove(self, info_hash):
        self.sign_in()
        self.ask("torrents/delete", {"hashes": info_hash, "deleteFiles": "true"})

    def settings(self):
        return {"port": self.port, "url": self.url, "downloads": self.downloads}


def orders(q):
    fields = ("hash", "state", "category", "tags", "name")
    return {
        "torrents": lambda: [" ".join(f"{k}={t[k]}" for k in fields) for t in q.torrents()],
        "remove": q.remove,
        "categories": lambda: sorted(q.categories()),
    }


if __name__ == "__main__":
    peer = Qbittorrent(login="login" in sys.argv[1:])
    sys.exit(serve(peer, orders(peer)))
