# SPDX-License-Identifier: GPL-3.0-or-later
"""Links in the mount: counted, listed, browsable where they are, any byte in their names."""
import json
import os

from harness import until

HOSTILE = b"a'b\"c\n\t\x1b[31m\xff\xc3\x28 \xe2\x80\xae.mkv"


def counts(lab):
    return lab.json("status/symlinks.json")["links"]


def test_broken_links_come_and_go_where_they_are_in_the_library(make_lab, tmp_path):
    lab, tree, debrid = make_lab(), tmp_path / "tv", tmp_path / "debrid"
    there = os.fsencode(debrid / "__all__/T.S01")
    os.makedirs(there)
    os.makedirs(tree / "Show/Season 1")
    for name in (b"e1.mkv", b"e2.mkv", HOSTILE):
        with open(there + b"/" + name, "wb") as f:
            f.write(b"x")
        os.symlink(there + b"/" + name, os.fsencode(tree / "Show/Season 1") + b"/" + name)
    os.symlink("/elsewhere/x", tree / "far")
    lab.configure(extra=f'links = {{ "{tree}" }}\nrealdebrid {{ mount = "{debrid}" }}\n'
                        'symlinks { interval = "1s" sightings = 2 span = "0s" apart = "0s" }')
    lab.start()
    until(lambda: counts(lab)["ok"] == 3, 20, "all are well")
    assert counts(lab)["foreign"] == 1 and counts(lab)["total"] == 4
    shelf = os.fsencode(lab.mnt / "links/broken/links")
    assert os.listdir(shelf) == []
    for name in (b"e1.mkv", HOSTILE):
        os.unlink(there + b"/" + name)
    until(lambda: counts(lab)["broken"] == 2, 20, "two are broken")
    folder = shelf + b"/Show/Season 1"
    assert sorted(os.listdir(folder)) == sorted([b"e1.mkv", HOSTILE])
    for name in (b"e1.mkv", HOSTILE):
        assert os.readlink(folder + b"/" + name) == there + b"/" + name
        assert os.lstat(folder + b"/" + name).st_size == len(there + b"/" + name)
    text = lab.read("status/symlinks")
    assert text.startswith(b"# 4 links: 1 ok, 0 suspect, 2 broken") and b"\x1b" not in text and b"far" not in text
    assert lab.json("status/symlinks.json")["count"] == 2
    assert "2 links are broken (status/symlinks)" in lab.json("status/summary.json")["attention"]
    exported = [json.loads(line) for line in lab.command("export", "links")[1].splitlines()]
    assert sorted(row["state"] for row in exported) == ["broken", "broken", "foreign", "ok"]
    (debrid / "__all__/T.S01/e1.mkv").write_bytes(b"x")
    until(lambda: counts(lab)["broken"] == 1, 20, "one is there again")
    assert os.listdir(folder) == [HOSTILE]
    with open(there + b"/" + HOSTILE, "wb") as f:
        f.write(b"x")
    until(lambda: counts(lab)["broken"] == 0, 20, "all are there again")
    assert os.listdir(shelf) == [] and not os.path.lexists(folder)
    roots = {r["kind"]: r for r in lab.json("status/roots.json")["items"]}
    assert roots["links"]["files"] == 4


def test_a_rescan_of_links_tells_how_far_it_is(make_lab, corpus, tmp_path):
    """They are things of the job, as files are."""
    lab, tree, debrid = make_lab(), tmp_path / "tv", tmp_path / "debrid"
    there = debrid / "__all__/T.S01"
    there.mkdir(parents=True)
    tree.mkdir()
    for i in range(40):
        (there / f"{i}.mkv").write_bytes(b"x")
        (tree / f"{i}.mkv").symlink_to(there / f"{i}.mkv")
    corpus.music(lab.music, 20)
    lab.configure(extra=f'links = {{ "{tree}" }}\nrealdebrid {{ mount = "{debrid}" }}\n')
    lab.start()
    lab.wait_idle()
    for words, n in (("links", 40), ("full links", 40), ("music", 20), ("all", 60)):
        ended = lab.rescan(words)
        assert (ended["state"], ended["done"], ended["total"]) == ("done", n, n), words
