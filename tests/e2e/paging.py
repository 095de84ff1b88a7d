# SPDX-License-Identifier: GPL-3.0-or-later
"""A store with much to see: rows put straight into it while nobody writes."""
import base64
import sqlite3
import time

from harness import until

NOW = int(time.time()) * 10**9
HOUR = 3600 * 10**9
HOSTILE = ["<img src=x onerror=\"document.title='owned'\">", "</script><script>document.title='owned'</script>",
           "</bdi></table></section><h2>owned</h2>", "a\u202egnp.exe\u202c", "\"' onmouseover=\"document.title='owned'",
           "&lt;b&gt; & \x1b[31m", "シリーズ \u2067عربي", "javascript:document.title='owned'", "-->]]><!--",
           "owned (status/errors) </a>"]
TITLES = ["Berserk", "Vagabond", "Yotsuba&!", "Monster", "Blame!", "Nausicaä", "Dorohedoro", "20th Century Boys",
          "L'Habitant de l'infini", "鋼の錬金術師", "Vinland Saga", "Akira", "Planètes", "Pluto", "One Piece", "Naruto"]

#: as long as people see of any text, and six times that in a page
LONG_HOSTILE = ["\"<'&\x1b\u202e" * 60 + str(n) for n in range(80)]

#: a picture of one colour
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgoKC8oLzc3Nzc3N0E8QUNDQ0FBQUFDQ0NISEhVVVVISEhDQ0hIUF"
    "BVVVxfXFdXVVdfX2RkZHh4c3OMjJGsrM//xABMAAEBAAAAAAAAAAAAAAAAAAAABAEBAQAAAAAAAAAAAAAAAAAAAAUQAQAAAAAAAAAAAAAAAAAA"
    "AAARAQAAAAAAAAAAAAAAAAAAAAD/wAARCAAYABADASIAAhEAAxEA/9oADAMBAAIRAxEAPwCYBRTAAH//2Q==")


class Filler:
    def __init__(self, state):
        self.db = sqlite3.connect(state / "mediamon.db")
        self.shape = {}

    def put(self, table, **values):
        """A row; what is not named and must not be NULL is 0 or empty."""
        if table not in self.shape:
            self.shape[table] = self.db.execute(f"SELECT name, type, \"notnull\", dflt_value, pk FROM "
                                                f"pragma_table_info('{table}')").fetchall()
            assert self.shape[table], f"no table {table}"
        for name, kind, must, default, key in self.shape[table]:
            if name not in values and must and default is None and not (key and kind == "INTEGER"):
                values[name] = {"TEXT": "", "BLOB": b""}.get(kind, 0)
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        return self.db.execute(f"INSERT INTO {table}({names}) VALUES({marks})", list(values.values())).lastrowid

    def series(self, title, volumes, total=None, owned="[1, 2, 3]"):
        n = self.db.execute("SELECT ifnull(max(id), 0) + 1 FROM series").fetchone()[0]
        key = f"key {n}"
        shown = title.replace("/", "_").replace("\0", "")[:80] + f" {n}"
        id = self.put("series", key=key, title=title, shown=shown, shown_key=shown.lower(), total=total, owned=owned, version=1,
                      at=NOW)
        for volume in volumes:
            self.put("missing", series_id=id, volume=volume, kind="interior", state="wanted", since=NOW - n * HOUR)
        return key

    def find(self, key, title, volumes, handed=None, state="found"):
        result = self.put("result", key=key, source="prowlarr", guid=f"{key} {volumes[0]}", indexer="Nyaa", size=734003200,
                          title=f"{title} T{volumes[0]:02d}-T{volumes[-1]:02d} (HQ) [Team]", first=volumes[0], last=volumes[-1])
        return [self.put("request", key=key, series=title, volume=v, flow="missing", state=state, result_id=result,
                         handed_id=handed, created_at=NOW - HOUR, changed_at=NOW - HOUR) for v in volumes]

    def hand(self, title, progress, text=""):
        return self.put("handed", ident=title, title=title + " T04 [Team]", client="qbittorrent", step="confirmed",
                        progress=progress, text=text, created_at=NOW - HOUR, sent_at=NOW - HOUR, changed_at=NOW)

    def error(self, path, reason, kind="corrupt"):
        root = self.db.execute("SELECT min(id) FROM root").fetchone()[0]
        self.put("error", root_id=root, path=path if isinstance(path, bytes) else path.encode(), kind=kind, reason=reason,
                 since=NOW - 5 * HOUR, tries=3)

    def plan(self, names):
        self.put("plan", hash="0123456789abcdef", state="planned", made_at=NOW - HOUR, items=len(names), calls=2 * len(names),
                 held=1)
        for n, name in enumerate(names, 1):
            self.put("plan_item", plan="0123456789abcdef", item=n, action="reinsert" if n % 3 else "none", state="planned",
                     name=name, links=n, why="5 links into it are broken: it is gone from the account")

    def links(self, texts):
        root = self.put("root", name="media", kind="links", path=b"/srv/media", state="present", since=NOW, files=len(texts))
        folder = self.put("link_dir", root_id=root, path=b"Shows")
        target = self.put("target_dir", path=b"/mnt/debrid/torrents/Some.Show.S01/", torrent=b"Some.Show.S01")
        for text in texts:
            name = text.replace("/", "_").encode()[-250:]
            self.put("symlink", dir_id=folder, name=name, target_dir_id=target, target_name=name, state=2, error=2, sightings=3,
                     since=NOW - 9 * HOUR, ok_at=NOW - 99 * HOUR, size=-1)

    def chapter(self, n, text, state):
        self.put("chapter", run="r", series=text, chapter=str(n), attempt=1, state=state, started_at=NOW - n * HOUR,
                 ended_at=NOW - n * HOUR + 10**10, found=20, downloaded=18, bytes=9000000, seconds=10.5, url=text,
                 error=text if state > 1 else "")

    def measured(self, texts):
        for n, text in enumerate(texts):
            self.chapter(n + 1, text, n % 4)
            self.put("alert", name="root_absent", subject=text, text=f"folder {text} is not present", state=2,
                     since=NOW - HOUR, fired_at=NOW)
        self.put("chapter_sum", producer=0, ok=len(texts), failed=2)
        # calls of our own are newer, and more than there is room for
        for n in range(80):
            self.put("chapter", producer=2, run="2026-11-21", series=f"host{n}.example", state=1, attempt=1, started_at=NOW, ended_at=NOW)
        self.put("chapter_sum", producer=2, ok=80)
        for id, in self.db.execute("SELECT id FROM series ORDER BY id").fetchall()[::2]:
            self.put("cover", series_id=id, made_at=NOW, bytes=len(JPEG), jpeg=JPEG, version=1, at=NOW)

    def much(self, hostile=True, texts=None):
        """Of each kind something; hostile: in every place where somebody else's text is shown."""
        texts = texts or (HOSTILE if hostile else []) + TITLES
        for n, title in enumerate(texts):
            volumes = [v for v in range(4, 8 + 3 * n) if v % 5]
            key = self.series(title, volumes, total=40 if n % 2 else None)
            if n % 3 == 0:
                self.find(key, title, volumes[:3])
            if n % 3 == 1:
                self.find(key, title, volumes[:1], self.hand(title, (n % 10) / 10, texts[0]), "downloading")
            self.error(title, f"page 7 of {title} does not unpack: CRC 1a2b3c4d")
            self.put("job", words=f"verify {title}", state="queued", submitted_at=NOW)
        self.error(b"caf\xe9/\xff\xfe.cbz", "it ends early", "incomplete")
        self.plan(texts)
        self.links(texts)
        self.measured(texts[:12])

    def wide(self, series, volumes):
        """So many missing volumes in so many series."""
        each = volumes // series
        for n in range(series):
            self.series(f"Series {n:04d} & <more>", [3 * v + 1 for v in range(each)], total=9999)
        # the largest pictures that there may be
        self.db.execute("INSERT OR REPLACE INTO cover SELECT id, 0, 0, 0, 0, 0, 0, 0, 0, '', 16384, 1, 1, zeroblob(16384) FROM series")

    def end(self):
        # the next version of everything
        self.db.execute("UPDATE topic SET version = version + 1, at = ?", (NOW,))
        self.db.commit()
        self.db.close()


def filled(lab, **what):
    """The lab with an index of nothing, filled by .much(), shown without an indexer unless it is started."""
    lab.start()
    lab.wait_idle()
    lab.stop()
    f = Filler(lab.state)
    f.much(**what)
    f.end()
    return lab
