"""Cards: what they say of a data set and a gallery, that machines can read it, and that they are not stale unnoticed.

What the card of a trained model says of its scores is tested with `evaluate`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Facekit, manifest
from exporting import head_run
from patches import edit

from facekit import runs
from facekit.base.contract import FacekitError, Rejection
from facekit.base.files import replace_lines
from facekit.commands.card import card
from facekit.dataset import Dataset, annotate
from facekit.dataset.records import MANIFEST, REJECTED, SOURCES, read_records, read_sources
from facekit.options.card import Card
from facekit.report.cards.facts import Data, Facts, Origin, Person
from facekit.report.cards.markdown import MARK, markdown
from facekit.report.cards.wording import hub_licence, licence, not_for
from facekit.runs import TrainedOn

EVIL = "Eve | <b>x</b> [y](javascript:z) `"


@pytest.fixture
def found(even: Path, tmp_path: Path) -> Path:
    """A copy of a tree with a split, as if its photos had been found in the web: half of them have a licence."""
    root = Path(shutil.copytree(even, tmp_path / "found"))
    sources = read_sources(root / SOURCES).values()
    told = [
        replace(
            source,
            url=f"https://{'a' if place % 2 else 'b'}.example/{place}.jpg",
            engine="commons" if place % 2 else "bing",
            licence="CC BY-SA 4.0" if place % 2 else None,
            licence_url="https://creativecommons.org/licenses/by-sa/4.0/" if place % 2 else None,
            creator=f"Photographer {place % 4}" if place % 2 else None,
            fetched_at=f"2026-11-{10 + place:02}T10:00:00+00:00" if place < 10 else None,
        )
        for place, source in enumerate(sources)
    ]
    replace_lines(root / SOURCES, (one.to_json() for one in told))
    known = [
        replace(record, targets={"gender": "female" if place % 3 else "male"} if place else None)
        for place, record in enumerate(read_records(root / MANIFEST))
    ]
    replace_lines(root / MANIFEST, (one.to_json() for one in known))
    left = Rejection("scrape", "0" * 64, "Ada", "https://a.example/x.jpg", "opted out: robots.txt")
    with (root / REJECTED).open("a") as file:
        file.write(left.to_json() + "\n")
    annotate(root, drawn=False)
    info = json.loads((root / "dataset.json").read_text())
    (root / "dataset.json").write_text(json.dumps({key: value for key, value in info.items() if key != "drawn"}))
    return root


def read(folder: Path) -> tuple[str, dict[str, Any]]:
    return (folder / "README.md").read_text(), json.loads((folder / "croissant.json").read_text())


def table(text: str, head: str) -> dict[str, str]:
    """The rows of a table: first cell -> the others."""
    lines = text[text.index(f"| {head} |") :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: " ".join(row[1:]) for row in rows}


def test_the_card_of_a_data_set(found: Path) -> None:
    card(Card(target=str(found)))
    text, _ = read(found)
    records = manifest(found)
    photos = len({record["origin"] for record in records})
    assert table(text, "found by | photos") == {"bing": str(photos - photos // 2), "commons": str(photos // 2)}
    assert table(text, "host | photos") == {"b.example": str(photos - photos // 2), "a.example": str(photos // 2)}
    assert table(text, "licence | photos") == {"not known": str(photos - photos // 2), "CC BY-SA 4.0": str(photos // 2)}
    assert f"named for {photos // 2} of {photos} photos: 2 creators" in text
    assert "between 2026-11-10 and 2026-11-19" in text
    assert table(text, "signal | photos") == {"robots.txt": "1"}
    people = {record["name"] for record in records}
    balance = table(text, "person | pictures")
    assert {*balance} == people
    assert {line.split()[0] for line in balance.values()} == {"9"}
    assert table(text, "gender | pictures") == {"female": "18", "male": "8", "not known": "1"}
    assert "no photo is in two parts" in text
    assert "photos are in more than one part: 0." in text
    assert "by `crop`, method pixels" in text
    assert f"no licence is recorded for {photos - photos // 2} of the {photos} photos" in text
    assert f"{photos} photos from the web, found by bing ({photos - photos // 2}), commons ({photos // 2})" in text
    assert "9 pictures of each person" in text
    assert "by gender see below" in text
    assert "| balance |" in text
    assert 'license: "other"' in text.split("---")[1]
    assert str(found.parent) not in text, "a card names no path of the machine"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib, which mlcroissant uses
def test_a_machine_reads_it(found: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    card(Card(target=str(found)))
    read_in = croissant.Dataset(jsonld=str(found / "croissant.json"))
    about, issues = read_in.metadata, read_in.metadata.ctx.issues
    assert not issues.errors
    assert all("datePublished" in warning for warning in issues.warnings)
    assert [one.rpartition("/")[2] for one in about.conforms_to] == ["1.1", "1.0"]
    text, values = read(found)
    named = [name for name in values if name.startswith("rai:")]
    assert len(named) >= 10
    for name in (
        "data_collection",
        "data_biases",
        "data_limitations",
        "data_use_cases",
        "personal_sensitive_information",
    ):
        assert getattr(about, name), name
    rows = list(read_in.records("pictures"))
    assert [row["pictures/path"].decode() for row in rows] == [record["path"] for record in manifest(found)]
    assert {row["pictures/split"].decode() for row in rows} == {"train", "test", "validation"}


def test_a_stale_card_is_found(found: Path, facekit: Facekit) -> None:
    missing = facekit("card", found, "--check")
    assert (missing.code, "is missing" in missing.err + missing.out) == (1, True)
    assert facekit("card", found).code == 0
    before = read(found)
    assert facekit("card", found, "--check").code == 0
    assert facekit("card", found).code == 0
    assert read(found) == before, "written again, it is the same"
    (found / manifest(found)[0]["path"]).unlink()
    stale = facekit("card", found, "--check")
    assert (stale.code, "README.md is stale" in stale.err + stale.out) == (1, True)
    assert read(found) == before, "--check writes nothing"
    assert facekit("card", found, "--dry-run").code == 0
    assert read(found) == before
    assert facekit("card", found).code == 0
    assert facekit("card", found, "--check").code == 0


def test_no_file_of_somebody_else_is_written_over(found: Path, facekit: Facekit, tmp_path: Path) -> None:
    (found / "README.md").write_text("my own words")
    done = facekit("card", found)
    assert (done.code, "was not written by `facekit card`" in done.err) == (2, True)
    assert (found / "README.md").read_text() == "my own words"
    assert facekit("card", found, "-o", tmp_path / "elsewhere").code == 0
    assert MARK in (tmp_path / "elsewhere/README.md").read_text()
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "nothing", tmp_path / "empty"):
        assert facekit("card", wrong).code == 2


def test_what_is_not_known_is_not_said_to_be_nothing(drawn_faces: Path, tmp_path: Path) -> None:
    root = tmp_path / "plain"
    for file in drawn_faces.glob("*/*.jpg"):
        (root / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / file.parent.name)
    card(Card(target=str(root)))
    text, values = read(root)
    assert "what its maker left out is not recorded" in text
    assert "not recorded" in values["rai:dataCollectionMissingData"]
    assert "Nothing was left out" not in text
    assert "nobody has checked whether each face is the person" in text


@pytest.mark.parametrize(
    ("which", "file"),
    [
        ("model", "manifest.jsonl"),
        ("its data", "sources.jsonl"),
        ("what these were made of", "manifest.jsonl"),
        ("what these were made of", "rejected.jsonl"),
    ],
)
def test_a_broken_line_is_not_taken_for_data_that_are_gone(
    which: str, file: str, even: Path, drawn_faces: Path, tmp_path: Path, facekit: Facekit
) -> None:
    shutil.copytree(drawn_faces, tmp_path / drawn_faces.name)
    root = Path(shutil.copytree(even, tmp_path / even.name))
    target = root
    if which == "model":
        target = head_run(tmp_path / "run", root, "sface")
        edit(target, dataset=TrainedOn(root=str(root), digest=Dataset.open(root).digest()))
    broken = tmp_path / drawn_faces.name / file if which == "what these were made of" else root / file
    broken.touch()
    assert facekit("card", target).code == 0
    with broken.open("a") as lines:
        lines.write('{"id": 7}\n')
    refused = facekit("card", target)
    assert (refused.code, str(broken) in refused.err) == (2, True), refused.err


def test_the_card_of_a_model_without_its_data(even: Path, tmp_path: Path) -> None:
    folder = head_run(tmp_path / "run", even, "sface")
    edit(folder, dataset=TrainedOn(root=str(even), digest=Dataset.open(even).digest()))
    card(Card(target=str(folder)))
    whole, values = read(folder)
    assert "It has not been evaluated" in whole
    assert "of a face whose similarity to the person that is most similar is below 0.200" in whole
    assert "sface, which stays as it is" in whole
    assert "rough estimate: only 3 people" in whole
    assert "Apache-2.0" in whole
    assert "MS-Celeb-1M" in whole
    assert values["distribution"][0]["name"] == "split.jsonl"
    edit(folder, dataset=TrainedOn(root=str(tmp_path / "gone"), digest="0"))
    card(Card(target=str(folder)))
    text, _ = read(folder)
    assert "trained on is gone: where its photos come from" in text
    assert "any of the 0 photos" not in text
    assert "No licence is recorded" not in text.partition("## Where")[0].replace("no licence is recorded", "")
    edit(folder, dataset=TrainedOn(root=str(even), digest="0"))
    card(Card(target=str(folder)))
    assert "trained on has changed since" in read(folder)[0]
    edit(folder, backbone=replace(runs.load(folder).info.backbone, name=str(tmp_path / "deep" / "backbone")))
    card(Card(target=str(folder)))
    for text in (file.read_text() for file in (folder / "README.md", folder / "croissant.json")):
        assert str(tmp_path) not in text, "a card names no path of the machine"
        assert "backbone" in text or text.startswith("{")


def test_the_card_of_a_gallery(enrolled: Path, tmp_path: Path) -> None:
    card(Card(target=str(enrolled), output=tmp_path / "card"))
    text, _ = read(tmp_path / "card")
    assert "biometric" in text
    assert len(table(text, "person | faces")) == 3
    assert "cannot be promised" in text
    assert "of a face whose similarity to the person" in text
    assert "drawn by facekit: they show nobody" in text


def test_names_of_a_stranger_do_not_act() -> None:
    facts = Facts(
        kind="data set",
        title=f"t\n---\nx: {EVIL}",
        summary="s",
        data=Data(pictures=1, people=[Person(name=EVIL, pictures=1)], origin=Origin(photos=1, engines={EVIL: 1})),
    )
    text = markdown(facts)
    front, rest = text.removeprefix("---\n").split("\n---\n", 1)
    assert all(line.partition(":")[0].replace("_", "").isalpha() for line in front.splitlines())
    body = rest.replace(MARK, "")
    assert "<b>" not in body.replace("\\<b", "")
    assert "[y](" not in body.replace("\\[y\\](", "")
    rows = [line for line in body.splitlines() if line.startswith("| Eve")]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)


@pytest.mark.parametrize(
    ("licences", "hub"),
    [
        ({}, "unknown"),
        ({"not known": 3}, "unknown"),
        ({"CC BY-SA 4.0": 3}, "cc-by-sa-4.0"),
        ({"cc0": 3}, "cc0-1.0"),
        ({"CC BY-SA 2.0": 3}, "other"),
        ({"cc0": 3, "not known": 1}, "other"),
    ],
)
def test_licences(licences: Mapping[str, int], hub: str) -> None:
    origin = Origin(photos=sum(licences.values()), licences=licences)
    facts = Facts(kind="data set", title="t", summary="s", data=Data(pictures=1, people=[], origin=origin))
    assert hub_licence(facts) == hub
    unknown = licences.get("not known", 0)
    assert ("rights" in licence(facts) or not licences) is bool(unknown or not licences)
    assert any("Do not publish" in one for one in not_for(facts)) is bool(unknown or not licences)


def test_a_database_has_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="name one with -o"):
        card(Card(target="postgresql://nobody@localhost/faces"))
