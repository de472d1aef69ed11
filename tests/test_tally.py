"""The line after the last answer counts what was looked at by its kind, and each appearance once."""

from __future__ import annotations

from facekit.identity.tally import Tallied

Said = tuple[str, str | None, bool]


def summary(answers: list[Said], videos: tuple[str, ...] = ()) -> str:
    tallied = Tallied(iter(answers), lambda one: one[:2] if one[2] else None, videos)
    list(tallied)
    return tallied.summary


def test_pictures() -> None:
    assert summary([]) == ""
    assert summary([("a", None, True), ("b", None, True)]) == "no face in 2 photos"
    assert summary([("a", "Ada", True), ("a", "unknown", True), ("b", None, True)]) == (
        "2 faces in 1 photo: 1 has a name, 1 is unknown; 1 photo gave no face"
    )


def test_a_picture_with_an_answer_beside_a_place_that_is_no_face_has_one() -> None:
    assert summary([("a", None, True), ("a", "unknown", True)]) == "1 face in 1 photo: 0 have a name, 1 is unknown"


def test_videos() -> None:
    live = [("0", "Ada", False), ("0", "Ada", True), ("0", "Bob", True)]
    assert summary(live, ("0",)) == "2 appearances in 1 video: 2 have a name, 0 are unknown"
    assert summary([*live, ("p", "unknown", True), ("1", None, True)], ("0", "1")) == (
        "3 faces in 1 photo and 1 video: 2 have a name, 1 is unknown; 1 video gave no face"
    )
