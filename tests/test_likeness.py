"""Which pictures show one photo: changed copies are proved, other photos of the same person are not."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import picture, plain_tree, records

from facekit import images
from facekit.contract import Image
from facekit.dataset import Dataset
from facekit.likeness import Look, alike, grouped, look, proofs
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
    found = proofs([look(image) for image in [*crowd[::3], *copies]])
    pairs = {(p.first, p.second) for p in found if p.repeat}
    wanted = {(n, n + len(copies)) for n in range(len(copies))}
    assert pairs == wanted


def test_other_photos_of_a_person_are_no_repeats(crowd: list[Image]) -> None:
    assert proofs([look(image) for image in crowd]) == []


def test_the_order_does_not_matter(crowd: list[Image]) -> None:
    seen = [look(image) for image in crowd[::2]] + [look(trimmed(image)) for image in crowd[::4]]
    seen += [look(CHANGES["mirrored and re-encoded"](image)) for image in crowd[::6]]
    last = len(seen) - 1
    forwards = {(p.first, p.second, p.repeat) for p in proofs(seen)}
    backwards = {(last - p.second, last - p.first, p.repeat) for p in proofs(seen[::-1])}
    assert forwards == backwards
    assert len(forwards) >= 9


def test_what_cannot_be_seen_is_like_nothing() -> None:
    seen: list[Look | None] = [look(picture(1)), None, look(picture(2)), None, look(picture(1))]
    assert [tuple(p) for p in proofs(seen)] == [(0, 4, True)]


def test_flat_pictures_are_compared_without_a_fuss() -> None:
    flat = look(np.full((50, 50, 3), 90, np.uint8))
    other = look(np.full((50, 50, 3), 200, np.uint8))
    assert [tuple(p) for p in proofs([flat, other, flat])] == [(0, 2, True)]


def test_one_photo_has_one_group(tmp_path: Path) -> None:
    root = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 3})
    (root / "Bob" / "again.jpg").write_bytes(images.encode(picture(0)))
    (root / "Bob" / "broken.jpg").write_bytes(b"no picture")
    dataset = Dataset.open(root)
    assert len(alike(dataset)) == 1
    groups = {r.path: r.group for r in grouped(dataset).records}
    assert groups["Ada/0000.png"] == groups["Bob/again.jpg"]
    assert len(set(groups.values())) == 7
    assert [r.group for r in records(root)] == [None] * 8


def test_groups_that_are_there_are_kept_without_a_look(tmp_path: Path) -> None:
    dataset = grouped(Dataset.open(plain_tree(tmp_path / "in", {"Ada": 3})))
    for file in (tmp_path / "in" / "Ada").iterdir():
        file.unlink()
    assert grouped(dataset) is dataset


def test_on_real_faces(data: Path) -> None:
    """Ten photos each of forty people, some taken within a second: nobody is taken for somebody else."""
    files = sorted(data.glob("orl/s*/*.pgm"))
    looks = [look(images.read(file)) for file in files]
    assert len(looks) == 400
    found = proofs(looks)
    assert {(files[p.first].parent, files[p.second].parent) for p in found} == {
        (files[p.first].parent, files[p.first].parent) for p in found
    }
    assert sum(p.repeat for p in found) < 40
