"""The pictures to select from: their measurements, and defects that do not depend on who is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, Box, Image, Points, Record, Verdict, replace
from facekit.base.parallel import Jobs, ordered_map
from facekit.dataset import Dataset, DatasetInfo
from facekit.dataset.reasons import BLURRED, BRIGHT, CLIPPED, DARK, FLAT, LEANING, SMALL, TURNED
from facekit.faces import quality
from facekit.faces.confirmation import FACE, WHOLE, Confirmation, Sight
from facekit.faces.landmarks import landmarks
from facekit.identity import embedders
from facekit.identity.likeness import Fingerprint, fingerprint
from facekit.options.clean import Clean


@dataclass(frozen=True)
class Candidate:
    """A picture and what is known of it; `bad` says why it cannot stay."""

    record: Record
    fingerprint: Fingerprint | None = None
    bad: BadImage | None = None
    size: float = 0.0
    sharpness: float = 0.0
    sight: Sight | None = None
    """What a second detector sees in the box; None where none was asked."""
    removed: bool = False
    """A person deleted it from the output: it does not stay, and no repeat takes its place."""
    verdict: Verdict | None = None
    """What a person decided about it in the review."""

    @property
    def unwanted(self) -> bool:
        """Whether a person wants neither it nor its repeats."""
        return self.removed or self.verdict == "reject"

    @property
    def wanted(self) -> bool:
        """Whether a person decided that it stays."""
        return self.verdict in ("keep", "move")

    @property
    def counts(self) -> bool:
        """Whether it takes part in judging who is who."""
        return self.fingerprint is not None and (self.bad is None or self.wanted) and not self.unwanted

    @property
    def compared(self) -> bool:
        """Whether repeats of it are looked for: also of one that a person removed, so that none takes its place."""
        return self.bad is None or self.wanted or self.unwanted

    @property
    def found_under(self) -> str:
        """The label that it was found under, wherever a person has moved it since."""
        return self.record.moved_from or self.record.label

    @property
    def rank(self) -> tuple[bool, float, float, str]:
        """Order in which repeats are kept: those that a person touched, the largest, the sharpest, the lowest id."""
        by_hand = self.removed or self.record.moved_from is not None
        return not by_hand, -self.size, -self.sharpness, self.record.id


@dataclass(frozen=True)
class Measure:
    """Measures pictures of a tree.

    With `points`, also how a face is turned, which needs dlib's landmarks; with `confirm`, whether it is a face.
    """

    info: DatasetInfo
    """What the tree says of how its faces were cut."""
    options: Clean
    points: bool = False
    confirm: Confirmation | None = None

    def __call__(self, one: tuple[Candidate, Path]) -> Candidate:
        """Return a picture, given with its file, with what is measured of it.

        One that cannot be decoded has no fingerprint.
        """
        candidate, file = one
        record = candidate.record
        try:
            image = images.read(file)
        except BadImage as error:
            return replace(candidate, bad=error)
        box = embedders.face_in(image, record, self.info)
        values = quality.measure(image, record, self._points(image, box))
        sight = self.confirm(image, box) if self.confirm and box else None
        if sight is not None:
            values |= {FACE: sight.score, WHOLE: sight.whole}
        measured = replace(record, quality={**(record.quality or {}), **values})
        # The size of a face in its photo counts, not the size that it was saved at.
        size = record.box.w * record.box.h if record.box else image.shape[0] * image.shape[1]
        bad = next(self._faults(values), None)
        return replace(
            candidate,
            record=measured,
            fingerprint=fingerprint(image),
            bad=bad,
            size=float(size),
            sharpness=values["sharpness"],
            sight=sight,
        )

    def _faults(self, values: Mapping[str, float]) -> Iterator[BadImage]:
        options = self.options
        for reason, name, least, most in (  # darkness before blur: too little light makes edges faint too
            (SMALL, "size", options.min_side, None),
            (DARK, "brightness", options.min_brightness, None),
            (BRIGHT, "brightness", None, options.max_brightness),
            (BLURRED, "sharpness", options.min_sharpness, None),
            (FLAT, "contrast", options.min_contrast, None),
            (CLIPPED, "clipped", None, options.max_clipped),
            (TURNED, "yaw", -options.max_yaw, options.max_yaw),
            (LEANING, "roll", -options.max_roll, options.max_roll),
        ):
            value = values.get(name)
            if value is not None and ((least is not None and value < least) or (most is not None and value > most)):
                yield BadImage(reason, value)

    def _points(self, image: Image, box: Box | None) -> Points | None:
        if box is None or not self.points:
            return None
        try:
            return landmarks(image, box)
        except BadImage:
            return None


def measured(measure: Measure, candidates: Sequence[Candidate], source: Dataset, jobs: Jobs) -> Iterator[Candidate]:
    """Yield the pictures of a tree with what is measured of each, in order."""
    return ordered_map(measure, ((one, source.path_of(one.record).absolute()) for one in candidates), jobs)


def seen_again(
    candidates: Sequence[Candidate], places: Collection[int], source: Dataset, confirm: Confirmation, jobs: Jobs
) -> list[Candidate]:
    """Return the pictures, those at some places with what a detector says of them, for it is slow or often wrong."""
    order = sorted(places)
    asked = ((candidates[place], source.path_of(candidates[place].record).absolute()) for place in order)
    work = partial(_seen_again, confirm, source.info.how_cut())
    again = dict(zip(order, ordered_map(work, asked, jobs), strict=True))
    return [again.get(place, one) for place, one in enumerate(candidates)]


def _seen_again(confirm: Confirmation, info: DatasetInfo, asked: tuple[Candidate, Path]) -> Candidate:
    one, file = asked
    try:
        image = images.read(file)
    except BadImage:
        return one
    box = embedders.face_in(image, one.record, info)
    return replace(one, sight=confirm(image, box)) if box else one
