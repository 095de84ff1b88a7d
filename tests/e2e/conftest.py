# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures.  The programs under test are in $MEDIAMON_BUILD (default: build/), the generator of
libraries in $MEDIAMON_SHARED (default: ../shared); LONG=1 makes long tests longer."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from corpus import Corpus, Pieces
from faults import Faults, HeldLibrary
from harness import BUILD, Lab

CACHE = "MEDIAMON_E2E_CACHE"
reapers = []


def tell_reaper(what):
    """Whoever kills this process, its mounts and indexers do not outlive it."""
    if not reapers:
        reapers.append(subprocess.Popen([sys.executable, Path(__file__).with_name("reaper.py")],
                                        stdin=subprocess.PIPE, text=True, start_new_session=True))
    reapers[0].stdin.write(json.dumps(what) + "\n")
    reapers[0].stdin.flush()


def pytest_configure(config):
    """The cache of generated libraries is made by the process that starts all others."""
    if not hasattr(config, "workerinput"):
        os.environ[CACHE] = tempfile.mkdtemp(prefix="mediamon-e2e-")
        os.chmod(os.environ[CACHE], 0o755)
        tell_reaper({"remove": os.environ[CACHE]})


def pytest_unconfigure(config):
    for reaper in reapers:
        reaper.stdin.close()
        reaper.wait()
    reapers.clear()


def pytest_collection_modifyitems(items):
    """Long ones first, so that two processes end together."""
    first = ("test_watch", "test_guard", "test_kill", "test_generations", "test_bad_files", "test_bytes")
    items.sort(key=lambda item: next((i for i, n in enumerate(first) if n in item.nodeid), len(first)))


@pytest.fixture(scope="session")
def corpus():
    return Corpus(os.environ[CACHE])


@pytest.fixture(scope="session")
def pieces(corpus):
    return Pieces(corpus.seeds)


@pytest.fixture(scope="session")
def library(corpus):
    """The big library: 10,000 tracks, 300 series (tenths of it with MEDIAMON_SMALL=10); only read."""
    return corpus.library()


@pytest.fixture
def make_lab(tmp_path):
    """make_lab(name): labs that end with the test, whatever becomes of it."""
    labs = []

    def make(name="lab", folder=None):
        assert os.access(BUILD / "mediamon", os.X_OK), f"build it first: {BUILD}"
        folder = folder or tmp_path / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        labs.append(Lab(folder, tell_reaper))
        return labs[-1]
    yield make
    for lab in labs:
        lab.stop()
        shutil.rmtree(lab.state, ignore_errors=True)


@pytest.fixture
def lab(make_lab):
    return make_lab()


@pytest.fixture
def open_lab(make_lab):
    """A lab that every user of the machine can look into: pytest's own folders are closed."""
    return make_lab(folder=Path(tempfile.mkdtemp(dir=os.environ[CACHE])))


@pytest.fixture
def tell():
    """tell(what): the reaper undoes it, whatever becomes of this process."""
    return tell_reaper


@pytest.fixture
def faults():
    """Mounts that end with the test.  A test that wants a lab as well names the lab first."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount here")
    made = Faults(tell_reaper)
    yield made
    made.clean()


@pytest.fixture
def big(lab, library):
    """A lab over the big library, not started."""
    lab.configure(music=library.music, manga=library.manga)
    return lab


@pytest.fixture
def held(request, lab, library, faults):
    """An index of the big library on a disk that can be held; HELD_SCAN of the test's file: options of the section scan."""
    held = HeldLibrary(faults, lab, library, getattr(request.module, "HELD_SCAN", "workers = 1 walkers = 1"))
    lab.start()
    lab.wait_idle()
    return held


@pytest.fixture
def small(lab, corpus):
    """A lab with a small library of its own, indexed; its manifest in .tracks and .series."""
    lab.tracks, lab.series = corpus.music(lab.music, 200, seed=7), corpus.manga(lab.manga, 20, seed=7)
    lab.start()
    lab.wait_idle()
    return lab
