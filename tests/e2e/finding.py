# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab that looks for missing volumes: stand-ins beside it, a small library, waiting for what comes."""
import base64
import errno
import hashlib
import os
import sqlite3
import struct
import sys
import time
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

from harness import until

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from prowlarr import release, torrent  # noqa: E402

WAIT_S = 15
#: what cbz() makes, about: less would be no volume
VOLUME_BYTES = 1_000_000


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(seed):
    raw = b"\0" + hashlib.sha256(seed.encode()).digest()[:24]
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def cbz(path, pages=3):
    """A volume; whole at once, as a download that is moved into the library."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name("." + path.name + ".part")
    with zipfile.ZipFile(new, "w") as z:
        for i in range(pages):
            fill = bytes(VOLUME_BYTES - 1000 if i == 0 else 0)
            z.writestr(f"{i:03}.png", picture(f"{path.name} {i}") + fill)
    new.rename(path)
    return path


def own(lab, series, *volumes):
    for v in volumes:
        cbz(lab.manga / series / f"{series} T{v:02}.cbz")


def offer(prowlarr, number, title, **more):
    """A release with its torrent, as large as our volumes are; returns the info-hash."""
    more = {"size": VOLUME_BYTES, **more}
    data, info_hash = torrent(title)
    r = release(number, title, **more)
    prowlarr.state["files"][r["link"]] = base64.b64encode(data).decode()
    prowlarr.state["releases"].append(r)
    return info_hash


def ed2k(name, size=VOLUME_BYTES, digest=None):
    digest = digest or hashlib.md5(name.encode()).hexdigest()
    return f"ed2k://|file|{quote(name)}|{size}|{digest.upper()}|/", digest.lower()


def ebdz(path, rows):
    """The table as its collector makes it; rows: (link, thread title) with whatever volume it guessed."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE IF NOT EXISTS ed2k_links(id INTEGER PRIMARY KEY, link TEXT UNIQUE, filename TEXT, "
               "filesize TEXT, volume INTEGER, thread_title TEXT, thread_url TEXT, thread_id TEXT, "
               "forum_category TEXT, cover_image TEXT, description TEXT, date_scraped TEXT)")
    for link, thread, *volume in rows:
        name, size = link.split("|")[2:4]
        db.execute("INSERT INTO ed2k_links(link, filename, filesize, volume, thread_title, thread_url, thread_id, "
                   "date_scraped) VALUES(?, ?, ?, ?, ?, 'https://ebdz.net/forum/showthread.php?tid=1', '1', "
                   "'2026-01-02 03:04:05')", (link, name, size, volume[0] if volume else None, thread))
    db.commit()
    db.close()
    return path


def secret(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(fd, "w") as f:
        f.write(text + "\n")
    return path


class Finds:
    """A lab with what it is to be asked of and told to.  configure() as often as it changes."""

    def __init__(self, lab):
        self.lab, self.sections = lab, {}
        self.log_level = "info"
        self.set("scan", watch="inotify", quiet="100ms")
        self.set("monitor", auto_check_enabled="false")
        self.set("requests", check_interval="200ms", delay="0s")

    def set(self, section, **options):
        self.sections.setdefault(section, {}).update(options)
        return self

    def configure(self):
        """Other keys of a section stay as they were set before."""
        def value(v):
            if isinstance(v, (list, tuple)):
                return "{ " + ", ".join(f'"{i}"' for i in v) + " }"
            return str(v) if str(v) in ("true", "false") or isinstance(v, int) else f'"{v}"'
        text = "".join(f"{name} {{\n" + "".join(f"  {k} = {value(v)}\n" for k, v in options.items()) + "}\n"
                       for name, options in self.sections.items())
        self.lab.configure(extra=text)
        conf = self.lab.conf.read_text().replace('log_level = "warning"', f'log_level = "{self.log_level}"')
        self.lab.conf.write_text(conf)
        return self

    def use_prowlarr(self, standin, **more):
        key = secret(self.lab.dir / "prowlarr.key", standin.state["key"])
        return self.set("prowlarr", url=standin.url, api_key_file=key, **more)

    def use_ebdz(self, rows):
        return self.set("ebdz", database=ebdz(self.lab.dir / "ebdz.db", rows))

    def use_webhook(self, hook):
        return self.set("webhook", url_file=hook.secret_file(self.lab.dir / "webhook"))

    def use_blackhole(self):
        folder = self.lab.dir / "blackhole"
        folder.mkdir(exist_ok=True)
        self.set("blackhole", folder=folder)
        return folder

    def start(self, dry=False):
        self.configure()
        self.lab.start()
        self.lab.wait_idle()
        if not dry:
            self.lab.accept("dry-run", "off")
        return self

    # --- what it shows ---

    def missing(self, series=None):
        """{volume: row} of a series, or {(series, volume): row}."""
        rows = self.lab.newest("status/missing.json")["items"]
        if series is None:
            return {(r["series"], r["volume"]): r for r in rows}
        return {r["volume"]: r for r in rows if r["series"] == series}

    def results(self, series, volume):
        return self.lab.newest(f"manga/{series}/missing/{volume}/results.json")["items"]

    def explain(self, series, volume):
        return self.lab.read(f"manga/{series}/missing/{volume}/explain").decode()

    def requests(self):
        return self.lab.newest("status/requests.json")["items"]

    def host(self, name):
        rows = self.lab.newest("metrics/search.json")["hosts"]
        return next((h for h in rows if h["name"].startswith(name)), None)

    def feed(self, name):
        rows = self.lab.newest("metrics/search.json")["feeds"]
        return next((f for f in rows if f["source"] == name), {"source": name, "state": "not read yet"})

    # --- what one does and waits for ---

    def search(self, words):
        self.lab.accept("search", words)

    def wait_missing(self, series, *volumes):
        return until(lambda: set(self.missing(series)) == set(volumes), WAIT_S,
                     lambda: f"{volumes} are missing of {series}: {set(self.missing(series))}")

    def wait_results(self, series, volume, check=bool):
        def found():
            rows = self.results(series, volume)
            return rows if check(rows) else None
        return until(found, WAIT_S, lambda: f"results of {series} {volume}; {self.explain(series, volume)}")

    def found(self, series, volume):
        """Searches; the results when all sources were asked."""
        self.search(f"{series} {volume}")
        return self.wait_results(series, volume)

    def wait_explained(self, series, volume, *words):
        def says():
            text = self.explain(series, volume)
            return text if all(w in text for w in words) else None
        return until(says, WAIT_S, lambda: f"{words} in explain: {self.explain(series, volume)}")

    def write(self, path, words):
        """0 or the errno of write()."""
        data = (words + "\n").encode()
        fd = os.open(self.lab.mnt / path, os.O_WRONLY | os.O_TRUNC)
        try:
            return 0 if os.write(fd, data) == len(data) else errno.EIO
        except OSError as e:
            return e.errno
        finally:
            os.close(fd)

    def grab(self, series, volume, line=1):
        return self.write(f"manga/{series}/missing/{volume}/grab", str(line))

    def wait_request(self, state, series, volume, **more):
        def there():
            for r in self.requests():
                if r["series"] == series and volume in r["volumes"] and r["state"] == state \
                        and all(r.get(k) == v for k, v in more.items()):
                    return r
            return None
        return until(there, WAIT_S, lambda: f"a request of {series} {volume} that is {state}: {self.requests()}\n"
                     f"{self.lab.indexer_log()[-2000:]}")


def refused(lab, got, error, *words):
    """The errno, and the sentence in control/last."""
    assert errno.errorcode.get(got, got) == errno.errorcode[error], lab.last()
    return until(lambda: lab.last() if all(w in lab.last() for w in words) else None, 5,
                 f"{words} in control/last: {lab.last()}")


def dropped_in(folder):
    """What whoever watches a blackhole sees: a file that is still being written there is hidden."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def settle(check, seconds=1.0):
    """What check() says does not change for so long; and that."""
    end, last = time.monotonic() + seconds, check()
    while time.monotonic() < end:
        time.sleep(0.05)
        now = check()
        assert now == last, f"{last} became {now}"
    return last
