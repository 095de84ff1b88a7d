# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every rule over the tree.  A rule that finds nothing in a tree made wrong on purpose is itself a finding."""
import sys
import tempfile
from pathlib import Path

import calls
import headers
import includes
import sizes
import words
from tree import Tree

RULES = [rule for module in (sizes, includes, calls, words, headers) for rule in module.RULES]
HERE = Path(__file__).resolve().parent


def planted(fault):
    """A tree with one fault."""
    folder = tempfile.TemporaryDirectory(prefix="mediamon-lint-")
    for path, text in fault.items():
        file = Path(folder.name, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def cannot_fail(rule):
    """The planted faults that the rule does not find."""
    if not rule.faults:
        yield f"tests/lint: \"{rule.name}\" has no fault to prove itself with"
    for fault in rule.faults:
        with planted(fault) as folder:
            if not list(rule.check(Tree(folder))):
                yield f"tests/lint: \"{rule.name}\" does not see what is wrong with {repr(fault)[:99]}"


def main(arguments):
    verbose = "-v" in arguments
    roots = [a for a in arguments if not a.startswith("-")]
    tree = Tree(roots[0] if roots else HERE.parent.parent)
    passed = failed = 0
    for rule in RULES:
        findings = [*rule.check(tree), *cannot_fail(rule)]
        passed, failed = passed + (not findings), failed + bool(findings)
        for line in findings:
            print(line)
        if verbose:
            print(f"{'FAIL' if findings else 'ok  '} {rule.name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
