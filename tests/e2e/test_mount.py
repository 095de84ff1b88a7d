# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounting, unmounting, one indexer at a time, and who may do what."""
import grp
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

from harness import MEDIAMON, MEDIAMOND, is_alive, until
from reaper import is_mounted

TRY_LATER = 75
IS_ROOT = os.geteuid() == 0
ROOT_ONLY = pytest.mark.skipif(not IS_ROOT, reason="only root mounts for others")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def options_of(mnt):
    with open("/proc/self/mountinfo") as f:
        fields = next(line.split() for line in f if line.split()[4] == str(mnt))
    at = fields.index("-")
    return fields[at + 1], fields[at + 2], set(fields[5].split(",")) | set(fields[at + 3].split(","))


def background(lab, *options):
    """As fstab does it: returns once it is mounted."""
    lab.reaper({"mount": str(lab.mnt), "config": str(lab.conf), "state": str(lab.state)})
    return subprocess.run([MEDIAMON, str(lab.conf), str(lab.mnt), *options], capture_output=True, text=True, timeout=20)


def test_options_as_fstab_writes_them(lab):
    r = background(lab, "-o", "rw,nofail,_netdev,x-systemd.automount,x-systemd.requires=a.mount,noindexer,noatime,user")
    assert r.returncode == 0, r.stderr
    kind, source, options = options_of(lab.mnt)
    assert (kind, source) == ("fuse.mediamon", str(lab.conf)) and {"nosuid", "nodev"} <= options
    assert ("allow_other" in options) == IS_ROOT and "default_permissions" in options
    assert not lab.indexer(), "noindexer started one"
    assert lab.json("status/health.json")["state"] != "ok"
    assert lab.order("rescan", "all") != 0
    lab.unmount()
    assert not is_mounted(lab.mnt)


FSTAB = """
mount --bind '{programs}' /usr/local/bin && mount --bind '{fstab}' /etc/fstab || exit 9
for round in 1 2 3; do mount -a || exit 8; done
grep -cF ' {escaped} ' /proc/self/mountinfo
umount '{mnt}'
"""


@pytest.mark.skipif(not IS_ROOT, reason="only root has a table of mounts of its own")
@pytest.mark.parametrize("name", ["mediamon.conf", "my, own \\ list.conf"])
def test_mount_a_leaves_one_mount_however_often(lab, name):
    """In a namespace of its own, with fstab and the programs where mount looks for them."""
    programs, fstab = lab.dir / "programs", lab.dir / "fstab"
    programs.mkdir()
    for program in (MEDIAMON, MEDIAMOND):
        shutil.copy(program, programs)
    conf = lab.conf.rename(lab.dir / name)
    written = str(conf).replace("\\", "\\134").replace(" ", "\\040")
    fstab.write_text(f"{written} {lab.mnt} fuse.mediamon nofail,noindexer 0 0\n")
    script = FSTAB.format(programs=programs, fstab=fstab, mnt=lab.mnt, escaped=lab.mnt)
    r = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], capture_output=True, text=True,
                       timeout=60)
    assert (r.returncode, r.stdout) == (0, "1\n"), r.stderr


def test_df_counts_no_blocks_and_no_files(small):
    """A size would be 100 % full, or without room, for programs that watch disks."""
    told = os.statvfs(small.mnt)
    assert (told.f_blocks, told.f_bfree, told.f_bavail, told.f_files, told.f_ffree) == (0, 0, 0, 0, 0)
    assert told.f_bsize == 4096 and told.f_namemax == 255
    line = subprocess.run(["df", small.mnt], capture_output=True, text=True, check=True).stdout.splitlines()[1]
    assert line.split()[-2] == "-", line


def test_an_indexer_in_the_background_holds_no_folder(lab, faults):
    """Neither the disk from which it was started, nor what a relative path of its configuration led through."""
    disk = lab.dir / "usb"
    disk.mkdir()
    faults.tmpfs(disk)
    lab.reaper({"mount": str(lab.mnt), "config": str(lab.conf), "state": str(lab.state)})
    subprocess.run([MEDIAMOND, "-d", os.path.relpath(lab.conf, disk)], cwd=disk, check=True)
    pid = int(until(lambda: (lab.state / "mediamond.pid").exists() and (lab.state / "mediamond.pid").read_text(), 10, "it"))
    try:
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        subprocess.run(["umount", disk], check=True)
    finally:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_alive(pid), 20, "its end")


def test_an_option_that_nobody_knows_is_refused(lab):
    r = background(lab, "-o", "no_such_option,noindexer")
    assert r.returncode not in (0, None) and "no_such_option" in r.stderr
    assert not is_mounted(lab.mnt)


def test_a_mount_goes_to_the_background_and_starts_the_indexer(lab):
    r = background(lab)
    assert (r.returncode, r.stderr) == (0, "")
    assert is_mounted(lab.mnt) and "status" in os.listdir(lab.mnt)
    lab.wait_indexer()
    lab.wait_idle()
    pid = lab.indexer()
    assert lab.unmount() == 0
    time.sleep(0.5)
    assert lab.indexer() == pid, "unmounting ended the indexer"
    assert background(lab).returncode == 0
    lab.wait_indexer()
    assert lab.indexer() == pid, "a second one was started"
    assert not any(job["order"] != "rescan all" for job in lab.jobs().values())


def test_a_second_indexer_refuses_and_names_the_first(small):
    r = subprocess.run([MEDIAMOND, str(small.conf)], capture_output=True, text=True, timeout=10)
    assert r.returncode == TRY_LATER and str(small.indexer()) in r.stderr
    assert small.accept("rescan", "all")
    small.wait_idle()


def test_the_lock_of_a_dead_indexer_is_taken_over(small):
    old = small.indexer()
    small.kill_indexer()
    assert (small.state / "mediamond.pid").read_text().strip() == str(old), "the stale lock is there"
    small.start_indexer()
    assert small.indexer() not in (None, old)
    small.wait_idle()
    assert small.newest("status/summary.json")["music"]["tracks"] == 200


def test_a_lock_with_the_number_of_another_process_is_taken_over(small):
    """After a reboot the number in the file may belong to anybody."""
    small.kill_indexer()
    (small.state / "mediamond.pid").write_text(f"{os.getpid()}\n")
    small.start_indexer()
    assert small.indexer() != os.getpid()


def test_a_dead_mount_is_cleared_by_the_next_start(small):
    pid = small.indexer()
    small.fs.kill()
    small.fs.wait()
    with pytest.raises(OSError):
        os.listdir(small.mnt)
    small.start()
    assert small.json("status/summary.json")["music"]["tracks"] == 200
    assert small.indexer() == pid
    with open("/proc/self/mountinfo") as f:
        assert sum(line.split()[4] == str(small.mnt) for line in f) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_indexer_and_leaves_the_mount(small, number):
    children = small.children("--worker") + small.children("--scout")
    assert len(children) >= 3
    assert small.end_indexer(number) < 5
    until(lambda: not any(is_alive(pid) for pid in children), 5, "its processes to end")
    until(lambda: small.json("status/health.json")["indexer"]["state"] == "away", 3, "away")
    assert small.json("status/summary.json")["music"]["tracks"] == 200
    small.start_indexer()
    small.wait_idle()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_filesystem_and_unmounts(small, number):
    pid = small.indexer()
    small.fs.send_signal(number)
    small.fs.wait(5)
    assert not is_mounted(small.mnt) and small.indexer() == pid


def test_two_mounts_show_one_index(small, make_lab):
    other = make_lab("other")
    other.state, other.conf = small.state, small.conf
    other.start()
    assert other.indexer() == small.indexer()
    (small.music / "new").mkdir()
    for lab in (small, other):
        os.rename(next(small.music.rglob("*.flac")), small.music / "new" / f"{lab.dir.name}.flac")
        lab.rescan("music")
        assert small.newest("status/summary.json")["music"] == other.newest("status/summary.json")["music"]
    other.unmount()
    assert small.read("status/summary")


# --- who may do what ---

def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_modes_and_owners(small):
    control = 0o660 if IS_ROOT else 0o600
    group = grp.getgrnam("mediamon").gr_gid if IS_ROOT else os.getegid()
    for folder, folders, files in os.walk(small.mnt):
        assert mode(folder) == 0o555, folder
        for path in (os.path.join(folder, name) for name in files):
            st = os.lstat(path)
            assert st.st_uid == os.geteuid()
            takes_orders = os.path.dirname(path).endswith("/control") or os.path.basename(path) in ("monitor", "grab")
            if takes_orders and not path.endswith("/last"):
                assert (mode(path), st.st_gid) == (control, group), path
            elif not stat.S_ISLNK(st.st_mode):
                assert mode(path) == 0o444, path


def as_user(words, script, cwd):
    return subprocess.run([*words, "sh", "-c", script], cwd=cwd, capture_output=True, text=True)


@ROOT_ONLY
def test_others_read_and_only_the_group_orders(open_lab, corpus):
    corpus.manga(open_lab.manga, 2)
    open_lab.start()
    open_lab.wait_idle()
    jobs = open_lab.jobs()
    r = as_user(NOBODY, "cat status/summary && ls -l control && ls manga", open_lab.mnt)
    assert r.returncode == 0 and "manga    2 series" in r.stdout, r.stderr
    for script in ("echo all > control/rescan", "echo all >> control/rescan", "cat control/rescan",
                   "echo x > status/summary", "mkdir status/x", "rm README.txt", f"echo > {open_lab.state}/live"):
        r = as_user(NOBODY, script, open_lab.mnt)
        assert r.returncode != 0 and ("ermission denied" in r.stderr or "ead-only" in r.stderr), (script, r.stderr)
    assert open_lab.jobs() == jobs
    r = subprocess.run([*NOBODY, MEDIAMON, "order", "rescan", "all", "--config", str(open_lab.conf)],
                       capture_output=True, text=True)
    assert r.returncode != 0 and open_lab.jobs() == jobs
    member = [*NOBODY[:2], f"--regid={grp.getgrnam('mediamon').gr_gid}", "--clear-groups"]
    r = as_user(member, "echo manga > control/rescan && cat control/rescan", open_lab.mnt)
    assert r.returncode == 0, r.stderr
    open_lab.wait_idle()
    assert [job["order"] for number, job in open_lab.jobs().items() if number not in jobs] == ["rescan manga"]
    r = subprocess.run([*member, MEDIAMON, "order", "rescan", "music", "--config", str(open_lab.conf)],
                       capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    open_lab.wait_idle()


@ROOT_ONLY
def test_the_store_is_read_by_others_also_after_a_clean_end(open_lab, corpus):
    corpus.music(open_lab.music, 20)
    open_lab.start()
    open_lab.wait_idle()
    for _ in range(2):
        r = subprocess.run([*NOBODY, MEDIAMON, "dump", "status/summary.json", "--config", str(open_lab.conf)],
                           capture_output=True, text=True)
        assert r.returncode == 0 and '"tracks": 20' in r.stdout, r.stderr
        if open_lab.indexer():
            open_lab.unmount()
            open_lab.end_indexer(signal.SIGTERM)
