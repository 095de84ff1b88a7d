# SPDX-License-Identifier: GPL-3.0-or-later
"""metrics/*.svg as programs see them that are none of ours: xmllint, librsvg (file managers' previews), Chromium."""
import re
import subprocess
import xml.etree.ElementTree as tree

import pytest

SVG = "{http://www.w3.org/2000/svg}"
PLOTS = {"api-budget", "chapters", "library", "missing", "repairs", "scan-rate", "stages", "success"}
AXES = {"files per second", "at work, % of the scan's time", "read without error, % of the files seen", "music: number of tracks",
        "manga: number of files", "number of volumes", "calls per hour", "calls left of the day", "attempts per day",
        "succeeded, % of the day's attempts", "duration, seconds", "speed, bytes per second"}
TIMES = ("scans by their start (UTC)", "chapters by their start (UTC)", "time (UTC)", "hours (UTC)", "days (UTC)")
LONG_S = 120


def run(*words, data=None):
    done = subprocess.run([str(w) for w in words], input=data, capture_output=True, timeout=LONG_S, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@pytest.fixture
def plots(small, tmp_path):
    """The pictures of a library that was scanned three times, copied out of the mount."""
    small.rescan("music")
    small.rescan("full all")
    names = [n for n in small.listing("metrics") if n.endswith(".svg")]
    assert {n[:-4] for n in names} == PLOTS
    for name in names:
        (tmp_path / name).write_bytes(small.read(f"metrics/{name}"))
    return {name[:-4]: tmp_path / name for name in names}


def texts(path):
    return ["".join(e.itertext()) for e in tree.parse(path).iter(SVG + "text")]


def they_are_well_formed_and_say_what_they_show(plots):
    ids = []
    for name, path in plots.items():
        run("xmllint", "--noout", "--nonet", path)
        root = tree.parse(path).getroot()
        assert root.tag == SVG + "svg" and root.get("role") == "img"
        named = {e.get("id"): "".join(e.itertext()) for e in root if e.tag in (SVG + "title", SVG + "desc")}
        assert root.get("aria-labelledby").split() == list(named) and all(named.values()), name
        assert len(path.read_bytes()) <= 60 << 10
        shown = texts(path)
        assert named[f"plot-{name}-title"] == shown[0]
        assert AXES & set(shown), f"{name} has no label with a unit: {shown}"
        assert any(text.startswith(TIMES) for text in shown), f"{name} does not tell its times: {shown}"
        ids += [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)), "two plots in one page would mix"
    assert all(id.startswith("plot-") for id in ids)
    shown = texts(plots["scan-rate"])
    assert {"full", "quick"} <= set(shown) and any(re.match(r"last: [\d.]+( k)? files/s", text) for text in shown)
    assert not any("no scan" in text for text in shown)


def they_ask_for_nothing_from_outside(plots):
    for name, path in plots.items():
        for e in tree.parse(path).iter():
            assert e.tag.removeprefix(SVG) in {"svg", "title", "desc", "style", "defs", "pattern", "path", "text"}, f"{name}: {e.tag}"
            for key, value in e.attrib.items():
                assert not key.startswith("on") and "href" not in key and "//" not in value, f"{name}: {key}={value}"
                assert not re.search(r"url\((?!#plot-)", value), f"{name}: {key}={value}"
        style = re.search(r"<style>(.*?)</style>", path.read_text(), re.S).group(1)
        assert not re.search(r"url|@import|//", style)
        assert re.fullmatch(r"(\.plot|@media|[^.@]|\.[a-z]\d?\{)*", style), "a rule is about more than the plots"


# --- colours ---

def luminance(colour):
    if len(colour) == 4:
        colour = "#" + "".join(c * 2 for c in colour[1:])
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours_stand_out_from_light_and_dark_paper(plots):
    for path in plots.values():
        light, dark = (dict(re.findall(r"--(\w+):(#\w+)", block)) for block in
                       re.findall(r"\.plot\{(--[^}]*)\}", path.read_text()))
        assert light.keys() == dark.keys() and len([k for k in light if re.match(r"c\d", k)]) >= 6
        assert luminance(light["bg"]) > 0.9 > 0.1 > luminance(dark["bg"])
        for paper in (light, dark):
            for key, colour in paper.items():
                least = {"bg": 0, "grid": 0, "ink": 7, "muted": 4.5}.get(key, 3)
                assert contrast(colour, paper["bg"]) >= least, f"{key} {colour} on {paper['bg']}"
        # what knows no custom properties sees those of light paper
        for e in tree.parse(path).iter():
            for key in ("fill", "stroke"):
                colour = e.get(key, "none")
                assert colour == "none" or colour.startswith("url(#") or colour in light.values(), f"{key}={colour}"


def test_programs_that_are_none_of_ours_read_them(plots):
    they_are_well_formed_and_say_what_they_show(plots)
    they_ask_for_nothing_from_outside(plots)
    colours_stand_out_from_light_and_dark_paper(plots)


# --- pictures ---

def pixels(png, folder):
    """Width and the three bytes of each pixel, by a program that is neither ours nor drew it."""
    path = folder / "look.png"
    path.write_bytes(png)
    size = run("ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", path).decode().strip()
    raw = run("ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    width, height = map(int, size.split(","))
    assert len(raw) == 3 * width * height
    return width, [raw[i:i + 3] for i in range(0, len(raw), 3)]


def previews_show_something(plots, tmp_path):
    for name, path in plots.items():
        width, seen = pixels(run("rsvg-convert", "-w", 400, path), tmp_path)
        assert width == 400
        ink = sum(p != b"\xff\xff\xff" for p in seen)
        assert seen[0] == b"\xff\xff\xff" and ink > len(seen) / 100, f"{name} is empty"
    _, seen = pixels(run("rsvg-convert", "-w", 400, plots["stages"]), tmp_path)
    for colour in ("0072b2", "d55e00"):
        assert bytes.fromhex(colour) in seen, f"no bar has #{colour}"


def a_browser_shows_them_light_and_dark(plots, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<body style='margin:0'>" + plots["stages"].read_text().split("?>", 1)[1])
    papers = {0: ("14181d", "56b4e9"), 1: ("ffffff", "0072b2")}
    for scheme, colours in papers.items():
        picture = tmp_path / "browser.png"
        run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=520,400",
            f"--user-data-dir={tmp_path}/chromium", f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}",
            page.as_uri())
        _, seen = pixels(picture.read_bytes(), tmp_path)
        for colour in colours:
            assert seen.count(bytes.fromhex(colour)) > 100, f"no #{colour} in {set(seen[:1])}"


def test_programs_that_are_none_of_ours_draw_them(plots, tmp_path):
    previews_show_something(plots, tmp_path)
    a_browser_shows_them_light_and_dark(plots, tmp_path)
