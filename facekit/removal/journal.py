"""The journal of a removal: what goes is on disk before anything is changed, so that a killed removal can be finished.

It holds the name that was asked for, and hashes; it is deleted when the receipt is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facekit.base import files, plain
from facekit.base.contract import FacekitError
from facekit.removal.kinds.base import Gone, Part
from facekit.removal.targets import Targets

_MOST = 256 << 20
"""Bytes of a line."""


@dataclass
class Plan:
    """What was found to go, as the first run saw it."""

    asked: Mapping[str, Any]
    at: str
    id: str
    targets: Targets
    digests: dict[str, str] = field(default_factory=dict)
    learned: list[str] = field(default_factory=list)
    trained_on: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


class Journal:
    """The journal of one request, in the folder of receipts."""

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        """`asked` is what was asked for: the same again goes on with what was begun."""
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode(errors="surrogateescape")).hexdigest()[:16]
        self.file = folder / f".forget-{key}.journal"
        self.id = key

    def read(self) -> tuple[Plan, dict[str, str]] | None:
        """Return the plan of a removal that was begun, and place -> what became of it so far; None where none was.

        One whose plan was not whole on disk has changed nothing. Raises FacekitError for a file that cannot be read.
        """
        lines = list(self._lines())
        if not any(line.get("begins") for line in lines):
            self.delete()
            return None
        head = next(line for line in lines if "asked" in line)
        parts = [_part(line["part"]) for line in lines if "part" in line]
        done = {line["done"]: line.get("became", "") for line in lines if "done" in line}
        targets = Targets.from_plain(head["targets"])
        return Plan(**{**head, "targets": targets, "parts": parts}), done

    def begin(self, plan: Plan) -> None:
        """Write the plan, whole or not at all."""
        head = {**vars(plan), "targets": plan.targets.to_plain(), "parts": []}
        lines = [head, *({"part": asdict(part)} for part in plan.parts), {"begins": True}]
        data = "".join(f"{plain.dump(line)}\n" for line in lines).encode()
        with files.guarded(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
        files.replace_file(self.file, data, private=True)

    def done(self, place: str, became: str = "") -> None:
        """Note that a place is done."""
        files.append_line(self.file, plain.dump({"done": place, "became": became}))

    def delete(self) -> None:
        """Delete the journal."""
        files.delete(self.file)

    def _lines(self) -> Iterator[dict[str, Any]]:
        files.drop_torn_line(self.file)
        try:
            yield from files.iterate_lines(self.file, dict[str, Any], limit=_MOST)
        except FacekitError as error:
            raise FacekitError(f"{error}; to begin anew, delete the file and type the same again") from None


def _part(values: Mapping[str, Any]) -> Part:
    return Part(**{**values, "pictures": [Gone(**one) for one in values["pictures"]]})
