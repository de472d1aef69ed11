"""What the API answers about pictures: the same as the commands."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Api, form, served
from mutating import mutated

from facekit.base import images
from facekit.commands.identify import identify
from facekit.commands.verify import verify
from facekit.options.identify import Identify
from facekit.options.verify import Verify
from facekit.serving.monitor import sqlite


@pytest.fixture(scope="module")
def photos(drawn_photos: Path) -> list[Path]:
    """Drawn photos, two of each person."""
    return [
        photo for folder in sorted(drawn_photos.iterdir()) if folder.is_dir() for photo in sorted(folder.iterdir())[:2]
    ]


def test_identify_says_what_the_command_says(api: Api, enrolled: Path, photos: list[Path]) -> None:
    said: dict[str, list[Any]] = {}
    for answer in identify(Identify(gallery=str(enrolled), pictures=[str(photo) for photo in photos], jobs=1)):
        said.setdefault(answer.picture, []).append(answer)
    assert any(answer.name != "unknown" for some in said.values() for answer in some)
    for photo in photos:
        reply = api.ask("POST", "/v1/identify", photo.read_bytes(), "image/jpeg")
        assert reply.status == 200, reply.body
        found = [(face["name"] or "unknown", face["similarity"], face["probability"]) for face in reply.json["faces"]]
        there = [one for one in said[str(photo)] if one.box is not None]
        assert found == [(one.name, one.similarity, one.probability) for one in there]
        assert [list(face["box"].values()) for face in reply.json["faces"]] == [list(one.box) for one in there]


def test_a_form_and_the_bytes_are_answered_alike(api: Api, photos: list[Path]) -> None:
    data = photos[0].read_bytes()
    one = api.send("/v1/detect", {"picture": data})
    assert one.json == api.ask("POST", "/v1/detect", data, "application/octet-stream").json
    assert one.json["faces"][0]["quality"]["sharpness"] > 0


def test_verify_says_what_the_command_says(api: Api, photos: list[Path]) -> None:
    for second in (photos[1], photos[-1]):
        (said,) = verify(Verify(pictures=[photos[0], second], jobs=1))
        found = api.send("/v1/verify", {"first": photos[0].read_bytes(), "second": second.read_bytes()}).json
        assert (found["same"], found["similarity"], found["probability"], found["threshold"]) == (
            said.same,
            said.similarity,
            said.probability,
            said.threshold,
        )


@pytest.mark.parametrize(
    ("body", "kind", "status", "problem"),
    [
        (b"", "image/jpeg", 400, "bad-request"),
        (b"<svg/>", "image/svg+xml", 415, "unsupported-picture"),
        (b'{"url": "http://127.0.0.1/"}', "application/json", 415, "unsupported-picture"),
        (b"file:///etc/passwd", "text/plain", 415, "unsupported-picture"),
        (b"\xff\xd8\xff\xe0 cut off", "image/jpeg", 415, "unsupported-picture"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x", 400, "bad-request"),
        (b"anything", "multipart/form-data", 400, "bad-request"),
        (form({}, {"picture": "/etc/passwd"})[0], "multipart/form-data; boundary=no", 400, "bad-request"),
    ],
)
def test_what_is_no_picture(api: Api, body: bytes, kind: str, status: int, problem: str) -> None:
    reply = api.ask("POST", "/v1/identify", body, kind)
    assert (reply.status, reply.problem) == (status, problem)


def test_a_path_in_place_of_a_picture_is_not_read(api: Api, photos: list[Path]) -> None:
    body, kind = form({}, {"picture": str(photos[0])})
    assert api.ask("POST", "/v1/identify", body, kind).problem == "bad-request"


def test_two_pictures_where_one_is_asked_for(api: Api, photos: list[Path]) -> None:
    data = photos[0].read_bytes()
    assert api.send("/v1/detect", {"picture#1": data, "picture#2": data}).problem == "bad-request"
    assert api.send("/v1/verify", {"first": data}).problem == "bad-request"
    one, kind = form({"picture": data}, {"x": "1"})
    edge = one.partition(b"\r\n")[0]
    twice = edge + b'\r\nContent-Disposition: form-data; name="x"\r\n\r\n2\r\n' + one
    assert api.ask("POST", "/v1/detect", twice, kind).json["detail"] == "the field 'x' is given twice"


def test_a_picture_without_a_face(api: Api, photos: list[Path]) -> None:
    grey = images.encode(np.full((90, 60, 3), 128, np.uint8))
    reply = api.ask("POST", "/v1/identify", grey, "image/jpeg")
    assert (reply.status, reply.json["faces"], reply.json["width"], reply.json["height"]) == (200, [], 60, 90)
    refused = api.send("/v1/verify", {"first": photos[0].read_bytes(), "second": grey})
    assert (refused.status, refused.json["detail"]) == (422, "second: no face")


def test_a_damaged_picture(api: Api, photos: list[Path]) -> None:
    data = photos[0].read_bytes()
    reply = api.ask("POST", "/v1/detect", data[: len(data) // 2], "image/jpeg")
    assert (reply.status, reply.problem) == (422, "bad-picture")


def test_a_run_labels_faces_as_predict_does(head: Path, photos: list[Path], tmp_path: Path) -> None:
    from facekit.commands.predict import predict
    from facekit.options.predict import Predict

    shutil.copytree(head, tmp_path / "run")
    (said,) = predict(Predict(run=tmp_path / "run", pictures=[str(photos[0])], jobs=1))
    with served(tmp_path / "run") as run:
        found = run.send("/v1/analyze", {"picture": photos[0].read_bytes()}).json["runs"]["run"]
        assert [(one["label"], one["confidence"], one["probability"]) for one in found] == [
            (said.label, said.confidence, said.probability)
        ]
        assert run.send("/v1/identify", {"picture": photos[0].read_bytes()}).problem == "not-found"
        assert run.get("/v1/people").problem == "not-found"

        # Whether it was right is counted; a run names nobody by number.
        answer = found[0]["answer"]
        assert run.post("/v1/feedback", {"answer": answer, "right": False}).status == 204
        assert run.post("/v1/feedback", {"answer": answer, "right": False, "person": 1}).problem == "bad-value"
        assert run.post("/v1/feedback", {"answer": answer[:-2] + "AA", "right": True}).problem == "bad-value"
        assert run.post("/v1/feedback", {"answer": answer, "right": True}, key="read").problem == "no-right"
    with closing(sqlite.in_folder(tmp_path / "run")) as days:
        ((_, counts),) = days.days().items()
    assert (counts["wrong"].tolist(), counts["unknown"].sum()) == ([0, 1], 1)


def mutate(api: Api, photo: bytes, count: int) -> None:
    """Send mutated bodies, and see that each is answered or refused, and that none is left anywhere."""
    chance, statuses = random.Random(15), Counter[int]()
    for _ in range(count):
        how, body, kind = mutated(chance, photo)
        reply = api.ask("POST", chance.choice(["/v1/detect", "/v1/identify"]), body, kind)
        assert reply.status in (200, 400, 413, 415, 422), (how, kind, reply.status, reply.body)
        if reply.status != 200:
            assert reply.problem
        statuses[reply.status] += 1
    assert len(statuses) >= 4, statuses
    assert api.ask("POST", "/v1/detect", photo, "image/jpeg").status == 200


def test_a_hundred_mutated_bodies(api: Api, photos: list[Path]) -> None:
    mutate(api, photos[0].read_bytes(), 100)


@pytest.mark.slow
def test_a_thousand_mutated_bodies_leave_nothing(api: Api, photos: list[Path], tmp_path: Path) -> None:
    """The server is this process: what it holds open and how large it is shows here."""
    import psutil

    this, photo = psutil.Process(), photos[0].read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        mutate(api, photo, 200)
        files, memory = this.num_fds(), this.memory_info().rss
        mutate(api, photo, 1000)
        assert list(tmp_path.iterdir()) == []
    assert this.num_fds() <= files + 5
    assert this.memory_info().rss - memory < 60e6
