"""A person is removed from everything that facekit wrote, and does not come back."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colours import colours as colours
from conftest import Facekit, manifest, plain_tree, read_tree

from facekit import runs
from facekit.base import images, objects
from facekit.base.contract import FacekitError, Link, Source
from facekit.base.files import replace_lines, write_json
from facekit.commands.balance import balance
from facekit.commands.crop import crop
from facekit.commands.expire import expire
from facekit.commands.forget import forget
from facekit.commands.train import train
from facekit.dataset import Dataset, tombstones
from facekit.dataset.records import read_records
from facekit.options.balance import Balance
from facekit.options.crop import Crop
from facekit.options.expire import Expire
from facekit.options.forget import Forget
from facekit.options.train import Train
from facekit.removal.kinds import cards, exports, listed, pages, registry, scraping, searches
from facekit.removal.targets import Targets
from facekit.runs import ModelInfo, Run, Target, TrainedOn
from facekit.runs.head import Head

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test removes is no concern of another."""
    monkeypatch.setenv("FACEKIT_FORGOTTEN", str(tmp_path / "own" / "forgotten.jsonl"))


@pytest.fixture(scope="module")
def _cheap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of three people and the faces made of them, without a detector."""
    root = tmp_path_factory.mktemp("cheap")
    photos = plain_tree(root / "plain", {"Ada Lovelace": 4, "Bob": 4, "Cyd": 4}, side=96)
    crop(Crop(input=photos, output=root / "data" / "faces", detect=False, jobs=1))
    balance(Balance(input=root / "data" / "faces", output=root / "data" / "even", count=4, split="50/25/25", jobs=1))
    _with_sources(root / "data" / "faces")
    _with_sources(root / "data" / "even")
    run = _network(root / "models" / "net", root / "data" / "even")
    begun = Path(shutil.copytree(run.folder, root / "models" / "begun"))
    Run(begun, run.info).save(replace(run.info, complete=False))
    (begun / "pack.u8").write_bytes(b"pixels of everybody")
    _exports(root / "models", run.labels)
    return root


def _exports(root: Path, names: list[str]) -> None:
    """Write files as `export` leaves them, as far as it matters who is in them; and one that knows others alone."""
    for file, labels in (("all.pt2", names), ("others.pt2", names[1:])):
        with zipfile.ZipFile(root / file, "w") as archive:
            archive.writestr("model/extra/facekit", json.dumps({"facekit": "0.1.0", "labels": labels}))
    version = root / "served" / "1"
    (version / "assets.extra").mkdir(parents=True)
    write_json(version / "assets.extra" / "facekit.json", {"facekit": "0.1.0", "labels": names})
    (version / "saved_model.pb").write_bytes(b"a graph")
    (root / "all.tflite").write_bytes(b"xxxxTFL3" + json.dumps({"facekit": "0.1.0", "labels": names}).encode())


@pytest.fixture
def cheap(_cheap: Path, tmp_path: Path) -> Path:
    """A copy, to be changed."""
    return Path(shutil.copytree(_cheap, tmp_path / "cheap"))


def _with_sources(tree: Path) -> None:
    """Say of each photo where it was found: those of one person at a host of their own."""
    lines = [json.loads(line) for line in (tree / "sources.jsonl").read_text().splitlines()]
    labels = {record["origin"]: record["label"] for record in manifest(tree)}
    said = []
    for number, line in enumerate(sorted(lines, key=lambda one: str(one["origin"]))):
        who = labels[line["origin"]].split()[0].lower()
        url = f"https://img.{who}.example/{line['origin'][:6]}.jpg"
        year = 2020 if number % 2 else 2026
        said.append(Source(line["origin"], url, engine="plain", query=who, fetched_at=f"{year}-01-01T00:00:00+00:00"))
    replace_lines(tree / "sources.jsonl", (one.to_json() for one in said))


def _network(folder: Path, tree: Path) -> Run:
    """Write a run of a network as training leaves it; nothing is trained, and Keras is not needed."""
    h5py = pytest.importorskip("h5py")
    dataset = Dataset.open(tree)
    folder.mkdir(parents=True)
    replace_lines(folder / "split.jsonl", (one.to_json() for one in dataset.records))
    parts = {part: sum(one.split == part for one in dataset.records) for part in ("train", "test", "validation")}
    info = ModelInfo(
        complete=True,
        network="cnn3",
        size=32,
        color="rgb",
        labels=tuple(dataset.labels),
        names={label: label for label in dataset.labels},
        dataset=TrainedOn(root=str(tree.resolve()), digest=dataset.digest()),
        protocol="group",
        options={},
        split=runs.Counts(**parts),
    )
    with h5py.File(folder / "model.weights.h5", "w") as file:
        for layer, inputs, outputs in (("dense", 5, 3), ("dense_1", 3, 3)):
            file[f"layers/{layer}/vars/0"] = np.arange(inputs * outputs, dtype="f4").reshape(inputs, outputs)
            file[f"layers/{layer}/vars/1"] = np.arange(outputs, dtype="f4")
    return Run(folder, info).save(info)


def gone(root: Path, **more: Any) -> Any:
    """Remove Ada Lovelace, or what `more` says, from a copy of `cheap`."""
    values: dict[str, Any] = {"names": [] if more else ["Ada Lovelace"], "jobs": 1, "output": root / "receipts"}
    values["in_"] = [str(root / "data"), str(root / "models")]
    return forget(Forget(**{**values, **more}))


def labels(tree: Path) -> list[str]:
    return sorted({record["label"] for record in manifest(tree)})


def test_data_sets_and_a_network_know_the_person_no_more(cheap: Path) -> None:
    before = {file: file.read_bytes() for file in cheap.rglob("*.*") if "Bob" in str(file)}
    gone(cheap)
    left = [file for file in cheap.rglob("*") if file.is_file() and "receipts" not in file.parts]
    left = [file for file in left if "plain" not in file.parts]  # facekit did not write it
    assert [file for file in left if "Ada" in str(file)] == []
    assert [file for file in left if re.search(b"lovelace|ada.example", file.read_bytes(), re.IGNORECASE)] == []
    assert all(file.read_bytes() == data for file, data in before.items())
    assert labels(cheap / "data" / "faces") == labels(cheap / "data" / "even") == ["Bob", "Cyd"]
    assert (cheap / "plain" / "Ada Lovelace").is_dir()


def test_what_was_made_of_a_data_set_is_up_to_date_afterwards(cheap: Path) -> None:
    gone(cheap)
    faces = Dataset.open(cheap / "data" / "faces")
    even = Dataset.open(cheap / "data" / "even")
    assert even.info.input == faces.digest()
    assert runs.run.read(cheap / "models" / "net").info.dataset.digest == even.digest()  # type: ignore[union-attr]
    again = balance(Balance(input=faces.root, output=even.root, count=4, split="50/25/25", jobs=1))
    assert again.made == 0


def test_a_person_goes_whose_folder_is_called_by_something_else(cheap: Path) -> None:
    faces = cheap / "data" / "faces"
    known = read_records(faces / "manifest.jsonl")
    told = [replace(one, targets={"person": "Grace Hopper"}) if n % 2 else one for n, one in enumerate(known)]
    replace_lines(faces / "manifest.jsonl", (one.to_json() for one in told))
    gone(cheap, names=["grace hopper"])
    left = {record["origin"] for record in manifest(faces)}
    assert left == {one.origin for one in told if not one.targets}
    assert left
    files = [file for file in (cheap / "data").rglob("*") if file.is_file()]
    assert [file for file in files if b"Grace" in file.read_bytes()] == []


def test_exports_go_that_know_the_person_and_no_others(cheap: Path) -> None:
    gone(cheap)
    assert {file.name for file in (cheap / "models").iterdir()} == {"net", "others.pt2"}


def test_a_network_refuses_to_answer_and_says_why(cheap: Path) -> None:
    report = gone(cheap)
    with pytest.raises(FacekitError, match=r"has learned from 2 pictures that were removed on .* train it again"):
        runs.load(cheap / "models" / "net")
    assert any("refuses to answer until it is trained again: facekit train" in note for note in report.details["notes"])


def test_a_network_that_is_kept_has_one_output_less_and_its_card_says_why(cheap: Path) -> None:
    import h5py

    from facekit.runs.provenance import of_run

    gone(cheap, names=["Ada Lovelace"], keep_models=True)
    run = runs.load(cheap / "models" / "net")
    assert run.labels == ["Bob", "Cyd"]
    assert "2 pictures that the network learned from" in of_run(run).people
    with h5py.File(run.folder / "model.weights.h5") as file:
        assert file["layers/dense_1/vars/0"][()].tolist() == [[1, 2], [4, 5], [7, 8]]
        assert file["layers/dense_1/vars/1"][()].tolist() == [1, 2]
        assert file["layers/dense/vars/0"].shape == (5, 3)


MOODS = ("happy", "sad", "surprised")


def _moods(cheap: Path) -> Path:
    """Write a table of two targets: all but Ada have two moods, and Ada a third one; Cyd has no beard."""
    rows = ["image,mood,beard"]
    for label in ("Ada Lovelace", "Bob", "Cyd"):
        records = [one for one in manifest(cheap / "data" / "even") if one["label"] == label]
        for part in ("train", "test", "validation"):
            own = sorted(one["path"] for one in records if one["split"] == part)
            moods = [MOODS[2]] * len(own) if label.startswith("Ada") else [MOODS[n % 2] for n in range(len(own))]
            rows += [
                f"{path},{mood},{'no' if label == 'Cyd' else 'yes'}" for path, mood in zip(own, moods, strict=True)
            ]
    (cheap / "moods.csv").write_text("\n".join(rows) + "\n")
    return cheap / "moods.csv"


@pytest.mark.parametrize("targets", ["identity,mood", "mood"])
def test_a_head_of_several_targets_is_fitted_again_for_each(cheap: Path, targets: str, colours: str) -> None:
    """As one that never saw the person: a label that nobody else has goes too."""
    values: dict[str, Any] = {"backbone": colours, "targets": targets, "targets_from": _moods(cheap), "jobs": 1}
    train(Train(input=cheap / "data" / "even", output=cheap / "models" / "head", **values))
    before = runs.load(cheap / "models" / "head")
    assert {one.name: one.labels for one in before.targets}["mood"] == MOODS
    report = gone(cheap)
    assert "fitted again without what was removed" in json.dumps(report.details)
    run = runs.load(cheap / "models" / "head")
    known = {"identity": ("Bob", "Cyd"), "mood": MOODS[:2]}
    assert {one.name: one.labels for one in run.targets} == {name: known[name] for name in targets.split(",")}
    train(Train(input=cheap / "data" / "even", output=cheap / "fresh", **values))
    fresh = runs.load(cheap / "fresh")
    heads = [Head.read(one.folder / runs.HEAD, 3, one.sizes) for one in (run, fresh)]
    assert np.allclose(heads[0].weights, heads[1].weights, atol=1e-4)
    assert [one.temperature for one in run.targets] == pytest.approx([one.temperature for one in fresh.targets])
    assert not any("Ada" in file.read_text(errors="replace") for file in run.folder.iterdir())


def test_a_head_whose_other_target_has_one_label_left_refuses_to_answer(cheap: Path, colours: str) -> None:
    """Bob and Ada have a beard, Cyd has none: without Cyd nothing can be told apart."""
    values: dict[str, Any] = {"backbone": colours, "targets": "identity,beard", "targets_from": _moods(cheap)}
    train(Train(input=cheap / "data" / "even", output=cheap / "models" / "head", jobs=1, **values))
    report = gone(cheap, names=["Cyd"])
    assert any("of beard, yes alone is left to learn from" in note for note in report.details["notes"])
    with pytest.raises(FacekitError, match=r"has learned from 2 pictures that were removed on .* train it again"):
        runs.load(cheap / "models" / "head")
    assert not (cheap / "models" / "head" / runs.HEAD).exists()


@pytest.mark.parametrize("keep", [False, True])
def test_a_network_of_several_targets_refuses_to_answer(cheap: Path, keep: bool) -> None:
    """Also one that is to be kept: which of its heads names people does not follow from its file."""
    run = runs.load(cheap / "models" / "net")
    moods = Target(name="mood", labels=MOODS)
    run.save(replace(run.info, targets=(Target(name="identity", labels=run.info.labels), moods)))
    gone(cheap, names=["Ada Lovelace"], keep_models=keep)
    with pytest.raises(FacekitError, match=r"has learned from 2 pictures that were removed on .* train it again"):
        runs.load(run.folder)
    assert (run.folder / runs.WEIGHTS).exists() is False


@pytest.mark.parametrize("how", ["url", "host", "id", "photo"])
def test_single_photos_go_with_all_that_was_made_of_them(cheap: Path, how: str) -> None:
    record = next(one for one in manifest(cheap / "data" / "faces") if one["label"] == "Bob")
    source = next(
        json.loads(line)
        for line in (cheap / "data" / "faces" / "sources.jsonl").read_text().splitlines()
        if record["origin"] in line
    )
    photo = next(
        file
        for file in (cheap / "plain" / "Bob").iterdir()
        if hashlib.sha256(file.read_bytes()).hexdigest() == record["origin"]
    )
    values = {"url": [source["url"]], "host": ["bob.example"], "id": [record["origin"][:12]], "photo": [photo]}
    gone(cheap, **{how: values[how]})
    left = [one for one in manifest(cheap / "data" / "even") if one["label"] == "Bob"]
    assert all(one["origin"] != record["origin"] for one in left)
    assert len(left) == (0 if how == "host" else 3)
    assert labels(cheap / "data" / "faces") == (
        ["Ada Lovelace", "Cyd"] if how == "host" else ["Ada Lovelace", "Bob", "Cyd"]
    )


def test_the_same_photo_goes_under_another_name_and_by_its_pixels(cheap: Path, tmp_path: Path) -> None:
    ada = sorted((cheap / "plain" / "Ada Lovelace").iterdir())
    other = plain_tree(tmp_path / "other", {"Someone": 3}, first=500, side=96)
    again = images.encode(images.read(ada[0]), 80)  # saved again: other bytes
    (other / "Someone" / "copy.jpg").write_bytes(again)
    crop(Crop(input=other, output=cheap / "data" / "third", detect=False, jobs=1))
    gone(cheap)
    assert len(manifest(cheap / "data" / "third")) == 3


def test_a_link_between_two_photos_is_followed(cheap: Path) -> None:
    faces = cheap / "data" / "faces"
    ada, bob = (
        next(one["origin"] for one in manifest(faces) if one["label"] == who) for who in ("Ada Lovelace", "Bob")
    )
    replace_lines(faces / "groups.jsonl", [Link(*sorted((ada, bob)), "same photo", "crop", "pixels-3").to_json()])
    gone(cheap)
    assert bob not in {one["origin"] for one in manifest(cheap / "data" / "even")}
    assert ada not in (faces / "groups.jsonl").read_text()


def test_a_dry_run_shows_what_would_go_and_changes_nothing(cheap: Path) -> None:
    before = read_tree(cheap)
    report = gone(cheap, names=["ada  LOVELACE"], dry_run=True)
    assert read_tree(cheap) == before
    assert not tombstones.file().exists()
    counts = {one["where"].rpartition("/")[2]: one["counts"] for one in report.details["places"]}
    assert counts["net"] == counts["begun"] == {"pictures of its split": 4, "names": 1}
    assert counts["even"] == {"pictures": 4}


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_names_the_person_and_stays_is_named(cheap: Path, dry_run: bool) -> None:
    (cheap / "answers.jsonl").write_text(
        '{"photo": "1.jpg", "name": "Ada Lovelace"}\n{"photo": "2.jpg", "name": null}\n'
        '{"photo": "3.jpg", "name": "\\u0041da_Lovelace"}\n{"photo": "4.jpg", "name": "Ada Lovelacey"}\n'
    )
    (cheap / "names.txt").write_text("Bob\nCyd\n")
    report = gone(cheap, names=["ada lovelace"], in_=[str(cheap)], dry_run=dry_run)
    said = {(Path(one["where"]).relative_to(cheap).as_posix(), one["count"]) for one in report.details["not_touched"]}
    assert said == {("plain/Ada Lovelace", 4), ("answers.jsonl", 2)}
    assert f"not touched: {cheap / 'answers.jsonl'} (2 lines)" in report.details["lines"]
    assert f"not touched: {cheap / 'plain' / 'Ada Lovelace'} (4 pictures)" in report.details["lines"]
    assert len(list((cheap / "plain" / "Ada Lovelace").iterdir())) == 4


def test_pictures_without_an_ending_are_counted_where_they_stay(cheap: Path) -> None:
    folder = cheap / "plain" / "Ada Lovelace"
    sorted(folder.iterdir())[0].rename(folder / "without_an_ending")
    (folder / "notes.doc").write_text("no picture")
    report = gone(cheap, names=["ada lovelace"], in_=[str(cheap)], dry_run=True)
    counts = {one["where"]: one["count"] for one in report.details["not_touched"]}
    assert counts[str(folder)] == 4


def test_what_may_be_anybodys_finds_nobody(cheap: Path) -> None:
    """Copies of object storage go whoever is removed; that they are there is no sign of the photo."""
    copy = objects.folder_of("s3://bucket/raw")
    copy.mkdir(parents=True)
    with pytest.raises(FacekitError, match="nothing in .* is --url https://x.example/1.jpg"):
        gone(cheap, url=["https://x.example/1.jpg"], in_=[str(cheap / "data")])
    assert copy.is_dir()


def test_the_receipt_says_what_when_and_from_where(cheap: Path) -> None:
    hashes = {one["sha256"] for one in manifest(cheap / "data" / "even") if one["label"] == "Ada Lovelace"}
    report = gone(cheap)
    receipt = json.loads(Path(report.details["receipt"]).read_text())
    assert receipt["asked"]["name"] == ["Ada Lovelace"]
    assert {one["sha256"] for one in receipt["pictures"] if one["place"].endswith("even")} == hashes
    assert {one["found_at"] for one in receipt["pictures"] if one["kind"] == "data set"} == {"img.ada.example"}
    assert receipt["began"] <= receipt["ended"]
    page = Path(report.details["receipt"]).with_suffix(".html").read_text()
    assert all(one in page for one in hashes)
    assert "https://img.ada" not in page + json.dumps(receipt)
    assert [file.suffix for file in sorted((cheap / "receipts").iterdir())] == [".html", ".json"]
    with pytest.raises(FacekitError, match="nobody in .* is called 'Ada Lovelace'"):
        forget(Forget(names=["Ada Lovelace"], in_=[str(cheap)], output=cheap / "receipts"))  # receipts stay


def test_a_removal_that_is_killed_goes_on_where_it_was(
    cheap: Path, dying: Callable[[int, Callable[[], Any]], bool], tmp_path: Path
) -> None:
    whole = Path(shutil.copytree(cheap, tmp_path / "whole" / "cheap"))
    gone(whole)
    expected = _timeless(whole)
    k, deaths = 1, 0
    while True:
        one = Path(shutil.copytree(tmp_path / "cheap", tmp_path / "one" / "cheap"))
        if not dying(k, lambda one=one: gone(one)):  # type: ignore[misc]
            break
        deaths += 1
        gone(one)
        assert _timeless(one) == expected
        assert [file.suffix for file in sorted((one / "receipts").iterdir())] == [".html", ".json"]
        shutil.rmtree(tmp_path / "one")
        k += 3 * int(os.environ.get("FACEKIT_STRIDE", "5"))
    assert deaths > 2


def _timeless(root: Path) -> dict[str, Any]:
    """All below a folder but receipts, with other times and paths taken out of models."""
    held = {path: data for path, data in read_tree(root).items() if not path.startswith("receipts")}
    run = json.loads(held["models/net/model.json"])
    run["forgotten"]["at"] = run["dataset"]["root"] = ""
    return {**held, "models/net/model.json": run}


def test_pictures_that_were_removed_do_not_come_back(cheap: Path) -> None:
    plain = cheap / "plain"
    saved_again = images.encode(images.read(sorted((plain / "Ada Lovelace").iterdir())[0]), 85)
    gone(cheap)
    (plain / "Eve").mkdir()
    (plain / "Eve" / "copy.jpg").write_bytes(saved_again)
    shutil.copytree(plain / "Ada Lovelace", plain / "Somebody")
    report = crop(Crop(input=plain, output=cheap / "data" / "faces", detect=False, jobs=1, overwrite=True))
    assert labels(cheap / "data" / "faces") == ["Bob", "Cyd"]
    assert report.left[tombstones.FORGOTTEN] == 1  # the copy; the others were not read as pictures at all


def test_the_list_of_what_was_removed_holds_no_name_and_no_address(cheap: Path) -> None:
    gone(cheap)
    text = tombstones.file().read_text()
    assert "lovelace" not in text.lower()
    assert not {one["origin"] for one in manifest(cheap / "data" / "even")} & set(text.split('"'))
    stones = tombstones.read()
    assert stones.has_name("ADA lovelace")
    assert not stones.has_name("Bob")
    assert tombstones.file().stat().st_mode & 0o077 == 0


def test_what_is_not_facekits_is_refused_and_not_touched(cheap: Path, facekit: Facekit) -> None:
    before = read_tree(cheap / "plain")
    done = facekit("forget", "Ada Lovelace", "--in", cheap / "plain", "-o", cheap / "receipts")
    assert done.code == 2
    assert "holds nothing that facekit wrote" in done.err
    assert read_tree(cheap / "plain") == before
    assert not (cheap / "receipts").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Ada Lovelac", "--in", "data"], "did you mean 'Ada Lovelace'?"),
        (["--in", "data"], "nothing is to be removed; give a NAME"),
        (["Ada Lovelace"], "--in is missing"),
        (["Ada Lovelace", "--in", "nowhere"], "nowhere"),
        (["Ada Lovelace", "models/net", "--in", "data"], "is a folder that facekit made, not a name"),
        (["Ada Lovelace", "--in", "data", "models"], "models is a folder, and nobody is called so; give `--in models`"),
        (["Ada Lovelace", "Bop", "--in", "data"], "did you mean 'Bob'?"),
        (["--id", "xyz", "--in", "data"], "at least 8 hexadecimal digits"),
        (["--host", "https://x.example/", "--in", "data"], "the name of a host alone"),
        (["--photo", "none.jpg", "--in", "data"], "no file"),
        (["--url", "https://x.example/1.jpg", "--in", "data"], "nothing in data is --url https://x.example/1.jpg"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_type(
    _cheap: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(_cheap)
    done = facekit("forget", *words)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert not (_cheap / "receipts").exists()


def test_another_process_that_writes_a_folder_is_not_disturbed(cheap: Path) -> None:
    from facekit.base.files import locked

    before = read_tree(cheap / "data")
    with locked(cheap / "data" / "faces"), pytest.raises(FacekitError, match="another facekit process is writing"):
        gone(cheap)
    assert read_tree(cheap / "data") == before


def test_photos_expire_by_age(cheap: Path) -> None:
    old = [
        json.loads(line)["origin"]
        for line in (cheap / "data" / "faces" / "sources.jsonl").read_text().splitlines()
        if '"2020' in line
    ]
    expire(Expire(folders=[str(cheap / "data")], older_than="3y", output=cheap / "receipts", jobs=1))
    left = {one["origin"] for one in manifest(cheap / "data" / "faces")}
    assert len(old) == len(left) == 6
    assert not left & set(old)


def test_an_age_that_nothing_has_is_no_fault(cheap: Path, facekit: Facekit) -> None:
    """A timer that runs `expire` every day must not report a failure on most of them."""
    before = read_tree(cheap)
    done = facekit("expire", cheap / "data", "--older-than", "90y", "-o", cheap / "receipts")
    assert done.code == 0
    assert f"nothing in {cheap / 'data'} is older than 90y; nothing was changed" in done.out
    assert (
        json.loads(facekit("expire", cheap / "data", "--older-than", "90y", "-o", cheap / "r", "--json").out)[
            "details"
        ]["places"]
        == []
    )
    assert read_tree(cheap) == before


@pytest.mark.parametrize("name", ["ada_lovelace", "Ada_ Lovelace", "ADA LOVELACE"])
def test_an_underscore_counts_as_a_space(cheap: Path, name: str) -> None:
    gone(cheap, names=[name])
    assert labels(cheap / "data" / "even") == ["Bob", "Cyd"]
    assert tombstones.read().has_name("Ada Lovelace")


def test_a_folder_called_with_an_underscore_is_found_by_the_name(tmp_path: Path) -> None:
    photos = plain_tree(tmp_path / "plain", {"ada_lovelace": 2, "bob": 2}, side=96)
    crop(Crop(input=photos, output=tmp_path / "faces", detect=False, jobs=1))
    forget(Forget(names=["Ada Lovelace"], in_=[str(tmp_path / "faces")], output=tmp_path / "receipts"))
    assert labels(tmp_path / "faces") == ["bob"]


def test_a_name_that_nobody_has_is_said_where_something_else_goes(
    cheap: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cheap)
    done = facekit("forget", "Eve", "--host", "img.ada.example", "--in", "data", "--dry-run")
    assert done.code == 0
    assert "nobody in data is called 'Eve'" in done.err
    where = [line.split("  ")[1].strip() for line in done.out.splitlines()[1:]]
    assert "data/even" in done.out
    assert not any(place.startswith("/") for place in where if "cache" not in place)


def test_an_age_is_in_the_receipt(cheap: Path) -> None:
    report = expire(Expire(folders=[str(cheap / "data")], older_than="3y", output=cheap / "receipts", jobs=1))
    assert json.loads(Path(report.details["receipt"]).read_text())["asked"]["older than"] == "3y"


WRITING = {
    *("replace_file", "replace_lines", "write_json", "write_csv", "append_line", "open_new", "open_append", "open_own"),
    *("write_all", "write_arrays", "write_bytes", "write_text", "copyfile", "copy2", "copytree", "copyfileobj"),
    *("save_weights", "savez", "RDBStorage", "to_csv", "imwrite", "dump_all"),
}
"""Calls that write files."""


_CALL = re.compile(rf"(?<!def )\b(?:{'|'.join(sorted(WRITING))})\(|\b(?:sqlite3|psycopg)\.connect\(")


def test_each_module_that_writes_belongs_to_a_kind_or_holds_nobody() -> None:
    """Whoever adds a module that writes files says here how a person is removed from them."""
    paths = sorted((ROOT / "facekit").rglob("*.py"))
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    known = {module for kind in registry.KINDS for module in kind.written_by} | registry.HOLDS_NOBODY.keys()
    assert {name for name, path in modules.items() if _CALL.search(path.read_text())} - known == set()
    assert known - modules.keys() == set()
    assert len(registry.BY_NAME) == len(registry.KINDS) >= 12


def test_files_of_higher_floors_are_called_as_they_are_there() -> None:
    def said(module: str, *names: str) -> Any:
        """What a module gives these names, without importing it: some of them import TensorFlow."""
        tree = ast.parse((ROOT / "facekit" / f"{module}.py").read_text())
        for node in tree.body:
            if isinstance(node, ast.Assign):
                target = node.targets[0]
                found = [one.id for one in getattr(target, "elts", [target]) if isinstance(one, ast.Name)]
                if set(names) <= set(found):
                    value = ast.literal_eval(node.value)
                    values = dict(zip(found, value, strict=True)) if len(found) > 1 else {found[0]: value}
                    return [values[name] for name in names] if len(names) > 1 else values[names[0]]
        raise AssertionError(f"{module} has no {names}")

    assert said("commands/scrape/state", "FILE") == scraping.STATE
    assert said("commands/scrape/evidence", "FOLDER") == scraping.PAGES
    assert said("commands/scrape/summary", "FILE") == scraping.TABLE
    assert (said("commands/tune/folder", "FILE"), said("commands/compare/folder", "FILE")) == searches.STATES
    assert said("commands/audit/without", "NOTE") == listed.COPY
    assert said("commands/compare/folder", "TABLES") == pages.COMPARISON
    assert said("runs/export/placing", "_PART") == exports.PART
    assert said("report/cards/markdown", "MARK").encode().startswith(cards.MARK)
    assert said("report/cards/markdown", "FILE") == cards.CARD
    assert said("report/cards/croissant", "FILE") == cards.FOR_MACHINES
    assert said("runs/export/saved_model", "EXTRA") == exports.EXTRA
    assert said("runs/export/saved_model", "_ABOUT") == exports.ABOUT_FILE


def test_a_home_folder_that_is_called_like_a_person_is_nobody() -> None:
    targets = Targets(names={"ada"})
    assert targets.has_place("photos/Ada/1.jpg")
    assert not targets.has_place("/home/ada/photos/Bob/1.jpg")
