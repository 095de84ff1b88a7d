# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs on the command line: what they print and how they exit."""
import json
import os
import subprocess

import pytest

from harness import MEDIAMON, MEDIAMOND

USAGE, UNAVAILABLE, TRY_LATER, CONFIG = 2, 69, 75, 78


BOTH = pytest.mark.parametrize("program", [MEDIAMON, MEDIAMOND], ids=["mediamon", "mediamond"])


def run(*words, **options):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, **options)


@BOTH
def test_wrong_words_print_the_usage(program, lab):
    r = run(program)
    assert r.returncode == USAGE and r.stderr.startswith("usage: ") and not r.stdout
    assert run(program, "--no-such-option").returncode == USAGE
    assert run(program, lab.conf, lab.mnt, "third").returncode == USAGE
    r = run(program, "--help")
    assert r.returncode == 0 and r.stdout.startswith("usage: ") and not r.stderr
    r = run(program, "--version")
    assert r.returncode == 0 and r.stdout.startswith(os.path.basename(program) + " ")


@BOTH
def test_a_configuration_is_checked(program, lab):
    r = run(program, "--check-config", lab.conf)
    assert (r.returncode, r.stdout) == (0, f"{lab.conf}: ok\n")
    assert run(program, "--check-config", lab.dir / "absent").returncode == CONFIG


@BOTH
@pytest.mark.parametrize("line, wrong, near", [
    ('musick = { "/b" }', "musick", "music"), ("scan { wokers = 3 }", "wokers", "workers"),
    ('state_dri = "/x"', "state_dri", "state_dir"), ("scan {\n  deadlin = 1\n}", "deadlin", "deadline")])
def test_an_unknown_key_is_named_with_its_line_and_the_nearest_key(program, lab, line, wrong, near):
    lab.configure(extra=line)
    number = 1 + next(i for i, text in enumerate(lab.conf.read_text().splitlines()) if wrong in text)
    r = run(program, "--check-config", lab.conf)
    assert r.returncode == CONFIG and not r.stdout
    assert r.stderr.startswith(f"{lab.conf}:{number}: ") and f'"{wrong}"' in r.stderr and f'"{near}"' in r.stderr


@pytest.mark.parametrize("line, named", [
    ('music = "unclosed', ":"), ("scan { workers = 99 }", "workers"), ('scan { deadline = "soon" }', "deadline"),
    ('log_level = "loud"', "log_level"), ("scan { workers = many }", "workers"), ("manga { }", "manga")])
def test_an_invalid_configuration_starts_nothing(lab, line, named):
    lab.configure(extra=line)
    for words in ([MEDIAMON, "--check-config", lab.conf], [MEDIAMOND, lab.conf], [MEDIAMON, lab.conf, lab.mnt],
                  [MEDIAMON, "doctor", "--config", lab.conf]):
        r = run(*words, timeout=10)
        assert r.returncode == CONFIG, (words, r.stderr)
        assert r.stderr.startswith(f"{lab.conf}:") and named in r.stderr, r.stderr
    assert not lab.state.exists()


@BOTH
def test_the_default_configuration_is_valid_and_tells_every_option(program, tmp_path):
    r = run(program, "--print-default-config")
    assert r.returncode == 0
    for key in ("music", "manga", "links", "state_dir", "path_map", "group", "log_level", "workers", "walkers",
                "interval", "deadline", "exclude", "first_volume"):
        assert key in r.stdout
    (tmp_path / "default.conf").write_text(r.stdout)
    assert run(program, "--check-config", tmp_path / "default.conf").returncode == 0


def test_a_mount_point_must_be_a_folder(lab):
    for mnt in (lab.dir / "absent", lab.conf):
        r = run(MEDIAMON, "-o", "noindexer", lab.conf, mnt)
        assert r.returncode == UNAVAILABLE and str(mnt) in r.stderr


def test_dump_prints_what_the_mount_shows(small):
    for path in ("README.txt", "metrics/scan.csv", "status/missing", "status/errors", "control/rescan", "events.jsonl",
                 "manga/" + small.listing("manga")[0] + "/info.json"):
        status, out, _ = small.command("dump", path)
        assert (status, out) == (0, small.read(path).decode().replace("\r\n", "\n")), path
    status, out, _ = small.command("dump", "status/missing.json")
    assert json.loads(out)["items"] == small.json("status/missing.json")["items"]
    status, out, _ = small.command("dump", "manga")
    assert sorted(line.rstrip("/") for line in out.splitlines()) == small.listing("manga")
    artist = small.listing("music/artists")[0]
    album = small.listing(f"music/artists/{artist}")[0]
    link = next(n for n in small.listing(f"music/artists/{artist}/{album}") if n != "album.json")
    path = f"music/artists/{artist}/{album}/{link}"
    assert small.command("dump", path)[1] == os.readlink(small.mnt / path) + "\n"
    status, out, err = small.command("dump", "status/nothing")
    assert (status, out) == (1, "") and "No such file" in err


def test_orders_work_without_a_mount(small):
    small.unmount()
    status, out, _ = small.command("order", "rescan", "full", "manga")
    assert status == 0 and "accepted as job 2" in out
    status, out, err = small.command("order", "rescan", "mangas")
    assert (status, out) == (1, "") and "EINVAL" in err and '"mangas"' in err
    status, _, err = small.command("order", "rescam", "all")
    assert status == USAGE and "rescam" in err and "rescan" in err
    assert small.command("order")[0] == USAGE
    small.kill_indexer()
    assert small.command("order", "rescan", "all")[0] == TRY_LATER


def test_export_prints_one_object_a_line(small):
    assert len(small.export("tracks")) == 200 and len(small.export("volumes")) > 20
    assert small.export("errors") == small.export("links") == {}
    (small.music / "bad.flac").write_bytes(b"")
    small.rescan("music")
    row = small.export("errors")[str(small.music / "bad.flac")]
    assert row["kind"] == "incomplete" and "0 bytes" in row["reason"]
    assert small.command("export", "albums")[0] == USAGE


def test_doctor_tells_what_is_wrong(small):
    _, out, _ = small.command("doctor")
    lines = dict(line.split(maxsplit=1) if not line.startswith("state dir") else ("state", line.split()[2])
                 for line in out.splitlines())
    for check in ("/dev/fuse", "configuration", "folders", "state", "indexer", "store"):
        assert lines[check].startswith("ok"), out
    small.kill_indexer()
    os.rename(small.music, small.dir / "elsewhere")
    status, out, _ = small.command("doctor")
    wrong = [line for line in out.splitlines() if "PROBLEM" in line]
    assert status == 1 and any(line.startswith("indexer ") for line in wrong)
    assert any(line.startswith("folders ") and str(small.music) in line for line in wrong)


def test_guess_reads_names_as_words_and_as_lines():
    names = ["Naruto T01-T05.zip", "One Piece v12.cbz", "Bleach - Ch. 004.5.cbz", "東京食堂 第3巻.cbz", "x"]
    by_words, by_lines = run(MEDIAMOND, "guess", *names), run(MEDIAMOND, "guess", input="\n".join(names) + "\n")
    assert by_words.returncode == by_lines.returncode == 0
    rows = [json.loads(line) for line in by_words.stdout.splitlines()]
    assert rows == [json.loads(line) for line in by_lines.stdout.splitlines()]
    assert [row["name"] for row in rows] == names
    assert [(r["series"], r["kind"]) for r in rows[:4]] == [
        ("Naruto", "range"), ("One Piece", "volume"), ("Bleach", "chapter"), ("東京食堂", "volume")]
    assert (rows[0]["volume"], rows[0]["volume_end"], rows[1]["volume"], rows[2]["chapter"]) == (1, 5, 12, 4.5)
    keys = {"name", "series", "volume", "volume_end", "chapter", "chapter_end", "year", "language", "kind", "rule"}
    assert all(keys <= row.keys() for row in rows)
