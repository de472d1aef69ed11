"""The drawn world: found by the Haar cascade, told apart by shape, never twice the same."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice, product

import cv2
import numpy as np
import pytest

from facekit.base.contract import EXPRESSIONS, Box, Image
from facekit.world import draw
from facekit.world.people import GLASSES, HAIR, Person, people, person
from facekit.world.shot import Shot, shot

PHOTOS = 100
CASCADE = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")


def detect(image: Image) -> list[Box]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = 640 / max(grey.shape)
    grey = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale)
    return [Box(*(int(v / scale) for v in box)) for box in CASCADE.detectMultiScale(grey, 1.1, 5, minSize=(40, 40))]


def overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    common = max(width, 0) * max(height, 0)
    return common / (one.w * one.h + other.w * other.h - common)


def cut(image: Image, box: Box, side: int) -> Image:
    """The box in grey with even brightness, (side, side)."""
    x, y = max(box.x, 0), max(box.y, 0)
    grey = cv2.cvtColor(image[y : box.y + box.h, x : box.x + box.w], cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.equalizeHist(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)), np.uint8)


def difference_hash(image: Image) -> np.ndarray:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(int)
    return (small[:, 1:] > small[:, :-1]).ravel()


def nearest(images: list[Image]) -> int:
    """The least number of differing bits, of 64, between any two."""
    hashes = [difference_hash(image) for image in images]
    return min(int(np.count_nonzero(one != other)) for one, other in combinations(hashes, 2))


@pytest.fixture(scope="module")
def photos() -> list[tuple[Image, Box]]:
    crowd, rng = people(40, 11), np.random.default_rng(12)
    return [draw.photo(crowd[index % 40], shot(rng)) for index in range(PHOTOS)]


def test_the_cascade_finds_the_true_face(photos: list[tuple[Image, Box]]) -> None:
    scores = []
    for image, box in photos:
        found = detect(image)
        scores.append(overlap(max(found, key=lambda face: face.w), box) if found else 0.0)
    hits = [score for score in scores if score >= 0.4]
    assert len(hits) / len(scores) >= 0.95
    assert np.mean(hits) > 0.7


def test_photos_of_one_person_are_never_near_repeats() -> None:
    someone, rng = person(3), np.random.default_rng(4)
    shots = [draw.photo(someone, shot(rng)) for _ in range(40)]
    assert nearest([image for image, _ in shots]) > 6


def test_a_reencoded_photo_is_a_near_repeat(photos: list[tuple[Image, Box]]) -> None:
    rng = np.random.default_rng(5)
    far = [nearest([image, draw.reencode(image, rng)]) for image, _ in photos[:40]]
    assert np.median(far) <= 3


def test_empty_photos_hold_no_face() -> None:
    rng = np.random.default_rng(6)
    assert np.mean([bool(detect(draw.empty_photo(rng))) for _ in range(40)]) < 0.05


def test_the_same_seed_gives_the_same_pixels() -> None:
    assert person(8) == person(8) != person(9)
    assert people(5, 1) == people(5, 1) != people(5, 2)
    first, again = (shot(np.random.default_rng(7)) for _ in range(2))
    assert first == again
    for make in (draw.empty_photo, lambda rng: draw.group_photo(people(3, 1), rng)[0]):
        assert np.array_equal(make(np.random.default_rng(1)), make(np.random.default_rng(1)))
    assert np.array_equal(draw.photo(person(8), first)[0], draw.photo(person(8), first)[0])


def test_people_have_unique_names_and_spread_shapes() -> None:
    crowd = people(40, 3)
    assert len({one.name for one in crowd}) == 40
    assert {one.hair for one in crowd} == set(HAIR)
    assert {one.glasses for one in crowd} == set(GLASSES)
    assert len({(one.hair, one.glasses, one.beard) for one in crowd}) > 35
    assert people(0, 3) == []
    with pytest.raises(ValueError, match="names for"):
        people(100_000, 3)


def small_hog() -> cv2.HOGDescriptor:
    return cv2.HOGDescriptor((32, 32), (16, 16), (8, 8), (8, 8), 9)


def faces(someone: Person, rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """HOG descriptors of small grey faces as the cascade cuts them."""
    hog = small_hog()

    def found() -> Iterator[np.ndarray]:
        for _ in range(3 * count):
            image, box = draw.photo(someone, shot(rng))
            # Only the neighbourhood of the face is searched, at a fifth of the cost of the whole photo.
            x, y, edge = max(box.x - box.w // 3, 0), max(box.y - box.h // 3, 0), box.w * 5 // 3
            near = cv2.resize(image[y : y + edge, x : x + edge], (128, 128), interpolation=cv2.INTER_AREA)
            for face in CASCADE.detectMultiScale(cv2.cvtColor(near, cv2.COLOR_RGB2GRAY), 1.1, 5, minSize=(50, 50))[:1]:
                yield hog.compute(cut(near, Box(*map(int, face)), 32)).ravel()

    return islice(found(), count)


def test_people_are_told_apart_by_shape_alone() -> None:
    alike = {"skin": (216, 168, 128), "hair_colour": (92, 60, 38), "eye_colour": (70, 46, 30)}
    crowd = [replace(one, **alike) for one in people(8, 21)]
    rng = np.random.default_rng(22)
    known = [np.array(list(faces(one, rng, 15))) for one in crowd]
    right = 0
    for label, one in enumerate(crowd):
        for face in faces(one, rng, 6):
            right += label == int(np.argmin([np.linalg.norm(own - face, axis=1).min() for own in known]))
    assert right / (6 * len(crowd)) >= 0.9


def mouth(someone: Person, expression: str, rng: np.random.Generator) -> np.ndarray:
    image, box = draw.photo(someone, replace(shot(rng), expression=expression))
    face = cut(image, box, 96)
    return small_hog().compute(np.ascontiguousarray(cv2.resize(face[48:96, 16:80], (32, 32)))).ravel()


def test_expressions_are_readable_at_the_mouth() -> None:
    rng = np.random.default_rng(9)
    right = 0
    for someone in people(4, 5):
        known = [np.array([mouth(someone, name, rng) for _ in range(8)]) for name in EXPRESSIONS]
        for label, name in enumerate(EXPRESSIONS):
            for _ in range(3):
                look = mouth(someone, name, rng)
                right += label == int(np.argmin([np.linalg.norm(own - look, axis=1).min() for own in known]))
    assert right / 48 >= 0.8


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_group_stands_side_by_side(count: int) -> None:
    rng = np.random.default_rng(count)
    hits = 0
    for _ in range(8):
        image, boxes = draw.group_photo(people(count, 2), rng, (480, 640))
        assert image.shape == (480, 640, 3)
        assert [box.x for box in boxes] == sorted(box.x for box in boxes)
        assert all(overlap(a, b) < 0.1 for a, b in combinations(boxes, 2))
        found = detect(image)
        hits += sum(any(overlap(face, box) >= 0.4 for face in found) for box in boxes)
    assert hits / (8 * count) > 0.8


def test_a_group_has_a_limit() -> None:
    with pytest.raises(ValueError, match="two to four"):
        draw.group_photo(people(5, 1), np.random.default_rng(0))


@pytest.mark.parametrize(("size", "face_size"), list(product([(480, 640), (640, 480), (200, 200)], [0.28, 0.56])))
def test_any_size_and_the_box_lies_inside(size: tuple[int, int], face_size: float) -> None:
    settled: Shot = replace(shot(np.random.default_rng(1)), face_size=face_size)
    image, box = draw.photo(person(1), settled, size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert box.x >= 0 and box.y >= 0 and box.x + box.w <= size[1] and box.y + box.h <= size[0]


def test_faults_show(photos: list[tuple[Image, Box]]) -> None:
    image = photos[0][0]
    sharp, soft = (cv2.Laplacian(one, cv2.CV_64F).var() for one in (image, draw.blurred(image)))
    assert soft < sharp / 4
    assert max(draw.tiny(image).shape) == 72
    assert draw.dark(image).mean() < 0.15 * image.mean()
    assert all(one.dtype == np.uint8 for one in (draw.blurred(image), draw.tiny(image), draw.dark(image)))


def test_colours_are_rgb() -> None:
    """Skin is redder than it is blue, whatever the codec in between took the channels for."""
    plain = replace(shot(np.random.default_rng(2)), tint=(255, 255, 255), expression="neutral")
    image, box = draw.photo(replace(person(2), beard="none"), plain)
    face = image[box.y + box.h // 2 : box.y + box.h * 3 // 4, box.x + box.w // 3 : box.x + box.w * 2 // 3]
    red, _, blue = face.reshape(-1, 3).mean(axis=0)
    assert red > blue + 15


def outlines(image: Image, box: Box) -> np.ndarray:
    """Oriented gradients of a face and its hair."""
    wide = Box(box.x - box.w // 7, box.y - box.h // 7, box.w * 9 // 7, box.h * 9 // 7)
    return np.asarray(cv2.HOGDescriptor((64, 64), (16, 16), (16, 16), (8, 8), 9).compute(cut(image, wide, 64)))


def test_gender_can_be_seen_on_people_never_seen_before(photos: list[tuple[Image, Box]]) -> None:
    crowd = people(40, 11)
    assert all(one.beard == "none" for one in crowd if one.gender == "female")
    who = np.arange(PHOTOS) % 40
    male = np.array([crowd[place].gender == "male" for place in who])
    assert 0.4 < male.mean() < 0.6
    values = np.array([outlines(*one) for one in photos])
    right = np.zeros(PHOTOS, bool)
    for fold in range(8):
        held = who % 8 == fold
        mean = values[~held].mean(0)
        known = values[~held] - mean
        weights = np.linalg.solve(known @ known.T + 3 * np.eye(len(known)), np.where(male[~held], 1.0, -1.0))
        right[held] = ((values[held] - mean) @ known.T @ weights > 0) == male[held]
    balanced = (right[male].mean() + right[~male].mean()) / 2
    assert balanced > 0.65
