# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes on disk is followed by `echo PATH > control/rescan`, and nothing else moves."""
import contextlib
import io
import os
import shutil
import zipfile

import mutagen
import pytest

from test_counts import safe


def album_dir(track):
    return f"music/artists/{safe(track.album_artist)}/{safe(track.album)}"


def stem(track):
    return f"{track.track:02} - {safe(track.title)}"


def tracks_of(lab, path):
    return [name for name in lab.listing(path) if name != "album.json"]


def owns(lab, series):
    return {v["volume"] for v in lab.json(f"manga/{safe(series)}/info.json")["volumes"]}


class Change:
    """Compares the whole index before and after: with Change(lab) as c: …; c.check(removed=…)."""

    def __init__(self, lab, rescan):
        self.lab, self.rescan = lab, rescan
        self.held = contextlib.ExitStack()

    def state(self):
        rows = {**self.lab.export("tracks"), **self.lab.export("volumes")}
        summary = self.lab.newest("status/summary.json")
        # the kernel keeps the targets from here on: a link must not lead to where it led before
        targets = self.targets()
        pictures = {path for path in targets if os.path.basename(path) == "cover.jpg"}
        assert targets - pictures == rows.keys() and all(map(os.path.exists, pictures))
        return rows, summary, self.documents()

    def targets(self):
        """Where the links of the mount lead; the kernel forgets none of them while they are held."""
        links = [os.path.join(folder, name) for top in ("music/artists", "manga")
                 for folder, _, files in os.walk(self.lab.mnt / top) for name in files]
        links = [path for path in links if os.path.islink(path)]
        for path in links:
            self.held.callback(os.close, os.open(path, os.O_PATH | os.O_NOFOLLOW))
        return {os.readlink(path) for path in links}

    def documents(self):
        """album.json and info.json, by path."""
        found = {}
        for top in ("music/artists", "manga"):
            for folder, _, files in os.walk(self.lab.mnt / top):
                for name in files:
                    path = os.path.join(folder, name)
                    if name in ("album.json", "info.json") and not os.path.islink(path):
                        found[os.path.relpath(path, self.lab.mnt)] = open(path, "rb").read()
        return found

    def __enter__(self):
        self.before, self.summary, self.shown = self.state()
        return self

    def __exit__(self, kind, *_):
        with self.held:
            if kind:
                return
            for path in self.rescan:
                assert self.lab.rescan(str(path))["state"] == "done"
            self.after, self.summary_now, self.shown_now = self.state()

    def only(self, removed=(), added=(), changed=(), documents=()):
        """Exactly these rows and only these documents (by the beginning of their path) moved."""
        before, after = self.before, self.after
        assert before.keys() - after.keys() == {str(p) for p in removed}
        assert after.keys() - before.keys() == {str(p) for p in added}
        assert {p for p in before.keys() & after.keys() if before[p] != after[p]} == {str(p) for p in changed}
        moved = {p for p in self.shown.keys() | self.shown_now.keys()
                 if self.shown.get(p) != self.shown_now.get(p)}
        assert {p for p in moved if not p.startswith(tuple(documents))} == set(), "these moved too"
        for what in ("tracks", "volumes"):
            kind = "music" if what == "tracks" else "manga"
            rows = [p for p in after if p.startswith(str(getattr(self.lab, kind)) + "/")]
            shown = self.summary_now[kind]
            assert len(rows) == shown["tracks"] if what == "tracks" else shown["volumes"] + shown["chapters"]


def flac(lab):
    """A track of FLAC whose album has others."""
    return next(t for t in lab.tracks if t.path.endswith(".flac"))


def test_nothing_moves_when_nothing_changed(small):
    with Change(small, [small.music, small.manga]) as c:
        pass
    c.only()
    runs = small.json("metrics/scan.json")["runs"][-2:]
    assert [r["unchanged"] for r in runs] == [r["files"] for r in runs] == [len(small.tracks), len(c.after) - 200]


# an order may name a file, its folder, or a root
SCOPES = pytest.mark.parametrize("scope", ["file", "folder", "root"])


def target(lab, path, scope):
    return {"file": path, "folder": os.path.dirname(path), "root": lab.music}[scope]


@SCOPES
def test_an_added_file_appears(small, scope):
    t = flac(small)
    new = os.path.join(os.path.dirname(t.path), "99 extra.flac")
    with Change(small, [target(small, new, scope)]) as c:
        shutil.copy(t.path, new)
        audio = mutagen.File(new)
        audio["title"], audio["tracknumber"] = "Extra & Dernière", "99"
        audio.save()
    c.only(added=[new], documents=[album_dir(t)])
    assert os.readlink(small.mnt / album_dir(t) / "99 - Extra & Dernière.flac") == new
    assert c.after[new]["title"] == "Extra & Dernière"
    assert c.summary_now["music"]["tracks"] == 201
    assert c.summary_now["music"]["albums"] == c.summary["music"]["albums"]


@SCOPES
def test_changed_tags_are_read_again(small, scope):
    t = flac(small)
    with Change(small, [target(small, t.path, scope)]) as c:
        audio = mutagen.File(t.path)
        audio["title"], audio["genre"] = "Un autre titre", ["Polka", "Zydeco"]
        audio.save()
    c.only(changed=[t.path], documents=[album_dir(t)])
    assert (c.after[t.path]["title"], c.after[t.path]["genres"]) == ("Un autre titre", ["Polka", "Zydeco"])
    names = tracks_of(small, album_dir(t))
    assert f"{t.track:02} - Un autre titre.flac" in names and stem(t) + ".flac" not in names
    with pytest.raises(FileNotFoundError):
        os.lstat(small.mnt / album_dir(t) / (stem(t) + ".flac"))
    assert {"Polka", "Zydeco"} <= set(small.listing("music/genres"))


def test_a_track_given_another_album_moves_there(small):
    t = flac(small)
    with Change(small, [os.path.dirname(t.path)]) as c:
        audio = mutagen.File(t.path)
        audio["album"], audio["artist"], audio["albumartist"] = "Neu", "Somebody New", "Somebody New"
        audio.save()
    c.only(changed=[t.path], documents=[album_dir(t), "music/artists/Somebody New/"])
    assert tracks_of(small, "music/artists/Somebody New/Neu") == [stem(t) + ".flac"]
    assert stem(t) + ".flac" not in tracks_of(small, album_dir(t))
    assert c.summary_now["music"]["albums"] == c.summary["music"]["albums"] + 1
    assert c.summary_now["music"]["artists"] == c.summary["music"]["artists"] + 1


def test_a_moved_and_a_renamed_file_keep_their_place_in_the_tree(small):
    t = flac(small)
    folder = os.path.dirname(t.path)
    moved, renamed = str(small.music / "Elsewhere/deep/x.flac"), os.path.join(folder, "renamed.flac")
    other = next(u for u in small.tracks if os.path.dirname(u.path) == folder and u.path != t.path)
    with Change(small, ["music"]) as c:
        os.makedirs(os.path.dirname(moved))
        os.rename(t.path, moved)
        os.rename(other.path, renamed)
    c.only(removed=[t.path, other.path], added=[moved, renamed], documents=[album_dir(t)])
    assert os.readlink(small.mnt / album_dir(t) / (stem(t) + ".flac")) == moved
    assert os.readlink(small.mnt / album_dir(t) / (stem(other) + ".flac")) == renamed
    assert c.summary_now["music"] == c.summary["music"]


def test_a_renamed_folder_is_followed(small):
    t = flac(small)
    folder = os.path.dirname(t.path)
    old = [u.path for u in small.tracks if u.path.startswith(folder + "/")]
    new = [p.replace(folder, str(small.music / "A new name"), 1) for p in old]
    with Change(small, [folder, small.music / "A new name"]) as c:
        os.rename(folder, small.music / "A new name")
    c.only(removed=old, added=new, documents=[album_dir(t)])
    assert c.summary_now["music"] == c.summary["music"]


@SCOPES
def test_a_deleted_file_is_forgotten(small, scope):
    t = flac(small)
    with Change(small, [target(small, t.path, scope)]) as c:
        os.unlink(t.path)
    c.only(removed=[t.path], documents=[album_dir(t)])
    assert c.summary_now["music"]["tracks"] == 199
    assert c.summary_now["music"]["albums"] == c.summary["music"]["albums"]
    assert stem(t) + ".flac" not in tracks_of(small, album_dir(t))


def test_a_deleted_folder_is_forgotten(small):
    t = flac(small)
    folder = os.path.dirname(t.path)
    album = [u.path for u in small.tracks if u.path.startswith(folder + "/")]
    with Change(small, [folder]) as c:
        shutil.rmtree(folder)
    c.only(removed=album, documents=[album_dir(t)])
    assert c.summary_now["music"]["tracks"] == 200 - len(album)
    assert c.summary_now["music"]["albums"] == c.summary["music"]["albums"] - 1
    assert not (small.mnt / album_dir(t)).exists()


def test_folders_whose_names_begin_alike_are_left_alone(small):
    t = flac(small)
    names = ["A", "A b", "A0", "A.x", "A/B"]
    files = [small.music / name / file for name in names for file in ("good.flac", "bad.flac")]
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(open(t.path, "rb").read() if path.name == "good.flac" else b"bad")
    small.rescan("music")
    with Change(small, [small.music / "A"]) as c:
        for name in ("A", "A b"):
            shutil.rmtree(small.music / name)
    # a file that cannot be read is an error and no track
    c.only(removed=[small.music / "A/good.flac", small.music / "A/B/good.flac"], documents=[album_dir(t)])
    errors = {item["path"] for item in small.newest("status/errors.json")["items"]}
    assert errors == {str(small.music / name / "bad.flac") for name in ("A b", "A0", "A.x")}
    small.rescan("music")
    errors = {item["path"] for item in small.newest("status/errors.json")["items"]}
    assert errors == {str(small.music / name / "bad.flac") for name in ("A0", "A.x")}


def volumes_of(lab, series):
    return sorted(p for p in (lab.manga / series.name).iterdir())


def with_gap(lab):
    """Few enough volumes that all of them may vanish at once."""
    return next(s for s in lab.series if s.missing and not s.is_chapters and len(s.owned) < 20)


def test_a_new_series_appears_with_its_gap(small):
    folder = small.manga / "Brand New"
    source = volumes_of(small, small.series[0])[0]
    new = [folder / f"Brand New v{v:02}.cbz" for v in (1, 2, 4)]
    with Change(small, [folder]) as c:
        folder.mkdir()
        for path in new:
            path.write_bytes(plain_volume(source))
    c.only(added=new, documents=["manga/Brand New/"])
    assert c.summary_now["manga"]["series"] == c.summary["manga"]["series"] + 1
    assert c.summary_now["manga"]["missing"] == c.summary["manga"]["missing"] + 1
    assert small.json("manga/Brand New/info.json")["missing"] == [3]
    assert owns(small, "Brand New") == {1, 2, 4}
    assert small.listing("manga/Brand New/volumes") == [p.name for p in new]
    assert [i["volume"] for i in small.json("status/missing.json")["items"] if i["series"] == "Brand New"] == [3]


def plain_volume(source):
    """The bytes of an archive without ComicInfo, so that the name alone tells the series."""
    out = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for item in old.infolist():
            if item.filename != "ComicInfo.xml":
                new.writestr(item, old.read(item))
    return out.getvalue()


def test_the_missing_volume_is_no_longer_missing_once_it_is_there(small):
    series = with_gap(small)
    gap, folder = series.missing[0], small.manga / series.name
    new = folder / f"{series.name} v{gap:02}.cbz"
    before = {(i["series"], i["volume"]) for i in small.newest("status/missing.json")["items"]}
    with Change(small, [folder]) as c:
        new.write_bytes(plain_volume(volumes_of(small, series)[0]))
    c.only(added=[new], documents=[f"manga/{safe(series.name)}/"])
    after = {(i["series"], i["volume"]) for i in small.newest("status/missing.json")["items"]}
    assert before - after == {(series.name, gap)} and after <= before
    assert gap in owns(small, series.name)
    assert str(gap) not in small.listing(f"manga/{safe(series.name)}/missing")


def test_a_volume_that_goes_is_missing(small):
    series = next(s for s in small.series if not s.is_chapters and len(s.owned) > 5 and not s.missing)
    # by the number in the middle of those owned, whatever the series' names look like
    number = series.owned[len(series.owned) // 2]
    info = small.json(f"manga/{safe(series.name)}/info.json")
    path = next(v["path"] for v in info["volumes"] if v["volume"] == number)
    with Change(small, [os.path.dirname(path)]) as c:
        os.unlink(path)
    c.only(removed=[path], documents=[f"manga/{safe(series.name)}/"])
    assert small.json(f"manga/{safe(series.name)}/info.json")["missing"] == [number]
    assert c.summary_now["manga"]["missing"] == c.summary["manga"]["missing"] + 1


def test_a_series_folder_that_goes_is_forgotten(small):
    series = with_gap(small)
    old = volumes_of(small, series)
    with Change(small, [small.manga / series.name]) as c:
        shutil.rmtree(small.manga / series.name)
    c.only(removed=old, documents=[f"manga/{safe(series.name)}/"])
    assert series.name not in small.listing("manga")
    assert c.summary_now["manga"]["missing"] == c.summary["manga"]["missing"] - len(series.missing)


def without_ids(rows):
    """Rows of two stores: numbers are of each store alone."""
    return {path: {k: v for k, v in row.items() if k != "id"} for path, row in rows.items()}


def test_incremental_equals_full(small, make_lab):
    """After a history of changes the index is what a fresh scan builds."""
    t = flac(small)
    shutil.copytree(os.path.dirname(t.path), small.music / "Copy")
    shutil.rmtree(small.manga / with_gap(small).name)
    (small.music / "Copy/bad.flac").write_bytes(b"no music")
    os.unlink(small.tracks[50].path)
    small.rescan("all")
    fresh = make_lab("fresh")
    fresh.configure(music=small.music, manga=small.manga)
    fresh.start()
    fresh.wait_idle()
    for what in ("tracks", "volumes"):
        assert without_ids(fresh.export(what)) == without_ids(small.export(what))
    for top in ("music/artists", "music/genres", "music/years", "manga"):
        assert tree(fresh, top) == tree(small, top)
    for path, keys in (("status/summary.json", ("music", "manga", "errors")), ("status/missing.json", ("count",))):
        assert [fresh.newest(path)[k] for k in keys] == [small.newest(path)[k] for k in keys]


def tree(lab, top):
    return {os.path.relpath(os.path.join(folder, name), lab.mnt)
            for folder, folders, files in os.walk(lab.mnt / top) for name in [*folders, *files]}
