"""Keras on other engines than TensorFlow: they train, score, resume, and load what another engine trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patches import tree

ENGINES = ("tensorflow", "jax", "torch")

TRAIN = """
import json, sys
from facekit.commands.evaluate import evaluate
from facekit.options.evaluate import Evaluate; from facekit.options.train import Train
from facekit.commands.train import train
def track(items, title, total=None, board=None):
    for number, item in enumerate(items):
        if title == "train" and number == int(sys.argv[1]):
            raise KeyboardInterrupt
        yield item
options = Train(**json.loads(sys.argv[2]))
try:
    train(options, track)
    print(json.dumps(evaluate(Evaluate(run=options.output)).details["accuracy"]))
except KeyboardInterrupt:
    print("null")
"""

LOOK = """
import json, sys
import numpy as np
from pathlib import Path
from facekit import runs
from facekit.identity import classifier
from facekit.networks.backend import engine
pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
rows = [classifier.load(runs.load(Path(run))).probabilities(pictures, 5) for run in sys.argv[1:]]
print(json.dumps([engine(), [np.stack(list(row)).tolist() for row in rows]]))
"""


def on(engine: str, code: str, *arguments: str) -> Any:
    """Run code in a process whose Keras computes with an engine, and return what it printed."""
    environment = {**os.environ, "KERAS_BACKEND": engine}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=[name for name in ENGINES if name != "tensorflow"])
def engine(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


def need(engine: str) -> None:
    """Skip the test where an engine is not installed, unless the environment asks for it, as CI does for JAX."""
    if find_spec(engine) is None:
        assert f"FACEKIT_REQUIRE_{engine.upper()}" not in os.environ, f"{engine} is not installed"
        pytest.skip(f"{engine} is not installed")


def test_an_engine_trains_resumes_and_exchanges_models(engine: str, tmp_path: Path) -> None:
    faces = tree(tmp_path / "faces")
    values = {"input": str(faces), "network": "cnn3", "size": 32, "epochs": 4, "batch": 8, "stop_at": 1.01}
    values |= {"light_augment": True, "label_smoothing": 0.05}
    own = json.dumps({**values, "output": str(tmp_path / engine)})
    assert on(engine, TRAIN, "5", own) is None
    assert on(engine, TRAIN, "10000", own) > 0.8
    theirs = json.dumps({**values, "output": str(tmp_path / "tensorflow"), "weights": str(tmp_path / engine)})
    assert on("tensorflow", TRAIN, "10000", theirs) > 0.8
    folders = [str(tmp_path / engine), str(tmp_path / "tensorflow")]
    (here, ours), (there, others) = on(engine, LOOK, *folders), on("tensorflow", LOOK, *folders)
    assert (here, there) == (engine, "tensorflow")
    assert np.allclose(ours, others, atol=1e-4)


COMPILED = """
import json
import numpy as np
from facekit.networks import build
from facekit.networks.backend import keras
from facekit.training.loop import augmented
model = augmented(build("cnn3", 32, 3, "gray"))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.zeros((4, 32, 32, 3), np.uint8), np.zeros(4, np.int32), batch_size=4, verbose=0)
print(json.dumps(bool(model.jit_compile)))
"""


def test_jax_compiles_light_augmentation_too() -> None:
    """Else it would run the whole network operation by operation."""
    need("jax")
    assert on("jax", COMPILED) is True


def test_tensorflow_is_what_computes_unless_another_is_asked_for_and_its_loading_is_said(tmp_path: Path) -> None:
    code = (
        "import logging; logging.basicConfig(level='INFO')\n"
        "from facekit.networks.backend import engine; print('\"' + engine() + '\"')"
    )
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == "tensorflow"
    assert done.stderr.startswith("INFO:facekit.networks.backend:loading Keras, which takes some seconds")


def test_ctrl_c_while_the_engine_loads_shows_nothing_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras")
    from facekit.networks.backend import hushed

    capfd.readouterr()  # what loading it has written
    for error, shown in ((KeyboardInterrupt(), ""), (ImportError(), "noise")):
        with pytest.raises(type(error)), hushed():
            os.write(2, b"noise")
            raise error
        assert capfd.readouterr().err == shown
