"""Public data sets in their own layouts: what each tree holds, what is left out and why, and that a kill loses nothing.

CelebA and CASIA-WebFace cannot be had here; `published.py` writes them exactly as they are published.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import published
import pytest

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.commands.ingest import ingest
from facekit.commands.label import label
from facekit.dataset import Dataset
from facekit.dataset.records import read_rejections, read_sources
from facekit.options.ingest import Ingest
from facekit.options.label import Label


def taken(root: Path, data_set: str, output: Path, **more: Any) -> Dataset:
    ingest(Ingest(data_set=data_set, input=root, output=output, **more))  # type: ignore[arg-type]
    return Dataset.open(output)


def said(tree: Dataset) -> dict[str, tuple[str, str | None, dict[str, str]]]:
    """Name in the data set -> label, part and targets."""
    return {str(tree.sources[r.origin].url): (r.label, r.split, dict(r.targets or {})) for r in tree.records}


def left(root: Path) -> dict[str, tuple[str, Any]]:
    return {one.path: (one.reason, one.value) for one in read_rejections(root / "rejected.jsonl")}


def test_celeba_has_identity_gender_and_parts(tmp_path: Path) -> None:
    root = published.celeba(tmp_path / "celeba")
    tree = taken(root, "celeba", tmp_path / "tree")
    found = said(tree)
    assert found["Img/img_align_celeba/000001.jpg"] == ("2880", "train", {"gender": "female"})
    assert found["Img/img_align_celeba/000006.jpg"] == ("8692", "validation", {"gender": "male"})
    assert Counter(part for _, part, _ in found.values()) == {"train": 4, "validation": 2, "test": 2}
    source = read_sources(tmp_path / "tree" / "sources.jsonl")[tree.records[0].origin]
    assert source.licence == "CelebA: non-commercial research only"
    assert source.licence_url == "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
    original = root / str(source.url)
    assert original.samefile(tree.path_of(tree.records[0]))  # a hard link


def test_celeba_by_gender_knows_who_is_shown(tmp_path: Path) -> None:
    root = published.celeba(tmp_path / "celeba")
    tree = taken(root, "celeba", tmp_path / "tree", folders="gender", target=["smiling"], links=False)
    found = said(tree)["Img/img_align_celeba/000002.jpg"]
    assert found == ("male", "train", {"smiling": "yes", "person": "2937"})
    assert tree.protocol == "person"  # nobody is in two of its parts
    assert (root / "Img/img_align_celeba/000002.jpg").stat().st_nlink == 1


def test_celeba_of_kaggle_is_read_without_identities(tmp_path: Path, facekit: Callable[..., Any]) -> None:
    root = published.celeba(tmp_path / "celeba")
    shutil.move(root / "Img/img_align_celeba", root / "img_align_celeba/img_align_celeba")
    rows = (root / "Anno/list_attr_celeba.txt").read_text().splitlines()[1:]
    table = ["image_id," + ",".join(rows[0].split()), *(",".join(row.split()) for row in rows[1:])]
    published.put(root / "list_attr_celeba.csv", "\n".join(table))
    parts = (root / "Eval/list_eval_partition.txt").read_text().replace(" ", ",")
    published.put(root / "list_eval_partition.csv", "image_id,partition\n" + parts)
    shutil.rmtree(root / "Anno")
    shutil.rmtree(root / "Eval")
    refused = facekit("ingest", "celeba", root, "-o", tmp_path / "tree")
    assert refused.code == 2
    assert "no picture has a value of identity" in refused.err
    assert "--folders" in refused.err
    assert facekit("ingest", "celeba", root, "-o", tmp_path / "tree", "--folders", "gender").code == 0
    assert Dataset.open(tmp_path / "tree").labels == ["female", "male"]


def test_damaged_missing_and_unlisted_pictures_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = published.celeba(tmp_path / "celeba")
    folder = root / "Img/img_align_celeba"
    (folder / "000001.jpg").unlink()
    published.put(folder / "000002.jpg", (folder / "000002.jpg").read_bytes()[:-400])
    published.put(folder / "000009.jpg", published.picture(9))
    people = root / "Anno/identity_CelebA.txt"
    people.write_text(people.read_text().replace("000004.jpg 2937", "000004.jpg"))
    taken(root, "celeba", tmp_path / "tree")
    found = left(tmp_path / "tree")
    assert found.pop("Img/img_align_celeba/000002.jpg")[0] in ("truncated", "damaged")
    assert found == {
        "Img/img_align_celeba/000001.jpg": ("listed, but missing", None),
        "Img/img_align_celeba/000004.jpg": ("no label", "identity"),
        "Img/img_align_celeba/000009.jpg": ("not listed", None),
    }
    assert (
        "1 line is not of the form `000001.jpg IDENTITY` and ignored (the first: line 4, '000004.jpg')" in caplog.text
    )


def test_lfw_has_view_1_and_gender(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = published.lfw(tmp_path / "lfw")
    found = said(taken(root, "lfw", tmp_path / "tree"))
    assert found["lfw/Ann_Lee/Ann_Lee_0001.jpg"] == ("Ann_Lee", "train", {"gender": "female"})
    assert found["lfw/Bo_Chan/Bo_Chan_0002.jpg"] == ("Bo_Chan", "train", {"gender": "male"})
    assert found["lfw/Di_Ek/Di_Ek_0001.jpg"] == ("Di_Ek", "test", {})
    assert "in both lists of names and gets no gender (the first: Di_Ek_0001)" in caplog.text
    # The folder of the people alone, with the list of attributes in place of those of names.
    for name in ("male_names.txt", "female_names.txt", "peopleDevTest.txt"):
        (root / name).unlink()
    rows = "Ann Lee\t1\t-1.5\t0.2\nBo Chan\t2\t0.4\t-1\nBo Chan\ttwo\t0.4\t-1\n"
    published.put(root / "lfw_attributes.txt", f"# lfw_attributes.txt\n#\tperson\timagenum\tMale\tAsian\n{rows}")
    again = said(taken(root / "lfw", "lfw", tmp_path / "again"))
    assert again["Ann_Lee/Ann_Lee_0001.jpg"] == ("Ann_Lee", None, {"gender": "female"})
    assert again["Bo_Chan/Bo_Chan_0002.jpg"] == ("Bo_Chan", None, {"gender": "male"})


def test_utkface_says_age_gender_and_race(tmp_path: Path) -> None:
    root = published.utkface(tmp_path / "utk")
    found = said(taken(root, "utkface", tmp_path / "tree"))
    assert found["UTKFace/26_1_2_20170116174525125.jpg.chip.jpg"] == (
        "female",
        None,
        {"age": "26", "age_group": "20-29", "gender": "female", "race": "asian"},
    )
    assert {targets["age_group"] for _, _, targets in found.values()} == {"0-9", "20-29", "80 or more"}
    reason = ("damaged line", "its name does not say age, gender and race")
    assert left(tmp_path / "tree") == {"UTKFace/61_1_20170109150557335.jpg.chip.jpg": reason}


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_fer2013_is_read_from_its_table(tmp_path: Path, header: str) -> None:
    root = published.fer2013(tmp_path / "fer", header)
    with (root / "fer2013.csv").open("a") as file:
        file.write("9,1 2 3,Training\n")
    tree = taken(root, "fer2013", tmp_path / "tree")
    found = said(tree)
    assert {name: one[:2] for name, one in found.items()} == {
        "fer2013.csv!2": ("angry", "train"),
        "fer2013.csv!3": ("happy", "train"),
        "fer2013.csv!4": ("happy", "validation"),
        "fer2013.csv!5": ("neutral", "test"),
    }
    assert found["fer2013.csv!2"][2] == {"expression": "angry"}
    # The fifth has the pixels of the third, which is held out; the sixth is no row.
    assert left(tmp_path / "tree") == {
        "fer2013.csv!6": ("same bytes as a held-out picture", "fer2013.csv!4"),
        "fer2013.csv!7": ("damaged line", "line 7"),
    }
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48))
    record = next(r for r in tree.records if tree.sources[r.origin].url == "fer2013.csv!2")
    assert (images.read(tree.path_of(record))[:, :, 1] == pixels).all()


def test_casia_is_read_from_folders(tmp_path: Path) -> None:
    tree = taken(published.casia(tmp_path / "casia"), "casia", tmp_path / "tree")
    assert Counter(r.label for r in tree.records) == {"0000045": 2, "0000099": 3}


def test_casia_is_read_from_insightface_records(tmp_path: Path) -> None:
    root = published.webface(tmp_path / "webface")
    tree = taken(root, "casia", tmp_path / "tree")
    assert {name: one[0] for name, one in said(tree).items()} == {
        "train.rec!1": "00000",
        "train.rec!2": "00000",
        "train.rec!3": "00001",
    }
    cut = next(r for r in tree.records if r.label == "00001")  # its JPEG holds the magic number, so it is in pieces
    assert tree.bytes_of(cut).endswith(b"\x0a\x23\xd7\xce" * 3)
    whole = (root / "train.rec").read_bytes()
    for damaged, why in ((whole[:-30], "it ends within record"), (b"\0" + whole[1:], "no record begins at byte 0")):
        published.put(root / "train.rec", damaged)
        with pytest.raises(FacekitError, match=rf"train\.rec is not a whole RecordIO file: {why}.*; download it again"):
            taken(root, "casia", tmp_path / "other")


@pytest.mark.parametrize("data_set", ["lfw", "celeba", "utkface", "fer2013", "casia"])
def test_a_wrong_folder_is_refused_in_one_line(tmp_path: Path, facekit: Callable[..., Any], data_set: str) -> None:
    published.put(tmp_path / "photos/Ann/1.jpg", published.picture(1))
    for folder in (tmp_path / "photos", tmp_path / "nowhere"):
        done = facekit("ingest", data_set, folder, "-o", tmp_path / "tree")
        assert done.code == 2
        assert len(done.err.strip().splitlines()) == 1
        assert "give the folder" in done.err
    assert not (tmp_path / "tree").exists()


def test_an_unknown_target_is_refused(tmp_path: Path, facekit: Callable[..., Any]) -> None:
    root = published.celeba(tmp_path / "celeba")
    done = facekit("ingest", "celeba", root, "-o", tmp_path / "tree", "--target", "smile")
    assert done.code == 2
    assert "--target smile" in done.err
    assert "5_o_clock_shadow, smiling, gender" in done.err


def lines(root: Path) -> list[bytes]:
    return [
        (root / name).read_bytes() for name in ("manifest.jsonl", "sources.jsonl", "rejected.jsonl", "dataset.json")
    ]


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path, dying: Callable[[int, Callable[[], Any]], bool]) -> None:
    root = published.utkface(tmp_path / "utk")
    options = Ingest(data_set="utkface", input=root, output=tmp_path / "whole", jobs=1)
    ingest(options)
    before = lines(tmp_path / "whole")
    ingest(options)
    assert lines(tmp_path / "whole") == before
    for links in (True, False):
        step = 0
        while True:
            step += 1
            output = tmp_path / f"killed-{links}-{step}"
            again = Ingest(data_set="utkface", input=root, output=output, jobs=1, links=links)
            died = dying(step, lambda again=again: ingest(again))  # type: ignore[misc]
            ingest(again)
            assert lines(output) == before
            assert not list(output.rglob(".*"))
            if not died:
                break
    assert step > 10


def test_what_a_person_moved_or_removed_stays_so(tmp_path: Path) -> None:
    root = published.utkface(tmp_path / "utk")
    tree = taken(root, "utkface", tmp_path / "tree")
    moved, gone = (next(r for r in tree.records if (r.targets or {})["age"] == age) for age in ("3", "85"))
    shutil.move(tree.path_of(moved), tmp_path / "tree/female" / Path(moved.path).name)
    tree.path_of(gone).unlink()
    again = taken(root, "utkface", tmp_path / "tree")
    assert sorted((r.label, (r.targets or {})["age"]) for r in again.records) == [("female", "26"), ("female", "3")]
    assert left(tmp_path / "tree")[gone.path][0] == "removed by hand"
    assert (root / "UTKFace/85_0_4_20170116174525126.jpg.chip.jpg").is_file()  # the link alone is gone


def test_pictures_on_another_disk_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = published.utkface(tmp_path / "utk")
    before = lines_of(root, tmp_path / "linked")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    report = ingest(Ingest(data_set="utkface", input=root, output=tmp_path / "copied"))
    assert (report.details["linked"], report.details["copied"]) == (0, 3)
    assert lines(tmp_path / "copied") == before
    assert all(file.stat().st_nlink == 1 for file in (tmp_path / "copied").glob("*/*"))


def lines_of(root: Path, output: Path) -> list[bytes]:
    ingest(Ingest(data_set="utkface", input=root, output=output))
    return lines(output)


def some(folder: Path, into: Path, least: int) -> Path:
    """Copy the first pictures of each folder of a real data set, as they are named there."""
    for inner in sorted(one for one in folder.iterdir() if one.is_dir()):
        for file in sorted(inner.iterdir())[:least]:
            published.put(into / inner.name / file.name, file.read_bytes())
    return into


def test_real_lfw_and_a_table_of_genders(tmp_path: Path, data: Path) -> None:
    if not (data / "lfw").is_dir():
        pytest.skip("no LFW in FACEKIT_DATA")
    root = some(data / "lfw" / "identities", tmp_path / "lfw", 2)
    tree = taken(root, "lfw", tmp_path / "tree")
    assert (len(tree.labels), len(tree.records)) == (42, 84)
    assert not left(tmp_path / "tree")
    # The table names pictures as the data set does, and the tree by their ids.
    label(Label(input=tmp_path / "tree", table=data / "lfw" / "gender.csv"))
    genders = Counter((record.targets or {}).get("gender") for record in Dataset.open(tmp_path / "tree").records)
    assert genders["male"] > genders["female"] > 0 and genders[None] <= 2


def test_real_fer2013_keeps_its_test_pictures(tmp_path: Path, data: Path) -> None:
    if not (data / "fer2013").is_dir():
        pytest.skip("no FER2013 in FACEKIT_DATA")
    root = tmp_path / "fer"
    for part in ("train", "train_more", "test"):
        some(data / "fer2013" / part, root / part, 20)
    groups: dict[str, list[str]] = {}
    for line in (data / "fer2013" / "exact_duplicates.csv").read_text().splitlines()[1:]:
        number, name = line.split(",")
        groups.setdefault(number, []).append(name)
    pair = next(names for names in groups.values() if len({name.partition("/")[0] for name in names}) > 1)
    for name in pair:
        published.put(root / name, (data / "fer2013" / name).read_bytes())
    tree = taken(root, "fer2013", tmp_path / "tree")
    assert {r.split for r in tree.records} == {"train", "test"}
    assert tree.labels == ["happy", "neutral", "sad", "surprise"]
    names = {str(tree.sources[r.origin].url) for r in tree.records if r.split == "test"}
    assert names >= {name for name in pair if name.startswith("test/")}
    reasons = Counter(reason for reason, _ in left(tmp_path / "tree").values())
    assert reasons["same bytes as a held-out picture"] >= 1


def test_real_utkface_says_what_its_folders_say(tmp_path: Path, data: Path) -> None:
    if not (data / "utkface").is_dir():
        pytest.skip("no UTKFace in FACEKIT_DATA")
    tree = taken(some(data / "utkface", tmp_path / "utk", 40), "utkface", tmp_path / "tree")
    assert len(tree.records) == 80
    for record in tree.records:  # the folder of the file that was found is the gender
        assert str(tree.sources[record.origin].url).startswith(f"{record.label}/")
