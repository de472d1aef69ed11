"""Checkpoints: the last epoch's weights and optimizer, the best epoch's weights, the history.

Weights are written under names of their own. `state.json`, replaced as a whole, says which of them count, so that a
kill at any moment leaves the state after a whole epoch.
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.files import guarded, read_json, write_json
from facekit.base.text import counted
from facekit.networks.backend import Model, keras
from facekit.runs import Epoch
from facekit.runs.weights import SUFFIX, load_weights, read_shapes

STATE = "state.json"

_WEIGHTS = re.compile(rf"(last|best)-\d{{5,}}{re.escape(SUFFIX)}")

_ANEW = "train again with --overwrite"

_MOST = 256 << 20
"""Bytes of a `state.json`: about a million epochs."""


@dataclass(frozen=True)
class State:
    """The content of `state.json`."""

    best: int = 0
    """The epoch whose weights the run would keep, counted from 1; 0 before the first."""
    rows: list[Epoch] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse what no training writes. Raises ValueError."""
        if [row.epoch for row in self.rows] != list(range(1, len(self.rows) + 1)):
            raise ValueError("rows are not the epochs 1, 2, 3 …")
        if not min(1, len(self.rows)) <= self.best <= len(self.rows):
            raise ValueError(f"best is {self.best}, of {counted(len(self.rows), 'epoch')}")


@dataclass
class Checkpoint:
    """The folder that holds what a training needs to go on, and the epochs so far."""

    folder: Path
    state: State = field(default_factory=State)

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read a checkpoint; a folder without one is a training before the end of its first epoch.

        Raises FacekitError for a `state.json` that is broken, for links, which may lead anywhere, and for folders and
        FIFOs, which no training makes there.
        """
        if folder.is_dir():
            entries = list(folder.iterdir())
            if any(entry.is_symlink() for entry in (folder, *entries)):
                raise FacekitError(f"{folder} is or contains a link; {_ANEW}")
            for entry in entries:
                if not entry.is_file():
                    raise FacekitError(f"{entry} is not a regular file; {_ANEW}")
        try:
            return cls(folder, read_json(folder / STATE, State, _MOST, _ANEW))
        except (FileNotFoundError, NotADirectoryError):
            return cls(folder)

    @property
    def rows(self) -> list[Epoch]:
        """The epochs so far."""
        return self.state.rows

    @property
    def best(self) -> int:
        """The epoch whose weights the run would keep, counted from 1; 0 before the first."""
        return self.state.best

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.rows)

    @property
    def last(self) -> Path:
        """The file of the last epoch's weights, with the optimizer's state."""
        return self._file("last", self.epochs)

    def restore(self, model: Model, optimizer: bool = True) -> None:
        """Load the last epoch's weights into a compiled model, with its optimizer's state unless that starts over.

        Raises FacekitError for a file that is broken or does not fit.
        """
        if not self.rows:
            return
        if optimizer:  # its variables exist from the first step on, and only variables that exist are loaded
            model.optimizer.build(model.trainable_variables)
        file = self.last
        try:
            load_weights(model if optimizer else bare(model), file, read_shapes(file))
        except (ValueError, OSError) as error:
            raise _unreadable(file, error) from error

    def save(self, model: Model, net: Model, row: Epoch, best: bool) -> None:
        """Keep a finished epoch: all of `model`, and where it is the best so far the weights of its part `net`.

        Raises FacekitError when the disk is full; the epoch before stays whole.
        """
        rows = [*self.rows, row]
        with guarded(self.folder):
            self.folder.mkdir(exist_ok=True)
            _save(model, self._file("last", len(rows)))
            if best:
                _save(bare(net), self._file("best", len(rows)))
        self.state = State(len(rows) if best else self.best, rows)
        write_json(self.folder / STATE, self.state)
        self._delete_stale()

    def export(self, file: Path) -> None:
        """Copy the best epoch's weights to a file, whole or not at all."""
        temporary = file.with_name(f".part-{file.name}")
        with guarded(file):
            temporary.unlink(missing_ok=True)  # which a link in its place would survive
            shutil.copyfile(self._file("best", self.best), temporary)
            temporary.replace(file)

    def load_best(self, net: Model) -> None:
        """Load the best epoch's weights into the network. Raises FacekitError for a file that does not fit."""
        file = self._file("best", self.best)
        try:
            load_weights(bare(net), file, read_shapes(file))
        except (ValueError, OSError) as error:
            raise _unreadable(file, error) from error

    def delete(self) -> None:
        """Delete the checkpoint, once its run is complete; what is not of it stays."""
        for file in (*self._weights(), self.folder / STATE):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # a folder that holds something else, or is none
            self.folder.rmdir()

    def _file(self, kind: str, epoch: int) -> Path:
        return self.folder / f"{kind}-{epoch:05}{SUFFIX}"

    def _delete_stale(self) -> None:
        kept = {self._file("last", self.epochs), self._file("best", self.best)}
        for file in self._weights():
            if file not in kept:
                file.unlink()

    def _weights(self) -> list[Path]:
        return [file for file in self.folder.glob(f"*-*{SUFFIX}") if _WEIGHTS.fullmatch(file.name)]


def _unreadable(file: Path, error: Exception) -> FacekitError:
    reason = str(error).partition("\n")[0]
    return FacekitError(f"{file} cannot be read ({reason}); {_ANEW}")


def _save(model: Model, file: Path) -> None:
    file.unlink(missing_ok=True)  # which may have other names, by hard links: HDF5 would write into all of them
    model.save_weights(file)


def bare(model: Model) -> Model:
    """Return the same network without its optimizer, whose state is twice as large as the weights."""
    return keras.Model(model.inputs, model.outputs, name=model.name)
