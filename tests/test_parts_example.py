"""The detector, embedder and network of `examples/parts`, as a package of somebody else, and commands that use them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Facekit, picture, plain_tree

from facekit.base import images, plugins
from facekit.base.contract import Box
from facekit.networks import build

EXAMPLE = ROOT / "examples" / "parts"
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The wheel that the package builds, on the path: that is as good as installed."""
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=EXAMPLE, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(out / built.stdout.split()[-1]))
        importlib.invalidate_caches()
        yield
        sys.modules.pop("facekit_parts", None)


def test_the_example_is_short() -> None:
    assert len((EXAMPLE / "facekit_parts.py").read_text().splitlines()) <= 75


def test_they_register_by_their_entry_points(facekit: Facekit) -> None:
    for kind, name in (("detector", "middle"), ("embedder", "lbp"), ("network", "mobilenet_v3")):
        assert name in plugins.names(kind)
    listed = {one["name"]: one for one in json.loads(facekit("models", "--json").out)["details"]["models"]}
    assert listed["lbp"]["about"].startswith("2124 numbers")
    assert {listed[name]["about"] for name in ("middle", "mobilenet_v3")} == {"from another package"}


def test_crop_finds_faces_with_its_detector(facekit: Facekit, tmp_path: Path) -> None:
    (tmp_path / "photos" / "Ada").mkdir(parents=True)
    photo = images.resize(picture(1), 200)
    (tmp_path / "photos" / "Ada" / "one.png").write_bytes(images.encode_png(photo))
    done = facekit(
        "crop", tmp_path / "photos", "-o", tmp_path / "faces", "--detector", "middle", "--verify", "none", "--json"
    )
    assert done.code == 0, done.err
    (record,) = map(json.loads, (tmp_path / "faces" / "manifest.jsonl").read_text().splitlines())
    assert Box(*record["box"]) == Box(40, 40, 120, 120)


def test_its_embedder_knows_a_face_again(drawn_faces: Path) -> None:
    embedder = plugins.load("embedder", "lbp")()
    files = sorted(drawn_faces.glob("*/*.jpg"))[:8]
    vectors = embedder.embed([embedder.align(images.read(file)) for file in files])
    assert vectors.shape == (8, embedder.dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    darker = embedder.embed([embedder.align((images.read(file) * 0.8).astype(np.uint8)) for file in files])
    far = np.linalg.norm(vectors[:, None] - darker[None], axis=2)
    assert (far.argmin(axis=1) == np.arange(8)).all()


def test_a_gallery_and_verify_take_its_embedder(facekit: Facekit, drawn_faces: Path, tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    done = facekit("enroll", drawn_faces, "-o", gallery, "--embedder", "lbp", "--no-detect", "--json")
    assert (done.code, done.report["details"]["embedder"]) == (0, "lbp"), done.err
    face = sorted(drawn_faces.glob("*/*.jpg"))[0]
    done = facekit("identify", gallery, face, "--no-detect")
    assert json.loads(done.out)["nearest"][0]["name"] == face.parent.name
    done = facekit("verify", face, face, "--embedder", "lbp", "--no-detect")
    assert (done.code, json.loads(done.out)["same"]) == (0, True)


def test_a_linear_head_is_trained_on_its_embedder(facekit: Facekit, even: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="the extra `train` is not installed")
    done = facekit("train", even, "-o", tmp_path / "head", "--backbone", "lbp", "--json")
    assert done.code == 0, done.err
    done = facekit("evaluate", tmp_path / "head", "--json")
    assert done.report["details"]["accuracy"] > 0.5


def test_its_network_goes_from_pixels_to_probabilities() -> None:
    pytest.importorskip("keras", reason="the extra `train` is not installed")
    network = build("mobilenet_v3", 32, 3, "gray")
    told = np.asarray(network(np.stack([picture(seed, 32) for seed in range(2)]).astype(np.float32)))
    assert told.shape == (2, 3)
    assert np.allclose(told.sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_its_network_is_trained_and_asked(facekit: Facekit, tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="the extra `train` is not installed")
    tree = plain_tree(tmp_path / "classes", {"one": 8, "two": 8})
    words = ("--network", "mobilenet_v3", "--size", "32", "--epochs", "1", "--labels", "classes", "--json")
    done = facekit("train", tree, "-o", tmp_path / "network", *words)
    assert done.code == 0, done.err
    assert facekit("predict", tmp_path / "network", tree, "--no-detect").code == 0
