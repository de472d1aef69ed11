"""What `export_versions.py` runs in an environment of its own: train, export, and ask each file by its own runtime.

    python export_worker.py PHOTOS FOLDER          train and export, as KERAS_BACKEND can
    python export_worker.py PHOTOS FOLDER --read   answer from the ONNX files in FOLDER alone

It prints a JSON object: format -> what came of it.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIDE = 48

FORMATS = {
    "onnx": ("onnx", "model.onnx"),
    "onnx for Triton": ("onnx", "triton"),
    "litert": ("litert", "model.tflite"),
    "litert-int8": ("litert-int8", "model8.tflite"),
    "savedmodel": ("savedmodel", "served"),
}
TORCH = {"torch": ("torch", "model.pt2")}


def main() -> None:
    """Print what came of each format."""
    photos, folder = map(Path, sys.argv[1:3])
    print(json.dumps(_read(photos, folder) if "--read" in sys.argv else _written(photos, folder)))


def _written(photos: Path, folder: Path) -> dict[str, str]:
    import facekit

    run = folder / "run"
    facekit.train(photos, run, network="cnn3", size=SIDE, epochs=2, batch=8, labels="classes", overwrite=True)
    answers = _answers(run, photos)
    (folder / "answers.json").write_text(json.dumps(answers))
    found = {}
    for what, (written, name) in (TORCH if os.environ.get("KERAS_BACKEND") == "torch" else FORMATS).items():
        try:
            report = facekit.export(run, folder / name, format=written, overwrite=True)
            place = Path(str(report.details["file"]))
            found[what] = f"{_difference(run, photos, place):.1g}"
            if written == "onnx":
                _check_alike(answers, _answers(folder / name, photos))
                found[what] += ", predict alike"
        except facekit.FacekitError as error:
            found[what] = f"refused: {error}"
        except Exception as error:  # noqa: BLE001 - the others are still to be tried
            found[what] = f"FAILED: {error!r:.300}"
    return found


def _read(photos: Path, folder: Path) -> dict[str, str]:
    expected = json.loads((folder / "answers.json").read_text())
    found = {}
    for name in ("model.onnx", "triton"):
        try:
            _check_alike(expected, _answers(folder / name, photos))
            found[name] = "predict alike"
        except Exception as error:  # noqa: BLE001 - the others are still to be tried
            found[name] = f"FAILED: {error!r:.300}"
    assert "tensorflow" not in sys.modules
    return found


def _answers(model: Path, photos: Path) -> list[tuple[str, str, float]]:
    """Return picture, label and probability of each face that is found."""
    import facekit

    found = facekit.predict(model, [photos], min_confidence=0)
    return [(Path(str(one.picture)).name, str(one.label), one.probability or 0.0) for one in found]


def _check_alike(expected: list, found: list) -> None:
    assert len(found) == len(expected) > 5, (len(expected), len(found))
    for one, other in zip(expected, found, strict=True):
        assert tuple(one[:2]) == tuple(other[:2]), (one, other)
        assert abs(one[2] - other[2]) < 5e-4, (one, other)


def _difference(run: Path, photos: Path, place: Path) -> float:
    """Return the largest difference of a probability, of the file by its own runtime from the run by Keras."""
    sys.path.insert(0, str(ROOT / "examples" / "exported"))
    import ask

    from facekit import runs
    from facekit.base import images
    from facekit.runs.export.network import of_network

    faces = np.stack([images.resize(images.read(file), SIDE) for file in sorted(photos.glob("*/*.jpg"))])
    rows = np.asarray(of_network(runs.load(run).model()).predict(faces, verbose=0)["probabilities"])
    assert np.ptp(rows, axis=0).max() > 0.01, "the network says the same of all faces"
    return float(np.abs(ask.opened(place)[1](faces) - rows).max())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
