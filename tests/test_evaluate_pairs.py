"""Scoring pairs of photos: what is written, groups, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from pages import check_alone
from patches import edit, patch, tree

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError, Report, replace
from facekit.commands.evaluate_pairs import evaluate_pairs
from facekit.commands.evaluate_pairs.faces import Subject, crop_for, photos_of
from facekit.commands.train import train
from facekit.dataset import INFO, MANIFEST, Dataset, pairlists
from facekit.identity.embedders import embed_dataset
from facekit.identity.embedders.backbone import version_of
from facekit.options.crop import CarriedCrop
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.train import Train
from facekit.runs import Backbone

PEOPLE = ("Ada", "Bob", "Eve")


class World(NamedTuple):
    root: Path
    """Plain photos, `Ada/Ada_0001.png` and so on: ones that the run has not learned from."""
    run: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    faces = tree(folder / "faces")
    train(Train(input=faces, output=folder / "run", network="cnn3", size=32, epochs=15, batch=8, stop_at=1))
    for label, name in enumerate(PEOPLE):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(1, 7):
            (folder / "photos" / name / f"{name}_{number:04d}.jpg").write_bytes(
                images.encode(patch(label, 900 + number, 64))
            )
    return World(folder / "photos", folder / "run")


@pytest.fixture
def photos(world: World, tmp_path: Path) -> Path:
    """A copy of the photos, to be changed."""
    return Path(shutil.copytree(world.root, tmp_path / "photos"))


def _all_pairs(last: int = 4) -> Iterator[tuple[str, str, int]]:
    paths = [f"{name}/{name}_{number:04d}.jpg" for name in PEOPLE for number in range(1, last)]
    for place, first in enumerate(paths):
        for second in paths[place + 1 :]:
            yield first, second, int(first[:3] == second[:3])


def _write(file: Path, rows: Any, header: str = "first,second,same") -> Path:
    file.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return file


def _text(tmp_path: Path, text: str) -> Path:
    (tmp_path / "pairs.txt").write_text(text)
    return tmp_path / "pairs.txt"


def _verify(run: Path, pairs: Path, **more: Any) -> Report:
    return evaluate_pairs(EvaluatePairs(run=run, pairs=pairs, **{"rounds": 20, **more}))


def _scores(report: Report) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(Path(report.folder, "scores.json").read_text())
    return result


def test_a_run_is_scored_on_pairs(world: World, tmp_path: Path) -> None:
    pairs = _write(tmp_path / "pairs.csv", _all_pairs())
    tuning = _write(tmp_path / "tuning.csv", [("Eve/Eve_0005.jpg", "Eve/Eve_0006.jpg", 1),
                                              ("Eve/Eve_0005.jpg", "Bob/Bob_0006.jpg", 0)])  # fmt: skip
    report = _verify(world.run, pairs, data=world.root, threshold_from=tuning)
    assert report.folder == str(world.run / "evaluation-pairs-pairs")
    assert (report.kept, report.left) == (9, {})
    result = _scores(report)
    counts = result["counts"]
    assert (counts["pairs"], counts["compared"], counts["matched"], counts["mismatched"]) == (36, 36, 9, 27)
    assert (counts["people"], counts["people_known"]) == (3, "by folder")
    assert result["embedder"]["name"] == "run"
    # Its own vectors, and distances as NumPy takes them.
    listed = pairlists.read(pairs)
    found = embed_dataset(photos_of(listed, world.root, lambda items, *_, **__: iter(items)), str(world.run)).vectors
    unit = dict(zip(listed.photos, found / np.linalg.norm(found, axis=1, keepdims=True), strict=True))
    far = np.array([1 - unit[pair.first] @ unit[pair.second] for pair in listed.pairs])
    same = np.array([pair.same for pair in listed.pairs])
    assert result["scores"]["auc"] == pytest.approx((far[same][:, None] < far[~same]).mean(), abs=1e-3)
    assert result["scores"]["auc"] > 0.9
    assert result["unresolved"] == [0.01, 0.001]
    own, best = result["points"]
    assert (own["from"], best["from"]) == ("the embedder's own", "best on tuning.csv")
    for point in (own, best):
        taken = far <= point["threshold"]
        assert point["accuracy"] == pytest.approx((taken == same).mean())
        assert point["fmr"] == pytest.approx(taken[~same].mean())
        assert point["left_out_rejected"]["accuracy"] == pytest.approx(point["accuracy"])
    low, high = best["intervals"]["accuracy"]
    assert low <= best["accuracy"] <= high
    assert result["banners"] == ["2 of the 3 people are in tuning.csv too: the threshold was chosen on them"]
    assert report.details["accuracy"] == pytest.approx(best["accuracy"], abs=1e-4)
    assert report.details["accuracy_interval"] == pytest.approx([low, high], abs=1e-4)


def test_the_page_stands_alone_and_names_are_escaped(world: World, photos: Path, tmp_path: Path) -> None:
    (photos / "Eve").rename(photos / "<script>alert(1)&李")
    rows = [(*(path.replace("Eve/", "<script>alert(1)&李/") for path in row[:2]), row[2]) for row in _all_pairs()]
    report = _verify(world.run, _write(tmp_path / "pairs.csv", rows), data=photos, output=tmp_path / "report")
    page = check_alone(Path(report.details["report"]))
    assert page.count("data-chart=") == 3
    assert page.count("data:image/jpeg;base64,") == 32
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&amp;李" in page
    assert "One person, farthest apart" in page


def test_photos_without_a_face_are_counted_and_named_and_their_pairs_left_out(
    world: World, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "Ada" / "Ada_0001.jpg").write_bytes(b"")
    (photos / "Eve" / "Eve_0003.jpg").unlink()
    report = _verify(world.run, _write(photos / "pairs.csv", _all_pairs()), output=photos / "report")
    assert report.left == {"empty file": 1, "cannot be read": 1}
    assert report.kept == 7
    assert "2 photos are left out: Ada/Ada_0001.jpg (empty file), Eve/Eve_0003.jpg (cannot be read)" in caplog.text
    result = _scores(report)
    assert [one["path"] for one in result["unread"]] == ["Ada/Ada_0001.jpg", "Eve/Eve_0003.jpg"]
    counts = result["counts"]
    assert (counts["pairs"], counts["compared"]) == (36, 21)
    assert (counts["matched_left_out"], counts["mismatched_left_out"]) == (4, 11)
    point = result["points"][0]
    right = point["accuracy"] * 21
    assert point["left_out_rejected"]["accuracy"] == pytest.approx((right + 11) / 36)
    assert point["left_out_rejected"]["frr"] == pytest.approx((point["fnmr"] * 5 + 4) / 9)
    assert report.details["pairs_left_out"] == 15
    assert report.details["accuracy with those left out as rejected"] == pytest.approx((right + 11) / 36, abs=1e-4)
    page = Path(report.details["report"]).read_text()
    assert "15</b>" in page
    assert "Eve/Eve_0003.jpg: cannot be read" in page
    assert "1 photo: empty file" in page


def test_folds_of_lfw_are_scored_by_its_protocol(world: World, tmp_path: Path) -> None:
    lines = ["3\t2"]
    for one, other in (("Ada", "Bob"), ("Bob", "Eve"), ("Eve", "Ada")):
        lines += [f"{one}\t1\t2", f"{one}\t1\t3", f"{one}\t1\t{other}\t1", f"{one}\t2\t{other}\t2"]
    report = _verify(world.run, _text(tmp_path, "\n".join(lines)), data=world.root, output=tmp_path / "report")
    folds = _scores(report)["folds"]
    accuracies = [row["accuracy"] for row in folds["of_folds"]]
    assert len(accuracies) == 3
    assert folds["accuracy"] == pytest.approx(np.mean(accuracies))
    assert folds["standard_error"] == pytest.approx(np.std(accuracies, ddof=1) / np.sqrt(3))
    assert report.details["accuracy, mean of folds"] == pytest.approx(np.mean(accuracies), abs=1e-4)
    assert "mean of 3 folds" in Path(report.details["report"]).read_text()


def test_groups_from_a_table(world: World, photos: Path, tmp_path: Path) -> None:
    # One of Ada's shows Eve: so y, and not x, has pairs that are taken for the other kind.
    shutil.copy(photos / "Eve" / "Eve_0006.jpg", photos / "Ada" / "Ada_0003.jpg")
    table = _write(tmp_path / "who.csv", [(f"{name}_{number:04d}", "x" if name == "Eve" else "y")
                                          for name in PEOPLE for number in range(1, 4)
                                          if (name, number) != ("Bob", 3)], "image,kind")  # fmt: skip
    pairs = _write(tmp_path / "pairs.csv", _all_pairs())
    report = _verify(world.run, pairs, data=photos, output=tmp_path / "report", by="kind", table=table)
    result = _scores(report)
    rows = {row["group"]: row for row in result["groups"]}
    assert list(rows) == ["x", "y", "x / y"]
    # Of y: three photos of Ada and two of Bob; the third of Bob is in no group.
    sizes = {name: (row["matched"], row["mismatched"], row["mixed"]) for name, row in rows.items()}
    assert sizes == {"x": (3, 0, False), "y": (4, 6, False), "x / y": (0, 15, True)}
    assert result["counts"]["in_no_group"] == 8
    assert rows["x"]["scores"]["fmr 0"] is None
    assert rows["x / y"]["scores"]["auc"] is None
    gaps = {gap["rate"]: gap for gap in result["gaps"]}
    assert gaps.keys() == {"accuracy", "fnmr"}, "x alone has no pairs of two people, mixed ones count for nothing"
    both = {name: rows[name]["scores"]["accuracy 0"] for name in ("x", "y")}
    assert gaps["accuracy"]["gap"] == pytest.approx(abs(both["x"] - both["y"]))
    assert (gaps["accuracy"]["worse"], gaps["accuracy"]["better"]) == ("y", "x")
    low, high = gaps["accuracy"]["interval"]
    assert low <= gaps["accuracy"]["gap"] <= high
    assert report.details["accuracy of 10 pairs y"]
    page = Path(report.details["report"]).read_text()
    assert "Two people of different groups are easier to tell apart" in page
    assert "8 pairs are in no group" in page


def test_groups_from_a_column_of_the_list(world: World, tmp_path: Path) -> None:
    rows = [(*row, "night" if place % 2 else "day") for place, row in enumerate(_all_pairs())]
    pairs = _write(tmp_path / "pairs.csv", rows, "first,second,same,light")
    report = _verify(world.run, pairs, data=world.root, output=tmp_path / "report", by="light", rounds=0)
    result = _scores(report)
    assert [(row["group"], row["pairs"], row["intervals"]) for row in result["groups"]] == [
        ("day", 18, {}),
        ("night", 18, {}),
    ]
    assert all(gap["interval"] is None for gap in result["gaps"])
    assert result["intervals"]["auc"] is None
    assert "95% intervals" not in Path(report.details["report"]).read_text()


def test_groups_of_which_nothing_is_known_are_refused(world: World, tmp_path: Path) -> None:
    pairs = _write(tmp_path / "pairs.csv", _all_pairs())
    with pytest.raises(
        FacekitError, match=r"^--by age is not a column of .*pairs\.csv, and the photos in .* have none; give --"
    ):
        _verify(world.run, pairs, data=world.root, output=tmp_path / "report", by="age")
    assert not (tmp_path / "report").exists()


def test_a_folder_of_facekits_own_knows_its_faces(world: World, tmp_path: Path) -> None:
    """The manifest's records are taken: what they say of each picture, and that they are drawn."""
    faces = tmp_path / "faces"
    tree(faces, labels=3, split=("test",) * 3)
    lines = [json.loads(line) for line in (faces / MANIFEST).read_text().splitlines()]
    for line in lines:
        line["targets"] = {"colour": "red" if line["label"] == "person0" else "other"}
    (faces / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (faces / INFO).write_text('{"drawn": true, "complete": true}')
    paths = [line["path"] for line in lines]
    rows = [(a, b, int(a[:7] == b[:7])) for place, a in enumerate(paths) for b in paths[place + 1 :]]
    pairs = _write(tmp_path / "pairs.csv", rows)
    result = _scores(_verify(world.run, pairs, data=faces, output=tmp_path / "report", by="colour"))
    assert [row["group"] for row in result["groups"]] == ["other", "red", "other / red"]
    assert result["banners"] == [
        "the model was trained on 3 of these 3 people: this score does not show how well it works on strangers",
        "these faces are drawn by facekit: the score proves nothing about real faces",
    ]


def test_faces_of_whole_photos_are_found_first(drawn_photos: Path, tmp_path: Path) -> None:
    folders = sorted(folder for folder in drawn_photos.iterdir() if folder.is_dir())
    paths = [str(path.relative_to(drawn_photos)) for folder in folders for path in sorted(folder.iterdir())[:6]]
    rows = [
        (first, second, int(Path(first).parent == Path(second).parent))
        for place, first in enumerate(paths)
        for second in paths[place + 1 :]
    ]
    pairs, output = _write(tmp_path / "pairs.csv", rows), tmp_path / "report"
    report = _verify(Path("dlib"), pairs, data=drawn_photos, output=output, rounds=0)
    found = _scores(report)
    assert 0 < report.left["no face"] < len(paths) / 2, "some drawn photos show none"
    assert found["counts"]["compared"] < len(rows)
    again = _scores(_verify(Path("dlib"), pairs, data=drawn_photos, output=output, rounds=0, jobs=1))
    assert again == found, "the second time from the cache"
    taken = _verify(Path("dlib"), pairs, data=drawn_photos, output=output, rounds=0, detect=False)
    assert taken.left["no face"] == 0, "each is taken for a face"
    assert _scores(taken)["scores"] != found["scores"]


def test_faces_are_found_as_suits_the_model(world: World, drawn_faces: Path, tmp_path: Path) -> None:
    plain = Dataset(world.root, [])

    def detector(run: Path, photos: Dataset = plain, **more: Any) -> tuple[str, int] | None:
        crop = crop_for(EvaluatePairs(run=run, pairs=Path("pairs.csv"), **more), Subject.of(run), photos)
        return None if crop is None else (crop.detector, crop.size)

    assert detector(Path("dlib-mirrored")) == ("dlib", 160)
    assert detector(Path("sface")) == ("yunet", 160)
    assert detector(Path("dlib"), detector="haar") == ("haar", 160)
    assert detector(Path("dlib"), detect=False) is None
    assert detector(Path("dlib"), Dataset.open(drawn_faces)) is None, "`crop` has cut them"
    assert detector(world.run) is None, "it learned from pictures as they were"
    run = Path(shutil.copytree(world.run, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation*")))
    edit(run, crop=CarriedCrop(margin=0.2, size=96, detector="dlib"))
    assert detector(run) == ("dlib", 96), "as its own pictures were cut"
    assert detector(run, detector="haar") == ("haar", 96)


def test_a_linear_head_stands_for_its_backbone(world: World, tmp_path: Path) -> None:
    """Its own names play no part; and a folder that is called like an embedder is the folder."""
    run = tmp_path / "dlib"
    run.mkdir()
    loaded = runs.load(world.run)
    info = replace(
        loaded.info, backbone=Backbone(name=str(world.run), version=version_of(world.run) or ""), network="run, frozen"
    )
    replace(loaded, folder=run).save(info)
    pairs = _write(tmp_path / "pairs.csv", _all_pairs())
    result = _scores(_verify(run, pairs, data=world.root))
    assert (result["run"], result["embedder"]["name"]) == (str(run), "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        result = _scores(_verify(Path("dlib"), pairs, data=world.root))
    assert (result["run"], result["embedder"]["name"]) == ("dlib", "run")


def test_what_cannot_be_scored_is_refused(world: World, photos: Path, tmp_path: Path) -> None:
    pairs = _write(tmp_path / "pairs.csv", _all_pairs())
    with pytest.raises(
        FacekitError, match=r"^dlob is neither a folder nor an embedder; give what `train -o` wrote, or"
    ):
        _verify(Path("dlob"), pairs, output=tmp_path / "report")
    with pytest.raises(FacekitError, match=r"^give a folder for the report on dlib with -o$"):
        _verify(Path("dlib"), pairs)
    with pytest.raises(FacekitError, match=r"is not a trained model: it has no model\.json; give the folder"):
        _verify(photos, pairs)
    with pytest.raises(FacekitError, match=r"^none of 9 photos of .*pairs\.csv is in .*, the first Ada/Ada_0001\.jpg;"):
        _verify(world.run, pairs)
    with pytest.raises(
        FacekitError, match=r"^no such folder: .*nowhere; use --data to say where the photos of .* are$"
    ):
        _verify(world.run, pairs, data=tmp_path / "nowhere")
    with pytest.raises(FacekitError, match=r"^no detector called 'har'; choose from haar, yunet, dlib$"):
        _verify(Path("dlib"), pairs, data=photos, output=tmp_path / "report", detector="har")
    with pytest.raises(FacekitError, match=r"^--far is '0,2'; give shares between 0 and 1 like 0\.1,0\.01,0\.001$"):
        EvaluatePairs(run=world.run, pairs=pairs, far="0,2")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.md").write_text("mine")
    with pytest.raises(FacekitError, match=r"thesis is not empty and was not made by `evaluate-pairs`; choose"):
        _verify(world.run, pairs, data=photos, output=tmp_path / "thesis")
    for photo in photos.glob("*/*_000[2-9].jpg"):
        photo.write_bytes(b"")
    with pytest.raises(FacekitError, match=r"no pair of one person can be compared \(6 empty file\); give photos that"):
        _verify(world.run, pairs, data=photos, output=tmp_path / "report")


@pytest.mark.parametrize("way", ["../private.jpg", "{home}/private.jpg", "Ada/link.jpg"])
def test_a_list_names_no_photo_outside_the_folder(world: World, photos: Path, tmp_path: Path, way: str) -> None:
    shutil.copy(photos / "Eve" / "Eve_0001.jpg", tmp_path / "private.jpg")
    (photos / "Ada" / "link.jpg").symlink_to(tmp_path / "private.jpg")
    rows = [*_all_pairs(), ("Ada/Ada_0001.jpg", way.format(home=tmp_path), 0)]
    pairs = _write(tmp_path / "pairs.csv", rows)
    with pytest.raises(
        FacekitError, match=r"pairs\.csv: '.*' points outside .*photos; delete the entry that names it$"
    ):
        _verify(world.run, pairs, data=photos, output=tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "x/" * 3000 + "x"], ids=len)
def test_a_name_that_no_disk_can_hold_is_a_photo_that_is_not_there(
    world: World, photos: Path, tmp_path: Path, name: str
) -> None:
    rows = [*_all_pairs(), ("Ada/Ada_0001.jpg", f"Bob/{name}.jpg", 0), ("Ada/Ada_0002.jpg", f"{name}.jpg", 0)]
    report = _verify(world.run, _write(tmp_path / "pairs.csv", rows), data=photos, output=tmp_path / "report")
    assert report.details["pairs_left_out"] == 2


def test_dry_run_writes_nothing(world: World, tmp_path: Path) -> None:
    pairs = _write(tmp_path / "pairs.csv", _all_pairs())
    report = _verify(world.run, pairs, data=world.root, output=tmp_path / "report", dry_run=True)
    assert report.details == {"pairs": 36, "photos": 9}
    assert not (tmp_path / "report").exists()


def test_dlib_tells_news_photos_apart(data: Path, tmp_path: Path) -> None:
    """A fifth of LFW's development pairs, at the threshold that dlib's author gives."""
    lfw = data / "lfw"
    listed = pairlists.read(lfw / "pairsDevTest.txt")
    rows = [(pair.first, pair.second, int(pair.same)) for pair in listed.pairs[::5]]

    report = _verify(
        *(Path("dlib"), _write(tmp_path / "pairs.csv", rows)),
        **{"data": lfw / "pairs_images", "output": tmp_path / "report", "by": "gender", "table": lfw / "gender.csv"},
    )
    result = _scores(report)
    assert result["points"][0]["accuracy"] >= 0.98
    assert result["scores"]["auc"] >= 0.99
    assert [row["group"] for row in result["groups"]] == ["female", "male", "female / male"]
