# SPDX-License-Identifier: GPL-3.0-or-later
"""Random changes of a real tree, and a model of what the index must say afterwards.

A trace works in a folder of its own below a music root and in one outside of it.  It goes on in phases: some
operations, then the index is awaited and compared, and the model learns the rows' numbers.  What the model
promises of a row:

* a file that stayed at its path keeps its row, whatever became of its content;
* a file that was moved takes its row along, also over another file: that one's row is gone;
* a new file gets a row that no other file had, unless it stands where a file of the index stood before.

Where the end of a phase alone does not tell what happened (a file that was moved and then replaced, two names of
one file that were both moved), any of the rows in question will do.
"""
import os
import random
import shutil
from pathlib import Path

SUFFIXES = (".flac", ".mp3")
LEFT_OUT = ("@eaDir", ".git")
DISK = "Disk"
# of all traces of a lab, in one phase: a mass loss would freeze the root
MOST_LOSSES = 15


class Inode:
    """The bytes, whatever their names."""

    def __init__(self, title):
        self.title, self.ids, self.is_linked = title, set(), False


class File:
    """A name of the tree with a file behind it; moves with it."""

    def __init__(self, inode):
        self.inode = inode
        # as of the last comparison: its row, its path, and what happened to it since
        self.id, self.at, self.has_moved, self.is_same = None, None, False, False

    def row(self, path):
        """The number that its row must have, or None."""
        if self.id is None:
            return None
        if self.at == path and not self.has_moved:
            return self.id
        return self.id if self.is_same and not self.inode.is_linked else None

    def learn(self, path, number):
        self.id, self.at, self.has_moved, self.is_same = number, path, False, True
        self.inode.ids.add(number)


class Losses:
    """How many files may still vanish in this phase."""

    def __init__(self):
        self.left = MOST_LOSSES

    def may(self, n):
        return n <= self.left

    def take(self, n):
        self.left -= n


class Trace:
    def __init__(self, seed, root, outside, pieces, losses):
        self.random, self.name = random.Random(seed), f"trace {seed}"
        self.top, self.outside = Path(root) / self.name, Path(outside) / self.name
        self.pieces, self.losses = pieces, losses
        # paths relative to the top
        self.files, self.folders, self.away, self.lost = {}, {""}, {}, {}
        self.ids, self.rows_at, self.made, self.log = set(), {}, 0, []
        self.top.mkdir()
        self.outside.mkdir(parents=True)
        for _ in range(10):
            self.create()

    # --- choosing ---

    def full(self, path):
        return self.top / path

    def pick(self, of):
        of = sorted(of)
        return self.random.choice(of) if of else None

    def pick_folder(self, but_top=True):
        return self.pick({f for f in self.folders if f or not but_top})

    def below(self, folder):
        return [p for p in self.files if p.startswith(folder + "/")]

    def folders_below(self, folder):
        return [f for f in self.folders if f == folder or f.startswith(folder + "/")]

    def free_file(self, suffix=None):
        """A path that is not there; the names are few, so that they come again."""
        folder = self.pick_folder(but_top=False)
        if self.random.random() < 0.3:
            folder = self.new_folder(make=True) or folder
        suffix = suffix or self.random.choice(SUFFIXES)
        for _ in range(20):
            path = os.path.join(folder, f"{self.random.randrange(1, 9):02} - song{suffix}")
            if path not in self.files:
                return path
        return None

    def new_folder(self, make=False, within=None):
        """One that is not there, at most three deep."""
        above = self.pick({f for f in self.folders if f.count("/") < 2}) if within is None else within
        path = os.path.join(above, f"folder {self.random.randrange(6)}")
        if path in self.folders:
            return None
        if make:
            self.full(path).mkdir()
            self.folders.add(path)
        return path

    def content(self, path):
        """New bytes, with a title that no other file has."""
        self.made += 1
        title = f"{self.name} title {self.made}"
        return title, self.pieces.make(path.rpartition(".")[2], title, artist=self.name)

    # --- the model's part of a move ---

    def move_file(self, old, new):
        file = self.files.pop(old)
        file.has_moved = True
        self.files[new] = file

    def move_folder(self, old, new):
        moved = {p: new + p[len(old):] for p in self.below(old)}
        taken = {new: self.files.pop(p) for p, new in moved.items()}
        for file in taken.values():
            file.has_moved = True
        self.files.update(taken)
        for f in self.folders_below(old):
            self.folders.remove(f)
            self.folders.add(new + f[len(old):])

    def admit(self, path, inode):
        inode.is_linked = any(file.inode is inode for file in self.files.values())
        self.files[path] = File(inode)

    def drop(self, paths):
        self.losses.take(len(paths))
        return {p: self.files.pop(p) for p in paths}

    # --- operations: each returns what it did, None when it could not ---

    def create(self):
        path = self.free_file()
        if not path:
            return None
        title, data = self.content(path)
        if self.random.random() < 0.3:
            # a download: complete, then renamed
            part = self.full(path + ".part")
            part.write_bytes(data)
            part.rename(self.full(path))
        else:
            self.full(path).write_bytes(data)
        self.files[path] = File(Inode(title))
        return f"create {path}"

    def write(self):
        path = self.pick(p for p, f in self.files.items() if not f.inode.is_linked)
        if not path:
            return None
        how = self.random.choice(("append", "rewrite", "truncate"))
        if how == "append":
            with open(self.full(path), "ab") as f:
                f.write(self.pieces.frames if path.endswith("mp3") else self.pieces.sound)
            return f"append to {path}"
        self.files[path].inode.title, data = self.content(path)
        with open(self.full(path), "r+b" if how == "rewrite" else "wb") as f:
            f.write(data)
            f.truncate()
        return f"{how} {path}"

    def rename(self):
        old = self.pick(self.files)
        new = old and self.free_file(old[old.rindex("."):])
        if not new:
            return None
        self.full(old).rename(self.full(new))
        self.move_file(old, new)
        return f"rename {old} -> {new}"

    def rename_case(self):
        old = self.pick(self.files)
        new = old and os.path.join(os.path.dirname(old), os.path.basename(old).replace("song", "SONG"))
        if not new or new in self.files:
            return None
        self.full(old).rename(self.full(new))
        self.move_file(old, new)
        return f"rename {old} -> {new}"

    def rename_over(self):
        old = self.pick(self.files)
        new = self.pick(p for p in self.files if old and p != old and p.endswith(old[old.rindex("."):])
                        and self.files[p].inode is not self.files[old].inode)
        if not new or not self.losses.may(1):
            return None
        self.full(old).rename(self.full(new))
        self.drop([new])
        self.move_file(old, new)
        return f"rename {old} over {new}"

    def replace(self):
        """As a tag editor: a temporary file that is no media file, renamed over the old one."""
        path = self.pick(self.files)
        if not path:
            return None
        title, data = self.content(path)
        temporary = self.full(path + self.random.choice((".tmp", ".new", "~")))
        temporary.write_bytes(data)
        temporary.rename(self.full(path))
        file = self.files[path]
        # the old bytes live on under another name: that one may take the row
        file.has_moved |= file.inode.is_linked
        file.inode, file.is_same = Inode(title), False
        return f"replace {path}"

    def swap(self):
        a = self.pick(self.files)
        b = self.pick(p for p in self.files if a and p != a and p.endswith(a[a.rindex("."):]))
        if not b:
            return None
        between = a + ".between" if self.random.random() < 0.5 else os.path.join(os.path.dirname(a), "between.flac")
        self.full(a).rename(self.full(between))
        self.full(b).rename(self.full(a))
        self.full(between).rename(self.full(b))
        self.files[a], self.files[b] = self.files[b], self.files[a]
        self.files[a].has_moved = self.files[b].has_moved = True
        return f"swap {a} and {b}"

    def link(self):
        old = self.pick(self.files)
        new = old and self.free_file(old[old.rindex("."):])
        if not new:
            return None
        os.link(self.full(old), self.full(new))
        self.files[new] = File(self.files[old].inode)
        self.files[old].inode.is_linked = True
        return f"link {old} as {new}"

    def delete(self):
        path = self.pick(self.files)
        if not path or not self.losses.may(1):
            return None
        self.full(path).unlink()
        self.drop([path])
        return f"delete {path}"

    def touch(self):
        path = self.pick(self.files)
        if not path:
            return None
        if self.random.random() < 0.5:
            os.utime(self.full(path))
            return f"touch {path}"
        self.full(path).chmod(self.random.choice((0o600, 0o644, 0o755)))
        return f"chmod {path}"

    def noise(self):
        """What is no track, or is left out."""
        folder = self.full(self.pick_folder(but_top=False))
        name = self.random.choice(("notes.txt", "09 - song.flac.part", "09 - song.flac.tmp", *LEFT_OUT))
        if name in LEFT_OUT:
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "01 - song.flac").write_bytes(self.pieces.flac("left out"))
        elif (folder / name).exists() and self.random.random() < 0.5:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(self.pieces.flac("no track"))
        return f"noise {folder / name}"

    def go_out(self):
        path = self.pick(self.files)
        if not path or not self.losses.may(1):
            return None
        to = f"{len(self.log)}{path[path.rindex('.'):]}"
        self.full(path).rename(self.outside / to)
        self.away[to] = self.drop([path])[path].inode
        return f"move {path} out, to {to}"

    def come_in(self):
        source = self.pick(p for p in self.away if "/" not in p)
        path = source and self.free_file(source[source.rindex("."):])
        if not path:
            return None
        (self.outside / source).rename(self.full(path))
        self.admit(path, self.away.pop(source))
        return f"move {source} in, to {path}"

    # --- operations on folders ---

    def make_folder(self):
        path = self.new_folder(make=True)
        return path and f"mkdir {path}"

    def rename_folder(self):
        old = self.pick_folder()
        within = self.pick(f for f in self.folders if f.count("/") < 2 and f != old
                           and not f.startswith((old or "") + "/"))
        new = old and within is not None and self.new_folder(within=within)
        if not new:
            return None
        self.full(old).rename(self.full(new))
        self.move_folder(old, new)
        return f"rename folder {old} -> {new}"

    def apart(self):
        """Two folders, neither in the other."""
        a = self.pick_folder()
        b = self.pick(f for f in self.folders if a and f and not (f + "/").startswith(a + "/")
                      and not (a + "/").startswith(f + "/"))
        return (a, b) if b else (None, None)

    def swap_folders(self):
        a, b = self.apart()
        if not b:
            return None
        for old, new in ((a, "between"), (b, a), ("between", b)):
            self.full(old).rename(self.full(new))
            self.move_folder(old, new)
        return f"swap folders {a} and {b}"

    def replace_folder(self):
        a, b = self.apart()
        if not b or not self.losses.may(len(self.below(b))):
            return None
        if self.random.random() < 0.5:
            shutil.rmtree(self.full(b))
            self.full(a).rename(self.full(b))
        else:
            self.full(b).rename(self.full("between"))
            self.full(a).rename(self.full(b))
            shutil.rmtree(self.full("between"))
        self.drop(self.below(b))
        self.folders -= set(self.folders_below(b))
        self.move_folder(a, b)
        return f"put folder {a} in the place of {b}"

    def delete_folder(self):
        path = self.pick_folder()
        if not path or not self.losses.may(len(self.below(path))):
            return None
        shutil.rmtree(self.full(path))
        self.drop(self.below(path))
        self.folders -= set(self.folders_below(path))
        return f"rm -r {path}"

    def folder_goes_out(self):
        path = self.pick_folder()
        if not path or not self.losses.may(len(self.below(path))):
            return None
        to = f"folder {len(self.log)}"
        self.full(path).rename(self.outside / to)
        for p, file in self.drop(self.below(path)).items():
            self.away[to + p[len(path):]] = file.inode
        self.folders -= set(self.folders_below(path))
        return f"move folder {path} out, to {to}"

    def folder_comes_in(self):
        source = self.pick(p.name for p in self.outside.iterdir() if p.is_dir())
        path = source and self.new_folder()
        if not path:
            return None
        (self.outside / source).rename(self.full(path))
        for folder, _, _ in os.walk(self.full(path)):
            if not set(Path(folder).parts) & set(LEFT_OUT):
                self.folders.add(os.path.relpath(folder, self.top))
        for p in [p for p in self.away if p.startswith(source + "/")]:
            self.admit(path + p[len(source):], self.away.pop(p))
        return f"move folder {source} in, to {path}"

    # --- a disk below the root ---

    def put_disk(self, faults, disks):
        """The trace's own folder of the tmpfs @disks, mounted below the top."""
        disk, at = Path(disks) / self.name, self.top / DISK
        if not disk.exists():
            disk.mkdir()
            at.mkdir()
            for n in range(3):
                path = f"{DISK}/0{n} - song.flac"
                title, data = self.content(path)
                (disk / os.path.basename(path)).write_bytes(data)
                self.lost[path] = File(Inode(title))
        faults.bind(disk, at)
        self.files.update(self.lost)
        self.lost = {}
        self.log.append("mount the disk")

    def lose_disk(self, faults):
        """What is below it is kept."""
        faults.umount(self.top / DISK)
        self.lost = {p: self.files.pop(p) for p in [p for p in self.files if p.startswith(DISK + "/")]}
        self.log.append("lose the disk")

    # --- a phase ---

    def act(self, steps):
        """So many random operations; those of the disk are not among them."""
        on_disk = {p: self.files.pop(p) for p in [p for p in self.files if p.startswith(DISK + "/")]}
        done = 0
        self.log.append("phase")
        while done < steps:
            did = self.random.choices(OPERATIONS, WEIGHTS)[0](self)
            if did:
                self.log.append(did)
                done += 1
        self.files.update(on_disk)

    def find(self):
        """What `find` sees, relative to the top."""
        found = set()
        for folder, folders, names in os.walk(self.top):
            folders[:] = [f for f in folders if f not in LEFT_OUT]
            found |= {os.path.relpath(os.path.join(folder, n), self.top) for n in names if n.endswith(SUFFIXES)}
        return found

    def rows(self, export):
        """The lines of `mediamon export tracks` that are below the top."""
        start = f"{self.top}/"
        return {path[len(start):]: row for path, row in export.items() if path.startswith(start)}

    def difference(self, export):
        """What is not yet as it must be: a text, "" when nothing."""
        rows, wanted = self.rows(export), {**self.files, **self.lost}
        wrong = [f"is not indexed: {p}" for p in sorted(wanted.keys() - rows.keys())]
        wrong += [f"is still indexed: {p}" for p in sorted(rows.keys() - wanted.keys())]
        wrong += [f"has the title {rows[p]['title']!r}, not {f.inode.title!r}: {p}" for p, f in sorted(wanted.items())
                  if p in rows and rows[p]["title"] != f.inode.title]
        return "\n".join(wrong)

    def check_rows(self, export):
        """When nothing differs: every row is the one that it must be.  Remembers them."""
        assert self.find() == self.files.keys(), f"the model itself is wrong\n{self}"
        rows, all_files = self.rows(export), {**self.files, **self.lost}
        for path, file in sorted(all_files.items()):
            number, must = rows[path]["id"], file.row(path)
            assert must is None or number == must, f"{path} has row {number}, it was {must}\n{self}"
            may = file.inode.ids | {self.rows_at.get(path), file.id}
            assert must or number not in self.ids or number in may, f"{path} has row {number} of another file\n{self}"
        for inode in {file.inode for file in all_files.values()}:
            inode.is_linked = sum(file.inode is inode for file in all_files.values()) > 1
        self.rows_at = {}
        for path, file in all_files.items():
            file.learn(path, rows[path]["id"])
            self.rows_at[path] = file.id
        self.ids |= set(self.rows_at.values())

    def __str__(self):
        return f"{self.name}:\n  " + "\n  ".join(self.log)


OPERATIONS, WEIGHTS = zip(
    (Trace.create, 6), (Trace.write, 3), (Trace.rename, 5), (Trace.rename_case, 2), (Trace.rename_over, 2),
    (Trace.replace, 3), (Trace.swap, 3), (Trace.link, 1), (Trace.delete, 2), (Trace.touch, 1), (Trace.noise, 1),
    (Trace.go_out, 1), (Trace.come_in, 2), (Trace.make_folder, 1), (Trace.rename_folder, 4), (Trace.swap_folders, 2),
    (Trace.replace_folder, 1), (Trace.delete_folder, 1), (Trace.folder_goes_out, 1), (Trace.folder_comes_in, 2))
