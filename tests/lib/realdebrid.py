#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Real-Debrid's REST API on the loopback.

In Python:  with RealDebrid(files_root=folder) as rd: rd.url, rd.know(…), rd.add(…), rd.fault(…), rd.calls
Alone:      realdebrid.py [FOLDER]    says "port N" and "ready"; takes orders as lines (as of POST /_control below; "state"
            tells as GET does) and answers each with a line of JSON and "."; ends when its standard input does.
            With a file "clock" beside FOLDER (8 bytes, ns since 1970, in the machine's order): that is its time.

Control without Python: POST /_control {"do": name, …}, with the public methods of class Model below by their names and
arguments: {"do": "fail", "torrent": "ID", "status": "dead"}; GET /_control tells torrents, calls and counts.

files_root is a folder that is served elsewhere (rclone serve webdav, …): the folder of each torrent is in it while the
torrent is downloaded, with its selected files.
"""
import gzip
import hashlib
import json
import mmap
import random
import re
import shutil
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TOKEN = "canaryRDTOKEN0123456789abcdefghijklmnopqrstuvwxyz0123"
BLOCK_PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
BASE = "/rest/1.0"
STATUSES = ("magnet_error", "magnet_conversion", "waiting_files_selection", "queued", "downloading", "downloaded",
            "error", "virus", "compressing", "uploading", "dead")
ACTIVE = ("magnet_conversion", "waiting_files_selection", "queued", "downloading", "compressing", "uploading")
FAILED = ("magnet_error", "error", "virus", "dead")
ERRORS = {1: (400, "parameter_missing"), 2: (400, "parameter_invalid"), 3: (404, "unknown_method"),
          5: (429, "slow_down"), 7: (404, "unknown_ressource"), 8: (401, "bad_token"), 9: (403, "permission_denied"),
          14: (403, "account_locked"), 20: (403, "hoster_not_free"), 21: (509, "too_many_active_downloads"),
          22: (403, "ip_not_allowed"), 23: (403, "traffic_exhausted"), 25: (503, "service_unavailable"),
          33: (400, "torrent_already_active"), 34: (429, "too_many_requests"), 35: (451, "infringing_file"),
          36: (403, "fair_usage_limit")}


class Refused(Exception):
    """An error of the API, by its code."""

    def __init__(self, code, status=None):
        super().__init__(code)
        self.status, self.code = status or ERRORS[code][0], code


class Model:
    """The account; knows nothing of HTTP.  Every method is called with the lock held."""

    def __init__(self, files_root=None, token=TOKEN, clock=time.time):
        self.files_root = Path(files_root) if files_root else None
        self.token, self.clock, self.ahead = token, clock, 0.0
        self.random = random.Random(1)
        self.torrents = []  # newest first
        self.known, self.infringing, self.cached = {}, set(), set()
        self.faults, self.calls, self.added = [], [], Counter()
        # added while one with that hash was there that had not failed
        self.doubled, self.refused = [], 0
        self.most_minute, self.most_active, self.retry_after, self.past_end = 250, 100, None, 204
        self.premium = 86400 * 300
        self.times = {"magnet_conversion": 0.0, "queued": 0.0, "downloading": 0.0}

    def now(self):
        return self.clock() + self.ahead

    # --- control ---

    def know(self, hash, name, files, cached=True):
        """What a magnet with this hash turns out to be.  files: [[path, bytes]] or [[path, text]]: its content."""
        self.known[hash.lower()] = {"name": name, "files": [list(f) for f in files]}
        (self.cached.add if cached else self.cached.discard)(hash.lower())

    def add(self, hash, name=None, files=None, status="downloaded", selected=None, age=86400.0, bytes=None):
        """A torrent that is there already; selected: paths, None for all.  Its id."""
        if files is not None:
            self.know(hash, name, files)
        t = self._new(hash, self.now() - age)
        if bytes is not None:
            t["bytes"] = bytes
        paths = [f["path"] for f in t["files"]] if selected is None else selected
        for f in t["files"]:
            f["selected"] = int(f["path"] in paths)
        self._set(t, status)
        return t["id"]

    def fail(self, torrent, status="dead"):
        """The torrent (id or hash) is in this status from now on, and its files are gone unless it is downloaded."""
        for t in self._find(torrent):
            self._set(t, status)

    def vanish(self, torrent):
        """As if its owner had deleted it."""
        for t in self._find(torrent):
            self._drop(t)

    def infringe(self, hash):
        self.infringing.add(hash.lower())

    def fault(self, kind, where="any", times=None, **how):
        """kinds: code (code, status, retry_after), status (status, body, type, retry_after), html (status), raw (body,
        status), empty, half (share, says: the number told, None the true one), redirect (to), bomb (bytes), drip
        (seconds), cut, late (seconds): the last two carry the call out first.  where: user, list, info, add, select,
        delete, active, any.  times: how often, None for ever.  after: calls that pass first."""
        self.faults.append({"kind": kind, "where": where, "times": times, "after": 0, **how})

    def storm(self, times=None, retry_after=None):
        self.fault("code", code=34, times=times, retry_after=retry_after)

    def clear(self):
        self.faults.clear()

    def pass_time(self, seconds):
        self.ahead += seconds

    def set(self, name, value):
        assert name in ("most_minute", "most_active", "retry_after", "past_end", "times", "premium", "token"), name
        setattr(self, name, value)

    def state(self):
        return {"torrents": self.torrents, "calls": self.calls, "added": self.added, "duplicates": self.duplicates(),
                "most_in_a_minute": self.most_in_a_minute(), "now": self.now()}

    def serve(self, folder):
        """What is served lies elsewhere from now on (its mount was taken away)."""
        self.files_root = Path(folder)

    def summary(self):
        """What a simulation asks for at its end; rows: "HASH STATUS NAME"."""
        there = Counter(t["hash"] for t in self.torrents)
        return {"calls": len(self.calls), "most": self.most_in_a_minute(),
                "most_repairs": self.most_in_a_minute("info", "add", "select", "delete", "active"),
                "refused": self.refused, "doubled": self.doubled, "twice": sorted(h for h, n in there.items() if n > 1),
                "adds": sum(self.added.values()), "most_adds": max(self.added.values(), default=0),
                "places": Counter(c["where"] for c in self.calls),
                "rows": [f"{t['hash']} {t['status']} {t['filename']}" for t in self.torrents]}

    CONTROL = ("serve", "summary", "know", "add", "fail", "vanish", "infringe", "fault", "storm", "clear", "pass_time", "set",
               "duplicates", "most_in_a_minute")

    def order(self, order):
        what = order.pop("do")
        if what not in self.CONTROL:
            raise ValueError(f"no such order: {what}")
        return getattr(self, what)(**order)

    # --- what tests ask ---

    def duplicates(self):
        """Hashes that were added more than once through the API or are there more than once."""
        there = Counter(t["hash"] for t in self.torrents)
        return sorted({h for c in (there, self.added) for h, n in c.items() if n > 1})

    def most_in_a_minute(self, *where):
        """The most calls in any 60 s, refused ones included; of these places only, when some are named."""
        at = [c["at"] for c in self.calls if not where or c["where"] in where]
        most = first = 0
        for last, moment in enumerate(at):
            # to the microsecond, as far as floats tell them apart
            while moment - at[first] >= 60 - 1e-6:
                first += 1
            most = max(most, last - first + 1)
        return most

    def folder(self, name):
        return self.files_root / name.replace("/", "_")

    # --- torrents ---

    def _find(self, torrent):
        return [t for t in self.torrents if torrent in (t["id"], t["hash"])]

    def _date(self, at):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".000Z"

    def _new(self, hash, added):
        hash = hash.lower()
        what = self.known.get(hash, {"name": hash, "files": []})
        ids = {t["id"] for t in self.torrents}
        while (name := "".join(self.random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=13))) in ids:
            pass
        # ids of files differ from one time to the next
        first = self.random.randrange(1, 50)
        files = [{"id": first + i, "path": p, "bytes": c if isinstance(c, int) else len(c.encode()), "selected": 0,
                  "_content": c} for i, (p, c) in enumerate(what["files"])]
        t = {"id": name, "filename": what["name"], "hash": hash, "files": files, "status": "magnet_conversion",
             "progress": 0, "links": [], "_added": added, "_since": self.now(), "_ended": None}
        at = next((i for i, other in enumerate(self.torrents) if other["_added"] <= added), len(self.torrents))
        self.torrents.insert(at, t)
        return t

    def _set(self, t, status):
        assert status in STATUSES, status
        t["status"], t["_since"] = status, self.now()
        t["progress"] = 100 if status == "downloaded" else 0
        if status == "downloaded":
            t["_ended"] = self.now()
            t["links"] = [f"https://real-debrid.com/d/{t['id']}{f['id']}" for f in t["files"] if f["selected"]]
        else:
            t["links"] = []
        self._show(t["filename"])

    def _drop(self, t):
        self.torrents.remove(t)
        self._show(t["filename"])

    def _show(self, name):
        """The folder of that name holds the selected files of all downloaded torrents of that name."""
        if not self.files_root:
            return
        folder = self.folder(name)
        wanted = {f["path"].lstrip("/"): f["_content"] for t in self.torrents
                  if t["filename"] == name and t["status"] == "downloaded" for f in t["files"] if f["selected"]}
        if not wanted:
            shutil.rmtree(folder, ignore_errors=True)
            return
        for path, content in wanted.items():
            file = folder / path
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                with open(file, "wb") as f:
                    f.truncate(content) if isinstance(content, int) else f.write(content.encode())
        for file in list(folder.rglob("*")):
            if file.is_file() and str(file.relative_to(folder)) not in wanted:
                file.unlink()

    def _advance(self):
        """What time does to torrents."""
        for t in list(self.torrents):
            while True:
                waited, status = self.now() - t["_since"], t["status"]
                if waited < self.times.get(status, 0):
                    if status == "downloading":
                        t["progress"] = int(100 * waited / self.times[status])
                    break
                if status == "magnet_conversion":
                    # nobody has it: it stays so
                    if not t["files"]:
                        break
                    self._set(t, "waiting_files_selection")
                elif status == "queued":
                    self._set(t, "downloading")
                elif status == "downloading":
                    self._set(t, "downloaded")
                else:
                    break

    def _item(self, t, whole=False):
        selected = [f for f in t["files"] if f["selected"]]
        row = {"id": t["id"], "filename": t["filename"], "hash": t["hash"],
               "bytes": t.get("bytes", sum(f["bytes"] for f in selected)), "host": "real-debrid.com", "split": 2000,
               "progress": t["progress"], "status": t["status"], "added": self._date(t["_added"]), "links": t["links"]}
        if t["_ended"]:
            row["ended"] = self._date(t["_ended"])
        if t["status"] in ("downloading", "magnet_conversion"):
            row.update(speed=1000, seeders=3)
        if whole:
            row.update(original_filename=t["filename"], original_bytes=sum(f["bytes"] for f in t["files"]),
                       files=[] if t["status"] == "magnet_conversion" else
                       [{k: f[k] for k in ("id", "path", "bytes", "selected")} for f in t["files"]])
        return row

    def _one(self, name):
        found = next((t for t in self.torrents if t["id"] == name), None)
        if not found:
            raise Refused(7)
        return found

    # --- the API: (status, value or None, headers) ---

    def api_user(self, **_):
        return 200, {"id": 1, "username": "someone", "email": "s******@example.org", "points": 100, "locale": "en",
                     "avatar": "https://fcdn.real-debrid.com/images/avatars/d.png",
                     "type": "premium" if self.premium > 0 else "free", "premium": self.premium,
                     "expiration": self._date(self.now() + self.premium)}, {}

    def api_list(self, query, **_):
        n = {}
        for name, least, most in (("offset", 0, 10**9), ("page", 1, 10**9), ("limit", 0, 5000)):
            if name in query:
                if not query[name].isdigit() or not least <= int(query[name]) <= most:
                    raise Refused(2)
                n[name] = int(query[name])
        if "offset" in n and "page" in n:
            raise Refused(2)
        limit = n.get("limit", 100)
        rows = [t for t in self.torrents if query.get("filter") != "active" or t["status"] in ACTIVE]
        first = n.get("offset", (n.get("page", 1) - 1) * limit)
        page = [self._item(t) for t in rows[first:first + limit]]
        headers = {"X-Total-Count": str(len(rows))}
        if not page and self.past_end == 204:
            return 204, None, headers
        return 200, page, headers

    def api_info(self, name, **_):
        return 200, self._item(self._one(name), True), {}

    def api_active(self, **_):
        return 200, {"nb": sum(t["status"] in ACTIVE for t in self.torrents), "limit": self.most_active}, {}

    def api_add(self, form, **_):
        found = re.search(r"xt=urn:btih:([0-9a-fA-F]{40})(&|$)", form.get("magnet", ""))
        if "magnet" not in form:
            raise Refused(1)
        if not found:
            raise Refused(2)
        hash = found.group(1).lower()
        if hash in self.infringing:
            raise Refused(35)
        if sum(t["status"] in ACTIVE for t in self.torrents) >= self.most_active:
            raise Refused(21)
        # a second one of the same hash is a second torrent, there as here
        if any(t["hash"] == hash and t["status"] not in FAILED for t in self.torrents):
            self.doubled.append(hash)
        t = self._new(hash, self.now())
        self.added[hash] += 1
        return 201, {"id": t["id"], "uri": f"https://api.real-debrid.com/rest/1.0/torrents/info/{t['id']}"}, {}

    def api_select(self, name, form, **_):
        t = self._one(name)
        if "files" not in form:
            raise Refused(1)
        if t["status"] != "waiting_files_selection":
            if t["status"] == "magnet_conversion":
                raise Refused(2)
            return 202, None, {}
        ids = {f["id"] for f in t["files"]}
        wanted = ids if form["files"] == "all" else {int(i) if i.isdigit() else -1 for i in form["files"].split(",")}
        if not wanted or not wanted <= ids:
            raise Refused(2)
        for f in t["files"]:
            f["selected"] = int(f["id"] in wanted)
        self._set(t, "downloaded" if t["hash"] in self.cached else "queued")
        return 204, None, {}

    def api_delete(self, name, **_):
        self._drop(self._one(name))
        return 204, None, {}

    ROUTES = (("GET", r"/user", "user"), ("GET", r"/torrents", "list"), ("GET", r"/torrents/info/([^/]+)", "info"),
              ("GET", r"/torrents/activeCount", "active"), ("POST", r"/torrents/addMagnet", "add"),
              ("POST", r"/torrents/selectFiles/([^/]+)", "select"), ("DELETE", r"/torrents/delete/([^/]+)", "delete"))

    def route(self, method, path):
        for wanted, pattern, place in self.ROUTES:
            found = re.fullmatch(pattern, path)
            if found and wanted == method:
                return place, found.group(1) if found.groups() else None
        return "", None

    def count(self, method, path, place, form):
        """Whether the call is above the limit; refused ones count."""
        now = self.now()
        late = 0
        for c in reversed(self.calls):
            if now - c["at"] >= 60:
                break
            late += 1
        self.calls.append({"at": now, "method": method, "path": path, "where": place, "form": form, "status": None})
        return late >= self.most_minute

    def next_fault(self, place):
        for f in self.faults:
            if f["where"] in (place, "any") and f["times"] != 0:
                if f["after"] > 0:
                    f["after"] -= 1
                    continue
                if f["times"] is not None:
                    f["times"] -= 1
                return f
        return None

    def answer(self, place, name, query, form):
        self._advance()
        if not place:
            return 404, {"error": "unknown_method", "error_code": 3}, {}
        try:
            status, value, headers = getattr(self, f"api_{place}")(name=name, query=query, form=form)
        except Refused as e:
            return e.status, {"error": ERRORS[e.code][1], "error_code": e.code}, {}
        self._advance()
        return status, value, headers


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: an answer is written in parts: the last one must not wait until the first is acknowledged
    disable_nagle_algorithm = True
    server_version = "nginx"
    # else the body waits 40 ms for the header's acknowledgement
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def send(self, status, body, kind="application/json", headers=None, length=None):
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)

    def send_answer(self, status, value, headers=None, cut=False):
        body = b"" if value is None else json.dumps(value, indent=2, ensure_ascii=False).encode()
        headers = dict(headers or {})
        if self.call["where"] == "list" and status == 200:
            headers["ETag"] = '"' + hashlib.sha1(body).hexdigest() + '"'
            if self.headers.get("If-None-Match") == headers["ETag"]:
                status = 304
        self.call["status"] = status
        if cut:
            self.send(200 if status == 204 else status, body[:len(body) // 2], headers=headers, length=len(body) + 100)
            self.wfile.flush()
            self.close_connection = True
        else:
            self.send(status, body, headers=headers)

    def send_fault(self, f):
        after = {} if f.get("retry_after") is None else {"Retry-After": str(f["retry_after"])}
        kind = f["kind"]
        self.call["status"] = f.get("status", 200)
        if kind == "code":
            status, text = ERRORS.get(f["code"], (403, "an_error"))
            self.send_answer(f.get("status", status), {"error": text, "error_code": f["code"]}, after)
        elif kind == "html":
            self.send(f.get("status", 403), BLOCK_PAGE.encode(), "text/html; charset=UTF-8", after)
        elif kind in ("raw", "status"):
            self.send(f.get("status", 200), f.get("body", "").encode(), f.get("type", "application/json"), after)
        elif kind == "redirect":
            self.send(302, b"", "text/html", {"Location": f["to"]})
        elif kind == "bomb":
            self.send(200, gzip.compress(b"[" * f.get("bytes", 1 << 28), 9), headers={"Content-Encoding": "gzip"})
        elif kind == "empty":
            self.send(200, b"[]", headers={"X-Total-Count": "0"})
        elif kind == "half":
            with self.server.lock:
                rows = [self.server.model._item(t) for t in self.server.model.torrents]
            some = rows[:int(len(rows) * f.get("share", 0.5))]
            says = f.get("says")
            self.send_answer(200, some, {"X-Total-Count": str(len(rows) if says is None else says)})
        elif kind == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            for _ in range(int(f.get("seconds", 60) * 2)):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.5)
            self.close_connection = True
        else:
            raise ValueError(kind)

    def do_GET(self):
        self.handle_any("GET")

    def do_POST(self):
        self.handle_any("POST")

    def do_PUT(self):
        self.handle_any("PUT")

    def do_DELETE(self):
        self.handle_any("DELETE")

    def handle_any(self, method):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        parts = urlsplit(self.path)
        if parts.path == "/_control":
            return self.control(method, body)
        try:
            self.api(method, parts.path.removeprefix(BASE), {k: v[0] for k, v in parse_qs(parts.query).items()},
                     {k: v[0] for k, v in parse_qs(body).items()})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        return None

    def control(self, method, body):
        model = self.server.model
        with self.server.lock:
            if method == "GET":
                return self.send(200, json.dumps(model.state()).encode())
            try:
                return self.send(200, json.dumps(model.order(json.loads(body))).encode())
            except (ValueError, TypeError, AssertionError) as e:
                return self.send(400, json.dumps(str(e)).encode())

    def api(self, method, path, query, form):
        model = self.server.model
        with self.server.lock:
            place, name = model.route(method, path)
            is_above = model.count(method, path, place, form)
            self.call = model.calls[-1]
            fault = model.next_fault(place)
            is_ours = self.headers.get("Authorization") == f"Bearer {model.token}" or query.get("auth_token") == model.token
            carries_out = not fault or fault["kind"] in ("cut", "late")
            model.refused += is_above
            if is_above:
                answer = (429, {"error": "too_many_requests", "error_code": 34},
                          {} if model.retry_after is None else {"Retry-After": str(model.retry_after)})
            elif not is_ours:
                answer = (401, {"error": "bad_token", "error_code": 8}, {})
            elif form and "x-www-form-urlencoded" not in self.headers.get("Content-Type", ""):
                answer = (400, {"error": "parameter_missing", "error_code": 1}, {})
            else:
                answer = model.answer(place, name, query, form) if carries_out else None
        if answer is None:
            self.send_fault(fault)
        elif fault and fault["kind"] == "late":
            self.call["status"] = 0
            time.sleep(fault.get("seconds", 60))
            self.close_connection = True
        else:
            self.send_answer(*answer, cut=bool(fault) and fault["kind"] == "cut")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, model, port=0):
        super().__init__(("127.0.0.1", port), Answer)
        self.model, self.lock = model, threading.RLock()

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


class RealDebrid:
    """A stand-in that runs in a thread; the methods of Model are its own."""

    def __init__(self, port=0, **how):
        self.model = Model(**how)
        self.server = Server(self.model, port)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{BASE}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __getattr__(self, name):
        found = getattr(self.model, name)
        if not callable(found):
            return found

        def locked(*args, **more):
            with self.server.lock:
                return found(*args, **more)

        return locked

    def asked(self, *where):
        """Calls of these places."""
        return [c for c in list(self.model.calls) if c["where"] in where]


def clock_of(folder):
    """The time that another process keeps in a file."""
    path = folder and Path(folder).parent / "clock"
    if not path or not path.exists():
        return time.time
    with open(path, "rb") as f:
        shared = mmap.mmap(f.fileno(), 8, access=mmap.ACCESS_READ)
    return lambda: struct.unpack_from("=q", shared)[0] / 1e9


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else None
    with RealDebrid(files_root=folder, clock=clock_of(folder)) as standin:
        # in one piece, whatever the buffering
        print(f"port {standin.port}\nready\n", end="", flush=True)
        for line in sys.stdin:
            with standin.server.lock:
                told = standin.model.state() if line == "state\n" else standin.model.order(json.loads(line))
                text = json.dumps(told)
            print(f"{text}\n.\n", end="", flush=True)


if __name__ == "__main__":
    main()
