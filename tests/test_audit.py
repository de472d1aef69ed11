"""Audits: what is in two parts of any tree, or in two trees, and a copy without it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import files_in, picture, plain_tree, read_tree
from pages import check_alone
from patches import tree as faces_with_split
from test_lean import facekit as lean

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError, Image, Link, Record, Report, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.audit import audit
from facekit.commands.audit.pairs import MANY
from facekit.commands.audit.trees import read
from facekit.commands.crop import crop
from facekit.dataset import GROUPS, INFO, MANIFEST, Dataset, lineage
from facekit.identity import embedders
from facekit.identity.likeness import CANNOT_SEE, MATCHER, SEES, measured
from facekit.options.audit import Audit
from facekit.options.crop import Crop


def put(file: Path, image: Image, quality: int | None = None) -> None:
    """Write a picture, as PNG or as a JPEG of that quality."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(images.encode_png(image) if quality is None else images.encode(image, quality))


def changed(image: Image) -> Image:
    """The picture as another site has it: mirrored, brighter, at another size."""
    brighter = np.clip(image[:, ::-1].astype(np.int16) + 20, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(brighter, (96, 96), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A tree as Keras takes it, with what a test set should not share: bytes, a changed copy and another label."""
    root = tmp_path / "split"
    plain_tree(root / "train", {"happy": 6, "sad": 6})
    plain_tree(root / "test", {"happy": 3, "sad": 3}, first=100)
    plain_tree(root / "val", {"happy": 2, "sad": 2}, first=200)
    shutil.copy(root / "train/happy/0000.png", root / "test/happy/again.png")
    put(root / "test/happy/changed.jpg", changed(picture(1)), 90)
    put(root / "val/happy/other.jpg", picture(6), 97)
    return root


def look(folder: Path, **more: Any) -> Report:
    return audit(Audit(folder=folder, **more))


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "audit.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def crossing(report: Report, second: str, first: str) -> dict[str, Any]:
    return next(one for one in report.details["crossings"] if (one["first"], one["second"]) == (first, second))


def test_what_stands_in_two_parts_is_found(split: Path, tmp_path: Path) -> None:
    report = look(split, output=tmp_path / "out")
    found = crossing(report, "test", "train")
    assert (found["pictures"], found["of"], found["share"], found["other_label"]) == (2, 8, 0.25, 0)
    assert (found["same_bytes"], found["same_picture"], found["same_photo"]) == (1, 1, 0)
    found = crossing(report, "validation", "train")
    assert (found["pictures"], found["same_picture"], found["other_label"]) == (1, 1, 1)
    assert crossing(report, "validation", "test")["pictures"] == 0
    assert report.kept == 12 + 8 + 5
    assert report.details["to_leave_out_of_training"] == 3
    assert "test in train: 2 of 8 pictures (25.0%; 1 same bytes, 1 same picture" in report.details["found_1"]


def test_the_worst_comes_first_and_all_of_it_is_written(split: Path, tmp_path: Path) -> None:
    before = read_tree(split)
    report = look(split, output=tmp_path / "out")
    assert [tuple(row.values()) for row in rows(tmp_path / "out")] == [
        ("train/sad/0006.png", "train", "sad", "val/happy/other.jpg", "validation", "happy", "same picture"),
        ("train/happy/0000.png", "train", "happy", "test/happy/again.png", "test", "happy", "same bytes"),
        ("train/happy/0001.png", "train", "happy", "test/happy/changed.jpg", "test", "happy", "same picture"),
    ]
    assert (tmp_path / "out" / "drop.txt").read_text().split() == [
        *("train/happy/0000.png", "train/happy/0001.png", "train/sad/0006.png")
    ]
    assert files_in(tmp_path / "out") == ["audit.csv", "drop.txt", "made-from.json", "report.html"]
    page = check_alone(tmp_path / "out" / "report.html")
    assert report.details["report"] == str(tmp_path / "out" / "report.html")
    assert page.count("data:image/jpeg;base64,") == 6
    assert page.index("val/happy/other.jpg") < page.index("test/happy/again.png")
    assert "1 has different labels" in page
    assert read_tree(split) == before
    with pytest.raises(FacekitError, match=r"^--output and --without are both "):
        look(split, output=tmp_path / "out", without=tmp_path / "out")
    look(split, output=tmp_path / "out")  # its own folder may be written again


def test_parts_are_known_by_what_others_call_them(tmp_path: Path) -> None:
    root = plain_tree(tmp_path / "a" / "Training", {"happy": 2}).parent
    plain_tree(root / "PublicTest", {"happy": 1}, first=50)
    plain_tree(root / "PrivateTest", {"sad": 1})
    assert read(root).parts == ["train", "PrivateTest", "PublicTest"]
    assert crossing(look(root), "PrivateTest", "train")["other_label"] == 1
    flat = tmp_path / "b"
    for part, seeds in (("train", (1, 2)), ("testing", (2, 3))):
        for seed in seeds:
            put(flat / part / f"{seed}.png", picture(seed))
    found = crossing(look(flat), "test", "train")
    assert (found["pictures"], found["other_label"]) == (1, 0)
    nested = tmp_path / "c"
    put(nested / "Ada" / "2019" / "one.png", picture(1))
    put(nested / "Test Pilot" / "one.png", picture(1))
    tree = read(nested)
    assert tree.parts == [""]
    assert [one.label for one in tree.pictures] == ["Ada", "Test Pilot"]


def test_one_picture_with_two_expressions_is_counted(tmp_path: Path) -> None:
    """Targets are labels, too: nobody can learn from one face that is called happy and sad."""
    root = tmp_path / "moods"
    lines = []
    for name, seed, mood in (("a.png", 1, "happy"), ("b.jpg", 1, "sad"), ("c.png", 2, "sad"), ("d.jpg", 2, "Sad")):
        put(root / "Ada" / name, picture(seed), 97)
        lines.append(json.dumps({"file_name": f"Ada/{name}", "mood": mood}))
    (root / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    report = look(root)
    (found,) = report.details["crossings"]
    assert (found["pictures"], found["other_label"], found["other_target"]) == (4, 0, 2)
    assert "0 under another label, 2 with another label of a target" in str(report.details["found"])


def test_a_plain_tree_is_told_what_it_shows_twice(plain: Path, tmp_path: Path) -> None:
    put(plain / "Bob" / "x.jpg", picture(0), 97)
    put(plain / "Ada" / "y.jpg", changed(picture(1)), 95)
    report = look(plain, output=tmp_path / "out")
    (found,) = report.details["crossings"]
    assert (found["pictures"], found["of"], found["other_label"]) == (4, 18, 2)
    # All are counts of pictures, not some of pairs: together the kinds are what is shown more than once.
    assert [found[kind] for kind in ("same_bytes", "same_picture", "same_photo", "burst")] == [0, 4, 0, 0]
    assert [(row["first_label"], row["second_label"]) for row in rows(tmp_path / "out")] == [
        ("Ada", "Bob"),
        ("Ada",) * 2,
    ]
    assert report.details["found"].startswith("shown more than once: 4 of 18 pictures")
    with pytest.raises(FacekitError, match=r"plain has no train part to remove pictures from; give a second folder"):
        look(plain, without=tmp_path / "copy")


def test_pairs_across_two_trees_are_those_across_alone(split: Path, tmp_path: Path) -> None:
    put(split / "train/happy/within.png", picture(2))
    report = look(split / "train", other=split / "test", output=tmp_path / "out", without=tmp_path / "copy")
    (found,) = report.details["crossings"]
    assert found["first"] == str(split / "train")
    assert (found["pictures"], found["of"]) == (2, 8)
    assert (tmp_path / "out" / "drop.txt").read_text().split() == ["happy/0000.png", "happy/0001.png"]
    assert report.folder == str(tmp_path / "copy")
    assert report.made == 13 - 2
    again = look(tmp_path / "copy", other=split / "test")
    assert again.details["crossings"][0]["pictures"] == 0


def test_the_copy_crosses_no_more_and_leaves_the_source_alone(split: Path, tmp_path: Path) -> None:
    before = read_tree(split)
    report = look(split, without=tmp_path / "copy")
    gone = {"train/happy/0000.png", "train/happy/0001.png", "train/sad/0006.png"}
    copied = {path: data for path, data in read_tree(tmp_path / "copy").items() if path != "audit.json"}
    assert copied == {path: data for path, data in before.items() if path not in gone}
    assert report.made == 22
    assert not any(one["pictures"] for one in look(tmp_path / "copy", strict=True).details["crossings"])
    (tmp_path / "copy" / "train/sad/0007.png").write_bytes(b"changed in place")
    assert read_tree(split) == before


def test_a_copy_is_made_again_in_the_place_of_an_earlier_one(split: Path, tmp_path: Path) -> None:
    look(split, without=tmp_path / "copy")
    (tmp_path / "copy" / "mine.txt").write_text("mine")
    shutil.copy(split / "train/sad/0008.png", split / "test/sad/late.png")
    for name in ("0003.png", "other.jpg"):
        (split / "val" / "happy" / name).unlink(missing_ok=True)
    look(split, without=tmp_path / "copy")
    left = {path for path in read_tree(tmp_path / "copy") if path.endswith((".png", ".jpg", ".txt"))}
    assert "train/sad/0008.png" not in left
    assert "train/sad/0006.png" in left  # nothing stands against it any more
    assert "val/happy/other.jpg" not in left
    assert "mine.txt" in left
    with pytest.raises(FacekitError, match=r"split overlap: one is inside the other; choose another output$"):
        look(split, without=split / "copy")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.md").write_text("mine")
    for option in ("output", "without"):
        with pytest.raises(FacekitError, match=r"thesis is not empty and was not made by `audit`; choose"):
            look(split, **{option: tmp_path / "thesis"})
    with pytest.raises(FacekitError, match=r"audit\.json is not in facekit's format"):
        (tmp_path / "copy" / "audit.json").write_text("[]")
        look(split, without=tmp_path / "copy")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A tree of facekit's with a split, in which a training photo stands in the test part as well."""
    root = faces_with_split(tmp_path / "ours", labels=2)
    records = read_lines(root / MANIFEST, Record)
    first = next(record for record in records if record.split == "train")
    file = root / first.label / "again.jpg"
    put(file, images.read(root / first.path), 97)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    again = replace(
        first,
        id="f" * 64,
        sha256=digest,
        path=f"{first.label}/again.jpg",
        origin="f" * 64,
        group="f" * 64,
        split="test",
    )
    replace_lines(root / MANIFEST, (record.to_json() for record in [*records, again]))
    (root / INFO).write_text(json.dumps({"complete": True, "protocol": "group", "drawn": True}))
    return root


def test_a_tree_of_facekits_is_held_to_its_split(ours: Path, tmp_path: Path) -> None:
    lineage.check_split(Dataset.open(ours).records, "the manifest knows nothing of it")
    report = look(ours, without=tmp_path / "copy")
    assert crossing(report, "test", "train")["pictures"] == 1
    copy = Dataset.open(tmp_path / "copy")
    assert len(copy.records) == len(Dataset.open(ours).records) - 1
    assert all((copy.root / record.path).is_file() for record in copy.records)
    assert {record.split for record in copy.records} == {"train", "test", "validation"}
    assert copy.info.drawn is True
    assert copy.protocol == "group"


def test_a_runs_split_is_audited_over_its_pictures(ours: Path, tmp_path: Path) -> None:
    run = _run(ours, tmp_path / "run", [replace(r, split=r.split or "train") for r in Dataset.open(ours).records])
    assert crossing(look(run), "test", "train")["pictures"] == 1
    shutil.rmtree(ours)
    with pytest.raises(FacekitError, match=r"ours, which .*run was trained on, is gone; put it back"):
        look(run)


def _run(root: Path, folder: Path, records: list[Record]) -> Path:
    """A run as somebody else may have made it: trained on `root`, split as these records say."""
    folder.mkdir()
    info = {"network": "cnn3", "size": 32, "protocol": "group", "options": {}, "complete": True}
    info |= {"labels": ["person0", "person1"], "dataset": {"root": str(root)}}
    (folder / runs.MODEL).write_text(json.dumps(info))
    replace_lines(folder / runs.SPLIT, (record.to_json() for record in records))
    return folder


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A picture that is nobody else's business."""
    put(tmp_path / "home" / "person0" / "private.jpg", picture(99), 95)
    return tmp_path / "home" / "person0" / "private.jpg"


@pytest.mark.parametrize("way", ["../home/person0/private.jpg", "{private}", "person0/link.jpg"])
def test_a_run_cannot_lead_out_of_its_pictures(ours: Path, private: Path, tmp_path: Path, way: str) -> None:
    (ours / "person0" / "link.jpg").symlink_to(private)
    records = [replace(r, split=r.split or "train") for r in Dataset.open(ours).records if r.path[-8:] != "link.jpg"]
    stray = replace(records[0], path=way.format(private=private))
    run = _run(ours, tmp_path / "run", [*records, stray])
    with pytest.raises(
        FacekitError, match=rf"split\.jsonl, line {len(records) + 1}[: ].*'{stray.path[:12]}.*; (fix or )?delete"
    ):
        look(run, output=tmp_path / "out", without=tmp_path / "copy")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "copy").exists()


def test_a_run_that_names_the_home_folder_shows_nothing_of_it(ours: Path, private: Path, tmp_path: Path) -> None:
    """Whoever wrote a split knows paths in a home folder, and not the bytes of its pictures."""
    guess = Record("0" * 64, "0" * 64, "person0/private.jpg", "person0", "Person0", "0" * 64, split="train")
    shutil.copy(private, private.with_name("again.jpg"))
    again = replace(guess, path="person0/again.jpg", split="test")
    run = _run(private.parents[1], tmp_path / "run", [guess, again])
    report = look(run, output=tmp_path / "out", without=tmp_path / "copy")
    assert report.left == {"gone or changed since training": 2}
    assert (tmp_path / "out" / "report.html").read_text().count("data:image") == 0
    assert files_in(tmp_path / "copy") == ["audit.json"]
    os.mkfifo(private.with_name("fifo.jpg"))
    run = _run(private.parents[1], tmp_path / "second", [replace(guess, path="person0/fifo.jpg"), again])
    assert look(run).left == {"gone or changed since training": 2}, "and nothing waits for a FIFO"


def test_a_copy_is_written_nowhere_else(split: Path, private: Path, tmp_path: Path) -> None:
    """An earlier copy that somebody prepared: with a link for a folder, and a list of what to delete."""
    look(split, without=tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "train")
    (tmp_path / "copy" / "train").symlink_to(private.parent)
    before = read_tree(private.parent)
    with pytest.raises(
        FacekitError, match=r"'train/happy/0002\.png' points outside .*copy; delete the entry that names it$"
    ):
        look(split, without=tmp_path / "copy")
    (tmp_path / "copy" / "train").unlink()
    for way in ("../home/person0/private.jpg", str(private)):
        note = json.loads((tmp_path / "copy" / "audit.json").read_text())
        (tmp_path / "copy" / "audit.json").write_text(json.dumps({**note, "files": {way: "0" * 64}}))
        with pytest.raises(FacekitError, match=r"points outside .*copy; delete the entry that names it$"):
            look(split, without=tmp_path / "copy")
    assert read_tree(private.parent) == before


def test_a_tree_of_linked_folders_is_audited_and_copied(split: Path, tmp_path: Path) -> None:
    """Links in a tree of one's own are how many make a split."""
    farm = tmp_path / "farm"
    for part in ("train", "test"):
        (farm / part).mkdir(parents=True)
        for label in ("happy", "sad"):
            (farm / part / label).symlink_to(split / part / label)
    report = look(farm, without=tmp_path / "copy")
    assert crossing(report, "test", "train")["pictures"] == 2
    assert report.made == 20 - 2
    assert not (tmp_path / "copy" / "train" / "happy").is_symlink()


def test_names_neither_compute_nor_begin_lines_nor_turn_what_is_read(tmp_path: Path) -> None:
    root = tmp_path / "t"
    names = ("=1+1.png", "a\nb.png", "\u202egnp.exe")
    for place, name in enumerate(names):
        put(root / "train" / "=cmd" / f"{place}.png", picture(place))
        (root / "train" / "=cmd" / f"{place}.png").rename(root / "train" / "=cmd" / name)
        put(root / "test" / "@sum" / f"{place}.png", picture(place))
    look(root, output=tmp_path / "out")
    cells = [cell for row in rows(tmp_path / "out") for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=cmd" in cells
    drop = (tmp_path / "out" / "drop.txt").read_text().splitlines()
    assert sorted(drop) == sorted([r"train/=cmd/a\nb.png", "train/=cmd/=1+1.png", "train/=cmd/\u202egnp.exe"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "\u202e" not in page
    assert r"\u202egnp.exe" in page
    assert r"a\nb.png" in page


def test_equals_are_named_each_though_there_are_many(tmp_path: Path) -> None:
    """What is proved of one picture holds for all that no eye tells from it, on both sides."""
    root, blank = tmp_path / "many", picture(7)
    for number in range(20):
        put(root / "train" / "a" / f"{number}.jpg", blank, 80 + number)
        put(root / "test" / "a" / f"{number}.jpg", blank, 80 + number)
    put(root / "test" / "a" / "apart.jpg", changed(blank), 95)
    assert MANY < 20 * 20
    report = look(root, output=tmp_path / "out")
    found = crossing(report, "test", "train")
    assert (found["pictures"], found["in_first"], found["same_bytes"]) == (21, 20, 20)
    assert found["pairs"] <= 2 * 20 + 20
    assert len((tmp_path / "out" / "drop.txt").read_text().split()) == 20


def test_what_cannot_be_read_is_counted(split: Path) -> None:
    (split / "test" / "sad" / "broken.jpg").write_bytes(b"")
    (split / "test" / "sad" / "notes.txt").write_text("not a picture at all")
    report = look(split)
    assert report.left == {"empty file": 1, "not a picture": 1}
    assert crossing(report, "test", "train")["of"] == 8


@pytest.mark.parametrize("kind", ["other bytes", "a link", "no hashes"])
def test_a_copy_deletes_what_it_wrote_and_nothing_else(split: Path, tmp_path: Path, kind: str) -> None:
    """A stranger's folder may hold an `audit.json` that names the user's own files in it."""
    look(split, without=tmp_path / "copy")
    file = tmp_path / "copy" / "audit.json"
    note = json.loads(file.read_text())
    mine = tmp_path / "copy" / "diary.txt"
    mine.write_text("mine")
    named = {"diary.txt": "0" * 64}
    if kind == "a link":
        mine.rename(tmp_path / "copy" / "there.txt")
        mine.symlink_to("there.txt")
        named = {"diary.txt": hashlib.sha256(b"mine").hexdigest()}
    file.write_text(json.dumps({**note, "files": ["diary.txt"] if kind == "no hashes" else {**note["files"], **named}}))
    before = read_tree(tmp_path / "copy")
    why = "by an earlier version" if kind == "no hashes" else r"diary\.txt has changed since facekit wrote it; move"
    with pytest.raises(FacekitError, match=why):
        look(split, without=tmp_path / "copy")
    assert read_tree(tmp_path / "copy") == before


def test_folders_without_pictures_are_refused(split: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"^no such file or folder: nowhere; give photos, a folder of photos, or a"):
        look(Path("nowhere"))
    (tmp_path / "empty" / "train").mkdir(parents=True)
    with pytest.raises(FacekitError, match=r"empty has no pictures; give photos, a folder of photos, or a zip or tar"):
        look(tmp_path / "empty")
    with pytest.raises(FacekitError, match=r"overlap: one is inside the other; give one of them, or another tree$"):
        look(split, other=split / "test")


def test_a_dry_run_writes_nothing(split: Path, tmp_path: Path) -> None:
    report = look(split, output=tmp_path / "out", without=tmp_path / "copy", dry_run=True)
    assert report.details["to_leave_out_of_training"] == 3
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "copy").exists()


def test_names_are_escaped(tmp_path: Path) -> None:
    for part, name in (("train", "<b>x</b>"), ("test", "李 & Söhne")):
        put(tmp_path / "t" / part / name.replace("/", "") / "<i>.png", picture(3))
    look(tmp_path / "t", output=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<i>" not in page
    assert "&lt;i&gt;.png" in page
    assert "<b>x" not in page
    assert "李 &amp; Söhne" in page


def test_strict_leaves_with_a_code_that_a_pipeline_sees(split: Path) -> None:
    with pytest.raises(FacekitError, match=r"split: 2 pictures of test are in train too; .* 3 pictures of the first"):
        look(split, strict=True)
    command = [sys.executable, "-m", "facekit", "audit", str(split), "--strict", "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["details"]["crossings"][0]["pictures"] == 2


def test_an_audit_needs_no_extra_but_for_its_page(split: Path, tmp_path: Path) -> None:
    done = lean("audit", split, "--quiet")
    assert (done.returncode, done.stdout.strip()) == (0, str(split))
    done = lean("audit", split, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "--output needs jinja2: pip install 'facekit-cli[train]'" in done.stderr


def test_every_repeat_of_fer2013_is_found(data: Path, tmp_path: Path) -> None:
    """All byte-identical files across its train and test, among some hundred others."""
    if not (data / "fer2013").is_dir():
        pytest.skip("no fer2013 in FACEKIT_DATA")
    groups = defaultdict(list)
    with (data / "fer2013" / "exact_duplicates.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            groups[row["group"]].append(row["file"])
    others = [f"{part.parent.name}/{part.name}/{name}" for part in sorted((data / "fer2013").glob("t*/*"))
              for name in files_in(part)[:30]]  # fmt: skip
    for file in {*others, *(name for names in groups.values() for name in names)}:
        (tmp_path / "fer" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / "fer2013" / file, tmp_path / "fer" / file)
    look(tmp_path / "fer", output=tmp_path / "out")
    found = {(row["first"], row["second"]) for row in rows(tmp_path / "out") if row["kind"] == "same bytes"}
    wanted = {
        (one, other)
        for names in groups.values()
        for one in names
        for other in names
        if one.startswith("train/") and other.startswith("test/")
    }
    assert len({names for names in map(tuple, groups.values()) if len({n[:4] for n in names}) > 1}) == 72
    assert found == wanted


# Whole photos, and what is said of the look


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    """A tree with a split, of photos of which two are one: neither its groups nor its pictures show it."""
    root = plain_tree(tmp_path / "photos", {"Ada": 6, "Bob": 6})
    put(root / "Ada" / "again.jpg", picture(0), 80)
    crop(Crop(input=root, output=tmp_path / "faces", detect=False, size=64, jobs=1))
    faces = tmp_path / "faces"
    one, other = (hashlib.sha256((root / "Ada" / name).read_bytes()).hexdigest() for name in ("0000.png", "again.jpg"))
    lines = []
    for number, record in enumerate(read_lines(faces / MANIFEST, Record)):
        part = "train" if record.origin == one or (record.origin != other and number % 3) else "test"
        if record.origin == other:
            put(faces / record.path, picture(900))
        lines.append(replace(record, split=part, group=record.origin))
    replace_lines(faces / MANIFEST, (line.to_json() for line in lines))
    (faces / GROUPS).unlink()
    return faces


def at_hand(report: Report) -> tuple[int, int]:
    """How many whole photos were compared, and of how many."""
    return report.details["looked"]["whole_photos"], report.details["looked"]["of_photos"]


def test_whole_photos_show_what_their_pictures_do_not(hidden: Path, tmp_path: Path) -> None:
    report = look(hidden, output=tmp_path / "out")
    assert crossing(report, "test", "train")["pairs"] == 0
    (found,) = report.details["photo_crossings"]
    assert (found["first"], found["second"], found["pictures"], found["same_picture"]) == ("train", "test", 1, 1)
    assert report.details["photos_found"].startswith("test in train: 1 of ")
    assert at_hand(report) == (13, 13)
    (row,) = rows(tmp_path / "out")
    assert (row["first"], row["second"]) == ("Ada/0000.png", "Ada/again.jpg")
    assert row["kind"] == "same picture, whole photos"
    (left,) = (tmp_path / "out" / "drop.txt").read_text().split()
    assert (hidden / left).is_file()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Whole photos that these pictures come from" in page
    assert "Of 13 photos that the pictures come from, 13 are available, and compared as a whole too." in page
    with pytest.raises(FacekitError, match=r"1 picture of test is in train too; .* 1 picture of the first"):
        look(hidden, strict=True)
    look(hidden, without=tmp_path / "copy")
    assert at_hand(look(tmp_path / "copy"))[0] == 0, "a copy does not say where its photos are"


def test_photos_that_are_gone_are_counted_and_other_files_are_no_photos(hidden: Path, tmp_path: Path) -> None:
    for name in ("again.jpg", "0001.png"):
        (tmp_path / "photos" / "Ada" / name).unlink()
    put(tmp_path / "photos" / "Ada" / "0001.png", picture(700))
    report = look(hidden, output=tmp_path / "out")
    assert at_hand(report) == (11, 13)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Of 13 photos that the pictures come from, 11 are" in page
    assert "repeats that only the others show are not found" in page


def test_an_audit_says_what_it_looks_for_and_counts_groups(hidden: Path, tmp_path: Path) -> None:
    lines = read_lines(hidden / MANIFEST, Record)
    one, other, third = (line.origin for line in lines[:3])
    replace_lines(hidden / GROUPS, (
        Link(*sorted(pair), reason, "crop", MATCHER).to_json()
        for pair, reason in (((one, other), "same photo"), ((one, third), "burst"))
    ))  # fmt: skip
    details = look(hidden, output=tmp_path / "out").details
    assert details["groups"] == {"from one photo": 0, "same photo": 1, "burst": 1}
    assert details["looked"]["drawn_by"] == {"crop": MATCHER}
    assert details["looked"]["matcher"].startswith(MATCHER)
    assert details["looked_for"] == SEES
    assert details["cannot_see"] == CANNOT_SEE
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"It cannot see {CANNOT_SEE}." in page
    assert "Photos that share a group, by reason: from one photo 0, same photo 1, burst 1." in page
    assert f"groups were drawn in crop by {MATCHER}." in page


def test_an_audit_says_how_often_it_finds_each_edit(hidden: Path, tmp_path: Path) -> None:
    details = look(hidden, output=tmp_path / "out").details
    assert details["looked"]["measured_with"] == measured().matcher
    assert details["recall"] == {one.edit: {"whole": [*one.whole], "faces": [*one.faces]} for one in measured().edits}
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(f"<tr><td>{one.edit}</td><td" in page for one in measured().edits)
    assert f"measured with {measured().matcher} on {measured().photos} real photos" in page
    assert ("so do the embeddings of dlib" in page) == embedders.available("dlib")
    put(tmp_path / "plain" / "Ada" / "0.png", picture(0))
    look(tmp_path / "plain", output=tmp_path / "out of a plain one")
    page = (tmp_path / "out of a plain one" / "report.html").read_text()
    assert "embeddings do not, because there is no record that" in page
    assert "it is not known which photos they come from" in page


def test_a_run_is_audited_as_closely_as_its_tree(hidden: Path, tmp_path: Path) -> None:
    """Whole photos, and the groups of the folder that the run was trained on."""
    lines = read_lines(hidden / MANIFEST, Record)
    pair = sorted(line.origin for line in lines)[:2]
    replace_lines(hidden / GROUPS, [Link(*pair, "burst", "crop", MATCHER).to_json()])
    held = [replace(line, sha256=hashlib.sha256((hidden / line.path).read_bytes()).hexdigest()) for line in lines]
    run = _run(hidden, tmp_path / "run", held)
    report, tree = look(run, output=tmp_path / "out"), look(hidden)
    assert at_hand(report) == at_hand(tree) == (13, 13)
    for name in ("photo_crossings", "groups", "to_leave_out_of_training"):
        assert report.details[name] == tree.details[name]
    assert report.details["photo_crossings"][0]["pictures"] == 1
    assert [row["kind"] for row in rows(tmp_path / "out")] == ["same picture, whole photos"]


def test_a_run_whose_pictures_have_all_changed_leads_to_no_other_file(hidden: Path, tmp_path: Path) -> None:
    lines = read_lines(hidden / MANIFEST, Record)
    run = _run(hidden, tmp_path / "run", [replace(line, sha256="0" * 64) for line in lines])
    report = look(run)
    assert (report.kept, at_hand(report)) == (0, (0, 0))


def test_photos_behind_links_are_at_hand(hidden: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """People keep their photos by links, to folders and to files; only bytes tell that a file is the photo."""
    photos = tmp_path / "photos"
    (photos / "Ada").rename(tmp_path / "elsewhere")
    (photos / "Ada").symlink_to(tmp_path / "elsewhere")
    (photos / "Bob" / "0006.png").rename(tmp_path / "moved.png")
    (photos / "Bob" / "0006.png").symlink_to(tmp_path / "moved.png")
    assert at_hand(look(hidden)) == (13, 13)
    assert "missing, so not compared" not in caplog.text
    put(tmp_path / "moved.png", picture(701))
    assert at_hand(look(hidden)) == (12, 13)
    assert "of 13 photos that the pictures come from, 1 is missing, so not compared" in caplog.text
    (photos / MANIFEST).write_text("")  # a folder of a stranger's: its links lead nowhere
    assert at_hand(look(hidden))[0] == 5


def test_groups_in_two_parts_are_counted(hidden: Path) -> None:
    lines = read_lines(hidden / MANIFEST, Record)
    replace_lines(hidden / MANIFEST, (replace(line, group="a" * 64).to_json() for line in lines))
    tests = sum(line.split == "test" for line in lines)
    assert look(hidden).details["of_a_group_in_an_earlier_part"] == tests


def test_a_copy_keeps_its_groups(hidden: Path, tmp_path: Path) -> None:
    origins = sorted(line.origin for line in read_lines(hidden / MANIFEST, Record))
    link = Link(*origins[:2], "burst", "crop", MATCHER)
    replace_lines(hidden / GROUPS, [link.to_json()])
    look(hidden, without=tmp_path / "copy")
    copied = Dataset.open(tmp_path / "copy")
    assert (copied.links, copied.info.matchers) == ([link], {"crop": MATCHER})
