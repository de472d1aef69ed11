"""Faces that a second detector sees too: YuNet confirms the boxes of a detector that is easily fooled.

Haar cascades draw boxes around crests, wristbands, shirts and hands, often with eyes in them to an eye cascade. Of
381 boxes on 299 search results YuNet confirms 327; of the 54 others, looked at one by one, none is a whole face. It
makes no difference there whether its score must be .3 or .8. What YuNet sees beside the boxes is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from facekit.base import images
from facekit.base.contract import Box, Detector, Face, Image
from facekit.faces.detectors.boxes import distinct, foremost, overlap
from facekit.faces.detectors.retry import Retry

MIN_OVERLAP = 0.2
"""Overlap from which two boxes are of one face: Haar's are square, YuNet's narrow and tall. It is .26 to .85."""

_ROOM = 1.0
"""Space around a box that is looked at again, as a share of its side."""


@dataclass(frozen=True)
class Search:
    """What was found in a photo: its faces, largest first, and boxes that are no face to the second detector."""

    faces: list[Face]
    unconfirmed: list[Face]


class Confirmed:
    """A detector whose boxes another one must confirm, in the photo or in what is cut out around the box."""

    def __init__(self, finder: Retry, confirmer: Detector) -> None:
        self._finder, self._confirmer = finder, confirmer

    def search(self, image: Image) -> Search:
        """Return the faces of an RGB picture, and the boxes that were not confirmed."""
        unconfirmed: list[Face] = []
        seen: list[Face] | None = None
        looks: tuple[Callable[[Image], list[Face]], ...] = (self._finder.first, self._finder.again)
        for look in looks:
            found = look(image)
            seen = self._confirmer.detect(image) if found and seen is None else seen
            faces = [face for face in found if self._confirms(image, face.box, seen or [])]
            unconfirmed += [face for face in found if face not in faces]
            if faces:
                return Search(one_each(faces, seen or []), distinct(unconfirmed))
        return Search([], distinct(unconfirmed))

    def foremost(self, image: Image) -> Face | None:
        """Return the face that an RGB picture is of, None where it shows none."""
        return foremost(self.search(image).faces, image)

    def _confirms(self, image: Image, box: Box, seen: list[Face]) -> bool:
        if any(overlap(face.box, box) >= MIN_OVERLAP for face in seen):
            return True
        around = images.square(box, _ROOM)  # a face that fills the photo, or is small in it
        inside = box._replace(x=box.x - around.x, y=box.y - around.y)
        again = self._confirmer.detect(images.cut(image, around))
        return any(overlap(face.box, inside) >= MIN_OVERLAP for face in again)


def one_each(faces: list[Face], seen: list[Face]) -> list[Face]:
    """Return the faces, without those that one of `seen` confirms beside a better box.

    Haar draws a second box around some chins.
    """
    best: dict[Box, tuple[float, Face]] = {}
    alone = []
    for face in faces:
        fit, box = max(((overlap(one.box, face.box), one.box) for one in seen), default=(0.0, face.box))
        if fit < MIN_OVERLAP:
            alone.append(face)  # seen only in what is cut out around it
        elif box not in best or fit > best[box][0]:
            best[box] = (fit, face)
    kept = [*alone, *(face for _, face in best.values())]
    return [face for face in faces if face in kept]
