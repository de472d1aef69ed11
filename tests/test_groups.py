"""Groups through the pipeline: drawn as early as a photo can be known, carried on, never undone."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from colours import colours as colours
from conftest import picture, plain_tree, records
from hypothesis import given
from hypothesis import strategies as st
from patches import patch, tree
from plainengine import ENGINES
from plainweb import Plain
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import FacekitError, Image, Link, Record, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.audit import audit
from facekit.commands.augment import augment
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.evaluate import evaluate
from facekit.commands.scrape import scrape
from facekit.commands.train import train
from facekit.dataset import GROUPS, INFO, MANIFEST, REJECTED, Dataset, derive_id
from facekit.dataset.groups import Join, components, draw_groups, leave_out_joined, links_about
from facekit.dataset.reasons import JOINED
from facekit.identity.groups import grouped
from facekit.identity.likeness import MATCHER
from facekit.options.audit import Audit
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.crop import Crop
from facekit.options.evaluate import Evaluate
from facekit.options.scrape import Scrape
from facekit.options.train import Train
from facekit.world.web import serve


def edited(image: Image) -> bytes:
    """A picture as another site has it: smaller and compressed."""
    side = image.shape[0] * 3 // 4
    return images.encode(np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8), 80)


def links(root: Path) -> list[Link]:
    return read_lines(root / GROUPS, Link)


def matchers(root: Path) -> dict[str, str]:
    return dict(json.loads((root / INFO).read_text()).get("matchers", {}))


def groups(root: Path) -> dict[str, str | None]:
    """Origin -> group."""
    return {record.origin: record.group for record in records(root)}


def sha(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def cut(source: Path, out: Path) -> Path:
    """Crop pictures that are faces already."""
    crop(Crop(input=source, output=out, detect=False, size=64, jobs=2))
    return out


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two names; a photo of Ada stands under Bob too, edited, and once more under her own name."""
    root = plain_tree(tmp_path / "photos", {"Ada": 6, "Bob": 6})
    (root / "Bob" / "edited.jpg").write_bytes(edited(picture(0)))
    (root / "Ada" / "edited.jpg").write_bytes(images.encode(picture(1), 70))
    return root


# Records alone


def photo(number: int, **values: str | None) -> Record:
    id = derive_id(str(number), "photo", "x")
    return replace(Record(id, id, f"A/{id[:16]}.jpg", "A", "A", id), **values)


def link(one: int, other: int) -> Link:
    first, second = sorted((photo(one).origin, photo(other).origin))
    return Link(first, second)


PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] != pair[1]), max_size=6)


@given(st.sets(st.integers(0, 9), min_size=1), PAIRS, PAIRS)
def test_groups_only_grow(numbers: set[int], before: list[tuple[int, int]], more: list[tuple[int, int]]) -> None:
    first = draw_groups([photo(n) for n in sorted(numbers)], links=[link(*pair) for pair in before])
    second = draw_groups(first, links=[link(*pair) for pair in more])
    name = {record.origin: record.group for record in second}
    for one in first:
        for other in first:
            if one.group == other.group:
                assert name[one.origin] == name[other.origin]


def test_two_that_are_one_with_a_third_stay_together_when_it_is_gone() -> None:
    one, other = draw_groups([photo(1), photo(3)], links=[link(1, 2), link(2, 3)])
    assert one.group == other.group
    kept = links_about([link(1, 2), link(2, 3), link(7, 8)], [photo(1).origin, photo(3).origin])
    assert kept == sorted([link(1, 2), link(2, 3)], key=lambda found: (found.first, found.second))


def test_the_earliest_part_keeps_what_is_joined() -> None:
    parts = ("test", "train", "validation", "test", "validation", "test")
    group = ("g", "g", "g", "h", "h", None)
    found = [photo(n, split=part, group=name) for n, (part, name) in enumerate(zip(parts, group, strict=True))]
    stay, joins = leave_out_joined(found)
    assert stay == [found[1], found[4], found[5]]
    assert joins == [Join(found[0], found[1]), Join(found[2], found[1]), Join(found[3], found[4])]


def test_a_photo_that_stands_in_two_parts_itself_stays_to_be_refused() -> None:
    train, test = photo(1, split="train", group="g"), photo(1, split="test", group="g", path="A/again.jpg")
    assert leave_out_joined([train, test]) == ([train, test], [])


# Stages


def test_one_photo_has_one_group(tmp_path: Path) -> None:
    root = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 3})
    (root / "Bob" / "again.jpg").write_bytes(images.encode(picture(0)))
    (root / "Bob" / "broken.jpg").write_bytes(b"no picture")
    drawn = grouped(Dataset.open(root), "train")
    found = {r.path: r.group for r in drawn.records}
    assert found["Ada/0000.png"] == found["Bob/again.jpg"]
    assert len(set(found.values())) == 7
    assert [(one.reason, one.stage, one.matcher) for one in drawn.links] == [("same photo", "train", MATCHER)]
    assert [r.group for r in records(root)] == [None] * 8


def test_groups_that_are_there_are_kept_without_a_look(tmp_path: Path) -> None:
    dataset = grouped(Dataset.open(plain_tree(tmp_path / "in", {"Ada": 3})), "train")
    for file in (tmp_path / "in" / "Ada").iterdir():
        file.unlink()
    assert grouped(dataset, "train") is dataset


def test_crop_groups_whole_photos_and_says_why(photos: Path, tmp_path: Path) -> None:
    out = cut(photos, tmp_path / "faces")
    found = groups(out)
    one, other = sha(photos / "Ada/0000.png"), sha(photos / "Bob/edited.jpg")
    assert found[one] == found[other] == min(one, other)
    assert len(set(found.values())) == 12
    assert {(line.first, line.second) for line in links(out)} >= {(min(one, other), max(one, other))}
    assert {(line.reason, line.stage, line.matcher) for line in links(out)} == {("same photo", "crop", MATCHER)}
    assert matchers(out) == {"crop": MATCHER}


def test_a_group_goes_through_every_stage(photos: Path, tmp_path: Path) -> None:
    faces = cut(photos, tmp_path / "faces")
    # What tells that two faces are one photo is lost: only the groups of whole photos know it.
    for record in records(faces):
        if record.origin == sha(photos / "Bob/edited.jpg"):
            (faces / record.path).write_bytes(images.encode(picture(500)))
    clean(Clean(input=faces, output=tmp_path / "clean", embedder="none", min_images=3, min_side=1, min_sharpness=0))
    balance(Balance(input=tmp_path / "clean", output=tmp_path / "even", count=8, jobs=1))
    augment(Augment(input=tmp_path / "even", output=tmp_path / "full", count=10, jobs=1))
    one, other = sha(photos / "Ada/0000.png"), sha(photos / "Bob/edited.jpg")
    for name in ("clean", "even", "full"):
        out = tmp_path / name
        pair = [record for record in records(out) if record.origin in (one, other)]
        assert {record.origin for record in pair} == {one, other}, name
        assert len({record.group for record in pair}) == 1
        assert len({record.split for record in pair}) == 1
        assert links(out) == links(faces)
    assert matchers(tmp_path / "full") == {"crop": MATCHER, "clean": MATCHER}


def test_more_photos_unite_earlier_groups(tmp_path: Path) -> None:
    """One picture in two halves: only the whole of it, which comes later, shows that both are one photo."""
    root, image = plain_tree(tmp_path / "photos", {"Ada": 4}), picture(0)
    (root / "Ada" / "small.jpg").write_bytes(edited(image))
    out = cut(root, tmp_path / "faces")
    before = groups(out)
    (root / "Ada" / "mine.jpg").write_bytes(images.encode(image, 60))
    (root / "Bob").mkdir()
    (root / "Bob" / "mine.jpg").write_bytes(images.encode(picture(2), 60))
    whole = cut(root, tmp_path / "whole")
    cut(root, out)
    assert records(out) == records(whole)
    after = groups(out)
    assert len(set(after.values())) == 4
    for one in before:
        for other in before:
            assert before[one] != before[other] or after[one] == after[other]


def test_a_group_outlives_the_photo_that_it_is_known_by(photos: Path, tmp_path: Path) -> None:
    out = cut(photos, tmp_path / "faces")
    pair = [sha(photos / "Ada/0000.png"), sha(photos / "Bob/edited.jpg")]
    replace_lines(out / GROUPS, (Link(*sorted((one, "f" * 64))).to_json() for one in pair))  # seen through a third
    lines = [replace(record, group=None) for record in read_lines(out / MANIFEST, Record)]
    replace_lines(out / MANIFEST, (line.to_json() for line in lines))
    (photos / "Ada" / "new.png").write_bytes(images.encode_png(picture(900)))
    cut(photos, out)
    found = groups(out)
    assert found[pair[0]] == found[pair[1]]
    assert {link.second for link in links(out)} >= {"f" * 64}


def test_a_folder_without_groups_is_read_and_a_broken_line_is_refused(photos: Path, tmp_path: Path) -> None:
    out = cut(photos, tmp_path / "faces")
    (out / GROUPS).unlink()
    assert Dataset.open(out).links == []
    (out / GROUPS).write_text('{"first": "../x", "second": "y"}\n')
    with pytest.raises(FacekitError, match=r"groups.jsonl, line 1 is not in facekit's format \(`first` is '../x'"):
        Dataset.open(out)


def test_another_matcher_is_said(photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = cut(photos, tmp_path / "faces")
    drawn_by(out, {"crop": "pixels-1+dlib"})
    (photos / "Ada" / "new.png").write_bytes(images.encode_png(picture(900)))
    cut(photos, out)
    assert f"its groups were drawn by pixels-1+dlib before, and by {MATCHER} now" in caplog.text
    assert matchers(out) == {"crop": MATCHER}
    caplog.clear()
    cut(photos, out)
    assert "its groups" not in caplog.text


def test_what_another_matcher_drew_is_drawn_again(photos: Path, tmp_path: Path) -> None:
    """Nothing else has changed: the folder is complete, from this very input."""
    out = cut(photos, tmp_path / "faces")
    options = Clean(input=out, output=tmp_path / "clean", embedder="none", min_images=3, min_side=1, min_sharpness=0)
    clean(options)
    for root, again in ((out, lambda: cut(photos, out)), (options.output, lambda: clean(options))):
        drawn_by(root, {**matchers(root), "crop": "pixels-0", "clean": "pixels-0"})
        again()
        assert "pixels-0" not in matchers(root)[root.name.replace("faces", "crop")]


def test_trees_of_two_matchers_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, other, plain = (plain_tree(tmp_path / name, {"Ada": 2, "Bob": 2}) for name in ("one", "other", "plain"))
    for root in (one, other):
        cut(root, root.with_suffix(".faces"))
    one, other = one.with_suffix(".faces"), other.with_suffix(".faces")
    drawn_by(one, {"crop": MATCHER, "clean": MATCHER})
    audit(Audit(folder=one, other=plain))
    audit(Audit(folder=one, other=other))
    assert "different matchers" not in caplog.text
    drawn_by(other, {"crop": MATCHER, "clean": f"{MATCHER}+dlib"})
    audit(Audit(folder=one, other=other))
    assert f"are grouped by different matchers ({MATCHER} and {MATCHER}+dlib, in clean)" in caplog.text


def drawn_by(root: Path, by: dict[str, str]) -> None:
    info = json.loads((root / INFO).read_text()) if (root / INFO).exists() else {"complete": True}
    (root / INFO).write_text(json.dumps({**info, "matchers": by}))


class Searched(Plain):
    """Serves distinct photos by number, and photo 0 edited."""

    def picture(self, path: str) -> bytes | None:
        name = path.rpartition("/")[2]
        if not name.endswith(".jpg"):
            return None  # robots.txt
        image = picture(0 if name == "edited.jpg" else int(name.partition(".")[0]), 160)
        return edited(image) if name == "edited.jpg" else images.encode(image)


def test_scrape_groups_photos_and_crop_keeps_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})
    found = {"more Ada": ["/0.jpg", "/1.jpg", "/2.jpg"], "more Bob": ["/edited.jpg", "/3.jpg"]}
    raw, faces = tmp_path / "raw", tmp_path / "faces"
    with serve(Searched(found)) as web:
        scrape(Scrape(names=["Ada", "Bob"], output=raw, engine="plain", base_url=web.base_url, per_name=3, bots=1))
    assert len(records(raw)) == 5
    assert len(set(groups(raw).values())) == 4
    assert [(link.reason, link.stage) for link in links(raw)] == [("same photo", "scrape")]
    cut(raw, faces)
    assert groups(faces) == groups(raw)
    assert links(faces) == links(raw)
    assert matchers(faces) == {"scrape": MATCHER}


# A split that is drawn


@pytest.fixture
def crossed(tmp_path: Path) -> Path:
    """A tree whose split knows nothing of it: a test and a validation picture of person0 are in training too."""
    faces = tree(tmp_path / "faces")
    lines = read_lines(faces / MANIFEST, Record)
    held = {part: next(r for r in lines if r.split == part) for part in ("test", "validation")}
    data = {held[part].path: edited(patch(0, number)) for number, part in enumerate(held)}
    for path, jpeg in data.items():
        (faces / path).write_bytes(jpeg)
    replace_lines(faces / MANIFEST, (
        replace(line, sha256=sha(faces / line.path), id=sha(faces / line.path), origin=sha(faces / line.path),
                group=sha(faces / line.path)).to_json() for line in lines
    ))  # fmt: skip
    return faces


NETWORK = {"network": "cnn3", "size": 32, "epochs": 1, "batch": 8}
"""A linear head takes milliseconds, but its embedder takes part in telling which photos are the same."""


def model(faces: Path, **how: Any) -> Path:
    run = faces.parent / "run"
    train(Train(input=faces, output=run, **(how or {"backbone": "colours"})))
    return run


def test_train_leaves_out_what_is_joined_and_says_so(crossed: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = model(crossed, **NETWORK)
    assert "2 pictures are left out, because an earlier part of the split shows the same photo" in caplog.text
    assert "(the first: person0/" in caplog.text
    assert "in test, like person0/" in caplog.text
    trained = runs.load(run)
    assert trained.info.left == {JOINED: 2}
    assert (trained.info.split.train, trained.info.split.test, trained.info.split.validation) == (24, 8, 8)
    assert trained.info.matchers == {"train": MATCHER}
    assert evaluate(Evaluate(run=run)).left == {}


def test_evaluate_leaves_out_what_is_joined_since(crossed: Path, caplog: pytest.LogCaptureFixture) -> None:
    drawn_by(crossed, {"clean": MATCHER})  # so that `train` believes what it is told
    run = model(crossed, **NETWORK)
    assert "pictures are left out" not in caplog.text
    assert evaluate(Evaluate(run=run)).left == {}
    trained = runs.load(run)
    trained.save(replace(trained.info, matchers={}))  # as 0.1.0 wrote both
    drawn_by(crossed, {})
    report = evaluate(Evaluate(run=run))
    assert report.left == {JOINED: 1}
    assert report.kept == 8
    assert "run: 1 picture is left out, because an earlier part" in caplog.text


def test_evaluate_takes_up_groups_that_grew_in_the_folder(tmp_path: Path, colours: str) -> None:
    faces = tree(tmp_path / "faces")
    drawn_by(faces, {"clean": MATCHER})
    run = model(faces)
    lines = read_lines(faces / MANIFEST, Record)
    held = next(r for r in lines if r.split == "test")
    train_one = next(r for r in lines if r.split == "train")
    replace_lines(faces / GROUPS, [Link(*sorted((held.origin, train_one.origin)), "burst").to_json()])
    assert evaluate(Evaluate(run=run)).left == {JOINED: 1}


def test_evaluate_says_that_other_data_was_grouped_by_another_matcher(
    tmp_path: Path, colours: str, caplog: pytest.LogCaptureFixture
) -> None:
    faces, others = tree(tmp_path / "faces"), tree(tmp_path / "others")
    drawn_by(faces, {"clean": f"{MATCHER}+dlib"})
    drawn_by(others, {"clean": MATCHER})
    (others / "person0" / "new.png").write_bytes(images.encode_png(patch(0, 99)))
    evaluate(Evaluate(run=model(faces), data=others))
    assert f"are grouped by different matchers ({MATCHER}+dlib and {MATCHER}, in clean)" in caplog.text


@pytest.mark.parametrize("stage", ["balance", "augment"])
def test_a_stage_leaves_out_what_is_joined(crossed: Path, tmp_path: Path, stage: str) -> None:
    out = tmp_path / "out"
    report = (
        balance(Balance(input=crossed, output=out, count=12, jobs=1))
        if stage == "balance"
        else augment(Augment(input=crossed, output=out, count=16, jobs=1))
    )
    assert report.left[JOINED] == 2
    lines = [json.loads(line) for line in (out / REJECTED).read_text().splitlines()]
    assert all(line["value"].startswith("person0/") for line in lines if line["reason"] == JOINED)
    assert leave_out_joined(records(out))[1] == []
    assert matchers(out) == {stage: MATCHER}


# Real photos


def known_pairs(data: Path, table: str, relations: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of hashes of real photos that are listed with one of some relations."""
    raw, column = data / "scraped" / "raw", "kind" if table == "near_duplicates" else "relation"
    with (data / "scraped" / f"{table}.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row[column] in relations]
    files = [[raw / row["person"] / row[name] for name in ("file_a", "file_b")] for row in rows]
    return [(sha(one), sha(other)) for one, other in files if one.is_file() and other.is_file()]


@pytest.mark.slow
def test_no_known_pair_of_real_photos_crosses_the_split(data: Path, tmp_path: Path) -> None:
    """Whole photos are known by pairs that faces alone do not show; photos that share a print are apart."""
    crop(Crop(input=data / "scraped" / "raw", output=tmp_path / "faces", faces="all"))
    clean(Clean(input=tmp_path / "faces", output=tmp_path / "clean", min_images=5))
    for source, out in (("clean", "even"), ("faces", "even with repeats")):
        balance(Balance(input=tmp_path / source, output=tmp_path / out, count=40))
    same = known_pairs(data, "near_duplicates", ("exact", "near"))
    traps = known_pairs(data, "likeness_extra", ("different",))
    assert (len(same), len(traps)) == (40, 48)
    for name in ("faces", "clean", "even", "even with repeats"):
        found: dict[str, str] = {record.origin: record.group or "" for record in records(tmp_path / name)}
        assert all(found[one] == found[other] for one, other in same if {one, other} <= found.keys()), name
        assert not any(found[one] == found[other] for one, other in traps if {one, other} <= found.keys()), name
        parts = defaultdict(set)
        for record in records(tmp_path / name):
            parts[record.group].add(record.split)
        assert all(len(found) == 1 for found in parts.values())


def test_a_pair_that_only_whole_photos_show_is_known_after_crop(data: Path, tmp_path: Path) -> None:
    raw = data / "scraped" / "raw"
    (one, other) = files = next(
        (found[0], found[1])
        for name in ("6adbc1218c.jpg",)
        if (found := sorted([*raw.glob(f"*/{name}"), *raw.glob("*/83f9de72c1.jpg")]))
    )
    for file in [*files, *sorted(file for file in one.parent.glob("*.jpg") if file not in files)[:4]]:
        (tmp_path / "photos" / "Ada").mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / "photos" / "Ada" / file.name)
    crop(Crop(input=tmp_path / "photos", output=tmp_path / "faces"))
    found = groups(tmp_path / "faces")
    assert {sha(one), sha(other)} <= found.keys()
    assert found[sha(one)] == found[sha(other)]


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_components_are_numbered_as_scipy_does(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, links = graph
    rows, columns = np.array(links, np.int64).reshape(-1, 2).T
    matrix = coo_array((np.ones(len(links), np.int8), (rows, columns)), shape=(count, count))
    assert np.array_equal(components(count, links), connected_components(matrix, directed=False)[1])
