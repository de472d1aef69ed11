"""Clean tells people apart: who is someone else, of whom it is not sure, and whose folder a folder is.

The faces are drawn; dlib's network and SFace tell those people apart as they do real ones.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture, read_tree, records, rejected
from pages import check_alone

from facekit.base import images
from facekit.base.contract import Decision, FacekitError, Report
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.draw import draw
from facekit.commands.review import review
from facekit.dataset import Dataset
from facekit.dataset.decisions import Decisions
from facekit.options.clean import Clean
from facekit.options.crop import Crop
from facekit.options.draw import Draw
from facekit.options.review import Review


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The faces of three drawn people who do not look alike, 14 of each, by name."""
    root = tmp_path_factory.mktemp("people")
    draw(Draw(output=root / "photos", people=4, photos=14, faults=False, seed=3, jobs=2))
    crop(Crop(input=root / "photos", output=root / "faces", jobs=2))
    faces = Dataset.open(root / "faces").by_label()
    return {name: [root / "faces" / r.path for r in inside] for name, inside in faces.items() if name != "Jules Quill"}


@pytest.fixture
def names(people: dict[str, list[Path]]) -> tuple[str, str, str]:
    first, second, third = people
    return first, second, third


def tree(root: Path, folders: dict[str, list[Path]]) -> Path:
    """Put files into folders, numbered."""
    for label, files in folders.items():
        (root / label).mkdir(parents=True)
        for n, file in enumerate(files):
            shutil.copy(file, root / label / f"{n:02}{file.suffix}")
    return root


def run(source: Path, **how: Any) -> Report:
    return clean(
        Clean(**{"input": source, "output": source.parent / "out", "min_images": 1, "embedder": "dlib+sface", **how})
    )


def left(source: Path) -> dict[str, dict[str, Any]]:
    return {line["path"]: line for line in rejected(source.parent / "out")}


def chances(source: Path) -> dict[str, float | None]:
    """Path in the source -> what the folder's line says of the person."""
    paths = {record.id: record.path for record in records(source)}
    return {paths[r.id]: (r.quality or {}).get("person") for r in records(source.parent / "out")}


def waiting(out: Path) -> object:
    """How many faces `review` shows as undecided."""
    return review(Review(folder=out, dry_run=True)).details["undecided"]


def test_other_people_are_found_and_named(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, cy = names
    mixed = people[ada][:10] + people[bob][10:12] + people[cy][10:11]
    source = tree(tmp_path / "in", {ada: mixed, bob: people[bob][:10], cy: people[cy][:10]})
    report = run(source)
    found = left(source)
    assert set(found) == {f"{ada}/{n}.jpg" for n in (10, 11, 12)}
    assert {line["reason"] for line in found.values()} == {"wrong person"}
    assert [found[f"{ada}/{n}.jpg"]["like"] for n in (10, 11, 12)] == [bob, bob, cy]
    assert all(0 <= line["value"] <= 0.05 for line in found.values())
    assert all(value is not None and value > 0.5 for value in chances(source).values())
    assert report.details["embedder"] == "dlib+sface"
    assert report.details["people"] == {"right person": 30, "wrong person": 3}
    row = next(row for row in report.details["names"] if row["name"] == ada)
    assert (row["faces"], row["kept"], row["wrong"], row["unsure"]) == (13, 10, 3, 0)
    assert sum(row["histogram"]) == 13
    assert row["histogram"][0] == 3
    assert report.details["no_clear_person"] == report.details["one_person"] == []


def test_a_photo_under_two_names_stays_under_the_right_one(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, _ = names
    source = tree(tmp_path / "in", {ada: people[ada][:10], bob: people[bob][:10] + people[ada][:1]})
    run(source)
    assert {path: line["reason"] for path, line in left(source).items()} == {f"{bob}/10.jpg": "wrong person"}
    assert Counter(record.label for record in records(tmp_path / "out")) == {ada: 10, bob: 10}
    shutil.rmtree(tmp_path / "out")
    run(source, embedder="none")
    assert {line["reason"] for line in left(source).values()} == {"under two names"}


def test_what_is_unsure_stays_or_waits(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, _ = names
    stranger = f"{ada}/08.jpg"
    source = tree(tmp_path / "in", {ada: people[ada][:8] + people[bob][:1]})
    run(source)
    value = left(source)[stranger]["value"]
    shutil.rmtree(tmp_path / "out")
    between = {"keep_at": 0.5, "reject_at": value - 1e-6}
    report = run(source, **between)
    assert report.details["people"] == {"right person": 8, "unsure": 1}
    assert chances(source)[stranger] == value
    shutil.rmtree(tmp_path / "out")
    run(source, **between, unsure="leave")
    assert {path: (line["reason"], line["value"]) for path, line in left(source).items()} == {
        stranger: ("unsure", value)
    }


def test_a_folder_of_two_people_is_named(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ada, bob, cy = names
    source = tree(tmp_path / "in", {"Both": people[ada][:7] + people[bob][:7], cy: people[cy][:9]})
    with caplog.at_level(logging.WARNING, "facekit"):
        report = run(source)
    assert report.kept == 23
    assert report.details["no_clear_person"] == ["Both"]
    assert report.details["people"] == {"no clear person": 14, "right person": 9}
    assert "it is not clear who the person is in 1 folder: Both" in caplog.text
    assert {path.partition("/")[0] for path, value in chances(source).items() if value is None} == {"Both"}
    info = json.loads((tmp_path / "out" / "dataset.json").read_text())
    counts = {"no clear person": 14, "right person": 9}
    assert [row["name"] for row in info["people"].pop("names")] == sorted(["Both", cy])
    assert info["people"] == {"nobody": ["Both"], "one_person": [], "found": counts}
    assert waiting(tmp_path / "out") == report.details["unsure"] == 14
    caplog.clear()
    with caplog.at_level(logging.WARNING, "facekit"):
        again = run(source)
    assert again.made == 0, "a folder that stays as it is says the same of its people"
    assert again.tables == report.tables
    same = ("names", "embedder", "people", "unsure", "by_person", "no_clear_person", "one_person")
    assert [again.details[name] for name in same] == [report.details[name] for name in same]
    assert "it is not clear who the person is in 1 folder: Both" in caplog.text
    assert waiting(tmp_path / "out") == 14
    (one, *_) = (record for record in records(tmp_path / "out") if record.label == "Both")
    Decisions(tmp_path / "out").append(Decision(one.origin, one.box, "Both", "keep"))
    report = run(source, apply=True)  # which says whose folder it is, so that the others are known too
    assert waiting(tmp_path / "out") == report.details["unsure"] < 13
    shutil.rmtree(tmp_path / "out")
    report = run(source, unsure="leave")
    assert Counter(line["reason"] for line in left(source).values()) == {"no clear person": 14}
    assert waiting(tmp_path / "out") == report.details["unsure"] == 14


def test_known_pictures_say_whose_folder_it_is(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, cy = names
    source = tree(tmp_path / "in", {"Both": people[ada][:8] + people[bob][:6], cy: people[cy][:9]})
    known = tree(tmp_path / "known", {"BOTH": people[bob][10:12]})
    report = run(source, reference=known)
    assert {path for path in chances(source) if path.startswith("Both")} == {f"Both/{n:02}.jpg" for n in range(8, 14)}
    assert report.details["no_clear_person"] == []
    before = read_tree(tmp_path / "out")
    assert run(source, reference=known).made == 0
    assert read_tree(tmp_path / "out") == before
    shutil.rmtree(known)
    tree(known, {"Both": people[ada][10:12]})
    run(source, reference=known)
    assert {path for path in chances(source) if path.startswith("Both")} == {f"Both/{n:02}.jpg" for n in range(8)}


def test_known_pictures_of_nobody_here_are_refused(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    source = tree(tmp_path / "in", {names[0]: people[names[0]][:4]})
    known = tree(tmp_path / "known", {"Nobody": people[names[1]][:2]})
    with pytest.raises(FacekitError, match=r"--reference .*known has none of the people in .*in"):
        run(source, reference=known)
    with pytest.raises(FacekitError, match=r"--reference needs an embedder"):
        run(source, reference=known, embedder="none")


def test_two_names_of_one_person_are_named(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ada, bob, cy = names
    folders = {
        ada: people[ada][:7],
        "Alias": people[ada][7:],
        bob: people[bob][:8],
        cy: people[cy][:8],
        "Eve": people[bob][8:9],
    }
    source = tree(tmp_path / "in", folders)
    with caplog.at_level(logging.WARNING, "facekit"):
        report = run(source)
    assert [set(pair[:2]) for pair in report.details["one_person"]] == [{ada, "Alias"}]
    assert "1 pair of names seems to be the same person: " in caplog.text
    assert {ada, "Alias"} <= {record.label for record in records(tmp_path / "out")}
    assert report.details["no_clear_person"] == ["Eve"]


def test_an_embedder_that_cannot_tell_people_apart_is_not_believed(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tree(tmp_path / "in", {f"Name {n}": people[names[0]][3 * n : 3 * n + 3] for n in range(4)})
    with caplog.at_level(logging.WARNING, "facekit"):
        report = run(source)
    assert report.kept == 12
    assert "the embedder dlib cannot tell 4 of 4 names apart" in caplog.text
    assert set(chances(source).values()) == {None}
    assert "people" not in report.details


def test_without_an_embedder_nobody_is_judged(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, _ = names
    source = tree(tmp_path / "in", {ada: people[ada][:6] + people[bob][:2]})
    report = run(source, embedder="none", unsure="leave")
    assert report.kept == 8
    assert set(chances(source).values()) == {None}
    assert (report.details["embedder"], "people" in report.details) == ("none", False)


def test_limits_that_leave_a_gap_the_wrong_way_are_refused() -> None:
    with pytest.raises(FacekitError, match=r"--reject-at is 0.6; it must not be above --keep-at 0.5"):
        Clean(input=Path("in"), output=Path("out"), reject_at=0.6)


def test_repeats_of_a_stranger_do_not_outvote_the_person(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, _ = names
    source = tree(tmp_path / "in", {ada: people[ada][:5]})
    pixels = images.read(people[bob][0])
    for n in range(12):
        (source / ada / f"copy{n:02}.jpg").write_bytes(images.encode(pixels, 95 - 3 * n))
    report = run(source)
    assert report.kept == 5
    assert Counter(line["reason"] for line in left(source).values()) == {"wrong person": 12}


def test_a_picture_without_a_face_is_for_a_person_to_settle(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    """Noise is no face, but whoever aligns may find one: it is at least never taken for the person."""
    ada = names[0]
    source = tree(tmp_path / "in", {ada: people[ada][:9]})
    (source / ada / "noise.png").write_bytes(images.encode_png(picture(1, 120)))
    run(source)
    value = chances(source).get(f"{ada}/noise.png")
    assert value is None or value < 0.5


def test_the_report_shows_what_was_left_out(
    people: dict[str, list[Path]], names: tuple[str, str, str], tmp_path: Path
) -> None:
    ada, bob, cy = names
    mixed = people[ada][:9] + people[bob][10:12]
    folders = {ada: mixed, bob: people[bob][:9], "Both <b>": people[cy][:4] + people[ada][10:14]}
    source = tree(tmp_path / "in", folders)
    (source / ada / "dark.png").write_bytes(images.encode_png((picture(8, 120) // 8).astype(np.uint8)))
    run(source, report=tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Wrong person: 2" in text
    assert f"like {bob}" in text
    assert "Too dark: 1" in text
    assert "In 1 folder it is not clear who the person is: Both &lt;b&gt;" in text
    assert text.count("<img") >= 3
    assert text.count('data-chart="chart-quality-') >= 5
    check_alone(tmp_path / "report.html")
    again = run(source, report=tmp_path / "again.html")
    assert again.made == 0
    assert (tmp_path / "again.html").read_text() == text
    assert run(source, report=tmp_path / "dry.html", dry_run=True).details.get("report") is None
    assert not (tmp_path / "dry.html").exists()
