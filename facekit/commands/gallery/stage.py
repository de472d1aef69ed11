"""What `facekit gallery ACTION` does: one function for each action."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.text import counted, listed
from facekit.commands.gallery.checking import check
from facekit.commands.gallery.denying import deny
from facekit.commands.gallery.showing import list_people, show
from facekit.commands.gallery.told import Told
from facekit.identity.gallery import Gallery, Person
from facekit.identity.gallery.migration import migrate
from facekit.options.gallery import Action
from facekit.options.gallery import Gallery as Options

STAGE = "gallery"


def gallery(options: Options, track: Track = quiet) -> Report:
    """Do what was asked with a gallery.

    Whatever changes people finds the threshold again. Raises FacekitError for a gallery that is not there, and for
    names and faces that it has not.
    """
    began = time.monotonic()
    with Gallery.open(options.gallery) as opened:
        told = _ACTIONS[options.action](opened, options, track)
        folder = options.output if options.output is not None else options.gallery
        seconds = round(time.monotonic() - began, 2)
        return Report(STAGE, str(folder), 0, 0, seconds=seconds, details=told.all(), listing=told.listing)


def _listed(gallery: Gallery, options: Options, track: Track) -> Told:
    return list_people(gallery)


def _shown(gallery: Gallery, options: Options, track: Track) -> Told:
    return show(gallery, options.names[0] if options.names else None)


def _renamed(gallery: Gallery, options: Options, track: Track) -> Told:
    person = gallery.person(options.names[0])
    if not options.dry_run:
        gallery.store.rename(person.number, options.names[1])
        gallery.promise()
    return Told(lines=(f"{person.name} is now {options.names[1]}",))


def _merged(gallery: Gallery, options: Options, track: Track) -> Told:
    into, *others = _people(gallery, options.names)
    numbers = [one.number for one in others if one.number != into.number]
    if not numbers:
        raise FacekitError(f"{into.name} is one person already; give the name of another person to merge")
    if not options.dry_run:
        gallery.store.merge(into.number, numbers)
        gallery.promise()
    faces = into.faces + sum(one.faces for one in others if one.number != into.number)
    return Told(
        lines=(f"{into.name} now has {counted(faces, 'face')}; removed: {listed([one.name for one in others])}",)
    )


def _removed(gallery: Gallery, options: Options, track: Track) -> Told:
    """Remove people by name; what is nobody's name must be the id of a face or of a denial."""
    known = {one.id for one in (*gallery.store.faces(), *gallery.store.denied())}
    people, ids = [], []
    for name in options.names:
        if name in known and gallery.store.find_person(name) is None:
            ids.append(name)
        else:
            people.append(gallery.person(name))
    if not options.dry_run:
        gallery.store.remove([one.number for one in people], ids)
        gallery.people()  # what was removed is blanked in the index too
        gallery.promise()
    return Told(lines=(f"removed: {listed([*(one.name for one in people), *ids])}",))


def _checked(gallery: Gallery, options: Options, track: Track) -> Told:
    return check(gallery)


def _denied(gallery: Gallery, options: Options, track: Track) -> Told:
    return deny(gallery, options.names[0], options.names[1], options.dry_run)


def _migrated(gallery: Gallery, options: Options, track: Track) -> Told:
    assert options.output is not None and options.embedder is not None
    moved = migrate(gallery, options.embedder, options.output, options.jobs, track, options.dry_run)
    return Told(moved.details())


def _people(gallery: Gallery, names: Sequence[str]) -> list[Person]:
    return [gallery.person(name) for name in names]


_ACTIONS: dict[Action, Callable[[Gallery, Options, Track], Told]] = {
    "list": _listed,
    "show": _shown,
    "rename": _renamed,
    "merge": _merged,
    "remove": _removed,
    "check": _checked,
    "deny": _denied,
    "migrate": _migrated,
}
