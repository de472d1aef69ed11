"""Whether a gallery is whole, which faces look misplaced, and which people are most easily confused."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import numpy as np

from facekit.base.contract import FacekitError, Listing
from facekit.base.plain import Json
from facekit.base.text import counted, listed
from facekit.commands.gallery.told import Told
from facekit.identity.gallery import Gallery, index
from facekit.identity.gallery.confusion import Confusion, confusion
from facekit.identity.gallery.saying import Said, tallied

PAIRS = 20
"""Pairs of people that are shown: those who come nearest to each other."""


def check(gallery: Gallery) -> Told:
    """Return who is easily confused, and which faces are nearer to somebody else than to their own person.

    Raises FacekitError for a store that is broken. An index that does not fit is built again.
    """
    faults = gallery.store.check()
    if faults:
        raise FacekitError(f"{gallery.shown} is broken: {listed(faults)}; restore it from a copy, or enroll again")
    rebuilt = index.faults(gallery.store, gallery.folder)
    if rebuilt:
        index.drop(gallery.folder)
    found, promise = confusion(gallery.people(), PAIRS), gallery.promise()
    said = tallied(gallery.store.feedback(), {one.number: one.name for one in gallery.store.people()})
    notes = (*rebuilt, *_notes(gallery, found), *_said(said), promise.line)
    listing = Listing(("person", "and", "similarity"), _rows(found), notes)
    details: dict[str, Json] = {
        "whole": True,
        "index_rebuilt": bool(rebuilt),
        "threshold": promise.open_set.threshold,
        "promised": promise.promised,
        "confusable": [
            {"person": one.first, "and": one.second, "similarity": round(one.similarity, 4)} for one in found.pairs
        ],
        "doubtful": list(_doubtful(gallery, found)),
        "feedback": [vars(one) for one in said],
    }
    return Told(details, listing)


def _said(said: Sequence[Said]) -> list[str]:
    """Return what users of a server have said of its answers, the worst first."""
    lines = []
    for one in said[:PAIRS]:
        who = "strangers" if one.name is None else one.name
        if one.wrong:
            lines.append(
                f"{one.wrong} of {counted(one.wrong + one.right, 'answer')} that named {who} were said to be wrong"
            )
        if one.missed:
            lines.append(f"{counted(one.missed, 'answer')} did not name {who}, who it was; enroll more photos")
    return lines


def _rows(found: Confusion) -> tuple[tuple[str, ...], ...]:
    return tuple((one.first, one.second, f"{one.similarity:.3f}") for one in found.pairs)


def _doubtful(gallery: Gallery, found: Confusion) -> list[str]:
    """Return the ids of the faces that are nearer to another person."""
    wanted = set(np.asarray(found.doubtful).tolist())
    slots = gallery.store.slots()
    return [face for face, slot in slots.items() if slot in wanted]


def _notes(gallery: Gallery, found: Confusion) -> list[str]:
    ids = set(_doubtful(gallery, found))
    if not ids:
        return []
    which = [f"{one.id} ({one.name}, {one.where.path})" for one in gallery.store.faces() if one.id in ids]
    remove = f"`facekit gallery remove {quote(gallery.shown)} ID`"
    what = counted(len(ids), "face looks", "faces look")
    return [f"{what} more like another person than like the own one: {listed(which)}; {remove} removes one"]
