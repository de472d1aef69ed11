"""Which pictures show one photo: changed copies are proved, other photos of the same person are not."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import STRIDE, picture

from facekit.base import images
from facekit.base.contract import Image
from facekit.dataset.groups import components
from facekit.identity.likeness import (
    Fingerprint,
    Proof,
    among,
    fingerprint,
    links,
    proofs,
    repeats,
    shared,
)
from facekit.identity.likeness.candidates import candidates
from facekit.identity.likeness.features import matches
from facekit.identity.likeness.neighbours import Cells
from facekit.identity.likeness.proof import compare, verdict
from facekit.identity.likeness.shape import mirrored, shape
from facekit.world.draw import photo
from facekit.world.people import people
from facekit.world.shot import shot


def face(person: int, number: int) -> Image:
    image, box = photo(people(3, 5)[person], shot(np.random.default_rng([person, number])), (480, 640))
    return images.resize(images.cut(image, images.square(box, 0.2)), 160)


def trimmed(image: Image) -> Image:
    return images.resize(np.ascontiguousarray(image[2:-2, 1:-3]), 160)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "same": lambda image: image,
    "re-encoded": lambda image: images.decode(images.encode(image, 60)),
    "half size": lambda image: cv2.resize(image, (80, 80), interpolation=cv2.INTER_AREA),
    "trimmed": trimmed,
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "mirrored and re-encoded": lambda image: images.decode(images.encode(np.ascontiguousarray(image[:, ::-1]), 70)),
}


@pytest.fixture(scope="module")
def crowd() -> list[Image]:
    return [face(person, number) for person in range(3) for number in range(8)]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_repeats(crowd: list[Image], change: str) -> None:
    copies = [CHANGES[change](image) for image in crowd[::3]]
    found = proofs([fingerprint(image) for image in [*crowd[::3], *copies]])
    pairs = {(p.first, p.second) for p in found if p.repeat}
    wanted = {(n, n + len(copies)) for n in range(len(copies))}
    assert pairs == wanted


def test_other_photos_of_a_person_are_no_repeats(crowd: list[Image]) -> None:
    assert proofs([fingerprint(image) for image in crowd]) == []


def test_the_order_does_not_matter(crowd: list[Image]) -> None:
    seen = [fingerprint(image) for image in crowd[::2]] + [fingerprint(trimmed(image)) for image in crowd[::4]]
    seen += [fingerprint(CHANGES["mirrored and re-encoded"](image)) for image in crowd[::6]]
    last = len(seen) - 1
    forwards = {(p.first, p.second, p.repeat) for p in proofs(seen)}
    backwards = {(last - p.second, last - p.first, p.repeat) for p in proofs(seen[::-1])}
    assert forwards == backwards
    assert len(forwards) >= 9


def test_whoever_waits_sees_how_far_the_comparing_is(crowd: list[Image]) -> None:
    seen: list[tuple[str, int, int]] = []

    def track(items: Any, title: str, total: int | None = None, board: object = None) -> Iterator[Any]:
        taken = list(items)
        seen.append((title, len(taken), total or 0))
        return iter(taken)

    proofs([fingerprint(image) for image in [*crowd, *(trimmed(image) for image in crowd)]], track=track)
    (title, taken, total) = seen[0]
    assert (title, taken, len(seen)) == ("compare pairs", total, 1)
    assert total >= 1


def test_what_cannot_be_seen_is_like_nothing() -> None:
    seen: list[Fingerprint | None] = [
        fingerprint(picture(1)),
        None,
        fingerprint(picture(2)),
        None,
        fingerprint(picture(1)),
    ]
    assert [tuple(p) for p in proofs(seen)] == [(0, 4, True, True, "photo")]


def test_flat_pictures_are_compared_without_a_fuss() -> None:
    flat = fingerprint(np.full((50, 50, 3), 90, np.uint8))
    other = fingerprint(np.full((50, 50, 3), 200, np.uint8))
    assert [tuple(p) for p in proofs([flat, other, flat])] == [(0, 2, True, True, "photo")]


def test_a_thousand_equal_pictures_cost_a_thousand_proofs(crowd: list[Image]) -> None:
    """And one that differs a little from all of them is compared with one alone."""
    same, other = fingerprint(crowd[0]), fingerprint(trimmed(crowd[0]))
    again = [fingerprint(images.decode(images.encode(crowd[0], quality))) for quality in range(90, 100)]
    seen = [other, *[same] * 1000, *again, fingerprint(crowd[9])]
    found = proofs(seen)
    assert sum(p.equal for p in found) == 999 + len(again)
    assert [p for p in found if not p.equal] == [Proof(0, found[-1].first, True)] or len(found) == 1000 + len(again)
    assert {place for proof in found for place in proof[:2]} == set(range(len(seen) - 1))


def test_of_equals_and_their_near_the_best_stays(crowd: list[Image]) -> None:
    """Rank decides, whichever of the equal pictures the proofs go through, and names keep apart."""
    seen = [
        fingerprint(crowd[0]),
        fingerprint(trimmed(crowd[0])),
        fingerprint(crowd[0]),
        fingerprint(crowd[5]),
        fingerprint(crowd[0]),
    ]
    found = proofs(seen)
    for best in (0, 1, 2, 4):
        gone = dict(repeats(found, rank=lambda place, best=best: (place != best, place), name=lambda place: "Ada"))
        assert gone == {place: best for place in (0, 1, 2, 4) if place != best}
    names = ["Ada", "Ada", "Bob", "Bob", "Ada"]
    assert dict(repeats(found, rank=lambda place: place, name=names.__getitem__)) == {1: 0, 4: 0}
    assert dict(shared(found, names.__getitem__)).keys() == {0, 1, 2, 4}
    assert all(names[place] != names[other] for place, other in shared(found, names.__getitem__))
    assert dict(shared(found, lambda place: "Ada")) == {}


def test_a_repeat_of_a_repeat_stays() -> None:
    chain = [Proof(0, 1, True), Proof(1, 2, True), Proof(2, 3, False)]
    assert list(repeats(chain, rank=lambda place: place, name=lambda place: "Ada")) == [(1, 0)]
    assert list(repeats(chain, rank=lambda place: (place != 1, place), name=lambda place: "Ada")) == [(0, 1), (2, 1)]


def test_links_hold_though_the_picture_between_is_gone() -> None:
    proved = [Proof(0, 1, True, True), Proof(0, 5, False), Proof(2, 3, True), Proof(3, 4, False)]
    assert links(proved, {1, 5}) == [(1, 5)]  # 0 and 1 are one
    assert links(proved, {2, 4}) == []  # 3 is not the same as 2
    assert set(links(proved, range(6))) == {(0, 1), (0, 5), (2, 3), (3, 4)}
    assert links([], {1, 2}) == []


def test_what_is_known_through_a_picture_that_goes_is_kept() -> None:
    proved = [Proof(0, 1, True, True), Proof(0, 2, True, True), Proof(0, 5, True), Proof(3, 4, True)]
    assert among(proved, {1, 2, 4, 5}) == [Proof(1, 2, True, True), Proof(1, 5, True)]
    assert dict(repeats(among(proved, {2, 5}), rank=lambda place: -place, name=lambda place: "Ada")) == {2: 5}
    assert among(proved, {0, 3}) == []


def test_a_burst_is_one_only_where_nothing_proves_one_photo() -> None:
    burst, photo = Proof(0, 2, False, reason="burst"), Proof(0, 3, False)
    assert among([burst, photo], range(4)) == [burst, photo]
    both = [Proof(0, 1, True, True), Proof(1, 2, False), burst]
    assert among(both, range(4))[-1].reason == "photo"
    assert among(both[::-1], range(4))[-1].reason == "photo"


CUTS: dict[str, Callable[[Image], Image]] = {
    "a fifth cut off": lambda image: images.resize(np.ascontiguousarray(image[20:148, 10:138]), 160),
    "a quarter cut off, mirrored": lambda image: np.ascontiguousarray(image[30:150, 20:140][:, ::-1]),
    "turned by 8 degrees and cut": lambda image: turned(image, 8)[20:140, 20:140],
}


def turned(image: Image, degrees: float) -> Image:
    middle = (image.shape[1] / 2, image.shape[0] / 2)
    warp = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, warp, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("embedded", [False, True])
def test_cuts_are_proved_with_and_without_vectors(crowd: list[Image], cut: str, embedded: bool) -> None:
    """The vectors say only who could be one; pixels decide, so a person's other photos pass by though they are near."""
    photos = crowd[:8:2]
    seen = [fingerprint(image) for image in [*photos, *(CUTS[cut](image) for image in photos)]]
    near = np.zeros((8, 4), np.float32) + np.linspace(0, 0.1, 8, dtype=np.float32)[:, None]
    near[7] = np.nan
    found = {(p.first, p.second) for p in proofs(seen, near if embedded else None)}
    assert found == {(0, 4), (1, 5), (2, 6), (3, 7)}


def test_the_nearest_are_found_though_not_all_are_looked_at() -> None:
    """2,000 vectors in clusters of five: the other four are found, whatever cells they fall into."""
    rng = np.random.default_rng(5)
    rows = np.repeat(rng.normal(size=(400, 64)), 5, axis=0) + rng.normal(0, 0.2, (2000, 64))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    cells = Cells(rows)
    assert len(cells.centres) == 5
    query, row, cosine = cells.nearest(rows, 4, 0.5)
    assert (cosine >= 0.5).all()
    assert (query != row).all()
    assert np.bincount(query).max() == 4
    assert (query // 5 == row // 5).sum() > 0.98 * 2000 * 4


def test_few_pairs_are_proposed(crowd: list[Image]) -> None:
    """However many pictures there are, each proposes a few: the work is linear."""
    noise = np.random.default_rng(5).integers(0, 256, (200, 40, 40, 3), np.uint8)
    prints = [fingerprint(image) for image in [*noise, *crowd, *(trimmed(image) for image in crowd)]]
    found = candidates(prints)
    assert len(found) < 4 * len(prints)
    proposed = {pair[:2] for pair in found}
    assert {(200 + n, 200 + n + len(crowd)) for n in range(len(crowd))} <= proposed


def test_a_mirrored_picture_has_the_mirrored_shape_and_features(crowd: list[Image]) -> None:
    grey = images.gray(crowd[0])
    there = shape(np.ascontiguousarray(grey[:, ::-1]))
    assert mirrored(shape(grey)[None])[0] @ there > 0.999
    assert shape(grey) @ there < 0.99
    assert not shape(np.full((50, 50), 90, np.uint8)).any()
    one, other = fingerprint(crowd[0]).flipped(), fingerprint(np.ascontiguousarray(crowd[0][:, ::-1]))
    assert (one.pixels == other.pixels).mean() > 0.95
    pairs = matches(one.features, other.features)
    assert len(pairs) > 0.8 * len(one.features)
    assert np.abs(one.features.points[pairs[:, 0]] - other.features.points[pairs[:, 1]]).max() < 1


def test_on_real_faces(data: Path) -> None:
    """Ten studio photos each, some taken within a second: enough stay apart, and nobody is another.

    Of every other person; `make bench` takes all forty.
    """
    people = range(1, 41, 1 if STRIDE == 1 else 2)
    files = [file for person in people for file in sorted(data.glob(f"orl/s{person}/*.pgm"))]
    found = proofs([fingerprint(images.read(file)) for file in files])
    assert len(files) == 10 * len(people)
    assert all(files[p.first].parent == files[p.second].parent for p in found)
    group = components(len(files), [p[:2] for p in found])
    assert min(len(set(group[start : start + 10])) for start in range(0, len(files), 10)) >= 3


@pytest.mark.parametrize("pair", ["s27/4 s27/5", "s8/3 s8/8", "s7/1 s7/3", "s37/2 s37/8"])
def test_two_looks_within_a_second_are_no_repeat(data: Path, pair: str) -> None:
    """Eyes open and shut, a mouth, a gaze: all else agrees, and both are worth keeping."""
    one, other = (fingerprint(images.read(data / "orl" / f"{name}.pgm")) for name in pair.split())
    judged = verdict(compare(one, other))
    assert judged is None or not judged[0]


EDITED = {
    "cropped differently, sharpened": lambda face: sharpened(face[14:140, 4:130]),
    "brightened, shifted": lambda face: np.clip(shifted(face) * 1.2 + 12, 0, 255).astype(np.uint8),
    "mirrored, recoloured": lambda face: np.clip(face[:, ::-1] * np.array([1.15, 1, 0.7]), 0, 255).astype(np.uint8),
    "from a collage": lambda face: cv2.resize(images.decode(images.encode(images.resize(face, 80), 80)), (160, 160)),
    "blurred": lambda face: cv2.GaussianBlur(face, (0, 0), 0.013 * 160),
    "written on": lambda face: cv2.putText(face.copy(), "HA HA", (20, 150), 0, 1.2, (255, 255, 255), 3),
}


def sharpened(image: Image) -> Image:
    soft = cv2.GaussianBlur(image, (0, 0), 1.3)
    return np.clip(image.astype(np.float32) * 2 - soft, 0, 255).astype(np.uint8)


def shifted(image: Image) -> Image:
    return cv2.warpAffine(image, np.float32([[1, 0, 9], [0, 1, -7]]), (160, 160), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("edit", EDITED)
def test_edited_faces_are_known_again(crowd: list[Image], edit: str) -> None:
    """The kinds of pairs that were found across a split of search results."""
    some = crowd[::4]
    prints = [fingerprint(image) for image in [*some, *(EDITED[edit](image) for image in some)]]
    assert {(p.first, p.second) for p in proofs(prints)} == {(n, n + len(some)) for n in range(len(some))}


@pytest.mark.parametrize("edit", EDITED)
def test_edited_real_faces_are_known_again(data: Path, edit: str) -> None:
    files = sorted(data.glob("lfw/identities/Tony_Blair/*.jpg"))[:12]
    faces = [images.resize(images.read(file)[60:190, 60:190], 160) for file in files]
    prints = [fingerprint(image) for image in [*faces, *(EDITED[edit](image) for image in faces)]]
    found = {(p.first, p.second) for p in proofs(prints)}
    assert found <= {(n, n + len(files)) for n in range(len(files))}
    assert len(found) >= 11


def test_a_photo_inside_another_is_found(data: Path) -> None:
    """A collage of four: each of the photos is linked with it, and not with the others."""
    photos = [images.read(file) for file in sorted(data.glob("lfw/identities/Tony_Blair/*.jpg"))[:4]]
    collage = np.vstack([np.hstack(photos[:2]), np.hstack(photos[2:])])
    found = proofs([fingerprint(image) for image in [*photos, collage]])
    assert {(p.first, p.second) for p in found} == {(n, 4) for n in range(4)}


def test_photos_that_share_a_print_stay_apart(data: Path) -> None:
    """Shirts, walls of logos, a template of text: pairs that local features alone link, looked at by eye."""
    raw = data / "scraped" / "raw"
    with (data / "scraped" / "likeness_extra.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["relation"] in ("different", "same")]
    seen = {(row["person"], row[key]) for row in rows[-24:] for key in ("file_a", "file_b")}
    prints = {one: fingerprint(images.read(raw / one[0] / one[1])) for one in seen}
    for row in rows[-24:]:
        one, other = (prints[row["person"], row[key]] for key in ("file_a", "file_b"))
        assert (verdict(compare(one, other)) is not None) == (row["relation"] == "same"), row


def test_jobs_change_nothing(crowd: list[Image]) -> None:
    prints = [fingerprint(image) for image in [*crowd, *(trimmed(image) for image in crowd)]]
    assert proofs(prints, jobs=1) == proofs(prints, jobs=3)
