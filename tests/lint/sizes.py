# SPDX-License-Identifier: GPL-3.0-or-later
"""Short functions, short files."""
import json
import subprocess

from tree import Rule

FUNCTION_LINES = 80
FILE_LINES = 600


def functions(tree):
    """(path, name, first line, last line) of each function, by universal-ctags."""
    paths = [f.path for f in tree.files if f.is_c() or f.is_script()]
    command = ["ctags", "-G", "-L", "-", "-f", "-", "--sort=no", "--fields=+nKe", "--output-format=json",
               "--languages=C,Sh,Python", "--map-C=+.h", "--kinds-C=f", "--kinds-Sh=f", "--kinds-Python=fm"]
    out = subprocess.run(command, input="\n".join(paths), cwd=tree.root, check=True, text=True,
                         capture_output=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        end = tag.get("end") or end_in_shell(tree.by_path[tag["path"]].lines, tag["line"])
        yield tag["path"], tag["name"], tag["line"], end


def end_in_shell(lines, first):
    """ctags does not tell: the brace under the function's name, if it has one."""
    opening = lines[first - 1]
    closing = opening[: len(opening) - len(opening.lstrip())] + "}"
    if opening.rstrip().endswith("}"):
        return first
    return next((n for n in range(first + 1, len(lines) + 1) if lines[n - 1].startswith(closing)), first)


def check_functions(tree):
    for path, name, first, last in functions(tree):
        if last - first + 1 > FUNCTION_LINES:
            yield f"{path}:{first}: {name} has {last - first + 1} lines, the limit is {FUNCTION_LINES}"


def check_files(tree):
    for f in tree.files:
        n = f.text.count("\n")
        if (f.is_c() or f.is_script()) and n > FILE_LINES:
            yield f"{f.path}:{n}: {n} lines, the limit is {FILE_LINES}"


def long_c(lines):
    return "static int f(void)\n{\n" + "\tg();\n" * (lines - 3) + "}\n"


RULES = [
    Rule(
        f"functions have at most {FUNCTION_LINES} lines",
        check_functions,
        [
            {"fs/a.c": long_c(FUNCTION_LINES + 1)},
            {"common/a.h": long_c(FUNCTION_LINES + 1)},
            {"tests/a.py": "def f():\n" + "    g()\n" * FUNCTION_LINES},
            {"tests/run": "#!/bin/sh\nf() { # text\n" + "\tg\n" * FUNCTION_LINES + "}\n"},
            {"contrib/a.sh": "f()\n{\n" + "\tg\n" * FUNCTION_LINES + "}\n"},
        ],
    ),
    Rule(
        f"files have at most {FILE_LINES} lines",
        check_files,
        [
            {"fs/a.c": "\n" * (FILE_LINES + 1)},
            {"tests/a.py": "\n" * (FILE_LINES + 1)},
            {"tests/run": "#!/bin/sh\n" + "\n" * FILE_LINES},
        ],
    ),
]
