"""What is compared: names of networks, or a TOML file of contenders with options of `train`.

In a file, what all share stands once::

    [defaults]
    epochs = 30

    [[contender]]
    name = "dlib"
    backbone = "dlib"

    [[contender]]
    network = "cnn5"
    color = "gray"
    size = 48

A contender without a name is called by its network. What decides the split is one for all of them, and
given to `compare`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.options.base import Value, from_mapping
from facekit.options.compare import Compare
from facekit.options.train import Train

RUNS = "runs"

_EMBEDDER, _NETWORKS = "dlib", ("cnn5", "inception_v3")
"""What is compared where nobody says what: the quickest and best first, if it can run here."""

_SHARED = ("seed", "jobs", "split", "split_by", "people_from")

SET = {*_SHARED, "input", "output", "overwrite", "dry_run", "resume"}
"""Options of `train` that are one for all contenders, or no choice of theirs."""

_NAME = re.compile(r"\w[\w .+-]{0,63}")


@dataclass(frozen=True)
class Contender:
    """One of those that are compared: its name, and what `train` is told."""

    name: str
    options: Train

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return self.options.output


def contenders(options: Compare) -> list[Contender]:
    """Return what is to be compared, in the order given, every option checked.

    Raises FacekitError that names the contender at fault.
    """
    if options.contenders is None:
        tables, where = _by_names(options), "--networks"
    else:
        tables, where = _by_file(options.contenders), str(options.contenders)
    found: list[Contender] = []
    for number, table in enumerate(tables, 1):
        name = str(table.get("name") or table.get("backbone") or table.get("network") or "")
        found.append(_contender(name, table, options, f"{where}, contender {number} ({name or 'no name'})"))
    _refuse_twins([contender.name for contender in found], where)
    return found


def _by_names(options: Compare) -> list[dict[str, Any]]:
    names = _default() if options.networks is None else [name.strip() for name in options.networks.split(",")]
    embedders, networks = plugins.names("embedder"), plugins.names("network")
    unknown = [name for name in names if name not in (*embedders, *networks)]
    if unknown:
        known = ", ".join([*embedders, *networks])
        raise FacekitError(f"--networks: no network or embedder called {unknown[0]!r}; choose from {known}")
    shared = {key: getattr(options, key) for key in ("size", "epochs") if getattr(options, key) is not None}
    return [{"backbone": name} if name in embedders else {"network": name, **shared} for name in names]


def _default() -> list[str]:
    needed = plugins.load("embedder", _EMBEDDER).packages
    return [_EMBEDDER, *_NETWORKS] if all(map(find_spec, needed)) else list(_NETWORKS)


def _by_file(path: Path) -> list[dict[str, Any]]:
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FacekitError(f"no such file of contenders: {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise FacekitError(f"{path} is not TOML ({error}); mend it") from None
    unknown = sorted(held.keys() - {"defaults", "contender"})
    if unknown:
        raise FacekitError(f"{path}: nothing is called {unknown[0]!r}; write [defaults] and [[contender]]")
    defaults, tables = held.get("defaults", {}), held.get("contender", [])
    if not isinstance(defaults, dict):
        raise FacekitError(f"{path}: what all contenders share is written [defaults], with one bracket")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FacekitError(f"{path}: contenders are written [[contender]], with two brackets")
    if not tables:
        raise FacekitError(f"{path} names no contender; add a [[contender]] with `network = …`")
    if "name" in defaults:
        raise FacekitError(f"{path}: a name cannot be shared; give each [[contender]] its own")
    return [{**defaults, **table} for table in tables]


def _contender(name: str, table: Mapping[str, Any], options: Compare, where: str) -> Contender:
    if not _NAME.fullmatch(name):
        raise FacekitError(f"{where}: add a `name = …` of letters and digits, which its folder can have too")
    own = {key: value for key, value in table.items() if key != "name"}
    settled = next((key for key in own if key in SET), None)
    if settled:
        raise FacekitError(f"{where}: {settled} is one for all contenders; give it to `compare`")
    shared = {key: getattr(options, key) for key in _SHARED}
    places: dict[str, Value] = {"input": options.input, "output": options.output / RUNS / name, "resume": True}
    chosen = from_mapping(Train, {**own, **shared, **places}, where)
    try:
        _check_parts(chosen)
    except FacekitError as error:
        raise FacekitError(f"{where}: {error}") from None
    return Contender(name, chosen)


def _check_parts(options: Train) -> None:
    """Refuse a network or an embedder that nobody registered, before the first training starts."""
    kind, name = ("embedder", options.backbone) if options.backbone else ("network", options.network)
    if name not in plugins.names(kind) and not (kind == "embedder" and Path(name).is_dir()):
        raise FacekitError(f"no {kind} called {name!r}; choose from {', '.join(plugins.names(kind))}")


def _refuse_twins(names: Sequence[str], where: str) -> None:
    """Refuse two contenders that one folder would hold, also on disks that take `A` and `a` for one."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise FacekitError(f"{where}: two contenders are called {name}; give each a name of its own")
        seen.add(name.casefold())
