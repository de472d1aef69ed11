"""Targets written into a manifest: by picture, by person, again, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facekit.commands.draw import draw
from facekit.commands.label import label
from facekit.dataset import Dataset, read_info
from facekit.options.draw import Draw
from facekit.options.label import Label


@pytest.fixture
def tree(drawn_photos: Path, tmp_path: Path) -> Path:
    """Drawn photos that a test may change."""
    return Path(shutil.copytree(drawn_photos, tmp_path / "photos"))


def targets(tree: Path) -> dict[str, dict[str, str]]:
    return {record.path: dict(record.targets or {}) for record in Dataset.open(tree).records}


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "people.csv"
    file.write_bytes(text.encode())
    return file


def test_a_table_of_people_is_written_and_stays(tree: Path, tmp_path: Path) -> None:
    names = Dataset.open(tree).labels
    rows = "\r\n".join(f"{name.upper()};Team {place % 2}" for place, name in enumerate(names))
    table = write(tmp_path, f"\ufefflabel;team\r\n{rows}\r\n")
    before = (tree / "manifest.jsonl").read_bytes()
    assert label(Label(input=tree, table=table, dry_run=True)).details["changed"] == len(targets(tree))
    assert (tree / "manifest.jsonl").read_bytes() == before
    report = label(Label(input=tree, table=table))
    assert report.details["pictures"] == len(targets(tree))
    assert {one["team"] for one in targets(tree).values()} == {"Team 0", "Team 1"}
    said = targets(tree)
    assert label(Label(input=tree, table=table)).details["changed"] == 0
    # The command that made the tree leaves them, also where it has to look again.
    gone = next(iter(said))
    (tree / gone).unlink()
    draw(Draw(output=tree, people=3, photos=10, jobs=2))
    del said[gone]
    assert targets(tree) == said
    assert read_info(tree).labelled == ("team",)  # type: ignore[union-attr]


def test_a_table_of_pictures_names_moved_and_removed_ones(tree: Path, tmp_path: Path) -> None:
    found = Dataset.open(tree)
    first, second, third = found.records[:3]
    other = next(name for name in found.labels if name != first.label)
    shutil.move(tree / first.path, tree / other / Path(first.path).name)
    (tree / third.path).unlink()
    lines = len((tree / "manifest.jsonl").read_text().splitlines())
    table = write(tmp_path, f"image,expression\n{other}/{Path(first.path).name},glad\n{second.path},sad\n")
    label(Label(input=tree, table=table))
    said = targets(tree)
    assert said[f"{other}/{Path(first.path).name}"]["expression"] == "glad"
    assert said[second.path]["expression"] == "sad"
    assert len((tree / "manifest.jsonl").read_text().splitlines()) == lines  # the removed one keeps its line


def test_what_cannot_be_written_is_refused_in_one_line(tree: Path, tmp_path: Path, facekit: Callable[..., Any]) -> None:
    path = Dataset.open(tree).records[0].path
    plain = tmp_path / "plain" / "Ann"
    plain.mkdir(parents=True)
    shutil.copy(tree / path, plain / "1.jpg")
    for text, folder, wanted in (
        (f"image,mood\n{path},a\n{path},b\n", tree, "two values of mood"),
        ("image,mood\nnobody.jpg,a\n", tree, "no image that has a mood is in"),
        ("image,mood\n", tree, "has no rows"),
        (f"photo,mood\n{path},a\n", tree, "has no column image or label"),
        (f"image,mood\n{path},a\n", plain.parent, "was not made by facekit"),
        (f"image,mood\n{path},a\n", tmp_path / "nowhere", "no such folder"),
    ):
        before = (tree / "manifest.jsonl").read_bytes()
        done = facekit("label", folder, "--table", write(tmp_path, text))
        assert (done.code, len(done.err.strip().splitlines())) == (2, 1)
        assert wanted in done.err
        assert (tree / "manifest.jsonl").read_bytes() == before


def test_a_kill_leaves_the_manifest_whole(
    tree: Path, tmp_path: Path, dying: Callable[[int, Callable[[], Any]], bool]
) -> None:
    table = write(tmp_path, "label,team\n" + "\n".join(f"{name},A" for name in Dataset.open(tree).labels))
    before, step, died = targets(tree), 0, True
    while died:
        step += 1
        died = dying(step, lambda: label(Label(input=tree, table=table)))
        now = targets(tree)
        assert now in (before, {path: {**one, "team": "A"} for path, one in before.items()})
    assert step > 2
    assert all(one["team"] == "A" for one in targets(tree).values())
