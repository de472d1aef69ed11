"""The options that many commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.cluster.address import address
from facekit.base.errors import FacekitError
from facekit.base.figures import seconds_of
from facekit.base.names import fold
from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Positional, Reads, Section, Short, shown

SPLIT, UNKNOWN, GROUPS = Section("Split"), Section("Known and unknown people"), Section("Scores by group")
"""Headings in the help of more than one command."""

SplitBy = Literal["group", "image", "person"]

PROTOCOLS: Mapping[str, str] = {
    "group": "by photo: no photo is in two parts, nor is anything made from it",
    "person": "by person: no person is in two parts, nor is any photo or anything made from it",
    "image": "by file: copies and children of one photo can be in several parts",
}
"""How a split was drawn -> what that means."""

Kind = Literal["people", "classes"]
"""What labels are: people, of whom a model may meet strangers, or classes, such as expressions, into which all fall."""

License = Literal["any", "open", "commercial"]

STRANGER = "unknown"
"""What a model answers of a face that is of nobody it knows, in place of a label."""

InputFolder = Annotated[
    Path,
    "Folder with one folder of pictures per person, or `-` to read its path from stdin.",
    Aside(),
    Positional(),
    InputPath(piped=True),
]
RunFolder = Annotated[
    Path,
    "Folder of a trained model, or `-` to read its path from stdin.",
    Aside(),
    Positional(),
    InputPath(piped=True),
]
Model = Annotated[
    Path,
    "Folder of a trained model, an ONNX file that `export` made of one, or `-` to read its path from stdin.",
    Aside(),
    Positional(),
    InputPath(piped=True),
]
PeopleTable = Annotated[
    Path | None,
    "CSV with the columns `image,person`, for `--split-by person`; needed if the data set does not record who is in "
    "each picture.",
    InputPath(),
    SPLIT,
]
GroupTable = Annotated[
    Path | None, "CSV for --by, with a column `image` or `label`, and the columns to group by.", InputPath(), GROUPS
]
OutputFolder = Annotated[Path, "Folder to write.", Short("-o"), Aside(), OutputPath(piped=True)]
Cluster = Annotated[
    str | None,
    "Dask cluster that does the work: `dask://HOST:8786`, `tls://HOST:8786`, or `local:N` for N processes of this "
    "machine. All its machines must see the input under the same path.",
    Reads(address),
    Aside(),
]
Batch = Annotated[int, "Batch size.", Limits(1, 8192), Aside()]
Labels = Annotated[
    Kind | None,
    "Whether labels are `people` or `classes`, such as expressions. A model of people can answer `unknown`. By default "
    "people, and classes with `--split-by person`.",
    UNKNOWN,
]
FalsePositives = Limits(1e-4, 0.5)
"""The false positive identification rates that a threshold can be found for."""
Rounds = Annotated[int, "Bootstrap resamples for the 95% intervals; 0 computes none.", Limits(0, 100_000)]


def shares(split: str) -> tuple[float, float, float]:
    """Read `70/20/10` as the shares of train, test and validation, which sum to 1. Raises FacekitError."""
    try:
        train, test, validation = (float(part) for part in split.split("/"))
    except ValueError:
        raise FacekitError(f"--split is {shown(split)}; give three shares like 70/20/10") from None
    if min(train, test, validation) < 0 or train <= 0 or abs(train + test + validation - 100) > 1e-6:
        raise FacekitError(f"--split is {shown(split)}; the shares must sum to 100, and train's be above 0")
    return train / 100, test / 100, validation / 100


def refuse_people(people: Path | None, split_by: str) -> None:
    """Refuse a table of people that nothing would be split by. Raises FacekitError."""
    if people is not None and split_by != "person":
        raise FacekitError(
            f"--people-from is for --split-by person, and --split-by is {split_by}; give --split-by person"
        )


def kind_of(labels: Kind | None, protocol: str) -> Kind:
    """Return what labels are: as said, else people, unless the split keeps people apart.

    Raises FacekitError for people whose split keeps people apart: of each, all pictures are in one part.
    """
    if labels == "people" and protocol == "person":
        raise FacekitError(
            "--labels people does not go with a split by person, which has nobody in two parts; give --labels classes"
        )
    return labels or ("classes" if protocol == "person" else "people")


def is_stranger(label: str) -> bool:
    """Return whether a label reads like what a model answers of strangers."""
    return fold(label) == STRANGER


def refuse_table(table: Path | None, by: str | None) -> None:
    """Refuse a table if no column of it is requested. Raises FacekitError."""
    if table is not None and by is None:
        raise FacekitError("--table is only read for --by; give --by COLUMN as well")


SplitShares = Annotated[str, "Shares of train/test/validation, in percent.", Reads(shares), SPLIT]


@dataclass(frozen=True, kw_only=True)
class Stage(Options):
    """A command that makes one folder from another."""

    in_recipes = True
    goes_on = True
    objects = True

    input: InputFolder
    output: OutputFolder


def read_age(text: str) -> int:
    """Return the seconds of `--older-than`. Raises FacekitError for what is no length of time."""
    try:
        return seconds_of(text)
    except FacekitError as error:
        raise FacekitError(f"--older-than: {error}") from None
