# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that do not belong into the tree.  They are written in two parts here, so that this file may stay."""
import re

from tree import Rule

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
BY_HAND = re.compile(r"keep\s+(\w+\s+){0,2}in\s+sy" r"nc", re.I)
PRIVATE = re.compile(r"\.\./sha" r"red\b|/work/sha" r"red\b|MEDIAMON_SHA" r"RED")
MACHINE = re.compile(
    r"\b(sub-?ag" r"ents?|cla" r"ude|anthro" r"pic|LL" r"Ms?|open" r"ai|chat" r"gpt|co" r"pilot"
    r"|AI[ -]assist" r"ants?|language mo" r"dels?|system pro" r"mpt)\b", re.I)
# libfuse's word for a mount, pytest's for a whole run, a file of the tree that the mount shows, and what scrapers call
# a run of theirs
SITTING = re.compile(r"\bsess" r"ions?\b(?!\.json)", re.I)
OF_SCRAPERS = re.compile(r"chapter|mediamon_metrics")


def grep(files, pattern, why):
    for f in files:
        for number, line in enumerate(f.lines, 1):
            m = pattern.search(line)
            if m:
                yield f"{f.path}:{number}: {m.group()!r}: {why}"


def check_licence(tree):
    for f in tree.c_files():
        if LICENCE not in f.lines[0]:
            yield f"{f.path}:1: the first line names the licence: {LICENCE}"


def check_unfinished(tree):
    yield from grep(tree.texts(), UNFINISHED, "nothing is left for later in the source")


def check_by_hand(tree):
    yield from grep(tree.texts(), BY_HAND, "make it one table")


def check_private(tree):
    files = [f for f in tree.texts() if not f.path.startswith("tests/")]
    yield from grep(files, PRIVATE, "only tests may know that folder")


def check_machine(tree):
    yield from grep(tree.texts(), MACHINE, "not about the program")
    files = [f for f in tree.texts() if not (f.is_c() and "fuse" in f.text or f.is_script() and "pytest" in f.text)]
    files = [f for f in files if not OF_SCRAPERS.search(f.path)]
    yield from grep(files, SITTING, "not about the program")


RULES = [
    Rule("C files begin with their licence", check_licence, [{"fs/a.c": "\n/* " + LICENCE + " */\n"}, {"fs/a.h": ""}]),
    Rule(
        "no TO" "DO, FIX" "ME or XX" "X",
        check_unfinished,
        [{"fs/a.c": "/* TO" "DO: more */\n"}, {"README.md": "FIX" "ME\n"}, {"tests/a.py": "# XX" "X\n"}],
    ),
    Rule(
        "no comment asks to keep things equal by hand",
        check_by_hand,
        [{"fs/a.c": "/* Keep in sy" "nc with b.c */\n"}, {"tests/a.py": "# keep both in sy" "nc\n"}],
    ),
    Rule(
        "nothing outside the tests knows the private folder",
        check_private,
        [{"Makefile": "X := ../sha" "red/corpus\n"}, {"contrib/a.py": "'/work/sha" "red'\n"}],
    ),
    Rule(
        "no word about how the source came to be",
        check_machine,
        [{"README.md": f"by {w}\n"} for w in ("a sub" "agent", "Cla" "ude", "an LL" "M", "this sess" "ion")],
    ),
]
