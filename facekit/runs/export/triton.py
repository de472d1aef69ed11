"""The folder of a model as Triton reads it: `config.pbtxt` and the labels, beside the versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from facekit.runs.export.about import FACES, PROBABILITIES, VECTORS, ExportInfo
from facekit.runs.export.model import TRITON
from facekit.runs.export.placing import LABELS

MOST_AT_ONCE = 64
"""Faces that Triton may put into one batch."""


def beside(name: str, about: ExportInfo) -> dict[str, bytes]:
    """Return the files of a model's folder. The model is called as its folder, which Triton asks for."""
    return {TRITON: "".join(f"{line}\n" for line in _config(name, about)).encode(), LABELS: labels(about).encode()}


def labels(about: ExportInfo) -> str:
    """Return a line for each label, in the order of the probabilities; of several targets with the target's name."""
    if len(about.targets) < 2:
        return "".join(f"{label}\n" for label in about.labels)
    return "".join(f"{one.name}: {label}\n" for one in about.targets for label in one.labels)


def _config(name: str, about: ExportInfo) -> Iterator[str]:
    seen, dimensions = about.preprocessing, about.backbone.dimensions if about.backbone else 0
    yield f"name: {_quoted(name)}"
    yield 'backend: "onnxruntime"'
    yield f"max_batch_size: {MOST_AT_ONCE}"
    if seen.input == FACES:
        yield from _end("input", FACES, "TYPE_UINT8", [seen.side, seen.side, 3])
    else:
        yield from _end("input", VECTORS, "TYPE_FP32", [dimensions])
    yield from _end("output", PROBABILITIES, "TYPE_FP32", [about.outputs], {"label_filename": LABELS})
    if about.embeds:
        yield from _end("output", VECTORS, "TYPE_FP32", [dimensions])
    yield "dynamic_batching { }"


def _end(what: str, name: str, kind: str, shape: list[int], more: Mapping[str, str] | None = None) -> Iterator[str]:
    yield f"{what} ["
    yield "  {"
    yield f"    name: {_quoted(name)}"
    yield f"    data_type: {kind}"
    yield f"    dims: {shape}"
    for key, value in (more or {}).items():
        yield f"    {key}: {_quoted(value)}"
    yield "  }"
    yield "]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
