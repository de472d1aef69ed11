"""A folder of pictures from a stranger: nothing outside it is read, written or deleted, whatever its files say."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Facekit, files_in, manifest, picture, plain_tree, read_tree, records
from fuzzing import watch

from facekit.base import images
from facekit.base.contract import Decision, FacekitError, Link, Report
from facekit.commands.augment import augment
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.dataset import GROUPS, Dataset, read_info
from facekit.dataset.decisions import Decisions
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.crop import Crop

SCRIPT = b"#!/bin/sh\necho mine\n"
"""A file of the user's, beside the folders that facekit reads and writes."""


def run_crop(source: Path, output: Path, **more: Any) -> Report:
    return crop(Crop(input=source, output=output, detect=False, size=24, jobs=1, **more))


def run_clean(source: Path, output: Path, **more: Any) -> Report:
    return clean(Clean(input=source, output=output, min_images=1, min_side=1, jobs=1, embedder="none", **more))


def run_balance(source: Path, output: Path, **more: Any) -> Report:
    return balance(Balance(input=source, output=output, **{"count": 5, "jobs": 1, **more}))


def run_augment(source: Path, output: Path, **more: Any) -> Report:
    return augment(Augment(input=source, output=output, **{"count": 8, "recipe": "gentle", "jobs": 1, **more}))


CLEAN = ["--min-images", "1", "--min-side", "1", "-j", "1", "--embedder", "none"]
"""What `run_clean` does, on the command line."""

Stage = Callable[..., Report]

STAGES: dict[str, Stage] = {"crop": run_crop, "clean": run_clean, "balance": run_balance, "augment": run_augment}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each command that makes one folder from another."""
    return STAGES[request.param]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each test gets a copy of: files of the user's, photos, a tree that facekit made of them, and one of that."""
    root = tmp_path_factory.mktemp("made")
    home, work = plain_tree(root / "home", {"private": 3}, first=700, side=24), root / "work"
    (home / "run.sh").write_bytes(SCRIPT)
    run_crop(plain_tree(work / "photos", {"Ada": 5, "Bob": 5}, side=24), work / "tree")
    shutil.copytree(work, root / "reviewed")
    _review(root / "reviewed")
    return root


def _review(work: Path) -> None:
    """Clean the tree into a folder with a line in each of its files."""
    (work / "tree" / "Ada" / "broken.jpg").write_bytes(b"no picture")
    folder = work / "clean"
    run_clean(work / "tree", folder)
    about = records(folder)[0]
    Decisions(folder).append(Decision(about.origin, about.box, about.label, "keep"))
    (folder / GROUPS).write_text(Link("0" * 64, "f" * 64, "burst", "crop", "pixels").to_json() + "\n")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A folder with files of the user's: what no command may touch."""
    return Path(shutil.copytree(made / "home", tmp_path / "home"))


@pytest.fixture
def tree(made: Path, tmp_path: Path, home: Path) -> Iterator[Path]:
    """A tree that facekit made, of two names with five pictures each. At the end nothing beside it has changed."""
    shutil.copytree(made / "work", tmp_path / "work")
    before = read_tree(home)
    yield tmp_path / "work" / "tree"
    assert read_tree(home) == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"home", "work"}


def change(root: Path, file: str, line: int, **values: Any) -> None:
    """Change fields of one line of a file of JSON lines; ... takes a field away."""
    lines = [json.loads(text) for text in (root / file).read_text().splitlines()]
    kept = {**lines[line], **values}
    lines[line] = {key: value for key, value in kept.items() if value is not ...}
    (root / file).write_text("".join(json.dumps(one) + "\n" for one in lines))


def refused(action: Callable[[], Any]) -> str:
    """Run what must be refused, and return the one line that says so."""
    with pytest.raises(FacekitError) as error:
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


# Lines that facekit does not write

OUTSIDE = ["../../home/x", "/tmp/x", "..", ".", "", "a/b", "x\0y", ".hidden", "x" * 300, "../../home"]

NAN = float("nan")

FIELDS: dict[str, list[Any]] = {
    "id": [*OUTSIDE, "0" * 63, "0" * 65, "G" * 64, "A" * 64, 7, None, ["0" * 64], ...],
    "sha256": [*OUTSIDE, "0" * 63, 1.5, None, ...],
    "origin": [*OUTSIDE, "z" * 64, True, None, ...],
    "label": [*OUTSIDE, "Bob", 7, None, {}, ...],
    "path": [
        *OUTSIDE,
        *("../../home/run.sh", "/etc/passwd", "Ada", "Ada/", "Ada/..", "Ada/../../home/run.sh", "Ada/.x.jpg"),
        *("Ada/x/y.jpg", "Bob/x.jpg", "Ada/\0.jpg", "Ada/" + "x" * 300, 7, None, ...),
    ],
    "name": [7, None, [], ...],
    "group": ["../x", "0" * 63, 7],
    "parent": ["../x", "0" * 63, 7],
    "moved_from": OUTSIDE,
    "made_by": [7, []],
    "synthetic": ["yes", "../x", 7],
    "split": ["Train", "../x", 7],
    "box": [3, [1, 2, 3], [1, 2, 3, 4, 5], "1234", [1, 2, 3, "4"], [0.5, 0, 1, 1], [0, 0, 10**30, 1], [0, 0, 0, 5],
            [0, 0, -1, 5], [10**12, 0, 1, 1], [None] * 4, {"x": 1}, [True, 0, 1, 1]],
    "score": ["x", [], NAN, float("inf"), 10**400],
    "quality": [3, ["x"], {"faces": "many"}, {"faces": None}, {"faces": float("nan")}],
    "targets": [3, ["x"], {"person": 3}, {"person": {"a": {}}}],
}  # fmt: skip

NULL_MEANS_ABSENT = ("score",)
"""Fields that may be left out: NaN, which JSON does not have, counts as left out."""


def cases() -> Iterator[Any]:
    for name, values in FIELDS.items():
        for value in values:
            yield pytest.param(name, value, id=f"{name}={str(value)[:40]!r}")


@pytest.mark.parametrize(("name", "value"), list(cases()))
def test_a_line_that_facekit_does_not_write_is_refused(tree: Path, name: str, value: Any) -> None:
    change(tree, "manifest.jsonl", 2, **{name: value})
    if name in NULL_MEANS_ABSENT and value in (float("inf"), NAN):
        assert Dataset.open(tree).records[2].score is None
        return
    message = refused(lambda: Dataset.open(tree))
    assert "manifest.jsonl, line 3 is not in facekit's format" in message
    assert name in message
    assert message.endswith("fix or delete that line")


@pytest.mark.parametrize("label", ["../../home/private", "../../home", "/tmp", "..", "Ada/../../../home"])
def test_a_label_that_leads_outside_stops_every_stage(tree: Path, stage: Stage, label: str) -> None:
    change(tree, "manifest.jsonl", 0, label=label, id=hashlib.sha256(b"run").hexdigest())
    before = read_tree(tree.parent)
    refused(lambda: stage(tree, tree.parent / "out"))
    assert read_tree(tree.parent) == before


def test_the_same_in_a_folder_that_is_written(tree: Path, tmp_path: Path) -> None:
    change(tree, "manifest.jsonl", 0, label="../../home/private")
    for more in ({}, {"overwrite": True}, {"dry_run": True}):
        assert "line 1" in refused(partial(run_crop, tmp_path / "work" / "photos", tree, **more))


@pytest.mark.parametrize("suffix", [".sh", ".html", ".jpg.sh", ".exe", ".svg", "", ".desktop"])
def test_a_suffix_is_not_taken_from_the_sender(tmp_path: Path, stage: Stage, suffix: str) -> None:
    source = plain_tree(tmp_path / "photos", {"Ada": 5, "Bob": 5}, side=24)
    first = source / "Ada" / "0000.png"
    first.rename(first.with_name(f"run{suffix}"))
    stage(source, tmp_path / "out")
    names = [Path(line["path"]).name for line in manifest(tmp_path / "out")]
    assert len(names) >= 10
    assert all(len(name.split(".")) == 2 and f".{name.split('.')[1]}" in images.SUFFIXES for name in names)


def test_a_suffix_of_a_manifest_is_not_taken_either(tree: Path, stage: Stage) -> None:
    path = manifest(tree)[0]["path"]
    (tree / path).rename(tree / "Ada" / "run.sh")
    change(tree, "manifest.jsonl", 0, path="Ada/run.sh")
    stage(tree, tree.parent / "out")
    suffixes = {Path(line["path"]).suffix for line in manifest(tree.parent / "out")}
    assert suffixes == {".jpg"}


# Labels of plain folders keep working

NAMES = ["Ada Lovelace", "Zoë", "李", "a\nb", "\x1b[2J", "=1+1", "a" * 200, "-rf", "~", "con", "a\\b", "…", " x "]


def test_any_folder_may_be_a_label(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "photos", dict.fromkeys(NAMES, 1), side=24)
    (source / os.fsdecode(b"caf\xe9")).mkdir()
    (source / os.fsdecode(b"caf\xe9") / "1.png").write_bytes(images.encode_png(picture(99, 24)))
    # One rule for names: trimmed, and what is not UTF-8 is stored by its bytes.
    labels = sorted([*(name.strip() for name in NAMES), "caf%E9"])
    assert Dataset.open(source).labels == labels
    run_crop(source, tmp_path / "out")
    assert Dataset.open(tmp_path / "out").labels == labels
    before = read_tree(tmp_path / "out")
    run_crop(source, tmp_path / "out")
    assert read_tree(tmp_path / "out") == before


def test_photos_and_folders_of_a_plain_tree_may_be_links(tmp_path: Path, stage: Stage) -> None:
    elsewhere = plain_tree(tmp_path / "camera", {"Ada": 5, "Bob": 5}, side=24)
    (tmp_path / "photos" / "Bob").mkdir(parents=True)
    (tmp_path / "photos" / "Ada").symlink_to(elsewhere / "Ada")
    for file in (elsewhere / "Bob").iterdir():
        (tmp_path / "photos" / "Bob" / file.name).symlink_to(file)
    before = read_tree(elsewhere)
    assert len(Dataset.open(tmp_path / "photos").records) == 10
    assert stage(tmp_path / "photos", tmp_path / "out").kept >= 10
    assert read_tree(elsewhere) == before


# Links in a tree that facekit made


def test_a_picture_that_is_a_link_out_of_the_tree_is_not_read(tree: Path, home: Path, stage: Stage) -> None:
    path = manifest(tree)[0]["path"]
    (tree / path).unlink()
    (tree / path).symlink_to(home / "private" / "0700.png")
    message = refused(lambda: stage(tree, tree.parent / "out"))
    assert "manifest.jsonl, line 1" in message
    assert "link" in message


def test_a_label_folder_that_is_a_link_out_of_the_tree_is_not_read(tree: Path, home: Path, stage: Stage) -> None:
    shutil.copytree(tree / "Ada", home.parent / "work" / "away")
    shutil.rmtree(tree / "Ada")
    (tree / "Ada").symlink_to(home.parent / "work" / "away")
    assert "link" in refused(lambda: stage(tree, tree.parent / "out"))


def test_a_link_that_no_line_names_is_not_read(tree: Path, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tree / "Ada" / "new.png").symlink_to(home / "private" / "0700.png")
    (tree / "Cy").symlink_to(home / "private")
    assert len(Dataset.open(tree).records) == 10
    assert "2 links that lead out of it are not read" in caplog.text


def test_a_link_inside_the_tree_is_read(tree: Path) -> None:
    first, second = (tree / line["path"] for line in manifest(tree)[:2])
    first.unlink()
    first.symlink_to(second.name)
    assert len(Dataset.open(tree).records) == 10


@pytest.mark.parametrize("name", ["manifest.jsonl", "sources.jsonl", "rejected.jsonl", "dataset.json"])
def test_a_file_of_facekits_that_is_a_link_is_not_read(tree: Path, home: Path, stage: Stage, name: str) -> None:
    (home.parent / "work" / name).write_bytes((tree / name).read_bytes())
    (tree / name).unlink()
    (tree / name).symlink_to(home.parent / "work" / name)
    if name != "rejected.jsonl":  # which a stage reads in the folder that it writes alone
        assert name in refused(lambda: stage(tree, tree.parent / "out"))
    assert name in refused(lambda: run_crop(home.parent / "work" / "photos", tree))


# Writing and deleting


def link_away(tree: Path, label: str = "Ada") -> Path:
    """Replace a label's folder by a link to a copy of it beside the tree; return that copy."""
    away = Path(shutil.copytree(tree / label, tree.parent / "away"))
    shutil.rmtree(tree / label)
    (tree / label).symlink_to(away)
    return away


@pytest.mark.parametrize("more", [{}, {"overwrite": True}], ids=repr)
def test_nothing_behind_a_linked_label_is_written_or_deleted(tree: Path, more: dict[str, Any]) -> None:
    away = link_away(tree)
    before = read_tree(away)
    assert "link" in refused(lambda: run_crop(tree.parent / "photos", tree, **more))
    assert read_tree(away) == before


def test_nor_by_a_stage_that_plans_anew(tree: Path) -> None:
    out = tree.parent / "out"
    run_balance(tree, out)
    away = link_away(out)
    before = read_tree(away)
    shutil.rmtree(tree / "Bob")
    plain_tree(tree, {"Cy": 6}, first=40, side=24)
    for more in ({}, {"overwrite": True}):
        assert "link" in refused(partial(run_balance, tree, out, **more))
    assert read_tree(away) == before


def test_nor_by_deletions_that_a_kill_interrupted(tree: Path) -> None:
    away = link_away(tree)
    before = read_tree(away)
    info = json.loads((tree / "dataset.json").read_text())
    for stale in (
        [f"Ada/{name}" for name in before],
        {f"Ada/{name}": hashlib.sha256(data).hexdigest() for name, data in before.items()},
    ):
        (tree / "dataset.json").write_text(json.dumps({**info, "complete": False, "stale": stale}))
        refused(lambda: run_crop(tree.parent / "photos", tree))
        assert read_tree(away) == before


def test_nor_where_a_new_label_is_a_link(tree: Path, home: Path) -> None:
    out = tree.parent / "out"
    run_balance(tree, out)
    plain_tree(tree, {"Cy": 6}, first=40, side=24)
    (out / "Cy").symlink_to(home / "private")
    assert "link" in refused(lambda: run_balance(tree, out))


@pytest.mark.parametrize("name", ["manifest.jsonl", "sources.jsonl", "rejected.jsonl", "dataset.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_is_not_written_through(tree: Path, home: Path, name: str, overwrite: bool) -> None:
    (tree / name).unlink()
    (tree / name).symlink_to(home / "run.sh")
    refused(lambda: run_crop(tree.parent / "photos", tree, overwrite=overwrite))
    (tree / name).unlink()
    (tree / name).symlink_to(home / "new")
    refused(lambda: run_crop(tree.parent / "photos", tree, overwrite=overwrite))
    assert not (home / "new").exists()


def test_a_temporary_file_that_is_a_link_is_not_written_through(tree: Path, home: Path) -> None:
    first = Path(manifest(tree)[0]["path"])
    for folder, name in ((tree / "Ada", first.name), (tree, "dataset.json"), (tree, "manifest.jsonl")):
        (folder / f".{name}.part").symlink_to(home / "run.sh")
    run_crop(tree.parent / "photos", tree, overwrite=True)
    assert len(Dataset.open(tree).records) == 10


def test_left_over_parts_behind_a_link_stay(tree: Path, home: Path) -> None:
    (home / "private" / ".0123456789abcdef.jpg.part").write_bytes(b"mine")
    before = read_tree(home)
    (tree / "Cy").symlink_to(home / "private")
    (tree / "Ada" / ".notes.part").write_bytes(b"mine too")
    (tree / "Ada" / ".0123456789abcdef.jpg.part").write_bytes(b"facekit's")
    info = json.loads((tree / "dataset.json").read_text())
    (tree / "dataset.json").write_text(json.dumps({**info, "complete": False}))
    run_crop(tree.parent / "photos", tree)
    assert read_tree(home) == before
    assert (tree / "Ada" / ".notes.part").exists()
    assert not (tree / "Ada" / ".0123456789abcdef.jpg.part").exists()
    (home / "private" / ".0123456789abcdef.jpg.part").unlink()


def test_a_hard_link_is_not_written_through(tree: Path, home: Path) -> None:
    plain_tree(tree.parent / "photos", {"Ada": 1}, first=50, side=24)
    for name in ("manifest.jsonl", "sources.jsonl", "rejected.jsonl", "dataset.json"):
        os.link(tree / name, home / f"my {name}")
    before = read_tree(home)
    run_crop(tree.parent / "photos", tree)
    assert len(Dataset.open(tree).records) == 11
    assert read_tree(home) == before
    for name in ("manifest.jsonl", "sources.jsonl", "rejected.jsonl", "dataset.json"):
        (home / f"my {name}").unlink()


def test_a_picture_that_a_person_edited_is_not_deleted(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tree.parent / "out"
    run_balance(tree, out)
    edited = out / "Ada" / files_in(out / "Ada")[0]
    edited.write_bytes(images.encode_png(picture(1234, 24)))
    before = edited.read_bytes()
    shutil.rmtree(tree / "Ada")
    plain_tree(tree, {"Cy": 6}, first=40, side=24)
    run_balance(tree, out)
    assert [file.read_bytes() for file in (out / "Ada").iterdir()] == [before]
    assert "1 picture changed by hand stays" in caplog.text


def test_overwrite_refuses_to_delete_a_picture_that_a_person_edited(tree: Path) -> None:
    edited = tree / manifest(tree)[3]["path"]
    edited.write_bytes(b"my own drawing")
    before = read_tree(tree)
    message = refused(lambda: run_crop(tree.parent / "photos", tree, overwrite=True))
    assert edited.name in message
    assert "changed since facekit wrote" in message
    assert read_tree(tree) == before
    edited.unlink()
    run_crop(tree.parent / "photos", tree, overwrite=True)


@pytest.mark.parametrize(
    "name", ["manifest.jsonl", "sources.jsonl", "dataset.json", "decisions.jsonl", "photo.jpg", "x"]
)
def test_a_link_beside_the_labels_is_not_opened(tree: Path, home: Path, name: str) -> None:
    """Not even to see whether it leads to a picture."""
    (tree / name).unlink(missing_ok=True)
    (tree / name).symlink_to(home / "run.sh")
    with watch(home) as touched, suppress(FacekitError):
        run_clean(tree, tree.parent / "out")
    assert touched == []


def test_deletions_that_only_dataset_json_names_are_not_gone_on_with(tree: Path) -> None:
    """Whoever knows the bytes of a file, say of a published picture, knows its hash."""
    mine = tree / "Ada" / "holiday.png"
    mine.write_bytes(images.encode_png(picture(77, 24)))
    info = json.loads((tree / "dataset.json").read_text())
    stale = {"Ada/holiday.png": hashlib.sha256(mine.read_bytes()).hexdigest()}
    for named in (list(stale), stale):
        (tree / "dataset.json").write_text(json.dumps({**info, "complete": False, "stale": named}))
        run_crop(tree.parent / "photos", tree)
        assert mine.exists()


def test_a_line_cannot_have_a_file_of_the_users_deleted(tree: Path) -> None:
    """A manifest that names the user's own picture, with another hash, does not make it facekit's."""
    mine = tree / "Ada" / "holiday.png"
    mine.write_bytes(images.encode_png(picture(77, 24)))
    info = json.loads((tree / "dataset.json").read_text())
    stale = {"Ada/holiday.png": "0" * 64, "../../home/run.sh": hashlib.sha256(SCRIPT).hexdigest()}
    for named in (list(stale), stale):
        (tree / "dataset.json").write_text(json.dumps({**info, "complete": False, "stale": named}))
        run_crop(tree.parent / "photos", tree)
        assert mine.exists()
    change(tree, "manifest.jsonl", 0, path="Ada/holiday.png")
    refused(lambda: run_crop(tree.parent / "photos", tree, overwrite=True))
    assert mine.exists()


# The other files, and what stands in place of one

OTHER_LINES = {
    "sources.jsonl": {
        "origin": ["../../home/x", "0" * 63, 7, None, ...],
        "url": [7, [], {"a": 1}],
        "final_url": [7],
        "page_url": [True],
        "engine": [7],
        "query": [[]],
        "rank": ["first", 1.5, True, []],
        "fetched_at": [7],
        "licence": [{}],
        "licence_url": [7],
        "creator": [7],
        "attribution": [7],
    },
    "groups.jsonl": {
        "first": ["../../home/x", "0" * 63, 7, None, ..., "f" * 64],
        "second": ["../x", 7, None, ..., "0" * 64],
        "reason": ["alike", 7, None],
        "stage": [7],
        "matcher": [[]],
    },
    "rejected.jsonl": {
        "stage": [7, None, ...],
        "id": ["../../home/x", 7, None, ...],
        "label": [*OUTSIDE, 7, None, ...],
        "path": [7, None, ...],
        "reason": [7, None, ...],
        "value": [[], {}],
        "parent": ["../x", 7],
        "origin": ["../x", 7],
        "box": [3, [1, 2], [0, 0, 10**30, 1], [0, 0, -1, 1], [None] * 4],
        "like": [*OUTSIDE[:4], 7],
    },
    "decisions.jsonl": {
        "origin": [7, None, ...],
        "box": [3, [1, 2], [0, 0, 10**30, 1], [0, 0, 0, 0], [None] * 4],
        "label": [*OUTSIDE, 7, None, ...],
        "decision": ["burn", 7, "move"],
        "to": [*OUTSIDE, 7],
        "at": [7, []],
    },
}


@pytest.fixture
def reviewed(made: Path, tree: Path) -> Path:
    """A folder that `clean` made of the tree, with a line in each of its files."""
    shutil.copytree(made / "reviewed", tree.parent, dirs_exist_ok=True)
    return tree.parent / "clean"


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        pytest.param(file, field, value, id=f"{file}-{field}={str(value)[:40]!r}")
        for file, fields in OTHER_LINES.items()
        for field, values in fields.items()
        for value in values
    ],
)
def test_so_is_a_line_of_the_other_files(reviewed: Path, file: str, field: str, value: Any) -> None:
    change(reviewed, file, 0, **{"to": None, field: value})
    message = refused(lambda: (Dataset.open(reviewed), run_clean(reviewed.parent / "tree", reviewed)))
    assert f"{file}, line 1 is not in facekit's format" in message


INFO_FIELDS: dict[str, list[Any]] = {
    "stage": [7, []],
    "options": [7, [], {"size": {"a": 1}}],
    "input": [7],
    "made_from": [7, ["x"]],
    "complete": ["yes", 1],
    "protocol": ["telepathy", 7],
    "crop": [7, "x", {"margin": 1e300}, {"margin": "wide"}, {"size": 10**9}, {"detect": "yes"}, {"cascade": "../x"}],
    "drawn": [7],
    "matchers": [7, ["pixels"], {"crop": 7}],
    "engines": [7, {"bing": 7}],
    "embedder": [7],
    "applied": ["all", 1.5],
    "people": [7, {"nobody": 7}, {"one_person": [["Ada"]]}],
    "stale": [7, [7], {"Ada/x.jpg": 7}],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in INFO_FIELDS.items() for value in values]
)
def test_a_dataset_json_that_facekit_does_not_write_is_refused(tree: Path, field: str, value: Any) -> None:
    info = json.loads((tree / "dataset.json").read_text())
    (tree / "dataset.json").write_text(json.dumps({**info, field: value}))
    message = refused(lambda: Dataset.open(tree))
    assert "dataset.json is not in facekit's format" in message
    assert field in message


def test_a_dataset_json_of_a_later_version_is_read(tree: Path) -> None:
    info = json.loads((tree / "dataset.json").read_text())
    crop = {**info["crop"], "polish": True}
    (tree / "dataset.json").write_text(json.dumps({**info, "crop": crop, "aura": {"colour": "blue"}}))
    assert Dataset.open(tree).info == read_info(tree)
    assert len(Dataset.open(tree).records) == 10


FILES = ["manifest.jsonl", "sources.jsonl", "rejected.jsonl", "decisions.jsonl", "dataset.json"]

DEEP = b"[" * 100_000
HOSTILE: dict[str, bytes] = {
    "deep": DEEP + b"\n",
    "deep in a field": b'{"id": ' + DEEP + b"\n",
    "deep and closed": b"[" * 500 + b"]" * 500 + b"\n",
    "NUL": b"\0" * 1000 + b"\n",
    "no text": bytes(range(128, 256)) + b"\n",
    "a long line": b'{"id": "' + b"x" * 20_000_000 + b'"}\n',
    "a huge number": b'{"id": ' + b"9" * 100_000 + b"}\n",
    "many blank lines": b"\n" * 300_000,
    "NaN": b"NaN\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("what", HOSTILE)
def test_bytes_that_facekit_does_not_write_are_refused(reviewed: Path, name: str, what: str) -> None:
    (reviewed / name).write_bytes(HOSTILE[what])
    message = refused(lambda: run_clean(reviewed.parent / "tree", reviewed))
    assert name in message
    assert len(message) < 1000


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "socket"])
def test_what_is_no_file_is_refused_at_once(reviewed: Path, facekit: Facekit, name: str, kind: str) -> None:
    (reviewed / name).unlink()
    if kind == "fifo":
        os.mkfifo(reviewed / name)
    elif kind == "folder":
        (reviewed / name).mkdir()
    elif kind == "device":
        (reviewed / name).symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as server, chdir(reviewed):
            server.bind(name)
    command = ["clean", reviewed.parent / "tree", "-o", reviewed, *CLEAN]
    done = facekit(*command)
    assert done.code == 2, done.err
    assert name in done.err.splitlines()[-1]


@pytest.mark.parametrize("kind", ["fifo", "device", "huge"])
@pytest.mark.parametrize("named", [True, False], ids=["named by a line", "not named"])
def test_what_is_no_picture_is_left_out(tree: Path, stage: Stage, kind: str, named: bool) -> None:
    path = tree / manifest(tree)[0]["path"] if named else tree / "Ada" / "other.jpg"
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, 1 << 40)
    if kind == "device" and named:
        assert "link" in refused(lambda: stage(tree, tree.parent / "out"))
    else:
        stage(tree, tree.parent / "out")
    path.unlink()


def test_a_million_newlines_take_no_memory(tree: Path) -> None:
    with (tree / "manifest.jsonl").open("ab") as file:
        for _ in range(300):
            file.write(b"\n" * 1_000_000)
    code = (
        "import resource, sys; from pathlib import Path; from facekit.dataset import Dataset\n"
        "from facekit.base.contract import FacekitError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        f"    Dataset.open(Path({str(tree)!r}))\n"
        "except FacekitError as error:\n"
        "    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    message, grown = run.stdout.splitlines()
    assert "blank lines" in message
    assert int(grown) < 50_000, "in kilobytes"
