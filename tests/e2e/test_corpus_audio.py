# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd, old and broken audio files whose tags are known by how they were made: the shared corpus's, and ffmpeg's."""
import csv
import re
import shutil
import subprocess
import sys

import pytest

from corpus import SHARED

GENERATOR = SHARED / "corpus/gen_audio.py"
# what ffmpeg writes besides: file, its options, the format, which names it keeps there
NAMED = {"title": "Tïtle", "artist": "Ärtist"}
ENCODED = {
    "ogg.oga": (["-c:a", "flac", "-f", "ogg"], "oggflac", set(NAMED)),
    "speech.spx": (["-c:a", "libspeex", "-ar", "16000"], "speex", set(NAMED)),
    "layer2.mp2": (["-c:a", "mp2", "-b:a", "192k"], "mp2", set()),
    "stream.aac": (["-c:a", "aac", "-f", "adts"], "aac", set()),
    "book.m4b": (["-c:a", "aac", "-f", "mp4"], "m4a", set(NAMED)),
    "large.wav": (["-c:a", "pcm_s24le", "-rf64", "always"], "wav", set(NAMED)),
    "adpcm.wav": (["-c:a", "adpcm_ms"], "wav", set(NAMED)),
    "law.aifc": (["-c:a", "pcm_alaw", "-f", "aiff"], "aiff", {"title"}),
    "wide.wv": (["-c:a", "wavpack", "-ac", "6", "-ar", "96000"], "wavpack", set(NAMED)),
    "old.wma": (["-c:a", "wmav1"], "wma", set(NAMED)),
}
SECONDS = 7


def skip_without(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not there")


def encode(folder):
    """All by one run of ffmpeg."""
    folder.mkdir()
    outputs = []
    for name, (options, _, _) in ENCODED.items():
        channels = [] if "-ac" in options else ["-ac", "2"]
        names = [word for field, text in NAMED.items() for word in ("-metadata", f"{field}={text}")]
        outputs += [*channels, *options, *names, folder / name]
    source = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={SECONDS}:sample_rate=44100"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *source, *outputs], check=True)


def encode_musepack(folder):
    """ffmpeg only reads it."""
    if shutil.which("mpcenc"):
        subprocess.run(["mpcenc", "--silent", "--title", "Title", "--artist", "Artist", folder / "i.wav",
                        folder / "encoded/real.mpc"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def generate(folder):
    subprocess.run([sys.executable, GENERATOR, folder], check=True, stdout=subprocess.DEVNULL)
    encode(folder / "encoded")
    encode_musepack(folder)


@pytest.fixture
def audio(corpus, lab):
    """The rows of the truth and the exported tracks, both by the path below the generated folder."""
    skip_without("ffmpeg", "ffprobe")
    pytest.importorskip("mutagen")
    if not GENERATOR.exists():
        pytest.skip(f"{GENERATOR} is not there (set MEDIAMON_SHARED)")
    folder = corpus.cache / "odd-audio"
    corpus.once(folder, generate)
    lab.configure(music=folder)
    lab.start()
    lab.wait_idle()
    with open(folder / "truth.tsv") as f:
        truth = {row["file"]: row for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)}
    tracks = {path.removeprefix(f"{folder}/"): row for path, row in lab.export("tracks").items()}
    return lab, folder, truth, tracks


def cleaned(text):
    """As a tag of one line: control characters are blanks."""
    return re.sub(r"\\x01|\\n", " ", text)


def is_text(row, field, expected):
    """@expected: one text, several with " / " between, alternatives with " or " between, a remark in brackets."""
    if expected.startswith("(4 bytes"):
        return "\ufffd" in row[field]
    values = row.get({"artist": "artists", "genre": "genres"}.get(field), None) or [row.get(field) or ""]
    found = values if isinstance(values, list) else [values]
    return any(found == cleaned(each).split(" / ") for each in expected.split(" or "))


def is_number(row, field, expected, tolerance=0.001):
    value = row.get(field)
    if expected == "":
        return value is None
    return any(each == "unknown" and value is None or each != "unknown" and abs((value or 0) - float(each)) < tolerance
               for each in expected.split(" or "))


def faults(name, truth, row):
    """What of a row is not as it should be."""
    tolerance = 0.201 if "tolerance 0.2" in truth["note"] else 0.101
    right = {field: is_text(row, field, truth[field]) for field in ("artist", "album", "title", "genre")}
    right |= {field: is_number(row, field, truth[field]) for field in ("track", "year")}
    right["sample_rate"] = is_number(row, "sample_rate", truth["samplerate"])
    right["channels"] = is_number(row, "channels", truth["channels"])
    right["has_picture"] = bool(row.get("has_picture")) == (truth["cover"] == "True")
    right["duration_seconds"] = name == "no_total.flac" or is_number(row, "duration_seconds", truth["duration_s"],
                                                                     tolerance)
    return [f"{name}: {field} is {row.get(field)!r}" for field, good in right.items() if not good]


def encoded_faults(name, path, row):
    """The same of what ffmpeg wrote."""
    _, kind, names = ENCODED[name]
    rate, channels = probed(path)
    right = {"format": kind, "sample_rate": rate, "channels": channels}
    right |= {field: text if field in names else None for field, text in NAMED.items()}
    wrong = [field for field, value in right.items() if row.get(field) != value]
    if abs((row.get("duration_seconds") or 0) - SECONDS) > 0.1:
        wrong.append("duration_seconds")
    return [f"{name}: {field} is {row.get(field)!r}" for field in wrong]


def probed(path):
    """Seconds, rate and channels by ffprobe."""
    out = subprocess.run(["ffprobe", "-v", "error", "-of", "default=nk=1:nw=1", "-show_entries",
                          "stream=sample_rate,channels", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return tuple(int(word) for word in out.split()[:2])


def test_every_generated_file_is_read_as_it_was_made(audio):
    lab, folder, truth, tracks = audio
    broken = {name for name, row in truth.items() if not row["duration_s"]}
    found = {name for name in tracks if not name.startswith("encoded/")}
    assert found == truth.keys() - broken
    wrong = [fault for name in found for fault in faults(name, truth[name], tracks[name])]
    for name in ENCODED:
        wrong += encoded_faults(name, folder / "encoded" / name, tracks.get("encoded/" + name) or {})
    if (folder / "encoded/real.mpc").exists():
        row = tracks["encoded/real.mpc"]
        assert (row["format"], row["title"], row["artist"]) == ("musepack", "Title", "Artist")
        assert is_number(row, "duration_seconds", "2.0") and (row["sample_rate"], row["channels"]) == (44100, 2)
    assert not wrong, "\n".join(wrong)
    # the broken ones are told of, each with its reason
    errors = {item["path"]: item["reason"] for item in lab.newest("status/errors.json")["items"]}
    assert errors.keys() == {str(folder / name) for name in broken}
    assert all(len(reason.split()) >= 3 for reason in errors.values())
