# SPDX-License-Identifier: GPL-3.0-or-later
"""What other programs say of a file of sound: mutagen, ffprobe, TagLib.  Only the fields that all can tell.

An opinion is {field: value}; a field that the program does not tell of is not in it.  Texts are tuples of values.
"""
import ctypes
import ctypes.util
import json
import re
import subprocess

import mutagen
from mutagen.id3 import ID3

TEXTS = ("title", "artist", "album", "album_artist", "genre", "composer")
NUMBERS = ("track", "disc", "year")
#: keys of mutagen, of whichever format has them, in lower case
MUTAGEN_KEYS = {
    "title": ("title", "wm/title", "\xa9nam", "inam"), "artist": ("artist", "author", "\xa9art", "iart"),
    "album": ("album", "wm/albumtitle", "\xa9alb", "iprd"),
    "album_artist": ("albumartist", "album artist", "album_artist", "wm/albumartist", "aart"),
    "genre": ("genre", "wm/genre", "\xa9gen", "gnre", "ignr"), "composer": ("composer", "wm/composer", "\xa9wrt"),
    "track": ("tracknumber", "track", "wm/tracknumber", "trkn", "itrk"), "disc": ("discnumber", "disc", "wm/partofset", "disk"),
    "year": ("date", "year", "wm/year", "\xa9day", "icrd")}
ID3_FRAMES = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "album_artist": "TPE2", "genre": "TCON",
              "composer": "TCOM", "track": "TRCK", "disc": "TPOS", "year": "TDRC"}
FFPROBE_KEYS = {"title": ("title",), "artist": ("artist",), "album": ("album",), "album_artist": ("album_artist",),
                "genre": ("genre",), "composer": ("composer",), "track": ("track",), "disc": ("disc",),
                "year": ("date", "year", "tyer", "tdrc")}


def number(text):
    """Of "3/12" the 3; 0 is no number of a track, a disc or a year."""
    found = re.match(r"\s*(\d+)", str(text))
    return int(found.group(1)) if found and int(found.group(1)) else None


def year(text):
    found = re.search(r"(?<!\d)(\d{4})(?!\d)", str(text))
    return int(found.group(1)) if found and int(found.group(1)) else None


def normal(field, values):
    """What a field's texts mean; None: nothing."""
    if field in NUMBERS:
        return (year if field == "year" else number)(values[0]) if values else None
    texts = tuple(text.strip() for value in values for text in re.split(r"[\0\x1f]", str(value)) if text.strip())
    return texts or None


def opinion(pairs, seconds):
    told = {field: value for field, values in pairs if (value := normal(field, values)) is not None}
    return told | ({"duration_seconds": seconds} if seconds else {})


# --- mutagen ---

def id3_values(tags, field):
    frame = tags.get(ID3_FRAMES[field])
    if frame is None:
        return []
    return list(frame.genres) if field == "genre" else [str(text) for text in frame.text]


def plain(value):
    if isinstance(value, tuple):
        return str(value[0])
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def other_values(tags, field):
    named = {key.lower(): key for key in tags.keys()}
    for key in MUTAGEN_KEYS[field]:
        if key in named:
            value = tags[named[key]]
            return [plain(v) for v in (value if isinstance(value, list) else list(value))]
    return []


def by_mutagen(path):
    try:
        file = mutagen.File(path)
    except Exception:
        return None
    if file is None:
        return None
    tags = file.tags
    values = id3_values if isinstance(tags, ID3) else other_values
    pairs = [] if tags is None else [(f, values(tags, f)) for f in TEXTS + NUMBERS]
    return opinion(pairs, getattr(file.info, "length", 0))


# --- ffprobe ---

def by_ffprobe(path):
    done = subprocess.run(["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path],
                          capture_output=True, timeout=60)
    if done.returncode:
        return None
    found = json.loads(done.stdout)
    sound = [s for s in found.get("streams", []) if s.get("codec_type") == "audio"]
    if not sound:
        return None
    tags = {}
    for place in (sound[0], found["format"]):
        tags.update((key.lower(), value) for key, value in place.get("tags", {}).items())
    pairs = []
    for field, keys in FFPROBE_KEYS.items():
        # several values become one text
        pairs.append((field, [tags[k] for k in keys if k in tags][:1]))
    return opinion(pairs, float(found["format"].get("duration", 0)))


# --- TagLib, by its C library ---

class TagLib:
    """None instead of it when the library is not there."""

    TEXTS = "title", "artist", "album", "genre"

    def __init__(self):
        name = ctypes.util.find_library("tag_c")
        self.lib = ctypes.CDLL(name) if name else None
        if not self.lib:
            return
        for function in ("file_new", "file_tag", "file_audioproperties"):
            getattr(self.lib, "taglib_" + function).restype = ctypes.c_void_p
        for text in self.TEXTS:
            getattr(self.lib, "taglib_tag_" + text).restype = ctypes.c_char_p

    def read(self, path):
        file = ctypes.c_void_p(self.lib.taglib_file_new(bytes(path)))
        if not file:
            return None
        try:
            if not self.lib.taglib_file_is_valid(file):
                return None
            tag = ctypes.c_void_p(self.lib.taglib_file_tag(file))
            pairs = [(t, [getattr(self.lib, "taglib_tag_" + t)(tag).decode(errors="replace")]) for t in self.TEXTS]
            pairs += [(n, [getattr(self.lib, "taglib_tag_" + n)(tag)]) for n in ("track", "year")]
            return opinion(pairs, 0)
        finally:
            self.lib.taglib_tag_free_strings()
            self.lib.taglib_file_free(file)


def opinions(path, taglib):
    """{program: opinion} of those that can read it."""
    all_of_them = {"mutagen": by_mutagen(path), "ffprobe": by_ffprobe(path),
                   "TagLib": taglib.read(bytes(path)) if taglib.lib else None}
    return {name: told for name, told in all_of_them.items() if told is not None}


def joined(value):
    """Programs that know but one text join several, each in its own way."""
    return re.sub(r"[\s;,/&]+", " ", " ".join(value)).casefold() if isinstance(value, tuple) else value


def is_same(field, a, b):
    return abs(a - b) <= 0.1 if field == "duration_seconds" else joined(a) == joined(b)


def agreed(told):
    """{field: value} of what at least two tell and nobody contradicts."""
    found = {}
    for field in (*TEXTS, *NUMBERS, "duration_seconds"):
        values = [o[field] for o in told.values() if field in o]
        if len(values) >= 2 and all(is_same(field, values[0], v) for v in values[1:]):
            found[field] = values[0]
    return found
