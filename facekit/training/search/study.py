"""The trials of a search, in one SQLite file that several processes share.

Whoever works on a trial holds the lock of its folder, which dies with its holder. A trial that the file calls running
and whose folder nobody holds is one whose process was killed: the next process takes it over, with its values and from
its last whole epoch. So nothing is lost, and no trial counts twice.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from facekit import runs
from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import guarded, locked
from facekit.options.tune import Tune
from facekit.training.search.ranges import Space

FILE, TRIALS = "study.db", "trials"

_NAME = "facekit"

_PATIENCE = 60
"""Seconds to wait for another process that writes into the file."""

_BEFORE_PRUNING = 5
"""Trials that are trained to their end before any is given up."""

_BY_CHANCE = 10
"""Trials by chance before those that TPE chooses, as Optuna has it; of a short search, half of all."""

log = logging.getLogger(__name__)


class Study:
    """The trials of one search."""

    def __init__(self, folder: Path, options: Tune, space: Space) -> None:
        """Open the file, or make it. Raises FacekitError without Optuna, and for a file that is no study."""
        self._optuna = plugins.need("optuna", "tune")
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        self._folder, self._options, self._space = folder, options, space
        with guarded(folder):
            (folder / TRIALS).mkdir(parents=True, exist_ok=True)
        with locked(folder / TRIALS, wait=True):  # two processes cannot make the tables at once
            self._study = self._open()

    def _open(self) -> Any:
        engine = {"connect_args": {"timeout": _PATIENCE}}
        try:
            storage = self._optuna.storages.RDBStorage(f"sqlite:///{self._folder / FILE}", engine_kwargs=engine)
            return self._optuna.create_study(
                storage=storage, study_name=_NAME, direction="maximize", load_if_exists=True, pruner=self._pruner()
            )
        except Exception as error:
            if type(error).__module__.split(".")[0] not in ("sqlalchemy", "alembic", "optuna", "builtins"):
                raise
            file = self._folder / FILE
            raise FacekitError(f"{file} cannot be read; delete it to begin again, or choose another folder") from error

    def _pruner(self) -> Any:
        pruners = self._optuna.pruners
        if not self._options.prune:
            return pruners.NopPruner()
        return pruners.MedianPruner(_BEFORE_PRUNING, n_warmup_steps=max(1, self._options.epochs // 5))

    @property
    def trials(self) -> Sequence[Any]:
        """All trials so far, as Optuna has them."""
        found: Sequence[Any] = self._study.get_trials(deepcopy=False)
        return found

    @property
    def settings(self) -> int:
        """How many trials there are to be: those asked for, of a grid no more than it has settings."""
        if self._options.sampler != "grid":
            return self._options.trials
        count = 1
        for values in self._space.grid().values():
            count *= len(values)
        return min(count, self._options.trials)

    @property
    def best(self) -> Any:
        """The best finished trial; None where none is."""
        done = [trial for trial in self.trials if trial.state.name == "COMPLETE"]
        return max(done, key=lambda trial: (trial.value, -trial.number), default=None)

    def importances(self) -> Mapping[str, float]:
        """Return which share of the differences between trials each option explains; nothing for too few trials."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that they are rough with few trials, which the page says
                found: Mapping[str, float] = self._optuna.importance.get_param_importances(self._study)
        except (RuntimeError, ValueError):  # with fewer than two finished trials, or values that are all one
            return {}
        return found

    @contextmanager
    def next(self) -> Iterator[tuple[Any, dict[str, Any], Path] | None]:
        """Hold the next trial, its values and its folder; None where all are begun by now.

        That is one whose process was killed, else a new one.
        """
        with ExitStack() as held:
            with locked(self._folder / TRIALS, wait=True):
                trial = self._orphan(held) or self._fresh(held)
            yield None if trial is None else (trial, self._space.suggest(trial), self._home(trial.number))

    def working(self) -> bool:
        """Return whether other processes are at work on trials."""
        return any(trial.state.name == "RUNNING" for trial in self.trials)

    def finish(self, trial: Any, value: float | None, **said: Any) -> None:
        """Write how a trial ended: with its value; given up by the pruner; or, where `reason` says why, failed."""
        for name, what in said.items():
            trial.set_user_attr(name, what)
        # A grid's own sampler wants to stop Optuna's loop after its last setting, and here is none.
        self._study.sampler = self._optuna.samplers.RandomSampler()
        states = self._optuna.trial.TrialState
        if value is not None:
            self._study.tell(trial, value)
        else:
            self._study.tell(trial, state=states.FAIL if "reason" in said else states.PRUNED)
        self._forget(trial.number)

    def tidy(self) -> None:
        """Delete what killed processes left of trials that are finished."""
        with locked(self._folder / TRIALS, wait=True):
            for trial in self.trials:
                if trial.state.is_finished() and self._home(trial.number).is_dir():
                    self._forget(trial.number)

    def _orphan(self, held: ExitStack) -> Any:
        """Return a trial whose process is gone, its folder locked by now."""
        for found in self.trials:
            if found.state.name == "RUNNING" and self._hold(found.number, held):
                log.info("trial %d was interrupted, and goes on", found.number)
                trial = self._optuna.trial.Trial(self._study, found._trial_id)
                sampler = self._sampler(found.number)
                if self._options.sampler == "grid" and "grid_id" not in found.system_attrs:
                    sampler.before_trial(self._study, found)
                self._study.sampler = sampler
                return trial
        return None

    def _fresh(self, held: ExitStack) -> Any:
        count = len(self.trials)
        if count >= self.settings:
            return None
        self._study.sampler = self._sampler(count)
        trial = self._study.ask()
        self._hold(trial.number, held)
        return trial

    def _sampler(self, number: int) -> Any:
        """Return what chooses the values of a trial, seeded by its number: which process asks makes no difference."""
        samplers, seed = self._optuna.samplers, (self._options.seed * 1_000_003 + number) % 2**32
        if self._options.sampler == "grid":
            return samplers.GridSampler(self._space.grid(), seed=self._options.seed)
        if self._options.sampler == "random":
            return samplers.RandomSampler(seed=seed)
        # Optuna's own number would leave a search of ten trials to chance altogether.
        by_chance = min(_BY_CHANCE, -(-self._options.trials // 2))
        # Trials that others are at work on count as bad ones, so that no two processes try the same.
        return samplers.TPESampler(n_startup_trials=by_chance, seed=seed, constant_liar=True)

    def _home(self, number: int) -> Path:
        return self._folder / TRIALS / f"{number:05}"

    def _hold(self, number: int, held: ExitStack) -> bool:
        """Lock the folder of a trial until `held` is closed; returns whether nobody else had it."""
        home = self._home(number)
        runs.refuse_link(home)
        home.mkdir(exist_ok=True)
        try:
            held.enter_context(locked(home))
        except FacekitError:
            return False
        return True

    def _forget(self, number: int) -> None:
        """Delete the runs of a trial; the folder stays where something else is in it."""
        home = self._home(number)
        for run in home.glob("*"):
            if run.is_dir() and not run.is_symlink():
                runs.clear(run)
                _remove(run)
        _remove(home)


def _remove(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # something else is in it
        log.debug("%s stays", folder)
