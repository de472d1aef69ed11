"""Doctor: what is installed and what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path

from facekit import __version__
from facekit.base import plugins
from facekit.base.contract import FacekitError, Listing, Report, Track, quiet
from facekit.base.parallel import workers
from facekit.options import registry
from facekit.options.doctor import Doctor
from facekit.sources.browser import find


@dataclass(frozen=True)
class Check:
    """One thing that facekit uses: whether it is there, what was found, and how to get it where it is not."""

    name: str
    ok: bool
    found: str
    mend: str = ""

    def __str__(self) -> str:
        """Return the line that a person reads."""
        line = f"{self._state:<7}  {self.name:<16} {self.found}".rstrip()
        return f"{line}  ->  {self.mend}" if self.mend else line

    @property
    def cells(self) -> tuple[str, ...]:
        """The same in four columns."""
        return self._state, self.name, self.found, self.mend

    @property
    def _state(self) -> str:
        return "ok" if self.ok else "missing"


def doctor(options: Doctor, track: Track = quiet) -> Report:
    """Look for the browser, its driver, the extras, TensorFlow and its GPUs, plug-ins, and space on the disk."""
    looks: list[Callable[[], list[Check]]] = [_machine, _browser, _extras, _tensorflow, _commands, _disk]
    checks = [check for look in track(looks, "doctor") for check in look()]
    report = Report("doctor", str(Path.cwd()), kept=sum(c.ok for c in checks))
    report.left["missing"] = sum(not c.ok for c in checks)
    report.details["checks"] = [asdict(check) for check in checks]
    report.details["lines"] = [str(check) for check in checks]
    report.listing = Listing(("", "what", "found", "fix"), tuple(check.cells for check in checks))
    return report


def _machine() -> list[Check]:
    cores = f"{workers(0)} of {os.cpu_count()} cores"
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


def _extras() -> list[Check]:
    checks, distributions = [], packages_distributions()
    for package, extra in plugins.EXTRAS.items():
        if package == "tensorflow":
            continue
        if plugins.installed(package):
            brought_by = distributions.get(package)
            checks.append(Check(package, True, version(brought_by[0]) if brought_by else "installed"))
        else:
            checks.append(Check(package, False, "", f"pip install 'facekit-cli[{extra}]'"))
    return checks


def _tensorflow() -> list[Check]:
    if not plugins.installed("tensorflow"):
        return [Check("tensorflow", False, "", "pip install 'facekit-cli[train]'")]
    plugins.need("facekit.networks.backend", "doctor")  # first, because it keeps TensorFlow's chatter off the screen
    tensorflow = plugins.need("tensorflow", "doctor")
    gpus = [device.name for device in tensorflow.config.list_physical_devices("GPU")]
    return [
        Check("tensorflow", True, tensorflow.__version__),
        Check("gpu", True, ", ".join(gpus) or "none: training runs on the cores"),
    ]


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
