# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a source tree, and what the rules ask about them."""
import re
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED_FOLDERS = re.compile(r"^(\.git|build|build-.*|__pycache__|\.pytest_cache)$")
PROGRAMS = ("common/", "fs/", "indexer/")

# a comment, a string or a character; what it is tells the group
TOKEN = re.compile(
    r'(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<char>\'(?:\\.|[^\'\\\n])*\')',
    re.S,
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


@dataclass
class Rule:
    """name: as a sentence.  check: tree -> lines "path:line: what".  faults: trees ({path: text}) that
    the rule must find fault with."""

    name: str
    check: object
    faults: list = field(default_factory=list)


@dataclass
class Include:
    line: int
    name: str
    ours: bool  # between quotes


def blank(text):
    """The same number of lines and columns, nothing on them."""
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One file.  path is relative to the tree."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.file = root / path
        data = self.file.read_bytes()
        self.is_text = b"\0" not in data
        self.text = data.decode("utf-8", "replace") if self.is_text else ""
        self.lines = self.text.split("\n")

    def is_c(self):
        return self.path.endswith((".c", ".h"))

    def is_script(self):
        return self.path.endswith((".py", ".sh")) or self.text.startswith("#!")

    def in_programs(self):
        return self.path.startswith(PROGRAMS)

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def code(self):
        """C without comments and strings, line by line."""
        return TOKEN.sub(lambda m: blank(m.group()), self.text).split("\n")

    def strings(self):
        """(line, text) of each string, includes left out."""
        included = {i.line for i in self.includes()}
        for m in TOKEN.finditer(self.text):
            line = self.line_of(m.start())
            if m.group("string") and line not in included:
                yield line, m.group("string")[1:-1]

    def includes(self):
        text = TOKEN.sub(lambda m: blank(m.group()) if m.group("comment") else m.group(), self.text)
        for m in INCLUDE.finditer(text):
            yield Include(self.line_of(m.start(1 if m.group(1) else 2)), m.group(1) or m.group(2), bool(m.group(1)))


class Tree:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self.files = [Source(self.root, p) for p in sorted(self._paths(self.root, ""))]
        self.by_path = {f.path: f for f in self.files}

    def _paths(self, folder, prefix):
        for entry in folder.iterdir():
            if entry.is_symlink() or SKIPPED_FOLDERS.match(entry.name):
                continue
            if entry.is_dir():
                yield from self._paths(entry, prefix + entry.name + "/")
            elif entry.is_file():
                yield prefix + entry.name

    def c_files(self):
        return [f for f in self.files if f.is_c()]

    def programs(self):
        return [f for f in self.c_files() if f.in_programs()]

    def texts(self):
        """Everything written by us that can be read."""
        return [f for f in self.files if f.is_text and f.path != "LICENSE"]
