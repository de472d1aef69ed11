"""Every embedder's weights are described, and the description is of the very file that is used."""

from __future__ import annotations

import hashlib

from facekit.base import plugins, weights
from facekit.base.provenance import DETECTORS, EMBEDDERS
from facekit.faces.landmarks import model_file


def test_every_embedder_is_described() -> None:
    assert EMBEDDERS.keys() == plugins.PARTS["embedder"].keys()
    for one in (*EMBEDDERS.values(), *DETECTORS.values()):
        assert one.overlap.endswith(".")
        assert "\n" not in one.trained_on
        assert one.disclosed == ("not disclosed" not in one.trained_on)


def test_the_description_is_of_the_files_that_are_used(real_weights: None) -> None:
    dlib = EMBEDDERS["dlib"]
    assert hashlib.sha256(model_file(dlib.file).read_bytes()).hexdigest() == dlib.sha256
    for name, one in (("sface", EMBEDDERS["sface"]), ("yunet", DETECTORS["yunet"])):
        assert hashlib.sha256(weights.load(name)).hexdigest() == one.sha256


def test_the_licence_is_the_embedders_own() -> None:
    for name, one in EMBEDDERS.items():
        assert plugins.load("embedder", name).licence == one.licence
