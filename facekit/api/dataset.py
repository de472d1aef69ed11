"""A data set in a program: its records, their pixels, and both as arrays for NumPy, Keras and PyTorch."""

from __future__ import annotations

import difflib
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from copy import copy
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from facekit.api import pixels
from facekit.api.progress import tracking
from facekit.base import plugins
from facekit.base.contract import PARTS, FacekitError, Image, Record, Source, Track
from facekit.base.names import fold
from facekit.base.parallel import ordered_map
from facekit.base.text import counted
from facekit.dataset import Dataset as Tree
from facekit.dataset.inputs import open_tree
from facekit.networks.inputs import as_input

if TYPE_CHECKING:  # neither is loaded before it is asked for
    from facekit.api.keras import Batches
    from facekit.api.torch import Pictures


_OF_PARENTS: list[ExitStack] = []


class _Opened:
    """What was opened; the copy that an archive needs is removed when nobody uses it any more."""

    def __init__(self, folder: Path, track: Track) -> None:
        with ExitStack() as stack:
            self.tree: Tree = stack.enter_context(open_tree(folder, track))
            self._close = weakref.finalize(self, _close, stack.pop_all(), os.getpid())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        """Let another process read the same files, and leave their removal to this one."""
        return _again, (self.tree,)


class Dataset(Sequence[Record]):
    """The pictures of a folder: a sequence of records that say what each picture shows and where it is.

    It opens everything that the commands can read: folders that facekit made; folders with one folder per label;
    `train`, `val` and `test` with such folders in them; a `metadata.jsonl` or `metadata.csv`; a flat folder, as one
    label; a single picture; and a zip or tar of any of these. Several threads and processes can use it at the same
    time.
    """

    def __init__(self, folder: str | PathLike[str], *, progress: bool | Track = False) -> None:
        """Open a folder, a picture or an archive. If facekit did not make the folder, all its files are hashed.

        Raises FacekitError for a folder that does not exist or has no pictures.
        """
        self.folder = Path(os.path.expanduser(folder))  # noqa: PTH111 - Path's own raises for a user who is not there
        """What was opened."""
        with tracking(progress) as track:
            self._opened = _Opened(self.folder, track)
        self._records: Sequence[Record] = self._opened.tree.records
        self.labels: tuple[str, ...] = tuple(self._opened.tree.labels)
        """The labels, sorted. A picture's class is the index of its label. If you `select` a part of the split, all
        labels are kept, so that classes mean the same in each part."""

    @property
    def names(self) -> dict[str, str]:
        """Label -> the person's name as it was given."""
        return {record.label: record.name for record in self._records}

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Record | Dataset:
        return self._with(self._records[index]) if isinstance(index, slice) else self._records[index]

    def __repr__(self) -> str:
        counts = f"{counted(len(self), 'picture')} of {counted(len(self.labels), 'label')}"
        return f"<facekit.Dataset {str(self.folder)!r}: {counts}>"

    def select(
        self,
        label: str | Iterable[str] | None = None,
        split: str | Iterable[str] | None = None,
        where: Callable[[Record], bool] | None = None,
    ) -> Dataset:
        """Return a data set with some of the pictures. Nothing is copied.

        Args:
            label: One or more labels, each the name of a folder or of a person.
            split: One or more of `train`, `test` and `validation`.
            where: A function that is given a record and returns whether to keep it.

        Raises:
            FacekitError: For a label that does not exist, and a part that has no pictures.
        """
        chosen = self
        if label is not None:
            chosen = chosen._of_labels([label] if isinstance(label, str) else label)
        if split is not None:
            chosen = chosen._of_parts([split] if isinstance(split, str) else list(split))
        if where is not None:
            chosen = chosen._with([record for record in chosen._records if where(record)])
        return chosen

    def path(self, record: Record) -> Path:
        """Return the file of a picture. For an archive it is a copy that exists as long as this data set."""
        return self._opened.tree.root / record.path

    def source(self, record: Record) -> Source | None:
        """Return where a picture's photo came from, with its licence and creator; None if this is not known."""
        return self._opened.tree.sources.get(record.origin)

    def image(self, record: Record, size: int | None = None) -> Image:
        """Return a picture's RGB pixels, shape (height, width, 3), dtype uint8.

        With `size`, the shape is (size, size, 3): the picture is made square by repeating its edges, and scaled, as for
        facekit's networks.
        Raises FacekitError for a file that cannot be read.
        """
        image = pixels.read(self.path(record))
        return image if size is None else as_input(image, size)

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The class of each picture, in order: the index of its label in `labels`. Shape (n,)."""
        place = {label: number for number, label in enumerate(self.labels)}
        return np.asarray([place[record.label] for record in self._records], np.int64)

    def to_numpy(self, size: int | None = None, *, jobs: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return all pictures, shape (n, height, width, 3), dtype uint8, and their classes, shape (n,).

        Without `size`, all pictures must have the same size. `jobs` is the number of workers; 0 is one per core.
        Raises FacekitError for pictures of different sizes, for a file that cannot be read, and if there are no
        pictures.
        """
        _check(size=size)
        if not self._records:
            raise FacekitError(f"{self.folder}: no pictures are selected; select some")
        pictures = ordered_map(_Reader(self, size, alike=True), range(len(self)), jobs)
        first = next(pictures)
        found = np.empty((len(self), *first.shape), np.uint8)
        found[0] = first
        for place, image in enumerate(pictures, 1):
            found[place] = image
        return found, self.classes

    def to_keras(
        self, size: int | None = None, *, batch: int = 32, shuffle: bool = False, seed: int = 42, workers: int = 1
    ) -> Batches:
        """Return a `keras.utils.PyDataset` of batches: pictures (batch, height, width, 3), uint8, and classes (batch,).

        Pictures are read when they are needed, by this many `workers` (threads). With `shuffle`, the order is different
        in each epoch; it depends on the seed. Raises FacekitError if Keras is not installed.
        """
        _check(size=size, batch=batch, workers=workers)
        batches: type[Batches] = plugins.resolve("facekit.api.keras:Batches", "to_keras")
        return batches(_Reader(self, size, alike=True), self.classes, batch, shuffle, seed, workers)

    def to_torch(self, size: int | None = None, *, transform: Callable[[Any], Any] | None = None) -> Pictures:
        """Return a `torch.utils.data.Dataset` of pairs: a picture, uint8 tensor (3, height, width), and its class.

        Pictures are read when they are needed. `transform` is applied to each tensor. Raises FacekitError if PyTorch is
        not installed.
        """
        _check(size=size)
        if not plugins.installed("torch"):
            raise FacekitError("to_torch needs PyTorch: pip install torch")
        pictures: type[Pictures] = plugins.resolve("facekit.api.torch:Pictures", "to_torch")
        return pictures(_Reader(self, size), self.classes, transform)

    def _with(self, records: Sequence[Record], labels: Iterable[str] | None = None) -> Dataset:
        other = copy(self)
        other.__dict__.pop("classes", None)
        other._records = records
        if labels is not None:
            other.labels = tuple(labels)
        return other

    def _of_labels(self, asked: Iterable[str]) -> Dataset:
        called = {
            **{fold(name): label for label, name in self.names.items()},
            **{fold(one): one for one in self.labels},
        }
        chosen = {_known(one, called, f"{self.folder} has no label") for one in asked}
        records = [record for record in self._records if record.label in chosen]
        return self._with(records, [label for label in self.labels if label in chosen])

    def _of_parts(self, asked: Sequence[str]) -> Dataset:
        for part in asked:
            _known(part, {one: one for one in PARTS}, "a split has no part")
        records = [record for record in self._records if record.split in asked]
        if not records:
            raise FacekitError(_no_part(self, asked))
        return self._with(records)


class _Reader:
    """Reads pictures of a data set by their places. Threads may share it, and another process may be sent it."""

    def __init__(self, dataset: Dataset, size: int | None, alike: bool = False) -> None:
        """Read at `size`; with `alike`, refuse pictures of several sizes."""
        self._dataset, self._size, self._alike = dataset, size, alike
        self._shape: tuple[int, ...] | None = None

    def __call__(self, place: int) -> Image:
        """Return the picture at a place, shape (height, width, 3). Raises FacekitError."""
        image = self._dataset.image(self._dataset[place], self._size)
        self._shape = self._shape or image.shape
        if self._alike and image.shape != self._shape:
            sizes = " and ".join(f"{width}x{height}" for height, width, _ in (self._shape, image.shape))
            raise FacekitError(
                f"{self._dataset.folder} has pictures of several sizes, {sizes} ({self._dataset[place].path}); "
                "give one, as in size=160"
            )
        return image


def _known(asked: str, known: Mapping[str, str], fault: str) -> str:
    """Return what a name means. Raises FacekitError with the nearest one for a name that is not there."""
    if fold(asked) in known:
        return known[fold(asked)]
    near = difflib.get_close_matches(fold(asked), known, 1)
    few = ", ".join(list(known.values())[:5])
    hint = f"did you mean {known[near[0]]!r}?" if near else f"choose from {few}{', …' if len(known) > 5 else ''}"
    raise FacekitError(f"{fault} {asked!r}; {hint}")


def _no_part(dataset: Dataset, asked: Sequence[str]) -> str:
    if all(record.split is None for record in dataset):
        return f"{dataset.folder} has no split; draw one with facekit.balance, or leave `split` out"
    return f"{dataset.folder} has no pictures in {' or '.join(asked)}; choose another part"


def _check(**numbers: int | None) -> None:
    """Refuse what is no number of pixels, pictures or workers. Raises FacekitError."""
    for name, number in numbers.items():
        if number is not None and not number >= 1:
            raise FacekitError(f"{name} is {number!r}; it must be 1 or more")


def _again(tree: Tree) -> _Opened:
    opened = object.__new__(_Opened)
    opened.tree = tree
    return opened


def _close(stack: ExitStack, owner: int) -> None:
    if os.getpid() == owner:
        stack.close()
    else:  # in a process that was forked from it, where forgetting the stack would close it too
        _OF_PARENTS.append(stack)
