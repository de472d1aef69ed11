"""People of a served gallery: enrolled, shown, renamed, merged, denied, deleted, and what is said of answers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Api, form
from conftest import Facekit

from facekit.dataset import tombstones
from facekit.identity.gallery import Gallery

PEOPLE = "/v1/people"


@pytest.fixture
def usable(api: Api, strangers: list[bytes]) -> list[bytes]:
    """Those of them that show exactly one face."""
    faces = [len(api.send("/v1/detect", {"picture": one}).json.get("faces", [])) for one in strangers]
    return [one for one, count in zip(strangers, faces, strict=True) if count == 1]


@pytest.fixture
def zoe(api: Api, usable: list[bytes]) -> Iterator[dict[str, Any]]:
    """A person enrolled with two photos, and deleted at the end."""
    reply = api.send(PEOPLE, {"picture#1": usable[0], "picture#2": usable[1]}, {"name": "Zoë"}, key="write")
    assert reply.status == 201, reply.body
    yield reply.json
    api.ask("DELETE", f"{PEOPLE}/{reply.json['person']}", key="admin")


def listed(api: Api) -> dict[str, int]:
    return {one["name"]: one["faces"] for one in api.get(PEOPLE).json["people"]}


def sizes(api: Api) -> dict[Path, int]:
    """The files of the gallery, without those that SQLite keeps beside its own, and those of counts."""
    others = ("-wal", "-shm", "monitor.sqlite")
    files = [one for one in Path(api.target).rglob("*") if one.is_file() and not one.name.endswith(others)]
    return {one: one.stat().st_size for one in files}


def test_who_was_enrolled_is_named_at_once_and_gone_when_deleted(api: Api, usable: list[bytes]) -> None:
    before = listed(api)
    made = api.send(PEOPLE, {"picture": usable[0]}, {"name": " Ada "}, key="write").json
    assert (made["name"], made["new"], made["faces"]) == ("Ada", 1, 1)
    again = api.send(PEOPLE, {"picture": usable[0]}, {"name": "ADA"}, key="write").json
    assert (again["person"], again["new"], again["faces"]) == (made["person"], 0, 1)
    face = api.send("/v1/identify", {"picture": usable[0]}).json["faces"][0]
    assert (face["name"], face["person"]) == ("Ada", made["person"])

    where = f"{PEOPLE}/{made['person']}"
    (kept,) = api.get(where).json["enrolled"]
    picture = api.get(f"{where}/faces/{kept['face']}/picture")
    assert (picture.status, picture.headers["content-type"], picture.body[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert api.ask("DELETE", where, key="write").problem == "no-right"
    assert api.ask("DELETE", where, key="admin").status == 204
    assert api.get(where).problem == api.get(f"{where}/faces/{kept['face']}/picture").problem == "not-found"
    assert listed(api) == before
    assert api.send("/v1/identify", {"picture": usable[0]}).json["faces"][0]["name"] != "Ada"
    with Gallery.open(api.target) as gallery:
        assert gallery.store.crop(kept["face"]) is None  # its picture is removed too


def test_a_picture_that_was_removed_for_good_is_not_taken(
    api: Api, usable: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEKIT_FORGOTTEN", str(tmp_path / "forgotten.jsonl"))
    before = listed(api)
    tombstones.add(pictures=[hashlib.sha256(usable[1]).hexdigest()])
    answer = api.send(PEOPLE, {"picture": usable[1]}, {"name": "Ada"}, key="write")
    assert (answer.status, answer.problem) == (422, "bad-picture")
    assert "was removed with `facekit forget`" in answer.json["detail"]
    assert listed(api) == before


def test_a_face_of_somebody_else_and_a_picture_without_one(api: Api, zoe: Any, usable: list[bytes]) -> None:
    taken = api.send(PEOPLE, {"picture": usable[0]}, {"name": "Bob"}, key="write")
    assert (taken.status, taken.problem) == (409, "conflict")
    import numpy as np

    from facekit.base import images

    grey = images.encode(np.full((80, 80, 3), 128, np.uint8))
    none = api.send(PEOPLE, {"picture#1": usable[2], "picture#2": grey}, {"name": "Bob"}, key="write")
    assert (none.status, none.problem, none.json["detail"]) == (422, "bad-picture", "picture 2: no face")
    assert "Bob" not in listed(api)  # all or none
    for name in ("", " ", "x" * 201, "\0", "\u200b"):
        assert api.send(PEOPLE, {"picture": usable[2]}, {"name": name}, key="write").problem == "bad-value", repr(name)
    for face in ("0", "x", "99", "-1"):
        wrong = api.send(PEOPLE, {"picture": usable[2]}, {"name": "Bob", "face": face}, key="write")
        assert wrong.problem == "bad-value", face


def test_rename_and_merge(api: Api, zoe: Any, usable: list[bytes]) -> None:
    where, other = f"{PEOPLE}/{zoe['person']}", next(name for name in listed(api) if name != "Zoë")
    assert api.post(where, {"name": "Zoe"}, method="PATCH").json["name"] == "Zoe"
    assert api.post(where, {"name": other}, method="PATCH").problem == "conflict"
    assert api.post(where, {"name": ""}, method="PATCH").problem == "bad-value"
    assert api.post(f"{PEOPLE}/999999", {"name": "X"}, method="PATCH").problem == "not-found"
    more = api.send(PEOPLE, {"picture": usable[2]}, {"name": "Zoe Two"}, key="write").json
    assert api.post(f"{where}/merge", {"others": [more["person"], 999999]}, key="admin").problem == "not-found"
    assert api.post(f"{where}/merge", {"others": [more["person"]]}, key="admin").json["faces"] == 3
    assert api.get(f"{PEOPLE}/{more['person']}").problem == "not-found"


def test_deny(api: Api, zoe: Any, usable: list[bytes]) -> None:
    assert api.send("/v1/identify", {"picture": usable[2]}).json["faces"][0]["name"] == "Zoë"
    where = f"{PEOPLE}/{zoe['person']}/deny"
    assert api.send(where, {"picture": usable[2]}, key="write").json == {"new": True}
    assert api.send(where, {"picture": usable[2]}, key="write").json == {"new": False}
    face = api.send("/v1/identify", {"picture": usable[2]}).json["faces"][0]
    assert face["name"] != "Zoë"
    assert {one["name"]: one["denied"] for one in face["nearest"]}["Zoë"] is True


def test_feedback_is_kept_and_told_by_gallery_check(api: Api, zoe: Any, usable: list[bytes], facekit: Facekit) -> None:
    face = api.send("/v1/identify", {"picture": usable[2]}).json["faces"][0]
    other = next(one["person"] for one in api.get(PEOPLE).json["people"] if one["name"] != "Zoë")
    assert api.post("/v1/feedback", {"answer": face["answer"], "right": True}).status == 204
    assert api.post("/v1/feedback", {"answer": face["answer"], "right": False, "person": other}).status == 204
    for values in (
        {"answer": "A" * 56, "right": True},
        {"answer": face["answer"][:-2] + "AA", "right": True},
        {"answer": face["answer"], "right": True, "person": other},
        {"answer": face["answer"], "right": False, "person": zoe["person"]},
        {"answer": face["answer"]},
    ):
        assert api.post("/v1/feedback", values).problem == "bad-value", values
    assert api.post("/v1/feedback", {"answer": face["answer"], "right": False, "person": 999999}).status == 404
    assert api.post("/v1/feedback", {"answer": face["answer"], "right": True}, key="read").problem == "no-right"
    checked = facekit("gallery", "check", api.target, "--json").report["details"]
    said = {one["name"]: (one["right"], one["wrong"], one["missed"]) for one in checked["feedback"]}
    assert said.pop("Zoë") == (0, 1, 0)  # what was said last counts
    assert list(said.values()) == [(0, 0, 1)]
    assert "1 of 1 answer that named Zoë were said to be wrong" in checked["lines"]


def test_metrics_say_what_was_answered(api: Api, zoe: Any, usable: list[bytes]) -> None:
    def number(name: str) -> float:
        lines = api.get("/metrics").body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    known = 'facekit_identified_faces_total{known="yes"}'
    before, requests = number(known), number('facekit_requests_total{method="POST",route="/v1/identify",status="200"}')
    api.send("/v1/identify", {"picture": usable[0]})
    assert number(known) == before + 1
    assert number('facekit_requests_total{method="POST",route="/v1/identify",status="200"}') == requests + 1
    body, kind = form({"picture": usable[0]}, {})
    assert api.ask("POST", "/v1/identify?count=false", body, kind).json["faces"][0]["name"] == "Zoë"
    assert number(known) == before + 1
    assert api.get("/metrics", key=None).problem == "no-key"
    assert "Zoë" not in api.get("/metrics").body.decode()


def test_no_file_and_no_name_is_left_behind(api: Api, zoe: Any, usable: list[bytes]) -> None:
    """Nothing that was sent is kept unless it was enrolled: the gallery's folder has no file more."""
    before = sizes(api)
    for _ in range(3):
        api.send("/v1/identify", {"picture": usable[1]})
    assert sizes(api) == before


def test_answers_are_counted_by_day_beside_the_work(api: Api, zoe: Any, usable: list[bytes], facekit: Facekit) -> None:
    api.get("/metrics")  # compares the days, beside the work as well
    for _ in range(60):  # what waits in memory is written every few seconds
        api.send("/v1/identify", {"picture": usable[0]})
        details = json.loads(facekit("monitor", api.target, "--json").out or '{"details": {"days": []}}')["details"]
        if details["days"]:
            break
        time.sleep(0.5)
    counts = details["days"][-1]["counts"]
    none, one, two, *more = counts["faces a picture"]  # the tests before asked about pictures without a face as well
    assert sum(counts["unknown"]) == sum(counts["brightness"]) == one + 2 * two >= 1
    assert more == [0, 0, 0][: len(more)], none
    assert b"Zo" not in (Path(api.target) / "monitor.sqlite").read_bytes()
