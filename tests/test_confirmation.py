"""Whether a box shows a face: drawn faces, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from facekit.base import images, weights
from facekit.base.contract import Box, Image, replace
from facekit.commands.crop import crop
from facekit.dataset import Dataset
from facekit.faces.confirmation import CUT_OFF, HOG, NONE, SURE, YUNET, Confirmation
from facekit.options.crop import Crop


@pytest.fixture(params=[YUNET, HOG])
def confirm(request: pytest.FixtureRequest) -> Confirmation:
    """What confirms boxes, by each detector that is installed."""
    if request.param == YUNET and not weights.here("yunet"):
        pytest.skip("no weights of YuNet")
    return Confirmation(request.param)


@pytest.fixture(scope="module")
def faces(drawn_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn faces, and among those of the first name a crest and a striped cloth that were taken for faces."""
    root = tmp_path_factory.mktemp("faces") / "faces"
    crop(Crop(input=drawn_photos, output=root, faces="all", jobs=2))
    return root


def crest() -> Image:
    """A badge on a shirt."""
    picture = np.full((160, 160, 3), (40, 70, 160), np.uint8)
    cv2.ellipse(picture, (80, 80), (40, 55), 0, 0, 360, (230, 200, 60), -1)
    for n in range(5):
        cv2.line(picture, (45 + 17 * n, 40), (45 + 17 * n, 120), (200, 30, 40), 5)
    cv2.putText(picture, "FC", (55, 95), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255, 255, 255), 4)
    return picture


def take_for_faces(tree: Path, pictures: list[Image]) -> list[str]:
    """Put pictures into a tree that `crop` made, as if a detector had drawn boxes there; return their ids."""
    manifest = tree / "manifest.jsonl"
    first = Dataset.open(tree).records[0]
    made = []
    for n, picture in enumerate(pictures):
        id = f"{n:064x}"
        path = f"{first.label}/{id[:16]}.png"
        (tree / path).write_bytes(images.encode_png(picture))
        record = replace(first, id=id, path=path, sha256="", box=Box(n, n, 90, 90), group=None)
        line = record.to_json() | {"sha256": images_sha(tree / path)}
        manifest.open("a").write(json.dumps(line) + "\n")
        made.append(id)
    return made


def images_sha(file: Path) -> str:
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_drawn_face_is_one_and_a_crest_is_none(confirm: Confirmation, faces: Path) -> None:
    tree = Dataset.open(faces)
    picture = images.read(tree.path_of(tree.records[0]))
    inside = Box(13, 13, 133, 133)
    assert confirm(picture, inside).score >= SURE
    assert confirm(crest(), inside).score < NONE
    assert confirm(np.full((160, 160, 3), 90, np.uint8), inside).score == 0


def test_half_a_face_is_known_for_what_it_is(faces: Path) -> None:
    if not weights.here("yunet"):
        pytest.skip("no weights of YuNet")
    confirm, tree = Confirmation(YUNET), Dataset.open(faces)
    picture = images.read(tree.path_of(tree.records[0]))
    assert confirm(picture, Box(13, 13, 133, 133)).whole > 0.9
    lower = images.resize(picture[70:], 160)
    assert confirm(picture[:, 80:], Box(0, 13, 70, 133)).whole < CUT_OFF
    assert lower.shape == picture.shape
