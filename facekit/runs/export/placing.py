"""Put an export where it belongs: a file, or a version in the folder of a model, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.files import guarded, locked, replace_file
from facekit.base.opening import kind_of
from facekit.options.export import Format
from facekit.runs.export.model import MODEL_FILE, TRITON

SUFFIX: Mapping[Format, str] = {"onnx": ".onnx", "litert": ".tflite", "litert-int8": ".tflite", "torch": ".pt2"}
"""Format -> how such a file's name ends. A SavedModel is a folder."""

LABELS = "labels.txt"

_PART = ".facekit-export.part"
"""The folder that becomes a version once it is whole; what a kill left of one is deleted."""

_SAVED = "saved_model.pb"


def is_folder(output: Path, written: Format) -> bool:
    """Return whether an export goes into the folder of a model, which has versions, as servers read it."""
    return written == "savedmodel" or (written == "onnx" and not output.suffix)


def check(output: Path, written: Format) -> None:
    """Refuse a place that cannot hold such a file, or a name that ends otherwise. Raises FacekitError."""
    if is_folder(output, written):
        _check_folder(output, written)
        return
    suffix = SUFFIX[written]
    if output.suffix.lower() != suffix:
        more = ", or a folder without a dot in its name for Triton" if written == "onnx" else ""
        raise FacekitError(f"-o is {output}; give a name that ends in {suffix} for --format {written}{more}")
    kind = kind_of(output)
    if kind not in (None, "a file"):
        raise FacekitError(f"{output} is {kind}; choose another name")


def write_file(output: Path, data: bytes) -> None:
    """Write a file whole or not at all; the folder that it goes into is made. Raises FacekitError on a full disk."""
    with guarded(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    replace_file(output, data)


def copy(tree: Path, folder: Path) -> None:
    """Copy the files of a tree into a folder. Raises OSError: `shutil.copytree` would not say that a disk is full."""
    for source in sorted(tree.rglob("*")):
        place = folder / source.relative_to(tree)
        if source.is_dir():
            place.mkdir()
        else:
            shutil.copyfile(source, place)


def add_version(folder: Path, beside: Mapping[str, bytes], fill: Callable[[Path], None]) -> Path:
    """Add the next version to the folder of a model, and return it: `fill` writes what is in it.

    `beside` is what stands next to the versions; where it is there and differs, earlier versions would no longer fit.
    Raises FacekitError for that, and for a full disk.
    """
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for name, data in beside.items():
            file = folder / name
            if file.exists() and file.read_bytes() != data:
                raise FacekitError(
                    f"{file} is of a model with other labels or another input; choose another folder, or delete it"
                )
        part, version = folder / _PART, folder / str(max([0, *_versions(folder)]) + 1)
        with guarded(version):
            shutil.rmtree(part, ignore_errors=True)
            try:
                part.mkdir()
                fill(part)
                for name, data in beside.items():
                    replace_file(folder / name, data)
                part.replace(version)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    return version


def newest(folder: Path) -> Path | None:
    """Return the newest version in the folder of a model; None without one."""
    versions = _versions(folder) if folder.is_dir() else []
    return folder / str(max(versions)) if versions else None


def _check_folder(folder: Path, written: Format) -> None:
    kind = kind_of(folder)
    if kind not in (None, "a folder"):
        raise FacekitError(f"{folder} is {kind}; give the folder of a model, which need not exist yet")
    if kind is None:
        return
    there = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    rest = {name for name in there if not name.isdecimal()} - ({TRITON, LABELS} if written == "onnx" else set())
    has = MODEL_FILE if written == "onnx" else _SAVED
    if rest or not all((folder / str(number) / has).is_file() for number in _versions(folder)):
        raise FacekitError(f"{folder} holds something else than versions of a model; choose another folder")


def _versions(folder: Path) -> list[int]:
    return [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
