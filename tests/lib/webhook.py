# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Discord's webhooks and any other: records what is posted and answers as told.

    with Webhook() as hook:
        hook.secret_file(tmp_path / "webhook")           # what discord.webhook_file names
        hook.answers(too_many(2.5), NOT_FOUND)           # the last one is given again and again
        hook.wait(1)
        hook.messages[0]["embeds"], hook.check_discord()

Alone: webhook.py [PORT] prints its address and each message."""
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

TOKEN = "S3cretT0ken"


class Answer(NamedTuple):
    status: int = 204
    body: str = ""
    type: str = "application/json"
    headers: dict = {}
    delay: float = 0


OK = Answer()
NOT_FOUND = Answer(404, '{"message": "Unknown Webhook", "code": 10015}')
UNAUTHORIZED = Answer(401, '{"message": "Invalid Webhook Token", "code": 50027}')
BROKEN = Answer(500, "<html>Internal Server Error</html>", "text/html")
PAGE = Answer(200, "<html>Please log in</html>", "text/html")
SLOW = Answer(delay=3600)


def too_many(seconds, header=True, body=True):
    """429 as Discord says it; with either half left out."""
    headers = {"Retry-After": str(int(seconds + 1))} if header else {}
    text = {"message": "You are being rate limited.", "global": False}
    return Answer(429, json.dumps(text | ({"retry_after": seconds} if body else {})), headers=headers)


def units(text):
    """UTF-16 code units: the strictest reading of Discord's limits."""
    return len(text.encode("utf-16-le")) // 2


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: an answer is written in parts: the last one must not wait until the first is acknowledged
    disable_nagle_algorithm = True

    def do_POST(self):
        hook = self.server.hook
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = hook.take(self.path, dict(self.headers), body)
        if hook.ending.wait(answer.delay) or self.wfile.closed:
            self.close_connection = True
            return
        try:
            self.reply(answer)
        except OSError:
            self.close_connection = True

    def reply(self, answer):
        data = b"" if answer.status == 204 else answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        if self.server.hook.is_loud:
            print(*args, flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True


class Webhook:
    """`requests`: (time, path, headers, bytes) of each call; `messages`: their JSON."""

    def __init__(self, port=0, is_loud=False):
        self.is_loud, self.ending, self.lock = is_loud, threading.Event(), threading.Lock()
        self.requests, self.script = [], [OK]
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.hook = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/api/webhooks/1/{TOKEN}"

    def secret_file(self, path):
        """The address, as the indexer wants it: readable by its owner only."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "w") as f:
            f.write(self.url + "\n")
        return path

    def answers(self, *answers):
        with self.lock:
            self.script = list(answers) or [OK]

    def take(self, path, headers, body):
        with self.lock:
            self.requests.append((time.time(), path, headers, body))
            if self.is_loud:
                print(body.decode(errors="replace"), flush=True)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    @property
    def messages(self):
        with self.lock:
            return [json.loads(body) for *_, body in self.requests]

    @property
    def notices(self):
        """Of a generic webhook: all of them, in order."""
        return [n for m in self.messages for n in m["notices"]]

    def wait(self, count, seconds=20):
        """Until it was called so often."""
        end = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < end, f"{len(self.requests)} calls, not {count}, within {seconds} s"
            time.sleep(0.02)
        return self.messages

    def check_discord(self):
        """Every message is one that Discord would take, and that mentions nobody."""
        for m in self.messages:
            embeds = m.get("embeds", [])
            assert m["allowed_mentions"] == {"parse": []}
            assert units(m.get("content", "")) <= 2000 and 1 <= len(embeds) <= 10
            for e in embeds:
                assert units(e["title"]) <= 256 and units(e["description"]) <= 4096
                assert len(e.get("fields", [])) <= 25
                assert all(c >= " " or c == "\n" for c in e["title"] + e["description"])
            assert sum(units(e["title"]) + units(e["description"]) for e in embeds) <= 6000


def main():
    with Webhook(int(sys.argv[1]) if len(sys.argv) > 1 else 0, is_loud=True) as hook:
        print(hook.url, flush=True)
        try:
            hook.thread.join()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
