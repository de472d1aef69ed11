"""Tune: search for the options of a training, train once with the best ones, and score that."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit import runs, training
from facekit.base import plugins
from facekit.base.contract import PARTS, AtMost, FacekitError, Report, Track, quiet
from facekit.base.plain import Json
from facekit.commands.tune.final import score
from facekit.commands.tune.folder import FINAL, SPLIT, begun, open_split, opening, write_recipe
from facekit.dataset import Dataset, check_places, protocol
from facekit.identity.split import Split
from facekit.options.base import Setting, recorded
from facekit.options.train import Train
from facekit.options.tune import Tune
from facekit.report import tuning as page
from facekit.report.tuning import Trial, Tuning
from facekit.training.callbacks import Diverged
from facekit.training.search.ranges import Space, read_space
from facekit.training.search.study import Study
from facekit.training.search.trial import run_trial, search_parts

STAGE = "tune"

log = logging.getLogger(__name__)


def tune(options: Tune, track: Track = quiet) -> Report:
    """Try settings of a training on validation, train once with the best one, and score it on the test part.

    Killed at any moment and called again, it goes on: with the trial that was interrupted, from its last whole epoch.
    Several processes that are called with one folder share its trials; the last one trains the final model. Raises
    FacekitError for options, ranges and pictures that cannot be used, and where every trial diverges.
    """
    began = time.monotonic()
    check_places(options.output, options.input)
    space = read_space(options)
    _check_parts(options)
    plugins.need("optuna", "tune")
    search = _opened(options, space, track)
    if options.dry_run:
        return _report(options, search, began)
    if (options.output / FINAL / runs.MODEL).is_file() and len(search.study.trials) < search.study.settings:
        raise FacekitError(
            f"{options.output} is finished: its model was scored on the test part, which further trials must not "
            "follow; choose another folder with -o, or use --overwrite"
        )
    _search(search, track)
    return _ended(search, began, track)


@dataclass(frozen=True)
class Search:
    """A search that is under way: its options, what varies, its one split, and its trials."""

    options: Tune
    space: Space
    split: Split
    study: Study


def _opened(options: Tune, space: Space, track: Track) -> Search:
    """Return the search in the output folder, or begin one. Others that begin it at once wait."""
    folder = options.output
    if options.dry_run:
        dataset = Dataset.open(options.input, track).hashed(track)
        split = open_split(options, space, begun(options, space), dataset, track)
        return Search(options, space, split, None)  # type: ignore[arg-type]  # a dry run has no trials
    with opening(folder):
        state = begun(options, space)
        if state is None:
            split = open_split(options, space, None, Dataset.open(options.input, track).hashed(track), track)
    if state is not None:
        split = open_split(options, space, state, Dataset.open(options.input, track).hashed(track), track)
    study = Study(folder, options, space)
    return Search(options, space, split, study)


def _check_parts(options: Tune) -> None:
    """Refuse a network or an embedder that nobody registered, before the pictures are read."""
    kind, name = ("embedder", options.backbone) if options.backbone else ("network", options.network)
    if name not in plugins.names(kind) and not (kind == "embedder" and Path(name).is_dir()):
        raise FacekitError(f"no {kind} called {name!r}; choose from {', '.join(plugins.names(kind))}")


def _search(search: Search, track: Track) -> None:
    """Work on trials until all are begun, or the time is over."""
    options, study = search.options, search.study
    parts = search_parts(search.split, options.folds, options.seed)
    over = time.monotonic() + 60 * options.timeout if options.timeout else float("inf")
    left = max(0, study.settings - sum(trial.state.is_finished() for trial in study.trials))
    steps = iter(track(AtMost(left), "tune", total=left))
    next(steps, None)  # a step counts as done when the next one is asked for
    try:
        while time.monotonic() < over:
            with study.next() as given:
                if given is None:
                    break
                _one(search, parts, *given)
            next(steps, None)
            _write(search)
    finally:
        close = getattr(steps, "close", None)
        if close is not None:
            close()
    study.tidy()


def _one(search: Search, parts: list[Split], trial: Any, values: dict[str, Setting], home: Path) -> None:
    """Do one trial, and write how it ended."""
    began = time.monotonic()
    try:
        outcome = run_trial(trial, dict(values), search.space, parts, home)
    except Diverged as error:
        search.study.finish(trial, None, reason=str(error).partition(";")[0])
    else:
        said = {"epoch": outcome.epoch, "epochs": outcome.epochs, "seconds": round(time.monotonic() - began, 1)}
        search.study.finish(trial, outcome.value, **said)
    _log(search, trial.number)


def _log(search: Search, number: int) -> None:
    """Log a line of a table: how a trial ended, beside the best so far."""
    trials = described(search)
    row = next(one for one in trials if one.number == number)
    if sum(one.state != UNDER_WAY for one in trials) == 1:
        log.info("%6s%10s%8s%9s  %s", "trial", "val acc.", "epochs", "seconds", "setting")
    best = search.study.best
    mark = "  best" if best is not None and best.number == number else "" if row.state == "done" else f"  {row.state}"
    value = page.NOTHING if row.value is None else f"{row.value:.4f}"
    log.info("%6d%10s%8s%9s  %s%s", number, value, row.epochs or "", row.seconds or "", row.setting, mark)


_UNSAID = ("jobs", "split", "split_by", "people_from")
"""Options that all trainings share and that decide nothing in them."""

UNDER_WAY = "under way"
STATES = {"COMPLETE": "done", "PRUNED": "given up", "FAIL": "failed", "RUNNING": UNDER_WAY, "WAITING": UNDER_WAY}


def described(search: Search) -> list[Trial]:
    """Return the trials as the page has them."""
    return [
        Trial(
            trial.number,
            STATES[trial.state.name],
            trial.value if trial.value is not None else max(trial.intermediate_values.values(), default=None),
            dict(trial.params),
            *(trial.user_attrs.get(name) for name in ("epoch", "epochs", "seconds", "reason")),
        )
        for trial in search.study.trials
    ]


def _write(search: Search, final: dict[str, Json] | None = None) -> Path:
    """Write the page and the table of trials."""
    options, space = search.options, search.space
    banners = [protocol.BANNER] if search.split.protocol == protocol.IMAGE else []
    tuning = Tuning(
        f"{options.input.resolve().name}: {options.backbone or options.network} tuned",
        [*banners, *(str(one) for one in listed((final or {}).get("banners")))],
        {name: one.said for name, one in space.ranges.items()},
        {name: str(value) for name, value in space.shared.items() if name not in _UNSAID},
        described(search),
        search.study.importances(),
        final or {},
    )
    return page.write(options.output, tuning)


def listed(value: Json) -> list[Json]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []


def _ended(search: Search, began: float, track: Track) -> Report:
    """Write the recipe and the page; train and score the final model where all trials are done."""
    options, study = search.options, search.study
    best = study.best
    if best is None:
        reasons = [trial.user_attrs.get("reason") for trial in study.trials if "reason" in trial.user_attrs]
        if reasons:
            raise FacekitError(f"no trial reached its end: {reasons[0]}; give lower learning rates in --ranges")
        return _report(options, search, began)
    final = search.space.options(best.params, {"input": options.input, "output": options.output / FINAL})
    recipe = write_recipe(options, _settings(final))
    details: dict[str, Json] = {"best_trial": best.number, "val_accuracy": round(best.value, 4), "recipe": str(recipe)}
    whole = len(study.trials) >= study.settings and not study.working()
    if study.working():
        log.info("other processes are still at work on trials; the last one trains the final model")
    scores = None
    if options.final and whole:
        run = training.fit(training.plan(final, search.split, track), track)
        scores = score(run, options, track)
        details |= {"model": str(run.folder), **scores}
    details["report"] = str(_write(search, scores))
    return _report(options, search, began, details)


def _settings(final: Train) -> dict[str, Setting]:
    """Return the options of a training that are not at their defaults, for a recipe."""
    plain = Train(input=final.input, output=final.output)
    usual = recorded(plain)
    return {name: value for name, value in recorded(final).items() if value != usual[name] and value is not None}


def _report(options: Tune, search: Search, began: float, details: dict[str, Json] | None = None) -> Report:
    trials = [] if search.study is None else search.study.trials
    counts = Counter(STATES[trial.state.name] for trial in trials)
    parts: dict[str, Json] = {f"{part}_pictures": search.split.counts[part] for part in PARTS}
    numbers: dict[str, Json] = {"trials": len(trials), **counts, **parts, "split": str(options.output / SPLIT)}
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(options.output), 0, len(trials), Counter(), seconds, {**numbers, **(details or {})})
