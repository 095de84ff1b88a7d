# SPDX-License-Identifier: GPL-3.0-or-later
"""Covers: a small picture of each series' lowest volume, which comes after a scan and follows what becomes of its file."""
import io
import os
import struct
import subprocess
import tarfile
import zipfile
import zlib

from harness import BUILD, until

LONG_S = 60
QUICK = 'covers { per_minute = 60000 }\nscan { quiet = "100ms" }\n'


def png(colour, width=300, height=400, depth=8):
    """A picture of one colour, (r, g, b)."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    sample = bytes(colour) if depth == 8 else b"".join(bytes([c, c]) for c in colour)
    rows = (b"\0" + sample * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


RED, GREEN, BLUE, GREY = (220, 20, 20), (20, 200, 20), (20, 20, 220), (128, 128, 128)


def cbz(path, pages):
    """A volume of {name: bytes}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as z:
        for name, data in pages.items():
            z.writestr(name, data)
    part.rename(path)
    return path


def pixels(jpeg):
    """(width, height, the colour in the middle), by another program."""
    r = subprocess.run(["ffmpeg", "-v", "error", "-f", "jpeg_pipe", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                       input=jpeg, stdout=subprocess.PIPE, check=True)
    probe = subprocess.run(["ffprobe", "-v", "error", "-f", "jpeg_pipe", "-show_entries", "stream=width,height", "-of",
                            "csv=p=0", "-"], input=jpeg, stdout=subprocess.PIPE, check=True)
    width, height = map(int, probe.stdout.decode().strip().split(",")[:2])
    at = (height // 2 * width + width // 2) * 3
    return width, height, tuple(r.stdout[at:at + 3])


def is_colour(jpeg, colour):
    width, height, seen = pixels(jpeg)
    assert width <= 240 and height <= 340 and len(jpeg) <= 16 << 10
    return all(abs(a - b) < 24 for a, b in zip(seen, colour))


def cover(lab, series):
    try:
        return lab.read(f"manga/{series}/cover.jpg")
    except FileNotFoundError:
        return None


def wait_cover(lab, series, colour):
    """Until there is one of that colour; its bytes."""
    def shown():
        jpeg = cover(lab, series)
        return jpeg if jpeg and is_colour(jpeg, colour) else None
    return until(shown, LONG_S, lambda: f"a cover of {series}: {lab.indexer_log()}", pause=0.1)


def start(lab):
    lab.start()
    lab.wait_idle()


def test_follows_the_lowest_volume(lab):
    """A cover comes after the scan; a lower volume, another file, a file that goes: the cover follows, and nothing else of
    the series, and of other series, becomes another file."""
    lab.configure(extra=QUICK)
    cbz(lab.manga / "Akira" / "Akira v02.cbz", {"001.png": png(RED), "002.png": png(BLUE)})
    cbz(lab.manga / "Dune" / "Dune v01.cbz", {"01.png": png(GREY, 200, 300)})
    cbz(lab.manga / "Empty" / "Empty v01.cbz", {"01.jpg": b"no picture"})
    start(lab)
    wait_cover(lab, "Akira", RED)
    jpeg = wait_cover(lab, "Dune", GREY)
    assert pixels(jpeg)[:2] == (200, 300)
    assert "cover.jpg" in lab.listing("manga/Akira") and "cover.jpg" not in lab.listing("manga/Empty")
    assert cover(lab, "Empty") is None
    info = os.stat(lab.mnt / "manga/Dune/info.json"), lab.read("manga/Dune/info.json")
    other = os.stat(lab.mnt / "manga/Dune/cover.jpg")
    cbz(lab.manga / "Akira" / "Akira v01.cbz", {"1.png": png(GREEN)})
    wait_cover(lab, "Akira", GREEN)
    cbz(lab.manga / "Akira" / "Akira v01.cbz", {"1.png": png(BLUE), "2.png": png(RED)})
    wait_cover(lab, "Akira", BLUE)
    (lab.manga / "Akira" / "Akira v01.cbz").unlink()
    wait_cover(lab, "Akira", RED)
    assert (os.stat(lab.mnt / "manga/Dune/info.json"), lab.read("manga/Dune/info.json")) == info
    assert os.stat(lab.mnt / "manga/Dune/cover.jpg").st_mtime_ns == other.st_mtime_ns


def folder_of_pages(path):
    path.mkdir(parents=True)
    (path / "10.png").write_bytes(png(RED))
    (path / "2.png").write_bytes(png(BLUE))


def tar(path):
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as t:
        for name, colour in (("a/2.png", RED), ("a/1.png", BLUE)):
            info = tarfile.TarInfo(name)
            data = png(colour)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))


def seven(path):
    pages = path.parent.parent / "pages"
    path.parent.mkdir(parents=True)
    pages.mkdir()
    for name, colour in (("1.png", BLUE), ("2.png", RED)):
        (pages / name).write_bytes(png(colour))
    subprocess.run(["7z", "a", "-bso0", str(path), "."], cwd=pages, check=True)


def picture(colour, *format):
    """As ffmpeg writes it."""
    r = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=c=0x{bytes(colour).hex()}:s=1200x1800:d=1",
                        "-frames:v", "1", *format, "-"], stdout=subprocess.PIPE, check=True)
    return r.stdout


def test_every_kind_of_volume(make_lab):
    """Archives, folders, EPUBs: covers of all, with readers held as elsewhere."""
    lab = make_lab("kinds")
    lab.configure(extra=QUICK + "sandbox = \"auto\"")
    shelf = lab.manga
    jpeg = picture(BLUE, "-f", "mjpeg")
    cbz(shelf / "Zip" / "Zip v01.cbz", {"credits.jpg": picture(RED, "-f", "mjpeg"), "COVER.jpg": jpeg})
    cbz(shelf / "Wide" / "Wide v01.cbz", {"1.webp": picture(BLUE, "-c:v", "libwebp", "-f", "webp"),
                                          "ComicInfo.xml": b"<ComicInfo><Series>Wide</Series></ComicInfo>"})
    opf = (b'<package><metadata/><manifest><item id="i" href="z%20z.jpg" media-type="image/jpeg" properties="cover-image"/>'
           b'<item id="p" href="p.xhtml" media-type="application/xhtml+xml"/></manifest>'
           b'<spine><itemref idref="p"/></spine></package>')
    container = b'<container><rootfiles><rootfile full-path="o/content.opf"/></rootfiles></container>'
    cbz(shelf / "Book" / "Book v01.epub", {"mimetype": b"application/epub+zip", "META-INF/container.xml": container,
                                           "o/content.opf": opf, "o/a.jpg": picture(RED, "-f", "mjpeg"), "o/z z.jpg": jpeg})
    tar(shelf / "Tar" / "Tar v01.cbt")
    seven(shelf / "Seven" / "Seven v01.cb7")
    folder_of_pages(shelf / "Folder" / "Folder v01")
    names = ("Zip", "Wide", "Book", "Tar", "Seven", "Folder")
    start(lab)
    for name in names:
        wait_cover(lab, name, BLUE)
    assert [lab.json(f"manga/{name}/info.json")["owned"] for name in names] == [[1]] * len(names)


def test_as_many_as_are_kept(lab):
    """The option bounds them, none is made when it is 0, and they outlive the indexer."""
    for n in range(4):
        cbz(lab.manga / f"Series {n}" / "v01.cbz", {"1.png": png(GREY)})

    def shown():
        return [name for name in lab.listing("manga") if cover(lab, name)]

    def again(keep):
        lab.stop()
        lab.configure(extra=QUICK.replace("{", f"{{ keep = {keep} ", 1))
        start(lab)
    lab.configure(extra=QUICK.replace("{", "{ keep = 2 ", 1))
    start(lab)
    until(lambda: len(shown()) == 2, LONG_S, "two covers", pause=0.1)
    lab.rescan("full all")
    assert len(shown()) == 2
    again(10)
    until(lambda: len(shown()) == 4, LONG_S, "all covers", pause=0.1)
    stamps = [os.stat(lab.mnt / "manga" / name / "cover.jpg").st_mtime_ns for name in shown()]
    again(10)
    lab.rescan("full all")
    assert [os.stat(lab.mnt / "manga" / name / "cover.jpg").st_mtime_ns for name in shown()] == stamps
    again(0)
    until(lambda: not shown(), LONG_S, "no cover", pause=0.1)


def test_a_picture_made_anew_takes_no_room(lab):
    """Of two that are kept one is made anew: there is a place for the other."""
    lab.configure(extra=QUICK.replace("{", "{ keep = 2 ", 1))
    cbz(lab.manga / "Akira" / "Akira v01.cbz", {"1.png": png(RED)})
    start(lab)
    wait_cover(lab, "Akira", RED)
    lab.stop()
    cbz(lab.manga / "Akira" / "Akira v01.cbz", {"1.png": png(BLUE), "2.png": png(RED)})
    cbz(lab.manga / "Dune" / "Dune v01.cbz", {"1.png": png(GREEN)})
    start(lab)
    wait_cover(lab, "Akira", BLUE)
    wait_cover(lab, "Dune", GREEN)


def test_a_page_that_ends_its_reader(lab, monkeypatch):
    """It costs one reader, is not tried again at once, and the others have their covers."""
    counts = lab.dir / "counts"
    counts.write_bytes(bytes(8 * 7))
    monkeypatch.setenv("LD_PRELOAD", str(BUILD / "lib" / "poison.so"))
    monkeypatch.setenv("POISON_COUNTS", str(counts))
    cbz(lab.manga / "Bad" / "Bad v01.cbz", {"1.png": b"POISON segv\n" + bytes(4000)})
    cbz(lab.manga / "Good" / "Good v01.cbz", {"1.png": png(RED)})
    lab.configure(extra=QUICK)
    start(lab)
    wait_cover(lab, "Good", RED)
    until(lambda: counts.read_bytes()[0], LONG_S, "the bad page to be read", pause=0.1)
    cbz(lab.manga / "Last" / "Last v01.cbz", {"1.png": png(BLUE)})
    wait_cover(lab, "Last", BLUE)
    assert counts.read_bytes()[0] == 1 and cover(lab, "Bad") is None
    assert lab.json("manga/Bad/info.json")["owned"] == [1]


def test_a_picture_beside_tracks(lab, pieces):
    """A link to it stands among the links to the tracks, and follows what becomes of it, of an album of more tracks than
    one batch has."""
    lab.configure(extra=QUICK)
    folder = lab.music / "Artist" / "Album"
    folder.mkdir(parents=True)
    for n in range(40):
        (folder / f"{n:02}.flac").write_bytes(pieces.flac(f"Title {n}", "Somebody", "Something"))
    (folder / "Folder.JPG").write_bytes(b"a picture")
    shown = "music/artists/Somebody/Something"

    def links():
        return {name: os.readlink(lab.mnt / shown / name) for name in lab.listing(shown) if name.startswith("cover.")}

    def wait_links(expected):
        until(lambda: links() == {name: str(path) for name, path in expected.items()}, LONG_S,
              lambda: f"{expected}, there is {links()}", pause=0.1)
    start(lab)
    wait_links({"cover.jpg": folder / "Folder.JPG"})
    assert lab.read(f"{shown}/cover.jpg") == b"a picture"
    assert len(lab.listing(shown)) == 42
    (folder / "cover.png").write_bytes(b"another one")
    wait_links({"cover.png": folder / "cover.png"})
    (folder / "cover.png").rename(folder / "cover.webp")
    wait_links({"cover.webp": folder / "cover.webp"})
    lab.stop()
    (folder / "cover.webp").unlink()
    start(lab)
    wait_links({"cover.jpg": folder / "Folder.JPG"})
    (folder / "Folder.JPG").unlink()
    wait_links({})
    folder.rename(lab.music / "Other")
    (lab.music / "Other" / "front.jpeg").write_bytes(b"a third one")
    wait_links({"cover.jpg": lab.music / "Other" / "front.jpeg"})
