"""Models: list networks, embedders and detectors, with their weights, licences, and whether they can run here."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from facekit.base import plugins, weights
from facekit.base.contract import FacekitError, Listing, Report, Track, quiet
from facekit.networks import NETWORKS
from facekit.options.models import Models

READY = "ready"
UNSAID = "unknown"

_COLUMNS = ("kind", "name", "about", "licence", "published", "state")


@dataclass(frozen=True)
class Listed:
    """One part that can be chosen by name."""

    kind: str
    name: str
    about: str
    """What it is: parameters, input, what it gives."""
    licence: str
    """Of the weights; of a network, those it can begin with."""
    accuracy: str
    """What others published."""
    state: str
    """`ready`, or how to get it."""


@dataclass(frozen=True)
class _Detector:
    about: str
    licence: str
    accuracy: str
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


_DETECTORS = {
    "haar": _Detector("Haar cascades, frontal and profile", "Intel (BSD-like)", "no published accuracy"),
    "yunet": _Detector(
        "75,856 parameters, any size", weights.PINS["yunet"].licence, "AP .88/.87/.75 on WIDER FACE (OpenCV zoo)",
        files=("yunet",),
    ),
    "dlib": _Detector("HOG, frontal, from 80 px", "Boost 1.0", "no published accuracy", packages=("dlib",)),
}  # fmt: skip


def models(options: Models, track: Track = quiet) -> Report:
    """List what can be chosen by name; nothing heavy is loaded."""
    kinds = {"network": _network, "embedder": _embedder, "detector": _detector}
    wanted = [(kind, name) for kind in kinds for name in plugins.names(kind)]
    found = [kinds[kind](name) for kind, name in track(wanted, "models", len(wanted))]
    report = Report("models", str(Path.cwd()), kept=sum(one.state == READY for one in found))
    report.left["missing"] = sum(one.state != READY for one in found)
    report.details["models"] = [asdict(one) for one in found]
    report.listing = Listing(_COLUMNS, tuple(map(astuple, found)))
    report.details["lines"] = [*report.listing.lines()]
    return report


def _network(name: str) -> Listed:
    about = NETWORKS.get(name)
    state = _state(("keras", "tensorflow"), ())
    if about is None:
        return Listed("network", name, "from another package", UNSAID, UNSAID, state)
    size = f"{about.parameters / 1e6:.2f} M parameters, from {about.smallest} px"
    return Listed("network", name, size, about.licence or "no pretrained weights", about.published, state)


def _embedder(name: str) -> Listed:
    try:
        part = plugins.load("embedder", name)
    except FacekitError as error:
        return Listed("embedder", name, "", UNSAID, UNSAID, str(error))
    if not isinstance(getattr(part, "threshold", None), int | float):  # a function, or one that has to be built first
        return Listed("embedder", name, "from another package", UNSAID, UNSAID, _state((), ()))
    about = f"{part.dimensions} numbers, one person up to {part.metric} distance {part.threshold:g}"
    needed, files = getattr(part, "packages", ()), getattr(part, "files", ())
    return Listed("embedder", name, about, part.licence, part.accuracy, _state(needed, files))


def _detector(name: str) -> Listed:
    one = _DETECTORS.get(name, _Detector("from another package", UNSAID, UNSAID))
    return Listed("detector", name, one.about, one.licence, one.accuracy, _state(one.packages, one.files))


def _state(packages: tuple[str, ...], files: tuple[str, ...]) -> str:
    missing = [package for package in packages if not plugins.installed(package)]
    if missing:
        return f"pip install 'facekit-cli[{plugins.EXTRAS[missing[0]]}]'"
    try:
        return READY if all(weights.here(file) for file in files) else weights.INSTALL
    except FacekitError as error:
        return str(error)
