"""Faces turned to a template: points land where they must, at any size, at any edge, and as dlib puts them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from conftest import picture

from facekit.base import images
from facekit.base.contract import Box, Image, Points
from facekit.faces import alignment
from facekit.faces.alignment import DLIB, FIVE, SFACE, align, moved, similarity
from facekit.faces.landmarks import landmarks, model_file


def placed(template: Points, side: float, turn: float, x: float, y: float) -> Points:
    """The points of a face of that side, turned by so many degrees about its corner, in a photo."""
    angle = np.deg2rad(turn)
    c, s = side * np.cos(angle), side * np.sin(angle)
    return moved(template, np.array([[c, -s, x], [s, c, y]]))


def dotted(points: Points, size: int, radius: int) -> Image:
    """A black photo with a soft white dot at each point, to fractions of a pixel."""
    image = np.zeros((size, size), np.float32)
    for x, y in points:
        left, top = round(x) - 4 * radius, round(y) - 4 * radius
        part = image[max(0, top) : top + 8 * radius, max(0, left) : left + 8 * radius]
        rows, columns = np.indices(part.shape)
        far = (rows + max(0, top) - y) ** 2 + (columns + max(0, left) - x) ** 2
        part += 255 * np.exp(-far / (2 * (radius / 2) ** 2))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def found(image: Image, near: tuple[float, float], radius: int) -> tuple[float, float]:
    """The middle of the dot around a place."""
    x, y = (round(v) for v in near)
    part = images.gray(images.cut(image, Box(x - radius, y - radius, 2 * radius + 1, 2 * radius + 1))).astype(float)
    light = np.clip(part - 40, 0, None)
    rows, columns = np.indices(light.shape)
    return float((columns * light).sum() / light.sum() + x - radius), float(
        (rows * light).sum() / light.sum() + y - radius
    )


@pytest.mark.parametrize("template", [DLIB, SFACE, FIVE], ids=["dlib", "sface", "five"])
@pytest.mark.parametrize(("side", "turn"), [(60, 0), (150, 25), (470, -40), (1300, 180)])
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_points_land_on_the_template(template: Points, side: int, turn: float, margin: float) -> None:
    size = 3 * side
    start = placed(((0.5, 0.5),), side, turn, 0, 0)[0]
    points = placed(template, side, turn, size / 2 - start[0], size / 2 - start[1])
    face = align(dotted(points, size, max(2, side // 40)), points, 150, template, margin)
    assert face.shape == (150, 150, 3)
    reach = 2 + round(max(2, side // 40) * 150 / side)
    for x, y in template:
        wanted = tuple((0.5 + (v - 0.5) / (1 + margin)) * 150 - 0.5 for v in (x, y))
        assert found(face, wanted, reach) == pytest.approx(wanted, abs=0.5)


def test_a_similarity_is_what_made_the_points() -> None:
    there = similarity(DLIB, placed(DLIB, 80, 33, 12, -7))
    assert alignment.scale_of(there) == pytest.approx(80)
    assert moved(((0, 0),), there)[0] == pytest.approx((12, -7))


def test_both_templates_put_the_eyes_at_the_same_place() -> None:
    right, left = np.mean(DLIB[:2], axis=0), np.mean(DLIB[2:4], axis=0)
    assert FIVE[0] == pytest.approx(left, abs=1e-5)
    assert FIVE[1] == pytest.approx(right, abs=1e-5)
    there = similarity(SFACE, FIVE)
    assert np.allclose(moved(SFACE, there), FIVE, atol=1e-5)


def test_a_face_over_the_edge_has_black_there() -> None:
    photo = np.full((100, 100, 3), 200, np.uint8)
    points = placed(DLIB, 100, 0, -50, 0)
    face = align(photo, points, 100)
    assert face[:, :49].max() == 0
    assert face[5:95, 52:].min() == 200


@pytest.mark.parametrize("place", [(-500, -500), (900, 40), (40, 900)])
def test_a_face_outside_the_photo_is_all_black(place: tuple[int, int]) -> None:
    assert align(np.full((60, 80, 3), 200, np.uint8), placed(DLIB, 50, 10, *place), 64).max() == 0


def test_a_large_photo_is_averaged_not_sampled() -> None:
    """Fine lines become grey: a warp that samples single pixels would keep some black and some white."""
    photo = np.zeros((1200, 1200, 3), np.uint8)
    photo[:, ::2] = 255
    face = align(photo, placed(DLIB, 1100, 0, 50, 50), 100)
    assert abs(face[5:95, 5:95].astype(int) - 127).max() <= 8


def test_faces_come_out_as_dlib_cuts_them() -> None:
    dlib = pytest.importorskip("dlib")
    predict = dlib.shape_predictor(str(model_file("shape_predictor_5_face_landmarks.dat")))
    for seed in range(5):
        photo = np.asarray(cv2.GaussianBlur(picture(seed, 240), (0, 0), 2), np.uint8)
        box = dlib.rectangle(60, 70, 170, 180)
        shape = predict(photo, box)
        theirs = dlib.get_face_chip(photo, shape, size=150, padding=0.25)
        ours = align(photo, tuple((p.x, p.y) for p in shape.parts()), 150)
        assert np.abs(ours.astype(int) - theirs).mean() < 2


def test_landmarks_do_not_depend_on_whose_box_it_is(data: object) -> None:
    from pathlib import Path

    photos = sorted(Path(str(data)).glob("lfw/identities/*/*_0001.jpg"))[:10]
    apart = []
    for photo in photos:
        image = images.read(photo)
        boxes = [Box(72, 72, 106, 106), Box(66, 60, 118, 118), Box(80, 64, 90, 118)]  # dlib's, Haar's, YuNet's
        points = np.array([landmarks(image, box) for box in boxes])
        apart.append(np.linalg.norm(points - points[0], axis=2).max())
    assert np.median(apart) < 3
