# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: each row is printed as soon as it is known, kept beside the libraries, and shown in the README."""
import json
import re

BEGIN, END = "<!-- begin: tests/bench/run readme -->", "<!-- end: tests/bench/run readme -->"


class Table:
    def __init__(self, file=None):
        """@file: where rows are kept from run to run, a list for each part; None: nowhere."""
        self.file, self.part, self.missed = file, None, 0
        self.kept = json.loads(file.read_text()) if file and file.exists() else {"parts": {}}

    def begin(self, part, machine, now):
        """Rows to come are of this part, and replace those of a run before; @now: the time and the load."""
        self.part = self.kept["parts"][part] = {"rows": [], "machine": machine, "now": now}

    def keep(self):
        if self.file:
            new = self.file.with_suffix(".new")
            new.write_text(json.dumps(self.kept, indent=1, ensure_ascii=False))
            new.rename(self.file)

    def row(self, *cells):
        figure, measured, against, ratio, bound, verdict = cells
        print(f"{figure:<76.76} {measured:>18} {against:>16} {ratio:>8} {bound:>10}  {verdict}", flush=True)
        if self.part:
            self.part["rows"].append(cells)

    def head(self):
        self.row("figure", "measured", "against", "ratio", "bound", "")

    def judge(self, figure, measured, against, value, is_ok, sign, bound, unit):
        self.missed += not is_ok
        ratio = f"{value:.2f}" if not unit else ""
        self.row(figure, measured, against, ratio, f"{sign} {bound:g} {unit}".strip(), "ok" if is_ok else "MISSED")

    def at_least(self, figure, measured, against, value, bound, unit=""):
        self.judge(figure, measured, against, value, value >= bound, "≥", bound, unit)

    def at_most(self, figure, measured, against, value, bound, unit=""):
        self.judge(figure, measured, against, value, value <= bound, "≤", bound, unit)

    def info(self, figure, measured, against="", ratio=None):
        self.row(figure, measured, against, "" if ratio is None else f"{ratio:.2f}", "", "")

    def skip(self, figure, why):
        self.row(figure, "", "", "", "", f"not measured: {why}")


def markdown(kept, command):
    """What the README shows; details (indented rows) stay out."""
    yield "| figure | measured | against | ratio | bound | |"
    yield "|---|--:|--:|--:|--:|---|"
    for part in kept["parts"].values():
        for cells in part["rows"]:
            if not cells[0].startswith(" "):
                yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
    yield ""
    machines = {}
    for name, part in kept["parts"].items():
        machines.setdefault(part["machine"], []).append(f"{name} ({part['now']})")
    for machine, parts in machines.items():
        yield f"Measured with `{command}` on {machine}: {'; '.join(parts)}."
    for line in kept.get("remarks", []):
        yield f"{line}."


def write_readme(readme, kept, command):
    """False when there is no place between two markers for it."""
    text = readme.read_text()
    place = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    if len(place.findall(text)) != 1:
        return False
    shown = "\n".join([BEGIN, "", *markdown(kept, command), "", END])
    readme.write_text(place.sub(lambda _: shown, text))
    return True
