# SPDX-License-Identifier: GPL-3.0-or-later
"""The test files of TagLib, mutagen and flac, as Debian keeps their sources: what the peers agree on, we say too."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import peer_files
from harness import LONG

pytestmark = pytest.mark.skipif(not LONG, reason="LONG=1: sources are fetched from Debian")

#: packages, and a folder with test files in each
SOURCES = {"taglib": "tests/data", "mutagen": "tests/data", "flac": "test"}
#: releases of Debian, the first that has a package's sources is taken
RELEASES = "bookworm", "trixie"
MIRROR, KEYS = "http://deb.debian.org/debian", "/usr/share/keyrings/debian-archive-keyring.gpg"
FORMATS = ("flac mp3 mp2 ogg oga oggflac opus spx m4a m4b mp4 wav aif aiff aifc ape wv mpc wma dsf").split()
#: a suffix that no player knows: the same by the one they do
SUFFIXES = {".oggflac": ".oga"}

SHORT = re.compile(r"incomplete: the file ends at [\d,]+ bytes, .* at least ([\d,]+)$")
LARGEST = 1 << 30

#: (file, field): why we say something else than the peers, who agree
EXPLAINED = {
    ("taglib/zero-sized-padding.flac", "title"): "4,118 letters; a text of ours ends at 4,096 bytes (common/media.h)",
}
CUT = "most of the sound was cut off, and no length of the file is told: it is not whole, as a download that runs"
OLD = "stream versions 4 to 6, of before 2001"
#: file: why we list it as an error though peers read it
UNREAD = {
    "mutagen/52-too-short-block-size.flac": CUT,
    "mutagen/variable-block.flac": CUT,
    "mutagen/sv4_header.mpc": OLD, "mutagen/sv5_header.mpc": OLD, "taglib/sv4_header.mpc": OLD,
    "taglib/sv5_header.mpc": OLD,
    "taglib/zerodiv.ape": "its header tells of no channels: no player can play it",
    "taglib/ilst-is-last.m4a": "cut off within an atom: it is not whole",
    "taglib/infloop.m4a": "an atom is said to end behind the file's end: it is not whole",
}


def apt(folder, release, *words):
    """apt-get with lists and archives of its own."""
    place = folder / release
    (place / "lists/partial").mkdir(parents=True, exist_ok=True)
    (place / "sources.list").write_text(f"deb-src [signed-by={KEYS}] {MIRROR} {release} main\n")
    settings = {"Dir::Etc::sourcelist": place / "sources.list", "Dir::Etc::sourceparts": "-", "Dir::Cache": place,
                "Dir::State::Lists": place / "lists", "APT::Sandbox::User": "root"}
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(["apt-get", *options, *words], cwd=place, capture_output=True, text=True, timeout=300)
    return done.returncode == 0


def archive(folder, package):
    """Upstream's part of a source package is enough; None when no release has it."""
    for release in RELEASES:
        if not any((folder / release / "lists").glob("*Sources*")) and not apt(folder, release, "update", "-qq"):
            continue
        apt(folder, release, "source", "--download-only", "-qq", package)
        found = [p for p in (folder / release).glob(f"{package}_*.orig.tar.*") if p.suffix != ".asc"]
        if found:
            return found[0]
    return None


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """A folder of music, test files of one package in each of its folders."""
    if not shutil.which("apt-get"):
        pytest.skip("apt-get is not here")
    if not shutil.which("ffprobe"):
        pytest.skip("ffprobe is not here (contrib/deps.sh bench)")
    folder, music = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("music")
    absent = [package for package in SOURCES if not unpack(folder, music, package)]
    if len(absent) == len(SOURCES):
        pytest.skip(f"apt-get source does not reach {MIRROR}")
    print("not reached:", *absent)
    return music


def unpack(folder, music, package):
    tarball = archive(folder, package)
    if not tarball:
        return False
    place = folder / f"{package}.unpacked"
    place.mkdir()
    subprocess.run(["tar", "-xf", tarball, "-C", place, "--strip-components=1"], check=True)
    (music / package).mkdir()
    for file in sorted((place / SOURCES[package]).rglob("*")):
        if file.suffix[1:].lower() in FORMATS and file.is_file() and not file.is_symlink():
            shutil.copyfile(file, music / package / (file.stem + SUFFIXES.get(file.suffix, file.suffix)))
    return True


def restore_sizes(errors):
    """Upstream cut most of the sound off to save room, and a file that is not whole is no track: with zeros behind it
    is as large as it was.  True when there was one."""
    short = {path: int(m.group(1).replace(",", "")) for path, e in errors.items() if (m := SHORT.match(e["reason"]))}
    for path, size in short.items():
        if size <= LARGEST:
            os.truncate(path, size)
    return bool(short)


def ours_of(row, field):
    """As peer_files has it."""
    value = row.get({"artist": "artists", "genre": "genres"}.get(field, field))
    if value in (None, "", []):
        return None
    return tuple(value if isinstance(value, list) else [value]) if field in peer_files.TEXTS else value


def differences(path, row, told):
    for field, theirs in peer_files.agreed(told).items():
        ours = ours_of(row, field)
        if ours is None or not peer_files.is_same(field, ours, theirs):
            yield field, ours, theirs


@pytest.fixture
def indexed(lab, fetched):
    """(tracks, errors): exports."""
    lab.configure(music=fetched)
    lab.start()
    lab.wait_idle()
    if restore_sizes(lab.export("errors")):
        lab.rescan("all")
    return lab.export("tracks"), lab.export("errors")


def test_fields_equal_what_peers_agree_on(indexed, fetched, capsys):
    tracks, errors = indexed
    taglib, compared, wrong, unread = peer_files.TagLib(), 0, {}, {}
    for path in sorted(p for p in fetched.rglob("*") if p.is_file()):
        name, told = str(path.relative_to(fetched)), peer_files.opinions(path, taglib)
        if str(path) in tracks:
            compared += len(peer_files.agreed(told))
            wrong |= {(name, field): both for field, *both in differences(path, tracks[str(path)], told)}
        elif len(told) >= 2:
            unread[name] = errors.get(str(path), {}).get("reason", "not indexed")
    with capsys.disabled():
        print(f"\n{len(tracks)} files, {compared} fields that peers agree on, {len(wrong)} differ, {len(unread)} unread")
    assert compared > 100
    new = [f"{file}: {field}: {ours!r:.99}, peers: {theirs!r:.99}" for (file, field), (ours, theirs) in wrong.items()
           if (file, field) not in EXPLAINED]
    new += [f"{file}: {reason}" for file, reason in unread.items() if file not in UNREAD]
    assert not new, "\n".join(["", *new])
