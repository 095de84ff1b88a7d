#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for Sonarr, Radarr, Plex and Jellyfin on the loopback.

In Python:  with Arr("sonarr", items=[…]) as a: a.url, a.key, a.state, a.requests, a.orders, a.wide
Alone:      arr.py KIND    prints its port; ends when its standard input does.  PUT /stand-in/state changes what it is,
            GET /stand-in/requests, /stand-in/orders and /stand-in/wide tell what it was asked, DELETE forgets it; DELETE
            /stand-in/state makes it what it was when it began.

What would be about the whole library (a command without ids, the refresh of a library's own folder) is refused and
remembered in `wide`; what was taken is in `orders`: [{"name", "ids" or "path"}].

State (all of it JSON):
  key         what the header must hold
  roots       Sonarr, Radarr: [{id, path, accessible, directories}]
  items       Sonarr: [{id, title, path}] with `files` [{id, seriesId, seasonNumber, path}] and
              `episodes` [{id, seriesId, seasonNumber, episodeNumber, episodeFileId, monitored, airDateUtc}]
              Radarr: [{id, title, path, file}]   (file: a path or null)
  folders     Plex: [{key, title, type, locations}]; Jellyfin: [{name, locations}]
  mounts      {"/tv": "/a/folder/here"}: what its container calls a folder of this machine; roots and rescans look there
  missing     paths that a rescan does not find, where mounts say nothing
  unmonitors  a rescan that loses a file un-monitors its episodes (Sonarr's and Radarr's option)
  seconds     a command is queued for so long, and then runs for so long
  ends        {command's name: status that it ends with}
  modes       {place: mode} as in prowlarr.py, and {"kind": "slow", "seconds": n}: the ordinary answer, later;
              places series, movie, episode, episodefile, rootfolder, filesystem, command, sections, refresh,
              virtualfolders, updated, any
"""
import json
import os
import re
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import prowlarr
from prowlarr import KEY, Answer, now, zulu

#: name: (member that holds its ids, it is a list)
COMMANDS = {
    "sonarr": {"RescanSeries": ("seriesId", False), "RefreshSeries": ("seriesIds", True),
               "EpisodeSearch": ("episodeIds", True), "SeasonSearch": ("seriesId", False),
               "SeriesSearch": ("seriesId", False), "MissingEpisodeSearch": ("seriesId", False)},
    "radarr": {"RescanMovie": ("movieId", False), "RefreshMovie": ("movieIds", True), "MoviesSearch": ("movieIds", True),
               "MissingMoviesSearch": (None, False)},
}
#: whole-library ones that are no item's at all
ALWAYS_WIDE = ("CutoffUnmetEpisodeSearch", "CutoffUnmetMoviesSearch", "RssSync", "MissingMoviesSearch")
ITEMS = {"sonarr": "series", "radarr": "movie"}


def first_state(kind):
    return {"kind": kind, "key": KEY, "roots": [], "items": [], "files": [], "episodes": [], "folders": [], "mounts": {},
            "missing": [], "unmonitors": True, "seconds": 0, "ends": {}, "modes": {}}


class Disk:
    """What the instance sees of a path of its own."""

    def __init__(self, state):
        self.state = state

    def here(self, path):
        """The path on this machine; None when nothing is mounted for it."""
        for there, here in sorted(self.state["mounts"].items(), key=lambda m: -len(m[0])):
            if path == there or path.startswith(there.rstrip("/") + "/"):
                return here + path[len(there.rstrip("/")):]
        return None

    def has(self, path):
        here = self.here(path)
        return os.path.exists(here) if here else path not in self.state["missing"]

    def directories(self, root):
        """Names in a root folder, None when it cannot be reached."""
        here = self.here(root["path"])
        if here is None:
            return root.get("directories", ["something"]) if root.get("accessible", True) else None
        try:
            return sorted(e.name for e in os.scandir(here) if e.is_dir())
        except OSError:
            return None

    def videos(self, path):
        here = self.here(path)
        for folder, _, names in os.walk(here) if here else ():
            for name in names:
                if name.endswith((".mkv", ".mp4", ".avi")) and os.path.exists(os.path.join(folder, name)):
                    yield path + os.path.join(folder, name)[len(here):]


class Library:
    """Series or films, and what commands do to them."""

    def __init__(self, state):
        self.state, self.disk = state, Disk(state)

    def root_of(self, item):
        roots = [r for r in self.state["roots"] if item["path"].startswith(r["path"].rstrip("/") + "/")]
        return max(roots, key=lambda r: len(r["path"]), default=None)

    def rescan(self, number):
        """As upstream: skipped while the item's folder is away and the root folder is missing or empty."""
        item = next((i for i in self.state["items"] if i["id"] == number), None)
        root = item and self.root_of(item)
        if item is None or (root and not self.disk.directories(root)):
            return
        if self.state["kind"] == "radarr":
            self.rescan_movie(item)
        else:
            self.rescan_series(item)

    def rescan_movie(self, item):
        if item.get("file") and not self.disk.has(item["file"]):
            item["file"] = None
            item["monitored"] = item.get("monitored", True) and not self.state["unmonitors"]
        if not item.get("file"):
            item["file"] = next(self.disk.videos(item["path"]), None)

    def rescan_series(self, item):
        files, episodes = self.state["files"], self.state["episodes"]
        for f in [f for f in files if f["seriesId"] == item["id"] and not self.disk.has(f["path"])]:
            files.remove(f)
            for e in episodes:
                if e["episodeFileId"] == f["id"]:
                    e["episodeFileId"] = 0
                    e["monitored"] = e.get("monitored", True) and not self.state["unmonitors"]
        known = {f["path"] for f in files}
        for path in self.disk.videos(item["path"]):
            said = re.search(r"S(\d+)E(\d+)", path)
            if path not in known and said:
                number = max([f["id"] for f in files], default=100) + 1
                files.append({"id": number, "seriesId": item["id"], "seasonNumber": int(said[1]), "path": path})
                for e in episodes:
                    if (e["seriesId"], e["seasonNumber"], e["episodeNumber"]) == (item["id"], int(said[1]), int(said[2])):
                        e["episodeFileId"] = number

    # --- as they are told ---

    def item_rows(self):
        return [self.series_row(i) if self.state["kind"] == "sonarr" else self.movie_row(i) for i in self.state["items"]]

    def series_row(self, i):
        root = self.root_of(i)
        return {"title": i["title"], "sortTitle": i["title"].lower(), "status": "ended", "ended": True, "overview": "",
                "images": [], "seasons": [{"seasonNumber": 1, "monitored": True}], "year": 2001, "path": i["path"],
                "rootFolderPath": root and root["path"], "qualityProfileId": 1, "seasonFolder": True, "monitored": True,
                "tvdbId": 1000 + i["id"], "tags": [], "added": "2023-01-01T00:00:00Z", "id": i["id"], **i.get("raw", {})}

    def movie_row(self, i):
        row = {"title": i["title"], "sortTitle": i["title"].lower(), "status": "released", "year": 2001, "path": i["path"],
               "folderName": i["path"], "hasFile": bool(i.get("file")), "monitored": i.get("monitored", True),
               "tmdbId": 1000 + i["id"], "tags": [], "images": [], "id": i["id"]}
        if i.get("file"):
            row["movieFile"] = {"id": 500 + i["id"], "movieId": i["id"], "path": i["file"], "size": 1 << 30,
                                "relativePath": i["file"][len(i["path"]) + 1:]}
        return {**row, **i.get("raw", {})}

    def file_rows(self, series):
        paths = {i["id"]: i["path"] for i in self.state["items"]}
        return [{"size": 1 << 30, "relativePath": f["path"][len(paths.get(f["seriesId"], "")) + 1:],
                 "dateAdded": "2023-01-01T00:00:00Z", **f} for f in self.state["files"] if f["seriesId"] == series]

    def episode_rows(self, series):
        return [{"title": "An episode", "airDateUtc": "2001-01-01T00:00:00Z", "monitored": True, **e,
                 "hasFile": bool(e["episodeFileId"])} for e in self.state["episodes"] if e["seriesId"] == series]

    def root_rows(self):
        rows = []
        for r in self.state["roots"]:
            seen = self.disk.directories(r)
            rows.append({"path": r["path"], "accessible": seen is not None, "freeSpace": 1 << 40, "unmappedFolders": [],
                         "id": r["id"]})
        return rows

    def listing(self, path):
        """A folder is listed when its path ends with a slash; else what is beside it."""
        folder = path[:path.rfind("/")] or "/"
        root = next((r for r in self.state["roots"] if r["path"].rstrip("/") == folder), None)
        names = (self.disk.directories(root) or []) if root else []
        return {"parent": os.path.dirname(folder), "files": [], "directories": [
            {"type": "folder", "name": n, "path": f"{folder}/{n}/", "size": 0, "lastModified": "2023-01-01T00:00:00Z"}
            for n in names]}


class ArrAnswer(Answer):
    MODES = {k: v for k, v in Answer.MODES.items() if k != "error"}

    def is_odd(self, *places):
        mode = next((self.server.state["modes"][p] for p in (*places, "any") if p in self.server.state["modes"]), None)
        if mode and mode["kind"] == "slow":
            time.sleep(mode["seconds"])
            return False
        return super().is_odd(*places)

    def answer_control(self, method, path):
        s, name = self.server, path.rpartition("/")[2]
        with s.lock:
            if name == "state" and method == "PUT":
                s.state.update(json.loads(self.body))
            if name == "state" and method == "DELETE":
                s.begin()
            told = {"requests": s.requests, "orders": s.orders, "wide": s.wide}.get(name, s.requests)
            if method == "DELETE":
                told.clear()
            found = s.state if name == "state" and method == "GET" else list(told)
        self.send_json(found)

    def has_key(self):
        kind, key = self.server.state["kind"], self.server.state["key"]
        if kind == "plex":
            return self.headers.get("X-Plex-Token") == key
        if kind == "jellyfin":
            said = re.search(r'^MediaBrowser (?:.*, *)?Token="([^"]*)"', self.headers.get("Authorization", ""))
            return key == (said[1] if said else self.headers.get("X-Emby-Token"))
        return self.headers.get("X-Api-Key") == key

    def route(self, method, path):
        if not self.has_key():
            return self.send(401, b"<html><h1>401 Unauthorized</h1></html>", "text/html")
        self.server.settle()
        return getattr(self, "route_" + {"radarr": "sonarr"}.get(self.server.state["kind"], self.server.state["kind"]))(
            method, path)

    def refuse_wide(self, what):
        with self.server.lock:
            self.server.wide.append(what)
        return self.send_json({"message": "this would be the whole library"}, 409)

    def take(self, order):
        with self.server.lock:
            self.server.orders.append(order)

    # --- Sonarr, Radarr ---

    def route_sonarr(self, method, path):
        kind, library = self.server.state["kind"], Library(self.server.state)
        series = int(self.one("seriesId", "0"))
        places = path.removeprefix("/api/v3/").split("/")
        if not path.startswith("/api/v3/"):
            return self.send(200, prowlarr.BLOCK_PAGE, "text/html")
        if self.is_odd(places[0]):
            return None
        lists = {ITEMS[kind]: library.item_rows, "rootfolder": library.root_rows}
        if kind == "sonarr":
            lists.update(episode=lambda: library.episode_rows(series), episodefile=lambda: library.file_rows(series))
        if places[0] == "command":
            return self.answer_command(method, places[1:])
        if path == "/api/v3/system/status":
            return self.send_json({"appName": kind.title(), "instanceName": kind.title(), "version": "4.0.14.2939",
                                   "urlBase": ""})
        if method != "GET" or len(places) > 1:
            return self.send_json({"message": "NotFound"}, 404)
        if places[0] in lists:
            return self.send_json(lists[places[0]]())
        if places[0] == "filesystem":
            return self.send_json(library.listing(self.one("path")))
        return self.send_json({"message": "NotFound"}, 404)

    def answer_command(self, method, rest):
        if method == "POST":
            return self.answer_order(json.loads(self.body))
        with self.server.lock:
            rows = [self.server.row(c) for c in self.server.commands]
        if not rest:
            return self.send_json(rows)
        found = next((r for r in rows if str(r["id"]) == rest[0]), None)
        return self.send_json(found or {"message": "NotFound"}, 200 if found else 404)

    def answer_order(self, told):
        names = COMMANDS[self.server.state["kind"]]
        name = next((n for n in (*names, *ALWAYS_WIDE) if n.lower() == str(told.get("name", "")).lower()), None)
        if name is None:
            return self.send_json({"message": f"Unknown command {told.get('name')}", "description": ""}, 500)
        member, is_list = names.get(name, (None, False))
        ids = told.get(member) if member else None
        ids = ids if is_list else [ids]
        if name in ALWAYS_WIDE or not ids or not all(isinstance(i, int) and i > 0 for i in ids):
            return self.refuse_wide(told)
        self.take({"name": name, "ids": ids})
        with self.server.lock:
            command = {"id": len(self.server.commands) + 1, "name": name, "ids": ids, "since": time.monotonic(),
                       "queued": zulu(now()), "body": told, "is_settled": False}
            self.server.commands.append(command)
            return self.send_json(self.server.row(command, is_new=True), 201)

    # --- Plex ---

    def route_plex(self, _, path):
        found = re.fullmatch(r"/library/sections(?:/([^/]+)/refresh)?", path)
        if not found:
            return self.send(404, b"<html><h1>404 Not Found</h1></html>", "text/html")
        if self.is_odd("refresh" if found[1] else "sections"):
            return None
        folders = self.server.state["folders"]
        if found[1] is None:
            rows = [{"key": str(f["key"]), "title": f["title"], "type": f.get("type", "movie"), "refreshing": False,
                     "agent": "tv.plex.agents.movie", "Location": [{"id": n, "path": p} for n, p in
                                                                   enumerate(f["locations"], 1)]} for f in folders]
            return self.send_json({"MediaContainer": {"size": len(rows), "allowSync": False, "title1": "Plex Library",
                                                      "Directory": rows}})
        section = next((f for f in folders if str(f["key"]) == found[1]), None)
        where = self.one("path")
        if section is None or not any(where.startswith(p.rstrip("/") + "/") and where.rstrip("/") != p.rstrip("/")
                                      for p in section["locations"]):
            return self.refuse_wide({"section": found[1], "path": where})
        self.take({"name": "refresh", "ids": [int(found[1])], "path": where})
        return self.send(200, b"", "text/html")

    # --- Jellyfin ---

    def route_jellyfin(self, method, path):
        if self.is_odd(path.rpartition("/")[2].lower()):
            return None
        folders = self.server.state["folders"]
        if path == "/Library/VirtualFolders" and method == "GET":
            return self.send_json([{"Name": f["name"], "Locations": f["locations"], "CollectionType": "tvshows",
                                    "LibraryOptions": {}, "ItemId": "%032x" % n} for n, f in enumerate(folders, 1)])
        if path == "/Library/Refresh":
            return self.refuse_wide({"path": path})
        if path != "/Library/Media/Updated" or method != "POST":
            return self.send(404, b"")
        updates = json.loads(self.body)["Updates"]
        roots = {p.rstrip("/") for f in folders for p in f["locations"]}
        for u in updates:
            if not u.get("Path") or u["Path"].rstrip("/") in roots:
                return self.refuse_wide(u)
        for u in updates:
            self.take({"name": u["UpdateType"], "path": u["Path"]})
        return self.send(204, b"")


class ArrServer(prowlarr.Server):
    def __init__(self, state):
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", 0), ArrAnswer)
        self.lock = threading.RLock()
        self.state, self.requests, self.orders, self.wide, self.commands = {}, [], [], [], []
        self.first = json.dumps(state)
        self.begin()

    def begin(self):
        for told in (self.state, self.requests, self.orders, self.wide, self.commands):
            told.clear()
        self.state.update(json.loads(self.first))

    def status(self, command):
        age, seconds = time.monotonic() - command["since"], self.state["seconds"]
        if age < seconds:
            return "queued"
        return "started" if age < 2 * seconds else self.state["ends"].get(command["name"], "completed")

    def row(self, command, is_new=False):
        status = "queued" if is_new else self.status(command)
        row = {"name": command["name"], "commandName": command["name"], "message": "Completed" if status == "completed" else "",
               "body": command["body"], "priority": "normal", "status": status, "result": "unknown",
               "queued": command["queued"], "trigger": "manual", "sendUpdatesToClient": True, "id": command["id"]}
        if status == "failed":
            row["exception"] = "System.Exception: it did not work"
        return row

    def settle(self):
        """What has ended has had its effect."""
        with self.lock:
            for c in self.commands:
                if not c["is_settled"] and self.status(c) not in ("queued", "started"):
                    c["is_settled"] = True
                    if c["name"].startswith("Rescan") and self.status(c) == "completed":
                        Library(self.state).rescan(c["ids"][0])


class Arr:
    """A stand-in that runs in a thread."""

    def __init__(self, kind, **state):
        self.server = ArrServer({**first_state(kind), **state})
        self.kind, self.key = kind, self.server.state["key"]
        self.state, self.requests = self.server.state, self.server.requests
        self.orders, self.wide, self.port = self.server.orders, self.server.wide, self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def asked(self, path):
        """What was asked of a path that ends so."""
        return [r for r in list(self.requests) if r["path"].endswith(path)]

    def write_key(self, folder):
        """Its key file, and the line that names it in the configuration: (section, line)."""
        file = Path(folder) / f"{self.kind}.key"
        file.write_text(self.key + "\n")
        file.chmod(0o600)
        return self.kind, f"{self.kind} {self.url} {file}"


def main():
    with Arr(sys.argv[1]) as standin:
        print(f"{standin.port}\n", end="", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
