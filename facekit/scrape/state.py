"""What is known of each name: `.scrape.jsonl` beside the manifest, so that a killed run goes on where it was.

Three kinds of line: what a search found, that a picture is about to be kept, that a name is finished. The
second vouches for nothing: a picture is there when the manifest says so. Hidden, so that a folder which
holds nothing else still counts as empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facekit.contract import Source
from facekit.dataset import lines
from facekit.engines import Candidate, State

FILE = ".scrape.jsonl"

PENDING, COLLECTED, DONE, SHORT, BLOCKED, FAILED = "pending", "collected", "done", "short", "blocked", "failed"
FINISHED = (DONE, SHORT)
"""States that a later run leaves as they are; it searches again for names that are blocked or failed."""


@dataclass
class Keyword:
    """One name: its folder, how far it is, and which pictures it has."""

    name: str
    label: str
    state: str = PENDING
    search: str = ""
    """How the search ended: a `State`, or what its browsers died of."""
    candidates: list[Candidate] = field(default_factory=list)
    kept: dict[str, Source] = field(default_factory=dict)
    """Id -> where the picture came from; of finished names only the rank is sure to be known."""


class States:
    """The names of a folder, in the order in which they were first asked for."""

    def __init__(self, root: Path, write: bool = True) -> None:
        self._path, self._write = root / FILE, write
        self.names: dict[str, Keyword] = {}
        if write:
            lines.drop_torn_line(self._path)
        for values in lines.read_lines(self._path, json.loads):
            self._take(values)

    def clear(self) -> None:
        """Forget everything."""
        self.names = {}
        if self._write:
            self._path.unlink(missing_ok=True)

    def searched(self, keyword: Keyword, search: str, candidates: list[Candidate]) -> None:
        """Note what a search found."""
        keyword.state, keyword.search, keyword.candidates = COLLECTED, search, candidates
        found = [_short(candidate) for candidate in candidates]
        self._append(label=keyword.label, name=keyword.name, search=search, candidates=found)

    def keeping(self, keyword: Keyword, source: Source) -> None:
        """Note that a picture is about to be written."""
        keyword.kept[source.origin] = source
        self._append(label=keyword.label, keeps=json.loads(source.to_json()))

    def ended(self, keyword: Keyword, state: str) -> None:
        """Note that nothing more is to be done for a name in this run."""
        keyword.state = state
        self._append(label=keyword.label, name=keyword.name, state=state, search=keyword.search)

    def tidy(self, order: Iterable[Keyword]) -> None:
        """Write each name as one line; finished ones need their candidates no more."""
        self.names = {keyword.label: keyword for keyword in order}
        if self._write:
            lines.replace_lines(self._path, (_line(keyword) for keyword in self.names.values()))

    def _append(self, **values: Any) -> None:
        if self._write:
            lines.append_line(self._path, json.dumps(values, ensure_ascii=False))

    def _take(self, values: dict[str, Any]) -> None:
        label = values["label"]
        keyword = self.names.setdefault(label, Keyword(values.get("name", label), label))
        if "keeps" in values:
            source = Source(**values["keeps"])
            keyword.kept[source.origin] = source
            return
        keyword.search = values.get("search", "")
        keyword.state = values.get("state", COLLECTED)
        if "candidates" in values:
            keyword.candidates = [Candidate(**found) for found in values["candidates"]]
        for id, rank in values.get("ranks", {}).items():
            keyword.kept.setdefault(id, Source(id, rank=rank))


def is_finished(keyword: Keyword) -> bool:
    """Return whether a name needs nothing more, in this run or a later one."""
    return keyword.state in FINISHED


def after(search: str) -> str:
    """Return the state of a name whose search gave no candidates."""
    if search in (State.EMPTY, State.OK, State.SOFT_BLOCK):
        return SHORT
    return BLOCKED if search in (State.BLOCKED, State.CONSENT) else FAILED


def _short(candidate: Candidate) -> dict[str, Any]:
    """Leave out what is empty, and what nothing reads again."""
    values = {key: value for key, value in asdict(candidate).items() if value is not None}
    return {key: value for key, value in values.items() if key not in ("title", "thumbnail")}


def _line(keyword: Keyword) -> str:
    ranks = {id: source.rank for id, source in keyword.kept.items()}
    values: dict[str, Any] = {
        "label": keyword.label,
        "name": keyword.name,
        "state": keyword.state,
        "search": keyword.search,
        "ranks": ranks,
    }
    if not is_finished(keyword):
        values["candidates"] = [_short(candidate) for candidate in keyword.candidates]
    return json.dumps(values, ensure_ascii=False)
