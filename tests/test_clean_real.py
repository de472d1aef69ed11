"""Clean on real faces, where FACEKIT_DATA names a folder that holds them: strangers planted among known people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from conftest import records, rejected

from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.options.clean import Clean
from facekit.options.crop import Crop

PEOPLE = ("Angelina_Jolie", "Hans_Blix", "Jennifer_Capriati", "John_Ashcroft", "Megawati_Sukarnoputri", "Tiger_Woods")


@pytest.fixture
def planted(data: Path, tmp_path: Path) -> Path:
    """Sixteen photos of each of six people, and in each folder four of other people: a fifth is wrong."""
    strangers = _strangers(data)
    for name in PEOPLE:
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for photo in islice(sorted((data / "lfw" / "identities" / name).iterdir()), 16):
            shutil.copy(photo, folder)
        for photo in islice(strangers, 4):
            shutil.copy(photo, folder / f"stranger-{photo.name}")
    return tmp_path / "photos"


def _strangers(data: Path) -> Iterator[Path]:
    own = {folder.name for folder in (data / "lfw" / "identities").iterdir()}
    folders = sorted(folder for folder in (data / "lfw" / "pairs_images").iterdir() if folder.name not in own)
    return (sorted(folder.iterdir())[0] for folder in folders[::40])


def test_planted_strangers_are_found_and_hardly_anyone_else(planted: Path, tmp_path: Path) -> None:
    crop(Crop(input=planted, output=tmp_path / "faces"))
    report = clean(Clean(input=tmp_path / "faces", output=tmp_path / "clean", min_images=5))
    photos = {record.id: record.path for record in records(planted)}
    kept = [photos[record.origin] for record in records(tmp_path / "clean")]
    wrong = [photos[line["origin"]] for line in rejected(tmp_path / "clean") if line["reason"] == "wrong person"]
    found = [photos[record.origin] for record in records(tmp_path / "faces")]
    strangers, own = (sum(("stranger" in path) is is_so for path in found) for is_so in (True, False))
    assert strangers >= 20
    assert own >= 90
    assert sum("stranger" in path for path in kept) <= 0.01 * len(kept)
    assert sum("stranger" not in path for path in wrong) <= 0.02 * own
    assert report.details["no_clear_person"] == report.details["one_person"] == []
