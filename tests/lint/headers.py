# SPDX-License-Identifier: GPL-3.0-or-later
"""Every header compiles alone."""
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from tree import Rule

PACKAGES = "fuse3 sqlite3 libconfuse libutf8proc flac id3tag libxml-2.0 zlib libxxhash jansson".split()
# rows of a table, included in the middle of one
ROWS = re.compile(r"_rows\.h$")


def flags():
    found = subprocess.run(["pkg-config", "--cflags", *PACKAGES], text=True, capture_output=True, check=True)
    return ["-I.", "-D_GNU_SOURCE", '-DMEDIAMON_VERSION="0"', "-DFUSE_USE_VERSION=314", "-std=gnu17", "-Wall",
            "-Wextra", "-Werror", "-Wno-unused-function", *found.stdout.split()]


def compile_alone(root, path, with_flags):
    command = ["gcc", "-fsyntax-only", *with_flags, "-x", "c", "-"]
    # twice: the guard is tried as well
    text = f'#include "{path}"\n' * 2
    done = subprocess.run(command, input=text, cwd=root, text=True, capture_output=True)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return f"{path}:1: does not compile alone: {errors[0] if errors else done.stderr.strip()}"


def check_headers(tree):
    paths = [f.path for f in tree.c_files() if f.path.endswith(".h") and not ROWS.search(f.path)]
    with_flags = flags()
    with ThreadPoolExecutor(cpu_count()) as pool:
        yield from filter(None, pool.map(lambda p: compile_alone(tree.root, p, with_flags), paths))


RULES = [
    Rule(
        "every header compiles alone",
        check_headers,
        [{"fs/a.h": "struct a { size_t n; };\n"}, {"fs/a.h": "struct a { int n; };\n"}],
    ),
]
