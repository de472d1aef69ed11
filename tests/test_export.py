"""Export: one file that answers as the run does, checked before it is written, and read safely."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Facekit, files_in
from exporting import head_run, network_run
from patches import move

from facekit.runs.export import load, onnx_file, open_model, placing


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")
    return network_run(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def head(even: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return head_run(tmp_path_factory.mktemp("head") / "run", even, "dlib")


def test_a_network_answers_alike_from_a_file(network: Path, tmp_path: Path, facekit: Facekit) -> None:
    file = tmp_path / "out" / "model.onnx"
    report = facekit("export", network, "-o", file, "--json").report
    assert report["details"]["largest difference"] < 1e-5
    assert report["details"]["compared on"] == "9 pictures of its own test part"
    pictures = network.parent / "faces"
    asked = ("--no-detect", "--min-confidence", 0, "--json")
    by_run = facekit("predict", network, pictures, *asked)
    by_file = facekit("predict", file, pictures, *asked)
    answers = [[json.loads(line) for line in done.out.splitlines()] for done in (by_run, by_file)]
    assert len(answers[0]) == 42
    for one, other in zip(*answers, strict=True):
        assert one["label"] == other["label"]
        assert one["probability"] == pytest.approx(other["probability"], abs=2e-4)


def test_the_same_is_not_written_twice_and_nothing_else_is_lost(head: Path, tmp_path: Path, facekit: Facekit) -> None:
    file = tmp_path / "model.onnx"
    assert facekit("export", head, "-o", file).code == 0
    before = file.stat().st_mtime_ns
    again = facekit("export", head, "-o", file)
    assert "is of this very model already" in again.err
    assert file.stat().st_mtime_ns == before
    other = facekit("export", head, "-o", file, "--no-known-faces")
    assert (other.code, file.stat().st_mtime_ns) == (2, before)
    assert "is there already, and is of another model; choose another name, or use --overwrite" in other.err
    assert facekit("export", head, "-o", file, "--no-known-faces", "--overwrite").code == 0
    assert load(file).known is None
    assert load(file).about.open_set is not None


def test_a_head_answers_alike_and_knows_strangers(
    head: Path, drawn_photos: Path, tmp_path: Path, facekit: Facekit
) -> None:
    file = tmp_path / "model.onnx"
    report = facekit("export", head, "-o", file, "--json").report
    assert report["details"]["largest difference"] < 1e-4
    pictures = sorted(path for path in drawn_photos.glob("*/*.jpg"))[:3]
    by_run = facekit("predict", head, *pictures, "--json")
    by_file = facekit("predict", file, *pictures, "--json")
    assert by_run.out
    answers = [[json.loads(line) for line in done.out.splitlines()] for done in (by_run, by_file)]
    for one, other in zip(*answers, strict=True):
        assert one["label"] == other["label"]
        assert one["similarity"] == pytest.approx(other["similarity"], abs=1e-3)


def test_triton_gets_a_version_with_its_description(head: Path, tmp_path: Path, facekit: Facekit) -> None:
    folder = tmp_path / "repository" / "people"
    assert facekit("export", head, "-o", folder).code == 0
    about = load(folder / "1" / "model.onnx").about
    assert (folder / "labels.txt").read_text().split("\n") == [*about.labels, ""]
    described = (folder / "config.pbtxt").read_text()
    assert described.startswith('name: "people"\nbackend: "onnxruntime"\n')
    for line in ("dims: [150, 150, 3]", "data_type: TYPE_UINT8", "dims: [3]", 'label_filename: "labels.txt"'):
        assert line in described
    assert "is of this very model already" in facekit("export", head, "-o", folder).err
    assert facekit("export", head, "-o", folder, "--no-known-faces").code == 0
    assert files_in(folder) == ["1", "2", "config.pbtxt", "labels.txt"]
    assert open_model(folder).folder == folder / "2" / "model.onnx"
    (folder / "config.pbtxt").write_text("name: other")
    done = facekit("export", head, "-o", folder)
    assert (done.code, files_in(folder)) == (2, ["1", "2", "config.pbtxt", "labels.txt"])
    assert "is of a model with other labels or another input; choose another folder, or delete it" in done.err


def test_a_death_at_any_step_leaves_a_whole_version_or_none(
    tmp_path: Path, dying: Callable[[int, Callable[[], object]], bool]
) -> None:
    folder, beside = tmp_path / "people", {"config.pbtxt": b"name", "labels.txt": b"Ada"}

    def add() -> Path:
        return placing.add_version(folder, beside, lambda place: placing.write_file(place / "model.onnx", b"whole"))

    step = 1
    while dying(step, add):
        step += 1
        version = placing.newest(folder)
        if version is not None:
            assert (version / "model.onnx").read_bytes() == b"whole"
            assert (folder / "config.pbtxt").read_bytes() == b"name"
    assert step > 5
    before = len([place for place in folder.iterdir() if place.name.isdecimal()])
    assert add().name == str(before + 1)
    assert not [place for place in folder.iterdir() if place.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "model.tflite"), "-o is model.tflite; give a name that ends in .onnx for --format onnx, or a folder"),
        (("-o", "model.onnx", "--format", "litert"), "give a name that ends in .tflite for --format litert"),
        (("-o", "model.onnx", "--format", "tflite"), "Invalid value for '--format'"),
        (("-o", "model.tflite", "--format", "litert"), "is a linear head on dlib, which is no Keras network"),
        (("-o", "folder.onnx"), "folder.onnx is a folder; choose another name"),
        (("-o", "other"), "other holds something else than versions of a model; choose another folder"),
        (("-o", "other/note.txt", "--format", "savedmodel"), "note.txt is a file; give the folder of a model"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(
    head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facekit: Facekit, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note.txt").touch()
    done = facekit("export", head, *arguments)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert files_in(tmp_path) == ["folder.onnx", "other"]


def test_another_run_is_refused(tmp_path: Path, facekit: Facekit) -> None:
    assert "no such folder" in facekit("export", tmp_path / "none", "-o", tmp_path / "a.onnx").err
    done = facekit("export", tmp_path, "-o", tmp_path / "a.onnx")
    assert (done.code, "is not a trained model" in done.err) == (2, True)


def test_answers_that_differ_are_not_written(
    head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facekit: Facekit
) -> None:
    """A converter's fault: the bias of another label."""
    convert = onnx_file.of_head
    shifted = lambda graph, head, mirrored: convert(graph, replace(head, bias=np.roll(head.bias, 1)), mirrored)  # noqa: E731
    monkeypatch.setattr(onnx_file, "of_head", shifted)
    done = facekit("export", head, "-o", tmp_path / "a.onnx")
    assert done.code == 2
    assert "a probability differs by 0." in done.err and "nothing was written" in done.err
    assert files_in(tmp_path) == []


def test_without_pictures_it_is_compared_on_random_pixels(head: Path, tmp_path: Path, facekit: Facekit) -> None:
    run = Path(shutil.copytree(head, tmp_path / "run"))
    move(run, tmp_path / "gone")
    done = facekit("export", run, "-o", tmp_path / "a.onnx", "--json")
    assert done.report["details"]["compared on"] == "random pixels, as the run's own pictures are gone"
    assert "the exported model was compared on random pixels" in done.err
    assert load(tmp_path / "a.onnx").about.card.data == "gone"
    assert str(tmp_path) not in load(tmp_path / "a.onnx").data.decode(errors="replace")


def test_a_missing_package_names_its_extra(
    head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facekit: Facekit
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = facekit("export", head, "-o", tmp_path / "a.onnx")
    assert "export --format onnx needs onnx: pip install 'facekit-cli[export]'" in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "name", "most"),
    [("litert", "a.tflite", 1e-4), ("litert-int8", "a.tflite", 0.2), ("savedmodel", "served", 1e-4)],
)
def test_tensorflows_formats_answer_alike(
    network: Path, tmp_path: Path, facekit: Facekit, written: str, name: str, most: float
) -> None:
    report = facekit("export", network, "-o", tmp_path / name, "--format", written, "--json").report
    details = report["details"]
    assert details["largest difference"] <= most
    assert ("accuracy of the export" in details) == (written == "litert-int8")
    again = facekit("export", network, "-o", tmp_path / name, "--format", written)
    assert "is of this very model already" in again.err
    if written == "savedmodel":
        assert details["file"] == str(tmp_path / name / "1")
        assert (tmp_path / name / "1" / "assets.extra" / "labels.txt").exists()


@pytest.mark.slow
def test_without_the_runs_own_pictures_there_are_no_whole_numbers(
    network: Path, tmp_path: Path, facekit: Facekit
) -> None:
    run = Path(shutil.copytree(network, tmp_path / "run"))
    move(run, tmp_path / "gone")
    done = facekit("export", run, "-o", tmp_path / "a.tflite", "--format", "litert-int8")
    assert done.code == 2
    assert "put them back, or give --format litert" in done.err


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount an empty disk of that size, and return its folder."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
        if os.geteuid() or subprocess.run(["mount", *options, place], capture_output=True).returncode:
            pytest.skip("only root may mount a disk")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "name"), [("onnx", "a.onnx"), ("onnx", "triton"), ("litert", "a.tflite"), ("savedmodel", "served")]
)
def test_a_full_disk_is_said_in_a_line_and_nothing_is_left(
    network: Path,
    tmp_path: Path,
    disk: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    facekit: Facekit,
    written: str,
    name: str,
) -> None:
    """The disk of the export, and that on which the converter works, at two points on the way."""
    for size in ("100k", "400k"):
        place = disk(size)
        done = facekit("export", network, "-o", place / name, "--format", written, "-q")
        assert (done.code, done.err.count("\n"), "no space left to write" in done.err) == (2, 1, True), done.err
        assert not [path for path in place.rglob("*") if path.is_file()]
        with monkeypatch.context() as patch:
            patch.setenv("FACEKIT_CACHE", str(disk(size)))
            done = facekit("export", network, "-o", tmp_path / name, "--format", written, "-q")
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert "set FACEKIT_CACHE to a folder of another disk" in done.err
        assert not (tmp_path / name).exists()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 0.5, 1, 2])
@pytest.mark.parametrize(("written", "name"), [("onnx", "triton"), ("savedmodel", "served")])
def test_a_kill_while_it_converts_leaves_nothing(
    network: Path, tmp_path: Path, seconds: float, written: str, name: str
) -> None:
    """Nothing of the model, and nothing where the converter worked; the same command then does it."""
    cache = tmp_path / "cache"
    words = [sys.executable, "-m", "facekit", "export", network, "-o", tmp_path / name, "--format", written, "-q"]
    environment = {**os.environ, "FACEKIT_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, start_new_session=True) as process:
        while process.poll() is None and not list(cache.glob("unpacked/*")):
            time.sleep(0.01)
        time.sleep(seconds)
        process.kill()
    whole = [path for path in tmp_path.glob(f"{name}/*") if not path.name.startswith(".")]
    assert all((path / "saved_model.pb").exists() or (path / "model.onnx").exists() for path in whole if path.is_dir())
    until = time.monotonic() + 60
    while list(cache.glob("unpacked/*")) and time.monotonic() < until:
        time.sleep(0.05)
    assert not list(cache.glob("unpacked/*"))
    assert subprocess.run(words, env=environment).returncode == 0
    assert placing.newest(tmp_path / name) == tmp_path / name / "1"
    assert not [path for path in (tmp_path / name).iterdir() if path.name.startswith(".")]
