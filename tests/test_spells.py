"""Where what a face shows may change, its track is told in parts."""

from __future__ import annotations

import numpy as np

from facekit.base.contract import Box
from facekit.video.spells import Spells
from facekit.video.tracking import Sighting, Track

BOX = Box(0, 0, 10, 10)


def parts(classes: str, step: float = 0.2) -> list[tuple[str, float, float, int]]:
    """Class, beginning, end and frames of each part of a track whose frames are of these classes."""
    spells, track = Spells(), Track(1, 0.0, 0.0, BOX)
    found = []
    for place, letter in enumerate(classes):
        row = np.full(3, 0.1, np.float32)
        row["abc".index(letter)] = 0.8
        one = Sighting(BOX, np.empty(0, np.float32), row, 1.0)
        track.see(place * step, one)
        _, ended = spells.see(track, one)
        found += [ended] if ended is not None else []
    found.append(spells.close(track))
    assert spells.going() == []
    return [(_letter(part), round(part.start, 2), round(part.last, 2), part.frames) for part in found]


def _letter(part: Track) -> str:
    return "abc"[int((part.evidence.weights @ part.evidence.rows).argmax())]


def test_a_change_that_lasts_begins_another_part() -> None:
    assert parts("aaaaabbbbbb") == [("a", 0.0, 0.8, 5), ("b", 1.0, 2.0, 6)]


def test_single_frames_change_nothing() -> None:
    assert parts("aaabaaacbaaa") == [("a", 0.0, 2.2, 12)]


def test_each_of_several_changes_is_told() -> None:
    assert parts("aaaabbbbcccca") == [("a", 0.0, 0.6, 4), ("b", 0.8, 1.4, 4), ("c", 1.6, 2.4, 5)]


def test_one_frame_is_a_part() -> None:
    assert parts("b") == [("b", 0.0, 0.0, 1)]
