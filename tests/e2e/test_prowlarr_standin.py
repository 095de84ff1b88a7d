# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for Prowlarr answers as upstream's own description says (where that is at hand)."""
import json
import os
import sys
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from prowlarr import KEY, Prowlarr, indexer, release  # noqa: E402

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
SHARED = Path(os.environ.get("MEDIAMON_SHARED", Path(__file__).parents[3] / "shared"))
DESCRIPTION = SHARED / "openapi" / "prowlarr.json"
MAGNET = "magnet:?xt=urn:btih:9fb267cff5ae5603f07a347676ec3bf3e35f75e1&dn=Naruto"


@pytest.fixture(scope="module")
def description():
    if not DESCRIPTION.exists():
        pytest.skip(f"upstream's description is not at hand: {DESCRIPTION}")
    return json.loads(DESCRIPTION.read_text())


@pytest.fixture
def standin():
    with Prowlarr(indexers=[indexer(1, "Alpha"), indexer(2, "Bêta", protocol="usenet"), indexer(3, "Off", enable=False)],
                  away={"2": 600}, releases=[
            release(1, "Naruto T01"), release(2, "Naruto T02", magnet=MAGNET, link=None, seeders=None, infoUrl=None),
            release(3, "Bleach", indexerId=2, protocol="usenet")]) as p:
        yield p


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


def validator(description, path, method="get", status="200"):
    content = description["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    schema = nullable({**content, "components": description["components"]})
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


def ask(standin, path, body=None, key=KEY):
    request = urllib.request.Request(standin.url + path, data=json.dumps(body).encode() if body else None,
                                     headers={"X-Api-Key": key, "Content-Type": "application/json"})
    with urllib.request.build_opener(NoRedirect).open(request, timeout=10) as answer:
        return answer.read()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.mark.parametrize("path, rows", [("/api/v1/search?query=naruto&type=search&categories=7030", 2),
                                        ("/api/v1/search?query=bleach", 0), ("/api/v1/indexer", 3),
                                        ("/api/v1/indexerstatus", 1)])
def test_its_lists_are_what_upstream_describes(standin, description, path, rows):
    answer = json.loads(ask(standin, path))
    assert len(answer) == rows
    validator(description, path.split("?")[0]).validate(answer)


def test_the_check_can_fail(standin, description):
    rows = json.loads(ask(standin, "/api/v1/search?query=naruto"))
    for wrong in ({"size": "big"}, {"protocol": "ed2k"}, {"link": "x"}, {"indexerId": None}):
        with pytest.raises(jsonschema.ValidationError):
            validator(description, "/api/v1/search").validate([{**rows[0], **wrong}])


def test_a_grab_is_what_upstream_describes(standin, description):
    found = json.loads(ask(standin, "/api/v1/search?query=naruto%20t01"))[0]
    wanted = {"guid": found["guid"], "indexerId": found["indexerId"]}
    schema = description["paths"]["/api/v1/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.Draft7Validator(nullable({**schema, "components": description["components"]})).validate(wanted)
    validator(description, "/api/v1/search", "post").validate(json.loads(ask(standin, "/api/v1/search", wanted)))
    assert standin.grabbed == [found["guid"]]
    standin.state["gone"] = [found["guid"]]
    for body, status in ((wanted, 409), ({**wanted, "guid": "unknown"}, 404), ({"indexerId": 1}, 400)):
        with pytest.raises(urllib.error.HTTPError) as e:
            ask(standin, "/api/v1/search", body)
        assert e.value.code == status


def test_every_path_and_parameter_that_we_ask_for_is_described(description):
    paths = description["paths"]
    asked = {"/api/v1/search": {"query", "type", "limit", "categories", "indexerIds"}, "/api/v1/indexer": set(),
             "/api/v1/indexerstatus": set(), "/{id}/api": {"t", "cat", "limit", "offset"}, "/{id}/download": {"link", "file"}}
    for path, names in asked.items():
        assert names <= {p["name"] for p in paths[path]["get"].get("parameters", [])}, path
    assert {"X-Api-Key": []} in description["security"]


def test_it_refuses_strangers_and_tells_who_is_away(standin):
    for path, key, status in (("/api/v1/search?query=a", "wrong", 401), ("/api/v1/search?query=a&indexerIds=2", KEY, 400),
                              ("/2/api?t=search", KEY, 429), ("/3/api?t=search", KEY, 410), ("/1/api", KEY, 400)):
        with pytest.raises(urllib.error.HTTPError) as e:
            ask(standin, path, key=key)
        assert e.value.code == status, path
        assert (e.value.headers.get("Retry-After") is not None) == (status == 429)
    assert [r["path"] for r in standin.requests][:1] == ["/api/v1/search"]


def test_its_feeds_and_links_hold_the_key_as_the_real_ones_do(standin):
    feed = ElementTree.fromstring(ask(standin, "/1/api?t=search&cat=7030"))
    items = feed.findall("./channel/item")
    assert [i.findtext("title") for i in items] == ["Naruto T01", "Naruto T02"]
    assert all(KEY in i.find("enclosure").get("url") for i in items)
    row = next(r for r in json.loads(ask(standin, "/api/v1/search?query=t02")) if r["magnetUrl"])
    assert KEY in row["magnetUrl"] and row["downloadUrl"] is None
    with pytest.raises(urllib.error.HTTPError) as e:
        ask(standin, row["magnetUrl"].removeprefix(standin.url))
    assert (e.value.code, e.value.headers["Location"]) == (301, MAGNET)
