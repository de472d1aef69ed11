"""What has changed, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from facekit.base.text import listed
from facekit.serving.monitor.findings import Findings, Verdict
from facekit.serving.monitor.measures import LEAST, SIMILARITY, UNKNOWN, WRONG, Topic, shown

_PICTURES: tuple[Topic, ...] = ("light", "sharpness", "size", "pose")
"""What a camera decides."""


def lines(findings: Findings, remedy: str) -> list[str]:
    """Return what is to be said, most important first; one line where nothing has changed.

    `remedy` is the command that helps where answers have become worse, such as `facekit enroll PHOTOS -o GALLERY`.
    """
    if not findings.days:
        return []
    changed = findings.changed
    if not changed:
        return [_nothing(findings)]
    return [*(f"{one.measure.topic}: {_what(one)}" for one in changed), *_advice(findings, changed, remedy)]


def _nothing(findings: Findings) -> str:
    told = [one for one in findings.verdicts if one.last is not None]
    if not told:
        return f"too few answers to tell: a measure needs {LEAST} in a week, and something to be compared with"
    untold = [one.measure.name for one in findings.verdicts if one.last is None]
    rest = f", as far as can be told (not yet of: {listed(untold)})" if untold else ""
    return f"nothing has changed{rest}"


def _what(one: Verdict) -> str:
    assert one.last is not None
    words = one.measure.higher if one.higher else one.measure.lower
    unit = f" {one.measure.unit}" if one.measure.unit not in ("", "%") else ""
    then = {"enrolled": "enrolled", "first": "in the first days", None: ""}[one.against]
    before, now = (shown(one.measure, value, one.edges) for value in (one.then, one.now))
    values = f"{one.measure.name} {now}{unit}, {then} {before}"
    shift = one.last.shift
    return (
        f"{words} since {one.since} ({values}; PSI {shift.psi:.2f}, 95% interval {shift.low:.2f} to {shift.high:.2f})"
    )


def _advice(findings: Findings, changed: Sequence[Verdict], remedy: str) -> list[str]:
    topics = {one.measure.topic for one in changed}
    worse = _worse(findings)
    if topics & {*_PICTURES} and worse:
        return [f"pictures have changed, and answers are worse ({listed(worse)}): undo the change, or `{remedy}` "
                "with photos as they come now"]  # fmt: skip
    if worse:
        return [f"pictures are as before, and people are not ({listed(worse)}): new people, or older faces; look at "
                f"some, and `{remedy}`"]  # fmt: skip
    if topics & {*_PICTURES}:
        return ["answers are no worse so far: look at the camera and the light; nothing has to be enrolled or trained "
                "again yet"]  # fmt: skip
    return ["answers are no worse so far; look at some pictures of these days"]


def _worse(findings: Findings) -> list[str]:
    """Return how answers have become worse."""
    found = []
    for measure, higher in ((SIMILARITY, False), (UNKNOWN, True), (WRONG, True)):
        one = findings.verdict(measure.name)
        if one is not None and one.changed and one.higher == higher:
            found.append(measure.higher if higher else measure.lower)
    return found
