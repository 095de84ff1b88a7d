# SPDX-License-Identifier: GPL-3.0-or-later
"""Any byte is possible in a name: every output parses, nothing raw reaches a terminal."""
import base64
import csv
import io
import json
import os
import unicodedata
import zipfile
from xml.sax.saxutils import escape

import mutagen
import pytest
from mutagen.id3 import TALB, TCON, TIT2, TPE1, TRCK

from test_bytes import virtual_files

# as names of files and folders: bytes
NAMES = [
    b"new\nline", b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"tab\there", b"bell\x07", b"\x7f", b"carriage\rreturn",
    b"\xff\xfe invalid", b"caf\xe9 latin", b"\xed\xa0\x80 surrogate", b"\xc0\xaf overlong", b"cut \xe6\x9d",
    b"-rf", b"--help", b"'single'", b'"double"', b"`id`", b"$(id)", b"a;b|c&d", b"*?[x]", b"back\\slash", b"%s%n",
    "rtl \u202egnp.exe".encode(), "\u200f\u200emarks".encode(), "\u2066isolate\u2069".encode(),
    "c1 \u0085 \u009b31m".encode(), "line \u2028 separator".encode(), "\ufeffbom".encode(),
    b"=cmd()", b"+1", b"@SUM(A1)", b"-1+2", b"dots...", b"space ", b" lead", b"...", b".. x", b". .", b"..hidden",
    b"<b>&amp;</b>", b"a,b", b"CON", b"x (2)", b"x", b"X", "é".encode(), "e\u0301".encode(), "STRASSE".encode(),
    "straße".encode(), "\U0001f600".encode(), b"x" * 250, "é".encode() * 124, "界".encode() * 83,
]
# as tags and ComicInfo fields: texts
TEXTS = [
    "new\nline", "\x1b[31mred", "\x1b]0;title\x07", "tab\there", "\x00nul", "..", ".", "", "   ", "/", "a/b", "../../etc",
    "-rf", "'single'", '"double"', "rtl \u202egnp", "\u2066isolate\u2069", "c1 \u009b31m", "\u2028\u2029", "=cmd()",
    "+1", "@SUM(A1)", "dots...", "space ", ".hidden", "<b>&</b>", "a,b;c", "x (2)", "x", "X", "x (2)", "é", "e\u0301",
    "STRASSE", "straße", "x" * 5000, "é" * 300, "界" * 300, "\ufffe", "\ufeff", "CON", "a\\b:c*d?e\"f<g>h|i",
]
HIDDEN = {"Cc", "Cs", "Zl", "Zp"}
BIDI = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def is_raw(c):
    return unicodedata.category(c) in HIDDEN or c in BIDI


def check_name(name):
    raw = os.fsencode(name)
    text = raw.decode("utf-8")
    assert 0 < len(raw) <= 255 and not text.startswith(".") and "/" not in text, raw
    assert not [c for c in text if is_raw(c)], raw


def check_listings(mnt):
    """Every name of every directory: safe, unique, and there."""
    seen = 0
    for folder, folders, files in os.walk(mnt, onerror=pytest.fail):
        names = folders + files
        assert len(names) == len(set(names)) == len({n.casefold() for n in names}), folder
        for name in names:
            check_name(name)
            os.lstat(os.path.join(folder, name))
            seen += 1
    return seen


def check_documents(lab):
    for path in virtual_files(lab.mnt):
        data = open(path, "rb").read()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as e:
            raise AssertionError(f"{path}: {e}: {data[max(e.start - 200, 0):e.end + 100]}") from None
        allowed = "\r\n\t" if path.endswith(".csv") else "\n"
        raw = {c for c in text if is_raw(c) and c not in allowed}
        assert not raw, f"{path}: {raw}"
        if path.endswith(".json"):
            strict(text)
        elif path.endswith(".jsonl"):
            for line in text.splitlines():
                strict(line)
        elif path.endswith(".csv"):
            assert text.count("\n") == text.count("\r\n")
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
            assert {len(row) for row in rows} == {len(rows[0])}
            live = [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r") and not is_number(cell)]
            assert not live, f"{path}: a spreadsheet runs {live}"


def is_number(text):
    try:
        return bool(float(text)) or True
    except ValueError:
        return False


def strict(text):
    """One JSON value with no key twice in an object."""
    def once(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), pairs
        return dict(pairs)
    return json.loads(text, object_pairs_hook=once)


def true_path(row):
    """The bytes of a path, from where the text had to replace some."""
    return base64.b64decode(row["path_bytes"]) if "path_bytes" in row else row["path"].encode()


def as_exported(lab, what):
    return {true_path(row) for row in lab.export(what).values()}


def check_export_is_text(lab):
    for what in ("tracks", "volumes", "errors"):
        out = lab.command("export", what)[1]
        assert not [c for c in out if is_raw(c) and c != "\n"]
        for line in out.split("\n")[:-1]:
            strict(line)


@pytest.fixture
def seed(corpus, tmp_path):
    """A FLAC and an MP3 file with ID3 tags."""
    tracks = corpus.music(tmp_path / "seed", 80, seed=2)
    return {kind: next(t.path for t in tracks if t.format == form)
            for kind, form in (("flac", "flac"), ("mp3", "id3v2.4"))}


def put(path, data):
    """Writes a file by the bytes of its path; False when the filesystem does not take the name."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def cbz(comicinfo=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("001.jpg", b"page")
        if comicinfo is not None:
            z.writestr("ComicInfo.xml", comicinfo)
    return out.getvalue()


def test_hostile_file_and_folder_names(lab, seed):
    music, manga = os.fsencode(lab.music), os.fsencode(lab.manga)
    # without tags the files' own names are shown
    bare = open(seed["mp3"], "rb").read()
    bare = bare[bare.index(b"\xff\xfb", 1000):]
    tracks, volumes, bad = set(), set(), set()
    for n, name in enumerate(NAMES):
        for path in (b"%s/%s/%s.mp3" % (music, name, name), b"%s/flat/%s.mp3" % (music, name)):
            put(path, bare)
            tracks.add(path)
        for path in (b"%s/%s/v01.cbz" % (manga, name), b"%s/All/%s.cbz" % (manga, name)):
            put(path, cbz())
            volumes.add(path)
        if n % 5 == 0:
            put(b"%s/%s/bad %s.flac" % (music, name, name[:200]), b"bad")
            bad.add(b"%s/%s/bad %s.flac" % (music, name, name[:200]))
    lab.start()
    lab.wait_idle()
    assert as_exported(lab, "tracks") == tracks
    assert as_exported(lab, "volumes") == volumes
    assert as_exported(lab, "errors") == bad == {true_path(i) for i in lab.json("status/errors.json")["items"]}
    assert check_listings(lab.mnt) > 4 * len(NAMES)
    check_documents(lab)
    check_export_is_text(lab)
    targets = {os.readlink(os.fsencode(os.path.join(folder, name)))
               for top in ("music/artists", "manga") for folder, _, files in os.walk(lab.mnt / top)
               for name in files if os.path.islink(os.path.join(folder, name))}
    assert targets >= tracks and all(os.path.exists(t) for t in targets)
    for line in lab.read("status/errors").decode().splitlines():
        assert line.isprintable(), line


def test_a_path_of_any_bytes_can_be_ordered(lab, seed):
    """All but a newline, which ends an order."""
    music, names = os.fsencode(lab.music), [n for n in NAMES if b"\n" not in n and n.strip(b" \t\r") == n]
    lab.start()
    lab.wait_idle()
    data = open(seed["flac"], "rb").read()
    for name in names:
        put(b"%s/%s/x.flac" % (music, name), data)
    for name in names:
        assert lab.order("rescan", b"%s/%s\n" % (music, name)) == 0, (name, lab.last())
        assert not [c for c in lab.last() if is_raw(c) and c != "\n"]
    lab.wait_idle()
    assert as_exported(lab, "tracks") == {b"%s/%s/x.flac" % (music, name) for name in names}
    check_documents(lab)


def test_a_long_order_is_cut_between_characters(lab, seed):
    """The metrics show the first 255 bytes of it, wherever a character of three lies."""
    lab.start()
    lab.wait_idle()
    for pad in range(3):
        folder = lab.music / ("x" * pad + "界" * 80)
        put(os.fsencode(folder / "x.flac"), open(seed["flac"], "rb").read())
        job = lab.accept("rescan", str(folder))
        # also while it runs
        while lab.jobs()[job]["state"] != "done":
            assert "\ufffd" not in lab.read("metrics/scan.json").decode()
        text = lab.newest_text("metrics/compare")
        assert f"{pad * 'x'}界界" in text and "界" in text.splitlines()[0][-60:]
        assert "\ufffd" not in text + lab.newest_text("metrics/scan.json") + lab.newest_text("metrics/scan.csv")


def test_hostile_tags(lab, seed):
    lab.music.mkdir(exist_ok=True)
    for n, text in enumerate(TEXTS):
        put(os.fsencode(lab.music / f"{n:03}.flac"), open(seed["flac"], "rb").read())
        audio = mutagen.File(lab.music / f"{n:03}.flac")
        for key in ("title", "artist", "albumartist", "album", "genre", "comment", "composer"):
            audio[key] = text
        audio["tracknumber"] = "1"
        audio.save()
        put(os.fsencode(lab.music / f"{n:03}.mp3"), open(seed["mp3"], "rb").read())
        audio = mutagen.File(lab.music / f"{n:03}.mp3")
        for frame in (TIT2, TPE1, TALB, TCON, TRCK):
            audio.tags.setall(frame.__name__, [frame(encoding=3, text=[text])])
        audio.save()
    lab.start()
    lab.wait_idle()
    assert len(lab.export("tracks")) == 2 * len(TEXTS)
    assert lab.json("status/errors.json")["items"] == []
    assert check_listings(lab.mnt) > 4 * len(TEXTS)
    check_documents(lab)
    check_export_is_text(lab)
    rows = lab.export("tracks")
    for n, text in enumerate(TEXTS):
        if text.isprintable() and text.strip() == text != "":
            row = rows[str(lab.music / f"{n:03}.flac")]
            assert row["title"] == row["album"] == row["artist"] == row["genre"] == text[:len(row["title"])]
            assert len(row["title"]) == len(text) or len(row["title"].encode()) > 900


def test_hostile_comicinfo(lab):
    texts = [t for t in TEXTS if not any(c in "\0\x07\x1b\ufffe" for c in t)]
    for n, text in enumerate(texts):
        fields = "".join(f"<{key}>{escape(text)}</{key}>" for key in
                         ("Series", "Title", "Writer", "Publisher", "Genre", "LanguageISO", "Number", "Volume", "Count"))
        put(os.fsencode(lab.manga / f"Series {n}" / f"Series {n} v01.cbz"), cbz(f"<ComicInfo>{fields}</ComicInfo>"))
    for n, raw in enumerate((b"<ComicInfo><Series>\xff\xfe\x1b[31m</Series></ComicInfo>", b"<ComicInfo>", b"\0" * 500,
                             b"<ComicInfo><Series>&#27;[31m&#x202e;x</Series></ComicInfo>",
                             b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><ComicInfo><Series>&x;</Series>"
                             b"<Title>&x;</Title></ComicInfo>")):
        put(os.fsencode(lab.manga / f"Raw {n}" / f"Raw {n} v01.cbz"), cbz(raw))
    lab.start()
    lab.wait_idle()
    rows = lab.export("volumes")
    assert len(rows) == len(texts) + 5
    assert check_listings(lab.mnt) > len(texts)
    check_documents(lab)
    check_export_is_text(lab)
    assert b"root:" not in b"".join(lab.read(f"manga/{name}/info.json") for name in lab.listing("manga"))


def test_clashing_names_get_a_number_and_keep_it(lab, seed):
    """Names that differ in case or in their unsafe characters only."""
    titles = ["x", "X", "x (2)", "x/", "x:", "x?", "x_", "É", "é", "e\u0301"]
    for n, title in enumerate(titles):
        put(os.fsencode(lab.music / f"{n:02}.flac"), open(seed["flac"], "rb").read())
        audio = mutagen.File(lab.music / f"{n:02}.flac")
        audio["title"], audio["album"], audio["albumartist"], audio["tracknumber"] = title, "Same", "Same", "1"
        audio.save()
    lab.start()
    lab.wait_idle()
    folder = "music/artists/Same/Same"
    names = lab.listing(folder)
    assert len(names) == len(titles) + 1 and {"01 - x.flac", "01 - X (2).flac", "01 - x (2) (2).flac"} <= set(names)
    assert len({os.readlink(lab.mnt / folder / n) for n in names if n != "album.json"}) == len(titles)
    before = {n: os.readlink(lab.mnt / folder / n) for n in names if n != "album.json"}
    lab.unmount()
    lab.start()
    lab.wait_idle()
    assert {n: os.readlink(lab.mnt / folder / n) for n in lab.listing(folder) if n != "album.json"} == before
    check_listings(lab.mnt)


def test_roots_with_hostile_paths(lab, seed):
    """The folders that are configured may have odd names themselves."""
    odd = lab.dir / 'odd "quoted" \\ =cmd() \u202e ünï'
    put(os.fsencode(odd / "x.flac"), open(seed["flac"], "rb").read())
    lab.configure(music=odd)
    lab.start()
    lab.wait_idle()
    assert as_exported(lab, "tracks") == {os.fsencode(odd / "x.flac")}
    root = lab.json("status/roots.json")["items"][0]
    assert (true_path(root), root["state"]) == (os.fsencode(odd), "present")
    check_documents(lab)
