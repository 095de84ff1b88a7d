# SPDX-License-Identifier: GPL-3.0-or-later
"""Every archive of the corpus of comics is read as its truth says, or is listed with what is wrong with it."""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from corpus import SHARED
from harness import until

GENERATOR, RARS = SHARED / "corpus/gen_comics.py", SHARED / "corpus/rar"
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(40)
# what its truth leaves open: (kind of error, a word of the reason)
BROKEN = {"truncated.cbz": ("incomplete", "no end"), "bad_cd_offset.cbz": ("incomplete", "index"),
          "text_named.cbz": ("corrupt", "text"), "zero.cbz": ("incomplete", "empty"),
          "pk_only.cbz": ("incomplete", "no end")}
# damage that costs the document about the volume, or nothing
WHOLE = {"bad_crc.cbz": None, "lie_size.cbz": "Série Éprouvante"}
# ... and a method that nobody here unpacks
WITHOUT_DOCUMENT = {"deflate64.cbz"}
FORMATS = {"zip_named.cbr": "cbz"}


@pytest.fixture
def comics(lab):
    """The corpus in the lab's manga root; its truth."""
    if not GENERATOR.exists() or not shutil.which("7z"):
        pytest.skip(f"{GENERATOR} or 7z is not there")
    subprocess.run([sys.executable, GENERATOR], cwd=lab.manga, check=True, stdout=subprocess.DEVNULL)
    with open(lab.manga / "expected.tsv", encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def errors(lab):
    return {item["path"]: item for item in lab.newest("status/errors.json")["items"]}


def document(row):
    info = row.get("comicinfo") or {}
    return json.loads(info) if isinstance(info, str) else info


def check_document(name, info, truth):
    """Numbers as the document writes them, without what is around them."""
    assert info.get("Series", "") == truth["Series"], name
    assert str(info.get("Number", "")).lstrip("0") == truth["Number"], name
    if truth["Volume"] not in ("", "-1"):
        assert info["Volume"] == int(truth["Volume"]), name


def check_row(name, truth, volume, error):
    if name in BROKEN:
        kind, word = BROKEN[name]
        assert error["kind"] == kind and word in error["reason"], name
    elif truth["expect"].startswith("encrypted"):
        assert error["kind"] == "corrupt" and "the archive is encrypted" in error["reason"], name
        assert volume.get("pages") == (None if "header" in name else 5), name
    else:
        assert error is None and volume, (name, error)
        low, _, high = (truth["pages"] or "5").partition("..")
        assert int(low) <= volume["pages"] <= int(high or low), name
        assert volume["format"] == FORMATS.get(name, name.rpartition(".")[2]), name
        if name in WHOLE:
            assert document(volume).get("Series") == WHOLE[name], name
        elif name == "xxe.cbz" or name in WITHOUT_DOCUMENT:
            assert not document(volume), name
        else:
            check_document(name, document(volume), truth)


def test_the_corpus_is_read_as_its_truth_says(lab, comics):
    for path in RARS.glob("*.rar"):
        shutil.copy(path, lab.manga)
    lab.start()
    lab.wait_idle()
    volumes, failed = lab.export("volumes"), errors(lab)
    seen = 0
    for truth in comics:
        path = str(lab.manga / truth["file"])
        if "*" not in path:
            check_row(truth["file"], truth, volumes.get(path), failed.get(path))
            seen += 1
    assert seen >= 45
    # flipped bits: each is known, and what is wrong with some is the file's fault
    flipped = [str(p) for p in (lab.manga / "bitflip").iterdir()]
    assert len(flipped) == 40 and all(p in volumes for p in flipped)
    assert {e["kind"] for e in failed.values()} <= {"corrupt", "incomplete"}
    for path in lab.manga.glob("*.rar"):
        reason = failed[str(path)]["reason"]
        assert reason == ("the archive is one part of several" if "multiarchive" in path.name else
                          "the archive is encrypted" if "encrypt" in path.name else "the archive holds no images")
    assert not os.path.exists("/tmp/evil.png") and not os.path.exists("/abs/evil.png")
    with open("/etc/hostname", encoding="utf-8") as f:
        host = f.read().strip()
    assert not host or volumes[str(lab.manga / "xxe.cbz")]["series"] != host


def pdf(pages):
    """A document by hand, with its list of objects."""
    kids = " ".join(f"{n} 0 R" for n in range(3, 3 + pages))
    bodies = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>"]
    bodies += ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * pages
    out, offsets = b"%PDF-1.4\n", []
    for n, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{at:010} 00000 n \n" for at in offsets)
    return out + (f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}trailer\n"
                  f"<< /Root 1 0 R /Size {len(bodies) + 1} >>\nstartxref\n{len(out)}\n%%EOF\n").encode()


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as f:
        for name, data in files:
            f.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def tarred(files, mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as f:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            f.addfile(info, io.BytesIO(data))
    return out.getvalue()


def epub():
    container = '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>'
    package = ('<package><metadata><title>x</title></metadata><manifest/><spine><itemref idref="a"/>'
               '<itemref idref="b"/></spine></package>')
    return zipped([("mimetype", "application/epub+zip"), ("META-INF/container.xml", container), ("c.opf", package)])


def make_one_of_each(folder):
    """{file: (format, pages)}; names say nothing of what is inside of some."""
    folder.mkdir()
    pages = [("1.png", IMAGE), ("2.png", IMAGE)]
    files = {"S v01.cbz": ("cbz", zipped(pages)), "S v02.cbt": ("cbt", tarred(pages, "w")),
             "S v03.tar.gz": ("cbt", tarred(pages, "w:gz")), "S v04.epub": ("epub", epub()),
             "S v05.pdf": ("pdf", pdf(2)), "S v06.zip": ("cbt", tarred(pages, "w"))}
    for name, (_, data) in files.items():
        (folder / name).write_bytes(data)
    return {name: kind for name, (kind, _) in files.items()}


def test_what_is_switched_off_is_known_by_its_name_and_said_once(lab):
    formats = make_one_of_each(lab.manga / "S")
    lab.configure(extra='archives = { "zip" }')
    lab.start()
    lab.wait_idle()
    rows = {os.path.basename(path): row for path, row in lab.export("volumes").items()}
    assert {name: row["format"] for name, row in rows.items()} == formats
    assert [rows[name]["volume"] for name in sorted(rows)] == [1, 2, 3, 4, 5, 6]
    assert {name for name, row in rows.items() if row.get("pages")} == {"S v01.cbz"} and not errors(lab)
    health = lab.newest("status/health.json")
    assert health["state"] == "ok" and len(health["notes"]) == 1
    assert "rar, 7z, tar, epub, pdf" in health["notes"][0] and "archives" in health["notes"][0]
    assert health["notes"][0] in lab.read("status/health").decode()


def test_every_kind_is_opened_unless_it_is_switched_off(lab):
    formats = make_one_of_each(lab.manga / "S")
    lab.start()
    lab.wait_idle()
    rows = {os.path.basename(path): row for path, row in lab.export("volumes").items()}
    assert {name: (row["format"], row["pages"]) for name, row in rows.items()} == {n: (f, 2) for n, f in formats.items()}
    assert lab.newest("status/health.json")["notes"] == []


def test_folders_of_pictures_are_volumes(lab):
    def folder(path, *names):
        (lab.manga / path).mkdir(parents=True)
        for name in names:
            (lab.manga / path / name).write_bytes(IMAGE)

    folder("Pictures/Tome 01", "001.jpg", "002.PNG", "Thumbs.db", ".hidden.jpg")
    folder("Pictures/Tome 02", "001.jpg", "002.jpg", "003.webp")
    folder("Pictures/Notes", "1.jpg", "read me.txt")
    folder("Pictures/Empty")
    folder("Archives/Extras", "1.jpg")
    (lab.manga / "Archives/Archives v01.cbz").write_bytes(zipped([("1.png", IMAGE)]))
    folder("Loose", "1.jpg")
    lab.start()
    lab.wait_idle()

    def seen():
        rows = lab.export("volumes")
        return {os.path.relpath(p, lab.manga): (r["format"], r["volume"], r["pages"]) for p, r in rows.items()}
    first = {"Pictures/Tome 01": ("folder", 1, 2), "Pictures/Tome 02": ("folder", 2, 3),
             "Archives/Archives v01.cbz": ("cbz", 1, 1)}
    assert seen() == first and not errors(lab)
    assert json.loads(lab.read("manga/Pictures/info.json"))["owned"] == [1, 2]
    # a page more, a volume more, and one that is none any more: noticed without being asked
    (lab.manga / "Pictures/Tome 02/004.jpg").write_bytes(IMAGE)
    folder("Pictures/Tome 03", "1.jpg")
    changed = first | {"Pictures/Tome 02": ("folder", 2, 4), "Pictures/Tome 03": ("folder", 3, 1)}
    until(lambda: seen() == changed, 60, "the new pages and the new volume")
    shutil.rmtree(lab.manga / "Pictures/Tome 03")
    (lab.manga / "Pictures/Tome 01/notes.txt").write_text("x")
    del changed["Pictures/Tome 03"], changed["Pictures/Tome 01"]
    until(lambda: seen() == changed, 60, "two volumes less")
