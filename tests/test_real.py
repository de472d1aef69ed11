"""What the stages do on real photos, where FACEKIT_DATA names a folder that holds them."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from conftest import STRIDE, records

from facekit.base import images
from facekit.base.contract import BadImage
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.identity.likeness import fingerprint, proofs
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.crop import Crop


@pytest.fixture
def lfw(data: Path, tmp_path: Path) -> Path:
    """Eight photos of each of ten people, at 250x250."""
    root = tmp_path / "lfw"
    for folder in islice(sorted((data / "lfw" / "identities").iterdir()), 10):
        (root / folder.name).mkdir(parents=True)
        for photo in islice(sorted(folder.iterdir()), 8):
            shutil.copy(photo, root / folder.name)
    return root


def test_the_cascade_finds_the_faces_of_news_photos(lfw: Path, tmp_path: Path) -> None:
    report = crop(Crop(input=lfw, output=tmp_path / "faces"))
    assert report.details["photos"] == 80
    assert report.kept >= 78
    # These photos are aligned: the face is in the middle of each.
    middles = [(r.box.x + r.box.w / 2, r.box.y + r.box.h / 2) for r in records(tmp_path / "faces") if r.box]
    assert sum(abs(x - 125) < 25 and abs(y - 125) < 30 for x, y in middles) >= 0.95 * len(middles)


@pytest.mark.slow
def test_ten_studio_photos_a_person_can_be_split(data: Path, tmp_path: Path) -> None:
    crop(Crop(input=data / "orl", output=tmp_path / "faces", detect=False))
    report = clean(Clean(input=tmp_path / "faces", output=tmp_path / "clean", min_images=5))
    assert report.kept >= 380
    groups: dict[str, set[str]] = {}
    for record in records(tmp_path / "clean"):
        groups.setdefault(record.group or "", set()).add(record.label)
    assert all(len(labels) == 1 for labels in groups.values())
    apart = {label: sum(label in labels for labels in groups.values()) for label in set.union(*groups.values())}
    few = [label for label, count in apart.items() if count < 3]
    assert len(few) <= 1, "the ten photos of all people but one are of three sittings at least"
    for label in few:
        shutil.rmtree(tmp_path / "clean" / label)
    balance(Balance(input=tmp_path / "clean", output=tmp_path / "even", count=10))
    even = Counter(r.label for r in records(tmp_path / "even"))
    assert even == {f"s{n}": 10 for n in range(1, 41) if f"s{n}" not in few}


def test_repeats_among_search_results_are_proved_and_strangers_are_not(data: Path) -> None:
    """All known repeats, and every other of the remaining photos; `make bench` takes them all."""
    raw = data / "scraped" / "raw"
    with (data / "scraped" / "near_duplicates.csv").open(newline="") as file:
        known = {
            frozenset((f"{row['person']}/{row['file_a']}", f"{row['person']}/{row['file_b']}"))
            for row in csv.DictReader(file)
        }
    named = frozenset().union(*known)
    paths = [path.relative_to(raw).as_posix() for path in sorted(raw.glob("*/*")) if path.is_file()]
    paths = [path for number, path in enumerate(paths) if STRIDE == 1 or number % 2 or path in named]
    prints = []
    for path in paths:
        try:
            prints.append(fingerprint(images.read(raw / path)))
        except BadImage:
            prints.append(None)
    proved = {frozenset((paths[p.first], paths[p.second])) for p in proofs(prints)}
    assert len(known & proved) >= 0.9 * len(known)
    across = [pair for pair in proved if len({path.partition("/")[0] for path in pair}) > 1]
    assert across == []
