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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facekit.base import plain, plugins
from facekit.base.contract import FacekitError
from facekit.base.files import read_toml
from facekit.identity import embedders
from facekit.options.base import Setting, Value, from_mapping
from facekit.options.compare import Compare
from facekit.options.objectives import refuse_embedding
from facekit.options.targets import IDENTITY, target_names
from facekit.options.train import Train

RUNS = "runs"

_EMBEDDERS, _NETWORKS = ("sface", "dlib"), ("cnn5", "inception_v3")
"""What is compared where nobody says what: the best embedder that can run here, and the networks."""

_SHARED = ("seed", "jobs", "labels", "split", "split_by", "people_from")

_TARGETS = ("targets", "targets_from", "target_weights")

SET = {*_SHARED, *_TARGETS, "input", "output", "overwrite", "dry_run", "resume"}
"""Options of `train` that are one for all contenders, or no choice of theirs."""

NAME = re.compile(r"\w[\w .+-]{0,63}")
"""What a contender may be called: its folder has the same name."""

Table = Mapping[str, Setting]
"""A contender as a file has it."""


@dataclass(frozen=True)
class Contender:
    """One of those that are compared: its name, and its options of `train`."""

    name: str
    options: Train

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return self.options.output


MOST = 200
"""Contenders in a file: each is a training, and the checks of a thousand take longer than somebody waits."""


def contenders(options: Compare) -> list[Contender]:
    """Return what is to be compared, in the order given, every option checked.

    Raises FacekitError that names the contender at fault.
    """
    if options.contenders is None:
        tables, where = _by_names(options), "--networks"
    else:
        tables, where = _by_file(options.contenders), str(options.contenders)
    entered: list[Contender] = []
    for number, table in enumerate(tables, 1):
        name = str(table.get("name") or table.get("backbone") or table.get("network") or "")
        entered.append(_contender(name, table, options, f"{where}, contender {number} ({name or 'no name'})"))
    if options.targets is not None:
        entered = [one for contender in entered for one in _joint_and_alone(contender, options, where)]
    _refuse_twins([contender.name for contender in entered], where)
    return entered


def alone_name(name: str, target: str) -> str:
    """Return what the network for one target is called beside the joint one of that name."""
    return f"{name} {target} alone"


def _joint_and_alone(contender: Contender, options: Compare, where: str) -> Iterator[Contender]:
    """Yield one network for all targets, and one for each. The labels are those of the one split: no table is read."""
    own = contender.options
    weights = None if own.backbone else options.target_weights
    yield Contender(contender.name, replace(own, targets=options.targets, target_weights=weights))
    for target in target_names(options.targets):
        name = alone_name(contender.name, target)
        if not NAME.fullmatch(name):
            raise FacekitError(
                f"{where}: {name!r} cannot be a folder's name; give a shorter name, of letters and digits"
            )
        targets = None if target == IDENTITY else target
        yield Contender(name, replace(own, targets=targets, output=own.output.with_name(name)))


def _by_names(options: Compare) -> list[Table]:
    names = _default(options) if options.networks is None else [name.strip() for name in options.networks.split(",")]
    known_embedders, networks = plugins.names("embedder"), plugins.names("network")
    unknown = [name for name in names if name not in (*known_embedders, *networks)]
    if unknown:
        known = ", ".join([*known_embedders, *networks])
        raise FacekitError(f"--networks: no network or embedder called {unknown[0]!r}; choose from {known}")
    shared = {key: getattr(options, key) for key in ("size", "epochs") if getattr(options, key) is not None}
    return [{"backbone": name} if name in known_embedders else {"network": name, **shared} for name in names]


def _default(options: Compare) -> list[str]:
    there = [name for name in _EMBEDDERS if embedders.available(name)]
    begun = [name for name in there if (options.output / RUNS / name).is_dir()]  # 0.1.0 took dlib
    return [*(begun or there)[:1], *_NETWORKS]


def _by_file(path: Path) -> list[Table]:
    try:
        held = read_toml(path, dict[str, object])
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such file of contenders: {path}") from None
    unknown = sorted(held.keys() - {"defaults", "contender"})
    if unknown:
        raise FacekitError(f"{path}: unknown table {unknown[0]!r}; use [defaults] and [[contender]]")
    defaults = _table(held.get("defaults", {}), path, _BRACKET)
    tables = held.get("contender", [])
    if not isinstance(tables, list):
        raise FacekitError(f"{path}: {_BRACKETS}")
    if not tables:
        raise FacekitError(f"{path} has no contenders; add a [[contender]] with `network = …`")
    if len(tables) > MOST:
        raise FacekitError(f"{path} has {len(tables)} contenders; give at most {MOST}")
    if "name" in defaults:
        raise FacekitError(f"{path}: contenders cannot share a name; give each [[contender]] its own")
    return [{**defaults, **_table(table, path, _BRACKETS)} for table in tables]


_BRACKET = "write the options of all contenders in [defaults], with single brackets"
_BRACKETS = "write each contender as [[contender]], with double brackets"


def _table(value: object, path: Path, hint: str) -> Table:
    if not isinstance(value, dict):
        raise FacekitError(f"{path}: {hint}")
    try:
        return plain.convert(value, dict[str, Setting])
    except ValueError as error:
        raise FacekitError(f"{path}: an option has an invalid value ({error}); fix it") from None


def _contender(name: str, table: Table, options: Compare, where: str) -> Contender:
    if not NAME.fullmatch(name):
        raise FacekitError(f"{where}: add a `name = …` of letters and digits; it is also the folder's name")
    own = {key: value for key, value in table.items() if key != "name"}
    shared_option = next((key for key in own if key in SET), None)
    if shared_option:
        raise FacekitError(f"{where}: {shared_option} applies to all contenders; give it to `compare` instead")
    shared = {key: getattr(options, key) for key in _SHARED}
    places: dict[str, Value] = {"input": options.input, "output": options.output / RUNS / name}
    chosen = from_mapping(Train, {**own, **shared, **places}, where)
    try:
        _check_parts(chosen)
    except FacekitError as error:
        raise FacekitError(f"{where}: {error}") from None
    return Contender(name, chosen)


def _check_parts(options: Train) -> None:
    """Refuse a network or an embedder that nobody registered, before the first training starts."""
    refuse_embedding(options)
    kind, name = ("embedder", options.backbone) if options.backbone else ("network", options.network)
    if name not in plugins.names(kind) and not (kind == "embedder" and Path(name).is_dir()):
        raise FacekitError(f"no {kind} called {name!r}; choose from {', '.join(plugins.names(kind))}")


def _refuse_twins(names: Sequence[str], where: str) -> None:
    """Refuse two contenders that one folder would hold, also on disks that take `A` and `a` for one."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise FacekitError(f"{where}: two contenders are called {name}; give each its own name")
        seen.add(name.casefold())
