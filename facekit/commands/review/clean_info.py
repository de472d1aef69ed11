"""How the folder under review was made: refuse one that `clean` did not make, and return the next command."""

from __future__ import annotations

import shlex
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.opening import no_folder
from facekit.dataset import INFO, DatasetInfo, read_info
from facekit.options.base import describe
from facekit.options.clean import Clean


def info_of_clean(root: Path) -> DatasetInfo:
    """Return what `clean` noted of a folder. Raises FacekitError where it made none there, or has not finished."""
    if not root.is_dir():
        raise FacekitError(f"{no_folder(root)}; give the folder that `facekit clean` made")
    info = read_info(root)
    if info is None or info.stage != "clean":
        made = f"was made by {info.stage}" if info else f"has no {INFO}"
        raise FacekitError(f"{root} {made}; make one to review with `facekit clean {shlex.quote(str(root))} -o clean`")
    if not info.complete:
        raise FacekitError(f"{root} is not complete; run the same `facekit clean` again, then review it")
    return info


def thresholds(info: DatasetInfo) -> tuple[float, float]:
    """Return the probabilities from which on `clean` kept, and up to which it rejected."""
    keep, reject = info.number("keep_at"), info.number("reject_at")
    return 0.5 if keep is None else keep, 0.05 if reject is None else reject


def command(root: Path, source: Path | None, info: DatasetInfo) -> str:
    """Return the `clean` that made a folder, with `--apply`."""
    words = ["facekit", "clean", _short(source or Path("FACES")), "-o", str(root)]
    then = info.options
    for option in describe(Clean):
        value = then.get(option.name, option.default)
        if option.aside or option.name == "apply" or option.required or value == option.default:
            continue
        words += [option.flag] if value is True else [option.flag, str(value)]
    return shlex.join([*words, "--apply"])


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
