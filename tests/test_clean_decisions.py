"""What was decided in the review is carried out by `clean --apply`, and outlives all that happens to the folder."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import picture, plain_tree, read_tree, records, rejected

from facekit.base import images
from facekit.base.contract import Decision, Record, Report, Verdict
from facekit.base.files import read_lines
from facekit.commands.clean import clean
from facekit.dataset import DECISIONS
from facekit.dataset.decisions import Decisions, key_of
from facekit.options.clean import Clean


def small(seed: int) -> bytes:
    """The same picture as that of a whole tree, at half its size: a repeat."""
    return images.encode_png(np.asarray(cv2.resize(picture(seed), (48, 48), interpolation=cv2.INTER_AREA), np.uint8))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two names; of Ada one picture is blurred, one a repeat, one no picture."""
    root = plain_tree(tmp_path / "in", {"Ada": 6, "Bob": 6})
    soft = np.asarray(cv2.GaussianBlur(picture(50), (0, 0), 9), np.uint8)
    (root / "Ada" / "blurred.png").write_bytes(images.encode_png(soft))
    (root / "Ada" / "again.png").write_bytes(small(0))
    (root / "Ada" / "text.png").write_bytes(b"no picture")
    return root


def run(source: Path, **how: Any) -> Report:
    out = source.parent / "out"
    return clean(Clean(**{"input": source, "output": out, "min_images": 2, "embedder": "none", **how}))


def named(source: Path) -> dict[str, Record]:
    return {record.path: record for record in records(source)}


def decide(source: Path, path: str, verdict: Verdict | None, to: str | None = None) -> None:
    about = key_of(named(source)[path])
    Decisions(source.parent / "out").append(Decision(about.origin, about.box, about.label, verdict, to))


def kept(source: Path) -> dict[str, str]:
    """Path in the source -> label in the folder."""
    paths = {record.id: record.path for record in records(source)}
    return {paths[record.id]: record.label for record in records(source.parent / "out")}


def reasons(source: Path) -> dict[str, str]:
    return {line["path"]: line["reason"] for line in rejected(source.parent / "out")}


def test_decisions_wait_until_they_are_applied(source: Path) -> None:
    before = run(source)
    tree = read_tree(source.parent / "out")
    decide(source, "Ada/0001.png", "reject")
    decide(source, "Ada/blurred.png", "keep")
    waiting = run(source)
    assert (waiting.made, waiting.kept) == (0, before.kept)
    assert waiting.details["decisions"] == {"in force": 0, "waiting": 2}
    assert {**read_tree(source.parent / "out"), DECISIONS: None} == {**tree, DECISIONS: None}
    applied = run(source, apply=True)
    assert applied.details["decisions"] == {"in force": 2, "waiting": 0}
    assert (applied.made, applied.kept) == (1, before.kept)
    assert kept(source).keys() == {f"Ada/{n:04}.png" for n in (0, 2, 3, 4, 5)} | {"Ada/blurred.png"} | {
        f"Bob/{n:04}.png" for n in range(6, 12)
    }
    assert reasons(source) == {
        "Ada/0001.png": "rejected in review",
        "Ada/again.png": "repeat",
        "Ada/text.png": "not a picture",
    }


def test_where_nothing_was_decided_that_is_said(source: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(source)
    assert "decision" not in caplog.text
    assert "decisions" not in run(source, apply=True).details
    assert (
        f"no decision of the review to apply yet; decide with `facekit review {source.parent / 'out'}`" in caplog.text
    )


def test_what_is_kept_stays_whatever_speaks_against_it(source: Path) -> None:
    run(source)
    for path in ("Ada/blurred.png", "Ada/again.png", "Ada/text.png"):
        decide(source, path, "keep")
    run(source, apply=True)
    assert {"Ada/0000.png", "Ada/blurred.png", "Ada/again.png"} <= kept(source).keys()
    assert reasons(source) == {"Ada/text.png": "not a picture"}  # nobody can learn from it
    groups = {record.path: record.group for record in records(source.parent / "out")}
    ids = {path: record.id[:16] for path, record in named(source).items()}
    assert groups[f"Ada/{ids['Ada/0000.png']}.png"] == groups[f"Ada/{ids['Ada/again.png']}.png"]


def test_what_is_moved_goes_to_the_other_name(source: Path) -> None:
    run(source)
    decide(source, "Ada/0001.png", "move", "Bob")
    decide(source, "Ada/blurred.png", "move", "Cy")
    decide(source, "Bob/0006.png", "move", "Cy")
    decide(source, "Bob/0007.png", "move", "Cy")
    run(source, apply=True)
    labels = kept(source)
    assert labels["Ada/0001.png"] == "Bob"
    assert labels["Ada/blurred.png"] == labels["Bob/0006.png"] == labels["Bob/0007.png"] == "Cy"
    found = {record.id: record for record in records(source.parent / "out")}
    assert found[named(source)["Ada/0001.png"].id].name == "Bob"
    lines = [json.loads(line) for line in (source.parent / "out" / "manifest.jsonl").read_text().splitlines()]
    assert Counter(line.get("moved_from") for line in lines) == {None: len(lines) - 4, "Ada": 2, "Bob": 2}
    order = {record.id: place for place, record in enumerate(records(source))}
    places = [order[line["id"]] for line in lines]
    assert places == sorted(places)


def test_a_move_to_where_its_like_is_leaves_one(source: Path) -> None:
    (source / "Bob" / "same.png").write_bytes((source / "Ada" / "0001.png").read_bytes())
    run(source)
    assert reasons(source)["Ada/0001.png"] == reasons(source)["Bob/same.png"] == "under two names"
    decide(source, "Ada/0001.png", "move", "Bob")
    run(source, apply=True)
    assert len({record.path for record in records(source.parent / "out")}) == len(records(source.parent / "out"))
    assert sum(line["reason"] == "same bytes as another" for line in rejected(source.parent / "out")) == 1


def test_two_copies_of_a_picture_change_places(source: Path) -> None:
    """The same bytes under two names, each moved to the other: one file stands in each other's way."""
    (source / "Bob" / "same.png").write_bytes((source / "Ada" / "0001.png").read_bytes())
    run(source)
    decide(source, "Ada/0001.png", "keep")
    decide(source, "Bob/same.png", "keep")
    run(source, apply=True)
    before = read_tree(source.parent / "out")
    decide(source, "Ada/0001.png", "move", "Bob")
    decide(source, "Bob/same.png", "move", "Ada")
    run(source, apply=True)
    found = [(r.label, r.moved_from, r.name) for r in out_records(source) if r.moved_from]
    assert found == [("Bob", "Ada", "Bob"), ("Ada", "Bob", "Ada")]
    after = read_tree(source.parent / "out")
    assert {path: data for path, data in after.items() if path.endswith(".png")} == {
        path: data for path, data in before.items() if path.endswith(".png")
    }


def out_records(source: Path) -> list[Record]:
    """The lines of the folder, with what only its own stage reads."""
    return read_lines(source.parent / "out" / "manifest.jsonl", Record)


def test_what_is_taken_back_is_as_before(source: Path) -> None:
    run(source)
    before = read_tree(source.parent / "out")
    changes: list[tuple[str, Verdict, str | None]] = [
        ("Ada/0001.png", "move", "Bob"),
        ("Ada/0002.png", "reject", None),
        ("Ada/blurred.png", "keep", None),
        ("Bob/0006.png", "move", "Cy"),
        ("Bob/0007.png", "move", "Cy"),
    ]
    for path, verdict, to in changes:
        decide(source, path, verdict, to)
    run(source, apply=True)
    assert "Cy" in kept(source).values()
    for path, _, _ in changes:
        decide(source, path, None)
    assert run(source).details["decisions"] == {"in force": 5, "waiting": 5}
    assert "Cy" in kept(source).values()
    run(source, apply=True)
    after = read_tree(source.parent / "out")
    for tree in (before, after):
        tree[DECISIONS] = tree["dataset.json"] = None
    assert after == before


def test_a_move_that_becomes_a_keep_goes_back(source: Path) -> None:
    run(source)
    decide(source, "Ada/0001.png", "move", "Bob")
    run(source, apply=True)
    decide(source, "Ada/0001.png", "keep")
    run(source, apply=True)
    assert kept(source)["Ada/0001.png"] == "Ada"


def test_what_was_applied_stays_so_when_the_source_grows(source: Path) -> None:
    run(source)
    decide(source, "Ada/0001.png", "reject")
    decide(source, "Ada/0002.png", "move", "Bob")
    run(source, apply=True)
    decide(source, "Ada/0003.png", "reject")
    plain_tree(source, {"Ada": 2}, first=90)
    report = run(source)
    assert report.details["decisions"] == {"in force": 2, "waiting": 1}
    labels = kept(source)
    assert "Ada/0001.png" not in labels
    assert labels["Ada/0002.png"] == "Bob"
    assert {"Ada/0003.png", "Ada/0090.png", "Ada/0091.png"} <= labels.keys()


def test_decisions_outlive_overwrite(source: Path) -> None:
    run(source)
    decide(source, "Ada/0001.png", "reject")
    lines = (source.parent / "out" / DECISIONS).read_bytes()
    run(source, apply=True)
    for how in ({}, {"min_sharpness": 30.0}):
        report = run(source, overwrite=True, **how)
        assert (source.parent / "out" / DECISIONS).read_bytes() == lines
        assert report.details["decisions"] == {"in force": 0, "waiting": 1}
    run(source, overwrite=True, apply=True)
    assert "Ada/0001.png" not in kept(source)


def test_a_rejected_picture_takes_its_repeats_along_and_a_rejected_repeat_nothing(source: Path) -> None:
    (source / "Bob" / "again.png").write_bytes(small(6))
    run(source)
    assert reasons(source)["Bob/again.png"] == "repeat"
    decide(source, "Ada/0000.png", "reject")
    decide(source, "Bob/again.png", "reject")
    run(source, apply=True)
    assert "Ada/again.png" not in kept(source)
    assert "Bob/0006.png" in kept(source)


def test_what_a_hand_did_already_waits_no_more(source: Path) -> None:
    """As `review --live` does: the file first goes where the decision says."""
    run(source)
    out = source.parent / "out"
    paths = {record.id: record.path for record in records(out)}
    ids = {path: record.id for path, record in named(source).items()}
    (out / paths[ids["Ada/0001.png"]]).unlink()
    moved = Path(paths[ids["Ada/0002.png"]])
    (out / moved).rename(out / "Bob" / moved.name)
    decide(source, "Ada/0001.png", "reject")
    decide(source, "Ada/0002.png", "move", "Bob")
    decide(source, "Ada/0003.png", "keep")
    report = run(source)
    assert report.details["decisions"]["waiting"] == 0
    assert kept(source)["Ada/0002.png"] == "Bob"
    assert reasons(source)["Ada/0001.png"] == "rejected in review"
    before = read_tree(out)
    assert run(source, apply=True).details["decisions"] == {"in force": 3, "waiting": 0}
    after = read_tree(out)
    assert {path for path in after if after[path] != before.get(path)} == {"dataset.json"}


def test_what_was_deleted_by_hand_comes_back_when_it_is_kept(source: Path) -> None:
    run(source)
    gone = next(record for record in records(source.parent / "out") if record.id == named(source)["Ada/0001.png"].id)
    (source.parent / "out" / gone.path).unlink()
    run(source)
    assert reasons(source)[gone.path] == "removed by hand"
    decide(source, "Ada/0001.png", "keep")
    run(source, apply=True)
    assert "Ada/0001.png" in kept(source)
    assert gone.path not in reasons(source)


def test_a_dry_run_carries_nothing_out(source: Path) -> None:
    run(source)
    decide(source, "Ada/0001.png", "move", "Bob")
    before = read_tree(source.parent / "out")
    run(source, apply=True, dry_run=True)
    assert read_tree(source.parent / "out") == before


@pytest.mark.parametrize("go_on", [{"apply": True}, {}])
def test_killed_anywhere_it_goes_on(
    source: Path, go_on: dict[str, Any], dying: Callable[[int, Callable[[], Any]], bool], tmp_path: Path
) -> None:
    """Once begun, an applying run is finished by any run that follows."""
    changes: list[tuple[str, Verdict | None, str | None]] = [
        ("Ada/0001.png", "move", "Bob"),
        ("Ada/0002.png", "reject", None),
        ("Ada/blurred.png", "move", "Cy"),
        ("Bob/0006.png", "move", "Cy"),
        ("Bob/0007.png", None, None),
    ]

    def begin(root: Path) -> Path:
        tree = plain_tree(root / "in", {"Ada": 4, "Bob": 4})
        soft = np.asarray(cv2.GaussianBlur(picture(50), (0, 0), 9), np.uint8)
        (tree / "Ada" / "blurred.png").write_bytes(images.encode_png(soft))
        run(tree, min_images=1)
        decide(tree, "Bob/0007.png", "move", "Cy")
        run(tree, min_images=1, apply=True)
        for path, verdict, to in changes:
            Decisions(root / "out").append(Decision(*key_of(named(tree)[path]), decision=verdict, to=to, at="then"))
        return tree

    begun = begin(tmp_path / "begun").parent

    def again(root: Path) -> Path:
        return Path(shutil.copytree(begun, root)) / "in"

    whole = again(tmp_path / "whole")
    run(whole, min_images=1, apply=True)
    wanted = read_tree(whole.parent / "out")
    wanted[DECISIONS] = None
    for k in range(1, 200):
        tree = again(tmp_path / str(k))
        died = dying(k, lambda tree=tree: run(tree, min_images=1, apply=True))  # type: ignore[misc]
        run(tree, min_images=1, **({"apply": True} if k <= 3 else go_on))  # these write that it is begun
        found = read_tree(tree.parent / "out")
        found[DECISIONS] = None
        assert found == wanted, k
        if not died:
            break
    assert k > 5
