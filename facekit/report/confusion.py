"""The confusion matrix, as a table whose cells link to their pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

_STRONG = 0.5
_LARGE = 16
"""Names beyond which cells are small."""

Pair = tuple[int, int]
"""The places of a true and of a predicted label."""


@dataclass(frozen=True)
class Cell:
    """How many pictures of one name were given another, or the same; `opens` where some of them are shown."""

    pair: Pair
    count: int
    title: str
    strong: bool
    """Whether these are most of the pictures of their row."""
    opens: bool

    @property
    def right(self) -> bool:
        """Whether the pictures were named right."""
        return self.pair[0] == self.pair[1]

    @property
    def id(self) -> str:
        """The name of the group of its pictures in the page."""
        return id_of(self.pair)


@dataclass(frozen=True)
class Confusion:
    """The matrix: a row is who is in the picture, a column who the model says it is. None is a cell of no pictures."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]

    @property
    def small(self) -> bool:
        """Whether its cells are small because there are many."""
        return len(self.names) > _LARGE


def confusion(matrix: Sequence[Sequence[int]], names: Sequence[str], shown: Collection[Pair]) -> Confusion:
    """Return the matrix without the names that neither are in a picture nor were answered.

    `shown` are the pairs of which the page has pictures.
    """
    used = [i for i in range(len(matrix)) if any(matrix[i]) or any(row[i] for row in matrix)]
    rows = ((names[i], tuple(_cells(matrix, names, i, used, shown))) for i in used)
    return Confusion(tuple(names[i] for i in used), tuple(rows))


def id_of(pair: Pair) -> str:
    """Return what the group of a cell's pictures is called in the page."""
    return f"taken-{pair[0]}-{pair[1]}"


def _cells(
    matrix: Sequence[Sequence[int]], names: Sequence[str], row: int, used: Sequence[int], shown: Collection[Pair]
) -> Iterator[Cell | None]:
    total = sum(matrix[row])
    for column in used:
        count = matrix[row][column]
        if not count:
            yield None
            continue
        title = f"{names[row]} taken for {names[column]}: {count} of {total}"
        if row == column:
            title = f"{names[row]}: {count} of {total} right"
        yield Cell((row, column), count, title, count / total > _STRONG, (row, column) in shown)
