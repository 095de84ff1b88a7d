# SPDX-License-Identifier: GPL-3.0-or-later
"""From a missing volume to its file, with real download clients."""
import errno
import sys
from pathlib import Path

import pytest

from finding import Finds, cbz, ed2k, offer, own, refused, secret, settle
from harness import until

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from amule import Amule  # noqa: E402
from prowlarr import Prowlarr  # noqa: E402
from qbittorrent import Qbittorrent  # noqa: E402
from webhook import Webhook  # noqa: E402


@pytest.fixture
def hook():
    with Webhook() as h:
        yield h


@pytest.fixture
def prowlarr():
    with Prowlarr() as p:
        yield p


def texts(hook, kind):
    return [n["text"] for n in hook.notices if n["kind"] == kind]


def refuse_while_dry(finds, series, volume):
    refused(finds.lab, finds.grab(series, volume), errno.EROFS, "dry run is on", "control/dry-run")
    finds.lab.accept("dry-run", "off")


def arrive(finds, hook, series, volume):
    """The file comes into the library by whatever way; all that must follow."""
    cbz(finds.lab.manga / series / f"{series} T{volume:02}.cbz")
    finds.wait_request("arrived", series, volume)
    finds.wait_missing(series)
    until(lambda: texts(hook, "arrived"), 20, f"a notice of the arrival: {hook.notices}")
    # a later run has nothing to add
    cbz(finds.lab.manga / "Other" / "Other T01.cbz")
    until(lambda: "Other" in finds.lab.listing("manga"), 10, "the next run")
    assert settle(lambda: len(texts(hook, "arrived")), 0.5) == 1
    assert f"{series} {volume}" in texts(hook, "arrived")[0]


@pytest.mark.skipif(not Qbittorrent.is_installed(), reason="qbittorrent-nox is not installed")
def test_a_torrent_from_prowlarr_is_held_by_qbittorrent_until_it_arrives(lab, prowlarr, hook):
    own(lab, "Naruto", 1, 2, 4)
    info_hash = offer(prowlarr, 1, "Naruto T03 FR CBZ")
    offer(prowlarr, 2, "Naruto T05 FR CBZ")
    with Qbittorrent(login=True) as q:
        finds = Finds(lab).use_prowlarr(prowlarr).use_webhook(hook).set(
            "qbittorrent", url=q.url, username=q.user, paused="true",
            password_file=secret(lab.dir / "qbittorrent", q.password)).start(dry=True)
        assert set(finds.missing("Naruto")) == {3}
        row, = finds.found("Naruto", 3)
        assert row["verdict"] == "confirmed" and row["volumes"] == [3, 3] and row["line"] == 1
        text = lab.read("manga/Naruto/missing/3/results").decode()
        assert "confirmed" in text and "Naruto T03 FR CBZ" in text
        refuse_while_dry(finds, "Naruto", 3)
        assert not q.torrents()
        assert finds.grab("Naruto", 3) == 0, lab.last()
        until(q.torrents, 20, f"the torrent: {finds.requests()}")
        torrent, = q.torrents()
        assert torrent["hash"] == info_hash and torrent["category"] == "mediamon"
        request = finds.wait_request("sent", "Naruto", 3)
        assert request["client"] == "qbittorrent" and request["hash"] == info_hash
        assert finds.missing("Naruto")[3]["state"] == "requested"
        arrive(finds, hook, "Naruto", 3)
        assert len(q.torrents()) == 1
        calls = {c["series"]: c for c in lab.newest("metrics/chapters.json")["items"] if c["producer"] == "downloads"}
        assert calls["prowlarr"]["images_downloaded"] > 0 and calls["prowlarr"]["total_bytes"] > 0
        assert lab.newest("metrics/session.json")["chapters"]["attempted"] == 0


@pytest.mark.skipif(not Amule.is_installed(), reason="amuled is not installed")
def test_a_link_of_the_ebdz_table_is_held_by_amule_until_it_arrives(lab, hook):
    own(lab, "Gantz", 1, 3)
    link, digest = ed2k("Gantz - 02.cbz")
    with Amule() as a:
        finds = Finds(lab).use_ebdz([(link, "Gantz"), (ed2k("Gantz - 12.cbz")[0], "Gantz")]).use_webhook(hook)
        finds.set("amule", host="127.0.0.1", port=a.port, password_file=secret(lab.dir / "amule", a.password))
        finds.start(dry=True)
        row, = finds.found("Gantz", 2)
        assert row["verdict"] == "confirmed" and row["hash"] == digest and row["source"] == "ebdz"
        refuse_while_dry(finds, "Gantz", 2)
        assert finds.grab("Gantz", 2) == 0, lab.last()
        held = until(a.show_dl, 20, f"the link: {finds.requests()}")
        assert [h.lower() for h, _ in held] == [digest]
        finds.wait_request("sent", "Gantz", 2)
        arrive(finds, hook, "Gantz", 2)
