# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins for Sonarr and Radarr answer as upstream's own description says (where that is at hand)."""
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from arr import Arr  # noqa: E402

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
SHARED = Path(os.environ.get("MEDIAMON_SHARED", Path(__file__).parents[3] / "shared"))
DESCRIPTIONS = {"sonarr": "sonarr-v3.json", "radarr": "radarr.json"}
FILE = "/tv/Show/Season 01/Show S01E01.mkv"


def description(kind):
    path = SHARED / "openapi" / DESCRIPTIONS[kind]
    if not path.exists():
        pytest.skip(f"upstream's description is not at hand: {path}")
    return json.loads(path.read_text())


@pytest.fixture
def sonarr():
    with Arr("sonarr", roots=[{"id": 1, "path": "/tv"}], items=[{"id": 3, "title": "Show", "path": "/tv/Show"}],
             files=[{"id": 31, "seriesId": 3, "seasonNumber": 1, "path": FILE}],
             episodes=[{"id": 301, "seriesId": 3, "seasonNumber": 1, "episodeNumber": 1, "episodeFileId": 31}]) as a:
        yield a


@pytest.fixture
def radarr():
    with Arr("radarr", roots=[{"id": 1, "path": "/films"}],
             items=[{"id": 7, "title": "A", "path": "/films/A", "file": "/films/A/A.mkv"}]) as a:
        yield a


def nullable(schema):
    """OpenAPI 3.0's "nullable" as JSON Schema says it."""
    if isinstance(schema, list):
        return [nullable(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    turned = {k: nullable(v) for k, v in schema.items() if k != "nullable"}
    if schema.get("nullable") is True and "type" in schema:
        turned["type"] = [schema["type"], "null"]
    return turned


def validate(kind, name, row):
    told = description(kind)
    schema = nullable({"$ref": f"#/components/schemas/{name}", "components": told["components"]})
    jsonschema.Draft7Validator(schema).validate(row)


def ask(standin, path, body=None, key=None):
    """Status and answer."""
    request = urllib.request.Request(standin.url + path, data=json.dumps(body).encode() if body else None,
                                     headers={"X-Api-Key": key or standin.key, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as e:
        return e.code, None


def order(standin, **body):
    return ask(standin, "/api/v3/command", body)


LISTS = [("sonarr", "/api/v3/series", "SeriesResource"), ("sonarr", "/api/v3/episode?seriesId=3", "EpisodeResource"),
         ("sonarr", "/api/v3/episodefile?seriesId=3", "EpisodeFileResource"),
         ("sonarr", "/api/v3/rootfolder", "RootFolderResource"), ("radarr", "/api/v3/movie", "MovieResource"),
         ("radarr", "/api/v3/rootfolder", "RootFolderResource")]


@pytest.mark.parametrize("kind, path, name", LISTS)
def test_its_lists_are_what_upstream_describes(kind, path, name, request):
    status, rows = ask(request.getfixturevalue(kind), path)
    assert status == 200 and len(rows) == 1
    validate(kind, name, rows[0])
    with pytest.raises(jsonschema.ValidationError):
        validate(kind, name, {**rows[0], "id": "three"})


def test_every_path_and_parameter_that_we_ask_for_is_described():
    asked = {"/api/v3/episode": {"seriesId"}, "/api/v3/episodefile": {"seriesId"}, "/api/v3/rootfolder": set(),
             "/api/v3/filesystem": {"path", "includeFiles"}, "/api/v3/command/{id}": {"id"}}
    for kind in DESCRIPTIONS:
        paths = description(kind)["paths"]
        assert "post" in paths["/api/v3/command"] and ("/api/v3/movie" in paths or "/api/v3/series" in paths)
        for path, names in asked.items():
            if kind == "sonarr" or "episode" not in path:
                assert names <= {p["name"] for p in paths[path]["get"].get("parameters", [])}, (kind, path)


def test_a_command_is_what_upstream_describes_and_has_its_effect(sonarr):
    sonarr.state["missing"] = [FILE]
    status, row = order(sonarr, name="rescanseries", seriesId=3)
    assert (status, row["status"]) == (201, "queued")
    # the description knows only what the bodies of all commands have in common
    assert row.pop("body") == {"name": "rescanseries", "seriesId": 3}
    validate("sonarr", "CommandResource", row)
    assert ask(sonarr, f"/api/v3/command/{row['id']}")[1]["status"] == "completed"
    assert ask(sonarr, "/api/v3/episodefile?seriesId=3")[1] == []
    episode = ask(sonarr, "/api/v3/episode?seriesId=3")[1][0]
    assert (episode["episodeFileId"], episode["hasFile"], episode["monitored"]) == (0, False, False)


@pytest.mark.parametrize("root", [{"directories": []}, {"accessible": False}])
def test_a_rescan_is_skipped_while_the_root_folder_is_away(sonarr, root):
    sonarr.state["missing"] = [FILE]
    sonarr.state["roots"][0].update(root)
    order(sonarr, name="RescanSeries", seriesId=3)
    assert len(ask(sonarr, "/api/v3/episodefile?seriesId=3")[1]) == 1


@pytest.mark.parametrize("kind, body", [
    ("sonarr", {"name": "RescanSeries"}), ("sonarr", {"name": "MissingEpisodeSearch"}),
    ("sonarr", {"name": "EpisodeSearch", "episodeIds": []}), ("sonarr", {"name": "CutoffUnmetEpisodeSearch"}),
    ("radarr", {"name": "RescanMovie"}), ("radarr", {"name": "RescanMovie", "movieId": 0}),
    ("radarr", {"name": "MissingMoviesSearch"}), ("radarr", {"name": "MoviesSearch", "movieIds": [None]})])
def test_what_would_be_the_whole_library_is_refused_and_remembered(kind, body, request):
    standin = request.getfixturevalue(kind)
    assert order(standin, **body)[0] == 409
    assert (standin.wide, standin.orders) == ([body], [])


def test_it_refuses_strangers_and_unknown_commands(sonarr):
    assert ask(sonarr, "/api/v3/series", key="wrong")[0] == 401
    assert order(sonarr, name="Nonsense")[0] == 500
    assert ask(sonarr, "/api/v3/command/77")[0] == 404


def test_it_looks_where_its_container_is_mounted(radarr, tmp_path):
    film = tmp_path / "A" / "A.mkv"
    film.parent.mkdir()
    radarr.state["mounts"] = {"/films": str(tmp_path)}
    listing = ask(radarr, "/api/v3/filesystem?" + urllib.parse.urlencode({"path": "/films/"}))[1]
    assert [d["name"] for d in listing["directories"]] == ["A"]
    for is_there in (False, True):
        if is_there:
            film.symlink_to("/etc/hostname")
        order(radarr, name="RescanMovie", movieId=7)
        assert ask(radarr, "/api/v3/movie")[1][0]["hasFile"] == is_there
    assert ask(radarr, "/api/v3/movie")[1][0]["movieFile"]["path"] == "/films/A/A.mkv"


def test_a_slow_one_answers_later(sonarr):
    sonarr.state["modes"] = {"series": {"kind": "slow", "seconds": 0.2}}
    assert ask(sonarr, "/api/v3/series")[0] == 200
    sonarr.state["modes"] = {"any": {"kind": "html"}, "command": {"kind": "status", "status": 503, "times": 1}}
    assert order(sonarr, name="RescanSeries", seriesId=3)[0] == 503
