"""How the folder under review was made: refused where `clean` did not make it, and the command that goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facekit.base.contract import FacekitError
from facekit.dataset import INFO
from facekit.dataset.tree import read_info
from facekit.options.base import describe
from facekit.options.clean import Clean


def info_of_clean(root: Path) -> Mapping[str, Any]:
    """Return what `clean` noted of a folder. Raises FacekitError where it made none there, or has not finished."""
    if not root.is_dir():
        raise FacekitError(f"no such folder: {root}; give the folder that `facekit clean` made")
    info = read_info(root)
    if info.get("stage") != "clean":
        made = f"was made by {info['stage']}" if "stage" in info else f"has no {INFO}"
        raise FacekitError(f"{root} {made}; make one to review with `facekit clean {shlex.quote(str(root))} -o clean`")
    if not info.get("complete"):
        raise FacekitError(f"{root} is not complete; run the same `facekit clean` again, then review it")
    return info


def thresholds(info: Mapping[str, Any]) -> tuple[float, float]:
    """Return the probabilities from which on `clean` kept, and up to which it rejected."""
    options = info.get("options", {})
    return float(options.get("keep_at", 0.5)), float(options.get("reject_at", 0.05))


def command(root: Path, source: Path | None, info: Mapping[str, Any]) -> str:
    """Return the `clean` that made a folder, with `--apply`."""
    words = ["facekit", "clean", _short(source or Path("FACES")), "-o", str(root)]
    then = info.get("options", {})
    for option in describe(Clean):
        value = then.get(option.name, option.default)
        if option.aside or option.name == "apply" or option.required or value == option.default:
            continue
        words += [option.flag] if value is True else [option.flag, str(value)]
    return shlex.join([*words, "--apply"])


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
