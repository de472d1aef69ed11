"""The OpenAPI document: each example in it works as it is written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Api, served

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")


@pytest.fixture(scope="module")
def own(enrolled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server of a gallery of its own: the examples delete people."""
    with served(Path(shutil.copytree(enrolled, tmp_path_factory.mktemp("described") / "gallery"))) as one:
        yield one


def samples(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Each route with its example, those that delete last and those that merge before them."""
    found = [
        (f"{method.upper()} {path}", route["x-codeSamples"][0]["source"])
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    ]
    return sorted(
        found, key=lambda one: ("merge" in one[0]) + 2 * one[0].startswith("DELETE") - one[0].count("/faces/") / 2
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_each_example_works(own: Api, drawn_photos: Path, tmp_path: Path) -> None:
    document = own.get("/openapi.json", key=None).json
    person = own.get("/v1/people/1").json
    photo = next(one for one in sorted((drawn_photos / person["name"]).iterdir()) if _faces(own, one) == 1)
    shutil.copyfile(photo, tmp_path / "photo.jpg")
    answer = own.send("/v1/identify", {"picture": photo.read_bytes()}).json["faces"][0]["answer"]
    given = {"URL": f"http://127.0.0.1:{own.port}", "KEY": own.keys["admin"], "FACE": person["enrolled"][0]["face"]}
    done = {}
    for route, line in samples(document):
        if route == "POST /v1/people":  # the photo's own person is enrolled with it already
            line = line.replace("Ada Lovelace", person["name"])
        if route == "PATCH /v1/people/{person}":
            person["name"] = "Ada Byron"
        typed = f"{line.replace('ANSWER', answer)} -s -o /dev/null -w '%{{http_code}}'"
        said = subprocess.run(
            ["bash", "-c", typed], cwd=tmp_path, env={**os.environ, **given}, capture_output=True, text=True, timeout=60
        )
        done[route] = said.stdout
    assert set(done.values()) <= {"200", "201", "204"}, done
    assert len(done) == 16


def test_every_route_says_how_it_refuses(own: Api) -> None:
    document = own.get("/openapi.json", key=None).json
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            if path.startswith("/v1"):
                assert {"401", "403", "429", "504"} <= route["responses"].keys(), (method, path)
                for answer in route["responses"].values():
                    for kind, content in answer.get("content", {}).items():
                        assert kind != "application/problem+json" or content["example"]["status"] >= 400
    assert json.dumps(document).count("Needs the scope `admin`") == 3


def _faces(api: Api, photo: Path) -> int:
    return len(api.send("/v1/detect", {"picture": photo.read_bytes()}).json.get("faces", []))
