# SPDX-License-Identifier: GPL-3.0-or-later
"""MPD, which indexes the same music."""
import os
import shutil
import subprocess
import time

from lab import CannotMeasure, end, run, until

CONFIG = """music_directory "{here}/music"
db_file "{here}/db"
log_file "{here}/log"
bind_to_address "{here}/socket"
auto_update "no"
zeroconf_enabled "no"
audio_output {{
	type "null"
	name "none"
}}
"""


class Mpd:
    """Used with `with`: ends when the block does."""

    def __init__(self, work):
        for program in ("mpd", "mpc"):
            if not shutil.which(program):
                raise CannotMeasure(f"{program} is not installed (contrib/deps.sh bench)")
        self.here, self.process = work / "mpd", None
        self.environment = {**os.environ, "MPD_HOST": str(self.here / "socket")}

    def __enter__(self):
        """With an empty database, so that the update to come is the first."""
        shutil.rmtree(self.here, ignore_errors=True)
        (self.here / "empty").mkdir(parents=True)
        (self.here / "music").symlink_to("empty")
        (self.here / "conf").write_text(CONFIG.format(here=self.here))
        with open(self.here / "out", "wb") as out:
            self.process = subprocess.Popen(["mpd", "--no-daemon", self.here / "conf"], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out)
        until(self.answers, "MPD", 15, pause=0.05)
        self.update()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        end(self.process)
        shutil.rmtree(self.here, ignore_errors=True)

    def answers(self):
        if self.process.poll() is not None:
            raise CannotMeasure("MPD ended: " + (self.here / "out").read_text()[-300:])
        return subprocess.run(["mpc", "status"], env=self.environment, capture_output=True).returncode == 0

    def serve(self, music):
        link = self.here / "link"
        link.symlink_to(music)
        link.rename(self.here / "music")

    def update(self):
        start = time.perf_counter()
        run("mpc", "--wait", "update", env=self.environment)
        return time.perf_counter() - start

    def songs(self):
        lines = run("mpc", "stats", env=self.environment).splitlines()
        return int(next(line for line in lines if line.startswith("Songs:")).split()[1])
