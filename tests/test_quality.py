"""What is measured of a face: each number falls when that one thing is spoiled, and pose follows the head."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from facekit.base import images
from facekit.base.contract import Box, Image, Points, Record
from facekit.faces.alignment import DLIB, FIVE
from facekit.faces.landmarks import landmarks
from facekit.faces.quality import measure, pose
from facekit.world.draw import photo
from facekit.world.people import people
from facekit.world.shot import shot

RECORD = Record(id="1", sha256="1", path="a/1.jpg", label="a", name="a", origin="1")


def drawn(who: int = 0, **how: float) -> tuple[Image, Box]:
    plain = replace(shot(np.random.default_rng(3)), yaw=0, pitch=0, roll=0, face_size=0.45, noise=0, blur=0, quality=95)
    return photo(people(4, 5)[who], replace(plain, **how), (480, 640))


@pytest.fixture(scope="module")
def face() -> Image:
    image, box = drawn()
    return images.resize(images.cut(image, images.square(box, 0.2)), 160)


def test_what_is_measured_without_points(face: Image) -> None:
    found = measure(face, RECORD)
    assert list(found) == ["sharpness", "brightness", "contrast", "clipped", "size"]
    assert found["size"] == 160
    assert measure(face, replace(RECORD, box=Box(3, 4, 90, 80)))["size"] == 90
    assert found["brightness"] == pytest.approx(images.gray(face).mean(), abs=0.01)
    assert found["contrast"] == pytest.approx(images.gray(face).std(), abs=0.01)


@pytest.mark.parametrize(
    ("spoil", "name", "factor"),
    [
        (lambda face: cv2.GaussianBlur(face, (0, 0), 4), "sharpness", 0.5),
        (lambda face: face // 4, "brightness", 0.3),
        (lambda face: face // 4 + 90, "contrast", 0.3),
    ],
)
def test_spoiled_the_number_falls(face: Image, spoil: object, name: str, factor: float) -> None:
    assert callable(spoil)
    assert measure(np.asarray(spoil(face), np.uint8), RECORD)[name] <= factor * measure(face, RECORD)[name]


def test_clipped_is_the_share_of_black_and_white(face: Image) -> None:
    half = face.copy()
    half[:80] = 255
    half[80:120] = 0
    assert measure(half, RECORD)["clipped"] >= 0.74
    assert measure(np.clip(face, 20, 230), RECORD)["clipped"] == 0


def turned(template: Points, depths: tuple[float, ...], yaw: float, pitch: float, roll: float) -> Points:
    """Project the points of a head that stand out so far, turned by so many degrees, from far away."""
    flat = np.asarray(template) - 0.5
    head = np.column_stack([flat, np.asarray(depths) * 0.35])
    a, b, c = (math.radians(angle) for angle in (yaw, pitch, roll))
    about_y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    seen = head @ (about_z @ about_y @ about_x).T
    return tuple((float(x), float(y)) for x, y in seen[:, :2] * 100 + 300)


@pytest.mark.parametrize("yaw", [-40.0, 0.0, 40.0])
@pytest.mark.parametrize("roll", [-35.0, 0.0, 35.0])
@pytest.mark.parametrize(("template", "depths"), [(FIVE, (0, 0, 0.5, 0.15, 0.15)), (DLIB, (0, 0, 0, 0, 0.33))])
def test_yaw_and_roll_of_a_turned_head(template: Points, depths: tuple[float, ...], yaw: float, roll: float) -> None:
    found = pose(turned(template, depths, yaw, 0, roll))
    assert found["yaw"] == pytest.approx(yaw, abs=6)
    assert found["roll"] == pytest.approx(roll, abs=6)


def test_pitch_comes_from_a_network_s_points_alone() -> None:
    level, down, up = (pose(turned(FIVE, (0, 0, 0.5, 0.15, 0.15), 0, angle, 0))["pitch"] for angle in (0, 20, -20))
    assert up + 10 < level < down - 10
    assert "pitch" not in pose(DLIB)


def test_pose_of_drawn_heads() -> None:
    """Read off pixels by dlib's landmarks, not from the drawing's own numbers."""
    found = []
    for yaw in (-0.5, 0.0, 0.5):
        image, box = drawn(yaw=yaw)
        found.append(measure(image, RECORD, landmarks(image, box))["yaw"])
    assert found[0] + 8 < found[1] < found[2] - 8
    for roll in (-15.0, 15.0):
        image, box = drawn(roll=math.radians(roll))
        assert measure(image, RECORD, landmarks(image, box))["roll"] == pytest.approx(roll, abs=6)


def test_points_upon_one_another_have_no_pose(face: Image) -> None:
    assert pose(((3.0, 4.0),) * 5) == {}
    assert set(measure(face, RECORD, ((3.0, 4.0),) * 5)) == {"sharpness", "brightness", "contrast", "clipped", "size"}
