"""Carry out a removal: find what goes, write the plan, remove it place by place, write the receipt."""

from __future__ import annotations

import difflib
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from facekit.base.clock import now
from facekit.base.contract import FacekitError, Listing, Report, Track, quiet
from facekit.base.files import sha256_of
from facekit.base.names import loose
from facekit.base.text import counted, visible
from facekit.dataset import tombstones
from facekit.removal import likeness, receipt, survey
from facekit.removal.journal import Journal, Plan
from facekit.removal.kinds import galleries, trees
from facekit.removal.kinds.base import Doing, Part
from facekit.removal.kinds.galleries import Galleries
from facekit.removal.kinds.trees import Trees
from facekit.removal.looks import look_of
from facekit.removal.survey import Place
from facekit.removal.targets import Targets
from facekit.removal.untouched import Untouched, untouched
from facekit.report import receipt as pages
from facekit.sources.addresses import canonical

_SHOWN = 5

_STAYING = 10
"""Things that stay which a report names."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be removed, and from where."""

    command: str
    roots: Sequence[str]
    receipts: Path
    names: Sequence[str] = ()
    urls: Sequence[str] = ()
    hosts: Sequence[str] = ()
    ids: Sequence[str] = ()
    photos: Sequence[Path] = ()
    before: str | None = None
    age: str = ""
    """`before` as it was asked for: `3y`."""
    keep_models: bool = False
    likeness: bool = True
    dry_run: bool = False
    jobs: int = 0
    shown: str = field(default="", compare=False)
    """What is removed, in words."""

    def to_plain(self) -> dict[str, object]:
        """Return what decides the result: the journal is known by it, and the receipt says it."""
        values: dict[str, object] = {
            "name": list(self.names),
            "url": list(self.urls),
            "host": list(self.hosts),
            "id": list(self.ids),
            "photo": [sha256_of(photo) for photo in self.photos],
            "older than": self.age,
            "in": [_absolute(root) for root in self.roots],
            "models that learned from it": "kept" if self.keep_models else "",
        }
        return {"command": self.command, **{name: value for name, value in values.items() if value}}

    def targets(self) -> Targets:
        """Return what is known to go before anything was looked at."""
        found = Targets(
            names={loose(name) for name in self.names},
            hosts=tuple(host.lower() for host in self.hosts),
            pages=tuple(self.urls),
            ids=tuple(self.ids),
            before=self.before,
        )
        for photo in self.photos:
            digest, look = sha256_of(photo), look_of(photo)
            found.photos.add(digest)
            found.files.add(digest)
            if look is not None:
                found.looks.add(look)
        return found


def remove(asked: Asked, track: Track = quiet) -> Report:
    """Remove what was asked for; go on where a run that was killed has stopped.

    Raises FacekitError, before anything is changed, for folders that are not facekit's, for a person or photo that is
    nowhere in them, and where another process writes one of them.
    """
    began = time.monotonic()
    places = survey.places(asked.roots)
    journal = Journal(asked.receipts, asked.to_plain())
    begun = journal.read()
    if begun is None:
        plan, doing = _planned(asked, places, track)
    else:
        plan, doing = begun[0], _again(asked, places, begun[0], track)
        log.info("an earlier run was stopped; %s of it are left", counted(len(plan.parts) - len(begun[1]), "place"))
    stay = untouched(asked.roots, places, plan.targets, asked.receipts)
    if asked.dry_run or not plan.parts:
        return _report(asked, plan, began, "would be removed", stay)
    became = _carried_out(plan, doing, journal, begun[1] if begun else {}, track)
    blocked = _blocked(plan.targets)
    notes = [*doing.told, *(part.says for part in plan.parts if part.kind == Trees.name and part.says)]
    written = pages.write(asked.receipts, receipt.of(plan, became, notes, blocked))
    journal.delete()
    for note in notes:
        log.warning("%s", note)
    report = _report(asked, plan, began, "removed", stay, written)
    report.details["notes"] = notes
    return report


def _planned(asked: Asked, places: Sequence[Place], track: Track) -> tuple[Plan, Doing]:
    """Find all that goes. Raises FacekitError where nothing does, but not for an age: every day is not the last one."""
    _check_names(asked, places)
    targets = asked.targets()
    doing = Doing(targets, asked.keep_models, asked.jobs, track, now())
    survey.spread(places, targets)
    for photo in (*asked.photos, None):
        while asked.likeness and likeness.add(places, doing, photo):
            survey.spread(places, targets)
    for place in places:
        if isinstance(place.kind, Trees):
            targets.looks.update(trees.looks(place.path, targets, asked.jobs))
        elif isinstance(place.kind, Galleries):
            targets.looks.update(galleries.looks(place.path, targets))
    known = [trees.digests(place.path, targets) for place in places if isinstance(place.kind, Trees)]
    doing.digests = {old: new for old, new in known if old != new}
    doing.stay = survey.stays(places, targets)
    planned = survey.plan(places, doing)
    parts = [part for _, part in planned]
    if all(place.kind.anybodys for place, _ in planned):
        if asked.before is None:
            raise FacekitError(_nothing(asked, places))
        parts = []
    else:
        _warn_of_nobody(asked, places)
    plan = Plan(
        asked.to_plain(),
        doing.at,
        secrets.token_hex(8),
        targets,
        dict(doing.digests),
        sorted(doing.learned),
        sorted(doing.trained_on),
        parts,
    )
    return plan, doing


def _again(asked: Asked, places: Sequence[Place], plan: Plan, track: Track) -> Doing:
    """Return what the kinds need to know to go on with a plan."""
    return Doing(
        plan.targets,
        asked.keep_models,
        asked.jobs,
        track,
        plan.at,
        plan.digests,
        trained_on=set(plan.trained_on),
        learned=set(plan.learned),
        stay=survey.stays(places, plan.targets),
    )


def _carried_out(plan: Plan, doing: Doing, journal: Journal, done: Mapping[str, str], track: Track) -> dict[str, str]:
    """Remove what the plan names, and return place -> what became of it."""
    became = dict(done)
    with ExitStack() as stack:
        todo = [(part, survey.of(part.kind, part.place)) for part in plan.parts]
        for _, place in todo:
            if place.path.exists():
                stack.enter_context(place.kind.locked(place.path))
        if not done:
            journal.begin(plan)
        _never_again(plan.targets)
        for part, place in track(todo, "remove", len(todo)):
            key = _key(part)
            if key in became:
                continue
            place.kind.remove(place.path, doing)
            became[key] = doing.models.get(part.place, "")
            journal.done(key, became[key])
    return {part.place: became.get(_key(part), "") for part in plan.parts if became.get(_key(part))}


def _key(part: Part) -> str:
    return f"{part.kind}: {part.place}"


def _never_again(targets: Targets) -> None:
    """Keep later scrapes and imports from bringing the same pictures back: before the first is deleted."""
    urls = map(canonical, targets.urls | set(targets.pages))
    tombstones.add(targets.files | targets.photos, urls, targets.names, targets.looks)


def _blocked(targets: Targets) -> int:
    return len(targets.files | targets.photos) + len(targets.urls | set(targets.pages)) + len(targets.looks)


def _check_names(asked: Asked, places: Sequence[Place]) -> None:
    """Refuse a name that nobody has beside one that somebody has: it may be a folder, or typed wrongly."""
    if len(asked.names) < 2:
        return
    there = _names(places)
    for name in asked.names:
        if loose(name) not in there:
            if Path(name).is_dir():
                raise FacekitError(f"{name} is a folder, and nobody is called so; give `--in {name}`")
            raise FacekitError(_nobody(asked, [name], there))


def _warn_of_nobody(asked: Asked, places: Sequence[Place]) -> None:
    """Say that a name was found nowhere but in texts and pages, or that only what else was asked for was found."""
    there = _names(places) if asked.names else {}
    for name in asked.names:
        if loose(name) not in there:
            roots = ", ".join(asked.roots)
            log.warning("nobody in %s is called %r; only what mentions that name was found", roots, visible(name))


def _names(places: Sequence[Place]) -> dict[str, str]:
    """Return the names of people in all places, folded -> as they are spelled."""
    return {loose(name): name for place in places for name in set(place.kind.names(place.path))}


def _nothing(asked: Asked, places: Sequence[Place]) -> str:
    """Say that nothing was found, and which names are like the one that was typed."""
    if asked.names:
        return _nobody(asked, asked.names, _names(places))
    return f"nothing in {', '.join(asked.roots)} is {asked.shown}; nothing was changed"


def _nobody(asked: Asked, names: Sequence[str], there: Mapping[str, str]) -> str:
    near = [there[one] for name in names for one in difflib.get_close_matches(loose(name), there, _SHOWN)]
    hint = f"; did you mean {', '.join(repr(visible(name)) for name in near)}?" if near else "; see `facekit stats`"
    return f"nobody in {', '.join(asked.roots)} is called {' or '.join(map(repr, map(visible, names)))}{hint}"


def _report(
    asked: Asked, plan: Plan, began: float, what: str, stay: Sequence[Untouched], written: Sequence[Path] = ()
) -> Report:
    report = Report(asked.command, str(asked.receipts), seconds=round(time.monotonic() - began, 2), counts=False)
    report.details["lines"] = lines = []
    if plan.parts:
        notes = (*_staying(stay), *([f"receipt: {written[1]}"] if written else ()))
        rows = [(part.kind, _from_here(part.place), pages.in_words(part.counts), part.says) for part in plan.parts]
        said = any(part.says for part in plan.parts)
        heads = ("what", "where", what, "then") if said else ("what", "where", what)
        report.listing = Listing(heads, tuple(row[: len(heads)] for row in rows), notes)
        lines += [*report.listing.lines(), *notes]
    else:
        lines.append(f"nothing in {', '.join(asked.roots)} is {asked.shown}; nothing was changed")
    report.details["places"] = [
        {"what": part.kind, "where": part.place, "counts": part.counts, "says": part.says} for part in plan.parts
    ]
    report.details["not_touched"] = [{"where": one.path, "count": one.count, "of": one.unit[1]} for one in stay]
    report.details["pictures"] = len({one.sha256 for part in plan.parts for one in part.pictures if one.sha256})
    report.details["dry_run"] = asked.dry_run
    if written:
        report.details["receipt"] = str(written[0])
    return report


def _staying(stay: Sequence[Untouched]) -> list[str]:
    """Return a line for each thing that names the person and is not facekit's; of many, the first."""
    lines = [str(replace(one, path=_from_here(one.path))) for one in stay[:_STAYING]]
    more = len(stay) - len(lines)
    return [*lines, *([f"not touched: {more} more; `--json` lists all"] if more else [])]


def _from_here(place: str) -> str:
    """Return a place as it is typed in the working folder; what is not below that stays whole."""
    try:
        return str(Path(place).relative_to(Path.cwd()))
    except (ValueError, OSError):  # somewhere else; or the working folder was deleted
        return place


def _absolute(root: str) -> str:
    return root if "://" in root else str(Path(root).resolve())
