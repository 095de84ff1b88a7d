# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for Real-Debrid behaves as the description of its API says, and a client of somebody else gets along with it."""
import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from shutil import which

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from realdebrid import TOKEN, RealDebrid  # noqa: E402

HASH, OTHER, BAD = "ab" * 20, "cd" * 20, "ef" * 20
ROOT = Path(__file__).parents[2]


@pytest.fixture
def standin(tmp_path):
    with RealDebrid(files_root=tmp_path) as rd:
        rd.know(HASH, "Show.S01", [["/e1.mkv", 1000], ["/sub/e2.mkv", "two"]])
        rd.infringe(BAD)
        yield rd


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.value = json.loads(body) if body[:1] in (b"{", b"[") else None


def ask(rd, method, path, form=None, token=TOKEN, **headers):
    request = urllib.request.Request(rd.url + path, method=method, data=form.encode() if form is not None else None,
                                     headers={"Authorization": f"Bearer {token}", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as e:
        return Reply(e.code, e.headers, e.read())


def add(rd, hash=HASH):
    return ask(rd, "POST", "/torrents/addMagnet", f"magnet=magnet%3A%3Fxt%3Durn%3Abtih%3A{hash}")


def test_a_torrent_lives_and_its_folder_with_it(standin, tmp_path):
    added = add(standin)
    assert added.status == 201
    name = added.value["id"]
    info = ask(standin, "GET", f"/torrents/info/{name}").value
    assert info["status"] == "waiting_files_selection" and [f["path"] for f in info["files"]] == ["/e1.mkv", "/sub/e2.mkv"]
    assert ask(standin, "POST", f"/torrents/selectFiles/{name}", f"files={info['files'][1]['id']}").status == 204
    assert ask(standin, "POST", f"/torrents/selectFiles/{name}", "files=all").status == 202
    info = ask(standin, "GET", f"/torrents/info/{name}").value
    assert info["status"] == "downloaded" and len(info["links"]) == 1 and info["ended"].endswith("Z")
    assert (tmp_path / "Show.S01/sub/e2.mkv").read_text() == "two" and not (tmp_path / "Show.S01/e1.mkv").exists()
    again = add(standin).value["id"]
    ask(standin, "POST", f"/torrents/selectFiles/{again}", "files=all")
    assert standin.duplicates() == [HASH] and (tmp_path / "Show.S01/e1.mkv").stat().st_size == 1000
    standin.fail(again)
    assert not (tmp_path / "Show.S01/e1.mkv").exists() and (tmp_path / "Show.S01/sub/e2.mkv").exists()
    assert ask(standin, "DELETE", f"/torrents/delete/{name}").status == 204
    assert not (tmp_path / "Show.S01").exists()
    gone = ask(standin, "GET", f"/torrents/info/{name}")
    assert (gone.status, gone.value["error_code"]) == (404, 7)


def test_time_advances_what_is_not_cached(standin):
    standin.know(OTHER, "Slow", [["/a", 10]], cached=False)
    standin.set("times", {"magnet_conversion": 5, "queued": 10, "downloading": 100})
    name = add(standin, OTHER).value["id"]

    def status():
        return ask(standin, "GET", f"/torrents/info/{name}").value["status"]

    assert status() == "magnet_conversion"
    standin.pass_time(6)
    assert status() == "waiting_files_selection"
    ask(standin, "POST", f"/torrents/selectFiles/{name}", "files=all")
    assert status() == "queued"
    standin.pass_time(11)
    assert status() == "downloading"
    standin.pass_time(101)
    assert status() == "downloaded"


def test_pages_shift_and_end(standin):
    ids = [standin.add(f"{i:040x}", f"T{i}", [["/f", 1]], age=1000 - i) for i in range(7)]
    page = ask(standin, "GET", "/torrents?offset=0&limit=3")
    assert [t["id"] for t in page.value] == ids[:3:-1] and page.headers["X-Total-Count"] == "7"
    add(standin)
    assert [t["id"] for t in ask(standin, "GET", "/torrents?offset=3&limit=3").value] == [ids[4], ids[3], ids[2]]
    assert ask(standin, "GET", "/torrents?page=1&limit=1&filter=active").value[0]["hash"] == HASH
    assert ask(standin, "GET", "/torrents?offset=100").status == 204
    for wrong in ("offset=0&page=1", "limit=5001", "limit=x"):
        assert ask(standin, "GET", f"/torrents?{wrong}").status == 400
    tag = ask(standin, "GET", "/torrents?limit=3").headers["ETag"]
    assert ask(standin, "GET", "/torrents?limit=3", **{"If-None-Match": tag}).status == 304
    standin.vanish(ids[6])
    assert ask(standin, "GET", "/torrents?limit=3", **{"If-None-Match": tag}).status == 200


def test_refused_calls_count(standin):
    standin.set("retry_after", 7)
    statuses = [ask(standin, "GET", "/user").status for _ in range(260)]
    assert statuses == [200] * 250 + [429] * 10 and standin.most_in_a_minute() == 260
    assert ask(standin, "GET", "/user").headers["Retry-After"] == "7"
    # those above the limit prolong it
    standin.pass_time(59)
    assert ask(standin, "GET", "/user").status == 429
    standin.pass_time(61)
    assert ask(standin, "GET", "/user").status == 200


@pytest.mark.parametrize("fault, status, code", [
    ({"kind": "code", "code": 36}, 403, 36), ({"kind": "code", "code": 14}, 403, 14), ({"kind": "code", "code": 8}, 401, 8),
    ({"kind": "html"}, 403, None), ({"kind": "status", "status": 502, "body": "bad gateway"}, 502, None)])
def test_faults_come_as_ordered_and_pass(standin, fault, status, code):
    control = urllib.request.Request(standin.url.replace("/rest/1.0", "/_control"),
                                     data=json.dumps({"do": "fault", "times": 1, **fault}).encode())
    urllib.request.urlopen(control, timeout=10).read()
    answer = ask(standin, "GET", "/user")
    assert answer.status == status and (answer.value or {}).get("error_code") == code
    assert ask(standin, "GET", "/user").status == 200


def test_an_answer_can_be_lost_after_the_deed(standin):
    standin.fault("cut", "add", times=1)
    with pytest.raises((http.client.HTTPException, OSError)):
        add(standin)
    standin.fault("late", "add", times=1, seconds=0.1)
    with pytest.raises((http.client.HTTPException, OSError)):
        add(standin)
    assert standin.added == {HASH: 2} and len(standin.torrents) == 2


def test_it_refuses(standin):
    assert ask(standin, "GET", "/user", token="wrong").value["error_code"] == 8
    refused = add(standin, BAD)
    assert (refused.status, refused.value["error_code"]) == (451, 35)
    standin.set("most_active", 0)
    assert add(standin).status == 509
    assert ask(standin, "POST", "/torrents/addMagnet", '{"magnet": "x"}', **{"Content-Type": "application/json"}).status == 400
    standin.fault("empty", "list", times=1)
    standin.add(OTHER, "There", [["/f", 1]])
    assert ask(standin, "GET", "/torrents").value == [] and len(ask(standin, "GET", "/torrents").value) == 1


def client():
    """Where the package real-debrid-api is."""
    for folder in (os.environ.get("NODE_PATH", ""), str(ROOT / "build/npm/node_modules")):
        if folder and (Path(folder) / "real-debrid-api").is_dir():
            return folder
    return None


@pytest.mark.skipif(not which("node") or not client(),
                    reason="no node, or no real-debrid-api: npm install --ignore-scripts --prefix build/npm real-debrid-api")
def test_a_client_of_somebody_else_gets_along_with_it(standin, tmp_path):
    standin.add(OTHER, "There", [["/f", 1]])
    out = subprocess.run(["node", str(ROOT / "tests/lib/realdebrid_client.js"), standin.url, TOKEN, HASH, BAD],
                         env={**os.environ, "NODE_PATH": client()}, capture_output=True, text=True, timeout=60, check=True)
    said = [json.loads(line) for line in out.stdout.splitlines()]
    assert [name for name, _ in said] == [
        "user", "list", "both failed", "past", "added", "info", "selected", "selected", "done", "deleted",
        "deleted failed", "infringing failed", "stranger failed"]
    values = [value for _, value in said]
    assert values[0]["type"] == "premium" and [t["filename"] for t in values[1]] == ["There"] and values[2] == 2
    assert values[5]["files"][0]["path"] == "/e1.mkv" and values[8]["status"] == "downloaded"
    assert (values[10], values[11], values[12]) == (7, 35, 8)
