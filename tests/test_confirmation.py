"""Whether a box shows a face: drawn faces, and what is none."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import records, rejected

from facekit.base import files as lines
from facekit.base import images, weights
from facekit.base.contract import Box, Decision, Image, Rejection, replace
from facekit.base.files import sha256_of
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.review.cards import by_doubt, read_cards
from facekit.dataset import MANIFEST, REJECTED, Dataset
from facekit.dataset.decisions import DECISIONS
from facekit.faces.confirmation import CUT_OFF, HOG, NONE, SURE, YUNET, Confirmation
from facekit.options.clean import Clean
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
    first = Dataset.open(tree).records[0]
    made = []
    for n, picture in enumerate(pictures):
        id = f"{n + 1:x}".ljust(64, "0")
        file = tree / first.label / f"{id[:16]}.png"
        file.write_bytes(images.encode_png(picture))
        path = file.relative_to(tree).as_posix()
        record = replace(first, id=id, path=path, sha256=sha256_of(file), box=Box(n, n, 90, 90))
        lines.append_line(tree / MANIFEST, record.to_json())
        made.append(id)
    return made


def test_a_drawn_face_is_one_and_a_crest_is_none(confirm: Confirmation, faces: Path) -> None:
    tree = Dataset.open(faces)
    picture = images.read(tree.path_of(tree.records[0]))
    inside = Box(13, 13, 133, 133)
    assert confirm(picture, inside).score >= SURE
    assert confirm(crest(), inside).score < NONE
    assert confirm(np.full((160, 160, 3), 90, np.uint8), inside).score == 0


def test_half_a_face_is_known_for_what_it_is(faces: Path, yunet: str) -> None:
    confirm, tree = Confirmation(yunet), Dataset.open(faces)
    picture = images.read(tree.path_of(tree.records[0]))
    assert confirm(picture, Box(13, 13, 133, 133)).whole > 0.9
    assert confirm(picture[:, 80:], Box(0, 13, 70, 133)).whole < CUT_OFF


@pytest.fixture
def with_crests(faces: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """The drawn faces with two crests among them, and the ids of those."""
    tree = tmp_path / "faces"
    shutil.copytree(faces, tree)
    return tree, take_for_faces(tree, [crest(), crest()[:, ::-1]])


def test_no_face_is_a_verdict_of_its_own(with_crests: tuple[Path, list[str]], tmp_path: Path, yunet: str) -> None:
    tree, crests = with_crests
    report = clean(Clean(input=tree, output=tmp_path / "out", min_images=1, report=tmp_path / "page.html"))
    left = {line["id"]: line for line in rejected(tmp_path / "out")}
    found = [left[id] for id in crests]
    assert {line["reason"] for line in found} <= {"no face", "repeat"}
    assert all(line["value"] < NONE for line in found if line["reason"] == "no face")
    count = report.left["no face"]
    assert count >= 1
    assert report.details["people"]["no face"] == count
    assert sum(row["no_face"] for row in report.details["names"]) == count
    page = (tmp_path / "page.html").read_text()
    assert f"No face: {count}" in page
    assert page.count('data-chart="chart-reliability"') == 1
    scores = [(record.quality or {})["face"] for record in records(tmp_path / "out")]
    assert min(scores) >= SURE


def test_no_face_is_found_without_an_embedder(with_crests: tuple[Path, list[str]], tmp_path: Path, yunet: str) -> None:
    tree, crests = with_crests
    clean(Clean(input=tree, output=tmp_path / "out", min_images=1, embedder="none"))
    reasons = Counter(line["reason"] for line in rejected(tmp_path / "out") if line["id"] in crests)
    assert reasons["no face"] + reasons["repeat"] == 2
    assert reasons["no face"] >= 1


def test_what_a_person_keeps_stays_whatever_no_detector_sees(
    with_crests: tuple[Path, list[str]], tmp_path: Path, yunet: str
) -> None:
    tree, crests = with_crests
    out = tmp_path / "out"
    clean(Clean(input=tree, output=out, min_images=1))
    (record,) = [record for record in records(tree) if record.id == crests[0]]
    lines.append_line(out / DECISIONS, Decision(record.origin, record.box, record.label, "keep").to_json())
    clean(Clean(input=tree, output=out, min_images=1, apply=True))
    assert crests[0] in {record.id for record in records(out)}


def test_the_review_shows_what_is_no_face_last_and_the_most_facelike_first(
    with_crests: tuple[Path, list[str]], tmp_path: Path
) -> None:
    tree, _ = with_crests
    out = tmp_path / "out"
    clean(Clean(input=tree, output=out, min_images=1, embedder="none"))
    some = records(out)
    made = [
        Rejection("clean", some[n].id, some[n].label, some[n].path, reason, value)
        for n, (reason, value) in enumerate(
            [("wrong person", 0.04), ("wrong person", 0.015), ("no face", 0.0), ("no face", 0.25), ("unsure", 0.4)]
        )
    ]
    kept = [
        replace(record, quality={**(record.quality or {}), "person": chance, "face": score})
        for record, (chance, score) in zip(some[5:8], [(0.999, 0.9), (0.9, 0.9), (0.999, 0.5)], strict=True)
    ]
    lines.replace_lines(out / MANIFEST, (record.to_json() for record in kept))
    lines.replace_lines(out / REJECTED, (one.to_json() for one in made))
    cards = by_doubt(read_cards(out, {}, 0.5, judged=True), 0.5)
    shown = [(card.standing, card.probability or (card.left and card.left.value)) for card in cards]
    assert shown == [
        ("unsure", 0.4),
        ("unsure", 0.999),  # hardly a face
        ("keep", 0.9),
        ("reject", 0.04),
        ("reject", 0.015),
        ("keep", 0.999),
        ("reject", 0.25),
        ("reject", 0.0),
    ]
