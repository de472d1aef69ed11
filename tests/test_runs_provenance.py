"""What reports say of the weights that a model stands on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from colours import colours as colours
from conftest import Facekit
from patches import edit, tree

from facekit import runs
from facekit.base.contract import replace
from facekit.base.provenance import DLIB, SFACE
from facekit.commands.compare import compare
from facekit.commands.train import train
from facekit.options.compare import Compare
from facekit.options.train import Train
from facekit.runs.info import Backbone
from facekit.runs.provenance import of_run, of_training


@pytest.fixture
def run(tmp_path: Path, colours: str) -> Path:
    train(Train(input=tree(tmp_path / "faces"), output=tmp_path / "run", backbone=colours))
    return tmp_path / "run"


def _of(run: Path, **changes: Any) -> Any:
    edit(run, **changes)
    return of_run(runs.load(run))


def test_published_weights_are_named_with_their_licence_and_data(run: Path) -> None:
    dlib = _of(run, backbone=Backbone(name="dlib"))
    assert (dlib.licence, dlib.trained_on) == (DLIB.licence, DLIB.trained_on)
    assert DLIB.file in dlib.title
    sface = _of(run, backbone=Backbone(name="sface"))
    assert sface.licence == SFACE.licence
    assert "not disclosed" in sface.trained_on
    assert "47% are in MS1MV2" in sface.people


def test_networks_say_what_they_began_with(run: Path, tmp_path: Path) -> None:
    scratch = _of(run, backbone=None, network="cnn3", options={"weights": "none"})
    assert scratch.title.startswith("none")
    assert "nothing else" in scratch.trained_on
    imagenet = _of(run, network="inception_v3", options={"weights": "imagenet"})
    assert (imagenet.title, imagenet.licence) == ("Keras' ImageNet weights of InceptionV3", "Apache-2.0")
    assert _of(run, options={"weights": "x.weights.h5"}).licence == "not known"
    own = Path(shutil.copytree(run, tmp_path / "own"))
    assert "were not recorded" in _of(run, options={"weights": str(own)}).trained_on, "no folder is looked into"


def test_a_training_notes_what_the_other_run_had_learned(run: Path, tmp_path: Path) -> None:
    options = Train(input=tmp_path / "faces", output=tmp_path / "new", weights=str(run))
    on_colours = of_training(options)
    assert on_colours is not None
    assert on_colours.title == f"the network of the run {run}"
    count = f"24 pictures of 3 names in {tmp_path / 'faces'}"
    assert on_colours.trained_on == f"{count}; before that colours, trained on data unknown to facekit"
    assert on_colours.people.endswith("They may be among its training data")
    edit(run, backbone=None, network="cnn3", options={"weights": "none"})
    scratch = of_training(options)
    assert scratch is not None
    assert scratch.trained_on == count
    assert of_training(replace(options, weights="none")) is None
    assert _of(run, knew=scratch) == scratch


def test_an_embedder_of_another_package_is_not_vouched_for(run: Path) -> None:
    card = of_run(runs.load(run))
    assert (card.title, card.licence) == ("colours", "CC0 1.0")
    assert card.people == "They may be among its training data"


def test_every_report_says_it(run: Path, tmp_path: Path, facekit: Facekit) -> None:
    """On its page, in its JSON, and at the end on the terminal, which names the page where that has many numbers."""
    reports = [
        (["evaluate", run], "scores.json"),
        (["cross-validate", run, "--folds", "2", "--rounds", "0"], "scores.json"),
        (["inspect", run, "--method", "occlusion", "--count", "1"], "inspection.json"),
        (["audit", run, "-o", tmp_path / "audit"], None),
    ]
    for arguments, file in reports:
        done = facekit(*arguments, "--json")
        folder = Path(done.report["folder"])
        assert done.report["details"]["licence of the weights"] == "CC0 1.0"
        assert f"\n{arguments[0]}: " in f"\n{done.err}"
        long = arguments[0] in ("evaluate", "cross-validate")
        assert re.search(r"what its weights were\s+trained on" if long else r"\n +weights +colours", done.err)
        page = (folder / "report.html").read_text()
        assert "Pretrained weights" in page
        assert "CC0 1.0" in page
        if file:
            assert json.loads((folder / file).read_text())["weights"]["title"] == "colours"


def test_a_comparison_says_it_of_each(run: Path, tmp_path: Path, colours: str) -> None:
    file = tmp_path / "one.toml"
    file.write_text(f'[[contender]]\nbackbone = "{colours}"\n')
    compare(Compare(input=tmp_path / "faces", output=tmp_path / "out", contenders=file))
    says = "colours: weights colours; licence CC0 1.0; trained on data unknown to facekit. People scored: they"
    assert says in (tmp_path / "out" / "compare.md").read_text()
    assert says in (tmp_path / "out" / "compare.html").read_text()
    row = json.loads((tmp_path / "out" / "compare.json").read_text())["rows"]["colours"]
    assert row["weights"]["licence"] == "CC0 1.0"
