# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions that somebody is told of: once when one fires, once when it is over, and never again for a restart."""
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from harness import MEDIAMON, until  # noqa: E402
from webhook import BROKEN, OK, Webhook  # noqa: E402

QUICK = 'interval = "100ms" root_absent = "for 0s after 0s"'


def configure(lab, hook=None, alerts=QUICK):
    extra = f"alerts {{ {alerts} }}\n"
    if hook:
        extra += f'webhook {{ url_file = "{hook.secret_file(lab.dir / "webhook")}" }}\n'
    lab.configure(extra=extra)


def alerts(lab):
    return {(a["name"], a["subject"]): a for a in lab.newest("status/health.json")["alerts"]}


def events(lab):
    rows = [json.loads(line) for line in lab.read("events.jsonl").decode().splitlines()]
    return [r for r in rows if r["kind"].startswith("alert-")]


def is_told(lab):
    """Whether the store knows that people were told of the folder: another indexer does not do that again."""
    with contextlib.closing(sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True)) as db:
        return db.execute("SELECT told FROM alert WHERE name = 'root_absent' AND state = 2").fetchall() == [(1,)]


def absent(lab):
    return ("root_absent", "music") in alerts(lab)


def test_a_folder_that_goes_away_is_told_once_and_its_return_too(lab, corpus):
    away = lab.dir / "away"
    with Webhook() as hook:
        corpus.music(lab.music, 40, seed=3)
        configure(lab, hook)
        lab.start()
        lab.wait_idle()
        assert alerts(lab) == {} and b"alert" not in lab.read("status/health")
        lab.music.rename(away)
        lab.rescan("all")
        until(lambda: absent(lab), 30, "the alert")
        a = alerts(lab)["root_absent", "music"]
        assert str(lab.music) in a["text"] and a["see"] == "status/roots" and a["since"]
        health = lab.newest("status/health.json")
        assert health["state"] == "degraded"
        assert "alert root_absent (music): folder music" in lab.read("status/health").decode()
        assert "root_absent" in lab.read("status/summary").decode()
        hook.wait(1, 60)
        until(lambda: is_told(lab), 60, "the word that it was told")
        # another indexer knows it, and tells nobody again
        lab.kill_indexer()
        lab.start_indexer()
        lab.rescan("all")
        assert alerts(lab)["root_absent", "music"]["since"] == a["since"]
        away.rename(lab.music)
        lab.rescan("all")
        until(lambda: not absent(lab), 30, "the end of the alert")
        until(lambda: len(hook.notices) >= 2, 60, "the notice of its end")
        told = [(n["kind"], n["series"]) for n in hook.notices]
        assert told == [("alert", "music"), ("alert over", "music")], hook.notices
        assert [(e["kind"], e["alert"], e["subject"]) for e in events(lab)] == [
            ("alert-fired", "root_absent", "music"), ("alert-cleared", "root_absent", "music")]
        assert "alerts" in json.loads(lab.read("status/health.json")) and alerts(lab) == {}


def test_what_could_not_be_sent_is_told_by_the_next_indexer(lab, corpus):
    with Webhook() as hook:
        hook.answers(BROKEN)
        corpus.music(lab.music, 5, seed=3)
        configure(lab, hook)
        lab.start()
        lab.wait_idle()
        lab.music.rename(lab.dir / "away")
        lab.rescan("all")
        until(lambda: absent(lab), 30, "the alert")
        hook.wait(1, 60)
        assert not is_told(lab), "nobody took it"
        lab.kill_indexer()
        refused = len(hook.notices)
        hook.answers(OK)
        lab.start_indexer()
        until(lambda: len(hook.notices) > refused, 60, "the notice")
        until(lambda: is_told(lab), 60, "the word that it was told")
        assert [(n["kind"], n["series"]) for n in hook.notices[refused:]] == [("alert", "music")], hook.notices
        assert [e["kind"] for e in events(lab)] == ["alert-fired"]


def test_what_is_off_or_silent_is_told_to_nobody(lab, corpus):
    with Webhook() as hook:
        corpus.music(lab.music, 10, seed=3)
        # every disk has less room than this
        configure(lab, hook, QUICK + ' silent = { "state_disk" } state_disk = "900000TiB for 0s" media_disk = "off"')
        lab.start()
        lab.wait_idle()
        until(lambda: ("state_disk", "") in alerts(lab), 30, "the alert")
        a = alerts(lab)["state_disk", ""]
        assert a["unit"] == "bytes" and 0 < a["value"] < a["limit"]
        # a silent one was written before this one is told
        lab.music.rename(lab.dir / "away")
        lab.rescan("all")
        hook.wait(1, 60)
        assert [n["kind"] for n in hook.notices] == ["alert"] and "root_absent" in hook.notices[0]["text"]
        assert not [key for key in alerts(lab) if key[0] == "media_disk"]


def test_the_room_on_a_folders_disk_is_what_its_scout_saw(lab, corpus):
    corpus.music(lab.music, 10, seed=3)
    configure(lab, None, QUICK + ' media_disk = "900000TiB for 0s"')
    lab.start()
    lab.wait_idle()
    until(lambda: ("media_disk", "music") in alerts(lab), 30, "the alert")
    room = int(subprocess.run(["df", "--output=avail", "-B1", lab.music], check=True, capture_output=True,
                              text=True).stdout.split()[1])
    # others write there meanwhile
    assert abs(alerts(lab)["media_disk", "music"]["value"] - room) < 20 << 30


def test_a_wrong_rule_is_refused_by_name(lab):
    lab.configure(extra='alerts { links_broken = "20 clear 30" silent = { "nobody" } summary = "25:00" }')
    r = subprocess.run([MEDIAMON, "--check-config", str(lab.conf)], capture_output=True, text=True)
    assert r.returncode != 0
    for words in ("alerts.links_broken", "must not be above the limit", '"nobody" is no condition', '"25:00"'):
        assert words in r.stdout + r.stderr


def test_what_scrapers_fetched_is_told_when_they_are_done(lab):
    with Webhook() as hook:
        lab.configure(extra='alerts { interval = "100ms" }\nchapters { notice = "1s" }\n'
                            f'webhook {{ url_file = "{hook.secret_file(lab.dir / "webhook")}" }}\n')
        lab.start()
        lab.wait_idle()
        lab.accept("chapter", "\n".join(json.dumps({"series": "S", "run": "r", "chapter": n, **e}) for n in range(3) for e in (
            {"event": "start"}, {"event": "download", "bytes": 1 << 20, "success": True}, {"event": "end", "success": n != 1})))
        hook.wait(1, 60)
        assert [n["kind"] for n in hook.notices] == ["chapters"], hook.notices
        assert hook.notices[0]["text"].startswith("3 chapters are done: 2 ended well, 1 ended badly; 3.0 MiB in "), hook.notices


def test_a_day_is_told_once_at_its_time(lab, corpus):
    """The moment passed while the indexer was not there; what was told is not told again by another start."""
    corpus.music(lab.music, 10, seed=3)
    with Webhook() as hook:
        configure(lab, hook, QUICK + ' summary = "00:00"')
        lab.start()
        lab.wait_idle()

        def base():
            with sqlite3.connect(f"file:{lab.state}/mediamon.db?mode=ro", uri=True) as db:
                return db.execute("SELECT value FROM meta WHERE name = 'alert_summary'").fetchone()
        until(base, 20, "what the next one is compared with")
        lab.stop()
        with sqlite3.connect(lab.state / "mediamon.db") as db:
            before = f"{time.time_ns() - 2 * 86400 * 10 ** 9} tracks=3 albums=1"
            db.execute("UPDATE meta SET value = ? WHERE name = 'alert_summary'", [before])
        lab.start()
        hook.wait(1, 60)
        assert [n["kind"] for n in hook.notices] == ["summary"], hook.notices
        assert hook.notices[0]["text"].startswith("7 tracks more (10)"), hook.notices
        lab.wait_idle()
        lab.stop()
        lab.start()
        lab.wait_idle()
        time.sleep(3)
        assert len(hook.notices) == 1, hook.notices


def test_what_an_alert_tells_to_look_at_is_there(small):
    table = (Path(__file__).parents[2] / "common/alerts.h").read_text()
    places = set(re.findall(r'"((?:status|metrics)/[a-z.]+)"', table))
    assert len(places) > 5
    assert not [p for p in places if not (small.mnt / p).is_file()]
