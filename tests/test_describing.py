"""The OpenAPI document: each example in it works as it is written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from asking import Api, served
from conftest import ROOT
from shellblocks import served as served_lines

from facekit.base import images
from facekit.serving.problems import PROBLEMS

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
    last = ("merge", "DELETE /v1/people/{person}/faces", "DELETE")
    return sorted(found, key=lambda one: next((place for place, word in enumerate(last, 1) if word in one[0]), 0))


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
            person["name"] = "Ada Byron"  # who is called so from here on
        typed = f"{line.replace('ANSWER', answer)} -s -o /dev/null -w '%{{http_code}}'"
        said = subprocess.run(
            ["bash", "-c", typed], cwd=tmp_path, env={**os.environ, **given}, capture_output=True, text=True, timeout=60
        )
        done[route] = said.stdout
    assert set(done.values()) <= {"200", "201", "204"}, done
    assert len(done) == 17


GUIDE = ROOT / "docs" / "guides" / "serving.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_lines_of_the_guide_work(api: Api, drawn_photos: Path, tmp_path: Path) -> None:
    photo = next(one for one in sorted(drawn_photos.glob("*/*.jpg")) if _faces(api, one) == 1)
    for name in ("photo", "other"):
        shutil.copyfile(photo, tmp_path / f"{name}.jpg")
    (tmp_path / "ada.jpg").write_bytes(images.encode(images.read(photo), 90))  # which is not enrolled yet
    there = [one["person"] for one in api.get("/v1/people").json["people"]]
    lines = served_lines(GUIDE).replace("127.0.0.1:8000", f"127.0.0.1:{api.port}")
    lines = re.sub("PERSON=.*", f"PERSON={max(there) + 1}", lines).replace("curl ", "curl -sSf ")
    (tmp_path / "facekit").write_text(f'#!/bin/sh\nexec {sys.executable} -m facekit "$@"\n')
    (tmp_path / "facekit").chmod(0o700)
    (tmp_path / "gallery").symlink_to(api.target)
    given = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    wait = "sleep 1\n"  # until the server knows the key
    done = subprocess.run(
        ["bash", "-ec", lines.replace('key")\n', f'key")\n{wait}')],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines.count("curl") >= 7
    assert done.stdout.count('"similarity"') >= 2
    assert [one["person"] for one in api.get("/v1/people").json["people"]] == there


def test_the_guide_lists_every_problem() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: int(status) for name, status in rows} == {name: status for name, (status, _) in PROBLEMS.items()}


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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_whatever_the_description_allows_is_answered_as_it_says(own: Api, tmp_path: Path) -> None:
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    words = ["run", f"http://127.0.0.1:{own.port}/openapi.json", "-H", f"Authorization: Bearer {own.keys['admin']}"]
    words += ["-c", checks, "--max-examples", "40", "--seed", "1", "--phases", "examples,fuzzing", "--no-color"]
    program = Path(sys.executable).with_name("st")
    done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
