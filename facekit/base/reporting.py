"""What a stage reports when it is done, and how it shows progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from facekit.base.plain import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that answers what was asked: what there is, and what is missing."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    """Lines below the table, which say what its numbers mean or what to do."""

    def lines(self) -> list[str]:
        """Return the table as lines, head first, with columns of equal width."""
        table = (self.columns, *self.rows)
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]


@dataclass(slots=True)
class Report:
    """What a stage did: what `--json` prints and the closing table shows."""

    stage: str
    folder: str
    made: int = 0
    """Pictures written in this run."""
    kept: int = 0
    """Pictures that the folder holds now."""
    left: Counter[str] = field(default_factory=Counter)
    """Reason -> pictures left out, over all runs on the folder."""
    seconds: float = 0.0
    details: dict[str, Json] = field(default_factory=dict)
    """What only this stage has to say: notices, accuracies, counts by name.

    `lines`, a list of text, is shown instead of the table.
    """
    stages: Sequence[Report] = ()
    """The reports of several stages that this one sums up."""
    listing: Listing | None = None
    """What a terminal shows in place of the `lines` in `details`, which say the same; JSON has the latter."""

    tables: Sequence[Listing] = ()
    """Tables that are shown below the numbers; what they say is in `details` too, for JSON."""
    code: int = 0
    """The exit code, where it is an answer: that of `monitor --fail-on-drift` is 1 where something has changed."""
    counts: bool = True
    """Whether `made` and `kept` mean something: not of a command that scores or compares."""
    next: str = ""
    """What is usually typed next; not in JSON."""
    shown: Sequence[str] = ()
    """The details that a terminal shows, in this order, where it does not show them all."""
    notes: Sequence[str] = ()
    """What a terminal says below the numbers; not in JSON."""

    def __str__(self) -> str:
        """Return what a person wants to know first: the counts, and what else is one number or one word."""
        lines = self.details.get("lines")
        if isinstance(lines, list):
            return "\n".join(map(str, lines))
        left = ", ".join(f"{count:,} {reason}" for reason, count in self.left.most_common())
        counts = f"{self.made:,} new, {self.kept:,} in all, {self.left.total():,} left out" if self.counts else ""
        head = ", ".join(filter(None, (counts + (f" ({left})" if left else ""), f"{self.seconds:.1f} s")))
        rows = {"folder": self.folder, **self.details}
        rest = (f"  {name}: {value}" for name, value in rows.items() if isinstance(value, str | int | float))
        return "\n".join([f"{self.stage}: {head}", *rest])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the same in a notebook, as IPython asks for it."""
        printer.text(str(self))

    def to_dict(self) -> dict[str, Json]:
        """Return plain values for JSON; the reports of stages stand in the details."""
        stages = {"stages": [stage.to_dict() for stage in self.stages]} if self.stages else {}
        return {
            "stage": self.stage,
            "folder": self.folder,
            "made": self.made,
            "kept": self.kept,
            "left": dict(self.left),
            "seconds": self.seconds,
            "details": {**stages, **self.details},
        }


@dataclass(frozen=True, slots=True)
class Board:
    """What the workers of a long stage are doing at one moment, for a person to look at."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    total: tuple[str, ...]
    """The last row: what all of them have done together."""
    line: str
    """The same in one line, for where a table has no place."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """The steps of a loop that may well end before the last of them: its time left is shown as the most it can be."""

    count: int

    def __len__(self) -> int:
        """Return how many steps there are at most."""
        return self.count

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of the steps."""
        return iter(range(self.count))


class Track(Protocol):
    """Progress that wraps a loop: `for record in track(records, "crop", total=90)`."""

    def __call__(
        self, items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
    ) -> Iterator[T]:
        """Yield the items unchanged while showing how far the loop is.

        `board` says what the workers are doing; it is called from another thread, several times a second.
        """
        ...


def quiet(
    items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
) -> Iterator[T]:
    """Be a `Track` that shows nothing."""
    return iter(items)


def telling(track: Track, what: str) -> Track:
    """Return progress whose lines also say what they are of: `embed with dlib, strangers`."""

    def named(
        items: Iterable[T], title: str, total: int | None = None, board: Callable[[], Board] | None = None
    ) -> Iterator[T]:
        return track(items, f"{title}, {what}", total, board)

    return named
