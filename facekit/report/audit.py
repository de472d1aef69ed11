"""What an audit writes: a table of all pairs, a page of the worst ones, and a list of pictures to leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base import text
from facekit.base.files import check_ours, guarded, replace_file, write_csv
from facekit.base.names import fold
from facekit.report import html
from facekit.scores.weights import WeightsCard

TABLE, PAGE, DROP = "audit.csv", "report.html", "drop.txt"

COLUMNS = ("first", "first_part", "first_label", "second", "second_part", "second_label", "kind")

MOST = 200
"""Pairs shown; all are in the table beside the page."""

_THUMBNAIL = 120


@dataclass(frozen=True)
class Side:
    """One picture of a pair: its file, its path in the tree, and where it stands."""

    file: Path
    path: str
    part: str
    label: str
    targets: Mapping[str, str] = field(default_factory=dict)
    """Its other labels, such as its expression."""


@dataclass(frozen=True)
class Twins:
    """Two pictures that belong together: `same bytes`, `same picture`, `same photo`, or two of a `burst`."""

    first: Side
    second: Side
    kind: str
    whole: bool = False
    """Whether they are whole photos, of which the tree has faces."""

    @property
    def conflict(self) -> bool:
        """Whether the two stand under different labels."""
        one, other = self.first.label, self.second.label
        return bool(one and other) and fold(one) != fold(other)

    @property
    def disagree(self) -> bool:
        """Whether the two have different labels of a target. Those of a burst may: a face changes in seconds."""
        one, other = self.first.targets, self.second.targets
        return self.kind != "burst" and any(fold(one[name]) != fold(other[name]) for name in one.keys() & other.keys())


@dataclass(frozen=True)
class Overlap:
    """How much of a second part the first shows too; of a tree without parts, how much is shown again."""

    first: str
    second: str
    pairs: int
    pictures: int
    """Pictures of the second part that the first shows too."""
    of: int
    """Pictures of the second part that can be read."""
    share: float
    in_first: int
    """Pictures of the first part that the second shows too."""
    same_bytes: int
    same_picture: int
    same_photo: int
    burst: int
    """Pictures of photos that were taken seconds apart."""
    other_label: int
    """How many of `pictures` have another label in the first part."""
    other_target: int = 0
    """How many of `pictures` have another label of a target there, such as another expression."""

    @property
    def within(self) -> bool:
        """Whether both are the one part of a tree that has no others."""
        return self.first == self.second


@dataclass(frozen=True)
class Found:
    """How many pictures that were edited in one way are found, as measured: 0 to 1, at mild, medium, strong."""

    edit: str
    whole: tuple[float, float, float]
    """Of whole photos."""
    faces: tuple[float, float, float]
    """Of faces that were cut out of them."""


@dataclass(frozen=True)
class Looked:
    """What an audit looked at, and with what."""

    matcher: str
    sees: str
    cannot_see: str
    embedder: str | None
    """What proposed pairs of faces; None where nothing did."""
    faces_extra: bool
    """Whether an embedder is installed."""
    recall: Sequence[Found]
    """By kind of edit."""
    measured_on: int
    """Photos that `recall` was measured on."""
    measured_with: str
    """The matcher that it was measured with."""
    whole_photos: int
    """Photos that the tree's pictures come from, and that still existed."""
    of_photos: int
    drawn_by: Mapping[str, str]
    """Stage -> what it drew the tree's groups with."""
    groups: Mapping[str, int]
    """Why pictures share a group -> how many pairs of photos, or photos of several pictures, do."""
    crossing: int
    """Pictures whose group, as the tree has it, stands in an earlier part too."""

    def sentences(self) -> list[str]:
        """Return it in words."""
        how = f"Pictures are compared by laying one over the other ({self.matcher})."
        said = [f"{how} That finds {self.sees}. It cannot see {self.cannot_see}."]
        said.append(self._how())
        if self.of_photos:
            of = text.counted(self.of_photos, "photo")
            at_hand = f"Of {of} that the pictures come from, {text.counted(self.whole_photos, 'is', 'are')} available"
            lacking = "" if self.whole_photos == self.of_photos else "; repeats that only the others show are not found"
            said.append(f"{at_hand}, and compared as a whole too{lacking}.")
        else:
            said.append(
                "The pictures are the photos as they were found, or it is not known which photos they come from."
            )
        if self.drawn_by:
            by = text.listed([f"{stage} by {matcher}" for stage, matcher in self.drawn_by.items()])
            said.append(f"The tree's groups were drawn in {by}.")
        if any(self.groups.values()):
            counts = ", ".join(f"{reason} {count:,}" for reason, count in self.groups.items())
            said.append(f"Photos that share a group, by reason: {counts}.")
        if self.crossing:
            said.append(
                f"{text.counted(self.crossing, 'picture is', 'pictures are')} of a group that an earlier part has too."
            )
        return said

    def _how(self) -> str:
        """Return what proposed the pairs that were compared."""
        how = "Local features and shapes suggest the pairs to compare"
        if self.embedder:
            return f"{how}; so do the embeddings of {self.embedder} for faces that `crop` made."
        if self.faces_extra:
            return f"{how}; embeddings do not, because there is no record that `crop` made these pictures."
        return f"{how}; embeddings do not, because the extra `faces` is not installed: strong edits may be missed."


@dataclass(frozen=True)
class AuditReport:
    """All that an audit has to say: `twins` are sorted, the worst first."""

    title: str
    looked: Looked
    overlaps: Sequence[Overlap]
    photos: Sequence[Overlap]
    """The same of the whole photos; empty if none still exists."""
    twins: Sequence[Twins]
    drop: Sequence[str]
    """Paths to leave out of training."""
    left: Mapping[str, int]
    """Reason -> pictures that could not be looked at."""
    weights: Sequence[WeightsCard] = ()
    """Of the pictures of runs, what their models knew before."""


def check(folder: Path) -> None:
    """Refuse a folder of other things. Raises FacekitError."""
    check_ours(folder, "audit", (folder / TABLE).is_file())


def write(folder: Path, audit: AuditReport) -> None:
    """Write `audit.csv`, `report.html` and `drop.txt`. Raises FacekitError for a full disk, or without `jinja2`."""
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / TABLE, COLUMNS, map(_row, audit.twins))
    replace_file(folder / DROP, text.encode("".join(f"{_line(path)}\n" for path in audit.drop)))
    replace_file(folder / PAGE, render(audit, folder).encode())


def render(audit: AuditReport, folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network: the first pairs with their pictures.

    Its links lead from `folder` to the pictures.
    """
    return html.render(
        "audit.html",
        audit=audit,
        plain=len(audit.overlaps) == 1 and audit.overlaps[0].within,
        conflicts=sum(one.conflict for one in audit.twins),
        shown=[
            (
                one,
                [
                    (side, html.thumbnail(side.file, _THUMBNAIL), html.link(side.file, folder))
                    for side in (one.first, one.second)
                ],
            )
            for one in audit.twins[:MOST]
        ],
    )


def _row(twins: Twins) -> list[str]:
    sides = (twins.first, twins.second)
    kind = f"{twins.kind}, whole photos" if twins.whole else twins.kind
    return [*(value for side in sides for value in (side.path, side.part, side.label)), kind]


def _line(path: str) -> str:
    """Return a path for a file of one path a line, in which a line break in a name must not begin another."""
    return text.visible(path) if len(path.splitlines()) > 1 or path.endswith(("\n", "\r")) else path
