# SPDX-License-Identifier: GPL-3.0-or-later
"""First and full scans read files by their heads, all others through descriptors: nobody can tell from the index."""
import os
import signal
import threading
import time

import pytest

from corpus import block, blocks
from harness import Meanwhile, kib_of, until

MANY = 300


def with_picture(data, size, first):
    """A FLAC file with a picture of @size bytes, in front of its other blocks or behind them."""
    found, at = blocks(data)
    picture, rest = (6, b"P" * size), found[1:]
    order = [found[0], picture, *rest] if first else [found[0], *rest, picture]
    return b"fLaC" + b"".join(block(n, body, i == len(order) - 1) for i, (n, body) in enumerate(order)) + data[at:]


def put_odd(music, pieces):
    """What does not fit a head, or only just."""
    folder = music / "odd"
    folder.mkdir()
    flac = pieces.flac("Picture")
    for size in (10, 3000, 4096, 9000, 300000):
        for first in (True, False):
            (folder / f"picture-{size}-{first}.flac").write_bytes(with_picture(flac, size, first))
    for fill in (0, 3800, 5000, 70000):
        (folder / f"padding-{fill}.flac").write_bytes(pieces.flac("Padding", fill=fill))
    for length in (3000, 4096, 9000, 60000):
        (folder / f"title-{length}.flac").write_bytes(pieces.flac("x" * length))
        (folder / f"title-{length}.mp3").write_bytes(pieces.mp3("x" * length))
    whole = pieces.flac("Cut")
    for size in (0, 1, 4, 100, 4095, 4096, 4097, 8192, 12288, len(whole) - 1):
        (folder / f"cut-{size}.flac").write_bytes(whole[:size])
        (folder / f"cut-{size}.mp3").write_bytes(pieces.mp3("Cut")[:size])


def rows_of(lab):
    return {path: {key: v for key, v in row.items() if key != "modified_at"} for path, row in lab.export("tracks").items()}


def errors_of(lab):
    return {e["path"]: (e["kind"], e["reason"]) for e in lab.newest("status/errors.json")["items"]}


def test_heads_take_no_memory_when_the_scan_is_over(lab, corpus):
    corpus.music(lab.music, MANY)
    lab.start().wait_idle()
    processes = lab.children("--scout") + lab.children("--worker")
    assert len(processes) >= 3
    # the labels stay: 24 KiB
    until(lambda: all(kib_of(pid, "RssShmem") < 64 for pid in processes), 10,
          lambda: f"shared memory to be given back: {[kib_of(pid, 'RssShmem') for pid in processes]} KiB")


def test_a_head_tells_what_the_file_tells(lab, corpus, pieces):
    corpus.music(lab.music / "many", MANY)
    put_odd(lab.music, pieces)
    lab.start().wait_idle()
    by_heads, errors = rows_of(lab), errors_of(lab)
    assert len(by_heads) > MANY and len(errors) > 5
    for folder, _, names in os.walk(lab.music):
        for name in names:
            os.utime(os.path.join(folder, name), (time.time(), time.time() - 5))
    job = lab.rescan("music")
    assert ", 0 unchanged" in job["result"], job
    assert rows_of(lab) == by_heads and errors_of(lab) == errors
    job = lab.rescan("full music")
    assert rows_of(lab) == by_heads and errors_of(lab) == errors


def fill(music, pieces, number):
    """Files whose titles begin with their names; what is written next differs from the last."""
    for i in range(number):
        folder = music / f"a{i % 15}"
        folder.mkdir(exist_ok=True)
        (folder / f"t{i:03}.flac").write_bytes(pieces.flac(f"t{i:03} 0", fill=i * 37))
    return [music / f"a{i % 15}" / f"t{i:03}.flac" for i in range(number)]


def check_titles(lab, paths, expected=None):
    """No file has another one's tags; in the end each has its own."""
    rows = lab.export("tracks")
    for path in paths:
        row = rows.get(str(path)) or rows.get(str(path.relative_to(lab.music)))
        title = row["title"] if row else None
        if expected is not None:
            assert title == expected[path], path
        elif title:
            assert title.startswith(path.stem), (path, title)


def test_what_is_replaced_and_cut_meanwhile_never_has_the_tags_of_another(lab, pieces):
    paths = fill(lab.music, pieces, 200)
    lab.start().wait_idle()
    titles = {path: f"{path.stem} 0" for path in paths}
    state = {"round": 0}

    def change():
        state["round"] += 1
        for path in paths[state["round"] % 3::3]:
            title = f"{path.stem} {state['round']}"
            data = pieces.flac(title, fill=state["round"] * 997 % 9000)
            if state["round"] % 2:
                new = path.with_suffix(".new")
                new.write_bytes(data)
                new.replace(path)
            else:
                os.truncate(path, 100)
                path.write_bytes(data)
            titles[path] = title

    with Meanwhile(change, pause=0.01):
        for _ in range(4):
            lab.rescan("full music")
            check_titles(lab, paths)
    # times are told from each other by then
    time.sleep(0.02)
    lab.rescan("full music")
    assert state["round"] > 3
    check_titles(lab, paths, titles)


@pytest.mark.parametrize("length", [30000, 4000])
def test_a_folder_has_more_than_goes_at_once(lab, pieces, length):
    """Heads that do not hold their tags: the files are opened; heads that do: not all answers go into one frame."""
    files = [lab.music / f"t{i:03}.flac" for i in range(200)]
    titles = {f: (f"{f.stem} " + "x" * length) for f in files}
    for f in files:
        f.write_bytes(pieces.flac(titles[f]))
    lab.start().wait_idle()
    check_titles(lab, files, {f: title[:4096] for f, title in titles.items()})
    # nobody waited for files that were not given to him
    assert "\nmediamon_worker_restarts_total 0\n" in lab.newest_text("metrics/mediamon.prom")


def test_paths_of_a_batch_may_be_as_long_as_paths_are(lab, pieces):
    folder = lab.music.joinpath(*[str(i % 10) * 250 for i in range(14)])
    folder.mkdir(parents=True)
    files = [folder / f"t{i:03}.flac" for i in range(140)]
    for f in files:
        f.write_bytes(pieces.flac(f"{f.stem} 0"))
    lab.start().wait_idle()
    check_titles(lab, files, {f: f"{f.stem} 0" for f in files})


@pytest.mark.parametrize("role", ["--worker", "--scout"])
def test_who_is_killed_in_the_middle_takes_no_slot_with_him(lab, pieces, role):
    paths = fill(lab.music, pieces, 600)
    lab.start().wait_idle()
    for attempt in range(3):
        lab.accept("rescan", "full music")
        # somewhere in the scan, whatever that is on this machine
        threading.Event().wait(0.005 * attempt)
        for pid in lab.children(role)[:1]:
            os.kill(pid, signal.SIGKILL)
        lab.wait_idle()
        check_titles(lab, paths)
    until(lambda: lab.children(role), 30, f"another {role}")
    lab.wait_idle()
    # what was blamed for a death is read again in a full scan
    job = lab.rescan("full music")
    assert job["state"] == "done"
    check_titles(lab, paths, {path: f"{path.stem} 0" for path in paths})


def test_scans_that_are_cancelled_leave_all_slots(lab, pieces):
    paths = fill(lab.music, pieces, 600)
    lab.configure(extra="scan { workers = 1 walkers = 2 }")
    lab.start().wait_idle()
    for _ in range(5):
        job = lab.accept("rescan", "full music")
        lab.order("cancel", str(job))
        lab.wait_idle()
    assert lab.rescan("full music")["state"] == "done"
    check_titles(lab, paths, {path: f"{path.stem} 0" for path in paths})
