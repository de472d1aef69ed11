"""Going on after a kill: the last epoch's weights and optimizer, the best epoch's weights, the history.

Weights are written under names of their own; `state.json`, replaced whole, says which of them count. So a
kill at any moment leaves the state of a whole epoch.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facekit.base.contract import FacekitError
from facekit.base.files import guarded, replace_file
from facekit.networks.backend import keras
from facekit.training.schedule import Row

STATE = "state.json"


@dataclass
class Checkpoint:
    """The folder that holds what a run needs to go on, and what it says of the epochs so far."""

    folder: Path
    rows: list[Row] = field(default_factory=list)
    best: int = 0
    """The epoch whose weights the run would keep, from 1; 0 before the first."""
    kept: Any = None
    """The part of the model whose weights these are; None is all of it."""

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read a checkpoint; a folder without one is a run before its first epoch's end."""
        try:
            state = json.loads((folder / STATE).read_text())
        except FileNotFoundError:
            return cls(folder)
        return cls(folder, state["rows"], state["best"])

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.rows)

    def restore(self, model: Any, optimizer: bool = True) -> None:
        """Give a compiled model the last epoch's weights, and its optimizer's state unless that begins anew."""
        if not self.rows:
            return
        if optimizer:  # its slots exist from the first step on, and are loaded only where they exist
            model.optimizer.build(model.trainable_variables)
        file = self._file("last", self.epochs)
        try:
            (model if optimizer else bare(model)).load_weights(file)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            raise FacekitError(f"{file} cannot be read ({reason}); train anew with --overwrite") from error

    def save(self, model: Any, row: Row, best: bool) -> None:
        """Keep a finished epoch. Raises FacekitError when the disk is full; the epoch before stays whole."""
        rows = [*self.rows, row]
        with guarded(self.folder):
            self.folder.mkdir(exist_ok=True)
            model.save_weights(self._file("last", len(rows)))
            if best:
                bare(self.kept or model).save_weights(self._file("best", len(rows)))
        self.best = len(rows) if best else self.best
        self.rows = rows
        replace_file(self.folder / STATE, json.dumps({"best": self.best, "rows": rows}).encode())
        self._drop_stale()

    def export(self, file: Path) -> None:
        """Copy the best epoch's weights to a file, whole or not at all."""
        temporary = file.with_name(f".part-{file.name}")
        with guarded(file):
            shutil.copyfile(self._file("best", self.best), temporary)
            temporary.replace(file)

    def delete(self) -> None:
        """Delete the checkpoint, once its run is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, kind: str, epoch: int) -> Path:
        return self.folder / f"{kind}-{epoch:05}.weights.h5"

    def _drop_stale(self) -> None:
        wanted = {self._file("last", self.epochs), self._file("best", self.best)}
        for file in self.folder.glob("*.weights.h5"):
            if file not in wanted:
                file.unlink()


def bare(model: Any) -> Any:
    """Return the same network without its optimizer, whose state is twice the size of the weights."""
    return keras.Model(model.inputs, model.outputs, name=model.name)
