"""Looking into networks: filters, maps, what an answer rests on, and the page that shows it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import files_in, read_tree
from pages import check_alone
from patches import move

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import FacekitError, Image, Record, Report, replace
from facekit.base.files import replace_lines
from facekit.commands.inspect import inspect, network
from facekit.commands.inspect.heat import Cam, occlusion
from facekit.commands.train import train
from facekit.dataset import MANIFEST
from facekit.networks import NETWORKS, build, layers
from facekit.networks.backend import keras
from facekit.networks.gradients import slope
from facekit.options.inspect import Inspect
from facekit.options.train import Train

SIDE, CORNER = 32, 12
PARTS = ("train",) * 24 + ("test",) * 4 + ("validation",) * 4


def cornered(label: int, seed: int) -> Image:
    """A picture in whose top right corner the colour of a square decides the label; another means nothing."""
    rng = np.random.default_rng([label, seed])
    image = rng.integers(0, 80, (SIDE // 4, SIDE // 4, 1), dtype=np.uint8).repeat(4, 0).repeat(4, 1).repeat(3, 2)
    image[2:CORNER, -CORNER:-2] = ((230, 40, 40), (40, 60, 230))[label]
    image[-CORNER:-2, 2:CORNER] = rng.integers(150, 256, 3, dtype=np.uint8)
    return image


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells <red> from blue & alike by a corner alone; its pictures lie beside it."""
    root = tmp_path_factory.mktemp("inspected")
    records = []
    for label, name in enumerate(("red", "blue")):
        (root / "faces" / name).mkdir(parents=True)
        for number, part in enumerate(PARTS):
            data = images.encode_png(cornered(label, number))
            digest = hashlib.sha256(data).hexdigest()
            path = f"{name}/{digest[:16]}.png"
            (root / "faces" / path).write_bytes(data)
            records.append(Record(digest, digest, path, name, f"<{name}>", digest, group=digest, split=part))
    replace_lines(root / "faces" / MANIFEST, (record.to_json() for record in records))
    options = Train(
        input=root / "faces", output=root / "run", network="cnn3", size=SIDE, epochs=12, batch=16, stop_at=1
    )
    train(options)
    return options.output


@pytest.fixture
def own(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed; its pictures are where they were."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def look(run: Path, output: Path, **more: Any) -> Report:
    return inspect(Inspect(run=run, output=output, **more))


def facts(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(report.folder, "inspection.json").read_text())
    return found


def quarters(heat: np.ndarray) -> np.ndarray:
    """How much of the heat lies in each quarter, shape (2, 2); the square lies in that of row 0, column 1."""
    middle = (heat.shape[0] + 1) // 2
    halves = (slice(None, middle), slice(middle, None))
    return np.array([[heat[y, x].sum() for x in halves] for y in halves]) / max(float(heat.sum()), 1e-9)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "occlusion"])
def test_the_heat_lies_where_the_information_is(trained: Path, method: str) -> None:
    run = runs.load(trained)
    model = run.model()

    def answers(pictures: Any) -> np.ndarray:
        return np.asarray(model.predict_on_batch(np.stack(list(pictures))))

    def heat(seen: Image, number: int) -> np.ndarray:
        if method == "occlusion":
            return occlusion(seen, number, answers)
        return Cam(model, layers.last_map(model), method == "hirescam")(seen, number)

    shares, hottest, others = [], [], []
    for label, name in enumerate(("red", "blue")):
        for seed in range(100, 108):
            seen, number = cornered(label, seed), run.labels.index(name)
            assert answers([seen])[0].argmax() == number
            found = heat(seen, number)
            assert found.min() >= 0
            assert found.max() == 1
            shares.append(quarters(found))
            y, x = np.unravel_index(found.argmax(), found.shape)
            hottest.append(y < found.shape[0] / 2 and x >= found.shape[1] // 2)
            others.append(quarters(heat(seen, 1 - number))[0, 1])
    left, corner, opposite, below = np.mean(shares, axis=0).ravel()
    # A quarter has a quarter by chance; the square opposite is as bright and decides nothing.
    assert corner > max(0.33, 1.15 * left, 1.15 * below, 1.15 * opposite), (left, corner, opposite, below)
    assert np.mean(hottest) >= 0.6
    assert corner > np.mean(others), "what speaks for the other name lies elsewhere"


@cache
def built(name: str) -> Any:
    """A network of the smallest size, or one at which small networks have a map. Not to be changed."""
    return build(name, max(NETWORKS[name].smallest, SIDE), 3)


def noise(side: int) -> Image:
    return np.random.default_rng(5).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_shows_filters_maps_and_heat(name: str) -> None:
    model = built(name)
    side = model.inputs[0].shape[1]
    tiles = network.filters(model, "rgb")
    kernel = layers.first_convolution(model).kernel.shape
    assert len(tiles) == kernel[-1]
    assert all(tile.shape == (*kernel[:2], 3) and tile.dtype == np.uint8 for tile in tiles)
    assert all(tile.max() == 255 or tile.min() == 0 for tile in tiles)
    ends = layers.ends(model)
    assert 2 <= len(ends) <= 6
    for layer, found in network.Maps(model, layers.pick(model, ends))(noise(side)).items():
        assert found.shape == layers.shape(layers.named(model)[layer])
        assert np.isfinite(found).all()
        channels = network.strongest(found)
        assert len(channels) == min(found.shape[-1], 64)
        assert all(tile.shape == (*found.shape[:2], 3) for tile in network.drawn(found, channels))
    at = layers.last_map(model)
    height, width, _ = layers.shape(layers.named(model)[at])
    assert min(height, width) >= layers.FINE
    heat = Cam(model, at)(noise(side), 1)
    assert heat.shape == (height, width)
    assert np.isfinite(heat).all()
    assert heat.min() >= 0
    assert heat.max() in (0, 1)


@pytest.mark.parametrize("name", ["cnn5", "vgg16", "mobilenet_v2"])
def test_the_slope_is_the_one_that_small_steps_have(name: str) -> None:
    """Up the slope the score grows by what the slope says: the answer is followed through every layer."""
    model = built(name)
    output, found = layers.follow(model, layers.last_map(model)).output, layers.answer(model)
    after = keras.Model(output, found.features)
    at = np.random.default_rng(3).random((1, *output.shape[1:]), np.float32)
    weights = found.weights[:, 2]
    slopes = slope(after, at, weights)
    length = float(np.linalg.norm(slopes))
    way = slopes * (1e-2 / length)

    def score(place: np.ndarray) -> float:
        return float((np.asarray(after(place, training=False)).astype(np.float64) * weights).sum())

    assert length > 0
    assert score(at + way) - score(at - way) == pytest.approx(2e-2 * length, rel=0.05)


def test_scores_are_those_before_the_softmax() -> None:
    model = built("cnn3")
    found = layers.answer(model)
    features = np.asarray(keras.Model(model.inputs[0], found.features)(noise(SIDE)[None], training=False))
    scores = features @ found.weights + np.asarray(model.get_layer("names").bias)
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    assert np.allclose(shares, model(noise(SIDE)[None], training=False), atol=1e-5)


@pytest.mark.parametrize(("name", "color"), [("vgg16", "rgb"), ("cnn3", "gray"), ("vgg16", "gray")])
def test_filters_are_those_of_the_pictures_own_colours(name: str, color: str) -> None:
    """A filter that answers to red alone is red, whatever the network does before: VGG16 swaps red and blue."""
    model = build(name, SIDE, 3, color)
    layer = layers.first_convolution(model)
    kernel = np.zeros(layer.kernel.shape, np.float32)
    kernel[1, 1, -1 if name == "vgg16" else 0, 0] = 1
    layer.kernel.assign(kernel)
    middle = network.filters(model, color)[0][1, 1]
    assert middle.tolist() == ([255, 128, 128] if color == "rgb" else [255, 255, 255])


def test_names_of_layers_do_not_depend_on_what_was_built_before() -> None:
    first, second = build("cnn4", SIDE, 3), build("cnn4", SIDE, 3)
    assert [layer.name for layer in first.layers] != [layer.name for layer in second.layers]
    assert list(layers.named(first)) == list(layers.named(second))
    assert {"conv2d", "conv2d_3", "max_pooling2d_3", "head", "names"} <= set(layers.named(second))
    assert list(layers.named(build("alexnet", 67, 3)))[-5:] == [
        *("head_1", "head_dropout_1", "head_2", "head_dropout_2", "names")
    ]


def test_the_heat_is_asked_of_the_last_map_that_says_where() -> None:
    inception = build("inception_v3", 96, 3)
    assert layers.last_map(inception) == "mixed7"
    assert layers.shape(layers.named(inception)["mixed10"])[:2] == (1, 1)
    assert layers.last_map(build("cnn3", 8, 3)) == "activation_1"
    # A branch of a block is not all that the answer comes from.
    with pytest.raises(FacekitError, match=r"^--cam-layer mixed7_\w+|^no layer called 'branch'"):
        layers.follow(inception, "branch")
    with pytest.raises(FacekitError, match=r"^--cam-layer activation_5: .* map alone; choose another, such as mixed7$"):
        layers.follow(inception, "activation_5")


def theirs(size: int, classes: int) -> Any:
    """A network of another package: a Sequential one that follows none of facekit's names."""
    kinds = keras.layers
    stack = [kinds.Conv2D(4, 3, 2, activation="relu"), kinds.GlobalAveragePooling2D(), kinds.Dense(classes)]
    return keras.Sequential([keras.Input((size, size, 3)), *stack, kinds.Activation("softmax", name="last")])


def test_a_network_of_another_package_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS["network"], "theirs", "test_inspect:theirs")
    model = build("theirs", SIDE, 3)
    assert layers.last_map(model) == "conv2d"
    heat = Cam(model, "conv2d")(noise(SIDE), 0)
    assert heat.shape == (15, 15)
    assert len(network.filters(model, "rgb")) == 4
    assert layers.answer(model).weights.shape == (4, 3)


def test_a_run_is_looked_into(trained: Path, tmp_path: Path) -> None:
    report = look(trained, tmp_path / "out", count=4)
    assert report.details["pictures"] == "its own test part"
    at = "at activation_2, a map of 8x8, from the score before the softmax; the network's last map, 4x4, is "
    assert report.details["explained by"] == f"HiResCAM {at}coarser", "chosen for a network that flattens its last map"
    asked = look(trained, tmp_path / "asked", method="gradcam", count=1)
    assert str(asked.details["explained by"]).startswith(f"Grad-CAM {at}coarser; this network weighs each place sep")
    found = facts(report)
    assert [one["true"] for one in found["pictures"]] == ["<blue>", "<red>"] * 2
    assert all(one["top"][0][0] == one["true"] == one["explained"][0] for one in found["pictures"])
    written = files_in(tmp_path / "out")
    assert written == sorted([*found["files"], "inspection.json", "made-from.json", "report.html"])
    assert report.made == len(found["files"]) == 1 + 4 * (2 + 3)
    assert all(images.read(tmp_path / "out" / name).size for name in found["files"])
    page = check_alone(tmp_path / "out" / "report.html")
    assert page.count("data:image/png;base64,") == report.made
    assert "&lt;red&gt;" in page
    assert "<red>" not in page
    assert "a map of 8x8" in page


def test_another_name_and_other_layers_are_shown_where_asked_for(trained: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a b?#<i>.png"
    picture.write_bytes(images.encode_png(cornered(0, 500)))
    more = {"pictures": [picture], "label": "blue", "layer": ["conv2d,head", "names"], "cam_layer": "activation_1"}
    report = look(trained, tmp_path / "out", **more)
    (one,) = facts(report)["pictures"]
    assert one["explained"][0] == "<blue>"
    assert one["top"][0][0] == "<red>"
    assert one["true"] is None
    stem = "01-a_b_i"
    assert facts(report)["files"] == [
        *(f"{stem}{rest}.png" for rest in ("", "-heat", "-conv2d", "-head", "-names")),
        "00-filters.png",
    ]
    assert "HiResCAM at activation_1, a map of 16x16" in report.details["explained by"]
    assert "<i>" not in (tmp_path / "out" / "report.html").read_text()


def test_a_second_look_takes_the_place_of_the_first_and_a_new_training_both(own: Path, tmp_path: Path) -> None:
    look(own, own / "inspection", count=3, method="hirescam")
    (own / "inspection" / "notes.txt").write_text("mine")
    report = inspect(Inspect(run=own, count=1, method="occlusion"))
    assert report.folder == str(own / "inspection")
    assert files_in(own / "inspection") == sorted(
        [*facts(report)["files"], "inspection.json", "made-from.json", "notes.txt", "report.html"]
    )
    assert "a patch hides" in report.details["explained by"]
    runs.clear(own)
    assert files_in(own / "inspection") == ["notes.txt"]


def test_layers_are_listed(trained: Path) -> None:
    before = read_tree(trained)
    lines = inspect(Inspect(run=trained, list_layers=True)).details["lines"]
    assert lines[0].split() == ["layer", "kind", "shape", "shown"]
    assert "activation_2           Activation          8x8x128   Grad-CAM" in lines
    assert "max_pooling2d_2        MaxPooling2D        4x4x128   maps" in lines
    assert lines[-1].split() == ["names", "Dense", "2"]
    assert read_tree(trained) == before


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"layer": ["conv2d_9"]}, r"^no layer called 'conv2d_9'; did you mean conv2d"),
        ({"layer": ["zzz"]}, r"^no layer called 'zzz'; see --list-layers$"),
        ({"cam_layer": "head"}, r"^--cam-layer head: .* choose another, such as activation_2$"),
        ({"cam_layer": "conv2d", "method": "occlusion"}, r"^--method occlusion uses no gradients; remove --cam"),
        ({"label": "rad"}, r"^--label: .*run has no label 'rad'; choose from red"),
        ({"pictures": [Path("nowhere.jpg")]}, r"^no such picture or folder: nowhere.jpg; give pictures of faces"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused(trained: Path, tmp_path: Path, more: dict[str, Any], says: str) -> None:
    with pytest.raises(FacekitError, match=says):
        look(trained, tmp_path / "out", **more)


def test_places_and_pictures_that_will_not_do_are_refused(trained: Path, own: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.md").write_text("mine")
    with pytest.raises(FacekitError, match=r"thesis is not empty and was not made by `inspect`; choose"):
        look(trained, tmp_path / "thesis")
    with pytest.raises(FacekitError, match=r"^one page cannot show 64 pictures; give at most 24$"):
        look(trained, tmp_path / "out", pictures=[runs.load(trained).root / "red", runs.load(trained).root / "blue"])
    with pytest.raises(FacekitError, match=r"^no pictures given"):
        look(trained, tmp_path / "out", pictures=[tmp_path / "thesis"])
    move(own, tmp_path / "gone")
    with pytest.raises(FacekitError, match=r"gone, which .*run was trained on, is gone; give pictures$"):
        look(own, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_test_part_shows_what_it_validated_on(own: Path, tmp_path: Path) -> None:
    records = [replace(one, split="validation" if one.split == "test" else one.split) for one in runs.load(own).split]
    replace_lines(own / runs.SPLIT, (record.to_json() for record in records))
    assert look(own, tmp_path / "out", count=1).details["pictures"] == "its own validation part"


@pytest.fixture
def private(own: Path, tmp_path: Path) -> Path:
    """A picture that is nobody else's business, beside the run's."""
    (tmp_path / "home" / "red").mkdir(parents=True)
    shutil.copytree(runs.load(own).root, tmp_path / "faces")
    file = tmp_path / "home" / "red" / "private.png"
    file.write_bytes(images.encode_png(cornered(1, 999)))
    (tmp_path / "faces" / "red" / "link.png").symlink_to(file)
    return file


def _led_astray(run: Path, root: Path, path: str) -> None:
    """Change a run as a stranger may: where its pictures are, and what its first test picture is called."""
    info = json.loads((run / runs.MODEL).read_text())
    info["dataset"]["root"] = str(root)
    (run / runs.MODEL).write_text(json.dumps(info))
    records = runs.load(run).split
    place = next(n for n, record in enumerate(records) if record.split == "test")
    records = [replace(one, path=path) if n == place else one for n, one in enumerate(records)]
    replace_lines(run / runs.SPLIT, (record.to_json() for record in records))


@pytest.mark.parametrize("way", ["../home/red/private.png", "{private}", "red/link.png"])
def test_a_run_leads_nowhere_but_to_its_pictures(own: Path, private: Path, tmp_path: Path, way: str) -> None:
    _led_astray(own, tmp_path / "faces", way.format(private=private))
    with pytest.raises(FacekitError, match=r"split\.jsonl, line \d+[: ].*; (fix or )?delete"):
        look(own, tmp_path / "out", count=24)
    assert not (tmp_path / "out").exists()


def test_a_run_that_names_the_home_folder_shows_nothing_of_it(own: Path, private: Path, tmp_path: Path) -> None:
    """Whoever wrote a split knows paths in a home folder, and not the bytes of its pictures."""
    _led_astray(own, private.parents[1], "red/private.png")
    with pytest.raises(FacekitError, match=r"home: no test picture can be read; give other pictures$"):
        look(own, tmp_path / "out", count=24)
    shutil.copy(private, tmp_path / "faces" / "red" / "private.png")
    _led_astray(own, tmp_path / "faces", "red/private.png")
    report = look(own, tmp_path / "out", count=24)
    assert report.left == {"gone or changed since training": 1}
    assert report.kept == 7
    private.unlink()
    os.mkfifo(private)
    _led_astray(own, private.parents[1], "red/private.png")
    with pytest.raises(FacekitError, match=r"no test picture can be read"):
        look(own, tmp_path / "out", count=24)


def test_names_that_turn_what_is_read_are_made_visible(own: Path, tmp_path: Path) -> None:
    info = json.loads((own / runs.MODEL).read_text())
    info["names"] = {"red": "\u202etxt.exe\x1b[2J", "blue": "a\nb"}
    (own / runs.MODEL).write_text(json.dumps(info))
    look(own, tmp_path / "out", count=2)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert r"\u202etxt.exe\x1b[2J" in page
    assert r"a\nb" in page


def test_answers_that_are_not_numbers_are_refused(own: Path, tmp_path: Path) -> None:
    run = runs.load(own)
    model = run.model()
    model.set_weights([np.full_like(array, 1e30) for array in model.get_weights()])
    model.save_weights(own / "model.weights.h5")
    with pytest.raises(
        FacekitError, match=r"run answers with numbers that are not finite; train again with --overwrite$"
    ):
        look(own, tmp_path / "out", count=1)


def test_a_dry_run_writes_nothing(trained: Path, tmp_path: Path) -> None:
    assert look(trained, tmp_path / "out", dry_run=True).kept == 6
    assert not (tmp_path / "out").exists()


EXPLAIN = """
import json, sys
import numpy as np
from facekit import runs
from facekit.commands.inspect.heat import Cam
from pathlib import Path
picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
model = runs.load(Path(sys.argv[1])).model()
print(json.dumps([Cam(model, "activation_1", way)(picture, 1).tolist() for way in (False, True)]))
"""


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_another_engine_finds_the_same_heat(trained: Path, engine: str) -> None:
    if find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed")
    found = []
    for name in ("tensorflow", engine):
        environment = {**os.environ, "KERAS_BACKEND": name}
        command = [sys.executable, "-c", EXPLAIN, str(trained)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert np.allclose(found[0], found[1], atol=1e-3)
    assert np.max(found[0]) == 1


@pytest.fixture
def linear(tmp_path: Path, drawn_faces: Path) -> Callable[[], Path]:
    def make() -> Path:
        options = Train(input=drawn_faces, output=tmp_path / "linear", backbone="dlib", split="60/20/20")
        train(options)
        return options.output

    return make


def test_a_linear_head_is_explained_by_hiding_places(linear: Callable[[], Path], tmp_path: Path) -> None:
    run = linear()
    with pytest.raises(FacekitError, match=r"is a linear head on dlib, which has no gradients; remove --method$"):
        look(run, tmp_path / "out", method="gradcam")
    with pytest.raises(FacekitError, match=r"is a linear head on dlib, which has no layers to show$"):
        look(run, tmp_path / "out", list_layers=True)
    report = look(run, tmp_path / "out", count=1)
    assert report.kept == 1
    assert sorted(facts(report)["files"]) == [name for name in files_in(tmp_path / "out") if name.endswith(".png")]
    assert report.made == 2
    assert "First filters" not in (tmp_path / "out" / "report.html").read_text()
