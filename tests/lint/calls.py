# SPDX-License-Identifier: GPL-3.0-or-later
"""Which functions are called where; where SQL is written."""
import re

from tree import Rule

BANNED = ("strcpy strcat sprintf strncpy strtok atoi atol gmtime localtime asctime ctime rand system popen "
          "alloca pthread_cancel readdir_r").split()
CALL = r"(?<![\w.>])({})\s*\("
SQL = re.compile(
    r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|PRAGMA|BEGIN|COMMIT|ROLLBACK|REPLACE INTO)\b"
    r"|(?i:\b(select\b.+\bfrom\b|insert\s+into|delete\s+from|update\s+\w+\s+set|create\s+(table|index|view|trigger)"
    r"|alter\s+table|order\s+by|group\s+by|on\s+conflict)\b)",
)


def calls(tree, files, names):
    pattern = re.compile(CALL.format("|".join(names)))
    for f in files:
        for number, line in enumerate(f.code(), 1):
            for m in pattern.finditer(line):
                yield f, number, m.group(1)


def check_banned(tree):
    for f, line, name in calls(tree, tree.c_files(), BANNED):
        yield f"{f.path}:{line}: calls {name}, which is banned"


def check_threads(tree):
    for f, line, name in calls(tree, tree.programs(), ["pthread_create", "thrd_create"]):
        if f.path != "common/thread.c":
            yield f"{f.path}:{line}: calls {name}: threads are made in common/thread.c only"


def check_sql(tree):
    for f in tree.programs():
        if f.path.startswith("common/store"):
            continue
        for line, text in f.strings():
            # alone it is HTTP's
            if text != "DELETE" and SQL.search(text):
                yield f"{f.path}:{line}: SQL outside common/store*: {text[:40]!r}"


RULES = [
    Rule(
        "no banned call",
        check_banned,
        [{"fs/a.c": f"int f(void)\n{{\n\treturn ({name} (x));\n}}\n"} for name in BANNED],
    ),
    Rule(
        "pthread_create only in common/thread.c",
        check_threads,
        [{"indexer/load/a.c": "\tpthread_create(&t, NULL, f, NULL);\n"}],
    ),
    Rule(
        "SQL only in common/store*",
        check_sql,
        [
            {"fs/a.c": 'static const char q[] = "SELECT id FROM track";\n'},
            {"common/media.c": 'f("  delete from track where id = ?");\n'},
            {"indexer/load/a.c": 'f(a,\n  "PRAGMA journal_mode");\n'},
        ],
    ),
]
