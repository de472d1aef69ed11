"""A search for settings, and a comparison: their one split, and on which data set they were begun."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from facekit.base import files
from facekit.base.contract import Record
from facekit.dataset.records import own_file, read_split
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.kinds.trees import clean
from facekit.removal.targets import Targets
from facekit.runs import MODEL, SPLIT

STATES = ("tune.json", "compare.json")
"""What `tune` and `compare` keep in their folders; a test compares the names."""

_MOST = 256 << 20


class Searches(Kind):
    """The folders of `tune` and `compare`; the runs inside are models like any other."""

    name = "search or comparison"
    written_by: ClassVar = (
        *("facekit.commands.tune.folder", "facekit.commands.compare.folder", "facekit.training.search.study"),
        "facekit.commands.tune.stage",
    )
    order = 5

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A folder with a split and the state of either."""
        if SPLIT in entries and MODEL not in entries and any(state in entries for state in STATES):
            yield folder

    def spread(self, place: Path, targets: Targets) -> None:
        """Add the pictures that the split knows by their origins."""
        for record in read_split(place / SPLIT):
            targets.add(record)

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the lines of the split that go."""
        going = [record for record in read_split(place / SPLIT) if doing.targets.of(record)]
        pictures = [Gone(record.path, record.sha256, record.origin) for record in going]
        return Part(self.name, str(place), {"lines": len(going)}, pictures) if going else None

    def remove(self, place: Path, doing: Doing) -> None:
        """Write the split without them, and the digest that the data set has now."""
        stay: list[Record] = [one for one in read_split(place / SPLIT) if not doing.targets.of(one)]
        lines = [clean(one, doing.targets).to_json() for one in stay]
        files.replace_lines(place / SPLIT, lines)
        for name in STATES:
            if (place / name).exists():
                said = files.read_json(own_file(place / name), dict[str, Any], _MOST)
                _redated(said, doing)
                files.write_json(place / name, said)

    def locked(self, place: Path) -> AbstractContextManager[None]:
        """Hold the folder as the command does."""
        return files.locked(place)


def _redated(said: dict[str, Any], doing: Doing) -> None:
    """Put the digest of a data set without what goes in place of the one with it."""
    dataset = said.get("dataset")
    if isinstance(dataset, dict) and dataset.get("digest") in doing.digests:
        dataset["digest"] = doing.digests[dataset["digest"]]
