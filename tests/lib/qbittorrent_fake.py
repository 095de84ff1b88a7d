# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for qBittorrent's Web API v2, for the answers that a real one gives seldom.

Orders on standard input: "mode WORD…" (several may hold; "mode" alone: none), "forget" (all logins), "calls" (what was
asked since the last time), "torrents".  Modes:

  login       a login is needed: admin, "secret pass"        json        additions are answered by counts (API 2.14)
  ban         every login is answered by 403                 fails       additions are answered "Fails.", nothing is added
  unauthorized  every login by 401                           failsbut    "Fails.", and it is there all the same
  nocontent   logins by an empty 204                         conflict    409, nothing is added
  refuse      403 to everything but logins                   okbut       "Ok.", and it is not there
  html        a web page answers everything                  late        "Ok.", and it is listed at the third look
  error       500 to additions, which are made               cut         the answer to an addition is cut off
  slow        additions are answered after a minute          unsupported  415
  hybrid      listed under another hash                      seeding     everything is complete
  junk        lists are no JSON                              redirect    302 to another host
"""
import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peer import say  # noqa: E402

COOKIE = "QBT_SID_8080=abc/def+123"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.modes, self.calls, self.torrents = set(), [], {}
        self.is_signed_in = False
        self.looks = 0

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: an answer is written in parts: the last one must not wait until the first is acknowledged
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass

    def answer(self, status, body=b"", kind="text/plain; charset=UTF-8", **headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def is_in(self, mode):
        return mode in self.server.modes

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def serve(self, body):
        url = urlsplit(self.path)
        name = url.path.removeprefix("/api/v2/")
        self.server.calls.append(name)
        if self.is_in("html"):
            return self.answer(200, "<!DOCTYPE html><html>hello</html>", "text/html")
        if self.is_in("redirect"):
            return self.answer(302, Location="http://127.0.0.2:9/")
        if self.headers.get("Origin") != self.server.origin or not self.headers["Referer"].startswith(self.server.origin):
            return self.answer(401, "Unauthorized")
        if name == "auth/login":
            return self.login(parse_qs(body.decode()))
        if self.is_in("refuse") or (self.is_in("login") and not self.has_session()):
            return self.answer(403, "Forbidden")
        handler = {"torrents/info": self.info, "torrents/files": self.files, "torrents/add": self.add,
                   "torrents/createCategory": self.category}.get(name)
        return handler(parse_qs(url.query), body) if handler else self.answer(404, "Not Found")

    def has_session(self):
        return self.server.is_signed_in and self.headers.get("Cookie") == COOKIE

    def login(self, form):
        if self.is_in("ban"):
            return self.answer(403, "Your IP address has been banned after too many failed authentication attempts.")
        if self.is_in("unauthorized"):
            return self.answer(401)
        if form != {"username": ["admin"], "password": ["secret pass"]}:
            return self.answer(200, "Fails.")
        self.server.is_signed_in = True
        cookie = {"Set_Cookie": f"{COOKIE}; HttpOnly; SameSite=Strict; path=/"}
        return self.answer(204, **cookie) if self.is_in("nocontent") else self.answer(200, "Ok.", **cookie)

    def category(self, _, body):
        self.answer(409 if b"category=mediamon" in body else 400)

    def info(self, query, _):
        if self.is_in("junk"):
            return self.answer(200, "[" * 100000, "application/json")
        self.server.looks += 1
        found = self.server.torrents
        if self.is_in("late") and self.server.looks < 6:
            found = {}
        if "hashes" in query:
            found = {k: v for k, v in found.items() if k in query["hashes"][0].split("|") and not self.is_in("hybrid")}
        return self.answer(200, json.dumps([self.torrent(h, n) for h, n in found.items()]), "application/json")

    def torrent(self, info_hash, name):
        done = self.is_in("seeding")
        return {"hash": "f" * 40 if self.is_in("hybrid") else info_hash, "infohash_v1": info_hash, "name": name,
                "state": "stoppedUP" if done else "\u001bstate of tomorrow", "progress": 1 if done else 1e300,
                "dlspeed": 77, "eta": 8640000 if done else 12}

    def files(self, query, _):
        self.answer(200, json.dumps([{"name": "Naruto/T05\n.cbz"}, {"name": "Naruto/T06.cbz"}, {}, 3]), "application/json")

    def add(self, _, body):
        self.server.looks = 0
        found = re.search(rb"btih:([0-9a-f]{40})", body)
        if found and not self.server.modes & {"fails", "conflict", "okbut", "unsupported"}:
            self.server.torrents[found.group(1).decode()] = "a torrent"
        if self.is_in("cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nOk.")
            self.close_connection = True
            return None
        if self.is_in("slow"):
            time.sleep(60)
        for mode, status in (("conflict", 409), ("unsupported", 415), ("error", 500)):
            if self.is_in(mode):
                return self.answer(status, "no")
        if self.is_in("json"):
            bad = self.is_in("fails")
            counts = {"success_count": 0, "pending_count": int(not bad), "failure_count": int(bad)}
            return self.answer(202, json.dumps(counts), "application/json")
        return self.answer(200, "Fails." if self.server.modes & {"fails", "failsbut"} else "Ok.")


def main():
    server = Server()
    Thread(target=server.serve_forever, daemon=True).start()
    say(f"port {server.server_port}", f"url {server.origin}", "ready")
    for line in sys.stdin:
        word, *rest = line.split()
        lines = []
        if word == "mode":
            server.modes = set(rest)
        elif word == "forget":
            server.is_signed_in = False
            server.torrents = {}
        elif word == "calls":
            lines, server.calls = server.calls, []
        elif word == "torrents":
            lines = sorted(server.torrents)
        say(*lines, ".")


if __name__ == "__main__":
    main()
